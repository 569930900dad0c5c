"""What happens to issued months: restated by AWS, priced again by us, refunded, configured otherwise (D3 to D6, K4).

Each case goes all the way: issue, change, run, look at what is proposed, issue it, run again, and nothing is left. A
run takes many seconds, so that groups with a case each go through the same months.
"""

import json
import shutil
from decimal import Decimal
from typing import Any

import pytest

from orchestration.issuing.desk import Outcome
from orchestration.issuing.verification import verify_documents
from orchestration.ledger.ledger import Ledger
from orchestration.runs import run_new
from orchestration.settings import Workspace
from tests.integration.resellers import FEBRUARY, JANUARY, Reseller

pytestmark = pytest.mark.slow

_RATE = {
    **{"issuer_country_code": "US", "customer_country_code": "US", "customer_tax_id": "any", "tax_class": "standard"},
    **{"tax_category": "S", "tax_name": "Sales tax", "rate": "21", "start_date": "2020-01-01"},
}


def _issued(outcomes: list[Outcome]) -> dict[str, tuple[str, str]]:
    assert {outcome.state for outcome in outcomes} <= {"issued"}, outcomes
    return {outcome.billing_group_id: (outcome.number, f"{outcome.total_amount:f}") for outcome in outcomes}


def _decimals(*amounts: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, amounts))


def _is_sound(workspace: Workspace) -> bool:
    with Ledger.open(workspace) as ledger:
        return verify_documents(workspace, ledger).is_sound


