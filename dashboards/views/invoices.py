"""The month's invoices, and each of them line by line.

What is here: the invoices as of today with what became of them, and one of them with its lines, customer credits and
tax, and its split over accounts.
When to add here: something that a customer will find on the document.
What does not belong here: the charges behind a line; a link leads to them.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal

import streamlit as st

from dashboards import document_queries, explain_strings, extracts, queries, strings
from dashboards.components import exports, filters, money, tables, taxes
from dashboards.components.filters import Selection
from dashboards.components.tables import Cell, Column, Tone, number
from dashboards.queries import (
    GroupCharge,
    GroupChargePart,
    Invoice,
    InvoiceAccount,
    InvoiceLine,
    InvoiceLineAccount,
    InvoiceTies,
    InvoiceTotal,
)

# A split over more accounts than these is read in the workbook.
PARTS_SHOWN = 20

STATE_TONES: dict[str, Tone] = {"draft": "muted", "approved": "warning", "issued": "good"}


def state(invoice: Invoice, chosen: Selection) -> Cell:
    """Show an invoice's state as a badge that leads to the document, or to where it is decided."""
    page, choice = strings.APPROVE_AND_ISSUE, {}
    if invoice.invoice_number:
        page, choice = strings.DOCUMENTS, {"document": [invoice.invoice_number]}
    return Cell(
        strings.of(strings.INVOICE_STATES, invoice.state),
        tone=STATE_TONES.get(invoice.state, "muted"),
        badge=True,
        detail=invoice.invoice_number,
        href=filters.address(page, chosen, group=invoice.billing_group_id, **choice),
    )


def problems(invoice: Invoice) -> Cell:
    """Name an invoice's open problems in plain words."""
    if not invoice.open_problems:
        return Cell(strings.NO_PROBLEMS, tone="muted")
    return Cell(
        "; ".join(strings.of(strings.PROBLEMS, code) for code in invoice.open_problems.split("|")),
        tone="warning",
    )


def amount(value: Decimal | None, minor_units: int) -> str | Cell:
    """Write an amount of a document, or say that it waits for its exchange rate."""
    return Cell(strings.RATE_MISSING, tone="warning") if value is None else money.document(value, minor_units)


def show_list(invoices: Sequence[Invoice], totals: Sequence[InvoiceTotal], chosen: Selection) -> None:
    """List the invoices with one total per currency."""
    names = customer_labels(invoices)

    def meaning(column: str) -> str:
        return queries.meaning(chosen.publication, f"fct_invoices.{column}")

    def customer(row: Invoice) -> Cell:
        href = filters.address(strings.INVOICES, chosen, invoice=[names[row.billing_group_id]])
        return Cell(row.customer_name, detail=row.billing_group_name, href=href)

    columns: list[Column[Invoice]] = [
        Column(strings.CUSTOMER, customer),
        Column(strings.CURRENCY, lambda row: row.currency, help=meaning("currency")),
        number(strings.NET, lambda row: amount(row.net_amount, row.minor_units), meaning("net_amount")),
        number(
            strings.CREDIT,
            lambda row: money.document(row.credit_amount, row.minor_units),
            meaning("credit_amount"),
        ),
        number(
            strings.TAX,
            lambda row: money.document(row.tax_amount, row.minor_units),
            meaning("tax_amount"),
        ),
        number(
            strings.TOTAL,
            lambda row: money.document(row.total_amount, row.minor_units),
            meaning("total_amount"),
        ),
        number(
            strings.ROUNDING_DIFFERENCE,
            lambda row: money.fine(row.rounding_difference),
            meaning("rounding_difference"),
        ),
        number(strings.LINES, lambda row: money.integer(row.line_count), meaning("line_count")),
        Column(strings.STATE, lambda row: state(row, chosen), help=meaning("state")),
        Column(strings.OPEN_PROBLEMS, problems, "wide", meaning("open_problems")),
    ]
    foot = [
        [
            strings.TOTAL,
            total.currency,
            money.document(total.net_amount, total.minor_units),
            money.document(total.credit_amount, total.minor_units),
            money.document(total.tax_amount, total.minor_units),
            money.document(total.total_amount, total.minor_units),
            money.fine(total.rounding_difference),
            money.integer(total.line_count),
            strings.count(total.invoice_count, "invoice", "invoices"),
            strings.without_rate(total.without_rate_count),
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
                lambda: extracts.invoices(chosen.publication, chosen.period.billing_period, chosen.group_id),
            )
        ],
        [("Content", f"Invoices of {chosen.period_name} as of today"), (strings.GROUP, chosen.group_name)],
        what=strings.count(len(invoices), "invoice", "invoices"),
    )


