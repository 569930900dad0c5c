"""The levels of an invoice line, and the proof that each of them adds up.

What is here: ``explain``, which asks the analyses ``explain_*`` and compares the sums of every level with the level
above, digit by digit.
When to add here: another level, or another sum that must hold.
What does not belong here: how an amount is worked out (the analyses); CUR rows (``rows``); how a level is shown.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact, localcontext
from typing import Any

import duckdb

from orchestration.errors import ChargehouseError
from orchestration.explaining.lookup import LineReference
from orchestration.exports.analyses import analysis_sql
from orchestration.rows import named_rows

__all__ = ["CUSTOMER_COLUMNS", "Explanation", "ExplanationError", "explain"]

Row = dict[str, Any]

# An exact amount has up to 24 decimals, a rate 10; whatever would be rounded here is an error, not a sum.
_EXACT = Context(prec=120, traps=[Inexact])
_ZERO = Decimal(0)

_DOCUMENTS = """
select
    lines.number, lines.line_number, documents.document_id, documents.kind, documents.issue_date,
    lines.billing_period, lines.billing_group_id, lines.invoice_line_key, lines.line_kind, lines.source_id,
    lines.service_code, lines.description, coalesce(lines.charge_class, '') as charge_class,
    coalesce(lines.cause, '') as cause, lines.currency, lines.minor_units, documents.fx_rate,
    lines.exact_amount_usd, lines.net_amount, lines.credit_amount
from marts.fct_document_lines as lines
inner join marts.fct_documents as documents on lines.number = documents.number
where lines.invoice_line_key = $1
order by documents.document_id
"""
_DOCUMENT_ACCOUNTS = """
select parts.number, parts.sub_account_id, parts.net_amount, parts.credit_amount
from marts.fct_document_line_accounts as parts
inner join marts.fct_document_lines as lines
    on parts.number = lines.number and parts.line_number = lines.line_number
