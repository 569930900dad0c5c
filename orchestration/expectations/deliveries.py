"""What we expect of ``raw.deliveries``, the register of deliveries.

What is here: structure, closed lists, ranges and punctuality of the deliveries that are billed from.
When to add here: a promise about a delivery as a whole.
What does not belong here: promises about its rows (``line_items.py``) and about the delivery before it (``drift.py``).
"""

from datetime import datetime
from typing import Any

import duckdb
import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation

from orchestration.expectations.limits import limit
from orchestration.expectations.validation import CheckResult, Validations, promise

__all__ = ["check_deliveries", "write_expected_deliveries"]

_FORMS = ["legacy_cur_csv", "legacy_cur_parquet", "cur2_csv", "cur2_parquet", "focus_csv", "focus_parquet"]

# Pages and `status` compare these times with their own clock: between two runs nobody else would notice.
_EXPECTED = f"""
with

newest as (
    select
        payer_account_id,
        max(billing_period) as billing_period,
        arg_max(manifest_modified_at, billing_period) as delivered_at,
        arg_max(coalesce(open_row_count, 0) > 0, billing_period) as is_open
    from raw.deliveries
    where status = 'current' and is_billed and payer_account_id in (select payer_account_id from billing.payers)
    group by payer_account_id
),

following as (
    select payer_account_id, cast(billing_period + interval 1 month as date) as billing_period
    from newest
),

expected as (
    select
        payer_account_id, billing_period, 'delivery' as expected,
        delivered_at + to_minutes(cast(
            60 * {limit("late_delivery_hours", "newest.payer_account_id", "newest.billing_period")} as bigint
        )) as due_at
    from newest
    where is_open
    union all
    select
        payer_account_id, billing_period, 'month' as expected,
        billing_period + to_minutes(cast(
            1440 * {limit("late_month_days", "following.payer_account_id", "following.billing_period")} as bigint
        )) as due_at
    from following
)

select * from expected where due_at is not null order by all
"""

# One row per current delivery; the columns at the end are filled on rows of their own, one per finding.
_FRAME = f"""
with

billed as (
    select * from raw.deliveries where status = 'current' and is_billed
),

file_sums as (
    select delivery_key, count(*) as file_count, cast(sum(row_count) as bigint) as row_count
    from raw.delivery_files
    group by delivery_key
),

same_files as (
    select files.delivery_key, files.checksum, string_agg(files.source_key, ', ' order by files.file_number) as files
    from raw.delivery_files as files
    inner join billed on files.delivery_key = billed.delivery_key
    where files.row_count > 0
    group by files.delivery_key, files.checksum
    having count(*) > 1
),

months as (
    select
        payer_account_id, billing_period,
        lead(billing_period) over (partition by payer_account_id order by billing_period) as next_period
    from (select distinct payer_account_id, billing_period from billed) as distinct_months
),

missing_months as (
    select payer_account_id, cast(unnest(generate_series(
        billing_period + interval 1 month, next_period - interval 1 month, interval 1 month
    )) as date) as billing_period
    from months
    where next_period > billing_period + interval 1 month
),

findings as (
    select
        billed.payer_account_id as payer,
        billed.billing_period as month,
        billed.delivery_id as delivery,
        billed.delivery_key,
        billed.payer_account_id,
        billed.form,
        billed.discount_mode,
        strftime(billed.billing_period, '%d') as first_day,
        billed.payer_account_id || ' ' || strftime(billed.billing_period, '%Y-%m') as payer_and_month,
        billed.row_count,
        billed.bad_value_row_count as unreadable_rows,
        coalesce(file_sums.file_count, 0) - billed.file_count as other_files,
        coalesce(file_sums.row_count, 0) - billed.row_count as other_rows,
        cast(abs(billed.excess_decimal_sum) as decimal(38, 20)) as excess_decimals,
        cast({limit("excess_decimals", "billed.payer_account_id", "billed.billing_period")} as decimal(38, 20))
            as allowed_excess_decimals
    from billed
    left join file_sums on billed.delivery_key = file_sums.delivery_key
    union all by name
    select payer_account_id as payer, billing_period as month, export_name || ' ' || delivery_id as delivery,
        reason as rejected
    from raw.deliveries
    where status = 'rejected'
    union all by name
    select billed.payer_account_id as payer, billed.billing_period as month, billed.delivery_id as delivery,
        same_files.files as same_files
    from same_files
    inner join billed on same_files.delivery_key = billed.delivery_key
    union all by name
    select payer_account_id as payer, billing_period as month, 'not delivered' as missing_month
    from missing_months
    union all by name
    select payer_account_id as payer, billing_period as month, due_at as late_delivery
    from raw.expected_deliveries
    where expected = 'delivery' and due_at < $now
    union all by name
    select payer_account_id as payer, billing_period as month, due_at as late_month
    from raw.expected_deliveries
    where expected = 'month' and due_at < $now
)

select * from findings order by payer, month, delivery
"""

