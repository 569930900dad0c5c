"""Kinds of columns in configuration files: what a cell may hold, and what to say when it does not.

What is here: one class per kind of value, each turning the text of a cell into an exact Python value.
When to add here: a column needs a kind of value that no class below can hold.
What does not belong here: the columns themselves (``schema``) and rules that look at more than one cell
(``conditions``, ``relations`` and the modules beside them).
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import ClassVar

from babel import Locale, UnknownLocaleError
from babel.core import get_global

__all__ = [
    "AccountId",
    "Boolean",
    "CellError",
    "Choice",
    "Code",
    "Column",
    "Country",
    "Currency",
    "Day",
    "Email",
    "Identifier",
    "Language",
    "Number",
    "Period",
    "Text",
    "TextList",
    "Value",
    "When",
    "WholeNumber",
    "money",
    "near_miss",
    "percentage",
    "quantity",
    "quoted",
    "rate",
]

Value = str | bool | int | Decimal | date | tuple[str, ...] | None

# Babel also knows regions that are no country, such as EU or the Canary Islands; ISO 3166-1 reserves these
# codes. XK (Kosovo) is not in ISO 3166-1 either, but the EU, the IMF and AWS bill under it.
_NOT_COUNTRIES = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})


class CellError(ValueError):
    """A cell cannot be read. Its two arguments are the clause and the advice of a ``ConfigProblem``."""

    def __init__(self, expected: str, what_to_do: str) -> None:
        super().__init__(expected)
        self.expected = expected
        self.what_to_do = what_to_do


@dataclass(frozen=True)
class When:
    """A condition on another cell of the same row: ``column`` holds one of ``values``."""

    column: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.column} is {' or '.join(self.values)}"


@dataclass(frozen=True)
class Column(ABC):
    """One column of a configuration file.

    Attributes:
        meaning: one line for a person, shown in the documentation and as the column's comment in the
            warehouse.
        required: whether every row must fill it in.
        needed_when: it must be filled in when this holds, and else be empty (but see ``allowed_when``).
        allowed_when: it may be filled in, or not, when this holds.
    """

    kind: ClassVar[str]
    duckdb_type: ClassVar[str] = "VARCHAR"
    empty: ClassVar[Value] = ""

    meaning: str
    required: bool = field(default=True, kw_only=True)
    needed_when: When | None = field(default=None, kw_only=True)
    allowed_when: When | None = field(default=None, kw_only=True)

    @property
    def is_always_filled(self) -> bool:
        """Whether no row may leave it empty."""
        return self.required and self.needed_when is None and self.allowed_when is None

    @property
    def presence(self) -> str:
        """When the column is filled in, in words for the documentation."""
        if self.is_always_filled:
            return "always"
        parts = []
        if self.needed_when is not None:
            parts.append(f"when {self.needed_when}")
        if self.allowed_when is not None:
            parts.append(f"optional when {self.allowed_when}")
        return "; ".join(parts) or "optional"

    @property
    def domain(self) -> str:
        """What a value looks like, in words for the documentation and for advice."""
        return self._domain()

    @property
    def storage_type(self) -> str:
        """The column's exact DuckDB type."""
        return self._storage_type()

    def parse(self, text: str) -> Value:
        """Return the value of a non-empty cell, already stripped of surrounding blanks.

        Raises:
            CellError: the text is no value of this kind.
        """
        return self._parse(text)

    def show(self, value: Value) -> str:
        """Return a parsed value as it would be written in the file."""
        return self._show(value)

    @abstractmethod
    def _parse(self, text: str) -> Value: ...

    def _show(self, value: Value) -> str:
        return "" if value is None else str(value)

    def _domain(self) -> str:
        return self.kind

    def _storage_type(self) -> str:
        return self.duckdb_type


def quoted(text: str) -> str:
    """Return ``text`` as it is quoted in messages."""
    return repr(text)


def near_miss(text: str, known: list[str]) -> str | None:
    """Return the one of ``known`` that ``text`` was probably meant to be, or None."""
    folded = {word.casefold(): word for word in reversed(known)}
    matches = get_close_matches(text.casefold(), list(folded), n=1, cutoff=0.7)
    return folded[matches[0]] if matches else None


def _did_you_mean(text: str, known: list[str], otherwise: str) -> str:
    match = near_miss(text, known)
    return f"Did you mean {quoted(match)}?" if match else otherwise


def _has_control_characters(text: str, allowed: str = "") -> bool:
    # Line breaks inside a quoted cell are one mistake (an unclosed quote) away, and NUL ends a text in most
    # readers.
    return any((character < " " or character == "\x7f") and character not in allowed for character in text)


