"""The commands of the README, run as a stranger would run them."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from orchestration.settings import PROJECT_ROOT

pytestmark = pytest.mark.slow

_BIN = Path(sys.executable).parent


def _commands() -> list[str]:
    text = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\n(.*?)```", text, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def _run(*arguments: str, workspace: Path) -> str:
    done = subprocess.run(
        arguments,
        cwd=PROJECT_ROOT,
        env={**os.environ, "CHARGEHOUSE_DATA": str(workspace)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _answers(process: "subprocess.Popen[bytes]", address: str) -> bool:
    for _attempt in range(240):
        if process.poll() is not None:
            return False
        try:
            with urllib.request.urlopen(address, timeout=2) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.25)
    return False


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


def test_the_readme_has_the_commands_tested_here() -> None:
    assert _commands() == [
        "make run",
        "make dashboard",
        ".venv/bin/chargehouse init ~/billing",
        "export CHARGEHOUSE_DATA=~/billing",
    ]


def test_make_run_prints_invoices_and_an_issued_one_and_then_does_nothing(workspace: Path) -> None:
    first = _run("make", "run", workspace=workspace)
    assert "Invoices as of today" in first
    [pdf] = re.findall(r"^Issued [A-Z]+-\d{4}-000001, .*: (/.*\.pdf)$", first, flags=re.MULTILINE)
    assert Path(pdf).read_bytes().startswith(b"%PDF-")
    assert "2026-10" in first
    assert "chargehouse dashboard" in first
    assert "chargehouse dagster" in first
    again = _run("make", "run", workspace=workspace)
    assert "Nothing new" in again
    assert "Invoices as of today" in again
    assert "Issued " not in again
    assert Path(pdf).stem in again


@pytest.mark.parametrize(
    ("verb", "path", "port"), [("dashboard", "/_stcore/health", 18501), ("dagster", "/server_info", 13000)]
)
def test_the_servers_start(workspace: Path, verb: str, path: str, port: int) -> None:
    arguments = [str(_BIN / "chargehouse"), verb, "--port", str(port)]
    if verb == "dashboard":
        arguments.append("--headless")
    process = subprocess.Popen(
        arguments,
        env={**os.environ, "CHARGEHOUSE_DATA": str(workspace)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert _answers(process, f"http://localhost:{port}{path}")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            # Dagster misses a signal that arrives while it starts its code server, as it does on a busy machine.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=60)


def test_init_makes_a_workspace_that_is_valid(tmp_path: Path) -> None:
    from orchestration.configuration.validate import read_configuration

    folder = tmp_path / "billing"
    _run(str(_BIN / "chargehouse"), "init", str(folder), workspace=tmp_path)
    assert read_configuration(folder / "billing").billing_groups
    again = subprocess.run([_BIN / "chargehouse", "init", folder], capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "already holds a configuration" in again.stderr
