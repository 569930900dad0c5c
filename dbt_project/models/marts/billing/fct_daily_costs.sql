{{ config(materialized='billing_period') }}
{# AWS's cost stands on its day by itself. What the customer is billed has no day: rules look at the month (tiers,
   price lists). It is spread over the days by their cost at list price (R1), by largest remainder at 1e-10 (M5);
   what is left below that goes to the last day, so that the days sum to the month to the last decimal. #}
with

daily as (
    select * from {{ ref('int_daily_costs') }}
    where {{ is_current_period('billing_period') }}
),

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ is_current_period('billing_period') }}
),

charge_categories as (
    select * from {{ ref('charge_categories') }}
),

memberships as (
    select * from {{ ref('stg_billing__memberships') }}
),

billing_groups as (
    select * from {{ source('billing', 'billing_groups') }}
),

settings as (
    select * from {{ source('billing', 'settings') }}
),

-- P3, P4: whose the day is, as the charges have it.
placed as (
    select
        daily.*,
        coalesce(memberships.billing_group_id, auto_groups.billing_group_id, 'UNASSIGNED') as billing_group_id
    from daily
    inner join settings on settings.setting = 'membership_basis'
    left join memberships
        on
            daily.sub_account_id = memberships.sub_account_id
            and memberships.start_date
            <= case settings.value when 'usage_date' then daily.charge_date else last_day(daily.billing_period) end
            and memberships.end_date
            > case settings.value when 'usage_date' then daily.charge_date else last_day(daily.billing_period) end
    left join billing_groups as auto_groups
        on
            auto_groups.auto_associate
            and daily.billing_period >= auto_groups.start_period
            and (auto_groups.end_period is null or daily.billing_period < auto_groups.end_period)
),

-- The payer whose delivery reaches least far says how much of a group's month is known.
delivered as (
    select
        billing_period,
        billing_account_id,
        max(charge_date) filter (where is_metered) as delivered_through
    from daily
    group by billing_period, billing_account_id
),

known as (
    select
        placed.billing_period,
        placed.billing_group_id,
        min(delivered.delivered_through) as delivered_through
    from placed
    inner join delivered
        on
            placed.billing_period = delivered.billing_period
            and placed.billing_account_id = delivered.billing_account_id
    group by placed.billing_period, placed.billing_group_id
),

days as (
    select
        billing_period,
        billing_group_id,
        service_code,
        charge_type,
        charge_date,
        sum(aws_cost) as aws_cost,
        cast(sum(weight) as decimal(38, 10)) as weight,
        sum(metered_cost) as metered_cost
    from placed
    group by billing_period, billing_group_id, service_code, charge_type, charge_date
),

-- Numbered, so that the days of each are found by one number rather than four texts.
billed as (
    select
        billing_period,
        billing_group_id,
        service_code,
        charge_type,
        row_number() over (order by billing_period, billing_group_id, service_code, charge_type) as cost_number,
        cast(sum(billed_cost) as decimal(38, 20)) as billed_cost
    from charges
    where charge_type <> 'aws_tax'
    group by billing_period, billing_group_id, service_code, charge_type
),

last_days as (
    select
        billing_period,
        billing_group_id,
        service_code,
        charge_type,
        max(charge_date) as charge_date
    from days
    group by billing_period, billing_group_id, service_code, charge_type
),

weighted as (
    select
        days.*,
        billed.cost_number,
        cast(days.charge_date as varchar) as day_key,
        {{ exact_units('cast(trunc(billed.billed_cost, 10) as decimal(38, 10))') }} as billed_units,
        {{ exact_units('days.weight') }} as weight_units,
        case
            when days.charge_date = last_days.charge_date
                then billed.billed_cost - cast(trunc(billed.billed_cost, 10) as decimal(38, 20))
            else cast(0 as decimal(38, 20))
        end as left_over
    from days
    inner join billed
        on
            days.billing_period = billed.billing_period
            and days.billing_group_id = billed.billing_group_id
            and days.service_code = billed.service_code
            and days.charge_type = billed.charge_type
    inner join last_days
        on
            billed.billing_period = last_days.billing_period
            and billed.billing_group_id = last_days.billing_group_id
            and billed.service_code = last_days.service_code
            and billed.charge_type = last_days.charge_type
),

split as (
    select * from {{ largest_remainder(
        'weighted', ['cost_number'], 'billed_units', 'weight_units', 'day_key'
    ) }} as split_costs
),

final as (
    select
        split.billing_period,
        split.billing_group_id,
        split.service_code,
        charge_categories.charge_category,
        split.charge_date,
        known.delivered_through,
        cast(sum(split.aws_cost) as decimal(38, 10)) as aws_cost,
        cast(sum(split.metered_cost) as decimal(38, 10)) as metered_cost,
        cast(
            sum(cast({{ units_to_amount('split.share_units') }} as decimal(38, 20)) + split.left_over)
            as decimal(38, 20)
        ) as billed_cost
    from split
    inner join charge_categories on split.charge_type = charge_categories.charge_type
    inner join known
        on split.billing_period = known.billing_period and split.billing_group_id = known.billing_group_id
    group by
        split.billing_period, split.billing_group_id, split.service_code, charge_categories.charge_category,
        split.charge_date, known.delivered_through
)

select * from final
