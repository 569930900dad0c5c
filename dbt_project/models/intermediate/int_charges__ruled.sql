{# R2: exactly one rule per row. Rules are matched on the distinct combinations that a rule can look at, never on
   rows. #}
with

charges as (
    select * from {{ ref('int_charges__treated') }}
    where scenario = 'applied' and {{ is_current_period('billing_period') }}
),

rules as (
    select * from {{ ref('stg_billing__rules') }}
),

-- RS6: also the paths that charges of commitments take under another policy; the rule does not depend on it.
rule_keys as (
    select distinct
        billing_period,
        pricing_plan_id,
        case
            when charge_type in ('reservation_covered_usage', 'savings_plan_covered_usage') then 'on_demand'
            when charge_type in ('commitment_fee', 'commitment_upfront') then 'fee'
            else rating_path
        end as rating_path,
        billing_entity,
        service_code,
        usage_type,
        operation,
        region_id
    from charges
    where
        rating_path in ('on_demand', 'fee')
        or charge_type in (
            'reservation_covered_usage', 'savings_plan_covered_usage', 'commitment_fee', 'commitment_upfront'
        )
),

-- Two joins, so that the rules that name a service are found by equality.
candidates as (
    select
        rule_keys.*,
        rules.* exclude (pricing_plan_id, billing_entity, service_code, usage_type, operation, region_id)
    from rule_keys
    inner join rules
        on
            rule_keys.pricing_plan_id = rules.pricing_plan_id
            and rule_keys.service_code = rules.service_code
            and rules.scope in ('SKU', 'SERVICE')
            and (rules.usage_type = '' or rule_keys.usage_type = rules.usage_type)
            and (rules.operation = '' or rule_keys.operation = rules.operation)
            and (rules.region_id = '' or rule_keys.region_id = rules.region_id)
    union all
    select
        rule_keys.*,
        rules.* exclude (pricing_plan_id, billing_entity, service_code, usage_type, operation, region_id)
    from rule_keys
    inner join rules
        on
            rule_keys.pricing_plan_id = rules.pricing_plan_id
            and rules.scope in ('BILLING_ENTITY', 'GLOBAL')
            and (rules.scope = 'GLOBAL' or rule_keys.billing_entity = rules.billing_entity)
            and (rules.region_id = '' or rule_keys.region_id = rules.region_id)
),

-- R7: on fees only a percentage that says so acts; rules that cannot act do not compete.
final as (
    select
        billing_period,
        pricing_plan_id,
        rating_path,
        billing_entity,
        service_code,
        usage_type,
        operation,
        region_id,
        pricing_rule_id,
        rule_type,
        factor,
        rate
    from candidates
    where
        billing_period >= start_period
        and billing_period < end_period
        and (rating_path = 'on_demand' or (include_fees and rule_type in ('MARKUP', 'DISCOUNT')))
    qualify row_number() over (
        partition by
            billing_period, pricing_plan_id, rating_path, billing_entity, service_code, usage_type, operation, region_id
        order by precedence desc, pricing_rule_id asc
    ) = 1
)

select * from final
