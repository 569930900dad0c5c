{# D3: what was issued, as it was issued. #}
with

documents as (
    select * from {{ source('ledger', 'documents') }}
),

approvals as (
    select * from {{ source('ledger', 'approvals') }}
),

final as (
    select
        documents.document_id,
        documents.number,
        documents.kind,
        documents.billing_period,
        documents.billing_group_id,
        cast(documents.revision as integer) as revision,
        originals.number as reference_number,
        documents.issuer_id,
        documents.customer_id,
        documents.currency,
        cast(documents.minor_units as integer) as minor_units,
        cast(coalesce(documents.fx_rate, 1) as decimal(18, 10)) as fx_rate,
        cast(documents.net_amount as decimal(22, 4)) as net_amount,
        cast(documents.credit_amount as decimal(22, 4)) as credit_amount,
        cast(documents.taxable_amount as decimal(22, 4)) as taxable_amount,
        cast(documents.tax_amount as decimal(22, 4)) as tax_amount,
        cast(documents.total_amount as decimal(22, 4)) as total_amount,
        documents.issue_date,
        documents.due_date,
        timezone('UTC', documents.issued_at) as issued_at,
        documents.issued_by,
        timezone('UTC', approvals.approved_at) as approved_at,
        approvals.approved_by,
        documents.draft_hash,
        documents.content_sha256,
        documents.chain_hash
    from documents
    left join documents as originals on documents.reference_document_id = originals.document_id
    left join approvals on documents.approval_id = approvals.approval_id
)

select * from final
