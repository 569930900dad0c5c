{# All amounts without tax: AWS's own tax is never the reseller's margin (X3). Amounts are signed, totals plain sums
   (M2). #}
with

charges as (
    select * from {{ ref('fct_charges') }}
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
        cast(sum(billed_cost) filter (where charge_type <> 'aws_tax') as decimal(38, 20)) as billed_cost,
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

filled as (
    select
        billing_period,
        billing_group_id,
        coalesce(list_cost, 0) as list_cost,
        coalesce(aws_cost, 0) as aws_cost,
        coalesce(billed_cost, 0) as billed_cost,
        coalesce(billed_cost, 0) - coalesce(aws_cost, 0) as margin,
        coalesce(withheld_aws_cost, 0) as withheld_aws_cost,
        coalesce(unrated_aws_cost, 0) as unrated_aws_cost,
        row_count
    from summed
),

final as (
    select
        filled.billing_period,
        filled.billing_group_id,
        coalesce(billing_groups.billing_group_name, 'Unassigned accounts') as billing_group_name,
        filled.list_cost,
        filled.aws_cost,
        filled.billed_cost,
        cast(filled.margin as decimal(38, 20)) as margin,
        {{ percentage_of('filled.margin', 'filled.billed_cost') }} as margin_percentage,
        {{ percentage_of('filled.margin', 'filled.aws_cost') }} as markup_percentage,
        filled.withheld_aws_cost,
        filled.unrated_aws_cost,
        filled.row_count
    from filled
    left join billing_groups on filled.billing_group_id = billing_groups.billing_group_id
)

select * from final
