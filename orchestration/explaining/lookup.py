"""Which line somebody means.

What is here: ``find_line``, from a line's key, its place in a draft, or its place in a document, to the line.
When to add here: another way to name a line.
What does not belong here: what a line is made of.
"""

import re
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any

import duckdb

from orchestration.errors import ChargehouseError

__all__ = ["LineReference", "find_line"]

_SHOWN = 12
"""Lines or groups that a message names at most."""

_FORMS = (
    "Name a line by its key (2026-10/acme/usage/-/AmazonEC2), by period, group and number (2026-10/acme/3), "
    "or by document and number (RS-2026-000001/3)."
)


@dataclass(frozen=True)
class LineReference:
    """One line.

    Attributes:
        billing_period: first day of the month.
        billing_group_id: whose.
        invoice_line_key: its key, the same in the draft and in every document.
        number: the document that is meant; None for the draft as of today.
        line_number: its place in that document; None for the draft.
    """

    billing_period: date
    billing_group_id: str
    invoice_line_key: str
    number: str | None = None
    line_number: int | None = None

    @property
    def name(self) -> str:
        """What to type for it."""
        return self.invoice_line_key if self.number is None else f"{self.number}/{self.line_number}"


def find_line(connection: duckdb.DuckDBPyConnection, text: str) -> LineReference:
    """Return the line that ``text`` names, in the published copy.

    Args:
        connection: reads the published copy.
        text: an ``invoice_line_key``, ``PERIOD/GROUP/LINE_NUMBER`` or ``DOCUMENT_NUMBER/LINE_NUMBER``.

    Raises:
        ChargehouseError: no line is called that, or several are; the message names the nearest ones.
    """
    text = text.strip()
    found = _by_key(connection, text)
    if found is not None:
        return found
    before, _, last = text.rpartition("/")
    period, _, group = before.partition("/")
    if re.fullmatch(r"\d+", last) and _document(connection, before) is not None:
        return _of_document(connection, before, int(last))
    if re.fullmatch(r"\d+", last) and re.fullmatch(r"\d{4}-\d{2}", period) and group:
        return _of_draft(connection, period, group, int(last))
    raise _unknown(connection, text)


def _by_key(connection: duckdb.DuckDBPyConnection, key: str) -> LineReference | None:
    drafts = connection.execute(
        "select billing_period, billing_group_id from marts.fct_invoice_lines where invoice_line_key = $1", [key]
    ).fetchall()
    if drafts:
        return LineReference(drafts[0][0], drafts[0][1], key)
    issued = connection.execute(
        "select billing_period, billing_group_id, number, line_number from marts.fct_document_lines "
        "where invoice_line_key = $1 order by number",
        [key],
    ).fetchall()
    if len(issued) > 1:
        names = ", ".join(f"{number}/{line}" for _, _, number, line in issued)
        raise ChargehouseError(
            f"{key} is in no draft any more, and in {len(issued)} documents: name one of them, {names}."
        )
    if issued:
        period, group, number, line = issued[0]
        return LineReference(period, group, key, number, line)
    return None


def _document(connection: duckdb.DuckDBPyConnection, number: str) -> tuple[Any, ...] | None:
    return connection.execute("select 1 from marts.fct_documents where number = $1", [number]).fetchone()


def _of_document(connection: duckdb.DuckDBPyConnection, number: str, line_number: int) -> LineReference:
    lines = connection.execute(
        "select line_number, description, billing_period, billing_group_id, invoice_line_key "
        "from marts.fct_document_lines where number = $1 order by line_number",
        [number],
    ).fetchall()
    for line, _, period, group, key in lines:
        if line == line_number:
            return LineReference(period, group, key, number, line_number)
    raise ChargehouseError(_no_such_line(f"{number} has no line {line_number}.", number, lines))


def _of_draft(connection: duckdb.DuckDBPyConnection, month: str, group: str, line_number: int) -> LineReference:
    lines = connection.execute(
        "select line_number, description, billing_period, invoice_line_key from marts.fct_invoice_lines "
        "where strftime(billing_period, '%Y-%m') = $1 and billing_group_id = $2 order by line_number",
        [month, group],
    ).fetchall()
    for line, _, period, key in lines:
        if line == line_number:
            return LineReference(period, group, key)
    if lines:
        raise ChargehouseError(
            _no_such_line(f"The draft of {group} for {month} has no line {line_number}.", f"{month}/{group}", lines)
        )
    raise _unknown_group(connection, month, group)


def _no_such_line(begin: str, prefix: str, lines: list[tuple[Any, ...]]) -> str:
    shown = [f"  {prefix}/{line}  {description}" for line, description, *_ in lines[:_SHOWN]]
    more = [f"  and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join([f"{begin} It has:", *shown, *more])


def _unknown_group(connection: duckdb.DuckDBPyConnection, month: str, group: str) -> ChargehouseError:
    groups = [
        name
        for (name,) in connection.execute(
            "select distinct billing_group_id from marts.fct_invoice_lines "
            "where strftime(billing_period, '%Y-%m') = $1 order by 1",
            [month],
        ).fetchall()
    ]
    if not groups:
        months = [
            name
            for (name,) in connection.execute(
                "select distinct strftime(billing_period, '%Y-%m') from marts.fct_invoice_lines order by 1"
            ).fetchall()
        ]
        known = f"There are lines of {', '.join(months)}." if months else "No line is published. Now: chargehouse run"
        return ChargehouseError(f"There is no invoice line of {month}. {known}")
    near = get_close_matches(group, groups, n=3, cutoff=0.4) or groups[:_SHOWN]
    return ChargehouseError(
        f"There is no invoice line of {group} for {month}. Groups with lines in it: {', '.join(near)}"
        f"{', …' if len(near) < len(groups) else ''}."
    )


def _unknown(connection: duckdb.DuckDBPyConnection, text: str) -> ChargehouseError:
    period, _, rest = text.partition("/")
    group = rest.partition("/")[0]
    if re.fullmatch(r"\d{4}-\d{2}", period) and group:
        keys = [
            key
            for (key,) in connection.execute(
                "select invoice_line_key from marts.fct_invoice_lines "
                "where strftime(billing_period, '%Y-%m') = $1 and billing_group_id = $2 order by line_number",
                [period, group],
            ).fetchall()
        ]
        if not keys:
            return _unknown_group(connection, period, group)
        near = get_close_matches(text, keys, n=5, cutoff=0.5) or keys[:_SHOWN]
        return ChargehouseError("\n".join([f"There is no line {text}. The nearest:", *(f"  {key}" for key in near)]))
    numbers = [
        number for (number,) in connection.execute("select number from marts.fct_documents order by number").fetchall()
    ]
    near = get_close_matches(period, numbers, n=3, cutoff=0.6)
    documents = f" Documents that are called nearly so: {', '.join(near)}." if near else ""
    return ChargehouseError(f"There is no line {text}.{documents} {_FORMS}")
