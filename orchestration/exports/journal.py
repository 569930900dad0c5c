"""General ledger lines of issued documents, as CSV.

What is here: what each document posts, in its currency and in the issuer's accounting currency, and to which accounts
(decision 14).
When to add here: something else that issuing a document posts.
What does not belong here: payments, which the bank's own books have; amounts, which are those of the documents.

A document debits the receivable with its total, and credits revenue line by line and tax by category and rate; customer
credits are debits. An amount below zero stands on the other side. Debits are credits, in each currency of its own.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

from babel.numbers import get_currency_precision

from orchestration.configuration.schema import GlAccount
from orchestration.configuration.validate import read_configuration
from orchestration.documents.content import Document, round_half_away
from orchestration.exports.files import Written, new_file, require_ending
from orchestration.exports.issued import Issued, issued_documents
from orchestration.settings import Workspace

__all__ = ["DEFAULT_ACCOUNTS", "Account", "Chart", "Posting", "postings_of", "write_journal"]

_PRECISION = 80


@dataclass(frozen=True)
class Account:
    """One account of the general ledger."""

    code: str
    name: str


DEFAULT_ACCOUNTS = {
    "receivable": Account("1200", "Accounts receivable"),
    "revenue": Account("4000", "Cloud services"),
    "customer_credit": Account("4900", "Credits granted to customers"),
    "tax": Account("2200", "Tax payable"),
    "aws_tax": Account("2210", "Tax of AWS passed on"),
    "rounding": Account("7900", "Conversion differences"),
}
"""Where a posting goes that ``gl_accounts.csv`` does not name."""


class Chart:
    """Which account a posting goes to: the most precise row of ``gl_accounts.csv``, else the default one.

    A row of the issuer counts before one of every issuer, then the service before the line kind.
    """

    def __init__(self, rows: Iterable[GlAccount]) -> None:
        self._accounts = {
            (row.posting, row.issuer_id or "", row.line_kind, row.service_code, row.tax_category): Account(
                row.account_code, row.account_name
            )
            for row in rows
        }

    def account(
        self, posting: str, issuer_id: str, line_kind: str = "", service_code: str = "", tax_category: str = ""
    ) -> Account:
        """Return the account of a posting."""
        for issuer in (issuer_id, ""):
            for kind, service in ((line_kind, service_code), ("", service_code), (line_kind, ""), ("", "")):
                for category in (tax_category, ""):
                    found = self._accounts.get((posting, issuer, kind, service, category))
                    if found is not None:
                        return found
        return DEFAULT_ACCOUNTS[posting]


@dataclass(frozen=True)
class Posting:
    """One line of the journal.

    Attributes:
        posting: what is posted, one of ``gl_accounts.csv``.
        account: where to.
        amount: in the document's currency; a debit is positive, a credit negative.
        accounting_amount: the same in the issuer's accounting currency; None where there is no rate.
        description: in words.
        line_kind: of the invoice line; empty for others.
        service_code: of the invoice line.
        tax_category: of a tax.
        tax_rate: of a tax, in percent.
    """

    posting: str
    account: Account
    amount: Decimal
    accounting_amount: Decimal | None
    description: str
    line_kind: str = ""
    service_code: str = ""
    tax_category: str = ""
    tax_rate: Decimal | None = None


def postings_of(document: Document, chart: Chart) -> list[Posting]:
    """Return what a document posts: debits and credits sum to zero, in its currency and in the accounting currency.

    Converted amounts are rounded one by one to the accounting currency's minor unit, but the document's tax is what it
    states in that currency (BR-53); what they lack to zero is posted as ``rounding``.
    """
    with localcontext(prec=_PRECISION):
        postings = [*_own_postings(document, chart)]
        converted = _converted(document, postings)
        missing = -sum((posting.accounting_amount or Decimal(0) for posting in converted), Decimal(0))
        if missing:
            account = chart.account("rounding", document.issuer.issuer_id)
            zero = Decimal(0).scaleb(-document.minor_units)
            converted.append(Posting("rounding", account, zero, missing, "Conversion difference"))
    return converted


def _own_postings(document: Document, chart: Chart) -> Iterator[Posting]:
    issuer = document.issuer.issuer_id
    yield Posting(
        "receivable",
        chart.account("receivable", issuer),
        document.totals.total_amount,
        None,
        f"{document.customer.legal_name}, {document.kind.replace('_', ' ')}",
    )
    for line in document.lines:
        kind, service = line.line_kind, line.service_code or ""
        for posting, amount in (("revenue", line.net_amount), ("customer_credit", line.credit_amount)):
            if line.is_aws_tax and posting == "revenue":
                account = chart.account("aws_tax", issuer)
                yield Posting("aws_tax", account, -amount, None, line.description, kind, service)
            elif amount:
                account = chart.account(posting, issuer, kind, service)
                yield Posting(posting, account, -amount, None, line.description, kind, service)
    for tax in document.taxes:
        if tax.tax_amount:
            yield Posting(
                "tax",
                chart.account("tax", issuer, tax_category=tax.tax_category),
                -tax.tax_amount,
                None,
                f"{tax.tax_name or 'Tax'} {format(tax.tax_rate.normalize(), 'f')} %",
                tax_category=tax.tax_category,
                tax_rate=tax.tax_rate,
            )


def _converted(document: Document, postings: Sequence[Posting]) -> list[Posting]:
    """Return the postings with their accounting amounts."""
    if document.issuer.currency == document.currency:
        return [replace(posting, accounting_amount=posting.amount) for posting in postings]
    if document.accounting_fx is None:
        return list(postings)
    fx = document.accounting_fx
    decimals = get_currency_precision(fx.currency)
    found = [
        replace(posting, accounting_amount=round_half_away(posting.amount * fx.rate, decimals)) for posting in postings
    ]
    # The largest tax takes what rounding the taxes one by one differs by.
    taxes = [place for place, posting in enumerate(found) if posting.posting in ("tax", "aws_tax")]
    stated = document.accounting_tax_amount
    if taxes and stated is not None:
        largest = max(taxes, key=lambda place: abs(found[place].amount))
        posted = sum((found[place].accounting_amount or Decimal(0) for place in taxes), Decimal(0))
        own = found[largest].accounting_amount or Decimal(0)
        found[largest] = replace(found[largest], accounting_amount=own - stated - posted)
    return found


def write_journal(workspace: Workspace, period: date, group: str | None, path: Path) -> Written:
    """Write the journal of the issued documents of a period, corrections included, to a new CSV file.

    Raises:
        ChargehouseError: the file is there already, or nothing is issued.
        ConfigurationError: ``gl_accounts.csv``, or another file, has problems.
        DocumentError: the content of a document is damaged.
    """
    require_ending(path, ".csv")
    chart = Chart(read_configuration(workspace.billing).gl_accounts)
    count = 0
    with (
        new_file(path) as draft,
        issued_documents(workspace, period, group) as documents,
        draft.open("x", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for issued in documents:
            for number, posting in enumerate(postings_of(issued.document, chart), start=1):
                values = [cell(issued, number, posting) for cell in _COLUMNS.values()]
                writer.writerow("" if value is None else value for value in values)
                count += 1
    return Written(path, count)


def _debit(amount: Decimal | None) -> str:
    return "" if amount is None or amount < 0 else format(amount, "f")


def _credit(amount: Decimal | None) -> str:
    return "" if amount is None or amount >= 0 else format(-amount, "f")


def _accounting_currency(document: Document) -> str:
    if document.issuer.currency == document.currency:
        return document.currency
    return "" if document.accounting_fx is None else document.accounting_fx.currency


def _accounting_rate(document: Document) -> str:
    if document.issuer.currency == document.currency:
        return "1"
    return "" if document.accounting_fx is None else format(document.accounting_fx.rate, "f")


_Cell = Callable[[Issued, int, Posting], Any]
_COLUMNS: dict[str, _Cell] = {
    "document_number": lambda issued, _, __: issued.number,
    "document_kind": lambda issued, _, __: issued.document.kind,
    "reference_number": lambda issued, _, __: (
        None if issued.document.reference is None else issued.document.reference.number
    ),
    "posting_date": lambda issued, _, __: issued.document.issue_date,
    "due_date": lambda issued, _, __: issued.document.due_date,
    "tax_point": lambda issued, _, __: issued.document.tax_point,
    "billing_period": lambda issued, _, __: issued.document.billing_period,
    "issuer_id": lambda issued, _, __: issued.document.issuer.issuer_id,
    "customer_id": lambda issued, _, __: issued.document.customer.customer_id,
    "billing_group_id": lambda issued, _, __: issued.document.billing_group.billing_group_id,
    "line_number": lambda _, number, __: number,
    "posting": lambda _, __, posting: posting.posting,
    "account_code": lambda _, __, posting: posting.account.code,
    "account_name": lambda _, __, posting: posting.account.name,
    "description": lambda _, __, posting: posting.description,
    "line_kind": lambda _, __, posting: posting.line_kind,
    "service_code": lambda _, __, posting: posting.service_code,
    "tax_category": lambda _, __, posting: posting.tax_category,
    "tax_rate": lambda _, __, posting: None if posting.tax_rate is None else format(posting.tax_rate, "f"),
    "currency": lambda issued, _, __: issued.document.currency,
    "debit": lambda _, __, posting: _debit(posting.amount),
    "credit": lambda _, __, posting: _credit(posting.amount),
    "accounting_currency": lambda issued, _, __: _accounting_currency(issued.document),
    "accounting_rate": lambda issued, _, __: _accounting_rate(issued.document),
    "accounting_debit": lambda _, __, posting: _debit(posting.accounting_amount),
    "accounting_credit": lambda _, __, posting: _credit(posting.accounting_amount),
}
