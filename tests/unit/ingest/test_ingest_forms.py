"""The other forms AWS writes: CUR 2.0 with its maps, in Parquet and in CSV, discounts in columns, and FOCUS."""

import json
from decimal import Decimal

import pytest

from tests.unit.ingest.conftest import Warehouse
from tests.unit.ingest.landed_cur import (
    PAYER,
    cur2_row,
    land_cur2,
    land_legacy,
    legacy_row,
    packed,
    parquet_bytes,
)

MAPS: dict[str, dict[str, str]] = {
    "product": {"product_name": "Elastic Compute", "region": "eu-west-1"},
    "resource_tags": {"user:CostCenter": "blue", "aws:createdBy": "me"},
    "cost_category": {"Team": "red"},
}
SEEN = (
    "product_product_name, product_region, product_sku, product['region'], resource_tags, cost_category, "
    "discount['edp_discount']"
)
EXPECTED = (
    *("Elastic Compute", "eu-west-1", "", "eu-west-1"),
    {"user_cost_center": "blue", "aws_created_by": "me"},
    {"team": "red"},
    Decimal("-0.1"),
)


def cur2_text(rows: list[dict[str, object]]) -> bytes:
    """Return rows of CUR 2.0 as AWS writes them in CSV: maps are JSON text."""
    texts = []
    for row in rows:
        texts.append({
            name: json.dumps(value) if isinstance(value, dict) else "" if value is None else str(value)
            for name, value in row.items()
        })  # fmt: skip
    return packed(texts)


def as_pairs(row: dict[str, object]) -> dict[str, object]:
    return {name: list(value.items()) if isinstance(value, dict) else value for name, value in row.items()}


@pytest.mark.parametrize("form", ["cur2_parquet", "cur2_csv"])
def test_maps_of_cur2(warehouse: Warehouse, form: str) -> None:
    rows = [
        cur2_row(1.5, **MAPS, discount={"edp_discount": -0.1}),
        cur2_row(0.25, product=None, resource_tags={}, cost_category=None, discount={}),
    ]
    if form == "cur2_parquet":
        land_cur2(warehouse.landing, "a", [parquet_bytes([as_pairs(row) for row in rows])])
    else:
        land_cur2(warehouse.landing, "a", [cur2_text(rows)], ending="csv.gz")
    result = warehouse.sync()
    assert result.rejected == ()
    assert warehouse.query("select form, row_count, unblended_cost, bad_value_row_count from raw.deliveries") == [
        (form, 2, Decimal("1.75"), 0)
    ]
    assert warehouse.query(f"select {SEEN} from raw.cur_line_items order by source_row_number") == [
        EXPECTED,
        ("", "", "", None, {}, None, None),
    ]


def test_a_cur2_query_that_looks_like_legacy_is_cur2_by_its_manifest(warehouse: Warehouse) -> None:
    row = cur2_row(1.0, resource_tags_user_team="red")
    del row["bill_payer_account_name"]
    land_cur2(warehouse.landing, "a", [parquet_bytes([row])])
    warehouse.sync()
    assert warehouse.query("select form from raw.deliveries") == [("cur2_parquet",)]
    assert warehouse.query("select resource_tags, resource_tags_user_team from raw.cur_line_items") == [
        ({"user_team": "red"}, "red")
    ]


def test_nulls_of_parquet_are_empty_text(warehouse: Warehouse) -> None:
    rows = [cur2_row(1.0, bill_invoice_id=None), cur2_row(2.0, bill_invoice_id="x")]
    land_cur2(warehouse.landing, "a", [parquet_bytes(rows)])
    warehouse.sync()
    assert warehouse.query("select bill_invoice_id from raw.cur_line_items order by 1") == [("",), ("x",)]
    assert warehouse.query("select open_row_count, open_cost from raw.deliveries") == [(1, Decimal(1))]


