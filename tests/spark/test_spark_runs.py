"""The sample months, built by DuckDB and by a Spark cluster, are the same months to the last decimal."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration.exports.cur import write_cur
from orchestration.exports.focus import write_focus
from orchestration.runs import run_new
from orchestration.sample.install import install_sample
from orchestration.settings import Workspace
from tests.spark_cluster import SparkCluster

# What says when something was done, or by which engine's code, and not what it amounts to.
_OF_THE_RUN = {
    "fct_runs": "run_id, started_at, finished_at, code_version",
    "fct_check_results": "checked_at",
    "dim_billing_periods": "built_at, fingerprint",
    "dim_deliveries": "landed_at",
}


@dataclass(frozen=True)
class BothEngines:
    """One reseller, built twice.

    Attributes:
        on_duckdb: its workspace on DuckDB.
        on_spark: its workspace on the cluster.
    """

    on_duckdb: Workspace
    on_spark: Workspace


def _use_spark(monkeypatch: pytest.MonkeyPatch, cluster: SparkCluster) -> None:
    monkeypatch.setenv("CHARGEHOUSE_ENGINE", "spark")
    monkeypatch.setenv("CHARGEHOUSE_SPARK_MASTER", cluster.master)
    monkeypatch.setenv("CHARGEHOUSE_SPARK_PYTHON", str(cluster.python))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, spark_cluster: SparkCluster) -> BothEngines:
    """The bundled sample months on both engines."""
    root = tmp_path_factory.mktemp("engines")
    on_duckdb, on_spark = Workspace.at(root / "duckdb"), Workspace.at(root / "spark")
    install_sample(on_duckdb.root)
    shutil.copytree(on_duckdb.root, on_spark.root)
    with pytest.MonkeyPatch.context() as environment:
        run_new(on_duckdb)
        _use_spark(environment, spark_cluster)
        run_new(on_spark)
    return BothEngines(on_duckdb, on_spark)


def _differences(both: BothEngines) -> dict[str, str]:
    """Compare the published copies table by table: columns, types, descriptions, and rows as often as they occur."""
    found = {}
    with duckdb.connect() as connection:
        connection.execute(f"attach '{both.on_duckdb.published_file}' as duckdb_engine (read_only)")
        connection.execute(f"attach '{both.on_spark.published_file}' as spark_engine (read_only)")
        described = """
            select schema_name || '.' || table_name, column_name, data_type, comment
            from duckdb_columns() where database_name = ? order by all
        """
        columns_of = {
            engine: {(table, name, kind): comment for table, name, kind, comment in rows}
            for engine in ("duckdb_engine", "spark_engine")
            for rows in [connection.execute(described, [engine]).fetchall()]
        }
        of_duckdb, of_spark = columns_of["duckdb_engine"], columns_of["spark_engine"]
        if of_duckdb.keys() != of_spark.keys():
            found["columns"] = repr(sorted(of_duckdb.keys() ^ of_spark.keys())[:20])
        lost = sorted(column for column, comment in of_duckdb.items() if comment and of_spark.get(column) != comment)
        if lost:
            found["descriptions"] = repr(lost[:20])
        for name in sorted({table for table, *_ in of_duckdb}):
            left_out = _OF_THE_RUN.get(name.partition(".")[2])
            columns = "*" if left_out is None else f"* exclude ({left_out})"
            one, other = (f"select {columns} from {engine}.{name}" for engine in ("duckdb_engine", "spark_engine"))
            rows = connection.execute(
                f"select (select count(*) from ({one})), (select count(*) from ({one} except all {other})), "
                f"(select count(*) from ({other} except all {one}))"
            ).fetchall()[0]
            if rows[1:] != (0, 0):
                found[name] = f"{rows[1]} of {rows[0]} rows only on DuckDB, {rows[2]} only on Spark"
    return found


def test_sample_months_are_equal_to_the_last_decimal(built: BothEngines) -> None:
    assert _differences(built) == {}


@pytest.mark.parametrize(("write", "group"), [(write_focus, None), (write_cur, "aozora")])
def test_exports_read_the_same_rows_and_charges(
    write: Callable[[Workspace, date, str | None, Path], object],
    group: str | None,
    built: BothEngines,
    tmp_path: Path,
) -> None:
    files = []
    for workspace in (built.on_duckdb, built.on_spark):
        files.append(tmp_path / f"{workspace.root.name}.parquet")
        write(workspace, date(2026, 9, 1), group, files[-1])
    one, other = (f"select * from read_parquet('{file}')" for file in files)
    with duckdb.connect() as connection:
        rows, apart = connection.execute(
            f"select (select count(*) from ({one})), "
            f"(select count(*) from (({one} except all {other}) union all ({other} except all {one})))"
        ).fetchall()[0]
    assert rows > 0
    assert apart == 0


def test_changed_prices_are_equal_and_read_no_delivery_again(
    built: BothEngines, spark_cluster: SparkCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for workspace in (built.on_duckdb, built.on_spark):
        file = workspace.billing / "pricing_rules.csv"
        text = file.read_text(encoding="utf-8")
        changed = text.replace(",MARKUP,", ",DISCOUNT,")
        assert changed != text
        file.write_text(changed, encoding="utf-8")
    run_new(built.on_duckdb)
    _use_spark(monkeypatch, spark_cluster)
    run_new(built.on_spark)
    assert not [*(built.on_spark.warehouse / "spark" / "inputs" / "raw" / "cur_line_items").iterdir()]
    assert _differences(built) == {}
