{{ config(meta={'dagster': {'ref': {'name': 'fct_group_charges'}}}) }}
{# A row here means that a cost was shared out as more or less than it is, that a charge of a whole group does not
   follow from what stands beside it, or that pricing the month again under its own policy gave another sum. #}
with

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ in_built_periods('billing_period') }}
),

group_charges as (
    select * from {{ ref('fct_group_charges') }}
    where {{ in_built_periods('billing_period') }}
),

policies as (
    select * from {{ ref('fct_commitment_policies') }}
    where {{ in_built_periods('billing_period') }}
),

shared_cost_rules as (
    select * from {{ source('billing', 'shared_cost_rules') }}
),

-- What was taken from accounts; who bears what nobody shares is an open problem, not an error.
taken as (
    select
        billing_period,
        shared_cost_rule_id as source_id,
        sum(aws_cost) as amount
    from charges
    where treatment_reason = 'shared_cost'
    group by billing_period, shared_cost_rule_id
),

spread as (
    select
        group_charges.billing_period,
        group_charges.source_id,
        group_charges.part,
        max(group_charges.method) as method,
        max(shared_cost_rules.source_kind) as source_kind,
        max(group_charges.base_amount) as base_amount,
        sum(group_charges.billed_cost) as billed_cost
    from group_charges
    inner join shared_cost_rules on group_charges.source_id = shared_cost_rules.shared_cost_rule_id
    where group_charges.kind = 'shared_cost'
    group by group_charges.billing_period, group_charges.source_id, group_charges.part
),

failures as (
    select
        'shared out <> taken from the account (G1)' as check_name,
        concat_ws(' ', spread.billing_period, spread.source_id, taken.amount, spread.billed_cost) as detail
    from spread
    left join taken on spread.billing_period = taken.billing_period and spread.source_id = taken.source_id
    where spread.source_kind = 'account' and coalesce(taken.amount, 0) <> spread.billed_cost
    union all
    select
        'parts <> whole (M5)' as check_name,
        concat_ws(' ', billing_period, source_id, part, base_amount, billed_cost) as detail
    from spread
    where
        (source_kind = 'fixed' and billed_cost <> base_amount)
        or (method = 'NORMALIZED_HOURS' and billed_cost <> -base_amount)
    union all
    select
        'percentage of base <> billed (G3)' as check_name,
        concat_ws(' ', billing_period, billing_group_id, source_id, base_amount, percentage, billed_cost) as detail
    from group_charges
    where
        percentage is not null
        and billed_cost <> base_amount * cast(percentage * 0.01 as decimal(18, 4))
    union all
    select
        'true-up does not reach the commitment (G5)' as check_name,
        concat_ws(' ', billing_period, billing_group_id, committed_amount, base_amount, billed_cost) as detail
    from group_charges
    where
        kind = 'minimum_commitment'
        and base_amount + billed_cost <> greatest(base_amount, committed_amount)
    union all
    select
        'charge key is not unique' as check_name,
        concat_ws(' ', billing_period, billing_group_id, kind, source_id, sub_account_id, service_code, part)
            as detail
    from group_charges
    group by billing_period, billing_group_id, kind, source_id, sub_account_id, service_code, part
    having count(*) > 1
    union all
    select
        'priced again under its own policy <> rated charges (RS6)' as check_name,
        concat_ws(' ', billing_period, billing_group_id, policy, difference) as detail
    from policies
    where is_applied and difference <> 0
)

select * from failures
