{{ config(materialized='billing_period', reads_raw=true) }}
{# The one heavy model: everything downstream starts from it. Each column costs rows, so it holds what rules can look at
   and nothing else. The membership date is kept only where it decides: for accounts, and commitment owners, that change
   billing group inside the month. #}
with

line_items as (
    select * from {{ ref('stg_cur__line_items') }}
    where {{ is_current_period('billing_period') }}
),

settings as (
    select * from {{ source('billing', 'settings') }}
),

memberships as (
    select * from {{ ref('stg_billing__memberships') }}
),

boundaries as (
    select
        sub_account_id,
        start_date as boundary_date
    from memberships
    union all
    select
        sub_account_id,
        end_date as boundary_date
    from memberships
),

-- A boundary on the first of a month moves nothing inside it.
moving_accounts as (
    select distinct
        cast(date_trunc('month', boundaries.boundary_date) as date) as billing_period,
        boundaries.sub_account_id
    from boundaries
    cross join settings
    where
        settings.setting = 'membership_basis'
        and settings.value = 'usage_date'
        and extract(day from boundaries.boundary_date) > 1
        and {{ is_current_period("cast(date_trunc('month', boundaries.boundary_date) as date)") }}
),

dated as (
    select
        line_items.* replace (
            case
                when
                    (line_items.billing_period, line_items.sub_account_id) in (
                        select (moving_accounts.billing_period, moving_accounts.sub_account_id) from moving_accounts
                    )
                    or (
                        line_items.commitment_id <> ''
                        and (line_items.billing_period, split_part(line_items.commitment_id, ':', 5)) in (
                            select (moving_accounts.billing_period, moving_accounts.sub_account_id) from moving_accounts
                        )
                    )
                    then line_items.membership_date
            end as membership_date
        )
    from line_items
    where not line_items.is_split_cost
),

final as (
    select
        billing_period,
        billing_account_id,
        sub_account_id,
        membership_date,
        line_item_type,
        billing_entity,
        service_code,
        usage_type,
        operation,
        region_id,
        usage_unit,
        commitment_id,
        has_reservation,
        public_price,
        -- C2: in row mode nothing reads the net columns, so what stands there quarantines nothing.
        case
            when bad_values is not null
                then nullif(
                    array_to_string(
                        list_sort(
                            list_filter(
                                map_keys(bad_values),
                                lambda bad_column: discount_mode = 'columns'
                                or bad_column <> 'line_item_net_unblended_cost'
                            )
                        ),
                        '|'
                    ),
                    ''
                )
        end as bad_columns,
        max(service_name) as service_name,
        count(*) as row_count,
        cast(sum(usage_quantity) as decimal(38, 10)) as usage_quantity,
        cast(sum(normalized_quantity) as decimal(38, 10)) as normalized_quantity,
        cast(sum(unblended_cost) as decimal(38, 10)) as unblended_cost,
        cast(sum(public_on_demand_cost) as decimal(38, 10)) as public_on_demand_cost,
        cast(sum(effective_cost) as decimal(38, 10)) as effective_cost,
        cast(sum(commitment_cost) as decimal(38, 10)) as commitment_cost,
        cast(sum(bundled_discount_cost) as decimal(38, 10)) as bundled_discount_cost,
        cast(sum(partner_discount_cost) as decimal(38, 10)) as partner_discount_cost,
        cast(sum(negotiated_discount_cost) as decimal(38, 10)) as negotiated_discount_cost,
        count(*) filter (where is_open) as open_row_count,
        cast(coalesce(sum(unblended_cost) filter (where is_open), 0) as decimal(38, 10)) as open_cost
    from dated
    group by
        billing_period, billing_account_id, sub_account_id, membership_date, line_item_type, billing_entity,
        service_code, usage_type, operation, region_id, usage_unit, commitment_id, has_reservation, public_price,
        bad_columns
)

select * from final
