"""The published copy: the marts, written beside the old copy and put in its place in one step.

What is here: copying schema ``marts`` of the warehouse, with its comments, into ``published/chargehouse.duckdb``, and
the tables that only a run knows (runs, check results, price lists) or only the ledger (parts of documents, its log);
beside the marts, the configuration that a line is explained by.
When to add here: a table for readers that no model can build.
What does not belong here: any change of the data on its way out.
"""

import os
from pathlib import Path

import duckdb

from orchestration.settings import Workspace

__all__ = ["publish", "publish_failed_checks"]

_RUN_TABLES = {
    "fct_runs": "select * exclude (published_at) from {}.raw.runs",
    "fct_check_results": """
        select
            check_name, layer, subject, status, severity, detail, checked_at, check_id, owner, meaning, remedy,
            failure_count
        from {}.raw.check_results
    """,
    "fct_check_failures": "select * from {}.raw.check_failures order by all",
    "fct_expected_deliveries": "select * from {}.raw.expected_deliveries order by all",
    "fct_period_inputs": "select * from {}.raw.period_inputs order by all",
    "dim_price_lists": "select * exclude (fingerprint) from {}.raw.price_list_files",
}

# As they stand in the ledger, with the document's number: there is nothing for a model to work out.
_RUN_TABLES |= {
    "fct_document_line_accounts": """
        select
            number, billing_period, billing_group_id, cast(line_number as integer) as line_number, sub_account_id,
            currency, cast(minor_units as integer) as minor_units,
            cast(parts.net_amount as decimal(22, 4)) as net_amount,
            cast(parts.credit_amount as decimal(22, 4)) as credit_amount
        from {0}.ledger.document_line_accounts as parts
        inner join {0}.ledger.documents using (document_id)
        order by document_id, line_number, sub_account_id
    """,
    "fct_document_taxes": """
        select
            number, billing_period, billing_group_id, cast(tax_number as integer) as tax_number, tax_category, tax_name,
            cast(tax_rate as decimal(12, 4)) as tax_rate, exemption_reason,
            currency, cast(minor_units as integer) as minor_units,
            cast(parts.taxable_amount as decimal(22, 4)) as taxable_amount,
            cast(parts.tax_amount as decimal(22, 4)) as tax_amount
        from {0}.ledger.document_taxes as parts
        inner join {0}.ledger.documents using (document_id)
        order by document_id, tax_number
    """,
    "fct_document_credits": """
        select
            number, billing_period, billing_group_id, credit_id, invoice_line_key, sub_account_id, service_code,
            currency, cast(minor_units as integer) as minor_units, cast(amount as decimal(22, 4)) as amount
        from {0}.ledger.credit_draws
        inner join {0}.ledger.documents using (document_id)
        order by document_id, credit_id, invoice_line_key, sub_account_id, service_code
    """,
    "fct_cost_anomalies": "select * from {0}.raw.cost_anomalies order by billing_period, anomaly_number",
    "fct_cost_anomaly_causes": (
        "select * from {0}.raw.cost_anomaly_causes order by billing_period, anomaly_number, cause_number"
    ),
    "dim_cost_histories": "select billing_period, history_days from {0}.raw.cost_histories order by billing_period",
    "fct_proposal_causes": "select * from {0}.raw.proposal_causes order by all",
    "fct_audit_log": """
        select audit_id, timezone('UTC', happened_at) as happened_at, actor, host, action, subject, detail
        from {0}.ledger.audit_log
        order by audit_id
    """,
}

_RUN_COMMENTS = {
    "fct_runs": "One row per run that was published.",
    "fct_check_results": (
        "One row per check of the latest run: what it promises, who acts, what failing means, how many rows fail."
    ),
    "fct_check_failures": "One row per row that fails a check of the latest run, up to 20 per check.",
    "fct_expected_deliveries": (
        "One row per payer and what it sends next: a newer `delivery` of an open month, the next `month`; late from "
        "due_at (UTC) on."
    ),
    "fct_period_inputs": (
        "One row per billing period and what it was built from: a `delivery` (name is its delivery_key) or a "
        "`configuration_file`, each with its sha256."
    ),
    "dim_price_lists": "One row per AWS price list seen, with what it holds, or why it is rejected (R8).",
    "fct_document_line_accounts": "One row per line of an issued document and account (D3, M5).",
    "fct_document_taxes": "One row per tax category and rate of an issued document (D3, T3, D6).",
    "fct_document_credits": (
        "One row per customer credit, line, account and service that an issued document draws on: negative drawn, "
        "positive given back (K4)."
    ),
    "fct_cost_anomalies": (
        "One row per anomaly of cost: consecutive days of a month on which AWS charged far more or less for a service "
        "of a billing group than on the same weekdays before, USD; number 1 is the largest."
    ),
    "fct_cost_anomaly_causes": (
        "One row per account, usage type and region that moved in an anomaly of cost, the one that moved most first."
    ),
    "dim_cost_histories": "One row per billing period that was looked through for anomalies, with the days before it.",
    "fct_proposal_causes": (
        "One row per proposed document and what it is compared with: `issued` documents (D5), or the numbers that were "
        "`approved` before they changed (D1), with the cause in words."
    ),
    "fct_audit_log": "One row per change of the ledger: who did what, when (UTC), on what, from which host.",
}


