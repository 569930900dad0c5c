{# All amounts without tax: AWS's own tax is never the reseller's margin (X3). Amounts are signed, totals plain sums
   (M2). #}
with

charges as (
    select * from {{ ref('fct_charges') }}
),

group_charges as (
    select * from {{ ref('fct_group_charges') }}
),

margin_parts as (
    select * from {{ ref('fct_margin') }}
),

billing_groups as (
    select * from {{ source('billing', 'billing_groups') }}
),

summed as (
    select
        billing_period,
        billing_group_id,
        cast(sum(list_cost) filter (where charge_type <> 'aws_tax') as decimal(38, 10)) as list_cost,
        cast(sum(aws_cost) filter (where charge_type <> 'aws_tax') as decimal(38, 10)) as aws_cost,
        cast(sum(billed_cost) filter (where charge_type <> 'aws_tax') as decimal(38, 24)) as rated_charges,
        cast(
            sum(aws_cost) filter (where charge_type <> 'aws_tax' and treatment = 'withheld') as decimal(38, 10)
        ) as withheld_aws_cost,
        cast(
            sum(aws_cost) filter (where charge_type <> 'aws_tax' and treatment = 'unrated') as decimal(38, 10)
        ) as unrated_aws_cost,
        cast(sum(row_count) as bigint) as row_count
    from charges
    group by billing_period, billing_group_id
),

summed_group_charges as (
    select
        billing_period,
        billing_group_id,
        cast(sum(billed_cost) as decimal(38, 24)) as group_charges
    from group_charges
    group by billing_period, billing_group_id
),

summed_credits as (
    select
        billing_period,
        billing_group_id,
        amount as customer_credits
    from margin_parts
    where component = 'customer_credits'
),

filled as (
    select
        billing_period,
        billing_group_id,
        coalesce(summed.list_cost, 0) as list_cost,
        coalesce(summed.aws_cost, 0) as aws_cost,
        coalesce(summed.rated_charges, 0) as rated_charges,
        coalesce(summed_group_charges.group_charges, 0) as group_charges,
        coalesce(summed.rated_charges, 0) + coalesce(summed_group_charges.group_charges, 0) as billed_cost,
        coalesce(summed_credits.customer_credits, 0) as customer_credits,
        coalesce(summed.rated_charges, 0) + coalesce(summed_group_charges.group_charges, 0)
        + coalesce(summed_credits.customer_credits, 0) as charged,
        coalesce(summed.rated_charges, 0) + coalesce(summed_group_charges.group_charges, 0)
        + coalesce(summed_credits.customer_credits, 0) - coalesce(summed.aws_cost, 0) as margin,
        coalesce(summed.withheld_aws_cost, 0) as withheld_aws_cost,
        coalesce(summed.unrated_aws_cost, 0) as unrated_aws_cost,
        coalesce(summed.row_count, 0) as row_count
    from summed
    full join summed_group_charges using (billing_period, billing_group_id)
    left join summed_credits using (billing_period, billing_group_id)
),

final as (
    select
        filled.billing_period,
        filled.billing_group_id,
        coalesce(billing_groups.billing_group_name, 'Unassigned accounts') as billing_group_name,
        cast(filled.list_cost as decimal(38, 10)) as list_cost,
        cast(filled.aws_cost as decimal(38, 10)) as aws_cost,
        cast(filled.rated_charges as decimal(38, 24)) as rated_charges,
        cast(filled.group_charges as decimal(38, 24)) as group_charges,
        cast(filled.billed_cost as decimal(38, 24)) as billed_cost,
        cast(filled.customer_credits as decimal(38, 24)) as customer_credits,
        cast(filled.margin as decimal(38, 24)) as margin,
        {{ percentage_of('filled.margin', 'filled.charged') }} as margin_percentage,
        {{ percentage_of('filled.margin', 'filled.aws_cost') }} as markup_percentage,
        cast(filled.withheld_aws_cost as decimal(38, 10)) as withheld_aws_cost,
        cast(filled.unrated_aws_cost as decimal(38, 10)) as unrated_aws_cost,
        cast(filled.row_count as bigint) as row_count
    from filled
    left join billing_groups on filled.billing_group_id = billing_groups.billing_group_id
)

select * from final
