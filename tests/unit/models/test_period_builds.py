"""A model that is built one billing period at a time reads no other period."""

import re
from pathlib import Path

import duckdb
import pytest
from models_on_duckdb import RenderedProject

from orchestration.settings import PROJECT_ROOT

MODELS = {file.stem: file for file in (PROJECT_ROOT / "dbt_project" / "models").rglob("*.sql")}
IMPORT = re.compile(r"select \* from \{\{ (?:ref\(|source\('raw', )'(\w+)'\) \}\}\n\s*(.*)")


def has_periods(parent: str) -> bool:
    # Seeds and configuration hold for every period.
    return parent == "cur_line_items" or (parent in MODELS and "billing_period" in MODELS[parent].read_text("utf-8"))


def read_for_one_period() -> list[Path]:
    """The models built by period, and the views that they read."""
    built = {name for name, file in MODELS.items() if "materialized='billing_period'" in file.read_text("utf-8")}
    views = {
        parent
        for name in built
        for parent, _ in IMPORT.findall(MODELS[name].read_text("utf-8"))
        if parent in MODELS and has_periods(parent)
    }
    return sorted(MODELS[name] for name in built | views)


@pytest.mark.parametrize("file", read_for_one_period(), ids=lambda file: file.stem)
def test_every_parent_is_read_for_the_period_only(file: Path) -> None:
    # Only the period's own rows are deleted before its rows are inserted: a row of another period that slips in
    # is there twice afterwards, and billed twice.
    imports = IMPORT.findall(file.read_text("utf-8"))
    assert [parent for parent, then in imports if has_periods(parent) and "is_current_period" not in then] == []


def test_a_period_is_current_while_it_is_built(project: RenderedProject) -> None:
    current = f"select count(*) from periods where {project.macro('is_current_period', 'billing_period')}"
    with duckdb.connect() as connection:
        connection.execute(
            "create table periods as select unnest([date '2026-02-01', date '2026-03-01']) as billing_period"
        )
        assert connection.execute(current).fetchall() == [(2,)]
        connection.execute("set variable billing_period = date '2026-03-01'")
        assert connection.execute(current).fetchall() == [(1,)]


def test_small_neighbouring_periods_are_built_by_one_statement(project: RenderedProject) -> None:
    batches = project.macro("billing_period_batches", "periods", "row_counts", 100)
    with duckdb.connect() as connection:
        connection.execute(
            "create table periods as select unnest(generate_series(date '2026-01-01', date '2026-09-01', "
            "interval 1 month))::date as billing_period; "
            # A gap begins a batch, however few the rows before it.
            "delete from periods where billing_period = date '2026-07-01'; "
            "create table row_counts as select billing_period, "
            "case month(billing_period) when 1 then 60 when 2 then 40 when 3 then 1 when 4 then 500 else 2 end "
            "as row_count from periods where month(billing_period) <> 9"
        )
        found = connection.execute(batches).fetchall()
        each = connection.execute(project.macro("billing_period_batches", "periods", "row_counts", 1)).fetchall()
    assert [(f"{first:%m}", f"{last:%m}") for first, last in found] == [
        *(("01", "02"), ("03", "03"), ("04", "06"), ("08", "09")),
    ]
    # What goes on from the period before is built one by one, also a period without rows.
    assert len(each) == 8
    assert all(first == last for first, last in each)
