"""Seeded defects: each is caught by the check that is named for it, and the same data without defects passes them all.

Deliveries are damaged as files in the landing, or as stored rows after they landed; between the layers a table of a
built warehouse is changed, and the tests that dbt compiled for that run are asked again.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.assets.models import failing_rows, test_results
from orchestration.configuration.load import load_configuration
from orchestration.configuration.validate import read_configuration
from orchestration.errors import CheckError, ConfigurationError
from orchestration.expectations.catalogue import catalogue
from orchestration.expectations.checking import check_raw
from orchestration.expectations.deliveries import check_deliveries, write_expected_deliveries
from orchestration.expectations.drift import check_drift
from orchestration.expectations.limits import prepare_limits
from orchestration.expectations.line_items import check_line_items
from orchestration.expectations.profile import profile_new_deliveries
from orchestration.expectations.validation import CheckResult, Validations
from orchestration.ingest.deliveries import sync
from orchestration.ingest.landing import open_landing
from orchestration.runs import run_new
from orchestration.settings import PROJECT_ROOT, Workspace
from orchestration.warehouse import prepare_control_tables
from tests.integration.workspaces import built_sample, rewrite, write_billing
from tests.unit.ingest.landed_cur import Row, cur2_row, land_cur2, land_legacy, legacy_row, packed, parquet_bytes

pytestmark = pytest.mark.slow

test_results.__test__ = False  # type: ignore[attr-defined]

_PAYER = "123456789012"
_MEMBER = "000000000001"
_OTHER = "210987654321"
_CHARGE_TYPES = f"'{PROJECT_ROOT / 'dbt_project' / 'seeds' / 'charge_types.csv'}'"
# The day after AWS closed the months of these deliveries.
_NOW = datetime(2024, 2, 2)

_PLAN = f"arn:aws:savingsplans::{_PAYER}:savingsplan/plan"
_LEASE = f"arn:aws:ec2:us-east-1:{_PAYER}:reserved-instances/lease"


def _row(number: int, cost: str, start: datetime, **cells: str) -> Row:
    facts = {
        "identity_LineItemId": f"line-{number}",
        "identity_TimeInterval": f"{start:%Y-%m-%dT%H:%M:%SZ}/{start + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        "bill_BillType": "Anniversary",
        "lineItem_UsageStartDate": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "lineItem_UsageType": "BoxUsage",
        "pricing_publicOnDemandCost": cost,
    }
    return legacy_row(cost, **(facts | cells))


def _month(month: int = 1) -> list[Row]:
    """A sound month of 2024 for two accounts: every hour, a Savings Plan, a reservation, a credit, a fee and a tax."""
    start = datetime(2024, month, 1)
    hours = (datetime(2024, month + 1, 1) - start).days * 24
    rows = [_row(hour, "0.10", start + timedelta(hours=hour)) for hour in range(hours)]
    member = {"lineItem_UsageAccountId": _PAYER}
    others: list[tuple[str, dict[str, str]]] = [
        ("40", {"lineItem_ProductCode": "AmazonS3", **member}),
        ("10", {"lineItem_LineItemType": "SavingsPlanCoveredUsage", "savingsPlan_SavingsPlanARN": _PLAN}),
        ("-10", {"lineItem_LineItemType": "SavingsPlanNegation", "savingsPlan_SavingsPlanARN": _PLAN}),
        (
            "0",
            {
                "lineItem_LineItemType": "DiscountedUsage",
                "reservation_ReservationARN": _LEASE,
                "reservation_EffectiveCost": "5",
            },
        ),
        (
            "6",
            {
                "lineItem_LineItemType": "RIFee",
                "reservation_ReservationARN": _LEASE,
                "reservation_UnusedRecurringFee": "1",
            },
        ),
        ("-3", {"lineItem_LineItemType": "Credit"}),
        ("12", {"lineItem_LineItemType": "Fee"}),
        ("7.5", {"lineItem_LineItemType": "Tax"}),
    ]
    rows += [_row(1000 + number, cost, start, **cells) for number, (cost, cells) in enumerate(others)]
    moved = {"2024-01-01T00:00:00Z": f"{start:%Y-%m-%dT00:00:00Z}"}
    return [{**row, "bill/BillingPeriodStartDate": moved["2024-01-01T00:00:00Z"]} for row in rows]


class Deliveries:
    """A landing and a warehouse that follow each other, without the models."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        write_billing(workspace, _PAYER, _MEMBER)
        workspace.landing.mkdir(parents=True)
        self.connection = duckdb.connect()
        prepare_control_tables(self.connection)
        self.now = _NOW
        # What was changed behind the ingest's back must not be taken in again.
        self.is_tampered = False

    def land(self, rows: Sequence[Row], delivery_id: str = "first", month: int = 1) -> Path:
        """Land a delivery of one file."""
        return land_legacy(self.workspace.landing, delivery_id, [rows], month=month)

    def settle(self) -> None:
        """Take in what is landed, and profile it."""
        load_configuration(self.connection, read_configuration(self.workspace.billing))
        sync(self.connection, self.workspace, open_landing(str(self.workspace.landing)), {_PAYER: ""})
        prepare_limits(self.connection)
        profile_new_deliveries(self.connection)

    def redeliver(self, rows: Sequence[Row]) -> None:
        """Land the sound month, take it in, and land its next delivery."""
        self.land(_month())
        self.settle()
        self.land(rows, "second")

    def months(self, january: Sequence[Row], february: Sequence[Row]) -> None:
        """Land two months."""
        self.land(january, "january")
        self.land(february, "february", month=2)

    def spoil(self, replacement: str, condition: str = "true") -> None:
        """Change stored rows after they landed."""
        self.settle()
        self.is_tampered = True
        self.connection.execute(
            "create table raw.landed as select * from raw.cur_line_items; "
            f"create or replace view raw.cur_line_items as select {replacement} from raw.landed where {condition}; "
            "delete from raw.profiled_deliveries; delete from raw.delivery_profiles"
        )
        profile_new_deliveries(self.connection)

    def register(self, sql: str) -> None:
        """Change the register after deliveries landed."""
        self.settle()
        self.is_tampered = True
        self.connection.execute(sql)

    def failed(self, source: str) -> dict[str, CheckResult]:
        """Return the failed checks of a suite."""
        if not self.is_tampered:
            self.settle()
        write_expected_deliveries(self.connection)
        validations = Validations()
        results = {
            "deliveries": lambda: check_deliveries(self.connection, validations, self.now),
            "cur_line_items": lambda: check_line_items(self.connection, validations, _CHARGE_TYPES),
            "delivery_drift": lambda: check_drift(self.connection, validations),
        }[source]()
        return {result.check_id: result for result in results if result.status == "fail"}


