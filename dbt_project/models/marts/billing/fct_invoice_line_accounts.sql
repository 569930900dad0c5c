{{ config(materialized='billing_period') }}
{# M5, M6: each line split over its accounts, with the credits drawn on each part and its tax category. #}
with

parts as (
    select * from {{ ref('int_invoice_line_accounts') }}
    where {{ is_current_period('billing_period') }}
),

line_parts as (
    select * from {{ ref('int_invoice_line_parts') }}
    where {{ is_current_period('billing_period') }}
),

final as (
    select
        parts.billing_period,
        parts.billing_group_id,
        parts.invoice_line_key,
        parts.sub_account_id,
        parts.exact_amount_usd,
        parts.net_amount,
        case
            when parts.net_amount is not null then coalesce(line_parts.credit_amount, cast(0 as decimal(22, 4)))
        end as credit_amount,
        case when parts.line_kind = 'aws_tax' then 'O' else line_parts.tax_category end as tax_category,
        case
            when parts.line_kind = 'aws_tax' then cast(0 as decimal(12, 4)) else line_parts.tax_rate
        end as tax_rate
    from parts
    left join line_parts
        on
            parts.billing_period = line_parts.billing_period
            and parts.invoice_line_key = line_parts.invoice_line_key
            and parts.sub_account_id = line_parts.sub_account_id
)

select * from final
