{# What a changed configuration does to what each rule charges, in exact USD: a pricing rule by its id, charges that
   no rule priced by the path they took, and charges of a whole group by what made them. A row that another rule wins
   goes from the one to the other. Variable: billing_periods. #}
with

charges as (
    select * from {{ ref('fct_charges') }}
    where treatment = 'billed' and {{ is_compared_period('billing_period') }}
),

baseline_charges as (
    select * from {{ source('baseline', 'fct_charges') }}
    where treatment = 'billed' and {{ is_compared_period('billing_period') }}
),

group_charges as (
    select * from {{ ref('fct_group_charges') }}
    where {{ is_compared_period('billing_period') }}
),

baseline_group_charges as (
    select * from {{ source('baseline', 'fct_group_charges') }}
    where {{ is_compared_period('billing_period') }}
),

sides as (
    select
        'before' as side,
        billing_period,
        billing_group_id,
        case
            when charge_type = 'aws_tax' then 'aws_tax'
            when pricing_rule_id <> '' then 'pricing_rule'
            else rating_path
        end as kind,
        pricing_rule_id as source_id,
        cast(billed_cost as decimal(38, 24)) as billed_cost
    from baseline_charges
    union all
    select
        'after' as side,
        billing_period,
        billing_group_id,
        case
            when charge_type = 'aws_tax' then 'aws_tax'
            when pricing_rule_id <> '' then 'pricing_rule'
            else rating_path
        end as kind,
        pricing_rule_id as source_id,
        cast(billed_cost as decimal(38, 24)) as billed_cost
    from charges
    union all
    select
        'before' as side,
        billing_period,
        billing_group_id,
        kind,
        source_id,
        cast(billed_cost as decimal(38, 24)) as billed_cost
    from baseline_group_charges
    union all
    select
        'after' as side,
        billing_period,
        billing_group_id,
        kind,
        source_id,
        cast(billed_cost as decimal(38, 24)) as billed_cost
    from group_charges
),

compared as (
    select
        billing_period,
        billing_group_id,
        kind,
        coalesce(source_id, '') as source_id,
        {{ before_and_after('billed_cost', 'decimal(38, 24)') }}
    from sides
    group by billing_period, billing_group_id, kind, coalesce(source_id, '')
),

final as (
    select * from compared
    where billed_cost_before <> billed_cost_after
)

select * from final
