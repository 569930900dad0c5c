{# The CUR rows of charges, each with its part of them: a select over them, for a `from`.

   One row per CUR row of a charge, and per discount inside it that is a charge of its own (C2), with the columns of
   stg_cur__line_items and: charge_number, charge_row_count and charge_billed_cost of its charge; is_discount; row_key;
   `base`, what the charge's factor is applied to (R9), at 1e-10: base x factor is the row's part of a billed charge. Of
   a charge that is withheld it is AWS's cost. Only where the charge is itself a part of something split by quantity, a
   tiered rule (R5) or AWS's tiers (R8), is it split on to rows, by largest remainder (M5).

   Arguments, names of relations:
     charges              rows of fct_charges, none of them `unrated`, with an own charge_number; of an account, service
                          and kind of line all, as rows are told apart by which charges there are
     line_items           rows of stg_cur__line_items of the same period, without split-cost rows
     charge_types, charge_type_columns, pricing_rules   the seeds and the configuration of these names #}
{% macro cur_rows_of(charges, line_items, charge_types, charge_type_columns, pricing_rules) -%}
(
with

numbered_charges as (
    select
        numbered.*,
        pricing_rules.rule_type,
        coalesce(pricing_rules.rule_type, '') = 'TIERED'
        or (
            numbered.list_cost_source = 'price_list'
            and coalesce(pricing_rules.rule_type, '') <> 'FIXED_RATE'
        ) as is_split
    from {{ charges }} as numbered
    left join {{ pricing_rules }} as pricing_rules on numbered.pricing_rule_id = pricing_rules.pricing_rule_id
),

-- R1, R8: which rows a charge is of, by their public price. A charge with a source of its own takes the rows of that
-- price; one priced from a price list takes those that no other charge of the same key takes; any other takes all.
priced_keys as (
    select
        numbered_charges.*,
        public_prices.public_price,
        case
            when numbered_charges.list_cost_source = '' then true
            when numbered_charges.charge_type = 'usage'
                then
                    numbered_charges.list_cost_source
                    = case public_prices.public_price
                        when 'public' then 'public_on_demand_cost'
                        when 'missing' then 'unblended_cost'
                        else 'free_tier'
                    end
            else (numbered_charges.list_cost_source = 'unblended_cost') = (public_prices.public_price = 'missing')
        end as is_own_price
    from numbered_charges
    cross join (values ('public'), ('missing'), ('free')) as public_prices (public_price)
),

charge_keys as (
    select *
    from priced_keys
    qualify
        is_own_price
        or (
            list_cost_source = 'price_list'
            and not bool_or(is_own_price) over (
                partition by
                    billing_account_id, sub_account_id, charge_date, charge_type, line_item_type, billing_entity,
                    service_code, usage_type, operation, region_id, usage_unit, commitment_id, public_price
            )
        )
),

typed as (
    select
        line_items.*,
        charge_types.charge_type
    from {{ line_items }} as line_items
    inner join {{ charge_types }} as charge_types
        on
            line_items.line_item_type = charge_types.line_item_type
            and (
                charge_types.line_item_type <> 'Fee'
                or charge_types.is_reservation_fee = line_items.has_reservation
            )
    where line_items.sub_account_id in (select numbered_charges.sub_account_id from numbered_charges)
),

-- M1: a row with an unreadable value that a rule reads is quarantined; one of its key may be billed beside it.
bad_rows as (
    select distinct
        bad.delivery_key,
        bad.source_file,
        bad.source_row_number
    from (
        select
            delivery_key,
            source_file,
            source_row_number,
            charge_type,
            discount_mode,
            unnest(map_keys(bad_values)) as bad_column
        from typed
        where bad_values is not null
    ) as bad
    left join {{ charge_type_columns }} as charge_type_columns
        on
            bad.charge_type = charge_type_columns.charge_type
            and bad.bad_column = charge_type_columns.cur_column
    where
        charge_type_columns.cur_column is not null
        or (bad.bad_column = 'line_item_net_unblended_cost' and bad.discount_mode = 'columns')
),

readable as (
    select typed.*
    from typed
    left join bad_rows
        on
            typed.delivery_key = bad_rows.delivery_key
            and typed.source_file = bad_rows.source_file
            and typed.source_row_number = bad_rows.source_row_number
    where bad_rows.delivery_key is null
),

-- C2: a discount inside a row is a charge of its own.
parts as (
    select
        readable.*,
        false as is_discount,
        unblended_cost as aws_cost
    from readable
    union all by name
    select
        readable.* replace (discounts.charge_type as charge_type),
        true as is_discount,
        discounts.cost as aws_cost
    from readable
    cross join
        lateral (
            values
            ('bundled_discount', readable.bundled_discount_cost),
            ('negotiated_discount', readable.negotiated_discount_cost)
        ) as discounts (charge_type, cost)
    where discounts.cost <> 0
),

matched as (
    select
        parts.* exclude (billing_account_id, billing_period, service_name),
        charge_keys.charge_number,
        charge_keys.row_count as charge_row_count,
        charge_keys.billed_cost as charge_billed_cost,
        charge_keys.rating_path,
        charge_keys.rating_factor,
        charge_keys.service_name,
        charge_keys.is_split,
        {{ exact_units(
            "cast(
                case when charge_keys.rule_type = 'TIERED' then charge_keys.billed_cost else charge_keys.rating_base end
                as decimal(38, 10)
            )"
        ) }} as whole_units,
        {{ exact_units('cast(parts.usage_quantity as decimal(38, 10))') }} as quantity_units,
        concat_ws('/', parts.delivery_key, parts.source_file, lpad(cast(parts.source_row_number as varchar), 12, '0'))
            as row_key,
        -- R9: what the factor of the charge was applied to.
        cast(
            case
                when charge_keys.is_split then 0
                when charge_keys.rule_type = 'FIXED_RATE' then parts.usage_quantity
                when charge_keys.rating_path = 'on_demand'
                    then case
                        when charge_keys.list_cost_source = 'unblended_cost' then parts.aws_cost
                        -- Free usage that is passed on as such has no list cost.
                        when charge_keys.list_cost_source = 'free_tier' and charge_keys.list_cost = 0 then 0
                        else parts.public_on_demand_cost
                    end
                when parts.is_discount then parts.aws_cost
                when charge_keys.rating_path in ('effective_cost', 'unused_commitment') then parts.effective_cost
                else parts.aws_cost
            end as decimal(22, 10)
        ) as own_base
    from parts
    inner join charge_keys
        on
            parts.billing_account_id = charge_keys.billing_account_id
            and parts.sub_account_id = charge_keys.sub_account_id
            and parts.charge_type = charge_keys.charge_type
            and parts.line_item_type = charge_keys.line_item_type
            and parts.billing_entity is not distinct from charge_keys.billing_entity
            and parts.service_code is not distinct from charge_keys.service_code
            and parts.usage_type is not distinct from charge_keys.usage_type
            and parts.operation is not distinct from charge_keys.operation
            and parts.region_id = charge_keys.region_id
            and parts.usage_unit is not distinct from charge_keys.usage_unit
            and parts.commitment_id = charge_keys.commitment_id
            and parts.public_price = charge_keys.public_price
            -- P3: kept only where the account, or its commitment's owner, moves inside the month.
            and (charge_keys.charge_date is null or parts.membership_date = charge_keys.charge_date)
),

split_rows as (
    select * from matched
    where is_split
),

rated as (
    select
        * exclude (own_base),
        own_base as base
    from matched
    where not is_split
    union all by name
    select
        * exclude (own_base, share_units),
        cast(cast(share_units as decimal(38, 0)) * 0.0000000001 as decimal(22, 10)) as base
    from {{ largest_remainder('split_rows', ['charge_number'], 'whole_units', 'quantity_units', 'row_key') }}
        as split_shares
)

select * from rated
)
{%- endmacro %}
