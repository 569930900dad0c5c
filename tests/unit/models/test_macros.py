"""The arithmetic of the macros against Python's exact numbers, on inputs nobody would think of."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from math import floor
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models_on_duckdb import RenderedProject
from splits_by_hand import split_by_largest_remainder

# A wide context: Python's default of 28 digits would round what DuckDB keeps.
WIDE = Context(prec=120, rounding=ROUND_HALF_UP)
MINOR_UNITS = st.sampled_from([0, 2, 3, 4])

# Examples are drawn the same way each time; each holds many rows, as one query costs more than its rows.
EXACTLY = settings(max_examples=60, deadline=None, derandomize=True)

Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def query() -> Iterator[Query]:
    """Run SQL over tables given by name; each is a list of columns ``name, type, values``."""
    connection = duckdb.connect()

    def run(sql: str, **tables: list[tuple[str, pa.DataType, list[Any]]]) -> list[tuple[Any, ...]]:
        for name, columns in tables.items():
            arrays = [pa.array(values, type=kind) for _, kind, values in columns]
            connection.register(name, pa.table(arrays, names=[column for column, _, _ in columns]))
        return connection.execute(sql).fetchall()

    yield run
    connection.close()


def rounded(amount: Decimal, minor_units: int) -> Decimal:
    """Round half away from zero to so many decimals (M4)."""
    return amount.quantize(Decimal(1).scaleb(-minor_units), context=WIDE)


def amounts(digits: int, decimals: int) -> st.SearchStrategy[Decimal]:
    """Signed amounts with so many digits before and after the point; small and round ones often."""
    limit = 10 ** (digits + decimals) - 1
    return st.one_of(
        st.integers(-limit, limit),
        st.integers(-999, 999),
        st.integers(-999, 999).map(lambda units: units * 10**decimals),
    ).map(lambda units: Decimal(units).scaleb(-decimals, context=WIDE))


@st.composite
def halves(draw: st.DrawFn) -> Decimal:
    """Amounts at, just above or just below half a minor unit of some currency, with 20 decimals."""
    minor_units = draw(MINOR_UNITS)
    half = Decimal(draw(st.integers(-(10**9), 10**9)) * 2 + 1).scaleb(-minor_units) / 2
    return WIDE.add(half, Decimal(draw(st.sampled_from([-1, 0, 1]))).scaleb(-20))


@st.composite
def wholes_and_weights(draw: st.DrawFn) -> tuple[int, dict[str, int]]:
    # Quantities of 1e12 in units of 1e-10 are the largest that CUR can hold.
    limit = draw(st.sampled_from([3, 1000, 10**12, 10**22]))
    # Amounts of a group with 24 decimals weigh up to 1e32 each.
    heavy = draw(st.sampled_from([limit, limit, 10**32]))
    keys = draw(st.lists(st.text("019aZß/", min_size=1, max_size=3), min_size=1, max_size=7, unique=True))
    shape = draw(st.sampled_from(["any", "equal", "positive", "cancelling"]))
    if shape == "equal":
        weights = [draw(st.integers(-heavy, heavy))] * len(keys)
    elif shape == "positive":
        weights = [draw(st.integers(0, heavy)) for _ in keys]
    else:
        weights = [draw(st.integers(-heavy, heavy)) for _ in keys]
        if shape == "cancelling":
            weights[-1] = -sum(weights[:-1])
    whole = draw(st.integers(-limit, limit))
    if heavy > limit:
        whole = whole % 10**18
    # Weights that nearly cancel make parts far larger than the whole; what no money can be is left out.
    if sum(weights) != 0 and abs(whole) * max(map(abs, weights)) // abs(sum(weights)) >= 10**36:
        whole = whole % 1000
    return whole, dict(zip(keys, weights, strict=True))


def share_units(
    project: RenderedProject, query: Query, cases: list[tuple[int, dict[str, int]]]
) -> list[dict[str, int]]:
    """Split all cases in one query, as the partitions of one relation."""
    rows = [
        (case, key, Decimal(whole), Decimal(weight))
        for case, (whole, weights) in enumerate(cases)
        for key, weight in weights.items()
    ]
    case_ids, keys, wholes, weights_ = ([*column] for column in zip(*rows, strict=True))
    split = project.macro("largest_remainder", "parts", ["case_id"], "whole", "weight", "part_key")
    result = query(
        f"select case_id, part_key, share_units from {split} as split_parts",
        parts=[
            ("case_id", pa.int64(), case_ids),
            ("part_key", pa.string(), keys),
            ("whole", pa.decimal128(38, 0), wholes),
            ("weight", pa.decimal128(38, 0), weights_),
        ],
    )
    shares: list[dict[str, int]] = [{} for _ in cases]
    for case, key, units in result:
        shares[case][key] = units
    return shares


@EXACTLY
@given(cases=st.lists(wholes_and_weights(), min_size=1, max_size=40))
def test_largest_remainder_is_m5(
    project: RenderedProject, query: Query, cases: list[tuple[int, dict[str, int]]]
) -> None:
    shares = share_units(project, query, cases)
    for (whole, weights), share in zip(cases, shares, strict=True):
        assert share == split_by_largest_remainder(whole, weights), (whole, weights)
        # The reference could be wrong in the same way; these two cannot.
        assert sum(share.values()) == whole
        assert share.keys() == weights.keys()


@pytest.mark.parametrize(
    ("whole", "weights", "parts"),
    [
        # The example of M5, its mirror, and the other golden splits: a cent too many is on no invoice total.
        (10000, [1, 1, 1], [3334, 3333, 3333]),
        (-10000, [1, 1, 1], [-3334, -3333, -3333]),
        (5, [3, 1, 1], [3, 1, 1]),
        (10001, [33337, 33337, 33336], [3334, 3334, 3333]),
        (0, [1, 2, 3], [0, 0, 0]),
        # Weights keep their sign: an account with credits keeps them.
        (9000, [100, -10], [10000, -1000]),
        (-9000, [-100, 10], [-10000, 1000]),
        # Weights that sum to zero fall back to equal ones.
        (10000, [0, 0, 0], [3334, 3333, 3333]),
        (100, [7, -7], [50, 50]),
        (-1, [0, 0], [-1, 0]),
        # A product of 1e44 passes every integer type.
        (10**22, [10**22] * 3, [10**22 // 3 + 1, 10**22 // 3, 10**22 // 3]),
    ],
)
def test_largest_remainder_of_known_cases(
    project: RenderedProject, query: Query, whole: int, weights: list[int], parts: list[int]
) -> None:
    keyed = {f"key {number}": weight for number, weight in enumerate(weights)}
    (shares,) = share_units(project, query, [(whole, keyed)])
    assert [shares[key] for key in keyed] == parts


def test_largest_remainder_keeps_every_column(project: RenderedProject, query: Query) -> None:
    # A column lost here would be lost on the invoice; a helper column left over would break its contract.
    split = project.macro("largest_remainder", "parts", ["one", "two"], "whole", "weight", "part_key")
    described = query(
        f"describe select * from {split} as split_parts",
        parts=[
            *((name, pa.string(), ["a"]) for name in ("one", "two", "part_key", "note")),
            *((name, pa.decimal128(38, 0), [Decimal(1)]) for name in ("whole", "weight")),
        ],
    )
    assert [row[0] for row in described] == [
        "one",
        "two",
        "part_key",
        "note",
        "whole",
        "weight",
        "share_units",
    ]


@EXACTLY
@given(rows=st.lists(st.tuples(st.one_of(amounts(16, 20), halves()), MINOR_UNITS), min_size=1, max_size=60))
def test_round_to_minor_unit_goes_half_away_from_zero(
    project: RenderedProject, query: Query, rows: list[tuple[Decimal, int]]
) -> None:
    values, minor_units = ([*column] for column in zip(*rows, strict=True))
    result = query(
        f"select {project.macro('round_to_minor_unit', 'amount', 'minor_units')} from rounding",
        rounding=[("amount", pa.decimal128(38, 20), values), ("minor_units", pa.int32(), minor_units)],
    )
    assert [value for (value,) in result] == [rounded(amount, units) for amount, units in rows]


@EXACTLY
@given(rows=st.lists(st.tuples(st.integers(-(10**20), 10**20), MINOR_UNITS), min_size=1, max_size=60))
def test_minor_units_become_amounts(project: RenderedProject, query: Query, rows: list[tuple[int, int]]) -> None:
    units, minor_units = ([*column] for column in zip(*rows, strict=True))
    sql = project.macro("minor_units_to_amount", "cast(units as hugeint)", "minor_units")
    result = query(
        f"select {sql} from counted",
        counted=[
            ("units", pa.decimal128(38, 0), [*map(Decimal, units)]),
            ("minor_units", pa.int32(), minor_units),
        ],
    )
    expected = [Decimal(count).scaleb(-scale, context=WIDE) for count, scale in rows]
    assert [value for (value,) in result] == expected


@EXACTLY
@given(values=st.lists(amounts(18, 20), min_size=1, max_size=60))
def test_exact_units_are_all_digits(project: RenderedProject, query: Query, values: list[Decimal]) -> None:
    # -0.5 is the trap: its sign stands before a zero.
    result = query(
        f"select {project.macro('exact_units', 'amount')} from written",
        written=[("amount", pa.decimal128(38, 20), values)],
    )
    assert [value for (value,) in result] == [int(value.scaleb(20, context=WIDE)) for value in values]


@EXACTLY
@given(rows=st.lists(st.tuples(amounts(9, 20), amounts(9, 10)), min_size=1, max_size=60))
def test_percentage_is_rounded_once(
    project: RenderedProject, query: Query, rows: list[tuple[Decimal, Decimal]]
) -> None:
    parts, wholes = ([*column] for column in zip(*rows, strict=True))
    result = query(
        f"select {project.macro('percentage_of', 'part', 'whole')} from ratios",
        ratios=[("part", pa.decimal128(38, 20), parts), ("whole", pa.decimal128(38, 10), wholes)],
    )
    assert [value for (value,) in result] == [percentage(*row) for row in rows]


def test_percentage_of_a_hair_below_a_half(project: RenderedProject, query: Query) -> None:
    # 12.34496 %: rounded to four decimals first it becomes 12.3450 and then 12.35.
    part, whole = "cast(123449.6 as decimal(38, 20))", "cast(1000000 as decimal(38, 10))"
    sql = project.macro("percentage_of", part, whole)
    assert query(f"select {sql}") == [(Decimal("12.34"),)]


def percentage(part: Decimal, whole: Decimal) -> Decimal | None:
    """Round the ratio of the amounts in millionths half away from zero to two decimals."""
    divisor = Fraction(rounded(whole, 6))
    if divisor == 0:
        return None
    hundredths = Fraction(rounded(part, 6)) * 10000 / divisor
    size = floor(abs(hundredths) + Fraction(1, 2))
    return Decimal(-size if hundredths < 0 else size).scaleb(-2, context=WIDE)


CURRENCIES = {"USD": 2, "JPY": 0, "KWD": 3, "CLF": 4}


@st.composite
def conversions(draw: st.DrawFn) -> tuple[Decimal, str, Decimal]:
    """An amount, a currency and a rate, whose product has up to 34 decimals and 17 digits before them."""
    currency = draw(st.sampled_from(["JPY", "KWD", "CLF"]))
    rate = draw(st.one_of(st.integers(1, 10**15), st.sampled_from([10**10, 10**8, 1]))) * Decimal("1e-10")
    amount = draw(st.one_of(amounts(12, 24), halves()).filter(lambda value: value != 0))
    return amount, currency, rate


@EXACTLY
@given(rows=st.lists(conversions(), min_size=1, max_size=40))
def test_conversion_of_invoice_lines_is_exact(
    project: RenderedProject, query: Query, rows: list[tuple[Decimal, str, Decimal]]
) -> None:
    # I2, M4, M7: exact amount x rate has 34 decimals, more than a DECIMAL can hold beside its digits. Every
    # line is of a period of its own, so that it has its own rate.
    periods = [date(2000 + number, 1, 1) for number in range(len(rows))]
    names, decimals = list(CURRENCIES), list(CURRENCIES.values())
    result = query(
        f"select billing_period, net_amount, rounding_difference from ({project.model('int_invoice_lines')})",
        fct_charges=[
            ("billing_period", pa.date32(), []),
            ("billing_group_id", pa.string(), []),
            ("line_kind", pa.string(), []),
            ("service_code", pa.string(), []),
            ("service_name", pa.string(), []),
            ("billed_cost", pa.decimal128(38, 20), []),
            ("treatment", pa.string(), []),
            ("rating_path", pa.string(), []),
        ],
        fct_group_charges=[
            ("billing_period", pa.date32(), periods),
            ("billing_group_id", pa.string(), [currency for _, currency, _ in rows]),
            ("kind", pa.string(), ["custom_line_item"] * len(rows)),
            ("source_id", pa.string(), ["managed"] * len(rows)),
            ("service_code", pa.string(), ["AmazonEC2"] * len(rows)),
            ("description", pa.string(), ["Managed service"] * len(rows)),
            ("billed_cost", pa.decimal128(38, 24), [amount for amount, _, _ in rows]),
        ],
        billing__billing_groups=[
            ("billing_group_id", pa.string(), names),
            ("customer_id", pa.string(), names),
        ],
        billing__customers=[("customer_id", pa.string(), names), ("currency", pa.string(), names)],
        billing__fx_rates=[
            ("period", pa.date32(), periods),
            ("from_currency", pa.string(), ["USD"] * len(rows)),
            ("to_currency", pa.string(), [currency for _, currency, _ in rows]),
            ("rate", pa.decimal128(18, 10), [rate for _, _, rate in rows]),
            ("source", pa.string(), ["treasury"] * len(rows)),
        ],
        ledger__documents=[
            ("billing_period", pa.date32(), []),
            ("billing_group_id", pa.string(), []),
            ("revision", pa.int64(), []),
            ("number", pa.string(), []),
            ("currency", pa.string(), []),
            ("fx_rate", pa.decimal128(18, 10), []),
        ],
        currencies=[("currency", pa.string(), names), ("minor_units", pa.int32(), decimals)],
        line_kinds=[
            ("line_kind", pa.string(), ["custom_line_item"]),
            ("line_order", pa.int32(), [1]),
            ("line_label", pa.string(), ["other charge"]),
        ],
    )
    converted = {period: (net, difference) for period, net, difference in result}
    for period, (amount, currency, rate) in zip(periods, rows, strict=True):
        exact = WIDE.multiply(amount, rate)
        net = rounded(exact, CURRENCIES[currency])
        assert converted[period] == (net, WIDE.subtract(net, exact)), (amount, currency, rate)
