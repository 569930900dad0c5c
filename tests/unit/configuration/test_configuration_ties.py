"""R2 by brute force: a tie is reported exactly when some row, in some month, has two best rules."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

MONTHS = ["2024-01", "2024-02", "2024-03", "2024-04"]
SERVICES = ["AmazonEC2", "AmazonS3"]
USAGE_TYPES = ["Box", "Storage"]
OPERATIONS = ["Run", "Put"]
REGIONS = ["eu", "us"]
ENTITIES = ["AWS", "AWS Marketplace"]

# "-" stands for every value that no rule names; the CUR has many of each.
ROWS = list(
    product(
        [*ENTITIES, "-"],
        [*SERVICES, "-"],
        [*USAGE_TYPES, "-"],
        [*OPERATIONS, "-"],
        [*REGIONS, "-"],
    )
)


class Rule(NamedTuple):
    scope: str
    entity: str
    service: str
    usage_type: str
    operation: str
    region: str
    first: int
    end: int | None

    def line(self, number: int) -> str:
        end = "" if self.end is None else MONTHS[self.end]
        return (
            f"r-{number},special,{self.scope},MARKUP,1,,{self.entity},{self.service},{self.usage_type},"
            f"{self.operation},{self.region},false,{MONTHS[self.first]},{end}"
        )

    def matches(self, row: tuple[str, ...], month: int) -> bool:
        named = (self.entity, self.service, self.usage_type, self.operation, self.region)
        in_force = self.first <= month and (self.end is None or month < self.end)
        return in_force and all(name in ("", value) for name, value in zip(named, row, strict=True))

    @property
    def precision(self) -> tuple[int, int, int]:
        scope = ["GLOBAL", "BILLING_ENTITY", "SERVICE", "SKU"].index(self.scope)
        return scope, bool(self.usage_type) + bool(self.operation), int(bool(self.region))


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    scope = draw(st.sampled_from(["GLOBAL", "BILLING_ENTITY", "SERVICE", "SKU", "SKU", "SKU"]))
    usage_type = operation = ""
    if scope == "SKU":
        usage_type, operation = draw(
            st.sampled_from([pair for pair in product(["", *USAGE_TYPES], ["", *OPERATIONS]) if any(pair)])
        )
    first = draw(st.integers(0, 2))
    return Rule(
        scope,
        draw(st.sampled_from(ENTITIES)) if scope == "BILLING_ENTITY" else "",
        draw(st.sampled_from(SERVICES)) if scope in ("SERVICE", "SKU") else "",
        usage_type,
        operation,
        draw(st.sampled_from(["", *REGIONS])),
        first,
        draw(st.one_of(st.none(), st.integers(first + 1, 3))),
    )


def has_tie(chosen: list[Rule]) -> bool:
    for row, month in product(ROWS, range(len(MONTHS))):
        precisions = sorted(rule.precision for rule in chosen if rule.matches(row, month))
        if len(precisions) > 1 and precisions[-1] == precisions[-2]:
            return True
    return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ties")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(rules(), min_size=2, max_size=5))
def test_ties_are_those_that_rows_show(new_files: Callable[[Path], Any], folder: Path, chosen: list[Rule]) -> None:
    files = new_files(folder)
    files.drop("pricing_rules", 7)
    files.replace_rows("pricing_rule_tiers")
    for number, rule in enumerate(chosen):
        files.add("pricing_rules", rule.line(number))
    problems = files.problems()
    assert all("ties with rule" in problem.expected for problem in problems), problems
    assert bool(problems) == has_tie(chosen), problems
