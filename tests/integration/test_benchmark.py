"""What Chargehouse bills for the benchmark's rows is what one hand-written query makes of the same files."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from benchmarks.billing import write_billing
from benchmarks.columns import Form
from benchmarks.deliveries import catalogue, write_deliveries
from benchmarks.exactness import compare
from benchmarks.stages import run_stages
from benchmarks.yardstick import run_yardstick
from orchestration.settings import Workspace

# In this month ten accounts move to another group, on the 16th.
_MONTH = [date(2025, 11, 1)]


@pytest.mark.slow
def test_product_and_yardstick_agree_to_the_last_digit(tmp_path: Path) -> None:
    workspace = Workspace.at(tmp_path / "workspace")
    with catalogue(seed=1) as connection:
        write_billing(workspace.billing, connection)
    write_deliveries(workspace.landing, Form.CUR2_PARQUET, 8_000, seed=1, months=_MONTH)
    costs = run_stages(workspace)
    yardstick = tmp_path / "yardstick.duckdb"
    run_yardstick(workspace.landing, workspace.billing, Form.CUR2_PARQUET, yardstick)

    found = compare(workspace.published_file, yardstick, workspace.landing, Form.CUR2_PARQUET)

    assert found.is_exact, found
    assert found.charge_count > 2_000
    assert costs.queries["model.int_usage_grain"] > 0
    # Each way in which a charge is priced must be among them, or the comparison would prove little.
    with duckdb.connect(yardstick) as connection:
        paths = {row[0] for row in connection.execute("select distinct rating_path from charges").fetchall()}
        dated = connection.execute("select count(*) from charges where charge_date is not null").fetchone()
        connection.execute("update charges set billed_cost = billed_cost + 0.0000000001 where billed_cost > 1")
    assert paths == {
        *("on_demand", "fee", "at_cost", "share", "covered", "effective_cost", "unused_commitment", "none"),
    }
    assert dated is not None
    assert dated[0] > 0
    assert not compare(workspace.published_file, yardstick, workspace.landing, Form.CUR2_PARQUET).is_exact
