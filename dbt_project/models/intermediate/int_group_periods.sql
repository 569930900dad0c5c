{# One row per billing group that exists in a built period, whether or not anything was used: what charges of the
   whole group (section 7) start from. *Rated charges* are what sections 4 to 6 bill, AWS tax left out: the base of
   G1, G3 and G5. #}
with

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ is_current_period('billing_period') }}
),

billing_groups as (
    select * from {{ source('billing', 'billing_groups') }}
),

billing_terms as (
    select * from {{ source('billing', 'billing_terms') }}
),

built_periods as (
    select distinct billing_period from charges
),

rated as (
    select
        billing_period,
        billing_group_id,
        cast(sum(billed_cost) as decimal(38, 20)) as rated_charges
    from charges
    where treatment = 'billed' and charge_type <> 'aws_tax'
    group by billing_period, billing_group_id
),

final as (
    select
        built_periods.billing_period,
        billing_groups.billing_group_id,
        billing_groups.primary_account_id,
        billing_terms.support_policy,
        billing_terms.support_plan_id,
        coalesce(rated.rated_charges, cast(0 as decimal(38, 20))) as rated_charges
    from built_periods
    inner join billing_groups
        on
            built_periods.billing_period >= billing_groups.start_period
            and (billing_groups.end_period is null or built_periods.billing_period < billing_groups.end_period)
    left join billing_terms
        on
            billing_groups.billing_group_id = billing_terms.billing_group_id
            and built_periods.billing_period >= billing_terms.start_period
            and (billing_terms.end_period is null or built_periods.billing_period < billing_terms.end_period)
    left join rated
        on
            built_periods.billing_period = rated.billing_period
            and billing_groups.billing_group_id = rated.billing_group_id
)

select * from final
