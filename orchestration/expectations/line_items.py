"""What we expect of ``raw.cur_line_items``, the rows AWS sent.

What is here: structure, closed lists, ranges and completeness, checked on the profiles of the current deliveries.
When to add here: a promise about rows.
What does not belong here: what a line item type means; unknown types are quarantined by the models (C00), not blocked.
Comparisons with another delivery are in ``drift.py``.
"""

import duckdb
import great_expectations.expectations as gxe

from orchestration.expectations.limits import limit
from orchestration.expectations.validation import CheckResult, Validations, promise

__all__ = ["check_line_items"]

# One row per value of a profile; the value stands in a column of its dimension's name, and money beside it.
_DIMENSIONS = (
    *("payer", "account", "line_item_type", "bill_type", "currency"),
    *("missing_cost", "missing_start", "other_period", "implausible_cost", "negative_usage"),
    *("net_above", "row_twice", "id_twice"),
)

_COLUMNS = ",\n        ".join(
    f"case when profiles.dimension = '{dimension}' then profiles.value end as {dimension}" for dimension in _DIMENSIONS
)

_FRAME = f"""
with

current_deliveries as (
    select deliveries.*, profiled.profile_number
    from raw.deliveries as deliveries
    inner join raw.profiled_deliveries as profiled
        on
            deliveries.delivery_key = profiled.delivery_key
            and coalesce(deliveries.fingerprint, '') = profiled.fingerprint
    where deliveries.status = 'current' and deliveries.is_billed
    qualify row_number() over (partition by deliveries.delivery_key order by profiled.profile_number desc) = 1
),

by_value as (
    select
        current_deliveries.payer_account_id as payer_of_delivery,
        current_deliveries.billing_period as month,
        profiles.value as subject,
        profiles.row_count,
        profiles.unblended_cost,
        {_COLUMNS},
        case when profiles.dimension in ('wrongly_positive', 'wrongly_negative') then profiles.value end as wrong_sign,
        case when profiles.dimension = 'payer' then profiles.value = current_deliveries.payer_account_id end
            as is_payer_of_delivery,
        case when profiles.dimension = 'rows' then profiles.row_count - current_deliveries.row_count end
            as other_rows,
        case when profiles.dimension = 'cost' then profiles.unblended_cost - current_deliveries.unblended_cost end
            as other_cost,
        case when profiles.dimension = 'savings_plan' then abs(profiles.unblended_cost) end as not_cancelled,
        case when profiles.dimension = 'reservation' then abs(profiles.unblended_cost) end as imbalance,
        case
            when profiles.dimension in ('savings_plan', 'reservation')
                then cast({
    limit("commitment_imbalance", "current_deliveries.payer_account_id", "current_deliveries.billing_period")
} as decimal(38, 10))
        end as allowed_imbalance
    from raw.delivery_profiles as profiles
    inner join current_deliveries on profiles.profile_number = current_deliveries.profile_number
    where
        profiles.dimension in (
            'rows', 'cost', 'savings_plan', 'reservation', 'wrongly_positive', 'wrongly_negative'
        )
        or profiles.dimension in {_DIMENSIONS}
),

hours as (
    select
        current_deliveries.profile_number,
        current_deliveries.payer_account_id,
        current_deliveries.billing_period,
        coalesce(current_deliveries.open_row_count, 0) = 0 as is_final,
        strptime(profiles.value, '%Y-%m-%d %H:00') as usage_hour
    from raw.delivery_profiles as profiles
    inner join current_deliveries on profiles.profile_number = current_deliveries.profile_number
    where profiles.dimension = 'hour'
),

-- Exports are hourly, daily or monthly; only the hours say which.
steps as (
    select
        *,
        case
            when max(hour(usage_hour)) over (partition by profile_number) > 0 then interval 1 hour
            when
                max(day(usage_hour)) over (partition by profile_number)
                > min(day(usage_hour)) over (partition by profile_number)
                then interval 1 day
        end as step,
        exists (
            select 1
            from raw.deliveries as earlier
            where
                earlier.status = 'current' and earlier.is_billed
                and earlier.payer_account_id = hours.payer_account_id
                and earlier.billing_period = hours.billing_period - interval 1 month
        ) as has_month_before
    from hours
),

-- Before the first hour of a payer's first month there was no payer; after the last one of an open month, no usage yet.
ends as (
    select profile_number, payer_account_id, billing_period, step, usage_hour
    from steps
    where step is not null
    union all
    select distinct
        profile_number, payer_account_id, billing_period, step, cast(billing_period as timestamp) - step
    from steps
    where step is not null and has_month_before
    union all
    select distinct
        profile_number, payer_account_id, billing_period, step, cast(billing_period as timestamp) + interval 1 month
    from steps
    where step is not null and is_final
),

gaps as (
    select
        *,
        usage_hour + step as gap_start,
        lead(usage_hour) over (partition by profile_number order by usage_hour) as gap_end
    from ends
),

missing_hours as (
    select
        payer_account_id,
        billing_period,
        cast(sum(date_diff('hour', gap_start, gap_end)) as bigint) as missing_hours,
        -- The first gaps are enough to look the others up.
        array_to_string(
            list(
                strftime(gap_start, '%Y-%m-%d %H:00') || ' to ' || strftime(gap_end, '%Y-%m-%d %H:00')
                order by gap_start
            )[:5],
            ', '
        ) as gaps
    from gaps
    where gap_end > gap_start
    group by profile_number, payer_account_id, billing_period
),

final as (
    select * from by_value
    union all by name
    select
        payer_account_id as payer_of_delivery,
        billing_period as month,
        gaps as subject,
        missing_hours,
        cast({limit("missing_hours", "missing_hours.payer_account_id", "missing_hours.billing_period")} as bigint)
            as allowed_missing_hours
    from missing_hours
)

select * from final order by all
"""


