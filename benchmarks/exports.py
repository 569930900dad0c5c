"""Exports of a built workspace, many at once in one process, so that starting Python is paid once.

What is here: FOCUS of every month, and the pro forma CUR, which is every line at its rate, of every group of a month.
When to add here: another export whose cost should be set beside something.
What does not belong here: single commands, as users give them (``product``).

``python -m benchmarks.exports focus|cur WORKSPACE FOLDER`` writes to a new folder and prints the rows written.
"""

import sys
from pathlib import Path

import duckdb

from benchmarks.deliveries import periods
from orchestration.exports.cur import write_cur
from orchestration.exports.focus import write_focus
from orchestration.settings import Workspace

__all__ = ["write_exports"]


def write_exports(kind: str, workspace: Workspace, folder: Path) -> int:
    """Write the exports and return their rows.

    Args:
        kind: ``focus`` for every month, ``cur`` for every group with usage of the last month.
        workspace: the workspace, built and published.
        folder: where the files go; it must not exist.
    """
    folder.mkdir()
    if kind == "focus":
        return sum(
            write_focus(workspace, month, None, folder / f"{month:%Y-%m}.parquet").row_count for month in periods()
        )
    month = periods()[-1]
    with duckdb.connect(workspace.published_file, read_only=True) as connection:
        groups = connection.execute(
            "select distinct billing_group_id from marts.fct_charges "
            "where billing_period = ? and treatment = 'billed' order by all",
            [month],
        ).fetchall()
    return sum(write_cur(workspace, month, group, folder / f"{group}.parquet").row_count for (group,) in groups)


if __name__ == "__main__":
    print(write_exports(sys.argv[1], Workspace.at(Path(sys.argv[2])), Path(sys.argv[3])))
