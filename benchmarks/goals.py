"""The goals, and how far the measurements are from them.

What is here: each goal with the figure that is set against it, and what of the measurement stands in the way.
When to add here: another goal.
What does not belong here: measuring; nothing fails for a goal that is missed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.results import CHANGES, Measurement, size_name

__all__ = ["goal_rows", "growth_rows", "job_in_database"]

# The dbt nodes that make charges and invoice lines, which is all that the yardstick makes.
_JOB = (
    *("model.int_usage_grain", "model.fct_charges", "model.int_invoice_lines", "model.int_invoice_line_accounts"),
    *("model.fct_invoice_lines", "model.fct_invoice_line_accounts"),
)
_CSV = "legacy-csv"
_RESTATED, _REPRICED = CHANGES["restated"], CHANGES["price"]
_SINGLE, _BY_MONTH = "yardstick, one month", "yardstick, month by month"


@dataclass(frozen=True)
class _Goal:
    """A goal: a figure that should not exceed a limit.

    Attributes:
        name: number and subject.
        asks_for: in words, with the limit.
        limit: of a measurement; None where the goal says nothing of that size.
        figure: of a measurement; None where it was not measured.
        limited_by: what stands in the way, from the measurement.
        is_of: measurements that it is about.
    """

    name: str
    asks_for: str
    limit: Callable[[Measurement], float]
    figure: Callable[[Measurement], float | None]
    limited_by: Callable[[Measurement], str]
    is_of: Callable[[Measurement], bool]


def _is_csv(one: Measurement) -> bool:
    return one.form == _CSV


def _is_parquet(one: Measurement) -> bool:
    return one.form != _CSV


def _at_most(limit: float) -> Callable[[Measurement], float]:
    return lambda _one: limit


def _quotient(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole


def _ratio(case: str, beside: str) -> Callable[[Measurement], float | None]:
    return lambda one: _quotient(one.cpu(case), one.cpu(beside))


def _from_start(one: Measurement, case: str) -> float | None:
    """Return a case's processor seconds without starting Python and DuckDB."""
    cost, start = one.cpu(case), one.cpu("start")
    return None if cost is None or start is None else cost - start


def job_in_database(one: Measurement) -> float | None:
    """Return the processor seconds of the statements that make what the yardstick makes."""
    full = one.stages.get("full run")
    return None if full is None else sum(full.queries.get(node, 0) for node in _JOB)


def _framework(one: Measurement) -> float | None:
    """Return what a whole run takes beside work on data: starting Python, Dagster, dbt around its statements."""
    full, run = one.stages.get("full run"), one.cpu("full run")
    return None if full is None or run is None else run - full.data


def _peak(case: str) -> Callable[[Measurement], float | None]:
    return lambda one: one.cases[case].peak_mb if case in one.cases else None


def _data_of_change(case: str) -> Callable[[Measurement], float | None]:
    def figure(one: Measurement) -> float | None:
        full, change = one.stages.get("full run"), one.stages.get(case)
        return None if full is None or change is None else change.data / full.data

    return figure


def _listed(seconds: Mapping[str, float], whole: float, count: int = 4) -> str:
    found = sorted(seconds.items(), key=lambda item: -item[1])[:count]
    return ", ".join(f"{name} {100 * part / whole:.0f} %" for name, part in found if part > 0)


def _parts_of_run(case: str = "full run") -> Callable[[Measurement], str]:
    def told(one: Measurement) -> str:
        costs, run = one.stages.get(case), one.cpu(case)
        if costs is None or run is None:
            return ""
        job = sum(costs.queries.get(node, 0) for node in _JOB)
        parts = {name: cpu for name, cpu in costs.stages.items() if name != "models and tests"}
        parts["statements that make charges and lines"] = job
        parts["other models and tests in the database"] = costs.in_database - job
        parts["Python, Dagster and dbt"] = run - costs.data
        return f"{size_name(one.rows)}: {_listed(parts, run)}"

    return told


def _job_nodes(one: Measurement) -> str:
    full, job = one.stages.get("full run"), job_in_database(one)
    if full is None or not job:
        return ""
    return f"{size_name(one.rows)}: {_listed({node: full.queries.get(node, 0) for node in _JOB}, job)}"


