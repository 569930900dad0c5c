"""Judging a series of days: which cost something else than usual.

What is here: the declared sensitivity, and ``unusual_days``.
When to add here: another property that makes a day unusual.
What does not belong here: where the series comes from, and what caused a day.

A day is unusual when three things agree. Its cost differs from what the day usually costs, in exact decimals, by enough
money to matter and by enough of it. It stands out of the noise of its series: STL (statsmodels) takes trend and weekday
apart, and what is left is measured in robust standard deviations. And it is no charge that comes on the same day every
month. Floats live in that measurement alone; no amount that anybody sees has passed through one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

__all__ = ["SENSITIVITY", "Sensitivity", "UnusualDay", "baseline", "unusual_days"]


@dataclass(frozen=True)
class Sensitivity:
    """What counts as unusual; the one place where it is decided.

    Attributes:
        history_days: so many days must lie before a day that is judged.
        window_days: so many days before a month are looked at.
        weeks: what a day usually costs is the median of the same weekday in so many weeks before it.
        minimum_impact: so much must a day differ from it, in USD.
        minimum_percentage: and so much of what it usually costs, in percent.
        minimum_score: and so far must it stand out, in robust standard deviations.
        season_smoothing: over so many weeks a weekday's habit may change; with fewer, noise is taken for habit.
        trend_smoothing: over so many days the level may change.
        noise_percentage: the least that counts as noise, in percent of what a day costs: a series without any is exact.
    """

    history_days: int = 28
    window_days: int = 182
    weeks: int = 4
    minimum_impact: Decimal = Decimal(10)
    minimum_percentage: Decimal = Decimal(25)
    minimum_score: Decimal = Decimal(5)
    season_smoothing: int = 35
    trend_smoothing: int = 29
    noise_percentage: Decimal = Decimal(2)


SENSITIVITY = Sensitivity()
"""What every run judges by."""

_WEEK = 7
_EXACT = Decimal("1e-10")
# Robust standard deviation of a normal distribution from its median absolute deviation.
_NORMAL_FROM_MAD = 1.4826


@dataclass(frozen=True)
class UnusualDay:
    """One day that stands out.

    Attributes:
        day: which.
        cost: what it cost, USD, exact.
        usual_cost: what the day usually costs, USD, exact.
        score: how far it stands out, in robust standard deviations, signed, two decimals.
    """

    day: date
    cost: Decimal
    usual_cost: Decimal
    score: Decimal

    @property
    def impact(self) -> Decimal:
        """How much more it cost than usual; below 0 for less."""
        return self.cost - self.usual_cost


def baseline(costs: Sequence[Decimal], place: int, weeks: int = SENSITIVITY.weeks) -> Decimal:
    """Return what a day usually costs: the median of the same weekday in the weeks before it, to ten decimals (M1).

    Args:
        costs: one per day, without a gap.
        place: which of them; at least ``weeks`` weeks after the first.
        weeks: how many weeks count.
    """
    before = sorted(costs[place - _WEEK * week] for week in range(1, weeks + 1))
    middle = len(before) // 2
    if len(before) % 2:
        return before[middle]
    return ((before[middle - 1] + before[middle]) * Decimal("0.5")).quantize(_EXACT, ROUND_HALF_UP)


def unusual_days(
    costs: Sequence[Decimal], first_day: date, judged_from: date, sensitivity: Sensitivity = SENSITIVITY
) -> list[UnusualDay]:
    """Return the days that cost far more or less than usual, in order.

    The same series always gives the same days. statsmodels is imported only where the exact amounts alone make a day
    suspect: in most runs none does, and its import costs more than everything else here.

    Args:
        costs: what each day cost, USD, one per day without a gap; days without cost are 0.
        first_day: the day of the first.
        judged_from: days before it are history only.
        sensitivity: what counts as unusual.
    """
    earliest = max((judged_from - first_day).days, sensitivity.history_days, _WEEK * sensitivity.weeks)
    suspects = {}
    for place in range(earliest, len(costs)):
        usual = baseline(costs, place, sensitivity.weeks)
        if _differs(costs[place], usual, sensitivity) and not _comes_every_month(
            costs, first_day, place, usual, sensitivity
        ):
            suspects[place] = usual
    if not suspects:
        return []
    scores = _scores(costs, sensitivity)
    found = []
    for place, usual in suspects.items():
        score = Decimal(str(round(scores[place], 2)))
        if abs(score) >= sensitivity.minimum_score and (score > 0) == (costs[place] > usual):
            found.append(UnusualDay(first_day + timedelta(place), costs[place], usual, score))
    return found


def _differs(cost: Decimal, usual: Decimal, sensitivity: Sensitivity) -> bool:
    impact = abs(cost - usual)
    return impact >= sensitivity.minimum_impact and impact * 100 >= abs(usual) * sensitivity.minimum_percentage


def _comes_every_month(
    costs: Sequence[Decimal], first_day: date, place: int, usual: Decimal, sensitivity: Sensitivity
) -> bool:
    """Whether the same day stood out about as much a month ago: some things are billed on one day of each month."""
    day = first_day + timedelta(place)
    last_month = day.replace(day=1) - timedelta(1)
    before = (last_month.replace(day=min(day.day, last_month.day)) - first_day).days
    if before < 0:
        return False
    # It may be among the first days, so that what it usually costs is taken from the weeks after it too.
    around = [
        costs[before + _WEEK * week]
        for week in range(-sensitivity.weeks, sensitivity.weeks + 1)
        if week and 0 <= before + _WEEK * week < place
    ]
    usual_before = sorted(around)[len(around) // 2]
    impact, impact_before = costs[place] - usual, costs[before] - usual_before
    return _differs(costs[before], usual_before, sensitivity) and not _differs(impact, impact_before, sensitivity)


def _scores(costs: Sequence[Decimal], sensitivity: Sensitivity) -> list[float]:
    import numpy as np
    from statsmodels.tsa.seasonal import STL

    series = np.array([float(cost) for cost in costs])
    parts = STL(
        series, period=_WEEK, seasonal=sensitivity.season_smoothing, trend=sensitivity.trend_smoothing, robust=True
    ).fit()
    noise = _NORMAL_FROM_MAD * float(np.median(np.abs(parts.resid - np.median(parts.resid))))
    level = float(np.median(np.abs(series)))
    least = float(sensitivity.noise_percentage) / 100 * level
    # A service that has just begun has neither noise nor level: what is worth telling is the measure then.
    noise = max(noise, least, float(sensitivity.minimum_impact) / (2 * float(sensitivity.minimum_score)))
    return [float(score) for score in parts.resid / noise]
