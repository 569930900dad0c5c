"""What is owed, by whom, since when: open items and ageing, as commands and pages show them.

What is here: open items with their days overdue, and the sums by customer and currency.
When to add here: another column of these lists.
What does not belong here: what is open of an item; that is the ledger's ``settlement``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal

from orchestration.ledger.ledger import Ledger
from orchestration.ledger.settlement import Aged, OpenItem

__all__ = ["OpenRow", "Receivables", "receivables"]


@dataclass(frozen=True)
class OpenRow:
    """An open item, and for how long it has been due.

    Attributes:
        item: the item; ``open_amount`` is never zero.
        days_overdue: days since it was due; None for what is in the customer's favour, 0 for what is not due yet.
    """

    item: OpenItem
    days_overdue: int | None


@dataclass(frozen=True)
class Receivables:
    """What is owed at the end of a day.

    Attributes:
        as_of: the day.
        aged: by customer and currency; customer None: payments that nobody claimed.
        totals: by currency, over all of ``aged``.
        items: the items behind them.
    """

    as_of: date
    aged: tuple[Aged, ...]
    totals: tuple[Aged, ...]
    items: tuple[OpenRow, ...]


def receivables(ledger: Ledger, as_of: date, customer_id: str | None = None) -> Receivables:
    """Return what is owed at the end of a day, by everybody or by one customer."""
    aged = [row for row in ledger.ageing(as_of) if customer_id in (None, row.customer_id)]
    items = [item for item in ledger.open_items(customer_id, as_of) if item.open_amount]
    return Receivables(as_of, tuple(aged), tuple(_totals(aged)), tuple(_open_row(item, as_of) for item in items))


def _open_row(item: OpenItem, as_of: date) -> OpenRow:
    return OpenRow(item, None if item.open_amount < 0 else max((as_of - item.due_date).days, 0))


def _totals(aged: Iterable[Aged]) -> list[Aged]:
    amounts = [field.name for field in fields(Aged) if field.name not in ("customer_id", "currency")]
    totals: dict[str, Aged] = {}
    for row in aged:
        before = totals.get(row.currency, Aged(None, row.currency, *[Decimal(0)] * len(amounts)))
        totals[row.currency] = replace(before, **{name: getattr(before, name) + getattr(row, name) for name in amounts})
    return [totals[currency] for currency in sorted(totals)]
