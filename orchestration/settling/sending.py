"""Bringing issued documents to customers by mail.

What is here: which documents go into which mail, the mail itself, and the record of what became of it.
When to add here: another thing that goes with documents, or another rule of who gets them.
What does not belong here: the words of a mail (``documents/mails.py``) and talking to the server (``mail``).

One mail per customer and issuer, with all their documents of a month that were not sent yet, and a cover statement on
top where they are of several billing groups. The ledger says that a mail is about to go before it goes, and what became
of it after; whatever happens between the two, no document is sent twice by itself.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Literal

from orchestration.configuration.schema import Configuration
from orchestration.configuration.validate import read_configuration
from orchestration.documents.batch import Rendered
from orchestration.documents.content import Document
from orchestration.documents.letters import CoveredDocument, CoverStatement
from orchestration.documents.mails import documents_mail
from orchestration.errors import ChargehouseError, DocumentError, LedgerError, MailError, MailLostError
from orchestration.issuing.files import render_documents
from orchestration.ledger.correspondence import Sending, why_not_sent_again
from orchestration.ledger.issuing import DocumentHead, IssuedDocument
from orchestration.ledger.ledger import Ledger
from orchestration.settings import Workspace, environment_mail
from orchestration.settling.letters import file_name, print_letter
from orchestration.settling.mail import MailServer, Outbox
from orchestration.settling.parties import Parties, parties_of

__all__ = [
    "MailSettings",
    "SendingOutcome",
    "SendingRow",
    "cover_statements",
    "is_address",
    "send_documents",
    "sending_rows",
]

_TYPES = {".pdf": "pdf", ".xml": "xml"}
# Lines of other characters as quoted-printable: every server takes that, whatever it announces.
_POLICY = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True)
class MailSettings:
    """How mails are sent.

    Attributes:
        server: where they are handed over.
        sender: from whom they are; None: from the issuer.
    """

    server: MailServer
    sender: str | None = None

    @classmethod
    def from_environment(cls) -> "MailSettings":
        """Return the settings of the environment.

        Raises:
            MailError: see ``MailServer.of_url``, or the sender is no address.
        """
        url, sender = environment_mail()
        if sender is not None and not is_address(sender):
            raise MailError(f"CHARGEHOUSE_MAIL_FROM is {sender!r}, which is no address like billing@example.com.")
        return cls(MailServer.of_url(url), sender)


@dataclass(frozen=True)
class SendingOutcome:
    """What became of one document.

    Attributes:
        number: its number.
        customer_id: whose it is.
        recipient: to whom it was sent, or should have been; empty where nobody knows.
        state: sent, failed, unknown (handed over, and the answer never came), or skipped (sent before).
        reason: why it is not sent; else empty.
        is_unknown: whether nobody knows if the customer has it, from this call or from an earlier one.
    """

    number: str
    customer_id: str
    recipient: str
    state: Literal["sent", "failed", "unknown", "skipped"]
    reason: str = ""
    is_unknown: bool = False


@dataclass(frozen=True)
class SendingRow:
    """A document and the newest step of sending it; None when it never was."""

    document: DocumentHead
    newest: Sending | None

    @property
    def may_be_sent(self) -> bool:
        """Whether it is sent without being asked for again."""
        return why_not_sent_again(self.newest) is None


@dataclass(frozen=True)
class _Mail:
    """The documents of one customer and issuer, with the contents of them."""

    parties: Parties
    issued: tuple[IssuedDocument, ...]
    contents: tuple[Document, ...]

    @property
    def ids(self) -> list[int]:
        return [document.document_id for document in self.issued]

    def outcomes(
        self, recipient: str, state: Literal["sent", "failed", "unknown"], reason: str = ""
    ) -> list[SendingOutcome]:
        return [
            SendingOutcome(document.number, document.customer_id, recipient, state, reason, state == "unknown")
            for document in self.issued
        ]


def is_address(text: str) -> bool:
    """Return whether a text is one mail address."""
    try:
        parsed = Address(addr_spec=text)
    except (ValueError, IndexError):
        return False
    return bool(parsed.username and parsed.domain)


def send_documents(
    workspace: Workspace,
    ledger: Ledger,
    billing_period: date,
    by: str,
    settings: MailSettings,
    *,
    billing_group_id: str | None = None,
    numbers: Collection[str] | None = None,
    to: str | None = None,
    again: bool = False,
    report: Callable[[str], None] = lambda _line: None,
) -> list[SendingOutcome]:
    """Send the documents of a month that were not sent yet.

    Args:
        workspace: whose documents.
        ledger: its ledger.
        billing_period: first day of the month.
        by: who sends.
        settings: how.
        billing_group_id: only this group's.
        numbers: only these documents.
        to: to this address instead of the customers' own.
        again: also those that were sent before, or that may have been.
        report: called with each step in words.

    Returns:
        One outcome per document of the month, group and numbers.

    Raises:
        ChargehouseError: the configuration has problems, there is no such group, or ``to`` is no address.
        LedgerError: the ledger cannot be used.
    """
    if to is not None and not is_address(to):
        raise ChargehouseError(f"{to!r} is no address like billing@example.com. Nothing was sent.")
    configuration = read_configuration(workspace.billing)
    period = f"{billing_period:%Y-%m}"
    found = [
        document
        for document in ledger.documents(period, billing_group_id)
        if numbers is None or document.number in numbers
    ]
    groups = {group.billing_group_id for group in configuration.billing_groups}
    if billing_group_id is not None and not found and billing_group_id not in groups:
        raise ChargehouseError(f"There is no billing group {billing_group_id} in billing_groups.csv.")
    newest = ledger.newest_sendings()
    outcomes, wanted = [], []
    for document in found:
        why = None if again else why_not_sent_again(newest.get(document.document_id))
        if why is None:
            wanted.append(document)
        else:
            step = newest[document.document_id]
            outcomes.append(
                SendingOutcome(
                    document.number, document.customer_id, step.recipient, "skipped", why, step.state == "queued"
                )
            )
    mails = _mails(configuration, wanted)
    report("Making the files")
    rendered = {each.number: each for each in render_documents(workspace, wanted)}
    with Outbox(settings.server) as outbox:
        for count, mail in enumerate(mails, start=1):
            report(f"Sending {count} of {len(mails)}: {mail.parties.customer.customer_id}")
            recipient = to or mail.parties.customer.email or ""
            sender = settings.sender or mail.parties.issuer.email or ""
            problem = _problem(mail, recipient, sender, [rendered.get(document.number) for document in mail.issued])
            if problem is not None:
                ledger.end_sending(mail.ids, "failed", recipient, "", by, problem)
                outcomes += mail.outcomes(recipient, "failed", problem)
                continue
            folder = workspace.document_folder(period)
            files = [folder / name for document in mail.issued for name in rendered[document.number].files]
            outcomes += _send(workspace, ledger, outbox, mail, sender, recipient, files, by, again=again)
    return sorted(outcomes, key=lambda outcome: outcome.number)


def sending_rows(ledger: Ledger, billing_period: date, billing_group_id: str | None = None) -> list[SendingRow]:
    """Return the documents of a month, or of one group of it, with what is known of sending them."""
    newest = ledger.newest_sendings()
    return [
        SendingRow(head, newest.get(head.document_id))
        for head in ledger.document_heads()
        if head.billing_period == f"{billing_period:%Y-%m}" and billing_group_id in (None, head.billing_group_id)
    ]


def cover_statements(parties: Parties, documents: Iterable[Document], day: date) -> list[CoverStatement]:
    """Return the sheets on top of documents of several billing groups, one per currency; none for one group."""
    by_currency: dict[str, list[Document]] = defaultdict(list)
    groups = set()
    for document in documents:
        by_currency[document.currency].append(document)
        groups.add(document.billing_group.billing_group_id)
    if len(groups) < 2:
        return []
    return [
        CoverStatement(
            issuer=parties.issuer,
            customer=parties.customer,
            currency=currency,
            minor_units=covered[0].minor_units,
            day=day,
            month=covered[0].service_period_start,
            documents=tuple(
                CoveredDocument(
                    document.number or "",
                    document.kind,
                    document.billing_group.billing_group_name,
                    document.due_date if document.totals.total_amount > 0 else None,
                    document.totals.net_amount,
                    document.totals.credit_amount,
                    document.totals.tax_amount,
                    document.totals.total_amount,
                )
                for document in covered
            ),
            total_amount=sum(
                (document.totals.total_amount for document in covered[1:]), covered[0].totals.total_amount
            ),
        )
        for currency, covered in sorted(by_currency.items())
    ]


def _mails(configuration: Configuration, documents: Iterable[IssuedDocument]) -> list[_Mail]:
    together: dict[tuple[str, str], list[IssuedDocument]] = defaultdict(list)
    for document in documents:
        together[document.customer_id, document.issuer_id].append(document)
    mails = []
    for _, issued in sorted(together.items()):
        contents = tuple(Document.parse(document.content) for document in issued)
        mails.append(_Mail(parties_of(configuration, contents[-1]), tuple(issued), contents))
    return mails


def _problem(mail: _Mail, recipient: str, sender: str, files: Iterable[Rendered | None]) -> str | None:
    for rendered in files:
        if rendered is None or rendered.error is not None:
            return f"its files could not be made: {'unreadable content' if rendered is None else rendered.error}"
    if not recipient:
        return f"customer {mail.parties.customer.customer_id} has no email in customers.csv; add it, or use --to"
    if not is_address(recipient):
        return f"{recipient!r} is no address"
    if not sender:
        issuer_id = mail.parties.issuer.issuer_id
        return f"issuer {issuer_id} has no email in issuers.csv; add it, or set CHARGEHOUSE_MAIL_FROM"
    return None if is_address(sender) else f"the sender {sender!r} is no address"


def _send(
    workspace: Workspace,
    ledger: Ledger,
    outbox: Outbox,
    mail: _Mail,
    sender: str,
    recipient: str,
    files: list[Path],
    by: str,
    *,
    again: bool,
) -> list[SendingOutcome]:
    now = datetime.now(UTC)
    message_id = make_msgid(domain=sender.rpartition("@")[2])
    try:
        message = _message(workspace, mail, sender, recipient, files, now, message_id)
    except DocumentError as error:
        ledger.end_sending(mail.ids, "failed", recipient, "", by, str(error))
        return mail.outcomes(recipient, "failed", str(error))
    try:
        ledger.begin_sending(mail.ids, recipient, message_id, by, again=again)
    except LedgerError as error:
        # Somebody else sends the same at this moment.
        return mail.outcomes(recipient, "failed", str(error))
    try:
        outbox.deliver(sender, recipient, message)
    except MailLostError as error:
        ledger.end_sending(mail.ids, "queued", recipient, message_id, by, str(error))
        return mail.outcomes(recipient, "unknown", str(error))
    except MailError as error:
        ledger.end_sending(mail.ids, "failed", recipient, message_id, by, str(error))
        return mail.outcomes(recipient, "failed", str(error))
    ledger.end_sending(mail.ids, "sent", recipient, message_id, by)
    return mail.outcomes(recipient, "sent")


def _message(
    workspace: Workspace,
    mail: _Mail,
    sender: str,
    recipient: str,
    files: list[Path],
    now: datetime,
    message_id: str,
) -> EmailMessage:
    issuer, customer = mail.parties.issuer, mail.parties.customer
    covers = cover_statements(mail.parties, mail.contents, now.date())
    attached = [file for file in files if file.suffix in _TYPES]
    words = documents_mail(
        issuer,
        customer,
        mail.contents,
        has_cover=bool(covers),
        has_xml=any(file.suffix == ".xml" for file in attached),
    )
    message = EmailMessage(policy=_POLICY)
    message["Subject"] = " ".join(words.subject.split())
    message["From"] = Address(" ".join(issuer.legal_name.split()), addr_spec=sender)
    message["To"] = Address(" ".join(customer.legal_name.split()), addr_spec=recipient)
    if issuer.email and issuer.email != sender:
        message["Reply-To"] = Address(addr_spec=issuer.email)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id
    message.set_content(words.body)
    for cover in covers:
        name = file_name(customer.customer_id, f"{cover.month:%Y-%m}", cover.currency)
        message.add_attachment(print_letter(workspace, cover), maintype="application", subtype="pdf", filename=name)
    for file in attached:
        message.add_attachment(
            file.read_bytes(), maintype="application", subtype=_TYPES[file.suffix], filename=file.name
        )
    return message
