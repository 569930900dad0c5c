"""Small deliveries as AWS lands them, made by hand for one question each.

What is here: rows with sensible defaults, and the legacy, CUR 2.0 and FOCUS layouts around them.
When to add here: another layout or column that several tests need.
What does not belong here: damage; each test makes its own from a good delivery.
"""

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

PAYER = "123456789012"

Row = dict[str, str]


def legacy_row(cost: str = "1.0000000000", **cells: str) -> Row:
    """Return a row of January 2024; keyword ``lineItem_UsageType`` sets ``lineItem/UsageType``."""
    row = {
        "identity/LineItemId": "line",
        "bill/InvoiceId": "4711",
        "bill/BillingEntity": "AWS",
        "bill/PayerAccountId": PAYER,
        "bill/BillingPeriodStartDate": "2024-01-01T00:00:00Z",
        "bill/BillingPeriodEndDate": "2024-02-01T00:00:00Z",
        "lineItem/UsageAccountId": "000000000001",
        "lineItem/LineItemType": "Usage",
        "lineItem/UsageStartDate": "2024-01-05T00:00:00Z",
        "lineItem/ProductCode": "AmazonEC2",
        "lineItem/UsageAmount": "1",
        "lineItem/CurrencyCode": "USD",
        "lineItem/UnblendedCost": cost,
    }
    return row | {name.replace("_", "/", 1): value for name, value in cells.items()}


def csv_bytes(rows: Sequence[Mapping[str, str]], header: Sequence[str] | None = None) -> bytes:
    """Return rows as the text of a CSV file, with the columns of all rows in order of appearance."""
    names = list(header or dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def packed(rows: Sequence[Mapping[str, str]], header: Sequence[str] | None = None) -> bytes:
    """Return rows as a gzip CSV file."""
    return gzip.compress(csv_bytes(rows, header), mtime=0)


def place(path: Path, content: bytes) -> Path:
    """Write a file as a new one, with its folders; never over the old content in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    return path


def legacy_manifest(
    delivery_id: str, keys: Sequence[str], *, export: str = "cur", account: str | None = PAYER, month: int = 1
) -> bytes:
    """Return a legacy manifest for a month of 2024."""
    document: dict[str, Any] = {
        "assemblyId": delivery_id,
        "reportName": export,
        "billingPeriod": {"start": f"2024{month:02d}01T000000.000Z", "end": f"2024{month + 1:02d}01T000000.000Z"},
        "compression": "GZIP",
        "contentType": "text/csv",
        "reportKeys": list(keys),
    }
    if account is not None:
        document["account"] = account
    return json.dumps(document).encode()


def legacy_folder(export: str = "cur", month: int = 1) -> str:
    """Return the period's folder in the bucket."""
    return f"billing/{export}/2024{month:02d}01-2024{month + 1:02d}01"


def land_legacy(
    landing: Path,
    delivery_id: str,
    parts: Sequence[Sequence[Row]] | Sequence[bytes],
    *,
    export: str = "cur",
    account: str | None = PAYER,
    month: int = 1,
    is_pointed: bool = True,
) -> Path:
    """Land a legacy delivery in the create-new layout; return its folder. Parts are rows, or whole files."""
    period_folder = landing / legacy_folder(export, month)
    folder = period_folder / delivery_id
    keys = []
    for number, part in enumerate(parts, start=1):
        name = f"{export}-{number:05d}.csv.gz"
        place(folder / name, part if isinstance(part, bytes) else packed(part))
        keys.append(f"{legacy_folder(export, month)}/{delivery_id}/{name}")
    manifest = legacy_manifest(delivery_id, keys, export=export, account=account, month=month)
    place(folder / f"{export}-Manifest.json", manifest)
    if is_pointed:
        place(period_folder / f"{export}-Manifest.json", manifest)
    return folder


CUR2_TYPES = {
    "bill_billing_period_start_date": pa.timestamp("ms"),
    "line_item_usage_start_date": pa.timestamp("ms"),
    "line_item_usage_amount": pa.float64(),
    "line_item_unblended_cost": pa.float64(),
    "line_item_net_unblended_cost": pa.float64(),
    "discount_total_discount": pa.float64(),
    "discount_bundled_discount": pa.float64(),
    "pricing_public_on_demand_cost": pa.float64(),
    "product": pa.map_(pa.string(), pa.string()),
    "resource_tags": pa.map_(pa.string(), pa.string()),
    "cost_category": pa.map_(pa.string(), pa.string()),
    "discount": pa.map_(pa.string(), pa.float64()),
}


def cur2_row(cost: float | str | None = 1.0, **cells: object) -> dict[str, object]:
    """Return a row of CUR 2.0 for January 2024."""
    row: dict[str, object] = {
        "bill_invoice_id": "4711",
        "bill_payer_account_id": PAYER,
        "bill_payer_account_name": "Payer",
        "bill_billing_period_start_date": datetime(2024, 1, 1, tzinfo=UTC),
        "line_item_usage_account_id": "000000000001",
        "line_item_line_item_type": "Usage",
        "line_item_usage_start_date": datetime(2024, 1, 5, tzinfo=UTC),
        "line_item_product_code": "AmazonEC2",
        "line_item_usage_amount": 1.0,
        "line_item_currency_code": "USD",
        "line_item_unblended_cost": cost,
    }
    return row | cells


def parquet_bytes(rows: Sequence[Mapping[str, object]], types: Mapping[str, pa.DataType] | None = None) -> bytes:
    """Return rows as a Parquet file with the types of CUR 2.0, or those given."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    chosen = {**CUR2_TYPES, **(types or {})}
    schema = pa.schema([(name, chosen.get(name, pa.string())) for name in names])
    table = pa.table({name: pa.array([row.get(name) for row in rows], schema.field(name).type) for name in names})
    target = io.BytesIO()
    pq.write_table(table.cast(schema), target)
    return target.getvalue()


def land_cur2(
    landing: Path,
    execution: str,
    parts: Sequence[bytes],
    *,
    ending: str = "snappy.parquet",
    export: str = "cur2",
    folder: str = "",
    is_pointed: bool = True,
) -> Path:
    """Land a CUR 2.0 delivery; in the create-new layout where ``folder`` names the delivery's. Return its folder."""
    root = landing / "exports" / export
    below = "BILLING_PERIOD=2024-01" + (f"/{folder}" if folder else "")
    keys = []
    for number, part in enumerate(parts, start=1):
        name = f"{export}-{number:05d}.{ending}"
        place(root / "data" / below / name, part)
        keys.append(f"s3://bucket/exports/{export}/data/{below}/{name}")
    document = {
        "executionId": execution,
        "exportArn": f"arn:aws:bcm-data-exports:us-east-1:{PAYER}:export/{export}-00000000-0000-4000-8000-000000000000",
        "dataFiles": [{"s3Uri": key} for key in keys],
    }
    manifest = json.dumps(document).encode()
    if folder:
        place(root / "metadata" / below / f"{export}-Manifest.json", manifest)
    if is_pointed:
        place(root / "metadata" / "BILLING_PERIOD=2024-01" / f"{export}-Manifest.json", manifest)
    return root / "data" / below
