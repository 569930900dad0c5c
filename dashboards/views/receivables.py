"""Who owes what since when, what came in, whom to remind, and what was sent.

What is here: the four parts of the page: open balances and statements, payments, reminders, sending.
When to add here: another thing that finance does after a document is issued.
What does not belong here: approving and issuing; sums, which come from the ledger.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal

import streamlit as st

from dashboards import settlement, strings
from dashboards import settlement_strings as texts
from dashboards.components import filters, money, person, tables
from dashboards.components.filters import Selection
from dashboards.components.tables import Cell, Column, Tone, number
from orchestration.errors import ChargehouseError, MailError
from orchestration.ledger.bank_files import PlannedPayment
from orchestration.ledger.settlement import Aged, Allocation, OpenItem, Payment, RecordedPayment
from orchestration.settings import Workspace
from orchestration.settling.letters import AccountStatement
from orchestration.settling.payments import typed_payment
from orchestration.settling.receivables import OpenRow
from orchestration.settling.reminding import DueReminder
from orchestration.settling.sending import MailSettings, SendingRow

# Under this name other pages that record something ask for it too.
_DONE = "receivables_done"

PLAN_TONES: dict[str, Tone] = {"matched": "good", "part": "warning", "over": "warning", "unmatched": "bad"}
STATE_TONES: dict[str, Tone] = {"sent": "good", "failed": "bad", "queued": "warning"}
# More payments than these are read with `chargehouse payments list`.
PAYMENTS_SHOWN = 200


def amount(value: Decimal, currency: str) -> str:
    """Write an amount in its currency's decimals."""
    return money.document(value, settlement.minor_units(currency))


def attempt(who: str, deed: Callable[[], str]) -> None:
    """Do something that the ledger keeps, then draw the page anew with what was done; or say why it was not."""
    if not who:
        st.error(texts.NAME_MISSING)
        return
    try:
        message = deed()
    except ChargehouseError as error:
        st.error(f"**{texts.LEDGER_TITLE}.** {error}", icon=":material/error:")
        return
    person.remember(who)
    st.session_state[_DONE] = message
    st.rerun()


def named(names: Mapping[str, str], customer_id: str | None) -> Cell:
    """Show a customer by name, with the id beneath."""
    if customer_id is None:
        return Cell(texts.NOBODY, tone="warning")
    name = names.get(customer_id, "")
    return Cell(name or customer_id, detail=customer_id if name else "")


def customer_labels(names: Mapping[str, str], ids: Sequence[str]) -> dict[str, str]:
    """Return the ids of customers by the label that a picker shows."""
    labels = filters.labels({customer_id: names.get(customer_id, "") for customer_id in ids})
    return {label: customer_id for customer_id, label in sorted(labels.items(), key=lambda item: item[1].lower())}


# Open balance


def show_balances(workspace: Workspace, names: Mapping[str, str]) -> None:
    """Show who owes what by days overdue, the items behind it, and a customer's account."""
    as_of = st.date_input(
        texts.AS_OF, value=settlement.today(), key="receivables_as_of", format="YYYY-MM-DD", width=180
    )
    found = settlement.owed(workspace, as_of)
    if not found.aged:
        st.info(texts.NOTHING_OPEN)
    else:
        show_ageing(found.aged, found.totals, names)
    ids = sorted({row.customer_id for row in found.aged if row.customer_id is not None} | names.keys())
    if not ids:
        return
    labels = customer_labels(names, ids)
    picked = st.selectbox(
        texts.CUSTOMER, [texts.ALL_CUSTOMERS, *labels], key="receivables_customer", bind="query-params", width=420
    )
    customer_id = labels.get(picked)
    items = [row for row in found.items if customer_id in (None, row.item.customer_id)]
    if items:
        show_items(items, names)
    if customer_id is not None:
        show_statement(workspace, customer_id, as_of)


