"""Makes the warehouse's deliveries follow the landing: reads what is new, decides what is current, switches the view.

What is here: which delivery of a payer, export and period is current, which export is billed from, and what happens to
a delivery that is damaged, changed or gone.
When to add here: another rule about which delivery counts.
What does not belong here: reading files (``staging``), keeping rows (``register``).

Everything is decided per payer, export and period, and each of these is switched in a transaction of its own: a killed
sync keeps what it had finished, and the next one goes on from there.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from orchestration.errors import DeliveryError
from orchestration.ingest.contents import Contents
from orchestration.ingest.discovery import Discovery, LandedDelivery, discover, state_digests
from orchestration.ingest.landing import Landing, LandingError, ObjectVanishedError
from orchestration.ingest.manifests import UnreadableManifest, delivered_at
from orchestration.ingest.register import Register, RegisteredDelivery, Status, delivery_key
from orchestration.ingest.staging import open_scratch_database, peek_payer, stage
from orchestration.settings import Workspace

__all__ = ["Rejection", "SyncResult", "changed_periods", "sync"]

Progress = Callable[[str], None]

_CHANGED = "The delivery changed while it was read, twice. It is read again at the next run."
# A folder name that no delivery key can have: keys hold an underscore after the payer.
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
        landed: keys of the deliveries that became current.
        rejected: every delivery of the landing that is not accepted, also those that were known before.
    """

    periods_changed: tuple[date, ...]
    landed: tuple[str, ...]
    rejected: tuple[Rejection, ...]


class _LandingChangedError(Exception):
    """The landing is being written; look again from the start."""


@dataclass
class _Group:
    """All that is known about one payer, export and period."""

    payer: str | None
    export_name: str
    period: date
    landed: list[LandedDelivery] = field(default_factory=list)
    registered: list[RegisteredDelivery] = field(default_factory=list)

    @property
    def current(self) -> RegisteredDelivery | None:
        """The registered current delivery, whose stored files can be shown."""
        return next(
            (row for row in self.registered if row.status is Status.CURRENT and row.contents is not None), None
        )

    def known(self, delivery: LandedDelivery) -> RegisteredDelivery | None:
        """The row of a delivery that was read or rejected just as it is landed now."""
        return next(
            (
                row
                for row in self.registered
                if row.delivery_id == delivery.manifest.delivery_id and row.fingerprint == delivery.fingerprint
            ),
            None,
        )


@dataclass(frozen=True)
class _Candidate:
    """A sound delivery that may become current: landed, or only stored any more."""

    delivery_id: str
    manifest_key: str
    manifest_modified_at: datetime
    contents: Contents | None
    row: RegisteredDelivery
    folder: Path | None = None

    @property
    def rank(self) -> tuple[Any, ...]:
        """Newest last, by what the data and the manifest say."""
        totals = self.row.totals
        return (
            (totals.last_usage_at if totals is not None else None) or datetime.min,
            self.manifest_modified_at,
            totals.row_count if totals is not None else 0,
            self.delivery_id,
        )


def sync(
    connection: duckdb.DuckDBPyConnection,
    workspace: Workspace,
    landing: Landing,
    payers: Mapping[str, str],
    progress: Progress | None = None,
) -> SyncResult:
    """Read what is new in the landing and make the newest sound delivery of each payer, export and period current.

    A damaged delivery changes nothing but its own row: the one before it stays current. What is known and unchanged is
    not read again.

    Args:
        connection: the warehouse; no transaction is open.
        workspace: where files are stored.
        landing: where deliveries land.
        payers: the billed export of each payer account id; empty where the payer has only one.
        progress: told in words what is read.

    Returns:
        what changed, and every rejected delivery with its reason.

    Raises:
        DeliveryError: a payer has several exports for a period, and none is named in payers.csv.
        LandingError: the landing cannot be read.
    """
    run = _Sync(connection, workspace, landing, dict(payers), progress or (lambda _: None))
    return run.run()


def changed_periods(
    connection: duckdb.DuckDBPyConnection, landing: Landing, payers: Mapping[str, str]
) -> set[date]:
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