def test_bad_numbers_in_parquet_are_shown_with_their_row(warehouse: Warehouse) -> None:
    rows = [
        cur2_row(1.0, reservation_number_of_reservations="two", pricing_public_on_demand_cost=float("inf")),
        cur2_row(2.0, reservation_number_of_reservations="", pricing_public_on_demand_cost=float("nan")),
    ]
    land_cur2(warehouse.landing, "a", [parquet_bytes(rows), parquet_bytes([cur2_row(3.0)])])
    warehouse.sync()
    assert warehouse.query("select bad_value_row_count from raw.deliveries") == [(1,)]
    assert warehouse.query(
        "select line_item_unblended_cost, bad_values, pricing_public_on_demand_cost from raw.cur_line_items order by 1"
    ) == [
        (
            Decimal(1),
            {"reservation_number_of_reservations": "two", "pricing_public_on_demand_cost": "inf"},
            None,
        ),
        (Decimal(2), None, None),
        (Decimal(3), None, None),
    ]


@pytest.mark.parametrize("cost", [None, float("nan")])
def test_a_parquet_row_without_cost_refuses_the_delivery(warehouse: Warehouse, cost: float | None) -> None:
    land_cur2(warehouse.landing, "a", [parquet_bytes([cur2_row(1.0), cur2_row(cost)])])
    assert "cur2-00001.snappy.parquet, row 2 has no unblended cost" in warehouse.sync().rejected[0].reason


def test_doubles_are_rounded_once_and_counted(warehouse: Warehouse) -> None:
    land_cur2(warehouse.landing, "a", [parquet_bytes([cur2_row(1.00000000004), cur2_row(0.1)])])
    warehouse.sync()
    assert warehouse.query(
        "select unblended_cost, excess_decimal_row_count, excess_decimal_sum from raw.deliveries"
    ) == [(Decimal("1.1"), 1, Decimal("4E-11"))]


# --- discounts (C2) ----------------------------------------------------------------------------------------------

DISCOUNT = {"line_item_net_unblended_cost": 0.9, "discount_total_discount": -0.1}
NO_DISCOUNT = {"line_item_net_unblended_cost": 1.0, "discount_total_discount": 0.0}


@pytest.mark.parametrize(
    ("rows", "mode", "net"),
    [
        # The discount stands in columns: without them the customer would be billed the price before discount.
        ([cur2_row(1.0, **DISCOUNT), cur2_row(1.0, **NO_DISCOUNT)], "columns", "1.9"),
        # 0 is how Parquet writes a missing net cost; only a named discount makes it real.
        (
            [
                cur2_row(1.0, **DISCOUNT),
                cur2_row(1.0, line_item_net_unblended_cost=0.0, discount_total_discount=0.0),
                cur2_row(1.0, line_item_net_unblended_cost=None, discount_total_discount=None),
                cur2_row(1.0, line_item_net_unblended_cost=0.0, discount_total_discount=-1.0),
            ],
            "columns",
            "2.9",
        ),
        # The same discount as a row of its own: counting the net cost too would give it twice.
        (
            [cur2_row(1.0, **DISCOUNT), cur2_row(-0.1, line_item_line_item_type="EdpDiscount", **NO_DISCOUNT)],
            "rows",
            "0.9",
        ),
        ([cur2_row(1.0, **NO_DISCOUNT)], "none", "1.0"),
        ([cur2_row(1.0)], "rows", "1.0"),
        # The query left the discount columns out, but the net cost tells.
        ([cur2_row(1.0, line_item_net_unblended_cost=0.8)], "columns", "0.8"),
        ([cur2_row(1.0, discount=[("edp_discount", -0.1)], line_item_net_unblended_cost=0.9)], "columns", "0.9"),
        # An unknown type is no discount type because it sounds like one.
        ([cur2_row(-1.0, line_item_line_item_type="NewDiscount", **NO_DISCOUNT)], "columns", "1.0"),
    ],
)
def test_discount_mode_of_cur2(warehouse: Warehouse, rows: list[dict[str, object]], mode: str, net: str) -> None:
    land_cur2(warehouse.landing, "a", [parquet_bytes(rows)])
    warehouse.sync()
    assert warehouse.query("select discount_mode, net_unblended_cost from raw.deliveries") == [(mode, Decimal(net))]
    assert warehouse.query("select distinct discount_mode from raw.cur_line_items") == [(mode,)]


