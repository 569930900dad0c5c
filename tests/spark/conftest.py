"""A cluster for the tests of Spark, and workspaces that are built on both engines."""

from collections.abc import Iterator

import pytest

from tests.spark_cluster import SparkCluster, running_spark

_EXPORTED = (
    *("CHARGEHOUSE_DATA", "CHARGEHOUSE_LANDING", "CHARGEHOUSE_LEDGER", "CHARGEHOUSE_WAREHOUSE_FILE", "DAGSTER_HOME"),
    *("CHARGEHOUSE_ENGINE", "CHARGEHOUSE_SPARK_MASTER", "CHARGEHOUSE_SPARK_FOLDER", "CHARGEHOUSE_SPARK_PYTHON"),
    *("SPARK_CONF_DIR", "PYSPARK_PYTHON"),
)


@pytest.fixture(scope="session")
def spark_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    """A master and two workers; the test skips where Spark's environment or Java is missing."""
    with running_spark(tmp_path_factory.mktemp("spark")) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs set the environment of the process for dbt; undo it after each test."""
    for name in _EXPORTED:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
