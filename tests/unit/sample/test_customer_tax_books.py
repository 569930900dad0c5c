"""Customer tax in the books (T1 to T5), on invoices small enough to tax by head."""

from decimal import Decimal
from pathlib import Path

import pytest
from hand_made import book, make_fact, make_policies, make_sku, make_usage

from orchestration.sample.customer_tax import TaxCase, tax_by_case
from orchestration.sample.expectations import Expectations
from orchestration.sample.facts import LineItemType

_TWO_ACCOUNTS = [("1", "A", "2026-01-01", ""), ("2", "A", "2026-01-01", "")]


def _taxes(result: Expectations) -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (tax.tax_category, str(tax.tax_rate)): (str(tax.taxable_amount), str(tax.tax_amount)) for tax in result.taxes
    }


def test_tax_is_rounded_once_per_rate() -> None:
    # T3's example: three lines of 10.03 are 6.32 together, not 3 x 2.11.
    case = TaxCase(Decimal(21), "S")
    amounts = [(case, Decimal("10.03"))] * 3
    assert tax_by_case(amounts, 2) == {case: (Decimal("30.09"), Decimal("6.32"))}


@pytest.mark.parametrize(
    ("base", "rate", "places", "tax"),
    [
        # Half away from zero, on both sides (M4), to the minor unit of the currency.
        ("0.10", "5", 2, "0.01"),
        ("-0.10", "5", 2, "-0.01"),
        ("0.09", "5", 2, "0.00"),
        ("1005", "10", 0, "101"),
        ("1.000", "0.05", 3, "0.001"),
        ("100.00", "9.9751", 2, "9.98"),
        ("-4.00", "0", 2, "0.00"),
    ],
)
def test_the_one_rounding_of_tax(base: str, rate: str, places: int, tax: str) -> None:
    case = TaxCase(Decimal(rate), "S")
    ((_, found),) = tax_by_case([(case, Decimal(base))], places).values()
    assert str(found) == tax


def test_categories_and_rates_are_taxed_apart() -> None:
    reduced, full, reverse = TaxCase(Decimal(7), "S"), TaxCase(Decimal(19), "S"), TaxCase(Decimal(0), "AE")
    amounts = [(reduced, Decimal(100)), (full, Decimal(100)), (reverse, Decimal(100)), (full, Decimal(-50))]
    assert tax_by_case(amounts, 2) == {
        reverse: (Decimal(100), Decimal(0)),
        reduced: (Decimal(100), Decimal(7)),
        full: (Decimal(50), Decimal("9.5")),
    }


@pytest.mark.parametrize(
    ("policy", "tax", "total"),
    [("recompute", "10.00", "110.00"), ("pass_through", "7.00", "107.00"), ("none", "0", "100")],
)
def test_aws_tax_and_our_own_never_meet(tmp_path: Path, policy: str, tax: str, total: str) -> None:
    # T1: with AWS's tax passed on, the lines are outside the scope of ours.
    policies = make_policies(tmp_path, tax_rates=[{}], tax_policy=policy)
    result = book(policies, make_usage("100"), make_fact(LineItemType.TAX, "7"))
    (invoice,) = result.invoices
    assert (invoice.taxable_amount, invoice.tax_amount, invoice.total_amount) == tuple(
        map(Decimal, ("100", tax, total))
    )
    case, own_tax = (("S", "10"), "10.00") if policy == "recompute" else (("O", "0"), "0.00")
    assert _taxes(result) == {case: ("100.00", own_tax)}
    assert {part.line_kind for part in result.line_taxes} == {"usage"}
    assert {(line.tax_category, line.tax_rate) for line in result.lines if line.line_kind == "aws_tax"} <= {("O", 0)}


