"""What is printed of a certificate: one page as PDF, and the same with every row as Markdown.

What is here: the words, how amounts are written, which rows there is room for, the two files.
When to add here: another part of the certificate, or another kind of file.
What does not belong here: numbers (``certificate``) and the look of the page (``documents/templates``).
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from typing import Any

import jinja2

from orchestration.documents.pdf import Style, pdf_of_page
from orchestration.exports.files import new_file, require_ending
from orchestration.reconciliation.certificate import Certificate

__all__ = [
    "COMPONENTS",
    "PROBLEMS",
    "REASONS",
    "STAGES",
    "certificate_markdown",
    "certificate_pdf",
    "write_certificate",
]

Row = Mapping[str, Any]
Part = dict[str, Any]

STAGES = {
    "aws_cost": "AWS cost",
    "aws_tax": "AWS tax, not passed on",
    "margin": "Margin before customer credits",
    "charges": "Charges",
    "lines_before_rounding": "Lines before rounding",
    "converted": "At the invoice's rate",
    "rounding_difference": "Rounding difference",
    "rounded_lines": "Rounded lines",
    "credits": "Customer credits",
    "taxable": "Taxable amount",
    "tax": "Tax",
    "total": "Invoice total",
    "issued": "Documents issued",
    "to_be_issued": "Still to be issued",
}
"""Stages of `fct_group_reconciliation`; those in bold on paper are sums of the ones before."""

_SUMS = frozenset({"charges", "lines_before_rounding", "rounded_lines", "taxable", "total"})

REASONS = {
    "": "ties",
    "credits": "total before AWS credits",
    "refunds": "refunds came later",
    "tax": "total before tax",
    "rounding": "rounding",
    "not_final": "not final",
    "missing_in_cur": "no CUR row",
    "missing_in_list": "not in aws_invoices.csv",
    "not_supplied": "no AWS invoice supplied",
    "other_currency": "other currency",
    "unexplained": "unexplained",
}
"""Reasons of `fct_aws_invoices` (X4)."""

COMPONENTS = {
    "list_price_difference": "List price over AWS cost",
    "free_tier": "Free tier",
    "markup": "Markup",
    "commitments": "Commitments",
    "bundled_discounts": "Bundled discounts",
    "negotiated_discounts": "Negotiated discounts",
    "partner_discounts": "Partner discounts",
    "aws_credits": "AWS credits",
    "refunds": "Refunds",
    "fees": "Fees",
    "support": "Support",
    "shared_costs": "Shared costs",
    "custom_items": "Own items",
    "minimum_commitment": "Minimum commitment",
    "customer_credits": "Customer credits",
    "unassigned": "Accounts in no group",
    "unrated": "Quarantined rows",
}
"""Components of `fct_margin` (X3)."""

PROBLEMS = {
    "unknown_type": "Unknown line item type",
    "bad_value": "Unreadable value",
    "unassigned_account": "Account in no group",
    "missing_fx_rate": "Missing exchange rate",
    "missing_tax_rate": "Missing tax rate",
    "not_final": "Not final",
    "shared_cost_not_spread": "Shared cost borne by nobody",
    "split_equally": "Split equally",
    "charged_without_rows": "Charged without rows",
    "aws_invoice_difference": "AWS invoice differs",
}
"""Problems of `fct_open_problems`."""

_KINDS = {"invoice": "Invoices", "credit_note": "Credit notes", "supplementary_invoice": "Supplementary invoices"}

# Rows that there is room for on one page when every part is full.
_PAYER_ROWS = 5
_CURRENCIES = 5
_DOCUMENT_ROWS = 6
_PROBLEM_ROWS = 8
_HASH_DIGITS = 16
_SUBJECT_LENGTH = 44
_NAME_LENGTH = 28
_DECIMALS = 10
_PRINTED_DECIMALS = 4


def write_certificate(certificate: Certificate, path: Path) -> Path:
    """Write the certificate to a new file, as PDF or Markdown by its ending; return the path.

    Raises:
        ChargehouseError: the ending is another, or the file is there already or cannot be written.
    """
    ending = require_ending(path, ".pdf", ".md")
    content = certificate_pdf(certificate) if ending == ".pdf" else certificate_markdown(certificate).encode("utf-8")
    with new_file(path) as draft:
        draft.write_bytes(content)
    return path


def certificate_pdf(certificate: Certificate) -> bytes:
    """Return the certificate as PDF/A of one page; the same publication gives the same bytes."""
    day = certificate.built_at.date() if certificate.built_at else certificate.billing_period
    title = f"Close certificate {certificate.billing_period:%Y-%m}"
    return pdf_of_page("certificate.typ", _page(certificate, title), {}, day=day, name=title, style=Style())


def certificate_markdown(certificate: Certificate) -> str:
    """Return the certificate as Markdown, with every row and whole hashes."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    title = f"Close certificate {certificate.billing_period:%Y-%m}"
    parts = [
        _payers(certificate, None),
        _stages(certificate, None),
        _aws_invoices(certificate, None),
        _each_aws_invoice(certificate),
        _margin(certificate),
        _documents(certificate, None),
        _problems(certificate, None),
        _checks(certificate),
        _deliveries(certificate, None, None),
        _configuration(certificate),
    ]
    return environment.get_template("certificate.md.jinja").render(
        title=title,
        verdict=_verdict(certificate),
        residuals=certificate.residuals,
        facts=_facts(certificate, None),
        parts=[part for part in parts if part["rows"] or part["empty"]],
        signatures=_SIGNATURES,
    )


