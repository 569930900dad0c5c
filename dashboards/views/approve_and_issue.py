"""What waits for a decision: drafts and corrections, to be approved and issued (D1, D2, D4, D5, D7).

What is here: the list of a month's proposed documents, everything about one of them, and the four decisions.
When to add here: something that somebody must know or do before a document goes out.
What does not belong here: the decisions themselves (``orchestration/issuing/desk.py``); issued documents.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import streamlit as st

from dashboards import document_queries, extracts, queries, strings
from dashboards.components import exports, filters, money, person, tables, work
from dashboards.components.filters import Selection
from dashboards.components.tables import Cell, Column, Tone, number
from dashboards.components.work import Report, Work, plain_markdown
from dashboards.document_queries import Cause, DocumentTotal, LineDifference, Proposal, Refusal, TaxDifference
from dashboards.queries import InvoiceLine
from orchestration.settings import Workspace

if TYPE_CHECKING:
    from orchestration.issuing.desk import Issued

# More than these on one page are chosen together, or narrowed down.
ENTRIES_SHOWN = 50

STATE_TONES: dict[str, Tone] = {"draft": "muted", "approved": "good", "refused": "bad"}

_CHOSEN = "chosen_drafts"
_DIALOG = "issuing_dialog"
_WORK = "issuing_work"
_DONE_AS = "issuing_done_as"


def chosen_hashes() -> set[str]:
    """Return the hashes of the drafts that are chosen; a draft whose numbers change is no longer."""
    found: set[str] = st.session_state.setdefault(_CHOSEN, set())
    return found


def _box(proposal: Proposal) -> str:
    return f"choose_{proposal.draft_hash}"


def _choose(proposals: Iterable[Proposal], *, on: bool) -> None:
    for proposal in proposals:
        (chosen_hashes().add if on else chosen_hashes().discard)(proposal.draft_hash)
        st.session_state[_box(proposal)] = on


def _clicked(proposal: Proposal) -> None:
    _choose([proposal], on=st.session_state[_box(proposal)])


def _open(dialog: str, proposal: Proposal | None = None) -> None:
    st.session_state[_DIALOG] = (dialog, "" if proposal is None else proposal.draft_hash)


def _close() -> None:
    st.session_state.pop(_DIALOG, None)


def amount(proposal: Proposal, value: Decimal | None) -> str | Cell:
    """Write an amount of a proposed document, or say that it waits for its exchange rate."""
    if value is None:
        return Cell(strings.RATE_MISSING, tone="warning")
    return money.document(value, proposal.minor_units)


def kind(proposal: Proposal) -> Cell:
    """Name the kind of document, and the one that it corrects."""
    detail = f"{strings.CORRECTS} {proposal.reference_number}" if proposal.reference_number else ""
    return Cell(strings.of(strings.DOCUMENT_KINDS, proposal.kind), detail=detail)


def total(proposal: Proposal) -> Cell:
    """Write the total, and beneath it what it is made of where it is more than the net amount."""
    if proposal.total_amount is None:
        return Cell(strings.RATE_MISSING, tone="warning")
    parts = ((strings.NET, proposal.net_amount), (strings.CREDIT, proposal.credit_amount),
             (strings.TAX, proposal.tax_amount))  # fmt: skip
    return Cell(
        money.with_code(proposal.currency, money.document(proposal.total_amount, proposal.minor_units)),
        pairs=[(name, money.document(value, proposal.minor_units)) for name, value in parts if value],
    )


def state(proposal: Proposal) -> Cell:
    """Show the state as a badge, and who approved."""
    detail = f"{strings.APPROVED_BY} {strings.by_on(proposal.approved_by, proposal.approved_at)}"
    return Cell(
        strings.of(strings.INVOICE_STATES, proposal.state),
        tone=STATE_TONES.get(proposal.state, "muted"),
        badge=True,
        detail=detail if proposal.is_approved else "",
        hint=proposal.approval_note,
    )


def lapse(proposal: Proposal, causes: Sequence[Cause]) -> str:
    """Say who approved other numbers, and why they changed (D1); empty where nobody did."""
    if not proposal.lapsed_approval_by:
        return ""
    found = [cause for cause in causes if cause.compared_with == "approved"]
    then = money.document(found[0].total_amount, proposal.minor_units) if found and found[0].total_amount else ""
    return strings.lapsed_text(
        proposal.lapsed_approval_by,
        proposal.lapsed_approval_at,
        money.with_code(proposal.currency, then) if then else "",
        money.with_code(proposal.currency, money.document(proposal.total_amount, proposal.minor_units)),
        found[0].cause if found else "",
    )


def why(proposal: Proposal, refusals: Sequence[Refusal], causes: Sequence[Cause]) -> Cell:
    """Say in few words what stands against issuing, what lapsed, and why a correction differs."""
    standing = dict.fromkeys(
        strings.of(strings.REFUSALS, refusal.refusal) for refusal in refusals if not refusal.overridden_by
    )
    overridden = dict.fromkeys(
        strings.of(strings.REFUSALS, refusal.refusal) for refusal in refusals if refusal.overridden_by
    )
    differs = [cause.cause for cause in causes if cause.compared_with == "issued"]
    lapsed = lapse(proposal, causes)
    sentences = [
        *([f"{strings.OVERRIDDEN}: {', '.join(overridden)}."] if overridden else []),
        *([f"{strings.LAPSED}: {lapsed}"] if lapsed else []),
        *differs,
    ]
    if standing:
        return Cell("; ".join(standing), tone="bad", detail=" ".join(sentences))
    if lapsed:
        return Cell(strings.LAPSED, tone="warning", detail=" ".join([lapsed, *differs]))
    return Cell(" ".join(sentences) or strings.NOTHING_AGAINST, tone="muted")


def show_entry(proposal: Proposal, refusals: Sequence[Refusal], causes: Sequence[Cause], *, is_free: bool) -> None:
    """Draw one proposed document with its box and its button."""
    with st.container(key=f"entry_{proposal.draft_hash}"):
        box, facts, more = st.columns([0.4, 11, 1.2], gap="small", vertical_alignment="top")
        # Boxes that are not drawn are forgotten by Streamlit, the choice is not.
        st.session_state.setdefault(_box(proposal), proposal.draft_hash in chosen_hashes())
        box.checkbox(
            strings.choose_document(proposal.customer_name, proposal.kind),
            key=_box(proposal),
            label_visibility="collapsed",
            on_change=_clicked,
            args=(proposal,),
            disabled=not is_free,
        )
        with facts:
            tables.entry(
                [
                    (strings.CUSTOMER, Cell(proposal.customer_name, detail=proposal.billing_group_name)),
                    (strings.KIND, kind(proposal)),
                    (strings.TOTAL, total(proposal)),
                    (strings.STATE, state(proposal)),
                    (strings.WHY, why(proposal, refusals, causes)),
                ],
                "ch-proposal",
            )
        more.button(
            strings.DETAILS,
            key=f"details_{proposal.draft_hash}",
            type="tertiary",
            on_click=_open,
            args=("details", proposal),
            help=strings.details_of(proposal.customer_name),
        )


def show_totals(totals: Sequence[DocumentTotal]) -> None:
    """Add the documents that are listed up, one row per currency."""
    columns: list[Column[DocumentTotal]] = [
        Column(strings.CURRENCY, lambda row: row.currency),
        number(strings.DOCUMENTS, lambda row: money.integer(row.document_count)),
        number(strings.NET, lambda row: money.document(row.net_amount, row.minor_units)),
        number(strings.CREDIT, lambda row: money.document(row.credit_amount, row.minor_units)),
        number(strings.TAX, lambda row: money.document(row.tax_amount, row.minor_units)),
        number(strings.TOTAL, lambda row: money.document(row.total_amount, row.minor_units)),
        Column("", lambda row: strings.without_rate(row.without_rate_count)),
    ]
    tables.show(totals, columns, caption=f"{strings.TOTAL}, {strings.APPROVE_AND_ISSUE}")


# One proposed document


def show_refusals(refusals: Sequence[Refusal]) -> None:
    """Say why a document cannot be issued, what to do, and what somebody overrode (D7)."""
    if not refusals:
        return

    def remedy(row: Refusal) -> Cell:
        text = strings.REFUSAL_REMEDIES.get(row.refusal, row.detail)
        if not row.overridden_by:
            return Cell(text)
        who = strings.by_on(row.overridden_by, row.overridden_at)
        return Cell(f"{strings.OVERRIDDEN}: {row.override_reason}", tone="good", detail=who)

    columns: list[Column[Refusal]] = [
        Column(
            strings.WHY_REFUSED,
            lambda row: Cell(strings.of(strings.REFUSALS, row.refusal), detail=row.subject, hint=row.detail),
        ),
        Column(strings.REASON, remedy, "wide"),
    ]
    tables.show(refusals, columns, caption=strings.WHY_REFUSED)


def show_differences(
    proposal: Proposal, lines: Sequence[LineDifference], taxes: Sequence[TaxDifference], causes: Sequence[Cause]
) -> None:
    """Show what was issued, what it is now, and the difference, line by line (D4, D5, D6)."""
    units = proposal.minor_units
    st.markdown(f"**{strings.CAUSES}**")
    for cause in causes:
        if cause.compared_with == "issued":
            for sentence in cause.cause.split("; "):
                st.markdown(f"- {plain_markdown(sentence)}")

    def with_credit(net: Decimal | None, credit: Decimal | None) -> Cell:
        detail = f"{strings.ONLY_CREDITS_DIFFER} {money.document(credit, units)}" if credit else ""
        return Cell(money.document(net, units), detail=detail)

    columns: list[Column[LineDifference]] = [
        Column(strings.LINE_KIND, lambda row: strings.of(strings.LINE_KINDS, row.line_kind), "fixed"),
        Column(strings.DESCRIPTION, lambda row: Cell(row.description, detail=row.service_code), "wide"),
        number(strings.ISSUED_AMOUNT, lambda row: with_credit(row.issued_amount, row.issued_credit)),
        number(strings.CURRENT_AMOUNT, lambda row: with_credit(row.current_amount, row.current_credit)),
        number(strings.DIFFERENCE, lambda row: with_credit(row.difference_amount, row.difference_credit)),
    ]
    if lines:
        tables.show(lines, columns, caption=f"{strings.DIFFERENCES}, {proposal.customer_name}")
    else:
        st.caption(strings.NO_LINE_DIFFERS)
    tax_columns: list[Column[TaxDifference]] = [
        Column(strings.TAX, lambda row: Cell(row.tax_name or strings.of(strings.TAX_CATEGORIES, row.tax_category))),
        number(strings.TAX_RATE, lambda row: money.rate(row.tax_rate)),
        number(strings.BASE_DIFFERENCE, lambda row: money.document(row.difference_base, units)),
        number(strings.ISSUED_AMOUNT, lambda row: money.document(row.issued_tax, units)),
        number(strings.CURRENT_AMOUNT, lambda row: money.document(row.current_tax, units)),
        number(strings.DIFFERENCE, lambda row: money.document(row.difference_tax, units)),
    ]
    if taxes:
        tables.show(taxes, tax_columns, caption=f"{strings.TAX_DIFFERENCES}, {proposal.customer_name}")


def show_lines(proposal: Proposal, lines: Sequence[InvoiceLine]) -> None:
    """List the lines of a first document."""
    columns: list[Column[InvoiceLine]] = [
        Column(strings.LINE_NUMBER, lambda row: str(row.line_number)),
        Column(strings.LINE_KIND, lambda row: strings.of(strings.LINE_KINDS, row.line_kind), "fixed"),
        Column(strings.DESCRIPTION, lambda row: Cell(row.description, detail=row.service_code), "wide"),
        number(strings.amount_in(proposal.currency), lambda row: amount(proposal, row.net_amount)),
        number(strings.CREDIT, lambda row: money.document(row.credit_amount, proposal.minor_units)),
    ]
    tables.show(lines, columns, caption=f"{strings.INVOICE_LINES}, {proposal.customer_name}")


@st.dialog(strings.DOCUMENT, width="large", on_dismiss=_close)
def show_details(proposal: Proposal, refusals: Sequence[Refusal], causes: Sequence[Cause], chosen: Selection) -> None:
    """Show everything about one proposed document."""
    publication, period, group = chosen.publication, chosen.period.billing_period, proposal.billing_group_id

    def in_currency(value: Decimal | None) -> str:
        return money.with_code(proposal.currency, money.document(value, proposal.minor_units))

    tables.facts(
        [
            (strings.CUSTOMER, Cell(proposal.customer_name, detail=proposal.billing_group_name)),
            (strings.KIND, kind(proposal)),
            (strings.STATE, state(proposal)),
            (strings.NET_TOTAL, in_currency(proposal.net_amount)),
            (strings.CREDIT_TOTAL, in_currency(proposal.credit_amount)),
            (strings.TAX, in_currency(proposal.tax_amount)),
            (strings.INVOICE_TOTAL, in_currency(proposal.total_amount)),
            *([(strings.NOTE, proposal.approval_note)] if proposal.approval_note else []),
        ],
        emphasis=strings.INVOICE_TOTAL,
    )
    if lapsed := lapse(proposal, causes):
        st.warning(f"**{strings.LAPSED}.** {plain_markdown(lapsed)}", icon=":material/history:")
    show_refusals(refusals)
    if proposal.reference_number:
        show_differences(
            proposal,
            document_queries.line_differences(publication, period, group),
            document_queries.tax_differences(publication, period, group),
            causes,
        )
        return
    show_lines(proposal, queries.invoice_lines(publication, period, group))
    names = filters.labels(
        {each.billing_group_id: each.customer_name for each in queries.invoices(publication, period, None)}
    )
    href = filters.address(strings.INVOICES, chosen, group=group, invoice=[names.get(group, "")])
    st.html(f'<p class="ch-section">{strings.OPEN_INVOICE} <a href="{href}" target="_blank">{strings.INVOICES}</a></p>')


# Decisions


def _seen(proposals: Iterable[Proposal]) -> dict[str, str]:
    return {proposal.billing_group_id: proposal.draft_hash for proposal in proposals}


def _begin(title: str, done_as: str, function: Callable[[Report], "Issued"]) -> None:
    """Start a decision in the background; the choice stays, so that what was approved can be issued next."""
    _close()
    st.session_state[_DONE_AS] = done_as
    st.session_state[_WORK] = work.start(title, function)
    st.rerun()


def _list_of(proposals: Sequence[Proposal]) -> None:
    columns: list[Column[Proposal]] = [
        Column(strings.CUSTOMER, lambda row: Cell(row.customer_name, detail=row.billing_group_name), "wide"),
        Column(strings.KIND, kind),
        number(strings.TOTAL, lambda row: Cell(money.with_code(row.currency, money.document(
            row.total_amount, row.minor_units)))),
    ]  # fmt: skip
    tables.show(proposals, columns, caption=strings.chosen(len(proposals)))


def _left_out(proposals: Sequence[Proposal], meant: Collection[Proposal]) -> None:
    rest = [proposal.customer_name for proposal in proposals if proposal not in meant]
    if rest:
        st.caption(f"{strings.NOT_MEANT} {', '.join(rest)}")


def _buttons(label: str, key: str) -> bool:
    """Draw the button that does it and the one that does not; return whether it was clicked."""
    with st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        st.button(strings.CANCEL, key=f"{key}_cancel", on_click=_close)
        return st.button(label, key=key, type="primary")


def _named(who: str) -> bool:
    if who:
        person.remember(who)
        return True
    st.error(strings.NAME_MISSING)
    return False


@st.dialog(strings.APPROVE, width="medium", on_dismiss=_close)
def approve_dialog(chosen: Selection, proposals: Sequence[Proposal]) -> None:
    """Ask for the name and a note, then approve (D1)."""
    meant = to_approve(proposals)
    st.markdown(strings.APPROVE_EFFECT)
    _list_of(meant)
    _left_out(proposals, meant)
    who = person.ask_name()
    note = st.text_input(strings.NOTE, key="approve_note", help=strings.NOTE_HELP)
    if _buttons(strings.decision(strings.APPROVE, len(meant)), "approve_confirm") and _named(who):
        workspace, period, seen = Workspace.from_environment(), chosen.period.billing_period, _seen(meant)

        def approve(_report: Report) -> "Issued":
            from orchestration.issuing import desk

            return desk.Issued(desk.approve(workspace, period, None, who, note.strip(), seen))

        _begin(strings.doing("Approving", len(meant)), strings.DONE_APPROVED, approve)


@st.dialog(strings.ISSUE, width="medium", on_dismiss=_close)
def issue_dialog(chosen: Selection, proposals: Sequence[Proposal]) -> None:
    """Say what issuing does and that it cannot be undone, then issue (D2, D3)."""
    meant = to_issue(proposals)
    st.markdown(strings.ISSUE_EFFECT)
    _list_of(meant)
    _left_out(proposals, meant)
    st.caption(strings.ISSUE_WAIT)
    who = person.ask_name()
    if _buttons(strings.decision(strings.ISSUE, len(meant)), "issue_confirm") and _named(who):
        workspace, period, seen = Workspace.from_environment(), chosen.period.billing_period, _seen(meant)

        def issue(report: Report) -> "Issued":
            from orchestration.issuing import desk
            from orchestration.run_process import run_apart

            # In a process of its own: the build would keep the server from answering for a minute.
            return desk.issue_and_build(workspace, period, None, who, report=report, seen=seen, run=run_apart)

        _begin(strings.doing("Issuing", len(meant)), strings.DONE_ISSUED, issue)


@st.dialog(strings.OVERRIDE, width="medium", on_dismiss=_close)
def override_dialog(
    chosen: Selection, proposals: Sequence[Proposal], refusals: Mapping[str, Sequence[Refusal]]
) -> None:
    """Ask which refusals are overridden, by whom and why, then do it (D7)."""
    meant = to_override(proposals)
    names = list(
        dict.fromkeys(
            refusal.refusal
            for proposal in meant
            for refusal in refusals[proposal.billing_group_id]
            if refusal.can_be_overridden and not refusal.overridden_by
        )
    )
    st.markdown(strings.OVERRIDE_EFFECT)
    _list_of(meant)
    _left_out(proposals, meant)
    st.markdown(f"**{strings.OVERRIDE_WHICH}**")
    overridden = [
        name
        for name in names
        if st.checkbox(
            strings.of(strings.REFUSALS, name),
            value=len(names) == 1,
            key=f"override_{name}",
            help=strings.REFUSAL_REMEDIES.get(name),
        )
    ]
    if any(not proposal.is_approved for proposal in meant):
        st.caption(strings.NEEDS_APPROVAL_TOO)
    who = person.ask_name()
    reason = st.text_input(strings.REASON, key="override_reason", help=strings.REASON_HELP).strip()
    if not _buttons(strings.decision(strings.OVERRIDE_WHICH, len(meant)), "override_confirm") or not _named(who):
        return
    if not reason:
        st.error(strings.REASON_MISSING)
    elif not overridden:
        st.error(strings.OVERRIDE_NONE)
    else:
        workspace, period, seen = Workspace.from_environment(), chosen.period.billing_period, _seen(meant)

        def override(_report: Report) -> "Issued":
            from orchestration.issuing import desk

            return desk.Issued(desk.override(workspace, period, None, who, overridden, reason, seen))

        _begin(strings.doing("Overriding", len(meant)), strings.DONE_OVERRIDDEN, override)


@st.dialog(strings.WITHDRAW, width="medium", on_dismiss=_close)
def withdraw_dialog(chosen: Selection, proposals: Sequence[Proposal]) -> None:
    """Ask why, then take approvals back."""
    meant = to_withdraw(proposals)
    st.markdown(strings.WITHDRAW_EFFECT)
    _list_of(meant)
    _left_out(proposals, meant)
    who = person.ask_name()
    reason = st.text_input(strings.REASON, key="withdraw_reason", help=strings.REASON_HELP).strip()
    if not _buttons(strings.WITHDRAW, "withdraw_confirm") or not _named(who):
        return
    if not reason:
        st.error(strings.REASON_MISSING)
    else:
        workspace, period, seen = Workspace.from_environment(), chosen.period.billing_period, _seen(meant)

        def withdraw(_report: Report) -> "Issued":
            from orchestration.issuing import desk

            return desk.Issued(desk.withdraw(workspace, period, None, who, reason, seen))

        _begin(strings.doing("Withdrawing approvals of", len(meant)), strings.DONE_WITHDRAWN, withdraw)


def to_approve(proposals: Iterable[Proposal]) -> list[Proposal]:
    """Return those that can be approved: refused ones too, but not without amounts."""
    return [each for each in proposals if not each.is_approved and each.total_amount is not None]


def to_issue(proposals: Iterable[Proposal]) -> list[Proposal]:
    """Return those that can be issued."""
    return [each for each in proposals if each.state == "approved"]


def to_override(proposals: Iterable[Proposal]) -> list[Proposal]:
    """Return those that are refused for something that can be overridden."""
    return [each for each in proposals if each.can_be_overridden]


def to_withdraw(proposals: Iterable[Proposal]) -> list[Proposal]:
    """Return those whose approval can be taken back."""
    return [each for each in proposals if each.is_approved]


def show_actions(shown: Sequence[Proposal], picked: Sequence[Proposal], *, is_free: bool) -> None:
    """Draw the buttons of the decisions; each can be clicked when something that fits it is chosen."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="issuing_actions"):
        st.button(
            strings.CHOOSE_NONE if picked else strings.CHOOSE_ALL,
            key="choose_all",
            on_click=_choose,
            args=(picked if picked else shown,),
            kwargs={"on": not picked},
            disabled=not is_free,
        )
        st.html(f'<span class="ch-section" role="status">{strings.chosen(len(picked))}</span>')
        for name, label, icon, fitting, help_text in (
            ("approve", strings.APPROVE, "thumb_up", to_approve(picked), strings.APPROVE_HELP),
            ("issue", strings.ISSUE, "send", to_issue(picked), strings.ISSUE_HELP),
            ("override", strings.OVERRIDE, "gavel", to_override(picked), strings.OVERRIDE_HELP),
            ("withdraw", strings.WITHDRAW, "undo", to_withdraw(picked), strings.WITHDRAW_HELP),
        ):
            st.button(
                label,
                key=f"open_{name}",
                icon=f":material/{icon}:",
                type="primary" if name in {"approve", "issue"} and fitting else "secondary",
                on_click=_open,
                args=(name,),
                disabled=not (fitting and is_free),
                help=None if fitting else help_text,
            )


