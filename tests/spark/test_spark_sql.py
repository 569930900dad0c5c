"""What money is worked out by gives the same digits on both engines, for values that stand for what goes wrong."""

import json
import random
import subprocess
from decimal import Decimal

import duckdb
import pytest

from orchestration.settings import PROJECT_ROOT
from tests.spark_cluster import SparkCluster
from tests.unit.models.models_on_duckdb import RenderedProject

_PROJECT = RenderedProject()
_RANDOM = random.Random(7)


def _amounts(scale: int, digits: int, count: int = 60) -> list[Decimal]:
    """Amounts of up to ``digits`` digits, both signs, exact ties of a cent, the smallest unit, and zero."""
    unit = Decimal(1).scaleb(-scale)
    ties = [Decimal(text) for text in ("0.005", "-0.005", "1.005", "2.675", "-128.045", "0.0000000001", "0")]
    drawn = [_RANDOM.choice((1, -1)) * _RANDOM.randrange(10 ** _RANDOM.randint(1, digits)) * unit for _ in range(count)]
    return [tie for tie in ties if tie == tie.quantize(unit)] + drawn


def _values(kinds: dict[str, str], rows: list[tuple[object, ...]]) -> str:
    written = ", ".join(
        "(" + ", ".join("null" if cell is None else _literal(str(cell)) for cell in (number, *row)) + ")"
        for number, row in enumerate(rows)
    )
    typed = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in kinds.items())
    return (
        f"(select cast(n as integer) as n, {typed} from (values {written}) as texts (n, {', '.join(kinds)})) as given"
    )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_EXACT = _values({"a": "decimal(38, 24)"}, [(amount,) for amount in _amounts(24, 34)])
_TENTHS = _values({"a": "decimal(38, 10)"}, [(amount,) for amount in _amounts(10, 24)])
_PAIRS = _values(
    {"a": "decimal(28, 10)", "b": "decimal(18, 10)"},
    # Beyond a ratio of 10^9 the quotient of whole units overflows on Spark, which is an error and no other digits.
    [(a, b) for a, b in zip(_amounts(10, 18), _amounts(10, 16), strict=True) if b != 0 and abs(a) < 10**9 * abs(b)],
)
_WHOLES = _values(
    {"a": "hugeint", "b": "hugeint"},
    [(a, b) for a, b in zip(_amounts(0, 30), _amounts(0, 26), strict=True) if b != 0 and abs(a) < 10**19 * abs(b)],
)
_RATED = _values(
    {"a": "decimal(38, 24)", "rate": "decimal(18, 10)", "minor": "integer"},
    [
        (amount, abs(rate), _RANDOM.choice((0, 2, 3, 4)))
        for amount, rate in zip(_amounts(24, 33), _amounts(10, 12)[: len(_amounts(24, 33))], strict=False)
    ],
)
_PARTS = _values(
    {"whole": "varchar", "units": "hugeint", "weight": "hugeint", "part": "varchar"},
    [
        (name, units, weight, f"{part:02}")
        for name, units, weights in (
            ("even", 100, [1, 1, 1]),
            ("negative", -10000000000007, [3, 5, 7, 11]),
            ("mixed signs", 100001, [9, -4, 2, 2]),
            ("no weight", 5, [0, 0, 0]),
            ("sum below zero", 1000, [-3, -3, -1]),
            ("long", 10**27 + 7, [10**28, 3 * 10**27 + 1, 17]),
            ("drawn", 10**20 + 1, [_RANDOM.randrange(10**22) for _ in range(20)]),
        )
        for part, weight in enumerate(weights)
    ],
)
_TEXTS = _values(
    {"a": "varchar", "b": "varchar"},
    [
        *[
            ("plain", "with space"),
            ("it's", 'say "hi"'),
            ("", "NULL"),
            (None, "null"),
            (" lead", "trail "),
            ("a,b", "(c)"),
        ],
        *[("back\\slash", "tab\t"), ("x=y", "{z}"), ("12:30", "[1]"), ("Łódź", "Grüße"), ("nulls", "a-b/c.d")],
    ],
)
_GROUPED = _values(
    {"k": "varchar", "x": "varchar", "y": "decimal(18, 4)", "z": "varchar"},
    [
        *[("one", None, "9", "b"), ("one", "low", "1", "a"), ("one", "high", "8.5", None), ("two", None, "1", "z")],
        *[("three", "a", None, "q"), ("three", "b", "2", "p"), ("three", "c", "2.5", "p")],
    ],
)