where lines.invoice_line_key = $1
order by parts.number, parts.sub_account_id
"""
# D4: what is published as not issued of it; parts tell tax categories and rates apart.
_DIFFERENCES = """
select level, net_amount, credit_amount
from marts.fct_document_differences
where billing_period = $1 and billing_group_id = $2 and invoice_line_key = $3
"""
_CREDITS = """
select sub_account_id, credit_id, state, amount
from marts.fct_credit_ledger
where billing_period = $1 and invoice_line_key = $2
order by sub_account_id, credit_id
"""
_CAUSE = """
select string_agg(cause, '; ' order by compared_with)
from marts.fct_proposal_causes
where billing_period = $1 and billing_group_id = $2 and compared_with = 'issued'
"""

# What a customer may see, level by level; a column that is not named here never leaves a customer's explanation.
CUSTOMER_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "line": (
        *("billing_period", "billing_group_id", "billing_group_name", "line_number", "line_kind"),
        *("service_code", "service_name", "description", "exact_amount_usd", "currency", "minor_units", "fx_rate"),
        *("fx_amount", "rounding_amount", "net_amount", "credit_amount", "taxable_amount", "tax_category", "tax_rate"),
    ),
    "bridge": ("step", "rule_value", "currency", "amount", "reached_for_customer", "is_in_line"),
    "accounts": (
        *("sub_account_id", "exact_amount_usd", "fx_amount", "rounding_amount", "net_amount", "credit_amount"),
        *("tax_category", "tax_rate"),
    ),
    "usage": (
        *("sub_account_id", "charge_type", "service_code", "service_name", "usage_type", "region_id"),
        *("usage_quantity", "usage_unit", "billed_rate", "billed_cost"),
    ),
    "credits": ("sub_account_id", "credit_id", "amount"),
    "documents": (
        *("number", "line_number", "kind", "issue_date", "description", "charge_class", "currency", "minor_units"),
        *("net_amount", "credit_amount"),
    ),
    "document_accounts": ("sub_account_id", "net_amount", "credit_amount"),
    "document_parts": ("part", "number", "amount"),
}


class ExplanationError(ChargehouseError):
    """The parts of a line do not sum to it: its numbers cannot be trusted."""


@dataclass(frozen=True)
class Explanation:
    """One line, level by level. Rows are dictionaries by the names of the analyses' columns; amounts are Decimals.

    Attributes:
        reference: which line.
        line: the draft's line as of today (``explain_line``); None where the line is in documents only.
        bridge: steps from the list price to the line (``explain_bridge``).
        accounts: parts by account (``explain_accounts``).
        charges: rated charges behind it, and what was not billed beside them (``explain_charges``).
        group_charges: how a charge of the whole group was worked out (``explain_group_charges``).
        bases: parts of its base that are no charges (``explain_bases``).
        tiers: steps of tiers (``explain_tiers``).
        usage: what a customer may see of the charges (``explain_usage``).
        credits: customer credits drawn on it, by account.
        documents: the issued lines with its key, oldest first.
        document_accounts: of the document that is meant, its parts by account as they were frozen.
        document_parts: today's line, other documents and what has changed since, which sum to the document's line.
        changed_since: why today's line differs from all that is issued of it; empty where it does not.
        checks: the sums that were found to hold, in words.
    """

    reference: LineReference
    line: Row | None
    bridge: Sequence[Row] = ()
    accounts: Sequence[Row] = ()
    charges: Sequence[Row] = ()
    group_charges: Sequence[Row] = ()
    bases: Sequence[Row] = ()
    tiers: Sequence[Row] = ()
    usage: Sequence[Row] = ()
    credits: Sequence[Row] = ()
    documents: Sequence[Row] = ()
    document_accounts: Sequence[Row] = ()
    document_parts: Sequence[Row] = ()
    changed_since: str = ""
    checks: Sequence[str] = field(default=())

    @property
    def document(self) -> Row | None:
        """The issued line that is meant; None for the draft."""
        return next((row for row in self.documents if row["number"] == self.reference.number), None)

    @property
    def shown(self) -> Row:
        """The line that is explained: the document's where one is meant, else the draft's."""
        found = self.document or self.line
        assert found is not None
        return found

    def shows_today(self, *, for_customer: bool) -> bool:
        """Whether today's line is part of it: a customer is not shown what was not issued instead of what was."""
        return self.line is not None and not (for_customer and self.document is not None and self.changed_since)

    def name(self, *, for_customer: bool = False) -> str:
        """Return what to call the line; a customer is not told its key, which holds the ids of our rules."""
        if not for_customer or self.reference.number is not None:
            return self.reference.name
        return f"{self.reference.billing_period:%Y-%m}/{self.reference.billing_group_id}/{self.shown['line_number']}"

    def levels(self, *, for_customer: bool = False) -> dict[str, list[Row]]:
        """Return the levels with rows, by name; for a customer those, and only those columns, that are theirs."""
        rows: dict[str, Sequence[Row]] = {
            "line": [self.line] if self.line else [],
            "documents": self.documents,
            "document_parts": self.document_parts,
            "document_accounts": self.document_accounts,
            "bridge": [step for step in self.bridge if step["is_for_customer" if for_customer else "is_internal"]],
            "accounts": self.accounts,
            "usage": self.usage,
            "credits": self.credits,
        }
        if for_customer:
            kept = rows if self.shows_today(for_customer=True) else dict.fromkeys(("documents", "document_accounts"))
            return {
                level: [{name: row[name] for name in CUSTOMER_COLUMNS[level]} for row in rows[level]]
                for level in kept
                if rows[level]
            }
        del rows["usage"]
        rows |= {
            "charges": self.charges,
            "group_charges": self.group_charges,
            "bases": self.bases,
            "tiers": self.tiers,
        }
        hidden = {"is_for_customer", "is_internal", "reached_for_customer", "document_id"}
        return {
            level: [{name: value for name, value in row.items() if name not in hidden} for row in found]
            for level, found in rows.items()
            if found
        }

    def as_dict(self, *, for_customer: bool = False) -> dict[str, Any]:
        """Return it for scripts: the levels, what was checked, and what has changed since issue."""
        found: dict[str, Any] = {
            "line_name": self.name(for_customer=for_customer),
            **self.levels(for_customer=for_customer),
        }
        found["line"] = found["line"][0] if "line" in found else None
        if not for_customer:
            found |= {"changed_since": self.changed_since, "checks": list(self.checks)}
        return found


def explain(connection: duckdb.DuckDBPyConnection, reference: LineReference) -> Explanation:
    """Return the levels of a line, each proved to add up.

    Args:
        connection: reads the published copy; its session variables are set.
        reference: which line.

    Raises:
        ExplanationError: the parts of a level do not sum to the level above.
    """
    connection.execute("set variable billing_period = ?::date", [reference.billing_period])
    connection.execute("set variable invoice_line_key = ?::varchar", [reference.invoice_line_key])
    lines = named_rows(connection, analysis_sql("explain_line"))
    documents = named_rows(connection, _DOCUMENTS, [reference.invoice_line_key])
    levels: dict[str, Any] = {
        level: named_rows(connection, analysis_sql(f"explain_{level}"))
        for level in ("bridge", "accounts", "charges", "group_charges", "bases", "tiers", "usage")
        if lines
    }
    found = Explanation(
        reference=reference,
        line=lines[0] if lines else None,
        documents=documents,
        credits=named_rows(connection, _CREDITS, [reference.billing_period, reference.invoice_line_key]),
        **levels,
    )
    if documents:
        cause = connection.execute(_CAUSE, [reference.billing_period, reference.billing_group_id]).fetchone()
        found = _with_documents(connection, found, str(cause[0]) if cause and cause[0] else "")
    return _checked(found)


