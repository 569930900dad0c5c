"""Checks the raw tables: profiles what is new, runs every suite, keeps the results and the report.

What is here: the order of the steps.
When to add here: another suite.
What does not belong here: suites, profiles and limits themselves.
"""

from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.expectations.data_docs import write_data_docs
from orchestration.expectations.deliveries import check_deliveries, write_expected_deliveries
from orchestration.expectations.drift import check_drift
from orchestration.expectations.limits import prepare_limits
from orchestration.expectations.line_items import check_line_items
from orchestration.expectations.profile import profile_new_deliveries
from orchestration.expectations.results import save_results
from orchestration.expectations.validation import CheckResult, Validations

__all__ = ["check_raw"]


def check_raw(
    connection: duckdb.DuckDBPyConnection, charge_types: str, now: datetime, data_docs: Path | None = None
) -> list[CheckResult]:
    """Check deliveries, rows and drift; return every result after keeping it.

    Rows are read only of deliveries that are new; what is known of the others is checked again from their profiles.

    Args:
        connection: the warehouse.
        charge_types: relation or file with the mapped line item types (the seed ``charge_types``).
        now: UTC, without zone; from it a delivery is late.
        data_docs: folder for Great Expectations' report; none where it is None.
    """
    prepare_limits(connection)
    write_expected_deliveries(connection)
    profile_new_deliveries(connection)
    validations = Validations()
    results = [
        *check_deliveries(connection, validations, now),
        *check_line_items(connection, validations, charge_types),
        *check_drift(connection, validations),
    ]
    save_results(connection, "raw", results)
    if data_docs is not None:
        write_data_docs(validations.outcomes, data_docs)
    return results
