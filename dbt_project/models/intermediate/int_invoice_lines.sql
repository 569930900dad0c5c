{{ config(materialized='billing_period') }}
{# I1, I2, M4: exact amounts are summed to lines, converted once, rounded once. Credits and tax come after. Currency and
   rate of an issued document hold for its group and period for ever (I2). #}
with

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ is_current_period('billing_period') }}
),

group_charges as (
    select * from {{ ref('fct_group_charges') }}
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

line_kinds as (
    select * from {{ ref('line_kinds') }}
),

issued_documents as (
    select * from {{ source('ledger', 'documents') }}
    where revision = 0 and {{ is_current_period('billing_period') }}
),

service_names as (
    select
        billing_period,
        service_code,
        max(service_name) as service_name
    from charges
    where service_name <> ''
    group by billing_period, service_code
),

-- I1: all the tax that AWS charged is one line.
keyed as (
    select
        billing_period,
        billing_group_id,
        line_kind,
        '' as source_id,
        case when line_kind = 'aws_tax' then '' else service_code end as service_code,
        '' as source_description,
        rating_path = 'unused_commitment' as is_unused,
        cast(billed_cost as decimal(38, 24)) as billed_cost
    from charges
    where treatment = 'billed' and billing_group_id <> 'UNASSIGNED'
    union all
    select
        billing_period,
        billing_group_id,
        kind as line_kind,
        source_id,
        service_code,
        description as source_description,
        false as is_unused,
        billed_cost
    from group_charges
),

summed as (
    select
        keyed.billing_period,
        keyed.billing_group_id,
        keyed.line_kind,
        keyed.source_id,
        keyed.service_code,
        max(keyed.source_description) as source_description,
        bool_and(keyed.is_unused) as is_unused,
        coalesce(max(service_names.service_name), keyed.service_code) as service_name,
        cast(sum(keyed.billed_cost) as decimal(38, 24)) as exact_amount_usd
    from keyed
    left join service_names
        on
            keyed.billing_period = service_names.billing_period
            and keyed.service_code = service_names.service_code
    group by keyed.billing_period, keyed.billing_group_id, keyed.line_kind, keyed.source_id, keyed.service_code
    having sum(keyed.billed_cost) <> 0
),

converted as (
    select
        summed.*,
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
            else fx_rates.source
        end as fx_source
    from summed
    inner join billing_groups on summed.billing_group_id = billing_groups.billing_group_id
    inner join customers on billing_groups.customer_id = customers.customer_id
    left join issued_documents
        on
            summed.billing_period = issued_documents.billing_period
            and summed.billing_group_id = issued_documents.billing_group_id
    inner join currencies on coalesce(issued_documents.currency, customers.currency) = currencies.currency
    left join fx_rates
        on
            summed.billing_period = fx_rates.period
            and fx_rates.from_currency = 'USD'
            and currencies.currency = fx_rates.to_currency
),

-- 24 + 10 decimals pass what DECIMAL holds beside the integer digits of a large invoice. So the amount is cut at 10
-- decimals, the first product at the whole currency unit, and only what is smaller than one unit carries 34 decimals.
cut as (
    select
        converted.*,
        trunc(exact_amount_usd, 10) as upper_usd,
        trunc(cast(trunc(exact_amount_usd, 10) as decimal(28, 10)) * fx_rate) as whole_units
    from converted
),

fractions as (
    select
        cut.*,
        cast(cast(upper_usd as decimal(28, 10)) * fx_rate - whole_units as decimal(38, 34))
        + cast(exact_amount_usd - upper_usd as decimal(24, 24)) * fx_rate as fraction
    from cut
),

rounded as (
    select
        fractions.*,
        {{ round_to_minor_unit('fraction', 'minor_units') }} as rounded_fraction
    from fractions
),

final as (
    select
        rounded.billing_period,
        rounded.billing_group_id,
        concat_ws(
            '/', strftime(rounded.billing_period, '%Y-%m'), rounded.billing_group_id, rounded.line_kind,
            coalesce(nullif(rounded.source_id, ''), '-'),
            coalesce(nullif(rounded.service_code, ''), '-')
        ) as invoice_line_key,
        cast(
            row_number() over (
                partition by rounded.billing_period, rounded.billing_group_id
                order by line_kinds.line_order, rounded.source_id, rounded.service_code
            ) as integer
        ) as line_number,
        rounded.line_kind,
        rounded.source_id,
        rounded.service_code,
        rounded.service_name,
        case
            when rounded.source_description <> '' and rounded.service_name = '' then rounded.source_description
            when rounded.source_description <> '' then rounded.source_description || ', ' || rounded.service_name
            -- RS3: of the fees only what nobody used is billed.
            when rounded.is_unused then rounded.service_name || ', unused commitment'
            when rounded.service_name = '' then line_kinds.line_label
            else rounded.service_name || ', ' || line_kinds.line_label
        end as description,
        rounded.exact_amount_usd,
        rounded.currency,
        rounded.minor_units,
        rounded.fx_rate,
        rounded.fx_source,
        cast(rounded.whole_units + rounded.rounded_fraction as decimal(22, 4)) as net_amount,
        cast(rounded.rounded_fraction - rounded.fraction as decimal(38, 34)) as rounding_difference
    from rounded
    inner join line_kinds on rounded.line_kind = line_kinds.line_kind
)

select * from final
