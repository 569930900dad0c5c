"""The ledger's rows for readers: Arrow tables that DuckDB takes as they are.

What is here: each table of the ledger as an Arrow table with exact types.
When to add here: a table or column whose type needs a choice.
What does not belong here: joins and sums; those are models in ``dbt_project/``.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Date, Integer, Table, select
from sqlalchemy.schema import Column

from orchestration.errors import LedgerError
from orchestration.ledger.columns import ExactDecimal, UtcTime, plain
from orchestration.ledger.contents import parse_content
from orchestration.ledger.tables import APPEND_ONLY, documents

__all__ = ["LINE_PARTS", "arrow_line_parts", "arrow_table", "empty_table", "table_names"]

LINE_PARTS = "document_line_parts"
"""What ``arrow_line_parts`` reads, by the name that it has where tables have names."""

# Exact costs may have more decimals than a DECIMAL holds beside twelve digits before the point: they stay text.
_AS_TEXT = {"exact_amount_usd"}
_DECIMAL = pa.decimal128(38, 10)
_LINE_PARTS_SCHEMA = pa.schema(
    [
        pa.field("document_id", pa.int64(), nullable=False),
        pa.field("invoice_line_key", pa.string(), nullable=False),
        pa.field("tax_category", pa.string(), nullable=False),
        pa.field("tax_rate", _DECIMAL, nullable=False),
        pa.field("net_amount", _DECIMAL, nullable=False),
        pa.field("credit_amount", _DECIMAL, nullable=False),
        pa.field("tax_name", pa.string()),
        pa.field("exemption_reason", pa.string()),
    ]
)


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
    columns, schema = _columns(table), _schema(table)
    rows = connection.execute(select(*columns).order_by(*table.primary_key.columns)).all()
    arrays = [
        pa.array([_value(column, row[place]) for row in rows], field.type)
        for place, (column, field) in enumerate(zip(columns, schema, strict=True))
    ]
    return pa.table(arrays, schema=schema)


def arrow_line_parts(connection: Connection, after: int, up_to: int) -> pa.Table:
    """Return the tax parts of the lines of some documents: one row per document, line, tax category and rate.

    They stand in the contents alone, which are read one by one.

    Args:
        connection: a ``read`` transaction.
        after: the id of the document to begin after; 0 for the beginning.
        up_to: the id of the last document.
    """
    query = (
        select(documents.c.document_id, documents.c.content)
        .where(documents.c.document_id > after, documents.c.document_id <= up_to)
        .order_by(documents.c.document_id)
        .execution_options(yield_per=100)
    )
    rows = [
        {"document_id": row.document_id, "invoice_line_key": line.invoice_line_key, **part.model_dump()}
        for row in connection.execute(query)
        for line in parse_content(row.content).lines
        for part in line.parts
    ]
    return pa.Table.from_pylist(rows, schema=_LINE_PARTS_SCHEMA)


def empty_table(name: str) -> pa.Table:
    """Return one of ``table_names``, or ``LINE_PARTS``, without rows: what it looks like before anything is issued."""
    if name == LINE_PARTS:
        return _LINE_PARTS_SCHEMA.empty_table()
    return _schema(next(table for table in APPEND_ONLY if table.name == name)).empty_table()


def _columns(table: Table) -> list[Column[Any]]:
    return [column for column in table.c if column is not documents.c.content]


def _schema(table: Table) -> pa.Schema:
    return pa.schema([pa.field(column.name, _type(column), column.nullable) for column in _columns(table)])


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
