"""Which days of a series are unusual, on generated series with a known answer."""

import random
import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.anomalies.detector import SENSITIVITY, baseline, unusual_days

FIRST = date(2026, 1, 1)


def series(days: int, seed: int, *, noise: float = 0.03, growth: float = 0.0, base: int = 100) -> list[Decimal]:
    """Days of a service that costs less at weekends, with noise and growth; a seed makes the same series always."""
    source = random.Random(seed)
    made = []
    for place in range(days):
        weekend = 0.6 if (FIRST + timedelta(place)).weekday() >= 5 else 1.0
        cost = base * (1 + growth * place / days) * weekend * (1 + source.gauss(0, noise))
        made.append(Decimal(f"{cost:.10f}"))
    return made


def found(costs: list[Decimal], judged_from: date = FIRST) -> list[date]:
    return [one.day for one in unusual_days(costs, FIRST, judged_from)]


@pytest.mark.parametrize("growth", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_a_clean_season_raises_no_alarm(noise: float, growth: float) -> None:
    assert [found(series(120, seed, noise=noise, growth=growth)) for seed in range(10)] == [[]] * 10


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("place", [30, 58, 59, 89, 119])  # in the middle, at both sides of month edges, the last day
def test_a_spike_is_found_and_nothing_else(place: int, seed: int) -> None:
    costs = series(120, seed)
    usual = baseline(costs, place)
    costs[place] *= 2
    (one,) = unusual_days(costs, FIRST, FIRST)
    assert (one.day, one.cost, one.usual_cost) == (FIRST + timedelta(place), costs[place], usual)
    assert one.impact == costs[place] - usual
    assert one.score >= SENSITIVITY.minimum_score


def test_a_spike_at_a_weekend_is_measured_against_weekends() -> None:
    costs = series(120, 1, noise=0.0)
    saturday = next(place for place in range(60, 120) if (FIRST + timedelta(place)).weekday() == 5)
    costs[saturday] = Decimal(100)  # what a weekday costs
    (one,) = unusual_days(costs, FIRST, FIRST)
    assert (one.day, one.usual_cost) == (FIRST + timedelta(saturday), Decimal(60))


def test_a_new_level_is_told_when_it_begins_and_becomes_usual() -> None:
    costs = [cost * 2 if place >= 85 else cost for place, cost in enumerate(series(120, 1))]
    days = found(costs)
    assert days[0] == FIRST + timedelta(85)
    assert days[-1] < FIRST + timedelta(85 + 14)


def test_a_service_that_begins_is_told() -> None:
    costs = [Decimal(50) if place >= 90 else Decimal(0) for place in range(100)]
    assert found(costs)[0] == FIRST + timedelta(90)


def test_a_refund_and_a_day_without_cost_are_drops() -> None:
    costs = series(120, 1)
    costs[70], costs[80] = Decimal(-300), Decimal(0)
    refund, outage = unusual_days(costs, FIRST, FIRST)
    assert (refund.day, outage.day) == (FIRST + timedelta(70), FIRST + timedelta(80))
    assert refund.impact < -300
    assert refund.score < 0
    assert outage.impact < 0


def test_what_comes_on_the_same_day_each_month_is_usual() -> None:
    costs = series(150, 1)
    for place in range(150):
        if (FIRST + timedelta(place)).day == 15:
            costs[place] += 500
    assert found(costs) == []
    costs[45] -= 500  # not in February: the one in March is news
    assert FIRST + timedelta(73) in found(costs)


def test_little_money_and_small_changes_are_not_told() -> None:
    small = series(120, 1, base=5)
    small[100] *= 2  # less than USD 10
    assert found(small) == []
    large = series(120, 1, base=10_000, noise=0.001)
    large[100] *= Decimal("1.2")  # USD 2,000, but 20 %
    assert found(large) == []


@pytest.mark.parametrize("days", [0, 1, 7, 27, 28])
def test_few_days_are_judged_by_nothing(days: int) -> None:
    costs = series(days, 1)
    if costs:
        costs[-1] *= 100
    assert found(costs) == []


def test_the_first_day_after_four_weeks_is_judged() -> None:
    costs = series(29, 1)
    costs[28] *= 100
    assert found(costs) == [FIRST + timedelta(28)]


def test_days_before_the_month_are_history_only() -> None:
    costs = series(120, 1)
    costs[60] *= 3
    costs[100] *= 3
    assert found(costs, FIRST + timedelta(61)) == [FIRST + timedelta(100)]


def test_nothing_suspect_imports_nothing() -> None:
    """A start of statsmodels costs more than judging every series; most runs have nothing to ask it."""
    program = (
        "import sys; from datetime import date; from decimal import Decimal;"
        "from orchestration.anomalies.detector import unusual_days;"
        "assert unusual_days([Decimal(7)] * 90, date(2026, 1, 1), date(2026, 1, 1)) == [];"
        "assert 'statsmodels' not in sys.modules and 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


amounts = st.decimals(min_value=-1000, max_value=1000, places=4, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(st.lists(amounts, min_size=0, max_size=70))
def test_any_series_gives_the_same_days_twice_in_exact_amounts(costs: list[Decimal]) -> None:
    days = unusual_days(costs, FIRST, FIRST)
    assert days == unusual_days(list(costs), FIRST, FIRST)
    for one in days:
        place = (one.day - FIRST).days
        assert one.cost is costs[place]
        assert one.usual_cost == baseline(costs, place)
        assert abs(one.impact) >= SENSITIVITY.minimum_impact
        assert (one.score > 0) == (one.impact > 0)
