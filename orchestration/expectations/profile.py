"""Profiles of deliveries: small, exact, made once when a delivery is new, and kept to compare the next one with.

What is here: the SQL that fills ``raw.profiled_deliveries`` and ``raw.delivery_profiles``.
When to add here: another fact about rows that a check needs.
What does not belong here: what is expected of the facts (``line_items``, ``drift``).

A profile has one row per delivery, dimension and value (an account, a service, an hour, a kind of defect) with the rows
and the unblended cost it stands for. It is as small for 50 million rows as for 50 of the same accounts and services.
"""

import duckdb

from orchestration.expectations.limits import limit
from orchestration.ingest.columns import literal

__all__ = ["COLUMNS_OF_RULES", "profile_new_deliveries"]

COLUMNS_OF_RULES = (
    *("bill_invoice_id", "bill_billing_entity", "line_item_usage_amount", "line_item_usage_type"),
    *("line_item_operation", "line_item_net_unblended_cost", "pricing_public_on_demand_cost", "pricing_unit"),
    *("reservation_reservation_a_r_n", "reservation_effective_cost", "reservation_unused_recurring_fee"),
    *("reservation_unused_amortized_upfront_fee_for_billing_period", "savings_plan_savings_plan_a_r_n"),
    *("savings_plan_savings_plan_effective_cost", "savings_plan_total_commitment_to_date"),
    *("savings_plan_used_commitment", "split_line_item_parent_resource_id", "discount_total_discount"),
    *("discount_bundled_discount", "discount"),
    # A FOCUS export's own, by C4.
    *("list_cost", "effective_cost", "consumed_quantity", "commitment_discount_id", "commitment_discount_status"),
)
"""Columns that a rule reads where they are there, in snake case; dropping one changes bills in silence."""

_FRESH = f"""
create or replace temp table fresh_deliveries as
select
    nextval('raw.profile_numbers') as profile_number,
    deliveries.delivery_key,
    coalesce(deliveries.fingerprint, '') as fingerprint,
    deliveries.payer_account_id,
    deliveries.billing_period,
    deliveries.row_count,
    deliveries.unblended_cost,
    coalesce(deliveries.open_row_count, 0) = 0 as is_final,
    coalesce(deliveries.columns, []) as columns,
    coalesce(deliveries.form, '') as form,
    {limit("largest_cost", "deliveries.payer_account_id", "deliveries.billing_period")} as largest_cost,
    case
        when
            deliveries.row_count
            <= {limit("duplicate_rows", "deliveries.payer_account_id", "deliveries.billing_period")}
            then 0
        else {limit("duplicate_cost", "deliveries.payer_account_id", "deliveries.billing_period")}
    end as duplicate_cost
from raw.deliveries as deliveries
where
    deliveries.status = 'current' and deliveries.is_billed
    and not exists (
        select 1
        from raw.profiled_deliveries as profiled
        where profiled.delivery_key = deliveries.delivery_key and profiled.fingerprint = deliveries.fingerprint
    )
"""

_IS_SPLIT = """(
    coalesce(rows.split_line_item_parent_resource_id, '') <> ''
    or coalesce(rows.line_item_operation, '') in ('EKSPod-EC2', 'ECSTask-EC2')
)"""

