"""Which billing periods a run has to build, and why.

What is here: fingerprints of everything that makes a period (deliveries, price lists, configuration, models, issued
documents, and the periods that customer credits were drawn in before it) compared with what was built last; and of what
makes the views and seeds, which are of no period.
When to add here: a new kind of input that can change a period's numbers.
What does not belong here: building.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from orchestration.configuration.fingerprint import membership_digest, period_digest
from orchestration.configuration.intervals import Interval, month_interval
from orchestration.configuration.schema import Configuration
from orchestration.ingest.price_lists import price_list_digests
from orchestration.settings import PROJECT_ROOT, environment_engine

__all__ = [
    "PlannedPeriod",
    "billing_exports",
    "code_digest",
    "mark_built",
    "periods_drawing_after",
    "plan_periods",
    "standing_digest",
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
        drawn_before: the periods that its customer credits could be drawn in before it, as they stand when it is
            built: `YYYY-MM=fingerprint`, by spaces; empty where no credit is older than the period.
    """

    billing_period: date
    reads_raw: bool
    reason: str
    fingerprint: str
    grain_fingerprint: str
    price_list_digest: str
    document_digest: str
    drawn_before: str


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


def _building_digest() -> str:
    """Return the digest of the code that builds: on Spark, which keeps its tables apart, of what translates too."""
    if environment_engine().engine == "duckdb":
        return code_digest()
    files = sorted((PROJECT_ROOT / "orchestration" / "spark").glob("*.py"))
    return _digest(code_digest(), *(file.read_text(encoding="utf-8") for file in files))


