"""Sections 2 to 6 of the billing rules in plain Python, row by row: slow, small and written without the models.

What is here: the CUR rows of a world as the rules read them, and ``charges_by_hand``, what each charge is, whose it
is, what happens to it and what it costs.
When to add here: a rule that changes what one row costs.
What does not belong here: charges of a whole group, invoices, and splits (``splits_by_hand``).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from billing_worlds import World
from splits_by_hand import rounded_fraction

from orchestration.configuration.intervals import next_month

__all__ = ["ChargeByHand", "charges_by_hand", "counted_rows", "in_force", "tiered_cost"]

Row = Mapping[str, Any]
ConfigurationRow = Mapping[str, str]

_TYPES = {
    "Usage": "usage",
    "FlatRateSubscription": "usage",
    "DiscountedUsage": "reservation_covered_usage",
    "SavingsPlanCoveredUsage": "savings_plan_covered_usage",
    "SavingsPlanNegation": "savings_plan_negation",
    "RIFee": "commitment_fee",
    "SavingsPlanRecurringFee": "commitment_fee",
    "SavingsPlanUpfrontFee": "commitment_upfront",
    "Fee": "fee",
    "BundledDiscount": "bundled_discount",
    "EdpDiscount": "negotiated_discount",
    "PrivateRateDiscount": "negotiated_discount",
    "RiVolumeDiscount": "negotiated_discount",
    "Discount": "negotiated_discount",
    "SppDiscount": "partner_discount",
    "DistributorDiscount": "partner_discount",
    "Credit": "aws_credit",
    "Refund": "refund",
    "Tax": "aws_tax",
}
_COVERED = ("reservation_covered_usage", "savings_plan_covered_usage")
_PRICE_COLUMNS = {"line_item_usage_amount", "pricing_public_on_demand_cost"}
_UNUSED = (
    "reservation_unused_recurring_fee",
    "reservation_unused_amortized_upfront_fee_for_billing_period",
    "savings_plan_total_commitment_to_date",
    "savings_plan_used_commitment",
)
# M1: the columns that a rule reads for a charge type.
_READ_COLUMNS = {
    "usage": _PRICE_COLUMNS,
    "reservation_covered_usage": _PRICE_COLUMNS | {"reservation_effective_cost"},
    "savings_plan_covered_usage": _PRICE_COLUMNS | {"savings_plan_savings_plan_effective_cost"},
    "commitment_fee": {*_UNUSED},
}
_SCOPES = ("GLOBAL", "BILLING_ENTITY", "SERVICE", "SKU")


@dataclass
class ChargeByHand:
    """A CUR row, or a discount inside it (C2), priced.

    Attributes:
        row: the CUR row.
        charge_type: section 3.
        aws_cost: what AWS charged, USD.
        quantity: usage quantity; 0 for a discount.
        group: billing group, or ``UNASSIGNED``.
        reason: why it is not billed; empty when billed.
        rule: winning pricing rule, if any.
        billed: USD; of a TIERED rule, 0, as its total is priced as a whole.
    """

    row: Row
    charge_type: str
    aws_cost: Fraction
    quantity: Fraction
    group: str = ""
    reason: str = ""
    rule: ConfigurationRow | None = None
    billed: Fraction = Fraction(0)

    @property
    def treatment(self) -> str:
        """``billed``, ``withheld`` or ``unrated``."""
        if not self.reason:
            return "billed"
        return "unrated" if self.reason == "unknown_type" or self.reason.startswith("bad_value:") else "withheld"


def in_force(row: ConfigurationRow, period: date) -> bool:
    """Return whether a configuration row with periods is in force."""
    return row["start_period"] <= f"{period:%Y-%m}" < (row.get("end_period") or "9999")


def counted_rows(world: World) -> list[Row]:
    """Return the rows that are no repetition of others (C1)."""
    return [
        row
        for row in world.line_items
        if not row.get("split_line_item_parent_resource_id")
        and row["line_item_operation"] not in ("EKSPod-EC2", "ECSTask-EC2")
    ]


def charges_by_hand(world: World, basis: str) -> list[ChargeByHand]:
    """Price the rows of a world under a membership basis."""
    charges = [charge for row in counted_rows(world) for charge in _charges(row)]
    for charge in charges:
        _treat(charge, world, basis)
    return charges


def tiered_cost(tiers: list[ConfigurationRow], quantity: Fraction) -> int:
    """R5: what a group's whole quantity costs, in units of 1e-10; a negative one gives the same back."""
    cost = Fraction(0)
    for tier in tiers:
        top = min(abs(quantity), Fraction(tier["tier_end"] or abs(quantity)))
        cost += max(top - Fraction(tier["tier_start"]), Fraction(0)) * Fraction(tier["rate"])
    return rounded_fraction(cost, 10) * (-1 if quantity < 0 else 1)