@pytest.fixture
def deliveries(tmp_path: Path) -> Iterator[Deliveries]:
    found = Deliveries(Workspace.at(tmp_path / "workspace"))
    yield found
    found.connection.close()


def _with(position: int, **cells: str) -> list[Row]:
    """The sound month with other cells in one row."""
    rows = _month()
    rows[position] |= {name.replace("_", "/", 1): value for name, value in cells.items()}
    return rows


def _without(condition: Callable[[Row], bool], month: int = 1) -> list[Row]:
    """The sound month without some of its rows."""
    return [row for row in _month(month) if not condition(row)]


def _is(column: str, value: str) -> Callable[[Row], bool]:
    return lambda row: row[column] == value


def _cost(rows: Sequence[Row], factor: int) -> list[Row]:
    """Rows of usage that cost a multiple, beside the others as they are."""
    return [
        {**row, "lineItem/UnblendedCost": str(float(row["lineItem/UnblendedCost"]) * factor)}
        if row["lineItem/LineItemType"] == "Usage"
        else row
        for row in rows
    ]


def _land_parts(deliveries: Deliveries, *parts: bytes) -> None:
    land_legacy(deliveries.workspace.landing, "first", list(parts))


def _lose_file(deliveries: Deliveries) -> None:
    (deliveries.land(_month()) / "cur-00001.csv.gz").unlink()


def _drop_column(name: str) -> list[Row]:
    return [{column: cell for column, cell in row.items() if column != name} for row in _month()]


def _rename_column(old: str, new: str) -> list[Row]:
    return [{new if column == old else column: cell for column, cell in row.items()} for row in _month()]


def _excess_decimals(deliveries: Deliveries) -> None:
    (deliveries.workspace.billing / "quality_thresholds.csv").write_text(
        "threshold,payer_account_id,value,start_period,end_period\nexcess_decimals,,0.0000000001,2024-01,\n",
        encoding="utf-8",
    )
    deliveries.land(
        [{**row, "lineItem/UnblendedCost": "0.10000000000000004"} for row in _month()[:5]]
        + [{**row, "lineItem/UnblendedCost": "0.10000000004"} for row in _month()[5:20]]
    )


