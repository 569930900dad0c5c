"""Whether a month ties from AWS's cost to the documents, and the certificate of it.

What is here: the stages with their residuals, AWS's own invoices, and the certificate to download.
When to add here: another proof that finance needs before it closes a month.
What does not belong here: what there is to mend (``quality.py``) and issuing (``approve_and_issue.py``).
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboards import closing, closing_strings, queries, strings
from dashboards.components import exports, filters, money, tables
from dashboards.components.filters import Selection
from dashboards.components.tables import Cell, Column, Section, number
from dashboards.queries import AwsInvoiceService
from orchestration.reconciliation.certificate import Certificate
from orchestration.reconciliation.certificate_pages import REASONS, STAGES, exact

Row = Mapping[str, Any]

# The stages before are in USD, exact; those from here on are rounded to the currency's minor unit.
FIRST_ROUNDED = 8
EXPLAINED = {"", "credits", "refunds", "tax", "rounding"}


def show_verdict(certificate: Certificate, chosen: Selection) -> None:
    """Say whether the month ties, and hand out the certificate."""
    if certificate.residuals:
        st.error(
            "\n".join([f"**{closing_strings.NOT_IN_BALANCE}**", "", *(f"- {line}" for line in certificate.residuals)]),
            icon=":material/error:",
        )
    else:
        st.success(closing_strings.IN_BALANCE, icon=":material/check_circle:")
    name = exports.file_name("close-certificate", f"{chosen.period.billing_period:%Y-%m}")
    period = chosen.period.billing_period
    with st.container(horizontal=True, gap="small", key="close_downloads"):
        st.download_button(
            closing_strings.DOWNLOAD_PDF,
            lambda: closing.pdf(chosen.publication, period),
            f"{name}.pdf",
            "application/pdf",
            key="close_pdf",
            icon=":material/download:",
            help=closing_strings.DOWNLOAD_HELP,
        )
        st.download_button(
            closing_strings.DOWNLOAD_MARKDOWN,
            lambda: closing.markdown(chosen.publication, period),
            f"{name}.md",
            "text/markdown",
            key="close_markdown",
            icon=":material/download:",
        )


def residual(row: Row) -> Cell:
    """Show a residual with every digit: it is a fault however small it is."""
    return Cell(money.exact(row["residual"]), tone="bad" if row["residual"] else "good")


def show_payers(certificate: Certificate) -> None:
    """Show for each payer what became of AWS's cost."""
    st.subheader(closing_strings.PAYERS)
    columns: list[Column[Row]] = [
        Column(closing_strings.PAYER, lambda row: row["payer"]),
        number(f"{closing_strings.DELIVERED}, USD", lambda row: money.exact(row["raw"])),
        number(closing_strings.BILLED, lambda row: money.exact(row["billed"])),
        number(closing_strings.WITHHELD, lambda row: money.exact(row["withheld"])),
        number(closing_strings.UNRATED, lambda row: money.exact(row["unrated"])),
        number(closing_strings.OVER_GROUPS, lambda row: money.exact(row["groups"])),
        number(closing_strings.RESIDUAL, residual),
    ]
    tables.show(certificate.payers, columns, caption=closing_strings.PAYERS)


def show_stages(certificate: Certificate) -> None:
    """Show every stage of all groups, by currency, with its residual."""
    st.subheader(closing_strings.STAGES)
    st.caption(closing_strings.STAGES_NOTE)

    def amount(row: Row) -> Cell:
        if row["stage_number"] < FIRST_ROUNDED:
            return Cell(exact(row["amount"]))
        return Cell(money.document(row["amount"], certificate.minor_units.get(row["currency"], 2)))

    columns: list[Column[Row]] = [
        Column(closing_strings.STAGE, lambda row: strings.of(STAGES, row["stage"]), "wide"),
        Column(closing_strings.CURRENCY, lambda row: row["currency"]),
        number(closing_strings.GROUPS, lambda row: money.integer(row["groups"])),
        number(closing_strings.AMOUNT, amount),
        number(closing_strings.RESIDUAL, residual),
    ]
    tables.show(certificate.stages, columns, caption=closing_strings.STAGES)


def show_aws_invoices(certificate: Certificate, services: tuple[AwsInvoiceService, ...]) -> None:
    """Show AWS's invoices beside their rows, why they differ, and the services as AWS's invoice shows them."""
    st.subheader(closing_strings.AWS_INVOICES)
    st.caption(closing_strings.AWS_INVOICES_NOTE)
    if not certificate.aws_invoices:
        st.info(closing_strings.NO_AWS_INVOICES)
        return

    def why(row: Row) -> Cell:
        reasons = (row["reasons"] or "").split("|")
        words = ", ".join(strings.of(REASONS, reason) for reason in reasons)
        return Cell(words, tone="good" if EXPLAINED.issuperset(reasons) else "warning", badge=True)

    columns: list[Column[Row]] = [
        Column(closing_strings.PAYER, lambda row: row["payer"]),
        Column(closing_strings.INVOICE, lambda row: row["invoice"] or closing_strings.NO_INVOICE_ID),
        Column(closing_strings.WHY, why),
        number(closing_strings.CUR_TOTAL, lambda row: money.exact(row["cur_amount"])),
        number(
            closing_strings.PRINTED,
            lambda row: Cell(money.exact(row["total_amount"]), detail=row["currency"] or ""),
        ),
        number(closing_strings.DIFFERENCE, lambda row: money.exact(row["difference"])),
        number(closing_strings.UNEXPLAINED, lambda row: money.exact(row["residual"])),
    ]
    tables.show(certificate.aws_invoices, columns, caption=closing_strings.AWS_INVOICES)
    with st.expander(closing_strings.SERVICES):
        st.caption(closing_strings.SERVICES_NOTE)
        of_services: list[Column[AwsInvoiceService]] = [
            Column(closing_strings.SERVICE, lambda row: row.invoice_service_code),
            Column(closing_strings.SERVICE_IN_ROWS, lambda row: row.service_code),
            Column(closing_strings.PART, lambda row: strings.of(closing_strings.PARTS, row.part)),
            number(closing_strings.ROWS, lambda row: money.integer(row.row_count)),
            number(f"{closing_strings.AMOUNT}, USD", lambda row: money.exact(row.aws_cost)),
        ]
        invoices = dict.fromkeys((row.billing_account_id, row.aws_invoice_id) for row in services)
        sections = [
            Section(
                [row for row in services if (row.billing_account_id, row.aws_invoice_id) == (payer, invoice)],
                title=f"{closing_strings.PAYER} {payer}, {invoice or closing_strings.NO_INVOICE_ID}",
            )
            for payer, invoice in invoices
        ]
        tables.show_sections(sections, of_services, caption=closing_strings.SERVICES)


def main() -> None:
    """Draw the page."""
    chosen = filters.selection()
    period = chosen.period.billing_period
    certificate = closing.certificate(chosen.publication, period)
    show_verdict(certificate, chosen)
    show_payers(certificate)
    show_stages(certificate)
    show_aws_invoices(certificate, queries.aws_invoice_services(chosen.publication, period))


if __name__ == "__main__":
    main()
