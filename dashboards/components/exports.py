"""Downloads: every row of a question, as CSV and as a workbook.

What is here: writing extracts, exact, and the two buttons that hand them out.
When to add here: another file format.
What does not belong here: choosing the rows; an extract comes from ``extracts.py``.

CSV holds every digit. A spreadsheet keeps about 15 digits of a number, whatever the file says; columns that
can have more get a text column ``<name>_exact`` beside them: no digit is lost, and the number still adds up.
"""

import csv
import io
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import streamlit as st
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from dashboards import strings
from dashboards.components import money
from dashboards.extracts import Extract, ExtractColumn
from orchestration.exports.files import csv_text

__all__ = ["XLSX_TYPE", "Sheet", "buttons", "file_name", "to_csv", "to_xlsx"]

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# What a worksheet can hold, its heading included.
_SHEET_ROWS = 1_048_576
# Beyond this many decimals an amount may need more digits than a spreadsheet keeps.
_SAFE_SCALE = 10
# Amounts of documents have at most this many decimals in the marts; they show their currency's minor unit.
_DOCUMENT_SCALE = 4

Source = Callable[[], AbstractContextManager[Extract]]


@dataclass(frozen=True)
class Sheet:
    """One question to write out: its name and how to ask it."""

    title: str
    source: Source


