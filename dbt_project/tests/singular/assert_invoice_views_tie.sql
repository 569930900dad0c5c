{{ config(meta={'dagster': {'ref': {'name': 'fct_invoices'}}}) }}
{# A row here means that two views of one invoice show different totals (M6), which a customer will find; or that a
   credit paid more than it is, or more than a line comes to (K3). #}
with

lines as (
    select * from {{ ref('fct_invoice_lines') }}
    where {{ in_built_periods('billing_period') }}
),

line_accounts as (
    select * from {{ ref('fct_invoice_line_accounts') }}
    where {{ in_built_periods('billing_period') }}
),

line_taxes as (
    select * from {{ ref('fct_invoice_line_taxes') }}
    where {{ in_built_periods('billing_period') }}
),

taxes as (
    select * from {{ ref('fct_invoice_taxes') }}
    where {{ in_built_periods('billing_period') }}
),

invoices as (
    select * from {{ ref('fct_invoices') }}
    where {{ in_built_periods('billing_period') }}
),

credit_ledger as (
    select * from {{ ref('fct_credit_ledger') }}
),

credits as (
    select * from {{ source('billing', 'credits') }}
),

account_totals as (
    select
        invoice_line_key,
        sum(net_amount) as net_amount,
        sum(credit_amount) as credit_amount,
        sum(exact_amount_usd) as exact_amount_usd
    from line_accounts
    group by invoice_line_key
),

-- M5 once more, from the line and the exact amounts beside its parts.
weighted as (
    select
        line_accounts.invoice_line_key,
        line_accounts.sub_account_id,
        line_accounts.net_amount,
        lines.minor_units,
        {{ amount_to_minor_units('lines.net_amount', 'lines.minor_units') }} as whole_units,
        {{ exact_units('line_accounts.exact_amount_usd') }} as weight_units
    from line_accounts
    inner join lines on line_accounts.invoice_line_key = lines.invoice_line_key
    where lines.net_amount is not null
),

split_again as (
    select
        invoice_line_key,
        sub_account_id,
        net_amount,
        cast({{ minor_units_to_amount('share_units', 'minor_units') }} as decimal(22, 4)) as expected_amount
    from {{ largest_remainder(
        'weighted', ['invoice_line_key'], 'whole_units', 'weight_units', 'sub_account_id'
    ) }} as shares
),

draw_totals as (
    select
        invoice_line_key,
        sum(amount) as credit_amount
    from credit_ledger
    where {{ in_built_periods('billing_period') }}
    group by invoice_line_key
),

category_totals as (
    select
        invoice_line_key,
        sum(net_amount) as net_amount,
        sum(credit_amount) as credit_amount
    from line_taxes
    group by invoice_line_key
),

line_totals as (
    select
        billing_period,
        billing_group_id,
        sum(net_amount) filter (where line_kind <> 'aws_tax') as net_amount,
        sum(credit_amount) as credit_amount,
        sum(net_amount) filter (where line_kind = 'aws_tax') as aws_tax_amount
    from lines
    group by billing_period, billing_group_id
),

tax_totals as (
    select
        billing_period,
        billing_group_id,
        sum(taxable_amount) as taxable_amount,
        sum(tax_amount) as tax_amount
    from taxes
    group by billing_period, billing_group_id
),

compared as (
    select
        invoices.*,
        coalesce(line_totals.net_amount, 0) as line_net_amount,
        coalesce(line_totals.credit_amount, 0) as line_credit_amount,
        coalesce(line_totals.aws_tax_amount, 0) + coalesce(tax_totals.tax_amount, 0) as line_tax_amount,
        coalesce(tax_totals.taxable_amount, 0) as category_taxable_amount
    from invoices
    left join line_totals
        on
            invoices.billing_period = line_totals.billing_period
            and invoices.billing_group_id = line_totals.billing_group_id
    left join tax_totals
        on
            invoices.billing_period = tax_totals.billing_period
            and invoices.billing_group_id = tax_totals.billing_group_id
),

-- A later month that waits to be built again still holds what it drew before, so only the months up to one count for
-- it.
drawn as (
    select
        credit_id,
        billing_period,
        sum(sum(amount)) over (partition by credit_id order by billing_period asc) as drawn_until_then,
        -- What documents drew stays, whatever is granted since (D3).
        bool_or(state = 'draft' and amount < 0) as is_drawn_now
    from credit_ledger
    group by credit_id, billing_period
),

failures as (
    select
        'invoices__accounts' as check_id,
        lines.invoice_line_key as failing_row,
        concat_ws(' ', 'line', lines.net_amount, 'accounts', coalesce(account_totals.net_amount, 0)) as found
    from lines
    left join account_totals on lines.invoice_line_key = account_totals.invoice_line_key
    where
        lines.net_amount is distinct from account_totals.net_amount
        or lines.credit_amount is distinct from account_totals.credit_amount
        or lines.exact_amount_usd is distinct from account_totals.exact_amount_usd
    union all
    select
        'invoices__tax_parts' as check_id,
        lines.invoice_line_key as failing_row,
        concat_ws(' ', 'line', lines.net_amount, 'tax categories', coalesce(category_totals.net_amount, 0)) as found
    from lines
    left join category_totals on lines.invoice_line_key = category_totals.invoice_line_key
    where
        lines.line_kind <> 'aws_tax'
        and (
            lines.net_amount is distinct from category_totals.net_amount
            or lines.credit_amount is distinct from category_totals.credit_amount
        )
    union all
    select
        'invoices__totals' as check_id,
        concat_ws(' ', billing_period, billing_group_id) as failing_row,
        concat_ws(
            ' ', 'total', total_amount, 'lines', line_net_amount, 'credits', line_credit_amount, 'tax', line_tax_amount
        ) as found
    from compared
    where
        total_amount is distinct from net_amount + credit_amount + tax_amount
        or (fx_rate is null and total_amount is not null)
        or (
            fx_rate is not null
            and (
                net_amount <> line_net_amount or credit_amount <> line_credit_amount or tax_amount <> line_tax_amount
                or (
                    category_taxable_amount <> taxable_amount and not contains(open_problems, 'missing_tax_rate')
                )
            )
        )
    union all
    select
        'invoices__credits_in_lines' as check_id,
        invoice_line_key as failing_row,
        concat_ws(' ', 'line', net_amount, 'credit', credit_amount) as found
    from lines
    where credit_amount > 0 or (credit_amount < 0 and net_amount + credit_amount < 0)
    union all
    select
        'invoices__credits_in_grants' as check_id,
        credits.credit_id as failing_row,
        concat_ws(' ', 'granted', credits.amount, 'drawn', -drawn.drawn_until_then) as found
    from drawn
    inner join credits on drawn.credit_id = credits.credit_id
    where
        {{ in_built_periods('drawn.billing_period') }}
        and drawn.is_drawn_now
        and credits.amount + drawn.drawn_until_then < 0
    union all
    select
        'invoices__largest_remainder' as check_id,
        concat_ws(' ', invoice_line_key, sub_account_id) as failing_row,
        concat_ws(' ', 'part', net_amount, 'expected', expected_amount) as found
    from split_again
    where net_amount is distinct from expected_amount
    union all
    select
        'invoices__draws' as check_id,
        lines.invoice_line_key as failing_row,
        concat_ws(' ', 'line', lines.credit_amount, 'draws', coalesce(draw_totals.credit_amount, 0)) as found
    from lines
    left join draw_totals on lines.invoice_line_key = draw_totals.invoice_line_key
    where coalesce(lines.credit_amount, 0) <> coalesce(draw_totals.credit_amount, 0)
)

select * from failures
