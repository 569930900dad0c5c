from datetime import date
from pathlib import Path

import pytest

from orchestration.errors import BuildError
from orchestration.run_process import run_apart
from orchestration.settings import Workspace
from orchestration.warehouse import workspace_lock
from tests.integration.workspaces import write_billing


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace.at(tmp_path / "workspace")
    write_billing(workspace, "123456789012", "000000000001")
    workspace.landing.mkdir()
    return workspace


def test_a_run_that_fails_says_what_it_did_and_why(workspace: Workspace) -> None:
    steps: list[str] = []
    with pytest.raises(BuildError, match=r"^There is no delivery in .*workspace/landing\. Put AWS's files"):
        run_apart(workspace, frozenset({date(2024, 1, 1)}), report=steps.append)
    assert steps == ["Looking for what is new"]


def test_it_stops_at_a_workspace_in_use(workspace: Workspace) -> None:
    with workspace_lock(workspace, "a test"), pytest.raises(BuildError, match=r"is in use by process \d+ \(a test"):
        run_apart(workspace, frozenset({date(2024, 1, 1)}))