def _plain(value: Decimal) -> str:
    """Every digit: no exponent, no separators, no trailing zeros beyond two decimals."""
    whole, _, decimals = format(value, "f").partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def _csv_text(value: object) -> str:
    if isinstance(value, str):
        return csv_text(value)
    if isinstance(value, Decimal):
        return _plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def to_csv(sheet: Sheet) -> bytes:
    """Return an extract as CSV with published column names, in UTF-8 with the mark by which Excel sees it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    with sheet.source() as extract:
        writer.writerow([column.name for column in extract.columns])
        writer.writerows([_csv_text(value) for value in row] for row in extract.rows)
    return text.getvalue().encode("utf-8-sig")


@dataclass(frozen=True)
class _Plan:
    """How a column is written: its number format (None: by the row's currency), and whether as text too."""

    name: str
    number_format: str | None
    exact: bool = False

    @classmethod
    def of(cls, column: ExtractColumn, *, of_document: bool) -> "_Plan":
        kind = column.type
        if kind.startswith("DECIMAL("):
            scale = int(kind.removesuffix(")").rpartition(",")[2])
            if scale <= _DOCUMENT_SCALE:
                in_currency = of_document and column.name.endswith("_amount")
                return cls(column.name, None if in_currency else _fixed(scale))
            return cls(column.name, "#,##0.00########", exact=scale > _SAFE_SCALE)
        formats = {
            "DATE": "yyyy-mm-dd",
            "TIMESTAMP": "yyyy-mm-dd hh:mm:ss",
            "BIGINT": "#,##0",
            "INTEGER": "0",
        }
        return cls(column.name, formats.get(kind, "@"))

    @property
    def heads(self) -> tuple[str, ...]:
        return (self.name, f"{self.name}_exact") if self.exact else (self.name,)


def _fixed(decimals: int) -> str:
    return "#,##0" + ("." + "0" * decimals if decimals else "")


def _set_text(cell: Cell, text: str) -> Cell:
    # Spreadsheets refuse a file with control characters; nothing that counts is lost with them.
    cell.value = ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", text)
    # openpyxl takes a text that begins with "=" for a formula.
    cell.data_type = "s"
    return cell


class _Pen:
    """Writes one column of a sheet, over and over with the same cell: a month can have millions of them."""

    def __init__(self, sheet: Worksheet, plan: _Plan) -> None:
        self._plan = plan
        self._cell = WriteOnlyCell(sheet)
        self._cell.number_format = plan.number_format or "General"
        self._beside = WriteOnlyCell(sheet)

    def cells(self, value: object, in_currency: str) -> tuple[Cell | None, ...]:
        """Return the cells of a row: one, or two where the column is written as text too."""
        cell = self._cell
        if value is None or value == "":
            return (None, None) if self._plan.exact else (None,)
        if isinstance(value, Decimal):
            text = _plain(value)
            # openpyxl writes numbers with 16 digits. A text declared to be a number is written as it stands.
            cell.value = text
            cell.data_type = "n"
            if self._plan.number_format is None and cell.number_format != in_currency:
                cell.number_format = in_currency
            return (cell, _set_text(self._beside, text)) if self._plan.exact else (cell,)
        if isinstance(value, int | date):
            cell.value = value
            return (cell,)
        return (_set_text(cell, str(value)),)


def _open(workbook: Workbook, title: str, plans: Sequence[_Plan]) -> tuple[Worksheet, list[_Pen]]:
    """Start a sheet with its heading, which stays in view."""
    sheet: Worksheet = workbook.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    font, fill = Font(bold=True, color="FFFFFF"), PatternFill("solid", fgColor="0B6E63")
    head = []
    for plan in plans:
        for name in plan.heads:
            cell = WriteOnlyCell(sheet, value=name)
            cell.font, cell.fill = font, fill
            cell.alignment = Alignment(horizontal="left" if plan.number_format == "@" else "right")
            head.append(cell)
            sheet.column_dimensions[get_column_letter(len(head))].width = max(14, min(len(name) + 4, 34))
    sheet.append(head)
    return sheet, [_Pen(sheet, plan) for plan in plans]


def _write(workbook: Workbook, title: str, extract: Extract) -> int:
    """Write one extract, over several sheets where one cannot hold it; return how many rows it had."""
    names = [column.name for column in extract.columns]
    units_at = names.index("minor_units") if "minor_units" in names else None
    plans = [_Plan.of(column, of_document=units_at is not None) for column in extract.columns]

    sheet, pens = _open(workbook, title, plans)
    count = 0
    for row in extract.rows:
        if count and count % (_SHEET_ROWS - 1) == 0:
            sheet, pens = _open(workbook, f"{title} ({count // (_SHEET_ROWS - 1) + 1})", plans)
        units = row[units_at] if units_at is not None else None
        in_currency = _fixed(units if isinstance(units, int) else 2)
        sheet.append([cell for value, pen in zip(row, pens, strict=True) for cell in pen.cells(value, in_currency)])
        count += 1
    return count


def to_xlsx(sheets: Sequence[Sheet], about: Sequence[tuple[str, str]]) -> bytes:
    """Return extracts as a workbook, one sheet each, and a last sheet that says what they are.

    Args:
        sheets: the questions, in order.
        about: names and texts for the last sheet; the number of rows of each sheet is added.
    """
    workbook = Workbook(write_only=True)
    facts = list(about)
    for sheet in sheets:
        with sheet.source() as extract:
            facts.append((f"Rows: {sheet.title}", money.integer(_write(workbook, sheet.title, extract))))
    last: Worksheet = workbook.create_sheet("About")
    last.column_dimensions["A"].width = 28
    last.column_dimensions["B"].width = 90
    for name, text in facts:
        label = _set_text(WriteOnlyCell(last), name)
        label.font = Font(bold=True)
        last.append([label, _set_text(WriteOnlyCell(last), text)])
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def file_name(*parts: str) -> str:
    """Join what a download is about into a name any file system takes, without its ending."""
    words = (re.sub(r"[^\w]+", "-", part, flags=re.ASCII).strip("-").lower() for part in (strings.PRODUCT, *parts))
    return "-".join(word for word in words if word)


def buttons(key: str, name: str, sheets: Sequence[Sheet], about: Sequence[tuple[str, str]], *, what: str) -> None:
    """Put the two download buttons on the page. Files are written when somebody asks for them, not before.

    Args:
        key: widget key, unique in the app.
        name: file name without ending.
        sheets: what to write; CSV has the first one only.
        about: what the workbook's last sheet says.
        what: what is downloaded, as an object: ``all 1,204 charges``.
    """
    about = (
        *about,
        ("Digits", "Numbers keep 15 digits in a spreadsheet. Columns named _exact, and the CSV, keep all."),
    )
    with st.container(horizontal=True, horizontal_alignment="left", vertical_alignment="center", gap="small"):
        st.html(f'<span class="ch-download">{strings.DOWNLOAD_ALL} {what}</span>', width="content")
        st.download_button(
            strings.DOWNLOAD_CSV,
            data=lambda: to_csv(sheets[0]),
            file_name=f"{name}.csv",
            mime="text/csv",
            key=f"{key}_csv",
            on_click="ignore",
            icon=":material/download:",
        )
        st.download_button(
            strings.DOWNLOAD_XLSX,
            data=lambda: to_xlsx(sheets, about),
            file_name=f"{name}.xlsx",
            mime=XLSX_TYPE,
            key=f"{key}_xlsx",
            on_click="ignore",
            icon=":material/download:",
        )
