"""An explanation as a file.

What is here: JSON, CSV and XLSX of the levels, and of the CUR rows where they were asked for.
When to add here: another form of file.
What does not belong here: what stands in a level.
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font

from orchestration.errors import ChargehouseError
from orchestration.explaining import words
from orchestration.explaining.explanation import Explanation, Row
from orchestration.explaining.rows import LineRows
from orchestration.exports.files import Written, csv_cell, new_file, require_ending

__all__ = ["ENDINGS", "to_csv", "to_json", "to_workbook", "write_explanation"]

ENDINGS = (".csv", ".json", ".xlsx", ".parquet")

_SHEET_ROWS = 1_048_575
_DIGITS_OF_A_DOUBLE = 15


def write_explanation(path: Path, found: Explanation, rows: LineRows | None, *, for_customer: bool) -> Written:
    """Write an explanation to a new file, by its ending.

    ``.json`` and ``.xlsx`` hold the levels, and the rows where they are given; ``.csv`` holds the rows where they are
    given, else the levels one below the other; ``.parquet`` holds rows.

    Raises:
        ChargehouseError: the file is there already, its name ends otherwise, or it cannot hold so many rows.
    """
    ending = require_ending(path, *ENDINGS)
    if ending == ".parquet" and rows is None:
        raise ChargehouseError(f"{path} was not written: Parquet holds CUR rows. Add --rows.")
    if ending == ".xlsx" and rows is not None and rows.count > _SHEET_ROWS:
        raise ChargehouseError(
            f"{path} was not written: a sheet holds {_SHEET_ROWS:,} rows, and there are {rows.count:,}. Write .csv or "
            ".parquet."
        )
    with new_file(path) as draft:
        if rows is not None and ending in (".csv", ".parquet"):
            # The ending says the form, and the draft's name has another one.
            named = draft.with_name(f"{draft.name}{ending}")
            try:
                count = rows.write(named)
                named.replace(draft)
            finally:
                named.unlink(missing_ok=True)
            return Written(path, count, "rows")
        if ending == ".csv":
            content = to_csv(found, for_customer=for_customer)
        elif ending == ".json":
            content = to_json(found, None if rows is None else rows.fetch(), for_customer=for_customer)
        else:
            content = to_workbook(found, None if rows is None else rows.fetch(), for_customer=for_customer)
        draft.write_bytes(content)
    count = sum(len(level) for level in found.levels(for_customer=for_customer).values())
    return Written(path, count + (rows.count if rows else 0), "rows")


def to_json(found: Explanation, rows: Sequence[Row] | None, *, for_customer: bool) -> bytes:
    """Return the levels as JSON, money as text; and the rows, where they are given."""
    content = found.as_dict(for_customer=for_customer)
    if rows is not None:
        content["rows"] = rows
    return json.dumps(content, default=_plain, indent=2, ensure_ascii=False).encode()


def to_csv(found: Explanation, *, for_customer: bool) -> bytes:
    """Return the levels one below the other as CSV: the level, then every column that one of them has."""
    levels = found.levels(for_customer=for_customer)
    columns = list(dict.fromkeys(name for rows in levels.values() for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["level", *columns], restval="", lineterminator="\n")
    writer.writeheader()
    for level, rows in levels.items():
        for row in rows:
            writer.writerow({"level": level} | {name: csv_cell(value) for name, value in row.items()})
    return text.getvalue().encode("utf-8-sig")


def to_workbook(found: Explanation, rows: Sequence[Row] | None, *, for_customer: bool) -> bytes:
    """Return the levels as a workbook, one sheet each, and the rows, where they are given, on the last one.

    Amounts are numbers as far as a spreadsheet holds them exactly; longer ones are text.
    """
    book = Workbook(write_only=True)
    levels: dict[str, Sequence[Row]] = {**found.levels(for_customer=for_customer)}
    if rows:
        levels["rows"] = rows
    for level, of_level in levels.items():
        sheet = book.create_sheet(words.LEVELS[level])
        sheet.freeze_panes = "A2"
        sheet.append([_heading(sheet, name) for name in of_level[0]])
        for row in of_level:
            sheet.append([_cell(sheet, value) for value in row.values()])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _heading(sheet: Any, name: str) -> Any:
    cell = WriteOnlyCell(sheet, value=name)
    cell.font = Font(bold=True)
    return cell


def _cell(sheet: Any, value: Any) -> Any:
    if isinstance(value, Decimal):
        if len(value.normalize().as_tuple().digits) <= _DIGITS_OF_A_DOUBLE:
            return value
        value = f"{value:f}"
    if isinstance(value, str):
        cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value))
        # openpyxl takes a text that begins with "=" for a formula.
        cell.data_type = "s"
        return cell
    return value


def _plain(value: object) -> str | list[Any]:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
