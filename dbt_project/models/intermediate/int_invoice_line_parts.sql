{# K1, T2, T4, T5: each line's part of an account after credits, with the tax category that holds for it. The period's
   last day decides which rate and which exemption are in force; AWS's own tax (T1) is no part of this. A month with a
   document is taxed as what its customer and issuer are, whoever the group belongs to now (D4). #}
with

parts as (
    select * from {{ ref('int_invoice_line_accounts') }}
    where line_kind <> 'aws_tax' and {{ is_current_period('billing_period') }}
),

credit_ledger as (
    select * from {{ ref('fct_credit_ledger') }}
    where {{ is_current_period('billing_period') }}
),

billing_groups as (
    select * from {{ source('billing', 'billing_groups') }}
),

billing_terms as (
    select * from {{ source('billing', 'billing_terms') }}
),

customers as (
    select * from {{ source('billing', 'customers') }}
),

issuers as (
    select * from {{ source('billing', 'issuers') }}
),

tax_classes as (
    select * from {{ source('billing', 'tax_classes') }}
),

tax_rates as (
    select * from {{ source('billing', 'tax_rates') }}
),

tax_exemptions as (
    select * from {{ source('billing', 'tax_exemptions') }}
),

issued_documents as (
    select * from {{ source('ledger', 'documents') }}
    where revision = 0 and {{ is_current_period('billing_period') }}
),

draws as (
    select
        billing_period,
        invoice_line_key,
        sub_account_id,
        cast(sum(amount) as decimal(22, 4)) as credit_amount
    from credit_ledger
    group by billing_period, invoice_line_key, sub_account_id
),

placed as (
    select
        parts.*,
        case
            when parts.net_amount is not null then coalesce(draws.credit_amount, cast(0 as decimal(22, 4)))
        end as credit_amount,
        coalesce(issued_documents.customer_id, billing_groups.customer_id) as customer_id,
        billing_terms.tax_policy,
        customers.country_code as customer_country_code,
        coalesce(customers.subdivision, '') as customer_subdivision,
        coalesce(customers.tax_id, '') <> '' as has_tax_id,
        issuers.country_code as issuer_country_code,
        coalesce(tax_classes.tax_class, 'standard') as tax_class
    from parts
    inner join billing_groups on parts.billing_group_id = billing_groups.billing_group_id
    left join issued_documents
        on
            parts.billing_period = issued_documents.billing_period
            and parts.billing_group_id = issued_documents.billing_group_id
    -- Parties of a document whose rows were taken out: no case, so a missing rate, which blocks (D7).
    left join customers on coalesce(issued_documents.customer_id, billing_groups.customer_id) = customers.customer_id
    left join issuers on coalesce(issued_documents.issuer_id, billing_groups.issuer_id) = issuers.issuer_id
    inner join billing_terms
        on
            parts.billing_group_id = billing_terms.billing_group_id
            and parts.billing_period >= billing_terms.start_period
            and (billing_terms.end_period is null or parts.billing_period < billing_terms.end_period)
    left join tax_classes on parts.service_code = tax_classes.service_code
    left join draws
        on
            parts.billing_period = draws.billing_period
            and parts.invoice_line_key = draws.invoice_line_key
            and parts.sub_account_id = draws.sub_account_id
),

tax_cases as (
    select distinct
        billing_period,
        issuer_country_code,
        customer_country_code,
        customer_subdivision,
        has_tax_id,
        tax_class
    from placed
    where tax_policy = 'recompute'
),

-- The case of a state or province beats that of its country.
case_rates as (
    select
        tax_cases.*,
        tax_rates.tax_category,
        tax_rates.tax_name,
        tax_rates.rate as tax_rate,
        tax_rates.exemption_reason
    from tax_cases
    inner join tax_rates
        on
            tax_cases.issuer_country_code = tax_rates.issuer_country_code
            and tax_cases.customer_country_code = tax_rates.customer_country_code
            and coalesce(tax_rates.customer_subdivision, '') in ('', tax_cases.customer_subdivision)
            and (
                tax_rates.customer_tax_id = 'any'
                or (tax_rates.customer_tax_id = 'required') = tax_cases.has_tax_id
            )
            and tax_cases.tax_class = tax_rates.tax_class
            and last_day(tax_cases.billing_period) >= tax_rates.start_date
            and (tax_rates.end_date is null or last_day(tax_cases.billing_period) < tax_rates.end_date)
    qualify row_number() over (
        partition by
            tax_cases.billing_period, tax_cases.issuer_country_code, tax_cases.customer_country_code,
            tax_cases.customer_subdivision, tax_cases.has_tax_id, tax_cases.tax_class
        order by coalesce(tax_rates.customer_subdivision, '') desc, tax_rates.customer_tax_id desc
    ) = 1
),

-- An exemption of the account beats one of the whole customer.
exempt_accounts as (
    select
        exempt_parts.billing_period,
        exempt_parts.customer_id,
        exempt_parts.sub_account_id,
        tax_exemptions.tax_category,
        tax_exemptions.reason
    from (
        select distinct
            placed.billing_period,
            placed.customer_id,
            placed.sub_account_id
        from placed
    ) as exempt_parts
    inner join tax_exemptions
        on
            exempt_parts.customer_id = tax_exemptions.customer_id
            and coalesce(nullif(tax_exemptions.account_id, ''), exempt_parts.sub_account_id)
            = exempt_parts.sub_account_id
            and last_day(exempt_parts.billing_period) >= tax_exemptions.start_date
            and (
                tax_exemptions.end_date is null
                or last_day(exempt_parts.billing_period) < tax_exemptions.end_date
            )
    qualify row_number() over (
        partition by exempt_parts.billing_period, exempt_parts.customer_id, exempt_parts.sub_account_id
        order by coalesce(tax_exemptions.account_id, '') desc
    ) = 1
),

taxed as (
    select
        placed.*,
        -- T1: without tax of our own the line is out of scope. T4: an exemption takes the place of the standard rate,
        -- and of a rate that is missing.
        case
            when placed.tax_policy <> 'recompute' then 'O'
            when coalesce(case_rates.tax_category, 'S') = 'S'
                then coalesce(exempt_accounts.tax_category, case_rates.tax_category)
            else case_rates.tax_category
        end as tax_category,
        coalesce(case_rates.tax_category, 'S') = 'S' and exempt_accounts.tax_category is not null as is_exempted,
        case_rates.tax_name as case_tax_name,
        case_rates.tax_rate as case_tax_rate,
        case_rates.exemption_reason as case_exemption_reason,
        exempt_accounts.reason as exempted_reason
    from placed
    left join case_rates
        on
            placed.tax_policy = 'recompute'
            and placed.billing_period = case_rates.billing_period
            and placed.issuer_country_code = case_rates.issuer_country_code
            and placed.customer_country_code = case_rates.customer_country_code
            and placed.customer_subdivision = case_rates.customer_subdivision
            and placed.has_tax_id = case_rates.has_tax_id
            and placed.tax_class = case_rates.tax_class
    left join exempt_accounts
        on
            placed.billing_period = exempt_accounts.billing_period
            and placed.customer_id = exempt_accounts.customer_id
            and placed.sub_account_id = exempt_accounts.sub_account_id
),

final as (
    select
        billing_period,
        billing_group_id,
        invoice_line_key,
        line_kind,
        service_code,
        sub_account_id,
        currency,
        minor_units,
        net_amount,
        credit_amount,
        tax_category,
        coalesce(case_tax_name, '') as tax_name,
        case
            when tax_category is null then null
            when tax_category = 'S' then cast(case_tax_rate as decimal(12, 4))
            else cast(0 as decimal(12, 4))
        end as tax_rate,
        case
            when tax_policy <> 'recompute' then ''
            when is_exempted then coalesce(exempted_reason, '')
            else coalesce(case_exemption_reason, '')
        end as exemption_reason,
        case
            when tax_policy <> 'recompute' then ''
            else concat_ws(
                ', ',
                tax_class,
                issuer_country_code || ' to '
                || concat_ws('-', customer_country_code, nullif(customer_subdivision, '')),
                case when has_tax_id then 'with tax id' else 'without tax id' end
            )
        end as tax_case
    from taxed
)

select * from final
