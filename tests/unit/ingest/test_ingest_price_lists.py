"""Price lists: what of a file is kept, exactly as AWS wrote it, and what a broken or changed file does."""

import gzip
import os
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.ingest.landing import LocalLanding, open_landing
from orchestration.ingest.price_lists import (
    PriceListResult,
    have_price_lists_changed,
    price_list_digests,
    sync_price_lists,
)
from tests.unit.ingest.conftest import Rows, Warehouse
from tests.unit.ingest.landed_cur import land_legacy, legacy_row, place
from tests.unit.ingest.landed_price_lists import (
    DYNAMO_STORAGE,
    FLAT_REQUESTS,
    S3_STORAGE,
    Product,
    offer_csv,
    offer_json,
    replace,
)

AUGUST, SEPTEMBER = date(2026, 8, 1), date(2026, 9, 1)
S3_TIERS = [
    (Decimal("0"), Decimal("51200"), Decimal("0.0230000000")),
    (Decimal("51200"), Decimal("512000"), Decimal("0.0220000000")),
    (Decimal("512000"), None, Decimal("0.0210000000")),
]

Writer = Callable[..., bytes]


def put(warehouse: Warehouse, name: str, content: bytes) -> Path:
    return place(warehouse.landing / "price_lists" / name, content)


def sync(warehouse: Warehouse, said: list[str] | None = None) -> PriceListResult:
    landing = warehouse.opened or open_landing(warehouse.landing)
    progress = None if said is None else said.append
    return sync_price_lists(warehouse.connection, landing, warehouse.workspace.warehouse, progress)


def tiers(warehouse: Warehouse, where: str = "true") -> Rows:
    return warehouse.query(
        f"select tier_start, tier_end, rate from raw.price_list_tiers where {where} order by sku, tier_start"
    )


def files(warehouse: Warehouse) -> Rows:
    return warehouse.query("select source_file, status, reason from raw.price_list_files order by source_file")


def rejection(warehouse: Warehouse) -> str:
    (rejected,) = sync(warehouse).rejected
    assert str(rejected) == rejected.reason
    return rejected.reason


SHAPES = pytest.mark.parametrize(("write", "ending"), [(offer_csv, "csv"), (offer_json, "json")])


def test_without_price_lists_the_tables_are_there_and_empty(warehouse: Warehouse) -> None:
    assert sync(warehouse) == PriceListResult((), (), ())
    assert (tiers(warehouse), files(warehouse)) == ([], [])
    assert not have_price_lists_changed(warehouse.connection, open_landing(warehouse.landing))
    assert price_list_digests(warehouse.connection, [AUGUST]) == {AUGUST: ""}


@SHAPES
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_tiers_are_kept_exactly(
    warehouse: Warehouse, write: Writer, ending: str, pack: Callable[[bytes], bytes]
) -> None:
    name = f"us-east-1/index.{ending}{'.gz' if pack is gzip.compress else ''}"
    put(warehouse, name, pack(write([S3_STORAGE, FLAT_REQUESTS])))
    assert sync(warehouse).loaded == (f"price_lists/{name}",)
    assert warehouse.query("select * from raw.price_list_tiers order by tier_start") == [
        (
            *("AmazonS3", "TimedStorage-ByteHrs", "", "us-east-1", "WP9ANXZGBYYSGJEA", AUGUST, "GB-Mo"),
            *tier,
            f"price_lists/{name}",
            datetime(2026, 8, 15, 9, 30),
        )
        for tier in S3_TIERS
    ]
    assert warehouse.query("select * exclude (landed_at, fingerprint) from raw.price_list_files") == [
        (f"price_lists/{name}", "AmazonS3", datetime(2026, 8, 15, 9, 30), "20260815093000", 1, "current", "")
    ]


@SHAPES
def test_both_shapes_keep_the_same_skus(warehouse: Warehouse, write: Writer, ending: str) -> None:
    # A flat SKU beside a tiered one of its usage type may be the one a row is of; flat ones elsewhere are not needed,
    # nor is a free allowance that stands alone, nor reservations, nor other currencies.
    glacier = replace(S3_STORAGE, sku="FLAT", operation="GlacierStorage", tiers=(("0", "Inf", "0.0040000000"),))
    allowance = replace(FLAT_REQUESTS, sku="FREE", usage_type="Global-Request", tiers=(("0", "1000000", "0.0"),))
    reserved = replace(DYNAMO_STORAGE, sku="RESERVED", term_type="Reserved")
    yuan = replace(DYNAMO_STORAGE, sku="YUAN", usage_type="CNN1-TimedStorage-ByteHrs", currency="CNY")
    put(warehouse, f"index.{ending}", write([S3_STORAGE, glacier, FLAT_REQUESTS, allowance, reserved, yuan]))
    assert sync(warehouse).rejected == ()
    assert warehouse.query("select sku, count(*) from raw.price_list_tiers group by sku order by sku") == [
        ("FLAT", 1),
        ("WP9ANXZGBYYSGJEA", 3),
    ]


