"""The command that says what a changed configuration would do.

What is here: ``preview``: read the arguments, call the package, print for a person, a pull request or a script.
When to add here: another command that works something out without doing it.
What does not belong here: the work itself (``previewing``).
"""

import io
import sys
from contextlib import nullcontext, redirect_stdout
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestration.settings import Workspace
from orchestration.terminal import JSON_OPTION, Amount, Period, print_json, print_table, progress

if TYPE_CHECKING:
    from orchestration.previewing.comparison import Preview

__all__ = ["COMMANDS"]


@click.command()
@click.option(
    "--billing",
    "folder",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with the changed configuration, whole, as in billing/ of the workspace.",
)
@click.option(
    "--period", "periods", type=Period(), multiple=True, help="Only this billing period; may be repeated. Default: all."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "markdown"]), help="Default: text; markdown fits a comment."
)
@click.option("--to", "path", type=click.Path(path_type=Path, dir_okay=False), help="New file to write it to.")
@click.option(
    "--fail-above",
    "limit",
    type=Amount(),
    help="Exit with 1 when the total of an invoice changes by more than this, in its currency.",
)
@click.option("--wait", "wait_seconds", default=0, show_default=True, help="Seconds to wait for another process.")
@JSON_OPTION
def preview(
    folder: Path,
    periods: tuple[date, ...],
    form: str | None,
    path: Path | None,
    limit: Decimal | None,
    wait_seconds: int,
    as_json: bool,
) -> None:
    """Say what a changed billing configuration would do, before anybody makes the change.

    Checks the folder as a run does, builds the periods that the change affects in a temporary folder, from the
    deliveries there are, and compares them with the configuration in force: invoices, lines, rules, tax, credits,
    margin, accounts that move, open problems, and documents that would have to be corrected. The workspace is left as
    it is. Differences are no failure; see --fail-above.
    """
    from orchestration.exports.files import new_file
    from orchestration.previewing.comparison import preview_change

    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} exclude each other.")
    if limit is not None and limit < 0:
        raise click.UsageError("--fail-above is an amount of 0 or more.")
    form = "json" if as_json else form or "text"
    with new_file(path) if path is not None else nullcontext() as draft:
        with progress("Reading the configurations") as report:
            found = preview_change(Workspace.from_environment(), folder, periods, wait_seconds, report)
        if draft is None:
            _print(found, form)
        else:
            text = io.StringIO()
            with redirect_stdout(text):
                _print(found, form)
            draft.write_text(text.getvalue(), encoding="utf-8")
    if path is not None:
        click.echo(f"Wrote {path}.")
    above = [] if limit is None else found.above(limit)
    if above:
        named = ", ".join(f"{row['billing_group_id']} {row['billing_period']:%Y-%m}" for row in above)
        click.echo(f"Invoices that change by more than {limit:f}: {named}.", err=True)
        sys.exit(1)


def _print(found: "Preview", form: str) -> None:
    from orchestration.previewing.pages import as_markdown, summary, tables

    if form == "json":
        print_json(found.as_dict())
    elif form == "markdown":
        click.echo(as_markdown(found), nl=False)
    else:
        for line in summary(found):
            click.echo(line)
        for table in tables(found) if found.changes else ():
            print_table(table.title, table.rows, table.empty)


COMMANDS = (preview,)
