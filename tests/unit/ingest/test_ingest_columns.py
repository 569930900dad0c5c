"""How single values are read (M1): the same answer from text and from Parquet, and no guess where there is doubt."""

import datetime as dt
import json
import random
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import duckdb
import pytest

from orchestration.ingest.columns import (
    CANONICAL_COLUMNS,
    MANDATORY_COLUMNS,
    Kind,
    Origin,
    SourceColumn,
    bad_value_condition,
    excess_decimals,
    literal,
    read_columns,
    snake_name,
)

Evaluate = Callable[[str], Any]

COST = "line_item_unblended_cost"
STEP = Decimal("1E-10")


def read(name: str, sql: str, sql_type: str = "VARCHAR", origin: Origin = Origin.TEXT_FILE) -> str:
    """Return SQL of one canonical value."""
    return read_columns([SourceColumn(name, sql, sql_type)], origin).columns[name].sql


def bad(name: str, sql: str, sql_type: str = "VARCHAR") -> str:
    """Return the SQL condition that the value is unreadable."""
    column = read_columns([SourceColumn(name, sql, sql_type)], Origin.PARQUET).columns[name]
    return bad_value_condition(column, column.sql)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("lineItem/UsageAccountId", "line_item_usage_account_id"),
        ("pricing/publicOnDemandCost", "pricing_public_on_demand_cost"),
        ("reservation/ReservationARN", "reservation_reservation_a_r_n"),
        ("savingsPlan/SavingsPlanArn", "savings_plan_savings_plan_arn"),
        ("resourceTags/user:Cost-Center", "resource_tags_user_cost_center"),
        ("resourceTags/aws:ec2spot:fleet-request-id", "resource_tags_aws_ec2spot_fleet_request_id"),
        ("costCategory/Charge type", "cost_category_charge_type"),
        ("line_item_usage_type", "line_item_usage_type"),
        ("resourceTags/user:Größe", "resource_tags_user_größe"),
    ],
)
def test_names_follow_the_renaming_rule(header: str, name: str) -> None:
    assert snake_name(header) == name


def test_an_over_long_name_loses_underscores_from_the_left() -> None:
    name = snake_name("resourceTags/user:" + "Ab" * 50)
    assert len(name) == 128
    assert name.startswith("resourcetagsuser")
    assert name.endswith("_ab_ab")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", "0.1"),
        ("1.0E-10", "0.0000000001"),
        ("-12.5e1", "-125"),
        ("+3", "3"),
        (" 7 ", "7"),
        ("999999999999.9999999999", "999999999999.9999999999"),
        # Half away from zero, once: banker's rounding would lose these.
        ("0.00000000005", "0.0000000001"),
        ("-0.00000000005", "-0.0000000001"),
        ("0.000000000049999", "0"),
        ("0.00000000025", "0.0000000003"),
    ],
)
def test_amounts_in_text(evaluate: Evaluate, text: str, value: str) -> None:
    assert evaluate(read(COST, literal(text))) == Decimal(value)
    assert not evaluate(bad(COST, literal(text)))


@pytest.mark.parametrize("text", ["", "None", "NULL", "null", "NaN", " "])
def test_words_for_nothing_are_missing_not_bad(evaluate: Evaluate, text: str) -> None:
    assert evaluate(read(COST, literal(text))) is None
    assert not evaluate(bad(COST, literal(text)))


@pytest.mark.parametrize(
    "text",
    # DuckDB alone would take the first two for 1000: a wrong bill without a word.
    ["1_000", "1_000.50", "1,000", "1.000,50", "inf", "-Infinity", "nan", "none", "convertible", "0x10", "1e", "--1",
     "1000000000000", "999999999999.99999999995", "1e12"],
)  # fmt: skip
def test_what_is_no_amount_is_bad(evaluate: Evaluate, text: str) -> None:
    assert evaluate(read(COST, literal(text))) is None
    assert evaluate(bad(COST, literal(text)))


def test_text_is_rounded_once_and_half_away_from_zero() -> None:
    digits = random.Random(5)
    amounts = [
        Decimal(digits.randint(-(10**26), 10**26)).scaleb(-digits.randint(15, 20), Context(prec=60)) for _ in range(500)
    ]
    texts = [f"{amount:{digits.choice('Ef')}}" for amount in amounts]
    expected = [amount.quantize(STEP, ROUND_HALF_UP, Context(prec=60)) for amount in amounts]
    reading = read_columns([SourceColumn(COST, "amount", "VARCHAR")], Origin.TEXT_FILE)
    rounded = reading.columns[COST].sql
    rows = ", ".join(f"({number}, '{text}')" for number, text in enumerate(texts))
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select {rounded}, {excess_decimals(reading, rounded)} from (values {rows}) as texts (n, amount) "
            "order by n"
        ).fetchall()
    assert found == [
        (value, None if amount == value else amount - value) for amount, value in zip(amounts, expected, strict=True)
    ]


