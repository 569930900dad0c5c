"""Manifests as AWS, older AWS and half-finished copies write them, and the files they mean."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.ingest.discovery import discover
from orchestration.ingest.landing import LandedObject, LocalLanding
from orchestration.ingest.manifests import (
    Family,
    Manifest,
    UnreadableManifest,
    is_manifest,
    parse_manifest,
    resolve_files,
)
from tests.unit.ingest.landed_cur import legacy_manifest, legacy_row, packed, place

LEGACY: dict[str, Any] = {
    "assemblyId": "id-1",
    "account": "123456789012",
    "reportName": "cur",
    "billingPeriod": {"start": "20240101T000000.000Z", "end": "20240131T235959.999Z"},
    "reportKeys": ["/billing//cur/20240101-20240201/id-1/cur-00001.csv.gz"],
}
UUID = "0664ded9-f428-4882-81d0-c24549af49a6"
CREATE_NEW = f"2024-04-01T13:09:00.126Z-{UUID}"


def landed(key: str) -> LandedObject:
    return LandedObject(key, 1, "1", datetime(2024, 1, 2, tzinfo=UTC), key)


def parse(document: object, key: str = "billing/cur/20240101-20240201/cur-Manifest.json") -> Manifest:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    manifest = parse_manifest(landed(key), content)
    assert isinstance(manifest, Manifest), manifest
    return manifest


def reason(document: object, key: str = "cur-Manifest.json") -> str:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    manifest = parse_manifest(landed(key), content)
    assert isinstance(manifest, UnreadableManifest)
    return manifest.reason


def test_a_legacy_manifest() -> None:
    manifest = parse(LEGACY)
    assert (manifest.family, manifest.delivery_id, manifest.export_name) == (Family.LEGACY, "id-1", "cur")
    assert (manifest.billing_period, manifest.account) == (date(2024, 1, 1), "123456789012")
    # Keys without a prefix begin with a slash, which no folder does.
    assert manifest.file_keys == ("billing/cur/20240101-20240201/id-1/cur-00001.csv.gz",)
    assert manifest.is_pointer


def test_the_copy_in_the_delivery_folder_points_at_nothing() -> None:
    assert not parse(LEGACY, "billing/cur/20240101-20240201/id-1/cur-Manifest.json").is_pointer


@pytest.mark.parametrize(
    "files",
    [
        [f"s3://bucket/x/e/data/BILLING_PERIOD=2024-03/{CREATE_NEW}/e-00001.snappy.parquet"],
        [{"s3Uri": f"s3://bucket/x/e/data/BILLING_PERIOD=2024-03/{CREATE_NEW}/e-00001.snappy.parquet", "size": 1}],
        [{"key": f"x/e/data/BILLING_PERIOD=2024-03/{CREATE_NEW}/e-00001.snappy.parquet"}],
    ],
)
def test_a_data_exports_manifest(files: list[object]) -> None:
    document = {"exportArn": f"arn:aws:bcm-data-exports:us-east-1:123456789012:export/e-{UUID}", "dataFiles": files}
    manifest = parse(document, f"x/e/metadata/BILLING_PERIOD=2024-03/{CREATE_NEW}/e-Manifest.json")
    assert (manifest.family, manifest.export_name, manifest.account) == (Family.DATA_EXPORTS, "e", "123456789012")
    assert manifest.billing_period == date(2024, 3, 1)
    assert manifest.file_keys == (f"x/e/data/BILLING_PERIOD=2024-03/{CREATE_NEW}/e-00001.snappy.parquet",)
    # Without an executionId the delivery's folder is its id.
    assert manifest.delivery_id == CREATE_NEW
    assert manifest.delivered_at == datetime(2024, 4, 1, 13, 9, 0, 126000)
    assert not manifest.is_pointer


def test_an_execution_id_counts_before_an_assembly_id() -> None:
    document = {**LEGACY, "executionId": "run-7", "dataFiles": ["data/BILLING_PERIOD=2024-01/e-00001.csv.gz"]}
    assert parse(document).delivery_id == "run-7"


def test_a_manifest_without_any_id_is_known_by_its_content() -> None:
    document = {name: value for name, value in LEGACY.items() if name != "assemblyId"}
    first, again = parse(document), parse(document, "elsewhere/cur-Manifest.json")
    other = parse({**document, "reportKeys": ["billing/cur/20240101-20240201/cur-00002.csv.gz"]})
    assert first.delivery_id == again.delivery_id != other.delivery_id


def test_a_file_listed_twice_is_one_file() -> None:
    # Loaded twice it would bill everything twice.
    assert len(parse({**LEGACY, "reportKeys": LEGACY["reportKeys"] * 2}).file_keys) == 1


def test_an_account_written_as_a_number_gets_its_zeros_back() -> None:
    assert parse({**LEGACY, "account": 11254002932}).account == "011254002932"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (json.dumps(LEGACY).encode()[:100], "is not complete JSON"),
        (b"", "is not complete JSON"),
        (b"\xff\xfe{}", "is not UTF-8"),
        (b"[]", "is not a JSON object"),
        ({**LEGACY, "reportKeys": []}, "lists no data files"),
        ({**LEGACY, "reportKeys": [{"size": 1}]}, "has no key"),
        ({**LEGACY, "reportKeys": ["../../etc/passwd"]}, "outside its bucket"),
        (
            {**LEGACY, "billingPeriod": {"start": "20241301T000000.000Z"}, "reportKeys": ["x.csv.gz"]},
            "no billing period",
        ),
    ],
)
def test_a_manifest_that_cannot_be_read_says_why(content: object, said: str) -> None:
    assert said in reason(content)


def test_an_unreadable_manifest_is_placed_by_its_path() -> None:
    manifest = parse_manifest(landed("b/cur/20240101-20240201/cur-Manifest.json"), b"{")
    assert isinstance(manifest, UnreadableManifest)
    assert (manifest.export_name, manifest.billing_period) == ("cur", date(2024, 1, 1))


@pytest.mark.parametrize(
    ("key", "is_one"),
    [
        ("a/cur-Manifest.json", True),
        ("manifest.json", True),
        ("a/cur-RedshiftManifest.json", False),
        ("a/cur-00001.csv.gz", False),
        ("a/cur-Manifest.json.partial", False),
    ],
)
def test_names_of_manifests(key: str, is_one: bool) -> None:
    assert is_manifest(key) is is_one


def test_another_tools_file_list_is_no_delivery() -> None:
    assert parse_manifest(landed("a/quick-manifest.json"), b'{"fileLocations": []}') is None


# --- where the files are -----------------------------------------------------------------------------------------

KEY = "billing/cur/20240101-20240201/id-1/cur-00001.csv.gz"


@pytest.mark.parametrize(
    ("manifest_key", "file_key"),
    [
        # The bucket's root is the landing, or a folder below it.
        ("billing/cur/20240101-20240201/cur-Manifest.json", KEY),
        ("bucket/billing/cur/20240101-20240201/cur-Manifest.json", f"bucket/{KEY}"),
        ("a/b/billing/cur/20240101-20240201/cur-Manifest.json", f"a/b/{KEY}"),
        # The prefix was dropped by a sync of one folder.
        ("cur/20240101-20240201/cur-Manifest.json", "cur/20240101-20240201/id-1/cur-00001.csv.gz"),
        ("here/20240101-20240201/cur-Manifest.json", "here/20240101-20240201/id-1/cur-00001.csv.gz"),
    ],
)
def test_files_are_found_wherever_the_bucket_root_is(manifest_key: str, file_key: str) -> None:
    manifest = parse(LEGACY, manifest_key)
    assert resolve_files(manifest, {file_key: landed(file_key)}) == [landed(file_key)]


@pytest.mark.parametrize(
    "file_key",
    [
        "billing/cur/20240101-20240201/cur-00001.csv.gz",
        "billing/cur/20240101-20240201/id-2/cur-00001.csv.gz",
        "billing/cur/20240201-20240301/id-1/cur-00001.csv.gz",
        "cur-00001.csv.gz",
        "id-1/cur-00001.csv.gz",
    ],
)
def test_no_file_of_another_delivery_or_period_is_taken(file_key: str) -> None:
    manifest = parse(LEGACY)
    assert resolve_files(manifest, {file_key: landed(file_key)}) == [KEY]


def test_all_files_come_from_one_place() -> None:
    # Half of an old copy and half of a new one are no delivery.
    second = KEY.replace("00001", "00002")
    manifest = parse({**LEGACY, "reportKeys": [KEY, second]}, f"new/{KEY.rpartition('/')[0]}/cur-Manifest.json")
    objects = {key: landed(key) for key in (f"new/{KEY}", second)}
    assert resolve_files(manifest, objects) == [landed(f"new/{KEY}"), f"new/{second}"]


def test_a_whole_delivery_higher_up_counts_before_half_of_it_below() -> None:
    second = KEY.replace("00001", "00002")
    manifest = parse({**LEGACY, "reportKeys": [KEY, second]}, f"new/{KEY.rpartition('/')[0]}/cur-Manifest.json")
    objects = {key: landed(key) for key in (f"new/{KEY}", KEY, second)}
    assert resolve_files(manifest, objects) == [landed(KEY), landed(second)]


def test_two_landings_of_one_delivery_are_one(tmp_path: Path) -> None:
    part = packed([legacy_row()])
    for root in ("one", "two/deeper"):
        place(tmp_path / root / KEY, part)
        place(tmp_path / root / "billing/cur/20240101-20240201/cur-Manifest.json", legacy_manifest("id-1", [KEY]))
    found = discover(LocalLanding(tmp_path))
    assert len(found.deliveries) == 1
    assert len(found.deliveries[0].manifests) == 2


def test_moving_a_landing_changes_no_fingerprint(tmp_path: Path) -> None:
    place(tmp_path / "a" / KEY, packed([legacy_row()]))
    place(tmp_path / "a/billing/cur/20240101-20240201/cur-Manifest.json", legacy_manifest("id-1", [KEY]))
    before = discover(LocalLanding(tmp_path)).deliveries[0]
    (tmp_path / "a").rename(tmp_path / "b")
    after = discover(LocalLanding(tmp_path)).deliveries[0]
    assert before.fingerprint == after.fingerprint
    place(tmp_path / "b" / KEY, packed([legacy_row("2")]))
    assert discover(LocalLanding(tmp_path)).deliveries[0].fingerprint != before.fingerprint


def test_a_folder_linked_into_itself_is_listed_once(tmp_path: Path) -> None:
    place(tmp_path / "a" / "file.csv", b"x")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert list(LocalLanding(tmp_path).list_objects()) == ["a/file.csv"]
