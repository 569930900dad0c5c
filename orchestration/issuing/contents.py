"""The frozen document: a proposal and its origins as the content that the ledger keeps.

What is here: the one function that puts a document together.
When to add here: a field of the frozen document.
What does not belong here: amounts; every one was computed by a model. Only the rounding difference of a correction is
taken from what the documents before it say.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Any

from orchestration.configuration.intervals import month_interval
from orchestration.configuration.schema import FILE_BY_NAME, Configuration, Row
from orchestration.errors import ChargehouseError
from orchestration.issuing.proposals import Proposal
from orchestration.issuing.provenance import Origins, cause_of_difference
from orchestration.ledger.contents import CreditDraw

__all__ = ["accounting_rate", "content_of", "credit_draws_of"]

Values = dict[str, Any]

_FORMAT = 1
_PRECISION = 60
"""Digits to add rounding differences with: they have up to 34 decimals."""


def content_of(
    proposal: Proposal,
    origins: Origins,
    configuration: Configuration,
    issued: Sequence[Values],
    issue_date: date,
) -> Values:
    """Return the content of a document, without its number, which is given at issue (D2).

    A correction is between the parties of the document it corrects, in its currency and at its rates (D4, I2), and
    says of each line why it differs (D5). What the parties are called, and where, is what the configuration says now:
    its tax follows from that.

    Args:
        proposal: what the models propose.
        origins: what that was made from.
        configuration: whose rows describe the parties.
        issued: contents of the documents of the group and period so far, in the order of issue.
        issue_date: the day of issue (I3).

    Raises:
        ChargehouseError: the exchange rate or a tax rate is missing, so that there is nothing to write down.
    """
    if proposal.net_amount is None or any(part["tax_category"] in (None, "") for part in proposal.parts):
        missing = "exchange rate" if proposal.net_amount is None else "tax rate"
        raise ChargehouseError(
            f"The {proposal.draft} has no amounts without the {missing}. Add it to the configuration and run again."
        )
    month = month_interval(proposal.billing_period)
    last_day = month.end - timedelta(days=1)
    first = issued[0] if issued else _first_document(proposal, configuration)
    parties = _parties(first, configuration)
    terms = int(parties["customer"]["payment_terms_days"] or 0)
    return {
        "format": _FORMAT,
        "kind": proposal.kind,
        "number": None,
        "billing_period": f"{proposal.billing_period:%Y-%m}",
        **parties,
        **{name: first[name] for name in ("fx", "accounting_fx")},
        "issue_date": issue_date,
        "due_date": issue_date + timedelta(days=terms),
        "tax_point": last_day,
        "service_period_start": month.start,
        "service_period_end": last_day,
        "currency": proposal.currency,
        "minor_units": proposal.minor_units,
        "reference": {"number": first["number"], "issue_date": first["issue_date"]} if issued else None,
        "lines": _lines(proposal, cause_of_difference(issued[-1]["provenance"], origins) if issued else ""),
        "taxes": [_tax(proposal, tax) for tax in proposal.taxes],
        "credits": [
            {
                "credit_id": credit["credit_id"],
                "description": credit["description"],
                "amount": _money(proposal, credit["amount"]),
                "balance_after": _money(proposal, credit["balance_after"]),
            }
            for credit in proposal.credits
        ],
        "totals": _totals(proposal, issued),
        "provenance": {
            "deliveries": [vars(delivery) for delivery in origins.deliveries],
            "configuration": origins.configuration,
            "configuration_digest": origins.configuration_digest,
            "code_version": origins.code_version,
            "draft_hash": proposal.draft_hash,
            "run_id": origins.run_id,
        },
    }


def credit_draws_of(proposal: Proposal) -> tuple[CreditDraw, ...]:
    """Return what a document draws on customer credits, or gives back to them (K4)."""
    return tuple(
        CreditDraw(
            draw["credit_id"],
            draw["invoice_line_key"],
            draw["sub_account_id"],
            draw["service_code"],
            Decimal(_money(proposal, draw["amount"])),
        )
        for draw in proposal.draws
    )


def _first_document(proposal: Proposal, configuration: Configuration) -> Values:
    """Return who a first document is from and for, and the rates on it."""
    assert proposal.header is not None
    group = next(row for row in configuration.billing_groups if row.billing_group_id == proposal.billing_group_id)
    issuer = next(row for row in configuration.issuers if row.issuer_id == group.issuer_id)
    return {
        "billing_group": {"billing_group_id": group.billing_group_id},
        "issuer": {"issuer_id": group.issuer_id},
        "customer": {"customer_id": group.customer_id},
        "fx": None
        if proposal.currency == "USD"
        else {
            "from_currency": "USD",
            "to_currency": proposal.currency,
            "rate": _plain(proposal.header["fx_rate"]),
            "source": proposal.header["fx_source"],
        },
        "accounting_fx": accounting_rate(proposal, configuration, issuer.currency),
    }


def _parties(first: Values, configuration: Configuration) -> Values:
    """Return the parties of a first document as their rows say now; as that document wrote them, where one is gone."""

    def described(file: str, rows: Sequence[Any], party: Values) -> Values:
        key = FILE_BY_NAME[file].key[0]
        row = next((row for row in rows if getattr(row, key) == party[key]), None)
        return party if row is None else _row(file, row)

    group = described("billing_groups", configuration.billing_groups, first["billing_group"])
    return {
        "billing_group": {
            name: group[name] for name in ("billing_group_id", "billing_group_name", "primary_account_id")
        },
        "issuer": described("issuers", configuration.issuers, first["issuer"]),
        "customer": described("customers", configuration.customers, first["customer"]),
    }


def accounting_rate(proposal: Proposal, configuration: Configuration, currency: str) -> Values | None:
    """Return the rate to the issuer's accounting currency (BR-53), where the two differ and a rate is configured."""
    if currency == proposal.currency:
        return None
    found = (
        {"currency": currency, "rate": _plain(rate.rate), "source": rate.source}
        for rate in configuration.fx_rates
        if (rate.period, rate.from_currency, rate.to_currency) == (proposal.billing_period, proposal.currency, currency)
    )
    return next(found, None)


