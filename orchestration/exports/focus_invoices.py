"""FOCUS Invoice Detail of issued documents, as Parquet.

What is here: the columns that FOCUS 1.4 gives its dataset Invoice Detail, from frozen documents (decision 14).
When to add here: a column of the dataset.
What does not belong here: amounts; they are those of the documents.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.documents.content import Line, TaxLine
from orchestration.exports.files import Written, new_file, require_ending
from orchestration.exports.issued import Issued, issued_documents
from orchestration.settings import Workspace

__all__ = ["INVOICE_DETAIL", "write_focus_invoices"]

_AMOUNT = pa.decimal128(22, 4)
_MOMENT = pa.timestamp("us", tz="UTC")

INVOICE_DETAIL = pa.schema(
    [
        pa.field("BilledCost", _AMOUNT, nullable=False),
        pa.field("BillingAccountId", pa.string(), nullable=False),
        pa.field("BillingCurrency", pa.string(), nullable=False),
        pa.field("BillingPeriodEnd", _MOMENT, nullable=False),
        pa.field("BillingPeriodStart", _MOMENT, nullable=False),
        pa.field("ChargeCategory", pa.string(), nullable=False),
        pa.field("InvoiceDetailCreated", _MOMENT, nullable=False),
        pa.field("InvoiceDetailDescription", pa.string()),
        pa.field("InvoiceDetailGrain", pa.string()),
        pa.field("InvoiceDetailId", pa.string(), nullable=False),
        pa.field("InvoiceDetailLastUpdated", _MOMENT, nullable=False),
        pa.field("InvoiceId", pa.string(), nullable=False),
        pa.field("InvoiceIssueDate", _MOMENT),
        pa.field("InvoiceIssueStatus", pa.string(), nullable=False),
        pa.field("InvoiceIssuerName", pa.string(), nullable=False),
        pa.field("PaymentCurrency", pa.string(), nullable=False),
        pa.field("PaymentCurrencyBilledCost", _AMOUNT, nullable=False),
        pa.field("PaymentCurrencyInvoiceDetailId", pa.string(), nullable=False),
        pa.field("PaymentDueDate", _MOMENT),
        pa.field("PaymentTerms", pa.string(), nullable=False),
        pa.field("ReferenceInvoiceId", pa.string(), nullable=False),
        pa.field("x_ChargeClass", pa.string()),
        pa.field("x_DocumentKind", pa.string(), nullable=False),
        pa.field("x_TaxableAmount", _AMOUNT),
    ]
)
"""Columns and types of the file: those of the dataset, then ours."""

_CATEGORIES = {
    "usage": "Usage",
    "marketplace": "Usage",
    "commitment": "Purchase",
    "fee": "Purchase",
    "support": "Purchase",
    "credit": "Credit",
    "aws_tax": "Tax",
}


def write_focus_invoices(workspace: Workspace, period: date, group: str | None, path: Path) -> Written:
    """Write the issued documents of a period to a new Parquet file.

    One row per line, one more for the customer credits drawn on it, and one per tax category and rate: ``BilledCost``
    sums to each document's total. Rows of 0 are left out, but for taxes.

    Raises:
        ChargehouseError: the file is there already, or nothing is issued.
        DocumentError: the content of a document is damaged.
    """
    require_ending(path, ".parquet")
    count = 0
    with (
        new_file(path) as draft,
        issued_documents(workspace, period, group) as documents,
        pq.ParquetWriter(draft, INVOICE_DETAIL, compression="zstd") as writer,
    ):
        for issued in documents:
            rows = pa.Table.from_pylist(list(_rows(issued)), schema=INVOICE_DETAIL)
            writer.write_table(rows)
            count += rows.num_rows
    return Written(path, count, "rows")


def _rows(issued: Issued) -> Iterator[dict[str, Any]]:
    document = issued.document
    for line in document.lines:
        category = _CATEGORIES.get(line.line_kind) or ("Credit" if line.net_amount < 0 else "Adjustment")
        if line.line_kind == "custom_line_item" and line.net_amount > 0:
            category = "Purchase"
        own: dict[str, Any] = {"InvoiceDetailDescription": line.description, "x_ChargeClass": line.charge_class or None}
        if line.net_amount:
            yield _row(issued, f"{line.line_number}", line.net_amount, category, own, _line_grain(line))
        if line.credit_amount:
            own |= {"InvoiceDetailDescription": f"{line.description}, credit"}
            grain = {**_line_grain(line), "x_CustomerCredit": True}
            yield _row(issued, f"{line.line_number}/credit", line.credit_amount, "Credit", own, grain)
    for place, tax in enumerate(document.taxes, start=1):
        own = {
            "InvoiceDetailDescription": _tax_description(tax),
            "x_ChargeClass": "Correction" if document.reference else None,
            "x_TaxableAmount": tax.taxable_amount,
        }
        grain = {"x_TaxCategory": tax.tax_category, "x_TaxRate": format(tax.tax_rate, "f")}
        yield _row(issued, f"tax/{place}", tax.tax_amount, "Tax", own, grain)


def _row(
    issued: Issued, place: str, amount: Decimal, category: str, own: dict[str, Any], grain: dict[str, Any]
) -> dict[str, Any]:
    document = issued.document
    detail_id = f"{issued.number}/{place}"
    return {
        "BilledCost": amount,
        "BillingAccountId": document.billing_group.billing_group_id,
        "BillingCurrency": document.currency,
        "BillingPeriodEnd": _midnight(document.service_period_end + timedelta(days=1)),
        "BillingPeriodStart": _midnight(document.service_period_start),
        "ChargeCategory": category,
        "InvoiceDetailCreated": issued.issued_at,
        "InvoiceDetailGrain": json.dumps(grain, ensure_ascii=False),
        "InvoiceDetailId": detail_id,
        "InvoiceDetailLastUpdated": issued.issued_at,
        "InvoiceId": issued.number,
        "InvoiceIssueDate": None if document.issue_date is None else _midnight(document.issue_date),
        "InvoiceIssueStatus": "Issued",
        "InvoiceIssuerName": document.issuer.legal_name,
        "PaymentCurrency": document.currency,
        "PaymentCurrencyBilledCost": amount,
        "PaymentCurrencyInvoiceDetailId": detail_id,
        "PaymentDueDate": None if document.due_date is None else _midnight(document.due_date),
        "PaymentTerms": f"Net {int(document.customer.payment_terms_days or 0)}",
        # FOCUS wants a reference on every row: a first document's is itself.
        "ReferenceInvoiceId": issued.number if document.reference is None else document.reference.number,
        "x_DocumentKind": document.kind,
        **own,
    }


def _line_grain(line: Line) -> dict[str, Any]:
    grain = {"ServiceName": line.service_code, "x_LineKind": line.line_kind, "x_SourceId": line.source_id}
    return {name: value for name, value in grain.items() if value}


def _tax_description(tax: TaxLine) -> str:
    return tax.exemption_reason or f"{tax.tax_name or 'Tax'} {format(tax.tax_rate.normalize(), 'f')} %"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
