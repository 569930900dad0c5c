"""Fixtures for the tests of the models: the macros as rendered, and dbt's own unit tests, run once."""

import pytest
from models_on_duckdb import RenderedProject
from unit_test_run import UnitTestRun, run_unit_tests


@pytest.fixture(scope="session")
def project() -> RenderedProject:
    return RenderedProject()


@pytest.fixture(scope="session")
def unit_test_run(tmp_path_factory: pytest.TempPathFactory) -> UnitTestRun:
    return run_unit_tests(tmp_path_factory.mktemp("workspace"))
