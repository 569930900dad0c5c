"""One run of the job from the command line: the same assets the schedule runs, in this process.

What is here: finding out whether there is anything to do, running the Dagster job over the periods that have it, and
saying what happened.
When to add here: what a headless run must do beside the job.
What does not belong here: stages of the job (``assets/``).
"""

import json
import logging
import shutil
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import reports
from orchestration.configuration.validate import read_configuration
from orchestration.errors import BuildError, ChargehouseError, CheckError
from orchestration.pending import find_pending, known_periods
from orchestration.settings import PROJECT_ROOT, Workspace, export_environment
from orchestration.warehouse import open_warehouse, workspace_lock

if TYPE_CHECKING:
    import dagster as dg

__all__ = ["RunSummary", "close_dead_runs", "prepare_dagster_home", "run_new"]

_RUN_CONFIG = "run.yaml"

# Checks whose failing rows are warnings in words of their own.
_SAID_BESIDE = {"deliveries__accepted", "deliveries__fresh", "deliveries__month_arrived"}
_IN_THIS_PROCESS = """
# Capturing what a step prints turns the outputs of the whole process about. A run in a process that does something else
# too must not; what it prints is in its log file.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
# Where Dagster keeps events by default, so that its pages show them.
event_log_storage:
  module: orchestration.dagster_storage
  class: EventLog
  config:
    base_dir: {events}
"""


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
        pending = find_pending(workspace, configuration)
        known = known_periods(workspace)
        asked_for = only or frozenset({*pending.periods, *(known if force else ())})
        _refuse_impossible(asked_for, {*pending.periods, *known}, workspace)
        todo = sorted(asked_for if force else asked_for & set(pending.periods))
        left = [period for period in pending.periods if period not in asked_for]
        if not todo and not pending.unpublished:
            return _summary(
                workspace,
                (),
                "Nothing new: no delivery, configuration or model changed since the last run. Nothing was built.",
                left,
            )
        _execute(workspace, todo or list(known), sorted(asked_for), force, report)
        built = _built(workspace)
        months = ", ".join(f"{period:%Y-%m}" for period in built)
        done = f"Built and published {months}." if built else "Nothing had to be built; published again."
        return _summary(workspace, built, done, left)


def _refuse_impossible(asked_for: frozenset[date], available: set[date], workspace: Workspace) -> None:
    """Refuse months without a delivery, and months that are no partitions: before 2015-12, or not begun yet."""
    from orchestration.partitions import BILLING_PERIODS

    if not available:
        raise ChargehouseError(
            f"There is no delivery in {workspace.landing_url}. Put AWS's files and manifests there, "
            "or land a plain file with: chargehouse load FILE"
        )
    absent = sorted(f"{period:%Y-%m}" for period in asked_for - available)
    if absent:
        raise ChargehouseError(f"There is no delivery for {', '.join(absent)}. Nothing was changed.")
    possible = set(BILLING_PERIODS.get_partition_keys())
    wrong = sorted(f"{period:%Y-%m}" for period in asked_for if period.isoformat() not in possible)
    if wrong:
        raise ChargehouseError(
            f"There is a delivery for {', '.join(wrong)}, but billing periods run "
            f"from {min(possible)[:7]} to {max(possible)[:7]}. "
            "Take it out of the landing folder, or check this machine's clock."
        )


def _built(workspace: Workspace) -> tuple[date, ...]:
    with open_warehouse(workspace) as connection:
        rows = connection.execute("select billing_period from raw.build_periods order by billing_period").fetchall()
    return tuple(period for (period,) in rows)


