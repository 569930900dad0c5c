"""Whether what was published is what the yardstick makes of the same files, to the last digit.

What is here: the comparison of every charge, invoice line and account of a line, and of the grain's sums with the raw
rows'.
When to add here: another table that both sides have.
What does not belong here: tolerance; there is none.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from benchmarks.columns import Form
from benchmarks.yardstick import cur_relation

__all__ = ["Exactness", "compare"]

_SQL = Path(__file__).parent / "sql" / "differences.sql"


@dataclass(frozen=True)
class Exactness:
    """What a comparison found.

    Attributes:
        differences: rows that only one side has, by what they are; empty when both sides agree.
        charge_count: charges of either side.
        line_count: invoice lines.
        aws_cost: sum of the raw unblended costs, USD.
        raw_difference: sum of the charges' AWS cost less ``aws_cost``, USD.
    """

    differences: dict[str, int]
    charge_count: int
    line_count: int
    aws_cost: str
    raw_difference: str

    @property
    def is_exact(self) -> bool:
        """Whether both sides agree in everything."""
        return not self.differences and Decimal(self.raw_difference) == 0


def compare(published: Path, yardstick: Path, landing: Path, form: Form) -> Exactness:
    """Compare the published copy with the yardstick's database, and its sums with the files.

    Args:
        published: the published copy.
        yardstick: the database of ``benchmarks.yardstick``.
        landing: the deliveries.
        form: form of the deliveries.
    """
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach '{published}' as product (read_only)")
        connection.execute(f"attach '{yardstick}' as yardstick (read_only)")
        found = connection.execute(_SQL.read_text(encoding="utf-8")).fetchall()
        counts = connection.execute(
            "select (select count(*) from yardstick.charges), (select count(*) from yardstick.invoice_lines)"
        ).fetchone()
        sums = connection.execute(
            f"with raw as (select sum(cast(line_item_unblended_cost as decimal(22, 10))) as cost "
            f"from {cur_relation(landing, form)}) "
            "select cast(cost as varchar), "
            "cast((select sum(aws_cost) from product.marts.fct_charges) - cost as varchar) from raw"
        ).fetchone()
    assert counts is not None
    assert sums is not None
    return Exactness(
        differences={f"{what}, only in {where}": count for what, where, count in found if count},
        charge_count=counts[0],
        line_count=counts[1],
        aws_cost=sums[0],
        raw_difference=sums[1],
    )
