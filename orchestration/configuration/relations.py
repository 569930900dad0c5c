"""Checks that follow from the declarations alone: conditions, keys, ranges of time and references.

What is here: one function per kind of declaration in ``schema``; each takes all sheets and returns problems.
When to add here: a new kind of declaration.
What does not belong here: rules of one particular file; those stand in the module named for their part of
billing.
"""

from collections.abc import Iterator

from orchestration.configuration.columns import (
    AccountId,
    Identifier,
    TextList,
    Value,
    When,
    near_miss,
    quoted,
)
from orchestration.configuration.intervals import Interval
from orchestration.configuration.schema import FILE_BY_NAME, SETTINGS
from orchestration.configuration.sheets import Record, Sheet, Sheets
from orchestration.errors import ConfigProblem

__all__ = ["check_conditions", "check_intervals", "check_keys", "check_references", "check_settings"]


def check_settings(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield settings that do not exist, and values that a setting cannot have."""
    sheet = sheets["settings"]
    declared = {setting.name: setting for setting in SETTINGS}
    for record in sheet.records:
        if not record.has("setting"):
            continue
        name = record.text("setting")
        if name not in declared:
            match = near_miss(name, list(declared))
            yield sheet.problem(
                record,
                "setting",
                f"is not a setting; there is {', '.join(declared)}",
                f"Did you mean {quoted(match)}?" if match else "Remove the line.",
            )
            continue
        choices = declared[name].choices
        if record.has("value") and record.text("value") not in choices:
            match = near_miss(record.text("value"), list(choices))
            yield sheet.problem(
                record,
                "value",
                f"is not one of {', '.join(choices)}",
                f"Did you mean {quoted(match)}?" if match else "Use one of these.",
            )


def check_conditions(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield cells that are empty, or filled in, against the value of another cell of their row."""
    for sheet in sheets.values():
        for name, column in sheet.schema.columns.items():
            needed, allowed = column.needed_when, column.allowed_when
            if needed is None and allowed is None:
                continue
            for record in sheet.records:
                conditions = [condition for condition in (needed, allowed) if condition is not None]
                if name not in record.texts or not record.has(*(item.column for item in conditions)):
                    continue
                if record.is_filled(name):
                    if not any(record.text(item.column) in item.values for item in conditions):
                        yield sheet.problem(
                            record,
                            name,
                            f"is filled in, but counts only when {_any_of(conditions)}",
                            f"Empty it, or change {conditions[0].column}.",
                        )
                elif needed is not None and record.text(needed.column) in needed.values:
                    yield sheet.problem(
                        record,
                        name,
                        f"is empty, but is needed because {needed.column} is {record.text(needed.column)}",
                        f"Fill it in: {column.domain}.",
                    )


def check_keys(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield rows whose key stands on an earlier line, in files where a key stands once."""
    for sheet in sheets.values():
        if sheet.schema.is_key_dated:
            continue
        first_lines: dict[tuple[Value, ...], int] = {}
        for record in sheet.records:
            key = _key(sheet, record)
            if key is None:
                continue
            if key in first_lines:
                yield sheet.problem(
                    record,
                    sheet.schema.key[0],
                    f"stands on line {first_lines[key]} too, but {_key_name(sheet)} must be unique",
                    "Remove or change one of the two lines.",
                    value=_shown_key(sheet, record),
                )
            else:
                first_lines[key] = record.line


def check_intervals(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield rows that end before they begin, and rows of one key in force at the same time (P2, P5)."""
    for sheet in sheets.values():
        if sheet.schema.interval is None:
            continue
        start_column, end_column = sheet.schema.interval
        by_key: dict[tuple[Value, ...], list[tuple[Interval, Record]]] = {}
        for record in sheet.records:
            if record.has(start_column, end_column):
                start, end = record.day(start_column), record.day(end_column)
                if start is not None and end is not None and end <= start:
                    yield sheet.problem(
                        record,
                        end_column,
                        f"is not after {start_column} {quoted(record.texts[start_column])}",
                        f"{end_column} is the first {_unit(sheet)} that no longer counts; empty = open.",
                    )
            interval, key = sheet.interval(record), _key(sheet, record)
            if sheet.schema.is_key_dated and interval is not None and key is not None:
                by_key.setdefault(key, []).append((interval, record))
        for rows in by_key.values():
            yield from _overlaps(sheet, rows)


def _overlaps(sheet: Sheet, rows: list[tuple[Interval, Record]]) -> Iterator[ConfigProblem]:
    rows.sort(key=lambda row: (row[0].start, row[1].line))
    reaching: tuple[Interval, Record] | None = None
    for interval, record in rows:
        if reaching is not None and interval.overlaps(reaching[0]):
            # The later line is the one that somebody just added, whichever of the two begins first.
            first, second = sorted((reaching[1], record), key=lambda item: item.line)
            common = interval.common(reaching[0])
            yield sheet.problem(
                second,
                (sheet.schema.interval or ("",))[0],
                f"overlaps line {first.line}: both hold {_described_key(sheet, second)} {sheet.show_interval(common)}",
                "End one of the two before the other begins.",
            )
        if reaching is None or interval.end > reaching[0].end:
            reaching = (interval, record)


def check_references(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield ids that the file they refer to does not hold."""
    known: dict[str, set[str]] = {}
    for sheet in sheets.values():
        for name, column in sheet.schema.columns.items():
            item = column.item if isinstance(column, TextList) else column
            target = item.refers_to if isinstance(item, (AccountId, Identifier)) else None
            if target is None:
                continue
            if target not in known:
                key = FILE_BY_NAME[target].key[0]
                known[target] = set(sheets[target].by_text(key))
            for record in sheet.records:
                if not record.has(name):
                    continue
                texts = record.items(name) if isinstance(column, TextList) else (record.text(name),)
                for text in texts:
                    if text in known[target] or text in ("", "*") or sheets[target].may_hold(text):
                        continue
                    # One account id is no likelier meant than another, however alike the digits.
                    match = None if isinstance(item, AccountId) else near_miss(text, sorted(known[target]))
                    yield sheet.problem(
                        record,
                        name,
                        f"is not in {FILE_BY_NAME[target].file}",
                        f"Did you mean {quoted(match)}?"
                        if match
                        else f"Add it to {FILE_BY_NAME[target].file}, or correct it here.",
                        value=text,
                    )


def _key(sheet: Sheet, record: Record) -> tuple[Value, ...] | None:
    if not record.has(*sheet.schema.key):
        return None
    return tuple(record.values[column] for column in sheet.schema.key)


def _key_name(sheet: Sheet) -> str:
    key = sheet.schema.key
    return key[0] if len(key) == 1 else f"the combination of {', '.join(key)}"


def _shown_key(sheet: Sheet, record: Record) -> str:
    return ", ".join(record.texts[column] or "(empty)" for column in sheet.schema.key)


def _described_key(sheet: Sheet, record: Record) -> str:
    return ", ".join(f"{column} {record.texts[column] or '(empty)'}" for column in sheet.schema.key)


def _any_of(conditions: list[When]) -> str:
    if len({condition.column for condition in conditions}) == 1:
        values = tuple(value for condition in conditions for value in condition.values)
        return str(When(conditions[0].column, values))
    return " or ".join(map(str, conditions))


def _unit(sheet: Sheet) -> str:
    return "period" if (sheet.schema.interval or ("",))[0].endswith("_period") else "day"
