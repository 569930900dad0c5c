"""A preview starts from what DuckDB built, so a workspace on Spark has none."""

from pathlib import Path

import pytest

from orchestration.configuration.validate import read_configuration
from orchestration.errors import ChargehouseError
from orchestration.previewing.scratch import built_sides
from orchestration.sample.generate import EXAMPLE_BILLING
from orchestration.settings import Workspace


def test_a_preview_on_spark_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.touch()
    monkeypatch.setenv("CHARGEHOUSE_ENGINE", "spark")
    monkeypatch.setenv("CHARGEHOUSE_SPARK_MASTER", "spark://cluster:7077")
    monkeypatch.setenv("CHARGEHOUSE_SPARK_PYTHON", str(python))
    monkeypatch.setenv("JAVA_HOME", "/opt/java")
    configuration = read_configuration(EXAMPLE_BILLING)
    workspace = Workspace.at(tmp_path / "workspace")
    with (
        pytest.raises(ChargehouseError, match="Previews are built by DuckDB"),
        built_sides(workspace, EXAMPLE_BILLING, configuration, configuration),
    ):
        pass
    assert not workspace.root.exists()
