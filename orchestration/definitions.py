"""What Dagster loads.

What is here: ``build_definitions`` and ``defs``; nothing else.
When to add here: a new asset module, job, schedule or resource.
What does not belong here: their bodies.
"""

import dagster as dg

from orchestration.assets.models import models
from orchestration.assets.published import cost_anomalies_for, published_copy_for
from orchestration.assets.raw import billing_configuration, build_periods, cur_deliveries, ledger_copy, raw_checks
from orchestration.dbt_process import DBT_COMMAND
from orchestration.jobs import process_new
from orchestration.models import LeanDbtCliResource
from orchestration.resources import WorkspaceResource
from orchestration.schedules import every_six_hours_for
from orchestration.settings import PROJECT_ROOT, Workspace
from orchestration.spark.engine import spark_engine

__all__ = ["build_definitions", "defs"]


def build_definitions(workspace: Workspace, is_locked: bool = False, lock_wait_seconds: float = 600) -> dg.Definitions:
    """Return the definitions for one workspace.

    Args:
        workspace: what the runs work on.
        is_locked: the caller holds the workspace's lock for the whole run.
        lock_wait_seconds: how long a run waits for another one to finish.
    """
    spark = spark_engine(workspace)
    command = DBT_COMMAND if spark is None else spark.dbt_command
    marts = sorted(key for key in models.keys if key.path[0] == "marts")
    return dg.Definitions(
        assets=[
            *(billing_configuration, cur_deliveries, ledger_copy, build_periods, models),
            *(cost_anomalies_for(marts), published_copy_for(marts)),
        ],
        asset_checks=[raw_checks],
        jobs=[process_new],
        schedules=[every_six_hours_for(workspace)],
        resources={
            "workspace": WorkspaceResource(
                root=str(workspace.root),
                landing_url=workspace.landing_url,
                is_locked=is_locked,
                lock_wait_seconds=lock_wait_seconds,
            ),
            "dbt": LeanDbtCliResource(
                project_dir=str(PROJECT_ROOT),
                profiles_dir=str(PROJECT_ROOT),
                # Dagster puts its arguments behind these.
                dbt_executable=command[0],
                global_config_flags=list(command[1:]),
                target=None if spark is None else "spark",
            ),
        },
    )


defs = build_definitions(Workspace.from_environment())
