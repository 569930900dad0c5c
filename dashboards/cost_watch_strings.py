"""The words of the pages about budgets and anomalies of cost.

What is here: titles, columns, states and explanations of these pages.
When to add here: a text one of them shows.
What does not belong here: words that other pages show too (``strings.py``).
"""

from datetime import date
from typing import Final

from dashboards import strings

BUDGETS: Final = "Budgets"
BUDGET: Final = "Budget"
BUDGETED: Final = "Budgeted"
SPENT: Final = "Spent"
LEFT: Final = "Left"
FORECAST: Final = "Forecast"
THRESHOLDS: Final = "Thresholds"
NO_BUDGETS: Final = "No budget is in force in this month. Budgets stand in budgets.csv of the billing configuration."
BUDGET_CAPTION: Final = (
    "The forecast of a month that is not over takes each day to come to cost what the same weekday did on average in the "
    "last 28 days; fees, credits and charges of the group stay as they are. Amounts are converted as a whole and rounded "
    "once, an invoice line by line: cents may differ from the invoice."
)
NO_THRESHOLD: Final = "none reached"
MONTH_COMPLETE: Final = "month complete"
TOO_EARLY: Final = "too early to say"

BASES: Final = {"billed": "Billed cost", "aws_cost": "AWS cost"}
STATES: Final = {
    "exceeded": "Exceeded",
    "forecast_exceeded": "Forecast to exceed",
    "threshold_reached": "Threshold reached",
    "within": "Within",
    "missing_fx_rate": "Exchange rate missing",
}


def delivered_through(day: date) -> str:
    """Say how far AWS has delivered."""
    return f"delivered up to {strings.day(day)}"


def reached(thresholds: str) -> str:
    """Say which thresholds are reached: ``80 %, 100 % reached``."""
    return f"{', '.join(f'{threshold} %' for threshold in thresholds.split('|'))} reached" if thresholds else ""
