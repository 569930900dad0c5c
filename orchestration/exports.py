"""Invoice lines as files for other programs.

What is here: CSV and XLSX of a period's invoices, from the published copy.
When to add here: another form, or another sheet.
What does not belong here: the files of one issued document (``documents/``); arithmetic.
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
from orchestration.settings import Workspace

__all__ = ["write_csv", "write_workbook"]

_DIGITS_OF_A_DOUBLE = 15


def write_csv(workspace: Workspace, period: date, group: str | None, path: Path) -> int:
    """Write the invoice lines of a period to a new CSV file, UTF-8 with plain decimals; return how many.

    Raises:
        ChargehouseError: the file is there already, or there is no such line.
    """
    rows = _lines(workspace, period, group, path)
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _plain(value) for name, value in row.items()} for row in rows)
    return len(rows)


def write_workbook(workspace: Workspace, period: date, group: str | None, path: Path) -> int:
    """Write the invoices, lines, documents and proposed corrections of a period to a new XLSX; return how many lines.

    Amounts are numbers, as far as a spreadsheet holds them exactly; longer ones are text.

    Raises:
        ChargehouseError: the file is there already, or there is no such line.
    """
    lines = _lines(workspace, period, group, path)
    book = Workbook(write_only=True)
    for title, rows in (
        ("invoices", reports.invoices(workspace, period, group)),
        ("lines", lines),
        ("documents", reports.documents(workspace, period, group)),
        ("proposed corrections", reports.proposed_corrections(workspace, period, group)),
    ):
        _add_sheet(book, title, rows)
    book.save(path)
    return len(lines)


def _lines(workspace: Workspace, period: date, group: str | None, path: Path) -> list[dict[str, Any]]:
    if path.exists():
        raise ChargehouseError(f"{path} is there already. Nothing was written; name a new file.")
    rows = reports.invoice_lines(workspace, period, group)
    if not rows:
        raise ChargehouseError(f"There is no invoice line for {period:%Y-%m}{f' and {group}' if group else ''}.")
    path.parent.mkdir(parents=True, exist_ok=True)
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
        return _plain(value)
    return value


def _plain(value: Any) -> Any:
    return f"{value:f}" if isinstance(value, Decimal) else value
