"""How an exact amount is written on screen.

What is here: thousands separators, decimals, currency codes, percentages, quantities.
When to add here: another kind of number that a page shows.
What does not belong here: computing an amount, or rounding one that is used afterwards. These texts are for reading.
"""

from decimal import ROUND_HALF_UP, Decimal, localcontext

from babel.numbers import get_currency_precision

__all__ = [
    "MISSING",
    "document",
    "exact",
    "integer",
    "minor_units",
    "percentage",
    "quantity",
    "signed",
    "usd",
    "with_code",
]

MISSING = "–"

# DECIMAL(38, x) has up to 38 digits, more than the 28 of Python's default context.
_DIGITS = 60


def minor_units(currency: str) -> int:
    """Return how many decimals amounts of ``currency`` usually show: USD 2, JPY 0, KWD 3."""
    return int(get_currency_precision(currency))


def _rounded(value: Decimal, places: int) -> Decimal:
    with localcontext() as context:
        context.prec = _DIGITS
        result = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    # -0.00 would read as a credit of nothing.
    return result if result else abs(result)


def _decimals(value: Decimal) -> int:
    """How many decimals the value has, trailing zeros left out."""
    text = format(value, "f")
    return len(text.partition(".")[2].rstrip("0"))


def usd(value: Decimal | None) -> str:
    """Write an exact USD amount in cents, half away from zero: ``1,234.57``."""
    return MISSING if value is None else f"{_rounded(value, 2):,f}"


def document(value: Decimal | None, currency: str) -> str:
    """Write an amount that is already rounded for a document, in its currency's minor unit.

    No digit is ever hidden: where the currency data of this machine and ISO 4217 differ on the minor unit, the
    amount's own decimals win.
    """
    if value is None:
        return MISSING
    return f"{_rounded(value, max(minor_units(currency), _decimals(value))):,f}"


def exact(value: Decimal | None, places: int = 2) -> str:
    """Write every digit of an amount, at least ``places`` decimals: ``0.0000000001`` stays visible."""
    return MISSING if value is None else f"{_rounded(value, max(places, _decimals(value))):,f}"


def signed(value: Decimal | None) -> str:
    """Write a change in USD with its sign: ``+12.00``."""
    if value is None:
        return MISSING
    cents = _rounded(value, 2)
    return f"{cents:+,f}" if cents else "0.00"


def percentage(value: Decimal | None, *, sign: bool = False) -> str:
    """Write a percentage with one decimal: ``12.5 %``."""
    if value is None:
        return MISSING
    tenths = _rounded(value, 1)
    return f"{tenths:+,f} %" if sign and tenths else f"{tenths:,f} %"


def quantity(value: Decimal | None) -> str:
    """Write a usage quantity with all its decimals and no trailing zeros."""
    return MISSING if value is None else exact(value, places=0)


def integer(value: int | None) -> str:
    """Write a count."""
    return MISSING if value is None else f"{value:,}"


def with_code(currency: str, text: str) -> str:
    """Put the currency before an amount: ``USD 1,234.57``."""
    return text if text == MISSING else f"{currency} {text}"
