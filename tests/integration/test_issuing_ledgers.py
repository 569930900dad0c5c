"""Issuing through either database, the way between the two, and what `verify` says when somebody meddles.

What is here: PostgreSQL from run to correction, backups restored into the other database, files and rows changed
behind the ledger's back, and months issued out of their order.
When to add here: another way in which the ledger and the rest of the workspace can come apart.
What does not belong here: the ledger alone (``tests/unit/ledger``) and what corrections come to (``test_corrections``).
"""

import json
import shutil
import sqlite3
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from orchestration.cli import main
from orchestration.ledger.ledger import Ledger, restore_ledger
from orchestration.runs import run_new
from orchestration.settings import Workspace
from tests.integration.resellers import FEBRUARY, JANUARY, Reseller
from tests.postgresql_cluster import Cluster

pytestmark = pytest.mark.slow

_CREDIT = {
    **{"credit_id": "grant", "billing_group_id": "one", "amount": "100", "currency": "USD"},
    **{"start_date": "2024-01-01", "eligible_services": "*", "covers_fees": "false", "status": "Active"},
}


def _two_months(workspace: Workspace, january: str = "70.00", february: str = "90.00") -> Reseller:
    books = Reseller(workspace, {"one": {"tax_policy": "none"}})
    books.write("credits", [_CREDIT])
    books.deliver([books.usage("one", january)])
    books.deliver([books.usage("one", february)], month=2)
    run_new(workspace)
    return books


def test_postgresql_from_run_to_correction(postgresql: Cluster, tmp_path: Path) -> None:
    """And a backup goes from the one database to the other and back, with the same end of the chain."""
    workspace = replace(Workspace.at(tmp_path / "workspace"), ledger_url=postgresql.new_schema())
    books = _two_months(workspace)
    (first,) = books.issue()
    assert (first.state, first.number, first.total_amount) == ("issued", "RS-2024-000001", Decimal("0.00"))
    books.deliver([books.usage("one", "40.00")])
    run_new(workspace)
    (correction,) = books.issue()
    assert (correction.kind, correction.number) == ("credit_note", "RS-CN-2024-000001")
    run_new(workspace)
    assert books.proposed() == {}
    books.assert_documents_are_the_truth()
    assert books.query("select sum(amount) from marts.fct_credit_ledger where state = 'issued'") == [(Decimal("-40"),)]
    assert not workspace.ledger_file.exists()

    with Ledger.open(workspace) as ledger:
        head = ledger.backup(tmp_path / "from-postgresql.zip").head
    on_sqlite = Workspace.at(tmp_path / "on-sqlite")
    restore_ledger(on_sqlite, tmp_path / "from-postgresql.zip", "Ada")
    # Whoever moves the ledger moves the landing too; the rest is built again from the two.
    shutil.copytree(workspace.landing, on_sqlite.landing)
    run_new(on_sqlite)
    moved = Reseller.__new__(Reseller)
    moved.workspace = on_sqlite
    assert moved.proposed() == {}
    moved.assert_documents_are_the_truth()
    with Ledger.open(on_sqlite) as ledger:
        assert ledger.verify(head).is_sound
        again = ledger.backup(tmp_path / "from-sqlite.zip").head
    back = replace(Workspace.at(tmp_path / "back"), ledger_url=postgresql.new_schema())
    restore_ledger(back, tmp_path / "from-sqlite.zip", "Ada")
    with Ledger.open(back) as ledger:
        assert ledger.verify(head).is_sound
        assert [document.number for document in ledger.documents()] == ["RS-2024-000001", "RS-CN-2024-000001"]
    assert again == head


