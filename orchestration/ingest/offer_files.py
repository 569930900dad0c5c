"""AWS's price lists as its bulk API writes them (offer files), CSV or JSON, reduced to the SKUs that have tiers.

What is here: recognising and reading one offer file, and what its tiers must satisfy to be priced from (R8).
When to add here: another field of an offer file, or another shape AWS gives one.
What does not belong here: which files are loaded (``price_lists``), and which ladder a charge is priced by
(``dbt_project/``).

An offer file of EC2 holds gigabytes, nearly all of it SKUs with one price. Both shapes are streamed into a scratch
database as text, which spills to disk, and only there reduced and typed: no price is ever a float.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import DeliveryError
from orchestration.ingest.columns import literal
from orchestration.ingest.csv_files import TextPipe, csv_text, duckdb_said
from orchestration.ingest.landing import LandedObject, Landing

__all__ = ["OfferFile", "read_offer_file"]

_CSV_ENDINGS = (".csv", ".csv.gz", ".csv.zip")
_JSON_ENDINGS = (".json", ".json.gz")
# AWS writes five lines about the file before the header.
_MOST_LINES_ABOVE_THE_HEADER = 40
_LONGEST_START = 4 << 20
_JSON_BATCH = 20_000
_NAMED = 5

_SCRATCH_TABLES = """
create or replace temp table offer_products (
    sku varchar, service_code varchar, usage_type varchar, operation varchar, region_code varchar
);
create or replace temp table offer_prices (
    sku varchar, effective_date varchar, tier_start varchar, tier_end varchar, unit varchar, rate varchar
);
"""

# A usage type is kept whole as soon as one of its SKUs has tiers: a flat SKU beside it may be the one that a row is of.
_REDUCE = """
create or replace temp table offer_dimensions as
with listed as (
    select distinct
        prices.*,
        products.sku is not null as has_product,
        coalesce(products.service_code, '') as service_code,
        coalesce(products.usage_type, '') as usage_type,
        coalesce(products.operation, '') as operation,
        coalesce(products.region_code, '') as region_code
    from offer_prices as prices
    left join (select distinct * from offer_products) as products using (sku)
),
tiered as (
    select distinct service_code, usage_type
    from listed
    group by service_code, usage_type, sku, effective_date
    having count(*) > 1
)
select
    listed.*,
    try_cast(substr(effective_date, 1, 10) as date) as effective_from,
    try_cast(tier_start as decimal(38, 10)) as range_start,
    case when lower(tier_end) <> 'inf' then try_cast(tier_end as decimal(38, 10)) end as range_end,
    -- As many decimals as fit, to notice those that a rate has no room for.
    try_cast(rate as decimal(38, 28)) as exact_rate
from listed
semi join tiered using (service_code, usage_type)
"""

_UNREADABLE = """
select
    'SKU ' || sku || ': ' || case
        when not has_product then 'it has a price, but is no product of the file'
        when service_code = '' or usage_type = '' then 'it has no service code or usage type'
        when effective_from is null then 'its effective date ' || quoted(effective_date) || ' is no date'
        when range_start is null or range_start < 0
            then 'its range begins at ' || quoted(tier_start) || ', which is no quantity'
        when range_end is null and lower(tier_end) <> 'inf' or range_end <= range_start
            then 'its range ends at ' || quoted(tier_end) || ', which is neither Inf nor behind its begin'
        else 'its price ' || quoted(rate) || ' is no amount'
    end as problem
from offer_dimensions
where
    not has_product or service_code = '' or usage_type = '' or effective_from is null
    or range_start is null or range_start < 0
    or (range_end is null and lower(coalesce(tier_end, '')) <> 'inf') or range_end <= range_start
    or exact_rate is null or exact_rate < 0
