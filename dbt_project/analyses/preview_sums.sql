{# Differences of a preview that do not sum up: none, or the preview is not shown. Lines sum to services and
   invoices, lines with taxes to the total, rules to lines, groups to periods, parts of the margin to the margin.
   What is not known on one side (no exchange rate) is in no sum. A row here means that the comparison itself is
   wrong.

   Schema preview holds what the other analyses found. #}
with

lines as (
    select * from {{ source('preview', 'lines') }}
),

invoices as (
    select * from {{ source('preview', 'invoices') }}
),

taxes as (
    select * from {{ source('preview', 'taxes') }}
),

rules as (
    select * from {{ source('preview', 'rules') }}
),

margin as (
    select * from {{ source('preview', 'margin') }}
),

-- Each part on one side positive, on the other negative: what sums up is 0.
parts as (
    select
        'lines and services, USD' as sums,
        billing_period,
        billing_group_id,
        service_code as part,
        currency,
        cast(
            case level when 'line' then exact_amount_usd_difference else -exact_amount_usd_difference end
            as decimal(38, 24)
        ) as amount
    from lines
    union all
    select
        'lines and services, net' as sums,
        billing_period,
        billing_group_id,
        service_code as part,
        currency,
        cast(
            case level when 'line' then net_amount_difference else -net_amount_difference end
            as decimal(38, 24)
        ) as amount
    from lines
    union all
    select
        'lines and invoices, USD' as sums,
        billing_period,
        billing_group_id,
        '' as part,
        currency,
        cast(exact_amount_usd_difference as decimal(38, 24)) as amount
    from lines
    where level = 'line' and line_kind <> 'aws_tax'
    union all
    select
        'lines and invoices, USD' as sums,
        billing_period,
        billing_group_id,
        '' as part,
        currency,
        cast(-exact_amount_usd_difference as decimal(38, 24)) as amount
    from invoices
    where level = 'group'
    union all
    select
        'lines, taxes and invoices, total' as sums,
        billing_period,
        billing_group_id,
        '' as part,
        currency,
        cast(net_amount_difference + credit_amount_difference as decimal(38, 24)) as amount
    from lines
    where level = 'line'
    union all
    select
        'lines, taxes and invoices, total' as sums,
        billing_period,
        billing_group_id,
        '' as part,
        currency,
        cast(tax_amount_difference as decimal(38, 24)) as amount
    from taxes
    union all
    select
        'lines, taxes and invoices, total' as sums,
        billing_period,
        billing_group_id,
        '' as part,
        currency,
        cast(-total_amount_difference as decimal(38, 24)) as amount
    from invoices
    where level = 'group'
    union all
    select
        'lines and rules, USD' as sums,
        billing_period,
        billing_group_id,
        '' as part,
        '' as currency,
        cast(exact_amount_usd_difference as decimal(38, 24)) as amount
    from lines
    where level = 'line'
    union all
    select
        'lines and rules, USD' as sums,
        billing_period,
        billing_group_id,
        '' as part,
        '' as currency,
        cast(-billed_cost_difference as decimal(38, 24)) as amount
    from rules
    union all
    select
        'groups and periods, USD' as sums,
        billing_period,
        '' as billing_group_id,
        '' as part,
        currency,
        cast(
            case level when 'group' then exact_amount_usd_difference else -exact_amount_usd_difference end
            as decimal(38, 24)
        ) as amount
    from invoices
    union all
    select
        'groups and periods, total' as sums,
        billing_period,
        '' as billing_group_id,
        '' as part,
        currency,
        cast(
            case level when 'group' then total_amount_difference else -total_amount_difference end
            as decimal(38, 24)
        ) as amount
    from invoices
    union all
    select
        'parts and margin of a group' as sums,
        billing_period,
        billing_group_id,
        '' as part,
        '' as currency,
        cast(
            case level when 'component' then amount_difference else -amount_difference end
            as decimal(38, 24)
        ) as amount
    from margin
    where level in ('component', 'group')
    union all
    select
        'groups and margin of a period' as sums,
        billing_period,
        '' as billing_group_id,
        '' as part,
        '' as currency,
        cast(case level when 'group' then amount_difference else -amount_difference end as decimal(38, 24)) as amount
    from margin
    where level in ('group', 'period')
),

final as (
    select
        sums,
        billing_period,
        billing_group_id,
        part,
        currency,
        cast(sum(amount) as decimal(38, 24)) as amount
    from parts
    group by sums, billing_period, billing_group_id, part, currency
    having sum(amount) <> 0 and bool_and(amount is not null)
)

select * from final
