with

deliveries as (
    select * from {{ source('raw', 'deliveries') }}
),

-- One delivery is current in each payer's export and period; what it replaced says so.
replacements as (
    select
        payer_account_id,
        export_name,
        billing_period,
        max(delivery_id) as delivery_id
    from deliveries
    where status = 'current'
    group by payer_account_id, export_name, billing_period
),

final as (
    select
        deliveries.delivery_key,
        deliveries.payer_account_id,
        deliveries.export_name,
        deliveries.billing_period,
        deliveries.delivery_id,
        deliveries.form,
        deliveries.manifest_key,
        deliveries.manifest_modified_at,
        deliveries.status,
        case
            when deliveries.status = 'superseded' and deliveries.reason = '' and replacements.delivery_id is not null
                then 'Replaced by ' || replacements.delivery_id
            else deliveries.reason
        end as reason,
        deliveries.is_billed,
        deliveries.landed_at,
        deliveries.row_count,
        deliveries.file_count,
        deliveries.byte_count,
        deliveries.unblended_cost,
        deliveries.net_unblended_cost,
        deliveries.split_cost_row_count,
        deliveries.excess_decimal_row_count,
        deliveries.excess_decimal_sum,
        deliveries.bad_value_row_count,
        deliveries.discount_mode,
        deliveries.open_row_count,
        deliveries.open_cost,
        deliveries.first_usage_at,
        deliveries.last_usage_at,
        deliveries.column_count,
        deliveries.fingerprint
    from deliveries
    left join replacements
        on
            deliveries.payer_account_id = replacements.payer_account_id
            and deliveries.export_name = replacements.export_name
            and deliveries.billing_period = replacements.billing_period
)

select * from final