order by problem
"""

# What cannot be priced exactly: the whole usage type is left out, so that no neighbour is taken for it.
_UNSOUND = """
create or replace temp table unsound_usage_types as
select service_code, usage_type, min(sku) as sku, min(problem) as problem
from (
    select
        service_code,
        usage_type,
        sku,
        case
            when min(range_start) <> 0 then 'its first tier does not begin at 0'
            when count(*) filter (where range_end is null) <> 1 then 'not exactly one tier is open at its end'
            when count(*) filter (where next_start is distinct from range_end) > 0
                then 'its tiers overlap or leave a gap'
            when count(distinct unit) <> 1 then 'its tiers have several units'
            when count(*) filter (where exact_rate <> round(exact_rate, 10)) > 0
                then 'a price has more than ten decimals'
        end as problem
    from (
        select
            *,
            lead(range_start) over (partition by sku, effective_from order by range_start) as next_start
        from offer_dimensions
    ) as ranges
    group by service_code, usage_type, sku, effective_from
) as ladders
where problem is not null
group by service_code, usage_type
"""

_TIERS = """
select
    service_code,
    usage_type,
    operation,
    region_code,
    sku,
    effective_from as effective_date,
    unit,
    range_start as tier_start,
    range_end as tier_end,
    cast(exact_rate as decimal(22, 10)) as rate
from offer_dimensions
anti join unsound_usage_types using (service_code, usage_type)
order by service_code, usage_type, operation, region_code, sku, effective_date, tier_start
"""


@dataclass(frozen=True)
class OfferFile:
    """What an offer file says about SKUs with tiers.

    Attributes:
        offer_code: AWS's name of the offer, mostly the service code; empty where it names none.
        published_at: publication date, UTC.
        version: AWS's version of the list; empty where it names none.
        tiers: Arrow table of service_code, usage_type, operation, region_code, sku, effective_date, unit, tier_start,
            tier_end (null = open; both in the unit) and rate (USD per unit); amounts are exact decimals.
        sku_count: SKUs in ``tiers``.
        left_out: usage types that cannot be priced from it, with the reason; empty where all can.
    """

    offer_code: str
    published_at: datetime
    version: str
    tiers: Any
    sku_count: int
    left_out: str


def read_offer_file(
    connection: duckdb.DuckDBPyConnection, landing: Landing, landed: LandedObject, scratch: Path
) -> OfferFile:
    """Read one offer file to its last byte; only on-demand prices in USD count.

    Args:
        connection: a scratch database; its temporary tables ``offer_*`` are replaced.
        landing: where the file lies.
        landed: the file.
        scratch: a path for a local copy of a zip file; removed afterwards.

    Raises:
        DeliveryError: the file is damaged, no offer file, or holds a value that cannot be read; names the file, and the
            line or SKUs.
    """
    connection.execute(_SCRATCH_TABLES)
    connection.execute("create or replace macro quoted(text) as '''' || coalesce(text, '') || ''''")
    name = landed.key.lower()
    try:
        if name.endswith(_CSV_ENDINGS):
            about = _load_csv(connection, csv_text(landing, landed, scratch), landed.key)
        elif name.endswith(_JSON_ENDINGS):
            about = _load_json(connection, lambda: csv_text(landing, landed, scratch), landed.key)
        else:
            raise DeliveryError(
                f"{landed.key}: a price list is named .csv, .csv.gz, .csv.zip, .json or .json.gz. "
                "Take the file out of price_lists/ or rename it."
            )
        return _reduced(connection, about, landed.key)
    finally:
        scratch.unlink(missing_ok=True)


# --- CSV ----------------------------------------------------------------------------------------------------


def _load_csv(connection: duckdb.DuckDBPyConnection, text: Iterator[bytes], key: str) -> Mapping[str, str]:
    """Fill the scratch tables from a CSV offer file; return what the lines above its header say."""
    start, about, header, lines_above = _csv_start(text, key)
    positions: dict[str, int] = {}
    for number, column in enumerate(header):
        positions.setdefault(_plain(column), number)
    required = {
        "SKU": "sku",
        "TermType": "termtype",
        "EffectiveDate": "effectivedate",
        "StartingRange": "startingrange",
        "EndingRange": "endingrange",
        "Unit": "unit",
        "PricePerUnit": "priceperunit",
        "Currency": "currency",
        "usageType": "usagetype",
    }
    missing = [name for name, plain in required.items() if plain not in positions]
    if missing:
        raise DeliveryError(f"{key}: it has no column {', '.join(missing)}, so it is no price list of a service.")

    def cell(plain: str, default: str = "") -> str:
        found = f"c{positions[plain]}" if plain in positions else "null"
        return f"coalesce(nullif({found}, ''), {literal(default)})"

    columns = ", ".join(f"c{number}: 'VARCHAR'" for number in range(len(header)))
    with TextPipe(start, text) as pipe:
        try:
            connection.execute(
                f"""
                create or replace temp table offer_rows as
                select
                    {cell("sku")} as sku,
                    {cell("effectivedate")} as effective_date,
                    {cell("startingrange")} as tier_start,
                    {cell("endingrange")} as tier_end,
                    {cell("unit")} as unit,
                    {cell("priceperunit")} as rate,
                    {cell("servicecode", about.get("offercode", ""))} as service_code,
                    {cell("usagetype")} as usage_type,
                    {cell("operation")} as operation,
                    {cell("regioncode")} as region_code
                from read_csv(
                    {literal(pipe.path)}, auto_detect = false, header = false, skip = {lines_above + 1}, delim = ',',
                    quote = '"', escape = '"', max_line_size = {_LONGEST_START}, columns = {{{columns}}}
                )
                where {cell("termtype")} = 'OnDemand' and {cell("currency")} = 'USD'
                """
            )
        except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
            pipe.close()
            raise pipe.failure or DeliveryError(f"{key}: {duckdb_said(error)}") from error
    if pipe.failure is not None:
        raise pipe.failure
    connection.execute(
        "insert into offer_products "
        "select distinct sku, service_code, usage_type, operation, region_code from offer_rows"
    )
    connection.execute(
        "insert into offer_prices select sku, effective_date, tier_start, tier_end, unit, rate from offer_rows"
    )
    connection.execute("drop table offer_rows")
    return about


def _csv_start(text: Iterator[bytes], key: str) -> tuple[bytes, dict[str, str], list[str], int]:
    """Return the text read so far, what stands above the header by plain name, the header and the lines above it."""
    start = b""
    for block in text:
        start += block
        about: dict[str, str] = {}
        # The last line may go on in the next block.
        lines = start.split(b"\n")[:-1][:_MOST_LINES_ABOVE_THE_HEADER]
        for number, line in enumerate(lines, start=1):
            try:
                cells = next(csv.reader(io.StringIO(line.decode("utf-8-sig")), strict=True), [])
            except (UnicodeDecodeError, csv.Error) as error:
                raise DeliveryError(f"{key} line {number}: {error}; it is no price list.") from None
            if cells and cells[0].strip() == "SKU":
                return start, about, cells, number - 1
            if len(cells) > 1:
                about[_plain(cells[0])] = cells[1].strip()
        if len(lines) == _MOST_LINES_ABOVE_THE_HEADER or len(start) > _LONGEST_START:
            break
    raise DeliveryError(
        f"{key}: none of its first {_MOST_LINES_ABOVE_THE_HEADER} lines begins with the column SKU, "
        "so it is no price list of a service."
    )


def _plain(column: str) -> str:
    """Return a column's name as AWS means it: files write ``usageType``, ``Usage Type`` and ``Region Code``."""
    return "".join(character for character in column.lower() if character.isalnum())