def _land_net_costs(deliveries: Deliveries, net: float) -> None:
    rows = [
        cur2_row(
            10.0, bill_bill_type="Anniversary", line_item_net_unblended_cost=net, discount_total_discount=net - 10.0
        )
    ]
    land_cur2(deliveries.workspace.landing, "first", [parquet_bytes(rows)])


@dataclass(frozen=True)
class DeliveryDefect:
    """One defect of a delivery.

    Attributes:
        name: what is wrong.
        check_id: the check that must find it.
        inject: how it comes about.
        says: part of what the check says.
    """

    name: str
    check_id: str
    inject: Callable[[Deliveries], object]
    says: str = ""


def _rejected(name: str, says: str, inject: Callable[[Deliveries], object]) -> DeliveryDefect:
    return DeliveryDefect(name, "deliveries__accepted", inject, says)


def _landed(name: str, check_id: str, rows: Callable[[], Sequence[Row]], says: str = "") -> DeliveryDefect:
    return DeliveryDefect(name, check_id, lambda deliveries: deliveries.land(rows()), says)


def _spoiled(name: str, check_id: str, replacement: str, condition: str = "true") -> DeliveryDefect:
    def inject(deliveries: Deliveries) -> None:
        deliveries.land(_month())
        deliveries.spoil(replacement, condition)

    return DeliveryDefect(name, check_id, inject)


def _registered(name: str, check_id: str, sql: str) -> DeliveryDefect:
    def inject(deliveries: Deliveries) -> None:
        deliveries.land(_month())
        deliveries.register(sql)

    return DeliveryDefect(name, check_id, inject)


def _redelivered(name: str, check_id: str, rows: Callable[[], Sequence[Row]], says: str = "") -> DeliveryDefect:
    return DeliveryDefect(name, check_id, lambda deliveries: deliveries.redeliver(rows()), says)


def _next_month(name: str, check_id: str, rows: Callable[[], Sequence[Row]], says: str = "") -> DeliveryDefect:
    return DeliveryDefect(name, check_id, lambda deliveries: deliveries.months(_month(1), rows()), says)


def _late(days: int) -> Callable[[Deliveries], None]:
    def inject(deliveries: Deliveries) -> None:
        deliveries.land([{**row, "bill/InvoiceId": ""} for row in _month()])
        deliveries.now = datetime.now() + timedelta(days=days)

    return inject


def _skip_month(deliveries: Deliveries) -> None:
    deliveries.land(_month(1), "january")
    deliveries.land(_month(3), "march", month=3)


_TYPE = "lineItem/LineItemType"

