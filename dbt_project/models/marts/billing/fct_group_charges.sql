{{ config(materialized='billing_period') }}
{# Section 7: what is charged to a group as a whole, beside its rows. Each row says what base, percentage and weights
   made it: base x percentage, or the part of the base that weight / weight_total gives by largest remainder (M5). #}
with

shared_costs as (
    select * from {{ ref('int_group_charges__shared_costs') }}
    where {{ is_current_period('billing_period') }}
),

payer_savings as (
    select * from {{ ref('int_group_charges__payer_savings') }}
    where {{ is_current_period('billing_period') }}
),

custom_line_items as (
    select * from {{ ref('int_group_charges__custom_line_items') }}
    where {{ is_current_period('billing_period') }}
),

support as (
    select * from {{ ref('int_group_charges__support') }}
    where {{ is_current_period('billing_period') }}
),

minimum_commitments as (
    select * from {{ ref('int_group_charges__minimum_commitments') }}
    where {{ is_current_period('billing_period') }}
),

-- A union of DECIMALs of different scales takes the smaller one, in silence: so each branch has the same types.
unioned as (
    select
        'shared_cost' as kind,
        shared_costs.* replace (
            cast(base_amount as decimal(38, 20)) as base_amount,
            cast(billed_cost as decimal(38, 24)) as billed_cost
        )
    from shared_costs
    union all by name
    select
        'shared_cost' as kind,
        payer_savings.* replace (
            cast(base_amount as decimal(38, 20)) as base_amount,
            cast(billed_cost as decimal(38, 24)) as billed_cost
        )
    from payer_savings
    union all by name
    select
        'custom_line_item' as kind,
        custom_line_items.* replace (
            cast(base_amount as decimal(38, 20)) as base_amount,
            cast(billed_cost as decimal(38, 24)) as billed_cost
        )
    from custom_line_items
    union all by name
    select
        'support' as kind,
        'Support, ' || support.source_id as description,
        support.* replace (
            cast(base_amount as decimal(38, 20)) as base_amount,
            cast(billed_cost as decimal(38, 24)) as billed_cost
        )
    from support
    union all by name
    select
        'minimum_commitment' as kind,
        'Minimum commitment' as description,
        'TRUE_UP' as method,
        minimum_commitments.* replace (
            cast(base_amount as decimal(38, 20)) as base_amount,
            cast(billed_cost as decimal(38, 24)) as billed_cost
        )
    from minimum_commitments
),

final as (
    select
        billing_period,
        billing_group_id,
        kind,
        coalesce(source_id, '') as source_id,
        sub_account_id,
        coalesce(service_code, '') as service_code,
        coalesce(part, '') as part,
        description,
        method,
        coalesce(calculation, '') as calculation,
        base_amount,
        percentage,
        cast(split_amount as decimal(38, 10)) as split_amount,
        weight,
        weight_total,
        coalesce(is_equal_split, false) as is_equal_split,
        committed_amount,
        billed_cost
    from unioned
)

select * from final
