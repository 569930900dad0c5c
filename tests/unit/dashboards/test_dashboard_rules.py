"""Rules of the house that a reader of the code would have to check by hand."""

import ast
import csv
import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from publication_fixture import MARTS

from dashboards import strings
from dashboards.components.filters import labels
from dashboards.queries import CommitmentSort
from orchestration.settings import PROJECT_ROOT

DASHBOARDS = PROJECT_ROOT / "dashboards"
MODULES = sorted(DASHBOARDS.rglob("*.py"))
VIEWS = sorted((DASHBOARDS / "views").glob("*.py"))

# Columns of the fixture that a mart may lack, and tables that a run writes itself.
OPTIONAL = {("dim_accounts", "account_name")}
NOT_MODELS = {
    *("fct_check_results", "fct_check_failures", "fct_expected_deliveries", "fct_runs"),
    *("fct_audit_log", "fct_proposal_causes", "fct_period_inputs"),
    *("fct_document_line_accounts", "fct_document_taxes", "fct_document_credits"),
    *("fct_cost_anomalies", "fct_cost_anomaly_causes", "dim_cost_histories"),
}


def calls(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            names.add(function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", ""))
    return names


@pytest.mark.parametrize("path", VIEWS, ids=lambda path: path.stem)
def test_pages_do_no_arithmetic(path: Path) -> None:
    # A total worked out in a page is a second truth beside the mart.
    tree = ast.parse(path.read_text())
    forbidden = (ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
    found = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, forbidden)]
    assert not found
    assert not calls(tree) & {"Decimal", "round", "float", "quantize", "fsum"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_float_touches_money(path: Path) -> None:
    # .df() and .fetchdf() turn DECIMAL into float64.
    tree = ast.parse(path.read_text())
    assert not calls(tree) & {"df", "fetchdf", "fetch_df", "fetchnumpy", "to_pandas"}
    if path.stem != "charts":
        assert "float" not in calls(tree)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_only_settings_read_the_environment_and_only_queries_hold_sql(path: Path) -> None:
    text = path.read_text()
    assert "os.environ" not in text
    assert "getenv" not in text
    if path.stem != "extracts" and not path.stem.endswith("queries"):
        assert not re.search(r"\bfrom marts\.", text)


def test_nothing_on_the_pages_comes_from_another_machine() -> None:
    for path in [*MODULES, *DASHBOARDS.glob("assets/*"), PROJECT_ROOT / ".streamlit" / "config.toml"]:
        text = path.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?://|@import|url\(", text), path


def published(field: str) -> dict[str, dict[str, str]]:
    """What the marts' YAML says in ``field`` of each column, by model and column."""
    models = {}
    for path in (PROJECT_ROOT / "dbt_project" / "models" / "marts").rglob("*.yml"):
        for model in (yaml.safe_load(path.read_text()) or {}).get("models") or []:
            models[model["name"]] = {column["name"]: str(column.get(field, "")) for column in model["columns"]}
    return models


def test_the_fixture_has_the_published_schema() -> None:
    # Pages that are tested on columns which no run publishes would break on the first real month.
    models = published("data_type")
    for table, text in MARTS.items():
        if table in NOT_MODELS:
            continue
        # Types hold commas too, but no space after them.
        columns = [column.split() for column in re.split(r",\s+", text.strip())]
        for name, kind in columns:
            if (table, name) not in OPTIONAL:
                assert models[table].get(name, "").replace(" ", "") == kind, f"{table}.{name}"


def seed(name: str, column: str) -> set[str]:
    with (PROJECT_ROOT / "dbt_project" / "seeds" / f"{name}.csv").open(encoding="utf-8") as file:
        return {row[column] for row in csv.DictReader(file)}


def test_every_code_has_plain_words() -> None:
    assert seed("charge_categories", "charge_type") <= strings.CHARGE_TYPES.keys()
    assert seed("line_kinds", "line_kind") <= strings.LINE_KINDS.keys()
    assert seed("commitment_scenarios", "commitment_policy") - {""} == strings.COMMITMENT_POLICIES.keys()
    assert strings.COMMITMENT_POLICIES.keys() == strings.COMMITMENT_POLICIES_HELP.keys()
    assert {sort.value for sort in CommitmentSort} == strings.COMMITMENT_SORTS.keys()
    # Codes that no seed lists stand in the descriptions of their columns.
    words = published("description")
    methods = set(re.findall(r"\b[A-Z_]{3,}\b", words["fct_group_charges"]["method"]))
    assert methods == strings.GROUP_CHARGE_METHODS.keys()
    kinds = set(re.findall(r"\b[a-z]+_[a-z_]+\b|\bsupport\b", words["fct_group_charges"]["kind"]))
    assert kinds == strings.GROUP_CHARGE_KINDS.keys() == strings.GROUP_CHARGE_FILES.keys()
    problems = set(re.findall(r"\b[a-z]+_[a-z_]+\b", words["fct_open_problems"]["problem"]))
    assert problems <= strings.PROBLEMS.keys()
    assert problems <= strings.PROBLEM_REMEDIES.keys()
    refusals = set(re.findall(r"\b[a-z][a-z_]{4,}\b", words["fct_issuing_refusals"]["refusal"]))
    assert refusals == strings.REFUSALS.keys() == strings.REFUSAL_REMEDIES.keys()
    kinds = set(re.findall(r"\b[a-z][a-z_]{4,}\b", words["fct_documents"]["kind"]))
    assert kinds == strings.DOCUMENT_KINDS.keys()
    assert set(re.findall(r"`([a-z]+)`", words["fct_credit_ledger"]["state"])) == strings.DRAW_STATES.keys()
    assert set(re.findall(r"\b[A-Z]{1,2}\b", words["fct_invoice_taxes"]["tax_category"].partition(":")[2])) >= (
        strings.TAX_CATEGORIES.keys()
    )


def test_a_code_without_words_is_still_readable() -> None:
    assert strings.of(strings.CHARGE_TYPES, "flat_rate_subscription") == "Flat rate subscription"
    assert strings.treatment_reason("policy") == strings.TREATMENT_REASONS["policy"]
    assert strings.treatment_reason("bad_value:usage") == "A value could not be read (usage)"


def test_labels_are_unique_and_name_the_nameless() -> None:
    assert labels({"a": "Same", "b": "Same", "c": "Other", "d": ""}) == {
        "a": "Same (a)",
        "b": "Same (b)",
        "c": "Other",
        "d": "d",
    }
