{{ config(materialized='billing_period') }}
{# T3, T5: tax per category and rate, on the sum of the rounded lines after credits, rounded once. #}
with

parts as (
    select * from {{ ref('int_invoice_line_parts') }}
    where net_amount is not null and tax_category is not null and {{ is_current_period('billing_period') }}
),

bases as (
    select
        billing_period,
        billing_group_id,
        currency,
        minor_units,
        tax_category,
        tax_rate,
        max(tax_name) as tax_name,
        coalesce(string_agg(distinct nullif(exemption_reason, ''), '; ' order by nullif(exemption_reason, '')), '')
            as exemption_reason,
        cast(sum(net_amount + credit_amount) as decimal(22, 4)) as taxable_amount
    from parts
    group by billing_period, billing_group_id, currency, minor_units, tax_category, tax_rate
),

final as (
    select
        billing_period,
        billing_group_id,
        currency,
        tax_category,
        tax_name,
        tax_rate,
        exemption_reason,
        taxable_amount,
        cast(
            {{ round_to_minor_unit('taxable_amount * tax_rate * 0.01', 'minor_units') }} as decimal(22, 4)
        ) as tax_amount
    from bases
)

select * from final
