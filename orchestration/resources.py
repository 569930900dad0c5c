"""Dagster resources: the workspace a run works on, and dbt.

What is here: the workspace resource, which holds the workspace's lock for as long as the run lasts.
When to add here: something several assets share and that can be configured.
What does not belong here: paths and environment (``settings.py``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from orchestration.settings import Workspace, environment_ledger, export_environment
from orchestration.warehouse import workspace_lock

__all__ = ["WorkspaceResource"]


class WorkspaceResource(dg.ConfigurableResource["WorkspaceResource"]):
    """The workspace of a run.

    Runs execute in one process, so the resource lives as long as the run: two runs never write one warehouse at once.

    Attributes:
        root: folder of the workspace.
        landing_url: where deliveries land.
        is_locked: the caller holds the workspace's lock already.
        lock_wait_seconds: how long a run waits for another one.
    """

    root: str
    landing_url: str
    is_locked: bool = False
    lock_wait_seconds: float = 0

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["WorkspaceResource"]:
        """Hold the workspace while the run goes on."""
        workspace = self.workspace
        export_environment(workspace)
        if self.is_locked:
            yield self
        else:
            with workspace_lock(workspace, f"Dagster run {context.run_id or ''}".strip(), self.lock_wait_seconds):
                yield self

    @property
    def workspace(self) -> Workspace:
        """The workspace these settings name, with the ledger that the environment names."""
        return Workspace.at(Path(self.root), self.landing_url, environment_ledger())
