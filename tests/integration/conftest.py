"""Whole runs on workspaces of their own."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from orchestration.runs import run_new
from orchestration.settings import Workspace
from tests.integration.workspaces import EXPORTED, Rows, built_once, copy_landing, draft_months, write_billing


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path / "workspace")


@pytest.fixture
def published() -> Callable[[Workspace, str], Rows]:
    def query(workspace: Workspace, sql: str) -> Rows:
        with duckdb.connect(workspace.published_file, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return query


@pytest.fixture
def warehouse() -> Callable[[Workspace, str], Rows]:
    def query(workspace: Workspace, sql: str) -> Rows:
        with duckdb.connect(workspace.warehouse_file, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return query


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs set the environment of the process for dbt; undo it after each test."""
    for name in EXPORTED:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def workshop(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two real months of one payer and one member account, as a run built them; no test changes them."""

    def build(workspace: Workspace) -> None:
        copy_landing(samples / "aws-workshop-2018", workspace)
        write_billing(workspace, payer="836060457634", member="011254002932")
        summary = run_new(workspace)
        assert [f"{period:%Y-%m}" for period in summary.built] == ["2018-10", "2018-11"]

    return built_once(tmp_path_factory, "workshop", build, tmp_path_factory.mktemp("workshop") / "workspace")


@pytest.fixture(scope="session")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two months to approve and issue, that no test changes; see ``draft_months``."""
    return built_once(tmp_path_factory, "months", draft_months, tmp_path_factory.mktemp("drafted") / "workspace")