def show_dialog(
    chosen: Selection,
    proposals: Sequence[Proposal],
    picked: Sequence[Proposal],
    refusals: Mapping[str, Sequence[Refusal]],
    causes: Mapping[str, Sequence[Cause]],
) -> None:
    """Draw the dialog that is open, if one is and what it is about is still there."""
    name, draft_hash = st.session_state.get(_DIALOG, ("", ""))
    if name == "details":
        for proposal in proposals:
            if proposal.draft_hash == draft_hash:
                group = proposal.billing_group_id
                show_details(proposal, refusals[group], causes[group], chosen)
    elif name == "approve" and to_approve(picked):
        approve_dialog(chosen, picked)
    elif name == "issue" and to_issue(picked):
        issue_dialog(chosen, picked)
    elif name == "override" and to_override(picked):
        override_dialog(chosen, picked, refusals)
    elif name == "withdraw" and to_withdraw(picked):
        withdraw_dialog(chosen, picked)


def _forget_work() -> None:
    st.session_state.pop(_WORK, None)


def show_outcome(found: Work["Issued"], names: Mapping[str, str]) -> None:
    """Say what became of the last decision: what was done, and what was refused and why."""
    if found.error is not None:
        work.show_failure(found.error)
        return
    if found.result is None:
        return
    done = [outcome for outcome in found.result.outcomes if outcome.state != "refused"]
    refused = [outcome for outcome in found.result.outcomes if outcome.state == "refused"]

    def customer(group: str) -> str:
        return names.get(group, group)

    if done:
        sentences = [strings.done(len(done), st.session_state.get(_DONE_AS, ""))]
        for outcome in done:
            if outcome.number:
                shown = f"{outcome.total_amount:,f}" if outcome.total_amount is not None else money.MISSING
                sentences.append(
                    f"**{outcome.number}** {plain_markdown(customer(outcome.billing_group_id))}, "
                    f"{money.with_code(outcome.currency, shown)}"
                )
        st.success("  \n".join(sentences), icon=":material/check_circle:")
        if any(outcome.number for outcome in done):
            st.page_link("views/documents.py", label=strings.SEE_DOCUMENTS, icon=":material/folder_open:")
    for outcome in done:
        if outcome.reason:
            st.warning(
                f"**{strings.FILES_FAILED}: {outcome.number}.** {plain_markdown(outcome.reason)}",
                icon=":material/draft:",
            )
    if refused:
        reasons = "\n".join(
            f"- **{plain_markdown(customer(outcome.billing_group_id))}**: {plain_markdown(outcome.reason)}"
            for outcome in refused
        )
        st.error(f"{strings.not_done(len(refused))}\n{reasons}", icon=":material/block:")
    if found.result.failed_run:
        st.warning(plain_markdown(found.result.failed_run), icon=":material/sync_problem:")
    st.button(strings.DISMISS, key="issuing_dismiss", type="tertiary", on_click=_forget_work)


