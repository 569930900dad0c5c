{{ config(materialized='billing_period') }}
{# One draft per billing group that exists in the period, also when nothing was used: finance sees that it is empty.
   Stored, so that a period keeps the currency, rate and groups that its lines were made with until it is built again.
   I2, D4: once a document is issued, its customer, issuer, currency and rate hold for the period for ever. #}
with

lines as (
    select * from {{ ref('fct_invoice_lines') }}
    where {{ is_current_period('billing_period') }}
),

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ is_current_period('billing_period') }}
),

taxes as (
    select * from {{ ref('fct_invoice_taxes') }}
    where {{ is_current_period('billing_period') }}
),

billing_groups as (
    select * from {{ source('billing', 'billing_groups') }}
),

customers as (
    select * from {{ source('billing', 'customers') }}
),

fx_rates as (
    select * from {{ source('billing', 'fx_rates') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

issued_documents as (
    select * from {{ source('ledger', 'documents') }}
    where revision = 0
),

built_periods as (
    select distinct billing_period from charges
),

group_status as (
    select
        billing_period,
        billing_group_id,
        sum(open_row_count) = 0 as is_final,
        count(*) filter (where treatment = 'unrated') > 0 as has_unrated
    from charges
    group by billing_period, billing_group_id
),

line_totals as (
    select
        billing_period,
        billing_group_id,
        count(*) as line_count,
        coalesce(sum(exact_amount_usd) filter (where line_kind <> 'aws_tax'), 0) as exact_amount_usd,
        coalesce(sum(net_amount) filter (where line_kind <> 'aws_tax'), 0) as net_amount,
        coalesce(sum(credit_amount), 0) as credit_amount,
        coalesce(sum(net_amount) filter (where line_kind = 'aws_tax'), 0) as aws_tax_amount,
        coalesce(sum(rounding_difference), 0) as rounding_difference,
        count(*) filter (where tax_category is null) > 0 as is_tax_rate_missing
    from lines
    group by billing_period, billing_group_id
),

tax_totals as (
    select
        billing_period,
        billing_group_id,
        sum(taxable_amount) as taxable_amount,
        sum(tax_amount) as tax_amount
    from taxes
    group by billing_period, billing_group_id
),

drafts as (
    select
        built_periods.billing_period,
        billing_groups.billing_group_id,
        billing_groups.billing_group_name,
        coalesce(issued_documents.customer_id, billing_groups.customer_id) as customer_id,
        customers.legal_name as customer_name,
        coalesce(issued_documents.issuer_id, billing_groups.issuer_id) as issuer_id,
        currencies.currency,
        currencies.minor_units,
        case
            when currencies.currency = 'USD' then cast(1 as decimal(18, 10))
            when issued_documents.number is not null then cast(issued_documents.fx_rate as decimal(18, 10))
            else fx_rates.rate
        end as fx_rate,
        case
            when currencies.currency = 'USD' then ''
            when issued_documents.number is not null then 'as issued in ' || issued_documents.number
            else coalesce(fx_rates.source, '')
        end as fx_source
    from built_periods
    inner join billing_groups
        on
            built_periods.billing_period >= billing_groups.start_period
            and (billing_groups.end_period is null or built_periods.billing_period < billing_groups.end_period)
    left join issued_documents
        on
            built_periods.billing_period = issued_documents.billing_period
            and billing_groups.billing_group_id = issued_documents.billing_group_id
    left join customers
        on coalesce(issued_documents.customer_id, billing_groups.customer_id) = customers.customer_id
    inner join currencies on coalesce(issued_documents.currency, customers.currency) = currencies.currency
    left join fx_rates
        on
            built_periods.billing_period = fx_rates.period
            and fx_rates.from_currency = 'USD'
            and currencies.currency = fx_rates.to_currency
),

final as (
    select
        drafts.billing_period,
        drafts.billing_group_id,
        drafts.billing_group_name,
        drafts.customer_id,
        drafts.customer_name,
        drafts.issuer_id,
        drafts.currency,
        drafts.minor_units,
        drafts.fx_rate,
        drafts.fx_source,
        cast(coalesce(line_totals.exact_amount_usd, 0) as decimal(38, 24)) as exact_amount_usd,
        case
            when drafts.fx_rate is not null then cast(coalesce(line_totals.net_amount, 0) as decimal(22, 4))
        end as net_amount,
        case
            when drafts.fx_rate is not null then cast(coalesce(line_totals.credit_amount, 0) as decimal(22, 4))
        end as credit_amount,
        case
            when drafts.fx_rate is not null
                then cast(
                    coalesce(line_totals.net_amount, 0) + coalesce(line_totals.credit_amount, 0) as decimal(22, 4)
                )
        end as taxable_amount,
        case
            when drafts.fx_rate is not null
                then cast(
                    coalesce(tax_totals.tax_amount, 0) + coalesce(line_totals.aws_tax_amount, 0) as decimal(22, 4)
                )
        end as tax_amount,
        case
            when drafts.fx_rate is not null
                then cast(
                    coalesce(line_totals.net_amount, 0) + coalesce(line_totals.credit_amount, 0)
                    + coalesce(tax_totals.tax_amount, 0) + coalesce(line_totals.aws_tax_amount, 0)
                    as decimal(22, 4)
                )
        end as total_amount,
        case
            when drafts.fx_rate is not null then cast(coalesce(line_totals.rounding_difference, 0) as decimal(38, 34))
        end as rounding_difference,
        cast(coalesce(line_totals.line_count, 0) as integer) as line_count,
        concat_ws(
            '|',
            case when drafts.fx_rate is null then 'missing_fx_rate' end,
            case when line_totals.is_tax_rate_missing then 'missing_tax_rate' end,
            case when group_status.has_unrated then 'unrated_charges' end,
            case when not coalesce(group_status.is_final, true) then 'not_final' end
        ) as open_problems,
        coalesce(group_status.is_final, true) as is_final
    from drafts
    left join line_totals
        on
            drafts.billing_period = line_totals.billing_period
            and drafts.billing_group_id = line_totals.billing_group_id
    left join tax_totals
        on
            drafts.billing_period = tax_totals.billing_period
            and drafts.billing_group_id = tax_totals.billing_group_id
    left join group_status
        on
            drafts.billing_period = group_status.billing_period
            and drafts.billing_group_id = group_status.billing_group_id
)

select * from final
