"""Lands CUR files that came without a manifest, as AWS would have delivered them.

What is here: finding out whose and which month's the files are, and writing AWS's create-new layout around
them.
When to add here: another thing that a manifest must say.
What does not belong here: validating what the files hold; the sync does that, as for every delivery.
"""

import gzip
import json
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from orchestration.errors import DeliveryError
from orchestration.ingest.columns import Reading, snake_name
from orchestration.ingest.contents import Layout, parquet_relation, reading_of
from orchestration.ingest.csv_files import is_csv, query_csv
from orchestration.ingest.focus import is_focus
from orchestration.ingest.landing import Landing, open_landing, sha256_of
from orchestration.ingest.manifests import Family
from orchestration.ingest.parquet_files import read_facts
from orchestration.ingest.staging import form_of, missing_columns

__all__ = ["land_plain_file"]

_FOLDER = "loaded"
_CONTENT = uuid.uuid5(uuid.NAMESPACE_URL, "chargehouse:loaded-file")
_ENDING = re.compile(r"(\.csv|\.snappy|\.zstd)?\.(csv|gz|zip|parquet)$", re.IGNORECASE)
# What a file's name says beyond the export's: part numbers and months.
_PART = re.compile(r"[-_.]\d{1,5}$")
_MONTH = re.compile(r"(?<!\d)20\d{2}[-_]?(0[1-9]|1[0-2])([-_]?[0-3]\d)?(?!\d)")


@dataclass(frozen=True)
class _PlainFile:
    """One file to land.

    Attributes:
        path: where it is.
        headers: its column names.
        checksum: sha256.
        payers: payer account ids on its rows.
        periods: billing periods of its rows.
    """

    path: Path
    headers: tuple[str, ...]
    checksum: str
    payers: frozenset[str]
    periods: frozenset[date]


def land_plain_file(files: Sequence[Path], payer: str | None, period: date | None, landing: Landing) -> str:
    """Land files as one delivery, point their export's period at it, and return where that manifest is.

    The export is named after the first file, without part number and month. The same files again are the same
    delivery; other files for the same export and period supersede it.

    Args:
        files: parts of one delivery: CSV (plain, gzip, zip) or Parquet; legacy CUR, CUR 2.0 or FOCUS.
        payer: payer account id; None to take it from the rows.
        period: first of the billing month; None to take it from the rows.
        landing: where to land.

    Raises:
        DeliveryError: a file is damaged or no CUR, or its rows name another payer or period, several or none.
    """
    with tempfile.TemporaryDirectory(prefix="chargehouse-load-") as folder:
        scratch = Path(folder)
        with duckdb.connect(":memory:", config={"temp_directory": folder}) as connection:
            plain = [_survey(connection, path, scratch) for path in files]
        payers = {payer for file in plain for payer in file.payers}
        periods = {f"{month:%Y-%m}" for file in plain for month in file.periods}
        payer = _the_one("payer account", None if payer is None else payer.zfill(12), payers, "--payer")
        month = _the_one("billing period", None if period is None else f"{period:%Y-%m}", periods, "--period")
        return _write(plain, payer, date.fromisoformat(f"{month}-01"), landing, scratch)


def _survey(connection: duckdb.DuckDBPyConnection, path: Path, scratch: Path) -> _PlainFile:
    """Read a file once, to its end, for whom and when it bills."""
    landing = open_landing(path.parent.resolve())
    landed = landing.find(path.name)
    if landed is None:
        raise DeliveryError(f"{path} is not a file.")
    if is_csv(path.name):
        headers, found = query_csv(connection, landing, landed, scratch / "survey.zip", _payers_and_periods)
    elif path.name.lower().endswith(".parquet"):
        facts = read_facts(connection, path, str(path))
        headers = tuple(column.header for column in facts.columns)
        missing = missing_columns(headers)
        if missing:
            raise DeliveryError(_not_a_cur(path, missing))
        form = form_of([headers], Family.LEGACY, is_csv_delivery=False)
        relation = parquet_relation([path.resolve()])
        found = connection.execute(_payers_and_periods(reading_of(form, Layout(1, facts.columns)), relation)).fetchall()
    else:
        raise DeliveryError(f"{path} is neither CSV (.csv, .csv.gz, .csv.zip) nor Parquet (.parquet).")
    missing = missing_columns(headers)
    if headers and missing:
        raise DeliveryError(_not_a_cur(path, missing))
    return _PlainFile(
        path=path,
        headers=headers,
        checksum=sha256_of(path),
        payers=frozenset(payer for payer, _ in found if payer),
        periods=frozenset(month for _, month in found if month is not None),
    )


def _payers_and_periods(reading: Reading, rows: str) -> str:
    payer = reading.columns.get("bill_payer_account_id")
    start = reading.columns.get("bill_billing_period_start_date")
    return (
        f"select distinct {'null' if payer is None else payer.sql}, "
        f"{'null' if start is None else f'''cast(date_trunc('month', {start.sql}) as date)'''} from {rows}"
    )


