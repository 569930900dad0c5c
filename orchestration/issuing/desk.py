"""Approving and issuing: the warehouse proposes, a person decides, the ledger keeps, files are made.

What is here: the decisions over a period, or some groups of it (approve, withdraw, override, issue), and what became of
each group.
When to add here: another decision about a proposed document.
What does not belong here: the ledger's own refusals (``ledger/issuing.py``) and the command line.

All hold the workspace, so that no run changes a draft between the look at it and its freezing, and all end by
publishing: the states of invoices are views, so that nothing has to be built for them.

Whoever decides from a page names what they looked at by ``seen``: the hash of each draft by billing group. Should one
of them be another by now, nothing is done at all (D1).
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

import duckdb

from orchestration.configuration.schema import Configuration
from orchestration.configuration.validate import read_configuration
from orchestration.errors import ChargehouseError, LedgerError, NotBuiltError
from orchestration.issuing.causes import ApprovedDraft, keep_approved, record_causes
from orchestration.issuing.contents import accounting_rate, content_of, credit_draws_of
from orchestration.issuing.files import render_documents
from orchestration.issuing.proposals import Proposal, read_delivered, read_proposals
from orchestration.issuing.provenance import PeriodSources, current_code_version
from orchestration.ledger.approvals import NEVER_OVERRIDDEN
from orchestration.ledger.issuing import IssuedDocument, IssueRequest
from orchestration.ledger.ledger import Ledger
from orchestration.ledger.mirror import load_ledger
from orchestration.pending import known_periods
from orchestration.planning import periods_drawing_after, plan_periods, unfinished_periods
from orchestration.publish import publish
from orchestration.runs import run_new
from orchestration.settings import Workspace
from orchestration.warehouse import open_warehouse, workspace_lock

__all__ = ["Issued", "Outcome", "approve", "build_issued", "issue", "issue_and_build", "override", "withdraw"]

State = Literal["draft", "approved", "issued", "refused"]

_NEEDS_NO_BUILD = "a document was issued"
_NO_AMOUNTS = frozenset({"missing_fx_rate", "missing_tax_rate"})


@dataclass(frozen=True)
class Outcome:
    """What became of one proposed document.

    Attributes:
        billing_period: ``YYYY-MM``.
        billing_group_id: the group.
        kind: invoice, credit_note or supplementary_invoice.
        state: what it is now; ``refused`` where nothing was done.
        number: its number, once it is issued.
        currency: ISO 4217.
        total_amount: with credits and tax; None while the exchange rate is missing.
        reason: why it was refused; for one approved or issued what else there is to know; else empty.
        pdf: path of its PDF; empty without one.
    """

    billing_period: str
    billing_group_id: str
    kind: str
    state: State
    number: str
    currency: str
    total_amount: Decimal | None
    reason: str = ""
    pdf: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it for ``--json`` and tables."""
        return asdict(self)


@dataclass(frozen=True)
class Issued:
    """What issuing and the run after it did.

    Attributes:
        outcomes: one per proposed document.
        failed_run: why the run after it failed; empty where it did not. The documents are issued all the same.
    """

    outcomes: list[Outcome]
    failed_run: str = ""


@dataclass(frozen=True)
class _Desk:
    """Everything that a decision is taken from, as of one moment, and the drafts that were approved at it."""

    workspace: Workspace
    configuration: Configuration
    proposals: list[Proposal]
    sources: PeriodSources
    ledger: Ledger
    approved: list[ApprovedDraft] = field(default_factory=list)


