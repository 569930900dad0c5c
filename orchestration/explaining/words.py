"""The words of an explanation: what steps, paths and sources are called, and how amounts are written.

What is here: labels that the terminal, the page and the files share.
When to add here: a new step, path or source.
What does not belong here: layout; amounts.
"""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

__all__ = [
    "LEVELS",
    "MEMBERSHIP_BASES",
    "NOT_AS_ISSUED",
    "NO_ROWS_FOR_CUSTOMER",
    "ONLY_ISSUED",
    "amount",
    "charge_price",
    "charge_words",
    "group_charge_words",
    "step_words",
    "tier_words",
]

LEVELS = {
    "line": "Line",
    "documents": "Documents with this line",
    "document_parts": "The issued line",
    "document_accounts": "Its accounts, as issued",
    "bridge": "How it adds up",
    "accounts": "Accounts",
    "usage": "Usage",
    "credits": "Customer credits",
    "charges": "Charges",
    "group_charges": "How it was worked out",
    "bases": "Other parts of the base",
    "tiers": "Tiers",
    "rows": "CUR rows",
}

NOT_AS_ISSUED = "The numbers have changed since it was issued, so that its usage is not shown as of today."

ONLY_ISSUED = "The line is in no draft any more: only what was issued is known of it."

NO_ROWS_FOR_CUSTOMER = "What a charge of the whole group is worked out from is not shown to customers."

MEMBERSHIP_BASES = {
    "usage_date": "Each day's usage belongs to the group that the account was in on that day.",
    "billing_period": "All of the month belongs to the group that the account was in on its last day.",
}
"""The values of the setting ``membership_basis`` (P3)."""

_STEPS = {
    "list_price": "List price",
    "aws_charge": "What AWS charged",
    "commitment": "Reservations and Savings Plans",
    "share": "The part of the credit that is kept",
    "other": "Policy",
    "whole": "The whole that is split",
    "others": "Parts of others",
    "amount": "Agreed amount",
    "percentage": "Percentage of the base",
    "savings": "Savings given back",
    "promised": "Minimum commitment",
    "rated": "Charges that count towards it",
    "billed": "Billed",
    "rounding": "Rounding",
    "customer_credits": "Customer credits",
}
_SOURCES = {
    "public_on_demand_cost": "public price",
    "unblended_cost": "AWS's charge, no public price",
    "free_tier": "free tier",
    "price_list": "AWS's tiers for the group",
}
_PATHS = {
    "effective_cost": "effective cost of the commitment",
    "covered": "as AWS charged it, covered by a commitment",
    "unused_commitment": "unused part of the commitment",
    "fee": "as AWS charged it",
    "at_cost": "as AWS charged it",
    "share": "part passed on",
}


def amount(value: Decimal | None, minor_units: int = 2) -> str:
    """Write every digit of an amount that counts, with at least the decimals of its currency; '' for none."""
    if value is None:
        return ""
    with localcontext(prec=80):
        text = f"{value:,f}"
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0").ljust(minor_units, "0")
    return f"{whole}.{decimals}" if decimals else whole


def step_words(step: Mapping[str, Any]) -> str:
    """Return what a step of the bridge is called."""
    value = amount(step.get("rule_value"), 0)
    match step["step"]:
        case "exchange_rate":
            return f"Exchange rate {value} {step['currency']} for 1 USD"
        case "rule":
            kinds = {
                "MARKUP": f"Markup of {value} %",
                "DISCOUNT": f"Discount of {value} %",
                "FIXED_RATE": f"Fixed rate {value} instead of list price",
                "TIERED": "Tiers instead of list price",
            }
            return f"{kinds.get(step['rule_type'], 'Rule')} ({step['source_id']})"
        case name:
            return _STEPS.get(name, str(name))


def charge_words(charge: Mapping[str, Any]) -> str:
    """Return what was charged: usage type, operation and region, or the kind of charge."""
    parts = [charge["usage_type"], charge["operation"], charge["region_id"]]
    used = " · ".join(part for part in parts if part) or charge["line_item_type"]
    kind = "" if charge["charge_type"] == "usage" else f" ({charge['charge_type'].replace('_', ' ')})"
    day = f", {charge['charge_date']}" if charge["charge_date"] else ""
    return f"{used}{kind}{day}"


def charge_price(charge: Mapping[str, Any]) -> str:
    """Return how a charge's amount came about: its base, where that is from, and what acted on it (R9)."""
    if charge["treatment"] != "billed":
        reason = charge["treatment_reason"].replace("_", " ")
        policy = f" ({charge['policy']})" if charge["policy"] else ""
        return f"{charge['treatment']}: {reason}{policy}"
    base, factor = amount(charge["rating_base"]), amount(charge["rating_factor"], 0)
    rule = ""
    if charge["pricing_rule_id"]:
        rule = (
            f" rule {charge['pricing_rule_id']} ({charge['rule_type']}, pricing_rules.csv line {charge['rule_line']})"
        )
    if charge["rule_type"] == "TIERED":
        text = f"{amount(charge['usage_quantity'], 0)} {charge['usage_unit']} by the tiers of{rule}"
    elif charge["rule_type"] == "FIXED_RATE":
        text = f"{amount(charge['rating_base'], 0)} {charge['usage_unit']} x {factor}{rule}"
    elif charge["rating_path"] == "on_demand":
        source = _SOURCES.get(charge["list_cost_source"], charge["list_cost_source"])
        text = f"list {base} ({source}){f' x {factor}{rule}' if rule else ', no rule'}"
    else:
        path = _PATHS.get(charge["rating_path"], charge["rating_path"])
        text = f"{base} ({path})" if factor == "1" and not rule else f"{base} ({path}) x {factor}{rule}"
    return f"{text}, {charge['policy']}" if charge["policy"] else text


def group_charge_words(row: Mapping[str, Any]) -> str:
    """Return how a part of a charge of the whole group was worked out."""
    base = amount(row["base_amount"])
    share = ""
    if row["is_equal_split"]:
        share = "split evenly, as the weights say nothing"
    elif row["weight"] is not None:
        share = f"weight {amount(row['weight'], 0)} of {amount(row['weight_total'], 0)}"
    match row["method"]:
        case "FLAT":
            text = f"agreed amount {base}"
        case "PERCENTAGE":
            text = f"{amount(row['percentage'], 0)} % of {base}"
        case "TRUE_UP":
            text = f"commitment {amount(row['committed_amount'])} less rated charges {base}"
        case "EXACT_SAVINGS":
            text = f"savings of {base} ({row['part'].replace('_', ' ')}) given back"
        case "NORMALIZED_HOURS":
            text = f"savings of {base} of {row['part']}, by normalised hours, {share}"
        case "TIERS" | "MINIMUM":
            fee = "the plan's minimum" if row["method"] == "MINIMUM" else f"tiers on {base}"
            text = f"{amount(row['whole_amount'])} ({fee}; {row['calculation']}), {share}"
        case method:
            text = f"{amount(row['whole_amount'])} split {method.lower()}, {share}"
    return f"{text} ({row['configured']})"


def tier_words(step: Mapping[str, Any]) -> str:
    """Return a step of tiers: its bounds, what falls into it, and its rate."""
    end = "" if step["tier_end"] is None else f" to {amount(step['tier_end'], 0)}"
    rate = f"{amount(step['percentage'], 0)} %" if step["rate"] is None else amount(step["rate"], 0)
    return f"from {amount(step['tier_start'], 0)}{end}: {amount(step['step_quantity'], 0)} at {rate}"