def customer_labels(invoices: Sequence[Invoice]) -> dict[str, str]:
    """Return what each invoice is called in the picker, by billing group id."""
    return filters.labels({invoice.billing_group_id: invoice.customer_name for invoice in invoices})


def pick(invoices: Sequence[Invoice]) -> Invoice:
    """Let the reader choose one invoice."""
    names = customer_labels(invoices)
    by_label = {names[invoice.billing_group_id]: invoice for invoice in invoices}
    return by_label[st.selectbox(strings.INVOICE, list(by_label), key="invoice", bind="query-params", width=420)]


def exchange_rate(invoice: Invoice) -> Cell:
    """Say how USD became the invoice's currency."""
    if invoice.fx_rate is None:
        return Cell(strings.RATE_MISSING, tone="warning")
    if invoice.currency == "USD":
        return Cell(strings.NO_CONVERSION)
    return Cell(f"1 USD = {money.exact(invoice.fx_rate)} {invoice.currency}", detail=invoice.fx_source)


def show_head(invoice: Invoice, chosen: Selection) -> None:
    """Draw who is billed, for what, in which currency, and the amounts of the document."""
    town = " ".join(part for part in (invoice.postal_code, invoice.city, invoice.subdivision) if part)
    place = ", ".join(part for part in (invoice.address, town, invoice.country_code) if part)
    days = invoice.payment_terms_days
    currency = invoice.currency

    def in_currency(value: Decimal | None) -> str:
        return money.with_code(currency, money.document(value, invoice.minor_units))

    aws_tax = ""
    if invoice.aws_tax_amount:
        aws_tax = f"{strings.AWS_TAX_PASSED_ON}: {money.document(invoice.aws_tax_amount, invoice.minor_units)}"
    with st.container(border=True, key="invoice_head"):
        tables.facts(
            [
                (strings.CUSTOMER, Cell(invoice.customer_name, detail=place)),
                (strings.TAX_ID, invoice.tax_id or money.MISSING),
                (strings.ISSUER, invoice.issuer_id),
                (strings.GROUP, Cell(invoice.billing_group_name, detail=invoice.billing_group_id)),
                (strings.PERIOD, chosen.period_name),
                (
                    strings.PAYMENT_TERMS,
                    money.MISSING if days is None else strings.count(days, "day", "days"),
                ),
                (strings.EXCHANGE_RATE, exchange_rate(invoice)),
                (strings.EXACT_BEFORE_TAX, money.with_code("USD", money.exact(invoice.exact_amount_usd))),
                (strings.STATE, state(invoice, chosen)),
                (strings.OPEN_PROBLEMS, problems(invoice)),
            ]
        )
        tables.facts(
            [
                (strings.NET_TOTAL, in_currency(invoice.net_amount)),
                *([(strings.CREDIT_TOTAL, in_currency(invoice.credit_amount))] if invoice.credit_amount else []),
                (strings.TAX, Cell(in_currency(invoice.tax_amount), detail=aws_tax)),
                (strings.INVOICE_TOTAL, in_currency(invoice.total_amount)),
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
        st.warning(f"**{invoice.currency}** {strings.RATE_MISSING_NOTICE}", icon=":material/currency_exchange:")
    elif not any(ties.differences):
        st.html(f'<span class="ch-good">✓ {strings.TIES}</span>')
    else:
        st.error(
            f"{strings.DOES_NOT_TIE} Lines: {money.exact(ties.lines_difference)}, "
            f"accounts: {money.exact(ties.accounts_difference)}, "
            f"credits: {money.exact(ties.credit_difference)}, tax: {money.exact(ties.tax_difference)}, "
            f"total: {money.exact(ties.total_difference)} {invoice.currency}."
        )


def how_it_came_about(charge: GroupCharge, write: Callable[[Decimal | None], str]) -> str:
    """Say in a sentence how a group charge came about, its amounts written by ``write``."""
    template = strings.GROUP_CHARGE_METHODS.get(charge.method, strings.plain(charge.method))
    if charge.is_equal_split and charge.kind == "shared_cost":
        template = strings.EQUAL_SPLIT
    elif (charge.billed_cost if charge.percentage is None else charge.percentage) < 0:
        template = {"FLAT": strings.FIXED_CREDIT, "PERCENTAGE": strings.PERCENTAGE_CREDIT}.get(charge.method, template)
    return strings.how_it_came_about(
        template,
        amount=write(charge.billed_cost),
        base=write(charge.base_amount),
        base_of=strings.of(strings.BASES, charge.base_of),
        percentage=money.rate(charge.percentage),
        share=money.percentage(charge.share_percentage),
        weight=money.quantity(charge.weight),
        weight_total=money.quantity(charge.weight_total),
        committed=write(charge.committed_amount),
    )


def exact_numbers(charge: GroupCharge, parts: Sequence[GroupChargePart]) -> list[tuple[str, str]]:
    """Return what a line of a group charge opens to: every digit, where it is configured, and its parts."""
    source = strings.GROUP_CHARGE_FILES.get(charge.kind, charge.kind)
    facts = [
        (strings.EXACT_WORDS, how_it_came_about(charge, money.exact)),
        (strings.COMES_FROM, strings.charge_rule(charge.source_id, source)),
    ]
    if charge.base_of == "selected" and charge.method == "PERCENTAGE":
        facts.append((strings.BASE, strings.ITEMS_THAT_ARE_COUNTED))

    def weight(part: GroupChargePart) -> str:
        if part.weight is None:
            return ""
        return strings.weight_of(money.quantity(part.weight), money.quantity(part.weight_total))

    if len(parts) > 1:
        for part in parts[:PARTS_SHOWN]:
            name = " · ".join(each for each in (part.account_name, part.sub_account_id, part.part) if each)
            amount = money.with_code("USD", money.exact(part.billed_cost))
            facts.append((name, strings.with_weight(amount, weight(part))))
        if rest := parts[PARTS_SHOWN:]:
            facts.append((strings.count(len(rest), "more part", "more parts"), strings.IN_THE_WORKBOOK))
    elif parts and weight(parts[0]):
        facts.append((strings.WEIGHT, weight(parts[0])))
    return facts


def show_lines(invoice: Invoice, lines: Sequence[InvoiceLine], ties: InvoiceTies, chosen: Selection) -> None:
    """List the lines; their sum is the invoice's total."""
    period, group = chosen.period.billing_period, invoice.billing_group_id
    options = queries.charge_options(chosen.publication, period, group)
    of_group = {
        (charge.kind, charge.source_id, charge.service_code): charge
        for charge in queries.group_charges(chosen.publication, period, group)
    }
    parts: dict[tuple[str, str, str], list[GroupChargePart]] = defaultdict(list)
    for part in queries.group_charge_parts(chosen.publication, period, group):
        parts[part.kind, part.source_id, part.service_code].append(part)
    label_of = {code: label for label, code in filters.option_labels(options, "service").items()}

    def meaning(column: str) -> str:
        return queries.meaning(chosen.publication, f"fct_invoice_lines.{column}")

    def described(row: InvoiceLine) -> Cell:
        text = row.description or row.service_name or strings.of(strings.LINE_KINDS, row.line_kind)
        key = (row.line_kind, row.source_id, row.service_code)
        if key in of_group:
            return Cell(
                text,
                detail=how_it_came_about(of_group[key], money.usd),
                hint=how_it_came_about(of_group[key], money.exact),
                more=exact_numbers(of_group[key], parts[key]),
                more_label=strings.EXACT_NUMBERS,
            )
        href = ""
        if row.service_code in label_of:
            href = filters.address(strings.CHARGES, chosen, group=group, service=[label_of[row.service_code]])
        return Cell(text, detail=row.service_code or row.source_id, href=href)

    def explained(row: InvoiceLine) -> Cell:
        name = f"{period:%Y-%m}/{group}/{row.line_number}"
        href = filters.address(strings.EXPLAIN, chosen, group=group, line=[name])
        return Cell(str(row.line_number), href=href, hint=explain_strings.EXPLAIN_THIS)

    columns: list[Column[InvoiceLine]] = [
        Column(strings.LINE_NUMBER, explained),
        Column(strings.LINE_KIND, lambda row: strings.of(strings.LINE_KINDS, row.line_kind), "fixed"),
        Column(strings.DESCRIPTION, described, "wide"),
        number(strings.EXACT_USD, lambda row: money.exact(row.exact_amount_usd), meaning("exact_amount_usd")),
        number(
            strings.amount_in(invoice.currency),
            lambda row: amount(row.net_amount, invoice.minor_units),
            meaning("net_amount"),
        ),
        number(
            strings.CREDIT,
            lambda row: money.document(row.credit_amount, invoice.minor_units),
            meaning("credit_amount"),
        ),
        Column(strings.TAX, line_tax, "fixed", meaning("tax_category")),
    ]
    exact, rounded = money.exact(ties.lines_exact_usd), money.document(ties.lines_amount, invoice.minor_units)
    credit = money.document(ties.lines_credit, invoice.minor_units)
    tables.show(
        lines,
        columns,
        caption=f"{strings.INVOICE_LINES}, {invoice.customer_name}",
        totals=[["", "", strings.TOTAL, exact, rounded, credit, ""]],
    )
    st.caption(explain_strings.FOLLOW)


def line_tax(row: InvoiceLine) -> Cell:
    """Write the tax rate of a line, and its category where it is not the ordinary one (T2)."""
    if not row.tax_category or row.tax_rate is None:
        return Cell(strings.TAX_RATE_MISSING, tone="warning")
    words = "" if row.tax_category == "S" else strings.of(strings.TAX_CATEGORIES, row.tax_category)
    if row.has_several_tax_categories:
        words = strings.SEVERAL_CATEGORIES
    return Cell(money.rate(row.tax_rate), detail=words)


def show_accounts(invoice: Invoice, accounts: Sequence[InvoiceAccount], ties: InvoiceTies) -> None:
    """List the invoice by account; the sum is the same."""

    def account(row: InvoiceAccount) -> Cell:
        return Cell(row.account_name or row.sub_account_id, detail=row.sub_account_id if row.account_name else "")

    columns: list[Column[InvoiceAccount]] = [
        Column(strings.ACCOUNT, account, "wide"),
        number(strings.EXACT_USD, lambda row: money.exact(row.exact_amount_usd)),
        number(strings.amount_in(invoice.currency), lambda row: amount(row.net_amount, invoice.minor_units)),
        number(strings.CREDIT, lambda row: money.document(row.credit_amount, invoice.minor_units)),
    ]
    exact, rounded, credit = (
        money.exact(ties.accounts_exact_usd),
        money.document(ties.accounts_amount, invoice.minor_units),
        money.document(ties.accounts_credit, invoice.minor_units),
    )
    tables.show(
        accounts,
        columns,
        caption=f"{strings.BY_ACCOUNT}, {invoice.customer_name}",
        totals=[[strings.TOTAL, exact, rounded, credit]],
    )


def show_line_accounts(invoice: Invoice, parts: Sequence[InvoiceLineAccount]) -> None:
    """List what every account has of every line."""

    def account(row: InvoiceLineAccount) -> Cell:
        return Cell(row.account_name or row.sub_account_id, detail=row.sub_account_id if row.account_name else "")

    columns: list[Column[InvoiceLineAccount]] = [
        Column(strings.LINE_NUMBER, lambda row: str(row.line_number)),
        Column(strings.DESCRIPTION, lambda row: row.description, "wide"),
        Column(strings.ACCOUNT, account),
        number(strings.EXACT_USD, lambda row: money.exact(row.exact_amount_usd)),
        number(strings.amount_in(invoice.currency), lambda row: amount(row.net_amount, invoice.minor_units)),
        number(strings.CREDIT, lambda row: money.document(row.credit_amount, invoice.minor_units)),
    ]
    tables.show(parts, columns, caption=f"{strings.BY_LINE_AND_ACCOUNT}, {invoice.customer_name}")


def show_invoice(invoice: Invoice, chosen: Selection) -> None:
    """Draw one invoice."""
    publication, period, group = chosen.publication, chosen.period.billing_period, invoice.billing_group_id
    lines = queries.invoice_lines(publication, period, group)
    ties = queries.invoice_ties(publication, period, group)
    show_head(invoice, chosen)
    show_ties(invoice, ties)
    lines_tab, tax_tab, accounts_tab, parts_tab = st.tabs(
        [strings.INVOICE_LINES, strings.TAX, strings.BY_ACCOUNT, strings.BY_LINE_AND_ACCOUNT]
    )
    with lines_tab:
        show_lines(invoice, lines, ties, chosen)
    with tax_tab:
        found = document_queries.invoice_taxes(publication, period, group)
        if found:
            sums = (ties.taxable_amount, ties.tax_amount)
            written = [money.document(value, invoice.minor_units) for value in sums]
            taxes.show(f"{strings.TAX}, {invoice.customer_name}", found, invoice.minor_units, written)
        else:
            st.caption(strings.NO_TAX)
    with accounts_tab:
        show_accounts(invoice, queries.invoice_accounts(publication, period, group), ties)
    with parts_tab:
        show_line_accounts(invoice, queries.invoice_line_accounts(publication, period, group))
    exports.buttons(
        "invoice_lines",
        exports.file_name("invoice-lines", f"{period:%Y-%m}", group),
        [
            exports.Sheet("Lines", lambda: extracts.invoice_lines(publication, period, group)),
            exports.Sheet("Accounts", lambda: extracts.invoice_line_accounts(publication, period, group)),
            exports.Sheet(strings.TAX, lambda: extracts.invoice_taxes(publication, period, group)),
            *(
                [exports.Sheet(strings.GROUP_CHARGES, lambda: extracts.group_charges(publication, period, group))]
                if queries.group_charges(publication, period, group)
                else []
            ),
        ],
        [
            ("Content", f"Lines of the {invoice.state} invoice of {chosen.period_name}"),
            (strings.CUSTOMER, invoice.customer_name),
            (strings.CURRENCY, invoice.currency),
            (strings.INVOICE_TOTAL, money.document(invoice.total_amount, invoice.minor_units)),
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
