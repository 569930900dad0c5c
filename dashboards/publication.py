"""The published file: which version of it is in place, and how to read it.

What is here: the stamp that tells one publication from the next, and the read-only connection.
When to add here: another way the published file can be unusable, as an error with what to do.
What does not belong here: queries; they stand in ``queries.py``. The warehouse; pages never open it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.errors import ChargehouseError

__all__ = [
    "NothingPublishedError",
    "OutdatedPublicationError",
    "Publication",
    "PublicationError",
    "PublicationReplacedError",
    "UnreadablePublicationError",
    "reading",
]


class PublicationError(ChargehouseError):
    """The published file cannot be shown; the text says why and what to do."""


class NothingPublishedError(PublicationError):
    """No run of this workspace has published yet."""


class UnreadablePublicationError(PublicationError):
    """The published file is there but is not a database we can open."""


class OutdatedPublicationError(PublicationError):
    """The published file lacks a table or column that a page needs."""


class PublicationReplacedError(PublicationError):
    """A run has published since the page read the stamp; reading again gives the new numbers."""


@dataclass(frozen=True)
class Publication:
    """One version of the published file.

    Publishing replaces the file in one step (``os.replace``), so a new version always has another inode or
    another modification time. Pages cache on this stamp: what was read from one version is never shown for
    another.
    """

    path: Path
    inode: int
    modified_ns: int
    size: int

    @classmethod
    def at(cls, path: Path) -> "Publication":
        """Return the version in place now.

        Raises:
            NothingPublishedError: there is no file yet.
            UnreadablePublicationError: the file cannot be looked at.
        """
        try:
            found = path.stat()
        except FileNotFoundError:
            raise NothingPublishedError(f"Nothing has been published in {path.parent} yet.") from None
        except OSError as error:
            raise UnreadablePublicationError(
                f"The published file {path} cannot be opened: {error.strerror}. "
                "Check who may read that folder."
            ) from error
        return cls(path=path, inode=found.st_ino, modified_ns=found.st_mtime_ns, size=found.st_size)

    @property
    def stamp(self) -> tuple[str, int, int, int]:
        """What tells this version from any other."""
        return (str(self.path), self.inode, self.modified_ns, self.size)


@contextmanager
def reading(publication: Publication) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a read-only connection to exactly this version, whose marts are named ``marts.<table>``.

    The file is attached to a database in memory instead of opened directly. DuckDB hands every direct open of
    one path in one process the same instance, and a page would go on seeing the old file for as long as any
    other session held it open. It is attached for one query and let go: a replaced file is not kept on disk.

    Raises:
        PublicationReplacedError: another version is in place by now.
        UnreadablePublicationError: the file is damaged or not ours.
        OutdatedPublicationError: a table or column is missing.
    """
    # No extension is ever needed, and looking for one would ask the network.
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    with duckdb.connect(":memory:", config=config) as con:
        quoted = str(publication.path).replace("'", "''")
        try:
            con.execute(f"attach '{quoted}' as published (read_only)")
        except duckdb.Error as error:
            # Tells "gone" and "replaced by something else" from "damaged".
            if Publication.at(publication.path) != publication:
                raise PublicationReplacedError(
                    "New numbers have just been published; reload the page."
                ) from error
            raise UnreadablePublicationError(
                f"The published file {publication.path} is damaged, or another version of DuckDB wrote it. "
                "Run Chargehouse again: it writes the file afresh."
            ) from error
        # Only after the file is open is it certain which version was opened.
        if Publication.at(publication.path) != publication:
            raise PublicationReplacedError("New numbers have just been published; reload the page.")
        con.execute("use published")
        try:
            yield con
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            first_line = str(error).splitlines()[0]
            raise OutdatedPublicationError(
                f"The published file was written by another version of Chargehouse ({first_line}). "
                "Run Chargehouse again: it writes the file afresh."
            ) from error
