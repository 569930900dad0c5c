"""Goals are judged by what was measured, and by nothing where it was not."""

from dataclasses import replace

from benchmarks.goals import goal_rows, growth_rows
from benchmarks.measuring import Cost
from benchmarks.results import Measurement
from benchmarks.stages import StageCosts

_STAGES = StageCosts(
    stages={"ingest": 3.0, "models and tests": 20.0, "anomalies": 2.0},
    nodes={"model.fct_charges": 12.0, "model.fct_daily_costs": 5.0},
    queries={"model.fct_charges": 11.0, "model.fct_daily_costs": 4.0},
    peaks_mb={"ingest": 300.0, "models and tests": 900.0},
)


def _measured(rows: int, yardstick: float, run: float) -> Measurement:
    cases = {"yardstick": Cost(yardstick, yardstick, 100), "full run": Cost(run, run, 440)}
    return Measurement(rows, "legacy-parquet", "4GB", "a machine", cases=cases, stages={"full run": _STAGES})


def _row(measured: list[Measurement], name: str) -> tuple[str, ...]:
    return next(row for row in goal_rows(measured) if row[0] == name)


def test_a_goal_is_reached_or_says_what_limits_it() -> None:
    small, large = _measured(1_000_000, 10, 11), _measured(10_000_000, 10, 40)
    assert _row([small], "P1 whole run")[2:] == ("1M: 1.10", "yes", "")
    _, _, shown, reached, limited_by = _row([small, large], "P1 whole run")
    assert (shown, reached) == ("1M: 1.10; 10M: 4.00", "yes, no")
    # 40 seconds: 20 of data, of which 11 are charges.
    assert limited_by.startswith(
        "10M: Python, Dagster and dbt 50 %, statements that make charges and lines 28 %, other models and tests"
    )
    assert _row([large], "P6 memory of a whole run")[2:4] == ("10M: 440", "yes")
    assert _row([large], "P10 framework, s")[2:4] == ("10M: 20.00", "no")


def test_every_goal_has_a_row_though_nothing_was_measured() -> None:
    numbers = {int(row[0].split()[0][1:]) for row in goal_rows([])}
    assert numbers == set(range(1, 16))
    assert {row[3] for row in goal_rows([])} == {"-"}


def test_peers_are_beside_the_product() -> None:
    one = _measured(1_000_000, 10, 11)
    one = replace(one, cases=one.cases | {"peer: pandas": Cost(110, 110, 5000)})
    assert _row([one], "P15 beside pandas")[2:4] == ("1M: 0.10", "yes")
    assert _row([one], "P15 beside Spark")[2:4] == ("not measured", "-")


def test_growth_is_the_slope_between_sizes() -> None:
    rows = growth_rows([_measured(1_000_000, 2, 10), _measured(10_000_000, 20, 50)])
    assert rows[-1][:4] == ("slope 1M to 10M", "1.00", "0.00", "0.70")
    assert _row([_measured(10_000_000, 20, 50), _measured(50_000_000, 120, 200)], "P9 growth")[3] == "no"
