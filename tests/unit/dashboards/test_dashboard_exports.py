"""Downloads hold every row and every digit."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook
from publication_fixture import OCTOBER, SEPTEMBER, publish

from dashboards import extracts, queries
from dashboards.components import exports
from dashboards.components.exports import Sheet, to_csv, to_xlsx
from dashboards.extracts import Extract, ExtractColumn
from dashboards.publication import Publication
from dashboards.queries import ChargeFilter, ChargeSort


def sheet_of(*rows: tuple[object, ...], **columns: str) -> Sheet:
    @contextmanager
    def source() -> Iterator[Extract]:
        yield Extract(tuple(ExtractColumn(name, kind) for name, kind in columns.items()), iter(rows))

    return Sheet("Rows", source)


def csv_rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def xlsx_rows(content: bytes, sheet: str) -> list[dict[str, object]]:
    head, *rows = load_workbook(io.BytesIO(content))[sheet].iter_rows(values_only=True)
    return [dict(zip([str(name) for name in head], row, strict=True)) for row in rows]


def charges(publication: Publication, chosen: ChargeFilter) -> Sheet:
    return Sheet("Charges", lambda: extracts.charges(publication, chosen, ChargeSort.BILLED))


def test_csv_has_every_row_and_digit(publication: Publication) -> None:
    rows = csv_rows(to_csv(charges(publication, ChargeFilter(OCTOBER))))
    totals = queries.charge_totals(publication, ChargeFilter(OCTOBER))
    assert len(rows) == 22
    for column in ("list_cost", "aws_cost", "billed_cost"):
        assert sum(Decimal(row[column]) for row in rows) == getattr(totals, column)
    assert {row["aws_cost"] for row in rows} >= {"4.2000000001", "5293.86"}
    assert {row["account_name"] for row in rows} >= {"Bergmann Werk Süd", ""}
    assert {row["sub_account_id"] for row in rows} >= {"012345678901"}


def test_xlsx_numbers_are_exact_and_ids_stay_text(publication: Publication) -> None:
    content = to_xlsx([charges(publication, ChargeFilter(OCTOBER))], [])
    rows = xlsx_rows(content, "Charges")
    totals = queries.charge_totals(publication, ChargeFilter(OCTOBER))
    assert len(rows) == 22
    assert sum(Decimal(str(row["aws_cost"])) for row in rows) == totals.aws_cost
    assert sum(Decimal(str(row["billed_cost_exact"])) for row in rows) == totals.billed_cost
    assert {row["sub_account_id"] for row in rows} >= {"012345678901"}  # as a number it would lose its zero
    assert {row["billing_period"] for row in rows} == {datetime(2025, 10, 1)}
    assert all(isinstance(row["billed_cost"], int | float) for row in rows)  # can be added up


def test_a_downloaded_file_has_more_than_the_screen(tmp_path: Path) -> None:
    # The browser's own CSV would stop at what is displayed.
    path = tmp_path / "chargehouse.duckdb"
    publish(path, extra_charges=600)
    publication = Publication.at(path)
    assert len(queries.charges(publication, ChargeFilter(OCTOBER), ChargeSort.BILLED, queries.CHARGES_SHOWN)) == 250
    assert len(csv_rows(to_csv(charges(publication, ChargeFilter(OCTOBER))))) == 622
    assert len(xlsx_rows(to_xlsx([charges(publication, ChargeFilter(OCTOBER))], []), "Charges")) == 622


def test_digits_beyond_a_spreadsheets_are_in_the_file_and_beside_it() -> None:
    value = Decimal("123456789.12345678901234567890")
    content = to_xlsx([sheet_of((value,), billed_cost="DECIMAL(38,20)")], [])
    (row,) = xlsx_rows(content, "Rows")
    assert row["billed_cost_exact"] == "123456789.1234567890123456789"
    with ZipFile(io.BytesIO(content)) as archive:
        xml = archive.read("xl/worksheets/sheet1.xml").decode()
    # openpyxl alone would have written 123456789.1234568.
    assert "<v>123456789.1234567890123456789</v>" in xml


@pytest.mark.parametrize(("units", "number_format"), [(0, "#,##0"), (2, "#,##0.00"), (3, "#,##0.000")])
def test_document_amounts_have_the_currencys_number_format(units: int, number_format: str) -> None:
    sheet = sheet_of((units, Decimal("1234.0000")), minor_units="INTEGER", net_amount="DECIMAL(22,4)")
    cell = load_workbook(io.BytesIO(to_xlsx([sheet], [])))["Rows"]["B2"]
    assert (cell.value, cell.number_format, cell.data_type) == (1234, number_format, "n")


def test_invoice_lines_tie_to_the_invoice(publication: Publication) -> None:
    lines = Sheet("Lines", lambda: extracts.invoice_lines(publication, SEPTEMBER, "bergmann"))
    accounts = Sheet("Accounts", lambda: extracts.invoice_line_accounts(publication, SEPTEMBER, "bergmann"))
    content = to_xlsx([lines, accounts], [])
    for name in ("Lines", "Accounts"):
        assert sum(Decimal(str(row["net_amount"])) for row in xlsx_rows(content, name)) == Decimal("1984.59")
    assert sum(Decimal(row["net_amount"]) for row in csv_rows(to_csv(lines))) == Decimal("1984.59")


def test_a_missing_rate_is_empty_and_not_zero(publication: Publication) -> None:
    # 0 would be added up as if the month were free.
    lines = Sheet("Lines", lambda: extracts.invoice_lines(publication, OCTOBER, "hikari"))
    assert {row["net_amount"] for row in csv_rows(to_csv(lines))} == {""}
    assert {row["net_amount"] for row in xlsx_rows(to_xlsx([lines], []), "Lines")} == {None}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\tx"])
def test_texts_from_aws_are_never_formulas(text: str) -> None:
    sheet = sheet_of((text,), description="VARCHAR")
    cell = load_workbook(io.BytesIO(to_xlsx([sheet], [])))["Rows"]["A2"]
    assert cell.data_type != "f"
    assert cell.value == text
    assert csv_rows(to_csv(sheet))[0]["description"] == f"'{text}"


def test_negative_amounts_are_not_taken_for_formulas() -> None:
    rows = csv_rows(to_csv(sheet_of((Decimal("-145.10"),), aws_cost="DECIMAL(38,10)")))
    assert rows == [{"aws_cost": "-145.10"}]


def test_control_characters_do_not_break_the_workbook() -> None:
    (row,) = xlsx_rows(to_xlsx([sheet_of(("a\x00b\x0bc",), name="VARCHAR")], []), "Rows")
    assert row["name"] == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"


def test_excel_reads_the_csv_as_utf8(publication: Publication) -> None:
    content = to_csv(Sheet("Invoices", lambda: extracts.invoices(publication, OCTOBER, None)))
    assert content.startswith(b"\xef\xbb\xbf")
    assert "\r\n" in content.decode("utf-8-sig")


def test_more_rows_than_a_sheet_holds_go_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_SHEET_ROWS", 4)
    sheet = sheet_of(*((number,) for number in range(7)), number="BIGINT")
    workbook = load_workbook(io.BytesIO(to_xlsx([sheet], [])))
    assert workbook.sheetnames == ["Rows", "Rows (2)", "Rows (3)", "About"]
    values = [row[0] for name in workbook.sheetnames[:3] for row in list(workbook[name].values)[1:]]
    assert values == list(range(7))


def test_the_workbook_says_what_it_is() -> None:
    content = to_xlsx([sheet_of((1,), number="BIGINT")], [("Period", "October 2025")])
    about = list(load_workbook(io.BytesIO(content))["About"].iter_rows(values_only=True))
    assert about == [("Period", "October 2025"), ("Rows: Rows", "1")]


def test_types_keep_their_meaning_in_csv() -> None:
    sheet = sheet_of(
        (True, None, date(2025, 10, 1), datetime(2025, 10, 1, 5, 58), 3, Decimal("1E-10")),
        final="BOOLEAN",
        missing="VARCHAR",
        period="DATE",
        at="TIMESTAMP",
        rows="BIGINT",
        sum="DECIMAL(38,20)",
    )
    assert csv_rows(to_csv(sheet)) == [
        {
            "final": "true",
            "missing": "",
            "period": "2025-10-01",
            "at": "2025-10-01 05:58:00",
            "rows": "3",
            "sum": "0.0000000001",
        }
    ]


def test_file_names_say_what_is_inside() -> None:
    assert (
        exports.file_name("charges", "2025-10", "Acme & Söhne / Nord") == "chargehouse-charges-2025-10-acme-s-hne-nord"
    )
    assert exports.file_name("checks") == "chargehouse-checks"
