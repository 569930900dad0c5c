"""Macros and models of the dbt project, rendered without dbt, so that a property test runs them on many rows.

What is here: the Jinja environment with the project's macros, and models that read tables named like their
parents.
When to add here: another thing of dbt's context that a macro or model under a property test uses.
What does not belong here: what dbt does around the SQL (contracts, materializations).
"""

import re
from collections.abc import Callable
from functools import cache, partial
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import yaml

from orchestration.settings import PROJECT_ROOT

__all__ = ["RenderedProject", "create_seeds"]

_DBT_PROJECT = PROJECT_ROOT / "dbt_project"
_REF = re.compile(r"ref\('(\w+)'\)")


class RenderedProject:
    """The SQL of the dbt project's macros and models."""

    def __init__(self) -> None:
        self._environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
        self._environment.globals.update(
            ref=lambda name: name,
            source=lambda schema, table: f"{schema}__{table}",
            config=lambda **_: "",
        )
        self._macros: dict[str, Callable[..., Any]] = {}
        texts: dict[str, str] = {}
        for file in sorted((_DBT_PROJECT / "macros").glob("*.sql")):
            text = file.read_text(encoding="utf-8")
            # A materialization is a tag that only dbt knows.
            if "{% materialization" not in text:
                # Macros call each other, and models call them, by name; Jinja looks names up when a module is made.
                self._environment.globals[file.stem] = partial(self._call, file.stem)
                texts[file.stem] = text
        for name, text in texts.items():
            self._macros[name] = getattr(self._environment.from_string(text).make_module(), name)

    def _call(self, name: str, *arguments: Any) -> Any:
        return self._macros[name](*arguments)

    def macro(self, name: str, *arguments: Any) -> str:
        """Return the SQL of a macro called with these arguments."""
        return str(self._macros[name](*arguments))

    def model(self, name: str) -> str:
        """Return the SQL of a model; a ref or itself is table ``<model>``, a source table ``<schema>__<table>``."""
        return self._environment.from_string(_model_files()[name].read_text(encoding="utf-8")).render(this=name)

    def singular_test(self, name: str) -> str:
        """Return the SQL of a singular test, which finds no row where the promise holds."""
        file = _DBT_PROJECT / "tests" / "singular" / f"{name}.sql"
        return self._environment.from_string(file.read_text(encoding="utf-8")).render()

    def with_ancestors(self, *names: str) -> list[str]:
        """Return the models and all the models they are made from, parents first."""
        graph: dict[str, set[str]] = {}
        waiting = [*names]
        while waiting:
            name = waiting.pop()
            if name not in graph:
                graph[name] = (
                    set(_REF.findall(_model_files()[name].read_text(encoding="utf-8"))) & _model_files().keys()
                )
                waiting += graph[name]
        return [*TopologicalSorter(graph).static_order()]

    def own_columns(self, name: str) -> dict[str, str] | None:
        """Return the columns and types of a model that reads what it holds, from its contract; None for others."""
        if "{{ this }}" not in _model_files()[name].read_text(encoding="utf-8"):
            return None
        for file in _model_files()[name].parent.glob("_*__models.yml"):
            for model in yaml.safe_load(file.read_text(encoding="utf-8"))["models"]:
                if model["name"] == name:
                    return {column["name"]: column["data_type"] for column in model["columns"]}
        raise LookupError(f"{name} reads itself and has no contract")

    def is_stored(self, name: str) -> bool:
        """Return whether a model is a table; every other one is a view."""
        return "materialized='billing_period'" in _model_files()[name].read_text(encoding="utf-8")


@cache
def _model_files() -> dict[str, Path]:
    return {file.stem: file for file in (_DBT_PROJECT / "models").rglob("*.sql")}


def create_seeds(connection: duckdb.DuckDBPyConnection) -> None:
    """Create one table per seed, with the column types that the project declares."""
    folder = _DBT_PROJECT / "seeds"
    declared = yaml.safe_load((folder / "_seeds.yml").read_text(encoding="utf-8"))["seeds"]
    for seed in declared:
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in seed["config"]["column_types"].items())
        # dbt reads an empty text cell as missing.
        connection.execute(
            f"create table {seed['name']} as select * from read_csv('{folder / seed['name']}.csv', "
            f"header = true, columns = {{{columns}}})"
        )