def standing_digest(connection: duckdb.DuckDBPyConnection, project_digest: str) -> str:
    """Return the sha256 of which views stand and what makes them: the project, and the columns of what they read.

    While it is what it was after all models were made, making the views and seeds anew would change nothing: views hold
    no rows, and seeds are part of the project.

    Args:
        connection: the warehouse, after the inputs were brought in.
        project_digest: of the dbt project.
    """
    columns = connection.execute(
        "select table_schema, table_name, column_name, data_type from information_schema.columns "
        "where table_schema in ('raw', 'billing', 'ledger') order by table_schema, table_name, ordinal_position"
    ).fetchall()
    # By name: DuckDB writes the SQL of one and the same view in another order each time.
    views = connection.execute(
        "select schema_name, view_name from duckdb_views() where not internal and schema_name <> 'raw' order by all"
    ).fetchall()
    return _digest(project_digest, *("\x1e".join(found) for found in [*columns, *views]))


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

    A period that was built before and has no billed delivery any more is planned too: building it empties it. What
    a customer credit has left in a period is what the periods before have not drawn (K4), so a period counts as
    changed when one of those is built again; its raw rows are not read for that.

    Args:
        connection: the warehouse, after the deliveries, price lists and the ledger were brought in.
        configuration: the validated billing configuration.
        only: build none but these periods; None for all.
        force: build also what is unchanged.
    """
    code = _building_digest()
    deliveries: dict[date, list[str]] = {}
    for period, key, fingerprint in connection.execute(
        "select billing_period, delivery_key, fingerprint from raw.deliveries "
        "where status = 'current' and is_billed order by all"
    ).fetchall():
        deliveries.setdefault(period, []).append(f"{key}\x1e{fingerprint}")
    built = {
        period: (fingerprint, grain, prices, drawn_before, issued)
        for period, fingerprint, grain, prices, drawn_before, issued in connection.execute(
            "select billing_period, fingerprint, grain_fingerprint, price_list_digest, drawn_before, document_digest "
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
    # A period that is left out counts as it was built last: its draws are what the later ones go on from.
    standing = {period: fingerprint for period, (fingerprint, *_) in built.items()}
    for period in candidates:
        if only is not None and period not in only:
            continue
        landed = _digest(*deliveries.get(period, []))
        grain = _digest(code, landed, membership_digest(configuration, period))
        configured, prices = period_digest(configuration, period), price_lists[period]
        drawn_before = _drawn_before(configuration, period, standing)
        issued = _digest(*documents[period]) if period in documents else ""
        fingerprint = _fingerprint(grain, configured, prices, drawn_before, issued)
        last_fingerprint, last_grain, last_prices, last_drawn_before, last_issued = built.get(
            period, ("", "", "", "", "")
        )
        standing[period] = fingerprint
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
            reasons = []
            if last_fingerprint != _fingerprint(grain, configured, last_prices, last_drawn_before, last_issued):
                reasons.append("changed configuration")
            if prices != last_prices:
                reasons.append("new price list")
            if drawn_before != last_drawn_before:
                first = min(set(drawn_before.split()) ^ set(last_drawn_before.split()))
                reasons.append(f"credits drawn in {first.partition('=')[0]} may have changed")
            if issued != last_issued:
                reasons.append("a document was issued")
            reason = ", ".join(reasons)
        planned.append(
            PlannedPeriod(
                billing_period=period,
                reads_raw=force or grain != last_grain,
                reason=reason,
                fingerprint=fingerprint,
                grain_fingerprint=grain,
                price_list_digest=prices,
                document_digest=issued,
                drawn_before=drawn_before,
            )
        )
    return planned


def periods_drawing_after(
    configuration: Configuration, changed: Iterable[date], known: Iterable[date]
) -> frozenset[date]:
    """Return the periods whose customer credits could be drawn in a changed period before them, directly or not (K4).

    Args:
        configuration: the validated billing configuration.
        changed: periods that are built, or may be.
        known: the periods that there are; only these are returned.
    """
    touched = set(changed)
    found = set()
    for period in sorted(known):
        first = _first_drawable(configuration, period)
        if first is not None and any(first <= before < period for before in touched):
            found.add(period)
            touched.add(period)
    return frozenset(found)


def _fingerprint(grain: str, configured: str, prices: str, drawn_before: str, issued: str) -> str:
    # A period that goes on from no other has the fingerprint it had before there were credits and documents.
    return _digest(
        grain, configured, prices, *([drawn_before] if drawn_before else []), *([f"issued {issued}"] if issued else [])
    )


def _first_drawable(configuration: Configuration, billing_period: date) -> date | None:
    """Return the first period in which a credit that can be drawn in this one could be drawn; None without credits."""
    month = month_interval(billing_period)
    starts = [
        credit.start_date
        for credit in configuration.credits
        if credit.status == "Active" and Interval.between(credit.start_date, credit.end_date).overlaps(month)
    ]
    return min(starts).replace(day=1) if starts else None


def _drawn_before(configuration: Configuration, billing_period: date, standing: dict[date, str]) -> str:
    first = _first_drawable(configuration, billing_period)
    if first is None:
        return ""
    return " ".join(
        f"{period:%Y-%m}={fingerprint}"
        for period, fingerprint in sorted(standing.items())
        if first <= period < billing_period
    )


def write_build_periods(connection: duckdb.DuckDBPyConnection, planned: list[PlannedPeriod]) -> None:
    """Tell the models what to build, and forget that these periods were ever built.

    A run that dies between here and :func:`mark_built` leaves the periods unbuilt, so the next run builds them again.
    """
    connection.execute("begin transaction")
    connection.execute("delete from raw.build_periods")
    for period in planned:
        connection.execute(
            "insert into raw.build_periods by name select ? as billing_period, ? as reads_raw, ? as reason, "
            "? as fingerprint, ? as grain_fingerprint, ? as price_list_digest, ? as document_digest, "
            "? as drawn_before",
            [
                period.billing_period,
                period.reads_raw,
                period.reason,
                period.fingerprint,
                period.grain_fingerprint,
                period.price_list_digest,
                period.document_digest,
                period.drawn_before,
            ],
        )
        connection.execute("delete from raw.period_builds where billing_period = ?", [period.billing_period])
    connection.execute("commit")


def mark_built(connection: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Record that what was asked for is built and its checks have passed, and what each period was built from.

    Inputs of a period are kept beside it, since a delivery may follow that a run leaves out (``run --period``).
    The caller's transaction holds it together.
    """
    connection.execute(
        "insert or replace into raw.period_builds by name "
        "select billing_period, fingerprint, grain_fingerprint, ? as run_id, "
        "date_trunc('second', now()::timestamp) as built_at, price_list_digest, document_digest, drawn_before "
        "from raw.build_periods",
        [run_id],
    )
    connection.execute(
        "delete from raw.period_inputs where billing_period in (select billing_period from raw.build_periods)"
    )
    connection.execute(
        "insert into raw.period_inputs by name "
        "select billing_period, 'delivery' as kind, delivery_key as name, coalesce(fingerprint, '') as digest "
        "from raw.deliveries semi join raw.build_periods using (billing_period) "
        "where status = 'current' and is_billed "
        "union all by name "
        "select billing_period, 'configuration_file' as kind, file as name, sha256 as digest "
        "from raw.build_periods, raw.configuration_files"
    )


def unfinished_periods(connection: duckdb.DuckDBPyConnection, is_building: bool) -> list[date]:
    """Return the periods that stand in the marts, but neither this run nor a run before it has finished.

    They were left by a run that died or whose checks failed; to publish them would be to publish half a month.

    Args:
        connection: to the warehouse.
        is_building: whether a run goes on, which is about to finish what it builds.
    """
    of_this_run = "anti join raw.build_periods using (billing_period) " if is_building else ""
    rows = connection.execute(
        "select distinct billing_period from marts.fct_charges "
        f"anti join raw.period_builds using (billing_period) {of_this_run}order by billing_period"
    ).fetchall()
    return [period for (period,) in rows]
