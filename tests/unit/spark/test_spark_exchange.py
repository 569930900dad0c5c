"""What Spark is given and what the warehouse takes back, with exact types."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.configuration.load import load_configuration
from orchestration.configuration.validate import read_configuration
from orchestration.errors import BuildError
from orchestration.ingest.view import view_sql
from orchestration.sample.generate import EXAMPLE_BILLING
from orchestration.spark.exchange import change_engine, take_tables, write_inputs
from orchestration.spark.layout import Exchange, read_catalogue, write_catalogue
from orchestration.warehouse import prepare_control_tables


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        prepare_control_tables(connection)
        connection.execute(view_sql([], Path("/")))
        yield connection


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    return Exchange(tmp_path / "spark")


def _line_items(connection: duckdb.DuckDBPyConnection, *months: str) -> None:
    columns = connection.execute("describe raw.cur_line_items").fetchall()
    connection.execute("drop view raw.cur_line_items")
    typed = ", ".join(f'"{name}" {kind}' for name, kind, *_ in columns)
    connection.execute(f"create table raw.cur_line_items ({typed})")
    for month in months:
        connection.execute(
            "insert into raw.cur_line_items by name select cast(? as date) as billing_period, "
            "cast('0.0000000001' as decimal(22, 10)) as line_item_unblended_cost",
            [month],
        )


def _build(connection: duckdb.DuckDBPyConnection, month: str, reads_raw: bool) -> None:
    connection.execute(
        "insert into raw.build_periods by name select cast(? as date) as billing_period, ? as reads_raw, "
        "'' as reason, '' as fingerprint, '' as grain_fingerprint",
        [month, reads_raw],
    )


def test_only_the_rows_that_are_read_again_go_to_spark(
    warehouse: duckdb.DuckDBPyConnection, exchange: Exchange
) -> None:
    _line_items(warehouse, "2026-08-01", "2026-09-01")
    _build(warehouse, "2026-08-01", reads_raw=True)
    _build(warehouse, "2026-09-01", reads_raw=False)
    write_inputs(warehouse, exchange)
    folder = exchange.inputs / "raw" / "cur_line_items"
    assert [path.name for path in folder.iterdir()] == ["billing_period=2026-08-01"]
    rows = warehouse.execute(
        f"select billing_period::varchar, line_item_unblended_cost from read_parquet('{folder}/*/*.parquet')"
    ).fetchall()
    assert rows == [("2026-08-01", Decimal("0.0000000001"))]
    columns = read_catalogue(exchange.inputs)["raw.cur_line_items"]
    assert columns["line_item_unblended_cost"] == "DECIMAL(22,10)"
    # No model reads it.
    assert "product" not in columns


def test_what_was_written_before_is_gone(warehouse: duckdb.DuckDBPyConnection, exchange: Exchange) -> None:
    _line_items(warehouse, "2026-08-01")
    _build(warehouse, "2026-08-01", reads_raw=True)
    write_inputs(warehouse, exchange)
    warehouse.execute("update raw.build_periods set reads_raw = false")
    write_inputs(warehouse, exchange)
    assert [*(exchange.inputs / "raw" / "cur_line_items").iterdir()] == []


def test_tables_of_spark_take_the_place_of_the_warehouse_s_own(
    warehouse: duckdb.DuckDBPyConnection, exchange: Exchange
) -> None:
    load_configuration(warehouse, read_configuration(EXAMPLE_BILLING))
    warehouse.execute("create schema marts")
    warehouse.execute("create table marts.fct_charges as select 'of DuckDB' as sub_account_id")
    folder = exchange.tables / "marts" / "fct_charges" / "billing_period=2026-08-01"
    folder.mkdir(parents=True)
    warehouse.execute(
        f"copy (select '012345678901' as sub_account_id, cast(1.5 as decimal(38, 20)) as billed_cost) "
        f"to '{folder / 'part.parquet'}' (format parquet)"
    )
    charges = {"billing_period": "DATE", "sub_account_id": "TEXT", "billed_cost": "DECIMAL(38, 20)"}
    nothing = {"billing_period": "DATE", "amount": "DECIMAL(38, 24)", "benefit": "MAP(TEXT, DECIMAL(38, 10))"}
    write_catalogue(exchange.tables, {"marts.fct_charges": charges, "marts.fct_margin": nothing})
    take_tables(warehouse, exchange)
    assert warehouse.execute(
        "select billing_period::varchar, sub_account_id, billed_cost from marts.fct_charges"
    ).fetchall() == [("2026-08-01", "012345678901", Decimal("1.50000000000000000000"))]
    assert warehouse.execute("select column_type from (describe marts.fct_margin)").fetchall() == [
        ("DATE",),
        ("DECIMAL(38,24)",),
        ("MAP(VARCHAR, DECIMAL(38,10))",),
    ]
    comment = warehouse.execute(
        "select comment from duckdb_columns() where table_name = 'fct_charges' and column_name = 'billed_cost'"
    ).fetchall()
    assert comment[0][0]
    # Exports read the rows of deliveries through the staging layer.
    assert warehouse.execute("select count(*) from staging.stg_cur__line_items").fetchall() == [(0,)]


def _built(connection: duckdb.DuckDBPyConnection, *months: str, by: str) -> None:
    kind = {"duckdb": "table", "spark": "view"}[by]
    charges = " union all ".join(f"select date '{month}' as billing_period" for month in months)
    for name, query in (("seeds.currencies", "select 'EUR' as currency"), ("marts.fct_charges", charges)):
        connection.execute(f"create schema {name.split('.')[0]}")
        connection.execute(f"create {kind} {name} as {query}")


def _names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        "select table_name from information_schema.tables where table_schema in ('seeds', 'marts') order by all"
    ).fetchall()
    return [name for (name,) in rows]


@pytest.mark.parametrize("goes_on_with", ["duckdb", "spark"])
def test_the_same_engine_goes_on(goes_on_with: str, warehouse: duckdb.DuckDBPyConnection, exchange: Exchange) -> None:
    write_catalogue(exchange.tables, {})
    _built(warehouse, "2026-08-01", by=goes_on_with)
    change_engine(warehouse, exchange if goes_on_with == "spark" else None)
    assert _names(warehouse) == ["currencies", "fct_charges"]
    assert exchange.tables.exists()


def test_duckdb_begins_where_spark_s_views_were(warehouse: duckdb.DuckDBPyConnection) -> None:
    _built(warehouse, "2026-08-01", by="spark")
    _build(warehouse, "2026-08-01", reads_raw=True)
    change_engine(warehouse, None)
    assert _names(warehouse) == []


def test_spark_begins_without_what_it_built_long_ago(warehouse: duckdb.DuckDBPyConnection, exchange: Exchange) -> None:
    write_catalogue(exchange.tables, {})
    _built(warehouse, "2026-08-01", by="duckdb")
    _build(warehouse, "2026-08-01", reads_raw=True)
    change_engine(warehouse, exchange)
    assert not exchange.tables.exists()


@pytest.mark.parametrize("built_by", ["duckdb", "spark"])
def test_another_engine_builds_every_period_or_nothing(
    built_by: str, warehouse: duckdb.DuckDBPyConnection, exchange: Exchange
) -> None:
    write_catalogue(exchange.tables, {})
    _built(warehouse, "2026-07-01", "2026-08-01", "2026-09-01", by=built_by)
    _build(warehouse, "2026-08-01", reads_raw=True)
    with pytest.raises(BuildError, match=r"2026-07, 2026-09 would be lost.*without --period"):
        change_engine(warehouse, exchange if built_by == "duckdb" else None)
    assert _names(warehouse) == ["currencies", "fct_charges"]
    assert exchange.tables.exists()
