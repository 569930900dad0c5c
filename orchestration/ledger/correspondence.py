"""What was sent to whom: documents and reminders.

What is here: the record of sending a document, step by step, and of reminding somebody of it.
When to add here: another kind of letter about a document.
What does not belong here: sending and writing letters.
"""

from datetime import date
from typing import Literal

from sqlalchemy import func, insert, select

from orchestration.errors import LedgerError
from orchestration.ledger.audit import Change
from orchestration.ledger.database import next_id
from orchestration.ledger.settlement import ItemId, open_items
from orchestration.ledger.tables import documents, reminders, sendings

__all__ = ["SendingState", "record_reminder", "record_sending"]

SendingState = Literal["queued", "sent", "failed"]


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
