"""The frozen content of a document: read from its canonical bytes, checked, and written back unchanged.

What is here: ``Document`` and its parts, one class per object of the content; the sums that must tie (D1, M6, T3).
When to add here: a key of the content; an unknown one is refused, since it might have to be printed.
What does not belong here: how a document looks, and where its content comes from.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Annotated, Any, Literal, TypeVar

from babel.numbers import get_currency_precision
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from orchestration.errors import DocumentError

__all__ = [
    "AccountShare",
    "AccountingRate",
    "BillingGroup",
    "CreditDraw",
    "Customer",
    "Document",
    "Issuer",
    "Line",
    "Part",
    "Rate",
    "Reference",
    "TaxLine",
    "Totals",
    "Usage",
    "round_half_away",
]

# Far more than any sum of DECIMAL(38, …) needs; the default of 28 digits would round silently.
_PRECISION = 80

_T = TypeVar("_T")


def _exact(value: object) -> Decimal:
    if not isinstance(value, str) or not re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", value):
        raise ValueError('is not a plain decimal written as text, like "12.30"')
    return Decimal(value)


def _day(value: object) -> date:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError("is not a date written YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("is not a day of the calendar") from None


Amount = Annotated[Decimal, BeforeValidator(_exact), PlainSerializer(lambda value: format(value, "f"), return_type=str)]
Day = Annotated[date, BeforeValidator(_day)]
Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Name = Annotated[str, Field(min_length=1, pattern=r"\S")]
Category = Literal["S", "Z", "E", "AE", "O"]
Kind = Literal["invoice", "credit_note", "supplementary_invoice"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Row(BaseModel):
    """A row of a configuration file: columns that we do not print may come and go."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Issuer(_Row):
    """The reseller who issues, as ``issuers.csv`` had it; ``currency`` is its accounting currency (BR-53)."""

    issuer_id: Name
    legal_name: Name
    address: str | None = None
    postal_code: str | None = None
    city: str | None = None
    country_code: CountryCode
    tax_id: str | None = None
    currency: CurrencyCode
    iban: str | None = None
    email: str | None = None


class Customer(_Row):
    """The customer, as ``customers.csv`` had it."""

    customer_id: Name
    legal_name: Name
    address: str | None = None
    postal_code: str | None = None
    city: str | None = None
    subdivision: str | None = None
    country_code: CountryCode
    tax_id: str | None = None
    payment_terms_days: int | str | None = None
    email: str | None = None
    language: str | None = None


class BillingGroup(_Part):
    """The billing group that the document is for."""

    billing_group_id: Name
    billing_group_name: Name
    primary_account_id: str


class Rate(_Part):
    """The exchange rate from USD that the lines were converted with (I2), and where it is from."""

    from_currency: CurrencyCode
    to_currency: CurrencyCode
    rate: Amount
    source: str


class AccountingRate(_Part):
    """Units of the issuer's accounting currency for one of the document's (BR-53)."""

    currency: CurrencyCode
    rate: Amount
    source: str


class Reference(_Part):
    """The first document, which a correction refers to (D4)."""

    number: Name
    issue_date: Day


class _Share(_Part):
    net_amount: Amount
    credit_amount: Amount


class Part(_Share):
    """What of a line falls under one tax category and rate, in the document's currency; the rate in percent."""

    tax_category: Category
    tax_name: str | None
    tax_rate: Amount
    exemption_reason: str | None


class AccountShare(_Share):
    """What of a line falls on one AWS account, in the document's currency (M5)."""

    sub_account_id: str


class Usage(_Part):
    """One of the largest usage types of a line; the amount in USD."""

    usage_type: str
    usage_quantity: Amount
    usage_unit: str | None
    amount_usd: Amount


