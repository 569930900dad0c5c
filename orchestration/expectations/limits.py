"""The limits of checks: defaults, and what a workspace's ``quality_thresholds.csv`` says for a payer and period.

What is here: the relation ``limits`` and the SQL that reads one limit of it.
When to add here: nothing; a new limit is a row of ``thresholds.csv``.
What does not belong here: comparing anything with a limit (the suites).
"""

import duckdb

from orchestration.expectations.catalogue import default_thresholds

__all__ = ["limit", "prepare_limits"]

# The more precise row counts: a payer's own before the workspace's, that before the default.
_OWN = """
insert into temp.limits
select
    threshold, payer_account_id, value, start_period, coalesce(end_period, date '9999-12-31'),
    case when payer_account_id is null then 1 else 2 end
from billing.quality_thresholds
"""


def prepare_limits(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the temporary table ``limits`` from the defaults and the loaded configuration."""
    connection.execute(
        "create or replace temp table limits (threshold varchar, payer_account_id varchar, value decimal(22, 10), "
        "start_period date, end_period date, precedence integer)"
    )
    connection.executemany(
        "insert into temp.limits values (?, null, cast(? as decimal(22, 10)), date '0001-01-01', date '9999-12-31', 0)",
        [(default.threshold, default.value) for default in default_thresholds()],
    )
    is_loaded = connection.execute(
        "select 1 from duckdb_tables() where schema_name = 'billing' and table_name = 'quality_thresholds' "
        "and database_name = current_catalog()"
    ).fetchall()
    if is_loaded:
        connection.execute(_OWN)


def limit(threshold: str, payer: str, period: str) -> str:
    """Return SQL for a limit in force, DECIMAL(22, 10); NULL where the check is not to be made.

    Args:
        threshold: name of the limit.
        payer: SQL of the payer account id.
        period: SQL of the billing period.
    """
    # A struct, because arg_max() leaves NULLs out, and NULL means that the check is not made.
    return (
        "(select arg_max({'value': limits.value}, limits.precedence).value from temp.limits as limits "
        f"where limits.threshold = '{threshold}' and coalesce(limits.payer_account_id, {payer}) = {payer} "
        f"and limits.start_period <= {period} and {period} < limits.end_period)"
    )
