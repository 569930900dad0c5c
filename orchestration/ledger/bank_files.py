"""Payments out of the CSV files of banks and payment providers, and finding what they pay.

What is here: reading such a file by a column mapping, matching payments with documents by the numbers in their text,
and importing a file as a whole.
When to add here: another way in which such files write dates or amounts, or another sign of what a payment is for.
What does not belong here: what a recorded payment or a match is (``settlement``).
"""

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection

from orchestration.errors import ConfigProblem, LedgerError, PaymentFileError
from orchestration.ledger.audit import Change
from orchestration.ledger.columns import plain
from orchestration.ledger.settlement import (
    ItemId,
    OpenItem,
    Payment,
    allocate,
    known_payment,
    open_items,
    record_payment,
)

__all__ = [
    "BankFile",
    "Match",
    "PaymentImport",
    "PlannedPayment",
    "import_payments",
    "match_payment",
    "parse_bank_file",
    "plan_payments",
    "read_bank_file",
]


@dataclass(frozen=True)
class BankFile:
    """How a bank or provider writes its CSV files.

    Attributes:
        source: name of the account, such as ``deutsche-bank-eur``; payments are recorded once per source and id.
        date_column: header of the value date.
        amount_column: header of the signed amount; received above zero.
        reference_columns: headers of the texts in which a payer names a document.
        currency_column: header of the currency; None when ``currency`` says it for the whole file.
        currency: ISO 4217.
        counterparty_column: header of the payer's name, if there is one.
        id_column: header of the bank's own id of the payment; None: the id is made from the row itself, and rows that
            agree in everything are numbered, so that a day must be exported whole.
        date_format: as in ``strptime``.
        decimal_separator: ``.`` or ``,``.
        thousands_separator: ``.``, ``,``, ``'``, a space, or nothing.
        delimiter: between cells.
        encoding: of the file.
        skip_lines: lines before the header.
        method: recorded with each payment.
    """

    source: str
    date_column: str
    amount_column: str
    reference_columns: tuple[str, ...]
    currency_column: str | None = None
    currency: str | None = None
    counterparty_column: str | None = None
    id_column: str | None = None
    date_format: str = "%Y-%m-%d"
    decimal_separator: str = "."
    thousands_separator: str = ""
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    skip_lines: int = 0
    method: str = "bank_transfer"

    def __post_init__(self) -> None:
        if (self.currency_column is None) == (self.currency is None):
            raise LedgerError(f"Mapping {self.source}: give either currency_column or currency.")
        if self.decimal_separator not in (".", ",") or self.thousands_separator == self.decimal_separator:
            raise LedgerError(
                f"Mapping {self.source}: decimal_separator is . or , and thousands_separator is another one or nothing."
            )


@dataclass(frozen=True)
class Match:
    """What a payment pays.

    Attributes:
        customer_id: whose it is; None when its text names no document, or those of several customers.
        allocations: (credit item, debit item, amount above zero), in order; credit None is the payment itself.
        remainder: what is left of the payment, of its sign.
        reason: in words.
    """

    customer_id: str | None
    allocations: tuple[tuple[ItemId | None, ItemId | None, Decimal], ...]
    remainder: Decimal
    reason: str


@dataclass(frozen=True)
class PlannedPayment:
    """What recording a payment would do.

    Attributes:
        payment: the payment.
        state: what it is: known (recorded before), ignored (paid out, and names no document of ours), matched,
            part (something it names stays open), over (some of it is left) or unmatched.
        match: what it pays; nothing for one that is known.
        pays: by name, what it pays and what of that stays open.
    """

    payment: Payment
    state: Literal["known", "ignored", "matched", "part", "over", "unmatched"]
    match: Match
    pays: tuple[tuple[str, Decimal, Decimal], ...] = ()


@dataclass(frozen=True)
class PaymentImport:
    """What importing a file did.

    Attributes:
        recorded: ids of the payments that were new, in the file's order.
        known_count: rows that had been imported before.
        ignored_count: rows with money paid out that name no document of ours: not our business.
        matched: id of the payment and what it pays, where its text named a customer's documents.
        unmatched: id of the payment and why nothing was found; somebody has to look.
        planned: every payment of the file in its order, and what became of it.
    """

    recorded: tuple[int, ...]
    known_count: int
    ignored_count: int
    matched: tuple[tuple[int, Match], ...]
    unmatched: tuple[tuple[int, str], ...]
    planned: tuple[PlannedPayment, ...] = ()


