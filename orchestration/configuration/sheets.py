"""Reading one configuration file: bytes to header, lines and cells, with everything that is wrong in them.

What is here: ``read_sheet`` and what it returns. A sheet keeps what could be read of a damaged file, so that
one run can list the problems of all files without inventing new ones that only follow from the first.
When to add here: another way in which a CSV file can be damaged.
What does not belong here: anything that compares cells with other cells.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

from orchestration.configuration.columns import CellError, Value, near_miss, quoted
from orchestration.configuration.intervals import Interval
from orchestration.configuration.schema import FILE_BY_NAME, FILES, FileSchema
from orchestration.errors import ConfigProblem

__all__ = ["Record", "Sheet", "Sheets", "read_sheet", "read_sheets"]


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a file, as far as it could be read.

    Attributes:
        line: line on which the row begins; the header is line 1.
        texts: column -> text of the cell, without surrounding blanks.
        values: column -> value; a column whose cell is missing or unreadable is not in it.
    """

    line: int
    texts: Mapping[str, str]
    values: Mapping[str, Value]

    def has(self, *columns: str) -> bool:
        """Return whether all these cells could be read."""
        return all(column in self.values for column in columns)

    def text(self, column: str) -> str:
        """Return a readable cell of text; empty where nothing is written."""
        value = self.values[column]
        return value if isinstance(value, str) else ""

    def day(self, column: str) -> date | None:
        """Return a readable cell with a date or period; None where nothing is written."""
        value = self.values[column]
        return value if isinstance(value, date) else None

    def number(self, column: str) -> Decimal | None:
        """Return a readable cell with a number; None where nothing is written."""
        value = self.values[column]
        return value if isinstance(value, Decimal) else None

    def is_true(self, column: str) -> bool:
        """Return whether a readable cell says true."""
        return self.values[column] is True

    def items(self, column: str) -> tuple[str, ...]:
        """Return the items of a readable list."""
        value = self.values[column]
        return value if isinstance(value, tuple) else ()

    def is_filled(self, column: str) -> bool:
        """Return whether anything is written in the cell, readable or not."""
        return bool(self.texts.get(column))


@dataclass(frozen=True)
class Sheet:
    """One configuration file, as far as it could be read.

    Attributes:
        schema: what the file should be.
        records: its rows with the right number of cells.
        is_whole: whether the rows found are all there are; when not, something missing from them proves
            nothing.
        stray_texts: texts of cells that could not be read, or stand in lines that could not. A key among them
            may be one that another file rightly refers to.
    """

    schema: FileSchema
    records: tuple[Record, ...] = ()
    is_whole: bool = True
    stray_texts: frozenset[str] = field(default_factory=frozenset)

    def problem(
        self, record: Record, column: str, expected: str, what_to_do: str, value: str | None = None
    ) -> ConfigProblem:
        """Return a problem of one cell; its text is shown unless empty or replaced by ``value``."""
        shown = value if value is not None else record.texts.get(column) or None
        return ConfigProblem(self.schema.file, record.line, column, shown, expected, what_to_do)

    def interval(self, record: Record) -> Interval | None:
        """Return when a row is in force; None where that cannot be read or is no range of time."""
        if self.schema.interval is None or not record.has(*self.schema.interval):
            return None
        start, end = (record.day(column) for column in self.schema.interval)
        if start is None or (end is not None and end <= start):
            return None
        return Interval.between(start, end)

    def show_interval(self, interval: Interval) -> str:
        """Return a range of time in words, in this file's own notation."""
        column = self.schema.columns[(self.schema.interval or ("", ""))[0]]
        begin = column.show(interval.start)
        return f"from {begin} on" if interval.is_open else f"from {begin} to before {column.show(interval.end)}"

    def by_text(self, column: str) -> dict[str, list[Record]]:
        """Return the rows in groups of equal text in a column, those without it left out."""
        groups: dict[str, list[Record]] = {}
        for record in self.records:
            if record.has(column) and record.text(column):
                groups.setdefault(record.text(column), []).append(record)
        return groups

    def may_hold(self, text: str) -> bool:
        """Return whether a row with the key ``text`` may stand where the file could not be read."""
        return not self.is_whole or text in self.stray_texts


