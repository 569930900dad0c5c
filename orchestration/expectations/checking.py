"""Checks the raw tables: profiles what is new, runs every suite, keeps the results and the report.

What is here: the order of the steps.
When to add here: another suite.
What does not belong here: suites, profiles and limits themselves.
"""

import logging
import shutil
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

_LOG = logging.getLogger("chargehouse.run")


def check_raw(
    connection: duckdb.DuckDBPyConnection, charge_types: str, now: datetime, data_docs: Path | None = None
) -> list[CheckResult]:
    """Check deliveries, rows and drift; return every result after keeping it.

    Rows are read only of deliveries that are new; what is known of the others is checked again from their profiles.

    Args:
        connection: the warehouse.
        charge_types: relation or file with the mapped line item types (the seed ``charge_types``).
        now: UTC, without zone; from it a delivery is late.
        data_docs: folder for Great Expectations' report; none where it is None. A report that cannot be written is
            logged and left out.
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
    # What dbt's tests found in the run before says nothing about this one, and they may not get their turn.
    save_results(connection, "dbt", [])
    if data_docs is not None:
        _write_report(validations, data_docs)
    return results


def _write_report(validations: Validations, folder: Path) -> None:
    try:
        write_data_docs(validations.outcomes, folder)
    except Exception as error:
        # Another library renders it, and may raise anything; a month must not wait for its report.
        _LOG.warning("The report in %s could not be written: %s", folder, error)
        # The last run's would be taken for this one's.
        shutil.rmtree(folder, ignore_errors=True)