def test_g56_g58_g59_g60_g61_g62_g76_golden_corrections(workspace: Workspace) -> None:
    """Each with its own numbers: a late refund, the same facts again, a corrected price, notes in thirds, a rate."""
    books = Reseller(
        workspace,
        {
            "refunded": {},
            "withheld": {"refund_policy": "withhold"},
            "repriced": {"tax_policy": "none"},
            "thirds": {"country_code": "DE"},
            "euro": {"currency": "EUR", "tax_policy": "none"},
            "accounted": {"currency": "EUR", "country_code": "DE"},
        },
    )
    books.write("tax_rates", [_RATE, {**_RATE, "customer_country_code": "DE", "rate": "19"}])
    books.change("issuers", "issuer", currency="PLN")
    rate = {"period": "2024-01", "from_currency": "USD", "to_currency": "EUR", "source": "ECB"}
    zloty = {"period": "2024-01", "from_currency": "EUR", "to_currency": "PLN", "rate": "4.3210", "source": "NBP"}
    books.write("fx_rates", [{**rate, "rate": "0.9234"}, zloty])

    month = [
        *(books.usage(group, "200.00") for group in ("refunded", "withheld")),
        *(books.usage(group, "1000.00") for group in ("repriced", "euro")),
        # At 0.9234 it is 100.00 EUR.
        books.usage("accounted", "108.30"),
    ]
    refunds = [books.refund(group, "-30.00") for group in ("refunded", "withheld")]
    books.deliver([*month, books.usage("thirds", "10.00")])
    run_new(workspace)
    margin = (
        "select sum(aws_cost), sum(billed_cost) from marts.fct_charges where billing_group_id = 'withheld' "
        "and (treatment = 'billed' or charge_type = 'refund')"
    )
    assert books.query(margin) == [_decimals("200", "200")]

    # G61: drafts have no number; they get theirs in the order of issue.
    assert books.query("select distinct invoice_number from marts.fct_invoices") == [(None,)]
    assert _issued(books.issue(group="thirds")) == {"thirds": ("RS-2024-000001", "11.90")}
    assert _issued(books.issue(group="refunded")) == {"refunded": ("RS-2024-000002", "242.00")}
    # Nobody configured a rate from dollars to the issuer's zloty.
    withheld = books.issue(group="withheld")
    assert _issued(withheld) == {"withheld": ("RS-2024-000003", "242.00")}
    assert withheld[0].reason.startswith("its tax is not stated in PLN, the issuer's accounting currency")
    assert _issued(books.issue()) == {
        "accounted": ("RS-2024-000004", "119.00"),
        "euro": ("RS-2024-000005", "923.40"),
        "repriced": ("RS-2024-000006", "1000.00"),
    }
    # G56: VAT of 19.00 EUR is 82.10 PLN (BT-111); every other amount is in EUR.
    xml = (workspace.document_folder("2024-01") / "RS-2024-000004.xml").read_text(encoding="utf-8")
    assert '<ram:TaxTotalAmount currencyID="EUR">19.00</ram:TaxTotalAmount>' in xml
    assert '<ram:TaxTotalAmount currencyID="PLN">82.10</ram:TaxTotalAmount>' in xml
    assert xml.count('currencyID="PLN"') == 1

    # G59: the same facts in a new delivery with other line ids. G76: another rate, which an issued month never takes.
    books.deliver([*month, books.usage("thirds", "10.00")])
    books.write("fx_rates", [{**rate, "rate": "0.9300"}, {**zloty, "rate": "5"}])
    run_new(workspace)
    assert books.query("select * from marts.fct_document_differences") == []
    assert books.issue() == []
    assert books.query("select fx_rate, total_amount from marts.fct_invoices where billing_group_id = 'euro'") == [
        _decimals("0.9234", "923.40")
    ]

    # G58: a late refund, passed on or withheld. G60: 1,000 at a corrected price is 990. G62: 10.00 less 3.33.
    books.deliver([*month, *refunds, books.usage("thirds", "6.67")])
    for group in ("repriced", "euro"):
        books.change("pricing_rules", f"price of {group}", percentage="1")
    run_new(workspace)
    assert books.proposed() == {
        "refunded": ("credit_note", *_decimals("-30.00", "0", "-6.30")),
        "repriced": ("credit_note", *_decimals("-10.00", "0", "0")),
        "thirds": ("credit_note", *_decimals("-3.33", "0", "-0.63")),
        "euro": ("credit_note", *_decimals("-9.23", "0", "0")),
    }
    # Withheld, the refund is margin: AWS took 30 less and the customer pays what was issued.
    assert books.query(margin) == [_decimals("170", "200")]
    assert _issued(books.issue()) == {
        "euro": ("RS-CN-2024-000001", "-9.23"),
        "refunded": ("RS-CN-2024-000002", "-36.30"),
        "repriced": ("RS-CN-2024-000003", "-10.00"),
        "thirds": ("RS-CN-2024-000004", "-3.96"),
    }
    run_new(workspace)
    assert books.proposed() == {}
    assert books.issue() == []
    assert books.query(
        "select number, reference_number, fx_rate from marts.fct_documents where number like 'RS-CN%' order by all"
    ) == [
        ("RS-CN-2024-000001", "RS-2024-000005", Decimal("0.9234")),
        ("RS-CN-2024-000002", "RS-2024-000002", Decimal("1")),
        ("RS-CN-2024-000003", "RS-2024-000006", Decimal("1")),
        ("RS-CN-2024-000004", "RS-2024-000001", Decimal("1")),
    ]
    assert books.query(
        "select line_kind, charge_class, net_amount from marts.fct_document_lines where number = 'RS-CN-2024-000002'"
    ) == [("refund", "Correction", Decimal("-30.00"))]

    # G60: later 995. G62: less another 3.33, whose tax is 0.64, since 3.34 at 19 % are 0.63.
    books.deliver([*month, *refunds, books.usage("thirds", "3.34")])
    books.change("pricing_rules", "price of repriced", percentage="0.5")
    run_new(workspace)
    assert _issued(books.issue()) == {
        "repriced": ("RS-2024-000007", "5.00"),
        "thirds": ("RS-CN-2024-000005", "-3.97"),
    }
    # G62: and the last 3.34. D3: the warehouse may be gone meanwhile.
    books.deliver([*month, *refunds])
    shutil.rmtree(workspace.warehouse)
    run_new(workspace)
    assert books.proposed() == {"thirds": ("credit_note", *_decimals("-3.34", "0", "-0.63"))}
    assert _issued(books.issue()) == {"thirds": ("RS-CN-2024-000006", "-3.97")}
    run_new(workspace)
    assert books.proposed() == {}
    books.assert_documents_are_the_truth()
    assert books.query(
        "select billing_group_id, sum(net_amount), sum(tax_amount) from marts.fct_documents group by all order by all"
    ) == [
        ("accounted", *_decimals("100.00", "19.00")),
        ("euro", *_decimals("914.17", "0")),
        ("refunded", *_decimals("170.00", "35.70")),
        ("repriced", *_decimals("995.00", "0")),
        ("thirds", *_decimals("0.00", "0.00")),
        ("withheld", *_decimals("200.00", "42.00")),
    ]
    # G61: no gap in any series.
    assert _is_sound(workspace)


