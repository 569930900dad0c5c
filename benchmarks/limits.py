"""What the machine and DuckDB need at the least to read the same files: anchors that every figure is set beside.

What is here: counting rows, summing one column, decoding the columns that billing needs; of what a run made, reading
the costs by day and copying the published tables.
When to add here: another limit that no program on this machine can pass.
What does not belong here: anything that bills (``yardstick``).

``python -m benchmarks.limits CASE WORKSPACE FORM`` runs one in a process of its own.
"""

import sys
from pathlib import Path

import duckdb

from benchmarks.columns import Form
from benchmarks.yardstick import AMOUNTS, KEYS, cur_relation
from orchestration.settings import Workspace

__all__ = ["LIMITS", "LIMITS_OF_RESULTS", "run_limit", "run_limit_of_results"]

# The ten columns without which no charge can be made.
_NEEDED = (
    *("bill_billing_period_start_date", "line_item_usage_account_id", "line_item_line_item_type"),
    *("bill_billing_entity", "line_item_product_code", "line_item_usage_type", "line_item_operation"),
    *("line_item_usage_amount", "line_item_unblended_cost", "pricing_public_on_demand_cost"),
)

LIMITS = {
    "count": "count(*)",
    "sum1": "sum(cast(line_item_unblended_cost as double))",
    "read10": ", ".join(f"count({name})" for name in _NEEDED),
    "read_yardstick": ", ".join(f"count({name})" for name in (*KEYS, *AMOUNTS.values())),
}
"""Name and what is selected: rows, the sum of one column, ten columns decoded, all columns that the yardstick reads."""

LIMITS_OF_RESULTS = ("read costs by day", "copy published tables")
"""What is measured in the same way of the tables that a run made."""


def run_limit(case: str, landing: Path, form: Form) -> None:
    """Read the files of every delivery below ``landing`` as the case of :data:`LIMITS` says."""
    with duckdb.connect(":memory:", config={"preserve_insertion_order": False}) as connection:
        connection.execute(f"select {LIMITS[case]} from {cur_relation(landing, form)}").fetchall()


def run_limit_of_results(case: str, workspace: Workspace) -> None:
    """Read or copy published tables as the case of :data:`LIMITS_OF_RESULTS` says."""
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach '{workspace.published_file}' as published (read_only)")
        if case == "read costs by day":
            connection.execute(
                "create temp table days as select billing_group_id, service_code, charge_date, sum(aws_cost) "
                "as aws_cost from published.marts.fct_daily_costs group by all"
            )
            return
        copy = workspace.root / "copied.duckdb"
        connection.execute(f"attach '{copy}' as copied")
        # Tables only: a copy of the whole database fails on views that name it.
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'published'"
        ).fetchall():
            connection.execute(f"create schema if not exists copied.{schema}")
            connection.execute(f"create table copied.{schema}.{table} as from published.{schema}.{table}")
        connection.execute("detach copied")
        copy.unlink()


if __name__ == "__main__":
    if sys.argv[1] in LIMITS_OF_RESULTS:
        run_limit_of_results(sys.argv[1], Workspace.at(Path(sys.argv[2])))
    else:
        run_limit(sys.argv[1], Path(sys.argv[2]) / "landing", Form(sys.argv[3]))