@pytest.mark.parametrize(
    ("customer", "expected"),
    [
        ({"subdivision": "MA"}, ("S", "6.25")),
        ({"subdivision": "OR"}, ("S", "10")),
        ({"subdivision": ""}, ("S", "10")),
        ({"country_code": "DE", "tax_id": "DE1"}, ("AE", "0")),
        ({"country_code": "DE", "tax_id": ""}, ("S", "19")),
    ],
)
def test_place_and_tax_id_decide_the_case(tmp_path: Path, customer: dict[str, str], expected: tuple[str, str]) -> None:
    # T2, golden case G53: a business abroad owes the tax itself. The order of the rows decides nothing.
    rates = [
        {"customer_subdivision": "MA", "rate": "6.25"},
        {},
        {"customer_subdivision": "WA", "rate": "8"},
        {"customer_country_code": "DE", "customer_tax_id": "required", "tax_category": "AE", "rate": "0"},
        {"customer_country_code": "DE", "customer_tax_id": "absent", "rate": "19"},
        {"issuer_country_code": "DE", "rate": "99"},
    ]
    for ordered in (rates, rates[::-1]):
        policies = make_policies(tmp_path, tax_rates=ordered, customer=customer, tax_policy="recompute")
        assert _taxes(book(policies, make_usage("100"))).keys() == {expected}


def test_the_class_of_the_service_decides_and_none_is_standard(tmp_path: Path) -> None:
    # T2: the state has no rate for books, so the country's holds; lines without a service are standard.
    policies = make_policies(
        tmp_path,
        tax_rates=[{"tax_class": "books", "rate": "5"}, {"customer_subdivision": "MA"}, {"rate": "99"}],
        tax_classes=[("AmazonKindle", "books")],
        custom_items={"flat": {"amount": "20"}},
        tax_policy="recompute",
    )
    result = book(policies, make_usage("100"), make_usage("40", make_sku("AmazonKindle")))
    assert _taxes(result) == {("S", "5"): ("40.00", "2.00"), ("S", "10"): ("120.00", "12.00")}
    assert {(line.line_kind, line.service_code, line.tax_rate) for line in result.lines} == {
        ("usage", "AmazonEC2", Decimal(10)),
        ("usage", "AmazonKindle", Decimal(5)),
        ("custom_line_item", "", Decimal(10)),
    }


@pytest.mark.parametrize(("old_until", "rate"), [("2026-09-30", "20"), ("2026-10-01", "10"), ("2026-09-02", "20")])
def test_the_last_day_of_the_month_decides_the_rate(tmp_path: Path, old_until: str, rate: str) -> None:
    # T2: of a change inside the month, the new rate holds for all of it.
    rates = [{"end_date": old_until}, {"rate": "20", "start_date": old_until}]
    assert _taxes(book(make_policies(tmp_path, tax_rates=rates, tax_policy="recompute"), make_usage("100"))).keys() == {
        ("S", rate)
    }


def test_credits_lower_the_base_of_the_line_they_pay(tmp_path: Path) -> None:
    # T5
    policies = make_policies(
        tmp_path,
        tax_rates=[{}, {"tax_class": "books", "rate": "5"}],
        tax_classes=[("AmazonKindle", "books")],
        credits={"c": {"amount": "30", "eligible_services": "AmazonKindle"}},
        tax_policy="recompute",
    )
    result = book(policies, make_usage("100"), make_usage("40", make_sku("AmazonKindle")))
    assert _taxes(result) == {("S", "5"): ("10.00", "0.50"), ("S", "10"): ("100.00", "10.00")}
    (invoice,) = result.invoices
    assert (invoice.taxable_amount, invoice.tax_amount, invoice.total_amount) == (
        Decimal(110),
        Decimal("10.5"),
        Decimal("120.5"),
    )


