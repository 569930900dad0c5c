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
        'group_charges__spread' as check_id,
        concat_ws(' ', spread.billing_period, spread.source_id) as failing_row,
        concat_ws(' ', 'taken', coalesce(taken.amount, 0), 'shared out', spread.billed_cost) as found
    from spread
    left join taken on spread.billing_period = taken.billing_period and spread.source_id = taken.source_id
    where spread.source_kind = 'account' and coalesce(taken.amount, 0) <> spread.billed_cost
    union all
    select
        'group_charges__parts' as check_id,
        concat_ws(' ', billing_period, source_id, part) as failing_row,
        concat_ws(' ', 'whole', base_amount, 'parts', billed_cost) as found
    from spread
    where
        (source_kind = 'fixed' and billed_cost <> base_amount)
        or (method = 'NORMALIZED_HOURS' and billed_cost <> -base_amount)
    union all
    select
        'group_charges__percentages' as check_id,
        concat_ws(' ', billing_period, billing_group_id, source_id, service_code) as failing_row,
        concat_ws(' ', percentage, '% of', base_amount, 'is not', billed_cost) as found
    from group_charges
    where
        percentage is not null
        and billed_cost <> base_amount * cast(percentage * 0.01 as decimal(18, 4))
    union all
    select
        'group_charges__commitments' as check_id,
        concat_ws(' ', billing_period, billing_group_id) as failing_row,
        concat_ws(' ', 'committed', committed_amount, 'charges', base_amount, 'true-up', billed_cost) as found
    from group_charges
    where
        kind = 'minimum_commitment'
        and base_amount + billed_cost <> greatest(base_amount, committed_amount)
    union all
    select
        'group_charges__unique' as check_id,
        concat_ws(' ', billing_period, billing_group_id, kind, source_id, sub_account_id, service_code, part)
            as failing_row,
        concat_ws(' ', count(*), 'rows') as found
    from group_charges
    group by billing_period, billing_group_id, kind, source_id, sub_account_id, service_code, part
    having count(*) > 1
    union all
    select
        'group_charges__policies' as check_id,
        concat_ws(' ', billing_period, billing_group_id, policy) as failing_row,
        concat_ws(' ', 'difference', difference) as found
    from policies
    where is_applied and difference <> 0
)

select * from failures
