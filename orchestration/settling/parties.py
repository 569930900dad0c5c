"""From whom to whom a letter goes.

What is here: issuer and customer as the configuration has them now, or as they stood on their newest document.
When to add here: something else that a letter says about them.
What does not belong here: issued documents; those keep what was frozen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision

from orchestration.configuration.schema import Configuration, Row
from orchestration.documents.content import Customer, Document, Issuer
from orchestration.errors import ChargehouseError
from orchestration.ledger.ledger import Ledger

__all__ = ["Parties", "in_minor_units", "known_customer", "minor_units", "parties_of"]


@dataclass(frozen=True)
class Parties:
    """Who writes to whom."""

    issuer: Issuer
    customer: Customer


def parties_of(configuration: Configuration, document: Document) -> Parties:
    """Return the issuer and customer of a document as they are now: people move, and change their address."""
    issuer = _row(configuration.issuers, "issuer_id", document.issuer.issuer_id)
    customer = _row(configuration.customers, "customer_id", document.customer.customer_id)
    return Parties(
        document.issuer if issuer is None else Issuer.model_validate(issuer),
        document.customer if customer is None else Customer.model_validate(customer),
    )


def _row(rows: Iterable[Row], key: str, value: str) -> Mapping[str, Any] | None:
    row = next((row for row in rows if getattr(row, key) == value), None)
    return None if row is None else {name: cell for name, cell in asdict(row).items() if name != "source_line"}


def known_customer(configuration: Configuration, ledger: Ledger, customer_id: str) -> str:
    """Return the id of a customer that the configuration or a document has.

    Raises:
        ChargehouseError: neither has it; a payment of nobody would be lost.
    """
    known = {customer.customer_id for customer in configuration.customers}
    if customer_id not in known | {head.customer_id for head in ledger.document_heads()}:
        raise ChargehouseError(f"There is no customer {customer_id} in customers.csv. Nothing was changed.")
    return customer_id


def minor_units(currency: str) -> int:
    """Return how many decimals amounts of a currency have (M4)."""
    return int(get_currency_precision(currency))


def in_minor_units(amount: Decimal, currency: str) -> Decimal:
    """Return an amount with the decimals of its currency: 119 EUR as 119.00. None that it has is ever taken away."""
    unit = Decimal(1).scaleb(-minor_units(currency))
    written = amount.quantize(unit)
    return written if written == amount else amount
