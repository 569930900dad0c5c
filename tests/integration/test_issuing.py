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
from tests.integration.workspaces import Rows, write_billing
from tests.unit.ingest.landed_cur import Row, land_legacy, legacy_row

pytestmark = pytest.mark.slow

Query = Callable[[Workspace, str], Rows]

_PAYER = "123456789012"
_MEMBER = "000000000001"
_JANUARY, _FEBRUARY = date(2024, 1, 1), date(2024, 2, 1)


def _usage(account: str, cost: str, **cells: str) -> Row:
    return legacy_row(f"{cost}0000000000"[: cost.index(".") + 11], lineItem_UsageAccountId=account, **cells)


def _february(row: Row) -> Row:
    dates = {name: text.replace("2024-02", "2024-03").replace("2024-01", "2024-02") for name, text in row.items()}
    return row | {name: text for name, text in dates.items() if "Date" in name}


_MONTH = [_usage(_PAYER, "200.00"), _usage(_MEMBER, "1000.00")]


def _configure(workspace: Workspace) -> None:
    """Two customers: one in dollars with 21 % tax, one in euros with a credit, both at AWS's price."""
    write_billing(workspace, _PAYER, _MEMBER)
    _rewrite(workspace, "pricing_rules.csv", "GLOBAL,MARKUP,10,", "GLOBAL,DISCOUNT,0,")
    _rewrite(workspace, "billing_terms.csv", "withhold,,withhold,recompute", "withhold,,pass_through,recompute")
    _rewrite(workspace, "fx_rates.csv", "2024-01,USD,EUR,0.92,", "2024-01,USD,EUR,0.9234,")
    (workspace.billing / "tax_rates.csv").write_text(
        "issuer_country_code,customer_country_code,customer_subdivision,customer_tax_id,tax_class,tax_category,tax_name,"
        "rate,exemption_reason,start_date,end_date\nUS,US,,any,standard,S,Sales tax,21,,2020-01-01,\n",
        encoding="utf-8",
    )
    (workspace.billing / "credits.csv").write_text(
        "credit_id,billing_group_id,owner_account_id,description,amount,currency,start_date,end_date,eligible_services,"
        "covers_fees,status\nwelcome,two,,Welcome,900,EUR,2024-01-01,2024-02-01,*,false,Active\n",
        encoding="utf-8",
    )


def _rewrite(workspace: Workspace, file: str, old: str, new: str) -> None:
    path = workspace.billing / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _decide(workspace: Workspace, group: str | None = None, day: date = date(2024, 2, 5)) -> list[Outcome]:
    assert {outcome.state for outcome in desk.approve(workspace, _JANUARY, group, "Ada")} <= {"approved"}
    return desk.issue(workspace, _JANUARY, group, "Ben", today=lambda: day)


def _numbers(outcomes: list[Outcome]) -> list[tuple[str, str, str, Decimal | None]]:
    return [(outcome.state, outcome.number, outcome.kind, outcome.total_amount) for outcome in outcomes]


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """January final; in February a row without AWS's invoice id, and one of a type that nobody knows."""
    workspace = Workspace.at(tmp_path_factory.mktemp("drafted"))
    _configure(workspace)
    land_legacy(workspace.landing, "first", [_MONTH])
    land_legacy(
        workspace.landing,
        "february",
        [
            [
                _february(_usage(_PAYER, "10.00", bill_InvoiceId="")),
                _february(_usage(_MEMBER, "7.00")),
                _february(_usage(_MEMBER, "1.00", lineItem_LineItemType="Mystery")),
            ]
        ],
        month=2,
    )
    run_new(workspace)
    return workspace


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

    _rewrite(months, "customers.csv", "2 Main Street", "4 Main Street")
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
