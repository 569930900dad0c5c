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
