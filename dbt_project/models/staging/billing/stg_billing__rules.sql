with

pricing_rules as (
    select * from {{ source('billing', 'pricing_rules') }}
),

final as (
    select
        pricing_rule_id,
        pricing_plan_id,
        scope,
        rule_type,
        coalesce(billing_entity, '') as billing_entity,
        coalesce(service_code, '') as service_code,
        coalesce(usage_type, '') as usage_type,
        coalesce(operation, '') as operation,
        coalesce(region, '') as region_id,
        coalesce(include_fees, false) as include_fees,
        start_period,
        coalesce(end_period, date '9999-12-01') as end_period,
        rate,

        -- R3: a percentage has two decimals, so its factor is exact with four.
        case rule_type
            when 'MARKUP' then cast((100 + percentage) * 0.01 as decimal(18, 4))
            when 'DISCOUNT' then cast((100 - percentage) * 0.01 as decimal(18, 4))
        end as factor,

        -- R2: the most granular scope wins; within it usage type and operation together beat one of them, then a
        -- named region beats none. Ties are rejected when the configuration is loaded.
        case scope when 'SKU' then 40 when 'SERVICE' then 30 when 'BILLING_ENTITY' then 20 else 10 end
        + case when scope = 'SKU' and usage_type <> '' and operation <> '' then 2 else 0 end
        + case when coalesce(region, '') <> '' then 1 else 0 end as precedence
    from pricing_rules
)

select * from final
