"""Configurations and facts made by hand, small enough to bill by head. Shared by the tests of the books."""

import csv
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

from orchestration.sample.expectations import Expectations, LineExpectation
from orchestration.sample.expected import Books
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

PERIOD = datetime(2026, 9, 1)
PAYER = "900000000000"

_GROUPS = {"A": ("1", "2026-01"), "B": ("9", "2026-01")}
_NONE: Mapping[str, dict[str, str]] = {}
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
_CUSTOM_ITEM = {
    "custom_line_item_id": "",
    "billing_group_id": "A",
    "account_id": "",
    "charge_type": "FEE",
    "calculation": "FLAT",
    "amount": "",
    "percentage": "",
    "computation_rule": "",
    "line_item_filter": "",
    "filter_service_code": "",
    "presentation_service": "",
    "associated_item_ids": "",
    "start_period": "2026-01",
    "end_period": "",
}
_SHARED_COST = {
    "shared_cost_rule_id": "",
    "source_kind": "account",
    "source_account_id": "",
    "source_service_code": "",
    "fixed_amount": "",
    "method": "PROPORTIONAL",
    "start_period": "2026-01",
    "end_period": "",
}
_CUSTOMER = {"customer_id": "C", "country_code": "US", "subdivision": "MA", "tax_id": "", "currency": "USD"}
_CREDIT = {
    "credit_id": "",
    "billing_group_id": "A",
    "owner_account_id": "",
    "amount": "",
    "currency": "USD",
    "start_date": "2026-01-01",
    "end_date": "",
    "eligible_services": "*",
    "covers_fees": "false",
    "status": "Active",
}
_TAX_RATE = {
    "issuer_country_code": "US",
    "customer_country_code": "US",
    "customer_subdivision": "",
    "customer_tax_id": "any",
    "tax_class": "standard",
    "tax_category": "S",
    "rate": "10",
    "start_date": "2026-01-01",
    "end_date": "",
}
_TAX_EXEMPTION = {
    "customer_id": "C",
    "account_id": "",
    "tax_category": "E",
    "start_date": "2026-01-01",
    "end_date": "",
}


def _write(path: Path, rows: Iterable[dict[str, str]]) -> None:
    rows = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["none"])
        writer.writeheader()
        writer.writerows(rows)


def _keyed(columns: str, rows: Iterable[tuple[str, ...]]) -> list[dict[str, str]]:
    return [dict(zip(columns.split(), row, strict=True)) for row in rows]


def make_policies(
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
    groups: Mapping[str, tuple[str, str]] = _GROUPS,
    custom_items: Mapping[str, dict[str, str]] = _NONE,
    shared_costs: Mapping[str, dict[str, str]] = _NONE,
    targets: Iterable[tuple[str, str, str]] = (),
    minimums: Iterable[tuple[str, str, str, str]] = (),
    support_plans: Iterable[tuple[str, str, str, str]] = (),
    support_tiers: Iterable[tuple[str, str, str, str, str, str]] = (),
    customer: Mapping[str, str] = MappingProxyType({}),
    credits: Mapping[str, dict[str, str]] = _NONE,
    tax_rates: Iterable[dict[str, str]] = (),
    tax_classes: Iterable[tuple[str, str]] = (),
    tax_exemptions: Iterable[dict[str, str]] = (),
    **terms: str,
) -> Policies:
    """Return a configuration of ``groups`` (id -> primary account, first period) on the same terms and plan."""
    _write(folder / "settings.csv", [{"setting": "membership_basis", "value": membership_basis}])
    _write(folder / "customers.csv", [{**_CUSTOMER, "currency": currency, **customer}])
    _write(folder / "issuers.csv", [{"issuer_id": "I", "country_code": "US"}])
    _write(
        folder / "billing_groups.csv",
        [
            {
                "billing_group_id": group,
                "customer_id": "C",
                "issuer_id": "I",
                "primary_account_id": primary,
                "auto_associate": "false",
                "start_period": start,
                "end_period": "",
            }
            for group, (primary, start) in groups.items()
        ],
    )
    _write(folder / "account_assignments.csv", _keyed("account_id billing_group_id start_date end_date", assignments))
    _write(folder / "billing_terms.csv", [{**_TERMS, **terms, "billing_group_id": group} for group in groups])
    _write(
        folder / "pricing_rules.csv",
        [{**_RULE, "pricing_rule_id": f"rule-{number}", **rule} for number, rule in enumerate(rules)],
    )
    _write(folder / "pricing_rule_tiers.csv", _keyed("pricing_rule_id tier_start tier_end rate", tiers))
    _write(
        folder / "fx_rates.csv",
        [{"period": "2026-09", "from_currency": "USD", "to_currency": to, "rate": rate} for to, rate in fx],
    )
    _write(
        folder / "custom_line_items.csv",
        [{**_CUSTOM_ITEM, "custom_line_item_id": item, **row} for item, row in custom_items.items()],
    )
    _write(
        folder / "shared_cost_rules.csv",
        [{**_SHARED_COST, "shared_cost_rule_id": rule, **row} for rule, row in shared_costs.items()],
    )
    _write(folder / "shared_cost_targets.csv", _keyed("shared_cost_rule_id billing_group_id weight", targets))
    _write(folder / "minimum_commitments.csv", _keyed("billing_group_id amount start_date end_date", minimums))
    _write(
        folder / "support_plans.csv", _keyed("support_plan_id minimum_amount start_period end_period", support_plans)
    )
    _write(
        folder / "support_plan_tiers.csv",
        _keyed("support_plan_id tier_start tier_end percentage start_period end_period", support_tiers),
    )
    _write(
        folder / "credits.csv",
        [{**_CREDIT, "credit_id": credit, "currency": currency, **row} for credit, row in credits.items()],
    )
    _write(folder / "tax_rates.csv", [{**_TAX_RATE, **row} for row in tax_rates])
    _write(folder / "tax_classes.csv", _keyed("service_code tax_class", tax_classes))
    _write(folder / "tax_exemptions.csv", [{**_TAX_EXEMPTION, **row} for row in tax_exemptions])
    return Policies.read(folder)


