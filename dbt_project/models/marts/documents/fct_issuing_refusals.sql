{# D7: why a group's document for a period must not be issued. Only what touches the group: its own rows, and those of a
   shared cost that it bears a part of. An override holds for the numbers that it was given for. #}
with

charges as (
    select * from {{ ref('fct_charges') }}
),

group_charges as (
    select * from {{ ref('fct_group_charges') }}
),

drafts as (
    select * from {{ ref('int_invoice_drafts') }}
),

reconciliation as (
    select * from {{ ref('fct_reconciliation') }}
),

proposed_documents as (
    select * from {{ ref('fct_proposed_documents') }}
),

overrides as (
    select * from {{ source('ledger', 'overrides') }}
),

-- X1: money may be missing on one stage alone, as when a charge is of a group that is not there.
residuals as (
    select
        billing_period,
        billing_account_id,
        arg_max(residual, abs(residual)) as residual
    from reconciliation
    where residual <> 0
    group by billing_period, billing_account_id
),

-- Of several the first counts: it is the one that let the document pass.
overridden as (
    select
        proposed_documents.billing_period,
        proposed_documents.billing_group_id,
        overrides.refusal,
        arg_min(overrides.overridden_by, overrides.override_id) as overridden_by,
        arg_min(overrides.overridden_at, overrides.override_id) as overridden_at,
        arg_min(overrides.reason, overrides.override_id) as override_reason
    from proposed_documents
    inner join overrides
        on
            proposed_documents.billing_period = overrides.billing_period
            and proposed_documents.billing_group_id = overrides.billing_group_id
            and proposed_documents.revision = overrides.revision
            and proposed_documents.draft_hash = overrides.draft_hash
    group by proposed_documents.billing_period, proposed_documents.billing_group_id, overrides.refusal
),

troubles as (
    select
        billing_period,
        billing_group_id,
        billing_account_id,
        shared_cost_rule_id,
        sum(open_row_count) as open_row_count,
        coalesce(sum(row_count) filter (where treatment = 'unrated' and treatment_reason = 'unknown_type'), 0)
            as unmapped_row_count,
        coalesce(sum(row_count) filter (where treatment = 'unrated' and treatment_reason <> 'unknown_type'), 0)
            as unrated_row_count
    from charges
    group by billing_period, billing_group_id, billing_account_id, shared_cost_rule_id
),

borne_rules as (
    select distinct
        billing_period,
        billing_group_id,
        source_id
    from group_charges
    where kind = 'shared_cost'
),

touching as (
    select
        billing_period,
        billing_group_id,
        billing_account_id,
        open_row_count,
        unmapped_row_count,
        unrated_row_count
    from troubles
    union all
    select
        troubles.billing_period,
        borne_rules.billing_group_id,
        troubles.billing_account_id,
        troubles.open_row_count,
        troubles.unmapped_row_count,
        troubles.unrated_row_count
    from troubles
    inner join borne_rules
        on
            troubles.billing_period = borne_rules.billing_period
            and troubles.shared_cost_rule_id = borne_rules.source_id
            and troubles.billing_group_id <> borne_rules.billing_group_id
),

reasons as (
    select
        billing_period,
        billing_group_id,
        'not_final' as refusal,
        billing_account_id as subject,
        'Rows on which AWS has not put an invoice id yet; wait for the final delivery' as detail
    from touching
    where open_row_count > 0
    union all
    select
        billing_period,
        billing_group_id,
        'unmapped' as refusal,
        billing_account_id as subject,
        'Rows of a line item type that no charge type is mapped to; add it to the seed charge_types' as detail
    from touching
    where unmapped_row_count > 0
    union all
    select
        billing_period,
        billing_group_id,
        'unrated' as refusal,
        billing_account_id as subject,
        'Rows with a value that cannot be read; see the open problems' as detail
    from touching
    where unrated_row_count > 0
    union all
    select
        touching.billing_period,
        touching.billing_group_id,
        'residual' as refusal,
        residuals.billing_account_id as subject,
        'AWS total and charges of the payer differ by ' || cast(residuals.residual as varchar) as detail
    from touching
    inner join residuals
        on
            touching.billing_period = residuals.billing_period
            and touching.billing_account_id = residuals.billing_account_id
    union all
    select
        billing_period,
        billing_group_id,
        'missing_fx_rate' as refusal,
        currency as subject,
        'No rate from USD to ' || currency || ' for the period in fx_rates.csv' as detail
    from drafts
    where fx_rate is null
    union all
    select
        billing_period,
        billing_group_id,
        'missing_tax_rate' as refusal,
        '' as subject,
        'A taxable line has no rate in tax_rates.csv for issuer, customer and product' as detail
    from drafts
    where contains(open_problems, 'missing_tax_rate')
),

final as (
    select distinct
        reasons.billing_period,
        reasons.billing_group_id,
        reasons.refusal,
        reasons.subject,
        reasons.detail,
        reasons.refusal in ('not_final', 'unmapped', 'unrated') as can_be_overridden,
        overridden.overridden_by,
        timezone('UTC', overridden.overridden_at) as overridden_at,
        overridden.override_reason
    from reasons
    left join overridden
        on
            reasons.billing_period = overridden.billing_period
            and reasons.billing_group_id = overridden.billing_group_id
            and reasons.refusal = overridden.refusal
    where reasons.billing_group_id <> 'UNASSIGNED'
)

select * from final