class Line(_Share):
    """One invoice line (I1); ``net_amount`` is rounded (M4) and before the customer credits in ``credit_amount``."""

    invoice_line_key: Name
    line_number: int
    line_kind: Name
    source_id: str | None
    service_code: str | None
    description: Name
    charge_class: Literal["", "Correction"] | None
    cause: str | None
    exact_amount_usd: Amount
    parts: tuple[Part, ...]
    accounts: tuple[AccountShare, ...]
    usage: tuple[Usage, ...]

    @property
    def is_aws_tax(self) -> bool:
        """Whether the line passes AWS's own tax on, which counts as tax and not as net amount."""
        return self.line_kind == "aws_tax"


class TaxLine(_Part):
    """Tax of one category and rate (T3); the rate in percent, the amounts in the document's currency."""

    tax_category: Category
    tax_name: str | None
    tax_rate: Amount
    exemption_reason: str | None
    taxable_amount: Amount
    tax_amount: Amount


class CreditDraw(_Part):
    """One customer credit drawn on the document (K1); ``amount`` is negative, or positive when given back (K4)."""

    credit_id: Name
    description: str | None
    amount: Amount
    balance_after: Amount


class Totals(_Part):
    """The document's totals in its currency; ``total_amount`` = net + credit + tax."""

    net_amount: Amount
    credit_amount: Amount
    taxable_amount: Amount
    tax_amount: Amount
    total_amount: Amount
    rounding_difference: Amount


class Delivery(_Part):
    """A delivery of AWS that the document was made from."""

    payer_account_id: str
    delivery_key: str
    fingerprint: str


class Provenance(_Part):
    """What the document was made from (D1); nothing of it is printed but the digests."""

    deliveries: tuple[Delivery, ...]
    configuration: dict[str, list[dict[str, Any]]]
    configuration_digest: str
    code_version: str
    draft_hash: str
    run_id: str | None


