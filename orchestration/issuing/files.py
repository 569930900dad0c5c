"""The files of issued documents in ``documents/``: made after issue, made again when they are missing.

What is here: making the files of documents that the ledger holds, and why one has no electronic invoice.
When to add here: another moment at which files are made.
What does not belong here: what a file looks like (``documents/``).
"""

import os
from collections.abc import Callable, Iterable
from itertools import count

from orchestration.documents.batch import Rendered, render_all
from orchestration.documents.content import Document
from orchestration.documents.einvoice import refusal
from orchestration.documents.pdf import Style
from orchestration.ledger.issuing import IssuedDocument
from orchestration.ledger.ledger import Ledger
from orchestration.settings import Workspace

__all__ = ["make_files", "render_documents", "why_no_xml"]


def make_files(workspace: Workspace, numbers: Iterable[str], report: Callable[[str], None]) -> list[Rendered]:
    """Make the files of issued documents that are missing, by their numbers; return what became of each.

    Args:
        workspace: whose ``documents/`` they go to.
        numbers: which documents.
        report: called with each step in words.

    Raises:
        LedgerError: no document has such a number.
    """
    with Ledger.open(workspace) as ledger:
        documents = [ledger.document(number) for number in numbers]
    return render_documents(workspace, documents, report)


def why_no_xml(workspace: Workspace, number: str) -> str:
    """Return why the standard cannot hold an issued document (EN 16931), so that it has no XML; empty where it can.

    Raises:
        LedgerError: no document has that number.
        DocumentError: what is frozen of it is damaged.
    """
    with Ledger.open(workspace) as ledger:
        return refusal(Document.parse(ledger.document(number).content)) or ""


def render_documents(
    workspace: Workspace,
    documents: Iterable[IssuedDocument],
    report: Callable[[str], None] = lambda _line: None,
) -> list[Rendered]:
    """Make the files of these documents that are not there yet, unchanged; return what became of each.

    A process that dies after it issued and before the files are there loses nothing: the next call makes them.

    Args:
        workspace: whose ``documents/`` they go to.
        documents: issued ones.
        report: called with how many are done, in words.
    """
    by_period: dict[str, list[IssuedDocument]] = {}
    for document in documents:
        by_period.setdefault(document.billing_period, []).append(document)
    total = sum(map(len, by_period.values()))
    done = count(1)
    results: list[Rendered] = []
    for billing_period, found in by_period.items():
        # Starting processes costs more than a few documents; those that are made already are only compared.
        unmade = sum(
            not workspace.document_file(billing_period, document.number, "sha256").exists() for document in found
        )
        results += render_all(
            [document.content for document in found],
            workspace.document_folder(billing_period),
            jobs=1 if unmade < 8 else os.cpu_count() or 1,
            style_of=lambda issuer_id: Style.of_issuer(workspace.billing, issuer_id),
            progress=lambda _rendered: report(f"Making files: {next(done)} of {total}"),
        )
    return results