def show_ageing(aged: Sequence[Aged], totals: Sequence[Aged], names: Mapping[str, str]) -> None:
    """List customers by days overdue, with one total per currency."""

    def bucket(field: str, label: str, tone: Tone = "", help: str = "") -> Column[Aged]:
        def value(row: Aged) -> Cell:
            found = getattr(row, field)
            return Cell(amount(found, row.currency), tone=tone if found else "muted")

        return number(label, value, help)

    buckets: list[Column[Aged]] = [
        bucket("not_due", texts.NOT_DUE),
        bucket("days_1_30", texts.DAYS_1_30),
        bucket("days_31_60", texts.DAYS_31_60, "warning"),
        bucket("days_61_90", texts.DAYS_61_90, "warning"),
        bucket("days_over_90", texts.OVER_90, "bad"),
        bucket("in_favour", texts.IN_FAVOUR, "", texts.IN_FAVOUR_HELP),
        bucket("balance", texts.BALANCE),
    ]
    columns: list[Column[Aged]] = [
        Column(texts.CUSTOMER, lambda row: named(names, row.customer_id)),
        Column(texts.CURRENCY, lambda row: row.currency),
        *buckets,
    ]
    foot = [[texts.TOTAL, total.currency, *(column.value(total) for column in buckets)] for total in totals]
    st.subheader(texts.AGEING)
    tables.show(aged, columns, caption=texts.AGEING, totals=foot)


def show_items(items: Sequence[OpenRow], names: Mapping[str, str]) -> None:
    """List documents and payments of which something is open."""

    def overdue(row: OpenRow) -> Cell:
        if not row.days_overdue:
            return Cell(money.MISSING, tone="muted")
        return Cell(texts.overdue(row.days_overdue), tone="bad" if row.days_overdue > 60 else "warning")

    columns: list[Column[OpenRow]] = [
        Column(texts.DOCUMENT, lambda row: row.item.name, "fixed"),
        Column(texts.CUSTOMER, lambda row: named(names, row.item.customer_id)),
        Column(texts.ITEM_DATE, lambda row: f"{row.item.item_date}", "fixed"),
        Column(texts.DUE_DATE, lambda row: f"{row.item.due_date}", "fixed"),
        number(texts.OVERDUE, overdue),
        Column(texts.CURRENCY, lambda row: row.item.currency),
        number(texts.AMOUNT, lambda row: amount(row.item.amount, row.item.currency)),
        number(texts.OPEN, lambda row: amount(row.item.open_amount, row.item.currency)),
    ]
    st.subheader(texts.OPEN_ITEMS)
    tables.show(items, columns, caption=texts.OPEN_ITEMS)


def show_statement(workspace: Workspace, customer_id: str, as_of: date) -> None:
    """Show a customer's account over some days, and hand it out as PDF."""
    st.subheader(texts.STATEMENT)
    with st.container(horizontal=True, gap="small"):
        start = st.date_input(
            texts.FROM, value=as_of.replace(month=1, day=1), key="statement_from", format="YYYY-MM-DD", width=180
        )
        end = st.date_input(texts.TO, value=as_of, key="statement_to", format="YYYY-MM-DD", width=180)
    try:
        found = settlement.statements(workspace, customer_id, start, end, settlement.today())
    except ChargehouseError as error:
        st.error(f"**{texts.LEDGER_TITLE}.** {error}", icon=":material/error:")
        return
    if not found:
        st.info(texts.NO_ACCOUNT)
    for statement, issuer_id in found:
        show_account(workspace, statement, issuer_id)


