import csv
import io
import time
import zipfile
from decimal import Decimal
from pathlib import Path

from openpyxl import load_workbook

from orchestration.documents.content import Document
from orchestration.documents.sheets import lines_csv, workbook
from orchestration.sample.documents import CUSTOMERS, example_content, example_line

BIG = "12345678901234.56"


def _document() -> Document:
    lines = [
        example_line("=HYPERLINK(1)", BIG, credit="-0.10", accounts=[("012345678901", BIG, "-0.10")]),
        example_line(
            "Refund \x07", "-0.30", kind="refund", usage=[("Requests-Tier1", "1.0000000001", "Requests", "0.1")]
        ),
    ]
    return Document.parse(example_content(lines))


def test_csv_holds_the_lines_exactly() -> None:
    rows = list(csv.DictReader(io.StringIO(lines_csv(_document()).decode())))
    assert [row["net_amount"] for row in rows] == [BIG, "-0.30"]
    assert rows[0]["description"] == "=HYPERLINK(1)"
    assert rows[0]["tax_rate"] == "19"
    assert sum(Decimal(row["net_amount"]) for row in rows) == _document().totals.net_amount


def test_workbook_holds_exact_numbers_and_texts() -> None:
    book = load_workbook(io.BytesIO(workbook(_document())))
    assert book.sheetnames == ["document", "lines", "accounts", "taxes", "credits", "usage"]
    lines = book["lines"]
    names = [cell.value for cell in lines[1]]
    net = lines.cell(2, names.index("net_amount") + 1)
    assert (Decimal(str(net.value)), net.data_type, net.number_format) == (Decimal(BIG), "n", "#,##0.00")
    description = lines.cell(2, names.index("description") + 1)
    assert (description.value, description.data_type) == ("=HYPERLINK(1)", "s")
    account = book["accounts"].cell(2, 3)
    assert (account.value, account.data_type) == ("012345678901", "s")
    facts = {row[0].value: row[1] for row in book["document"].iter_rows(min_row=2)}
    assert facts["number"].value == "BWEU-2026-000042"
    assert Decimal(str(facts["total_amount"].value)) == _document().totals.total_amount
    assert facts["total_amount"].number_format == "#,##0.00"
    assert Decimal(str(facts["fx_rate"].value)) == Decimal("0.8534")
    assert book["usage"].cell(2, 4).number_format == "General"


def test_exact_numbers_stand_in_the_file_itself(tmp_path: Path) -> None:
    """A number that went through a float would stand there as 9.949999999999999."""
    line = example_line("Amazon EC2", "9.95")
    path = tmp_path / "book.xlsx"
    path.write_bytes(workbook(Document.parse(example_content([line]))))
    with zipfile.ZipFile(path) as file:
        assert b"<v>9.95</v>" in file.read("xl/worksheets/sheet2.xml")


def test_formats_follow_the_currency() -> None:
    content = example_content(
        [example_line("Amazon EC2", "1003", rate="10")], customer=CUSTOMERS["aozora"], currency="JPY", minor_units=0
    )
    lines = load_workbook(io.BytesIO(workbook(Document.parse(content))))["lines"]
    assert {cell.number_format for cell in lines[2] if cell.data_type == "n" and cell.value == 1003} == {"#,##0"}


def test_the_same_content_gives_the_same_workbook() -> None:
    document = _document()
    first = workbook(document)
    # The ZIP format keeps times in steps of two seconds; the library writes the time of saving.
    time.sleep(2.1)
    assert workbook(document) == first
