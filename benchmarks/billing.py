"""The billing configuration of the benchmark: 200 accounts in 40 groups of 20 customers, and some 700 pricing rules.

What is here: the files of ``billing/``, made from the same catalogue as the rows.
When to add here: a rule or policy whose cost should be measured; the yardstick must bill by it too.
What does not belong here: rows (``sql/``).

Every group of rules that a reseller of this size has is here, but tiers, shared costs, custom items, support plans and
credits: those cost next to nothing beside usage, and would only make the yardstick long.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

from benchmarks.deliveries import periods

__all__ = ["CHANGED_RULE", "write_billing"]

CHANGED_RULE = "plan-0-global"
"""The rule whose percentage another price for a whole plan changes, see :func:`write_billing`."""

_GROUPS = 40
_PLANS = 8
# Two accounts are nobody's: they become UNASSIGNED (P4).
_ASSIGNED = 198
_MOVED_TO = 7
_START = "2024-01"


def write_billing(billing: Path, connection: duckdb.DuckDBPyConnection, changed_percentage: str = "8") -> None:
    """Write the configuration files.

    Args:
        billing: the folder ``billing`` of a workspace.
        connection: from ``benchmarks.deliveries.catalogue``.
        changed_percentage: markup of the rule :data:`CHANGED_RULE`, so that a change of it can be measured.
    """
    billing.mkdir(parents=True, exist_ok=True)
    accounts = [
        row[0] for row in connection.execute("select account_id from accounts order by account_number").fetchall()
    ]
    payers = connection.execute("select payer_account_id, export_name from payers order by payer_number").fetchall()
    files: dict[str, Sequence[Mapping[str, object]]] = {
        "settings": [{"setting": "membership_basis", "value": "usage_date"}],
        "payers": [
            {"payer_account_id": account_id, "payer_name": f"Payer {account_id}", "billing_export": export_name}
            for account_id, export_name in payers
        ],
        "issuers": [
            {
                **dict.fromkeys(("address", "postal_code", "city"), "x"),
                "issuer_id": "reseller",
                "legal_name": "Reseller Inc.",
                "country_code": "US",
                "tax_id": "00-0000000",
                "invoice_prefix": "B",
                "currency": "USD",
                "iban": "",
                "email": "billing@reseller.example",
            }
        ],
        "customers": [_customer(number) for number in range(_GROUPS // 2)],
        "billing_groups": [_billing_group(number, accounts) for number in range(_GROUPS)],
        "account_assignments": list(_assignments(accounts[:_ASSIGNED])),
        "billing_terms": [_terms(number) for number in range(_GROUPS)],
        "pricing_plans": [
            {"pricing_plan_id": f"plan-{plan}", "pricing_plan_name": f"Plan {plan}"} for plan in range(_PLANS)
        ],
        "pricing_rules": [rule for plan in range(_PLANS) for rule in _rules(plan, connection, changed_percentage)],
        "fx_rates": [_fx_rate(number, period) for number, period in enumerate(periods())],
        "tax_rates": [_tax_rate("US", "S", "Sales tax", "8.25", ""), _tax_rate("DE", "O", "", "0", "")],
    }
    for name, rows in files.items():
        _write(billing / f"{name}.csv", rows)


def _write(file: Path, rows: Sequence[Mapping[str, object]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _customer(number: int) -> dict[str, object]:
    is_european = number % 4 == 0
    return {
        "customer_id": f"customer-{number}",
        "legal_name": f"Customer {number}",
        "address": "x",
        "postal_code": "x",
        "city": "x",
        "subdivision": "",
        "country_code": "DE" if is_european else "US",
        "tax_id": "",
        "currency": "EUR" if is_european else "USD",
        "payment_terms_days": 30,
        "email": f"customer-{number}@example.com",
        "language": "en",
    }


def _billing_group(number: int, accounts: Sequence[str]) -> dict[str, object]:
    return {
        "billing_group_id": f"group-{number:02}",
        "billing_group_name": f"Group {number}",
        "customer_id": f"customer-{number // 2}",
        "issuer_id": "reseller",
        # Of the accounts that never move.
        "primary_account_id": accounts[number + _GROUPS],
        "auto_associate": "false",
        "start_period": _START,
        "end_period": "",
    }


def _assignments(accounts: Sequence[str]) -> Iterable[dict[str, object]]:
    for number, account_id in enumerate(accounts):
        group = number % _GROUPS
        # Ten accounts move inside a month, which splits its rows, and ten between two.
        moved = None if number >= 20 else "2025-11-16" if number < 10 else "2025-11-01"
        yield _assignment(account_id, group, f"{_START}-01", moved or "")
        if moved is not None:
            yield _assignment(account_id, (group + _MOVED_TO) % _GROUPS, moved, "")


def _assignment(account_id: str, group: int, start: str, end: str) -> dict[str, object]:
    return {
        "account_id": account_id,
        "billing_group_id": f"group-{group:02}",
        "start_date": start,
        "end_date": end,
    }


def _terms(number: int) -> dict[str, object]:
    aws_credit_policy = ("withhold", "pass_through", "share")[number % 3]
    return {
        "billing_group_id": f"group-{number:02}",
        "start_period": _START,
        "end_period": "",
        "pricing_plan_id": f"plan-{number % _PLANS}",
        "commitment_policy": ("on_demand", "on_demand", "owner_group", "pass_through")[number // 2 % 4],
        "upfront_policy": "withhold",
        "free_tier_policy": "withhold" if number % 5 == 0 else "pass_through",
        "support_policy": "withhold",
        "support_plan_id": "",
        "bundled_discount_policy": "withhold",
        "negotiated_discount_policy": ("withhold", "pass_through")[number % 2],
        "aws_credit_policy": aws_credit_policy,
        "aws_credit_share_percentage": "40" if aws_credit_policy == "share" else "",
        "refund_policy": "pass_through",
        "tax_policy": "recompute",
    }


def _rules(plan: int, connection: duckdb.DuckDBPyConnection, changed_percentage: str) -> Iterable[dict[str, object]]:
    """Return a plan's rules: one for all, one for the Marketplace, some by service and region, more by SKU."""
    global_percentage = changed_percentage if plan == 0 else str(3 + plan)
    yield _rule(plan, "global", "GLOBAL", "MARKUP", global_percentage, include_fees="true" if plan % 2 else "false")
    yield _rule(plan, "marketplace", "BILLING_ENTITY", "MARKUP", "1.5", billing_entity="AWS Marketplace")
    services = [
        row[0] for row in connection.execute("select product_code from services order by service_number").fetchall()
    ]
    for number in range(12):
        service = services[(plan * 5 + number * 3) % 57]
        # Half of them end, and others follow.
        end = "2025-07" if number % 2 else ""
        rule_type = ("MARKUP", "DISCOUNT")[number % 2]
        yield _rule(
            plan, f"service-{number}", "SERVICE", rule_type, f"{number}.25", service_code=service, end_period=end
        )
        if end:
            follows = {"service_code": service, "start_period": end}
            yield _rule(plan, f"service-{number}-later", "SERVICE", "MARKUP", "2", **follows)
    for region in ("eu-central-1", "ap-northeast-1"):
        yield _rule(plan, f"ec2-{region}", "SERVICE", "MARKUP", "6.5", service_code="AmazonEC2", region=region)
    skus = connection.execute(
        "select distinct product_code, usage_type from usage_types where (usage_type_number + ?) % 43 = 0 order by all",
        [plan * 3],
    ).fetchall()
    for number, (service, usage_type) in enumerate(skus):
        sku = {"service_code": service, "usage_type": usage_type}
        if number % 6 == 0:
            yield _rule(plan, f"sku-{number}", "SKU", "FIXED_RATE", "", rate="0.0312500000", **sku)
        else:
            yield _rule(plan, f"sku-{number}", "SKU", ("MARKUP", "DISCOUNT")[number % 2], f"{number % 17}.75", **sku)


