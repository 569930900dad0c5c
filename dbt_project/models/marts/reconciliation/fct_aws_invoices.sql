{{ config(materialized='billing_period') }}
{# X4: the CUR total of each of AWS's invoices beside the total that AWS printed, where one is supplied, and the reasons
   for the difference out of a closed list. What AWS's total leaves out is looked for first (credits, refunds, tax, the
   fewest that fit), what is then no more than rounding of AWS's own lines is rounding, and the rest is the residual. #}
with

services as (
    select * from {{ ref('fct_aws_invoice_services') }}
    where {{ is_current_period('billing_period') }}
),

aws_invoices as (
    select * from {{ source('billing', 'aws_invoices') }}
    where {{ is_current_period('billing_period') }}
),

-- AWS rounds what its invoice shows: a service's charges, credits, refunds and tax, each by half a cent at most.
shown_amounts as (
    select
        billing_period,
        billing_account_id,
        aws_invoice_id,
        invoice_service_code,
        part,
        cast(sum(aws_cost) as decimal(38, 10)) as aws_cost,
        sum(row_count) as row_count,
        sum(open_row_count) as open_row_count
    from services
    group by billing_period, billing_account_id, aws_invoice_id, invoice_service_code, part
),

cur_totals as (
    select
        billing_period,
        billing_account_id,
        aws_invoice_id,
        cast(sum(aws_cost) as decimal(38, 10)) as cur_amount,
        cast(coalesce(sum(aws_cost) filter (where part = 'credits'), 0) as decimal(38, 10)) as credit_amount,
        cast(coalesce(sum(aws_cost) filter (where part = 'refunds'), 0) as decimal(38, 10)) as refund_amount,
        cast(coalesce(sum(aws_cost) filter (where part = 'tax'), 0) as decimal(38, 10)) as tax_amount,
        cast(
            coalesce(sum(aws_cost) filter (where invoice_service_code = 'AWSDataTransfer'), 0) as decimal(38, 10)
        ) as data_transfer_amount,
        cast(
            count(*) filter (where aws_cost <> 0) * cast(0.005 as decimal(4, 3)) as decimal(18, 3)
        ) as rounding_bound,
        cast(sum(row_count) as bigint) as row_count
    from shown_amounts
    group by billing_period, billing_account_id, aws_invoice_id
    -- Rows that cost nothing may stay without an invoice for ever.
    having aws_invoice_id <> '' or sum(open_row_count) > 0 or sum(aws_cost) <> 0
),

payer_periods as (
    select
        billing_period,
        billing_account_id,
        sum(open_row_count) > 0 as has_open_rows
    from services
    group by billing_period, billing_account_id
),

supplied_payers as (
    select distinct
        billing_period,
        payer_account_id
    from aws_invoices
),

invoice_keys as (
    select
        billing_period,
        billing_account_id,
        aws_invoice_id
    from cur_totals
    union
    select
        billing_period,
        payer_account_id as billing_account_id,
        invoice_id as aws_invoice_id
    from aws_invoices
),

compared as (
    select
        invoice_keys.billing_period,
        invoice_keys.billing_account_id,
        invoice_keys.aws_invoice_id,
        cur_totals.aws_invoice_id is not null as is_in_cur,
        aws_invoices.invoice_id is not null as is_supplied,
        supplied_payers.payer_account_id is not null as has_list,
        coalesce(payer_periods.has_open_rows, false) as has_open_rows,
        coalesce(cur_totals.cur_amount, 0) as cur_amount,
        coalesce(cur_totals.credit_amount, 0) as credit_amount,
        coalesce(cur_totals.refund_amount, 0) as refund_amount,
        coalesce(cur_totals.tax_amount, 0) as tax_amount,
        coalesce(cur_totals.data_transfer_amount, 0) as data_transfer_amount,
        coalesce(cur_totals.rounding_bound, 0) as rounding_bound,
        coalesce(cur_totals.row_count, 0) as row_count,
        aws_invoices.currency,
        aws_invoices.total_amount,
        case
            when aws_invoices.currency = 'USD'
                then cast(aws_invoices.total_amount as decimal(38, 10)) - coalesce(cur_totals.cur_amount, 0)
        end as difference
    from invoice_keys
    left join cur_totals
        on
            invoice_keys.billing_period = cur_totals.billing_period
            and invoice_keys.billing_account_id = cur_totals.billing_account_id
            and invoice_keys.aws_invoice_id = cur_totals.aws_invoice_id
    left join aws_invoices
        on
            invoice_keys.billing_period = aws_invoices.billing_period
            and invoice_keys.billing_account_id = aws_invoices.payer_account_id
            and invoice_keys.aws_invoice_id = aws_invoices.invoice_id
    left join supplied_payers
        on
            invoice_keys.billing_period = supplied_payers.billing_period
            and invoice_keys.billing_account_id = supplied_payers.payer_account_id
    left join payer_periods
        on
            invoice_keys.billing_period = payer_periods.billing_period
            and invoice_keys.billing_account_id = payer_periods.billing_account_id
),