def approve(
    workspace: Workspace,
    billing_period: date,
    billing_group_id: str | None,
    by: str,
    note: str = "",
    seen: Mapping[str, str] | None = None,
    wait_seconds: float = 0,
) -> list[Outcome]:
    """Approve the proposed documents of a period (D1), or of some groups of it; approving again changes nothing.

    Args:
        workspace: what to work on.
        billing_period: first day of the month.
        billing_group_id: only this group; None for all, or all that were ``seen``.
        by: who approves.
        note: what they remark.
        seen: hash of the draft that was looked at, by billing group; only these groups.
        wait_seconds: how long to wait for a run, or for somebody else who approves or issues.

    Raises:
        ChargehouseError: the period is not built, or something it is made from changed since; no such group; a draft is
            not the one that was seen.
        WorkspaceBusyError: another process works on the workspace and did not finish in time.
    """
    with _desk(workspace, "approving", billing_period, billing_group_id, seen, wait_seconds) as desk:
        return [_approve_one(desk, proposal, by, note) for proposal in desk.proposals]


def withdraw(
    workspace: Workspace,
    billing_period: date,
    billing_group_id: str | None,
    by: str,
    reason: str,
    seen: Mapping[str, str] | None = None,
    wait_seconds: float = 0,
) -> list[Outcome]:
    """Take the approvals of a period, or of some groups of it, back before they are used; see ``approve``.

    Args:
        workspace: what to work on.
        billing_period: first day of the month.
        billing_group_id: only this group; None for all, or all that were ``seen``.
        by: who takes them back.
        reason: why; kept.
        seen: hash of the draft that was looked at, by billing group; only these groups.
        wait_seconds: how long to wait for another process.
    """
    with _desk(workspace, "taking approvals back", billing_period, billing_group_id, seen, wait_seconds) as desk:
        return [_withdraw_one(desk, proposal, by, reason) for proposal in desk.proposals]


def override(
    workspace: Workspace,
    billing_period: date,
    billing_group_id: str | None,
    by: str,
    refusals: Collection[str],
    reason: str,
    seen: Mapping[str, str] | None = None,
    wait_seconds: float = 0,
) -> list[Outcome]:
    """Override reasons not to issue the documents of a period (D7), or of some groups of it; see ``approve``.

    An override holds for exactly these numbers, as an approval does. Documents that it does not concern are left out.

    Args:
        workspace: what to work on.
        billing_period: first day of the month.
        billing_group_id: only this group; None for all, or all that were ``seen``.
        by: who overrides.
        refusals: which, by name.
        reason: why; kept.
        seen: hash of the draft that was looked at, by billing group; only these groups.
        wait_seconds: how long to wait for another process.
    """
    with _desk(workspace, "overriding a refusal", billing_period, billing_group_id, seen, wait_seconds) as desk:
        return [
            _override_one(desk, proposal, by, refusals, reason)
            for proposal in desk.proposals
            if set(refusals) & set(proposal.refusal_names)
        ]


def issue(
    workspace: Workspace,
    billing_period: date,
    billing_group_id: str | None,
    by: str,
    overrides: Mapping[str, str] | None = None,
    today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    report: Callable[[str], None] = lambda _line: None,
    seen: Mapping[str, str] | None = None,
    wait_seconds: float = 0,
) -> list[Outcome]:
    """Issue the approved documents of a period (D2), or of some groups of it, and make their files.

    Args:
        workspace: what to work on.
        billing_period: first day of the month.
        billing_group_id: only this group; None for all, or all that were ``seen``.
        by: who issues.
        overrides: reason to override a refusal, by its name (D7); kept with who gave it. What was overridden before
            stays so.
        today: the day of issue.
        report: called with each step in words.
        seen: hash of the draft that was looked at, by billing group; only these groups.
        wait_seconds: how long to wait for a run, or for somebody else who approves or issues.

    Returns:
        One outcome per proposed document. Files that an earlier call could not make are made too.

    Raises:
        ChargehouseError: the period is not built, or something it is made from changed since; no such group; a draft is
            not the one that was seen.
        WorkspaceBusyError: another process works on the workspace and did not finish in time.
    """
    with _desk(workspace, "issuing", billing_period, billing_group_id, seen, wait_seconds) as desk:
        outcomes = []
        for number, proposal in enumerate(desk.proposals, start=1):
            report(f"Issuing {number} of {len(desk.proposals)}: {proposal.billing_group_id}")
            outcomes.append(_issue_one(desk, proposal, by, overrides or {}, today()))
        rendered = render_documents(workspace, desk.ledger.documents(f"{billing_period:%Y-%m}"), report)
        errors = {one.number: one.error for one in rendered if one.error is not None}
        return [_with_file(workspace, outcome, errors) for outcome in outcomes]


