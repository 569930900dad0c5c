"""Measures how many documents are rendered in a CPU second, with and without the EN 16931 rules.

What is here: the same made-up invoices, rendered whole (PDF, XML, XLSX, CSV) and piece by piece; CPU seconds.
When to add here: another file that belongs to each document.
What does not belong here: tests; nothing here passes or fails, and no time is asserted anywhere.

Run it with ``.venv/bin/python benchmarks/documents.py --count 1000 --jobs 2`` from the checkout.
"""

import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from orchestration.documents.batch import render_all
from orchestration.documents.content import Document
from orchestration.documents.einvoice import electronic_invoice
from orchestration.documents.pdf import invoice_pdf
from orchestration.documents.sheets import lines_csv, workbook
from orchestration.documents.validation import problems, schema_problems
from orchestration.sample.documents import example_content, example_line

_USAGE = [("BoxUsage:m6i.2xlarge", "2976", "Hrs", "1142.78"), ("EUC1-EBS:VolumeUsage.gp3", "8200.5", "GB-Mo", "656.04")]


def _contents(count: int, lines: int) -> Iterator[bytes]:
    for number in range(1, count + 1):
        made = [
            example_line(f"Amazon service {line}, usage", f"{number % 97 + line * 3}.{line:02}", usage=_USAGE)
            for line in range(1, lines + 1)
        ]
        yield example_content(made, number=f"BWEU-2026-{number:06}")


def _cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


@click.command()
@click.option("--count", default=1000, show_default=True, help="invoices")
@click.option("--lines", default=20, show_default=True, help="lines of each")
@click.option("--jobs", default=2, show_default=True, help="processes")
def main(count: int, lines: int, jobs: int) -> None:
    """Print the CPU seconds of rendering that many invoices."""
    table = Table(title=f"{count} invoices of {lines} lines")
    for column in ("what", "CPU s", "ms each", "wall s"):
        table.add_column(column, justify="left" if column == "what" else "right")

    def measure(name: str, started: float, begun: float, done: int) -> None:
        cpu, wall = _cpu() - started, time.monotonic() - begun
        table.add_row(name, f"{cpu:.1f}", f"{cpu / done * 1000:.1f}", f"{wall:.1f}")

    few = list(_contents(min(count, 100), lines))
    documents = [Document.parse(content) for content in few]
    invoices = [electronic_invoice(document) for document in documents]
    problems(invoices[0])
    pieces: dict[str, Callable[[], object]] = {
        "read and check the content": lambda: [Document.parse(content) for content in few],
        "XML": lambda: [electronic_invoice(document) for document in documents],
        "XML schema": lambda: [schema_problems(xml) for xml in invoices],
        "XML schema and rules": lambda: [problems(xml) for xml in invoices],
        "PDF": lambda: [invoice_pdf(document, xml) for document, xml in zip(documents, invoices, strict=True)],
        "XLSX": lambda: [workbook(document) for document in documents],
        "CSV": lambda: [lines_csv(document) for document in documents],
    }
    for name, piece in pieces.items():
        started, begun = _cpu(), time.monotonic()
        piece()
        measure(f"{name} (of {len(few)})", started, begun, len(few))
    for check_rules in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            started, begun = _cpu(), time.monotonic()
            results = render_all(_contents(count, lines), Path(folder), jobs=jobs, check_rules=check_rules)
            assert not [result.error for result in results if result.error]
            measure(f"all files, {jobs} processes, {'with' if check_rules else 'without'} rules", started, begun, count)
            if not check_rules:
                started, begun = _cpu(), time.monotonic()
                render_all(_contents(count, lines), Path(folder), jobs=jobs, check_rules=False)
                measure(f"again, {jobs} processes, nothing to do", started, begun, count)
    Console().print(table)


if __name__ == "__main__":
    main()
