"""What a changed configuration would do: both sides built, and compared by the analyses of the dbt project.

What is here: ``preview_change``, the whole of it, and ``Preview``, what it found.
When to add here: another analysis ``preview_…`` (list it in ``_SECTIONS``).
What does not belong here: how it is shown (``pages``); arithmetic, which is SQL.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from orchestration.configuration.schema import Configuration
from orchestration.configuration.validate import read_configuration
from orchestration.errors import BuildError, ChargehouseError, ConfigurationError
from orchestration.exports.analyses import analysis_sql
from orchestration.previewing.changes import RowChange, configuration_changes
from orchestration.previewing.scratch import Sides, built_sides
from orchestration.rows import named_rows
from orchestration.settings import Workspace

__all__ = ["SECTIONS", "Preview", "preview_change"]

Values = dict[str, Any]

SECTIONS: dict[str, str] = {
    "invoices": "case level when 'period' then 0 else 1 end, billing_period, billing_group_id, currency",
    "lines": (
        "case level when 'service' then 0 else 1 end, billing_period, billing_group_id, currency, "
        "abs(exact_amount_usd_difference) desc, service_code, line_kind, source_id"
    ),
    "rules": "billing_period, billing_group_id, abs(billed_cost_difference) desc, kind, source_id",
    "taxes": "billing_period, billing_group_id, currency, tax_category, tax_rate, tax_name",
    "credits": "billing_period, billing_group_id, credit_id, currency",
    "margin": "billing_period, billing_group_id nulls first, component nulls first",
    "accounts": "billing_period, sub_account_id, billing_group_id",
    "problems": "change, billing_period, billing_group_id, problem, subject",
    "documents": "effect desc, billing_period, billing_group_id, currency",
}
"""What is compared: by the name of its analysis ``preview_…``, the order of its rows."""

_READ = (
    *("fct_charges", "fct_group_charges", "fct_invoice_lines", "fct_invoices", "fct_invoice_taxes"),
    *("fct_credit_ledger", "fct_margin", "fct_open_problems", "fct_proposed_documents"),
)


@dataclass(frozen=True)
class Preview:
    """What a changed configuration would do.

    Attributes:
        folder: the changed configuration.
        in_force: the folder of the configuration it is compared with.
        changes: what differs in the files.
        periods: billing periods that were looked at, oldest first.
        touched: those that the change can affect, which were built again.
        left_out: other periods that it can affect; nobody asked for them.
        rebuilt: those of ``periods`` that the workspace has not built from what there is now; built for the comparison.
        rejected: deliveries that cannot be used, in words.
        sections: by name of ``SECTIONS``, the rows that differ, by column name with exact values; null is not known.
    """

    folder: Path
    in_force: Path
    changes: tuple[RowChange, ...]
    periods: tuple[date, ...]
    touched: tuple[date, ...]
    left_out: tuple[date, ...]
    rebuilt: tuple[date, ...]
    rejected: tuple[str, ...]
    sections: Mapping[str, Sequence[Values]]

    def level(self, section: str, level: str) -> list[Values]:
        """Return the rows of one level of a section that has several."""
        return [row for row in self.sections[section] if row["level"] == level]

    @property
    def has_effect(self) -> bool:
        """Whether anything but the files differs."""
        return any(self.sections.values())

    def above(self, amount: Decimal) -> list[Values]:
        """Return the invoices whose total changes by more than ``amount``, or in a way that is not known.

        Totals are in the currency of the invoice, with credits and tax.
        """
        return [
            row
            for row in self.level("invoices", "group")
            if row["total_amount_difference"] is None or abs(row["total_amount_difference"]) > amount
        ]

    def as_dict(self) -> Values:
        """Return it for scripts: periods as ``YYYY-MM``."""
        return {
            "billing": str(self.folder),
            "compared_with": str(self.in_force),
            "periods": [f"{period:%Y-%m}" for period in self.periods],
            "touched_periods": [f"{period:%Y-%m}" for period in self.touched],
            "left_out_periods": [f"{period:%Y-%m}" for period in self.left_out],
            "built_for_comparison": [f"{period:%Y-%m}" for period in self.rebuilt],
            "rejected_deliveries": list(self.rejected),
            "has_effect": self.has_effect,
            "changes": [change.as_dict() for change in self.changes],
            **{
                name: [{**row, "billing_period": f"{row['billing_period']:%Y-%m}"} for row in rows]
                for name, rows in self.sections.items()
            },
        }


def preview_change(
    workspace: Workspace,
    folder: Path,
    only: Collection[date] = (),
    wait_seconds: float = 0,
    report: Callable[[str], None] = lambda _line: None,
) -> Preview:
    """Work out what the configuration in ``folder`` would do; the workspace is left as it is.

    Args:
        workspace: whose configuration, deliveries and documents the change is about.
        folder: a whole configuration, as in ``billing/``.
        only: these billing periods (first days of months); empty for every one that has a delivery.
        wait_seconds: how long to wait for a run.
        report: told what is being done.

    Raises:
        ConfigurationError: the changed configuration has problems; all are named.
        ChargehouseError: there is nothing to compare, or the configuration in force has problems.
        BuildError: one of the sides cannot be built, or the differences do not sum up.
        WorkspaceBusyError: another process works on the workspace and did not finish in time.
    """
    if folder.resolve() == workspace.billing.resolve():
        raise ChargehouseError(
            f"{folder} is the configuration in force. Copy it, change the copy, and preview that: "
            f"cp -r {workspace.billing} NEW"
        )
    report("Reading the configurations")
    changed = read_configuration(folder)
    in_force = _in_force(workspace)
    changes = tuple(configuration_changes(in_force, changed))
    with built_sides(workspace, folder, in_force, changed, only, wait_seconds, report) as sides:
        report("Comparing")
        return Preview(
            folder=folder,
            in_force=workspace.billing,
            changes=changes,
            periods=sides.periods,
            touched=sides.touched,
            left_out=sides.left_out,
            rebuilt=sides.rebuilt,
            rejected=sides.rejected,
            sections=_compare(sides, workspace.memory_limit) if sides.touched else dict.fromkeys(SECTIONS, ()),
        )


def _in_force(workspace: Workspace) -> Configuration:
    try:
        return read_configuration(workspace.billing)
    except ConfigurationError as error:
        raise ChargehouseError(
            f"There is nothing to compare with: the configuration in force, {workspace.billing}, cannot be used. "
            f"Mend it first.\n{error}"
        ) from error


def _compare(sides: Sides, memory_limit: str) -> dict[str, list[Values]]:
    """Run the analyses over both warehouses."""
    with duckdb.connect(config={"memory_limit": memory_limit}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name, file in (("side_before", sides.before), ("side_after", sides.after)):
            connection.execute(f"attach '{str(file).replace(chr(39), chr(39) * 2)}' as {name} (read_only)")
        for schema in ("marts", "baseline", "raw", "seeds", "preview"):
            connection.execute(f"create schema {schema}")
        for table in _READ:
            connection.execute(f"create view marts.{table} as from side_after.marts.{table}")
            connection.execute(f"create view baseline.{table} as from side_before.marts.{table}")
        connection.execute("create view raw.proposal_causes as from side_after.raw.proposal_causes")
        connection.execute("create view seeds.currencies as from side_after.seeds.currencies")
        connection.execute("set variable billing_periods = cast($1 as date[])", [list(sides.touched)])
        found = {}
        for name, order in SECTIONS.items():
            connection.execute(f"create table preview.{name} as {analysis_sql(f'preview_{name}')}")
            found[name] = named_rows(connection, f"from preview.{name} order by {order}")
        wrong = named_rows(connection, analysis_sql("preview_sums"))
    if wrong:
        named = "\n  ".join(f"{row['sums']}: {row['billing_period']:%Y-%m} {row['billing_group_id']}" for row in wrong)
        raise BuildError(f"The differences do not sum up, so that they are not shown; report this.\n  {named}")
    return found