def check_line_items(
    connection: duckdb.DuckDBPyConnection, validations: Validations, charge_types: str
) -> list[CheckResult]:
    """Check the profiles of the current deliveries; needs ``limits`` and profiles.

    Args:
        connection: the warehouse.
        validations: where the suite runs.
        charge_types: relation or file with the mapped line item types (the seed ``charge_types``).
    """
    known = [row[0] for row in connection.execute(f"select distinct line_item_type from {charge_types}").fetchall()]
    null, in_set, regex = (
        gxe.ExpectColumnValuesToBeNull,
        gxe.ExpectColumnValuesToBeInSet,
        gxe.ExpectColumnValuesToMatchRegex,
    )
    allowed = {"or_equal": True, "ignore_row_if": "either_value_is_missing"}
    more = gxe.ExpectColumnPairValuesAToBeGreaterThanB
    expectations = [
        promise(regex, "cur_line_items__account_ids", column="account", regex=r"^\d{12}$"),
        promise(in_set, "cur_line_items__payer", column="is_payer_of_delivery", value_set=[True]),
        promise(
            gxe.ExpectColumnValuesToNotBeInSet, "cur_line_items__types_given", column="line_item_type", value_set=[""]
        ),
        # A missing type is another promise's.
        promise(in_set, "cur_line_items__known_types", column="line_item_type", value_set=[*sorted(known), ""]),
        promise(in_set, "cur_line_items__usd", column="currency", value_set=["USD", ""]),
        promise(
            in_set,
            "cur_line_items__known_bill_types",
            column="bill_type",
            value_set=["Anniversary", "Purchase", "Refund", ""],
        ),
        promise(null, "cur_line_items__costs_given", column="missing_cost"),
        promise(null, "cur_line_items__billing_period", column="other_period"),
        promise(null, "cur_line_items__usage_dates", column="missing_start"),
        promise(in_set, "cur_line_items__rows_landed", column="other_rows", value_set=[0]),
        promise(in_set, "cur_line_items__cost_landed", column="other_cost", value_set=[0]),
        promise(null, "cur_line_items__plausible_costs", column="implausible_cost"),
        promise(
            more,
            "cur_line_items__savings_plans_cancel",
            column_A="allowed_imbalance",
            column_B="not_cancelled",
            **allowed,
        ),
        promise(
            more, "cur_line_items__reservations_balance", column_A="allowed_imbalance", column_B="imbalance", **allowed
        ),
        promise(null, "cur_line_items__signs", column="wrong_sign"),
        promise(null, "cur_line_items__usage_not_negative", column="negative_usage"),
        promise(null, "cur_line_items__no_row_twice", column="row_twice"),
        promise(null, "cur_line_items__ids_unique", column="id_twice"),
        promise(null, "cur_line_items__net_costs", column="net_above"),
        promise(
            more,
            "cur_line_items__hours_covered",
            column_A="allowed_missing_hours",
            column_B="missing_hours",
            **allowed,
        ),
    ]
    table = connection.sql(_FRAME).to_arrow_table()
    return validations.run(
        "cur_line_items",
        table,
        expectations,
        ["payer_of_delivery", "month", "subject"],
        ["row_count", "unblended_cost"],
    )
