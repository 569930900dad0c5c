"""The yardstick bills the same in one statement and month by month."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from benchmarks.billing import write_billing
from benchmarks.columns import Form
from benchmarks.deliveries import catalogue, write_deliveries
from benchmarks.yardstick import run_yardstick

_MONTHS = [date(2025, 10, 1), date(2025, 11, 1)]


@pytest.mark.parametrize("form", list(Form))
def test_month_by_month_is_the_same(tmp_path: Path, form: Form) -> None:
    landing, billing = tmp_path / "landing", tmp_path / "billing"
    with catalogue(seed=1) as connection:
        write_billing(billing, connection)
    write_deliveries(landing, form, 4_000, seed=1, months=_MONTHS)
    run_yardstick(landing, billing, form, tmp_path / "whole.duckdb")
    run_yardstick(landing, billing, form, tmp_path / "months.duckdb", _MONTHS, "200MB")

    found = []
    for name in ("whole", "months"):
        with duckdb.connect(tmp_path / f"{name}.duckdb", read_only=True) as connection:
            found.append(
                [
                    connection.execute(f"from {table} order by all").fetchall()
                    for table in ("charges", "invoice_lines", "invoice_line_accounts")
                ]
            )
    assert found[0] == found[1]
    assert {row[0] for row in found[0][0]} == set(_MONTHS)
