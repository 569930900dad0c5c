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
        'charges__grain' as check_id,
        concat_ws(' ', billing_period, billing_account_id, sub_account_id) as failing_row,
        concat_ws(
            ' ', 'grain', grain_totals.row_count, 'rows', grain_totals.aws_cost, 'charges', charge_totals.row_count,
            'rows', charge_totals.aws_cost
        ) as found
    from grain_totals
    full join charge_totals using (billing_period, billing_account_id, sub_account_id)
    where
        grain_totals.row_count is distinct from charge_totals.row_count
        or grain_totals.usage_quantity is distinct from charge_totals.usage_quantity
        or grain_totals.aws_cost is distinct from charge_totals.aws_cost
    union all
    select
        'charges__reasons' as check_id,
        concat_ws(' ', billing_period, billing_group_id, sub_account_id, service_code, usage_type) as failing_row,
        concat_ws(' ', treatment, treatment_reason, aws_cost) as found
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
        'charges__billed_beside' as check_id,
        concat_ws(' ', billing_period, billing_group_id, sub_account_id, service_code, usage_type) as failing_row,
        concat_ws(' ', treatment, billed_cost) as found
    from charges
    where treatment <> 'billed' and billed_cost <> 0
    union all
    select
        'charges__factors' as check_id,
        concat_ws(' ', billing_period, billing_group_id, sub_account_id, service_code, usage_type) as failing_row,
        concat_ws(' ', rating_base, 'x', rating_factor, 'is not', billed_cost) as found
    from charges
    where rating_factor is not null and rating_base * rating_factor <> billed_cost
    union all
    select
        'charges__complete' as check_id,
        concat_ws(' ', billing_period, billing_account_id, sub_account_id, billing_group_id, charge_type)
            as failing_row,
        concat_ws(' ', 'AWS cost', coalesce(cast(aws_cost as varchar), 'none')) as found
    from charges
    where
        billing_group_id is null or sub_account_id is null or charge_type is null or billed_cost is null
        or list_cost is null or aws_cost is null
)

select * from failures
