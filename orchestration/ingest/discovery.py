"""Which deliveries lie in a landing, found by names, sizes and times alone.

What is here: manifests brought together to deliveries, wherever and however often each was landed, and the
fingerprint that says whether one has changed.
When to add here: another thing that makes two landings of one delivery the same or different.
What does not belong here: reading data files (``staging``) and choosing the current delivery
(``deliveries``).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from orchestration.ingest.landing import LandedObject, Landing
from orchestration.ingest.manifests import (
    Manifest,
    UnreadableManifest,
    is_manifest,
    parse_manifest,
    resolve_files,
)

__all__ = ["Discovery", "LandedDelivery", "discover", "state_digests"]

# Part of every fingerprint: raise it when the stored files of an unchanged delivery must be written anew.
_STORE_VERSION = 1


@dataclass(frozen=True)
class LandedDelivery:
    """One delivery in the landing.

    Attributes:
        manifest: the manifest it is read by.
        manifest_object: that manifest as landed.
        manifests: every copy of that manifest, the one it is read by first.
        files: its files as landed, in the manifest's order; those that are missing are left out.
        missing: where missing files were looked for.
        fingerprint: of the delivery's id and its files' keys, sizes and versions.
    """

    manifest: Manifest
    manifest_object: LandedObject
    manifests: tuple[Manifest, ...]
    files: tuple[LandedObject, ...]
    missing: tuple[str, ...]
    fingerprint: str

    @property
    def is_pointed(self) -> bool:
        """Whether a period-level manifest names this delivery as the current one."""
        return any(manifest.is_pointer for manifest in self.manifests)


@dataclass(frozen=True)
class Discovery:
    """What a landing holds.

    Attributes:
        deliveries: in the order of their period, export and id.
        unreadable: manifests that could not be read.
    """

    deliveries: tuple[LandedDelivery, ...]
    unreadable: tuple[UnreadableManifest, ...]


def discover(landing: Landing) -> Discovery:
    """Return the deliveries and the unreadable manifests of ``landing``.

    Raises:
        LandingError: the landing cannot be listed or read.
    """
    objects = landing.list_objects()
    candidates = [landed for key, landed in objects.items() if is_manifest(key)]
    contents = landing.read_all(candidates)
    manifests: list[Manifest] = []
    unreadable: list[UnreadableManifest] = []
    for landed in candidates:
        if landed.key not in contents:
            continue
        parsed = parse_manifest(landed, contents[landed.key])
        if isinstance(parsed, Manifest):
            manifests.append(parsed)
        elif parsed is not None:
            unreadable.append(parsed)
    copies: dict[tuple[str, str, date, str], list[Manifest]] = {}
    for manifest in manifests:
        identity = (
            manifest.account or "",
            manifest.export_name,
            manifest.billing_period,
            manifest.delivery_id,
        )
        copies.setdefault(identity, []).append(manifest)
    deliveries = [
        _delivery(same, objects) for _, same in sorted(copies.items(), key=lambda item: (item[0][2], item[0]))
    ]
    return Discovery(tuple(deliveries), tuple(sorted(unreadable, key=lambda manifest: manifest.key)))


def state_digests(
    discovery: Discovery, payers: Mapping[str, str], registered: Mapping[date, set[str]]
) -> dict[date, str]:
    """Return, per billing period, a digest of all that decides what is current in it; no data is read.

    Args:
        discovery: what the landing holds.
        payers: the billed export of each payer.
        registered: payers that deliveries of each period were found to belong to.
    """
    accounts = {period: set(payer_ids) for period, payer_ids in registered.items()}
    parts: dict[date, list[str]] = {}
    for delivery in discovery.deliveries:
        manifest = delivery.manifest
        parts.setdefault(manifest.billing_period, []).append(
            f"{manifest.account} {manifest.export_name} {delivery.fingerprint} {delivery.is_pointed}"
        )
        accounts.setdefault(manifest.billing_period, set()).add(manifest.account or "")
    for unreadable in discovery.unreadable:
        if unreadable.billing_period is not None:
            parts.setdefault(unreadable.billing_period, []).append(f"{unreadable.key} {unreadable.content_hash}")
    return {
        period: _digest([sorted(lines), sorted((payer, payers.get(payer)) for payer in accounts.get(period, ()))])
        for period, lines in parts.items()
    }


def _delivery(manifests: Sequence[Manifest], objects: dict[str, LandedObject]) -> LandedDelivery:
    """Return the delivery that these manifests name, read from the first place where it is complete."""
    copies = []
    for manifest in manifests:
        resolved = resolve_files(manifest, objects)
        files = tuple(item for item in resolved if isinstance(item, LandedObject))
        missing = tuple(item for item in resolved if isinstance(item, str))
        copies.append((manifest, files, missing, resolved))
    copies.sort(key=lambda copy: (len(copy[2]), not copy[0].is_pointer, copy[0].key))
    manifest, files, missing, resolved = copies[0]
    return LandedDelivery(
        manifest=manifest,
        manifest_object=objects[manifest.key],
        manifests=tuple(copy[0] for copy in copies),
        files=files,
        missing=missing,
        fingerprint=_fingerprint(manifest, resolved),
    )


def _fingerprint(manifest: Manifest, resolved: Iterable[LandedObject | str]) -> str:
    """Return the delivery's fingerprint, by the manifest's keys: moving a landing changes nothing."""
    files = [
        [key, None, None] if isinstance(landed, str) else [key, landed.size, landed.version]
        for key, landed in zip(manifest.file_keys, resolved, strict=True)
    ]
    return _digest([_STORE_VERSION, manifest.delivery_id, str(manifest.billing_period), files])


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
