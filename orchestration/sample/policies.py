"""The example configuration as the sample's books read it: memberships, terms, rules, rates.

What is here: a small reader of ``billing/*.csv``, written apart from the product's own (``configuration``)
and from its SQL, so that a mistake in those cannot hide in the expectations.
When to add here: a configuration file or column that a newly built rule depends on.
What does not belong here: validation; a configuration that the product refuses has no expectations.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from orchestration.sample.fixed_point import ONE, units

__all__ = ["UNASSIGNED", "Policies", "Rule"]

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
        if not (self.start <= period and (not self.end or period < self.end)):
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
            last = date.fromisoformat(row["end_date"]) if row["end_date"] else None
            assignments.setdefault(row["account_id"], []).append(
                (date.fromisoformat(row["start_date"]), last, row["billing_group_id"])
            )
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
        )

    def group_on(self, account: str, day: date) -> str:
        """Return the group an account is in on that day; the auto-associating one, or UNASSIGNED (P2, P4)."""
        for first, last, group in self.assignments.get(account, []):
            if first <= day and (last is None or day < last):
                return group
        return self.auto_associate

    def terms(self, group: str, period: str) -> dict[str, str]:
        """Return the group's one terms row in force (P5)."""
        (terms,) = (
            row
            for row in self.term_rows
            if row["billing_group_id"] == group
            and row["start_period"] <= period
            and (not row["end_period"] or period < row["end_period"])
        )
        return terms

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


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
