"""What the certificate of a closed month says: every stage with its residual, AWS's invoices, what is open, the inputs.

What is here: one query per part, all on one version of the published copy.
When to add here: another fact that whoever signs a month needs.
What does not belong here: working anything out (the marts do) and how it looks (``certificate_pages``).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import ChargehouseError
from orchestration.reports import published_copy
from orchestration.rows import named_rows

__all__ = ["Certificate", "published_certificate", "read_certificate"]

Row = dict[str, Any]

_PERIOD = """
select
    periods.billing_period, periods.is_final, periods.row_count, periods.aws_cost, periods.built_at,
    coalesce(periods.fingerprint, '') as fingerprint, coalesce(runs.code_version, '') as code_version,
    coalesce(runs.membership_basis, '') as membership_basis
from marts.dim_billing_periods as periods
left join (
    select arg_max(code_version, started_at) as code_version, arg_max(membership_basis, started_at) as membership_basis
    from marts.fct_runs
    where contains(billing_periods, strftime(cast($period as date), '%Y-%m'))
) as runs on true
where periods.billing_period = $period
"""

_PAYERS = """
select
    billing_account_id as payer,
    max(amount) filter (where stage = 'raw') as raw,
    max(amount) filter (where stage = 'billed') as billed,
    max(amount) filter (where stage = 'withheld') as withheld,
    max(amount) filter (where stage = 'unrated') as unrated,
    max(amount) filter (where stage = 'groups') as "groups",
    arg_max(residual, abs(residual)) as residual
from marts.fct_reconciliation
where billing_period = $period
group by billing_account_id
order by max(abs(residual)) <> 0 desc, payer
"""

# Residuals of several groups must not cancel out.
_STAGES = """
select
    stage_number, stage, currency, count(distinct billing_group_id) as "groups", sum(amount) as amount,
    sum(abs(residual)) as residual
from marts.fct_group_reconciliation
where billing_period = $period
group by stage_number, stage, currency
order by stage_number, currency
"""

_GROUP_RESIDUALS = """
select billing_group_id as "group", stage, currency, residual
from marts.fct_group_reconciliation
where billing_period = $period and residual <> 0
order by abs(residual) desc, billing_group_id, stage_number
"""

_AWS_INVOICES = """
select
    billing_account_id as payer, aws_invoice_id as invoice, cur_amount, data_transfer_amount, total_amount, currency,
    difference, left_out_difference, rounding_difference, residual, reasons
from marts.fct_aws_invoices
where billing_period = $period
order by billing_account_id, aws_invoice_id
"""

_AWS_INVOICE_TOTALS = """
select
    billing_account_id as payer,
    count(*) filter (where aws_invoice_id <> '') as invoices,
    count(total_amount) as supplied,
    sum(cur_amount) as cur_amount,
    sum(cur_amount) filter (where difference is not null) as compared_amount,
    sum(total_amount) filter (where difference is not null) as total_amount,
    sum(left_out_difference) as left_out_difference,
    sum(rounding_difference) as rounding_difference,
    sum(residual) as residual,
    coalesce(sum(abs(residual)), 0) as absolute_residual,
    string_agg(distinct nullif(reasons, ''), '|' order by nullif(reasons, '')) as reasons
from marts.fct_aws_invoices
where billing_period = $period
group by billing_account_id
order by coalesce(sum(abs(residual)), 0) <> 0 desc, payer
"""

_MARGIN = """
select component, sum(amount) as amount
from marts.fct_margin
where billing_period = $period
group by component
order by abs(sum(amount)) desc, component
"""

_DOCUMENTS = """
select
    currency, cast(max(minor_units) as integer) as minor_units, kind, count(*) as documents,
    min(number) as first_number, max(number) as last_number, sum(net_amount) as net_amount,
    sum(credit_amount) as credit_amount, sum(tax_amount) as tax_amount, sum(total_amount) as total_amount
from marts.fct_documents
where billing_period = $period
group by currency, kind
order by currency, kind desc
"""

_TO_BE_ISSUED = """
select
    currency, cast(max(minor_units) as integer) as minor_units, count(*) as documents,
    count(*) filter (where state = 'approved') as approved, sum(total_amount) as total_amount
from marts.fct_proposed_documents
where billing_period = $period
group by currency
order by currency
"""

_MINOR_UNITS = """
select currency, cast(max(minor_units) as integer) as minor_units
from (
    select currency, minor_units from marts.fct_invoices where billing_period = $period
    union all
    select currency, minor_units from marts.fct_documents where billing_period = $period
)
group by currency
"""

_OPEN_PROBLEMS = """
select
    problem, coalesce(billing_group_id, '') as "group", subject, detail, cast(sum(row_count) as bigint) as rows,
    sum(aws_cost) as aws_cost
from marts.fct_open_problems
where billing_period = $period
group by all
order by abs(sum(aws_cost)) desc, problem, "group", subject, detail
"""

_CHECKS = """
select check_name as "check", layer, status, severity, detail
from marts.fct_check_results
order by status, layer, check_name
"""

_DELIVERIES = """
select
    payer_account_id as payer, export_name as export, delivery_id as delivery, row_count as rows,
    case when discount_mode = 'columns' then net_unblended_cost else unblended_cost end as aws_cost,
    coalesce(fingerprint, '') as fingerprint
from marts.dim_deliveries
where delivery_key in (
    select name from marts.fct_period_inputs where billing_period = $period and kind = 'delivery'
)
order by payer_account_id
"""

# Landed after the month was built: a run of other months leaves it for later.
_NEWER_DELIVERIES = """
select payer_account_id as payer, export_name as export, delivery_id as delivery
from marts.dim_deliveries
where
    billing_period = $period and status = 'current' and is_billed
    and delivery_key not in (
        select name from marts.fct_period_inputs where billing_period = $period and kind = 'delivery'
    )
