{{ config(meta={'dagster': {'ref': {'name': 'fct_invoice_lines'}}}) }}
{# A row here means that a customer's invoice does not say what the charges say (X2), or has one line twice. #}
with

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ in_built_periods('billing_period') }}
),

group_charges as (
    select * from {{ ref('fct_group_charges') }}
    where {{ in_built_periods('billing_period') }}
),

lines as (
    select * from {{ ref('fct_invoice_lines') }}
    where {{ in_built_periods('billing_period') }}
),

charge_totals as (
    select
        billing_period,
        billing_group_id,
        sum(billed_cost) as billed_cost
    from (
        select
            billing_period,
            billing_group_id,
            cast(billed_cost as decimal(38, 24)) as billed_cost
        from charges
        where billing_group_id <> 'UNASSIGNED'
        union all
        select
            billing_period,
            billing_group_id,
            billed_cost
        from group_charges
    ) as billed
    group by billing_period, billing_group_id
),

line_totals as (
    select
        billing_period,
        billing_group_id,
        sum(exact_amount_usd) as exact_amount_usd
    from lines
    group by billing_period, billing_group_id
),

failures as (
    select
        'lines before rounding <> charges (X2)' as check_name,
        concat_ws(' ', billing_period, billing_group_id, charge_totals.billed_cost, line_totals.exact_amount_usd)
            as detail
    from charge_totals
    full join line_totals using (billing_period, billing_group_id)
    where coalesce(charge_totals.billed_cost, 0) <> coalesce(line_totals.exact_amount_usd, 0)
    union all
    select
        'line key is not unique' as check_name,
        invoice_line_key as detail
    from lines
    group by invoice_line_key
    having count(*) > 1
    union all
    select
        'rounding moved a line by more than half a unit (M4)' as check_name,
        concat_ws(' ', invoice_line_key, currency, rounding_difference) as detail
    from lines
    where
        abs(rounding_difference)
        > case minor_units when 0 then 0.5 when 2 then 0.005 when 3 then 0.0005 when 4 then 0.00005 end
)

select * from failures
