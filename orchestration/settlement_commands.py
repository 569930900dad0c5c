"""The commands about money that comes in and documents that go out: payments, receivables, letters, sending.

What is here: one function per verb: read the arguments, call the package, print for a person or (`--json`) a script.
When to add here: another verb about payments, reminders, statements of account or sending.
What does not belong here: the work itself (``ledger``, ``settling``).
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestration.errors import LedgerError
from orchestration.settings import Workspace
from orchestration.terminal import JSON_OPTION, Amount, Day, Name, Period, print_json, print_table, progress

if TYPE_CHECKING:
    from orchestration.ledger.bank_files import PaymentImport, PlannedPayment
    from orchestration.ledger.ledger import Ledger
    from orchestration.ledger.settlement import Aged
    from orchestration.settling.receivables import OpenRow
    from orchestration.settling.reminding import Due, ReminderLetter
    from orchestration.settling.sending import SendingOutcome

__all__ = ["COMMANDS"]

_STATES = {
    "matched": "paid in full",
    "part": "part payment",
    "over": "over payment",
    "unmatched": "not matched",
    "ignored": "left out",
    "known": "recorded before",
}


@contextmanager
def _open_ledger() -> "Iterator[tuple[Workspace, Ledger]]":
    from orchestration.ledger.ledger import Ledger

    workspace = Workspace.from_environment()
    with Ledger.open(workspace) as ledger:
        yield workspace, ledger


def _today() -> date:
    return datetime.now(UTC).date()


def _money(amount: Decimal, currency: str) -> Decimal:
    from orchestration.settling.parties import in_minor_units

    return in_minor_units(amount, currency)


def _customer(workspace: Workspace, ledger: "Ledger", customer_id: str) -> str:
    from orchestration.configuration.validate import read_configuration
    from orchestration.settling.parties import known_customer

    return known_customer(read_configuration(workspace.billing), ledger, customer_id)


_BY = click.option("--by", required=True, type=Name(), help="Who does it; kept in the ledger.")


@click.group()
def payments() -> None:
    """Record payments, import bank files, and match what came in with what is owed."""


@payments.command()
@click.option("--amount", required=True, type=Amount(), help="Above zero when received, below when you paid it out.")
@click.option("--currency", help="Three letters; that of the documents when --for names some.")
@click.option("--date", "day", type=Day(), help="Value date; today when left out.")
@click.option("--customer", help="Whose it is; found by the documents it names when left out.")
@click.option("--for", "numbers", multiple=True, help="Number of a document that it pays or refunds; may be repeated.")
@click.option("--reference", default="", help="What the payer wrote.")
@click.option("--counterparty", default="", help="Who paid, as the bank says.")
@click.option("--method", default="bank_transfer", show_default=True)
@click.option("--source", default="desk", show_default=True, help="Bank account, provider or desk it is recorded from.")
@click.option("--id", "external_id", help="Its id there; recorded once. Left out, the same payment twice is one.")
@_BY
@JSON_OPTION
def add(
    amount: Decimal,
    currency: str | None,
    day: date | None,
    customer: str | None,
    numbers: tuple[str, ...],
    reference: str,
    counterparty: str,
    method: str,
    source: str,
    external_id: str | None,
    by: str,
    as_json: bool,
) -> None:
    """Record one payment, and match it with the documents that it names.

    A payment below zero is a refund: with --for a credit note, it pays that out.
    """
    from orchestration.settling.payments import typed_payment

    day = day or _today()
    with _open_ledger() as (workspace, ledger):
        items = [ledger.find_item(number) for number in numbers]
        if currency is None and len({item.currency for item in items}) != 1:
            raise click.UsageError("Give --currency, or --for documents of one currency.")
        currency = (currency or items[0].currency).upper()
        amount = _money(amount, currency)
        if -int(amount.as_tuple().exponent) > _decimals(currency):
            raise click.UsageError(f"{amount} has more decimals than {currency} has.")
        if customer is not None:
            _customer(workspace, ledger, customer)
        if customer is None and amount < 0 and not items:
            raise click.UsageError("A refund needs --customer, or --for the credit note that it pays out.")
        reference = " ".join(
            [*([reference] if reference else []), *(number for number in numbers if number not in reference)]
        )
        payment = typed_payment(
            day,
            amount,
            currency,
            customer_id=customer,
            reference=reference,
            counterparty=counterparty,
            method=method,
            source=source,
            external_id=external_id,
        )
        done = ledger.record_payments([payment], by, customer)
    if done.known_count and not as_json:
        click.echo("The same payment was recorded before; nothing was changed. If it is another one, give it an --id.")
        return
    _print_import(done, as_json)


def _decimals(currency: str) -> int:
    from orchestration.settling.parties import minor_units

    return minor_units(currency)


@payments.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--form", required=True, help="How the file is written: a mapping in billing/bank_files.toml.")
@click.option("--preview", is_flag=True, help="Show what would be recorded and matched; record nothing.")
@click.option("--by", type=Name(), help="Who imports; kept in the ledger.")
@JSON_OPTION
def import_file(file: Path, form: str, preview: bool, by: str | None, as_json: bool) -> None:
    """Record the payments of a bank's or payment provider's CSV FILE, and match them.

    A payment is matched by the document numbers in its texts. Importing a file again, or one that overlaps it, adds
    nothing twice. Money paid out that names no document of yours is left out.
    """
    from orchestration.ledger.bank_files import read_bank_file
    from orchestration.settling.bank_forms import bank_form

    if by is None and not preview:
        raise click.UsageError("Give --by, or look first with --preview.")
    with _open_ledger() as (workspace, ledger):
        found = read_bank_file(file, bank_form(workspace.billing, form))
        if by is None or preview:
            planned = ledger.plan_payments(found)
            if as_json:
                print_json({"payments": [_planned(plan) for plan in planned]})
            else:
                _print_planned("Would be recorded", planned)
            return
        done = ledger.record_payments(found, by)
    _print_import(done, as_json)


@payments.command("list")
@click.option("--customer", help="Only this customer's.")
@click.option("--open", "only_open", is_flag=True, help="Only those of which something is not matched.")
@click.option("--matches", is_flag=True, help="Also what was matched with what.")
@JSON_OPTION
def list_payments(customer: str | None, only_open: bool, matches: bool, as_json: bool) -> None:
    """List payments, whose they are and what of them is not matched; with --matches also what they paid."""
    with _open_ledger() as (_, ledger):
        found = [row for row in ledger.payments(customer) if row.open_amount or not only_open]
        matched = ledger.allocations()
    if customer is not None or only_open:
        names = {f"payment {row.payment_id}" for row in found}
        matched = [match for match in matched if match.credit in names or match.debit in names]
    rows = [
        {
            "payment_id": row.payment_id,
            "payment_date": row.payment.payment_date,
            "customer_id": row.customer_id,
            "currency": row.payment.currency,
            "amount": _money(row.payment.amount, row.payment.currency),
            "not_matched": _money(row.open_amount, row.payment.currency),
            "source": row.payment.source,
            "reference": row.payment.reference,
            "counterparty": row.payment.counterparty,
        }
        for row in found
    ]
    match_rows = [
        {
            "match_id": match.allocation_id,
            "credit": match.credit,
            "debit": match.debit,
            "currency": match.currency,
            "amount": _money(match.amount, match.currency),
            "note": f"reverses {match.reverses}" if match.reverses else "reversed" if match.is_reversed else "",
            "reason": match.reason,
            "by": match.allocated_by,
        }
        for match in matched
    ]
    if as_json:
        print_json({"payments": rows, "matches": match_rows})
        return
    print_table("Payments", rows, "none.")
    if matches:
        print_table("Matches", match_rows, "none.")


@payments.command()
@click.argument("payment_id", type=int)
@click.option("--customer", help="Whose it is.")
@click.option("--nobody", is_flag=True, help="Nobody's, again.")
@click.option("--reason", required=True, help="Why; kept in the ledger.")
@_BY
def assign(payment_id: int, customer: str | None, nobody: bool, reason: str, by: str) -> None:
    """Say whose payment PAYMENT_ID is."""
    if (customer is None) != nobody:
        raise click.UsageError("Give either --customer or --nobody.")
    with _open_ledger() as (workspace, ledger):
        if customer is not None:
            _customer(workspace, ledger, customer)
        ledger.assign_payment(payment_id, customer, by, reason)
    click.echo(f"Payment {payment_id} is {customer or 'nobody'}'s.")


@payments.command()
@click.argument("credit")
@click.argument("debit")
@click.option("--amount", type=Amount(), help="How much; as much as is open of both when left out.")
@click.option("--reason", default="matched by hand", show_default=True, help="Why; kept in the ledger.")
@_BY
def allocate(credit: str, debit: str, amount: Decimal | None, reason: str, by: str) -> None:
    """Match CREDIT, a payment or credit note, with DEBIT, an invoice or a refund.

    Both are written as the number of a document or the id of a payment. So a payment pays an invoice, a credit note
    lowers a later invoice, and a refund pays out a credit note or what was paid too much.
    """
    with _open_ledger() as (_, ledger):
        favour, owed = ledger.find_item(credit), ledger.find_item(debit)
        matched = min(abs(favour.open_amount), abs(owed.open_amount)) if amount is None else amount
        if amount is None and not matched:
            settled = " and ".join(item.name for item in (favour, owed) if not item.open_amount)
            raise LedgerError(f"Nothing was matched: nothing of {settled} is open.")
        match_id = ledger.allocate(favour.item, owed.item, matched, by, reason)
    written = f"{_money(matched, owed.currency):,f} {owed.currency}"
    click.echo(f"Match {match_id}: {written} of {favour.name} with {owed.name}.")


@payments.command()
@click.argument("match_id", type=int)
@click.option("--reason", required=True, help="Why it was wrong; kept in the ledger.")
@_BY
def reverse(match_id: int, reason: str, by: str) -> None:
    """Undo the match MATCH_ID; what it matched is open again."""
    with _open_ledger() as (_, ledger):
        reversal = ledger.reverse_allocation(match_id, by, reason)
    click.echo(f"Match {match_id} is reversed by {reversal}.")


@click.command()
@click.option("--as-of", type=Day(), help="At the end of this day; today when left out.")
@click.option("--customer", help="Only this customer.")
@JSON_OPTION
def receivables(as_of: date | None, customer: str | None, as_json: bool) -> None:
    """List what is owed: by customer and days overdue, and the documents and payments behind it."""
    from orchestration.settling.receivables import receivables as read_receivables

    with _open_ledger() as (_, ledger):
        found = read_receivables(ledger, as_of or _today(), customer)
    aged = [_aged(row) for row in found.aged]
    totals = [_aged(row) for row in found.totals]
    items = [_open_item(row) for row in found.items]
    if as_json:
        print_json({"as_of": found.as_of, "customers": aged, "totals": totals, "items": items})
        return
    if customer is None:
        aged += [{**row, "customer_id": "total"} for row in totals]
    print_table(f"Owed on {found.as_of}", aged, "nothing.")
    if items:
        print_table("Open items", items, "")


@click.command()
@click.option("--customer", required=True, help="Whose account.")
@click.option(
    "--from", "start", type=Day(), help="First day; the first of January of the last day's year when left out."
)
@click.option("--to", "end", type=Day(), help="Last day; today when left out.")
@click.option("--currency", help="Only this currency.")
@click.option("--issuer", help="Whose letter it is, where several issuers have billed the customer.")
@JSON_OPTION
def statement(
    customer: str, start: date | None, end: date | None, currency: str | None, issuer: str | None, as_json: bool
) -> None:
    """Print a customer's statement of account, and write it as PDF, one per currency."""
    from orchestration.configuration.validate import read_configuration
    from orchestration.settling.letters import account_statements, write_letter

    end = end or _today()
    with _open_ledger() as (workspace, ledger):
        found = account_statements(
            ledger,
            read_configuration(workspace.billing),
            customer,
            start or end.replace(month=1, day=1),
            end,
            today=_today(),
            currency=currency,
            issuer_id=issuer,
        )
        paths = [write_letter(workspace, one.letter, workspace.documents / "statements" / one.file) for one in found]
    if as_json:
        print_json([{**asdict(one.account), "pdf": str(path)} for one, path in zip(found, paths, strict=True)])
        return
    for one, path in zip(found, paths, strict=True):
        account = one.account
        rows: list[tuple[str, str, Decimal | None, Decimal]] = [("opening balance", "", None, account.opening_balance)]
        rows += [(move.kind.replace("_", " "), move.name, move.amount, move.balance) for move in account.movements]
        days = [account.start_date, *(move.movement_date for move in account.movements)]
        print_table(
            f"{account.customer_id} from {account.start_date} to {account.end_date}",
            [
                {
                    "date": day,
                    "movement": kind,
                    "number": name,
                    "currency": account.currency,
                    "amount": None if amount is None else _money(amount, account.currency),
                    "balance": _money(balance, account.currency),
                }
                for day, (kind, name, amount, balance) in zip(days, rows, strict=True)
            ],
            "",
        )
        click.echo(
            f"Closing balance: {_money(account.closing_balance, account.currency):,f} {account.currency}. {path}"
        )