QUERIES = {
    "half a cent": f"select n, round(a, 2), cast(a as decimal(38, 2)) from {_EXACT}",
    "cut toward zero": f"select n, trunc(a, 10), trunc(a), a - trunc(a, 10) from {_EXACT}",
    "sign": f"select n, sign(a) * a, abs(a), -a from {_TENTHS}",
    "sums keep every digit": f"select cast(sum(a) as decimal(38, 24)), min(a), max(a), count(*) from {_EXACT}",
    "null counts as nothing": f"select n, coalesce(cast(null as decimal(38, 34)), 0), coalesce(a, 0) from {_EXACT}",
    "products": f"select n, cast(a * b as decimal(38, 20)), cast(a * b as decimal(38, 10)) from {_PAIRS}",
    "whole division": f"select n, a // b, a % b, abs(a) // cast(100000000 as hugeint) % 100 from {_WHOLES}",
    "exact_units": f"select n, {_PROJECT.macro('exact_units', 'a')} from {_TENTHS}",
    "exact_quotient": f"select n, {_PROJECT.macro('exact_quotient', 'a', 'b')} from {_PAIRS}",
    "percentage_of": f"select n, {_PROJECT.macro('percentage_of', 'a', 'b')} from {_PAIRS}",
    "round_to_minor_unit": f"select n, {_PROJECT.macro('round_to_minor_unit', 'a', 'minor')} from {_RATED}",
    "at_invoice_rate": f"select n, {_PROJECT.macro('at_invoice_rate', 'a', 'rate')} from {_RATED}",
    "in_billing_currency": f"select n, {_PROJECT.macro('in_billing_currency', 'a', 'rate')} from {_RATED}",
    "plain_number": f"select n, {_PROJECT.macro('plain_number', 'a')} from {_TENTHS}",
    "largest_remainder": (
        f"with parts as (select * from {_PARTS}) select n, share_units from "
        + _PROJECT.macro("largest_remainder", "parts", ["whole"], "units", "weight", "part")
    ),
    "row as text": f"select n, cast(row(a, b) as varchar), sha256(cast(row(n, a, b) as varchar)) from {_TEXTS}",
    "texts in order": (
        f"select k, string_agg(z, ', ' order by y desc, x), string_agg(distinct z, '; ' order by z) "
        f"from {_GROUPED} group by k"
    ),
    "the row with the most": (
        f"select k, arg_max(x, y), arg_min(x, y), arg_max(z, (y, z)) filter (where x <> 'c'), max(y) "
        f"from {_GROUPED} group by k"
    ),
    "nulls come last": f"select k, x, row_number() over (partition by k order by y, x desc) from {_GROUPED}",
    "days": (
        "select cast(unnest(generate_series(date '2026-02-27', last_day(date '2026-02-01'), interval 1 day)) as date)"
    ),
    "no days": "select unnest(generate_series(date '2026-02-03', date '2026-02-01', interval 1 day)) as d",
    "month": "select strftime(date '2026-02-27', '%Y-%m'), isodow(date '2026-03-01'), last_day(date '2024-02-05')",
    "rows among rows": (
        f"with others as (select x, z from {_GROUPED} where k = 'three') select k, x from {_GROUPED} "
        "where (x, z) in (select (others.x, others.z) from others)"
    ),
    "replace and by name": (
        f"select * replace (cast(0 as decimal(18, 4)) as y) from {_GROUPED} "
        f"union all by name select z, k, 'added' as w from {_GROUPED}"
    ),
    "values beside a row": (
        f"select given.n, v.kind, v.amount from {_PAIRS} "
        "cross join lateral (values ('a', given.a), ('b', given.b), ('none', null)) as v (kind, amount)"
    ),
}


def _on_duckdb(query: str) -> list[list[str | None]]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        names = [name for name, *_ in connection.execute(f"describe {query}").fetchall()]
        texts = ", ".join(f'cast("{name}" as varchar)' for name in (name.replace('"', '""') for name in names))
        return [[*row] for row in connection.execute(f"select {texts} from ({query})").fetchall()]


def _in_order(rows: list[list[str | None]]) -> list[list[str]]:
    return sorted([["" if cell is None else f"={cell}" for cell in row] for row in rows])


@pytest.fixture(scope="module")
def spark_answers(spark_cluster: SparkCluster) -> dict[str, list[list[str | None]]]:
    """The rows of each query, as the cluster answers it."""
    asked = subprocess.run(
        [spark_cluster.python, "-m", "tests.spark.spark_answers", spark_cluster.master],
        input=json.dumps([*QUERIES.values()]),
        cwd=PROJECT_ROOT,
        env={"SPARK_CONF_DIR": str(spark_cluster.configuration), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr[-4000:]
    answers = json.loads(asked.stdout.splitlines()[-1])
    return {name: answer[:-1] for name, answer in zip(QUERIES, answers, strict=True)}


@pytest.mark.parametrize("name", QUERIES)
def test_both_engines_answer_alike(name: str, spark_answers: dict[str, list[list[str | None]]]) -> None:
    expected = _on_duckdb(QUERIES[name])
    assert expected or name == "no days"
    assert _in_order(spark_answers[name]) == _in_order(expected)
