"""What the mail says that brings documents to a customer.

What is here: subject and text of such a mail, in the customer's language.
When to add here: another sentence of it, or the words of another mail.
What does not belong here: attaching files, addresses, and sending it (``settling``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestration.documents.content import Customer, Document, Issuer
from orchestration.documents.language import Language

__all__ = ["MailText", "documents_mail"]


@dataclass(frozen=True)
class MailText:
    """The words of a mail: one line of subject, and a text of several lines."""

    subject: str
    body: str


def documents_mail(
    issuer: Issuer, customer: Customer, documents: Sequence[Document], *, has_cover: bool, has_xml: bool
) -> MailText:
    """Return the words of the mail with some documents of one month.

    Args:
        issuer: who sends it.
        customer: who gets it, and in whose language it is.
        documents: the issued documents in it, at least one.
        has_cover: whether a cover statement is with them.
        has_xml: whether electronic invoices are with them.
    """
    language = Language.of(customer.language, customer.country_code)
    text = language.text
    month = language.month(documents[0].service_period_start)
    if len(documents) == 1:
        (single,) = documents
        subject = text(
            "mail_subject", kind=text(f"kind_{single.kind}"), number=single.number or "", issuer=issuer.legal_name
        )
    else:
        subject = text("mail_subject_several", month=month, issuer=issuer.legal_name)
    paragraphs = [
        text("mail_greeting"),
        text("mail_text", month=month),
        "\n".join(_line(language, document) for document in documents),
        " ".join(
            [*([text("mail_cover")] if has_cover else []), *([text("mail_xml")] if has_xml else [])],
        ),
        f"{text('mail_closing')}\n{issuer.legal_name}" + (f"\n{issuer.email}" if issuer.email else ""),
    ]
    return MailText(subject, "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n")


def _line(language: Language, document: Document) -> str:
    amount = language.amount(document.totals.total_amount, document.minor_units)
    values = {
        "kind": language.text(f"kind_{document.kind}"),
        "number": document.number or "",
        "group": document.billing_group.billing_group_name,
        "amount": f"{amount} {document.currency}",
    }
    if document.totals.total_amount > 0 and document.due_date is not None:
        return f"- {language.text('mail_payable', **values, date=language.day(document.due_date))}"
    return f"- {language.text('mail_other', **values)}"