def _not_a_cur(path: Path, missing: Sequence[str]) -> str:
    return f"{path} is not a CUR that can be billed from: it has no column {', '.join(missing)}."


def _the_one(what: str, given: str | None, found: set[str], option: str) -> str:
    """Return what the rows say, which must agree with what was asked for."""
    if len(found) > 1:
        listed = ", ".join(sorted(found)[:5]) + (", …" if len(found) > 5 else "")
        raise DeliveryError(
            f"The rows belong to several {what}s ({listed}). A delivery is of one; load one file for each."
        )
    if not found and given is None:
        raise DeliveryError(f"No row names a {what}. Name it with {option}.")
    if found and given is not None and given not in found:
        raise DeliveryError(f"The rows belong to {what} {next(iter(found))}, but {option} says {given}.")
    return given or next(iter(found))


def _write(plain: Sequence[_PlainFile], payer: str, period: date, landing: Landing, scratch: Path) -> str:
    """Write data files, the delivery's manifest and, last, the pointer: readers never see a part of it."""
    content = "\n".join(file.checksum for file in plain)
    delivery_id = str(uuid.uuid5(_CONTENT, content))
    export_name = _export_name(plain[0].path)
    names = [f"{export_name}-{number:05d}{_ending(file.path)}" for number, file in enumerate(plain, start=1)]
    root = f"{_FOLDER}/{payer}/{export_name}"
    headers = list(dict.fromkeys(header for file in plain for header in file.headers))
    family = _family(headers)
    if family is Family.LEGACY:
        folder = manifests = f"{root}/{period:%Y%m%d}-{_next(period):%Y%m%d}"
    else:
        folder = f"{root}/data/BILLING_PERIOD={period:%Y-%m}"
        manifests = f"{root}/metadata/BILLING_PERIOD={period:%Y-%m}"
    keys = [f"{folder}/{delivery_id}/{name}" for name in names]
    manifest = _manifest(family, delivery_id, export_name, payer, period, headers, keys)
    pointer = f"{manifests}/{export_name}-Manifest.json"
    for file, key in zip(plain, keys, strict=True):
        if landing.find(key) is None:
            with _compressed(file.path, scratch) as source:
                landing.write(key, source)
    for key in (f"{manifests}/{delivery_id}/{export_name}-Manifest.json", pointer):
        landed = landing.find(key)
        # Left alone where it says so already: a newer time would look like news.
        if landed is None or landing.read_all([landed]).get(key) != manifest:
            landing.write(key, manifest)
    return landing.location(pointer)


def _family(headers: Sequence[str]) -> Family:
    names = {snake_name(header) for header in headers}
    if is_focus(headers) or names & {"bill_payer_account_name", "product", "resource_tags", "cost_category"}:
        return Family.DATA_EXPORTS
    return Family.LEGACY


def _manifest(
    family: Family,
    delivery_id: str,
    export_name: str,
    payer: str,
    period: date,
    headers: Sequence[str],
    keys: Sequence[str],
) -> bytes:
    document = {
        "account": payer,
        "reportName": export_name,
        "billingPeriod": {
            "start": f"{period:%Y%m%d}T000000.000Z",
            "end": f"{_next(period):%Y%m%d}T000000.000Z",
        },
        "charset": "UTF-8",
    }
    if family is Family.LEGACY:
        columns = [dict(zip(("category", "name"), _parts(header), strict=True)) for header in headers]
        more: dict[str, object] = {"assemblyId": delivery_id, "columns": columns, "reportKeys": list(keys)}
    else:
        more = {
            "executionId": delivery_id,
            "columns": [{"name": name} for name in headers],
            "dataFiles": list(keys),
        }
    return json.dumps({**document, **more}, indent=2).encode()


def _parts(header: str) -> tuple[str, str]:
    category, _, name = header.rpartition("/")
    return category, name


def _next(period: date) -> date:
    return date(period.year + period.month // 12, period.month % 12 + 1, 1)


def _export_name(path: Path) -> str:
    """Return the export's name: the file's, without ending, part number and month."""
    stem = _PART.sub("", _MONTH.sub("", _ENDING.sub("", path.name)))
    name = re.sub(r"[^A-Za-z0-9._-]+|[-_.]{2,}", "-", stem).strip("-_.")
    return name or "export"


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    return {".parquet": ".parquet", ".zip": ".csv.zip"}.get(ending, ".csv.gz")


@contextmanager
def _compressed(path: Path, scratch: Path) -> Iterator[Path]:
    """Yield the file as AWS would write it: plain CSV compressed, everything else as it is."""
    if path.suffix.lower() != ".csv":
        yield path
        return
    packed = scratch / "packed.csv.gz"
    # Without name and time, so that the same text gives the same file.
    with (
        path.open("rb") as text,
        packed.open("wb") as target,
        gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=target, mtime=0) as zipped,
    ):
        shutil.copyfileobj(text, zipped, 1 << 20)
    yield packed
    packed.unlink()
