"""AWS's manifests: finding them, reading them tolerantly, and finding the files they list.

What is here: legacy manifests (``reportKeys``, ``assemblyId``) and those of Data Exports (``dataFiles``,
``executionId``), and where in a landing their keys point, wherever the bucket's root ended up.
When to add here: another field or spelling that a manifest uses.
What does not belong here: which delivery is current (``discovery``, ``deliveries``).
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

from orchestration.errors import DeliveryError
from orchestration.ingest.landing import LandedObject, normalised_key

__all__ = [
    "Family",
    "Manifest",
    "UnreadableManifest",
    "delivered_at",
    "is_manifest",
    "parse_manifest",
    "period_in_path",
    "resolve_files",
]

# Legacy deliveries may carry manifests of their own for Redshift and QuickSight, which list no CUR files.
_MANIFEST_NAME = re.compile(r"(^|[^a-z])manifest\.json$", re.IGNORECASE)
_OTHER_MANIFEST_NAME = re.compile(r"(redshift|quicksight)-?manifest\.json$", re.IGNORECASE)
_DATE_RANGE = re.compile(r"(\d{4})(\d{2})\d{2}-\d{8}")
_BILLING_PERIOD = re.compile(r"BILLING_PERIOD=(\d{4})-(\d{2})", re.IGNORECASE)
_YEAR = re.compile(r"year=(\d{4})")
_MONTH = re.compile(r"month=(\d{1,2})")
# The folder of a create-new delivery of Data Exports: `2024-04-01T13:09:00.126Z-0664ded9-…`.
_DELIVERY_FOLDER = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?)Z(?:-(.+))?")
_EXPORT_ARN = re.compile(r"arn:[^:]*:[^:]*:[^:]*:(\d{12}):export/(.+)")
_ARN_SUFFIX = re.compile(r"-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")


class Family(StrEnum):
    """Which service wrote a manifest."""

    LEGACY = "legacy"
    DATA_EXPORTS = "data exports"


@dataclass(frozen=True)
class Manifest:
    """What a manifest says.

    Attributes:
        key: where it is in the landing.
        content_hash: sha256 of its bytes.
        modified_at: UTC.
        family: which service wrote it.
        delivery_id: assembly or execution id; a hash of the manifest where it names none.
        export_name: name of the report or export.
        billing_period: first of the month.
        account: the account it names, normally the payer; None where it names none.
        file_keys: keys of the data files in their bucket, in order, each once.
        delivered_at: AWS's time in the delivery's folder name; None in other layouts.
        is_pointer: it stands in the period's folder, so it names the current delivery.
    """

    key: str
    content_hash: str
    modified_at: datetime
    family: Family
    delivery_id: str
    export_name: str
    billing_period: date
    account: str | None
    file_keys: tuple[str, ...]
    delivered_at: datetime | None
    is_pointer: bool


@dataclass(frozen=True)
class UnreadableManifest:
    """A manifest that cannot be read: half-written, not JSON, or without what makes a delivery.

    Attributes:
        key: where it is in the landing.
        content_hash: sha256 of its bytes.
        modified_at: UTC.
        export_name: taken from its file name.
        billing_period: taken from its folders; None where they name none.
        reason: what is wrong with it.
    """

    key: str
    content_hash: str
    modified_at: datetime
    export_name: str
    billing_period: date | None
    reason: str


def is_manifest(key: str) -> bool:
    """Return whether ``key`` is named as AWS names manifests of deliveries."""
    return bool(_MANIFEST_NAME.search(key)) and not _OTHER_MANIFEST_NAME.search(key)


def parse_manifest(landed: LandedObject, content: bytes) -> Manifest | UnreadableManifest | None:
    """Return what a manifest says; None for another tool's list of files (Redshift, QuickSight)."""
    content_hash = hashlib.sha256(content).hexdigest()
    try:
        document = _load(content)
        if {"entries", "fileLocations"} & document.keys():
            return None
        return _read(landed, content_hash, document)
    except DeliveryError as error:
        return UnreadableManifest(
            key=landed.key,
            content_hash=content_hash,
            modified_at=landed.modified_at,
            export_name=_name_of_file(landed.key),
            billing_period=period_in_path(landed.key),
            reason=f"The manifest {landed.key} {error}",
        )


def period_in_path(key: str) -> date | None:
    """Return the billing period that the folders of ``key`` name; None where they name none."""
    folders = key.split("/")[:-1]
    for folder in reversed(folders):
        named = _BILLING_PERIOD.fullmatch(folder) or _DATE_RANGE.fullmatch(folder)
        if named:
            return _month(named[1], named[2])
    for folder, inner in pairwise(folders):
        year, month = _YEAR.fullmatch(folder), _MONTH.fullmatch(inner)
        if year and month:
            return _month(year[1], month[1])
    return None


def delivered_at(*keys: str) -> datetime | None:
    """Return AWS's time in the delivery folder that the first of these keys has; None where none has one."""
    for key in keys:
        for folder in key.split("/")[:-1]:
            named = _DELIVERY_FOLDER.fullmatch(folder)
            if named:
                return datetime.fromisoformat(named[1])
    return None


