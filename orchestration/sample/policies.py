"""The example configuration as the sample's books read it: memberships, terms, rules, group charges, credits, rates.

What is here: a small reader of ``billing/*.csv``, written apart from the product's own (``configuration``)
and from its SQL, so that a mistake in those cannot hide in the expectations.
When to add here: a configuration file or column that a newly built rule depends on.
What does not belong here: validation; a configuration that the product refuses has no expectations.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from orchestration.sample.fixed_point import ONE, units

__all__ = [
    "UNASSIGNED",
    "Credit",
    "CustomItem",
    "MinimumCommitment",
    "Policies",
    "Rule",
    "SharedCostRule",
    "SupportPlan",
    "TaxExemption",
    "TaxRate",
]

UNASSIGNED = "UNASSIGNED"

_SCOPE_RANK = {"GLOBAL": 0, "BILLING_ENTITY": 1, "SERVICE": 2, "SKU": 3}


@dataclass(frozen=True, slots=True)
class Rule:
    """A pricing rule.

    Attributes:
        hundredths: of a percent (825 = 8.25 %). rate: units of 1e-10.
        tiers: (begin inclusive, end exclusive or None, rate), units of 1e-10.
    """

    rule_id: str
    plan: str
    scope: str
    rule_type: str
    hundredths: int
    rate: int
    billing_entity: str
    service_code: str
    usage_type: str
    operation: str
    region: str
    include_fees: bool
    start: str
    end: str
    tiers: tuple[tuple[int, int | None, int], ...]

    @property
    def precision(self) -> tuple[int, int, int]:
        """Return what decides between rules: scope, SKU parts named, then whether a region is (R2)."""
        parts = bool(self.usage_type) + bool(self.operation) if self.scope == "SKU" else 0
        return _SCOPE_RANK[self.scope], parts, int(bool(self.region))

    def fits(
        self,
        period: str,
        billing_entity: str,
        service_code: str,
        usage_type: str,
        operation: str,
        region: str,
    ) -> bool:
        """Return whether a row with these properties is in the rule's period, scope and region (R6)."""
        if not _in_force(period, self.start, self.end):
            return False
        if self.region and self.region != region:
            return False
        if self.scope == "BILLING_ENTITY":
            return self.billing_entity == billing_entity
        if self.scope in ("SERVICE", "SKU") and self.service_code != service_code:
            return False
        if self.scope == "SKU":
            return self.usage_type in ("", usage_type) and self.operation in ("", operation)
        return True

    def acts(self, is_fee: bool) -> bool:
        """Return whether the rule can act on a usage row, or on a fee row (R7)."""
        return not is_fee or (self.include_fees and self.rule_type in ("MARKUP", "DISCOUNT"))

    def tiered_total(self, quantity: int) -> int:
        """Return what ``quantity`` costs through the tiers, in units of 1e-20 (R5)."""
        total = 0
        for begin, end, rate in self.tiers:
            upper = quantity if end is None else min(quantity, end)
            total += max(0, upper - begin) * rate
        return total


@dataclass(frozen=True, slots=True)
class SharedCostRule:
    """A shared cost, or the savings of payer-held commitments (G1, G1b).

    Attributes:
        account: source account; for savings the only owner it is about, '' = any. service: '' = all of it.
        amount: fixed amount, units of 1e-10.
        targets: group -> weight, units of 1e-10; empty = all groups (savings alone).
    """

    rule_id: str
    source_kind: str
    account: str
    service: str
    amount: int
    method: str
    targets: dict[str, int]
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class CustomItem:
    """A custom line item (G2, G3).

    Attributes:
        account: the one named; '' = the group's primary account.
        sign: 1 = FEE, -1 = CREDIT.
        amount: of a flat item, units of 1e-10. hundredths: of a percent, of a percentage item.
        associated: ids of the flat items in its base; ``*`` = all of the group.
    """

    item_id: str
    group: str
    account: str
    sign: int
    is_flat: bool
    amount: int
    hundredths: int
    is_itemized: bool
    line_item_filter: str
    filter_service: str
    presentation_service: str
    associated: tuple[str, ...]
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class MinimumCommitment:
    """A promised spend per month, units of 1e-10, from ``first`` until the day before ``end`` (G5)."""

    group: str
    amount: int
    first: date
    end: date | None


