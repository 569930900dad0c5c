"""How a preview is read: as tables on a terminal, and as Markdown for a pull request.

What is here: what a person is shown of a preview, in which order and in which words.
When to add here: another table, or another form.
What does not belong here: what is compared (``comparison``), and numbers of its own.

Money of an invoice is shown in its currency's minor unit, USD before rounding to the cent; ``--format json`` has every
decimal.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from orchestration.previewing.comparison import Preview, Values

__all__ = ["COMMENT_BYTES", "Table", "as_markdown", "summary", "tables"]

COMMENT_BYTES = 65_000
"""GitHub takes 65,536 characters as a comment; bytes are never fewer, and whoever posts it may add a line."""

_NOT_KNOWN = "not known"
_CENT = Decimal("0.01")
_RULES = {
    "pricing_rule": "pricing rule",
    "on_demand": "list price, no rule",
    "fee": "fee, no rule",
    "at_cost": "at AWS's cost",
    "effective_cost": "effective cost",
    "covered": "covered usage",
    "share": "share of AWS credits",
    "unused_commitment": "unused commitment",
    "aws_tax": "AWS's tax",
}
# Columns that say how much something changes: with a sign, where a form has room for one.
_SIGNED = re.compile("difference|^(charges|net|credits|tax|AWS cost)$")

_MAX_REJECTED = 3

# What stands around the tables; more than the notes at the end can need.
_RESERVED_BYTES = 2_000


@dataclass(frozen=True)
class Table:
    """One table of a preview.

    Attributes:
        title: what its rows are.
        rows: by column name; a Decimal is money with the decimals it is shown with.
        empty: what it means that there are none.
        is_detail: whether a reader can do without it at first.
    """

    title: str
    rows: list[dict[str, Any]]
    empty: str = ""
    is_detail: bool = True


def summary(preview: Preview) -> list[str]:
    """Return what was compared and whether anything comes of it, in sentences."""
    files = len({change.file for change in preview.changes})
    lines = [f"{preview.folder} compared with the configuration in force, {preview.in_force}."]
    if not preview.changes:
        return [*lines, "The two are the same: no row differs, so nothing changes."]
    lines.append(f"{_count(len(preview.changes), 'row differs', 'rows differ')} in {_count(files, 'file', 'files')}.")
    untouched = [period for period in preview.periods if period not in preview.touched]
    if preview.rebuilt:
        lines.append(
            f"{_months(preview.rebuilt)}: there is something new that no run has built yet. It was built for this "
            "comparison on both sides, so that only the change makes a difference."
        )
    if preview.left_out:
        lines.append(f"It can affect {_months(preview.left_out)} too, which nobody asked for.")
    lines += [f"Not counted, as a run would not: {reason}" for reason in preview.rejected[:_MAX_REJECTED]]
    if len(preview.rejected) > _MAX_REJECTED:
        lines.append(f"Nor are {len(preview.rejected) - _MAX_REJECTED} more deliveries: chargehouse status names them.")
    if not preview.has_effect:
        return [*lines, f"Nothing changes in {_months(preview.periods)}: no amount, no open problem, no document."]
    lines.append(f"Affected: {_months(preview.touched)}." + (f" Not: {_months(untouched)}." if untouched else ""))
    return lines + _attention(preview)


def _attention(preview: Preview) -> list[str]:
    """Name what somebody has to do something about."""
    documents = preview.sections["documents"]
    corrections = [row for row in documents if row["effect"] == "correction" and row["kind_after"]]
    lapsed = [row for row in documents if row["effect"] == "approval"]
    appearing = [row for row in preview.sections["problems"] if row["change"] == "appears"]
    counted = (
        (corrections, "issued document needs a correction", "issued documents need a correction"),
        (lapsed, "approval lapses", "approvals lapse"),
        (appearing, "open problem appears", "open problems appear"),
    )
    return [f"{_count(len(rows), one, several)}." for rows, one, several in counted if rows]


def tables(preview: Preview) -> list[Table]:
    """Return everything that is shown, what matters first; of tables without rows only the first three."""
    found = [
        Table("Changes in the files", [_change(change) for change in preview.changes], "none.", is_detail=False),
        Table(
            "All invoices",
            [_total(row) for row in preview.level("invoices", "period")],
            "none changes.",
            is_detail=False,
        ),
        Table(
            "Margin, USD", [_margin(row) for row in preview.level("margin", "period")], "no change.", is_detail=False
        ),
        Table("Billing groups", [_group(row) for row in preview.level("invoices", "group")]),
        Table("Accounts that move", [_account(row) for row in preview.sections["accounts"]]),
        Table("Corrections of issued documents", [_correction(row) for row in _documents(preview, "correction")]),
        Table("Approvals that lapse", [_approval(row) for row in _documents(preview, "approval")]),
        Table("Open problems", [_problem(row) for row in preview.sections["problems"]]),
        Table("Services", [_service(row) for row in preview.level("lines", "service")]),
        Table("Rules, USD", [_rule(row) for row in preview.sections["rules"]]),
        Table("Invoice lines", [_line(row) for row in preview.level("lines", "line")]),
        Table("Tax", [_tax(row) for row in preview.sections["taxes"]]),
        Table("Customer credits", [_credit(row) for row in preview.sections["credits"]]),
        Table("Margin by group, USD", [_margin(row) for row in preview.level("margin", "group")]),
        Table("Margin by part, USD", [_margin(row) for row in preview.level("margin", "component")]),
    ]
    return [table for table in found if table.rows or table.empty]


def _documents(preview: Preview, effect: str) -> list[Values]:
    return [row for row in preview.sections["documents"] if row["effect"] == effect]


def _change(change: Any) -> dict[str, Any]:
    return {
        "file": change.file,
        "line": "" if change.line is None else str(change.line),
        "row": change.key,
        "change": change.kind,
        "what": change.words,
    }


def _total(row: Values) -> dict[str, Any]:
    return {"period": _month(row), "charges, USD difference": _usd(row["exact_amount_usd_difference"]), **_invoice(row)}


def _invoice(row: Values) -> dict[str, Any]:
    return {
        "currency": row["currency"],
        "net": _money(row, "net_amount_difference"),
        "credits": _money(row, "credit_amount_difference"),
        "tax": _money(row, "tax_amount_difference"),
        "total before": _money(row, "total_amount_before"),
        "total after": _money(row, "total_amount_after"),
        "difference": _money(row, "total_amount_difference"),
    }


def _group(row: Values) -> dict[str, Any]:
    change = {"changed": "", "currency": "other currency", "added": "appears", "gone": "goes"}[row["change"]]
    if row["change"] == "changed":
        change = ", ".join(
            f"{party} {row[f'{party}_id_before']} → {row[f'{party}_id_after']}"
            for party in ("customer", "issuer")
            if row[f"{party}_id_before"] != row[f"{party}_id_after"]
        )
    return {
        **_place(row),
        "change": change,
        "charges, USD difference": _usd(row["exact_amount_usd_difference"]),
        **_invoice(row),
    }


def _account(row: Values) -> dict[str, Any]:
    return {
        "period": _month(row),
        "account": row["sub_account_id"],
        "group": row["billing_group_id"],
        "change": "leaves" if row["row_count_difference"] < 0 else "comes",
        "in": "part" if row["row_count_before"] and row["row_count_after"] else "whole",
        "AWS cost": _usd(row["aws_cost_difference"]),
        "billed before": _usd(row["billed_cost_before"]),
        "billed after": _usd(row["billed_cost_after"]),
    }


def _correction(row: Values) -> dict[str, Any]:
    return {
        **_place(row),
        "document": row["reference_number"],
        "proposed now": _kind(row["kind_before"]),
        "with the change": _kind(row["kind_after"]),
        "currency": row["currency"],
        "net": _money(row, "net_amount_after"),
        "tax": _money(row, "tax_amount_after"),
        "total": _money(row, "total_amount_after"),
        "total now": _money(row, "total_amount_before"),
        "cause": row["cause"],
    }


def _approval(row: Values) -> dict[str, Any]:
    return {
        **_place(row),
        "approved by": row["approved_by"],
        "currency": row["currency"],
        "approved total": _money(row, "total_amount_before"),
        "total after": _money(row, "total_amount_after"),
        "difference": _money(row, "total_amount_difference"),
    }


def _problem(row: Values) -> dict[str, Any]:
    return {
        "change": row["change"],
        **_place(row),
        "problem": row["problem"].replace("_", " "),
        "subject": row["subject"],
        "AWS cost": _usd(row["aws_cost_difference"]),
        "at stake before": _usd(row["amount_at_stake_before"]),
        "at stake after": _usd(row["amount_at_stake_after"]),
        "detail": row["detail"],
    }


def _service(row: Values) -> dict[str, Any]:
    return {**_place(row), "service": row["service_code"] or "without service", **_amounts(row)}


def _line(row: Values) -> dict[str, Any]:
    was, now = row["description_before"], row["description_after"]
    words = f"{was} → {now}" if was and now and was != now else now or was
    tax = "" if row["tax_before"] == row["tax_after"] else f"{row['tax_before'] or ''} → {row['tax_after'] or ''}"
    return {
        **_place(row),
        "line": words,
        "change": {"changed": "", "added": "appears", "gone": "goes"}[row["change"]],
        **_amounts(row),
        "tax rate": tax if row["change"] == "changed" else "",
    }


def _amounts(row: Values) -> dict[str, Any]:
    return {
        "charges, USD difference": _usd(row["exact_amount_usd_difference"]),
        "currency": row["currency"],
        "net before": _money(row, "net_amount_before"),
        "net after": _money(row, "net_amount_after"),
        "difference": _money(row, "net_amount_difference"),
        "credits": _money(row, "credit_amount_difference"),
    }


def _rule(row: Values) -> dict[str, Any]:
    return {
        **_place(row),
        "charged by": _RULES.get(row["kind"], row["kind"].replace("_", " ")),
        "id": row["source_id"],
        **_sides(row, "billed_cost"),
    }


def _tax(row: Values) -> dict[str, Any]:
    return {
        **_place(row),
        "category": row["tax_category"] or "no rate",
        "tax name": row["tax_name"] or "",
        "rate": "" if row["tax_rate"] is None else f"{row['tax_rate'].normalize():f}",
        "currency": row["currency"],
        "base difference": _money(row, "taxable_amount_difference"),
        "tax before": _money(row, "tax_amount_before"),
        "tax after": _money(row, "tax_amount_after"),
        "difference": _money(row, "tax_amount_difference"),
    }


def _credit(row: Values) -> dict[str, Any]:
    return {
        **_place(row),
        "credit": row["credit_id"],
        "currency": row["currency"],
        "before": _money(row, "amount_before"),
        "after": _money(row, "amount_after"),
        "difference": _money(row, "amount_difference"),
    }


def _margin(row: Values) -> dict[str, Any]:
    part = {} if row["component"] is None else {"part": row["component"].replace("_", " ")}
    group = {} if row["billing_group_id"] is None else {"group": row["billing_group_id"]}
    return {"period": _month(row), **group, **part, **_sides(row, "amount")}


def _place(row: Values) -> dict[str, Any]:
    return {"period": _month(row), "group": row["billing_group_id"]}


def _sides(row: Values, name: str) -> dict[str, Any]:
    return {side: _usd(row[f"{name}_{side}"]) for side in ("before", "after", "difference")}


def _month(row: Values) -> str:
    return f"{row['billing_period']:%Y-%m}"


def _months(periods: Iterable[date]) -> str:
    return ", ".join(f"{period:%Y-%m}" for period in periods)


def _count(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"


def _kind(kind: str | None) -> str:
    return "none" if kind is None else kind.replace("_", " ")


def _money(row: Values, name: str) -> Decimal | str:
    """Return an amount of an invoice in the minor unit of its currency (ISO 4217)."""
    value = row[name]
    return _NOT_KNOWN if value is None else value.quantize(Decimal(1).scaleb(-row["minor_units"]))


def _usd(value: Decimal | None) -> Decimal | str:
    """Return exact USD to the cent; what would read as nothing keeps its decimals."""
    if value is None:
        return _NOT_KNOWN
    shown = value.quantize(_CENT, ROUND_HALF_UP)
    return shown if shown or not value else value.normalize()


def _text(value: Any, is_signed: bool = False) -> str:
    if isinstance(value, Decimal):
        return f"{value:+,f}" if is_signed and value else f"{value:,f}"
    return "" if value is None else str(value)


def as_markdown(preview: Preview, limit: int = COMMENT_BYTES) -> str:
    """Return a preview as Markdown for a comment: the summary, what changed in the files, and the rest to unfold.

    Where it is longer than ``limit`` bytes, rows at the end of tables are cut, and the last lines say how many.
    """
    sentences = [f"- {_escaped(line)}" for line in summary(preview)]
    head = "\n".join(["## What this change of the billing configuration does", "", *sentences, ""])
    left = limit - _RESERVED_BYTES - len(head.encode())
    parts, cut = [head], []
    for table in tables(preview):
        if not table.rows:
            continue
        # No table takes all that is left from those after it.
        text, shown = _markdown_table(table.rows, left // 2)
        if shown < len(table.rows):
            cut.append(f"{table.title} {shown:,} of {len(table.rows):,}")
        if not shown:
            continue
        title = f"{table.title} ({len(table.rows):,})"
        part = (
            f"<details><summary>{title}</summary>\n\n{text}\n\n</details>\n"
            if table.is_detail
            else f"### {title}\n\n{text}\n"
        )
        parts.append(part)
        left -= len(part.encode()) + 1
    if cut:
        parts.append(f"Cut to fit a comment: {'; '.join(cut)}. `chargehouse preview --format json` has all of it.\n")
    return "\n".join(parts)


def _markdown_table(rows: Sequence[dict[str, Any]], limit: int) -> tuple[str, int]:
    """Return as many rows as fit into ``limit`` bytes, and how many they are."""
    names = list(rows[0])
    is_number = {name: any(isinstance(row[name], Decimal) for row in rows) for name in names}
    lines = [
        f"| {' | '.join(names)} |",
        f"|{'|'.join('---:' if is_number[name] else '---' for name in names)}|",
    ]
    size = sum(len(line.encode()) + 1 for line in lines)
    shown = 0
    for row in rows:
        cells = (_escaped(_text(row[name], is_signed=bool(_SIGNED.search(name)))) for name in names)
        line = f"| {' | '.join(cells)} |"
        size += len(line.encode()) + 1
        if size > limit:
            break
        lines.append(line)
        shown += 1
    return "\n".join(lines), shown


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it is: nothing in a description links, mentions or breaks a table."""
    plain = " ".join(text.split())
    # GitHub links bare addresses too; an entity of one character shows it, and nothing takes it for an address.
    plain = re.sub(r"(?i)(www)\.", r"\1&#46;", plain.replace("&", "&amp;").replace("://", "&#58;//"))
    return re.sub(r"([\\`*_\[\]<>|~]|(?<!&)#)", r"\\\1", plain).replace("@", "&#64;")
