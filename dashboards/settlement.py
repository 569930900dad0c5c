"""What the page of receivables asks of the ledger and has it do.

What is here: one function for one question or deed, each opening the workspace's ledger and closing it again.
When to add here: something else that the page shows of payments, letters or sendings, or lets somebody do.
What does not belong here: rules (``orchestration/ledger``, ``orchestration/settling``); Streamlit elements.

Unlike the other pages, which read what a run published, this one reads the ledger itself: a payment that somebody has
just recorded must be seen by the next person who looks (docs/decisions/0013-settlement-and-sending.md).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from orchestration.configuration.schema import Configuration
from orchestration.configuration.validate import read_configuration
from orchestration.errors import ConfigurationError, MailError
from orchestration.ledger.bank_files import BankFile, PaymentImport, PlannedPayment, parse_bank_file
from orchestration.ledger.ledger import Ledger
from orchestration.ledger.settlement import Allocation, OpenItem, Payment, RecordedPayment
from orchestration.settings import Workspace
from orchestration.settling.bank_forms import bank_forms
from orchestration.settling.letters import AccountStatement, account_statements, print_letter
from orchestration.settling.parties import minor_units
from orchestration.settling.receivables import Receivables, receivables
from orchestration.settling.reminding import Due, ReminderLetter, due_reminders, make_reminders, reminder_letters
from orchestration.settling.sending import MailSettings, SendingOutcome, SendingRow, send_documents, sending_rows

__all__ = [
    "Payments",
    "allocate",
    "assign",
    "bank_files",
    "customer_names",
    "due",
    "letter_pdf",
    "letters",
    "mail_settings",
    "make",
    "matching_items",
    "minor_units",
    "owed",
    "parse_amount",
    "payments",
    "plan",
    "record",
    "reverse",
    "send",
    "sendings",
    "statement_pdf",
    "statements",
    "today",
]


def _configuration(workspace: Workspace) -> Configuration:
    return read_configuration(workspace.billing)


def today() -> date:
    """Return today's date, in UTC like every time in the ledger."""
    return datetime.now(UTC).date()


def customer_names(workspace: Workspace) -> Mapping[str, str]:
    """Return the legal names of the customers by id; none while the configuration cannot be read."""
    try:
        return {customer.customer_id: customer.legal_name for customer in _configuration(workspace).customers}
    except ConfigurationError:
        return {}


def owed(workspace: Workspace, as_of: date, customer_id: str | None = None) -> Receivables:
    """Return what is owed at the end of a day."""
    with Ledger.open(workspace) as ledger:
        return receivables(ledger, as_of, customer_id)


def statements(
    workspace: Workspace, customer_id: str, start: date, end: date, today: date
) -> list[tuple[AccountStatement, str | None]]:
    """Return a customer's account, one statement per currency and issuer who has billed in it.

    With each comes the issuer's id where several have, else None.
    """
    configuration = _configuration(workspace)
    with Ledger.open(workspace) as ledger:
        issuers = sorted({head.issuer_id for head in ledger.document_heads() if head.customer_id == customer_id})
        return [
            (statement, issuer_id if len(issuers) > 1 else None)
            for issuer_id in issuers
            for statement in account_statements(
                ledger, configuration, customer_id, start, end, today=today, issuer_id=issuer_id
            )
        ]


def statement_pdf(workspace: Workspace, statement: AccountStatement) -> bytes:
    """Return a statement as PDF."""
    return print_letter(workspace, statement.letter)


@dataclass(frozen=True)
class Payments:
    """Every payment, newest first, and every match, newest first."""

    recorded: Sequence[RecordedPayment]
    matches: Sequence[Allocation]


def payments(workspace: Workspace) -> Payments:
    """Return what came in and went out, and what it was matched with."""
    with Ledger.open(workspace) as ledger:
        return Payments(ledger.payments()[::-1], ledger.allocations()[::-1])


def matching_items(workspace: Workspace) -> tuple[list[OpenItem], list[OpenItem]]:
    """Return what can still be matched: what is in customers' favour, and what they owe."""
    with Ledger.open(workspace) as ledger:
        items = [item for item in ledger.open_items() if item.open_amount]
    return [item for item in items if item.open_amount < 0], [item for item in items if item.open_amount > 0]


