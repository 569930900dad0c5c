{{ config(meta={'dagster': {'ref': {'name': 'int_usage_grain'}}}) }}
{# A row here means that the grain lost, doubled or changed a CUR row, so every number behind it is wrong. The control
   totals were taken when the delivery landed. #}
with

grain as (
    select * from {{ ref('int_usage_grain') }}
    where {{ in_built_periods('billing_period') }}
),

deliveries as (
    select * from {{ source('raw', 'deliveries') }}
    where status = 'current' and is_billed and {{ in_built_periods('billing_period') }}
),

grain_totals as (
    select
        billing_period,
        billing_account_id,
        sum(row_count) as row_count,
        sum(unblended_cost) as unblended_cost,
        sum(bundled_discount_cost + partner_discount_cost + negotiated_discount_cost) as discount_cost
    from grain
    group by billing_period, billing_account_id
),

compared as (
    select
        deliveries.*,
        coalesce(grain_totals.row_count, 0) as grain_row_count,
        coalesce(grain_totals.unblended_cost, 0) as grain_unblended_cost,
        coalesce(grain_totals.discount_cost, 0) as grain_discount_cost
    from deliveries
    left join grain_totals
        on
            deliveries.billing_period = grain_totals.billing_period
            and deliveries.payer_account_id = grain_totals.billing_account_id
),

failures as (
    select
        'usage_grain__rows' as check_id,
        concat_ws(' ', billing_period, payer_account_id) as failing_row,
        concat_ws(' ', 'rows', grain_row_count, 'landed', row_count - split_cost_row_count) as found
    from compared
    where grain_row_count <> row_count - split_cost_row_count
    union all
    select
        'usage_grain__cost' as check_id,
        concat_ws(' ', billing_period, payer_account_id) as failing_row,
        concat_ws(' ', 'cost', grain_unblended_cost, 'landed', unblended_cost) as found
    from compared
    where grain_unblended_cost <> unblended_cost
    union all
    select
        'usage_grain__discounts' as check_id,
        concat_ws(' ', billing_period, payer_account_id) as failing_row,
        concat_ws(' ', 'discounts', grain_discount_cost, 'landed', net_unblended_cost - unblended_cost) as found
    from compared
    where discount_mode = 'columns' and grain_discount_cost <> net_unblended_cost - unblended_cost
    union all
    select
        'usage_grain__payers' as check_id,
        concat_ws(' ', grain_totals.billing_period, grain_totals.billing_account_id) as failing_row,
        concat_ws(' ', 'rows', grain_totals.row_count, 'without a delivery') as found
    from grain_totals
    left join deliveries
        on
            grain_totals.billing_period = deliveries.billing_period
            and grain_totals.billing_account_id = deliveries.payer_account_id
    where deliveries.delivery_key is null
)

select * from failures
