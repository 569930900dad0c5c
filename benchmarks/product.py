"""The commands of Chargehouse that are measured, on a workspace of the benchmark.

What is here: making the workspace, what happens to it between two runs (a month that AWS restates, a price that
changes), and the command lines.
When to add here: another command whose cost users feel.
What does not belong here: timing (``measuring``).
"""

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.billing import write_billing
from benchmarks.columns import Form
from benchmarks.deliveries import Delivery, catalogue, deliveries_of, periods, write_deliveries, write_delivery
from orchestration.settings import Workspace, child_environment

__all__ = ["BenchmarkWorkspace"]

_RESTATED = periods()[11]
_STAMP = "benchmark.txt"
_CHANGED = "changed.txt"
_PRICE = "8"


class BenchmarkWorkspace:
    """A workspace with made-up deliveries.

    Args:
        root: its folder; nothing else is in it.
        form: form of the deliveries.
        row_count: rows in all deliveries.
        seed: makes other rows.
        memory_limit: of DuckDB, for the product.
    """

    def __init__(self, root: Path, form: Form, row_count: int, seed: int, memory_limit: str = "4GB") -> None:
        self.workspace = replace(Workspace.at(root), memory_limit=memory_limit)
        self.form = form
        self.row_count = row_count
        self.seed = seed

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every measured command."""
        return child_environment(self.workspace)

    def make(self, progress: Callable[[Delivery], None] = lambda _delivery: None) -> None:
        """Write deliveries and configuration, unless they are there; what was built of them stays."""
        root, stamp = self.workspace.root, self.workspace.root / _STAMP
        made_of = f"{self.form} {self.row_count} {self.seed}"
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != made_of:
            if root.exists() and any(root.iterdir()) and not stamp.exists():
                raise FileExistsError(f"{root} holds something else than a benchmark; name another folder.")
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir(parents=True)
            stamp.write_text("unfinished", encoding="utf-8")
            write_deliveries(self.workspace.landing, self.form, self.row_count, self.seed, progress=progress)
            stamp.write_text(made_of, encoding="utf-8")
        if (root / _CHANGED).exists():
            # A measurement of changes was stopped.
            self.undo_changes()
        self.set_price(_PRICE)

    def forget(self) -> None:
        """Take away everything that a run made."""
        for folder in (self.workspace.warehouse, self.workspace.published_file.parent, self.workspace.root / "ledger"):
            shutil.rmtree(folder, ignore_errors=True)

    def set_price(self, percentage: str) -> None:
        """Write the configuration with that markup for a whole plan."""
        (self.workspace.root / _CHANGED).touch()
        with catalogue(self.seed) as connection:
            write_billing(self.workspace.billing, connection, percentage)
        if percentage == _PRICE:
            (self.workspace.root / _CHANGED).unlink()

    def restate(self, again: bool = False) -> None:
        """Deliver one of the 24 months with other rows, as AWS does after an error; again with yet others."""
        (self.workspace.root / _CHANGED).touch()
        self._deliver(first_row_moved_by=2_000_000_000 if again else 1_000_000_000, version=f"restated {again}")

    def undo_changes(self) -> None:
        """Put the rows of the first deliveries and the first price back in their place, and forget what was built."""
        self.forget()
        self._deliver(first_row_moved_by=0, version="")
        self.set_price(_PRICE)

    def _deliver(self, first_row_moved_by: int, version: str) -> None:
        with catalogue(self.seed) as connection:
            for delivery in deliveries_of(connection, self.row_count):
                if delivery.period.date() == _RESTATED:
                    # The yardstick reads every file, so that the delivery that is replaced has to go.
                    for folder in self.workspace.landing.glob(f"cur/{delivery.export_name}/{delivery.period:%Y%m%d}-*"):
                        shutil.rmtree(folder)
                    moved = replace(delivery, first_row=delivery.first_row + first_row_moved_by)
                    write_delivery(connection, self.workspace.landing, self.form, moved, self.seed, version)

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of a ``chargehouse`` command of this checkout, wherever it is installed from."""
        return [sys.executable, "-c", "from orchestration.cli import main; main()", *arguments]

    def size_mb(self) -> dict[str, float]:
        """Return the size of landing, warehouse database, raw store and published copy, in millions of bytes."""
        return {
            "landing": _size(self.workspace.landing),
            "warehouse database": self.workspace.warehouse_file.stat().st_size / 1e6,
            "raw store": _size(self.workspace.raw_store),
            "published copy": self.workspace.published_file.stat().st_size / 1e6,
        }


def _size(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
