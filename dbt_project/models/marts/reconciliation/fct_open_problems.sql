{# Work lists with their money: each row is something a person must decide before the period can be closed. #}
with

charges as (
    select * from {{ ref('fct_charges') }}
),

invoices as (
    select * from {{ ref('fct_invoices') }}
),

quarantined as (
    select
        billing_period,
        billing_group_id,
        billing_account_id,
        case when treatment_reason = 'unknown_type' then 'unknown_type' else 'bad_value' end as problem,
        case
            when treatment_reason = 'unknown_type' then line_item_type
            else substr(treatment_reason, length('bad_value:') + 1)
        end as subject,
        case
            when treatment_reason = 'unknown_type'
                then 'AWS sent a line item type that no charge type is mapped to; add it to the seed charge_types'
            else 'AWS sent a value that cannot be read in ' || line_item_type || ' rows'
        end as detail,
        row_count,
        aws_cost
    from charges
    where treatment = 'unrated'
),

unassigned as (
    select
        billing_period,
        billing_group_id,
        billing_account_id,
        'unassigned_account' as problem,
        sub_account_id as subject,
        'The account is in no billing group; assign it in account_assignments.csv' as detail,
        row_count,
        aws_cost
    from charges
    where billing_group_id = 'UNASSIGNED' and treatment = 'withheld'
),

not_final as (
    select
        billing_period,
        billing_group_id,
        billing_account_id,
        'not_final' as problem,
        sub_account_id as subject,
        'AWS has not put an invoice id on these rows yet' as detail,
        open_row_count as row_count,
        open_cost as aws_cost
    from charges
    where open_row_count > 0
),

missing_rates as (
    select
        billing_period,
        billing_group_id,
        '' as billing_account_id,
        'missing_fx_rate' as problem,
        currency as subject,
        'No rate from USD to ' || currency || ' for the period in fx_rates.csv; the draft stays in USD' as detail,
        0 as row_count,
        exact_amount_usd as aws_cost
    from invoices
    where fx_rate is null
),

problems as (
    select * from quarantined
    union all
    select * from unassigned
    union all
    select * from not_final
),

final as (
    select
        billing_period,
        billing_group_id,
        billing_account_id,
        problem,
        subject,
        detail,
        cast(sum(row_count) as bigint) as row_count,
        cast(sum(aws_cost) as decimal(38, 10)) as aws_cost
    from problems
    group by billing_period, billing_group_id, billing_account_id, problem, subject, detail
    union all
    select
        billing_period,
        billing_group_id,
        billing_account_id,
        problem,
        subject,
        detail,
        cast(row_count as bigint) as row_count,
        cast(0 as decimal(38, 10)) as aws_cost
    from missing_rates
)

select * from final
