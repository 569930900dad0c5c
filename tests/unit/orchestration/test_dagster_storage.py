"""Events stored in batches are the events that Dagster's own storage keeps one by one."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from orchestration.dagster_storage import EventLog

_MONTHS = dg.StaticPartitionsDefinition(["2026-08", "2026-09", "2026-10"])
_OWN = "dagster._core.storage.event_log", "SqliteEventLogStorage"
_BATCHED = "orchestration.dagster_storage", "EventLog"


@dg.multi_asset(
    specs=[dg.AssetSpec("charges"), dg.AssetSpec("lines", deps=["charges"])],
    check_specs=[dg.AssetCheckSpec("sums", asset="charges")],
    partitions_def=_MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def _models() -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    yield dg.MaterializeResult(asset_key="charges", metadata={"rows": 3})
    yield dg.AssetCheckResult(check_name="sums", asset_key="charges", passed=True)
    yield dg.MaterializeResult(asset_key="lines")


def _run(home: Path, storage: tuple[str, str]) -> tuple[object, ...]:
    """Run the assets over all months and return what Dagster knows of it afterwards."""
    home.mkdir()
    module, name = storage
    (home / "dagster.yaml").write_text(
        f"telemetry: {{enabled: false}}\nevent_log_storage:\n  module: {module}\n  class: {name}\n"
        f"  config: {{base_dir: '{home}/history/runs'}}\n",
        encoding="utf-8",
    )
    job = dg.define_asset_job("all")
    definitions = dg.Definitions(assets=[_models], jobs=[job])
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert type(instance.event_log_storage).__name__ == name
        result = definitions.resolve_job_def("all").execute_in_process(
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": "2026-08",
                "dagster/asset_partition_range_end": "2026-10",
            },
        )
        assert result.success
        records = instance.get_asset_records([dg.AssetKey("charges"), dg.AssetKey("lines")])
        events = Counter(
            (entry.get_dagster_event().event_type_value, str(entry.get_dagster_event().partition))
            for entry in instance.all_logs(result.run_id)
            if entry.is_dagster_event
        )
        newest = instance.get_latest_materialization_event(dg.AssetKey("charges"))
        assert newest is not None
        assert newest.asset_materialization is not None
        return (
            sorted(events.items()),
            {key: sorted(instance.get_materialized_partitions(dg.AssetKey(key))) for key in ("charges", "lines")},
            sorted(record.asset_entry.asset_key.to_user_string() for record in records),
            [record.asset_entry.last_run_id == result.run_id for record in records],
            newest.asset_materialization.partition,
            newest.asset_materialization.metadata["rows"],
        )


def test_batches_leave_the_same_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_by_one = _run(tmp_path / "own", _OWN)
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")
    calls = []
    store = EventLog.store_event_batch
    monkeypatch.setattr(
        EventLog,
        "store_event_batch",
        lambda self, events: (calls.append(len(events)), store(self, events)),
    )

    batched = _run(tmp_path / "batched", _BATCHED)

    assert batched == one_by_one
    # Planned: three months of two assets and the check; then each asset's three months.
    assert sorted(calls) == [3, 3, 7]
