from datetime import date

import pytest

from orchestration.errors import ChargehouseError
from orchestration.runs import _refuse_impossible


@pytest.mark.parametrize("period", [date(2015, 11, 1), date(2999, 1, 1)])
def test_months_that_cannot_be_billed_are_refused_in_words(period: date) -> None:
    with pytest.raises(ChargehouseError, match=rf"{period:%Y-%m}, but billing periods run from 2015-12"):
        _refuse_impossible((date(2026, 9, 1), period))


def test_the_current_month_can_be_billed() -> None:
    _refuse_impossible((date.today().replace(day=1),))
