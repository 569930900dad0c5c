{# D3, D4, D5: the lines that were issued; those of corrections say so, and why. #}
with

document_lines as (
    select * from {{ source('ledger', 'document_lines') }}
),

documents as (
    select * from {{ source('ledger', 'documents') }}
),

final as (
    select
        documents.number,
        documents.billing_period,
        documents.billing_group_id,
        cast(document_lines.line_number as integer) as line_number,
        document_lines.invoice_line_key,
        document_lines.line_kind,
        document_lines.source_id,
        document_lines.service_code,
        document_lines.description,
        document_lines.charge_class,
        document_lines.cause,
        documents.currency,
        cast(documents.minor_units as integer) as minor_units,
        cast(document_lines.exact_amount_usd as decimal(38, 24)) as exact_amount_usd,
        cast(document_lines.net_amount as decimal(22, 4)) as net_amount,
        cast(document_lines.credit_amount as decimal(22, 4)) as credit_amount
    from document_lines
    inner join documents on document_lines.document_id = documents.document_id
)

select * from final
