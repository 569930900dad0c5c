"""A run in a process of its own, for a process that must go on meanwhile: ``python -m orchestration.run_process``.

What is here: ``run_apart``, which the pages use: a run inside a server would keep it from answering, as Python lets one
thread compute at a time.
When to add here: another thing to tell such a run, or to hear from it.
What does not belong here: what a run does (``runs.py``).
"""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import date

from orchestration.errors import BuildError, ChargehouseError
from orchestration.settings import PROJECT_ROOT, Workspace, child_environment

__all__ = ["run_apart"]


def run_apart(
    workspace: Workspace,
    only: frozenset[date],
    wait_seconds: float = 0,
    report: Callable[[str], None] = lambda _line: None,
) -> None:
    """Process what is new of some billing periods and publish it; see ``runs.run_new``.

    The run ends what it has begun though this process be stopped.

    Args:
        workspace: what to work on.
        only: build none but these billing periods.
        wait_seconds: how long to wait for another run on the workspace.
        report: called with each step in words.

    Raises:
        BuildError: the run failed; the message is the run's own.
    """
    command = [sys.executable, "-m", "orchestration.run_process", str(wait_seconds)]
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
        subprocess.Popen(
            [*command, *(day.isoformat() for day in sorted(only))],
            cwd=PROJECT_ROOT,
            env=child_environment(workspace),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            # Not to be interrupted with the server.
            start_new_session=True,
        ) as child,
    ):
        for line in child.stdout or ():
            report(line.rstrip("\n"))
        child.wait()
        errors.seek(0)
        message = errors.read().strip()
    if child.returncode != 0:
        raise BuildError(message or f"The run ended with {child.returncode} and said nothing.")


def _main(wait_seconds: str, *periods: str) -> int:
    """Run; print each step, and why it failed to standard error; return the exit code."""
    from orchestration.runs import run_new

    # The run turns standard output into its log.
    told = sys.stdout

    def say(line: str) -> None:
        # Whoever listened may be gone.
        with contextlib.suppress(OSError):
            print(line, file=told, flush=True)

    only = frozenset(map(date.fromisoformat, periods))
    try:
        run_new(Workspace.from_environment(), only=only, wait_seconds=float(wait_seconds), report=say)
    except ChargehouseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
