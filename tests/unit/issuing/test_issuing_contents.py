"""A proposal as the content of a document, checked by the two that read it: the ledger and the renderer."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.configuration.schema import Configuration
from orchestration.configuration.validate import read_configuration
from orchestration.documents.content import Document
from orchestration.errors import ChargehouseError
from orchestration.issuing.contents import content_of, credit_draws_of
from orchestration.issuing.proposals import Proposal
from orchestration.issuing.provenance import Delivery, Origins, PeriodSources
from orchestration.ledger.contents import canonical_bytes
from orchestration.ledger.issuing import IssueRequest, check_request
from orchestration.sample.install import write_example_configuration

_SEPTEMBER = date(2026, 9, 1)
_TODAY = date(2026, 10, 5)


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    write_example_configuration(tmp_path)
    return read_configuration(tmp_path)


@pytest.fixture
def origins(configuration: Configuration) -> Origins:
    return PeriodSources(configuration, _SEPTEMBER, [], "1", "run").origins("kranich", [Delivery("9", "d", "f")])


def _share(net: str, credit: str = "0") -> dict[str, Decimal]:
    # As the models have them: four decimals whatever the currency.
    return {"net_amount": Decimal(f"{net}00"), "credit_amount": Decimal(credit)}


def _category(rate: str = "19.0000") -> dict[str, Any]:
    return {"tax_category": "S", "tax_name": "USt", "tax_rate": Decimal(rate), "exemption_reason": ""}


def _proposal(**changes: Any) -> Proposal:
    """100.00 less 40.00 of a credit at 19 %, and 5.00 of AWS's tax passed on."""
    usage, tax = {"invoice_line_key": "usage"}, {"invoice_line_key": "tax"}
    whole = Proposal(
        billing_period=_SEPTEMBER,
        billing_group_id="kranich",
        kind="invoice",
        revision=0,
        reference_number=None,
        currency="EUR",
        minor_units=2,
        draft_hash="h",
        net_amount=Decimal("100.0000"),
        total_amount=Decimal("76.4000"),
        is_approved=True,
        refusals=(),
        header={
            "fx_rate": Decimal("0.8529000000"),
            "fx_source": "ECB",
            "rounding_difference": Decimal("-0.0012340000000000000000000000000001"),
        },
        lines=[
            {
                **usage,
                **_share("100.00", "-40.0000"),
                "line_kind": "usage",
                "source_id": "",
                "service_code": "AmazonEC2",
                "description": "EC2, usage",
                "exact_amount_usd": Decimal("117.248212000000000000000000"),
            },
            {
                **tax,
                **_share("5.00"),
                "line_kind": "aws_tax",
                "source_id": "",
                "service_code": "",
                "description": "Tax charged by AWS",
                "exact_amount_usd": Decimal("5.86"),
            },
        ],
        accounts=[
            {**usage, "sub_account_id": "1", **_share("60.00", "-40.0000")},
            {**usage, "sub_account_id": "2", **_share("40.00")},
            {**tax, "sub_account_id": "1", **_share("5.00")},
        ],
        parts=[
            {**usage, **_category(), **_share("100.00", "-40.0000")},
            {**tax, **_category("0"), "tax_category": "O", "tax_name": "", **_share("5.00")},
        ],
        taxes=[{**_category(), "taxable_amount": Decimal("60.0000"), "tax_amount": Decimal("11.4000")}],
        draws=[
            {
                **usage,
                "credit_id": "c",
                "sub_account_id": "1",
                "service_code": "AmazonEC2",
                "amount": Decimal("-40.0000"),
            }
        ],
        credits=[
            {
                "credit_id": "c",
                "description": "Welcome",
                "amount": Decimal("-40.0000"),
                "balance_after": Decimal("60.0000"),
            }
        ],
        usage=[
            {
                **usage,
                "usage_type": "BoxUsage",
                "usage_quantity": Decimal("720.0000000000"),
                "usage_unit": "Hrs",
                "amount_usd": Decimal("117.2482120000"),
            }
        ],
        deliveries=[Delivery("9", "d", "f")],
    )
    return replace(whole, **changes)


def _checked(content: dict[str, Any], proposal: Proposal, number: str) -> Document:
    """Let the ledger check the content, and the renderer parse it with the number that the ledger would give."""
    check_request(IssueRequest(proposal.draft, content, credit_draws_of(proposal)), _TODAY)
    return Document.parse(canonical_bytes({**content, "number": number}))


def test_ledger_and_renderer_take_an_invoice(configuration: Configuration, origins: Origins) -> None:
    proposal = _proposal()
    document = _checked(content_of(proposal, origins, configuration, [], _TODAY), proposal, "BWEU-2026-000001")
    assert document.customer.legal_name == "Kranich Logistik AG"
    assert document.issuer.issuer_id == "brightwater-eu"
    assert (document.due_date, document.tax_point) == (date(2026, 10, 19), date(2026, 9, 30))
    assert (document.service_period_start, document.service_period_end) == (date(2026, 9, 1), date(2026, 9, 30))
    assert document.fx is not None
    assert (document.fx.rate, document.fx.source) == (Decimal("0.8529"), "ECB")
    # AWS's tax stands in the tax (T1), and the credit lowers the base (T5).
    assert document.totals.net_amount == Decimal("100.00")
    assert document.totals.tax_amount == Decimal("16.40")
    assert document.totals.total_amount == Decimal("76.40")
    assert document.provenance.draft_hash == "h"


