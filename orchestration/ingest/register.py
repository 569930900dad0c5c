"""The register of deliveries: ``raw.deliveries``, ``raw.delivery_files``, and what the view needs besides.

What is here: the tables, reading and writing them, and the one transaction that switches register and view
together.
When to add here: another registered fact.
What does not belong here: deciding what is current (``deliveries``).
"""

import hashlib
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import duckdb

from orchestration.ingest.contents import Contents, DiscountMode, Form, Layout, StoredFile, Totals
from orchestration.ingest.parquet_files import ParquetColumn
from orchestration.ingest.view import ViewedDelivery, view_sql

__all__ = ["Register", "RegisteredDelivery", "Status", "delivery_key"]

_TABLES = """
create schema if not exists raw;
create table if not exists raw.deliveries (
    delivery_key varchar not null,
    payer_account_id varchar,
    export_name varchar not null,
    billing_period date,
    delivery_id varchar not null,
    form varchar,
    manifest_key varchar not null,
    manifest_modified_at timestamp not null,
    status varchar not null,
    reason varchar not null,
    is_billed boolean not null,
    landed_at timestamp not null,
    fingerprint varchar,
    row_count bigint,
    file_count integer,
    byte_count bigint,
    unblended_cost decimal(38, 10),
    net_unblended_cost decimal(38, 10),
    split_cost_row_count bigint,
    excess_decimal_row_count bigint,
    excess_decimal_sum decimal(38, 20),
    bad_value_row_count bigint,
    discount_mode varchar,
    open_row_count bigint,
    open_cost decimal(38, 10),
    first_usage_at timestamp,
    last_usage_at timestamp,
    column_count integer,
    columns varchar[]
);
create table if not exists raw.delivery_files (
    delivery_key varchar not null,
    file_number integer not null,
    source_key varchar not null,
    stored_path varchar,
    row_count bigint not null,
    byte_count bigint not null,
    checksum varchar not null,
    stored_byte_count bigint not null,
    layout_number integer
);
-- Columns of the stored files as the view reads them, so that making the view opens no file.
create table if not exists raw.delivery_layouts (
    delivery_key varchar not null,
    layout_number integer not null,
    columns struct(header varchar, sql_type varchar, may_be_null boolean, may_be_odd boolean)[] not null,
    bad_columns varchar[] not null
);
-- What the landing looked like when each period was last settled.
create table if not exists raw.landing_states (
    billing_period date not null,
    digest varchar not null
);
"""

_DELIVERY_COLUMNS = (
    "delivery_key",
    "payer_account_id",
    "export_name",
    "billing_period",
    "delivery_id",
    "form",
    "manifest_key",
    "manifest_modified_at",
    "status",
    "reason",
    "is_billed",
    "landed_at",
    "fingerprint",
    "row_count",
    "file_count",
    "byte_count",
    "unblended_cost",
    "net_unblended_cost",
    "split_cost_row_count",
    "excess_decimal_row_count",
    "excess_decimal_sum",
    "bad_value_row_count",
    "discount_mode",
    "open_row_count",
    "open_cost",
    "first_usage_at",
    "last_usage_at",
    "column_count",
    "columns",
)
_LONGEST_KEY = 160
_KEY_DIGEST = 8


class Status(StrEnum):
    """What became of a delivery."""

    CURRENT = "current"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"


@dataclass(frozen=True)
class RegisteredDelivery:
    """One row of ``raw.deliveries`` with what belongs to it.

    Attributes:
        delivery_key: unique, usable as a folder name.
        payer_account_id: None while it is unknown.
        export_name: name of the report or export.
        billing_period: None for a manifest that cannot be read.
        delivery_id: assembly or execution id.
        manifest_key: where its manifest was landed.
        manifest_modified_at: UTC.
        status: current, superseded or rejected.
        reason: why it is rejected or not billed, and what to do; empty where nothing is wrong.
        is_billed: its export is the one that the payer is billed from.
        landed_at: when we first read or listed it, UTC.
        fingerprint: of what was read or rejected; None where it must be looked at again next time.
        form: what AWS wrote; None before it was read.
        columns: names of its columns.
        totals: control totals; None before it was read.
        files: its files; without stored copies where it is superseded.
        layouts: layouts of the stored files.
    """

    delivery_key: str
    payer_account_id: str | None
    export_name: str
    billing_period: date | None
    delivery_id: str
    manifest_key: str
    manifest_modified_at: datetime
    status: Status
    reason: str
    is_billed: bool
    landed_at: datetime
    fingerprint: str | None
    form: Form | None = None
    columns: tuple[str, ...] = ()
    totals: Totals | None = None
    file_count: int | None = None
    byte_count: int | None = None
    files: tuple[StoredFile, ...] = ()
    layouts: tuple[Layout, ...] = ()

    @property
    def contents(self) -> Contents | None:
        """What is stored of it; None where its stored files were given up, or it was never read."""
        is_stored = all(file.stored_path is not None for file in self.files if file.layout is not None)
        if self.form is None or self.totals is None or not is_stored:
            return None
        return Contents(self.form, self.columns, self.files, self.layouts, self.totals)

    def without_store(self) -> "RegisteredDelivery":
        """Return the row without its stored files; what they were stays on record."""
        return replace(self, files=tuple(replace(file, stored_path=None) for file in self.files), layouts=())


