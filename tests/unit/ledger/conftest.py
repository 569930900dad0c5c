"""A ledger on each of the two databases."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.ledger.ledger import Ledger
from orchestration.settings import Workspace
from tests.postgresql_cluster import Cluster

DATABASES = ["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def empty_ledger_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite ledger with its tables and nothing in them; copying it is quicker than migrating."""
    workspace = Workspace.at(tmp_path_factory.mktemp("ledger"))
    Ledger.open(workspace).close()
    return workspace.ledger_file


@pytest.fixture
def new_workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Workspace]:
    """Make a workspace with an empty ledger on one of the databases."""
    count = iter(range(10))

    def make(database: str) -> Workspace:
        workspace = Workspace.at(tmp_path / f"workspace-{next(count)}")
        if database == "sqlite":
            workspace.ledger_file.parent.mkdir(parents=True)
            shutil.copy(request.getfixturevalue("empty_ledger_file"), workspace.ledger_file)
            return workspace
        cluster: Cluster = request.getfixturevalue("postgresql")
        return replace(workspace, ledger_url=cluster.new_schema())

    return make


@pytest.fixture(params=DATABASES)
def workspace(request: pytest.FixtureRequest, new_workspace: Callable[[str], Workspace]) -> Workspace:
    """A workspace with an empty ledger; every test that uses it runs on both databases."""
    return new_workspace(request.param)


@pytest.fixture
def ledger(workspace: Workspace) -> Iterator[Ledger]:
    """The ledger of that workspace, open, at noon of 2026-12-31."""
    with Ledger.open(workspace) as opened:
        opened._clock = lambda: datetime(2026, 12, 31, 12, tzinfo=UTC)
        yield opened
