"""One run of the job from the command line: the same assets the schedule runs, in this process.

What is here: finding out whether there is anything to do, running the Dagster job over the periods that have it, and
saying what happened.
When to add here: what a headless run must do beside the job.
What does not belong here: stages of the job (``assets/``).
"""

import logging
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from orchestration import reports
from orchestration.configuration.schema import Configuration
from orchestration.configuration.validate import read_configuration
from orchestration.errors import BuildError, ChargehouseError, CheckError
from orchestration.pending import find_pending
from orchestration.settings import Workspace, export_environment
from orchestration.warehouse import workspace_lock

__all__ = ["RunSummary", "run_new"]


@dataclass(frozen=True)
class RunSummary:
    """What a run did.

    Attributes:
        built: billing periods built, oldest first; empty when nothing was new.
        notes: what was done, in words.
        warnings: what a person should look at; none of it stopped the run.
        published_file: the copy for readers.
    """

    built: tuple[date, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    published_file: Path
    totals: tuple[dict[str, Any], ...] = field(default=())

    def lines(self) -> list[str]:
        """Return the summary as lines for a terminal."""
        return [*self.notes, *(f"Warning: {warning}" for warning in self.warnings)]

    def as_dict(self) -> dict[str, Any]:
        """Return the summary for ``--json``."""
        return {
            "built_periods": [f"{period:%Y-%m}" for period in self.built],
            "notes": list(self.notes),
            "warnings": list(self.warnings),
            "published": str(self.published_file),
        }


def run_new(
    workspace: Workspace,
    only: frozenset[date] | None = None,
    force: bool = False,
    wait_seconds: float = 0,
    report: Callable[[str], None] = lambda _line: None,
) -> RunSummary:
    """Process what is new and publish it.

    Args:
        workspace: what to work on.
        only: build none but these billing periods.
        force: build them even if nothing about them changed.
        wait_seconds: how long to wait for another run on the workspace.
        report: called with each step in words.

    Raises:
        ConfigurationError: the configuration has problems.
        WorkspaceBusyError: another run holds the workspace.
        CheckError: a blocking check failed.
        BuildError: a stage could not finish.
    """
    with workspace_lock(workspace, "chargehouse run", wait_seconds):
        configuration = read_configuration(workspace.billing)
        report("Looking for what is new")
        pending = find_pending(workspace, configuration, only)
        periods = pending.periods
        if force:
            periods = tuple(sorted(only or _known_periods(workspace) | set(periods)))
        if not periods and not pending.unpublished:
            return _nothing_new(workspace)
        if not periods:
            periods = tuple(sorted(_known_periods(workspace)))
        if not periods:
            raise ChargehouseError(
                f"There is no delivery in {workspace.landing_url}. Put AWS's files and manifests there, "
                "or land a plain file with: chargehouse load FILE"
            )
        _refuse_impossible(periods)
        _execute(workspace, periods, force, report)
        return _summary(workspace, _unbilled(configuration), periods)


def _refuse_impossible(periods: tuple[date, ...]) -> None:
    """Refuse months before AWS had the report, and months that have not begun: they are no partitions of the job."""
    from orchestration.partitions import BILLING_PERIODS

    possible = set(BILLING_PERIODS.get_partition_keys())
    wrong = [f"{period:%Y-%m}" for period in periods if period.isoformat() not in possible]
    if wrong:
        raise ChargehouseError(
            f"There is a delivery or request for {', '.join(wrong)}, but billing periods run "
            f"from {min(possible)[:7]} to {max(possible)[:7]}. "
            "Take it out of the landing folder, or check this machine's clock."
        )


def _known_periods(workspace: Workspace) -> set[date]:
    from orchestration.warehouse import open_warehouse

    with open_warehouse(workspace) as connection:
        rows = connection.execute(
            "select distinct billing_period from raw.deliveries where status = 'current' and is_billed"
        ).fetchall()
    return {period for (period,) in rows}


def _nothing_new(workspace: Workspace) -> RunSummary:
    return RunSummary(
        built=(),
        notes=("Nothing new: no delivery, configuration or model changed since the last run. Nothing was built.",),
        warnings=tuple(_warnings(workspace, ())),
        published_file=workspace.published_file,
    )


class _Reporter(logging.Handler):
    """Hands the run's own messages to whoever watches."""

    def __init__(self, report: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        self._report(record.getMessage())


def _execute(workspace: Workspace, periods: tuple[date, ...], force: bool, report: Callable[[str], None]) -> None:
    """Run the Dagster job in this process, its output going to a log file."""
    import dagster as dg

    from orchestration.cli import prepare_dagster_home
    from orchestration.partitions import range_tags

    report("Starting Dagster")
    export_environment(workspace)
    prepare_dagster_home(workspace)
    log_file = workspace.warehouse / "logs" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.log"
    log_file.parent.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger("chargehouse.run")
    logger.setLevel(logging.INFO)
    reporter = _Reporter(report)
    logger.addHandler(reporter)
    try:
        with log_file.open("w", encoding="utf-8") as log, redirect_stdout(log), redirect_stderr(log):
            from orchestration.definitions import build_definitions

            job = build_definitions(workspace, is_locked=True).resolve_job_def("process_new")
            with dg.DagsterInstance.get() as instance:
                result = job.execute_in_process(
                    instance=instance,
                    tags=range_tags(periods[0], periods[-1]),
                    run_config={
                        "ops": {
                            "build_periods": {
                                "config": {"force": force, "periods": [day.isoformat() for day in periods]}
                            }
                        }
                    },
                    raise_on_error=False,
                )
    finally:
        logger.removeHandler(reporter)
    if not result.success:
        raise _failure(result, log_file)


def _failure(result: Any, log_file: Path) -> ChargehouseError:
    """Return the reason of a failed run: the first failed step's own message, or the failed blocking checks."""
    failed_checks = [
        f"{evaluation.check_name}: {evaluation.description}"
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed and evaluation.blocking and evaluation.severity.value == "ERROR"
    ]
    if failed_checks:
        return CheckError(
            "A blocking check failed, so nothing was published; the published copy is as it was.\n  "
            + "\n  ".join(failed_checks)
        )
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error.cause is not None:
                error = error.cause
            message = error.message.removeprefix(f"{error.cls_name}: ").strip()
            if error.cls_name == "Failure":
                message = event.step_failure_data.user_failure_data.description or message
            return BuildError(
                f"The run failed at {event.step_key}, so nothing was published.\n  {message}\n  Details: {log_file}"
            )
    return BuildError(f"The run failed, so nothing was published. Details: {log_file}")


def _summary(workspace: Workspace, unbilled: tuple[str, ...], periods: tuple[date, ...]) -> RunSummary:
    built = ", ".join(f"{period:%Y-%m}" for period in periods)
    return RunSummary(
        built=periods,
        notes=(f"Built and published {built}.", f"Published copy: {workspace.published_file}"),
        warnings=tuple(_warnings(workspace, unbilled)),
        published_file=workspace.published_file,
    )


def _warnings(workspace: Workspace, unbilled: tuple[str, ...]) -> list[str]:
    """Say in one line each what a person should look at."""
    found = []
    for delivery in reports.deliveries(workspace):
        if delivery["status"] == "rejected":
            found.append(
                f"{delivery['period']} payer {delivery['payer']}: delivery {delivery['delivery']} was rejected: "
                f"{delivery['reason']}"
            )
    for problem in reports.problem_totals(workspace):
        found.append(
            f"{problem['period']}: {problem['problem']} on {problem['rows']:,} rows, AWS cost {problem['aws_cost']:,f} "
            "(chargehouse status lists them)"
        )
    for check in reports.failed_checks(workspace):
        found.append(f"check of {check['subject']}: {check['check']}: {check['detail']}")
    return [*found, *unbilled]


def _unbilled(configuration: Configuration) -> tuple[str, ...]:
    """Say what the configuration asks for that this version does not bill: a charge must not go missing in silence."""
    found = [
        f"{name}.csv is valid, but this version does not bill it: nothing in it is on an invoice."
        for name in ("custom_line_items", "shared_cost_rules", "minimum_commitments", "credits", "tax_rates")
        if configuration.rows(name)
    ]
    recomputed = sorted(
        {terms.billing_group_id for terms in configuration.billing_terms if terms.support_policy == "recompute"}
    )
    if recomputed:
        found.append(
            f"billing_terms.csv asks to recompute support for {', '.join(recomputed)}; this version does not: AWS's "
            "support charges are withheld there, and none is billed instead."
        )
    return tuple(found)