def issue_and_build(
    workspace: Workspace,
    billing_period: date,
    billing_group_id: str | None,
    by: str,
    overrides: Mapping[str, str] | None = None,
    report: Callable[[str], None] = lambda _line: None,
    seen: Mapping[str, str] | None = None,
    wait_seconds: float = 0,
    run: Callable[..., object] = run_new,
) -> Issued:
    """Issue, and where anything was issued build what follows from it: what the command and the page do.

    Args, Raises: see ``issue``. A run that fails afterwards is no error, for the documents are issued. ``run`` runs it:
    ``run_new`` in this process, or ``run_apart``.
    """
    outcomes = issue(
        workspace, billing_period, billing_group_id, by, overrides, report=report, seen=seen, wait_seconds=wait_seconds
    )
    if not any(outcome.state == "issued" for outcome in outcomes):
        return Issued(outcomes)
    try:
        build_issued(workspace, billing_period, report, wait_seconds, run)
    except ChargehouseError as error:
        return Issued(outcomes, f"The documents are issued, but the run after it failed: {error}")
    return Issued(outcomes)


def build_issued(
    workspace: Workspace,
    billing_period: date,
    report: Callable[[str], None],
    wait_seconds: float = 0,
    run: Callable[..., object] = run_new,
) -> None:
    """Build a period again in which something was issued, and those whose customer credits are drawn after it.

    What it draws on credits is final now, or given back (K4), and stands so in its tables.

    Raises:
        ChargehouseError: the run failed; see ``run_new``.
    """
    after = periods_drawing_after(read_configuration(workspace.billing), [billing_period], known_periods(workspace))
    run(workspace, only=after | {billing_period}, wait_seconds=wait_seconds, report=report)


@contextmanager
def _desk(
    workspace: Workspace,
    purpose: str,
    billing_period: date,
    billing_group_id: str | None,
    seen: Mapping[str, str] | None,
    wait_seconds: float,
) -> Iterator[_Desk]:
    with workspace_lock(workspace, purpose, wait_seconds):
        configuration = read_configuration(workspace.billing)
        _refuse_unknown_group(workspace, configuration, billing_group_id)
        with open_warehouse(workspace) as connection:
            load_ledger(connection, workspace)
            run_id = _built_by(connection, configuration, billing_period)
            _refuse_unproven(connection)
            groups = seen if billing_group_id is None else {billing_group_id}
            proposals = read_proposals(connection, billing_period, groups)
            delivered = read_delivered(connection, billing_period)
        _refuse_unseen(proposals, seen or {})
        sources = PeriodSources(configuration, billing_period, delivered, current_code_version(), run_id)
        with Ledger.open(workspace) as ledger:
            desk = _Desk(workspace, configuration, proposals, sources, ledger)
            yield desk
        if proposals:
            with open_warehouse(workspace) as connection:
                keep_approved(connection, desk.approved)
                load_ledger(connection, workspace)
                record_causes(connection, workspace)
            publish(workspace)


def _refuse_unknown_group(workspace: Workspace, configuration: Configuration, billing_group_id: str | None) -> None:
    """Refuse a group that is neither configured nor, taken out since, on any document."""
    if billing_group_id is None or billing_group_id in {
        group.billing_group_id for group in configuration.billing_groups
    }:
        return
    with Ledger.open(workspace) as ledger:
        is_documented = any(True for _ in ledger.documents(billing_group_id=billing_group_id))
    if not is_documented:
        raise ChargehouseError(f"There is no billing group {billing_group_id} in billing_groups.csv.")


