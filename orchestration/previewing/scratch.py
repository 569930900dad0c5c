"""Both sides of a preview, built in a temporary folder: as it is now, and with the changed configuration.

What is here: copying what a workspace holds, bringing deliveries and ledger up to date in the copy, and building in it.
When to add here: another input of a run.
What does not belong here: comparing the sides (``comparison``); anything that writes to the workspace.

A run lands new deliveries, copies the ledger, plans and builds. The same functions do the same here, on a copy of the
warehouse; stored deliveries are only linked to. The workspace's lock is held meanwhile, so that no run takes a delivery
away that is being read.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from orchestration.configuration.load import load_configuration
from orchestration.configuration.schema import Configuration
from orchestration.dbt_builds import EVERYTHING, STORED, build_models
from orchestration.errors import BuildError, ChargehouseError, CheckError
from orchestration.ingest.deliveries import sync
from orchestration.ingest.landing import open_landing
from orchestration.ingest.price_lists import sync_price_lists
from orchestration.issuing.causes import record_causes
from orchestration.ledger.mirror import load_ledger
from orchestration.planning import (
    PlannedPeriod,
    billing_exports,
    mark_built,
    periods_drawing_after,
    plan_periods,
    write_build_periods,
)
from orchestration.settings import PROJECT_ROOT, Workspace
from orchestration.spark.engine import spark_engine
from orchestration.warehouse import open_warehouse, workspace_lock

__all__ = ["Sides", "built_sides"]

_RUN_ID = "preview"


@dataclass(frozen=True)
class Sides:
    """Two warehouses that differ by the configuration alone.

    Attributes:
        before: the warehouse file with the configuration in force.
        after: the warehouse file with the changed one.
        periods: billing periods that were asked for, oldest first.
        touched: those of them that the change can affect, which were built again.
        left_out: other periods that it can affect.
        rebuilt: periods asked for that the workspace has not built yet from what there is now; they were built for the
            comparison with the configuration in force too.
        rejected: deliveries that cannot be used, in words.
    """

    before: Path
    after: Path
    periods: tuple[date, ...]
    touched: tuple[date, ...]
    left_out: tuple[date, ...]
    rebuilt: tuple[date, ...]
    rejected: tuple[str, ...]


@contextmanager
def built_sides(
    workspace: Workspace,
    folder: Path,
    in_force: Configuration,
    changed: Configuration,
    only: Collection[date] = (),
    wait_seconds: float = 0,
    report: Callable[[str], None] = lambda _line: None,
) -> Iterator[Sides]:
    """Build both sides; they are gone when the block ends, and the workspace is as it was.

    Args:
        workspace: what the change is about; it may never have been run.
        folder: the changed configuration files.
        in_force: the workspace's own configuration.
        changed: what stands in ``folder``.
        only: these billing periods; empty for every one that has a delivery.
        wait_seconds: how long to wait for a run.
        report: told what is being done.

    Raises:
        ChargehouseError: there is no delivery, or none for a period that is asked for; the models are built by Spark.
        BuildError: one of the sides cannot be built, as a run could not.
        CheckError: new deliveries fail a blocking check.
        WorkspaceBusyError: another process works on the workspace and did not finish in time.
    """
    if spark_engine(workspace) is not None:
        raise ChargehouseError(
            "Previews are built by DuckDB, and this workspace is built by Spark. Copy billing/ and landing/ to a "
            "folder of their own, and preview there without CHARGEHOUSE_ENGINE. Nothing was changed."
        )
    # A workspace that was never run has no folder for the lock, and nobody to keep out.
    is_there = workspace.warehouse.exists()
    with (
        workspace_lock(workspace, "chargehouse preview", wait_seconds) if is_there else nullcontext(),
        tempfile.TemporaryDirectory(prefix="chargehouse-preview-") as place,
    ):
        scratch = replace(workspace, root=Path(place).resolve())
        report("Copying the warehouse")
        _copy(workspace, scratch)
        scratch.billing.symlink_to(workspace.billing.resolve())
        with open_warehouse(scratch) as connection:
            rejected = _bring_in(connection, scratch, in_force, report)
            periods = _asked_for(connection, workspace, in_force, changed, only)
            planned = _plan(connection, in_force, periods)
        if planned:
            _build(scratch, planned, EVERYTHING, "Building what there is now", report)
        before = scratch.root / "before.duckdb"
        shutil.copyfile(scratch.warehouse_file, before)

        scratch.billing.unlink()
        scratch.billing.symlink_to(folder.resolve())
        with open_warehouse(scratch) as connection:
            if billing_exports(changed) == billing_exports(in_force):
                load_configuration(connection, changed)
            else:
                rejected = _bring_in(connection, scratch, changed, report)
            everywhere = [period.billing_period for period in plan_periods(connection, changed)]
            touched = _plan(connection, changed, periods)
        if touched:
            try:
                _build(scratch, touched, STORED, "Building with the change", report)
            except BuildError as error:
                raise BuildError(
                    f"With {folder} the billing periods cannot be built; a run would fail too.\n  {error}"
                ) from error
        with open_warehouse(scratch) as connection:
            record_causes(connection, scratch, only_reads=_is_the_real_ledger(scratch))
        yield Sides(
            before=before,
            after=scratch.warehouse_file,
            periods=tuple(sorted(periods)),
            touched=tuple(period.billing_period for period in touched if period.billing_period in periods),
            left_out=tuple(period for period in everywhere if period not in periods),
            rebuilt=tuple(period.billing_period for period in planned if period.billing_period in periods),
            rejected=tuple(rejected),
        )


def _copy(workspace: Workspace, scratch: Workspace) -> None:
    """Copy warehouse and ledger; stored deliveries become links, which the ingest may remove like files of its own."""
    scratch.warehouse.mkdir(parents=True)
    # DuckDB leaves its log beside the file when a process dies.
    for suffix in ("", ".wal"):
        source = workspace.warehouse_file.with_name(workspace.warehouse_file.name + suffix)
        if source.exists():
            shutil.copyfile(source, scratch.warehouse_file.with_name(source.name))
    if workspace.raw_store.exists():
        shutil.copytree(workspace.raw_store, scratch.raw_store, copy_function=_link)
    if workspace.ledger_url is None and workspace.ledger_file.exists():
        scratch.ledger_file.parent.mkdir(parents=True)
        # Issued documents may be added meanwhile: SQLite's own copy is of one moment.
        with (
            closing(sqlite3.connect(workspace.ledger_file)) as ledger,
            closing(sqlite3.connect(scratch.ledger_file)) as copy,
        ):
            ledger.backup(copy)
    if workspace.documents.exists():
        # By them the ledger knows that it is not the one that was there.
        scratch.documents.symlink_to(workspace.documents.resolve())


def _is_the_real_ledger(scratch: Workspace) -> bool:
    """A ledger on a server is not copied: a preview must not make or migrate its tables."""
    return scratch.ledger_url is not None


def _link(source: str, target: str) -> None:
    Path(target).symlink_to(Path(source).resolve())


def _bring_in(
    connection: duckdb.DuckDBPyConnection,
    scratch: Workspace,
    configuration: Configuration,
    report: Callable[[str], None],
) -> list[str]:
    """Bring configuration, deliveries, price lists and ledger into the copy, as a run does; return what is rejected."""
    landing = open_landing(scratch.landing_url)
    load_configuration(connection, configuration)
    report("Looking for new deliveries")
    synced = sync(connection, scratch, landing, billing_exports(configuration), progress=report)
    sync_price_lists(connection, landing, scratch.warehouse, progress=report)
    load_ledger(connection, scratch, only_reads=_is_the_real_ledger(scratch))
    if synced.landed:
        _check(connection, report)
    return [str(rejection) for rejection in synced.rejected]


def _check(connection: duckdb.DuckDBPyConnection, report: Callable[[str], None]) -> None:
    # Great Expectations takes seconds to load, and most previews have nothing new to check.
    from orchestration.expectations.checking import check_raw

    report("Checking the raw tables")
    seed = PROJECT_ROOT / "dbt_project" / "seeds" / "charge_types.csv"
    found = check_raw(connection, f"'{seed}'", datetime.now(UTC).replace(tzinfo=None))
    failed = [result for result in found if result.status == "fail" and result.blocks]
    if failed:
        named = "\n  ".join(f"{result.promise}: {result.detail}" for result in failed)
        raise CheckError(f"A blocking check failed, so that a run would fail too.\n  {named}")


def _asked_for(
    connection: duckdb.DuckDBPyConnection,
    workspace: Workspace,
    in_force: Configuration,
    changed: Configuration,
    only: Collection[date],
) -> frozenset[date]:
    """Return the periods to compare; a payer that only one of the sides knows counts too."""
    payers = sorted({*billing_exports(in_force), *billing_exports(changed)})
    known = {
        period
        for (period,) in connection.execute(
            "select distinct billing_period from raw.deliveries "
            "where billing_period is not null and list_contains(cast($1 as varchar[]), payer_account_id)",
            [payers],
        ).fetchall()
    }
    if not known:
        raise ChargehouseError(
            f"There is no delivery in {workspace.landing_url} for any payer, so that a change does nothing yet. "
            "Put AWS's files and manifests there, or set CHARGEHOUSE_LANDING to where they are."
        )
    absent = sorted(f"{period:%Y-%m}" for period in set(only) - known)
    if absent:
        raise ChargehouseError(f"There is no delivery for {', '.join(absent)}. Nothing was changed.")
    return frozenset(only or known)


def _plan(
    connection: duckdb.DuckDBPyConnection, configuration: Configuration, periods: frozenset[date]
) -> list[PlannedPeriod]:
    """Return what has to be built of these periods, and of those before them that their customer credits depend on."""
    planned = {plan.billing_period for plan in plan_periods(connection, configuration)}
    needed = {
        period
        for period in planned
        if period in periods or periods & periods_drawing_after(configuration, [period], periods | planned)
    }
    return plan_periods(connection, configuration, only=frozenset(needed)) if needed else []


def _build(
    scratch: Workspace,
    planned: list[PlannedPeriod],
    selection: tuple[str, ...],
    title: str,
    report: Callable[[str], None],
) -> None:
    with open_warehouse(scratch) as connection:
        write_build_periods(connection, planned)
    first, last = planned[0].billing_period, planned[-1].billing_period
    months = f"{first:%Y-%m}" if first == last else f"{first:%Y-%m} to {last:%Y-%m}"
    build_models(scratch, selection, f"{title} ({months})", report)
    with open_warehouse(scratch) as connection:
        mark_built(connection, _RUN_ID)
