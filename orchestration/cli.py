"""The command `chargehouse` (contract: commands).

What is here: one function per verb: read the arguments, call the package, print for a person or (`--json`) a script.
When to add here: a new verb that is about runs and invoices; what is a subject of its own stands in a module of its own
that is named like it: ``settlement_commands``, ``reconciliation_commands``, ``preview_commands``, ``explain_commands``,
``budget_commands``.
What does not belong here: the work itself.

Exit codes: 0 done, 1 refused or failed with the reason, 2 wrong usage.
"""

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from orchestration import (
    budget_commands,
    explain_commands,
    preview_commands,
    reconciliation_commands,
    settlement_commands,
)
from orchestration.errors import ChargehouseError
from orchestration.settings import PROJECT_ROOT, Workspace, child_environment
from orchestration.terminal import JSON_OPTION, Name, Period, print_json, print_table, progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestration.exports.files import Written
    from orchestration.issuing.desk import Outcome
    from orchestration.ledger.archive import Backup

__all__ = ["main"]


class _Verbs(click.Group):
    """Turns every failure that a person can understand into its message and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ChargehouseError as error:
            click.echo(str(error), err=True)
            ctx.exit(1)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chargehouse")
def main() -> None:
    """The open AWS billing warehouse: Cost and Usage Reports in, correct and explained invoices out.

    Works on the folder in CHARGEHOUSE_DATA, or on the checkout's own data/.
    """


for command in (
    *settlement_commands.COMMANDS,
    *reconciliation_commands.COMMANDS,
    *preview_commands.COMMANDS,
    *budget_commands.COMMANDS,
    *explain_commands.COMMANDS,
):
    main.add_command(command)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> None:
    """Make a new workspace in FOLDER with an example billing configuration."""
    from orchestration.sample.install import write_example_configuration

    workspace = Workspace.at(folder)
    if workspace.billing.exists() and any(workspace.billing.iterdir()):
        raise ChargehouseError(f"{workspace.billing} already holds a configuration; nothing was changed.")
    write_example_configuration(workspace.billing)
    workspace.landing.mkdir(parents=True, exist_ok=True)
    click.echo(f"Made the workspace {workspace.root}.")
    click.echo(f"  Edit the example configuration in {workspace.billing}")
    click.echo(f"  Put AWS's deliveries, manifests included, under {workspace.landing}")
    click.echo(f"  Then: CHARGEHOUSE_DATA={workspace.root} chargehouse run")


@main.command()
@click.option("--if-empty", is_flag=True, help="Do nothing in a workspace that already has data.")
@click.option("--seed", default=7, show_default=True, help="Another seed makes other, equally lawful data.")
@click.option(
    "--issue", "issues_one", is_flag=True, help="After a run: issue the sample's first invoice, unless one is issued."
)
def sample(if_empty: bool, seed: int, issues_one: bool) -> None:
    """Fill the workspace with three made-up months of two payers, and a billing configuration for them."""
    from orchestration.sample.install import install_sample

    workspace = Workspace.from_environment()
    if issues_one:
        _issue_first_invoice(workspace)
        return
    taken = [folder for folder in (workspace.billing, workspace.landing) if folder.exists() and any(folder.iterdir())]
    if taken:
        if if_empty:
            return
        raise ChargehouseError(
            f"{taken[0]} is not empty; nothing was changed. "
            "Use a new folder: CHARGEHOUSE_DATA=FOLDER chargehouse sample"
        )
    with Console().status("Writing sample deliveries"):
        install_sample(workspace.root, seed=seed)
    click.echo(f"Wrote sample deliveries to {workspace.landing} and their configuration to {workspace.billing}.")


def _issue_first_invoice(workspace: Workspace) -> None:
    from orchestration.sample.first_invoice import issue_first_invoice

    with progress("Issuing the sample's first invoice") as report:
        outcome = issue_first_invoice(workspace, report)
    if outcome is None:
        return
    if outcome.state != "issued":
        raise ChargehouseError(f"The sample's first invoice was refused: {outcome.reason}")
    click.echo(f"Issued {outcome.number}, {outcome.total_amount} {outcome.currency}: {outcome.pdf or outcome.reason}")


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--payer", help="Payer account id; taken from the rows when they name one.")
@click.option("--period", type=Period(), help="Billing period; taken from the rows when they name one.")
def load(files: tuple[Path, ...], payer: str | None, period: date | None) -> None:
    """Land plain CUR FILES that came without a manifest, as one delivery.

    Takes legacy CUR, CUR 2.0 and FOCUS with AWS columns, as CSV (plain, gzip or zip) or Parquet. The next
    `chargehouse run` bills them.
    """
    from orchestration.ingest.landing import open_landing
    from orchestration.ingest.plain_files import land_plain_file

    workspace = Workspace.from_environment()
    manifest = land_plain_file(list(files), payer, period, open_landing(workspace.landing_url))
    click.echo(f"Landed {len(files)} file{'s' if len(files) > 1 else ''} as {manifest}. Now: chargehouse run")


@main.command("import-abc")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--to", "folder", required=True, type=click.Path(path_type=Path), help="Folder for the configuration.")
@click.option("--from", "period", type=Period(), help="First period to import; the one the lists name when left out.")
@click.option("--issuer", "issuer_name", default="COMPLETE THIS", show_default=True, help="Your legal name.")
@click.option("--country", default="US", show_default=True, help="Country of issuer and customers, to begin with.")
@click.option("--currency", default="USD", show_default=True, help="Their currency, to begin with.")
@click.option("--overwrite", is_flag=True, help="Replace configuration files that are in the folder already.")
@JSON_OPTION
def import_abc(
    files: tuple[Path, ...],
    folder: Path,
    period: date | None,
    issuer_name: str,
    country: str,
    currency: str,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Make a billing configuration from what AWS Billing Conductor's lists say.

    FILES hold the JSON that `aws billingconductor list-billing-groups`, `list-account-associations`,
    `list-pricing-plans`, `list-pricing-rules`, `list-pricing-rules-associated-to-pricing-plan`,
    `list-custom-line-items`, `list-custom-line-item-versions` and `list-resources-associated-to-custom-line-item`
    print, under any names. What is left to complete, and what has no counterpart, is printed and kept beside the files.
    """
    from orchestration.abc.importing import import_billing_conductor

    report = import_billing_conductor(
        files,
        folder,
        period=period,
        issuer_name=issuer_name,
        country=country,
        currency=currency,
        overwrite=overwrite,
    )
    if as_json:
        print_json(report.as_dict())
        return
    for line in report.lines():
        click.echo(line)


