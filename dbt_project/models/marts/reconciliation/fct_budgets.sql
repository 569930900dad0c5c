{# A month is open while AWS's rows end before it does. Its end is forecast from whole days alone: each day to come
   costs what the same weekday did on average in the last 28 days, the last delivered day being one to come, since
   it is rarely whole. Only usage goes on; fees, credits and charges of the group stay as they are, but a minimum
   commitment's true-up shrinks by what usage adds (G5). No model of the future is fitted: whoever wonders can add
   it up by hand. #}
with

budgets as (
    select * from {{ source('billing', 'budgets') }}
),

billing_groups as (
    select * from {{ source('billing', 'billing_groups') }}
),

fx_rates as (
    select * from {{ source('billing', 'fx_rates') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

billing_periods as (
    select * from {{ ref('dim_billing_periods') }}
),

summaries as (
    select * from {{ ref('rpt_billing_group_summary') }}
),

group_charges as (
    select * from {{ ref('fct_group_charges') }}
),

daily_costs as (
    select * from {{ ref('fct_daily_costs') }}
),

invoices as (
    select * from {{ ref('fct_invoices') }}
),

delivered as (
    select
        billing_period,
        billing_group_id,
        min(delivered_through) as delivered_through,
        max(billing_period) over (partition by billing_group_id) as newest_period
    from daily_costs
    group by billing_period, billing_group_id
),

-- The newest month of the group: another group's payer may be in the month after already.
open_months as (
    select
        delivered.billing_period,
        delivered.billing_group_id,
        delivered.delivered_through
    from delivered
    inner join billing_periods on delivered.billing_period = billing_periods.billing_period
    where
        delivered.billing_period = delivered.newest_period
        and not billing_periods.is_final
        and delivered.delivered_through < last_day(delivered.billing_period)
),

usage_days as (
    select
        billing_group_id,
        charge_date,
        sum(aws_cost) as aws_cost,
        sum(round(billed_cost, 10)) as billed_cost
    from daily_costs
    where charge_category = 'Usage'
    group by billing_group_id, charge_date
),

first_days as (
    select
        billing_group_id,
        min(charge_date) as first_day
    from usage_days
    group by billing_group_id
),

-- A day without usage inside the history is a day that cost nothing.
history as (
    select
        whole_days.billing_period,
        whole_days.billing_group_id,
        isodow(whole_days.calendar_date) as weekday,
        cast(count(*) as decimal(38, 10)) as day_count,
        cast(coalesce(sum(usage_days.aws_cost), 0) as decimal(38, 10)) as aws_cost,
        cast(coalesce(sum(usage_days.billed_cost), 0) as decimal(38, 10)) as billed_cost
    from (
        select
            open_months.*,
            unnest(
                generate_series(
                    greatest(first_days.first_day, open_months.delivered_through - 28),
                    open_months.delivered_through - 1,
                    interval 1 day
                )
            ) as calendar_date
        from open_months
        inner join first_days on open_months.billing_group_id = first_days.billing_group_id
    ) as whole_days
    left join usage_days
        on
            whole_days.billing_group_id = usage_days.billing_group_id
            and whole_days.calendar_date = usage_days.charge_date
    group by whole_days.billing_period, whole_days.billing_group_id, weekday
),

overall as (
    select
        billing_period,
        billing_group_id,
        {{ exact_quotient('sum(aws_cost)', 'sum(day_count)') }} as aws_cost,
        {{ exact_quotient('sum(billed_cost)', 'sum(day_count)') }} as billed_cost
    from history
    group by billing_period, billing_group_id
),

days_to_come as (
    select
        *,
        unnest(
            generate_series(delivered_through, last_day(billing_period), interval 1 day)
        ) as calendar_date
    from open_months
),

expected as (
    select
        days_to_come.billing_period,
        days_to_come.billing_group_id,
        coalesce({{ exact_quotient('history.aws_cost', 'history.day_count') }}, overall.aws_cost) as expected_aws_cost,
        coalesce({{ exact_quotient('history.billed_cost', 'history.day_count') }}, overall.billed_cost)
            as expected_billed_cost,
        -- What is there of a day already is not expected once more: mostly of the last delivered day, but a payer that
        -- has delivered further than another has more.
        coalesce(usage_days.aws_cost, 0) as known_aws_cost,
        coalesce(usage_days.billed_cost, 0) as known_billed_cost
    from days_to_come
    inner join overall
        on
            days_to_come.billing_period = overall.billing_period
            and days_to_come.billing_group_id = overall.billing_group_id
    left join history
        on
            days_to_come.billing_period = history.billing_period
            and days_to_come.billing_group_id = history.billing_group_id
            and isodow(days_to_come.calendar_date) = history.weekday
    left join usage_days
        on
            days_to_come.billing_group_id = usage_days.billing_group_id
            and days_to_come.calendar_date = usage_days.charge_date
),

growth as (
    select
        billing_period,
        billing_group_id,
        sum(greatest(expected_aws_cost - known_aws_cost, 0)) as aws_growth,
        sum(greatest(expected_billed_cost - known_billed_cost, 0)) as billed_growth
    from expected
    group by billing_period, billing_group_id
),

true_ups as (
    select
        billing_period,
        billing_group_id,
        sum(billed_cost) as true_up
    from group_charges
    where kind = 'minimum_commitment'
    group by billing_period, billing_group_id
),

-- I2: the rate of the month, or the one that the group's documents were issued at.
measured as (
    select
        billing_periods.billing_period,
        budgets.*,
        billing_groups.billing_group_name,
        currencies.minor_units,
        open_months.delivered_through,
        open_months.billing_period is not null as is_open,
        case
            when budgets.currency = 'USD' then cast(1 as decimal(18, 10))
            when budgets.currency = invoices.currency then invoices.fx_rate
            else fx_rates.rate
        end as fx_rate,
        cast(
            case budgets.basis
                when 'billed' then coalesce(summaries.billed_cost, 0)
                else coalesce(summaries.aws_cost, 0)
            end as decimal(38, 24)
        ) as actual_usd,
        cast(
            case
                when open_months.billing_period is null then 0
                when budgets.basis = 'billed'
                    then growth.billed_growth - least(coalesce(true_ups.true_up, 0), growth.billed_growth)
                else growth.aws_growth
            end as decimal(38, 10)
        ) as growth_usd
    from budgets
    inner join billing_periods
        on
            billing_periods.billing_period >= budgets.start_period
            and (budgets.end_period is null or billing_periods.billing_period < budgets.end_period)
    inner join billing_groups on budgets.billing_group_id = billing_groups.billing_group_id
    inner join currencies on budgets.currency = currencies.currency
    left join invoices
        on
            billing_periods.billing_period = invoices.billing_period
            and budgets.billing_group_id = invoices.billing_group_id
    left join fx_rates
        on
            billing_periods.billing_period = fx_rates.period
            and fx_rates.from_currency = 'USD'
            and budgets.currency = fx_rates.to_currency
    left join summaries
        on
            billing_periods.billing_period = summaries.billing_period
            and budgets.billing_group_id = summaries.billing_group_id
    left join open_months
        on
            billing_periods.billing_period = open_months.billing_period
            and budgets.billing_group_id = open_months.billing_group_id
    left join growth
        on
            billing_periods.billing_period = growth.billing_period
            and budgets.billing_group_id = growth.billing_group_id
    left join true_ups
        on
            billing_periods.billing_period = true_ups.billing_period
            and budgets.billing_group_id = true_ups.billing_group_id
),

converted as (
    select
        *,
        {{ round_to_minor_unit(in_billing_currency('actual_usd', 'fx_rate'), 'minor_units') }} as actual_amount,
        {{ round_to_minor_unit(in_billing_currency('actual_usd + growth_usd', 'fx_rate'), 'minor_units') }}
            as forecast_amount,
        coalesce(string_split(nullif(thresholds, ''), '|'), cast([] as varchar [])) as threshold_list
    from measured
),

final as (
    select
        billing_period,
        budget_id,
        billing_group_id,
        billing_group_name,
        basis,
        currency,
        minor_units,
        cast(amount as decimal(22, 10)) as budget_amount,
        fx_rate,
        cast(actual_amount as decimal(22, 4)) as actual_amount,
        cast(amount - actual_amount as decimal(22, 10)) as remaining_amount,
        {{ percentage_of(
            'cast(actual_amount as decimal(38, 10))', 'cast(amount as decimal(38, 10))'
        ) }} as actual_percentage,
        is_open,
        delivered_through,
        cast(forecast_amount as decimal(22, 4)) as forecast_amount,
        {{ percentage_of(
            'cast(forecast_amount as decimal(38, 10))', 'cast(amount as decimal(38, 10))'
        ) }} as forecast_percentage,
        array_to_string(threshold_list, '|') as thresholds,
        array_to_string(
            list_filter(
                threshold_list,
                lambda threshold: actual_amount > 0
                and actual_amount * 100 >= amount * cast(threshold as decimal(12, 2))
            ),
            '|'
        ) as reached_thresholds,
        case
            when fx_rate is null then 'missing_fx_rate'
            when actual_amount > amount then 'exceeded'
            when forecast_amount > amount then 'forecast_exceeded'
            when
                len(
                    list_filter(
                        threshold_list,
                        lambda threshold: actual_amount > 0
                        and actual_amount * 100 >= amount * cast(threshold as decimal(12, 2))
                    )
                ) > 0
                then 'threshold_reached'
            else 'within'
        end as state
    from converted
)

select * from final
