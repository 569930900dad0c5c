"""What lies between two deliveries of a month, read from the landing."""

import csv
import os
import time
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.errors import ChargehouseError, DeliveryError
from orchestration.ingest.discovery import discover
from orchestration.ingest.landing import open_landing
from orchestration.reconciliation.restatement import compare_deliveries, write_csv
from orchestration.settings import Workspace
from tests.unit.ingest.landed_cur import PAYER, Row, cur2_row, land_cur2, land_legacy, legacy_row, parquet_bytes

JANUARY = date(2024, 1, 1)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv("CHARGEHOUSE_LANDING", raising=False)
    return Workspace.at(tmp_path / "workspace")


def publish(workspace: Workspace, *known: tuple[str, str, str | None], export: str = "cur", payer: str = PAYER) -> None:
    """Publish what the last run knew of each delivery: its id, status and control total, oldest first."""
    landed = {found.manifest.delivery_id: found for found in discover(open_landing(workspace.landing)).deliveries}
    workspace.published_file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(workspace.published_file) as connection:
        connection.execute(
            """
            create schema if not exists marts;
            create table if not exists marts.dim_deliveries (
                delivery_key varchar, delivery_id varchar, payer_account_id varchar, export_name varchar,
                billing_period date, status varchar, reason varchar, is_billed boolean, manifest_modified_at timestamp,
                fingerprint varchar, discount_mode varchar, unblended_cost decimal(38,10),
                net_unblended_cost decimal(38,10)
            )
            """
        )
        for number, (delivery_id, status, cost) in enumerate(known, start=1):
            fingerprint = landed[delivery_id].fingerprint if delivery_id in landed else "gone"
            values = [
                *(f"key-{delivery_id}", delivery_id, payer, export, JANUARY, status, "", True),
                *(datetime(2024, 2, number), fingerprint, None if cost is None else "rows", cost, cost),
            ]
            connection.execute(f"insert into marts.dim_deliveries values ({', '.join('?' * len(values))})", values)


def land(workspace: Workspace, delivery_id: str, rows: Sequence[Row], **more: Any) -> None:
    land_legacy(workspace.landing, delivery_id, [rows], **more)


def test_appeared_gone_and_changed_by_account_service_and_type(workspace: Workspace) -> None:
    same = legacy_row("7.0000000001", lineItem_ProductCode="AWSLambda")
    land(
        workspace,
        "first",
        [
            {**same, "identity/LineItemId": "a"},
            legacy_row("10.0000000000"),
            legacy_row("2.0000000000", lineItem_UsageAccountId="000000000002", lineItem_ProductCode="AmazonS3"),
        ],
    )
    land(
        workspace,
        "second",
        [
            # G59: the same facts under another id, and now with its invoice: nothing has changed.
            {**same, "identity/LineItemId": "b", "bill/InvoiceId": "4712"},
            legacy_row("10.0000000000"),
            legacy_row("0.5000000001"),
            legacy_row("-3.0000000000", lineItem_LineItemType="Refund"),
        ],
    )
    publish(workspace, ("first", "superseded", None), ("second", "current", "14.5000000002"))
    found = compare_deliveries(workspace, JANUARY)
    assert (found.earlier.delivery_id, found.later.delivery_id) == ("first", "second")
    cells = [
        (it.sub_account_id, it.service_code, it.line_item_type, it.kind, it.rows_before, it.rows_after, it.difference)
        for it in found.changes
    ]
    assert cells == [
        ("000000000001", "AmazonEC2", "Refund", "appeared", 0, 1, Decimal("-3")),
        ("000000000002", "AmazonS3", "Usage", "gone", 1, 0, Decimal("-2")),
        ("000000000001", "AmazonEC2", "Usage", "changed", 1, 2, Decimal("0.5000000001")),
    ]
    # The sums of the differences are the difference of the control totals.
    assert found.difference == sum(it.difference for it in found.changes) == Decimal("-4.4999999999")
    assert found.later.aws_cost - found.earlier.aws_cost == found.difference
    assert found.row_difference == sum(it.rows_after - it.rows_before for it in found.changes) == 1


def test_money_that_moves_inside_a_cell_shows(workspace: Workspace) -> None:
    """Account, service, type, rows and sum are the same, and yet AWS billed another usage type."""
    land(workspace, "first", [legacy_row("5.0000000000", lineItem_UsageType="BoxUsage:m5.large")])
    land(workspace, "second", [legacy_row("5.0000000000", lineItem_UsageType="BoxUsage:m5.xlarge")])
    publish(workspace, ("first", "superseded", "5"), ("second", "current", "5"))
    (change,) = compare_deliveries(workspace, JANUARY).changes
    assert (change.kind, change.difference, change.changed_items) == ("changed", 0, 2)


def test_split_cost_rows_are_no_cost(workspace: Workspace) -> None:
    split = legacy_row("99.0000000000", splitLineItem_ParentResourceId="i-1")
    land(workspace, "first", [legacy_row("5.0000000000", splitLineItem_ParentResourceId="")])
    land(workspace, "second", [legacy_row("5.0000000000", splitLineItem_ParentResourceId=""), split])
    publish(workspace, ("first", "superseded", "5"), ("second", "current", "5"))
    found = compare_deliveries(workspace, JANUARY)
    assert (found.changes, found.difference, found.row_difference) == ((), 0, 0)


