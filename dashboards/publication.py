"""The published file: which version of it is in place, and how to read it.

What is here: the stamp that tells one publication from the next, and the read-only connection.
When to add here: another way the published file can be unusable, as an error with what to do.
What does not belong here: queries; they stand in ``queries.py``. The warehouse; pages never open it.
"""

import threading
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


_REPLACED = "New numbers have just been published; reload the page."


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
                f"The published file {path} cannot be opened: {error.strerror}. Check who may read that folder."
            ) from error
        return cls(path=path, inode=found.st_ino, modified_ns=found.st_mtime_ns, size=found.st_size)

    @property
    def stamp(self) -> tuple[str, int, int, int]:
        """What tells this version from any other."""
        return (str(self.path), self.inode, self.modified_ns, self.size)


class _Snapshot:
    """The version that is being read: opened once for all sessions, let go when the next one is asked for.

    The file is attached to a database in memory instead of opened directly. DuckDB hands every direct open of
    one path in one process the same instance, and a page would go on seeing the old file for as long as any
    session held it open.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version: Publication | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    def cursor(self, publication: Publication) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own to this version; closing it is up to the caller."""
        with self._lock:
            if self._connection is None or self._version != publication:
                # The old one is not closed by hand: that would cut off its readers in the middle of a page.
                # It closes by itself with the last of their cursors.
                self._version, self._connection = publication, _attach(publication)
            return self._connection.cursor()


_snapshot = _Snapshot()


def _attach(publication: Publication) -> duckdb.DuckDBPyConnection:
    # No extension is ever needed, and looking for one would ask the network.
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    quoted = str(publication.path).replace("'", "''")
    connection = duckdb.connect(":memory:", config=config)
    try:
        connection.execute(f"attach '{quoted}' as published (read_only)")
    except duckdb.Error as error:
        connection.close()
        # Tells "gone" and "replaced by something else" from "damaged".
        if Publication.at(publication.path) != publication:
            raise PublicationReplacedError(_REPLACED) from error
        raise UnreadablePublicationError(
            f"The published file {publication.path} is damaged, or another version of DuckDB wrote it. "
            "Run Chargehouse again: it writes the file afresh."
        ) from error
    # Only after the file is open is it certain which version was opened.
    if Publication.at(publication.path) != publication:
        connection.close()
        raise PublicationReplacedError(_REPLACED)
    return connection


@contextmanager
def reading(publication: Publication) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a read-only connection to exactly this version, whose marts are named ``marts.<table>``.

    Raises:
        PublicationReplacedError: another version is in place by now.
        NothingPublishedError: the file is gone.
        UnreadablePublicationError: the file is damaged or not ours.
        OutdatedPublicationError: a table or column is missing.
    """
    with _snapshot.cursor(publication) as cursor:
        cursor.execute("use published")
        try:
            yield cursor
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            first_line = str(error).splitlines()[0]
            raise OutdatedPublicationError(
                f"The published file was written by another version of Chargehouse ({first_line}). "
                "Run Chargehouse again: it writes the file afresh."
            ) from error
