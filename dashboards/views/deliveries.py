"""What AWS delivered, what is billed from, and what was refused and why.

What is here: every known delivery of the month or of all months, and what changed between two of them.
When to add here: something that is known about a delivery as a whole.
What does not belong here: single rows of a delivery.
"""

from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from dashboards import closing_strings, extracts, queries, strings
from dashboards.components import exports, filters, money, tables, work
from dashboards.components.tables import Cell, Column, Tone, number
from dashboards.queries import Delivery
from orchestration.settings import Workspace

if TYPE_CHECKING:
    from dashboards.components.filters import Selection
    from dashboards.components.work import Report, Work
    from orchestration.reconciliation.restatement import Change, Comparison

_COMPARISON = "comparison_work"

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


def compared_by(row: Delivery) -> tuple[str, str]:
    """Return what two deliveries must have in common to be compared."""
    return row.payer_account_id, row.export_name


def show_comparison(chosen: "Selection", of_month: tuple[Delivery, ...]) -> None:
    """Let two deliveries of the month be chosen, and show what AWS changed between them."""
    st.subheader(f"{closing_strings.COMPARE}, {chosen.period_name}")
    st.caption(closing_strings.COMPARE_NOTE)
    deliveries = [row for row in of_month if row.status != "rejected" and row.is_billed]
    counts = {key: sum(compared_by(row) == key for row in deliveries) for key in map(compared_by, deliveries)}
    exports_of_month = [key for key, count in counts.items() if count > 1]
    if not exports_of_month:
        st.info(closing_strings.ONLY_ONE)
        return
    pickers = st.columns([3, 3, 3, 1], vertical_alignment="bottom")
    key = pickers[0].selectbox(
        closing_strings.CHOOSE_PAYER, exports_of_month, format_func=" · ".join, key="deliveries_payer"
    )
    rows = [row for row in deliveries if compared_by(row) == key]
    newest_first = sorted(rows, key=lambda row: (row.status == "current", row.landed_at or datetime.min), reverse=True)
    names = {
        row.delivery_id: f"{row.delivery_id} ({strings.of(strings.DELIVERY_STATUSES, row.status)})" for row in rows
    }
    ids = [row.delivery_id for row in newest_first]
    earlier = pickers[1].selectbox(
        closing_strings.EARLIER, ids, index=1, format_func=lambda it: names[it], key="deliveries_earlier"
    )
    later = pickers[2].selectbox(
        closing_strings.LATER, ids, index=0, format_func=lambda it: names[it], key="deliveries_later"
    )
    workspace, period = Workspace.from_environment(), chosen.period.billing_period
    asked = (str(workspace.root), period, key, earlier, later)

    def compare(report: "Report") -> "Comparison":
        from orchestration.reconciliation.restatement import compare_deliveries

        return compare_deliveries(workspace, period, key[0], earlier, later, report)

    if pickers[3].button(closing_strings.COMPARE_BUTTON, key="deliveries_compare", type="primary"):
        st.session_state[_COMPARISON] = (asked, work.start(closing_strings.COMPARING, compare))
    show_result(asked)


def show_result(asked: tuple[object, ...]) -> None:
    """Show what the last comparison found, if it was of these two deliveries."""
    done_for, going_on = st.session_state.get(_COMPARISON, (None, None))
    if going_on is None or done_for != asked:
        return
    comparison: Work[Comparison] = going_on
    if comparison.is_going_on:
        work.show_progress(comparison)
    elif comparison.error is not None:
        work.show_failure(comparison.error)
    elif comparison.result is not None:
        show_changes(comparison.result)


def show_changes(found: "Comparison") -> None:
    """List what changed, the most money first."""
    with st.container(horizontal=True, gap="small", key="comparison_totals"):
        st.metric(closing_strings.BEFORE, money.usd(found.earlier.aws_cost), border=True)
        st.metric(closing_strings.AFTER, money.usd(found.later.aws_cost), border=True)
        st.metric(f"{closing_strings.DIFFERENCE}, USD", money.signed(found.difference), border=True)
        st.metric(closing_strings.ROWS, f"{found.row_difference:+,}", border=True)
    if not found.changes:
        st.success(closing_strings.SAME, icon=":material/check_circle:")
        return
    columns: list[Column[Change]] = [
        Column(closing_strings.ACCOUNT, lambda row: row.sub_account_id, "fixed"),
        Column(strings.SERVICE, lambda row: Cell(row.service_code, detail=row.line_item_type)),
        Column(closing_strings.CHANGE, lambda row: strings.of(closing_strings.KINDS, row.kind)),
        number(
            closing_strings.ROWS,
            lambda row: Cell(money.integer(row.rows_after), detail=f"{money.integer(row.rows_before)} →"),
        ),
        number(closing_strings.BEFORE, lambda row: money.exact(row.aws_cost_before)),
        number(closing_strings.AFTER, lambda row: money.exact(row.aws_cost_after)),
        number(f"{closing_strings.DIFFERENCE}, USD", lambda row: money.exact(row.difference)),
        number(closing_strings.ITEMS, lambda row: money.integer(row.changed_items), closing_strings.ITEMS_HELP),
    ]
    tables.show(found.changes, columns, caption=closing_strings.COMPARE)
    exports.buttons(
        "comparison",
        exports.file_name("restatement", f"{found.billing_period:%Y-%m}", found.payer_account_id),
        [exports.Sheet(closing_strings.CHANGE, lambda: extracts.changes(found.changes))],
        [
            ("Content", closing_strings.COMPARE),
            (closing_strings.EARLIER, found.earlier.delivery_id),
            (closing_strings.LATER, found.later.delivery_id),
        ],
        what=strings.count(len(found.changes), "change", "changes"),
    )


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
    show_comparison(chosen, queries.deliveries(chosen.publication, chosen.period.billing_period))


if __name__ == "__main__":
    main()
