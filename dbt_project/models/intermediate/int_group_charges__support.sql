{# F1, G4: AWS Support computed anew by our own plan: marginal tiers on what the group is billed for usage and
   commitments, at least the plan's minimum, split over accounts by their part of that base. #}
with

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ is_current_period('billing_period') }}
),

group_periods as (
    select * from {{ ref('int_group_periods') }}
    where {{ is_current_period('billing_period') }} and support_policy = 'recompute'
),

support_plans as (
    select * from {{ source('billing', 'support_plans') }}
),

support_plan_tiers as (
    select * from {{ source('billing', 'support_plan_tiers') }}
),

account_bases as (
    select
        billing_period,
        billing_group_id,
        sub_account_id,
        cast(sum(billed_cost) as decimal(38, 20)) as amount
    from charges
    where
        treatment = 'billed'
        and line_kind not in ('marketplace', 'support')
        and charge_type in (
            'usage', 'reservation_covered_usage', 'savings_plan_covered_usage', 'savings_plan_negation',
            'commitment_fee'
        )
    group by billing_period, billing_group_id, sub_account_id
),

-- A group that exists pays the minimum, whether or not it used anything.
group_bases as (
    select
        group_periods.billing_period,
        group_periods.billing_group_id,
        group_periods.primary_account_id,
        support_plans.support_plan_id,
        support_plans.minimum_amount,
        cast(coalesce(sum(account_bases.amount), 0) as decimal(38, 20)) as base_amount
    from group_periods
    inner join support_plans
        on
            group_periods.support_plan_id = support_plans.support_plan_id
            and group_periods.billing_period >= support_plans.start_period
            and (support_plans.end_period is null or group_periods.billing_period < support_plans.end_period)
    left join account_bases
        on
            group_periods.billing_period = account_bases.billing_period
            and group_periods.billing_group_id = account_bases.billing_group_id
    group by
        group_periods.billing_period, group_periods.billing_group_id, group_periods.primary_account_id,
        support_plans.support_plan_id, support_plans.minimum_amount
),

fees as (
    select
        group_bases.billing_period,
        group_bases.billing_group_id,
        group_bases.primary_account_id,
        group_bases.support_plan_id,
        group_bases.base_amount,
        coalesce(
            sum(
                cast(
                    greatest(
                        least(
                            group_bases.base_amount,
                            coalesce(
                                cast(support_plan_tiers.tier_end as decimal(38, 20)), group_bases.base_amount
                            )
                        ) - cast(support_plan_tiers.tier_start as decimal(38, 20)),
                        cast(0 as decimal(38, 20))
                    ) as decimal(38, 20)
                ) * cast(support_plan_tiers.percentage * 0.01 as decimal(18, 4))
            ),
            0
        ) as tiers_cost,
        group_bases.minimum_amount,
        concat(
            string_agg(
                {{ plain_number('support_plan_tiers.percentage') }} || ' % from '
                || {{ plain_number('support_plan_tiers.tier_start') }},
                ', ' order by support_plan_tiers.tier_start
            ),
            ', at least ', {{ plain_number('group_bases.minimum_amount') }}
        ) as calculation
    from group_bases
    left join support_plan_tiers
        on
            group_bases.support_plan_id = support_plan_tiers.support_plan_id
            and group_bases.billing_period >= support_plan_tiers.start_period
            and (
                support_plan_tiers.end_period is null
                or group_bases.billing_period < support_plan_tiers.end_period
            )
    group by
        group_bases.billing_period, group_bases.billing_group_id, group_bases.primary_account_id,
        group_bases.support_plan_id, group_bases.base_amount, group_bases.minimum_amount
),

parts as (
    select
        fees.billing_period,
        fees.billing_group_id,
        fees.support_plan_id,
        fees.base_amount,
        case when fees.tiers_cost < fees.minimum_amount then 'MINIMUM' else 'TIERS' end as method,
        fees.calculation,
        cast(round(greatest(fees.tiers_cost, fees.minimum_amount), 10) as decimal(38, 10)) as split_amount,
        coalesce(account_bases.sub_account_id, fees.primary_account_id) as sub_account_id,
        coalesce(account_bases.amount, cast(0 as decimal(38, 20))) as weight,
        cast(round(greatest(fees.tiers_cost, fees.minimum_amount), 10) * 10000000000 as hugeint) as fee_units,
        {{ exact_units('coalesce(account_bases.amount, cast(0 as decimal(38, 20)))') }} as weight_units
    from fees
    left join account_bases
        on
            fees.billing_period = account_bases.billing_period
            and fees.billing_group_id = account_bases.billing_group_id
),

final as (
    select
        billing_period,
        billing_group_id,
        support_plan_id as source_id,
        sub_account_id,
        method,
        calculation,
        base_amount,
        split_amount,
        weight,
        base_amount as weight_total,
        -- The minimum of a group without usage stands on one account: that is no split.
        base_amount = 0 and count(*) over (partition by billing_period, billing_group_id) > 1 as is_equal_split,
        {{ units_to_amount('share_units') }} as billed_cost
    from {{ largest_remainder(
        'parts', ['billing_period', 'billing_group_id'], 'fee_units', 'weight_units', 'sub_account_id'
    ) }} as split_parts
)

select * from final
