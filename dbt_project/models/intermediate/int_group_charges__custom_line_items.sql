{# G2, G3: charges and credits of our own. Flat items are themselves; a percentage item takes its part of the group's
   rated charges and shared costs, and of the flat items that it names, never of another percentage item. #}
with

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ is_current_period('billing_period') }}
),

group_periods as (
    select * from {{ ref('int_group_periods') }}
    where {{ is_current_period('billing_period') }}
),

shared_costs as (
    select * from {{ ref('int_group_charges__shared_costs') }}
    where {{ is_current_period('billing_period') }}
),

payer_savings as (
    select * from {{ ref('int_group_charges__payer_savings') }}
    where {{ is_current_period('billing_period') }}
),

custom_line_items as (
    select * from {{ source('billing', 'custom_line_items') }}
),

items as (
    select
        group_periods.billing_period,
        custom_line_items.billing_group_id,
        custom_line_items.custom_line_item_id,
        coalesce(nullif(custom_line_items.account_id, ''), group_periods.primary_account_id) as sub_account_id,
        custom_line_items.description,
        custom_line_items.calculation,
        coalesce(custom_line_items.computation_rule, '') as computation_rule,
        coalesce(custom_line_items.line_item_filter, '') as line_item_filter,
        coalesce(custom_line_items.filter_service_code, '') as filter_service_code,
        coalesce(custom_line_items.presentation_service, '') as presentation_service,
        coalesce(custom_line_items.associated_item_ids, '') as associated_item_ids,
        case custom_line_items.charge_type when 'CREDIT' then -1 else 1 end as sign,
        custom_line_items.amount,
        custom_line_items.percentage
    from group_periods
    inner join custom_line_items
        on
            group_periods.billing_group_id = custom_line_items.billing_group_id
            and group_periods.billing_period >= custom_line_items.start_period
            and (
                custom_line_items.end_period is null
                or group_periods.billing_period < custom_line_items.end_period
            )
),

flat_items as (
    select
        items.*,
        cast(amount * sign as decimal(38, 20)) as flat_cost
    from items
    where calculation = 'FLAT'
),

percentage_items as (
    select * from items
    where calculation = 'PERCENTAGE'
),

service_charges as (
    select
        billing_period,
        billing_group_id,
        service_code,
        cast(sum(billed_cost) as decimal(38, 20)) as rated_charges,
        cast(
            coalesce(sum(billed_cost) filter (where charge_type = 'savings_plan_negation'), 0) as decimal(38, 20)
        ) as negations
    from charges
    where treatment = 'billed' and charge_type <> 'aws_tax'
    group by billing_period, billing_group_id, service_code
),

group_shared_costs as (
    select
        billing_period,
        billing_group_id,
        cast(sum(billed_cost) as decimal(38, 20)) as shared_costs
    from (
        select
            billing_period,
            billing_group_id,
            billed_cost
        from shared_costs
        union all
        select
            billing_period,
            billing_group_id,
            billed_cost
        from payer_savings
    ) as spread
    group by billing_period, billing_group_id
),

-- What each percentage item is a percentage of, by service; shared costs and named items have none.
base_parts as (
    select
        percentage_items.billing_period,
        percentage_items.custom_line_item_id,
        service_charges.service_code,
        case
            when percentage_items.line_item_filter = 'EXCLUDE_SAVINGS_PLAN_NEGATION'
                then service_charges.rated_charges - service_charges.negations
            else service_charges.rated_charges
        end as amount
    from percentage_items
    inner join service_charges
        on
            percentage_items.billing_period = service_charges.billing_period
            and percentage_items.billing_group_id = service_charges.billing_group_id
            and (
                percentage_items.line_item_filter not in ('SERVICE_EQUAL', 'SERVICE_NOT_EQUAL')
                or (percentage_items.line_item_filter = 'SERVICE_EQUAL')
                = (service_charges.service_code = percentage_items.filter_service_code)
            )
    union all
    select
        percentage_items.billing_period,
        percentage_items.custom_line_item_id,
        '' as service_code,
        group_shared_costs.shared_costs as amount
    from percentage_items
    inner join group_shared_costs
        on
            percentage_items.billing_period = group_shared_costs.billing_period
            and percentage_items.billing_group_id = group_shared_costs.billing_group_id
    where percentage_items.line_item_filter <> 'SERVICE_EQUAL'
    union all
    select
        percentage_items.billing_period,
        percentage_items.custom_line_item_id,
        '' as service_code,
        flat_items.flat_cost as amount
    from percentage_items
    inner join flat_items
        on
            percentage_items.billing_period = flat_items.billing_period
            and percentage_items.billing_group_id = flat_items.billing_group_id
            and (
                percentage_items.associated_item_ids = '*'
                or list_contains(
                    string_split(percentage_items.associated_item_ids, '|'), flat_items.custom_line_item_id
                )
            )
),

bases as (
    select
        percentage_items.billing_period,
        percentage_items.custom_line_item_id,
        case
            when percentage_items.computation_rule = 'ITEMIZED' then coalesce(base_parts.service_code, '')
            else percentage_items.presentation_service
        end as service_code,
        cast(coalesce(sum(base_parts.amount), 0) as decimal(38, 20)) as base_amount
    from percentage_items
    left join base_parts
        on
            percentage_items.billing_period = base_parts.billing_period
            and percentage_items.custom_line_item_id = base_parts.custom_line_item_id
    group by all
),

final as (
    select
        billing_period,
        billing_group_id,
        custom_line_item_id as source_id,
        sub_account_id,
        presentation_service as service_code,
        description,
        calculation as method,
        cast(null as decimal(18, 2)) as percentage,
        flat_cost as base_amount,
        cast(flat_cost as decimal(38, 24)) as billed_cost
    from flat_items
    union all
    select
        percentage_items.billing_period,
        percentage_items.billing_group_id,
        percentage_items.custom_line_item_id as source_id,
        percentage_items.sub_account_id,
        bases.service_code,
        percentage_items.description,
        percentage_items.calculation as method,
        cast(percentage_items.percentage * percentage_items.sign as decimal(18, 2)) as percentage,
        bases.base_amount,
        cast(
            bases.base_amount * cast(percentage_items.percentage * percentage_items.sign * 0.01 as decimal(18, 4))
            as decimal(38, 24)
        ) as billed_cost
    from percentage_items
    inner join bases
        on
            percentage_items.billing_period = bases.billing_period
            and percentage_items.custom_line_item_id = bases.custom_line_item_id
)

select * from final