-- What AWS's total may leave out that the CUR has, the fewest parts first.
omissions as (
    select
        compared.billing_period,
        compared.billing_account_id,
        compared.aws_invoice_id,
        omitted.choice,
        -(
            case when omitted.has_credits then compared.credit_amount else 0 end
            + case when omitted.has_refunds then compared.refund_amount else 0 end
            + case when omitted.has_tax then compared.tax_amount else 0 end
        ) as left_out_difference,
        concat_ws(
            '|',
            case when omitted.has_credits then 'credits' end,
            case when omitted.has_refunds then 'refunds' end,
            case when omitted.has_tax then 'tax' end
        ) as left_out
    from compared
    inner join (
        values
        (1, false, false, false), (2, false, true, false), (3, true, false, false), (4, false, false, true),
        (5, true, true, false), (6, false, true, true), (7, true, false, true), (8, true, true, true)
    ) as omitted (choice, has_credits, has_refunds, has_tax)
        on
            (not omitted.has_credits or compared.credit_amount <> 0)
            and (not omitted.has_refunds or compared.refund_amount <> 0)
            and (not omitted.has_tax or compared.tax_amount <> 0)
    where
        compared.difference is not null
        and compared.is_in_cur
        and abs(
            compared.difference
            + case when omitted.has_credits then compared.credit_amount else 0 end
            + case when omitted.has_refunds then compared.refund_amount else 0 end
            + case when omitted.has_tax then compared.tax_amount else 0 end
        ) <= compared.rounding_bound
),

explanations as (
    select
        billing_period,
        billing_account_id,
        aws_invoice_id,
        cast(arg_min(left_out_difference, choice) as decimal(38, 10)) as left_out_difference,
        arg_min(left_out, choice) as left_out
    from omissions
    group by billing_period, billing_account_id, aws_invoice_id
),

explained as (
    select
        compared.*,
        explanations.aws_invoice_id is not null as is_explained,
        coalesce(explanations.left_out, '') as left_out,
        case when compared.difference is not null then coalesce(explanations.left_out_difference, 0) end
            as left_out_difference
    from compared
    left join explanations
        on
            compared.billing_period = explanations.billing_period
            and compared.billing_account_id = explanations.billing_account_id
            and compared.aws_invoice_id = explanations.aws_invoice_id
),

final as (
    select
        billing_period,
        billing_account_id,
        aws_invoice_id,
        cast(cur_amount as decimal(38, 10)) as cur_amount,
        cast(credit_amount as decimal(38, 10)) as credit_amount,
        cast(refund_amount as decimal(38, 10)) as refund_amount,
        cast(tax_amount as decimal(38, 10)) as tax_amount,
        cast(data_transfer_amount as decimal(38, 10)) as data_transfer_amount,
        row_count,
        cast(total_amount as decimal(22, 10)) as total_amount,
        currency,
        cast(difference as decimal(38, 10)) as difference,
        cast(left_out_difference as decimal(38, 10)) as left_out_difference,
        cast(
            case
                when is_explained then difference - left_out_difference
                when difference is not null then cast(0 as decimal(38, 10))
            end as decimal(38, 10)
        ) as rounding_difference,
        cast(rounding_bound as decimal(18, 3)) as rounding_bound,
        cast(
            case when is_explained then cast(0 as decimal(38, 10)) else difference end as decimal(38, 10)
        ) as residual,
        case
            when aws_invoice_id = '' then 'not_final'
            -- AWS need not print an invoice of nothing.
            when not is_supplied and has_list and cur_amount <> 0 then 'missing_in_list'
            when not is_supplied then 'not_supplied'
            when difference is null then 'other_currency'
            when is_explained
                then concat_ws(
                    '|',
                    nullif(left_out, ''),
                    case when difference <> left_out_difference then 'rounding' end
                )
            when has_open_rows then 'not_final'
            when not is_in_cur then 'missing_in_cur'
            else 'unexplained'
        end as reasons
    from explained
)

select * from final
