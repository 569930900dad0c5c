"""The commands about closing a month: AWS's invoices, what a restatement changed, the certificate.

What is here: one function per verb: read the arguments, call the package, print for a person or (`--json`) a script.
When to add here: another verb about reconciling or closing.
What does not belong here: the work itself (``reconciliation``).
"""

import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestration.settings import Workspace
from orchestration.terminal import JSON_OPTION, Period, print_json, print_table, progress

if TYPE_CHECKING:
    from orchestration.reconciliation.certificate import Certificate
    from orchestration.reconciliation.restatement import Comparison

__all__ = ["COMMANDS"]


@click.command("import-aws-invoices")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--payer", help="Payer whose deliveries hold the invoices; the account of each invoice when left out.")
@JSON_OPTION
def import_aws_invoices(files: tuple[Path, ...], payer: str | None, as_json: bool) -> None:
    """Add the totals of AWS's own invoices to aws_invoices.csv.

    FILES hold the JSON that `aws invoicing list-invoice-summaries` prints. What the file has already stays as it is;
    importing again adds nothing. The next `chargehouse run` compares them with the deliveries.
    """
    from orchestration.reconciliation import aws_invoices

    done = aws_invoices.import_aws_invoices(files, Workspace.from_environment().billing, payer)
    if as_json:
        print_json(done.as_dict())
        return
    count = len(done.added)
    known = f"known already: {done.known_count}" if done.known_count else ""
    receipts = f"payment receipts left out: {done.receipt_count}" if done.receipt_count else ""
    remarks = "".join(f", {remark}" for remark in (known, receipts) if remark)
    then = " Now: chargehouse run" if count else ""
    click.echo(f"Added {count} invoice{'' if count == 1 else 's'} to {done.file}{remarks}.{then}")


@click.command()
@click.option("--period", required=True, type=Period(), help="Billing period.")
@click.option(
    "--to",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the certificate to this new file, .pdf or .md; may be repeated.",
)
@JSON_OPTION
def reconcile(period: date, paths: tuple[Path, ...], as_json: bool) -> None:
    """Prove that a month ties, from what AWS charged to the documents, as a certificate to sign.

    Exit code 1 when a residual is not 0; the certificate is written all the same and says so.
    """
    from orchestration.reconciliation.certificate import published_certificate
    from orchestration.reconciliation.certificate_pages import write_certificate

    certificate = published_certificate(Workspace.from_environment().published_file, period)
    written = [write_certificate(certificate, path) for path in paths]
    if as_json:
        print_json(certificate.as_dict())
    else:
        _print_certificate(certificate)
        for path in written:
            click.echo(f"Wrote {path}")
    if certificate.residuals:
        for residual in certificate.residuals:
            click.echo(residual, err=True)
        sys.exit(1)


@click.command("compare-deliveries")
@click.option("--period", required=True, type=Period(), help="Billing period.")
@click.option("--payer", help="Payer account id; may be left out where only one delivers in the period.")
@click.option("--from", "earlier", help="Delivery id; the newest that was replaced when left out.")
@click.option("--with", "later", help="Delivery id to compare it with; the current one when left out.")
@click.option(
    "--csv", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write every change to this new file."
)
@JSON_OPTION
def compare_deliveries(
    period: date, payer: str | None, earlier: str | None, later: str | None, path: Path | None, as_json: bool
) -> None:
    """Show what AWS changed between two deliveries of a payer's month, by account, service and type.

    Both are read again from the landing; what it adds up to is checked against their control totals.
    """
    from orchestration.reconciliation import restatement

    with progress("Looking for the deliveries") as report:
        found = restatement.compare_deliveries(Workspace.from_environment(), period, payer, earlier, later, report)
    rows = None if path is None else restatement.write_csv(found, path)
    if as_json:
        print_json(found.as_dict())
        return
    _print_comparison(found)
    if path is not None:
        click.echo(f"Wrote {path}: {rows} changes")


COMMANDS = (import_aws_invoices, reconcile, compare_deliveries)


def _print_certificate(certificate: "Certificate") -> None:
    from orchestration.reconciliation.certificate_pages import STAGES

    state = "final" if certificate.is_final else "not final: AWS has not invoiced every row"
    click.echo(f"{certificate.billing_period:%Y-%m}, {state}")
    print_table("What AWS charged is accounted for, USD", [dict(row) for row in certificate.payers], "nothing.")
    print_table(
        "From AWS's cost to the documents",
        [
            {
                "stage": STAGES.get(row["stage"], row["stage"]),
                "currency": row["currency"],
                "groups": row["groups"],
                "amount": row["amount"],
                "residual": row["residual"],
            }
            for row in certificate.stages
        ],
        "nothing.",
    )
    of_invoices = ("payer", "invoice", "reasons", "cur_amount", "total_amount", "currency", "difference", "residual")
    print_table(
        "AWS's own invoices",
        [{name: row[name] for name in of_invoices} for row in certificate.aws_invoices],
        "no row has an invoice id, and no invoice is supplied.",
    )
    of_problems = ("problem", "group", "subject", "rows", "aws_cost")
    print_table(
        "Open items",
        [{name: row[name] for name in of_problems} for row in certificate.open_problems],
        "nothing is open.",
    )
    if not certificate.residuals:
        click.echo("In balance: every residual is 0.")


def _print_comparison(found: "Comparison") -> None:
    click.echo(
        f"Payer {found.payer_account_id}, {found.export_name}, {found.billing_period:%Y-%m}: "
        f"{found.earlier.delivery_id} ({found.earlier.status}) with {found.later.delivery_id} ({found.later.status})"
    )
    print_table("Changes", [asdict(change) for change in found.changes], "the rows say the same in both.")
    click.echo(
        f"AWS cost {found.earlier.aws_cost:,f} before, {found.later.aws_cost:,f} after: {found.difference:+,f} USD, "
        f"{found.row_difference:+,} rows."
    )
