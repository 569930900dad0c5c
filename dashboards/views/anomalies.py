"""Anomalies of cost: days on which a service of a group cost far more or less than usual, and what moved.

What is here: the anomalies of the month, each with its causes.
When to add here: something else that is known about an anomaly.
What does not belong here: deciding what is unusual; the run does.
"""

from collections import defaultdict

import streamlit as st

from dashboards import cost_watch_queries, extracts, queries, strings
from dashboards import cost_watch_strings as words
from dashboards.components import exports, filters, money, tables
from dashboards.components.tables import Cell, Column, number
from dashboards.cost_watch_queries import Anomaly, AnomalyCause
from orchestration.anomalies.detector import SENSITIVITY

CAPTION = words.anomaly_caption(
    SENSITIVITY.weeks, money.quantity(SENSITIVITY.minimum_impact), money.quantity(SENSITIVITY.minimum_percentage)
)


def cause_text(cause: AnomalyCause) -> str:
    """Name what moved: account, usage type, region."""
    account = f"{cause.account_name} ({cause.sub_account_id})" if cause.account_name else cause.sub_account_id
    return f"{account} · {cause.usage_type} · {cause.region_id or words.NO_REGION}"


def main() -> None:
    """Draw the page."""
    chosen = filters.selection()
    period = chosen.period.billing_period
    days_before = cost_watch_queries.history_days(chosen.publication, period)
    found = cost_watch_queries.anomalies(chosen.publication, period, chosen.group_id)
    if days_before is None:
        st.info(words.NOT_LOOKED_THROUGH)
        return
    if days_before < SENSITIVITY.history_days:
        st.info(words.too_little_history(days_before, SENSITIVITY.history_days))
    if not found:
        st.success(words.NO_ANOMALIES, icon=":material/check_circle:")
        st.caption(CAPTION)
        return
    causes: dict[int, list[AnomalyCause]] = defaultdict(list)
    for one in cost_watch_queries.anomaly_causes(chosen.publication, period):
        causes[one.anomaly_number].append(one)

    def meaning(column: str) -> str:
        return queries.meaning(chosen.publication, f"fct_cost_anomalies.{column}")

    def service(row: Anomaly) -> Cell:
        href = filters.address(
            strings.CHARGES, chosen, group=row.billing_group_id, service=[row.service_name or row.service_code]
        )
        return Cell(row.service_name or row.service_code, detail=row.billing_group_name, href=href)

    def impact(row: Anomaly) -> Cell:
        return Cell(
            money.signed(row.impact),
            detail=strings.of(words.DIRECTIONS, row.direction),
            tone="bad" if row.direction == "rise" else "warning",
        )

    def cause(row: Anomaly) -> Cell:
        moved = causes[row.anomaly_number]
        if not moved:
            return Cell(money.MISSING)
        return Cell(
            cause_text(moved[0]),
            detail=money.with_code("USD", money.signed(moved[0].impact)),
            more=[(cause_text(one), money.with_code("USD", money.signed(one.impact))) for one in moved],
            more_label=words.CAUSES,
        )

    columns: list[Column[Anomaly]] = [
        Column(words.DAYS, lambda row: words.days(row.start_date, row.end_date), "fixed"),
        Column(strings.SERVICE, service),
        number(words.COST, lambda row: money.usd(row.aws_cost), meaning("aws_cost")),
        number(words.USUAL_COST, lambda row: money.usd(row.usual_cost), meaning("usual_cost")),
        number(words.IMPACT, impact, meaning("impact")),
        Column(words.CAUSE, cause, "wide"),
    ]
    tables.show(found, columns, caption=f"{words.ANOMALIES}, {chosen.period_name}")
    st.caption(CAPTION)
    exports.buttons(
        "anomalies",
        exports.file_name("anomalies", chosen.group_id or ""),
        [exports.Sheet(words.ANOMALIES, lambda: extracts.cost_anomalies(chosen.publication, chosen.group_id))],
        [("Content", "Every anomaly of cost with what moved"), (strings.GROUP, chosen.group_name)],
        what="every anomaly with its causes",
    )


if __name__ == "__main__":
    main()
