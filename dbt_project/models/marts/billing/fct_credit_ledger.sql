{{ config(materialized='billing_period', goes_on=true) }}
{# K1 to K4: what customer credits pay, one row per draw. Periods are built oldest first, and each reads what the ones
   before it have drawn, so that the same month built again draws the same. Credits of one group are drawn one after
   the other (the recursion): each sees what the one before it has left. Once a document of a group and period is
   issued, its draws are final: nothing more is drawn, and only what a line fell below its draws is given back (K4). #}
with recursive

parts as (
    select * from {{ ref('int_invoice_line_accounts') }}
    where net_amount is not null and {{ is_current_period('billing_period') }}
),

credits as (
    select * from {{ source('billing', 'credits') }}
),

documents as (
    select * from {{ source('ledger', 'documents') }}
),

document_lines as (
    select * from {{ source('ledger', 'document_lines') }}
),

issued_groups as (
    select distinct
        billing_period,
        billing_group_id
    from documents
),

document_draws as (
    select
        credit_draws.document_id,
        credit_draws.credit_id,
        documents.billing_period,
        documents.billing_group_id,
        credit_draws.invoice_line_key,
        credit_draws.sub_account_id,
        credit_draws.service_code,
        documents.currency,
        credit_draws.amount
    from {{ source('ledger', 'credit_draws') }} as credit_draws
    inner join documents on credit_draws.document_id = documents.document_id
),

-- What is issued counts whenever it was drawn; of drafts, those of earlier months. Nothing is drawn on what a
-- correction gives back before that correction is issued.
other_draws as (
    select
        credit_id,
        cast(null as date) as draft_period,
        amount
    from document_draws
    union all
    select
        drafts.credit_id,
        drafts.billing_period as draft_period,
        drafts.amount
    from {{ this }} as drafts
    left join issued_groups
        on
            drafts.billing_period = issued_groups.billing_period
            and drafts.billing_group_id = issued_groups.billing_group_id
    where drafts.state is distinct from 'issued' and issued_groups.billing_group_id is null
),

-- K3: usable if active on any day of the period.
usable as (
    select
        drawn_periods.billing_period,
        credits.billing_group_id,
        credits.credit_id,
        credits.start_date,
        coalesce(credits.end_date, date '9999-12-31') as end_date,
        coalesce(credits.owner_account_id, '') as owner_account_id,
        credits.covers_fees,
        credits.eligible_services,
        case
            when credits.eligible_services = '*' then 1000000
            else len(string_split(credits.eligible_services, '|'))
        end as service_count,
        cast(
            credits.amount + coalesce(sum(other_draws.amount), 0) as decimal(22, 4)
        ) as balance
    from (select distinct parts.billing_period from parts) as drawn_periods
    inner join credits
        on
            credits.status = 'Active'
            and credits.start_date <= last_day(drawn_periods.billing_period)
            and (credits.end_date is null or credits.end_date > drawn_periods.billing_period)
    left join other_draws
        on
            credits.credit_id = other_draws.credit_id
            and (
                other_draws.draft_period is null
                or drawn_periods.billing_period > other_draws.draft_period
            )
    group by
        drawn_periods.billing_period, credits.billing_group_id, credits.credit_id, credits.start_date,
        credits.end_date, credits.owner_account_id, credits.covers_fees, credits.eligible_services, credits.amount
),

-- K2: earliest expiry, then fewest eligible services, then oldest start, then id.
ordered_credits as (
    select
        usable.*,
        row_number() over (
            partition by usable.billing_period, usable.billing_group_id
            order by usable.end_date asc, usable.service_count asc, usable.start_date asc, usable.credit_id asc
        ) as step
    from usable
    left join issued_groups
        on
            usable.billing_period = issued_groups.billing_period
            and usable.billing_group_id = issued_groups.billing_group_id
    where usable.balance > 0 and issued_groups.billing_group_id is null
),

-- K1: a line is split over its accounts, and credits are drawn on the parts.
measured as (
    select
        billing_period,
        billing_group_id,
        invoice_line_key,
        line_kind,
        service_code,
        sub_account_id,
        currency,
        cast(net_amount as decimal(22, 4)) as net_amount,
        cast(
            sum(net_amount) over (partition by billing_period, invoice_line_key) as decimal(22, 4)
        ) as line_net_amount
    from parts
),

-- K1: usage of eligible services; fees only where the credit covers them.
eligible as (
    select
        measured.*,
        ordered_credits.credit_id,
        measured.sub_account_id = ordered_credits.owner_account_id as is_owner,
        sum(measured.net_amount) over (
            partition by measured.billing_period, ordered_credits.credit_id, measured.sub_account_id
        ) as account_spend,
        sum(measured.net_amount) over (
            partition by
                measured.billing_period, ordered_credits.credit_id, measured.sub_account_id, measured.service_code
        ) as service_spend
    from measured
    inner join ordered_credits
        on
            measured.billing_period = ordered_credits.billing_period
            and measured.billing_group_id = ordered_credits.billing_group_id
            and (
                measured.line_kind = 'usage'
                or (
                    ordered_credits.covers_fees
                    and measured.line_kind in ('commitment', 'fee', 'marketplace', 'support')
                )
            )
            and (
                ordered_credits.eligible_services = '*'
                or list_contains(string_split(ordered_credits.eligible_services, '|'), measured.service_code)
            )
),

-- K2: the owner first, then accounts by what they spent before any draw; inside an account its largest service first.
positions as (
    select
        billing_period,
        credit_id,
        invoice_line_key,
        sub_account_id,
        row_number() over (
            partition by billing_period, credit_id
            order by
                is_owner desc, account_spend desc, sub_account_id asc, service_spend desc, service_code asc,
                net_amount desc, invoice_line_key asc
        ) as position
    from eligible
    where net_amount > 0
),

draws as (
    select
        measured.*,
        measured.net_amount as remaining_amount,
        measured.line_net_amount as line_remaining_amount,
        cast(0 as decimal(22, 4)) as drawn_amount,
        cast('' as varchar) as credit_id,
        cast(0 as bigint) as step
    from measured
    where measured.net_amount > 0 and measured.line_net_amount > 0
    union all
    select
        next_draws.* exclude (next_credit_id, next_step, next_balance, position, payable, next_drawn) replace (
            cast(remaining_amount - next_drawn as decimal(22, 4)) as remaining_amount,
            cast(
                line_remaining_amount - sum(next_drawn) over (partition by billing_period, invoice_line_key)
                as decimal(22, 4)
            ) as line_remaining_amount,
            next_drawn as drawn_amount,
            next_credit_id as credit_id,
            next_step as step
        )
    from (
        select
            payables.*,
            cast(
                greatest(
                    least(
                        payable,
                        next_balance - coalesce(
                            sum(payable) over (
                                partition by billing_period, billing_group_id
                                order by position asc nulls last
                                rows between unbounded preceding and 1 preceding
                            ),
                            0
                        )
                    ),
                    0
                ) as decimal(22, 4)
            ) as next_drawn
        from (
            -- K3: never below zero. Of a line with a part below zero, the parts whose turn comes first take what there
            -- is.
            select
                draws.*,
                ordered_credits.credit_id as next_credit_id,
                ordered_credits.step as next_step,
                ordered_credits.balance as next_balance,
                positions.position,
                case
                    when positions.position is null then cast(0 as decimal(22, 4))
                    else cast(
                        greatest(
                            least(
                                draws.remaining_amount,
                                draws.line_remaining_amount - coalesce(
                                    sum(draws.remaining_amount) over (
                                        partition by draws.billing_period, draws.invoice_line_key
                                        order by positions.position asc nulls last
                                        rows between unbounded preceding and 1 preceding
                                    ),
                                    0
                                )
                            ),
                            0
                        ) as decimal(22, 4)
                    )
                end as payable
            from draws
            inner join ordered_credits
                on
                    draws.billing_period = ordered_credits.billing_period
                    and draws.billing_group_id = ordered_credits.billing_group_id
                    and draws.step + 1 = ordered_credits.step
            left join positions
                on
                    draws.billing_period = positions.billing_period
                    and ordered_credits.credit_id = positions.credit_id
                    and draws.invoice_line_key = positions.invoice_line_key
                    and draws.sub_account_id = positions.sub_account_id
        ) as payables
    ) as next_draws
),

issued_draws as (
    select
        document_draws.credit_id,
        document_draws.billing_period,
        document_draws.billing_group_id,
        document_draws.invoice_line_key,
        max(document_lines.line_kind) as line_kind,
        document_draws.service_code,
        document_draws.sub_account_id,
        max(document_draws.currency) as currency,
        cast(sum(document_draws.amount) as decimal(22, 4)) as amount
    from document_draws
    inner join document_lines
        on
            document_draws.document_id = document_lines.document_id
            and document_draws.invoice_line_key = document_lines.invoice_line_key
    where {{ is_current_period('document_draws.billing_period') }}
    group by
        document_draws.credit_id, document_draws.billing_period, document_draws.billing_group_id,
        document_draws.invoice_line_key, document_draws.service_code, document_draws.sub_account_id
    having sum(document_draws.amount) <> 0
),

-- K4: what a line fell below all its draws; money that moved between its accounts gives nothing back.
line_excesses as (
    select
        drawn_lines.billing_period,
        drawn_lines.invoice_line_key,
        drawn_lines.drawn_amount - greatest(coalesce(max(measured.line_net_amount), 0), 0) as excess_amount
    from (
        select
            issued_draws.billing_period,
            issued_draws.invoice_line_key,
            -sum(issued_draws.amount) as drawn_amount
        from issued_draws
        group by issued_draws.billing_period, issued_draws.invoice_line_key
    ) as drawn_lines
    left join measured
        on
            drawn_lines.billing_period = measured.billing_period
            and drawn_lines.invoice_line_key = measured.invoice_line_key
    group by drawn_lines.billing_period, drawn_lines.invoice_line_key, drawn_lines.drawn_amount
),

account_excesses as (
    select
        issued_draws.*,
        -sum(issued_draws.amount) over (
            partition by
                issued_draws.billing_period, issued_draws.invoice_line_key, issued_draws.sub_account_id
        ) - coalesce(measured.net_amount, 0) as account_excess_amount
    from issued_draws
    left join measured
        on
            issued_draws.billing_period = measured.billing_period
            and issued_draws.invoice_line_key = measured.invoice_line_key
            and issued_draws.sub_account_id = measured.sub_account_id
),

-- The credit that was drawn last gives first: the other way round than K2; of its accounts the one that lost most.
excesses as (
    select
        account_excesses.*,
        line_excesses.excess_amount,
        coalesce(
            -sum(account_excesses.amount) over (
                partition by account_excesses.billing_period, account_excesses.invoice_line_key
                order by
                    coalesce(credits.end_date, date '9999-12-31') desc,
                    case
                        when credits.eligible_services = '*' then 1000000
                        else len(string_split(credits.eligible_services, '|'))
                    end desc,
                    credits.start_date desc,
                    account_excesses.credit_id desc,
                    account_excesses.account_excess_amount desc,
                    account_excesses.sub_account_id asc
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as given_before
    from account_excesses
    inner join line_excesses
        on
            account_excesses.billing_period = line_excesses.billing_period
            and account_excesses.invoice_line_key = line_excesses.invoice_line_key
    left join credits on account_excesses.credit_id = credits.credit_id
),

given_back as (
    select
        excesses.*,
        cast(greatest(least(-amount, excess_amount - given_before), 0) as decimal(22, 4)) as given_amount
    from excesses
),

final as (
    select
        credit_id,
        billing_period,
        billing_group_id,
        invoice_line_key,
        line_kind,
        service_code,
        sub_account_id,
        currency,
        cast(-drawn_amount as decimal(22, 4)) as amount,
        'draft' as state
    from draws
    where drawn_amount > 0
    union all
    select
        credit_id,
        billing_period,
        billing_group_id,
        invoice_line_key,
        line_kind,
        service_code,
        sub_account_id,
        currency,
        amount,
        'issued' as state
    from issued_draws
    union all
    select
        credit_id,
        billing_period,
        billing_group_id,
        invoice_line_key,
        line_kind,
        service_code,
        sub_account_id,
        currency,
        given_amount as amount,
        'draft' as state
    from given_back
    where given_amount > 0
)

select * from final
