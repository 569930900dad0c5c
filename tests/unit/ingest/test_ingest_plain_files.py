"""CUR files without a manifest, landed by ``chargehouse load``."""

import gzip
import io
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration.errors import DeliveryError
from orchestration.ingest.landing import open_landing
from orchestration.ingest.plain_files import land_plain_file
from tests.unit.ingest.conftest import Warehouse
from tests.unit.ingest.landed_cur import (
    PAYER,
    Row,
    csv_bytes,
    cur2_row,
    legacy_row,
    packed,
    parquet_bytes,
    place,
)


def load(warehouse: Warehouse, *files: Path, payer: str | None = None, period: date | None = None) -> str:
    return land_plain_file(files, payer, period, open_landing(warehouse.landing))


def zipped(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("inner.csv", content)
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "export", "form"),
    [
        ("cur-2024-01.csv", csv_bytes([legacy_row("1")]), "cur", "legacy_cur_csv"),
        ("cur_202401-00001.csv.gz", packed([legacy_row("1")]), "cur", "legacy_cur_csv"),
        ("Report-00001.csv.zip", zipped(csv_bytes([legacy_row("1")])), "Report", "legacy_cur_csv"),
        ("my report.snappy.parquet", parquet_bytes([cur2_row(1.0)]), "my-report", "cur2_parquet"),
        ("2024-01.parquet", parquet_bytes([cur2_row(1.0)]), "export", "cur2_parquet"),
    ],
)
def test_a_plain_file_is_billed_like_a_delivery(
    warehouse: Warehouse, tmp_path: Path, name: str, content: bytes, export: str, form: str
) -> None:
    manifest = load(warehouse, place(tmp_path / name, content))
    assert Path(manifest).is_file()
    warehouse.sync()
    assert warehouse.query("select export_name, form, payer_account_id, status from raw.deliveries") == [
        (export, form, PAYER, "current")
    ]
    assert warehouse.costs() == [(Decimal(1),)]


def test_parts_are_one_delivery(warehouse: Warehouse, tmp_path: Path) -> None:
    parts = [place(tmp_path / f"cur-{n:05d}.csv", csv_bytes([legacy_row(str(n))])) for n in (1, 2)]
    load(warehouse, *parts)
    warehouse.sync()
    assert warehouse.query("select file_count, unblended_cost from raw.deliveries") == [(2, Decimal(3))]
    assert warehouse.query("select source_file from raw.cur_line_items order by 1") == [
        ("cur-00001.csv.gz",),
        ("cur-00002.csv.gz",),
    ]


def test_the_same_file_again_changes_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    file = place(tmp_path / "cur.csv", csv_bytes([legacy_row("1")]))
    load(warehouse, file)
    warehouse.sync()
    before = {path: path.stat().st_mtime_ns for path in warehouse.landing.rglob("*")}
    load(warehouse, file)
    assert {path: path.stat().st_mtime_ns for path in warehouse.landing.rglob("*")} == before
    assert warehouse.sync().periods_changed == ()


def test_a_newer_file_supersedes_and_an_older_one_can_be_brought_back(warehouse: Warehouse, tmp_path: Path) -> None:
    first = place(tmp_path / "one" / "cur.csv", csv_bytes([legacy_row("1")]))
    second = place(tmp_path / "two" / "cur.csv", csv_bytes([legacy_row("2")]))
    for file, cost in ((first, 1), (second, 2), (first, 1)):
        load(warehouse, file)
        warehouse.sync()
        assert warehouse.costs() == [(Decimal(cost),)]
    assert sorted(warehouse.statuses().values()) == ["current", "superseded"]


def test_an_empty_month_needs_to_be_told_whose_it_is(warehouse: Warehouse, tmp_path: Path) -> None:
    file = place(tmp_path / "cur.csv", csv_bytes([], list(legacy_row())))
    with pytest.raises(DeliveryError, match=r"No row names a payer account\. Name it with --payer"):
        load(warehouse, file)
    with pytest.raises(DeliveryError, match="--period"):
        load(warehouse, file, payer=PAYER)
    load(warehouse, file, payer=PAYER, period=date(2024, 1, 1))
    assert warehouse.sync().rejected == ()


JANUARY, FEBRUARY = legacy_row(), legacy_row(bill_BillingPeriodStartDate="2024-02-01T00:00:00Z")


@pytest.mark.parametrize(
    ("rows", "payer", "period", "said"),
    [
        ([JANUARY, FEBRUARY], None, None, r"several billing periods \(2024-01, 2024-02\)"),
        ([JANUARY, legacy_row(bill_PayerAccountId="9" * 12)], None, None, "several payer accounts"),
        ([JANUARY], "999999999999", None, f"belong to payer account {PAYER}, but --payer says 999999999999"),
        ([JANUARY], None, date(2024, 2, 1), "belong to billing period 2024-01, but --period says 2024-02"),
        ([{"a": "1", "b": "2"}], None, None, "is not a CUR that can be billed from"),
    ],
)
def test_what_the_rows_contradict_is_refused(
    warehouse: Warehouse, tmp_path: Path, rows: list[Row], payer: str | None, period: date | None, said: str
) -> None:
    file = place(tmp_path / "cur.csv", csv_bytes(rows))
    with pytest.raises(DeliveryError, match=said):
        load(warehouse, file, payer=payer, period=period)
    assert list(warehouse.landing.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("cur.csv.gz", packed([legacy_row()])[:-5], "truncated"),
        ("cur.parquet", parquet_bytes([cur2_row()])[:-5], "truncated or damaged"),
        ("cur.xlsx", b"PK", "neither CSV"),
    ],
)
def test_a_damaged_file_is_not_landed(
    warehouse: Warehouse, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    with pytest.raises(DeliveryError, match=said):
        load(warehouse, place(tmp_path / name, content))
    assert list(warehouse.landing.iterdir()) == []


def test_plain_csv_is_packed_the_same_way_every_time(warehouse: Warehouse, tmp_path: Path) -> None:
    load(warehouse, place(tmp_path / "cur.csv", csv_bytes([legacy_row("1")])))
    landed = next(warehouse.landing.rglob("*.csv.gz"))
    assert gzip.decompress(landed.read_bytes()) == csv_bytes([legacy_row("1")])
    # No name and no time in the header, or the same file would look changed.
    assert landed.read_bytes()[4:8] == b"\0\0\0\0"
