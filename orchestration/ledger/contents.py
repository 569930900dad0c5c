"""A document's content: its canonical bytes, the rows they hold, and what must tie in them.

What is here: the canonical JSON that is hashed and kept, the part of it that the ledger reads, and the sums.
When to add here: a field of the document that the ledger must know, or another sum that must tie.
What does not belong here: how a document is computed (``dbt_project/``) or rendered.

A content has ``format`` 1. What the customer owes is positive. Amounts are in the document's currency, rounded to
``minor_units``; decimals are plain strings in JSON. Fields that the ledger does not know are kept and hashed like
all others.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from orchestration.errors import LedgerError
from orchestration.ledger.columns import plain
from orchestration.ledger.tables import document_lines

__all__ = [
    "KINDS",
    "Content",
    "CreditDraw",
    "Kind",
    "Series",
    "Values",
    "account_rows",
    "canonical_bytes",
    "document_number",
    "document_row",
    "line_rows",
    "parse_content",
    "series_of",
    "sum_problems",
    "tax_rows",
]

Kind = Literal["invoice", "credit_note", "supplementary_invoice"]
Series = Literal["invoice", "credit_note"]
Values = dict[str, Any]

KINDS: tuple[Kind, ...] = ("invoice", "credit_note", "supplementary_invoice")

# Eighteen digits before the point keep every sum below inside the 28 digits that Python's decimals calculate with.
_PLAIN = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]+)?")


def _decimal(value: object) -> Decimal:
    if not isinstance(value, str) or not _PLAIN.fullmatch(value):
        raise ValueError('is no exact decimal; expected plain digits in quotes, such as "12.30"')
    return Decimal(value)


def _strict_date(value: object) -> date:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError("is no date; expected YYYY-MM-DD")
    return date.fromisoformat(value)


Exact = Annotated[Decimal, BeforeValidator(_decimal)]
Rate = Annotated[Decimal, BeforeValidator(lambda value: _decimal("0" if value is None else value))]
Words = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
Day = Annotated[date, BeforeValidator(_strict_date)]
Name = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)


class BillingGroup(_Part):
    """Whose charges they are."""

    billing_group_id: Name


class Issuer(_Part):
    """Who issues; ``invoice_prefix`` begins the number (D2)."""

    issuer_id: Name
    invoice_prefix: Name


class Customer(_Part):
    """Who owes."""

    customer_id: Name
    legal_name: str = ""


class Fx(_Part):
    """The rate from USD (I2)."""

    rate: Exact


class Reference(_Part):
    """The document that a correction corrects (D4)."""

    number: Name
    issue_date: Day


class LinePart(_Part):
    """A line's share in one tax category and rate."""

    tax_category: str
    tax_name: Words = ""
    tax_rate: Rate
    exemption_reason: Words = ""
    net_amount: Exact
    credit_amount: Exact


class LineAccount(_Part):
    """A line's share of one account (M5)."""

    sub_account_id: str
    net_amount: Exact
    credit_amount: Exact


class Line(_Part):
    """One line; a line of kind ``aws_tax`` counts as tax, not as net."""

    invoice_line_key: Name
    line_number: int
    line_kind: Name
    source_id: Words
    service_code: Words
    description: Words
    charge_class: Words
    cause: Words
    exact_amount_usd: Exact
    net_amount: Exact
    credit_amount: Exact
    parts: list[LinePart]
    accounts: list[LineAccount]


class Tax(_Part):
    """One row of the tax table (T3)."""

    tax_category: Name
    tax_name: Words
    tax_rate: Rate
    exemption_reason: Words
    taxable_amount: Exact
    tax_amount: Exact


class Credit(_Part):
    """One customer credit drawn on (below zero) or given back (above)."""

    credit_id: Name
    amount: Exact


class Totals(_Part):
    """The sums; total = net + credit + tax."""

    net_amount: Exact
    credit_amount: Exact
    taxable_amount: Exact
    tax_amount: Exact
    total_amount: Exact


class Provenance(_Part):
    """What it was made from; of it the ledger reads what was approved."""

    draft_hash: Name