@dataclass(frozen=True, slots=True)
class SupportPlan:
    """A support plan as it is in one period (F1).

    Attributes:
        minimum: units of 1e-10.
        tiers: (begin inclusive, end exclusive or None, hundredths of a percent), units of 1e-10.
    """

    plan_id: str
    minimum: int
    tiers: tuple[tuple[int, int | None, int], ...]


@dataclass(frozen=True, slots=True)
class Credit:
    """A credit granted to a customer, usable from ``first`` until the day before ``end`` (K1 to K3).

    Attributes:
        owner: account whose charges come first; '' = none.
        amount: in the customer's currency, positive.
        services: product codes it may cover; empty = all.
    """

    credit_id: str
    group: str
    owner: str
    amount: Decimal
    currency: str
    first: date
    end: date | None
    services: frozenset[str]
    covers_fees: bool
    is_active: bool


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A case of customer tax, in force from ``first`` until the day before ``end`` (T2).

    Attributes:
        subdivision: '' = the whole country. tax_id: required, absent or any.
        rate: percent.
    """

    issuer_country: str
    customer_country: str
    subdivision: str
    tax_id: str
    tax_class: str
    category: str
    rate: Decimal
    first: date
    end: date | None


@dataclass(frozen=True, slots=True)
class TaxExemption:
    """An exemption of a customer, or of one account of it (T4); ``account`` '' = all of them."""

    customer: str
    account: str
    category: str
    first: date
    end: date | None


@dataclass(frozen=True)
class Policies:
    """The configuration, indexed for the books."""

    membership_basis: str
    assignments: dict[str, list[tuple[date, date | None, str]]]
    auto_associate: str
    groups: dict[str, dict[str, str]]
    customers: dict[str, dict[str, str]]
    term_rows: list[dict[str, str]]
    rules: dict[str, list[Rule]]
    fx_rates: dict[tuple[str, str], int]
    shared_costs: tuple[SharedCostRule, ...]
    custom_items: tuple[CustomItem, ...]
    minimum_commitments: tuple[MinimumCommitment, ...]
    support_plan_rows: list[dict[str, str]]
    support_tier_rows: list[dict[str, str]]
    issuer_countries: dict[str, str]
    credits: tuple[Credit, ...]
    tax_rates: tuple[TaxRate, ...]
    tax_classes: dict[str, str]
    tax_exemptions: tuple[TaxExemption, ...]

    @classmethod
    def read(cls, folder: Path) -> "Policies":
        """Read ``folder``/*.csv; optional files may be absent."""
        tiers: dict[str, list[tuple[int, int | None, int]]] = {}
        for row in _rows(folder / "pricing_rule_tiers.csv"):
            end = units(row["tier_end"]) if row["tier_end"] else None
            tiers.setdefault(row["pricing_rule_id"], []).append((units(row["tier_start"]), end, units(row["rate"])))
        rules: dict[str, list[Rule]] = {}
        for row in _rows(folder / "pricing_rules.csv"):
            rule = Rule(
                rule_id=row["pricing_rule_id"],
                plan=row["pricing_plan_id"],
                scope=row["scope"],
                rule_type=row["rule_type"],
                hundredths=units(row["percentage"] or "0", 2),
                rate=units(row["rate"] or "0"),
                billing_entity=row["billing_entity"],
                service_code=row["service_code"],
                usage_type=row["usage_type"],
                operation=row["operation"],
                region=row["region"],
                include_fees=row["include_fees"] == "true",
                start=row["start_period"],
                end=row["end_period"],
                tiers=tuple(sorted(tiers.get(row["pricing_rule_id"], []), key=lambda tier: tier[0])),
            )
            rules.setdefault(rule.plan, []).append(rule)
        assignments: dict[str, list[tuple[date, date | None, str]]] = {}
        for row in _rows(folder / "account_assignments.csv"):
            assignments.setdefault(row["account_id"], []).append((*_days(row), row["billing_group_id"]))
        groups = {row["billing_group_id"]: row for row in _rows(folder / "billing_groups.csv")}
        settings = {row["setting"]: row["value"] for row in _rows(folder / "settings.csv")}
        return cls(
            membership_basis=settings.get("membership_basis") or "usage_date",
            assignments=assignments,
            auto_associate=next((key for key, row in groups.items() if row["auto_associate"] == "true"), UNASSIGNED),
            groups=groups,
            customers={row["customer_id"]: row for row in _rows(folder / "customers.csv")},
            term_rows=list(_rows(folder / "billing_terms.csv")),
            rules=rules,
            fx_rates={
                (row["period"], row["to_currency"]): units(row["rate"])
                for row in _rows(folder / "fx_rates.csv")
                if row["from_currency"] == "USD"
            },
            shared_costs=tuple(_shared_costs(folder)),
            custom_items=tuple(_custom_items(folder)),
            minimum_commitments=tuple(
                MinimumCommitment(
                    row["billing_group_id"],
                    units(row["amount"]),
                    *_days(row),
                )
                for row in _rows(folder / "minimum_commitments.csv")
            ),
            support_plan_rows=list(_rows(folder / "support_plans.csv")),
            support_tier_rows=list(_rows(folder / "support_plan_tiers.csv")),
            issuer_countries={row["issuer_id"]: row["country_code"] for row in _rows(folder / "issuers.csv")},
            credits=tuple(_credits(folder)),
            tax_rates=tuple(
                TaxRate(
                    row["issuer_country_code"],
                    row["customer_country_code"],
                    row["customer_subdivision"],
                    row["customer_tax_id"],
                    row["tax_class"],
                    row["tax_category"],
                    Decimal(row["rate"]),
                    *_days(row),
                )
                for row in _rows(folder / "tax_rates.csv")
            ),
            tax_classes={row["service_code"]: row["tax_class"] for row in _rows(folder / "tax_classes.csv")},
            tax_exemptions=tuple(
                TaxExemption(row["customer_id"], row["account_id"], row["tax_category"], *_days(row))
                for row in _rows(folder / "tax_exemptions.csv")
            ),
        )

    def group_on(self, account: str, day: date) -> str:
        """Return the group an account is in on that day; the auto-associating one, or UNASSIGNED (P2, P4)."""
        for first, last, group in self.assignments.get(account, []):
            if first <= day and (last is None or day < last):
                return group
        return self.auto_associate

    def groups_in(self, period: str) -> list[str]:
        """Return the groups that exist in the period, in text order."""
        return sorted(
            group for group, row in self.groups.items() if _in_force(period, row["start_period"], row["end_period"])
        )

    def primary_account(self, group: str) -> str:
        """Return the account that charges of the whole group are shown under (G2)."""
        return self.groups[group]["primary_account_id"]

    def terms(self, group: str, period: str) -> dict[str, str]:
        """Return the group's one terms row in force (P5)."""
        (terms,) = (
            row
            for row in self.term_rows
            if row["billing_group_id"] == group and _in_force(period, row["start_period"], row["end_period"])
        )
        return terms

    def shared_costs_in(self, period: str) -> Iterator[SharedCostRule]:
        """Yield the shared cost rules in force."""
        return (rule for rule in self.shared_costs if _in_force(period, rule.start, rule.end))

    def shared_cost_rule(self, account: str, service: str, period: str) -> SharedCostRule | None:
        """Return the rule that takes an account's row away to spread it; one for its service wins (G1)."""
        rules = {
            rule.service: rule
            for rule in self.shared_costs_in(period)
            if rule.source_kind == "account" and rule.account == account and rule.service in ("", service)
        }
        return rules.get(service) or rules.get("")

    def custom_items_of(self, group: str, period: str) -> list[CustomItem]:
        """Return the group's custom line items in force."""
        return [item for item in self.custom_items if item.group == group and _in_force(period, item.start, item.end)]

    def support_plan(self, plan_id: str, period: str) -> SupportPlan:
        """Return the plan's minimum and tiers in force (F1)."""
        (minimum,) = (
            units(row["minimum_amount"])
            for row in self.support_plan_rows
            if row["support_plan_id"] == plan_id and _in_force(period, row["start_period"], row["end_period"])
        )
        return SupportPlan(
            plan_id,
            minimum,
            tuple(
                (
                    units(row["tier_start"]),
                    units(row["tier_end"]) if row["tier_end"] else None,
                    units(row["percentage"], 2),
                )
                for row in self.support_tier_rows
                if row["support_plan_id"] == plan_id and _in_force(period, row["start_period"], row["end_period"])
            ),
        )

    def winning_rule(
        self,
        plan: str,
        period: str,
        *,
        is_fee: bool,
        billing_entity: str,
        service_code: str,
        usage_type: str,
        operation: str,
        region: str,
    ) -> Rule | None:
        """Return the most precise rule of the plan that fits the row and can act on it (R2), or None.

        Raises:
            ValueError: two rules are equally precise; the product refuses such a configuration at load.
        """
        fitting = [
            rule
            for rule in self.rules.get(plan, [])
            if rule.acts(is_fee) and rule.fits(period, billing_entity, service_code, usage_type, operation, region)
        ]
        if not fitting:
            return None
        best = max(rule.precision for rule in fitting)
        winners = [rule for rule in fitting if rule.precision == best]
        if len(winners) > 1:
            raise ValueError(f"rules tie in plan {plan}: {', '.join(rule.rule_id for rule in winners)}")
        return winners[0]

    def currency(self, group: str) -> str:
        """Return the currency of the group's invoices: its customer's."""
        return self.customers[self.groups[group]["customer_id"]]["currency"]

    def fx_rate(self, period: str, currency: str) -> int | None:
        """Return units of 1e-10 of ``currency`` per USD; None where the configuration has no rate (I2)."""
        return ONE if currency == "USD" else self.fx_rates.get((period, currency))


def _in_force(period: str, start: str, end: str) -> bool:
    return start <= period and (not end or period < end)


def _shared_costs(folder: Path) -> Iterator[SharedCostRule]:
    targets: dict[str, dict[str, int]] = {}
    for row in _rows(folder / "shared_cost_targets.csv"):
        own = targets.setdefault(row["shared_cost_rule_id"], {})
        own[row["billing_group_id"]] = units(row["weight"] or "0")
    for row in _rows(folder / "shared_cost_rules.csv"):
        yield SharedCostRule(
            rule_id=row["shared_cost_rule_id"],
            source_kind=row["source_kind"],
            account=row["source_account_id"],
            service=row["source_service_code"],
            amount=units(row["fixed_amount"] or "0"),
            method=row["method"],
            targets=targets.get(row["shared_cost_rule_id"], {}),
            start=row["start_period"],
            end=row["end_period"],
        )


def _custom_items(folder: Path) -> Iterator[CustomItem]:
    for row in _rows(folder / "custom_line_items.csv"):
        yield CustomItem(
            item_id=row["custom_line_item_id"],
            group=row["billing_group_id"],
            account=row["account_id"],
            sign=-1 if row["charge_type"] == "CREDIT" else 1,
            is_flat=row["calculation"] == "FLAT",
            amount=units(row["amount"] or "0"),
            hundredths=units(row["percentage"] or "0", 2),
            is_itemized=row["computation_rule"] == "ITEMIZED",
            line_item_filter=row["line_item_filter"],
            filter_service=row["filter_service_code"],
            presentation_service=row["presentation_service"],
            associated=tuple(filter(None, row["associated_item_ids"].split("|"))),
            start=row["start_period"],
            end=row["end_period"],
        )


def _credits(folder: Path) -> Iterator[Credit]:
    for row in _rows(folder / "credits.csv"):
        first, end = _days(row)
        yield Credit(
            credit_id=row["credit_id"],
            group=row["billing_group_id"],
            owner=row["owner_account_id"],
            amount=Decimal(row["amount"]),
            currency=row["currency"],
            first=first,
            end=end,
            services=frozenset(row["eligible_services"].split("|")) - {"*"},
            covers_fees=row["covers_fees"] == "true",
            is_active=row["status"] == "Active",
        )


def _days(row: dict[str, str]) -> tuple[date, date | None]:
    return date.fromisoformat(row["start_date"]), date.fromisoformat(row["end_date"]) if row["end_date"] else None


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
