{{ config(materialized='billing_period') }}
with

charges as (
    select * from {{ ref('int_charges__treated') }}
    where {{ is_current_period('billing_period') }}
),

winning_rules as (
    select * from {{ ref('int_charges__ruled') }}
    where {{ is_current_period('billing_period') }}
),

pricing_rule_tiers as (
    select * from {{ source('billing', 'pricing_rule_tiers') }}
),

charge_categories as (
    select * from {{ ref('charge_categories') }}
),

ruled as (
    select
        charges.*,
        winning_rules.pricing_rule_id,
        winning_rules.rule_type,
        winning_rules.factor,
        winning_rules.rate,
        concat_ws(
            '/', charges.billing_account_id, charges.sub_account_id, charges.charge_type, charges.service_code,
            charges.usage_type, charges.operation, charges.region_id, charges.usage_unit, charges.line_item_type,
            charges.commitment_id, charges.list_cost_source, charges.charge_date, charges.billing_entity,
            charges.treatment_reason
        ) as charge_key
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
        billing_group_id,
        pricing_rule_id,
        cast(sum(usage_quantity) as decimal(38, 10)) as total_quantity
    from ruled
    where rule_type = 'TIERED'
    group by billing_period, billing_group_id, pricing_rule_id
),

tier_prices as (
    select
        tier_totals.billing_period,
        tier_totals.billing_group_id,
        tier_totals.pricing_rule_id,
        tier_totals.total_quantity,
        -- A month of corrections may sum below zero: it gives back what the same quantity would have cost.
        round(
            sum(
                greatest(
                    least(
                        abs(tier_totals.total_quantity),
                        coalesce(pricing_rule_tiers.tier_end, abs(tier_totals.total_quantity))
                    ) - pricing_rule_tiers.tier_start,
                    0
                ) * pricing_rule_tiers.rate
            ),
            10
        ) * case when tier_totals.total_quantity < 0 then -1 else 1 end as total_cost
    from tier_totals
    inner join pricing_rule_tiers on tier_totals.pricing_rule_id = pricing_rule_tiers.pricing_rule_id
    group by
        tier_totals.billing_period, tier_totals.billing_group_id, tier_totals.pricing_rule_id,
        tier_totals.total_quantity
),

tiered as (
    select
        ruled.*,
        cast(tier_prices.total_cost * 10000000000 as hugeint) as total_cost_units,
        cast(ruled.usage_quantity * 10000000000 as hugeint) as quantity_units
    from ruled
    inner join tier_prices
        on
            ruled.billing_period = tier_prices.billing_period
            and ruled.billing_group_id = tier_prices.billing_group_id
            and ruled.pricing_rule_id = tier_prices.pricing_rule_id
    where ruled.rule_type = 'TIERED'
),

tiered_split as (
    select
        * exclude (total_cost_units, quantity_units, share_units),
        cast(cast(share_units as decimal(38, 0)) * 0.0000000001 as decimal(38, 20)) as tiered_cost
    from {{ largest_remainder(
        'tiered',
        ['billing_period', 'billing_group_id', 'pricing_rule_id'],
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

-- R9: base x factor = billed cost wherever a factor is given; a tiered row's price is its part of its group's slices.
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

described as (
    select
        -- ids
        rated.billing_period,
        rated.billing_group_id,
        rated.billing_account_id,
        rated.sub_account_id,
        rated.charge_date,

        -- what it is
        rated.charge_type,
        charge_categories.charge_category,
        '' as charge_class,
        rated.line_item_type,
        rated.billing_entity,
        rated.service_code,
        rated.service_name,
        rated.usage_type,
        rated.operation,
        rated.region_id,
        rated.commitment_id,
        case
            when
                rated.billing_entity = 'AWS Marketplace'
                and rated.charge_type not in ('aws_credit', 'refund', 'aws_tax')
                then 'marketplace'
            when rated.is_support then 'support'
            else charge_categories.line_kind
        end as line_kind,

        -- quantities and amounts
        rated.row_count,
        rated.usage_quantity,
        rated.usage_unit,
        rated.list_cost,
        rated.list_cost_source,
        rated.aws_cost,
        rated.effective_cost,
        case
            when rated.treatment <> 'billed' then cast(0 as decimal(38, 20))
            when rated.rule_type = 'TIERED' then rated.tiered_cost
            else cast(rated.rating_base * rated.rating_factor as decimal(38, 20))
        end as billed_cost,

        -- why
        rated.treatment,
        rated.treatment_reason,
        rated.rating_path,
        coalesce(rated.pricing_rule_id, '') as pricing_rule_id,
        rated.rating_base,
        rated.rating_factor,
        rated.open_row_count,
        rated.open_cost
    from rated
    inner join charge_categories on rated.charge_type = charge_categories.charge_type
),

-- Rows that differ only in what no rule looked at (a public price on a fee, an unreadable column nobody reads) are one.
final as (
    select
        * replace (
            cast(sum(row_count) as bigint) as row_count,
            cast(sum(usage_quantity) as decimal(38, 10)) as usage_quantity,
            cast(sum(list_cost) as decimal(38, 10)) as list_cost,
            cast(sum(aws_cost) as decimal(38, 10)) as aws_cost,
            cast(sum(effective_cost) as decimal(38, 10)) as effective_cost,
            cast(sum(billed_cost) as decimal(38, 20)) as billed_cost,
            cast(sum(rating_base) as decimal(38, 10)) as rating_base,
            cast(sum(open_row_count) as bigint) as open_row_count,
            cast(sum(open_cost) as decimal(38, 10)) as open_cost,
            max(service_name) as service_name
        )
    from described
    group by all
)

select * from final