def _number(row: Row, column: str) -> Fraction:
    return Fraction(row.get(column) or 0)


def _charges(row: Row) -> Iterator[ChargeByHand]:
    charge_type = _TYPES.get(row["line_item_line_item_type"], "unknown")
    if charge_type == "fee" and row.get("reservation_reservation_a_r_n"):
        charge_type = "commitment_upfront"
    cost = _number(row, "line_item_unblended_cost")
    yield ChargeByHand(row, charge_type, cost, _number(row, "line_item_usage_amount"))
    # C2
    net = row.get("line_item_net_unblended_cost")
    parts: Mapping[str, Decimal] = row.get("discount") or {}
    says = row.get("discount_total_discount") or row.get("discount_bundled_discount") or any(parts.values())
    if row["discount_mode"] == "columns" and net is not None and (net != 0 or says):
        by_name: dict[str, Fraction] = defaultdict(Fraction)
        for name, value in parts.items():
            by_name[name] += abs(Fraction(value))
        bundled = abs(_number(row, "discount_bundled_discount")) or by_name["BundledDiscount"]
        partner = by_name["SppDiscount"]
        discounts = {
            "bundled_discount": -bundled,
            "partner_discount": -partner,
            "negotiated_discount": Fraction(net) - cost + bundled + partner,
        }
        for name, amount in discounts.items():
            if amount != 0:
                yield ChargeByHand(row, name, amount, Fraction(0))


def _group_on(world: World, account: str, day: date) -> str:
    """P2, P4: the group of an account on a day, or the one that takes what nobody claims, or none."""
    for assignment in world.files["account_assignments"]:
        if assignment["account_id"] == account and assignment["start_date"] <= str(day) < assignment["end_date"]:
            return assignment["billing_group_id"]
    for group in world.files["billing_groups"]:
        if group["auto_associate"] == "true" and in_force(group, world.period):
            return group["billing_group_id"]
    return ""


def _quarantine(row: Row) -> str:
    """C00, M1."""
    charge_type = next(_charges(row)).charge_type
    if charge_type == "unknown":
        return "unknown_type"
    read = set(_READ_COLUMNS.get(charge_type, ()))
    if row["discount_mode"] == "columns":
        read.add("line_item_net_unblended_cost")
    bad = sorted(read & (row.get("bad_values") or {}).keys())
    return f"bad_value:{bad[0]}" if bad else ""


def _is_shared(charge: ChargeByHand, world: World) -> bool:
    """G1: the source of a shared cost."""
    return charge.charge_type not in ("aws_tax", "partner_discount") and any(
        rule["source_kind"] == "account"
        and rule["source_account_id"] == charge.row["line_item_usage_account_id"]
        and rule["source_service_code"] in ("", charge.row["line_item_product_code"])
        for rule in world.files["shared_cost_rules"]
    )


def _treat(charge: ChargeByHand, world: World, basis: str) -> None:
    row = charge.row
    last = next_month(world.period) - timedelta(days=1)
    used = min(max(row["line_item_usage_start_date"].date(), world.period), last)
    day = used if basis == "usage_date" else last
    charge.group = _group_on(world, row["line_item_usage_account_id"], day) or "UNASSIGNED"
    # C0
    arn = row.get("reservation_reservation_a_r_n") or row.get("savings_plan_savings_plan_a_r_n") or ""
    owner = _group_on(world, arn.split(":")[4], day) if arn else ""

    charge.reason = _quarantine(row)
    if not charge.reason and _is_shared(charge, world):
        charge.reason = "shared_cost"
    elif not charge.reason and charge.group == "UNASSIGNED":
        charge.reason = "unassigned"
    if charge.reason:
        return
    (terms,) = (
        terms
        for terms in world.files["billing_terms"]
        if terms["billing_group_id"] == charge.group and in_force(terms, world.period)
    )
    _apply(charge, world, terms, owner)


