"""What documents post. Most figures are worked out by hand; that debits are credits is tried on any document."""

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.configuration.schema import FILE_BY_NAME, GlAccount
from orchestration.documents.content import Document
from orchestration.errors import ChargehouseError, ConfigurationError
from orchestration.exports.journal import DEFAULT_ACCOUNTS, Chart, Posting, postings_of, write_journal
from orchestration.ledger.ledger import Ledger
from orchestration.sample.documents import CUSTOMERS, ISSUERS, example_content, example_line
from orchestration.settings import PROJECT_ROOT, Workspace
from tests.unit.exports.issued_examples import SEPTEMBER, issue_example

NO_ROWS = Chart([])
TO_EUROS = {"currency": "EUR", "rate": "0.0058", "source": "ECB"}


def document(*lines: dict[str, Any], **other: Any) -> Document:
    return Document.parse(example_content(lines, **other))


def row(posting: str, code: str, **cells: str) -> GlAccount:
    empty = {"issuer_id": None, "line_kind": "", "service_code": "", "tax_category": ""}
    return GlAccount(source_line=2, posting=posting, account_code=code, account_name="", **{**empty, **cells})


def amounts(postings: list[Posting]) -> list[tuple[str, str, Decimal]]:
    return [(posting.posting, posting.account.code, posting.amount) for posting in postings]


def test_an_invoice_debits_what_is_owed_and_credits_revenue_and_tax() -> None:
    invoice = document(
        example_line("Amazon EC2", "100.00", credit="-20.00"),
        example_line("Amazon S3", "33.34", rate="7", service="AmazonS3"),
        example_line("Tax of AWS", "4.00", kind="aws_tax", category="O", rate="0", service=None),
    )
    assert amounts(postings_of(invoice, NO_ROWS)) == [
        ("receivable", "1200", Decimal("134.87")),
        ("revenue", "4000", Decimal("-100.00")),
        ("customer_credit", "4900", Decimal("20.00")),
        ("revenue", "4000", Decimal("-33.34")),
        ("aws_tax", "2210", Decimal("-4.00")),
        ("tax", "2200", Decimal("-15.20")),
        ("tax", "2200", Decimal("-2.33")),
    ]


def test_a_credit_note_posts_on_the_other_side() -> None:
    note = document(
        example_line("Amazon EC2", "-10.00", cause="Restatement"),
        kind="credit_note",
        reference={"number": "BWEU-2026-000041", "issue_date": "2026-09-05"},
    )
    assert amounts(postings_of(note, NO_ROWS)) == [
        ("receivable", "1200", Decimal("-11.90")),
        ("revenue", "4000", Decimal("10.00")),
        ("tax", "2200", Decimal("1.90")),
    ]


def test_the_most_precise_account_is_taken() -> None:
    chart = Chart(
        [
            row("revenue", "all"),
            row("revenue", "kind", line_kind="usage"),
            row("revenue", "service", service_code="AmazonS3"),
            row("revenue", "both", line_kind="usage", service_code="AmazonS3"),
            row("revenue", "its own", issuer_id="brightwater-eu"),
            row("tax", "exempt", tax_category="E"),
        ]
    )

    def revenue(issuer: str, kind: str, service: str) -> str:
        return chart.account("revenue", issuer, kind, service).code

    assert revenue("other", "usage", "AmazonS3") == "both"
    assert revenue("other", "fee", "AmazonS3") == "service"
    assert revenue("other", "usage", "AmazonEC2") == "kind"
    assert revenue("other", "fee", "AmazonEC2") == "all"
    assert revenue("brightwater-eu", "usage", "AmazonS3") == "its own"
    assert chart.account("tax", "other", tax_category="E").code == "exempt"
    assert chart.account("tax", "other", tax_category="S") == DEFAULT_ACCOUNTS["tax"]


