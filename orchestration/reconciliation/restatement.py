"""What a restatement changed: two deliveries of one payer's month, row for row, by account, service and type.

What is here: choosing the deliveries, reading both from the landing, comparing their rows.
When to add here: another thing by which a change is told apart.
What does not belong here: what the change does to documents; that is proposed as a correction.
"""

import csv
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from orchestration import reports
from orchestration.errors import ChargehouseError, DeliveryError
from orchestration.exports.files import csv_text, new_file
from orchestration.ingest.contents import Contents, DiscountMode
from orchestration.ingest.discovery import LandedDelivery, discover
from orchestration.ingest.landing import Landing, open_landing
from orchestration.ingest.staging import open_scratch_database, stage
from orchestration.ingest.totals import NET_COST_CONDITION
from orchestration.ingest.view import ViewedDelivery, store_folder, view_sql
from orchestration.settings import Workspace

__all__ = ["Change", "Comparison", "Known", "Side", "compare_deliveries", "known_deliveries", "write_csv"]

_FOLDERS = "comparing."
_ABANDONED_SECONDS = 24 * 60 * 60

# Amounts as the control totals take them (C2), split-cost rows left out (C1). An item is what a person would call the
# same thing in both: AWS's ids of rows change with every delivery.
_CHANGES = f"""
with rows as (
    select
        delivery_key = $later as is_later,
        coalesce(line_item_usage_account_id, '') as sub_account_id,
        coalesce(line_item_product_code, '') as service_code,
        coalesce(line_item_line_item_type, '') as line_item_type,
        coalesce(line_item_usage_type, '') as usage_type,
        coalesce(line_item_operation, '') as operation,
        coalesce(line_item_resource_id, '') as resource_id,
        coalesce(line_item_line_item_description, '') as description,
        line_item_unblended_cost as cost,
        line_item_net_unblended_cost as net_cost,
        coalesce(discount_total_discount, 0) <> 0
        or coalesce(discount_bundled_discount, 0) <> 0
        or coalesce(list_sum(list_transform(map_values(discount), lambda amount: abs(amount))), 0) <> 0
            as has_discount,
        discount_mode
    from raw.cur_line_items
    where
        coalesce(split_line_item_parent_resource_id, '') = ''
        and coalesce(line_item_operation, '') not in ('EKSPod-EC2', 'ECSTask-EC2')
),
costs as (
    select
        * exclude (cost, net_cost, has_discount, discount_mode),
        case when discount_mode = 'columns' and {NET_COST_CONDITION} then net_cost else cost end as aws_cost
    from rows
),
items as (
    select
        sub_account_id, service_code, line_item_type,
        count(*) filter (where not is_later) as rows_before,
        count(*) filter (where is_later) as rows_after,
        cast(coalesce(sum(aws_cost) filter (where not is_later), 0) as decimal(38, 10)) as aws_cost_before,
        cast(coalesce(sum(aws_cost) filter (where is_later), 0) as decimal(38, 10)) as aws_cost_after
    from costs
    group by sub_account_id, service_code, line_item_type, usage_type, operation, resource_id, description
),
cells as (
    select
        sub_account_id, service_code, line_item_type,
        cast(sum(rows_before) as bigint) as rows_before,
        cast(sum(rows_after) as bigint) as rows_after,
        cast(sum(aws_cost_before) as decimal(38, 10)) as aws_cost_before,
        cast(sum(aws_cost_after) as decimal(38, 10)) as aws_cost_after,
        cast(sum(aws_cost_after - aws_cost_before) as decimal(38, 10)) as difference,
        count(*) filter (
            where rows_before <> rows_after or aws_cost_before <> aws_cost_after
        ) as changed_items
    from items
    group by sub_account_id, service_code, line_item_type
)
select
    sub_account_id, service_code, line_item_type,
    case when rows_before = 0 then 'appeared' when rows_after = 0 then 'gone' else 'changed' end as kind,
    rows_before, rows_after, aws_cost_before, aws_cost_after, difference, changed_items
from cells
where changed_items > 0
order by abs(difference) desc, sub_account_id, service_code, line_item_type
"""

_TOTALS = """
select
    cast(coalesce(sum(difference), 0) as decimal(38, 10)),
    cast(coalesce(sum(rows_after) - sum(rows_before), 0) as bigint)
from changes
"""


@dataclass(frozen=True)
class Known:
    """A delivery that the last run knew.

    Attributes:
        delivery_key: ours.
        delivery_id: AWS's assembly or execution id.
        payer_account_id: whose.
        export_name: of which report or export.
        billing_period: first of the month.
        status: current, superseded or rejected.
        reason: why it is not current; empty for nothing to say.
        delivered_at: when its manifest was written, UTC.
        fingerprint: of what was landed then; None where that is not known.
        aws_cost: its control total (C2), USD; None where it was never read.
    """

    delivery_key: str
    delivery_id: str
    payer_account_id: str
    export_name: str
    billing_period: date
    status: str
    reason: str
    delivered_at: datetime
    fingerprint: str | None
    aws_cost: Decimal | None


