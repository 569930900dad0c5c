"""The books of reservations and Savings Plans: what each cost, who used it, what it saved (RS6, G1b).

What is here: the month of every commitment, the savings of those that nobody's group owns, and the normalised
hours by which such savings are spread.
When to add here: another figure about commitments that a rule or a published table needs.
What does not belong here: what a customer is charged for covered usage (``expected``), and who is given which
savings (``group_level``). All amounts are integers in units of 1e-10.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestration.sample.facts import Commitment, Fact, LineItemType, Reservation
from orchestration.sample.fixed_point import product
from orchestration.sample.policies import UNASSIGNED

__all__ = ["CommitmentLedger", "CommitmentMonth"]

_COVERED = (LineItemType.DISCOUNTED_USAGE, LineItemType.SAVINGS_PLAN_COVERED_USAGE)
_INSTANCE_USAGE = re.compile(
    r"(?:[A-Z]{3,4}\d?-)?(?:BoxUsage|DedicatedUsage|HostBoxUsage|HeavyUsage|InstanceUsage|Multi-AZUsage|NodeUsage"
    r"|ESInstance)(?::|$)"
)
"""Usage types that are hours of an instance: a region's prefix, the kind, the size. No spot, no unused reservations."""


@dataclass
class CommitmentMonth:
    """One commitment in one billing period.

    Attributes:
        cost: recurring and amortised upfront part of the month, or the Savings Plan's total commitment.
        used: effective cost of what it covered. unused: the rest, as its fee rows say.
        list_value: public price of what it covered.
        held_list, held_effective: the same of rows on whose day the owner was in no group, by group and
            account.
        held_unused: likewise of fee rows.
    """

    commitment: Commitment
    cost: int = 0
    used: int = 0
    unused: int = 0
    list_value: int = 0
    held_list: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    held_effective: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    held_unused: int = 0

    @property
    def savings(self) -> int:
        """What it saved against list prices; negative where too little was used."""
        return self.list_value - self.used - self.unused

    @property
    def held_savings(self) -> int:
        """The same while its owner was in no group (G1b)."""
        return sum(self.held_list.values()) - sum(self.held_effective.values()) - self.held_unused


class CommitmentLedger:
    """Books facts about commitments, and instance hours, month by month."""

    def __init__(self) -> None:
        self._months: dict[tuple[str, str], CommitmentMonth] = {}
        self._hours: dict[tuple[str, str, str], int] = defaultdict(int)

    def book(self, month: str, fact: Fact, group: str, owner_group: str, is_passed_on: bool = False) -> None:
        """Book one fact that is no split-cost row.

        Args:
            month: billing period, ``YYYY-MM``.
            fact: any line item; what is neither covered, a commitment's fee, nor an instance hour is ignored.
            group: the group its account is in.
            owner_group: the group that the owner of its commitment is in on the row's day; '' without one.
            is_passed_on: its account is billed the effective cost, or nothing: the payer holds no savings of it.
        """
        if fact.line_item_type in (LineItemType.USAGE, *_COVERED) and _INSTANCE_USAGE.match(fact.sku.usage_type):
            factor = fact.sku.normalization_factor
            # A size without a factor counts as one (G1b).
            hours = product(factor, fact.quantity) if factor else fact.quantity
            self._hours[month, group, fact.account] += hours
        if fact.commitment is None:
            return
        key = (month, fact.commitment.arn)
        own = self._months.setdefault(key, CommitmentMonth(fact.commitment))
        is_held = owner_group == UNASSIGNED
        if fact.line_item_type in _COVERED:
            assert fact.public is not None
            own.used += fact.effective
            own.list_value += fact.public
            if is_held and not is_passed_on:
                own.held_list[group, fact.account] += fact.public
                own.held_effective[group, fact.account] += fact.effective
            return
        unused = 0
        if fact.lease_month is not None:
            own.cost += fact.unblended + fact.lease_month.amortized_upfront
            unused = fact.lease_month.unused_recurring + fact.lease_month.unused_upfront
        elif fact.plan_hour is not None:
            own.cost += fact.plan_hour.total
            unused = fact.plan_hour.total - fact.plan_hour.used
        own.unused += unused
        own.held_unused += unused if is_held else 0

    def months(self) -> Iterator[tuple[str, CommitmentMonth]]:
        """Yield (billing period, month of a commitment) by period and ARN."""
        return ((month, own) for (month, _), own in sorted(self._months.items(), key=lambda item: item[0]))

    def own_savings(self, month: str, owner: str) -> dict[tuple[str, str, bool], int]:
        """Return list less effective cost of covered usage by (group, account, is a reservation) (G1b).

        ``owner`` narrows it to the commitments of one account; '' = all that nobody's group owns.
        """
        savings: dict[tuple[str, str, bool], int] = defaultdict(int)
        for own in self._of(month, owner):
            for (group, account), amount in own.held_list.items():
                kind = isinstance(own.commitment, Reservation)
                savings[group, account, kind] += amount - own.held_effective[group, account]
        return savings

    def net_savings(self, month: str, owner: str) -> list[int]:
        """Return the net savings of each commitment that nobody's group owns (G1b)."""
        return [own.held_savings for own in self._of(month, owner)]

    def normalized_hours(self, month: str) -> dict[tuple[str, str], int]:
        """Return the normalised instance hours of the month by (group, account)."""
        return {(group, account): hours for (own, group, account), hours in self._hours.items() if own == month}

    def _of(self, month: str, owner: str) -> Iterator[CommitmentMonth]:
        return (own for period, own in self.months() if period == month and owner in ("", own.commitment.owner))
