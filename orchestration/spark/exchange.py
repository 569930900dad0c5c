"""What a run on Spark gives to Spark and takes back: Parquet between the DuckDB warehouse and the cluster.

What is here: writing what the models read (sources) into the shared folder, and making what Spark built the
warehouse's tables, so that publishing, pages, exports and issuing find it where DuckDB would have put it.
When to add here: another thing that leaves or enters the warehouse for Spark.
What does not belong here: Spark and dbt themselves, which live in an environment of their own.

AWS writes money as floating point in Parquet, and the engines turn that into decimals differently. So deliveries do not
go to Spark as AWS sent them: DuckDB reads them once, as it always does, and Spark gets exact decimals.
"""

import json
import re
import shutil
from pathlib import Path

import duckdb

from orchestration.dbt_files import prepare_manifest
from orchestration.errors import BuildError
from orchestration.exports.analyses import staging_sql
from orchestration.settings import PROJECT_ROOT
from orchestration.spark.layout import Columns, Exchange, read_catalogue, write_catalogue

__all__ = ["change_engine", "take_tables", "write_inputs"]

_LINE_ITEMS = "raw.cur_line_items"
_STAGING = PROJECT_ROOT / "dbt_project" / "models" / "staging"
_LINE_ITEMS_MODEL = _STAGING / "cur" / "stg_cur__line_items.sql"


def change_engine(connection: duckdb.DuckDBPyConnection, exchange: Exchange | None) -> None:
    """Clear away what the other engine built, if it was the last; a run of the same engine changes nothing.

    Args:
        connection: the warehouse, after raw.build_periods was written.
        exchange: the shared folder; None where DuckDB builds.

    Raises:
        BuildError: the other engine's tables hold periods that this run does not build. Nothing was changed.
    """
    # Of all that is built, seeds alone are tables wherever DuckDB, and views wherever Spark built them.
    kinds = {kind for kind, _ in _kinds(connection, "seeds")}
    if kinds == {"BASE TABLE" if exchange is None else "VIEW"} or (exchange is None and not kinds):
        return
    if "marts.fct_charges" in _relations(connection):
        lost = connection.execute(
            "select distinct strftime(billing_period, '%Y-%m') from marts.fct_charges "
            "anti join raw.build_periods using (billing_period) order by all"
        ).fetchall()
        if lost:
            raise BuildError(
                f"{', '.join(month for (month,) in lost)} would be lost: the tables were built by another engine "
                "(CHARGEHOUSE_ENGINE). Build every period: chargehouse run, without --period."
            )
    if exchange is not None:
        shutil.rmtree(exchange.tables, ignore_errors=True)
        return
    for schema in ("seeds", "intermediate", "marts"):
        for kind, name in _kinds(connection, schema):
            if kind == "VIEW":
                connection.execute(f"drop view {schema}.{_quoted(name)}")


def write_inputs(connection: duckdb.DuckDBPyConnection, exchange: Exchange) -> None:
    """Write every source of the models to the shared folder, with exact types.

    Of the line items only the columns that the models name and the periods whose rows changed: the stored usage grain
    serves every other re-rating.

    Args:
        connection: the warehouse, after raw.build_periods was written.
        exchange: the shared folder.
    """
    shutil.rmtree(exchange.inputs, ignore_errors=True)
    catalogue: dict[str, Columns] = {}
    for name in sorted(_sources() & _relations(connection)):
        columns = _columns_of(connection, name)
        folder = exchange.inputs.joinpath(*name.split("."))
        folder.mkdir(parents=True)
        if name == _LINE_ITEMS:
            named = set(re.findall(r"\w+", _LINE_ITEMS_MODEL.read_text(encoding="utf-8")))
            columns = {column: kind for column, kind in columns.items() if column in named}
            _write_line_items(connection, folder, columns)
        else:
            _copy(connection, f"select * from {name}", folder / "part.parquet")
        catalogue[name] = columns
    write_catalogue(exchange.inputs, catalogue)


