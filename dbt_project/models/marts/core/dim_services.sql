with

charges as (
    select * from {{ ref('fct_charges') }}
),

final as (
    select
        service_code,
        -- AWS renames products; the newest name is the one people know.
        coalesce(
            nullif(arg_max(service_name, (billing_period, service_name)) filter (where service_name <> ''), ''),
            service_code
        ) as service_name
    from charges
    group by service_code
)

select * from final
