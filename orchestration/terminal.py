"""The terminal: what commands read from it and write to it, and how money looks there.

What is here: types and options that several commands have, progress, tables and JSON.
When to add here: something that a second module of commands needs.
What does not belong here: any command.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

__all__ = ["JSON_OPTION", "Amount", "Day", "Name", "Period", "print_json", "print_table", "progress"]


class Period(click.ParamType[date]):
    """A billing period written ``YYYY-MM``; its value is the first day of the month."""

    name = "YYYY-MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the first day of the month, or fail with the usage error."""
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(value, "%Y-%m").date()
        except ValueError:
            self.fail(f"{value!r} is not a billing period; write it as YYYY-MM, such as 2026-10.", param, ctx)


class Name(click.ParamType[str]):
    """Who does something: any name but an empty one."""

    name = "NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name without spaces around it, or fail with the usage error."""
        if not str(value).strip():
            self.fail("it is empty; the ledger keeps who did it.", param, ctx)
        return str(value).strip()


class Day(click.ParamType[date]):
    """A day written ``YYYY-MM-DD``."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the day, or fail with the usage error."""
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(value, "%Y-%m-%d").date()
        except ValueError:
            self.fail(f"{value!r} is not a day; write it as YYYY-MM-DD, such as 2026-10-31.", param, ctx)


class Amount(click.ParamType[Decimal]):
    """An amount of money with a point before the decimals and nothing between thousands."""

    name = "AMOUNT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """Return the exact amount, or fail with the usage error."""
        if isinstance(value, Decimal):
            return value
        if not re.fullmatch(r"[+-]?[0-9]{1,15}(\.[0-9]{1,4})?", str(value)):
            self.fail(f"{value!r} is not an amount; write it like 1234.50 or -17.90.", param, ctx)
        return Decimal(value)


JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


@contextmanager
def progress(begin: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done while a terminal is attached; it is the run's stderr, so stdout stays for results.

    What a line counts, as in ``Making files: 3 of 200``, is shown as a bar.
    """
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield lambda _line: None
        return
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console
    ) as bars:
        task = bars.add_task(begin, total=None)

        def report(line: str) -> None:
            counted = re.search(r"(\d+) of (\d+)", line)
            done, total = (int(counted[1]), int(counted[2])) if counted else (0, None)
            bars.update(task, description=line, completed=done, total=total)

        yield report


def print_json(value: object) -> None:
    """Print a value as JSON, its money as text and its days as ``YYYY-MM-DD``."""
    click.echo(json.dumps(value, default=_plain, indent=2, ensure_ascii=False))


def _plain(value: object) -> str:
    """Money goes out as text: a JSON number would be read as a float."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def print_table(title: str, rows: list[dict[str, Any]], empty: str) -> None:
    """Print rows that have the same columns, numbers to the right; without rows, the title and why it is empty."""
    if not rows:
        click.echo(f"{title}: {empty}")
        return
    # Rich takes a plain string for markup: a description such as `[/b]` would end the command.
    table = Table(title=Text(title), title_justify="left")
    for name, value in rows[0].items():
        numeric = any(isinstance(row[name], Decimal | int) and not isinstance(row[name], bool) for row in rows)
        del value
        table.add_column(Text(name.replace("_", " ")), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(value)) for value in row.values()))
    width = None if sys.stdout.isatty() else 200
    Console(width=width).print(table)


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            whole, _, decimals = f"{value:,f}".partition(".")
            # Exact amounts have up to 20 decimals; zeros at their end say nothing.
            decimals = decimals if len(decimals) <= 4 else decimals.rstrip("0").ljust(2, "0")
            return f"{whole}.{decimals}" if decimals else whole
        case int():
            return f"{value:,}"
        case _:
            return str(value)
