"""The price of a quantity over tiers (R5, R8) against fractions, slice by slice."""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models_on_duckdb import RenderedProject

WIDE = Context(prec=120, rounding=ROUND_HALF_UP)
QUANTITY, RATE = Decimal("1e-10"), Decimal("1e-10")

Ladder = list[tuple[Decimal, Decimal | None, Decimal]]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


@st.composite
def ladders(draw: st.DrawFn) -> Ladder:
    """Tiers as a sound price list has them: from 0, each from the end of the one before, the last open."""
    steps = draw(st.lists(st.one_of(st.integers(1, 10**20), st.integers(1, 100)), max_size=5))
    starts = [Decimal(sum(steps[:n])) * QUANTITY for n in range(len(steps) + 1)]
    rates = draw(st.lists(st.integers(0, 10**13), min_size=len(starts), max_size=len(starts)))
    ends = [*starts[1:], None]
    return [(start, end, rate * RATE) for start, end, rate in zip(starts, ends, rates, strict=True)]


@st.composite
def quantities_and_ladders(draw: st.DrawFn) -> tuple[Decimal, Ladder]:
    ladder = draw(ladders())
    # Edges are where a slice is lost or priced twice.
    edge = draw(st.sampled_from([start for start, _, _ in ladder]))
    near = draw(st.integers(-2, 2)) * QUANTITY + edge
    quantity = draw(st.one_of(st.just(near), st.integers(-(10**21), 10**21).map(lambda units: units * QUANTITY)))
    return quantity, ladder


def cost_by_slices(quantity: Decimal, ladder: Ladder) -> Decimal:
    """Every unit at the rate of the tier it falls into; the sum rounded half away from zero at 1e-10."""
    size = Fraction(abs(quantity))
    total = Fraction(0)
    for start, end, rate in ladder:
        if size > Fraction(start):
            until = size if end is None else min(size, Fraction(end))
            total += (until - Fraction(start)) * Fraction(rate)
    units = total * 10**10
    rounded = Decimal((2 * units.numerator + units.denominator) // (2 * units.denominator)).scaleb(-10, context=WIDE)
    return -rounded if quantity < 0 else rounded


@settings(max_examples=60, deadline=None, derandomize=True)
@given(cases=st.lists(quantities_and_ladders(), min_size=1, max_size=30))
def test_every_unit_costs_the_rate_of_its_tier(
    project: RenderedProject, connection: duckdb.DuckDBPyConnection, cases: list[tuple[Decimal, Ladder]]
) -> None:
    tiers = [
        (number, quantity, start, end, rate)
        for number, (quantity, ladder) in enumerate(cases)
        for start, end, rate in ladder
    ]
    types = [pa.int64(), pa.decimal128(38, 10), pa.decimal128(38, 10), pa.decimal128(38, 10), pa.decimal128(22, 10)]
    columns = [pa.array(values, kind) for values, kind in zip(zip(*tiers, strict=True), types, strict=True)]
    macro = project.macro("graduated_cost", "quantity", "tier_start", "tier_end", "rate")
    connection.register("tiers", pa.table(columns, names=["n", "quantity", "tier_start", "tier_end", "rate"]))
    result = connection.execute(f"select n, {macro} as cost from tiers group by n, quantity order by n").fetchall()
    assert result == [(n, cost_by_slices(quantity, ladder)) for n, (quantity, ladder) in enumerate(cases)]