def show_account(workspace: Workspace, statement: AccountStatement, issuer_id: str | None) -> None:
    """Show one statement and its download."""
    account = statement.account
    currency = account.currency
    Line = tuple[date, str, str, str, str]
    lines: list[Line] = [
        (account.start_date, texts.OPENING, "", "", amount(account.opening_balance, currency)),
        *(
            (
                move.movement_date,
                texts.MOVEMENTS.get(move.kind, move.kind),
                move.name,
                amount(move.amount, currency),
                amount(move.balance, currency),
            )
            for move in account.movements
        ),
    ]
    columns: list[Column[Line]] = [
        Column(texts.ITEM_DATE, lambda line: f"{line[0]}", "fixed"),
        Column(texts.MOVEMENT, lambda line: line[1]),
        Column(texts.NUMBER, lambda line: line[2]),
        number(texts.AMOUNT, lambda line: line[3]),
        number(texts.BALANCE, lambda line: line[4]),
    ]
    closing = money.with_code(currency, amount(account.closing_balance, currency))
    foot = [f"{account.end_date}", texts.CLOSING, "", "", closing]
    caption = " · ".join(part for part in (texts.STATEMENT, currency, issuer_id or "") if part)
    tables.show(lines, columns, caption=caption, totals=[foot])
    st.download_button(
        " · ".join(part for part in (texts.DOWNLOAD_STATEMENT, currency, issuer_id or "") if part),
        data=lambda: settlement.statement_pdf(workspace, statement),
        file_name=statement.file,
        mime="application/pdf",
        key=f"statement_pdf_{currency}_{issuer_id}",
        on_click="ignore",
        icon=":material/download:",
    )


# Payments


def show_payments(workspace: Workspace, names: Mapping[str, str], who: str) -> None:
    """Show payments, and let somebody record, import, assign and match them."""
    found = settlement.payments(workspace)
    with st.container(horizontal=True, gap="medium", key="details"):
        with st.container():
            record_one(workspace, names, who)
        with st.container():
            uploaded = upload(workspace)
    if uploaded is not None:
        # Beneath both, where a table has room.
        show_upload(workspace, *uploaded, names, who)
    if not found.recorded:
        st.info(texts.NO_PAYMENTS)
        return
    show_recorded(found.recorded, names)
    with st.container(horizontal=True, gap="medium", key="charts"):
        with st.container(border=True, height="stretch"):
            assign(workspace, found.recorded, names, who)
        with st.container(border=True, height="stretch"):
            match(workspace, names, who)
    undo(workspace, found, who)


def show_recorded(recorded: Sequence[RecordedPayment], names: Mapping[str, str]) -> None:
    """List the payments, newest first."""
    st.subheader(texts.RECORDED)
    only_open = st.toggle(texts.SHOW_ONLY_OPEN, key="payments_open", bind="query-params")
    rows = [row for row in recorded if row.open_amount or not only_open]

    def state(row: RecordedPayment) -> Cell:
        if not row.open_amount:
            return Cell(texts.MATCHED, tone="good", badge=True)
        whole = row.open_amount == row.payment.amount
        return Cell(texts.UNMATCHED if whole else texts.PARTLY_MATCHED, tone="bad" if whole else "warning", badge=True)

    columns: list[Column[RecordedPayment]] = [
        Column(texts.PAYMENT, lambda row: f"{row.payment_id}"),
        Column(texts.PAYMENT_DATE, lambda row: f"{row.payment.payment_date}", "fixed"),
        Column(texts.CUSTOMER, lambda row: named(names, row.customer_id)),
        Column(texts.CURRENCY, lambda row: row.payment.currency),
        number(texts.AMOUNT, lambda row: amount(row.payment.amount, row.payment.currency)),
        number(texts.NOT_MATCHED, lambda row: amount(row.open_amount, row.payment.currency)),
        Column(strings.STATE, state),
        Column(texts.REFERENCE, lambda row: Cell(row.payment.reference, detail=row.payment.counterparty), "wide"),
        Column(texts.SOURCE, lambda row: Cell(row.payment.source, detail=row.recorded_by)),
    ]
    tables.show(rows[:PAYMENTS_SHOWN], columns, caption=texts.RECORDED)
    st.caption(strings.showing(min(len(rows), PAYMENTS_SHOWN), len(rows), "payments"))


