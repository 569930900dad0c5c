"""How amounts are written: a digit lost on screen is a bill that somebody disputes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.components import money

amounts = st.decimals(min_value=-(10**17), max_value=10**17, places=20)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1234567.005", "1,234,567.01"),  # a double is 1234567.00499...: it would show .00
        ("-1234567.005", "-1,234,567.01"),
        ("0.125", "0.13"),  # half-even would show .12
        ("-0.004", "0.00"),  # not -0.00
        ("0", "0.00"),
        ("12345678901234567.899999999999999999", "12,345,678,901,234,567.90"),
    ],
)
def test_usd_is_rounded_half_away_from_zero_to_cents(value: str, text: str) -> None:
    assert money.usd(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "units", "text"),
    [
        ("10724.3500", 2, "10,724.35"),
        ("152025.0000", 0, "152,025"),
        ("12.3450", 3, "12.345"),
        ("12.3450", 2, "12.345"),  # more digits than the currency has: shown, not hidden
    ],
)
def test_document_amounts_show_the_minor_unit_and_never_hide_a_digit(value: str, units: int, text: str) -> None:
    assert money.document(Decimal(value), units) == text


def test_a_residual_of_one_ten_billionth_is_not_written_as_zero() -> None:
    # As 0.00 it would pass for a reconciled month.
    assert money.exact(Decimal("0.0000000001")) == "0.0000000001"


@given(amounts)
def test_exact_loses_nothing(value: Decimal) -> None:
    assert Decimal(money.exact(value).replace(",", "")) == value


@given(amounts)
def test_cents_are_never_off_by_more_than_half_a_cent(value: Decimal) -> None:
    assert abs(Decimal(money.usd(value).replace(",", "")) - value) <= Decimal("0.005")


def test_missing_amounts_are_not_zero() -> None:
    for write in (money.usd, money.exact, money.fine, money.signed, money.percentage, money.quantity):
        assert write(None) == money.MISSING
    assert money.document(None, 2) == money.MISSING
    assert money.with_code("EUR", money.document(None, 2)) == money.MISSING


def test_changes_carry_their_sign() -> None:
    assert money.signed(Decimal("1306.577")) == "+1,306.58"
    assert money.signed(Decimal("-0.5")) == "-0.50"
    assert money.signed(Decimal("0.001")) == "0.00"
    assert money.percentage(Decimal("10"), sign=True) == "+10.00 %"
    assert money.percentage(Decimal("-0.001"), sign=True) == "0.00 %"


def test_quantities_and_small_differences() -> None:
    assert money.quantity(Decimal("56978.4783000000")) == "56,978.4783"
    assert money.quantity(Decimal("744.0000000000")) == "744"
    assert money.fine(Decimal("0.005062616500000000000000000000")) == "0.005063"
    assert money.fine(Decimal("0")) == "0.00"
