"""The tables of schema ``billing``: names, types, contents, and all of them or none."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from orchestration.configuration.columns import TextList
from orchestration.configuration.load import is_file_loaded, load_configuration
from orchestration.configuration.schema import FILES, Configuration


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def types(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    rows = connection.execute(
        "select column_name, data_type from duckdb_columns() where schema_name = 'billing' and table_name = "
        "$1 "
        "order by column_index",
        [table],
    ).fetchall()
    return dict(rows)


def contents(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"select * from billing.{table} order by source_line").fetchall()


def test_every_table_equals_its_file(files: Any, connection: duckdb.DuckDBPyConnection) -> None:
    configuration = files.read()
    load_configuration(connection, configuration)
    for schema in FILES:
        expected = []
        for row in configuration.rows(schema.name):
            values = [getattr(row, name) for name in schema.columns]
            shown = [
                column.show(value) if isinstance(column, TextList) else value
                for column, value in zip(schema.columns.values(), values, strict=True)
            ]
            expected.append((*shown, row.source_line))
        assert contents(connection, schema.name) == expected, schema.name
        assert list(types(connection, schema.name)) == [*schema.columns, "source_line"]


@pytest.mark.parametrize("name", ["budgets", "quality_thresholds"])
def test_a_file_is_known_to_be_loaded_or_changed(files: Any, connection: duckdb.DuckDBPyConnection, name: str) -> None:
    configuration = files.read()
    rows = configuration.rows(name)
    assert rows
    assert not is_file_loaded(connection, configuration, name)
    load_configuration(connection, configuration)
    assert is_file_loaded(connection, configuration, name)
    assert not is_file_loaded(connection, replace(configuration, **{name: rows[1:]}), name)


def test_types_are_exact(files: Any, connection: duckdb.DuckDBPyConnection) -> None:
    load_configuration(connection, files.read())
    found = {schema.name: types(connection, schema.name) for schema in FILES}
    # M1: one float column and a bill is off by a fraction of a cent.
    assert not {kind for table in found.values() for kind in table.values()} & {"DOUBLE", "FLOAT"}
    assert found["payers"]["payer_account_id"] == "VARCHAR"
    assert found["customers"]["payment_terms_days"] == "INTEGER"
    assert found["billing_groups"]["auto_associate"] == "BOOLEAN"
    assert found["billing_groups"]["start_period"] == "DATE"
    assert found["account_assignments"]["end_date"] == "DATE"
    assert found["pricing_rules"]["percentage"] == "DECIMAL(12,2)"
    assert found["pricing_rules"]["rate"] == "DECIMAL(22,10)"
    assert found["pricing_rule_tiers"]["tier_end"] == "DECIMAL(22,10)"
    assert found["fx_rates"]["rate"] == "DECIMAL(18,10)"
    assert found["tax_rates"]["rate"] == "DECIMAL(12,4)"
    assert found["credits"]["eligible_services"] == "VARCHAR"
    assert {table["source_line"] for table in found.values()} == {"INTEGER"}


def test_what_an_empty_cell_becomes(files: Any, connection: duckdb.DuckDBPyConnection) -> None:
    load_configuration(connection, files.read())
    query = connection.execute(
        "select usage_type, operation, region, percentage, rate, end_period from billing.pricing_rules "
        "where pricing_rule_id = 'r-storage'"
    )
    # Rules are compared as text, where NULL would equal nothing; numbers, open ends and references are NULL.
    assert query.fetchall() == [("TimedStorage-ByteHrs", "", "", None, None, None)]
    query = connection.execute(
        "select account_id, computation_rule, associated_item_ids from billing.custom_line_items "
        "where custom_line_item_id = 'c-flat'"
    )
    assert query.fetchall() == [(None, "", "")]
    query = connection.execute("select support_plan_id from billing.billing_terms where source_line = 2")
    assert query.fetchall() == [(None,)]


def test_numbers_and_ids_arrive_as_written(files: Any, connection: duckdb.DuckDBPyConnection) -> None:
    files.set("pricing_rules", 5, "rate", "999999999999.9999999999")
    load_configuration(connection, files.read())
    query = connection.execute("select rate from billing.pricing_rules where pricing_rule_id = 'r-micro'")
    assert query.fetchall() == [(Decimal("999999999999.9999999999"),)]
    query = connection.execute("select payer_account_id from billing.payers where payer_name = 'Management'")
    assert query.fetchall() == [("000000000901",)]


def test_absent_files_are_empty_tables(files: Any, connection: duckdb.DuckDBPyConnection) -> None:
    files.remove("fx_rates", "credits", "budgets")
    load_configuration(connection, files.read())
    assert contents(connection, "fx_rates") == []
    assert types(connection, "credits")["amount"] == "DECIMAL(22,10)"


def test_settings_are_complete(files: Any, connection: duckdb.DuckDBPyConnection) -> None:
    files.replace_rows("settings")
    load_configuration(connection, files.read())
    assert contents(connection, "settings") == [("membership_basis", "usage_date", None)]


def test_loading_again_replaces_everything(files: Any, connection: duckdb.DuckDBPyConnection) -> None:
    load_configuration(connection, files.read())
    connection.execute("create table billing.forgotten_rates (rate integer)")
    files.replace_rows("fx_rates", "2024-05,USD,EUR,0.9,ECB")
    load_configuration(connection, files.read())
    assert contents(connection, "fx_rates") == [(date(2024, 5, 1), "USD", "EUR", Decimal("0.9"), "ECB", 2)]
    tables = connection.execute("select table_name from duckdb_tables() where schema_name = 'billing'").fetchall()
    assert {name for (name,) in tables} == {schema.name for schema in FILES}


def test_a_failure_changes_nothing(files: Any, connection: duckdb.DuckDBPyConnection) -> None:
    # Half a new configuration beside half an old one would bill by a contract that nobody signed.
    load_configuration(connection, files.read())
    before = {schema.name: contents(connection, schema.name) for schema in FILES}
    files.set("pricing_rules", 0, "percentage", "20")
    configuration = files.read()

    class Interrupted(Configuration):
        def rows(self, name: str) -> Any:
            if name == "access":
                raise KeyboardInterrupt
            return super().rows(name)

    with pytest.raises(KeyboardInterrupt):
        load_configuration(connection, Interrupted(**vars(configuration)))
    assert {schema.name: contents(connection, schema.name) for schema in FILES} == before


def test_tables_and_columns_are_described(files: Any, connection: duckdb.DuckDBPyConnection) -> None:
    load_configuration(connection, files.read())
    undescribed = connection.execute(
        "select table_name, column_name from duckdb_columns() where schema_name = 'billing' and comment is null"
    ).fetchall()
    assert undescribed == []
    query = connection.execute("select comment from duckdb_tables() where table_name = 'account_assignments'")
    assert query.fetchall() == [
        ("One row per stay of an account in a billing group; an account is in one group at a time (P2).",)
    ]


def test_fifty_thousand_assignments(files: Any, connection: duckdb.DuckDBPyConnection) -> None:
    files.replace_rows(
        "account_assignments",
        *(f"{number:012d},acme-prod,2024-01-01,2024-03-16" for number in range(25_000)),
        *(f"{number:012d},globex,2024-03-16," for number in range(25_000)),
    )
    load_configuration(connection, files.read())
    query = connection.execute(
        "select count(*), count(distinct account_id), min(account_id), max(source_line) "
        "from billing.account_assignments"
    )
    assert query.fetchall() == [(50_000, 25_000, "000000000000", 50_001)]
