"""The loaded price lists: ``raw.price_list_tiers`` and ``raw.price_list_files`` follow ``price_lists/`` of the landing.

What is here: finding offer files, reading those that changed, and what of them is in force in a billing period (R8).
When to add here: another thing that can happen to a price list between two syncs.
What does not belong here: reading a file (``offer_files``) and pricing by it (``dbt_project/``).
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from orchestration.errors import DeliveryError
from orchestration.ingest.landing import LandedObject, Landing, LandingError, ObjectVanishedError
from orchestration.ingest.offer_files import OfferFile, read_offer_file
from orchestration.ingest.staging import open_scratch_database

__all__ = [
    "PriceListRejection",
    "PriceListResult",
    "have_price_lists_changed",
    "prepare_price_list_tables",
    "price_list_digests",
    "sync_price_lists",
]

_FOLDER = "price_lists"
# Part of every fingerprint: raise it when unchanged files must be read anew.
_READER_VERSION = 1

_TABLES = """
create schema if not exists raw;
create table if not exists raw.price_list_tiers (
    service_code varchar not null,
    usage_type varchar not null,
    operation varchar not null,
    region_code varchar not null,
    sku varchar not null,
    effective_date date not null,
    unit varchar not null,
    tier_start decimal(38, 10) not null,
    tier_end decimal(38, 10),
    rate decimal(22, 10) not null,
    source_file varchar not null,
    published_at timestamp not null
);
create table if not exists raw.price_list_files (
    source_file varchar not null,
    offer_code varchar,
    published_at timestamp,
    version varchar,
    sku_count integer not null,
    status varchar not null,
    reason varchar not null,
    landed_at timestamp not null,
    fingerprint varchar
);
"""

# One ladder per SKU: the newest that began by the period's last day, as the newest list published it.
_IN_FORCE = """
select
    concat_ws(
        '|', service_code, usage_type, operation, region_code, sku, effective_date, unit, tier_start,
        coalesce(cast(tier_end as varchar), 'Inf'), rate
    ) as tier
from raw.price_list_tiers
where effective_date <= last_day(cast(? as date))
qualify
    dense_rank() over (partition by sku order by effective_date desc, published_at desc, source_file desc) = 1
order by tier
"""


@dataclass(frozen=True)
class PriceListRejection:
    """A price list that was not accepted; what it said before still holds.

    Attributes:
        source_file: its key in the landing.
        reason: what is wrong and where.
    """

    source_file: str
    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True)
class PriceListResult:
    """What a sync of the price lists changed and found.

    Attributes:
        loaded: keys of the files that were read and accepted now.
        removed: keys of the files that are gone.
        rejected: every file that is not accepted, also those that were known before.
    """

    loaded: tuple[str, ...]
    removed: tuple[str, ...]
    rejected: tuple[PriceListRejection, ...]


def prepare_price_list_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables where they are not there yet: the models read them also where no price list was ever loaded."""
    connection.execute(_TABLES)


def sync_price_lists(
    connection: duckdb.DuckDBPyConnection,
    landing: Landing,
    scratch_folder: Path,
    progress: Callable[[str], None] | None = None,
) -> PriceListResult:
    """Read the price lists that are new or changed, and forget those that are gone, in one transaction.

    A broken file changes nothing but its own row in the register: what it said before stays in force.

    Args:
        connection: the warehouse; no transaction is open.
        landing: where price lists land, in its folder ``price_lists``, at any depth.
        scratch_folder: an existing folder for what reading spills.
        progress: told in words what is read.

    Raises:
        LandingError: the landing cannot be read.
    """
    prepare_price_list_tables(connection)
    landed = landing.list_objects(_FOLDER)
    known = _fingerprints(connection)
    changed = [item for key, item in sorted(landed.items()) if known.get(key) != _fingerprint(item)]
    removed = tuple(sorted(known.keys() - landed.keys()))
    read: list[tuple[LandedObject, OfferFile | str, bool]] = []
    if changed:
        with (
            tempfile.TemporaryDirectory(dir=scratch_folder, prefix="price_lists-") as folder,
            open_scratch_database(Path(folder)) as scratch,
        ):
            for item in changed:
                if progress is not None:
                    progress(f"Reading {item.key} ({item.size / 1e6:,.1f} MB)")
                read.append((item, *_read(scratch, landing, item, Path(folder) / "copy.zip")))
    _save(connection, read, removed)
    rejected = connection.execute(
        "select source_file, reason from raw.price_list_files where status = 'rejected' order by source_file"
    ).fetchall()
    return PriceListResult(
        loaded=tuple(item.key for item, found, _ in read if isinstance(found, OfferFile)),
        removed=removed,
        rejected=tuple(PriceListRejection(file, reason) for file, reason in rejected),
    )


