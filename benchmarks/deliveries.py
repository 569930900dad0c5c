"""Made-up deliveries of any size, as AWS lays them out, with the manifests that the ingest asks for.

What is here: writing the files and manifests of two payers and 24 billing periods.
When to add here: another layout.
What does not belong here: what stands in the rows (``sql/``), how columns are spelled (``columns``), and the billing
configuration (``billing``).

The same seed and number of rows make the same rows in the same files, whatever the number of threads and the version
of DuckDB: rows are drawn by integer arithmetic from their number.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from benchmarks.columns import Column, Form, columns_of
from orchestration.sample.month import next_month

__all__ = [
    "FIRST_PERIOD",
    "PERIOD_COUNT",
    "Delivery",
    "catalogue",
    "deliveries_of",
    "month_pattern",
    "periods",
    "write_deliveries",
    "write_delivery",
]

FIRST_PERIOD = datetime(2024, 11, 1)
PERIOD_COUNT = 24

_SQL = Path(__file__).parent / "sql"
# Keeps parts below 100 MB, as one file inflates in one thread: a row takes up to 200 bytes as csv.gz.
_ROWS_PER_PART = 400_000


@dataclass(frozen=True)
class Delivery:
    """One payer and billing period.

    Attributes:
        payer_number: 0 or 1.
        payer_account_id: its account.
        export_name: name of its report.
        period: first of the month.
        first_row: number of its first row among all deliveries' rows.
        row_count: rows.
    """

    payer_number: int
    payer_account_id: str
    export_name: str
    period: datetime
    first_row: int
    row_count: int


def periods() -> list[date]:
    """Return the billing periods, oldest first."""
    found = [FIRST_PERIOD]
    while len(found) < PERIOD_COUNT:
        found.append(next_month(found[-1]))
    return [period.date() for period in found]


@contextmanager
def catalogue(seed: int, threads: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory with the accounts, services and usage types of a seed."""
    with duckdb.connect(":memory:", config={"preserve_insertion_order": True}) as connection:
        if threads is not None:
            connection.execute("set threads = ?", [threads])
        connection.execute("set variable seed = ?::bigint", [seed])
        connection.execute((_SQL / "catalogue.sql").read_text(encoding="utf-8"))
        yield connection


def deliveries_of(
    connection: duckdb.DuckDBPyConnection, row_count: int, months: Sequence[date] | None = None
) -> list[Delivery]:
    """Return the deliveries that ``row_count`` rows are spread over evenly, by period and payer.

    Args:
        connection: from :func:`catalogue`.
        row_count: rows in all.
        months: billing periods; None for all 24.
    """
    payers = connection.execute("select * from payers order by payer_number").fetchall()
    months = months or periods()
    count = len(months) * len(payers)
    found: list[Delivery] = []
    for period in months:
        for number, account_id, export_name in payers:
            place = len(found)
            first = row_count * place // count
            # Even, so that covered usage and its negation, an even row and the one after it, stay in one delivery.
            first -= first % 2
            last = row_count * (place + 1) // count
            last -= last % 2 if place + 1 < count else 0
            start = datetime.combine(period, datetime.min.time())
            found.append(Delivery(number, account_id, export_name, start, first, last - first))
    return found


def write_deliveries(
    landing: Path,
    form: Form,
    row_count: int,
    seed: int,
    threads: int | None = None,
    months: Sequence[date] | None = None,
    progress: Callable[[Delivery], None] = lambda _delivery: None,
) -> None:
    """Write every delivery of a benchmark below ``landing``.

    Args:
        landing: the landing folder of a workspace.
        form: form of all deliveries.
        row_count: rows in all; at least a few dozen for each month and payer.
        seed: makes other rows.
        threads: DuckDB's; changes nothing in what is written.
        months: billing periods; None for all 24.
        progress: told which delivery is begun.
    """
    with catalogue(seed, threads) as connection:
        for delivery in deliveries_of(connection, row_count, months):
            progress(delivery)
            write_delivery(connection, landing, form, delivery, seed)