def test_converted_amounts_are_rounded_and_the_rest_is_posted() -> None:
    """JPY at 0.0058: 10,003 are 58.0174, 10,007 are 58.0406, tax 2,001 is 11.6058, and 22,011 are 127.6638."""
    invoice = document(
        example_line("Amazon EC2", "10003", rate="10"),
        example_line("Amazon S3", "10007", rate="10", service="AmazonS3"),
        currency="JPY",
        minor_units=0,
        customer=CUSTOMERS["aozora"],
        accounting_fx=TO_EUROS,
    )
    found = postings_of(invoice, NO_ROWS)
    assert [(posting.posting, posting.accounting_amount) for posting in found] == [
        ("receivable", Decimal("127.66")),
        ("revenue", Decimal("-58.02")),
        ("revenue", Decimal("-58.04")),
        ("tax", Decimal("-11.61")),
        ("rounding", Decimal("0.01")),
    ]
    assert found[-1].amount == 0
    assert invoice.accounting_tax_amount == Decimal("11.61")


def test_tax_is_what_the_document_states_in_the_accounting_currency() -> None:
    """Two taxes of 2.33 and 7.67 JPY-cents' worth are 0.01 and 0.04, but 10 together are 0.06 (BR-53)."""
    invoice = document(
        example_line("Amazon EC2", "13", rate="10"),
        example_line("Amazon S3", "13", rate="12", service="AmazonS3"),
        example_line("Amazon RDS", "12", rate="14", service="AmazonRDS"),
        currency="JPY",
        minor_units=0,
        customer=CUSTOMERS["aozora"],
        accounting_fx={**TO_EUROS, "rate": "0.0250"},
    )
    found = postings_of(invoice, NO_ROWS)
    # 1, 2 and 2 JPY: 0.03, 0.05 and 0.05 one by one, 0.125 together.
    taxes = [posting.accounting_amount for posting in found if posting.posting == "tax"]
    assert (taxes, invoice.accounting_tax_amount) == (
        [Decimal("-0.03"), Decimal("-0.05"), Decimal("-0.05")],
        Decimal("0.13"),
    )
    at_a_fifth = replace_rate(invoice, "0.0149")
    # 0.01, 0.03 and 0.03 one by one, but 0.0745 together: the same; at 0.0151 they are 0.02, 0.03, 0.03 and 0.0755.
    assert sum_of_taxes(at_a_fifth) == Decimal("-0.07")
    assert sum_of_taxes(replace_rate(invoice, "0.0170")) == Decimal("-0.09")  # 0.02 + 0.03 + 0.03, and 0.085 together


