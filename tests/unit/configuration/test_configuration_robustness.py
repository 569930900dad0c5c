"""Whatever stands in the files, the answer is a configuration or a list of problems; never a traceback."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestration.configuration.schema import FILE_BY_NAME, FILES
from orchestration.configuration.validate import read_configuration
from orchestration.errors import ConfigurationError

NAMES = [schema.name for schema in FILES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("robustness")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_text_in_any_cell(new_files: Callable[[Path], Any], folder: Path, data: st.DataObject) -> None:
    files = new_files(folder)
    texts = [cell for rows in files.rows.values() for row in rows for cell in row]
    for _ in range(data.draw(st.integers(1, 4))):
        name = data.draw(st.sampled_from(NAMES))
        row = data.draw(st.integers(0, len(files.rows[name]) - 1))
        column = data.draw(st.sampled_from(list(FILE_BY_NAME[name].columns)))
        cell = st.one_of(st.text(st.characters(codec="utf-8"), max_size=12), st.sampled_from(sorted(set(texts))))
        files.set(name, row, column, data.draw(cell))
    for problem in files.problems():
        assert problem.file in {schema.file for schema in FILES}
        assert problem.line is not None
        assert problem.expected
        assert problem.what_to_do.endswith((".", "?"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(NAMES), content=st.binary(max_size=60))
@example(name="payers", content=b'payer_account_id,payer_name,billing_export\n"')
@example(name="payers", content=b"\x00")
@example(name="payers", content=b"a\rb\r\nc")
def test_any_bytes_in_any_file(new_files: Callable[[Path], Any], folder: Path, name: str, content: bytes) -> None:
    files = new_files(folder)
    files.write_bytes(name, content)
    problems = files.problems()
    assert problems
    assert all(str(problem) for problem in problems)


def test_a_file_too_strange_to_open_is_a_problem(new_files: Callable[[Path], Any], tmp_path: Path) -> None:
    files = new_files(tmp_path)
    files.remove("payers")
    (files.write() / "payers.csv").mkdir()
    with pytest.raises(ConfigurationError) as error:
        read_configuration(tmp_path)
    assert str(error.value.problems[0]).startswith("payers.csv: ")
