{# Open problems that a changed configuration brings, ends, or changes the money of. Variable: billing_periods. #}
with

problems as (
    select * from {{ ref('fct_open_problems') }}
    where {{ is_compared_period('billing_period') }}
),

baseline_problems as (
    select * from {{ source('baseline', 'fct_open_problems') }}
    where {{ is_compared_period('billing_period') }}
),

sides as (
    select
        'before' as side,
        *
    from baseline_problems
    union all by name
    select
        'after' as side,
        *
    from problems
),

compared as (
    select
        billing_period,
        billing_group_id,
        problem,
        subject,
        -- A detail names amounts: by it, every amount that changes would be a problem that goes and one that appears.
        coalesce(max(detail) filter (where side = 'after'), max(detail)) as detail,
        case
            when not bool_or(side = 'before') then 'appears'
            when not bool_or(side = 'after') then 'goes'
            else 'changes'
        end as change,
        {{ before_and_after('row_count', 'bigint') }},
        {{ before_and_after('aws_cost', 'decimal(38, 10)') }},
        {{ before_and_after('amount_at_stake', 'decimal(38, 10)') }}
    from sides
    group by billing_period, billing_group_id, problem, subject
),

final as (
    select * from compared
    where
        change <> 'changes'
        or row_count_before <> row_count_after
        or aws_cost_before <> aws_cost_after
        or amount_at_stake_before is distinct from amount_at_stake_after
)

select * from final