# One pass: everything that can be told from a row by itself. What follows sums this table up. Deliveries are named by a
# list of constants, from which the view knows which files to open.
_FINE = f"""
create or replace temp table fine_profiles as
with

line_items as (
    select
        delivery_key,
        bill_payer_account_id as payer,
        line_item_usage_account_id as account,
        line_item_line_item_type as line_item_type,
        bill_bill_type as bill_type,
        line_item_currency_code as currency,
        line_item_product_code as service,
        bill_invoice_id as invoice,
        coalesce(nullif(reservation_reservation_a_r_n, ''), savings_plan_savings_plan_a_r_n) as commitment,
        line_item_unblended_cost as cost,
        line_item_usage_amount as usage_amount,
        line_item_net_unblended_cost as net_cost,
        line_item_usage_start_date as usage_start,
        bill_billing_period_start_date as period_start,
        billing_period,
        discount_mode,
        {_IS_SPLIT} as is_split
    from raw.cur_line_items as rows
    where delivery_key in ({{keys}})
),

summed as (
    select
        delivery_key, payer, account, line_item_type, bill_type, currency, service, invoice, commitment, is_split,
        count(*) as row_count,
        coalesce(sum(cost), 0) as unblended_cost,
        count(*) - count(cost) as missing_cost_count,
        count(*) - count(usage_start) as missing_start_count,
        count(*) filter (where period_start is distinct from billing_period) as other_period_count,
        -- Extremes cost half of what a filter per promise would; who breaks one is found in a group of few rows.
        max(cost) as highest_cost,
        min(cost) as lowest_cost,
        min(usage_amount) as lowest_usage,
        count(*) filter (where net_cost > cost and discount_mode = 'columns') as net_above_count
    from line_items
    group by all
)

select
    fresh.profile_number, fresh.form, summed.* exclude (delivery_key),
    coalesce(greatest(summed.highest_cost, -summed.lowest_cost) > fresh.largest_cost, false) as is_implausible
from summed
inner join fresh_deliveries as fresh on summed.delivery_key = fresh.delivery_key
"""

_CHARGED = (
    "('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage', 'RIFee', 'Fee', 'SavingsPlanRecurringFee', "
    "'SavingsPlanUpfrontFee', 'FlatRateSubscription')"
)
_GIVEN = "(ends_with(line_item_type, 'Discount') or line_item_type in ('Credit', 'Refund', 'SavingsPlanNegation'))"
_USED = "('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage')"

# Dimension: value, rows, cost and which rows of the fine profile it sums up.
_SUMS = {
    "payer": ("payer", "row_count", "unblended_cost", "true"),
    "account": ("account", "row_count", "unblended_cost", "true"),
    "line_item_type": ("line_item_type", "row_count", "unblended_cost", "true"),
    "bill_type": ("bill_type", "row_count", "unblended_cost", "true"),
    "currency": ("currency", "row_count", "unblended_cost", "true"),
    "service": ("service", "row_count", "unblended_cost", "not is_split"),
    "invoice": ("invoice", "row_count", "unblended_cost", "not is_split and coalesce(invoice, '') <> ''"),
    "used_account": ("account", "row_count", "unblended_cost", f"not is_split and line_item_type in {_USED}"),
    "used_service": ("service", "row_count", "unblended_cost", f"not is_split and line_item_type in {_USED}"),
    "used": ("''", "row_count", "unblended_cost", f"not is_split and line_item_type in {_USED}"),
    "rows": ("''", "row_count", "0", "true"),
    "cost": ("''", "row_count", "unblended_cost", "not is_split"),
    "missing_cost": ("account", "missing_cost_count", "0", "missing_cost_count > 0"),
    "missing_start": ("line_item_type", "missing_start_count", "unblended_cost", "missing_start_count > 0"),
    "other_period": ("account", "other_period_count", "0", "other_period_count > 0"),
    "implausible_cost": ("account", "row_count", "unblended_cost", "is_implausible"),
    "negative_usage": ("account", "row_count", "unblended_cost", "lowest_usage < 0"),
    "wrongly_positive": ("line_item_type", "row_count", "unblended_cost", f"highest_cost > 0 and {_GIVEN}"),
    "wrongly_negative": (
        "line_item_type",
        "row_count",
        "unblended_cost",
        f"lowest_cost < 0 and line_item_type in {_CHARGED}",
    ),
    "net_above": ("service", "net_above_count", "0", f"net_above_count > 0 and line_item_type in {_USED}"),
    # Covered usage and negations cancel; FOCUS has none (C4).
    "savings_plan": (
        "commitment",
        "row_count",
        "unblended_cost",
        "commitment <> '' and line_item_type in ('SavingsPlanCoveredUsage', 'SavingsPlanNegation') "
        "and not starts_with(form, 'focus')",
    ),
}