def record_one(workspace: Workspace, names: Mapping[str, str], who: str) -> None:
    """Let somebody type in one payment."""
    labels = customer_labels(names, list(names))
    with st.form("record_payment", border=True):
        st.subheader(texts.RECORD_ONE)
        st.caption(texts.RECORD_ONE_HELP)
        first, second, third = st.columns([2, 2, 1])
        day = first.date_input(texts.PAYMENT_DATE, value=settlement.today(), key="payment_date", format="YYYY-MM-DD")
        typed = second.text_input(texts.AMOUNT, key="payment_amount", help=texts.AMOUNT_HELP)
        currency = third.text_input(texts.CURRENCY, value="EUR", max_chars=3, key="payment_currency").strip().upper()
        customer = st.selectbox(texts.CUSTOMER, [texts.NOBODY, *labels], key="payment_customer")
        reference = st.text_input(texts.REFERENCE, key="payment_reference").strip()
        payer = st.text_input(texts.PAID_BY, key="payment_counterparty").strip()
        submitted = st.form_submit_button(texts.RECORD, type="primary", key="payment_record")
    if not submitted:
        return
    parsed = settlement.parse_amount(typed, currency)
    if not parsed:
        st.error(texts.AMOUNT_WRONG)
        return
    payment = typed_payment(
        day, parsed, currency, customer_id=labels.get(customer), reference=reference, counterparty=payer
    )

    def deed() -> str:
        done = settlement.record(workspace, [payment], who, labels.get(customer))
        if done.ignored_count:
            return texts.IGNORED
        (plan,) = done.planned
        return texts.RECORDED_BEFORE if plan.state == "known" else f"{texts.PLANS[plan.state]}: {plan.match.reason}."

    attempt(who, deed)


def upload(workspace: Workspace) -> tuple[list[Payment], list[PlannedPayment]] | None:
    """Take a bank's file; return its payments and what recording them would do, None without a readable file."""
    with st.container(border=True):
        st.subheader(texts.UPLOAD)
        try:
            forms = settlement.bank_files(workspace)
            if not forms:
                st.info(texts.NO_FORMS)
                return None
            form = st.selectbox(texts.FORM, list(forms), key="bank_form")
            file = st.file_uploader(texts.UPLOAD_FILE, type=["csv", "txt"], key="bank_file")
            return None if file is None else settlement.plan(workspace, file.name, file.getvalue(), forms[form])
        except ChargehouseError as error:
            st.error(f"**{texts.LEDGER_TITLE}.** {error}", icon=":material/error:")
            return None


def show_upload(
    workspace: Workspace,
    found: Sequence[Payment],
    planned: Sequence[PlannedPayment],
    names: Mapping[str, str],
    who: str,
) -> None:
    """Show what is in a bank's file, and let somebody record it."""
    st.subheader(texts.PREVIEW)
    show_plan(planned, names)
    new = [plan for plan in planned if plan.state not in ("known", "ignored")]
    if not new:
        st.info(texts.NOTHING_NEW)
    elif st.button(texts.record_all(len(new)), type="primary", key="bank_record"):
        attempt(who, lambda: texts.done(len(settlement.record(workspace, found, who).recorded), "Recorded", "payment"))


def show_plan(planned: Sequence[PlannedPayment], names: Mapping[str, str]) -> None:
    """List what recording each payment of a file would do."""

    def pays(plan: PlannedPayment) -> Cell:
        currency = plan.payment.currency
        parts = [(name, amount(paid, currency)) for name, paid, _ in plan.pays]
        return Cell("" if parts else plan.match.reason, tone="muted", pairs=parts)

    columns: list[Column[PlannedPayment]] = [
        Column(texts.PAYMENT_DATE, lambda plan: f"{plan.payment.payment_date}", "fixed"),
        number(texts.AMOUNT, lambda plan: amount(plan.payment.amount, plan.payment.currency)),
        Column(texts.CURRENCY, lambda plan: plan.payment.currency),
        Column(
            texts.EFFECT,
            lambda plan: Cell(texts.PLANS[plan.state], tone=PLAN_TONES.get(plan.state, "muted"), badge=True),
        ),
        Column(
            texts.CUSTOMER,
            lambda plan: Cell("") if plan.state in ("known", "ignored") else named(names, plan.match.customer_id),
        ),
        Column(texts.PAYS, pays),
        Column(texts.REFERENCE, lambda plan: plan.payment.reference, "wide"),
    ]
    tables.show(planned, columns, caption=texts.PREVIEW)


