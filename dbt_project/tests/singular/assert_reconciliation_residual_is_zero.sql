{{ config(meta={'dagster': {'ref': {'name': 'fct_reconciliation'}}}) }}
{# A row here means that money is lost or made on the way from AWS's total to the documents: what AWS charged is not all
   accounted for (X1), and nothing may be issued for that payer; or a step from a group's charges to its documents does
   not tie (X2); or AWS's invoices are not all that the payer's deliveries hold (X4). #}
with

reconciliation as (
    select * from {{ ref('fct_reconciliation') }}
    where {{ in_built_periods('billing_period') }}
),

group_reconciliation as (
    select * from {{ ref('fct_group_reconciliation') }}
    where {{ in_built_periods('billing_period') }}
),

aws_invoices as (
    select * from {{ ref('fct_aws_invoices') }}
    where {{ in_built_periods('billing_period') }}
),

invoice_totals as (
    select
        billing_period,
        billing_account_id,
        sum(cur_amount) as amount
    from aws_invoices
    group by billing_period, billing_account_id
),

failures as (
    select
        'reconciliation__residual' as check_id,
        concat_ws(' ', billing_period, billing_account_id, stage) as failing_row,
        concat_ws(' ', 'amount', amount, 'residual', residual) as found
    from reconciliation
    where residual <> 0
    union all
    select
        'reconciliation__documents' as check_id,
        concat_ws(' ', billing_period, billing_group_id, stage) as failing_row,
        concat_ws(' ', 'residual', residual) as found
    from group_reconciliation
    where residual <> 0
    union all
    select
        'reconciliation__aws_invoices' as check_id,
        concat_ws(' ', reconciliation.billing_period, reconciliation.billing_account_id) as failing_row,
        concat_ws(' ', 'AWS total', reconciliation.amount, 'invoices', coalesce(invoice_totals.amount, 0)) as found
    from reconciliation
    left join invoice_totals
        on
            reconciliation.billing_period = invoice_totals.billing_period
            and reconciliation.billing_account_id = invoice_totals.billing_account_id
    where reconciliation.stage = 'raw' and reconciliation.amount <> coalesce(invoice_totals.amount, 0)
    union all
    select
        'reconciliation__differences' as check_id,
        concat_ws(' ', billing_period, billing_account_id, aws_invoice_id) as failing_row,
        concat_ws(
            ' ', 'difference', difference, 'parts', left_out_difference, rounding_difference, residual
        ) as found
    from aws_invoices
    where difference <> left_out_difference + rounding_difference + residual
)

select * from failures
