"""The books' own reading of the rules, on a few hand-made facts whose result anybody can check by head.

The warehouse is proved against these books, so they are proved here against the worked examples of the rules.
"""

import csv
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration.sample.expected import Books, Expectations, LineExpectation
from orchestration.sample.facts import (
    DiscountKind,
    Fact,
    LeaseMonth,
    LineItemType,
    PlanHour,
    Reservation,
    SavingsPlan,
    Sku,
    SplitCost,
)
from orchestration.sample.fixed_point import ONE, units
from orchestration.sample.policies import Policies

_PERIOD = datetime(2026, 9, 1)
_PAYER = "900000000000"

_TERMS = {
    "billing_group_id": "A",
    "start_period": "2026-01",
    "end_period": "",
    "pricing_plan_id": "plan",
    "commitment_policy": "on_demand",
    "upfront_policy": "withhold",
    "free_tier_policy": "pass_through",
    "support_policy": "pass_through",
    "support_plan_id": "",
    "bundled_discount_policy": "pass_through",
    "negotiated_discount_policy": "withhold",
    "aws_credit_policy": "withhold",
    "aws_credit_share_percentage": "",
    "refund_policy": "pass_through",
    "tax_policy": "none",
}
_RULE = {
    "pricing_rule_id": "",
    "pricing_plan_id": "plan",
    "scope": "GLOBAL",
    "rule_type": "MARKUP",
    "percentage": "",
    "rate": "",
    "billing_entity": "",
    "service_code": "",
    "usage_type": "",
    "operation": "",
    "region": "",
    "include_fees": "false",
    "start_period": "2026-01",
    "end_period": "",
}


def _write(path: Path, rows: Iterable[dict[str, str]]) -> None:
    rows = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["none"])
        writer.writeheader()
        writer.writerows(rows)


def _policies(
    folder: Path,
    *,
    assignments: Iterable[tuple[str, str, str, str]] = (
        ("1", "A", "2026-01-01", ""),
        ("9", "B", "2026-01-01", ""),
    ),
    rules: Iterable[dict[str, str]] = (),
    tiers: Iterable[tuple[str, str, str, str]] = (),
    currency: str = "USD",
    fx: Iterable[tuple[str, str]] = (),
    membership_basis: str = "usage_date",
    **terms: str,
) -> Policies:
    """Return a configuration of groups A and B on the same terms and plan."""
    _write(folder / "settings.csv", [{"setting": "membership_basis", "value": membership_basis}])
    _write(folder / "customers.csv", [{"customer_id": "C", "currency": currency}])
    _write(
        folder / "billing_groups.csv",
        [{"billing_group_id": group, "customer_id": "C", "auto_associate": "false"} for group in ("A", "B")],
    )
    keys = ("account_id", "billing_group_id", "start_date", "end_date")
    _write(folder / "account_assignments.csv", [dict(zip(keys, row, strict=True)) for row in assignments])
    _write(folder / "billing_terms.csv", [{**_TERMS, **terms, "billing_group_id": group} for group in ("A", "B")])
    _write(
        folder / "pricing_rules.csv",
        [{**_RULE, "pricing_rule_id": f"rule-{number}", **rule} for number, rule in enumerate(rules)],
    )
    keys = ("pricing_rule_id", "tier_start", "tier_end", "rate")
    _write(folder / "pricing_rule_tiers.csv", [dict(zip(keys, row, strict=True)) for row in tiers])
    _write(
        folder / "fx_rates.csv",
        [{"period": "2026-09", "from_currency": "USD", "to_currency": to, "rate": rate} for to, rate in fx],
    )
    return Policies.read(folder)


def _sku(code: str = "AmazonEC2", **attributes: str) -> Sku:
    return Sku(
        product_code=code,
        product_name=code,
        usage_type=attributes.get("usage_type", "BoxUsage:t3.micro"),
        operation=attributes.get("operation", "RunInstances"),
        region=attributes.get("region", "us-east-1"),
        billing_entity=attributes.get("billing_entity", "AWS"),
    )