DELIVERY_DEFECTS = [
    # refused as a whole: the delivery before it stays
    _rejected("truncated gzip", "cur-00001", lambda d: _land_parts(d, packed(_month())[:-200])),
    _rejected("manifest lists a missing file", "missing", _lose_file),
    _rejected("currency other than USD", "EUR", lambda d: d.land(_with(3, lineItem_CurrencyCode="EUR"))),
    _rejected(
        "wrong period", "2024-02", lambda d: d.land(_with(3, bill_BillingPeriodStartDate="2024-02-01T00:00:00Z"))
    ),
    _rejected("null cost", "no unblended cost", lambda d: d.land(_with(3, lineItem_UnblendedCost=""))),
    _rejected("cost that is text", "not a number", lambda d: d.land(_with(3, lineItem_UnblendedCost="convertible"))),
    _rejected(
        "rows of another payer", "several payers", lambda d: d.land(_with(3, bill_PayerAccountId="210987654321"))
    ),
    _rejected(
        "header changed",
        "unblended_cost",
        lambda d: d.land(_rename_column("lineItem/UnblendedCost", "lineItem/Cost")),
    ),
    # taken in, and found by the checks
    DeliveryDefect(
        "doubled file",
        "deliveries__no_file_twice",
        lambda d: _land_parts(d, packed(_month()), packed(_month())),
        "cur-00002",
    ),
    DeliveryDefect(
        "rows delivered twice, packed differently",
        "cur_line_items__no_row_twice",
        lambda d: _land_parts(d, packed(_month()), packed(list(reversed(_month()))[:50])),
        "line-",
    ),
    _landed(
        "duplicate line item ids", "cur_line_items__ids_unique", lambda: [*_month(), {**_month()[0], _TYPE: "Fee"}]
    ),
    DeliveryDefect("float drift", "deliveries__few_excess_decimals", _excess_decimals),
    _landed("unreadable quantity", "deliveries__values_readable", lambda: _with(3, lineItem_UsageAmount="many")),
    DeliveryDefect(
        "empty delivery",
        "deliveries__have_rows",
        lambda d: _land_parts(d, packed([], list(_month()[0]))),
    ),
    DeliveryDefect("deliveries stopped", "deliveries__fresh", _late(3)),
    DeliveryDefect("next month never came", "deliveries__month_arrived", _late(0), "2024-02"),
    DeliveryDefect("month skipped", "deliveries__no_month_missing", _skip_month, "2024-02"),
    _landed("new line item type", "cur_line_items__known_types", lambda: _with(3, lineItem_LineItemType="NewDiscount")),
    _landed("no line item type", "cur_line_items__types_given", lambda: _with(3, lineItem_LineItemType="")),
    _landed("leading zero lost", "cur_line_items__account_ids", lambda: _with(3, lineItem_UsageAccountId="1"), "1"),
    _landed("new bill type", "cur_line_items__known_bill_types", lambda: _with(3, bill_BillType="Mystery"), "Mystery"),
    _landed("no usage date", "cur_line_items__usage_dates", lambda: _with(3, lineItem_UsageStartDate="")),
    _landed(
        "slipped decimal point",
        "cur_line_items__plausible_costs",
        lambda: _with(3, lineItem_UnblendedCost="100000001"),
    ),
    _landed("sign flip of usage", "cur_line_items__signs", lambda: _with(3, lineItem_UnblendedCost="-0.10"), "Usage"),
    _landed("sign flip of a credit", "cur_line_items__signs", lambda: _with(-3, lineItem_UnblendedCost="3"), "Credit"),
    _landed("negative usage", "cur_line_items__usage_not_negative", lambda: _with(3, lineItem_UsageAmount="-1")),
    _landed(
        "negation lost",
        "cur_line_items__savings_plans_cancel",
        lambda: _without(_is(_TYPE, "SavingsPlanNegation")),
        "10.00",
    ),
    _landed(
        "covered usage lost",
        "cur_line_items__reservations_balance",
        lambda: _without(_is(_TYPE, "DiscountedUsage")),
        "5.00",
    ),
    DeliveryDefect("discount that raises the cost", "cur_line_items__net_costs", lambda d: _land_net_costs(d, 11.0)),
    _landed(
        "missing hours",
        "cur_line_items__hours_covered",
        lambda: [row for number, row in enumerate(_month()) if not 100 <= number < 103],
        "missing hours 3",
    ),
    # changed after it landed
    _spoiled("dropped row", "cur_line_items__rows_landed", "*", "identity_line_item_id <> 'line-7'"),
    _spoiled(
        "cost off by 1e-10",
        "cur_line_items__cost_landed",
        "* replace (case when identity_line_item_id = 'line-7' then cast(0.1000000001 as decimal(22, 10)) "
        "else line_item_unblended_cost end as line_item_unblended_cost)",
    ),
    _spoiled(
        "cost gone",
        "cur_line_items__costs_given",
        "* replace (nullif(line_item_unblended_cost, 40) as line_item_unblended_cost)",
    ),
    _spoiled("wrong payer", "cur_line_items__payer", "* replace ('210987654321' as bill_payer_account_id)"),
    _spoiled("other currency", "cur_line_items__usd", "* replace ('CNY' as line_item_currency_code)"),
    _spoiled(
        "row of another period",
        "cur_line_items__billing_period",
        "* replace (timestamp '2023-12-01' as bill_billing_period_start_date)",
    ),
    _registered(
        "delivery registered twice", "deliveries__registered_once", "insert into raw.deliveries from raw.deliveries"
    ),
    _registered(
        "duplicate delivery",
        "deliveries__one_per_month",
        "insert into raw.deliveries select * replace ('other' as delivery_key) from raw.deliveries",
    ),
    _registered(
        "payer id lost a digit", "deliveries__payer_ids", "update raw.deliveries set payer_account_id = '12345678901'"
    ),
    _registered("unknown form", "deliveries__known_forms", "update raw.deliveries set form = 'cur3_avro'"),
    _registered(
        "unknown discount mode",
        "deliveries__known_discount_modes",
        "update raw.deliveries set discount_mode = 'elsewhere'",
    ),
    _registered(
        "period that is no month", "deliveries__whole_months", "update raw.deliveries set billing_period = '2024-01-15'"
    ),
    _registered("file not registered", "deliveries__files_complete", "delete from raw.delivery_files"),
    # beside the last delivery of the same month
    _redelivered("fewer rows", "delivery_drift__rows_kept", lambda: _month()[100:]),
    _redelivered("less cost", "delivery_drift__cost_kept", lambda: _with(744, lineItem_UnblendedCost="20")),
    _redelivered(
        "account gone",
        "delivery_drift__accounts_kept",
        lambda: _without(_is("lineItem/UsageAccountId", _PAYER)),
        _PAYER,
    ),
    _redelivered(
        "service gone",
        "delivery_drift__services_kept",
        lambda: _without(_is("lineItem/ProductCode", "AmazonS3")),
        "AmazonS3",
    ),
    _redelivered("line type gone", "delivery_drift__types_kept", lambda: _without(_is(_TYPE, "Credit")), "Credit"),
    _redelivered(
        "invoiced cost changed",
        "delivery_drift__invoiced_cost_kept",
        lambda: _with(3, lineItem_UnblendedCost="0.1000000001"),
        "4711",
    ),
    _redelivered(
        "late charge in a final month",
        "delivery_drift__final_month_kept",
        lambda: [*_month(), _row(5000, "1", datetime(2024, 1, 9), bill_InvoiceId="4712")],
    ),
    _redelivered(
        "price column dropped",
        "delivery_drift__columns_kept",
        lambda: _drop_column("pricing/publicOnDemandCost"),
        "pricing_public_on_demand_cost",
    ),
    # beside the month before
    _next_month("half of the rows", "delivery_drift__rows_like_before", lambda: [*_month(2)[:200], *_month(2)[690:]]),
    _next_month("usage costs thrice", "delivery_drift__cost_like_before", lambda: _cost(_month(2), 3)),
    _next_month(
        "account stopped",
        "delivery_drift__accounts_like_before",
        lambda: _without(_is("lineItem/UsageAccountId", _PAYER), 2),
        _PAYER,
    ),
    _next_month(
        "service stopped",
        "delivery_drift__services_like_before",
        lambda: _without(_is("lineItem/ProductCode", "AmazonS3"), 2),
        "AmazonS3",
    ),
    _next_month("no taxes", "delivery_drift__types_like_before", lambda: _without(_is(_TYPE, "Tax"), 2), "Tax"),
]


