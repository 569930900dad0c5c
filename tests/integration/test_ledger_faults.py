"""Many issuers at once, and issuers that die: no number is skipped, shared, lost or given twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.ledger.ledger import Ledger, restore_ledger
from orchestration.settings import PROJECT_ROOT, Workspace
from tests.postgresql_cluster import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.faults]

Process = subprocess.Popen[str]


@pytest.fixture(params=["sqlite", "postgresql"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    """An empty workspace without a ledger, for each of the databases."""
    found = Workspace.at(tmp_path / "workspace")
    if request.param == "sqlite":
        return found
    return replace(found, ledger_url=request.getfixturevalue("postgresql").new_schema())


def start(workspace: Workspace, indexes: list[int]) -> Process:
    arguments = [str(workspace.root), workspace.ledger_url or "", *map(str, indexes)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.ledger_issuer", *arguments],
        cwd=PROJECT_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def go(process: Process) -> None:
    """Wait until the process has opened the ledger, and let it begin."""
    assert process.stdout is not None
    assert process.stdin is not None
    if process.stdout.readline() != "ready\n":
        pytest.fail(process.communicate()[1])
    process.stdin.write("go\n")
    process.stdin.flush()


def said(output: str) -> dict[int, str]:
    """What a process reported: number by index. A line cut off by a kill was not said."""
    return {
        int(index): number
        for index, number in (line.split() for line in output.splitlines(keepends=True) if line.endswith("\n"))
    }


def test_many_processes_issue_at_once(workspace: Workspace, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """Every document is asked for by two of them, in another order each, while backups are taken."""
    issuers, documents = (16, 200) if pytestconfig.getoption("--faults-in-full") else (4, 60)
    order = random.Random(5)
    asked: list[list[int]] = [[] for _ in range(issuers)]
    for index in range(documents):
        for place in (index % issuers, (index + 5) % issuers):
            asked[place].append(index)
    for indexes in asked:
        order.shuffle(indexes)
    processes = [start(workspace, indexes) for indexes in asked]
    for process in processes:
        go(process)
    backups = []
    with Ledger.open(workspace) as ledger:
        while any(process.poll() is None for process in processes):
            backups.append(ledger.backup(tmp_path / f"{len(backups)}.zip"))
            time.sleep(1)
        outputs = [process.communicate() for process in processes]
        assert [process.returncode for process in processes] == [0] * issuers, outputs

        numbers: dict[int, set[str]] = {index: set() for index in range(documents)}
        for output, _ in outputs:
            for index, number in said(output).items():
                numbers[index].add(number)
        assert {len(found) for found in numbers.values()} == {1}, "two numbers for one document"
        issued = list(ledger.documents())
        assert {document.number for document in issued} == set().union(*numbers.values())
        assert len(issued) == documents
        series = Counter(document.number.rsplit("-", 1)[0] for document in issued)
        for name, count in series.items():
            last = sorted(document.number for document in issued if document.number.startswith(f"{name}-"))
            assert last == [f"{name}-{sequence:06d}" for sequence in range(1, count + 1)]
        assert len(series) == 4
        verification = ledger.verify()
        assert verification.is_sound, verification.lines()
        assert verification.document_count == documents
    middle = len(backups) // 2
    restored = Workspace.at(tmp_path / "restored")
    assert restore_ledger(restored, tmp_path / f"{middle}.zip", "Ada").head == backups[middle].head


def _check(workspace: Workspace, acknowledged: dict[int, str]) -> None:
    with Ledger.open(workspace) as ledger:
        verification = ledger.verify()
        assert verification.is_sound, verification.lines()
        groups = Counter(document.billing_group_id for document in ledger.documents())
        assert set(groups.values()) <= {1}
        issued = {document.billing_group_id: document.number for document in ledger.documents()}
    assert {f"group-{index}": number for index, number in acknowledged.items()}.items() <= issued.items()
    # At most the one document that was issued and not reported yet.
    assert len(issued) - len(acknowledged) in (0, 1)


def test_killed_at_any_moment_and_begun_again(workspace: Workspace, pytestconfig: pytest.Config) -> None:
    kills = 100 if pytestconfig.getoption("--faults-in-full") else 5
    moments = random.Random(23)
    acknowledged: dict[int, str] = {}
    for number in range(kills):
        begin = len(acknowledged)
        process = start(workspace, list(range(begin, begin + 200)))
        assert process.stdout is not None
        first = ""
        if number % 10 == 9:
            # Also while it opens the ledger.
            time.sleep(moments.uniform(0, 1))
        else:
            go(process)
            if number % 2:
                # Every other one gets to its first document, however busy the machine is.
                first = process.stdout.readline()
            time.sleep(moments.uniform(0, 0.1))
        os.kill(process.pid, signal.SIGKILL)
        # `communicate` would pass over what `readline` has read ahead.
        acknowledged |= said((first + process.stdout.read()).removeprefix("ready\n"))
        process.communicate()
        if number % 10 == 0 or number == kills - 1:
            _check(workspace, acknowledged)
    assert acknowledged
    # The one that was issued and not reported is not issued again.
    last = start(workspace, list(range(len(acknowledged), len(acknowledged) + 3)))
    go(last)
    output, errors = last.communicate(timeout=60)
    assert last.returncode == 0, errors
    acknowledged |= said(output)
    _check(workspace, acknowledged)


def test_a_server_that_crashes_loses_nothing(postgresql: Cluster, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    crashes = 10 if pytestconfig.getoption("--faults-in-full") else 1
    moments = random.Random(31)
    workspace = replace(Workspace.at(tmp_path), ledger_url=postgresql.new_schema())
    acknowledged: dict[int, str] = {}
    for _ in range(crashes):
        begin = len(acknowledged)
        process = start(workspace, list(range(begin, begin + 500)))
        go(process)
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(moments.uniform(0, 0.3))
        postgresql.crash()
        output, errors = process.communicate(timeout=60)
        assert process.returncode != 0
        assert "LedgerError: The ledger postgresql+psycopg://chargehouse@/" in errors
        acknowledged |= said(first + output)
        _check(workspace, acknowledged)
