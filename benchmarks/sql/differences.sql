-- Rows that only one side has, of what the product published (`product`) and the yardstick made (`yardstick`). Money is
-- compared as text, so that no digit is lost to a common type.
with

product_charges as (
    select
        billing_period, billing_group_id, billing_account_id, sub_account_id, charge_date, charge_type, line_item_type,
        billing_entity, service_code, usage_type, operation, region_id, commitment_id, commitment_owner_group_id,
        line_kind, usage_unit, list_cost_source, treatment, treatment_reason, rating_path, pricing_rule_id, row_count,
        usage_quantity::varchar as usage_quantity, list_cost::varchar as list_cost, aws_cost::varchar as aws_cost,
        effective_cost::varchar as effective_cost, billed_cost::varchar as billed_cost
    from product.marts.fct_charges
),

yardstick_charges as (
    select * replace (
        usage_quantity::varchar as usage_quantity, list_cost::varchar as list_cost, aws_cost::varchar as aws_cost,
        effective_cost::varchar as effective_cost, billed_cost::varchar as billed_cost
    )
    from yardstick.charges
),

product_lines as (
    select
        billing_period, billing_group_id, line_kind, service_code,
        exact_amount_usd::decimal(38, 20)::varchar as exact_amount_usd, currency, net_amount::varchar as net_amount
    from product.marts.fct_invoice_lines
),

yardstick_lines as (
    select * replace (exact_amount_usd::varchar as exact_amount_usd, net_amount::varchar as net_amount)
    from yardstick.invoice_lines
),

product_accounts as (
    select
        billing_period, billing_group_id, line_kind, service_code, sub_account_id,
        accounts.net_amount::decimal(22, 4)::varchar as net_amount
    from product.marts.fct_invoice_line_accounts as accounts
    inner join product.marts.fct_invoice_lines using (billing_period, billing_group_id, invoice_line_key)
),

yardstick_accounts as (
    select * replace (net_amount::decimal(22, 4)::varchar as net_amount) from yardstick.invoice_line_accounts
)

select 'charges' as compared, 'product' as only_in, count(*) as row_count
from (from product_charges except all from yardstick_charges)
union all
select 'charges', 'yardstick', count(*) from (from yardstick_charges except all from product_charges)
union all
select 'invoice lines', 'product', count(*) from (from product_lines except all from yardstick_lines)
union all
select 'invoice lines', 'yardstick', count(*) from (from yardstick_lines except all from product_lines)
union all
select 'accounts of lines', 'product', count(*) from (from product_accounts except all from yardstick_accounts)
union all
select 'accounts of lines', 'yardstick', count(*) from (from yardstick_accounts except all from product_accounts);
