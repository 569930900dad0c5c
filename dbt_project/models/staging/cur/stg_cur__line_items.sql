{# Row functions only: no join, no filter but the period. Whatever groups or prices rows comes after the grain, because
   aggregating first and joining after costs 0.7 of joining per row. #}
with

line_items as (
    select * from {{ source('raw', 'cur_line_items') }}
    where {{ is_current_period('billing_period') }}
),

discounts_measured as (
    select
        line_items.*,
        -- C2: Parquet writes a missing net cost as 0, so 0 counts only where the row says it has a discount.
        case
            when discount_mode <> 'columns' or line_item_net_unblended_cost is null then false
            when line_item_net_unblended_cost <> 0 then true
            else
                coalesce(discount_total_discount, 0) <> 0
                or coalesce(discount_bundled_discount, 0) <> 0
                or coalesce(list_sum(list_transform(map_values(discount), lambda part: abs(part))), 0) <> 0
        end as has_net_cost,
        case
            when discount_mode <> 'columns' then 0
            when coalesce(discount_bundled_discount, 0) <> 0 then abs(discount_bundled_discount)
            else {{ discount_map_part(['bundled']) }}
        end as bundled_part,
        case
            when discount_mode <> 'columns' then 0
            else {{ discount_map_part(['spp', 'solution', 'distributor']) }}
        end as partner_part
    from line_items
),

final as (
    select
        -- ids
        billing_period,
        delivery_key,
        source_file,
        source_row_number,
        discount_mode,
        bill_payer_account_id as billing_account_id,
        line_item_usage_account_id as sub_account_id,

        -- what was used
        line_item_line_item_type as line_item_type,
        bill_billing_entity as billing_entity,
        line_item_product_code as service_code,
        product_product_name as service_name,
        line_item_usage_type as usage_type,
        line_item_operation as operation,
        coalesce(nullif(product_region_code, ''), nullif(product_region, ''), '') as region_id,
        pricing_unit as usage_unit,

        -- C0: only a non-empty ARN ties a row to a commitment.
        coalesce(
            nullif(reservation_reservation_a_r_n, ''), nullif(savings_plan_savings_plan_a_r_n, ''), ''
        ) as commitment_id,
        coalesce(reservation_reservation_a_r_n, '') <> '' as has_reservation,

        -- C1: split-cost allocation repeats costs that stand on the parent resource.
        (
            coalesce(split_line_item_parent_resource_id, '') <> ''
            or line_item_operation in ('EKSPod-EC2', 'ECSTask-EC2')
        ) as is_split_cost,

        -- P3: the usage start date, clamped into the billing period, decides membership.
        least(
            greatest(cast(coalesce(line_item_usage_start_date, billing_period) as date), billing_period),
            last_day(billing_period)
        ) as membership_date,

        -- R1: Parquet writes a missing public price as 0.
        case
            when coalesce(pricing_public_on_demand_cost, 0) = 0 then 'missing'
            when line_item_unblended_cost = 0 and pricing_public_on_demand_cost > 0 then 'free'
            else 'public'
        end as public_price,

        -- what exports show of a row, and no rule reads
        identity_line_item_id as line_item_id,
        identity_time_interval as time_interval,
        bill_bill_type as bill_type,
        line_item_usage_start_date as usage_start_at,
        line_item_usage_end_date as usage_end_at,
        line_item_availability_zone as availability_zone,
        line_item_resource_id as resource_id,
        line_item_line_item_description as line_item_description,
        resource_tags,

        coalesce(bill_invoice_id, '') as aws_invoice_id,
        -- G66: AWS's invoice shows data transfer as a service of its own, but not where it is part of the service's
        -- price list. AWS says so in the price list's service code; where that is missing, the usage type does.
        case
            when product_servicecode = 'AWSDataTransfer' then 'AWSDataTransfer'
            when
                coalesce(product_servicecode, '') = ''
                and line_item_product_code not in ('AmazonCloudFront', 'AmazonLightsail')
                and regexp_matches(line_item_usage_type, '(^|-)(DataTransfer-|AWS-(In|Out)-Bytes)')
                then 'AWSDataTransfer'
            else line_item_product_code
        end as invoice_service_code,

        bad_values,
        coalesce(bill_invoice_id, '') = '' and line_item_unblended_cost <> 0 as is_open,

        -- quantities and amounts
        coalesce(line_item_usage_amount, 0) as usage_quantity,
        -- G1b: hours in units of the smallest size; a size without a factor counts once.
        coalesce(
            nullif(line_item_normalized_usage_amount, 0),
            line_item_usage_amount * coalesce(nullif(line_item_normalization_factor, 0), 1),
            0
        ) as normalized_quantity,
        line_item_unblended_cost as unblended_cost,
        coalesce(pricing_public_on_demand_cost, 0) as public_on_demand_cost,

        -- The standard amortised cost of a row: what a commitment really cost where it was used, and its unused part
        -- on the fee.
        case line_item_line_item_type
            when 'DiscountedUsage' then coalesce(reservation_effective_cost, 0)
            when 'SavingsPlanCoveredUsage' then coalesce(savings_plan_savings_plan_effective_cost, 0)
            when 'SavingsPlanNegation' then 0
            when 'SavingsPlanUpfrontFee' then 0
            when 'RIFee'
                then
                    coalesce(reservation_unused_recurring_fee, 0)
                    + coalesce(reservation_unused_amortized_upfront_fee_for_billing_period, 0)
            when 'SavingsPlanRecurringFee'
                then coalesce(savings_plan_total_commitment_to_date, 0) - coalesce(savings_plan_used_commitment, 0)
            when 'Fee'
                then case
                    when coalesce(reservation_reservation_a_r_n, '') <> '' then 0
                    else line_item_unblended_cost
                end
            else line_item_unblended_cost
        end as effective_cost,

        -- RS6: what a commitment costs in the month, used or not, stands on its fee row.
        case line_item_line_item_type
            when 'RIFee'
                then
                    line_item_unblended_cost
                    + coalesce(reservation_amortized_upfront_fee_for_billing_period, 0)
            when 'SavingsPlanRecurringFee' then coalesce(savings_plan_total_commitment_to_date, 0)
            else 0
        end as commitment_cost,

        -- C2: in column mode the discount becomes charges of its own, which sum to net - unblended.
        case when has_net_cost then -bundled_part else 0 end as bundled_discount_cost,
        case when has_net_cost then -partner_part else 0 end as partner_discount_cost,
        case
            when has_net_cost
                then line_item_net_unblended_cost - line_item_unblended_cost + bundled_part + partner_part
            else 0
        end as negotiated_discount_cost
    from discounts_measured
)

select * from final
