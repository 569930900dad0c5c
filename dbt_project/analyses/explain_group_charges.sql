{# How a line of section 7 came about: base, percentage, weights and amount of each of its parts. One row per row of
   fct_group_charges of the line; none for a line of charges.

   `whole_amount` is what was split, where something was (M5), and `whole_billed_cost` the sum of all its parts, those of
   other groups included: the two are the same. `base_key` names the base in explain_charges.

   Variables: billing_period, invoice_line_key. #}
with

lines as (
    select * from {{ ref('fct_invoice_lines') }}
    where {{ is_current_period('billing_period') }} and invoice_line_key = getvariable('invoice_line_key')
),

group_charges as (
    select * from {{ ref('fct_group_charges') }}
    where {{ is_current_period('billing_period') }}
),

custom_line_items as (
    select * from {{ source('billing', 'custom_line_items') }}
),

shared_cost_rules as (
    select * from {{ source('billing', 'shared_cost_rules') }}
),

support_plans as (
    select * from {{ source('billing', 'support_plans') }}
),

wholes as (
    select
        group_charges.*,
        cast(
            case
                when group_charges.method = 'NORMALIZED_HOURS' then -group_charges.base_amount
                else group_charges.split_amount
            end as decimal(38, 20)
        ) as whole_amount,
        -- Support is split over the accounts of one group, what is shared over groups.
        cast(
            sum(group_charges.billed_cost) over (
                partition by
                    group_charges.kind, group_charges.source_id, group_charges.part,
                    case when group_charges.kind = 'shared_cost' then '' else group_charges.billing_group_id end
            ) as decimal(38, 24)
        ) as whole_billed_cost
    from group_charges
),

final as (
    select
        wholes.sub_account_id,
        wholes.service_code,
        wholes.part,
        case wholes.method
            when 'EXACT_SAVINGS' then concat_ws('/', wholes.sub_account_id, wholes.part)
            when 'NORMALIZED_HOURS' then wholes.part
            else ''
        end as base_key,
        wholes.description,
        wholes.method,
        wholes.calculation,
        wholes.base_amount,
        wholes.percentage,
        wholes.whole_amount,
        case when wholes.whole_amount is not null then wholes.whole_billed_cost end as whole_billed_cost,
        wholes.weight,
        wholes.weight_total,
        wholes.is_equal_split,
        wholes.committed_amount,
        wholes.billed_cost,
        case wholes.kind
            when 'shared_cost'
                then 'shared_cost_rules.csv line ' || cast(shared_cost_rules.source_line as varchar)
            when 'custom_line_item'
                then 'custom_line_items.csv line ' || cast(custom_line_items.source_line as varchar)
            when 'support' then 'support_plans.csv line ' || cast(support_plans.source_line as varchar)
            else 'minimum_commitments.csv'
        end as configured
    from wholes
    inner join lines
        on
            wholes.billing_group_id = lines.billing_group_id
            and wholes.kind = lines.line_kind
            and wholes.source_id = lines.source_id
            and wholes.service_code = lines.service_code
    left join custom_line_items
        on wholes.kind = 'custom_line_item' and wholes.source_id = custom_line_items.custom_line_item_id
    left join shared_cost_rules
        on wholes.kind = 'shared_cost' and wholes.source_id = shared_cost_rules.shared_cost_rule_id
    left join support_plans
        on
            wholes.kind = 'support'
            and wholes.source_id = support_plans.support_plan_id
            and wholes.billing_period >= support_plans.start_period
            and (support_plans.end_period is null or wholes.billing_period < support_plans.end_period)
)

select * from final
order by sub_account_id, part
