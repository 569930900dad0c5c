import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.errors import WorkspaceBusyError
from orchestration.settings import Workspace
from orchestration.warehouse import (
    is_published,
    open_warehouse,
    record_publication,
    record_run,
    workspace_lock,
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path)


def test_lock_names_who_holds_the_workspace(workspace: Workspace) -> None:
    with (
        workspace_lock(workspace, "a long run"),
        pytest.raises(WorkspaceBusyError, match=rf"process {os.getpid()} \(a long run, since 20"),
        workspace_lock(workspace, "another"),
    ):
        pytest.fail("two processes would write one warehouse")


def test_lock_is_free_after_an_error(workspace: Workspace) -> None:
    with pytest.raises(RuntimeError), workspace_lock(workspace, "breaks"):
        raise RuntimeError
    with workspace_lock(workspace, "next"):
        assert workspace.lock_file.exists()


def test_lock_is_free_when_its_holder_was_killed(workspace: Workspace) -> None:
    code = (
        "import sys, time; from pathlib import Path; from orchestration.settings import Workspace;"
        "from orchestration.warehouse import workspace_lock\n"
        "with workspace_lock(Workspace.at(Path(sys.argv[1])), 'doomed'):\n    print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(workspace.root)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WorkspaceBusyError), workspace_lock(workspace, "too early"):
            pytest.fail("the holder is alive")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with workspace_lock(workspace, "after"):
        pass


def test_two_workspaces_do_not_touch_each_other(tmp_path: Path) -> None:
    with (
        workspace_lock(Workspace.at(tmp_path / "one"), "run"),
        workspace_lock(Workspace.at(tmp_path / "two"), "run"),
    ):
        pass


def test_a_run_counts_as_published_only_after_it_was(workspace: Workspace) -> None:
    """A run killed between building and publishing must not leave yesterday's copy as if it were today's."""
    with open_warehouse(workspace) as connection:
        assert is_published(connection)
        connection.execute("create schema billing; create table billing.settings (setting varchar, value varchar)")
        connection.execute("insert into billing.settings values ('membership_basis', 'usage_date')")
        record_run(connection, "run", datetime(2026, 11, 1, tzinfo=UTC), "code")
        assert not is_published(connection)
        record_publication(connection, "run")
        assert is_published(connection)
