"""Dagster's record of what runs did, written in batches.

What is here: Dagster's own SQLite event log, which also takes many events at once.
When to add here: nothing; should Dagster's own class come to store batches in one transaction, this module goes.
What does not belong here: what events say, and Dagster's other records.

A run that builds many periods records one materialization per asset and period: 24 months are some 3,400 events.
Dagster hands them over in batches where ``DAGSTER_EVENT_BATCH_SIZE`` asks for it, but its SQLite storage then opens
both of its databases again for every single event, which cost a third of such a run.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dagster import EventLogEntry
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData

__all__ = ["BatchedEventLogStorage"]


class BatchedEventLogStorage(SqliteEventLogStorage):
    """Stores a batch of asset events of one run in one transaction per database; reads and writes the same files."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "BatchedEventLogStorage":
        """Return the storage that ``dagster.yaml`` describes; Dagster's own method names Dagster's own class."""
        return cls(inst_data=inst_data, **config_value)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run; those that are not about assets, one by one as before."""
        together = [event for event in events if event.is_dagster_event and event.dagster_event_type in ASSET_EVENTS]
        if together:
            self._store_asset_events(together)
        for event in events:
            if event not in together:
                self.store_event(event)

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