@main.command()
@click.option("--period", "periods", type=Period(), multiple=True, help="Only this billing period; may be repeated.")
@click.option("--force", is_flag=True, help="Build also the periods that have not changed.")
@click.option("--wait", "wait_seconds", default=0, show_default=True, help="Seconds to wait for another run to finish.")
@JSON_OPTION
def run(periods: tuple[date, ...], force: bool, wait_seconds: int, as_json: bool) -> None:
    """Land what is new, build and test the billing periods that changed, and publish.

    Runs the same Dagster assets as the schedule. Done means published: quarantined rows and open problems are warnings;
    a bad configuration or a failed blocking check is a failure, and the published copy stays as it was.
    """
    from orchestration.runs import run_new

    console = Console(file=sys.stderr)  # the run redirects sys.stderr into its log
    with console.status("Starting") as status:
        summary = run_new(
            Workspace.from_environment(),
            only=frozenset(periods) or None,
            force=force,
            wait_seconds=wait_seconds,
            report=status.update
            if console.is_terminal
            else lambda line: console.print(line, soft_wrap=True, highlight=False),
        )
    if as_json:
        print_json(summary.as_dict())
        return
    for line in summary.lines():
        click.echo(line)


@main.command()
@JSON_OPTION
def status(as_json: bool) -> None:
    """Show billing periods, deliveries, price lists, residuals, open problems and budgets."""
    from orchestration import reports

    workspace = Workspace.from_environment()
    found = {
        "periods": reports.periods(workspace),
        "deliveries": reports.deliveries(workspace),
        "price_lists": reports.price_lists(workspace),
        "open_problems": reports.open_problems(workspace),
        "budgets": reports.budgets(workspace),
        "late_deliveries": reports.late_deliveries(workspace, datetime.now(UTC).replace(tzinfo=None)),
        "failed_checks": reports.failed_checks(workspace),
    }
    if as_json:
        print_json(found)
        return
    print_table("Billing periods", found["periods"], "No period has been built yet. Now: chargehouse run")
    print_table("Deliveries", found["deliveries"], "No delivery has been seen yet.")
    if found["price_lists"]:
        print_table("Price lists", found["price_lists"], "")
    _print_problems(found["open_problems"])
    if found["budgets"]:
        shown = ("period", "budget", "state", "currency", "budget_amount", "actual_amount", "percentage")
        print_table("Budgets", [{name: row[name] for name in shown} for row in found["budgets"]], "")
    if found["late_deliveries"]:
        print_table("Late deliveries", found["late_deliveries"], "")
    if workspace.failed_checks_file.exists():
        click.echo("The last run published nothing, because critical checks failed:")
    print_table("Failed checks", found["failed_checks"], "Every check of the last run passed.")