# What lines are explained by, beside the marts; as the last run loaded it, for the analyses `explain_*` (decision 15).
_EXPLAINING = {
    **{
        f"billing.{name}": f"select * from warehouse.billing.{name}"
        for name in (
            *("account_assignments", "billing_groups", "billing_terms", "custom_line_items", "minimum_commitments"),
            *("pricing_rule_tiers", "pricing_rules", "settings", "shared_cost_rules"),
            *("support_plan_tiers", "support_plans"),
        )
    },
    "staging.stg_aws__price_list_tiers": (
        "select * from warehouse.staging.stg_aws__price_list_tiers "
        "where sku in (select price_list_sku from marts.fct_charges)"
    ),
}


def publish(workspace: Workspace) -> int:
    """Replace the published copy by the warehouse's marts; return its size in bytes.

    Readers of the old copy keep it until they close it: DuckDB refuses readers while a writer has a file open, so pages
    never open the warehouse, and the copy is replaced by a rename, never written in place.
    """
    target = workspace.published_file
    target.parent.mkdir(parents=True, exist_ok=True)
    for stale in target.parent.glob(f"{target.name}.*.new*"):
        stale.unlink()
    new_file = target.with_name(f"{target.name}.{os.getpid()}.new")
    connection = duckdb.connect(new_file, config={"memory_limit": workspace.memory_limit})
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{_quoted(workspace.warehouse_file)}' as warehouse (read_only)")
        connection.execute("create schema marts")
        relations = connection.execute(
            "select table_name from information_schema.tables "
            "where table_catalog = 'warehouse' and table_schema = 'marts' order by table_name"
        ).fetchall()
        for (name,) in relations:
            connection.execute(f'create table marts."{name}" as select * from warehouse.marts."{name}"')
        for name, query in _RUN_TABLES.items():
            connection.execute(f"create table marts.{name} as {query.format('warehouse')}")
            connection.execute(f"comment on table marts.{name} is '{_RUN_COMMENTS[name]}'")
        _copy_comments(connection)
        _copy_what_explains(connection)
        connection.execute("detach warehouse")
        connection.execute("checkpoint")
    finally:
        connection.close()
    with new_file.open("rb") as handle:
        os.fsync(handle.fileno())
    size = new_file.stat().st_size
    new_file.replace(target)
    workspace.failed_checks_file.unlink(missing_ok=True)
    return size


def publish_failed_checks(workspace: Workspace) -> None:
    """Put what the checks of a run found beside the published copy, which that run leaves as it was.

    The file holds ``fct_check_results`` and ``fct_check_failures`` of the run that published nothing; the next run
    removes it when it checks.
    """
    target = workspace.failed_checks_file
    target.parent.mkdir(parents=True, exist_ok=True)
    new_file = target.with_name(f"{target.name}.{os.getpid()}.new")
    new_file.unlink(missing_ok=True)
    with duckdb.connect(new_file) as connection:
        connection.execute(f"attach '{_quoted(workspace.warehouse_file)}' as warehouse (read_only)")
        connection.execute("create schema marts")
        for name in ("fct_check_results", "fct_check_failures"):
            connection.execute(f"create table marts.{name} as {_RUN_TABLES[name].format('warehouse')}")
        connection.execute("detach warehouse")
    new_file.replace(target)


def _copy_what_explains(connection: duckdb.DuckDBPyConnection) -> None:
    there = connection.execute(
        "select table_schema || '.' || table_name from information_schema.tables where table_catalog = 'warehouse'"
    ).fetchall()
    connection.execute("create schema billing")
    connection.execute("create schema staging")
    for (name,) in there:
        if name in _EXPLAINING:
            connection.execute(f"create table {name} as {_EXPLAINING[name]}")


def _copy_comments(connection: duckdb.DuckDBPyConnection) -> None:
    """Carry the descriptions over: `create table as` loses them, and the pages show them as tooltips."""
    tables = connection.execute(
        "select table_name, comment from duckdb_tables() where database_name = 'warehouse' and schema_name = 'marts' "
        "and comment is not null union all "
        "select view_name, comment from duckdb_views() where database_name = 'warehouse' and schema_name = 'marts' "
        "and comment is not null"
    ).fetchall()
    for name, comment in tables:
        connection.execute(f"comment on table marts.\"{name}\" is '{_quoted(comment)}'")
    columns = connection.execute(
        "select table_name, column_name, comment from duckdb_columns() "
        "where database_name = 'warehouse' and schema_name = 'marts' and comment is not null"
    ).fetchall()
    for name, column, comment in columns:
        connection.execute(f'comment on column marts."{name}"."{column}" is \'{_quoted(comment)}\'')


def _quoted(text: str | Path) -> str:
    return str(text).replace("'", "''")