# --- JSON ---------------------------------------------------------------------------------------------------


def _load_json(connection: duckdb.DuckDBPyConnection, open_text: Any, key: str) -> Mapping[str, str]:
    """Fill the scratch tables from a JSON offer file, read once for each of its parts; return what its head says."""
    # Imported here: only a new price list in JSON needs them.
    import ijson  # type: ignore[import-untyped]

    def entries(prefix: str) -> Iterator[tuple[str, Any]]:
        yield from ijson.kvitems(ijson.from_iter(open_text()), prefix)

    try:
        about = _json_head(ijson.parse(ijson.from_iter(open_text())), key)
        offer_code = about.get("offercode", "")
        _insert(
            connection, "offer_products", (_product(sku, item, offer_code, key) for sku, item in entries("products"))
        )
        _insert(
            connection,
            "offer_prices",
            (price for sku, terms in entries("terms.OnDemand") for price in _prices(sku, terms, key)),
        )
    except ijson.JSONError as error:
        raise DeliveryError(f"{key}: it is truncated or no JSON ({str(error).splitlines()[0]}).") from None
    except UnicodeDecodeError as error:
        raise DeliveryError(f"{key}: it is not UTF-8 ({error}).") from None
    return about


def _json_head(events: Iterable[tuple[str, str, Any]], key: str) -> dict[str, str]:
    about: dict[str, str] = {}
    for prefix, event, value in events:
        if event == "start_map" and prefix == "products":
            return about
        if event == "string" and "." not in prefix:
            about[_plain(prefix)] = value
        if event in ("start_map", "start_array") and prefix in ("offers", "regions", "products"):
            break
    raise DeliveryError(
        f"{key}: it holds no products with terms, so it is an index or another document, no price list of a service."
    )