def _apply(charge: ChargeByHand, world: World, terms: ConfigurationRow, owner: str) -> None:
    """Sections 4, 5 and 6: the terms of the group."""
    row, kind, policy = charge.row, charge.charge_type, terms["commitment_policy"]
    is_owned = owner == charge.group
    charge.billed = charge.aws_cost
    if kind in ("usage", "fee") and row["line_item_product_code"].startswith("AWSSupport"):
        _withhold_unless(charge, terms["support_policy"] == "pass_through")
    elif kind == "usage":
        _rate(charge, world, terms, _list_cost(charge, terms))
    elif kind in _COVERED:
        if policy == "pass_through":
            is_reserved = kind == "reservation_covered_usage"
            column = "reservation_effective_cost" if is_reserved else "savings_plan_savings_plan_effective_cost"
            charge.billed = _number(row, column)
        elif not (policy == "owner_group" and is_owned):
            _rate(charge, world, terms, _list_cost(charge, terms))
    elif kind == "savings_plan_negation":
        _withhold_unless(charge, policy == "owner_group")
        if not charge.reason and not is_owned:
            charge.reason, charge.billed = "commitment_outside_group", Fraction(0)
    elif kind == "commitment_fee":
        if policy == "pass_through":
            recurring, upfront, total, used = (_number(row, column) for column in _UNUSED)
            is_reserved = row["line_item_line_item_type"] == "RIFee"
            charge.billed = recurring + upfront if is_reserved else total - used
        elif _withhold_unless(charge, policy == "owner_group"):
            _rate(charge, world, terms, charge.aws_cost)
    elif kind == "commitment_upfront":
        if _withhold_unless(charge, policy == "owner_group" and terms["upfront_policy"] == "pass"):
            _rate(charge, world, terms, charge.aws_cost)
    elif kind == "fee":
        _rate(charge, world, terms, charge.aws_cost)
    elif kind in ("bundled_discount", "negotiated_discount"):
        _withhold_unless(charge, terms[f"{kind}_policy"] == "pass_through")
    elif kind == "aws_credit":
        if _withhold_unless(charge, terms["aws_credit_policy"] != "withhold") and terms["aws_credit_policy"] == "share":
            charge.billed *= Fraction(terms["aws_credit_share_percentage"]) / 100
    elif kind == "refund":
        _withhold_unless(charge, terms["refund_policy"] == "pass_through")
    elif kind == "aws_tax":
        _withhold_unless(charge, terms["tax_policy"] == "pass_through", "aws_tax")
    else:
        _withhold_unless(charge, False, "partner_discount")


def _withhold_unless(charge: ChargeByHand, is_billed: bool, reason: str = "policy") -> bool:
    if not is_billed:
        charge.reason, charge.billed = reason, Fraction(0)
    return is_billed


def _list_cost(charge: ChargeByHand, terms: ConfigurationRow) -> Fraction:
    """R1."""
    public = _number(charge.row, "pricing_public_on_demand_cost")
    if public == 0:
        return charge.aws_cost
    is_free = charge.charge_type == "usage" and charge.aws_cost == 0 and public > 0
    return Fraction(0) if is_free and terms["free_tier_policy"] == "pass_through" else public


def _rate(charge: ChargeByHand, world: World, terms: ConfigurationRow, base: Fraction) -> None:
    """R2 to R7."""
    row = charge.row
    is_usage = charge.charge_type in ("usage", *_COVERED)

    def precision(rule: ConfigurationRow) -> tuple[int, bool, bool]:
        return _SCOPES.index(rule["scope"]), bool(rule["usage_type"] and rule["operation"]), bool(rule["region"])

    matching = [
        rule
        for rule in world.files["pricing_rules"]
        if rule["pricing_plan_id"] == terms["pricing_plan_id"]
        and in_force(rule, world.period)
        and rule["billing_entity"] in ("", row["bill_billing_entity"])
        and rule["service_code"] in ("", row["line_item_product_code"])
        and rule["usage_type"] in ("", row["line_item_usage_type"])
        and rule["operation"] in ("", row["line_item_operation"])
        and rule["region"] in ("", row["product_region_code"])
        and (is_usage or (rule["include_fees"] == "true" and rule["percentage"]))
    ]
    charge.billed = base
    if matching:
        charge.rule = rule = max(matching, key=precision)
        if rule["rule_type"] == "FIXED_RATE":
            charge.billed = charge.quantity * Fraction(rule["rate"])
        elif rule["rule_type"] == "TIERED":
            charge.billed = Fraction(0)
        else:
            sign = 1 if rule["rule_type"] == "MARKUP" else -1
            charge.billed = base * (1 + sign * Fraction(rule["percentage"]) / 100)
