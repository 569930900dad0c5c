with

customers as (
    select * from {{ source('billing', 'customers') }}
),

final as (
    select
        customer_id,
        legal_name,
        address,
        postal_code,
        city,
        subdivision,
        country_code,
        tax_id,
        currency,
        payment_terms_days,
        email,
        language
    from customers
)

select * from final
