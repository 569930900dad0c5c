"""Budgets of a month: what was spent of them, what the month is forecast to end at, which thresholds are reached.

What is here: the list of budgets.
When to add here: something else that is known about a budget.
What does not belong here: changing one; budgets stand in the billing configuration.
"""

import streamlit as st

from dashboards import cost_watch_queries, extracts, queries, strings
from dashboards import cost_watch_strings as words
from dashboards.components import exports, filters, money, tables
from dashboards.components.tables import Cell, Column, Tone, number
from dashboards.cost_watch_queries import Budget

STATE_TONES: dict[str, Tone] = {
    "exceeded": "bad",
    "forecast_exceeded": "warning",
    "threshold_reached": "warning",
    "within": "good",
    "missing_fx_rate": "bad",
}


def spent(row: Budget) -> Cell:
    """Write what was spent, with a bar as long as its share of the budget."""
    return Cell(
        money.document(row.actual_amount, row.minor_units),
        detail="" if row.actual_percentage is None else money.percentage(row.actual_percentage),
        percentage=row.actual_percentage,
    )


def forecast(row: Budget) -> Cell:
    """Write the forecast of an open month, and how far AWS has delivered."""
    if not row.is_open or row.delivered_through is None:
        return Cell(money.MISSING, detail=words.MONTH_COMPLETE)
    delivered = words.delivered_through(row.delivered_through)
    if row.forecast_amount is None:
        return Cell(words.TOO_EARLY, detail=delivered)
    return Cell(
        money.document(row.forecast_amount, row.minor_units),
        detail=" · ".join(filter(None, (money.percentage(row.forecast_percentage), delivered))),
        tone="bad" if row.state in ("exceeded", "forecast_exceeded") else "",
    )


def main() -> None:
    """Draw the page."""
    chosen = filters.selection()
    found = cost_watch_queries.budgets(chosen.publication, chosen.period.billing_period, chosen.group_id)
    if not found:
        st.info(words.NO_BUDGETS)
        return

    def meaning(column: str) -> str:
        return queries.meaning(chosen.publication, f"fct_budgets.{column}")

    def left(row: Budget) -> Cell:
        over = row.remaining_amount is not None and row.remaining_amount < 0
        return Cell(money.document(row.remaining_amount, row.minor_units), tone="bad" if over else "")

    def thresholds(row: Budget) -> Cell:
        return Cell(
            words.reached(row.reached_thresholds) or words.NO_THRESHOLD, detail=words.of_thresholds(row.thresholds)
        )

    def state(row: Budget) -> Cell:
        return Cell(strings.of(words.STATES, row.state), tone=STATE_TONES[row.state], badge=True)

    columns: list[Column[Budget]] = [
        Column(words.BUDGET, lambda row: Cell(row.budget_id, detail=strings.of(words.BASES, row.basis)), "wide"),
        Column(strings.GROUP, lambda row: Cell(row.billing_group_name, detail=row.billing_group_id)),
        Column(strings.STATE, state, help=meaning("state")),
        Column(strings.CURRENCY, lambda row: row.currency),
        number(words.BUDGETED, lambda row: money.document(row.budget_amount, row.minor_units)),
        number(words.SPENT, spent, meaning("actual_amount")),
        number(words.LEFT, left, meaning("remaining_amount")),
        number(words.FORECAST, forecast, meaning("forecast_amount")),
        Column(words.THRESHOLDS, thresholds, help=meaning("reached_thresholds")),
    ]
    tables.show(found, columns, caption=f"{words.BUDGETS}, {chosen.period_name}")
    st.caption(words.BUDGET_CAPTION)
    exports.buttons(
        "budgets",
        exports.file_name("budgets", chosen.group_id or ""),
        [exports.Sheet(words.BUDGETS, lambda: extracts.budgets(chosen.publication, chosen.group_id))],
        [("Content", "Every budget and month"), (strings.GROUP, chosen.group_name)],
        what="every budget and month",
    )


if __name__ == "__main__":
    main()
