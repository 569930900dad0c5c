"""What was measured, kept beside the code, and the page and chart that show it.

What is here: the measurements of each size and form, and ``RESULTS.md``.
When to add here: another table of the page.
What does not belong here: goals (``goals``) and measuring.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.chart import write_charts
from benchmarks.exactness import Exactness
from benchmarks.furthest import Profile, anchor_of, ratio_to_anchor
from benchmarks.measuring import Cost
from benchmarks.stages import StageCosts

__all__ = [
    "CHANGES",
    "PAGE",
    "Measurement",
    "measurement_of",
    "page_text",
    "read_measurements",
    "save_measurement",
    "size_name",
    "write_page",
]

_FOLDER = Path(__file__).parent
_STORE = _FOLDER / "results.json"
PAGE = _FOLDER / "RESULTS.md"

CHANGES = {"price": "price changed, all months", "restated": "one month of 24 restated"}
"""Names of the runs after a change, among cases, stages and comparisons."""


@dataclass(frozen=True)
class Measurement:
    """All that was measured of one size and form.

    Attributes:
        rows: CUR rows.
        form: form of the deliveries.
        memory_limit: DuckDB's, in the product.
        measured_at: days, by part of the measurement.
        machine: processor, memory, versions.
        cases: what each command took.
        stages: what each stage took, of a whole run and of the runs after a change.
        profile: where the time of the furthest stage and of the slowest node goes.
        sizes_mb: files, millions of bytes.
        exactness: comparisons with the yardstick, by what was run before.
        exported_rows: rows that exports wrote.
        unavailable: cases, parts and peers that could not be measured, and why.
        peer_differences: invoice lines and accounts of lines in which a peer differs from the yardstick; None where it
            does not bill.
    """

    rows: int
    form: str
    memory_limit: str
    machine: str
    measured_at: dict[str, str] = field(default_factory=dict)
    cases: dict[str, Cost] = field(default_factory=dict)
    stages: dict[str, StageCosts] = field(default_factory=dict)
    profile: Profile | None = None
    sizes_mb: dict[str, float] = field(default_factory=dict)
    exactness: dict[str, Exactness] = field(default_factory=dict)
    exported_rows: dict[str, int] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    peer_differences: dict[str, tuple[int | None, int | None]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Size and form in words."""
        return f"{self.rows:,} rows, {self.form}"

    def cpu(self, case: str) -> float | None:
        """Return a case's processor seconds; None where it was not measured."""
        cost = self.cases.get(case)
        return None if cost is None else cost.cpu_seconds


def size_name(rows: int) -> str:
    """Return a number of rows in short: 10M."""
    return f"{rows // 1_000_000}M" if rows >= 1_000_000 else f"{rows:,}"


def read_measurements() -> list[Measurement]:
    """Return every measurement that is kept, the smallest first."""
    if not _STORE.exists():
        return []
    return [
        Measurement(
            **{
                **kept,
                "cases": {name: Cost(**cost) for name, cost in kept["cases"].items()},
                "stages": {name: StageCosts(**costs) for name, costs in kept["stages"].items()},
                "profile": None if kept["profile"] is None else Profile(**kept["profile"]),
                "exactness": {name: Exactness(**found) for name, found in kept["exactness"].items()},
            }
        )
        for kept in json.loads(_STORE.read_text(encoding="utf-8"))
    ]


def measurement_of(rows: int, form: str) -> Measurement | None:
    """Return what is kept of a size and form."""
    return next((kept for kept in read_measurements() if (kept.rows, kept.form) == (rows, form)), None)


def save_measurement(measurement: Measurement) -> None:
    """Keep a measurement in the place of the last one of its size and form."""
    others = [kept for kept in read_measurements() if (kept.rows, kept.form) != (measurement.rows, measurement.form)]
    kept = sorted([*others, measurement], key=lambda one: (one.rows, one.form))
    text = json.dumps([_plain(asdict(one)) for one in kept], indent=1)
    draft = _STORE.with_suffix(".draft")
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(_STORE)


