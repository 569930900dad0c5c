{{ config(materialized='billing_period') }}
{# The lines of a draft as the customer sees them: net (I1, I2), credits drawn (K1) and tax category (T2). A line of
   which some accounts are exempt has several categories, listed in fct_invoice_line_taxes; here it shows the taxed
   one. #}
with

lines as (
    select * from {{ ref('int_invoice_lines') }}
    where {{ is_current_period('billing_period') }}
),

parts as (
    select * from {{ ref('int_invoice_line_parts') }}
    where {{ is_current_period('billing_period') }}
),

line_taxes as (
    select
        billing_period,
        invoice_line_key,
        cast(sum(credit_amount) as decimal(22, 4)) as credit_amount,
        arg_max(tax_category, (coalesce(tax_rate, 1000), tax_category)) as tax_category,
        arg_max(tax_rate, (coalesce(tax_rate, 1000), tax_category)) as tax_rate,
        count(distinct coalesce(tax_category, '') || coalesce(cast(tax_rate as varchar), '')) > 1
            as has_several_categories,
        bool_or(tax_category is null) as is_tax_rate_missing
    from parts
    group by billing_period, invoice_line_key
),

final as (
    select
        lines.billing_period,
        lines.billing_group_id,
        lines.invoice_line_key,
        lines.line_number,
        lines.line_kind,
        lines.source_id,
        lines.service_code,
        lines.service_name,
        lines.description,
        lines.exact_amount_usd,
        lines.currency,
        lines.minor_units,
        lines.fx_rate,
        lines.fx_source,
        lines.net_amount,
        case
            when lines.net_amount is not null then coalesce(line_taxes.credit_amount, cast(0 as decimal(22, 4)))
        end as credit_amount,
        case
            when lines.line_kind = 'aws_tax' then 'O'
            when not line_taxes.is_tax_rate_missing then line_taxes.tax_category
        end as tax_category,
        case
            when lines.line_kind = 'aws_tax' then cast(0 as decimal(12, 4))
            when not line_taxes.is_tax_rate_missing then line_taxes.tax_rate
        end as tax_rate,
        coalesce(line_taxes.has_several_categories, false) as has_several_tax_categories,
        lines.rounding_difference
    from lines
    left join line_taxes
        on
            lines.billing_period = line_taxes.billing_period
            and lines.invoice_line_key = line_taxes.invoice_line_key
)

select * from final
