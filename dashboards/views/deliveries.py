"""What AWS delivered, what is billed from, and what was refused and why.

What is here: every known delivery of the month or of all months.
When to add here: something that is known about a delivery as a whole.
What does not belong here: single rows of a delivery.
"""

import streamlit as st

from dashboards import extracts, queries, strings
from dashboards.components import exports, filters, money, tables
from dashboards.components.tables import Cell, Column, Tone, number
from dashboards.queries import Delivery

STATUS_TONES: dict[str, Tone] = {"current": "good", "superseded": "muted", "rejected": "bad"}


def status(row: Delivery) -> Cell:
    """Show a delivery's status, and why it is refused or replaced."""
    detail = row.reason
    if row.status == "current" and not row.is_billed:
        detail = detail or strings.NOT_BILLED_FROM
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
    rows = strings.count(row.open_row_count, "row", "rows")
    detail = f"{rows}, USD {money.usd(row.open_cost)} {strings.OPEN}"
    return Cell(strings.NOT_FINAL, detail=detail, tone="warning", badge=True)


def rounded(row: Delivery) -> Cell:
    """Show how many costs were rounded when read, and by how much in all."""
    if not row.excess_decimal_row_count:
        return Cell(money.integer(row.excess_decimal_row_count))
    return Cell(money.integer(row.excess_decimal_row_count), detail=money.exact(row.excess_decimal_sum))


def main() -> None:
    """Draw the page."""
    chosen = filters.selection()
    all_periods = st.toggle(strings.ALL_PERIODS, key="all_periods", bind="query-params")
    period = None if all_periods else chosen.period.billing_period
    found = queries.deliveries(chosen.publication, period)
    with st.container(horizontal=True, gap="small", key="delivery_totals"):
        for code, label in strings.DELIVERY_STATUSES.items():
            st.metric(label, money.integer(sum(each.status == code for each in found)), border=True)
    if not found:
        st.info(strings.NO_DELIVERIES)
        return

    def meaning(column: str) -> str:
        return queries.meaning(chosen.publication, f"dim_deliveries.{column}")

    def export(row: Delivery) -> Cell:
        # The form of a delivery that was never read is not known.
        known = (row.export_name, strings.of(strings.FORMS, row.form) if row.form else "")
        return Cell(row.payer_account_id, detail=" · ".join(part for part in known if part))

    def size(row: Delivery) -> Cell:
        files = "" if row.file_count is None else strings.count(row.file_count, "file", "files")
        return Cell(money.integer(row.row_count), detail=files)

    def landed(row: Delivery) -> Cell:
        if row.landed_at is None:
            return Cell(money.MISSING)
        day, _, hour = strings.moment(row.landed_at).partition(", ")
        return Cell(day, detail=hour)

    columns: list[Column[Delivery]] = [
        Column(strings.PAYER_AND_EXPORT, export),
        Column(strings.PERIOD, lambda row: Cell(strings.short_month(row.billing_period), detail=row.delivery_id)),
        Column(strings.STATUS, status, "wide", meaning("status")),
        Column(strings.FINAL, finality, "fixed", meaning("open_row_count")),
        number(strings.COST_USD, lambda row: money.usd(row.unblended_cost), meaning("unblended_cost")),
        number(strings.ROWS, size, meaning("row_count")),
        number(strings.ROUNDED_AT_EDGE, rounded, strings.ROUNDED_AT_EDGE_HELP),
        number(
            strings.UNREADABLE,
            lambda row: money.integer(row.bad_value_row_count),
            meaning("bad_value_row_count"),
        ),
        number(strings.SPLIT_COST, lambda row: money.integer(row.split_cost_row_count), strings.SPLIT_COST_HELP),
        Column(strings.LANDED, landed, "fixed", meaning("landed_at")),
    ]
    where = strings.ALL_PERIODS.lower() if period is None else chosen.period_name
    tables.show(found, columns, caption=f"{strings.DELIVERIES}, {where}")
    exports.buttons(
        "deliveries",
        exports.file_name("deliveries", "" if period is None else f"{period:%Y-%m}"),
        [exports.Sheet(strings.DELIVERIES, lambda: extracts.deliveries(chosen.publication, period))],
        [("Content", f"Deliveries, {where}")],
        what=strings.count(len(found), "delivery", "deliveries"),
    )


if __name__ == "__main__":
    main()
