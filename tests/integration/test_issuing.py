"""From draft to document on a small workspace: approvals, numbers, refusals, corrections, and what survives a rebuild.

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

import pytest
from click.testing import CliRunner
from openpyxl import load_workbook

from orchestration.cli import main
from orchestration.errors import ChargehouseError
from orchestration.issuing import desk
from orchestration.issuing.desk import Outcome
from orchestration.issuing.verification import verify_documents
from orchestration.ledger.ledger import Ledger
from orchestration.runs import run_new
from orchestration.settings import Workspace
from tests.integration.workspaces import MONTH, REFUND, Rows, rewrite
from tests.unit.ingest.landed_cur import land_legacy

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


def test_g58_g59_g60_g76_corrections_bring_the_documents_to_the_current_truth(
    months: Workspace, published: Query
) -> None:
    # Drafts have no number, and are numbered in the order of issue (G61, D2).
    states = (
        "select billing_group_id, state, invoice_number from marts.fct_invoices where billing_period = '2024-01-01'"
    )
    assert published(months, f"{states} order by all") == [("one", "draft", None), ("two", "draft", None)]
    assert _numbers(_decide(months, "two")) == [("issued", "RS-2024-000001", "invoice", Decimal("23.40"))]
    assert _numbers(_decide(months, "one")) == [("issued", "RS-2024-000002", "invoice", Decimal("242.00"))]
    assert published(months, f"{states} order by all") == [
        ("one", "issued", "RS-2024-000002"),
        ("two", "issued", "RS-2024-000001"),
    ]
    # Issuing again, before and after a run, issues nothing (D4).
    assert _decide(months) == []

    # G59: the same facts in a new delivery, with other line ids.
    again = [{**row, "identity/LineItemId": f"other-{number}"} for number, row in enumerate(MONTH)]
    land_legacy(months.landing, "second", [again])
    run_new(months)
    assert published(months, "select * from marts.fct_document_differences") == []
    assert published(months, "select state, amount from marts.fct_credit_ledger") == [("issued", Decimal("-900"))]
    assert _decide(months) == []

    # G58: a late refund. G60: a corrected price. G76: another rate, which an issued month does not take.
    land_legacy(months.landing, "third", [[*again, REFUND]])
    rewrite(months, "pricing_rules.csv", "DISCOUNT,0,", "DISCOUNT,1,")
    rewrite(months, "pricing_rules.csv", "markup,standard,GLOBAL", "cheaper,standard,GLOBAL")
    rewrite(months, "fx_rates.csv", "2024-01,USD,EUR,0.9234,", "2024-01,USD,EUR,0.9300,")
    run_new(months)
    assert published(
        months,
        "select billing_group_id, kind, net_amount, credit_amount, tax_amount, state from "
        "marts.fct_proposed_documents where billing_period = '2024-01-01' order by all",
    ) == [
        ("one", "credit_note", Decimal("-32.00"), Decimal("0"), Decimal("-6.72"), "draft"),
        ("two", "credit_note", Decimal("-9.23"), Decimal("0"), Decimal("0"), "draft"),
    ]
    assert _numbers(_decide(months, day=date(2024, 2, 20))) == [
        ("issued", "RS-CN-2024-000001", "credit_note", Decimal("-38.72")),
        ("issued", "RS-CN-2024-000002", "credit_note", Decimal("-9.23")),
    ]
    lines = published(
        months,
        "select number, line_kind, charge_class, net_amount, cause from marts.fct_document_lines "
        "where number like 'RS-CN%' order by number, line_number",
    )
    assert [line[:4] for line in lines] == [
        ("RS-CN-2024-000001", "usage", "Correction", Decimal("-2.00")),
        ("RS-CN-2024-000001", "refund", "Correction", Decimal("-30.00")),
        ("RS-CN-2024-000002", "usage", "Correction", Decimal("-9.23")),
    ]
    # D5: which delivery, and which file and row.
    assert all("Restatement by AWS: delivery" in line[4] for line in lines)
    assert all("pricing_rules.csv, cheaper added, markup taken out" in line[4] for line in lines)
    assert published(
        months,
        "select number, reference_number, fx_rate from marts.fct_documents where number like 'RS-CN%' order by all",
    ) == [
        ("RS-CN-2024-000001", "RS-2024-000002", Decimal("1")),
        ("RS-CN-2024-000002", "RS-2024-000001", Decimal("0.9234")),
    ]

    # D3: the warehouse goes, the documents stay. K4: below its draws, the line gives back. G60: up again.
    shutil.rmtree(months.warehouse)
    rewrite(months, "pricing_rules.csv", "DISCOUNT,1,", "DISCOUNT,5,")
    run_new(months)
    assert published(months, "select state, amount from marts.fct_credit_ledger order by all") == [
        ("draft", Decimal("22.77")),
        ("issued", Decimal("-900")),
    ]
    assert _numbers(_decide(months, "two", day=date(2024, 2, 21))) == [
        ("issued", "RS-CN-2024-000003", "credit_note", Decimal("-14.17"))
    ]
    rewrite(months, "pricing_rules.csv", "DISCOUNT,5,", "DISCOUNT,2,")
    run_new(months)
    assert published(months, "select state, amount from marts.fct_credit_ledger") == [("issued", Decimal("-877.23"))]
    assert [row[1:] for row in _numbers(_decide(months, day=date(2024, 2, 22)))] == [
        ("RS-CN-2024-000004", "credit_note", Decimal("-2.42")),
        ("RS-2024-000003", "supplementary_invoice", Decimal("27.70")),
    ]
    assert published(
        months,
        "select documents.billing_group_id, sum(documents.total_amount), any_value(invoices.total_amount) "
        "from marts.fct_documents as documents inner join marts.fct_invoices as invoices "
        "using (billing_period, billing_group_id) group by all order by all",
    ) == [("one", Decimal("200.86"), Decimal("200.86")), ("two", Decimal("27.70"), Decimal("27.70"))]
    with Ledger.open(months) as ledger:
        assert verify_documents(months, ledger).is_sound


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
