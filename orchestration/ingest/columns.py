"""The columns of a Cost and Usage Report that we know, and how each is read from whatever AWS wrote.

What is here: the canonical columns as data, AWS's renaming rule, and the SQL that turns a column of a CSV
file, of AWS's Parquet or of our own store into its canonical type.
When to add here: a column that a model reads, or another spelling or type in which AWS writes one.
What does not belong here: FOCUS, which has other columns (``focus``), and SQL around the columns
(``csv_files``, ``view``).

The same expressions serve the conversion of CSV and the view over Parquet, so one rule (M1) has one
implementation.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

__all__ = [
    "BAD_VALUES",
    "CANONICAL_COLUMNS",
    "EXCESS_DECIMALS",
    "MANDATORY_COLUMNS",
    "OWN_COLUMNS",
    "CanonicalColumn",
    "ColumnReading",
    "Kind",
    "Origin",
    "Reading",
    "SourceColumn",
    "bad_value_condition",
    "bad_values_sql",
    "canonical_name",
    "decimal_map_reading",
    "decimal_reading",
    "exact_decimal_sql",
    "excess_decimals",
    "is_missing_word",
    "json_map_sql",
    "literal",
    "quoted",
    "read_columns",
    "snake_name",
    "text_map_reading",
    "text_sql",
    "timestamp_reading",
]

# M1: what tools write, besides nothing, for a number that is not there. Exactly these, so that `none` or
# `nan`, which nobody writes on purpose, are shown instead of swallowed.
MISSING_WORDS = ("None", "NULL", "null", "NaN")

# AWS shortens a longer Athena column name by dropping underscores from the left (cur-inputs: CUR user guide,
# 2021).
_LONGEST_NAME = 128

BAD_VALUES = "bad_values"
EXCESS_DECIMALS = "chargehouse_excess_decimals"


class Kind(StrEnum):
    """What a canonical column holds; its value is the DuckDB type."""

    TEXT = "VARCHAR"
    DECIMAL = "DECIMAL(22,10)"
    TIMESTAMP = "TIMESTAMP"
    TEXT_MAP = "MAP(VARCHAR, VARCHAR)"
    DECIMAL_MAP = "MAP(VARCHAR, DECIMAL(22,10))"


class Origin(StrEnum):
    """Where a column is read from; the rules for text differ."""

    TEXT_FILE = "text file"
    """CSV as landed: every column is text, and tools have written ``NULL`` for nothing."""

    PARQUET = "parquet"
    """Parquet as AWS wrote it."""

    STORE = "store"
    """Parquet that we wrote from CSV: canonical names and types."""


@dataclass(frozen=True)
class CanonicalColumn:
    """One column of ``raw.cur_line_items``.

    Attributes:
        name: AWS's name in legacy Parquet and CUR 2.0.
        kind: what it holds.
        aliases: other snake-case names under which it is found.
        is_reference: text that names something else. A word of M1 in it means nothing, and would tie the row to a
            commitment or close it (C0, D7) if it were kept.
        is_account: a 12-digit account id, whose leading zeros are lost where a tool stored it as a number.
    """

    name: str
    kind: Kind = Kind.TEXT
    aliases: tuple[str, ...] = ()
    is_reference: bool = False
    is_account: bool = False


def _text(*names: str) -> list[CanonicalColumn]:
    return [CanonicalColumn(name) for name in names]


def _decimal(*names: str) -> list[CanonicalColumn]:
    return [CanonicalColumn(name, Kind.DECIMAL) for name in names]


def _timestamp(*names: str) -> list[CanonicalColumn]:
    return [CanonicalColumn(name, Kind.TIMESTAMP) for name in names]


def _reference(name: str, *aliases: str) -> CanonicalColumn:
    return CanonicalColumn(name, aliases=aliases, is_reference=True)


CANONICAL_COLUMNS: tuple[CanonicalColumn, ...] = (
    *_text("identity_line_item_id", "identity_time_interval"),
    _reference("bill_invoice_id"),
    *_text("bill_invoicing_entity", "bill_billing_entity", "bill_bill_type"),
    CanonicalColumn("bill_payer_account_id", is_account=True),
    *_timestamp("bill_billing_period_start_date", "bill_billing_period_end_date"),
    CanonicalColumn("line_item_usage_account_id", is_account=True),
    *_text("line_item_line_item_type"),
    *_timestamp("line_item_usage_start_date", "line_item_usage_end_date"),
    *_text(
        "line_item_product_code",
        "line_item_usage_type",
        "line_item_operation",
        "line_item_availability_zone",
        "line_item_resource_id",
    ),
    *_decimal("line_item_usage_amount", "line_item_normalization_factor", "line_item_normalized_usage_amount"),
    *_text("line_item_currency_code", "line_item_unblended_rate"),
    *_decimal("line_item_unblended_cost", "line_item_net_unblended_cost", "line_item_blended_cost"),
    *_text("line_item_line_item_description", "line_item_tax_type", "line_item_legal_entity"),
    *_decimal("pricing_public_on_demand_cost"),
    *_text(
        "pricing_public_on_demand_rate",
        "pricing_term",
        "pricing_unit",
        "pricing_currency",
        "pricing_purchase_option",
        "pricing_offering_class",
        "pricing_lease_contract_length",
        "pricing_rate_code",
        "pricing_rate_id",
        "product_product_name",
        "product_servicecode",
        "product_product_family",
        "product_region",
        "product_region_code",
        "product_sku",
        "product_instance_type",
        "product_instance_family",
        "product_operating_system",
        "product_usagetype",
        "product_operation",
        "product_location",
        "product_from_region_code",
        "product_to_region_code",
        "product_from_location",
        "product_to_location",
        "product_pricing_unit",
    ),
    CanonicalColumn("product", Kind.TEXT_MAP),
    # The renaming rule makes `a_r_n` of ARN and `arn` of Arn, and both spellings are in the wild.
    _reference("reservation_reservation_a_r_n", "reservation_reservation_arn"),
    *_text("reservation_subscription_id"),
    *_decimal(
        "reservation_effective_cost",
        "reservation_amortized_upfront_cost_for_usage",
        "reservation_amortized_upfront_fee_for_billing_period",
        "reservation_recurring_fee_for_usage",
        "reservation_unused_amortized_upfront_fee_for_billing_period",
        "reservation_unused_recurring_fee",
        "reservation_unused_quantity",
        "reservation_unused_normalized_unit_quantity",
        "reservation_upfront_value",
    ),
    *_text("reservation_start_time", "reservation_end_time"),
    *_decimal(
        "reservation_number_of_reservations",
        "reservation_units_per_reservation",
        "reservation_total_reserved_units",
        "reservation_normalized_units_per_reservation",
        "reservation_total_reserved_normalized_units",
    ),
    *_text("reservation_modification_status", "reservation_availability_zone"),
    *_decimal(
        "reservation_net_effective_cost",
        "reservation_net_amortized_upfront_cost_for_usage",
        "reservation_net_amortized_upfront_fee_for_billing_period",
        "reservation_net_recurring_fee_for_usage",
        "reservation_net_unused_amortized_upfront_fee_for_billing_period",
        "reservation_net_unused_recurring_fee",
        "reservation_net_upfront_value",
    ),
    _reference("savings_plan_savings_plan_a_r_n", "savings_plan_savings_plan_arn"),
    *_text("savings_plan_savings_plan_rate"),
    *_decimal(
        "savings_plan_savings_plan_effective_cost",
        "savings_plan_net_savings_plan_effective_cost",
        "savings_plan_total_commitment_to_date",
        "savings_plan_used_commitment",
        "savings_plan_amortized_upfront_commitment_for_billing_period",
        "savings_plan_recurring_commitment_for_billing_period",
        "savings_plan_net_amortized_upfront_commitment_for_billing_period",
        "savings_plan_net_recurring_commitment_for_billing_period",
    ),
    *_text(
        "savings_plan_start_time",
        "savings_plan_end_time",
        "savings_plan_offering_type",
        "savings_plan_payment_option",
        "savings_plan_purchase_term",
        "savings_plan_instance_type_family",
        "savings_plan_region",
    ),
    CanonicalColumn("discount", Kind.DECIMAL_MAP),
    *_decimal("discount_bundled_discount", "discount_total_discount"),
    _reference("split_line_item_parent_resource_id"),
    *_decimal(
        "split_line_item_split_cost",
        "split_line_item_unused_cost",
        "split_line_item_split_usage",
        "split_line_item_actual_usage",
        "split_line_item_reserved_usage",
        "split_line_item_split_usage_ratio",
        "split_line_item_public_on_demand_split_cost",
        "split_line_item_public_on_demand_unused_cost",
        "split_line_item_net_split_cost",
        "split_line_item_net_unused_cost",
    ),
    CanonicalColumn("resource_tags", Kind.TEXT_MAP),
    CanonicalColumn("cost_category", Kind.TEXT_MAP),
)
"""Every CUR column of the view, in its order."""

MANDATORY_COLUMNS = (
    "bill_payer_account_id",
    "bill_billing_period_start_date",
    "line_item_usage_account_id",
    "line_item_line_item_type",
    "line_item_usage_start_date",
    "line_item_product_code",
    "line_item_currency_code",
    "line_item_unblended_cost",
)
"""Columns without which a file cannot be billed from: who, when, what, in which currency, how much."""

OWN_COLUMNS: tuple[tuple[str, str], ...] = (
    ("delivery_key", "VARCHAR"),
    ("billing_period", "DATE"),
    ("source_file", "VARCHAR"),
    ("source_row_number", "BIGINT"),
    ("discount_mode", "VARCHAR"),
    (BAD_VALUES, "MAP(VARCHAR, VARCHAR)"),
)
"""Columns of the view that we add to AWS's: name and type."""