def test_clean_deliveries_pass_every_check(deliveries: Deliveries) -> None:
    """Two sound months, each delivered twice."""
    deliveries.months(_month(1), _month(2))
    deliveries.settle()
    deliveries.land([*reversed(_month(1))], "january again")
    deliveries.land([*reversed(_month(2))], "february again", month=2)
    deliveries.settle()
    now = datetime(2024, 3, 2)
    results = check_raw(deliveries.connection, _CHARGE_TYPES, now)
    assert {result.check_id: result.detail for result in results if result.status == "fail"} == {}
    assert {result.check_id for result in results} == {
        each.check_id for each in catalogue().values() if each.layer == "raw"
    }


def test_rows_that_cost_nothing_or_differ_in_what_they_are_about_do_not_block(deliveries: Deliveries) -> None:
    """The same rows with another resource, or at no cost at all, are no row twice; with a public price they are."""
    free = {"pricing_publicOnDemandCost": "0", "identity_LineItemId": "free"}
    start = datetime(2024, 1, 1)
    rows = [*_month(), *[_row(1, "0", start, **free)] * 2, *_with_resources("one", "two")]
    deliveries.land(rows)
    assert "cur_line_items__no_row_twice" not in deliveries.failed("cur_line_items")
    covered = _row(1, "0", start, identity_LineItemId="covered", pricing_publicOnDemandCost="3")
    deliveries.land([*rows, covered, covered], "second")
    assert "covered" in deliveries.failed("cur_line_items")["cur_line_items__no_row_twice"].detail


def _with_resources(*names: str) -> list[Row]:
    """One row per resource, alike in everything else."""
    same = {"identity_LineItemId": "same", "lineItem_ResourceId": ""}
    return [_row(1, "1", datetime(2024, 1, 1), **(same | {"lineItem_ResourceId": name})) for name in names]


def test_clean_net_costs_pass(deliveries: Deliveries) -> None:
    _land_net_costs(deliveries, 9.0)
    assert deliveries.failed("cur_line_items") == {}


