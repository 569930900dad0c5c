from pathlib import Path

import pytest

from orchestration.errors import ChargehouseError
from orchestration.exports.files import new_file, require_ending


def test_a_file_is_there_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "made" / "on the way" / "file.csv"
    with new_file(path) as draft:
        draft.write_text("whole", encoding="utf-8")
        assert not path.exists()
    assert path.read_text(encoding="utf-8") == "whole"
    assert [*path.parent.iterdir()] == [path]


def test_nothing_is_left_of_a_file_that_failed(tmp_path: Path) -> None:
    def fail() -> None:
        with new_file(tmp_path / "file.csv") as draft:
            draft.write_text("half", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("is_made_meanwhile", [False, True])
def test_another_file_is_kept(tmp_path: Path, is_made_meanwhile: bool) -> None:
    path = tmp_path / "file.csv"

    def write() -> None:
        with new_file(path) as draft:
            draft.write_text("mine", encoding="utf-8")
            path.write_text("theirs", encoding="utf-8")

    if not is_made_meanwhile:
        path.write_text("theirs", encoding="utf-8")
    with pytest.raises(ChargehouseError, match=r"is there already\. Nothing was written"):
        write()
    assert path.read_text(encoding="utf-8") == "theirs"
    assert [*tmp_path.iterdir()] == [path]


def test_a_link_to_nowhere_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.symlink_to(tmp_path / "gone")
    with pytest.raises(ChargehouseError, match="is there already"), new_file(path):
        pass


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("", encoding="utf-8")
    path = tmp_path / "a file" / "file.csv"
    with pytest.raises(ChargehouseError, match=r"cannot be written: .*Name another place"), new_file(path):
        pass


def test_the_ending_says_the_form(tmp_path: Path) -> None:
    assert require_ending(tmp_path / "A.CSV.GZ", ".csv.gz", ".csv") == ".csv.gz"
    assert require_ending(tmp_path / "a.csv", ".csv.gz", ".csv") == ".csv"
    for name in ("a.xlsx", "csv", ".csv"):
        with pytest.raises(ChargehouseError, match=r"ends in \.csv\.gz or \.csv"):
            require_ending(tmp_path / name, ".csv.gz", ".csv")
