"""Where the events of a run in this process are kept: Dagster's own SQLite files, without preparing all anew each time.

What is here: ``EventLog``, which ``runs.py`` names in the settings of its instance.
When to add here: nothing; it goes when Dagster keeps its engines.
What does not belong here: what a run logs.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dagster import EventLogEntry
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import Connection, Engine, NullPool, create_engine

__all__ = ["EventLog"]


class EventLog(SqliteEventLogStorage):
    """Dagster's event log, whose engines live as long as itself.

    Dagster makes an engine for each statement. SQLAlchemy keeps compiled statements and the columns of tables by
    engine, so that a run spent three seconds of CPU on compiling the same few statements some two thousand times.
    A run over many months records an event per asset and month, 3,400 for 24; Dagster hands them over in batches
    (``DAGSTER_EVENT_BATCH_SIZE``), which its own class would take apart again, two transactions per event.
    The members have no public name; Dagster is pinned, and every whole run is a test of them.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._engines: dict[str, Engine] = {}
        self._known_columns: dict[str, bool] = {}
        super().__init__(*arguments, **named)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "EventLog":
        """Return the log in ``base_dir`` of the settings."""
        return cls(inst_data=inst_data, **config_value)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run: those about assets in one transaction per database, others one by one."""
        together: list[EventLogEntry] = []
        for event in events:
            if event.is_dagster_event and event.dagster_event_type in ASSET_EVENTS:
                together.append(event)
            else:
                self.store_event(event)
        if together:
            self._store_asset_events(together)

    def _store_asset_events(self, events: Sequence[EventLogEntry]) -> None:
        rows = [self._event_to_row(event) for event in events]
        with self.run_connection(events[0].run_id) as connection:
            connection.execute(SqlEventLogStorageTable.insert(), rows)
        with self.index_transaction() as connection:
            insert = SqlEventLogStorageTable.insert().returning(
                SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
            )
            numbers = list(connection.execute(insert, rows).scalars())
            self._store_asset_event_tags(connection, events, numbers)
            # Of each asset only the newest event of a kind is kept as its state.
            newest = {
                (event.get_dagster_event().asset_key, event.dagster_event_type): (event, number)
                for event, number in zip(events, numbers, strict=True)
            }
            for event, number in newest.values():
                self._store_asset_event(connection, event, number)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            if shard not in self._engines:
                self._engines[shard] = create_engine(
                    self.conn_string_for_shard(shard),
                    poolclass=NullPool,
                    connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
                )
            if shard not in self._initialized_dbs:
                self._initdb(self._engines[shard])
                self._initialized_dbs.add(shard)
            with self._engines[shard].begin() as connection:
                yield connection

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        if column_name not in self._known_columns:
            self._known_columns[column_name] = super()._has_asset_key_col_on_connection(conn, column_name)
        return self._known_columns[column_name]
