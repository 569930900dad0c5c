from pathlib import Path

import dagster as dg
import pytest

from orchestration.definitions import build_definitions
from orchestration.settings import Workspace
from orchestration.warehouse import workspace_lock
from tests.integration.workspaces import write_billing
from tests.unit.ingest.landed_cur import PAYER, land_legacy, legacy_row


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(Workspace.at(tmp_path_factory.mktemp("workspace")))


def test_they_load(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_one_graph_from_configuration_to_published_copy(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    published = dg.AssetKey(["published", "chargehouse"])
    ancestors = graph.get_ancestor_asset_keys(published)
    assert dg.AssetKey(["raw", "billing_configuration"]) in ancestors
    assert dg.AssetKey(["raw", "cur_line_items"]) in ancestors
    assert {key for key in graph.get_all_asset_keys() if key.path[0] == "marts"} <= ancestors
    assert {graph.get(key).group_name for key in graph.get_all_asset_keys()} == {
        "raw",
        "seeds",
        "staging",
        "intermediate",
        "marts",
        "published",
    }


def test_blocking_checks_guard_the_raw_edge_and_every_sum(definitions: dg.Definitions) -> None:
    keys = {
        (str(key.asset_key.to_user_string()), key.name) for key in definitions.resolve_asset_graph().asset_check_keys
    }
    assert {
        ("raw/deliveries", "deliveries_are_sound"),
        ("raw/cur_line_items", "cur_line_items_are_sound"),
        ("raw/cur_line_items", "deliveries_are_like_those_before"),
        ("intermediate/int_usage_grain", "assert_usage_grain_is_sound"),
        ("marts/fct_charges", "assert_charges_are_sound"),
        ("marts/fct_invoice_lines", "assert_invoice_lines_tie"),
        ("marts/fct_invoices", "assert_invoice_views_tie"),
        ("marts/fct_reconciliation", "assert_reconciliation_residual_is_zero"),
    } <= keys


def test_models_are_partitioned_by_billing_period(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    partitions = graph.get(dg.AssetKey(["marts", "fct_charges"])).partitions_def
    assert partitions is not None
    assert "2026-10-01" in partitions.get_partition_keys()


def test_the_schedule_says_when_there_is_nothing_to_do(tmp_path: Path) -> None:
    from orchestration.sample.install import write_example_configuration

    workspace = Workspace.at(tmp_path)
    write_example_configuration(workspace.billing)
    definitions = build_definitions(workspace)
    schedule = definitions.resolve_schedule_def("every_six_hours")
    tick = schedule.evaluate_tick(dg.build_schedule_context())
    assert tick.run_requests == []
    assert tick.skip_message is not None
    assert "Nothing new" in tick.skip_message


def test_the_schedule_asks_for_the_periods_that_are_new(tmp_path: Path) -> None:
    workspace = Workspace.at(tmp_path)
    write_billing(workspace, PAYER, "000000000001")
    for month in (1, 2):
        land_legacy(workspace.landing, f"delivery-{month}", [[legacy_row("1.0")]], month=month)
    definitions = build_definitions(workspace)
    schedule = definitions.resolve_schedule_def("every_six_hours")
    with workspace_lock(workspace, "a run"):
        busy = schedule.evaluate_tick(dg.build_schedule_context())
    assert busy.run_requests == []
    assert "in use by" in str(busy.skip_message)
    tick = schedule.evaluate_tick(dg.build_schedule_context())
    assert tick.run_requests is not None
    assert [request.tags["dagster/asset_partition_range_start"] for request in tick.run_requests] == ["2024-01-01"]
    assert [request.tags["dagster/asset_partition_range_end"] for request in tick.run_requests] == ["2024-02-01"]
