"""The issued documents that an export is about.

What is here: ``issued_documents``.
When to add here: another way to choose documents.
What does not belong here: reading the ledger's tables; ``ledger/`` does that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from orchestration.documents.content import Document
from orchestration.errors import ChargehouseError
from orchestration.ledger.ledger import Ledger
from orchestration.settings import Workspace

__all__ = ["Issued", "issued_documents"]


@dataclass(frozen=True)
class Issued:
    """One issued document.

    Attributes:
        number: its number.
        issued_at: when, in UTC.
        document: what was frozen.
    """

    number: str
    issued_at: datetime
    document: Document


@contextmanager
def issued_documents(workspace: Workspace, period: date, group: str | None) -> Iterator[Iterator[Issued]]:
    """Give the issued documents of a billing period, corrections included, in the order of issue, one by one.

    Raises:
        ChargehouseError: there is none.
        DocumentError: the content of one is damaged.
        LedgerError: the ledger cannot be reached.
    """
    month = f"{period:%Y-%m}"
    with Ledger.open(workspace) as ledger:
        numbers = [document.number for document in ledger.documents(billing_period=month, billing_group_id=group)]
        if not numbers:
            raise ChargehouseError(
                f"No document of {month}{f' and {group}' if group else ''} is issued. Now: chargehouse issue"
            )
        yield (_read(ledger, number) for number in numbers)


def _read(ledger: Ledger, number: str) -> Issued:
    found = ledger.document(number)
    return Issued(number, found.issued_at, Document.parse(found.content))