def _of_yardstick(one: Measurement) -> str:
    reading = _quotient(one.cpu("read_yardstick"), one.cpu("yardstick")) or 0
    charges = max((found.charge_count for found in one.exactness.values()), default=0)
    kept = f"; it keeps {charges:,} charges by 13 keys" if charges else ""
    return f"{size_name(one.rows)}: {100 * reading:.0f} % of it is reading 21 columns{kept}"


def _of_csv(one: Measurement) -> str:
    return (
        f"counting the rows, which inflates and parses them, takes {_ratio('count', 'gunzip')(one) or 0:.2f} x gzip -dc"
    )


def _landing(one: Measurement) -> str:
    peak = one.stages["full run"].peaks_mb.get("ingest", 0) if "full run" in one.stages else 0
    return f"all 126 columns are kept, typed and checked, not 14, and every file is hashed; peak {peak:,.0f} MB"


def _peaks(case: str) -> Callable[[Measurement], str]:
    def told(one: Measurement) -> str:
        costs = one.stages.get(case)
        if costs is None or not costs.peaks_mb:
            return ""
        found = sorted(costs.peaks_mb.items(), key=lambda item: -item[1])[:3]
        return f"{size_name(one.rows)}: " + ", ".join(f"{stage} {peak:,.0f} MB" for stage, peak in found)

    return told


def _of_framework(one: Measurement) -> str:
    full, framework = one.stages.get("full run"), _framework(one)
    if full is None or not framework:
        return ""
    dbt = full.stages["models and tests"] - full.in_database
    return (
        f"{size_name(one.rows)}: dbt around {len(full.nodes)} nodes {dbt:.1f} s, Dagster and processes "
        f"{framework - dbt:.1f} s"
    )


def _sizes(one: Measurement) -> str:
    charges = max((found.charge_count for found in one.exactness.values()), default=0)
    kept = f" for {charges:,} charges and the tables made of them" if charges else ""
    size, landing = (one.sizes_mb.get(name, 0) for name in ("warehouse database", "landing"))
    return f"{size_name(one.rows)}: {size:,.0f} MB{kept}, beside {landing:,.0f} MB"


def _by_month(one: Measurement) -> str:
    single, all_months = (one.cases[case].peak_mb for case in (_SINGLE, _BY_MONTH))
    return f"{size_name(one.rows)}: one month takes {single:,.0f} MB, all in turn {all_months:,.0f} MB"


def _of_focus(one: Measurement) -> str:
    written = one.exported_rows.get("FOCUS export of all months", 0)
    return f"{size_name(one.rows)}: a file and a statement for each of 24 months, {written:,} rows in all"


def _beside_peer(name: str) -> Callable[[Measurement], float | None]:
    return lambda one: _quotient(job_in_database(one), one.cpu(f"peer: {name}"))


def _yardstick_beside_peer(name: str) -> Callable[[Measurement], str]:
    def told(one: Measurement) -> str:
        found = _quotient(one.cpu("yardstick"), one.cpu(f"peer: {name}"))
        return "" if found is None else f"{size_name(one.rows)}: the yardstick itself takes {found:.2f} x {name}"

    return told


