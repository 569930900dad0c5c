"""Backup and restore, from each database into each; and every archive that must not be restored."""

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration.errors import LedgerError
from orchestration.ledger.ledger import Ledger, restore_ledger
from orchestration.ledger.reads import table_names
from orchestration.ledger.settlement import ItemId, Payment
from orchestration.settings import Workspace
from tests.unit.ledger.conftest import DATABASES
from tests.unit.ledger.ledger_contents import a_content, correct, issue, issue_one, request_of, with_credit

NewWorkspace = Callable[[str], Workspace]


def fill(ledger: Ledger) -> None:
    """Documents, draws, payments, a match and its reversal."""
    content, draw = with_credit(a_content(group="c", nets=["100.00", "50.00"]), "-40.00")
    first = issue(ledger, request_of(content, draws=[draw]))
    correct(ledger, issue_one(ledger, "b"), "-10.00")
    payment = Payment("bank", "1", date(2026, 11, 1), Decimal("50.10"), "EUR", reference="Zürich")
    ledger.record_payment(payment, "Ada", first.customer_id)
    ledger.allocate(ItemId("payment", 1), ItemId("document", 1), Decimal("50.1"), "Ada", "by hand")
    ledger.reverse_allocation(1, "Ada", "no")


def write_files(workspace: Workspace) -> None:
    for folder, name in ((workspace.documents, "2026/BW-2026-000001.pdf"), (workspace.billing, "issuers.csv")):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(f"content of {name}".encode())


@pytest.fixture
def archive(ledger: Ledger, workspace: Workspace, tmp_path: Path) -> Path:
    """A backup of a filled ledger and two files."""
    fill(ledger)
    write_files(workspace)
    path = tmp_path / "backups" / "one.zip"
    done = ledger.backup(path)
    assert (done.document_count, done.file_count, done.head) == (3, 2, ledger.verify().head)
    return path


@pytest.mark.parametrize("target", DATABASES)
def test_a_backup_comes_back_whole(
    ledger: Ledger, workspace: Workspace, archive: Path, new_workspace: NewWorkspace, target: str
) -> None:
    restored = new_workspace(target)
    done = restore_ledger(restored, archive, "Ada")
    assert done.head == ledger.verify().head
    with Ledger.open(restored) as other:
        other._clock = ledger._clock
        assert other.verify().is_sound
        for name in table_names():
            if name != "audit_log":
                assert other.arrow_table(name) == ledger.arrow_table(name), name
        assert list(other.documents()) == list(ledger.documents())
        log, before = other.arrow_table("audit_log").to_pylist(), ledger.arrow_table("audit_log").to_pylist()
        assert log[:-1] == before
        assert log[-1]["action"] == "restore"
        # Numbers go on where they stopped.
        assert issue_one(other, "next").number == issue_one(ledger, "next").number == "BW-2026-000003"
    for folder, name in (("documents", "2026/BW-2026-000001.pdf"), ("billing", "issuers.csv")):
        assert (restored.root / folder / name).read_bytes() == f"content of {name}".encode()


def test_an_empty_ledger_can_be_backed_up(ledger: Ledger, tmp_path: Path, new_workspace: NewWorkspace) -> None:
    ledger.backup(tmp_path / "empty.zip")
    restored = new_workspace("sqlite")
    assert restore_ledger(restored, tmp_path / "empty.zip", "Ada").document_count == 0
    with Ledger.open(restored) as other:
        other._clock = lambda: datetime(2026, 12, 31, tzinfo=UTC)
        assert issue_one(other, "a").number == "BW-2026-000001"


def test_a_lost_ledger_file_comes_back_beside_its_documents(tmp_path: Path) -> None:
    workspace = Workspace.at(tmp_path / "workspace")
    with Ledger.open(workspace) as ledger:
        ledger._clock = lambda: datetime(2026, 12, 31, tzinfo=UTC)
        fill(ledger)
        write_files(workspace)
        ledger.backup(tmp_path / "one.zip")
    workspace.ledger_file.unlink()
    restore_ledger(workspace, tmp_path / "one.zip", "Ada")
    with Ledger.open(workspace) as ledger:
        assert ledger.verify().document_count == 3


def test_backups_are_never_overwritten(ledger: Ledger, archive: Path) -> None:
    with pytest.raises(LedgerError, match=r"is there already\. Nothing was written"):
        ledger.backup(archive)


def test_a_ledger_that_is_not_empty_is_not_restored_into(ledger: Ledger, workspace: Workspace, archive: Path) -> None:
    before = list(ledger.documents())
    with pytest.raises(LedgerError, match="The ledger is not empty"):
        restore_ledger(workspace, archive, "Ada")
    assert list(ledger.documents()) == before


