"""What Chargehouse bills for the benchmark's rows is what one hand-written query makes of the same files."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from benchmarks.billing import write_billing
from benchmarks.columns import Form
from benchmarks.deliveries import catalogue, write_deliveries
from benchmarks.exactness import compare
from benchmarks.peers import differing_rows, postgresql_job
from benchmarks.profiling import costliest_operators, profile_node
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
    # A process that did all of this held more than the interpreter does.
    assert min(costs.peaks_mb.values()) > 50
    profile_node(workspace, "model.fct_charges", tmp_path / "profile.json")
    operators, seconds = costliest_operators(tmp_path / "profile.json")
    assert any(rows >= found.charge_count for _, _, rows in operators), operators
    assert 0 < seconds["planning"] < seconds["latency"]
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


@pytest.mark.slow
def test_a_peer_bills_the_same_and_a_cent_is_noticed(tmp_path: Path) -> None:
    if not any(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        pytest.skip("no PostgreSQL server on this machine: `make setup-system` installs it")
    with catalogue(seed=1) as connection:
        write_billing(tmp_path / "billing", connection)
    write_deliveries(tmp_path / "landing", Form.LEGACY_PARQUET, 8_000, seed=1, months=_MONTH)
    yardstick, output = tmp_path / "yardstick.duckdb", tmp_path / "output"
    run_yardstick(tmp_path / "landing", tmp_path / "billing", Form.LEGACY_PARQUET, yardstick)
    output.mkdir()

    postgresql_job.main(tmp_path / "landing", tmp_path / "billing", output)

    assert differing_rows(output, yardstick, "invoice_lines") == 0
    assert differing_rows(output, yardstick, "invoice_line_accounts") == 0
    with duckdb.connect(yardstick) as connection:
        connection.execute("update invoice_lines set net_amount = net_amount + 0.01 where net_amount > 100")
        changed = connection.execute("select count(*) from invoice_lines where net_amount > 100").fetchone()
        connection.execute("delete from invoice_line_accounts where net_amount > 100")
    assert changed is not None
    assert differing_rows(output, yardstick, "invoice_lines") == changed[0] > 0
    assert differing_rows(output, yardstick, "invoice_line_accounts") > 0