def resolve_files(manifest: Manifest, objects: Mapping[str, LandedObject]) -> list[LandedObject | str]:
    """Return each listed file as it was landed, or, where it is missing, the key where it was looked for.

    The bucket's root may be any folder above the manifest, and a sync may have dropped leading parts of the
    keys; all files of a delivery are found by the same guess. A part that tells deliveries or periods apart
    is never dropped, so that no file of another delivery is taken.
    """
    keys = manifest.file_keys
    droppable = min(_droppable_parts(key, manifest.delivery_id) for key in keys)
    folders = manifest.key.split("/")[:-1]
    best: list[LandedObject | str] = list(keys)
    best_count = 0
    for dropped in range(droppable + 1):
        # The deepest folder first: a copy of one bucket inside another must find its own files.
        for depth in range(len(folders), -1, -1):
            root = folders[:depth]
            places = ["/".join([*root, *key.split("/")[dropped:]]) for key in keys]
            if len(set(places)) < len(places):
                continue
            found: list[LandedObject | str] = [objects.get(place, place) for place in places]
            count = sum(isinstance(item, LandedObject) for item in found)
            if count == len(keys):
                return found
            if count > best_count:
                best, best_count = found, count
    return best


def _load(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise DeliveryError("is not UTF-8 text.") from None
    except json.JSONDecodeError as error:
        raise DeliveryError(
            f"is not complete JSON (line {error.lineno}, column {error.colno}: {error.msg}). "
            "If it is still being copied, run again when the copy has finished."
        ) from None
    if not isinstance(document, dict):
        raise DeliveryError("is not a JSON object.")
    return document


def _read(landed: LandedObject, content_hash: str, document: dict[str, Any]) -> Manifest:
    listed = document.get("dataFiles", document.get("reportKeys"))
    if not isinstance(listed, list) or not listed:
        raise DeliveryError("lists no data files (reportKeys or dataFiles).")
    file_keys = tuple(dict.fromkeys(_file_key(item) for item in listed))
    arn = _EXPORT_ARN.fullmatch(_text(document, "exportArn") or "")
    is_data_export = "dataFiles" in document or "exportArn" in document or "executionId" in document
    named = ("executionId", "assemblyId") if is_data_export else ("assemblyId", "executionId")
    delivery_id = _text(document, *named) or _id_in_path(landed.key, *file_keys) or f"manifest-{content_hash[:32]}"
    period = _period(document) or period_in_path(landed.key) or period_in_path(file_keys[0])
    if period is None:
        raise DeliveryError("names no billing period, and neither do its folders (billingPeriod, BILLING_PERIOD=).")
    account = _text(document, "account", "accountId") or (arn[1] if arn else None)
    folder = landed.key.split("/")[-2] if "/" in landed.key else ""
    return Manifest(
        key=landed.key,
        content_hash=content_hash,
        modified_at=landed.modified_at,
        family=Family.DATA_EXPORTS if is_data_export else Family.LEGACY,
        delivery_id=delivery_id,
        export_name=_text(document, "reportName", "exportName")
        or (_ARN_SUFFIX.sub("", arn[2]) if arn else _name_of_file(landed.key)),
        billing_period=period,
        account=None if account is None else account.zfill(12),
        file_keys=file_keys,
        delivered_at=delivered_at(landed.key, *file_keys),
        is_pointer=not _is_delivery_folder(folder, delivery_id),
    )


def _text(document: dict[str, Any], *names: str) -> str | None:
    for name in names:
        value = document.get(name)
        if isinstance(value, str | int) and str(value).strip():
            return str(value).strip()
    return None


def _file_key(item: object) -> str:
    """Return one entry of the file list as a key: a key, an s3:// address, or an object that holds either."""
    text = item
    if isinstance(item, dict):
        text = next((item[name] for name in ("s3Uri", "key", "s3Key", "uri", "path") if item.get(name)), None)
    if not isinstance(text, str) or not text.strip("/ "):
        raise DeliveryError(f"lists a data file that has no key: {json.dumps(item)}.")
    if text.startswith("s3://"):
        text = text.removeprefix("s3://").partition("/")[2]
    key = normalised_key(text)
    if ".." in key.split("/"):
        raise DeliveryError(f"lists a data file outside its bucket: {text!r}.")
    return key


def _period(document: dict[str, Any]) -> date | None:
    period = document.get("billingPeriod")
    start = period.get("start") if isinstance(period, dict) else period
    named = re.match(r"(\d{4})-?(\d{2})", start) if isinstance(start, str) else None
    return _month(named[1], named[2]) if named else None


def _month(year: str, month: str) -> date | None:
    return date(int(year), int(month), 1) if 1 <= int(month) <= 12 and int(year) > 0 else None


def _id_in_path(*keys: str) -> str | None:
    for key in keys:
        for folder in key.split("/")[:-1]:
            if _DELIVERY_FOLDER.fullmatch(folder):
                return folder
    return None


def _name_of_file(key: str) -> str:
    name = key.rpartition("/")[2]
    return re.sub(r"-?manifest\.json$", "", name, flags=re.IGNORECASE) or "unnamed"


def _droppable_parts(key: str, delivery_id: str) -> int:
    """Return how many leading parts of ``key`` can go before one that tells deliveries or periods apart."""
    parts = key.split("/")
    return next(_telling_parts(parts, delivery_id), 0)


def _telling_parts(parts: Sequence[str], delivery_id: str) -> Iterator[int]:
    for position, part in enumerate(parts[:-1]):
        if (
            _is_delivery_folder(part, delivery_id)
            or _BILLING_PERIOD.fullmatch(part)
            or _DATE_RANGE.fullmatch(part)
            or _YEAR.fullmatch(part)
        ):
            yield position


def _is_delivery_folder(folder: str, delivery_id: str) -> bool:
    return folder == delivery_id or folder.endswith(f"-{delivery_id}") or _DELIVERY_FOLDER.fullmatch(folder) is not None
