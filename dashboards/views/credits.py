"""Customer credits: what was granted, what was drawn on documents and drafts, what has expired, and what is left.

What is here: the balance of each credit (K5), and the ledger of draws (K4).
When to add here: something that is known about a credit that we granted to a customer.
What does not belong here: AWS's own credits, which are charges.
"""

from collections.abc import Sequence

import streamlit as st

from dashboards import document_queries, extracts, queries, strings
from dashboards.components import exports, filters, money, tables
from dashboards.components.filters import Selection
from dashboards.components.tables import Cell, Column, Tone, number
from dashboards.document_queries import CreditBalance, CreditDraw

# A ledger of more draws than these is read in the download.
DRAWS_SHOWN = 250

STATE_TONES: dict[str, Tone] = {"draft": "muted", "issued": "good"}


def show_balances(balances: Sequence[CreditBalance], chosen: Selection) -> None:
    """List the credits with what became of them."""

    def meaning(column: str) -> str:
        return queries.meaning(chosen.publication, f"fct_credit_balances.{column}")

    def credit(row: CreditBalance) -> Cell:
        return Cell(row.description or row.credit_id, detail=row.credit_id)

    def usable(row: CreditBalance) -> Cell:
        start, end = strings.usable_from(row.start_date), strings.usable_to(row.end_date)
        if row.status != "Active":
            status = strings.of(strings.CREDIT_STATES, row.status)
            return Cell(status, tone="warning", badge=True, detail=" ".join(filter(None, (start, end))))
        return Cell(start, detail=end)

    def amount(label: str, name: str) -> Column[CreditBalance]:
        return number(label, lambda row: money.document(getattr(row, name), row.minor_units), meaning(name))

    columns: list[Column[CreditBalance]] = [
        Column(strings.CREDIT_NAME, credit, "wide"),
        Column(strings.GROUP, lambda row: row.billing_group_name),
        Column(strings.USABLE, usable, "fixed", meaning("end_date")),
        Column(strings.CURRENCY, lambda row: row.currency),
        amount(strings.GRANTED, "granted_amount"),
        amount(strings.DRAWN_ISSUED, "issued_amount"),
        amount(strings.DRAWN_DRAFT, "draft_amount"),
        amount(strings.EXPIRED, "expired_amount"),
        amount(strings.BALANCE, "balance_amount"),
    ]
    tables.show(balances, columns, caption=strings.CREDIT_LIST)
    st.caption(strings.CREDIT_CAPTION)
    exports.buttons(
        "credit_balances",
        exports.file_name("customer-credits", "", chosen.group_id or ""),
        [exports.Sheet(strings.CREDITS, lambda: extracts.credit_balances(chosen.publication, chosen.group_id))],
        [("Content", strings.CREDIT_LIST), (strings.GROUP, chosen.group_name)],
        what=strings.count(len(balances), "credit", "credits"),
    )


def show_draws(chosen: Selection) -> None:
    """List what credits paid, line by line and account by account."""
    st.subheader(strings.DRAWS)
    all_periods = st.toggle(strings.ALL_PERIODS, key="all_draws", bind="query-params")
    period = None if all_periods else chosen.period.billing_period
    draws = document_queries.credit_draws(chosen.publication, period, chosen.group_id)
    if not draws:
        st.info(strings.NO_DRAWS)
        return

    def account(row: CreditDraw) -> Cell:
        return Cell(row.account_name or row.sub_account_id, detail=row.sub_account_id if row.account_name else "")

    def service(row: CreditDraw) -> Cell:
        kind = strings.of(strings.LINE_KINDS, row.line_kind)
        return Cell(row.service_name or row.service_code or kind, detail=kind)

    def drawn(row: CreditDraw) -> Cell:
        amount = money.with_code(row.currency, money.document(row.amount, row.minor_units))
        return Cell(amount, detail=strings.GIVEN_BACK if row.amount > 0 else "")

    columns: list[Column[CreditDraw]] = [
        Column(strings.PERIOD, lambda row: strings.short_month(row.billing_period), "fixed"),
        Column(strings.CREDIT_NAME, lambda row: Cell(row.description or row.credit_id, detail=row.credit_id)),
        Column(strings.GROUP, lambda row: row.billing_group_name),
        Column(strings.SERVICE, service, "wide"),
        Column(strings.ACCOUNT, account),
        Column(
            strings.STATE,
            lambda row: Cell(
                strings.of(strings.DRAW_STATES, row.state), tone=STATE_TONES.get(row.state, "muted"), badge=True
            ),
        ),
        number(strings.DRAW, drawn),
    ]
    where = strings.ALL_PERIODS.lower() if period is None else chosen.period_name
    tables.show(draws[:DRAWS_SHOWN], columns, caption=f"{strings.DRAWS}, {where}")
    if len(draws) > DRAWS_SHOWN:
        st.caption(strings.showing(DRAWS_SHOWN, len(draws), "draws"))
    exports.buttons(
        "credit_draws",
        exports.file_name("credit-draws", "" if period is None else f"{period:%Y-%m}", chosen.group_id or ""),
        [exports.Sheet(strings.DRAWS, lambda: extracts.credit_draws(chosen.publication, period, chosen.group_id))],
        [("Content", f"{strings.DRAWS}, {where}"), (strings.GROUP, chosen.group_name)],
        what=strings.count(len(draws), "draw", "draws"),
    )


def main() -> None:
    """Draw the page."""
    chosen = filters.selection()
    balances = document_queries.credit_balances(chosen.publication, chosen.group_id)
    if not balances:
        st.info(strings.NO_CREDIT_BALANCES)
        return
    show_balances(balances, chosen)
    show_draws(chosen)


if __name__ == "__main__":
    main()
