from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.configuration.schema import Configuration, Credit
from orchestration.configuration.validate import read_configuration
from orchestration.planning import (
    PlannedPeriod,
    billing_exports,
    code_digest,
    mark_built,
    periods_drawing_after,
    plan_periods,
    standing_digest,
    write_build_periods,
)
from orchestration.sample.install import write_example_configuration
from orchestration.warehouse import prepare_control_tables

_AUGUST, _SEPTEMBER = date(2026, 8, 1), date(2026, 9, 1)


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    write_example_configuration(tmp_path)
    # Credits drawn month after month tie the months to each other; tests of that write credits of their own.
    (tmp_path / "credits.csv").unlink()
    return read_configuration(tmp_path)


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    prepare_control_tables(connection)
    connection.execute(
        """
        create table raw.deliveries (
            delivery_key varchar, fingerprint varchar, billing_period date, status varchar, is_billed boolean,
            row_count bigint
        );
        insert into raw.deliveries values
            ('aug', 'a', '2026-08-01', 'current', true, 150000),
            ('sep', 's', '2026-09-01', 'current', true, 140000),
            ('old', 'o', '2026-08-01', 'superseded', true, 900000),
            ('other', 'x', '2026-07-01', 'current', false, 900000)
        """
    )
    return connection


def _build(connection: duckdb.DuckDBPyConnection, configuration: Configuration) -> None:
    write_build_periods(connection, plan_periods(connection, configuration))
    mark_built(connection, "run")


def _plan(connection: duckdb.DuckDBPyConnection, configuration: Configuration) -> list[tuple[date, bool, str]]:
    return [
        (period.billing_period, period.reads_raw, period.reason) for period in plan_periods(connection, configuration)
    ]


def test_first_run_builds_every_period_that_is_billed(
    connection: duckdb.DuckDBPyConnection, configuration: Configuration
) -> None:
    assert _plan(connection, configuration) == [(_AUGUST, True, "not built yet"), (_SEPTEMBER, True, "not built yet")]


def test_nothing_new_builds_nothing(connection: duckdb.DuckDBPyConnection, configuration: Configuration) -> None:
    _build(connection, configuration)
    assert _plan(connection, configuration) == []


def test_what_a_period_was_built_from_is_kept(
    connection: duckdb.DuckDBPyConnection, configuration: Configuration
) -> None:
    connection.execute("insert into raw.configuration_files values ('payers.csv', 'p', 1)")
    _build(connection, configuration)
    connection.execute(
        """
        update raw.deliveries set status = 'superseded' where delivery_key in ('aug', 'sep');
        insert into raw.deliveries values
            ('aug2', 'a2', '2026-08-01', 'current', true, 1), ('sep2', 's2', '2026-09-01', 'current', true, 1);
        update raw.configuration_files set sha256 = 'q'
        """
    )
    write_build_periods(connection, plan_periods(connection, configuration, only=frozenset({_SEPTEMBER})))
    mark_built(connection, "next")
    assert connection.execute("from raw.period_inputs order by all").fetchall() == [
        (_AUGUST, "configuration_file", "payers.csv", "p"),
        (_AUGUST, "delivery", "aug", "a"),
        (_SEPTEMBER, "configuration_file", "payers.csv", "q"),
        (_SEPTEMBER, "delivery", "sep2", "s2"),
    ]


def test_a_run_that_died_is_built_again(connection: duckdb.DuckDBPyConnection, configuration: Configuration) -> None:
    """Half a month in the marts that counts as built would be published by the next run."""
    _build(connection, configuration)
    write_build_periods(connection, plan_periods(connection, configuration, force=True))
    assert [period for period, *_ in _plan(connection, configuration)] == [_AUGUST, _SEPTEMBER]


def test_a_new_delivery_rebuilds_its_month_alone(
    connection: duckdb.DuckDBPyConnection, configuration: Configuration
) -> None:
    _build(connection, configuration)
    connection.execute("update raw.deliveries set delivery_key = 'aug2' where delivery_key = 'aug'")
    assert [period[:2] for period in _plan(connection, configuration)] == [(_AUGUST, True)]


