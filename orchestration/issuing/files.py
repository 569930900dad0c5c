"""The files of issued documents in ``documents/``: made after issue, made again when they are missing.

What is here: making the files of documents that the ledger holds.
When to add here: another moment at which files are made.
What does not belong here: what a file looks like (``documents/``).
"""

import os
from collections.abc import Callable, Iterable

from orchestration.documents.batch import Rendered, render_all
from orchestration.documents.pdf import Style
from orchestration.ledger.issuing import IssuedDocument
from orchestration.settings import Workspace

__all__ = ["render_documents"]


def render_documents(
    workspace: Workspace,
    documents: Iterable[IssuedDocument],
    progress: Callable[[Rendered], None] | None = None,
) -> list[Rendered]:
    """Make the files of these documents that are not there yet, unchanged; return what became of each.

    A process that dies after it issued and before the files are there loses nothing: the next call makes them.
    """
    by_period: dict[str, list[bytes]] = {}
    for document in documents:
        by_period.setdefault(document.billing_period, []).append(document.content)
    results: list[Rendered] = []
    for billing_period, contents in by_period.items():
        # Starting processes costs more than a few documents.
        jobs = 1 if len(contents) < 8 else os.cpu_count() or 1
        results += render_all(
            contents,
            workspace.document_folder(billing_period),
            jobs=jobs,
            style_of=lambda issuer_id: Style.of_issuer(workspace.billing, issuer_id),
            progress=progress,
        )
    return results
