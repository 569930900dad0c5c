"""The electronic invoice: EN 16931 in its CII syntax, profile EN 16931 of Factur-X and ZUGFeRD.

What is here: ``electronic_invoice``, which fills the standard's business terms (BT-1, …) from a document, and
``refusal``, which says why a document has none.
When to add here: another business term, or another syntax of the same standard.
What does not belong here: arithmetic beside turning signs; every amount stands in the document. Whether the result
obeys the standard is checked in ``validation``.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from facturx.generate_xml import generate_cii_xml

from orchestration.documents.content import Customer, Document, Issuer, Part, round_half_away
from orchestration.documents.language import Language
from orchestration.errors import DocumentError

__all__ = ["PROFILE", "electronic_invoice", "refusal"]

PROFILE = "en16931"

_Terms = dict[str, Any]
# (tax category, rate): the standard allows one breakdown each (BG-23).
_TaxKey = tuple[str, Decimal]

# The standard's own code for a category that needs a reason (BT-121), from its list of exemption reasons.
_REASON_CODES = {"AE": "VATEX-EU-AE", "O": "VATEX-EU-O"}
# Greece is EL in VAT numbers and GR everywhere else.
_VAT_PREFIXES = {"GR": "EL"}


def refusal(document: Document) -> str | None:
    """Return why the document has no electronic invoice, or None when it has one."""
    if document.is_draft:
        return "A draft has no electronic invoice; it has no number yet."
    if document.minor_units > 2:
        return (
            f"EN 16931 allows two decimals (BR-DEC), and {document.currency} has {document.minor_units}: "
            "rounding would change the invoice. Send the PDF."
        )
    accounting = document.accounting_tax_amount
    if accounting is not None and accounting != round_half_away(accounting, 2):
        return (
            f"EN 16931 allows two decimals (BR-DEC-15); the tax in {document.issuer.currency} has more. Send the PDF."
        )
    categories = {part.tax_category for line in document.lines for part in line.parts}
    if categories - {"O"} and not _compact(document.issuer.tax_id):
        return "EN 16931 asks for the issuer's tax id (BR-S-02), and issuers.csv had none. Send the PDF."
    if "AE" in categories and not _compact(document.customer.tax_id):
        return (
            "EN 16931 asks for the customer's tax id under reverse charge (BR-AE-02), and there was none. Send the PDF."
        )
    if "O" in categories and len(categories) > 1:
        return (
            "EN 16931 keeps what is out of scope of tax (O) apart from everything else (BR-O-11), "
            f"and this document has {', '.join(sorted(categories))}. Send the PDF."
        )
    if not document.lines:
        return "EN 16931 asks for at least one line (BR-16), and this document has none. Send the PDF."
    return None


def electronic_invoice(document: Document) -> bytes:
    """Return the XML of the document: type 380, or 381 for a credit note, in which the signs are turned.

    Each tax part of a line is a line of its own; a negative one has a negative quantity, never a negative price
    (BR-27). Customer credits are document-level allowances. Amounts are the document's, as text.

    Raises:
        DocumentError: the document has none; see ``refusal``.
    """
    reason = refusal(document)
    if reason is not None:
        raise DocumentError(f"Document {document.number or 'without number'}: {reason}")
    terms = _Builder(document).terms()
    try:
        return bytes(generate_cii_xml(terms, level=PROFILE, check_xsd=False, check_schematron=False))
    except ValueError as error:
        raise DocumentError(f"The electronic invoice of {document.number} cannot be written: {error}") from error


class _Builder:
    """Fills the business terms of one document, whose signs it turns for a credit note."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._language = Language.of(document.customer.language, document.customer.country_code)
        self._is_credit_note = document.kind == "credit_note"
        self._is_out_of_scope = any(part.tax_category == "O" for line in document.lines for part in line.parts)

    def terms(self) -> _Terms:
        document = self._document
        totals = document.totals
        aws_tax = sum((line.net_amount for line in document.aws_tax_lines), Decimal(0))
        allowances, charges = self._allowances()
        lowered = sum((Decimal(entry["amount"]) for entry in allowances), Decimal(0))
        raised = sum((Decimal(entry["amount"]) for entry in charges), Decimal(0))
        net = self._signed(totals.net_amount + aws_tax)
        tax = self._signed(totals.tax_amount - aws_tax)
        terms: _Terms = {
            "BT-1": _text(document.number or ""),
            "BT-2": document.issue_date,
            "BT-3": "381" if self._is_credit_note else "380",
            "BT-5": document.currency,
            "BT-7": document.tax_point,
            # Whatever is to be paid needs one of the two (BR-CO-25, which the library's rules leave out).
            "BT-9": None if self._is_credit_note else document.due_date,
            "BT-20": self._payment_terms(),
            "BT-72": document.service_period_end,
            "BT-73": document.service_period_start,
            "BT-74": document.service_period_end,
            "BG-1": [{"BT-22": note} for note in self._notes()],
            "BG-3": [{"BT-25": _text(document.reference.number), "BT-26": document.reference.issue_date}]
            if document.reference
            else [],
            "BG-4": _seller(document.issuer, has_vat_id=not self._is_out_of_scope),
            "BG-7": _buyer(document.customer, has_vat_id=not self._is_out_of_scope),
            "BG-20": allowances,
            "BG-21": charges,
            "BG-23": self._tax_breakdown(),
            "BG-25": self._lines(),
            "BT-106": self._amount(net),
            "BT-107": self._amount(lowered) if allowances else None,
            "BT-108": self._amount(raised) if charges else None,
            "BT-109": self._amount(net - lowered + raised),
            "BT-110": self._amount(tax),
            "BT-112": self._amount(self._signed(totals.total_amount)),
            "BT-115": self._amount(self._signed(totals.total_amount)),
        }
        if document.accounting_fx is not None and document.accounting_tax_amount is not None:
            terms["BT-6"] = document.accounting_fx.currency
            terms["BT-111"] = format(self._signed(document.accounting_tax_amount), "f")
        if document.issuer.iban and not self._is_credit_note:
            terms["BT-81"] = "58" if document.currency == "EUR" else "30"
            terms["BT-84"] = re.sub(r"\s", "", document.issuer.iban)
        return terms

    def _payment_terms(self) -> str | None:
        due_date = self._document.due_date
        if self._is_credit_note:
            return self._language.text("credited")
        return self._language.text("payable_by", date=self._language.day(due_date)) if due_date else None

    def _signed(self, amount: Decimal) -> Decimal:
        return -amount + 0 if self._is_credit_note else amount

    def _amount(self, amount: Decimal) -> str:
        return format(round_half_away(amount, self._document.minor_units), "f")

    def _notes(self) -> Iterable[str]:
        document = self._document
        group = document.billing_group
        yield _text(f"{self._language.text('billing_group')}: {group.billing_group_name} ({group.billing_group_id})")
        if document.fx is not None:
            yield _text(self._language.exchange_rate(document.fx))

    def _lines(self) -> list[_Terms]:
        lines = []
        for line in self._document.lines:
            several = len(line.parts) > 1
            for index, part in enumerate(line.parts, start=1):
                net = self._signed(part.net_amount)
                lines.append(
                    {
                        "BT-126": f"{line.line_number}.{index}" if several else str(line.line_number),
                        "BT-127-00": [{"BT-127": _text(self._language.cause(line.cause))}] if line.cause else [],
                        "BT-129": "-1" if net < 0 else "1",
                        "BT-130": "C62",
                        "BT-131": self._amount(net),
                        "BT-146": self._amount(abs(net)),
                        "BT-151": part.tax_category,
                        "BT-152": _rate(part),
                        "BT-153": _text(line.description),
                        "BT-155": _text(line.service_code) if line.service_code else None,
                    }
                )
        return lines

    def _allowances(self) -> tuple[list[_Terms], list[_Terms]]:
        """Return the customer credits per tax category and rate: drawn as allowances, given back as charges (K4)."""
        drawn: dict[_TaxKey, Decimal] = defaultdict(Decimal)
        for line in self._document.lines:
            for part in line.parts:
                drawn[part.tax_category, part.tax_rate] += self._signed(part.credit_amount)
        allowances: list[_Terms] = []
        charges: list[_Terms] = []
        for (category, rate), amount in sorted(drawn.items()):
            if amount != 0:
                (allowances if amount < 0 else charges).append(
                    {
                        "amount": self._amount(abs(amount)),
                        "reason": self._language.text("customer_credits"),
                        "vat_category_code": category,
                        "vat_rate": None if category == "O" else format(rate, "f"),
                    }
                )
        return allowances, charges

    def _tax_breakdown(self) -> list[_Terms]:
        document = self._document
        bases: dict[_TaxKey, Decimal] = defaultdict(Decimal)
        taxes: dict[_TaxKey, Decimal] = defaultdict(Decimal)
        reasons: dict[_TaxKey, list[str]] = defaultdict(list)
        for line in document.lines:
            for part in line.parts:
                bases[part.tax_category, part.tax_rate] += part.net_amount + part.credit_amount
                if part.exemption_reason:
                    reasons[part.tax_category, part.tax_rate].append(_text(part.exemption_reason))
        for tax in document.taxes:
            taxes[tax.tax_category, tax.tax_rate] += tax.tax_amount
        return [
            {
                "BT-7": document.tax_point,
                "BT-116": self._amount(self._signed(base)),
                "BT-117": self._amount(self._signed(taxes[category, rate])),
                "BT-118": category,
                "BT-119": None if category == "O" else format(rate, "f"),
                "BT-120": self._reason(category, reasons[category, rate]),
                "BT-121": _REASON_CODES.get(category),
            }
            for (category, rate), base in sorted(bases.items())
        ]

    def _reason(self, category: str, reasons: list[str]) -> str | None:
        if category in ("S", "Z"):
            return None
        return "; ".join(dict.fromkeys(reasons)) or self._language.text(f"reason_{category}")


