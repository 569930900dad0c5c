"""Questions about budgets and anomalies of cost, put to the published file.

What is here: one named function for one SELECT, and the record its rows come as.
When to add here: something new that these pages show.
What does not belong here: downloads (``extracts.py``); formatting, and arithmetic on money.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dashboards.publication import Publication
from dashboards.queries import ACCOUNT_NAMES, cached, fetch

__all__ = [
    "Anomaly",
    "AnomalyCause",
    "Budget",
    "anomalies",
    "anomaly_causes",
    "budgets",
    "history_days",
]


@dataclass(frozen=True)
class Budget:
    """A budget in one month; amounts are in its currency."""

    budget_id: str
    billing_group_id: str
    billing_group_name: str
    basis: str
    currency: str
    minor_units: int
    budget_amount: Decimal
    actual_amount: Decimal | None
    remaining_amount: Decimal | None
    actual_percentage: Decimal | None
    is_open: bool
    delivered_through: date | None
    forecast_amount: Decimal | None
    forecast_percentage: Decimal | None
    thresholds: str
    reached_thresholds: str
    state: str


@cached
def budgets(publication: Publication, period: date, group: str | None) -> tuple[Budget, ...]:
    """Return the budgets of a month, those that are furthest gone first."""
    sql = """
        select * exclude (billing_period, fx_rate)
        from marts.fct_budgets
        where billing_period = $period and ($group is null or billing_group_id = $group)
        order by actual_percentage desc nulls last, budget_id
    """
    return fetch(publication, Budget, sql, {"period": period, "group": group})


@dataclass(frozen=True)
class Anomaly:
    """Days on which a service of a group cost far more or less than usual, USD."""

    anomaly_number: int
    billing_group_id: str
    billing_group_name: str
    service_code: str
    service_name: str
    start_date: date
    end_date: date
    direction: str
    aws_cost: Decimal
    usual_cost: Decimal
    impact: Decimal
    score: Decimal


@cached
def anomalies(publication: Publication, period: date, group: str | None) -> tuple[Anomaly, ...]:
    """Return the anomalies of a month, the largest first."""
    sql = """
        select
            found.anomaly_number, found.billing_group_id,
            coalesce(grp.billing_group_name, found.billing_group_id) as billing_group_name,
            found.service_code, coalesce(services.service_name, '') as service_name,
            found.start_date, found.end_date, found.direction, found.aws_cost, found.usual_cost, found.impact,
            found.score
        from marts.fct_cost_anomalies as found
        left join (select distinct billing_group_id, billing_group_name from marts.dim_billing_groups) as grp
            using (billing_group_id)
        left join marts.dim_services as services using (service_code)
        where found.billing_period = $period and ($group is null or found.billing_group_id = $group)
        order by found.anomaly_number
    """
    return fetch(publication, Anomaly, sql, {"period": period, "group": group})


@dataclass(frozen=True)
class AnomalyCause:
    """An account, usage type and region that moved in an anomaly, USD."""

    anomaly_number: int
    sub_account_id: str
    account_name: str
    usage_type: str
    region_id: str
    aws_cost: Decimal
    impact: Decimal


@cached
def anomaly_causes(publication: Publication, period: date) -> tuple[AnomalyCause, ...]:
    """Return what moved in the anomalies of a month, by anomaly the one that moved most first."""
    sql = f"""
        select
            causes.anomaly_number, causes.sub_account_id, coalesce(accounts.account_name, '') as account_name,
            causes.usage_type, causes.region_id, causes.aws_cost, causes.impact
        from marts.fct_cost_anomaly_causes as causes
        left join {ACCOUNT_NAMES} as accounts using (sub_account_id)
        where causes.billing_period = $period
        order by causes.anomaly_number, causes.cause_number
    """
    return fetch(publication, AnomalyCause, sql, {"period": period})


@dataclass(frozen=True)
class _History:
    history_days: int


def history_days(publication: Publication, period: date) -> int | None:
    """Return how many days before a month it was judged by; None where it was not looked through yet."""
    sql = "select history_days from marts.dim_cost_histories where billing_period = $period"
    return next((row.history_days for row in fetch(publication, _History, sql, {"period": period})), None)