_CANONICAL = {column.name: column for column in CANONICAL_COLUMNS}
_NAMES = {name: column.name for column in CANONICAL_COLUMNS for name in (column.name, *column.aliases)}
_OWN_NAMES = {name for name, _ in OWN_COLUMNS}


@dataclass(frozen=True)
class SourceColumn:
    """One column of a file.

    Attributes:
        name: its name in snake case (`snake_name` of what the file says).
        sql: SQL that reads it, such as a quoted identifier.
        sql_type: its DuckDB type.
        may_be_null: False where the file is known to hold no NULL in it.
        may_be_odd: False where every number in it is known to be finite and within 12 integer digits.
        text: SQL of the text that ``sql`` was parsed from; None where the file holds it as it is.
    """

    name: str
    sql: str
    sql_type: str
    may_be_null: bool = True
    may_be_odd: bool = True
    text: str | None = None


@dataclass(frozen=True)
class ColumnReading:
    """How one canonical column is read.

    Attributes:
        name: canonical name.
        kind: canonical kind.
        sql: SQL of the canonical type; NULL where the value is missing or unreadable, but in the view text is ``''``.
        is_given: SQL condition that there is a value, readable or not; None where a value cannot be unreadable.
        text: SQL of the value as text, for the list of bad values.
        amounts: SQL of the list of a map's amounts, for those who do not need its keys.
    """

    name: str
    kind: Kind
    sql: str
    is_given: str | None = None
    text: str = "NULL"
    amounts: str | None = None


