"""Anomalies of a warehouse: found in its days, explained by its rows, kept by month."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.anomalies.detection import detect_anomalies
from orchestration.anomalies.detector import Sensitivity
from orchestration.settings import Workspace
from orchestration.warehouse import open_warehouse

JUNE, JULY, AUGUST = (date(2026, month, 1) for month in (6, 7, 8))
ACCOUNTS = ("000000000001", "000000000002")
_TABLES = """
    create schema marts; create schema staging; create schema seeds; create schema billing;
    create table billing.settings as select 'membership_basis' as setting, 'usage_date' as value;
    create table billing.billing_groups (
        billing_group_id varchar, auto_associate boolean, start_period date, end_period date
    );
    create table staging.stg_billing__memberships as
        select unnest(['000000000001', '000000000002']) as sub_account_id, 'alpha' as billing_group_id,
            date '2026-01-01' as start_date, date '9999-12-31' as end_date;
    create table seeds.charge_types as select 'Usage' as line_item_type, 'usage' as charge_type
        union all select 'Credit', 'aws_credit';
    create table seeds.charge_categories as select 'usage' as charge_type, 'Usage' as charge_category
        union all select 'aws_credit', 'Credit';
    create table staging.stg_cur__line_items (
        billing_period date, sub_account_id varchar, service_code varchar, usage_type varchar, region_id varchar,
        line_item_type varchar, is_split_cost boolean, membership_date date, usage_start_at timestamp,
        usage_end_at timestamp, unblended_cost decimal(22, 10)
    );
    create view marts.fct_daily_costs as
        select billing_period, case when sub_account_id = 'nobody' then 'UNASSIGNED' else 'alpha' end
            as billing_group_id, service_code, 'Usage' as charge_category, membership_date as charge_date,
            (select max(through) from delivered where delivered.billing_period = items.billing_period)
            as delivered_through, sum(unblended_cost) as metered_cost
        from staging.stg_cur__line_items as items
        where line_item_type = 'Usage' and not is_split_cost
        group by all;
"""


class Days:
    """A warehouse with rows of some months, of which tests change what a day cost."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        connection.execute("create table delivered (billing_period date, through date)")
        connection.execute(_TABLES)
        source = random.Random(7)
        day = JUNE
        rows: list[tuple[Any, ...]] = []
        while day <= date(2026, 8, 31):
            for account in ACCOUNTS:
                for service, base in (("AmazonEC2", 40), ("AmazonS3", 20)):
                    weekend = 0.7 if day.weekday() >= 5 else 1.0
                    cost = Decimal(f"{base * weekend * (1 + source.gauss(0, 0.02)):.10f}")
                    rows.append(self._row(day, cost, account=account, service=service))
            day += timedelta(1)
        self._insert(rows)
        for month, last in ((JUNE, 30), (JULY, 31), (AUGUST, 31)):
            connection.execute("insert into delivered values (?, ?)", [month, month.replace(day=last)])

    def add(self, day: date, cost: str, **what: str) -> None:
        self._insert([self._row(day, Decimal(cost), **what)])

    def anomalies(self) -> list[dict[str, Any]]:
        return self._rows("select * from raw.cost_anomalies order by billing_period, anomaly_number")

    def causes(self) -> list[dict[str, Any]]:
        return self._rows("select * from raw.cost_anomaly_causes order by billing_period, anomaly_number, cause_number")

    def _rows(self, query: str) -> list[dict[str, Any]]:
        found = self.connection.execute(query)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _insert(self, rows: list[tuple[Any, ...]]) -> None:
        self.connection.executemany(
            f"insert into staging.stg_cur__line_items values ({', '.join('?' * 11)})",
            rows,
        )

    @staticmethod
    def _row(
        day: date,
        cost: Decimal,
        account: str = ACCOUNTS[0],
        service: str = "AmazonEC2",
        usage_type: str = "BoxUsage",
        region: str = "us-east-1",
        line_item_type: str = "Usage",
    ) -> tuple[Any, ...]:
        return (
            *(day.replace(day=1), account, service, usage_type, region, line_item_type, False, day),
            *(f"{day} 05:00:00", f"{day} 06:00:00", cost),
        )


@pytest.fixture
def days(tmp_path: Path) -> Iterator[Days]:
    with open_warehouse(Workspace.at(tmp_path)) as connection:
        yield Days(connection)


def test_clean_months_have_none(days: Days) -> None:
    assert detect_anomalies(days.connection) == 0
    assert days.connection.execute(
        "select billing_period, history_days from raw.cost_histories order by all"
    ).fetchall() == [(JUNE, 0), (JULY, 30), (AUGUST, 61)]


def test_a_spike_is_found_and_its_top_cause_named(days: Days) -> None:
    for day, cost in ((12, "150.0000000001"), (13, "160")):
        days.add(date(2026, 8, day), cost, account=ACCOUNTS[1], usage_type="BoxUsage:p5.48xlarge", region="eu-west-1")
    days.add(date(2026, 8, 12), "30", usage_type="DataTransfer")
    days.add(date(2026, 8, 12), "-500", line_item_type="Credit", usage_type="a credit is no usage")
    assert detect_anomalies(days.connection) == 1
    (one,) = days.anomalies()
    assert (one["billing_group_id"], one["service_code"], one["direction"]) == ("alpha", "AmazonEC2", "rise")
    assert (one["start_date"], one["end_date"], one["day_count"]) == (date(2026, 8, 12), date(2026, 8, 13), 2)
    assert one["impact"] == one["aws_cost"] - one["usual_cost"]
    actual = days.connection.execute(
        "select sum(metered_cost) from marts.fct_daily_costs where service_code = 'AmazonEC2' "
        "and charge_date in ('2026-08-12', '2026-08-13')"
    ).fetchone()
    assert actual == (one["aws_cost"],)
    first, second = days.causes()[:2]
    assert (first["sub_account_id"], first["usage_type"], first["region_id"]) == (
        ACCOUNTS[1],
        "BoxUsage:p5.48xlarge",
        "eu-west-1",
    )
    assert first["impact"] == first["aws_cost"] == Decimal("310.0000000001")
    assert (second["usage_type"], second["impact"]) == ("DataTransfer", Decimal(30))
    assert len(days.causes()) <= 5


