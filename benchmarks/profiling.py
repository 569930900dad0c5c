"""Profiles: where a dbt node's time goes inside DuckDB, and a stage's inside Python.

What is here: running one node's compiled SQL under DuckDB's own profiler, and short tables of both kinds of profile.
When to add here: another profiler.
What does not belong here: which node or stage is looked at (``furthest``).

``python -m benchmarks.profiling WORKSPACE NODE FILE`` runs a node of the last build for the largest month, into a
temporary table, and writes DuckDB's profile as JSON.
"""

import json
import pstats
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orchestration.settings import Workspace, export_environment
from orchestration.warehouse import open_warehouse

__all__ = ["costliest_functions", "costliest_operators", "profile_node"]


def profile_node(workspace: Workspace, node: str, file: Path) -> None:
    """Run a node's SQL under DuckDB's profiler.

    Args:
        workspace: the workspace, built by ``benchmarks.stages``.
        node: as dbt's kind and name: `model.fct_charges`.
        file: where the profile goes.
    """
    compiled = workspace.warehouse / "dbt" / "compiled"
    sql = next(compiled.rglob(f"{node.partition('.')[2]}.sql")).read_text(encoding="utf-8")
    export_environment(workspace)
    with open_warehouse(workspace) as connection:
        largest = connection.execute(
            "select billing_period from intermediate.int_usage_grain group by all order by sum(row_count) desc limit 1"
        ).fetchone()
        assert largest is not None
        for name in ("billing_period", "billing_period_through"):
            connection.execute(f"set variable {name} = ?::date", [*largest])
        connection.execute("pragma enable_profiling = 'json'")
        connection.execute("pragma profiling_mode = 'detailed'")
        connection.execute(f"pragma profiling_output = '{file}'")
        connection.execute(f"create temp table profiled as {sql}")
        connection.execute("pragma disable_profiling")
    # DuckDB indents each of hundreds of operators by its depth, which is most of the file.
    profile = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(profile, separators=(",", ":")) + "\n", encoding="utf-8")


def _operators(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for operator in found:
        yield operator
        yield from _operators(operator.get("children", []))


def costliest_operators(file: Path, count: int = 8) -> tuple[list[tuple[str, float, int]], dict[str, float]]:
    """Return the operators of a DuckDB profile that took longest, and the seconds of the whole statement.

    Returns:
        What each does, its seconds on all threads and the rows it gave on; and seconds by what they were spent for:
        ``latency`` from start to end, ``operators`` on all threads, ``planning`` with binding and optimizing.
    """
    profile = json.loads(file.read_text(encoding="utf-8"))
    found = sorted(_operators(profile["operator"]), key=lambda operator: -operator["timing"])
    shown = [(_described(operator), operator["timing"], operator["intermediate_rows"]) for operator in found[:count]]
    return shown, {
        "latency": profile["query"]["total_time"],
        "operators": profile["query"]["cpu_time"],
        "planning": sum(profile[step]["total_time"] for step in ("planner", "optimizer", "physical_planner")),
    }


def _described(operator: dict[str, Any]) -> str:
    """Return an operator's kind with the first words of what it works on."""
    told = operator["extra_info"]
    words = next(
        (
            told[key]
            for key in ("Table", "CTE Name", "Conditions", "Projections", "Aggregates", "Groups")
            if told.get(key)
        ),
        "",
    )
    if isinstance(words, list):
        words = f"{len(words)} columns" if words[0].startswith("#") else ", ".join(words)
    groups = len(told["Groups"]) if isinstance(told.get("Groups"), list) else 0
    words = f"{words} by {groups} keys" if groups and "Aggregates" in told else words
    return f"{operator['type']} {str(words)[:70]}".replace("\n", " ").replace("|", "/").replace("`", "'").strip()


def costliest_functions(file: Path, count: int = 8) -> list[tuple[str, int, float, float]]:
    """Return the functions that took longest by themselves, from statistics of Python's profiler.

    Returns:
        Where and what it is, calls, its own seconds, its seconds with all that it called.
    """
    # What pstats keeps has no type.
    kept: dict[tuple[str, int, str], tuple[int, int, float, float, Any]] = vars(pstats.Stats(str(file)))["stats"]
    longest = sorted(kept.items(), key=lambda item: -item[1][2])[:count]
    return [
        (f"{Path(path).stem}: {function}".removeprefix("~: "), calls, own, together)
        for (path, _line, function), (_primitive, calls, own, together, _callers) in longest
    ]


if __name__ == "__main__":
    profile_node(Workspace.at(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3]))
