"""The yardstick: the same charges and invoice lines by one hand-written query over the same files.

What is here: reading the files of a delivery form with the columns that the query needs, and running it.
When to add here: another form of delivery.
What does not belong here: comparing with the product's results (``exactness``) and timing (``measuring``).

``python -m benchmarks.yardstick WORKSPACE FORM DATABASE [MONTHS [MEMORY]]`` runs it in a process of its own, as the
benchmark does: over everything in one statement, or over so many months one by one within a limit of memory.
"""

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb

from benchmarks.columns import Form, columns_of
from benchmarks.deliveries import month_pattern, periods
from orchestration.sample.columns import snake_name

__all__ = ["AMOUNTS", "KEYS", "cur_relation", "run_yardstick"]

_SQL = Path(__file__).parent / "sql" / "yardstick.sql"

KEYS = (
    *("bill_billing_period_start_date", "bill_payer_account_id", "line_item_usage_account_id"),
    *("line_item_usage_start_date", "line_item_line_item_type", "bill_billing_entity", "line_item_product_code"),
    *("line_item_usage_type", "line_item_operation", "product_region_code", "pricing_unit"),
    *("reservation_reservation_a_r_n", "savings_plan_savings_plan_a_r_n"),
)
"""What the yardstick reads of a row beside amounts."""

AMOUNTS = {
    "quantity": "line_item_usage_amount",
    "cost": "line_item_unblended_cost",
    "public_cost": "pricing_public_on_demand_cost",
    "reservation_cost": "reservation_effective_cost",
    "savings_plan_cost": "savings_plan_savings_plan_effective_cost",
    "unused_reservation_cost": "reservation_unused_recurring_fee",
    "commitment_to_date": "savings_plan_total_commitment_to_date",
    "used_commitment": "savings_plan_used_commitment",
}
"""The amounts it reads, by its own names for them."""


def cur_relation(landing: Path, form: Form, month: date | None = None) -> str:
    """Return SQL of the rows of every delivery below ``landing``, or of one month's, read straight from the files."""
    folder = f"{landing}/{'**' if month is None else month_pattern(form, month)}"
    if form is not Form.LEGACY_CSV:
        return f"read_parquet('{folder}/*.parquet', hive_partitioning = false)"
    # Every name is known, so nothing is sniffed; the positions are those of the files.
    names = ", ".join(f"'{snake_name(column.header)}': 'varchar'" for column in columns_of(form, frozenset()))
    return (
        f"read_csv('{folder}/*.csv.gz', auto_detect = false, header = true, delim = ',', quote = '\"', "
        f"escape = '\"', columns = {{{names}}})"
    )


def run_yardstick(
    landing: Path,
    billing: Path,
    form: Form,
    database: Path,
    months: Sequence[date] | None = None,
    memory_limit: str | None = None,
) -> None:
    """Make the relations ``charges``, ``invoice_lines`` and ``invoice_line_accounts`` in a new database.

    Args:
        landing: the deliveries.
        billing: the configuration's CSV files.
        form: form of the deliveries.
        database: the DuckDB file to make.
        months: bill these one by one, each into tables of its own; None for all rows in one statement.
        memory_limit: DuckDB's; None for its own choice.
    """
    casts = {
        "bill_billing_period_start_date": "timestamp",
        "line_item_usage_start_date": "timestamp",
    }
    selected = ", ".join(
        [
            *(f"cast({name} as {casts[name]}) as {name}" if name in casts else name for name in KEYS),
            *(f"cast({name} as decimal(22, 10)) as {own}" for own, name in AMOUNTS.items()),
        ]
    )
    sql = _SQL.read_text(encoding="utf-8")
    with duckdb.connect(database, config={"preserve_insertion_order": False}) as connection:
        if memory_limit is not None:
            connection.execute(f"set memory_limit = '{memory_limit}'")
        for file in sorted(billing.glob("*.csv")):
            connection.execute(
                f"create temp table {file.stem} as "
                f"select * from read_csv('{file}', all_varchar = true, header = true, delim = ',', quote = '\"')"
            )
        if months is None:
            connection.execute(f"create temp view cur as select {selected} from {cur_relation(landing, form)}")
            connection.execute(sql)
            return
        for month in months:
            relation = cur_relation(landing, form, month)
            connection.execute(f"create or replace temp view cur as select {selected} from {relation}")
            connection.execute(f"create schema month_{month:%Y%m}; use month_{month:%Y%m};")
            connection.execute(sql)
        connection.execute("use main")
        for table in ("charges", "invoice_lines", "invoice_line_accounts"):
            together = " union all ".join(f"from month_{month:%Y%m}.{table}" for month in months)
            connection.execute(f"create view {table} as {together}")


if __name__ == "__main__":
    _workspace, _form, _database, *_further = sys.argv[1:]
    _months = periods()[-int(_further[0]) :] if _further else None
    run_yardstick(
        Path(_workspace) / "landing",
        Path(_workspace) / "billing",
        Form(_form),
        Path(_database),
        _months,
        _further[1] if len(_further) > 1 else None,
    )
