"""Issued documents as FOCUS Invoice Detail."""

import json
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from orchestration.errors import ChargehouseError
from orchestration.exports.focus_invoices import INVOICE_DETAIL, write_focus_invoices
from orchestration.ledger.ledger import Ledger
from orchestration.settings import Workspace
from tests.unit.exports.issued_examples import SEPTEMBER, issue_example

# FOCUS 1.4, specification/datasets/invoice_detail; the number of a purchase order is something we do not know.
MANDATORY = {
    *("BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory"),
    *("InvoiceDetailCreated", "InvoiceDetailDescription", "InvoiceDetailGrain", "InvoiceDetailId"),
    *("InvoiceDetailLastUpdated", "InvoiceId", "InvoiceIssueDate", "InvoiceIssueStatus", "InvoiceIssuerName"),
    *("PaymentCurrency", "PaymentDueDate", "PaymentTerms", "ReferenceInvoiceId"),
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path / "workspace")


def test_rows_sum_to_each_document(workspace: Workspace, tmp_path: Path) -> None:
    with Ledger.open(workspace) as ledger:
        first = issue_example(ledger, "kranich", "100.00", "33.34", credit="-20.00")
        note = issue_example(ledger, "kranich", "-10.00", corrects=first)
        other = issue_example(ledger, "lumen", "0.00", "7.00")
        issue_example(ledger, "kranich", "5.00", period="2026-10")
    path = tmp_path / "invoices.parquet"
    written = write_focus_invoices(workspace, SEPTEMBER, None, path)
    table = pq.read_table(path)
    assert table.schema.equals(INVOICE_DETAIL)
    rows = table.to_pylist()
    assert len(rows) == written.row_count == 4 + 2 + 2
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row["InvoiceId"]] += row["BilledCost"]
    assert sums == {document.number: document.total_amount for document in (first, note, other)}
    assert len({row["InvoiceDetailId"] for row in rows}) == len(rows)
    assert [(row["InvoiceDetailId"], row["ChargeCategory"], row["BilledCost"]) for row in rows[:4]] == [
        ("BW-2026-000001/1", "Usage", Decimal("100.00")),
        ("BW-2026-000001/1/credit", "Credit", Decimal("-20.00")),
        ("BW-2026-000001/2", "Usage", Decimal("33.34")),
        ("BW-2026-000001/tax/1", "Tax", Decimal("21.53")),
    ]
    assert {row["ReferenceInvoiceId"] for row in rows if row["InvoiceId"] == note.number} == {first.number}
    assert {row["ReferenceInvoiceId"] for row in rows if row["InvoiceId"] == other.number} == {other.number}
    head = rows[0]
    assert json.loads(head["InvoiceDetailGrain"]) == {"ServiceName": "Service1", "x_LineKind": "usage"}
    assert (head["BillingPeriodStart"], head["InvoiceIssueDate"], head["PaymentDueDate"]) == (
        datetime(2026, 9, 1, tzinfo=UTC),
        datetime(2026, 10, 5, tzinfo=UTC),
        datetime(2026, 11, 4, tzinfo=UTC),
    )
    assert (head["InvoiceIssuerName"], head["InvoiceIssueStatus"], head["BillingCurrency"]) == (
        "Brightwater",
        "Issued",
        "EUR",
    )


def test_the_columns_are_those_of_the_dataset() -> None:
    own = {name for name in INVOICE_DETAIL.names if not name.startswith("x_")}
    assert own >= MANDATORY
    assert own - MANDATORY == {"PaymentCurrencyBilledCost", "PaymentCurrencyInvoiceDetailId"}


def test_one_group_alone(workspace: Workspace, tmp_path: Path) -> None:
    with Ledger.open(workspace) as ledger:
        issue_example(ledger, "kranich", "100.00")
        issue_example(ledger, "lumen", "7.00")
    write_focus_invoices(workspace, SEPTEMBER, "lumen", tmp_path / "lumen.parquet")
    assert set(pq.read_table(tmp_path / "lumen.parquet")["BillingAccountId"].to_pylist()) == {"lumen"}


def test_where_nothing_is_issued_nothing_is_written(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(ChargehouseError, match=r"No document of 2026-09 and lumen is issued"):
        write_focus_invoices(workspace, SEPTEMBER, "lumen", tmp_path / "lumen.parquet")
    assert not any(tmp_path.glob("*lumen*"))
