"""What can be approved and issued now, as the models propose it.

What is here: one read of the warehouse that returns proposed documents with everything on them.
When to add here: another fact of a document that a model computes.
What does not belong here: what the ledger holds (``ledger/``) and how the facts become a document (``contents``).

Rows are dictionaries by column name, with exact values.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from orchestration.issuing.provenance import Delivery
from orchestration.ledger.approvals import Draft
from orchestration.ledger.contents import Kind
from orchestration.rows import named_rows

__all__ = ["Proposal", "Refusal", "read_delivered", "read_deliveries", "read_proposals"]

Values = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """One reason not to issue (D7).

    Attributes:
        name: not_final, unmapped, unrated, missing_fx_rate, missing_tax_rate or residual.
        detail: in words, with what to do.
    """

    name: str
    detail: str


@dataclass(frozen=True)
class Proposal:
    """A document that can be approved and issued: the first of a group and period, or a correction (D4).

    Attributes:
        billing_period: first day of the month.
        billing_group_id: the group.
        kind: invoice, credit_note or supplementary_invoice.
        revision: how many documents of the group and period are issued.
        reference_number: the document that it corrects; None for a first document.
        currency: ISO 4217.
        minor_units: decimals of the currency.
        draft_hash: hash over what the customer sees.
        net_amount: before credits; None while the exchange rate is missing.
        total_amount: with credits and tax; None while the exchange rate is missing.
        is_approved: whether exactly these numbers are approved.
        refusals: reasons not to issue.
        header: row of ``int_invoice_drafts`` with names and rates; None where the group is no longer invoiced.
        lines: the lines, in order: of the draft, or of the differences.
        accounts: of the lines, by key and account.
        parts: of the lines, by key, tax category and rate.
        taxes: by category and rate.
        draws: on customer credits, by credit, line and account.
        credits: by credit, with words and the balance after.
        waiting: months before it that are not issued and draw on the same credits, with what they draw.
        usage: the largest usage types by line key.
        deliveries: of the payers that its charges come from.
    """

    billing_period: date
    billing_group_id: str
    kind: Kind
    revision: int
    reference_number: str | None
    currency: str
    minor_units: int
    draft_hash: str
    net_amount: Decimal | None
    total_amount: Decimal | None
    is_approved: bool
    refusals: tuple[Refusal, ...]
    header: Values | None = None
    lines: Sequence[Values] = ()
    accounts: Sequence[Values] = ()
    parts: Sequence[Values] = ()
    taxes: Sequence[Values] = ()
    draws: Sequence[Values] = ()
    credits: Sequence[Values] = ()
    waiting: Sequence[Values] = ()
    usage: Sequence[Values] = ()
    deliveries: Sequence[Delivery] = field(default=())

    @property
    def draft(self) -> Draft:
        """How the ledger names it."""
        return Draft(f"{self.billing_period:%Y-%m}", self.billing_group_id, self.kind, self.revision, self.draft_hash)

    @property
    def refusal_names(self) -> tuple[str, ...]:
        """The names of its refusals, each once."""
        return tuple(dict.fromkeys(refusal.name for refusal in self.refusals))


def read_proposals(
    connection: duckdb.DuckDBPyConnection, billing_period: date, billing_group_ids: Collection[str] | None = None
) -> list[Proposal]:
    """Return what can be approved and issued of a period, by billing group.

    Args:
        connection: the warehouse; nobody writes it meanwhile.
        billing_period: first day of the month; it is built.
        billing_group_ids: only these groups; None for all.
    """
    read = _Reader(connection, billing_period, billing_group_ids)
    found = {name: read.by_group(query) for name, query in _BY_GROUP.items()}
    return [
        _proposal(row, {name: groups.get(row["billing_group_id"], []) for name, groups in found.items()})
        for row in read.rows(_ALL)
    ]


def read_deliveries(
    connection: duckdb.DuckDBPyConnection, billing_period: date, billing_group_ids: Collection[str] | None = None
) -> dict[str, list[Delivery]]:
    """Return by billing group the current deliveries of the payers that the charges of a period come from."""
    found = _Reader(connection, billing_period, billing_group_ids).by_group(_BY_GROUP["deliveries"])
    return {group: [Delivery(**row) for row in rows] for group, rows in found.items()}


@dataclass(frozen=True)
class _Reader:
    """Asks for the rows of some groups in one period."""

    connection: duckdb.DuckDBPyConnection
    billing_period: date
    billing_group_ids: Collection[str] | None

    def rows(self, query: str) -> list[Values]:
        groups = None if self.billing_group_ids is None else sorted(self.billing_group_ids)
        return named_rows(self.connection, query, {"period": self.billing_period, "groups": groups})

    def by_group(self, query: str) -> dict[str, list[Values]]:
        found: dict[str, list[Values]] = defaultdict(list)
        for row in self.rows(query):
            found[row.pop("billing_group_id")].append(row)
        return found


def read_delivered(connection: duckdb.DuckDBPyConnection, billing_period: date) -> list[Delivery]:
    """Return the deliveries that a period is billed from now, of every payer."""
    rows = connection.execute(
        "select payer_account_id, delivery_key, fingerprint from raw.deliveries "
        "where billing_period = $1 and status = 'current' and is_billed order by all",
        [billing_period],
    ).fetchall()
    return [Delivery(*row) for row in rows]


def _proposal(row: Values, of_group: Mapping[str, list[Values]]) -> Proposal:
    header = next(iter(of_group["headers"]), None)
    if row["revision"] == 0:
        lines, accounts, parts, taxes = (of_group[name] for name in ("lines", "accounts", "parts", "taxes"))
        usage = of_group["usage"]
    else:
        lines, accounts, parts, taxes = (
            of_group[f"changed_{name}"] for name in ("lines", "accounts", "parts", "taxes")
        )
        usage = []
    return Proposal(
        billing_period=row["billing_period"],
        billing_group_id=row["billing_group_id"],
        kind=row["kind"],
        revision=row["revision"],
        reference_number=row["reference_number"],
        currency=row["currency"],
        minor_units=row["minor_units"],
        draft_hash=row["draft_hash"],
        net_amount=row["net_amount"],
        total_amount=row["total_amount"],
        is_approved=row["state"] == "approved",
        refusals=tuple(Refusal(found["refusal"], found["detail"]) for found in of_group["refusals"]),
        header=header,
        lines=lines,
        accounts=accounts,
        parts=parts,
        taxes=taxes,
        draws=of_group["draws"],
        credits=of_group["credits"],
        waiting=of_group["waiting"] if row["revision"] == 0 else [],
        usage=usage,
        deliveries=[Delivery(**found) for found in of_group["deliveries"]],
    )


_HERE = "billing_period = $period and ($groups is null or list_contains(cast($groups as varchar[]), billing_group_id))"

_ALL = f"select * from marts.fct_proposed_documents where {_HERE} order by billing_group_id"

_BY_GROUP = {
    "headers": f"select * from intermediate.int_invoice_drafts where {_HERE}",
    "refusals": (
        f"select billing_group_id, refusal, detail from marts.fct_issuing_refusals where {_HERE} "
        "order by refusal, subject"
    ),
    "lines": (
        "select billing_group_id, invoice_line_key, line_kind, source_id, service_code, description, "
        f"exact_amount_usd, net_amount, credit_amount from marts.fct_invoice_lines where {_HERE} order by line_number"
    ),
    "accounts": (
        "select billing_group_id, invoice_line_key, sub_account_id, net_amount, credit_amount "
        f"from marts.fct_invoice_line_accounts where {_HERE} order by invoice_line_key, sub_account_id"
    ),
    # AWS's tax passed on is out of scope of ours (T1).
    "parts": (
        "select billing_group_id, invoice_line_key, tax_category, tax_name, tax_rate, exemption_reason, net_amount, "
        f"credit_amount from marts.fct_invoice_line_taxes where {_HERE} union all "
        "select billing_group_id, invoice_line_key, 'O', '', 0, '', net_amount, credit_amount "
        f"from marts.fct_invoice_lines where line_kind = 'aws_tax' and {_HERE} order by all"
    ),
    "taxes": (
        "select billing_group_id, tax_category, tax_name, tax_rate, exemption_reason, taxable_amount, tax_amount "
        f"from marts.fct_invoice_taxes where {_HERE} order by tax_category, tax_rate"
    ),
    # A correction names lines as the draft does; lines that are gone, as the newest document did.
    "changed_lines": f"""
        with changes as (
            select billing_period, billing_group_id, invoice_line_key,
                coalesce(sum(exact_amount_usd) filter (where level = 'line'), 0) as exact_amount_usd,
                coalesce(sum(net_amount) filter (where level = 'line'), 0) as net_amount,
                coalesce(sum(credit_amount) filter (where level = 'line'), 0) as credit_amount
            from marts.fct_document_differences
            where level in ('line', 'part') and {_HERE}
            group by all
        ),

        issued as (
            select lines.invoice_line_key, max_by(lines.line_kind, lines.document_id) as line_kind,
                max_by(lines.source_id, lines.document_id) as source_id,
                max_by(lines.service_code, lines.document_id) as service_code,
                max_by(lines.description, lines.document_id) as description,
                max_by(lines.line_number, lines.document_id) as line_number
            from ledger.document_lines as lines
            inner join ledger.documents as documents using (document_id)
            where {_HERE}
            group by all
        )

        select changes.billing_group_id, changes.invoice_line_key,
            coalesce(lines.line_kind, issued.line_kind) as line_kind,
            coalesce(lines.source_id, issued.source_id) as source_id,
            coalesce(lines.service_code, issued.service_code) as service_code,
            coalesce(lines.description, issued.description) as description,
            changes.exact_amount_usd, changes.net_amount, changes.credit_amount
        from changes
        left join marts.fct_invoice_lines as lines using (billing_period, billing_group_id, invoice_line_key)
        left join issued using (invoice_line_key)
        order by lines.line_number nulls last, issued.line_number, changes.invoice_line_key
    """,
    "changed_accounts": (
        "select billing_group_id, invoice_line_key, sub_account_id, net_amount, credit_amount "
        f"from marts.fct_document_differences where level = 'account' and {_HERE} "
        "order by invoice_line_key, sub_account_id"
    ),
    # What is taken back is called what it was called, with its reason (T4).
    "changed_parts": f"""
        with issued as (
            select documents.billing_group_id, parts.invoice_line_key, parts.tax_category,
                cast(parts.tax_rate as decimal(12, 4)) as tax_rate,
                max_by(coalesce(parts.tax_name, ''), parts.document_id) as tax_name,
                max_by(coalesce(parts.exemption_reason, ''), parts.document_id) as exemption_reason
            from ledger.document_line_parts as parts
            inner join ledger.documents as documents using (document_id)
            where {_HERE}
            group by all
        )

        select changes.billing_group_id, changes.invoice_line_key, changes.tax_category,
            coalesce(parts.tax_name, issued.tax_name, '') as tax_name, changes.tax_rate,
            coalesce(parts.exemption_reason, issued.exemption_reason, '') as exemption_reason,
            changes.net_amount, changes.credit_amount
        from (select * from marts.fct_document_differences where level = 'part' and {_HERE}) as changes
        left join marts.fct_invoice_line_taxes as parts
            using (billing_period, billing_group_id, invoice_line_key, tax_category, tax_rate)
        left join issued using (billing_group_id, invoice_line_key, tax_category, tax_rate)
        order by all
    """,
    "changed_taxes": f"""
        with issued as (
            select documents.billing_group_id, taxes.tax_category, cast(taxes.tax_rate as decimal(12, 4)) as tax_rate,
                max(taxes.tax_name) as tax_name, max(taxes.exemption_reason) as exemption_reason
            from ledger.document_taxes as taxes
            inner join ledger.documents as documents using (document_id)
            where {_HERE}
            group by all
        )

        select changes.billing_group_id, changes.tax_category, coalesce(taxes.tax_name, issued.tax_name) as tax_name,
            changes.tax_rate, coalesce(taxes.exemption_reason, issued.exemption_reason) as exemption_reason,
            changes.taxable_amount, changes.tax_amount
        from (select * from marts.fct_document_differences where level = 'tax' and {_HERE}) as changes
        left join marts.fct_invoice_taxes as taxes using (billing_period, billing_group_id, tax_category, tax_rate)
        left join issued using (billing_group_id, tax_category, tax_rate)
        order by changes.tax_category, changes.tax_rate
    """,
    "draws": (
        "select billing_group_id, credit_id, invoice_line_key, sub_account_id, service_code, amount "
        f"from marts.fct_credit_ledger where state = 'draft' and {_HERE} "
        "order by credit_id, invoice_line_key, sub_account_id"
    ),
    # What is left after this document, of what was granted, if it is the next one to be issued.
    "credits": f"""
        with draws as (
            select billing_group_id, credit_id, sum(amount) as amount
            from marts.fct_credit_ledger
            where state = 'draft' and {_HERE}
            group by all
        ),

        issued as (
            select credit_id, sum(amount) as amount from ledger.credit_draws group by all
        )

        select draws.billing_group_id, draws.credit_id,
            coalesce(nullif(credits.description, ''), draws.credit_id) as description, draws.amount,
            coalesce(credits.amount, 0) + coalesce(issued.amount, 0) + draws.amount as balance_after
        from draws
        left join billing.credits as credits using (credit_id)
        left join issued using (credit_id)
        order by draws.credit_id
    """,
    # A credit is one group's.
    "waiting": f"""
        select earlier.billing_group_id, earlier.billing_period, earlier.credit_id, earlier.currency,
            -sum(earlier.amount) as amount
        from marts.fct_credit_ledger as earlier
        semi join (select * from marts.fct_credit_ledger where state = 'draft' and {_HERE}) as draws using (credit_id)
        where earlier.state = 'draft' and earlier.amount < 0 and earlier.billing_period < $period
        group by all
        order by all
    """,
    "usage": f"""
        with summed as (
            select lines.billing_group_id, lines.invoice_line_key, charges.usage_type,
                sum(charges.usage_quantity) as usage_quantity, charges.usage_unit,
                sum(charges.billed_cost) as amount_usd
            from marts.fct_charges as charges
            inner join marts.fct_invoice_lines as lines
                using (billing_period, billing_group_id, line_kind, service_code)
            where charges.line_kind = 'usage' and charges.treatment = 'billed' and lines.source_id = '' and {_HERE}
            group by all
            having sum(charges.billed_cost) <> 0 and sum(charges.usage_quantity) is not null
        )

        select * from summed
        qualify row_number() over (
            partition by billing_group_id, invoice_line_key order by abs(amount_usd) desc, usage_type, usage_unit
        ) <= 5
        order by billing_group_id, invoice_line_key, abs(amount_usd) desc, usage_type, usage_unit
    """,
    # Where a group bears shared costs, the payer of their source counts too.
    "deliveries": f"""
        with payers as (
            select billing_group_id, billing_account_id from marts.fct_charges where {_HERE}
            union
            select borne.billing_group_id, charges.billing_account_id
            from marts.fct_charges as charges
            inner join (
                select distinct billing_group_id, source_id
                from marts.fct_group_charges
                where kind = 'shared_cost' and {_HERE}
            ) as borne on charges.shared_cost_rule_id = borne.source_id
            where charges.billing_period = $period
        )

        select payers.billing_group_id, deliveries.payer_account_id, deliveries.delivery_key, deliveries.fingerprint
        from payers
        inner join raw.deliveries as deliveries
            on payers.billing_account_id = deliveries.payer_account_id
            and deliveries.billing_period = $period and deliveries.status = 'current' and deliveries.is_billed
        order by all
    """,
}