def _fact(
    kind: LineItemType,
    cost: str,
    *,
    sku: Sku | None = None,
    account: str = "1",
    public: str | None = None,
    quantity: str = "1",
    effective: str = "0",
    start: datetime = _PERIOD,
    commitment: Reservation | SavingsPlan | None = None,
    discounts: tuple[tuple[DiscountKind, int], ...] = (),
    lease_month: LeaseMonth | None = None,
    plan_hour: PlanHour | None = None,
    split: SplitCost | None = None,
) -> Fact:
    return Fact(
        account=account,
        line_item_type=kind,
        sku=sku or _sku(),
        start=start,
        end=start,
        quantity=units(quantity),
        rate=0,
        unblended=units(cost),
        public=None if public is None else units(public),
        effective=units(effective),
        commitment=commitment,
        discounts=discounts,
        lease_month=lease_month,
        plan_hour=plan_hour,
        split=split,
    )


def _usage(public: str, sku: Sku | None = None, **more: str) -> Fact:
    return _fact(LineItemType.USAGE, public, public=public, sku=sku, **more)  # type: ignore[arg-type]


def _lease(owner: str) -> Reservation:
    return Reservation(
        f"arn:aws:ec2:us-east-1:{owner}:reserved-instances/x",
        owner,
        _PERIOD,
        _PERIOD,
        "",
        _sku(),
        _sku(),
        1,
        0,
        0,
        0,
        "",
    )


def _plan(owner: str) -> SavingsPlan:
    return SavingsPlan(
        f"arn:aws:savingsplans::{owner}:savingsplan/x",
        owner,
        _PERIOD,
        _PERIOD,
        "",
        _sku("ComputeSavingsPlans"),
        0,
        0,
        0,
    )


def _book(policies: Policies, *facts: Fact) -> Expectations:
    books = Books(policies)
    books.book_facts(_PAYER, _PERIOD, facts)
    return books.expectations()


def _lines(result: Expectations, group: str = "A") -> dict[tuple[str, str], Decimal]:
    return {
        (line.line_kind, line.service_code): line.exact_amount_usd
        for line in result.lines
        if line.billing_group_id == group
    }


def _line(result: Expectations) -> LineExpectation:
    (line,) = result.lines
    return line


def test_the_most_precise_rule_wins_alone(tmp_path: Path) -> None:
    # R2, golden case G03: percentages never stack; Marketplace falls to GLOBAL when nothing names it.
    policies = _policies(
        tmp_path,
        rules=[
            {"percentage": "10"},
            {"scope": "BILLING_ENTITY", "billing_entity": "AWS", "percentage": "5"},
            {"scope": "SERVICE", "service_code": "AmazonEC2", "percentage": "0"},
            {
                "scope": "SKU",
                "rule_type": "DISCOUNT",
                "service_code": "AmazonEC2",
                "usage_type": "BoxUsage:t3.micro",
                "operation": "RunInstances",
                "percentage": "10",
            },
        ],
    )
    result = _book(
        policies,
        _usage("10"),
        _usage("40", _sku(usage_type="BoxUsage:m5.large")),
        _usage("20", _sku("AmazonS3")),
        _usage("30", _sku("software", billing_entity="AWS Marketplace")),
    )
    assert _lines(result) == {
        ("usage", "AmazonEC2"): Decimal(49),
        ("usage", "AmazonS3"): Decimal(21),
        ("marketplace", "software"): Decimal(33),
    }


def test_both_sku_parts_beat_a_region_and_a_region_beats_none(tmp_path: Path) -> None:
    # R2: a customer with a regional SKU price must not get it where the more exact SKU price exists.
    policies = _policies(
        tmp_path,
        rules=[
            {"scope": "SKU", "service_code": "AmazonEC2", "operation": "RunInstances", "percentage": "1"},
            {
                "scope": "SKU",
                "service_code": "AmazonEC2",
                "operation": "RunInstances",
                "region": "eu-west-1",
                "percentage": "2",
            },
            {
                "scope": "SKU",
                "service_code": "AmazonEC2",
                "usage_type": "BoxUsage:t3.micro",
                "operation": "RunInstances",
                "percentage": "3",
            },
        ],
    )
    for sku, amount in [
        (_sku(region="eu-west-1"), "103"),
        (_sku(usage_type="BoxUsage:m5.large", region="eu-west-1"), "102"),
        (_sku(usage_type="BoxUsage:m5.large"), "101"),
    ]:
        assert _line(_book(policies, _usage("100", sku))).exact_amount_usd == Decimal(amount)


