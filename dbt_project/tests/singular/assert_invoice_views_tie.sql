{{ config(meta={'dagster': {'ref': {'name': 'fct_invoice_line_accounts'}}}) }}
{# A row here means that two views of one invoice show different totals (M6), which a customer will find. #}
with

lines as (
    select * from {{ ref('fct_invoice_lines') }}
    where {{ in_built_periods('billing_period') }}
),

line_accounts as (
    select * from {{ ref('fct_invoice_line_accounts') }}
    where {{ in_built_periods('billing_period') }}
),

invoices as (
    select * from {{ ref('fct_invoices') }}
    where {{ in_built_periods('billing_period') }}
),

account_totals as (
    select
        invoice_line_key,
        sum(net_amount) as net_amount,
        sum(exact_amount_usd) as exact_amount_usd
    from line_accounts
    group by invoice_line_key
),

line_totals as (
    select
        billing_period,
        billing_group_id,
        sum(net_amount) as net_amount
    from lines
    group by billing_period, billing_group_id
),

failures as (
    select
        'parts by account <> line' as check_name,
        concat_ws(' ', lines.invoice_line_key, lines.net_amount, account_totals.net_amount) as detail
    from lines
    left join account_totals on lines.invoice_line_key = account_totals.invoice_line_key
    where
        lines.net_amount is distinct from account_totals.net_amount
        or lines.exact_amount_usd is distinct from account_totals.exact_amount_usd
    union all
    select
        'lines <> invoice total' as check_name,
        concat_ws(' ', invoices.billing_period, invoices.billing_group_id, invoices.total_amount) as detail
    from invoices
    left join line_totals
        on
            invoices.billing_period = line_totals.billing_period
            and invoices.billing_group_id = line_totals.billing_group_id
    where
        invoices.total_amount is distinct from invoices.net_amount + invoices.tax_amount
        or (invoices.fx_rate is not null and invoices.total_amount <> coalesce(line_totals.net_amount, 0))
        or (invoices.fx_rate is null and invoices.total_amount is not null)
)

select * from failures
