{# D1, D2, D4: what can be approved and issued now: the first document of a group and period that has lines, and after
   it one correction where anything differs from what was issued. A view, so that an approval shows without building
   anything. #}
with

drafts as (
    select * from {{ ref('int_invoice_drafts') }}
),

draft_hashes as (
    select * from {{ ref('int_invoice_draft_hashes') }}
),

differences as (
    select * from {{ ref('fct_document_differences') }}
),

documents as (
    select * from {{ source('ledger', 'documents') }}
),

approvals as (
    select approvals.*
    from {{ source('ledger', 'approvals') }} as approvals
    left join {{ source('ledger', 'approval_withdrawals') }} as withdrawals
        on approvals.approval_id = withdrawals.approval_id
    where withdrawals.approval_id is null
),

issued as (
    select
        billing_period,
        billing_group_id,
        cast(count(*) as integer) as document_count,
        min(number) filter (where revision = 0) as reference_number,
        max(currency) as currency,
        cast(max(minor_units) as integer) as minor_units,
        cast(sum(net_amount) as decimal(22, 4)) as net_amount,
        cast(sum(credit_amount) as decimal(22, 4)) as credit_amount,
        cast(sum(tax_amount) as decimal(22, 4)) as tax_amount,
        cast(sum(total_amount) as decimal(22, 4)) as total_amount,
        string_agg(chain_hash, chr(31) order by document_id) as chain_hashes
    from documents
    group by billing_period, billing_group_id
),

changed_groups as (
    select distinct
        billing_period,
        billing_group_id
    from differences
    -- Money that moves between the accounts of a line changes no document.
    where level in ('line', 'tax')
),

proposals as (
    select
        drafts.billing_period,
        drafts.billing_group_id,
        0 as revision,
        null as reference_number,
        drafts.currency,
        drafts.minor_units,
        drafts.net_amount,
        drafts.credit_amount,
        drafts.tax_amount,
        drafts.total_amount,
        draft_hashes.draft_hash
    from drafts
    inner join draft_hashes
        on
            drafts.billing_period = draft_hashes.billing_period
            and drafts.billing_group_id = draft_hashes.billing_group_id
    left join issued
        on
            drafts.billing_period = issued.billing_period
            and drafts.billing_group_id = issued.billing_group_id
    where drafts.line_count > 0 and issued.document_count is null
    union all
    select
        issued.billing_period,
        issued.billing_group_id,
        issued.document_count as revision,
        issued.reference_number,
        issued.currency,
        issued.minor_units,
        coalesce(drafts.net_amount, 0) - issued.net_amount as net_amount,
        coalesce(drafts.credit_amount, 0) - issued.credit_amount as credit_amount,
        coalesce(drafts.tax_amount, 0) - issued.tax_amount as tax_amount,
        coalesce(drafts.total_amount, 0) - issued.total_amount as total_amount,
        sha256(coalesce(draft_hashes.draft_hash, '') || chr(31) || issued.chain_hashes) as draft_hash
    from issued
    inner join changed_groups
        on
            issued.billing_period = changed_groups.billing_period
            and issued.billing_group_id = changed_groups.billing_group_id
    left join drafts
        on
            issued.billing_period = drafts.billing_period
            and issued.billing_group_id = drafts.billing_group_id
    left join draft_hashes
        on
            issued.billing_period = draft_hashes.billing_period
            and issued.billing_group_id = draft_hashes.billing_group_id
),

-- D2, D4: the net amount decides; where only credits or tax changed, the total.
kinds as (
    select
        proposals.*,
        case
            when coalesce(nullif(net_amount, 0), total_amount) < 0 then 'credit_note'
            when revision = 0 then 'invoice'
            else 'supplementary_invoice'
        end as kind
    from proposals
),

-- D1: an approval names the numbers; one of other numbers has lapsed.
matched as (
    select
        approvals.*,
        approvals.draft_hash = kinds.draft_hash and approvals.kind = kinds.kind as is_current
    from kinds
    inner join approvals
        on
            kinds.billing_period = approvals.billing_period
            and kinds.billing_group_id = approvals.billing_group_id
            and kinds.revision = approvals.revision
),

decided as (
    select
        billing_period,
        billing_group_id,
        arg_max(approved_by, approval_id) filter (where is_current) as approved_by,
        arg_max(approved_at, approval_id) filter (where is_current) as approved_at,
        arg_max(note, approval_id) filter (where is_current) as approval_note,
        arg_max(approved_by, approval_id) as last_approved_by,
        arg_max(approved_at, approval_id) as last_approved_at
    from matched
    group by billing_period, billing_group_id
),

final as (
    select
        kinds.billing_period,
        kinds.billing_group_id,
        kinds.revision,
        kinds.kind,
        kinds.reference_number,
        kinds.currency,
        kinds.minor_units,
        cast(kinds.net_amount as decimal(22, 4)) as net_amount,
        cast(kinds.credit_amount as decimal(22, 4)) as credit_amount,
        cast(kinds.tax_amount as decimal(22, 4)) as tax_amount,
        cast(kinds.total_amount as decimal(22, 4)) as total_amount,
        kinds.draft_hash,
        case when decided.approved_by is not null then 'approved' else 'draft' end as state,
        decided.approved_by,
        timezone('UTC', decided.approved_at) as approved_at,
        decided.approval_note,
        case when decided.approved_by is null then decided.last_approved_by end as lapsed_approval_by,
        case when decided.approved_by is null then timezone('UTC', decided.last_approved_at) end as lapsed_approval_at
    from kinds
    left join decided
        on
            kinds.billing_period = decided.billing_period
            and kinds.billing_group_id = decided.billing_group_id
)

select * from final
