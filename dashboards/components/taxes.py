"""Tax by category and rate, as invoices and issued documents show it.

What is here: the one table that both pages have.
When to add here: another thing about tax that both show.
What does not belong here: computing tax (``fct_invoice_taxes``).
"""

from collections.abc import Sequence

from dashboards import strings
from dashboards.components import money, tables
from dashboards.components.tables import Cell, Column, number
from dashboards.document_queries import InvoiceTax

__all__ = ["show"]


def show(caption: str, taxes: Sequence[InvoiceTax], minor_units: int, totals: Sequence[str] = ()) -> None:
    """List tax by category and rate (T3); ``totals`` are the sums of base and tax, if any, written out."""

    def category(row: InvoiceTax) -> Cell:
        if not row.tax_category:
            return Cell(strings.TAX_RATE_MISSING, tone="warning")
        words = strings.of(strings.TAX_CATEGORIES, row.tax_category)
        return Cell(row.tax_name or words, detail=f"{row.tax_category}, {words}")

    columns: list[Column[InvoiceTax]] = [
        Column(strings.TAX_CATEGORY, category),
        number(strings.TAX_RATE, lambda row: money.rate(row.tax_rate)),
        Column(strings.TAX_REASON, lambda row: row.exemption_reason, "wide"),
        number(strings.TAXABLE, lambda row: money.document(row.taxable_amount, minor_units)),
        number(strings.TAX, lambda row: money.document(row.tax_amount, minor_units)),
    ]
    tables.show(taxes, columns, caption=caption, totals=[[strings.TOTAL, "", "", *totals]] if totals else [])
