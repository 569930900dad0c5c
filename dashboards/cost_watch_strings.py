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
    "In the forecast of a month that is not over, each day to come costs what the same weekday did on average in the "
    "last 28 days; fees, credits and charges of the group stay as they are. Amounts are converted as a whole and "
    "rounded once, an invoice line by line: cents may differ from the invoice."
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

ANOMALIES: Final = "Anomalies"
DAYS: Final = "Days"
COST: Final = "Cost, USD"
USUAL_COST: Final = "Usually, USD"
IMPACT: Final = "Difference, USD"
CAUSE: Final = "What moved most"
CAUSES: Final = "what moved"
NO_REGION: Final = "no region"
DIRECTIONS: Final = {"rise": "More than usual", "drop": "Less than usual"}
NO_ANOMALIES: Final = "No service cost far more or less than usual in this month."
NOT_LOOKED_THROUGH: Final = "This month was not looked through for anomalies yet. The next run does."


def delivered_through(day: date) -> str:
    """Say how far AWS has delivered."""
    return f"delivered up to {strings.day(day)}"


def reached(thresholds: str) -> str:
    """Say which thresholds are reached: ``80 %, 100 % reached``."""
    return f"{', '.join(f'{threshold} %' for threshold in thresholds.split('|'))} reached" if thresholds else ""


def of_thresholds(thresholds: str) -> str:
    """Name all thresholds: ``of 80 %, 100 %``."""
    return f"of {', '.join(f'{threshold} %' for threshold in thresholds.split('|'))}" if thresholds else ""


def too_little_history(days: int, needed: int) -> str:
    """Say that nothing can be judged yet."""
    return (
        f"There are {days} days before this month. Its first days cannot be judged: what is usual takes {needed} days."
    )


def days(start: date, end: date) -> str:
    """Name a range of days: ``3 Oct 2025`` or ``3 Oct 2025 to 5 Oct 2025``."""
    return strings.day(start) if start == end else f"{strings.day(start)} to {strings.day(end)}"


def anomaly_caption(weeks: int, impact: str, percentage: str) -> str:
    """Say what a day is compared with, and when it counts."""
    return (
        "AWS's cost of usage measured by the hour or day, compared with the same weekday of the "
        f"{weeks} weeks before; fees, support and subscriptions are left out. A day counts when it differs by at least "
        f"USD {impact} and {percentage} %, and stands out of the usual ups and downs."
    )
