"""The published copy: the marts, written beside the old copy and put in its place in one step.

What is here: copying schema ``marts`` of the warehouse, with its comments, into ``published/chargehouse.duckdb``, and
the tables that only a run knows (runs, check results, price lists).
When to add here: a table for readers that no model can build.
What does not belong here: any change of the data on its way out.
"""

import os
from pathlib import Path

import duckdb

from orchestration.settings import Workspace

__all__ = ["publish"]

_RUN_TABLES = {
    "fct_runs": "select * exclude (published_at) from {}.raw.runs",
    "fct_check_results": "select * from {}.raw.check_results",
    "dim_price_lists": "select * exclude (fingerprint) from {}.raw.price_list_files",
}

_RUN_COMMENTS = {
    "fct_runs": "One row per run that was published.",
    "fct_check_results": "One row per check of the latest run.",
    "dim_price_lists": "One row per AWS price list seen, with what it holds, or why it is rejected (R8).",
}


def publish(workspace: Workspace) -> int:
    """Replace the published copy by the warehouse's marts; return its size in bytes.

    Readers of the old copy keep it until they close it: DuckDB refuses readers while a writer has a file open, so pages
    never open the warehouse, and the copy is replaced by a rename, never written in place.
    """
    target = workspace.published_file
    target.parent.mkdir(parents=True, exist_ok=True)
    for stale in target.parent.glob(f"{target.name}.*.new*"):
        stale.unlink()
    new_file = target.with_name(f"{target.name}.{os.getpid()}.new")
    connection = duckdb.connect(new_file, config={"memory_limit": workspace.memory_limit})
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{_quoted(workspace.warehouse_file)}' as warehouse (read_only)")
        connection.execute("create schema marts")
        relations = connection.execute(
            "select table_name from information_schema.tables "
            "where table_catalog = 'warehouse' and table_schema = 'marts' order by table_name"
        ).fetchall()
        for (name,) in relations:
            connection.execute(f'create table marts."{name}" as select * from warehouse.marts."{name}"')
        for name, query in _RUN_TABLES.items():
            connection.execute(f"create table marts.{name} as {query.format('warehouse')}")
            connection.execute(f"comment on table marts.{name} is '{_RUN_COMMENTS[name]}'")
        _copy_comments(connection)
        connection.execute("detach warehouse")
        connection.execute("checkpoint")
    finally:
        connection.close()
    with new_file.open("rb") as handle:
        os.fsync(handle.fileno())
    size = new_file.stat().st_size
    new_file.replace(target)
    return size


def _copy_comments(connection: duckdb.DuckDBPyConnection) -> None:
    """Carry the descriptions over: `create table as` loses them, and the pages show them as tooltips."""
    tables = connection.execute(
        "select table_name, comment from duckdb_tables() where database_name = 'warehouse' and schema_name = 'marts' "
        "and comment is not null union all "
        "select view_name, comment from duckdb_views() where database_name = 'warehouse' and schema_name = 'marts' "
        "and comment is not null"
    ).fetchall()
    for name, comment in tables:
        connection.execute(f"comment on table marts.\"{name}\" is '{_quoted(comment)}'")
    columns = connection.execute(
        "select table_name, column_name, comment from duckdb_columns() "
        "where database_name = 'warehouse' and schema_name = 'marts' and comment is not null"
    ).fetchall()
    for name, column, comment in columns:
        connection.execute(f'comment on column marts."{name}"."{column}" is \'{_quoted(comment)}\'')


def _quoted(text: str | Path) -> str:
    return str(text).replace("'", "''")
