"""One run of dbt's unit tests, in a warehouse that holds nothing but empty tables.

What is here: making that warehouse, running dbt on it, and reading what each unit test said.
When to add here: another table that models read; dbt takes the column types of a unit test's rows from it.
What does not belong here: judging the results (``test_dbt_unit_tests.py``).
"""

import json
import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from orchestration.configuration.load import load_configuration
from orchestration.configuration.schema import Configuration
from orchestration.ingest.register import Register
from orchestration.settings import PROJECT_ROOT, Workspace, child_environment
from orchestration.warehouse import open_warehouse

__all__ = ["UnitTestResult", "UnitTestRun", "run_unit_tests"]


@dataclass(frozen=True)
class UnitTestResult:
    """What one unit test said.

    Attributes:
        name: ``test_<model>__<behaviour>``.
        status: dbt's word; ``pass`` is the only good one.
        message: expected beside actual rows, or the database's error.
    """

    name: str
    status: str
    message: str


@dataclass(frozen=True)
class UnitTestRun:
    """What dbt found in the project and what it ran.

    Attributes:
        defined: names of every unit test in the project.
        results: one per unit test that dbt took up.
    """

    defined: frozenset[str]
    results: tuple[UnitTestResult, ...]


def run_unit_tests(folder: Path) -> UnitTestRun:
    """Build the models on empty tables in ``folder`` and run every dbt unit test there.

    Raises:
        RuntimeError: dbt could not even start on them; its output is in the message.
    """
    workspace = Workspace.at(folder)
    _make_empty_warehouse(workspace)
    passed = _dbt(workspace, "build", "--exclude-resource-type", "test")
    if not passed:
        # dbt skipped the models of the unit tests that failed, and with them every unit test behind. All are
        # to be heard, so the models are built first and the unit tests run for themselves.
        _dbt(workspace, "build", "--exclude-resource-type", "test", "unit_test", must_pass=True)
        _dbt(workspace, "test", "--select", "test_type:unit")
    manifest = json.loads(_target(workspace, "manifest.json").read_text(encoding="utf-8"))
    run = json.loads(_target(workspace, "run_results.json").read_text(encoding="utf-8"))
    return UnitTestRun(
        defined=frozenset(node["name"] for node in manifest["unit_tests"].values()),
        results=tuple(_result(it) for it in run["results"] if it["unique_id"].startswith("unit_test.")),
    )


def _result(result: dict[str, Any]) -> UnitTestResult:
    name = str(result["unique_id"]).rpartition(".")[2]
    return UnitTestResult(name=name, status=result["status"], message=result["message"] or "")


def _make_empty_warehouse(workspace: Workspace) -> None:
    with open_warehouse(workspace) as connection:
        load_configuration(connection, Configuration(**{field.name: () for field in fields(Configuration)}))
        Register(connection, workspace.raw_store).save([])


def _dbt(workspace: Workspace, *arguments: str, must_pass: bool = False) -> bool:
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbt")), "--no-use-colors", "--log-level-file", "none"),
            *arguments,
            *("--project-dir", str(PROJECT_ROOT), "--profiles-dir", str(PROJECT_ROOT)),
            *("--target-path", str(_target(workspace)), "--log-path", str(workspace.root / "dbt_logs")),
        ],
        # Paths of the project's settings are relative to its root.
        cwd=PROJECT_ROOT,
        env=child_environment(workspace),
        capture_output=True,
        text=True,
        check=False,
    )
    # dbt: 1 = something failed, which is a result here; 2 = it could not run.
    if done.returncode not in ((0,) if must_pass else (0, 1)):
        output = f"{done.stdout}{done.stderr}"
        raise RuntimeError(f"dbt {' '.join(arguments)} ended with {done.returncode}:\n{output}")
    return done.returncode == 0


def _target(workspace: Workspace, *parts: str) -> Path:
    return workspace.root.joinpath("dbt_target", *parts)
