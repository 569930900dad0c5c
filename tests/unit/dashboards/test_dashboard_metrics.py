"""The metrics of the dbt project are the numbers of the pages."""

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow_semantic_interfaces.implementations.semantic_manifest import PydanticSemanticManifest
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

from dashboards import queries
from dashboards.publication import Publication
from orchestration.models import prepare_manifest
from orchestration.settings import Workspace


class _DuckDb:
    """What MetricFlow asks of a database to write SQL for it; the tests run the SQL themselves."""

    sql_engine_type = SqlEngine.DUCKDB
    sql_plan_renderer = DuckDbSqlPlanRenderer()

    def render_bind_parameter_key(self, bind_parameter_key: str) -> str:
        return f"${bind_parameter_key}"


@pytest.fixture(scope="module")
def semantic_manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        prepare_manifest().with_name("semantic_manifest.json").read_text(encoding="utf-8")
    )
    return found


@pytest.fixture(scope="module")
def engine(semantic_manifest: dict[str, Any]) -> MetricFlowEngine:
    manifest = PydanticSemanticManifest.parse_obj(semantic_manifest)
    return MetricFlowEngine(
        semantic_manifest_lookup=SemanticManifestLookup(manifest),
        sql_client=_DuckDb(),  # type: ignore[arg-type]
    )


def computed(engine: MetricFlowEngine, publication: Publication, metric: str) -> dict[tuple[date, str], Decimal]:
    """Return what MetricFlow's own SQL for a metric gives on the published copy, by month and billing group."""
    asked = MetricFlowQueryRequest.create(
        metric_names=[metric], group_by_names=["metric_time__month", "billing_group"], order_by_names=None
    )
    sql = engine.explain(asked).sql_statement.sql
    with duckdb.connect() as connection:
        connection.execute(f"attach '{publication.path}' as chargehouse (read_only)")
        found = connection.execute(sql)
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return {(_day(row["metric_time__month"]), row["billing_group"]): row[metric] for row in rows}


def _day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


@pytest.fixture
def with_credits(own_workspace: Workspace) -> Publication:
    """A publication in which a customer credit pays a part, so that no metric is 0 everywhere."""
    with duckdb.connect(own_workspace.published_file) as connection:
        connection.execute(
            "update marts.rpt_billing_group_summary set customer_credits = -1.25, margin = margin - 1.25 "
            "where billing_group_id = 'acme'"
        )
    return Publication.at(own_workspace.published_file)


@pytest.mark.parametrize("metric", ["billed_cost", "aws_cost", "customer_credits", "margin"])
def test_metric_is_the_number_of_the_overview(with_credits: Publication, engine: MetricFlowEngine, metric: str) -> None:
    found = computed(engine, with_credits, metric)
    shown = {
        (period.billing_period, group.billing_group_id): getattr(group, metric)
        for period in queries.billing_periods(with_credits)
        for group in queries.group_summaries(with_credits, period.billing_period, None)
    }
    assert found == shown
    assert any(shown.values())
    assert all(isinstance(amount, Decimal) for amount in found.values())


def test_every_metric_stands_on_a_column_of_a_published_mart(
    semantic_manifest: dict[str, Any], workspace: Workspace
) -> None:
    with duckdb.connect(workspace.published_file, read_only=True) as connection:
        columns = set(
            connection.execute(
                "select table_name, column_name from duckdb_columns() where schema_name = 'marts'"
            ).fetchall()
        )
    assert semantic_manifest["metrics"]
    for metric in semantic_manifest["metrics"]:
        assert metric["description"], metric["name"]
        parameters = metric["type_params"]
        aggregated = parameters["metric_aggregation_params"]
        assert (aggregated["semantic_model"], parameters["expr"] or metric["name"]) in columns