@pytest.mark.parametrize("defect", DELIVERY_DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_of_a_delivery_is_caught(deliveries: Deliveries, defect: DeliveryDefect) -> None:
    defect.inject(deliveries)
    failed = deliveries.failed(catalogue()[defect.check_id].source)
    assert defect.check_id in failed, sorted(failed)
    result = failed[defect.check_id]
    assert defect.says in result.detail
    # Who looks for it must be told where.
    assert result.failure_count >= 1
    assert result.failures


@dataclass(frozen=True)
class LayerDefect:
    """One defect between two layers of a built warehouse.

    Attributes:
        name: what is wrong.
        check_id: the check that must find it.
        sql: how it comes about.
    """

    name: str
    check_id: str
    sql: str


def _first(table: str, condition: str) -> str:
    return f"where rowid = (select min(rowid) from {table} where {condition})"


def _changed(name: str, check_id: str, table: str, change: str, condition: str = "true") -> LayerDefect:
    return LayerDefect(name, check_id, f"update {table} set {change} {_first(table, condition)}")


def _lost(name: str, check_id: str, table: str, condition: str = "true") -> LayerDefect:
    return LayerDefect(name, check_id, f"delete from {table} {_first(table, condition)}")


def _doubled(name: str, check_id: str, table: str, condition: str = "true") -> LayerDefect:
    return LayerDefect(name, check_id, f"insert into {table} select * from {table} {_first(table, condition)}")


_GRAIN = "intermediate.int_usage_grain"
_DOCUMENT = """
insert into ledger.documents by name
select
    1 as document_id, 'RS-2026-000001' as number, 'issuer' as issuer_id, 'RS' as series, 2026 as year,
    {sequence} as sequence, 'invoice' as kind, date '2026-08-01' as billing_period, 'nobody' as billing_group_id,
    1 as revision, 'USD' as currency, 2 as minor_units, 1 as fx_rate, 10 as net_amount, 0 as credit_amount,
    10 as taxable_amount, 2 as tax_amount, {total} as total_amount;
insert into ledger.document_lines by name
select 1 as document_id, 1 as line_number, 'usage' as line_kind, 10 as net_amount, 0 as credit_amount;
insert into ledger.document_taxes by name select 1 as document_id, 1 as tax_number, 'S' as tax_category, 2 as tax_amount
"""

LAYER_DEFECTS = [
    _changed("split cost counted twice", "usage_grain__rows", _GRAIN, "row_count = row_count + 1"),
    _changed("cost off by 1e-10", "usage_grain__cost", _GRAIN, "unblended_cost = unblended_cost + 0.0000000001"),
    _changed(
        "discount of a column lost",
        "usage_grain__discounts",
        _GRAIN,
        "negotiated_discount_cost = 0",
        "negotiated_discount_cost <> 0",
    ),
    LayerDefect(
        "delivery withdrawn after it was summed",
        "usage_grain__payers",
        "update raw.deliveries set status = 'superseded' where payer_account_id = '256039471182'",
    ),
    _lost("charge lost", "charges__grain", "marts.fct_charges"),
    _doubled("charge doubled", "charges__grain", "marts.fct_charges"),
    _changed(
        "withheld without a reason",
        "charges__reasons",
        "marts.fct_charges",
        "treatment_reason = ''",
        "treatment = 'withheld'",
    ),
    _changed(
        "withheld and billed at once",
        "charges__billed_beside",
        "marts.fct_charges",
        "billed_cost = 1",
        "treatment = 'withheld'",
    ),
    _changed(
        "charge changed after rating",
        "charges__factors",
        "marts.fct_charges",
        "billed_cost = billed_cost + 0.01",
        "rating_factor is not null and treatment = 'billed'",
    ),
    _changed("charge without list cost", "charges__complete", "marts.fct_charges", "list_cost = null"),
    _lost("day of a service lost", "daily_costs__charges", "marts.fct_daily_costs", "aws_cost <> 0"),
    _changed(
        "shared cost billed at more than it is",
        "group_charges__spread",
        "marts.fct_group_charges",
        "billed_cost = billed_cost + 0.01",
        "source_id = 'shared-platform'",
    ),
    _changed(
        "fixed cost split to less than it is",
        "group_charges__parts",
        "marts.fct_group_charges",
        "billed_cost = billed_cost - 0.0000000001",
        "source_id = 'billing-desk'",
    ),
    _changed(
        "other percentage charged",
        "group_charges__percentages",
        "marts.fct_group_charges",
        "percentage = percentage + 1",
        "percentage is not null and base_amount <> 0",
    ),
    _changed(
        "true-up below the minimum",
        "group_charges__commitments",
        "marts.fct_group_charges",
        "billed_cost = billed_cost - 0.01",
        "kind = 'minimum_commitment'",
    ),
    _doubled("item charged twice", "group_charges__unique", "marts.fct_group_charges"),
    _changed(
        "policy priced otherwise",
        "group_charges__policies",
        "marts.fct_commitment_policies",
        "difference = difference + 0.01",
        "is_applied",
    ),
    _lost("invoice line lost", "invoice_lines__charges", "marts.fct_invoice_lines"),
    _doubled("invoice line doubled", "invoice_lines__unique", "marts.fct_invoice_lines"),
    _changed(
        "rounded twice",
        "invoice_lines__rounding",
        "marts.fct_invoice_lines",
        "rounding_difference = 0.6",
    ),
    _changed(
        "net amount off by a cent",
        "invoice_lines__converted",
        "marts.fct_invoice_lines",
        "net_amount = net_amount + 0.01",
        "currency = 'USD'",
    ),
    _changed(
        "exchange rate wrong",
        "invoice_lines__rates",
        "marts.fct_invoice_lines",
        "fx_rate = fx_rate + 0.0001",
        "currency <> 'USD'",
    ),
    _lost("account of a line lost", "invoices__accounts", "marts.fct_invoice_line_accounts", "net_amount <> 0"),
    LayerDefect(
        "cent to the wrong account",
        "invoices__largest_remainder",
        """
        update marts.fct_invoice_line_accounts as parts
        set net_amount = parts.net_amount + case when parts.sub_account_id = ends.first_account then 1 else -1 end
        from (
            select
                invoice_line_key, min(sub_account_id) as first_account, max(sub_account_id) as last_account
            from marts.fct_invoice_line_accounts
            group by invoice_line_key
            having count(*) > 1
            order by invoice_line_key
            limit 1
        ) as ends
        where
            parts.invoice_line_key = ends.invoice_line_key
            and parts.sub_account_id in (ends.first_account, ends.last_account)
        """,
    ),
    _lost("tax part of a line lost", "invoices__tax_parts", "marts.fct_invoice_line_taxes"),
    _changed(
        "invoice total changed",
        "invoices__totals",
        "intermediate.int_invoice_drafts",
        "total_amount = total_amount + 1",
    ),
    _changed(
        "credit larger than its line",
        "invoices__credits_in_lines",
        "marts.fct_invoice_lines",
        "credit_amount = -net_amount - 1",
        "net_amount > 0",
    ),
    LayerDefect(
        "credit over-drawn",
        "invoices__credits_in_grants",
        "update billing.credits set amount = 0.01 where credit_id in "
        "(select credit_id from marts.fct_credit_ledger where state = 'draft' and amount < -1)",
    ),
    _lost("draw of a credit lost", "invoices__draws", "marts.fct_credit_ledger", "amount < 0 and state = 'draft'"),
    _changed(
        "tax not base x rate",
        "taxes__amounts",
        "marts.fct_invoice_taxes",
        "tax_amount = tax_amount + 1",
        "tax_rate > 0",
    ),
    _changed(
        "tax on another base",
        "taxes__bases",
        "marts.fct_invoice_taxes",
        "taxable_amount = taxable_amount + 100",
    ),
    _lost("part of the margin lost", "margin__parts", "marts.fct_margin", "amount <> 0"),
    _changed(
        "residual of a payer",
        "reconciliation__residual",
        "marts.fct_reconciliation",
        "residual = 0.0000000001",
    ),
    _lost("line lost before its document", "reconciliation__documents", "marts.fct_invoice_lines"),
    _changed(
        "AWS invoice lost a row",
        "reconciliation__aws_invoices",
        "marts.fct_aws_invoices",
        "cur_amount = cur_amount + 1",
    ),
    _changed(
        "difference without a reason",
        "reconciliation__differences",
        "marts.fct_aws_invoices",
        "difference = 1, left_out_difference = 0, rounding_difference = 0, residual = 0",
    ),
    LayerDefect("document total changed", "documents__totals", _DOCUMENT.format(sequence=1, total=13)),
    LayerDefect("document number skipped", "documents__numbers", _DOCUMENT.format(sequence=2, total=12)),
]


@dataclass
class Built:
    """A warehouse that a run has built and found sound, and the tests that dbt compiled for it."""

    workspace: Workspace
    tests: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    workspace, _expectations = built_sample(tmp_path_factory, tmp_path_factory.mktemp("built") / "workspace")
    results = json.loads((workspace.warehouse / "dbt" / "run_results.json").read_text(encoding="utf-8"))["results"]
    return Built(
        workspace,
        {
            result["unique_id"].split(".")[2]: result["compiled_code"]
            for result in results
            if result["unique_id"].startswith("test.")
        },
    )


def test_a_clean_month_passes_every_check(built: Built) -> None:
    with duckdb.connect(built.workspace.published_file, read_only=True) as connection:
        found = connection.execute("select check_id, status, detail from marts.fct_check_results").fetchall()
    assert {check_id: detail for check_id, status, detail in found if status != "pass"} == {}
    assert {check_id for check_id, _status, _detail in found} == set(catalogue())


@pytest.mark.parametrize("defect", LAYER_DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_between_layers_is_caught(built: Built, tmp_path: Path, defect: LayerDefect) -> None:
    compiled = built.tests[catalogue()[defect.check_id].source]
    copy = tmp_path / built.workspace.warehouse_file.name
    shutil.copyfile(built.workspace.warehouse_file, copy)
    with duckdb.connect(copy) as connection:
        assert failing_rows(connection, compiled) == {}
        connection.execute(defect.sql)
        found = failing_rows(connection, compiled)
    assert defect.check_id in found, sorted(found)


def test_every_check_has_a_defect() -> None:
    """A check that nothing can make fail is none."""
    caught = {defect.check_id for defect in DELIVERY_DEFECTS} | {defect.check_id for defect in LAYER_DEFECTS}
    assert caught == set(catalogue())


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (
            "billing_terms.csv",
            "two,2015-12,,standard,on_demand",
            "one,2016-01,,standard,owner_group,pass,pass_through,pass_through,,pass_through,withhold,withhold,,withhold,"
            "recompute\ntwo,2015-12,,standard,on_demand",
            "overlap",
        ),
        ("account_assignments.csv", f"{_MEMBER},two", f"{_PAYER},two,2016-01-01,\n{_MEMBER},two", "overlap"),
        (
            "fx_rates.csv",
            "2018-10,USD,EUR,0.8712,ECB",
            "2018-10,USD,EUR,0.8712,ECB\n2018-10,USD,EUR,0.9,ECB",
            "fx_rates",
        ),
    ],
    ids=["overlapping terms", "account in two groups", "two rates for one month"],
)
def test_a_defect_of_the_configuration_is_refused(tmp_path: Path, file: str, old: str, new: str, says: str) -> None:
    workspace = Workspace.at(tmp_path)
    write_billing(workspace, _PAYER, _MEMBER)
    rewrite(workspace, file, old, new)
    with pytest.raises(ConfigurationError, match=file) as refused:
        read_configuration(workspace.billing)
    assert says in str(refused.value)


