"""Writing a configuration into schema ``billing`` of the warehouse.

What is here: ``load_configuration`` and the exact types of its tables.
When to add here: a new kind of column, if Arrow needs to be told its type.
What does not belong here: anything that judges or changes a configuration; it is valid when it arrives here.
"""

from typing import Any

import duckdb
import pyarrow as pa

from orchestration.configuration.columns import Boolean, Column, Day, Number, Period, TextList, WholeNumber
from orchestration.configuration.schema import FILE_BY_NAME, FILES, Configuration, FileSchema, Row

__all__ = ["SCHEMA", "is_file_loaded", "load_configuration"]

SCHEMA = "billing"
"""The warehouse schema that holds one table per configuration file, and nothing else."""

_SOURCE_LINE = "source_line"
_SOURCE_LINE_MEANING = "Line of the configuration file, the header being 1; NULL for a setting that was left out."

_INCOMING = "incoming_configuration_rows"


def load_configuration(connection: duckdb.DuckDBPyConnection, configuration: Configuration) -> None:
    """Replace every table of schema ``billing`` in one transaction.

    Each file of ``schema.FILES`` becomes a table of the same name with the columns of the contract and
    ``source_line``; a file that is absent becomes an empty table. Ids and text are VARCHAR, periods and dates
    DATE, numbers DECIMAL; nothing passes through a float. Empty text is '', every other empty cell NULL.
    Lists are text, joined by ``|``. Tables that no file stands for any more are dropped.

    Args:
        connection: open for writing, outside a transaction.
        configuration: what ``validate.read_configuration`` returned.

    Raises:
        duckdb.Error: the database refused; nothing was changed.
    """
    connection.execute("begin transaction")
    try:
        connection.execute(f"create schema if not exists {SCHEMA}")
        _drop_other_tables(connection)
        for schema in FILES:
            _replace_table(connection, schema, configuration.rows(schema.name))
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise


def is_file_loaded(connection: duckdb.DuckDBPyConnection, configuration: Configuration, name: str) -> bool:
    """Return whether the warehouse has the rows of a configuration file; for files that decide no bill, but are shown.

    Args:
        connection: the warehouse, whose schema ``billing`` may not have been loaded yet.
        configuration: a valid configuration.
        name: of the file, without ``.csv``.
    """
    columns = FILE_BY_NAME[name].columns
    try:
        loaded = connection.execute(f"select {', '.join(columns)} from {SCHEMA}.{name}").fetchall()
    except duckdb.CatalogException:
        loaded = []
    given = (
        tuple(
            column.show(getattr(row, cell)) if isinstance(column, TextList) else getattr(row, cell)
            for cell, column in columns.items()
        )
        for row in configuration.rows(name)
    )
    return sorted(map(repr, loaded)) == sorted(map(repr, given))


def _drop_other_tables(connection: duckdb.DuckDBPyConnection) -> None:
    # A table of an older version, never refreshed again, would look like configuration in force.
    known = {schema.name for schema in FILES}
    tables = connection.execute(
        "select table_name from duckdb_tables() where schema_name = $1 and database_name = current_catalog()",
        [SCHEMA],
    ).fetchall()
    for (name,) in tables:
        if name not in known:
            connection.execute(f"drop table {SCHEMA}.{_quoted_name(name)}")


def _replace_table(connection: duckdb.DuckDBPyConnection, schema: FileSchema, rows: tuple[Row, ...]) -> None:
    table = f"{SCHEMA}.{schema.name}"
    definitions = [
        f"{name} {column.storage_type}{' not null' if column.is_always_filled else ''}"
        for name, column in schema.columns.items()
    ]
    connection.execute(f"create or replace table {table} ({', '.join(definitions)}, {_SOURCE_LINE} integer)")
    if rows:
        # Arrow carries 50,000 rows in one step, with decimals as they are.
        connection.register(_INCOMING, _arrow_table(schema, rows))
        try:
            connection.execute(f"insert into {table} by name select * from {_INCOMING}")
        finally:
            connection.unregister(_INCOMING)
    connection.execute(f"comment on table {table} is {_quoted_text(schema.meaning)}")
    for name, column in schema.columns.items():
        connection.execute(f"comment on column {table}.{name} is {_quoted_text(column.meaning)}")
    connection.execute(f"comment on column {table}.{_SOURCE_LINE} is {_quoted_text(_SOURCE_LINE_MEANING)}")


def _arrow_table(schema: FileSchema, rows: tuple[Row, ...]) -> pa.Table:
    arrays: dict[str, Any] = {}
    for name, column in schema.columns.items():
        values = [getattr(row, name) for row in rows]
        if isinstance(column, TextList):
            values = [column.show(value) for value in values]
        arrays[name] = pa.array(values, type=_arrow_type(column))
    arrays[_SOURCE_LINE] = pa.array([row.source_line for row in rows], type=pa.int32())
    return pa.table(arrays)


def _arrow_type(column: Column) -> pa.DataType:
    match column:
        case Number():
            return pa.decimal128(column.precision, column.scale)
        case Day() | Period():
            return pa.date32()
        case Boolean():
            return pa.bool_()
        case WholeNumber():
            return pa.int32()
        case _:
            return pa.string()


def _quoted_text(text: str) -> str:
    # DuckDB binds no parameters in DDL.
    return "'" + text.replace("'", "''") + "'"


def _quoted_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
