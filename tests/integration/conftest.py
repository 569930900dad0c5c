"""Whole runs on workspaces of their own."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import Workspace
from tests.integration.workspaces import Rows, draft_months

_EXPORTED = (
    "CHARGEHOUSE_DATA",
    "CHARGEHOUSE_LANDING",
    "CHARGEHOUSE_LEDGER",
    "CHARGEHOUSE_WAREHOUSE_FILE",
    "DAGSTER_HOME",
)


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
    for name in _EXPORTED:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two months to approve and issue, that no test changes; see ``draft_months``."""
    workspace = Workspace.at(tmp_path_factory.mktemp("drafted"))
    draft_months(workspace)
    return workspace
