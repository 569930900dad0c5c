"""A real server, a real browser, and a published file with known totals."""

import importlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser_reader import PATIENCE, Reader
from playwright.sync_api import Browser, Page, sync_playwright

from orchestration.settings import PROJECT_ROOT, Workspace

UNIT_TESTS = Path(__file__).resolve().parents[1] / "unit" / "dashboards"

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
Serve = Callable[[Path], str]
Publish = Callable[..., None]


@pytest.fixture(scope="session")
def publish() -> Publish:
    """Write a published file with known totals: the one that the unit tests of the pages use."""
    sys.path.insert(0, str(UNIT_TESTS))
    module = importlib.import_module("publication_fixture")
    sys.path.remove(str(UNIT_TESTS))
    write: Publish = module.publish
    return write


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine: `make setup-system` installs it")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port: int = probe.getsockname()[1]
        return port


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health") as answer:
            return bool(answer.status == 200)
    except OSError:  # not listening yet
        return False


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Start the pages on a workspace and return their address; the servers end with the tests."""
    servers: list[subprocess.Popen[bytes]] = []

    def start(root: Path) -> str:
        port = _free_port()
        log = tmp_path_factory.mktemp("server") / "streamlit.log"
        with log.open("wb") as out:
            server = subprocess.Popen(
                [
                    *(sys.executable, "-m", "streamlit", "run", "dashboards/app.py"),
                    *("--server.port", str(port), "--server.headless", "true"),
                    *("--browser.gatherUsageStats", "false"),
                ],
                cwd=PROJECT_ROOT,
                env={**os.environ, "CHARGEHOUSE_DATA": str(root)},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        servers.append(server)
        url = f"http://localhost:{port}"
        deadline = time.monotonic() + PATIENCE
        while not _healthy(url):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server did not start:\n{log.read_text()}")
            time.sleep(0.1)
        return url

    yield start
    for server in servers:
        server.terminate()
    for server in servers:
        server.wait(timeout=PATIENCE)


@pytest.fixture(scope="session")
def shared_url(serve: Serve, publish: Publish, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The pages on a published workspace that no test changes."""
    root = tmp_path_factory.mktemp("workspace")
    publish(Workspace.at(root).published_file, extra_charges=600)
    return serve(root)


@pytest.fixture(scope="session")
def group_charges_url(serve: Serve, publish: Publish, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The pages on a workspace with charges of whole groups that no test changes."""
    root = tmp_path_factory.mktemp("group_charges")
    publish(Workspace.at(root).published_file, group_charges=True)
    return serve(root)


@pytest.fixture
def reader(browser: Browser) -> Iterator[Callable[..., Reader]]:
    pages: list[Page] = []

    def sit_down(url: str, width: int = 1280) -> Reader:
        page = browser.new_page(viewport={"width": width, "height": 900})
        pages.append(page)
        return Reader(page, url)

    yield sit_down
    for page in pages:
        page.close()
