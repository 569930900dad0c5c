"""Where deliveries land: a local folder, or a bucket and prefix on S3.

What is here: listing, reading, fetching and writing the objects of a landing, the same way for both places.
When to add here: another kind of place.
What does not belong here: what the objects mean (``manifests``, ``discovery``).
"""

import hashlib
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from orchestration.errors import DeliveryError

__all__ = [
    "LandedObject",
    "Landing",
    "LandingError",
    "ObjectVanishedError",
    "normalised_key",
    "open_landing",
    "sha256_of",
]

_BLOCK = 1 << 20
_S3_BLOCK = 8 << 20


class LandingError(DeliveryError):
    """The landing cannot be read or written: network, credentials, permissions; no delivery is to blame."""


class ObjectVanishedError(DeliveryError):
    """A listed object is gone or another one: somebody is writing the landing while we read it."""


@dataclass(frozen=True)
class LandedObject:
    """One file of a landing.

    Attributes:
        key: its place below the landing, parts joined by single slashes.
        size: bytes.
        version: changes when the content does: S3's etag, or the local modification time in nanoseconds.
        modified_at: UTC, without zone.
        location: where the backend finds it.
    """

    key: str
    size: int
    version: str
    modified_at: datetime
    location: str = field(compare=False)


def normalised_key(key: str) -> str:
    """Return ``key`` without empty parts; legacy keys without a prefix begin with a slash."""
    return "/".join(part for part in key.split("/") if part)


def open_landing(url: str | Path) -> "Landing":
    """Return the landing at ``url``: a local folder, which need not exist yet, or ``s3://bucket/prefix``.

    Raises:
        LandingError: the address is of another kind.
    """
    text = str(url)
    if text.startswith("s3://"):
        return S3Landing(text)
    if "://" in text:
        raise LandingError(f"The landing {text} is neither a folder nor s3://bucket/prefix.")
    return LocalLanding(Path(text))


class Landing(ABC):
    """A place where deliveries land."""

    url: str

    @abstractmethod
    def list_objects(self, folder: str = "") -> dict[str, LandedObject]:
        """Return every object below the landing, or a folder of it, by key; nothing where that does not exist."""

    @abstractmethod
    def find(self, key: str) -> LandedObject | None:
        """Return the object that was written as ``key``; None where there is none."""

    @abstractmethod
    def refreshed(self, landed: LandedObject) -> LandedObject | None:
        """Return a listed object as it is now; None where it is gone."""

    @abstractmethod
    def open(self, landed: LandedObject) -> BinaryIO:
        """Open the object for reading; it can seek."""

    @abstractmethod
    def read_all(self, objects: Sequence[LandedObject]) -> dict[str, bytes]:
        """Return the contents of small objects by key; those that are gone are left out."""

    @abstractmethod
    def fetch(self, landed: LandedObject, target: Path) -> str:
        """Copy the object to ``target``, which appears whole or not at all; return the copy's sha256."""

    @abstractmethod
    def write(self, key: str, source: Path | bytes) -> None:
        """Write a file or bytes to ``key``; readers see the old object or the whole new one."""

    def location(self, key: str) -> str:
        """Return the full address of ``key``, for messages."""
        return f"{self.url.rstrip('/')}/{key}"

    def blocks(self, landed: LandedObject) -> Iterator[bytes]:
        """Yield the object's bytes, about a megabyte at a time.

        Raises:
            ObjectVanishedError: it is gone, or was replaced while we read it.
            LandingError: it cannot be read.
        """
        with self.open(landed) as source:
            while True:
                with self._translated(landed.key):
                    block = source.read(_BLOCK)
                if not block:
                    return
                yield block

    @abstractmethod
    def _translated(self, key: str) -> AbstractContextManager[None]:
        """Turn the backend's errors about ``key`` into ours."""