class Document(_Part):
    """One issued document, or the preview of a draft, which has neither number nor dates.

    What the customer owes is positive, also in a credit note, whose totals are negative.
    """

    format: Literal[1]
    kind: Kind
    number: Name | None
    billing_period: Month
    billing_group: BillingGroup
    issue_date: Day | None
    due_date: Day | None
    tax_point: Day
    service_period_start: Day
    service_period_end: Day
    issuer: Issuer
    customer: Customer
    currency: CurrencyCode
    minor_units: Annotated[int, Field(ge=0, le=4)]
    fx: Rate | None
    accounting_fx: AccountingRate | None
    reference: Reference | None
    lines: tuple[Line, ...]
    taxes: tuple[TaxLine, ...]
    credits: tuple[CreditDraw, ...]
    totals: Totals
    provenance: Provenance

    @classmethod
    def parse(cls, content: bytes) -> "Document":
        """Return the document whose canonical JSON is ``content``.

        Raises:
            DocumentError: the bytes are no JSON, hold a float, lack or add a key, are not written canonically, or their
                sums do not tie; the message names every problem.
        """
        try:
            raw = json.loads(
                content.decode("utf-8"),
                parse_float=_refuse_float,
                parse_constant=_refuse_float,
                object_pairs_hook=_unique_keys,
            )
        except (UnicodeDecodeError, ValueError) as error:
            raise DocumentError(
                f"The content of a document cannot be read: {error}. Restore it from a backup."
            ) from None
        number = raw.get("number") if isinstance(raw, dict) else None
        name = number if isinstance(number, str) else "without number"
        try:
            document = cls.model_validate(raw)
        except ValidationError as error:
            raise DocumentError(_message(name, list(map(_explain, error.errors())))) from None
        problems = list(document._problems())
        if not problems and document.to_bytes() != content:
            problems = ["is not written canonically: keys sorted, no spaces, UTF-8, plain decimals, dates YYYY-MM-DD"]
        if problems:
            raise DocumentError(_message(name, problems))
        return document

    def to_bytes(self) -> bytes:
        """Return the canonical JSON: UTF-8, sorted keys, no insignificant whitespace."""
        # What a configuration row left out stays left out.
        raw = self.model_dump(mode="json", exclude_unset=True)
        return json.dumps(raw, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")

    @property
    def is_draft(self) -> bool:
        """Whether this is a preview; numbers are given at issue (D2)."""
        return self.number is None

    @property
    def charge_lines(self) -> tuple[Line, ...]:
        """The lines whose sum is the net amount: all but AWS's own tax."""
        return tuple(line for line in self.lines if not line.is_aws_tax)

    @property
    def aws_tax_lines(self) -> tuple[Line, ...]:
        """The lines that pass AWS's own tax on (T1)."""
        return tuple(line for line in self.lines if line.is_aws_tax)

    @property
    def accounting_tax_amount(self) -> Decimal | None:
        """The tax in the issuer's accounting currency (BT-111), rounded to its minor unit (M4); None without rate."""
        if self.accounting_fx is None:
            return None
        with localcontext(prec=_PRECISION):
            exact = self.totals.tax_amount * self.accounting_fx.rate
            return round_half_away(exact, get_currency_precision(self.accounting_fx.currency))

    def _problems(self) -> Iterator[str]:
        with localcontext(prec=_PRECISION):
            yield from self._amounts_in_minor_units()
            yield from self._line_ties()
            yield from self._tax_ties()
            yield from self._total_ties()
            yield from self._facts()

    def _amounts_in_minor_units(self) -> Iterator[str]:
        unit = Decimal(1).scaleb(-self.minor_units)
        for place, amount in self._rounded_amounts():
            if amount % unit:
                yield f"{place}: {amount} has more than the {self.minor_units} decimals of {self.currency} (M4)"

    def _rounded_amounts(self) -> Iterator[tuple[str, Decimal]]:
        for line in self.lines:
            for share in (line, *line.parts, *line.accounts):
                yield f"line {line.line_number}: net_amount", share.net_amount
                yield f"line {line.line_number}: credit_amount", share.credit_amount
        for tax in self.taxes:
            yield f"tax {tax.tax_category} {tax.tax_rate} taxable_amount", tax.taxable_amount
            yield f"tax {tax.tax_category} {tax.tax_rate} tax_amount", tax.tax_amount
        for credit in self.credits:
            yield f"credit {credit.credit_id} amount", credit.amount
            yield f"credit {credit.credit_id} balance_after", credit.balance_after

    def _line_ties(self) -> Iterator[str]:
        for line in self.lines:
            place = f"line {line.line_number} ({line.invoice_line_key})"
            # Accounts are a view of the line (M6); a line of which AWS names no account has none.
            views: list[tuple[str, tuple[_Share, ...]]] = [("its parts", line.parts)]
            if line.accounts:
                views.append(("its accounts", line.accounts))
            for name, shares in views:
                net = _total(shares, lambda share: share.net_amount)
                credit = _total(shares, lambda share: share.credit_amount)
                yield from _tie(f"{place}: net_amount", line.net_amount, name, net)
                yield from _tie(f"{place}: credit_amount", line.credit_amount, name, credit)
            if self.reference is None and line.credit_amount > 0:
                yield f"{place}: credit_amount {line.credit_amount} is above 0 on a first document (M2)"
            if line.is_aws_tax and any(part.tax_category != "O" for part in line.parts):
                yield f"{place}: AWS's own tax is in another tax category than O"

    def _tax_ties(self) -> Iterator[str]:
        bases: dict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
        for line in self.charge_lines:
            for part in line.parts:
                bases[part.tax_category, part.tax_rate] += part.net_amount + part.credit_amount
        listed: dict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
        for tax in self.taxes:
            place = f"tax {tax.tax_category} {tax.tax_rate}"
            listed[tax.tax_category, tax.tax_rate] += tax.taxable_amount
            if (tax.tax_category == "S") != (tax.tax_rate > 0):
                yield f"{place}: category S has a rate above 0, the others 0 (T2)"
            expected = round_half_away(tax.taxable_amount * tax.tax_rate.scaleb(-2), self.minor_units)
            # A correction's tax is what is missing to the current truth (D6), which can differ by what was rounded.
            if self.reference is None and tax.tax_amount != expected:
                yield f"{place}: tax_amount {tax.tax_amount} is not {expected}, {tax.taxable_amount} at that rate (T3)"
        for category, rate in sorted(bases.keys() | listed.keys()):
            # Out of scope of tax: there may be nothing to list.
            if category == "O" and (category, rate) not in listed:
                continue
            yield from _tie(
                f"tax {category} {rate}: taxable_amount", listed[category, rate], "the lines", bases[category, rate]
            )

    def _total_ties(self) -> Iterator[str]:
        totals = self.totals
        aws_tax = _total(self.aws_tax_lines, lambda line: line.net_amount)
        sums: tuple[tuple[str, Decimal, str, Decimal], ...] = (
            ("net_amount", totals.net_amount, "the lines", _total(self.charge_lines, lambda line: line.net_amount)),
            ("credit_amount", totals.credit_amount, "the lines", _total(self.lines, lambda line: line.credit_amount)),
            ("credit_amount", totals.credit_amount, "the credits", _total(self.credits, lambda draw: draw.amount)),
            ("taxable_amount", totals.taxable_amount, "the taxes", _total(self.taxes, lambda tax: tax.taxable_amount)),
            (
                "tax_amount",
                totals.tax_amount,
                "the taxes and AWS tax passed on",
                _total(self.taxes, lambda tax: tax.tax_amount) + aws_tax,
            ),
            (
                "total_amount",
                totals.total_amount,
                "net, credit and tax",
                totals.net_amount + totals.credit_amount + totals.tax_amount,
            ),
        )
        for name, amount, other, expected in sums:
            yield from _tie(f"totals: {name}", amount, other, expected)

    def _facts(self) -> Iterator[str]:
        for attribute in ("line_number", "invoice_line_key"):
            seen: set[object] = set()
            for line in self.lines:
                value = getattr(line, attribute)
                if value in seen:
                    yield f"{attribute} {value!r} stands on two lines"
                seen.add(value)
        if self.fx is not None and self.fx.to_currency != self.currency:
            yield f"fx: converts to {self.fx.to_currency}, but the document is in {self.currency} (I2)"
        if self.accounting_fx is not None and self.accounting_fx.currency == self.currency:
            yield f"accounting_fx: converts {self.currency} to itself"
        if self.service_period_start > self.service_period_end:
            yield f"service_period_start {self.service_period_start} is after its end {self.service_period_end}"
        if (self.number is None) != (self.issue_date is None):
            yield "number and issue_date are given together, at issue (D2)"
        if self.number is not None and self.due_date is None and self.totals.total_amount > 0:
            yield "due_date is missing, and there is something to pay (I3)"


def round_half_away(amount: Decimal, decimals: int) -> Decimal:
    """Return ``amount`` at that many decimals, halves away from zero (M4)."""
    with localcontext(prec=_PRECISION):
        return amount.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)


def _total(members: Iterable[_T], amount: Callable[[_T], Decimal]) -> Decimal:
    return sum((amount(member) for member in members), Decimal(0))


def _tie(place: str, amount: Decimal, other: str, expected: Decimal) -> Iterator[str]:
    if amount != expected:
        yield f"{place} {amount} is not the sum of {other}, {expected}"


def _refuse_float(text: str) -> Any:
    raise ValueError(f"it holds the number {text}, and amounts are text (M1)")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"a key stands twice among {', '.join(key for key, _ in pairs)}")
    return found


def _explain(error: Any) -> str:
    place = ".".join(str(step) for step in error["loc"])
    if error["type"] == "missing":
        return f"{place}: is missing"
    if error["type"] == "extra_forbidden":
        return f"{place}: is no key of a document"
    return f"{place}: {error['input']!r} {error['msg'].removeprefix('Value error, ')}"


def _message(name: str, problems: list[str]) -> str:
    count = len(problems)
    head = f"The content of document {name} has {count} problem{'s' if count != 1 else ''}; nothing was rendered."
    return "\n".join([head, *(f"  {problem}" for problem in problems)])
