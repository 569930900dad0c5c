{# D4: current draft minus everything issued, of each group and period that has a document. Lines by key for net and
   credit, and by account and tax part, which a correction needs too; taxes by category and rate for base and tax, so that
   a correction's tax is what is missing to the current truth (D6). What is zero is not listed. A period that is not in the
   warehouse has no current draft to compare with. #}
with

lines as (
    select * from {{ ref('fct_invoice_lines') }}
),

accounts as (
    select * from {{ ref('fct_invoice_line_accounts') }}
),

line_taxes as (
    select * from {{ ref('fct_invoice_line_taxes') }}
),

taxes as (
    select * from {{ ref('fct_invoice_taxes') }}
),

documents as (
    select * from {{ source('ledger', 'documents') }}
),

document_lines as (
    select * from {{ source('ledger', 'document_lines') }}
),

document_line_accounts as (
    select * from {{ source('ledger', 'document_line_accounts') }}
),

document_line_parts as (
    select * from {{ source('ledger', 'document_line_parts') }}
),

document_taxes as (
    select * from {{ source('ledger', 'document_taxes') }}
),

period_builds as (
    select * from {{ source('raw', 'period_builds') }}
),

build_periods as (
    select * from {{ source('raw', 'build_periods') }}
),

-- A run checks what it builds before it records that it is built.
current_periods as (
    select billing_period from period_builds
    union distinct
    select billing_period from build_periods
),

compared_groups as (
    select distinct
        documents.billing_period,
        documents.billing_group_id
    from documents
    inner join current_periods on documents.billing_period = current_periods.billing_period
),

sides as (
    select
        billing_period,
        billing_group_id,
        'line' as level,
        invoice_line_key,
        '' as sub_account_id,
        '' as tax_category,
        cast(0 as decimal(12, 4)) as tax_rate,
        exact_amount_usd,
        net_amount as amount,
        credit_amount as other_amount
    from lines
    union all
    select
        documents.billing_period,
        documents.billing_group_id,
        'line' as level,
        document_lines.invoice_line_key,
        '' as sub_account_id,
        '' as tax_category,
        0 as tax_rate,
        -cast(document_lines.exact_amount_usd as decimal(38, 24)) as exact_amount_usd,
        -cast(document_lines.net_amount as decimal(22, 4)) as amount,
        -cast(document_lines.credit_amount as decimal(22, 4)) as other_amount
    from document_lines
    inner join documents on document_lines.document_id = documents.document_id
    union all
    select
        billing_period,
        billing_group_id,
        'account' as level,
        invoice_line_key,
        sub_account_id,
        '' as tax_category,
        0 as tax_rate,
        0 as exact_amount_usd,
        net_amount as amount,
        credit_amount as other_amount
    from accounts
    union all
    select
        documents.billing_period,
        documents.billing_group_id,
        'account' as level,
        document_lines.invoice_line_key,
        document_line_accounts.sub_account_id,
        '' as tax_category,
        0 as tax_rate,
        0 as exact_amount_usd,
        -cast(document_line_accounts.net_amount as decimal(22, 4)) as amount,
        -cast(document_line_accounts.credit_amount as decimal(22, 4)) as other_amount
    from document_line_accounts
    inner join documents on document_line_accounts.document_id = documents.document_id
    inner join document_lines
        on
            document_line_accounts.document_id = document_lines.document_id
            and document_line_accounts.line_number = document_lines.line_number
    union all
    select
        billing_period,
        billing_group_id,
        'part' as level,
        invoice_line_key,
        '' as sub_account_id,
        tax_category,
        tax_rate,
        0 as exact_amount_usd,
        net_amount as amount,
        credit_amount as other_amount
    from line_taxes
    -- AWS's tax passed on has no tax parts; in a document it is out of scope (T1).
    union all
    select
        billing_period,
        billing_group_id,
        'part' as level,
        invoice_line_key,
        '' as sub_account_id,
        tax_category,
        tax_rate,
        0 as exact_amount_usd,
        net_amount as amount,
        credit_amount as other_amount
    from lines
    where line_kind = 'aws_tax'
    union all
    select
        documents.billing_period,
        documents.billing_group_id,
        'part' as level,
        document_line_parts.invoice_line_key,
        '' as sub_account_id,
        document_line_parts.tax_category,
        cast(document_line_parts.tax_rate as decimal(12, 4)) as tax_rate,
        0 as exact_amount_usd,
        -cast(document_line_parts.net_amount as decimal(22, 4)) as amount,
        -cast(document_line_parts.credit_amount as decimal(22, 4)) as other_amount
    from document_line_parts
    inner join documents on document_line_parts.document_id = documents.document_id
    union all
    select
        billing_period,
        billing_group_id,
        'tax' as level,
        '' as invoice_line_key,
        '' as sub_account_id,
        tax_category,
        tax_rate,
        0 as exact_amount_usd,
        taxable_amount as amount,
        tax_amount as other_amount
    from taxes
    union all
    select
        documents.billing_period,
        documents.billing_group_id,
        'tax' as level,
        '' as invoice_line_key,
        '' as sub_account_id,
        document_taxes.tax_category,
        cast(document_taxes.tax_rate as decimal(12, 4)) as tax_rate,
        0 as exact_amount_usd,
        -cast(document_taxes.taxable_amount as decimal(22, 4)) as amount,
        -cast(document_taxes.tax_amount as decimal(22, 4)) as other_amount
    from document_taxes
    inner join documents on document_taxes.document_id = documents.document_id
),

summed as (
    select
        sides.billing_period,
        sides.billing_group_id,
        sides.level,
        sides.invoice_line_key,
        sides.sub_account_id,
        sides.tax_category,
        sides.tax_rate,
        sum(sides.exact_amount_usd) as exact_amount_usd,
        coalesce(sum(sides.amount), 0) as amount,
        coalesce(sum(sides.other_amount), 0) as other_amount
    from sides
    inner join compared_groups
        on
            sides.billing_period = compared_groups.billing_period
            and sides.billing_group_id = compared_groups.billing_group_id
    group by
        sides.billing_period, sides.billing_group_id, sides.level, sides.invoice_line_key, sides.sub_account_id,
        sides.tax_category, sides.tax_rate
),

final as (
    select
        billing_period,
        billing_group_id,
        level,
        invoice_line_key,
        sub_account_id,
        coalesce(tax_category, '') as tax_category,
        cast(coalesce(tax_rate, 0) as decimal(12, 4)) as tax_rate,
        cast(exact_amount_usd as decimal(38, 24)) as exact_amount_usd,
        cast(case when level <> 'tax' then amount end as decimal(22, 4)) as net_amount,
        cast(case when level <> 'tax' then other_amount end as decimal(22, 4)) as credit_amount,
        cast(case when level = 'tax' then amount end as decimal(22, 4)) as taxable_amount,
        cast(case when level = 'tax' then other_amount end as decimal(22, 4)) as tax_amount
    from summed
    where amount <> 0 or other_amount <> 0
)

select * from final