_GOALS = (
    _Goal(
        "P1 whole run",
        "CUR to invoice lines with all models, checks and tests <= 1.15 x yardstick",
        _at_most(1.15),
        _ratio("full run", "yardstick"),
        _parts_of_run(),
        _is_parquet,
    ),
    _Goal(
        "P2 data time",
        "statements that make charges and invoice lines <= 1.05 x yardstick",
        _at_most(1.05),
        lambda one: _quotient(job_in_database(one), one.cpu("yardstick")),
        _job_nodes,
        _is_parquet,
    ),
    _Goal(
        "P3 yardstick beside decoding ten columns",
        "<= 5.0 x read10",
        _at_most(5.0),
        _ratio("yardstick", "read10"),
        _of_yardstick,
        _is_parquet,
    ),
    _Goal(
        "P3 yardstick beside summing one column",
        "<= 30 x sum1",
        _at_most(30),
        _ratio("yardstick", "sum1"),
        _of_yardstick,
        _is_parquet,
    ),
    _Goal(
        "P4 CSV to invoice lines",
        "yardstick from csv.gz <= 1.4 x gzip -dc",
        _at_most(1.4),
        _ratio("yardstick", "gunzip"),
        _of_csv,
        _is_csv,
    ),
    _Goal(
        "P5 landing CSV",
        "csv.gz to typed Parquet <= 1.7 x gzip -dc",
        _at_most(1.7),
        lambda one: _quotient(one.stages["full run"].stages["ingest"] if one.stages else None, one.cpu("gunzip")),
        _landing,
        _is_csv,
    ),
    _Goal(
        "P6 memory of a whole run",
        "peak <= 450 MB",
        _at_most(450),
        _peak("full run"),
        _peaks("full run"),
        _is_parquet,
    ),
    _Goal(
        "P6 memory of the yardstick by month",
        "24 months, limited to 200 MB, <= 1.25 x one month",
        _at_most(1.25),
        lambda one: _quotient(_peak(_BY_MONTH)(one), _peak(_SINGLE)(one)),
        _by_month,
        _is_parquet,
    ),
    _Goal(
        "P6 memory of the yardstick by month, MB",
        "24 months, limited to 200 MB, <= 260 MB",
        _at_most(260),
        _peak(_BY_MONTH),
        _by_month,
        _is_parquet,
    ),
    _Goal(
        "P7 one month of 24 restated, whole",
        "<= 0.10 x full run",
        _at_most(0.10),
        _ratio(_RESTATED, "full run"),
        _parts_of_run(_RESTATED),
        _is_parquet,
    ),
    _Goal(
        "P7 one month of 24 restated, data time",
        "<= 0.045 x that of a full run",
        _at_most(0.045),
        _data_of_change(_RESTATED),
        _parts_of_run(_RESTATED),
        _is_parquet,
    ),
    _Goal(
        "P8 price changed, all months",
        "<= 0.28 x full run, <= 0.13 from 50M",
        lambda one: 0.13 if one.rows >= 50_000_000 else 0.28,
        _ratio(_REPRICED, "full run"),
        _parts_of_run(_REPRICED),
        _is_parquet,
    ),
    _Goal(
        "P10 framework, s",
        "<= 4.5 s and 50 ms a dbt node beside work on data",
        lambda one: 4.5 + 0.05 * len(one.stages["full run"].nodes) if one.stages else 4.5,
        _framework,
        _of_framework,
        _is_parquet,
    ),
    _Goal(
        "P11 size of the warehouse",
        "<= 5 % of the Parquet input",
        _at_most(0.05),
        lambda one: _quotient(one.sizes_mb.get("warehouse database"), one.sizes_mb.get("landing")),
        _sizes,
        _is_parquet,
    ),
    _Goal(
        "P12 every line at its rate",
        "pro forma CUR of a month, all groups, <= 4.5 x yardstick of the month",
        _at_most(4.5),
        lambda one: _quotient(_from_start(one, "pro forma CUR of a month"), _from_start(one, _SINGLE)),
        lambda one: f"{size_name(one.rows)}: one file for each group, which reads the month's rows each time",
        _is_parquet,
    ),
    _Goal(
        "P13 FOCUS export",
        "<= 0.4 x focus-converter's CPU",
        _at_most(0.4),
        _ratio("FOCUS export of all months", "peer: focus-converter"),
        _of_focus,
        _is_parquet,
    ),
    _Goal(
        "P13 FOCUS export, memory",
        "<= 0.4 x focus-converter's peak",
        _at_most(0.4),
        lambda one: _quotient(_peak("FOCUS export of all months")(one), _peak("peer: focus-converter")(one)),
        _of_focus,
        _is_parquet,
    ),
    *(
        _Goal(
            f"P15 beside {name}",
            f"statements that make charges and lines <= {limit} x {name}",
            _at_most(limit),
            _beside_peer(name),
            _yardstick_beside_peer(name),
            _is_parquet,
        )
        for name, limit in (("Polars", 1.0), ("pandas", 0.2), ("PostgreSQL", 0.2), ("Spark", 0.1))
    ),
)


