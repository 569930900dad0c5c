"""dbt outside Dagster: what it says when it cannot build, and how far it is when it can."""

from pathlib import Path

import pytest

from orchestration.dbt_builds import STORED, build_models
from orchestration.dbt_files import PARSED_PROJECT, failures
from orchestration.errors import BuildError
from orchestration.settings import Workspace
from orchestration.warehouse import open_warehouse

pytestmark = pytest.mark.slow


def test_models_that_cannot_be_built_are_named(tmp_path: Path) -> None:
    """Without staging views no table by period can be built: what needs them is named, with the reason."""
    workspace = Workspace.at(tmp_path)
    with open_warehouse(workspace) as connection:
        connection.execute("create schema intermediate")
    steps: list[str] = []
    with pytest.raises(BuildError, match=r"(?s)int_usage_grain: .*stg_cur__line_items") as failed:
        build_models(workspace, STORED, "Building", steps.append)
    # What was skipped behind it says nothing new.
    assert "fct_charges" not in str(failed.value)
    assert steps[0].startswith("Building: 1 of ")
    assert PARSED_PROJECT.exists()


def test_dbt_that_dies_leaves_no_results(tmp_path: Path) -> None:
    assert failures(tmp_path / "run_results.json") == []