def test_prices_of_every_spelling_are_exact(warehouse: Warehouse) -> None:
    odd = replace(
        S3_STORAGE, tiers=(("0", "6000000000.5", "1.66667E-5"), ("6000000000.5", "inf", "0.00001500010000000000"))
    )
    put(warehouse, "index.csv", offer_csv([odd]))
    sync(warehouse)
    assert tiers(warehouse) == [
        (Decimal(0), Decimal("6000000000.5"), Decimal("0.0000166667")),
        (Decimal("6000000000.5"), None, Decimal("0.0000150001")),
    ]


def test_numbers_in_json_are_read_as_they_are_written(warehouse: Warehouse) -> None:
    text = offer_json([S3_STORAGE]).decode()
    put(warehouse, "index.json", text.replace('"0.0230000000"', "0.0230000000").replace('"51200"', "51200").encode())
    assert sync(warehouse).rejected == ()
    assert tiers(warehouse) == S3_TIERS


def test_column_names_of_newer_and_older_files(warehouse: Warehouse) -> None:
    # EC2's files write `Usage Type`; those of before 2021 have no region code, small services no operation.
    text = offer_csv([S3_STORAGE]).decode()
    put(warehouse, "a.csv", text.replace('"usageType"', '"Usage Type"').replace('"operation"', '"Operation"').encode())
    old = (
        text.replace("Region Code", "Region Name").replace('"operation"', '"Comments"').replace("serviceCode", "Other")
    )
    put(warehouse, "b.csv", old.replace("WP9ANXZGBYYSGJEA", "OLD").encode())
    assert sync(warehouse).rejected == ()
    assert warehouse.query("select distinct sku, service_code, region_code from raw.price_list_tiers order by 1") == [
        ("OLD", "AmazonS3", ""),
        ("WP9ANXZGBYYSGJEA", "AmazonS3", "us-east-1"),
    ]


# --- what cannot be priced from -----------------------------------------------------------------------------


@SHAPES
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ((("0", "10", "1"), ("11", "Inf", "2")), "its tiers overlap or leave a gap"),
        ((("0", "10", "1"), ("9", "Inf", "2")), "its tiers overlap or leave a gap"),
        ((("1", "10", "1"), ("10", "Inf", "2")), "its first tier does not begin at 0"),
        ((("0", "10", "1"), ("10", "20", "2")), "not exactly one tier is open at its end"),
        ((("0", "Inf", "1"), ("0", "Inf", "2")), "not exactly one tier is open at its end"),
        ((("0", "10", "0.00000000001"), ("10", "Inf", "2")), "a price has more than ten decimals"),
    ],
)
def test_ladders_with_a_fault_are_left_out_and_said(
    warehouse: Warehouse, write: Writer, ending: str, wrong: tuple[tuple[str, str, str], ...], said: str
) -> None:
    # The whole usage type: left alone, the SKU beside it would be taken for the one that every row is of.
    faulty = replace(S3_STORAGE, sku="FAULTY", tiers=wrong)
    put(warehouse, f"index.{ending}", write([S3_STORAGE, faulty, DYNAMO_STORAGE]))
    sync(warehouse)
    assert warehouse.query("select distinct sku from raw.price_list_tiers") == [("F3MJVGQFY9HKMGXA",)]
    reason = f"Not priced from: TimedStorage-ByteHrs of AmazonS3 (SKU FAULTY: {said})."
    assert files(warehouse) == [(f"price_lists/index.{ending}", "current", reason)]


def test_several_units_in_one_ladder_are_left_out(warehouse: Warehouse) -> None:
    text = offer_csv([DYNAMO_STORAGE]).decode()
    put(warehouse, "index.csv", text.replace('"25","Inf","GB-Mo"', '"25","Inf","TB-Mo"').encode())
    sync(warehouse)
    assert "its tiers have several units" in files(warehouse)[0][2]


