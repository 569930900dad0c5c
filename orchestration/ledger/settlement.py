"""Settlement: payments, what they pay, what is still open, and how long it has been.

What is here: recording payments, matching what is in a customer's favour with what they owe, reversing wrong matches,
open items, ageing and statements of account.
When to add here: another way in which an open amount goes down or is shown.
What does not belong here: reading bank files (``bank_files``) and writing letters.

Documents and payments are *open items*. What a customer owes is above zero: an invoice, a refund paid out. What is in
their favour is below: a payment, a credit note. An allocation matches one of each by an amount above zero and brings
both nearer to zero. A customer's balance is the sum of their items, whatever is matched with what; so everything ties.
Amounts are in the item's currency; items of different currencies or customers are never matched.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import Connection, insert, select

from orchestration.errors import LedgerError
from orchestration.ledger.audit import Change
from orchestration.ledger.columns import plain
from orchestration.ledger.database import next_id
from orchestration.ledger.tables import documents, payment_allocations, payment_assignments, payments

__all__ = [
    "Aged",
    "Allocation",
    "Balance",
    "ItemId",
    "Movement",
    "OpenItem",
    "Payment",
    "RecordedPayment",
    "Statement",
    "ageing",
    "allocate",
    "allocations",
    "assign_payment",
    "balances",
    "find_item",
    "known_payment",
    "open_items",
    "over_allocated",
    "record_payment",
    "recorded_payments",
    "reverse_allocation",
    "statement",
]


@dataclass(frozen=True, order=True)
class ItemId:
    """Which open item: a document or a payment, by its id."""

    item: Literal["document", "payment"]
    item_id: int


@dataclass(frozen=True)
class Payment:
    """A payment as it is recorded.

    Attributes:
        source: the bank account, provider or desk it comes from.
        external_id: its id there; recorded once, however often it is imported.
        payment_date: its value date.
        amount: above zero when received, below when refunded; never zero.
        currency: ISO 4217.
        method: such as ``bank_transfer``.
        reference: what the payer wrote.
        counterparty: who paid, as the bank says.
    """

    source: str
    external_id: str
    payment_date: date
    amount: Decimal
    currency: str
    method: str = "bank_transfer"
    reference: str = ""
    counterparty: str = ""


@dataclass(frozen=True)
class RecordedPayment:
    """A payment in the ledger.

    Attributes:
        payment_id: our id of it.
        payment: what was recorded.
        customer_id: whose it is; None while nobody claimed it.
        open_amount: what of it is not matched yet: of the sign of its amount, or zero.
        recorded_by: who recorded it.
        recorded_at: when, in UTC.
    """

    payment_id: int
    payment: Payment
    customer_id: str | None
    open_amount: Decimal
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True)
class Allocation:
    """A match of something in a customer's favour with something that they owe.

    Attributes:
        allocation_id: its id.
        credit: name of the payment or credit note.
        debit: name of the invoice or refund.
        amount: above zero; below when it reverses another.
        currency: of both.
        effective_date: the later of the two items' dates.
        reason: why.
        reverses: the match that it reverses; None when it is none.
        is_reversed: whether another reverses it.
        allocated_by: who matched.
        allocated_at: when, in UTC.
    """

    allocation_id: int
    credit: str
    debit: str
    amount: Decimal
    currency: str
    effective_date: date
    reason: str
    reverses: int | None
    is_reversed: bool
    allocated_by: str
    allocated_at: datetime


@dataclass(frozen=True)
class OpenItem:
    """A document or payment, and what is open of it.

    Attributes:
        item: which.
        name: the document's number, or ``payment 17``.
        customer_id: whose; None for a payment that nobody claimed yet.
        currency: ISO 4217.
        item_date: day of issue or payment.
        due_date: when it is due; a payment at once.
        amount: signed: above zero when the customer owes it.
        open_amount: of the same sign, or zero.
    """

    item: ItemId
    name: str
    customer_id: str | None
    currency: str
    item_date: date
    due_date: date
    amount: Decimal
    open_amount: Decimal


@dataclass(frozen=True)
class Balance:
    """What a customer owes in one currency: open documents, less what is in their favour.

    Attributes:
        customer_id: who; None for payments that nobody claimed.
        currency: ISO 4217.
        open_documents: invoices not paid, less credit notes not used.
        unallocated_payments: zero or below: received and not matched (refunds not matched count against it).
        balance: the sum; what they owe.
    """

    customer_id: str | None
    currency: str
    open_documents: Decimal
    unallocated_payments: Decimal
    balance: Decimal


@dataclass(frozen=True)
class Aged:
    """A customer's balance by how long it has been due, in one currency.

    Attributes:
        customer_id: who; None for payments that nobody claimed.
        currency: ISO 4217.
        not_due: owed, due on the day or later.
        days_1_30: owed, 1 to 30 days overdue; the next three likewise.
        days_31_60: 31 to 60 days.
        days_61_90: 61 to 90 days.
        days_over_90: longer.
        in_favour: zero or below: payments and credit notes not matched yet.
        balance: the sum.
    """

    customer_id: str | None
    currency: str
    not_due: Decimal
    days_1_30: Decimal
    days_31_60: Decimal
    days_61_90: Decimal
    days_over_90: Decimal
    in_favour: Decimal
    balance: Decimal


@dataclass(frozen=True)
class Movement:
    """One line of a statement of account.

    Attributes:
        movement_date: the day.
        kind: invoice, supplementary_invoice, credit_note, payment or refund.
        name: the document's number, or the payment's reference.
        amount: above zero when it raises what is owed.
        balance: what is owed after it.
    """

    movement_date: date
    kind: str
    name: str
    amount: Decimal
    balance: Decimal


@dataclass(frozen=True)
class Statement:
    """A customer's account over some days, in one currency: opening + movements = closing."""

    customer_id: str
    currency: str
    start_date: date
    end_date: date
    opening_balance: Decimal
    movements: tuple[Movement, ...]
    closing_balance: Decimal


