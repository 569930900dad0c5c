"""Macros and models of the dbt project, rendered without dbt, so that a property test runs them on many rows.

What is here: the Jinja environment with the project's macros, and models that read tables named like their
parents.
When to add here: another thing of dbt's context that a macro or model under a property test uses.
What does not belong here: what dbt does around the SQL (contracts, materializations).
"""

from collections.abc import Callable
from typing import Any

import jinja2

from orchestration.settings import PROJECT_ROOT

__all__ = ["RenderedProject"]

_DBT_PROJECT = PROJECT_ROOT / "dbt_project"


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
        for file in sorted((_DBT_PROJECT / "macros").glob("*.sql")):
            text = file.read_text(encoding="utf-8")
            # A materialization is a tag that only dbt knows.
            if "{% materialization" not in text:
                module = self._environment.from_string(text).make_module()
                self._macros[file.stem] = getattr(module, file.stem)
                # Macros call each other, and models call them, by name.
                self._environment.globals[file.stem] = self._macros[file.stem]

    def macro(self, name: str, *arguments: Any) -> str:
        """Return the SQL of a macro called with these arguments."""
        return str(self._macros[name](*arguments))

    def model(self, name: str) -> str:
        """Return the SQL of a model; a ref reads table ``<model>``, a source table ``<schema>__<table>``."""
        (file,) = (_DBT_PROJECT / "models").rglob(f"{name}.sql")
        return self._environment.from_string(file.read_text(encoding="utf-8")).render()