@pytest.mark.parametrize(
    ("value", "sql_type", "expected", "excess"),
    [
        ("0.1", "DOUBLE", "0.1", None),
        # The nearest double of 0.0107520000 is no tenth decimal's worth away: it has no excess decimals.
        ("0.010752", "DOUBLE", "0.010752", None),
        ("1.00000000004", "DOUBLE", "1.0", "0.00000000004"),
        ("0.00000000006", "DOUBLE", "0.0000000001", "-0.00000000004"),
        ("'NaN'", "DOUBLE", None, None),
        ("2.5", "FLOAT", "2.5", None),
        ("7", "BIGINT", "7", None),
        ("1.5", "DECIMAL(10,2)", "1.5", None),
        ("1.00000000005", "DECIMAL(20,12)", "1.0000000001", "-0.00000000005"),
        ("1.25", "DECIMAL(22,10)", "1.25", None),
    ],
)
def test_amounts_in_parquet(
    evaluate: Evaluate, value: str, sql_type: str, expected: str | None, excess: str | None
) -> None:
    reading = read_columns([SourceColumn(COST, f"cast({value} as {sql_type})", sql_type)], Origin.PARQUET)
    rounded = reading.columns[COST].sql
    assert evaluate(rounded) == (None if expected is None else Decimal(expected))
    assert evaluate(excess_decimals(reading, rounded)) == (None if excess is None else Decimal(excess))


@pytest.mark.parametrize("value", ["'inf'", "1e12", "-1e15"])
def test_a_double_out_of_range_is_bad(evaluate: Evaluate, value: str) -> None:
    assert evaluate(bad(COST, f"cast({value} as double)", "DOUBLE"))


def test_a_number_proved_sound_by_the_footer_is_not_checked_again() -> None:
    source = SourceColumn(COST, "c", "DOUBLE", may_be_odd=False)
    assert read_columns([source], Origin.PARQUET).columns[COST].is_given is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-01T00:00:00Z", dt.datetime(2024, 1, 1)),
        ("2023-11-01T00:00:00.000Z", dt.datetime(2023, 11, 1)),
        ("2024-01-01 05:00:00+00:00", dt.datetime(2024, 1, 1, 5)),
        ("2024-09-01 00:00:00", dt.datetime(2024, 9, 1)),
        ("2024-01-01", dt.datetime(2024, 1, 1)),
        # An hour before the month in UTC: DuckDB's own cast drops the offset and bills it to the wrong month.
        ("2024-02-01T00:30:00+02:00", dt.datetime(2024, 1, 31, 22, 30)),
        ("2024-01-31 23:30:00-0500", dt.datetime(2024, 2, 1, 4, 30)),
        ("", None),
    ],
)
def test_timestamps_in_text_are_utc(evaluate: Evaluate, text: str, moment: dt.datetime | None) -> None:
    name = "line_item_usage_start_date"
    assert evaluate(read(name, literal(text))) == moment
    assert not evaluate(bad(name, literal(text)))


@pytest.mark.parametrize("text", ["infinity", "epoch", "2024-13-01T00:00:00Z", "yesterday", "infinityZ"])
def test_what_is_no_timestamp_is_bad(evaluate: Evaluate, text: str) -> None:
    assert evaluate(bad("line_item_usage_start_date", literal(text)))


def test_a_timestamp_with_zone_does_not_depend_on_the_session() -> None:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'America/New_York'")
        sql = read(
            "line_item_usage_start_date",
            "timestamptz '2024-01-01 00:00:00+00'",
            "TIMESTAMP WITH TIME ZONE",
            Origin.PARQUET,
        )
        assert connection.execute(f"select {sql}").fetchone() == (dt.datetime(2024, 1, 1),)


@pytest.mark.parametrize("text", ["None", "NULL", "NaN"])
def test_a_word_for_nothing_is_no_reservation(evaluate: Evaluate, text: str) -> None:
    # C0: any text in the ARN makes a row a commitment's, and its fee would be withheld.
    assert evaluate(read("reservation_reservation_a_r_n", literal(text))) is None
    # An operation may well be called None.
    assert evaluate(read("line_item_operation", literal(text))) == text


def test_both_spellings_of_arn_are_one_column(evaluate: Evaluate) -> None:
    sources = [
        SourceColumn(snake_name("reservation/ReservationArn"), "''", "VARCHAR"),
        SourceColumn(snake_name("reservation/ReservationARN"), "'arn:1'", "VARCHAR"),
    ]
    reading = read_columns(sources, Origin.TEXT_FILE)
    assert evaluate(reading.columns["reservation_reservation_a_r_n"].sql) == "arn:1"
    assert reading.others == {}