def read_bank_file(path: Path, form: BankFile) -> list[Payment]:
    """Return every payment of a file; see ``parse_bank_file``."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path.name, form, error) from None
    return parse_bank_file(path.name, content, form)


def _unreadable(name: str, form: BankFile, error: Exception) -> PaymentFileError:
    expected = f"cannot be read as {form.encoding}: {error}"
    return PaymentFileError([ConfigProblem(name, None, None, None, expected, "Check file and mapping.")])


def parse_bank_file(name: str, content: bytes, form: BankFile) -> list[Payment]:
    """Return every payment of a file, in its order; rows with an amount of zero left out.

    Args:
        name: the file's name, for messages.
        content: its bytes.
        form: how it is written.

    Raises:
        PaymentFileError: the file, its header or some of its cells cannot be read; names all of them.
    """
    try:
        text = content.decode(form.encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise _unreadable(name, form, error) from None
    lines = io.StringIO("".join(text.splitlines(keepends=True)[form.skip_lines :]), newline="")
    reader = csv.DictReader(lines, delimiter=form.delimiter, strict=True)
    try:
        missing = [column for column in _columns(form) if column not in (reader.fieldnames or [])]
        if missing:
            found = ", ".join(reader.fieldnames or []) or "nothing"
            raise PaymentFileError(
                [
                    ConfigProblem(
                        name, form.skip_lines + 1, column, None, f"is missing; found {found}", "Mend the mapping."
                    )
                    for column in missing
                ]
            )
        rows = [(form.skip_lines + reader.line_num, row) for row in reader]
    except csv.Error as error:
        line = form.skip_lines + reader.line_num
        raise PaymentFileError(
            [ConfigProblem(name, line, None, None, f"is no CSV: {error}", "Export it again.")]
        ) from None
    return _payments(name, form, rows)


def _columns(form: BankFile) -> list[str]:
    named = (
        form.date_column,
        form.amount_column,
        *form.reference_columns,
        form.currency_column,
        form.counterparty_column,
    )
    return [column for column in (*named, form.id_column) if column is not None]


def _payments(file: str, form: BankFile, rows: Iterable[tuple[int, dict[str, str]]]) -> list[Payment]:
    problems: list[ConfigProblem] = []
    found: list[Payment] = []
    seen: Counter[str] = Counter()
    lines: dict[str, int] = {}
    for line, row in rows:
        cells = {column: (row[column] or "").strip() for column in _columns(form)}
        mine = _cell_problems(file, line, form, cells, is_whole=None not in row and None not in row.values())
        problems += mine
        amount = None if mine else _amount(form, cells[form.amount_column])
        if not amount:
            continue
        day = datetime.strptime(cells[form.date_column], form.date_format).date()
        reference = " ".join(cells[column] for column in form.reference_columns if cells[column])
        counterparty = cells[form.counterparty_column] if form.counterparty_column else ""
        currency = cells[form.currency_column].upper() if form.currency_column else form.currency or ""
        if form.id_column:
            external_id = cells[form.id_column]
            if external_id in lines:
                expected = f"stands in line {lines[external_id]} too"
                problems.append(ConfigProblem(file, line, form.id_column, external_id, expected, "An id is unique."))
            lines[external_id] = line
        else:
            same = "\x1f".join((day.isoformat(), plain(amount.normalize()), currency, reference, counterparty))
            seen[same] += 1
            digest = hashlib.sha256("\x1f".join((same, str(seen[same]))).encode()).hexdigest()
            external_id = f"{day.isoformat()}-{digest[:24]}"
        found.append(Payment(form.source, external_id, day, amount, currency, form.method, reference, counterparty))
    if problems:
        raise PaymentFileError(problems)
    return found


def _cell_problems(
    file: str, line: int, form: BankFile, cells: Mapping[str, str], is_whole: bool
) -> list[ConfigProblem]:
    if not is_whole:
        return [
            ConfigProblem(file, line, None, None, "has another number of cells than the header", "Export it again.")
        ]

    def problem(column: str, expected: str, what_to_do: str) -> ConfigProblem:
        return ConfigProblem(file, line, column, cells[column], expected, what_to_do)

    problems = []
    try:
        datetime.strptime(cells[form.date_column], form.date_format)
    except ValueError:
        problems.append(
            problem(form.date_column, f"is no date of the form {form.date_format}", "Mend the mapping or the cell.")
        )
    if _amount(form, cells[form.amount_column]) is None:
        example = f"-1{form.thousands_separator}234{form.decimal_separator}50"
        problems.append(
            problem(form.amount_column, f"is no amount; expected one like {example}", "Mend the mapping or the cell.")
        )
    if form.currency_column and not re.fullmatch("[A-Za-z]{3}", cells[form.currency_column]):
        problems.append(
            problem(form.currency_column, "is no currency; expected three letters like EUR", "Mend the cell.")
        )
    if form.id_column and not cells[form.id_column]:
        problems.append(
            problem(form.id_column, "is empty; expected the bank's id of the payment", "Name another column.")
        )
    return problems


def _amount(form: BankFile, text: str) -> Decimal | None:
    """Return an amount; None unless its separators stand exactly where the mapping says."""
    thousands, point = re.escape(form.thousands_separator), re.escape(form.decimal_separator)
    grouped = rf"|[0-9]{{1,3}}(?:{thousands}[0-9]{{3}})+" if thousands else ""
    if not re.fullmatch(rf"[+-]?(?:[0-9]{{1,15}}{grouped})(?:{point}[0-9]{{1,4}})?", text):
        return None
    if form.thousands_separator:
        text = text.replace(form.thousands_separator, "")
    return Decimal(text.replace(form.decimal_separator, "."))


def match_payment(amount: Decimal, currency: str, text: str, items: Sequence[OpenItem]) -> Match:
    """Find what a payment pays by the document numbers in its text. A pure function.

    A payment received first uses up the credit notes that the text names, against the invoices that it names, and then
    pays those, the one due first before the others, as far as it goes. A refund pays out the credit notes named. What
    is left stays with the customer. Banks break and space numbers as they like; hyphens, spaces and case do not matter.

    Args:
        amount: above zero when received, below when paid out.
        currency: ISO 4217.
        text: everything that the payer wrote.
        items: documents, open or settled, among which to look.
    """
    squeezed = _squeezed(text)
    named = [
        item
        for item in items
        if item.item.item == "document" and _squeezed(item.name) in squeezed and _spaced(item.name).search(text.upper())
    ]
    if not named:
        return Match(None, (), amount, "names no document")
    numbers = ", ".join(sorted(item.name for item in named))
    customers = {item.customer_id for item in named}
    if len(customers) > 1:
        return Match(None, (), amount, f"names documents of several customers: {numbers}")
    customer_id = customers.pop()
    if {item.currency for item in named} != {currency}:
        return Match(customer_id, (), amount, f"is in {currency}, unlike {numbers}")
    owed = {item.item: item.open_amount for item in sorted(named, key=_due_first) if item.open_amount > 0}
    favour = {item.item: -item.open_amount for item in sorted(named, key=_due_first) if item.open_amount < 0}
    found: list[tuple[ItemId | None, ItemId | None, Decimal]] = []
    if amount < 0:
        left = -amount
        for credit_note, open_amount in favour.items():
            part = min(left, open_amount)
            if part:
                found.append((credit_note, None, part))
                left -= part
        return Match(customer_id, tuple(found), -left, f"names {numbers}")
    for credit_note, open_amount in favour.items():
        _pay(credit_note, open_amount, owed, found)
    left = _pay(None, amount, owed, found)
    return Match(customer_id, tuple(found), left, f"names {numbers}")


def plan_payments(
    connection: Connection, found: Sequence[Payment], customer_id: str | None = None
) -> list[PlannedPayment]:
    """Return what recording payments would do, one after the other, without doing it.

    Args:
        connection: a transaction.
        found: the payments.
        customer_id: whose they are, where somebody knows: none is ignored then, and none names another's document.

    Raises:
        LedgerError: an id was recorded before with another amount, currency or day, or a payment of ``customer_id``
            names another customer's document.
    """
    items = {item.item: item for item in open_items(connection) if item.item.item == "document"}
    planned = []
    for payment in found:
        if known_payment(connection, payment) is not None:
            planned.append(PlannedPayment(payment, "known", Match(None, (), payment.amount, "was recorded before")))
            continue
        text = f"{payment.reference} {payment.counterparty}"
        match = match_payment(payment.amount, payment.currency, text, list(items.values()))
        if customer_id is not None:
            if match.customer_id not in (None, customer_id):
                raise LedgerError(
                    f"The payment is {customer_id}'s, but {match.reason}, of {match.customer_id}. Nothing was recorded."
                )
            match = replace(match, customer_id=customer_id)
        pays: dict[str, Decimal] = {}
        for credit, debit, amount in match.allocations:
            for item, step in ((credit, amount), (debit, -amount)):
                if item is not None:
                    items[item] = replace(items[item], open_amount=items[item].open_amount + step)
                    pays[items[item].name] = pays.get(items[item].name, Decimal(0)) + amount
        open_now = {item.name: item.open_amount for item in items.values() if item.name in pays}
        state = _state(payment, match, open_now)
        planned.append(
            PlannedPayment(
                payment, state, match, tuple((name, amount, open_now[name]) for name, amount in pays.items())
            )
        )
    return planned


def _state(
    payment: Payment, match: Match, open_now: Mapping[str, Decimal]
) -> Literal["ignored", "matched", "part", "over", "unmatched"]:
    if payment.amount < 0 and match.customer_id is None:
        return "ignored"
    if not match.allocations:
        return "unmatched"
    if match.remainder:
        return "over"
    return "part" if any(open_now.values()) else "matched"


def import_payments(change: Change, found: Sequence[Payment], customer_id: str | None = None) -> PaymentImport:
    """Record payments and match them with documents; what was recorded before is left alone.

    Args:
        change: the transaction: all of them, or nothing.
        found: what ``read_bank_file`` returned, or payments that somebody typed in.
        customer_id: see ``plan_payments``.

    Raises:
        LedgerError: see ``plan_payments``.
    """
    planned = plan_payments(change.connection, found, customer_id)
    recorded: list[int] = []
    matched: list[tuple[int, Match]] = []
    unmatched: list[tuple[int, str]] = []
    for plan in planned:
        if plan.state in ("known", "ignored"):
            continue
        payment_id = record_payment(change, plan.payment, plan.match.customer_id)
        recorded.append(payment_id)
        itself = ItemId("payment", payment_id)
        for credit, debit, amount in plan.match.allocations:
            allocate(change, credit or itself, debit or itself, amount, plan.match.reason)
        if plan.match.allocations:
            matched.append((payment_id, plan.match))
        else:
            unmatched.append((payment_id, plan.match.reason))
    states = Counter(plan.state for plan in planned)
    return PaymentImport(
        tuple(recorded), states["known"], states["ignored"], tuple(matched), tuple(unmatched), tuple(planned)
    )


def _pay(
    credit: ItemId | None,
    amount: Decimal,
    owed: dict[ItemId, Decimal],
    found: list[tuple[ItemId | None, ItemId | None, Decimal]],
) -> Decimal:
    for debit, open_amount in owed.items():
        part = min(amount, open_amount)
        if part:
            found.append((credit, debit, part))
            owed[debit] -= part
            amount -= part
    return amount


def _due_first(item: OpenItem) -> tuple[date, ItemId]:
    return item.due_date, item.item


# Thousands of payments are looked through for the same numbers.
@lru_cache(maxsize=100_000)
def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]", "", text.upper())


def _spaced(number: str) -> re.Pattern[str]:
    """Return what finds a number with separators anywhere, but not inside a longer number."""
    return re.compile(r"(?<![^\W_])" + r"[\W_]*".join(_squeezed(number)) + r"(?![0-9])")
