"""Approving and issuing: the warehouse proposes, a person decides, the ledger keeps, files are made.

What is here: the two verbs over a period, or one group of it, and what became of each group.
When to add here: another decision about a proposed document.
What does not belong here: the ledger's own refusals (``ledger/issuing.py``) and the command line.

Both hold the workspace, so that no run changes a draft between the look at it and its freezing, and both end by
publishing: the states of invoices are views, so that nothing has to be built for them.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import version
from typing import Any, Literal

import duckdb

from orchestration.configuration.schema import Configuration
from orchestration.configuration.validate import read_configuration
from orchestration.errors import ChargehouseError, LedgerError
from orchestration.issuing.contents import accounting_rate, content_of, credit_draws_of
from orchestration.issuing.files import render_documents
from orchestration.issuing.proposals import Proposal, read_deliveries, read_proposals
from orchestration.issuing.provenance import Delivery, PeriodSources
from orchestration.ledger.approvals import NEVER_OVERRIDDEN
from orchestration.ledger.issuing import IssuedDocument, IssueRequest
from orchestration.ledger.ledger import Ledger
from orchestration.ledger.mirror import load_ledger
from orchestration.pending import known_periods
from orchestration.planning import code_digest, periods_drawing_after, plan_periods
from orchestration.publish import publish
from orchestration.runs import run_new
from orchestration.settings import Workspace
from orchestration.warehouse import open_warehouse, workspace_lock

__all__ = ["Outcome", "approve", "build_issued", "issue"]

State = Literal["approved", "issued", "refused"]

_NEEDS_NO_BUILD = "a document was issued"
_NO_AMOUNTS = frozenset({"missing_fx_rate", "missing_tax_rate"})


@dataclass(frozen=True)
class Outcome:
    """What became of one proposed document.

    Attributes:
        billing_period: ``YYYY-MM``.
        billing_group_id: the group.
        kind: invoice, credit_note or supplementary_invoice.
        state: what it is now.
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
class _Desk:
    """Everything that a decision is taken from, as of one moment."""

    workspace: Workspace
    configuration: Configuration
    proposals: list[Proposal]
    deliveries: list[Delivery]
    sources: PeriodSources
    ledger: Ledger


def approve(
    workspace: Workspace,
    billing_period: date,
    billing_group_id: str | None,
    by: str,
    note: str = "",
    wait_seconds: float = 0,
) -> list[Outcome]:
    """Approve the proposed documents of a period (D1), or of one group of it; approving again changes nothing.

    Args:
        workspace: what to work on.
        billing_period: first day of the month.
        billing_group_id: only this group; None for all.
        by: who approves.
        note: what they remark.
        wait_seconds: how long to wait for a run, or for somebody else who approves or issues.

    Raises:
        ChargehouseError: the period is not built, or something it is made from changed since; no such group.
        WorkspaceBusyError: another process works on the workspace and did not finish in time.
    """
    with _desk(workspace, "approving", billing_period, billing_group_id, wait_seconds) as desk:
        return [_approve_one(desk, proposal, by, note) for proposal in desk.proposals]


def issue(
    workspace: Workspace,
    billing_period: date,
    billing_group_id: str | None,
    by: str,
    overrides: Mapping[str, str] | None = None,
    today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    report: Callable[[str], None] = lambda _line: None,
    wait_seconds: float = 0,
) -> list[Outcome]:
    """Issue the approved documents of a period (D2), or of one group of it, and make their files.

    Args:
        workspace: what to work on.
        billing_period: first day of the month.
        billing_group_id: only this group; None for all.
        by: who issues.
        overrides: reason to override a refusal, by its name (D7); kept with who gave it.
        today: the day of issue.
        report: called with each step in words.
        wait_seconds: how long to wait for a run, or for somebody else who approves or issues.

    Returns:
        One outcome per proposed document. Files that an earlier call could not make are made too.

    Raises:
        ChargehouseError: the period is not built, or something it is made from changed since; no such group.
        WorkspaceBusyError: another process works on the workspace and did not finish in time.
    """
    with _desk(workspace, "issuing", billing_period, billing_group_id, wait_seconds) as desk:
        outcomes = []
        for number, proposal in enumerate(desk.proposals, start=1):
            report(f"Issuing {number} of {len(desk.proposals)}: {proposal.billing_group_id}")
            outcomes.append(_issue_one(desk, proposal, by, overrides or {}, today()))
        report("Making the files")
        errors = {
            rendered.number: rendered.error
            for rendered in render_documents(workspace, desk.ledger.documents(f"{billing_period:%Y-%m}"))
            if rendered.error is not None
        }
        return [_with_file(workspace, outcome, errors) for outcome in outcomes]


