"""The charts of the pages.

What is here: turning records into pictures. Bars need numbers to be drawn with, and a picture is exact to a
pixel at most, so this is the one module that makes floats of money. They reach no text: labels and tooltips
are exact texts.
When to add here: another picture.
What does not belong here: amounts that are read; those are texts from ``money.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import altair as alt
import streamlit as st

from dashboards import strings
from dashboards.components import money
from dashboards.components.filters import labels
from dashboards.queries import GroupSummary, MonthTotal, ServiceTotal

__all__ = ["billed_and_aws_by_month", "margin_by_group", "what_was_billed"]

BILLED_COLOUR = "#0b6e63"
AWS_COLOUR = "#a9b9bf"
LOSS_COLOUR = "#b4472f"
INK, FAINT, RULE = "#1b2a2f", "#5d6d72", "#e6ecea"
# Streamlit serves this font itself.
FONT = '"Source Sans", sans-serif'

# Pixels.
MONTHS_HEIGHT = 240
BAR_ROW = 32
AMOUNT_ROOM = 92


@dataclass(frozen=True)
class Bar:
    """A horizontal bar: what it stands for, and its amount in USD."""

    name: str
    amount: Decimal


def _pixels(amount: Decimal) -> float:
    """A bar's length: rounding here is far below a pixel, and nothing is computed from it."""
    return float(amount)


def _draw(chart: alt.Chart | alt.LayerChart | alt.FacetChart, key: str) -> None:
    styled = (
        chart.configure(font=FONT, padding={"left": 2, "right": 2, "top": 6, "bottom": 2})
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=FAINT,
            titleColor=FAINT,
            gridColor=RULE,
            domainColor=RULE,
            tickColor=RULE,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
        )
        .configure_legend(labelColor=INK, labelFontSize=12, title=None, orient="top", symbolType="square")
    )
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
    colours = alt.Scale(domain=kinds, range=[BILLED_COLOUR, AWS_COLOUR])
    chart = (
        alt.Chart(alt.InlineData(values=bars))
        .mark_bar(cornerRadiusTopLeft=3, cornerRadiusTopRight=3)
        .encode(
            x=alt.X(
                "month:N",
                sort=order,
                title=None,
                axis=alt.Axis(labelAngle=0, ticks=False, labelPadding=7, labelOverlap="greedy"),
                scale=alt.Scale(paddingInner=0.35, paddingOuter=0.25),
            ),
            xOffset=alt.XOffset("kind:N", sort=kinds, scale=alt.Scale(paddingInner=0.08)),
            y=alt.Y(
                "length:Q",
                title="USD",
                axis=alt.Axis(format=",.0f", tickCount=5, domain=False, ticks=False),
            ),
            color=alt.Color("kind:N", sort=kinds, scale=colours),
            tooltip=[
                alt.Tooltip("month:N", title=strings.PERIOD),
                alt.Tooltip("kind:N", title="Amount"),
                alt.Tooltip("text:N", title="Exact"),
                alt.Tooltip("state:N", title=strings.STATE),
            ],
        )
        .properties(height=MONTHS_HEIGHT, description=strings.BILLED_AND_AWS)
    )
    _draw(chart, "chart_months")


def _labelled_bars(bars: Sequence[Bar], description: str, key: str) -> None:
    """Draw horizontal bars, the first record on top, their amounts in a column at the right edge."""
    order = [bar.name for bar in bars]
    values = [{"name": bar.name, "length": _pixels(bar.amount), "text": money.usd(bar.amount)} for bar in bars]
    base = alt.Chart(alt.InlineData(values=values)).encode(
        y=alt.Y(
            "name:N",
            sort=order,
            title=None,
            axis=alt.Axis(labelLimit=190, domain=False, ticks=False, labelPadding=8, labelColor=INK),
        ),
        tooltip=[alt.Tooltip("name:N", title=" "), alt.Tooltip("text:N", title="USD")],
    )
    marks = base.mark_bar(cornerRadiusEnd=3, height=16).encode(
        x=alt.X(
            "length:Q",
            title=None,
            axis=None,
            # The right edge belongs to the amounts, however narrow the page is.
            scale=alt.Scale(nice=False, zero=True, range=[0, {"expr": f"max(width - {AMOUNT_ROOM}, 20)"}]),
        ),
        color=alt.condition("datum.length < 0", alt.value(LOSS_COLOUR), alt.value(BILLED_COLOUR)),
    )
    amounts = base.mark_text(align="right", color=INK, fontSize=12).encode(
        x=alt.value({"expr": "width"}), text="text:N"
    )
    chart = alt.layer(marks, amounts).properties(height=BAR_ROW * max(len(bars), 1), description=description)
    _draw(chart, key)


def margin_by_group(groups: Sequence[GroupSummary]) -> None:
    """Draw each group's margin, losses in another colour."""
    names = labels({group.billing_group_id: group.billing_group_name for group in groups})
    bars = [Bar(names[group.billing_group_id], group.margin) for group in groups]
    _labelled_bars(bars, strings.MARGIN_BY_GROUP, "chart_margins")


def what_was_billed(services: Sequence[ServiceTotal]) -> None:
    """Draw what was billed for each service, and for the group as a whole."""
    # Two products may bear one name; as one bar they would hide each other.
    names = labels(
        {service.service_code: service.service_name for service in services if service.service_code is not None}
    )

    def name(service: ServiceTotal) -> str:
        if service.group_charge_kind:
            return strings.of(strings.GROUP_CHARGE_KINDS, service.group_charge_kind)
        return names.get(service.service_code or "", strings.OTHER_SERVICES)

    bars = [Bar(name(service), service.billed_cost) for service in services]
    _labelled_bars(bars, strings.WHAT_WAS_BILLED, "chart_services")