def _print_problems(problems: list[dict[str, Any]]) -> None:
    """Print the open problems, and beneath them the rows that mend them, which would not fit into a table."""
    apart = ("aws_cost", "file", "row_to_add")
    shown = [{name: value for name, value in row.items() if name not in apart} for row in problems]
    print_table("Open problems", shown, "No open problems.")
    # Of a problem of several months the first one's row holds for all of them; but a rate is one month's.
    rows = {
        (row["file"], row["subject"], row["period"] if row["file"] == "fx_rates.csv" else ""): row["row_to_add"]
        for row in reversed(problems)
    }
    rows_to_add = [f"  {file}: {row}" for (file, _subject, _period), row in reversed(rows.items()) if row]
    if rows_to_add:
        click.echo("Rows to add; words in capitals stand for what you decide:")
        click.echo("\n".join(dict.fromkeys(rows_to_add)))


@main.command()
@click.option("--period", type=Period(), help="Only this billing period.")
@click.option("--group", help="Only this billing group; its lines, credits and tax are shown too.")
@JSON_OPTION
def invoices(period: date | None, group: str | None, as_json: bool) -> None:
    """List invoices as of today, documents and proposed corrections; with --group, also lines, credits and tax."""
    from orchestration import reports

    workspace = Workspace.from_environment()
    found = {
        "invoices": reports.invoices(workspace, period, group),
        "documents": reports.documents(workspace, period, group),
        "proposed_corrections": reports.proposed_corrections(workspace, period, group),
    }
    parts = {}
    if group:
        parts = {
            "lines": reports.invoice_lines(workspace, period, group),
            "credits": reports.credit_draws(workspace, period, group),
            "taxes": reports.invoice_taxes(workspace, period, group),
        }
    if as_json:
        print_json(found | parts)
        return
    print_table("Invoices as of today", found["invoices"], "No invoice matches.")
    if found["documents"]:
        print_table("Documents", found["documents"], "")
    if found["proposed_corrections"]:
        print_table("Proposed corrections", found["proposed_corrections"], "")
    if parts:
        print_table("Lines", parts["lines"], "No line matches.")
        print_table("Credits", parts["credits"], "No credit pays any of it.")
        print_table("Tax", parts["taxes"], "No line is taxed.")


@main.command()
@click.option("--period", required=True, type=Period(), help="Billing period.")
@click.option("--group", help="Only this billing group.")
@click.option("--by", required=True, type=Name(), help="Who approves; kept in the ledger.")
@click.option("--note", default="", help="A remark; kept in the ledger.")
@click.option("--wait", "wait_seconds", default=0, show_default=True, help="Seconds to wait for another process.")
@JSON_OPTION
def approve(period: date, group: str | None, by: str, note: str, wait_seconds: int, as_json: bool) -> None:
    """Approve what is proposed for a period: first invoices, and corrections of issued ones.

    An approval names the numbers: if they change before the document is issued, it has to be approved again.
    """
    from orchestration.issuing import desk

    with progress("Approving"):
        outcomes = desk.approve(Workspace.from_environment(), period, group, by, note, wait_seconds=wait_seconds)
    _print_outcomes("Approved", outcomes, period, as_json)


