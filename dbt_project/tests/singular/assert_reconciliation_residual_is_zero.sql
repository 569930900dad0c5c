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
        'AWS total <> charges (X1)' as check_name,
        concat_ws(' ', billing_period, billing_account_id, stage, residual) as detail
    from reconciliation
    where residual <> 0
    union all
    select
        'charges <> documents (X2)' as check_name,
        concat_ws(' ', billing_period, billing_group_id, stage, residual) as detail
    from group_reconciliation
    where residual <> 0
    union all
    select
        'AWS invoices <> AWS total (X4)' as check_name,
        concat_ws(' ', reconciliation.billing_period, reconciliation.billing_account_id, invoice_totals.amount)
            as detail
    from reconciliation
    left join invoice_totals
        on
            reconciliation.billing_period = invoice_totals.billing_period
            and reconciliation.billing_account_id = invoice_totals.billing_account_id
    where reconciliation.stage = 'raw' and reconciliation.amount <> coalesce(invoice_totals.amount, 0)
    union all
    select
        'parts <> difference (X4)' as check_name,
        concat_ws(' ', billing_period, billing_account_id, aws_invoice_id, difference) as detail
    from aws_invoices
    where difference <> left_out_difference + rounding_difference + residual
)

select * from failures
