{# The CUR rows of the charges behind an invoice line (explain_charges): delivery, file, row number and what each row is
   of its charge, AWS's cost, list cost and billed cost (R9). One row per CUR row of such a charge, and per discount
   inside a row that is a charge of its own (C2). Read from the delivered files, on the warehouse only.

   A row's list cost is its own, or its part by quantity where AWS's tiers give the list cost (R8, M5). `charge_number`
   and the charge's sums are for the check that the rows of each charge are all of it.

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

charge_types as (
    select * from {{ ref('charge_types') }}
),

charge_type_columns as (
    select * from {{ ref('charge_type_columns') }}
),

explained_charges as (
    select
        behind.*,
        row_number() over (
            order by
                base_key, billing_account_id, sub_account_id, charge_date, charge_type, line_item_type,
                billing_entity, service_code, usage_type, operation, region_id, usage_unit, commitment_id,
                list_cost_source, treatment_reason, billing_group_id
        ) as charge_number
    from {{ charges_behind_line(
        'lines', 'charges', 'group_charges', 'custom_line_items', 'shared_cost_rules'
    ) }} as behind
),

-- Filters that reach the files: what is not read of ten million rows is what makes this fast.
line_items as (
    select * from {{ ref('stg_cur__line_items') }}
    where
        {{ is_current_period('billing_period') }}
        and not is_split_cost
        and sub_account_id in (select accounts.sub_account_id from explained_charges as accounts)
        and service_code in (select services.service_code from explained_charges as services)
),

found as (
    select
        rows_of_charges.*,
        explained_charges.list_cost_source as charge_list_cost_source,
        explained_charges.list_cost as charge_list_cost,
        explained_charges.aws_cost as charge_aws_cost,
        explained_charges.treatment,
        explained_charges.billing_group_id,
        {{ exact_units('cast(explained_charges.list_cost as decimal(38, 10))') }} as list_units,
        case
            when
                rows_of_charges.charge_type in ('savings_plan_negation', 'commitment_fee', 'commitment_upfront')
                then cast(0 as decimal(22, 10))
            when rows_of_charges.is_discount then rows_of_charges.aws_cost
            when explained_charges.list_cost_source = 'public_on_demand_cost'
                then rows_of_charges.public_on_demand_cost
            -- Free usage that is passed on as such has no list cost.
            when explained_charges.list_cost_source = 'free_tier' and explained_charges.list_cost = 0
                then cast(0 as decimal(22, 10))
            when explained_charges.list_cost_source = 'free_tier' then rows_of_charges.public_on_demand_cost
            else rows_of_charges.aws_cost
        end as row_list_cost
    from {{ cur_rows_of(
        'explained_charges', 'line_items', 'charge_types', 'charge_type_columns', 'pricing_rules'
    ) }} as rows_of_charges
    inner join explained_charges on rows_of_charges.charge_number = explained_charges.charge_number
),

tiered_rows as (
    select * from found
    where charge_list_cost_source = 'price_list'
),

listed as (
    select
        * exclude (row_list_cost),
        cast(row_list_cost as decimal(38, 10)) as list_cost
    from found
    where charge_list_cost_source <> 'price_list'
    union all by name
    select
        * exclude (row_list_cost, share_units),
        {{ units_to_amount('share_units') }} as list_cost
    from {{ largest_remainder('tiered_rows', ['charge_number'], 'list_units', 'quantity_units', 'row_key') }}
        as split_lists
),

final as (
    select
        delivery_key,
        source_file,
        source_row_number,
        line_item_id,
        billing_group_id,
        sub_account_id,
        charge_type,
        case when rating_path = 'on_demand' then 'usage' else charge_type end as billed_as,
        line_item_type,
        is_discount,
        usage_start_at,
        usage_end_at,
        service_code,
        usage_type,
        operation,
        region_id,
        resource_id,
        line_item_description,
        case when is_discount then cast(0 as decimal(22, 10)) else cast(usage_quantity as decimal(22, 10)) end
            as usage_quantity,
        usage_unit,
        cast(aws_cost as decimal(38, 10)) as aws_cost,
        list_cost,
        cast(case when is_discount then aws_cost else effective_cost end as decimal(38, 10)) as effective_cost,
        treatment,
        cast(case when treatment = 'billed' then base * coalesce(rating_factor, 1) else 0 end as decimal(38, 24))
            as billed_cost,
        charge_number,
        charge_row_count,
        charge_aws_cost,
        charge_list_cost,
        charge_billed_cost
    from listed
)

select * from final
