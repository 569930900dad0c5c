"""Exact money for the sample: plain integers that count units of 1e-10 (a CUR amount's last digit).

What is here: conversion between decimal text, integer units and Decimal, the one rounding the rules know, half
away from zero (M1, M4), and the one way they split (M5).
When to add here: another exact operation that facts or books need.
What does not belong here: floats; the only division that makes one stands where a Parquet double is written.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

__all__ = ["ONE", "decimal_of", "percentage_of", "product", "rounded_quotient", "split", "text_of", "units"]

_Key = TypeVar("_Key", str, tuple[str, str])

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


def split(whole: int, weights: Mapping[_Key, int]) -> dict[_Key, int]:
    """Return ``whole`` split by weight, in whole units, by largest remainder (M5).

    Each key gets the floor of its exact share of the absolute whole; the units that are left go one each to
    the largest remainders, ties to the smallest key. Negative weights give negative shares. Weights that sum
    to zero count as equal. The parts sum to the whole.

    Raises:
        ValueError: there is nobody to split to.
    """
    if not weights:
        raise ValueError(f"{whole} cannot be split over nothing")
    total = sum(weights.values())
    if not total:
        weights, total = dict.fromkeys(weights, 1), len(weights)
    sign = 1 if total > 0 else -1
    shares = {key: divmod(abs(whole) * weight * sign, total * sign) for key, weight in weights.items()}
    parts = {key: floor for key, (floor, _) in shares.items()}
    left = abs(whole) - sum(parts.values())
    for key in sorted(shares, key=lambda key: (-shares[key][1], key))[:left]:
        parts[key] += 1
    return parts if whole >= 0 else {key: -part for key, part in parts.items()}


@lru_cache(maxsize=65_536)  # hourly amounts repeat
def text_of(amount: int) -> str:
    """Return units of 1e-10 as CUR writes them: ten decimals, a point, no exponent."""
    whole, fraction = divmod(abs(amount), ONE)
    return f"{'-' if amount < 0 else ''}{whole}.{fraction:010d}"


def decimal_of(amount: int, places: int = 10) -> Decimal:
    """Return an integer count of 10**-places as an exact Decimal (the string constructor never rounds)."""
    return Decimal(f"{amount}e-{places}")
