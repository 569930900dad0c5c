from pathlib import Path

import pytest
from conductor import Conductor, Import

from orchestration.abc.importing import import_billing_conductor
from orchestration.abc.report import ImportReport


@pytest.fixture
def imported(tmp_path: Path) -> Import:
    """Imports what a Conductor lists into `tmp_path/billing`."""

    def run(conductor: Conductor, **options: object) -> ImportReport:
        files = conductor.write(tmp_path / "lists")
        return import_billing_conductor(files, tmp_path / "billing", **options)  # type: ignore[arg-type]

    return run
