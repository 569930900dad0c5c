"""The sample months, built by DuckDB and by a Spark cluster, are the same months to the last decimal."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration.exports.cur import write_cur
from orchestration.exports.focus import write_focus
from orchestration.issuing import desk
from orchestration.runs import run_new
from orchestration.sample.install import install_sample
from orchestration.settings import PROJECT_ROOT, Workspace
from orchestration.spark.layout import Exchange
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


def test_an_invoice_is_issued_alike(
    built: BothEngines, spark_cluster: SparkCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = []
    for workspace in (built.on_duckdb, built.on_spark):
        if workspace is built.on_spark:
            use_spark(monkeypatch, spark_cluster)
        with duckdb.connect(workspace.published_file, read_only=True) as connection:
            [(period, group)] = connection.execute(
                "select billing_period, billing_group_id from marts.fct_proposed_documents as proposed "
                "anti join marts.fct_issuing_refusals as refusals using (billing_period, billing_group_id) "
                "where proposed.net_amount > 0 order by all limit 1"
            ).fetchall()
        desk.approve(workspace, period, group, by="Ada")
        [outcome] = desk.issue(workspace, period, group, by="Ada", today=lambda: date(2026, 11, 2))
        assert outcome.state == "issued", outcome
        with closing(sqlite3.connect(workspace.root / "ledger" / "chargehouse-ledger.sqlite")) as ledger:
            [(draft_hash, content)] = ledger.execute("select draft_hash, content from documents")
        document = json.loads(content)
        assert document["provenance"].pop("run_id")
        issued.append((draft_hash, document))
    assert issued[0] == issued[1]


def test_a_killed_run_after_a_change_of_prices_is_taken_up(
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
    published = built.on_spark.published_file.stat().st_mtime_ns
    exchange = Exchange(built.on_spark.warehouse / "spark")
    _kill_run_when_changed(built.on_spark, exchange.tables / "marts" / "fct_charges")
    assert built.on_spark.published_file.stat().st_mtime_ns == published
    # Prices read what is stored, not the deliveries again.
    assert not [*(exchange.inputs / "raw" / "cur_line_items").iterdir()]

    run_new(built.on_spark)

    found = differences(built, has_documents=True)
    # One run more, that did not end.
    found.pop("marts.fct_runs", None)
    assert found == {}


def _kill_run_when_changed(workspace: Workspace, folder: Path) -> None:
    """Start a run, and kill it and all it started as soon as something in the folder is another."""

    def held() -> set[tuple[str, int]]:
        return {(path.name, path.stat().st_mtime_ns) for path in folder.iterdir()}

    before = held()
    process = subprocess.Popen(
        [sys.executable, "-c", "from orchestration.cli import main; main()", "run"],
        env={**os.environ, "CHARGEHOUSE_DATA": str(workspace.root)},
        cwd=PROJECT_ROOT,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while held() == before:
            assert process.poll() is None, "the run ended without building any charges"
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
