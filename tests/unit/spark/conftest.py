"""The project's SQL, rendered without dbt."""

import pytest

from tests.unit.models.models_on_duckdb import RenderedProject


@pytest.fixture(scope="session")
def project() -> RenderedProject:
    return RenderedProject()