def test_a_new_price_does_not_read_the_raw_rows_again(
    connection: duckdb.DuckDBPyConnection, configuration: Configuration
) -> None:
    _build(connection, configuration)
    rule = next(rule for rule in configuration.pricing_rules if rule.percentage is not None and rule.end_period is None)
    changed = replace(
        configuration,
        pricing_rules=tuple(
            replace(other, percentage=other.percentage + 1) if other is rule and other.percentage is not None else other
            for other in configuration.pricing_rules
        ),
    )
    assert _plan(connection, changed) == [
        (_AUGUST, False, "changed configuration"),
        (_SEPTEMBER, False, "changed configuration"),
    ]


def test_a_rate_of_one_month_rebuilds_that_month(
    connection: duckdb.DuckDBPyConnection, configuration: Configuration
) -> None:
    _build(connection, configuration)
    changed = replace(
        configuration,
        fx_rates=tuple(
            replace(rate, source="corrected") if rate.period == _SEPTEMBER else rate for rate in configuration.fx_rates
        ),
    )
    assert [period for period, *_ in _plan(connection, changed)] == [_SEPTEMBER]


def test_another_day_of_a_move_reads_the_raw_rows_again(
    connection: duckdb.DuckDBPyConnection, configuration: Configuration
) -> None:
    """The stored grain keeps dates only for accounts that move; a new mover has none in it."""
    _build(connection, configuration)
    changed = replace(
        configuration,
        account_assignments=tuple(
            replace(assignment, start_date=date(2026, 9, 10))
            if assignment.start_date == date(2026, 9, 16)
            else replace(assignment, end_date=date(2026, 9, 10))
            if assignment.end_date == date(2026, 9, 16)
            else assignment
            for assignment in configuration.account_assignments
        ),
    )
    assert changed != configuration
    assert [period[:2] for period in _plan(connection, changed)] == [(_SEPTEMBER, True)]


def _load_prices(connection: duckdb.DuckDBPyConnection, effective_date: str, rate: str = "0.023") -> None:
    connection.execute(
        "insert into raw.price_list_tiers values ('AmazonS3', 'TimedStorage-ByteHrs', '', 'us-east-1', 'SKU', ?, "
        "'GB-Mo', 0, null, cast(? as decimal(22, 10)), 'price_lists/index.csv', '2026-09-15')",
        [effective_date, rate],
    )


def test_a_new_price_list_reprices_the_months_it_is_in_force_for(
    connection: duckdb.DuckDBPyConnection, configuration: Configuration
) -> None:
    _build(connection, configuration)
    _load_prices(connection, "2026-09-30")
    assert _plan(connection, configuration) == [(_SEPTEMBER, False, "new price list")]
    _build(connection, configuration)
    assert _plan(connection, configuration) == []
    # Older prices do not hold any more in September.
    _load_prices(connection, "2026-08-01", rate="0.022")
    assert _plan(connection, configuration) == [(_AUGUST, False, "new price list")]
    connection.execute("delete from raw.price_list_tiers where effective_date = '2026-09-30'")
    assert _plan(connection, configuration) == [
        (_AUGUST, False, "new price list"),
        (_SEPTEMBER, False, "new price list"),
    ]


def test_every_reason_is_named(connection: duckdb.DuckDBPyConnection, configuration: Configuration) -> None:
    _build(connection, configuration)
    changed = replace(
        configuration,
        fx_rates=tuple(replace(rate, source="corrected") for rate in configuration.fx_rates),
    )
    _load_prices(connection, "2026-09-01")
    assert [period[1:] for period in _plan(connection, changed)] == [
        (False, "changed configuration"),
        (False, "changed configuration, new price list"),
    ]
    connection.execute("update raw.deliveries set delivery_key = 'sep2' where delivery_key = 'sep'")
    assert _plan(connection, configuration) == [(_SEPTEMBER, True, "new delivery, memberships or models")]