def test_amounts_are_written_with_the_decimals_of_the_currency(configuration: Configuration, origins: Origins) -> None:
    content = content_of(_proposal(), origins, configuration, [], _TODAY)
    line = content["lines"][0]
    assert (line["net_amount"], line["credit_amount"], line["exact_amount_usd"]) == ("100.00", "-40.00", "117.248212")
    assert line["parts"][0]["tax_rate"] == "19"
    assert line["usage"][0]["usage_quantity"] == "720"
    # All 34 decimals of M7.
    assert content["totals"]["rounding_difference"] == "-0.0012340000000000000000000000000001"
    with pytest.raises(ChargehouseError, match=r"holds 0\.005, which is not rounded to EUR"):
        content_of(
            _proposal(taxes=[{**_category(), "taxable_amount": Decimal("0.005"), "tax_amount": Decimal(0)}]),
            origins,
            configuration,
            [],
            _TODAY,
        )


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_correction_takes_parties_and_rate_from_its_original(
    configuration: Configuration, origins: Origins, is_gone: bool
) -> None:
    first = content_of(_proposal(), origins, configuration, [], _TODAY)
    first = {**first, "number": "BWEU-2026-000001", "issue_date": "2026-10-05"}
    first["customer"] = {**first["customer"], "legal_name": "Kranich before its merger"}
    # The group may be another customer's by now; the document stays between its own parties.
    configuration = replace(
        configuration,
        billing_groups=tuple(
            replace(group, customer_id="lumen") if group.billing_group_id == "kranich" else group
            for group in configuration.billing_groups
        ),
        customers=tuple(row for row in configuration.customers if not is_gone or row.customer_id != "kranich"),
    )
    second = content_of(_proposal(), origins, configuration, [], _TODAY)
    second["totals"] = {**second["totals"], "rounding_difference": "0.5"}
    gone = {"invoice_line_key": "usage"}
    proposal = _proposal(
        kind="credit_note",
        revision=2,
        reference_number="BWEU-2026-000001",
        header=None,
        net_amount=Decimal("-100.0000"),
        total_amount=Decimal("-71.4000"),
        lines=[
            {
                **gone,
                **_share("-100.00", "40.0000"),
                "line_kind": "usage",
                "source_id": "",
                "service_code": "AmazonEC2",
                "description": "EC2, usage",
                "exact_amount_usd": Decimal("-117.248212"),
            }
        ],
        accounts=[
            {**gone, "sub_account_id": "1", **_share("-60.00", "40.0000")},
            {**gone, "sub_account_id": "2", **_share("-40.00")},
        ],
        parts=[{**gone, **_category(), **_share("-100.00", "40.0000")}],
        taxes=[{**_category(), "taxable_amount": Decimal("-60.0000"), "tax_amount": Decimal("-11.4000")}],
        draws=[{**gone, "credit_id": "c", "sub_account_id": "1", "service_code": "AmazonEC2", "amount": Decimal("40")}],
        credits=[{"credit_id": "c", "description": "c", "amount": Decimal("40"), "balance_after": Decimal("100")}],
        usage=[],
    )
    content = content_of(proposal, origins, configuration, [first, second], _TODAY)
    document = _checked(content, proposal, "BWEU-CN-2026-000001")
    assert document.reference is not None
    assert (document.reference.number, document.reference.issue_date) == ("BWEU-2026-000001", date(2026, 10, 5))
    # As they are called now, unless nobody knows.
    assert document.customer.customer_id == "kranich"
    assert document.customer.legal_name == ("Kranich before its merger" if is_gone else "Kranich Logistik AG")
    assert document.fx is not None
    assert document.fx.rate == Decimal("0.8529")
    assert [(line.charge_class, line.cause) for line in document.lines] == [
        (
            "Correction",
            "No delivery or configuration of its own: AWS's price lists, or groups that it shares costs with",
        )
    ]
    assert document.totals.rounding_difference == Decimal("-0.4987659999999999999999999999999999")


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"net_amount": None, "total_amount": None}, "exchange rate"),
        (
            {"parts": [{"invoice_line_key": "usage", **_category(), "tax_category": None, **_share("100.00")}]},
            "tax rate",
        ),
    ],
)
def test_without_a_rate_there_is_nothing_to_write_down(
    configuration: Configuration, origins: Origins, changes: dict[str, Any], missing: str
) -> None:
    with pytest.raises(ChargehouseError, match=f"has no amounts without the {missing}"):
        content_of(_proposal(**changes), origins, configuration, [], _TODAY)
