{# R8: where a price list is loaded, SKUs with tiers are priced per billing group, as if it were a consolidated family
   of its own; everything else keeps the list cost of its row (R1). Ladders are matched on the distinct combinations
   that a price list names, never on rows. #}
with

charges as (
    select * from {{ ref('int_charges__treated') }}
    where {{ is_current_period('billing_period') }}
),

tiers as (
    select * from {{ ref('stg_aws__price_list_tiers') }}
),

-- Every charge comes as applied.
price_keys as (
    select distinct
        billing_period,
        service_code,
        usage_type,
        operation,
        region_id
    from charges
    where charge_type = 'usage' and scenario = 'applied'
),

ladders as (
    select distinct
        sku,
        effective_date,
        superseded_date,
        service_code,
        usage_type,
        operation,
        region_id,
        ladder,
        is_tiered,
        has_free_tier
    from tiers
),

-- A price list leaves the operation empty where all operations cost the same, and names it where they do not.
candidates as (
    select
        price_keys.*,
        ladders.sku,
        ladders.effective_date,
        ladders.ladder,
        ladders.is_tiered,
        ladders.has_free_tier
    from price_keys
    inner join ladders
        on
            price_keys.service_code = ladders.service_code
            and price_keys.usage_type = ladders.usage_type
            and (ladders.operation = '' or price_keys.operation = ladders.operation)
            and (ladders.region_id = '' or price_keys.region_id = '' or price_keys.region_id = ladders.region_id)
            and ladders.effective_date <= last_day(price_keys.billing_period)
            and (
                ladders.superseded_date is null or ladders.superseded_date > last_day(price_keys.billing_period)
            )
    qualify
        rank() over (
            partition by
                price_keys.billing_period, price_keys.service_code, price_keys.usage_type, price_keys.operation,
                price_keys.region_id
            order by
                price_keys.operation = ladders.operation desc,
                price_keys.region_id = ladders.region_id desc
        ) = 1
),

-- SKUs that agree on every tier are one price; those that do not leave it open which one a row is of.
matched_ladders as (
    select
        billing_period,
        service_code,
        usage_type,
        operation,
        region_id,
        min(sku) as price_list_sku,
        arg_min(effective_date, sku) as effective_date,
        bool_and(has_free_tier) as has_free_tier
    from candidates
    group by billing_period, service_code, usage_type, operation, region_id
    having count(distinct ladder) = 1 and bool_and(is_tiered)
),

-- On-demand usage of AWS's own services; covered usage keeps its public price, also where it returns to on-demand.
-- Usage that AWS gives free beside a ladder without a free tier is free by another offer (a new customer's first year):
-- it stays free where that is passed on, and counts where it is not.
matched as (
    select
        charges.*,
        matched_ladders.price_list_sku,
        matched_ladders.effective_date
    from charges
    left join matched_ladders
        on
            charges.billing_period = matched_ladders.billing_period
            and charges.service_code = matched_ladders.service_code
            and charges.usage_type = matched_ladders.usage_type
            and charges.operation = matched_ladders.operation
            and charges.region_id = matched_ladders.region_id
            and charges.charge_type = 'usage'
            and charges.treatment = 'billed'
            and not charges.is_support
            and charges.billing_entity is distinct from 'AWS Marketplace'
            and (
                matched_ladders.has_free_tier
                or charges.list_cost_source <> 'free_tier'
                or charges.free_tier_policy = 'withhold'
            )
),

tiered as (
    select
        *,
        {{ charge_key('matched') }} as charge_key
    from matched
    where price_list_sku is not null
),

tier_totals as (
    select
        billing_period,
        billing_group_id,
        scenario,
        price_list_sku,
        effective_date,
        -- P5: one for the group and period.
        max(free_tier_policy) as free_tier_policy,
        cast(sum(usage_quantity) as decimal(38, 10)) as total_quantity
    from tiered
    group by billing_period, billing_group_id, scenario, price_list_sku, effective_date
),

tier_prices as (
    select
        tier_totals.billing_period,
        tier_totals.billing_group_id,
        tier_totals.scenario,
        tier_totals.price_list_sku,
        {{ graduated_cost(
            'tier_totals.total_quantity',
            'tiers.tier_start',
            'tiers.tier_end',
            "case
                when tiers.rate = 0 and tier_totals.free_tier_policy = 'withhold' then tiers.first_paid_rate
                else tiers.rate
            end"
        ) }} as total_cost
    from tier_totals
    inner join tiers
        on tier_totals.price_list_sku = tiers.sku and tier_totals.effective_date = tiers.effective_date
    group by
        tier_totals.billing_period, tier_totals.billing_group_id, tier_totals.scenario, tier_totals.price_list_sku,
        tier_totals.total_quantity
),

weighed as (
    select
        tiered.* exclude (effective_date),
        {{ exact_units('tier_prices.total_cost') }} as total_cost_units,
        {{ exact_units('tiered.usage_quantity') }} as quantity_units
    from tiered
    inner join tier_prices
        on
            tiered.billing_period = tier_prices.billing_period
            and tiered.billing_group_id = tier_prices.billing_group_id
            and tiered.scenario = tier_prices.scenario
            and tiered.price_list_sku = tier_prices.price_list_sku
),

relisted as (
    select
        * exclude (charge_key, total_cost_units, quantity_units, share_units)
        replace (
            {{ units_to_amount('share_units') }} as list_cost,
            'price_list' as list_cost_source
        )
    from {{ largest_remainder(
        'weighed',
        ['billing_period', 'billing_group_id', 'scenario', 'price_list_sku'],
        'total_cost_units', 'quantity_units', 'charge_key'
    ) }} as split_costs
),

final as (
    select * exclude (effective_date) replace ('' as price_list_sku)
    from matched
    where price_list_sku is null
    union all by name
    select * from relisted
)

select * from final