class LocalLanding(Landing):
    """A folder. Names that begin with a dot are left out: tools write them while they copy."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)

    def list_objects(self, folder: str = "") -> dict[str, LandedObject]:
        objects: dict[str, LandedObject] = {}
        seen: set[tuple[int, int]] = set()
        top = self.root / folder
        folders = [top] if top.is_dir() else []
        with self._translated(self.url):
            while folders:
                opened = folders.pop()
                status = opened.stat()
                # Users link folders into the landing, and a link may lead back up.
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                for entry in sorted(opened.iterdir()):
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir():
                        folders.append(entry)
                    elif entry.is_file():
                        landed = self._object(entry)
                        objects[landed.key] = landed
        return objects

    def find(self, key: str) -> LandedObject | None:
        path = self.root / key
        with self._translated(key):
            return self._object(path) if path.is_file() else None

    def refreshed(self, landed: LandedObject) -> LandedObject | None:
        return self.find(landed.key)

    def open(self, landed: LandedObject) -> BinaryIO:
        with self._translated(landed.key):
            return Path(landed.location).open("rb")

    def read_all(self, objects: Sequence[LandedObject]) -> dict[str, bytes]:
        contents = {}
        for landed in objects:
            with self._translated(landed.key):
                path = Path(landed.location)
                if path.is_file():
                    contents[landed.key] = path.read_bytes()
        return contents

    def fetch(self, landed: LandedObject, target: Path) -> str:
        partial = target.with_name(f"{target.name}.partial")
        with self.open(landed) as source, self._translated(landed.key), partial.open("wb") as copy:
            _copy(source, copy)
        partial.replace(target)
        return sha256_of(target)

    def write(self, key: str, source: Path | bytes) -> None:
        target = self.root / key
        partial = target.with_name(f".{target.name}.partial")
        with self._translated(key):
            target.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as copy:
                if isinstance(source, bytes):
                    copy.write(source)
                else:
                    with source.open("rb") as original:
                        shutil.copyfileobj(original, copy, _BLOCK)
                copy.flush()
                os.fsync(copy.fileno())
            partial.replace(target)

    def _object(self, path: Path) -> LandedObject:
        status = path.stat()
        return LandedObject(
            key=path.relative_to(self.root).as_posix(),
            size=status.st_size,
            version=str(status.st_mtime_ns),
            modified_at=datetime.fromtimestamp(status.st_mtime, UTC).replace(tzinfo=None),
            location=str(path),
        )

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise ObjectVanishedError(f"{key} disappeared while it was read.") from error
        except OSError as error:
            raise LandingError(f"{error.filename or key} in the landing {self.url}: {error.strerror}.") from error


class S3Landing(Landing):
    """A bucket, or a prefix in one. Credentials and endpoint come from the usual AWS configuration."""

    def __init__(self, url: str) -> None:
        # Imported here: s3fs takes 0.5 s, and most workspaces are local.
        import fsspec

        self.url = url.rstrip("/")
        self._root = self.url.removeprefix("s3://")
        # Any, because fsspec has no types. No caches: each sync must see the bucket as it is.
        self._files: Any = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)

    def list_objects(self, folder: str = "") -> dict[str, LandedObject]:
        with self._translated(self.url):
            try:
                found = self._files.find(f"{self._root}/{folder}" if folder else self._root, detail=True)
            except FileNotFoundError as error:
                # Taken for an empty landing, every delivery would seem to have vanished.
                raise LandingError(f"The landing {self.url}: {error}.") from error
        objects: dict[str, LandedObject] = {}
        for location, details in sorted(found.items()):
            landed = self._object(location, details)
            if not landed.key.rpartition("/")[2].startswith("."):
                objects.setdefault(landed.key, landed)
        return objects

    def find(self, key: str) -> LandedObject | None:
        return self._found(f"{self._root}/{key}")

    def refreshed(self, landed: LandedObject) -> LandedObject | None:
        # By its location: a key may have lost slashes that are part of the object's name.
        return self._found(landed.location)

    def _found(self, location: str) -> LandedObject | None:
        with self._translated(location):
            try:
                return self._object(location, self._files.info(location))
            except FileNotFoundError:
                return None

    def open(self, landed: LandedObject) -> BinaryIO:
        with self._translated(landed.key):
            opened = self._files.open(landed.location, "rb", block_size=_S3_BLOCK, cache_type="readahead")
        return cast(BinaryIO, opened)

    def read_all(self, objects: Sequence[LandedObject]) -> dict[str, bytes]:
        keys = {landed.location: landed.key for landed in objects}
        if not keys:
            return {}
        # One call for all: s3fs then asks for them at the same time, and there may be thousands of old
        # manifests.
        with self._translated(self.url):
            found = self._files.cat(list(keys), on_error="return")
        contents = {}
        for location, content in found.items():
            if isinstance(content, FileNotFoundError):
                continue
            if isinstance(content, Exception):
                raise LandingError(f"{keys[location]} in the landing {self.url}: {content}.") from content
            contents[keys[location]] = content
        return contents

    def fetch(self, landed: LandedObject, target: Path) -> str:
        partial = target.with_name(f"{target.name}.partial")
        with self._translated(landed.key):
            self._files.get_file(landed.location, str(partial))
        with partial.open("rb+") as fetched:
            os.fsync(fetched.fileno())
        partial.replace(target)
        return sha256_of(target)

    def write(self, key: str, source: Path | bytes) -> None:
        location = f"{self._root}/{key}"
        with self._translated(key):
            if isinstance(source, bytes):
                self._files.pipe_file(location, source)
            else:
                self._files.put_file(str(source), location)

    def _object(self, location: str, details: dict[str, Any]) -> LandedObject:
        modified = details["LastModified"]
        return LandedObject(
            key=normalised_key(location.removeprefix(self._root)),
            size=int(details["size"]),
            version=str(details["ETag"]).strip('"'),
            modified_at=modified.astimezone(UTC).replace(tzinfo=None),
            location=location,
        )

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
        from s3fs.utils import FileExpired

        try:
            yield
        except (FileNotFoundError, FileExpired) as error:
            raise ObjectVanishedError(f"{key} disappeared or was replaced while it was read.") from error
        except (OSError, BotoCoreError) as error:
            raise LandingError(f"{key} in the landing {self.url}: {error}.") from error


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, in hex."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _copy(source: BinaryIO, copy: BinaryIO) -> None:
    """Copy a local file: by sharing its blocks where the file system can, else through the kernel.

    Never a hard link: whoever overwrites a landed file in place (`cp`, s3fs, rclone) would overwrite the
    stored copy with it, and the previous delivery could no longer stay current.
    """
    remaining = os.fstat(source.fileno()).st_size
    try:
        while remaining > 0:
            copied = os.copy_file_range(source.fileno(), copy.fileno(), min(remaining, 1 << 30))
            if copied == 0:
                break
            remaining -= copied
    except (OSError, AttributeError):
        # Another device, an older kernel, or no Linux.
        source.seek(0)
        copy.seek(0)
        copy.truncate()
        shutil.copyfileobj(source, copy, _BLOCK)
    copy.flush()
    os.fsync(copy.fileno())
