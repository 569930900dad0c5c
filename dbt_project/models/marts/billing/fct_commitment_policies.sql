{{ config(materialized='billing_period') }}
{# RS6: the same month under each commitment policy, all other terms as they are: the group's rated charges (AWS tax
   and charges of the whole group left out). A group without commitments is the same under all three. #}
with

rated as (
    select * from {{ ref('int_charges__rated') }}
    where scenario <> 'applied' and {{ is_current_period('billing_period') }}
),

group_periods as (
    select * from {{ ref('int_group_periods') }}
    where {{ is_current_period('billing_period') }}
),

billing_terms as (
    select * from {{ source('billing', 'billing_terms') }}
),

commitment_scenarios as (
    select * from {{ ref('commitment_scenarios') }}
    where scenario <> 'applied'
),

priced_again as (
    select
        billing_period,
        billing_group_id,
        scenario,
        cast(
            coalesce(sum(billed_cost) filter (where treatment = 'billed' and charge_type <> 'aws_tax'), 0)
            as decimal(38, 20)
        ) as billed_cost
    from rated
    group by billing_period, billing_group_id, scenario
),

final as (
    select
        group_periods.billing_period,
        group_periods.billing_group_id,
        commitment_scenarios.commitment_policy as policy,
        commitment_scenarios.commitment_policy = billing_terms.commitment_policy as is_applied,
        coalesce(priced_again.billed_cost, group_periods.rated_charges) as billed_cost,
        cast(
            coalesce(priced_again.billed_cost, group_periods.rated_charges) - group_periods.rated_charges
            as decimal(38, 20)
        ) as difference
    from group_periods
    cross join commitment_scenarios
    inner join billing_terms
        on
            group_periods.billing_group_id = billing_terms.billing_group_id
            and group_periods.billing_period >= billing_terms.start_period
            and (billing_terms.end_period is null or group_periods.billing_period < billing_terms.end_period)
    left join priced_again
        on
            group_periods.billing_period = priced_again.billing_period
            and group_periods.billing_group_id = priced_again.billing_group_id
            and commitment_scenarios.scenario = priced_again.scenario
)

select * from final
