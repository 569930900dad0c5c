"""From draft to document on a small workspace: approvals, refusals, the commands, and files. See test_corrections too.

Each whole run costs many seconds, so that the workspace goes through its months once, step by step.
"""

import csv
import json
import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner
from openpyxl import load_workbook

from orchestration.cli import main
from orchestration.errors import ChargehouseError, NotBuiltError
from orchestration.issuing import desk
from orchestration.issuing.desk import Outcome
from orchestration.issuing.verification import verify_documents
from orchestration.ledger.ledger import Ledger
from orchestration.runs import run_new
from orchestration.settings import Workspace
from tests.integration.workspaces import Rows, rewrite

pytestmark = pytest.mark.slow

Query = Callable[[Workspace, str], Rows]

_JANUARY, _FEBRUARY = date(2024, 1, 1), date(2024, 2, 1)


def _decide(workspace: Workspace, group: str | None = None, day: date = date(2024, 2, 5)) -> list[Outcome]:
    assert {outcome.state for outcome in desk.approve(workspace, _JANUARY, group, "Ada")} <= {"approved"}
    return desk.issue(workspace, _JANUARY, group, "Ben", today=lambda: day)


def _numbers(outcomes: list[Outcome]) -> list[tuple[str, str, str, Decimal | None]]:
    return [(outcome.state, outcome.number, outcome.kind, outcome.total_amount) for outcome in outcomes]


@pytest.fixture
def months(drafted: Workspace, tmp_path: Path) -> Workspace:
    return Workspace.at(Path(shutil.copytree(drafted.root, tmp_path / "workspace")))


def test_an_approval_lapses_when_the_numbers_change(months: Workspace, published: Query) -> None:
    desk.approve(months, _JANUARY, "one", "Ada")
    approved = (
        "select state, approved_by, lapsed_approval_by from marts.fct_proposed_documents "
        "where billing_group_id = 'one' and billing_period = '2024-01-01'"
    )
    # No run in between: an approval shows at once.
    assert published(months, approved) == [("approved", "Ada", None)]
    # Whoever looked at other numbers decides nothing, not even about the rest (D1).
    seen = dict(published(months, "select billing_group_id, draft_hash from marts.fct_proposed_documents "
                                  "where billing_period = '2024-01-01'"))  # fmt: skip
    with pytest.raises(ChargehouseError, match=r"What is proposed for two is not what was shown"):
        desk.issue(months, _JANUARY, None, "Ben", seen=seen | {"two": "0" * 64})
    with Ledger.open(months) as ledger:
        assert list(ledger.documents()) == []

    rewrite(months, "customers.csv", "2 Main Street", "4 Main Street")
    with pytest.raises(
        ChargehouseError, match=r"2024-01 is not built from what there is now \(changed configuration\)"
    ):
        desk.issue(months, _JANUARY, "one", "Ben")
    run_new(months, only=frozenset({_JANUARY}))
    assert published(months, approved) == [("draft", None, "Ada")]
    (refused,) = desk.issue(months, _JANUARY, "one", "Ben")
    assert refused.state == "refused"
    assert "was approved by Ada" in refused.reason
    assert "with other numbers" in refused.reason
    with Ledger.open(months) as ledger:
        assert list(ledger.documents()) == []


def test_nothing_is_decided_while_a_month_stands_unproven(months: Workspace) -> None:
    """What a failed run left of February must not be published by deciding about January."""
    with duckdb.connect(months.warehouse_file) as connection:
        connection.execute("delete from raw.period_builds where billing_period = '2024-02-01'")
    before = months.published_file.read_bytes()
    with pytest.raises(NotBuiltError, match=r"The last run did not finish 2024-02"):
        desk.approve(months, _JANUARY, "one", "Ada")
    assert months.published_file.read_bytes() == before
    with Ledger.open(months) as ledger:
        assert ledger.arrow_table("approvals").num_rows == 0


def test_d7_only_what_touches_a_group_stops_it(months: Workspace, published: Query) -> None:
    one, two = desk.approve(months, _FEBRUARY, None, "Ada")
    assert one.state == "approved"
    # There is no amount to approve without a rate.
    assert (two.state, two.reason.partition(":")[0]) == ("refused", "missing_fx_rate")
    assert published(
        months,
        "select billing_group_id, refusal from marts.fct_issuing_refusals "
        "where billing_period = '2024-02-01' order by all",
    ) == [("one", "not_final"), ("two", "missing_fx_rate"), ("two", "unmapped")]

    refused, _ = desk.issue(months, _FEBRUARY, None, "Ben")
    assert (refused.state, refused.reason.partition(":")[0]) == ("refused", "not_final")
    (issued,) = desk.issue(
        months, _FEBRUARY, "one", "Ben", {"not_final": "AWS confirmed it by mail"}, today=lambda: date(2024, 3, 4)
    )
    assert (issued.state, issued.number) == ("issued", "RS-2024-000001")
    with Ledger.open(months) as ledger:
        overridden = ledger.arrow_table("overrides").to_pylist()
    assert [(row["refusal"], row["reason"], row["overridden_by"]) for row in overridden] == [
        ("not_final", "AWS confirmed it by mail", "Ben")
    ]


