"""Which delivery of one payer, export and period is current.

What is here: the period's pointer manifest decides; where it is missing or what it names is damaged, the
newest sound delivery does, by AWS's time in the folder names where all have one, else by what the data says.
When to add here: another sign of which delivery AWS means.
What does not belong here: reading deliveries (the caller does, only when a decision needs it) and registering
them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

from orchestration.errors import DeliveryError
from orchestration.ingest.discovery import LandedDelivery
from orchestration.ingest.landing import LandingError
from orchestration.ingest.manifests import delivered_at
from orchestration.ingest.register import RegisteredDelivery, Status

__all__ = ["Candidate", "Decision", "Group", "missing_files"]


@dataclass
class Group:
    """All that is known about one payer, export and period.

    Attributes:
        payer: payer account id; None while it is unknown.
        export_name: name of the report or export.
        period: first of the month.
        landed: deliveries in the landing.
        registered: rows of the register.
    """

    payer: str | None
    export_name: str
    period: date
    landed: list[LandedDelivery] = field(default_factory=list)
    registered: list[RegisteredDelivery] = field(default_factory=list)

    @property
    def stored(self) -> RegisteredDelivery | None:
        """The delivery whose stored files are kept: the current one, also of a payer not configured now."""
        for row in self.registered:
            is_refused_payer = row.status is Status.REJECTED and not row.is_billed
            if (row.status is Status.CURRENT or is_refused_payer) and row.contents is not None:
                return row
        return None

    def add(self, delivery: LandedDelivery) -> None:
        """Add a landed delivery; a second landing of the same one counts as another copy of it."""
        for position, other in enumerate(self.landed):
            if other.manifest.delivery_id == delivery.manifest.delivery_id:
                better, worse = (delivery, other) if len(delivery.missing) < len(other.missing) else (other, delivery)
                self.landed[position] = replace(better, manifests=(*better.manifests, *worse.manifests))
                return
        self.landed.append(delivery)

    def known(self, delivery: LandedDelivery) -> RegisteredDelivery | None:
        """Return the row of a delivery that was registered just as it is landed now."""
        for row in self.registered:
            if row.delivery_id == delivery.manifest.delivery_id and row.fingerprint == delivery.fingerprint:
                return row
        return None


@dataclass(frozen=True)
class Candidate:
    """A sound delivery that may become current.

    Attributes:
        row: as it would be registered.
        folder: where it was staged; None where its files are in the store, or were once read and given up.
    """

    row: RegisteredDelivery
    folder: Path | None = None

    @property
    def delivery_id(self) -> str:
        """Assembly or execution id."""
        return self.row.delivery_id

    @property
    def age(self) -> tuple[datetime, datetime, int, str]:
        """What orders deliveries that AWS gave no time: the newest is the greatest."""
        totals = self.row.totals
        if totals is None:
            return datetime.min, self.row.manifest_modified_at, 0, self.delivery_id
        return (
            totals.last_usage_at or datetime.min,
            self.row.manifest_modified_at,
            totals.row_count,
            self.delivery_id,
        )

    @property
    def delivered_at(self) -> datetime | None:
        """AWS's time in the delivery's folder name."""
        return delivered_at(
            self.row.manifest_key, f"{self.delivery_id}/", *(file.source_key for file in self.row.files)
        )


class Decision:
    """Chooses the current delivery of a group, and remembers what it learned on the way.

    Args:
        group: what is known.
        read: reads a landed delivery whole; raises DeliveryError where it is damaged.
        is_stored: whether a row's stored files are all there.

    Attributes:
        problems: why landed deliveries cannot be used, by delivery id.
        candidates: landed deliveries that were found sound, by delivery id.
    """

    def __init__(
        self,
        group: Group,
        read: Callable[[LandedDelivery], Candidate],
        is_stored: Callable[[RegisteredDelivery], bool],
    ) -> None:
        self._group = group
        self._read = read
        self._is_stored = is_stored
        self.problems: dict[str, str] = {}
        self.candidates: dict[str, Candidate] = {}

    def choose(self) -> Candidate | None:
        """Return the delivery to be current, ready to be shown; None where nothing sound is landed or stored.

        Raises:
            DeliveryError: the stored files of the only sound delivery are gone, and it cannot be read again.
        """
        group = self._group
        pointed = [delivery for delivery in group.landed if delivery.is_pointed]
        others = [delivery for delivery in group.landed if not delivery.is_pointed]
        chosen = self._newest(pointed, None)
        if chosen is None:
            # Damage changes nothing: what was current competes with what is left, though its landing may be gone.
            chosen = self._newest(others, group.stored if self.problems else None)
        if chosen is None and group.stored is not None:
            if not self._is_stored(group.stored):
                raise DeliveryError(
                    f"The stored files of delivery {group.stored.delivery_id} ({group.export_name} "
                    f"{group.period:%Y-%m}) are gone from the warehouse, and the landing no longer has it. "
                    "Land it again."
                )
            chosen = Candidate(group.stored)
        return chosen

    def _newest(self, landed: Sequence[LandedDelivery], stored: RegisteredDelivery | None) -> Candidate | None:
        kept = [Candidate(stored)] if stored is not None and self._is_stored(stored) else []
        for place in self._newest_first(landed, kept):
            ready = place if isinstance(place, Candidate) and place in kept else self._ready(place)
            if ready is not None:
                return ready
        return None

    def _newest_first(
        self, landed: Sequence[LandedDelivery], kept: Sequence[Candidate]
    ) -> Iterator[LandedDelivery | Candidate]:
        """Yield deliveries, newest first; they are read for it only where AWS's names do not tell."""
        times: list[tuple[datetime | None, str, LandedDelivery | Candidate]] = [
            *((delivery.manifest.delivered_at, delivery.manifest.delivery_id, delivery) for delivery in landed),
            *((candidate.delivered_at, candidate.delivery_id, candidate) for candidate in kept),
        ]
        timed = [(time, delivery_id, place) for time, delivery_id, place in times if time is not None]
        if len(times) == 1:
            yield times[0][2]
        elif len(timed) == len(times):
            for _, _, place in sorted(timed, key=lambda entry: entry[:2], reverse=True):
                yield place
        else:
            read = [candidate for delivery in landed if (candidate := self._sound(delivery)) is not None]
            yield from sorted([*kept, *read], key=lambda candidate: candidate.age, reverse=True)

    def _sound(self, delivery: LandedDelivery) -> Candidate | None:
        """Return a landed delivery, read now or earlier; None, and a problem on record, if it is damaged."""
        delivery_id = delivery.manifest.delivery_id
        if delivery_id in self.problems or delivery_id in self.candidates:
            return self.candidates.get(delivery_id)
        known = self._group.known(delivery)
        if known is not None and known.totals is not None:
            self.candidates[delivery_id] = Candidate(known)
        elif known is not None and known.status is Status.REJECTED and known.is_billed:
            self.problems[delivery_id] = known.reason
        else:
            self._read_now(delivery)
        return self.candidates.get(delivery_id)

    def _ready(self, place: LandedDelivery | Candidate) -> Candidate | None:
        """Return a delivery with its files staged or stored, after reading it again if they were given up."""
        delivery_id = place.delivery_id if isinstance(place, Candidate) else place.manifest.delivery_id
        delivery = next(item for item in self._group.landed if item.manifest.delivery_id == delivery_id)
        candidate = self._sound(delivery)
        if candidate is None or candidate.folder is not None or self._is_stored(candidate.row):
            return candidate
        self._read_now(delivery)
        return self.candidates.get(delivery_id)

    def _read_now(self, delivery: LandedDelivery) -> None:
        delivery_id = delivery.manifest.delivery_id
        self.candidates.pop(delivery_id, None)
        try:
            missing = missing_files(delivery)
            if missing is not None:
                raise DeliveryError(missing)
            self.candidates[delivery_id] = self._read(delivery)
        except LandingError:
            raise
        except DeliveryError as error:
            self.problems[delivery_id] = str(error)


def missing_files(delivery: LandedDelivery) -> str | None:
    """Return which listed files are missing, as a reason for a rejection; None where all are there."""
    if not delivery.missing:
        return None
    count, total = len(delivery.missing), len(delivery.manifest.file_keys)
    listed = ", ".join(delivery.missing[:3]) + (", …" if count > 3 else "")
    return (
        f"{count} of {total} listed files {'is' if count == 1 else 'are'} missing: {listed}. "
        "If the delivery is still being copied, run again when the copy has finished."
    )