def record_payment(change: Change, payment: Payment, customer_id: str | None = None) -> int:
    """Record a payment received or refunded; return its id, also when it was recorded before.

    Args:
        change: the transaction, who records, and when.
        payment: the payment.
        customer_id: whose it is, where that is known.

    Raises:
        LedgerError: an amount of zero, no id, or the same id was recorded with another amount, currency or day.
    """
    if not payment.amount or not payment.source or not payment.external_id or len(payment.currency) != 3:
        raise LedgerError(
            "A payment needs an amount other than zero, a currency of three letters, a source and its id there. "
            "Nothing was recorded."
        )
    known = known_payment(change.connection, payment)
    if known is not None:
        return known
    payment_id = next_id(change.connection, payments.c.payment_id)
    change.connection.execute(
        insert(payments).values(payment_id=payment_id, **vars(payment), recorded_by=change.by, recorded_at=change.at)
    )
    change.record(
        "record payment",
        f"payment {payment_id}",
        f"{plain(payment.amount)} {payment.currency}, {payment.source} {payment.external_id}",
    )
    if customer_id is not None:
        assign_payment(change, payment_id, customer_id, "recorded for")
    return payment_id


def known_payment(connection: Connection, payment: Payment) -> int | None:
    """Return the id of a payment that was recorded before; None when it is new.

    Raises:
        LedgerError: the same id was recorded with another amount, currency or day.
    """
    found = connection.execute(
        select(payments).where(payments.c.source == payment.source, payments.c.external_id == payment.external_id)
    ).first()
    if found is None:
        return None
    if (found.amount, found.currency, found.payment_date) != (payment.amount, payment.currency, payment.payment_date):
        raise LedgerError(
            f"Payment {payment.external_id} of {payment.source} was recorded as {plain(found.amount)} "
            f"{found.currency} on {found.payment_date}, not {plain(payment.amount)} {payment.currency} on "
            f"{payment.payment_date}. Nothing was recorded; give another payment another id."
        )
    return int(found.payment_id)


def recorded_payments(connection: Connection, customer_id: str | None = None) -> list[RecordedPayment]:
    """Return the payments in the order in which they were recorded; only one customer's when one is given."""
    items = {item.item.item_id: item for item in open_items(connection, customer_id) if item.item.item == "payment"}
    return [
        RecordedPayment(
            row.payment_id,
            Payment(
                row.source,
                row.external_id,
                row.payment_date,
                row.amount,
                row.currency,
                row.method,
                row.reference,
                row.counterparty,
            ),
            items[row.payment_id].customer_id,
            -items[row.payment_id].open_amount,
            row.recorded_by,
            row.recorded_at,
        )
        for row in connection.execute(select(payments).order_by(payments.c.payment_id))
        if row.payment_id in items
    ]


