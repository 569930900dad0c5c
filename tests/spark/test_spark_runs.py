"""The sample months, built by DuckDB and by a Spark cluster, are the same months to the last decimal."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration.exports.cur import write_cur
from orchestration.exports.focus import write_focus
from orchestration.runs import run_new
from orchestration.sample.install import install_sample
from orchestration.settings import Workspace
from tests.spark.engines import BothEngines, differences, use_spark
from tests.spark_cluster import SparkCluster


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, spark_cluster: SparkCluster) -> BothEngines:
    """The bundled sample months on both engines."""
    root = tmp_path_factory.mktemp("engines")
    on_duckdb, on_spark = Workspace.at(root / "duckdb"), Workspace.at(root / "spark")
    install_sample(on_duckdb.root)
    shutil.copytree(on_duckdb.root, on_spark.root)
    with pytest.MonkeyPatch.context() as environment:
        run_new(on_duckdb)
        use_spark(environment, spark_cluster)
        run_new(on_spark)
    return BothEngines(on_duckdb, on_spark)


def test_sample_months_are_equal_to_the_last_decimal(built: BothEngines) -> None:
    assert differences(built) == {}


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
    use_spark(monkeypatch, spark_cluster)
    run_new(built.on_spark)
    assert not [*(built.on_spark.warehouse / "spark" / "inputs" / "raw" / "cur_line_items").iterdir()]
    assert differences(built) == {}