def parse_amount(text: str, currency: str) -> Decimal | None:
    """Return an amount that somebody typed, ``1,234.50`` or ``1234.5``; None when it is none of that currency."""
    plain = text.strip().replace(",", "")
    decimals = minor_units(currency)
    fraction = rf"(\.[0-9]{{1,{decimals}}})?" if decimals else ""
    return Decimal(plain) if re.fullmatch(rf"[+-]?[0-9]{{1,15}}{fraction}", plain) else None


def bank_files(workspace: Workspace) -> Mapping[str, BankFile]:
    """Return the mappings of ``bank_files.toml`` by name."""
    return bank_forms(workspace.billing)


def plan(workspace: Workspace, name: str, content: bytes, form: BankFile) -> tuple[list[Payment], list[PlannedPayment]]:
    """Return the payments of a bank's file, and what recording them would do."""
    found = parse_bank_file(Path(name).name, content, form)
    with Ledger.open(workspace) as ledger:
        return found, ledger.plan_payments(found)


def record(workspace: Workspace, found: Sequence[Payment], by: str, customer_id: str | None = None) -> PaymentImport:
    """Record payments and match them with what they name."""
    with Ledger.open(workspace) as ledger:
        return ledger.record_payments(found, by, customer_id)


def assign(workspace: Workspace, payment_id: int, customer_id: str | None, by: str, reason: str) -> None:
    """Say whose payment one is."""
    with Ledger.open(workspace) as ledger:
        ledger.assign_payment(payment_id, customer_id, by, reason)


def allocate(workspace: Workspace, credit: OpenItem, debit: OpenItem, amount: Decimal | None, by: str) -> Decimal:
    """Match two items, as far as both are open when no amount is given; return how much was matched."""
    matched = min(abs(credit.open_amount), abs(debit.open_amount)) if amount is None else amount
    with Ledger.open(workspace) as ledger:
        ledger.allocate(credit.item, debit.item, matched, by, "matched by hand")
    return matched


def reverse(workspace: Workspace, match: Allocation, by: str, reason: str) -> None:
    """Undo a match."""
    with Ledger.open(workspace) as ledger:
        ledger.reverse_allocation(match.allocation_id, by, reason)


def due(workspace: Workspace, as_of: date) -> Due:
    """Return the reminders that are due."""
    with Ledger.open(workspace) as ledger:
        return due_reminders(ledger, as_of)


def make(workspace: Workspace, as_of: date, by: str) -> Due:
    """Record the reminders that are due today and write their letters."""
    configuration = _configuration(workspace)
    with Ledger.open(workspace) as ledger:
        return make_reminders(workspace, ledger, configuration, as_of, by, today=as_of)[0]


def letters(workspace: Workspace) -> list[ReminderLetter]:
    """Return the reminders that were made, newest first."""
    configuration = _configuration(workspace)
    with Ledger.open(workspace) as ledger:
        return reminder_letters(workspace, ledger, configuration)[::-1]


def letter_pdf(workspace: Workspace, made: ReminderLetter) -> bytes:
    """Return a reminder as PDF: as it was written, or else made again."""
    return made.path.read_bytes() if made.path.exists() else print_letter(workspace, made.letter)


def sendings(workspace: Workspace, billing_period: date, billing_group_id: str | None) -> list[SendingRow]:
    """Return the documents of a month with what is known of sending them."""
    with Ledger.open(workspace) as ledger:
        return sending_rows(ledger, billing_period, billing_group_id)


def mail_settings() -> MailSettings | MailError:
    """Return how mails are sent, or why they cannot be."""
    try:
        return MailSettings.from_environment()
    except MailError as error:
        return error


def send(
    workspace: Workspace, billing_period: date, numbers: Sequence[str], by: str, settings: MailSettings, *, again: bool
) -> list[SendingOutcome]:
    """Send some documents of a month."""
    with Ledger.open(workspace) as ledger:
        return send_documents(workspace, ledger, billing_period, by, settings, numbers=numbers, again=again)
