{# The time spine of the metrics: MetricFlow wants one of days, whatever the grain of what it sums. #}
with

billing_periods as (
    select * from {{ ref('dim_billing_periods') }}
),

final as (
    select
        cast(unnest(generate_series(billing_period, last_day(billing_period), interval 1 day)) as date)
            as calendar_date,
        billing_period
    from billing_periods
)

select * from final