@dataclass(frozen=True)
class Side:
    """One of the two deliveries, as read now.

    Attributes:
        delivery_id: AWS's id.
        status: what it is to the last run.
        delivered_at: UTC.
        row_count: rows, without split-cost rows (C1).
        aws_cost: their control total (C2), USD.
    """

    delivery_id: str
    status: str
    delivered_at: datetime
    row_count: int
    aws_cost: Decimal


@dataclass(frozen=True)
class Change:
    """What changed for one account, service and line item type; money in USD.

    Attributes:
        sub_account_id: usage account.
        service_code: product code.
        line_item_type: as AWS sends it.
        kind: appeared, gone or changed.
        rows_before: rows in the earlier delivery.
        rows_after: rows in the later one.
        aws_cost_before: their cost.
        aws_cost_after: their cost.
        difference: after minus before; 0 where only the items in it changed.
        changed_items: usage types, operations, resources and descriptions whose rows or cost changed.
    """

    sub_account_id: str
    service_code: str
    line_item_type: str
    kind: str
    rows_before: int
    rows_after: int
    aws_cost_before: Decimal
    aws_cost_after: Decimal
    difference: Decimal
    changed_items: int


@dataclass(frozen=True)
class Comparison:
    """What lies between two deliveries; ``difference`` and ``row_difference`` are those of their control totals."""

    payer_account_id: str
    export_name: str
    billing_period: date
    earlier: Side
    later: Side
    difference: Decimal
    row_difference: int
    changes: tuple[Change, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it for scripts."""
        return asdict(self)


def known_deliveries(workspace: Workspace, period: date, payer: str | None = None) -> list[Known]:
    """Return the deliveries of a month that can be compared, of billed exports, newest first.

    Raises:
        ChargehouseError: nothing is published yet.
    """
    return [Known(**row) for row in reports.comparable_deliveries(workspace, period, payer)]


def compare_deliveries(
    workspace: Workspace,
    period: date,
    payer: str | None = None,
    earlier: str | None = None,
    later: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Return what changed between two deliveries of a payer's month; nothing is kept.

    Args:
        workspace: where they were landed.
        period: first of the month.
        payer: whose; may be left out where only one delivers in the month.
        earlier: delivery id; by default the newest that the later one replaced.
        later: delivery id; by default the current one.
        progress: told in words what is read.

    Raises:
        ChargehouseError: there are no two such deliveries.
        DeliveryError: the files of one are gone from the landing, were replaced or are damaged, or its rows do not sum
            to its control total.
    """
    before, after = _chosen(known_deliveries(workspace, period, payer), period, payer, earlier, later)
    landing = open_landing(workspace.landing_url)
    landed = {_identity(delivery): delivery for delivery in discover(landing).deliveries}
    workspace.warehouse.mkdir(parents=True, exist_ok=True)
    _clear_abandoned(workspace)
    with tempfile.TemporaryDirectory(prefix=_FOLDERS, dir=workspace.warehouse) as name:
        folder = Path(name)
        with open_scratch_database(folder) as connection:
            read = [
                _read(connection, landing, _landed(landed, known), known, folder, progress or (lambda _line: None))
                for known in (before, after)
            ]
            return _compared(connection, folder, before, after, read)


def _clear_abandoned(workspace: Workspace) -> None:
    """Remove what comparisons left that were killed; others may be going on beside this one."""
    for folder in workspace.warehouse.glob(f"{_FOLDERS}*"):
        # Nothing compares for a day without another file.
        if time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def write_csv(comparison: Comparison, path: Path) -> int:
    """Write every change as CSV to a new file; return how many.

    Raises:
        ChargehouseError: the file is there already, or cannot be written.
    """
    names = [field.name for field in fields(Change)]
    with new_file(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_text(getattr(change, name)) for name in names] for change in comparison.changes)
    return len(comparison.changes)