@dataclass(frozen=True)
class Reading:
    """How one file is read.

    Attributes:
        columns: the canonical columns that the file has, by name.
        others: SQL, as text, of every further column, by its name in the view.
        exact_cost: SQL of the unblended cost as DECIMAL(38,20), before it is rounded to 10 decimals.
    """

    columns: dict[str, ColumnReading]
    others: dict[str, str]
    exact_cost: str


def quoted(identifier: str) -> str:
    """Return ``identifier`` as a quoted SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return ``text`` as an SQL string literal; for view definitions and COPY, which take no parameters."""
    return "'" + text.replace("'", "''") + "'"


def snake_name(header: str) -> str:
    """Return AWS's Athena name of a CSV header: ``lineItem/UsageType`` -> ``line_item_usage_type``.

    Letters and digits outside ASCII are kept, so that tag keys in other scripts do not all collapse into one.
    """
    spaced = "".join(f"_{character}" if character.isupper() else character for character in header).lower()
    name = re.sub(r"[\W_]+", "_", spaced).strip("_")
    while len(name) > _LONGEST_NAME and "_" in name:
        name = name.replace("_", "", 1)
    return name


def canonical_name(name: str) -> str:
    """Return the canonical name of a column in snake case; itself where we do not know it."""
    return _NAMES.get(name, name)


