"""A workspace with a published file, and pages run without a browser."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dashboard_page import Page
from publication_fixture import publish
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.testing.v1 import AppTest

from dashboards.publication import Publication
from orchestration.settings import PROJECT_ROOT, Workspace

APP = PROJECT_ROOT / "dashboards" / "app.py"


@pytest.fixture(scope="session")
def shared_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shared")
    publish(Workspace.at(root).published_file)
    return root


@pytest.fixture(scope="session")
def shared_root_with_group_charges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("group_charges")
    publish(Workspace.at(root).published_file, group_charges=True)
    return root


@pytest.fixture(scope="session")
def shared_root_with_documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("documents")
    publish(Workspace.at(root).published_file, documents=True)
    return root


@pytest.fixture
def issued(shared_root_with_documents: Path, monkeypatch: pytest.MonkeyPatch) -> Publication:
    """A publication with an issued document, decisions and credits, shared by all tests that change nothing."""
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(shared_root_with_documents))
    return Publication.at(Workspace.from_environment().published_file)


@pytest.fixture
def group_charges(shared_root_with_group_charges: Path, monkeypatch: pytest.MonkeyPatch) -> Publication:
    """A publication with charges of whole groups, shared by all tests that change nothing."""
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(shared_root_with_group_charges))
    return Publication.at(Workspace.from_environment().published_file)


@pytest.fixture
def workspace(shared_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace that a run has published in, shared by all tests that change nothing."""
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(shared_root))
    workspace = Workspace.from_environment()
    shared = Publication.at(workspace.published_file)
    yield workspace
    # A test that publishes here breaks whichever tests the same process runs later.
    assert Publication.at(workspace.published_file) == shared, "take own_workspace to change what is published"


@pytest.fixture
def empty_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace of the test's own, in which no run has published yet."""
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(tmp_path))
    return Workspace.from_environment()


@pytest.fixture
def own_workspace(empty_workspace: Workspace, shared_root: Path) -> Workspace:
    """A workspace of the test's own, in which a run has published."""
    empty_workspace.published_file.parent.mkdir(parents=True)
    shutil.copy(Workspace.at(shared_root).published_file, empty_workspace.published_file)
    return empty_workspace


@pytest.fixture
def publication(workspace: Workspace) -> Publication:
    return Publication.at(workspace.published_file)


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Page]:
    """Open a page by its file name without ending, with choices as the address has them."""
    downloads: dict[str, Callable[[], bytes]] = {}
    register = MediaFileManager.add_deferred

    def remember(self: MediaFileManager, data_callable: Callable[[], bytes], *args: object, **kwargs: object) -> str:
        name = kwargs.get("file_name") or args[2]
        downloads[str(name)] = data_callable
        return register(self, data_callable, *args, **kwargs)  # type: ignore[arg-type]

    # Streamlit looks through all installed packages for components, anew for each page: 0.4 s.
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", list)
    # The buttons' files are written on demand, in a request that AppTest does not make.
    monkeypatch.setattr(MediaFileManager, "add_deferred", remember)

    def open_(name: str = "overview", **address: str) -> Page:
        at = AppTest.from_file(str(APP), default_timeout=30)
        at.query_params.update(address)
        if name != "overview":
            at.switch_page(f"views/{name}.py")
        at.run()
        return Page(at, downloads).checked()

    return open_
