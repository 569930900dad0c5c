"""Runs a Great Expectations suite on an Arrow table.

What is here: the ephemeral context, the Arrow-typed frame, and results as plain rows.
When to add here: nothing but what every suite needs.
What does not belong here: expectations.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

with warnings.catch_warnings():
    # Great Expectations 1.24 imports a module of the standard library that is deprecated (2026-11).
    warnings.simplefilter("ignore")
    import great_expectations as gx
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.expectations.metadata_types import FailureSeverity

__all__ = ["WARNING", "CheckResult", "validate"]

WARNING = FailureSeverity.WARNING
"""For promises whose breaking is shown and does not block; the default is critical."""


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check.

    Attributes:
        check_name: what is promised, as a sentence.
        layer: ``raw`` or ``dbt``.
        subject: the table or model.
        status: ``pass`` or ``fail``.
        severity: ``critical`` blocks publishing; ``warning`` is shown.
        detail: what was found, empty when it passed.
    """

    check_name: str
    layer: str
    subject: str
    status: str
    severity: str
    detail: str

    @property
    def blocks(self) -> bool:
        """True when nothing may be published."""
        return self.status == "fail" and self.severity == "critical"


def validate(table: pa.Table, subject: str, expectations: list[Expectation]) -> list[CheckResult]:
    """Check every expectation on the table.

    The frame keeps Arrow's types: pandas' own would turn DECIMAL into floats or slow objects, and a sum that is off by
    1e-13 would pass or fail by accident (M1).

    Args:
        table: what to check; small, because suites run on profiles and not on line items.
        subject: the raw table meant.
        expectations: each names its promise in ``meta["promise"]``.
    """
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
        asset = context.data_sources.add_pandas("raw").add_dataframe_asset(subject)
        batch = asset.add_batch_definition_whole_dataframe(subject).get_batch({"dataframe": frame})
        suite = context.suites.add(gx.ExpectationSuite(name=subject))
        for expectation in expectations:
            suite.add_expectation(expectation)
        outcome = batch.validate(suite)
    return sorted((_check_result(subject, result) for result in outcome.results), key=lambda result: result.check_name)


def _check_result(subject: str, result: Any) -> CheckResult:
    expectation = result.expectation_config
    return CheckResult(
        check_name=str(expectation.meta["promise"]),
        layer="raw",
        subject=subject,
        status="pass" if result.success else "fail",
        severity=str(expectation.severity.value),
        detail="" if result.success else _found(result.to_json_dict()),
    )


def _found(result: dict[str, Any]) -> str:
    raised = result.get("exception_info") or {}
    if raised.get("raised_exception"):
        return str(raised.get("exception_message"))
    found = result.get("result") or {}
    examples = found.get("partial_unexpected_list") or found.get("observed_value")
    count = found.get("unexpected_count")
    return f"{count} unexpected, such as {examples}" if count else f"found {examples}"