def _text(value: object) -> str:
    # str() of a zero with ten decimals is 0E-10.
    if isinstance(value, str):
        return csv_text(value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _chosen(
    known: Sequence[Known], period: date, payer: str | None, earlier: str | None, later: str | None
) -> tuple[Known, Known]:
    month = f"{period:%Y-%m}"
    exports = sorted({(row.payer_account_id, row.export_name) for row in known})
    if not exports:
        whose = "" if payer is None else f" of payer {payer}"
        raise ChargehouseError(f"No delivery{whose} is known for {month}. `chargehouse status` lists what is.")
    if earlier is not None or later is not None:
        named = {(row.payer_account_id, row.export_name) for row in known if row.delivery_id in (earlier, later)}
        exports = [export for export in exports if export in named] or exports
    if len(exports) > 1:
        listed = ", ".join(f"{account} ({name})" for account, name in exports)
        raise ChargehouseError(f"Several payers deliver for {month}: {listed}. Name one with --payer.")
    rows = [row for row in known if (row.payer_account_id, row.export_name) == exports[0]]
    by_id = {row.delivery_id: row for row in reversed(rows)}
    for wanted in (earlier, later):
        if wanted is not None and wanted not in by_id:
            raise ChargehouseError(
                f"Payer {exports[0][0]} has no delivery {wanted} for {month}. It has: {', '.join(by_id)}."
            )
    after = by_id[later] if later else next((row for row in rows if row.status == "current"), rows[0])
    older = [row for row in rows if row.status != "rejected" and row.delivered_at <= after.delivered_at]
    before = by_id[earlier] if earlier else next((row for row in older if row != after), None)
    if before is None:
        raise ChargehouseError(
            f"Payer {exports[0][0]} has only one delivery for {month}, {after.delivery_id}: there is none to compare "
            "it with."
        )
    if before == after:
        raise ChargehouseError(f"Delivery {after.delivery_id} was named twice. Name two.")
    return before, after


def _identity(delivery: LandedDelivery) -> tuple[str, date, str]:
    manifest = delivery.manifest
    return manifest.export_name, manifest.billing_period, manifest.delivery_id


def _landed(landed: dict[tuple[str, date, str], LandedDelivery], known: Known) -> LandedDelivery:
    delivery = landed.get((known.export_name, known.billing_period, known.delivery_id))
    if delivery is None or delivery.missing:
        missing = "Its manifest" if delivery is None else delivery.missing[0]
        raise DeliveryError(
            f"The files of delivery {known.delivery_id} are gone from the landing ({missing} is missing), so it cannot "
            "be compared. AWS keeps one delivery only where the export overwrites; bring its files back from a backup."
        )
    if known.status != "rejected" and known.fingerprint is not None and delivery.fingerprint != known.fingerprint:
        raise DeliveryError(
            f"The files of delivery {known.delivery_id} have been replaced since it was read, so they are not what was "
            "billed then. Bring them back from a backup, or run again: chargehouse run"
        )
    return delivery


def _read(
    connection: duckdb.DuckDBPyConnection,
    landing: Landing,
    delivery: LandedDelivery,
    known: Known,
    folder: Path,
    progress: Callable[[str], None],
) -> Contents:
    """Stage a delivery where the view looks for it, and return what it holds."""
    place = store_folder(known.delivery_key, known.billing_period)
    (folder / place).mkdir(parents=True)
    contents = stage(connection, landing, delivery, folder / place, progress)
    files = tuple(
        replace(file, stored_path=None if file.stored_path is None else str(place / file.stored_path))
        for file in contents.files
    )
    return replace(contents, files=files)


def _compared(
    connection: duckdb.DuckDBPyConnection, folder: Path, before: Known, after: Known, read: Sequence[Contents]
) -> Comparison:
    both = list(zip((before, after), read, strict=True))
    viewed = [ViewedDelivery(known.billing_period, contents) for known, contents in both]
    connection.execute("create schema if not exists raw")
    connection.execute(view_sql(viewed, folder))
    connection.execute(f"create temp table changes as {_CHANGES}", {"later": after.delivery_key})
    found = connection.execute("select * from changes").fetchall()
    summed, summed_rows = connection.execute(_TOTALS).fetchall()[0]
    sides = [_side(known, contents) for known, contents in both]
    for known, side in zip((before, after), sides, strict=True):
        if known.aws_cost is not None and known.aws_cost != side.aws_cost:
            raise DeliveryError(
                f"Delivery {known.delivery_id} sums to {side.aws_cost} USD now and to {known.aws_cost} when it landed. "
                "Its files have changed; run again: chargehouse run"
            )
    difference, row_difference = sides[1].aws_cost - sides[0].aws_cost, sides[1].row_count - sides[0].row_count
    if (summed, summed_rows) != (difference, row_difference):
        raise DeliveryError(
            f"The changes sum to {summed} USD and {summed_rows} rows, the control totals differ by {difference} and "
            f"{row_difference}. Please report this with the two manifests."
        )
    return Comparison(
        payer_account_id=after.payer_account_id,
        export_name=after.export_name,
        billing_period=after.billing_period,
        earlier=sides[0],
        later=sides[1],
        difference=difference,
        row_difference=row_difference,
        changes=tuple(Change(*row) for row in found),
    )


def _side(known: Known, contents: Contents) -> Side:
    totals = contents.totals
    is_net = totals.discount_mode is DiscountMode.COLUMNS
    return Side(
        delivery_id=known.delivery_id,
        status=known.status,
        delivered_at=known.delivered_at,
        row_count=totals.row_count - totals.split_cost_row_count,
        aws_cost=totals.net_unblended_cost if is_net else totals.unblended_cost,
    )