def exact(amount: Decimal | None, decimals: int = _DECIMALS) -> str:
    """Return an amount with thousands apart, at least two decimals and no zeros behind the last digit that counts."""
    if amount is None:
        return ""
    whole, _, rest = f"{_rounded(amount, decimals):,f}".partition(".")
    return f"{whole}.{rest.rstrip('0').ljust(2, '0')}"


def _rounded(amount: Decimal, decimals: int) -> Decimal:
    # The default context has 28 digits; amounts of the marts have up to 38.
    with localcontext() as context:
        context.prec = 60
        found = amount.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
        return found if found else abs(found)


def _minor(amount: Decimal | None, minor_units: int) -> str:
    return "" if amount is None else f"{_rounded(amount, minor_units):,f}"


def _residual(amount: Decimal | None) -> str:
    """Write a residual with every digit: it is a fault however small it is."""
    if amount is None:
        return ""
    if not amount:
        return "0"
    return f"{amount:,f}".rstrip("0").rstrip(".")


def _fitted(text: str, length: int | None) -> str:
    """Return a text as it fits on the page; None for all of it."""
    return text if length is None or len(text) <= length else f"{text[: length - 1]}…"


def _decimals(limit: int | None) -> int:
    return _DECIMALS if limit is None else _PRINTED_DECIMALS


def _word(words: Mapping[str, str], code: str) -> str:
    return words.get(code, code)


def _verdict(certificate: Certificate) -> str:
    if certificate.residuals:
        return "NOT IN BALANCE: a residual is not 0"
    return "In balance: every residual is 0 to the last decimal"


def _facts(certificate: Certificate, digits: int | None) -> list[list[str]]:
    built = f"{certificate.built_at:%Y-%m-%d %H:%M} UTC" if certificate.built_at else "not recorded"
    failed = [row for row in certificate.checks if row["status"] != "pass"]
    checks = f"{len(certificate.checks) - len(failed)} passed, {len(failed)} failed"
    configuration = _short(certificate.configuration_digest, digits)
    ledger = f"{certificate.last_number} {certificate.chain_hash[:digits]}".strip()
    return [
        ["AWS has invoiced", "every row: final" if certificate.is_final else "not every row yet: NOT FINAL"],
        ["CUR rows", f"{certificate.row_count:,}"],
        ["Built", built],
        ["Checks of the last run", checks],
        ["Everything it was made from", _short(certificate.fingerprint, digits)],
        ["Deliveries since then", _newer_deliveries(certificate)],
        ["Billing files", f"{len(certificate.configuration_files)} files, {configuration}"],
        ["Rules (models and ingest)", _short(certificate.code_version, digits)],
        ["Ledger up to", ledger or "no document of the month"],
    ]


def _newer_deliveries(certificate: Certificate) -> str:
    if not certificate.newer_deliveries:
        return "none"
    return f"{len(certificate.newer_deliveries)} NOT BILLED YET: run the month again"


def _short(text: str | None, digits: int | None) -> str:
    return (text or "")[:digits] or "not recorded"


def _part(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    texts: int,
    *,
    note: str = "",
    empty: str = "",
    foot: Sequence[str] | None = None,
    bold: Sequence[int] = (),
) -> Part:
    """Return a table: ``texts`` columns to the left, the others numbers to the right."""
    return {
        "title": title,
        "columns": list(columns),
        "rows": [list(row) for row in rows],
        "texts": texts,
        "note": note,
        "empty": empty,
        "foot": list(foot) if foot else [],
        "bold": list(bold),
    }