def test_a_failed_check_stops_publishing_and_is_shown(built: Built, tmp_path: Path) -> None:
    """A grain that was changed on disk, met by a run that prices it again: the pages keep the last sound numbers."""
    workspace = Workspace.at(tmp_path / "workspace")
    for folder in ("billing", "landing", "warehouse", "published"):
        shutil.copytree(built.workspace.root / folder, workspace.root / folder)
    with duckdb.connect(workspace.warehouse_file) as connection:
        connection.execute(f"update {_GRAIN} set unblended_cost = unblended_cost + 1 {_first(_GRAIN, 'true')}")
    before = workspace.published_file.read_bytes()
    rewrite(workspace, "pricing_rules.csv", ",MARKUP,", ",MARKUP,1")

    with pytest.raises(CheckError, match=r"(?s)nothing was published.*The grain holds the cost that landed"):
        run_new(workspace)

    assert workspace.published_file.read_bytes() == before
    with duckdb.connect(workspace.failed_checks_file, read_only=True) as connection:
        failures = connection.execute(
            "select failing_row, found from marts.fct_check_failures where check_id = 'usage_grain__cost'"
        ).fetchall()
        passed = connection.execute("select count(*) from marts.fct_check_results where status = 'pass'").fetchone()
    assert len(failures) == 1
    assert passed is not None
    assert passed[0] > 50
