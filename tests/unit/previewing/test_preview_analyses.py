"""The analyses of a preview on rows made by hand: differences are exact, and a sum that does not tie is found."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal, localcontext

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.exports.analyses import analysis_sql

_PERIOD = date(2026, 10, 1)
_LINE = (
    "billing_period date, billing_group_id varchar, invoice_line_key varchar, line_kind varchar, source_id varchar, "
    "service_code varchar, description varchar, currency varchar, minor_units integer, "
    "exact_amount_usd decimal(38,24), net_amount decimal(22,4), credit_amount decimal(22,4), "
    "tax_category varchar, tax_rate decimal(12,4)"
)
_exact = st.decimals(-(10**6), 10**6, places=24, allow_nan=False)
_cents = st.decimals(-(10**6), 10**6, places=2, allow_nan=False)
# By group and service: what is exact, and what is rounded; no rate, nothing rounded.
_lines = st.dictionaries(
    st.tuples(st.sampled_from(["acme", "birch"]), st.sampled_from(["EC2", "S3", ""])),
    st.tuples(_exact, st.none() | _cents),
)


@pytest.fixture(scope="module")
def world() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for schema in ("marts", "baseline", "preview"):
            connection.execute(f"create schema {schema}")
        for schema in ("marts", "baseline"):
            connection.execute(f"create table {schema}.fct_invoice_lines ({_LINE})")
        yield connection


def _put(
    world: duckdb.DuckDBPyConnection,
    schema: str,
    lines: dict[tuple[str, str], tuple[Decimal, Decimal | None]],
    period: date = _PERIOD,
) -> None:
    for (group, service), (exact, net) in lines.items():
        world.execute(
            f"insert into {schema}.fct_invoice_lines "
            "values ($1, $2, $3, 'usage', '', $4, 'Usage', 'EUR', 2, $5, $6, 0, 'S', 19)",
            [period, group, f"{group} {service}", service, exact, net],
        )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=_lines, after=_lines)
def test_differences_of_lines_are_exact(
    world: duckdb.DuckDBPyConnection,
    before: dict[tuple[str, str], tuple[Decimal, Decimal | None]],
    after: dict[tuple[str, str], tuple[Decimal, Decimal | None]],
) -> None:
    world.execute("delete from marts.fct_invoice_lines; delete from baseline.fct_invoice_lines")
    _put(world, "baseline", before)
    _put(world, "marts", after)
    # Another period differs too; it is not compared.
    _put(world, "marts", {("acme", "EC2"): (Decimal(1), Decimal(1))}, date(2026, 9, 1))
    world.execute("set variable billing_periods = [date '2026-10-01']")
    found = {
        (group, service): amounts
        for group, service, *amounts in world.execute(
            "select billing_group_id, service_code, change, exact_amount_usd_before, exact_amount_usd_after, "
            "exact_amount_usd_difference, net_amount_before, net_amount_after, net_amount_difference "
            f"from ({analysis_sql('preview_lines')}) where level = 'line'"
        ).fetchall()
    }
    expected = {}
    for key in before.keys() | after.keys():
        was, now = (side.get(key, (Decimal(0), Decimal(0))) for side in (before, after))
        if key in before and key in after and was == now:
            continue
        change = "added" if key not in before else "gone" if key not in after else "changed"
        # Python rounds to 28 digits unless told otherwise.
        with localcontext(prec=60):
            difference = None if was[1] is None or now[1] is None else now[1] - was[1]
            expected[key] = [change, was[0], now[0], now[0] - was[0], was[1], now[1], difference]
    assert found == expected


def _found(world: duckdb.DuckDBPyConnection, **changed: str) -> set[str]:
    """Return which sums of a small, sound preview do not tie after the amounts in ``changed`` were put in."""
    amount = {
        **dict.fromkeys(("line", "service", "group", "period", "rule", "component", "margin", "margin_period"), "10"),
        **{"total": "12", "total_period": "12", "tax": "2"},
        **changed,
    }
    place = "date '2026-10-01' as billing_period, 'acme' as billing_group_id, 'EUR' as currency"
    for name, query in {
        "lines": " union all ".join(
            f"select '{level}' as level, {place}, 'EC2' as service_code, 'usage' as line_kind, "
            f"cast({amount[level]} as decimal(38,24)) as exact_amount_usd_difference, "
            f"cast({amount[level]} as decimal(22,4)) as net_amount_difference, "
            "cast(0 as decimal(22,4)) as credit_amount_difference"
            for level in ("line", "service")
        ),
        "invoices": " union all ".join(
            f"select '{level}' as level, {place}, "
            f"cast({amount[level]} as decimal(38,24)) as exact_amount_usd_difference, "
            f"cast({amount[total]} as decimal(22,4)) as total_amount_difference"
            for level, total in (("group", "total"), ("period", "total_period"))
        ),
        "taxes": f"select {place}, cast({amount['tax']} as decimal(22,4)) as tax_amount_difference",
        "rules": f"select {place}, cast({amount['rule']} as decimal(38,24)) as billed_cost_difference",
        "margin": " union all ".join(
            f"select '{level}' as level, {place}, cast({amount[name]} as decimal(38,24)) as amount_difference"
            for level, name in (("component", "component"), ("group", "margin"), ("period", "margin_period"))
        ),
    }.items():
        world.execute(f"create or replace table preview.{name} as {query}")
    return {row[0] for row in world.execute(analysis_sql("preview_sums")).fetchall()}


def test_a_sound_preview_sums_up(world: duckdb.DuckDBPyConnection) -> None:
    assert _found(world) == set()


@pytest.mark.parametrize(
    ("changed", "sums"),
    [
        ({"service": "10.000000000000000000000001"}, {"lines and services, USD"}),
        ({"group": "10.01", "period": "10.01"}, {"lines and invoices, USD"}),
        ({"period": "9"}, {"groups and periods, USD"}),
        ({"tax": "2.01"}, {"lines, taxes and invoices, total"}),
        ({"total_period": "12.01"}, {"groups and periods, total"}),
        ({"rule": "9.999999999999999999999999"}, {"lines and rules, USD"}),
        ({"component": "10.5"}, {"parts and margin of a group"}),
        ({"margin_period": "10.5"}, {"groups and margin of a period"}),
        # What is not known cannot be summed; the rest is.
        ({"total": "null", "total_period": "null"}, set()),
    ],
)
def test_a_sum_that_does_not_tie_is_named(
    world: duckdb.DuckDBPyConnection, changed: dict[str, str], sums: set[str]
) -> None:
    assert _found(world, **changed) == sums


def test_a_problem_of_which_only_the_amount_changes_is_one(world: duckdb.DuckDBPyConnection) -> None:
    """A missing rate has no cost of AWS: what it holds up is at stake, and stands in its detail too."""
    for schema, at_stake in (("baseline", "10"), ("marts", "11")):
        world.execute(
            f"create or replace table {schema}.fct_open_problems as select $1::date as billing_period, "
            "'acme' as billing_group_id, 'missing_fx_rate' as problem, 'EUR' as subject, $2 || ' USD' as detail, "
            "1::bigint as row_count, 0::decimal(38, 10) as aws_cost, $2::decimal(38, 10) as amount_at_stake",
            [_PERIOD, at_stake],
        )
    world.execute("set variable billing_periods = $1", [[_PERIOD]])
    result = world.execute(analysis_sql("preview_problems"))
    names = [column[0] for column in result.description or []]
    [row] = [dict(zip(names, found, strict=True)) for found in result.fetchall()]
    assert (row["change"], row["detail"]) == ("changes", "11 USD")
    assert [row[f"amount_at_stake_{side}"] for side in ("before", "after", "difference")] == [10, 11, 1]
