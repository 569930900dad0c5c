"""Which version of the published file a page reads, while runs replace it."""

import threading
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from publication_fixture import OCTOBER, publish

from dashboards import queries
from dashboards.publication import (
    NothingPublishedError,
    OutdatedPublicationError,
    Publication,
    PublicationReplacedError,
    UnreadablePublicationError,
    reading,
)

OPEN_FILES = Path("/proc/self/fd")


def billed(publication: Publication) -> Decimal:
    totals = queries.headline(publication, OCTOBER, "acme")
    assert totals is not None
    return totals.billed_cost


def test_no_file_yet(tmp_path: Path) -> None:
    with pytest.raises(NothingPublishedError, match="Nothing has been published"):
        Publication.at(tmp_path / "chargehouse.duckdb")


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "chargehouse.duckdb"
    path.write_bytes(b"not a database" * 1000)
    with (
        pytest.raises(UnreadablePublicationError, match="Run Chargehouse again"),
        reading(Publication.at(path)),
    ):
        pass


def test_a_missing_mart_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "chargehouse.duckdb"
    publish(path, change="drop table marts.rpt_billing_group_summary")
    with pytest.raises(OutdatedPublicationError, match="another version of Chargehouse"):
        queries.headline(Publication.at(path), OCTOBER, None)


def test_a_path_with_a_quote_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "o'brien" / "chargehouse.duckdb"
    publish(path)
    assert billed(Publication.at(path)) == Decimal("10724.354872")


def test_the_file_cannot_be_written_through_a_page(publication: Publication) -> None:
    with reading(publication) as con, pytest.raises(duckdb.Error, match="read-only"):
        con.execute("delete from marts.fct_charges")


def test_a_new_version_is_read_while_the_old_one_is_still_open(tmp_path: Path) -> None:
    # DuckDB's own second connect in this process would go on showing the old month.
    path = tmp_path / "chargehouse.duckdb"
    publish(path)
    old = Publication.at(path)
    with reading(old) as con, duckdb.connect(str(path), read_only=True):
        before = con.execute("select sum(billed_cost) from marts.fct_charges").fetchone()
        publish(path, october_scale="2")
        new = Publication.at(path)
        assert new != old
        assert billed(new) == Decimal("19498.82704")
        # The reader that began before keeps its own numbers to the end.
        assert con.execute("select sum(billed_cost) from marts.fct_charges").fetchone() == before


def test_the_old_stamp_never_answers_with_new_numbers(tmp_path: Path) -> None:
    # Otherwise one page would show October of two runs side by side, and cache it so.
    path = tmp_path / "chargehouse.duckdb"
    publish(path)
    old = Publication.at(path)
    publish(path, october_scale="2")
    with pytest.raises(PublicationReplacedError):
        queries.headline(old, OCTOBER, "acme")
    path.unlink()
    with pytest.raises(NothingPublishedError):
        queries.month_totals(old, OCTOBER, "acme")


def test_a_page_that_began_on_the_old_version_ends_on_it(tmp_path: Path) -> None:
    path = tmp_path / "chargehouse.duckdb"
    publish(path)
    old = Publication.at(path)
    assert billed(old) == Decimal("10724.354872")
    publish(path, october_scale="2")
    months = queries.month_totals(old, OCTOBER, "acme")
    assert months[-1].billed_cost == Decimal("10724.354872")


@pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="this system does not list the open files of a process in /proc")
def test_the_old_file_is_let_go_when_the_new_one_is_read(tmp_path: Path) -> None:
    # Otherwise every publication of a long-running server would stay on the disk.
    path = tmp_path / "chargehouse.duckdb"
    publish(path)
    billed(Publication.at(path))
    publish(path, october_scale="2")
    billed(Publication.at(path))
    links = [link.readlink() for link in OPEN_FILES.iterdir() if link.is_symlink()]
    assert [link for link in links if str(link).startswith(str(path))] == [path]


def test_pages_read_one_whole_version_at_any_moment_of_publishing(tmp_path: Path) -> None:
    path = tmp_path / "chargehouse.duckdb"
    copies: list[tuple[bytes, Decimal]] = []
    for scale in ("1", "2"):
        copy = tmp_path / f"{scale}.duckdb"
        publish(copy, october_scale=scale)
        copies.append((copy.read_bytes(), Decimal("9749.41352") * int(scale)))
    path.write_bytes(copies[0][0])
    seen: list[Decimal] = []
    errors: list[BaseException] = []
    stop, has_read = threading.Event(), threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                with reading(Publication.at(path)) as con:
                    row = con.execute(
                        "select sum(billed_cost) from marts.fct_charges where billing_group_id = 'acme' "
                        "and billing_period = date '2025-10-01'"
                    ).fetchone()
                    assert row is not None
                    seen.append(row[0])
                    has_read.set()
            except PublicationReplacedError:
                continue  # the page starts over
            except BaseException as error:
                errors.append(error)
                return

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(20):
        fresh = tmp_path / "fresh"
        fresh.write_bytes(copies[turn % 2][0])
        fresh.replace(path)
        # The next one comes while some readers are in the middle of this one, but never before all of them.
        has_read.clear()
        has_read.wait(5)
    stop.set()
    for reader in readers:
        reader.join()
    assert not errors
    assert set(seen) == {total for _, total in copies}


def test_answers_are_kept_for_a_version_and_not_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "chargehouse.duckdb"
    publish(path)
    version = Publication.at(path)
    opened: list[Publication] = []

    def count(publication: Publication) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        opened.append(publication)
        return reading(publication)

    monkeypatch.setattr(queries, "reading", count)
    assert billed(version) == billed(Publication.at(path))
    assert len(opened) == 1
    publish(path, october_scale="2")
    assert billed(Publication.at(path)) == Decimal("19498.82704")
    assert len(opened) == 2
