"""What was billed, what AWS charged, and what is left, by group and month.

What is here: the month's headline, what it leaves out, and where it comes from.
When to add here: a total that a finance lead asks for first.
What does not belong here: single charges; those are on the charges page.
"""

from decimal import Decimal

import streamlit as st

from dashboards import queries, strings
from dashboards.components import charts, exports, filters, money, tables
from dashboards.components.filters import Selection
from dashboards.components.tables import Cell, Column
from dashboards.queries import GroupSummary, Headline, MonthTotal

SERVICES_SHOWN = 8
SUMMARY = "rpt_billing_group_summary"


def change(amount: Decimal | None, percentage: Decimal | None, unit: str = "") -> str:
    """Write a change to the month before."""
    if amount is None:
        return strings.NO_MONTH_BEFORE
    text = f"{money.signed(amount)}{unit}"
    return text if percentage is None else f"{text} ({money.percentage(percentage, sign=True)})"


def show_headline(totals: Headline, chosen: Selection) -> None:
    """Draw the four numbers of the month, each with its change to the month before."""
    comments = queries.column_comments(chosen.publication)
    since = f" Change since {strings.month(totals.previous_period)}." if totals.previous_period else ""
    cards = (
        (strings.BILLED, money.usd(totals.billed_cost), "billed_cost",
         change(totals.billed_change, totals.billed_change_percentage), "off"),
        (strings.AWS_COST, money.usd(totals.aws_cost), "aws_cost",
         change(totals.aws_change, totals.aws_change_percentage), "off"),
        (strings.MARGIN, money.usd(totals.margin), "margin", change(totals.margin_change, None), "normal"),
        (strings.MARGIN_PERCENTAGE, money.percentage(totals.margin_percentage), "margin_percentage",
         change(totals.margin_points_change, None, " points"), "normal"),
    )  # fmt: skip
    with st.container(horizontal=True, gap="small", key="headline"):
        for label, value, column, delta, colour in cards:
            known = totals.previous_period is not None
            st.metric(
                label,
                value if column == "margin_percentage" else money.with_code("USD", value),
                delta,
                delta_color="normal" if known and colour == "normal" else "off",
                delta_arrow="auto" if known else "off",
                border=True,
                help=comments.get(f"{SUMMARY}.{column}", "") + since or None,
            )


def show_notices(totals: Headline, chosen: Selection) -> None:
    """Name the money that is on no invoice, if there is any."""
    link = f"[{strings.SEE_PROBLEMS}]({filters.address(strings.QUALITY, chosen)})"
    for amount, text in (
        (totals.unassigned_aws_cost, strings.UNASSIGNED_NOTICE),
        (totals.unrated_aws_cost, strings.UNRATED_NOTICE),
    ):
        if amount:
            st.warning(
                f"**{money.with_code('USD', money.usd(amount))}** {text} {link}",
                icon=":material/priority_high:",
            )


def show_groups(groups: tuple[GroupSummary, ...], totals: Headline, chosen: Selection) -> None:
    """List the groups of the month with their total."""
    comments = queries.column_comments(chosen.publication)

    def named(group: GroupSummary) -> Cell:
        href = filters.address(strings.CHARGES, chosen, group=group.billing_group_id)
        return Cell(group.billing_group_name, detail=group.billing_group_id, href=href)

    def margin(amount: Decimal | None, text: str) -> Cell:
        return Cell(text, tone="bad" if amount is not None and amount < 0 else "")

    columns = [
        Column[GroupSummary](strings.GROUP, named),
        Column(strings.BILLED, lambda row: money.usd(row.billed_cost), True, comments.get(f"{SUMMARY}.billed_cost", "")),
        Column(strings.AWS_COST, lambda row: money.usd(row.aws_cost), True, comments.get(f"{SUMMARY}.aws_cost", "")),
        Column(strings.MARGIN, lambda row: margin(row.margin, money.usd(row.margin)), True,
               comments.get(f"{SUMMARY}.margin", "")),
        Column(strings.MARGIN_PERCENTAGE, lambda row: margin(row.margin, money.percentage(row.margin_percentage)), True,
               comments.get(f"{SUMMARY}.margin_percentage", "")),
        Column(strings.WITHHELD, lambda row: money.usd(row.withheld_aws_cost), True,
               comments.get(f"{SUMMARY}.withheld_aws_cost", "")),
        Column(strings.UNRATED, lambda row: money.usd(row.unrated_aws_cost), True,
               comments.get(f"{SUMMARY}.unrated_aws_cost", "")),
    ]  # fmt: skip
    foot = [
        strings.TOTAL, money.usd(totals.billed_cost), money.usd(totals.aws_cost), money.usd(totals.margin),
        money.percentage(totals.margin_percentage), money.usd(totals.withheld_aws_cost),
        money.usd(totals.unrated_aws_cost),
    ]  # fmt: skip
    st.subheader(strings.BY_GROUP)
    tables.show(groups, columns, caption=f"{strings.BY_GROUP}, {chosen.period_name}", totals=[foot])


def show_months(months: tuple[MonthTotal, ...]) -> None:
    """List the months, newest first."""

    def named(row: MonthTotal) -> Cell:
        return Cell(strings.month(row.billing_period), detail="" if row.is_final else strings.NOT_FINAL)

    columns = [
        Column[MonthTotal](strings.PERIOD, named),
        Column(strings.LIST_COST, lambda row: money.usd(row.list_cost), True),
        Column(strings.BILLED, lambda row: money.usd(row.billed_cost), True),
        Column(strings.AWS_COST, lambda row: money.usd(row.aws_cost), True),
        Column(strings.MARGIN, lambda row: money.usd(row.margin), True),
        Column(strings.MARGIN_PERCENTAGE, lambda row: money.percentage(row.margin_percentage), True),
    ]
    st.subheader(strings.BY_MONTH)
    tables.show(months[::-1], columns, caption=strings.BY_MONTH)


def main() -> None:
    """Draw the page."""
    chosen = filters.selection()
    publication, period = chosen.publication, chosen.period.billing_period
    totals = queries.headline(publication, period, chosen.group_id)
    if totals is None:
        st.info(strings.NOTHING_IN_PERIOD)
        return
    groups = queries.group_summaries(publication, period, chosen.group_id)
    months = queries.month_totals(publication, period, chosen.group_id)
    services = queries.service_totals(publication, period, chosen.group_id, SERVICES_SHOWN)

    show_headline(totals, chosen)
    show_notices(totals, chosen)
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch"):
        st.subheader(strings.BILLED_AND_AWS)
        charts.billed_and_aws_by_month(months)
    with right, st.container(border=True, height="stretch"):
        st.subheader(strings.MARGIN_BY_GROUP)
        charts.margin_by_group(groups)
    show_groups(groups, totals, chosen)
    exports.buttons(
        "overview",
        exports.file_name("summary", chosen.group_name),
        [
            exports.Sheet(
                "Summary", lambda: queries.extract_group_summaries(chosen.publication, chosen.group_id)
            )
        ],
        [("Content", "Every billing group and month, USD, without tax"), (strings.GROUP, chosen.group_name)],
        what="every group and month",
    )
    left, right = st.columns(2, gap="medium")
    with left:
        show_months(months)
    with right, st.container(border=True):
        st.subheader(strings.TOP_SERVICES)
        charts.top_services(services)
    st.caption(strings.WITHOUT_TAX)


if __name__ == "__main__":
    main()
