{{ config(materialized='billing_period', rows_per_batch=50000) }}
with

rated as (
    select * from {{ ref('int_charges__rated') }}
    where scenario = 'applied' and {{ is_current_period('billing_period') }}
),

charge_categories as (
    select * from {{ ref('charge_categories') }}
),

described as (
    select
        -- ids
        rated.billing_period,
        rated.billing_group_id,
        rated.billing_account_id,
        rated.sub_account_id,
        rated.charge_date,

        -- what it is
        rated.charge_type,
        charge_categories.charge_category,
        '' as charge_class,
        rated.line_item_type,
        rated.billing_entity,
        rated.service_code,
        rated.service_name,
        rated.usage_type,
        rated.operation,
        rated.region_id,
        rated.commitment_id,
        rated.commitment_owner_account_id,
        rated.commitment_owner_group_id,
        case
            when
                rated.billing_entity = 'AWS Marketplace'
                and rated.charge_type not in ('aws_credit', 'refund', 'aws_tax')
                then 'marketplace'
            when rated.is_support then 'support'
            else charge_categories.line_kind
        end as line_kind,

        -- quantities and amounts
        rated.row_count,
        rated.usage_quantity,
        rated.usage_unit,
        rated.normalized_quantity,
        rated.list_cost,
        rated.list_cost_source,
        rated.price_list_sku,
        rated.aws_cost,
        rated.effective_cost,
        rated.commitment_cost,
        rated.billed_cost,

        -- why
        rated.treatment,
        rated.treatment_reason,
        rated.rating_path,
        rated.pricing_rule_id,
        rated.shared_cost_rule_id,
        rated.rating_base,
        rated.rating_factor,
        rated.open_row_count,
        rated.open_cost
    from rated
    inner join charge_categories on rated.charge_type = charge_categories.charge_type
),

-- Rows that differ only in what no rule looked at (a public price on a fee, an unreadable column nobody reads) are one.
final as (
    select
        * replace (
            cast(sum(row_count) as bigint) as row_count,
            cast(sum(usage_quantity) as decimal(38, 10)) as usage_quantity,
            cast(sum(normalized_quantity) as decimal(38, 10)) as normalized_quantity,
            cast(sum(list_cost) as decimal(38, 10)) as list_cost,
            cast(sum(aws_cost) as decimal(38, 10)) as aws_cost,
            cast(sum(effective_cost) as decimal(38, 10)) as effective_cost,
            cast(sum(commitment_cost) as decimal(38, 10)) as commitment_cost,
            cast(sum(billed_cost) as decimal(38, 20)) as billed_cost,
            cast(sum(rating_base) as decimal(38, 10)) as rating_base,
            cast(sum(open_row_count) as bigint) as open_row_count,
            cast(sum(open_cost) as decimal(38, 10)) as open_cost,
            max(service_name) as service_name
        )
    from described
    group by all
)

select * from final
