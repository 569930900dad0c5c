"""What was billed, what AWS charged, and what is left, by group and month.

What is here: the month's headline, what it leaves out, and where it comes from.
When to add here: a total that a finance lead asks for first.
What does not belong here: single charges; those are on the charges page.
"""

from decimal import Decimal

import streamlit as st

from dashboards import extracts, queries, strings
from dashboards.components import charts, exports, filters, money, tables
from dashboards.components.filters import Selection
from dashboards.components.tables import Cell, Column, number
from dashboards.queries import GroupSummary, Headline, MarginPart, MonthTotal

SERVICES_SHOWN = 8


def change(amount: Decimal | None, percentage: Decimal | None, unit: str = "") -> str:
    """Write a change to the month before."""
    if amount is None:
        return strings.NO_MONTH_BEFORE
    text = f"{money.signed(amount)}{unit}"
    return text if percentage is None else f"{text} ({money.percentage(percentage, sign=True)})"


def show_headline(totals: Headline, chosen: Selection) -> None:
    """Draw the four numbers of the month, each with its change to the month before."""
    before = totals.previous_period
    since = "" if before is None else f" vs {strings.short_month(before)}"
    billed = change(totals.billed_change, totals.billed_change_percentage)
    aws = change(totals.aws_change, totals.aws_change_percentage)
    margin = change(totals.margin_change, None)
    points = change(totals.margin_points_change, None, " points")
    cards = (
        (strings.BILLED, money.with_code("USD", money.usd(totals.billed_cost)), billed, "billed_cost", False),
        (strings.AWS_COST, money.with_code("USD", money.usd(totals.aws_cost)), aws, "aws_cost", False),
        (strings.MARGIN, money.with_code("USD", money.usd(totals.margin)), margin, "margin", True),
        (
            strings.MARGIN_PERCENTAGE,
            money.percentage(totals.margin_percentage),
            points,
            "margin_percentage",
            True,
        ),
    )
    with st.container(horizontal=True, gap="small", key="headline"):
        for label, value, delta, column, more_is_better in cards:
            st.metric(
                label,
                value,
                delta + since,
                delta_color="normal" if more_is_better and before is not None else "off",
                delta_arrow="off" if before is None else "auto",
                border=True,
                help=queries.meaning(chosen.publication, f"rpt_billing_group_summary.{column}") or None,
            )
    st.caption(strings.WITHOUT_TAX)


def show_notices(totals: Headline, chosen: Selection) -> None:
    """Name the money that is on no invoice, if there is any."""
    notices = [
        f"**{money.with_code('USD', money.usd(amount))}** {text}"
        for amount, text in (
            (totals.unassigned_aws_cost, strings.UNASSIGNED_NOTICE),
            (totals.unrated_aws_cost, strings.UNRATED_NOTICE),
        )
        if amount
    ]
    if notices:
        link = f"[{strings.SEE_PROBLEMS}]({filters.address(strings.QUALITY, chosen)})"
        st.warning("  \n".join([*notices, link]), icon=":material/error:")


