"""Backup and restore: the ledger, the rendered documents and the billing configuration in one file.

What is here: writing that file while others work, and bringing it back into an empty ledger.
When to add here: another folder that cannot be made again.
What does not belong here: the warehouse and deliveries, which can.

The archive is a ZIP. The ledger stands in it as rows, one JSON object a line, in one form for both databases: a
backup of a SQLite ledger restores into PostgreSQL, and the other way round. ``manifest.json`` lists every file with its
SHA-256.
"""

import base64
import hashlib
import json
import os
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy import Connection, Date, LargeBinary, Table, insert, select, update

from orchestration.errors import LedgerError
from orchestration.ledger.audit import Change
from orchestration.ledger.columns import ExactDecimal, UtcTime, plain
from orchestration.ledger.database import REVISION
from orchestration.ledger.tables import APPEND_ONLY, ledger_head, metadata
from orchestration.ledger.verification import Head, read_head, verify

__all__ = ["Backup", "restore", "write_backup"]

_MANIFEST = "manifest.json"
_FORMAT = 1
_BATCH = 500
_PIECE = 1 << 20


@dataclass(frozen=True)
class Backup:
    """What a backup holds.

    Attributes:
        document_count: issued documents.
        head: the end of the chain; note it, and ``verify`` can be asked for it later.
        file_count: files of ``documents/`` and ``billing/``.
    """

    document_count: int
    head: Head
    file_count: int