def test_causes_are_measured_against_the_weekdays_before(days: Days) -> None:
    for week, cost in enumerate(("10", "20", "30", "40", "400")):
        days.add(date(2026, 7, 15) + timedelta(7 * week), cost, usage_type="Batch")
    detect_anomalies(days.connection)
    (batch,) = [cause for cause in days.causes() if cause["usage_type"] == "Batch" and cause["aws_cost"] == 400]
    assert (batch["billing_period"], batch["impact"]) == (AUGUST, 400 - (10 + 20 + 30 + 40) * Decimal("0.25"))


def test_one_that_goes_on_over_the_end_of_a_month_is_one_in_each(days: Days) -> None:
    for day in (date(2026, 7, 31), date(2026, 8, 1)):
        days.add(day, "300")
    assert detect_anomalies(days.connection) == 2
    assert [(one["billing_period"], one["start_date"], one["end_date"]) for one in days.anomalies()] == [
        (JULY, date(2026, 7, 31), date(2026, 7, 31)),
        (AUGUST, date(2026, 8, 1), date(2026, 8, 1)),
    ]


def test_a_day_that_is_not_whole_yet_is_no_drop(days: Days) -> None:
    days.connection.execute("delete from staging.stg_cur__line_items where membership_date >= '2026-08-20'")
    days.add(date(2026, 8, 20), "0.5")
    days.connection.execute("update delivered set through = '2026-08-20' where billing_period = '2026-08-01'")
    assert detect_anomalies(days.connection) == 0
    days.connection.execute("update delivered set through = '2026-08-31' where billing_period = '2026-08-01'")
    detect_anomalies(days.connection)
    assert {one["direction"] for one in days.anomalies()} == {"drop"}


def test_a_month_that_is_judged_again_is_judged_alike(days: Days) -> None:
    days.add(date(2026, 7, 20), "200")
    days.add(date(2026, 8, 20), "300", service="AmazonS3")
    detect_anomalies(days.connection)
    whole = days.anomalies(), days.causes()
    assert len(whole[0]) == 2
    for months in ([JUNE, JULY, AUGUST], [JULY], [AUGUST]):
        days.connection.execute("delete from raw.cost_histories where list_contains(?, billing_period)", [months])
        detect_anomalies(days.connection)
        assert (days.anomalies(), days.causes()) == whole


def _built(days: Days, period: date, grain: str) -> None:
    days.connection.execute(
        "insert or replace into raw.period_builds (billing_period, fingerprint, grain_fingerprint, run_id, built_at) "
        "values (?, 'f', ?, 'run', now()::timestamp)",
        [period, grain],
    )


def test_only_what_changed_and_what_goes_on_from_it_is_judged_again(days: Days) -> None:
    for period in (JUNE, JULY, AUGUST):
        _built(days, period, "rows")
    days.add(date(2026, 7, 20), "200")
    days.add(date(2026, 8, 20), "300", service="AmazonS3")
    assert detect_anomalies(days.connection) == 2
    assert detect_anomalies(days.connection) == 0
    # Other rows that cost the same each day may be other causes. What is being built is what will be built.
    _built(days, AUGUST, "other rows")
    assert detect_anomalies(days.connection) == 1
    days.connection.execute(
        "insert into raw.build_periods (billing_period, reads_raw, reason, fingerprint, grain_fingerprint) "
        "values (?, true, 'r', 'f', 'new rows')",
        [AUGUST],
    )
    assert detect_anomalies(days.connection) == 1
    _built(days, JULY, "other rows")
    assert detect_anomalies(days.connection) == 2
    days.connection.execute("update staging.stg_billing__memberships set end_date = '2027-01-01'")
    assert detect_anomalies(days.connection) == 2
    assert detect_anomalies(days.connection) == 0


def test_a_restated_month_changes_what_the_next_one_is_judged_by(days: Days) -> None:
    days.add(date(2026, 8, 5), "100")
    detect_anomalies(days.connection)
    assert len(days.anomalies()) == 1
    for week in range(1, 4):  # July did the same
        days.add(date(2026, 8, 5) - timedelta(7 * week), "100")
    detect_anomalies(days.connection)
    assert [one["billing_period"] for one in days.anomalies()].count(AUGUST) == 0


def test_another_sensitivity_judges_every_month_again(days: Days) -> None:
    days.add(date(2026, 7, 20), "30")
    detect_anomalies(days.connection)
    assert len(days.anomalies()) == 1
    detect_anomalies(days.connection, Sensitivity(minimum_impact=Decimal(500)))
    assert days.anomalies() == []


def test_a_month_that_is_gone_takes_its_anomalies_along(days: Days) -> None:
    days.add(date(2026, 7, 20), "200")
    detect_anomalies(days.connection)
    days.connection.execute("delete from staging.stg_cur__line_items")
    detect_anomalies(days.connection)
    assert (days.anomalies(), days.causes()) == ([], [])
