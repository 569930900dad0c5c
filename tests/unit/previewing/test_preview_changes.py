"""What differs between two folders of configuration files."""

from pathlib import Path

import pytest

from orchestration.configuration.validate import read_configuration
from orchestration.previewing.changes import RowChange, configuration_changes
from orchestration.sample.install import write_example_configuration


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    before, after = tmp_path / "before", tmp_path / "after"
    write_example_configuration(before)
    write_example_configuration(after)
    return before, after


def _edit(folder: Path, name: str, old: str, new: str) -> None:
    file = folder / f"{name}.csv"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def _changes(folders: tuple[Path, Path]) -> list[RowChange]:
    return configuration_changes(*map(read_configuration, folders))


def test_spelling_order_and_defaults_are_no_change(folders: tuple[Path, Path]) -> None:
    _, after = folders
    _edit(after, "pricing_rules", "MARKUP,8,", "MARKUP,8.00,")
    (after / "settings.csv").write_text("setting,value\n", encoding="utf-8")
    tiers = after / "pricing_rule_tiers.csv"
    head, *rows = tiers.read_text(encoding="utf-8").splitlines()
    tiers.write_text("\n".join([head, *reversed(rows)]) + "\n", encoding="utf-8")
    assert _changes(folders) == []


def test_a_changed_cell_is_named_with_its_line(folders: tuple[Path, Path]) -> None:
    _edit(folders[1], "pricing_rules", "MARKUP,8,", "MARKUP,9.5,")
    [change] = _changes(folders)
    assert (change.file, change.kind, change.key, change.line) == ("pricing_rules.csv", "changed", "retail-default", 2)
    assert change.words == "percentage: 8 → 9.5"


def test_a_removed_row_has_the_line_it_had(folders: tuple[Path, Path]) -> None:
    _edit(folders[1], "tax_classes", "Kiro,software\n", "")
    [change] = _changes(folders)
    assert (change.kind, change.key, change.line) == ("removed", "Kiro", 4)
    assert change.words == "service_code: Kiro, tax_class: software"


def test_rows_with_dated_keys_are_told_apart_by_their_start(folders: tuple[Path, Path]) -> None:
    """An account that moves has several rows: the one that changed is named, not the first with its id."""
    _edit(
        folders[1],
        "account_assignments",
        "663508217749,lumen,2025-01-01,2026-09-16",
        "663508217749,lumen,2025-01-01,2026-09-20",
    )
    _edit(folders[1], "account_assignments", "663508217749,harbor,2026-09-16,", "663508217749,harbor,2026-09-20,")
    assert [(change.kind, change.key) for change in _changes(folders)] == [
        ("changed", "663508217749/2025-01-01"),
        ("removed", "663508217749/2026-09-16"),
        ("added", "663508217749/2026-09-20"),
    ]


def test_a_file_that_appears_adds_its_rows(folders: tuple[Path, Path]) -> None:
    (folders[1] / "access.csv").write_text("email,role,customer_id\nada@example.com,finance,\n", encoding="utf-8")
    [change] = _changes(folders)
    assert (change.file, change.kind, change.line) == ("access.csv", "added", 2)
    assert change.words == "email: ada@example.com, role: finance"
