{# The accounts of an invoice line: exact part, what the exchange rate and rounding add to it (M5), credits drawn (K1),
   and why the account is in the group (P3, P4): its assignments that touch the month, or that the group takes what
   nobody claims. One row per account.

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

account_assignments as (
    select * from {{ source('billing', 'account_assignments') }}
),

billing_groups as (
    select * from {{ source('billing', 'billing_groups') }}
),

assignments as (
    select
        line_accounts.sub_account_id,
        string_agg(
            'from ' || cast(account_assignments.start_date as varchar)
            || coalesce(' to ' || cast(account_assignments.end_date - 1 as varchar), '')
            || ' (account_assignments.csv line ' || cast(account_assignments.source_line as varchar) || ')',
            ', ' order by account_assignments.start_date
        ) as assigned
    from line_accounts
    inner join account_assignments
        on
            line_accounts.sub_account_id = account_assignments.account_id
            and line_accounts.billing_group_id = account_assignments.billing_group_id
            and account_assignments.start_date <= last_day(line_accounts.billing_period)
            and (
                account_assignments.end_date is null
                or account_assignments.end_date > line_accounts.billing_period
            )
    group by line_accounts.sub_account_id
),

converted as (
    select
        line_accounts.*,
        {{ at_invoice_rate('line_accounts.exact_amount_usd', 'lines.fx_rate') }} as converted_amount
    from line_accounts
    cross join lines
),

final as (
    select
        converted.sub_account_id,
        converted.exact_amount_usd,
        cast(converted.converted_amount - converted.exact_amount_usd as decimal(38, 24)) as fx_amount,
        cast(converted.net_amount - converted.converted_amount as decimal(38, 24)) as rounding_amount,
        converted.net_amount,
        converted.credit_amount,
        converted.tax_category,
        converted.tax_rate,
        case
            when assignments.assigned is not null then 'assigned ' || assignments.assigned
            when converted.sub_account_id = billing_groups.primary_account_id then 'the primary account of the group'
            when billing_groups.auto_associate
                then concat(
                    'in no group: this one takes such accounts (auto_associate in billing_groups.csv line ',
                    cast(billing_groups.source_line as varchar), ')'
                )
            else 'assigned to another group in this month'
        end as membership
    from converted
    left join assignments on converted.sub_account_id = assignments.sub_account_id
    left join billing_groups on converted.billing_group_id = billing_groups.billing_group_id
)

select * from final
order by sub_account_id
