"""Finding the anomalies of the periods that were built, with what caused them.

What is here: the series of days of each billing group and service, the anomalies in them, their causes, and
keeping them.
When to add here: another cost that is watched.
What does not belong here: what makes a day unusual (``detector``); SQL on rows (``dbt_project/analyses``).

Consecutive unusual days of one service, in one direction, are one anomaly; one that goes on over the end of a month is
one in each, as everything else is by month. A month is judged by itself and the days before it, never by what came
later: what was found in it stays found. It is judged again when what it was judged from is no longer the same, which a
change of prices leaves alone.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb

from orchestration.anomalies.detector import SENSITIVITY, Sensitivity, UnusualDay, unusual_days
from orchestration.configuration.intervals import month_interval
from orchestration.exports.analyses import analysis_sql

__all__ = ["Anomaly", "anomalies_of", "detect_anomalies"]

CAUSES_KEPT = 5
"""So many causes of each anomaly are kept, those that moved most."""


@dataclass(frozen=True)
class Anomaly:
    """Days of one service in one billing group that cost far more or less than usual.

    Attributes:
        billing_group_id: whose.
        service_code: which service.
        days: the unusual days, without a gap, all of one billing period.
    """

    billing_group_id: str
    service_code: str
    days: tuple[UnusualDay, ...]

    @property
    def aws_cost(self) -> Decimal:
        """What the days cost, USD."""
        return sum((day.cost for day in self.days[1:]), self.days[0].cost)

    @property
    def usual_cost(self) -> Decimal:
        """What they usually cost, USD."""
        return sum((day.usual_cost for day in self.days[1:]), self.days[0].usual_cost)

    @property
    def impact(self) -> Decimal:
        """How much more they cost than usual, USD; below 0 for less."""
        return self.aws_cost - self.usual_cost

    @property
    def score(self) -> Decimal:
        """How far the day that stands out most stands out, in robust standard deviations."""
        return max((day.score for day in self.days), key=abs)


def detect_anomalies(connection: duckdb.DuckDBPyConnection, sensitivity: Sensitivity = SENSITIVITY) -> int:
    """Judge the periods whose days, rows or history changed since they were judged last; return how many anomalies.

    Args:
        connection: the warehouse, open for writing, after the models were built, before their periods count as built.
        sensitivity: what counts as unusual; periods that were judged by another one are judged again.
    """
    wanted = _inputs_digests(connection, sensitivity)
    judged = dict(connection.execute("select billing_period, inputs_digest from raw.cost_histories").fetchall())
    known = sorted(wanted)
    found = 0
    connection.execute("begin transaction")
    try:
        connection.execute("delete from raw.cost_anomalies where not list_contains(?, billing_period)", [known])
        connection.execute("delete from raw.cost_anomaly_causes where not list_contains(?, billing_period)", [known])
        connection.execute("delete from raw.cost_histories where not list_contains(?, billing_period)", [known])
        for period in known:
            if judged.get(period) != wanted[period]:
                found += _judge(connection, period, sensitivity)
                connection.execute(
                    "update raw.cost_histories set inputs_digest = ? where billing_period = ?", [wanted[period], period]
                )
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return found


def _inputs_digests(connection: duckdb.DuckDBPyConnection, sensitivity: Sensitivity) -> dict[date, str]:
    """Return, for each period, the sha256 of all that it is judged from: its days and rows and those of its history.

    Rows stand for themselves by the fingerprint of the usage grain, which is made of the same deliveries and models.
    """
    months = dict(
        connection.execute(
            """
            select billing_period, concat_ws(' ', days.digest, coalesce(building.grain, built.grain))
            from (
                select
                    billing_period,
                    sum(hash(
                        billing_group_id, service_code, charge_category, charge_date, delivered_through, metered_cost
                    ))::varchar as digest
                from marts.fct_daily_costs
                group by billing_period
            ) as days
            left join (select billing_period, grain_fingerprint as grain from raw.build_periods) as building
                using (billing_period)
            left join (select billing_period, grain_fingerprint as grain from raw.period_builds) as built
                using (billing_period)
            """
        ).fetchall()
    )
    everywhere = [repr(sensitivity), _code()]
    for relation in ("staging.stg_billing__memberships", "billing.billing_groups", "billing.settings"):
        everywhere += map(str, connection.execute(f"select sum(hash(rows)) from {relation} as rows").fetchone() or ())
    digests = {}
    for period in months:
        # Causes are read by whole months, as far back as the history reaches.
        first = (period - timedelta(sensitivity.window_days)).replace(day=1)
        of_months = [f"{month} {months[month]}" for month in sorted(months) if first <= month <= period]
        digests[period] = hashlib.sha256("\x1f".join([*everywhere, *of_months]).encode()).hexdigest()
    return digests


def _code() -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return "\x1e".join([*(file.read_text(encoding="utf-8") for file in files), analysis_sql("cost_anomaly_causes")])


def _judge(connection: duckdb.DuckDBPyConnection, period: date, sensitivity: Sensitivity) -> int:
    start = period - timedelta(sensitivity.window_days)
    anomalies: list[Anomaly] = []
    history_days = 0
    lives = _lives(connection, period, start)
    for first_day, _ in lives.values():
        history_days = max(history_days, (period - first_day).days)
    for group, service, first_day, costs in _series(connection, period, start, lives, sensitivity):
        days = unusual_days(costs, first_day, period, sensitivity)
        anomalies += anomalies_of(group, service, days)
    anomalies.sort(key=lambda one: (-abs(one.impact), one.billing_group_id, one.service_code, one.days[0].day))
    for table in ("cost_anomalies", "cost_anomaly_causes", "cost_histories"):
        connection.execute(f"delete from raw.{table} where billing_period = ?", [period])
    connection.execute(
        "insert into raw.cost_histories (billing_period, sensitivity, history_days) values (?, ?, ?)",
        [period, repr(sensitivity), history_days],
    )
    for number, one in enumerate(anomalies, start=1):
        connection.execute(
            "insert into raw.cost_anomalies values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                period,
                number,
                one.billing_group_id,
                one.service_code,
                one.days[0].day,
                one.days[-1].day,
                len(one.days),
                "rise" if one.impact > 0 else "drop",
                one.aws_cost,
                one.usual_cost,
                one.impact,
                one.score,
            ],
        )
    if anomalies:
        _keep_causes(connection, period, anomalies, sensitivity)
    return len(anomalies)


_USAGE_DAYS = (
    "from marts.fct_daily_costs where charge_category = 'Usage' and charge_date >= $start and charge_date < $end"
)


def _lives(connection: duckdb.DuckDBPyConnection, period: date, start: date) -> dict[str, tuple[date, date]]:
    """Return, for each group that has usage, its first day from ``start`` on and the last whole day of the period.

    The last day delivered of a month that is not over is rarely whole, and would look like a drop.
    """
    rows = connection.execute(
        f"""
        select billing_group_id, first_days.day, last_days.day
        from (select billing_group_id, min(charge_date) as day {_USAGE_DAYS} group by billing_group_id) as first_days
        inner join (
            select
                billing_group_id,
                case
                    when min(delivered_through) < last_day($period::date) then min(delivered_through) - 1
                    else last_day($period::date)
                end as day
            from marts.fct_daily_costs
            where billing_period = $period
            group by billing_group_id
        ) as last_days using (billing_group_id)
        """,
        {"period": period, "start": start, "end": month_interval(period).end},
    ).fetchall()
    return {group: (first, last) for group, first, last in rows}


def _series(
    connection: duckdb.DuckDBPyConnection,
    period: date,
    start: date,
    lives: Mapping[str, tuple[date, date]],
    sensitivity: Sensitivity,
) -> Iterator[tuple[str, str, date, list[Decimal]]]:
    """Give group, service, first day and the costs up to the last whole day of the period, where a day may be unusual.

    A group's series begin with the group's first day, so that a service that is new in it has days of 0 before. What a
    day usually costs is a cost of the weeks before it, so no day of a series can differ enough from it whose costs of
    the period and those weeks, days of 0 included, lie closer together than the least difference that counts. Most
    series are left out for that, and only what is given is turned into Python's numbers.
    """
    costs: dict[tuple[str, str], dict[date, Decimal]] = {}
    for group, service, day, cost in connection.execute(
        f"""
        with

        days as (
            select billing_group_id, service_code, charge_date, sum(metered_cost) as metered_cost
            {_USAGE_DAYS}
            group by all
        ),

        moving as (
            select billing_group_id, service_code
            from days
            where charge_date >= $compared_from
            group by all
            having greatest(max(metered_cost), 0) - least(min(metered_cost), 0) >= $minimum_impact
        )

        select days.*
        from days
        inner join moving using (billing_group_id, service_code)
        order by all
        """,
        {
            "start": start,
            "end": month_interval(period).end,
            "compared_from": period - timedelta(7 * sensitivity.weeks),
            "minimum_impact": sensitivity.minimum_impact,
        },
    ).fetchall():
        costs.setdefault((group, service), {})[day] = cost
    for (group, service), by_day in costs.items():
        if group in lives:
            first, last = lives[group]
            days = range((last - first).days + 1)
            yield group, service, first, [by_day.get(first + timedelta(count), Decimal(0)) for count in days]


def anomalies_of(group: str, service: str, days: Sequence[UnusualDay]) -> list[Anomaly]:
    """Return the anomalies that unusual days of one series make: runs of consecutive days in one direction."""
    runs: list[list[UnusualDay]] = []
    for day in days:
        newest = runs[-1][-1] if runs else None
        if newest is not None and day.day - newest.day == timedelta(1) and (day.impact > 0) == (newest.impact > 0):
            runs[-1].append(day)
        else:
            runs.append([day])
    return [Anomaly(group, service, tuple(run)) for run in runs]


def _keep_causes(
    connection: duckdb.DuckDBPyConnection, period: date, anomalies: Sequence[Anomaly], sensitivity: Sensitivity
) -> None:
    part = Decimal(1) / sensitivity.weeks
    rows: list[tuple[int, str, str, date, Decimal]] = []
    for number, one in enumerate(anomalies, start=1):
        for day in one.days:
            rows.append((number, one.billing_group_id, one.service_code, day.day, Decimal(1)))
            rows += [
                (number, one.billing_group_id, one.service_code, day.day - timedelta(7 * week), -part)
                for week in range(1, sensitivity.weeks + 1)
            ]
    connection.execute(
        "create or replace temp table anomaly_days (anomaly_number integer, billing_group_id varchar, "
        "service_code varchar, charge_date date, share decimal(9, 4))"
    )
    connection.executemany("insert into anomaly_days values (?, ?, ?, ?, ?)", rows)
    first = min(day for _, _, _, day, _ in rows)
    connection.execute("set variable first_period = ?::date", [first.replace(day=1)])
    connection.execute("set variable last_period = ?::date", [period])
    connection.execute(
        f"""
        insert into raw.cost_anomaly_causes
        select $1, anomaly_number, place, sub_account_id, usage_type, region_id, aws_cost, impact
        from (
            select
                causes.*,
                row_number() over (
                    partition by anomaly_number
                    order by
                        case anomalies.direction when 'rise' then causes.impact else -causes.impact end desc,
                        sub_account_id, usage_type, region_id
                ) as place
            from ({analysis_sql("cost_anomaly_causes")}) as causes
            inner join (
                select anomaly_number, direction from raw.cost_anomalies where billing_period = $1
            ) as anomalies using (anomaly_number)
            where (causes.impact > 0) = (anomalies.direction = 'rise') and causes.impact <> 0
        ) as ranked
        where place <= $2
        order by all
        """,
        [period, CAUSES_KEPT],
    )
    connection.execute("drop table anomaly_days")
