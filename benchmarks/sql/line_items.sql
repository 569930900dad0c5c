-- The rows of one delivery: one payer, one billing period. Variables: seed, payer_number, period, first_row (of all
-- deliveries), row_count. Amounts are whole numbers of 1e-10, as everywhere in CUR.

-- What a row is, in numbers only; fees are summed up from what they pay for.
create or replace temp table drawn as
with

numbered as (
    select
        getvariable('first_row') + position as row_number,
        position,
        -- One fee row for each reservation and Savings Plan of the payer.
        greatest(least(getvariable('row_count') // 500, 400), 1) as reservation_count,
        greatest(least(getvariable('row_count') // 2000, 40), 1) as savings_plan_count
    from range(getvariable('row_count')) as rows (position)
),

typed as (
    select
        *,
        case
            when position < reservation_count then 'RIFee'
            when position < reservation_count + savings_plan_count then 'SavingsPlanRecurringFee'
            -- Covered usage and its negation are neighbours: an even row number and the odd one after it.
            when
                draw(row_number >> 1, 1) % 10000 < 1100
                and position - row_number % 2 >= reservation_count + savings_plan_count
                and position - row_number % 2 + 1 < getvariable('row_count')
                then case row_number % 2 when 0 then 'SavingsPlanCoveredUsage' else 'SavingsPlanNegation' end
            else case
                when draw(row_number, 2) % 8900 < 250 then 'DiscountedUsage'
                when draw(row_number, 2) % 8900 < 255 then 'Fee'
                when draw(row_number, 2) % 8900 < 295 then 'Credit'
                when draw(row_number, 2) % 8900 < 300 then 'Refund'
                when draw(row_number, 2) % 8900 < 340 then 'Tax'
                when draw(row_number, 2) % 8900 < 375 then 'EdpDiscount'
                else 'Usage'
            end
        end as line_item_type
    from numbered
),

-- A covered row and its negation agree in everything that is drawn.
keyed as (
    select
        *,
        case
            when line_item_type in ('SavingsPlanCoveredUsage', 'SavingsPlanNegation') then (row_number >> 1) << 1
            else row_number
        end as drawing
    from typed
),

committed as (
    select
        *,
        case
            when line_item_type = 'RIFee' then position
            when line_item_type = 'DiscountedUsage' then pick_very_skewed(draw(drawing, 3), reservation_count)
        end as reservation_number,
        case
            when line_item_type = 'SavingsPlanRecurringFee' then position - reservation_count
            when line_item_type in ('SavingsPlanCoveredUsage', 'SavingsPlanNegation')
                then pick_very_skewed(draw(drawing, 4), savings_plan_count)
        end as savings_plan_number
    from keyed
),

placed as (
    select
        *,
        case
            when line_item_type = 'RIFee' then reservation_number * 7 % 100
            when line_item_type = 'SavingsPlanRecurringFee' then savings_plan_number * 11 % 100
            when line_item_type = 'DiscountedUsage'
                then (reservation_number * 7 + greatest(pick(draw(drawing, 5), 6) - 3, 0)) % 100
            else pick_very_skewed(draw(drawing, 5), 100)
        end as number_in_payer
    from committed
),

used as (
    select
        *,
        -- 150 usage types of each account, the first ones far more often; commitments cover instances.
        case
            when line_item_type in ('RIFee', 'DiscountedUsage') then reservation_number % 50
            when savings_plan_number is not null then pick_very_skewed(draw(drawing, 6), 50)
            else (number_in_payer * 37 + pick_very_skewed(draw(drawing, 6), 150) * 20) % 3000
        end as usage_type_number,
        -- Quantities have four decimals, prices six.
        1 + draw(drawing, 7) % 20000 as quantity,
        draw(drawing, 8) % 100 as chance
    from placed
),

priced as (
    select
        used.* exclude (quantity),
        usage_types.service_number,
        usage_types.is_marketplace,
        case
            when used.line_item_type in ('Credit', 'Refund', 'Tax', 'EdpDiscount') then null
            when used.line_item_type in ('Fee', 'RIFee', 'SavingsPlanRecurringFee') then 10000000000
            else used.quantity * 1000000
        end as usage_amount,
        usage_types.price * used.quantity as list_cost
    from used
    inner join usage_types on used.usage_type_number = usage_types.usage_type_number
)

select
    *,
    case
        when line_item_type = 'DiscountedUsage' then list_cost * 6 // 10
        when line_item_type = 'SavingsPlanCoveredUsage' then list_cost * 7 // 10
    end as effective_cost,
    case line_item_type
        when 'Usage'
            then case
                -- Mostly the public price; some private, some free, and some without any (spot, Marketplace).
                when is_marketplace or chance < 88 then list_cost
                when chance < 93 then list_cost * 9 // 10
                when chance < 97 then 0
                else list_cost * 4 // 10
            end
        when 'DiscountedUsage' then 0
        when 'SavingsPlanCoveredUsage' then list_cost
        when 'SavingsPlanNegation' then -list_cost
        when 'Fee' then 100000000000 + draw(drawing, 9) * 1000
        when 'Tax' then draw(drawing, 9) * 10
        else -draw(drawing, 9) * 10
    end as unblended_cost,
    case
        when line_item_type in ('DiscountedUsage', 'SavingsPlanCoveredUsage') then list_cost
        when line_item_type = 'Usage' and not is_marketplace and chance < 97 then list_cost
    end as public_on_demand_cost
from priced;

create or replace temp table commitment_costs as
select reservation_number, savings_plan_number, sum(effective_cost)::bigint as used_cost
from drawn
where effective_cost is not null
group by all;

-- The same rows with all that CUR says about them. Columns that CUR has and this relation lacks are empty.
create or replace temp view line_items as
with

fees as (
    select
        drawn.* replace (
            case line_item_type
                when 'RIFee' then coalesce(used_cost, 0) + 250000000000
                when 'SavingsPlanRecurringFee' then coalesce(used_cost, 0) + 400000000000
                else unblended_cost
            end as unblended_cost
        ),
        case when line_item_type in ('RIFee', 'SavingsPlanRecurringFee') then coalesce(used_cost, 0) end as used_cost
    from drawn
    left join commitment_costs
        on
            drawn.line_item_type in ('RIFee', 'SavingsPlanRecurringFee')
            and drawn.reservation_number is not distinct from commitment_costs.reservation_number
            and drawn.savings_plan_number is not distinct from commitment_costs.savings_plan_number
),

timed as (
    select
        fees.*,
        getvariable('period')::timestamp as period_start,
        getvariable('period')::timestamp + interval 1 month as period_end,
        line_item_type in ('RIFee', 'SavingsPlanRecurringFee', 'Fee', 'Tax', 'EdpDiscount') as is_monthly,
        -- Files are in order of time, more or less as AWS writes them.
        getvariable('period')::timestamp + to_hours(
            (position * date_diff('hour', getvariable('period'), getvariable('period') + interval 1 month))
            // getvariable('row_count')
        ) as hour_start,
        draw(drawing, 10) as resource_draw
    from fees
),

dated as (
    select
        *,
        case when is_monthly then period_start else hour_start end as usage_start,
        case when is_monthly then period_end else hour_start + interval 1 hour end as usage_end
    from timed
)

select
    rows.position,
    -- identity and bill
    md5(rows.row_number::varchar) || substr(md5('id' || rows.row_number), 1, 20) as identity_line_item_id,
    strftime(rows.usage_start, '%Y-%m-%dT%H:%M:%SZ/') || strftime(rows.usage_end, '%Y-%m-%dT%H:%M:%SZ')
        as identity_time_interval,
    strftime(rows.period_start, '%y%m') || (1000 + payers.payer_number * 2 + rows.is_marketplace::int) as bill_invoice_id,
    'Amazon Web Services, Inc.' as bill_invoicing_entity,
    case when rows.is_marketplace then 'AWS Marketplace' else 'AWS' end as bill_billing_entity,
    case rows.line_item_type when 'Refund' then 'Refund' when 'Fee' then 'Purchase' else 'Anniversary' end
        as bill_bill_type,
    payers.payer_account_id as bill_payer_account_id,
    payers.export_name as bill_payer_account_name,
    rows.period_start as bill_billing_period_start_date,
    rows.period_end as bill_billing_period_end_date,
    -- line item
    accounts.account_id as line_item_usage_account_id,
    'workload-' || accounts.account_number as line_item_usage_account_name,
    rows.line_item_type as line_item_line_item_type,
    rows.usage_start as line_item_usage_start_date,
    rows.usage_end as line_item_usage_end_date,
    types.product_code as line_item_product_code,
    types.usage_type as line_item_usage_type,
    types.operation as line_item_operation,
    case when types.instance_type is not null then types.region_code || ['a', 'b', 'c'][1 + rows.resource_draw % 3] end
        as line_item_availability_zone,
    case
        when rows.usage_amount is null or rows.is_monthly then null
        when types.service_number = 0 then 'i-0' || substr(md5((rows.resource_draw % 5000)::varchar), 1, 16)
        else 'arn:aws:' || lower(types.product_code) || ':' || types.region_code || ':' || accounts.account_id
            || ':resource/' || types.usage_type_number || '-' || rows.resource_draw % 40
    end as line_item_resource_id,
    rows.usage_amount as line_item_usage_amount,
    case when rows.usage_amount is not null then types.size_factor * 10000000000 end as line_item_normalization_factor,
    case when rows.usage_amount is not null then types.size_factor * rows.usage_amount end
        as line_item_normalized_usage_amount,
    'USD' as line_item_currency_code,
    case when rows.usage_amount is not null then types.rate_text end as line_item_unblended_rate,
    rows.unblended_cost as line_item_unblended_cost,
    case when rows.usage_amount is not null then types.rate_text end as line_item_blended_rate,
    rows.unblended_cost as line_item_blended_cost,
    case rows.line_item_type
        when 'Usage' then '$' || types.rate_text || ' per ' || types.unit || ' of ' || types.usage_type
        when 'SavingsPlanNegation' then 'SavingsPlanNegation used by AccountId : ' || accounts.account_id
        when 'Tax' then 'Tax for product code ' || types.product_code
        else rows.line_item_type || ', ' || types.product_name
    end as line_item_line_item_description,
    case rows.line_item_type when 'Tax' then 'USSalesTax' end as line_item_tax_type,
    'Amazon Web Services, Inc.' as line_item_legal_entity,
    -- pricing
    'USD' as pricing_currency,
    rows.public_on_demand_cost as pricing_public_on_demand_cost,
    case when rows.public_on_demand_cost is not null then types.rate_text end as pricing_public_on_demand_rate,
    case
        when rows.line_item_type in ('DiscountedUsage', 'RIFee') then 'Reserved'
        when rows.usage_amount is not null then 'OnDemand'
    end as pricing_term,
    case when rows.usage_amount is not null then types.unit end as pricing_unit,
    case when rows.usage_amount is not null then types.sku || '.JRTCKXETXF.6YS6EN2CT7' end as pricing_rate_code,
    case when rows.usage_amount is not null then (7000000000 + rows.usage_type_number * 7)::varchar end
        as pricing_rate_id,
    case when rows.reservation_number is not null then '1yr' end as pricing_lease_contract_length,
    case when rows.reservation_number is not null then 'standard' end as pricing_offering_class,
    case when rows.reservation_number is not null then 'No Upfront' end as pricing_purchase_option,
    -- product
    types.product_name as product_product_name,
    types.product_code as product_servicecode,
    types.product_name as product_servicename,
    case when types.instance_type is not null then 'Compute Instance' else 'Storage' end as product_product_family,
    types.region_code as product_region,
    types.region_code as product_region_code,
    types.sku as product_sku,
    types.instance_type as product_instance_type,
    split_part(types.instance_type, '.', 1) as product_instance_type_family,
    case when types.instance_type is not null then 'General purpose' end as product_instance_family,
    types.usage_type as product_usagetype,
    types.operation as product_operation,
    types.location as product_location,
    'AWS Region' as product_location_type,
    case when types.instance_type is not null then 'Linux' end as product_operating_system,
    case when types.instance_type is not null then 'Shared' end as product_tenancy,
    case when types.instance_type is not null then (types.size_factor / 2)::int::varchar end as product_vcpu,
    case when types.instance_type is not null then types.size_factor::varchar || ' GiB' end as product_memory,
    types.size_factor::varchar as product_normalization_size_factor,
    case when types.instance_type is not null then 'Up to 12.5 Gigabit' end as product_network_performance,
    case when types.instance_type is not null then 'Yes' end as product_current_generation,
    case when types.instance_type is null then '99.999999999%' end as product_durability,
    case when types.instance_type is null then 'ELB-' || types.unit end as product_group,
    case when types.instance_type is not null then 'No License required' end as product_license_model,
    case when types.instance_type is not null then 'Intel Xeon 8375C (Ice Lake)' end as product_physical_processor,
    -- commitments
    case
        when rows.reservation_number is not null
            then 'arn:aws:ec2:' || types.region_code || ':' || owners.account_id || ':reserved-instances/'
            || substr(md5('ri' || payers.payer_number || '/' || rows.reservation_number), 1, 24)
    end as reservation_reservation_a_r_n,
    case when rows.reservation_number is not null then (10000000 + rows.reservation_number)::varchar end
        as reservation_subscription_id,
    case when rows.line_item_type = 'DiscountedUsage' then rows.effective_cost end as reservation_effective_cost,
    case when rows.line_item_type = 'DiscountedUsage' then rows.effective_cost end
        as reservation_recurring_fee_for_usage,
    case when rows.line_item_type = 'RIFee' then 250000000000 end as reservation_unused_recurring_fee,
    case when rows.line_item_type = 'RIFee' then 20000000000 end as reservation_unused_quantity,
    case when rows.line_item_type = 'RIFee' then '1' end as reservation_number_of_reservations,
    case when rows.line_item_type = 'RIFee' then '1' end as reservation_units_per_reservation,
    case when rows.line_item_type = 'RIFee' then types.size_factor::varchar end
        as reservation_normalized_units_per_reservation,
    case when rows.line_item_type = 'RIFee' then (types.size_factor * 720)::varchar end
        as reservation_total_reserved_normalized_units,
    case when rows.line_item_type = 'RIFee' then types.size_factor * 20000000000 end
        as reservation_unused_normalized_unit_quantity,
    case when rows.line_item_type = 'RIFee' then types.region_code || 'a' end as reservation_availability_zone,
    case when rows.line_item_type = 'RIFee' then 'Original' end as reservation_modification_status,
    case when rows.line_item_type = 'RIFee' then '720.0' end as reservation_total_reserved_units,
    case when rows.reservation_number is not null then '2024-01-01T00:00:00.000Z' end as reservation_start_time,
    case when rows.reservation_number is not null then '2027-01-01T00:00:00.000Z' end as reservation_end_time,
    case
        when rows.savings_plan_number is not null
            then 'arn:aws:savingsplans::' || owners.account_id || ':savingsplan/'
            || substr(md5('sp' || payers.payer_number || '/' || rows.savings_plan_number), 1, 24)
    end as savings_plan_savings_plan_a_r_n,
    case when rows.line_item_type = 'SavingsPlanCoveredUsage' then rows.effective_cost end
        as savings_plan_savings_plan_effective_cost,
    case when rows.line_item_type = 'SavingsPlanCoveredUsage' then types.rate_text end
        as savings_plan_savings_plan_rate,
    case when rows.line_item_type = 'SavingsPlanRecurringFee' then rows.used_cost + 400000000000 end
        as savings_plan_total_commitment_to_date,
    case when rows.line_item_type = 'SavingsPlanRecurringFee' then rows.used_cost end as savings_plan_used_commitment,
    case when rows.line_item_type = 'SavingsPlanRecurringFee' then rows.used_cost + 400000000000 end
        as savings_plan_recurring_commitment_for_billing_period,
    case when rows.savings_plan_number is not null then 'ComputeSavingsPlans' end as savings_plan_offering_type,
    case when rows.savings_plan_number is not null then 'No Upfront' end as savings_plan_payment_option,
    case when rows.savings_plan_number is not null then '1yr' end as savings_plan_purchase_term,
    case when rows.savings_plan_number is not null then '2024-01-01T00:00:00.000Z' end as savings_plan_start_time,
    case when rows.savings_plan_number is not null then '2027-01-01T00:00:00.000Z' end as savings_plan_end_time,
    case when rows.savings_plan_number is not null then types.region_code end as savings_plan_region,
    -- tags and cost categories; some resources have none
    case when rows.resource_draw % 10 < 9 then ['production', 'staging', 'development'][1 + rows.resource_draw % 3] end
        as tag_environment,
    case when rows.resource_draw % 10 < 8 then 'CC-' || rows.resource_draw % 60 end as tag_cost_center,
    case when rows.resource_draw % 10 < 7 then 'team-' || rows.resource_draw % 45 end as tag_owner,
    case when rows.resource_draw % 10 < 5 then 'project-' || rows.resource_draw % 400 end as tag_project,
    case when rows.resource_draw % 10 < 3 then 'eks-' || rows.resource_draw % 12 end as tag_cluster,
    'unit-' || accounts.account_number % 9 as business_unit
from dated as rows
inner join usage_types as types on rows.usage_type_number = types.usage_type_number
inner join payers on payers.payer_number = getvariable('payer_number')
inner join accounts
    on accounts.payer_number = payers.payer_number and rows.number_in_payer = accounts.number_in_payer
left join accounts as owners
    on
        owners.payer_number = payers.payer_number
        and owners.number_in_payer
        = coalesce(rows.reservation_number * 7 % 100, rows.savings_plan_number * 11 % 100);
