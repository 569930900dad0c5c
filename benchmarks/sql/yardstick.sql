-- The least that the same charges and invoice lines could cost: one statement from CUR to charges, one to lines, one to
-- accounts of lines. Reads the relation `cur` (columns as AWS names them, whatever form they came in) and the billing
-- configuration as loaded tables of CSV text. It bills only what the benchmark's rows and configuration hold.
create table charges as
with

settled_rules as (
    select
        pricing_rule_id, pricing_plan_id, rule_type, include_fees = 'true' as includes_fees,
        coalesce(billing_entity, '') as billing_entity, coalesce(service_code, '') as service_code,
        coalesce(usage_type, '') as usage_type, coalesce(region, '') as region_id,
        strptime(start_period, '%Y-%m')::date as start_period,
        coalesce(strptime(end_period, '%Y-%m')::date, date '9999-12-01') as end_period,
        case rule_type
            when 'FIXED_RATE' then rate::decimal(22, 10)
            when 'MARKUP' then ((100 + percentage::decimal(8, 2)) * 0.01)::decimal(22, 10)
            when 'DISCOUNT' then ((100 - percentage::decimal(8, 2)) * 0.01)::decimal(22, 10)
        end as factor,
        case scope when 'SKU' then 40 when 'SERVICE' then 30 when 'BILLING_ENTITY' then 20 else 10 end
        + (coalesce(region, '') <> '')::integer as precedence
    from pricing_rules
),

memberships as (
    select
        account_id, billing_group_id, start_date::date as start_date,
        coalesce(end_date::date, date '9999-12-31') as end_date
    from account_assignments
),

moving as (
    select distinct date_trunc('month', start_date)::date as period, account_id
    from memberships
    where day(start_date) > 1
),

grain as (
    select
        bill_billing_period_start_date::date as period,
        bill_payer_account_id as payer,
        line_item_usage_account_id as account,
        case
            when
                (bill_billing_period_start_date::date, line_item_usage_account_id) in (select (period, account_id) from moving)
                or (
                    bill_billing_period_start_date::date,
                    split_part(
                        coalesce(nullif(reservation_reservation_a_r_n, ''), savings_plan_savings_plan_a_r_n), ':', 5
                    )
                ) in (select (period, account_id) from moving)
                then line_item_usage_start_date::date
        end as charge_date,
        line_item_line_item_type as line_type,
        bill_billing_entity as entity,
        line_item_product_code as service,
        line_item_usage_type as usage_type,
        line_item_operation as operation,
        product_region_code as region,
        coalesce(pricing_unit, '') as unit,
        coalesce(nullif(reservation_reservation_a_r_n, ''), nullif(savings_plan_savings_plan_a_r_n, ''), '') as commitment,
        -- Told apart no further than charges tell it, so that charges need no sums of their own.
        case
            when
                line_item_line_item_type not in ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage')
                then ''
            when coalesce(public_cost, 0) = 0 then 'missing'
            when cost = 0 and public_cost > 0 and line_item_line_item_type = 'Usage' then 'free'
            else 'public'
        end as public_price,
        count(*) as row_count,
        coalesce(sum(quantity), 0)::decimal(38, 10) as quantity,
        sum(cost)::decimal(38, 10) as aws_cost,
        coalesce(sum(public_cost), 0)::decimal(38, 10) as public_cost,
        sum(
            case line_item_line_item_type
                when 'DiscountedUsage' then coalesce(reservation_cost, 0)
                when 'SavingsPlanCoveredUsage' then coalesce(savings_plan_cost, 0)
                when 'SavingsPlanNegation' then 0
                when 'RIFee' then coalesce(unused_reservation_cost, 0)
                when 'SavingsPlanRecurringFee' then coalesce(commitment_to_date, 0) - coalesce(used_commitment, 0)
                else cost
            end
        )::decimal(38, 10) as effective_cost
    from cur
    group by all
),

placed as (
    select
        grain.* exclude (charge_date),
        charge_date,
        coalesce(members.billing_group_id, 'UNASSIGNED') as billing_group,
        coalesce(owners.billing_group_id, '') as owner_group,
        case line_type
            when 'Usage' then 'usage'
            when 'DiscountedUsage' then 'reservation_covered_usage'
            when 'SavingsPlanCoveredUsage' then 'savings_plan_covered_usage'
            when 'SavingsPlanNegation' then 'savings_plan_negation'
            when 'RIFee' then 'commitment_fee'
            when 'SavingsPlanRecurringFee' then 'commitment_fee'
            when 'Fee' then 'fee'
            when 'EdpDiscount' then 'negotiated_discount'
            when 'Credit' then 'aws_credit'
            when 'Refund' then 'refund'
            when 'Tax' then 'aws_tax'
        end as charge_type
    from grain
    left join memberships as members
        on
            grain.account = members.account_id
            and coalesce(grain.charge_date, last_day(grain.period)) >= members.start_date
            and coalesce(grain.charge_date, last_day(grain.period)) < members.end_date
    left join memberships as owners
        on
            split_part(grain.commitment, ':', 5) = owners.account_id
            and coalesce(grain.charge_date, last_day(grain.period)) >= owners.start_date
            and coalesce(grain.charge_date, last_day(grain.period)) < owners.end_date
),