@dataclass(frozen=True)
class Text(Column):
    """Free text for people; no rule looks at it."""

    kind: ClassVar[str] = "text"

    def _parse(self, text: str) -> Value:
        if _has_control_characters(text, allowed="\n\r\t"):
            raise CellError("holds a control character", "Type the text again without it.")
        return text


@dataclass(frozen=True)
class Code(Column):
    """A text that rules compare, exactly, with a text of the CUR; empty means any."""

    kind: ClassVar[str] = "text as in the CUR"

    def _parse(self, text: str) -> Value:
        if _has_control_characters(text):
            raise CellError("holds a line break or control character", "Type the text again without it.")
        if "*" in text or "|" in text:
            # Compared literally, a pattern or list would match no row and quietly change the bill.
            raise CellError(
                "is not one exact text, because it holds * or |",
                "Write one exact value a row; patterns and lists are not read here.",
            )
        return text


@dataclass(frozen=True)
class Identifier(Column):
    """An id: its own row's, or (``refers_to``) one that stands in the first key column of another file.

    Attributes:
        refers_to: stem of the file that must hold the id; None where the row itself defines it.
        reserved: ids that mean something else to Chargehouse, in any case of letters.
    """

    kind: ClassVar[str] = "id"
    empty: ClassVar[Value] = None

    refers_to: str | None = None
    reserved: tuple[str, ...] = ()

    def _domain(self) -> str:
        return f"id in {self.refers_to}.csv" if self.refers_to else self.kind

    def _parse(self, text: str) -> Value:
        if _has_control_characters(text):
            raise CellError("holds a line break or control character", "Type the id again without it.")
        if "*" in text or "|" in text:
            # Lists of ids are separated by |, and * stands for all of them.
            raise CellError("is not an id, because it holds * or |", "Leave these two characters out of ids.")
        if text.casefold() in (word.casefold() for word in self.reserved):
            raise CellError("is an id that Chargehouse keeps for itself", "Choose another id.")
        return text


@dataclass(frozen=True)
class AccountId(Column):
    """An AWS account id: exactly 12 digits, kept as text because ids can begin with zero.

    Attributes:
        refers_to: stem of the file that must hold the id; None for accounts that only AWS knows.
    """

    kind: ClassVar[str] = "12 digits"
    empty: ClassVar[Value] = None

    refers_to: str | None = None

    def _domain(self) -> str:
        return f"12 digits, in {self.refers_to}.csv" if self.refers_to else self.kind

    def _parse(self, text: str) -> Value:
        if re.fullmatch(r"[0-9]{12}", text):
            return text
        if re.fullmatch(r"[0-9]{1,11}", text):
            advice = (
                f"Leading zeros may have been lost in a spreadsheet: is it {quoted(text.zfill(12))}? "
                "Format the column as text."
            )
        elif re.fullmatch(r"[0-9]{4}-[0-9]{4}-[0-9]{4}", text):
            advice = f"Write it without hyphens: {quoted(text.replace('-', ''))}."
        elif re.fullmatch(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]+", text):
            advice = "A spreadsheet turned it into a number; type the id again in a column formatted as text."
        else:
            advice = "Write the account id as AWS shows it, digits only."
        raise CellError("is not an AWS account id of exactly 12 digits", advice)


@dataclass(frozen=True)
class Choice(Column):
    """One word of a closed list."""

    kind: ClassVar[str] = "choice"

    choices: tuple[str, ...]

    def _domain(self) -> str:
        return " | ".join(self.choices)

    def _parse(self, text: str) -> Value:
        if text in self.choices:
            return text
        raise CellError(
            f"is not one of {', '.join(self.choices)}",
            _did_you_mean(text, list(self.choices), "Use one of these."),
        )


@dataclass(frozen=True)
class Boolean(Column):
    """``true`` or ``false``."""

    kind: ClassVar[str] = "true | false"
    duckdb_type: ClassVar[str] = "BOOLEAN"
    empty: ClassVar[Value] = None

    def _parse(self, text: str) -> Value:
        if text not in ("true", "false"):
            meant = {
                "true": "true",
                "yes": "true",
                "1": "true",
                "false": "false",
                "no": "false",
                "0": "false",
            }
            word = meant.get(text.casefold())
            raise CellError("is neither true nor false", f"Write {word}." if word else "Write true or false.")
        return text == "true"

    def _show(self, value: Value) -> str:
        return "" if value is None else str(value).lower()


@lru_cache(maxsize=4096)
def _calendar_day(text: str) -> date | None:
    try:
        return date(int(text[:4]), int(text[5:7]), int(text[8:10]))
    except ValueError:
        return None


