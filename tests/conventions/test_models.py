"""The conventions of the dbt project, read from its manifest."""

import ast
import json
import re
from collections import defaultdict
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


def test_every_source_and_seed_is_described(manifest: dict[str, Any]) -> None:
    undescribed = [source["name"] for source in manifest["sources"].values() if not source["description"]]
    undescribed += [
        f"{node['name']}.{column['name']}" if column else node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "seed"
        for column in ({}, *node["columns"].values())
        if not (column or node)["description"]
    ]
    assert undescribed == []
    for node in manifest["nodes"].values():
        if node["resource_type"] == "seed":
            heading = (PROJECT_ROOT / node["original_file_path"]).read_text(encoding="utf-8").splitlines()[0]
            assert heading.split(",") == list(node["columns"]), node["name"]


def test_every_model_has_an_owner_and_only_marts_are_public(
    manifest: dict[str, Any], models: dict[str, dict[str, Any]]
) -> None:
    owners = {group["name"]: group["owner"]["name"] for group in manifest["groups"].values()}
    for node in models.values():
        assert owners[node["config"]["group"]], node["name"]
        assert (node["access"] == "public") == (node["schema"] == "marts"), node["name"]


# Published beside the marts: no model makes them (orchestration/publish.py); and the mart that one is found in.
_NOT_MODELS = {
    *("fct_period_inputs", "dim_cost_histories", "dim_price_lists", "fct_audit_log", "fct_check_failures"),
    *("fct_check_results", "fct_cost_anomaly_causes", "fct_expected_deliveries"),
    *("fct_document_credits", "fct_document_line_accounts", "fct_document_taxes", "fct_proposal_causes", "fct_runs"),
}
_FOUND_IN = {"fct_cost_anomalies": "fct_daily_costs"}


def _marts_read_by_pages() -> dict[str, set[str]]:
    """Return the marts behind each page: those its code names, and whatever it uses of the other modules."""
    definitions: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    places = defaultdict(set)
    for file in (PROJECT_ROOT / "dashboards").rglob("*.py"):
        module = file.relative_to(PROJECT_ROOT / "dashboards").with_suffix("").as_posix()
        text = file.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
            marts = set(re.findall(r"marts\.((?:fct|dim|rpt)_[a-z_]+)", ast.get_source_segment(text, node) or ""))
            used = {found.id for found in ast.walk(node) if isinstance(found, ast.Name)}
            used |= {found.attr for found in ast.walk(node) if isinstance(found, ast.Attribute)}
            for target in targets:
                name = getattr(target, "id", getattr(target, "name", None))
                if name is not None:
                    definitions[module, name] = marts, used
                    places[name].add(module)
    read = {}
    for view in sorted((PROJECT_ROOT / "dashboards" / "views").glob("[!_]*.py")):
        page = f"views/{view.stem}"
        seen: set[tuple[str, str]] = set()
        left = [(module, name) for module, name in definitions if module == page]
        while left:
            one = left.pop()
            if one not in seen:
                seen.add(one)
                for name in definitions[one][1]:
                    left += [
                        (module, name) for module in places[name] if module == page or not module.startswith("views/")
                    ]
        named = set().union(*(definitions[one][0] for one in seen)) - _NOT_MODELS
        read[view.stem] = {_FOUND_IN.get(name, name) for name in named}
    return read


def test_every_page_is_an_exposure_of_what_it_reads(manifest: dict[str, Any]) -> None:
    exposed = {
        exposure["name"].removeprefix("page_"): {
            name.rpartition(".")[2] for name in exposure["depends_on"]["nodes"] if name.startswith("model.")
        }
        for exposure in manifest["exposures"].values()
        if exposure["name"].startswith("page_")
    }
    assert exposed == _marts_read_by_pages()
    for exposure in manifest["exposures"].values():
        assert exposure["description"], exposure["name"]
        assert exposure["owner"]["name"], exposure["name"]


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
    # dim_dates: MetricFlow reads no metric without a time spine of days. Days and budgets: raw rows by day, the days as
    # they are billed, the budgets, and the test that days sum to the month.
    assert len(built) <= 71


def test_intermediate_views_are_read_by_stored_models_only(models: dict[str, dict[str, Any]]) -> None:
    """Spark works them out for the periods that are built, and nobody may read another period from them."""
    views = {
        name
        for name, node in models.items()
        if node["schema"] == "intermediate" and node["config"]["materialized"] == "view"
    }
    assert views
    wrong = [
        (node["name"], parent)
        for name, node in models.items()
        for parent in node["depends_on"]["nodes"]
        if parent in views and name not in views and node["config"]["materialized"] != "billing_period"
    ]
    assert wrong == []


def test_singular_tests_say_what_a_failure_means() -> None:
    for file in (PROJECT_ROOT / "dbt_project" / "tests" / "singular").glob("*.sql"):
        assert file.name.startswith("assert_")
        assert "A row here means" in file.read_text(encoding="utf-8"), file.name


def test_macros_are_one_a_file_and_say_what_they_do() -> None:
    for file in (PROJECT_ROOT / "dbt_project" / "macros").rglob("*.sql"):
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