Sheets = Mapping[str, Sheet]


def read_sheets(folder: Path) -> tuple[dict[str, Sheet], list[ConfigProblem]]:
    """Read every configuration file of a folder.

    Returns:
        One sheet per file of ``FILES``, by stem (an absent file is an empty sheet), and all problems inside
        cells, lines and headers, missing and misnamed files included.
    """
    found = {path.name: path for path in folder.iterdir() if path.is_file()} if folder.is_dir() else {}
    sheets: dict[str, Sheet] = {}
    problems: list[ConfigProblem] = []
    if not folder.is_dir():
        problems.append(
            ConfigProblem(str(folder), None, None, None, "is not a folder", "Create it with `chargehouse init`.")
        )
    misnamed = _misnamed_files(found)
    for schema in FILES:
        if schema.file in found:
            sheet, file_problems = read_sheet(found[schema.file], schema)
            sheets[schema.name] = sheet
            problems += file_problems
            continue
        sheets[schema.name] = Sheet(schema, is_whole=not schema.is_required)
        if schema.name in misnamed:
            sheets[schema.name] = Sheet(schema, is_whole=False)
            problems.append(
                ConfigProblem(
                    misnamed[schema.name],
                    None,
                    None,
                    None,
                    "is not the name of a configuration file",
                    f"Rename it to {schema.file} if it is meant to be that, or move it out of the folder.",
                )
            )
        if schema.is_required and folder.is_dir():
            problems.append(
                ConfigProblem(
                    schema.file,
                    None,
                    None,
                    None,
                    "is missing, and Chargehouse cannot bill without it",
                    f"Add it with the header {','.join(schema.columns)}.",
                )
            )
    return sheets, problems


def _misnamed_files(found: Mapping[str, Path]) -> dict[str, str]:
    # An optional file under a slightly wrong name would be left out of every bill without a word. Copies such
    # as pricing_rules_old.csv beside the real file are nobody's mistake.
    absent = [name for name in FILE_BY_NAME if f"{name}.csv" not in found]
    misnamed: dict[str, str] = {}
    for file in sorted(found):
        path = found[file]
        if path.suffix.casefold() != ".csv" or (path.stem in FILE_BY_NAME and path.suffix == ".csv"):
            continue
        meant = near_miss(path.stem, absent)
        if meant is not None:
            misnamed.setdefault(meant, file)
    return misnamed


def read_sheet(path: Path, schema: FileSchema) -> tuple[Sheet, list[ConfigProblem]]:
    """Read one configuration file.

    Returns:
        The sheet and every problem inside its cells, lines and header.
    """
    unreadable = Sheet(schema, is_whole=False)
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        return unreadable, [
            ConfigProblem(schema.file, None, None, None, f"cannot be read: {reason}", "Check its permissions.")
        ]
    try:
        # Excel's "CSV UTF-8" begins with a byte order mark.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return unreadable, [
            ConfigProblem(
                schema.file,
                line,
                None,
                None,
                f"is not UTF-8 text (byte 0x{content[error.start]:02x})",
                'Save the file as UTF-8; spreadsheets call it "CSV UTF-8".',
            )
        ]
    return _read_lines(text, schema)


