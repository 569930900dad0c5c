{{ config(materialized='billing_period') }}
{# M5, M6: each line split over its accounts by their exact amounts, so that the view by account ties to the cent. #}
with

lines as (
    select * from {{ ref('int_invoice_lines') }}
    where {{ is_current_period('billing_period') }}
),

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ is_current_period('billing_period') }}
),

group_charges as (
    select * from {{ ref('fct_group_charges') }}
    where {{ is_current_period('billing_period') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

amounts as (
    select
        billing_period,
        billing_group_id,
        line_kind,
        '' as source_id,
        case when line_kind = 'aws_tax' then '' else service_code end as service_code,
        sub_account_id,
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
        sub_account_id,
        billed_cost
    from group_charges
),

account_amounts as (
    select
        billing_period,
        billing_group_id,
        line_kind,
        source_id,
        service_code,
        sub_account_id,
        cast(sum(billed_cost) as decimal(38, 24)) as exact_amount_usd
    from amounts
    group by billing_period, billing_group_id, line_kind, source_id, service_code, sub_account_id
    having sum(billed_cost) <> 0
),

parts as (
    select
        lines.billing_period,
        lines.billing_group_id,
        lines.invoice_line_key,
        account_amounts.sub_account_id,
        account_amounts.exact_amount_usd,
        lines.line_kind,
        lines.source_id,
        lines.service_code,
        lines.currency,
        lines.net_amount as line_net_amount,
        currencies.minor_units,
        {{ amount_to_minor_units('coalesce(lines.net_amount, 0)', 'currencies.minor_units') }} as whole_units,
        {{ exact_units('account_amounts.exact_amount_usd') }} as weight_units
    from lines
    inner join account_amounts
        on
            lines.billing_period = account_amounts.billing_period
            and lines.billing_group_id = account_amounts.billing_group_id
            and lines.line_kind = account_amounts.line_kind
            and lines.source_id = account_amounts.source_id
            and lines.service_code = account_amounts.service_code
    inner join currencies on lines.currency = currencies.currency
),

final as (
    select
        billing_period,
        billing_group_id,
        invoice_line_key,
        line_kind,
        source_id,
        service_code,
        sub_account_id,
        currency,
        minor_units,
        exact_amount_usd,
        -- Without a rate there is no amount to split, rather than an unconverted one (I2).
        case
            when line_net_amount is not null
                then cast({{ minor_units_to_amount('share_units', 'minor_units') }} as decimal(22, 4))
        end as net_amount
    from {{ largest_remainder(
        'parts', ['billing_period', 'billing_group_id', 'invoice_line_key'],
        'whole_units', 'weight_units', 'sub_account_id'
    ) }} as split_parts
)

select * from final
