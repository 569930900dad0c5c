"""Runs over some of the months, and configurations that change between or during runs: what is published fits."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration.assets import raw
from orchestration.configuration.schema import Configuration
from orchestration.configuration.validate import read_configuration
from orchestration.dbt_files import prepare_manifest
from orchestration.errors import BuildError
from orchestration.runs import run_new
from orchestration.settings import Workspace
from orchestration.warehouse import open_warehouse
from tests.integration.workspaces import Rows, built_sample

Query = Callable[[Workspace, str], Rows]

_AUGUST = date(2026, 8, 1)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return built_sample(tmp_path_factory, tmp_path_factory.mktemp("built") / "workspace")[0]


@pytest.fixture
def sample(built: Workspace, tmp_path: Path) -> Workspace:
    return Workspace.at(Path(shutil.copytree(built.root, tmp_path / "workspace")))


def _replace(workspace: Workspace, file: str, old: str, new: str) -> None:
    path = workspace.billing / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _made(workspace: Workspace) -> set[str]:
    """Return how what the last run made is kept."""
    nodes = json.loads(prepare_manifest().read_text(encoding="utf-8"))["nodes"]
    results = json.loads((workspace.warehouse / "dbt" / "run_results.json").read_text(encoding="utf-8"))["results"]
    made = [nodes[result["unique_id"]] for result in results if result["unique_id"] in nodes]
    return {node["config"]["materialized"] for node in made if node["resource_type"] in ("model", "seed")}


def test_a_month_not_built_keeps_the_currency_of_its_lines(sample: Workspace, published: Query) -> None:
    """Joining today's customer to last month's lines once sold euros as pounds."""
    september = (
        "select billing_group_id, currency, fx_rate, total_amount from marts.fct_invoices "
        "where billing_period = '2026-09-01' order by all"
    )
    checks = "select distinct check_id from marts.fct_check_results order by all"
    before, checked = published(sample, september), published(sample, checks)
    _replace(sample, "customers.csv", ",EUR,", ",GBP,")
    _replace(sample, "credits.csv", ",EUR,", ",GBP,")  # A credit's currency is its customer's.
    rates = sample.billing / "fx_rates.csv"
    rates.write_text(rates.read_text(encoding="utf-8").rstrip() + "\n2026-08,USD,GBP,0.75,test\n", encoding="utf-8")

    summary = run_new(sample, only=frozenset({_AUGUST}))

    assert summary.built == (_AUGUST,)
    assert published(sample, september) == before
    # Views are not made anew; what is said of them is checked all the same.
    assert published(sample, checks) == checked
    assert published(
        sample,
        "select distinct fx_rate from marts.fct_invoices where currency = 'GBP' and billing_period = '2026-08-01'",
    ) == [(Decimal("0.75"),)]
    assert [warning[:32] for warning in summary.warnings if "something new" in warning] == [
        "2026-09 has something new too an",
        "2026-10 has something new too an",
    ]
    assert published(sample, "select distinct residual from marts.fct_reconciliation") == [(0,)]

    # Views and seeds stood as the same models had made them.
    assert _made(sample) == {"billing_period"}

    with open_warehouse(sample) as connection:
        connection.execute("drop view marts.dim_accounts")
    everything = run_new(sample)
    assert [f"{period:%Y-%m}" for period in everything.built] == ["2026-09", "2026-10"]
    assert _made(sample) == {"billing_period", "view", "seed"}
    assert published(sample, "select count(*) > 0 from marts.dim_accounts") == [(True,)]


def test_a_month_left_unfinished_is_not_published(sample: Workspace) -> None:
    """A killed run leaves half a month in the marts; a run over another month must not publish it."""
    with open_warehouse(sample) as connection:
        connection.execute("delete from raw.period_builds where billing_period = '2026-09-01'")
        connection.execute("delete from raw.build_periods")
        connection.execute("delete from marts.fct_charges where billing_period = '2026-09-01' and row_count > 100")
    stamp = sample.published_file.stat().st_mtime_ns

    with pytest.raises(BuildError, match="2026-09 is unfinished"):
        run_new(sample, only=frozenset({_AUGUST}), force=True)

    assert sample.published_file.stat().st_mtime_ns == stamp


def test_a_payer_taken_out_leaves_no_invoices_behind(sample: Workspace, published: Query) -> None:
    payer = read_configuration(sample.billing).payers[0].payer_account_id
    path = sample.billing / "payers.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line for line in lines if not line.startswith(payer)) + "\n", encoding="utf-8")

    run_new(sample)

    assert published(sample, f"select count(*) from marts.fct_charges where billing_account_id = '{payer}'") == [(0,)]
    assert published(sample, "select distinct residual from marts.fct_reconciliation") == [(0,)]
    assert run_new(sample).built == ()


def test_a_configuration_that_changes_during_a_run_stops_it(sample: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is loaded would be billed, and what stands in the files recorded as billed: wrong for ever."""
    _replace(sample, "customers.csv", ",30,", ",31,")
    read = raw.read_configuration
    times = iter(range(9))

    def read_and_edit(folder: Path) -> Configuration:
        configuration = read(folder)
        if next(times) == 1:
            _replace(sample, "customers.csv", ",31,", ",32,")
        return configuration

    monkeypatch.setattr(raw, "read_configuration", read_and_edit)
    with pytest.raises(BuildError, match="changed while the run was going on"):
        run_new(sample)
    monkeypatch.undo()

    assert len(run_new(sample).built) == 3


def test_a_deleted_published_copy_is_written_again(sample: Workspace, published: Query) -> None:
    before = published(sample, "select * from marts.fct_invoices order by all")
    sample.published_file.unlink()
    summary = run_new(sample)
    assert summary.lines()[0] == "Nothing had to be built; published again."
    assert published(sample, "select * from marts.fct_invoices order by all") == before


def test_credits_are_drawn_the_same_in_any_order_of_months(sample: Workspace, published: Query) -> None:
    """A month built again that saw its own draws, or later ones, would find the credit used up (K4)."""
    (sample.billing / "credits.csv").write_text(
        "credit_id,billing_group_id,owner_account_id,description,amount,currency,start_date,end_date,"
        "eligible_services,covers_fees,status\n"
        "grant,lumen,,Migration,2000,USD,2026-01-15,,*,false,Active\n",
        encoding="utf-8",
    )
    ledger = "select * from marts.fct_credit_ledger order by all"
    run_new(sample)
    drawn = published(sample, ledger)
    assert published(sample, "select draft_amount, balance_amount from marts.fct_credit_balances") == [(-2000, 0)]
    assert published(sample, "select count(distinct billing_period) > 1 from marts.fct_credit_ledger") == [(True,)]
    for month in (date(2026, 9, 1), _AUGUST):
        assert run_new(sample, only=frozenset({month}), force=True).built == (month,)
        assert published(sample, ledger) == drawn
