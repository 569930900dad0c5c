"""Keeps the outcome of checks, so that the pages can show them.

What is here: results of tests that find rows, and replacing one layer's rows in ``raw.check_results`` and
``raw.check_failures``.
When to add here: nothing but how results are kept.
What does not belong here: checks.
"""

from collections.abc import Sequence

import duckdb

from orchestration.expectations.catalogue import catalogue
from orchestration.expectations.control import prepare_check_tables
from orchestration.expectations.validation import KEPT_FAILURES, CheckResult, Failure

__all__ = ["result_of_rows", "save_results"]


def result_of_rows(check_id: str, rows: Sequence[tuple[str, str]]) -> CheckResult:
    """Return the result of a check that finds rows, as dbt's tests do: none is a pass.

    Args:
        check_id: id in the catalogue.
        rows: which row fails, and what it says.
    """
    if not rows:
        return CheckResult(check_id, "pass")
    failures = tuple(Failure(key, found) for key, found in rows[:KEPT_FAILURES])
    shown = "; ".join(f"{failure.key}: {failure.found}" if failure.found else failure.key for failure in failures[:3])
    count = len(rows)
    detail = f"{count:,} {'row' if count == 1 else 'rows'}: {shown}{'; …' if count > 3 else ''}"
    return CheckResult(check_id, "fail", detail, count, failures)


def save_results(connection: duckdb.DuckDBPyConnection, layer: str, results: Sequence[CheckResult]) -> None:
    """Replace the results of ``layer`` (``raw`` or ``dbt``) by those of this run, with the rows that fail."""
    prepare_check_tables(connection)
    checks = catalogue()
    connection.execute("begin transaction")
    connection.execute("delete from raw.check_results where layer = ?", [layer])
    connection.execute("delete from raw.check_failures where layer = ?", [layer])
    for result in results:
        check = checks[result.check_id]
        connection.execute(
            "insert into raw.check_results by name select ? as check_name, ? as layer, ? as subject, ? as status, "
            "? as severity, ? as detail, date_trunc('second', now()::timestamp) as checked_at, ? as check_id, "
            "? as owner, ? as meaning, ? as remedy, ? as failure_count",
            [
                *(check.promise, layer, check.subject, result.status, check.severity, result.detail),
                *(check.check_id, check.owner, check.meaning, check.remedy, result.failure_count),
            ],
        )
        for number, failure in enumerate(result.failures, start=1):
            connection.execute(
                "insert into raw.check_failures values (?, ?, ?, ?, ?)",
                [result.check_id, layer, number, failure.key, failure.found],
            )
    connection.execute("commit")
