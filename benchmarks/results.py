"""What was measured, kept beside the code, and the page and chart that show it.

What is here: the measurements of each size and form, and ``RESULTS.md``.
When to add here: another table of the page.
What does not belong here: goals (``goals``) and measuring.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.chart import write_chart
from benchmarks.exactness import Exactness
from benchmarks.measuring import Cost
from benchmarks.stages import StageCosts

__all__ = ["PAGE", "Measurement", "read_measurements", "save_measurement", "write_page"]

_FOLDER = Path(__file__).parent
_STORE = _FOLDER / "results.json"
PAGE = _FOLDER / "RESULTS.md"


@dataclass(frozen=True)
class Measurement:
    """All that was measured of one size and form.

    Attributes:
        rows: CUR rows.
        form: form of the deliveries.
        memory_limit: DuckDB's, in the product.
        measured_at: day.
        machine: processor, memory, versions.
        cases: what each command took.
        stages: what each stage of a whole run took.
        sizes_mb: files, millions of bytes.
        exactness: comparisons with the yardstick, by what was run before.
        unavailable: peers that could not be measured, and why.
        peer_differences: invoice lines in which a peer differs from the yardstick.
    """

    rows: int
    form: str
    memory_limit: str
    measured_at: str
    machine: str
    cases: dict[str, Cost]
    stages: StageCosts
    sizes_mb: dict[str, float]
    exactness: dict[str, Exactness]
    unavailable: dict[str, str] = field(default_factory=dict)
    peer_differences: dict[str, int] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Size and form in words."""
        return f"{self.rows // 1_000_000} million rows, {self.form}"

    def cpu(self, case: str) -> float | None:
        """Return a case's processor seconds; None where it was not measured."""
        cost = self.cases.get(case)
        return None if cost is None else cost.cpu_seconds


def read_measurements() -> list[Measurement]:
    """Return every measurement that is kept, the smallest first."""
    if not _STORE.exists():
        return []
    return [
        Measurement(
            **{
                **kept,
                "cases": {name: Cost(**cost) for name, cost in kept["cases"].items()},
                "stages": StageCosts(**kept["stages"]),
                "exactness": {name: Exactness(**found) for name, found in kept["exactness"].items()},
            }
        )
        for kept in json.loads(_STORE.read_text(encoding="utf-8"))
    ]


def save_measurement(measurement: Measurement) -> None:
    """Keep a measurement in the place of the last one of its size and form."""
    others = [kept for kept in read_measurements() if (kept.rows, kept.form) != (measurement.rows, measurement.form)]
    kept = sorted([*others, measurement], key=lambda one: (one.rows, one.form))
    text = json.dumps([_plain(asdict(one)) for one in kept], indent=1)
    _STORE.write_text(text + "\n", encoding="utf-8")


def _plain(value: object) -> object:
    """Return a value for JSON: figures to the millisecond, and nothing of what commands said."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if key != "said"}
    return round(value, 3) if isinstance(value, float) else value


def write_page() -> None:
    """Write ``RESULTS.md`` and its chart from all measurements that are kept."""
    from benchmarks.goals import goal_rows

    measured = read_measurements()
    write_chart(measured)
    parts = [
        "# What Chargehouse costs\n",
        "Written by `python -m benchmarks`; see [README](README.md) for what is measured. CPU seconds are of the whole "
        "process and all it starts; compare ratios of one table, not seconds of two machines. x = times the yardstick, "
        "the best hand-written SQL for the same charges and invoice lines, read from the same files.\n",
        "![CPU seconds beside the yardstick](results.svg)\n",
        "## Goals\n",
        _table(("goal", "asks for", "measured", "reached", "what limits it"), goal_rows(measured)),
    ]
    for one in measured:
        parts += _measurement_parts(one)
    PAGE.write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")


def _measurement_parts(one: Measurement) -> list[str]:
    yardstick = one.cases["yardstick"].cpu_seconds
    stages = [(name, f"{cpu:.1f}", f"{cpu / yardstick:.2f}") for name, cpu in one.stages.stages.items()]
    nodes = sorted(one.stages.nodes.items(), key=lambda item: -item[1])[:15]
    parts = [
        f"\n## {one.title}\n",
        f"{one.measured_at}; {one.machine}; DuckDB's memory limit in the product {one.memory_limit}.\n",
        _table(
            ("what", "CPU s", "x", "wall s", "peak MB"),
            [
                (
                    name,
                    f"{cost.cpu_seconds:.2f}",
                    f"{cost.cpu_seconds / yardstick:.2f}",
                    f"{cost.wall_seconds:.1f}",
                    f"{cost.peak_mb:,.0f}",
                )
                for name, cost in one.cases.items()
            ],
        ),
        "\nA whole run stage by stage, without Dagster:\n",
        _table(("stage", "CPU s", "x"), stages),
        f"\nInside the database, the models and tests take {sum(one.stages.queries.values()):.1f} CPU s. "
        "The nodes that cost most, dbt's own work included:\n",
        _table(
            ("node", "CPU s", "in the database"),
            [(f"`{name}`", f"{cpu:.2f}", f"{one.stages.queries.get(name, 0):.2f}") for name, cpu in nodes],
        ),
        "\nFiles, MB: " + ", ".join(f"{name} {size:,.0f}" for name, size in one.sizes_mb.items()) + ".\n",
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
    if one.peer_differences:
        found = "; ".join(f"{name} {count:,}" for name, count in one.peer_differences.items())
        parts.append(f"\nInvoice lines in which peers differ from the yardstick: {found}.\n")
    if one.unavailable:
        parts += ["\nNot measured: " + "; ".join(f"{name} ({why})" for name, why in one.unavailable.items()) + ".\n"]
    return parts


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