def test_a_warehouse_from_before_price_lists_is_planned_as_built(configuration: Configuration) -> None:
    connection = duckdb.connect()
    connection.execute(
        """
        create schema raw;
        create table raw.build_periods (
            billing_period date primary key, reads_raw boolean not null, reason varchar not null,
            fingerprint varchar not null, grain_fingerprint varchar not null
        );
        create table raw.period_builds (
            billing_period date primary key, fingerprint varchar not null, grain_fingerprint varchar not null,
            run_id varchar not null, built_at timestamp not null
        );
        insert into raw.period_builds values ('2026-08-01', 'f', 'g', 'run', '2026-09-02');
        create table raw.deliveries (
            delivery_key varchar, fingerprint varchar, billing_period date, status varchar, is_billed boolean,
            row_count bigint
        );
        insert into raw.deliveries values ('aug', 'a', '2026-08-01', 'current', true, 1)
        """
    )
    prepare_control_tables(connection)
    assert _plan(connection, configuration) == [(_AUGUST, True, "new delivery, memberships or models")]
    _build(connection, configuration)
    assert _plan(connection, configuration) == []


def _with_credit(
    configuration: Configuration, start: date, end: date | None = None, status: str = "Active"
) -> Configuration:
    credit = Credit(
        source_line=2,
        credit_id="grant",
        billing_group_id=configuration.billing_groups[0].billing_group_id,
        owner_account_id=None,
        description="",
        amount=Decimal(100),
        currency="USD",
        start_date=start,
        end_date=end,
        eligible_services=("*",),
        covers_fees=False,
        status=status,
    )
    return replace(configuration, credits=(credit,))


def test_later_draws_follow_a_month_that_is_built_again(
    connection: duckdb.DuckDBPyConnection, configuration: Configuration
) -> None:
    # K4: what a credit pays in September is what August has left of it.
    granted = _with_credit(configuration, date(2026, 8, 20))
    _build(connection, granted)
    assert _plan(connection, granted) == []
    connection.execute("update raw.deliveries set delivery_key = 'aug2' where delivery_key = 'aug'")
    assert _plan(connection, granted) == [
        (_AUGUST, True, "new delivery, memberships or models"),
        (_SEPTEMBER, False, "credits drawn in 2026-08 may have changed"),
    ]
    _build(connection, granted)
    assert _plan(connection, granted) == []
    connection.execute("update raw.deliveries set delivery_key = 'sep2' where delivery_key = 'sep'")
    assert [period for period, *_ in _plan(connection, granted)] == [_SEPTEMBER]


@pytest.mark.parametrize(
    ("start", "end", "status"),
    [
        # A credit that August could not draw, one that September cannot, and one that nobody draws.
        (date(2026, 9, 1), None, "Active"),
        (date(2026, 8, 1), date(2026, 9, 1), "Active"),
        (date(2026, 8, 1), None, "Paused"),
    ],
)
def test_months_without_a_common_credit_do_not_touch_each_other(
    connection: duckdb.DuckDBPyConnection, configuration: Configuration, start: date, end: date | None, status: str
) -> None:
    granted = _with_credit(configuration, start, end, status)
    _build(connection, granted)
    connection.execute("update raw.deliveries set delivery_key = 'aug2' where delivery_key = 'aug'")
    assert [period for period, *_ in _plan(connection, granted)] == [_AUGUST]
    assert periods_drawing_after(granted, [_AUGUST], [_AUGUST, _SEPTEMBER]) == frozenset()


def test_a_month_built_alone_leaves_the_later_ones_to_be_built(
    connection: duckdb.DuckDBPyConnection, configuration: Configuration
) -> None:
    """September still goes on from August's old draws: to count it as built would keep them for ever."""
    granted = _with_credit(configuration, date(2026, 1, 1))
    _build(connection, granted)
    for delivery, only in (("aug2", _AUGUST), ("aug3", _SEPTEMBER)):
        connection.execute("update raw.deliveries set delivery_key = ? where billing_period = ?", [delivery, _AUGUST])
        write_build_periods(connection, plan_periods(connection, granted, only=frozenset({only}), force=True))
        mark_built(connection, "run")
        assert _SEPTEMBER in [period for period, *_ in _plan(connection, granted)]
    # The third delivery was never built: September was built upon the second.
    assert _plan(connection, granted) == [
        (_AUGUST, True, "new delivery, memberships or models"),
        (_SEPTEMBER, False, "credits drawn in 2026-08 may have changed"),
    ]