@click.command()
@click.option("--as-of", type=Day(), help="Day of the letters; today when left out.")
@click.option("--customer", help="Only this customer.")
@click.option("--preview", is_flag=True, help="Show what is due; record and write nothing.")
@click.option("--by", type=Name(), help="Who reminds; kept in the ledger.")
@JSON_OPTION
def remind(as_of: date | None, customer: str | None, preview: bool, by: str | None, as_json: bool) -> None:
    """Make the reminders that are due, one letter per customer and level; no document gets a level twice."""
    from orchestration.configuration.validate import read_configuration
    from orchestration.settling.reminding import due_reminders, make_reminders

    if by is None and not preview:
        raise click.UsageError("Give --by, or look first with --preview.")
    today = _today()
    with _open_ledger() as (workspace, ledger):
        written: list[ReminderLetter] = []
        if by is None or preview:
            due = due_reminders(ledger, as_of or today, customer)
        else:
            configuration = read_configuration(workspace.billing)
            with progress("Writing reminders"):
                due, written = make_reminders(
                    workspace, ledger, configuration, as_of or today, by, today=today, customer_id=customer
                )
    _print_reminders(due, written, as_json)


@click.command()
@click.option("--period", required=True, type=Period(), help="Billing period.")
@click.option("--group", help="Only this billing group.")
@click.option("--to", help="To this address instead of the customers' own (customers.csv).")
@click.option("--again", is_flag=True, help="Also documents that were sent before, or that may have been.")
@_BY
@JSON_OPTION
def send(period: date, group: str | None, to: str | None, again: bool, by: str, as_json: bool) -> None:
    """Mail the issued documents of a period, PDF and XML, that were not sent yet; one mail per customer."""
    from orchestration.settling.sending import MailSettings, send_documents

    settings = MailSettings.from_environment()
    with _open_ledger() as (workspace, ledger), progress("Sending") as report:
        outcomes = send_documents(
            workspace, ledger, period, by, settings, billing_group_id=group, to=to, again=again, report=report
        )
    if as_json:
        print_json([asdict(outcome) for outcome in outcomes])
    else:
        print_table(
            f"Documents of {period:%Y-%m}",
            [_sending(outcome) for outcome in outcomes],
            "none is issued. First: chargehouse issue",
        )
    unknown = [outcome.number for outcome in outcomes if outcome.is_unknown]
    if unknown:
        click.echo(f"Nobody knows whether the customer has {', '.join(unknown)}; --again sends it again.", err=True)
    wrong = sum(outcome.state in ("failed", "unknown") for outcome in outcomes)
    if wrong:
        click.echo(f"{wrong} of {len(outcomes)} document{'s' if len(outcomes) > 1 else ''} not sent.", err=True)
        sys.exit(1)


