{# G5: what a group has promised to spend in the month and has not. A month in which a promise begins or ends counts
   by days, rounded to the cent. #}
with

group_periods as (
    select * from {{ ref('int_group_periods') }}
    where {{ is_current_period('billing_period') }}
),

minimum_commitments as (
    select * from {{ source('billing', 'minimum_commitments') }}
),

promises as (
    select
        group_periods.billing_period,
        group_periods.billing_group_id,
        group_periods.primary_account_id,
        group_periods.rated_charges,
        minimum_commitments.amount,
        day(last_day(group_periods.billing_period)) as days_in_month,
        date_diff(
            'day',
            greatest(group_periods.billing_period, minimum_commitments.start_date),
            least(
                last_day(group_periods.billing_period) + 1,
                coalesce(minimum_commitments.end_date, last_day(group_periods.billing_period) + 1)
            )
        ) as days_in_force
    from group_periods
    inner join minimum_commitments
        on
            group_periods.billing_group_id = minimum_commitments.billing_group_id
            and minimum_commitments.start_date <= last_day(group_periods.billing_period)
            and (
                minimum_commitments.end_date is null
                or minimum_commitments.end_date > group_periods.billing_period
            )
),

month_amounts as (
    select
        promises.*,
        -- Half away from zero, in whole numbers: twice the exact cents, plus one part, over two.
        case
            when days_in_force = days_in_month then cast(amount as decimal(38, 20))
            else cast(
                {{ minor_units_to_amount(
                    "(2 * " ~ exact_units("cast(amount as decimal(38, 10))")
                    ~ " * days_in_force + days_in_month * cast(100000000 as hugeint))"
                    ~ " // (2 * days_in_month * cast(100000000 as hugeint))",
                    2
                ) }} as decimal(38, 20)
            )
        end as month_amount
    from promises
),

final as (
    select
        billing_period,
        billing_group_id,
        primary_account_id as sub_account_id,
        rated_charges as base_amount,
        cast(sum(month_amount) as decimal(38, 20)) as committed_amount,
        cast(greatest(sum(month_amount) - rated_charges, 0) as decimal(38, 20)) as billed_cost
    from month_amounts
    group by billing_period, billing_group_id, primary_account_id, rated_charges
)

select * from final