def test_discounts_inside_rows_count_as_the_control_totals_do(workspace: Workspace) -> None:
    """C2: in column mode a change of nothing but the discount is a change of what AWS charges; 0 without a discount, as
    Parquet writes a missing net cost, is none."""
    plain = cur2_row(7.0, line_item_net_unblended_cost=0.0, discount_total_discount=0.0)
    for number, net in enumerate((97.0, 96.0), start=1):
        discounted = cur2_row(100.0, line_item_net_unblended_cost=net, discount_total_discount=100.0 - net)
        land_cur2(
            workspace.landing,
            f"execution-{number}",
            [parquet_bytes([plain, {**discounted, "line_item_product_code": "AmazonS3"}])],
            folder=f"2024-02-0{number}T00:00:00.000Z-execution-{number}",
        )
    publish(workspace, ("execution-1", "superseded", None), ("execution-2", "current", "103"), export="cur2")
    found = compare_deliveries(workspace, JANUARY)
    assert [(it.service_code, it.aws_cost_before, it.aws_cost_after) for it in found.changes] == [("AmazonS3", 97, 96)]
    assert (found.earlier.aws_cost, found.later.aws_cost, found.difference) == (104, 103, -1)


def test_any_two_can_be_named(workspace: Workspace) -> None:
    for number, cost in enumerate(("1", "2", "4"), start=1):
        land(workspace, f"number-{number}", [legacy_row(f"{cost}.0000000000")])
    publish(workspace, ("number-1", "superseded", "1"), ("number-2", "superseded", "2"), ("number-3", "current", "4"))
    assert compare_deliveries(workspace, JANUARY).difference == 2
    assert compare_deliveries(workspace, JANUARY, PAYER, "number-1").difference == 3
    assert compare_deliveries(workspace, JANUARY, None, "number-3", "number-1").difference == -3
    with pytest.raises(ChargehouseError, match="has no delivery number-4 for 2024-01"):
        compare_deliveries(workspace, JANUARY, None, "number-4")
    with pytest.raises(ChargehouseError, match="was named twice"):
        compare_deliveries(workspace, JANUARY, None, "number-3", "number-3")
    with pytest.raises(ChargehouseError, match="No delivery is known for 2024-02"):
        compare_deliveries(workspace, date(2024, 2, 1))


def test_one_delivery_or_several_payers_say_what_to_do(workspace: Workspace) -> None:
    land(workspace, "only", [legacy_row()])
    publish(workspace, ("only", "current", "1"))
    with pytest.raises(ChargehouseError, match="has only one delivery for 2024-01, only"):
        compare_deliveries(workspace, JANUARY)
    publish(workspace, ("else", "current", "1"), payer="999999999999")
    with pytest.raises(ChargehouseError, match=r"Several payers deliver .* Name one with --payer"):
        compare_deliveries(workspace, JANUARY)


def test_files_that_are_gone_or_replaced_are_not_compared(workspace: Workspace) -> None:
    """An export that overwrites leaves nothing of the delivery before: to compare what is there would be a lie."""
    land(workspace, "first", [legacy_row("1.0000000000")])
    land(workspace, "second", [legacy_row("2.0000000000")])
    publish(workspace, ("first", "superseded", "1"), ("second", "current", "2"), ("lost", "superseded", "3"))
    with pytest.raises(DeliveryError, match="The files of delivery lost are gone from the landing"):
        compare_deliveries(workspace, JANUARY, None, "lost")
    land(workspace, "first", [legacy_row("1.5000000000"), legacy_row("1.0000000000")])
    with pytest.raises(DeliveryError, match="The files of delivery first have been replaced since it was read"):
        compare_deliveries(workspace, JANUARY, None, "first")
    next(workspace.landing.rglob("first/*.csv.gz")).unlink()
    with pytest.raises(DeliveryError, match=r"The files of delivery first are gone .*cur-00001\.csv\.gz is missing"):
        compare_deliveries(workspace, JANUARY, None, "first")
    assert not list(workspace.warehouse.glob("comparing.*"))


def test_rows_that_do_not_sum_to_the_control_total_are_refused(workspace: Workspace) -> None:
    land(workspace, "first", [legacy_row("1.0000000000")])
    land(workspace, "second", [legacy_row("2.0000000000")])
    publish(workspace, ("first", "superseded", "1"), ("second", "current", "2.0000000001"))
    with pytest.raises(
        DeliveryError, match=r"second sums to 2\.0000000000 USD now and to 2\.0000000001 when it landed"
    ):
        compare_deliveries(workspace, JANUARY)


def test_csv_has_every_change_with_exact_amounts(workspace: Workspace, tmp_path: Path) -> None:
    land(workspace, "first", [legacy_row("1.0000000000")])
    land(workspace, "second", [legacy_row("1.0000000000"), legacy_row("0.0000000001", lineItem_LineItemType="Fee")])
    publish(workspace, ("first", "superseded", "1"), ("second", "current", "1.0000000001"))
    path = tmp_path / "changes.csv"
    assert write_csv(compare_deliveries(workspace, JANUARY), path) == 1
    with path.open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["kind"], row["aws_cost_before"], row["difference"]) == ("appeared", "0.0000000000", "0.0000000001")
    with pytest.raises(ChargehouseError, match="is there already"):
        write_csv(compare_deliveries(workspace, JANUARY), path)


def test_what_a_killed_comparison_left_is_cleared(workspace: Workspace) -> None:
    for number in (1, 2):
        land(workspace, f"number-{number}", [legacy_row(f"{number}.0000000000")])
    publish(workspace, ("number-1", "superseded", "1"), ("number-2", "current", "2"))
    abandoned, going_on = workspace.warehouse / "comparing.old", workspace.warehouse / "comparing.new"
    for folder in (abandoned, going_on):
        folder.mkdir(parents=True)
        (folder / "rows.parquet").write_bytes(b"")
    two_days_ago = time.time() - 2 * 24 * 60 * 60
    os.utime(abandoned, (two_days_ago, two_days_ago))
    assert compare_deliveries(workspace, JANUARY).difference == 1
    assert [*workspace.warehouse.glob("comparing.*")] == [going_on]
