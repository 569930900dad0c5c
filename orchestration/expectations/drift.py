"""What we expect of a delivery beside the one before it: of the same month, and of the month before.

What is here: comparisons of a month's newest profile with the last one of that month and that of the month before.
When to add here: another way in which a delivery should be like an earlier one.
What does not belong here: promises about one delivery (``deliveries.py``, ``line_items.py``).
"""

import duckdb
import great_expectations.expectations as gxe

from orchestration.expectations.limits import limit
from orchestration.expectations.profile import COLUMNS_OF_RULES
from orchestration.expectations.validation import CheckResult, Validations, promise

__all__ = ["check_drift"]

# Kinds of rows that come each month; a purchase, a credit or a refund does not.
_RECURRING = (
    *("Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "SavingsPlanNegation", "RIFee"),
    *("SavingsPlanRecurringFee", "Tax"),
)


def _limited(name: str) -> str:
    return limit(name, "pairs.payer_account_id", "pairs.billing_period")


_FRAME = f"""
with

numbered as (
    select
        *,
        row_number() over (partition by payer_account_id, billing_period order by profile_number desc) as age
    from raw.profiled_deliveries
),

newest as (
    select numbered.*
    from numbered
    inner join raw.deliveries as deliveries
        on
            numbered.delivery_key = deliveries.delivery_key
            and numbered.fingerprint = coalesce(deliveries.fingerprint, '')
    where numbered.age = 1 and deliveries.status = 'current' and deliveries.is_billed
),

last_days as (
    select profile_number, max(strptime(value, '%Y-%m-%d %H:00')) as last_hour
    from raw.delivery_profiles
    where dimension = 'hour'
    group by profile_number
),

-- A month can be compared with another when it is over.
whole as (
    select newest.*
    from newest
    left join last_days on newest.profile_number = last_days.profile_number
    where newest.is_final or last_days.last_hour >= newest.billing_period + interval 1 month - interval 1 day
),

pairs as (
    select
        newest.payer_account_id, newest.billing_period, 'last delivery' as compared_with,
        newest.profile_number, newest.form, newest.columns, newest.row_count, newest.unblended_cost,
        last.profile_number as last_number, last.form as last_form, last.columns as last_columns,
        last.row_count as last_row_count, last.unblended_cost as last_cost, last.is_final as was_final
    from newest
    inner join numbered as last
        on newest.payer_account_id = last.payer_account_id and newest.billing_period = last.billing_period
    where last.age = 2
    union all
    select
        whole.payer_account_id, whole.billing_period, 'month before' as compared_with,
        whole.profile_number, whole.form, whole.columns, whole.row_count, whole.unblended_cost,
        last.profile_number, last.form, last.columns, last.row_count, last.unblended_cost, false
    from whole
    inner join whole as last
        on
            whole.payer_account_id = last.payer_account_id
            and whole.billing_period = last.billing_period + interval 1 month
),

used as (
    select profile_number, unblended_cost
    from raw.delivery_profiles
    where dimension = 'used'
),

amounts as (
    select
        pairs.payer_account_id as payer, pairs.billing_period as month, pairs.compared_with,
        case when pairs.compared_with = 'last delivery' then pairs.last_row_count - pairs.row_count end as rows_gone,
        case
            when pairs.compared_with = 'last delivery'
                then cast(pairs.last_row_count * {_limited("fewer_rows")} * 0.01 as decimal(38, 2))
        end as allowed_rows_gone,
        case when pairs.compared_with = 'last delivery' then pairs.last_cost - pairs.unblended_cost end as cost_gone,
        case
            when pairs.compared_with = 'last delivery'
                then cast(
                    cast(abs(pairs.last_cost) as decimal(28, 10))
                    * cast({_limited("lower_cost")} * 0.01 as decimal(10, 4)) as decimal(38, 10)
                )
        end as allowed_cost_gone,
        case
            when pairs.was_final and pairs.unblended_cost <> pairs.last_cost
                then 'was ' || pairs.last_cost || ', is ' || pairs.unblended_cost
        end as final_cost_changed,
        case when pairs.compared_with = 'month before' then pairs.last_row_count - pairs.row_count end
            as rows_gone_since_before,
        case
            when pairs.compared_with = 'month before'
                then cast(pairs.last_row_count * {_limited("fewer_rows_than_before")} * 0.01 as decimal(38, 2))
        end as allowed_rows_gone_since_before,
        case
            when pairs.compared_with = 'month before'
                then cast(abs(used.unblended_cost - last_used.unblended_cost) as decimal(38, 10))
        end as change_of_usage_cost,
        case
            when pairs.compared_with = 'month before'
                then cast(
                    cast(abs(last_used.unblended_cost) as decimal(28, 10))
                    * cast({_limited("other_cost_than_before")} * 0.01 as decimal(10, 4)) as decimal(38, 10)
                )
        end as allowed_change_of_usage_cost
    from pairs
    left join used on pairs.profile_number = used.profile_number
    left join used as last_used on pairs.last_number = last_used.profile_number
),

columns_gone as (
    select payer_account_id as payer, billing_period as month, compared_with, unnest(list_filter(
        {list(COLUMNS_OF_RULES)},
        lambda name: list_contains(last_columns, name) and not list_contains(columns, name)
    )) as column_gone
    from pairs
    -- Another form of export names its columns otherwise.
    where pairs.form = pairs.last_form
),

-- Values of a dimension that the earlier profile has, with what became of them.
values_before as (
    select
        pairs.payer_account_id as payer, pairs.billing_period as month, pairs.compared_with, before.dimension,
        before.value, before.unblended_cost as cost_before, now.unblended_cost as cost_now,
        abs(before.unblended_cost) >= {_limited("cost_that_went")} as is_material
    from pairs
    inner join raw.delivery_profiles as before on pairs.last_number = before.profile_number
    left join raw.delivery_profiles as now
        on
            pairs.profile_number = now.profile_number and before.dimension = now.dimension and before.value = now.value
    where before.dimension in ('account', 'service', 'line_item_type', 'invoice', 'used_account', 'used_service')
),

values_gone as (
    select
        payer, month, compared_with, cost_before,
        case when dimension = 'account' and compared_with = 'last delivery' and is_material then value end
            as account_gone,
        case when dimension = 'service' and compared_with = 'last delivery' and is_material then value end
            as service_gone,
        case when dimension = 'line_item_type' and compared_with = 'last delivery' then value end as type_gone,
        case when dimension = 'used_account' and compared_with = 'month before' and is_material then value end
            as account_gone_since_before,
        case when dimension = 'used_service' and compared_with = 'month before' and is_material then value end
            as service_gone_since_before,
        case
            when dimension = 'line_item_type' and compared_with = 'month before' and value in {_RECURRING} then value
        end as type_gone_since_before
    from values_before
    where cost_now is null and dimension <> 'invoice'
),

invoices_changed as (
    select
        payer, month, compared_with, value as invoice, cost_before,
        coalesce(cast(cost_now as varchar), 'nothing') as invoice_is_now
    from values_before
    where dimension = 'invoice' and compared_with = 'last delivery' and cost_now is distinct from cost_before
),

findings as (
    select * from amounts
    union all by name
    select * from columns_gone
    union all by name
    select * from values_gone
    union all by name
    select * from invoices_changed
)

select * from findings order by all
"""

_PAIRS = {
    "delivery_drift__rows_kept": ("allowed_rows_gone", "rows_gone"),
    "delivery_drift__cost_kept": ("allowed_cost_gone", "cost_gone"),
    "delivery_drift__rows_like_before": ("allowed_rows_gone_since_before", "rows_gone_since_before"),
    "delivery_drift__cost_like_before": ("allowed_change_of_usage_cost", "change_of_usage_cost"),
}

_FINDINGS = {
    "delivery_drift__accounts_kept": "account_gone",
    "delivery_drift__services_kept": "service_gone",
    "delivery_drift__types_kept": "type_gone",
    "delivery_drift__invoiced_cost_kept": "invoice_is_now",
    "delivery_drift__final_month_kept": "final_cost_changed",
    "delivery_drift__columns_kept": "column_gone",
    "delivery_drift__accounts_like_before": "account_gone_since_before",
    "delivery_drift__services_like_before": "service_gone_since_before",
    "delivery_drift__types_like_before": "type_gone_since_before",
}


def check_drift(connection: duckdb.DuckDBPyConnection, validations: Validations) -> list[CheckResult]:
    """Compare each current delivery with the one before it; needs ``limits`` and profiles."""
    expectations = [
        *(promise(gxe.ExpectColumnValuesToBeNull, check_id, column=column) for check_id, column in _FINDINGS.items()),
        *(
            promise(
                gxe.ExpectColumnPairValuesAToBeGreaterThanB,
                check_id,
                column_A=allowed,
                column_B=found,
                or_equal=True,
                ignore_row_if="either_value_is_missing",
            )
            for check_id, (allowed, found) in _PAIRS.items()
        ),
    ]
    table = connection.sql(_FRAME).to_arrow_table()
    return validations.run(
        "delivery_drift", table, expectations, ["payer", "month", "compared_with", "invoice"], ["cost_before"]
    )
