"""Contents of documents as issuing freezes them, for pictures, trials and tests: the sums are worked out here.

What is here: ``example_line`` and ``example_content``, which turn a few amounts into a whole content that ties.
When to add here: something a document can hold that the examples cannot say yet.
What does not belong here: rendering, and the contents of real documents; issuing writes those from the marts.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

__all__ = ["CUSTOMERS", "ISSUERS", "example_content", "example_line"]

ISSUERS: dict[str, dict[str, Any]] = {
    "brightwater-eu": {
        "issuer_id": "brightwater-eu",
        "legal_name": "Brightwater Cloud Partners GmbH",
        "address": "Speicherkai 12",
        "postal_code": "20457",
        "city": "Hamburg",
        "country_code": "DE",
        "tax_id": "DE123456788",
        "invoice_prefix": "BWEU",
        "currency": "EUR",
        "iban": "DE89370400440532013000",
        "email": "rechnung@brightwater.example",
    },
    "brightwater-us": {
        "issuer_id": "brightwater-us",
        "legal_name": "Brightwater Cloud Partners, Inc.",
        "address": "480 Tannery Wharf",
        "postal_code": "97209",
        "city": "Portland",
        "country_code": "US",
        "tax_id": "00-4410287",
        "invoice_prefix": "BWUS",
        "currency": "USD",
        "iban": None,
        "email": "billing@brightwater.example",
    },
}

CUSTOMERS: dict[str, dict[str, Any]] = {
    "kranich": {
        "customer_id": "kranich",
        "legal_name": "Kranich Logistik AG",
        "address": "Deichtorplatz 3",
        "postal_code": "20095",
        "city": "Hamburg",
        "subdivision": "HH",
        "country_code": "DE",
        "tax_id": "DE987654328",
        "currency": "EUR",
        "payment_terms_days": 14,
        "email": "buchhaltung@kranich.example",
        "language": "de",
    },
    "lumen": {
        "customer_id": "lumen",
        "legal_name": "Lumen Retail, Inc.",
        "address": "2100 Foundry Avenue",
        "postal_code": "43215",
        "city": "Columbus",
        "subdivision": "OH",
        "country_code": "US",
        "tax_id": "00-7720145",
        "currency": "USD",
        "payment_terms_days": 30,
        "email": "payables@lumen-retail.example",
        "language": "en",
    },
    "aozora": {
        "customer_id": "aozora",
        "legal_name": "株式会社青空ゲームズ",
        "address": "西新橋3-8-1",
        "postal_code": "105-0003",
        "city": "東京都港区",
        "subdivision": "13",
        "country_code": "JP",
        "tax_id": "T7123456789012",
        "currency": "JPY",
        "payment_terms_days": 60,
        "email": "keiri@aozora.example",
        "language": "ja",
    },
}


def example_line(
    description: str,
    net: str,
    *,
    credit: str = "0",
    category: str = "S",
    rate: str = "19",
    tax_name: str | None = "VAT",
    reason: str | None = None,
    kind: str = "usage",
    service: str | None = "AmazonEC2",
    cause: str = "",
    parts: Sequence[Mapping[str, Any]] | None = None,
    accounts: Sequence[tuple[str, str, str]] | None = None,
    usage: Sequence[tuple[str, str, str, str]] = (),
) -> dict[str, Any]:
    """Return a line of the content without key and number.

    Args:
        description: the line's text.
        net: net amount in the document's currency.
        credit: the customer credits drawn on it, 0 or below.
        category: tax category of the line's only part.
        rate: its tax rate in percent.
        tax_name: its tax's name.
        reason: why it is exempt.
        kind: line kind (I1).
        service: service code.
        cause: why a correction has the line.
        parts: the line's parts where there are several.
        accounts: (account, net, credit), one account by default.
        usage: (usage type, quantity, unit, amount in USD).
    """
    single = {
        "tax_category": category,
        "tax_name": tax_name,
        "tax_rate": rate,
        "exemption_reason": reason,
        "net_amount": net,
        "credit_amount": credit,
    }
    return {
        "line_kind": kind,
        "source_id": None,
        "service_code": service,
        "description": description,
        "charge_class": "Correction" if cause else "",
        "cause": cause,
        "exact_amount_usd": net,
        "net_amount": net,
        "credit_amount": credit,
        "parts": [dict(part) for part in parts] if parts else [single],
        "accounts": [
            {"sub_account_id": account, "net_amount": part, "credit_amount": drawn}
            for account, part, drawn in accounts or [("338470915526", net, credit)]
        ],
        "usage": [
            {"usage_type": usage_type, "usage_quantity": quantity, "usage_unit": unit, "amount_usd": amount}
            for usage_type, quantity, unit, amount in usage
        ],
    }


def example_content(
    lines: Sequence[dict[str, Any]],
    *,
    currency: str = "EUR",
    minor_units: int = 2,
    issuer: Mapping[str, Any] = ISSUERS["brightwater-eu"],
    customer: Mapping[str, Any] = CUSTOMERS["kranich"],
    **other: Any,
) -> bytes:
    """Return the canonical content of a document with these lines (T3 taxes, one credit for all draws).

    Args:
        lines: from ``example_line``.
        currency: of the document.
        minor_units: decimals of the currency.
        issuer: row of issuers.csv.
        customer: row of customers.csv.
        other: keys of the content that replace what is worked out or set here.
    """
    bases: dict[tuple[str, str, str | None, str | None], Decimal] = defaultdict(Decimal)
    for line in lines:
        if line["line_kind"] != "aws_tax":
            for part in line["parts"]:
                key = (part["tax_category"], part["tax_rate"], part["tax_name"], part["exemption_reason"])
                bases[key] += Decimal(part["net_amount"]) + Decimal(part["credit_amount"])
    unit = Decimal(1).scaleb(-minor_units)
    taxes = [
        {
            "tax_category": category,
            "tax_name": name,
            "tax_rate": rate,
            "exemption_reason": reason,
            "taxable_amount": _text(base),
            "tax_amount": _text((base * Decimal(rate).scaleb(-2)).quantize(unit, ROUND_HALF_UP)),
        }
        for (category, rate, name, reason), base in bases.items()
    ]
    net = sum((Decimal(line["net_amount"]) for line in lines if line["line_kind"] != "aws_tax"), Decimal(0))
    aws_tax = sum((Decimal(line["net_amount"]) for line in lines if line["line_kind"] == "aws_tax"), Decimal(0))
    credit = sum((Decimal(line["credit_amount"]) for line in lines), Decimal(0))
    tax = sum((Decimal(entry["tax_amount"] or "0") for entry in taxes), Decimal(0)) + aws_tax
    content = {
        "format": 1,
        "kind": "invoice",
        "number": f"{issuer['invoice_prefix']}-2026-000042",
        "billing_period": "2026-09",
        "billing_group": {
            "billing_group_id": customer["customer_id"],
            "billing_group_name": "Production",
            "primary_account_id": "338470915526",
        },
        "issue_date": "2026-10-05",
        "due_date": "2026-10-19",
        "tax_point": "2026-09-30",
        "service_period_start": "2026-09-01",
        "service_period_end": "2026-09-30",
        "issuer": dict(issuer),
        "customer": dict(customer),
        "currency": currency,
        "minor_units": minor_units,
        "fx": None
        if currency == "USD"
        else {"from_currency": "USD", "to_currency": currency, "rate": "0.8534", "source": "ECB 2026-09-30"},
        "accounting_fx": None,
        "reference": None,
        "lines": [
            {"invoice_line_key": f"2026-09/{number}", "line_number": number, **line}
            for number, line in enumerate(lines, start=1)
        ],
        "taxes": taxes,
        "credits": [
            {
                "credit_id": "welcome-2026",
                "description": "Welcome credit 2026",
                "amount": _text(credit),
                "balance_after": _text(Decimal(750).quantize(unit)),
            }
        ]
        if credit
        else [],
        "totals": {
            "net_amount": _text(net),
            "credit_amount": _text(credit),
            "taxable_amount": _text(sum((Decimal(entry["taxable_amount"] or "0") for entry in taxes), Decimal(0))),
            "tax_amount": _text(tax),
            "total_amount": _text(net + credit + tax),
            "rounding_difference": "0.0012",
        },
        "provenance": {
            "deliveries": [{"payer_account_id": "256039471182", "delivery_key": "2026-09/01", "fingerprint": "c0ffee"}],
            "configuration": {},
            "configuration_digest": "5eed",
            "code_version": "0.1.0",
            "draft_hash": "d4af7",
            "run_id": None,
        },
        **other,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def _text(amount: Decimal) -> str:
    return format(amount, "f")