def _refuse_unseen(proposals: Collection[Proposal], seen: Mapping[str, str]) -> None:
    """Refuse where a draft is not the one that somebody looked at: they would decide about other numbers (D1)."""
    now = {proposal.billing_group_id: proposal.draft_hash for proposal in proposals}
    changed = sorted(group for group, draft_hash in seen.items() if now.get(group) != draft_hash)
    if changed:
        raise ChargehouseError(
            f"What is proposed for {', '.join(changed)} is not what was shown. Nothing was changed; look at it again."
        )


def _built_by(connection: duckdb.DuckDBPyConnection, configuration: Configuration, billing_period: date) -> str:
    """Return the run that built a period; refuse where it is not built, or not from what there is now.

    A run whose blocking check failed leaves its periods unbuilt, so that nothing of them can be issued (D7).
    """
    month = f"{billing_period:%Y-%m}"
    planned = plan_periods(connection, configuration, only=frozenset({billing_period}))
    if any(period.reason != _NEEDS_NO_BUILD for period in planned):
        raise NotBuiltError(
            f"{month} is not built from what there is now ({planned[0].reason}). Nothing was changed; "
            "first: chargehouse run"
        )
    built = connection.execute(
        "select run_id from raw.period_builds where billing_period = $1", [billing_period]
    ).fetchall()
    if not built:
        raise NotBuiltError(f"There is nothing built for {month}. Nothing was changed; first: chargehouse run")
    return str(built[0][0])


