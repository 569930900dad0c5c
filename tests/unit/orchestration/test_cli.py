import json
import sqlite3
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestration.cli import main
from orchestration.ingest.register import Register
from orchestration.ledger.ledger import Ledger
from orchestration.sample.install import write_example_configuration
from orchestration.settings import Workspace
from orchestration.terminal import print_json, print_table, progress
from orchestration.warehouse import open_warehouse
from tests.unit.ledger.ledger_contents import issue_one


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(tmp_path))
    monkeypatch.delenv("CHARGEHOUSE_LANDING", raising=False)
    return tmp_path


def _invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize(
    "verb",
    [
        *("init", "sample", "load", "run", "status", "invoices", "dashboard", "dagster", "import-abc"),
        *("approve", "issue", "verify", "backup", "restore", "export", "preview", "explain", "docs", "budgets"),
        "anomalies",
    ],
)
def test_every_verb_explains_itself(verb: str) -> None:
    result = _invoke(verb, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_nothing_is_described_before_there_is_a_warehouse(root: Path) -> None:
    result = _invoke("docs")
    assert (result.exit_code, result.output) == (1, "There is nothing to describe yet. First: chargehouse run\n")
    assert not (root / "published").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["run", "--period", "October"],
        ["load"],
        ["approve", "--period", "2024-01"],
        ["approve", "--period", "2024-01", "--by", " "],
        ["issue", "--by", "Ben"],
        ["issue", "--period", "2024-01", "--by", "Ben", "--override", "not_final"],
        ["issue", "--period", "2024-01", "--by", "Ben", "--override", "residual", "--reason", "never"],
        ["export", "pdf", "--period", "2024-01", "--to", "x"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    assert _invoke(*arguments).exit_code == 2


@pytest.mark.parametrize("verb", ["status", "invoices"])
def test_before_the_first_run_it_says_what_to_do(root: Path, verb: str) -> None:
    result = _invoke(verb)
    assert result.exit_code == 1
    assert result.stderr == f"Nothing is published in {root} yet. Now: chargehouse run\n"


def test_run_names_every_mistake_of_the_configuration_and_changes_nothing(root: Path) -> None:
    write_example_configuration(root / "billing")
    terms = root / "billing" / "billing_terms.csv"
    terms.write_text(terms.read_text(encoding="utf-8").replace("on_demand", "ondemand"), encoding="utf-8")
    rates = root / "billing" / "fx_rates.csv"
    rates.write_text(rates.read_text(encoding="utf-8") + "2026-13,USD,EUR,1_0,ECB\n", encoding="utf-8")

    result = _invoke("run")

    assert result.exit_code == 1
    assert "billing_terms.csv line" in result.stderr
    assert "column commitment_policy: 'ondemand'" in result.stderr
    assert "column period: '2026-13'" in result.stderr
    assert "column rate: '1_0'" in result.stderr
    assert not (root / "warehouse" / "chargehouse.duckdb").exists()


def test_run_without_deliveries_says_where_to_put_them(root: Path) -> None:
    write_example_configuration(root / "billing")
    result = _invoke("run")
    assert result.exit_code == 1
    assert "There is no delivery in" in result.stderr
    assert "chargehouse load FILE" in result.stderr


def test_sample_never_overwrites(root: Path) -> None:
    (root / "billing").mkdir()
    mine = root / "billing" / "mine.csv"
    mine.write_text("mine", encoding="utf-8")
    refused = _invoke("sample")
    assert refused.exit_code == 1
    assert "is not empty; nothing was changed" in refused.stderr
    assert _invoke("sample", "--if-empty").exit_code == 0
    assert sorted(root.rglob("*")) == [root / "billing", mine]


def test_load_says_what_is_wrong_with_a_file(root: Path) -> None:
    file = root / "notes.csv"
    file.write_text("a,b\n1,2\n", encoding="utf-8")
    result = _invoke("load", str(file))
    assert result.exit_code == 1
    assert "notes.csv" in result.stderr
    assert not (root / "landing").exists() or not any((root / "landing").rglob("*Manifest.json"))


def test_json_keeps_money_exact(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"amount": Decimal("0.1000000000"), "period": date(2026, 10, 1)})
    assert json.loads(capsys.readouterr().out) == {"amount": "0.1000000000", "period": "2026-10-01"}


def test_nothing_is_approved_or_issued_before_a_run(root: Path) -> None:
    write_example_configuration(root / "billing")
    # What the register of deliveries looks like before anything was landed.
    with open_warehouse(Workspace.at(root)) as connection:
        Register(connection, root / "warehouse" / "raw").save([])
    for verb in ("approve", "issue"):
        result = _invoke(verb, "--period", "2026-09", "--by", "Ada")
        assert result.exit_code == 1
        assert result.stderr == "There is nothing built for 2026-09. Nothing was changed; first: chargehouse run\n"
    result = _invoke("approve", "--period", "2026-09", "--group", "nobody", "--by", "Ada")
    assert result.stderr == "There is no billing group nobody in billing_groups.csv.\n"


def test_backup_and_restore_refuse_to_overwrite(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Ledger.open(Workspace.at(root)) as ledger:
        issue_one(ledger, "a")
    backup = root / "backup.zip"
    written = _invoke("backup", str(backup))
    assert written.exit_code == 0
    assert f"Wrote {backup}. Documents: 1, files: 0." in written.stdout
    again = _invoke("backup", str(backup))
    assert (again.exit_code, again.stderr) == (
        1,
        f"{backup} is there already. Nothing was written; name a new file.\n",
    )
    onto = _invoke("restore", str(backup), "--by", "Ada")
    assert onto.exit_code == 1
    assert "The ledger is not empty" in onto.stderr
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(root / "other"))
    assert _invoke("restore", str(backup), "--by", "Ada").exit_code == 0
    with Ledger.open(Workspace.at(root / "other")) as ledger:
        assert [document.number for document in ledger.documents()] == ["BW-2026-000001"]


def test_verify_finds_what_was_changed_behind_the_ledger(root: Path) -> None:
    with Ledger.open(Workspace.at(root)) as ledger:
        issue_one(ledger, "a")
    with closing(sqlite3.connect(Workspace.at(root).ledger_file)) as database:
        database.execute("drop trigger documents_no_update")
        database.execute("update documents set total_amount = '1.00'")
        database.commit()
    result = _invoke("verify", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert not found["is_sound"]
    assert any("Its column total_amount holds 1.00" in finding for finding in found["findings"])


def test_long_work_shows_a_bar_on_a_terminal_and_nothing_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with progress("Issuing") as report:
        report("Making files: 3 of 4")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress("Issuing") as report:
        report("Looking for what is new")
        report("Making files: 3 of 4")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Making files: 3 of 4" in shown.err
    assert "━" in shown.err


def test_a_table_shows_brackets_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Lines [/x]", [{"text_[/y]": "a [/b] [red]c :smile:"}], "")
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("Lines [/x]", "text [/y]", "a [/b] [red]c :smile:"))


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["explain", "2024-01/acme/1"], ["reconcile", "--period", "2024-01"]],
    ids=lambda found: found[0],
)
def test_a_published_file_that_cannot_be_read_is_named(root: Path, arguments: list[str]) -> None:
    file = root / "published" / "chargehouse.duckdb"
    file.parent.mkdir()
    file.write_bytes(b"no database" * 5_000)
    result = _invoke(*arguments)
    assert result.exit_code == 1
    assert f"{file} cannot be read: " in result.output
    assert "chargehouse run --force" in result.output
