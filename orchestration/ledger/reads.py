"""The ledger's rows for readers: Arrow tables that DuckDB takes as they are.

What is here: each table of the ledger as an Arrow table with exact types.
When to add here: a table or column whose type needs a choice.
What does not belong here: joins and sums; those are models in ``dbt_project/``.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Date, Integer, select
from sqlalchemy.schema import Column

from orchestration.errors import LedgerError
from orchestration.ledger.columns import ExactDecimal, UtcTime, plain
from orchestration.ledger.tables import APPEND_ONLY, documents

__all__ = ["arrow_table", "table_names"]

# Exact costs may have more decimals than a DECIMAL holds beside twelve digits before the point: they stay text.
_AS_TEXT = {"exact_amount_usd"}
_DECIMAL = pa.decimal128(38, 10)


def table_names() -> list[str]:
    """Return the names of the tables that ``arrow_table`` reads."""
    return [table.name for table in APPEND_ONLY]


def arrow_table(connection: Connection, name: str) -> pa.Table:
    """Return all rows of a table, by its key.

    Money and rates are decimal128(38, 10), ``exact_amount_usd`` is plain text, ``billing_period`` the first day of the
    month, moments are UTC, ids whole numbers as in the ledger. The documents' contents are left out.

    Raises:
        LedgerError: there is no such table.
    """
    table = next((table for table in APPEND_ONLY if table.name == name), None)
    if table is None:
        raise LedgerError(f"The ledger has no table {name}. Expected one of {', '.join(table_names())}.")
    columns = [column for column in table.c if column is not documents.c.content]
    rows = connection.execute(select(*columns).order_by(*table.primary_key.columns)).all()
    schema = pa.schema([pa.field(column.name, _type(column), column.nullable) for column in columns])
    arrays = [
        pa.array([_value(column, row[place]) for row in rows], field.type)
        for place, (column, field) in enumerate(zip(columns, schema, strict=True))
    ]
    return pa.table(arrays, schema=schema)


def _type(column: Column[Any]) -> pa.DataType:
    if column.name == "billing_period" or isinstance(column.type, Date):
        return pa.date32()
    if isinstance(column.type, ExactDecimal):
        return pa.string() if column.name in _AS_TEXT else _DECIMAL
    if isinstance(column.type, UtcTime):
        return pa.timestamp("us", tz="UTC")
    return pa.int64() if isinstance(column.type, Integer) else pa.string()


def _value(column: Column[Any], value: Any) -> Any:
    if column.name == "billing_period":
        return date.fromisoformat(f"{value}-01")
    if column.name in _AS_TEXT and isinstance(value, Decimal):
        return plain(value)
    return value