def _plain(value: object) -> object:
    """Return a value for JSON: figures to the millisecond, and nothing of what commands said."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if key != "said"}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return round(value, 3) if isinstance(value, float) else value


def write_page() -> None:
    """Write ``RESULTS.md`` and its charts from all measurements that are kept."""
    measured = read_measurements()
    write_charts(measured)
    PAGE.write_text(page_text(measured), encoding="utf-8")


def page_text(measured: Sequence[Measurement]) -> str:
    """Return what ``RESULTS.md`` says of the measurements, the smallest first."""
    from benchmarks.goals import goal_rows, growth_rows

    growing = ("rows", "yardstick", "charges and lines in the database", "whole run")
    peaks = ("yardstick, peak MB", "by month in 200 MB, peak MB", "whole run, peak MB")
    parts = [
        "# What Chargehouse costs\n",
        "Written by `python -m benchmarks`; see [README](README.md) for what is measured. CPU seconds are of the whole "
        "process and all it starts; compare ratios of one table, not seconds of two machines. x = times the yardstick, "
        "the best hand-written SQL for the same charges and invoice lines, read from the same files.\n",
        "![CPU seconds beside the yardstick](results.svg)\n",
        "## Goals\n",
        _table(("goal", "asks for", "measured", "reached", "what limits it"), goal_rows(measured)),
        "\n## Growth\n",
        "CPU seconds and memory of legacy Parquet by size; a slope of 1 is growth in proportion to rows.\n",
        _table((*growing, *peaks), growth_rows(measured)),
        "\n![CPU seconds and memory over rows](growth.svg)",
        *_furthest(measured),
    ]
    for one in measured:
        parts += _measurement_parts(one)
    return "\n".join(parts).rstrip() + "\n"


def _furthest(measured: Sequence[Measurement]) -> list[str]:
    """Return the section on the stage that is furthest from its limit, of the largest size that was profiled."""
    profiled = [one for one in measured if one.profile is not None and "full run" in one.stages]
    if not profiled:
        return []
    one = profiled[-1]
    profile, costs = one.profile, one.stages["full run"]
    assert profile is not None
    ratio = ratio_to_anchor(profile.stage, costs, one.cases) or 0
    nodes = sorted(costs.queries.items(), key=lambda item: -item[1])[:8]
    parts = [
        "\n## The stage that is furthest from its limit\n",
        f"{one.title}: {profile.stage}, {costs.stages[profile.stage]:.1f} CPU s, {ratio:,.1f} x "
        f"`{anchor_of(profile.stage, one.cases)}`, the least that its input or output could cost.\n",
    ]
    if profile.functions:
        parts += [
            "Python's profiler on that stage, by the seconds that functions took themselves; it slows them down:\n",
            _table(
                ("function", "calls", "own s", "with all it called, s"),
                [
                    (f"`{what}`", f"{calls:,}", f"{own:.2f}", f"{all_:.2f}")
                    for what, calls, own, all_ in profile.functions
                ],
            ),
        ]
    longest = ", ".join(f"`{name}` {cpu:.1f}" for name, cpu in nodes)
    parts.append(
        f"\nModels and tests take {costs.stages['models and tests']:.1f} CPU s, {costs.in_database:.1f} of them in the "
        f"database; these nodes most: {longest}.\n"
    )
    if profile.operators:
        seconds = profile.seconds
        parts += [
            f"DuckDB's profile of `{profile.node}` for the largest month ([whole]({_profile_name(one)})): "
            f"{seconds['latency']:.2f} s from start to end, {seconds['operators']:.2f} s in operators on all threads, "
            f"{seconds['planning']:.2f} s parsing, planning and optimizing.\n",
            _table(
                ("operator", "s on all threads", "rows given on"),
                [(f"`{what}`", f"{taken:.2f}", f"{rows:,}") for what, taken, rows in profile.operators],
            ),
        ]
    return parts


def _profile_name(one: Measurement) -> str:
    return f"profiles/{one.form}-{one.rows}.json"


def _measurement_parts(one: Measurement) -> list[str]:
    measured_at = "; ".join(f"{part} {day}" for part, day in one.measured_at.items())
    return [
        f"\n## {one.title}\n",
        f"{one.machine}; DuckDB's memory limit in the product {one.memory_limit}. Measured: {measured_at}.\n",
        *_cases(one),
        *(part for name in one.stages for part in _stages(one, name)),
        *_peers(one),
        "\nFiles, MB: " + ", ".join(f"{name} {size:,.0f}" for name, size in one.sizes_mb.items()) + ".\n",
        *_exactness(one),
    ]


def _cases(one: Measurement) -> list[str]:
    rows = [
        (
            name,
            f"{cost.cpu_seconds:.2f}",
            _times_yardstick(one, cost.cpu_seconds),
            f"{cost.wall_seconds:.1f}",
            f"{cost.peak_mb:,.0f}",
            str(cost.rounds),
        )
        for name, cost in one.cases.items()
        if not name.startswith("peer: ")
    ]
    written = ", ".join(f"{name} {count:,}" for name, count in one.exported_rows.items())
    return [
        _table(("what", "CPU s", "x", "wall s", "peak MB", "rounds"), rows),
        *([f"\nRows that exports wrote: {written}."] if written else []),
    ]


def _times_yardstick(one: Measurement, cpu: float) -> str:
    yardstick = one.cpu("yardstick")
    return f"{cpu / yardstick:.2f}" if yardstick else "-"


def _stages(one: Measurement, name: str) -> list[str]:
    costs = one.stages[name]
    is_full = name == "full run"
    rows = []
    for stage, cpu in costs.stages.items():
        # Anchors are of all rows: beside a part of them they would say nothing.
        ratio = ratio_to_anchor(stage, costs, one.cases) if is_full else None
        beside = "-" if ratio is None else f"{ratio:.1f} x {anchor_of(stage, one.cases)}"
        peak = costs.peaks_mb.get(stage)
        rows.append((stage, f"{cpu:.1f}", _times_yardstick(one, cpu), beside, "-" if peak is None else f"{peak:,.0f}"))
    nodes = sorted(costs.nodes.items(), key=lambda item: -item[1])[: 15 if is_full else 5]
    return [
        f"\nStage by stage, without Dagster: {name}. Beside work on data {sum(costs.stages.values()) - costs.data:.1f} "
        "CPU s are dbt's. Peaks "
        "include what Python holds of imported libraries.\n",
        _table(("stage", "CPU s", "x", "beside the least", "peak MB"), rows),
        f"\nInside the database, the models and tests take {costs.in_database:.1f} CPU s. "
        "The nodes that cost most, dbt's own work included:\n",
        _table(
            ("node", "CPU s", "in the database"),
            [(f"`{node}`", f"{cpu:.2f}", f"{costs.queries.get(node, 0):.2f}") for node, cpu in nodes],
        ),
    ]


def _peers(one: Measurement) -> list[str]:
    rows = []
    for name, cost in one.cases.items():
        if name.startswith("peer: "):
            peer = name.removeprefix("peer: ")
            lines, accounts = (
                "does not bill" if count is None else f"{count:,}"
                for count in one.peer_differences.get(peer, (None, None))
            )
            cpu, wall, peak = f"{cost.cpu_seconds:.1f}", f"{cost.wall_seconds:.1f}", f"{cost.peak_mb:,.0f}"
            rows.append(
                (peer, cpu, _times_yardstick(one, cost.cpu_seconds), wall, peak, lines, accounts, str(cost.rounds))
            )
    parts = []
    if rows:
        headings = ("program", "CPU s", "x", "wall s", "peak MB", "lines that differ", "accounts that differ", "rounds")
        parts += ["\nThe same job by other programs, from the same files:\n", _table(headings, rows)]
    if one.unavailable:
        missing = "; ".join(f"{name} ({why})" for name, why in one.unavailable.items())
        parts.append(f"\nNot measured: {missing}.\n")
    return parts


def _exactness(one: Measurement) -> list[str]:
    if not one.exactness:
        return []
    return [
        "Compared with the yardstick, row by row and to the last digit:\n",
        _table(
            ("after", "charges", "invoice lines", "rows that differ", "charges less raw rows, USD"),
            [
                (
                    name,
                    f"{found.charge_count:,}",
                    f"{found.line_count:,}",
                    "; ".join(f"{what}: {count:,}" for what, count in found.differences.items()) or "none",
                    found.raw_difference,
                )
                for name, found in one.exactness.items()
            ],
        ),
    ]


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