def bad_value_condition(column: ColumnReading, value: str) -> str:
    """Return the SQL condition that ``column`` is given but its canonical ``value``, also SQL, is NULL."""
    return f"({value} is null and {column.is_given})"


def bad_values_sql(checks: list[tuple[str, ColumnReading]]) -> str:
    """Return SQL of the map from column to unreadable text; NULL for a row without any.

    Args:
        checks: for each column that can be unreadable, the condition that it is, and the column.
    """
    empty = "cast(null as map(varchar, varchar))"
    if not checks:
        return empty
    entries = ", ".join(
        f"case when {condition} then {{'key': {literal(column.name)}, 'value': {column.text}}} end"
        for condition, column in checks
    )
    # The list is built only for rows that need it; for all others the conditions alone are evaluated.
    return (
        f"case when {' or '.join(condition for condition, _ in checks)} "
        f"then map_from_entries(list_filter([{entries}], lambda entry: entry is not null)) else {empty} end"
    )


def excess_decimals(reading: Reading, rounded: str) -> str:
    """Return SQL of what rounding at 10 decimals took away (M1), DECIMAL(38,20); NULL where it took nothing.

    Args:
        reading: how the file is read.
        rounded: SQL of the rounded unblended cost.
    """
    return f"nullif({reading.exact_cost} - {rounded}, 0)"


def read_columns(sources: Sequence[SourceColumn], origin: Origin) -> Reading:
    """Return how a CUR file with these columns is read.

    Columns that collapse into one canonical or snake name (two tag keys, two spellings of ARN) are merged:
    the first that is not empty counts, as in AWS's own Parquet.
    """
    by_name: dict[str, list[SourceColumn]] = {}
    for source in sources:
        by_name.setdefault(canonical_name(source.name), []).append(source)
    merged = {name: _merge(name, columns) for name, columns in by_name.items()}
    if origin is Origin.STORE:
        for internal in (BAD_VALUES, EXCESS_DECIMALS):
            merged.pop(internal, None)
    columns = {}
    for column in CANONICAL_COLUMNS:
        reading = _read_canonical(column, merged, origin)
        if reading is not None:
            columns[column.name] = reading
    others = {
        f"cur_{name}" if name in _OWN_NAMES else name: text_sql(source)
        for name, source in merged.items()
        if name not in _CANONICAL
    }
    cost = merged.get("line_item_unblended_cost")
    return Reading(columns, others, "NULL" if cost is None else exact_decimal_sql(cost))


def _read_canonical(column: CanonicalColumn, sources: dict[str, SourceColumn], origin: Origin) -> ColumnReading | None:
    source = sources.get(column.name)
    if column.kind is Kind.TEXT_MAP or column.kind is Kind.DECIMAL_MAP:
        return _read_map(column, source, sources, origin)
    if source is None:
        key = column.name.removeprefix("product_")
        if key == column.name or "product" not in sources:
            return None
        # CUR 2.0 keeps in the map what has no column of its own in the query.
        products = _map_sql(sources["product"])
        return ColumnReading(column.name, column.kind, f"coalesce(map_extract_value({products}, {literal(key)}), '')")
    if column.kind is Kind.DECIMAL:
        return decimal_reading(column.name, source)
    if column.kind is Kind.TIMESTAMP:
        return timestamp_reading(column.name, source)
    text = text_sql(source)
    if column.is_account and _is_integer(source.sql_type):
        text = f"lpad({text}, 12, '0')"
    if column.is_reference and origin is Origin.TEXT_FILE:
        text = f"case when {is_missing_word(text)} then null else {text} end"
    # In the store, nothing is NULL: writing and reading that costs less than an empty text, row for row.
    is_kept = origin is Origin.TEXT_FILE or not source.may_be_null
    return ColumnReading(column.name, column.kind, text if is_kept else f"coalesce({text}, '')")