def allocations(connection: Connection) -> list[Allocation]:
    """Return every match in the order in which they were made, reversed ones and reversals too."""
    items = {item.item: item for item in open_items(connection)}
    rows = connection.execute(select(payment_allocations).order_by(payment_allocations.c.allocation_id)).all()
    reversed_ids = {row.reverses_allocation_id for row in rows}
    return [
        Allocation(
            row.allocation_id,
            items[_side(row, "credit")].name,
            items[_side(row, "debit")].name,
            row.amount,
            items[_side(row, "credit")].currency,
            row.effective_date,
            row.reason,
            row.reverses_allocation_id,
            row.allocation_id in reversed_ids,
            row.allocated_by,
            row.allocated_at,
        )
        for row in rows
    ]


def find_item(connection: Connection, name: str) -> OpenItem:
    """Return the item with a name: a document's number, ``payment 17``, or ``17`` alone.

    Raises:
        LedgerError: there is none.
    """
    payment_id = name.strip().removeprefix("payment").strip()
    if payment_id.isdecimal():
        return _item(connection, ItemId("payment", int(payment_id)))
    found = connection.execute(select(documents.c.document_id).where(documents.c.number == name.strip())).first()
    if found is None:
        raise LedgerError(f"There is no document or payment {name}. Nothing was changed.")
    return _item(connection, ItemId("document", found.document_id))


def assign_payment(change: Change, payment_id: int, customer_id: str | None, reason: str) -> None:
    """Say whose payment one is; None: nobody's, again.

    Raises:
        LedgerError: there is no such payment, or some of it is matched with another customer's document.
    """
    payment = _item(change.connection, ItemId("payment", payment_id))
    if payment.customer_id == customer_id:
        return
    if payment.open_amount != payment.amount:
        raise LedgerError(
            f"Payment {payment_id} is matched with documents of {payment.customer_id}. Nothing was changed; reverse "
            "those matches first."
        )
    change.connection.execute(
        insert(payment_assignments).values(
            assignment_id=next_id(change.connection, payment_assignments.c.assignment_id),
            payment_id=payment_id,
            customer_id=customer_id,
            reason=reason,
            assigned_by=change.by,
            assigned_at=change.at,
        )
    )
    change.record("assign payment", f"payment {payment_id}", f"{customer_id or 'nobody'}: {reason}")


def allocate(change: Change, credit: ItemId, debit: ItemId, amount: Decimal, reason: str) -> int:
    """Match something in the customer's favour with something they owe; return the match's id.

    A payment that nobody claimed becomes the customer's whose document it pays.

    Args:
        change: the transaction, who matches, and when.
        credit: a payment received, or a credit note.
        debit: an invoice, or a refund paid out.
        amount: above zero; at most what is open of both.
        reason: why, in words.

    Raises:
        LedgerError: the items do not fit together, or less is open.
    """
    favour, owed = _item(change.connection, credit), _item(change.connection, debit)
    if favour.customer_id is None and owed.customer_id is not None and credit.item == "payment":
        assign_payment(change, credit.item_id, owed.customer_id, f"pays {owed.name}")
        favour = replace(favour, customer_id=owed.customer_id)
    if owed.customer_id is None and favour.customer_id is not None and debit.item == "payment":
        assign_payment(change, debit.item_id, favour.customer_id, f"refunds {favour.name}")
        owed = replace(owed, customer_id=favour.customer_id)
    problems = [
        *([] if favour.amount < 0 else [f"{favour.name} is not in the customer's favour"]),
        *([] if owed.amount > 0 else [f"{owed.name} is nothing that the customer owes"]),
        *(
            f"{favour.name} has {name} {one}, {owed.name} has {other}"
            for name, one, other in (
                ("customer", favour.customer_id, owed.customer_id),
                ("currency", favour.currency, owed.currency),
            )
            if one != other
        ),
        *([] if amount > 0 else [f"the amount is {plain(amount)}, and must be above zero"]),
        *(
            f"only {plain(abs(item.open_amount))} of {item.name} is open, less than {plain(amount)}"
            for item in (favour, owed)
            if amount > abs(item.open_amount)
        ),
    ]
    if problems:
        raise LedgerError(f"Nothing was matched: {'; '.join(problems)}.")
    return _append_allocation(
        change,
        {
            f"credit_{credit.item}_id": credit.item_id,
            f"debit_{debit.item}_id": debit.item_id,
            "amount": amount,
            "effective_date": max(favour.item_date, owed.item_date),
            "reason": reason,
        },
        f"{plain(amount)} {owed.currency} of {favour.name} with {owed.name}",
    )


