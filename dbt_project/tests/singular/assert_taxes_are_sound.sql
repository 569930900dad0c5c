{{ config(meta={'dagster': {'ref': {'name': 'fct_invoice_taxes'}}}) }}
{# A row here means that an invoice shows another tax than its base and rate give (T3), or taxes another base than its
   lines after credits (T5). #}
with

taxes as (
    select * from {{ ref('fct_invoice_taxes') }}
    where {{ in_built_periods('billing_period') }}
),

line_taxes as (
    select * from {{ ref('fct_invoice_line_taxes') }}
    where {{ in_built_periods('billing_period') }} and tax_category is not null and net_amount is not null
),

currencies as (
    select * from {{ ref('currencies') }}
),

bases as (
    select
        billing_period,
        billing_group_id,
        tax_category,
        tax_rate,
        sum(net_amount + credit_amount) as taxable_amount
    from line_taxes
    group by billing_period, billing_group_id, tax_category, tax_rate
),

failures as (
    select
        'taxes__amounts' as check_id,
        concat_ws(' ', taxes.billing_period, taxes.billing_group_id, taxes.tax_category, taxes.tax_rate) as failing_row,
        concat_ws(' ', taxes.taxable_amount, 'x', taxes.tax_rate, '% is not', taxes.tax_amount) as found
    from taxes
    inner join currencies on taxes.currency = currencies.currency
    where
        taxes.tax_amount is distinct from
        {{ round_to_minor_unit('taxes.taxable_amount * taxes.tax_rate * 0.01', 'currencies.minor_units') }}
    union all
    select
        'taxes__bases' as check_id,
        concat_ws(' ', billing_period, billing_group_id, tax_category, tax_rate) as failing_row,
        concat_ws(
            ' ', 'taxed', coalesce(taxes.taxable_amount, 0), 'lines', coalesce(bases.taxable_amount, 0)
        ) as found
    from taxes
    full join bases using (billing_period, billing_group_id, tax_category, tax_rate)
    where taxes.taxable_amount is distinct from bases.taxable_amount
)

select * from failures
