"""The view ``raw.cur_line_items`` over the stored Parquet of the current deliveries.

What is here: the SQL of the view, generated from what was registered about the files; no file is opened for it.
When to add here: another column of ours, or another way to spare readers work.
What does not belong here: how a column is read (``columns``, ``focus``).

Binding a view costs readers time for every expression and every relation in it, query after query. So all files of one
layout are one relation, whatever delivery they are of, and the expressions stand once over all layouts that agree on
their columns' types: 72 deliveries of one layout bind in 0.01 s instead of 0.7. The delivery and its period are in the
stored files' folders, from which DuckDB knows before it opens any file which ones a filter on ``billing_period`` needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
from orchestration.ingest.contents import Contents, Form, Layout, reading_of
from orchestration.ingest.parquet_files import ParquetColumn

__all__ = ["ViewedDelivery", "store_folder", "view_sql"]

# Names of folders in the store, `name=value`; unlike those of any column that AWS writes.
_PERIOD = "chargehouse_period"
_DELIVERY = "chargehouse_delivery"
_DISCOUNT_MODE = "chargehouse_discount_mode"


@dataclass(frozen=True)
class ViewedDelivery:
    """A delivery that the view shows.

    Attributes:
        billing_period: first of the month.
        contents: its files and layouts.
    """

    billing_period: date
    contents: Contents


@dataclass
class _Family:
    """Layouts that are read by the same expressions: no column has two types among them."""

    form: Form
    bad_columns: tuple[str, ...]
    has_bad_values: bool
    columns: dict[str, ParquetColumn] = field(default_factory=dict)
    relations: list[str] = field(default_factory=list)

    def takes(self, columns: Sequence[ParquetColumn]) -> bool:
        """Whether every column that the family has too is of the same type there."""
        return all(
            self.columns[column.header].sql_type == column.sql_type
            for column in columns
            if column.header in self.columns
        )

    def add(self, columns: Sequence[ParquetColumn], relation: str) -> None:
        """Add a layout; a column that one layout lacks is NULL in its rows."""
        names = {column.header for column in columns}
        is_first = not self.relations
        for name, known in self.columns.items():
            if name not in names:
                self.columns[name] = replace(known, may_be_null=True)
        for column in columns:
            known = self.columns.get(column.header, replace(column, may_be_null=not is_first or column.may_be_null))
            self.columns[column.header] = replace(
                known,
                may_be_null=known.may_be_null or column.may_be_null,
                may_be_odd=known.may_be_odd or column.may_be_odd,
            )
        self.relations.append(relation)

    def reading(self) -> Reading:
        """Return how the family is read."""
        return reading_of(self.form, Layout(0, tuple(self.columns.values())))


def store_folder(delivery_key: str, billing_period: date) -> Path:
    """Return where a delivery's files are kept, below the raw store; the view reads both from there."""
    return Path(f"{_PERIOD}={billing_period}") / f"{_DELIVERY}={delivery_key}"


def view_sql(deliveries: Sequence[ViewedDelivery], raw_store: Path) -> str:
    """Return the statement that makes ``raw.cur_line_items``; without deliveries, a view without rows.

    Args:
        deliveries: the current deliveries that are billed from.
        raw_store: what the stored paths are relative to.
    """
    families = _families(deliveries, raw_store)
    readings = [(family, family.reading()) for family in families]
    others = sorted({name for _, reading in readings for name in reading.others})
    branches = [_shape(others), *(_branch(family, reading) for family, reading in readings)]
    return "create or replace view raw.cur_line_items as " + "\nunion all by name\n".join(branches)


def _families(deliveries: Sequence[ViewedDelivery], raw_store: Path) -> list[_Family]:
    files: dict[tuple[object, ...], list[Path]] = {}
    examples: dict[tuple[object, ...], tuple[Contents, Layout]] = {}
    for delivery in sorted(deliveries, key=lambda delivery: delivery.billing_period):
        contents = delivery.contents
        for layout in contents.layouts:
            has_bad_values = contents.totals.bad_value_row_count > 0
            key = (contents.form, contents.totals.discount_mode, has_bad_values, layout.bad_columns, layout.columns)
            examples.setdefault(key, (contents, layout))
            files.setdefault(key, []).extend(
                raw_store / file.stored_path
                for file in contents.files
                if file.layout == layout.number and file.stored_path is not None
            )
    families: list[_Family] = []
    for shared, (contents, layout) in examples.items():
        relation = _relation(files[shared], contents.totals.discount_mode)
        has_bad_values = contents.totals.bad_value_row_count > 0
        # What we wrote ourselves is read the same way, whatever it was made from.
        form = Form.LEGACY_CUR_CSV if contents.form.is_csv else contents.form
        family = next(
            (
                family
                for family in families
                if (family.form, family.bad_columns, family.has_bad_values)
                == (form, layout.bad_columns, has_bad_values)
                and family.takes(layout.columns)
            ),
            None,
        )
        if family is None:
            family = _Family(form, layout.bad_columns, has_bad_values)
            families.append(family)
        family.add(layout.columns, relation)
    return families


def _relation(files: Sequence[Path], discount_mode: str) -> str:
    paths = ", ".join(literal(str(path)) for path in files)
    return (
        f"select *, filename, file_row_number, {literal(discount_mode)} as {_DISCOUNT_MODE} "
        f"from read_parquet([{paths}], union_by_name = false, hive_partitioning = true, hive_types_autocast = false, "
        f"hive_types = {{'{_PERIOD}': date, '{_DELIVERY}': varchar}})"
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


def _branch(family: _Family, reading: Reading) -> str:
    # The name of a stored file is that of the landed one, and `.parquet` where we converted it.
    fields = {
        "delivery_key": _DELIVERY,
        "billing_period": _PERIOD,
        "source_file": f"parse_filename(filename, {'true' if family.form.is_csv else 'false'})",
        "source_row_number": "file_row_number + 1",
        "discount_mode": _DISCOUNT_MODE,
    }
    if family.has_bad_values:
        bad = [reading.columns[name] for name in family.bad_columns]
        fields[BAD_VALUES] = (
            BAD_VALUES
            if family.form.is_csv
            else bad_values_sql([(bad_value_condition(column, column.sql), column) for column in bad])
        )
    for column in CANONICAL_COLUMNS:
        if column.name in reading.columns:
            fields[column.name] = reading.columns[column.name].sql
        elif column.kind is Kind.TEXT:
            fields[column.name] = "''"
    fields |= reading.others
    selected = ", ".join(f"{sql} as {quoted(name)}" for name, sql in fields.items())
    return f"select {selected} from ({' union all by name '.join(family.relations)})"
