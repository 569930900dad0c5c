from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from orchestration.errors import ChargehouseError
from orchestration.runs import _refuse_impossible, close_dead_runs
from orchestration.settings import Workspace


@pytest.mark.parametrize("period", [date(2015, 11, 1), date(2999, 1, 1)])
def test_months_that_cannot_be_billed_are_refused_in_words(tmp_path: Path, period: date) -> None:
    months = {date(2026, 9, 1), period}
    with pytest.raises(ChargehouseError, match=rf"{period:%Y-%m}, but billing periods run from 2015-12"):
        _refuse_impossible(frozenset(months), months, Workspace.at(tmp_path))


def test_a_month_without_delivery_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ChargehouseError, match="There is no delivery for 2026-07"):
        _refuse_impossible(frozenset({date(2026, 7, 1)}), {date(2026, 8, 1)}, Workspace.at(tmp_path))


def test_the_current_month_can_be_billed(tmp_path: Path) -> None:
    month = date.today().replace(day=1)
    _refuse_impossible(frozenset({month}), {month}, Workspace.at(tmp_path))


def test_runs_that_died_are_closed(tmp_path: Path) -> None:
    """Dagster lets one run go on at a time: one that was killed would hold the queue for ever."""
    with dg.DagsterInstance.ephemeral(str(tmp_path)) as instance:
        dead = dg.DagsterRun(job_name="process_new", status=dg.DagsterRunStatus.STARTED)
        instance.add_run(dead)
        close_dead_runs(instance)
        found = instance.get_run_by_id(dead.run_id)
        assert found is not None
        assert found.status == dg.DagsterRunStatus.FAILURE
