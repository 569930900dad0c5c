{# RS6: one commitment in one month. Its cost stands on its fee row; used and unused are AWS's own amortisation,
   which can differ from the cost in the sixth decimal (the balance). Savings are against list price. #}
with

charges as (
    select * from {{ ref('fct_charges') }}
    where commitment_id <> '' and treatment <> 'unrated'
),

is_covered as (
    select
        charges.*,
        charge_type in ('reservation_covered_usage', 'savings_plan_covered_usage') as is_covered_usage,
        charge_type = 'commitment_fee' as is_fee,
        charge_type = 'commitment_upfront' as is_upfront
    from charges
),

summed as (
    select
        billing_period,
        commitment_id,
        max(commitment_owner_account_id) as owner_account_id,
        arg_max(commitment_owner_group_id, (coalesce(charge_date, billing_period), commitment_owner_group_id))
            as owner_billing_group_id,
        arg_max(billing_account_id, (is_fee, billing_account_id)) as billing_account_id,
        cast(sum(commitment_cost) as decimal(38, 10)) as cost,
        cast(coalesce(sum(effective_cost) filter (where is_covered_usage), 0) as decimal(38, 10)) as used_cost,
        -- RS2: what other groups used is the owner's group's own waste; an owner in no group has none.
        cast(
            coalesce(
                sum(effective_cost) filter (
                    where is_covered_usage and commitment_owner_group_id not in ('', billing_group_id)
                ),
                0
            ) as decimal(38, 10)
        ) as used_elsewhere_cost,
        cast(coalesce(sum(effective_cost) filter (where is_fee), 0) as decimal(38, 10)) as unused_cost,
        cast(coalesce(sum(list_cost) filter (where is_covered_usage), 0) as decimal(38, 10)) as list_value,
        cast(coalesce(sum(aws_cost) filter (where is_fee), 0) as decimal(38, 10)) as recurring_fee,
        cast(coalesce(sum(aws_cost) filter (where is_upfront), 0) as decimal(38, 10)) as upfront_fee,
        cast(
            coalesce(sum(billed_cost) filter (where is_fee or is_upfront), 0) as decimal(38, 20)
        ) as billed_fees
    from is_covered
    group by billing_period, commitment_id
),

group_parts as (
    select
        billing_period,
        commitment_id,
        billing_group_id,
        cast(sum(list_cost - effective_cost) filter (where is_covered_usage) as decimal(38, 10)) as benefit,
        -- Covered usage that bills its effective cost pays for its part of the commitment (RS3).
        cast(
            sum(billed_cost) filter (where is_fee or is_upfront or rating_path = 'effective_cost') as decimal(38, 20)
        ) as paid
    from is_covered
    group by billing_period, commitment_id, billing_group_id
),

by_group as (
    select
        billing_period,
        commitment_id,
        map(
            list(billing_group_id order by billing_group_id) filter (where benefit is not null),
            list(benefit order by billing_group_id) filter (where benefit is not null)
        ) as benefit_by_group,
        map(
            list(billing_group_id order by billing_group_id) filter (where paid <> 0),
            list(paid order by billing_group_id) filter (where paid <> 0)
        ) as paid_by_group
    from group_parts
    group by billing_period, commitment_id
),

final as (
    select
        summed.billing_period,
        summed.commitment_id,
        case
            when split_part(summed.commitment_id, ':', 3) = 'savingsplans' then 'savings_plan' else 'reservation'
        end as commitment_kind,
        summed.owner_account_id,
        summed.owner_billing_group_id,
        summed.billing_account_id,
        summed.cost,
        summed.used_cost,
        summed.used_elsewhere_cost,
        summed.unused_cost,
        cast(summed.cost - summed.used_cost - summed.unused_cost as decimal(38, 10)) as balance,
        {{ percentage_of('summed.used_cost', 'summed.used_cost + summed.unused_cost') }} as utilization_percentage,
        summed.list_value,
        cast(summed.list_value - summed.used_cost - summed.unused_cost as decimal(38, 10)) as savings,
        summed.recurring_fee,
        summed.upfront_fee,
        summed.billed_fees,
        by_group.benefit_by_group,
        by_group.paid_by_group
    from summed
    left join by_group
        on
            summed.billing_period = by_group.billing_period
            and summed.commitment_id = by_group.commitment_id
)

select * from final
