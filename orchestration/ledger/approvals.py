"""Approving a draft, taking an approval back, and overriding a reason not to issue.

What is here: D1's approvals, which name the draft's hash, and D7's overrides.
When to add here: another decision of a person that issuing depends on.
What does not belong here: whether there is a reason not to issue; the caller finds those and names them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from orchestration.errors import LedgerError
from orchestration.ledger.audit import Change
from orchestration.ledger.contents import KINDS, Kind
from orchestration.ledger.database import next_id
from orchestration.ledger.tables import approval_withdrawals, approvals, documents, overrides

__all__ = [
    "NEVER_OVERRIDDEN",
    "Approval",
    "Draft",
    "approve",
    "find_approval",
    "issued_count",
    "override",
    "unmet_refusals",
    "why_not_approved",
    "withdraw",
]

NEVER_OVERRIDDEN = "residual"
"""The reason not to issue that nobody can override (D7): AWS's total and ours differ."""


@dataclass(frozen=True)
class Draft:
    """Which draft: of whom, when, the how-manyeth document, and with which numbers.

    Attributes:
        billing_period: ``YYYY-MM``.
        billing_group_id: the group.
        kind: invoice, credit_note or supplementary_invoice.
        revision: how many documents of the group and period were issued when it was made: 0 for the first document,
            then 1, 2 for its corrections (D4). A draft that another document overtook is refused.
        draft_hash: hash of its numbers.
    """

    billing_period: str
    billing_group_id: str
    kind: Kind
    revision: int
    draft_hash: str

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} of {self.billing_group_id} for {self.billing_period}"


@dataclass(frozen=True)
class Approval:
    """That somebody approved a draft.

    Attributes:
        approval_id: its id.
        approved_by: who.
        approved_at: when, in UTC.
        note: what they remarked.
    """

    approval_id: int
    approved_by: str
    approved_at: datetime
    note: str


def approve(change: Change, draft: Draft, note: str = "") -> Approval:
    """Approve a draft (D1); approving again returns the approval that is there.

    Raises:
        LedgerError: the draft names no kind of document, or another document was issued since it was made.
    """
    if draft.kind not in KINDS:
        raise LedgerError(f"{draft.kind!r} is no kind of document. Expected {', '.join(KINDS)}.")
    issued = issued_count(change.connection, draft)
    if issued != draft.revision:
        raise LedgerError(
            f"The {draft} was drafted after {draft.revision} issued documents, but there are {issued} now. "
            "Nothing was approved; make the draft again."
        )
    found = find_approval(change.connection, draft)
    if found is not None:
        return found
    approval = Approval(next_id(change.connection, approvals.c.approval_id), change.by, change.at, note)
    change.connection.execute(
        insert(approvals).values(
            approval_id=approval.approval_id,
            **_key(draft),
            kind=draft.kind,
            approved_by=approval.approved_by,
            approved_at=approval.approved_at,
            note=approval.note,
        )
    )
    change.record("approve", str(draft), f"approval {approval.approval_id}, draft {draft.draft_hash}")
    return approval


def withdraw(change: Change, draft: Draft, reason: str) -> None:
    """Take the approval of a draft back.

    Raises:
        LedgerError: there is none, or the document was issued (D3: it stays).
    """
    approval = find_approval(change.connection, draft)
    if approval is None:
        raise LedgerError(f"The {draft} is not approved with these numbers; there is nothing to take back.")
    number = change.connection.execute(
        select(documents.c.number).where(documents.c.approval_id == approval.approval_id)
    ).scalar_one_or_none()
    if number is not None:
        raise LedgerError(
            f"The {draft} was issued as {number} and stays (D3). Change what it is made from; the next run proposes a "
            "correction."
        )
    change.connection.execute(
        insert(approval_withdrawals).values(
            approval_id=approval.approval_id, withdrawn_by=change.by, withdrawn_at=change.at, reason=reason
        )
    )
    change.record("withdraw approval", str(draft), f"approval {approval.approval_id}: {reason}")


