"""Makes the register of deliveries and the view follow the landing.

What is here: the sync, which brings landing and register together, reads what is new and switches what is
shown; and which of a payer's exports is billed from.
When to add here: another thing that can happen to a delivery between two syncs.
What does not belong here: reading files (``staging``), choosing the current delivery (``decision``), tables
(``register``).

Every payer, export and period is settled in a transaction of its own: a killed sync keeps what it had
finished, and the next one goes on from there.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from uuid import uuid4

import duckdb

from orchestration.errors import DeliveryError
from orchestration.ingest.decision import Candidate, Decision, Group, missing_files
from orchestration.ingest.discovery import Discovery, LandedDelivery, discover, state_digests
from orchestration.ingest.landing import Landing, LandingError, ObjectVanishedError
from orchestration.ingest.manifests import UnreadableManifest
from orchestration.ingest.register import Register, RegisteredDelivery, Status, delivery_key
from orchestration.ingest.staging import open_scratch_database, peek_payer, stage
from orchestration.ingest.view import store_folder
from orchestration.settings import Workspace

__all__ = ["Rejection", "SyncResult", "changed_periods", "sync"]

_CHANGED = "The delivery changed while it was read, and again at the second attempt. Run again when it is at rest."
# Of the keys of manifests that cannot be read; other keys begin with a payer or `unknown_`.
_UNREADABLE = "unreadable-"
# No folder of a delivery: those are `name=value`.
_STAGING = "staging"


@dataclass(frozen=True)
class Rejection:
    """A delivery that was not accepted.

    Attributes:
        manifest_key: where its manifest was landed.
        payer_account_id: None while it is unknown.
        export_name: name of the report or export.
        billing_period: None for a manifest that cannot be read.
        reason: what is wrong and what to do.
    """

    manifest_key: str
    payer_account_id: str | None
    export_name: str
    billing_period: date | None
    reason: str

    def __str__(self) -> str:
        period = "" if self.billing_period is None else f" {self.billing_period:%Y-%m}"
        return f"{self.export_name}{period} ({self.manifest_key}): {self.reason}"


@dataclass(frozen=True)
class SyncResult:
    """What a sync changed and found.

    Attributes:
        periods_changed: billing periods whose rows in the view are others now, oldest first.
        landed: keys of the deliveries that are shown now and were not before.
        rejected: every delivery that is not accepted, also those that were known before.
    """

    periods_changed: tuple[date, ...]
    landed: tuple[str, ...]
    rejected: tuple[Rejection, ...]


class _LandingChangedError(Exception):
    """The landing is being written; look again from the start."""


def sync(
    connection: duckdb.DuckDBPyConnection,
    workspace: Workspace,
    landing: Landing,
    payers: Mapping[str, str],
    progress: Callable[[str], None] | None = None,
) -> SyncResult:
    """Read what is new in the landing, and make the newest sound delivery of each export and period current.

    A damaged delivery changes nothing but its own row: the one before it stays current. What is known and
    unchanged is not read again.

    Args:
        connection: the warehouse; no transaction is open.
        workspace: where files are stored.
        landing: where deliveries land.
        payers: the billed export of each payer account id; empty where the payer has only one.
        progress: told in words what is read.

    Returns:
        What changed, and every rejected delivery with its reason.

    Raises:
        DeliveryError: a payer has several exports for a period and payers.csv names none, or stored files of
            the only sound delivery are gone.
        LandingError: the landing cannot be read.
    """
    return _Sync(connection, workspace, landing, payers, progress or (lambda _: None)).run()


def changed_periods(connection: duckdb.DuckDBPyConnection, landing: Landing, payers: Mapping[str, str]) -> set[date]:
    """Return the billing periods in which a sync would find something new; reads manifests, but no data.

    Args:
        connection: the warehouse; nothing is changed in it but missing tables made.
        landing: where deliveries land.
        payers: as for :func:`sync`.

    Raises:
        LandingError: the landing cannot be read.
    """
    register = Register(connection, Path())
    states = register.landing_states()
    digests = state_digests(discover(landing), payers, _payers_by_period(register))
    return {period for period in digests.keys() | states.keys() if digests.get(period) != states.get(period)}


class _Sync:
    """One run of :func:`sync`."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        workspace: Workspace,
        landing: Landing,
        payers: Mapping[str, str],
        progress: Callable[[str], None],
    ) -> None:
        self._workspace = workspace
        self._landing = landing
        self._payers = payers
        self._progress = progress
        self._store = workspace.raw_store
        self._staging = self._store / _STAGING
        self._register = Register(connection, self._store)
        self._now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        self._periods_changed: set[date] = set()
        self._landed: list[str] = []
        self._opened = ExitStack()

    def run(self) -> SyncResult:
        self._store.mkdir(parents=True, exist_ok=True)
        self._register.clean_store()
        self._staging.mkdir()
        try:
            with self._opened:
                try:
                    self._settle_all(is_last_look=False)
                except (_LandingChangedError, ObjectVanishedError):
                    self._progress("The landing changed while it was read; looking again")
                    self._settle_all(is_last_look=True)
        finally:
            shutil.rmtree(self._staging, ignore_errors=True)
        rejected = [
            Rejection(row.manifest_key, row.payer_account_id, row.export_name, row.billing_period, row.reason)
            for row in self._register.deliveries.values()
            if row.status is Status.REJECTED
        ]
        rejected.sort(key=lambda rejection: (rejection.billing_period or date.min, rejection.manifest_key))
        return SyncResult(tuple(sorted(self._periods_changed)), tuple(self._landed), tuple(rejected))

    @cached_property
    def _scratch(self) -> duckdb.DuckDBPyConnection:
        """The database for reading deliveries; not opened by a sync that has none to read."""
        return self._opened.enter_context(open_scratch_database(self._staging))

    def _settle_all(self, *, is_last_look: bool) -> None:
        discovery = discover(self._landing)
        groups = self._groups(discovery)
        billed = self._billed(groups)
        self._list_unreadable(discovery.unreadable)
        for group, is_billed in zip(groups, billed, strict=True):
            if group.payer is None or group.payer not in self._payers:
                rows = self._refused(group, is_last_look)
            elif is_billed:
                rows = self._decided(group, is_last_look)
            else:
                rows = self._not_billed(group, self._payers[group.payer])
            self._save(group, rows)
        digests = state_digests(discovery, self._payers, _payers_by_period(self._register))
        # Also without news: the workspace may have been moved, and the view holds absolute paths.
        self._register.save([], states=digests)

    # --- what belongs together ------------------------------------------------------------------------------

    def _groups(self, discovery: Discovery) -> list[Group]:
        groups: dict[tuple[str | None, str, date], Group] = {}

        def group_of(payer: str | None, export_name: str, period: date) -> Group:
            return groups.setdefault((payer, export_name, period), Group(payer, export_name, period))

        payers = self._payers_of(discovery.deliveries)
        for delivery, payer in zip(discovery.deliveries, payers, strict=True):
            manifest = delivery.manifest
            group_of(payer, manifest.export_name, manifest.billing_period).add(delivery)
        for row in self._register.deliveries.values():
            if row.billing_period is not None and not _is_unreadable(row):
                group_of(row.payer_account_id, row.export_name, row.billing_period).registered.append(row)
        return sorted(groups.values(), key=lambda group: (group.period, group.payer or "", group.export_name))

    def _payers_of(self, deliveries: Sequence[LandedDelivery]) -> list[str | None]:
        """Return whom each delivery bills, which its rows say: an export's account need not be the payer's.

        Known deliveries are not opened; of the others, one per account, export and period is: the one to be
        read first.
        """
        known = {
            (row.export_name, row.billing_period, row.delivery_id, row.fingerprint): row.payer_account_id
            for row in self._register.deliveries.values()
            if row.payer_account_id is not None
        }
        found: dict[int, str | None] = {}
        by_account: dict[tuple[str, str, date], str] = {}
        for index in sorted(range(len(deliveries)), key=lambda index: not deliveries[index].is_pointed):
            delivery = deliveries[index]
            manifest = delivery.manifest
            identity = (
                manifest.export_name,
                manifest.billing_period,
                manifest.delivery_id,
                delivery.fingerprint,
            )
            payer = known.get(identity)
            if payer is None and manifest.account is not None:
                payer = by_account.get((manifest.account, manifest.export_name, manifest.billing_period))
            if payer is None:
                peeks = (peek_payer(self._landing, file, self._staging) for file in delivery.files)
                payer = next(filter(None, peeks), manifest.account)
            if payer is not None and manifest.account is not None:
                by_account.setdefault((manifest.account, manifest.export_name, manifest.billing_period), payer)
            found[index] = payer
        return [found[index] for index in range(len(deliveries))]

    def _billed(self, groups: Sequence[Group]) -> list[bool]:
        """Return for each group whether its export is the one that the payer is billed from."""
        exports: dict[tuple[str, date], set[str]] = {}
        for group in groups:
            if group.payer is not None and (group.landed or group.stored is not None):
                exports.setdefault((group.payer, group.period), set()).add(group.export_name)
        ambiguous = [
            f"payer {payer} has several exports for {period:%Y-%m} ({', '.join(sorted(names))})"
            for (payer, period), names in exports.items()
            if self._payers.get(payer) == "" and len(names) > 1
        ]
        if ambiguous:
            raise DeliveryError(
                f"{'; '.join(ambiguous)}: name the one to bill from in payers.csv, column billing_export. "
                "Nothing was read."
            )
        return [self._payers.get(group.payer or "") in ("", group.export_name) for group in groups]

    # --- what becomes of one group --------------------------------------------------------------------------

    def _decided(self, group: Group, is_last_look: bool) -> list[RegisteredDelivery]:
        """Return the rows of a group that is billed from, after reading what the decision needs."""
        decision = Decision(group, lambda delivery: self._read(group, delivery, is_last_look), self._is_stored)
        chosen = decision.choose()
        rows = [] if chosen is None else [self._current(group, chosen)]
        for delivery in group.landed:
            delivery_id = delivery.manifest.delivery_id
            is_chosen = chosen is not None and chosen.delivery_id == delivery_id
            if delivery_id in decision.problems:
                reason = decision.problems[delivery_id]
                rows.append(self._rejected(group, delivery, reason, is_billed=True, beside_current=is_chosen))
            elif not is_chosen:
                candidate = decision.candidates.get(delivery_id)
                known = group.known(delivery) if candidate is None else candidate.row
                row = known or self._unread(group, delivery)
                rows.append(_with_status(row, Status.SUPERSEDED, is_billed=True))
        return rows + [
            _with_status(row, Status.SUPERSEDED, is_billed=True)
            for row in _not_in(group.registered, rows)
            if row.status is not Status.REJECTED or row is group.stored
        ]

    def _refused(self, group: Group, is_last_look: bool) -> list[RegisteredDelivery]:
        """Return the rows of a payer that is not configured; what is stored stays, in case it comes back."""
        rows = []
        for delivery in group.landed:
            known = group.known(delivery)
            missing = missing_files(delivery)
            if missing is not None:
                rows.append(self._rejected(group, delivery, missing, is_billed=False))
            elif group.payer is None:
                reason = self._why_unknown(group, delivery, is_last_look)
                rows.append(self._rejected(group, delivery, reason, is_billed=False))
            else:
                row = known or self._unread(group, delivery)
                rows.append(_refused_payer(row))
        for row in _not_in(group.registered, rows):
            if row is group.stored:
                rows.append(_refused_payer(row))
            elif row.status is Status.SUPERSEDED:
                rows.append(row)
        return rows

    def _why_unknown(self, group: Group, delivery: LandedDelivery, is_last_look: bool) -> str:
        """Return why nobody knows whom a delivery bills: mostly because it is damaged."""
        known = group.known(delivery)
        if known is not None:
            return known.reason
        try:
            self._read(group, delivery, is_last_look)
        except LandingError:
            raise
        except DeliveryError as error:
            return str(error)
        return "Neither its manifest nor any row names a payer account."

    def _not_billed(self, group: Group, named: str) -> list[RegisteredDelivery]:
        """Return the rows of an export that is not billed from; its data is not read."""
        reason = f"Not billed from: payers.csv names the export {named}."
        newest = max(
            [delivery for delivery in group.landed if delivery.is_pointed] or group.landed,
            key=lambda delivery: (
                delivery.manifest.delivered_at or datetime.min,
                delivery.manifest.modified_at,
                delivery.manifest.delivery_id,
            ),
            default=None,
        )
        rows = []
        for delivery in group.landed:
            missing = missing_files(delivery)
            if missing is not None:
                rows.append(self._rejected(group, delivery, missing, is_billed=False))
                continue
            row = group.known(delivery) or self._unread(group, delivery)
            status = Status.CURRENT if delivery is newest else Status.SUPERSEDED
            rows.append(_with_status(row, status, is_billed=False, reason=reason))
        return rows + [
            _with_status(row, Status.SUPERSEDED, is_billed=False, reason=reason)
            for row in _not_in(group.registered, rows)
            if row.status is not Status.REJECTED
        ]

    def _list_unreadable(self, unreadable: Sequence[UnreadableManifest]) -> None:
        """List manifests that cannot be read, for as long as they are in the landing."""
        before = {row.delivery_key: row for row in self._register.deliveries.values() if _is_unreadable(row)}
        after = {}
        for manifest in unreadable:
            digest = hashlib.sha256(f"{manifest.key} {manifest.content_hash}".encode()).hexdigest()
            key = f"{_UNREADABLE}{digest[:16]}"
            after[key] = before.get(key) or RegisteredDelivery(
                delivery_key=key,
                payer_account_id=None,
                export_name=manifest.export_name,
                billing_period=manifest.billing_period,
                delivery_id="",
                manifest_key=manifest.key,
                manifest_modified_at=manifest.modified_at,
                status=Status.REJECTED,
                reason=manifest.reason,
                is_billed=False,
                landed_at=self._now,
                fingerprint=manifest.content_hash,
            )
        if before.keys() != after.keys():
            new = [row for key, row in after.items() if key not in before]
            self._register.save(new, [key for key in before if key not in after])

    def _save(self, group: Group, rows: Sequence[RegisteredDelivery]) -> None:
        """Register the rows of a group, if anything about them is new."""
        before = {row.delivery_key: row for row in group.registered}
        after = {row.delivery_key: row for row in rows}
        changed = [row for key, row in after.items() if before.get(key) != row]
        removed = [key for key in before if key not in after]
        if not changed and not removed:
            return
        was_shown, is_shown = _shown(before.values()), _shown(after.values())
        self._register.save(changed, removed)
        if was_shown != is_shown:
            self._periods_changed.add(group.period)
            self._landed += sorted(key for key, _ in is_shown - was_shown)

    # --- rows -----------------------------------------------------------------------------------------------

    def _unread(self, group: Group, delivery: LandedDelivery) -> RegisteredDelivery:
        """Return the row of a delivery of which only the names, sizes and times are known."""
        manifest = delivery.manifest
        key = delivery_key(group.payer, group.export_name, group.period, manifest.delivery_id)
        before = next((row for row in group.registered if row.delivery_key == key), None)
        return RegisteredDelivery(
            delivery_key=key,
            payer_account_id=group.payer,
            export_name=group.export_name,
            billing_period=group.period,
            delivery_id=manifest.delivery_id,
            manifest_key=manifest.key,
            manifest_modified_at=manifest.modified_at,
            status=Status.SUPERSEDED,
            reason="",
            is_billed=True,
            landed_at=self._now if before is None else before.landed_at,
            fingerprint=delivery.fingerprint,
            file_count=len(manifest.file_keys),
            byte_count=sum(file.size for file in delivery.files),
        )

    def _rejected(
        self,
        group: Group,
        delivery: LandedDelivery,
        reason: str,
        *,
        is_billed: bool,
        beside_current: bool = False,
    ) -> RegisteredDelivery:
        """Return the row of a damaged delivery, under a key of its own beside one that stays."""
        known = group.known(delivery)
        if known is not None and (known.status, known.reason) == (Status.REJECTED, reason):
            return replace(known, is_billed=is_billed)
        row = replace(self._unread(group, delivery), status=Status.REJECTED, reason=reason, is_billed=is_billed)
        if reason == _CHANGED:
            row = replace(row, fingerprint=None)
        if beside_current:
            version = delivery.fingerprint
            key = delivery_key(group.payer, group.export_name, group.period, row.delivery_id, landed_version=version)
            row = replace(row, delivery_key=key, landed_at=self._now)
        return row

    def _current(self, group: Group, chosen: Candidate) -> RegisteredDelivery:
        """Return the row of the chosen delivery, after moving its staged files into the store."""
        row = replace(chosen.row, status=Status.CURRENT, reason="", is_billed=True)
        if chosen.folder is None:
            return row
        # Never an older folder of the same delivery: a reader may still have its files open.
        place = store_folder(row.delivery_key, group.period) / uuid4().hex[:12]
        target = self._store / place
        target.parent.mkdir(parents=True, exist_ok=True)
        chosen.folder.rename(target)
        for folder in (*target.iterdir(), target, target.parent, target.parent.parent, self._store):
            _flush(folder)
        files = (
            replace(file, stored_path=None if file.stored_path is None else str(place / file.stored_path))
            for file in row.files
        )
        return replace(row, files=tuple(files))

    # --- reading --------------------------------------------------------------------------------------------

    def _read(self, group: Group, delivery: LandedDelivery, is_last_look: bool) -> Candidate:
        """Stage a delivery.

        Raises:
            DeliveryError: it is damaged.
            _LandingChangedError: it changed while it was read, and this was the first look.
        """
        manifest = delivery.manifest
        count = len(delivery.files)
        size = sum(file.size for file in delivery.files) / 1e6
        self._progress(
            f"Reading {manifest.export_name} {manifest.billing_period:%Y-%m} ({manifest.delivery_id}): "
            f"{count} file{'' if count == 1 else 's'}, {size:,.1f} MB"
        )
        folder = self._staging / uuid4().hex
        folder.mkdir()
        failure = None
        contents = None
        try:
            contents = stage(self._scratch, self._landing, delivery, folder, self._progress)
        except LandingError:
            raise
        except DeliveryError as error:
            failure = error
        if isinstance(failure, ObjectVanishedError) or not self._is_at_rest(delivery):
            if not is_last_look:
                raise _LandingChangedError
            failure = DeliveryError(_CHANGED)
        if failure is not None or contents is None:
            shutil.rmtree(folder)
            raise failure or DeliveryError(_CHANGED)
        payer = contents.totals.payer_account_id
        if payer is not None and payer != group.payer:
            shutil.rmtree(folder)
            raise DeliveryError(
                f"Its rows belong to payer {payer}, those of the same export and period to {group.payer}."
            )
        row = replace(
            self._unread(group, delivery),
            landed_at=self._now,
            form=contents.form,
            columns=contents.columns,
            totals=contents.totals,
            files=contents.files,
            layouts=contents.layouts,
        )
        return Candidate(row, folder)

    def _is_at_rest(self, delivery: LandedDelivery) -> bool:
        """Whether manifest and files are still as they were listed; overwrite mode replaces both."""
        manifest = delivery.manifest
        content = self._landing.read_all([delivery.manifest_object]).get(manifest.key)
        if content is None or hashlib.sha256(content).hexdigest() != manifest.content_hash:
            return False
        return all(self._landing.refreshed(file) == file for file in delivery.files)

    def _is_stored(self, row: RegisteredDelivery) -> bool:
        return row.contents is not None and not self._register.missing_store_files(row)