def _more(count: int, limit: int | None, what: str) -> str:
    return f"and {count - limit:,} more {what}" if limit is not None and count > limit else ""


def _payers(certificate: Certificate, limit: int | None) -> Part:
    rows = [
        [
            row["payer"],
            *(exact(row[name], _decimals(limit)) for name in ("raw", "billed", "withheld", "unrated", "groups")),
            _residual(row["residual"]),
        ]
        for row in certificate.payers[:limit]
    ]
    return _part(
        "What AWS charged is accounted for (X1), USD",
        ["Payer", "AWS, as delivered", "Billed", "Withheld", "Unrated", "Over all groups", "Residual"],
        rows,
        1,
        note=_more(len(certificate.payers), limit, "payers; those with a residual stand first"),
    )


def _stages(certificate: Certificate, limit: int | None) -> Part:
    currencies = sorted({row["currency"] for row in certificate.stages}, key=lambda code: (code != "USD", code))
    shown = currencies[:limit]
    by_stage: dict[str, dict[str, Row]] = {}
    for row in certificate.stages:
        by_stage.setdefault(row["stage"], {})[row["currency"]] = row
    rows: list[list[str]] = []
    bold = []
    for stage, found in by_stage.items():
        if stage in _SUMS:
            bold.append(len(rows))
        rows.append(
            [
                _word(STAGES, stage),
                *(_stage_amount(certificate, found.get(currency), _decimals(limit)) for currency in shown),
                _residual(max((row["residual"] for row in found.values()), default=Decimal(0))),
            ]
        )
    return _part(
        "From AWS's cost to the documents (X2, X3), all groups",
        ["Stage", *shown, "Residual"],
        rows,
        1,
        note=_more(len(currencies), limit, "currencies, whose residuals count above"),
        bold=bold,
    )


def _stage_amount(certificate: Certificate, row: Row | None, decimals: int) -> str:
    if row is None:
        return ""
    is_rounded = row["stage_number"] >= 8
    return (
        _minor(row["amount"], certificate.minor_units.get(row["currency"], 2))
        if is_rounded
        else exact(row["amount"], decimals)
    )


def _aws_invoices(certificate: Certificate, limit: int | None) -> Part:
    rows = [
        [
            row["payer"],
            f"{row['supplied']} of {row['invoices']}",
            _fitted(_reasons(row["reasons"]), None if limit is None else _NAME_LENGTH),
            exact(row["cur_amount"], _decimals(limit)),
            exact(row["compared_amount"], _decimals(limit)),
            exact(row["total_amount"], _decimals(limit)),
            exact(row["left_out_difference"], _decimals(limit)),
            exact(row["rounding_difference"], _decimals(limit)),
            _residual(row["residual"]) if not row["absolute_residual"] or row["residual"] else "not 0",
        ]
        for row in certificate.aws_invoice_totals[:limit]
    ]
    columns = ["Payer", "Supplied", "Why they differ", "CUR in all", "CUR compared", "AWS printed"]
    return _part(
        "AWS's own invoices (X4), USD",
        [*columns, "Left out", "Rounding", "Unexplained"],
        rows,
        3,
        note=_more(len(certificate.aws_invoice_totals), limit, "payers; those with a difference stand first"),
    )


def _reasons(text: str | None) -> str:
    reasons = dict.fromkeys((text or "").split("|"))
    return ", ".join(_word(REASONS, reason) for reason in reasons)


def _each_aws_invoice(certificate: Certificate) -> Part:
    rows = [
        [
            row["payer"],
            row["invoice"] or "none yet",
            _reasons(row["reasons"]),
            exact(row["cur_amount"]),
            exact(row["data_transfer_amount"]),
            f"{exact(row['total_amount'])} {row['currency'] or ''}".strip(),
            exact(row["left_out_difference"]),
            exact(row["rounding_difference"]),
            _residual(row["residual"]),
        ]
        for row in certificate.aws_invoices
    ]
    columns = ["Payer", "Invoice", "Why they differ", "CUR", "Of it data transfer", "AWS printed"]
    return _part("Each of AWS's invoices, USD", [*columns, "Left out", "Rounding", "Unexplained"], rows, 3)


def _margin(certificate: Certificate, decimals: int = _DECIMALS) -> Part:
    rows = [[_word(COMPONENTS, row["component"]), exact(row["amount"], decimals)] for row in certificate.margin]
    return _part(
        "Margin after customer credits (X3), USD, without tax", ["Part", "Amount"], rows, 1, empty="There is none."
    )


