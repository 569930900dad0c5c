"""What AWS delivered, what is billed from, and what was refused and why.

What is here: every known delivery of the month or of all months.
When to add here: something that is known about a delivery as a whole.
What does not belong here: single rows of a delivery.
"""

import streamlit as st

from dashboards import queries, strings
from dashboards.components import exports, filters, money, tables
from dashboards.components.tables import Cell, Column, Tone
from dashboards.queries import Delivery

STATUS_TONES: dict[str, Tone] = {"current": "good", "superseded": "muted", "rejected": "bad"}


def status(row: Delivery) -> Cell:
    """Show a delivery's status, and why it is refused or replaced."""
    detail = row.reason
    if row.status == "current" and not row.is_billed:
        detail = detail or "Not the export that is billed from"
    return Cell(
        strings.of(strings.DELIVERY_STATUSES, row.status),
        detail=detail,
        tone=STATUS_TONES.get(row.status, "muted"),
        badge=True,
    )


def finality(row: Delivery) -> Cell:
    """Say whether AWS has invoiced every row, or how much is open."""
    if row.open_row_count is None:
        return Cell(money.MISSING)
    if row.open_row_count == 0:
        return Cell(strings.FINAL, tone="good", badge=True)
    detail = f"{strings.count(row.open_row_count, 'row', 'rows')}, USD {money.usd(row.open_cost)} without AWS invoice"
    return Cell(strings.NOT_FINAL, detail=detail, tone="warning", badge=True)


def rounded(row: Delivery) -> Cell:
    """Show how many costs were rounded when read, and by how much in all."""
    if not row.excess_decimal_row_count:
        return Cell(money.integer(row.excess_decimal_row_count))
    return Cell(
        money.integer(row.excess_decimal_row_count), detail=f"USD {money.exact(row.excess_decimal_sum)}"
    )


def main() -> None:
    """Draw the page."""
    chosen = filters.selection()
    comments = queries.column_comments(chosen.publication)
    all_periods = st.toggle(strings.ALL_PERIODS, key="all_periods", bind="query-params")
    period = None if all_periods else chosen.period.billing_period
    found = queries.deliveries(chosen.publication, period)
    with st.container(horizontal=True, gap="small", key="delivery_totals"):
        for code, label in strings.DELIVERY_STATUSES.items():
            st.metric(label, money.integer(sum(each.status == code for each in found)), border=True)
    if not found:
        st.info(strings.NO_DELIVERIES)
        return

    def help_of(column: str) -> str:
        return comments.get(f"dim_deliveries.{column}", "")

    columns = [
        Column[Delivery]("Payer", lambda row: Cell(row.payer_account_id, detail=row.export_name)),
        Column(strings.PERIOD, lambda row: Cell(strings.short_month(row.billing_period), detail=row.delivery_id)),
        Column("Status", status, help=help_of("status"), wide=True),
        Column("Final", finality, help=help_of("open_row_count")),
        Column("Unblended cost, USD", lambda row: money.usd(row.unblended_cost), True, help_of("unblended_cost")),
        Column("Rows", lambda row: Cell(
            money.integer(row.row_count),
            detail="" if row.file_count is None else strings.count(row.file_count, "file", "files")),
            True, help_of("row_count")),
        Column(strings.ROUNDED_AT_EDGE, rounded, True, strings.ROUNDED_AT_EDGE_HELP),
        Column("Unreadable", lambda row: money.integer(row.bad_value_row_count), True, help_of("bad_value_row_count")),
        Column("Split cost rows", lambda row: money.integer(row.split_cost_row_count), True,
               help_of("split_cost_row_count")),
        Column("Form", lambda row: strings.of(strings.FORMS, row.form)),
        Column("Landed", lambda row: strings.moment(row.landed_at)),
    ]  # fmt: skip
    where = strings.ALL_PERIODS.lower() if period is None else chosen.period_name
    tables.show(found, columns, caption=f"{strings.DELIVERIES}, {where}")
    exports.buttons(
        "deliveries",
        exports.file_name("deliveries", "" if period is None else f"{period:%Y-%m}"),
        [exports.Sheet(strings.DELIVERIES, lambda: queries.extract_deliveries(chosen.publication, period))],
        [("Content", f"Deliveries, {where}")],
        what=strings.count(len(found), "delivery", "deliveries"),
    )


if __name__ == "__main__":
    main()