def build_issued(
    workspace: Workspace, billing_period: date, report: Callable[[str], None], wait_seconds: float = 0
) -> None:
    """Build a period again in which something was issued, and those whose customer credits are drawn after it.

    What it draws on credits is final now, or given back (K4), and stands so in its tables.

    Raises:
        ChargehouseError: the run failed; see ``run_new``.
    """
    after = periods_drawing_after(read_configuration(workspace.billing), [billing_period], known_periods(workspace))
    run_new(workspace, only=after | {billing_period}, wait_seconds=wait_seconds, report=report)


@contextmanager
def _desk(
    workspace: Workspace, purpose: str, billing_period: date, billing_group_id: str | None, wait_seconds: float
) -> Iterator[_Desk]:
    with workspace_lock(workspace, purpose, wait_seconds):
        configuration = read_configuration(workspace.billing)
        _refuse_unknown_group(workspace, configuration, billing_group_id)
        with open_warehouse(workspace) as connection:
            load_ledger(connection, workspace)
            run_id = _built_by(connection, configuration, billing_period)
            proposals = read_proposals(connection, billing_period, billing_group_id)
            deliveries = read_deliveries(connection, billing_period)
        code_version = f"{version('chargehouse')}+{code_digest()[:16]}"
        sources = PeriodSources(configuration, billing_period, code_version, run_id)
        with Ledger.open(workspace) as ledger:
            yield _Desk(workspace, configuration, proposals, deliveries, sources, ledger)
        if proposals:
            with open_warehouse(workspace) as connection:
                load_ledger(connection, workspace)
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


def _built_by(connection: duckdb.DuckDBPyConnection, configuration: Configuration, billing_period: date) -> str:
    """Return the run that built a period; refuse where it is not built, or not from what there is now.

    A run whose blocking check failed leaves its periods unbuilt, so that nothing of them can be issued (D7).
    """
    month = f"{billing_period:%Y-%m}"
    planned = plan_periods(connection, configuration, only=frozenset({billing_period}))
    if any(period.reason != _NEEDS_NO_BUILD for period in planned):
        raise ChargehouseError(
            f"{month} is not built from what there is now ({planned[0].reason}). Nothing was changed; "
            "first: chargehouse run"
        )
    built = connection.execute(
        "select run_id from raw.period_builds where billing_period = $1", [billing_period]
    ).fetchall()
    if not built:
        raise ChargehouseError(f"There is nothing built for {month}. Nothing was changed; first: chargehouse run")
    return str(built[0][0])


def _approve_one(desk: _Desk, proposal: Proposal, by: str, note: str) -> Outcome:
    missing = _NO_AMOUNTS & set(proposal.refusal_names)
    if missing:
        return _refused(proposal, _reasons(proposal, missing))
    try:
        desk.ledger.approve(proposal.draft, by, note)
    except LedgerError as error:
        return _refused(proposal, str(error))
    return _outcome(proposal, "approved", reason=_remarks(desk, proposal))


def _issue_one(desk: _Desk, proposal: Proposal, by: str, overrides: Mapping[str, str], day: date) -> Outcome:
    try:
        if desk.ledger.approval(proposal.draft) is None:
            return _refused(proposal, desk.ledger.why_not_approved(proposal.draft))
        hopeless = (_NO_AMOUNTS | {NEVER_OVERRIDDEN}) & set(proposal.refusal_names)
        unmet = set(proposal.refusal_names) - overrides.keys() | hopeless
        if unmet:
            return _refused(proposal, _reasons(proposal, unmet))
        for name in proposal.refusal_names:
            desk.ledger.override(proposal.draft, name, by, overrides[name])
        document = desk.ledger.issue(_request(desk, proposal, day), by)
    except ChargehouseError as error:
        return _refused(proposal, str(error))
    return _outcome(proposal, "issued", document, _remarks(desk, proposal))


def _request(desk: _Desk, proposal: Proposal, day: date) -> IssueRequest:
    issued = [
        json.loads(document.content)
        for document in desk.ledger.documents(proposal.draft.billing_period, proposal.billing_group_id)
    ]
    # A group that has nothing of a payer any more depends on what that payer delivers now all the same.
    last = issued[-1]["provenance"]["deliveries"] if issued else []
    payers = {delivery["payer_account_id"] for delivery in last}
    origins = desk.sources.origins(
        proposal.billing_group_id,
        [*proposal.deliveries, *(delivery for delivery in desk.deliveries if delivery.payer_account_id in payers)],
        {f"{party}_id": issued[0][party][f"{party}_id"] for party in ("customer", "issuer")} if issued else None,
    )
    content = content_of(proposal, origins, desk.configuration, issued, day)
    return IssueRequest(proposal.draft, content, credit_draws_of(proposal), proposal.refusal_names)


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
    pdf = workspace.document_folder(outcome.billing_period) / f"{outcome.number}.pdf"
    return replace(outcome, pdf=str(pdf))