# Effective + unused = fee + amortised upfront, per reservation that has a fee row. A pass of its own, because few rows
# have a reservation, and its columns are read of those only.
_RESERVATIONS = """
with

reserved as (
    select
        delivery_key,
        reservation_reservation_a_r_n as reservation,
        line_item_line_item_type as line_item_type,
        count(*) as row_count,
        coalesce(sum(line_item_unblended_cost), 0) as unblended_cost,
        coalesce(sum(reservation_effective_cost), 0) as effective_cost,
        coalesce(sum(reservation_unused_recurring_fee), 0)
        + coalesce(sum(reservation_unused_amortized_upfront_fee_for_billing_period), 0) as unused_cost,
        coalesce(sum(reservation_amortized_upfront_fee_for_billing_period), 0) as amortized_cost
    from raw.cur_line_items
    where
        delivery_key in ({keys})
        and line_item_line_item_type in ('DiscountedUsage', 'RIFee')
        and reservation_reservation_a_r_n <> ''
    group by all
)

select
    fresh.profile_number,
    'reservation' as dimension,
    reserved.reservation as value,
    cast(sum(reserved.row_count) as bigint) as row_count,
    cast(
        sum(
            case
                when reserved.line_item_type = 'DiscountedUsage' then reserved.effective_cost
                else reserved.unused_cost - reserved.unblended_cost - reserved.amortized_cost
            end
        ) as decimal(38, 10)
    ) as unblended_cost
from reserved
inner join fresh_deliveries as fresh on reserved.delivery_key = fresh.delivery_key
where not starts_with(fresh.form, 'focus')
group by fresh.profile_number, reserved.reservation
having count(*) filter (where reserved.line_item_type = 'RIFee') > 0
"""

_HOURS = f"""
with

starts as (
    select delivery_key, line_item_usage_start_date as usage_start, count(*) as row_count
    from raw.cur_line_items
    where
        delivery_key in ({{keys}})
        and line_item_line_item_type in {_USED}
    group by all
)

select
    fresh.profile_number,
    'hour' as dimension,
    strftime(date_trunc('hour', starts.usage_start), '%Y-%m-%d %H:00') as value,
    cast(sum(starts.row_count) as bigint) as row_count,
    cast(0 as decimal(38, 10)) as unblended_cost
from starts
inner join fresh_deliveries as fresh on starts.delivery_key = fresh.delivery_key
where
    starts.usage_start >= fresh.billing_period and starts.usage_start < fresh.billing_period + interval 1 month
group by all
"""

_IDENTIFIED = f"""
    rows.identity_line_item_id <> '' and rows.identity_time_interval <> '' and not {_IS_SPLIT}
    and (fresh.duplicate_cost = 0 or abs(rows.line_item_unblended_cost) >= fresh.duplicate_cost)
"""

# Hashes find suspects without keeping ids in memory; ids decide about them.
_SUSPECTS = f"""
create or replace temp table suspected_ids as
select fresh.profile_number, hash(rows.identity_line_item_id, rows.identity_time_interval) as id_hash
from raw.cur_line_items as rows
inner join fresh_deliveries as fresh on rows.delivery_key = fresh.delivery_key
where {_IDENTIFIED}
group by all
having count(*) > 1
"""

