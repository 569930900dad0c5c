{# D7: why a group's document for a period must not be issued. Only what touches the group: its own rows, and those of a
   shared cost that it bears a part of. #}
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
    where stage = 'raw'
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
        reconciliation.billing_account_id as subject,
        'AWS total and charges of the payer differ by ' || cast(reconciliation.residual as varchar) as detail
    from touching
    inner join reconciliation
        on
            touching.billing_period = reconciliation.billing_period
            and touching.billing_account_id = reconciliation.billing_account_id
    where reconciliation.residual <> 0
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
        billing_period,
        billing_group_id,
        refusal,
        subject,
        detail
    from reasons
    where billing_group_id <> 'UNASSIGNED'
)

select * from final
