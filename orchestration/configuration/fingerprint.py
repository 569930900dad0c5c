"""What a change of configuration can touch: digests of the part that matters to one billing period.

What is here: ``period_digest`` (must the period be priced again?) and ``membership_digest`` (must its raw
rows be read again, because other days now decide who owns them?).
When to add here: another unit of work that should be skipped while its configuration stays the same.
What does not belong here: remembering digests and deciding what to rebuild; the orchestrator does that.
"""

import hashlib
from collections.abc import Iterable
from datetime import date
from operator import attrgetter
from pathlib import Path

from orchestration.configuration.columns import TextList, Value
from orchestration.configuration.intervals import Interval, month_interval
from orchestration.configuration.schema import FILE_BY_NAME, FILES, Configuration, FileSchema, Row

__all__ = ["files_digest", "membership_digest", "period_digest", "rows_in_force"]

# K2 draws the credit that expires first, or began first, so ends outside the month decide inside it too.
_FILES_WITH_WHOLE_INTERVALS = frozenset({"credits"})


def files_digest(folder: Path) -> str:
    """Return a digest of the configuration files as they stand, to notice that one changed while a run was going on.

    Args:
        folder: the workspace's ``billing`` folder.

    Returns:
        SHA-256 in hexadecimal digits.
    """
    files = sorted(folder.glob("*.csv"))
    return _digest(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files)


def period_digest(configuration: Configuration, billing_period: date) -> str:
    """Return a digest of every row that can affect a billing period.

    A dated row counts only where it is in force in the month, and only with its days inside the month: to end
    a row next year changes next year's digests. An exchange rate or AWS invoice counts in its own period; a
    tier or target with its rule; everything else always. Order, line numbers and spelling (``10`` or
    ``10.00``) do not matter.

    Args:
        configuration: a valid configuration.
        billing_period: first day of the month.

    Returns:
        SHA-256 in hexadecimal digits.

    Raises:
        ValueError: ``billing_period`` is not the first day of a month.
    """
    month = month_interval(billing_period)
    contents = (
        f"{schema.name}{content}"
        for schema in FILES
        for content in sorted(_contents(schema, rows_in_force(configuration, schema, month), month))
    )
    return _digest(contents)


def membership_digest(configuration: Configuration, billing_period: date) -> str:
    """Return a digest of what divides a billing period into ranges of days with different members (P3).

    These are the membership basis and, when usage days decide, the days inside the month on which an account
    joins or leaves a group. The first of the month divides nothing; nor does which group it is.

    Args:
        configuration: a valid configuration.
        billing_period: first day of the month.

    Returns:
        SHA-256 in hexadecimal digits.

    Raises:
        ValueError: ``billing_period`` is not the first day of a month.
    """
    month = month_interval(billing_period)
    divisions: set[str] = set()
    if configuration.membership_basis == "usage_date":
        divisions = {
            f"{assignment.account_id} {day}"
            for assignment in configuration.account_assignments
            for day in (assignment.start_date, assignment.end_date)
            if day is not None and month.start < day < month.end
        }
    return _digest([configuration.membership_basis, *sorted(divisions)])


def rows_in_force(configuration: Configuration, schema: FileSchema, month: Interval) -> Iterable[Row]:
    """Return the rows of a file that can affect a month: those in force on any day of it, with their tiers and targets.

    Args:
        configuration: a valid configuration.
        schema: which file.
        month: the days of the month.
    """
    if not schema.decides_bills:
        return ()
    rows: Iterable[Row] = configuration.rows(schema.name)
    if schema.interval is not None:
        starts, ends = map(attrgetter, schema.interval)
        return (row for row in rows if starts(row) < month.end and (ends(row) is None or ends(row) > month.start))
    if schema.period is not None:
        period_of = attrgetter(schema.period)
        return (row for row in rows if period_of(row) == month.start)
    if schema.parent is not None:
        parent = FILE_BY_NAME[_parent_file(schema)]
        parent_id = attrgetter(parent.key[0])
        in_force = {parent_id(row) for row in rows_in_force(configuration, parent, month)}
        refers_to = attrgetter(schema.parent)
        return (row for row in rows if refers_to(row) in in_force)
    return rows


def _parent_file(schema: FileSchema) -> str:
    column = schema.columns[schema.parent or ""]
    target: str = getattr(column, "refers_to", "")
    return target


def _contents(schema: FileSchema, rows: Iterable[Row], month: Interval) -> Iterable[str]:
    names = list(schema.columns)
    values_of = attrgetter(*names)
    lists = [names.index(name) for name, column in schema.columns.items() if isinstance(column, TextList)]
    dates: list[int] = []
    if schema.interval is not None and schema.name not in _FILES_WITH_WHOLE_INTERVALS:
        dates = [names.index(name) for name in schema.interval]
    for row in rows:
        values: list[Value] = list(values_of(row))
        for position in lists:
            items = values[position]
            values[position] = tuple(sorted(items)) if isinstance(items, tuple) else items
        if dates:
            interval = schema.interval_of(row)
            if interval is not None:
                inside = interval.common(month)
                values[dates[0]], values[dates[1]] = inside.start, inside.end
        # repr() keeps apart what looks alike in text ('' and None, '1' and 1), and values have one spelling
        # each.
        yield repr(values)


def _digest(contents: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content.encode())
        digest.update(b"\n")
    return digest.hexdigest()
