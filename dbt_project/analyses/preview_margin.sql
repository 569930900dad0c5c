{# What a changed configuration does to the margin (X3) in USD: of a period, of each group in it, and of each part of that
   (level `period`, `group`, `component`). Variable: billing_periods. #}
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

compared as (
    select
        case
            when grouping(component) = 0 then 'component'
            when grouping(billing_group_id) = 0 then 'group'
            else 'period'
        end as level,
        billing_period,
        billing_group_id,
        component,
        {{ before_and_after('amount', 'decimal(38, 24)') }}
    from sides
    group by grouping sets (
        (billing_period),
        (billing_period, billing_group_id),
        (billing_period, billing_group_id, component)
    )
),

final as (
    select * from compared
    where amount_before <> amount_after
)

select * from final
