"""As many rows as you ask for, built by DuckDB and by a Spark cluster: equal to the last decimal, and what each costs.

``make test-spark-rows`` asks for a million, or for ROWS=…; no other command asks for any.
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.columns import Form
from benchmarks.measuring import highest_resident
from benchmarks.product import BenchmarkWorkspace
from orchestration.settings import PROJECT_ROOT, Workspace, child_environment
from tests.spark.engines import BothEngines, differences, use_spark
from tests.spark_cluster import running_spark

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class _Costs:
    """What everything that ran below this process took, the cluster too, whose workers nobody waits for.

    Attributes:
        cpu_seconds: user and system, by process id.
        peak_bytes: the most memory that each process held by itself, by process id.
        wall_seconds: from start to end.
    """

    cpu_seconds: dict[int, float]
    peak_bytes: dict[int, int]
    wall_seconds: float = 0.0

    def __str__(self) -> str:
        largest = sorted(self.peak_bytes.values(), reverse=True)[:3]
        return (
            f"{sum(self.cpu_seconds.values()):.0f} CPU s, {self.wall_seconds:.0f} s, largest processes "
            f"{', '.join(f'{size / 1e6:,.0f}' for size in largest)} MB"
        )


@contextmanager
def _watched() -> Iterator[_Costs]:
    """Look at the processes below this one four times a second; what one does after the last look is not seen."""
    costs = _Costs({}, {})
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.25):
            for pid in _below(os.getpid()):
                try:
                    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2]
                except OSError:
                    continue
                user, system = fields.split()[11:13]
                costs.cpu_seconds[pid] = (int(user) + int(system)) / _TICKS
                costs.peak_bytes[pid] = max(costs.peak_bytes.get(pid, 0), highest_resident(pid))

    started, watcher = time.monotonic(), threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield costs
    finally:
        costs.wall_seconds = time.monotonic() - started
        is_over.set()
        watcher.join()


def _below(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text(encoding="ascii").split())
        except OSError:
            # It ended while we looked.
            continue
    return found[1:]


def _run(workspace: Workspace) -> None:
    """Build in a process of its own, as a user does: this one's memory must not count."""
    command = [sys.executable, "-c", "from orchestration.cli import main; main()", "run"]
    done = subprocess.run(
        command, env=child_environment(workspace), cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


def test_both_engines_are_equal_on_many_rows(
    pytestconfig: pytest.Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = pytestconfig.getoption("--spark-rows")
    if not rows:
        pytest.skip("no rows are asked for: `make test-spark-rows` asks for a million")
    both = BothEngines(Workspace.at(tmp_path / "duckdb"), Workspace.at(tmp_path / "spark"))
    BenchmarkWorkspace(both.on_duckdb.root, Form.LEGACY_PARQUET, rows, seed=1).make()
    shutil.copytree(both.on_duckdb.root, both.on_spark.root)
    with _watched() as on_duckdb:
        _run(both.on_duckdb)
    cluster_folder = tmp_path / "cluster"
    cluster_folder.mkdir()
    with running_spark(cluster_folder) as cluster:
        use_spark(monkeypatch, cluster)
        # The settings of small tables are none for many rows.
        monkeypatch.delenv("SPARK_CONF_DIR")
        with _watched() as on_spark:
            _run(both.on_spark)
    with capsys.disabled():
        print(f"\n{rows:,} rows, DuckDB: {on_duckdb}\n{rows:,} rows, Spark: {on_spark}")
    assert differences(both) == {}
