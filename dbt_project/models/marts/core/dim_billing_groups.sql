with

billing_groups as (
    select * from {{ source('billing', 'billing_groups') }}
),

final as (
    select
        billing_group_id,
        billing_group_name,
        customer_id,
        issuer_id,
        primary_account_id,
        auto_associate,
        start_period,
        end_period
    from billing_groups
    union all
    -- P4: what belongs to no group stays visible here and is never invoiced.
    select
        'UNASSIGNED' as billing_group_id,
        'Unassigned accounts' as billing_group_name,
        null as customer_id,
        null as issuer_id,
        null as primary_account_id,
        false as auto_associate,
        null as start_period,
        null as end_period
)

select * from final
