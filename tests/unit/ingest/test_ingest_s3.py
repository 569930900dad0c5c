"""The landing on S3, against a server that speaks its protocol."""

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.ingest.landing import LandingError, S3Landing, open_landing
from orchestration.ingest.plain_files import land_plain_file
from orchestration.ingest.price_lists import PriceListResult, have_price_lists_changed, sync_price_lists
from tests.unit.ingest.conftest import Warehouse
from tests.unit.ingest.landed_cur import (
    csv_bytes,
    cur2_row,
    land_cur2,
    land_legacy,
    legacy_row,
    packed,
    parquet_bytes,
    place,
)
from tests.unit.ingest.landed_price_lists import DYNAMO_STORAGE, S3_STORAGE, offer_json


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server for this module, on a free port."""
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty bucket named `billing`, with the environment set up to find it."""
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    found = boto3.resource("s3").Bucket("billing")
    found.create()
    yield found
    found.objects.all().delete()
    found.delete()


def upload(bucket: Any, folder: Path, prefix: str = "") -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            bucket.put_object(Key=f"{prefix}{path.relative_to(folder).as_posix()}", Body=path.read_bytes())


def test_deliveries_are_read_from_a_bucket(warehouse: Warehouse, bucket: Any, tmp_path: Path) -> None:
    land_legacy(tmp_path / "files", "a", [[legacy_row("1")], [legacy_row("2")]])
    february = legacy_row("4", bill_BillingPeriodStartDate="2024-02-01T00:00:00Z")
    folder = land_legacy(tmp_path / "files", "b", [[february]], month=2)
    land_cur2(tmp_path / "files", "c", [parquet_bytes([cur2_row(8.0)])])
    place(folder / "cur-00001.csv.gz", packed([february]))
    upload(bucket, tmp_path / "files", "root/")

    warehouse.payers = {next(iter(warehouse.payers)): "cur"}
    warehouse.opened = open_landing("s3://billing/root/")
    assert warehouse.sync().rejected == ()
    assert warehouse.costs() == [(Decimal(1),), (Decimal(2),), (Decimal(4),)]
    warehouse.sync()
    assert warehouse.said == []

    warehouse.payers = {next(iter(warehouse.payers)): "cur2"}
    warehouse.sync()
    assert warehouse.costs() == [(Decimal(8),)]


def test_a_changed_object_is_read_again(warehouse: Warehouse, bucket: Any, tmp_path: Path) -> None:
    land_legacy(tmp_path, "a", [[legacy_row("1")]])
    upload(bucket, tmp_path)
    warehouse.opened = open_landing("s3://billing")
    warehouse.sync()
    key = next(item.key for item in bucket.objects.all() if item.key.endswith(".gz"))
    bucket.put_object(Key=key, Body=packed([legacy_row("3")]))
    warehouse.sync()
    assert warehouse.costs() == [(Decimal(3),)]
    bucket.put_object(Key=key, Body=packed([legacy_row("5")])[:-4])
    assert "truncated" in warehouse.sync().rejected[0].reason
    assert warehouse.costs() == [(Decimal(3),)]


def test_keys_that_begin_with_a_slash_are_found(warehouse: Warehouse, bucket: Any) -> None:
    # A legacy report without a prefix: AWS writes an empty first part.
    key = "/cur/20240101-20240201/cur-00001.csv.gz"
    bucket.put_object(Key=key, Body=packed([legacy_row("1")]))
    manifest = {"assemblyId": "a", "account": "123456789012", "reportName": "cur", "reportKeys": [key]}
    bucket.put_object(Key="/cur/20240101-20240201/cur-Manifest.json", Body=json.dumps(manifest).encode())
    warehouse.opened = open_landing("s3://billing")
    assert warehouse.sync().rejected == ()
    assert warehouse.costs() == [(Decimal(1),)]


def test_price_lists_are_read_from_a_bucket(warehouse: Warehouse, bucket: Any) -> None:
    landing = open_landing("s3://billing/root")
    scratch = warehouse.workspace.warehouse
    assert sync_price_lists(warehouse.connection, landing, scratch).loaded == ()
    bucket.put_object(Key="root/price_lists/us-east-1/index.json.gz", Body=gzip.compress(offer_json([S3_STORAGE])))
    bucket.put_object(Key="root/price_lists_of_others/index.csv", Body=b"no list")
    key = "price_lists/us-east-1/index.json.gz"
    assert sync_price_lists(warehouse.connection, landing, scratch) == PriceListResult((key,), (), ())
    assert warehouse.query("select count(*), max(rate) from raw.price_list_tiers") == [(3, Decimal("0.0230000000"))]
    assert not have_price_lists_changed(warehouse.connection, landing)
    bucket.put_object(Key=f"root/{key}", Body=gzip.compress(offer_json([DYNAMO_STORAGE])))
    assert sync_price_lists(warehouse.connection, landing, scratch).loaded == (key,)
    assert warehouse.query("select count(*) from raw.price_list_tiers") == [(2,)]


def test_an_empty_bucket_has_no_deliveries(bucket: Any) -> None:
    assert S3Landing("s3://billing").list_objects() == {}
    assert S3Landing("s3://billing/nothing/here").list_objects() == {}


def test_a_bucket_that_is_not_there_is_no_empty_landing(warehouse: Warehouse, bucket: Any) -> None:
    # Taken for empty, every delivery would seem to have vanished.
    warehouse.opened = open_landing("s3://no-such-bucket")
    with pytest.raises(LandingError, match="no-such-bucket"):
        warehouse.sync()


def test_a_server_that_does_not_answer_is_not_the_deliverys_fault(
    warehouse: Warehouse, bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_legacy(tmp_path, "a", [[legacy_row("1")]])
    upload(bucket, tmp_path)
    warehouse.opened = open_landing("s3://billing")

    def fail(*_: object, **__: object) -> None:
        raise ConnectionResetError("reset by peer")

    monkeypatch.setattr(warehouse.opened._files, "open", fail)  # type: ignore[attr-defined]
    with pytest.raises(LandingError, match="reset by peer"):
        warehouse.sync()
    assert warehouse.query("select count(*) from raw.deliveries") == [(0,)]


def test_a_plain_file_is_landed_in_a_bucket(warehouse: Warehouse, bucket: Any, tmp_path: Path) -> None:
    landing = open_landing("s3://billing/root")
    manifest = land_plain_file([place(tmp_path / "cur.csv", csv_bytes([legacy_row("1")]))], None, None, landing)
    assert manifest.startswith("s3://billing/root/loaded/123456789012/cur/")
    warehouse.opened = landing
    warehouse.sync()
    assert warehouse.costs() == [(Decimal(1),)]


def test_another_kind_of_address_is_refused() -> None:
    with pytest.raises(LandingError, match="neither a folder nor s3"):
        open_landing("gs://bucket/prefix")
