"""The command `explain`: from an invoice line to rules, factors and CUR rows.

What is here: reading its arguments, opening the published copy, printing.
When to add here: another option of the command.
What does not belong here: what an explanation holds (``explaining/``).
"""

import sys
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console

from orchestration.errors import ChargehouseError
from orchestration.settings import Workspace
from orchestration.terminal import JSON_OPTION, progress

__all__ = ["COMMANDS", "explain"]


@click.command()
@click.argument("line")
@click.option("--rows", "with_rows", is_flag=True, help="Also AWS's rows: delivery, file, row number, amounts.")
@click.option("--customer", "for_customer", is_flag=True, help="Only what a customer may see.")
@click.option(
    "--to",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it to a new .csv, .json, .xlsx or (rows) .parquet; may be repeated.",
)
@JSON_OPTION
def explain(line: str, with_rows: bool, for_customer: bool, paths: tuple[Path, ...], as_json: bool) -> None:
    """Explain LINE: its accounts, charges, rules, factors, policies, tiers, and with --rows AWS's rows.

    \b
    LINE is an invoice line key             2026-10/acme/usage/-/AmazonEC2
         or a period, group and number      2026-10/acme/3
         or a document and line number      RS-2026-000001/3

    Every level is proved to sum to the level above, to the last digit; a difference is an error. Reads what was
    published last, so that it works during a run; --rows reads the warehouse, and waits for no run.
    """  # noqa: D301
    from orchestration.explaining import files, tree, words
    from orchestration.explaining.explanation import explain as explain_line
    from orchestration.explaining.lookup import find_line
    from orchestration.explaining.rows import line_rows
    from orchestration.exports.files import require_ending
    from orchestration.reports import published_copy

    for path in paths:
        require_ending(path, *files.ENDINGS)
    workspace = Workspace.from_environment()
    with ExitStack() as stack:
        with progress("Explaining") as report:
            with published_copy(workspace.published_file) as connection:
                reference = find_line(connection, line)
                found = explain_line(connection, reference)
            if with_rows and not found.shows_today(for_customer=for_customer):
                reason = words.ONLY_ISSUED if found.line is None else words.NOT_AS_ISSUED
                raise ChargehouseError(f"There are no rows to show. {reason} Leave --rows out.")
            rows = None
            if with_rows:
                report("Reading AWS's rows")
                rows = stack.enter_context(line_rows(workspace, reference, for_customer=for_customer))
            written = [files.write_explanation(path, found, rows, for_customer=for_customer) for path in paths]
        if as_json:
            of_rows = None if rows is None else rows.fetch()
            click.echo(files.to_json(found, of_rows, for_customer=for_customer).decode())
            return
        if not paths:
            console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
            tree.print_tree(console, found, rows, for_customer=for_customer)
    for file in written:
        click.echo(f"Wrote {file.row_count:,} {file.what} to {file.path}.")


COMMANDS: tuple[click.Command, ...] = (explain,)
"""The verbs of this module, for ``chargehouse``."""
