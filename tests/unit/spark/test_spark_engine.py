"""Which engine builds, and what it lacks, said at once."""

from pathlib import Path

import pytest

from orchestration.errors import ChargehouseError
from orchestration.settings import Workspace
from orchestration.spark.engine import spark_engine

_VARIABLES = ("ENGINE", "SPARK_MASTER", "SPARK_PYTHON", "SPARK_FOLDER")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name in _VARIABLES:
        monkeypatch.delenv(f"CHARGEHOUSE_{name}", raising=False)
    monkeypatch.setenv("JAVA_HOME", "/opt/java")
    return Workspace.at(tmp_path / "workspace")


@pytest.mark.parametrize("engine", [None, "", "duckdb"])
def test_duckdb_builds_unless_spark_is_asked_for(
    engine: str | None, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine is not None:
        monkeypatch.setenv("CHARGEHOUSE_ENGINE", engine)
    assert spark_engine(workspace) is None


def test_an_unknown_engine_is_named(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARGEHOUSE_ENGINE", "Sparkle")
    with pytest.raises(ChargehouseError, match="CHARGEHOUSE_ENGINE is 'Sparkle'; expected duckdb or spark"):
        spark_engine(workspace)


def test_all_that_spark_lacks_is_said_at_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHARGEHOUSE_ENGINE", "spark")
    monkeypatch.setenv("CHARGEHOUSE_SPARK_PYTHON", str(tmp_path / "no" / "python"))
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ChargehouseError) as refused:
        spark_engine(workspace)
    message = str(refused.value)
    for part in (
        "CHARGEHOUSE_SPARK_MASTER is not set",
        f"there is no {tmp_path / 'no' / 'python'}",
        "there is no Java",
    ):
        assert part in message


def test_the_folder_is_the_warehouse_s_own_or_the_shared_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.touch()
    monkeypatch.setenv("CHARGEHOUSE_ENGINE", "spark")
    monkeypatch.setenv("CHARGEHOUSE_SPARK_MASTER", "spark://cluster:7077")
    monkeypatch.setenv("CHARGEHOUSE_SPARK_PYTHON", str(python))
    engine = spark_engine(workspace)
    assert engine is not None
    assert engine.exchange.root == workspace.warehouse / "spark"
    assert engine.dbt_command == (str(python), "-m", "orchestration.spark.dbt_process")
    monkeypatch.setenv("CHARGEHOUSE_SPARK_FOLDER", str(tmp_path / "shared"))
    shared = spark_engine(workspace)
    assert shared is not None
    assert shared.exchange.root == tmp_path / "shared"
    assert shared.environment["CHARGEHOUSE_SPARK_FOLDER"] == str(tmp_path / "shared")
