"""Delivered files as anybody would read them, in DuckDB. Shared by the tests of this folder."""

import gzip
import json
from pathlib import Path

import duckdb

from orchestration.sample.columns import snake_name

_NUMBER = "DECIMAL(22,10)"  # as the raw edge reads numbers, text and doubles alike (M1)

# What the laws are about: short name -> (column, type).
_COLUMNS = {
    "id": ("identity_line_item_id", "VARCHAR"),
    "interval": ("identity_time_interval", "VARCHAR"),
    "invoice_id": ("bill_invoice_id", "VARCHAR"),
    "entity": ("bill_billing_entity", "VARCHAR"),
    "payer": ("bill_payer_account_id", "VARCHAR"),
    "period": ("bill_billing_period_start_date", "TIMESTAMP"),
    "account": ("line_item_usage_account_id", "VARCHAR"),
    "kind": ("line_item_line_item_type", "VARCHAR"),
    "start_at": ("line_item_usage_start_date", "TIMESTAMP"),
    "product": ("line_item_product_code", "VARCHAR"),
    "usage_type": ("line_item_usage_type", "VARCHAR"),
    "operation": ("line_item_operation", "VARCHAR"),
    "resource": ("line_item_resource_id", "VARCHAR"),
    "amount": ("line_item_usage_amount", _NUMBER),
    "factor": ("line_item_normalization_factor", _NUMBER),
    "normalized": ("line_item_normalized_usage_amount", _NUMBER),
    "rate": ("line_item_unblended_rate", _NUMBER),
    "cost": ("line_item_unblended_cost", _NUMBER),
    "net_cost": ("line_item_net_unblended_cost", _NUMBER),
    "public_cost": ("pricing_public_on_demand_cost", _NUMBER),
    "lease": ("reservation_reservation_a_r_n", "VARCHAR"),
    "lease_effective": ("reservation_effective_cost", _NUMBER),
    "lease_amortized": ("reservation_amortized_upfront_fee_for_billing_period", _NUMBER),
    "lease_unused_fee": ("reservation_unused_recurring_fee", _NUMBER),
    "lease_unused_upfront": ("reservation_unused_amortized_upfront_fee_for_billing_period", _NUMBER),
    "plan": ("savings_plan_savings_plan_a_r_n", "VARCHAR"),
    "plan_effective": ("savings_plan_savings_plan_effective_cost", _NUMBER),
    "plan_total": ("savings_plan_total_commitment_to_date", _NUMBER),
    "plan_used": ("savings_plan_used_commitment", _NUMBER),
    "total_discount": ("discount_total_discount", _NUMBER),
    "bundled_discount": ("discount_bundled_discount", _NUMBER),
    "parent": ("split_line_item_parent_resource_id", "VARCHAR"),
    "split_cost": ("split_line_item_split_cost", _NUMBER),
    "split_unused": ("split_line_item_unused_cost", _NUMBER),
    "discount": ("discount", "MAP(VARCHAR, DOUBLE)"),
}


def current_manifests(landing: Path) -> list[Path]:
    """Return the manifests of current deliveries: a legacy assembly folder's own one points at nothing."""
    return [
        path
        for path in sorted(landing.rglob("*-Manifest.json"))
        if json.loads(path.read_text()).get("assemblyId") != path.parent.name
    ]


def delivered_files(landing: Path, manifest: Path) -> list[Path]:
    """Return the files a manifest lists, in its order."""
    content = json.loads(manifest.read_text())
    keys = content.get("reportKeys") or [uri.split("/", 3)[3] for uri in content["dataFiles"]]
    return [landing / key for key in keys]


def load_lines(landing: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection whose table ``lines`` has every row of the current deliveries."""
    connection = duckdb.connect()
    selects = []
    for manifest in current_manifests(landing):
        files = [str(path) for path in delivered_files(landing, manifest)]
        if files[0].endswith(".csv.gz"):
            # The header is read here: DuckDB would sniff every file twice, which takes most of the time.
            with gzip.open(files[0], "rt", encoding="utf-8") as file:
                header = dict.fromkeys(next(file).rstrip("\n").split(","), "VARCHAR")
            source = f"read_csv({files}, auto_detect = false, header = true, quote = '\"', columns = {header})"
        else:
            source = f"read_parquet({files}, hive_partitioning = false)"
        described = connection.execute(f"describe from {source}").fetchall()
        delivered = {snake_name(name): (name, kind) for name, kind, *_ in described}
        cells = []
        for short, (column, kind) in _COLUMNS.items():
            name, own_kind = delivered.get(column, ("", ""))
            if not name:
                cell = f"cast(null as {kind})"
            elif kind == "VARCHAR":
                cell = f"""coalesce("{name}", '')"""
            elif own_kind == "VARCHAR":
                cell = f"""cast(nullif("{name}", '') as {kind})"""
            else:
                cell = f'cast("{name}" as {kind})'
            # A text column that is absent from the whole delivery reads like one that is empty.
            cells.append(f"""{f"coalesce({cell}, '')" if kind == "VARCHAR" else cell} as {short}""")
        selects.append(f"select {', '.join(cells)} from {source}")
    connection.execute("create table lines as " + " union all ".join(selects))
    return connection
