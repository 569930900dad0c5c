"""Keeps the outcome of checks, so that the pages can show them.

What is here: replacing one layer's results in ``raw.check_results``.
When to add here: nothing but how results are kept.
What does not belong here: checks.
"""

import duckdb

from orchestration.expectations.validation import CheckResult

__all__ = ["save_results"]


def save_results(connection: duckdb.DuckDBPyConnection, layer: str, results: list[CheckResult]) -> None:
    """Replace the results of ``layer`` (``raw`` or ``dbt``) by those of this run.

    In layer ``raw``, tables that were not checked keep theirs: what passed before is not profiled again.
    """
    connection.execute("begin transaction")
    if layer == "dbt":
        connection.execute("delete from raw.check_results where layer = 'dbt'")
    for subject in {result.subject for result in results}:
        connection.execute("delete from raw.check_results where layer = ? and subject = ?", [layer, subject])
    for result in results:
        connection.execute(
            "insert into raw.check_results values (?, ?, ?, ?, ?, ?, date_trunc('second', now()::timestamp))",
            [
                result.check_name,
                result.layer,
                result.subject,
                result.status,
                result.severity,
                result.detail,
            ],
        )
    connection.execute("commit")
