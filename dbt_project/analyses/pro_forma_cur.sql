{# The pro forma CUR of a billing group (docs/exports.md, decision 14): its billed CUR rows at our rates, in USD, and
   the charges of the whole group beside them, as Billing Conductor shows custom line items.

   One row per CUR row of a billed charge (and per discount inside it that is billed, C2), and per group charge. A row's
   cost is its own base times the factor of its charge (R9), so that rows sum to their charge without a division. Only
   where the charge is itself a part of something split by quantity, a tiered rule (R5) or AWS's tiers (R8), is it split
   on, by largest remainder at 1e-10 (M5). `charge_number` and `charge_row_count` are for the check that every charge is
   matched by exactly its rows; they are not exported.

   No AWS cost leaves this query: AWS's description of a row, which can name a negotiated rate, is shown only where the
   row is billed at AWS's cost, and usage that goes back to on-demand price is plain usage (RS1).

   Variables: billing_period, billing_group_id. #}
with

line_items as (
    select * from {{ ref('stg_cur__line_items') }}
    where {{ is_current_period('billing_period') }} and not is_split_cost
),

fct_charges as (
    select * from {{ ref('fct_charges') }}
    where
        {{ is_current_period('billing_period') }}
        and treatment = 'billed'
        and billing_group_id = getvariable('billing_group_id')
),

group_charges as (
    select * from {{ ref('fct_group_charges') }}
    where {{ is_current_period('billing_period') }} and billing_group_id = getvariable('billing_group_id')
),

charge_types as (
    select * from {{ ref('charge_types') }}
),

charge_type_columns as (
    select * from {{ ref('charge_type_columns') }}
),

pricing_rules as (
    select * from {{ source('billing', 'pricing_rules') }}
),

billing_groups as (
    select * from {{ source('billing', 'billing_groups') }}
    where billing_group_id = getvariable('billing_group_id')
),

documents as (
    select * from {{ source('ledger', 'documents') }}
    where
        revision = 0
        and {{ is_current_period('billing_period') }}
        and billing_group_id = getvariable('billing_group_id')
),

charges_to_find as (
    select
        fct_charges.*,
        row_number() over (
            order by
                billing_account_id, sub_account_id, charge_date, charge_type, line_item_type, billing_entity,
                service_code, usage_type, operation, region_id, usage_unit, commitment_id, list_cost_source
        ) as charge_number
    from fct_charges
),

rated as (
    select *
    from {{ cur_rows_of(
        'charges_to_find', 'line_items', 'charge_types', 'charge_type_columns', 'pricing_rules'
    ) }} as rows_of_charges
),

row_lines as (
    select
        charge_number,
        charge_row_count,
        charge_billed_cost,
        is_discount,
        row_key,
        line_item_id as identity_line_item_id,
        time_interval as identity_time_interval,
        billing_entity as bill_billing_entity,
        bill_type as bill_bill_type,
        sub_account_id as line_item_usage_account_id,
        case
            when rating_path = 'on_demand' then 'Usage'
            when is_discount and charge_type = 'bundled_discount' then 'BundledDiscount'
            when is_discount then 'Discount'
            else line_item_type
        end as line_item_line_item_type,
        usage_start_at as line_item_usage_start_date,
        usage_end_at as line_item_usage_end_date,
        service_code as line_item_product_code,
        usage_type as line_item_usage_type,
        operation as line_item_operation,
        availability_zone as line_item_availability_zone,
        resource_id as line_item_resource_id,
        case when is_discount then 0 else usage_quantity end as line_item_usage_amount,
        cast(base * coalesce(rating_factor, 1) as decimal(38, 24)) as line_item_unblended_cost,
        case
            when rating_path = 'on_demand' or is_discount then concat_ws(', ', service_name, nullif(usage_type, ''))
            else line_item_description
        end as line_item_line_item_description,
        service_name as product_product_name,
        region_id as product_region_code,
        usage_unit as pricing_unit,
        case
            when charge_type in ('usage', 'reservation_covered_usage', 'savings_plan_covered_usage') and not is_discount
                then public_on_demand_cost
            else 0
        end as pricing_public_on_demand_cost,
        case when has_reservation and rating_path <> 'on_demand' then commitment_id else '' end
            as reservation_reservation_a_r_n,
        case when not has_reservation and rating_path <> 'on_demand' then commitment_id else '' end
            as savings_plan_savings_plan_a_r_n,
        resource_tags
    from rated
),

-- CLI-07: shown under a service of AWS's, an item is `Proforma_…`.
group_lines as (
    select
        concat_ws(
            '/', 'group', kind, source_id, sub_account_id, nullif(service_code, ''), nullif(part, '')
        ) as row_key,
        'group/' || md5(concat_ws('/', kind, source_id, sub_account_id, service_code, part)) as identity_line_item_id,
        'AWS' as bill_billing_entity,
        'Anniversary' as bill_bill_type,
        sub_account_id as line_item_usage_account_id,
        case when service_code = '' then '' else 'Proforma_' end
        || case when billed_cost < 0 then 'Credit' else 'Fee' end as line_item_line_item_type,
        cast(billing_period as timestamp) as line_item_usage_start_date,
        cast(billing_period + interval 1 month as timestamp) as line_item_usage_end_date,
        case when service_code = '' then 'AWSBillingConductor' else service_code end as line_item_product_code,
        source_id as line_item_usage_type,
        kind as line_item_operation,
        cast(1 as decimal(22, 10)) as line_item_usage_amount,
        billed_cost as line_item_unblended_cost,
        description as line_item_line_item_description
    from group_charges
),

all_lines as (
    select * from row_lines
    union all by name
    select * from group_lines
),

final as (
    select
        all_lines.charge_number,
        all_lines.charge_row_count,
        all_lines.charge_billed_cost,
        all_lines.is_discount,
        all_lines.row_key,
        coalesce(all_lines.identity_line_item_id, '') as identity_line_item_id,
        coalesce(
            nullif(all_lines.identity_time_interval, ''),
            strftime(all_lines.line_item_usage_start_date, '%Y-%m-%dT%H:%M:%SZ')
            || '/' || strftime(all_lines.line_item_usage_end_date, '%Y-%m-%dT%H:%M:%SZ')
        ) as identity_time_interval,
        coalesce(documents.number, '') as bill_invoice_id,
        all_lines.bill_billing_entity,
        all_lines.bill_bill_type,
        -- Of a group the primary account is the payer.
        billing_groups.primary_account_id as bill_payer_account_id,
        cast(getvariable('billing_period') as timestamp) as bill_billing_period_start_date,
        cast(getvariable('billing_period') + interval 1 month as timestamp) as bill_billing_period_end_date,
        all_lines.line_item_usage_account_id,
        all_lines.line_item_line_item_type,
        all_lines.line_item_usage_start_date,
        all_lines.line_item_usage_end_date,
        all_lines.line_item_product_code,
        all_lines.line_item_usage_type,
        all_lines.line_item_operation,
        coalesce(all_lines.line_item_availability_zone, '') as line_item_availability_zone,
        coalesce(all_lines.line_item_resource_id, '') as line_item_resource_id,
        cast(all_lines.line_item_usage_amount as decimal(22, 10)) as line_item_usage_amount,
        'USD' as line_item_currency_code,
        cast(all_lines.line_item_unblended_cost as decimal(38, 24)) as line_item_unblended_cost,
        all_lines.line_item_line_item_description,
        coalesce(all_lines.product_product_name, '') as product_product_name,
        coalesce(all_lines.product_region_code, '') as product_region_code,
        coalesce(all_lines.pricing_unit, '') as pricing_unit,
        cast(coalesce(all_lines.pricing_public_on_demand_cost, 0) as decimal(22, 10)) as pricing_public_on_demand_cost,
        coalesce(all_lines.reservation_reservation_a_r_n, '') as reservation_reservation_a_r_n,
        coalesce(all_lines.savings_plan_savings_plan_a_r_n, '') as savings_plan_savings_plan_a_r_n,
        all_lines.resource_tags
    from all_lines
    cross join billing_groups
    left join documents on billing_groups.billing_group_id = documents.billing_group_id
)

select * from final