def take_tables(connection: duckdb.DuckDBPyConnection, exchange: Exchange) -> None:
    """Make every table that Spark built a view of the warehouse over its Parquet, with its types and descriptions.

    The staging layer, which holds nothing, becomes views as dbt makes them on DuckDB: exports and explanations read the
    rows of deliveries through it.
    """
    _make_staging_views(connection)
    descriptions = _descriptions()
    for name, columns in read_catalogue(exchange.tables).items():
        schema, table = name.split(".")
        connection.execute(f"create schema if not exists {schema}")
        kind = connection.execute(
            "select table_type from information_schema.tables where table_schema = ? and table_name = ?",
            [schema, table],
        ).fetchone()
        if kind is not None and kind[0] != "VIEW":
            connection.execute(f"drop table {name}")
        connection.execute(f"create or replace view {name} as {_reading(exchange.tables / schema / table, columns)}")
        relation, column_descriptions = descriptions.get(name, ("", {}))
        connection.execute(f"comment on view {name} is {_literal(relation)}")
        for column, description in column_descriptions.items():
            if column in columns:
                connection.execute(f"comment on column {name}.{_quoted(column)} is {_literal(description)}")


def _make_staging_views(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create schema if not exists staging")
    for file in sorted(_STAGING.rglob("stg_*.sql")):
        connection.execute(f"create or replace view staging.{file.stem} as {staging_sql(file.stem)}")


def _reading(folder: Path, columns: Columns) -> str:
    if not any(folder.rglob("*.parquet")):
        nulls = ", ".join(f"cast(null as {kind}) as {_quoted(name)}" for name, kind in columns.items())
        return f"select {nulls} where false"
    typed = ", ".join(f"cast({_quoted(name)} as {kind}) as {_quoted(name)}" for name, kind in columns.items())
    files = _literal(str(folder / "**" / "*.parquet"))
    return f"select {typed} from read_parquet({files}, hive_partitioning = true, hive_types_autocast = false)"


def _write_line_items(connection: duckdb.DuckDBPyConnection, folder: Path, columns: Columns) -> None:
    selected = ", ".join(_quoted(name) for name in columns if name != "billing_period")
    periods = connection.execute(
        "select billing_period from raw.build_periods where reads_raw order by billing_period"
    ).fetchall()
    for (period,) in periods:
        _copy(
            connection,
            f"select {selected} from {_LINE_ITEMS} where billing_period = date '{period}'",
            folder / f"billing_period={period}",
            "per_thread_output true",
        )


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path, *options: str) -> None:
    settings = ", ".join(("format parquet", "compression zstd", *options))
    connection.execute(f"copy ({query}) to {_literal(str(path))} ({settings})")


def _sources() -> set[str]:
    sources = json.loads(prepare_manifest().read_text(encoding="utf-8"))["sources"].values()
    return {f"{source['schema']}.{source['name']}" for source in sources}


def _descriptions() -> dict[str, tuple[str, dict[str, str]]]:
    nodes = json.loads(prepare_manifest().read_text(encoding="utf-8"))["nodes"].values()
    return {
        f"{node['schema']}.{node['name']}": (
            node["description"],
            {column["name"]: column["description"] for column in node["columns"].values()},
        )
        for node in nodes
        if node["resource_type"] in ("model", "seed")
    }


def _relations(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute("select table_schema || '.' || table_name from information_schema.tables").fetchall()
    return {name for (name,) in rows}


def _kinds(connection: duckdb.DuckDBPyConnection, schema: str) -> list[tuple[str, str]]:
    """Return kind (BASE TABLE or VIEW) and name of what a schema holds."""
    return connection.execute(
        "select table_type, table_name from information_schema.tables where table_schema = ? order by all", [schema]
    ).fetchall()


def _columns_of(connection: duckdb.DuckDBPyConnection, name: str) -> Columns:
    rows = connection.execute(f"select column_name, column_type from (describe {name})").fetchall()
    return {str(column): str(kind) for column, kind in rows}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
