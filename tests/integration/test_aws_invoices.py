"""AWS's own invoices beside their rows in whole runs: every reason once, then the same month before it is final."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from orchestration.cli import main
from orchestration.reconciliation.certificate import published_certificate
from orchestration.reconciliation.certificate_pages import certificate_markdown
from orchestration.reconciliation.restatement import compare_deliveries
from orchestration.runs import run_new
from orchestration.settings import Workspace
from tests.integration.resellers import FEBRUARY, JANUARY, Reseller
from tests.unit.ingest.landed_cur import PAYER, Row

pytestmark = pytest.mark.slow


def _row(books: Reseller, invoice: str, cost: str, line_type: str = "Usage", **cells: str) -> Row:
    return {
        **books.usage("acme", cost, lineItem_LineItemType=line_type),
        **{"bill/InvoiceId": invoice, "product/servicecode": "AmazonEC2"},
        **cells,
    }


def _printed(invoice: str, total: str, currency: str = "USD", kind: str = "INVOICE") -> dict[str, Any]:
    return {
        **{"AccountId": PAYER, "InvoiceId": invoice, "InvoiceType": kind, "BillingPeriod": {"Month": 1, "Year": 2024}},
        "BaseCurrencyAmount": {"TotalAmount": total, "CurrencyCode": currency},
    }


def test_every_reason_for_a_difference(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    books = Reseller(workspace, {"acme": {"tax_policy": "none"}})
    transfer = {"product/servicecode": "AWSDataTransfer", "lineItem/UsageType": "DataTransfer-Out-Bytes"}
    month = [
        *(_row(books, "E1", "70.004"), _row(books, "E1", "30", **transfer)),
        *(_row(books, "E2", "50"), _row(books, "E2", "-10", "Credit")),
        *(_row(books, "E3", "20"), _row(books, "E3", "-5", "Refund")),
        *(_row(books, "E4", "10"), _row(books, "E4", "2", "Tax")),
        *(_row(books, "E5", "7"), _row(books, "E6", "8"), _row(books, "E7", "3"), _row(books, "E9", "6")),
    ]
    books.deliver(month)
    answer = tmp_path / "answer.json"
    answer.write_text(
        json.dumps(
            {
                "InvoiceSummaries": [
                    *(_printed("E1", "100.00"), _printed("E2", "50"), _printed("E3", "20"), _printed("E4", "10")),
                    *(_printed("E5", "6.50", "EUR"), _printed("E6", "9"), _printed("E9", "6.00")),
                    _printed("E8", "4", kind="CREDIT_MEMO"),
                ]
            }
        ),
        encoding="utf-8",
    )
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(workspace.root))
    imported = CliRunner().invoke(main, ["import-aws-invoices", str(answer), "--json"])
    assert (imported.exit_code, len(json.loads(imported.stdout)["added"])) == (0, 8), imported.output
    run_new(workspace)

    invoices = (
        "select aws_invoice_id, cur_amount, difference, left_out_difference, rounding_difference, residual, reasons "
        "from marts.fct_aws_invoices order by 1"
    )

    def amounts(*texts: str | None) -> tuple[Decimal | None, ...]:
        return tuple(None if text is None else Decimal(text) for text in texts)

    assert books.query(invoices) == [
        ("E1", *amounts("100.004", "-0.004", "0", "-0.004", "0"), "rounding"),
        ("E2", *amounts("40", "10", "10", "0", "0"), "credits"),
        ("E3", *amounts("15", "5", "5", "0", "0"), "refunds"),
        ("E4", *amounts("12", "-2", "-2", "0", "0"), "tax"),
        ("E5", *amounts("7", None, None, None, None), "other_currency"),
        ("E6", *amounts("8", "1", "0", "0", "1"), "unexplained"),
        ("E7", *amounts("3", None, None, None, None), "missing_in_list"),
        ("E8", *amounts("0", "-4", "0", "0", "-4"), "missing_in_cur"),
        ("E9", *amounts("6", "0", "0", "0", "0"), ""),
    ]
    problems = (
        "select subject, aws_cost from marts.fct_open_problems where problem = 'aws_invoice_difference' order by 1"
    )
    assert books.query(problems) == [
        ("E5", Decimal(0)),
        ("E6", Decimal(1)),
        ("E7", Decimal(3)),
        ("E8", Decimal(-4)),
    ]
    # G66: 100.004 of EC2 in the report is 70.004 of EC2 and 30 of Data Transfer on AWS's invoice.
    assert books.query(
        "select invoice_service_code, service_code, aws_cost from marts.fct_aws_invoice_services "
        "where aws_invoice_id = 'E1' order by 1 desc"
    ) == [("AmazonEC2", "AmazonEC2", Decimal("70.004")), ("AWSDataTransfer", "AmazonEC2", Decimal(30))]

    certificate = published_certificate(workspace.published_file, JANUARY)
    assert certificate.residuals == ()
    (totals,) = certificate.aws_invoice_totals
    assert (totals["invoices"], totals["supplied"], totals["residual"], totals["absolute_residual"]) == (9, 8, -3, 5)
    assert [row["file"] for row in certificate.configuration_files] == sorted(
        file.name for file in workspace.billing.glob("*.csv")
    )
    pdf = tmp_path / "close.pdf"
    done = CliRunner().invoke(main, ["reconcile", "--period", "2024-01", "--to", str(pdf)])
    assert done.exit_code == 0, done.output
    assert "In balance: every residual is 0." in done.stdout
    assert pdf.read_bytes().startswith(b"%PDF-")
    refused = CliRunner().invoke(main, ["reconcile", "--period", "2023-12"])
    assert refused.exit_code == 1
    assert "2023-12 is not built, so there is nothing to reconcile. Built: 2024-01." in refused.stderr

    # CM-04: while AWS has not put an invoice on every row, nothing is unexplained or missing.
    books.deliver([*month, _row(books, "", "1.5")])
    run_new(workspace)
    assert [row[-1] for row in books.query(invoices)] == [
        *("not_final", "rounding", "credits", "refunds", "tax", "other_currency"),
        *("not_final", "missing_in_list", "not_final", ""),
    ]
    assert [subject for subject, _ in books.query(problems)] == ["E5", "E7"]
    found = compare_deliveries(workspace, JANUARY)
    assert [(change.kind, change.difference) for change in found.changes] == [("changed", Decimal("1.5"))]
    assert (found.earlier.status, found.later.status, found.difference) == ("superseded", "current", Decimal("1.5"))
    built_from = published_certificate(workspace.published_file, JANUARY).deliveries

    # A run of another month brings January's next delivery in, but January stands as it was built.
    books.deliver([*month, _row(books, "E1", "500")])
    books.deliver(month, month=2)
    header = "budget_id,billing_group_id,amount,currency,basis,thresholds,notify,start_period,end_period\n"
    (workspace.billing / "budgets.csv").write_text(header, encoding="utf-8")
    run_new(workspace, only=frozenset({FEBRUARY}))
    certificate = published_certificate(workspace.published_file, JANUARY)
    assert certificate.deliveries == built_from
    assert certificate.aws_cost == sum(row["aws_cost"] for row in certificate.deliveries)
    assert [row["delivery"] for row in certificate.newer_deliveries] == ["delivery-3"]
    assert "1 NOT BILLED YET" in certificate_markdown(certificate)
    assert "budgets.csv" not in {row["file"] for row in certificate.configuration_files}
    certificate = published_certificate(workspace.published_file, FEBRUARY)
    assert [row["delivery"] for row in certificate.deliveries] == ["delivery-4"]
    assert certificate.newer_deliveries == ()
    assert "budgets.csv" in {row["file"] for row in certificate.configuration_files}
