"""The raw stage: configuration and deliveries in, what to build out, blocking checks on both.

What is here: assets of group ``raw`` and the Great Expectations checks on them.
When to add here: a new input.
What does not belong here: parsing (``ingest/``, ``configuration/``) and expectations (``expectations/``).
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from orchestration.configuration.fingerprint import files_digest
from orchestration.configuration.load import load_configuration
from orchestration.configuration.validate import read_configuration
from orchestration.errors import BuildError
from orchestration.expectations.catalogue import catalogue
from orchestration.expectations.checking import check_raw
from orchestration.expectations.data_docs import data_docs_folder
from orchestration.expectations.validation import CheckResult
from orchestration.ingest.deliveries import sync
from orchestration.ingest.landing import open_landing
from orchestration.ingest.price_lists import sync_price_lists
from orchestration.ledger.mirror import load_ledger
from orchestration.partitions import BILLING_PERIODS
from orchestration.planning import billing_exports, plan_periods, write_build_periods
from orchestration.publish import publish_failed_checks
from orchestration.resources import WorkspaceResource
from orchestration.settings import PROJECT_ROOT
from orchestration.warehouse import (
    loaded_configuration,
    open_warehouse,
    save_configuration_files,
    save_loaded_configuration,
)

__all__ = ["BuildConfig", "billing_configuration", "build_periods", "cur_deliveries", "ledger_copy", "raw_checks"]

_LOG = logging.getLogger("chargehouse.run")


class BuildConfig(dg.Config):
    """What a run is asked for beyond what is new.

    Attributes:
        force: build the periods of the run even if nothing about them changed.
        periods: build none but these of the run's periods (first days of months); empty for all of them.
    """

    force: bool = False
    periods: list[str] = Field(default_factory=list)


@dg.asset(key=["raw", "billing_configuration"], group_name="raw", kinds={"csv", "duckdb"})
def billing_configuration(workspace: WorkspaceResource) -> dg.MaterializeResult[None]:
    """The billing configuration (`billing/*.csv`), validated as a whole and loaded."""
    place = workspace.workspace
    digest = files_digest(place.billing)
    configuration = read_configuration(place.billing)
    with open_warehouse(place) as connection:
        load_configuration(connection, configuration)
        save_loaded_configuration(connection, digest)
        save_configuration_files(connection, place.billing)
    return dg.MaterializeResult(metadata={"folder": str(place.billing)})


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            ["raw", "deliveries"],
            group_name="raw",
            kinds={"duckdb"},
            deps=[billing_configuration],
            description="Every delivery seen, with its status and control totals.",
        ),
        dg.AssetSpec(
            ["raw", "cur_line_items"],
            group_name="raw",
            kinds={"parquet", "duckdb"},
            deps=[billing_configuration],
            description="One row per CUR row of the current deliveries; a view over Parquet files.",
        ),
        dg.AssetSpec(
            ["raw", "price_list_tiers"],
            group_name="raw",
            kinds={"duckdb"},
            deps=[billing_configuration],
            description="One row per tier of each SKU with tiers in the loaded AWS price lists.",
        ),
    ],
    partitions_def=BILLING_PERIODS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def cur_deliveries(workspace: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Land what is new: validate each delivery whole, store it, make the newest complete one current; load prices."""
    place = workspace.workspace
    payers = billing_exports(read_configuration(place.billing))
    landing = open_landing(place.landing_url)
    with open_warehouse(place) as connection:
        result = sync(connection, place, landing, payers, progress=_LOG.info)
        price_lists = sync_price_lists(connection, landing, place.warehouse, progress=_LOG.info)
    metadata = _metadata(len(result.landed), result.rejected)
    yield dg.MaterializeResult(asset_key=["raw", "deliveries"], metadata=metadata)
    yield dg.MaterializeResult(asset_key=["raw", "cur_line_items"], metadata=metadata)
    yield dg.MaterializeResult(
        asset_key=["raw", "price_list_tiers"], metadata=_metadata(len(price_lists.loaded), price_lists.rejected)
    )


@dg.asset(key=["raw", "ledger"], group_name="raw", kinds={"sqlite", "duckdb"})
def ledger_copy(workspace: WorkspaceResource) -> dg.MaterializeResult[None]:
    """Issued documents, approvals and overrides, as the ledger holds them now (D3); the models compare with them."""
    with open_warehouse(workspace.workspace) as connection:
        count = load_ledger(connection, workspace.workspace)
    return dg.MaterializeResult(metadata={"documents": count})


