with

charges as (
    select * from {{ ref('fct_charges') }}
),

final as (
    select
        sub_account_id,
        -- Where it stands now: its latest period, and inside that its latest dated row.
        arg_max(billing_account_id, (billing_period, coalesce(charge_date, billing_period), billing_account_id))
            as billing_account_id,
        arg_max(billing_group_id, (billing_period, coalesce(charge_date, billing_period), billing_group_id))
            as billing_group_id,
        min(billing_period) as first_period,
        max(billing_period) as last_period
    from charges
    group by sub_account_id
)

select * from final