def assign(workspace: Workspace, recorded: Sequence[RecordedPayment], names: Mapping[str, str], who: str) -> None:
    """Let somebody say whose a payment is."""
    st.subheader(texts.ASSIGN)
    waiting = {
        f"{row.payment_id} · {row.payment.payment_date} · {row.payment.currency} "
        f"{amount(row.payment.amount, row.payment.currency)} · {row.payment.counterparty or row.payment.reference}": row
        for row in recorded
        if row.customer_id is None
    }
    if not waiting or not names:
        st.caption(texts.NOTHING_TO_ASSIGN)
        return
    labels = customer_labels(names, list(names))
    row = waiting[st.selectbox(texts.PAYMENT, list(waiting), key="assign_payment")]
    # Nobody is chosen by itself: the first of the list is as good as any, and wrong.
    picked = st.selectbox(
        texts.CUSTOMER, list(labels), index=None, placeholder=texts.CHOOSE_CUSTOMER, key="assign_customer"
    )
    reason = st.text_input(texts.REASON, key="assign_reason").strip()
    if st.button(texts.ASSIGN_BUTTON, key="assign"):
        if picked is None or not reason:
            st.error(texts.CUSTOMER_AND_REASON_MISSING)
            return

        def deed() -> str:
            settlement.assign(workspace, row.payment_id, labels[picked], who, reason)
            return texts.done(1, "Assigned", "payment")

        attempt(who, deed)


def match(workspace: Workspace, names: Mapping[str, str], who: str) -> None:
    """Let somebody match what is in a customer's favour with what they owe."""
    st.subheader(texts.MATCH)
    favour, owed = settlement.matching_items(workspace)

    def labelled(items: Sequence[OpenItem]) -> dict[str, OpenItem]:
        return {
            f"{item.name} · {names.get(item.customer_id or '', item.customer_id or texts.NOBODY)} · {item.currency} "
            f"{amount(item.open_amount, item.currency)}": item
            for item in items
        }

    credits = labelled(favour)
    if not credits or not owed:
        st.caption(texts.NOTHING_TO_MATCH)
        return
    picked = st.selectbox(
        texts.IN_FAVOUR_ITEM, list(credits), index=None, placeholder=texts.CHOOSE_ITEM, key="match_credit"
    )
    if picked is None:
        return
    credit = credits[picked]
    debits = labelled(
        [
            item
            for item in owed
            if (item.currency == credit.currency and None in (credit.customer_id, item.customer_id))
            or (item.currency, item.customer_id) == (credit.currency, credit.customer_id)
        ]
    )
    if not debits:
        st.caption(texts.NOTHING_TO_MATCH)
        return
    picked = st.selectbox(texts.OWED_ITEM, list(debits), index=None, placeholder=texts.CHOOSE_ITEM, key="match_debit")
    if picked is None:
        return
    debit = debits[picked]
    typed = st.text_input(texts.MATCH_AMOUNT, key="match_amount")
    if st.button(texts.MATCH_BUTTON, key="match"):
        parsed = settlement.parse_amount(typed, credit.currency)
        if typed.strip() and not parsed:
            st.error(texts.AMOUNT_WRONG)
            return

        def deed() -> str:
            matched = settlement.allocate(workspace, credit, debit, parsed, who)
            written = money.with_code(credit.currency, amount(matched, credit.currency))
            return f"{texts.MATCHED}: {written}, {credit.name}, {debit.name}."

        attempt(who, deed)


