"""What stands on the pages of an invoice or credit note: every text and number as it is printed, in order.

What is here: ``invoice_page``, the data of ``templates/invoice.typ``, and the parts that letters share with it.
When to add here: another fact that a printed document shows.
What does not belong here: fonts, colours and places, which are the template's; amounts, which are the document's.
"""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from orchestration.documents.content import Customer, Document, Issuer, Line, TaxLine
from orchestration.documents.language import Language

__all__ = ["grouped_iban", "invoice_page", "party_lines", "sheet"]

Page = dict[str, Any]

# Paper of the customer's country; everywhere else it is A4.
_LETTER_COUNTRIES = frozenset({"US", "CA", "MX"})
# A word longer than this would not fit beside the numbers, so it may break there.
_LONGEST_WORD = 28


def sheet(language: Language, issuer: Issuer, customer: Customer, *, title: str, number: str, paid_to: bool) -> Page:
    """Return what every sheet has: paper, language, sender, recipient and footer.

    Args:
        language: the customer's.
        issuer: the sender.
        customer: the recipient.
        title: kind of the document, as printed.
        number: its number, or another name; may be empty.
        paid_to: whether the footer names the bank account.
    """
    return {
        "language": language.code,
        "paper": "us-letter" if customer.country_code in _LETTER_COUNTRIES else "a4",
        "title": title,
        "number": breakable(number),
        "file_title": f"{title} {number}".strip(),
        "issuer_name": issuer.legal_name,
        "sender": " · ".join(party_lines(issuer, language, customer.country_code)),
        "recipient": [breakable(line) for line in party_lines(customer, language, issuer.country_code)],
        "footer": [
            [breakable(line) for line in party_lines(issuer, language, customer.country_code)],
            [
                *([f"{language.text('tax_id')} {issuer.tax_id}"] if issuer.tax_id else []),
                *([breakable(issuer.email)] if issuer.email else []),
            ],
            [f"IBAN {grouped_iban(issuer.iban)}"] if issuer.iban and paid_to else [],
        ],
        # The template counts the pages; the words around the counts are the language's.
        "page": re.split(r"(\{page\}|\{pages\})", language.text("page", page="{page}", pages="{pages}")),
    }


def party_lines(party: Issuer | Customer, language: Language, other_country: str) -> list[str]:
    """Return name and address as on an envelope; the country only where the mail crosses a border."""
    city = [party.postal_code or "", party.city or ""]
    if party.country_code in _LETTER_COUNTRIES:
        region = party.subdivision or "" if isinstance(party, Customer) else ""
        city = [", ".join(filter(None, [party.city, region])), party.postal_code or ""]
    lines = [party.legal_name, party.address or "", " ".join(filter(None, city))]
    if party.country_code != other_country:
        lines.append(language.country(party.country_code))
    return [re.sub(r"\s+", " ", line).strip() for line in lines if line.strip()]


def grouped_iban(iban: str) -> str:
    """Return an IBAN in groups of four, as banks print it."""
    compact = re.sub(r"\s", "", iban)
    return "\N{NO-BREAK SPACE}".join(compact[start : start + 4] for start in range(0, len(compact), 4))


def breakable(text: str) -> str:
    """Return the text with invisible places to break inside words that are too long for a column."""
    return re.sub(
        rf"\S{{{_LONGEST_WORD},}}",
        lambda word: re.sub(rf"([/:._@-]+|\S{{{_LONGEST_WORD - 1}}})(?=\S)", "\\1\N{ZERO WIDTH SPACE}", word.group()),
        text,
    )


def invoice_page(document: Document) -> Page:
    """Return what is printed of a document, in the customer's language."""
    return _InvoicePage(document).page()