def test_legacy_discounts_are_always_rows(warehouse: Warehouse) -> None:
    land_legacy(warehouse.landing, "a", [[legacy_row("1", lineItem_NetUnblendedCost="0.9")]])
    warehouse.sync()
    assert warehouse.query("select discount_mode, net_unblended_cost from raw.deliveries") == [("rows", Decimal(1))]


# --- FOCUS (C4) --------------------------------------------------------------------------------------------------

ARN = "arn:aws:ec2:us-east-1:123456789012:reserved-instances/1"
PLAN = "arn:aws:savingsplans::123456789012:savingsplan/1"


def focus_row(billed: str, **cells: str) -> dict[str, str]:
    row = {
        "BilledCost": billed,
        "BillingAccountId": PAYER,
        "BillingCurrency": "USD",
        "BillingPeriodStart": "2024-01-01 00:00:00",
        "BillingPeriodEnd": "2024-02-01 00:00:00",
        "ChargeCategory": "Usage",
        "ChargeDescription": "NULL",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": "2024-01-05 00:00:00",
        "CommitmentDiscountId": "NULL",
        "CommitmentDiscountStatus": "NULL",
        "CommitmentDiscountType": "NULL",
        "ConsumedQuantity": "2",
        "ConsumedUnit": "Hrs",
        "EffectiveCost": billed,
        "InvoiceId": "NULL",
        "InvoiceIssuerName": "Amazon Web Services, Inc.",
        "ListCost": "3",
        "PricingQuantity": "4",
        "PricingUnit": "Units",
        "PublisherName": "Amazon Web Services, Inc.",
        "RegionId": "eu-west-1",
        "ServiceName": "Amazon Elastic Compute Cloud",
        "SubAccountId": "000000000001",
        "Tags": '{"CostCenter": "blue", "aws:createdBy": "me"}',
        "x_ServiceCode": "AmazonEC2",
        "x_UsageType": "BoxUsage",
        "x_Anything": "kept",
        "x_Nothing": "NULL",
    }
    return row | cells


COVERED = {"CommitmentDiscountStatus": "Used", "EffectiveCost": "0.4"}
UNUSED = {"CommitmentDiscountStatus": "Unused", "EffectiveCost": "0.6"}
FEE = {"ChargeCategory": "Purchase", "ChargeFrequency": "Recurring"}
UPFRONT = {"ChargeCategory": "Purchase", "ChargeFrequency": "One-Time"}
RI = {"CommitmentDiscountId": ARN, "CommitmentDiscountType": "Reserved"}
SP = {"CommitmentDiscountId": PLAN, "CommitmentDiscountType": "Savings Plan"}


FOCUS_CASES: list[tuple[dict[str, str], str, dict[str, object]]] = [
    ({}, "Usage", {"pricing_public_on_demand_cost": Decimal(3), "line_item_usage_amount": Decimal(2)}),
    ({}, "Usage", {"x_anything": "kept", "x_nothing": None}),
    (RI | COVERED, "DiscountedUsage", {"reservation_effective_cost": Decimal("0.4")}),
    (SP | COVERED, "SavingsPlanCoveredUsage", {"savings_plan_savings_plan_effective_cost": Decimal("0.4")}),
    (
        RI | UNUSED,
        "RIFee",
        {"reservation_unused_recurring_fee": Decimal("0.6"), "pricing_public_on_demand_cost": None},
    ),
    (
        SP | UNUSED,
        "SavingsPlanRecurringFee",
        {"savings_plan_total_commitment_to_date": Decimal("0.6"), "savings_plan_used_commitment": Decimal(0)},
    ),
    # The fee row itself has nothing unused, or the unused part would be billed twice.
    (RI | FEE, "RIFee", {"reservation_unused_recurring_fee": Decimal(0)}),
    (SP | FEE, "SavingsPlanRecurringFee", {"savings_plan_total_commitment_to_date": Decimal(0)}),
    (RI | UPFRONT, "Fee", {"reservation_reservation_a_r_n": ARN, "bill_bill_type": "Purchase"}),
    (SP | UPFRONT, "SavingsPlanUpfrontFee", {"savings_plan_savings_plan_a_r_n": PLAN}),
    (UPFRONT, "Fee", {"reservation_reservation_a_r_n": "", "savings_plan_savings_plan_a_r_n": ""}),
    ({"ChargeCategory": "Tax"}, "Tax", {"pricing_public_on_demand_cost": None}),
    ({"ChargeCategory": "Credit"}, "Credit", {}),
    ({"ChargeCategory": "Credit", "ChargeDescription": "Refund for x"}, "Refund", {"bill_bill_type": "Refund"}),
    ({"ChargeCategory": "Adjustment", "ChargeDescription": "Enterprise Discount Program"}, "EdpDiscount", {}),
    ({"ChargeCategory": "Adjustment", "ChargeDescription": "some discount"}, "Discount", {}),
    ({"ChargeCategory": "Adjustment", "BilledCost": "-1"}, "Refund", {}),
    # Money out of nowhere stays unknown, and so in quarantine.
    ({"ChargeCategory": "Adjustment", "BilledCost": "1"}, "Adjustment", {}),
    ({"PublisherName": "Red Hat Inc."}, "Usage", {"bill_billing_entity": "AWS Marketplace"}),
    (
        {"ConsumedQuantity": "NULL"},
        "Usage",
        {"line_item_usage_amount": Decimal(4), "pricing_unit": "Units"},
    ),
    ({"SubAccountId": "NULL"}, "Usage", {"line_item_usage_account_id": PAYER}),
]