def _with_documents(connection: duckdb.DuckDBPyConnection, found: Explanation, cause: str) -> Explanation:
    """Add what was frozen, and how it and today's line fit together (D4)."""
    line = found.line or {}
    today = line.get("net_amount") or _ZERO
    accounts = named_rows(connection, _DOCUMENT_ACCOUNTS, [found.reference.invoice_line_key])
    reference = found.reference
    differences = named_rows(
        connection,
        _DIFFERENCES,
        [reference.billing_period, reference.billing_group_id, reference.invoice_line_key],
    )
    if found.line is None and not differences:
        # A period that the warehouse no longer has is compared with nothing there (D4): all that is issued is gone.
        with localcontext(_EXACT):
            difference = -_sum(row["net_amount"] for row in found.documents)
        is_changed, is_tax_alone = bool(difference), False
    else:
        difference = _sum(row["net_amount"] for row in differences if row["level"] == "line")
        is_changed, is_tax_alone = bool(differences), {row["level"] for row in differences} == {"part"}
    changed_since = ""
    if is_changed:
        what = "its tax category or rate is another now" if is_tax_alone else "the line comes to other amounts now"
        changed_since = cause or what
    elif (line.get("exact_amount_usd") or _ZERO) != _sum(row["exact_amount_usd"] for row in found.documents):
        changed_since = "its exact amount, by less than the line is rounded to"
    document = found.document
    if document is None:
        return _replaced(found, changed_since=changed_since)
    parts: list[Row] = [{"part": "today", "number": "", "amount": today}]
    with localcontext(_EXACT):
        for other in found.documents:
            if other is not document:
                is_before = other["document_id"] < document["document_id"]
                part = "issued before" if is_before else "issued since"
                parts.append({"part": part, "number": other["number"], "amount": -other["net_amount"]})
        if difference:
            parts.append({"part": "changed since", "number": "", "amount": -difference})
    return _replaced(
        found,
        changed_since=changed_since,
        document_parts=parts,
        document_accounts=[
            {name: value for name, value in row.items() if name != "number"}
            for row in accounts
            if row["number"] == document["number"]
        ],
    )


def _replaced(found: Explanation, **values: Any) -> Explanation:
    return Explanation(**{**vars(found), **values})


def _sum(values: Iterable[Decimal | None]) -> Decimal:
    with localcontext(_EXACT):
        return sum((value for value in values if value is not None), _ZERO)


