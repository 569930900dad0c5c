"""A workspace with a published file, and pages run without a browser."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
import streamlit as st
from publication_fixture import publish
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.testing.v1 import AppTest

from dashboards.publication import Publication
from orchestration.settings import PROJECT_ROOT, Workspace

APP = PROJECT_ROOT / "dashboards" / "app.py"


@pytest.fixture(scope="session")
def published_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("published") / "chargehouse.duckdb"
    publish(path)
    return path


@pytest.fixture
def empty_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace in which no run has published yet; pages find it by the environment."""
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(tmp_path))
    st.cache_data.clear()
    return Workspace.from_environment()


@pytest.fixture
def workspace(empty_workspace: Workspace, published_template: Path) -> Workspace:
    empty_workspace.published_file.parent.mkdir(parents=True)
    shutil.copy(published_template, empty_workspace.published_file)
    return empty_workspace


@pytest.fixture
def publication(workspace: Workspace) -> Publication:
    return Publication.at(workspace.published_file)


@dataclass(frozen=True)
class Table:
    """A table as a reader sees it; every text includes the cell's second line after a newline."""

    caption: str
    head: list[str]
    helps: list[str]
    rows: list[list[str]]
    foot: list[list[str]]

    def column(self, name: str) -> list[str]:
        return [row[self.head.index(name)] for row in self.rows]


def _text(cell: ElementTree.Element) -> str:
    detail = cell.find("span[@class='ch-detail']")
    second = "" if detail is None else "\n" + "".join(detail.itertext())
    first = "".join(cell.itertext())
    return (first.removesuffix(second.strip()) if second else first) + second


def _rows(parent: ElementTree.Element | None) -> list[list[str]]:
    return [] if parent is None else [[_text(cell) for cell in row] for row in parent.findall("tr")]


@dataclass
class Page:
    """One page of the app, run without a browser."""

    at: AppTest
    downloads: dict[str, Callable[[], bytes]]

    @property
    def tables(self) -> list[Table]:
        found = []
        for element in self.at.html:
            if not element.value.startswith('<div class="ch-table"'):
                continue
            table = ElementTree.fromstring(element.value).find("table")
            assert table is not None
            head = table.findall("thead/tr/th")
            found.append(
                Table(
                    caption=table.findtext("caption") or "",
                    head=["".join(cell.itertext()) for cell in head],
                    helps=[cell.get("title", "") for cell in head],
                    rows=[row for body in table.findall("tbody") for row in _rows(body)],
                    foot=_rows(table.find("tfoot")),
                )
            )
        return found

    def table(self, caption: str) -> Table:
        matching = [table for table in self.tables if table.caption.startswith(caption)]
        assert matching, f"no table {caption!r} among {[table.caption for table in self.tables]}"
        return matching[0]

    @property
    def metrics(self) -> dict[str, str]:
        return {metric.label: metric.value for metric in self.at.metric}

    @property
    def html(self) -> str:
        return "\n".join(element.value for element in self.at.html)

    def choose(self, **choices: str | list[str]) -> "Page":
        """Set pickers by key and run again."""
        for key, value in choices.items():
            if key == "search":
                self.at.text_input(key=key).set_value(value)
            elif isinstance(value, list):
                self.at.multiselect(key=key).set_value(value)
            else:
                self.at.selectbox(key=key).set_value(value)
        self.at.run()
        return self.checked()

    def checked(self) -> "Page":
        assert not self.at.exception, [element.value for element in self.at.exception]
        return self


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Page]]:
    """Open a page by its file name without ending, with choices as the address has them."""
    downloads: dict[str, Callable[[], bytes]] = {}
    register = MediaFileManager.add_deferred

    def remember(
        self: MediaFileManager, data_callable: Callable[[], bytes], *args: object, **kwargs: object
    ) -> str:
        name = kwargs.get("file_name") or args[2]
        downloads[str(name)] = data_callable
        return register(self, data_callable, *args, **kwargs)  # type: ignore[arg-type]

    # The buttons' files are written on demand, in a request that AppTest does not make.
    monkeypatch.setattr(MediaFileManager, "add_deferred", remember)

    def open_(name: str = "overview", **address: str) -> Page:
        at = AppTest.from_file(str(APP), default_timeout=30)
        at.query_params.update(address)
        at.run()
        if name != "overview":
            downloads.clear()
            at.query_params.update(address)
            at.switch_page(f"views/{name}.py").run()
        return Page(at, downloads).checked()

    yield open_
    st.cache_data.clear()