def test_rules_that_cannot_act_on_a_fee_do_not_compete_for_it(tmp_path: Path) -> None:
    # R2, R7: the fixed price is the better match, but only the GLOBAL markup may touch a fee.
    policies = _policies(
        tmp_path,
        rules=[
            {"percentage": "8", "include_fees": "true"},
            {"scope": "SERVICE", "service_code": "AmazonRegistrar", "rule_type": "FIXED_RATE", "rate": "1"},
            {
                "scope": "SERVICE",
                "service_code": "AmazonRegistrar",
                "region": "us-east-1",
                "percentage": "50",
            },
        ],
    )
    result = _book(
        policies,
        _fact(LineItemType.FEE, "14", sku=_sku("AmazonRegistrar")),
        _fact(LineItemType.FEE, "100", sku=_sku("AWSSupportBusiness")),
    )
    # Support is never rated, whatever include_fees says.
    assert _lines(result) == {
        ("fee", "AmazonRegistrar"): Decimal("15.12"),
        ("support", "AWSSupportBusiness"): Decimal(100),
    }


def test_list_cost_falls_back_to_unblended_cost(tmp_path: Path) -> None:
    # R1: spot has no public price; private prices do not lower the list.
    policies = _policies(tmp_path, rules=[{"percentage": "10"}])
    spot = _fact(LineItemType.USAGE, "3", public=None)
    cheap = _fact(LineItemType.USAGE, "4", public="5")
    assert _line(_book(policies, spot, cheap)).exact_amount_usd == Decimal("8.8")


@pytest.mark.parametrize(("policy", "expected"), [("pass_through", []), ("withhold", [Decimal("2.2")])])
def test_free_tier_follows_its_policy(tmp_path: Path, policy: str, expected: list[Decimal]) -> None:
    policies = _policies(tmp_path, rules=[{"percentage": "10"}], free_tier_policy=policy)
    result = _book(policies, _fact(LineItemType.USAGE, "0", public="2"))
    assert [line.exact_amount_usd for line in result.lines] == expected


def test_fixed_rate_and_tiers_price_quantities_free_ones_included(tmp_path: Path) -> None:
    # R4, R5: 450 units over three tiers are 33.50, never 22.50; accounts add up within the group.
    policies = _policies(
        tmp_path,
        assignments=[("1", "A", "2026-01-01", ""), ("2", "A", "2026-01-01", "")],
        rules=[
            {"scope": "SKU", "service_code": "AmazonS3", "usage_type": "Storage", "rule_type": "TIERED"},
            {
                "scope": "SERVICE",
                "service_code": "AmazonEC2",
                "rule_type": "FIXED_RATE",
                "rate": "0.0000000003",
            },
        ],
        tiers=[
            ("rule-0", "0", "100", "0.10"),
            ("rule-0", "100", "300", "0.08"),
            ("rule-0", "300", "", "0.05"),
        ],
    )
    storage = _sku("AmazonS3", usage_type="Storage")
    result = _book(
        policies,
        _fact(LineItemType.USAGE, "9", sku=storage, public="9", quantity="400"),
        _fact(LineItemType.USAGE, "0", sku=storage, public="9", quantity="50", account="2"),
        _fact(LineItemType.USAGE, "9", public="9", quantity="0.0000000007"),
    )
    assert _lines(result) == {
        ("usage", "AmazonS3"): Decimal("33.50"),
        ("usage", "AmazonEC2"): Decimal("21e-20"),
    }


