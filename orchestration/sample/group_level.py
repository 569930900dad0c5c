"""Section 7 in the books: charges of a whole billing group that follow from its rated charges, in the rules' order.

What is here: shared costs, payer-held savings, custom line items, recomputed support, minimum commitments.
When to add here: another kind of group-level charge.
What does not belong here: rows of deliveries (``expected`` rates them first) and invoice lines.
"""

import calendar
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from orchestration.sample.commitment_use import CommitmentLedger
from orchestration.sample.fixed_point import rounded_quotient, split
from orchestration.sample.policies import CustomItem, MinimumCommitment, Policies, SharedCostRule

__all__ = ["EXACT_PLACES", "RATED_PLACES", "GroupCharge", "Rated", "group_level_charges"]

RATED_PLACES = 20
"""Decimals of a rated amount: 10 of a quantity x 10 of a rate (M3)."""

EXACT_PLACES = 24
"""Decimals of a group-level amount: a rated amount x a percentage as a factor of four decimals (G3)."""

_UNIT = 10 ** (EXACT_PLACES - 10)  # units of 1e-24 in one of 1e-10
_RATED = 10 ** (EXACT_PLACES - RATED_PLACES)
_CENT = 10**8  # units of 1e-10

# F1: what the fee is a percentage of.
_SUPPORTED = frozenset(
    {
        "usage",
        "reservation_covered_usage",
        "savings_plan_covered_usage",
        "savings_plan_negation",
        "commitment_fee",
    }
)


@dataclass(frozen=True, slots=True)
class Rated:
    """Billed rows that have all of these in common; ``billed`` in units of 1e-20. AWS tax has line kind aws_tax."""

    group: str
    account: str
    service: str
    charge_type: str
    line_kind: str
    billed: int


@dataclass(frozen=True, slots=True)
class GroupCharge:
    """A charge of section 7; ``billed`` in units of 1e-24, negative where it lowers the bill."""

    group: str
    kind: str
    source_id: str
    account: str
    service: str
    billed: int


def group_level_charges(
    policies: Policies,
    month: str,
    rated: Sequence[Rated],
    shared: Mapping[str, int],
    commitments: CommitmentLedger,
) -> list[GroupCharge]:
    """Return the group-level charges of a billing period, one row per group, kind, source, account and service.

    Args:
        policies: the configuration.
        month: billing period, ``YYYY-MM``.
        rated: billed rows of the period, AWS tax among them or not: it is no rated charge.
        shared: cost that was taken away per shared cost rule, units of 1e-10 (G1).
        commitments: the commitments of the period.

    Raises:
        ValueError: FIXED weights that sum to zero, or savings and nobody with an instance to give them to.
    """
    own = [row for row in rated if row.line_kind != "aws_tax"]
    return _GroupLevel(policies, month, own, shared, commitments).charges()


