"""The ledger's database: SQLite in the workspace, or PostgreSQL by URL.

What is here: connecting, durability settings, migrating on open, and the two kinds of transaction: ``read`` (one
unchanging view) and ``write`` (one writer at a time, all or nothing).
When to add here: what differs between the two databases.
What does not belong here: any table's meaning.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.sql.schema import Column

from orchestration.errors import LedgerError
from orchestration.ledger.tables import ledger_head

__all__ = ["REVISION", "LedgerDatabase", "next_id"]

REVISION = "0001"
"""The migration that this version of the code works with."""

_WAIT_SECONDS = 60
# One writer at a time while the tables are made; the number only has to be the same for everybody.
_MIGRATION_LOCK = 4_272_837


class LedgerDatabase:
    """An open ledger database, migrated to ``REVISION``.

    Args:
        location: path of the SQLite file, or a ``postgresql://`` URL.
        only_reads: nothing is made or migrated, and a PostgreSQL server is told to refuse writing.

    Raises:
        LedgerError: the URL is none, the database cannot be reached, or a newer version wrote it; with ``only_reads``
            also an older version, or that it has no tables.
    """

    def __init__(self, location: str, *, only_reads: bool = False) -> None:
        self._only_reads = only_reads
        self._url = _url(location)
        self._file = Path(self._url.database or "") if self._url.get_backend_name() == "sqlite" else None
        self.engine = self._engine()
        try:
            if only_reads:
                self._require_revision()
            else:
                self._migrate_when_behind()
        except BaseException:
            self.engine.dispose()
            raise

    @property
    def name(self) -> str:
        """Where the ledger is, without a password, for messages."""
        return str(self._file) if self._file else self._url.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        """Whether the ledger is a file."""
        return self._file is not None

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees the ledger as it is now, whatever others write meanwhile."""
        with self._failures(), self.engine.connect() as connection, connection.begin():
            if not self.is_sqlite:
                connection.execute(text("set transaction isolation level repeatable read, read only"))
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that alone may write; it is committed at the end, or leaves nothing behind.

        Raises:
            LedgerError: another writer did not finish within a minute, or the database failed.
        """
        with (
            self._failures(),
            self.engine.connect().execution_options(ledger_writes=True) as connection,
            connection.begin(),
        ):
            if not self.is_sqlite:
                connection.execute(text(f"set local lock_timeout = '{_WAIT_SECONDS}s'"))
                # A user or server may have turned durability down; an issued number must survive a power cut.
                connection.execute(
                    text(
                        "select set_config('synchronous_commit', 'on', true) "
                        "where current_setting('synchronous_commit') = 'off'"
                    )
                )
                connection.execute(select(ledger_head).with_for_update())
            yield connection

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            # These two are broken promises, ours or somebody's, and want their traceback; for a reader the second one
            # is a login that may not read.
            if isinstance(error, (IntegrityError, ProgrammingError)) and not self._only_reads:
                raise
            cause = next(iter(str(error.orig).strip().splitlines()), type(error.orig).__name__)
            raise LedgerError(f"The ledger {self.name} could not be used: {cause}. Nothing was changed.") from error

    def _engine(self) -> Engine:
        if self._file is None:
            return create_engine(
                self._url,
                connect_args={"connect_timeout": 10},
                pool_pre_ping=True,
                execution_options={"postgresql_readonly": True} if self._only_reads else {},
            )
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerError(f"The ledger {self.name} could not be made: {error}. Nothing was changed.") from error
        engine = create_engine(self._url, connect_args={"timeout": _WAIT_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _require_revision(self) -> None:
        with self._failures():
            found = self._revision()
        if found is None:
            raise LedgerError(
                f"The ledger {self.name} has no tables yet, and is only read here. Nothing was changed; make them with "
                "a run, or leave CHARGEHOUSE_LEDGER empty meanwhile."
            )
        if found != REVISION:
            raise LedgerError(
                f"The tables of the ledger {self.name} are at {found}, this version of Chargehouse knows {REVISION}, "
                "and the ledger is only read here. Nothing was changed; use one version for the preview and for runs."
            )

    def _migrate_when_behind(self) -> None:
        with self._failures():
            if self._revision() == REVISION:
                return
            if self._file is None:
                with self.engine.begin() as connection:
                    connection.execute(text(f"select pg_advisory_xact_lock({_MIGRATION_LOCK})"))
                    self._migrate(connection)
                return
            try:
                with FileLock(f"{self._file}.lock", timeout=_WAIT_SECONDS):
                    with self.engine.connect() as connection:
                        # Readers never wait for a writer, nor a writer for readers. The file remembers it.
                        connection.exec_driver_sql("rollback")
                        connection.exec_driver_sql("pragma journal_mode = wal")
                        connection.exec_driver_sql("begin")
                    with self.engine.connect().execution_options(ledger_writes=True) as connection, connection.begin():
                        self._migrate(connection)
            except Timeout:
                raise LedgerError(
                    f"The ledger {self.name} is being prepared by another process that does not finish. "
                    "Nothing was changed; end that process and try again."
                ) from None

    def _revision(self, connection: Connection | None = None) -> str | None:
        if connection is None:
            with self.engine.connect() as fresh, fresh.begin():
                return self._revision(fresh)
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(text("select version_num from alembic_version")).scalar_one_or_none()
        return None if found is None else str(found)

    def _migrate(self, connection: Connection) -> None:
        # Alembic costs a tenth of a second to import, and hardly ever has anything to do.
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        found = self._revision(connection)
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if found is not None and found not in known:
            raise LedgerError(
                f"The ledger {self.name} was written by a newer version of Chargehouse (its tables are at {found}, "
                f"this version knows {REVISION}). Nothing was changed; update Chargehouse."
            )
        command.upgrade(config, REVISION)


def next_id(connection: Connection, column: Column[Any]) -> int:
    """Return the next id of a table, gap-free; only inside a ``write`` transaction."""
    return int(connection.execute(select(func.coalesce(func.max(column), 0))).scalar_one()) + 1


def _url(location: str) -> URL:
    if "://" not in location:
        return URL.create("sqlite", database=str(Path(location).resolve()))
    try:
        url = make_url(location)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        # Not shown: it may hold a password.
        raise LedgerError(
            "CHARGEHOUSE_LEDGER is no PostgreSQL address. Expected postgresql://user@host/database; leave it empty "
            "to keep the ledger in the workspace."
        )
    return url.set(drivername="postgresql+psycopg")


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Python's driver opens and commits transactions at moments of its own unless told not to.
    connection.isolation_level = None
    for pragma in ("foreign_keys = on", "synchronous = full", "trusted_schema = off"):
        connection.execute(f"pragma {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A reader that turns writer halfway can fail; a writer says so at once and waits its turn.
    writes = connection.get_execution_options().get("ledger_writes", False)
    connection.exec_driver_sql("begin immediate" if writes else "begin")
