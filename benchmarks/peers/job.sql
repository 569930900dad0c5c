-- The yardstick's charges, invoice lines and accounts of lines in SQL that PostgreSQL and Spark both read. Each step is
-- one query; a program keeps its result under the step's name as it likes best. Reads `cur` (the columns that the
-- yardstick reads, named as AWS names them) and the configuration's files as tables of text, empty cells being NULL.

-- step: settled_rules
select
    pricing_rule_id,
    pricing_plan_id,
    rule_type,
    include_fees = 'true' as includes_fees,
    coalesce(billing_entity, '') as billing_entity,
    coalesce(service_code, '') as service_code,
    coalesce(usage_type, '') as usage_type,
    coalesce(region, '') as region_id,
    cast(start_period || '-01' as date) as start_period,
    coalesce(cast(end_period || '-01' as date), date '9999-12-01') as end_period,
    case rule_type
        when 'FIXED_RATE' then cast(rate as decimal(13, 10))
        when 'MARKUP' then cast((100 + cast(percentage as decimal(6, 2))) * 0.01 as decimal(13, 10))
        when 'DISCOUNT' then cast((100 - cast(percentage as decimal(6, 2))) * 0.01 as decimal(13, 10))
    end as factor,
    case scope when 'SKU' then 40 when 'SERVICE' then 30 when 'BILLING_ENTITY' then 20 else 10 end
    + case when coalesce(region, '') = '' then 0 else 1 end as precedence
from pricing_rules

-- step: memberships
select
    account_id,
    billing_group_id,
    cast(start_date as date) as start_date,
    coalesce(cast(end_date as date), date '9999-12-31') as end_date
from account_assignments

-- step: moving
select distinct cast(date_trunc('month', start_date) as date) as period, account_id
from memberships
where extract(day from start_date) > 1

-- step: grain
with

read as (
    select
        cast(bill_billing_period_start_date as date) as period,
        cast(line_item_usage_start_date as date) as usage_date,
        bill_payer_account_id as payer,
        line_item_usage_account_id as account,
        line_item_line_item_type as line_type,
        bill_billing_entity as entity,
        line_item_product_code as service,
        line_item_usage_type as usage_type,
        line_item_operation as operation,
        product_region_code as region,
        coalesce(pricing_unit, '') as unit,
        coalesce(nullif(reservation_reservation_a_r_n, ''), nullif(savings_plan_savings_plan_a_r_n, ''), '') as commitment,
        cast(line_item_usage_amount as decimal(22, 10)) as quantity,
        cast(line_item_unblended_cost as decimal(22, 10)) as cost,
        cast(pricing_public_on_demand_cost as decimal(22, 10)) as public_cost,
        cast(
            case line_item_line_item_type
                when 'DiscountedUsage' then coalesce(reservation_effective_cost, 0)
                when 'SavingsPlanCoveredUsage' then coalesce(savings_plan_savings_plan_effective_cost, 0)
                when 'SavingsPlanNegation' then 0
                when 'RIFee' then coalesce(reservation_unused_recurring_fee, 0)
                when 'SavingsPlanRecurringFee' then coalesce(savings_plan_total_commitment_to_date, 0)
                else line_item_unblended_cost
            end as decimal(22, 10)
        ) as effective_cost,
        cast(
            case when line_item_line_item_type = 'SavingsPlanRecurringFee' then coalesce(savings_plan_used_commitment, 0) else 0 end
            as decimal(22, 10)
        ) as used_commitment
    from cur
),

dated as (
    select
        read.*,
        case when moving.account_id is not null or owners.account_id is not null then usage_date end as charge_date,
        case
            when line_type not in ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage') then ''
            when coalesce(public_cost, 0) = 0 then 'missing'
            when cost = 0 and public_cost > 0 and line_type = 'Usage' then 'free'
            else 'public'
        end as public_price
    from read
    left join moving on read.period = moving.period and read.account = moving.account_id
    left join moving as owners
        on read.period = owners.period and split_part(read.commitment, ':', 5) = owners.account_id and read.commitment <> ''
)