def have_price_lists_changed(connection: duckdb.DuckDBPyConnection, landing: Landing) -> bool:
    """Return whether a sync would find a new, changed or missing price list; opens no file.

    Raises:
        LandingError: the landing cannot be read.
    """
    prepare_price_list_tables(connection)
    landed = {key: _fingerprint(item) for key, item in landing.list_objects(_FOLDER).items()}
    return landed != _fingerprints(connection)


def price_list_digests(connection: duckdb.DuckDBPyConnection, billing_periods: Iterable[date]) -> dict[date, str]:
    """Return, per billing period, a digest of the tiers in force in it; empty where there are none.

    Which file says so, and what no longer or not yet holds, makes no difference.

    Args:
        connection: the warehouse.
        billing_periods: first days of months.
    """
    digests = {}
    for period in billing_periods:
        digest = hashlib.sha256()
        tiers = connection.execute(_IN_FORCE, [period]).fetchall()
        for (tier,) in tiers:
            digest.update(f"{tier}\n".encode())
        digests[period] = digest.hexdigest() if tiers else ""
    return digests


def _fingerprint(landed: LandedObject) -> str:
    return f"{_READER_VERSION} {landed.size} {landed.version}"


def _fingerprints(connection: duckdb.DuckDBPyConnection) -> dict[str, str | None]:
    return dict(connection.execute("select source_file, fingerprint from raw.price_list_files").fetchall())


def _read(
    scratch: duckdb.DuckDBPyConnection, landing: Landing, landed: LandedObject, copy: Path
) -> tuple[OfferFile | str, bool]:
    """Return what the file says, or why it cannot be used; and whether that is worth remembering."""
    try:
        found = read_offer_file(scratch, landing, landed, copy)
        if landing.refreshed(landed) != landed:
            raise ObjectVanishedError(f"{landed.key} was replaced while it was read. Run again when it is at rest.")
    except LandingError:
        raise
    except ObjectVanishedError as error:
        return str(error), False
    except DeliveryError as error:
        return str(error), True
    return found, True


def _save(
    connection: duckdb.DuckDBPyConnection,
    read: list[tuple[LandedObject, OfferFile | str, bool]],
    removed: tuple[str, ...],
) -> None:
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    connection.execute("begin transaction")
    try:
        for key in removed:
            _forget(connection, key)
        for landed, found, is_settled in read:
            fingerprint = _fingerprint(landed) if is_settled else None
            if isinstance(found, OfferFile):
                _forget(connection, landed.key)
                connection.register("offer_tiers", found.tiers)
                connection.execute(
                    "insert into raw.price_list_tiers select *, ?, ? from offer_tiers",
                    [landed.key, found.published_at],
                )
                connection.unregister("offer_tiers")
                connection.execute(
                    "insert into raw.price_list_files values (?, ?, ?, ?, ?, 'current', ?, ?, ?)",
                    [
                        landed.key,
                        found.offer_code,
                        found.published_at,
                        found.version,
                        found.sku_count,
                        found.left_out,
                        now,
                        fingerprint,
                    ],
                )
            else:
                _reject(connection, landed.key, found, now, fingerprint)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise


def _forget(connection: duckdb.DuckDBPyConnection, key: str) -> None:
    for table in ("price_list_tiers", "price_list_files"):
        connection.execute(f"delete from raw.{table} where source_file = ?", [key])


def _reject(
    connection: duckdb.DuckDBPyConnection, key: str, reason: str, now: datetime, fingerprint: str | None
) -> None:
    """Mark a file as rejected; what is known of its last good content stays with it."""
    is_known = connection.execute("select 1 from raw.price_list_files where source_file = ?", [key]).fetchone()
    if is_known is None:
        connection.execute(
            "insert into raw.price_list_files values (?, null, null, null, 0, 'rejected', ?, ?, ?)",
            [key, reason, now, fingerprint],
        )
    else:
        connection.execute(
            "update raw.price_list_files set status = 'rejected', reason = ?, landed_at = ?, fingerprint = ? "
            "where source_file = ?",
            [reason, now, fingerprint, key],
        )