@SHAPES
@pytest.mark.parametrize(
    ("product", "said"),
    [
        (replace(S3_STORAGE, tiers=(("0", "5", "cheap"), ("5", "Inf", "1"))), "its price 'cheap' is no amount"),
        (replace(S3_STORAGE, tiers=(("0", "5", "-1"), ("5", "Inf", "1"))), "its price '-1' is no amount"),
        (replace(S3_STORAGE, tiers=(("0", "5", "NaN"), ("5", "Inf", "1"))), "its price 'NaN' is no amount"),
        (replace(S3_STORAGE, tiers=(("x", "5", "1"), ("5", "Inf", "1"))), "its range begins at 'x'"),
        (replace(S3_STORAGE, tiers=(("0", "much", "1"), ("5", "Inf", "1"))), "its range ends at 'much'"),
        (replace(S3_STORAGE, tiers=(("0", "5", "1"), ("5", "5", "1"))), "its range ends at '5'"),
        (replace(S3_STORAGE, effective_date="soon"), "its effective date 'soon' is no date"),
        (replace(S3_STORAGE, usage_type=""), "it has no service code or usage type"),
    ],
)
def test_values_that_cannot_be_read_reject_the_file(
    warehouse: Warehouse, write: Writer, ending: str, product: Product, said: str
) -> None:
    put(warehouse, f"index.{ending}", write([DYNAMO_STORAGE, product]))
    reason = rejection(warehouse)
    assert reason.startswith(f"price_lists/index.{ending}: SKU WP9ANXZGBYYSGJEA: {said}")
    assert tiers(warehouse) == []


def test_many_bad_values_are_named_at_once(warehouse: Warehouse) -> None:
    broken = [replace(S3_STORAGE, sku=f"S{n}", tiers=(("0", "5", "x"), ("5", "Inf", "1"))) for n in range(7)]
    put(warehouse, "index.csv", offer_csv(broken))
    reason = rejection(warehouse)
    assert all(f"SKU S{number}:" in reason for number in range(5))
    assert reason.endswith("; and 2 more.")


def _cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv.gz", _cut(gzip.compress(offer_csv([S3_STORAGE]))), "truncated"),
        ("a.json.gz", gzip.compress(offer_json([S3_STORAGE]))[:-8] + b"12345678", "damaged"),
        ("a.json", _cut(offer_json([S3_STORAGE])), "it is truncated or no JSON"),
        ("a.json", b"", "it is truncated or no JSON"),
        ("a.csv", b"", "no price list"),
        ("a.csv", offer_csv([S3_STORAGE]) + b'"one","two"\n', "Line: 10"),
        ("a.csv", b'"FormatVersion","v1.0"\n"bill/PayerAccountId","x"\n', "begins with the column SKU"),
        ("a.csv", offer_csv([S3_STORAGE]).replace(b"PricePerUnit", b"DiscountedRate"), "no column PricePerUnit"),
        ("a.csv", offer_csv([S3_STORAGE], published="today"), "its publication date is 'today'"),
        ("a.json", b'{"formatVersion": "v1.0", "regions": {"us-east-1": {}}}', "it is an index"),
        ("a.json", b'{"publicationDate": "2026-08-01", "products": [], "terms": {}}', "it is an index"),
        ("a.json", b'{"publicationDate": "2026-08-01", "products": {}, "terms": {}}', "no on-demand price"),
        ("a.json", b'{"publicationDate": "2026-08-01", "products": {"X": 3}}', "SKU X: '3' stands where"),
        ("a.json", b"[1]", "it is an index"),
        ("a.xlsx", b"PK", "is named .csv"),
    ],
)  # fmt: skip
def test_files_that_are_no_sound_price_list(warehouse: Warehouse, name: str, content: bytes, said: str) -> None:
    put(warehouse, name, content)
    put(warehouse, "good.csv", offer_csv([DYNAMO_STORAGE]))
    reason = rejection(warehouse)
    assert reason.startswith(f"price_lists/{name}")
    assert said in reason
    assert len(tiers(warehouse)) == 2


def test_a_product_that_is_not_in_the_file(warehouse: Warehouse) -> None:
    text = offer_json([S3_STORAGE, DYNAMO_STORAGE]).decode()
    head, _, rest = text.partition('"WP9ANXZGBYYSGJEA": {')
    put(warehouse, "index.json", f'{head}"ANOTHER": {{{rest}'.encode())
    assert "SKU WP9ANXZGBYYSGJEA: it has a price, but is no product of the file" in rejection(warehouse)


# --- from one sync to the next ------------------------------------------------------------------------------


def test_an_unchanged_file_is_not_read_again(warehouse: Warehouse) -> None:
    put(warehouse, "a.csv", offer_csv([S3_STORAGE]))
    put(warehouse, "b.csv", b"no list")
    landing = open_landing(warehouse.landing)
    assert have_price_lists_changed(warehouse.connection, landing)
    said: list[str] = []
    first = sync(warehouse, said)
    assert [line.split(" (")[0] for line in said] == ["Reading price_lists/a.csv", "Reading price_lists/b.csv"]
    assert not have_price_lists_changed(warehouse.connection, landing)
    again = sync(warehouse, said)
    assert (len(said), again.loaded) == (2, ())
    # It is still rejected, and said to be.
    assert again.rejected == first.rejected != ()


