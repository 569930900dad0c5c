{# What a changed configuration does to decisions that were taken: corrections of issued documents that it makes
   necessary, changes or ends (effect `correction`: D4, D6), and approvals of numbers that would be others (effect
   `approval`: D1). Before are the amounts proposed, or approved, with the configuration in force. Variable:
   billing_periods. #}
with

proposals as (
    select * from {{ ref('fct_proposed_documents') }}
    where {{ is_compared_period('billing_period') }}
),

baseline_proposals as (
    select * from {{ source('baseline', 'fct_proposed_documents') }}
    where {{ is_compared_period('billing_period') }}
),

causes as (
    select * from {{ source('raw', 'proposal_causes') }}
),

lapsed as (
    select
        baseline_proposals.billing_period,
        baseline_proposals.billing_group_id
    from baseline_proposals
    left join proposals
        on
            baseline_proposals.billing_period = proposals.billing_period
            and baseline_proposals.billing_group_id = proposals.billing_group_id
    where
        baseline_proposals.state = 'approved'
        and baseline_proposals.draft_hash is distinct from proposals.draft_hash
),

sides as (
    select
        'before' as side,
        'correction' as effect,
        *
    from baseline_proposals
    where revision > 0
    union all by name
    select
        'after' as side,
        'correction' as effect,
        *
    from proposals
    where revision > 0
    union all by name
    select
        'before' as side,
        'approval' as effect,
        baseline_proposals.*
    from baseline_proposals
    inner join lapsed
        on
            baseline_proposals.billing_period = lapsed.billing_period
            and baseline_proposals.billing_group_id = lapsed.billing_group_id
    union all by name
    select
        'after' as side,
        'approval' as effect,
        proposals.*
    from proposals
    inner join lapsed
        on
            proposals.billing_period = lapsed.billing_period
            and proposals.billing_group_id = lapsed.billing_group_id
),

compared as (
    select
        effect,
        billing_period,
        billing_group_id,
        coalesce(reference_number, '') as reference_number,
        currency,
        max(minor_units) as minor_units,
        max(kind) filter (where side = 'before') as kind_before,
        max(kind) filter (where side = 'after') as kind_after,
        max(approved_by) filter (where side = 'before') as approved_by,
        {{ before_and_after('net_amount', 'decimal(22, 4)') }},
        {{ before_and_after('credit_amount', 'decimal(22, 4)') }},
        {{ before_and_after('tax_amount', 'decimal(22, 4)') }},
        {{ before_and_after('total_amount', 'decimal(22, 4)') }}
    from sides
    group by effect, billing_period, billing_group_id, coalesce(reference_number, ''), currency
),

final as (
    select
        compared.*,
        coalesce(causes.cause, '') as cause
    from compared
    left join causes
        on
            compared.billing_period = causes.billing_period
            and compared.billing_group_id = causes.billing_group_id
            and causes.compared_with = case compared.effect when 'correction' then 'issued' else 'approved' end
    where
        compared.effect = 'approval'
        or compared.kind_before is distinct from compared.kind_after
        or compared.net_amount_before is distinct from compared.net_amount_after
        or compared.credit_amount_before is distinct from compared.credit_amount_after
        or compared.tax_amount_before is distinct from compared.tax_amount_after
)

select * from final
