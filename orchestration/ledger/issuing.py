"""Issuing: a draft becomes a document, with the next number, in one transaction.

What is here: D2's numbers, D3's chain of hashes, and every reason why the ledger itself refuses to issue.
When to add here: something that must hold at the moment of issue, whatever the caller says.
What does not belong here: computing the content, finding D7's reasons not to issue, rendering.

One chain goes through all documents of a ledger, whoever issues them, so that none can be taken out of any series or
put into it without breaking it. ``docs/decisions/0008-ledger.md`` says why.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, Table, func, insert, select, update

from orchestration.errors import LedgerError
from orchestration.ledger.approvals import Draft, find_approval, issued_count, unmet_refusals, why_not_approved
from orchestration.ledger.audit import Change
from orchestration.ledger.columns import plain
from orchestration.ledger.contents import (
    Content,
    CreditDraw,
    Kind,
    Values,
    account_rows,
    canonical_bytes,
    document_number,
    document_row,
    line_rows,
    parse_content,
    series_of,
    sum_problems,
    tax_rows,
)
from orchestration.ledger.tables import (
    GENESIS,
    credit_draws,
    document_line_accounts,
    document_lines,
    document_taxes,
    documents,
    ledger_head,
    number_series,
)

__all__ = [
    "DocumentHead",
    "IssueRequest",
    "IssuedDocument",
    "chain_hash",
    "check_request",
    "document_heads",
    "issue",
    "issued_document",
    "newest_of_parties",
]


@dataclass(frozen=True)
class IssueRequest:
    """What is to be issued.

    Attributes:
        draft: which draft; the content says the same of itself.
        content: the finished content (``contents``), its number empty.
        credit_draws: what it draws on customer credits, per line and account; sums to the content's credits.
        refusals: D7's reasons not to issue that hold now, such as ``not_final``; each must have been overridden.
    """

    draft: Draft
    content: Mapping[str, Any]
    credit_draws: Sequence[CreditDraw] = ()
    refusals: tuple[str, ...] = ()


@dataclass(frozen=True)
class DocumentHead:
    """What a list of documents says of one; the rest stands in its content.

    Attributes:
        document_id: its place in the chain, from 1.
        number: its number.
        kind: invoice, credit_note or supplementary_invoice.
        billing_period: ``YYYY-MM``.
        billing_group_id: the group.
        issuer_id: who issued.
        customer_id: who owes.
        currency: ISO 4217.
        minor_units: decimals of the currency.
        total_amount: with tax; below zero in a credit note.
        issue_date: the day on it.
        due_date: when it is to be paid.
    """

    document_id: int
    number: str
    kind: Kind
    billing_period: str
    billing_group_id: str
    issuer_id: str
    customer_id: str
    currency: str
    minor_units: int
    total_amount: Decimal
    issue_date: date
    due_date: date


@dataclass(frozen=True)
class IssuedDocument:
    """One issued document.

    Attributes:
        document_id: its place in the chain, from 1.
        number: its number.
        kind: invoice, credit_note or supplementary_invoice.
        billing_period: ``YYYY-MM``.
        billing_group_id: the group.
        revision: 0 for the first document of its group and period, then 1, 2.
        issuer_id: who issued.
        customer_id: who owes.
        currency: ISO 4217.
        total_amount: with tax; below zero in a credit note.
        issue_date: the day on it.
        due_date: when it is to be paid.
        draft_hash: the draft that was approved.
        content: the frozen content, canonical JSON.
        content_sha256: its hash.
        chain_hash: hash over it and everything before it.
        issued_at: when, in UTC.
        issued_by: by whom.
        is_new: whether this call issued it; False when it had been issued before.
    """

    document_id: int
    number: str
    kind: Kind
    billing_period: str
    billing_group_id: str
    revision: int
    issuer_id: str
    customer_id: str
    currency: str
    total_amount: Decimal
    issue_date: date
    due_date: date
    draft_hash: str
    content: bytes
    content_sha256: str
    chain_hash: str
    issued_at: datetime
    issued_by: str
    is_new: bool


def check_request(request: IssueRequest, today: date) -> Content:
    """Return the content of a request, if it can be issued at all.

    Args:
        request: what is to be issued.
        today: the day in UTC; an issuer's own day may be one later.

    Raises:
        LedgerError: names everything in the content that is missing, does not tie, or is not what the draft says.
    """
    draft = request.draft
    content = parse_content(canonical_bytes(request.content))
    problems = [
        f"{name} is {found!r}, but the draft's is {expected!r}"
        for name, found, expected in (
            ("kind", content.kind, draft.kind),
            ("billing_period", content.billing_period, draft.billing_period),
            ("billing_group_id", content.billing_group.billing_group_id, draft.billing_group_id),
            ("draft_hash", content.provenance.draft_hash, draft.draft_hash),
        )
        if found != expected
    ]
    if content.number is not None:
        problems.append(f"number is {content.number!r}, but numbers are given at issue (D2)")
    if not content.lines:
        problems.append("it has no lines; a draft without lines gets no document (D2)")
    if content.due_date < content.issue_date:
        problems.append(f"due_date {content.due_date} is before issue_date {content.issue_date}")
    if content.issue_date > today + timedelta(days=1):
        problems.append(f"issue_date {content.issue_date} is in the future; it is the day of issue (I3)")
    first = draft.revision == 0
    kinds = ("invoice", "credit_note") if first else ("credit_note", "supplementary_invoice")
    if draft.kind not in kinds:
        problems.append(f"kind is {draft.kind}, but document {draft.revision + 1} of a month is {' or '.join(kinds)}")
    if first != (content.reference is None):
        problems.append("a correction names the document that it corrects, a first document names none (D4)")
    problems += sum_problems(content, request.credit_draws)
    if problems:
        raise LedgerError("\n".join([f"The {draft} cannot be issued:", *(f"  {problem}" for problem in problems)]))
    return content


def issue(change: Change, request: IssueRequest, content: Content) -> IssuedDocument:
    """Issue a document, or return it when it was issued before: asking twice never makes two.

    Args:
        change: the transaction, who issues, and when.
        request: what is to be issued.
        content: what ``check_request`` returned for it.

    Raises:
        LedgerError: not approved, not overridden, overtaken by another document, its day before the series' last one,
            or the ledger was tampered with.
    """
    draft, connection = request.draft, change.connection
    issued = _issued(connection, draft)
    if issued is not None:
        return issued
    original = _original(connection, draft, content)
    approval = find_approval(connection, draft)
    if approval is None:
        raise LedgerError(why_not_approved(connection, draft))
    unmet = unmet_refusals(connection, draft, request.refusals)
    if unmet:
        raise LedgerError(
            f"The {draft} cannot be issued while these hold (D7): {', '.join(unmet)}. Nothing was issued; mend them, "
            "or override those that can be."
        )

    head = _head(connection)
    sequence = _next_sequence(connection, content)
    series = series_of(content.kind)
    number = document_number(content.issuer.invoice_prefix, series, content.issue_date.year, sequence)
    _refuse_number_of_others(connection, number, content)
    frozen = canonical_bytes({**request.content, "number": number})
    row: Values = {
        **document_row(content),
        "document_id": head.document_id + 1,
        "number": number,
        "sequence": sequence,
        "revision": draft.revision,
        "reference_document_id": original,
        "approval_id": approval.approval_id,
        "content": frozen,
        "content_sha256": hashlib.sha256(frozen).hexdigest(),
        "previous_hash": head.chain_hash,
        "issued_at": change.at,
        "issued_by": change.by,
    }
    row["chain_hash"] = chain_hash(row, request.credit_draws)
    _insert(connection, row, content, request.credit_draws)
    change.record("issue", number, f"document {row['document_id']}, chain {row['chain_hash']}")
    issued = _issued(connection, draft, is_new=True)
    assert issued is not None
    return issued


def chain_hash(row: Mapping[str, Any], draws: Sequence[CreditDraw]) -> str:
    """Return the hash that ties a document to the one before it, in hexadecimal.

    It is over the hash before, the hash of the content, and everything of the document that its content does not say.

    Args:
        row: columns of ``documents``.
        draws: its credit draws, in any order.
    """
    sealed = {
        **{name: row[name] for name in ("document_id", "previous_hash", "content_sha256", "sequence", "revision")},
        **{name: row[name] for name in ("reference_document_id", "approval_id", "issued_by")},
        "issued_at": row["issued_at"].isoformat(timespec="microseconds"),
        "credit_draws": sorted(
            [
                draw.credit_id,
                draw.invoice_line_key,
                draw.sub_account_id,
                draw.service_code,
                # Without trailing zeros: a database may keep more or fewer of them.
                plain(draw.amount.normalize()),
            ]
            for draw in draws
        ),
    }
    return hashlib.sha256(canonical_bytes(sealed)).hexdigest()


def issued_document(row: Row[Any], is_new: bool = False) -> IssuedDocument:
    """Return a row of ``documents`` as the document it is."""
    names = [name for name in IssuedDocument.__dataclass_fields__ if name != "is_new"]
    return IssuedDocument(**{name: getattr(row, name) for name in names}, is_new=is_new)


def _issued(connection: Connection, draft: Draft, is_new: bool = False) -> IssuedDocument | None:
    row = connection.execute(
        select(documents).where(
            documents.c.billing_period == draft.billing_period,
            documents.c.billing_group_id == draft.billing_group_id,
            documents.c.revision == draft.revision,
        )
    ).first()
    if row is None:
        count = issued_count(connection, draft)
        if count != draft.revision:
            raise LedgerError(
                f"The {draft} was drafted after {draft.revision} issued documents, but there are {count}. Nothing was "
                "issued; make the draft again."
            )
        return None
    if (row.draft_hash, row.kind) != (draft.draft_hash, draft.kind):
        raise LedgerError(
            f"The {draft} was overtaken: {row.number} was issued from other numbers on {row.issued_at:%Y-%m-%d %H:%M} "
            f"UTC by {row.issued_by}. Nothing was issued; make the draft again."
        )
    return issued_document(row, is_new)


def document_heads(connection: Connection) -> list[DocumentHead]:
    """Return every document without its content, in the order of issue."""
    columns = [documents.c[field.name] for field in fields(DocumentHead)]
    return [DocumentHead(*row) for row in connection.execute(select(*columns).order_by(documents.c.document_id))]


def newest_of_parties(connection: Connection) -> list[IssuedDocument]:
    """Return the newest document of each customer, issuer and currency: who they were when it was issued."""
    parties = (documents.c.customer_id, documents.c.issuer_id, documents.c.currency)
    newest = select(func.max(documents.c.document_id)).group_by(*parties)
    query = select(documents).where(documents.c.document_id.in_(newest)).order_by(documents.c.document_id)
    return [issued_document(row) for row in connection.execute(query)]


def _original(connection: Connection, draft: Draft, content: Content) -> int | None:
    if content.reference is None:
        return None
    original = connection.execute(
        select(documents).where(
            documents.c.billing_period == draft.billing_period,
            documents.c.billing_group_id == draft.billing_group_id,
            documents.c.revision == 0,
        )
    ).one()
    problems = [
        f"{name} is {found}, but {original.number} has {expected}"
        for name, found, expected in (
            ("reference number", content.reference.number, original.number),
            ("reference issue_date", content.reference.issue_date, original.issue_date),
            ("issuer_id", content.issuer.issuer_id, original.issuer_id),
            ("customer_id", content.customer.customer_id, original.customer_id),
            ("currency", content.currency, original.currency),
            ("FX rate", content.fx.rate if content.fx else None, original.fx_rate),
        )
        if found != expected
    ]
    if problems:
        raise LedgerError(
            "\n".join([f"The {draft} does not fit the document it corrects (D4):", *(f"  {text}" for text in problems)])
        )
    found: int = original.document_id
    return found


def _head(connection: Connection) -> Row[Any]:
    head = connection.execute(select(ledger_head)).one()
    newest = connection.execute(
        select(documents.c.document_id, documents.c.chain_hash).order_by(documents.c.document_id.desc()).limit(1)
    ).first()
    if (head.document_id, head.chain_hash) != ((0, GENESIS) if newest is None else tuple(newest)):
        raise LedgerError(
            f"The ledger should end with document {head.document_id}, and does not: it was changed from outside. "
            "Nothing was issued; run verify, and restore a backup."
        )
    return head


def _next_sequence(connection: Connection, content: Content) -> int:
    issuer_id, series, year = content.issuer.issuer_id, series_of(content.kind), content.issue_date.year
    key = (number_series.c.issuer_id == issuer_id, number_series.c.series == series, number_series.c.year == year)
    # The lock of D2. Every writer holds the ledger's end already; this one makes it true by itself.
    state = connection.execute(select(number_series).where(*key).with_for_update()).first()
    counted = connection.execute(
        select(func.coalesce(func.max(documents.c.sequence), 0)).where(
            documents.c.issuer_id == issuer_id, documents.c.series == series, documents.c.year == year
        )
    ).scalar_one()
    if counted != (0 if state is None else state.last_sequence):
        raise LedgerError(
            f"The {series} series of {issuer_id} for {year} does not end where it should: it was changed from outside. "
            "Nothing was issued; run verify, and restore a backup."
        )
    if state is None:
        connection.execute(
            insert(number_series).values(
                issuer_id=issuer_id,
                series=series,
                year=year,
                last_sequence=1,
                last_issue_date=content.issue_date,
            )
        )
        return 1
    if content.issue_date < state.last_issue_date:
        raise LedgerError(
            f"The document's day {content.issue_date} is before {state.last_issue_date}, the day of the last number of "
            f"{issuer_id}'s {series} series: numbers follow days. Nothing was issued; issue with today's date."
        )
    sequence: int = state.last_sequence + 1
    connection.execute(
        update(number_series).where(*key).values(last_sequence=sequence, last_issue_date=content.issue_date)
    )
    return sequence


def _refuse_number_of_others(connection: Connection, number: str, content: Content) -> None:
    other = connection.execute(select(documents.c.issuer_id).where(documents.c.number == number)).scalar_one_or_none()
    if other is not None:
        raise LedgerError(
            f"The number {number} was given by issuer {other}; issuer {content.issuer.issuer_id} has the same "
            "invoice_prefix. Nothing was issued; give each issuer its own prefix in issuers.csv."
        )


def _insert(connection: Connection, row: Values, content: Content, draws: Sequence[CreditDraw]) -> None:
    document_id = row["document_id"]

    def add(table: Table, rows: list[Values]) -> None:
        if rows:
            connection.execute(insert(table), [{"document_id": document_id, **values} for values in rows])

    connection.execute(insert(documents).values(row))
    add(document_lines, line_rows(content))
    add(document_line_accounts, account_rows(content))
    add(document_taxes, tax_rows(content))
    add(credit_draws, [vars(draw) for draw in draws])
    connection.execute(update(ledger_head).values(document_id=document_id, chain_hash=row["chain_hash"]))
