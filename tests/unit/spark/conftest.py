"""The project's SQL, rendered without dbt, with the schemas that dbt gives models."""

from pathlib import Path

import pytest

from orchestration.settings import PROJECT_ROOT
from tests.unit.models.models_on_duckdb import RenderedProject


class ProjectWithSchemas(RenderedProject):
    """Refs and sources are ``schema.table``: what a CTE is called like is another thing than the CTE."""

    def __init__(self) -> None:
        super().__init__()
        self._environment.globals.update(ref=self.place, source=lambda schema, table: f"{schema}.{table}")

    @staticmethod
    def place(name: str) -> str:
        """Return where dbt puts a model or seed: in the schema of its layer."""
        [file] = [
            file
            for folder in ("models", "seeds")
            for file in (PROJECT_ROOT / "dbt_project" / folder).rglob("*")
            if file.stem == name and file.suffix in (".sql", ".csv")
        ]
        layer = Path(file.relative_to(PROJECT_ROOT / "dbt_project")).parts
        return f"{layer[0] if layer[0] == 'seeds' else layer[1]}.{name}"


@pytest.fixture(scope="session")
def project() -> ProjectWithSchemas:
    return ProjectWithSchemas()