def test_other_files_in_the_way_stop_the_restore(archive: Path, new_workspace: NewWorkspace) -> None:
    workspace = new_workspace("sqlite")
    workspace.billing.mkdir()
    (workspace.billing / "issuers.csv").write_text("mine")
    with pytest.raises(LedgerError, match=r"there with other content(.|\n)*issuers.csv"):
        restore_ledger(workspace, archive, "Ada")
    assert not workspace.documents.exists()
    with Ledger.open(workspace) as ledger:
        assert list(ledger.documents()) == []


def _repacked(archive: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    with zipfile.ZipFile(archive) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    change(members)
    path = archive.with_name("changed.zip")
    with zipfile.ZipFile(path, "w") as written:
        for name, content in members.items():
            written.writestr(name, content)
    return path


def _change_a_file(members: dict[str, bytes]) -> None:
    members["billing/issuers.csv"] += b"x"


def _lose_a_file(members: dict[str, bytes]) -> None:
    del members["documents/2026/BW-2026-000001.pdf"]


def _add_a_file(members: dict[str, bytes]) -> None:
    members["billing/extra.csv"] = b"x"


def _lose_a_table(members: dict[str, bytes]) -> None:
    del members["ledger/payments.jsonl"]
    manifest = json.loads(members["manifest.json"])
    del manifest["files"]["ledger/payments.jsonl"]
    members["manifest.json"] = json.dumps(manifest).encode()


def _lead_outside(members: dict[str, bytes]) -> None:
    manifest = json.loads(members["manifest.json"])
    members["billing/../../evil"] = members["billing/issuers.csv"]
    manifest["files"]["billing/../../evil"] = manifest["files"]["billing/issuers.csv"]
    members["manifest.json"] = json.dumps(manifest).encode()


def _other_version(members: dict[str, bytes]) -> None:
    members["manifest.json"] = members["manifest.json"].replace(b'"revision": "', b'"revision": "9')


def _no_manifest(members: dict[str, bytes]) -> None:
    del members["manifest.json"]


def _tampered_ledger(members: dict[str, bytes]) -> None:
    """Someone edits the ledger in the archive and makes the manifest fit again."""
    import hashlib

    name = "ledger/documents.jsonl"
    members[name] = members[name].replace(b'"customer_id": "kranich-gmbh"', b'"customer_id": "sperber-gmbh"', 1)
    manifest = json.loads(members["manifest.json"])
    manifest["files"][name] = hashlib.sha256(members[name]).hexdigest()
    members["manifest.json"] = json.dumps(manifest).encode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_change_a_file, "billing/issuers.csv is not what was backed up"),
        (_lose_a_file, "documents/2026/BW-2026-000001.pdf is missing"),
        (_add_a_file, "billing/extra.csv is not in the manifest"),
        (_lose_a_table, "ledger/payments.jsonl is not in the manifest"),
        (_lead_outside, "billing/../../evil leads out of the workspace"),
        (_other_version, "was written by another version"),
        (_no_manifest, "has no readable manifest.json"),
        (_tampered_ledger, "changed: BW-2026-000001: Its column customer_id holds sperber-gmbh"),
    ],
)
def test_what_is_no_whole_backup_changes_nothing(
    workspace: Workspace, new_workspace: NewWorkspace, change: Callable[[dict[str, bytes]], None], said: str
) -> None:
    source = new_workspace("sqlite")
    with Ledger.open(source) as ledger:
        ledger._clock = lambda: datetime(2026, 12, 31, tzinfo=UTC)
        fill(ledger)
        write_files(source)
        ledger.backup(source.root / "one.zip")
    with pytest.raises(LedgerError) as error:
        restore_ledger(workspace, _repacked(source.root / "one.zip", change), "Ada")
    assert said in str(error.value)
    assert not workspace.documents.exists()
    assert not workspace.billing.exists()
    with Ledger.open(workspace) as restored:
        assert list(restored.documents()) == []


def test_a_truncated_archive_changes_nothing(archive: Path, new_workspace: NewWorkspace) -> None:
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(LedgerError, match="cannot be restored"):
        restore_ledger(new_workspace("sqlite"), archive, "Ada")


def test_a_ledger_that_does_not_verify_is_not_backed_up(ledger: Ledger, workspace: Workspace, tmp_path: Path) -> None:
    """It could not be restored, and would push the last good backup out of somebody's rotation."""
    from sqlalchemy import text

    fill(ledger)
    with ledger._database.engine.begin() as connection:
        trigger = "no_update" if ledger._database.is_sqlite else "no_change on document_taxes"
        connection.execute(text(f"drop trigger document_taxes_{trigger}"))
    with pytest.raises(LedgerError, match="does not verify"):
        ledger.backup(tmp_path / "one.zip")
    assert list(tmp_path.glob("*.zip*")) == []
