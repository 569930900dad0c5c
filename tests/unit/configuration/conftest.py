"""A whole valid configuration, with every file filled in, that tests damage in one place each."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.configuration.schema import Configuration
from orchestration.configuration.validate import read_configuration
from orchestration.errors import ConfigProblem, ConfigurationError

EXAMPLE = Path(__file__).parent / "example"


class ConfigurationFiles:
    """Configuration files as header and rows of text; tests change rows, then write and read them.

    A row's position is its line in the file minus 2, except in customers.csv: its first row takes two lines.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.headers: dict[str, list[str]] = {}
        self.rows: dict[str, list[list[str]]] = {}
        for path in EXAMPLE.glob("*.csv"):
            header, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines(keepends=True))
            self.headers[path.stem], self.rows[path.stem] = header, rows

    def set(self, name: str, position: int, column: str, text: str) -> None:
        """Write ``text`` in one cell."""
        self.rows[name][position][self.headers[name].index(column)] = text

    def add(self, name: str, line: str) -> None:
        """Append a row, given as a line of CSV."""
        self.rows[name] += list(csv.reader([line]))

    def drop(self, name: str, *positions: int) -> None:
        """Remove rows."""
        self.rows[name] = [row for position, row in enumerate(self.rows[name]) if position not in positions]

    def replace_rows(self, name: str, *lines: str) -> None:
        """Replace all rows by these lines of CSV."""
        self.rows[name] = list(csv.reader(lines))

    def remove(self, *names: str) -> None:
        """Remove whole files."""
        for name in names:
            del self.headers[name], self.rows[name]

    def write(self) -> Path:
        """Write all files and return their folder."""
        for name, header in self.headers.items():
            with (self.folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([header, *self.rows[name]])
        return self.folder

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write one file as given, instead of its rows."""
        self.remove(name)
        (self.folder / f"{name}.csv").write_bytes(content)

    def read(self) -> Configuration:
        """Write and read the configuration, which must be valid."""
        return read_configuration(self.write())

    def problems(self) -> list[ConfigProblem]:
        """Write and read the configuration and return its problems; none when it is valid."""
        try:
            self.read()
        except ConfigurationError as error:
            return error.problems
        return []


@pytest.fixture
def files(tmp_path: Path) -> ConfigurationFiles:
    """The example configuration, in a folder of its own."""
    return ConfigurationFiles(tmp_path)


@pytest.fixture(scope="session")
def new_files() -> Callable[[Path], ConfigurationFiles]:
    """Makes the example configuration in a given folder, for tests that need many of them."""
    return ConfigurationFiles
