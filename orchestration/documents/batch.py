"""Rendering documents into files, one or thousands: in several processes, atomically, each file once.

What is here: ``render`` (files of one document), ``render_all`` (written into a folder) and the receipts beside them.
When to add here: another file that belongs to each document.
What does not belong here: which documents to render, and sending them.
"""

import hashlib
import importlib.metadata
import multiprocessing
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from orchestration.documents.content import Document
from orchestration.documents.einvoice import electronic_invoice, refusal
from orchestration.documents.pdf import Style, invoice_pdf
from orchestration.documents.sheets import lines_csv, workbook
from orchestration.documents.validation import problems, schema_problems
from orchestration.errors import DocumentError

__all__ = ["Rendered", "is_current", "render", "render_all"]

_PACKAGES = ("typst", "factur-x", "openpyxl", "babel")
# Enough to keep every process busy without holding every content in memory.
_AHEAD_PER_JOB = 8


@dataclass(frozen=True)
class Rendered:
    """What became of one document.

    Attributes:
        number: the document's number.
        files: names of its files in the folder; empty when it failed.
        was_current: whether they were there already and are right.
        no_xml: why it has no electronic invoice; None when it has one.
        error: why it could not be rendered; None when it was.
    """

    number: str
    files: tuple[str, ...]
    was_current: bool
    no_xml: str | None
    error: str | None


def render(content: bytes, style: Style | None = None, *, check_rules: bool = True) -> dict[str, bytes]:
    """Return the files of one document by name: ``NUMBER.pdf``, ``.xml`` (where it has one), ``.xlsx`` and ``.csv``.

    Args:
        content: its canonical content.
        style: logo and fonts.
        check_rules: whether the XML is checked by the EN 16931 rules; by its schema it always is.

    Raises:
        DocumentError: the content is damaged, the XML breaks a rule, or the PDF cannot be printed.
    """
    return _files(Document.parse(content), style, check_rules=check_rules)


def _files(document: Document, style: Style | None, *, check_rules: bool) -> dict[str, bytes]:
    name = _file_name(document)
    files: dict[str, bytes] = {}
    xml = None
    if refusal(document) is None:
        xml = electronic_invoice(document)
        found = problems(xml) if check_rules else schema_problems(xml)
        if found:
            raise DocumentError(
                "\n".join(
                    [f"The electronic invoice of {name} is not valid; nothing was written.", *map("  {}".format, found)]
                )
            )
        files[f"{name}.xml"] = xml
    files[f"{name}.pdf"] = invoice_pdf(document, xml, style)
    files[f"{name}.xlsx"] = workbook(document)
    files[f"{name}.csv"] = lines_csv(document)
    return dict(sorted(files.items()))


