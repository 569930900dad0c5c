"""Validates a staged delivery as a whole and takes its control totals, in one pass over few columns.

What is here: what makes a readable delivery unacceptable (M1, P1, I2), how discounts arrive (C2), its sums.
When to add here: another promise that a delivery must keep, or another total.
What does not belong here: checks of single rows that only quarantine the row (the models' business).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import duckdb

from orchestration.errors import DeliveryError
from orchestration.ingest.columns import (
    BAD_VALUES,
    EXCESS_DECIMALS,
    ColumnReading,
    Reading,
    bad_value_condition,
    excess_decimals,
    literal,
)
from orchestration.ingest.contents import (
    DiscountMode,
    Form,
    Layout,
    StoredFile,
    Totals,
    parquet_relation,
    reading_of,
)

__all__ = ["NET_COST_CONDITION", "measure"]

_DISCOUNT_TYPES = (
    "EdpDiscount",
    "PrivateRateDiscount",
    "RiVolumeDiscount",
    "BundledDiscount",
    "SppDiscount",
    "DistributorDiscount",
    "Discount",
)
_SPLIT_COST_OPERATIONS = ("EKSPod-EC2", "ECSTask-EC2")
_COST = "line_item_unblended_cost"

# C2: a net cost of 0 counts only on a row that says it has a discount, since Parquet writes a missing net
# cost as 0.
NET_COST_CONDITION = "net_cost is not null and (net_cost <> 0 or has_discount)"

_TOTALS = f"""
select
    count(*),
    coalesce(sum(cost) filter (where not is_split), 0),
    coalesce(sum(case when {NET_COST_CONDITION} then net_cost else cost end) filter (where not is_split), 0),
    count(*) filter (where is_split),
    count(excess),
    coalesce(sum(excess), 0),
    count(*) filter (where is_bad),
    count(*) filter (where not is_split and cost <> 0 and invoice_id = ''),
    coalesce(sum(cost) filter (where not is_split and invoice_id = ''), 0),
    min(usage_start),
    max(usage_start),
    min(payer),
    max(payer),
    min(period_start),
    max(period_start),
    count(*) filter (where period_start is null),
    min(currency) filter (where currency <> ''),
    max(currency) filter (where currency <> ''),
    count(*) filter (where cost is null),
    count(*) filter (
        where ends_with(line_type, 'Discount') and list_contains({list(_DISCOUNT_TYPES)}, line_type)
    ),
    count(*) filter (where has_discount or ({NET_COST_CONDITION} and net_cost <> cost))
