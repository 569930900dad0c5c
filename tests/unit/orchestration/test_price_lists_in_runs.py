"""What a price list makes a run do, and what the run says about it."""

from datetime import date
from pathlib import Path

import pytest

from orchestration import reports
from orchestration.configuration.load import load_configuration
from orchestration.configuration.validate import read_configuration
from orchestration.ingest.landing import open_landing
from orchestration.ingest.price_lists import sync_price_lists
from orchestration.ingest.register import Register
from orchestration.pending import Pending, find_pending
from orchestration.planning import mark_built, plan_periods, write_build_periods
from orchestration.publish import publish, publish_failed_checks
from orchestration.runs import _warnings
from orchestration.sample.install import write_example_configuration
from orchestration.settings import Workspace
from orchestration.warehouse import open_warehouse
from tests.unit.ingest.landed_cur import place
from tests.unit.ingest.landed_price_lists import DYNAMO_STORAGE, S3_STORAGE, offer_csv, offer_json, replace

AUGUST, SEPTEMBER = date(2026, 8, 1), date(2026, 9, 1)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace in which August and September are built and published."""
    found = Workspace.at(tmp_path)
    write_example_configuration(found.billing)
    with open_warehouse(found) as connection:
        Register(connection, found.raw_store)
        connection.execute(
            "insert into raw.deliveries by name select 'd' || strftime(unnest(?), '%m') as delivery_key, "
            "unnest(?) as billing_period, 'cur' as export_name, 'd' as delivery_id, 'm' as manifest_key, "
            "now()::timestamp as manifest_modified_at, 'current' as status, '' as reason, true as is_billed, "
            "now()::timestamp as landed_at",
            [[AUGUST, SEPTEMBER], [AUGUST, SEPTEMBER]],
        )
        configuration = read_configuration(found.billing)
        load_configuration(connection, configuration)
        write_build_periods(connection, plan_periods(connection, configuration))
        mark_built(connection, "run")
        connection.execute("create schema marts; create table marts.dim_services (service_code varchar)")
    publish(found)
    return found


def pending(workspace: Workspace) -> tuple[date, ...]:
    found = find_pending(workspace, read_configuration(workspace.billing))
    assert not found.unpublished
    return found.periods


def sync(workspace: Workspace) -> None:
    with open_warehouse(workspace) as connection:
        sync_price_lists(connection, open_landing(workspace.landing_url), workspace.warehouse)


def test_a_new_price_list_is_something_to_do(workspace: Workspace) -> None:
    assert pending(workspace) == ()
    lists = workspace.landing / "price_lists"
    place(lists / "s3.csv", offer_csv([replace(S3_STORAGE, effective_date="2026-09-01")]))
    # Nobody has read it yet: it may hold for either month.
    assert pending(workspace) == (AUGUST, SEPTEMBER)
    sync(workspace)
    assert pending(workspace) == (SEPTEMBER,)


def test_a_run_that_checks_stopped_is_not_done(workspace: Workspace) -> None:
    publish_failed_checks(workspace)
    assert find_pending(workspace, read_configuration(workspace.billing)) == Pending((), unpublished=True)
    publish(workspace)
    assert pending(workspace) == ()


def test_a_broken_price_list_is_looked_at_once(workspace: Workspace) -> None:
    place(workspace.landing / "price_lists" / "s3.csv", b"nothing")
    assert pending(workspace) == (AUGUST, SEPTEMBER)
    sync(workspace)
    assert pending(workspace) == ()


def test_rejected_price_lists_are_warned_of(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = workspace.landing / "price_lists"
    place(lists / "ddb.json", offer_json([DYNAMO_STORAGE], offer_code="AmazonDynamoDB"))
    sync(workspace)
    place(lists / "ddb.json", b"{}")
    place(lists / "new.csv", b"SKU\n")
    place(lists / "s3.csv", offer_csv([S3_STORAGE]))
    sync(workspace)
    publish(workspace)
    shown = [(row["file"], row["offer"], row["tiered_skus"], row["status"]) for row in reports.price_lists(workspace)]
    assert shown == [
        ("price_lists/ddb.json", "AmazonDynamoDB", 1, "rejected"),
        ("price_lists/new.csv", None, 0, "rejected"),
        ("price_lists/s3.csv", "AmazonS3", 1, "current"),
    ]
    for report in ("deliveries", "periods", "open_problems", "problem_totals", "failed_checks", "late_deliveries"):
        monkeypatch.setattr(reports, report, lambda _: [])
    monkeypatch.setattr(reports, "proposed_corrections", lambda _workspace, _period, _group: [])
    monkeypatch.setattr(reports, "overdrawn_credits", lambda _: [])
    monkeypatch.setattr(reports, "late_deliveries", lambda _workspace, _now: [])
    old, new = _warnings(workspace)
    assert old.startswith("price list price_lists/ddb.json: it holds no products")
    assert old.endswith("What it said before still holds.")
    assert new.startswith("price list price_lists/new.csv: it has no column TermType")
    assert "before" not in new
