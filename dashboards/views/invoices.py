"""The month's invoices, and each of them line by line.

What is here: the list of drafts, and one of them with its lines and its split over accounts.
When to add here: something that a customer will find on the document.
What does not belong here: the charges behind a line; a link leads to them.
"""

from collections.abc import Sequence
from decimal import Decimal

import streamlit as st

from dashboards import queries, strings
from dashboards.components import exports, filters, money, tables
from dashboards.components.filters import Selection
from dashboards.components.tables import Cell, Column, Tone
from dashboards.queries import (
    Invoice,
    InvoiceAccount,
    InvoiceLine,
    InvoiceLineAccount,
    InvoiceTies,
    InvoiceTotal,
)

STATE_TONES: dict[str, Tone] = {"draft": "muted", "approved": "warning", "issued": "good"}


def state(invoice: Invoice) -> Cell:
    """Show an invoice's state as a badge."""
    return Cell(
        strings.of(strings.INVOICE_STATES, invoice.state),
        tone=STATE_TONES.get(invoice.state, "muted"),
        badge=True,
    )


def problems(invoice: Invoice) -> Cell:
    """Name an invoice's open problems in plain words."""
    if not invoice.open_problems:
        return Cell(strings.NO_PROBLEMS, tone="muted")
    return Cell(
        "; ".join(strings.of(strings.PROBLEMS, code) for code in invoice.open_problems.split("|")),
        tone="warning",
    )


def amount(value: Decimal | None, currency: str) -> str | Cell:
    """Write an amount of a document, or say that it waits for its exchange rate."""
    return Cell(strings.RATE_MISSING, tone="warning") if value is None else money.document(value, currency)


def show_list(invoices: Sequence[Invoice], totals: Sequence[InvoiceTotal], chosen: Selection) -> None:
    """List the invoices with one total per currency."""
    comments = queries.column_comments(chosen.publication)

    def help_of(column: str) -> str:
        return comments.get(f"fct_invoices.{column}", "")

    columns = [
        Column[Invoice](
            strings.CUSTOMER,
            lambda row: Cell(
                row.customer_name,
                detail=row.billing_group_name,
                href=filters.address(strings.INVOICES, chosen, group=row.billing_group_id),
            ),
        ),
        Column(strings.CURRENCY, lambda row: row.currency, help=help_of("currency")),
        Column(strings.NET, lambda row: amount(row.net_amount, row.currency), True, help_of("net_amount")),
        Column(strings.AWS_TAX, lambda row: money.document(row.tax_amount, row.currency), True, help_of("tax_amount")),
        Column(strings.TOTAL, lambda row: money.document(row.total_amount, row.currency), True, help_of("total_amount")),
        Column(strings.ROUNDING_DIFFERENCE, lambda row: money.exact(row.rounding_difference), True,
               help_of("rounding_difference")),
        Column(strings.LINES, lambda row: money.integer(row.line_count), True, help_of("line_count")),
        Column(strings.STATE, state, help=help_of("state")),
        Column(strings.OPEN_PROBLEMS, problems, help=help_of("open_problems"), wide=True),
    ]  # fmt: skip
    foot = [
        [
            strings.TOTAL,
            total.currency,
            money.document(total.net_amount, total.currency),
            money.document(total.tax_amount, total.currency),
            money.document(total.total_amount, total.currency),
            money.exact(total.rounding_difference),
            money.integer(total.line_count),
            strings.count(total.invoice_count, "invoice", "invoices"),
            f"{total.without_rate_count} without a rate" if total.without_rate_count else "",
        ]
        for total in totals
    ]
    st.subheader(f"{strings.INVOICE_LIST}, {chosen.period_name}")
    tables.show(invoices, columns, caption=f"{strings.INVOICE_LIST}, {chosen.period_name}", totals=foot)
    exports.buttons(
        "invoice_list",
        exports.file_name("invoices", f"{chosen.period.billing_period:%Y-%m}"),
        [
            exports.Sheet(
                "Invoices",
                lambda: queries.extract_invoices(
                    chosen.publication, chosen.period.billing_period, chosen.group_id
                ),
            )
        ],
        [("Content", f"Draft invoices of {chosen.period_name}"), (strings.GROUP, chosen.group_name)],
        what=strings.count(len(invoices), "invoice", "invoices"),
    )


