"""The CUR rows behind an invoice line, read from the delivered files when somebody asks for them.

What is here: ``line_rows``, and the proof that they are all of the charges that the line was made from.
When to add here: another thing to do with the rows while the warehouse is open.
What does not belong here: which rows they are (the analysis ``explain_rows``).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from orchestration.errors import ChargehouseError
from orchestration.explaining.lookup import LineReference
from orchestration.exports.analyses import analysis_sql, copy_to_csv, copy_to_parquet, published_warehouse
from orchestration.settings import Workspace

__all__ = ["CUSTOMER_ROW_COLUMNS", "ROW_COLUMNS", "LineRows", "line_rows"]

ROW_COLUMNS = (
    *("delivery_key", "source_file", "source_row_number", "line_item_id", "billing_group_id", "sub_account_id"),
    *("charge_type", "line_item_type", "is_discount", "usage_start_at", "usage_end_at", "service_code", "usage_type"),
    *("operation", "region_id", "resource_id", "line_item_description", "usage_quantity", "usage_unit"),
    *("list_cost", "aws_cost", "effective_cost", "treatment", "billed_cost"),
)
"""What is shown of a row."""

CUSTOMER_ROW_COLUMNS = (
    *("sub_account_id", "billed_as", "usage_start_at", "usage_end_at", "service_code", "usage_type", "region_id"),
    *("resource_id", "usage_quantity", "usage_unit", "billed_cost"),
)
"""What a customer may see of a row: AWS's own numbers, texts and places are none of it."""

_ORDER = "delivery_key, source_file, source_row_number, is_discount, charge_type"
_DIFFERING_CHARGES = """
select count(*)
from (
    select
        charge_number,
        count(*) filter (where not is_discount) as row_count,
        any_value(charge_row_count) as charge_row_count,
        sum(aws_cost) - any_value(charge_aws_cost) as aws_difference,
        sum(list_cost) - any_value(charge_list_cost) as list_difference,
        sum(billed_cost) - any_value(charge_billed_cost) as billed_difference
    from explained_rows
    group by charge_number
)
where row_count <> charge_row_count or aws_difference <> 0 or list_difference <> 0 or billed_difference <> 0
"""


@dataclass(frozen=True)
class LineRows:
    """The rows of a line, in the warehouse while it is open.

    Attributes:
        count: how many.
        aws_cost: what AWS charged for them, exact USD.
        list_cost: their list cost, exact USD.
        billed_cost: what they are billed at, exact USD.
        deliveries: the keys of the deliveries that they came in.
        columns: what is shown of a row.
    """

    count: int
    aws_cost: Decimal
    list_cost: Decimal
    billed_cost: Decimal
    deliveries: Sequence[str]
    columns: Sequence[str]
    _connection: duckdb.DuckDBPyConnection

    @property
    def _query(self) -> str:
        return f"select {', '.join(self.columns)} from explained_rows order by {_ORDER}"

    def fetch(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Return the rows in the order of the files, or the first ones."""
        limited = self._query if limit is None else f"{self._query} limit {limit}"
        return [dict(zip(self.columns, row, strict=True)) for row in self._connection.execute(limited).fetchall()]

    def to_csv(self) -> bytes:
        """Return them as CSV, UTF-8 with a header."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "rows.csv"
            self.write(path)
            return path.read_bytes()

    def write(self, path: Path) -> int:
        """Write them to ``path``, by its name's ending as ``.parquet`` or CSV; return how many."""
        if path.name.endswith(".parquet"):
            return copy_to_parquet(self._connection, self._query, path)
        return copy_to_csv(self._connection, self._query, path, is_compressed=False, guard_formulas=True)


@contextmanager
def line_rows(workspace: Workspace, reference: LineReference, *, for_customer: bool = False) -> Iterator[LineRows]:
    """Give the CUR rows of the charges behind a line, as the warehouse has it today, and keep runs away meanwhile.

    Args:
        workspace: whose deliveries are read.
        reference: which line.
        for_customer: only what a customer may see. What a charge of the whole group is worked out from is not theirs,
            so that such a line has no rows.

    Raises:
        ChargehouseError: the deliveries are not those that the charges were made from, or the last run was not
            published.
        WorkspaceBusyError: a run is going on.
    """
    with published_warehouse(workspace, "explaining a line", reference.billing_period, None) as warehouse:
        warehouse.execute("set variable invoice_line_key = ?::varchar", [reference.invoice_line_key])
        warehouse.execute(f"create temp table explained_rows as {analysis_sql('explain_rows')}")
        _check(warehouse, reference)
        if for_customer:
            _keep_what_is_the_customers(warehouse)
        found = warehouse.execute(
            "select count(*), coalesce(sum(aws_cost), 0), coalesce(sum(list_cost), 0), coalesce(sum(billed_cost), 0), "
            "coalesce(list_sort(list(distinct delivery_key)), []) from explained_rows"
        ).fetchone()
        assert found is not None
        count, aws_cost, list_cost, billed_cost, deliveries = found
        columns = CUSTOMER_ROW_COLUMNS if for_customer else ROW_COLUMNS
        yield LineRows(count, aws_cost, list_cost, billed_cost, deliveries, columns, warehouse)


def _check(warehouse: duckdb.DuckDBPyConnection, reference: LineReference) -> None:
    """Refuse rows that are not exactly those of the charges behind the line."""
    differing = warehouse.execute(_DIFFERING_CHARGES).fetchone()
    # A charge of which no row was found has no number among them.
    counted = warehouse.execute("select count(distinct charge_number) from explained_rows").fetchone()
    charges = warehouse.execute(f"select count(*) from ({analysis_sql('explain_charges')}) where is_part").fetchone()
    if differing == (0,) and counted == charges:
        return
    raise ChargehouseError(
        f"The deliveries of {reference.billing_period:%Y-%m} are not those that the charges of "
        f"{reference.invoice_line_key} were made from. Run again: chargehouse run"
    )


def _keep_what_is_the_customers(warehouse: duckdb.DuckDBPyConnection) -> None:
    line = warehouse.execute(f"select is_group_charge from ({analysis_sql('explain_line')})").fetchone()
    warehouse.execute("delete from explained_rows where treatment <> 'billed'")
    if line is None or line[0]:
        warehouse.execute("delete from explained_rows")
