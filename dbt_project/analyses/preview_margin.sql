{# What a changed configuration does to the margin (X3) in USD: of a period, of each group in it, and of each part of
   that (level `period`, `group`, `component`). Variable: billing_periods. #}
with

margin as (
    select * from {{ ref('fct_margin') }}
    where {{ is_compared_period('billing_period') }}
),

baseline_margin as (
    select * from {{ source('baseline', 'fct_margin') }}
    where {{ is_compared_period('billing_period') }}
),

sides as (
    select
        'before' as side,
        *
    from baseline_margin
    union all by name
    select
        'after' as side,
        *
    from margin
),

levels as (
    select
        'component' as level,
        *
    from sides
    union all by name
    select
        'group' as level,
        * replace (null as component)
    from sides
    union all by name
    select
        'period' as level,
        * replace (null as billing_group_id, null as component)
    from sides
),

compared as (
    select
        level,
        billing_period,
        billing_group_id,
        component,
        {{ before_and_after('amount', 'decimal(38, 24)') }}
    from levels
    group by level, billing_period, billing_group_id, component
),

final as (
    select * from compared
    where amount_before <> amount_after
)

select * from final