def _merge(name: str, columns: list[SourceColumn]) -> SourceColumn:
    if len(columns) == 1:
        return columns[0]
    parts = ", ".join(f"nullif({text_sql(column)}, '')" for column in columns)
    return SourceColumn(name, f"coalesce({parts})", "VARCHAR")


# --- one value ----------------------------------------------------------------------------------------------


def text_sql(source: SourceColumn) -> str:
    """Return SQL of the column as text; NULL where it is NULL."""
    if source.sql_type == "VARCHAR":
        return source.sql
    if source.sql_type.startswith(("MAP(", "STRUCT(")) or source.sql_type.endswith("]"):
        return f"cast(to_json({source.sql}) as varchar)"
    return f"cast({source.sql} as varchar)"


def decimal_reading(name: str, source: SourceColumn) -> ColumnReading:
    """Return how ``source`` is read as canonical decimal ``name`` (M1)."""
    sql_type = source.sql_type
    given: str | None
    if sql_type == Kind.DECIMAL or (_is_number(sql_type) and not source.may_be_odd):
        given = None
    elif sql_type in ("DOUBLE", "FLOAT"):
        # Not isnan(): DuckDB answers it from the footer, where writers leave NaN out.
        given = f"{source.sql} is not null and cast({source.sql} as varchar) not like '%nan'"
    elif _is_number(sql_type):
        given = f"{source.sql} is not null"
    else:
        given = _is_given_text(text_sql(source))
    return ColumnReading(name, Kind.DECIMAL, decimal_sql(source), given, text_sql(source))


def decimal_sql(source: SourceColumn) -> str:
    """Return SQL of the column as DECIMAL(22,10), rounded half away from zero; NULL if impossible (M1)."""
    if source.sql_type == Kind.DECIMAL:
        return source.sql
    if _is_number(source.sql_type):
        return f"try_cast({source.sql} as {Kind.DECIMAL})"
    text = text_sql(source)
    # DuckDB reads the underscore of `1_000` as a digit separator; AWS never writes one, so the value is not
    # ours to guess.
    return f"case when contains({text}, '_') then null else try_cast({text} as {Kind.DECIMAL}) end"


def exact_decimal_sql(source: SourceColumn) -> str:
    """Return SQL of the column as DECIMAL(38,20) before rounding.

    A double counts as its shortest decimal text. One that DECIMAL(22,10) and back reproduces has no decimals
    beyond the tenth: its further binary digits are only how a double writes them.
    """
    rounded = decimal_sql(source)
    if source.sql_type in ("DOUBLE", "FLOAT"):
        return (
            f"case when {source.sql} <> cast({rounded} as {source.sql_type}) "
            f"then try_cast(cast({source.sql} as varchar) as decimal(38,20)) else {rounded} end"
        )
    if source.sql_type == Kind.DECIMAL:
        return rounded
    value = source.sql if _is_number(source.sql_type) else text_sql(source)
    return f"try_cast({value} as decimal(38,20))"


def timestamp_reading(name: str, source: SourceColumn) -> ColumnReading:
    """Return how ``source`` is read as canonical timestamp ``name``, always UTC."""
    if source.sql_type == Kind.TIMESTAMP:
        return ColumnReading(name, Kind.TIMESTAMP, source.sql)
    if source.sql_type == "TIMESTAMP WITH TIME ZONE":
        # A plain cast would use the session's time zone.
        return ColumnReading(name, Kind.TIMESTAMP, f"make_timestamp(epoch_us({source.sql}))")
    if source.sql_type == "DATE" or source.sql_type.startswith("TIMESTAMP"):
        return ColumnReading(name, Kind.TIMESTAMP, f"cast({source.sql} as timestamp)")
    text = text_sql(source)
    return ColumnReading(name, Kind.TIMESTAMP, _timestamp_of_text(text), _is_given_text(text), text)