@dataclass(frozen=True)
class Day(Column):
    """A calendar date, ``YYYY-MM-DD``."""

    kind: ClassVar[str] = "YYYY-MM-DD"
    duckdb_type: ClassVar[str] = "DATE"
    empty: ClassVar[Value] = None

    def _parse(self, text: str) -> Value:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise CellError("is not a date of the form YYYY-MM-DD", "Write it like 2026-01-31.")
        day = _calendar_day(text)
        if day is None:
            raise CellError("is not a date of the calendar", "Check day, month and year.")
        return day

    def _show(self, value: Value) -> str:
        return value.isoformat() if isinstance(value, date) else ""


@dataclass(frozen=True)
class Period(Column):
    """A billing period, ``YYYY-MM``, held as the first day of its month."""

    kind: ClassVar[str] = "YYYY-MM"
    duckdb_type: ClassVar[str] = "DATE"
    empty: ClassVar[Value] = None

    def _parse(self, text: str) -> Value:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", text):
            raise CellError("is not a period of the form YYYY-MM", "Write it like 2026-01.")
        day = _calendar_day(f"{text}-01")
        if day is None:
            raise CellError("is not a month of the calendar", "Months go from 01 to 12.")
        return day

    def _show(self, value: Value) -> str:
        return value.isoformat()[:7] if isinstance(value, date) else ""


@dataclass(frozen=True)
class Number(Column):
    """An exact decimal, written with digits and at most one point.

    Attributes:
        precision: digits in all; the column's type is DECIMAL(precision, scale).
        scale: digits after the point. More are refused rather than rounded (R3, M1).
        minimum: smallest value allowed; None where AWS or arithmetic can make it negative.
        maximum: largest value allowed.
        is_zero_allowed: whether 0 means something.
    """

    kind: ClassVar[str] = "number"
    empty: ClassVar[Value] = None

    precision: int
    scale: int
    minimum: Decimal | None = Decimal(0)
    maximum: Decimal | None = None
    is_zero_allowed: bool = True

    def _domain(self) -> str:
        parts = [f"number, at most {self.scale} decimals"]
        if self.minimum is not None:
            parts.append("0 or more" if self.is_zero_allowed else "more than 0")
        if self.maximum is not None:
            parts.append(f"at most {self.maximum}")
        return ", ".join(parts)

    def _storage_type(self) -> str:
        return f"DECIMAL({self.precision},{self.scale})"

    def _parse(self, text: str) -> Value:
        found = re.fullmatch(r"(-?)([0-9]+)(?:\.([0-9]+))?", text)
        if found is None:
            raise CellError("is not a plain decimal number", self._advice(text))
        sign, whole, decimals = found[1], found[2].lstrip("0"), found[3] or ""
        if len(decimals) > self.scale:
            raise CellError(
                f"has {len(decimals)} digits after the point, more than the {self.scale} allowed",
                "Write the number with fewer digits; Chargehouse does not round what you configure.",
            )
        if len(whole) > self.precision - self.scale:
            raise CellError(f"has more than {self.precision - self.scale} digits before the point", "Check the number.")
        # Quantizing here is exact, and gives equal numbers one spelling: fingerprints compare what is
        # written.
        number = Decimal(f"{sign}{whole or '0'}.{decimals or '0'}").quantize(Decimal(1).scaleb(-self.scale))
        if number == 0:
            number = abs(number)
            if not self.is_zero_allowed:
                raise CellError("is not more than 0", "Write a number above 0.")
        if self.minimum is not None and number < self.minimum:
            raise CellError(f"is below {self.minimum}", "Write it without the minus sign.")
        if self.maximum is not None and number > self.maximum:
            raise CellError(f"is above {self.maximum}", f"Write a number from 0 to {self.maximum}.")
        return number

    def _show(self, value: Value) -> str:
        if not isinstance(value, Decimal):
            return ""
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text

    @staticmethod
    def _advice(text: str) -> str:
        if text.endswith("%"):
            return "Write the number without the % sign."
        if re.fullmatch(r"-?[0-9]+,[0-9]+", text):
            return "Write digits and, for decimals, a point: 1234.56; never a comma."
        if re.fullmatch(r"-?[0-9.]+[eE][-+]?[0-9]+", text):
            return "Write all digits instead of an exponent."
        return "Write digits and at most one point, like 1234.56; no spaces, separators, signs or words."


def money(meaning: str, *, required: bool = True, needed_when: When | None = None) -> Number:
    """Return a column of money: 12 digits before the point, 10 after, never negative (R3)."""
    return Number(meaning, 22, 10, required=required, needed_when=needed_when)


def rate(meaning: str, *, needed_when: When | None = None) -> Number:
    """Return a column of prices per unit, with up to 10 decimals (R4)."""
    return Number(meaning, 22, 10, needed_when=needed_when)


def quantity(meaning: str, *, required: bool = True) -> Number:
    """Return a column of quantities, with up to 10 decimals."""
    return Number(meaning, 22, 10, required=required)


