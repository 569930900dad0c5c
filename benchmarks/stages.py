"""What each stage of a run costs, down to every dbt node: the same functions that the Dagster assets call, one by one.

What is here: a whole run in one process without Dagster, with the processor seconds of each stage and node.
When to add here: a stage that a run gains.
What does not belong here: the cost of whole commands (``measuring``), which includes starting Python and Dagster.

``python -m benchmarks.stages WORKSPACE`` prints them as JSON; with ``--profile STAGE FILE`` it writes what Python's
profiler says of one stage.
"""

import cProfile
import json
import resource
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from benchmarks.measuring import highest_resident
from orchestration.anomalies.detection import detect_anomalies
from orchestration.configuration.load import load_configuration
from orchestration.configuration.schema import Configuration
from orchestration.configuration.validate import read_configuration
from orchestration.dbt_files import PARSED_PROJECT, prepare_manifest
from orchestration.expectations.checking import check_raw
from orchestration.ingest.deliveries import sync
from orchestration.ingest.landing import open_landing
from orchestration.ingest.price_lists import sync_price_lists
from orchestration.ledger.mirror import load_ledger
from orchestration.planning import billing_exports, mark_built, plan_periods, write_build_periods
from orchestration.publish import publish
from orchestration.settings import PROJECT_ROOT, Workspace, export_environment
from orchestration.warehouse import open_warehouse

__all__ = ["StageCosts", "run_stages"]


@dataclass
class StageCosts:
    """Processor seconds (user and system) of one run.

    Attributes:
        stages: by name, in order.
        nodes: by dbt node (`model.fct_charges`), dbt's own work on the node included.
        queries: by dbt node, inside the database only.
        peaks_mb: by stage, the largest memory of one process in it, millions of bytes.
    """

    stages: dict[str, float] = field(default_factory=dict)
    nodes: dict[str, float] = field(default_factory=dict)
    queries: dict[str, float] = field(default_factory=dict)
    peaks_mb: dict[str, float] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str) -> "StageCosts":
        """Return what ``python -m benchmarks.stages`` printed."""
        return cls(**json.loads(text))

    @property
    def in_database(self) -> float:
        """Processor seconds of all statements of dbt."""
        return sum(self.queries.values())

    @property
    def data(self) -> float:
        """Processor seconds that work on data took: all stages, but of models and tests only their statements."""
        return sum(self.stages.values()) - self.stages.get("models and tests", 0) + self.in_database


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in usages)


class _Nodes:
    """Listens to dbt: which node is at work, and when the database is asked and has answered."""

    def __init__(self) -> None:
        self.nodes: dict[str, float] = defaultdict(float)
        self.queries: dict[str, float] = defaultdict(float)
        self._started: dict[str, float] = {}
        self._asked = 0.0

    def __call__(self, event: Any) -> None:
        name = event.info.name
        if name not in ("NodeStart", "NodeFinished", "SQLQuery", "SQLQueryStatus"):
            return
        now = _cpu_seconds()
        node = ".".join(event.data.node_info.unique_id.split(".")[0:3:2])
        if name == "NodeStart":
            self._started[node] = now
        elif name == "NodeFinished":
            self.nodes[node] += now - self._started.pop(node, now)
        elif name == "SQLQuery":
            self._asked = now
        else:
            self.queries[node] += now - self._asked


def run_stages(workspace: Workspace, profiled: str | None = None, profile: Path | None = None) -> StageCosts:
    """Run every stage on a workspace as ``chargehouse run`` does, and return what each took.

    Args:
        workspace: the workspace; nobody else works on it.
        profiled: run this stage only under Python's profiler. The stages before it have been run; those before the
            models are run again with it.
        profile: where the profiler's statistics go.
    """
    costs = StageCosts()
    export_environment(workspace)
    prepare_manifest()
    names = list(_STAGES)
    if profiled is not None and names.index(profiled) > names.index("models and tests"):
        names = [profiled]
        with open_warehouse(workspace) as connection:
            # Months that were judged, and did not change, would be left alone.
            connection.execute("delete from raw.cost_histories")
    for name in names:
        profiler = cProfile.Profile() if name == profiled else None
        _forget_peak()
        before = _cpu_seconds()
        with profiler or nullcontext():
            highest = _STAGES[name](workspace, costs) or 0
        costs.stages[name] = _cpu_seconds() - before
        costs.peaks_mb[name] = max(highest_resident("self"), highest) / 1e6
        if profiler is not None and profile is not None:
            profiler.dump_stats(profile)
            break
    return costs


