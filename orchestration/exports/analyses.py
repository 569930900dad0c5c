"""The SQL that makes the large files: the analyses of the dbt project, run on the warehouse.

What is here: rendering an analysis as dbt would, and opening the warehouse for reading when it is what was published.
When to add here: another thing of dbt's context that an analysis uses.
What does not belong here: the SQL, which is business logic (``dbt_project/analyses/``).

dbt itself compiles analyses, but only with the whole project, which takes many seconds; a test compares the two.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any

import duckdb
import jinja2

from orchestration.errors import ChargehouseError
from orchestration.exports.files import FORMULA_STARTS
from orchestration.settings import PROJECT_ROOT, Workspace
from orchestration.warehouse import is_published, workspace_lock

__all__ = ["analysis_sql", "copy_to_csv", "copy_to_parquet", "published_warehouse", "staging_sql"]

_DBT_PROJECT = PROJECT_ROOT / "dbt_project"


@cache
def analysis_sql(name: str) -> str:
    """Return the SQL of ``dbt_project/analyses/<name>.sql`` for the warehouse.

    It reads the session variables ``billing_period`` (DATE) and ``billing_group_id`` (VARCHAR, null for all groups).
    """
    return _rendered(_DBT_PROJECT / "analyses" / f"{name}.sql")


@cache
def staging_sql(name: str) -> str:
    """Return the SQL of a view of the staging layer for the warehouse: analyses read it where dbt did not make it."""
    return _rendered(next((_DBT_PROJECT / "models" / "staging").rglob(f"{name}.sql")))


def _rendered(file: Path) -> str:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    environment.globals.update(ref=_ref, source=lambda schema, table: f"{schema}.{table}")
    macros = {file.stem: file.read_text(encoding="utf-8") for file in (_DBT_PROJECT / "macros").glob("*.sql")}
    # A materialization is a tag that only dbt knows.
    macros = {name: text for name, text in macros.items() if "{% materialization" not in text}
    modules: dict[str, Any] = {}
    # Macros call each other in any order, but Jinja looks names up when a module is made: so each call finds its own.
    environment.globals.update({name: partial(_call_macro, modules, name) for name in macros})
    modules.update({name: environment.from_string(text).make_module() for name, text in macros.items()})
    return environment.from_string(file.read_text(encoding="utf-8")).render()


def _call_macro(modules: dict[str, Any], name: str, *arguments: Any) -> Any:
    return getattr(modules[name], name)(*arguments)


@contextmanager
def published_warehouse(
    workspace: Workspace, purpose: str, period: date, group: str | None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for reading, set the variables of analyses, and keep runs away meanwhile.

    Temporary tables may be made; what does not fit into the memory limit goes to disk.

    Raises:
        ChargehouseError: nothing is published, the last run was not, or the period was not built.
        WorkspaceBusyError: a run, or another export, is going on.
    """
    if not workspace.warehouse_file.exists() or not workspace.published_file.exists():
        raise ChargehouseError(f"Nothing is published in {workspace.root} yet. Now: chargehouse run")
    with (
        workspace_lock(workspace, purpose),
        duckdb.connect(
            workspace.warehouse_file, read_only=True, config={"memory_limit": workspace.memory_limit}
        ) as connection,
    ):
        connection.execute("set TimeZone = 'UTC'")
        try:
            if not is_published(connection):
                raise ChargehouseError(
                    "The last run was not published, so that its numbers cannot be exported. Mend what it says, then: "
                    "chargehouse run"
                )
            built = connection.execute("select 1 from raw.period_builds where billing_period = ?", [period]).fetchone()
            if built is None:
                raise ChargehouseError(f"There is nothing of {period:%Y-%m}: the billing period was not built.")
            if group is not None:
                known = connection.execute(
                    "select 1 from billing.billing_groups where billing_group_id = ?", [group]
                ).fetchone()
                if known is None:
                    raise ChargehouseError(f"There is no billing group {group}. See billing_groups.csv.")
            connection.execute("set variable billing_period = ?::date", [period])
            connection.execute("set variable billing_group_id = ?::varchar", [group])
            yield connection
        except (duckdb.BinderException, duckdb.CatalogException) as error:
            raise ChargehouseError(
                f"{workspace.warehouse_file} was built by another version. Now: chargehouse run"
            ) from error


def copy_to_parquet(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> int:
    """Write the rows of a query to a Parquet file with its exact types; return how many."""
    copied = connection.execute(f"copy ({query}) to '{_quoted(path)}' (format parquet, compression zstd)").fetchone()
    return 0 if copied is None else int(copied[0])


def copy_to_csv(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    path: Path,
    *,
    is_compressed: bool,
    guard_formulas: bool = False,
) -> int:
    """Write the rows of a query to a CSV file, UTF-8 with a header, with gzip where asked for; return how many.

    With ``guard_formulas`` texts are written as ``files.csv_text`` does: for files that a person opens.
    """
    if guard_formulas:
        starts = ", ".join(f"chr({ord(start)})" for start in FORMULA_STARTS)
        columns = connection.execute(f"select column_name, column_type from (describe {query})").fetchall()
        cells = [
            f"case when left({name}, 1) in ({starts}) then chr(39) || {name} else {name} end as {name}"
            if kind == "VARCHAR"
            else name
            for name, kind in ((f'"{name}"', kind) for name, kind in columns)
        ]
        query = f"select {', '.join(cells)} from ({query})"
    compression = "gzip" if is_compressed else "none"
    copied = connection.execute(
        f"copy ({query}) to '{_quoted(path)}' (format csv, header, compression {compression})"
    ).fetchone()
    return 0 if copied is None else int(copied[0])


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _ref(name: str) -> str:
    """Return ``schema.name`` of a model or seed: models are in the schema of their layer's folder."""
    return f"{_schemas()[name]}.{name}"


@cache
def _schemas() -> dict[str, Any]:
    models = _DBT_PROJECT / "models"
    found = {file.stem: file.relative_to(models).parts[0] for file in models.rglob("*.sql")}
    return found | {file.stem: "seeds" for file in (_DBT_PROJECT / "seeds").glob("*.csv")}
