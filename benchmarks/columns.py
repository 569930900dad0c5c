"""The 126 columns of the benchmark's Cost and Usage Reports, and how each form of delivery spells and types them.

What is here: the columns of a legacy report with five tags, a cost category and 37 product attributes, those of CUR 2.0
with manual-discount compatibility, and the SQL that writes each from the relation ``line_items``.
When to add here: another form of delivery, or a column that a rule begins to read.
What does not belong here: what stands in a row (``sql/line_items.sql``).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from orchestration.sample.columns import (
    CUR2_COLUMNS,
    DISCOUNT_COLUMNS,
    MAP_COLUMNS,
    NUMBER_COLUMNS,
    TIMESTAMP_COLUMNS,
    Cells,
    column_type,
    legacy_columns,
    snake_name,
)

__all__ = ["Column", "Form", "columns_of"]


class Form(StrEnum):
    """A form of delivery that the benchmark writes."""

    LEGACY_CSV = "legacy-csv"
    LEGACY_PARQUET = "legacy-parquet"
    CUR2_PARQUET = "cur2-parquet"


@dataclass(frozen=True)
class Column:
    """One column of a file.

    Attributes:
        header: its name in the file.
        sql: what stands in it, as SQL over ``line_items``.
        type: its type in the manifest.
    """

    header: str
    sql: str
    type: str


# Product attributes that rows have, by their CSV names, and those that only other products than ours would fill.
_ATTRIBUTES = (
    *("ProductName", "servicecode", "servicename", "productFamily", "region", "regionCode", "sku", "instanceType"),
    *("instanceTypeFamily", "instanceFamily", "usagetype", "operation", "location", "locationType", "operatingSystem"),
    *("tenancy", "vcpu", "memory", "normalizationSizeFactor", "networkPerformance", "currentGeneration"),
)
_EMPTY_ATTRIBUTES = (
    *("availability", "cacheEngine", "databaseEdition", "databaseEngine", "durability", "engineCode", "fromLocation"),
    *("group", "licenseModel", "maxIopsvolume", "physicalProcessor", "toLocation", "transferType", "version"),
    *("volumeApiName", "volumeType"),
)
_TAGS = {
    "user:Environment": "tag_environment",
    "user:CostCenter": "tag_cost_center",
    "user:Owner": "tag_owner",
    "user:Project": "tag_project",
    "aws:eks:cluster-name": "tag_cluster",
}
_COST_CATEGORY = "Business Unit"
# What this month adds to a legacy report's columns or takes away from them does not matter here.
_MONTH = datetime(2026, 10, 1)


def columns_of(form: Form, filled: frozenset[str]) -> list[Column]:
    """Return the columns of a form, in the order of its files.

    Args:
        form: the form.
        filled: columns that ``line_items`` has; every other one stays empty.
    """
    return _cur2(filled) if form is Form.CUR2_PARQUET else _legacy(form, filled)


def _legacy(form: Form, filled: frozenset[str]) -> list[Column]:
    example: Cells = {
        "product": dict.fromkeys((*_ATTRIBUTES, *_EMPTY_ATTRIBUTES), ""),
        "resource_tags": dict.fromkeys(_TAGS, ""),
        "cost_category": {_COST_CATEGORY: ""},
        "reservation_reservation_a_r_n": "",
        "savings_plan_savings_plan_a_r_n": "",
    }
    tags = {snake_name(f"resourceTags/{key}"): column for key, column in _TAGS.items()}
    tags[snake_name(f"costCategory/{_COST_CATEGORY}")] = "business_unit"
    written = []
    for header in legacy_columns([example], _MONTH):
        name = snake_name(header)
        source = tags.get(name, name)
        value = source if source in filled else "null"
        written.append(
            Column(header, _csv_sql(name, value), column_type(name))
            if form is Form.LEGACY_CSV
            else Column(name, _parquet_sql(name, value, has_nulls=False), column_type(name))
        )
    return written


def _cur2(filled: frozenset[str]) -> list[Column]:
    in_map = [name for name in (snake_name(f"product/{key}") for key in _ATTRIBUTES) if name not in CUR2_COLUMNS]
    maps = {
        "product": _map_sql({name.removeprefix("product_"): name for name in in_map}),
        "resource_tags": _map_sql({snake_name(key): column for key, column in _TAGS.items()}),
        "cost_category": _map_sql({snake_name(_COST_CATEGORY): "business_unit"}),
    }
    written = []
    for name in CUR2_COLUMNS:
        if name in DISCOUNT_COLUMNS:
            continue
        if name in MAP_COLUMNS:
            written.append(Column(name, maps[name], "map<string,string>"))
            continue
        kind = {"DateTime": "timestamp", "OptionalBigDecimal": "double"}.get(column_type(name), "string")
        value = name if name in filled else "null"
        written.append(Column(name, _parquet_sql(name, value, has_nulls=True), kind))
    return written


def _csv_sql(name: str, value: str) -> str:
    if name in NUMBER_COLUMNS:
        # Whole units of 1e-10 become text with ten decimals, exactly.
        return f"cast({value} as decimal(28, 0)) * cast('0.0000000001' as decimal(10, 10))"
    if name in TIMESTAMP_COLUMNS:
        return f"strftime({value}, '%Y-%m-%dT%H:%M:%S.000Z')"
    return f"cast({value} as varchar)"


def _parquet_sql(name: str, value: str, *, has_nulls: bool) -> str:
    """Return SQL of a value as AWS types it: amounts are doubles; without NULLs they are 0, and text is empty."""
    if name in NUMBER_COLUMNS:
        number = f"cast({value} as double) / 1e10"
        return number if has_nulls else f"coalesce({number}, 0.0)"
    if name in TIMESTAMP_COLUMNS:
        return f"cast({value} as timestamp_ms)"
    text = f"cast({value} as varchar)"
    return text if has_nulls else f"coalesce({text}, '')"


def _map_sql(entries: dict[str, str]) -> str:
    pairs = ", ".join(f"{{'key': '{key}', 'value': {column}}}" for key, column in entries.items())
    return f"map_from_entries(list_filter([{pairs}], lambda entry: entry.value is not null))"
