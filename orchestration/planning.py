"""Which billing periods a run has to build, and why.

What is here: fingerprints of everything that makes a period (deliveries, price lists, configuration, models, issued
documents) compared with what was built last.
When to add here: a new kind of input that can change a period's numbers.
What does not belong here: building.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from orchestration.configuration.fingerprint import membership_digest, period_digest
from orchestration.configuration.schema import Configuration
from orchestration.ingest.price_lists import price_list_digests
from orchestration.settings import PROJECT_ROOT

__all__ = [
    "PlannedPeriod",
    "billing_exports",
    "code_digest",
    "mark_built",
    "plan_periods",
    "unfinished_periods",
    "write_build_periods",
]


@dataclass(frozen=True)
class PlannedPeriod:
    """One billing period to build.

    Attributes:
        billing_period: first day of the month.
        reads_raw: the usage grain is built too, because rows or membership dates changed.
        reason: why, in words.
        fingerprint: of everything that makes the period.
        grain_fingerprint: of what makes its usage grain.
        price_list_digest: of the price list tiers in force in it; empty for none.
        document_digest: of the documents issued for it, whose rate and credit draws hold for ever; empty for none.
    """

    billing_period: date
    reads_raw: bool
    reason: str
    fingerprint: str
    grain_fingerprint: str
    price_list_digest: str
    document_digest: str


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def code_digest(project_root: Path = PROJECT_ROOT) -> str:
    """Return the sha256 of the models, macros, seeds and the ingest: changed code rebuilds every period."""
    digest = hashlib.sha256()
    files = [project_root / "dbt_project.yml", *(project_root / "orchestration" / "ingest").glob("*.py")]
    for folder in ("models", "macros", "seeds"):
        files += (project_root / "dbt_project" / folder).rglob("*.sql")
        files += (project_root / "dbt_project" / folder).rglob("*.csv")
    for file in sorted(files):
        digest.update(str(file.relative_to(project_root)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def billing_exports(configuration: Configuration) -> dict[str, str]:
    """Return, per payer account id, the export it is billed from; empty where there is only one."""
    return {payer.payer_account_id: payer.billing_export or "" for payer in configuration.payers}


def plan_periods(
    connection: duckdb.DuckDBPyConnection,
    configuration: Configuration,
    only: frozenset[date] | None = None,
    force: bool = False,
) -> list[PlannedPeriod]:
    """Return the periods whose inputs differ from what was built last, oldest first.

    A period that was built before and has no billed delivery any more is planned too: building it empties it.

    Args:
        connection: the warehouse, after the deliveries, price lists and the ledger were brought in.
        configuration: the validated billing configuration.
        only: build none but these periods; None for all.
        force: build also what is unchanged.
    """
    code = code_digest()
    deliveries: dict[date, list[str]] = {}
    for period, key, fingerprint in connection.execute(
        "select billing_period, delivery_key, fingerprint from raw.deliveries "
        "where status = 'current' and is_billed order by all"
    ).fetchall():
        deliveries.setdefault(period, []).append(f"{key}\x1e{fingerprint}")
    built = {
        period: (fingerprint, grain, prices, issued)
        for period, fingerprint, grain, prices, issued in connection.execute(
            "select billing_period, fingerprint, grain_fingerprint, price_list_digest, document_digest "
            "from raw.period_builds"
        ).fetchall()
    }
    documents: dict[date, list[str]] = {}
    for period, chain_hash in connection.execute(
        "select billing_period, chain_hash from ledger.documents order by document_id"
    ).fetchall():
        documents.setdefault(period, []).append(chain_hash)
    asked_for = {period for (period,) in connection.execute("select billing_period from raw.build_periods").fetchall()}
    planned = []
    candidates = sorted(deliveries.keys() | built.keys() | asked_for)
    price_lists = price_list_digests(connection, candidates)
    for period in candidates:
        if only is not None and period not in only:
            continue
        landed = _digest(*deliveries.get(period, []))
        grain = _digest(code, landed, membership_digest(configuration, period))
        configured, prices = period_digest(configuration, period), price_lists[period]
        issued = _digest(*documents[period]) if period in documents else ""
        fingerprint = _digest(grain, configured, prices, issued)
        last_fingerprint, last_grain, last_prices, last_issued = built.get(period, ("", "", "", ""))
        if fingerprint == last_fingerprint and not force:
            continue
        if period not in deliveries:
            reason = "no delivery is billed from any more"
        elif not last_fingerprint:
            reason = "not built yet"
        elif force and fingerprint == last_fingerprint:
            reason = "asked for"
        elif grain != last_grain:
            reason = "new delivery, memberships or models"
        else:
            reasons = {
                "changed configuration": last_fingerprint != _digest(grain, configured, last_prices, last_issued),
                "new price list": prices != last_prices,
                "a document was issued": issued != last_issued,
            }
            reason = ", ".join(name for name, holds in reasons.items() if holds)
        planned.append(
            PlannedPeriod(
                billing_period=period,
                reads_raw=force or grain != last_grain,
                reason=reason,
                fingerprint=fingerprint,
                grain_fingerprint=grain,
                price_list_digest=prices,
                document_digest=issued,
            )
        )
    return planned


def write_build_periods(connection: duckdb.DuckDBPyConnection, planned: list[PlannedPeriod]) -> None:
    """Tell the models what to build, and forget that these periods were ever built.

    A run that dies between here and :func:`mark_built` leaves the periods unbuilt, so the next run builds them again.
    """
    connection.execute("begin transaction")
    connection.execute("delete from raw.build_periods")
    for period in planned:
        connection.execute(
            "insert into raw.build_periods by name select ? as billing_period, ? as reads_raw, ? as reason, "
            "? as fingerprint, ? as grain_fingerprint, ? as price_list_digest, ? as document_digest",
            [
                period.billing_period,
                period.reads_raw,
                period.reason,
                period.fingerprint,
                period.grain_fingerprint,
                period.price_list_digest,
                period.document_digest,
            ],
        )
        connection.execute("delete from raw.period_builds where billing_period = ?", [period.billing_period])
    connection.execute("commit")


def mark_built(connection: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Record that what was asked for is built and its checks have passed."""
    connection.execute(
        "insert or replace into raw.period_builds by name "
        "select billing_period, fingerprint, grain_fingerprint, ? as run_id, "
        "date_trunc('second', now()::timestamp) as built_at, price_list_digest, document_digest from raw.build_periods",
        [run_id],
    )


def unfinished_periods(connection: duckdb.DuckDBPyConnection) -> list[date]:
    """Return the periods that stand in the marts, but neither this run nor a run before it has finished.

    They were left by a run that died or whose checks failed; to publish them would be to publish half a month.
    """
    rows = connection.execute(
        "select distinct billing_period from marts.fct_charges "
        "anti join raw.period_builds using (billing_period) anti join raw.build_periods using (billing_period) "
        "order by billing_period"
    ).fetchall()
    return [period for (period,) in rows]
