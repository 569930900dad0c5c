"""Which rows a charge is of, and what each costs, on a few rows made by hand."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.exports.analyses import analysis_sql
from orchestration.settings import PROJECT_ROOT

_AMOUNTS = ("usage_quantity", "unblended_cost", "public_on_demand_cost", "effective_cost")
_DISCOUNTS = ("bundled_discount_cost", "negotiated_discount_cost")
_KEY = ("billing_account_id", "sub_account_id", "line_item_type", "billing_entity", "service_code", "usage_type")
_KEY_REST = ("operation", "region_id", "usage_unit", "commitment_id")
_WORDS = ("line_item_id", "time_interval", "bill_type", "availability_zone", "resource_id", "line_item_description")


def _columns(names: tuple[str, ...], kind: str) -> str:
    return "".join(f", {name} {kind}" for name in names)


@pytest.fixture(scope="module")
def world() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set variable billing_period = date '2026-09-01'; set variable billing_group_id = 'lumen'")
        for schema in ("staging", "marts", "seeds", "billing", "ledger"):
            connection.execute(f"create schema {schema}")
        connection.execute(
            "create table staging.stg_cur__line_items (billing_period date, delivery_key varchar, source_file varchar, "
            "source_row_number bigint, discount_mode varchar, membership_date date, is_split_cost boolean, "
            "has_reservation boolean, public_price varchar, bad_values map(varchar, varchar), service_name varchar, "
            "usage_start_at timestamp, usage_end_at timestamp, resource_tags map(varchar, varchar)"
            f"{_columns((*_KEY, *_KEY_REST, *_WORDS), 'varchar')}"
            f"{_columns((*_AMOUNTS, *_DISCOUNTS), 'decimal(22,10)')})"
        )
        connection.execute(
            "create table marts.fct_charges (billing_period date, billing_group_id varchar, charge_date date, "
            "charge_type varchar, list_cost_source varchar, rating_path varchar, pricing_rule_id varchar, "
            "treatment varchar, service_name varchar, row_count bigint, list_cost decimal(38,10), "
            "rating_base decimal(38,10), rating_factor decimal(22,10), billed_cost decimal(38,20)"
            f"{_columns((*_KEY, *_KEY_REST), 'varchar')})"
        )
        connection.execute(
            "create table marts.fct_group_charges (billing_period date, billing_group_id varchar, kind varchar, "
            "source_id varchar, sub_account_id varchar, service_code varchar, part varchar, description varchar, "
            "billed_cost decimal(38,24)); "
            "create table billing.pricing_rules (pricing_rule_id varchar, rule_type varchar); "
            "insert into billing.pricing_rules values ('tiers', 'TIERED'), ('markup', 'MARKUP'); "
            "create table billing.billing_groups (billing_group_id varchar, primary_account_id varchar); "
            "insert into billing.billing_groups values ('lumen', '111122223333'); "
            "create table ledger.documents "
            "(billing_period date, billing_group_id varchar, revision bigint, number varchar)"
        )
        for seed in ("charge_types", "charge_type_columns"):
            file = PROJECT_ROOT / "dbt_project" / "seeds" / f"{seed}.csv"
            connection.execute(f"create table seeds.{seed} as from read_csv('{file}', header = true)")
        yield connection


_SHARED = {
    "billing_period": "2026-09-01",
    "billing_account_id": "999988887777",
    "sub_account_id": "111122223333",
    "line_item_type": "Usage",
    "billing_entity": "AWS",
    "service_code": "AmazonS3",
    "usage_type": "TimedStorage-ByteHrs",
    "operation": "StandardStorage",
    "region_id": "us-east-1",
    "usage_unit": "GB-Mo",
    "commitment_id": "",
    "service_name": "Amazon Simple Storage Service",
}


def _insert(world: duckdb.DuckDBPyConnection, table: str, values: dict[str, Any]) -> None:
    marks = ", ".join("?" for _ in values)
    world.execute(f"insert into {table} ({', '.join(values)}) values ({marks})", list(values.values()))


def _rated(
    world: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]], charges: list[dict[str, Any]]
) -> list[tuple[Any, ...]]:
    """The rows of a pro forma CUR: (name of the row, line item type, cost, charge's cost), by name."""
    for table in ("staging.stg_cur__line_items", "marts.fct_charges"):
        world.execute(f"delete from {table}")
    for number, row in enumerate(rows, start=1):
        fixed = {"delivery_key": "d", "source_file": "f", "source_row_number": number, "membership_date": "2026-09-05"}
        fixed |= {"is_split_cost": False, "has_reservation": False, "public_price": "public", "discount_mode": "rows"}
        fixed |= dict.fromkeys((*_AMOUNTS, *_DISCOUNTS), 0)
        _insert(world, "staging.stg_cur__line_items", {**_SHARED, **fixed, "line_item_id": f"row {number}", **row})
    for charge in charges:
        given_values = {"billing_group_id": "lumen", "charge_type": "usage", "treatment": "billed", "row_count": 1}
        given_values |= {"rating_path": "on_demand", "list_cost_source": "public_on_demand_cost", "pricing_rule_id": ""}
        _insert(world, "marts.fct_charges", {**_SHARED, **given_values, "rating_factor": 1, "list_cost": 1, **charge})
    return world.execute(
        "select identity_line_item_id, line_item_line_item_type, line_item_unblended_cost, charge_billed_cost "
        f"from ({analysis_sql('pro_forma_cur')}) order by row_key, is_discount"
    ).fetchall()


def test_an_unreadable_row_beside_a_billed_one_is_left_out(world: duckdb.DuckDBPyConnection) -> None:
    bad = {"public_on_demand_cost": 5, "bad_values": {"pricing_public_on_demand_cost": "convertible"}}
    unread = {"public_on_demand_cost": 7, "bad_values": {"reservation_effective_cost": "nobody reads it here"}}
    found = _rated(
        world,
        [{"public_on_demand_cost": 2}, bad, unread],
        [{"rating_base": 9, "rating_factor": "1.1", "billed_cost": "9.9"}],
    )
    assert [row[0] for row in found] == ["row 1", "row 3"]
    assert [row[2] for row in found] == [Decimal("2.2"), Decimal("7.7")]


def test_a_price_list_takes_the_rows_that_no_other_charge_takes(world: duckdb.DuckDBPyConnection) -> None:
    """R8: three equal parts of 0.10 at the tenth decimal, times the markup; free usage stays free."""
    row = {"usage_quantity": 3, "public_on_demand_cost": 1}
    found = _rated(
        world,
        [row, row, row | {"public_price": "missing"}, row | {"public_price": "free"}],
        [
            {"list_cost_source": "price_list", "rating_base": "0.1", "rating_factor": "1.5", "billed_cost": "0.15"},
            {"list_cost_source": "free_tier", "rating_base": 0, "list_cost": 0, "billed_cost": 0},
        ],
    )
    assert [(row[0], row[2], row[3]) for row in found] == [
        ("row 1", Decimal("0.0333333334") * Decimal("1.5"), Decimal("0.15")),
        ("row 2", Decimal("0.0333333333") * Decimal("1.5"), Decimal("0.15")),
        ("row 3", Decimal("0.0333333333") * Decimal("1.5"), Decimal("0.15")),
        ("row 4", 0, 0),
    ]


def test_a_discount_inside_a_row_is_a_row(world: duckdb.DuckDBPyConnection) -> None:
    """C2: only where the discount is billed; the partner's part has no charge to be of."""
    found = _rated(
        world,
        [{"public_on_demand_cost": 10, "bundled_discount_cost": -2, "negotiated_discount_cost": -3}],
        [
            {"rating_base": 10, "billed_cost": 10},
            {
                "charge_type": "bundled_discount",
                "list_cost_source": "",
                "rating_path": "at_cost",
                "rating_base": -2,
                "billed_cost": -2,
            },
        ],
    )
    assert [row[1:3] for row in found] == [("Usage", Decimal(10)), ("BundledDiscount", Decimal(-2))]


def test_usage_that_returns_to_on_demand_names_no_commitment(world: duckdb.DuckDBPyConnection) -> None:
    reserved = {
        "line_item_type": "DiscountedUsage",
        "commitment_id": "arn:aws:ec2:us-east-1:999988887777:reserved-instances/1",
    }
    _rated(
        world,
        [{"public_on_demand_cost": 4, "has_reservation": True, "line_item_description": "USD 0.0 hourly", **reserved}],
        [{"charge_type": "reservation_covered_usage", "rating_base": 4, "billed_cost": 4, **reserved}],
    )
    assert world.execute(
        "select line_item_line_item_type, reservation_reservation_a_r_n, line_item_line_item_description, "
        f"line_item_unblended_cost from ({analysis_sql('pro_forma_cur')})"
    ).fetchall() == [("Usage", "", "Amazon Simple Storage Service, TimedStorage-ByteHrs", Decimal(4))]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    quantities=st.lists(st.integers(0, 10**12), min_size=1, max_size=12),
    total=st.integers(0, 10**15),
    sign=st.sampled_from([1, -1]),
)
def test_tiers_split_on_by_quantity_flip_no_sign(
    world: duckdb.DuckDBPyConnection, quantities: list[int], total: int, sign: int
) -> None:
    """R5, M5: parts sum to the charge, none is on the other side, and each is its exact share but for 1e-10."""
    whole = Decimal(sign * total).scaleb(-10)
    found = _rated(
        world,
        [{"usage_quantity": str(Decimal(quantity).scaleb(-4))} for quantity in quantities],
        [{"pricing_rule_id": "tiers", "rating_factor": None, "billed_cost": str(whole), "row_count": len(quantities)}],
    )
    costs = [row[2] for row in found]
    assert len(costs) == len(quantities)
    assert sum(costs) == whole
    assert all(cost * sign >= 0 for cost in costs)
    if sum(quantities):
        for quantity, cost in zip(quantities, costs, strict=True):
            assert abs(cost * sum(quantities) - whole * quantity) <= Decimal("0.0000000001") * sum(quantities)