def _product(sku: str, item: Any, offer_code: str, key: str) -> tuple[str, ...]:
    attributes = _map(_map(item, sku, key).get("attributes", {}), sku, key)
    return (
        sku,
        _text(attributes.get("servicecode")) or offer_code,
        _text(attributes.get("usagetype")),
        _text(attributes.get("operation")),
        _text(attributes.get("regionCode")),
    )


def _prices(sku: str, terms: Any, key: str) -> Iterator[tuple[str, ...]]:
    for term in _map(terms, sku, key).values():
        effective_date = _text(_map(term, sku, key).get("effectiveDate"))
        for dimension in _map(term.get("priceDimensions", {}), sku, key).values():
            prices = _map(_map(dimension, sku, key).get("pricePerUnit", {}), sku, key)
            if "USD" in prices:
                yield (
                    sku,
                    effective_date,
                    _text(dimension.get("beginRange")),
                    _text(dimension.get("endRange")),
                    _text(dimension.get("unit")),
                    _text(prices["USD"]),
                )


def _map(value: Any, sku: str, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DeliveryError(f"{key}: SKU {sku}: {str(value)[:40]!r} stands where an offer file has an object.")
    return value


def _text(value: Any) -> str:
    # A number comes as int or Decimal, never as float; text as it stands.
    return "" if value is None else str(value)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Iterator[tuple[str, ...]]) -> None:
    import pyarrow as pa

    while batch := list(islice(rows, _JSON_BATCH)):
        columns = [pa.array(column, pa.string()) for column in zip(*batch, strict=True)]
        connection.register("offer_batch", pa.table(columns, names=[f"c{number}" for number in range(len(columns))]))
        connection.execute(f"insert into {table} select * from offer_batch")
        connection.unregister("offer_batch")


# --- both ---------------------------------------------------------------------------------------------------


def _reduced(connection: duckdb.DuckDBPyConnection, about: Mapping[str, str], key: str) -> OfferFile:
    published = about.get("publicationdate", "")
    try:
        published_at = datetime.fromisoformat(published)
    except ValueError:
        raise DeliveryError(f"{key}: its publication date is {published!r}, which is no date.") from None
    if published_at.tzinfo is not None:
        published_at = published_at.astimezone(UTC).replace(tzinfo=None)
    if connection.execute("select count(*) from offer_prices").fetchone() == (0,):
        raise DeliveryError(f"{key}: it holds no on-demand price in USD.")
    connection.execute(_REDUCE)
    problems = [problem for (problem,) in connection.execute(_UNREADABLE).fetchall()]
    if problems:
        raise DeliveryError(f"{key}: {_first(problems)}.")
    connection.execute(_UNSOUND)
    unsound = connection.execute("select * from unsound_usage_types order by service_code, usage_type").fetchall()
    tiers: Any = connection.sql(_TIERS).to_arrow_table()
    left_out = _first([f"{usage_type} of {service} (SKU {sku}: {why})" for service, usage_type, sku, why in unsound])
    return OfferFile(
        offer_code=about.get("offercode", ""),
        published_at=published_at.replace(microsecond=0),
        version=about.get("version", ""),
        tiers=tiers,
        sku_count=len(tiers.column("sku").unique()),
        left_out=f"Not priced from: {left_out}." if left_out else "",
    )


def _first(problems: list[str]) -> str:
    more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    return "; ".join(problems[:_NAMED]) + more
