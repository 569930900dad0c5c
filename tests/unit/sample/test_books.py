"""The books' own reading of the rules, on a few hand-made facts whose result anybody can check by head.

The warehouse is proved against these books, so they are proved here against the worked examples of the rules.
"""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hand_made import (
    amounts,
    book,
    covered_month,
    make_fact,
    make_lease,
    make_policies,
    make_sku,
    make_usage,
    only_line,
)

from orchestration.sample.facts import DiscountKind, LineItemType, SplitCost
from orchestration.sample.fixed_point import ONE, units


def test_the_most_precise_rule_wins_alone(tmp_path: Path) -> None:
    # R2, golden case G03: percentages never stack; Marketplace falls to GLOBAL when nothing names it.
    policies = make_policies(
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
    result = book(
        policies,
        make_usage("10"),
        make_usage("40", make_sku(usage_type="BoxUsage:m5.large")),
        make_usage("20", make_sku("AmazonS3")),
        make_usage("30", make_sku("software", billing_entity="AWS Marketplace")),
    )
    assert amounts(result) == {
        ("usage", "AmazonEC2"): Decimal(49),
        ("usage", "AmazonS3"): Decimal(21),
        ("marketplace", "software"): Decimal(33),
    }


def test_both_sku_parts_beat_a_region_and_a_region_beats_none(tmp_path: Path) -> None:
    # R2: a customer with a regional SKU price must not get it where the more exact SKU price exists.
    policies = make_policies(
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
        (make_sku(region="eu-west-1"), "103"),
        (make_sku(usage_type="BoxUsage:m5.large", region="eu-west-1"), "102"),
        (make_sku(usage_type="BoxUsage:m5.large"), "101"),
    ]:
        assert only_line(book(policies, make_usage("100", sku))).exact_amount_usd == Decimal(amount)


def test_rules_that_cannot_act_on_a_fee_do_not_compete_for_it(tmp_path: Path) -> None:
    # R2, R7: the fixed price is the better match, but only the GLOBAL markup may touch a fee.
    policies = make_policies(
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
    result = book(
        policies,
        make_fact(LineItemType.FEE, "14", sku=make_sku("AmazonRegistrar")),
        make_fact(LineItemType.FEE, "100", sku=make_sku("AWSSupportBusiness")),
    )
    # Support is never rated, whatever include_fees says.
    assert amounts(result) == {
        ("fee", "AmazonRegistrar"): Decimal("15.12"),
        ("support", "AWSSupportBusiness"): Decimal(100),
    }


def test_list_cost_falls_back_to_unblended_cost(tmp_path: Path) -> None:
    # R1: spot has no public price; private prices do not lower the list.
    policies = make_policies(tmp_path, rules=[{"percentage": "10"}])
    spot = make_fact(LineItemType.USAGE, "3", public=None)
    cheap = make_fact(LineItemType.USAGE, "4", public="5")
    assert only_line(book(policies, spot, cheap)).exact_amount_usd == Decimal("8.8")


@pytest.mark.parametrize(("policy", "expected"), [("pass_through", []), ("withhold", [Decimal("2.2")])])
def test_free_tier_follows_its_policy(tmp_path: Path, policy: str, expected: list[Decimal]) -> None:
    policies = make_policies(tmp_path, rules=[{"percentage": "10"}], free_tier_policy=policy)
    result = book(policies, make_fact(LineItemType.USAGE, "0", public="2"))
    assert [line.exact_amount_usd for line in result.lines] == expected


def test_fixed_rate_and_tiers_price_quantities_free_ones_included(tmp_path: Path) -> None:
    # R4, R5: 450 units over three tiers are 33.50, never 22.50; accounts add up within the group.
    policies = make_policies(
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
    storage = make_sku("AmazonS3", usage_type="Storage")
    result = book(
        policies,
        make_fact(LineItemType.USAGE, "9", sku=storage, public="9", quantity="400"),
        make_fact(LineItemType.USAGE, "0", sku=storage, public="9", quantity="50", account="2"),
        make_fact(LineItemType.USAGE, "9", public="9", quantity="0.0000000007"),
    )
    assert amounts(result) == {
        ("usage", "AmazonS3"): Decimal("33.50"),
        ("usage", "AmazonEC2"): Decimal("21e-20"),
    }


def test_on_demand_returns_covered_usage_and_keeps_the_fees(tmp_path: Path) -> None:
    # RS1
    policies = make_policies(tmp_path, rules=[{"percentage": "10", "include_fees": "true"}], upfront_policy="pass")
    result = book(policies, *covered_month("1"))
    assert amounts(result) == {("usage", "AmazonEC2"): Decimal(165)}
    (group,) = result.groups
    assert group.withheld_by_reason == {"policy": Decimal(20 + 70 + 200 - 100)}


def test_owner_group_keeps_the_benefit_and_pays_every_fee(tmp_path: Path) -> None:
    # RS2, RS5: covered usage and its negation cancel without a rule; fees take one only with include_fees.
    policies = make_policies(
        tmp_path,
        rules=[{"percentage": "10", "include_fees": "true"}],
        commitment_policy="owner_group",
        upfront_policy="pass",
    )
    result = book(policies, *covered_month("1"))
    assert amounts(result) == {
        ("commitment", "AmazonEC2"): Decimal(242),
        ("commitment", "ComputeSavingsPlans"): Decimal(77),
    }


def test_a_commitment_from_outside_the_group_gives_nothing(tmp_path: Path) -> None:
    # RS2, golden case G21: the user pays list, the owner pays for all of it.
    policies = make_policies(tmp_path, commitment_policy="owner_group")
    result = book(policies, *covered_month("9"))
    assert amounts(result) == {("usage", "AmazonEC2"): Decimal(150)}
    assert amounts(result, "B") == {
        ("commitment", "AmazonEC2"): Decimal(20),
        ("commitment", "ComputeSavingsPlans"): Decimal(70),
    }
    group = next(item for item in result.groups if item.billing_group_id == "A")
    assert group.withheld_by_reason == {"commitment_outside_group": Decimal(-100)}


def test_the_owners_group_is_that_of_the_covered_rows_date(tmp_path: Path) -> None:
    # RS2: the owner joins on the 16th; what it covered before is on demand.
    policies = make_policies(
        tmp_path,
        assignments=[("1", "A", "2026-01-01", ""), ("9", "A", "2026-09-16", "")],
        commitment_policy="owner_group",
    )
    early, late = (
        make_fact(
            LineItemType.DISCOUNTED_USAGE,
            "0",
            public="50",
            start=datetime(2026, 9, day),
            commitment=make_lease("9"),
        )
        for day in (15, 16)
    )
    assert amounts(book(policies, early, late)) == {("usage", "AmazonEC2"): Decimal(50)}


def test_pass_through_bills_effective_cost_and_unused_parts(tmp_path: Path) -> None:
    # RS3, RS4: no rule acts, negations and upfront fees bill nothing, although upfront_policy is pass.
    policies = make_policies(
        tmp_path,
        rules=[{"percentage": "10", "include_fees": "true"}],
        commitment_policy="pass_through",
        upfront_policy="pass",
    )
    result = book(policies, *covered_month("9"))
    assert amounts(result) == {("usage", "AmazonEC2"): Decimal(75)}
    assert amounts(result, "B") == {
        ("commitment", "AmazonEC2"): Decimal(15),
        ("commitment", "ComputeSavingsPlans"): Decimal(10),
    }


def test_partner_discounts_never_reach_the_customer(tmp_path: Path) -> None:
    # F2: with everything passed on, the reseller's own discounts are still withheld (golden case G41).
    policies = make_policies(tmp_path, negotiated_discount_policy="pass_through")
    discounts = tuple((kind, -units("1")) for kind in DiscountKind)
    result = book(policies, make_fact(LineItemType.USAGE, "100", public="100", discounts=discounts))
    assert amounts(result) == {("usage", "AmazonEC2"): Decimal(100), ("discount", "AmazonEC2"): Decimal(-5)}
    (group,) = result.groups
    assert (group.aws_cost, group.withheld_by_reason) == (Decimal(93), {"partner_discount": Decimal(-2)})


def test_a_marketplace_discount_stays_on_the_marketplace_line(tmp_path: Path) -> None:
    # I1: any billed Marketplace row but credits, refunds and tax.
    policies = make_policies(tmp_path, negotiated_discount_policy="pass_through", tax_policy="pass_through")
    software = make_sku("software", billing_entity="AWS Marketplace")
    result = book(
        policies,
        make_fact(LineItemType.USAGE, "10", sku=software, discounts=((DiscountKind.ENTERPRISE, -ONE),)),
        make_fact(LineItemType.FEE, "5", sku=software),
        make_fact(LineItemType.REFUND, "-2", sku=software),
        make_fact(LineItemType.TAX, "3", sku=software),
    )
    assert amounts(result) == {
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
    policies = make_policies(tmp_path, aws_credit_policy=policy, aws_credit_share_percentage=share)
    assert amounts(book(policies, make_fact(LineItemType.CREDIT, "-10"))) == expected


@pytest.mark.parametrize(
    ("basis", "expected"),
    [
        ("usage_date", {"A": Decimal(500), "B": Decimal(700)}),
        ("billing_period", {"A": Decimal(400), "B": Decimal(800)}),
    ],
)
def test_membership_basis_decides_a_move(tmp_path: Path, basis: str, expected: dict[str, Decimal]) -> None:
    # P3's own example: account 3 moves from A to B on the 16th.
    policies = make_policies(
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
        make_fact(LineItemType.USAGE, "100", public="100", account=account, start=datetime(2026, 9, day))
        for account in "123456"
        for day in (1, 16)
    ]
    result = book(policies, *facts)
    assert {line.billing_group_id: line.exact_amount_usd for line in result.lines} == expected


def test_usage_dates_outside_the_period_are_clamped_into_it(tmp_path: Path) -> None:
    # P1, P3: a domain for next year, billed in September, is the group's that has the account at September's
    # end.
    policies = make_policies(
        tmp_path, assignments=[("1", "A", "2026-01-01", "2026-09-30"), ("1", "B", "2026-09-30", "2027-01-01")]
    )
    domain = make_sku("AmazonRegistrar")
    result = book(
        policies,
        make_fact(LineItemType.FEE, "15", sku=domain, start=datetime(2027, 2, 1)),
        make_fact(LineItemType.FEE, "14", sku=domain, start=datetime(2026, 7, 30)),
    )
    assert amounts(result) == {("fee", "AmazonRegistrar"): Decimal(14)}
    assert amounts(result, "B") == {("fee", "AmazonRegistrar"): Decimal(15)}


def test_accounts_in_no_group_are_seen_and_never_billed(tmp_path: Path) -> None:
    # P4, F5: every row stays visible with a reason, tax and partner discounts included.
    facts = (
        make_fact(LineItemType.USAGE, "7", public="8", account="404", discounts=((DiscountKind.DISTRIBUTOR, -ONE),)),
        make_fact(LineItemType.TAX, "2", account="404"),
    )
    result = book(make_policies(tmp_path, tax_policy="pass_through"), *facts)
    (group,) = result.groups
    assert result.lines == ()
    assert group.billing_group_id == "UNASSIGNED"
    assert group.withheld_by_reason == {"unassigned": Decimal(6)}
    assert (group.billed_cost, group.aws_tax, group.aws_tax_billed) == (Decimal(0), Decimal(2), Decimal(0))


def test_split_cost_rows_are_no_money(tmp_path: Path) -> None:
    # C1: even if AWS ever put a cost on them.
    split = SplitCost("i-1", ONE, 0, ONE, 0, ONE, ONE, ONE)
    result = book(make_policies(tmp_path), make_fact(LineItemType.USAGE, "5", public="5", split=split))
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
    policies = make_policies(tmp_path, currency=currency, fx=[] if rate is None else [(currency, rate)])
    line = only_line(book(policies, make_usage("1234.567")))
    assert line.net_amount == Decimal(expected)
    assert line.net_amount.as_tuple().exponent == Decimal(expected).as_tuple().exponent


@pytest.mark.parametrize(("cost", "expected"), [("-0.005", "-0.01"), ("-0.0049999999", "0.00"), ("0.005", "0.01")])
def test_halves_round_away_from_zero_on_both_sides(tmp_path: Path, cost: str, expected: str) -> None:
    line = only_line(book(make_policies(tmp_path), make_fact(LineItemType.REFUND, cost)))
    assert line.net_amount == Decimal(expected)


def test_a_missing_rate_leaves_the_draft_in_dollars(tmp_path: Path) -> None:
    # I2: an unconverted amount under a yen sign would be 150 times too small.
    result = book(make_policies(tmp_path, currency="JPY"), make_usage("10"))
    assert (only_line(result).net_amount, result.invoices[0].total_amount) == (None, None)
    assert only_line(result).exact_amount_usd == Decimal(10)


def test_what_the_books_cannot_decide_is_refused(tmp_path: Path) -> None:
    # Expectations that guess would prove a wrong bill right.
    with pytest.raises(ValueError, match="rules tie in plan plan: rule-0, rule-1"):
        book(make_policies(tmp_path, rules=[{"percentage": "1"}, {"percentage": "2"}]), make_usage("1"))
    mixed = make_policies(
        tmp_path,
        rules=[{"scope": "SKU", "service_code": "AmazonEC2", "operation": "RunInstances", "rule_type": "TIERED"}],
        tiers=[("rule-0", "0", "", "1")],
    )
    with pytest.raises(ValueError, match="more than one kind of row"):
        book(mixed, make_usage("1"), make_usage("1", make_sku(billing_entity="AWS Marketplace")))
    with pytest.raises(ValueError, match="prices covered usage by tiers"):
        book(
            mixed,
            make_usage("1"),
            make_fact(LineItemType.DISCOUNTED_USAGE, "0", public="1", commitment=make_lease("1")),
        )
