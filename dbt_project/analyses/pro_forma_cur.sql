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

charges as (
    select
        fct_charges.*,
        row_number() over (
            order by
                fct_charges.billing_account_id, fct_charges.sub_account_id, fct_charges.charge_date,
                fct_charges.charge_type, fct_charges.line_item_type, fct_charges.billing_entity,
                fct_charges.service_code, fct_charges.usage_type, fct_charges.operation, fct_charges.region_id,
                fct_charges.usage_unit, fct_charges.commitment_id, fct_charges.list_cost_source
        ) as charge_number,
        pricing_rules.rule_type,
        coalesce(pricing_rules.rule_type, '') = 'TIERED'
        or (
            fct_charges.list_cost_source = 'price_list'
            and coalesce(pricing_rules.rule_type, '') <> 'FIXED_RATE'
        ) as is_split
    from fct_charges
    left join pricing_rules on fct_charges.pricing_rule_id = pricing_rules.pricing_rule_id
),

-- R1, R8: which rows a charge is of, by their public price. A charge with a source of its own takes the rows of that
-- price; one priced from a price list takes those that no other charge of the same key takes; any other takes all.
priced_keys as (
    select
        charges.*,
        public_prices.public_price,
        case
            when charges.list_cost_source = '' then true
            when charges.charge_type = 'usage'
                then
                    charges.list_cost_source
                    = case public_prices.public_price
                        when 'public' then 'public_on_demand_cost'
                        when 'missing' then 'unblended_cost'
                        else 'free_tier'
                    end
            else (charges.list_cost_source = 'unblended_cost') = (public_prices.public_price = 'missing')
        end as is_own_price
    from charges
    cross join (values ('public'), ('missing'), ('free')) as public_prices (public_price)
),

charge_keys as (
    select *
    from priced_keys
    qualify
        is_own_price
        or (
            list_cost_source = 'price_list'
            and not bool_or(is_own_price) over (
                partition by
                    billing_account_id, sub_account_id, charge_date, charge_type, line_item_type, billing_entity,
                    service_code, usage_type, operation, region_id, usage_unit, commitment_id, public_price
            )
        )
),

typed as (
    select
        line_items.*,
        charge_types.charge_type
    from line_items
    inner join charge_types
        on
            line_items.line_item_type = charge_types.line_item_type
            and (
                charge_types.line_item_type <> 'Fee'
                or charge_types.is_reservation_fee = line_items.has_reservation
            )
    where line_items.sub_account_id in (select charges.sub_account_id from charges)
),

-- M1: a row with an unreadable value that a rule reads is quarantined; one of its key may be billed beside it.
bad_rows as (
    select distinct
        bad.delivery_key,
        bad.source_file,
        bad.source_row_number
    from (
        select
            delivery_key,
            source_file,
            source_row_number,
            charge_type,
            discount_mode,
            unnest(map_keys(bad_values)) as bad_column
        from typed
        where bad_values is not null
    ) as bad
    left join charge_type_columns
        on
            bad.charge_type = charge_type_columns.charge_type
            and bad.bad_column = charge_type_columns.cur_column
    where
        charge_type_columns.cur_column is not null
        or (bad.bad_column = 'line_item_net_unblended_cost' and bad.discount_mode = 'columns')
),

readable as (
    select typed.*
    from typed
    left join bad_rows
        on
            typed.delivery_key = bad_rows.delivery_key
            and typed.source_file = bad_rows.source_file
            and typed.source_row_number = bad_rows.source_row_number
    where bad_rows.delivery_key is null
),

-- C2: a discount inside a row is a charge of its own.
parts as (
    select
        readable.*,
        false as is_discount,
        unblended_cost as aws_cost
    from readable
    union all by name
    select
        readable.* replace (discounts.charge_type as charge_type),
        true as is_discount,
        discounts.cost as aws_cost
    from readable
    cross join
        lateral (
            values
            ('bundled_discount', readable.bundled_discount_cost),
            ('negotiated_discount', readable.negotiated_discount_cost)
        ) as discounts (charge_type, cost)
    where discounts.cost <> 0
),

matched as (
    select
        parts.* exclude (billing_account_id, billing_period, service_name),
        charge_keys.charge_number,
        charge_keys.row_count as charge_row_count,
        charge_keys.billed_cost as charge_billed_cost,
        charge_keys.rating_path,
        charge_keys.rating_factor,
        charge_keys.service_name,
        charge_keys.is_split,
        {{ exact_units(
            "cast(
                case when charge_keys.rule_type = 'TIERED' then charge_keys.billed_cost else charge_keys.rating_base end
                as decimal(38, 10)
            )"
        ) }} as whole_units,
        {{ exact_units('cast(parts.usage_quantity as decimal(38, 10))') }} as quantity_units,
        concat_ws('/', parts.delivery_key, parts.source_file, lpad(cast(parts.source_row_number as varchar), 12, '0'))
            as row_key,
        -- R9: what the factor of the charge was applied to.
        cast(
            case
                when charge_keys.is_split then 0
                when charge_keys.rule_type = 'FIXED_RATE' then parts.usage_quantity
                when charge_keys.rating_path = 'on_demand'
                    then case
                        when charge_keys.list_cost_source = 'unblended_cost' then parts.aws_cost
                        -- Free usage that is passed on as such has no list cost.
                        when charge_keys.list_cost_source = 'free_tier' and charge_keys.list_cost = 0 then 0
                        else parts.public_on_demand_cost
                    end
                when parts.is_discount then parts.aws_cost
                when charge_keys.rating_path in ('effective_cost', 'unused_commitment') then parts.effective_cost
                else parts.aws_cost
            end as decimal(22, 10)
        ) as own_base
    from parts
    inner join charge_keys
        on
            parts.billing_account_id = charge_keys.billing_account_id
            and parts.sub_account_id = charge_keys.sub_account_id
            and parts.charge_type = charge_keys.charge_type
            and parts.line_item_type = charge_keys.line_item_type
            and parts.billing_entity is not distinct from charge_keys.billing_entity
            and parts.service_code is not distinct from charge_keys.service_code
            and parts.usage_type is not distinct from charge_keys.usage_type
            and parts.operation is not distinct from charge_keys.operation
            and parts.region_id = charge_keys.region_id
            and parts.usage_unit is not distinct from charge_keys.usage_unit
            and parts.commitment_id = charge_keys.commitment_id
            and parts.public_price = charge_keys.public_price
            -- P3: kept only where the account, or its commitment's owner, moves inside the month.
            and (charge_keys.charge_date is null or parts.membership_date = charge_keys.charge_date)
),

split_rows as (
    select * from matched
    where is_split
),

rated as (
    select
        * exclude (own_base),
        own_base as base
    from matched
    where not is_split
    union all by name
    select
        * exclude (own_base, share_units),
        cast(cast(share_units as decimal(38, 0)) * 0.0000000001 as decimal(22, 10)) as base
    from {{ largest_remainder('split_rows', ['charge_number'], 'whole_units', 'quantity_units', 'row_key') }}
        as split_shares
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
