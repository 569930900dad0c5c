"""M4 and M5 in fractions, word by word: what the tests of splits and roundings compare with.

What is here: rounding half away from zero and the split by largest remainder.
When to add here: another piece of exact arithmetic that the rules define and that several tests expect.
What does not belong here: anything that reads a table.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import floor

__all__ = ["rounded_fraction", "split_by_largest_remainder"]


def rounded_fraction(amount: Fraction, decimals: int) -> int:
    """Round half away from zero (M4), in units of the last decimal kept."""
    size: int = floor(abs(amount) * 10**decimals + Fraction(1, 2))
    return -size if amount < 0 else size


def split_by_largest_remainder(whole: int, weights: Mapping[str, int]) -> dict[str, int]:
    """M5 word by word, in fractions."""
    total = sum(weights.values())
    if total == 0:
        weights = dict.fromkeys(weights, 1)
        total = len(weights)
    shares = {key: Fraction(abs(whole) * weight, total) for key, weight in weights.items()}
    floors = {key: floor(share) for key, share in shares.items()}
    missing = abs(whole) - sum(floors.values())
    by_remainder = sorted(shares, key=lambda key: (floors[key] - shares[key], key))
    sign = -1 if whole < 0 else 1
    return {key: sign * (floors[key] + (key in by_remainder[:missing])) for key in shares}