def write_backup(connection: Connection, folders: Mapping[str, Path], path: Path, at: datetime) -> Backup:
    """Write the ledger and some folders to a new file, while others go on working.

    Args:
        connection: a ``read`` transaction, which shows the ledger as of one moment.
        folders: by name in the archive.
        path: the file; it appears when it is complete.
        at: the moment, for the manifest.

    Raises:
        LedgerError: the file is there already, or the ledger does not verify: it could not be restored.
    """
    if path.exists():
        raise LedgerError(f"{path} is there already. Nothing was written; name a new file.")
    verification = verify(connection)
    if not verification.is_sound:
        raise LedgerError(
            "\n".join(
                [
                    "The ledger does not verify, so that no backup of it could be restored. Nothing was written; keep "
                    "a copy of the database itself as evidence, and restore an older backup.",
                    *(f"  {finding}" for finding in verification.findings),
                ]
            )
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    files: dict[str, str] = {}
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for table in metadata.sorted_tables:
                files[_member(table)] = _add(archive, _member(table), _dump(connection, table))
            for name, folder in folders.items():
                for file in sorted(file for file in folder.rglob("*") if file.is_file()):
                    member = f"{name}/{file.relative_to(folder).as_posix()}"
                    with file.open("rb") as opened:
                        files[member] = _add(archive, member, iter(lambda: opened.read(_PIECE), b""))
            manifest = {
                "format": _FORMAT,
                "revision": REVISION,
                "written_at": at.isoformat(timespec="seconds"),
                "head": vars(verification.head),
                "files": files,
            }
            archive.writestr(_MANIFEST, json.dumps(manifest, indent=1, sort_keys=True))
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return Backup(verification.document_count, verification.head, len(files) - len(metadata.sorted_tables))


def restore(change: Change, folders: Mapping[str, Path], path: Path) -> Backup:
    """Bring a backup into an empty ledger, and its files into their folders; all is checked before anything is written.

    Args:
        change: the transaction that fills the ledger, who restores, and when.
        folders: by name in the archive.
        path: the archive.

    Raises:
        LedgerError: the ledger is not empty, the archive is not what its manifest says, another version wrote it, a
            file is there with other content, or what came back does not verify. Nothing is changed then.
    """
    for table in APPEND_ONLY:
        if change.connection.execute(select(table).limit(1)).first() is not None:
            raise LedgerError(
                f"The ledger is not empty (there are rows in {table.name}). Nothing was restored: a restore never "
                "overwrites; use a new workspace or an empty database."
            )
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _checked_manifest(archive, path, folders)
            placed = _places(archive, manifest, folders)
            for table in metadata.sorted_tables:
                if table is not ledger_head:
                    _load(change.connection, archive, table)
            if manifest["head"]["document_id"]:
                change.connection.execute(update(ledger_head).values(**manifest["head"]))
            verification = verify(change.connection, Head(**manifest["head"]))
            if not verification.is_sound or vars(verification.head) != manifest["head"]:
                raise LedgerError(
                    "\n".join(
                        [f"{path} holds a ledger that does not verify. Nothing was restored.", *verification.lines()]
                    )
                )
            for member, target in placed.items():
                _extract(archive, member, target)
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise LedgerError(f"{path} cannot be restored: {error}. The ledger was not changed.") from error
    change.record("restore", path.name, f"chain {verification.head.chain_hash}")
    return Backup(verification.document_count, read_head(change.connection), len(placed))


def _member(table: Table) -> str:
    return f"ledger/{table.name}.jsonl"


def _add(archive: zipfile.ZipFile, member: str, pieces: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    with archive.open(member, "w", force_zip64=True) as opened:
        for piece in pieces:
            digest.update(piece)
            opened.write(piece)
    return digest.hexdigest()


def _dump(connection: Connection, table: Table) -> Iterator[bytes]:
    rows = connection.execute(select(table).order_by(*table.primary_key.columns).execution_options(yield_per=_BATCH))
    for row in rows.mappings():
        values = {name: _plain_value(value) for name, value in row.items()}
        yield json.dumps(values, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _plain_value(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat() if isinstance(value, date) else value


def _checked_manifest(archive: zipfile.ZipFile, path: Path, folders: Mapping[str, Path]) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(archive.read(_MANIFEST))
        files, form, revision = manifest["files"], manifest["format"], manifest["revision"]
    except (KeyError, ValueError):
        raise LedgerError(
            f"{path} has no readable manifest.json: it is no backup of a ledger. Nothing was restored."
        ) from None
    if form != _FORMAT or revision != REVISION:
        raise LedgerError(
            f"{path} was written by another version of Chargehouse (format {form}, tables {revision}; this one reads "
            f"{_FORMAT}, {REVISION}). Nothing was restored; restore it with that version, and then update."
        )
    names = archive.namelist()
    problems = [
        *(f"{name} is missing" for name in sorted(files.keys() - set(names))),
        *(f"{name} is not in the manifest" for name in sorted(set(names) - files.keys() - {_MANIFEST})),
        *(f"{name} stands there twice" for name, count in sorted(Counter(names).items()) if count > 1),
        *(
            f"{_member(table)} is not in the manifest"
            for table in metadata.sorted_tables
            if _member(table) not in files
        ),
        *(f"{name} leads out of the workspace" for name in sorted(files) if not _is_inside(name, folders)),
        *(
            f"{name} is not what was backed up"
            for name in sorted(files.keys() & set(names))
            if _digest(archive, name) != files[name]
        ),
    ]
    if problems:
        raise LedgerError(
            "\n".join([f"{path} does not fit its manifest. Nothing was restored.", *(f"  {p}" for p in problems)])
        )
    return manifest


def _is_inside(name: str, folders: Mapping[str, Path]) -> bool:
    parts = PurePosixPath(name).parts
    inside = len(parts) > 1 and parts[0] in ("ledger", *folders)
    return inside and not name.startswith("/") and ".." not in parts and "\\" not in name and ":" not in name


def _digest(archive: zipfile.ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    with archive.open(name) as opened:
        while piece := opened.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _places(archive: zipfile.ZipFile, manifest: dict[str, Any], folders: Mapping[str, Path]) -> dict[str, Path]:
    """Return where files go; those that are there already, unchanged, are left out."""
    placed, others = {}, []
    for member, digest in manifest["files"].items():
        top, rest = member.split("/", 1)
        if top not in folders:
            continue
        target = folders[top] / rest
        if not target.exists():
            placed[member] = target
        elif hashlib.sha256(target.read_bytes()).hexdigest() != digest:
            others.append(str(target))
    if others:
        raise LedgerError(
            "\n".join(
                ["These files are there with other content. Nothing was restored; move them away first.", *others]
            )
        )
    return placed


def _load(connection: Connection, archive: zipfile.ZipFile, table: Table) -> None:
    with archive.open(_member(table)) as opened:
        batch: list[dict[str, Any]] = []
        for line in opened:
            batch.append({name: _typed_value(table, name, value) for name, value in json.loads(line).items()})
            if len(batch) == _BATCH:
                connection.execute(insert(table), batch)
                batch = []
        if batch:
            connection.execute(insert(table), batch)


def _typed_value(table: Table, name: str, value: Any) -> Any:
    kind = table.c[name].type
    if value is None:
        return None
    if isinstance(kind, LargeBinary):
        return base64.b64decode(value)
    if isinstance(kind, ExactDecimal):
        return Decimal(value)
    if isinstance(kind, UtcTime):
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if isinstance(kind, Date) else value


def _extract(archive: zipfile.ZipFile, member: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.new")
    with archive.open(member) as opened, unfinished.open("wb") as written:
        shutil.copyfileobj(opened, written)
    unfinished.replace(target)
