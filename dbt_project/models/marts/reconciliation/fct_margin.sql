{{ config(materialized='billing_period') }}
{# X3: what a group is charged less what AWS charged for the same rows, both without tax, split into parts that sum to
   it exactly. Each charge belongs to one part by what it is; only usage priced by rules has several, from AWS's cost
   over the list price to the billed cost. Parts of zero are not listed. #}
with

charges as (
    select * from {{ ref('fct_charges') }}
    where charge_type <> 'aws_tax' and {{ is_current_period('billing_period') }}
),

group_charges as (
    select * from {{ ref('fct_group_charges') }}
    where {{ is_current_period('billing_period') }}
),

credit_ledger as (
    select * from {{ ref('fct_credit_ledger') }}
    where {{ is_current_period('billing_period') }}
),

lines as (
    select * from {{ ref('int_invoice_lines') }}
    where {{ is_current_period('billing_period') }}
),

documents as (
    select * from {{ source('ledger', 'documents') }}
    where revision = 0 and {{ is_current_period('billing_period') }}
),

-- Whose rows nobody may be charged for comes first, then what a charge is.
placed as (
    select
        billing_period,
        billing_group_id,
        case
            when treatment = 'unrated' then 'unrated'
            when treatment_reason = 'shared_cost' then 'shared_costs'
            when treatment_reason = 'unassigned' then 'unassigned'
            when line_kind = 'support' then 'support'
            when charge_type = 'usage'
                then case when list_cost_source = 'free_tier' then 'free_tier' else 'list_price_difference' end
            when charge_type = 'fee' then 'fees'
            when charge_type = 'bundled_discount' then 'bundled_discounts'
            when charge_type = 'negotiated_discount' then 'negotiated_discounts'
            when charge_type = 'partner_discount' then 'partner_discounts'
            when charge_type = 'aws_credit' then 'aws_credits'
            when charge_type = 'refund' then 'refunds'
            else 'commitments'
        end as component,
        treatment = 'billed' and rating_path = 'on_demand' as has_markup,
        -- A CASE of decimals takes the smaller scale.
        cast(list_cost as decimal(38, 20)) as list_cost,
        aws_cost,
        billed_cost
    from charges
),

credit_totals as (
    select
        billing_period,
        billing_group_id,
        cast(sum(amount) as decimal(28, 4)) as amount
    from credit_ledger
    group by billing_period, billing_group_id
),

-- A group whose lines are gone keeps the rate of its document (I2).
fx_rates as (
    select
        billing_period,
        billing_group_id,
        max(fx_rate) as fx_rate
    from lines
    group by billing_period, billing_group_id
),

parts as (
    select
        billing_period,
        billing_group_id,
        'markup' as component,
        cast(billed_cost - list_cost as decimal(38, 24)) as amount
    from placed
    where has_markup
    union all
    select
        billing_period,
        billing_group_id,
        component,
        cast(case when has_markup then list_cost else billed_cost end - aws_cost as decimal(38, 24)) as amount
    from placed
    union all
    select
        billing_period,
        billing_group_id,
        case kind
            when 'shared_cost' then 'shared_costs'
            when 'custom_line_item' then 'custom_items'
            else kind
        end as component,
        cast(billed_cost as decimal(38, 24)) as amount
    from group_charges
    union all
    select
        credit_totals.billing_period,
        credit_totals.billing_group_id,
        'customer_credits' as component,
        cast(
            {{ exact_quotient(
                'credit_totals.amount', 'coalesce(fx_rates.fx_rate, cast(documents.fx_rate as decimal(18, 10)), 1)'
            ) }} as decimal(38, 24)
        ) as amount
    from credit_totals
    left join fx_rates
        on
            credit_totals.billing_period = fx_rates.billing_period
            and credit_totals.billing_group_id = fx_rates.billing_group_id
    left join documents
        on
            credit_totals.billing_period = documents.billing_period
            and credit_totals.billing_group_id = documents.billing_group_id
),

final as (
    select
        billing_period,
        billing_group_id,
        component,
        cast(sum(amount) as decimal(38, 24)) as amount
    from parts
    group by billing_period, billing_group_id, component
    having sum(amount) <> 0
)

select * from final
