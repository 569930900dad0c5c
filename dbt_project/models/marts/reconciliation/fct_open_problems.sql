{{ config(materialized='billing_period') }}
{# Work lists with their money: each row is something a person must decide before the period can be closed. #}
with

charges as (
    select * from {{ ref('fct_charges') }}
    where {{ is_current_period('billing_period') }}
),

invoices as (
    select * from {{ ref('int_invoice_drafts') }}
    where {{ is_current_period('billing_period') }}
),

line_taxes as (
    select * from {{ ref('fct_invoice_line_taxes') }}
    where {{ is_current_period('billing_period') }}
),

group_charges as (
    select * from {{ ref('fct_group_charges') }}
    where {{ is_current_period('billing_period') }}
),

quarantined as (
    select
        billing_period,
        billing_group_id,
        billing_account_id,
        case when treatment_reason = 'unknown_type' then 'unknown_type' else 'bad_value' end as problem,
        case
            when treatment_reason = 'unknown_type' then line_item_type
            else substr(treatment_reason, length('bad_value:') + 1)
        end as subject,
        case
            when treatment_reason = 'unknown_type'
                then 'AWS sent a line item type that no charge type is mapped to; add it to the seed charge_types'
            else 'AWS sent a value that cannot be read in ' || line_item_type || ' rows'
        end as detail,
        row_count,
        aws_cost
    from charges
    where treatment = 'unrated'
),

unassigned as (
    select
        billing_period,
        billing_group_id,
        billing_account_id,
        'unassigned_account' as problem,
        sub_account_id as subject,
        'The account is in no billing group; assign it in account_assignments.csv' as detail,
        row_count,
        aws_cost
    from charges
    where treatment_reason = 'unassigned'
),

not_final as (
    select
        billing_period,
        billing_group_id,
        billing_account_id,
        'not_final' as problem,
        sub_account_id as subject,
        'AWS has not put an invoice id on these rows yet' as detail,
        open_row_count as row_count,
        open_cost as aws_cost
    from charges
    where open_row_count > 0
),

missing_rates as (
    select
        billing_period,
        billing_group_id,
        '' as billing_account_id,
        'missing_fx_rate' as problem,
        currency as subject,
        'No rate from USD to ' || currency || ' for the period in fx_rates.csv; the draft stays in USD' as detail,
        0 as row_count,
        exact_amount_usd as aws_cost
    from invoices
    where fx_rate is null
),

-- T4: one row per case that has no rate, with what is not taxed for it.
missing_tax_rates as (
    select
        line_taxes.billing_period,
        line_taxes.billing_group_id,
        '' as billing_account_id,
        'missing_tax_rate' as problem,
        line_taxes.tax_case as subject,
        'No rate for this case on the period''s last day in tax_rates.csv; not taxed: '
        || coalesce(
            case invoices.minor_units
                when 0
                    then cast(
                        cast(sum(line_taxes.net_amount + line_taxes.credit_amount) as decimal(22, 0)) as varchar
                    )
                when 2
                    then cast(
                        cast(sum(line_taxes.net_amount + line_taxes.credit_amount) as decimal(22, 2)) as varchar
                    )
                when 3
                    then cast(
                        cast(sum(line_taxes.net_amount + line_taxes.credit_amount) as decimal(22, 3)) as varchar
                    )
                when 4
                    then cast(
                        cast(sum(line_taxes.net_amount + line_taxes.credit_amount) as decimal(22, 4)) as varchar
                    )
            end || ' ' || invoices.currency,
            'an amount without exchange rate'
        ) as detail,
        0 as row_count,
        cast(
            {{ exact_quotient('sum(line_taxes.net_amount + line_taxes.credit_amount)', 'invoices.fx_rate') }}
            as decimal(38, 10)
        ) as amount_at_stake
    from line_taxes
    inner join invoices
        on
            line_taxes.billing_period = invoices.billing_period
            and line_taxes.billing_group_id = invoices.billing_group_id
    where line_taxes.tax_category is null
    group by
        line_taxes.billing_period, line_taxes.billing_group_id, line_taxes.tax_case, invoices.minor_units,
        invoices.currency, invoices.fx_rate
),

shared_cost_rules as (
    select * from {{ source('billing', 'shared_cost_rules') }}
),

spread_rules as (
    select distinct
        billing_period,
        source_id
    from group_charges
    where kind = 'shared_cost'
),

-- G1: a cost taken from its account that no group took part in.
not_spread as (
    select
        charges.billing_period,
        charges.billing_group_id,
        charges.billing_account_id,
        'shared_cost_not_spread' as problem,
        charges.shared_cost_rule_id as subject,
        'No target group of the rule exists in the period, so nobody bears this cost; see shared_cost_targets.csv'
            as detail,
        charges.row_count,
        charges.aws_cost
    from charges
    left join spread_rules
        on
            charges.billing_period = spread_rules.billing_period
            and charges.shared_cost_rule_id = spread_rules.source_id
    where charges.treatment_reason = 'shared_cost' and spread_rules.source_id is null
    union all
    select
        built_periods.billing_period,
        '' as billing_group_id,
        '' as billing_account_id,
        'shared_cost_not_spread' as problem,
        shared_cost_rules.shared_cost_rule_id as subject,
        'No target group of the rule exists in the period, so its amount is billed to nobody; see '
        || 'shared_cost_targets.csv' as detail,
        0 as row_count,
        cast(shared_cost_rules.fixed_amount as decimal(38, 10)) as aws_cost
    from (select distinct invoices.billing_period from invoices) as built_periods
    inner join shared_cost_rules
        on
            shared_cost_rules.source_kind = 'fixed'
            and built_periods.billing_period >= shared_cost_rules.start_period
            and (shared_cost_rules.end_period is null or built_periods.billing_period < shared_cost_rules.end_period)
    left join spread_rules
        on
            built_periods.billing_period = spread_rules.billing_period
            and shared_cost_rules.shared_cost_rule_id = spread_rules.source_id
    where spread_rules.source_id is null and shared_cost_rules.fixed_amount <> 0
),

-- M5: said aloud, because the rule asked for other weights.
equal_splits as (
    select
        billing_period,
        case when kind = 'support' then billing_group_id else '' end as billing_group_id,
        '' as billing_account_id,
        'split_equally' as problem,
        source_id as subject,
        'The weights of this split sum to zero or below, so every part got the same' as detail,
        0 as row_count,
        cast(sum(billed_cost) as decimal(38, 10)) as aws_cost
    from group_charges
    where is_equal_split
    group by all
),

-- A minimum bills also without usage; with no row at all a payer's delivery may be missing.
without_rows as (
    select
        group_charges.billing_period,
        group_charges.billing_group_id,
        '' as billing_account_id,
        'charged_without_rows' as problem,
        group_charges.kind as subject,
        'AWS delivered no row for the group, and yet it is charged; is the delivery of its payer missing?' as detail,
        0 as row_count,
        cast(sum(group_charges.billed_cost) as decimal(38, 10)) as aws_cost
    from group_charges
    left join charges
        on
            group_charges.billing_period = charges.billing_period
            and group_charges.billing_group_id = charges.billing_group_id
    where charges.billing_group_id is null and group_charges.billed_cost <> 0
    group by group_charges.billing_period, group_charges.billing_group_id, group_charges.kind
),

aws_invoices as (
    select * from {{ ref('fct_aws_invoices') }}
    where {{ is_current_period('billing_period') }}
),

-- X4: a difference that has no name stays open with its money.
invoice_differences as (
    select
        billing_period,
        '' as billing_group_id,
        billing_account_id,
        'aws_invoice_difference' as problem,
        aws_invoice_id as subject,
        case reasons
            when 'missing_in_cur'
                then
                    'No row of the payer''s deliveries has this invoice id; is aws_invoices.csv right, and the '
                    || 'delivery the last one?'
            when 'missing_in_list'
                then 'AWS invoiced this, but aws_invoices.csv has others of the payer and not this one; add it'
            when 'other_currency'
                then
                    'The total in aws_invoices.csv is in ' || currency
                    || '; give AWS''s total in USD, which its rows are in'
            else
                'AWS printed ' || cast(cast(total_amount as decimal(22, 2)) as varchar) || ' USD, its rows sum to '
                || cast(cur_amount as varchar) || ', and no known reason explains the difference; ask AWS'
        end as detail,
        row_count,
        cast(
            case
                when reasons = 'missing_in_list' then cur_amount
                else coalesce(residual, cast(0 as decimal(38, 10)))
            end as decimal(38, 10)
        ) as aws_cost
    from aws_invoices
    where reasons in ('missing_in_cur', 'missing_in_list', 'other_currency', 'unexplained')
),

problems as (
    select * from quarantined
    union all
    select * from unassigned
    union all
    select * from not_final
    union all
    select * from not_spread
    union all
    select * from equal_splits
    union all
    select * from without_rows
    union all
    select * from invoice_differences
),

listed as (
    select
        billing_period,
        billing_group_id,
        billing_account_id,
        problem,
        subject,
        detail,
        cast(sum(row_count) as bigint) as row_count,
        cast(sum(aws_cost) as decimal(38, 10)) as aws_cost,
        cast(sum(aws_cost) as decimal(38, 10)) as amount_at_stake
    from problems
    group by billing_period, billing_group_id, billing_account_id, problem, subject, detail
    union all
    select
        billing_period,
        billing_group_id,
        billing_account_id,
        problem,
        subject,
        detail,
        cast(row_count as bigint) as row_count,
        cast(0 as decimal(38, 10)) as aws_cost,
        cast(aws_cost as decimal(38, 10)) as amount_at_stake
    from missing_rates
    union all
    select
        billing_period,
        billing_group_id,
        billing_account_id,
        problem,
        subject,
        detail,
        cast(row_count as bigint) as row_count,
        cast(0 as decimal(38, 10)) as aws_cost,
        amount_at_stake
    from missing_tax_rates
),

-- What a person adds, and where; capitals stand for what only they know.
final as (
    select
        billing_period,
        billing_group_id,
        billing_account_id,
        problem,
        subject,
        detail,
        row_count,
        aws_cost,
        amount_at_stake,
        case
            when problem = 'unknown_type' then 'engineer'
            when problem in ('bad_value', 'charged_without_rows') then 'operator'
            when problem = 'not_final' then 'aws'
            else 'finance'
        end as owner,
        case problem
            when 'unknown_type' then 'charge_types.csv'
            when 'unassigned_account' then 'account_assignments.csv'
            when 'missing_fx_rate' then 'fx_rates.csv'
            when 'missing_tax_rate' then 'tax_rates.csv'
            when 'shared_cost_not_spread' then 'shared_cost_targets.csv'
            else ''
        end as file_name,
        case problem
            when 'unknown_type' then subject || ',false,CHARGE_TYPE'
            when 'unassigned_account' then subject || ',BILLING_GROUP_ID,' || billing_period || ','
            when 'missing_fx_rate' then strftime(billing_period, '%Y-%m') || ',USD,' || subject || ',RATE,SOURCE'
            when 'missing_tax_rate'
                then concat_ws(
                    ',',
                    split_part(split_part(subject, ', ', 2), ' to ', 1),
                    split_part(split_part(split_part(subject, ', ', 2), ' to ', 2), '-', 1),
                    split_part(split_part(split_part(subject, ', ', 2), ' to ', 2), '-', 2),
                    case when split_part(subject, ', ', 3) = 'with tax id' then 'required' else 'absent' end,
                    split_part(subject, ', ', 1),
                    'S', 'TAX_NAME', 'RATE', '', billing_period, ''
                )
            when 'shared_cost_not_spread' then subject || ',BILLING_GROUP_ID,1'
            else ''
        end as ready_row
    from listed
)

select * from final