select
    period, payer, account, charge_date, line_type, entity, service, usage_type, operation, region, unit, commitment,
    public_price,
    count(*) as row_count,
    cast(coalesce(sum(quantity), 0) as decimal(24, 10)) as quantity,
    cast(sum(cost) as decimal(24, 10)) as aws_cost,
    cast(coalesce(sum(public_cost), 0) as decimal(24, 10)) as public_cost,
    cast(sum(effective_cost) - sum(used_commitment) as decimal(24, 10)) as effective_cost
from dated
group by
    period, payer, account, charge_date, line_type, entity, service, usage_type, operation, region, unit, commitment,
    public_price

-- step: routed
with

placed as (
    select
        grain.*,
        coalesce(members.billing_group_id, 'UNASSIGNED') as billing_group_id,
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
    from (
        select
            *,
            coalesce(charge_date, cast(period + interval '1' month - interval '1' day as date)) as placing_date
        from grain
    ) as grain
    left join memberships as members
        on
            grain.account = members.account_id
            and grain.placing_date >= members.start_date
            and grain.placing_date < members.end_date
    left join memberships as owners
        on
            split_part(grain.commitment, ':', 5) = owners.account_id
            and grain.commitment <> ''
            and grain.placing_date >= owners.start_date
            and grain.placing_date < owners.end_date
)

select
    placed.*,
    terms.pricing_plan_id as plan,
    cast(terms.aws_credit_share_percentage as decimal(8, 2)) as share_percentage,
    case
        when placed.billing_group_id = 'UNASSIGNED' then 'unassigned'
        when charge_type = 'aws_tax' then 'aws_tax'
        when charge_type = 'savings_plan_negation' and terms.commitment_policy <> 'owner_group' then 'policy'
        when charge_type = 'savings_plan_negation' and owner_group <> placed.billing_group_id
            then 'commitment_outside_group'
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
                when terms.commitment_policy = 'owner_group' and owner_group = placed.billing_group_id then 'covered'
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
        when charge_type in ('savings_plan_negation', 'commitment_fee') then cast(0 as decimal(24, 10))
        when charge_type in ('reservation_covered_usage', 'savings_plan_covered_usage') and public_price <> 'missing'
            then public_cost
        when charge_type = 'usage' and public_price = 'public' then public_cost
        when charge_type = 'usage' and public_price = 'free'
            then case when terms.free_tier_policy = 'withhold' then public_cost else cast(0 as decimal(24, 10)) end
        else aws_cost
    end as list_cost
from placed
left join billing_terms as terms on placed.billing_group_id = terms.billing_group_id

-- step: winning_rules
with

rule_keys as (
    select distinct period, plan, path, entity, service, usage_type, region
    from routed
    where reason = '' and path in ('on_demand', 'fee')
),

matched as (
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
)

select period, plan, path, entity, service, usage_type, region, pricing_rule_id, rule_type, factor
from (
    select
        *,
        row_number() over (
            partition by period, plan, path, entity, service, usage_type, region order by precedence desc
        ) as place
    from matched
) as ranked
where place = 1

-- step: charges
select
    routed.period as billing_period,
    routed.billing_group_id,
    routed.payer,
    routed.account as sub_account_id,
    routed.charge_date,
    routed.charge_type,
    routed.line_type,
    routed.entity,
    routed.service as service_code,
    routed.usage_type,
    routed.operation,
    routed.region,
    routed.commitment,
    routed.owner_group,
    case
        when routed.entity = 'AWS Marketplace' and routed.charge_type not in ('aws_credit', 'refund', 'aws_tax')
            then 'marketplace'
        when routed.charge_type = 'negotiated_discount' then 'discount'
        when routed.charge_type = 'commitment_fee' then 'commitment'
        when routed.charge_type = 'aws_credit' then 'credit'
        when routed.charge_type in ('fee', 'refund', 'aws_tax') then routed.charge_type
        else 'usage'
    end as line_kind,
    routed.unit,
    routed.list_cost_source,
    routed.reason,
    routed.path,
    coalesce(rules.pricing_rule_id, '') as pricing_rule_id,
    routed.row_count,
    routed.quantity as usage_quantity,
    routed.list_cost,
    routed.aws_cost,
    routed.effective_cost,
    cast(
        case
            when routed.reason <> '' then cast(0 as decimal(38, 20))
            when rules.rule_type = 'FIXED_RATE' then routed.quantity * rules.factor
            when routed.path = 'on_demand' then routed.list_cost * coalesce(rules.factor, cast(1 as decimal(13, 10)))
            when routed.path in ('effective_cost', 'unused_commitment')
                then routed.effective_cost * cast(1 as decimal(13, 10))
            when routed.path = 'share'
                then routed.aws_cost * cast(routed.share_percentage * 0.01 as decimal(13, 10))
            else routed.aws_cost * coalesce(rules.factor, cast(1 as decimal(13, 10)))
        end as decimal(38, 20)
    ) as billed_cost
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
        and routed.region = rules.region

