"""The command `preview`: what it takes, prints and writes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestration.cli import main
from orchestration.previewing import comparison
from orchestration.previewing.comparison import Preview
from orchestration.sample.install import write_example_configuration
from tests.unit.previewing.example_previews import invoice, line, preview


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("CHARGEHOUSE_LANDING", raising=False)
    monkeypatch.delenv("CHARGEHOUSE_LEDGER", raising=False)
    write_example_configuration(tmp_path / "data" / "billing")
    write_example_configuration(tmp_path / "proposed")
    return tmp_path


@pytest.fixture
def found(root: Path, monkeypatch: pytest.MonkeyPatch) -> Preview:
    """What the package finds, whatever it is asked."""
    del root
    made = preview(
        invoices=[invoice(None), invoice(), invoice("birch", ("50.00", "49.00")), invoice("cedar", None)],
        lines=[line()],
    )
    monkeypatch.setattr(comparison, "preview_change", lambda *_arguments: made)
    return made


def _preview(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["preview", "--billing", str(root / "proposed"), *arguments])


def test_text_json_and_markdown(root: Path, found: Preview) -> None:
    text = _preview(root)
    assert text.exit_code == 0
    assert text.stdout.startswith("proposed compared with")
    assert "110.00" in text.stdout
    as_json = _preview(root, "--json")
    assert as_json.stdout == _preview(root, "--format", "json").stdout
    read = json.loads(as_json.stdout)
    assert read["lines"][0]["exact_amount_usd_difference"] == "0.000000000000000000000001"
    assert read["lines"][0]["billing_period"] == "2026-10"
    assert read["changes"][0]["cells"] == [{"column": "percentage", "before": "0", "after": "10"}]
    assert read["has_effect"]
    assert set(comparison.SECTIONS) < set(read)
    assert _preview(root, "--format", "markdown").stdout.startswith("## What this change")
    assert found.has_effect


@pytest.mark.parametrize(
    ("limit", "named"), [("10", "cedar 2026-10"), ("9.99", "acme 2026-10, cedar 2026-10"), ("0", "acme 2026-10, birch")]
)
def test_a_limit_fails_after_the_report(root: Path, found: Preview, limit: str, named: str) -> None:
    """What nobody knows the amount of is above every limit."""
    del found
    result = _preview(root, "--fail-above", limit, "--to", str(root / "report.md"), "--format", "markdown")
    assert result.exit_code == 1
    assert f"Invoices that change by more than {limit}: {named}" in result.stderr
    assert (root / "report.md").read_text(encoding="utf-8").startswith("## What this change")


def test_a_file_is_never_overwritten(root: Path, found: Preview) -> None:
    del found
    (root / "report.txt").write_text("mine", encoding="utf-8")
    result = _preview(root, "--to", str(root / "report.txt"))
    assert result.exit_code == 1
    assert "is there already" in result.stderr
    assert (root / "report.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--json", "--format", "markdown"],
        ["--fail-above", "-1"],
        ["--fail-above", "much"],
        ["--period", "October"],
        ["--format", "html"],
    ],
)
def test_wrong_usage(root: Path, arguments: list[str]) -> None:
    assert _preview(root, *arguments).exit_code == 2


def test_a_folder_that_is_not_there_is_wrong_usage(root: Path) -> None:
    assert CliRunner().invoke(main, ["preview", "--billing", str(root / "nothing")]).exit_code == 2
    assert CliRunner().invoke(main, ["preview"]).exit_code == 2


def test_problems_are_named_all_at_once_and_no_file_is_left(root: Path) -> None:
    (root / "proposed" / "settings.csv").write_text("setting,value\nbasis,x\n", encoding="utf-8")
    (root / "proposed" / "payers.csv").unlink()
    result = _preview(root, "--to", str(root / "report.txt"))
    assert result.exit_code == 1
    assert "settings.csv line 2, column setting: 'basis'" in result.stderr
    assert "payers.csv" in result.stderr
    assert not (root / "report.txt").exists()


def test_without_deliveries_there_is_nothing_to_say(root: Path) -> None:
    """A first configuration has no effect that could be worked out; the reason is said, and no folder is made."""
    before = sorted(root.rglob("*"))
    result = _preview(root)
    assert result.exit_code == 1
    assert "There is no delivery in" in result.stderr
    assert sorted(root.rglob("*")) == before
