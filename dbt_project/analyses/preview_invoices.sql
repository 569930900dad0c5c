{# What a changed configuration does to the invoice of each billing group, and to all invoices of a period in one
   currency (level `group`, `period`). Amounts are in the currency of the invoice; exact_amount_usd is what is
   charged, without AWS's tax. Change: `added` and `gone` are groups that are invoiced on one side only; `currency`
   where a group is invoiced on both sides, but not in this currency. Variable: billing_periods. #}
with

invoices as (
    select * from {{ ref('fct_invoices') }}
    where {{ is_compared_period('billing_period') }}
),

baseline_invoices as (
    select * from {{ source('baseline', 'fct_invoices') }}
    where {{ is_compared_period('billing_period') }}
),

sides as (
    select
        'before' as side,
        billing_period,
        billing_group_id,
        customer_id,
        issuer_id,
        currency,
        minor_units,
        exact_amount_usd,
        net_amount,
        credit_amount,
        tax_amount,
        total_amount
    from baseline_invoices
    union all
    select
        'after' as side,
        billing_period,
        billing_group_id,
        customer_id,
        issuer_id,
        currency,
        minor_units,
        exact_amount_usd,
        net_amount,
        credit_amount,
        tax_amount,
        total_amount
    from invoices
),

placed as (
    select
        *,
        bool_or(side = 'before') over (partition by billing_period, billing_group_id) as was_invoiced,
        bool_or(side = 'after') over (partition by billing_period, billing_group_id) as is_invoiced
    from sides
),

levels as (
    select
        'group' as level,
        *
    from placed
    union all by name
    select
        'period' as level,
        * replace (
            null as billing_group_id,
            null as customer_id,
            null as issuer_id
        )
    from placed
),

compared as (
    select
        level,
        billing_period,
        billing_group_id,
        currency,
        max(minor_units) as minor_units,
        case
            when level = 'period' then 'changed'
            when not bool_or(was_invoiced) then 'added'
            when not bool_or(is_invoiced) then 'gone'
            when not bool_or(side = 'before') or not bool_or(side = 'after') then 'currency'
            else 'changed'
        end as change,
        max(customer_id) filter (where side = 'before') as customer_id_before,
        max(customer_id) filter (where side = 'after') as customer_id_after,
        max(issuer_id) filter (where side = 'before') as issuer_id_before,
        max(issuer_id) filter (where side = 'after') as issuer_id_after,
        {{ before_and_after('exact_amount_usd', 'decimal(38, 24)') }},
        {{ before_and_after('net_amount', 'decimal(22, 4)') }},
        {{ before_and_after('credit_amount', 'decimal(22, 4)') }},
        {{ before_and_after('tax_amount', 'decimal(22, 4)') }},
        {{ before_and_after('total_amount', 'decimal(22, 4)') }}
    from levels
    group by level, billing_period, billing_group_id, currency
),

final as (
    select * from compared
    where
        change <> 'changed'
        or customer_id_before is distinct from customer_id_after
        or issuer_id_before is distinct from issuer_id_after
        or exact_amount_usd_before is distinct from exact_amount_usd_after
        or net_amount_before is distinct from net_amount_after
        or credit_amount_before is distinct from credit_amount_after
        or tax_amount_before is distinct from tax_amount_after
        or total_amount_before is distinct from total_amount_after
)

select * from final
