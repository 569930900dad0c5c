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
from dagster_dbt import DbtCliResource, dbt_assets

from orchestration.dbt_files import failures
from orchestration.expectations.results import save_results
from orchestration.expectations.validation import CheckResult
from orchestration.models import DBT_PROJECT, TRANSLATOR, prepare_manifest
from orchestration.partitions import BILLING_PERIODS
from orchestration.resources import WorkspaceResource
from orchestration.warehouse import open_warehouse

__all__ = ["dbt_arguments", "models"]

_LOG = logging.getLogger("chargehouse.run")


def dbt_arguments() -> list[str]:
    """Return the arguments of the one invocation.

    Unit tests prove rules, not data, and belong to `make test`. A log for debugging would take a tenth of dbt's time.
    """
    return ["--log-level-file", "info", "build", "--exclude-resource-type", "unit_test"]


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
    invocation = dbt.cli(dbt_arguments(), context=context, target_path=run_results.parent, raise_on_error=False)
    yield from invocation.stream()
    results = test_results(run_results)
    with open_warehouse(place) as connection:
        save_results(connection, "dbt", results)
    if not invocation.is_successful():
        raise dg.Failure(
            description="; ".join(failures(run_results)) or f"dbt could not finish: {invocation.get_error()}",
            allow_retries=False,
        )


def test_results(run_results: Path) -> list[CheckResult]:
    """Return the outcome of every dbt test in a ``run_results.json``; an empty list where dbt wrote none."""
    if not run_results.exists():
        return []
    found = []
    for result in json.loads(run_results.read_text(encoding="utf-8"))["results"]:
        kind, _project, name = result["unique_id"].split(".")[:3]
        if kind != "test":
            continue
        passed = result["status"] == "pass"
        found.append(
            CheckResult(
                check_name=name.removeprefix("assert_").replace("_", " "),
                layer="dbt",
                subject=name,
                status="pass" if passed else "fail",
                severity="warning" if result["status"] == "warn" else "critical",
                detail="" if passed else str(result.get("message") or result["status"]),
            )
        )
    return found
