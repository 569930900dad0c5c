{# What a customer may see of an invoice line (docs/explain.md): what was used in which account, at which billed rate,
   for which billed amount. One row per account, usage and unit; for a line of section 7 one per account. No column
   holds AWS's cost, a list price, a policy or a rule, and usage that goes back to on-demand price is usage like any
   other (RS1). `billed_rate` is billed_cost / usage_quantity at ten decimals, for reading.

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
    select * from {{ ref('fct_group_charges') }}
    where {{ is_current_period('billing_period') }}
),

used as (
    select
        charges.sub_account_id,
        case when charges.rating_path = 'on_demand' then 'usage' else charges.charge_type end as charge_type,
        charges.service_code,
        charges.service_name,
        charges.usage_type,
        charges.region_id,
        charges.usage_unit,
        cast(sum(charges.usage_quantity) as decimal(38, 10)) as usage_quantity,
        cast(sum(charges.billed_cost) as decimal(38, 24)) as billed_cost
    from charges
    inner join lines
        on
            charges.billing_group_id = lines.billing_group_id
            and charges.line_kind = lines.line_kind
            and (charges.line_kind = 'aws_tax' or charges.service_code = lines.service_code)
    where charges.treatment = 'billed' and lines.source_id = ''
    group by all
),

of_group as (
    select
        group_charges.sub_account_id,
        group_charges.kind as charge_type,
        group_charges.service_code,
        max(lines.service_name) as service_name,
        '' as usage_type,
        '' as region_id,
        '' as usage_unit,
        cast(null as decimal(38, 10)) as usage_quantity,
        cast(sum(group_charges.billed_cost) as decimal(38, 24)) as billed_cost
    from group_charges
    inner join lines
        on
            group_charges.billing_group_id = lines.billing_group_id
            and group_charges.kind = lines.line_kind
            and group_charges.source_id = lines.source_id
            and group_charges.service_code = lines.service_code
    group by all
),

final as (
    select
        used.*,
        case
            when used.usage_quantity > 0
                then cast(
                    {{ exact_quotient('round(used.billed_cost, 10)', 'used.usage_quantity') }} as decimal(38, 10)
                )
        end as billed_rate
    from used
    union all
    select
        of_group.*,
        cast(null as decimal(38, 10)) as billed_rate
    from of_group
)

select * from final
order by sub_account_id, service_code, usage_type, region_id, charge_type, usage_unit