class _GroupLevel:
    def __init__(
        self,
        policies: Policies,
        month: str,
        rated: Sequence[Rated],
        shared: Mapping[str, int],
        commitments: CommitmentLedger,
    ) -> None:
        self._policies = policies
        self._month = month
        self._rated = rated
        self._shared = shared
        self._commitments = commitments
        self._groups = policies.groups_in(month)
        self._totals: dict[str, int] = defaultdict(int)
        for row in rated:
            self._totals[row.group] += row.billed

    def charges(self) -> list[GroupCharge]:
        """Return all charges; rows of equal key are one."""
        shared = [*self._shared_costs(), *self._savings()]
        shared_of: dict[str, int] = defaultdict(int)
        for charge in shared:
            shared_of[charge.group] += charge.billed
        found = list(shared)
        for group in self._groups:
            for item in self._policies.custom_items_of(group, self._month):
                found.extend(self._custom_item(item, shared_of[group]))
            found.extend(self._support(group))
            found.extend(self._true_up(group))
        sums: dict[tuple[str, str, str, str, str], int] = defaultdict(int)
        for charge in found:
            sums[charge.group, charge.kind, charge.source_id, charge.account, charge.service] += charge.billed
        return [GroupCharge(*key, billed) for key, billed in sorted(sums.items())]

    # --- G1, G1b

    def _shared_costs(self) -> Iterator[GroupCharge]:
        for rule in self._policies.shared_costs_in(self._month):
            if rule.source_kind == "payer_savings":
                continue
            whole = rule.amount if rule.source_kind == "fixed" else self._shared.get(rule.rule_id, 0)
            targets = self._targets(rule)
            if targets:
                for group, part in split(whole, self._weights(rule, targets)).items():
                    account = self._policies.primary_account(group)
                    yield GroupCharge(group, "shared_cost", rule.rule_id, account, "", part * _UNIT)

    def _targets(self, rule: SharedCostRule) -> list[str]:
        """Return the groups that take part and exist in the period; all of them where the rule names none."""
        return [group for group in self._groups if group in rule.targets or not rule.targets]

    def _weights(self, rule: SharedCostRule, targets: list[str]) -> dict[str, int]:
        if rule.method == "FIXED":
            weights = {group: rule.targets[group] for group in targets}
            if not any(weights.values()):
                raise ValueError(f"rule {rule.rule_id}: the weights of {', '.join(targets)} sum to zero (M5)")
            return weights
        weights = {group: self._totals[group] for group in targets}
        if rule.method == "PROPORTIONAL" and sum(weights.values()) > 0:
            return weights
        return dict.fromkeys(targets, 1)

    def _savings(self) -> Iterator[GroupCharge]:
        for rule in self._policies.shared_costs_in(self._month):
            if rule.source_kind != "payer_savings":
                continue
            targets = self._targets(rule)
            for (group, account), amount in self._given(rule).items():
                if group in targets:
                    yield GroupCharge(group, "shared_cost", rule.rule_id, account, "", -amount * _UNIT)

    def _given(self, rule: SharedCostRule) -> dict[tuple[str, str], int]:
        """Return the savings of the rule by (group, account), positive where money was saved."""
        given: dict[tuple[str, str], int] = defaultdict(int)
        if rule.method == "EXACT_SAVINGS":
            for (group, account, _), amount in self._commitments.own_savings(self._month, rule.account).items():
                given[group, account] += max(0, amount)
            return given
        targets = self._targets(rule)
        hours = {
            (account, group): quantity
            for (group, account), quantity in self._commitments.normalized_hours(self._month).items()
            if group in targets
        }
        for savings in self._commitments.net_savings(self._month, rule.account):
            if savings and not any(hours.values()):
                raise ValueError(f"rule {rule.rule_id}: nobody has an instance hour in {self._month} (G1b)")
            # Ties go to the smallest account id.
            for (account, group), part in split(savings, hours).items() if savings else ():
                given[group, account] += part
        return given

    # --- G2, G3

    def _custom_item(self, item: CustomItem, shared: int) -> Iterator[GroupCharge]:
        account = item.account or self._policies.primary_account(item.group)

        def charge(service: str, billed: int) -> GroupCharge:
            return GroupCharge(item.group, "custom_line_item", item.item_id, account, service, item.sign * billed)

        if item.is_flat:
            yield charge(item.presentation_service, item.amount * _UNIT)
            return
        by_service: dict[str, int] = defaultdict(int)
        for row in self._rated:
            if row.group == item.group and _is_in_base(item, row):
                by_service[row.service] += row.billed * _RATED
        # One service's charges alone have no share of what belongs to none (G3).
        rest = 0 if item.line_item_filter == "SERVICE_EQUAL" else shared
        rest += sum(
            other.sign * other.amount * _UNIT
            for other in self._policies.custom_items_of(item.group, self._month)
            if other.is_flat and ("*" in item.associated or other.item_id in item.associated)
        )
        if item.is_itemized:
            for service, base in by_service.items():
                yield charge(service, _percent(base, item.hundredths))
            yield charge("", _percent(rest, item.hundredths))
        else:
            yield charge(item.presentation_service, _percent(sum(by_service.values()) + rest, item.hundredths))

    # --- G4, G5

    def _support(self, group: str) -> Iterator[GroupCharge]:
        terms = self._policies.terms(group, self._month)
        if terms["support_policy"] != "recompute":
            return
        plan = self._policies.support_plan(terms["support_plan_id"], self._month)
        bases: dict[str, int] = defaultdict(int)
        for row in self._rated:
            if row.group == group and row.charge_type in _SUPPORTED and row.line_kind not in ("marketplace", "support"):
                bases[row.account] += row.billed
        base = sum(bases.values()) * _RATED
        fee = 0
        for begin, end, hundredths in plan.tiers:
            upper = base if end is None else min(base, end * _UNIT)
            fee += _percent(max(0, upper - begin * _UNIT), hundredths)
        whole = rounded_quotient(max(fee, plan.minimum * _UNIT), _UNIT)
        for account, part in split(whole, bases or {self._policies.primary_account(group): 1}).items():
            yield GroupCharge(group, "support", plan.plan_id, account, "", part * _UNIT)

    def _true_up(self, group: str) -> Iterator[GroupCharge]:
        promised = [
            amount
            for commitment in self._policies.minimum_commitments
            if commitment.group == group and (amount := _promised(commitment, self._month))
        ]
        missing = sum(promised) * _UNIT - self._totals[group] * _RATED
        # A month below zero is no broken promise where nothing was promised.
        if promised and missing > 0:
            account = self._policies.primary_account(group)
            yield GroupCharge(group, "minimum_commitment", "", account, "", missing)


def _is_in_base(item: CustomItem, row: Rated) -> bool:
    """Return whether a percentage item's filter lets the row in (G3)."""
    if item.line_item_filter == "EXCLUDE_SAVINGS_PLAN_NEGATION":
        return row.charge_type != "savings_plan_negation"
    if item.line_item_filter == "SERVICE_EQUAL":
        return row.service == item.filter_service
    return item.line_item_filter != "SERVICE_NOT_EQUAL" or row.service != item.filter_service


def _percent(base: int, hundredths: int) -> int:
    """Return a percentage of an amount in units of 1e-24.

    Exact: a base has at most 20 decimals (M3).
    """
    product, remainder = divmod(base * hundredths, 10_000)
    assert not remainder
    return product


def _promised(commitment: MinimumCommitment, month: str) -> int:
    """Return the commitment's amount in the month; of a part of it by days, rounded to the cent (G5)."""
    first = date.fromisoformat(f"{month}-01")
    days = calendar.monthrange(first.year, first.month)[1]
    begin = max(first, commitment.first)
    end = first + timedelta(days=days)
    if commitment.end is not None:
        end = min(end, commitment.end)
    in_force = (end - begin).days
    if in_force <= 0:
        return 0
    if in_force == days:
        return commitment.amount
    return rounded_quotient(commitment.amount * in_force, days * _CENT) * _CENT
