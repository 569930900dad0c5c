{{ config(materialized='billing_period', rows_per_batch=50000) }}
{# RS6: the same month under each commitment policy, all other terms as they are: the group's rated charges (AWS tax
   and charges of the whole group left out). What no policy can change is taken from the month's charges; the rest is
   priced again, under the policy applied too. #}
with

rated as (
    select * from {{ ref('int_charges__rated') }}
    where scenario <> 'applied' and treatment = 'billed' and {{ is_current_period('billing_period') }}
),

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ is_current_period('billing_period') }}
),

group_periods as (
    select * from {{ ref('int_group_periods') }}
    where {{ is_current_period('billing_period') }}
),

billing_terms as (
    select * from {{ source('billing', 'billing_terms') }}
),

tiered_plans as (
    select distinct pricing_plan_id from {{ ref('stg_billing__rules') }}
    where rule_type = 'TIERED'
),

commitment_scenarios as (
    select * from {{ ref('commitment_scenarios') }}
    where scenario <> 'applied'
),

groups as (
    select
        group_periods.billing_period,
        group_periods.billing_group_id,
        group_periods.rated_charges,
        billing_terms.commitment_policy,
        tiered_plans.pricing_plan_id is not null as has_tiers
    from group_periods
    inner join billing_terms
        on
            group_periods.billing_group_id = billing_terms.billing_group_id
            and group_periods.billing_period >= billing_terms.start_period
            and (billing_terms.end_period is null or group_periods.billing_period < billing_terms.end_period)
    left join tiered_plans on billing_terms.pricing_plan_id = tiered_plans.pricing_plan_id
),

unchanged as (
    select
        groups.billing_period,
        groups.billing_group_id,
        cast(sum(charges.billed_cost) as decimal(38, 20)) as billed_cost
    from groups
    inner join charges
        on groups.billing_period = charges.billing_period and groups.billing_group_id = charges.billing_group_id
    where
        charges.treatment = 'billed'
        and charges.charge_type <> 'aws_tax'
        and not {{ depends_on_commitment_policy('charges.charge_type', 'groups.has_tiers') }}
    group by groups.billing_period, groups.billing_group_id
),

priced_again as (
    select
        billing_period,
        billing_group_id,
        scenario,
        cast(sum(billed_cost) as decimal(38, 20)) as billed_cost
    from rated
    group by billing_period, billing_group_id, scenario
),

policies as (
    select
        groups.billing_period,
        groups.billing_group_id,
        groups.rated_charges,
        commitment_scenarios.commitment_policy as policy,
        commitment_scenarios.commitment_policy = groups.commitment_policy as is_applied,
        cast(
            coalesce(unchanged.billed_cost, 0) + coalesce(priced_again.billed_cost, 0) as decimal(38, 20)
        ) as billed_cost
    from groups
    cross join commitment_scenarios
    left join unchanged
        on groups.billing_period = unchanged.billing_period and groups.billing_group_id = unchanged.billing_group_id
    left join priced_again
        on
            groups.billing_period = priced_again.billing_period
            and groups.billing_group_id = priced_again.billing_group_id
            and commitment_scenarios.scenario = priced_again.scenario
),

final as (
    select
        billing_period,
        billing_group_id,
        policy,
        is_applied,
        billed_cost,
        cast(billed_cost - rated_charges as decimal(38, 20)) as difference
    from policies
)

select * from final
