"""Schedules.

What is here: when the job runs by the clock.
When to add here: another time to run.
What does not belong here: what a run does (``jobs.py``).
"""

import dagster as dg

from orchestration.errors import WorkspaceBusyError
from orchestration.jobs import process_new
from orchestration.partitions import BILLING_PERIODS, range_tags
from orchestration.pending import pending_range
from orchestration.settings import Workspace

__all__ = ["every_six_hours_for"]


def every_six_hours_for(workspace: Workspace) -> dg.ScheduleDefinition:
    """Return the schedule that looks for what is new in ``workspace``."""

    @dg.schedule(
        job=process_new,
        cron_schedule="15 */6 * * *",
        execution_timezone="UTC",
        description="AWS rewrites a month's report up to three times a day: look every six hours for what is new.",
    )
    def every_six_hours() -> dg.RunRequest | dg.SkipReason:
        """Run over the periods that have something new, or say why not."""
        try:
            pending = pending_range(workspace, BILLING_PERIODS)
        except WorkspaceBusyError as error:
            return dg.SkipReason(str(error))
        if pending is None:
            return dg.SkipReason("Nothing new: no delivery, configuration or model changed.")
        return dg.RunRequest(tags=range_tags(*pending))

    return every_six_hours