def _covered_month(owner: str) -> tuple[Fact, ...]:
    """Return covered usage of account 1 (list 50 reserved, 100 under a plan) and the owner's fees."""
    lease, plan = _lease(owner), _plan(owner)
    return (
        _fact(LineItemType.DISCOUNTED_USAGE, "0", public="50", effective="15", commitment=lease),
        _fact(LineItemType.SAVINGS_PLAN_COVERED_USAGE, "100", public="100", effective="60", commitment=plan),
        _fact(LineItemType.SAVINGS_PLAN_NEGATION, "-100", public="100", commitment=plan),
        _fact(
            LineItemType.RI_FEE,
            "20",
            sku=_sku(usage_type="HeavyUsage:t3.micro"),
            account=owner,
            commitment=lease,
            lease_month=LeaseMonth(1, 2, 10 * ONE, 1, 10 * ONE, 5 * ONE),
        ),
        _fact(
            LineItemType.SAVINGS_PLAN_RECURRING_FEE,
            "70",
            sku=plan.fee_sku,
            account=owner,
            commitment=plan,
            plan_hour=PlanHour(70 * ONE, 0, 60 * ONE),
        ),
        _fact(LineItemType.FEE, "200", sku=lease.fee_sku, account=owner, commitment=lease),
    )


def test_on_demand_returns_covered_usage_and_keeps_the_fees(tmp_path: Path) -> None:
    # RS1
    policies = _policies(tmp_path, rules=[{"percentage": "10", "include_fees": "true"}], upfront_policy="pass")
    result = _book(policies, *_covered_month("1"))
    assert _lines(result) == {("usage", "AmazonEC2"): Decimal(165)}
    (group,) = result.groups
    assert group.withheld_by_reason == {"policy": Decimal(20 + 70 + 200 - 100)}


def test_owner_group_keeps_the_benefit_and_pays_every_fee(tmp_path: Path) -> None:
    # RS2, RS5: covered usage and its negation cancel without a rule; fees take one only with include_fees.
    policies = _policies(
        tmp_path,
        rules=[{"percentage": "10", "include_fees": "true"}],
        commitment_policy="owner_group",
        upfront_policy="pass",
    )
    result = _book(policies, *_covered_month("1"))
    assert _lines(result) == {
        ("commitment", "AmazonEC2"): Decimal(242),
        ("commitment", "ComputeSavingsPlans"): Decimal(77),
    }


def test_a_commitment_from_outside_the_group_gives_nothing(tmp_path: Path) -> None:
    # RS2, golden case G21: the user pays list, the owner pays for all of it.
    policies = _policies(tmp_path, commitment_policy="owner_group")
    result = _book(policies, *_covered_month("9"))
    assert _lines(result) == {("usage", "AmazonEC2"): Decimal(150)}
    assert _lines(result, "B") == {
        ("commitment", "AmazonEC2"): Decimal(20),
        ("commitment", "ComputeSavingsPlans"): Decimal(70),
    }
    group = next(item for item in result.groups if item.billing_group_id == "A")
    assert group.withheld_by_reason == {"commitment_outside_group": Decimal(-100)}


def test_the_owners_group_is_that_of_the_covered_rows_date(tmp_path: Path) -> None:
    # RS2: the owner joins on the 16th; what it covered before is on demand.
    policies = _policies(
        tmp_path,
        assignments=[("1", "A", "2026-01-01", ""), ("9", "A", "2026-09-16", "")],
        commitment_policy="owner_group",
    )
    early, late = (
        _fact(
            LineItemType.DISCOUNTED_USAGE,
            "0",
            public="50",
            start=datetime(2026, 9, day),
            commitment=_lease("9"),
        )
        for day in (15, 16)
    )
    assert _lines(_book(policies, early, late)) == {("usage", "AmazonEC2"): Decimal(50)}


def test_pass_through_bills_effective_cost_and_unused_parts(tmp_path: Path) -> None:
    # RS3, RS4: no rule acts, negations and upfront fees bill nothing, although upfront_policy is pass.
    policies = _policies(
        tmp_path,
        rules=[{"percentage": "10", "include_fees": "true"}],
        commitment_policy="pass_through",
        upfront_policy="pass",
    )
    result = _book(policies, *_covered_month("9"))
    assert _lines(result) == {("usage", "AmazonEC2"): Decimal(75)}
    assert _lines(result, "B") == {
        ("commitment", "AmazonEC2"): Decimal(15),
        ("commitment", "ComputeSavingsPlans"): Decimal(10),
    }


