{# What a changed configuration does to invoice lines, and to the lines of each service together (level `line`,
   `service`). Amounts of the customer are in the currency of the invoice, so a line whose invoice changes its
   currency goes in the one and is added in the other. Listed is what differs: an amount, the tax, or the words.

   Schema baseline holds the marts as they are with the configuration in force. Variable: billing_periods. #}
with

lines as (
    select * from {{ ref('fct_invoice_lines') }}
    where {{ is_compared_period('billing_period') }}
),

baseline_lines as (
    select * from {{ source('baseline', 'fct_invoice_lines') }}
    where {{ is_compared_period('billing_period') }}
),

sides as (
    select
        'before' as side,
        billing_period,
        billing_group_id,
        invoice_line_key,
        line_kind,
        source_id,
        service_code,
        description,
        currency,
        minor_units,
        exact_amount_usd,
        net_amount,
        credit_amount,
        concat_ws(' ', tax_category, cast(tax_rate as varchar)) as tax
    from baseline_lines
    union all
    select
        'after' as side,
        billing_period,
        billing_group_id,
        invoice_line_key,
        line_kind,
        source_id,
        service_code,
        description,
        currency,
        minor_units,
        exact_amount_usd,
        net_amount,
        credit_amount,
        concat_ws(' ', tax_category, cast(tax_rate as varchar)) as tax
    from lines
),

levels as (
    select
        'line' as level,
        *
    from sides
    union all by name
    select
        'service' as level,
        * replace (
            null as invoice_line_key,
            null as line_kind,
            null as source_id,
            null as description,
            null as tax
        )
    from sides
),

compared as (
    select
        level,
        billing_period,
        billing_group_id,
        currency,
        max(minor_units) as minor_units,
        invoice_line_key,
        line_kind,
        source_id,
        service_code,
        case
            when not bool_or(side = 'before') then 'added'
            when not bool_or(side = 'after') then 'gone'
            else 'changed'
        end as change,
        max(description) filter (where side = 'before') as description_before,
        max(description) filter (where side = 'after') as description_after,
        max(tax) filter (where side = 'before') as tax_before,
        max(tax) filter (where side = 'after') as tax_after,
        {{ before_and_after('exact_amount_usd', 'decimal(38, 24)') }},
        {{ before_and_after('net_amount', 'decimal(22, 4)') }},
        {{ before_and_after('credit_amount', 'decimal(22, 4)') }}
    from levels
    group by
        level, billing_period, billing_group_id, currency, service_code, line_kind, source_id, invoice_line_key
),

final as (
    select * from compared
    where
        change <> 'changed'
        or description_before is distinct from description_after
        or tax_before is distinct from tax_after
        or exact_amount_usd_before is distinct from exact_amount_usd_after
        or net_amount_before is distinct from net_amount_after
        or credit_amount_before is distinct from credit_amount_after
)

select * from final