def _read_lines(text: str, schema: FileSchema) -> tuple[Sheet, list[ConfigProblem]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: _Header | None = None
    records: list[Record] = []
    problems: list[ConfigProblem] = []
    stray_texts: set[str] = set()
    is_whole = True
    line = 1
    try:
        for cells in reader:
            texts = [cell.strip() for cell in cells]
            if not any(texts):
                pass  # Spreadsheets leave empty lines, and lines of commas, at the end of a file.
            elif header is None:
                header = _read_header(line, texts, schema)
                problems += header.problems
                is_whole = header.is_whole
                if not header.positions:
                    break
            elif len(texts) == header.width:
                record = _read_record(line, texts, header, problems)
                records.append(record)
                stray_texts.update(cell for name, cell in record.texts.items() if name not in record.values)
            else:
                stray_texts.update(texts)
                problems.append(_wrong_width(line, len(texts), header))
            line = reader.line_num + 1
    except csv.Error as error:
        is_whole = False
        problems.append(
            ConfigProblem(
                schema.file,
                line,
                None,
                None,
                f"is not readable as CSV ({error})",
                'Close every quote; inside a quoted value write each " twice.',
            )
        )
    if header is None and not problems:
        is_whole = False
        problems.append(
            ConfigProblem(
                schema.file,
                1,
                None,
                None,
                "is empty, without even a header",
                f"Begin the file with {','.join(schema.columns)}.",
            )
        )
    return Sheet(schema, tuple(records), is_whole, frozenset(stray_texts)), problems


@dataclass(frozen=True)
class _Header:
    schema: FileSchema
    width: int
    positions: Mapping[str, int]
    problems: list[ConfigProblem]

    @property
    def is_whole(self) -> bool:
        return len(self.positions) == len(self.schema.columns)


def _read_header(line: int, names: list[str], schema: FileSchema) -> _Header:
    expected = list(schema.columns)
    positions: dict[str, int] = {}
    problems: list[ConfigProblem] = []
    separator = next((mark for mark in ";\t" if len(names) == 1 and mark in names[0]), None)
    if separator is not None:
        problems.append(
            ConfigProblem(
                schema.file,
                line,
                None,
                None,
                f"is separated by {'semicolons' if separator == ';' else 'tabs'}, not by commas",
                "Save the file with commas between the values.",
            )
        )
        return _Header(schema, 1, positions, problems)
    missing = [name for name in expected if name not in names]
    for position, name in enumerate(names):
        if name in positions:
            problems.append(
                ConfigProblem(schema.file, line, name, None, "stands twice in the header", "Keep one of the two.")
            )
        elif name in schema.columns:
            positions[name] = position
        else:
            match = near_miss(name, missing)
            problems.append(
                ConfigProblem(
                    schema.file,
                    line,
                    name or None,
                    None if name else "",
                    f"is not a column of this file, which has {', '.join(expected)}",
                    f"Did you mean {quoted(match)}?" if match else "Rename or remove it.",
                )
            )
    problems += [
        ConfigProblem(
            schema.file,
            line,
            name,
            None,
            "is missing in the header",
            "Add the column; "
            + ("every row must fill it in." if schema.columns[name].is_always_filled else "it may stay empty."),
        )
        for name in missing
    ]
    return _Header(schema, len(names), positions, problems)


def _wrong_width(line: int, width: int, header: _Header) -> ConfigProblem:
    if width < header.width:
        advice = "Write every comma, also those around empty values."
    else:
        advice = "Put values that hold a comma in double quotes, and end the line without a comma."
    values = "1 value" if width == 1 else f"{width} values"
    return ConfigProblem(
        header.schema.file,
        line,
        None,
        None,
        f"has {values}, but the header has {header.width} columns",
        advice,
    )


def _read_record(line: int, cells: list[str], header: _Header, problems: list[ConfigProblem]) -> Record:
    texts: dict[str, str] = {}
    values: dict[str, Value] = {}
    columns = header.schema.columns
    for name, position in header.positions.items():
        column = columns[name]
        text = cells[position]
        texts[name] = text
        try:
            if text:
                values[name] = column.parse(text)
            elif column.is_always_filled:
                raise CellError("is empty", f"Fill it in: {column.domain}.")
            else:
                values[name] = column.empty
        except CellError as error:
            problems.append(
                ConfigProblem(header.schema.file, line, name, text or None, error.expected, error.what_to_do)
            )
    return Record(line, texts, values)
