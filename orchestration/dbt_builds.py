"""Building models with dbt outside Dagster.

What is here: ``build_models``.
When to add here: another way to call dbt on a warehouse that no run is about.
What does not belong here: runs, which go through Dagster (``assets/models.py``).
"""

import re
import subprocess
from collections.abc import Callable, Sequence

from orchestration.dbt_files import failures
from orchestration.dbt_process import DBT_COMMAND
from orchestration.errors import BuildError
from orchestration.settings import PROJECT_ROOT, Workspace, child_environment

__all__ = ["EVERYTHING", "STORED", "build_models"]

EVERYTHING = ("--exclude-resource-type", "unit_test")
"""All a run builds and tests."""

STORED = (*EVERYTHING, "--select", "config.materialized:billing_period", "test_type:data")
"""Only what is kept as tables by period, and the tests: for a warehouse whose views and seeds are of these models."""

_LAST_WORDS = 15


def build_models(
    workspace: Workspace, selection: Sequence[str], title: str, report: Callable[[str], None] = lambda _line: None
) -> None:
    """Build and test the models for the periods in raw.build_periods; nobody has the warehouse open.

    Args:
        workspace: whose warehouse; dbt's own files go there too.
        selection: ``EVERYTHING`` or ``STORED``.
        title: what is being done, for ``report``.
        report: told how far it is, as in ``title: 3 of 61``.

    Raises:
        BuildError: dbt could not build a model, or a test of the data failed; the message names each.
    """
    target = workspace.warehouse / "dbt"
    run_results = target / "run_results.json"
    # If dbt dies before it writes its own, the last build's results must not be taken for this one's.
    run_results.unlink(missing_ok=True)
    command = [
        *(*DBT_COMMAND, "--no-use-colors", "--log-path", str(target)),
        *("build", *selection, "--project-dir", str(PROJECT_ROOT), "--profiles-dir", str(PROJECT_ROOT)),
        *("--target-path", str(target)),
    ]
    lines = []
    with subprocess.Popen(
        command,
        cwd=PROJECT_ROOT,
        env=child_environment(workspace),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as child:
        for line in child.stdout or ():
            lines.append(line.rstrip())
            started = re.search(r"(\d+ of \d+) START", line)
            if started:
                report(f"{title}: {started[1]}")
    if child.returncode != 0:
        raise BuildError("\n  ".join(failures(run_results) or ["dbt could not finish:", *lines[-_LAST_WORDS:]]))
