"""The page says what was measured, part by part."""

from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.exactness import Exactness
from benchmarks.furthest import Profile, furthest_stage
from benchmarks.measuring import Cost
from benchmarks.results import PAGE, Measurement, measurement_of, page_text, read_measurements, save_measurement
from benchmarks.stages import StageCosts

_MEASURED = Measurement(
    2_000_000,
    "legacy-parquet",
    "4GB",
    "a machine",
    measured_at={"limits": "2026-11-22"},
    cases={
        "start": Cost(0.2, 0.2, 40),
        "read costs by day": Cost(0.3, 0.3, 80),
        "yardstick": Cost(2, 3, 100, rounds=5),
        "peer: Polars": Cost(5, 4, 900),
        "peer: focus-converter": Cost(7, 9, 300),
    },
    stages={
        "full run": StageCosts(
            {"models and tests": 20.0, "anomalies": 5.0}, {"model.fct_charges": 4.0}, {"model.fct_charges": 3.0}
        )
    },
    profile=Profile(
        "anomalies",
        "model.fct_charges",
        [("detection: _series", 12, 1.5, 2.5)],
        [("HASH_JOIN a = b", 0.7, 4_000)],
        {"latency": 1.25, "operators": 1.5, "planning": 0.5},
    ),
    sizes_mb={"landing": 300.0},
    exactness={"full run": Exactness({"charges, only in product": 3}, 10, 2, "1", "0.0000000001")},
    unavailable={"Spark": "could not be installed"},
    peer_differences={"Polars": (4, 5), "focus-converter": (None, None)},
)


def test_a_measurement_is_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_STORE", tmp_path / "results.json")
    save_measurement(_MEASURED)
    save_measurement(Measurement(1_000_000, "legacy-parquet", "4GB", "a machine"))
    assert [kept.rows for kept in read_measurements()] == [1_000_000, 2_000_000]
    kept = measurement_of(2_000_000, "legacy-parquet")
    assert kept is not None
    # JSON has lists for tuples.
    assert page_text([kept]) == page_text([_MEASURED])
    assert asdict(kept)["stages"] == asdict(_MEASURED)["stages"]


def test_the_page_tells_differences_and_the_furthest_stage() -> None:
    # 20 of models are 10 times the yardstick less its start; 5 are 50 times reading what they are made of.
    assert furthest_stage(_MEASURED.stages["full run"], _MEASURED.cases) == "anomalies"
    page = page_text([_MEASURED])
    for told in (
        "2,000,000 rows, legacy-parquet: anomalies, 5.0 CPU s, 50.0 x `read costs by day`",
        "| `detection: _series` | 12 | 1.50 | 2.50 |",
        "| `HASH_JOIN a = b` | 0.70 | 4,000 |",
        "| Polars | 5.0 | 2.50 | 4.0 | 900 | 4 | 5 | 1 |",
        "| focus-converter | 7.0 | 3.50 | 9.0 | 300 | does not bill | does not bill | 1 |",
        "Not measured: Spark (could not be installed).",
        "| full run | 10 | 2 | charges, only in product: 3 | 0.0000000001 |",
    ):
        assert told in page


def test_the_page_in_the_repository_is_of_the_measurements_beside_it() -> None:
    assert PAGE.read_text(encoding="utf-8") == page_text(read_measurements()), (
        "write it anew: python -c 'from benchmarks.results import write_page; write_page()'"
    )
