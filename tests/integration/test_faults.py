"""Runs that die, collide or meet damaged deliveries: the numbers must come out as if nothing had happened."""

import csv
import gzip
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.errors import WorkspaceBusyError
from orchestration.runs import run_new
from orchestration.settings import Workspace
from orchestration.warehouse import workspace_lock
from tests.integration.workspaces import built_sample

Content = dict[str, list[tuple[Any, ...]]]

pytestmark = [pytest.mark.slow, pytest.mark.faults]

# What says when, and by which run, rather than what.
_OF_THE_RUN = {"built_at", "landed_at", "manifest_modified_at", "checked_at", "due_at"}


def content(workspace: Workspace) -> Content:
    """Return every published table but the list of runs, without what says when it was made."""
    found: Content = {}
    with duckdb.connect(workspace.published_file, read_only=True) as connection:
        tables = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'marts' and table_name <> 'fct_runs'"
        ).fetchall()
        for (table,) in tables:
            columns = [
                column
                for (column,) in connection.execute(
                    "select column_name from information_schema.columns "
                    "where table_schema = 'marts' and table_name = ? order by ordinal_position",
                    [table],
                ).fetchall()
                if column not in _OF_THE_RUN
            ]
            found[table] = connection.execute(f"select {', '.join(columns)} from marts.{table} order by all").fetchall()
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the sample months, built once and never disturbed."""
    return built_sample(tmp_path_factory, tmp_path_factory.mktemp("undisturbed") / "workspace")[0]


def _copy(source: Workspace, target: Path, with_warehouse: bool = True) -> Workspace:
    folders = ["billing", "landing", *(["warehouse", "published"] if with_warehouse else [])]
    for folder in folders:
        shutil.copytree(source.root / folder, target / folder)
    return Workspace.at(target)


def _start(workspace: Workspace) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "run"],
        env={**os.environ, "CHARGEHOUSE_DATA": str(workspace.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_killed_at_any_moment_and_run_again(
    undisturbed: Workspace, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    kills = 20 if pytestconfig.getoption("--faults-in-full") else 2
    moments = random.Random(11)
    for number in range(kills):
        workspace = _copy(undisturbed, tmp_path / str(number), with_warehouse=False)
        process = _start(workspace)
        try:
            process.wait(timeout=moments.uniform(3, 25))
        except subprocess.TimeoutExpired:
            # The whole session: dbt is a child, and a dead machine spares nobody.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert process.stdout is not None
        process.stdout.close()

        run_new(workspace)

        assert content(workspace) == content(undisturbed)
        shutil.rmtree(workspace.root)


def test_a_second_run_stops_cleanly(undisturbed: Workspace) -> None:
    with (
        workspace_lock(undisturbed, "test"),
        pytest.raises(WorkspaceBusyError, match=r"in use by process \d+ \(test"),
    ):
        run_new(undisturbed)


def test_a_second_run_can_wait(undisturbed: Workspace, tmp_path: Path) -> None:
    workspace = _copy(undisturbed, tmp_path / "workspace")
    first, second = _start(workspace), _start(workspace)
    outputs = [process.communicate(timeout=120)[0] for process in (first, second)]
    codes = sorted(process.returncode for process in (first, second))
    # Both may find the lock free one after the other, since there is nothing new to do; none may break.
    assert codes in ([0, 0], [0, 1]), outputs
    assert content(workspace) == content(undisturbed)


def test_nothing_new_is_not_built_again(undisturbed: Workspace) -> None:
    stamp = undisturbed.published_file.stat()
    summary = run_new(undisturbed)
    assert summary.built == ()
    assert "Nothing new" in summary.lines()[0]
    assert undisturbed.published_file.stat().st_mtime_ns == stamp.st_mtime_ns


def test_a_deleted_warehouse_is_rebuilt_to_the_same(undisturbed: Workspace, tmp_path: Path) -> None:
    workspace = _copy(undisturbed, tmp_path / "workspace", with_warehouse=False)
    run_new(workspace)
    assert content(workspace) == content(undisturbed)


def _truncate(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])


def _spoil_cost(path: Path) -> None:
    rows = list(csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode(), newline="")))
    rows[1][rows[0].index("lineItem/UnblendedCost")] = "1_000.00"
    spoilt = io.StringIO(newline="")
    csv.writer(spoilt).writerows(rows)
    path.unlink()
    path.write_bytes(gzip.compress(spoilt.getvalue().encode()))


def _say_another_month(path: Path) -> None:
    text = gzip.decompress(path.read_bytes()).decode().replace("2026-09-01T00:00:00", "2026-07-01T00:00:00")
    path.unlink()
    path.write_bytes(gzip.compress(text.encode()))


_DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "truncated": (_truncate, r"gzip|truncated|damaged|incomplete"),
    "missing part": (Path.unlink, r"missing|not there|does not exist"),
    "bad cost": (_spoil_cost, r"1_000\.00"),
    "wrong period": (_say_another_month, r"2026-07"),
}


def _restate(workspace: Workspace, month: str, new_id: str, damage: str) -> None:
    """Land another delivery of a month, with a damaged file."""
    [manifest_file] = workspace.landing.glob(f"*/cur/*/{month}/*-Manifest.json")
    text = manifest_file.read_text(encoding="utf-8")
    old_id = json.loads(text)["assemblyId"]
    new_folder = manifest_file.parent / new_id
    shutil.copytree(manifest_file.parent / old_id, new_folder)
    for target in (manifest_file, new_folder / manifest_file.name):
        target.write_text(text.replace(old_id, new_id), encoding="utf-8")
    _DAMAGES[damage][0](sorted(new_folder.glob("*.csv.gz"))[0])


@pytest.mark.parametrize(
    "damages",
    [
        {"20260801-20260901": "truncated", "20260901-20261001": "bad cost", "20261001-20261101": "missing part"},
        {"20260901-20261001": "wrong period"},
    ],
    ids=["one a month", "wrong period"],
)
def test_damaged_deliveries_change_nothing_and_say_why(
    undisturbed: Workspace, tmp_path: Path, damages: dict[str, str]
) -> None:
    """AWS restates months; what arrives is damaged. The bills of yesterday must stay, and somebody must be told."""
    workspace = _copy(undisturbed, tmp_path / "workspace")
    new_ids = {month: f"99999999-9999-4999-8999-{month[:8]:0>12}" for month in damages}
    for month, damage in damages.items():
        _restate(workspace, month, new_ids[month], damage)
    before = content(workspace)

    summary = run_new(workspace)

    after = content(workspace)
    for month, damage in damages.items():
        rejected = [warning for warning in summary.warnings if new_ids[month] in warning]
        assert len(rejected) == 1
        assert re.search(_DAMAGES[damage][1], rejected[0])
    for table in before:
        if table not in ("dim_deliveries", "fct_check_results", "fct_check_failures"):
            assert after[table] == before[table], table


def test_run_finds_the_damage_mended(undisturbed: Workspace, tmp_path: Path) -> None:
    workspace = _copy(undisturbed, tmp_path / "workspace")
    part = sorted(workspace.landing.rglob("*20261001-20261101/*/*.csv.gz"))[0]
    whole = part.read_bytes()
    _truncate(part)
    run_new(workspace)
    part.unlink()
    part.write_bytes(whole)
    time.sleep(0.01)

    run_new(workspace)

    assert content(workspace)["fct_charges"] == content(undisturbed)["fct_charges"]
    assert not [row for row in content(workspace)["dim_deliveries"] if "rejected" in row]
