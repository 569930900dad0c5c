{# The steps of what is priced by tiers behind an invoice line: pricing rules (R5), AWS's own tiers counted anew for the
   group (R8), and support plans (F1, G4). One row per ladder and tier that something falls into.

   Tiers hold for all of a group's quantity (or base) in the month, so `total_cost`, the sum of the steps rounded to 1e-10,
   is compared with `charged_cost`, what all charges of the group under the ladder sum to: their billed cost, or their
   list cost for AWS's tiers. `line_cost` is the part of it in this line. A support plan's fee is at least its minimum.

   Variables: billing_period, invoice_line_key. #}
with

lines as (
    select * from {{ ref('fct_invoice_lines') }}
    where {{ is_current_period('billing_period') }} and invoice_line_key = getvariable('invoice_line_key')
),

charges as (
    select fct_charges.*
    from {{ ref('fct_charges') }} as fct_charges
    inner join lines
        on
            fct_charges.billing_period = lines.billing_period
            and fct_charges.billing_group_id = lines.billing_group_id
    where fct_charges.treatment = 'billed'
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
    where fct_group_charges.kind = 'support'
),

price_list_tiers as (
    select * from {{ ref('stg_aws__price_list_tiers') }}
),

pricing_rules as (
    select * from {{ source('billing', 'pricing_rules') }}
),

pricing_rule_tiers as (
    select * from {{ source('billing', 'pricing_rule_tiers') }}
),

support_plans as (
    select * from {{ source('billing', 'support_plans') }}
),

support_plan_tiers as (
    select * from {{ source('billing', 'support_plan_tiers') }}
),

billing_terms as (
    select * from {{ source('billing', 'billing_terms') }}
),

rule_totals as (
    select
        'pricing_rule' as ladder_kind,
        charges.pricing_rule_id as ladder_id,
        cast(sum(charges.usage_quantity) as decimal(38, 10)) as total_quantity,
        cast(sum(charges.billed_cost) as decimal(38, 20)) as charged_cost,
        cast(
            coalesce(
                sum(charges.billed_cost) filter (
                    where charges.line_kind = lines.line_kind and charges.service_code = lines.service_code
                ), 0
            ) as decimal(38, 20)
        ) as line_cost
    from charges
    cross join lines
    inner join pricing_rules
        on charges.pricing_rule_id = pricing_rules.pricing_rule_id and pricing_rules.rule_type = 'TIERED'
    where lines.source_id = ''
    group by charges.pricing_rule_id
    having bool_or(charges.line_kind = lines.line_kind and charges.service_code = lines.service_code)
),

list_totals as (
    select
        'price_list' as ladder_kind,
        charges.price_list_sku as ladder_id,
        cast(sum(charges.usage_quantity) as decimal(38, 10)) as total_quantity,
        cast(sum(charges.list_cost) as decimal(38, 20)) as charged_cost,
        cast(
            coalesce(
                sum(charges.list_cost) filter (
                    where charges.line_kind = lines.line_kind and charges.service_code = lines.service_code
                ), 0
            ) as decimal(38, 20)
        ) as line_cost
    from charges
    cross join lines
    where lines.source_id = '' and charges.list_cost_source = 'price_list'
    group by charges.price_list_sku
    having bool_or(charges.line_kind = lines.line_kind and charges.service_code = lines.service_code)
),

support_totals as (
    select
        'support_plan' as ladder_kind,
        source_id as ladder_id,
        cast(max(base_amount) as decimal(38, 20)) as total_base,
        cast(sum(billed_cost) as decimal(38, 20)) as charged_cost
    from group_charges
    group by source_id
),

rule_steps as (
    select
        rule_totals.*,
        pricing_rule_tiers.tier_start,
        pricing_rule_tiers.tier_end,
        pricing_rule_tiers.rate,
        'pricing_rule_tiers.csv line ' || cast(pricing_rule_tiers.source_line as varchar) as configured
    from rule_totals
    inner join pricing_rule_tiers on rule_totals.ladder_id = pricing_rule_tiers.pricing_rule_id
),

list_steps as (
    select
        list_totals.*,
        price_list_tiers.tier_start,
        price_list_tiers.tier_end,
        case
            when price_list_tiers.rate = 0 and billing_terms.free_tier_policy = 'withhold'
                then price_list_tiers.first_paid_rate
            else price_list_tiers.rate
        end as rate,
        price_list_tiers.source_file as configured
    from list_totals
    cross join lines
    inner join price_list_tiers
        on
            list_totals.ladder_id = price_list_tiers.sku
            and price_list_tiers.effective_date <= last_day(lines.billing_period)
            and (
                price_list_tiers.superseded_date is null
                or price_list_tiers.superseded_date > last_day(lines.billing_period)
            )
    left join billing_terms
        on
            lines.billing_group_id = billing_terms.billing_group_id
            and lines.billing_period >= billing_terms.start_period
            and (billing_terms.end_period is null or lines.billing_period < billing_terms.end_period)
),

priced_steps as (
    select
        quantity_steps.*,
        cast(
            greatest(
                least(abs(total_quantity), coalesce(tier_end, abs(total_quantity))) - tier_start, 0
            ) * case when total_quantity < 0 then -1 else 1 end as decimal(38, 10)
        ) as step_quantity
    from (
        select
            * replace (
                cast(tier_start as decimal(38, 10)) as tier_start,
                cast(tier_end as decimal(38, 10)) as tier_end,
                cast(rate as decimal(22, 10)) as rate
            )
        from rule_steps
        union all
        select
            * replace (
                cast(tier_start as decimal(38, 10)) as tier_start,
                cast(tier_end as decimal(38, 10)) as tier_end,
                cast(rate as decimal(22, 10)) as rate
            )
        from list_steps
    ) as quantity_steps
),

support_steps as (
    select
        support_totals.*,
        support_plan_tiers.tier_start,
        support_plan_tiers.tier_end,
        support_plan_tiers.percentage,
        support_plan_tiers.source_line,
        cast(
            greatest(
                least(
                    support_totals.total_base,
                    coalesce(cast(support_plan_tiers.tier_end as decimal(38, 20)), support_totals.total_base)
                ) - cast(support_plan_tiers.tier_start as decimal(38, 20)),
                cast(0 as decimal(38, 20))
            ) as decimal(38, 20)
        ) as step_base,
        support_plans.minimum_amount
    from support_totals
    cross join lines
    inner join support_plan_tiers
        on
            support_totals.ladder_id = support_plan_tiers.support_plan_id
            and lines.billing_period >= support_plan_tiers.start_period
            and (support_plan_tiers.end_period is null or lines.billing_period < support_plan_tiers.end_period)
    inner join support_plans
        on
            support_totals.ladder_id = support_plans.support_plan_id
            and lines.billing_period >= support_plans.start_period
            and (support_plans.end_period is null or lines.billing_period < support_plans.end_period)
),

steps as (
    select
        ladder_kind,
        ladder_id,
        cast(tier_start as decimal(38, 10)) as tier_start,
        cast(tier_end as decimal(38, 10)) as tier_end,
        cast(rate as decimal(22, 10)) as rate,
        cast(null as decimal(12, 2)) as percentage,
        cast(step_quantity as decimal(38, 20)) as step_quantity,
        cast(step_quantity * rate as decimal(38, 24)) as step_cost,
        cast(null as decimal(22, 10)) as minimum_amount,
        charged_cost,
        line_cost,
        configured
    from priced_steps
    union all
    select
        ladder_kind,
        ladder_id,
        cast(tier_start as decimal(38, 10)) as tier_start,
        cast(tier_end as decimal(38, 10)) as tier_end,
        cast(null as decimal(22, 10)) as rate,
        percentage,
        step_base as step_quantity,
        cast(step_base * cast(percentage * 0.01 as decimal(18, 4)) as decimal(38, 24)) as step_cost,
        cast(minimum_amount as decimal(22, 10)) as minimum_amount,
        charged_cost,
        charged_cost as line_cost,
        'support_plan_tiers.csv line ' || cast(source_line as varchar) as configured
    from support_steps
),

final as (
    select
        *,
        cast(
            greatest(
                round(sum(step_cost) over (partition by ladder_kind, ladder_id), 10),
                minimum_amount
            ) as decimal(38, 10)
        ) as total_cost
    from steps
)

select * from final
order by ladder_kind, ladder_id, tier_start
