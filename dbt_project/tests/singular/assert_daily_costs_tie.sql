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
)

select
    concat_ws(
        ' ', billing_period, billing_group_id, service_code, charge_category, daily.aws_cost, charges.aws_cost,
        daily.billed_cost, charges.billed_cost
    ) as detail
from daily
full join charges using (billing_period, billing_group_id, service_code, charge_category)
where
    daily.aws_cost is distinct from charges.aws_cost
    or daily.billed_cost is distinct from charges.billed_cost
