"""Writes facts as AWS delivers them: files in parts, folders, manifests, in each of the three forms.

What is here: legacy CUR as CSV (create-new layout: an assembly folder per delivery, a pointer manifest per
period), legacy CUR as Parquet (the Athena layout, always overwritten), CUR 2.0 as Parquet (``data/`` and
``metadata/``).
When to add here: another form, layout or manifest field that AWS writes.
What does not belong here: values of cells (``columns``); damaged deliveries, which tests make from good ones.

The same cells give the same bytes: gzip carries no time, Parquet no random ids, and files get the delivery's
time.
"""

import gzip
import hashlib
import io
import itertools
import json
import os
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.sample.columns import (
    CUR2_COLUMNS,
    DISCOUNT_COLUMNS,
    MAP_COLUMNS,
    NUMBER_COLUMNS,
    TIMESTAMP_COLUMNS,
    Cells,
    column_type,
    legacy_columns,
    snake_name,
)
from orchestration.sample.fixed_point import ONE, text_of
from orchestration.sample.month import next_month
from orchestration.sample.story import Payer

__all__ = ["Form", "write_delivery"]


class Form(StrEnum):
    """A form of delivery."""

    LEGACY_CSV = "legacy_cur_csv"
    LEGACY_PARQUET = "legacy_cur_parquet"
    CUR2_PARQUET = "cur2_parquet"


_PARTS = {Form.LEGACY_CSV: 3, Form.LEGACY_PARQUET: 2, Form.CUR2_PARQUET: 2}


def write_delivery(
    landing: Path,
    payer: Payer,
    period: datetime,
    form: Form,
    rows: Sequence[Cells],
    *,
    seed: int,
    delivered_at: datetime,
    column_mode: bool = False,
    is_current: bool = True,
) -> None:
    """Write one delivery below ``landing``; ``is_current`` also points the period's manifest at it.

    Args:
        landing: the landing folder; it stands for the buckets' roots, so keys are relative to it.
        payer: whose delivery it is.
        period: first of the billing month.
        form: form to write.
        rows: cells of every line item, in file order.
        seed: part of the delivery's id, so that another seed is another delivery.
        delivered_at: UTC; becomes the modification time of the files, the manifest's two minutes later.
        column_mode: CUR 2.0 without manual-discount compatibility (C2).
        is_current: False for a delivery that a later one supersedes (create-new layout only).
    """
    write = {
        Form.LEGACY_CSV: _write_legacy_csv,
        Form.LEGACY_PARQUET: _write_legacy_parquet,
        Form.CUR2_PARQUET: _write_cur2_parquet,
    }[form]
    identity = f"{seed}/{payer.account_id}/{period:%Y-%m}/{form}/{delivered_at.isoformat()}/{len(rows)}"
    delivery_id = str(uuid.UUID(hashlib.sha256(identity.encode()).hexdigest()[:32], version=4))
    write(_Target(landing, payer, period, delivery_id, delivered_at, is_current, column_mode), rows)