def pick(invoices: Sequence[Invoice]) -> Invoice:
    """Let the reader choose one invoice."""
    names = filters.labels({invoice.billing_group_id: invoice.customer_name for invoice in invoices})
    by_label = {names[invoice.billing_group_id]: invoice for invoice in invoices}
    return by_label[
        st.selectbox(strings.INVOICE, list(by_label), key="invoice", bind="query-params", width=420)
    ]


def show_head(invoice: Invoice, chosen: Selection) -> None:
    """Draw who is billed, for what, in which currency, and the amounts of the document."""
    town = " ".join(part for part in (invoice.postal_code, invoice.city, invoice.subdivision) if part)
    place = ", ".join(part for part in (invoice.address, town, invoice.country_code) if part)
    rate = money.exact(invoice.fx_rate) if invoice.fx_rate is not None else strings.RATE_MISSING
    currency = invoice.currency
    with st.container(border=True, key="invoice_head"):
        tables.facts(
            [
                (strings.CUSTOMER, Cell(invoice.customer_name, detail=place)),
                ("Tax id", invoice.tax_id or money.MISSING),
                (strings.GROUP, Cell(invoice.billing_group_name, detail=invoice.billing_group_id)),
                (strings.PERIOD, chosen.period_name),
                ("Issuer", invoice.issuer_id),
                (
                    "Payment terms",
                    money.MISSING
                    if invoice.payment_terms_days is None
                    else strings.count(invoice.payment_terms_days, "day", "days"),
                ),
                (
                    "Rate",
                    Cell(
                        f"1 USD = {rate} {currency}" if invoice.fx_rate else rate,
                        detail=invoice.fx_source or "",
                    ),
                ),
                (strings.STATE, state(invoice)),
                (strings.OPEN_PROBLEMS, problems(invoice)),
                ("Exact, before tax", money.with_code("USD", money.exact(invoice.exact_amount_usd))),
            ]
        )
        st.divider()
        tables.facts(
            [
                (strings.NET_TOTAL, money.with_code(currency, money.document(invoice.net_amount, currency))),
                (strings.TAX_TOTAL, money.with_code(currency, money.document(invoice.tax_amount, currency))),
                (
                    strings.INVOICE_TOTAL,
                    money.with_code(currency, money.document(invoice.total_amount, currency)),
                ),
                (
                    strings.ROUNDING_DIFFERENCE,
                    money.with_code(currency, money.exact(invoice.rounding_difference)),
                ),
            ],
            emphasis=strings.INVOICE_TOTAL,
        )


def show_ties(invoice: Invoice, ties: InvoiceTies) -> None:
    """Say whether every view of the invoice adds up to its total."""
    if invoice.total_amount is None:
        st.warning(
            f"**{invoice.currency}** {strings.RATE_MISSING_NOTICE}", icon=":material/currency_exchange:"
        )
    elif ties.lines_difference == 0 and ties.accounts_difference == 0:
        st.html(f'<span class="ch-good">✓ {strings.TIES}</span>')
    else:
        st.error(
            f"{strings.DOES_NOT_TIE} Lines: {money.exact(ties.lines_difference)}, "
            f"accounts: {money.exact(ties.accounts_difference)} {invoice.currency}."
        )


def show_lines(invoice: Invoice, lines: Sequence[InvoiceLine], ties: InvoiceTies, chosen: Selection) -> None:
    """List the lines; their sum is the invoice's total."""
    comments = queries.column_comments(chosen.publication)
    services = filters.option_labels(
        queries.charge_options(chosen.publication, chosen.period.billing_period, invoice.billing_group_id),
        "service",
    )
    label_of = {code: label for label, code in services.items()}

    def described(line: InvoiceLine) -> Cell:
        href = ""
        if line.service_code in label_of:
            href = filters.address(
                strings.CHARGES, chosen, group=invoice.billing_group_id, service=[label_of[line.service_code]]
            )
        text = line.description or line.service_name or strings.of(strings.LINE_KINDS, line.line_kind)
        return Cell(text, detail=line.service_code or line.source_id, href=href)

    columns = [
        Column[InvoiceLine]("#", lambda row: str(row.line_number)),
        Column("Kind", lambda row: strings.of(strings.LINE_KINDS, row.line_kind)),
        Column("Description", described, wide=True),
        Column("Exact, USD", lambda row: money.exact(row.exact_amount_usd), True,
               comments.get("fct_invoice_lines.exact_amount_usd", "")),
        Column(f"Amount, {invoice.currency}", lambda row: amount(row.net_amount, invoice.currency), True,
               comments.get("fct_invoice_lines.net_amount", "")),
    ]  # fmt: skip
    foot = [
        "",
        "",
        strings.TOTAL,
        money.exact(ties.lines_exact_usd),
        money.document(ties.lines_amount, invoice.currency),
    ]
    tables.show(lines, columns, caption=f"{strings.INVOICE_LINES} of {invoice.customer_name}", totals=[foot])


