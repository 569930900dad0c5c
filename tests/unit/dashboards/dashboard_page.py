"""A page of the app as a reader sees it, taken from what Streamlit would have drawn.

What is here: tables, metrics and pickers of a page that ran without a browser.
When to add here: another kind of element that tests look at.
What does not belong here: starting pages (``conftest.py``), expectations.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from streamlit.testing.v1 import AppTest

__all__ = ["Page", "Table"]


@dataclass(frozen=True)
class Table:
    """A table as a reader sees it; every text includes the cell's second line after a newline."""

    caption: str
    head: list[str]
    helps: list[str]
    rows: list[list[str]]
    foot: list[list[str]]

    #: What opens beneath a row: names and texts, by the row's place.
    opened: dict[int, list[tuple[str, str]]]
    #: What shows when the pointer rests on a cell, by row and column.
    hints: dict[tuple[int, int], str]

    def column(self, name: str) -> list[str]:
        return [row[self.head.index(name)] for row in self.rows]

    def total(self, name: str) -> str:
        """What the first row of the foot says in the column whose heading begins so."""
        (place,) = (place for place, text in enumerate(self.head) if text.startswith(name))
        return self.foot[0][place]


def _text(cell: ElementTree.Element) -> str:
    """A cell's text, then its second line and its pairs, each on a line; what opens is apart, in ``Table.opened``."""
    lines = ["".join(_first_line(cell))]
    detail = cell.find("span[@class='ch-detail']")
    if detail is not None:
        lines.append("".join(detail.itertext()))
    lines += [" ".join(part.text or "" for part in pair) for pair in cell.findall("span[@class='ch-pairs']/span")]
    return "\n".join(lines)


def _first_line(element: ElementTree.Element) -> Iterator[str]:
    if element.get("class") in {"ch-detail", "ch-pairs", "ch-more"}:
        return
    yield element.text or ""
    for child in element:
        yield from _first_line(child)
        yield child.tail or ""


def _rows(parent: ElementTree.Element | None) -> list[list[str]]:
    return [] if parent is None else [[_text(cell) for cell in row] for row in parent.findall("tr")]


@dataclass
class Page:
    """One page of the app, run without a browser."""

    at: AppTest
    downloads: dict[str, Callable[[], bytes]]

    @property
    def tables(self) -> list[Table]:
        found = []
        for element in self.at.html:
            if not element.value.startswith('<div class="ch-table"'):
                continue
            table = ElementTree.fromstring(element.value).find("table")
            assert table is not None
            head = table.findall("thead/tr/th")
            rows = table.findall("tbody/tr")
            found.append(
                Table(
                    caption=table.findtext("caption") or "",
                    head=["".join(cell.itertext()) for cell in head],
                    helps=[cell.get("title", "") for cell in head],
                    rows=[row for body in table.findall("tbody") for row in _rows(body)],
                    foot=_rows(table.find("tfoot")),
                    opened={
                        number: [
                            (pair.findtext("dt") or "", pair.findtext("dd") or "") for pair in row.findall(".//dl/div")
                        ]
                        for number, row in enumerate(rows)
                        if row.find(".//details") is not None
                    },
                    hints={
                        (number, place): cell.get("title", "")
                        for number, row in enumerate(rows)
                        for place, cell in enumerate(row)
                        if cell.get("title")
                    },
                )
            )
        return found

    def table(self, caption: str) -> Table:
        matching = [table for table in self.tables if table.caption.startswith(caption)]
        assert matching, f"no table {caption!r} among {[table.caption for table in self.tables]}"
        return matching[0]

    @property
    def metrics(self) -> dict[str, str]:
        return {metric.label: metric.value for metric in self.at.metric}

    @property
    def html(self) -> str:
        return "\n".join(element.value for element in self.at.html)

    def choose(self, **choices: str | list[str]) -> "Page":
        """Set pickers by key and run again."""
        for key, value in choices.items():
            if isinstance(value, list):
                self.at.multiselect(key=key).set_value(value)
            elif key == "search":
                self.at.text_input(key=key).set_value(value)
            else:
                self.at.selectbox(key=key).set_value(value)
        self.at.run()
        return self.checked()

    def checked(self) -> "Page":
        assert not self.at.exception, [element.value for element in self.at.exception]
        return self