def undo(workspace: Workspace, found: settlement.Payments, who: str) -> None:
    """Show what was matched, and let somebody undo a wrong match."""
    if not found.matches:
        return
    st.subheader(texts.MATCHES)

    def note(row: Allocation) -> Cell:
        undone = row.is_reversed or row.reverses is not None
        return Cell(texts.REVERSED if undone else "", detail=row.reason, tone="muted")

    columns: list[Column[Allocation]] = [
        Column(texts.WHICH_MATCH, lambda row: f"{row.allocation_id}"),
        Column(texts.IN_FAVOUR_ITEM, lambda row: row.credit),
        Column(texts.OWED_ITEM, lambda row: row.debit),
        Column(texts.CURRENCY, lambda row: row.currency),
        number(texts.AMOUNT, lambda row: amount(row.amount, row.currency)),
        Column(texts.REASON, note, "wide"),
        Column(texts.SOURCE, lambda row: Cell(row.allocated_by, detail=f"{row.allocated_at:%Y-%m-%d %H:%M} UTC")),
    ]
    tables.show(found.matches[:PAYMENTS_SHOWN], columns, caption=texts.MATCHES)
    standing = {
        f"{row.allocation_id} · {row.credit} · {row.debit} · {row.currency} {amount(row.amount, row.currency)}": row
        for row in found.matches
        if not row.is_reversed and row.reverses is None
    }
    if not standing:
        return
    with st.expander(texts.UNDO):
        picked = st.selectbox(
            texts.WHICH_MATCH, list(standing), index=None, placeholder=texts.CHOOSE_ITEM, key="undo_match"
        )
        reason = st.text_input(texts.REASON, key="undo_reason").strip()
        if st.button(texts.UNDO_BUTTON, key="undo"):
            if picked is None or not reason:
                st.error(texts.MATCH_AND_REASON_MISSING)
                return

            def deed() -> str:
                settlement.reverse(workspace, standing[picked], who, reason)
                return texts.done(1, "Undid", "match")

            attempt(who, deed)


# Reminders


def show_reminders(workspace: Workspace, names: Mapping[str, str], who: str) -> None:
    """Show what is due for a reminder, make it, and hand out the letters that were made."""
    due = settlement.due(workspace, settlement.today())
    st.subheader(texts.DUE_NOW)
    if due.letters:
        columns: list[Column[DueReminder]] = [
            Column(texts.CUSTOMER, lambda row: named(names, row.customer_id)),
            Column(texts.LEVEL, lambda row: Cell(texts.LEVELS[row.level], tone="warning", badge=True)),
            number(texts.OVERDUE, lambda row: texts.overdue(row.days_overdue)),
            Column(texts.DOCUMENTS, lambda row: ", ".join(item.name for item in row.items), "wide"),
            Column(texts.CURRENCY, lambda row: row.currency),
            number(texts.OPEN, lambda row: amount(row.open_amount, row.currency)),
        ]
        tables.show(due.letters, columns, caption=texts.DUE_NOW)
        if st.button(texts.make_all(len(due.letters)), type="primary", key="make_reminders"):
            attempt(
                who,
                lambda: texts.done(
                    len(settlement.make(workspace, settlement.today(), who).letters), "Made", "reminder"
                ),
            )
    else:
        st.info(texts.NO_REMINDERS)
    for held in due.held_back:
        st.caption(
            f"{texts.HELD_BACK}: {names.get(held.customer_id, held.customer_id)}, {held.currency}. {held.reason}"
        )
    show_letters(workspace)


def show_letters(workspace: Workspace) -> None:
    """Hand out the letters that were made."""
    st.subheader(texts.MADE)
    try:
        made = settlement.letters(workspace)
    except ChargehouseError as error:
        st.error(f"{error}")
        return
    if not made:
        st.caption(texts.NO_LETTERS)
        return
    by_name = {
        texts.made_on(one.letter.day, one.letter.level, one.letter.customer.legal_name, one.letter.currency): one
        for one in made
    }
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = by_name[st.selectbox(texts.CHOOSE_LETTER, list(by_name), key="reminder_letter", width=520)]
        st.download_button(
            texts.DOWNLOAD_LETTER,
            data=lambda: settlement.letter_pdf(workspace, chosen),
            file_name=chosen.path.name,
            mime="application/pdf",
            key="reminder_pdf",
            on_click="ignore",
            icon=":material/download:",
        )


# Sending