def test_a_month_that_comes_late_moves_the_draws_after_it(
    connection: duckdb.DuckDBPyConnection, configuration: Configuration
) -> None:
    granted = _with_credit(configuration, date(2026, 1, 1))
    _build(connection, granted)
    connection.execute("insert into raw.deliveries values ('jul', 'j', '2026-07-01', 'current', true, 1)")
    assert _plan(connection, granted) == [
        (date(2026, 7, 1), True, "not built yet"),
        (_AUGUST, False, "credits drawn in 2026-07 may have changed"),
        (_SEPTEMBER, False, "credits drawn in 2026-07 may have changed"),
    ]


def test_a_credit_taken_away_is_a_change_of_configuration(
    connection: duckdb.DuckDBPyConnection, configuration: Configuration
) -> None:
    granted = _with_credit(configuration, date(2026, 1, 1))
    _build(connection, granted)
    assert _plan(connection, configuration) == [
        (_AUGUST, False, "changed configuration"),
        (_SEPTEMBER, False, "changed configuration, credits drawn in 2026-08 may have changed"),
    ]


def test_months_are_reached_through_other_credits(configuration: Configuration) -> None:
    """A credit of July and August and one of August and September tie September to July."""
    july, october = date(2026, 7, 1), date(2026, 10, 1)
    (early,) = _with_credit(configuration, july, _SEPTEMBER).credits
    (late,) = _with_credit(configuration, date(2026, 8, 31), october).credits
    granted = replace(configuration, credits=(early, replace(late, credit_id="late")))
    months = [october, _SEPTEMBER, _AUGUST, july]
    assert periods_drawing_after(granted, [july], months) == {_AUGUST, _SEPTEMBER}
    assert periods_drawing_after(granted, [_SEPTEMBER], months) == frozenset()


def test_only_and_force(connection: duckdb.DuckDBPyConnection, configuration: Configuration) -> None:
    _build(connection, configuration)
    planned: list[PlannedPeriod] = plan_periods(connection, configuration, only=frozenset({_AUGUST}), force=True)
    assert [(period.billing_period, period.reads_raw, period.reason) for period in planned] == [
        (_AUGUST, True, "asked for")
    ]


def test_changed_models_change_the_code_digest(tmp_path: Path) -> None:
    for file in ("dbt_project.yml", "orchestration/ingest/columns.py", "dbt_project/models/model.sql"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("one", encoding="utf-8")
    before = code_digest(tmp_path)
    (tmp_path / "dbt_project/models/model.sql").write_text("two", encoding="utf-8")
    assert code_digest(tmp_path) != before


def test_billing_exports(configuration: Configuration) -> None:
    assert set(billing_exports(configuration)) == {payer.payer_account_id for payer in configuration.payers}


def test_views_stand_while_nothing_changes_what_makes_them() -> None:
    connection = duckdb.connect()
    connection.execute(
        "create schema raw; create schema marts; create table raw.deliveries (row_count integer); "
        "create view marts.dim_deliveries as select row_count from raw.deliveries"
    )
    standing = standing_digest(connection, "project")
    connection.execute("insert into raw.deliveries values (1); create view raw.files as select 1 as file_number")
    with_another_input = standing_digest(connection, "project")
    assert with_another_input != standing
    connection.execute(
        "insert into raw.deliveries values (2); create or replace view raw.files as select 2 as file_number"
    )
    assert standing_digest(connection, "project") == with_another_input
    assert standing_digest(connection, "another project") != with_another_input
    # DuckDB refuses a view whose columns are of other types than when it was made.
    connection.execute("create or replace view raw.files as select 2::bigint as file_number")
    assert standing_digest(connection, "project") != with_another_input
    connection.execute("create or replace view raw.files as select 2 as file_number; drop view marts.dim_deliveries")
    assert standing_digest(connection, "project") != with_another_input
