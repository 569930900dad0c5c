"""The dbt project as Dagster sees it: where it is, its manifest, its asset keys and groups.

What is here: the one ``DbtProject`` and the translator.
When to add here: how a dbt node is named or grouped in Dagster.
What does not belong here: running dbt (``assets/models.py``) and SQL (``dbt_project/``).
"""

import hashlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, DbtProject
from packaging.version import Version

from orchestration.errors import BuildError
from orchestration.settings import PROJECT_ROOT

__all__ = ["DBT_EXECUTABLE", "DBT_PROJECT", "TRANSLATOR", "LeanDbtCliResource", "ModelsTranslator", "prepare_manifest"]

DBT_PROJECT = DbtProject(project_dir=PROJECT_ROOT, profiles_dir=PROJECT_ROOT)

DBT_EXECUTABLE = str(Path(sys.executable).with_name("dbt"))
"""The dbt of this environment: nobody has to activate it for its programs to be found."""


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


def prepare_manifest() -> Path:
    """Parse the dbt project when it changed since its manifest was written; return the manifest's path.

    A fresh clone has no manifest, and Dagster builds its asset graph from it.
    """
    manifest = DBT_PROJECT.manifest_path
    stamp = manifest.with_name("manifest.sha256")
    digest = _project_digest()
    if not manifest.exists() or not stamp.exists() or stamp.read_text(encoding="utf-8") != digest:
        _parse()
        stamp.write_text(digest, encoding="utf-8")
    return manifest


def _parse() -> None:
    parsed = subprocess.run(
        [
            *(DBT_EXECUTABLE, "--quiet", "--no-use-colors", "parse"),
            *("--project-dir", str(PROJECT_ROOT), "--profiles-dir", str(PROJECT_ROOT)),
        ],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if parsed.returncode != 0:
        raise BuildError(f"The models cannot be parsed:\n{parsed.stdout}{parsed.stderr}".rstrip())


def _project_digest() -> str:
    digest = hashlib.sha256()
    files = [PROJECT_ROOT / "dbt_project.yml", PROJECT_ROOT / "profiles.yml"]
    files += (file for file in (PROJECT_ROOT / "dbt_project").rglob("*") if file.is_file())
    for file in sorted(files):
        digest.update(str(file.relative_to(PROJECT_ROOT)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
