"""Section 7 and commitments in the books, on a few hand-made facts whose result anybody can check by head."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hand_made import (
    amounts,
    book,
    covered_month,
    group_charges,
    make_fact,
    make_lease,
    make_plan,
    make_policies,
    make_sku,
    make_usage,
)

from orchestration.sample.facts import DiscountKind, Fact, LeaseMonth, LineItemType, PlanHour
from orchestration.sample.fixed_point import ONE, units

_THREE = {"A": ("1", "2026-01"), "B": ("9", "2026-01"), "C": ("5", "2026-10")}
_ACCOUNTS = (("1", "A", "2026-01-01", ""), ("9", "B", "2026-01-01", ""))
_SUPPORT = make_sku("AWSSupportBusiness")


def _targets(rule: str, *groups: str) -> Iterable[tuple[str, str, str]]:
    """Return target rows; ``B:2`` gives B the weight 2."""
    return [(rule, group.partition(":")[0], group.partition(":")[2]) for group in groups]


# --- G1


def test_a_shared_account_is_spread_by_rated_charges(tmp_path: Path) -> None:
    # G1: tax and partner discounts stay; the account's own group pays its share like the others.
    policies = make_policies(
        tmp_path,
        assignments=[*_ACCOUNTS, ("7", "B", "2026-01-01", "")],
        shared_costs={"net": {"source_account_id": "7"}},
        targets=_targets("net", "A", "B"),
        rules=[{"percentage": "100"}],
    )
    discounts = ((DiscountKind.BUNDLED, -units("1")), (DiscountKind.SOLUTION_PROVIDER, -units("3")))
    result = book(
        policies,
        make_usage("15"),
        make_usage("30", account="9"),
        # At AWS's cost, not at the public price.
        make_fact(LineItemType.USAGE, "10", public="20", account="7", discounts=discounts),
        make_fact(LineItemType.FEE, "4", sku=_SUPPORT, account="7"),
        make_fact(LineItemType.CREDIT, "-1", account="7"),
        make_fact(LineItemType.TAX, "2", account="7"),
    )
    assert group_charges(result) == {("A", "net", "1", ""): Decimal(4), ("B", "net", "9", ""): Decimal(8)}
    group_b = next(item for item in result.groups if item.billing_group_id == "B")
    assert group_b.withheld_by_reason == {"shared_cost": Decimal(12), "partner_discount": Decimal(-3)}
    assert (group_b.billed_cost, group_b.aws_tax) == (Decimal(60), Decimal(2))
    lines = {(line.billing_group_id, line.line_kind, line.source_id): line.net_amount for line in result.lines}
    assert lines == {
        ("A", "usage", ""): Decimal(30),
        ("A", "shared_cost", "net"): Decimal(4),
        ("B", "usage", ""): Decimal(60),
        ("B", "shared_cost", "net"): Decimal(8),
    }


def test_a_rule_for_the_service_beats_the_accounts(tmp_path: Path) -> None:
    # G1, in no group at all; FIXED weights 2 : 0.5.
    policies = make_policies(
        tmp_path,
        shared_costs={
            "all": {"source_account_id": "7", "method": "EVEN"},
            "logs": {"source_account_id": "7", "source_service_code": "AmazonCloudWatch", "method": "FIXED"},
        },
        targets=[*_targets("all", "A", "B"), *_targets("logs", "A:2", "B:0.5")],
    )
    result = book(
        policies,
        make_usage("6", account="7"),
        make_usage("10", make_sku("AmazonCloudWatch"), account="7"),
    )
    assert group_charges(result) == {
        ("A", "all", "1", ""): Decimal(3),
        ("B", "all", "9", ""): Decimal(3),
        ("A", "logs", "1", ""): Decimal(8),
        ("B", "logs", "9", ""): Decimal(2),
    }
    (nobody,) = result.groups
    assert nobody.withheld_by_reason == {"shared_cost": Decimal(16)}


def test_an_even_share_of_a_fixed_amount_leaves_nothing_over(tmp_path: Path) -> None:
    # G1, M5: the missing 1e-10 goes to the smallest key; a group that begins next month takes no part.
    costs = {"desk": {"source_kind": "fixed", "fixed_amount": "100", "method": "EVEN"}}
    groups = {**_THREE, "C": ("5", "2026-09"), "D": ("6", "2026-10")}
    policies = make_policies(tmp_path, groups=groups, shared_costs=costs, targets=_targets("desk", "D", "C", "B", "A"))
    assert group_charges(book(policies)) == {
        ("A", "desk", "1", ""): Decimal("33.3333333334"),
        ("B", "desk", "9", ""): Decimal("33.3333333333"),
        ("C", "desk", "5", ""): Decimal("33.3333333333"),
    }


def test_without_a_target_in_the_period_the_cost_stays_withheld(tmp_path: Path) -> None:
    policies = make_policies(
        tmp_path, groups=_THREE, shared_costs={"net": {"source_account_id": "1"}}, targets=_targets("net", "C")
    )
    result = book(policies, make_usage("10"))
    assert (result.lines, result.groups[0].withheld_by_reason) == ((), {"shared_cost": Decimal(10)})


def test_proportions_of_nothing_are_equal(tmp_path: Path) -> None:
    # M5: a month of refunds must not turn the shares round.
    policies = make_policies(
        tmp_path,
        shared_costs={"desk": {"source_kind": "fixed", "fixed_amount": "8"}},
        targets=_targets("desk", "A", "B"),
    )
    refund = make_fact(LineItemType.REFUND, "-9")
    assert group_charges(book(policies, refund, make_usage("1", account="9"))) == {
        ("A", "desk", "1", ""): Decimal(4),
        ("B", "desk", "9", ""): Decimal(4),
    }


def test_weights_that_are_all_zero_are_refused(tmp_path: Path) -> None:
    policies = make_policies(
        tmp_path,
        groups=_THREE,
        shared_costs={"desk": {"source_kind": "fixed", "fixed_amount": "8", "method": "FIXED"}},
        targets=_targets("desk", "A:0", "C:1"),
    )
    with pytest.raises(ValueError, match="the weights of A sum to zero"):
        book(policies)


# --- G1b


def _covered(account: str, public: str, effective: str, *, plan: bool, owner: str = "404", day: int = 1) -> Fact:
    kind = LineItemType.SAVINGS_PLAN_COVERED_USAGE if plan else LineItemType.DISCOUNTED_USAGE
    return make_fact(
        kind,
        public if plan else "0",
        account=account,
        public=public,
        effective=effective,
        commitment=make_plan(owner) if plan else make_lease(owner),
        start=datetime(2026, 9, day),
        quantity="0",
    )


def test_exact_savings_are_given_back_where_they_arose(tmp_path: Path) -> None:
    # Golden case G25: 28 and 19 for X; Y has paid more than list and gets nothing.
    savings = {"back": {"source_kind": "payer_savings", "method": "EXACT_SAVINGS"}}
    policies = make_policies(tmp_path, shared_costs=savings)
    result = book(
        policies,
        _covered("1", "100", "72", plan=True),
        _covered("1", "50", "31", plan=False),
        _covered("9", "10", "12", plan=True),
        # Each kind for itself: a bad lease does not eat up a good plan.
        _covered("9", "8", "3", plan=False),
    )
    assert group_charges(result) == {("A", "back", "1", ""): Decimal(-47), ("B", "back", "9", ""): Decimal(-5)}


def test_savings_belong_to_nobody_only_while_the_owner_is_in_no_group(tmp_path: Path) -> None:
    # G1b: the owner joins B on the 16th; another owner's commitments are another rule's; B is no target.
    savings = {"back": {"source_kind": "payer_savings", "source_account_id": "404", "method": "EXACT_SAVINGS"}}
    policies = make_policies(
        tmp_path,
        assignments=[*_ACCOUNTS, ("404", "B", "2026-09-16", "")],
        shared_costs=savings,
        targets=_targets("back", "A"),
    )
    result = book(
        policies,
        _covered("1", "10", "9", plan=True, day=15),
        _covered("1", "10", "5", plan=True, day=16),
        _covered("1", "10", "3", plan=True, owner="405"),
        _covered("9", "10", "3", plan=True),
    )
    assert group_charges(result) == {("A", "back", "1", ""): Decimal(-1)}


def _instance(account: str, quantity: str, factor: int = 0, usage_type: str = "EUC1-BoxUsage:x") -> Fact:
    return make_fact(
        LineItemType.USAGE, "1", account=account, quantity=quantity, sku=make_sku(factor=factor, usage_type=usage_type)
    )


_POOLED = {"pool": {"source_kind": "payer_savings", "method": "NORMALIZED_HOURS"}}


def _fee(total: str, used: str, owner: str = "404") -> Fact:
    plan = make_plan(owner)
    return make_fact(
        LineItemType.SAVINGS_PLAN_RECURRING_FEE,
        total,
        account=owner,
        sku=plan.fee_sku,
        commitment=plan,
        plan_hour=PlanHour(units(total), 0, units(used)),
    )


def test_net_savings_follow_normalised_hours(tmp_path: Path) -> None:
    # Golden case G23: 7/18 and 11/18 of 3.1864834368, exactly.
    policies = make_policies(
        tmp_path,
        assignments=[("1", "A", "2026-01-01", ""), ("2", "A", "2026-01-01", ""), ("9", "B", "2026-01-01", "")],
        shared_costs=_POOLED,
        targets=_targets("pool", "A"),
    )
    result = book(
        policies,
        # Used by an account in no group: its savings are pooled all the same. 10 - 5 - 1.8135165632.
        _covered("404", "10", "5", plan=True),
        _fee("6.8135165632", "5"),
        _instance("1", "1.5", 4),
        _instance("1", "1", 0, "ESInstance:x"),  # no factor: one
        _instance("2", "11", 1, "APN1-Multi-AZUsage:db.x"),
        _instance("2", "5", 8, "EUC1-SpotUsage:x"),
        _instance("2", "5", 8, "UnusedBox:x"),
        _instance("9", "100", 8),  # no target
        make_fact(
            LineItemType.RI_FEE,
            "0",
            account="2",
            quantity="9",
            sku=make_sku(usage_type="HeavyUsage:x"),
            commitment=make_lease("2"),
            lease_month=LeaseMonth(1, 9, 0, 0, 0, 0),
        ),
    )
    assert group_charges(result) == {
        ("A", "pool", "1", ""): Decimal("-1.2391880032"),
        ("A", "pool", "2", ""): Decimal("-1.9472954336"),
    }


def test_negative_net_savings_are_billed(tmp_path: Path) -> None:
    # Golden case G24: a lease nobody used is 12.00 that somebody has to bear.
    policies = make_policies(tmp_path, shared_costs=_POOLED)
    result = book(policies, _fee("12", "0"), _instance("1", "25"), _instance("9", "75"))
    assert group_charges(result) == {("A", "pool", "1", ""): Decimal(3), ("B", "pool", "9", ""): Decimal(9)}


def test_savings_without_any_instance_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nobody has an instance hour"):
        book(make_policies(tmp_path, shared_costs=_POOLED), _fee("12", "0"))


# --- G2, G3


def test_flat_items_stand_on_the_named_or_the_primary_account(tmp_path: Path) -> None:
    # Golden case G12; an item that has ended charges nothing.
    policies = make_policies(
        tmp_path,
        custom_items={
            "fee": {"amount": "25"},
            "credit": {
                "charge_type": "CREDIT",
                "amount": "40",
                "account_id": "2",
                "presentation_service": "AmazonEC2",
            },
            "past": {"amount": "7", "end_period": "2026-09"},
        },
    )
    result = book(policies)
    assert group_charges(result, "custom_line_item") == {
        ("A", "fee", "1", ""): Decimal(25),
        ("A", "credit", "2", "AmazonEC2"): Decimal(-40),
    }
    assert amounts(result) == {
        ("custom_line_item", ""): Decimal(25),
        ("custom_line_item", "AmazonEC2"): Decimal(-40),
    }


@pytest.mark.parametrize(("associated", "expected"), [("", "100"), ("flat", "120"), ("*", "110")])
def test_only_named_flat_items_join_the_base(tmp_path: Path, associated: str, expected: str) -> None:
    # Golden cases G13 and G14; the second percentage item never joins a base.
    item = {"calculation": "PERCENTAGE", "percentage": "10", "associated_item_ids": associated}
    policies = make_policies(
        tmp_path,
        custom_items={
            "flat": {"amount": "200"},
            "rebate": {"amount": "100", "charge_type": "CREDIT"},
            "percent": item,
            "other": {**item, "associated_item_ids": "", "charge_type": "CREDIT"},
        },
    )
    charges = group_charges(book(policies, make_usage("1000")))
    assert charges["A", "percent", "1", ""] == Decimal(expected)
    assert charges["A", "other", "1", ""] == Decimal(-100)


@pytest.mark.parametrize(("line_item_filter", "expected"), [("", "46"), ("EXCLUDE_SAVINGS_PLAN_NEGATION", "56")])
def test_negations_can_be_left_out_of_the_base(tmp_path: Path, line_item_filter: str, expected: str) -> None:
    # Golden case G15: covered 100, negation -100, fee 60, other usage 400.
    plan = make_plan("1")
    policies = make_policies(
        tmp_path,
        commitment_policy="owner_group",
        custom_items={
            "percent": {"calculation": "PERCENTAGE", "percentage": "10", "line_item_filter": line_item_filter}
        },
    )
    result = book(
        policies,
        _covered("1", "100", "60", plan=True, owner="1"),
        make_fact(LineItemType.SAVINGS_PLAN_NEGATION, "-100", commitment=plan),
        _fee("60", "60", "1"),
        make_usage("400"),
    )
    assert group_charges(result) == {("A", "percent", "1", ""): Decimal(expected)}


@pytest.mark.parametrize(
    ("line_item_filter", "itemized", "expected"),
    [
        ("SERVICE_EQUAL", True, {"AmazonEC2": "1.50", "": "0.05"}),
        ("SERVICE_EQUAL", False, {"": "1.55"}),
        ("SERVICE_NOT_EQUAL", True, {"AmazonS3": "0.25", "": "0.55"}),
        ("SERVICE_NOT_EQUAL", False, {"": "0.80"}),
        ("", True, {"AmazonEC2": "1.50", "AmazonS3": "0.25", "": "0.55"}),
    ],
)
def test_service_filters_and_itemized_lines(
    tmp_path: Path, line_item_filter: str, itemized: bool, expected: dict[str, str]
) -> None:
    # Golden case G17: EC2 10 and 20, S3 5 at 5 %; beside them a shared cost of 10 and a named item of 1. One
    # service's charges have no part in the shared cost.
    policies = make_policies(
        tmp_path,
        custom_items={
            "percent": {
                "calculation": "PERCENTAGE",
                "percentage": "5",
                "computation_rule": "ITEMIZED" if itemized else "CONSOLIDATED",
                "line_item_filter": line_item_filter,
                "filter_service_code": "AmazonEC2" if line_item_filter else "",
                "associated_item_ids": "flat",
            },
            "flat": {"amount": "1"},
        },
        shared_costs={"desk": {"source_kind": "fixed", "fixed_amount": "10"}},
        targets=_targets("desk", "A"),
    )
    result = book(policies, make_usage("10"), make_usage("20"), make_usage("5", make_sku("AmazonS3")))
    found = group_charges(result)
    assert {service: amount for (_, source, _, service), amount in found.items() if source == "percent"} == {
        service: Decimal(amount) for service, amount in expected.items()
    }


def test_a_percentage_keeps_24_decimals(tmp_path: Path) -> None:
    # M3, G3: 0.0000000007 units x 0.0000000003 is 20 decimals already, and 1.23 % adds four.
    policies = make_policies(
        tmp_path,
        rules=[{"scope": "SERVICE", "service_code": "AmazonEC2", "rule_type": "FIXED_RATE", "rate": "0.0000000003"}],
        custom_items={"percent": {"calculation": "PERCENTAGE", "percentage": "1.23"}},
    )
    result = book(policies, make_fact(LineItemType.USAGE, "9", public="9", quantity="0.0000000007"))
    assert group_charges(result) == {("A", "percent", "1", ""): Decimal("2583e-24")}


# --- F1 and G4

_BUSINESS = [
    ("desk", "0", "10000", "10", "2026-01", ""),
    ("desk", "10000", "80000", "7", "2026-01", ""),
    ("desk", "80000", "", "5", "2026-01", ""),
]


def test_support_is_recomputed_on_what_it_supports(tmp_path: Path) -> None:
    # Golden cases G67 and G69: 85,000 cost 6,150.00, split to the last 1e-10. B has no usage and pays the least.
    policies = make_policies(
        tmp_path,
        assignments=[*((account, "A", "2026-01-01", "") for account in "123"), ("9", "B", "2026-01-01", "")],
        commitment_policy="owner_group",
        upfront_policy="pass",
        support_policy="recompute",
        support_plan_id="desk",
        support_plans=[("desk", "100", "2026-01", "")],
        support_tiers=_BUSINESS,
    )
    software = make_sku("software", billing_entity="AWS Marketplace")
    result = book(
        policies,
        make_usage("60000"),
        make_usage("19000", account="2"),
        _covered("2", "300", "1", plan=True, owner="2"),
        make_fact(LineItemType.SAVINGS_PLAN_NEGATION, "-300", account="2", commitment=make_plan("2")),
        _fee("1000", "1000", "2"),
        make_usage("5000", account="3"),
        # None of these is supported.
        make_fact(LineItemType.USAGE, "70", sku=_SUPPORT),
        make_fact(LineItemType.FEE, "70", sku=_SUPPORT, account="2"),
        make_fact(LineItemType.FEE, "70", account="3"),
        make_fact(LineItemType.FEE, "70", account="3", commitment=make_lease("3")),
        make_usage("70", software),
        make_fact(LineItemType.REFUND, "-70"),
        make_fact(LineItemType.TAX, "70"),
        make_fact(LineItemType.USAGE, "0", discounts=((DiscountKind.BUNDLED, -ONE),)),
    )
    assert group_charges(result) == {
        ("A", "desk", "1", ""): Decimal("4341.1764705882"),
        ("A", "desk", "2", ""): Decimal("1447.0588235294"),
        ("A", "desk", "3", ""): Decimal("361.7647058824"),
        ("B", "desk", "9", ""): Decimal(100),
    }
    group_a = next(item for item in result.groups if item.billing_group_id == "A")
    assert group_a.withheld_by_reason == {"policy": Decimal(140)}
    assert ("support", "AWSSupportBusiness") not in amounts(result)


@pytest.mark.parametrize(
    ("cost", "tiers", "expected"),
    [
        ("500", _BUSINESS, "100"),
        ("1000.01", _BUSINESS, "100.001"),
        # Terms of another month: dated rows beside each other are one plan.
        ("2000", [("desk", "0", "", "10", "2026-01", "2026-09"), ("desk", "0", "", "6", "2026-09", "")], "120"),
        # A month of refunds on usage has no negative fee.
        ("-2000", _BUSINESS, "100"),
    ],
)
def test_support_costs_the_minimum_or_its_tiers(
    tmp_path: Path, cost: str, tiers: list[tuple[str, str, str, str, str, str]], expected: str
) -> None:
    policies = make_policies(
        tmp_path,
        groups={"A": ("1", "2026-01")},
        support_policy="recompute",
        support_plan_id="desk",
        support_plans=[("desk", "5000", "2026-01", "2026-09"), ("desk", "100", "2026-09", "")],
        support_tiers=tiers,
    )
    result = book(policies, make_fact(LineItemType.USAGE, cost))
    assert group_charges(result) == {("A", "desk", "1", ""): Decimal(expected)}


# --- G5


@pytest.mark.parametrize(
    ("minimums", "expected"),
    [
        ([("A", "1000", "2026-01-01", "")], "125.68"),
        ([("A", "874.32", "2026-01-01", "")], None),
        ([("A", "600", "2026-01-01", ""), ("A", "300.005", "2026-01-01", "2026-10-01")], "25.685"),
        # First month, 12 of 30 days (golden case G63): 3,000 are 1,200; last month, 5 of 30 days.
        ([("A", "3000", "2026-09-19", "")], "325.68"),
        ([("A", "6000", "2026-01-01", "2026-09-06")], "125.68"),
        # Half a month of 2,000.01 is 1,000.005: rounded away from zero, to the cent.
        ([("A", "2000.01", "2026-09-16", "")], "125.69"),
        ([("A", "9000", "2026-10-01", "")], None),
        ([("A", "9000", "2026-01-01", "2026-09-01")], None),
    ],
)
def test_what_is_missing_from_the_minimum(
    tmp_path: Path, minimums: list[tuple[str, str, str, str]], expected: str | None
) -> None:
    # The flat item and the tax do not count: the promise is about rated charges.
    policies = make_policies(
        tmp_path, minimums=minimums, custom_items={"flat": {"amount": "500"}}, tax_policy="pass_through"
    )
    result = book(policies, make_usage("874.32"), make_fact(LineItemType.TAX, "99"))
    found = group_charges(result, "minimum_commitment")
    assert found == ({} if expected is None else {("A", "", "1", ""): Decimal(expected)})


def test_a_month_below_zero_breaks_no_promise_nobody_made(tmp_path: Path) -> None:
    assert group_charges(book(make_policies(tmp_path), make_fact(LineItemType.REFUND, "-10"))) == {}


# --- Commitments


@pytest.mark.parametrize("own_policy", ["on_demand", "owner_group", "pass_through"])
def test_every_policy_is_shown_whatever_the_terms_say(tmp_path: Path, own_policy: str) -> None:
    # RS6: list 150 and 20 more; fees 20 + 70 + 200 upfront; effective 75 and unused 15 + 10. The rule's markup
    # acts on what is on demand, and on fees.
    policies = make_policies(
        tmp_path,
        rules=[{"percentage": "10", "include_fees": "true"}],
        commitment_policy=own_policy,
        upfront_policy="pass",
    )
    result = book(policies, *covered_month("1"), make_usage("20"))
    shown = {item.policy: item.billed_cost for item in result.policies if item.billing_group_id == "A"}
    assert shown == {"on_demand": Decimal(187), "owner_group": Decimal(341), "pass_through": Decimal(122)}
    assert shown[own_policy] == next(item for item in result.groups if item.billing_group_id == "A").billed_cost
    assert {item.billed_cost for item in result.policies if item.billing_group_id == "B"} == {Decimal(0)}


def test_a_commitments_month(tmp_path: Path) -> None:
    # RS6: what it cost is what was used and what was not; group and policy make no difference.
    result = book(make_policies(tmp_path), *covered_month("9"))
    lease, plan = result.commitments
    assert lease.commitment_id == "arn:aws:ec2:us-east-1:9:reserved-instances/x"
    # Fee 20 and amortised 10; effective 15 of list 50.
    assert (lease.cost, lease.used, lease.unused) == (Decimal(30), Decimal(15), Decimal(15))
    assert (lease.list_value, lease.savings) == (Decimal(50), Decimal(20))
    assert (plan.cost, plan.used, plan.unused) == (Decimal(70), Decimal(60), Decimal(10))
    assert (plan.list_value, plan.savings) == (Decimal(100), Decimal(30))


def test_a_month_without_use_still_costs(tmp_path: Path) -> None:
    lease = make_lease("9")
    month = LeaseMonth(1, 2, 10 * ONE, 2, 20 * ONE, 10 * ONE)
    fee = make_fact(LineItemType.RI_FEE, "20", account="9", commitment=lease, lease_month=month)
    (item,) = book(make_policies(tmp_path), fee).commitments
    assert (item.cost, item.used, item.unused, item.savings) == (Decimal(30), Decimal(0), Decimal(30), Decimal(-30))


# --- M6


@pytest.mark.parametrize(
    ("currency", "costs", "expected"),
    [
        ("USD", ("33.34", "33.33", "33.33"), ("33.34", "33.33", "33.33")),
        # Three equal shares of 100.00: the odd cent goes to the smallest account id.
        ("USD", ("33.3333333333", "33.3333333333", "33.3333333333"), ("33.34", "33.33", "33.33")),
        ("USD", ("100", "-10", "0"), ("100.00", "-10.00", None)),
        ("JPY", ("1", "1", "1"), ("149", "148", "148")),
    ],
)
def test_a_line_is_split_over_its_accounts(
    tmp_path: Path, currency: str, costs: tuple[str, ...], expected: tuple[str | None, ...]
) -> None:
    policies = make_policies(
        tmp_path,
        assignments=[(account, "A", "2026-01-01", "") for account in "123"],
        currency=currency,
        fx=[("JPY", "148.2")],
        refund_policy="pass_through",
    )
    facts = [make_fact(LineItemType.USAGE, cost, account=account) for account, cost in zip("123", costs, strict=True)]
    result = book(policies, *facts)
    parts = {item.sub_account_id: item.net_amount for item in result.line_accounts}
    assert parts == {account: Decimal(part) for account, part in zip("123", expected, strict=True) if part is not None}
    assert sum(parts.values()) == result.lines[0].net_amount
