"""Fixtures and options every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgresql_cluster import Cluster, running_cluster


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--faults-in-full",
        action="store_true",
        help="run the whole series of kills and damaged deliveries instead of a sample",
    )
    parser.addoption(
        "--spark-rows",
        type=int,
        default=0,
        metavar="ROWS",
        help="compare the engines on that many rows as well (tests/spark), and say what each took",
    )


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of real deliveries, named by CHARGEHOUSE_SAMPLES; the test skips without it."""
    folder = os.environ.get("CHARGEHOUSE_SAMPLES")
    if not folder:
        pytest.skip("CHARGEHOUSE_SAMPLES is not set: it names the folder of real sample deliveries")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"CHARGEHOUSE_SAMPLES names {folder}, which is not a folder")
    return path


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A PostgreSQL server of the tests' own; the test skips where PostgreSQL is not installed."""
    with running_cluster() as cluster:
        yield cluster