class _Reporter(logging.Handler):
    """Hands the run's own messages to whoever watches."""

    def __init__(self, report: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        self._report(record.getMessage())


def _execute(
    workspace: Workspace, covered: Sequence[date], asked_for: Sequence[date], force: bool, report: Callable[[str], None]
) -> None:
    """Run the Dagster job in this process over the partitions ``covered``, its output going to a log file."""
    import dagster as dg

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
            with dg.DagsterInstance.from_config(str(workspace.dagster_home), _RUN_CONFIG) as instance:
                result = job.execute_in_process(
                    instance=instance,
                    tags=range_tags(covered[0], covered[-1]),
                    run_config={
                        "ops": {
                            "build_periods": {
                                "config": {"force": force, "periods": [day.isoformat() for day in asked_for or covered]}
                            }
                        }
                    },
                    raise_on_error=False,
                )
    finally:
        logger.removeHandler(reporter)
    if not result.success:
        raise _failure(workspace, result, log_file)


def prepare_dagster_home(workspace: Workspace) -> None:
    """Write the workspace's Dagster settings: one run at a time, no telemetry; and those of runs in this process."""
    workspace.dagster_home.mkdir(parents=True, exist_ok=True)
    settings = PROJECT_ROOT / "orchestration" / "dagster.yaml"
    shutil.copyfile(settings, workspace.dagster_home / "dagster.yaml")
    own = _IN_THIS_PROCESS.format(events=json.dumps(str(workspace.dagster_home / "history" / "runs")))
    (workspace.dagster_home / _RUN_CONFIG).write_text(settings.read_text(encoding="utf-8") + own, encoding="utf-8")


def close_dead_runs(instance: "dg.DagsterInstance") -> None:
    """Close the runs that Dagster still believes to be going on; the caller holds the workspace's lock.

    A killed run cannot say that it ended, and the queue, which lets one run go on at a time, would wait for it.
    """
    import dagster as dg

    going_on = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]
    )
    for run in instance.get_runs(filters=going_on):
        instance.report_run_failed(run, "The process of this run is gone: its workspace is free.")


def _failure(workspace: Workspace, result: Any, log_file: Path) -> ChargehouseError:
    """Return the reason of a failed run: the first failed step's own message, or the failed blocking checks."""
    failed_checks = [
        f"{evaluation.check_name}: {evaluation.description}"
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed and evaluation.blocking and evaluation.severity.value == "ERROR"
    ]
    if failed_checks:
        if workspace.failed_checks_file.exists():
            failed_checks = [
                f"{check['check']}: {check['detail']}. {check['remedy']} ({check['owner']})"
                for check in reports.failed_checks(workspace)
                if check["severity"] == "critical"
            ]
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


def _summary(workspace: Workspace, built: tuple[date, ...], done: str, left: list[date]) -> RunSummary:
    notes = (done, f"Published copy: {workspace.published_file}") if built else (done,)
    waiting = [
        f"{period:%Y-%m} has something new too and is published as it was built last; run without --period to build it."
        for period in left
    ]
    return RunSummary(
        built=built,
        notes=notes,
        warnings=(*_warnings(workspace), *waiting),
        published_file=workspace.published_file,
    )


def _warnings(workspace: Workspace) -> list[str]:
    """Say in one line each what a person should look at."""
    found = []
    for delivery in reports.deliveries(workspace):
        if delivery["status"] == "rejected":
            found.append(
                f"{delivery['period']} payer {delivery['payer']}: delivery {delivery['delivery']} was rejected: "
                f"{delivery['reason']}"
            )
    for price_list in reports.price_lists(workspace):
        if price_list["status"] == "rejected":
            kept = " What it said before still holds." if price_list["tiered_skus"] else ""
            found.append(f"price list {price_list['reason']}{kept}")
    for period in reports.periods(workspace):
        if period["residual"] != 0:
            found.append(f"{period['period']} payer {period['payer']}: residual {period['residual']:f}; issue nothing.")
    for problem in reports.open_problems(workspace):
        # What configuration lacks stands on no row of AWS's.
        if problem["rows"] == 0 and problem["aws_cost"] == 0:
            found.append(
                f"{problem['period']} {problem['group']}: {problem['problem']} ({problem['subject']}): "
                f"{problem['detail']}"
            )
    for problem in reports.problem_totals(workspace):
        found.append(
            f"{problem['period']}: {problem['problem']} on {problem['rows']:,} rows, AWS cost {problem['aws_cost']:,f} "
            "(chargehouse status lists them)"
        )
    for correction in reports.proposed_corrections(workspace, None, None):
        found.append(
            f"{correction['period']}: a {correction['kind'].replace('_', ' ')} of {correction['total_amount']:,f} "
            f"{correction['currency']} is proposed for {correction['group']}, after {correction['corrects']}"
        )
    for credit in reports.overdrawn_credits(workspace):
        found.append(
            f"credit {credit['credit']} of {credit['group']}: {credit['issued_amount'].normalize():,f} "
            f"{credit['currency']} are drawn on documents, but {credit['granted_amount'].normalize():,f} are granted; "
            "nothing more is drawn on it"
        )
    for late in reports.late_deliveries(workspace, datetime.now(UTC).replace(tzinfo=None)):
        found.append(f"payer {late['payer']}: {late['expected']} of {late['period']} was due {late['due_utc']} UTC")
    for check in reports.failed_checks(workspace):
        if check["check_id"] in _SAID_BESIDE:
            continue
        found.append(f"check of {check['subject']}: {check['check']}: {check['detail']} ({check['owner']} acts)")
    return found
