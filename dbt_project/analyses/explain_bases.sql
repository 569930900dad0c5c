{# What the base of a line of section 7 is made of beside charges (explain_charges): a fixed amount (G1), shared costs
   and the flat items that a percentage names (G3), the amount of a flat item itself (G2); and, with `is_promise`, what
   a minimum commitment promises in the month (G5). One row per such part.

   Variables: billing_period, invoice_line_key. #}
with

lines as (
    select * from {{ ref('fct_invoice_lines') }}
    where {{ is_current_period('billing_period') }} and invoice_line_key = getvariable('invoice_line_key')
),

group_charges as (
    select * from {{ ref('fct_group_charges') }}
    where {{ is_current_period('billing_period') }}
),

custom_line_items as (
    select * from {{ source('billing', 'custom_line_items') }}
),

shared_cost_rules as (
    select * from {{ source('billing', 'shared_cost_rules') }}
),

minimum_commitments as (
    select * from {{ source('billing', 'minimum_commitments') }}
),

items as (
    select
        lines.billing_period,
        lines.billing_group_id,
        custom_line_items.*
    from lines
    inner join custom_line_items
        on lines.line_kind = 'custom_line_item' and lines.source_id = custom_line_items.custom_line_item_id
    -- An itemised percentage shows shared costs and named items on the line without a service.
    where coalesce(custom_line_items.computation_rule, '') <> 'ITEMIZED' or lines.service_code = ''
),

fixed_amounts as (
    select
        'fixed amount' as part,
        '' as source_id,
        shared_cost_rules.description,
        cast(shared_cost_rules.fixed_amount as decimal(38, 20)) as amount,
        'shared_cost_rules.csv line ' || cast(shared_cost_rules.source_line as varchar) as configured,
        false as is_promise
    from lines
    inner join shared_cost_rules
        on
            lines.line_kind = 'shared_cost'
            and lines.source_id = shared_cost_rules.shared_cost_rule_id
            and shared_cost_rules.source_kind = 'fixed'
),

flat_amounts as (
    select
        'amount' as part,
        '' as source_id,
        items.description,
        cast(
            case items.charge_type when 'CREDIT' then -items.amount else items.amount end as decimal(38, 20)
        ) as amount,
        'custom_line_items.csv line ' || cast(items.source_line as varchar) as configured,
        false as is_promise
    from items
    where items.calculation = 'FLAT'
),

shared_costs as (
    select
        'shared cost' as part,
        group_charges.source_id,
        max(group_charges.description) as description,
        cast(sum(group_charges.billed_cost) as decimal(38, 20)) as amount,
        'shared_cost_rules.csv line ' || cast(max(shared_cost_rules.source_line) as varchar) as configured,
        false as is_promise
    from items
    inner join group_charges
        on items.billing_group_id = group_charges.billing_group_id and group_charges.kind = 'shared_cost'
    left join shared_cost_rules on group_charges.source_id = shared_cost_rules.shared_cost_rule_id
    where items.calculation = 'PERCENTAGE' and coalesce(items.line_item_filter, '') <> 'SERVICE_EQUAL'
    group by group_charges.source_id
),

named_items as (
    select
        'named item' as part,
        group_charges.source_id,
        group_charges.description,
        cast(group_charges.billed_cost as decimal(38, 20)) as amount,
        'custom_line_items.csv line ' || cast(named.source_line as varchar) as configured,
        false as is_promise
    from items
    inner join group_charges
        on
            items.billing_group_id = group_charges.billing_group_id
            and group_charges.kind = 'custom_line_item'
            and group_charges.method = 'FLAT'
    inner join custom_line_items as named on group_charges.source_id = named.custom_line_item_id
    where
        items.calculation = 'PERCENTAGE'
        and (
            coalesce(items.associated_item_ids, '') = '*'
            or list_contains(string_split(coalesce(items.associated_item_ids, ''), '|'), group_charges.source_id)
        )
),

promises as (
    select
        'promise' as part,
        '' as source_id,
        minimum_commitments.amount,
        minimum_commitments.source_line,
        day(last_day(lines.billing_period)) as days_in_month,
        date_diff(
            'day',
            greatest(lines.billing_period, minimum_commitments.start_date),
            least(
                last_day(lines.billing_period) + 1,
                coalesce(minimum_commitments.end_date, last_day(lines.billing_period) + 1)
            )
        ) as days_in_force
    from lines
    inner join minimum_commitments
        on
            lines.line_kind = 'minimum_commitment'
            and lines.billing_group_id = minimum_commitments.billing_group_id
            and minimum_commitments.start_date <= last_day(lines.billing_period)
            and (
                minimum_commitments.end_date is null
                or minimum_commitments.end_date > lines.billing_period
            )
),

final as (
    select * from fixed_amounts
    union all
    select * from flat_amounts
    union all
    select * from shared_costs
    union all
    select * from named_items
    union all
    select
        part,
        source_id,
        concat(
            {{ plain_number('amount') }}, ' for ', cast(days_in_force as varchar), ' of ',
            cast(days_in_month as varchar), ' days'
        ) as description,
        -- Half away from zero to the cent, in whole numbers, as G5 has it.
        cast(
            case
                when days_in_force = days_in_month then cast(amount as decimal(38, 20))
                else cast(
                    {{ minor_units_to_amount(
                        "(2 * " ~ exact_units("cast(amount as decimal(38, 10))")
                        ~ " * days_in_force + days_in_month * cast(100000000 as hugeint))"
                        ~ " // (2 * days_in_month * cast(100000000 as hugeint))",
                        2
                    ) }} as decimal(38, 20)
                )
            end as decimal(38, 20)
        ) as amount,
        'minimum_commitments.csv line ' || cast(source_line as varchar) as configured,
        true as is_promise
    from promises
)

select * from final
order by is_promise, part, source_id, configured
