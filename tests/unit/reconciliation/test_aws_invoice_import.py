"""AWS's list of its invoices into aws_invoices.csv (X4)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestration.configuration.validate import read_configuration
from orchestration.errors import AwsInvoiceError
from orchestration.reconciliation.aws_invoices import import_aws_invoices
from orchestration.sample.install import write_example_configuration

PAYER, OTHER = "318204765091", "256039471182"


@pytest.fixture
def billing(tmp_path: Path) -> Path:
    folder = tmp_path / "billing"
    write_example_configuration(folder)
    assert {PAYER, OTHER} <= {row.payer_account_id for row in read_configuration(folder).payers}
    return folder


@pytest.fixture
def answer(tmp_path: Path) -> Callable[..., Path]:
    """Write an answer of list-invoice-summaries, or any other text."""

    def write(content: object, name: str = "answer.json") -> Path:
        file = tmp_path / name
        file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return file

    return write


def summary(invoice_id: str, total: object, **fields: Any) -> dict[str, Any]:
    return {
        "AccountId": PAYER,
        "InvoiceId": invoice_id,
        "IssuedDate": "2026-09-03T00:00:00+00:00",
        "BillingPeriod": {"Month": 8, "Year": 2026},
        "InvoiceType": "INVOICE",
        "OriginalInvoiceId": "",
        "BaseCurrencyAmount": {"TotalAmount": total, "TotalAmountBeforeTax": "1", "CurrencyCode": "USD"},
        "PaymentCurrencyAmount": {"TotalAmount": "999", "CurrencyCode": "EUR"},
        **fields,
    }


HEADER = "payer_account_id,invoice_id,billing_period,total_amount,currency\n"


def test_the_total_of_the_base_currency_is_taken_with_our_sign(billing: Path, answer: Callable[..., Path]) -> None:
    # A credit memo that AWS prints without a sign would be an invoice; the payment's currency is not that of the rows.
    file = answer(
        {
            "InvoiceSummaries": [
                summary("E1", "2217.86"),
                summary("E2", "3.84", InvoiceType="CREDIT_MEMO"),
                summary("E3", "-3.85", InvoiceType="CREDIT_MEMO", AccountId=OTHER),
                summary("E4", "2217.86", InvoiceType="PAYMENT_RECEIPT"),
            ]
        }
    )
    done = import_aws_invoices([file], billing)
    assert done.receipt_count == 1
    assert (billing / "aws_invoices.csv").read_text(encoding="utf-8") == (
        HEADER + f"{PAYER},E1,2026-08,2217.86,USD\n{PAYER},E2,2026-08,-3.84,USD\n{OTHER},E3,2026-08,-3.85,USD\n"
    )
    assert [row.invoice_id for row in read_configuration(billing).aws_invoices] == ["E1", "E2", "E3"]


def test_importing_again_adds_nothing_and_keeps_every_byte(billing: Path, answer: Callable[..., Path]) -> None:
    # Windows line ends, other column order, no line end at the end of the file: it is the user's file.
    file = billing / "aws_invoices.csv"
    kept = f"invoice_id,payer_account_id,currency,billing_period,total_amount\r\nE1,{PAYER},USD,2026-08,10.0"
    file.write_bytes(kept.encode())
    given = answer([summary("E1", "10.00"), summary("E2", "20.005"), summary("E2", "20.0050")])
    done = import_aws_invoices([given, given], billing)
    assert (len(done.added), done.known_count) == (1, 2)
    after = file.read_bytes()
    assert after == f"{kept}\r\nE2,{PAYER},USD,2026-08,20.005\r\n".encode()
    assert [str(row.total_amount.normalize()) for row in read_configuration(billing).aws_invoices] == ["1E+1", "20.005"]
    again = import_aws_invoices([given], billing)
    assert (again.added, again.known_count) == ((), 3)
    assert file.read_bytes() == after


def test_money_never_passes_through_a_float(billing: Path, answer: Callable[..., Path]) -> None:
    text = json.dumps({"InvoiceSummaries": [summary("E1", "AMOUNT")]}).replace('"AMOUNT"', "123456789012.1234567891")
    (row,) = import_aws_invoices([answer(text)], billing).added
    assert str(row.total_amount) == "123456789012.1234567891"


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param(
            [{"InvoiceSummaries": [summary("E1", "1")], "NextToken": "x"}, {"InvoiceSummaries": []}], id="list"
        ),
        pytest.param(
            json.dumps({"InvoiceSummaries": [summary("E1", "1")], "NextToken": "x"})
            + "\n"
            + json.dumps({"InvoiceSummaries": []}),
            id="one after the other",
        ),
        pytest.param([summary("E1", "1")], id="bare list"),
    ],
)
def test_pages_in_any_form(pages: object, billing: Path, answer: Callable[..., Path]) -> None:
    assert [row.invoice_id for row in import_aws_invoices([answer(pages)], billing).added] == ["E1"]


def test_payer_of_the_deliveries_can_be_named(billing: Path, answer: Callable[..., Path]) -> None:
    file = answer([summary("E1", "1", AccountId="999999999999")])
    with pytest.raises(AwsInvoiceError, match=r"'999999999999' is not in payers\.csv"):
        import_aws_invoices([file], billing)
    (row,) = import_aws_invoices([file], billing, payer=PAYER).added
    assert row.payer_account_id == PAYER


def test_every_problem_at_once_and_nothing_changed(billing: Path, answer: Callable[..., Path]) -> None:
    (billing / "aws_invoices.csv").write_text(f"{HEADER}{PAYER},E0,2026-08,5.00,USD\n", encoding="utf-8")
    file = answer(
        {
            "InvoiceSummaries": [
                summary("E0", "5.01"),
                summary("E1", "1,000.00"),
                summary("E2", "1", BillingPeriod={"Month": 13, "Year": 2026}),
                summary("", "1"),
                summary("E4", "1", InvoiceType="PROFORMA"),
                summary("E5", None),
                summary("E6", "1", BaseCurrencyAmount={"TotalAmount": "1", "CurrencyCode": "usd"}),
                summary("E7", "1"),
                summary("E7", "2"),
                "E8",
            ]
        }
    )
    before = (billing / "aws_invoices.csv").read_bytes()
    with pytest.raises(AwsInvoiceError) as raised:
        import_aws_invoices([file, answer("{", "broken.json"), answer({"Invoices": []}, "other.json")], billing)
    said = [str(problem) for problem in raised.value.problems]
    for wanted in (
        "$.InvoiceSummaries[0]: 'E0: 5.01 USD of 2026-08' is 5 USD of 2026-08 in aws_invoices.csv line 2. ",
        "$.InvoiceSummaries[1].BaseCurrencyAmount.TotalAmount: '1,000.00' is no amount",
        "$.InvoiceSummaries[2].BillingPeriod: ",
        "$.InvoiceSummaries[3].InvoiceId: '' is no invoice id",
        "$.InvoiceSummaries[4].InvoiceType: 'PROFORMA' is none of INVOICE, CREDIT_MEMO, PAYMENT_RECEIPT",
        "$.InvoiceSummaries[5].BaseCurrencyAmount.TotalAmount: is no amount",
        "$.InvoiceSummaries[6].BaseCurrencyAmount.CurrencyCode: 'usd' is no currency",
        "$.InvoiceSummaries[8]: 'E7: 2 USD of 2026-08' is 1 USD of 2026-08 in another place of the files. ",
        "$.InvoiceSummaries[9]: 'E8' is no invoice summary",
        "broken.json: is not JSON",
        "other.json, $: ",
    ):
        assert sum(wanted in line for line in said) == 1, (wanted, said)
    assert len(said) == 11
    assert (billing / "aws_invoices.csv").read_bytes() == before


def test_a_list_that_goes_on_is_refused(billing: Path, answer: Callable[..., Path]) -> None:
    # Half a list would show the other half as invoices that AWS never sent.
    file = answer({"InvoiceSummaries": [summary("E1", "1")], "NextToken": "more"})
    with pytest.raises(AwsInvoiceError, match="goes on with a NextToken"):
        import_aws_invoices([file], billing)
    assert not (billing / "aws_invoices.csv").exists()
