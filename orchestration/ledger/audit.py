"""Who did what, when, on what, from which host.

What is here: the line that every change of the ledger leaves in ``audit_log``, in the same transaction.
When to add here: nothing; every function that changes the ledger calls ``record``.
What does not belong here: the change itself.
"""

import socket
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert

from orchestration.errors import LedgerError
from orchestration.ledger.database import next_id
from orchestration.ledger.tables import audit_log

__all__ = ["Change"]


@dataclass(frozen=True)
class Change:
    """One person's change of the ledger, inside a ``write`` transaction.

    Attributes:
        connection: the transaction.
        by: who does it; never empty.
        at: when, in UTC.
    """

    connection: Connection
    by: str
    at: datetime

    def __post_init__(self) -> None:
        if not self.by.strip():
            raise LedgerError("Who does this? Nothing is changed in the ledger without a name.")

    def record(self, action: str, subject: str, detail: str = "") -> None:
        """Add a line to the audit log."""
        self.connection.execute(
            insert(audit_log).values(
                audit_id=next_id(self.connection, audit_log.c.audit_id),
                happened_at=self.at,
                actor=self.by,
                host=socket.gethostname(),
                action=action,
                subject=subject,
                detail=detail,
            )
        )
