{# X2: from what AWS charged for a group to the documents of its customer, step by step, each with its residual: AWS's
   cost and the margin are the charges (X3), the charges are the lines before rounding, those at the invoice's rate and
   the rounding difference are the rounded lines (M4, M7), credits and tax lead to the total, and the total is what was
   issued and what is still to be issued (D4). A view, because issuing and approving change its last step without a
   build. A group without exchange rate ends before the conversion (I2). #}
with

charges as (
    select * from {{ ref('fct_charges') }}
),

group_charges as (
    select * from {{ ref('fct_group_charges') }}
),

margin_parts as (
    select * from {{ ref('fct_margin') }}
    where component <> 'customer_credits'
),

lines as (
    select * from {{ ref('fct_invoice_lines') }}
),

credit_ledger as (
    select * from {{ ref('fct_credit_ledger') }}
),

taxes as (
    select * from {{ ref('fct_invoice_taxes') }}
),

drafts as (
    select * from {{ ref('int_invoice_drafts') }}
),

documents as (
    select * from {{ ref('fct_documents') }}
),

proposed_documents as (
    select * from {{ ref('fct_proposed_documents') }}
),

charge_totals as (
    select
        billing_period,
        billing_group_id,
        cast(sum(aws_cost) as decimal(38, 24)) as aws_cost,
        cast(
            coalesce(sum(cast(billed_cost as decimal(38, 24)) - cast(aws_cost as decimal(38, 24))) filter (
                where charge_type = 'aws_tax'
            ), 0) as decimal(38, 24)
        ) as aws_tax,
        cast(sum(cast(billed_cost as decimal(38, 24))) as decimal(38, 24)) as billed_cost
    from charges
    group by billing_period, billing_group_id
),

group_charge_totals as (
    select
        billing_period,
        billing_group_id,
        cast(sum(billed_cost) as decimal(38, 24)) as billed_cost
    from group_charges
    group by billing_period, billing_group_id
),

margins as (
    select
        billing_period,
        billing_group_id,
        cast(sum(amount) as decimal(38, 24)) as margin
    from margin_parts
    group by billing_period, billing_group_id
),

-- The conversion once more, apart from the model that rounds: 24 + 10 decimals do not fit beside the digits of a large
-- amount, so what stands behind the tenth decimal is converted by itself.
converted_lines as (
    select
        lines.*,
        cast(cast(trunc(exact_amount_usd, 10) as decimal(28, 10)) * fx_rate as decimal(38, 20)) as converted,
        cast(
            cast(exact_amount_usd - trunc(exact_amount_usd, 10) as decimal(24, 24)) * fx_rate as decimal(38, 34)
        ) as converted_rest
    from lines
),

-- A residual below the 24th decimal counts as one unit of it, so that none is rounded away.
compared_lines as (
    select
        converted_lines.*,
        cast(
            net_amount - converted - cast(round(converted_rest + rounding_difference, 20) as decimal(38, 20))
            as decimal(38, 24)
        ) as upper_residual,
        converted_rest + rounding_difference - round(converted_rest + rounding_difference, 20) as rest_residual
    from converted_lines
),

line_totals as (
    select
        billing_period,
        billing_group_id,
        cast(sum(exact_amount_usd) as decimal(38, 24)) as exact_amount_usd,
        cast(
            cast(sum(converted) as decimal(38, 24)) + cast(round(sum(converted_rest), 24) as decimal(38, 24))
            as decimal(38, 24)
        ) as converted_amount,
        cast(round(sum(rounding_difference), 24) as decimal(38, 24)) as rounding_difference,
        cast(sum(net_amount) as decimal(38, 24)) as net_amount,
        cast(coalesce(sum(net_amount) filter (where line_kind = 'aws_tax'), 0) as decimal(38, 24)) as aws_tax_amount,
        cast(sum(credit_amount) as decimal(38, 24)) as credit_amount,
        sum(abs(upper_residual) + abs(sign(rest_residual)) * cast('1e-24' as decimal(38, 24))) as residual
    from compared_lines
    group by billing_period, billing_group_id
),

credit_totals as (
    select
        billing_period,
        billing_group_id,
        cast(sum(amount) as decimal(38, 24)) as amount
    from credit_ledger
    group by billing_period, billing_group_id
),

tax_totals as (
    select
        billing_period,
        billing_group_id,
        cast(sum(tax_amount) as decimal(38, 24)) as tax_amount
    from taxes
    group by billing_period, billing_group_id
),

issued as (
    select
        billing_period,
        billing_group_id,
        max(currency) as currency,
        cast(sum(total_amount) as decimal(38, 24)) as total_amount
    from documents
    group by billing_period, billing_group_id
),

proposed as (
    select
        billing_period,
        billing_group_id,
        cast(sum(total_amount) as decimal(38, 24)) as total_amount
    from proposed_documents
    group by billing_period, billing_group_id
),

group_periods as (
    select
        billing_period,
        billing_group_id
    from charge_totals
    union
    select
        billing_period,
        billing_group_id
    from group_charge_totals
    union
    select
        billing_period,
        billing_group_id
    from line_totals
    union
    select
        billing_period,
        billing_group_id
    from drafts
    -- A period that is not in the warehouse has nothing to compare its documents with.
    union
    select
        issued.billing_period,
        issued.billing_group_id
    from issued
    where issued.billing_period in (select charge_totals.billing_period from charge_totals)
),

joined as (
    select
        billing_period,
        billing_group_id,
        coalesce(drafts.currency, issued.currency, 'USD') as currency,
        billing_group_id <> 'UNASSIGNED' and (drafts.line_count is null or drafts.fx_rate is not null) as is_converted,
        coalesce(charge_totals.aws_cost, 0) as aws_cost,
        coalesce(charge_totals.aws_tax, 0) as aws_tax,
        coalesce(margins.margin, 0) as margin,
        coalesce(charge_totals.billed_cost, 0) + coalesce(group_charge_totals.billed_cost, 0) as charges,
        coalesce(line_totals.exact_amount_usd, 0) as exact_amount_usd,
        coalesce(line_totals.converted_amount, 0) as converted_amount,
        coalesce(line_totals.rounding_difference, 0) as rounding_difference,
        coalesce(line_totals.net_amount, 0) as net_amount,
        coalesce(line_totals.aws_tax_amount, 0) as aws_tax_amount,
        coalesce(line_totals.credit_amount, 0) as credit_amount,
        coalesce(line_totals.residual, 0) as rounding_residual,
        coalesce(credit_totals.amount, 0) as drawn_amount,
        coalesce(tax_totals.tax_amount, 0) as computed_tax_amount,
        cast(coalesce(drafts.taxable_amount, 0) as decimal(38, 24)) as taxable_amount,
        cast(coalesce(drafts.tax_amount, 0) as decimal(38, 24)) as tax_amount,
        cast(coalesce(drafts.total_amount, 0) as decimal(38, 24)) as total_amount,
        coalesce(issued.total_amount, 0) as issued_amount,
        coalesce(proposed.total_amount, 0) as proposed_amount
    from group_periods
    left join charge_totals using (billing_period, billing_group_id)
    left join group_charge_totals using (billing_period, billing_group_id)
    left join margins using (billing_period, billing_group_id)
    left join line_totals using (billing_period, billing_group_id)
    left join credit_totals using (billing_period, billing_group_id)
    left join tax_totals using (billing_period, billing_group_id)
    left join drafts using (billing_period, billing_group_id)
    left join issued using (billing_period, billing_group_id)
    left join proposed using (billing_period, billing_group_id)
),

measured as (
    select
        joined.*,
        aws_cost + aws_tax + margin - charges as charges_residual,
        charges - exact_amount_usd as lines_residual,
        credit_amount - drawn_amount as credits_residual,
        net_amount - aws_tax_amount + credit_amount - taxable_amount as taxable_residual,
        computed_tax_amount + aws_tax_amount - tax_amount as tax_residual,
        taxable_amount + tax_amount - total_amount as total_residual,
        total_amount - issued_amount - proposed_amount as documents_residual
    from joined
),

staged as (
    select
        measured.billing_period,
        measured.billing_group_id,
        cast(stages.stage_number as integer) as stage_number,
        stages.stage,
        case when stages.stage_number <= 5 then 'USD' else measured.currency end as currency,
        cast(stages.amount as decimal(38, 24)) as amount,
        cast(stages.residual as decimal(38, 24)) as residual,
        stages.stage_number <= 5 or measured.is_converted as is_reached
    from measured
    cross join lateral (
        values
        (1, 'aws_cost', measured.aws_cost, measured.charges_residual),
        (2, 'aws_tax', measured.aws_tax, measured.charges_residual),
        (3, 'margin', measured.margin, measured.charges_residual),
        (4, 'charges', measured.charges, measured.charges_residual),
        (5, 'lines_before_rounding', measured.exact_amount_usd, measured.lines_residual),
        (6, 'converted', measured.converted_amount, measured.rounding_residual),
        (7, 'rounding_difference', measured.rounding_difference, measured.rounding_residual),
        (8, 'rounded_lines', measured.net_amount, measured.rounding_residual),
        (9, 'credits', measured.credit_amount, measured.credits_residual),
        (10, 'taxable', measured.taxable_amount, measured.taxable_residual),
        (11, 'tax', measured.tax_amount, measured.tax_residual),
        (12, 'total', measured.total_amount, measured.total_residual),
        (13, 'issued', measured.issued_amount, measured.documents_residual),
        (14, 'to_be_issued', measured.proposed_amount, measured.documents_residual)
    ) as stages (stage_number, stage, amount, residual)
),

final as (
    select * exclude (is_reached)
    from staged
    where is_reached
)

select * from final
