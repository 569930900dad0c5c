"""The DuckDB warehouse of a workspace: opening it, its control tables, and the lock around it.

What is here: the connection with its limits, the tables in schema ``raw`` that say what to build and what was built,
and the lock that lets one process work on a workspace at a time.
When to add here: a new control table.
What does not belong here: what the tables mean for a run (``planning.py``) and the models (``dbt_project/``).
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from orchestration.errors import WorkspaceBusyError
from orchestration.expectations.control import prepare_check_tables
from orchestration.ingest.price_lists import prepare_price_list_tables
from orchestration.ledger.mirror import prepare_ledger_tables
from orchestration.settings import Workspace

__all__ = [
    "is_published",
    "loaded_configuration",
    "open_warehouse",
    "prepare_control_tables",
    "record_publication",
    "record_run",
    "save_configuration_files",
    "save_loaded_configuration",
    "workspace_lock",
]

_CONTROL_TABLES = """
create schema if not exists raw;
create table if not exists raw.build_periods (
    billing_period date primary key,
    reads_raw boolean not null,
    reason varchar not null,
    fingerprint varchar not null,
    grain_fingerprint varchar not null,
    price_list_digest varchar default '',
    document_digest varchar default '',
    drawn_before varchar default ''
);
create table if not exists raw.period_builds (
    billing_period date primary key,
    fingerprint varchar not null,
    grain_fingerprint varchar not null,
    run_id varchar not null,
    built_at timestamp not null,
    price_list_digest varchar default '',
    document_digest varchar default '',
    drawn_before varchar default ''
);
create table if not exists raw.runs (
    run_id varchar primary key,
    started_at timestamp not null,
    finished_at timestamp not null,
    membership_basis varchar not null,
    code_version varchar not null,
    billing_periods varchar not null,
    published_at timestamp
);
create table if not exists raw.loaded_configuration (
    digest varchar not null
);
create table if not exists raw.configuration_files (
    file varchar primary key,
    sha256 varchar not null,
    byte_count bigint not null
);
create table if not exists raw.period_inputs (
    billing_period date not null,
    kind varchar not null,
    name varchar not null,
    digest varchar not null
);
create table if not exists raw.approved_drafts (
    draft_hash varchar primary key,
    total_amount decimal(22, 4),
    origins varchar not null
);
create table if not exists raw.proposal_causes (
    billing_period date not null,
    billing_group_id varchar not null,
    compared_with varchar not null,
    cause varchar not null,
    total_amount decimal(22, 4)
);
create table if not exists raw.standing_models (
    digest varchar not null
);
create table if not exists raw.cost_anomalies (
    billing_period date not null,
    anomaly_number integer not null,
    billing_group_id varchar not null,
    service_code varchar not null,
    start_date date not null,
    end_date date not null,
    day_count integer not null,
    direction varchar not null,
    aws_cost decimal(38, 10) not null,
    usual_cost decimal(38, 10) not null,
    impact decimal(38, 10) not null,
    score decimal(18, 2) not null,
    primary key (billing_period, anomaly_number)
);
create table if not exists raw.cost_anomaly_causes (
    billing_period date not null,
    anomaly_number integer not null,
    cause_number integer not null,
    sub_account_id varchar not null,
    usage_type varchar not null,
    region_id varchar not null,
    aws_cost decimal(38, 10) not null,
    impact decimal(38, 10) not null,
    primary key (billing_period, anomaly_number, cause_number)
);
create table if not exists raw.cost_histories (
    billing_period date primary key,
    sensitivity varchar not null,
    history_days integer not null,
    inputs_digest varchar default ''
);
-- Warehouses made before price lists were read.
alter table raw.build_periods add column if not exists price_list_digest varchar default '';
alter table raw.period_builds add column if not exists price_list_digest varchar default '';
-- Warehouses made before it was known what anomalies were found in.
alter table raw.cost_histories add column if not exists inputs_digest varchar default '';
-- Warehouses made before documents were issued.
alter table raw.build_periods add column if not exists document_digest varchar default '';
alter table raw.period_builds add column if not exists document_digest varchar default '';
-- Warehouses made before customer credits were drawn.
alter table raw.build_periods add column if not exists drawn_before varchar default '';
alter table raw.period_builds add column if not exists drawn_before varchar default '';
"""


@contextmanager
def open_warehouse(workspace: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for writing, with its control tables, and close it again before anybody else needs it.

    DuckDB lets one process write: dbt runs as a child process, so nothing may stay open across its start.
    """
    workspace.warehouse.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(workspace.warehouse_file, config={"memory_limit": workspace.memory_limit})
    try:
        connection.execute("set TimeZone = 'UTC'")
        prepare_control_tables(connection)
        yield connection
    finally:
        connection.close()


