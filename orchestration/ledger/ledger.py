"""The ledger as the rest of Chargehouse uses it.

What is here: the class ``Ledger``, one method for each thing that can be done, and ``restore_ledger``.
When to add here: something that a command, page or asset needs; the work itself goes into the modules beside this one.
What does not belong here: rules. This module opens transactions and passes on.

Every method is one transaction: it is done whole, or not at all. Methods that change something take ``by``, who does
it, and leave a line in the audit log. All raise ``LedgerError`` with one message for a person.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType

import pyarrow as pa
from sqlalchemy import select

from orchestration.errors import LedgerError
from orchestration.ledger import (
    approvals,
    archive,
    bank_files,
    correspondence,
    issuing,
    notices,
    reads,
    settlement,
    verification,
)
from orchestration.ledger.approvals import Approval, Draft
from orchestration.ledger.archive import Backup
from orchestration.ledger.audit import Change
from orchestration.ledger.bank_files import BankFile, PaymentImport, PlannedPayment
from orchestration.ledger.correspondence import ReminderRecord, Sending
from orchestration.ledger.database import LedgerDatabase
from orchestration.ledger.issuing import DocumentHead, IssuedDocument, IssueRequest
from orchestration.ledger.notices import NoticeKey, NoticeState
from orchestration.ledger.settlement import (
    Aged,
    Allocation,
    Balance,
    ItemId,
    OpenItem,
    Payment,
    RecordedPayment,
    Statement,
)
from orchestration.ledger.tables import documents
from orchestration.ledger.verification import Head, Verification
from orchestration.settings import Workspace

__all__ = ["Ledger", "restore_ledger"]


class Ledger:
    """An open ledger; close it, or use it in a ``with``. One object may serve several threads.

    Args:
        database: the open database.
        folders: what a backup holds beside it, by name.
        clock: what time it is, in UTC.
    """

    def __init__(
        self,
        database: LedgerDatabase,
        folders: Mapping[str, Path],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._folders = folders
        self._clock = clock

    @classmethod
    def open(cls, workspace: Workspace, *, only_reads: bool = False) -> "Ledger":
        """Open the ledger of a workspace; make it, or bring its tables up to date, where need be.

        Args:
            workspace: whose.
            only_reads: nothing is made or brought up to date; a ledger of another version is refused.

        Raises:
            LedgerError: it cannot be reached, a newer version wrote it, or it is empty while its documents are there:
                it would give their numbers again.
        """
        ledger = cls._of(workspace, only_reads=only_reads)
        if not ledger.head().document_id and any(workspace.documents.rglob("*-[0-9][0-9][0-9][0-9]-[0-9]*")):
            ledger.close()
            raise LedgerError(
                f"The ledger {ledger.name} is empty, but {workspace.documents} holds issued documents. Nothing was "
                "changed; bring the ledger back with restore, or move those documents away to begin anew."
            )
        return ledger

    @classmethod
    def _of(cls, workspace: Workspace, *, only_reads: bool = False) -> "Ledger":
        database = LedgerDatabase(workspace.ledger_url or str(workspace.ledger_file), only_reads=only_reads)
        return cls(database, {"documents": workspace.documents, "billing": workspace.billing})

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    @property
    def name(self) -> str:
        """Where the ledger is, for messages; without a password."""
        return self._database.name

    # Approving and issuing

    def approve(self, draft: Draft, by: str, note: str = "") -> Approval:
        """Approve a draft (D1); see ``approvals.approve``."""
        with self._change(by) as change:
            return approvals.approve(change, draft, note)

    def withdraw_approval(self, draft: Draft, by: str, reason: str) -> None:
        """Take an approval back before it is used; see ``approvals.withdraw``."""
        with self._change(by) as change:
            approvals.withdraw(change, draft, reason)

    def override(self, draft: Draft, refusal: str, by: str, reason: str) -> None:
        """Override one reason not to issue a draft (D7); see ``approvals.override``."""
        with self._change(by) as change:
            approvals.override(change, draft, refusal, reason)

    def approval(self, draft: Draft) -> Approval | None:
        """Return the approval of exactly this draft, if it stands."""
        with self._database.read() as connection:
            return approvals.find_approval(connection, draft)

    def unmet_refusals(self, draft: Draft, refusals: tuple[str, ...]) -> list[str]:
        """Return which of the reasons not to issue nobody has overridden for exactly this draft (D7)."""
        with self._database.read() as connection:
            return approvals.unmet_refusals(connection, draft, refusals)

    def why_not_approved(self, draft: Draft) -> str:
        """Return in words why a draft is not approved: never, taken back by whom, or approved with other numbers."""
        with self._database.read() as connection:
            return approvals.why_not_approved(connection, draft)

    def issue(self, request: IssueRequest, by: str) -> IssuedDocument:
        """Issue a document with the next number (D2), or return it when it was issued before; see ``issuing``."""
        content = issuing.check_request(request, self._clock().date())
        with self._change(by) as change:
            return issuing.issue(change, request, content)

    def documents(
        self, billing_period: str | None = None, billing_group_id: str | None = None
    ) -> Iterator[IssuedDocument]:
        """Yield issued documents in the order of issue, a few at a time.

        Args:
            billing_period: ``YYYY-MM``; None for all.
            billing_group_id: None for all.
        """
        query = select(documents).order_by(documents.c.document_id).execution_options(yield_per=100)
        if billing_period is not None:
            query = query.where(documents.c.billing_period == billing_period)
        if billing_group_id is not None:
            query = query.where(documents.c.billing_group_id == billing_group_id)
        with self._database.read() as connection:
            for row in connection.execute(query):
                yield issuing.issued_document(row)

    def document(self, number: str) -> IssuedDocument:
        """Return the document with a number."""
        with self._database.read() as connection:
            row = connection.execute(select(documents).where(documents.c.number == number)).first()
        if row is None:
            raise LedgerError(f"No document has the number {number}.")
        return issuing.issued_document(row)

    def document_heads(self) -> list[DocumentHead]:
        """Return every document without its content, in the order of issue."""
        with self._database.read() as connection:
            return issuing.document_heads(connection)

    def newest_of_parties(self) -> list[IssuedDocument]:
        """Return the newest document of each customer, issuer and currency."""
        with self._database.read() as connection:
            return issuing.newest_of_parties(connection)

    # Keeping

    def head(self) -> Head:
        """Return the end of the chain, to be noted elsewhere."""
        with self._database.read() as connection:
            return verification.read_head(connection)

    def verify(self, noted: Head | None = None) -> Verification:
        """Verify every document, the chain and the numbers; see ``verification``."""
        with self._database.read() as connection:
            return verification.verify(connection, noted)

    def backup(self, path: Path) -> Backup:
        """Write ledger, documents and billing configuration to a new file; see ``archive``."""
        with self._database.read() as connection:
            return archive.write_backup(connection, self._folders, path, self._clock())

    def arrow_table(self, name: str) -> pa.Table:
        """Return one of ``reads.table_names`` as an Arrow table with exact types."""
        with self._database.read() as connection:
            return reads.arrow_table(connection, name)

    def arrow_tables(self) -> dict[str, pa.Table]:
        """Return every table as of one moment, by name."""
        with self._database.read() as connection:
            return {name: reads.arrow_table(connection, name) for name in reads.table_names()}

    def arrow_line_parts(self, after: int, up_to: int) -> pa.Table:
        """Return the tax parts of the lines of some documents; see ``reads.arrow_line_parts``."""
        with self._database.read() as connection:
            return reads.arrow_line_parts(connection, after, up_to)

    # Settling

    def record_payment(self, payment: Payment, by: str, customer_id: str | None = None) -> int:
        """Record a payment received or refunded, once per id; return our id of it."""
        with self._change(by) as change:
            return settlement.record_payment(change, payment, customer_id)

    def import_payments(self, path: Path, form: BankFile, by: str) -> PaymentImport:
        """Record and match the payments of a bank's file; importing it again changes nothing."""
        return self.record_payments(bank_files.read_bank_file(path, form), by)

    def plan_payments(self, found: Sequence[Payment], customer_id: str | None = None) -> list[PlannedPayment]:
        """Return what ``record_payments`` would do; see ``bank_files.plan_payments``."""
        with self._database.read() as connection:
            return bank_files.plan_payments(connection, found, customer_id)

    def record_payments(self, found: Sequence[Payment], by: str, customer_id: str | None = None) -> PaymentImport:
        """Record payments and match them with the documents that their texts name; see ``bank_files``."""
        with self._change(by) as change:
            return bank_files.import_payments(change, found, customer_id)

    def payments(self, customer_id: str | None = None) -> list[RecordedPayment]:
        """Return the payments that were recorded."""
        with self._database.read() as connection:
            return settlement.recorded_payments(connection, customer_id)

    def allocations(self) -> list[Allocation]:
        """Return what was matched with what."""
        with self._database.read() as connection:
            return settlement.allocations(connection)

    def find_item(self, name: str) -> OpenItem:
        """Return the document with a number, or the payment with an id."""
        with self._database.read() as connection:
            return settlement.find_item(connection, name)

    def assign_payment(self, payment_id: int, customer_id: str | None, by: str, reason: str) -> None:
        """Say whose payment one is."""
        with self._change(by) as change:
            settlement.assign_payment(change, payment_id, customer_id, reason)

    def allocate(self, credit: ItemId, debit: ItemId, amount: Decimal, by: str, reason: str) -> int:
        """Match a payment or credit note with an invoice or refund; return the match's id."""
        with self._change(by) as change:
            return settlement.allocate(change, credit, debit, amount, reason)

    def reverse_allocation(self, allocation_id: int, by: str, reason: str) -> int:
        """Undo a wrong match; return the reversal's id."""
        with self._change(by) as change:
            return settlement.reverse_allocation(change, allocation_id, reason)

    def open_items(self, customer_id: str | None = None, as_of: date | None = None) -> list[OpenItem]:
        """Return documents and payments with what is open of each."""
        with self._database.read() as connection:
            return settlement.open_items(connection, customer_id, as_of)

    def balances(self, as_of: date | None = None) -> list[Balance]:
        """Return what each customer owes."""
        with self._database.read() as connection:
            return settlement.balances(connection, as_of)

    def ageing(self, as_of: date) -> list[Aged]:
        """Return what each customer owes by days overdue."""
        with self._database.read() as connection:
            return settlement.ageing(connection, as_of)

    def statement(self, customer_id: str, currency: str, start_date: date, end_date: date) -> Statement:
        """Return a customer's account over some days, both included."""
        with self._database.read() as connection:
            return settlement.statement(connection, customer_id, currency, start_date, end_date)

    # Letters

    def record_sending(
        self,
        document_id: int,
        state: correspondence.SendingState,
        recipient: str,
        by: str,
        message_id: str = "",
        error: str = "",
    ) -> int:
        """Record a step of sending a document: queued, sent (``message_id``) or failed (``error``)."""
        with self._change(by) as change:
            return correspondence.record_sending(change, document_id, state, recipient, message_id, error)

    def begin_sending(
        self, document_ids: Sequence[int], recipient: str, message_id: str, by: str, *, again: bool = False
    ) -> None:
        """Record that a mail with these documents is about to go; see ``correspondence.begin_sending``."""
        with self._change(by) as change:
            correspondence.begin_sending(change, document_ids, recipient, message_id, again=again)

    def end_sending(
        self,
        document_ids: Sequence[int],
        state: correspondence.SendingState,
        recipient: str,
        message_id: str,
        by: str,
        error: str = "",
    ) -> None:
        """Record what became of a mail that was begun: sent, failed, or queued still, when nobody knows."""
        with self._change(by) as change:
            for document_id in document_ids:
                correspondence.record_sending(change, document_id, state, recipient, message_id, error)

    def newest_sendings(self) -> dict[int, Sending]:
        """Return the newest step of sending of each document that was ever sent, by document."""
        with self._database.read() as connection:
            return correspondence.newest_sendings(connection)

    def record_reminder(self, document_id: int, level: int, reminder_date: date, by: str) -> int:
        """Record a reminder, level 1 to 3."""
        with self._change(by) as change:
            return correspondence.record_reminder(change, document_id, level, reminder_date)

    def record_reminders(self, levels: Mapping[int, int], reminder_date: date, by: str) -> None:
        """Record reminders of several documents, by document the level: all of them, or none."""
        with self._change(by) as change:
            for document_id, level in levels.items():
                correspondence.record_reminder(change, document_id, level, reminder_date)

    def reminders(self) -> list[ReminderRecord]:
        """Return every reminder in the order in which they were made."""
        with self._database.read() as connection:
            return correspondence.reminder_records(connection)

    # Notices

    def begin_notices(self, keys: Sequence[NoticeKey], by: str) -> None:
        """Record that a mail with these notices is about to go; see ``notices.begin_notices``."""
        with self._change(by) as change:
            notices.begin_notices(change, keys)

    def end_notices(self, keys: Sequence[NoticeKey], state: NoticeState, by: str, detail: str = "") -> None:
        """Record what became of a mail that was begun: sent, failed, or queued still, when nobody knows."""
        with self._change(by) as change:
            notices.record_notices(change, keys, state, detail)

    def newest_notices(self) -> dict[str, NoticeState]:
        """Return the newest step of each notice, by its subject."""
        with self._database.read() as connection:
            return notices.newest_notices(connection)

    @contextmanager
    def _change(self, by: str) -> Iterator[Change]:
        with self._database.write() as connection:
            yield Change(connection, by, self._clock())


def restore_ledger(workspace: Workspace, path: Path, by: str) -> Backup:
    """Bring a backup into a workspace whose ledger is empty or gone; see ``archive.restore``."""
    with Ledger._of(workspace) as ledger, ledger._change(by) as change:
        return archive.restore(change, ledger._folders, path)