def _is_unreadable(row: RegisteredDelivery) -> bool:
    return row.delivery_key.startswith(_UNREADABLE)


def _not_in(rows: Iterable[RegisteredDelivery], others: Iterable[RegisteredDelivery]) -> list[RegisteredDelivery]:
    keys = {row.delivery_key for row in others}
    return [row for row in rows if row.delivery_key not in keys]


def _with_status(row: RegisteredDelivery, status: Status, *, is_billed: bool, reason: str = "") -> RegisteredDelivery:
    """Return the row of a delivery that is not shown, without stored files."""
    return replace(row, status=status, is_billed=is_billed, reason=reason).without_store()


def _refused_payer(row: RegisteredDelivery) -> RegisteredDelivery:
    reason = f"Payer {row.payer_account_id} is not in payers.csv. Add it there, or remove its deliveries."
    return replace(row, status=Status.REJECTED, is_billed=False, reason=reason)


def _shown(rows: Iterable[RegisteredDelivery]) -> set[tuple[str, tuple[str | None, ...]]]:
    """Return what the view shows of these rows: deliveries and their stored files."""
    return {
        (row.delivery_key, tuple(file.stored_path for file in row.files))
        for row in rows
        if row.status is Status.CURRENT and row.is_billed
    }


def _payers_by_period(register: Register) -> dict[date, set[str]]:
    payers: dict[date, set[str]] = {}
    for row in register.deliveries.values():
        if row.billing_period is not None and row.payer_account_id is not None:
            payers.setdefault(row.billing_period, set()).add(row.payer_account_id)
    return payers


def _flush(folder: Path) -> None:
    """Make a folder's entries survive a power failure; the register is about to refer to them."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
