"""What a run would have to do, found without doing it.

What is here: the periods that have a new delivery, a new price list, a changed configuration, changed models or a newly
issued document, and those whose customer credits are drawn after them.
When to add here: another reason to run.
What does not belong here: reading deliveries; only names, sizes and times are looked at.
"""

from dataclasses import dataclass
from datetime import date

import dagster as dg
import duckdb

from orchestration.configuration.load import is_file_loaded
from orchestration.configuration.schema import Configuration
from orchestration.configuration.validate import read_configuration
from orchestration.ingest.deliveries import changed_periods
from orchestration.ingest.landing import open_landing
from orchestration.ingest.price_lists import have_price_lists_changed
from orchestration.ledger.mirror import load_ledger
from orchestration.planning import billing_exports, periods_drawing_after, plan_periods
from orchestration.settings import Workspace
from orchestration.warehouse import is_published, open_warehouse, workspace_lock

__all__ = ["Pending", "find_pending", "known_periods", "pending_range"]

# What is checked and shown anew when it changes, though no bill does.
_PUBLISHED_ALONE = ("budgets", "quality_thresholds")


@dataclass(frozen=True)
class Pending:
    """What there is to do.

    Attributes:
        periods: billing periods with something new, oldest first.
        unpublished: a run built something and died before it was published, or checks stopped it, or what is
            published without building anything (budgets, limits of checks) has changed.
    """

    periods: tuple[date, ...]
    unpublished: bool


def find_pending(workspace: Workspace, configuration: Configuration, only: frozenset[date] | None = None) -> Pending:
    """Compare landing, configuration, models and ledger with what was built last; changes nothing that is published.

    Before a new price list is read nobody knows in which periods it is in force, so all count; the run builds those
    whose prices it changes. Periods whose customer credits may have been drawn in one of those before count too (K4).

    Args:
        workspace: where to look.
        configuration: the validated configuration.
        only: look at none but these periods; None for all.
    """
    landing = open_landing(workspace.landing_url)
    with open_warehouse(workspace) as connection:
        load_ledger(connection, workspace)
        periods = changed_periods(connection, landing, billing_exports(configuration))
        periods |= {planned.billing_period for planned in plan_periods(connection, configuration)}
        billed = _billed_periods(connection)
        if have_price_lists_changed(connection, landing):
            periods |= billed
        periods |= periods_drawing_after(configuration, periods, billed | periods)
        unpublished = not is_published(connection)
        if billed and not all(is_file_loaded(connection, configuration, name) for name in _PUBLISHED_ALONE):
            unpublished = True
    if only is not None:
        periods &= only
    # Left by a run that its checks stopped: with no period to build, nothing else would say that it is not done.
    was_stopped = workspace.failed_checks_file.exists()
    return Pending(tuple(sorted(periods)), unpublished or was_stopped or not workspace.published_file.exists())


def pending_range(workspace: Workspace, partitions: dg.TimeWindowPartitionsDefinition) -> tuple[date, date] | None:
    """Return the first and last billing period with something new; None when there is nothing to do.

    Raises:
        WorkspaceBusyError: a run is going on; looking into the warehouse now would make it fail.
        ConfigurationError: the configuration has problems.
    """
    with workspace_lock(workspace, "looking for what is new"):
        pending = find_pending(workspace, read_configuration(workspace.billing))
        periods = pending.periods or (known_periods(workspace) if pending.unpublished else ())
    possible = {date.fromisoformat(key) for key in partitions.get_partition_keys()}
    periods = tuple(period for period in periods if period in possible)
    return (periods[0], periods[-1]) if periods else None


def known_periods(workspace: Workspace) -> tuple[date, ...]:
    """Return the billing periods that have a delivery to bill from, oldest first."""
    with open_warehouse(workspace) as connection:
        return tuple(sorted(_billed_periods(connection)))


def _billed_periods(connection: duckdb.DuckDBPyConnection) -> set[date]:
    rows = connection.execute(
        "select distinct billing_period from raw.deliveries where status = 'current' and is_billed"
    ).fetchall()
    return {period for (period,) in rows}
