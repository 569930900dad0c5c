{{ config(meta={'dagster': {'ref': {'name': 'fct_daily_costs'}}}) }}
{# A row here means that the days of a service do not sum to its charges of the month, in AWS's cost or in what is
   billed, to the last decimal (M5, M6). #}
with

daily as (
    select
        billing_period,
        billing_group_id,
        service_code,
        charge_category,
        sum(aws_cost) as aws_cost,
        sum(billed_cost) as billed_cost
    from {{ ref('fct_daily_costs') }}
    where {{ in_built_periods('billing_period') }}
    group by billing_period, billing_group_id, service_code, charge_category
),

charges as (
    select
        billing_period,
        billing_group_id,
        service_code,
        charge_category,
        sum(aws_cost) as aws_cost,
        sum(billed_cost) as billed_cost
    from {{ ref('fct_charges') }}
    where charge_type <> 'aws_tax' and {{ in_built_periods('billing_period') }}
    group by billing_period, billing_group_id, service_code, charge_category
),

failures as (
    select
        'daily_costs__charges' as check_id,
        concat_ws(' ', billing_period, billing_group_id, service_code, charge_category) as failing_row,
        concat_ws(
            ' ', 'AWS cost', coalesce(daily.aws_cost, 0), 'charges', coalesce(charges.aws_cost, 0),
            'billed', coalesce(daily.billed_cost, 0), 'charges', coalesce(charges.billed_cost, 0)
        ) as found
    from daily
    full join charges using (billing_period, billing_group_id, service_code, charge_category)
    -- Charges that cancel out may have no day, and days that cost nothing no charge.
    where
        coalesce(daily.aws_cost, 0) <> coalesce(charges.aws_cost, 0)
        or coalesce(daily.billed_cost, 0) <> coalesce(charges.billed_cost, 0)
)

select * from failures
