"""What each stage of a run costs, down to every dbt node: the same functions that the Dagster assets call, one by one.

What is here: a whole run in one process without Dagster, with the processor seconds of each stage and node.
When to add here: a stage that a run gains.
What does not belong here: the cost of whole commands (``measuring``), which includes starting Python and Dagster.

``python -m benchmarks.stages WORKSPACE`` prints them as JSON.
"""

import json
import resource
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from benchmarks.measuring import highest_resident
from orchestration.anomalies.detection import detect_anomalies
from orchestration.configuration.load import load_configuration
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
        peak_mb: largest memory of one process, millions of bytes.
    """

    stages: dict[str, float] = field(default_factory=dict)
    nodes: dict[str, float] = field(default_factory=dict)
    queries: dict[str, float] = field(default_factory=dict)
    peak_mb: float = 0

    @classmethod
    def from_json(cls, text: str) -> "StageCosts":
        """Return what ``python -m benchmarks.stages`` printed."""
        return cls(**json.loads(text))


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


def run_stages(workspace: Workspace) -> StageCosts:
    """Run every stage on a workspace as ``chargehouse run`` does, and return what each took.

    Args:
        workspace: the workspace; nobody else works on it.
    """
    costs = StageCosts()

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        before = _cpu_seconds()
        yield
        costs.stages[name] = _cpu_seconds() - before

    export_environment(workspace)
    prepare_manifest()
    with stage("configuration"), open_warehouse(workspace) as connection:
        configuration = read_configuration(workspace.billing)
        load_configuration(connection, configuration)
    with stage("ingest"), open_warehouse(workspace) as connection:
        landing = open_landing(workspace.landing_url)
        sync(connection, workspace, landing, billing_exports(configuration))
        sync_price_lists(connection, landing, workspace.warehouse)
    with stage("plan"), open_warehouse(workspace) as connection:
        load_ledger(connection, workspace)
        write_build_periods(connection, plan_periods(connection, configuration))
    with stage("raw checks"), open_warehouse(workspace) as connection:
        charge_types = PROJECT_ROOT / "dbt_project" / "seeds" / "charge_types.csv"
        check_raw(connection, f"'{charge_types}'", datetime.now(UTC).replace(tzinfo=None))
    with stage("models and tests"):
        built = _build(workspace)
    with stage("anomalies"), open_warehouse(workspace) as connection:
        detect_anomalies(connection)
    with stage("publish"):
        with open_warehouse(workspace) as connection:
            mark_built(connection, "benchmark")
        publish(workspace)
    costs.nodes, costs.queries = built["nodes"], built["queries"]
    costs.peak_mb = max(highest_resident("self"), built["memory"]["highest"]) / 1e6
    return costs


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
    else:
        print(json.dumps(asdict(run_stages(_workspace))))