def _invoke(*arguments: str) -> Any:
    result = CliRunner().invoke(main, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_commands_from_approval_to_verification(
    months: Workspace, published: Query, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(months.root))
    chosen = ("--period", "2024-01", "--group", "two")
    assert [row["state"] for row in _invoke("approve", *chosen, "--by", "Ada")["done"]] == ["approved"]
    (issued,) = _invoke("issue", *chosen, "--by", "Ben")["done"]
    assert (issued["state"], issued["currency"], issued["total_amount"]) == ("issued", "EUR", "23.40")
    # The command ends with a run, after which the draws on credits are final.
    assert published(months, "select state, amount from marts.fct_credit_ledger") == [("issued", Decimal("-900"))]
    assert published(months, "select issued_amount, draft_amount from marts.fct_credit_balances") == [
        (Decimal("-900"), Decimal("0"))
    ]
    listed = _invoke("invoices", *chosen)
    assert [(row["state"], row["number"]) for row in listed["invoices"]] == [("issued", issued["number"])]
    assert [(row["number"], row["pdf"]) for row in listed["documents"]] == [(issued["number"], issued["pdf"])]
    assert Path(issued["pdf"]).read_bytes().startswith(b"%PDF")
    assert _invoke("issue", *chosen, "--by", "Ben") == {"done": [], "refused": []}

    exported = CliRunner().invoke(main, ["export", "csv", "--period", "2024-01", "--to", str(tmp_path / "lines.csv")])
    assert exported.exit_code == 0
    lines = list(csv.DictReader((tmp_path / "lines.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["group"], row["net_amount"], row["credit_amount"], row["number"]) for row in lines] == [
        ("one", "200.00", "0.00", ""),
        ("two", "923.40", "-900.00", issued["number"]),
    ]
    again = CliRunner().invoke(main, ["export", "csv", "--period", "2024-01", "--to", str(tmp_path / "lines.csv")])
    assert (again.exit_code, "is there already" in again.stderr) == (1, True)
    book = tmp_path / "book.xlsx"
    assert CliRunner().invoke(main, ["export", "xlsx", "--period", "2024-01", "--to", str(book)]).exit_code == 0
    sheets = load_workbook(book)
    assert sheets.sheetnames == ["invoices", "lines", "documents", "proposed corrections"]
    assert [row[0].value for row in sheets["documents"].iter_rows()] == ["number", issued["number"]]

    found = _invoke("verify")
    assert (found["is_sound"], found["documents"], found["files"]) == (True, 1, 4)
    _invoke("backup", str(tmp_path / "backup.zip"))
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(tmp_path / "restored"))
    _invoke("restore", str(tmp_path / "backup.zip"), "--by", "Ada")
    assert _invoke("verify") == found

    monkeypatch.setenv("CHARGEHOUSE_DATA", str(months.root))
    refused = CliRunner().invoke(main, ["issue", "--period", "2024-01", "--by", "Ben"])
    assert refused.exit_code == 1
    assert "is not approved" in " ".join(refused.stdout.split())
    assert refused.stderr == "1 of 1 document refused.\n"


def test_a_lost_file_is_made_again_and_a_changed_one_is_found(months: Workspace) -> None:
    (issued,) = _decide(months, "one")
    pdf = Path(issued.pdf)
    content = pdf.read_bytes()
    assert sorted(file.name for file in pdf.parent.iterdir()) == [
        f"RS-2024-000001.{ending}" for ending in ("csv", "pdf", "sha256", "xlsx", "xml")
    ]
    # As if the process had died after it issued.
    pdf.unlink()
    assert desk.issue(months, _JANUARY, "one", "Ben") == []
    assert pdf.read_bytes() == content

    pdf.unlink()
    with Ledger.open(months) as ledger:
        verified = verify_documents(months, ledger)
        assert verified.is_sound
        assert verified.made_again == ("RS-2024-000001",)
        assert pdf.read_bytes() == content
        pdf.write_bytes(content + b" ")
        tampered = verify_documents(months, ledger)
    assert not tampered.is_sound
    assert [finding.partition(":")[0] for finding in tampered.findings] == [str(pdf)]
