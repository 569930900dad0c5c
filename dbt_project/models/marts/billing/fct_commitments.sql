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

group_benefits as (
    select
        billing_period,
        commitment_id,
        billing_group_id,
        cast(sum(list_cost - effective_cost) as decimal(38, 10)) as benefit
    from is_covered
    where is_covered_usage
    group by billing_period, commitment_id, billing_group_id
),

benefits as (
    select
        billing_period,
        commitment_id,
        map(
            list(billing_group_id order by billing_group_id), list(benefit order by billing_group_id)
        ) as benefit_by_group
    from group_benefits
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
        summed.unused_cost,
        cast(summed.cost - summed.used_cost - summed.unused_cost as decimal(38, 10)) as balance,
        {{ percentage_of('summed.used_cost', 'summed.used_cost + summed.unused_cost') }} as utilization_percentage,
        summed.list_value,
        cast(summed.list_value - summed.used_cost - summed.unused_cost as decimal(38, 10)) as savings,
        summed.recurring_fee,
        summed.upfront_fee,
        summed.billed_fees,
        benefits.benefit_by_group
    from summed
    left join benefits
        on
            summed.billing_period = benefits.billing_period
            and summed.commitment_id = benefits.commitment_id
)

select * from final
