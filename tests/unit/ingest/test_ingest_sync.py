"""Which delivery is billed from, as the landing changes from one sync to the next."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import DeliveryError
from orchestration.ingest.deliveries import SyncResult, changed_periods
from orchestration.ingest.landing import LandedObject, LocalLanding, open_landing
from orchestration.ingest.register import Register
from orchestration.settings import Workspace
from tests.unit.ingest.conftest import Warehouse
from tests.unit.ingest.landed_cur import (
    PAYER,
    cur2_row,
    land_cur2,
    land_legacy,
    legacy_folder,
    legacy_manifest,
    legacy_row,
    packed,
    parquet_bytes,
    place,
)

JANUARY = date(2024, 1, 1)


def pending(warehouse: Warehouse) -> set[date]:
    return changed_periods(warehouse.connection, open_landing(warehouse.landing), warehouse.payers)


def reasons(result: SyncResult) -> list[str]:
    return [rejection.reason for rejection in result.rejected]


def test_an_empty_landing_has_a_view_without_rows(warehouse: Warehouse) -> None:
    result = warehouse.sync()
    assert (result.periods_changed, result.landed, result.rejected) == ((), (), ())
    assert warehouse.query("select count(*), count(line_item_unblended_cost) from raw.cur_line_items") == [(0, 0)]


def test_a_delivery_is_read_once(warehouse: Warehouse) -> None:
    land_legacy(warehouse.landing, "a", [[legacy_row("1")], [legacy_row("2")]])
    assert pending(warehouse) == {JANUARY}
    first = warehouse.sync()
    assert first.periods_changed == (JANUARY,)
    assert len(first.landed) == 1
    assert warehouse.costs() == [(Decimal(1),), (Decimal(2),)]
    assert warehouse.query(
        "select source_file, source_row_number, discount_mode, billing_period, bill_payer_account_id "
        "from raw.cur_line_items order by 1"
    ) == [
        ("cur-00001.csv.gz", 1, "rows", JANUARY, PAYER),
        ("cur-00002.csv.gz", 1, "rows", JANUARY, PAYER),
    ]

    assert pending(warehouse) == set()
    again = warehouse.sync()
    assert (again.periods_changed, again.landed, warehouse.said) == ((), (), [])


def test_the_register_row_of_a_delivery(warehouse: Warehouse) -> None:
    land_legacy(
        warehouse.landing,
        "a",
        [
            [
                legacy_row("10.00000000004", lineItem_UsageStartDate="2024-01-03T00:00:00Z"),
                legacy_row("5", bill_InvoiceId=""),
                # Not open: it costs nothing.
                legacy_row("0", bill_InvoiceId=""),
                # C1: repeats what the parent row costs; it must not be in any total.
                legacy_row("7", splitLineItem_ParentResourceId="i-1", bill_InvoiceId=""),
                legacy_row("8", lineItem_Operation="EKSPod-EC2"),
                legacy_row("1", pricing_publicOnDemandCost="convertible"),
            ]
        ],
    )
    warehouse.sync()
    assert warehouse.query(
        "select form, status, is_billed, row_count, file_count, unblended_cost, net_unblended_cost, "
        "split_cost_row_count, excess_decimal_row_count, excess_decimal_sum, bad_value_row_count, discount_mode, "
        "open_row_count, open_cost, first_usage_at::varchar, last_usage_at::varchar from raw.deliveries"
    ) == [
        (
            *("legacy_cur_csv", "current", True, 6, 1, Decimal(16), Decimal(16), 2, 1, Decimal("4E-11"), 1, "rows"),
            *(1, Decimal(5), "2024-01-03 00:00:00", "2024-01-05 00:00:00"),
        )
    ]
    files = warehouse.query("select source_key, row_count, byte_count, checksum, stored_path from raw.delivery_files")
    key, row_count, byte_count, checksum, stored = files[0]
    assert (key, row_count) == (f"{legacy_folder()}/a/cur-00001.csv.gz", 6)
    assert (warehouse.landing / key).stat().st_size == byte_count
    assert len(checksum) == 64
    assert (warehouse.workspace.raw_store / stored).is_file()
    assert warehouse.query(
        "select column_count, list_contains(columns, 'pricing_public_on_demand_cost') from raw.deliveries"
    ) == [(16, True)]


def test_the_pointer_decides_and_may_go_back(warehouse: Warehouse) -> None:
    land_legacy(warehouse.landing, "a", [[legacy_row("1")]])
    land_legacy(warehouse.landing, "b", [[legacy_row("2")]])
    warehouse.sync()
    assert warehouse.statuses() == {"a": "superseded", "b": "current"}
    # What never was current was never read.
    assert warehouse.query("select row_count from raw.deliveries where delivery_id = 'a'") == [(None,)]

    pointer = warehouse.landing / legacy_folder() / "cur-Manifest.json"
    place(pointer, (warehouse.landing / legacy_folder() / "a" / "cur-Manifest.json").read_bytes())
    assert pending(warehouse) == {JANUARY}
    assert warehouse.sync().periods_changed == (JANUARY,)
    assert warehouse.statuses() == {"a": "current", "b": "superseded"}
    assert warehouse.costs() == [(Decimal(1),)]


def test_without_a_pointer_the_newest_data_is_current(warehouse: Warehouse) -> None:
    later = legacy_row("1", lineItem_UsageStartDate="2024-01-20T00:00:00Z")
    land_legacy(warehouse.landing, "aa-newer", [[later]], is_pointed=False)
    folder = land_legacy(warehouse.landing, "zz-older", [[legacy_row("2")]], is_pointed=False)
    # A copy may have given the manifests any time.
    os.utime(folder / "cur-Manifest.json", (2_000_000_000, 2_000_000_000))
    warehouse.sync()
    assert warehouse.statuses() == {"zz-older": "superseded", "aa-newer": "current"}


def test_equal_data_is_told_apart_by_the_manifests_time(warehouse: Warehouse) -> None:
    for number, delivery_id in enumerate(["b-newer", "c-older"]):
        folder = land_legacy(warehouse.landing, delivery_id, [[legacy_row("1")]], is_pointed=False)
        os.utime(folder / "cur-Manifest.json", (1_700_000_000 - number, 1_700_000_000 - number))
    warehouse.sync()
    assert warehouse.statuses() == {"b-newer": "current", "c-older": "superseded"}


def test_awss_time_in_the_folder_names_spares_reading_the_old_ones(warehouse: Warehouse) -> None:
    part = parquet_bytes([cur2_row(1.0)])
    land_cur2(warehouse.landing, "old", [part], folder="2024-01-20T00:00:00.000Z-old", is_pointed=False)
    # Half a delivery, and the newest: it must not stop the one before it.
    land_cur2(warehouse.landing, "half", [part[:-20]], folder="2024-01-22T00:00:00.000Z-half", is_pointed=False)
    land_cur2(warehouse.landing, "new", [part], folder="2024-01-21T00:00:00.000Z-new", is_pointed=False)
    warehouse.sync()
    assert warehouse.statuses() == {"old": "superseded", "half": "rejected", "new": "current"}
    assert not [line for line in warehouse.said if "(old)" in line]


def test_when_the_current_one_vanishes_the_newest_that_is_left_counts(warehouse: Warehouse) -> None:
    land_legacy(warehouse.landing, "a", [[legacy_row("1")]])
    later = legacy_row("2", lineItem_UsageStartDate="2024-01-20T00:00:00Z")
    land_legacy(warehouse.landing, "b", [[later]])
    latest = legacy_row("3", lineItem_UsageStartDate="2024-01-25T00:00:00Z")
    folder = land_legacy(warehouse.landing, "c", [[latest]])
    warehouse.sync()
    assert warehouse.costs() == [(Decimal(3),)]

    shutil.rmtree(folder)
    (warehouse.landing / legacy_folder() / "cur-Manifest.json").unlink()
    warehouse.sync()
    assert warehouse.statuses() == {"a": "superseded", "b": "current", "c": "superseded"}
    assert warehouse.costs() == [(Decimal(2),)]


def test_when_everything_vanishes_what_is_stored_stays(warehouse: Warehouse) -> None:
    land_legacy(warehouse.landing, "a", [[legacy_row("1")]])
    warehouse.sync()
    shutil.rmtree(warehouse.landing / "billing")
    result = warehouse.sync()
    assert (result.periods_changed, result.rejected) == ((), ())
    assert warehouse.costs() == [(Decimal(1),)]
    assert pending(warehouse) == set()


def truncate(folder: Path) -> None:
    part = folder / "cur-00002.csv.gz"
    place(part, part.read_bytes()[:-12])


def overwrite_in_place(folder: Path) -> None:
    # As `cp` and some sync tools do: the same inode. A hard link in the store would be overwritten with it.
    (folder / "cur-00002.csv.gz").write_bytes(b"")


def remove_part(folder: Path) -> None:
    (folder / "cur-00002.csv.gz").unlink()


def replace_part(folder: Path, row: dict[str, str]) -> None:
    place(folder / "cur-00002.csv.gz", packed([legacy_row("1"), row]))


DAMAGES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "truncated": (truncate, ["cur-00002.csv.gz", "truncated"]),
    "emptied in place": (overwrite_in_place, ["cur-00002.csv.gz", "truncated"]),
    "missing part": (remove_part, ["cur-00002.csv.gz", "1 of 2 listed files is missing"]),
    "unreadable cost": (
        lambda folder: replace_part(folder, legacy_row("1_000.00")),
        ["cur-00002.csv.gz, row 2", "'1_000.00' is not a number"],
    ),
    "missing cost": (
        lambda folder: replace_part(folder, legacy_row("")),
        ["cur-00002.csv.gz, row 2", "has no unblended cost"],
    ),
    "huge cost": (
        lambda folder: replace_part(folder, legacy_row("1234567890123.5")),
        ["cur-00002.csv.gz, row 2", "more than 12 integer digits"],
    ),
    "another month": (
        lambda folder: replace_part(folder, legacy_row(bill_BillingPeriodStartDate="2023-12-01T00:00:00Z")),
        ["cur-00002.csv.gz, row 2", "2023-12-01", "2024-01"],
    ),
    "a later month": (
        lambda folder: replace_part(folder, legacy_row(bill_BillingPeriodStartDate="2024-02-01T00:00:00Z")),
        ["cur-00002.csv.gz, row 2", "2024-02-01", "2024-01"],
    ),
    "no month": (
        lambda folder: replace_part(folder, legacy_row(bill_BillingPeriodStartDate="")),
        ["cur-00002.csv.gz, row 2", "no readable billing period start"],
    ),
    "another currency": (
        lambda folder: replace_part(folder, legacy_row(lineItem_CurrencyCode="CNY")),
        ["cur-00002.csv.gz, row 2", "CNY"],
    ),
    "two payers": (
        lambda folder: replace_part(folder, legacy_row(bill_PayerAccountId="999999999999")),
        ["several payers", PAYER, "999999999999"],
    ),
    "no cost column": (
        lambda folder: place(folder / "cur-00002.csv.gz", packed([{"bill/PayerAccountId": PAYER, "a/b": ""}])) and None,
        ["cur-00002.csv.gz", "has no column", "line_item_unblended_cost"],
    ),
    "not a CSV": (
        lambda folder: place(folder / "cur-00002.csv.gz", b"PAR1") and None,
        ["cur-00002.csv.gz", "gzip data is damaged"],
    ),
}


@pytest.mark.parametrize(
    ("where", "damage"),
    [
        *(("a newer delivery", damage) for damage in DAMAGES),
        *(
            ("the current delivery", damage)
            for damage in ("truncated", "emptied in place", "missing part", "two payers")
        ),
    ],
)
def test_a_damaged_delivery_changes_nothing(warehouse: Warehouse, where: str, damage: str) -> None:
    parts = [[legacy_row("1")], [legacy_row("2")]]
    folder = land_legacy(warehouse.landing, "good", parts)
    warehouse.sync()
    before = warehouse.contents()

    if where == "a newer delivery":
        folder = land_legacy(warehouse.landing, "new", parts)
    spoil, said = DAMAGES[damage]
    spoil(folder)
    result = warehouse.sync()

    assert warehouse.contents() == before
    assert (result.periods_changed, result.landed) == ((), ())
    assert len(result.rejected) == 1
    for words in said:
        assert words in result.rejected[0].reason
    # Known to be bad, it is not read again, and still listed.
    again = warehouse.sync()
    assert (again.rejected, warehouse.said) == (result.rejected, [])
    assert pending(warehouse) == set()


def test_a_truncated_parquet_changes_nothing(warehouse: Warehouse) -> None:
    whole = parquet_bytes([cur2_row(1.0)])
    folder = land_cur2(warehouse.landing, "a", [whole])
    warehouse.sync()
    before = warehouse.contents()
    # The same inode: the store must not be a hard link to it.
    (folder / "cur2-00001.snappy.parquet").write_bytes(whole[:-7])
    result = warehouse.sync()
    assert warehouse.contents() == before
    assert "cur2-00001.snappy.parquet: the Parquet file is truncated or damaged" in reasons(result)[0]


def test_a_parquet_with_a_damaged_page_is_refused(warehouse: Warehouse) -> None:
    rows = [cur2_row(float(number), line_item_line_item_description=str(number)) for number in range(2_000)]
    whole = bytearray(parquet_bytes(rows))
    whole[100:2_000] = os.urandom(1_900)
    land_cur2(warehouse.landing, "a", [bytes(whole)])
    result = warehouse.sync()
    assert "damaged" in reasons(result)[0]
    assert warehouse.costs() == []


def test_a_half_written_pointer_is_listed_and_harmless(warehouse: Warehouse) -> None:
    land_legacy(warehouse.landing, "a", [[legacy_row("1")]])
    warehouse.sync()
    before = warehouse.contents()
    pointer = warehouse.landing / legacy_folder() / "cur-Manifest.json"
    whole = pointer.read_bytes()
    place(pointer, whole[:50])
    result = warehouse.sync()
    assert warehouse.contents() == before
    assert "cur-Manifest.json is not complete JSON" in reasons(result)[0]
    assert result.rejected[0].billing_period == JANUARY

    place(pointer, whole)
    assert warehouse.sync().rejected == ()


def test_a_mended_delivery_is_taken(warehouse: Warehouse) -> None:
    folder = land_legacy(warehouse.landing, "a", [[legacy_row("1")], [legacy_row("2")]])
    part = folder / "cur-00002.csv.gz"
    whole = part.read_bytes()
    place(part, whole[:-5])
    warehouse.sync()
    assert warehouse.statuses() == {"a": "rejected"}
    place(part, whole)
    result = warehouse.sync()
    assert (result.rejected, result.periods_changed) == ((), (JANUARY,))
    assert warehouse.costs() == [(Decimal(1),), (Decimal(2),)]


def test_changed_files_of_the_current_delivery_are_taken_when_sound(warehouse: Warehouse) -> None:
    folder = land_legacy(warehouse.landing, "a", [[legacy_row("1")]])
    warehouse.sync()
    place(folder / "cur-00001.csv.gz", packed([legacy_row("5")]))
    assert warehouse.sync().periods_changed == (JANUARY,)
    assert warehouse.costs() == [(Decimal(5),)]


def test_a_damaged_pointed_delivery_falls_back_to_the_newest_sound_one(warehouse: Warehouse) -> None:
    land_legacy(warehouse.landing, "a", [[legacy_row("1")]])
    land_legacy(warehouse.landing, "b", [[legacy_row("2", lineItem_UsageStartDate="2024-01-09T00:00:00Z")]])
    remove = land_legacy(warehouse.landing, "c", [[legacy_row("3")]])
    (remove / "cur-00001.csv.gz").unlink()
    warehouse.sync()
    assert warehouse.statuses() == {"a": "superseded", "b": "current", "c": "rejected"}


def test_damage_beside_a_vanished_current_delivery_changes_nothing(warehouse: Warehouse) -> None:
    land_legacy(warehouse.landing, "a", [[legacy_row("1")]])
    folder = land_legacy(warehouse.landing, "b", [[legacy_row("2", lineItem_UsageStartDate="2024-01-09T00:00:00Z")]])
    warehouse.sync()
    # AWS's life cycle rule removed the current delivery, and the one that follows did not arrive whole.
    shutil.rmtree(folder)
    land_legacy(warehouse.landing, "c", [b"half"])
    warehouse.sync()
    assert warehouse.statuses() == {"a": "superseded", "b": "current", "c": "rejected"}
    assert warehouse.costs() == [(Decimal(2),)]


def test_overwrite_mode_keeps_the_last_sound_delivery(warehouse: Warehouse) -> None:
    part = parquet_bytes([cur2_row(1.0)])
    land_cur2(warehouse.landing, "first", [part])
    warehouse.sync()
    # AWS has written the new manifest over the old one; the new file did not arrive whole.
    land_cur2(warehouse.landing, "second", [part[:-9]])
    warehouse.sync()
    assert warehouse.statuses() == {"first": "current", "second": "rejected"}
    land_cur2(warehouse.landing, "third", [parquet_bytes([cur2_row(3.0)])])
    warehouse.sync()
    assert warehouse.statuses() == {"first": "superseded", "third": "current"}
    assert warehouse.costs() == [(Decimal(3),)]


class _Restless(LocalLanding):
    """A landing in which AWS writes while we read: the manifest is replaced after the first files were opened."""

    def __init__(self, root: Path, replacements: list[bytes], manifest: Path) -> None:
        super().__init__(root)
        self.replacements = replacements
        self.manifest = manifest

    def fetch(self, landed: LandedObject, target: Path) -> str:
        if self.replacements:
            place(self.manifest, self.replacements.pop(0))
        return super().fetch(landed, target)


def _restless(warehouse: Warehouse, executions: list[str]) -> _Restless:
    land_cur2(warehouse.landing, executions[0], [parquet_bytes([cur2_row(1.0)])])
    manifest = warehouse.landing / "exports/cur2/metadata/BILLING_PERIOD=2024-01/cur2-Manifest.json"
    document = json.loads(manifest.read_bytes())
    following = [json.dumps({**document, "executionId": execution}).encode() for execution in executions[1:]]
    return _Restless(warehouse.landing, following, manifest)


def test_a_delivery_replaced_while_it_is_read_is_looked_at_again(warehouse: Warehouse) -> None:
    warehouse.opened = _restless(warehouse, ["first", "second"])
    result = warehouse.sync()
    assert result.rejected == ()
    # What was read under the first manifest may have been half of each.
    assert warehouse.statuses() == {"second": "current"}


def test_a_landing_that_never_rests_is_refused_for_now(warehouse: Warehouse) -> None:
    warehouse.opened = _restless(warehouse, ["first", "second", "third"])
    result = warehouse.sync()
    assert "changed while it was read" in reasons(result)[0]
    assert warehouse.costs() == []
    warehouse.sync()
    assert warehouse.statuses() == {"third": "current"}


# --- payers and exports ------------------------------------------------------------------------------------------


def test_a_payer_that_is_not_configured_is_listed_and_not_read(warehouse: Warehouse) -> None:
    land_legacy(warehouse.landing, "a", [[legacy_row("1")]])
    warehouse.payers = {}
    result = warehouse.sync()
    assert f"Payer {PAYER} is not in payers.csv" in reasons(result)[0]
    assert warehouse.said == []
    assert warehouse.costs() == []

    warehouse.payers = {PAYER: ""}
    assert pending(warehouse) == {JANUARY}
    warehouse.sync()
    assert warehouse.costs() == [(Decimal(1),)]

    # Removed for a while, with its landing gone meanwhile, it comes back as it was.
    warehouse.payers = {}
    warehouse.sync()
    assert warehouse.costs() == []
    shutil.rmtree(warehouse.landing / "billing")
    warehouse.payers = {PAYER: ""}
    warehouse.sync()
    assert warehouse.costs() == [(Decimal(1),)]


def test_several_exports_must_be_chosen_between(warehouse: Warehouse) -> None:
    land_legacy(warehouse.landing, "a", [[legacy_row("1")]], export="hourly")
    land_legacy(warehouse.landing, "b", [[legacy_row("2")]], export="daily")
    # Billing from both would bill everything twice.
    with pytest.raises(DeliveryError, match=r"several exports for 2024-01 \(daily, hourly\).*payers\.csv"):
        warehouse.sync()
    warehouse.payers = {PAYER: "daily"}
    warehouse.sync()
    assert warehouse.costs() == [(Decimal(2),)]
    assert warehouse.query("select delivery_id, status, is_billed, row_count from raw.deliveries order by 1") == [
        ("a", "current", False, None),
        ("b", "current", True, 1),
    ]
    assert warehouse.sync().periods_changed == ()

    warehouse.payers = {PAYER: "hourly"}
    assert pending(warehouse) == {JANUARY}
    assert warehouse.sync().periods_changed == (JANUARY,)
    assert warehouse.costs() == [(Decimal(1),)]


def test_two_payers_may_have_an_export_of_the_same_name(warehouse: Warehouse) -> None:
    other = "999999999999"
    warehouse.payers = {PAYER: "", other: ""}
    land_legacy(warehouse.landing / "one", "a", [[legacy_row("1")]], account=None)
    land_legacy(warehouse.landing / "two", "b", [[legacy_row("2", bill_PayerAccountId=other)]], account=None)
    warehouse.sync()
    assert warehouse.query(
        "select bill_payer_account_id, line_item_unblended_cost from raw.cur_line_items order by 1"
    ) == [(PAYER, Decimal(1)), (other, Decimal(2))]


def test_the_rows_say_who_pays_not_the_exports_account(warehouse: Warehouse) -> None:
    # An export of a linked account: its manifest names that account, its rows the payer.
    land_legacy(warehouse.landing, "a", [[legacy_row("1")]], account="000000000001")
    result = warehouse.sync()
    assert result.rejected == ()
    assert warehouse.query("select payer_account_id, status from raw.deliveries") == [(PAYER, "current")]
    assert warehouse.sync().periods_changed == ()


def test_a_delivery_without_any_payer_says_what_is_wrong_with_it(warehouse: Warehouse) -> None:
    land_legacy(warehouse.landing, "a", [b"not gzip"], account=None)
    assert "gzip data is damaged" in reasons(warehouse.sync())[0]
    assert "gzip data is damaged" in reasons(warehouse.sync())[0]
    assert warehouse.said == []


@pytest.mark.parametrize("content", [packed([], list(legacy_row())), packed([], [])], ids=["header", "nothing"])
def test_a_delivery_without_rows_is_legal(warehouse: Warehouse, content: bytes) -> None:
    content = content if b"," in content or len(content) > 40 else __import__("gzip").compress(b"")
    land_legacy(warehouse.landing, "a", [content])
    result = warehouse.sync()
    assert result.rejected == ()
    assert warehouse.query("select status, row_count, unblended_cost from raw.deliveries") == [
        ("current", 0, Decimal(0))
    ]
    assert warehouse.costs() == []
    assert warehouse.sync().periods_changed == ()


def test_two_landings_of_a_delivery_bill_once(warehouse: Warehouse) -> None:
    land_legacy(warehouse.landing / "here", "a", [[legacy_row("1")]])
    land_legacy(warehouse.landing / "there", "a", [[legacy_row("1")]])
    warehouse.sync()
    assert warehouse.costs() == [(Decimal(1),)]
    assert warehouse.query("select count(*) from raw.deliveries") == [(1,)]


# --- the store and the view --------------------------------------------------------------------------------------


def test_columns_of_every_month_are_in_the_view(warehouse: Warehouse) -> None:
    land_legacy(warehouse.landing, "a", [[legacy_row("1") | {"resourceTags/user:old": "x"}]])
    march = "2024-02-01T00:00:00Z"
    row = legacy_row("2", bill_BillingPeriodStartDate=march, lineItem_UsageStartDate=march)
    land_legacy(warehouse.landing, "b", [[row | {"product/newThing": "y"}]], month=2)
    warehouse.sync()
    assert warehouse.query(
        "select resource_tags_user_old, product_new_thing, resource_tags, bill_bill_type, "
        "pricing_public_on_demand_cost from raw.cur_line_items order by billing_period"
    ) == [("x", None, {"user_old": "x"}, "", None), (None, "y", {}, "", None)]


def test_types_that_differ_between_deliveries_do_not_meet(warehouse: Warehouse) -> None:
    # Numbers here, text there: one type for both would turn amounts into doubles or text.
    other = "999999999999"
    warehouse.payers = {PAYER: "", other: ""}
    land_cur2(warehouse.landing / "x", "a", [parquet_bytes([cur2_row(1.0, pricing_public_on_demand_cost=0.1)])])
    types = {"pricing_public_on_demand_cost": "string", "line_item_unblended_cost": "string"}
    texts = [cur2_row("3", bill_payer_account_id=other, pricing_public_on_demand_cost="1_000")]
    parts = [parquet_bytes(texts, types), parquet_bytes([cur2_row(4.0, bill_payer_account_id=other)])]
    land_cur2(warehouse.landing / "y", "b", parts, export="other")
    assert warehouse.sync().rejected == ()
    assert warehouse.query(
        "select line_item_unblended_cost, pricing_public_on_demand_cost, bad_values from raw.cur_line_items order by 1"
    ) == [
        (Decimal(1), Decimal("0.1"), None),
        (Decimal(3), None, {"pricing_public_on_demand_cost": "1_000"}),
        (Decimal(4), None, None),
    ]


def test_names_that_look_like_partitions_are_only_names(tmp_path: Path) -> None:
    workspace = Workspace.at(tmp_path / "line_item_usage_type=x" / "workspace")
    workspace.landing.mkdir(parents=True)
    workspace.warehouse.mkdir()
    with duckdb.connect(workspace.warehouse_file) as connection:
        warehouse = Warehouse(workspace, connection)
        land_legacy(workspace.landing, "a=b", [[legacy_row("1")]], export="chargehouse_period=2020-01-01")
        warehouse.sync()
        assert warehouse.query(
            "select billing_period, line_item_usage_type, source_file, line_item_unblended_cost from raw.cur_line_items"
        ) == [(JANUARY, "", "chargehouse_period=2020-01-01-00001.csv.gz", Decimal(1))]


def test_no_column_of_the_view_is_a_double(warehouse: Warehouse) -> None:
    land_cur2(warehouse.landing, "a", [parquet_bytes([cur2_row(0.1, x_new_measure=1.5)], {"x_new_measure": "double"})])
    warehouse.sync()
    types = dict(warehouse.query("select column_name, column_type from (describe raw.cur_line_items)"))
    assert not [name for name, sql_type in types.items() if "DOUBLE" in sql_type or "FLOAT" in sql_type]
    assert types["x_new_measure"] == "VARCHAR"


def test_a_filter_on_the_period_opens_no_other_files(warehouse: Warehouse) -> None:
    for month in (1, 2):
        start = f"2024-{month:02d}-01T00:00:00Z"
        row = legacy_row(str(month), bill_BillingPeriodStartDate=start, lineItem_UsageStartDate=start)
        land_legacy(warehouse.landing, f"d{month}", [[row]], month=month)
    warehouse.sync()
    warehouse.connection.execute("set variable period = date '2024-02-01'")
    for period in ("date '2024-02-01'", "getvariable('period')"):
        sql = f"select sum(line_item_unblended_cost) from raw.cur_line_items where billing_period = {period}"
        plan = warehouse.query(f"explain {sql}")[0][1]
        assert plan.count("READ_PARQUET") == 1
        assert "Scanning Files: 1/2" in plan
        # Only the one column is decoded.
        assert "line_item_product_code" not in plan
        assert warehouse.query(sql) == [(Decimal(2),)]


def test_superseded_files_are_removed_at_the_next_sync(warehouse: Warehouse) -> None:
    land_legacy(warehouse.landing, "a", [[legacy_row("1")]])
    warehouse.sync()
    land_legacy(warehouse.landing, "b", [[legacy_row("2")]])
    warehouse.sync()
    assert len(list(warehouse.workspace.raw_store.rglob("*.parquet"))) == 2
    warehouse.sync()
    assert len(list(warehouse.workspace.raw_store.rglob("*.parquet"))) == 1
    assert warehouse.query("select stored_path is null from raw.delivery_files order by delivery_key") == [
        (True,),
        (False,),
    ]
    assert warehouse.costs() == [(Decimal(2),)]


def test_lost_stored_files_are_made_again(warehouse: Warehouse) -> None:
    land_legacy(warehouse.landing, "a", [[legacy_row("1")]])
    warehouse.sync()
    shutil.rmtree(warehouse.workspace.raw_store)
    warehouse.sync()
    assert warehouse.costs() == [(Decimal(1),)]
    shutil.rmtree(warehouse.workspace.raw_store)
    shutil.rmtree(warehouse.landing / "billing")
    with pytest.raises(DeliveryError, match=r"stored files of delivery a .* are gone"):
        warehouse.sync()


def test_a_moved_workspace_finds_its_files(warehouse: Warehouse, tmp_path: Path) -> None:
    land_legacy(warehouse.landing, "a", [[legacy_row("1")]])
    warehouse.sync()
    warehouse.workspace.raw_store.rename(tmp_path / "moved")
    warehouse.workspace = type(warehouse.workspace).at(tmp_path / "elsewhere", str(warehouse.landing))
    warehouse.workspace.warehouse.mkdir(parents=True)
    (tmp_path / "moved").rename(warehouse.workspace.raw_store)
    warehouse.sync()
    assert (warehouse.said, warehouse.costs()) == ([], [(Decimal(1),)])


@pytest.mark.parametrize(
    "moment", ["begin transaction", "insert into raw.delivery_files", "create or replace view", "commit"]
)
def test_a_sync_that_dies_leaves_all_or_nothing(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    land_legacy(warehouse.landing, "a", [[legacy_row("1")]])
    warehouse.sync()
    land_legacy(warehouse.landing, "b", [[legacy_row("2")]])
    before = warehouse.contents()

    class Dying:
        def __init__(self) -> None:
            self.is_armed = True

        def execute(self, sql: str, *arguments: object) -> object:
            if self.is_armed and sql.startswith(moment):
                self.is_armed = False
                raise KeyboardInterrupt
            return warehouse.connection.execute(sql, *arguments)

    dying = Dying()
    original = Register.__init__

    def dying_register(self: Register, connection: object, raw_store: Path) -> None:
        original(self, dying if raw_store != Path() else connection, raw_store)  # type: ignore[arg-type]

    monkeypatch.setattr(Register, "__init__", dying_register)
    with pytest.raises(KeyboardInterrupt):
        warehouse.sync()
    assert warehouse.contents() == before

    monkeypatch.undo()
    warehouse.sync()
    assert warehouse.statuses() == {"a": "superseded", "b": "current"}
    assert warehouse.costs() == [(Decimal(2),)]


def test_keys_are_folder_names(warehouse: Warehouse) -> None:
    delivery_id = "2024/01: odd é " + "x" * 300
    folder = f"billing/{'cur'}/20240101-20240201"
    place(warehouse.landing / folder / "cur-00001.csv.gz", packed([legacy_row("1")]))
    place(
        warehouse.landing / folder / "cur-Manifest.json",
        legacy_manifest(delivery_id, [f"{folder}/cur-00001.csv.gz"]),
    )
    warehouse.sync()
    key = warehouse.query("select delivery_key from raw.deliveries")[0][0]
    assert next(warehouse.workspace.raw_store.glob(f"*/*={key}")).is_dir()
    assert warehouse.costs() == [(Decimal(1),)]


_SYNC_AND_DIE = """
import sys
from pathlib import Path
import duckdb
from orchestration.ingest.deliveries import sync
from orchestration.ingest.landing import open_landing
from orchestration.settings import Workspace
workspace = Workspace.at(Path(sys.argv[1]))
with duckdb.connect(workspace.warehouse_file) as connection:
    print("ready", flush=True)
    sync(connection, workspace, open_landing(workspace.landing_url), {sys.argv[2]: ""})