def test_focus_rows_become_cur_rows(warehouse: Warehouse) -> None:
    rows = [focus_row("0" if "CommitmentDiscountStatus" in cells else "1", **cells) for cells, _, _ in FOCUS_CASES]
    land_cur2(warehouse.landing, "a", [packed(rows)], ending="csv.gz")
    result = warehouse.sync()
    assert result.rejected == ()
    assert warehouse.query("select form from raw.deliveries") == [("focus_csv",)]
    for number, (cells, line_item_type, checked) in enumerate(FOCUS_CASES, start=1):
        names = ["line_item_line_item_type", *checked]
        found = warehouse.query(f"select {', '.join(names)} from raw.cur_line_items where source_row_number = {number}")
        assert found == [(line_item_type, *checked.values())], cells


@pytest.mark.parametrize("form", ["focus_csv", "focus_parquet"])
def test_focus_in_csv_and_parquet_reads_the_same(warehouse: Warehouse, form: str) -> None:
    rows = [focus_row("1.5"), focus_row("0", **(SP | COVERED)), focus_row("-2", ChargeCategory="Credit")]
    if form == "focus_csv":
        land_cur2(warehouse.landing, "a", [packed(rows)], ending="csv.gz")
    else:
        land_cur2(warehouse.landing, "a", [parquet_bytes(rows)])
    warehouse.sync()
    assert warehouse.query(
        "select form, unblended_cost, discount_mode, open_row_count, bad_value_row_count from raw.deliveries"
    ) == [(form, Decimal("-0.5"), "none", 2, 0)]
    assert warehouse.query(
        "select line_item_line_item_type, line_item_unblended_cost, savings_plan_savings_plan_a_r_n, resource_tags, "
        "line_item_usage_start_date::varchar, x_anything, bill_invoice_id from raw.cur_line_items order by 1"
    ) == [
        (kind, cost, arn, {"user_cost_center": "blue", "aws_created_by": "me"}, "2024-01-05 00:00:00", "kept", "")
        for kind, cost, arn in [
            ("Credit", Decimal(-2), ""),
            ("SavingsPlanCoveredUsage", Decimal(0), PLAN),
            ("Usage", Decimal("1.5"), ""),
        ]
    ]


def test_a_bad_focus_value_is_named_by_the_column_a_rule_reads(warehouse: Warehouse) -> None:
    land_cur2(
        warehouse.landing,
        "a",
        [packed([focus_row("0", **(RI | COVERED | {"EffectiveCost": "x"})), focus_row("1", EffectiveCost="x")])],
        ending="csv.gz",
    )
    warehouse.sync()
    # Plain usage has no effective cost that a rule reads, so nothing is wrong with its row.
    assert warehouse.query("select bad_values from raw.cur_line_items order by source_row_number") == [
        ({"reservation_effective_cost": "x"},),
        (None,),
    ]
