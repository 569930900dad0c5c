"""Every model and test can be translated for Spark; what it answers there is asked by `make test-spark`."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import sqlglot

from orchestration.configuration.load import load_configuration
from orchestration.configuration.validate import read_configuration
from orchestration.ingest.register import Register
from orchestration.ingest.view import view_sql
from orchestration.sample.generate import EXAMPLE_BILLING
from orchestration.settings import PROJECT_ROOT
from orchestration.spark.dialect import recursion, rows_sql, to_spark
from orchestration.warehouse import prepare_control_tables
from tests.unit.models.models_on_duckdb import create_seeds
from tests.unit.spark.conftest import ProjectWithSchemas


def _names(folder: str) -> list[str]:
    return sorted(
        file.stem for file in (PROJECT_ROOT / "dbt_project" / folder).rglob("*.csv" if folder == "seeds" else "*.sql")
    )


@pytest.fixture(scope="module")
def empty_warehouse(project: ProjectWithSchemas) -> Iterator[duckdb.DuckDBPyConnection]:
    """Every source, seed and model without rows."""
    with duckdb.connect() as connection:
        prepare_control_tables(connection)
        Register(connection, Path("/"))
        load_configuration(connection, read_configuration(EXAMPLE_BILLING))
        connection.execute(view_sql([], Path("/")))
        create_seeds(connection)
        for schema in ("seeds", "staging", "intermediate", "marts"):
            connection.execute(f"create schema {schema}")
        for name in _names("seeds"):
            connection.execute(f"create table seeds.{name} as select * from {name}")
        for name in project.with_ancestors(*_names("models")):
            own = project.own_columns(name)
            if own is not None:
                columns = ", ".join(f"{column} {kind}" for column, kind in own.items())
                connection.execute(f"create table {project.place(name)} ({columns})")
                connection.execute(f"create view {name} as select * from {project.place(name)}")
            else:
                # As tables: a view over views over views is bound anew, whole, at each step.
                connection.execute(f"create table {project.place(name)} as {project.model(name)}")
        yield connection


def _columns(connection: duckdb.DuckDBPyConnection, view: str) -> dict[str, str]:
    rows = connection.execute(f"describe {view.replace('__', '.', 1)}").fetchall()
    return {name: kind for name, kind, *_ in rows}


@pytest.mark.parametrize("name", _names("models"))
def test_every_model_is_translated(
    name: str, project: ProjectWithSchemas, empty_warehouse: duckdb.DuckDBPyConnection
) -> None:
    sql = project.model(name)
    parts = recursion(sql, lambda table: _columns(empty_warehouse, table))
    if parts is None:
        translated = [to_spark(sql, lambda table: _columns(empty_warehouse, table))]
    else:
        translated = [*(query for _, query in parts.before), parts.first, parts.step, parts.result]
    for text in translated:
        _assert_spark_knows(text)


@pytest.mark.parametrize("name", _names("tests"))
def test_every_test_is_translated(
    name: str, project: ProjectWithSchemas, empty_warehouse: duckdb.DuckDBPyConnection
) -> None:
    _assert_spark_knows(to_spark(project.singular_test(name), lambda table: _columns(empty_warehouse, table)))


def _assert_spark_knows(text: str) -> None:
    """What sqlglot does not know of it hands on as it stands: nothing of DuckDB alone may be left."""
    left = {call.name.lower() for call in sqlglot.parse_one(text, read="spark").find_all(sqlglot.exp.Anonymous)}
    assert left <= {"inline", "map_entries", "map_values", "max_by", "min_by", "weekday"}, left
    for word in ("INT128", "HUGEINT", "BY NAME", "REPLACE (", "GETVARIABLE", "ARG_M", " DIV ", "SIGN("):
        assert word not in text.upper(), word


def test_one_row_of_what_spark_would_read_otherwise() -> None:
    def translated(sql: str) -> str:
        return " ".join(to_spark(sql, lambda _table: {}).split()).replace("( ", "(").replace(" )", ")")

    assert translated("select sign(a) from t") == (
        "SELECT (CASE WHEN (a) > 0 THEN 1 WHEN (a) < 0 THEN -1 WHEN (a) = 0 THEN 0 END) FROM t"
    )
    assert "FILTER(WHERE NOT (a) IS NULL)" in translated("select arg_max(a, b) from t")
    assert "MAX_BY(a, STRUCT((b) IS NULL, b, (c) IS NULL, c))" in translated("select arg_max(a, (b, c)) from t")
    assert translated("select isodow(d) from t") == "SELECT (WEEKDAY(d) + 1) FROM t"
    assert translated("select a from t where (a, b) in (select (c, d) from u)") == (
        "SELECT a FROM t WHERE (a, b) IN (SELECT c, d FROM u)"
    )
    assert "(t.a, t.b) IN (SELECT u.c, u.d FROM u" in " ".join(
        to_spark(
            "select * replace (case when (a, b) in (select (u.c, u.d) from u) then 1 end as b) from t",
            lambda table: {"t": {"a": "int", "b": "int"}, "u": {"c": "int", "d": "int"}}[table],
        ).split()
    ).replace("( ", "(")
    built = (
        "(getvariable('billing_period') is null or month between getvariable('billing_period') "
        "and coalesce(getvariable('billing_period_through'), getvariable('billing_period')))"
    )
    assert translated(f"select 1 from raw.deliveries where {built}") == (
        "SELECT 1 FROM raw__deliveries AS deliveries "
        "WHERE (current_periods IS NULL OR ARRAY_CONTAINS(current_periods, month))"
    )


def test_rows_of_texts() -> None:
    assert rows_sql(["a", "b"], [["it's", "back\\slash"], ["", "1.50"]]) == (
        "select cast(`a` as string) as `a`, cast(`b` as string) as `b` "
        r"from values ('it\'s', 'back\\slash'), (NULL, '1.50') as given (`a`, `b`)"
    )


def test_what_a_recursion_reads_is_made_before_its_steps() -> None:
    parts = recursion(
        "with recursive given as (select * from raw.given), base as (select a, b from given where b > 0), "
        "drawn as (select a, b from base union all select drawn.a, drawn.b - 1 as b from drawn "
        "inner join base using (a) where drawn.b > 1), final as (select a, b from drawn) select * from final",
        lambda _table: {},
    )
    assert parts is not None
    queries = [" ".join(query.split()) for query in (parts.before[0][1], parts.first, parts.step, parts.result)]
    assert [name for name, _ in parts.before] == ["recursion__base"]
    base = "WITH base AS ( SELECT * FROM recursion__base ) "
    assert queries == [
        "WITH given AS ( SELECT * FROM raw__given AS given ) SELECT a, b FROM given WHERE b > 0",
        f"{base}SELECT a, b FROM base",
        f"{base}SELECT drawn.a, drawn.b - 1 AS b FROM recursion__drawn_step AS drawn "
        "INNER JOIN base USING (a) WHERE drawn.b > 1",
        "WITH given AS ( SELECT * FROM raw__given AS given ), base AS ( SELECT * FROM recursion__base ), "
        "drawn AS ( SELECT * FROM recursion__drawn ), final AS ( SELECT a, b FROM drawn ) SELECT * FROM final",
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "select map(list(a order by b), list(c order by d)) from t",
        "select cast(row(a) as varchar) from t",
        "with recursive r as (select 1 as n union all select n + 1 from r), s as (select 1 as n union all "
        "select n + 1 from s) select * from r, s",
    ],
)
def test_what_cannot_be_translated_is_an_error(sql: str) -> None:
    translate = recursion if sql.startswith("with recursive") else to_spark
    with pytest.raises(sqlglot.errors.SqlglotError):
        translate(sql, lambda _table: {})