def _configure(workspace: Workspace, _costs: StageCosts) -> None:
    with open_warehouse(workspace) as connection:
        load_configuration(connection, _configuration(workspace))


def _ingest(workspace: Workspace, _costs: StageCosts) -> None:
    with open_warehouse(workspace) as connection:
        landing = open_landing(workspace.landing_url)
        sync(connection, workspace, landing, billing_exports(_configuration(workspace)))
        sync_price_lists(connection, landing, workspace.warehouse)


def _plan(workspace: Workspace, _costs: StageCosts) -> None:
    with open_warehouse(workspace) as connection:
        load_ledger(connection, workspace)
        write_build_periods(connection, plan_periods(connection, _configuration(workspace)))


def _check_raw(workspace: Workspace, _costs: StageCosts) -> None:
    with open_warehouse(workspace) as connection:
        charge_types = PROJECT_ROOT / "dbt_project" / "seeds" / "charge_types.csv"
        check_raw(connection, f"'{charge_types}'", datetime.now(UTC).replace(tzinfo=None))


def _models(workspace: Workspace, costs: StageCosts) -> float:
    built = _build(workspace)
    costs.nodes, costs.queries = built["nodes"], built["queries"]
    return built["memory"]["highest"]


def _anomalies(workspace: Workspace, _costs: StageCosts) -> None:
    with open_warehouse(workspace) as connection:
        detect_anomalies(connection)


def _publish(workspace: Workspace, _costs: StageCosts) -> None:
    with open_warehouse(workspace) as connection:
        mark_built(connection, "benchmark")
    publish(workspace)


_STAGES: dict[str, Callable[[Workspace, StageCosts], float | None]] = {
    "configuration": _configure,
    "ingest": _ingest,
    "plan": _plan,
    "raw checks": _check_raw,
    "models and tests": _models,
    "anomalies": _anomalies,
    "publish": _publish,
}


@cache
def _configuration(workspace: Workspace) -> Configuration:
    return read_configuration(workspace.billing)


def _forget_peak() -> None:
    # Linux: the high-water mark of resident memory begins anew.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _build(workspace: Workspace) -> dict[str, dict[str, float]]:
    """Build the models in a process of its own, as a run does: dbt keeps the warehouse open until its process ends."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.stages", "--models", str(workspace.root)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    costs: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return costs


def _build_here(workspace: Workspace) -> _Nodes:
    nodes = _Nodes()
    manifest = Manifest.from_msgpack(PARSED_PROJECT.read_bytes())
    target = str(workspace.warehouse / "dbt")
    done = dbtRunner(manifest=manifest, callbacks=[nodes]).invoke(
        [
            *(
                "--quiet",
                "--log-path",
                target,
                "--log-level-file",
                "info",
                "build",
                "--exclude-resource-type",
                "unit_test",
            ),
            *("--project-dir", str(PROJECT_ROOT), "--profiles-dir", str(PROJECT_ROOT), "--target-path", target),
        ]
    )
    if not done.success:
        raise SystemExit(f"dbt could not build the models: {done.exception or 'see its log in ' + target}")
    return nodes


if __name__ == "__main__":
    _workspace = Workspace.at(Path(sys.argv[-1]))
    if sys.argv[1] == "--models":
        export_environment(_workspace)
        _built = _build_here(_workspace)
        _memory = {"highest": highest_resident("self")}
        print(json.dumps({"nodes": _built.nodes, "queries": _built.queries, "memory": _memory}))
    elif sys.argv[1] == "--profile":
        run_stages(_workspace, sys.argv[2], Path(sys.argv[3]))
    else:
        print(json.dumps(asdict(run_stages(_workspace))))