def _timestamp_of_text(text: str) -> str:
    # A cast of text to TIMESTAMP drops an offset unread. So only the UTC forms, which are all that AWS writes,
    # take that short way, tried first because regular expressions cost as much as the cast. The pattern of a
    # first digit keeps out `infinity` and `epoch`.
    return (
        f"case when ends_with({text}, 'Z') or ends_with({text}, '+00:00') "
        f"then try_cast({text} as timestamp) "
        f"when not regexp_matches({text}, '^[0-9]') then null "
        f"when regexp_matches({text}, ':[0-9.]+ ?[+-][0-9][0-9](:?[0-9][0-9])?$') "
        f"then make_timestamp(epoch_us(try_cast({text} as timestamp with time zone))) "
        f"else try_cast({text} as timestamp) end"
    )


def is_missing_word(text: str) -> str:
    """Return the SQL condition that ``text`` is a word for a missing value.

    Four words at most: DuckDB makes a hash join of a list of five, and one for every column of a CUR makes
    reading it half as dear again.
    """
    return f"{text} in ({', '.join(literal(word) for word in MISSING_WORDS)})"


def _is_given_text(text: str) -> str:
    return f"{text} is not null and trim({text}) <> '' and not {is_missing_word(text)}"


def _is_integer(sql_type: str) -> bool:
    return re.fullmatch(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)", sql_type) is not None


def _is_number(sql_type: str) -> bool:
    return sql_type in ("DOUBLE", "FLOAT") or sql_type.startswith("DECIMAL") or _is_integer(sql_type)


# --- maps ---------------------------------------------------------------------------------------------------

# The flat columns of legacy CUR that CUR 2.0 has in a map: map column -> prefix of the flat ones.
_FLAT_PREFIXES = {
    "resource_tags": "resource_tags_",
    "cost_category": "cost_category_",
    "discount": "discount_",
}
# snake_name, for the keys of a map: `user:CostCenter` -> `user_cost_center`.
_SNAKE_KEY = (
    r"trim(regexp_replace(lower(regexp_replace({key}, '(\p{{Lu}})', '_\1', 'g')), "
    r"'[^\p{{L}}\p{{N}}]+', '_', 'g'), '_')"
)


def json_map_sql(name: str, text: str) -> str:
    """Return SQL of JSON ``text``, which is how CSV holds map column ``name``, as MAP(VARCHAR, VARCHAR).

    It is NULL where the text is no JSON object. Of everything about a CSV file this is the dearest to evaluate, so it
    belongs into a subquery of its own.
    """
    if canonical_name(name) in ("discount", "x_discounts"):
        # A JSON number would pass through a double; in quotes it stays the text that AWS wrote.
        text = f"regexp_replace({text}, ':\\s*(-?[0-9][0-9.eE+-]*)', ':\"\\1\"', 'g')"
    return f"try_cast(try_cast({text} as json) as {Kind.TEXT_MAP})"


def _map_sql(source: SourceColumn) -> str:
    return source.sql if source.sql_type.startswith("MAP(") else json_map_sql(source.name, text_sql(source))


def text_map_reading(
    name: str, source: SourceColumn | None, flat: dict[str, str], *, normalise: bool, key_prefix: str = ""
) -> ColumnReading | None:
    """Return how a map of texts is read: from a map column, from flat columns, or both (the map's keys win).

    Args:
        name: canonical name.
        source: the map column, or its JSON text.
        flat: SQL of flat columns, by their key in the map.
        normalise: bring the keys of the map column into snake case.
        key_prefix: put in front of keys that do not begin with ``user_`` or ``aws_``.
    """
    parts = []
    if flat:
        entries = ", ".join(f"{{'key': {literal(key)}, 'value': {sql}}}" for key, sql in flat.items())
        parts.append(f"map_from_entries(list_filter([{entries}], lambda entry: entry.value <> ''))")
    if source is not None:
        value = _map_sql(source)
        parts.append(_normalised(value, f"map_values({value})", key_prefix) if normalise else value)
    return _map_reading(name, Kind.TEXT_MAP, source, parts)


