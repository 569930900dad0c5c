"""FOCUS Cost and Usage of what customers are charged, as Parquet.

What is here: writing the rows of the analysis ``focus_cost_and_usage`` (FOCUS 1.2; decision 14).
When to add here: another form of the file.
What does not belong here: the columns and their meaning, which are in the analysis.
"""

from datetime import date
from pathlib import Path

from orchestration.errors import ChargehouseError
from orchestration.exports.analyses import analysis_sql, copy_to_parquet, published_warehouse
from orchestration.exports.files import Written, new_file, require_ending
from orchestration.settings import Workspace

__all__ = ["focus_name", "write_focus"]


def focus_name(name: str) -> str:
    """Return the name of a column as FOCUS writes it: ``BilledCost`` for ``billed_cost``, ``x_LineKind`` for ours."""
    prefix = "x_" if name.startswith("x_") else ""
    return prefix + "".join(word.capitalize() for word in name.removeprefix(prefix).split("_"))


def write_focus(workspace: Workspace, period: date, group: str | None, path: Path) -> Written:
    """Write the charges, customer credits and tax of a period, as customers see them, to a new Parquet file.

    Costs are DECIMAL(28, 10) in the currency of the invoice; their sum is the total of the invoices, to the cent.

    Raises:
        ChargehouseError: the file is there already, nothing is billed, or an exchange rate is missing (I2).
        WorkspaceBusyError: a run is going on.
    """
    require_ending(path, ".parquet")
    with new_file(path) as draft, published_warehouse(workspace, "exporting", period, group) as warehouse:
        unconverted = warehouse.execute(
            "select distinct billing_group_id from marts.fct_invoice_lines "
            "where billing_period = ? and billing_group_id = coalesce(?, billing_group_id) and net_amount is null "
            "order by billing_group_id",
            [period, group],
        ).fetchall()
        if unconverted:
            groups = ", ".join(name for (name,) in unconverted)
            raise ChargehouseError(
                f"There is no exchange rate for {period:%Y-%m} of {groups} (I2), so there is nothing to export in the "
                "currency of the invoice. Add it to fx_rates.csv and run again, or export the other groups one by one."
            )
        warehouse.execute(f"create temp view focus_rows as {analysis_sql('focus_cost_and_usage')}")
        names = [name for (name, *_) in warehouse.execute("describe focus_rows").fetchall()]
        columns = ", ".join(f'{name} as "{focus_name(name)}"' for name in names)
        count = copy_to_parquet(warehouse, f"select {columns} from focus_rows", draft)
        if not count:
            raise ChargehouseError(f"Nothing is billed for {period:%Y-%m}{f' and {group}' if group else ''}.")
    return Written(path, count, "rows")
