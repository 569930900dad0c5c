"""The goals, and how far the measurements are from them.

What is here: each goal with the figure that is set against it, and in a few words what stands in the way.
When to add here: another goal.
What does not belong here: measuring; nothing fails for a goal that is missed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.results import Measurement

__all__ = ["goal_rows"]

# The dbt nodes that make charges and invoice lines, which is all that the yardstick makes.
_JOB = (
    *("model.int_usage_grain", "model.fct_charges", "model.int_invoice_lines", "model.int_invoice_line_accounts"),
    *("model.fct_invoice_lines", "model.fct_invoice_line_accounts"),
)
_CSV = "legacy-csv"


@dataclass(frozen=True)
class _Goal:
    """A goal: a figure that should not exceed a limit."""

    name: str
    asks_for: str
    limit: float
    figure: Callable[[Measurement], float | None]
    limited_by: str
    is_of: Callable[[Measurement], bool] = lambda _measurement: True


def _ratio(case: str, beside: str) -> Callable[[Measurement], float | None]:
    def figure(one: Measurement) -> float | None:
        cost, anchor = one.cpu(case), one.cpu(beside)
        return None if cost is None or anchor is None else cost / anchor

    return figure


def _job_in_database(one: Measurement) -> float | None:
    return sum(one.stages.queries.get(node, 0) for node in _JOB) / one.cases["yardstick"].cpu_seconds


def _framework(one: Measurement) -> float | None:
    full = one.cpu("full run")
    if full is None:
        return None
    data = sum(one.stages.queries.values()) + one.stages.stages.get("ingest", 0)
    return full - data


def _peer(name: str) -> Callable[[Measurement], float | None]:
    def figure(one: Measurement) -> float | None:
        cost = one.cpu(f"peer: {name}")
        return None if cost is None else one.cases["yardstick"].cpu_seconds / cost

    return figure


def _is_csv(one: Measurement) -> bool:
    return one.form == _CSV


def _is_parquet(one: Measurement) -> bool:
    return one.form != _CSV


_GOALS = (
    _Goal(
        "P1 whole run",
        "CUR to invoice lines with all models, checks and tests <= 1.15 x yardstick",
        1.15,
        _ratio("full run", "yardstick"),
        "the product makes some forty tables, the yardstick three; starting Python, Dagster and dbt",
        _is_parquet,
    ),
    _Goal(
        "P2 data time",
        "charges and invoice lines inside the database <= 1.05 x yardstick",
        1.05,
        _job_in_database,
        "planning statements for each batch of months; rules that these rows never need (tiers, shared costs)",
        _is_parquet,
    ),
    _Goal(
        "P3 yardstick beside decoding ten columns",
        "<= 5.0 x read10",
        5.0,
        _ratio("yardstick", "read10"),
        "21 columns are read, not ten, and charges keep 13 keys; constant columns of made-up rows decode for nothing",
        _is_parquet,
    ),
    _Goal(
        "P3 yardstick beside summing one column",
        "<= 30 x sum1",
        30,
        _ratio("yardstick", "sum1"),
        "as above",
        _is_parquet,
    ),
    _Goal(
        "P4 CSV to invoice lines",
        "yardstick from csv.gz <= 1.4 x gzip -dc",
        1.4,
        _ratio("yardstick", "gunzip"),
        "parsing hides behind inflating",
        _is_csv,
    ),
    _Goal(
        "P5 landing CSV",
        "csv.gz to typed Parquet <= 1.7 x gzip -dc",
        1.7,
        lambda one: one.stages.stages["ingest"] / one.cases["gunzip"].cpu_seconds if "gunzip" in one.cases else None,
        "all 126 columns are kept, typed and checked, not 14; sha256 of every file",
        _is_csv,
    ),
    _Goal(
        "P6 memory",
        "peak of a whole run <= 450 MB",
        450,
        lambda one: one.cases["full run"].peak_mb if "full run" in one.cases else None,
        "Dagster and dbt hold some 350 MB before the first row; a batch of small months is rated in one statement",
        _is_parquet,
    ),
    _Goal(
        "P7 one month of 24 restated",
        "<= 0.10 x full run",
        0.10,
        _ratio("one month of 24 restated", "full run"),
        "starting Python, Dagster and dbt; views over all months and their tests",
        _is_parquet,
    ),
    _Goal(
        "P8 price changed, all months",
        "<= 0.28 x full run",
        0.28,
        _ratio("price changed, all months", "full run"),
        "everything after the grain is made again",
        _is_parquet,
    ),
    _Goal(
        "P10 framework",
        "<= 8 s beside ingest and SQL",
        8.0,
        _framework,
        "imports of Dagster, dbt and Great Expectations; Dagster's event log",
        _is_parquet,
    ),
    _Goal(
        "P11 size of the warehouse",
        "<= 5 % of the Parquet input",
        0.05,
        lambda one: one.sizes_mb["warehouse database"] / one.sizes_mb["landing"],
        "some forty tables are kept by month, not three",
        _is_parquet,
    ),
    _Goal("P15 beside Polars", "<= 1.0", 1.0, _peer("Polars"), "", _is_parquet),
    _Goal("P15 beside pandas", "<= 0.2", 0.2, _peer("pandas"), "", _is_parquet),
    _Goal("P15 beside PostgreSQL", "<= 0.2", 0.2, _peer("PostgreSQL"), "", _is_parquet),
    _Goal("P15 beside Spark", "<= 0.1", 0.1, _peer("Spark"), "", _is_parquet),
)


def goal_rows(measured: Sequence[Measurement]) -> list[tuple[str, str, str, str, str]]:
    """Return each goal with the figure of every measurement it is about, and whether it was reached."""
    rows = []
    for goal in _GOALS:
        found = [(one, goal.figure(one)) for one in measured if goal.is_of(one)]
        figures = [(one, figure) for one, figure in found if figure is not None]
        shown = "; ".join(f"{one.rows // 1_000_000}M: {figure:.2f}" for one, figure in figures) or "not measured"
        reached = ", ".join("yes" if figure <= goal.limit else "no" for _, figure in figures) or "-"
        limits = goal.limited_by if "no" in reached.split(", ") else ""
        rows.append((goal.name, goal.asks_for, shown, reached, limits))
    rows += [_growth(measured), _exactness(measured)]
    return sorted(rows, key=lambda row: (int(row[0].split()[0][1:]), row[0]))


def _growth(measured: Sequence[Measurement]) -> tuple[str, str, str, str, str]:
    """Return P9: how much faster cost grows than rows, between the two largest sizes of one form."""
    import math

    name, asks_for = "P9 growth", "slope of cost over rows <= 1.02"
    of_form = [one for one in measured if _is_parquet(one) and "full run" in one.cases]
    if len(of_form) < 2:
        return name, asks_for, "not measured", "-", ""
    small, large = of_form[-2:]
    slopes = {
        case: math.log(large.cases[case].cpu_seconds / small.cases[case].cpu_seconds)
        / math.log(large.rows / small.rows)
        for case in ("yardstick", "full run")
    }
    shown = ", ".join(f"{case} {slope:.2f}" for case, slope in slopes.items())
    reached = "yes" if max(slopes.values()) <= 1.02 else "no"
    return name, asks_for, f"{small.rows // 1_000_000}M to {large.rows // 1_000_000}M: {shown}", reached, ""


def _exactness(measured: Sequence[Measurement]) -> tuple[str, str, str, str, str]:
    checks = [found for one in measured for found in one.exactness.values()]
    exact = sum(found.is_exact for found in checks)
    shown = f"{exact} of {len(checks)} comparisons" if checks else "not measured"
    reached = "-" if not checks else "yes" if exact == len(checks) else "no"
    asks_for = "every charge and line equals the yardstick's, sums of charges equal sums of raw rows"
    return "P14 exactness", asks_for, shown, reached, ""
