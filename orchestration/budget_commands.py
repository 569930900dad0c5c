"""The verbs about budgets and anomalies of cost.

What is here: what each of them reads from the command line, what it calls, and what it prints.
When to add here: another verb about them.
What does not belong here: the work itself (``settling``, ``anomalies``), and the numbers (``fct_budgets``).
"""

import sys
from dataclasses import asdict
from datetime import date

import click

from orchestration.settings import Workspace
from orchestration.terminal import JSON_OPTION, Name, Period, print_json, print_table, progress

__all__ = ["COMMANDS"]


@click.command()
@click.option(
    "--period", type=Period(), help="Billing period; the newest one when left out, to notify the open ones too."
)
@click.option("--notify", is_flag=True, help="Mail what is reached to those whom budgets.csv names, each once.")
@click.option("--by", type=Name(), help="Who sends; kept in the ledger.")
@JSON_OPTION
def budgets(period: date | None, notify: bool, by: str | None, as_json: bool) -> None:
    """List budgets with what was spent, what the month is forecast to end at, and the thresholds reached."""
    from orchestration import reports

    if by is not None and not notify:
        raise click.UsageError("Give --notify with --by, or leave out --by: to list sends nothing.")
    workspace = Workspace.from_environment()
    if not notify:
        rows = reports.budgets(workspace, period)
        if as_json:
            print_json(rows)
        else:
            from orchestration.settling.parties import in_minor_units

            amounts = ("budget_amount", "actual_amount", "forecast_amount")
            for row in rows:
                row |= {name: in_minor_units(row[name], row["currency"]) for name in amounts if row[name] is not None}
            print_table("Budgets", rows, "none. They stand in budgets.csv of the configuration.")
        return
    if by is None:
        raise click.UsageError("Give --by with --notify.")
    from orchestration.ledger.ledger import Ledger
    from orchestration.settling.budget_notices import send_notices
    from orchestration.settling.sending import MailSettings

    settings = MailSettings.from_environment()
    with Ledger.open(workspace) as ledger, progress("Sending notices"):
        outcomes = [asdict(outcome) for outcome in send_notices(workspace, ledger, by, settings, period)]
    if as_json:
        print_json(outcomes)
    else:
        print_table("Notices", outcomes, "none is due.")
    wrong = sum(outcome["state"] != "sent" for outcome in outcomes)
    if wrong:
        click.echo(f"{wrong} of {len(outcomes)} notice{'s' if len(outcomes) > 1 else ''} not sent.", err=True)
        sys.exit(1)


@click.command()
@click.option("--period", type=Period(), help="Billing period; the newest one when left out.")
@JSON_OPTION
def anomalies(period: date | None, as_json: bool) -> None:
    """List days on which a service of a group cost far more or less than usual, with what moved most."""
    from orchestration import reports

    rows = reports.cost_anomalies(Workspace.from_environment(), period)
    if as_json:
        print_json(rows)
    else:
        print_table("Anomalies, USD", rows, "none.")


COMMANDS: tuple[click.Command, ...] = (budgets, anomalies)
"""The verbs of this module, for ``chargehouse``."""