routed as (
    select
        placed.*,
        terms.pricing_plan_id as plan,
        terms.aws_credit_share_percentage::decimal(8, 2) as share_percentage,
        case
            when billing_group = 'UNASSIGNED' then 'unassigned'
            when charge_type = 'aws_tax' then 'aws_tax'
            when charge_type = 'savings_plan_negation' and terms.commitment_policy <> 'owner_group' then 'policy'
            when charge_type = 'savings_plan_negation' and owner_group <> billing_group then 'commitment_outside_group'
            when charge_type = 'commitment_fee' and terms.commitment_policy = 'on_demand' then 'policy'
            when charge_type = 'negotiated_discount' and terms.negotiated_discount_policy = 'withhold' then 'policy'
            when charge_type = 'aws_credit' and terms.aws_credit_policy = 'withhold' then 'policy'
            else ''
        end as reason,
        case
            when charge_type = 'usage' then 'on_demand'
            when charge_type in ('reservation_covered_usage', 'savings_plan_covered_usage')
                then case
                    when terms.commitment_policy = 'pass_through' then 'effective_cost'
                    when terms.commitment_policy = 'owner_group' and owner_group = billing_group then 'covered'
                    else 'on_demand'
                end
            when charge_type = 'savings_plan_negation' then 'covered'
            when charge_type = 'commitment_fee'
                then case when terms.commitment_policy = 'pass_through' then 'unused_commitment' else 'fee' end
            when charge_type = 'fee' then 'fee'
            when charge_type = 'aws_credit' and terms.aws_credit_policy = 'share' then 'share'
            else 'at_cost'
        end as path,
        case
            when charge_type = 'usage'
                then case public_price
                    when 'public' then 'public_on_demand_cost' when 'missing' then 'unblended_cost' else 'free_tier'
                end
            when charge_type in ('reservation_covered_usage', 'savings_plan_covered_usage')
                then case when public_price = 'missing' then 'unblended_cost' else 'public_on_demand_cost' end
            else ''
        end as list_cost_source,
        case
            when charge_type in ('savings_plan_negation', 'commitment_fee') then 0::decimal(38, 10)
            when
                charge_type in ('reservation_covered_usage', 'savings_plan_covered_usage') and public_price <> 'missing'
                then public_cost
            when charge_type = 'usage' and public_price = 'public' then public_cost
            when charge_type = 'usage' and public_price = 'free'
                then case when terms.free_tier_policy = 'withhold' then public_cost else 0::decimal(38, 10) end
            else aws_cost
        end as list_cost
    from placed
    left join billing_terms as terms on placed.billing_group = terms.billing_group_id
),

rule_keys as (
    select distinct period, plan, path, entity, service, usage_type, region
    from routed
    where reason = '' and path in ('on_demand', 'fee')
),

matched_rules as (
    select rule_keys.*, rules.pricing_rule_id, rules.rule_type, rules.factor, rules.precedence
    from rule_keys
    inner join settled_rules as rules
        on
            rule_keys.plan = rules.pricing_plan_id
            and rule_keys.service = rules.service_code
            and (rules.usage_type = '' or rules.usage_type = rule_keys.usage_type)
            and (rules.region_id = '' or rules.region_id = rule_keys.region)
            and rule_keys.period >= rules.start_period
            and rule_keys.period < rules.end_period
            and (rule_keys.path = 'on_demand' or (rules.includes_fees and rules.rule_type <> 'FIXED_RATE'))
    union all
    select rule_keys.*, rules.pricing_rule_id, rules.rule_type, rules.factor, rules.precedence
    from rule_keys
    inner join settled_rules as rules
        on
            rule_keys.plan = rules.pricing_plan_id
            and rules.service_code = ''
            and (rules.billing_entity = '' or rules.billing_entity = rule_keys.entity)
            and rule_keys.period >= rules.start_period
            and rule_keys.period < rules.end_period
            and (rule_keys.path = 'on_demand' or (rules.includes_fees and rules.rule_type <> 'FIXED_RATE'))
),

winning_rules as (
    select *
    from matched_rules
    qualify
        row_number() over (
            partition by period, plan, path, entity, service, usage_type, region order by precedence desc
        ) = 1
)

