"""Verifying what was issued: the ledger itself, and every file against what the frozen document makes now.

What is here: rendering each document again and comparing the files byte by byte.
When to add here: another copy of a document that must agree with the ledger.
What does not belong here: the ledger's own hashes and chain (``ledger/verification.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass

from orchestration.documents.batch import is_current, render
from orchestration.documents.pdf import Style
from orchestration.errors import DocumentError
from orchestration.issuing.files import render_documents
from orchestration.ledger.issuing import IssuedDocument
from orchestration.ledger.ledger import Ledger
from orchestration.ledger.verification import Verification
from orchestration.settings import Workspace

__all__ = ["Verified", "verify_documents"]


@dataclass(frozen=True)
class Verified:
    """What verifying found.

    Attributes:
        ledger: what the ledger says of itself.
        file_count: files that are there and are, byte by byte, what the frozen documents make.
        findings: what is wrong with files, one text each.
        made_again: numbers of documents whose files were missing and were made again.
    """

    ledger: Verification
    file_count: int
    findings: tuple[str, ...]
    made_again: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong; files that were only missing are made again."""
        return self.ledger.is_sound and not self.findings

    def lines(self) -> list[str]:
        """Return what was found, for a person."""
        lines = [*self.ledger.lines(), f"{self.file_count} files are what the frozen documents make."]
        if self.made_again:
            lines.append(f"Files were missing and were made again: {', '.join(self.made_again)}.")
        if self.findings:
            lines += [f"{len(self.findings)} findings in the files:", *self.findings]
        return lines


def verify_documents(
    workspace: Workspace, ledger: Ledger, report: Callable[[str], None] = lambda _line: None
) -> Verified:
    """Verify the ledger, and rebuild every issued document from what was frozen and compare its files.

    Files that are missing are made again; a file that differs is left as it is, as evidence.

    Args:
        workspace: whose ``documents/`` is compared.
        ledger: its ledger.
        report: called with each step in words.
    """
    report("Verifying the ledger")
    verification = ledger.verify()
    file_count, findings, missing = 0, [], []
    for number, document in enumerate(ledger.documents(), start=1):
        report(f"Comparing {number} of {verification.document_count}: {document.number}")
        try:
            same, wrong, lost = _compare(workspace, document)
        except DocumentError as error:
            findings.append(f"{document.number}: {error}")
            continue
        file_count += same
        findings += wrong
        if lost:
            missing.append(document)
    # What is there and wrong is not made again with what is missing: its document is named already.
    healthy = [document for document in missing if not any(document.number in text for text in findings)]
    render_documents(workspace, healthy, report)
    return Verified(verification, file_count, tuple(findings), tuple(document.number for document in healthy))


def _compare(workspace: Workspace, document: IssuedDocument) -> tuple[int, list[str], list[str]]:
    """Return how many files are right, which are wrong, and which are missing."""
    folder = workspace.document_folder(document.billing_period)
    style = Style.of_issuer(workspace.billing, document.issuer_id)
    same, wrong, lost = 0, [], []
    for name, data in render(document.content, style, check_rules=False).items():
        file = folder / name
        if not file.exists():
            lost.append(name)
        elif file.read_bytes() == data:
            same += 1
        else:
            wrong.append(
                f"{file}: is not what the frozen document makes. It was changed, or made by another version or with "
                "another logo; move it away and verify again to have it made anew."
            )
    if not lost and not wrong and not is_current(document.content, folder, style):
        lost.append("receipt")
    return same, wrong, lost