@pytest.mark.parametrize(
    ("exemption", "expected"),
    [
        # Golden case G57: until 30 June in June, and no more in July. Here the end is the first day after it.
        (
            {"account_id": "1", "end_date": "2026-10-01"},
            {("E", "0"): ("100.01", "0.00"), ("S", "10"): ("50.00", "5.00")},
        ),
        ({"account_id": "1", "end_date": "2026-09-30"}, {("S", "10"): ("150.01", "15.00")}),
        (
            {"account_id": "1", "start_date": "2026-09-30"},
            {("E", "0"): ("100.01", "0.00"), ("S", "10"): ("50.00", "5.00")},
        ),
        ({"account_id": "", "tax_category": "Z"}, {("Z", "0"): ("150.01", "0.00")}),
        ({"customer_id": "D"}, {("S", "10"): ("150.01", "15.00")}),
    ],
)
def test_an_exempt_account_splits_the_line(
    tmp_path: Path, exemption: dict[str, str], expected: dict[tuple[str, str], tuple[str, str]]
) -> None:
    # T4: the line is 150.01, its parts are those of M6.
    policies = make_policies(
        tmp_path, assignments=_TWO_ACCOUNTS, tax_rates=[{}], tax_exemptions=[exemption], tax_policy="recompute"
    )
    result = book(policies, make_usage("100.008"), make_usage("50.001", account="2"))
    assert _taxes(result) == expected
    (line,) = result.lines
    # The line shows its highest rate.
    assert (line.tax_category, str(line.tax_rate)) == max(expected, key=lambda case: Decimal(case[1]))
    assert [(part.tax_category, str(part.tax_rate), str(part.net_amount)) for part in result.line_taxes] == [
        (category, rate, base) for (category, rate), (base, _) in expected.items()
    ]


def test_a_credit_on_an_exempt_account_saves_no_tax(tmp_path: Path) -> None:
    # T4, T5: it is drawn on the account's part, not on the line as a whole.
    policies = make_policies(
        tmp_path,
        assignments=_TWO_ACCOUNTS,
        tax_rates=[{}],
        tax_exemptions=[{"account_id": "2"}],
        credits={"c": {"amount": "30", "owner_account_id": "2"}},
        tax_policy="recompute",
    )
    result = book(policies, make_usage("100"), make_usage("50", account="2"))
    assert _taxes(result) == {("E", "0"): ("20.00", "0.00"), ("S", "10"): ("100.00", "10.00")}


def test_the_accounts_own_exemption_is_closer_than_the_customers(tmp_path: Path) -> None:
    exemptions = [{"account_id": "2", "tax_category": "Z"}, {"tax_category": "E"}]
    for ordered in (exemptions, exemptions[::-1]):
        policies = make_policies(
            tmp_path, assignments=_TWO_ACCOUNTS, tax_rates=[{}], tax_exemptions=ordered, tax_policy="recompute"
        )
        result = book(policies, make_usage("100"), make_usage("50", account="2"))
        assert {part.sub_account_id: part.tax_category for part in result.line_accounts} == {"1": "E", "2": "Z"}


def test_an_exemption_changes_nothing_where_no_tax_is_charged(tmp_path: Path) -> None:
    # T2, T4: who owes the tax himself still does.
    rates = [{"tax_category": "AE", "rate": "0"}]
    policies = make_policies(tmp_path, tax_rates=rates, tax_exemptions=[{}], tax_policy="recompute")
    assert _taxes(book(policies, make_usage("100"))).keys() == {("AE", "0")}


def test_a_missing_rate_is_an_error_unless_exempt(tmp_path: Path) -> None:
    # T4: the books refuse it; the product lists it as an open problem.
    rates = [{"start_date": "2026-10-01"}]
    with pytest.raises(ValueError, match="no tax rate for class standard of group A in 2026-09"):
        book(make_policies(tmp_path, tax_rates=rates, tax_policy="recompute"), make_usage("100"))
    exempt = make_policies(tmp_path, tax_rates=rates, tax_exemptions=[{}], tax_policy="recompute")
    assert _taxes(book(exempt, make_usage("100"))) == {("E", "0"): ("100.00", "0.00")}


def test_two_rates_for_one_case_are_refused(tmp_path: Path) -> None:
    rates = [{"customer_tax_id": "any"}, {"customer_tax_id": "absent", "rate": "5"}]
    with pytest.raises(ValueError, match="2 tax rates for class standard of group A on 2026-09-30"):
        book(make_policies(tmp_path, tax_rates=rates, tax_policy="recompute"), make_usage("100"))
