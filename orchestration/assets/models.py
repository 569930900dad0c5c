"""The models stage: one dbt invocation builds and tests what changed.

What is here: the dbt assets. dbt's data tests become Dagster asset checks by themselves.
When to add here: nothing; a new model appears by being in ``dbt_project/``.
What does not belong here: SQL.
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DbtCliResource, dbt_assets

from orchestration.dbt_files import failures, project_digest
from orchestration.expectations.catalogue import checks_of
from orchestration.expectations.results import result_of_rows, save_results
from orchestration.expectations.validation import CheckResult
from orchestration.models import DBT_PROJECT, TRANSLATOR, prepare_manifest
from orchestration.partitions import BILLING_PERIODS
from orchestration.planning import standing_digest
from orchestration.publish import publish_failed_checks
from orchestration.resources import WorkspaceResource
from orchestration.settings import export_variables
from orchestration.spark.engine import spark_engine
from orchestration.spark.exchange import change_engine, take_tables, write_inputs
from orchestration.warehouse import open_warehouse

__all__ = ["dbt_arguments", "failing_rows", "models", "test_results"]

_LOG = logging.getLogger("chargehouse.run")


def dbt_arguments(are_views_standing: bool) -> list[str]:
    """Return the arguments of the one invocation.

    Unit tests prove rules, not data, and belong to `make test`. A log for debugging would take a tenth of dbt's time.

    Args:
        are_views_standing: the warehouse's views and seeds are those that dbt would make now, so it makes none.
    """
    # Without the empty indirect selection dbt would leave out the tests of what is excluded too.
    standing = ["--indirect-selection", "empty", "--exclude", "config.materialized:view resource_type:seed"]
    arguments = ["--log-level-file", "info", "build", "--exclude-resource-type", "unit_test"]
    return [*arguments, *standing] if are_views_standing else arguments


@dbt_assets(
    manifest=prepare_manifest(),
    project=DBT_PROJECT,
    dagster_dbt_translator=TRANSLATOR,
    partitions_def=BILLING_PERIODS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def models(context: dg.AssetExecutionContext, workspace: WorkspaceResource, dbt: DbtCliResource) -> Iterator[Any]:
    """Build the models for the periods in raw.build_periods, and test them."""
    place = workspace.workspace
    _LOG.info("Building and testing the models")
    run_results = place.warehouse / "dbt" / "run_results.json"
    # If dbt dies before it writes its own, the last run's results must not be taken for this one's.
    run_results.unlink(missing_ok=True)
    spark = spark_engine(place)
    # Once: what is edited while the models are made is not what they were made from.
    project = project_digest()
    with open_warehouse(place) as connection:
        change_engine(connection, None if spark is None else spark.exchange)
        if spark is not None:
            export_variables(spark.environment)
            write_inputs(connection, spark.exchange)
        digest = standing_digest(connection, project)
        stands = connection.execute("select 1 from raw.standing_models where digest = $1", [digest]).fetchone()
        if spark is not None:
            # Its views are of one session.
            stands = None
        if stands is None:
            # Until all are made, nobody may take what is half made for it.
            connection.execute("delete from raw.standing_models")
    arguments = dbt_arguments(are_views_standing=stands is not None)
    invocation = dbt.cli(arguments, context=context, target_path=run_results.parent, raise_on_error=False)
    # A view that stands shows what was built now; Dagster wants to hear of it before what reads it.
    not_said = set(context.selected_asset_keys) if stands else set()
    for event in invocation.stream():
        if isinstance(event, dg.Output):
            key = context.asset_key_for_output(event.output_name)
            not_said.discard(key)
            yield from _standing_before(context.assets_def, key, not_said)
        yield event
    if invocation.is_successful():
        while not_said:
            key = not_said.pop()
            yield from _standing_before(context.assets_def, key, not_said)
            yield dg.MaterializeResult(asset_key=key)
    with open_warehouse(place) as connection:
        if spark is not None:
            take_tables(connection, spark.exchange)
        elif stands is None and invocation.is_successful() and not context.is_subset:
            made = standing_digest(connection, project)
            connection.execute("insert into raw.standing_models values ($1)", [made])
        results = test_results(connection, run_results)
        save_results(connection, "dbt", results)
    if any(result.blocks for result in results):
        publish_failed_checks(place)
    if not invocation.is_successful():
        raise dg.Failure(
            description="; ".join(failures(run_results)) or f"dbt could not finish: {invocation.get_error()}",
            allow_retries=False,
        )


def _standing_before(
    assets: dg.AssetsDefinition, key: dg.AssetKey, not_said: set[dg.AssetKey]
) -> Iterator[dg.MaterializeResult[None]]:
    """Say of everything that ``key`` reads, and nobody has said yet, that it stands."""
    for parent in sorted(assets.asset_deps[key]):
        if parent in not_said:
            not_said.discard(parent)
            yield from _standing_before(assets, parent, not_said)
            yield dg.MaterializeResult(asset_key=parent)


def test_results(connection: duckdb.DuckDBPyConnection, run_results: Path) -> list[CheckResult]:
    """Return the outcome of every check that the dbt tests of a ``run_results.json`` made, with the rows that fail.

    A test that failed is asked again, for dbt keeps how many rows it found and not which. Checks of a test that could
    not be made, because the models before it failed, are left out: they neither passed nor failed.
    """
    if not run_results.exists():
        return []
    found = []
    for node in json.loads(run_results.read_text(encoding="utf-8"))["results"]:
        kind, _project, name = node["unique_id"].split(".")[:3]
        if kind == "test" and node["status"] in ("pass", "fail"):
            rows = failing_rows(connection, node["compiled_code"]) if node["status"] == "fail" else {}
            found += [result_of_rows(check.check_id, rows.get(check.check_id, [])) for check in checks_of(name)]
    return found


def failing_rows(connection: duckdb.DuckDBPyConnection, compiled_test: str) -> dict[str, list[tuple[str, str]]]:
    """Return what a test finds by check: which row, and what it says.

    Args:
        connection: the warehouse.
        compiled_test: the test's SQL as dbt compiled it; its columns are ``check_id``, ``failing_row`` and ``found``.
    """
    rows: dict[str, list[tuple[str, str]]] = {}
    query = f"select check_id, failing_row, found from ({compiled_test}) as failures order by all"
    for check_id, failing_row, found in connection.execute(query).fetchall():
        rows.setdefault(check_id, []).append((failing_row, found))
    return rows
