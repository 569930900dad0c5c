"""Notices about budgets: which threshold of which month somebody was told of.

What is here: the record of a notice, step by step, in the audit log.
When to add here: another kind of notice that nobody shall get twice.
What does not belong here: sending it, and whether a threshold is reached.

A notice is no document and changes nothing that anybody owes, so it has no table of its own: each step is a line of
the audit log. As with documents, it is recorded as ``queued`` before the mail goes and as ``sent`` or ``failed`` after;
what was queued is not sent again by itself, since the mail may have arrived.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from sqlalchemy import Connection, select

from orchestration.errors import LedgerError
from orchestration.ledger.audit import Change
from orchestration.ledger.tables import audit_log

__all__ = ["NoticeKey", "NoticeState", "begin_notices", "newest_notices", "record_notices"]

NoticeState = Literal["queued", "sent", "failed"]

_ACTIONS: dict[str, NoticeState] = {
    "queue budget notice": "queued",
    "send budget notice": "sent",
    "fail budget notice": "failed",
}
_ACTION_OF = {state: action for action, state in _ACTIONS.items()}


@dataclass(frozen=True)
class NoticeKey:
    """What somebody is told of once: one threshold of a budget, in percent, in one month."""

    budget_id: str
    billing_period: date
    threshold: Decimal
    recipient: str

    @property
    def subject(self) -> str:
        """The notice as the audit log names it."""
        return f"{self.budget_id} {self.billing_period:%Y-%m} {self.threshold.normalize():f} % {self.recipient}"


def newest_notices(connection: Connection) -> dict[str, NoticeState]:
    """Return the newest step of each notice, by its subject."""
    steps = connection.execute(
        select(audit_log.c.subject, audit_log.c.action)
        .where(audit_log.c.action.in_(_ACTIONS))
        .order_by(audit_log.c.audit_id)
    )
    return {subject: _ACTIONS[action] for subject, action in steps}


def begin_notices(change: Change, keys: Iterable[NoticeKey]) -> None:
    """Record that one mail with these notices is about to be handed to the mail server.

    Raises:
        LedgerError: one of them was sent before, or may have been; nothing of the mail was recorded.
    """
    keys = list(keys)
    newest = newest_notices(change.connection)
    for key in keys:
        if newest.get(key.subject, "failed") != "failed":
            raise LedgerError(f"Nothing was sent; the notice {key.subject} was sent before, or may have been.")
    record_notices(change, keys, "queued")


def record_notices(change: Change, keys: Iterable[NoticeKey], state: NoticeState, detail: str = "") -> None:
    """Record a step of one mail with some notices; ``detail`` is why it failed, or why nobody knows."""
    for key in keys:
        change.record(_ACTION_OF[state], key.subject, detail)