def _documents(certificate: Certificate, limit: int | None) -> Part:
    rows = [
        [
            f"{_word(_KINDS, row['kind'])} {row['currency']}",
            row["first_number"] if row["documents"] == 1 else f"{row['first_number']} … {row['last_number']}",
            f"{row['documents']:,}",
            _minor(row["total_amount"], row["minor_units"]),
        ]
        for row in certificate.documents
    ] + [
        [
            f"To be issued {row['currency']}",
            f"{row['approved']:,} approved",
            f"{row['documents']:,}",
            _minor(row["total_amount"], row["minor_units"]),
        ]
        for row in certificate.to_be_issued
    ]
    return _part(
        "Documents",
        ["Kind", "Numbers", "Count", "Total"],
        rows[:limit],
        2,
        note=_more(len(rows), limit, "rows"),
        empty="Nothing is issued, and nothing is to be issued.",
    )


def _problems(certificate: Certificate, limit: int | None) -> Part:
    problems = certificate.open_problems
    rows = [
        [
            _word(PROBLEMS, row["problem"]),
            _fitted(row["group"] or "all", None if limit is None else _NAME_LENGTH),
            _fitted(row["subject"], None if limit is None else _SUBJECT_LENGTH),
            *([row["detail"]] if limit is None else []),
            f"{row['rows']:,}",
            exact(row["aws_cost"], _decimals(limit)),
        ]
        for row in problems[:limit]
    ]
    details = ["What to do"] if limit is None else []
    return _part(
        f"Open items ({len(problems):,})",
        ["Problem", "Group", "Subject", *details, "Rows", "USD"],
        rows,
        3 + len(details),
        note=_more(len(problems), limit, "open items, each with less money"),
        empty="Nothing is open.",
    )


def _checks(certificate: Certificate) -> Part:
    rows = [
        [row["check"], row["layer"], row["severity"], row["detail"]]
        for row in certificate.checks
        if row["status"] != "pass"
    ]
    empty = f"All {len(certificate.checks)} checks of the last run passed."
    return _part("Checks that failed", ["Check", "Layer", "Severity", "Detail"], rows, 4, empty=empty)


def _deliveries(certificate: Certificate, limit: int | None, digits: int | None) -> Part:
    rows = [
        [
            row["payer"],
            _fitted(row["export"], None if limit is None else _NAME_LENGTH),
            _fitted(row["delivery"], None if limit is None else _SUBJECT_LENGTH),
            _short(row["fingerprint"], digits),
            f"{row['rows'] or 0:,}",
            exact(row["aws_cost"], _decimals(limit)),
        ]
        for row in certificate.deliveries[:limit]
    ]
    return _part(
        "Deliveries that it was made from",
        ["Payer", "Export", "Delivery", "sha256", "Rows", "USD"],
        rows,
        4,
        note=_more(len(certificate.deliveries), limit, "deliveries"),
        empty="None.",
    )


def _configuration(certificate: Certificate) -> Part:
    rows = [[row["file"], row["sha256"]] for row in certificate.configuration_files]
    return _part("Billing files", ["File", "sha256"], rows, 2, empty="Not recorded yet.")


def _page(certificate: Certificate, title: str) -> dict[str, Any]:
    return {
        "title": "Close certificate",
        "file_title": title,
        "month": f"{certificate.billing_period:%B %Y}",
        "verdict": _verdict(certificate),
        "is_good": not certificate.residuals,
        "facts": _facts(certificate, _HASH_DIGITS),
        "payers": _payers(certificate, _PAYER_ROWS),
        "stages": _stages(certificate, _CURRENCIES),
        "aws_invoices": _aws_invoices(certificate, _PAYER_ROWS),
        "margin": _margin(certificate, 2),
        "documents": _documents(certificate, _DOCUMENT_ROWS),
        "problems": _problems(certificate, _PROBLEM_ROWS),
        "deliveries": _deliveries(certificate, _PAYER_ROWS, _HASH_DIGITS),
        "signatures": list(_SIGNATURES),
        "footer": f"Amounts are shown with {_PRINTED_DECIMALS} decimals at most, residuals to the last. Hashes are the "
        f"first {_HASH_DIGITS} digits of sha256. The certificate as Markdown or JSON has all digits and every row.",
    }


_SIGNATURES = ("Prepared by", "Reviewed by", "Date")


def _cell(text: str) -> str:
    """Return a text as a cell of a Markdown table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