def write_delivery(
    connection: duckdb.DuckDBPyConnection, landing: Path, form: Form, delivery: Delivery, seed: int, version: str = ""
) -> None:
    """Write the files and the manifest of one delivery.

    Args:
        connection: from :func:`catalogue`.
        landing: the landing folder.
        form: form of the delivery.
        delivery: what to write; the seed is the connection's.
        seed: part of the delivery's id.
        version: part of the delivery's id, for a month that is delivered again.
    """
    for name, value in (
        ("payer_number", delivery.payer_number),
        ("period", delivery.period),
        ("first_row", delivery.first_row),
        ("row_count", delivery.row_count),
    ):
        kind = "date" if name == "period" else "bigint"
        connection.execute(f"set variable {name} = cast(? as {kind})", [value])
    connection.execute((_SQL / "line_items.sql").read_text(encoding="utf-8"))
    filled = frozenset(row[0] for row in connection.execute("describe line_items").fetchall())
    columns = columns_of(form, filled)
    identity = f"{seed}/{delivery}/{form}/{version}"
    delivery_id = str(uuid.UUID(hashlib.sha256(identity.encode()).hexdigest()[:32], version=4))
    layout = _LAYOUTS[form](delivery, delivery_id)
    (landing / layout.folder).mkdir(parents=True, exist_ok=True)
    selected = ", ".join(f'{column.sql} as "{column.header}"' for column in columns)
    keys = []
    for part, start in enumerate(range(0, delivery.row_count, _ROWS_PER_PART), start=1):
        key = f"{layout.folder}/{delivery.export_name}-{part:05d}.{layout.suffix}"
        rows = f"select {selected} from line_items where position between {start} and {start + _ROWS_PER_PART - 1}"
        connection.execute(f"copy ({rows}) to '{landing / key}' ({layout.options})")
        keys.append(key)
    manifest = _manifest(form, delivery, delivery_id, columns, keys)
    for key in layout.manifests:
        (landing / key).parent.mkdir(parents=True, exist_ok=True)
        (landing / key).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class _Layout:
    """Where a form's files go, and how DuckDB writes them."""

    folder: str
    suffix: str
    manifests: tuple[str, ...]
    options: str


def _csv_layout(delivery: Delivery, delivery_id: str) -> _Layout:
    months = f"{delivery.period:%Y%m%d}-{next_month(delivery.period):%Y%m%d}"
    root = f"cur/{delivery.export_name}/{months}"
    name = f"{delivery.export_name}-Manifest.json"
    return _Layout(
        folder=f"{root}/{delivery_id}",
        suffix="csv.gz",
        manifests=(f"{root}/{delivery_id}/{name}", f"{root}/{name}"),
        options="format csv, header true, compression gzip",
    )


def _legacy_parquet_layout(delivery: Delivery, _delivery_id: str) -> _Layout:
    export = delivery.export_name
    folder = f"cur/{export}/{export}/year={delivery.period.year}/month={delivery.period.month}"
    return _Layout(folder, "snappy.parquet", (f"{folder}/{export}-Manifest.json",), _PARQUET)


def _cur2_layout(delivery: Delivery, _delivery_id: str) -> _Layout:
    root, month = f"cur/{delivery.export_name}", f"BILLING_PERIOD={delivery.period:%Y-%m}"
    manifest = f"{root}/metadata/{month}/{delivery.export_name}-Manifest.json"
    return _Layout(f"{root}/data/{month}", "snappy.parquet", (manifest,), _PARQUET)


def month_pattern(form: Form, month: date) -> str:
    """Return the glob pattern, below the landing folder, of the folders that hold a month's files."""
    if form is Form.LEGACY_CSV:
        return f"cur/*/{month:%Y%m%d}-*/*"
    if form is Form.LEGACY_PARQUET:
        return f"cur/*/*/year={month.year}/month={month.month}"
    return f"cur/*/data/BILLING_PERIOD={month:%Y-%m}"


_PARQUET = "format parquet, compression snappy"
_LAYOUTS = {
    Form.LEGACY_CSV: _csv_layout,
    Form.LEGACY_PARQUET: _legacy_parquet_layout,
    Form.CUR2_PARQUET: _cur2_layout,
}


def _manifest(
    form: Form, delivery: Delivery, delivery_id: str, columns: list[Column], keys: list[str]
) -> dict[str, object]:
    moment = "%Y%m%dT%H%M%S.000Z"
    shared: dict[str, object] = {
        "account": delivery.payer_account_id,
        "charset": "UTF-8",
        "billingPeriod": {"start": f"{delivery.period:{moment}}", "end": f"{next_month(delivery.period):{moment}}"},
    }
    if form is Form.CUR2_PARQUET:
        arn = f"arn:aws:bcm-data-exports:us-east-1:{delivery.payer_account_id}:export/{delivery.export_name}-0badcafe"
        return {
            **shared,
            "executionId": delivery_id,
            "exportArn": arn,
            "exportName": delivery.export_name,
            "columns": [{"name": column.header, "type": column.type} for column in columns],
            "compression": "PARQUET",
            "contentType": "Parquet",
            "dataFiles": [f"s3://benchmark/{key}" for key in keys],
        }
    is_csv = form is Form.LEGACY_CSV
    return {
        **shared,
        "assemblyId": delivery_id,
        "reportId": hashlib.sha256(delivery.export_name.encode()).hexdigest(),
        "reportName": delivery.export_name,
        "columns": [{"name": column.header, "type": column.type} for column in columns],
        "compression": "GZIP" if is_csv else "Parquet",
        "contentType": "text/csv" if is_csv else "Parquet",
        "bucket": "benchmark",
        "reportKeys": keys,
    }