def show_groups(groups: tuple[GroupSummary, ...], totals: Headline, chosen: Selection) -> None:
    """List the groups of the month with their total."""

    def meaning(column: str) -> str:
        return queries.meaning(chosen.publication, f"rpt_billing_group_summary.{column}")

    def named(row: GroupSummary) -> Cell:
        href = filters.address(strings.CHARGES, chosen, group=row.billing_group_id)
        return Cell(row.billing_group_name, detail=row.billing_group_id, href=href)

    def toned(row: GroupSummary, text: str) -> Cell:
        return Cell(text, tone="bad" if row.margin < 0 else "")

    # Two columns more than a small screen has room for, so only in months that have such charges.
    with_group_charges = any(row.group_charges for row in groups)
    with_credits = any(row.customer_credits for row in groups)
    credits: list[Column[GroupSummary]] = [
        number(strings.CREDIT_TOTAL, lambda row: money.usd(row.customer_credits), meaning("customer_credits"))
    ]
    parts: list[Column[GroupSummary]] = [
        number(strings.RATED_CHARGES, lambda row: money.usd(row.rated_charges), meaning("rated_charges")),
        number(strings.GROUP_CHARGES, lambda row: money.usd(row.group_charges), meaning("group_charges")),
    ]
    columns: list[Column[GroupSummary]] = [
        Column(strings.GROUP, named),
        *(parts if with_group_charges else []),
        number(strings.BILLED, lambda row: money.usd(row.billed_cost), meaning("billed_cost")),
        *(credits if with_credits else []),
        number(strings.AWS_COST, lambda row: money.usd(row.aws_cost), meaning("aws_cost")),
        number(strings.MARGIN, lambda row: toned(row, money.usd(row.margin)), meaning("margin")),
        number(
            strings.MARGIN_PERCENTAGE,
            lambda row: toned(row, money.percentage(row.margin_percentage)),
            meaning("margin_percentage"),
        ),
        number(strings.WITHHELD, lambda row: money.usd(row.withheld_aws_cost), meaning("withheld_aws_cost")),
        number(strings.UNRATED, lambda row: money.usd(row.unrated_aws_cost), meaning("unrated_aws_cost")),
    ]
    foot = [
        strings.TOTAL,
        *([money.usd(totals.rated_charges), money.usd(totals.group_charges)] if with_group_charges else []),
        money.usd(totals.billed_cost),
        *([money.usd(totals.customer_credits)] if with_credits else []),
        money.usd(totals.aws_cost),
        money.usd(totals.margin),
        money.percentage(totals.margin_percentage),
        money.usd(totals.withheld_aws_cost),
        money.usd(totals.unrated_aws_cost),
    ]
    st.subheader(strings.BY_GROUP)
    tables.show(groups, columns, caption=f"{strings.BY_GROUP}, {chosen.period_name}", totals=[foot])
    exports.buttons(
        "overview",
        exports.file_name("summary", chosen.group_name),
        [
            exports.Sheet("Summary", lambda: extracts.group_summaries(chosen.publication, chosen.group_id)),
            exports.Sheet("Margin", lambda: extracts.margin_parts(chosen.publication, chosen.group_id)),
        ],
        [("Content", "Every billing group and month, USD, without tax"), (strings.GROUP, chosen.group_name)],
        what="every group and month",
    )


def show_margin_parts(parts: tuple[MarginPart, ...], totals: Headline) -> None:
    """List what the margin is made of (X3); the parts sum to it exactly."""

    def named(row: MarginPart) -> Cell:
        words, meaning = strings.MARGIN_PART_NAMES[row.component]
        return Cell(words, detail=meaning)

    def toned(row: MarginPart) -> Cell:
        return Cell(money.usd(row.amount), tone="bad" if row.amount < 0 else "")

    columns: list[Column[MarginPart]] = [
        Column(strings.MARGIN_PART, named, "wide"),
        number(strings.MARGIN_PART_AMOUNT, toned),
    ]
    st.subheader(strings.MARGIN_PARTS)
    tables.show(parts, columns, caption=strings.MARGIN_PARTS, totals=[[strings.TOTAL, money.usd(totals.margin)]])


def show_months(months: tuple[MonthTotal, ...]) -> None:
    """List the months, newest first."""

    def named(row: MonthTotal) -> Cell:
        return Cell(strings.short_month(row.billing_period), detail="" if row.is_final else strings.NOT_FINAL)

    columns: list[Column[MonthTotal]] = [
        Column(strings.PERIOD, named, "fixed"),
        number(strings.BILLED, lambda row: money.usd(row.billed_cost)),
        number(strings.AWS_COST, lambda row: money.usd(row.aws_cost)),
        number(strings.MARGIN, lambda row: money.usd(row.margin)),
        number(strings.MARGIN_PERCENTAGE, lambda row: money.percentage(row.margin_percentage)),
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
    with st.container(horizontal=True, gap="medium", key="charts"):
        with st.container(border=True, height="stretch"):
            st.subheader(strings.BILLED_AND_AWS)
            charts.billed_and_aws_by_month(months)
            if not all(month.is_final for month in months):
                st.caption(strings.NOT_FINAL_MARK)
        with st.container(border=True, height="stretch"):
            st.subheader(strings.MARGIN_BY_GROUP)
            charts.margin_by_group(groups)
    show_groups(groups, totals, chosen)
    with st.container(horizontal=True, gap="medium", key="details"):
        with st.container(border=True, height="stretch"):
            st.subheader(strings.WHAT_WAS_BILLED)
            charts.what_was_billed(services)
            st.caption(strings.adds_up_to(money.with_code("USD", money.usd(totals.billed_cost))))
        with st.container():
            show_months(months)
            show_margin_parts(queries.margin_parts(publication, period, chosen.group_id), totals)


if __name__ == "__main__":
    main()