def test_tag_keys_that_collapse_are_merged(evaluate: Evaluate) -> None:
    sources = [
        SourceColumn(snake_name("resourceTags/user:Cost-Center"), "cast(null as varchar)", "VARCHAR"),
        SourceColumn(snake_name("resourceTags/user:CostCenter"), "'blue'", "VARCHAR"),
    ]
    reading = read_columns(sources, Origin.PARQUET)
    assert evaluate(reading.others["resource_tags_user_cost_center"]) == "blue"
    assert evaluate(reading.columns["resource_tags"].sql) == {"user_cost_center": "blue"}


_TAGS = {"user:CostCenter": "blue", "aws:createdBy": "me", "user_env": "", "user:cost-center": "red"}


@pytest.mark.parametrize(
    ("sql", "sql_type"),
    [(f"map({list(_TAGS)}, {list(_TAGS.values())})", Kind.TEXT_MAP), (literal(json.dumps(_TAGS)), "VARCHAR")],
)
def test_tags_in_a_map_or_in_json(evaluate: Evaluate, sql: str, sql_type: str) -> None:
    reading = read_columns([SourceColumn("resource_tags", sql, sql_type)], Origin.PARQUET)
    assert evaluate(reading.columns["resource_tags"].sql) == {"user_cost_center": "blue", "aws_created_by": "me"}


def test_a_map_that_is_no_json_is_bad(evaluate: Evaluate) -> None:
    assert evaluate(bad("resource_tags", "'{half'"))
    assert not evaluate(bad("resource_tags", "''"))


@pytest.mark.parametrize(
    ("sql", "sql_type"),
    [
        ("map(['EdpDiscount', 'bundled_discount'], [-0.1, 'NaN'::double])", "MAP(VARCHAR, DOUBLE)"),
        ("""'{"EdpDiscount": -0.1, "bundled_discount": null}'""", "VARCHAR"),
        ("map(['edp_discount', 'other'], ['-0.1', 'x'])", "MAP(VARCHAR, VARCHAR)"),
    ],
)
def test_discounts_in_a_map_or_in_json(evaluate: Evaluate, sql: str, sql_type: str) -> None:
    reading = read_columns([SourceColumn("discount", sql, sql_type)], Origin.PARQUET)
    found = evaluate(reading.columns["discount"].sql)
    assert {key: value for key, value in found.items() if value is not None} == {"edp_discount": Decimal("-0.1")}


def test_json_amounts_never_pass_through_a_double(evaluate: Evaluate) -> None:
    sql = """'{"EdpDiscount": -123456789012.1234567891}'"""
    reading = read_columns([SourceColumn("discount", sql, "VARCHAR")], Origin.PARQUET)
    assert evaluate(reading.columns["discount"].sql) == {"edp_discount": Decimal("-123456789012.1234567891")}


def test_legacy_discount_columns_become_the_map(evaluate: Evaluate) -> None:
    sources = [
        SourceColumn("discount_edp_discount", "-0.5", "DOUBLE"),
        SourceColumn("discount_spp_discount", "''", "VARCHAR"),
        SourceColumn("discount_total_discount", "-0.5", "DOUBLE"),
    ]
    reading = read_columns(sources, Origin.PARQUET)
    # The total would count every discount twice.
    assert evaluate(reading.columns["discount"].sql) == {"edp_discount": Decimal("-0.5")}


def test_products_come_from_the_map_where_the_query_has_no_column(evaluate: Evaluate) -> None:
    products = "map(['product_name', 'region'], ['EC2', 'eu-west-1'])"
    sources = [
        SourceColumn("product", products, Kind.TEXT_MAP),
        SourceColumn("product_region_code", "'eu'", "VARCHAR"),
    ]
    columns = read_columns(sources, Origin.PARQUET).columns
    assert evaluate(columns["product_product_name"].sql) == "EC2"
    assert evaluate(columns["product_region"].sql) == "eu-west-1"
    assert evaluate(columns["product_region_code"].sql) == "eu"
    assert evaluate(columns["product_sku"].sql) == ""


def test_an_account_id_stored_as_a_number_gets_its_zeros_back(evaluate: Evaluate) -> None:
    assert evaluate(read("bill_payer_account_id", "11254002932", "BIGINT", Origin.PARQUET)) == "011254002932"


def test_a_column_named_like_ours_does_not_replace_it() -> None:
    reading = read_columns([SourceColumn("billing_period", "c", "VARCHAR")], Origin.PARQUET)
    assert list(reading.others) == ["cur_billing_period"]


def test_the_mandatory_columns_are_canonical() -> None:
    assert set(MANDATORY_COLUMNS) <= {column.name for column in CANONICAL_COLUMNS}
    assert len({column.name for column in CANONICAL_COLUMNS}) == len(CANONICAL_COLUMNS)
