{# What moved on unusual days: the accounts, usage types and regions of a service, with what they cost on those days
   beside what they cost on the same weekdays before. Run by the detection of anomalies, for the few services and
   days it asks for: to keep every day at this grain would be most of the warehouse.

   It reads the table `anomaly_days` of the session (anomaly_number, billing_group_id, service_code, charge_date,
   share: 1 on an unusual day, minus a week's part on the weekdays before) and the variables `first_period` and
   `last_period`. #}
with

line_items as (
    select * from {{ ref('stg_cur__line_items') }}
    where
        billing_period >= getvariable('first_period')
        and billing_period <= getvariable('last_period')
        and not is_split_cost
        -- Rows of an hour or a day, as fct_daily_costs measures days by.
        and cast(usage_start_at as date) = membership_date
        and coalesce(usage_end_at, usage_start_at) <= usage_start_at + interval 1 day
),

charge_types as (
    select * from {{ ref('charge_types') }}
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

anomaly_days as (
    select * from anomaly_days
),

usage_types as (
    select distinct charge_types.line_item_type
    from charge_types
    inner join charge_categories on charge_types.charge_type = charge_categories.charge_type
    where charge_categories.charge_category = 'Usage'
),

summed as (
    select
        billing_period,
        sub_account_id,
        service_code,
        usage_type,
        region_id,
        membership_date as charge_date,
        sum(unblended_cost) as aws_cost
    from line_items
    where
        line_item_type in (select usage_types.line_item_type from usage_types)
        and service_code in (select anomaly_days.service_code from anomaly_days)
        and membership_date in (select anomaly_days.charge_date from anomaly_days)
    group by billing_period, sub_account_id, service_code, usage_type, region_id, membership_date
),

-- P3, P4: whose the day is, as the days of the month have it.
placed as (
    select
        summed.*,
        coalesce(memberships.billing_group_id, auto_groups.billing_group_id, 'UNASSIGNED') as billing_group_id
    from summed
    inner join settings on settings.setting = 'membership_basis'
    left join memberships
        on
            summed.sub_account_id = memberships.sub_account_id
            and memberships.start_date
            <= case settings.value when 'usage_date' then summed.charge_date else last_day(summed.billing_period) end
            and memberships.end_date
            > case settings.value when 'usage_date' then summed.charge_date else last_day(summed.billing_period) end
    left join billing_groups as auto_groups
        on
            auto_groups.auto_associate
            and summed.billing_period >= auto_groups.start_period
            and (auto_groups.end_period is null or summed.billing_period < auto_groups.end_period)
),

final as (
    select
        anomaly_days.anomaly_number,
        placed.sub_account_id,
        placed.usage_type,
        placed.region_id,
        cast(
            coalesce(sum(placed.aws_cost) filter (where anomaly_days.share = 1), 0) as decimal(38, 10)
        ) as aws_cost,
        cast(
            round(sum(cast(placed.aws_cost as decimal(28, 10)) * anomaly_days.share), 10) as decimal(38, 10)
        ) as impact
    from anomaly_days
    inner join placed
        on
            anomaly_days.billing_group_id = placed.billing_group_id
            and anomaly_days.service_code = placed.service_code
            and anomaly_days.charge_date = placed.charge_date
    group by anomaly_days.anomaly_number, placed.sub_account_id, placed.usage_type, placed.region_id
)

select * from final
