{{ config(meta={'dagster': {'ref': {'name': 'fct_charges'}}}) }}
{# A row here means that a CUR row was lost, doubled, or billed and withheld at once between the grain and the
   charges. #}
with

grain as (
    select * from {{ ref('int_usage_grain') }}
    where {{ in_built_periods('billing_period') }}
),

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ in_built_periods('billing_period') }}
),

grain_totals as (
    select
        billing_period,
        billing_account_id,
        sub_account_id,
        sum(row_count) as row_count,
        sum(usage_quantity) as usage_quantity,
        sum(unblended_cost + bundled_discount_cost + partner_discount_cost + negotiated_discount_cost) as aws_cost
    from grain
    group by billing_period, billing_account_id, sub_account_id
),

charge_totals as (
    select
        billing_period,
        billing_account_id,
        sub_account_id,
        sum(row_count) as row_count,
        sum(usage_quantity) as usage_quantity,
        sum(aws_cost) as aws_cost
    from charges
    group by billing_period, billing_account_id, sub_account_id
),

failures as (
    select
        'charges <> grain' as check_name,
        concat_ws(
            ' ', billing_period, billing_account_id, sub_account_id, grain_totals.row_count, charge_totals.row_count,
            grain_totals.aws_cost, charge_totals.aws_cost
        ) as detail
    from grain_totals
    full join charge_totals using (billing_period, billing_account_id, sub_account_id)
    where
        grain_totals.row_count is distinct from charge_totals.row_count
        or grain_totals.usage_quantity is distinct from charge_totals.usage_quantity
        or grain_totals.aws_cost is distinct from charge_totals.aws_cost
    union all
    select
        'treatment and reason disagree (F5)' as check_name,
        concat_ws(' ', billing_period, sub_account_id, treatment, treatment_reason) as detail
    from charges
    where
        treatment not in ('billed', 'withheld', 'unrated')
        or (treatment = 'billed') <> (treatment_reason = '')
        or (
            treatment_reason not in (
                '', 'policy', 'partner_discount', 'aws_tax', 'shared_cost', 'commitment_outside_group', 'unassigned',
                'unknown_type'
            )
            and not starts_with(treatment_reason, 'bad_value:')
        )
    union all
    select
        'something is billed on a row that is not' as check_name,
        concat_ws(' ', billing_period, sub_account_id, treatment, billed_cost) as detail
    from charges
    where treatment <> 'billed' and billed_cost <> 0
    union all
    select
        'base x factor <> billed cost (R9)' as check_name,
        concat_ws(' ', billing_period, sub_account_id, rating_base, rating_factor, billed_cost) as detail
    from charges
    where rating_factor is not null and rating_base * rating_factor <> billed_cost
    union all
    select
        'row without group, account or charge type' as check_name,
        concat_ws(' ', billing_period, billing_account_id, sub_account_id, billing_group_id, charge_type) as detail
    from charges
    where
        billing_group_id is null or sub_account_id is null or charge_type is null or billed_cost is null
        or list_cost is null or aws_cost is null
)

select * from failures
