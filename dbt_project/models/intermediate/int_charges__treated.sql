{# One row per usage grain row (and per discount that column mode keeps inside a row) and scenario: whose it is,
   which policy acts on it, and the path its price takes. No price yet: rules are joined afterwards, on distinct
   keys. #}
with

grain as (
    select * from {{ ref('int_usage_grain') }}
    where {{ is_current_period('billing_period') }}
),

charge_types as (
    select * from {{ ref('charge_types') }}
),

charge_type_columns as (
    select * from {{ ref('charge_type_columns') }}
),

support_products as (
    select * from {{ ref('support_products') }}
),

memberships as (
    select * from {{ ref('stg_billing__memberships') }}
),

billing_groups as (
    select * from {{ source('billing', 'billing_groups') }}
),

billing_terms as (
    select * from {{ source('billing', 'billing_terms') }}
),

shared_cost_rules as (
    select * from {{ source('billing', 'shared_cost_rules') }}
),

commitment_scenarios as (
    select * from {{ ref('commitment_scenarios') }}
),

tiered_plans as (
    select distinct pricing_plan_id from {{ ref('stg_billing__rules') }}
    where rule_type = 'TIERED'
),

discount_types as (
    select types.charge_type
    from (values ('bundled_discount'), ('partner_discount'), ('negotiated_discount')) as types (charge_type)
),

discounts as (
    select
        grain.*,
        discount_types.charge_type as discount_charge_type,
        case discount_types.charge_type
            when 'bundled_discount' then grain.bundled_discount_cost
            when 'partner_discount' then grain.partner_discount_cost
            else grain.negotiated_discount_cost
        end as aws_cost
    from grain
    cross join discount_types
    where grain.bundled_discount_cost <> 0 or grain.partner_discount_cost <> 0 or grain.negotiated_discount_cost <> 0
),

-- C2: a discount inside a row is split out as a charge of its own. It follows its row into quarantine, if that goes
-- there.
charges as (
    select
        grain.*,
        cast(null as varchar) as discount_charge_type,
        unblended_cost as aws_cost
    from grain
    union all by name
    select
        * replace (
            cast(0 as decimal(38, 10)) as usage_quantity,
            cast(0 as decimal(38, 10)) as normalized_quantity,
            cast(0 as decimal(38, 10)) as public_on_demand_cost,
            aws_cost as effective_cost,
            cast(0 as decimal(38, 10)) as commitment_cost,
            0 as row_count,
            0 as open_row_count,
            cast(0 as decimal(38, 10)) as open_cost
        )
    from discounts
    where aws_cost <> 0
),

-- M1: only a column that a rule reads for the row's own charge type quarantines it. Net cost counts for every type.
bad_columns as (
    select
        bad.bad_columns,
        bad.line_item_type,
        bad.has_reservation,
        min(bad.bad_column) as bad_column
    from (
        select distinct
            bad_columns,
            line_item_type,
            has_reservation,
            unnest(string_split(bad_columns, '|')) as bad_column
        from grain
        where bad_columns is not null
    ) as bad
    inner join charge_types
        on
            bad.line_item_type = charge_types.line_item_type
            and (charge_types.line_item_type <> 'Fee' or charge_types.is_reservation_fee = bad.has_reservation)
    left join charge_type_columns
        on
            charge_types.charge_type = charge_type_columns.charge_type
            and bad.bad_column = charge_type_columns.cur_column
    where charge_type_columns.cur_column is not null or bad.bad_column = 'line_item_net_unblended_cost'
    group by bad.bad_columns, bad.line_item_type, bad.has_reservation
),

-- P3: the row's date where the account moves inside the month, else any day of it; the period's last day decides under
-- the basis `billing_period`, and then the grain carries no dates.
placed as (
    select
        charges.*,
        coalesce(charges.membership_date, last_day(charges.billing_period)) as placing_date,
        case when charges.commitment_id <> '' then split_part(charges.commitment_id, ':', 5) else '' end
            as commitment_owner_account_id
    from charges
),

assigned as (
    select
        placed.*,
        -- P4: the one group that takes what nobody claims, else the reserved group.
        coalesce(account_memberships.billing_group_id, auto_groups.billing_group_id, 'UNASSIGNED') as billing_group_id,
        coalesce(
            owner_memberships.billing_group_id,
            case when placed.commitment_owner_account_id <> '' then auto_groups.billing_group_id end
        ) as owner_billing_group_id
    from placed
    left join memberships as account_memberships
        on
            placed.sub_account_id = account_memberships.sub_account_id
            and placed.placing_date >= account_memberships.start_date
            and placed.placing_date < account_memberships.end_date
    left join memberships as owner_memberships
        on
            placed.commitment_owner_account_id = owner_memberships.sub_account_id
            and placed.placing_date >= owner_memberships.start_date
            and placed.placing_date < owner_memberships.end_date
    left join billing_groups as auto_groups
        on
            auto_groups.auto_associate
            and placed.billing_period >= auto_groups.start_period
            and (auto_groups.end_period is null or placed.billing_period < auto_groups.end_period)
),

typed as (
    select
        assigned.*,
        coalesce(assigned.discount_charge_type, charge_types.charge_type, 'unknown') as charge_type,
        case
            when charge_types.charge_type is null then 'unknown_type'
            when bad_columns.bad_column is not null then 'bad_value:' || bad_columns.bad_column
        end as quarantine_reason,
        assigned.discount_charge_type is null
        and charge_types.charge_type in ('usage', 'fee')
        and exists (
            select 1 as is_prefix
            from support_products
            where starts_with(assigned.service_code, support_products.service_code_prefix)
        ) as is_support,
        -- G1: a rule that names the service beats one for the whole account.
        case
            when
                coalesce(assigned.discount_charge_type, charge_types.charge_type)
                not in ('aws_tax', 'partner_discount')
                then coalesce(service_rules.shared_cost_rule_id, account_rules.shared_cost_rule_id)
        end as shared_cost_rule_id,
        billing_terms.pricing_plan_id,
        tiered_plans.pricing_plan_id is not null as has_tiers,
        billing_terms.commitment_policy,
        billing_terms.upfront_policy,
        billing_terms.free_tier_policy,
        billing_terms.support_policy,
        billing_terms.bundled_discount_policy,
        billing_terms.negotiated_discount_policy,
        billing_terms.aws_credit_policy,
        billing_terms.aws_credit_share_percentage,
        billing_terms.refund_policy,
        billing_terms.tax_policy
    from assigned
    left join charge_types
        on
            assigned.line_item_type = charge_types.line_item_type
            and (charge_types.line_item_type <> 'Fee' or charge_types.is_reservation_fee = assigned.has_reservation)
    left join bad_columns
        on
            assigned.bad_columns = bad_columns.bad_columns
            and assigned.line_item_type = bad_columns.line_item_type
            and assigned.has_reservation = bad_columns.has_reservation
    left join billing_terms
        on
            assigned.billing_group_id = billing_terms.billing_group_id
            and assigned.billing_period >= billing_terms.start_period
            and (billing_terms.end_period is null or assigned.billing_period < billing_terms.end_period)
    left join tiered_plans on billing_terms.pricing_plan_id = tiered_plans.pricing_plan_id
    left join shared_cost_rules as service_rules
        on
            service_rules.source_kind = 'account'
            and assigned.sub_account_id = service_rules.source_account_id
            and assigned.service_code = service_rules.source_service_code
            and assigned.billing_period >= service_rules.start_period
            and (service_rules.end_period is null or assigned.billing_period < service_rules.end_period)
    left join shared_cost_rules as account_rules
        on
            account_rules.source_kind = 'account'
            and assigned.sub_account_id = account_rules.source_account_id
            and coalesce(account_rules.source_service_code, '') = ''
            and assigned.billing_period >= account_rules.start_period
            and (account_rules.end_period is null or assigned.billing_period < account_rules.end_period)
),

-- RS6: what a commitment policy can change is also priced under each of them.
scenarios as (
    select
        typed.* replace (
            coalesce(nullif(commitment_scenarios.commitment_policy, ''), typed.commitment_policy) as commitment_policy
        ),
        commitment_scenarios.scenario
    from typed
    cross join commitment_scenarios
    where
        commitment_scenarios.scenario = 'applied'
        or (
            typed.billing_group_id <> 'UNASSIGNED'
            and {{ depends_on_commitment_policy('typed.charge_type', 'typed.has_tiers') }}
        )
),

-- The path a price takes, or why the row is not billed. Order matters: what cannot be read is never withheld, what
-- nobody owns is never rated, and what is ours alone (partner discounts) never reaches a policy. Shared costs (G1) are
-- taken before anybody's policies act, from accounts in a group or in none.
routed as (
    select
        scenarios.*,
        case
            when quarantine_reason is not null then quarantine_reason
            when shared_cost_rule_id is not null then 'shared_cost'
            when billing_group_id = 'UNASSIGNED' then 'unassigned'
            when charge_type = 'partner_discount' then 'partner_discount'
            when charge_type = 'aws_tax' and tax_policy <> 'pass_through' then 'aws_tax'
            -- F1
            when is_support and support_policy <> 'pass_through' then 'policy'
            when is_support then ''
            -- RS1, RS2, RS3, RS4
            when charge_type = 'savings_plan_negation' and commitment_policy <> 'owner_group' then 'policy'
            when
                charge_type = 'savings_plan_negation' and coalesce(owner_billing_group_id, '') <> billing_group_id
                then 'commitment_outside_group'
            when charge_type = 'commitment_fee' and commitment_policy = 'on_demand' then 'policy'
            when
                charge_type = 'commitment_upfront'
                and (commitment_policy <> 'owner_group' or upfront_policy <> 'pass')
                then 'policy'
            -- F2, F3, F4
            when charge_type = 'bundled_discount' and bundled_discount_policy = 'withhold' then 'policy'
            when charge_type = 'negotiated_discount' and negotiated_discount_policy = 'withhold' then 'policy'
            when charge_type = 'aws_credit' and aws_credit_policy = 'withhold' then 'policy'
            when charge_type = 'refund' and refund_policy = 'withhold' then 'policy'
            else ''
        end as treatment_reason,
        case
            when is_support then 'at_cost'
            when charge_type = 'usage' then 'on_demand'
            when charge_type in ('reservation_covered_usage', 'savings_plan_covered_usage')
                then case
                    -- RS3, RS2, RS1; no rule acts on the first two paths (RS5).
                    when commitment_policy = 'pass_through' then 'effective_cost'
                    when commitment_policy = 'owner_group' and owner_billing_group_id = billing_group_id then 'covered'
                    else 'on_demand'
                end
            when charge_type = 'savings_plan_negation' then 'covered'
            when charge_type = 'commitment_fee'
                then case when commitment_policy = 'pass_through' then 'unused_commitment' else 'fee' end
            when charge_type in ('commitment_upfront', 'fee') then 'fee'
            when charge_type = 'aws_credit' and aws_credit_policy = 'share' then 'share'
            else 'at_cost'
        end as routed_path
    from scenarios
),

final as (
    select
        -- ids
        scenario,
        billing_period,
        billing_group_id,
        billing_account_id,
        sub_account_id,
        membership_date as charge_date,
        commitment_id,
        commitment_owner_account_id,
        coalesce(owner_billing_group_id, '') as commitment_owner_group_id,
        pricing_plan_id,
        case when treatment_reason = 'shared_cost' then shared_cost_rule_id else '' end as shared_cost_rule_id,

        -- what it is
        charge_type,
        line_item_type,
        billing_entity,
        service_code,
        service_name,
        usage_type,
        operation,
        region_id,
        usage_unit,
        is_support,

        -- what happens to it
        case
            when quarantine_reason is not null then 'unrated'
            when treatment_reason <> '' then 'withheld'
            else 'billed'
        end as treatment,
        treatment_reason,
        case when treatment_reason <> '' then 'none' else routed_path end as rating_path,
        aws_credit_share_percentage,
        free_tier_policy,

        -- R1
        case
            when charge_type = 'usage' and not is_support
                then case
                    when public_price = 'public' then 'public_on_demand_cost'
                    when public_price = 'missing' then 'unblended_cost'
                    else 'free_tier'
                end
            when charge_type in ('reservation_covered_usage', 'savings_plan_covered_usage')
                then case when public_price = 'missing' then 'unblended_cost' else 'public_on_demand_cost' end
            else ''
        end as list_cost_source,
        case
            -- Covered usage carries the list price, so what AWS charges for or against the commitment has none.
            when charge_type in ('savings_plan_negation', 'commitment_fee', 'commitment_upfront')
                then cast(0 as decimal(38, 10))
            when
                charge_type in ('reservation_covered_usage', 'savings_plan_covered_usage')
                and public_price <> 'missing'
                then public_on_demand_cost
            when charge_type = 'usage' and not is_support and public_price = 'public' then public_on_demand_cost
            when charge_type = 'usage' and not is_support and public_price = 'free'
                then case
                    when free_tier_policy = 'withhold' then public_on_demand_cost
                    else cast(0 as decimal(38, 10))
                end
            else aws_cost
        end as list_cost,

        -- quantities and amounts
        row_count,
        usage_quantity,
        normalized_quantity,
        aws_cost,
        effective_cost,
        commitment_cost,
        open_row_count,
        open_cost
    from routed
)

select * from final
