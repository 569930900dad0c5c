"""The certificate of a month for the pages: read once per publication, and printed once.

What is here: the certificate as the command gives it, and its two files.
When to add here: another file of it.
What does not belong here: what it says and looks like (``orchestration/reconciliation``).
"""

from datetime import date

from dashboards.publication import Publication, reading
from dashboards.queries import cached
from orchestration.reconciliation.certificate import Certificate, read_certificate
from orchestration.reconciliation.certificate_pages import certificate_markdown, certificate_pdf

__all__ = ["certificate", "markdown", "pdf"]


@cached
def certificate(publication: Publication, period: date) -> Certificate:
    """Return the certificate of a month, as this version of the numbers has it."""
    with reading(publication) as connection:
        return read_certificate(connection, period)


@cached
def pdf(publication: Publication, period: date) -> bytes:
    """Return it as PDF."""
    return certificate_pdf(certificate(publication, period))


@cached
def markdown(publication: Publication, period: date) -> bytes:
    """Return it as Markdown."""
    return certificate_markdown(certificate(publication, period)).encode("utf-8")