def _sending(outcome: "SendingOutcome") -> dict[str, Any]:
    return {name: value for name, value in asdict(outcome).items() if name != "is_unknown"}


def _planned(plan: "PlannedPayment") -> dict[str, Any]:
    payment = plan.payment
    return {
        "payment_date": payment.payment_date,
        "currency": payment.currency,
        "amount": _money(payment.amount, payment.currency),
        "customer_id": plan.match.customer_id,
        "state": _STATES[plan.state],
        "pays": "; ".join(_pays(name, amount, left, payment.currency) for name, amount, left in plan.pays),
        "left": _money(plan.match.remainder, payment.currency) if plan.state in ("over", "unmatched") else None,
        "why": plan.match.reason,
        "reference": payment.reference,
    }


def _pays(name: str, amount: Decimal, left: Decimal, currency: str) -> str:
    rest = f", {_money(left, currency):,f} open" if left else ""
    return f"{name} {_money(amount, currency):,f}{rest}"


def _print_planned(title: str, planned: "Iterable[PlannedPayment]") -> None:
    rows = [_planned(plan) for plan in planned]
    print_table(title, rows, "nothing: the file has no payment.")
    counts = {state: sum(row["state"] == state for row in rows) for state in _STATES.values()}
    click.echo(", ".join(f"{count} {state}" for state, count in counts.items() if count) or "0 payments")


