{{ config(materialized='billing_period', reads_raw=true) }}
{# X4, G66: what the CUR says of each of AWS's invoices, by the service under which AWS's invoice shows it. It reads the
   rows themselves: the usage grain does not know the invoice, and need not for any rule. #}
with

line_items as (
    select * from {{ ref('stg_cur__line_items') }}
    where not is_split_cost and {{ is_current_period('billing_period') }}
),

final as (
    select
        billing_period,
        billing_account_id,
        aws_invoice_id,
        invoice_service_code,
        service_code,
        case line_item_type
            when 'Credit' then 'credits'
            when 'Refund' then 'refunds'
            when 'Tax' then 'tax'
            else 'charges'
        end as part,
        cast(
            sum(
                unblended_cost + bundled_discount_cost + partner_discount_cost + negotiated_discount_cost
            ) as decimal(38, 10)
        ) as aws_cost,
        count(*) as row_count,
        count(*) filter (where is_open) as open_row_count
    from line_items
    group by billing_period, billing_account_id, aws_invoice_id, invoice_service_code, service_code, part
)

select * from final