class _InvoicePage:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._language = Language.of(document.customer.language, document.customer.country_code)
        self._text = self._language.text
        self._has_credits = any(line.credit_amount for line in document.lines)

    def page(self) -> Page:
        document, text = self._document, self._text
        title = text(f"title_{document.kind}")
        return {
            **sheet(
                self._language,
                document.issuer,
                document.customer,
                title=title,
                number=document.number or text("draft"),
                paid_to=document.totals.total_amount > 0,
            ),
            "is_draft": document.is_draft,
            "draft_note": text("draft_note"),
            "facts": list(self._facts()),
            "headline": self._headline(),
            "columns": self._columns(),
            "lines": [self._line(line) for line in document.charge_lines],
            "lines_total": self._lines_total(),
            "credits": self._credits(),
            "taxes": self._taxes(),
            "totals": list(self._totals()),
            "total": [text("total"), self._money(document.totals.total_amount)],
            "notes_title": text("notes"),
            "notes": list(self._notes()),
            "payment": self._payment(),
        }

    def _amount(self, amount: Decimal) -> str:
        return self._language.amount(amount, self._document.minor_units)

    def _money(self, amount: Decimal) -> str:
        return f"{self._amount(amount)}\N{NO-BREAK SPACE}{self._document.currency}"

    def _day(self, day: date | None) -> str:
        return self._language.day(day) if day else "–"

    def _facts(self) -> Iterator[list[str]]:
        document, text = self._document, self._text
        period = f"{self._day(document.service_period_start)} – {self._day(document.service_period_end)}"
        terms = document.customer.payment_terms_days
        yield [text("number"), breakable(document.number or text("draft"))]
        yield [text("issue_date"), self._day(document.issue_date)]
        if document.totals.total_amount > 0:
            yield [text("due_date"), self._day(document.due_date)]
        if document.reference is not None:
            reference = document.reference
            yield [
                text("corrects"),
                breakable(text("document_of", number=reference.number, date=self._day(reference.issue_date))),
            ]
        yield [text("service_period"), period]
        yield [text("tax_point"), self._day(document.tax_point)]
        if terms is not None and document.totals.total_amount > 0:
            yield [text("payment_terms"), text("days_net", days=str(terms))]
        yield [text("customer_number"), breakable(document.customer.customer_id)]
        if document.customer.tax_id:
            yield [text("your_tax_id"), breakable(document.customer.tax_id)]
        yield [text("billing_group"), breakable(document.billing_group.billing_group_name)]

    def _headline(self) -> list[str]:
        total = self._document.totals.total_amount
        if total > 0:
            note = self._text("payable_by", date=self._day(self._document.due_date)) if self._document.due_date else ""
            return [self._text("amount_due"), self._money(total), note]
        if total < 0:
            return [self._text("amount_credited"), self._money(-total), ""]
        return [self._text("nothing_due"), self._money(total), ""]

    def _columns(self) -> list[str]:
        keys = ["position", "description", "tax", "net", *(["credit"] if self._has_credits else []), "amount"]
        if not self._has_credits:
            keys.remove("net")
        return [self._text(key) for key in keys]

    def _amounts(self, net: Decimal, credit: Decimal) -> list[str]:
        if not self._has_credits:
            return [self._amount(net)]
        return [self._amount(net), self._amount(credit) if credit else "", self._amount(net + credit)]

    def _line(self, line: Line) -> Page:
        details = []
        if line.cause:
            details.append(f"{self._text('reason')}: {self._language.cause(line.cause)}")
        if line.usage:
            items = [
                f"{usage.usage_type}\N{NO-BREAK SPACE}{self._language.amount(usage.amount_usd, 2)}"
                for usage in line.usage
            ]
            details.append(self._text("usage_summary", items=" · ".join(items)))
        return {
            "number": str(line.line_number),
            "description": breakable(line.description),
            "details": [breakable(detail) for detail in details],
            "tax": [self._tax_mark(part.tax_category, part.tax_rate) for part in line.parts],
            "amounts": self._amounts(line.net_amount, line.credit_amount),
        }

    def _tax_mark(self, category: str, rate: Decimal) -> str:
        return self._language.percent(rate) if category == "S" else category

    def _lines_total(self) -> Page:
        totals = self._document.totals
        return {
            "label": self._text("sum_of_lines"),
            "amounts": [
                self._amount(totals.net_amount),
                *(
                    [self._amount(totals.credit_amount), self._amount(totals.net_amount + totals.credit_amount)]
                    if self._has_credits
                    else []
                ),
            ],
        }

    def _credits(self) -> Page | None:
        draws = self._document.credits
        if not draws:
            return None
        return {
            "columns": [self._text("credits_drawn"), self._text("drawn"), self._text("balance_after")],
            "rows": [
                [
                    breakable(draw.description or draw.credit_id),
                    self._amount(draw.amount),
                    self._amount(draw.balance_after),
                ]
                for draw in draws
            ],
        }

    def _taxes(self) -> Page:
        return {
            "title": self._text("tax_breakdown"),
            "columns": [self._text(f"tax_{column}") for column in ("category", "name", "rate", "base", "amount")],
            "rows": [
                *(self._tax_row(tax) for tax in self._document.taxes),
                *(
                    [self._category("O"), breakable(line.description), "", "", self._amount(line.net_amount)]
                    for line in self._document.aws_tax_lines
                ),
            ],
        }

    def _tax_row(self, tax: TaxLine) -> list[str]:
        return [
            self._category(tax.tax_category),
            breakable(tax.tax_name or ""),
            self._language.percent(tax.tax_rate),
            self._amount(tax.taxable_amount),
            self._amount(tax.tax_amount),
        ]

    def _category(self, category: str) -> str:
        return f"{category}  {self._text(f'category_{category}')}"

    def _totals(self) -> Iterator[list[str]]:
        document, text = self._document, self._text
        totals = document.totals
        yield [text("net_amount"), self._amount(totals.net_amount)]
        if self._has_credits:
            yield [text("customer_credits"), self._amount(totals.credit_amount)]
            yield [text("taxable_amount"), self._amount(totals.net_amount + totals.credit_amount)]
        for tax in document.taxes:
            if tax.tax_amount:
                label = f"{tax.tax_name or text('tax')} {self._language.percent(tax.tax_rate)}"
                yield [breakable(label), self._amount(tax.tax_amount)]
        for line in document.aws_tax_lines:
            yield [text("aws_tax"), self._amount(line.net_amount)]
        if not totals.tax_amount:
            yield [text("tax"), self._amount(totals.tax_amount)]

    def _notes(self) -> Iterator[str]:
        document, text = self._document, self._text
        reasons: dict[str, None] = {}
        parts = [part for line in document.charge_lines for part in line.parts]
        entries = [(tax.tax_category, tax.exemption_reason) for tax in document.taxes]
        for category, reason in [*entries, *((part.tax_category, part.exemption_reason) for part in parts)]:
            if reason:
                reasons[f"{category}: {reason}"] = None
        categories = {tax.tax_category for tax in document.taxes}
        if "AE" in categories:
            yield text("note_AE")
        if "E" in categories and not any(reason.startswith("E:") for reason in reasons):
            yield f"E: {text('reason_E')}"
        if "O" in categories and not any(reason.startswith("O:") for reason in reasons):
            yield f"O: {text('reason_O')}"
        yield from map(breakable, reasons)
        if document.fx is not None:
            yield self._language.exchange_rate(document.fx)
        accounting, tax = document.accounting_fx, document.accounting_tax_amount
        if accounting is not None and tax is not None:
            yield text(
                "accounting_tax",
                currency=accounting.currency,
                amount=self._language.number(tax),
                base=document.currency,
                rate=self._language.number(accounting.rate),
                source=accounting.source,
            )

    def _payment(self) -> Page | None:
        document, text = self._document, self._text
        total = document.totals.total_amount
        if document.is_draft or total == 0:
            return None
        if total < 0:
            return {"title": text("payment"), "text": text("credited"), "facts": []}
        facts = [[text("payment_reference"), breakable(document.number or "")]]
        if document.issuer.iban:
            facts = [
                ["IBAN", grouped_iban(document.issuer.iban)],
                [text("account_holder"), breakable(document.issuer.legal_name)],
                *facts,
            ]
        pay = text(
            "pay", amount=self._money(total), date=self._day(document.due_date), number=breakable(document.number or "")
        )
        return {"title": text("payment"), "text": pay, "facts": facts}
