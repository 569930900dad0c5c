"""The default sample, written once per test run."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from delivered_sample import load_lines

from orchestration.sample.expectations import Expectations
from orchestration.sample.install import install_sample


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Expectations]:
    """A workspace with the default sample, and its expectations."""
    root = tmp_path_factory.mktemp("sample_workspace")
    return root, install_sample(root)


@pytest.fixture(scope="session")
def landing(workspace: tuple[Path, Expectations]) -> Path:
    """The landing folder of the default sample."""
    return workspace[0] / "landing"


@pytest.fixture(scope="session")
def expectations(workspace: tuple[Path, Expectations]) -> Expectations:
    """What the default sample must come to."""
    return workspace[1]


@pytest.fixture(scope="session")
def lines(landing: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The default sample's current deliveries, read back."""
    connection = load_lines(landing)
    yield connection
    connection.close()