class Content(_Part):
    """The part of a document's content that the ledger reads; ``number`` is empty until it is issued."""

    format: Literal[1]
    kind: Kind
    number: str | None
    billing_period: Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
    billing_group: BillingGroup
    issue_date: Day
    due_date: Day
    issuer: Issuer
    customer: Customer
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    minor_units: Annotated[int, Field(ge=0, le=4)]
    fx: Fx | None
    reference: Reference | None
    lines: list[Line]
    taxes: list[Tax]
    credits: list[Credit]
    totals: Totals
    provenance: Provenance


@dataclass(frozen=True)
class CreditDraw:
    """What a document draws on one customer credit, for one line and account (K2).

    Attributes:
        credit_id: the credit.
        invoice_line_key: the line it lowers.
        sub_account_id: the account whose charges it lowers.
        service_code: the line's service.
        amount: below zero when drawn, above zero when a correction gives it back (K4); in the document's currency.
    """

    credit_id: str
    invoice_line_key: str
    sub_account_id: str
    service_code: Words
    amount: Decimal


def canonical_bytes(content: Mapping[str, Any]) -> bytes:
    """Return a content as canonical JSON: UTF-8, sorted keys, no spaces, decimals as plain strings.

    Decimal and date values are written as strings, so that a caller need not.

    Raises:
        LedgerError: a float, an infinite number, a key that is no text, or text that is no Unicode.
    """
    try:
        text = json.dumps(_plain_values(content, "content"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()
    except UnicodeEncodeError as error:
        raise LedgerError(
            f"The document holds text that is no Unicode: {error.object[error.start : error.end]!r}."
        ) from None


def _plain_values(value: Any, place: str) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Decimal) and value.is_finite():
        return plain(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        wrong = [key for key in value if not isinstance(key, str)]
        if wrong:
            raise LedgerError(f"The document's {place} has the key {wrong[0]!r}, which is no text.")
        return {key: _plain_values(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [_plain_values(item, f"{place}[{number}]") for number, item in enumerate(value)]
    raise LedgerError(
        f"The document's {place} is {value!r} ({type(value).__name__}). Expected text, whole numbers, exact decimals "
        "or dates; money never passes through a float."
    )


def parse_content(data: bytes) -> Content:
    """Return the part of a content that the ledger reads.

    Raises:
        LedgerError: it is no content of format 1; names every field that is missing or wrong.
    """
    try:
        found = json.loads(data)
    except ValueError as error:
        raise LedgerError(f"The document's content is no JSON: {error}.") from None
    if data != canonical_bytes(found):
        raise LedgerError("The document's content is not in canonical form.")
    try:
        return Content.model_validate(found)
    except ValidationError as error:
        problems = [
            f"  {'.'.join(str(step) for step in problem['loc'])}: "
            f"{_shown(problem['input'])}{problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        ]
        raise LedgerError("\n".join(["The document's content cannot be issued:", *problems])) from None


def _shown(value: object) -> str:
    return "" if isinstance(value, (dict, list)) else f"{value!r}: "


def series_of(kind: Kind) -> Series:
    """Return which series of numbers a kind of document belongs to (D2)."""
    return "credit_note" if kind == "credit_note" else "invoice"


def document_number(invoice_prefix: str, series: Series, year: int, sequence: int) -> str:
    """Return a document's number (D2): ``PREFIX-2026-000001``, ``PREFIX-CN-2026-000001``."""
    return f"{invoice_prefix}{'-CN' if series == 'credit_note' else ''}-{year:04d}-{sequence:06d}"


def document_row(content: Content) -> Values:
    """Return the columns of ``documents`` that stand in the content itself."""
    return {
        "number": content.number,
        "issuer_id": content.issuer.issuer_id,
        "series": series_of(content.kind),
        "year": content.issue_date.year,
        "kind": content.kind,
        "billing_period": content.billing_period,
        "billing_group_id": content.billing_group.billing_group_id,
        "customer_id": content.customer.customer_id,
        "currency": content.currency,
        "minor_units": content.minor_units,
        "fx_rate": content.fx.rate if content.fx else None,
        "net_amount": content.totals.net_amount,
        "credit_amount": content.totals.credit_amount,
        "taxable_amount": content.totals.taxable_amount,
        "tax_amount": content.totals.tax_amount,
        "total_amount": content.totals.total_amount,
        "issue_date": content.issue_date,
        "due_date": content.due_date,
        "draft_hash": content.provenance.draft_hash,
    }


def line_rows(content: Content) -> list[Values]:
    """Return the rows of ``document_lines``, without the document's id, by line number."""
    columns = set(document_lines.c.keys()) - {"document_id"}
    lines = sorted(content.lines, key=lambda line: line.line_number)
    return [{column: getattr(line, column) for column in columns} for line in lines]


def account_rows(content: Content) -> list[Values]:
    """Return the rows of ``document_line_accounts``, without the document's id, by line number and account."""
    rows = [
        {
            "line_number": line.line_number,
            "sub_account_id": account.sub_account_id,
            "net_amount": account.net_amount,
            "credit_amount": account.credit_amount,
        }
        for line in content.lines
        for account in line.accounts
    ]
    return sorted(rows, key=lambda row: (row["line_number"], row["sub_account_id"]))


def tax_rows(content: Content) -> list[Values]:
    """Return the rows of ``document_taxes``, without the document's id, in the order of the tax table."""
    return [
        {
            "tax_number": number,
            "tax_category": tax.tax_category,
            "tax_name": tax.tax_name,
            "tax_rate": tax.tax_rate,
            "exemption_reason": tax.exemption_reason,
            "taxable_amount": tax.taxable_amount,
            "tax_amount": tax.tax_amount,
        }
        for number, tax in enumerate(content.taxes, start=1)
    ]


def sum_problems(content: Content, draws: Sequence[CreditDraw]) -> list[str]:
    """Return what does not tie in a document (M6), as clauses."""
    return [
        *_key_problems(content),
        *_rounding_problems(content, draws),
        *_line_problems(content),
        *_tax_problems(content),
        *_total_problems(content),
        *_draw_problems(content, draws),
    ]


def _zero() -> Decimal:
    return Decimal(0)


def _total(amounts: Iterator[Decimal]) -> Decimal:
    return sum(amounts, start=Decimal(0))


def _differs(what: str, parts: str, whole: Decimal, found: Decimal) -> list[str]:
    return [] if whole == found else [f"{what} is {plain(whole)}, but {parts} sum to {plain(found)}"]


def _key_problems(content: Content) -> Iterator[str]:
    keys = [
        *(f"line number {line.line_number}" for line in content.lines),
        *(f"line key {line.invoice_line_key}" for line in content.lines),
        *(f"credit {credit.credit_id}" for credit in content.credits),
    ]
    yield from (f"{key} stands there twice" for key, count in sorted(Counter(keys).items()) if count > 1)
    for line in content.lines:
        accounts = [account.sub_account_id for account in line.accounts]
        if len(set(accounts)) < len(accounts):
            yield f"line {line.line_number} has an account twice"


def _rounding_problems(content: Content, draws: Sequence[CreditDraw]) -> Iterator[str]:
    unit = Decimal(1).scaleb(-content.minor_units)

    def amounts() -> Iterator[tuple[str, Decimal]]:
        for line in content.lines:
            shares: list[Line | LinePart | LineAccount] = [line, *line.parts, *line.accounts]
            for share in shares:
                yield f"line {line.line_number}", share.net_amount
                yield f"line {line.line_number}", share.credit_amount
        for tax in content.taxes:
            yield "the tax table", tax.taxable_amount
            yield "the tax table", tax.tax_amount
        for credit in content.credits:
            yield f"credit {credit.credit_id}", credit.amount
        for draw in draws:
            yield f"a draw on credit {draw.credit_id}", draw.amount

    for place, amount in amounts():
        if amount % unit:
            yield f"{place} holds {plain(amount)}, which is no whole number of {unit} {content.currency} (M4)"


def _line_problems(content: Content) -> Iterator[str]:
    for line in content.lines:
        for shares, name in ((line.parts, "tax parts"), (line.accounts, "accounts")):
            place = f"line {line.line_number}"
            yield from _differs(
                f"{place}: net_amount", f"its {name}", line.net_amount, _total(share.net_amount for share in shares)
            )
            yield from _differs(
                f"{place}: credit_amount",
                f"its {name}",
                line.credit_amount,
                _total(share.credit_amount for share in shares),
            )


def _tax_problems(content: Content) -> Iterator[str]:
    bases: dict[tuple[str, Decimal], Decimal] = defaultdict(_zero)
    for line in content.lines:
        if line.line_kind != "aws_tax":
            for part in line.parts:
                bases[part.tax_category, part.tax_rate] += part.net_amount + part.credit_amount
    stated: dict[tuple[str, Decimal], Decimal] = defaultdict(_zero)
    for tax in content.taxes:
        stated[tax.tax_category, tax.tax_rate] += tax.taxable_amount
    for category, rate in sorted(bases.keys() | stated.keys()):
        yield from _differs(
            f"the taxable amount of {category} at {plain(rate)}",
            "its lines",
            stated[category, rate],
            bases[category, rate],
        )


def _total_problems(content: Content) -> Iterator[str]:
    totals = content.totals
    lines = [line for line in content.lines if line.line_kind != "aws_tax"]
    passed_on = _total(line.net_amount for line in content.lines if line.line_kind == "aws_tax")
    yield from _differs("net_amount", "the lines", totals.net_amount, _total(line.net_amount for line in lines))
    yield from _differs(
        "credit_amount", "the lines", totals.credit_amount, _total(line.credit_amount for line in content.lines)
    )
    yield from _differs(
        "credit_amount", "the credits", totals.credit_amount, _total(credit.amount for credit in content.credits)
    )
    yield from _differs(
        "taxable_amount",
        "the taxes",
        totals.taxable_amount,
        _total(tax.taxable_amount for tax in content.taxes),
    )
    yield from _differs(
        "tax_amount",
        "the taxes and AWS's tax passed on",
        totals.tax_amount,
        _total(tax.tax_amount for tax in content.taxes) + passed_on,
    )
    yield from _differs(
        "total_amount",
        "net, credit and tax",
        totals.total_amount,
        totals.net_amount + totals.credit_amount + totals.tax_amount,
    )


def _draw_problems(content: Content, draws: Sequence[CreditDraw]) -> Iterator[str]:
    by_credit: dict[str, Decimal] = defaultdict(_zero)
    by_account: dict[tuple[str, str], Decimal] = defaultdict(_zero)
    keys: set[tuple[str, str, str, str]] = set()
    services = {line.invoice_line_key: line.service_code for line in content.lines}
    for draw in draws:
        key = (draw.credit_id, draw.invoice_line_key, draw.sub_account_id, draw.service_code)
        if key in keys:
            yield f"credit {draw.credit_id} is drawn twice on one account of line {draw.invoice_line_key}"
        keys.add(key)
        if services.get(draw.invoice_line_key) != draw.service_code:
            yield f"a draw on credit {draw.credit_id} names line {draw.invoice_line_key} of another service, or none"
        by_credit[draw.credit_id] += draw.amount
        by_account[draw.invoice_line_key, draw.sub_account_id] += draw.amount
    stated = {credit.credit_id: credit.amount for credit in content.credits}
    for credit_id in sorted(by_credit.keys() | stated.keys()):
        yield from _differs(f"credit {credit_id}", "its draws", stated.get(credit_id, Decimal(0)), by_credit[credit_id])
    lowered = {
        (line.invoice_line_key, account.sub_account_id): account.credit_amount
        for line in content.lines
        for account in line.accounts
    }
    for line_key, account_id in sorted(by_account.keys() | lowered.keys()):
        yield from _differs(
            f"credit_amount of line {line_key}, account {account_id}",
            "the draws",
            lowered.get((line_key, account_id), Decimal(0)),
            by_account[line_key, account_id],
        )
