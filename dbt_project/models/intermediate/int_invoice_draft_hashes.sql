{{ config(materialized='billing_period') }}
{# D1: a hash over everything the customer sees of a draft. Whoever approves, approves this: when it differs, the draft
   is another one. #}
with

drafts as (
    select * from {{ ref('int_invoice_drafts') }}
    where {{ is_current_period('billing_period') }}
),

lines as (
    select * from {{ ref('fct_invoice_lines') }}
    where {{ is_current_period('billing_period') }}
),

accounts as (
    select * from {{ ref('fct_invoice_line_accounts') }}
    where {{ is_current_period('billing_period') }}
),

parts as (
    select * from {{ ref('fct_invoice_line_taxes') }}
    where {{ is_current_period('billing_period') }}
),

taxes as (
    select * from {{ ref('fct_invoice_taxes') }}
    where {{ is_current_period('billing_period') }}
),

credit_ledger as (
    select * from {{ ref('fct_credit_ledger') }}
    where {{ is_current_period('billing_period') }}
),

billing_groups as (
    select * from {{ source('billing', 'billing_groups') }}
),

issuers as (
    select * from {{ source('billing', 'issuers') }}
),

customers as (
    select * from {{ source('billing', 'customers') }}
),

fx_rates as (
    select * from {{ source('billing', 'fx_rates') }}
),

texts as (
    select
        drafts.billing_period,
        drafts.billing_group_id,
        'header' as section,
        '' as place,
        cast(
            row(
                drafts.billing_group_name, billing_groups.primary_account_id, drafts.currency, drafts.fx_rate,
                drafts.fx_source, drafts.net_amount, drafts.credit_amount, drafts.tax_amount, drafts.total_amount,
                drafts.rounding_difference
            ) as varchar
        ) as content
    from drafts
    left join billing_groups on drafts.billing_group_id = billing_groups.billing_group_id
    union all
    select
        drafts.billing_period,
        drafts.billing_group_id,
        'issuer' as section,
        '' as place,
        cast(
            row(
                issuers.issuer_id, issuers.legal_name, issuers.address, issuers.postal_code, issuers.city,
                issuers.country_code, issuers.tax_id, issuers.invoice_prefix, issuers.currency, issuers.iban,
                issuers.email
            ) as varchar
        ) as content
    from drafts
    inner join issuers on drafts.issuer_id = issuers.issuer_id
    union all
    select
        drafts.billing_period,
        drafts.billing_group_id,
        'customer' as section,
        '' as place,
        cast(
            row(
                customers.customer_id, customers.legal_name, customers.address, customers.postal_code, customers.city,
                customers.subdivision, customers.country_code, customers.tax_id, customers.currency,
                customers.payment_terms_days, customers.email, customers.language
            ) as varchar
        ) as content
    from drafts
    inner join customers on drafts.customer_id = customers.customer_id
    union all
    select
        billing_period,
        billing_group_id,
        'line' as section,
        invoice_line_key as place,
        cast(row(line_number, line_kind, description, exact_amount_usd, net_amount, credit_amount) as varchar)
            as content
    from lines
    union all
    select
        billing_period,
        billing_group_id,
        'account' as section,
        cast(row(invoice_line_key, sub_account_id) as varchar) as place,
        cast(row(net_amount, credit_amount) as varchar) as content
    from accounts
    union all
    select
        billing_period,
        billing_group_id,
        'part' as section,
        cast(row(invoice_line_key, tax_category, tax_rate) as varchar) as place,
        cast(row(tax_name, exemption_reason, net_amount, credit_amount) as varchar) as content
    from parts
    union all
    select
        billing_period,
        billing_group_id,
        'tax' as section,
        cast(row(tax_category, tax_rate) as varchar) as place,
        cast(row(tax_name, exemption_reason, taxable_amount, tax_amount) as varchar) as content
    from taxes
    -- The tax in the issuer's accounting currency follows from it (BT-111).
    union all
    select
        drafts.billing_period,
        drafts.billing_group_id,
        'accounting' as section,
        fx_rates.to_currency as place,
        cast(row(fx_rates.rate, fx_rates.source) as varchar) as content
    from drafts
    inner join issuers on drafts.issuer_id = issuers.issuer_id
    inner join fx_rates
        on
            drafts.billing_period = fx_rates.period
            and drafts.currency = fx_rates.from_currency
            and issuers.currency = fx_rates.to_currency
            and drafts.currency <> issuers.currency
    -- Summed, so that issuing, after which draws stand here as issued, changes nothing.
    union all
    select
        billing_period,
        billing_group_id,
        'credit' as section,
        cast(row(credit_id, invoice_line_key, sub_account_id) as varchar) as place,
        cast(sum(amount) as varchar) as content
    from credit_ledger
    group by billing_period, billing_group_id, credit_id, invoice_line_key, sub_account_id
    having sum(amount) <> 0
),

final as (
    select
        drafts.billing_period,
        drafts.billing_group_id,
        sha256(
            string_agg(
                texts.section || chr(31) || texts.place || chr(31) || texts.content, chr(30)
                order by texts.section, texts.place, texts.content
            )
        ) as draft_hash
    from drafts
    inner join texts
        on drafts.billing_period = texts.billing_period and drafts.billing_group_id = texts.billing_group_id
    group by drafts.billing_period, drafts.billing_group_id
)

select * from final
