import hashlib
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestration.documents import batch
from orchestration.documents.batch import Rendered, is_current, render, render_all
from orchestration.documents.pdf import Style
from orchestration.errors import DocumentError
from orchestration.sample.documents import example_content, example_line


def _content(number: int, net: str = "10.00") -> bytes:
    return example_content([example_line("Amazon EC2", net)], number=f"BWEU-2026-{number:06}")


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_document_has_four_files() -> None:
    files = render(_content(1))
    assert list(files) == [f"BWEU-2026-000001.{ending}" for ending in ("csv", "pdf", "xlsx", "xml")]
    kuwaiti = example_content([example_line("Amazon EC2", "1.234")], currency="KWD", minor_units=3)
    assert [Path(name).suffix for name in render(kuwaiti)] == [".csv", ".pdf", ".xlsx"]


def test_processes_write_what_one_process_writes(tmp_path: Path) -> None:
    contents = [_content(number) for number in range(1, 8)]
    seen: list[Rendered] = []
    alone = render_all(iter(contents), tmp_path / "alone")
    together = render_all(iter(contents), tmp_path / "together", jobs=2, progress=seen.append)
    assert sorted(result.number for result in together) == [result.number for result in alone]
    assert seen == together
    assert [result.error for result in together] == [None] * 7
    assert _files(tmp_path / "alone") == _files(tmp_path / "together")
    assert len(_files(tmp_path / "alone")) == 7 * 5


def test_threads_render_what_one_thread_renders() -> None:
    """Pages show previews, and each visitor's page runs in a thread of its own."""
    contents = [_content(number) for number in range(1, 13)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(render, contents)) == list(map(render, contents))


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    render_all([_content(1), _content(2)], tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert is_current(_content(1), tmp_path)
    assert [result.was_current for result in render_all([_content(1), _content(2)], tmp_path)] == [True, True]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    subprocess.run(["sha256sum", "--check", "--strict", "BWEU-2026-000001.sha256"], cwd=tmp_path, check=True)


@pytest.mark.parametrize("ending", ["pdf", "xml", "xlsx", "csv", "sha256"])
@pytest.mark.parametrize("damage", ["changed", "removed"])
def test_a_damaged_file_is_made_again(tmp_path: Path, ending: str, damage: str) -> None:
    render_all([_content(1)], tmp_path)
    good = _files(tmp_path)
    path = tmp_path / f"BWEU-2026-000001.{ending}"
    path.unlink() if damage == "removed" else path.write_bytes(b"damaged")
    assert not is_current(_content(1), tmp_path)
    (result,) = render_all([_content(1)], tmp_path)
    assert not result.was_current
    assert _files(tmp_path) == good


def test_other_content_style_or_renderer_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "documents"
    render_all([_content(1)], folder)
    assert not is_current(_content(1, "11.00"), folder)
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle r="4"/></svg>', encoding="utf-8")
    style = Style(logo=logo)
    assert not is_current(_content(1), folder, style)
    render_all([_content(1)], folder, style_of=lambda _issuer: style)
    assert is_current(_content(1), folder, style)
    monkeypatch.setattr(batch, "_renderer", lambda: "another")
    assert not is_current(_content(1), folder, style)


def test_one_failure_does_not_stop_the_others(tmp_path: Path) -> None:
    damaged = _content(2).replace(b'"net_amount":"10.00"', b'"net_amount":"10.01"', 1)
    results = render_all([_content(1), damaged, b"nonsense", _content(3)], tmp_path, jobs=2)
    failed = {result.number: result.error for result in results if result.error}
    assert set(failed) == {"BWEU-2026-000002", ""}
    assert "is not the sum of" in str(failed["BWEU-2026-000002"])
    assert {Path(name).stem for name in _files(tmp_path)} == {"BWEU-2026-000001", "BWEU-2026-000003"}


def test_an_invalid_invoice_is_not_written(tmp_path: Path) -> None:
    customer = {"customer_id": "k", "legal_name": "K", "country_code": "XX"}
    content = example_content([example_line("Amazon EC2", "1.00")], customer=customer)
    with pytest.raises(DocumentError, match=r"The electronic invoice of BWEU-2026-000042 is not valid"):
        render(content)
    (result,) = render_all([content], tmp_path)
    assert "is not valid" in str(result.error)
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_run_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    render_all([_content(1)], tmp_path)
    good = _files(tmp_path)

    class Stopped(BaseException):
        pass

    def stop(_path: Path, _target: Path) -> Path:
        raise Stopped

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(Stopped):
        render_all([_content(1, "11.00")], tmp_path)
    assert _files(tmp_path) == good


def test_what_a_killed_process_left_is_swept_away(tmp_path: Path) -> None:
    killed = subprocess.Popen(["true"])
    killed.wait()
    left = tmp_path / f".BWEU-2026-000001.pdf.{killed.pid}.a1b2c3"
    living = tmp_path / f".BWEU-2026-000001.pdf.{os.getpid()}.a1b2c3"
    of_another = tmp_path / f".BWEU-2026-000011.pdf.{killed.pid}.a1b2c3"
    for file in (left, living, of_another):
        file.write_bytes(b"%PDF")
    render_all([_content(1)], tmp_path)
    assert {file.name for file in tmp_path.iterdir() if file.name.startswith(".")} == {living.name, of_another.name}


def test_numbers_never_lead_out_of_the_folder(tmp_path: Path) -> None:
    content = example_content([example_line("Amazon EC2", "1.00")], number="../../etc/x y")
    (result,) = render_all([content], tmp_path / "documents")
    assert [Path(name).name for name in result.files] == list(result.files)
    assert [path.name for path in tmp_path.iterdir()] == ["documents"]


def test_drafts_are_named_by_group_and_period() -> None:
    content = example_content([example_line("Amazon EC2", "1.00")], number=None, issue_date=None)
    assert list(render(content)) == [f"draft-2026-09-kranich.{ending}" for ending in ("csv", "pdf", "xlsx")]


def test_the_receipt_names_content_and_files(tmp_path: Path) -> None:
    render_all([_content(1)], tmp_path)
    lines = (tmp_path / "BWEU-2026-000001.sha256").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# made from ")
    digest = hashlib.sha256((tmp_path / "BWEU-2026-000001.pdf").read_bytes()).hexdigest()
    assert f"{digest}  BWEU-2026-000001.pdf" in lines
