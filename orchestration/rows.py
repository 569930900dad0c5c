"""Rows of a query with names instead of places.

What is here: ``named_rows``.
When to add here: another plain way to take what DuckDB found.
What does not belong here: queries, and opening what they are put to (``reports.py``, ``warehouse.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

__all__ = ["named_rows"]


def named_rows(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object] | Mapping[str, object] = ()
) -> list[dict[str, Any]]:
    """Return the rows of a query, the values of each by the names of the columns."""
    result = connection.execute(query, parameters)
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