def override(change: Change, draft: Draft, refusal: str, reason: str) -> None:
    """Override one reason not to issue a draft (D7).

    Raises:
        LedgerError: the residual cannot be overridden, or no reason is given.
    """
    if refusal == NEVER_OVERRIDDEN:
        raise LedgerError(
            f"The {draft} cannot be issued while a residual is not 0, and nobody can override that (D7). "
            "Nothing was changed; mend the cause and run again."
        )
    if not reason.strip():
        raise LedgerError(f"Overriding {refusal} needs a reason, which is kept. Nothing was changed.")
    change.connection.execute(
        insert(overrides).values(
            override_id=next_id(change.connection, overrides.c.override_id),
            **_key(draft),
            refusal=refusal,
            reason=reason,
            overridden_by=change.by,
            overridden_at=change.at,
        )
    )
    change.record("override", str(draft), f"{refusal}: {reason}")


def find_approval(connection: Connection, draft: Draft) -> Approval | None:
    """Return the approval of exactly these numbers that nobody took back, if there is one."""
    found = connection.execute(
        _approvals()
        .where(approvals.c.draft_hash == draft.draft_hash, approval_withdrawals.c.approval_id.is_(None))
        .where(*_same_document(draft))
    ).first()
    return None if found is None else _approval(found)


def why_not_approved(connection: Connection, draft: Draft) -> str:
    """Return in words why a draft is not approved, for whoever wants to issue it."""
    latest = connection.execute(
        _approvals().where(*_same_document(draft)).order_by(approvals.c.approval_id.desc())
    ).first()
    if latest is None:
        return f"The {draft} is not approved. Nothing was issued; approve it first."
    who = f"{latest.approved_by} on {latest.approved_at:%Y-%m-%d %H:%M} UTC"
    if latest.withdrawn_by is not None:
        return (
            f"The {draft} was approved by {who}, but {latest.withdrawn_by} took that back: "
            f"{latest.withdrawal_reason or 'no reason given'}. Nothing was issued."
        )
    return (
        f"The {draft} was approved by {who} with other numbers (draft {latest.draft_hash[:12]}, now "
        f"{draft.draft_hash[:12]}). Nothing was issued; look at what changed and approve it again."
    )


def unmet_refusals(connection: Connection, draft: Draft, refusals: tuple[str, ...]) -> list[str]:
    """Return which of the reasons not to issue nobody has overridden for this draft."""
    overridden = set(
        connection.execute(
            select(overrides.c.refusal).where(*(overrides.c[name] == value for name, value in _key(draft).items()))
        ).scalars()
    )
    return [refusal for refusal in refusals if refusal == NEVER_OVERRIDDEN or refusal not in overridden]


def issued_count(connection: Connection, draft: Draft) -> int:
    """Return how many documents of the draft's group and period are issued."""
    return int(
        connection.execute(
            select(func.count())
            .select_from(documents)
            .where(
                documents.c.billing_period == draft.billing_period,
                documents.c.billing_group_id == draft.billing_group_id,
            )
        ).scalar_one()
    )


def _key(draft: Draft) -> dict[str, Any]:
    return {
        "billing_period": draft.billing_period,
        "billing_group_id": draft.billing_group_id,
        "revision": draft.revision,
        "draft_hash": draft.draft_hash,
    }


def _same_document(draft: Draft) -> list[Any]:
    return [
        approvals.c.billing_period == draft.billing_period,
        approvals.c.billing_group_id == draft.billing_group_id,
        approvals.c.revision == draft.revision,
        approvals.c.kind == draft.kind,
    ]


def _approvals() -> Any:
    return select(
        approvals, approval_withdrawals.c.withdrawn_by, approval_withdrawals.c.reason.label("withdrawal_reason")
    ).join(approval_withdrawals, isouter=True)


def _approval(row: Row[Any]) -> Approval:
    return Approval(row.approval_id, row.approved_by, row.approved_at, row.note)
