{# One row per account and range of dates in a billing group, and the settings that membership needs. #}
with

account_assignments as (
    select * from {{ source('billing', 'account_assignments') }}
),

final as (
    select
        account_id as sub_account_id,
        billing_group_id,
        start_date,
        coalesce(end_date, date '9999-12-31') as end_date
    from account_assignments
)

select * from final