_TWICE = f"""
with

suspected as (
    select
        fresh.profile_number,
        rows.identity_line_item_id || ' ' || rows.identity_time_interval as id,
        {{
            'type': rows.line_item_line_item_type,
            'account': rows.line_item_usage_account_id,
            'service': rows.line_item_product_code,
            'usage_type': rows.line_item_usage_type,
            'operation': rows.line_item_operation,
            'resource': rows.line_item_resource_id,
            'description': rows.line_item_line_item_description,
            'quantity': rows.line_item_usage_amount,
            'cost': rows.line_item_unblended_cost,
            'public_cost': rows.pricing_public_on_demand_cost,
            'reservation_cost': rows.reservation_effective_cost
        }} as facts,
        rows.line_item_unblended_cost as cost,
        -- What a reservation covers costs nothing by itself, and is billed all the same (RS1, RS3).
        coalesce(rows.line_item_unblended_cost, 0) <> 0
        or coalesce(rows.pricing_public_on_demand_cost, 0) <> 0
        or coalesce(rows.reservation_effective_cost, 0) <> 0 as has_cost
    from raw.cur_line_items as rows
    inner join fresh_deliveries as fresh on rows.delivery_key = fresh.delivery_key
    inner join suspected_ids
        on
            fresh.profile_number = suspected_ids.profile_number
            and hash(rows.identity_line_item_id, rows.identity_time_interval) = suspected_ids.id_hash
    where {_IDENTIFIED}
),

alike as (
    select
        profile_number, id, facts, count(*) as row_count, any_value(cost) as cost, bool_or(has_cost) as has_cost
    from suspected
    group by profile_number, id, facts
),

found as (
    select
        profile_number, 'row_twice' as dimension, id as value,
        cast(row_count - 1 as bigint) as row_count,
        cast((row_count - 1) * coalesce(cost, 0) as decimal(38, 10)) as unblended_cost
    from alike
    where row_count > 1 and has_cost
    union all
    select
        profile_number, 'id_twice' as dimension, id as value,
        cast(count(*) as bigint) as row_count,
        cast(coalesce(sum(cost), 0) as decimal(38, 10)) as unblended_cost
    from alike
    group by profile_number, id
    having count(*) > 1
)

select *
from found
-- As many as anybody would look at; the rest says nothing new.
qualify row_number() over (partition by profile_number, dimension order by abs(unblended_cost) desc, value) <= 1000
"""

# The newest of a month and the one before it are compared; older ones say nothing any more.
_PRUNE = """
delete from raw.profiled_deliveries
where profile_number in (
    select profile_number
    from raw.profiled_deliveries
    qualify row_number() over (partition by payer_account_id, billing_period order by profile_number desc) > 2
);
delete from raw.delivery_profiles
where profile_number not in (select profile_number from raw.profiled_deliveries);
"""


def profile_new_deliveries(connection: duckdb.DuckDBPyConnection) -> int:
    """Profile the current deliveries that have none yet, in one transaction; return how many those are.

    Reads ``raw.cur_line_items`` of those deliveries only. Needs ``limits`` (``prepare_limits``).
    """
    connection.execute(_FRESH)
    keys = [str(key) for (key,) in connection.execute("select delivery_key from fresh_deliveries").fetchall()]
    if not keys:
        return 0
    listed = ", ".join(literal(key) for key in keys)
    connection.execute("begin transaction")
    try:
        connection.execute(_FINE.format(keys=listed))
        connection.execute(_SUSPECTS)
        raw = [_HOURS.format(keys=listed), _RESERVATIONS.format(keys=listed)]
        for query in [*raw, *(_summed(dimension) for dimension in _SUMS), _TWICE]:
            connection.execute(f"insert into raw.delivery_profiles {query}")
        connection.execute(
            "insert into raw.profiled_deliveries by name "
            "select * exclude (largest_cost, duplicate_cost) from fresh_deliveries"
        )
        connection.execute(_PRUNE)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return len(keys)


def _summed(dimension: str) -> str:
    value, row_count, cost, condition = _SUMS[dimension]
    return (
        f"select profile_number, '{dimension}', coalesce({value}, ''), cast(sum({row_count}) as bigint), "
        f"cast(sum({cost}) as decimal(38, 10)) from fine_profiles where {condition} group by all"
    )
