"""Brings one landed delivery into a staging folder and finds out whether it can be billed from.

What is here: copying or converting its files, recognising what AWS wrote, validating the whole.
When to add here: another kind of file that deliveries consist of.
What does not belong here: which delivery is current and where it is kept (``deliveries``, ``register``).
"""

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.errors import DeliveryError
from orchestration.ingest.columns import MANDATORY_COLUMNS, canonical_name, snake_name
from orchestration.ingest.contents import Contents, Form, Layout, StoredFile
from orchestration.ingest.csv_files import convert_csv, csv_text, is_csv, read_header
from orchestration.ingest.discovery import LandedDelivery
from orchestration.ingest.focus import FOCUS_MANDATORY_COLUMNS, is_focus
from orchestration.ingest.landing import LandedObject, Landing, ObjectVanishedError
from orchestration.ingest.manifests import Family
from orchestration.ingest.parquet_files import ParquetColumn, read_facts
from orchestration.ingest.totals import measure

__all__ = ["form_of", "missing_columns", "open_scratch_database", "peek_payer", "stage"]

# Two files at a time, which a small machine has the memory for.
_WORKERS = 2
_PEEK_BYTES = 8 << 20
# A ceiling, not a need: two files of 126 columns at a time take 0.6 GB, however long they are.
_MEMORY_LIMIT = "1GB"


@dataclass(frozen=True)
class _StagedFile:
    """One file in the staging folder.

    Attributes:
        landed: as it was landed.
        path: below the staging folder; None for a file without any content.
        headers: column names as in the file.
        checksum: sha256 as landed.
        columns: columns as stored.
        row_count: rows.
        stored_byte_count: bytes as stored.
    """

    landed: LandedObject
    path: str | None
    headers: tuple[str, ...]
    checksum: str
    columns: tuple[ParquetColumn, ...]
    row_count: int
    stored_byte_count: int


