"""Letters beside the documents: reminders, statements of account, cover statements over several groups.

What is here: their inputs, checked for sums that tie, and what is printed of them.
When to add here: another letter that finance sends with or after a document.
What does not belong here: finding what is open or overdue; that is the ledger's. Letters are not frozen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from orchestration.documents.content import Customer, Issuer, Kind
from orchestration.documents.language import Language
from orchestration.documents.pages import Page, breakable, grouped_iban, sheet
from orchestration.documents.pdf import Style, pdf_of_page
from orchestration.errors import DocumentError

__all__ = [
    "Ageing",
    "CoverStatement",
    "CoveredDocument",
    "Letter",
    "Movement",
    "OpenItem",
    "Reminder",
    "Statement",
    "letter_pdf",
]


@dataclass(frozen=True)
class Letter:
    """What every letter has; all its amounts are in one currency.

    Attributes:
        issuer: the sender.
        customer: the recipient, whose language it is written in.
        currency: ISO 4217 code.
        minor_units: decimals of the currency.
        day: date of the letter.
    """

    issuer: Issuer
    customer: Customer
    currency: str
    minor_units: int
    day: date


@dataclass(frozen=True)
class OpenItem:
    """A document that is not paid in full: what it came to, and what of it is still open."""

    number: str
    issue_date: date
    due_date: date
    total_amount: Decimal
    open_amount: Decimal


@dataclass(frozen=True)
class Reminder(Letter):
    """A reminder of overdue documents.

    Attributes:
        level: 1 friendly, 2 firm, 3 final.
        pay_by: day until which the customer is asked to pay.
        items: the overdue documents.
    """

    level: Literal[1, 2, 3]
    pay_by: date
    items: tuple[OpenItem, ...]


@dataclass(frozen=True)
class Movement:
    """One movement on a customer's account: what the customer owes more is positive (M2).

    Attributes:
        day: of issue or of payment.
        kind: what moved.
        number: of the document, or reference of the payment.
        due_date: of a document.
        amount: signed.
    """

    day: date
    kind: Literal["invoice", "credit_note", "supplementary_invoice", "payment", "refund"]
    number: str
    due_date: date | None
    amount: Decimal


@dataclass(frozen=True)
class Ageing:
    """The open balance by days past due; ``in_favour`` is zero or below: paid or credited, and not used yet."""

    not_due: Decimal
    days_1_30: Decimal
    days_31_60: Decimal
    days_61_90: Decimal
    over_90: Decimal
    in_favour: Decimal = Decimal(0)


@dataclass(frozen=True)
class Statement(Letter):
    """A statement of account over a range of days, both ends included."""

    start: date
    end: date
    opening_balance: Decimal
    movements: tuple[Movement, ...]
    closing_balance: Decimal
    ageing: Ageing | None = None


@dataclass(frozen=True)
class CoveredDocument:
    """A document that a cover statement lists."""

    number: str
    kind: Kind
    billing_group_name: str
    due_date: date | None
    net_amount: Decimal
    credit_amount: Decimal
    tax_amount: Decimal
    total_amount: Decimal


@dataclass(frozen=True)
class CoverStatement(Letter):
    """The sheet on top of the documents of a customer with several billing groups; ``month`` is any day of it."""

    month: date
    documents: tuple[CoveredDocument, ...]
    total_amount: Decimal


def letter_pdf(letter: Letter, style: Style | None = None) -> bytes:
    """Return the PDF/A-3b of a reminder, statement of account or cover statement.

    Raises:
        DocumentError: its sums do not tie, or it cannot be printed (see ``pdf.invoice_pdf``).
    """
    problems = list(_problems(letter))
    if problems:
        raise DocumentError(
            "\n".join(["The letter's sums do not tie; nothing was printed.", *map("  {}".format, problems)])
        )
    page = _LetterPage(letter).page()
    return pdf_of_page("letter.typ", page, {}, day=letter.day, name=page["title"], style=style or Style())


def _problems(letter: Letter) -> Iterator[str]:
    if isinstance(letter, Reminder):
        for item in letter.items:
            if not 0 < item.open_amount <= item.total_amount:
                yield f"{item.number}: open_amount {item.open_amount} is not above 0 and within {item.total_amount}"
            if item.due_date >= letter.day:
                yield f"{item.number}: is due on {item.due_date}, not before the letter's {letter.day}"
        if not letter.items:
            yield "there is nothing to remind of"
    if isinstance(letter, Statement):
        balance = sum((movement.amount for movement in letter.movements), letter.opening_balance)
        if balance != letter.closing_balance:
            yield f"closing_balance {letter.closing_balance} is not {balance}, the opening balance and all movements"
        if letter.ageing is not None:
            aged = sum(vars(letter.ageing).values(), Decimal(0))
            if aged != letter.closing_balance:
                yield f"ageing sums to {aged}, not to the closing_balance {letter.closing_balance}"
    if isinstance(letter, CoverStatement):
        for document in letter.documents:
            expected = document.net_amount + document.credit_amount + document.tax_amount
            if expected != document.total_amount:
                yield f"{document.number}: total_amount {document.total_amount} is not {expected}, net, credit and tax"
        total = sum((document.total_amount for document in letter.documents), Decimal(0))
        if total != letter.total_amount:
            yield f"total_amount {letter.total_amount} is not {total}, the sum of the documents"


class _LetterPage:
    def __init__(self, letter: Letter) -> None:
        self._letter = letter
        self._language = Language.of(letter.customer.language, letter.customer.country_code)
        self._text = self._language.text

    def page(self) -> Page:
        letter = self._letter
        if isinstance(letter, Reminder):
            return self._reminder(letter)
        if isinstance(letter, Statement):
            return self._statement(letter)
        if isinstance(letter, CoverStatement):
            return self._cover(letter)
        raise TypeError(f"{type(letter).__name__} is no letter that can be printed")

    def _amount(self, amount: Decimal) -> str:
        return self._language.amount(amount, self._letter.minor_units)

    def _money(self, amount: Decimal) -> str:
        return f"{self._amount(amount)}\N{NO-BREAK SPACE}{self._letter.currency}"

    def _day(self, day: date | None) -> str:
        return self._language.day(day) if day else ""

    def _frame(
        self,
        title: str,
        headline: Sequence[str],
        introduction: str,
        tables: Sequence[Page],
        closing: Sequence[str] = (),
    ) -> Page:
        letter = self._letter
        return {
            **sheet(self._language, letter.issuer, letter.customer, title=title, number="", paid_to=True),
            "facts": [
                [self._text("date"), self._day(letter.day)],
                [self._text("customer_number"), breakable(letter.customer.customer_id)],
            ],
            "headline": list(headline),
            "introduction": introduction,
            "tables": list(tables),
            "closing": list(closing),
        }

    def _table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        foot: Sequence[str] | None,
        *,
        wide: int,
        texts: int,
    ) -> Page:
        """Return a table whose first ``texts`` columns stand left, the amounts behind them right."""
        return {
            "title": "",
            "columns": list(columns),
            "sides": ["left" if index < texts else "right" for index in range(len(columns))],
            "wide": wide,
            "rows": [list(row) for row in rows],
            "foot": None if foot is None else list(foot),
        }

    def _reminder(self, reminder: Reminder) -> Page:
        text = self._text
        total = sum((item.open_amount for item in reminder.items), Decimal(0))
        columns = ["document", "issue_date", "due_date", "days_overdue", "total", "open_amount"]
        rows = [
            [
                breakable(item.number),
                self._day(item.issue_date),
                self._day(item.due_date),
                str((reminder.day - item.due_date).days),
                self._amount(item.total_amount),
                self._amount(item.open_amount),
            ]
            for item in reminder.items
        ]
        table = self._table(
            list(map(text, columns)), rows, [text("open_total"), "", "", "", "", self._amount(total)], wide=0, texts=3
        )
        pay_by = self._day(reminder.pay_by)
        closing = []
        if reminder.issuer.iban:
            closing.append(f"IBAN {grouped_iban(reminder.issuer.iban)} · {reminder.issuer.legal_name}")
        if reminder.issuer.email:
            closing.append(text("reminder_closing", email=reminder.issuer.email))
        return self._frame(
            text(f"reminder_{reminder.level}"),
            [text("open_total"), self._money(total), text("payable_by", date=pay_by)],
            text(f"reminder_text_{reminder.level}", date=pay_by),
            [table],
            closing,
        )

    def _statement(self, statement: Statement) -> Page:
        text = self._text
        balance = statement.opening_balance
        rows = [[self._day(statement.start), text("opening_balance"), "", "", "", self._amount(balance)]]
        for movement in statement.movements:
            balance += movement.amount
            rows.append(
                [
                    self._day(movement.day),
                    text(f"kind_{movement.kind}"),
                    breakable(movement.number),
                    self._day(movement.due_date),
                    self._amount(movement.amount),
                    self._amount(balance),
                ]
            )
        columns = ["date", "description", "number", "due_date", "amount", "balance"]
        closing_balance = self._amount(statement.closing_balance)
        tables = [
            self._table(
                list(map(text, columns)),
                rows,
                [self._day(statement.end), text("closing_balance"), "", "", "", closing_balance],
                wide=1,
                texts=4,
            )
        ]
        if statement.ageing is not None:
            buckets = {name: amount for name, amount in vars(statement.ageing).items() if amount or name != "in_favour"}
            ageing = self._table(
                list(map(text, buckets)), [list(map(self._amount, buckets.values()))], None, wide=0, texts=0
            )
            tables.append({**ageing, "title": text("ageing")})
        return self._frame(
            text("statement"),
            [text("closing_balance"), self._money(statement.closing_balance), self._day(statement.end)],
            text("statement_text", start=self._day(statement.start), end=self._day(statement.end)),
            tables,
        )

    def _cover(self, cover: CoverStatement) -> Page:
        text = self._text
        has_credits = any(document.credit_amount for document in cover.documents)
        columns = ["document", "number", "billing_group", "due_date", "net", *(["credit"] if has_credits else [])]
        rows = [
            [
                text(f"kind_{document.kind}"),
                breakable(document.number),
                breakable(document.billing_group_name),
                self._day(document.due_date),
                self._amount(document.net_amount),
                *([self._amount(document.credit_amount)] if has_credits else []),
                self._amount(document.tax_amount),
                self._amount(document.total_amount),
            ]
            for document in cover.documents
        ]
        sums = [
            sum((document.net_amount for document in cover.documents), Decimal(0)),
            *([sum((document.credit_amount for document in cover.documents), Decimal(0))] if has_credits else []),
            sum((document.tax_amount for document in cover.documents), Decimal(0)),
            cover.total_amount,
        ]
        month = self._language.month(cover.month)
        return self._frame(
            text("cover"),
            [text("total"), self._money(cover.total_amount), month],
            text("cover_text", month=month),
            [
                self._table(
                    [*map(text, columns), text("tax"), text("total")],
                    rows,
                    [text("total"), "", "", "", *map(self._amount, sums)],
                    wide=2,
                    texts=4,
                )
            ],
        )
