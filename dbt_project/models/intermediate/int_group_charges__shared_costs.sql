{# G1: what a shared account or a fixed amount costs, spread over the groups that take part, by largest remainder
   (M5) in units of 1e-10. A target that does not exist in the period takes no part. #}
with

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ is_current_period('billing_period') }}
),

group_periods as (
    select * from {{ ref('int_group_periods') }}
    where {{ is_current_period('billing_period') }}
),

shared_cost_rules as (
    select * from {{ source('billing', 'shared_cost_rules') }}
),

shared_cost_targets as (
    select * from {{ source('billing', 'shared_cost_targets') }}
),

amounts as (
    select
        billing_period,
        shared_cost_rule_id,
        cast(sum(aws_cost) as decimal(38, 10)) as amount
    from charges
    where treatment_reason = 'shared_cost'
    group by billing_period, shared_cost_rule_id
    union all
    select
        built_periods.billing_period,
        shared_cost_rules.shared_cost_rule_id,
        cast(shared_cost_rules.fixed_amount as decimal(38, 10)) as amount
    from (select distinct group_periods.billing_period from group_periods) as built_periods
    inner join shared_cost_rules
        on
            shared_cost_rules.source_kind = 'fixed'
            and built_periods.billing_period >= shared_cost_rules.start_period
            and (shared_cost_rules.end_period is null or built_periods.billing_period < shared_cost_rules.end_period)
),

weighted as (
    select
        amounts.billing_period,
        amounts.shared_cost_rule_id,
        amounts.amount,
        shared_cost_rules.description,
        shared_cost_rules.method,
        group_periods.billing_group_id,
        group_periods.primary_account_id,
        case shared_cost_rules.method
            when 'PROPORTIONAL' then group_periods.rated_charges
            when 'FIXED' then cast(shared_cost_targets.weight as decimal(38, 20))
            else cast(1 as decimal(38, 20))
        end as weight
    from amounts
    inner join shared_cost_rules on amounts.shared_cost_rule_id = shared_cost_rules.shared_cost_rule_id
    inner join shared_cost_targets on amounts.shared_cost_rule_id = shared_cost_targets.shared_cost_rule_id
    inner join group_periods
        on
            amounts.billing_period = group_periods.billing_period
            and shared_cost_targets.billing_group_id = group_periods.billing_group_id
),

totalled as (
    select
        weighted.*,
        cast(
            sum(weight) over (partition by billing_period, shared_cost_rule_id) as decimal(38, 20)
        ) as weight_total
    from weighted
),

-- M5: charges that sum to nothing, or to less, say nothing about who should pay.
parts as (
    select
        totalled.*,
        weight_total <= 0 as is_equal_split,
        {{ exact_units('amount') }} as amount_units,
        case when weight_total <= 0 then cast(1 as hugeint) else {{ exact_units('weight') }} end as weight_units
    from totalled
    -- Configured weights that sum to zero are no weights: the cost is not spread, and listed.
    where method <> 'FIXED' or weight_total > 0
),

final as (
    select
        billing_period,
        billing_group_id,
        shared_cost_rule_id as source_id,
        primary_account_id as sub_account_id,
        description,
        method,
        amount as base_amount,
        amount as split_amount,
        weight,
        weight_total,
        is_equal_split,
        {{ units_to_amount('share_units') }} as billed_cost
    from {{ largest_remainder(
        'parts', ['billing_period', 'shared_cost_rule_id'], 'amount_units', 'weight_units', 'billing_group_id'
    ) }} as split_parts
)

select * from final
