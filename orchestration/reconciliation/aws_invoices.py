"""Rows of ``aws_invoices.csv`` out of what `aws invoicing list-invoice-summaries` printed (X4).

What is here: reading the answers, checking them against the configuration, adding what is new.
When to add here: another way in which AWS hands out the totals of its invoices.
What does not belong here: comparing them with the CUR (`fct_aws_invoices`).
"""

import csv
import io
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from orchestration.configuration.schema import FILE_BY_NAME, AwsInvoice, Configuration
from orchestration.configuration.validate import read_configuration
from orchestration.errors import AwsInvoiceError, ExportProblem

__all__ = ["AwsInvoiceImport", "import_aws_invoices"]

_FILE = FILE_BY_NAME["aws_invoices"].file
_SAVE_AGAIN = "Save the whole answer again: aws invoicing list-invoice-summaries --output json."
# One 12-digit integer part is what the CUR has; AWS prints cents.
_MONEY = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,10})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_ACCOUNT = re.compile(r"[0-9]{12}")
# Told apart by AWS: only these two ask for money or give it back.
_COUNTED_TYPES = ("INVOICE", "CREDIT_MEMO")
_LEFT_OUT_TYPES = ("PAYMENT_RECEIPT",)


@dataclass(frozen=True)
class AwsInvoiceImport:
    """What an import did.

    Attributes:
        file: the configuration file.
        added: rows that are new, in the order of the file.
        known_count: invoices that the file had already, with the same total.
        receipt_count: payment receipts, which are no invoices and are left out.
    """

    file: Path
    added: tuple[AwsInvoice, ...]
    known_count: int
    receipt_count: int

    def as_dict(self) -> dict[str, Any]:
        """Return it for scripts."""
        columns = FILE_BY_NAME["aws_invoices"].columns
        return {
            "file": str(self.file),
            "added": [
                {name: column.show(getattr(row, name)) for name, column in columns.items()} for row in self.added
            ],
            "known": self.known_count,
            "payment_receipts_left_out": self.receipt_count,
        }


@dataclass(frozen=True)
class _Found:
    """One invoice of the answers and where it stands."""

    row: AwsInvoice
    file: str
    path: str


def import_aws_invoices(files: Sequence[Path], billing: Path, payer: str | None = None) -> AwsInvoiceImport:
    """Add the invoices of AWS's answers to ``aws_invoices.csv``; importing again adds nothing.

    The total is that of the base currency, which the CUR is in, tax included; a credit memo is negative (M2). The rows
    that the file has stay as they are, and the file is replaced in one step.

    Args:
        files: what `aws invoicing list-invoice-summaries` printed: whole answers, several pages, or the bare list.
        billing: the workspace's ``billing`` folder.
        payer: whose deliveries hold these invoices, where AWS sent them to another account; by default the account of
            each invoice.

    Raises:
        AwsInvoiceError: an answer cannot be read, or says something else than the file does; carries every problem.
        ConfigurationError: the billing configuration has problems itself.
    """
    configuration = read_configuration(billing)
    problems: list[ExportProblem] = []
    summaries = [found for file in files for found in _summaries(file, problems)]
    receipts = [found for found in summaries if found[2].get("InvoiceType") in _LEFT_OUT_TYPES]
    invoices = [
        found
        for file, path, summary in summaries
        if summary.get("InvoiceType") not in _LEFT_OUT_TYPES
        for found in _invoice(file, path, summary, payer, configuration, problems)
    ]
    known = {(row.payer_account_id, row.invoice_id): row for row in configuration.aws_invoices}
    added: dict[tuple[str, str], AwsInvoice] = {}
    known_count = 0
    for found in invoices:
        key = (found.row.payer_account_id, found.row.invoice_id)
        before = known.get(key) or added.get(key)
        if before is None:
            added[key] = found.row
        elif _said(before) != _said(found.row):
            problems.append(_contradiction(found, before))
        elif key in known:
            known_count += 1
    if problems:
        raise AwsInvoiceError(problems)
    target = billing / _FILE
    if added:
        _append(target, list(added.values()))
    return AwsInvoiceImport(target, tuple(added.values()), known_count, len(receipts))


