"""The pro forma CUR of a billing group: its rows at our rates, in the columns of AWS's Cost and Usage Report.

What is here: the check that rows and charges agree, and the two spellings of the file (decision 14).
When to add here: another form of the file.
What does not belong here: what a row costs; that is the analysis ``pro_forma_cur``.
"""

from datetime import date
from pathlib import Path

import duckdb

from orchestration.errors import ChargehouseError
from orchestration.exports.analyses import analysis_sql, copy_to_csv, copy_to_parquet, published_warehouse
from orchestration.exports.files import Written, new_file, require_ending
from orchestration.settings import Workspace

__all__ = ["CSV_HEADERS", "write_cur"]

CSV_HEADERS = {
    "identity_line_item_id": "identity/LineItemId",
    "identity_time_interval": "identity/TimeInterval",
    "bill_invoice_id": "bill/InvoiceId",
    "bill_billing_entity": "bill/BillingEntity",
    "bill_bill_type": "bill/BillType",
    "bill_payer_account_id": "bill/PayerAccountId",
    "bill_billing_period_start_date": "bill/BillingPeriodStartDate",
    "bill_billing_period_end_date": "bill/BillingPeriodEndDate",
    "line_item_usage_account_id": "lineItem/UsageAccountId",
    "line_item_line_item_type": "lineItem/LineItemType",
    "line_item_usage_start_date": "lineItem/UsageStartDate",
    "line_item_usage_end_date": "lineItem/UsageEndDate",
    "line_item_product_code": "lineItem/ProductCode",
    "line_item_usage_type": "lineItem/UsageType",
    "line_item_operation": "lineItem/Operation",
    "line_item_availability_zone": "lineItem/AvailabilityZone",
    "line_item_resource_id": "lineItem/ResourceId",
    "line_item_usage_amount": "lineItem/UsageAmount",
    "line_item_currency_code": "lineItem/CurrencyCode",
    "line_item_unblended_cost": "lineItem/UnblendedCost",
    "line_item_line_item_description": "lineItem/LineItemDescription",
    "product_product_name": "product/ProductName",
    "product_region_code": "product/regionCode",
    "pricing_unit": "pricing/unit",
    "pricing_public_on_demand_cost": "pricing/publicOnDemandCost",
    "reservation_reservation_a_r_n": "reservation/ReservationARN",
    "savings_plan_savings_plan_a_r_n": "savingsPlan/SavingsPlanARN",
}
"""The columns of a legacy CUR in Parquet, in order, with their names in CSV; `resource_tags` follows in both."""

_TAGS = "resource_tags"

# Every charge has exactly the CUR rows that it counts, and they sum to it.
_DIFFERING_CHARGES = """
select count(*)
from (
    select
        charge_number,
        count(*) filter (where not is_discount) as row_count,
        any_value(charge_row_count) as charge_row_count,
        sum(line_item_unblended_cost) - any_value(charge_billed_cost) as difference
    from pro_forma_rows
    where charge_number is not null
    group by charge_number
)
where row_count <> charge_row_count or difference <> 0
"""
_SUMS = """
select
    coalesce(sum(line_item_unblended_cost), 0) as rows_cost,
    (
        select coalesce(sum(cast(billed_cost as decimal(38, 24))), 0)
        from (
            select billed_cost from marts.fct_charges
            where treatment = 'billed' and billing_period = $1 and billing_group_id = $2
            union all
            select billed_cost from marts.fct_group_charges where billing_period = $1 and billing_group_id = $2
        )
    ) as charged
from pro_forma_rows
"""


def write_cur(workspace: Workspace, period: date, group: str | None, path: Path) -> Written:
    """Write the pro forma CUR of a group and period to a new file: ``.csv``, ``.csv.gz`` or ``.parquet``.

    Costs are exact USD, before conversion and rounding; they sum to the exact amounts of the invoice's lines.

    Raises:
        ChargehouseError: no group is named, the file is there already, nothing is billed, or the deliveries are not
            those that the charges were made from.
        WorkspaceBusyError: a run is going on.
    """
    ending = require_ending(path, ".csv.gz", ".csv", ".parquet")
    if group is None:
        raise ChargehouseError("A pro forma CUR is of one billing group: name it with --group.")
    with new_file(path) as draft, published_warehouse(workspace, "exporting", period, group) as warehouse:
        warehouse.execute(f"create temp table pro_forma_rows as {analysis_sql('pro_forma_cur')}")
        _check(warehouse, period, group)
        if ending == ".parquet":
            columns = ", ".join([*CSV_HEADERS, _TAGS])
            count = copy_to_parquet(warehouse, f"select {columns} from pro_forma_rows order by row_key", draft)
        else:
            count = copy_to_csv(warehouse, _csv_query(), draft, is_compressed=ending == ".csv.gz")
        if not count:
            raise ChargehouseError(f"Nothing is billed to {group} for {period:%Y-%m}.")
    return Written(path, count, "rows")


def _check(warehouse: duckdb.DuckDBPyConnection, period: date, group: str) -> None:
    """Refuse rows that are not those which the charges were made from."""
    differing = warehouse.execute(_DIFFERING_CHARGES).fetchone()
    sums = warehouse.execute(_SUMS, [period, group]).fetchone()
    if differing == (0,) and sums is not None and sums[0] == sums[1]:
        return
    raise ChargehouseError(
        f"The deliveries of {period:%Y-%m} are not those that the charges of {group} were made from. Nothing was "
        "written; run again: chargehouse run"
    )


def _csv_query() -> str:
    columns = [f'{_as_text(name)} as "{header}"' for name, header in CSV_HEADERS.items()]
    columns.append(f'cast(to_json({_TAGS}) as varchar) as "{_TAGS}"')
    return f"select {', '.join(columns)} from pro_forma_rows order by row_key"


def _as_text(name: str) -> str:
    """Return SQL of a column as AWS writes it in CSV: moments in UTC, decimals without zeros behind the last digit."""
    if name.endswith("_date"):
        return f"strftime({name}, '%Y-%m-%dT%H:%M:%SZ')"
    if name.endswith(("_cost", "_amount")):
        return f"rtrim(rtrim(cast({name} as varchar), '0'), '.')"
    return name