def render_all(
    contents: Iterable[bytes],
    folder: Path,
    *,
    jobs: int = 1,
    style_of: Callable[[str], Style] | None = None,
    check_rules: bool = True,
    progress: Callable[[Rendered], None] | None = None,
) -> list[Rendered]:
    """Write the files of many documents into ``folder`` and return what became of each, in the order they finished.

    A document whose files are there, unchanged, and made from the same content by the same renderer is skipped. A file
    appears whole or not at all. A document that fails does not stop the others; its error stands in the result.

    Args:
        contents: canonical contents; may be a generator, which is read as the work goes on.
        folder: made when it is missing.
        jobs: processes; 1 works in this one.
        style_of: logo and fonts by issuer id; none by default.
        check_rules: see ``render``.
        progress: called in this process after each document.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tasks = ((content, folder, _style(content, style_of), check_rules) for content in contents)
    results = []
    for result in map(_render_into, tasks) if jobs == 1 else _in_processes(tasks, jobs):
        results.append(result)
        if progress is not None:
            progress(result)
    return results


def is_current(content: bytes, folder: Path, style: Style | None = None) -> bool:
    """Return whether the folder holds the files of this content as this renderer made them, unchanged."""
    return (
        _current_files(_receipt_path(folder, _file_name(Document.parse(content))), _source(content, style)) is not None
    )


_Task = tuple[bytes, Path, Style | None, bool]


def _in_processes(tasks: Iterator[_Task], jobs: int) -> Iterator[Rendered]:
    # Spawned, not forked: the rule checker brings a runtime with threads of its own.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting: set[Future[Rendered]] = {
            pool.submit(_render_into, task) for task in islice(tasks, jobs * _AHEAD_PER_JOB)
        }
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            waiting |= {pool.submit(_render_into, task) for task in islice(tasks, len(done))}
            yield from (future.result() for future in done)


def _style(content: bytes, style_of: Callable[[str], Style] | None) -> Style | None:
    if style_of is None:
        return None
    # Read in the parent, since the callback need not be picklable; a damaged content fails where it is rendered.
    try:
        return style_of(Document.parse(content).issuer.issuer_id)
    except DocumentError:
        return None


def _render_into(task: _Task) -> Rendered:
    content, folder, style, check_rules = task
    try:
        document = Document.parse(content)
        name = _file_name(document)
        receipt = _receipt_path(folder, name)
        source = _source(content, style)
        names = _current_files(receipt, source)
        was_current = names is not None
        if names is None:
            files = _files(document, style, check_rules=check_rules)
            _sweep(folder, name)
            for file_name, data in files.items():
                _write(folder / file_name, data)
            # Last, so that a receipt without its files cannot be.
            _write(receipt, _receipt(source, files))
            names = tuple(files)
    except DocumentError as error:
        return Rendered(_number(content), (), False, None, str(error))
    return Rendered(document.number or "", names, was_current, refusal(document), None)


def _file_name(document: Document) -> str:
    name = document.number or f"draft-{document.billing_period}-{document.billing_group.billing_group_id}"
    return re.sub(r"[^\w.-]", "_", name).lstrip(".") or "_"


def _number(content: bytes) -> str:
    found = re.search(rb'"number":"([^"]{1,100})","provenance"', content)
    return found[1].decode("utf-8", "replace") if found else ""


def _receipt_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.sha256"


def _receipt(source: str, files: dict[str, bytes]) -> bytes:
    """Return the receipt: ``sha256sum --check`` reads it too."""
    lines = [f"# made from {source}", *(f"{hashlib.sha256(data).hexdigest()}  {name}" for name, data in files.items())]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _current_files(receipt: Path, source: str) -> tuple[str, ...] | None:
    """Return the names of the files that the receipt lists, or None when one is changed or was made otherwise."""
    try:
        first, *lines = receipt.read_text(encoding="utf-8").splitlines()
        if first != f"# made from {source}":
            return None
        names = []
        for line in lines:
            digest, _, name = line.partition("  ")
            if hashlib.sha256((receipt.parent / name).read_bytes()).hexdigest() != digest:
                return None
            names.append(name)
    except (OSError, ValueError):
        return None
    return tuple(names)


def _source(content: bytes, style: Style | None) -> str:
    digest = hashlib.sha256(content)
    digest.update(_renderer().encode("ascii"))
    for path in _style_files(style):
        digest.update(path.name.encode("utf-8") + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _style_files(style: Style | None) -> list[Path]:
    if style is None:
        return []
    fonts = sorted(path for path in style.fonts.rglob("*") if path.is_file()) if style.fonts else []
    return [*([style.logo] if style.logo else []), *fonts]


@cache
def _renderer() -> str:
    """Return a digest of everything beside content and style that the files depend on."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*")):
        if path.suffix in (".py", ".typ", ".toml", ".ttf"):
            digest.update(path.name.encode("utf-8") + b"\0" + path.read_bytes())
    for package in _PACKAGES:
        digest.update(f"{package} {importlib.metadata.version(package)}\0".encode())
    return digest.hexdigest()


def _sweep(folder: Path, name: str) -> None:
    """Remove what a killed process left half written of a document; what a living one is writing stays."""
    for left in folder.glob(f".{name}.*"):
        found = re.fullmatch(r".+\.(\d+)\.\w+", left.name)
        if found is None:
            continue
        try:
            os.kill(int(found[1]), 0)
        except ProcessLookupError:
            left.unlink(missing_ok=True)
        except PermissionError:
            continue


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it appears whole or not at all.

    It is not forced to the disk: should the machine stop, the receipt shows what is missing, and it is made again.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.{os.getpid()}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
