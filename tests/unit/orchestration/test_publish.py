import threading
from pathlib import Path

import duckdb
import pytest

from orchestration.publish import publish
from orchestration.settings import Workspace
from orchestration.warehouse import open_warehouse


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    place = Workspace.at(tmp_path)
    with open_warehouse(place) as connection:
        connection.execute(
            """
            create schema marts;
            create table marts.fct_charges as select cast('1.10' as decimal(38, 20)) as billed_cost;
            comment on table marts.fct_charges is 'One row per charge; it''s exact.';
            comment on column marts.fct_charges.billed_cost is 'Exact.';
            create view marts.dim_services as select 'AmazonEC2' as service_code
            """
        )
    return place


def test_copies_tables_views_types_and_descriptions(workspace: Workspace) -> None:
    publish(workspace)
    with duckdb.connect(workspace.published_file, read_only=True) as connection:
        types = connection.execute(
            "select table_name, column_name, data_type, comment from duckdb_columns() "
            "where schema_name = 'marts' and table_name in ('dim_services', 'fct_charges') order by all"
        ).fetchall()
        assert types == [
            ("dim_services", "service_code", "VARCHAR", None),
            ("fct_charges", "billed_cost", "DECIMAL(38,20)", "Exact."),
        ]
        comment = connection.execute("select comment from duckdb_tables() where table_name = 'fct_charges'").fetchone()
        assert comment == ("One row per charge; it's exact.",)
        assert connection.execute("select count(*) from marts.fct_check_results").fetchone() == (0,)


def test_a_failed_copy_leaves_the_old_one(workspace: Workspace) -> None:
    publish(workspace)
    before = workspace.published_file.read_bytes()
    with open_warehouse(workspace) as connection:
        connection.execute(
            "create table gone (x integer); create view marts.fct_broken as select x from gone; drop table gone"
        )
    with pytest.raises(duckdb.Error):
        publish(workspace)
    assert workspace.published_file.read_bytes() == before
    with open_warehouse(workspace) as connection:
        connection.execute("drop view marts.fct_broken")
    publish(workspace)
    assert sorted(path.name for path in workspace.published_file.parent.iterdir()) == ["chargehouse.duckdb"]


def test_readers_never_see_half_a_copy(workspace: Workspace) -> None:
    publish(workspace)
    failures: list[Exception] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                with duckdb.connect(workspace.published_file, read_only=True) as connection:
                    connection.execute("select billed_cost from marts.fct_charges").fetchall()
            except duckdb.Error as error:
                failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(5):
        publish(workspace)
    stop.set()
    reader.join()
    assert failures == []