def _rule(plan: int, name: str, scope: str, rule_type: str, percentage: str, **further: str) -> dict[str, object]:
    return {
        "pricing_rule_id": f"plan-{plan}-{name}",
        "pricing_plan_id": f"plan-{plan}",
        "scope": scope,
        "rule_type": rule_type,
        "percentage": percentage,
        "rate": "",
        "billing_entity": "",
        "service_code": "",
        "usage_type": "",
        "operation": "",
        "region": "",
        "include_fees": "false",
        "start_period": _START,
        "end_period": "",
        **further,
    }


def _fx_rate(number: int, period: date) -> dict[str, object]:
    return {
        "period": f"{period:%Y-%m}",
        "from_currency": "USD",
        "to_currency": "EUR",
        "rate": Decimal("0.8513") + Decimal(number) / 1000,
        "source": "made up",
    }


def _tax_rate(country: str, category: str, name: str, rate: str, reason: str) -> dict[str, object]:
    return {
        "issuer_country_code": "US",
        "customer_country_code": country,
        "customer_subdivision": "",
        "customer_tax_id": "any",
        "tax_class": "standard",
        "tax_category": category,
        "tax_name": name,
        "rate": rate,
        "exemption_reason": reason,
        "start_date": f"{_START}-01",
        "end_date": "",
    }
