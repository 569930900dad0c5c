"""Priced worlds as the warehouse names them, so that the analyses that explain a line run on them.

What is here: schemas over the tables of ``priced``, and the rows of a line with the sums that they must have.
When to add here: another table that an analysis reads.
What does not belong here: what is expected of an explanation.
"""

from decimal import Decimal
from typing import Any

import duckdb
from pricing_on_duckdb import Priced

from orchestration.explaining.explanation import Explanation, explain
from orchestration.explaining.lookup import find_line
from orchestration.exports.analyses import analysis_sql

__all__ = ["explained", "explaining", "row_sums"]

_MARTS = ("fct_charges", "fct_group_charges", "fct_invoice_lines", "fct_invoice_line_accounts", "fct_credit_ledger")
_SEEDS = ("charge_types", "charge_type_columns")


def explaining(priced: Priced) -> duckdb.DuckDBPyConnection:
    """Return the connection of priced worlds with the names of the warehouse in it; no document is issued."""
    connection = priced.connection
    for schema in ("marts", "staging", "seeds"):
        connection.execute(f"create schema if not exists {schema}")
    for schema, names in (("marts", _MARTS), ("seeds", _SEEDS)):
        for name in names:
            connection.execute(f"create or replace view {schema}.{name} as select * from main.{name}")
    for name in ("stg_cur__line_items", "stg_aws__price_list_tiers"):
        connection.execute(f"create or replace view staging.{name} as select * from main.{name}")
    for name in ("fct_documents", "fct_document_lines"):
        connection.execute(f"create or replace view marts.{name} as {priced.project.model(name)}")
    return connection


def explained(connection: duckdb.DuckDBPyConnection, key: str) -> Explanation:
    """Return the explanation of a line, with its variables left set."""
    return explain(connection, find_line(connection, key))


def row_sums(connection: duckdb.DuckDBPyConnection, key: str) -> tuple[int, Decimal, Decimal, Decimal]:
    """Return of the CUR rows of a line: how many, AWS's cost, list cost and billed cost."""
    found = explained(connection, key)
    connection.execute("set variable billing_period = ?::date", [found.reference.billing_period])
    sums: Any = connection.execute(
        "select count(*) filter (where not is_discount), coalesce(sum(aws_cost), 0), coalesce(sum(list_cost), 0), "
        f"coalesce(sum(billed_cost), 0) from ({analysis_sql('explain_rows')})"
    ).fetchone()
    return sums
