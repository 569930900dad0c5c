"""How an exact amount is written on screen.

What is here: thousands separators, decimals, currency codes, percentages, quantities.
When to add here: another kind of number that a page shows.
What does not belong here: computing an amount, or rounding one that is used afterwards.
"""

from decimal import ROUND_HALF_UP, Decimal, localcontext

__all__ = [
    "MISSING",
    "document",
    "exact",
    "fine",
    "integer",
    "percentage",
    "quantity",
    "rate",
    "signed",
    "usd",
    "with_code",
]

MISSING = "–"

# DECIMAL(38, x) has up to 38 digits, more than the 28 of Python's default context.
_DIGITS = 60


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


def document(value: Decimal | None, minor_units: int) -> str:
    """Write an amount that is already rounded for a document, in its currency's minor unit.

    Args:
        value: the amount.
        minor_units: how many decimals its currency has (M4), as published beside the amount. Should the
            amount have more, they show: no digit is ever hidden.
    """
    if value is None:
        return MISSING
    return f"{_rounded(value, max(minor_units, _decimals(value))):,f}"


def exact(value: Decimal | None, places: int = 2) -> str:
    """Write every digit of an amount, at least ``places`` decimals: ``0.0000000001`` stays visible."""
    return MISSING if value is None else f"{_rounded(value, max(places, _decimals(value))):,f}"


def fine(value: Decimal | None) -> str:
    """Write a difference of less than a minor unit, in at most six decimals: ``-0.004872``."""
    return MISSING if value is None else exact(_rounded(value, 6))


def signed(value: Decimal | None) -> str:
    """Write a change in USD with its sign: ``+12.00``."""
    if value is None:
        return MISSING
    cents = _rounded(value, 2)
    return f"{cents:+,f}" if cents else "0.00"


def percentage(value: Decimal | None, *, sign: bool = False) -> str:
    """Write a percentage with two decimals, as the marts have them: ``12.50 %``."""
    if value is None:
        return MISSING
    shown = _rounded(value, 2)
    return f"{shown:+,f} %" if sign and shown else f"{shown:,f} %"


def rate(value: Decimal | None) -> str:
    """Write a percentage as somebody agreed to it, without trailing zeros: ``7.5 %``."""
    return MISSING if value is None else f"{exact(value, places=0)} %"


def quantity(value: Decimal | None) -> str:
    """Write a usage quantity with all its decimals and no trailing zeros."""
    return MISSING if value is None else exact(value, places=0)


def integer(value: int | None) -> str:
    """Write a count."""
    return MISSING if value is None else f"{value:,}"


def with_code(currency: str, text: str) -> str:
    """Put the currency before an amount: ``USD 1,234.57``."""
    return text if text == MISSING else f"{currency} {text}"
