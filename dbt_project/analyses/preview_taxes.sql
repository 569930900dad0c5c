{# What a changed configuration does to the tax of each invoice, per category and rate (T3). Variable:
   billing_periods. #}
with

taxes as (
    select * from {{ ref('fct_invoice_taxes') }}
    where {{ is_compared_period('billing_period') }}
),

baseline_taxes as (
    select * from {{ source('baseline', 'fct_invoice_taxes') }}
    where {{ is_compared_period('billing_period') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

sides as (
    select
        'before' as side,
        *
    from baseline_taxes
    union all by name
    select
        'after' as side,
        *
    from taxes
),

compared as (
    select
        sides.billing_period,
        sides.billing_group_id,
        sides.currency,
        max(currencies.minor_units) as minor_units,
        sides.tax_category,
        sides.tax_name,
        sides.tax_rate,
        {{ before_and_after('taxable_amount', 'decimal(22, 4)') }},
        {{ before_and_after('tax_amount', 'decimal(22, 4)') }}
    from sides
    left join currencies on sides.currency = currencies.currency
    group by
        sides.billing_period, sides.billing_group_id, sides.currency, sides.tax_category, sides.tax_name, sides.tax_rate
),

final as (
    select * from compared
    where
        taxable_amount_before is distinct from taxable_amount_after
        or tax_amount_before is distinct from tax_amount_after
)

select * from final
