"""The whole pricing in one database in memory: worlds in, published tables out, without dbt.

What is here: ``priced``, which loads worlds as the product does and builds every model from staging to invoices.
When to add here: another mart that property tests look at.
What does not belong here: worlds (``billing_worlds``) and what is expected of their prices.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from billing_worlds import World
from models_on_duckdb import RenderedProject, create_seeds

from orchestration.configuration.load import SCHEMA, load_configuration
from orchestration.configuration.schema import FILES
from orchestration.configuration.validate import read_configuration
from orchestration.ingest.columns import CANONICAL_COLUMNS, OWN_COLUMNS, Kind
from orchestration.ingest.price_lists import prepare_price_list_tables
from orchestration.ledger.mirror import prepare_ledger_tables

__all__ = ["MARTS", "Priced", "priced"]

MARTS = (
    "fct_charges",
    "fct_group_charges",
    "fct_commitments",
    "fct_commitment_policies",
    "fct_invoice_lines",
    "fct_invoice_line_accounts",
    "fct_invoices",
)

_ARROW_TYPES = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "DECIMAL(22,10)": pa.decimal128(22, 10),
    "MAP(VARCHAR, VARCHAR)": pa.map_(pa.string(), pa.string()),
    "MAP(VARCHAR, DECIMAL(22,10))": pa.map_(pa.string(), pa.decimal128(22, 10)),
}

Row = dict[str, Any]


@dataclass(frozen=True)
class Priced:
    """All models over some worlds, in a database that stays open."""

    project: RenderedProject
    connection: duckdb.DuckDBPyConnection
    models: Sequence[str]

    def query(self, sql: str) -> list[Row]:
        """Return the rows of a query as dictionaries."""
        result = self.connection.execute(sql)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    @cached_property
    def charges(self) -> list[Row]:
        """The rows of ``fct_charges``."""
        return self.query("select * from fct_charges")

    @cached_property
    def group_charges(self) -> list[Row]:
        """The rows of ``fct_group_charges``."""
        return self.query("select * from fct_group_charges")

    @cached_property
    def lines(self) -> list[Row]:
        """The rows of ``fct_invoice_lines``."""
        return self.query("select * from fct_invoice_lines")

    @cached_property
    def marts(self) -> dict[str, list[str]]:
        """Every row of every mart as text, sorted: what two runs are compared by."""
        return {
            mart: [
                str(text)
                for (text,) in self.connection.execute(
                    f"select cast({mart} as varchar) from {mart} order by 1"
                ).fetchall()
            ]
            for mart in MARTS
        }


def priced(project: RenderedProject, worlds: Sequence[World], folder: Path, **options: Any) -> Priced:
    """Price worlds.

    Args:
        project: the rendered SQL.
        worlds: worlds with different numbers.
        folder: where the configuration files are written, as the product reads them from a folder.
        options: ``basis``, the setting ``membership_basis``; ``by_period``, to build stored models one billing
            period after the other, as the product does.

    Raises:
        ConfigurationError: the worlds' configuration is not valid.
    """
    connection = duckdb.connect(config={"threads": 2})
    _write_configuration(worlds, folder, options.get("basis", "usage_date"))
    load_configuration(connection, read_configuration(folder))
    for schema in FILES:
        connection.execute(f"create view {SCHEMA}__{schema.name} as select * from {SCHEMA}.{schema.name}")
    create_seeds(connection)
    _load_line_items(connection, worlds)
    prepare_price_list_tables(connection)
    connection.execute("create view raw__price_list_tiers as select * from raw.price_list_tiers")
    prepare_ledger_tables(connection)
    for (table,) in connection.execute(
        "select table_name from duckdb_tables() where schema_name = 'ledger'"
    ).fetchall():
        connection.execute(f"create view ledger__{table} as select * from ledger.{table}")
    periods = sorted(world.period for world in worlds)
    connection.register("periods", pa.table({"billing_period": pa.array(periods, type=pa.date32())}))
    connection.execute("create table raw__build_periods as select *, true as reads_raw from periods")
    connection.execute("create table raw__period_builds as select * from periods")
    models = project.with_ancestors(*MARTS)
    for name in models:
        _build(connection, project, name, periods if options.get("by_period", False) else [])
    return Priced(project, connection, models)


def _build(connection: duckdb.DuckDBPyConnection, project: RenderedProject, name: str, periods: Sequence[date]) -> None:
    sql = project.model(name)
    if not project.is_stored(name):
        connection.execute(f"create view {name} as {sql}")
        return
    own_columns = project.own_columns(name)
    if own_columns is not None:
        # It reads what it holds, so that it must be there first.
        connection.execute(f"create table {name} ({', '.join(f'{key} {kind}' for key, kind in own_columns.items())})")
    else:
        connection.execute(f"create table {name} as select * from ({sql}) as model_sql limit 0")
    if not periods:
        connection.execute(f"insert into {name} by name select * from ({sql}) as model_sql")
    else:
        for period in periods:
            connection.execute(f"set variable billing_period = date '{period}'")
            connection.execute(f"insert into {name} by name select * from ({sql}) as model_sql")
        connection.execute("reset variable billing_period")


def _write_configuration(worlds: Sequence[World], folder: Path, basis: str) -> None:
    folder.mkdir(parents=True)
    common: dict[str, list[dict[str, str]]] = {
        "settings": [{"setting": "membership_basis", "value": basis}],
        "issuers": [
            {
                "issuer_id": "issuer",
                "legal_name": "Issuer",
                "country_code": "DE",
                "invoice_prefix": "I",
                "currency": "EUR",
            }
        ],
    }
    for schema in FILES:
        rows = [*common.get(schema.name, []), *(row for world in worlds for row in world.files.get(schema.name, []))]
        if rows or schema.is_required:
            with (folder / schema.file).open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, [*schema.columns], restval="")
                writer.writeheader()
                writer.writerows(rows)


def _load_line_items(connection: duckdb.DuckDBPyConnection, worlds: Sequence[World]) -> None:
    types = dict(OWN_COLUMNS) | {column.name: column.kind.value for column in CANONICAL_COLUMNS}
    texts = {column.name for column in CANONICAL_COLUMNS if column.kind is Kind.TEXT}
    # The view gives missing text as ''.
    definitions = [f"{name} {kind}{' default ' + repr('') if name in texts else ''}" for name, kind in types.items()]
    connection.execute(f"create table raw__cur_line_items ({', '.join(definitions)})")
    rows = [row for world in worlds for row in world.line_items]
    used = sorted({name for row in rows for name in row})
    columns = {}
    for name in used:
        empty = "" if name in texts else None
        values = [row.get(name, empty) for row in rows]
        if types[name].startswith("MAP"):
            values = [None if value is None else [*value.items()] for value in values]
        columns[name] = pa.array(values, type=_ARROW_TYPES[types[name]])
    connection.register("drawn_line_items", pa.table(columns))
    connection.execute("insert into raw__cur_line_items by name select * from drawn_line_items")
    connection.unregister("drawn_line_items")
