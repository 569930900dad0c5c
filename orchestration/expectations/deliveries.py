"""What we expect of ``raw.deliveries``, the register of deliveries.

What is here: structure, closed lists and ranges of the deliveries that are billed from.
When to add here: a promise about a delivery as a whole.
What does not belong here: promises about its rows (``line_items.py``).
"""

import duckdb
import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation

from orchestration.expectations.validation import WARNING, CheckResult, validate

__all__ = ["check_deliveries"]

_FORMS = ["legacy_cur_csv", "legacy_cur_parquet", "cur2_csv", "cur2_parquet", "focus_csv", "focus_parquet"]

_QUERY = """
select
    delivery_key,
    payer_account_id,
    form,
    discount_mode,
    strftime(billing_period, '%d') as billing_period_day,
    payer_account_id || ' ' || strftime(billing_period, '%Y-%m') as payer_period,
    row_count,
    file_count,
    abs(excess_decimal_sum) as excess_decimals
from raw.deliveries
where status = 'current' and is_billed
"""


def _expectations() -> list[Expectation]:
    return [
        gxe.ExpectTableColumnsToMatchOrderedList(
            column_list=[
                "delivery_key",
                "payer_account_id",
                "form",
                "discount_mode",
                "billing_period_day",
                "payer_period",
                "row_count",
                "file_count",
                "excess_decimals",
            ],
            meta={"promise": "The register has the columns the models read"},
        ),
        gxe.ExpectColumnValuesToBeUnique(column="delivery_key", meta={"promise": "A delivery is registered once"}),
        gxe.ExpectColumnValuesToBeUnique(
            column="payer_period", meta={"promise": "A payer's month is billed from exactly one delivery"}
        ),
        gxe.ExpectColumnValuesToMatchRegex(
            column="payer_account_id",
            regex=r"^\d{12}$",
            meta={"promise": "Payer account ids have 12 digits, leading zeros included"},
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="form", value_set=_FORMS, meta={"promise": "The form of the files is known"}
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="discount_mode",
            value_set=["rows", "columns", "none"],
            meta={"promise": "How discounts arrive is known (C2)"},
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="billing_period_day",
            value_set=["01"],
            meta={"promise": "A billing period begins on the first of a month"},
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="file_count", min_value=0, meta={"promise": "The number of files is not negative"}
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="row_count",
            min_value=1,
            severity=WARNING,
            meta={"promise": "A delivery that is billed from has rows"},
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="excess_decimals",
            max_value=1,
            severity=WARNING,
            meta={"promise": "Rounding at 10 decimals moved less than one dollar (M1)"},
        ),
    ]


def check_deliveries(connection: duckdb.DuckDBPyConnection) -> list[CheckResult]:
    """Check the register of deliveries; a critical failure blocks everything downstream."""
    return validate(connection.sql(_QUERY).to_arrow_table(), "deliveries", _expectations())
