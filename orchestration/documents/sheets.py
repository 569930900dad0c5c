"""Lines of a document as spreadsheet and as CSV, with exact numbers.

What is here: ``workbook``, a sheet per view of the document, and ``lines_csv``.
When to add here: another column that customers take into their own books.
What does not belong here: amounts that are not in the document.
"""

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from orchestration.documents.content import Document
from orchestration.documents.language import Language

__all__ = ["lines_csv", "workbook"]

_Cell = str | int | Decimal | date | None
_WIDEST_COLUMN = 60

_LINE_COLUMNS = [
    "document_number",
    "kind",
    "billing_period",
    "billing_group_id",
    "line_number",
    "line_kind",
    "service_code",
    "description",
    "charge_class",
    "cause",
    "currency",
    "net_amount",
    "credit_amount",
    "tax_category",
    "tax_name",
    "tax_rate",
    "exemption_reason",
]


def lines_csv(document: Document) -> bytes:
    """Return the lines as CSV in UTF-8: one row per line and tax category, plain decimals with a point."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_LINE_COLUMNS)
    for row in _line_rows(document):
        writer.writerow([_plain(cell) for cell in row])
    return text.getvalue().encode("utf-8")


def workbook(document: Document) -> bytes:
    """Return an XLSX with the sheets document, lines, accounts, taxes, credits and usage.

    Amounts are numbers with the currency's decimals, as the document has them; the same content gives the same bytes.
    """
    book = Workbook()
    sheets: list[tuple[str, Sequence[str], list[list[_Cell]]]] = [
        ("document", ("fact", "value"), _facts(document)),
        ("lines", _LINE_COLUMNS, _line_rows(document)),
        (
            "accounts",
            ("line_number", "description", "sub_account_id", "net_amount", "credit_amount"),
            [
                [line.line_number, line.description, account.sub_account_id, account.net_amount, account.credit_amount]
                for line in document.lines
                for account in line.accounts
            ],
        ),
        (
            "taxes",
            ("tax_category", "tax_name", "tax_rate", "exemption_reason", "taxable_amount", "tax_amount"),
            [
                [
                    tax.tax_category,
                    tax.tax_name,
                    tax.tax_rate,
                    tax.exemption_reason,
                    tax.taxable_amount,
                    tax.tax_amount,
                ]
                for tax in document.taxes
            ],
        ),
        (
            "credits",
            ("credit_id", "description", "amount", "balance_after"),
            [[draw.credit_id, draw.description, draw.amount, draw.balance_after] for draw in document.credits],
        ),
        (
            "usage",
            ("line_number", "description", "usage_type", "usage_quantity", "usage_unit", "amount_usd"),
            [
                [
                    line.line_number,
                    line.description,
                    usage.usage_type,
                    usage.usage_quantity,
                    usage.usage_unit,
                    usage.amount_usd,
                ]
                for line in document.lines
                for usage in line.usage
            ],
        ),
    ]
    first = book.active
    assert isinstance(first, Worksheet)
    for index, (name, columns, rows) in enumerate(sheets):
        sheet = first if index == 0 else book.create_sheet()
        sheet.title = name
        _fill(sheet, columns, rows, document.minor_units)
    book.properties.title = document.number or "Draft"
    book.properties.creator = document.issuer.legal_name
    return _same_bytes(book, document.issue_date or document.service_period_end)


def _facts(document: Document) -> list[list[_Cell]]:
    totals = document.totals
    facts: list[tuple[str, _Cell]] = [
        ("number", document.number),
        ("kind", document.kind),
        ("reference_number", document.reference.number if document.reference else None),
        ("issuer", document.issuer.legal_name),
        ("customer", document.customer.legal_name),
        ("billing_group_id", document.billing_group.billing_group_id),
        ("billing_group_name", document.billing_group.billing_group_name),
        ("billing_period", document.billing_period),
        ("issue_date", document.issue_date),
        ("due_date", document.due_date),
        ("tax_point", document.tax_point),
        ("service_period_start", document.service_period_start),
        ("service_period_end", document.service_period_end),
        ("currency", document.currency),
        ("fx_rate", document.fx.rate if document.fx else None),
        ("fx_source", document.fx.source if document.fx else None),
        ("net_amount", totals.net_amount),
        ("credit_amount", totals.credit_amount),
        ("taxable_amount", totals.taxable_amount),
        ("tax_amount", totals.tax_amount),
        ("total_amount", totals.total_amount),
    ]
    return [list(fact) for fact in facts]


def _line_rows(document: Document) -> list[list[_Cell]]:
    language = Language.of(document.customer.language, document.customer.country_code)
    return [
        [
            document.number,
            document.kind,
            document.billing_period,
            document.billing_group.billing_group_id,
            line.line_number,
            line.line_kind,
            line.service_code,
            line.description,
            line.charge_class,
            language.cause(line.cause or ""),
            document.currency,
            part.net_amount,
            part.credit_amount,
            part.tax_category,
            part.tax_name,
            part.tax_rate,
            part.exemption_reason,
        ]
        for line in document.lines
        for part in line.parts
    ]


def _fill(sheet: Worksheet, columns: Sequence[str], rows: list[list[_Cell]], minor_units: int) -> None:
    money = "#,##0" + ("." + "0" * minor_units if minor_units else "")
    sheet.append(list(columns))
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for line, row in enumerate(rows, start=2):
        fact = str(row[0])
        for column, value in enumerate(row, start=1):
            name = columns[column - 1] if columns[0] != "fact" or column == 1 else fact
            cell = sheet.cell(line, column)
            if isinstance(value, str):
                # As text, always: a description that begins with = is no formula.
                cell.value, cell.data_type = _printable(value), "s"
            elif isinstance(value, Decimal):
                # As the digits of a number: the library would pass a Decimal through a float.
                cell.value, cell.data_type = _plain(value), "n"
                cell.number_format = money if name.endswith(("amount", "balance_after")) else "General"
                cell.alignment = Alignment(horizontal="right")
            else:
                cell.value = value
                if isinstance(value, date):
                    cell.number_format = "yyyy-mm-dd"
    for column, name in enumerate(columns, start=1):
        widths = [len(name), *(len(_plain(row[column - 1])) for row in rows)]
        sheet.column_dimensions[get_column_letter(column)].width = min(max(widths) + 3, _WIDEST_COLUMN)
    sheet.freeze_panes = "A2"


def _plain(value: _Cell) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    return "" if value is None else str(value)


def _printable(text: str) -> str:
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", " ", text)


def _same_bytes(book: Workbook, day: date) -> bytes:
    """Return the file with the document's own date everywhere that the library writes the time of day."""
    stamp = datetime(day.year, day.month, day.day, tzinfo=UTC)
    book.properties.created = stamp.replace(tzinfo=None)
    written, result = io.BytesIO(), io.BytesIO()
    book.save(written)
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == "docProps/core.xml":
                content = re.sub(
                    rb"(<dcterms:modified[^>]*>)[^<]*",
                    rb"\g<1>" + stamp.strftime("%Y-%m-%dT%H:%M:%SZ").encode(),
                    content,
                )
            target.writestr(_entry(entry.filename, stamp), content)
    return result.getvalue()


def _entry(name: str, stamp: datetime) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=stamp.timetuple()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info