def _row(file: str, row: Row) -> Values:
    """Return a configuration row as it is written in its file; an empty cell is absent."""
    return {name: column.show(getattr(row, name)) or None for name, column in FILE_BY_NAME[file].columns.items()}


def _lines(proposal: Proposal, cause: str) -> list[Values]:
    accounts, parts, usage = (_by_line(rows) for rows in (proposal.accounts, proposal.parts, proposal.usage))

    def share(row: Values) -> Values:
        return {name: _money(proposal, row[name]) for name in ("net_amount", "credit_amount")}

    return [
        {
            "invoice_line_key": line["invoice_line_key"],
            "line_number": number,
            **{name: line[name] for name in ("line_kind", "source_id", "service_code", "description")},
            "charge_class": "Correction" if proposal.revision else "",
            "cause": cause,
            "exact_amount_usd": _plain(line["exact_amount_usd"]),
            **share(line),
            "parts": [{**_category(part), **share(part)} for part in parts[line["invoice_line_key"]]],
            "accounts": [
                {"sub_account_id": account["sub_account_id"], **share(account)}
                for account in accounts[line["invoice_line_key"]]
            ],
            "usage": [
                {
                    "usage_type": used["usage_type"],
                    "usage_quantity": _plain(used["usage_quantity"]),
                    "usage_unit": used["usage_unit"] or None,
                    "amount_usd": _plain(used["amount_usd"]),
                }
                for used in usage[line["invoice_line_key"]]
            ],
        }
        for number, line in enumerate(proposal.lines, start=1)
    ]


def _by_line(rows: Sequence[Values]) -> dict[str, list[Values]]:
    found: dict[str, list[Values]] = defaultdict(list)
    for row in rows:
        found[row["invoice_line_key"]].append(row)
    return found


def _category(row: Values) -> Values:
    return {
        "tax_category": row["tax_category"],
        "tax_name": row["tax_name"] or None,
        "tax_rate": _plain(row["tax_rate"]),
        "exemption_reason": row["exemption_reason"] or None,
    }


def _tax(proposal: Proposal, tax: Values) -> Values:
    return {
        **_category(tax),
        "taxable_amount": _money(proposal, tax["taxable_amount"]),
        "tax_amount": _money(proposal, tax["tax_amount"]),
    }


def _totals(proposal: Proposal, issued: Sequence[Values]) -> Values:
    def total(rows: Sequence[Values], name: str) -> Decimal:
        return sum((row[name] for row in rows), Decimal(0))

    aws_tax = total([line for line in proposal.lines if line["line_kind"] == "aws_tax"], "net_amount")
    header = proposal.header or {}
    with localcontext(prec=_PRECISION):
        net, credit = total(proposal.lines, "net_amount") - aws_tax, total(proposal.lines, "credit_amount")
        tax = total(proposal.taxes, "tax_amount") + aws_tax
        before = sum((Decimal(content["totals"]["rounding_difference"]) for content in issued), Decimal(0))
        rounding_difference = _plain((header.get("rounding_difference") or Decimal(0)) - before)
    return {
        "net_amount": _money(proposal, net),
        "credit_amount": _money(proposal, credit),
        "taxable_amount": _money(proposal, total(proposal.taxes, "taxable_amount")),
        "tax_amount": _money(proposal, tax),
        "total_amount": _money(proposal, net + credit + tax),
        "rounding_difference": rounding_difference,
    }


def _money(proposal: Proposal, amount: Decimal) -> str:
    """Write an amount with its currency's decimals; the models have rounded it (M4)."""
    with localcontext(prec=_PRECISION):
        written = amount.quantize(Decimal(1).scaleb(-proposal.minor_units))
        if written != amount:
            raise ChargehouseError(
                f"The {proposal.draft} holds {amount:f}, which is not rounded to {proposal.currency} (M4). Run again."
            )
    return format(written if written else abs(written), "f")


def _plain(value: Decimal | int) -> str:
    """Write an exact value without zeros at its end."""
    text = format(Decimal(value), "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