def delivery_key(payer: str | None, export_name: str, period: date, delivery_id: str, landed_version: str = "") -> str:
    """Return the key of a delivery: readable, unique, and usable as a folder name.

    Args:
        payer: payer account id.
        export_name: name of the report or export.
        period: first of the month.
        delivery_id: assembly or execution id.
        landed_version: tells apart a changed landing of the same delivery that was rejected; normally empty.
    """
    exact = f"{payer or 'unknown'}_{export_name}_{period:%Y-%m}_{delivery_id}"
    # No `=`, because the store's folders are `name=value`.
    key = re.sub(r"[^A-Za-z0-9._-]+", "-", exact)[:_LONGEST_KEY]
    if key != exact:
        key = f"{key}-{hashlib.sha256(exact.encode()).hexdigest()[:_KEY_DIGEST]}"
    return f"{key}.{landed_version[:_KEY_DIGEST]}" if landed_version else key


class Register:
    """The register as it stands, kept in step with the database.

    Args:
        connection: the warehouse.
        raw_store: folder of the stored files.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, raw_store: Path) -> None:
        self._connection = connection
        self._raw_store = raw_store
        connection.execute(_TABLES)
        self.deliveries = _load(connection)

    def missing_store_files(self, delivery: RegisteredDelivery) -> list[str]:
        """Return stored files of ``delivery`` that are gone or of another size."""
        missing = []
        for file in delivery.files:
            if file.stored_path is not None:
                path = self._raw_store / file.stored_path
                if not path.is_file() or path.stat().st_size != file.stored_byte_count:
                    missing.append(file.stored_path)
        return missing

    def save(
        self,
        changed: Iterable[RegisteredDelivery],
        removed: Iterable[str] = (),
        states: Mapping[date, str] | None = None,
    ) -> None:
        """Write rows, remove rows and make the view anew, in one transaction.

        Args:
            changed: rows to insert or replace.
            removed: keys of rows to remove.
            states: landing states of all periods, where all are settled now.
        """
        changed, removed = list(changed), list(removed)
        after = {key: row for key, row in self.deliveries.items() if key not in removed}
        after |= {row.delivery_key: row for row in changed}
        connection = self._connection
        connection.execute("begin transaction")
        try:
            gone = [*removed, *(row.delivery_key for row in changed)]
            for table in ("deliveries", "delivery_files", "delivery_layouts"):
                connection.execute(
                    f"delete from raw.{table} where delivery_key in (select unnest(cast(? as varchar[])))",
                    [gone],
                )
            for row in changed:
                _insert(connection, row)
            if states is not None:
                connection.execute("delete from raw.landing_states")
                for period, digest in states.items():
                    connection.execute("insert into raw.landing_states values (?, ?)", [period, digest])
            connection.execute(view_sql(_viewed(after.values()), self._raw_store))
            connection.execute("commit")
        except BaseException:
            connection.execute("rollback")
            raise
        self.deliveries = after

    def landing_states(self) -> dict[date, str]:
        """Return what the landing looked like when each period was last settled."""
        return dict(self._connection.execute("select billing_period, digest from raw.landing_states").fetchall())

    def clean_store(self) -> None:
        """Remove stored files that no row refers to: superseded ones, and what a killed run left behind."""
        used = {
            self._raw_store / parent
            for row in self.deliveries.values()
            for file in row.files
            if file.stored_path is not None
            for parent in Path(file.stored_path).parents
        }
        folders = [self._raw_store]
        while folders:
            for entry in folders.pop().iterdir():
                if entry in used:
                    folders.append(entry)
                elif entry.is_dir():
                    shutil.rmtree(entry)


def _viewed(rows: Iterable[RegisteredDelivery]) -> list[ViewedDelivery]:
    return [
        ViewedDelivery(row.billing_period, row.contents)
        for row in rows
        if row.status is Status.CURRENT
        and row.is_billed
        and row.contents is not None
        and row.billing_period is not None
    ]


def _insert(connection: duckdb.DuckDBPyConnection, row: RegisteredDelivery) -> None:
    totals = row.totals
    values: dict[str, Any] = {name: getattr(row, name, None) for name in _DELIVERY_COLUMNS}
    values |= {
        "form": None if row.form is None else row.form.value,
        "status": row.status.value,
        "column_count": len(row.columns) if totals is not None else None,
        "columns": list(row.columns) if totals is not None else None,
    }
    if totals is not None:
        values |= {name: getattr(totals, name) for name in _DELIVERY_COLUMNS if hasattr(totals, name)}
        # A delivery without rows names no payer; the row's own comes from the manifest.
        values |= {"payer_account_id": row.payer_account_id, "discount_mode": totals.discount_mode.value}
    marks = ", ".join("?" for _ in _DELIVERY_COLUMNS)
    connection.execute(f"insert into raw.deliveries values ({marks})", [values[name] for name in _DELIVERY_COLUMNS])
    for file in row.files:
        connection.execute(
            "insert into raw.delivery_files values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                row.delivery_key,
                file.number,
                file.source_key,
                file.stored_path,
                file.row_count,
                file.byte_count,
                file.checksum,
                file.stored_byte_count,
                file.layout,
            ],
        )
    for layout in row.layouts:
        columns = [
            {
                "header": column.header,
                "sql_type": column.sql_type,
                "may_be_null": column.may_be_null,
                "may_be_odd": column.may_be_odd,
            }
            for column in layout.columns
        ]
        connection.execute(
            "insert into raw.delivery_layouts values (?, ?, ?, ?)",
            [row.delivery_key, layout.number, columns, list(layout.bad_columns)],
        )


def _load(connection: duckdb.DuckDBPyConnection) -> dict[str, RegisteredDelivery]:
    files: dict[str, list[StoredFile]] = {}
    for key, *values in connection.execute(
        "select * from raw.delivery_files order by delivery_key, file_number"
    ).fetchall():
        number, source_key, stored_path, row_count, byte_count, checksum, stored_byte_count, layout = values
        files.setdefault(key, []).append(
            StoredFile(number, source_key, stored_path, row_count, byte_count, checksum, stored_byte_count, layout)
        )
    layouts: dict[str, list[Layout]] = {}
    for key, number, columns, bad_columns in connection.execute(
        "select * from raw.delivery_layouts order by delivery_key, layout_number"
    ).fetchall():
        layouts.setdefault(key, []).append(
            Layout(number, tuple(ParquetColumn(**column) for column in columns), tuple(bad_columns))
        )
    rows = {}
    found = connection.execute(f"select {', '.join(_DELIVERY_COLUMNS)} from raw.deliveries").fetchall()
    for found_row in found:
        row = _row(dict(zip(_DELIVERY_COLUMNS, found_row, strict=True)), files, layouts)
        rows[row.delivery_key] = row
    return rows


def _row(
    values: dict[str, Any], files: Mapping[str, Sequence[StoredFile]], layouts: Mapping[str, Sequence[Layout]]
) -> RegisteredDelivery:
    key = values["delivery_key"]
    totals = None
    if values["row_count"] is not None:
        names = (name for name in Totals.__dataclass_fields__ if name != "discount_mode")
        totals = Totals(**{name: values[name] for name in names}, discount_mode=DiscountMode(values["discount_mode"]))
    return RegisteredDelivery(
        delivery_key=key,
        payer_account_id=values["payer_account_id"],
        export_name=values["export_name"],
        billing_period=values["billing_period"],
        delivery_id=values["delivery_id"],
        manifest_key=values["manifest_key"],
        manifest_modified_at=values["manifest_modified_at"],
        status=Status(values["status"]),
        reason=values["reason"],
        is_billed=values["is_billed"],
        landed_at=values["landed_at"],
        fingerprint=values["fingerprint"],
        form=None if values["form"] is None else Form(values["form"]),
        columns=tuple(values["columns"] or ()),
        totals=totals,
        file_count=values["file_count"],
        byte_count=values["byte_count"],
        files=tuple(files.get(key, ())),
        layouts=tuple(layouts.get(key, ())),
    )
