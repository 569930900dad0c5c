{{ config(meta={'dagster': {'ref': {'name': 'fct_margin'}}}) }}
{# A row here means that the parts of a margin are not the margin (X3): they are summed from each charge and compared
   with what the totals say. Credits are taken as converted, since nothing else shows them in dollars. #}
with

margin_parts as (
    select * from {{ ref('fct_margin') }}
    where {{ in_built_periods('billing_period') }}
),

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ in_built_periods('billing_period') }}
),

group_charges as (
    select * from {{ ref('fct_group_charges') }}
    where {{ in_built_periods('billing_period') }}
),

sides as (
    select
        billing_period,
        billing_group_id,
        amount,
        cast(case when component = 'customer_credits' then amount else 0 end as decimal(38, 24)) as margin
    from margin_parts
    union all
    select
        billing_period,
        billing_group_id,
        cast(0 as decimal(38, 24)) as amount,
        cast(billed_cost as decimal(38, 24)) - cast(aws_cost as decimal(38, 24)) as margin
    from charges
    where charge_type <> 'aws_tax'
    union all
    select
        billing_period,
        billing_group_id,
        cast(0 as decimal(38, 24)) as amount,
        cast(billed_cost as decimal(38, 24)) as margin
    from group_charges
)

select
    'margin__parts' as check_id,
    concat_ws(' ', billing_period, billing_group_id) as failing_row,
    concat_ws(' ', 'parts', sum(amount), 'margin', sum(margin)) as found
from sides
group by billing_period, billing_group_id
having sum(amount) <> sum(margin)