class _Target:
    """Where one delivery goes."""

    def __init__(
        self,
        landing: Path,
        payer: Payer,
        period: datetime,
        delivery_id: str,
        delivered_at: datetime,
        is_current: bool,
        column_mode: bool,
    ) -> None:
        self.landing = landing
        self.payer = payer
        self.period = period
        self.delivery_id = delivery_id
        self.delivered_at = delivered_at
        self.is_current = is_current
        self.column_mode = column_mode

    @property
    def date_range(self) -> str:
        """Return the legacy period folder: first of the month to first of the next."""
        return f"{self.period:%Y%m%d}-{next_month(self.period):%Y%m%d}"

    @property
    def billing_period(self) -> dict[str, str]:
        """Return the manifest's billing period."""
        form = "%Y%m%dT%H%M%S.000Z"
        return {"start": f"{self.period:{form}}", "end": f"{next_month(self.period):{form}}"}

    def write(self, key: str, content: bytes, minutes: int = 0) -> None:
        """Write a file and give it the delivery's time, as a synchronised bucket would."""
        path = self.landing / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        # UTC without zone, read as UTC: the machine's own zone must not show in the files.
        seconds = (self.delivered_at - datetime(1970, 1, 1)) // timedelta(seconds=1) + 60 * minutes
        os.utime(path, (seconds, seconds))

    def write_parts(
        self,
        folder: str,
        suffix: str,
        rows: Sequence[Cells],
        form: Form,
        encode: Callable[[Sequence[Cells]], bytes],
    ) -> list[str]:
        """Write ``rows`` as numbered parts and return their keys."""
        keys = []
        count = _PARTS[form]
        for part in range(count):
            key = f"{folder}/{self.payer.export_name}-{part + 1:05d}.{suffix}"
            self.write(key, encode(rows[len(rows) * part // count : len(rows) * (part + 1) // count]))
            keys.append(key)
        return keys

    def legacy_manifest(self, columns: Sequence[str], keys: list[str], compression: str, content: str) -> bytes:
        """Return a legacy manifest."""
        return _json(
            {
                "assemblyId": self.delivery_id,
                "account": self.payer.account_id,
                "columns": [
                    {
                        "category": name.split("/", 1)[0],
                        "name": name.split("/", 1)[1],
                        "type": column_type(snake_name(name)),
                    }
                    for name in columns
                ],
                "charset": "UTF-8",
                "compression": compression,
                "contentType": content,
                "reportId": hashlib.sha256(self.payer.export_name.encode()).hexdigest(),
                "reportName": self.payer.export_name,
                "billingPeriod": self.billing_period,
                "bucket": self.payer.bucket,
                "reportKeys": keys,
                "additionalArtifactKeys": [],
            }
        )


def _json(content: dict[str, object]) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()


def _write_legacy_csv(target: _Target, rows: Sequence[Cells]) -> None:
    columns = legacy_columns(rows, target.period)
    period_folder = f"{target.payer.folder}/{target.payer.export_name}/{target.date_range}"
    folder = f"{period_folder}/{target.delivery_id}"
    lines = _CsvLines(columns)

    def encode(part: Sequence[Cells]) -> bytes:
        text = "\n".join([",".join(columns), *map(lines.line, part), ""])
        packed = io.BytesIO()
        # No file name and no time in the header: the same rows are the same bytes.
        with gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=6, mtime=0) as stream:
            stream.write(text.encode())
        return packed.getvalue()

    keys = target.write_parts(folder, "csv.gz", rows, Form.LEGACY_CSV, encode)
    manifest = target.legacy_manifest(columns, keys, "GZIP", "text/csv")
    name = f"{target.payer.export_name}-Manifest.json"
    target.write(f"{folder}/{name}", manifest, 2)
    if target.is_current:
        target.write(f"{period_folder}/{name}", manifest, 2)


_MAP_CATEGORIES = {"product": "product", "resourceTags": "resource_tags", "costCategory": "cost_category"}

# A row that lacks this cell has none of the category.
_CATEGORY_MARKERS = {
    "reservation": "reservation_reservation_a_r_n",
    "savingsPlan": "savings_plan_savings_plan_a_r_n",
    "splitLineItem": "split_line_item_split_cost",
}


class _CsvLines:
    """Writes CSV lines category by category: most categories of a row are empty, and products repeat."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._categories = [
            (
                category,
                [column.split("/", 1)[1] if category in _MAP_CATEGORIES else snake_name(column) for column in names],
            )
            for category, names in itertools.groupby(columns, key=lambda column: column.split("/", 1)[0])
        ]
        self._products: dict[int, str] = {}

    def line(self, row: Cells) -> str:
        """Return the row as a CSV line, quoted only where a comma or quote asks for it, as AWS does."""
        parts = []
        for category, names in self._categories:
            if category == "product":
                product = row["product"]
                if id(product) not in self._products:
                    self._products[id(product)] = self._map_part(product, names)
                parts.append(self._products[id(product)])
            elif category in _MAP_CATEGORIES:
                parts.append(self._map_part(row[_MAP_CATEGORIES[category]], names))
            elif category in _CATEGORY_MARKERS and _CATEGORY_MARKERS[category] not in row:
                parts.append("," * (len(names) - 1))
            else:
                parts.append(",".join([_csv_text(row.get(name)) for name in names]))
        return ",".join(parts)

    def _map_part(self, entries: object, names: Sequence[str]) -> str:
        assert isinstance(entries, dict)
        return ",".join([_csv_text(entries.get(name)) for name in names])


def _csv_text(value: object) -> str:
    """Return a cell as legacy CUR writes it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"' if "," in value or '"' in value else value
    if isinstance(value, int):
        return text_of(value)
    assert isinstance(value, datetime)
    return _csv_time(value)


@cache
def _csv_time(value: datetime) -> str:
    """Return a date as legacy CUR writes it; remembered, for formatting is slow and hours repeat."""
    return f"{value:%Y-%m-%dT%H:%M:%S.000Z}"


def _write_legacy_parquet(target: _Target, rows: Sequence[Cells]) -> None:
    columns = legacy_columns(rows, target.period)
    export = target.payer.export_name
    folder = f"{target.payer.folder}/{export}/{export}/year={target.period.year}/month={target.period.month}"

    def encode(part: Sequence[Cells]) -> bytes:
        flat = [
            {
                **row,
                **{key: text for category in _MAP_CATEGORIES for key, text in _snake_cells(row, category)},
            }
            for row in part
        ]
        arrays = {}
        for column in columns:
            name = snake_name(column)
            # This form has no NULL at all: missing numbers are 0.0 and missing text is ''.
            if name in NUMBER_COLUMNS:
                arrays[name] = pa.array([_double(row.get(name)) or 0.0 for row in flat], pa.float64())
            elif name in TIMESTAMP_COLUMNS:
                arrays[name] = pa.array([row.get(name) for row in flat], pa.timestamp("ms"))
            else:
                arrays[name] = pa.array([row.get(name) or "" for row in flat], pa.string())
        return _parquet(pa.table(arrays))

    keys = target.write_parts(folder, "snappy.parquet", rows, Form.LEGACY_PARQUET, encode)
    manifest = target.legacy_manifest(columns, keys, "Parquet", "Parquet")
    target.write(f"{folder}/{export}-Manifest.json", manifest, 2)


def _snake_cells(row: Cells, category: str) -> list[tuple[str, object]]:
    """Return a map's entries under their legacy Parquet names."""
    entries = row[_MAP_CATEGORIES[category]]
    assert isinstance(entries, dict)
    return [(snake_name(f"{category}/{key}"), value) for key, value in entries.items()]


def _write_cur2_parquet(target: _Target, rows: Sequence[Cells]) -> None:
    columns = [name for name in CUR2_COLUMNS if target.column_mode or name not in DISCOUNT_COLUMNS]
    export = target.payer.export_name
    root = f"{target.payer.folder}/{export}"
    partition = f"BILLING_PERIOD={target.period:%Y-%m}"

    def encode(part: Sequence[Cells]) -> bytes:
        flat = [_cur2_cells(row) for row in part]
        used = set().union(*flat)
        return _parquet(
            pa.table(
                {
                    name: _cur2_array(name, flat) if name in used else pa.nulls(len(flat), _cur2_arrow_type(name))
                    for name in columns
                }
            )
        )

    keys = target.write_parts(f"{root}/data/{partition}", "snappy.parquet", rows, Form.CUR2_PARQUET, encode)
    manifest: dict[str, object] = {
        "executionId": target.delivery_id,
        "exportArn": (
            f"arn:aws:bcm-data-exports:us-east-1:{target.payer.account_id}:export/{export}-"
            + hashlib.sha256(export.encode()).hexdigest()[:8]
        ),
        "exportName": export,
        "account": target.payer.account_id,
        "columns": [{"name": name, "type": _cur2_type(name)} for name in columns],
        "charset": "UTF-8",
        "compression": "PARQUET",
        "contentType": "Parquet",
        "billingPeriod": target.billing_period,
        "dataFiles": [f"s3://{target.payer.bucket}/{key}" for key in keys],
        "additionalOutputFiles": [],
    }
    target.write(f"{root}/metadata/{partition}/{export}-Manifest.json", _json(manifest), 2)


def _cur2_type(name: str) -> str:
    if name in MAP_COLUMNS:
        return "map<string,double>" if name == "discount" else "map<string,string>"
    return {"DateTime": "timestamp", "OptionalBigDecimal": "double"}.get(column_type(name), "string")


def _cur2_cells(row: Cells) -> Cells:
    """Return the row with CUR 2.0's names: some product attributes are columns, others stay in the map."""
    flat = dict(row)
    attributes: dict[str, object] = {}
    product = row["product"]
    assert isinstance(product, dict)
    for name, value in product.items():
        column = snake_name(f"product/{name}")
        if column in _CUR2_COLUMN_SET:
            flat[column] = value
        else:
            attributes[column.removeprefix("product_")] = value
    flat["product"] = attributes
    for name in ("resource_tags", "cost_category"):
        entries = row[name]
        assert isinstance(entries, dict)
        flat[name] = {snake_name(key): value for key, value in entries.items()}
    return flat


_CUR2_COLUMN_SET = frozenset(CUR2_COLUMNS)


def _cur2_array(name: str, rows: Sequence[Cells]) -> pa.Array:
    """Return one column; missing values are NULL here, and a map without entries is an empty map."""
    if name in MAP_COLUMNS:
        maps = []
        for row in rows:
            entries = row[name]
            assert isinstance(entries, dict)
            maps.append([(key, _double(value) if name == "discount" else value) for key, value in entries.items()])
        return pa.array(maps, _cur2_arrow_type(name))
    if name in NUMBER_COLUMNS:
        return pa.array([_double(row.get(name)) for row in rows], pa.float64())
    return pa.array([row.get(name) for row in rows], _cur2_arrow_type(name))


def _cur2_arrow_type(name: str) -> pa.DataType:
    return {
        "map<string,string>": pa.map_(pa.string(), pa.string()),
        "map<string,double>": pa.map_(pa.string(), pa.float64()),
        "timestamp": pa.timestamp("ms"),
        "double": pa.float64(),
        "string": pa.string(),
    }[_cur2_type(name)]


def _double(value: object) -> float | None:
    """Return the double nearest to an amount; the sample's only float, for CUR Parquet has nothing else."""
    assert value is None or isinstance(value, int)
    return None if value is None else value / ONE


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="snappy", coerce_timestamps="ms", store_schema=False)
    return sink.getvalue()
