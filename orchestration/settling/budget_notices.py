"""Telling people by mail that a budget has reached a threshold.

What is here: which notices are due, the mail, and the record of what became of it.
When to add here: another thing to tell about a budget.
What does not belong here: whether a threshold is reached (``fct_budgets``), and talking to the server (``mail``).

One mail per budget, month and recipient, with every threshold that was reached and not told of yet. Nobody is told of
one twice, not even after a crash in the middle: see ``ledger/notices``. Only months that AWS
has not made final, and the newest one, are told of by themselves: late rows of a month arrive when the next has begun,
and to fill in an old budget shall not send the mails of last year.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import Literal

from orchestration import reports
from orchestration.configuration.schema import Configuration, Issuer
from orchestration.configuration.validate import read_configuration
from orchestration.errors import LedgerError, MailError, MailLostError
from orchestration.ledger.ledger import Ledger
from orchestration.ledger.notices import NoticeKey
from orchestration.settings import Workspace
from orchestration.settling.mail import Outbox
from orchestration.settling.parties import in_minor_units
from orchestration.settling.sending import MailSettings, is_address

__all__ = ["BudgetNotice", "NoticeOutcome", "due_notices", "send_notices"]

_BASES = {"billed": "billed, before customer credits and tax", "aws_cost": "charged by AWS, without tax"}
_POLICY = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True)
class BudgetNotice:
    """One mail that is due.

    Attributes:
        budget: the row of ``fct_budgets``, as ``reports.budgets`` returns it.
        recipient: to whom.
        thresholds: percentages that were reached and that the recipient was not told of, lowest first.
    """

    budget: reports.Row
    recipient: str
    thresholds: tuple[Decimal, ...]

    @property
    def keys(self) -> list[NoticeKey]:
        """What the ledger remembers of it."""
        return [
            NoticeKey(
                self.budget["budget"], date.fromisoformat(f"{self.budget['period']}-01"), threshold, self.recipient
            )
            for threshold in self.thresholds
        ]


@dataclass(frozen=True)
class NoticeOutcome:
    """What became of one mail: sent, failed, or unknown (handed over, and the answer never came)."""

    budget_id: str
    period: str
    thresholds: str
    recipient: str
    state: Literal["sent", "failed", "unknown"]
    reason: str = ""


def due_notices(
    workspace: Workspace, configuration: Configuration, ledger: Ledger, billing_period: date | None = None
) -> list[BudgetNotice]:
    """Return the mails that are due for a month; when left out, for those not final and the newest one published.

    Raises:
        ChargehouseError: nothing is published yet.
        LedgerError: the ledger cannot be used.
    """
    told = ledger.newest_notices()
    recipients = {budget.budget_id: budget.notify for budget in configuration.budgets}
    due = []
    periods = reports.open_periods(workspace) if billing_period is None else [billing_period]
    for row in (row for period in periods for row in reports.budgets(workspace, period)):
        reached = sorted(Decimal(text) for text in row["reached_thresholds"].split("|") if text)
        for recipient in dict.fromkeys(recipients.get(row["budget"], ())):
            notice = BudgetNotice(row, recipient, tuple(reached))
            new = tuple(key.threshold for key in notice.keys if told.get(key.subject, "failed") == "failed")
            if new:
                due.append(BudgetNotice(row, recipient, new))
    return due


def send_notices(
    workspace: Workspace, ledger: Ledger, by: str, settings: MailSettings, billing_period: date | None = None
) -> list[NoticeOutcome]:
    """Send the notices of a month that are due; when left out, of those not final and the newest one published.

    Args:
        workspace: whose budgets.
        ledger: its ledger.
        by: who sends; kept in the ledger.
        settings: how.
        billing_period: first day of the month.

    Returns:
        One outcome per mail that was due.

    Raises:
        ChargehouseError: nothing is published yet, or the configuration has problems.
        LedgerError: the ledger cannot be used.
    """
    configuration = read_configuration(workspace.billing)
    issuers = _issuers(configuration)
    outcomes = []
    with Outbox(settings.server) as outbox:
        for notice in due_notices(workspace, configuration, ledger, billing_period):
            state, reason = _send(ledger, outbox, notice, issuers, settings.sender, by)
            outcomes.append(
                NoticeOutcome(
                    notice.budget["budget"],
                    notice.budget["period"],
                    "|".join(_percent(threshold) for threshold in notice.thresholds),
                    notice.recipient,
                    state,
                    reason,
                )
            )
    return outcomes


def _issuers(configuration: Configuration) -> dict[str, Issuer]:
    by_id = {issuer.issuer_id: issuer for issuer in configuration.issuers}
    return {group.billing_group_id: by_id[group.issuer_id] for group in configuration.billing_groups}


def _send(
    ledger: Ledger, outbox: Outbox, notice: BudgetNotice, issuers: Mapping[str, Issuer], own_sender: str | None, by: str
) -> tuple[Literal["sent", "failed", "unknown"], str]:
    group = notice.budget["billing_group_id"]
    issuer = issuers.get(group)
    if issuer is None:
        return "failed", f"{group} left billing_groups.csv after it was published; run: chargehouse run"
    sender = own_sender or issuer.email or ""
    if not sender:
        return "failed", f"issuer {issuer.issuer_id} has no email in issuers.csv; add it, or set CHARGEHOUSE_MAIL_FROM"
    for address in (sender, notice.recipient):
        if not is_address(address):
            return "failed", f"{address!r} is no address"
    message = _message(notice, issuer, sender)
    try:
        ledger.begin_notices(notice.keys, by)
    except LedgerError as error:
        # Somebody else sends the same at this moment.
        return "failed", str(error)
    try:
        outbox.deliver(sender, notice.recipient, message)
    except MailLostError as error:
        ledger.end_notices(notice.keys, "queued", by, str(error))
        return "unknown", str(error)
    except MailError as error:
        ledger.end_notices(notice.keys, "failed", by, str(error))
        return "failed", str(error)
    ledger.end_notices(notice.keys, "sent", by)
    return "sent", ""


def _message(notice: BudgetNotice, issuer: Issuer, sender: str) -> EmailMessage:
    row = notice.budget
    message = EmailMessage(policy=_POLICY)
    reached = _percent(notice.thresholds[-1])
    message["Subject"] = f"Budget {row['budget']}: {reached} % of {row['period']} reached"
    message["From"] = Address(" ".join(issuer.legal_name.split()), addr_spec=sender)
    message["To"] = Address(addr_spec=notice.recipient)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message.set_content("\n".join(_lines(row, notice.thresholds)) + "\n")
    return message


def _lines(row: reports.Row, thresholds: Sequence[Decimal]) -> Iterable[str]:
    currency = row["currency"]
    what = _BASES[row["basis"]]

    def amount(name: str) -> str:
        return f"{in_minor_units(row[name], currency):,f} {currency}"

    yield f"Budget {row['budget']} of {row['group_name']} ({row['billing_group_id']}), {row['period']}"
    yield ""
    yield f"Reached: {', '.join(f'{_percent(threshold)} %' for threshold in thresholds)}"
    yield f"Budget: {amount('budget_amount')}"
    share = "" if row["percentage"] is None else f" ({row['percentage']:f} %)"
    yield f"So far: {amount('actual_amount')}{share}, {what}"
    if row["open_until"] is not None and row["forecast_amount"] is not None:
        yield f"Forecast for the end of the month: {amount('forecast_amount')}"
        yield f"AWS has delivered usage up to {row['open_until']:%Y-%m-%d}."


def _percent(threshold: Decimal) -> str:
    return f"{threshold.normalize():f}"