def percentage(meaning: str, *, maximum: int | None = None, needed_when: When | None = None) -> Number:
    """Return a column of percentages: 10 means 10 %, at most two decimals, never negative (R3)."""
    return Number(
        meaning,
        12,
        2,
        maximum=None if maximum is None else Decimal(maximum),
        needed_when=needed_when,
    )


@dataclass(frozen=True)
class WholeNumber(Column):
    """A whole number, 0 or more."""

    kind: ClassVar[str] = "whole number, 0 or more"
    duckdb_type: ClassVar[str] = "INTEGER"
    empty: ClassVar[Value] = None

    def _parse(self, text: str) -> Value:
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise CellError("is not a whole number, 0 or more", "Write digits only, like 30.")
        return int(text)


@cache
def _currency_codes() -> frozenset[str]:
    # Legal tender somewhere today: leaves out ended currencies, and ISO 4217's codes for funds, metals and
    # tests.
    return frozenset(
        code
        for currencies in get_global("territory_currencies").values()
        for code, _, end, is_tender in currencies
        if is_tender and end is None
    )


@dataclass(frozen=True)
class Currency(Column):
    """An ISO 4217 currency code."""

    kind: ClassVar[str] = "ISO 4217 currency"

    def _parse(self, text: str) -> Value:
        if text not in _currency_codes():
            advice = "Use its three capital letters, like USD or EUR."
            if text.upper() in _currency_codes():
                advice = f"Write {text.upper()}."
            raise CellError("is not a currency code of ISO 4217", advice)
        return text


@cache
def _country_codes() -> frozenset[str]:
    codes = {str(code) for code in Locale("en").territories}
    return frozenset(code for code in codes if re.fullmatch("[A-Z]{2}", code)) - _NOT_COUNTRIES


@dataclass(frozen=True)
class Country(Column):
    """An ISO 3166-1 alpha-2 country code."""

    kind: ClassVar[str] = "ISO 3166-1 country, two letters"

    def _parse(self, text: str) -> Value:
        if text in _country_codes():
            return text
        advice = "Use its two capital letters, like DE or US."
        if text.upper() in _country_codes():
            advice = f"Write {text.upper()}."
        elif text.upper() in ("UK", "EL"):
            advice = f"Write {'GB' if text.upper() == 'UK' else 'GR'}."
        else:
            named = next((code for code in sorted(_country_codes()) if Locale("en").territories[code] == text), None)
            if named is not None:
                advice = f"Write {named}."
        raise CellError("is not a country code of ISO 3166-1 (alpha-2)", advice)


@dataclass(frozen=True)
class Language(Column):
    """A language tag, such as ``en`` or ``pt-BR``."""

    kind: ClassVar[str] = "language tag"

    def _parse(self, text: str) -> Value:
        try:
            Locale.parse(text.replace("-", "_"))
        except (ValueError, UnknownLocaleError):
            raise CellError(
                "is not a language tag",
                "Use the language's two letters, and a country if it matters: en, pt-BR.",
            ) from None
        return text


@dataclass(frozen=True)
class Email(Column):
    """An email address, checked for shape only."""

    kind: ClassVar[str] = "email address"

    def _parse(self, text: str) -> Value:
        if not re.fullmatch(r"[^@\s|,;]+@[^@\s|,;]+", text):
            raise CellError("is not an email address", "Write one address, like billing@example.com.")
        return text


@dataclass(frozen=True)
class TextList(Column):
    """Values separated by ``|``; ``*`` stands for all where ``is_all_allowed``.

    The value is a tuple of the items' texts in the order of the file; the order carries no meaning. In the
    warehouse it is text again, items joined by ``|``.

    Attributes:
        item: what each item is.
        is_all_allowed: whether a lone ``*`` is read as all.
    """

    kind: ClassVar[str] = "list"
    empty: ClassVar[Value] = ()

    item: Column
    is_all_allowed: bool = False

    def _domain(self) -> str:
        return f"list with | of: {self.item.domain}" + ("; * = all" if self.is_all_allowed else "")

    def _parse(self, text: str) -> Value:
        if text == "*" and self.is_all_allowed:
            return ("*",)
        items = [part.strip() for part in text.split("|")]
        if "" in items:
            raise CellError("holds an empty item", "Separate items by one | and begin and end without it.")
        shown = []
        for part in items:
            try:
                shown.append(self.item.show(self.item.parse(part)))
            except CellError as error:
                raise CellError(f"holds {quoted(part)}, which {error.expected}", error.what_to_do) from None
        repeated = next((part for part in shown if shown.count(part) > 1), None)
        if repeated is not None:
            raise CellError(f"names {quoted(repeated)} twice", "Name each item once.")
        return tuple(shown)

    def _show(self, value: Value) -> str:
        return "|".join(value) if isinstance(value, tuple) else ""
