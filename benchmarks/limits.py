"""What the machine and DuckDB need at the least to read the same files: anchors that every figure is set beside.

What is here: counting rows, summing one column, decoding the columns that billing needs.
When to add here: another limit that no program on this machine can pass.
What does not belong here: anything that bills (``yardstick``).

``python -m benchmarks.limits CASE WORKSPACE FORM`` runs one in a process of its own.
"""

import sys
from pathlib import Path

import duckdb

from benchmarks.columns import Form
from benchmarks.yardstick import AMOUNTS, KEYS, cur_relation

__all__ = ["LIMITS", "run_limit"]

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


def run_limit(case: str, landing: Path, form: Form) -> None:
    """Read the files of every delivery below ``landing`` as the case of :data:`LIMITS` says."""
    with duckdb.connect(":memory:", config={"preserve_insertion_order": False}) as connection:
        connection.execute(f"select {LIMITS[case]} from {cur_relation(landing, form)}").fetchall()


if __name__ == "__main__":
    run_limit(sys.argv[1], Path(sys.argv[2]) / "landing", Form(sys.argv[3]))
