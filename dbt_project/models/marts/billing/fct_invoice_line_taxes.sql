{{ config(materialized='billing_period') }}
{# T4: a line by tax category and rate; several where some of its accounts are exempt. What the e-invoice has as lines.
   #}
with

parts as (
    select * from {{ ref('int_invoice_line_parts') }}
    where {{ is_current_period('billing_period') }}
),

final as (
    select
        billing_period,
        billing_group_id,
        invoice_line_key,
        tax_category,
        tax_rate,
        max(tax_name) as tax_name,
        max(exemption_reason) as exemption_reason,
        max(tax_case) as tax_case,
        cast(sum(net_amount) as decimal(22, 4)) as net_amount,
        cast(sum(credit_amount) as decimal(22, 4)) as credit_amount
    from parts
    group by billing_period, billing_group_id, invoice_line_key, tax_category, tax_rate
)

select * from final
