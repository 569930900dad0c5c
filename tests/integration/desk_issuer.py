"""A process of its own that approves and issues at the desk, group after group, for tests that start many or kill them.

Usage: python -m tests.integration.desk_issuer WORKSPACE WAIT_SECONDS GROUP...
Prints `ready`, waits for a line, then prints `GROUP NUMBER` after each group's document is issued and has its files,
and `GROUP busy MESSAGE` when another process held the workspace for too long.
"""

import sys
from datetime import date
from pathlib import Path

from orchestration.errors import WorkspaceBusyError
from orchestration.issuing import desk
from orchestration.settings import Workspace

_JANUARY = date(2024, 1, 1)


def main(root: str, wait: str, *groups: str) -> None:
    """Issue and report."""
    workspace, seconds = Workspace.at(Path(root)), float(wait)
    print("ready", flush=True)
    sys.stdin.readline()
    for group in groups:
        try:
            desk.approve(workspace, _JANUARY, group, "Ada", wait_seconds=seconds)
            outcomes = desk.issue(workspace, _JANUARY, group, "Ben", wait_seconds=seconds)
        except WorkspaceBusyError as error:
            print(group, "busy", str(error).replace("\n", " "), flush=True)
            continue
        for outcome in outcomes:
            assert outcome.state == "issued", outcome
            assert Path(outcome.pdf).exists(), outcome
            print(group, outcome.number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
