"""Statements of account as letters, and where letters are kept.

What is here: a customer's account as a letter, and the files of letters in ``documents/``.
When to add here: another letter about an account.
What does not belong here: reminders (``reminding``), which are recorded; a statement may be printed any time again.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from orchestration.configuration.schema import Configuration
from orchestration.documents.content import Document
from orchestration.documents.letters import Ageing, Letter, Movement, letter_pdf
from orchestration.documents.letters import Statement as StatementLetter
from orchestration.documents.pdf import Style
from orchestration.errors import ChargehouseError
from orchestration.ledger.ledger import Ledger
from orchestration.ledger.settlement import Aged, Statement
from orchestration.settings import Workspace
from orchestration.settling.parties import minor_units, parties_of

__all__ = ["AccountStatement", "account_statements", "file_name", "print_letter", "write_letter"]


@dataclass(frozen=True)
class AccountStatement:
    """A customer's account in one currency: as it is in the ledger, and as a letter."""

    account: Statement
    letter: StatementLetter

    @property
    def file(self) -> str:
        """What the PDF is called."""
        account = self.account
        return file_name(account.customer_id, account.currency, f"{account.start_date}", f"{account.end_date}")


def account_statements(
    ledger: Ledger,
    configuration: Configuration,
    customer_id: str,
    start: date,
    end: date,
    *,
    today: date,
    currency: str | None = None,
    issuer_id: str | None = None,
) -> list[AccountStatement]:
    """Return a customer's account over some days, both included: one statement per currency of their documents.

    Args:
        ledger: the ledger.
        configuration: who issuer and customer are now.
        customer_id: whose account.
        start: first day.
        end: last day.
        today: the day on the letter.
        currency: only this one.
        issuer_id: whose letter it is; needed where several issuers have billed the customer, since payments are made
            to the customer's account and not to one of them.

    Raises:
        ChargehouseError: nothing was issued to the customer, or it is not clear whose letter it is.
    """
    if start > end:
        raise ChargehouseError(f"The statement would begin on {start}, after its end on {end}.")
    newest = [
        document
        for document in ledger.newest_of_parties()
        if document.customer_id == customer_id and currency in (None, document.currency)
    ]
    if not newest:
        in_currency = f" in {currency}" if currency else ""
        raise ChargehouseError(f"Nothing was issued to customer {customer_id}{in_currency}; there is no account.")
    issuers = sorted({document.issuer_id for document in newest})
    if issuer_id is None and len(issuers) > 1:
        raise ChargehouseError(
            f"Customer {customer_id} has documents of {', '.join(issuers)}; say whose letter it is (--issuer)."
        )
    by_currency = {
        document.currency: document for document in newest if issuer_id is None or document.issuer_id == issuer_id
    }
    if not by_currency:
        raise ChargehouseError(f"Issuer {issuer_id} issued nothing to customer {customer_id}.")
    aged = {row.currency: row for row in ledger.ageing(end) if row.customer_id == customer_id}
    due_dates = {head.number: head.due_date for head in ledger.document_heads() if head.customer_id == customer_id}
    return [
        _statement(
            ledger.statement(customer_id, found, start, end),
            configuration,
            Document.parse(document.content),
            aged.get(found),
            due_dates,
            today,
        )
        for found, document in sorted(by_currency.items())
    ]


def _statement(
    account: Statement,
    configuration: Configuration,
    document: Document,
    aged: Aged | None,
    due_dates: dict[str, date],
    today: date,
) -> AccountStatement:
    parties = parties_of(configuration, document)
    movements = tuple(
        Movement(
            movement.movement_date,
            movement.kind,  # type: ignore[arg-type]  # the ledger's kinds are the letter's
            movement.name,
            None if movement.kind not in ("invoice", "supplementary_invoice") else due_dates[movement.name],
            movement.amount,
        )
        for movement in account.movements
    )
    letter = StatementLetter(
        issuer=parties.issuer,
        customer=parties.customer,
        currency=account.currency,
        minor_units=minor_units(account.currency),
        day=today,
        start=account.start_date,
        end=account.end_date,
        opening_balance=account.opening_balance,
        movements=movements,
        closing_balance=account.closing_balance,
        ageing=None
        if aged is None
        else Ageing(aged.not_due, aged.days_1_30, aged.days_31_60, aged.days_61_90, aged.days_over_90, aged.in_favour),
    )
    return AccountStatement(account, letter)


def file_name(*parts: str) -> str:
    """Return the name of a letter's PDF; ids that no file may be called keep apart by a digest of themselves."""
    words = []
    for part in parts:
        word = re.sub(r"[^\w.-]", "_", part).lstrip(".")
        words.append(word if word == part else f"{word}-{hashlib.sha256(part.encode()).hexdigest()[:8]}")
    return f"{'-'.join(words)}.pdf"


def print_letter(workspace: Workspace, letter: Letter) -> bytes:
    """Return a letter's PDF, with the issuer's logo and fonts.

    Raises:
        DocumentError: see ``letter_pdf``.
    """
    return letter_pdf(letter, Style.of_issuer(workspace.billing, letter.issuer.issuer_id))


def write_letter(workspace: Workspace, letter: Letter, path: Path) -> Path:
    """Write a letter's PDF so that it appears whole or not at all; return its path."""
    content = print_letter(workspace, letter)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name that no other process and no list of letters takes for its own.
    partial = path.with_name(f".{path.name}.{hashlib.sha256(content).hexdigest()[:8]}")
    partial.write_bytes(content)
    return partial.replace(path)
