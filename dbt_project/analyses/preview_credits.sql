{# What a changed configuration does to what each customer credit pays, in its currency: negative where it pays (K1).
   Variable: billing_periods. #}
with

credit_ledger as (
    select * from {{ ref('fct_credit_ledger') }}
    where {{ is_compared_period('billing_period') }}
),

baseline_credit_ledger as (
    select * from {{ source('baseline', 'fct_credit_ledger') }}
    where {{ is_compared_period('billing_period') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

sides as (
    select
        'before' as side,
        *
    from baseline_credit_ledger
    union all by name
    select
        'after' as side,
        *
    from credit_ledger
),

compared as (
    select
        sides.billing_period,
        sides.billing_group_id,
        sides.credit_id,
        sides.currency,
        max(currencies.minor_units) as minor_units,
        {{ before_and_after('amount', 'decimal(22, 4)') }}
    from sides
    left join currencies on sides.currency = currencies.currency
    group by sides.billing_period, sides.billing_group_id, sides.credit_id, sides.currency
),

final as (
    select * from compared
    where amount_before <> amount_after
)

select * from final
