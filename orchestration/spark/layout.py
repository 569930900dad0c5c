"""The folder that a workspace and Spark share, and the catalogue of what is in it.

What is here: paths, and the columns of each table with DuckDB's types, one JSON file per folder of tables.
When to add here: another kind of thing that is exchanged.
What does not belong here: reading and writing the tables (``exchange`` in DuckDB, ``adapter`` in Spark).

Whoever reads a table takes its columns from the catalogue: Spark need not open files to learn them, and a table without
rows, which has no file, keeps its types.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Columns", "Exchange", "read_catalogue", "write_catalogue"]

Columns = dict[str, str]
"""Names of columns in order, with DuckDB's types."""


@dataclass(frozen=True)
class Exchange:
    """The shared folder.

    Attributes:
        root: the same path for Chargehouse, the driver and every worker.
    """

    root: Path

    @property
    def inputs(self) -> Path:
        """What DuckDB wrote for Spark: ``<schema>/<table>/*.parquet``; replaced by each run."""
        return self.root / "inputs"

    @property
    def tables(self) -> Path:
        """What Spark built: ``<schema>/<table>/billing_period=<date>/*.parquet``, kept from run to run."""
        return self.root / "tables"

    @property
    def scratch(self) -> Path:
        """What Spark keeps while it builds, a folder per process: a JVM can outlive the process that was killed, and
        whatever it still writes must not meet what the next run writes.
        """
        return self.root / "scratch" / str(os.getpid())


def read_catalogue(folder: Path) -> dict[str, Columns]:
    """Return the columns of each table of a folder by ``schema.table``; empty where nothing was written yet."""
    file = folder / "columns.json"
    if not file.exists():
        return {}
    catalogue: dict[str, Columns] = json.loads(file.read_text(encoding="utf-8"))
    return catalogue


def write_catalogue(folder: Path, catalogue: dict[str, Columns]) -> None:
    """Replace the catalogue of a folder in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    new_file = folder / f"columns.json.{os.getpid()}.new"
    new_file.write_text(json.dumps(catalogue, indent=1), encoding="utf-8")
    new_file.replace(folder / "columns.json")