def _rate(part: Part) -> str | None:
    return None if part.tax_category == "O" else format(part.tax_rate, "f")


def _seller(issuer: Issuer, *, has_vat_id: bool) -> _Terms:
    party = _party(issuer)
    if _compact(issuer.tax_id):
        # What is out of scope must not show a VAT number (BR-O-02); the tax number stays.
        is_vat = has_vat_id and _is_vat_number(issuer.tax_id, issuer.country_code)
        party["vat_identifier" if is_vat else "tax_identifier"] = _compact(issuer.tax_id)
    party["identifiers"] = {None: _text(issuer.issuer_id)}
    if issuer.email:
        party["contacts"] = [{"name": _text(issuer.legal_name), "email": _text(issuer.email)}]
    return party


def _buyer(customer: Customer, *, has_vat_id: bool) -> _Terms:
    party = _party(customer)
    if _compact(customer.tax_id):
        if has_vat_id and _is_vat_number(customer.tax_id, customer.country_code):
            party["vat_identifier"] = _compact(customer.tax_id)
        elif not _is_vat_number(customer.tax_id, customer.country_code):
            party["legal_identifier"] = _compact(customer.tax_id)
    party["identifiers"] = {None: _text(customer.customer_id)}
    if customer.subdivision:
        party["country_subdivision"] = _text(customer.subdivision)
    return party


def _party(row: Issuer | Customer) -> _Terms:
    party: _Terms = {
        "name": _text(row.legal_name),
        "addr_l1": _text(row.address or ""),
        "postcode": _text(row.postal_code or ""),
        "city": _text(row.city or ""),
        "country_code": row.country_code,
    }
    if row.email:
        party |= {"einvoicing_addr": _text(row.email), "einvoicing_addr_schemeid": "EM"}
    return party


def _is_vat_number(tax_id: str | None, country_code: str) -> bool:
    """Whether the id begins with its country, as every VAT number does (BR-CO-09)."""
    return _compact(tax_id).startswith(_VAT_PREFIXES.get(country_code, country_code))


def _compact(tax_id: str | None) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", tax_id or "").upper()


def _text(text: str) -> str:
    """Return the text in one line, without the control characters that XML cannot hold."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\ufffe\uffff]+", " ", text).strip()