select
    routed.period as billing_period,
    routed.billing_group as billing_group_id,
    routed.payer as billing_account_id,
    routed.account as sub_account_id,
    routed.charge_date,
    routed.charge_type,
    routed.line_type as line_item_type,
    routed.entity as billing_entity,
    routed.service as service_code,
    routed.usage_type,
    routed.operation,
    routed.region as region_id,
    routed.commitment as commitment_id,
    routed.owner_group as commitment_owner_group_id,
    case
        when routed.entity = 'AWS Marketplace' and routed.charge_type not in ('aws_credit', 'refund', 'aws_tax')
            then 'marketplace'
        else case routed.charge_type
            when 'negotiated_discount' then 'discount'
            when 'commitment_fee' then 'commitment'
            when 'fee' then 'fee'
            when 'aws_credit' then 'credit'
            when 'refund' then 'refund'
            when 'aws_tax' then 'aws_tax'
            else 'usage'
        end
    end as line_kind,
    routed.unit as usage_unit,
    routed.list_cost_source,
    case when routed.reason = '' then 'billed' else 'withheld' end as treatment,
    routed.reason as treatment_reason,
    case when routed.reason = '' then routed.path else 'none' end as rating_path,
    coalesce(rules.pricing_rule_id, '') as pricing_rule_id,
    routed.row_count,
    routed.quantity as usage_quantity,
    routed.list_cost,
    routed.aws_cost,
    routed.effective_cost,
    case
        when routed.reason <> '' then 0::decimal(38, 20)
        when rules.rule_type = 'FIXED_RATE' then (routed.quantity * rules.factor)::decimal(38, 20)
        when routed.path = 'on_demand'
            then (routed.list_cost * coalesce(rules.factor, 1::decimal(22, 10)))::decimal(38, 20)
        when routed.path in ('effective_cost', 'unused_commitment') then routed.effective_cost::decimal(38, 20)
        when routed.path = 'share'
            then (routed.aws_cost * (routed.share_percentage * 0.01)::decimal(22, 10))::decimal(38, 20)
        else (routed.aws_cost * coalesce(rules.factor, 1::decimal(22, 10)))::decimal(38, 20)
    end as billed_cost
from routed
left join winning_rules as rules
    on
        routed.reason = ''
        and routed.period = rules.period
        and routed.plan = rules.plan
        and routed.path = rules.path
        and routed.entity = rules.entity
        and routed.service = rules.service
        and routed.usage_type = rules.usage_type
        and routed.region = rules.region;

create table invoice_lines as
with

summed as (
    select
        billing_period, billing_group_id, line_kind, service_code, sum(billed_cost)::decimal(38, 20) as exact_amount_usd
    from charges
    where treatment = 'billed'
    group by all
    having sum(billed_cost) <> 0
)

select
    summed.*,
    customers.currency,
    round(
        exact_amount_usd::decimal(28, 14) * case customers.currency when 'USD' then 1 else fx_rates.rate::decimal(8, 4) end,
        2
    )::decimal(22, 4) as net_amount
from summed
inner join billing_groups using (billing_group_id)
inner join customers using (customer_id)
left join fx_rates
    on summed.billing_period = strptime(fx_rates.period, '%Y-%m')::date and customers.currency = fx_rates.to_currency;

-- Each line split over its accounts in cents, by largest remainder.
create table invoice_line_accounts as
with

weighed as (
    select
        lines.billing_period, lines.billing_group_id, lines.line_kind, lines.service_code, charges.sub_account_id,
        any_value(lines.net_amount * 100)::hugeint as cents,
        -- Fourteen decimals are all there are.
        (sum(charges.billed_cost)::decimal(28, 14) * 100000000000000::decimal(15, 0))::hugeint as weight
    from charges
    inner join invoice_lines as lines using (billing_period, billing_group_id, line_kind, service_code)
    where charges.treatment = 'billed'
    group by all
    having sum(charges.billed_cost) <> 0
),

signed as (
    select
        * exclude (weight),
        weight * sign(sum(weight) over line)::hugeint as weight,
        abs(sum(weight) over line)::hugeint as total
    from weighed
    window line as (partition by billing_period, billing_group_id, line_kind, service_code)
),

floored as (
    select
        *,
        abs(cents) * weight // total - case when abs(cents) * weight % total < 0 then 1 else 0 end as share,
        (abs(cents) * weight % total + total) % total as rest
    from signed
)

select
    billing_period, billing_group_id, line_kind, service_code, sub_account_id,
    (
        sign(cents) * (
            share + case
                when
                    row_number() over (
                        partition by billing_period, billing_group_id, line_kind, service_code
                        order by rest desc, sub_account_id
                    )
                    <= abs(cents) - sum(share) over (
                        partition by billing_period, billing_group_id, line_kind, service_code
                    )
                    then 1
                else 0
            end
        )
    )::decimal(18, 0) * 0.01::decimal(4, 2) as net_amount
from floored;
