"""The charts of the pages.

What is here: turning records into pictures. Bars need numbers to be drawn with, and a picture is exact to a pixel at
most, so this is the one module that makes floats of money. They reach no text: labels and tooltips are exact texts.
When to add here: another picture.
What does not belong here: amounts that are read; those are texts from ``money.py``.
"""

from collections.abc import Sequence
from decimal import Decimal

import altair as alt
import streamlit as st

from dashboards import strings
from dashboards.components import money
from dashboards.queries import GroupSummary, MonthTotal, ServiceTotal

__all__ = ["billed_and_aws_by_month", "margin_by_group", "top_services"]

BILLED_COLOUR = "#0b6e63"
AWS_COLOUR = "#a9b9bf"
LOSS_COLOUR = "#b4472f"
INK, FAINT, RULE = "#1b2a2f", "#5d6d72", "#e6ecea"
BAR_ROW = 34


def _pixels(amount: Decimal) -> float:
    """A bar's length: rounding here is far below a pixel, and nothing is computed from it."""
    return float(amount)


def _draw(chart: alt.Chart | alt.LayerChart, key: str) -> None:
    styled = (
        chart.configure_view(stroke=None)
        .configure_axis(
            labelColor=FAINT, titleColor=FAINT, gridColor=RULE, domainColor=RULE, tickColor=RULE, labelFontSize=12,
            titleFontSize=12, titleFontWeight="normal",
        )
        .configure_legend(labelColor=INK, labelFontSize=12, title=None, orient="top", symbolType="square", offset=4)
    )  # fmt: skip
    st.altair_chart(styled, width="stretch", theme=None, key=key)


def billed_and_aws_by_month(months: Sequence[MonthTotal]) -> None:
    """Draw billed beside AWS cost for each month."""
    bars = [
        {
            "month": strings.short_month(month.billing_period) + ("" if month.is_final else " *"),
            "kind": kind,
            "length": _pixels(amount),
            "text": money.with_code("USD", money.usd(amount)),
            "state": strings.FINAL if month.is_final else strings.NOT_FINAL,
        }
        for month in months
        for kind, amount in ((strings.BILLED, month.billed_cost), (strings.AWS_COST, month.aws_cost))
    ]
    order = list(dict.fromkeys(str(bar["month"]) for bar in bars))
    kinds = [strings.BILLED, strings.AWS_COST]
    chart = (
        alt.Chart(alt.InlineData(values=bars))
        .mark_bar(cornerRadiusTopLeft=3, cornerRadiusTopRight=3)
        .encode(
            x=alt.X("month:N", sort=order, title=None, axis=alt.Axis(labelAngle=0, ticks=False), scale=alt.Scale(paddingInner=0.35, paddingOuter=0.25)),
            xOffset=alt.XOffset("kind:N", sort=kinds, scale=alt.Scale(paddingInner=0.08)),
            y=alt.Y("length:Q", title="USD", axis=alt.Axis(format="~s", tickCount=5, domain=False, ticks=False)),
            color=alt.Color("kind:N", sort=kinds, scale=alt.Scale(domain=kinds, range=[BILLED_COLOUR, AWS_COLOUR])),
            tooltip=[
                alt.Tooltip("month:N", title=strings.PERIOD),
                alt.Tooltip("kind:N", title=" "),
                alt.Tooltip("text:N", title="Amount"),
                alt.Tooltip("state:N", title=strings.STATE),
            ],
        )
        .properties(height=280, description=strings.BILLED_AND_AWS)
    )  # fmt: skip
    _draw(chart, "chart_months")


def _labelled_bars(bars: list[dict[str, object]], description: str, key: str, *, colour: str) -> None:
    """Draw horizontal bars with their exact amount at the end, the first record on top."""
    order = [str(bar["name"]) for bar in bars]
    widest = max((abs(float(str(bar["length"]))) for bar in bars), default=1.0) or 1.0
    lowest = min((float(str(bar["length"])) for bar in bars), default=0.0)
    # Room for the text at the end of the longest bar.
    domain = [min(0.0, lowest - widest * 0.45), widest * 1.45]
    base = alt.Chart(alt.InlineData(values=bars)).encode(
        y=alt.Y("name:N", sort=order, title=None, axis=alt.Axis(labelLimit=210, domain=False, ticks=False, labelPadding=8, labelColor=INK)),
        x=alt.X("length:Q", title=None, axis=None, scale=alt.Scale(domain=domain, nice=False)),
        tooltip=[alt.Tooltip("name:N", title=" "), alt.Tooltip("text:N", title="USD")],
    )  # fmt: skip
    marks = base.mark_bar(cornerRadiusEnd=3, height=18).encode(
        color=alt.condition("datum.length < 0", alt.value(LOSS_COLOUR), alt.value(colour))
    )
    positive = base.transform_filter("datum.length >= 0").mark_text(align="left", dx=6, color=INK, fontSize=12)
    negative = base.transform_filter("datum.length < 0").mark_text(align="right", dx=-6, color=INK, fontSize=12)
    chart = alt.layer(marks, positive.encode(text="text:N"), negative.encode(text="text:N")).properties(
        height=BAR_ROW * max(len(bars), 1), description=description
    )
    _draw(chart, key)


def margin_by_group(groups: Sequence[GroupSummary]) -> None:
    """Draw each group's margin, losses in another colour."""
    bars: list[dict[str, object]] = [
        {"name": group.billing_group_name, "length": _pixels(group.margin), "text": money.usd(group.margin)}
        for group in groups
    ]
    _labelled_bars(bars, strings.MARGIN_BY_GROUP, "chart_margins", colour=BILLED_COLOUR)


def top_services(services: Sequence[ServiceTotal]) -> None:
    """Draw what was billed for each service."""
    bars: list[dict[str, object]] = [
        {
            "name": strings.OTHER_SERVICES if service.service_code is None else service.service_name,
            "length": _pixels(service.billed_cost),
            "text": money.usd(service.billed_cost),
        }
        for service in services
    ]
    _labelled_bars(bars, strings.TOP_SERVICES, "chart_services", colour=BILLED_COLOUR)
