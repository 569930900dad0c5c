{# The charges behind an invoice line (R9): what was used, at which list cost (R1, R8), under which rule, factor, path
   and policy, and what it adds to the line or to the base that the line is worked out from (`part_amount`). Beside them,
   with `is_part` false, what was not billed of the same group, kind and service (F5). One row per charge.

   Variables: billing_period, invoice_line_key. #}
with

lines as (
    select * from {{ ref('fct_invoice_lines') }}
    where {{ is_current_period('billing_period') }} and invoice_line_key = getvariable('invoice_line_key')
),

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ is_current_period('billing_period') }}
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

custom_line_items as (
    select * from {{ source('billing', 'custom_line_items') }}
),

shared_cost_rules as (
    select * from {{ source('billing', 'shared_cost_rules') }}
),

pricing_rules as (
    select * from {{ source('billing', 'pricing_rules') }}
),

billing_terms as (
    select * from {{ source('billing', 'billing_terms') }}
),

found as (
    select
        behind.*,
        true as is_part
    from {{ charges_behind_line(
        'lines', 'charges', 'group_charges', 'custom_line_items', 'shared_cost_rules'
    ) }} as behind
    union all by name
    select
        charges.*,
        '' as base_key,
        cast(0 as decimal(38, 20)) as part_amount,
        false as is_part
    from charges
    inner join lines
        on
            charges.billing_group_id = lines.billing_group_id
            and charges.line_kind = lines.line_kind
            and charges.service_code = lines.service_code
    where lines.source_id = '' and charges.treatment <> 'billed'
),

final as (
    select
        found.is_part,
        found.base_key,
        found.billing_group_id,
        found.billing_account_id,
        found.sub_account_id,
        found.charge_date,
        found.charge_type,
        found.line_item_type,
        found.billing_entity,
        found.service_code,
        found.service_name,
        found.usage_type,
        found.operation,
        found.region_id,
        found.commitment_id,
        found.commitment_owner_account_id,
        found.commitment_owner_group_id,
        found.row_count,
        found.usage_quantity,
        found.usage_unit,
        found.list_cost,
        found.list_cost_source,
        found.price_list_sku,
        found.aws_cost,
        found.effective_cost,
        found.treatment,
        found.treatment_reason,
        found.rating_path,
        found.pricing_rule_id,
        pricing_rules.scope as rule_scope,
        pricing_rules.rule_type,
        pricing_rules.percentage as rule_percentage,
        pricing_rules.rate as rule_rate,
        pricing_rules.source_line as rule_line,
        found.shared_cost_rule_id,
        case
            when found.treatment_reason in ('unassigned', 'partner_discount', 'shared_cost') then ''
            when found.line_kind = 'support' then 'support_policy ' || billing_terms.support_policy
            when
                found.charge_type in (
                    'reservation_covered_usage', 'savings_plan_covered_usage', 'savings_plan_negation',
                    'commitment_fee'
                )
                then 'commitment_policy ' || billing_terms.commitment_policy
            when found.charge_type = 'commitment_upfront'
                then concat(
                    'commitment_policy ', billing_terms.commitment_policy,
                    ', upfront_policy ', billing_terms.upfront_policy
                )
            when found.list_cost_source = 'free_tier' then 'free_tier_policy ' || billing_terms.free_tier_policy
            when found.charge_type = 'bundled_discount'
                then 'bundled_discount_policy ' || billing_terms.bundled_discount_policy
            when found.charge_type = 'negotiated_discount'
                then 'negotiated_discount_policy ' || billing_terms.negotiated_discount_policy
            when found.charge_type = 'aws_credit'
                then concat_ws(
                    ' ', 'aws_credit_policy', billing_terms.aws_credit_policy,
                    cast(billing_terms.aws_credit_share_percentage as varchar)
                )
            when found.charge_type = 'refund' then 'refund_policy ' || billing_terms.refund_policy
            when found.charge_type = 'aws_tax' then 'tax_policy ' || billing_terms.tax_policy
            else ''
        end as policy,
        found.rating_base,
        found.rating_factor,
        found.billed_cost,
        found.part_amount
    from found
    left join pricing_rules on found.pricing_rule_id = pricing_rules.pricing_rule_id
    left join billing_terms
        on
            found.billing_group_id = billing_terms.billing_group_id
            and found.billing_period >= billing_terms.start_period
            and (billing_terms.end_period is null or found.billing_period < billing_terms.end_period)
)

select * from final
order by
    not is_part, base_key, sub_account_id, service_code, usage_type, operation, region_id, charge_type, charge_date,
    line_item_type, list_cost_source, usage_unit, commitment_id, billing_account_id, billing_group_id, treatment_reason
