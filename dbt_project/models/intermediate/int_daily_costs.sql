{{ config(materialized='billing_period', reads_raw=true) }}
{# The days that the usage grain leaves out, at the few columns that days are looked at by: an account, a service, a
   charge type. Row functions and one aggregation, like the grain (P1, C1, C2); whose it is and what it costs the
   customer come after. AWS's tax is no cost of a day. #}
with

line_items as (
    select * from {{ ref('stg_cur__line_items') }}
    where {{ is_current_period('billing_period') }}
),

charge_types as (
    select * from {{ ref('charge_types') }}
),

-- A row of a day or an hour says what a day cost, and that AWS has measured so far; a month's support is billed on one
-- of its days, a domain today for a date to come.
measured as (
    select
        line_items.*,
        coalesce(
            cast(usage_start_at as date) = membership_date
            and coalesce(usage_end_at, usage_start_at) <= usage_start_at + interval 1 day,
            false
        ) as is_metered
    from line_items
    where not is_split_cost
),

summed as (
    select
        billing_period,
        billing_account_id,
        sub_account_id,
        service_code,
        line_item_type,
        has_reservation,
        membership_date as charge_date,
        sum(unblended_cost) as unblended_cost,
        sum(case when public_price = 'public' then public_on_demand_cost else unblended_cost end) as base_cost,
        -- NULL only where no row has one: discounts that cancel out are charges all the same.
        sum(nullif(bundled_discount_cost, 0)) as bundled_discount_cost,
        sum(nullif(partner_discount_cost, 0)) as partner_discount_cost,
        sum(nullif(negotiated_discount_cost, 0)) as negotiated_discount_cost,
        coalesce(sum(unblended_cost) filter (where is_metered), 0) as metered_cost,
        bool_or(is_metered) as is_metered
    from measured
    group by
        billing_period, billing_account_id, sub_account_id, service_code, line_item_type, has_reservation,
        membership_date
),

typed as (
    select
        summed.*,
        coalesce(charge_types.charge_type, 'unknown') as charge_type
    from summed
    left join charge_types
        on
            summed.line_item_type = charge_types.line_item_type
            and (charge_types.line_item_type <> 'Fee' or charge_types.is_reservation_fee = summed.has_reservation)
),

discount_types as (
    select types.charge_type
    from (values ('bundled_discount'), ('partner_discount'), ('negotiated_discount')) as types (charge_type)
),

-- C2: in column mode the discount inside a row is a charge of its own, AWS's tax having one like any other row.
discounts as (
    select
        typed.* exclude (charge_type),
        discount_types.charge_type,
        case discount_types.charge_type
            when 'bundled_discount' then typed.bundled_discount_cost
            when 'partner_discount' then typed.partner_discount_cost
            else typed.negotiated_discount_cost
        end as cost
    from typed
    cross join discount_types
    where
        coalesce(typed.bundled_discount_cost, typed.partner_discount_cost, typed.negotiated_discount_cost) is not null
),

charges as (
    select
        *,
        unblended_cost as aws_cost,
        base_cost as weight,
        metered_cost as day_cost
    from typed
    where charge_type <> 'aws_tax'
    union all by name
    select
        * exclude (cost),
        cost as aws_cost,
        cost as weight,
        cast(0 as decimal(38, 10)) as day_cost
    from discounts
    where cost is not null
),

final as (
    select
        billing_period,
        billing_account_id,
        sub_account_id,
        service_code,
        charge_type,
        charge_date,
        cast(sum(aws_cost) as decimal(38, 10)) as aws_cost,
        cast(sum(weight) as decimal(38, 10)) as weight,
        cast(sum(day_cost) as decimal(38, 10)) as metered_cost,
        bool_or(
            is_metered
            and charge_type in ('usage', 'reservation_covered_usage', 'savings_plan_covered_usage')
        ) as is_metered
    from charges
    group by billing_period, billing_account_id, sub_account_id, service_code, charge_type, charge_date
)

select * from final
