"""Exact money for the sample: plain integers that count units of 1e-10 (a CUR amount's last digit).

What is here: conversion between decimal text, integer units and Decimal, and the one rounding the rules know,
half away from zero (M1, M4).
When to add here: another exact operation that facts or books need.
What does not belong here: floats; the only division that makes one stands where a Parquet double is written.
"""

from decimal import Decimal
from functools import lru_cache

__all__ = ["ONE", "decimal_of", "percentage_of", "product", "rounded_quotient", "text_of", "units"]

ONE = 10**10
"""One dollar, or one unit of usage, in units of 1e-10."""


def units(text: str, places: int = 10) -> int:
    """Return decimal ``text`` as an integer count of 10**-places.

    Raises:
        ValueError: the text has more decimals than ``places``; nothing is ever rounded here.
    """
    scaled = Decimal(text).scaleb(places)
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"{text!r} has more than {places} decimals")
    return whole


def rounded_quotient(numerator: int, denominator: int) -> int:
    """Return ``numerator / denominator`` rounded half away from zero; the denominator is positive."""
    quotient, remainder = divmod(abs(numerator), denominator)
    if 2 * remainder >= denominator:
        quotient += 1
    return quotient if numerator >= 0 else -quotient


def product(rate: int, quantity: int) -> int:
    """Return rate x quantity, rounded to 1e-10 as AWS rounds a line item's cost."""
    return rounded_quotient(rate * quantity, ONE)


def percentage_of(amount: int, hundredths: int) -> int:
    """Return ``hundredths`` of a percent (550 = 5.5 %) of ``amount``, rounded to 1e-10."""
    return rounded_quotient(amount * hundredths, 10_000)


@lru_cache(maxsize=65_536)  # hourly amounts repeat
def text_of(amount: int) -> str:
    """Return units of 1e-10 as CUR writes them: ten decimals, a point, no exponent."""
    whole, fraction = divmod(abs(amount), ONE)
    return f"{'-' if amount < 0 else ''}{whole}.{fraction:010d}"


def decimal_of(amount: int, places: int = 10) -> Decimal:
    """Return an integer count of 10**-places as an exact Decimal (the string constructor never rounds)."""
    return Decimal(f"{amount}e-{places}")
