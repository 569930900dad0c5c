"""Customer credits in the books: which credit pays which part of which line, and what is left of it (K1 to K5).

What is here: the draws, month after month, credit after credit, part after part, and the balances they leave.
When to add here: another rule about what a credit may pay or who is paid first.
What does not belong here: how lines come about and are split over accounts (``expected``), tax
(``customer_tax``).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from orchestration.sample.policies import Credit

__all__ = ["Draw", "LinePart", "credit_balances", "draw_credits"]

_FEE_KINDS = frozenset({"commitment", "fee", "marketplace", "support"})


@dataclass(frozen=True, slots=True)
class LinePart:
    """The part of an invoice line that falls on one account; ``net`` in invoice currency, rounded (M6).

    Attributes:
        line: period (``YYYY-MM``), group, line kind, source id, service code.
    """

    line: tuple[str, str, str, str, str]
    account: str
    net: Decimal

    @property
    def month(self) -> str:
        """Return the billing period, ``YYYY-MM``."""
        return self.line[0]

    @property
    def service(self) -> str:
        """Return the service code; '' = the line belongs to none."""
        return self.line[4]


@dataclass(frozen=True, slots=True)
class Draw:
    """What a credit pays of a part; ``amount`` is positive here."""

    credit_id: str
    part: LinePart
    amount: Decimal


def draw_credits(credits: Sequence[Credit], parts: Sequence[LinePart]) -> list[Draw]:
    """Return all draws of the credits on the parts, in the order in which they are made (K2).

    ``parts`` are those of all months that are booked; what one month leaves of a credit is there for the next.
    """
    balances = {credit.credit_id: credit.amount for credit in credits}
    draws = []
    for month in sorted({part.month for part in parts}):
        own = [part for part in parts if part.month == month]
        parts_left = {part: part.net for part in own}
        lines_left: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
        for part in own:
            lines_left[part.line] += part.net
        for credit in sorted((credit for credit in credits if _is_usable(credit, month)), key=_turn_of_credit):
            for part in _in_turn(credit, [part for part in own if _is_eligible(credit, part)]):
                # K3: neither the credit nor the line goes below zero. A line can hold less than a part of it.
                amount = min(balances[credit.credit_id], parts_left[part], lines_left[part.line])
                if amount > 0:
                    balances[credit.credit_id] -= amount
                    parts_left[part] -= amount
                    lines_left[part.line] -= amount
                    draws.append(Draw(credit.credit_id, part, amount))
    return draws


def credit_balances(
    credits: Sequence[Credit], draws: Sequence[Draw], last_month: str
) -> Iterator[tuple[Credit, Decimal, Decimal, Decimal]]:
    """Yield (credit, drawn, expired, balance) as things stand when the last booked month is over (K5).

    The parts are positive and sum to the amount granted.
    """
    drawn: dict[str, Decimal] = defaultdict(Decimal)
    for draw in draws:
        drawn[draw.credit_id] += draw.amount
    after = _first_day_after(last_month)
    for credit in credits:
        left = credit.amount - drawn[credit.credit_id]
        is_expired = credit.end is not None and credit.end <= after
        yield credit, drawn[credit.credit_id], left if is_expired else Decimal(0), Decimal(0) if is_expired else left


def _is_usable(credit: Credit, month: str) -> bool:
    """Return whether the credit is active on any day of the month (K3)."""
    return (
        credit.is_active
        and credit.first < _first_day_after(month)
        and (credit.end is None or credit.end > date.fromisoformat(f"{month}-01"))
    )


def _turn_of_credit(credit: Credit) -> tuple[date, float, date, str]:
    """Return what orders the credits: earliest expiry, fewest services, oldest start, id (K2)."""
    return credit.end or date.max, len(credit.services) or float("inf"), credit.first, credit.credit_id


def _is_eligible(credit: Credit, part: LinePart) -> bool:
    """Return whether the credit may pay of the part's line (K1)."""
    _, group, kind, _, service = part.line
    return (
        group == credit.group
        and (kind == "usage" or (credit.covers_fees and kind in _FEE_KINDS))
        and (not credit.services or service in credit.services)
    )


def _in_turn(credit: Credit, eligible: Sequence[LinePart]) -> list[LinePart]:
    """Return the parts in the order in which the credit pays them (K2).

    The owner's first, then account after account by its eligible spend; inside an account its largest service
    first, and of a service the largest line. All of it before any draw.
    """
    spend: dict[str, Decimal] = defaultdict(Decimal)
    of_service: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for part in eligible:
        spend[part.account] += part.net
        of_service[part.account, part.service] += part.net

    def turn(part: LinePart) -> tuple[object, ...]:
        service = of_service[part.account, part.service]
        is_other = part.account != credit.owner
        return is_other, -spend[part.account], part.account, -service, part.service, -part.net, part.line

    return sorted(eligible, key=turn)


def _first_day_after(month: str) -> date:
    first = date.fromisoformat(f"{month}-01")
    return (first + timedelta(days=31)).replace(day=1)
