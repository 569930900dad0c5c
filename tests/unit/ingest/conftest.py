"""A workspace with a warehouse, and the sync run on it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.ingest.deliveries import SyncResult, sync
from orchestration.ingest.landing import Landing, open_landing
from orchestration.settings import Workspace
from tests.unit.ingest.landed_cur import PAYER

Rows = list[tuple[Any, ...]]


class Warehouse:
    """A workspace, its open warehouse, and short ways to sync and to look."""

    def __init__(self, workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> None:
        self.workspace = workspace
        self.connection = connection
        self.payers = {PAYER: ""}
        self.opened: Landing | None = None
        self.said: list[str] = []

    @property
    def landing(self) -> Path:
        return self.workspace.landing

    def sync(self) -> SyncResult:
        self.said.clear()
        landing = self.opened or open_landing(self.landing)
        return sync(self.connection, self.workspace, landing, self.payers, progress=self.said.append)

    def query(self, sql: str) -> Rows:
        return self.connection.execute(sql).fetchall()

    def statuses(self) -> dict[str, str]:
        return dict(self.query("select delivery_id, status from raw.deliveries where delivery_id <> ''"))

    def costs(self) -> Rows:
        return self.query("select line_item_unblended_cost from raw.cur_line_items order by all")

    def contents(self) -> tuple[Rows, Rows]:
        """What a rejected delivery must leave as it was: the view's rows and the register of what is current."""
        return (
            self.query(
                "select * exclude (bad_values, product, discount, resource_tags, cost_category) "
                "from raw.cur_line_items order by all"
            ),
            self.query("select * from raw.deliveries where status <> 'rejected' order by delivery_key"),
        )


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    workspace = Workspace.at(tmp_path / "workspace")
    workspace.landing.mkdir(parents=True)
    workspace.warehouse.mkdir()
    with duckdb.connect(workspace.warehouse_file) as connection:
        yield Warehouse(workspace, connection)


@pytest.fixture(scope="module")
def evaluate() -> Iterator[Callable[[str], Any]]:
    """Evaluates one SQL expression."""
    with duckdb.connect() as connection:

        def value(expression: str) -> Any:
            row = connection.execute(f"select {expression}").fetchone()
            return None if row is None else row[0]

        yield value
