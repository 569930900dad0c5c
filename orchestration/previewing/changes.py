"""What differs between two configurations, row by row.

What is here: ``configuration_changes``; rows are the same when they have the same key.
When to add here: another way to recognise a row.
What does not belong here: what a change does to a bill (``comparison``).
"""

from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import Any, Literal

from orchestration.configuration.schema import FILES, Configuration, FileSchema, Row

__all__ = ["CellChange", "RowChange", "configuration_changes"]


@dataclass(frozen=True)
class CellChange:
    """A cell of a changed row.

    Attributes:
        column: its column.
        before: its text with the configuration in force.
        after: its text with the changed one.
    """

    column: str
    before: str
    after: str


@dataclass(frozen=True)
class RowChange:
    """A row that is added, removed or changed.

    Attributes:
        file: file name, such as ``pricing_rules.csv``.
        kind: added, removed or changed.
        key: what makes the row distinct in its file, its start included where keys are dated.
        line: its line in the changed file, or where it is removed in the one in force; None for a setting left out.
        cells: the cells that differ; of an added or removed row those that are filled.
    """

    file: str
    kind: Literal["added", "removed", "changed"]
    key: str
    line: int | None
    cells: tuple[CellChange, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        return asdict(self)

    @property
    def words(self) -> str:
        """The cells in words: what was and what is."""
        return ", ".join(f"{cell.column}: {self._words_of(cell)}" for cell in self.cells)

    def _words_of(self, cell: CellChange) -> str:
        if self.kind == "changed":
            return f"{cell.before or 'empty'} → {cell.after or 'empty'}"
        return cell.before or cell.after


def configuration_changes(before: Configuration, after: Configuration) -> list[RowChange]:
    """Return what differs, by file in the order of the contract and by key.

    Order, line numbers and spelling (``10`` or ``10.00``) are no differences, nor is a setting that is written out with
    its default.
    """
    found = []
    for schema in FILES:
        old = {_key(schema, row): row for row in before.rows(schema.name)}
        new = {_key(schema, row): row for row in after.rows(schema.name)}
        for key in sorted(old.keys() | new.keys()):
            change = _change(schema, key, old.get(key), new.get(key))
            if change is not None:
                found.append(change)
    return found


def _key(schema: FileSchema, row: Row) -> tuple[str, ...]:
    texts = _texts(schema, row)
    dated = schema.interval[:1] if schema.interval is not None and schema.is_key_dated else ()
    return tuple(texts[name] for name in (*schema.key, *dated))


def _texts(schema: FileSchema, row: Row) -> dict[str, str]:
    values = attrgetter(*schema.columns)(row)
    return {name: column.show(value) for (name, column), value in zip(schema.columns.items(), values, strict=True)}


def _change(schema: FileSchema, key: tuple[str, ...], old: Row | None, new: Row | None) -> RowChange | None:
    was = _texts(schema, old) if old is not None else {}
    now = _texts(schema, new) if new is not None else {}
    cells = tuple(
        CellChange(name, was.get(name, ""), now.get(name, ""))
        for name in schema.columns
        if was.get(name, "") != now.get(name, "")
    )
    if not cells:
        return None
    kind: Literal["added", "removed", "changed"] = "added" if old is None else "removed" if new is None else "changed"
    row = new or old
    return RowChange(schema.file, kind, "/".join(filter(None, key)), None if row is None else row.source_line, cells)
