{# An invoice line of today's drafts, and whose it is (I1, I2). One row; none where there is no such line.

   `fx_amount` is what the exchange rate adds to the exact amount, `rounding_amount` what rounding adds to that (M4):
   exact_amount_usd + fx_amount + rounding_amount = net_amount. Both are sums of those of the line's accounts, null while
   the exchange rate is missing.

   Variables: billing_period, invoice_line_key. #}
with

lines as (
    select * from {{ ref('fct_invoice_lines') }}
    where {{ is_current_period('billing_period') }} and invoice_line_key = getvariable('invoice_line_key')
),

line_accounts as (
    select * from {{ ref('fct_invoice_line_accounts') }}
    where {{ is_current_period('billing_period') }} and invoice_line_key = getvariable('invoice_line_key')
),

billing_groups as (
    select * from {{ source('billing', 'billing_groups') }}
),

billing_terms as (
    select * from {{ source('billing', 'billing_terms') }}
),

settings as (
    select * from {{ source('billing', 'settings') }}
),

converted as (
    select
        cast(
            sum({{ at_invoice_rate('line_accounts.exact_amount_usd', 'lines.fx_rate') }}) as decimal(38, 24)
        ) as converted_amount
    from line_accounts
    cross join lines
),

final as (
    select
        lines.billing_period,
        lines.billing_group_id,
        billing_groups.billing_group_name,
        lines.invoice_line_key,
        lines.line_number,
        lines.line_kind,
        lines.source_id,
        -- Section 7: worked out for the group as a whole.
        lines.line_kind in ('shared_cost', 'custom_line_item', 'minimum_commitment') or lines.source_id <> ''
            as is_group_charge,
        lines.service_code,
        lines.service_name,
        lines.description,
        lines.exact_amount_usd,
        lines.currency,
        lines.minor_units,
        lines.fx_rate,
        lines.fx_source,
        cast(converted.converted_amount - lines.exact_amount_usd as decimal(38, 24)) as fx_amount,
        cast(lines.net_amount - converted.converted_amount as decimal(38, 24)) as rounding_amount,
        lines.net_amount,
        lines.credit_amount,
        cast(lines.net_amount + lines.credit_amount as decimal(22, 4)) as taxable_amount,
        lines.tax_category,
        lines.tax_rate,
        lines.rounding_difference,
        billing_terms.pricing_plan_id,
        billing_terms.source_line as terms_line,
        membership_basis.value as membership_basis
    from lines
    cross join converted
    left join billing_groups on lines.billing_group_id = billing_groups.billing_group_id
    left join billing_terms
        on
            lines.billing_group_id = billing_terms.billing_group_id
            and lines.billing_period >= billing_terms.start_period
            and (billing_terms.end_period is null or lines.billing_period < billing_terms.end_period)
    left join settings as membership_basis on membership_basis.setting = 'membership_basis'
)

select * from final
