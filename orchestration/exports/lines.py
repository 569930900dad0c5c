"""Invoice lines as CSV and XLSX, from the published copy.

What is here: ``write_csv`` and ``write_workbook``.
When to add here: another sheet of the workbook.
What does not belong here: arithmetic.
"""

import csv
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from orchestration import reports
from orchestration.errors import ChargehouseError
from orchestration.exports.files import Written, csv_cell, new_file
from orchestration.settings import Workspace

__all__ = ["write_csv", "write_workbook"]

_DIGITS_OF_A_DOUBLE = 15


def write_csv(workspace: Workspace, period: date, group: str | None, path: Path) -> Written:
    """Write the invoice lines of a period to a new CSV file, UTF-8 with plain decimals.

    Raises:
        ChargehouseError: the file is there already, or there is no such line.
    """
    with new_file(path) as draft:
        rows = _lines(workspace, period, group)
        with draft.open("x", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: csv_cell(value) for name, value in row.items()} for row in rows)
    return Written(path, len(rows))


def write_workbook(workspace: Workspace, period: date, group: str | None, path: Path) -> Written:
    """Write the invoices, lines, documents and proposed corrections of a period to a new XLSX; it counts the lines.

    Amounts are numbers, as far as a spreadsheet holds them exactly; longer ones are text.

    Raises:
        ChargehouseError: the file is there already, or there is no such line.
    """
    with new_file(path) as draft:
        lines = _lines(workspace, period, group)
        book = Workbook(write_only=True)
        for title, rows in (
            ("invoices", reports.invoices(workspace, period, group)),
            ("lines", lines),
            ("documents", reports.documents(workspace, period, group)),
            ("proposed corrections", reports.proposed_corrections(workspace, period, group)),
        ):
            _add_sheet(book, title, rows)
        book.save(draft)
    return Written(path, len(lines))


def _lines(workspace: Workspace, period: date, group: str | None) -> list[dict[str, Any]]:
    rows = reports.invoice_lines(workspace, period, group)
    if not rows:
        raise ChargehouseError(f"There is no invoice line for {period:%Y-%m}{f' and {group}' if group else ''}.")
    return rows


def _add_sheet(book: Any, title: str, rows: Sequence[dict[str, Any]]) -> None:
    sheet = book.create_sheet(title)
    if rows:
        sheet.append(list(rows[0]))
    for row in rows:
        sheet.append([_cell(value) for value in row.values()])


def _cell(value: Any) -> Any:
    # A spreadsheet keeps numbers as doubles: what has more digits would change.
    if isinstance(value, Decimal) and len(value.normalize().as_tuple().digits) > _DIGITS_OF_A_DOUBLE:
        return f"{value:f}"
    return value