@main.command()
@click.option("--period", required=True, type=Period(), help="Billing period.")
@click.option("--group", help="Only this billing group.")
@click.option("--by", required=True, type=Name(), help="Who issues; kept in the ledger.")
@click.option(
    "--override",
    "overridden",
    multiple=True,
    type=click.Choice(["not_final", "unmapped", "unrated"]),
    help="Issue although this holds; may be repeated.",
)
@click.option("--reason", default="", help="Why it is overridden; kept in the ledger.")
@click.option("--wait", "wait_seconds", default=0, show_default=True, help="Seconds to wait for another process.")
@JSON_OPTION
def issue(
    period: date,
    group: str | None,
    by: str,
    overridden: tuple[str, ...],
    reason: str,
    wait_seconds: int,
    as_json: bool,
) -> None:
    """Issue the approved documents of a period: give them their numbers, freeze them, make their files.

    What is issued is never changed; a later difference becomes a proposed correction. Issuing again issues nothing
    twice, and makes files that are missing.
    """
    from orchestration.issuing import desk

    if overridden and not reason.strip():
        raise click.UsageError("--override needs --reason, which is kept in the ledger.")
    workspace = Workspace.from_environment()
    with progress("Issuing") as report:
        issued = desk.issue_and_build(
            workspace, period, group, by, dict.fromkeys(overridden, reason), report, wait_seconds=wait_seconds
        )
    if issued.failed_run:
        click.echo(issued.failed_run, err=True)
    _print_outcomes("Issued", issued.outcomes, period, as_json)


@main.command()
@JSON_OPTION
def verify(as_json: bool) -> None:
    """Rebuild every issued document from what was frozen and compare; files that are missing are made again."""
    from orchestration.issuing.verification import verify_documents
    from orchestration.ledger.ledger import Ledger

    workspace = Workspace.from_environment()
    with progress("Verifying") as report, Ledger.open(workspace) as ledger:
        found = verify_documents(workspace, ledger, report)
    if as_json:
        print_json(
            {
                "is_sound": found.is_sound,
                "documents": found.ledger.document_count,
                "chain_hash": found.ledger.head.chain_hash,
                "files": found.file_count,
                "made_again": list(found.made_again),
                "findings": [*map(str, found.ledger.findings), *found.findings],
            }
        )
    else:
        for line in found.lines():
            click.echo(line)
    if not found.is_sound:
        sys.exit(1)


@main.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@JSON_OPTION
def backup(path: Path, as_json: bool) -> None:
    """Write ledger, documents and configuration to the new file PATH; others may go on working."""
    from orchestration.ledger.ledger import Ledger

    with progress("Writing the backup"), Ledger.open(Workspace.from_environment()) as ledger:
        written = ledger.backup(path)
    _print_backup("Wrote", path, written, as_json)


@main.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--by", required=True, type=Name(), help="Who restores; kept in the ledger.")
@JSON_OPTION
def restore(path: Path, by: str, as_json: bool) -> None:
    """Bring the backup PATH into a workspace whose ledger is empty or gone. Overwrites nothing."""
    from orchestration.ledger.ledger import restore_ledger

    with progress("Restoring"):
        restored = restore_ledger(Workspace.from_environment(), path, by)
    _print_backup("Restored", path, restored, as_json)