_CREDIT = {
    **{"start_date": "2024-01-01", "end_date": "2024-03-01", "eligible_services": "*", "covers_fees": "false"},
    "status": "Active",
}
_RESTATED = "Restatement by AWS: delivery"


def test_a_month_restated_repriced_and_refunded(workspace: Workspace) -> None:
    """In turn, then all at once: the documents of two customers sum to the new truth, credits and tax included."""
    books = Reseller(workspace, {"dollar": {}, "dinar": {"country_code": "KW", "currency": "KWD"}})
    books.write("tax_rates", [_RATE, {**_RATE, "customer_country_code": "KW", "rate": "5", "tax_name": "VAT"}])
    books.write(
        "fx_rates",
        [{"period": "2024-01", "from_currency": "USD", "to_currency": "KWD", "rate": "0.307533", "source": "CBK"}],
    )
    books.write(
        "credits",
        [
            {**_CREDIT, "credit_id": "hello", "billing_group_id": "dollar", "amount": "150", "currency": "USD"},
            {**_CREDIT, "credit_id": "ahlan", "billing_group_id": "dinar", "amount": "40.125", "currency": "KWD"},
        ],
    )

    def month(ec2: str, s3: str, dinar: str) -> list[dict[str, str]]:
        return [
            books.usage("dollar", ec2),
            books.usage("dollar", s3, lineItem_ProductCode="AmazonS3"),
            books.usage("dinar", dinar),
        ]

    def corrected(restated: bool, configuration: str, **kinds: str) -> None:
        """Run, issue what is proposed, run again; check its kind and cause, and that nothing is left."""
        run_new(workspace)
        assert {group: found[0] for group, found in books.proposed().items()} == kinds
        for number, _ in _issued(books.issue()).values():
            (cause,) = books.causes(number)
            assert (_RESTATED in cause, cause.partition("Configuration: ")[2]) == (restated, configuration)
        run_new(workspace)
        assert books.proposed() == {}
        assert books.issue() == []
        books.assert_documents_are_the_truth()

    first = month("100.00", "80.00", "500.55")
    books.deliver(first)
    run_new(workspace)
    # 180 - 150 at 21 %; 500.55 x 0.307533 = 153.936 - 40.125 at 5 %.
    assert _issued(books.issue()) == {
        "dinar": ("RS-2024-000001", "119.502"),
        "dollar": ("RS-2024-000002", "36.30"),
    }

    # Restated by AWS: EC2 falls below what the credit paid of it, so that 40 come back (K4); the dinar usage grows.
    restated = month("60.00", "80.00", "510.00")
    books.deliver(restated)
    corrected(True, "", dollar="credit_note", dinar="supplementary_invoice")
    assert books.query("select credit_id, sum(amount) from marts.fct_credit_ledger group by all order by all") == [
        ("ahlan", Decimal("-40.125")),
        ("hello", Decimal("-110.00")),
    ]

    # Priced again by us: 10 % off the one, nothing of the other.
    books.change("pricing_rules", "price of dollar", percentage="10")
    corrected(False, "pricing_rules.csv, price of dollar changed", dollar="credit_note")

    # Refunded by AWS, the dinar customer beyond the month's usage.
    books.deliver([*restated, books.refund("dollar", "-12.34"), books.refund("dinar", "-600.01")])
    corrected(True, "", dollar="credit_note", dinar="credit_note")

    # All at once, upwards: AWS restates, we price again, and takes a refund back.
    books.deliver([*month("90.00", "81.00", "512.34"), books.refund("dinar", "-0.01")])
    books.change("pricing_rules", "price of dollar", percentage="5")
    books.change("pricing_rules", "price of dinar", rule_type="MARKUP", percentage="3.25")
    run_new(workspace)
    assert {found[0] for found in books.proposed().values()} == {"supplementary_invoice"}
    for group, (number, _) in _issued(books.issue()).items():
        (cause,) = books.causes(number)
        assert _RESTATED in cause
        assert f"Configuration: pricing_rules.csv, price of {group} changed" in cause
    run_new(workspace)
    assert books.proposed() == {}
    books.assert_documents_are_the_truth()
    # 171 less 5 % = 162.45, and the credit paid 54 and 50; 528.99105 x 0.307533 = 162.682, less 0.003 refunded.
    assert books.query(
        "select billing_group_id, net_amount, credit_amount, tax_amount from marts.fct_invoices order by all"
    ) == [
        ("dinar", *_decimals("162.679", "-40.125", "6.128")),
        ("dollar", *_decimals("162.45", "-104.00", "12.27")),
    ]
    assert _is_sound(workspace)