def show_accounts(invoice: Invoice, accounts: Sequence[InvoiceAccount], ties: InvoiceTies) -> None:
    """List the invoice by account; the sum is the same."""
    columns = [
        Column[InvoiceAccount](
            strings.ACCOUNT,
            lambda row: Cell(row.account_name or row.sub_account_id, detail=row.sub_account_id),
            wide=True,
        ),
        Column("Exact, USD", lambda row: money.exact(row.exact_amount_usd), True),
        Column(f"Amount, {invoice.currency}", lambda row: amount(row.net_amount, invoice.currency), True),
    ]
    foot = [
        strings.TOTAL,
        money.exact(ties.accounts_exact_usd),
        money.document(ties.accounts_amount, invoice.currency),
    ]
    tables.show(accounts, columns, caption=f"{strings.BY_ACCOUNT}, {invoice.customer_name}", totals=[foot])


def show_line_accounts(invoice: Invoice, parts: Sequence[InvoiceLineAccount]) -> None:
    """List what every account has of every line."""
    columns = [
        Column[InvoiceLineAccount]("#", lambda row: str(row.line_number)),
        Column("Description", lambda row: row.description, wide=True),
        Column(
            strings.ACCOUNT,
            lambda row: Cell(row.account_name or row.sub_account_id, detail=row.sub_account_id),
        ),
        Column("Exact, USD", lambda row: money.exact(row.exact_amount_usd), True),
        Column(f"Amount, {invoice.currency}", lambda row: amount(row.net_amount, invoice.currency), True),
    ]
    tables.show(parts, columns, caption=f"{strings.BY_LINE_AND_ACCOUNT}, {invoice.customer_name}")


def show_invoice(invoice: Invoice, chosen: Selection) -> None:
    """Draw one invoice."""
    publication, period, group = chosen.publication, chosen.period.billing_period, invoice.billing_group_id
    lines = queries.invoice_lines(publication, period, group)
    ties = queries.invoice_ties(publication, period, group)
    show_head(invoice, chosen)
    show_ties(invoice, ties)
    lines_tab, accounts_tab, parts_tab = st.tabs(
        [strings.INVOICE_LINES, strings.BY_ACCOUNT, strings.BY_LINE_AND_ACCOUNT]
    )
    with lines_tab:
        show_lines(invoice, lines, ties, chosen)
    with accounts_tab:
        show_accounts(invoice, queries.invoice_accounts(publication, period, group), ties)
    with parts_tab:
        show_line_accounts(invoice, queries.invoice_line_accounts(publication, period, group))
    exports.buttons(
        "invoice_lines",
        exports.file_name("invoice-lines", f"{period:%Y-%m}", group),
        [
            exports.Sheet("Lines", lambda: queries.extract_invoice_lines(publication, period, group)),
            exports.Sheet(
                "Accounts", lambda: queries.extract_invoice_line_accounts(publication, period, group)
            ),
        ],
        [
            ("Content", f"Lines of the {invoice.state} invoice of {chosen.period_name}"),
            (strings.CUSTOMER, invoice.customer_name),
            (strings.CURRENCY, invoice.currency),
            (strings.INVOICE_TOTAL, money.document(invoice.total_amount, invoice.currency)),
        ],
        what=strings.count(len(lines), "line", "lines"),
    )


def main() -> None:
    """Draw the page."""
    chosen = filters.selection()
    period = chosen.period.billing_period
    invoices = queries.invoices(chosen.publication, period, chosen.group_id)
    if not invoices:
        st.info(strings.NO_INVOICES)
        return
    show_list(invoices, queries.invoice_totals(chosen.publication, period, chosen.group_id), chosen)
    show_invoice(pick(invoices), chosen)


if __name__ == "__main__":
    main()
