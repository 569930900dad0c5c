"""The charts of ``RESULTS.md``: what each command costs beside the yardstick, and how cost and memory grow with rows.

What is here: two drawings, made by Typst like the printed documents.
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

__all__ = ["write_charts"]

_FOLDER = Path(__file__).parent
_SHOWN = (
    *(
        "gunzip",
        "read10",
        "yardstick",
        "full run",
        "price changed, all months",
        "one month of 24 restated",
        "nothing new",
    ),
    *("explain a line", "FOCUS export of a group's month"),
)
_GROWING = ("yardstick", "yardstick, month by month", "full run")


def write_charts(measured: Sequence["Measurement"]) -> None:
    """Draw the cases of every measurement, peers included, as bars; and growth over sizes where there are several."""
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
    _draw("chart.typ", "results.svg", {"panels": panels})
    of_form = [one for one in measured if one.form == "legacy-parquet"]
    lines = [
        {
            "name": case,
            "points": [
                {"rows": one.rows, "cpu": one.cases[case].cpu_seconds, "peak": one.cases[case].peak_mb}
                for one in of_form
                if case in one.cases
            ],
        }
        for case in _GROWING
    ]
    _draw("growth.typ", "growth.svg", {"lines": [line for line in lines if line["points"]]})


def _draw(template: str, file: str, inputs: dict[str, object]) -> None:
    texts = {name: json.dumps(value) for name, value in inputs.items()}
    drawn = typst.compile(_FOLDER / template, format="svg", sys_inputs=texts)
    assert isinstance(drawn, bytes)
    (_FOLDER / file).write_bytes(drawn)