def _payers_by_period(register: Register) -> dict[date, set[str]]:
    payers: dict[date, set[str]] = {}
    for row in register.deliveries.values():
        if row.billing_period is not None and row.payer_account_id is not None:
            payers.setdefault(row.billing_period, set()).add(row.payer_account_id)
    return payers


class _Sync:
    """One run of :func:`sync`."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        workspace: Workspace,
        landing: Landing,
        payers: dict[str, str],
        progress: Progress,
    ) -> None:
        self._workspace = workspace
        self._landing = landing
        self._payers = payers
        self._progress = progress
        self._store = workspace.raw_store
        self._register = Register(connection, self._store)
        self._periods_changed: set[date] = set()
        self._landed: list[str] = []
        self._now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        self._staging = self._store / _STAGING
        self._scratch: duckdb.DuckDBPyConnection | None = None

    def run(self) -> SyncResult:
        self._store.mkdir(parents=True, exist_ok=True)
        self._register.clean_store()
        self._staging.mkdir(exist_ok=True)
        with open_scratch_database(self._staging, self._workspace.memory_limit) as scratch:
            self._scratch = scratch
            try:
                self._settle_all(is_last_look=False)
            except _LandingChangedError:
                self._progress("The landing changed while it was read; looking again")
                self._settle_all(is_last_look=True)
        shutil.rmtree(self._staging)
        rejected = [
            Rejection(row.manifest_key, row.payer_account_id, row.export_name, row.billing_period, row.reason)
            for row in self._register.deliveries.values()
            if row.status is Status.REJECTED
        ]
        rejected.sort(key=lambda rejection: (rejection.billing_period or date.min, rejection.manifest_key))
        return SyncResult(tuple(sorted(self._periods_changed)), tuple(self._landed), tuple(rejected))

    def _settle_all(self, *, is_last_look: bool) -> None:
        discovery = discover(self._landing)
        groups = self._groups(discovery)
        billed = self._billed(groups)
        self._register_unreadable(discovery.unreadable)
        for group, is_billed in zip(groups, billed, strict=True):
            self._settle(group, is_billed, is_last_look)
        digests = state_digests(discovery, self._payers, _payers_by_period(self._register))
        if digests != self._register.landing_states():
            self._register.save([], states=digests)

    # --- grouping ----------------------------------------------------------------------------------------------

    def _groups(self, discovery: Discovery) -> list[_Group]:
        groups: dict[tuple[str | None, str, date], _Group] = {}

        def group_of(payer: str | None, export_name: str, period: date) -> _Group:
            return groups.setdefault((payer, export_name, period), _Group(payer, export_name, period))

        payers = self._payers_of(discovery.deliveries)
        for delivery, payer in zip(discovery.deliveries, payers, strict=True):
            manifest = delivery.manifest
            group_of(payer, manifest.export_name, manifest.billing_period).landed.append(delivery)
        for row in self._register.deliveries.values():
            if row.billing_period is not None and not _is_unreadable(row):
                group_of(row.payer_account_id, row.export_name, row.billing_period).registered.append(row)
        return sorted(groups.values(), key=lambda group: (group.period, group.payer or "", group.export_name))

    def _payers_of(self, deliveries: Sequence[LandedDelivery]) -> list[str | None]:
        """Return whom each delivery bills: what its rows say, which for a linked account's export is not the manifest.

        Known deliveries are not opened; of the others one per account, export and period is, the one to be read first.
        """
        known = {
            (row.export_name, row.billing_period, row.delivery_id, row.fingerprint): row.payer_account_id
            for row in self._register.deliveries.values()
            if row.payer_account_id is not None and row.fingerprint is not None
        }
        found: dict[int, str | None] = {}
        by_account: dict[tuple[str, str, date], str] = {}
        order = sorted(range(len(deliveries)), key=lambda index: not deliveries[index].is_pointed)
        for index in order:
            delivery = deliveries[index]
            manifest = delivery.manifest
            account = (manifest.account or "", manifest.export_name, manifest.billing_period)
            payer = known.get(
                (manifest.export_name, manifest.billing_period, manifest.delivery_id, delivery.fingerprint)
            ) or (by_account.get(account) if manifest.account else None)
            if payer is None:
                payer = next(filter(None, (self._peek(delivery, file) for file in delivery.files)), manifest.account)
            if payer is not None:
                by_account.setdefault(account, payer)
            found[index] = payer
        return [found[index] for index in range(len(deliveries))]

    def _peek(self, delivery: LandedDelivery, file: Any) -> str | None:
        return peek_payer(self._landing, file, self._staging)

    def _billed(self, groups: Sequence[_Group]) -> list[bool]:
        """Return for each group whether its export is the one that the payer is billed from."""
        exports: dict[tuple[str | None, date], set[str]] = {}
        for group in groups:
            if group.landed or group.current is not None:
                exports.setdefault((group.payer, group.period), set()).add(group.export_name)
        problems = []
        for (payer, period), names in exports.items():
            if payer in self._payers and not self._payers[payer] and len(names) > 1:
                listed = ", ".join(sorted(names))
                problems.append(f"payer {payer} has several exports for {period:%Y-%m}: {listed}")
        if problems:
            raise DeliveryError(
                "; ".join(problems) + ". Nothing was read. Name the one to bill from in payers.csv, column billing_export."
            )
        return [
            group.payer in self._payers and self._payers[group.payer] in ("", group.export_name) for group in groups
        ]

    # --- one group ---------------------------------------------------------------------------------------------

    def _settle(self, group: _Group, is_billed: bool, is_last_look: bool) -> None:
        if group.payer not in self._payers:
            rows = self._refused_payer(group)
        elif not is_billed:
            rows = self._unbilled(group)
        else:
            rows = self._decided(group, is_last_look)
        self._save(group, rows)

    def _decided(self, group: _Group, is_last_look: bool) -> list[RegisteredDelivery]:
        """Return the rows of a group that is billed from, after reading what is needed to decide."""
        decision = _Decision(self, group, is_last_look)
        chosen = decision.choose()
        rows = []
        for delivery in group.landed:
            manifest = delivery.manifest
            problem = decision.problems.get(manifest.delivery_id)
            known = group.known(delivery)
            is_chosen = chosen is not None and chosen.delivery_id == manifest.delivery_id
            if problem is not None:
                rows.append(self._rejected_row(group, delivery, problem, beside_current=is_chosen))
                if not is_chosen:
                    continue
            if is_chosen and chosen is not None:
                rows.append(self._current_row(group, chosen))
            elif (candidate := decision.candidates.get(manifest.delivery_id)) is not None:
                rows.append(replace(candidate.row, status=Status.SUPERSEDED, reason="", is_billed=True).without_store())
            elif known is not None and known.status is not Status.REJECTED:
                rows.append(replace(known, status=Status.SUPERSEDED, reason="", is_billed=True).without_store())
            else:
                rows.append(self._unread_row(group, delivery, Status.SUPERSEDED, "", is_billed=True))
        keys = {row.delivery_key for row in rows}
        for row in group.registered:
            if row.delivery_key in keys or row.status is Status.REJECTED:
                continue
            if chosen is not None and row.delivery_key == chosen.row.delivery_key:
                rows.append(self._current_row(group, chosen))
            else:
                rows.append(replace(row, status=Status.SUPERSEDED, reason="", is_billed=True).without_store())
        return rows

    def _refused_payer(self, group: _Group) -> list[RegisteredDelivery]:
        """Return the rows of a payer that is not configured; what is stored stays, in case the payer comes back."""
        reason = (
            f"payer {group.payer} is not in payers.csv. Add it there, with its billing groups, to bill it."
            if group.payer is not None
            else "no row names a payer account id, and neither does the manifest."
        )
        rows = []
        for delivery in group.landed:
            missing = self._missing_files(delivery)
            known = group.known(delivery)
            if missing is not None:
                rows.append(self._rejected_row(group, delivery, missing))
            elif known is not None and known.contents is not None:
                rows.append(replace(known, status=Status.REJECTED, reason=reason, is_billed=False))
            else:
                rows.append(
                    replace(
                        self._unread_row(group, delivery, Status.REJECTED, reason, is_billed=False), fingerprint=None
                    )
                )
        keys = {row.delivery_key for row in rows}
        rows += [
            replace(row, status=Status.REJECTED, reason=reason, is_billed=False)
            for row in group.registered
            if row.delivery_key not in keys and row.contents is not None
        ]
        return rows

    def _unbilled(self, group: _Group) -> list[RegisteredDelivery]:
        """Return the rows of an export that is not billed from; its data is not read."""
        named = self._payers[group.payer or ""]
        reason = f"Not billed from: payers.csv names the export {named}."
        pointed = [delivery for delivery in group.landed if delivery.is_pointed]
        newest = max(
            pointed or group.landed,
            key=lambda delivery: (
                delivery.manifest.delivered_at or datetime.min,
                delivery.manifest.modified_at,
                delivery.manifest.delivery_id,
            ),
            default=None,
        )
        rows = []
        for delivery in group.landed:
            missing = self._missing_files(delivery)
            if missing is not None:
                rows.append(self._rejected_row(group, delivery, missing))
                continue
            status = Status.CURRENT if delivery is newest else Status.SUPERSEDED
            known = group.known(delivery)
            if known is not None and known.status is not Status.REJECTED:
                rows.append(replace(known, status=status, reason=reason, is_billed=False).without_store())
            else:
                rows.append(
                    replace(self._unread_row(group, delivery, status, reason, is_billed=False), fingerprint=None)
                )
        keys = {row.delivery_key for row in rows}
        rows += [
            replace(row, status=Status.SUPERSEDED, reason=reason, is_billed=False).without_store()
            for row in group.registered
            if row.delivery_key not in keys and row.status is not Status.REJECTED
        ]
        return rows

    def _save(self, group: _Group, rows: list[RegisteredDelivery]) -> None:
        """Register the rows of a group, if anything about them is new."""
        before = {row.delivery_key: row for row in group.registered}
        after = {row.delivery_key: row for row in rows}
        changed = [row for key, row in after.items() if before.get(key) != row]
        removed = [key for key in before if key not in after]
        if not changed and not removed:
            return
        shown = [_shown(rows_then) for rows_then in (before.values(), after.values())]
        self._register.save(changed, removed)
        if shown[0] != shown[1]:
            self._periods_changed.add(group.period)
            self._landed += sorted(key for key, _ in shown[1] - shown[0])

    # --- rows --------------------------------------------------------------------------------------------------

    def _current_row(self, group: _Group, chosen: _Candidate) -> RegisteredDelivery:
        row = replace(chosen.row, status=Status.CURRENT, reason="", is_billed=True)
        if chosen.folder is None:
            return row
        # The folder is moved, not copied, and referred to only by the transaction that follows.
        place = Path(row.delivery_key) / f"{(row.fingerprint or '')[:12]}-{uuid4().hex[:8]}"
        (self._store / place).parent.mkdir(exist_ok=True)
        chosen.folder.rename(self._store / place)
        _flush_folder(self._store / place)
        files = tuple(
            replace(file, stored_path=None if file.stored_path is None else str(place / file.stored_path))
            for file in row.files
        )
        return replace(row, files=files)

    def _unread_row(
        self, group: _Group, delivery: LandedDelivery, status: Status, reason: str, *, is_billed: bool
    ) -> RegisteredDelivery:
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
            status=status,
            reason=reason,
            is_billed=is_billed,
            landed_at=self._now if before is None else before.landed_at,
            fingerprint=delivery.fingerprint,
            file_count=len(manifest.file_keys),
            byte_count=sum(file.size for file in delivery.files),
        )

    def _rejected_row(
        self, group: _Group, delivery: LandedDelivery, reason: str, *, beside_current: bool = False
    ) -> RegisteredDelivery:
        """Return the row of a damaged delivery; with a key of its own where an earlier landing of it stays current."""
        known = group.known(delivery)
        if known is not None and (known.status, known.reason) == (Status.REJECTED, reason):
            return known
        row = self._unread_row(group, delivery, Status.REJECTED, reason, is_billed=True)
        if beside_current:
            key = delivery_key(
                group.payer, group.export_name, group.period, row.delivery_id, landed_version=delivery.fingerprint
            )
            row = replace(row, delivery_key=key, landed_at=self._now)
        return replace(row, fingerprint=None) if reason == _CHANGED else row

    def _register_unreadable(self, unreadable: Sequence[UnreadableManifest]) -> None:
        """List manifests that cannot be read; they stay on the list for as long as they are in the landing."""
        before = {row.delivery_key: row for row in self._register.deliveries.values() if _is_unreadable(row)}
        after = {}
        for manifest in unreadable:
            key = _unreadable_key(manifest)
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
        if before != after:
            new = [row for key, row in after.items() if key not in before]
            self._register.save(new, [key for key in before if key not in after])

    def _missing_files(self, delivery: LandedDelivery) -> str | None:
        if not delivery.missing:
            return None
        listed = ", ".join(delivery.missing[:3]) + (", …" if len(delivery.missing) > 3 else "")
        count = len(delivery.missing)
        return (
            f"{count} of {len(delivery.manifest.file_keys)} listed files {'is' if count == 1 else 'are'} missing: {listed}. "
            "If the delivery is still being copied, run again when the copy has finished."
        )

    # --- reading -----------------------------------------------------------------------------------------------

    def read(self, group: _Group, delivery: LandedDelivery, is_last_look: bool) -> _Candidate:
        """Stage a delivery and return it as a candidate.

        Raises:
            DeliveryError: it is damaged.
            _LandingChangedError: it changed while it was read, for the first time.
        """
        assert self._scratch is not None
        manifest = delivery.manifest
        size = sum(file.size for file in delivery.files)
        self._progress(
            f"Reading delivery {manifest.delivery_id} of {manifest.export_name} {manifest.billing_period:%Y-%m}: "
            f"{len(delivery.files)} file{'s' if len(delivery.files) != 1 else ''}, {size / 1e6:,.1f} MB"
        )
        folder = self._staging / uuid4().hex
        folder.mkdir()
        try:
            contents = stage(self._scratch, self._landing, delivery, folder, self._progress)
            failure: DeliveryError | None = None
        except LandingError:
            raise
        except DeliveryError as error:
            failure = error
        if isinstance(failure, ObjectVanishedError) or not self._is_unchanged(delivery):
            shutil.rmtree(folder)
            if is_last_look:
                raise DeliveryError(_CHANGED)
            raise _LandingChangedError
        if failure is not None:
            shutil.rmtree(folder)
            raise failure
        payer = contents.totals.payer_account_id
        if payer is not None and payer != group.payer:
            shutil.rmtree(folder)
            raise DeliveryError(
                f"Its rows belong to payer {payer}, but its first row or its manifest names {group.payer}."
            )
        row = replace(
            self._unread_row(group, delivery, Status.SUPERSEDED, "", is_billed=True),
            landed_at=self._now,
            form=contents.form,
            columns=contents.columns,
            totals=contents.totals,
            files=contents.files,
            layouts=contents.layouts,
        )
        return _Candidate(manifest.delivery_id, manifest.key, manifest.modified_at, contents, row, folder)

    def _is_unchanged(self, delivery: LandedDelivery) -> bool:
        """Whether manifest and files are still what they were when they were listed (overwrite mode replaces both)."""
        manifest = delivery.manifest
        landed = self._landing.find(manifest.key)
        if landed is None:
            return False
        content = self._landing.read_all([landed]).get(manifest.key)
        if content is None or hashlib_of(content) != manifest.content_hash:
            return False
        return all(self._landing.find(file.key) == file for file in delivery.files)

    def store_is_sound(self, row: RegisteredDelivery) -> bool:
        """Whether the stored files of a registered delivery are all there."""
        return row.contents is not None and not self._register.missing_store_files(row)


class _Decision:
    """Which delivery of one group is current.

    The period's pointer manifest decides. Where it is missing or what it names is damaged, the newest sound delivery
    does: by AWS's time in the folder name where all have one, else by what the data says.
    """

    def __init__(self, run: _Sync, group: _Group, is_last_look: bool) -> None:
        self._run = run
        self._group = group
        self._is_last_look = is_last_look
        self.problems: dict[str, str] = {}
        self.candidates: dict[str, _Candidate] = {}

    def choose(self) -> _Candidate | None:
        """Return the delivery to be current; None where there is nothing sound, landed or stored."""
        group = self._group
        pointed = [delivery for delivery in group.landed if delivery.is_pointed]
        chosen = self._newest(pointed, stored=None)
        if chosen is None:
            rest = [delivery for delivery in group.landed if not delivery.is_pointed]
            # Damage changes nothing: what was current competes with what is left, though its landing may be gone.
            chosen = self._newest(rest, stored=group.current if self.problems else None)
        if chosen is None and group.current is not None:
            chosen = self._stored(group.current)
        return chosen

    def _newest(self, deliveries: Sequence[LandedDelivery], stored: RegisteredDelivery | None) -> _Candidate | None:
        rest = [] if stored is None or not self._run.store_is_sound(stored) else [self._stored(stored)]
        times = {
            **{candidate.delivery_id: _time_of(candidate.row) for candidate in rest},
            **{delivery.manifest.delivery_id: delivery.manifest.delivered_at for delivery in deliveries},
        }
        if len(deliveries) == 1 and not rest:
            return self._candidate(deliveries[0])
        if all(time is not None for time in times.values()):
            # Only as many are read as are needed to find a sound one.
            places: list[LandedDelivery | _Candidate] = [*deliveries, *rest]
            places.sort(key=lambda place: (times[_id_of(place)], _id_of(place)), reverse=True)
            for place in places:
                candidate = place if isinstance(place, _Candidate) else self._candidate(place)
                if candidate is not None:
                    return candidate
            return None
        read = [candidate for delivery in deliveries if (candidate := self._candidate(delivery)) is not None]
        newest = max([*rest, *read], key=lambda candidate: candidate.rank, default=None)
        return None if newest is None else self._with_contents(newest)

    def _candidate(self, delivery: LandedDelivery) -> _Candidate | None:
        """Return a landed delivery, read if need be; None, and a problem on record, where it is damaged."""
        delivery_id = delivery.manifest.delivery_id
        if delivery_id in self.candidates:
            return self.candidates[delivery_id]
        known = self._group.known(delivery)
        try:
            if known is not None and known.status is Status.REJECTED and known.contents is None:
                raise DeliveryError(known.reason)
            missing = self._run._missing_files(delivery)
            if missing is not None:
                raise DeliveryError(missing)
            if known is not None and known.totals is not None and self._run.store_is_sound(known):
                candidate = self._stored(known)
            else:
                candidate = self._run.read(self._group, delivery, self._is_last_look)
        except LandingError:
            raise
        except DeliveryError as error:
            self.problems[delivery_id] = str(error)
            return None
        self.candidates[delivery_id] = candidate
        return candidate

    def _with_contents(self, candidate: _Candidate) -> _Candidate | None:
        return candidate

    def _stored(self, row: RegisteredDelivery) -> _Candidate:
        return _Candidate(row.delivery_id, row.manifest_key, row.manifest_modified_at, row.contents, row)


def _id_of(place: LandedDelivery | _Candidate) -> str:
    return place.delivery_id if isinstance(place, _Candidate) else place.manifest.delivery_id


def _time_of(row: RegisteredDelivery) -> datetime | None:
    return delivered_at(row.manifest_key, f"{row.delivery_id}/", *(file.source_key for file in row.files))


def _shown(rows: Iterable[RegisteredDelivery]) -> set[tuple[str, tuple[str | None, ...]]]:
    """Return what the view shows of these rows: delivery and stored files."""
    return {
        (row.delivery_key, tuple(file.stored_path for file in row.files))
        for row in rows
        if row.status is Status.CURRENT and row.is_billed
    }
