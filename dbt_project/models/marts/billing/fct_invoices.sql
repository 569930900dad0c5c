{# One draft per billing group and period, with what became of it (D1): the numbers are today's, also after a document
   was issued; what was issued stands in fct_documents. A view, so that an approval shows without building anything. #}
with

drafts as (
    select * from {{ ref('int_invoice_drafts') }}
),

proposed_documents as (
    select * from {{ ref('fct_proposed_documents') }}
    where revision = 0
),

issued_documents as (
    select * from {{ ref('fct_documents') }}
    where revision = 0
),

final as (
    select
        drafts.billing_period,
        drafts.billing_group_id,
        drafts.billing_group_name,
        drafts.customer_id,
        drafts.customer_name,
        drafts.issuer_id,
        drafts.currency,
        drafts.minor_units,
        drafts.fx_rate,
        drafts.fx_source,
        drafts.exact_amount_usd,
        drafts.net_amount,
        drafts.credit_amount,
        drafts.taxable_amount,
        drafts.tax_amount,
        drafts.total_amount,
        drafts.rounding_difference,
        drafts.line_count,
        case
            when issued_documents.number is not null then 'issued'
            else coalesce(proposed_documents.state, 'draft')
        end as state,
        issued_documents.number as invoice_number,
        drafts.open_problems,
        drafts.is_final
    from drafts
    left join proposed_documents
        on
            drafts.billing_period = proposed_documents.billing_period
            and drafts.billing_group_id = proposed_documents.billing_group_id
    left join issued_documents
        on
            drafts.billing_period = issued_documents.billing_period
            and drafts.billing_group_id = issued_documents.billing_group_id
)

select * from final
