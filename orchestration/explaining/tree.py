"""An explanation as a tree of text, for the terminal.

What is here: ``print_tree``.
When to add here: how another level looks in a terminal.
What does not belong here: words that the page shows too (``words``); amounts.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from orchestration.explaining import words
from orchestration.explaining.explanation import Explanation, Row
from orchestration.explaining.rows import LineRows

__all__ = ["print_tree"]

_SHOWN = 12
"""Charges of an account, or rows, that are printed; files hold all of them."""

_ROW_COLUMNS = ("source_file", "source_row_number", "line_item_type", "usage_quantity", "list_cost")
_CUSTOMER_ROW_COLUMNS = ("usage_start_at", "sub_account_id", "usage_type", "resource_id", "usage_quantity")


def print_tree(console: Console, found: Explanation, rows: LineRows | None = None, *, for_customer: bool) -> None:
    """Print an explanation, and the first of its rows where they were asked for."""
    shown = found.shown
    units = shown["minor_units"]
    state = f"as issued in {found.reference.number}" if found.document else "draft as of today"
    name = found.name(for_customer=True) if for_customer else found.reference.invoice_line_key
    head = (
        f"[bold]{escape(shown['description'])}[/]  {shown['currency']} [bold]{words.amount(shown['net_amount'], units)}"
        f"[/]\n[dim]{escape(name)}, {state}[/]"
    )
    tree = Tree(head, guide_style="dim")
    if found.document is not None:
        _add_document(tree, found, for_customer=for_customer)
    if found.shows_today(for_customer=for_customer):
        title = "Today's line" if found.document else words.LEVELS["bridge"]
        tree.add(f"[bold]{title}[/]").add(_bridge(found, for_customer=for_customer))
        _add_accounts(tree, found, for_customer=for_customer)
        if not for_customer:
            _add_bases(tree, found)
            _add_tiers(tree, found.tiers)
            _add_beside(tree, found)
    if rows is not None:
        _add_rows(tree, rows, for_customer=for_customer)
    console.print(tree)
    if for_customer:
        return
    if found.changed_since:
        console.print(f"[yellow]The warehouse has changed since issue:[/] {escape(found.changed_since)}")
    console.print(f"[green]Adds up exactly[/] at every level: {len(found.checks)} kinds of sums compared.")


def _grid(rows: Sequence[tuple[str, ...]], right: int) -> Table:
    """Return rows of cells without lines; the last ``right`` ones are amounts."""
    grid = Table.grid(padding=(0, 2))
    for place in range(len(rows[0]) if rows else 0):
        is_amount = place >= len(rows[0]) - right
        grid.add_column(justify="right" if is_amount else "left", overflow="fold", no_wrap=is_amount)
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    return grid


def _bridge(found: Explanation, *, for_customer: bool) -> Table:
    assert found.line is not None
    line, reached = found.line, "reached_for_customer" if for_customer else "reached_amount"
    units = line["minor_units"]
    steps = [step for step in found.bridge if step["is_for_customer" if for_customer else "is_internal"]]
    rows = [
        (words.step_words(step), step["currency"], words.amount(step["amount"]), words.amount(step[reached]))
        for step in steps
        if step["is_in_line"]
    ]
    if line["net_amount"] is None:
        rows.append(("= the line, waiting for the exchange rate", "USD", "", words.amount(line["exact_amount_usd"])))
    else:
        rows.append(("= the line", line["currency"], "", words.amount(line["net_amount"], units)))
    rows += [
        (words.step_words(step), step["currency"], words.amount(step["amount"], units), words.amount(step[reached]))
        for step in steps
        if not step["is_in_line"]
    ]
    return _grid(rows, 2)


def _add_document(tree: Tree, found: Explanation, *, for_customer: bool) -> None:
    document = found.document
    assert document is not None
    units = document["minor_units"]
    branch = tree.add(f"[bold]{words.LEVELS['document_parts']}[/]")
    if document["cause"] and not for_customer:
        branch.add(escape(document["cause"]))
    if not found.shows_today(for_customer=for_customer):
        branch.add(words.NOT_AS_ISSUED if found.line is not None and for_customer else words.ONLY_ISSUED)
    names = {
        "today": "What the line comes to today",
        "issued before": "Issued before, in ",
        "issued since": "Issued since, in ",
        "changed since": "Changed since, not issued",
    }
    parts = [
        (f"{names[part['part']]}{part['number']}", words.amount(part["amount"], units)) for part in found.document_parts
    ]
    if for_customer and found.changed_since:
        parts = []
    branch.add(_grid([*parts, (f"= {found.reference.name}", words.amount(document["net_amount"], units))], 1))
    accounts = tree.add(f"[bold]{words.LEVELS['document_accounts']}[/]")
    accounts.add(
        _grid(
            [(row["sub_account_id"], words.amount(row["net_amount"], units)) for row in found.document_accounts],
            1,
        )
    )


def _add_accounts(tree: Tree, found: Explanation, *, for_customer: bool) -> None:
    assert found.line is not None
    line = found.line
    branch = tree.add(f"[bold]{words.LEVELS['accounts']}[/]")
    if not for_customer and line["membership_basis"]:
        branch.add(f"[dim]{words.MEMBERSHIP_BASES[line['membership_basis']]}[/]")
    for account in found.accounts:
        net = words.amount(account["net_amount"], line["minor_units"]) or "waiting for the exchange rate"
        why = "" if for_customer else f"  [dim]{escape(account['membership'])}[/]"
        leaf = branch.add(
            f"{account['sub_account_id']}  {line['currency']} [bold]{net}[/]  "
            f"[dim]exact USD {words.amount(account['exact_amount_usd'])}[/]{why}"
        )
        name = account["sub_account_id"]
        if for_customer:
            cells = [_usage(row) for row in found.usage if row["sub_account_id"] == name]
        elif line["is_group_charge"]:
            cells = [
                (words.group_charge_words(row), words.amount(row["billed_cost"]))
                for row in found.group_charges
                if row["sub_account_id"] == name
            ]
        else:
            of_account = [row for row in found.charges if row["is_part"] and row["sub_account_id"] == name]
            of_account.sort(key=lambda row: -abs(row["part_amount"]))
            cells = [_charge(row) for row in of_account]
        leaf.add(_grid(cells[:_SHOWN], 1))
        if cells[_SHOWN:]:
            leaf.add(f"[dim]and {len(cells) - _SHOWN:,} more; --json and --to have all[/]")
    if found.credits:
        credits = tree.add(f"[bold]{words.LEVELS['credits']}[/]")
        credits.add(
            _grid(
                [
                    (row["sub_account_id"], row["credit_id"], words.amount(row["amount"], line["minor_units"]))
                    for row in found.credits
                ],
                1,
            )
        )


def _charge(row: Row) -> tuple[str, ...]:
    return (
        words.charge_words(row),
        f"{words.amount(row['usage_quantity'], 0)} {row['usage_unit'] or ''}".strip(),
        words.charge_price(row),
        words.amount(row["part_amount"]),
    )


def _usage(row: Row) -> tuple[str, ...]:
    quantity = "" if row["usage_quantity"] is None else f"{words.amount(row['usage_quantity'], 0)} {row['usage_unit']}"
    rate = "" if row["billed_rate"] is None else f"at {words.amount(row['billed_rate'])}"
    used = " · ".join(part for part in (row["usage_type"], row["region_id"]) if part)
    kind = row["charge_type"].replace("_", " ")
    return (used or kind, quantity.strip(), rate, words.amount(row["billed_cost"]))


def _add_bases(tree: Tree, found: Explanation) -> None:
    assert found.line is not None
    if not found.line["is_group_charge"]:
        return
    charged = [row for row in found.charges if row["is_part"]]
    if not charged and not found.bases:
        return
    branch = tree.add("[bold]What it was worked out from[/]")
    sums: dict[tuple[str, str], list[Any]] = {}
    for row in charged:
        sums.setdefault((row["sub_account_id"], row["service_code"]), []).append(row["part_amount"])
    largest = sorted(sums.items(), key=lambda item: -abs(sum(item[1])))
    rows = [(account, service, words.amount(sum(amounts))) for (account, service), amounts in largest[:_SHOWN]]
    rows += [
        (row["part"], " ".join(filter(None, (row["source_id"], row["description"], f"({row['configured']})"))),
         words.amount(row["amount"]))
        for row in found.bases
    ]  # fmt: skip
    branch.add(_grid(rows, 1))
    if largest[_SHOWN:]:
        branch.add(f"[dim]and {len(largest) - _SHOWN:,} more; --json and --to have all[/]")


def _add_tiers(tree: Tree, tiers: Sequence[Row]) -> None:
    for kind, ladder in dict.fromkeys((step["ladder_kind"], step["ladder_id"]) for step in tiers):
        steps = [step for step in tiers if (step["ladder_kind"], step["ladder_id"]) == (kind, ladder)]
        branch = tree.add(f"[bold]{words.LEVELS['tiers']}[/] of the group, {kind.replace('_', ' ')} {escape(ladder)}")
        rows = [(words.tier_words(step), step["configured"], words.amount(step["step_cost"])) for step in steps]
        if steps[0]["minimum_amount"] is not None:
            rows.append(("at least", "", words.amount(steps[0]["minimum_amount"])))
        rows.append(("= charged under these tiers, whole group", "", words.amount(steps[0]["total_cost"])))
        rows.append(("of which in this line", "", words.amount(steps[0]["line_cost"])))
        branch.add(_grid(rows, 1))


def _add_beside(tree: Tree, found: Explanation) -> None:
    beside = [row for row in found.charges if not row["is_part"]]
    if not beside:
        return
    branch = tree.add("[bold]Not billed (same service)[/] [dim]of the same group and kind; AWS's cost[/]")
    branch.add(
        _grid(
            [
                (row["sub_account_id"], words.charge_words(row), words.charge_price(row), words.amount(row["aws_cost"]))
                for row in beside[:_SHOWN]
            ],
            1,
        )
    )
    if beside[_SHOWN:]:
        branch.add(f"[dim]and {len(beside) - _SHOWN:,} more; --json and --to have all[/]")


def _add_rows(tree: Tree, rows: LineRows, *, for_customer: bool) -> None:
    branch = tree.add(f"[bold]{words.LEVELS['rows']}[/] {rows.count:,}")
    if for_customer and not rows.count:
        branch.add(words.NO_ROWS_FOR_CUSTOMER)
    if not for_customer:
        branch.add(
            f"AWS's cost USD {words.amount(rows.aws_cost)}, list cost {words.amount(rows.list_cost)}, billed "
            f"{words.amount(rows.billed_cost)}: the sums of the charges, to the last digit"
        )
        for delivery in rows.deliveries:
            branch.add(f"[dim]delivery[/] {escape(delivery)}")
    shown = _CUSTOMER_ROW_COLUMNS if for_customer else (*_ROW_COLUMNS, "aws_cost")
    cells = [tuple(_cell(row[name]) for name in (*shown, "billed_cost")) for row in rows.fetch(_SHOWN)]
    if cells:
        branch.add(_grid([tuple(name.replace("_", " ") for name in (*shown, "billed cost")), *cells], 1))
    if rows.count > _SHOWN:
        branch.add(f"[dim]and {rows.count - _SHOWN:,} more; --to FILE.csv has all[/]")


def _cell(value: Any) -> str:
    return words.amount(value, 0) if isinstance(value, Decimal) else "" if value is None else str(value)