order by payer_account_id
"""

_CONFIGURATION_FILES = """
select name as file, digest as sha256
from marts.fct_period_inputs
where billing_period = $period and kind = 'configuration_file'
order by name
"""

_CHAIN = """
select number, chain_hash
from marts.fct_documents
where billing_period = $period
order by document_id desc
limit 1
"""


@dataclass(frozen=True)
class Certificate:
    """One month; money is exact, in USD where no currency stands beside it.

    Attributes:
        billing_period: first day of the month.
        is_final: whether AWS has invoiced every row.
        row_count: CUR rows.
        aws_cost: what AWS charged, all payers.
        built_at: when the period was last built, UTC.
        fingerprint: sha256 over everything that made the period.
        code_version: sha256 of models and ingest.
        membership_basis: which day decides an account's group (P3).
        payers: X1: a row per payer.
        stages: X2: a row per stage and currency, with the sum of the absolute residuals of all groups.
        group_residuals: each group's stages that do not tie; empty when everything does.
        aws_invoices: X4: a row per AWS invoice.
        aws_invoice_totals: X4: a row per payer.
        margin: X3: a row per part.
        documents: issued ones, a row per currency and kind.
        to_be_issued: a row per currency.
        minor_units: decimals of each currency (ISO 4217).
        open_problems: most money first.
        checks: of the latest run, failed ones first.
        deliveries: what the month was built from.
        newer_deliveries: what landed since and is not billed yet.
        configuration_files: name and sha256 of what the month was built with.
        last_number: newest document of the month; empty for none.
        chain_hash: its hash in the ledger's chain.
    """

    billing_period: date
    is_final: bool
    row_count: int
    aws_cost: Decimal
    built_at: datetime | None
    fingerprint: str
    code_version: str
    membership_basis: str
    payers: tuple[Row, ...]
    stages: tuple[Row, ...]
    group_residuals: tuple[Row, ...]
    aws_invoices: tuple[Row, ...]
    aws_invoice_totals: tuple[Row, ...]
    margin: tuple[Row, ...]
    documents: tuple[Row, ...]
    to_be_issued: tuple[Row, ...]
    minor_units: dict[str, int]
    open_problems: tuple[Row, ...]
    checks: tuple[Row, ...]
    deliveries: tuple[Row, ...]
    newer_deliveries: tuple[Row, ...]
    configuration_files: tuple[Row, ...]
    last_number: str
    chain_hash: str

    @property
    def residuals(self) -> tuple[str, ...]:
        """What does not tie, in words; empty when every residual is 0 (X1, X2)."""
        return (
            *(
                f"Payer {row['payer']}: AWS total and charges differ by {row['residual']:f} USD."
                for row in self.payers
                if row["residual"]
            ),
            *(
                f"Group {row['group']}, stage {row['stage']}: {row['residual']:f} {row['currency']} does not tie."
                for row in self.group_residuals
            ),
        )

    @property
    def configuration_digest(self) -> str:
        """Sha256 over names and sha256 of the configuration files; empty where they are not recorded."""
        if not self.configuration_files:
            return ""
        lines = "".join(f"{row['file']} {row['sha256']}\n" for row in self.configuration_files)
        return hashlib.sha256(lines.encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Return it for scripts."""
        return {
            "ties": not self.residuals,
            "residuals": list(self.residuals),
            **asdict(self),
            "configuration_digest": self.configuration_digest,
        }


def published_certificate(published_file: Path, period: date) -> Certificate:
    """Return the certificate of a month as it was last published.

    Args:
        published_file: the published copy.
        period: first day of the month.

    Raises:
        ChargehouseError: nothing is published, not this month, or by an older version.
    """
    with published_copy(published_file) as connection:
        return read_certificate(connection, period)


def read_certificate(connection: duckdb.DuckDBPyConnection, period: date) -> Certificate:
    """Return the certificate of a month.

    Args:
        connection: where schema ``marts`` is the published one.
        period: first day of the month.

    Raises:
        ChargehouseError: the month is not published.
    """

    def rows(query: str) -> tuple[Row, ...]:
        return tuple(named_rows(connection, query, {"period": period} if "$period" in query else {}))

    found = rows(_PERIOD)
    if not found:
        known = [f"{row['billing_period']:%Y-%m}" for row in rows(_KNOWN_PERIODS)]
        raise ChargehouseError(
            f"{period:%Y-%m} is not built, so there is nothing to reconcile. Built: {', '.join(known) or 'no period'}."
        )
    chain = _first(rows(_CHAIN), {"number": "", "chain_hash": ""})
    return Certificate(
        **found[0],
        payers=rows(_PAYERS),
        stages=rows(_STAGES),
        group_residuals=rows(_GROUP_RESIDUALS),
        aws_invoices=rows(_AWS_INVOICES),
        aws_invoice_totals=rows(_AWS_INVOICE_TOTALS),
        margin=rows(_MARGIN),
        documents=rows(_DOCUMENTS),
        to_be_issued=rows(_TO_BE_ISSUED),
        minor_units={"USD": 2} | {row["currency"]: row["minor_units"] for row in rows(_MINOR_UNITS)},
        open_problems=rows(_OPEN_PROBLEMS),
        checks=rows(_CHECKS),
        deliveries=rows(_DELIVERIES),
        newer_deliveries=rows(_NEWER_DELIVERIES),
        configuration_files=rows(_CONFIGURATION_FILES),
        last_number=chain["number"],
        chain_hash=chain["chain_hash"],
    )


_KNOWN_PERIODS = "select billing_period from marts.dim_billing_periods order by billing_period"


def _first(rows: Sequence[Row], default: Row) -> Row:
    return rows[0] if rows else default
