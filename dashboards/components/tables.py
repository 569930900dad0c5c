"""Tables that read like a statement: exact texts, right-aligned money, totals in the foot.

What is here: building an HTML table from records, and putting it on the page.
When to add here: another way a cell can look.
What does not belong here: totals computed here; they come from SQL like every other number.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Generic, Literal, TypeVar

import streamlit as st

__all__ = ["Cell", "Column", "Tone", "facts", "show", "table_html"]

Row = TypeVar("Row")
Tone = Literal["", "good", "warning", "bad", "muted"]


@dataclass(frozen=True)
class Cell:
    """One cell: its text, a smaller second line, where it leads, and how it is toned.

    ``badge`` puts the text on a coloured ground, for states.
    """

    text: str
    detail: str = ""
    href: str = ""
    tone: Tone = ""
    badge: bool = False


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column: its heading, what stands in it, and the tooltip of the heading.

    ``numeric`` columns are right-aligned and never wrapped; ``wide`` ones may take several lines.
    """

    label: str
    value: Callable[[Row], str | Cell]
    numeric: bool = False
    help: str = ""
    wide: bool = False

    @property
    def css_class(self) -> str:
        return "num" if self.numeric else "wide" if self.wide else ""


def _cell_html(value: str | Cell) -> str:
    cell = value if isinstance(value, Cell) else Cell(value)
    text = escape(cell.text)
    if cell.badge:
        text = f'<span class="ch-badge {cell.tone}">{text}</span>'
    elif cell.tone:
        text = f'<span class="ch-{cell.tone}">{text}</span>'
    if cell.href:
        text = f'<a href="{escape(cell.href)}" target="_self">{text}</a>'
    if cell.detail:
        text += f'<span class="ch-detail">{escape(cell.detail)}</span>'
    return text


def _row_html(cells: Sequence[str | Cell], classes: Sequence[str], *, head: bool) -> str:
    """One row; the first cell names the row for screen readers when ``head`` is set."""
    parts = []
    for position, (cell, css_class) in enumerate(zip(cells, classes, strict=True)):
        tag = 'th scope="row"' if head and position == 0 else "td"
        parts.append(f'<{tag} class="{css_class}">{_cell_html(cell)}</{tag[:2]}>')
    return f"<tr>{''.join(parts)}</tr>"


def table_html(
    rows: Sequence[Row],
    columns: Sequence[Column[Row]],
    *,
    caption: str,
    totals: Sequence[Sequence[str | Cell]] = (),
) -> str:
    """Return a table; every text is escaped, so names from AWS can hold anything.

    Args:
        rows: records.
        columns: what to show of each.
        caption: what the table is, for screen readers.
        totals: rows for the foot, one text per column.
    """
    classes = [column.css_class for column in columns]
    head = "".join(
        f'<th scope="col" class="{column.css_class}"'
        + (f' title="{escape(column.help)}"><span class="ch-help">' if column.help else "><span>")
        + f"{escape(column.label)}</span></th>"
        for column in columns
    )
    body = "".join(_row_html([column.value(row) for column in columns], classes, head=True) for row in rows)
    foot = "".join(_row_html(total, classes, head=True) for total in totals)
    return (
        # A region that scrolls sideways must be reachable by keyboard.
        f'<div class="ch-table" role="region" tabindex="0" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        + (f"<tfoot>{foot}</tfoot>" if foot else "")
        + "</table></div>"
    )


def show(
    rows: Sequence[Row],
    columns: Sequence[Column[Row]],
    *,
    caption: str,
    totals: Sequence[Sequence[str | Cell]] = (),
) -> None:
    """Put a table on the page (see ``table_html``)."""
    st.html(table_html(rows, columns, caption=caption, totals=totals))


def facts(items: Sequence[tuple[str, str | Cell]], *, emphasis: str = "") -> None:
    """Put a list of named facts on the page; the one named ``emphasis`` is set large."""
    parts = "".join(
        f'<div class="{"ch-strong" if name == emphasis else ""}"><dt>{escape(name)}</dt><dd>{_cell_html(value)}</dd></div>'
        for name, value in items
    )
    st.html(f'<dl class="ch-facts">{parts}</dl>')