@contextmanager
def open_scratch_database(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory for converting and measuring; what it spills goes to ``folder``.

    It is not the warehouse, so that no setting of the caller's connection changes what is written, and a long
    conversion holds no transaction.
    """
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": _MEMORY_LIMIT,
            "temp_directory": str(folder),
            "preserve_insertion_order": True,
        },
    )
    try:
        yield connection
    finally:
        connection.close()


def stage(
    connection: duckdb.DuckDBPyConnection,
    landing: Landing,
    delivery: LandedDelivery,
    folder: Path,
    progress: Callable[[str], None],
) -> Contents:
    """Copy or convert the files of ``delivery`` into ``folder``, validate the whole, return what it holds.

    Args:
        connection: from :func:`open_scratch_database`.
        landing: where the delivery lies.
        delivery: the delivery; all its files are there.
        folder: an empty folder for this delivery.
        progress: told about each file.

    Raises:
        DeliveryError: the delivery is damaged or cannot be billed from.
        ObjectVanishedError: a file disappeared or was replaced while it was read.
        LandingError: the landing cannot be read.
    """
    kinds = {"csv" if is_csv(file.key) else _parquet_or_refuse(file.key) for file in delivery.files}
    if len(kinds) > 1:
        raise DeliveryError("The delivery mixes CSV and Parquet files; AWS writes one of them.")
    bring = _convert if kinds == {"csv"} else _copy
    count = len(delivery.files)

    def bring_one(number: int, landed: LandedObject) -> _StagedFile:
        progress(f"Reading {landed.key} ({number} of {count}, {landed.size / 1e6:,.1f} MB)")
        target = folder / f"{number:05d}"
        target.mkdir()
        with connection.cursor() as cursor:
            return bring(cursor, landing, landed, target)

    # A pipe has one reader: a second thread per file takes 8 % more processor and 140 MB, and gains nothing.
    connection.execute("set threads = 1")
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="cur-file") as pool:
        futures = [pool.submit(bring_one, number, landed) for number, landed in enumerate(delivery.files, start=1)]
        try:
            staged = [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    connection.execute(f"set threads = {_WORKERS}")
    form = form_of([file.headers for file in staged], delivery.manifest.family, kinds == {"csv"})
    files, layouts = _laid_out(staged)
    totals, layouts = measure(connection, folder, form, files, layouts, delivery.manifest.billing_period)
    names = dict.fromkeys(snake_name(header) for file in staged for header in file.headers)
    return Contents(form, tuple(names), files, layouts, totals)


def form_of(headers: Sequence[Sequence[str]], family: Family, is_csv_delivery: bool) -> Form:
    """Return what AWS wrote, by the column names of its files.

    A CUR 2.0 query may give its columns any legacy name, so what the manifest says counts too.

    Raises:
        DeliveryError: some files are FOCUS and some are not.
    """
    filled = [names for names in headers if names]
    focus = {is_focus(names) for names in filled}
    if len(focus) > 1:
        raise DeliveryError("The delivery mixes FOCUS and CUR files; AWS writes one of them.")
    if True in focus:
        return Form.FOCUS_CSV if is_csv_delivery else Form.FOCUS_PARQUET
    names = {name.lower() for file in filled for name in file}
    if "bill_payer_account_name" in names or (family is Family.DATA_EXPORTS and not any("/" in name for name in names)):
        return Form.CUR2_CSV if is_csv_delivery else Form.CUR2_PARQUET
    return Form.LEGACY_CUR_CSV if is_csv_delivery else Form.LEGACY_CUR_PARQUET


def missing_columns(headers: Sequence[str]) -> list[str]:
    """Return the columns, by the file's own names, that it lacks to be billed from."""
    if is_focus(headers):
        present = {header.lower() for header in headers}
        return [name for name in FOCUS_MANDATORY_COLUMNS if name.lower() not in present]
    present = {canonical_name(snake_name(header)) for header in headers}
    return [name for name in MANDATORY_COLUMNS if name not in present]


def peek_payer(landing: Landing, landed: LandedObject, folder: Path) -> str | None:
    """Return the payer account id on the first row of a file; None where there is no row or no reading it.

    Args:
        landing: where the file lies.
        landed: the file.
        folder: a folder for a temporary copy.
    """
    if is_csv(landed.key):
        try:
            return _peek_csv(landing, landed, folder)
        except (DeliveryError, csv.Error):
            # What is wrong with the file is said when it is read as a whole.
            return None
    return _peek_parquet(landing, landed)


def _peek_csv(landing: Landing, landed: LandedObject, folder: Path) -> str | None:
    scratch = folder / f"{os.getpid()}.peek"
    try:
        text = csv_text(landing, landed, scratch)
        headers, start = read_header(text, landed.key)
        while start.count(b"\n") < 2 and len(start) < _PEEK_BYTES and (block := next(text, b"")):
            start += block
    finally:
        scratch.unlink(missing_ok=True)
    rows = csv.reader(start.decode("utf-8", errors="replace").splitlines()[1:3])
    position = _payer_position(headers)
    first = next(rows, [])
    return first[position] or None if position is not None and len(first) > position else None


def _peek_parquet(landing: Landing, landed: LandedObject) -> str | None:
    # Imported here: pyarrow takes 0.3 s, and a sync without news opens no file.
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with landing.open(landed) as source, pq.ParquetFile(source) as parquet:
            headers = parquet.schema_arrow.names
            position = _payer_position(headers)
            if position is None or parquet.metadata.num_rows == 0:
                return None
            batch = next(parquet.iter_batches(batch_size=1, columns=[headers[position]]))
            value = batch.column(0)[0].as_py()
    except (pa.ArrowException, OSError, DeliveryError):
        # What is wrong with the file is said when it is read as a whole.
        return None
    return f"{value:012d}" if isinstance(value, int) else value or None


def _payer_position(headers: Sequence[str]) -> int | None:
    wanted = "BillingAccountId" if is_focus(headers) else "bill_payer_account_id"
    names = list(headers) if is_focus(headers) else [snake_name(header) for header in headers]
    return names.index(wanted) if wanted in names else None


def _parquet_or_refuse(key: str) -> str:
    if key.lower().endswith(".parquet"):
        return "parquet"
    raise DeliveryError(f"{key} is neither CSV (.csv, .csv.gz, .csv.zip) nor Parquet (.parquet).")


def _convert(
    connection: duckdb.DuckDBPyConnection, landing: Landing, landed: LandedObject, folder: Path
) -> _StagedFile:
    target = folder / f"{landed.key.rpartition('/')[2]}.parquet"
    converted = convert_csv(connection, landing, landed, target)
    if not converted.headers:
        return _StagedFile(landed, None, (), converted.checksum, (), 0, 0)
    _refuse_missing(converted.headers, landed.key)
    facts = read_facts(connection, target, landed.key)
    return _StagedFile(
        landed=landed,
        path=str(target.relative_to(folder.parent)),
        headers=converted.headers,
        checksum=converted.checksum,
        columns=facts.columns,
        row_count=facts.row_count,
        stored_byte_count=target.stat().st_size,
    )


def _copy(connection: duckdb.DuckDBPyConnection, landing: Landing, landed: LandedObject, folder: Path) -> _StagedFile:
    target = folder / landed.key.rpartition("/")[2]
    checksum = landing.fetch(landed, target)
    size = target.stat().st_size
    if size != landed.size:
        raise ObjectVanishedError(f"{landed.key} was replaced while it was read.")
    facts = read_facts(connection, target, landed.key)
    headers = tuple(column.header for column in facts.columns)
    _refuse_missing(headers, landed.key)
    return _StagedFile(
        landed=landed,
        path=str(target.relative_to(folder.parent)),
        headers=headers,
        checksum=checksum,
        columns=facts.columns,
        row_count=facts.row_count,
        stored_byte_count=size,
    )


def _refuse_missing(headers: Sequence[str], key: str) -> None:
    missing = missing_columns(headers)
    if missing:
        raise DeliveryError(f"{key} has no column {', '.join(missing)}. Select it in the export's settings.")


def _laid_out(staged: Sequence[_StagedFile]) -> tuple[tuple[StoredFile, ...], tuple[Layout, ...]]:
    """Return the files with numbers and layouts; files whose names and types agree share one."""
    shapes: dict[tuple[tuple[str, str], ...], list[_StagedFile]] = {}
    for file in staged:
        if file.path is not None:
            shapes.setdefault(_shape(file), []).append(file)
    numbers = {shape: number for number, shape in enumerate(shapes, start=1)}
    layouts = tuple(
        Layout(
            numbers[shape],
            tuple(_widest(same) for same in zip(*(file.columns for file in files), strict=True)),
        )
        for shape, files in shapes.items()
    )
    files = tuple(
        StoredFile(
            number=number,
            source_key=file.landed.key,
            stored_path=file.path,
            row_count=file.row_count,
            byte_count=file.landed.size,
            checksum=file.checksum,
            stored_byte_count=file.stored_byte_count,
            layout=None if file.path is None else numbers[_shape(file)],
        )
        for number, file in enumerate(staged, start=1)
    )
    return files, layouts


def _shape(file: _StagedFile) -> tuple[tuple[str, str], ...]:
    return tuple((column.header, column.sql_type) for column in file.columns)


def _widest(same: Sequence[ParquetColumn]) -> ParquetColumn:
    return ParquetColumn(
        header=same[0].header,
        sql_type=same[0].sql_type,
        may_be_null=any(column.may_be_null for column in same),
        may_be_odd=any(column.may_be_odd for column in same),
    )