def _refuse_unproven(connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse while any month was left by a run that published nothing: a decision would publish that month too."""
    unproven = ", ".join(f"{period:%Y-%m}" for period in unfinished_periods(connection, is_building=False))
    if unproven:
        raise NotBuiltError(
            f"The last run did not finish {unproven}, so that nothing can be published now. Nothing was changed; "
            "first mend what stopped it, then: chargehouse run"
        )


def _approve_one(desk: _Desk, proposal: Proposal, by: str, note: str) -> Outcome:
    missing = _NO_AMOUNTS & set(proposal.refusal_names)
    if missing:
        return _refused(proposal, _reasons(proposal, missing))
    try:
        desk.ledger.approve(proposal.draft, by, note)
    except LedgerError as error:
        return _refused(proposal, str(error))
    if proposal.total_amount is not None:
        origins = desk.sources.origins(proposal.billing_group_id, proposal.deliveries, _issued(desk, proposal))
        desk.approved.append(ApprovedDraft(proposal.draft_hash, proposal.total_amount, origins))
    return _outcome(proposal, "approved", reason=_remarks(desk, proposal))


def _withdraw_one(desk: _Desk, proposal: Proposal, by: str, reason: str) -> Outcome:
    try:
        desk.ledger.withdraw_approval(proposal.draft, by, reason)
    except LedgerError as error:
        return _refused(proposal, str(error))
    return _outcome(proposal, "draft")


def _override_one(desk: _Desk, proposal: Proposal, by: str, refusals: Collection[str], reason: str) -> Outcome:
    named = tuple(name for name in proposal.refusal_names if name in refusals)
    hopeless = _NO_AMOUNTS & set(named)
    if hopeless:
        return _refused(proposal, f"cannot be overridden: {_reasons(proposal, hopeless)}")
    try:
        for name in desk.ledger.unmet_refusals(proposal.draft, named):
            desk.ledger.override(proposal.draft, name, by, reason)
    except LedgerError as error:
        return _refused(proposal, str(error))
    return _outcome(proposal, "approved" if proposal.is_approved else "draft")


def _issue_one(desk: _Desk, proposal: Proposal, by: str, overrides: Mapping[str, str], day: date) -> Outcome:
    try:
        if desk.ledger.approval(proposal.draft) is None:
            return _refused(proposal, desk.ledger.why_not_approved(proposal.draft))
        hopeless = (_NO_AMOUNTS | {NEVER_OVERRIDDEN}) & set(proposal.refusal_names)
        open_refusals = desk.ledger.unmet_refusals(proposal.draft, proposal.refusal_names)
        unmet = (set(open_refusals) - overrides.keys()) | hopeless
        if unmet:
            return _refused(proposal, _reasons(proposal, unmet))
        for name in open_refusals:
            desk.ledger.override(proposal.draft, name, by, overrides[name])
        document = desk.ledger.issue(_request(desk, proposal, day), by)
    except ChargehouseError as error:
        return _refused(proposal, str(error))
    return _outcome(proposal, "issued", document, _remarks(desk, proposal))


def _request(desk: _Desk, proposal: Proposal, day: date) -> IssueRequest:
    issued = _issued(desk, proposal)
    origins = desk.sources.origins(proposal.billing_group_id, proposal.deliveries, issued)
    content = content_of(proposal, origins, desk.configuration, issued, day)
    return IssueRequest(proposal.draft, content, credit_draws_of(proposal), proposal.refusal_names)


def _issued(desk: _Desk, proposal: Proposal) -> list[dict[str, Any]]:
    """Return the contents of the documents before this one, of its group and period, in the order of issue."""
    documents = desk.ledger.documents(proposal.draft.billing_period, proposal.billing_group_id)
    return [json.loads(document.content) for document in documents]


def _reasons(proposal: Proposal, names: set[str] | frozenset[str]) -> str:
    details = dict.fromkeys(
        f"{refusal.name}: {refusal.detail}" for refusal in proposal.refusals if refusal.name in names
    )
    return "; ".join(details)


def _remarks(desk: _Desk, proposal: Proposal) -> str:
    """Return what whoever approves or issues should know, though it stops nothing."""
    return "; ".join(filter(None, [_out_of_turn(proposal), _without_accounting_rate(desk, proposal)]))


def _without_accounting_rate(desk: _Desk, proposal: Proposal) -> str:
    """Return that a first document's tax is not stated in the issuer's accounting currency (BT-111); else nothing."""
    if proposal.header is None or proposal.revision or not any(tax["tax_amount"] for tax in proposal.taxes):
        return ""
    issuer_id = proposal.header["issuer_id"]
    currency = next(row.currency for row in desk.configuration.issuers if row.issuer_id == issuer_id)
    if accounting_rate(proposal, desk.configuration, currency) is not None or currency == proposal.currency:
        return ""
    return (
        f"its tax is not stated in {currency}, the issuer's accounting currency: fx_rates.csv has no rate from "
        f"{proposal.currency} to {currency} for {proposal.draft.billing_period}"
    )


def _out_of_turn(proposal: Proposal) -> str:
    """Return which months before it have not had their turn on the credits that it draws on (K4); else nothing."""
    unit = Decimal(1).scaleb(-proposal.minor_units)
    waiting = [
        f"{draw['billing_period']:%Y-%m} draws {draw['amount'].quantize(unit):,f} {draw['currency']} on credit "
        f"{draw['credit_id']}"
        for draw in proposal.waiting
    ]
    if not waiting:
        return ""
    return (
        f"before it, and not issued, {'; '.join(waiting)}. These draws stand, but if that month changes, it has only "
        "what this one leaves: issue months in their order"
    )


def _refused(proposal: Proposal, reason: str) -> Outcome:
    return _outcome(proposal, "refused", reason=reason)


def _outcome(proposal: Proposal, state: State, document: IssuedDocument | None = None, reason: str = "") -> Outcome:
    unit = Decimal(1).scaleb(-proposal.minor_units)
    return Outcome(
        billing_period=proposal.draft.billing_period,
        billing_group_id=proposal.billing_group_id,
        kind=proposal.kind,
        state=state,
        number="" if document is None else document.number,
        currency=proposal.currency,
        total_amount=None if proposal.total_amount is None else proposal.total_amount.quantize(unit),
        reason=reason,
    )


def _with_file(workspace: Workspace, outcome: Outcome, errors: Mapping[str, str]) -> Outcome:
    if outcome.state != "issued":
        return outcome
    if outcome.number in errors:
        reasons = [f"issued, but without files: {errors[outcome.number]}", outcome.reason]
        return replace(outcome, reason="; ".join(filter(None, reasons)))
    return replace(outcome, pdf=str(workspace.document_file(outcome.billing_period, outcome.number, "pdf")))