def test_a_configuration_changed_after_issue(workspace: Workspace) -> None:
    """A document stays between its own parties, in its currency and under its tax, whatever becomes of the group."""
    business = {"country_code": "US"}
    books = Reseller(
        workspace,
        {
            "moved": business,
            "ended": business,
            "removed": business,
            "currency": {"currency": "EUR"},
            "eligible": business,
            "taxed": {"country_code": "FR"},
            "identified": {"country_code": "FR"},
            "away": {"country_code": "JP", "currency": "JPY"},
        },
    )
    french = {**_RATE, "customer_country_code": "FR", "tax_name": "TVA"}
    books.write(
        "tax_rates",
        [
            _RATE,
            {**french, "customer_tax_id": "absent", "rate": "20"},
            {**french, "customer_tax_id": "required", "tax_category": "AE", "rate": "0", "exemption_reason": "Reverse"},
            {**_RATE, "customer_country_code": "JP", "rate": "10", "tax_name": "JCT"},
        ],
    )
    rates = [
        {"period": period, "from_currency": "USD", "to_currency": currency, "rate": rate, "source": "ECB"}
        for period in ("2024-01", "2024-02")
        for currency, rate in (("EUR", "0.9"), ("JPY", "150"))
    ]
    books.write("fx_rates", rates)
    credits = [
        {**_CREDIT, "credit_id": "mine", "billing_group_id": "eligible", "amount": "70", "currency": "USD"},
        {**_CREDIT, "credit_id": "old", "billing_group_id": "removed", "amount": "70", "currency": "USD"},
    ]
    books.write("credits", credits)
    groups = ("moved", "ended", "removed", "currency", "eligible", "taxed", "identified")
    books.deliver([books.usage(group, "100.00") for group in groups])
    books.deliver([books.usage(group, "100.00") for group in groups], month=2)
    run_new(workspace)
    first = _issued(books.issue())
    assert first == {
        "currency": ("RS-2024-000001", "108.90"),
        "eligible": ("RS-2024-000002", "36.30"),
        "ended": ("RS-2024-000003", "121.00"),
        "identified": ("RS-2024-000004", "120.00"),
        "moved": ("RS-2024-000005", "121.00"),
        "removed": ("RS-2024-000006", "36.30"),
        "taxed": ("RS-2024-000007", "120.00"),
    }

    # To a customer in Japan, and cheaper.
    books.change("billing_groups", "moved", customer_id="away")
    books.change("pricing_rules", "price of moved", percentage="10")
    # As if it had never been there in January.
    for file in ("billing_groups", "billing_terms"):
        books.change(file, "ended", end_period="2024-01")
    (ended,) = [row for row in books.read("account_assignments") if row["billing_group_id"] == "ended"]
    books.change("account_assignments", ended["account_id"], end_date="2024-01-01")
    for file in ("billing_groups", "account_assignments", "billing_terms", "credits"):
        books.take_out(file, billing_group_id="removed")
    books.take_out("customers", customer_id="removed")
    books.change("customers", "currency", currency="USD")
    books.change("credits", "mine", eligible_services="AmazonS3")
    # A rate that was wrong in January, and a tax id that came late.
    books.write(
        "tax_rates",
        [{**row, "rate": "19.6"} if row["rate"] == "20" else row for row in books.read("tax_rates")],
    )
    books.change("customers", "identified", tax_id="FR12345678901")
    run_new(workspace)
    assert books.proposed() == {
        "moved": ("credit_note", *_decimals("-10.00", "0", "-2.10")),
        "ended": ("credit_note", *_decimals("-100.00", "0", "-21.00")),
        "removed": ("credit_note", *_decimals("-100.00", "70.00", "-6.30")),
        "taxed": ("credit_note", *_decimals("0", "0", "-0.40")),
        "identified": ("credit_note", *_decimals("0", "0", "-20.00")),
    }
    # February is drawn up for the new customer.
    assert books.query(
        "select billing_period, customer_id, currency, tax_amount from marts.fct_invoices "
        "where billing_group_id = 'moved' order by all"
    ) == [(JANUARY, "moved", "USD", Decimal("18.90")), (FEBRUARY, "away", "JPY", Decimal("1350"))]
    assert _issued(books.issue(group="removed")) == {"removed": ("RS-CN-2024-000001", "-36.30")}
    assert {group: total for group, (_, total) in _issued(books.issue()).items()} == {
        "moved": "-12.10",
        "ended": "-121.00",
        "taxed": "-0.40",
        "identified": "-20.00",
    }
    assert books.query(
        "select billing_group_id, customer_id, currency from marts.fct_documents where kind = 'credit_note' "
        "order by all"
    ) == [(group, group, "USD") for group in ("ended", "identified", "moved", "removed", "taxed")]

    def number_of(group: str) -> str:
        ((number,),) = books.query(
            f"select number from marts.fct_documents where billing_group_id = '{group}' and kind = 'credit_note'"
        )
        return str(number)

    def cause_of(group: str) -> str:
        (cause,) = books.causes(number_of(group))
        return cause

    assert "billing_groups.csv, moved changed" in cause_of("moved")
    assert "pricing_rules.csv, price of moved changed" in cause_of("moved")
    assert "billing_groups.csv, ended taken out" in cause_of("ended")
    assert "billing_groups.csv, removed taken out" in cause_of("removed")
    assert cause_of("taxed") == "Configuration: tax_rates.csv, US/FR/absent/standard changed"
    assert "customers.csv, identified changed" in cause_of("identified")
    # AWS delivered nothing anew.
    assert not [group for group in ("moved", "ended", "removed") if "elivery" in cause_of(group)]
    # The tax that is taken back and the reason for none stand on the correction, with the tax id that came late.
    (late,) = _contents(workspace, number_of("identified"))
    assert late["customer"]["tax_id"] == "FR12345678901"
    assert {
        (part["tax_category"], part["tax_name"], part["exemption_reason"])
        for line in late["lines"]
        for part in line["parts"]
    } == {("S", "TVA", None), ("AE", "TVA", "Reverse")}
    run_new(workspace)
    assert books.proposed() == {}
    assert _is_sound(workspace)
    ledger = dict(
        books.query(
            "select billing_group_id, sum(total_amount) from marts.fct_documents group by all having sum(total_amount) "
            "is not null order by all"
        )
    )
    assert ledger == {
        **{"currency": Decimal("108.90"), "eligible": Decimal("36.30"), "ended": 0, "identified": Decimal("100.00")},
        **{"moved": Decimal("108.90"), "removed": 0, "taxed": Decimal("119.60")},
    }


def _contents(workspace: Workspace, *numbers: str) -> list[dict[str, Any]]:
    with Ledger.open(workspace) as ledger:
        return [json.loads(ledger.document(number).content) for number in numbers]
