"""Issuing at the desk by many processes, and by ones that are killed: nothing is lost, doubled or left half made."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from orchestration.issuing import desk
from orchestration.issuing.verification import verify_documents
from orchestration.ledger.ledger import Ledger
from orchestration.runs import run_new
from orchestration.settings import PROJECT_ROOT, Workspace
from tests.integration.resellers import JANUARY, Reseller

pytestmark = [pytest.mark.slow, pytest.mark.faults]

Process = subprocess.Popen[str]

_ENDINGS = ("csv", "pdf", "sha256", "xlsx", "xml")


def _groups(count: int) -> list[str]:
    return [f"group{number:03d}" for number in range(1, count + 1)]


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Workspace:
    """January of many groups with a credit each, as drafts."""
    workspace = Workspace.at(tmp_path_factory.mktemp("drafted") / "workspace")
    groups = _groups(160 if pytestconfig.getoption("--faults-in-full") else 8)
    books = Reseller(workspace, {group: {"tax_policy": "none"} for group in groups})
    books.write(
        "credits",
        [
            {
                **{"credit_id": f"of {group}", "billing_group_id": group, "amount": "1.50", "currency": "USD"},
                **{"start_date": "2024-01-01", "eligible_services": "*", "covers_fees": "false", "status": "Active"},
            }
            for group in groups
        ],
    )
    books.deliver([books.usage(group, f"{number}.25") for number, group in enumerate(groups, start=1)])
    run_new(workspace)
    return workspace


@pytest.fixture
def workspace(drafted: Workspace, tmp_path: Path) -> Workspace:
    return Workspace.at(Path(shutil.copytree(drafted.root, tmp_path / "workspace")))


def _start(workspace: Workspace, groups: list[str], wait_seconds: int) -> Process:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.desk_issuer", str(workspace.root), str(wait_seconds), *groups],
        cwd=PROJECT_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _go(process: Process) -> None:
    """Wait until the process has loaded what it needs, and let it begin."""
    assert process.stdout is not None
    assert process.stdin is not None
    if process.stdout.readline() != "ready\n":
        pytest.fail(process.communicate()[1])
    process.stdin.write("go\n")
    process.stdin.flush()


def _said(output: str) -> dict[str, str]:
    """What a process reported: number by group. A line cut off by a kill was not said."""
    lines = [line.split() for line in output.splitlines(keepends=True) if line.endswith("\n")]
    return {line[0]: line[1] for line in lines if line[1] != "busy"}


def _check(workspace: Workspace, acknowledged: dict[str, str]) -> dict[str, str]:
    """Check the ledger by itself; return number by group."""
    with Ledger.open(workspace) as ledger:
        verification = ledger.verify()
        assert verification.is_sound, verification.lines()
        documents = list(ledger.documents())
    assert set(Counter(document.billing_group_id for document in documents).values()) <= {1}
    assert [document.number[-6:] for document in documents] == [f"{n:06d}" for n in range(1, len(documents) + 1)]
    issued = {document.billing_group_id: document.number for document in documents}
    assert acknowledged.items() <= issued.items()
    return issued


def _check_all(workspace: Workspace, groups: list[str]) -> None:
    """Check that every group has its one document with all of its files, and nothing else lies there."""
    issued = _check(workspace, {})
    assert sorted(issued) == groups
    folder = workspace.document_folder("2024-01")
    assert sorted(file.name for file in folder.iterdir()) == sorted(
        f"{number}.{ending}" for number in issued.values() for ending in _ENDINGS
    )
    with Ledger.open(workspace) as ledger:
        verified = verify_documents(workspace, ledger)
    assert (verified.is_sound, verified.made_again) == (True, ())
    assert verified.file_count == 4 * len(groups)


def test_many_at_one_desk(workspace: Workspace, pytestconfig: pytest.Config) -> None:
    """Each group is asked for by two processes; they wait for each other, or stop with who holds the workspace."""
    clerks = 8 if pytestconfig.getoption("--faults-in-full") else 3
    groups = _groups(16 if pytestconfig.getoption("--faults-in-full") else 8)
    order = random.Random(7)
    asked: list[list[str]] = [[] for _ in range(clerks)]
    for number, group in enumerate(groups):
        asked[number % clerks].append(group)
        asked[(number + 1) % clerks].append(group)
    for of_clerk in asked:
        order.shuffle(of_clerk)
    # The last one does not wait.
    waits = [1800] * (clerks - 1) + [0]
    processes = [_start(workspace, of_clerk, wait) for of_clerk, wait in zip(asked, waits, strict=True)]
    for process in processes:
        _go(process)
    outputs = [process.communicate(timeout=1800) for process in processes]
    assert [process.returncode for process in processes] == [0] * clerks, [errors for _, errors in outputs]
    said = [_said(output) for output, _ in outputs]
    refused = [line for output, _ in outputs[:-1] for line in output.splitlines() if " busy " in line]
    assert refused == []
    for line in outputs[-1][0].splitlines():
        assert " busy " not in line or f"The workspace {workspace.root} is in use by " in line
    # Issued by one, and found issued by the other.
    assert sum(map(len, said)) == len(groups)
    _check(workspace, {group: number for of_clerk in said for group, number in of_clerk.items()})
    desk.issue(workspace, JANUARY, None, "Ben")
    issued = _check(workspace, {})
    assert set(issued) == set(groups)


def test_killed_at_the_desk(workspace: Workspace, pytestconfig: pytest.Config) -> None:
    full = pytestconfig.getoption("--faults-in-full")
    kills, groups = (100, _groups(160)) if full else (3, _groups(8))
    moments = random.Random(29)
    acknowledged: dict[str, str] = {}
    for number in range(kills):
        # From the first group on: what was issued before and not reported, and its files, are part of each call.
        left = [group for group in groups if group not in acknowledged]
        process = _start(workspace, left, 0)
        _go(process)
        assert process.stdout is not None
        # Every other one gets to its first document, however busy the machine is.
        first = process.stdout.readline() if number % 2 else ""
        time.sleep(moments.uniform(0, 2))
        os.kill(process.pid, signal.SIGKILL)
        # `communicate` would pass over what `readline` has read ahead.
        acknowledged |= _said(first + process.stdout.read())
        process.communicate()
        if number % 10 == 0 or number == kills - 1:
            issued = _check(workspace, acknowledged)
            assert len(issued) - len(acknowledged) <= number + 1
    assert acknowledged
    assert len(acknowledged) < len(groups), "everything was issued before the last kill; ask for more groups"
    last = _start(workspace, [group for group in groups if group not in acknowledged], 0)
    _go(last)
    assert last.communicate(timeout=900)[1] == ""
    assert last.returncode == 0
    # Files of what was issued by a killed process are made by the next call, whatever it is asked for.
    _check_all(workspace, groups)
    run_new(workspace)
    assert desk.issue(workspace, JANUARY, None, "Ben") == []