def reverse_allocation(change: Change, allocation_id: int, reason: str) -> int:
    """Undo a wrong match by a row that reverses it; return that row's id.

    Raises:
        LedgerError: there is no such match, it was reversed before, or it is a reversal itself.
    """
    rows = change.connection.execute(
        select(payment_allocations).where(
            (payment_allocations.c.allocation_id == allocation_id)
            | (payment_allocations.c.reverses_allocation_id == allocation_id)
        )
    ).all()
    wrong = next((row for row in rows if row.allocation_id == allocation_id), None)
    if wrong is None or wrong.reverses_allocation_id is not None:
        raise LedgerError(f"There is no match {allocation_id} to reverse.")
    if len(rows) > 1:
        raise LedgerError(f"Match {allocation_id} was reversed before.")
    sides = ("credit_payment_id", "credit_document_id", "debit_payment_id", "debit_document_id", "effective_date")
    values = {side: getattr(wrong, side) for side in sides}
    return _append_allocation(
        change,
        {**values, "amount": -wrong.amount, "reverses_allocation_id": allocation_id, "reason": reason},
        f"reverses match {allocation_id}: {reason}",
    )


def open_items(
    connection: Connection,
    customer_id: str | None = None,
    as_of: date | None = None,
    items: Iterable[ItemId] | None = None,
) -> list[OpenItem]:
    """Return documents and payments with what is open of them, by day and id; settled ones too, with zero.

    Args:
        connection: a transaction.
        customer_id: only this customer's.
        as_of: as at the end of that day: later items and matches left out.
        items: only these.
    """
    wanted = None if items is None else set(items)
    settled: dict[ItemId, Decimal] = defaultdict(Decimal)
    for row in connection.execute(_allocations(wanted)):
        if as_of is not None and row.effective_date > as_of:
            continue
        settled[_side(row, "credit")] += row.amount
        settled[_side(row, "debit")] -= row.amount
    owners = {
        row.payment_id: row.customer_id
        for row in connection.execute(
            _payments(payment_assignments, wanted).order_by(payment_assignments.c.assignment_id)
        )
    }
    found = [
        OpenItem(item, name, owner, currency, day, due, amount, amount + settled[item])
        for item, name, owner, currency, day, due, amount in (
            *(
                (
                    ItemId("document", row.document_id),
                    row.number,
                    row.customer_id,
                    row.currency,
                    row.issue_date,
                    row.due_date,
                    row.total_amount,
                )
                for row in connection.execute(_documents(wanted, customer_id))
            ),
            *(
                (
                    ItemId("payment", row.payment_id),
                    f"payment {row.payment_id}",
                    owners.get(row.payment_id),
                    row.currency,
                    row.payment_date,
                    row.payment_date,
                    -row.amount,
                )
                for row in connection.execute(_payments(payments, wanted))
            ),
        )
        if (customer_id is None or owner == customer_id) and (as_of is None or day <= as_of)
    ]
    return sorted(found, key=lambda item: (item.item_date, item.item))


def balances(connection: Connection, as_of: date | None = None) -> list[Balance]:
    """Return what each customer owes, by customer and currency; those who owe nothing are left out."""
    documents_open: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    payments_open: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for item in open_items(connection, as_of=as_of):
        amounts = documents_open if item.item.item == "document" else payments_open
        amounts[item.customer_id or "", item.currency] += item.open_amount
    return [
        Balance(customer_id or None, currency, owed, paid, owed + paid)
        for customer_id, currency in sorted(documents_open.keys() | payments_open.keys())
        for owed, paid in [(documents_open[customer_id, currency], payments_open[customer_id, currency])]
        if owed or paid
    ]


def ageing(connection: Connection, as_of: date) -> list[Aged]:
    """Return every customer's balance by days overdue at the end of a day, by customer and currency."""
    buckets: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(_BUCKETS, Decimal(0)))
    for item in open_items(connection, as_of=as_of):
        if item.open_amount:
            buckets[item.customer_id or "", item.currency][_bucket(item, as_of)] += item.open_amount
    return [
        Aged(customer_id or None, currency, **amounts, balance=sum(amounts.values(), start=Decimal(0)))
        for (customer_id, currency), amounts in sorted(buckets.items())
    ]