def show_sending(workspace: Workspace, chosen: Selection, names: Mapping[str, str], who: str) -> None:
    """Show which documents of the month were sent to whom, and send those that are chosen."""
    period = chosen.period.billing_period
    rows = settlement.sendings(workspace, period, chosen.group_id)
    if not rows:
        st.info(texts.NO_DOCUMENTS)
        return

    def state(row: SendingRow) -> Cell:
        if row.newest is None:
            return Cell(texts.NEVER_SENT, tone="muted", badge=True)
        newest = row.newest
        detail = texts.sent_when(newest.recorded_at, newest.recorded_by, newest.recipient)
        if newest.state != "sent":
            detail = newest.error or texts.UNKNOWN_HELP
        tone = STATE_TONES[newest.state]
        return Cell(texts.STATES[newest.state], detail=detail, tone=tone, badge=True, hint=newest.message_id)

    columns: list[Column[SendingRow]] = [
        Column(texts.NUMBER, lambda row: row.document.number, "fixed"),
        Column(texts.KIND, lambda row: texts.MOVEMENTS[row.document.kind]),
        Column(texts.CUSTOMER, lambda row: named(names, row.document.customer_id)),
        Column(strings.GROUP, lambda row: row.document.billing_group_id),
        Column(texts.ISSUED, lambda row: f"{row.document.issue_date}", "fixed"),
        Column(texts.CURRENCY, lambda row: row.document.currency),
        number(texts.AMOUNT, lambda row: amount(row.document.total_amount, row.document.currency)),
        Column(texts.STATE, state, "wide"),
    ]
    title = f"{texts.DOCUMENTS}, {chosen.period_name}"
    st.subheader(title)
    tables.show(rows, columns, caption=title)
    settings = settlement.mail_settings()
    if isinstance(settings, MailError):
        st.warning(f"{settings}", icon=":material/mail:")
    else:
        choose_and_send(workspace, period, rows, settings, who)


def choose_and_send(
    workspace: Workspace, period: date, rows: Sequence[SendingRow], settings: MailSettings, who: str
) -> None:
    """Let somebody choose documents and send them."""
    again = st.toggle(texts.AGAIN, key="send_again")
    offered = [row.document.number for row in rows if again or row.may_be_sent]
    if not offered:
        st.caption(texts.NOTHING_TO_SEND)
        return
    # Those that were sent before are never chosen by themselves.
    fresh = [row.document.number for row in rows if row.may_be_sent]
    picked = st.multiselect(
        texts.CHOOSE, offered, default=fresh, key=f"send_numbers_{period}_{again}", help=texts.CHOOSE_HELP
    )
    if not st.button(texts.send_all(len(picked)), type="primary", key="send", disabled=not picked):
        return

    def deed() -> str:
        outcomes = settlement.send(workspace, period, picked, who, settings, again=again)
        sent = sum(outcome.state == "sent" for outcome in outcomes)
        wrong = [f"{outcome.number}: {outcome.reason}." for outcome in outcomes if outcome.state != "sent"]
        return "  \n".join([texts.done(sent, "Sent", "document"), *wrong])

    with st.spinner(texts.send_all(len(picked))):
        attempt(who, deed)


def main() -> None:
    """Draw the page."""
    chosen = filters.selection()
    workspace = Workspace.from_environment()
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        parts = [texts.BALANCES, texts.PAYMENTS, texts.REMINDERS, texts.SENDING]
        part = st.segmented_control(
            texts.VIEW, parts, default=texts.BALANCES, required=True, key="receivables_part", bind="query-params"
        )
        with st.container(width=260):
            who = person.ask_name()
    st.caption(texts.FROM_LEDGER)
    if _DONE in st.session_state:
        st.success(st.session_state.pop(_DONE), icon=":material/check:")
    names = settlement.customer_names(workspace)
    try:
        if part == texts.PAYMENTS:
            show_payments(workspace, names, who)
        elif part == texts.REMINDERS:
            show_reminders(workspace, names, who)
        elif part == texts.SENDING:
            show_sending(workspace, chosen, names, who)
        else:
            show_balances(workspace, names)
    except ChargehouseError as error:
        st.error(f"**{texts.LEDGER_TITLE}.** {error}", icon=":material/error:")


if __name__ == "__main__":
    main()
