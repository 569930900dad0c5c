"""The view ``raw.cur_line_items`` over the stored Parquet of the current deliveries.

What is here: the SQL of the view, generated from what was registered about the files; no file is opened for
it.
When to add here: another column of ours, or another way to spare readers work.
What does not belong here: how a column is read (``columns``, ``focus``).

One branch per delivery and layout. What is the same for all rows of a branch is a constant, so that a filter
on ``billing_period`` prunes branches before their files are opened, and columns nobody selects are never
decoded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from orchestration.ingest.columns import (
    BAD_VALUES,
    CANONICAL_COLUMNS,
    OWN_COLUMNS,
    Kind,
    Reading,
    bad_value_condition,
    bad_values_sql,
    literal,
    quoted,
)
from orchestration.ingest.contents import Contents, Layout, StoredFile, parquet_relation, reading_of

__all__ = ["ViewedDelivery", "view_sql"]


@dataclass(frozen=True)
class ViewedDelivery:
    """A delivery that the view shows.

    Attributes:
        delivery_key: its key in the register.
        billing_period: first of the month.
        contents: its files and layouts.
    """

    delivery_key: str
    billing_period: date
    contents: Contents


def view_sql(deliveries: Sequence[ViewedDelivery], raw_store: Path) -> str:
    """Return the statement that makes ``raw.cur_line_items``; without deliveries, a view without rows.

    Args:
        deliveries: the current deliveries that are billed from.
        raw_store: what the stored paths are relative to.
    """
    branches = []
    others: set[str] = set()
    for delivery in sorted(deliveries, key=lambda delivery: (delivery.billing_period, delivery.delivery_key)):
        for layout in delivery.contents.layouts:
            files = [file for file in delivery.contents.files if file.layout == layout.number and file.row_count]
            reading = reading_of(delivery.contents.form, layout)
            others |= reading.others.keys()
            if files:
                branches.append(_branch(delivery, layout, reading, files, raw_store))
    return "create or replace view raw.cur_line_items as " + "\nunion all by name\n".join(
        [_shape(sorted(others)), *branches]
    )


def _shape(others: Sequence[str]) -> str:
    """Return a branch without rows that fixes the order and the types of all columns."""
    columns = [
        *OWN_COLUMNS,
        *((column.name, column.kind.value) for column in CANONICAL_COLUMNS),
        *((name, "VARCHAR") for name in others),
    ]
    selected = ", ".join(f"cast(null as {sql_type}) as {quoted(name)}" for name, sql_type in columns)
    return f"select {selected} where false"


def _branch(
    delivery: ViewedDelivery, layout: Layout, reading: Reading, files: Sequence[StoredFile], raw_store: Path
) -> str:
    contents = delivery.contents
    paths = [raw_store / file.stored_path for file in files if file.stored_path is not None]
    # The name of a stored file is that of the landed one, and `.parquet` where we converted it.
    source_file = (
        literal(files[0].source_key.rpartition("/")[2])
        if len(files) == 1
        else f"parse_filename(filename, {'true' if contents.form.is_csv else 'false'})"
    )
    fields = {
        "delivery_key": literal(delivery.delivery_key),
        "billing_period": f"date '{delivery.billing_period}'",
        "source_file": source_file,
        "source_row_number": "file_row_number + 1",
        "discount_mode": literal(contents.totals.discount_mode),
    }
    if contents.totals.bad_value_row_count:
        fields[BAD_VALUES] = BAD_VALUES if contents.form.is_csv else _bad_values(reading, layout)
    for column in CANONICAL_COLUMNS:
        if column.name in reading.columns:
            fields[column.name] = reading.columns[column.name].sql
        elif column.kind is Kind.TEXT:
            fields[column.name] = "''"
    fields |= reading.others
    selected = ", ".join(f"{sql} as {quoted(name)}" for name, sql in fields.items())
    return f"select {selected} from {parquet_relation(paths)}"


def _bad_values(reading: Reading, layout: Layout) -> str:
    columns = [reading.columns[name] for name in layout.bad_columns]
    return bad_values_sql([(bad_value_condition(column, column.sql), column) for column in columns])