def statement(connection: Connection, customer_id: str, currency: str, start_date: date, end_date: date) -> Statement:
    """Return a customer's account in one currency, both days included: what was open, what moved, what is open."""
    items = [item for item in open_items(connection, customer_id, end_date) if item.currency == currency]
    balance = opening = sum((item.amount for item in items if item.item_date < start_date), start=Decimal(0))
    kinds = {row[0]: row[1] for row in connection.execute(select(documents.c.document_id, documents.c.kind))}
    references = {row[0]: row[1] for row in connection.execute(select(payments.c.payment_id, payments.c.reference))}
    movements = []
    for item in items:
        if item.item_date < start_date:
            continue
        balance += item.amount
        if item.item.item == "document":
            kind, name = kinds[item.item.item_id], item.name
        else:
            kind, name = "payment" if item.amount < 0 else "refund", references[item.item.item_id] or item.name
        movements.append(Movement(item.item_date, kind, name, item.amount, balance))
    return Statement(customer_id, currency, start_date, end_date, opening, tuple(movements), balance)


def over_allocated(connection: Connection) -> list[str]:
    """Return which items more is matched with than they hold, as sentences; for verifying."""
    return [
        f"{item.name} holds {plain(item.amount)}, and {plain(item.open_amount)} is open."
        for item in open_items(connection)
        if not min(item.amount, Decimal(0)) <= item.open_amount <= max(item.amount, Decimal(0))
    ]


_BUCKETS = ("not_due", "days_1_30", "days_31_60", "days_61_90", "days_over_90", "in_favour")
_LAST_DAYS: Mapping[str, int] = {"not_due": 0, "days_1_30": 30, "days_31_60": 60, "days_61_90": 90}


def _bucket(item: OpenItem, as_of: date) -> str:
    if item.open_amount < 0:
        return "in_favour"
    days = (as_of - item.due_date).days
    return next((name for name, last in _LAST_DAYS.items() if days <= last), "days_over_90")


def _item(connection: Connection, item: ItemId) -> OpenItem:
    found = open_items(connection, items=[item])
    if not found:
        raise LedgerError(f"There is no {item.item} {item.item_id}. Nothing was changed.")
    return found[0]


def _append_allocation(change: Change, values: dict[str, Any], detail: str) -> int:
    allocation_id = next_id(change.connection, payment_allocations.c.allocation_id)
    change.connection.execute(
        insert(payment_allocations).values(
            allocation_id=allocation_id, **values, allocated_by=change.by, allocated_at=change.at
        )
    )
    change.record("match", f"match {allocation_id}", detail)
    return allocation_id


def _side(row: Any, side: str) -> ItemId:
    payment_id, document_id = getattr(row, f"{side}_payment_id"), getattr(row, f"{side}_document_id")
    return ItemId("document", document_id) if payment_id is None else ItemId("payment", payment_id)


def _ids(wanted: set[ItemId], item: str) -> list[int]:
    return [one.item_id for one in wanted if one.item == item]


def _documents(wanted: set[ItemId] | None, customer_id: str | None) -> Any:
    columns = [documents.c[name] for name in ("document_id", "number", "customer_id", "currency")]
    query = select(*columns, documents.c.issue_date, documents.c.due_date, documents.c.total_amount)
    if wanted is not None:
        query = query.where(documents.c.document_id.in_(_ids(wanted, "document")))
    return query if customer_id is None else query.where(documents.c.customer_id == customer_id)


def _payments(table: Any, wanted: set[ItemId] | None) -> Any:
    return select(table) if wanted is None else select(table).where(table.c.payment_id.in_(_ids(wanted, "payment")))


def _allocations(wanted: set[ItemId] | None) -> Any:
    table, query = payment_allocations, select(payment_allocations)
    if wanted is None:
        return query
    in_documents, in_payments = _ids(wanted, "document"), _ids(wanted, "payment")
    return query.where(
        table.c.credit_document_id.in_(in_documents)
        | table.c.debit_document_id.in_(in_documents)
        | table.c.credit_payment_id.in_(in_payments)
        | table.c.debit_payment_id.in_(in_payments)
    )
