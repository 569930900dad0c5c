"""Runs a Great Expectations suite on an Arrow table.

What is here: the ephemeral context, the Arrow-typed frame, results and failing rows as plain records, and the report.
When to add here: nothing but what every suite needs.
What does not belong here: expectations (the suites) and what checks mean (``catalogue``).
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa

from orchestration.expectations.catalogue import catalogue

with warnings.catch_warnings():
    # Great Expectations 1.24 imports a module of the standard library that is deprecated (2026-11).
    warnings.simplefilter("ignore")
    import great_expectations as gx
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.expectations.metadata_types import FailureSeverity

__all__ = ["KEPT_FAILURES", "CheckResult", "Failure", "Validations", "promise"]

KEPT_FAILURES = 20
"""Rows that fail are kept up to this number per check; their count is exact."""


@dataclass(frozen=True)
class Failure:
    """One row that broke a promise.

    Attributes:
        key: which row, in words: payer and period, account, document, line.
        found: what it says.
    """

    key: str
    found: str


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check.

    Attributes:
        check_id: its id in the catalogue, which says what it promises, its severity and owner.
        status: ``pass`` or ``fail``.
        detail: what was found, empty when it passed.
        failure_count: rows that fail.
        failures: the first of them.
    """

    check_id: str
    status: str
    detail: str = ""
    failure_count: int = 0
    failures: tuple[Failure, ...] = ()

    @property
    def promise(self) -> str:
        """What the check promises, as a sentence."""
        return catalogue()[self.check_id].promise

    @property
    def blocks(self) -> bool:
        """True when nothing may be published."""
        return self.status == "fail" and catalogue()[self.check_id].severity == "critical"


def promise(kind: type[Expectation], check_id: str, **arguments: Any) -> Expectation:
    """Return an expectation that makes a check of the catalogue; severity and words come from there."""
    check = catalogue()[check_id]
    return kind(
        severity=FailureSeverity(check.severity),
        description=f"{check.promise}. When it fails: {check.meaning} What to do ({check.owner}): {check.remedy}",
        meta={"check_id": check_id},
        **arguments,
    )


class Validations:
    """A Great Expectations context in memory in which suites are run, one after the other.

    Attributes:
        outcomes: Great Expectations' own result of each suite that was run.
    """

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.context = gx.get_context(mode="ephemeral")
            self.context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
            self.outcomes: dict[str, Any] = {}
            self._source = self.context.data_sources.add_pandas("raw")

    def run(
        self,
        suite_name: str,
        table: pa.Table,
        expectations: Sequence[Expectation],
        keys: Sequence[str],
        facts: Sequence[str] = (),
    ) -> list[CheckResult]:
        """Check every expectation on the table.

        The frame keeps Arrow's types: pandas' own would turn DECIMAL into floats or slow objects, and a sum that is
        off by 1e-13 would pass or fail by accident (M1).

        Args:
            suite_name: the suite.
            table: what to check; small, because suites run on profiles and not on line items.
            expectations: from :func:`promise`.
            keys: columns that say which row failed.
            facts: columns that are shown beside what was found.
        """
        frame = table.to_pandas(types_mapper=pd.ArrowDtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            asset = self._source.add_dataframe_asset(suite_name)
            batch = asset.add_batch_definition_whole_dataframe(suite_name).get_batch({"dataframe": frame})
            # Not through a validation definition, which also stores the outcome: turning a failing row to JSON asks
            # Python for its whole stack at each Decimal, a second of CPU a row.
            outcome = batch.validate(
                gx.ExpectationSuite(name=suite_name, expectations=[*expectations]),
                result_format={
                    "result_format": "COMPLETE",
                    "unexpected_index_column_names": [*keys, *facts],
                    "partial_unexpected_count": KEPT_FAILURES,
                },
            )
        # The report says when.
        outcome.meta["run_id"] = RunIdentifier(run_time=datetime.now(UTC))
        self.outcomes[suite_name] = outcome
        return [_check_result(result, keys) for result in outcome.results]


def _check_result(result: Any, keys: Sequence[str]) -> CheckResult:
    check_id = str(result.expectation_config.meta["check_id"])
    if result.success:
        return CheckResult(check_id, "pass")
    # A check that cannot be made is no pass.
    raised = _exception(result.exception_info or {})
    if raised is not None:
        return CheckResult(check_id, "fail", raised, 1)
    rows = (result.result.get("unexpected_index_list") or [])[:KEPT_FAILURES]
    failures = tuple(_failure(row, keys) for row in rows)
    count = int(result.result.get("unexpected_count") or 0) or 1
    return CheckResult(check_id, "fail", _summary(count, failures), count, failures)


def _exception(info: dict[str, Any]) -> str | None:
    """Return what an expectation raised; it stands at the top, or beneath the metric that raised it."""
    for raised in (info, *(each for each in info.values() if isinstance(each, dict))):
        if raised.get("raised_exception"):
            return str(raised.get("exception_message"))
    return None


def _failure(row: dict[str, Any], keys: Sequence[str]) -> Failure:
    key = " ".join(text for name in keys if (text := _plain(row.get(name))))
    found = [
        f"{name.replace('_', ' ')} {text}"
        for name, value in row.items()
        if name not in keys and (text := _plain(value)) and text not in key.split(" ")
    ]
    return Failure(key, ", ".join(found))


def _summary(count: int, failures: Sequence[Failure]) -> str:
    first = "; ".join(": ".join(filter(None, (failure.key, failure.found))) for failure in failures[:3])
    return f"{count:,} {'row' if count == 1 else 'rows'}: {first}{'; …' if count > 3 else ''}"


def _plain(value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date():
            return f"{value:%Y-%m}"
        case Decimal():
            whole, _, decimals = f"{value:,f}".partition(".")
            return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}" if decimals else whole
        case int():
            return f"{value:,}"
        case _:
            return "" if value is pd.NA else str(value)