def replace_rate(invoice: Document, rate: str) -> Document:
    raw = json.loads(invoice.to_bytes())
    raw["accounting_fx"]["rate"] = rate
    return Document.parse(json.dumps(raw, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


def sum_of_taxes(invoice: Document) -> Decimal:
    found = postings_of(invoice, NO_ROWS)
    assert sum(posting.accounting_amount or 0 for posting in found) == 0
    return sum((posting.accounting_amount or Decimal(0) for posting in found if posting.posting == "tax"), Decimal(0))


def test_without_a_rate_there_is_no_accounting_amount() -> None:
    invoice = document(example_line("Amazon EC2", "10.00"), currency="USD", customer=CUSTOMERS["lumen"])
    assert {posting.accounting_amount for posting in postings_of(invoice, NO_ROWS)} == {None}
    own = document(
        example_line("Amazon EC2", "10.00"),
        currency="USD",
        customer=CUSTOMERS["lumen"],
        issuer=ISSUERS["brightwater-us"],
    )
    assert all(posting.accounting_amount == posting.amount for posting in postings_of(own, NO_ROWS))


LINES = st.builds(
    lambda net, share, rate, kind: (net, -(net * share // 100) if net > 0 else 0, rate, kind),
    st.integers(-10_000_000, 10_000_000),
    st.integers(0, 100),
    st.sampled_from(["0", "7", "9.975", "19"]),
    st.sampled_from(["usage", "fee", "refund", "aws_tax"]),
)


@given(lines=st.lists(LINES, min_size=1, max_size=6), rate=st.decimals("0.0001", "99", places=4))
def test_debits_are_credits(lines: list[tuple[int, int, str, str]], rate: Decimal) -> None:
    made = []
    for net, credit, percent, kind in lines:
        is_aws_tax = kind == "aws_tax"
        made.append(
            example_line(
                "A line",
                str(Decimal(net).scaleb(-2)),
                credit="0" if is_aws_tax else str(Decimal(credit).scaleb(-2)),
                category="O" if is_aws_tax else "S" if Decimal(percent) else "Z",
                rate="0" if is_aws_tax else percent,
                kind=kind,
            )
        )
    invoice = document(
        *made,
        currency="USD",
        customer=CUSTOMERS["lumen"],
        accounting_fx={"currency": "EUR", "rate": format(rate, "f"), "source": "ECB"},
    )
    found = postings_of(invoice, NO_ROWS)
    assert sum(posting.amount for posting in found) == 0
    assert sum(posting.accounting_amount or 0 for posting in found) == 0
    taxes = [posting.accounting_amount or Decimal(0) for posting in found if posting.posting in ("tax", "aws_tax")]
    if taxes:
        assert -sum(taxes) == invoice.accounting_tax_amount
    assert all(abs(posting.accounting_amount or 0) <= Decimal("0.01") * len(found) for posting in found[-1:]) or (
        found[-1].posting != "rounding"
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace.at(tmp_path / "workspace")
    workspace.billing.mkdir(parents=True)
    for file in (PROJECT_ROOT / "tests" / "unit" / "configuration" / "example").glob("*.csv"):
        (workspace.billing / file.name).write_bytes(file.read_bytes())
    return workspace


def test_the_file_lists_the_documents_of_the_period(workspace: Workspace, tmp_path: Path) -> None:
    with Ledger.open(workspace) as ledger:
        # Another month's and, below, another group's document.
        first = issue_example(ledger, "kranich", "100.00")
        issue_example(ledger, "kranich", "10.00", period="2026-10")
        issue_example(ledger, "lumen", "20.00")
        issue_example(ledger, "kranich", "-10.00", corrects=first)
    path = tmp_path / "journal.csv"
    written = write_journal(workspace, SEPTEMBER, "kranich", path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert written.row_count == len(rows) == 6
    assert [
        (row["document_number"], row["posting"], row["account_code"], row["debit"], row["credit"]) for row in rows
    ] == [
        ("BW-2026-000001", "receivable", "1400", "119.00", ""),
        ("BW-2026-000001", "revenue", "8400", "", "100.00"),
        ("BW-2026-000001", "tax", "1776", "", "19.00"),
        ("BW-CN-2026-000001", "receivable", "1400", "", "11.90"),
        ("BW-CN-2026-000001", "revenue", "8400", "10.00", ""),
        ("BW-CN-2026-000001", "tax", "1776", "1.90", ""),
    ]
    assert {row["reference_number"] for row in rows[3:]} == {"BW-2026-000001"}
    assert {(row["currency"], row["accounting_currency"], row["accounting_rate"]) for row in rows} == {
        ("EUR", "EUR", "1")
    }
    assert [row["accounting_debit"] for row in rows] == [row["debit"] for row in rows]
    assert write_journal(workspace, SEPTEMBER, None, tmp_path / "all.csv").row_count == 9


def test_where_nothing_is_issued_nothing_is_written(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(ChargehouseError, match=r"No document of 2026-09 is issued\. Now: chargehouse issue"):
        write_journal(workspace, SEPTEMBER, None, tmp_path / "journal.csv")
    assert not any(tmp_path.glob("*journal*"))


def test_wrong_accounts_are_named(workspace: Workspace, tmp_path: Path) -> None:
    (workspace.billing / "gl_accounts.csv").write_text(
        "posting,issuer_id,line_kind,service_code,tax_category,account_code,account_name\n"
        "tax,,usage,,,1776,\nrevenue,,,,,8400,\nrevenue,,,,,8401,\nincome,,,,,8402,\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigurationError) as caught:
        write_journal(workspace, SEPTEMBER, None, tmp_path / "journal.csv")
    assert [(problem.line, problem.column) for problem in caught.value.problems] == [
        (2, "line_kind"),
        (4, "posting"),
        (5, "posting"),
    ]


def test_every_line_kind_can_have_an_account() -> None:
    with (PROJECT_ROOT / "dbt_project" / "seeds" / "line_kinds.csv").open(encoding="utf-8", newline="") as file:
        kinds = {row["line_kind"] for row in csv.DictReader(file)} - {"aws_tax"}
    assert set(FILE_BY_NAME["gl_accounts"].columns["line_kind"].domain.split(" | ")) == kinds
    assert set(FILE_BY_NAME["gl_accounts"].columns["posting"].domain.split(" | ")) == set(DEFAULT_ACCOUNTS)
