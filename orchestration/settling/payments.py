"""A payment that a person types in, at the command line or on a page.

What is here: its id, since no bank gave it one.
When to add here: something else that both ask of such a payment.
What does not belong here: recording and matching it (``ledger``).
"""

import hashlib
from datetime import date
from decimal import Decimal

from orchestration.ledger.settlement import Payment
from orchestration.settling.parties import in_minor_units

__all__ = ["typed_payment"]


def typed_payment(
    day: date,
    amount: Decimal,
    currency: str,
    *,
    customer_id: str | None,
    reference: str = "",
    counterparty: str = "",
    method: str = "bank_transfer",
    source: str = "desk",
    external_id: str | None = None,
) -> Payment:
    """Return a payment whose id is made of what was typed, unless there is one: the same typed twice is one payment.

    Args:
        day: value date.
        amount: above zero when received, below when paid out; 1200 and 1200.00 are the same.
        currency: ISO 4217.
        customer_id: whose it is, where somebody said so.
        reference: what the payer wrote.
        counterparty: who paid.
        method: how.
        source: the bank account, provider or desk it is recorded from.
        external_id: its id there.
    """
    amount = in_minor_units(amount, currency)
    if external_id is None:
        same = "\x1f".join((f"{day}", f"{amount:f}", currency, customer_id or "", reference, counterparty))
        external_id = f"{day}-{hashlib.sha256(same.encode()).hexdigest()[:16]}"
    return Payment(source, external_id, day, amount, currency, method, reference, counterparty)
