from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from orchestration.expectations.deliveries import check_deliveries
from orchestration.expectations.line_items import check_line_items, mark_checked
from orchestration.expectations.results import save_results
from orchestration.expectations.validation import CheckResult, validate
from orchestration.settings import PROJECT_ROOT
from orchestration.warehouse import prepare_control_tables

_CHARGE_TYPES = f"'{PROJECT_ROOT / 'dbt_project' / 'seeds' / 'charge_types.csv'}'"

_ROW: dict[str, Any] = {
    "billing_period": date(2026, 9, 1),
    "delivery_key": "d1",
    "bill_payer_account_id": "999999999999",
    "line_item_usage_account_id": "011111111111",
    "line_item_line_item_type": "Usage",
    "bill_bill_type": "Anniversary",
    "line_item_currency_code": "USD",
    "line_item_unblended_cost": Decimal("1.5"),
    "line_item_usage_start_date": date(2026, 9, 3),
    "bill_billing_period_start_date": date(2026, 9, 1),
}


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    prepare_control_tables(connection)
    connection.execute(
        """
        create table raw.deliveries (
            delivery_key varchar, payer_account_id varchar, form varchar, discount_mode varchar, billing_period date,
            row_count bigint, file_count integer, excess_decimal_sum decimal(38, 20), status varchar, is_billed boolean,
            fingerprint varchar
        );
        insert into raw.deliveries values
            ('d1', '999999999999', 'legacy_cur_csv', 'rows', '2026-09-01', 2, 1, 0, 'current', true, 'f');
        create table raw.cur_line_items (
            billing_period date, delivery_key varchar, bill_payer_account_id varchar,
            line_item_usage_account_id varchar,
            line_item_line_item_type varchar, bill_bill_type varchar, line_item_currency_code varchar,
            line_item_unblended_cost decimal(22, 10), line_item_usage_start_date date,
            bill_billing_period_start_date date
        )
        """
    )
    return connection


def _insert(connection: duckdb.DuckDBPyConnection, **changes: Any) -> None:
    row = {**_ROW, **changes}
    connection.execute(
        f"insert into raw.cur_line_items ({', '.join(row)}) values ({', '.join('?' * len(row))})",
        list(row.values()),
    )


def _failed(results: list[CheckResult]) -> dict[str, bool]:
    return {result.check_name: result.blocks for result in results if result.status == "fail"}


def test_a_clean_delivery_passes(connection: duckdb.DuckDBPyConnection) -> None:
    _insert(connection)
    _insert(connection)
    assert _failed(check_deliveries(connection)) == {}
    assert _failed(check_line_items(connection, _CHARGE_TYPES)) == {}


@pytest.mark.parametrize(
    ("changes", "promise", "blocks"),
    [
        ({"line_item_usage_account_id": "11111111111"}, "Usage account ids have 12 digits", True),
        ({"line_item_line_item_type": ""}, "Every row has a line item type", True),
        ({"line_item_line_item_type": "NewPartnerDiscount"}, "Every line item type is mapped", False),
        ({"line_item_currency_code": "CNY"}, "Every row is in USD", True),
        ({"bill_bill_type": "Mystery"}, "The bill type is one", False),
        ({"line_item_unblended_cost": None}, "Every row has an unblended cost", True),
        (
            {"bill_billing_period_start_date": date(2026, 8, 1)},
            "Every row belongs to the billing period",
            True,
        ),
        ({"line_item_usage_start_date": None}, "Every row says when its usage started", False),
        ({"line_item_unblended_cost": Decimal("-100000000.01")}, "No single row costs more", False),
    ],
)
def test_each_broken_promise_is_named(
    connection: duckdb.DuckDBPyConnection, changes: dict[str, Any], promise: str, blocks: bool
) -> None:
    _insert(connection)
    _insert(connection, **changes)
    failed = _failed(check_line_items(connection, _CHARGE_TYPES))
    assert [blocking for name, blocking in failed.items() if name.startswith(promise)] == [blocks]


def test_a_row_lost_in_the_view_blocks(connection: duckdb.DuckDBPyConnection) -> None:
    _insert(connection)
    assert _failed(check_line_items(connection, _CHARGE_TYPES)) == {
        "The view holds exactly the rows that were landed": True
    }


def test_two_deliveries_for_one_month_of_a_payer_block(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("insert into raw.deliveries select * replace ('d2' as delivery_key) from raw.deliveries")
    assert _failed(check_deliveries(connection)) == {"A payer's month is billed from exactly one delivery": True}


def test_rows_that_passed_are_not_profiled_again(connection: duckdb.DuckDBPyConnection) -> None:
    _insert(connection)
    mark_checked(connection)
    assert check_line_items(connection, _CHARGE_TYPES) == []
    # The same delivery with other files is another matter.
    connection.execute("update raw.deliveries set fingerprint = 'g'")
    assert check_line_items(connection, _CHARGE_TYPES) != []


def test_money_is_compared_exactly() -> None:
    """0.1 ten times is 1 in decimals and less in doubles: a tolerance that pandas sneaks in hides real differences."""
    import great_expectations.expectations as gxe

    table = pa.table({"amount": pa.array([Decimal("0.1000000000")] * 10, pa.decimal128(38, 10))})
    expectation = gxe.ExpectColumnSumToBeBetween(
        column="amount", min_value=Decimal("1"), max_value=Decimal("1"), meta={"promise": "sums to one"}
    )
    assert [result.status for result in validate(table, "amounts", [expectation])] == ["pass"]


def test_results_replace_those_of_their_layer_only(connection: duckdb.DuckDBPyConnection) -> None:
    for layer in ("raw", "dbt"):
        save_results(connection, layer, [CheckResult("promise", layer, "table", "pass", "critical", "")])
    save_results(connection, "dbt", [CheckResult("other", "dbt", "table", "fail", "warning", "found")])
    assert connection.execute("select layer, check_name from raw.check_results order by 1").fetchall() == [
        ("dbt", "other"),
        ("raw", "promise"),
    ]
