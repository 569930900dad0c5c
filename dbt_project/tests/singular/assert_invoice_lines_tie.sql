{{ config(meta={'dagster': {'ref': {'name': 'fct_invoice_lines'}}}) }}
{# A row here means that a customer's invoice does not say what the charges say (X2), has one line twice, or is
   converted at another rate than its own (I2). #}
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

fx_rates as (
    select * from {{ source('billing', 'fx_rates') }}
),

issued_documents as (
    select * from {{ source('ledger', 'documents') }}
    where revision = 0
),

-- I2: a document's rate holds for its group and month for ever.
expected_rates as (
    select
        lines.invoice_line_key,
        case
            when lines.currency = 'USD' then cast(1 as decimal(18, 10))
            when issued_documents.number is not null then cast(issued_documents.fx_rate as decimal(18, 10))
            else fx_rates.rate
        end as fx_rate
    from lines
    left join issued_documents
        on
            lines.billing_period = issued_documents.billing_period
            and lines.billing_group_id = issued_documents.billing_group_id
    left join fx_rates
        on
            lines.billing_period = fx_rates.period
            and fx_rates.from_currency = 'USD'
            and lines.currency = fx_rates.to_currency
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
        'invoice_lines__charges' as check_id,
        concat_ws(' ', billing_period, billing_group_id) as failing_row,
        concat_ws(
            ' ', 'charges', coalesce(charge_totals.billed_cost, 0), 'lines', coalesce(line_totals.exact_amount_usd, 0)
        ) as found
    from charge_totals
    full join line_totals using (billing_period, billing_group_id)
    where coalesce(charge_totals.billed_cost, 0) <> coalesce(line_totals.exact_amount_usd, 0)
    union all
    select
        'invoice_lines__unique' as check_id,
        invoice_line_key as failing_row,
        concat_ws(' ', count(*), 'lines') as found
    from lines
    group by invoice_line_key
    having count(*) > 1
    union all
    select
        'invoice_lines__rounding' as check_id,
        invoice_line_key as failing_row,
        concat_ws(' ', currency, rounding_difference) as found
    from lines
    where
        abs(rounding_difference)
        > case minor_units when 0 then 0.5 when 2 then 0.005 when 3 then 0.0005 when 4 then 0.00005 end
    union all
    select
        'invoice_lines__converted' as check_id,
        invoice_line_key as failing_row,
        concat_ws(' ', exact_amount_usd, 'USD x', fx_rate, 'is not', net_amount, currency) as found
    from lines
    where
        (net_amount is null) <> (fx_rate is null)
        -- The amount is cut at 10 decimals before it is multiplied here, and the product after: what both may be off
        -- by, the first times the rate, proves nothing.
        or abs(net_amount - {{ in_billing_currency('exact_amount_usd', 'fx_rate') }})
        > case minor_units when 0 then 0.5 when 2 then 0.005 when 3 then 0.0005 when 4 then 0.00005 end
        + 0.0000000001 * (fx_rate + 1)
    union all
    select
        'invoice_lines__rates' as check_id,
        lines.invoice_line_key as failing_row,
        concat_ws(
            ' ', 'rate', coalesce(cast(lines.fx_rate as varchar), 'none'), 'expected',
            coalesce(cast(expected_rates.fx_rate as varchar), 'none')
        ) as found
    from lines
    inner join expected_rates on lines.invoice_line_key = expected_rates.invoice_line_key
    where lines.fx_rate is distinct from expected_rates.fx_rate
)

select * from failures
