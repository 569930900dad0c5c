"""Reminders: what is due for one, recording them, and their letters.

What is here: by days overdue, which document gets which level next; and the letters, made from what was recorded.
When to add here: another reason to remind, or not to.
What does not belong here: the ledger's own refusals (``ledger/correspondence.py``), and the words of a letter.

A reminder is recorded first and printed after. Its letter is made of what was recorded alone, so that one which a
process did not live to write is made by the next call.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal, cast

from orchestration.configuration.schema import Configuration
from orchestration.documents.content import Document
from orchestration.documents.letters import OpenItem as LetterItem
from orchestration.documents.letters import Reminder
from orchestration.errors import ChargehouseError
from orchestration.ledger.correspondence import ReminderRecord
from orchestration.ledger.issuing import DocumentHead
from orchestration.ledger.ledger import Ledger
from orchestration.ledger.settlement import OpenItem
from orchestration.settings import Workspace
from orchestration.settling.letters import file_name, write_letter
from orchestration.settling.parties import minor_units, parties_of

__all__ = [
    "DAYS_TO_PAY",
    "LEVELS",
    "Due",
    "DueReminder",
    "HeldBack",
    "ReminderLetter",
    "due_reminders",
    "make_reminders",
    "reminder_letters",
]

Level = Literal[1, 2, 3]

LEVELS: dict[Level, int] = {1: 7, 2: 21, 3: 35}
"""Days overdue from which a document gets each level, one after the other."""

DAYS_TO_PAY = 10
"""Days from a reminder to the day until which it asks to be paid; the next level waits for that day to pass."""


@dataclass(frozen=True)
class DueReminder:
    """One letter that is due: documents of one customer, issuer, currency and level.

    Attributes:
        customer_id: who is reminded.
        issuer_id: by whom.
        currency: of all items.
        level: 1 friendly, 2 firm, 3 final.
        items: the overdue documents.
        open_amount: what is open of them together.
        days_overdue: of the oldest.
    """

    customer_id: str
    issuer_id: str
    currency: str
    level: Level
    items: tuple[OpenItem, ...]
    open_amount: Decimal
    days_overdue: int


@dataclass(frozen=True)
class HeldBack:
    """A customer who is not reminded although something is due, and why."""

    customer_id: str
    currency: str
    reason: str


@dataclass(frozen=True)
class Due:
    """What is due for a reminder, and what is held back."""

    letters: tuple[DueReminder, ...]
    held_back: tuple[HeldBack, ...]


@dataclass(frozen=True)
class ReminderLetter:
    """The letter of a reminder that was recorded; ``path`` is where its PDF is, or will be."""

    letter: Reminder
    path: Path


def due_reminders(ledger: Ledger, as_of: date, customer_id: str | None = None) -> Due:
    """Return the letters that are due on a day, by what is open now.

    A document gets its next level when it has been overdue for that level's days and the day until which its last
    reminder asked to be paid has passed. A customer who has paid or been credited as much as they owe, only not
    matched yet, is not reminded.

    Args:
        ledger: the ledger.
        as_of: the day of the letters.
        customer_id: only this customer.
    """
    heads = {head.number: head for head in ledger.document_heads()}
    reminded = _last_reminders(ledger.reminders())
    balances = {(row.customer_id, row.currency): row.balance for row in ledger.balances()}
    letters: dict[tuple[str, str, str, Level], list[OpenItem]] = defaultdict(list)
    held: dict[tuple[str, str], HeldBack] = {}
    for item in ledger.open_items(customer_id):
        head = heads.get(item.name)
        if head is None or item.open_amount <= 0:
            continue
        level = _next_level(reminded.get(head.document_id), item.due_date, as_of)
        if level is None:
            continue
        if balances.get((head.customer_id, head.currency), Decimal(0)) <= 0:
            reason = "Payments or credit notes that are not matched yet cover all that is open."
            held[head.customer_id, head.currency] = HeldBack(head.customer_id, head.currency, reason)
            continue
        letters[head.customer_id, head.issuer_id, head.currency, level].append(item)
    return Due(
        tuple(
            DueReminder(
                *key,
                items=tuple(items),
                open_amount=sum((item.open_amount for item in items), Decimal(0)),
                days_overdue=max((as_of - item.due_date).days for item in items),
            )
            for key, items in sorted(letters.items())
        ),
        tuple(held[key] for key in sorted(held)),
    )


def make_reminders(
    workspace: Workspace,
    ledger: Ledger,
    configuration: Configuration,
    as_of: date,
    by: str,
    *,
    today: date,
    customer_id: str | None = None,
) -> tuple[Due, list[ReminderLetter]]:
    """Record the reminders that are due and write their letters, and those of earlier ones that are missing.

    Args:
        workspace: where letters are kept.
        ledger: its ledger.
        configuration: who issuers and customers are now.
        as_of: the day of the letters.
        by: who reminds.
        today: today.
        customer_id: only this customer.

    Returns:
        What was due, and the letters that were written.

    Raises:
        ChargehouseError: the day is in the future; something was paid or reminded of meanwhile, so that nothing of
            that letter was recorded.
        DocumentError: a letter cannot be printed; what is recorded stays, and its letter is made by the next call.
    """
    if as_of > today:
        raise ChargehouseError(f"{as_of} is in the future: nobody knows what will be open then. Nothing was recorded.")
    due = due_reminders(ledger, as_of, customer_id)
    for letter in due.letters:
        ledger.record_reminders({item.item.item_id: letter.level for item in letter.items}, as_of, by)
    written = []
    for made in reminder_letters(workspace, ledger, configuration, customer_id):
        if not made.path.exists():
            write_letter(workspace, made.letter, made.path)
            written.append(made)
    return due, written


def reminder_letters(
    workspace: Workspace, ledger: Ledger, configuration: Configuration, customer_id: str | None = None
) -> list[ReminderLetter]:
    """Return the letter of every reminder that was recorded, by its day, customer, issuer, currency and level."""
    heads = {head.document_id: head for head in ledger.document_heads()}
    newest = {
        (document.customer_id, document.issuer_id, document.currency): document
        for document in ledger.newest_of_parties()
    }
    together: dict[tuple[date, str, str, str, int], list[tuple[DocumentHead, ReminderRecord]]] = defaultdict(list)
    for record in ledger.reminders():
        head = heads[record.document_id]
        if customer_id in (None, head.customer_id):
            key = (record.reminder_date, head.customer_id, head.issuer_id, head.currency, record.level)
            together[key].append((head, record))
    letters = []
    for (day, customer, issuer, currency, level), rows in sorted(together.items()):
        parties = parties_of(configuration, Document.parse(newest[customer, issuer, currency].content))
        letter = Reminder(
            issuer=parties.issuer,
            customer=parties.customer,
            currency=currency,
            minor_units=minor_units(currency),
            day=day,
            level=cast(Level, level),
            pay_by=day + timedelta(days=DAYS_TO_PAY),
            items=tuple(
                LetterItem(head.number, head.issue_date, head.due_date, head.total_amount, record.open_amount)
                for head, record in rows
            ),
        )
        name = file_name(customer, issuer, currency, f"{day}", f"level-{level}")
        letters.append(ReminderLetter(letter, workspace.documents / "reminders" / name))
    return letters


def _last_reminders(records: Iterable[ReminderRecord]) -> dict[int, ReminderRecord]:
    return {record.document_id: record for record in sorted(records, key=lambda record: record.level)}


def _next_level(last: ReminderRecord | None, due_date: date, as_of: date) -> Level | None:
    level = 1 if last is None else last.level + 1
    if level not in LEVELS or (as_of - due_date).days < LEVELS[level]:
        return None
    if last is not None and as_of <= last.reminder_date + timedelta(days=DAYS_TO_PAY):
        return None
    return level
