{# G1b: what commitments that belong to no group save is given back to the accounts in groups: each account what it
   saved itself, or the net savings of each commitment by normalised hours. Savings bill negative, a loss positive. #}
with

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ is_current_period('billing_period') }}
),

group_periods as (
    select * from {{ ref('int_group_periods') }}
    where {{ is_current_period('billing_period') }}
),

shared_cost_rules as (
    select * from {{ source('billing', 'shared_cost_rules') }}
),

shared_cost_targets as (
    select * from {{ source('billing', 'shared_cost_targets') }}
),

instance_usage_types as (
    select * from {{ ref('instance_usage_types') }}
),

rules_in_force as (
    select
        built_periods.billing_period,
        shared_cost_rules.*
    from (select distinct group_periods.billing_period from group_periods) as built_periods
    inner join shared_cost_rules
        on
            shared_cost_rules.source_kind = 'payer_savings'
            and built_periods.billing_period >= shared_cost_rules.start_period
            and (shared_cost_rules.end_period is null or built_periods.billing_period < shared_cost_rules.end_period)
),

-- No targets: every group takes part.
targets as (
    select
        rules_in_force.billing_period,
        rules_in_force.shared_cost_rule_id,
        group_periods.billing_group_id
    from rules_in_force
    inner join group_periods on rules_in_force.billing_period = group_periods.billing_period
    left join shared_cost_targets
        on
            rules_in_force.shared_cost_rule_id = shared_cost_targets.shared_cost_rule_id
            and group_periods.billing_group_id = shared_cost_targets.billing_group_id
    where
        shared_cost_targets.billing_group_id is not null
        or rules_in_force.shared_cost_rule_id not in (
            select all_targets.shared_cost_rule_id from shared_cost_targets as all_targets
        )
),

-- Covered usage and fee rows of commitments whose owner is in no group. Usage that was billed its effective cost has
-- the savings already, and usage that is a shared cost was not billed at list price: neither is held by the payer.
payer_held as (
    select
        rules_in_force.billing_period,
        rules_in_force.shared_cost_rule_id,
        rules_in_force.method,
        charges.commitment_id,
        case
            when split_part(charges.commitment_id, ':', 3) = 'savingsplans' then 'savings_plan' else 'reservation'
        end as commitment_kind,
        charges.charge_type,
        charges.billing_group_id,
        charges.sub_account_id,
        case
            when charges.charge_type = 'commitment_fee' then -charges.effective_cost
            else charges.list_cost - charges.effective_cost
        end as savings
    from rules_in_force
    inner join charges
        on
            rules_in_force.billing_period = charges.billing_period
            and charges.commitment_id <> ''
            and charges.commitment_owner_group_id = ''
            and charges.treatment <> 'unrated'
            and (
                charges.charge_type = 'commitment_fee'
                or (
                    charges.charge_type in ('reservation_covered_usage', 'savings_plan_covered_usage')
                    and charges.rating_path is distinct from 'effective_cost'
                    and charges.treatment_reason is distinct from 'shared_cost'
                )
            )
            and (
                coalesce(rules_in_force.source_account_id, '') = ''
                or charges.commitment_owner_account_id = rules_in_force.source_account_id
            )
),

own_savings as (
    select
        payer_held.billing_period,
        payer_held.shared_cost_rule_id,
        payer_held.billing_group_id,
        payer_held.sub_account_id,
        payer_held.commitment_kind as part,
        cast(sum(payer_held.savings) as decimal(38, 10)) as base_amount,
        cast(null as decimal(38, 20)) as weight,
        cast(null as decimal(38, 20)) as weight_total,
        cast(-sum(payer_held.savings) as decimal(38, 10)) as billed_cost
    from payer_held
    inner join targets
        on
            payer_held.billing_period = targets.billing_period
            and payer_held.shared_cost_rule_id = targets.shared_cost_rule_id
            and payer_held.billing_group_id = targets.billing_group_id
    where payer_held.method = 'EXACT_SAVINGS' and payer_held.charge_type <> 'commitment_fee'
    group by
        payer_held.billing_period, payer_held.shared_cost_rule_id, payer_held.billing_group_id,
        payer_held.sub_account_id, payer_held.commitment_kind
    having sum(payer_held.savings) > 0
),

net_savings as (
    select
        billing_period,
        shared_cost_rule_id,
        commitment_id,
        cast(sum(savings) as decimal(38, 10)) as savings
    from payer_held
    where method = 'NORMALIZED_HOURS'
    group by billing_period, shared_cost_rule_id, commitment_id
),

-- Spot and unused capacity reservations are not instance usage that a commitment could have covered.
instance_hours as (
    select
        charges.billing_period,
        charges.billing_group_id,
        charges.sub_account_id,
        cast(sum(charges.normalized_quantity) as decimal(38, 10)) as normalized_quantity
    from charges
    inner join instance_usage_types
        on instance_usage_types.usage_type_stem = regexp_extract(charges.usage_type, '^(?:[A-Z0-9]+-)*([^:]+)', 1)
    where
        charges.treatment <> 'unrated'
        and charges.charge_type in ('usage', 'reservation_covered_usage', 'savings_plan_covered_usage')
    group by charges.billing_period, charges.billing_group_id, charges.sub_account_id
    having sum(charges.normalized_quantity) > 0
),

parts as (
    select
        net_savings.billing_period,
        net_savings.shared_cost_rule_id,
        net_savings.commitment_id,
        net_savings.savings,
        instance_hours.billing_group_id,
        instance_hours.sub_account_id,
        instance_hours.normalized_quantity,
        concat_ws('/', instance_hours.sub_account_id, instance_hours.billing_group_id) as part_key,
        cast(-net_savings.savings * 10000000000 as hugeint) as savings_units,
        {{ exact_units('instance_hours.normalized_quantity') }} as weight_units
    from net_savings
    inner join targets
        on
            net_savings.billing_period = targets.billing_period
            and net_savings.shared_cost_rule_id = targets.shared_cost_rule_id
    inner join instance_hours
        on
            net_savings.billing_period = instance_hours.billing_period
            and targets.billing_group_id = instance_hours.billing_group_id
),

shared_savings as (
    select
        billing_period,
        shared_cost_rule_id,
        billing_group_id,
        sub_account_id,
        commitment_id as part,
        savings as base_amount,
        cast(normalized_quantity as decimal(38, 20)) as weight,
        cast(
            sum(normalized_quantity) over (partition by billing_period, shared_cost_rule_id, commitment_id)
            as decimal(38, 20)
        ) as weight_total,
        {{ units_to_amount('share_units') }} as billed_cost
    from {{ largest_remainder(
        'parts', ['billing_period', 'shared_cost_rule_id', 'commitment_id'],
        'savings_units', 'weight_units', 'part_key'
    ) }} as split_parts
),

given_back as (
    select * from own_savings
    union all
    select * from shared_savings
),

final as (
    select
        given_back.billing_period,
        given_back.billing_group_id,
        given_back.shared_cost_rule_id as source_id,
        given_back.sub_account_id,
        given_back.part,
        shared_cost_rules.description,
        shared_cost_rules.method,
        given_back.base_amount,
        given_back.weight,
        given_back.weight_total,
        given_back.billed_cost
    from given_back
    inner join shared_cost_rules on given_back.shared_cost_rule_id = shared_cost_rules.shared_cost_rule_id
)

select * from final
