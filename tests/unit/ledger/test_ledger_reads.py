"""The ledger's rows as Arrow tables: exact, complete, and what DuckDB makes of them."""

from datetime import date
from decimal import Decimal

import duckdb
import pytest

from orchestration.errors import LedgerError
from orchestration.ledger.ledger import Ledger
from orchestration.ledger.reads import table_names
from tests.unit.ledger.ledger_contents import correct, issue_one


def test_duckdb_reads_every_table_with_exact_types(ledger: Ledger) -> None:
    original = issue_one(ledger, "a", "119.00")
    correct(ledger, original, "-0.01")
    with duckdb.connect() as connection:
        for name, table in ledger.arrow_tables().items():
            connection.register("incoming", table)
            connection.execute(f"create table {name} as select * from incoming")
        types = connection.execute(
            "select table_name || '.' || column_name, data_type from information_schema.columns"
        ).fetchall()
        assert not [row for row in types if row[1] in ("DOUBLE", "FLOAT", "BLOB", "NULL")]
        assert dict(types)["documents.total_amount"] == "DECIMAL(38,10)"
        assert dict(types)["documents.billing_period"] == "DATE"
        assert dict(types)["document_lines.exact_amount_usd"] == "VARCHAR"
        assert dict(types)["documents.issued_at"] == "TIMESTAMP WITH TIME ZONE"
        rows = connection.execute(
            "select number, billing_period, fx_rate, total_amount from documents order by document_id"
        ).fetchall()
        exact = connection.execute("select exact_amount_usd from document_lines where document_id = 1").fetchall()
    assert rows == [
        ("BW-2026-000001", date(2026, 9, 1), Decimal("0.9234"), Decimal("119.00")),
        ("BW-CN-2026-000001", date(2026, 9, 1), Decimal("0.9234"), Decimal("-0.01")),
    ]
    assert exact == [("100.001234567890",)]


def test_tax_parts_of_lines_are_read_with_their_words(ledger: Ledger) -> None:
    # A correction takes them back under the name that they had.
    issue_one(ledger, "a", "119.00")
    issue_one(ledger, "b", "19.00")
    (part,) = ledger.arrow_line_parts(after=1, up_to=2).to_pylist()
    named = [part[name] for name in ("document_id", "tax_category", "tax_name", "exemption_reason")]
    assert named == [2, "S", "VAT", ""]
    assert part["net_amount"] == Decimal("15.97")
    assert ledger.arrow_line_parts(after=2, up_to=2).num_rows == 0


def test_an_empty_ledger_gives_empty_tables_of_the_same_types(ledger: Ledger) -> None:
    empty = ledger.arrow_tables()
    assert list(empty) == table_names()
    assert {table.num_rows for table in empty.values()} == {0}
    issue_one(ledger, "a")
    assert {name: table.schema for name, table in ledger.arrow_tables().items()} == {
        name: table.schema for name, table in empty.items()
    }


def test_an_unknown_table_is_named(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match=r"has no table invoices\. Expected one of approvals"):
        ledger.arrow_table("invoices")