from rows
"""


def measure(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    form: Form,
    files: Sequence[StoredFile],
    layouts: Sequence[Layout],
    period: date,
) -> tuple[Totals, tuple[Layout, ...]]:
    """Return the control totals of a delivery, and its layouts with their bad columns filled in.

    Args:
        connection: any connection.
        folder: what the files' stored paths are relative to.
        form: what AWS wrote.
        files: the delivery's files.
        layouts: their layouts.
        period: the billing period that the manifest names.

    Raises:
        DeliveryError: the delivery is not acceptable; names file, row and value where one row is to blame.
    """
    staged = _StagedRows(connection, folder, form, files, layouts)
    if not staged.branches:
        return _no_rows(form, layouts), tuple(layouts)
    found = staged.query(_TOTALS)[0]
    (row_count, cost, net_cost, split_count, excess_count, excess_sum, bad_count, open_count, open_cost) = found[:9]
    (first_usage, last_usage, payer, last_payer, first_period, last_period, no_period_count) = found[9:16]
    (currency, last_currency, no_cost_count, discount_row_count, discounted_count) = found[16:]
    if row_count == 0:
        return _no_rows(form, layouts), tuple(layouts)
    if no_cost_count:
        staged.refuse_cost()
    if no_period_count or _month(first_period) != period or _month(last_period) != period:
        staged.refuse_period(period)
    if payer != last_payer or not payer:
        staged.refuse_payer()
    if currency is not None and (currency, last_currency) != ("USD", "USD"):
        staged.refuse_currency()
    mode = _discount_mode(form, layouts, bool(discount_row_count), bool(discounted_count))
    totals = Totals(
        row_count=row_count,
        unblended_cost=cost,
        net_unblended_cost=net_cost if mode is DiscountMode.COLUMNS else cost,
        split_cost_row_count=split_count,
        excess_decimal_row_count=excess_count,
        excess_decimal_sum=excess_sum,
        bad_value_row_count=bad_count,
        discount_mode=mode,
        open_row_count=open_count,
        open_cost=open_cost,
        first_usage_at=first_usage,
        last_usage_at=last_usage,
        payer_account_id=payer,
    )
    return totals, staged.with_bad_columns() if bad_count and not form.is_csv else tuple(layouts)


def _discount_mode(form: Form, layouts: Sequence[Layout], has_rows: bool, has_columns: bool) -> DiscountMode:
    """Return how discounts arrive (C2); a CUR 2.0 without any this month still says how they would."""
    if has_rows or not (form.is_cur2 or form.is_focus):
        return DiscountMode.ROWS
    if form.is_focus:
        return DiscountMode.NONE
    if has_columns:
        return DiscountMode.COLUMNS
    names = {column.header for layout in layouts for column in layout.columns}
    return DiscountMode.NONE if any(name.startswith("discount") for name in names) else DiscountMode.ROWS


def _no_rows(form: Form, layouts: Sequence[Layout]) -> Totals:
    zero = Decimal("0E-10")
    return Totals(
        row_count=0,
        unblended_cost=zero,
        net_unblended_cost=zero,
        split_cost_row_count=0,
        excess_decimal_row_count=0,
        excess_decimal_sum=Decimal("0E-20"),
        bad_value_row_count=0,
        discount_mode=_discount_mode(form, layouts, has_rows=False, has_columns=False),
        open_row_count=0,
        open_cost=zero,
        first_usage_at=None,
        last_usage_at=None,
        payer_account_id=None,
    )


def _month(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date().replace(day=1)


class _StagedRows:
    """The rows of a staged delivery as SQL: a branch per layout, with only the columns the totals need."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        form: Form,
        files: Sequence[StoredFile],
        layouts: Sequence[Layout],
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._form = form
        self._keys = {str(folder / file.stored_path): file.source_key for file in files if file.stored_path is not None}
        self._layouts = layouts
        self.branches: list[tuple[Reading, str]] = []
        for layout in layouts:
            paths = [
                folder / file.stored_path
                for file in files
                if file.layout == layout.number and file.stored_path is not None
            ]
            self.branches.append((reading_of(form, layout), parquet_relation(paths)))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run ``sql`` over the relation ``rows``."""
        rows = " union all ".join(self._branch(reading, relation) for reading, relation in self.branches)
        return self._run(f"with rows as ({rows}) {sql}")

    def _run(self, sql: str) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql).fetchall()
        except (duckdb.InvalidInputException, duckdb.IOException) as error:
            # The footer was sound, so it is a page. What we wrote ourselves from CSV has no such excuse.
            if self._form.is_csv:
                raise
            said = str(error).splitlines()[0].replace(str(self._folder), "")[:300]
            raise DeliveryError(f"A Parquet file is damaged ({said}).") from error

    def with_bad_columns(self) -> tuple[Layout, ...]:
        """Return the layouts, each with the columns in which it holds unreadable values."""
        filled = []
        for layout, (reading, relation) in zip(self._layouts, self.branches, strict=True):
            checks = self._checks(reading)
            if not checks:
                filled.append(layout)
                continue
            counts = ", ".join(f"count(*) filter (where {condition})" for condition, _ in checks)
            found = self._run(f"select {counts} from {relation}")[0]
            bad = tuple(column.name for (_, column), count in zip(checks, found, strict=True) if count)
            filled.append(replace(layout, bad_columns=bad))
        return tuple(filled)

    def refuse_cost(self) -> NoReturn:
        """Raise for the first row whose unblended cost is missing or unreadable (M1)."""
        for reading, relation in self.branches:
            column = reading.columns[_COST]
            text = f"map_extract_value({BAD_VALUES}, '{_COST}')" if self._form.is_csv else column.text
            found = self._first_row(relation, f"{column.sql} is null", text)
            if found is None:
                continue
            place, value = found
            if value is None or value.strip() in ("", "None", "NULL", "null", "NaN", "nan"):
                raise DeliveryError(f"{place} has no unblended cost, so nobody knows what it costs. Deliver it again.")
            wide = self._connection.execute("select try_cast(? as decimal(38, 10))", [value]).fetchone()
            if wide is not None and wide[0] is not None and abs(wide[0]) >= Decimal(10) ** 12 - Decimal("5E-11"):
                raise DeliveryError(f"{place}: the unblended cost {value!r} has more than 12 integer digits.")
            raise DeliveryError(f"{place}: the unblended cost {value!r} is not a number.")
        raise DeliveryError("A row has no readable unblended cost.")

    def refuse_period(self, period: date) -> NoReturn:
        """Raise for the first row of another billing period than the manifest's (P1)."""
        for reading, relation in self.branches:
            start = reading.columns["bill_billing_period_start_date"].sql
            condition = f"date_trunc('month', {start}) is distinct from date '{period}'"
            found = self._first_row(relation, condition, f"cast({start} as varchar)")
            if found is not None:
                place, value = found
                shown = "no readable billing period start" if value is None else f"billing period start {value}"
                raise DeliveryError(f"{place} has {shown}, but the manifest says {period:%Y-%m}.")
        raise DeliveryError(f"A row is of another billing period than the manifest's, {period:%Y-%m}.")

    def refuse_payer(self) -> NoReturn:
        """Raise for rows of several payers, or of none."""
        payers = [str(row[0]) for row in self.query("select distinct payer from rows order by payer limit 4")]
        if payers == [""]:
            raise DeliveryError("No row names a payer account (bill/PayerAccountId).")
        listed = ", ".join(payer or "none" for payer in payers[:3]) + (", …" if len(payers) > 3 else "")
        raise DeliveryError(
            f"The rows belong to several payers ({listed}), but a delivery is billed to one. "
            "Export each payer by itself."
        )

    def refuse_currency(self) -> NoReturn:
        """Raise for rows in another currency than USD (I2)."""
        for reading, relation in self.branches:
            currency = reading.columns["line_item_currency_code"].sql
            found = self._first_row(relation, f"{currency} not in ('', 'USD')", currency)
            if found is not None:
                place, value = found
                raise DeliveryError(f"{place} is in {value}; only deliveries in USD can be billed.")
        raise DeliveryError("A row is in another currency than USD; only deliveries in USD can be billed.")

    def _first_row(self, relation: str, condition: str, value: str) -> tuple[str, str | None] | None:
        """Return place and value of the first row that meets ``condition``."""
        # An aggregate, not a filter: a filter on what a cast yields is answered from the footer's count of NULLs.
        found = self._run(
            f"select arg_min({{'file': filename, 'row': file_row_number + 1, 'value': {value}}}, "
            f"{{'file': filename, 'row': file_row_number}}) filter (where {condition}) from {relation}"
        )[0][0]
        return None if found is None else (f"{self._keys[found['file']]}, row {found['row']}", found["value"])

    def _branch(self, reading: Reading, relation: str) -> str:
        columns = reading.columns
        net_cost = columns.get("line_item_net_unblended_cost")
        fields = {
            "payer": _text(columns, "bill_payer_account_id"),
            "period_start": columns["bill_billing_period_start_date"].sql,
            "currency": _text(columns, "line_item_currency_code"),
            "line_type": _text(columns, "line_item_line_item_type"),
            "is_split": (
                f"({_text(columns, 'split_line_item_parent_resource_id')} <> '' or "
                f"{_text(columns, 'line_item_operation')} in "
                f"({', '.join(literal(name) for name in _SPLIT_COST_OPERATIONS)}))"
            ),
            "cost": columns[_COST].sql,
            "net_cost": "cast(null as decimal(22,10))" if net_cost is None else net_cost.sql,
            "has_discount": self._has_discount(columns),
            "invoice_id": _text(columns, "bill_invoice_id"),
            "usage_start": columns["line_item_usage_start_date"].sql,
            "excess": EXCESS_DECIMALS if self._form.is_csv else excess_decimals(reading, columns[_COST].sql),
            "is_bad": self._is_bad(reading),
        }
        selected = ", ".join(f"{sql} as {name}" for name, sql in fields.items())
        return f"select {selected} from {relation}"

    def _has_discount(self, columns: dict[str, ColumnReading]) -> str:
        """Return the condition that a row says it has a discount, as only CUR 2.0 does."""
        parts = []
        if self._form.is_cur2:
            for name in ("discount_total_discount", "discount_bundled_discount"):
                amount = columns.get(name)
                if amount is not None:
                    parts.append(f"coalesce({amount.sql}, 0) <> 0")
            discounts = columns.get("discount")
            if discounts is not None:
                amounts = discounts.amounts or f"map_values({discounts.sql})"
                amounts = f"list_transform({amounts}, lambda amount: abs(amount))"
                parts.append(f"coalesce(list_sum({amounts}), 0) <> 0")
        return f"({' or '.join(parts) or 'false'})"

    def _checks(self, reading: Reading) -> list[tuple[str, ColumnReading]]:
        return [
            (bad_value_condition(column, column.sql), column)
            for column in reading.columns.values()
            if column.is_given is not None
        ]

    def _is_bad(self, reading: Reading) -> str:
        if self._form.is_csv:
            return f"{BAD_VALUES} is not null"
        return " or ".join(condition for condition, _ in self._checks(reading)) or "false"


def _text(columns: dict[str, ColumnReading], name: str) -> str:
    column = columns.get(name)
    return "''" if column is None else column.sql