def test_partner_discounts_never_reach_the_customer(tmp_path: Path) -> None:
    # F2: with everything passed on, the reseller's own discounts are still withheld (golden case G41).
    policies = _policies(tmp_path, negotiated_discount_policy="pass_through")
    discounts = tuple((kind, -units("1")) for kind in DiscountKind)
    result = _book(policies, _fact(LineItemType.USAGE, "100", public="100", discounts=discounts))
    assert _lines(result) == {("usage", "AmazonEC2"): Decimal(100), ("discount", "AmazonEC2"): Decimal(-5)}
    (group,) = result.groups
    assert (group.aws_cost, group.withheld_by_reason) == (Decimal(93), {"partner_discount": Decimal(-2)})


def test_a_marketplace_discount_stays_on_the_marketplace_line(tmp_path: Path) -> None:
    # I1: any billed Marketplace row but credits, refunds and tax.
    policies = _policies(tmp_path, negotiated_discount_policy="pass_through", tax_policy="pass_through")
    software = _sku("software", billing_entity="AWS Marketplace")
    result = _book(
        policies,
        _fact(LineItemType.USAGE, "10", sku=software, discounts=((DiscountKind.ENTERPRISE, -ONE),)),
        _fact(LineItemType.FEE, "5", sku=software),
        _fact(LineItemType.REFUND, "-2", sku=software),
        _fact(LineItemType.TAX, "3", sku=software),
    )
    assert _lines(result) == {
        ("marketplace", "software"): Decimal(14),
        ("refund", "software"): Decimal(-2),
        ("aws_tax", ""): Decimal(3),
    }
    (invoice,) = result.invoices
    assert (invoice.net_amount, invoice.tax_amount, invoice.total_amount) == (
        Decimal("12.00"),
        Decimal("3.00"),
        Decimal("15.00"),
    )


@pytest.mark.parametrize(
    ("policy", "share", "expected"),
    [
        ("withhold", "", {}),
        ("pass_through", "", {("credit", "AmazonEC2"): Decimal(-10)}),
        ("share", "12.5", {("credit", "AmazonEC2"): Decimal("-1.25")}),
    ],
)
def test_credits_follow_their_policy(
    tmp_path: Path, policy: str, share: str, expected: dict[tuple[str, str], Decimal]
) -> None:
    # F3
    policies = _policies(tmp_path, aws_credit_policy=policy, aws_credit_share_percentage=share)
    assert _lines(_book(policies, _fact(LineItemType.CREDIT, "-10"))) == expected


@pytest.mark.parametrize(
    ("basis", "expected"),
    [
        ("usage_date", {"A": Decimal(500), "B": Decimal(700)}),
        ("billing_period", {"A": Decimal(400), "B": Decimal(800)}),
    ],
)
def test_membership_basis_decides_a_move(tmp_path: Path, basis: str, expected: dict[str, Decimal]) -> None:
    # P3's own example: account 3 moves from A to B on the 16th.
    policies = _policies(
        tmp_path,
        assignments=[
            *((account, "A", "2026-01-01", "") for account in "12"),
            ("3", "A", "2026-01-01", "2026-09-16"),
            ("3", "B", "2026-09-16", ""),
            *((account, "B", "2026-01-01", "") for account in "456"),
        ],
        membership_basis=basis,
    )
    facts = [
        _fact(LineItemType.USAGE, "100", public="100", account=account, start=datetime(2026, 9, day))
        for account in "123456"
        for day in (1, 16)
    ]
    result = _book(policies, *facts)
    assert {line.billing_group_id: line.exact_amount_usd for line in result.lines} == expected


def test_usage_dates_outside_the_period_are_clamped_into_it(tmp_path: Path) -> None:
    # P1, P3: a domain for next year, billed in September, is the group's that has the account at September's
    # end.
    policies = _policies(
        tmp_path, assignments=[("1", "A", "2026-01-01", "2026-09-30"), ("1", "B", "2026-09-30", "2027-01-01")]
    )
    domain = _sku("AmazonRegistrar")
    result = _book(
        policies,
        _fact(LineItemType.FEE, "15", sku=domain, start=datetime(2027, 2, 1)),
        _fact(LineItemType.FEE, "14", sku=domain, start=datetime(2026, 7, 30)),
    )
    assert _lines(result) == {("fee", "AmazonRegistrar"): Decimal(14)}
    assert _lines(result, "B") == {("fee", "AmazonRegistrar"): Decimal(15)}


