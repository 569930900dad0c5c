"""The published stage: record what was built and put the read-only copy in place.

What is here: the assets of group ``published``.
When to add here: another form in which the marts leave the warehouse.
What does not belong here: changing the data on its way out.
"""

import logging
from datetime import UTC, datetime

import dagster as dg

from orchestration.anomalies.detection import detect_anomalies
from orchestration.errors import BuildError, ChargehouseError
from orchestration.issuing.causes import record_causes
from orchestration.ledger.ledger import Ledger
from orchestration.planning import code_digest, mark_built, unfinished_periods
from orchestration.publish import publish
from orchestration.resources import WorkspaceResource
from orchestration.settings import Workspace, environment_mail
from orchestration.settling.budget_notices import send_notices
from orchestration.settling.sending import MailSettings
from orchestration.warehouse import open_warehouse, record_publication, record_run

__all__ = ["cost_anomalies_for", "published_copy_for", "send_budget_notices"]

_LOG = logging.getLogger("chargehouse.run")


def cost_anomalies_for(marts: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """Return the asset that finds anomalies of cost after every one of ``marts``, before the periods count as built."""

    @dg.asset(
        key=["published", "cost_anomalies"],
        group_name="published",
        kinds={"python", "duckdb"},
        deps=marts,
        description="Days on which a service cost far more or less than usual, and what moved.",
    )
    def cost_anomalies(workspace: WorkspaceResource) -> dg.MaterializeResult[None]:
        with open_warehouse(workspace.workspace) as connection:
            found = detect_anomalies(connection)
        return dg.MaterializeResult(metadata={"anomalies": found})

    return cost_anomalies


def published_copy_for(marts: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """Return the asset that publishes after every one of ``marts`` and what is found in them."""

    @dg.asset(
        key=["published", "chargehouse"],
        group_name="published",
        kinds={"duckdb"},
        deps=[*marts, dg.AssetKey(["published", "cost_anomalies"])],
        description="Read-only copy of the marts for pages and scripts, replaced in one step.",
    )
    def published_copy(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult[None]:
        place = workspace.workspace
        _LOG.info("Publishing")
        started_at = datetime.fromtimestamp(context.instance.get_run_stats(context.run.run_id).start_time or 0, UTC)
        with open_warehouse(place) as connection:
            unfinished = unfinished_periods(connection, is_building=True)
            if unfinished:
                months = ", ".join(f"{period:%Y-%m}" for period in unfinished)
                raise BuildError(f"{months} is unfinished since an earlier run. Run again without --period.")
            # Together, or a run that dies in between would never be published.
            connection.execute("begin transaction")
            mark_built(connection, context.run.run_id)
            record_run(connection, context.run.run_id, started_at, code_digest())
            connection.execute("commit")
            record_causes(connection, place)
        size = publish(place)
        with open_warehouse(place) as connection:
            record_publication(connection, context.run.run_id)
        send_budget_notices(place)
        return dg.MaterializeResult(metadata={"bytes": size, "file": str(place.published_file)})

    return published_copy


def send_budget_notices(workspace: Workspace) -> None:
    """Mail which budgets have reached a threshold, if a mail server is set; what was published stands anyway."""
    if environment_mail()[0] is None:
        return
    try:
        with Ledger.open(workspace) as ledger:
            outcomes = send_notices(workspace, ledger, "chargehouse run", MailSettings.from_environment())
    except ChargehouseError as error:
        _LOG.info("Budget notices could not be sent: %s", error)
        return
    for outcome in outcomes:
        reason = f": {outcome.reason}" if outcome.reason else ""
        _LOG.info("Notice of budget %s to %s: %s%s", outcome.budget_id, outcome.recipient, outcome.state, reason)
