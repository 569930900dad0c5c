with

charges as (
    select * from {{ ref('fct_charges') }}
),

period_builds as (
    select * from {{ source('raw', 'period_builds') }}
),

summed as (
    select
        billing_period,
        sum(open_row_count) = 0 as is_final,
        cast(sum(row_count) as bigint) as row_count,
        cast(sum(aws_cost) as decimal(38, 10)) as aws_cost
    from charges
    group by billing_period
),

final as (
    select
        summed.billing_period,
        summed.is_final,
        summed.row_count,
        summed.aws_cost,
        period_builds.built_at,
        period_builds.fingerprint
    from summed
    left join period_builds on summed.billing_period = period_builds.billing_period
)

select * from final