@main.command()
@click.argument("kind", type=click.Choice(["cur", "csv", "focus", "focus-invoices", "journal", "xlsx"]))
@click.option("--period", required=True, type=Period(), help="Billing period.")
@click.option("--group", help="Only this billing group; `cur` needs one.")
@click.option("--to", "path", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@JSON_OPTION
def export(kind: str, period: date, group: str | None, path: Path, as_json: bool) -> None:
    """Write a period to a new file for other programs. Nothing is ever overwritten.

    \b
    cur             pro forma CUR of a group: its rows at our rates, in USD   .csv, .csv.gz or .parquet
    csv             invoice lines, with number and state                      .csv
    focus           charges, credits and tax as FOCUS 1.2 Cost and Usage      .parquet
    focus-invoices  issued documents as FOCUS 1.4 Invoice Detail              .parquet
    journal         general ledger lines of issued documents                  .csv
    xlsx            invoices, lines, documents and proposed corrections       .xlsx
    """  # noqa: D301
    write = _exporter(kind)
    with progress("Exporting"):
        written = write(Workspace.from_environment(), period, group, path)
    if as_json:
        print_json(written.as_dict())
    else:
        click.echo(f"Wrote {written.row_count} {written.what} to {written.path}.")


def _exporter(kind: str) -> "Callable[[Workspace, date, str | None, Path], Written]":
    """Return what writes a kind of file; only its own libraries are loaded."""
    match kind:
        case "cur":
            from orchestration.exports.cur import write_cur

            return write_cur
        case "focus":
            from orchestration.exports.focus import write_focus

            return write_focus
        case "focus-invoices":
            from orchestration.exports.focus_invoices import write_focus_invoices

            return write_focus_invoices
        case "journal":
            from orchestration.exports.journal import write_journal

            return write_journal
        case _:
            from orchestration.exports.lines import write_csv, write_workbook

            return write_csv if kind == "csv" else write_workbook


@main.command()
@click.option("--wait", "wait_seconds", default=0, show_default=True, help="Seconds to wait for a run to finish.")
def docs(wait_seconds: int) -> None:
    """Write the data dictionary: every table and column, who owns it, where it comes from, what reads it."""
    from orchestration.dictionary import write_dictionary

    with progress("Writing the data dictionary"):
        file = write_dictionary(Workspace.from_environment(), wait_seconds)
    click.echo(f"Wrote {file}. Open it in a browser, or from the page Quality.")


@main.command()
@click.option("--port", default=8501, show_default=True)
@click.option("--headless", is_flag=True, help="Do not open a browser.")
def dashboard(port: int, headless: bool) -> None:
    """Start the web pages on this machine."""
    click.echo(f"Dashboard: http://localhost:{port}   (Ctrl+C stops it)")
    _replace_by(
        [
            *("-m", "streamlit", "run", str(PROJECT_ROOT / "dashboards" / "app.py")),
            *("--server.port", str(port), "--server.headless", "true" if headless else "false"),
            *("--browser.gatherUsageStats", "false"),
        ]
    )


@main.command()
@click.option("--port", default=3000, show_default=True)
def dagster(port: int) -> None:
    """Start the orchestrator on this machine: its pages, and the daemon that runs the schedule."""
    from dagster import DagsterInstance

    from orchestration.runs import close_dead_runs, prepare_dagster_home
    from orchestration.warehouse import workspace_lock

    workspace = Workspace.from_environment()
    prepare_dagster_home(workspace)
    with (
        workspace_lock(workspace, "starting Dagster"),
        DagsterInstance.from_config(str(workspace.dagster_home)) as runs,
    ):
        close_dead_runs(runs)
    click.echo(f"Dagster: http://localhost:{port}   (Ctrl+C stops it)")
    _replace_by(["-m", "dagster", "dev", "-m", "orchestration.definitions", "--port", str(port)])


def _print_outcomes(title: str, outcomes: "list[Outcome]", period: date, as_json: bool) -> None:
    """Show what became of each document, and exit with 1 when one was refused."""
    done = [outcome.as_dict() for outcome in outcomes if outcome.state != "refused"]
    refused = [outcome.as_dict() for outcome in outcomes if outcome.state == "refused"]
    remarked = ("reason",) if any(row["reason"] for row in done) else ()
    numbered = ("number", "pdf", *remarked) if title == "Issued" else remarked
    if as_json:
        print_json({"done": done, "refused": refused})
    elif not outcomes:
        click.echo(
            f"Nothing is proposed for {period:%Y-%m}: everything is issued and nothing differs, or nothing is there."
        )
    else:
        shown = ("billing_group_id", "kind", "currency", "total_amount")
        print_table(title, [{name: row[name] for name in (*shown, *numbered)} for row in done], "nothing.")
        if refused:
            print_table("Refused", [{name: row[name] for name in (*shown, "reason")} for row in refused], "")
    if refused:
        count = len(refused)
        click.echo(f"{count} of {len(outcomes)} document{'s' if len(outcomes) > 1 else ''} refused.", err=True)
        sys.exit(1)


def _print_backup(done: str, path: Path, found: "Backup", as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "path": str(path),
                "documents": found.document_count,
                "files": found.file_count,
                "chain_hash": found.head.chain_hash,
            }
        )
        return
    click.echo(f"{done} {path}. Documents: {found.document_count}, files: {found.file_count}.")
    click.echo(f"The chain ends with {found.head.chain_hash}; note it elsewhere.")


def _replace_by(arguments: list[str]) -> None:
    workspace = Workspace.from_environment()
    done = subprocess.run([sys.executable, *arguments], cwd=PROJECT_ROOT, env=child_environment(workspace), check=False)
    sys.exit(0 if done.returncode in (0, -2, 130) else 1)
