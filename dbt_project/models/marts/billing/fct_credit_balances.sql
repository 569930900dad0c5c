{# K5: what each customer credit was, is and will not be any more. Expired is what was left of a credit that no period
   after the newest built one can draw on (K3). #}
with

credits as (
    select * from {{ source('billing', 'credits') }}
),

credit_ledger as (
    select * from {{ ref('fct_credit_ledger') }}
),

newest_period as (
    select max(billing_period) as billing_period from {{ ref('fct_invoices') }}
),

drawn as (
    select
        credit_id,
        cast(coalesce(sum(amount) filter (where state = 'issued'), 0) as decimal(22, 4)) as issued_amount,
        cast(coalesce(sum(amount) filter (where state = 'draft'), 0) as decimal(22, 4)) as draft_amount
    from credit_ledger
    group by credit_id
),

measured as (
    select
        credits.credit_id,
        credits.billing_group_id,
        credits.description,
        credits.currency,
        credits.status,
        credits.start_date,
        credits.end_date,
        cast(credits.amount as decimal(22, 4)) as granted_amount,
        coalesce(drawn.issued_amount, cast(0 as decimal(22, 4))) as issued_amount,
        coalesce(drawn.draft_amount, cast(0 as decimal(22, 4))) as draft_amount,
        coalesce(credits.end_date <= newest_period.billing_period + interval 1 month, false) as is_expired
    from credits
    cross join newest_period
    left join drawn on credits.credit_id = drawn.credit_id
),

final as (
    select
        credit_id,
        billing_group_id,
        description,
        currency,
        status,
        start_date,
        end_date,
        granted_amount,
        issued_amount,
        draft_amount,
        cast(
            case when is_expired then -(granted_amount + issued_amount + draft_amount) else 0 end as decimal(22, 4)
        ) as expired_amount,
        cast(
            case when is_expired then 0 else granted_amount + issued_amount + draft_amount end as decimal(22, 4)
        ) as balance_amount
    from measured
)

select * from final