def test_a_broken_version_leaves_what_the_file_said_before(warehouse: Warehouse) -> None:
    put(warehouse, "a.csv", offer_csv([S3_STORAGE]))
    sync(warehouse)
    put(warehouse, "a.csv", b"broken\n")
    rejection(warehouse)
    assert tiers(warehouse) == S3_TIERS
    assert warehouse.query("select version, sku_count, status from raw.price_list_files") == [
        ("20260815093000", 1, "rejected")
    ]
    put(warehouse, "a.csv", offer_csv([DYNAMO_STORAGE]))
    assert sync(warehouse).rejected == ()
    assert len(tiers(warehouse)) == 2


def test_a_file_that_is_taken_out_is_forgotten(warehouse: Warehouse) -> None:
    put(warehouse, "a.csv", offer_csv([S3_STORAGE]))
    path = put(warehouse, "b.csv", offer_csv([DYNAMO_STORAGE]))
    sync(warehouse)
    path.unlink()
    assert have_price_lists_changed(warehouse.connection, open_landing(warehouse.landing))
    assert sync(warehouse).removed == ("price_lists/b.csv",)
    assert tiers(warehouse) == S3_TIERS


def test_a_file_that_is_written_while_it_is_read_is_looked_at_again(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(warehouse, "a.csv", offer_csv([S3_STORAGE]))
    refreshed = LocalLanding.refreshed

    def written_to(landing: LocalLanding, landed: Any) -> Any:
        os.utime(path, ns=(1, 1))
        return refreshed(landing, landed)

    monkeypatch.setattr(LocalLanding, "refreshed", written_to)
    assert "was replaced while it was read" in rejection(warehouse)
    assert tiers(warehouse) == []
    monkeypatch.undo()
    assert sync(warehouse).rejected == ()
    assert tiers(warehouse) == S3_TIERS


def test_a_failure_in_between_changes_nothing(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    put(warehouse, "a.csv", offer_csv([S3_STORAGE]))
    sync(warehouse)
    before = warehouse.query("select * from raw.price_list_tiers order by all"), files(warehouse)
    put(warehouse, "a.csv", offer_csv([DYNAMO_STORAGE]))
    put(warehouse, "b.csv", b"broken")

    def fail(*_: object) -> None:
        raise RuntimeError("no more disk")

    monkeypatch.setattr("orchestration.ingest.price_lists._reject", fail)
    with pytest.raises(RuntimeError, match="no more disk"):
        sync(warehouse)
    assert (warehouse.query("select * from raw.price_list_tiers order by all"), files(warehouse)) == before


def test_price_lists_are_no_deliveries(warehouse: Warehouse) -> None:
    put(warehouse, "us-east-1/index.csv", offer_csv([S3_STORAGE]))
    land_legacy(warehouse.landing, "a", [[legacy_row("1")]])
    assert warehouse.sync().rejected == ()
    sync(warehouse)
    assert len(files(warehouse)) == 1


# --- what is in force ---------------------------------------------------------------------------------------


def test_a_period_depends_on_the_tiers_in_force_in_it_alone(warehouse: Warehouse) -> None:
    put(warehouse, "a.csv", offer_csv([S3_STORAGE]))
    sync(warehouse)
    july = date(2026, 7, 1)
    before = price_list_digests(warehouse.connection, [july, AUGUST, SEPTEMBER])
    assert before[july] == ""
    assert before[AUGUST] == before[SEPTEMBER] != ""

    cheaper = replace(
        S3_STORAGE, tiers=(("0", "51200", "0.0200000000"), ("51200", "Inf", "0.01")), effective_date="2026-09-30"
    )
    put(warehouse, "b.json", offer_json([cheaper], published="2026-09-29T00:00:00Z"))
    sync(warehouse)
    after = price_list_digests(warehouse.connection, [july, AUGUST, SEPTEMBER])
    assert (after[july], after[AUGUST]) == ("", before[AUGUST])
    assert after[SEPTEMBER] != before[SEPTEMBER]


def test_the_same_tiers_in_another_file_change_nothing(warehouse: Warehouse) -> None:
    path = put(warehouse, "a.csv", offer_csv([S3_STORAGE]))
    sync(warehouse)
    before = price_list_digests(warehouse.connection, [AUGUST])
    path.unlink()
    put(warehouse, "b.json", offer_json([S3_STORAGE], published="2026-08-20T00:00:00Z"))
    assert have_price_lists_changed(warehouse.connection, open_landing(warehouse.landing))
    sync(warehouse)
    assert price_list_digests(warehouse.connection, [AUGUST]) == before
