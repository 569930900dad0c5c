"""Every billing rule that is implemented stands in a model and is proved by a unit test."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from orchestration.settings import PROJECT_ROOT

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
UNIT_TEST_FILES = sorted(DBT_PROJECT.glob("models/**/_*__unit_tests.yml"))

# Sections 1 to 7, invoices, customer credits, customer tax and reconciliation, as far as models implement
# them. P4b and the errors of the others are found when the configuration is loaded, C4 when a delivery is read.
RULES = [
    *("M1", "M2", "M3", "M4", "M5", "M6", "M7"),
    *("P1", "P2", "P3", "P4", "P5"),
    *("C00", "C0", "C1", "C2", "C3"),
    *("R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9"),
    *("RS1", "RS2", "RS3", "RS4", "RS5", "RS6"),
    *("F1", "F2", "F3", "F4", "F5"),
    *("G1", "G1b", "G2", "G3", "G4", "G5"),
    *("I1", "I2", "X1", "X2", "X3", "X4"),
    *("K1", "K2", "K3", "K4", "K5"),
    *("T1", "T2", "T3", "T4", "T5"),
    *("D1", "D2", "D4", "D6", "D7"),
]
GOLDEN_CASES = [
    *("G01", "G03", "G04", "G06", "G07", "G08", "G09", "G10", "G11"),
    *("G12", "G13", "G14", "G15", "G16", "G17", "G18"),
    *("G20", "G21", "G23", "G24", "G25"),
    *("G31", "G32", "G33", "G35", "G38"),
    *("G39", "G40", "G41", "G42", "G43", "G44", "G45", "G50"),
    *("G51", "G52", "G53", "G57", "G62"),
    *("G63", "G65", "G66", "G67", "G69", "G70", "G72", "G73", "G74", "G76"),
]
# What only a whole run, the ledger or a document can show; the tests' names say which (`test_g58_g60_…`).
GOLDEN_CASES_IN_PYTEST = [
    *("G51", "G52", "G53", "G54", "G55", "G56"),
    *("G58", "G59", "G60", "G61", "G62", "G66", "G73", "G76"),
]


@cache
def unit_tests_in(file: Path) -> list[dict[str, Any]]:
    tests: list[dict[str, Any]] = yaml.safe_load(file.read_text("utf-8"))["unit_tests"]
    return tests


def unit_tests() -> list[dict[str, Any]]:
    return [test for file in UNIT_TEST_FILES for test in unit_tests_in(file)]


def named_ids(text: str) -> set[str]:
    return set(re.findall(r"\b[A-Z]{1,2}[0-9]+b?\b", text))


def values(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        for value in node.values():
            yield from values(value)
    elif isinstance(node, list):
        for value in node:
            yield from values(value)
    else:
        yield node


@pytest.fixture(scope="module")
def described() -> set[str]:
    return {name for test in unit_tests() for name in named_ids(test["description"])}


@pytest.fixture(scope="module")
def implemented() -> set[str]:
    files = {file for kind in ("*.sql", "*.yml") for file in DBT_PROJECT.rglob(kind)} - {*UNIT_TEST_FILES}
    return {name for file in files for name in named_ids(file.read_text("utf-8"))}


@pytest.mark.parametrize("rule", RULES)
def test_rule_is_cited_where_it_is_implemented(rule: str, implemented: set[str]) -> None:
    # Whoever changes a rule finds its SQL by its id.
    assert rule in implemented


@pytest.mark.parametrize("name", RULES + GOLDEN_CASES)
def test_rule_has_a_unit_test(name: str, described: set[str]) -> None:
    assert name in described


@pytest.fixture(scope="module")
def pytest_names() -> set[str]:
    files = (PROJECT_ROOT / "tests").rglob("test_*.py")
    names = (name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.M))
    return {case.upper() for name in names for case in re.findall(r"_(g\d\d)(?=_)", name)}


@pytest.mark.parametrize("name", GOLDEN_CASES_IN_PYTEST)
def test_golden_case_has_a_test(name: str, pytest_names: set[str]) -> None:
    assert name in pytest_names


def test_every_line_item_type_is_unit_tested() -> None:
    # A type whose row in the map is wrong moves money between policies without any other sign.
    seed = (DBT_PROJECT / "seeds" / "charge_types.csv").read_text("utf-8").splitlines()[1:]
    given = {
        row.get("line_item_type")
        for test in unit_tests()
        if test["model"] == "int_charges__treated"
        for row in test["expect"]["rows"]
    }
    assert {line.split(",")[0] for line in seed} <= given


@pytest.mark.parametrize("file", UNIT_TEST_FILES, ids=lambda file: file.name)
def test_unit_tests_say_what_they_prove(file: Path) -> None:
    for test in unit_tests_in(file):
        assert re.fullmatch(f"test_{test['model']}__[a-z0-9_]+", test["name"])
        name = r"[A-Z]{1,2}[0-9]+b?"
        assert re.match(rf"({name}|Section 3)(, ({name}|section 3))*: ", test["description"]), test["name"]


@pytest.mark.parametrize("file", UNIT_TEST_FILES, ids=lambda file: file.name)
def test_no_amount_is_a_float(file: Path) -> None:
    # M1: YAML turns 0.1 into a double, and 1e-10 is one in DuckDB too: a test could prove the wrong amount.
    assert not [value for value in values(unit_tests_in(file)) if isinstance(value, float)]
