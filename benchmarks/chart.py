"""The chart of ``RESULTS.md``: what each command costs beside the yardstick.

What is here: one drawing, made by Typst like the printed documents.
When to add here: another drawing of the page.
What does not belong here: which figures there are (``results``).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typst

if TYPE_CHECKING:
    from benchmarks.results import Measurement

__all__ = ["write_chart"]

_FOLDER = Path(__file__).parent
_TEMPLATE = _FOLDER / "chart.typ"
_SHOWN = (
    *("read10", "yardstick", "full run", "price changed, all months", "one month of 24 restated", "nothing new"),
    *("explain a line", "FOCUS export of a group's month"),
)


def write_chart(measured: Sequence["Measurement"]) -> None:
    """Draw the cases of every measurement, peers included, as bars on one logarithmic scale per measurement."""
    panels = [
        {
            "title": one.title,
            "bars": [
                {"name": name, "cpu": cost.cpu_seconds}
                for name, cost in one.cases.items()
                if name in _SHOWN or name.startswith("peer: ")
            ],
        }
        for one in measured
    ]
    drawn = typst.compile(_TEMPLATE, format="svg", sys_inputs={"panels": json.dumps(panels)})
    assert isinstance(drawn, bytes)
    (_FOLDER / "results.svg").write_bytes(drawn)
