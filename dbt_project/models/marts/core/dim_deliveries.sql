with

deliveries as (
    select * from {{ source('raw', 'deliveries') }}
),

final as (
    select
        delivery_key,
        payer_account_id,
        export_name,
        billing_period,
        delivery_id,
        form,
        manifest_key,
        manifest_modified_at,
        status,
        reason,
        is_billed,
        landed_at,
        row_count,
        file_count,
        byte_count,
        unblended_cost,
        net_unblended_cost,
        split_cost_row_count,
        excess_decimal_row_count,
        excess_decimal_sum,
        bad_value_row_count,
        discount_mode,
        open_row_count,
        open_cost,
        first_usage_at,
        last_usage_at,
        column_count
    from deliveries
)

select * from final