"""


def test_a_killed_sync_is_gone_on_with(tmp_path: Path) -> None:
    def seen(workspace: Workspace) -> list[tuple[object, ...]]:
        with duckdb.connect(workspace.warehouse_file) as connection:
            warehouse = Warehouse(workspace, connection)
            assert warehouse.sync().rejected == ()
            return [
                *warehouse.query("select * exclude (landed_at) from raw.deliveries order by delivery_key"),
                *warehouse.query("select count(*), sum(line_item_unblended_cost) from raw.cur_line_items"),
                (len(list(workspace.raw_store.rglob("*.parquet"))),),
            ]

    workspaces = [Workspace.at(tmp_path / name) for name in ("undisturbed", "killed")]
    for month in range(1, 7):
        start = f"2024-{month:02d}-01T00:00:00Z"
        row = legacy_row(str(month), bill_BillingPeriodStartDate=start, lineItem_UsageStartDate=start)
        land_legacy(workspaces[0].landing, f"d{month}", [[row] * 2_000], month=month)
    shutil.copytree(workspaces[0].landing, workspaces[1].landing)
    for workspace in workspaces:
        workspace.warehouse.mkdir()
    for delay in (0.1, 0.3):
        process = subprocess.Popen(
            [sys.executable, "-c", _SYNC_AND_DIE, str(workspaces[1].root), PAYER], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.kill()
        process.wait()
        process.stdout.close()
    assert seen(workspaces[1]) == seen(workspaces[0])