def _go_to(month: str) -> None:
    st.session_state["period"] = month


def show_other_months(chosen: Selection) -> None:
    """Name the other months in which documents wait."""
    others = [
        waiting
        for waiting in document_queries.periods_waiting(chosen.publication)
        if waiting.billing_period != chosen.period.billing_period
    ]
    if not others:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content", key="other_months"):
        st.caption(strings.WAITING_ELSEWHERE, width="content")
        for waiting in others[:12]:
            st.button(
                strings.months_waiting(waiting.billing_period, waiting.document_count),
                key=f"go_{waiting.billing_period:%Y-%m}",
                type="tertiary",
                on_click=_go_to,
                args=(strings.month(waiting.billing_period),),
            )


def main() -> None:
    """Draw the page."""
    chosen = filters.selection()
    publication, period, group = chosen.publication, chosen.period.billing_period, chosen.group_id
    proposals = document_queries.proposals(publication, period, group)
    refusals: dict[str, list[Refusal]] = defaultdict(list)
    for refusal in document_queries.refusals(publication, period, group):
        refusals[refusal.billing_group_id].append(refusal)
    causes: dict[str, list[Cause]] = defaultdict(list)
    for cause in document_queries.causes(publication, period):
        causes[cause.billing_group_id].append(cause)

    going_on: Work[Issued] | None = st.session_state.get(_WORK)
    is_free = going_on is None or not going_on.is_going_on
    if going_on is not None:
        if is_free:
            names = {each.billing_group_id: each.customer_name for each in queries.invoices(publication, period, None)}
            show_outcome(going_on, names)
        else:
            work.show_progress(going_on)
    with st.container(horizontal=True, horizontal_alignment="distribute", gap="small", key="issuing_notes"):
        show_other_months(chosen)
        person.show_name()
    if not proposals:
        st.info(strings.NOTHING_PROPOSED)
        return

    with st.container(horizontal=True, gap="small", key="issuing_totals"):
        for code, label in (
            ("draft", strings.TO_APPROVE),
            ("approved", strings.READY_TO_ISSUE),
            ("refused", strings.REFUSED),
        ):
            st.metric(label, money.integer(sum(each.state == code for each in proposals)), border=True)
    by_label = {strings.ALL_STATES: "", **{strings.INVOICE_STATES[code]: code for code in STATE_TONES}}
    picked_state = st.segmented_control(
        strings.SHOW_STATES, list(by_label), key="state", default=strings.ALL_STATES, bind="query-params"
    )
    wanted = by_label[picked_state or strings.ALL_STATES]
    listed = [each for each in proposals if wanted in ("", each.state)]
    picked = [each for each in proposals if each.draft_hash in chosen_hashes()]
    show_actions(listed, picked, is_free=is_free)
    if not listed:
        st.info(strings.NOTHING_IN_STATE)
        return
    with st.container(border=True, gap=None, key="proposals"):
        for proposal in listed[:ENTRIES_SHOWN]:
            of_group = proposal.billing_group_id
            show_entry(proposal, refusals[of_group], causes[of_group], is_free=is_free)
    if len(listed) > ENTRIES_SHOWN:
        st.caption(strings.showing(ENTRIES_SHOWN, len(listed), "documents"))
    show_totals(document_queries.proposal_totals(publication, period, group, (wanted,) if wanted else ()))
    exports.buttons(
        "proposals",
        exports.file_name("proposed-documents", f"{period:%Y-%m}"),
        [
            exports.Sheet(strings.DOCUMENTS, lambda: extracts.proposals(publication, period, group)),
            exports.Sheet(strings.WHY_REFUSED, lambda: extracts.issuing_refusals(publication, period, group)),
            exports.Sheet(strings.DIFFERENCE, lambda: extracts.line_differences(publication, period, group)),
        ],
        [("Content", f"Proposed documents of {chosen.period_name}"), (strings.GROUP, chosen.group_name)],
        what=strings.count(len(proposals), "document", "documents"),
    )
    if is_free:
        show_dialog(chosen, proposals, picked, refusals, causes)


if __name__ == "__main__":
    main()