def goal_rows(measured: Sequence[Measurement]) -> list[tuple[str, str, str, str, str]]:
    """Return each goal with the figure of every measurement it is about, and whether it was reached."""
    rows = []
    for goal in _GOALS:
        found = [(one, goal.figure(one)) for one in measured if goal.is_of(one)]
        figures = [(one, figure) for one, figure in found if figure is not None]
        shown = "; ".join(f"{_size(one, measured)}: {_figure(figure)}" for one, figure in figures) or "not measured"
        missed = [one for one, figure in figures if figure > goal.limit(one)]
        reached = ", ".join("no" if one in missed else "yes" for one, _ in figures) or "-"
        # Of the largest size that tells: fixed costs say little about what limits.
        limits = next(filter(None, (goal.limited_by(one) for one in reversed(missed))), "")
        rows.append((goal.name, goal.asks_for, shown, reached, limits))
    rows += [_growth(measured), _exactness(measured)]
    return sorted(rows, key=lambda row: int(row[0].split()[0][1:]))


def _figure(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.2f}" if figure >= 0.1 else f"{figure:.3f}"


def _size(one: Measurement, measured: Sequence[Measurement]) -> str:
    """Return the size, with the form where another form of the same size was measured too."""
    twins = [other for other in measured if other.rows == one.rows and _is_csv(other) == _is_csv(one)]
    return size_name(one.rows) if len(twins) == 1 else f"{size_name(one.rows)} {one.form}"


_GROWING: dict[str, Callable[[Measurement], float | None]] = {
    "yardstick": lambda one: one.cpu("yardstick"),
    "charges and lines in the database": job_in_database,
    "whole run": lambda one: one.cpu("full run"),
}


def _slopes(measured: Sequence[Measurement]) -> list[tuple[Measurement, Measurement, dict[str, float]]]:
    """Return how cost grows with rows from each size to the next: 1 is in proportion."""
    of_form = [one for one in measured if one.form == "legacy-parquet"]
    found = []
    for small, large in pairwise(of_form):
        slopes = {}
        for name, figure in _GROWING.items():
            first, second = figure(small), figure(large)
            if first and second:
                slopes[name] = math.log(second / first) / math.log(large.rows / small.rows)
        found.append((small, large, slopes))
    return found


def growth_rows(measured: Sequence[Measurement]) -> list[tuple[str, ...]]:
    """Return processor seconds and peak memory at each size of legacy Parquet, and the slopes between sizes."""
    of_form = [one for one in measured if one.form == "legacy-parquet"]
    rows: list[tuple[str, ...]] = []
    for one in of_form:
        cells = [figure(one) for figure in _GROWING.values()]
        peaks = [_peak(case)(one) for case in ("yardstick", _BY_MONTH, "full run")]
        rows.append(
            (
                size_name(one.rows),
                *("-" if cell is None else f"{cell:.1f}" for cell in cells),
                *("-" if peak is None else f"{peak:,.0f}" for peak in peaks),
            )
        )
    for small, large, slopes in _slopes(measured):
        shown = (f"{slopes[name]:.2f}" if name in slopes else "-" for name in _GROWING)
        rows.append((f"slope {size_name(small.rows)} to {size_name(large.rows)}", *shown, "", "", ""))
    return rows


def _growth(measured: Sequence[Measurement]) -> tuple[str, str, str, str, str]:
    """Return P9: how much faster cost grows than rows."""
    name, asks_for = "P9 growth", "slope of cost over rows <= 1.05 from 1M, <= 1.02 from 10M"
    shown, reached = [], []
    for small, large, slopes in _slopes(measured):
        limit = 1.02 if small.rows >= 10_000_000 else 1.05
        told = ", ".join(f"{case} {slope:.2f}" for case, slope in slopes.items())
        if told:
            shown.append(f"{size_name(small.rows)} to {size_name(large.rows)}: {told}")
            reached.append("yes" if max(slopes.values()) <= limit else "no")
    return name, asks_for, "; ".join(shown) or "not measured", ", ".join(reached) or "-", ""


def _exactness(measured: Sequence[Measurement]) -> tuple[str, str, str, str, str]:
    checks = [found for one in measured for found in one.exactness.values()]
    exact = sum(found.is_exact for found in checks)
    shown = f"{exact} of {len(checks)} comparisons" if checks else "not measured"
    reached = "-" if not checks else "yes" if exact == len(checks) else "no"
    asks_for = "every charge and line equals the yardstick's, sums of charges equal sums of raw rows"
    return "P14 exactness", asks_for, shown, reached, ""