def decimal_map_reading(
    name: str, source: SourceColumn | None, flat: dict[str, SourceColumn], *, normalise: bool
) -> ColumnReading | None:
    """Return how a map of amounts is read; an entry that is no amount is NULL.

    Args:
        name: canonical name.
        source: the map column, or its JSON text.
        flat: flat columns, by their key in the map.
        normalise: bring the keys of the map column into snake case.
    """
    parts = []
    amounts = None
    if flat:
        entries = ", ".join(
            f"{{'key': {literal(key)}, 'value': {decimal_sql(column)}}}" for key, column in flat.items()
        )
        parts.append(f"map_from_entries(list_filter([{entries}], lambda entry: entry.value is not null))")
    if source is not None:
        value = _map_sql(source)
        amounts = f"map_values({value})"
        if source.sql_type != Kind.DECIMAL_MAP:
            item = re.fullmatch(r"MAP\(VARCHAR, (\w+(?:\([^)]*\))?)\)", source.sql_type)
            amount = decimal_sql(SourceColumn("amount", "amount", "VARCHAR" if item is None else item[1]))
            amounts = f"list_transform({amounts}, lambda amount: {amount})"
        parts.append(_normalised(value, amounts, "") if normalise else f"map(map_keys({value}), {amounts})")
    reading = _map_reading(name, Kind.DECIMAL_MAP, source, parts)
    return None if reading is None else replace(reading, amounts=amounts if not flat else None)


def _map_reading(name: str, kind: Kind, source: SourceColumn | None, parts: Sequence[str]) -> ColumnReading | None:
    if not parts:
        return None
    sql = parts[0] if len(parts) == 1 else f"map_concat({', '.join(parts)})"
    text = None if source is None else source.text or (source.sql if source.sql_type == "VARCHAR" else None)
    return (
        ColumnReading(name, kind, sql) if text is None else ColumnReading(name, kind, sql, _is_given_text(text), text)
    )


def _read_map(
    column: CanonicalColumn, source: SourceColumn | None, sources: dict[str, SourceColumn], origin: Origin
) -> ColumnReading | None:
    prefix = _FLAT_PREFIXES.get(column.name)
    flat = {
        name.removeprefix(prefix): other
        for name, other in sources.items()
        if prefix is not None and name.startswith(prefix) and name not in _CANONICAL
    }
    # The store keeps keys as AWS wrote them and flat columns flat: only who asks for the map pays for its keys.
    is_kept = origin is Origin.TEXT_FILE
    normalise = column.name != "product" and not is_kept
    if is_kept:
        flat = {}
    if column.kind is Kind.DECIMAL_MAP:
        return decimal_map_reading(column.name, source, flat, normalise=normalise)
    return text_map_reading(
        column.name, source, {key: text_sql(other) for key, other in flat.items()}, normalise=normalise
    )


def _normalised(value: str, values: str, key_prefix: str) -> str:
    """Return SQL of map ``value`` with snake-case keys and the given list of values.

    Keys that collapse must be merged, because DuckDB refuses a map with a key twice; that path costs three
    times as much and is taken only by rows that need it.
    """
    snake = _SNAKE_KEY.format(key="key")
    if key_prefix:
        has_prefix = f"regexp_matches({snake}, '^(user|aws)_')"
        snake = f"case when {has_prefix} then {snake} else '{key_prefix}' || {snake} end"
    keys = f"list_transform(map_keys({value}), lambda key: {snake})"
    entries = f"list_filter(list_zip({keys}, {values}), lambda entry: cast(entry[2] as varchar) <> '')"
    firsts = (
        f"list_filter({entries}, lambda entry, position: "
        f"list_position(list_transform({entries}, lambda other: other[1]), entry[1]) = position)"
    )
    return (
        f"case when {value} is null then null "
        f"when list_unique({keys}) = len({keys}) then map({keys}, {values}) "
        f"else map_from_entries({firsts}) end"
    )