def _metadata(landed: int, rejected: Sequence[object]) -> dict[str, dg.MetadataValue[Any]]:
    return {
        "landed": dg.MetadataValue.int(landed),
        "rejected": dg.MetadataValue.md("\n".join(f"- {rejection}" for rejection in rejected) or "none"),
    }


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            ["raw", "build_periods"],
            group_name="raw",
            kinds={"duckdb"},
            deps=[["raw", "deliveries"], ["raw", "cur_line_items"], ["raw", "price_list_tiers"], ["raw", "ledger"]],
            description="The billing periods this run builds, and why.",
        ),
        dg.AssetSpec(
            ["raw", "period_builds"],
            group_name="raw",
            kinds={"duckdb"},
            deps=[["raw", "deliveries"], ["raw", "cur_line_items"], ["raw", "price_list_tiers"], ["raw", "ledger"]],
            description="The billing periods built before, with the fingerprint of all that made them.",
        ),
    ],
    partitions_def=BILLING_PERIODS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def build_periods(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource, config: BuildConfig
) -> Iterator[dg.MaterializeResult[None]]:
    """Compare what each period would be made of with what it was made of."""
    place = workspace.workspace
    configuration = read_configuration(place.billing)
    digest = files_digest(place.billing)
    only = frozenset(date.fromisoformat(key) for key in config.periods or context.partition_keys)
    with open_warehouse(place) as connection:
        if digest != loaded_configuration(connection):
            # What is loaded is billed; what stands in the files now would be recorded as billed.
            raise BuildError(f"A file in {place.billing} changed while the run was going on. Run again.")
        planned = plan_periods(connection, configuration, only=only, force=config.force)
        write_build_periods(connection, planned)
    for period in planned:
        _LOG.info("Building %s: %s", period.billing_period.strftime("%Y-%m"), period.reason)
    metadata = {"periods": {f"{period.billing_period:%Y-%m}": period.reason for period in planned}}
    yield dg.MaterializeResult(asset_key=["raw", "build_periods"], metadata=metadata)
    yield dg.MaterializeResult(asset_key=["raw", "period_builds"], metadata=metadata)


_SUITES = {
    "deliveries": ("deliveries_are_sound", ["raw", "deliveries"], "the register of deliveries"),
    "cur_line_items": ("cur_line_items_are_sound", ["raw", "cur_line_items"], "the rows of the deliveries"),
    "delivery_drift": (
        "deliveries_are_like_those_before",
        ["raw", "cur_line_items"],
        "deliveries beside earlier ones",
    ),
}


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(name, asset=asset, blocking=True, description=f"Great Expectations suite on {what}.")
        for name, asset, what in _SUITES.values()
    ]
)
def raw_checks(workspace: WorkspaceResource) -> Iterator[dg.AssetCheckResult]:
    """Run the suites on the raw tables; critical failures block the models."""
    place = workspace.workspace
    _LOG.info("Checking the raw tables")
    # A run that fails of something else must not be explained by the checks of the one before.
    place.failed_checks_file.unlink(missing_ok=True)
    with open_warehouse(place) as connection:
        results = check_raw(
            connection,
            f"'{PROJECT_ROOT / 'dbt_project' / 'seeds' / 'charge_types.csv'}'",
            datetime.now(UTC).replace(tzinfo=None),
            data_docs_folder(place.warehouse),
        )
    if any(result.blocks for result in results):
        publish_failed_checks(place)
    for suite, (name, asset, _what) in _SUITES.items():
        yield _as_asset_check(name, asset, [each for each in results if catalogue()[each.check_id].source == suite])


def _as_asset_check(name: str, asset_key: list[str], results: list[CheckResult]) -> dg.AssetCheckResult:
    failures = [result for result in results if result.status == "fail"]
    # Of a blocked run only what blocks it is the reason.
    blocking = [result for result in failures if result.blocks]
    told = blocking or failures
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=asset_key,
        passed=not failures,
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{result.promise}: {result.detail}" for result in told) or "all passed",
        metadata={"checks": len(results), "failed": len(failures)},
    )