def test_accounts_in_no_group_are_seen_and_never_billed(tmp_path: Path) -> None:
    # P4, F5: every row stays visible with a reason, tax and partner discounts included.
    facts = (
        _fact(LineItemType.USAGE, "7", public="8", account="404", discounts=((DiscountKind.DISTRIBUTOR, -ONE),)),
        _fact(LineItemType.TAX, "2", account="404"),
    )
    result = _book(_policies(tmp_path, tax_policy="pass_through"), *facts)
    (group,) = result.groups
    assert result.lines == ()
    assert group.billing_group_id == "UNASSIGNED"
    assert group.withheld_by_reason == {"unassigned": Decimal(6)}
    assert (group.billed_cost, group.aws_tax, group.aws_tax_billed) == (Decimal(0), Decimal(2), Decimal(0))


def test_split_cost_rows_are_no_money(tmp_path: Path) -> None:
    # C1: even if AWS ever put a cost on them.
    split = SplitCost("i-1", ONE, 0, ONE, 0, ONE, ONE, ONE)
    result = _book(_policies(tmp_path), _fact(LineItemType.USAGE, "5", public="5", split=split))
    assert (result.lines, result.accounts) == ((), ())


@pytest.mark.parametrize(
    ("currency", "rate", "expected"),
    [
        ("USD", None, "1234.57"),
        ("EUR", "0.8529", "1052.96"),
        ("JPY", "148.035", "182759"),
        ("KWD", "0.3051", "376.666"),
    ],
)
def test_lines_round_once_to_the_currencys_minor_unit(
    tmp_path: Path, currency: str, rate: str | None, expected: str
) -> None:
    # M4, I2: 1,234.5670000000 USD; yen have no cents, dinars have three places.
    policies = _policies(tmp_path, currency=currency, fx=[] if rate is None else [(currency, rate)])
    line = _line(_book(policies, _usage("1234.567")))
    assert line.net_amount == Decimal(expected)
    assert line.net_amount.as_tuple().exponent == Decimal(expected).as_tuple().exponent


@pytest.mark.parametrize(("cost", "expected"), [("-0.005", "-0.01"), ("-0.0049999999", "0.00"), ("0.005", "0.01")])
def test_halves_round_away_from_zero_on_both_sides(tmp_path: Path, cost: str, expected: str) -> None:
    line = _line(_book(_policies(tmp_path), _fact(LineItemType.REFUND, cost)))
    assert line.net_amount == Decimal(expected)


def test_a_missing_rate_leaves_the_draft_in_dollars(tmp_path: Path) -> None:
    # I2: an unconverted amount under a yen sign would be 150 times too small.
    result = _book(_policies(tmp_path, currency="JPY"), _usage("10"))
    assert (_line(result).net_amount, result.invoices[0].total_amount) == (None, None)
    assert _line(result).exact_amount_usd == Decimal(10)


def test_ties_and_unbuilt_rules_are_refused(tmp_path: Path) -> None:
    # Expectations that guess would prove a wrong bill right.
    with pytest.raises(ValueError, match="rules tie in plan plan: rule-0, rule-1"):
        _book(_policies(tmp_path, rules=[{"percentage": "1"}, {"percentage": "2"}]), _usage("1"))
    with pytest.raises(ValueError, match="do not recompute support"):
        _book(
            _policies(tmp_path, support_policy="recompute"),
            _fact(LineItemType.FEE, "1", sku=_sku("AWSSupportBusiness")),
        )
    mixed = _policies(
        tmp_path,
        rules=[{"scope": "SKU", "service_code": "AmazonEC2", "operation": "RunInstances", "rule_type": "TIERED"}],
        tiers=[("rule-0", "0", "", "1")],
    )
    with pytest.raises(ValueError, match="more than one kind of row"):
        _book(mixed, _usage("1"), _fact(LineItemType.DISCOUNTED_USAGE, "0", public="1", commitment=_lease("1")))
