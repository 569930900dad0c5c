"""How a document speaks: its texts, and numbers and dates as the customer's language writes them.

What is here: ``Language``, on the texts in ``texts.toml`` and CLDR's formats.
When to add here: a text that documents need (in every language of ``texts.toml``), or another kind of value.
What does not belong here: which text stands where.
"""

import tomllib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_decimal

from orchestration.documents.content import Rate

__all__ = ["Language"]

_FALLBACK = "en"


@dataclass(frozen=True)
class Language:
    """The language of one customer's documents.

    Attributes:
        code: language of the texts: the customer's where ``texts.toml`` has it, else English.
        dates: how dates are written, which goes with the texts.
        numbers: how numbers are written: always as the customer's own language does.
    """

    code: str
    dates: Locale
    numbers: Locale

    @classmethod
    def of(cls, tag: str | None, country_code: str) -> "Language":
        """Return the language of a customer.

        Args:
            tag: language tag such as ``de`` or ``pt-BR``; English when there is none or it is unknown.
            country_code: the customer's country, which decides how English writes dates.
        """
        try:
            numbers = Locale.parse((tag or _FALLBACK).replace("-", "_"))
        except (ValueError, UnknownLocaleError):
            numbers = Locale.parse(_FALLBACK)
        code = numbers.language if numbers.language in _texts() else _FALLBACK
        # Readers of many countries share the English texts; 5 Oct 2026 is clear to all but those used to Oct 5, 2026.
        dates = numbers if code != _FALLBACK else Locale("en", "US" if country_code == "US" else "GB")
        return cls(code=code, dates=dates, numbers=numbers)

    def text(self, key: str, **values: str) -> str:
        """Return a text with its values filled in."""
        return _texts()[self.code][key].format(**values)

    def day(self, day: date) -> str:
        """Return a date, such as ``5 Oct 2026``."""
        return format_date(day, "medium", locale=self.dates)

    def month(self, day: date) -> str:
        """Return the month of a date, such as ``September 2026``."""
        return format_date(day, self.text("month_format"), locale=self.dates)

    def amount(self, amount: Decimal, decimals: int) -> str:
        """Return an amount with exactly that many decimals."""
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return format_decimal(amount + 0, format=pattern, locale=self.numbers)

    def number(self, number: Decimal) -> str:
        """Return a number with the decimals it is written with."""
        return self.amount(number, max(-int(number.as_tuple().exponent), 0))

    def percent(self, rate: Decimal) -> str:
        """Return a rate given in percent, without trailing zeros."""
        text = format_decimal(rate + 0, format="#,##0.##########", locale=self.numbers)
        return f"{text}\N{NO-BREAK SPACE}%"

    def country(self, code: str) -> str:
        """Return the name of a country, in the language of the texts."""
        return str(Locale(self.code).territories.get(code, code))

    def exchange_rate(self, rate: Rate) -> str:
        """Return the sentence on how USD amounts were converted (I2)."""
        return self.text(
            "exchange_rate",
            base=rate.from_currency,
            rate=self.number(rate.rate),
            quote=rate.to_currency,
            source=rate.source,
        )

    def cause(self, cause: str) -> str:
        """Return why a correction has a line, for its customer: the kinds of cause (D5), without our names and ids.

        Which delivery, file and row it was stays in the content, for finance.
        """
        kinds = (
            "cause_restatement"
            if part.startswith(("Restatement by AWS", "Delivery "))
            else "cause_configuration"
            if part.startswith("Configuration")
            else "cause_calculation"
            for part in cause.split("; ")
        )
        return ", ".join(self.text(kind) for kind in dict.fromkeys(kinds)) if cause else ""


@cache
def _texts() -> dict[str, dict[str, str]]:
    with (Path(__file__).parent / "texts.toml").open("rb") as file:
        return tomllib.load(file)
