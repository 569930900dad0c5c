"""The benchmark's deliveries are the same rows for the same seed, whatever writes them and in whatever form."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from benchmarks.columns import Form
from benchmarks.deliveries import write_deliveries
from benchmarks.yardstick import AMOUNTS, cur_relation

_MONTH = [date(2025, 11, 1)]
_ROWS = 3_000


def _read(landing: Path, form: Form, columns: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(f"select {columns} from {cur_relation(landing, form)} order by all").fetchall()


def _written(folder: Path, form: Form = Form.LEGACY_PARQUET, seed: int = 1, threads: int = 2) -> Path:
    write_deliveries(folder, form, _ROWS, seed, threads=threads, months=_MONTH)
    return folder


def test_rows_depend_on_the_seed_and_not_on_threads(tmp_path: Path) -> None:
    one = _read(_written(tmp_path / "one", threads=1), Form.LEGACY_PARQUET, "*")
    assert len(one) == _ROWS
    assert len(one[0]) == 126
    assert _read(_written(tmp_path / "two", threads=2), Form.LEGACY_PARQUET, "*") == one
    assert _read(_written(tmp_path / "other", seed=2), Form.LEGACY_PARQUET, "*") != one


@pytest.mark.parametrize("form", [Form.LEGACY_CSV, Form.CUR2_PARQUET])
def test_every_form_holds_the_same_amounts(tmp_path: Path, form: Form) -> None:
    amounts = ", ".join(f"coalesce(cast({name} as decimal(22, 10)), 0)" for name in AMOUNTS.values())
    columns = f"identity_line_item_id, line_item_line_item_type, {amounts}"
    expected = _read(_written(tmp_path / "parquet"), Form.LEGACY_PARQUET, columns)
    assert _read(_written(tmp_path / "other", form), form, columns) == expected


def test_what_savings_plans_cover_is_taken_back(tmp_path: Path) -> None:
    landing = _written(tmp_path)
    with duckdb.connect() as connection:
        plans = connection.execute(
            "select savings_plan_savings_plan_a_r_n, sum(cast(line_item_unblended_cost as decimal(22, 10))), count(*) "
            f"from {cur_relation(landing, Form.LEGACY_PARQUET)} "
            "where line_item_line_item_type in ('SavingsPlanCoveredUsage', 'SavingsPlanNegation') group by all"
        ).fetchall()
    assert plans
    assert [plan for plan, cost, _ in plans if cost != 0] == []
    assert sum(count for _, _, count in plans) > _ROWS * 0.08
