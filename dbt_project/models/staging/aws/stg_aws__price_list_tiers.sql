{# R8: where several files give one SKU a ladder from the same day on, the newest publication holds. #}
with

tiers as (
    select * from {{ source('raw', 'price_list_tiers') }}
),

newest as (
    select *
    from tiers
    qualify
        dense_rank() over (partition by sku, effective_date order by published_at desc, source_file desc) = 1
),

ladders as (
    select
        sku,
        effective_date,
        lead(effective_date) over (partition by sku order by effective_date) as superseded_date,
        string_agg(
            concat_ws(' ', tier_start, coalesce(cast(tier_end as varchar), 'Inf'), rate), ', ' order by tier_start
        ) as ladder,
        count(*) as tier_count,
        count(*) filter (where rate = 0) > 0 as has_free_tier,
        arg_min(rate, tier_start) filter (where rate > 0) as first_paid_rate
    from newest
    group by sku, effective_date
),

final as (
    select
        -- ids
        newest.sku,
        newest.effective_date,
        ladders.superseded_date,
        newest.source_file,
        newest.published_at,

        -- what it prices
        newest.service_code,
        newest.usage_type,
        newest.operation,
        newest.region_code as region_id,
        newest.unit as usage_unit,

        -- the ladder as a whole
        ladders.ladder,
        ladders.tier_count > 1 and ladders.first_paid_rate is not null as is_tiered,
        ladders.has_free_tier,
        ladders.first_paid_rate,

        -- the tier
        newest.tier_start,
        newest.tier_end,
        newest.rate
    from newest
    inner join ladders on newest.sku = ladders.sku and newest.effective_date = ladders.effective_date
)

select * from final
