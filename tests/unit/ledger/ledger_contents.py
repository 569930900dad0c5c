"""Finished contents of documents, as the models will hand them to the ledger: few words, sums that tie."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from orchestration.ledger.approvals import Draft
from orchestration.ledger.contents import CreditDraw, Kind, canonical_bytes
from orchestration.ledger.issuing import IssuedDocument, IssueRequest
from orchestration.ledger.ledger import Ledger

ISSUER = "brightwater"
CENT = Decimal("0.01")


def a_line(number: int, net: Decimal, account: str = "111122223333", rate: str = "19", kind: str = "usage") -> Any:
    """A line of one account and one tax category, without credits."""
    service = "" if kind == "aws_tax" else f"Service{number}"
    return {
        "invoice_line_key": f"{kind}//{service}",
        "line_number": number,
        "line_kind": kind,
        "source_id": "",
        "service_code": service,
        "description": f"Änderung {number} – “quoted”",
        "charge_class": "",
        "cause": "",
        "exact_amount_usd": net + Decimal("0.001234567890"),
        "net_amount": net,
        "credit_amount": Decimal(0),
        "parts": [
            {
                "tax_category": "O" if kind == "aws_tax" else "S",
                "tax_name": "VAT",
                "tax_rate": Decimal(rate),
                "exemption_reason": None,
                "net_amount": net,
                "credit_amount": Decimal(0),
            }
        ],
        "accounts": [{"sub_account_id": account, "net_amount": net, "credit_amount": Decimal(0)}],
        "usage": [],
    }


def a_content(
    group: str = "kranich",
    period: str = "2026-09",
    kind: Kind = "invoice",
    nets: Sequence[str] = ("100.00",),
    issuer: str = ISSUER,
    prefix: str = "BW",
    customer: str = "kranich-gmbh",
    issue_date: str = "2026-10-05",
    due_date: str = "2026-11-04",
    reference: IssuedDocument | None = None,
    currency: str = "EUR",
) -> dict[str, Any]:
    """A content of lines at 19 %, its number empty and its draft hash made from its numbers."""
    lines = [a_line(number, Decimal(net)) for number, net in enumerate(nets, start=1)]
    content: dict[str, Any] = {
        "format": 1,
        "kind": kind,
        "number": None,
        "billing_period": period,
        "billing_group": {"billing_group_id": group, "billing_group_name": group.title(), "primary_account_id": "1"},
        "issue_date": issue_date,
        "due_date": due_date,
        "tax_point": f"{period}-28",
        "service_period_start": f"{period}-01",
        "service_period_end": f"{period}-28",
        "issuer": {"issuer_id": issuer, "legal_name": "Brightwater", "invoice_prefix": prefix, "currency": "EUR"},
        "customer": {"customer_id": customer, "legal_name": "Kranich GmbH", "currency": currency},
        "currency": currency,
        "minor_units": 2,
        "fx": {"from_currency": "USD", "to_currency": currency, "rate": Decimal("0.9234"), "source": "ECB"},
        "accounting_fx": None,
        "reference": None if reference is None else {"number": reference.number, "issue_date": reference.issue_date},
        "lines": lines,
        "credits": [],
        "provenance": {"deliveries": [], "configuration": {}, "code_version": "1", "run_id": "r"},
    }
    return summed(content)


def summed(content: dict[str, Any]) -> dict[str, Any]:
    """Make taxes and totals from the lines, and the draft hash from all of it."""
    lines = content["lines"]
    net = sum((line["net_amount"] for line in lines if line["line_kind"] != "aws_tax"), Decimal(0))
    passed_on = sum((line["net_amount"] for line in lines if line["line_kind"] == "aws_tax"), Decimal(0))
    credit = sum((line["credit_amount"] for line in lines), Decimal(0))
    tax = ((net + credit) * Decimal("0.19")).quantize(CENT, ROUND_HALF_UP)
    content["taxes"] = [
        {
            "tax_category": "S",
            "tax_name": "VAT",
            "tax_rate": Decimal(19),
            "exemption_reason": None,
            "taxable_amount": net + credit,
            "tax_amount": tax,
        }
    ]
    content["totals"] = {
        "net_amount": net,
        "credit_amount": credit,
        "taxable_amount": net + credit,
        "tax_amount": tax + passed_on,
        "total_amount": net + credit + tax + passed_on,
        "rounding_difference": Decimal("-0.001"),
    }
    numbers = {name: content[name] for name in ("kind", "billing_period", "billing_group", "lines", "taxes", "totals")}
    content["provenance"]["draft_hash"] = hashlib.sha256(canonical_bytes(numbers)).hexdigest()
    return content


def with_credit(content: dict[str, Any], amount: str, credit_id: str = "promo") -> tuple[dict[str, Any], CreditDraw]:
    """Draw a customer credit on the first line."""
    drawn, line = Decimal(amount), content["lines"][0]
    line["credit_amount"] = drawn
    line["parts"][0]["credit_amount"] = drawn
    line["accounts"][0]["credit_amount"] = drawn
    content["credits"] = [
        {"credit_id": credit_id, "description": "Promotion", "amount": drawn, "balance_after": Decimal("0.00")}
    ]
    draw = CreditDraw(
        credit_id, line["invoice_line_key"], line["accounts"][0]["sub_account_id"], line["service_code"], drawn
    )
    return summed(content), draw


def request_of(content: dict[str, Any], revision: int = 0, draws: Sequence[CreditDraw] = ()) -> IssueRequest:
    """Ask for a content to be issued."""
    draft = Draft(
        content["billing_period"],
        content["billing_group"]["billing_group_id"],
        content["kind"],
        revision,
        content["provenance"]["draft_hash"],
    )
    return IssueRequest(draft, content, tuple(draws))


def issue(ledger: Ledger, request: IssueRequest) -> IssuedDocument:
    """Approve and issue."""
    ledger.approve(request.draft, "Ada")
    return ledger.issue(request, "Ben")


def issue_one(ledger: Ledger, group: str, total: str = "119.00", **details: Any) -> IssuedDocument:
    """Issue an invoice of one line with the given total, tax included."""
    net = (Decimal(total) / Decimal("1.19")).quantize(CENT, ROUND_HALF_UP)
    return issue(ledger, request_of(a_content(group=group, nets=[str(net)], **details)))


def correct(ledger: Ledger, original: IssuedDocument, net: str, revision: int = 1, **details: Any) -> IssuedDocument:
    """Issue a correction of a document."""
    kind: Kind = "credit_note" if Decimal(net) < 0 else "supplementary_invoice"
    content = a_content(
        group=original.billing_group_id,
        period=original.billing_period,
        kind=kind,
        nets=[net],
        customer=original.customer_id,
        reference=original,
        **details,
    )
    return issue(ledger, request_of(content, revision))


def another_hash(request: IssueRequest, draft_hash: str) -> IssueRequest:
    """The same request for other numbers, as far as anybody can tell."""
    content = {**request.content, "provenance": {**request.content["provenance"], "draft_hash": draft_hash}}
    return replace(request, draft=replace(request.draft, draft_hash=draft_hash), content=content)
