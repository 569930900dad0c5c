"""Exact arithmetic of the sample against Python's own decimals."""

from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.sample.fixed_point import (
    ONE,
    decimal_of,
    percentage_of,
    product,
    rounded_quotient,
    split,
    text_of,
    units,
)


@given(st.integers(-(10**24), 10**24), st.integers(1, 10**14))
def test_quotients_round_half_away_from_zero(numerator: int, denominator: int) -> None:
    with localcontext() as context:
        context.prec = 60
        expected = (Decimal(numerator) / denominator).quantize(Decimal(1), ROUND_HALF_UP)
    assert rounded_quotient(numerator, denominator) == expected


@pytest.mark.parametrize(("numerator", "expected"), [(5, 1), (-5, -1), (4, 0), (-4, 0), (15, 2), (-15, -2)])
def test_halves_go_away_from_zero(numerator: int, expected: int) -> None:
    # Python's own round() would give 0 and 2: credits would no longer mirror charges.
    assert rounded_quotient(numerator, 10) == expected


@given(st.integers(-(10**18), 10**18))
def test_text_and_decimal_keep_every_digit(amount: int) -> None:
    assert units(text_of(amount)) == amount
    assert decimal_of(amount) == Decimal(text_of(amount))


def test_more_decimals_than_a_unit_holds_are_refused() -> None:
    # Rounding a price on its way in would make every expectation a little wrong and nobody would see it.
    with pytest.raises(ValueError, match="more than 10 decimals"):
        units("0.00000000001")
    with pytest.raises(ValueError, match="more than 2 decimals"):
        units("8.125", 2)


def test_products_and_percentages() -> None:
    assert product(units("0.023"), units("12.3456789012")) == units("0.2839506147")
    assert percentage_of(100 * ONE, 5_50) == units("5.5")
    assert decimal_of(21, 20) == Decimal("0.00000000000000000021")


@pytest.mark.parametrize(
    ("whole", "weights", "parts"),
    [
        (10_000, (1, 1, 1), (3334, 3333, 3333)),
        (-10_000, (1, 1, 1), (-3334, -3333, -3333)),
        (5, (3, 1, 1), (3, 1, 1)),
        (10_001, (33_337, 33_337, 33_336), (3334, 3334, 3333)),
        (90, (100, -10, 0), (100, -10, 0)),
        (100, (-1, -3, 0), (25, 75, 0)),
        (10, (0, 0, 0), (4, 3, 3)),
        (10, (7, -7, 0), (4, 3, 3)),
        (0, (1, 2, 3), (0, 0, 0)),
    ],
)
def test_splits_go_by_largest_remainder(whole: int, weights: tuple[int, ...], parts: tuple[int, ...]) -> None:
    # M5, golden case G72: ties go to the smallest key, in whatever order the keys come.
    keys = ("10", "2", "3")
    expected = dict(zip(keys, parts, strict=True))
    assert split(whole, dict(zip(keys, weights, strict=True))) == expected
    assert split(whole, dict(reversed(list(zip(keys, weights, strict=True))))) == expected


@given(st.integers(-(10**15), 10**15), st.dictionaries(st.text("0123456789", min_size=1), st.integers(-99, 99)))
def test_parts_are_the_whole(whole: int, weights: dict[str, int]) -> None:
    if not weights:
        with pytest.raises(ValueError, match="over nothing"):
            split(whole, weights)
        return
    parts = split(whole, weights)
    assert parts.keys() == weights.keys()
    assert sum(parts.values()) == whole
    total = sum(weights.values())
    if total:
        assert all(abs(part * total - whole * weights[key]) < abs(total) for key, part in parts.items())
