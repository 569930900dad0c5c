"""What we expect of ``raw.cur_line_items``, the rows AWS sent.

What is here: structure, closed lists and ranges, checked on a profile: one row per delivery and combination of the few
columns that lists are about, with counts and extremes. It is exact, and as small for 50 million rows as for 50.
When to add here: a promise about rows.
What does not belong here: what a line item type means; unknown types are quarantined by the models (C00), not blocked.
"""

import duckdb
import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation

from orchestration.expectations.validation import WARNING, CheckResult, validate

__all__ = ["check_line_items", "mark_checked"]

_PROFILE = """
with profile as (
    select
        billing_period,
        delivery_key,
        bill_payer_account_id,
        line_item_usage_account_id,
        line_item_line_item_type,
        bill_bill_type,
        line_item_currency_code,
        count(*) as row_count,
        count(*) filter (where line_item_unblended_cost is null) as missing_cost_count,
        count(*) filter (where line_item_usage_start_date is null) as missing_start_count,
        count(*) filter (where cast(bill_billing_period_start_date as date) is distinct from billing_period)
            as other_period_count,
        cast(sum(line_item_unblended_cost) as decimal(38, 10)) as unblended_cost,
        max(abs(line_item_unblended_cost)) as largest_cost
    from raw.cur_line_items
    where
        delivery_key in (
            select delivery_key
            from raw.deliveries
            anti join raw.checked_deliveries using (delivery_key, fingerprint)
            where status = 'current' and is_billed
        )
    group by all
)

select
    profile.*,
    sum(profile.row_count) over (partition by profile.delivery_key) - deliveries.row_count as row_count_difference,
    types.line_item_type is not null as is_known_type
from profile
inner join raw.deliveries as deliveries using (delivery_key)
left join (select distinct line_item_type from {charge_types}) as types
    on profile.line_item_line_item_type = types.line_item_type
"""


def _expectations() -> list[Expectation]:
    return [
        gxe.ExpectColumnValuesToMatchRegex(
            column="line_item_usage_account_id",
            regex=r"^\d{12}$",
            meta={"promise": "Usage account ids have 12 digits, leading zeros included"},
        ),
        gxe.ExpectColumnValuesToMatchRegex(
            column="bill_payer_account_id",
            regex=r"^\d{12}$",
            meta={"promise": "Payer account ids have 12 digits, leading zeros included"},
        ),
        gxe.ExpectColumnValuesToNotBeInSet(
            column="line_item_line_item_type",
            value_set=[""],
            meta={"promise": "Every row has a line item type"},
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="is_known_type",
            value_set=[True],
            severity=WARNING,
            meta={"promise": "Every line item type is mapped to a charge type (C00)"},
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="line_item_currency_code",
            value_set=["USD"],
            meta={"promise": "Every row is in USD (I2)"},
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="bill_bill_type",
            value_set=["Anniversary", "Purchase", "Refund", ""],
            severity=WARNING,
            meta={"promise": "The bill type is one that AWS documents"},
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="missing_cost_count",
            value_set=[0],
            meta={"promise": "Every row has an unblended cost (M1)"},
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="other_period_count",
            value_set=[0],
            meta={"promise": "Every row belongs to the billing period of its delivery (P1)"},
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="missing_start_count",
            value_set=[0],
            severity=WARNING,
            meta={"promise": "Every row says when its usage started (P3)"},
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="row_count_difference",
            value_set=[0],
            meta={"promise": "The view holds exactly the rows that were landed"},
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="largest_cost",
            min_value=0,
            max_value=100_000_000,
            severity=WARNING,
            meta={"promise": "No single row costs more than 100 million dollars"},
        ),
    ]


def check_line_items(connection: duckdb.DuckDBPyConnection, charge_types: str) -> list[CheckResult]:
    """Check the rows of the current deliveries that have not passed yet; a critical failure blocks all downstream.

    Args:
        connection: the warehouse.
        charge_types: relation or file with the mapped line item types (the seed ``charge_types``).
    """
    table = connection.sql(_PROFILE.format(charge_types=charge_types)).to_arrow_table()
    return validate(table, "cur_line_items", _expectations()) if table.num_rows else []


def mark_checked(connection: duckdb.DuckDBPyConnection) -> None:
    """Record that the current deliveries passed, so that their rows are not profiled again."""
    connection.execute(
        "insert or replace into raw.checked_deliveries "
        "select delivery_key, fingerprint from raw.deliveries where status = 'current' and is_billed"
    )
