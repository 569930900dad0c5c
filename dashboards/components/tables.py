"""Tables that read like a statement: exact texts, right-aligned money, totals in the foot.

What is here: building an HTML table from records, and putting it on the page.
When to add here: another way a cell can look.
What does not belong here: totals computed here; they come from SQL like every other number.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Generic, Literal, TypeVar

import streamlit as st

__all__ = ["Cell", "Column", "Section", "Tone", "entry", "facts", "number", "show", "show_sections", "table_html"]

Row = TypeVar("Row")
Tone = Literal["", "good", "warning", "bad", "muted"]
Kind = Literal["text", "wide", "fixed", "number"]


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: what stands in it.
        detail: a smaller second line.
        href: where the text leads.
        tone: how the text is coloured.
        badge: whether the text stands on a coloured ground, for states.
        hint: what shows when the pointer rests on the cell.
        percentage: draws a bar of that length beneath the text; 100 and more fill the cell, below 0 is empty.
        pairs: names and amounts beneath the text, one pair a line.
        more: names and texts that show when the reader opens them under ``more_label``.
        more_label: what there is to open.
    """

    text: str
    detail: str = ""
    href: str = ""
    tone: Tone = ""
    badge: bool = False
    hint: str = ""
    percentage: Decimal | None = None
    pairs: Sequence[tuple[str, str]] = ()
    more: Sequence[tuple[str, str]] = ()
    more_label: str = ""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column.

    Attributes:
        label: heading.
        value: what stands in it for a record.
        kind: ``number`` is right-aligned and never wrapped, ``fixed`` is never wrapped, ``wide`` has room for
            sentences.
        help: tooltip of the heading; published columns bring theirs.
    """

    label: str
    value: Callable[[Row], str | Cell]
    kind: Kind = "text"
    help: str = ""


def number(label: str, value: Callable[[Row], str | Cell], help: str = "") -> Column[Row]:
    """Return a column of numbers."""
    return Column(label, value, "number", help)


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
    if cell.percentage is not None:
        length = min(max(cell.percentage, 0), 100)
        text += f'<span class="ch-bar" aria-hidden="true"><i style="width:{length:f}%"></i></span>'
    if cell.pairs:
        text += f'<span class="ch-pairs">{_pairs_html(cell.pairs, "span")}</span>'
    if cell.more:
        # Opens without a script, by pointer and by keyboard.
        text += (
            f'<details class="ch-more"><summary>{escape(cell.more_label)}</summary>'
            f"<dl>{_pairs_html(cell.more, 'div', 'dt', 'dd')}</dl></details>"
        )
    return text


def _pairs_html(pairs: Sequence[tuple[str, str]], row: str, name: str = "span", value: str = "span") -> str:
    return "".join(
        f"<{row}><{name}>{escape(left)}</{name}><{value}>{escape(right)}</{value}></{row}>" for left, right in pairs
    )


def _hint_html(value: str | Cell) -> str:
    return f' title="{escape(value.hint)}"' if isinstance(value, Cell) and value.hint else ""


def _row_html(cells: Sequence[str | Cell], classes: Sequence[str]) -> str:
    """One row; its first cell names it for screen readers."""
    tags = ['th scope="row"', *["td"] * (len(cells) - 1)]
    parts = (
        f'<{tag} class="{css_class}"{_hint_html(cell)}>{_cell_html(cell)}</{tag[:2]}>'
        for tag, cell, css_class in zip(tags, cells, classes, strict=True)
    )
    return f"<tr>{''.join(parts)}</tr>"


@dataclass(frozen=True)
class Section(Generic[Row]):
    """Rows that belong together under a heading of their own.

    Attributes:
        rows: records.
        title: heading; empty for a table without sections.
        note: a sentence under the heading.
        totals: texts for the last columns of the heading.
    """

    rows: Sequence[Row]
    title: str = ""
    note: str = ""
    totals: Sequence[str | Cell] = ()


def _section_html(section: Section[Row], columns: Sequence[Column[Row]]) -> str:
    classes = [column.kind for column in columns]
    heading = ""
    if section.title:
        spanned = len(columns) - len(section.totals)
        title = _cell_html(Cell(section.title, detail=section.note))
        numbers = "".join(
            f'<td class="{css_class}">{_cell_html(total)}</td>'
            for total, css_class in zip(section.totals, classes[spanned:], strict=True)
        )
        heading = f'<tr class="ch-heading"><th scope="rowgroup" colspan="{spanned}">{title}</th>{numbers}</tr>'
    body = "".join(_row_html([column.value(row) for column in columns], classes) for row in section.rows)
    return f"<tbody>{heading}{body}</tbody>"


def table_html(
    sections: Sequence[Section[Row]],
    columns: Sequence[Column[Row]],
    *,
    caption: str,
    totals: Sequence[Sequence[str | Cell]] = (),
) -> str:
    """Return a table; every text is escaped, so names from AWS can hold anything.

    Args:
        sections: records, in one section or several.
        columns: what to show of each record.
        caption: what the table is, for screen readers.
        totals: rows for the foot, one text per column.
    """
    classes = [column.kind for column in columns]
    head = "".join(
        f'<th scope="col" class="{column.kind}"'
        + (f' title="{escape(column.help)}"><span class="ch-help">' if column.help else "><span>")
        + f"{escape(column.label)}</span></th>"
        for column in columns
    )
    body = "".join(_section_html(section, columns) for section in sections)
    foot = "".join(_row_html(total, classes) for total in totals)
    return (
        # A region that scrolls must be reachable by keyboard.
        f'<div class="ch-table" role="region" tabindex="0" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>{body}"
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
    """Put a table without sections on the page (see ``table_html``)."""
    st.html(table_html([Section(rows)], columns, caption=caption, totals=totals))


def show_sections(
    sections: Sequence[Section[Row]],
    columns: Sequence[Column[Row]],
    *,
    caption: str,
    totals: Sequence[Sequence[str | Cell]] = (),
) -> None:
    """Put a table with sections on the page (see ``table_html``)."""
    st.html(table_html(sections, columns, caption=caption, totals=totals))


def entry(cells: Sequence[tuple[str, str | Cell]], layout: str) -> None:
    """Put one entry of a list on the page whose entries have buttons of their own, which a table cannot hold.

    Args:
        cells: headings and what stands under them; an empty one is left out.
        layout: name of the CSS class that says how wide each is; narrow windows put them one below the other.
    """
    parts = "".join(
        f"<div{_hint_html(value)}><span>{escape(name)}</span><div>{_cell_html(value)}</div></div>"
        for name, value in cells
        if value not in ("", Cell(""))
    )
    st.html(f'<div class="ch-entry {layout}">{parts}</div>')


def facts(items: Sequence[tuple[str, str | Cell]], *, emphasis: str = "") -> None:
    """Put a list of named facts on the page; the one named ``emphasis`` is set large."""
    parts = "".join(
        f'<div class="{"ch-strong" if name == emphasis else ""}">'
        f"<dt>{escape(name)}</dt><dd>{_cell_html(value)}</dd></div>"
        for name, value in items
    )
    st.html(f'<dl class="ch-facts">{parts}</dl>')