def _print_import(done: "PaymentImport", as_json: bool) -> None:
    if as_json:
        ids = iter(done.recorded)
        rows = [
            {"payment_id": None if plan.state in ("known", "ignored") else next(ids), **_planned(plan)}
            for plan in done.planned
        ]
        print_json({"payments": rows})
        return
    _print_planned("Payments", done.planned)


def _aged(row: "Aged") -> dict[str, Any]:
    values: dict[str, Any] = asdict(row)
    return {
        name: _money(value, row.currency) if isinstance(value, Decimal) else value for name, value in values.items()
    }


def _open_item(row: "OpenRow") -> dict[str, Any]:
    item = row.item
    return {
        "customer_id": item.customer_id,
        "name": item.name,
        "item_date": item.item_date,
        "due_date": item.due_date,
        "days_overdue": row.days_overdue,
        "currency": item.currency,
        "amount": _money(item.amount, item.currency),
        "open_amount": _money(item.open_amount, item.currency),
    }


def _print_reminders(due: "Due", written: "list[ReminderLetter]", as_json: bool) -> None:
    letters = [
        {
            "customer_id": letter.customer_id,
            "issuer_id": letter.issuer_id,
            "level": letter.level,
            "days_overdue": letter.days_overdue,
            "documents": ", ".join(item.name for item in letter.items),
            "currency": letter.currency,
            "open_amount": _money(letter.open_amount, letter.currency),
        }
        for letter in due.letters
    ]
    held = [asdict(one) for one in due.held_back]
    if as_json:
        print_json({"reminders": letters, "held_back": held, "written": [str(made.path) for made in written]})
        return
    print_table("Reminders", letters, "none is due.")
    if held:
        print_table("Held back", held, "")
    for made in written:
        click.echo(f"Wrote {made.path}")


COMMANDS: tuple[click.Command, ...] = (payments, receivables, statement, remind, send)
"""The verbs of this module, for ``chargehouse``."""
