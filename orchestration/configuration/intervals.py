"""Half-open ranges of days or months: start inclusive, end exclusive, no end = open.

What is here: the arithmetic of ranges that dated configuration rows need.
When to add here: another question about ranges of dates that more than one check asks.
What does not belong here: what a range means for a bill, and messages about it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

__all__ = ["Interval", "month_interval", "next_month"]


@dataclass(frozen=True, order=True, slots=True)
class Interval:
    """The days from ``start`` up to, but not with, ``end``; ``date.max`` stands for an open end."""

    start: date
    end: date

    @classmethod
    def between(cls, start: date, end: date | None) -> "Interval":
        """Return the range of two cells of a row, where an empty end is open."""
        return cls(start, date.max if end is None else end)

    @property
    def is_open(self) -> bool:
        """Whether the range never ends."""
        return self.end == date.max

    def overlaps(self, other: "Interval") -> bool:
        """Return whether the two ranges have a day in common."""
        return self.start < other.end and other.start < self.end

    def common(self, other: "Interval") -> "Interval":
        """Return the days in both ranges, which must overlap."""
        return Interval(max(self.start, other.start), min(self.end, other.end))

    def gaps(self, parts: Iterable["Interval"]) -> list["Interval"]:
        """Return the parts of this range that none of ``parts`` covers, in order."""
        gaps: list[Interval] = []
        reached = self.start
        for part in sorted(parts):
            if part.start >= self.end:
                break
            if part.start > reached:
                gaps.append(Interval(reached, part.start))
            reached = max(reached, part.end)
        if reached < self.end:
            gaps.append(Interval(reached, self.end))
        return gaps


def next_month(month: date) -> date:
    """Return the first day of the month after the one that starts on ``month``."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def month_interval(month: date) -> Interval:
    """Return the days of the month that starts on ``month``.

    Raises:
        ValueError: ``month`` is not the first day of a month.
    """
    if month.day != 1:
        raise ValueError(f"A billing period is given by the first day of its month, not by {month}.")
    return Interval(month, next_month(month))
