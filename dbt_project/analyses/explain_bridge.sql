{# An invoice line as a bridge of steps that add up: from the list price over rules, commitments, exchange rate and
   rounding to the line, and on to what credits leave of it. One row per step, `reached_amount` being the sum so far.

   Steps with `is_for_customer` make a bridge of their own that begins with what is billed: it names neither list price
   nor AWS's cost nor a policy. `is_internal` marks those of the whole bridge; the steps from the exchange rate on belong
   to both.

   Variables: billing_period, invoice_line_key. #}
with

lines as (
    select * from {{ ref('fct_invoice_lines') }}
    where {{ is_current_period('billing_period') }} and invoice_line_key = getvariable('invoice_line_key')
),

line_accounts as (
    select * from {{ ref('fct_invoice_line_accounts') }}
    where {{ is_current_period('billing_period') }} and invoice_line_key = getvariable('invoice_line_key')
),

charges as (
    select fct_charges.*
    from {{ ref('fct_charges') }} as fct_charges
    inner join lines
        on
            fct_charges.billing_period = lines.billing_period
            and fct_charges.billing_group_id = lines.billing_group_id
            and fct_charges.line_kind = lines.line_kind
            and (fct_charges.line_kind = 'aws_tax' or fct_charges.service_code = lines.service_code)
    where fct_charges.treatment = 'billed' and lines.source_id = ''
),

group_charges as (
    select fct_group_charges.*
    from {{ ref('fct_group_charges') }} as fct_group_charges
    inner join lines
        on
            fct_group_charges.billing_period = lines.billing_period
            and fct_group_charges.billing_group_id = lines.billing_group_id
            and fct_group_charges.kind = lines.line_kind
            and fct_group_charges.source_id = lines.source_id
            and fct_group_charges.service_code = lines.service_code
),

pricing_rules as (
    select * from {{ source('billing', 'pricing_rules') }}
),

-- What a charge starts from: its list price, or what AWS charged where there is none.
started as (
    select
        charges.*,
        charges.charge_type in ('usage', 'reservation_covered_usage', 'savings_plan_covered_usage')
        and charges.line_kind <> 'support' as has_list_price,
        case
            when charges.pricing_rule_id <> '' then 'rule'
            when charges.rating_path = 'share' then 'share'
            when charges.rating_path in ('effective_cost', 'covered', 'unused_commitment') then 'commitment'
            when charges.charge_type in ('commitment_fee', 'commitment_upfront') then 'commitment'
            else 'other'
        end as step
    from charges
),

charge_steps as (
    select
        case when has_list_price then 10 else 20 end as step_order,
        case when has_list_price then 'list_price' else 'aws_charge' end as step,
        '' as source_id,
        cast(null as varchar) as rule_type,
        cast(null as decimal(22, 10)) as rule_value,
        cast(sum(list_cost) as decimal(38, 24)) as amount
    from started
    group by has_list_price
    union all
    select
        case started.step when 'rule' then 30 when 'commitment' then 40 when 'share' then 50 else 60 end as step_order,
        started.step,
        started.pricing_rule_id as source_id,
        pricing_rules.rule_type,
        coalesce(
            cast(pricing_rules.percentage as decimal(22, 10)), cast(pricing_rules.rate as decimal(22, 10))
        ) as rule_value,
        cast(sum(started.billed_cost - started.list_cost) as decimal(38, 24)) as amount
    from started
    left join pricing_rules on started.pricing_rule_id = pricing_rules.pricing_rule_id
    group by all
),

wholes as (
    select distinct
        part,
        -- A coalesce of DECIMALs of different scales takes the smaller one.
        cast(coalesce(cast(split_amount as decimal(38, 20)), -base_amount) as decimal(38, 24)) as whole_amount
    from group_charges
    where split_amount is not null or method = 'NORMALIZED_HOURS'
),

group_steps as (
    select
        10 as step_order,
        'whole' as step,
        cast(sum(whole_amount) as decimal(38, 24)) as amount,
        false as is_for_customer
    from wholes
    union all
    select
        20 as step_order,
        'others' as step,
        cast(
            sum(group_charges.billed_cost) - (select sum(wholes.whole_amount) from wholes) as decimal(38, 24)
        ) as amount,
        false as is_for_customer
    from group_charges
    where group_charges.split_amount is not null or group_charges.method = 'NORMALIZED_HOURS'
    union all
    select
        10 as step_order,
        case method
            when 'FLAT' then 'amount' when 'PERCENTAGE' then 'percentage' else 'savings'
        end as step,
        cast(sum(billed_cost) as decimal(38, 24)) as amount,
        false as is_for_customer
    from group_charges
    where method in ('FLAT', 'PERCENTAGE', 'EXACT_SAVINGS')
    group by method
    union all
    select
        10 as step_order,
        'promised' as step,
        cast(sum(committed_amount) as decimal(38, 24)) as amount,
        true as is_for_customer
    from group_charges
    where method = 'TRUE_UP'
    union all
    select
        20 as step_order,
        'rated' as step,
        cast(sum(billed_cost - committed_amount) as decimal(38, 24)) as amount,
        true as is_for_customer
    from group_charges
    where method = 'TRUE_UP'
),

conversion as (
    select
        cast(sum({{ at_invoice_rate('line_accounts.exact_amount_usd', 'lines.fx_rate') }}) as decimal(38, 24))
            as converted_amount
    from line_accounts
    cross join lines
),

steps as (
    select
        step_order,
        step,
        source_id,
        rule_type,
        rule_value,
        'USD' as currency,
        cast(amount as decimal(38, 24)) as amount,
        true as is_internal,
        false as is_for_customer,
        true as is_in_line
    from charge_steps
    union all
    select
        step_order,
        step,
        '' as source_id,
        cast(null as varchar) as rule_type,
        cast(null as decimal(22, 10)) as rule_value,
        'USD' as currency,
        cast(amount as decimal(38, 24)) as amount,
        true as is_internal,
        is_for_customer,
        true as is_in_line
    from group_steps
    union all
    select
        10 as step_order,
        'billed' as step,
        '' as source_id,
        cast(null as varchar) as rule_type,
        cast(null as decimal(22, 10)) as rule_value,
        'USD' as currency,
        lines.exact_amount_usd as amount,
        false as is_internal,
        true as is_for_customer,
        true as is_in_line
    from lines
    where lines.line_kind <> 'minimum_commitment'
    union all
    select
        70 as step_order,
        'exchange_rate' as step,
        '' as source_id,
        cast(null as varchar) as rule_type,
        cast(lines.fx_rate as decimal(22, 10)) as rule_value,
        lines.currency,
        cast(conversion.converted_amount - lines.exact_amount_usd as decimal(38, 24)) as amount,
        true as is_internal,
        true as is_for_customer,
        true as is_in_line
    from lines
    cross join conversion
    where lines.currency <> 'USD' and lines.net_amount is not null
    union all
    select
        80 as step_order,
        'rounding' as step,
        '' as source_id,
        cast(null as varchar) as rule_type,
        cast(null as decimal(22, 10)) as rule_value,
        lines.currency,
        cast(lines.net_amount - conversion.converted_amount as decimal(38, 24)) as amount,
        true as is_internal,
        true as is_for_customer,
        true as is_in_line
    from lines
    cross join conversion
    where lines.net_amount is not null
    union all
    select
        90 as step_order,
        'customer_credits' as step,
        '' as source_id,
        cast(null as varchar) as rule_type,
        cast(null as decimal(22, 10)) as rule_value,
        lines.currency,
        cast(lines.credit_amount as decimal(38, 24)) as amount,
        true as is_internal,
        true as is_for_customer,
        false as is_in_line
    from lines
    where lines.credit_amount <> 0
),

final as (
    select
        steps.step_order,
        steps.step,
        steps.source_id,
        steps.rule_type,
        steps.rule_value,
        steps.currency,
        steps.amount,
        cast(
            sum(case when steps.is_internal then steps.amount else 0 end) over (
                order by steps.step_order, steps.step, steps.source_id
            ) as decimal(38, 24)
        ) as reached_amount,
        cast(
            sum(case when steps.is_for_customer then steps.amount else 0 end) over (
                order by steps.step_order, steps.step, steps.source_id
            ) as decimal(38, 24)
        ) as reached_for_customer,
        steps.is_internal,
        steps.is_for_customer,
        steps.is_in_line
    from steps
    -- A step of nothing says nothing, but the first and the rounding do.
    where steps.amount <> 0 or (steps.amount = 0 and steps.step in ('list_price', 'whole', 'rounding'))
)

select * from final
order by step_order, step, source_id
