"""The records that pass between reading a delivery, registering it and showing it in the view.

What is here: a delivery's stored files, their layouts, and its control totals.
When to add here: a fact about a delivery's contents that is registered.
What does not belong here: how the facts are found (``staging``, ``totals``) and kept (``register``).
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from orchestration.ingest.columns import Origin, Reading, literal, read_columns
from orchestration.ingest.focus import read_focus_columns
from orchestration.ingest.parquet_files import ParquetColumn, source_columns

__all__ = [
    "Contents",
    "DiscountMode",
    "Form",
    "Layout",
    "StoredFile",
    "Totals",
    "parquet_relation",
    "reading_of",
]


class Form(StrEnum):
    """What AWS wrote: which report, in which files."""

    LEGACY_CUR_CSV = "legacy_cur_csv"
    LEGACY_CUR_PARQUET = "legacy_cur_parquet"
    CUR2_CSV = "cur2_csv"
    CUR2_PARQUET = "cur2_parquet"
    FOCUS_CSV = "focus_csv"
    FOCUS_PARQUET = "focus_parquet"

    @property
    def is_csv(self) -> bool:
        """Whether the stored files are ours, made from CSV, rather than AWS's own Parquet."""
        return self in (Form.LEGACY_CUR_CSV, Form.CUR2_CSV, Form.FOCUS_CSV)

    @property
    def is_cur2(self) -> bool:
        """Whether it is CUR 2.0."""
        return self in (Form.CUR2_CSV, Form.CUR2_PARQUET)

    @property
    def is_focus(self) -> bool:
        """Whether it is FOCUS."""
        return self in (Form.FOCUS_CSV, Form.FOCUS_PARQUET)


class DiscountMode(StrEnum):
    """How a delivery shows discounts (C2)."""

    ROWS = "rows"
    COLUMNS = "columns"
    NONE = "none"


@dataclass(frozen=True)
class StoredFile:
    """One file of a delivery.

    Attributes:
        number: place in the manifest, from 1.
        source_key: where it was landed.
        stored_path: below the raw store, or below the staging folder before the delivery is accepted; None for a
            file without any content, and once the delivery is superseded.
        row_count: rows.
        byte_count: bytes as landed.
        checksum: sha256 as landed.
        stored_byte_count: bytes as stored.
        layout: number of its layout; None for a file without any content.
    """

    number: int
    source_key: str
    stored_path: str | None
    row_count: int
    byte_count: int
    checksum: str
    stored_byte_count: int
    layout: int | None


@dataclass(frozen=True)
class Layout:
    """Columns that some stored files of a delivery share.

    Attributes:
        number: from 1 within the delivery.
        columns: in file order.
        bad_columns: canonical columns in which AWS's Parquet holds unreadable values; CSV keeps them in a column.
    """

    number: int
    columns: tuple[ParquetColumn, ...]
    bad_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Totals:
    """Control totals of a delivery; money in USD.

    Attributes:
        row_count: rows, split-cost rows included.
        unblended_cost: of rows that are not split-cost rows (C1).
        net_unblended_cost: of the same rows: the net cost where discounts come in columns and it is given (C2).
        split_cost_row_count: split-cost rows.
        excess_decimal_row_count: rows whose unblended cost had more than 10 decimals (M1).
        excess_decimal_sum: sum of exact minus rounded over them.
        bad_value_row_count: rows with an unreadable value in some column.
        discount_mode: how discounts arrive.
        open_row_count: rows that cost something and have no invoice id.
        open_cost: their unblended cost.
        first_usage_at: earliest usage start.
        last_usage_at: latest usage start.
        payer_account_id: the payer of every row; None without rows.
    """

    row_count: int
    unblended_cost: Decimal
    net_unblended_cost: Decimal
    split_cost_row_count: int
    excess_decimal_row_count: int
    excess_decimal_sum: Decimal
    bad_value_row_count: int
    discount_mode: DiscountMode
    open_row_count: int
    open_cost: Decimal
    first_usage_at: datetime | None
    last_usage_at: datetime | None
    payer_account_id: str | None


@dataclass(frozen=True)
class Contents:
    """A delivery that was read and found sound.

    Attributes:
        form: what AWS wrote.
        columns: names of its columns in snake case, in the order in which the files first show them.
        files: its files, in the manifest's order.
        layouts: the layouts of its stored files.
        totals: its control totals.
    """

    form: Form
    columns: tuple[str, ...]
    files: tuple[StoredFile, ...]
    layouts: tuple[Layout, ...]
    totals: Totals


def reading_of(form: Form, layout: Layout) -> Reading:
    """Return how stored files of ``layout`` are read."""
    sources = source_columns(layout.columns)
    if form is Form.FOCUS_PARQUET:
        return read_focus_columns([column.header for column in layout.columns], sources)
    return read_columns(sources, Origin.STORE if form.is_csv else Origin.PARQUET)


def parquet_relation(paths: list[Path]) -> str:
    """Return SQL that reads stored files of one layout; their folders' names are no columns."""
    files = ", ".join(literal(str(path)) for path in paths)
    return f"read_parquet([{files}], hive_partitioning = false, union_by_name = false)"
