"""New files: never over another one, and there whole or not at all.

What is here: ``new_file``, ``csv_cell``, ``csv_text``, and ``Written``, what the command says of a file.
When to add here: something that holds for every exported file.
What does not belong here: what stands in a file.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from orchestration.errors import ChargehouseError

__all__ = ["FORMULA_STARTS", "Written", "csv_cell", "csv_text", "new_file", "require_ending"]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A program that opens CSV takes texts that begin so for formulas. Ids and descriptions from AWS may."""


@dataclass(frozen=True)
class Written:
    """One exported file.

    Attributes:
        path: where it is.
        row_count: its rows, a header not counted.
        what: what its rows are, in the plural.
    """

    path: Path
    row_count: int
    what: str = "lines"

    def as_dict(self) -> dict[str, str | int]:
        """Return it for scripts."""
        return {"path": str(self.path), "rows": self.row_count}


def require_ending(path: Path, *endings: str) -> str:
    """Return which of the endings, such as ``.parquet``, the file's name has.

    Raises:
        ChargehouseError: none of them.
    """
    for ending in endings:
        if path.name.lower().endswith(ending) and len(path.name) > len(ending):
            return ending
    raise ChargehouseError(
        f"{path} was not written: the name of this file ends in {' or '.join(endings)}, which says its form."
    )


def csv_text(text: str) -> str:
    """Return a text as a cell of a CSV file that a person opens: an apostrophe before what would be a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def csv_cell(value: object) -> object:
    """Return a value as a cell of such a file: no formula, and every digit of an amount."""
    if isinstance(value, str):
        return csv_text(value)
    # str() of a zero with ten decimals is 0E-10.
    return f"{value:f}" if isinstance(value, Decimal) else value


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; it takes its place when the block ends, and is gone if that fails.

    Folders on the way are made.

    Raises:
        ChargehouseError: ``path`` is there already, or cannot be written.
    """
    if path.exists() or path.is_symlink():
        raise ChargehouseError(f"{path} is there already. Nothing was written; name a new file.")
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ChargehouseError(f"{path} cannot be written: {error.strerror}. Name another place.") from error
    try:
        yield draft
        with draft.open("rb") as handle:
            os.fsync(handle.fileno())
        # Unlike a rename, a link never replaces a file that somebody made meanwhile.
        try:
            os.link(draft, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if path.exists():
                raise FileExistsError from None
            draft.rename(path)
    except FileExistsError:
        raise ChargehouseError(f"{path} is there already. Nothing was written; name a new file.") from None
    except OSError as error:
        raise ChargehouseError(f"{path} cannot be written: {error.strerror or error}. Name another place.") from error
    finally:
        draft.unlink(missing_ok=True)
