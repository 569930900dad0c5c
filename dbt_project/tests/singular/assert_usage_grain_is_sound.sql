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
        'rows of grain <> rows landed without split-cost rows' as check_name,
        concat_ws(' ', billing_period, payer_account_id, grain_row_count, row_count - split_cost_row_count) as detail
    from compared
    where grain_row_count <> row_count - split_cost_row_count
    union all
    select
        'unblended cost of grain <> unblended cost landed' as check_name,
        concat_ws(' ', billing_period, payer_account_id, grain_unblended_cost, unblended_cost) as detail
    from compared
    where grain_unblended_cost <> unblended_cost
    union all
    select
        'discounts split out <> net - unblended (C2)' as check_name,
        concat_ws(' ', billing_period, payer_account_id, grain_discount_cost, net_unblended_cost - unblended_cost)
            as detail
    from compared
    where discount_mode = 'columns' and grain_discount_cost <> net_unblended_cost - unblended_cost
    union all
    select
        'payer in the rows is not the payer of the delivery' as check_name,
        concat_ws(' ', grain_totals.billing_period, grain_totals.billing_account_id) as detail
    from grain_totals
    left join deliveries
        on
            grain_totals.billing_period = deliveries.billing_period
            and grain_totals.billing_account_id = deliveries.payer_account_id
    where deliveries.delivery_key is null
)

select * from failures
