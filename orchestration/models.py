"""The dbt project as Dagster sees it: where it is, its manifest, its asset keys and groups.

What is here: the one ``DbtProject`` and the translator.
When to add here: how a dbt node is named or grouped in Dagster.
What does not belong here: running dbt (``assets/models.py``) and SQL (``dbt_project/``).
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject

from orchestration.settings import PROJECT_ROOT

__all__ = ["DBT_PROJECT", "ModelsTranslator", "prepare_manifest"]

DBT_PROJECT = DbtProject(project_dir=PROJECT_ROOT, profiles_dir=PROJECT_ROOT)


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


TRANSLATOR = ModelsTranslator(settings=DagsterDbtTranslatorSettings(enable_source_tests_as_checks=False))


def prepare_manifest() -> Path:
    """Parse the dbt project when it changed since its manifest was written; return the manifest's path.

    A fresh clone has no manifest, and Dagster builds its asset graph from it.
    """
    manifest = DBT_PROJECT.manifest_path
    stamp = manifest.with_name("manifest.sha256")
    digest = _project_digest()
    if not manifest.exists() or not stamp.exists() or stamp.read_text(encoding="utf-8") != digest:
        DBT_PROJECT.preparer.prepare(DBT_PROJECT)
        stamp.write_text(digest, encoding="utf-8")
    return manifest


def _project_digest() -> str:
    digest = hashlib.sha256()
    files = [PROJECT_ROOT / "dbt_project.yml", PROJECT_ROOT / "profiles.yml"]
    files += (file for file in (PROJECT_ROOT / "dbt_project").rglob("*") if file.is_file())
    for file in sorted(files):
        digest.update(str(file.relative_to(PROJECT_ROOT)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
