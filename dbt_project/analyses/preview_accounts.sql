{# Accounts whose rows move from one billing group to another (P3, P4), in whole or, where it moves inside a month,
   in part: one row per period, account and group with what it leaves or brings. AWS's cost shows how much of it
   moves; the billed cost is what its own rows are charged there. Variable: billing_periods. #}
with

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ is_compared_period('billing_period') }}
),

baseline_charges as (
    select * from {{ source('baseline', 'fct_charges') }}
    where {{ is_compared_period('billing_period') }}
),

sides as (
    select
        'before' as side,
        billing_period,
        billing_group_id,
        sub_account_id,
        row_count,
        aws_cost,
        billed_cost
    from baseline_charges
    union all
    select
        'after' as side,
        billing_period,
        billing_group_id,
        sub_account_id,
        row_count,
        aws_cost,
        billed_cost
    from charges
),

compared as (
    select
        billing_period,
        sub_account_id,
        billing_group_id,
        {{ before_and_after('row_count', 'bigint') }},
        {{ before_and_after('aws_cost', 'decimal(38, 10)') }},
        {{ before_and_after('billed_cost', 'decimal(38, 20)') }}
    from sides
    group by billing_period, sub_account_id, billing_group_id
),

final as (
    select * from compared
    where row_count_before <> row_count_after or aws_cost_before <> aws_cost_after
)

select * from final