def prepare_control_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create what dbt and the planner read, where it is not there yet."""
    connection.execute(_CONTROL_TABLES)
    prepare_price_list_tables(connection)
    prepare_ledger_tables(connection)
    prepare_check_tables(connection)


def save_loaded_configuration(connection: duckdb.DuckDBPyConnection, digest: str) -> None:
    """Remember the digest of the configuration files that schema ``billing`` was loaded from."""
    connection.execute("begin transaction")
    connection.execute("delete from raw.loaded_configuration")
    connection.execute("insert into raw.loaded_configuration values (?)", [digest])
    connection.execute("commit")


def save_configuration_files(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Remember which configuration files schema ``billing`` was loaded from, each with its sha256."""
    connection.execute("begin transaction")
    connection.execute("delete from raw.configuration_files")
    for file in sorted(folder.glob("*.csv")):
        content = file.read_bytes()
        connection.execute(
            "insert into raw.configuration_files values (?, ?, ?)",
            [file.name, hashlib.sha256(content).hexdigest(), len(content)],
        )
    connection.execute("commit")


def loaded_configuration(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the digest of the configuration files that schema ``billing`` was loaded from."""
    found = connection.execute("select digest from raw.loaded_configuration").fetchone()
    return None if found is None else str(found[0])


def record_run(connection: duckdb.DuckDBPyConnection, run_id: str, started_at: datetime, code_version: str) -> None:
    """Record a run that is about to publish: what it built, on which membership basis (P3), with which code."""
    connection.execute(
        "insert or replace into raw.runs "
        "select ?, ?, date_trunc('second', now()::timestamp), "
        "(select value from billing.settings where setting = 'membership_basis'), ?, "
        "coalesce((select string_agg(strftime(billing_period, '%Y-%m'), ', ' order by billing_period) "
        "from raw.build_periods), ''), null",
        [run_id, started_at, code_version],
    )


def record_publication(connection: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Record that the published copy holds the run."""
    connection.execute("update raw.runs set published_at = now()::timestamp where run_id = ?", [run_id])


def is_published(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the published copy was written after the last run that built something."""
    unpublished = connection.execute(
        "select 1 from raw.runs where published_at is null and started_at = (select max(started_at) from raw.runs)"
    ).fetchone()
    return unpublished is None


@contextmanager
def workspace_lock(workspace: Workspace, purpose: str, wait_seconds: float = 0) -> Iterator[None]:
    """Hold the workspace for writing; the operating system lets go of it if the process dies.

    Args:
        workspace: the workspace to hold.
        purpose: what for, in words for whoever finds it held.
        wait_seconds: how long to wait for another process.

    Raises:
        WorkspaceBusyError: another process holds the workspace and did not finish in time.
    """
    workspace.warehouse.mkdir(parents=True, exist_ok=True)
    note = workspace.lock_file.with_suffix(".json")
    lock = FileLock(workspace.lock_file)
    try:
        lock.acquire(timeout=wait_seconds, poll_interval=0.2)
    except Timeout:
        raise WorkspaceBusyError(_busy_message(workspace)) from None
    try:
        holder = {"pid": os.getpid(), "purpose": purpose, "since": datetime.now(UTC).isoformat(timespec="seconds")}
        note.write_text(json.dumps(holder), encoding="utf-8")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _busy_message(workspace: Workspace) -> str:
    note = workspace.lock_file.with_suffix(".json")
    try:
        holder = json.loads(note.read_text(encoding="utf-8"))
        who = f"process {holder['pid']} ({holder['purpose']}, since {holder['since']})"
    except (OSError, ValueError, KeyError):
        who = "another process"
    return f"The workspace {workspace.root} is in use by {who}. Nothing was changed; try again when it has finished."
