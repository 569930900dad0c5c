"""Books of their own for each test."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from orchestration import settlement_commands
from tests.unit.settling.settled_books import Books


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    """A workspace of the example's customers with an empty ledger, found by commands too; it is 2026-12-31."""
    made = Books(tmp_path / "workspace")
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(made.workspace.root))
    for name in ("CHARGEHOUSE_LEDGER", "CHARGEHOUSE_LANDING", "CHARGEHOUSE_SMTP_URL", "CHARGEHOUSE_MAIL_FROM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(settlement_commands, "_today", lambda: date(2026, 12, 31))
    yield made
    made.ledger.close()