class _Proof:
    """Sums that are compared; what holds is told in words, what does not is an error at the end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._broken: list[str] = []
        self.held: list[str] = []

    def same(self, what: str, whole: Decimal | None, parts: Iterable[Decimal | None]) -> None:
        """Compare a whole with the sum of its parts, to the last digit."""
        total = _sum(parts)
        if total == (whole or _ZERO):
            self.held.append(what)
            return
        with localcontext(_EXACT):
            difference = total - (whole or _ZERO)
        self._broken.append(f"{what}: the parts sum to {total:f}, the whole is {whole or _ZERO:f} ({difference:+f})")

    def result(self) -> tuple[str, ...]:
        """Return what held.

        Raises:
            ExplanationError: something did not.
        """
        if self._broken:
            raise ExplanationError(
                "\n".join(
                    [
                        f"{self._name} does not add up:",
                        *(f"  {text}" for text in self._broken),
                        "Run again, all periods: chargehouse run. If it stays so, do not send this invoice; report it.",
                    ]
                )
            )
        return tuple(dict.fromkeys(self.held))


def _checked(found: Explanation) -> Explanation:
    """Return the explanation with the sums that hold.

    Raises:
        ExplanationError: one does not.
    """
    proof = _Proof(found.reference.name)
    if found.line is not None:
        _check_line(proof, found.line, found)
        if found.line["is_group_charge"]:
            _check_group_charges(proof, found.line, found)
        else:
            _check_charges(proof, found.line, found)
        _check_tiers(proof, found)
    if found.document is not None:
        frozen = found.document
        proof.same("issued line = its parts", frozen["net_amount"], (row["amount"] for row in found.document_parts))
        for name in ("net_amount", "credit_amount"):
            proof.same("issued line = its accounts", frozen[name], (row[name] for row in found.document_accounts))
    return _replaced(found, checks=proof.result())


def _check_line(proof: _Proof, line: Row, found: Explanation) -> None:
    for name in ("exact_amount_usd", "fx_amount", "rounding_amount", "net_amount", "credit_amount"):
        proof.same("line = its accounts", line[name], (row[name] for row in found.accounts))
    converted = ("exact_amount_usd", "fx_amount", "rounding_amount")
    whole = line["exact_amount_usd"] if line["net_amount"] is None else line["net_amount"]
    if line["net_amount"] is not None:
        for row in (line, *found.accounts):
            proof.same("net = exact + exchange rate + rounding", row["net_amount"], (row[name] for name in converted))
        # M7: the published difference has ten decimals more than can be summed in the warehouse.
        with localcontext(_EXACT):
            exact = line["exact_amount_usd"] * line["fx_rate"]
        proof.same("net = exact x rate + rounding difference", whole, (exact, line["rounding_difference"]))
    for audience in ("is_internal", "is_for_customer"):
        steps = [step["amount"] for step in found.bridge if step[audience] and step["is_in_line"]]
        proof.same("line = the steps of its bridge", whole, steps)
    proof.same("billed = what the customer sees", line["exact_amount_usd"], (row["billed_cost"] for row in found.usage))
    by_account = _by(found.usage, "sub_account_id", "billed_cost")
    by_credit = _by(found.credits, "sub_account_id", "amount")
    for row in found.accounts:
        account = row["sub_account_id"]
        proof.same("account = what the customer sees", row["exact_amount_usd"], [by_account.get(account)])
        if row["credit_amount"] is not None:
            proof.same("credits = the draws on them", row["credit_amount"], [by_credit.get(account)])


def _by(rows: Iterable[Row], key: str, amount: str) -> dict[Any, Decimal]:
    groups: dict[Any, list[Decimal]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row[amount])
    return {name: _sum(amounts) for name, amounts in groups.items()}


def _check_charges(proof: _Proof, line: Row, found: Explanation) -> None:
    parts = [charge for charge in found.charges if charge["is_part"]]
    proof.same("line = its charges", line["exact_amount_usd"], (charge["part_amount"] for charge in parts))
    by_account = _by(parts, "sub_account_id", "part_amount")
    for row in found.accounts:
        proof.same("account = its charges", row["exact_amount_usd"], [by_account.get(row["sub_account_id"])])
    for charge in parts:
        proof.same("charge = its part of the line", charge["billed_cost"], [charge["part_amount"]])
        if charge["rating_factor"] is not None:
            with localcontext(_EXACT):
                price = charge["rating_base"] * charge["rating_factor"]
            proof.same("charge = base x factor", charge["billed_cost"], [price])


def _check_group_charges(proof: _Proof, line: Row, found: Explanation) -> None:
    rows = found.group_charges
    proof.same("line = its parts", line["exact_amount_usd"], (row["billed_cost"] for row in rows))
    by_account = _by(rows, "sub_account_id", "billed_cost")
    for row in found.accounts:
        proof.same("account = its parts", row["exact_amount_usd"], [by_account.get(row["sub_account_id"])])
    charged = _by(found.charges, "base_key", "part_amount")
    others = [row["amount"] for row in found.bases if not row["is_promise"]]
    for row in rows:
        base = [charged.get(row["base_key"]), *others]
        proof.same("base = charges and other parts of it", row["base_amount"], base)
        if row["whole_amount"] is not None:
            proof.same("what is split = its parts", row["whole_amount"], [row["whole_billed_cost"]])
        with localcontext(_EXACT):
            match row["method"]:
                case "PERCENTAGE":
                    price = row["base_amount"] * row["percentage"] * Decimal("0.01")
                    proof.same("charge = base x percentage", row["billed_cost"], [price])
                case "FLAT":
                    proof.same("charge = its amount", row["billed_cost"], [row["base_amount"]])
                case "EXACT_SAVINGS":
                    proof.same("charge = savings", row["billed_cost"], [-row["base_amount"]])
                case "TRUE_UP":
                    promised = [part["amount"] for part in found.bases if part["is_promise"]]
                    proof.same("commitment = its promises", row["committed_amount"], promised)
                    proof.same(
                        "true-up = commitment - rated charges",
                        row["billed_cost"],
                        [row["committed_amount"], -row["base_amount"]],
                    )
                case _:
                    pass


def _check_tiers(proof: _Proof, found: Explanation) -> None:
    ladders: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for step in found.tiers:
        ladders[step["ladder_kind"], step["ladder_id"]].append(step)
    for steps in ladders.values():
        first = steps[0]
        proof.same("charges of a ladder = its steps", first["charged_cost"], [first["total_cost"]])
        total = _sum(step["step_cost"] for step in steps)
        with localcontext(prec=_EXACT.prec):
            total = total.quantize(Decimal(1).scaleb(-10), ROUND_HALF_UP)
        if first["minimum_amount"] is not None:
            total = max(total, first["minimum_amount"])
        proof.same("steps of a ladder, rounded to 1e-10", first["total_cost"], [total])