def _summaries(file: Path, problems: list[ExportProblem]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every invoice summary of a file with its JSON path."""
    name = file.name
    try:
        answers = list(_texts(file.read_text(encoding="utf-8-sig")))
    except OSError as error:
        problems.append(ExportProblem(name, None, None, f"cannot be read ({error.strerror})", "Check the file."))
        return
    except (UnicodeDecodeError, ValueError) as error:
        problems.append(ExportProblem(name, None, None, f"is not JSON ({error})", _SAVE_AGAIN))
        return
    pages = [(f"$[{number}]" if len(answers) > 1 else "$", answer) for number, answer in enumerate(answers)]
    lists = [found for path, page in pages for found in _lists(name, path, page, problems)]
    if lists and all(goes_on for *_, goes_on in lists):
        problems.append(
            ExportProblem(name, lists[-1][0], None, "goes on with a NextToken, so invoices are missing", _SAVE_AGAIN)
        )
    for path, items, _ in lists:
        for number, item in enumerate(items):
            place = f"{path}[{number}]"
            if isinstance(item, dict):
                yield name, place, item
            else:
                problems.append(ExportProblem(name, place, _shortened(item), "is no invoice summary", _SAVE_AGAIN))


def _texts(text: str) -> Iterator[Any]:
    """Yield the JSON values of a text, one after the other, numbers as Decimals."""
    decoder = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal)
    position = len(text) - len(text.lstrip())
    if position == len(text):
        raise ValueError("it is empty")
    while position < len(text):
        value, position = decoder.raw_decode(text, position)
        yield value
        position = len(text) - len(text[position:].lstrip())


def _lists(name: str, path: str, page: Any, problems: list[ExportProblem]) -> Iterator[tuple[str, list[Any], bool]]:
    """Yield the lists of summaries of one JSON value, and whether AWS says that each goes on."""
    if isinstance(page, dict) and isinstance(page.get("InvoiceSummaries"), list):
        yield f"{path}.InvoiceSummaries", page["InvoiceSummaries"], bool(page.get("NextToken"))
    elif isinstance(page, list) and page and all(isinstance(it, dict) and "InvoiceSummaries" in it for it in page):
        for number, answer in enumerate(page):
            yield from _lists(name, f"{path}[{number}]", answer, problems)
    elif isinstance(page, list) and all(isinstance(it, dict) and "InvoiceId" in it for it in page):
        yield path, page, False
    else:
        problems.append(
            ExportProblem(name, path, _shortened(page), "is no answer of list-invoice-summaries", _SAVE_AGAIN)
        )


def _invoice(
    file: str,
    path: str,
    summary: dict[str, Any],
    payer: str | None,
    configuration: Configuration,
    problems: list[ExportProblem],
) -> Iterator[_Found]:
    """Yield the row of one summary, or nothing after adding its problems."""
    before = len(problems)

    def problem(field: str, value: object, expected: str, what_to_do: str = _SAVE_AGAIN) -> None:
        shown = None if value is None else _shortened(value)
        problems.append(ExportProblem(file, f"{path}.{field}", shown, expected, what_to_do))

    kind = summary.get("InvoiceType")
    if kind not in _COUNTED_TYPES:
        problem("InvoiceType", kind, f"is none of {', '.join((*_COUNTED_TYPES, *_LEFT_OUT_TYPES))}")
    invoice_id = summary.get("InvoiceId")
    if not isinstance(invoice_id, str) or not invoice_id.strip():
        problem("InvoiceId", invoice_id, "is no invoice id")
    account = payer or summary.get("AccountId")
    if not isinstance(account, str) or not _ACCOUNT.fullmatch(account):
        problem("AccountId", account, "is no account id of 12 digits")
    elif account not in {row.payer_account_id for row in configuration.payers}:
        problem(
            "AccountId",
            account,
            "is not in payers.csv",
            "Add it there, or name the payer whose deliveries hold the invoice with --payer.",
        )
    period = _period(summary.get("BillingPeriod"))
    if period is None:
        problem("BillingPeriod", summary.get("BillingPeriod"), "is no Month and Year")
    block = summary.get("BaseCurrencyAmount")
    block = block if isinstance(block, dict) else {}
    total = _money(block.get("TotalAmount"))
    if total is None:
        problem(
            "BaseCurrencyAmount.TotalAmount",
            block.get("TotalAmount"),
            "is no amount with up to 12 digits before the point and 10 after it",
        )
    currency = block.get("CurrencyCode")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        problem("BaseCurrencyAmount.CurrencyCode", currency, "is no currency of three letters")
    if len(problems) > before or total is None or period is None:
        return
    # M2: AWS gives money back by a document of its own; the sign is ours, whatever AWS prints.
    signed = -abs(total) if kind == "CREDIT_MEMO" else total
    yield _Found(
        AwsInvoice(None, str(account), str(invoice_id).strip(), period, signed, str(currency)), file=file, path=path
    )


def _period(value: object) -> date | None:
    if not isinstance(value, dict):
        return None
    try:
        year, month = Decimal(str(value.get("Year"))), Decimal(str(value.get("Month")))
        return date(int(year), int(month), 1) if year == int(year) and month == int(month) else None
    except (InvalidOperation, ValueError, OverflowError):
        return None


def _money(value: object) -> Decimal | None:
    text = f"{value:f}" if isinstance(value, Decimal) else value
    return Decimal(text) if isinstance(text, str) and _MONEY.fullmatch(text) else None


def _said(row: AwsInvoice) -> tuple[date, Decimal, str]:
    return row.billing_period, row.total_amount, row.currency


def _contradiction(found: _Found, before: AwsInvoice) -> ExportProblem:
    where = "another place of the files" if before.source_line is None else f"{_FILE} line {before.source_line}"
    return ExportProblem(
        found.file,
        found.path,
        f"{found.row.invoice_id}: {found.row.total_amount:f} {found.row.currency} of {found.row.billing_period:%Y-%m}",
        f"is {_plain(before.total_amount)} {before.currency} of {before.billing_period:%Y-%m} in {where}",
        "Find out which is right, and take the other one out.",
    )


def _plain(amount: Decimal) -> str:
    return FILE_BY_NAME["aws_invoices"].columns["total_amount"].show(amount)


def _append(target: Path, rows: Sequence[AwsInvoice]) -> None:
    """Put the rows behind those of the file, in the order of its columns, and replace it in one step."""
    columns = FILE_BY_NAME["aws_invoices"].columns
    text = target.read_bytes().decode("utf-8-sig") if target.exists() else ",".join(columns) + "\n"
    header = [name.strip() for name in next(csv.reader(io.StringIO(text)))]
    lines = io.StringIO()
    line_end = "\r\n" if "\r\n" in text else "\n"
    writer = csv.writer(lines, lineterminator=line_end)
    for row in rows:
        writer.writerow([columns[name].show(getattr(row, name)) for name in header])
    separator = "" if text.endswith("\n") else line_end
    draft = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            file.write(text + separator + lines.getvalue())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _shortened(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
