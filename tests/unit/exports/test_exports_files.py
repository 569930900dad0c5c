import csv
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import ChargehouseError
from orchestration.exports.analyses import copy_to_csv
from orchestration.exports.files import FORMULA_STARTS, csv_text, new_file, require_ending


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


def test_no_text_of_a_csv_file_is_a_formula(tmp_path: Path) -> None:
    """What DuckDB writes is guarded as what Python writes; a negative amount stays a number."""
    texts = [*(f"{start}1+1" for start in FORMULA_STARTS), "plain", "a=b", "", "'x"]
    path = tmp_path / "rows.csv"
    with duckdb.connect() as connection:
        connection.execute("create table cells (text varchar, amount decimal(18, 4), day date)")
        connection.executemany(
            "insert into cells values ($1, $2, date '2026-10-01')", [[text, Decimal("-1.5")] for text in texts]
        )
        query = "select text, amount, day from cells order by rowid"
        assert copy_to_csv(connection, query, path, is_compressed=False, guard_formulas=True) == len(texts)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["text", "amount", "day"], *([csv_text(text), "-1.5000", "2026-10-01"] for text in texts)]
    assert [csv_text(text) == text for text in texts] == [False] * 6 + [True] * 4