def make_sku(code: str = "AmazonEC2", factor: int = 0, **attributes: str) -> Sku:
    """Return a SKU; ``factor`` is its normalisation factor, 0 = none."""
    return Sku(
        normalization_factor=factor * ONE,
        product_code=code,
        product_name=code,
        usage_type=attributes.get("usage_type", "BoxUsage:t3.micro"),
        operation=attributes.get("operation", "RunInstances"),
        region=attributes.get("region", "us-east-1"),
        billing_entity=attributes.get("billing_entity", "AWS"),
    )


def make_fact(
    kind: LineItemType,
    cost: str,
    *,
    sku: Sku | None = None,
    account: str = "1",
    public: str | None = None,
    quantity: str = "1",
    effective: str = "0",
    start: datetime = PERIOD,
    commitment: Reservation | SavingsPlan | None = None,
    discounts: tuple[tuple[DiscountKind, int], ...] = (),
    lease_month: LeaseMonth | None = None,
    plan_hour: PlanHour | None = None,
    split: SplitCost | None = None,
) -> Fact:
    return Fact(
        account=account,
        line_item_type=kind,
        sku=sku or make_sku(),
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


def make_usage(public: str, sku: Sku | None = None, **more: str) -> Fact:
    return make_fact(LineItemType.USAGE, public, public=public, sku=sku, **more)  # type: ignore[arg-type]


def make_lease(owner: str) -> Reservation:
    return Reservation(
        f"arn:aws:ec2:us-east-1:{owner}:reserved-instances/x",
        owner,
        PERIOD,
        PERIOD,
        "",
        make_sku(),
        make_sku(),
        1,
        0,
        0,
        0,
        "",
    )


def make_plan(owner: str) -> SavingsPlan:
    return SavingsPlan(
        f"arn:aws:savingsplans::{owner}:savingsplan/x",
        owner,
        PERIOD,
        PERIOD,
        "",
        make_sku("ComputeSavingsPlans"),
        0,
        0,
        0,
    )


def book(policies: Policies, *facts: Fact) -> Expectations:
    books = Books(policies)
    books.book_facts(PAYER, PERIOD, facts)
    return books.expectations()


def amounts(result: Expectations, group: str = "A") -> dict[tuple[str, str], Decimal]:
    return {
        (line.line_kind, line.service_code): line.exact_amount_usd
        for line in result.lines
        if line.billing_group_id == group
    }


def group_charges(result: Expectations, *kinds: str) -> dict[tuple[str, str, str, str], Decimal]:
    """Return the group-level charges of these kinds (all if none) by (group, source, account, service)."""
    return {
        (item.billing_group_id, item.source_id, item.sub_account_id, item.service_code): item.billed_cost
        for item in result.group_charges
        if not kinds or item.kind in kinds
    }


def only_line(result: Expectations) -> LineExpectation:
    (line,) = result.lines
    return line


def covered_month(owner: str) -> tuple[Fact, ...]:
    """Return covered usage of account 1 (list 50 reserved, 100 under a plan) and the owner's fees."""
    lease, plan = make_lease(owner), make_plan(owner)
    return (
        make_fact(LineItemType.DISCOUNTED_USAGE, "0", public="50", effective="15", commitment=lease),
        make_fact(LineItemType.SAVINGS_PLAN_COVERED_USAGE, "100", public="100", effective="60", commitment=plan),
        make_fact(LineItemType.SAVINGS_PLAN_NEGATION, "-100", public="100", commitment=plan),
        make_fact(
            LineItemType.RI_FEE,
            "20",
            sku=make_sku(usage_type="HeavyUsage:t3.micro"),
            account=owner,
            commitment=lease,
            lease_month=LeaseMonth(1, 2, 10 * ONE, 1, 10 * ONE, 5 * ONE),
        ),
        make_fact(
            LineItemType.SAVINGS_PLAN_RECURRING_FEE,
            "70",
            sku=plan.fee_sku,
            account=owner,
            commitment=plan,
            plan_hour=PlanHour(70 * ONE, 0, 60 * ONE),
        ),
        make_fact(LineItemType.FEE, "200", sku=lease.fee_sku, account=owner, commitment=lease),
    )