def test_months_issued_out_of_their_order(workspace: Workspace) -> None:
    """K4: the later month's draws are final; the earlier one draws what is left, and never more than that."""
    books = _two_months(workspace)
    draws = "select billing_period, state, amount from marts.fct_credit_ledger order by all"
    drafted = [(JANUARY, "draft", Decimal("-70")), (FEBRUARY, "draft", Decimal("-30"))]
    assert books.query(draws) == drafted

    (february,) = books.issue(FEBRUARY)
    assert (february.state, february.total_amount) == ("issued", Decimal("60.00"))
    assert february.reason.startswith("before it, and not issued, 2024-01 draws 70.00 USD on credit grant.")
    # The same entries when both are built again (K4).
    run_new(workspace, force=True)
    assert books.query(draws) == [(JANUARY, "draft", Decimal("-70")), (FEBRUARY, "issued", Decimal("-30"))]

    # January grows: it has 70 left to draw, not 90, and February stays as issued.
    books.deliver([books.usage("one", "95.00")])
    run_new(workspace)
    assert books.query(draws) == [(JANUARY, "draft", Decimal("-70")), (FEBRUARY, "issued", Decimal("-30"))]
    (january,) = books.issue(JANUARY)
    assert (january.total_amount, january.reason) == (Decimal("25.00"), "")
    run_new(workspace)
    assert books.proposed() == {}
    assert books.query("select issued_amount, draft_amount, balance_amount from marts.fct_credit_balances") == [
        (Decimal("-100"), Decimal("0"), Decimal("0"))
    ]
    # Less granted than was drawn on documents: nothing is drawn any more, and the run says so instead of failing.
    books.change("credits", "grant", amount="80")
    warnings = run_new(workspace).warnings
    assert "credit grant of one: 100 USD are drawn on documents, but 80 are granted" in " ".join(warnings)
    assert books.query("select balance_amount from marts.fct_credit_balances") == [(Decimal("-20"),)]
    assert books.proposed() == {}


def _verify() -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(main, ["verify", "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_meddling_is_found_and_a_lost_warehouse_is_not(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    books = _two_months(workspace)
    books.issue(JANUARY)
    books.deliver([books.usage("one", "60.00")])
    run_new(workspace)
    shown = {
        "proposed": "select * from marts.fct_proposed_documents order by all",
        "invoices": "select * from marts.fct_invoices order by all",
        "lines": "select * from marts.fct_invoice_lines order by all",
        "credits": "select * from marts.fct_credit_ledger order by all",
        "differences": "select * from marts.fct_document_differences order by all",
    }
    before = {name: books.query(sql) for name, sql in shown.items()}
    assert [row[1:4] for row in before["proposed"]] == [("one", 1, "credit_note"), ("one", 0, "invoice")]

    # D3: nothing of it depends on the warehouse.
    shutil.rmtree(workspace.warehouse)
    shutil.rmtree(workspace.published_file.parent)
    run_new(workspace)
    assert {name: books.query(sql) for name, sql in shown.items()} == before

    books.issue(JANUARY)
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(workspace.root))
    code, found = _verify()
    assert (code, found["is_sound"], found["documents"], found["files"]) == (0, True, 2, 8)

    # A file that is gone is made again, byte by byte; one that was changed is evidence and stays.
    folder = workspace.document_folder("2024-01")
    book = folder / "RS-2024-000001.xlsx"
    content = book.read_bytes()
    book.unlink()
    code, found = _verify()
    assert (code, found["made_again"], book.read_bytes()) == (0, ["RS-2024-000001"], content)
    sheet = folder / "RS-CN-2024-000001.csv"
    sheet.write_bytes(sheet.read_bytes().replace(b"-10.00", b"-19.00"))
    code, found = _verify()
    assert (code, found["is_sound"]) == (1, False)
    (finding,) = found["findings"]
    assert finding.startswith(f"{sheet}: is not what the frozen document makes. It was changed")
    sheet.unlink()
    assert _verify()[0] == 0

    # A row of the ledger, behind its triggers.
    with sqlite3.connect(workspace.ledger_file) as connection:
        connection.execute("drop trigger documents_no_update")
        connection.execute("update documents set total_amount = '1.00' where number = 'RS-2024-000001'")
    connection.close()
    code, found = _verify()
    assert code == 1
    assert [text for text in found["findings"] if "RS-2024-000001" in text and "total_amount" in text]
    assert [text for text in found["findings"] if "trigger" in text and "documents" in text]
    # What does not verify is not backed up.
    refused = CliRunner().invoke(main, ["backup", str(workspace.root / "backup.zip")])
    assert (refused.exit_code, "does not verify" in refused.stderr) == (1, True)
