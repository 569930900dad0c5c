"""What was sent to whom: documents and reminders.

What is here: the record of sending a document, step by step, and of reminding somebody of it.
When to add here: another kind of letter about a document.
What does not belong here: sending and writing letters.

A mail is recorded as ``queued`` before it goes to the mail server and as ``sent`` or ``failed`` after. A document whose
newest step is ``queued`` may or may not have arrived: whoever was sending it died, or lost the connection at the worst
moment. Like one that was sent, it is sent again only when somebody says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from sqlalchemy import Connection, func, insert, select

from orchestration.errors import LedgerError
from orchestration.ledger.audit import Change
from orchestration.ledger.database import next_id
from orchestration.ledger.settlement import ItemId, open_items
from orchestration.ledger.tables import documents, reminders, sendings

__all__ = [
    "ReminderRecord",
    "Sending",
    "SendingState",
    "begin_sending",
    "newest_sendings",
    "record_reminder",
    "record_sending",
    "reminder_records",
    "why_not_sent_again",
]

SendingState = Literal["queued", "sent", "failed"]


@dataclass(frozen=True)
class Sending:
    """The newest step of sending a document.

    Attributes:
        document_id: which document.
        state: queued (it may have arrived, or not), sent or failed.
        recipient: to whom.
        message_id: the mail's id, by which it can be found at either end.
        error: why it failed, or why nobody knows.
        recorded_by: who sent it.
        recorded_at: when, in UTC.
    """

    document_id: int
    state: SendingState
    recipient: str
    message_id: str
    error: str
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True)
class ReminderRecord:
    """A reminder of one document.

    Attributes:
        document_id: which document.
        level: 1 to 3.
        reminder_date: the day on it.
        open_amount: what was open on that day.
        recorded_by: who made it.
        recorded_at: when, in UTC.
    """

    document_id: int
    level: int
    reminder_date: date
    open_amount: Decimal
    recorded_by: str
    recorded_at: datetime


def begin_sending(
    change: Change, document_ids: Sequence[int], recipient: str, message_id: str, *, again: bool = False
) -> None:
    """Record that one mail with these documents is about to be handed to the mail server.

    Args:
        change: the transaction, who sends, and when.
        document_ids: the documents in the mail.
        recipient: to whom.
        message_id: the mail's id.
        again: whether documents may be among them that were sent before, or that may have been.

    Raises:
        LedgerError: there is no such document, or one was sent before; nothing of the mail was recorded.
    """
    if not again:
        newest = newest_sendings(change.connection)
        refused = [
            f"document {one}: {why}" for one in document_ids if (why := why_not_sent_again(newest.get(one))) is not None
        ]
        if refused:
            raise LedgerError(f"Nothing was sent; {refused[0]}.")
    for document_id in document_ids:
        record_sending(change, document_id, "queued", recipient, message_id)


def why_not_sent_again(newest: Sending | None) -> str | None:
    """Return why a document with this newest step is not sent without ``again``; None when it may be."""
    if newest is None or newest.state == "failed":
        return None
    when = f"{newest.recorded_at:%Y-%m-%d %H:%M} UTC by {newest.recorded_by} to {newest.recipient}"
    if newest.state == "sent":
        return f"it was sent on {when}"
    cause = f" ({newest.error})" if newest.error else ""
    return f"sending it began on {when} and its end is not known{cause}: look for mail {newest.message_id}"


def newest_sendings(connection: Connection) -> dict[int, Sending]:
    """Return the newest step of each document that was ever sent, by document."""
    newest = select(func.max(sendings.c.sending_id)).group_by(sendings.c.document_id)
    return {
        row.document_id: Sending(
            row.document_id,
            row.state,
            row.recipient,
            row.message_id,
            row.error,
            row.recorded_by,
            row.recorded_at,
        )
        for row in connection.execute(select(sendings).where(sendings.c.sending_id.in_(newest)))
    }


def reminder_records(connection: Connection) -> list[ReminderRecord]:
    """Return every reminder in the order in which they were made."""
    return [
        ReminderRecord(row.document_id, row.level, row.reminder_date, row.open_amount, row.recorded_by, row.recorded_at)
        for row in connection.execute(select(reminders).order_by(reminders.c.reminder_id))
    ]


def record_sending(
    change: Change, document_id: int, state: SendingState, recipient: str, message_id: str = "", error: str = ""
) -> int:
    """Record one step of sending a document; return the record's id.

    Args:
        change: the transaction, who sends, and when.
        document_id: which document.
        state: queued, sent or failed.
        recipient: to whom.
        message_id: the mail server's id of the message.
        error: why it failed.

    Raises:
        LedgerError: there is no such document.
    """
    numbers = select(documents.c.number).where(documents.c.document_id == document_id)
    number = change.connection.execute(numbers).scalar_one_or_none()
    if number is None:
        raise LedgerError(f"There is no document {document_id}. Nothing was recorded.")
    sending_id = next_id(change.connection, sendings.c.sending_id)
    change.connection.execute(
        insert(sendings).values(
            sending_id=sending_id,
            document_id=document_id,
            state=state,
            recipient=recipient,
            message_id=message_id,
            error=error,
            recorded_by=change.by,
            recorded_at=change.at,
        )
    )
    change.record("send", number, f"{state}: {recipient}{': ' if error else ''}{error}")
    return sending_id


def record_reminder(change: Change, document_id: int, level: int, reminder_date: date) -> int:
    """Record a reminder of what is open of a document; return the record's id.

    Raises:
        LedgerError: nothing is open, it is not due yet, or the level is not the next one (1, 2, 3).
    """
    found = open_items(change.connection, items=[ItemId("document", document_id)])
    if not found:
        raise LedgerError(f"There is no document {document_id}.")
    item = found[0]
    if item.open_amount <= 0:
        raise LedgerError(f"Nothing of {item.name} is open; no reminder was recorded.")
    if reminder_date <= item.due_date:
        raise LedgerError(f"{item.name} is due on {item.due_date}; no reminder was recorded for {reminder_date}.")
    levels = select(func.coalesce(func.max(reminders.c.level), 0)).where(reminders.c.document_id == document_id)
    last = change.connection.execute(levels).scalar_one()
    if level != last + 1 or level > 3:
        raise LedgerError(f"{item.name} had reminders up to level {last} of 3; level {level} was not recorded.")
    reminder_id = next_id(change.connection, reminders.c.reminder_id)
    change.connection.execute(
        insert(reminders).values(
            reminder_id=reminder_id,
            document_id=document_id,
            level=level,
            reminder_date=reminder_date,
            open_amount=item.open_amount,
            recorded_by=change.by,
            recorded_at=change.at,
        )
    )
    change.record("remind", item.name, f"level {level}")
    return reminder_id