_EXPECTATIONS: tuple[tuple[type[Expectation], str, dict[str, Any]], ...] = (
    (gxe.ExpectColumnValuesToBeNull, "deliveries__accepted", {"column": "rejected"}),
    (gxe.ExpectColumnValuesToBeUnique, "deliveries__registered_once", {"column": "delivery_key"}),
    (gxe.ExpectColumnValuesToBeUnique, "deliveries__one_per_month", {"column": "payer_and_month"}),
    (
        gxe.ExpectColumnValuesToMatchRegex,
        "deliveries__payer_ids",
        {"column": "payer_account_id", "regex": r"^\d{12}$"},
    ),
    (gxe.ExpectColumnValuesToBeInSet, "deliveries__known_forms", {"column": "form", "value_set": _FORMS}),
    (
        gxe.ExpectColumnValuesToBeInSet,
        "deliveries__known_discount_modes",
        {"column": "discount_mode", "value_set": ["rows", "columns", "none"]},
    ),
    (gxe.ExpectColumnValuesToBeInSet, "deliveries__whole_months", {"column": "first_day", "value_set": ["01"]}),
    (gxe.ExpectColumnValuesToBeInSet, "deliveries__files_complete", {"column": "other_rows", "value_set": [0]}),
    (gxe.ExpectColumnValuesToBeNull, "deliveries__no_file_twice", {"column": "same_files"}),
    (gxe.ExpectColumnValuesToBeBetween, "deliveries__have_rows", {"column": "row_count", "min_value": 1}),
    (
        gxe.ExpectColumnPairValuesAToBeGreaterThanB,
        "deliveries__few_excess_decimals",
        {"column_A": "allowed_excess_decimals", "column_B": "excess_decimals", "or_equal": True},
    ),
    (gxe.ExpectColumnValuesToBeInSet, "deliveries__values_readable", {"column": "unreadable_rows", "value_set": [0]}),
    (gxe.ExpectColumnValuesToBeNull, "deliveries__fresh", {"column": "late_delivery"}),
    (gxe.ExpectColumnValuesToBeNull, "deliveries__month_arrived", {"column": "late_month"}),
    (gxe.ExpectColumnValuesToBeNull, "deliveries__no_month_missing", {"column": "missing_month"}),
)


def write_expected_deliveries(connection: duckdb.DuckDBPyConnection) -> None:
    """Replace ``raw.expected_deliveries``: what each configured payer sends next, and when it is late (UTC)."""
    connection.execute("begin transaction")
    connection.execute("delete from raw.expected_deliveries")
    connection.execute(f"insert into raw.expected_deliveries {_EXPECTED}")
    connection.execute("commit")


def check_deliveries(
    connection: duckdb.DuckDBPyConnection, validations: Validations, now: datetime
) -> list[CheckResult]:
    """Check the register of deliveries; needs ``limits`` and ``raw.expected_deliveries``.

    Args:
        connection: the warehouse.
        validations: where the suite runs.
        now: UTC, without zone; from it a delivery is late.
    """
    table = connection.sql(_FRAME, params={"now": now}).to_arrow_table()
    expectations = [promise(kind, check_id, **_present(arguments)) for kind, check_id, arguments in _EXPECTATIONS]
    return validations.run("deliveries", table, expectations, ["payer", "month", "delivery"])


def _present(arguments: dict[str, Any]) -> dict[str, Any]:
    # Rows of findings have no limits, and deliveries no findings.
    return {**arguments, "ignore_row_if": "either_value_is_missing"} if "column_A" in arguments else arguments
