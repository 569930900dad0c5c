{# FOCUS 1.2 Cost and Usage as the customer sees it (docs/exports.md, decision 14): what we bill, in the currency of the
   invoice. No AWS cost and no margin leaves this query: a list cost is shown only where it is AWS's public price.

   BilledCost sums to each invoice line and account, and so to the total with credits and tax; what rounding a line to
   the cent adds or takes away is a row of its own. Where documents are issued it sums to each of them by InvoiceId: charges
   are today's and stand on the first document, what changed since is taken off it in rows that say so, and stands again
   on its correction, or on no document yet.

   Columns have the names of FOCUS in snake case; the export writes them as FOCUS does.

   Variables: billing_period; billing_group_id, null for all groups. #}
with

charges as (
    select * from {{ ref('fct_charges') }}
    where
        {{ is_current_period('billing_period') }}
        and treatment = 'billed'
        and billing_group_id <> 'UNASSIGNED'
        and billing_group_id = coalesce(getvariable('billing_group_id'), billing_group_id)
),

group_charges as (
    select * from {{ ref('fct_group_charges') }}
    where
        {{ is_current_period('billing_period') }}
        and billing_group_id = coalesce(getvariable('billing_group_id'), billing_group_id)
),

lines as (
    select * from {{ ref('fct_invoice_lines') }}
    where
        {{ is_current_period('billing_period') }}
        and billing_group_id = coalesce(getvariable('billing_group_id'), billing_group_id)
),

line_accounts as (
    select * from {{ ref('fct_invoice_line_accounts') }}
    where
        {{ is_current_period('billing_period') }}
        and billing_group_id = coalesce(getvariable('billing_group_id'), billing_group_id)
),

credit_ledger as (
    select * from {{ ref('fct_credit_ledger') }}
    where
        {{ is_current_period('billing_period') }}
        and billing_group_id = coalesce(getvariable('billing_group_id'), billing_group_id)
),

taxes as (
    select * from {{ ref('fct_invoice_taxes') }}
    where
        {{ is_current_period('billing_period') }}
        and billing_group_id = coalesce(getvariable('billing_group_id'), billing_group_id)
),

documents as (
    select * from {{ source('ledger', 'documents') }}
    where
        {{ is_current_period('billing_period') }}
        and billing_group_id = coalesce(getvariable('billing_group_id'), billing_group_id)
),

document_lines as (
    select * from {{ source('ledger', 'document_lines') }}
),

document_line_accounts as (
    select * from {{ source('ledger', 'document_line_accounts') }}
),

document_taxes as (
    select * from {{ source('ledger', 'document_taxes') }}
),

billing_groups as (
    select * from {{ source('billing', 'billing_groups') }}
),

customers as (
    select * from {{ source('billing', 'customers') }}
),

issuers as (
    select * from {{ source('billing', 'issuers') }}
),

credits as (
    select * from {{ source('billing', 'credits') }}
),

fx_rates as (
    select * from {{ source('billing', 'fx_rates') }}
),

line_kinds as (
    select * from {{ ref('line_kinds') }}
),

first_documents as (
    select * from documents
    where revision = 0
),

-- Who bills whom, in what currency: as issued, else as the lines are, else (no line) as configured.
groups as (
    select
        billing_groups.billing_group_id,
        billing_groups.billing_group_name,
        issuers.legal_name as issuer_name,
        first_documents.number as first_number,
        coalesce(first_documents.currency, customers.currency) as currency,
        case
            when coalesce(first_documents.currency, customers.currency) = 'USD' then cast(1 as decimal(18, 10))
            when first_documents.number is not null then cast(first_documents.fx_rate as decimal(18, 10))
            else cast(fx_rates.rate as decimal(18, 10))
        end as fx_rate
    from billing_groups
    inner join customers on billing_groups.customer_id = customers.customer_id
    left join first_documents on billing_groups.billing_group_id = first_documents.billing_group_id
    inner join issuers on coalesce(first_documents.issuer_id, billing_groups.issuer_id) = issuers.issuer_id
    left join fx_rates
        on
            fx_rates.period = getvariable('billing_period')
            and fx_rates.from_currency = 'USD'
            and customers.currency = fx_rates.to_currency
),

service_names as (
    select
        service_code,
        max(service_name) as service_name
    from charges
    where service_name <> ''
    group by service_code
),

-- What the customer may know of a charge. Usage that goes back to on-demand price shows no commitment: it is the
-- reseller's (RS1). Of several charges that differ only in what is hidden, one remains.
shown as (
    select
        charges.billing_group_id,
        charges.line_kind,
        '' as source_id,
        case when charges.line_kind = 'aws_tax' then '' else charges.service_code end as line_service_code,
        charges.sub_account_id,
        charges.charge_date,
        case
            when charges.rating_path = 'unused_commitment' then 'Usage'
            -- Taken off covered usage, and no usage of its own.
            when charges.charge_type = 'savings_plan_negation' then 'Adjustment'
            else charges.charge_category
        end as charge_category,
        case
            when charges.charge_category = 'Usage' then 'Usage-Based'
            when charges.charge_type = 'commitment_fee' then 'Recurring'
            else 'One-Time'
        end as charge_frequency,
        case
            when charges.charge_category = 'Tax' then null
            when charges.rating_path in ('covered', 'effective_cost', 'unused_commitment') then 'Committed'
            when contains(charges.usage_type, 'SpotUsage') then 'Dynamic'
            else 'Standard'
        end as pricing_category,
        charges.service_code,
        charges.usage_type,
        charges.operation,
        charges.region_id,
        charges.billing_entity,
        coalesce(nullif(charges.usage_unit, ''), 'Units') as usage_unit,
        case
            when
                charges.rating_path in ('covered', 'effective_cost', 'unused_commitment')
                or charges.charge_type in ('commitment_fee', 'commitment_upfront')
                then nullif(charges.commitment_id, '')
        end as commitment_id,
        case
            when charges.rating_path = 'unused_commitment' then 'Unused'
            when charges.charge_type in ('reservation_covered_usage', 'savings_plan_covered_usage')
                then case when charges.rating_path in ('covered', 'effective_cost') then 'Used' end
        end as commitment_status,
        charges.rating_path <> 'covered' as is_spend_billed,
        charges.usage_quantity,
        charges.billed_cost,
        case
            when
                charges.charge_type in ('savings_plan_negation', 'commitment_fee', 'commitment_upfront')
                then cast(0 as decimal(38, 20))
            when charges.list_cost_source in ('public_on_demand_cost', 'price_list', 'free_tier')
                then cast(charges.list_cost as decimal(38, 20))
            else charges.billed_cost
        end as list_cost,
        charges.rating_path in ('covered', 'effective_cost', 'unused_commitment')
        or charges.charge_type in ('commitment_fee', 'commitment_upfront') as is_commitment
    from charges
),

charge_rows as (
    select
        billing_group_id,
        line_kind,
        source_id,
        line_service_code,
        sub_account_id,
        charge_date,
        charge_category,
        charge_frequency,
        pricing_category,
        service_code,
        usage_type,
        operation,
        region_id,
        billing_entity,
        usage_unit,
        commitment_id,
        commitment_status,
        is_spend_billed,
        '' as description,
        cast(sum(usage_quantity) as decimal(38, 10)) as usage_quantity,
        cast(sum(billed_cost) as decimal(38, 24)) as billed_usd,
        cast(sum(list_cost) as decimal(38, 24)) as list_usd,
        cast(sum(case when is_commitment then list_cost else billed_cost end) as decimal(38, 24)) as contracted_usd
    from shown
    group by all
    union all by name
    select
        billing_group_id,
        kind as line_kind,
        source_id,
        service_code as line_service_code,
        sub_account_id,
        case
            when kind = 'minimum_commitment' then 'Adjustment'
            when sum(billed_cost) < 0 then 'Credit'
            when kind = 'shared_cost' then 'Adjustment'
            else 'Purchase'
        end as charge_category,
        case when kind = 'minimum_commitment' then 'One-Time' else 'Recurring' end as charge_frequency,
        'Other' as pricing_category,
        service_code,
        source_id as usage_type,
        '' as operation,
        '' as region_id,
        '' as billing_entity,
        'Units' as usage_unit,
        max(description) as description,
        cast(1 as decimal(38, 10)) as usage_quantity,
        cast(sum(billed_cost) as decimal(38, 24)) as billed_usd,
        cast(sum(billed_cost) as decimal(38, 24)) as list_usd,
        cast(sum(billed_cost) as decimal(38, 24)) as contracted_usd
    from group_charges
    group by billing_group_id, kind, source_id, service_code, sub_account_id
),

converted as (
    select
        charge_rows.*,
        {{ in_billing_currency('charge_rows.billed_usd', 'groups.fx_rate') }} as billed_cost,
        {{ in_billing_currency('charge_rows.list_usd', 'groups.fx_rate') }} as list_cost,
        {{ in_billing_currency('charge_rows.contracted_usd', 'groups.fx_rate') }} as contracted_cost
    from charge_rows
    inner join groups on charge_rows.billing_group_id = groups.billing_group_id
),

converted_lines as (
    select
        billing_group_id,
        line_kind,
        source_id,
        line_service_code,
        sub_account_id,
        cast(sum(billed_cost) as decimal(28, 10)) as billed_cost
    from converted
    group by billing_group_id, line_kind, source_id, line_service_code, sub_account_id
),

billed_lines as (
    select
        lines.billing_group_id,
        lines.line_kind,
        coalesce(lines.source_id, '') as source_id,
        coalesce(lines.service_code, '') as line_service_code,
        line_accounts.sub_account_id,
        cast(line_accounts.net_amount as decimal(28, 10)) as billed_cost
    from lines
    inner join line_accounts on lines.invoice_line_key = line_accounts.invoice_line_key
),

-- M4, M5: an invoice line is rounded, and split over its accounts. A line that is exactly zero is not on the invoice.
roundings as (
    select
        coalesce(converted_lines.billing_group_id, billed_lines.billing_group_id) as billing_group_id,
        coalesce(converted_lines.line_kind, billed_lines.line_kind) as line_kind,
        coalesce(converted_lines.source_id, billed_lines.source_id) as source_id,
        coalesce(converted_lines.line_service_code, billed_lines.line_service_code) as line_service_code,
        coalesce(converted_lines.sub_account_id, billed_lines.sub_account_id) as sub_account_id,
        cast(
            coalesce(billed_lines.billed_cost, 0) - coalesce(converted_lines.billed_cost, 0) as decimal(28, 10)
        ) as billed_cost
    from converted_lines
    full outer join billed_lines
        on
            converted_lines.billing_group_id = billed_lines.billing_group_id
            and converted_lines.line_kind = billed_lines.line_kind
            and converted_lines.source_id = billed_lines.source_id
            and converted_lines.line_service_code = billed_lines.line_service_code
            and converted_lines.sub_account_id = billed_lines.sub_account_id
),

-- D4: what stands on documents, and what would stand there today: per line and account, and per tax.
positions as (
    select
        lines.billing_group_id,
        'net' as position,
        line_accounts.invoice_line_key as position_key,
        line_accounts.sub_account_id,
        lines.line_kind,
        lines.source_id,
        lines.service_code,
        lines.description,
        '' as tax_category,
        cast(0 as decimal(12, 4)) as tax_rate,
        cast(null as varchar) as number,
        line_accounts.net_amount as amount
    from line_accounts
    inner join lines on line_accounts.invoice_line_key = lines.invoice_line_key
    union all by name
    select
        lines.billing_group_id,
        'credit' as position,
        line_accounts.invoice_line_key as position_key,
        line_accounts.sub_account_id,
        lines.line_kind,
        lines.source_id,
        lines.service_code,
        lines.description,
        '' as tax_category,
        cast(0 as decimal(12, 4)) as tax_rate,
        line_accounts.credit_amount as amount
    from line_accounts
    inner join lines on line_accounts.invoice_line_key = lines.invoice_line_key
    union all by name
    select
        billing_group_id,
        'tax' as position,
        tax_category as position_key,
        '' as sub_account_id,
        'tax' as line_kind,
        '' as source_id,
        '' as service_code,
        tax_name as description,
        tax_category,
        tax_rate,
        tax_amount as amount
    from taxes
    union all by name
    select
        documents.billing_group_id,
        sides.position,
        document_lines.invoice_line_key as position_key,
        coalesce(document_line_accounts.sub_account_id, '') as sub_account_id,
        document_lines.line_kind,
        coalesce(document_lines.source_id, '') as source_id,
        coalesce(document_lines.service_code, '') as service_code,
        document_lines.description,
        '' as tax_category,
        cast(0 as decimal(12, 4)) as tax_rate,
        documents.number,
        cast(
            case
                when sides.position = 'net' then coalesce(document_line_accounts.net_amount, document_lines.net_amount)
                else coalesce(document_line_accounts.credit_amount, document_lines.credit_amount)
            end as decimal(22, 4)
        ) as amount
    from documents
    inner join document_lines on documents.document_id = document_lines.document_id
    left join document_line_accounts
        on
            document_lines.document_id = document_line_accounts.document_id
            and document_lines.line_number = document_line_accounts.line_number
    cross join (values ('net'), ('credit')) as sides (position)
    union all by name
    select
        documents.billing_group_id,
        'tax' as position,
        document_taxes.tax_category as position_key,
        '' as sub_account_id,
        'tax' as line_kind,
        '' as source_id,
        '' as service_code,
        document_taxes.tax_name as description,
        document_taxes.tax_category,
        cast(document_taxes.tax_rate as decimal(12, 4)) as tax_rate,
        documents.number,
        cast(document_taxes.tax_amount as decimal(22, 4)) as amount
    from documents
    inner join document_taxes on documents.document_id = document_taxes.document_id
),

compared as (
    select
        positions.billing_group_id,
        positions.position,
        positions.position_key,
        positions.sub_account_id,
        positions.tax_category,
        positions.tax_rate,
        positions.line_kind,
        positions.source_id,
        positions.service_code,
        any_value(positions.description) as description,
        any_value(groups.first_number) as first_number,
        coalesce(sum(positions.amount) filter (where positions.number is null), 0) as current_amount,
        coalesce(sum(positions.amount) filter (where positions.number = groups.first_number), 0) as first_amount,
        coalesce(sum(positions.amount) filter (where positions.number is not null), 0) as issued_amount
    from positions
    inner join groups on positions.billing_group_id = groups.billing_group_id
    where groups.first_number is not null
    group by
        positions.billing_group_id, positions.position, positions.position_key, positions.sub_account_id,
        positions.tax_category, positions.tax_rate, positions.line_kind, positions.source_id, positions.service_code
),

changes as (
    select
        compared.* exclude (current_amount, first_amount, issued_amount, description),
        coalesce(description, '') || ', billed otherwise after ' || first_number || ' was issued' as description,
        cast(null as varchar) as charge_class,
        first_number as number,
        first_amount - current_amount as amount
    from compared
    where first_amount <> current_amount
    union all by name
    select
        compared.* exclude (current_amount, first_amount, issued_amount, description),
        coalesce(description, '') || ', correction of ' || first_number || ', not issued yet' as description,
        'Correction' as charge_class,
        current_amount - issued_amount as amount
    from compared
    where current_amount <> issued_amount
    union all by name
    select
        positions.* exclude (description),
        coalesce(positions.description, '') || ', correction of ' || groups.first_number as description,
        'Correction' as charge_class,
        groups.first_number
    from positions
    inner join groups on positions.billing_group_id = groups.billing_group_id
    where positions.number <> groups.first_number and positions.amount <> 0
),

rows_of_all_kinds as (
    select
        converted.* exclude (billed_usd, list_usd, contracted_usd),
        groups.first_number as number,
        converted.billed_usd as pricing_currency_cost,
        'USD' as pricing_currency
    from converted
    inner join groups on converted.billing_group_id = groups.billing_group_id
    union all by name
    select
        roundings.*,
        groups.first_number as number,
        case when roundings.line_kind = 'aws_tax' then 'Tax' else 'Adjustment' end as charge_category,
        'One-Time' as charge_frequency,
        roundings.line_service_code as service_code,
        'Rounding of the invoice line' as description
    from roundings
    inner join groups on roundings.billing_group_id = groups.billing_group_id
    where roundings.billed_cost <> 0
    union all by name
    select
        credit_ledger.billing_group_id,
        'customer_credit' as line_kind,
        credit_ledger.sub_account_id,
        credit_ledger.service_code,
        credit_ledger.credit_id as source_id,
        groups.first_number as number,
        'Credit' as charge_category,
        'One-Time' as charge_frequency,
        'Credit: ' || coalesce(nullif(credits.description, ''), credit_ledger.credit_id) as description,
        cast(credit_ledger.amount as decimal(28, 10)) as billed_cost
    from credit_ledger
    inner join groups on credit_ledger.billing_group_id = groups.billing_group_id
    left join credits on credit_ledger.credit_id = credits.credit_id
    union all by name
    select
        taxes.billing_group_id,
        'tax' as line_kind,
        groups.first_number as number,
        'Tax' as charge_category,
        'One-Time' as charge_frequency,
        coalesce(nullif(taxes.tax_name, ''), 'Tax') || ' ' || {{ plain_number('taxes.tax_rate') }} || ' %'
            as description,
        taxes.tax_category,
        taxes.tax_rate,
        cast(taxes.tax_amount as decimal(28, 10)) as billed_cost
    from taxes
    inner join groups on taxes.billing_group_id = groups.billing_group_id
    union all by name
    select
        billing_group_id,
        case when position = 'credit' then 'customer_credit' else line_kind end as line_kind,
        sub_account_id,
        service_code,
        source_id,
        number,
        charge_class,
        'One-Time' as charge_frequency,
        case
            when position = 'credit' then 'Credit'
            when position = 'tax' or line_kind = 'aws_tax' then 'Tax'
            when charge_class is null then 'Adjustment'
            when line_kind in ('usage', 'marketplace') then 'Usage'
            when line_kind in ('commitment', 'fee', 'support') then 'Purchase'
            when line_kind = 'credit' then 'Credit'
            else 'Adjustment'
        end as charge_category,
        description,
        nullif(tax_category, '') as tax_category,
        case when position = 'tax' then tax_rate end as tax_rate,
        cast(amount as decimal(28, 10)) as billed_cost
    from changes
),

named as (
    select
        rows_of_all_kinds.*,
        groups.billing_group_name,
        groups.issuer_name,
        groups.currency,
        groups.fx_rate,
        focus_services.service_category,
        focus_services.service_subcategory,
        coalesce(
            nullif(service_names.service_name, ''), nullif(rows_of_all_kinds.service_code, ''), line_kinds.line_label,
            replace(rows_of_all_kinds.line_kind, '_', ' ')
        ) as service_name
    from rows_of_all_kinds
    inner join groups on rows_of_all_kinds.billing_group_id = groups.billing_group_id
    left join service_names on rows_of_all_kinds.service_code = service_names.service_code
    left join {{ focus_services() }} on rows_of_all_kinds.service_code = focus_services.service_code
    left join line_kinds on rows_of_all_kinds.line_kind = line_kinds.line_kind
),

final as (
    select
        cast(null as varchar) as availability_zone,
        cast(billed_cost as decimal(28, 10)) as billed_cost,
        billing_group_id as billing_account_id,
        billing_group_name as billing_account_name,
        'Billing Group' as billing_account_type,
        currency as billing_currency,
        cast(getvariable('billing_period') + interval 1 month as timestamp) as billing_period_end,
        cast(getvariable('billing_period') as timestamp) as billing_period_start,
        cast(null as varchar) as capacity_reservation_id,
        cast(null as varchar) as capacity_reservation_status,
        charge_category,
        charge_class,
        coalesce(
            nullif(description, ''), service_name || coalesce(', ' || nullif(usage_type, ''), '')
        ) as charge_description,
        charge_frequency,
        cast(
            coalesce(charge_date + interval 1 day, getvariable('billing_period') + interval 1 month) as timestamp
        ) as charge_period_end,
        cast(coalesce(charge_date, getvariable('billing_period')) as timestamp) as charge_period_start,
        case
            when commitment_id is null then null
            when contains(commitment_id, ':savingsplan') then 'Spend'
            else 'Usage'
        end as commitment_discount_category,
        commitment_id as commitment_discount_id,
        cast(null as varchar) as commitment_discount_name,
        cast(
            case
                when commitment_id is null or charge_category not in ('Usage', 'Purchase') then null
                when not contains(commitment_id, ':savingsplan') then usage_quantity
                -- What a plan's spend covers is known where it is what we bill.
                when is_spend_billed then pricing_currency_cost
            end as decimal(38, 10)
        ) as commitment_discount_quantity,
        case when charge_category = 'Usage' then commitment_status end as commitment_discount_status,
        case
            when commitment_id is null then null
            when contains(commitment_id, ':savingsplan') then 'Savings Plan'
            else 'Reservation'
        end as commitment_discount_type,
        case
            when commitment_discount_quantity is null then null
            when contains(commitment_id, ':savingsplan') then 'USD'
            else usage_unit
        end as commitment_discount_unit,
        case
            when charge_category = 'Usage' and charge_class is null and coalesce(commitment_status, '') <> 'Unused'
                then usage_quantity
        end as consumed_quantity,
        case when consumed_quantity is not null then usage_unit end as consumed_unit,
        coalesce(contracted_cost, billed_cost) as contracted_cost,
        cast(null as decimal(28, 10)) as contracted_unit_price,
        -- Months are billed as they come: nothing that we bill is spread over other charges or months.
        billed_cost as effective_cost,
        number as invoice_id,
        issuer_name as invoice_issuer_name,
        coalesce(list_cost, billed_cost) as list_cost,
        cast(null as decimal(28, 10)) as list_unit_price,
        case when charge_category in ('Usage', 'Purchase') then pricing_category end as pricing_category,
        coalesce(pricing_currency, currency) as pricing_currency,
        cast(null as decimal(28, 10)) as pricing_currency_contracted_unit_price,
        cast(coalesce(pricing_currency_cost, billed_cost) as decimal(28, 10)) as pricing_currency_effective_cost,
        cast(null as decimal(28, 10)) as pricing_currency_list_unit_price,
        case
            when charge_class is null and charge_category = 'Usage' then usage_quantity
            -- Of a purchase that AWS gives no quantity of, there is one.
            when charge_class is null and charge_category = 'Purchase' then coalesce(nullif(usage_quantity, 0), 1)
        end as pricing_quantity,
        case when pricing_quantity is not null then usage_unit end as pricing_unit,
        issuer_name as provider_name,
        case
            when billing_entity = 'AWS Marketplace' then 'AWS Marketplace'
            when billing_entity <> '' then 'Amazon Web Services'
            else issuer_name
        end as publisher_name,
        nullif(region_id, '') as region_id,
        nullif(region_id, '') as region_name,
        cast(null as varchar) as resource_id,
        cast(null as varchar) as resource_name,
        cast(null as varchar) as resource_type,
        coalesce(service_category, 'Other') as service_category,
        service_name,
        coalesce(service_subcategory, 'Other (Other)') as service_subcategory,
        case
            when charge_category in ('Usage', 'Purchase') and charge_class is null
                then concat_ws(
                    '/', coalesce(nullif(service_code, ''), line_kind), nullif(usage_type, ''), nullif(operation, '')
                )
        end as sku_id,
        case when sku_id is not null then coalesce(nullif(usage_type, ''), service_name) end as sku_meter,
        cast(null as varchar) as sku_price_details,
        sku_id as sku_price_id,
        nullif(sub_account_id, '') as sub_account_id,
        nullif(sub_account_id, '') as sub_account_name,
        case when sub_account_id <> '' then 'AWS Account' end as sub_account_type,
        cast(null as varchar) as tags,
        fx_rate as x_exchange_rate,
        line_kind as x_line_kind,
        nullif(operation, '') as x_operation,
        nullif(service_code, '') as x_service_code,
        nullif(source_id, '') as x_source_id,
        tax_category as x_tax_category,
        tax_rate as x_tax_rate,
        nullif(usage_type, '') as x_usage_type
    from named
)

select * from final
order by
    billing_account_id, invoice_id nulls last, sub_account_id nulls last, service_name, x_line_kind,
    charge_description, x_usage_type, x_operation, region_id, charge_period_start, billed_cost
