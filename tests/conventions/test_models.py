"""The conventions of the dbt project, read from its manifest."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from orchestration.models import prepare_manifest
from orchestration.settings import PROJECT_ROOT

_LAYERS = ["staging", "intermediate", "marts"]
_NAMES = {
    "staging": r"stg_[a-z]+__[a-z_]+",
    "intermediate": r"int_[a-z_]+(__[a-z_]+)?",
    "marts": r"(fct|dim|rpt)_[a-z_]+",
}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(prepare_manifest().read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "model"}


def test_names_and_layers(models: dict[str, dict[str, Any]]) -> None:
    wrong = [node["name"] for node in models.values() if not re.fullmatch(_NAMES[node["schema"]], node["name"])]
    assert wrong == []


def test_no_model_reads_a_later_layer(models: dict[str, dict[str, Any]]) -> None:
    wrong = [
        (node["name"], models[parent]["name"])
        for node in models.values()
        for parent in node["depends_on"]["nodes"]
        if parent in models
        and _LAYERS.index(models[parent]["schema"]) > _LAYERS.index(node["schema"])
        # Charges of a whole group, and lines, start from what is stored: to price every row again costs a run twice.
        and not node["name"].startswith(("int_group_", "int_invoice_"))
    ]
    assert wrong == []


def test_every_model_and_column_is_described(models: dict[str, dict[str, Any]]) -> None:
    undescribed = [node["name"] for node in models.values() if not node["description"].startswith("One row per ")]
    assert undescribed == []
    columns = [
        f"{node['name']}.{column['name']}"
        for node in models.values()
        for column in node["columns"].values()
        if not column["description"]
    ]
    assert columns == []
    assert all(node["columns"] for node in models.values())


def test_every_model_states_its_grain_in_its_own_columns(models: dict[str, dict[str, Any]]) -> None:
    for node in models.values():
        grain = node["config"]["meta"]["grain"]
        assert grain, node["name"]
        assert set(grain) <= set(node["columns"]), node["name"]


def test_marts_have_contracts_with_exact_types(models: dict[str, dict[str, Any]]) -> None:
    """A double in a mart is an invoice that is wrong by a cent some day."""
    for node in models.values():
        if node["schema"] != "marts":
            continue
        assert node["config"]["contract"]["enforced"], node["name"]
        for column in node["columns"].values():
            assert not re.search("double|float|real|hugeint", column["data_type"]), (
                node["name"],
                column["name"],
            )


def test_no_model_divides_or_averages_money() -> None:
    """DuckDB's `/` and avg() return doubles (M3)."""
    wrong = []
    for file in (PROJECT_ROOT / "dbt_project").rglob("*.sql"):
        code = re.sub(r"{#.*?#}|--[^\n]*|'[^']*'", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        if re.search(r"\bavg\(|(?<![/*])/(?![/*])|::|\bdouble\b|\bfloat\b", code):
            wrong.append(file.name)
    assert wrong == []


def test_nodes_stay_few(manifest: dict[str, Any]) -> None:
    """dbt costs 50 ms a node; beyond some seventy of them the framework outweighs the work.

    Three of them are the reconciliation of groups and of AWS's own invoices, which have grains of their own (X2, X4);
    two are tests of taxes and of issued documents, which tie sums that nothing else tied (T3, D3).
    """
    built = [
        node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed", "test", "snapshot")
    ]
    assert len(built) <= 69


def test_singular_tests_say_what_a_failure_means() -> None:
    for file in (PROJECT_ROOT / "dbt_project" / "tests" / "singular").glob("*.sql"):
        assert file.name.startswith("assert_")
        assert "A row here means" in file.read_text(encoding="utf-8"), file.name


def test_macros_are_one_a_file_and_say_what_they_do() -> None:
    for file in (PROJECT_ROOT / "dbt_project" / "macros").glob("*.sql"):
        text = file.read_text(encoding="utf-8")
        assert text.startswith("{#"), file.name
        assert len(re.findall(r"{%-? (?:macro|materialization) ", text)) == 1, file.name


def test_rules_page_names_models_that_exist(models: dict[str, dict[str, Any]]) -> None:
    text = (PROJECT_ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:stg|int|fct|dim|rpt)_[a-z_]+)`", text))
    assert named <= {node["name"] for node in models.values()}
    for macro in re.findall(r"macro `([a-z_]+)`", text):
        assert (PROJECT_ROOT / "dbt_project" / "macros" / f"{macro}.sql").exists()
    for seed in re.findall(r"seed `([a-z_]+)`", text):
        assert Path(PROJECT_ROOT / "dbt_project" / "seeds" / f"{seed}.csv").exists()
