{# The charges that an invoice line is made of, or that it is worked out from, for a `from`: every column of fct_charges,
   and `base_key` and `part_amount`, the charge's part of what they sum to.

   A line of charges is the sum of theirs (I1). A line of section 7 has a base, which other things may be part of too
   (explain_bases): AWS's cost of what is shared (G1), what commitments of nobody save (G1b), rated charges (G3, G5), what
   support is worked out from (F1). `base_key` tells the bases of one line apart: '' but for savings, each account's own
   or those of each commitment.

   Arguments, names of relations: line = the one row of fct_invoice_lines; charges = fct_charges of its period;
   group_charges = the rows of fct_group_charges of the line; custom_line_items, shared_cost_rules = the configuration. #}
{% macro charges_behind_line(line, charges, group_charges, custom_line_items, shared_cost_rules) -%}
(
    select
        charge.*,
        '' as base_key,
        cast(charge.billed_cost as decimal(38, 20)) as part_amount
    from {{ charges }} as charge
    cross join {{ line }} as line
    where
        charge.treatment = 'billed'
        and line.source_id = ''
        and charge.billing_group_id = line.billing_group_id
        and charge.line_kind = line.line_kind
        and (charge.line_kind = 'aws_tax' or charge.service_code = line.service_code)
    union all
    select
        charge.*,
        '' as base_key,
        cast(charge.aws_cost as decimal(38, 20)) as part_amount
    from {{ charges }} as charge
    inner join {{ line }} as line
        on line.line_kind = 'shared_cost' and charge.shared_cost_rule_id = line.source_id
    where charge.treatment_reason = 'shared_cost'
    union all
    select
        charge.*,
        bases.base_key,
        cast(
            case
                when charge.charge_type = 'commitment_fee' then -charge.effective_cost
                else charge.list_cost - charge.effective_cost
            end as decimal(38, 20)
        ) as part_amount
    from (
        select distinct
            group_charge.method,
            group_charge.billing_group_id,
            group_charge.part,
            case when group_charge.method = 'EXACT_SAVINGS' then group_charge.sub_account_id end as sub_account_id,
            case
                when group_charge.method = 'EXACT_SAVINGS'
                    then concat_ws('/', group_charge.sub_account_id, group_charge.part)
                else group_charge.part
            end as base_key,
            rule.source_account_id
        from {{ group_charges }} as group_charge
        inner join {{ shared_cost_rules }} as rule
            on group_charge.source_id = rule.shared_cost_rule_id and rule.source_kind = 'payer_savings'
        where group_charge.kind = 'shared_cost'
    ) as bases
    inner join {{ charges }} as charge
        on
            charge.commitment_id <> ''
            and charge.commitment_owner_group_id = ''
            and charge.treatment <> 'unrated'
            and (
                coalesce(bases.source_account_id, '') = ''
                or charge.commitment_owner_account_id = bases.source_account_id
            )
            and (
                (charge.charge_type = 'commitment_fee' and bases.method = 'NORMALIZED_HOURS')
                or (
                    charge.charge_type in ('reservation_covered_usage', 'savings_plan_covered_usage')
                    and charge.rating_path is distinct from 'effective_cost'
                    and charge.treatment_reason is distinct from 'shared_cost'
                )
            )
            and (
                (bases.method = 'NORMALIZED_HOURS' and charge.commitment_id = bases.part)
                or (
                    bases.method = 'EXACT_SAVINGS'
                    and charge.billing_group_id = bases.billing_group_id
                    and charge.sub_account_id = bases.sub_account_id
                    and (split_part(charge.commitment_id, ':', 3) = 'savingsplans') = (bases.part = 'savings_plan')
                )
            )
    union all
    select
        charge.*,
        '' as base_key,
        cast(charge.billed_cost as decimal(38, 20)) as part_amount
    from {{ charges }} as charge
    inner join {{ line }} as line on charge.billing_group_id = line.billing_group_id
    left join {{ custom_line_items }} as item
        on line.line_kind = 'custom_line_item' and line.source_id = item.custom_line_item_id
    where
        charge.treatment = 'billed'
        and charge.charge_type <> 'aws_tax'
        and (
            line.line_kind = 'minimum_commitment'
            or (
                line.line_kind = 'support'
                and line.source_id <> ''
                and charge.line_kind not in ('marketplace', 'support')
                and charge.charge_type in (
                    'usage', 'reservation_covered_usage', 'savings_plan_covered_usage', 'savings_plan_negation',
                    'commitment_fee'
                )
            )
            or (
                item.calculation = 'PERCENTAGE'
                and (coalesce(item.computation_rule, '') <> 'ITEMIZED' or charge.service_code = line.service_code)
                and case coalesce(item.line_item_filter, '')
                    when 'EXCLUDE_SAVINGS_PLAN_NEGATION' then charge.charge_type <> 'savings_plan_negation'
                    when 'SERVICE_EQUAL' then charge.service_code = item.filter_service_code
                    when 'SERVICE_NOT_EQUAL' then charge.service_code <> item.filter_service_code
                    else true
                end
            )
        )
)
{%- endmacro %}
