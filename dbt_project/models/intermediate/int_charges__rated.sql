{# R3, R4, R5, R9: what each charge costs the customer, in every scenario. Base x factor = billed cost wherever a
   factor is given; a tiered row's price is its part of its group's slices. #}
with

charges as (
    select * from {{ ref('int_charges__listed') }}
    where {{ is_current_period('billing_period') }}
),

winning_rules as (
    select * from {{ ref('int_charges__ruled') }}
    where {{ is_current_period('billing_period') }}
),

pricing_rule_tiers as (
    select * from {{ source('billing', 'pricing_rule_tiers') }}
),

ruled as (
    select
        charges.*,
        winning_rules.pricing_rule_id,
        winning_rules.rule_type,
        winning_rules.factor,
        winning_rules.rate
    from charges
    left join winning_rules
        on
            charges.billing_period = winning_rules.billing_period
            and charges.pricing_plan_id = winning_rules.pricing_plan_id
            and charges.rating_path = winning_rules.rating_path
            and charges.billing_entity = winning_rules.billing_entity
            and charges.service_code = winning_rules.service_code
            and charges.usage_type = winning_rules.usage_type
            and charges.operation = winning_rules.operation
            and charges.region_id = winning_rules.region_id
),

-- R5: the group's whole quantity under one rule is priced by slices, rounded to 1e-10, then split by quantity (M5).
tier_totals as (
    select
        billing_period,
        scenario,
        billing_group_id,
        pricing_rule_id,
        cast(sum(usage_quantity) as decimal(38, 10)) as total_quantity
    from ruled
    where rule_type = 'TIERED'
    group by billing_period, scenario, billing_group_id, pricing_rule_id
),

tier_prices as (
    select
        tier_totals.billing_period,
        tier_totals.scenario,
        tier_totals.billing_group_id,
        tier_totals.pricing_rule_id,
        tier_totals.total_quantity,
        {{ graduated_cost(
            'tier_totals.total_quantity', 'pricing_rule_tiers.tier_start', 'pricing_rule_tiers.tier_end',
            'pricing_rule_tiers.rate'
        ) }} as total_cost
    from tier_totals
    inner join pricing_rule_tiers on tier_totals.pricing_rule_id = pricing_rule_tiers.pricing_rule_id
    group by
        tier_totals.billing_period, tier_totals.scenario, tier_totals.billing_group_id, tier_totals.pricing_rule_id,
        tier_totals.total_quantity
),

tiered as (
    select
        ruled.*,
        {{ charge_key('ruled') }} as charge_key,
        {{ exact_units('tier_prices.total_cost') }} as total_cost_units,
        {{ exact_units('ruled.usage_quantity') }} as quantity_units
    from ruled
    inner join tier_prices
        on
            ruled.billing_period = tier_prices.billing_period
            and ruled.scenario = tier_prices.scenario
            and ruled.billing_group_id = tier_prices.billing_group_id
            and ruled.pricing_rule_id = tier_prices.pricing_rule_id
    where ruled.rule_type = 'TIERED'
),

tiered_split as (
    select
        * exclude (charge_key, total_cost_units, quantity_units, share_units),
        cast({{ units_to_amount('share_units') }} as decimal(38, 20)) as tiered_cost
    from {{ largest_remainder(
        'tiered',
        ['billing_period', 'scenario', 'billing_group_id', 'pricing_rule_id'],
        'total_cost_units', 'quantity_units', 'charge_key'
    ) }} as split_costs
),

priced as (
    select
        ruled.*,
        cast(null as decimal(38, 20)) as tiered_cost
    from ruled
    where ruled.rule_type is distinct from 'TIERED'
    union all by name
    select * from tiered_split
),

rated as (
    select
        priced.*,
        case
            when treatment <> 'billed' then null
            when rule_type in ('FIXED_RATE', 'TIERED') then usage_quantity
            when rating_path = 'on_demand' then list_cost
            when rating_path in ('effective_cost', 'unused_commitment') then effective_cost
            else aws_cost
        end as rating_base,
        case
            when treatment <> 'billed' or rule_type = 'TIERED' then null
            when rule_type = 'FIXED_RATE' then cast(rate as decimal(22, 10))
            when rule_type in ('MARKUP', 'DISCOUNT') then cast(factor as decimal(22, 10))
            when rating_path = 'share' then cast(aws_credit_share_percentage * 0.01 as decimal(22, 10))
            else cast(1 as decimal(22, 10))
        end as rating_factor
    from priced
),

final as (
    select
        * exclude (rule_type, factor, rate, tiered_cost) replace (coalesce(pricing_rule_id, '') as pricing_rule_id),
        case
            when treatment <> 'billed' then cast(0 as decimal(38, 20))
            when rule_type = 'TIERED' then tiered_cost
            else cast(rating_base * rating_factor as decimal(38, 20))
        end as billed_cost
    from rated
)

select * from final
