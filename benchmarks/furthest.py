"""Which stage of a run is furthest from the least that its work could cost, and the profile that shows why.

What is here: the anchor of each stage, the choice of stage and node, and what their profiles say.
When to add here: a stage's anchor.
What does not belong here: measuring anchors (``limits``) and profilers (``profiling``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.measuring import Cost
from benchmarks.stages import StageCosts

__all__ = ["Profile", "anchor_of", "furthest_stage", "ratio_to_anchor"]

_ANCHORS = {
    "raw checks": "read_yardstick",
    "models and tests": "yardstick",
    "anomalies": "read costs by day",
    "publish": "copy published tables",
}


@dataclass(frozen=True)
class Profile:
    """What the profilers said of the last run stage by stage.

    Attributes:
        stage: the stage that is furthest from its anchor.
        functions: of that stage, where it is Python's: what, calls, own seconds, seconds with all it called.
        node: the dbt node that took longest.
        operators: of that node's statement for the largest month: what, seconds on all threads, rows given on.
        seconds: of that statement: ``latency``, ``operators``, ``planning``.
    """

    stage: str
    node: str
    functions: list[tuple[str, int, float, float]] = field(default_factory=list)
    operators: list[tuple[str, float, int]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def anchor_of(stage: str, cases: Mapping[str, Cost]) -> str | None:
    """Return the case that a stage is set beside; None for stages that read no data, or before it was measured."""
    anchor = ("gunzip" if "gunzip" in cases else "hash files") if stage == "ingest" else _ANCHORS.get(stage)
    return anchor if anchor in cases else None


def ratio_to_anchor(stage: str, costs: StageCosts, cases: Mapping[str, Cost]) -> float | None:
    """Return how many times its anchor a stage takes, the start of the anchor's process taken off."""
    anchor = anchor_of(stage, cases)
    if anchor is None or "start" not in cases:
        return None
    # The programs that read whole files start in no time.
    start = 0 if stage == "ingest" else cases["start"].cpu_seconds
    return costs.stages[stage] / max(cases[anchor].cpu_seconds - start, 0.01)


def furthest_stage(costs: StageCosts, cases: Mapping[str, Cost]) -> str:
    """Return the stage that takes most beside its anchor."""
    return max(costs.stages, key=lambda stage: ratio_to_anchor(stage, costs, cases) or 0)
