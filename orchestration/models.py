"""The dbt project as Dagster sees it: where it is, its asset keys and groups.

What is here: the one ``DbtProject`` and the translator.
When to add here: how a dbt node is named or grouped in Dagster.
What does not belong here: running dbt (``assets/models.py``) and SQL (``dbt_project/``).
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, DbtProject
from packaging.version import Version

from orchestration.dbt_files import prepare_manifest
from orchestration.settings import PROJECT_ROOT

__all__ = ["DBT_PROJECT", "TRANSLATOR", "LeanDbtCliResource", "ModelsTranslator", "prepare_manifest"]

DBT_PROJECT = DbtProject(project_dir=PROJECT_ROOT, profiles_dir=PROJECT_ROOT)


class LeanDbtCliResource(DbtCliResource):
    """dbt without what dagster-dbt prepares before each call to look into relations afterwards, which no asset does.

    It asks the executable for its version and loads the project a second time, some seven seconds of CPU a run. The
    members have no public name; dagster-dbt is pinned, and every whole run is a test of them.
    """

    @property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:  # type: ignore[override]
        return None


class ModelsTranslator(DagsterDbtTranslator):
    """Names models as ``<layer>/<model>`` and groups them by layer."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Return ``marts/fct_charges`` for a model or seed, and the configured key for a source."""
        if dbt_resource_props["resource_type"] in ("model", "seed"):
            return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])
        return super().get_asset_key(dbt_resource_props)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Return the layer, which is the schema."""
        return str(dbt_resource_props["schema"])


# Every table of schema `billing` comes from the one configuration asset.
TRANSLATOR = ModelsTranslator(settings=DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))
