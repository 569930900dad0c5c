"""What a Parquet file says about itself: columns, types, rows, and where NULLs and odd numbers can be at all.

What is here: reading footers, of AWS's files and of our own; no data page is read.
When to add here: another fact of the footer that saves reading data.
What does not belong here: how a column is read (``columns``).
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.errors import DeliveryError
from orchestration.ingest.columns import SourceColumn, quoted, snake_name

__all__ = ["ParquetColumn", "ParquetFacts", "read_facts", "source_columns"]

# A double of 12 integer digits or less rounds into DECIMAL(22,10); the extremes in the footer prove it
# without a scan.
_LARGEST_DOUBLE = 999_999_999_999.0


@dataclass(frozen=True)
class ParquetColumn:
    """One column of a Parquet file.

    Attributes:
        header: its name in the file.
        sql_type: its DuckDB type.
        may_be_null: False where the footer counts no NULLs.
        may_be_odd: False where the footer proves every number finite and within 12 integer digits.
    """

    header: str
    sql_type: str
    may_be_null: bool
    may_be_odd: bool


@dataclass(frozen=True)
class ParquetFacts:
    """What the footer of one file says.

    Attributes:
        columns: in file order.
        row_count: number of rows.
    """

    columns: tuple[ParquetColumn, ...]
    row_count: int


def read_facts(connection: duckdb.DuckDBPyConnection, path: Path, key: str) -> ParquetFacts:
    """Return what the footer of ``path`` says.

    Args:
        connection: any connection.
        path: the file.
        key: its name for messages.

    Raises:
        DeliveryError: the file is truncated or no Parquet.
    """
    try:
        described = connection.execute(
            "describe select * from read_parquet(?, hive_partitioning = false)", [str(path)]
        ).fetchall()
        statistics = connection.execute(
            "select path_in_schema, coalesce(sum(stats_null_count), 0), count(*) - count(stats_null_count), "
            "count(*) - count(stats_min_value), min(try_cast(stats_min_value as double)), "
            "max(try_cast(stats_max_value as double)) from parquet_metadata(?) "
            "where num_values > 0 group by all",
            [str(path)],
        ).fetchall()
        row_count = connection.execute("select sum(num_rows) from parquet_file_metadata(?)", [str(path)]).fetchone()
    except duckdb.Error as error:
        raise DeliveryError(f"{key}: the Parquet file is truncated or damaged ({_reason(error)}).") from None
    nulls = {name: not (unknown or count) for name, count, unknown, *_ in statistics}
    ranges = {
        name: not without
        and low is not None
        and high is not None
        and -_LARGEST_DOUBLE <= low <= high <= _LARGEST_DOUBLE
        for name, _, _, without, low, high in statistics
    }
    return ParquetFacts(
        columns=tuple(
            ParquetColumn(
                header=name,
                sql_type=sql_type,
                may_be_null=not nulls.get(name, False),
                may_be_odd=not (sql_type in ("DOUBLE", "FLOAT") and ranges.get(name, False)),
            )
            for name, sql_type, *_ in described
        ),
        row_count=int(row_count[0] or 0) if row_count else 0,
    )


def source_columns(columns: tuple[ParquetColumn, ...]) -> list[SourceColumn]:
    """Return the columns as sources for SQL over the file."""
    return [
        SourceColumn(
            snake_name(column.header),
            quoted(column.header),
            column.sql_type,
            may_be_null=column.may_be_null,
            may_be_odd=column.may_be_odd,
        )
        for column in columns
    ]


def _reason(error: duckdb.Error) -> str:
    return str(error).splitlines()[0].removeprefix("Invalid Input Error: ").strip()[:200]
