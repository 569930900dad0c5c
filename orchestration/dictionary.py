"""The data dictionary: dbt's own documentation of models, columns, owners, metrics and what reads them, as one page.

What is here: having dbt write it.
When to add here: another thing that dbt can tell about the project without building it.
What does not belong here: the descriptions; they stand beside the models.
"""

import subprocess
from pathlib import Path

from orchestration.dbt_files import DBT_EXECUTABLE
from orchestration.errors import BuildError
from orchestration.settings import PROJECT_ROOT, Workspace, child_environment
from orchestration.warehouse import workspace_lock

__all__ = ["write_dictionary"]


def write_dictionary(workspace: Workspace, wait_seconds: float = 0) -> Path:
    """Write the data dictionary of the models as they are now, with the columns of the warehouse; return its file.

    Args:
        workspace: whose warehouse is described; a run must have made it.
        wait_seconds: how long to wait for a run that is going on.

    Raises:
        WorkspaceBusyError: a run is going on.
        BuildError: there is no warehouse yet, or dbt could not finish.
    """
    with workspace_lock(workspace, "chargehouse docs", wait_seconds):
        if not workspace.warehouse_file.exists():
            raise BuildError("There is nothing to describe yet. First: chargehouse run")
        # Where runs keep what dbt has parsed: parsing anew costs more than all the rest.
        target = workspace.warehouse / "dbt"
        done = subprocess.run(
            [
                *(DBT_EXECUTABLE, "--quiet", "--no-use-colors", "docs", "generate", "--static", "--no-compile"),
                *("--project-dir", str(PROJECT_ROOT), "--profiles-dir", str(PROJECT_ROOT)),
                *("--target-path", str(target), "--log-path", str(target)),
            ],
            cwd=PROJECT_ROOT,
            env=child_environment(workspace),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise BuildError(f"dbt could not write the data dictionary:\n{done.stdout}{done.stderr}".rstrip())
        file = workspace.data_dictionary
        file.parent.mkdir(parents=True, exist_ok=True)
        (target / "static_index.html").replace(file)
    return file
