{{ config(materialized='billing_period') }}
{# X1: what AWS charged a payer equals what was billed, withheld and left unrated, to the last decimal, and all of it
   belongs to groups that exist. The raw side is the control total taken when the delivery landed, so it does not pass
   through the models it proves. From the groups on, fct_group_reconciliation goes on to the documents. #}
with

deliveries as (
    select * from {{ source('raw', 'deliveries') }}
    where status = 'current' and is_billed and {{ is_current_period('billing_period') }}
),

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ is_current_period('billing_period') }}
),

billing_groups as (
    select * from {{ source('billing', 'billing_groups') }}
),

raw_amounts as (
    select
        billing_period,
        payer_account_id as billing_account_id,
        case when discount_mode = 'columns' then net_unblended_cost else unblended_cost end as amount
    from deliveries
),

charge_amounts as (
    select
        billing_period,
        billing_account_id,
        cast(sum(aws_cost) filter (where treatment = 'billed') as decimal(38, 10)) as billed_amount,
        cast(sum(aws_cost) filter (where treatment = 'withheld') as decimal(38, 10)) as withheld_amount,
        cast(sum(aws_cost) filter (where treatment = 'unrated') as decimal(38, 10)) as unrated_amount,
        cast(
            sum(aws_cost) filter (
                where billing_group_id = 'UNASSIGNED'
                or billing_group_id in (select billing_groups.billing_group_id from billing_groups)
            ) as decimal(38, 10)
        ) as groups_amount
    from charges
    group by billing_period, billing_account_id
),

compared as (
    select
        billing_period,
        billing_account_id,
        coalesce(raw_amounts.amount, 0) as raw_amount,
        coalesce(charge_amounts.billed_amount, 0) as billed_amount,
        coalesce(charge_amounts.withheld_amount, 0) as withheld_amount,
        coalesce(charge_amounts.unrated_amount, 0) as unrated_amount,
        coalesce(charge_amounts.groups_amount, 0) as groups_amount
    from raw_amounts
    full join charge_amounts using (billing_period, billing_account_id)
),

final as (
    select
        compared.billing_period,
        compared.billing_account_id,
        stages.stage,
        cast(stages.amount as decimal(38, 10)) as amount,
        cast(
            case
                when stages.stage = 'groups' then compared.raw_amount - compared.groups_amount
                else
                    compared.raw_amount - compared.billed_amount - compared.withheld_amount - compared.unrated_amount
            end as decimal(38, 10)
        ) as residual
    from compared
    cross join lateral (
        values
        ('raw', compared.raw_amount),
        ('billed', compared.billed_amount),
        ('withheld', compared.withheld_amount),
        ('unrated', compared.unrated_amount),
        ('groups', compared.groups_amount)
    ) as stages (stage, amount)
)

select * from final