-- step: invoice_lines
select
    summed.billing_period,
    summed.billing_group_id,
    summed.line_kind,
    summed.service_code,
    summed.exact_amount_usd,
    customers.currency,
    round(
        cast(summed.exact_amount_usd as decimal(28, 14))
        * case customers.currency when 'USD' then cast(1 as decimal(8, 4)) else cast(fx_rates.rate as decimal(8, 4)) end,
        2
    ) as net_amount
from (
    select
        billing_period, billing_group_id, line_kind, service_code,
        cast(sum(billed_cost) as decimal(38, 20)) as exact_amount_usd
    from charges
    where reason = ''
    group by billing_period, billing_group_id, line_kind, service_code
    having sum(billed_cost) <> 0
) as summed
inner join billing_groups on summed.billing_group_id = billing_groups.billing_group_id
inner join customers on billing_groups.customer_id = customers.customer_id
left join fx_rates
    on summed.billing_period = cast(fx_rates.period || '-01' as date) and customers.currency = fx_rates.to_currency

-- step: invoice_line_accounts
with

weighed as (
    select
        lines.billing_period, lines.billing_group_id, lines.line_kind, lines.service_code, charges.sub_account_id,
        cast(max(lines.net_amount) * 100 as decimal(14, 0)) as cents,
        -- Ten decimals of a USD decide between remainders; a product of two wider numbers would not be exact.
        cast(sum(charges.billed_cost) * 10000000000 as decimal(23, 0)) as weight
    from charges
    inner join invoice_lines as lines
        on
            charges.billing_period = lines.billing_period
            and charges.billing_group_id = lines.billing_group_id
            and charges.line_kind = lines.line_kind
            and charges.service_code = lines.service_code
    where charges.reason = ''
    group by
        lines.billing_period, lines.billing_group_id, lines.line_kind, lines.service_code, charges.sub_account_id
    having sum(charges.billed_cost) <> 0
),

summed as (
    select
        *, sum(weight) over (partition by billing_period, billing_group_id, line_kind, service_code) as whole
    from weighed
),

signed as (
    select
        *,
        abs(whole) as total,
        cast(abs(cents) * weight * sign(whole) as decimal(38, 0)) as product
    from summed
),

divided as (
    select *, floor(product / total) as quotient
    from signed
),

-- The quotient was rounded: it may have reached the next whole number.
floored as (
    select
        *,
        case when product - quotient * total < 0 then quotient - 1 else quotient end as part,
        case
            when product - quotient * total < 0 then product - quotient * total + total else product - quotient * total
        end as rest
    from divided
),

ranked as (
    select
        *,
        row_number() over (
            partition by billing_period, billing_group_id, line_kind, service_code order by rest desc, sub_account_id
        ) as place,
        abs(cents) - sum(part) over (
            partition by billing_period, billing_group_id, line_kind, service_code
        ) as missing
    from floored
)

select
    billing_period, billing_group_id, line_kind, service_code, sub_account_id,
    cast(sign(cents) * (part + case when place <= missing then 1 else 0 end) * 0.01 as decimal(18, 2)) as net_amount
from ranked
