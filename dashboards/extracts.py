"""Whole tables for downloads: every row of a question, all published columns, streamed.

What is here: one named function for one SELECT, which gives columns and rows while its file is open.
When to add here: something new can be downloaded.
What does not belong here: what a page shows (``queries.py``); how a file is written (``exports.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb

from dashboards.document_queries import DOCUMENT_NAMES
from dashboards.publication import Publication, reading
from dashboards.queries import (
    ACCOUNT_NAMES,
    CHARGE_FILTER,
    CHARGE_ORDER,
    CHARGE_TIES,
    COMMITMENT_FILTER,
    COMMITMENT_ORDER,
    ChargeFilter,
    ChargeSort,
    CommitmentSort,
)

if TYPE_CHECKING:
    from orchestration.reconciliation.restatement import Change

__all__ = [
    "Extract",
    "ExtractColumn",
    "audit_log",
    "budgets",
    "changes",
    "charges",
    "check_results",
    "commitment_benefits",
    "commitment_policies",
    "commitments",
    "cost_anomalies",
    "credit_balances",
    "credit_draws",
    "deliveries",
    "document_accounts",
    "document_lines",
    "document_taxes",
    "documents",
    "group_charges",
    "group_summaries",
    "invoice_line_accounts",
    "invoice_lines",
    "invoice_taxes",
    "invoices",
    "issuing_refusals",
    "line_differences",
    "open_problems",
    "proposals",
    "reconciliation",
]


@dataclass(frozen=True)
class ExtractColumn:
    """A column of a download: its published name and DuckDB type."""

    name: str
    type: str


@dataclass(frozen=True)
class Extract:
    """A download: columns, then every row, fetched as they are written."""

    columns: tuple[ExtractColumn, ...]
    rows: Iterator[tuple[object, ...]]


# Rows fetched at a time: a month's charges never stand in memory as a whole.
_BATCH = 10_000


@contextmanager
def _extract(publication: Publication, sql: str, parameters: Mapping[str, object]) -> Iterator[Extract]:
    with reading(publication) as con:
        result = con.execute(sql, parameters)
        columns = tuple(ExtractColumn(name=column[0], type=str(column[1])) for column in result.description or ())
        yield Extract(columns=columns, rows=_batches(result))


def _batches(result: duckdb.DuckDBPyConnection) -> Iterator[tuple[object, ...]]:
    while batch := result.fetchmany(_BATCH):
        yield from batch


@contextmanager
def charges(publication: Publication, chosen: ChargeFilter, sort: ChargeSort) -> Iterator[Extract]:
    """Give every charge that matches: all published columns, and the names of group and account."""
    sql = f"""
        with {CHARGE_FILTER}

        select
            known_group as billing_group_name,
            known_account as account_name,
            columns(* exclude (known_group, known_account, known_service, known_rule))
        from filtered
        order by {CHARGE_ORDER}, {CHARGE_TIES}
    """
    with _extract(publication, sql, {**chosen.parameters, "sort": sort.value}) as extract:
        yield extract


@contextmanager
def group_summaries(publication: Publication, group: str | None) -> Iterator[Extract]:
    """Give the summary of every month and group."""
    sql = """
        select * from marts.rpt_billing_group_summary
        where $group is null or billing_group_id = $group
        order by billing_period desc, billing_group_id
    """
    with _extract(publication, sql, {"group": group}) as extract:
        yield extract


@contextmanager
def margin_parts(publication: Publication, group: str | None) -> Iterator[Extract]:
    """Give the parts of the margin of every group and month."""
    sql = """
        select * from marts.fct_margin
        where $group is null or billing_group_id = $group
        order by billing_period desc, billing_group_id, component
    """
    with _extract(publication, sql, {"group": group}) as extract:
        yield extract


@contextmanager
def invoices(publication: Publication, period: date, group: str | None) -> Iterator[Extract]:
    """Give the invoices of a month."""
    sql = """
        select * from marts.fct_invoices
        where billing_period = $period and ($group is null or billing_group_id = $group)
        order by lower(customer_name), billing_group_id
    """
    with _extract(publication, sql, {"period": period, "group": group}) as extract:
        yield extract


@contextmanager
def invoice_lines(publication: Publication, period: date, group: str) -> Iterator[Extract]:
    """Give the lines of one invoice."""
    sql = """
        select * from marts.fct_invoice_lines
        where billing_period = $period and billing_group_id = $group
        order by line_number
    """
    with _extract(publication, sql, {"period": period, "group": group}) as extract:
        yield extract


@contextmanager
def invoice_line_accounts(publication: Publication, period: date, group: str) -> Iterator[Extract]:
    """Give the lines of one invoice split over accounts."""
    sql = f"""
        select
            parts.billing_period,
            parts.billing_group_id,
            line.line_number,
            parts.invoice_line_key,
            line.description,
            parts.sub_account_id,
            account.account_name,
            parts.exact_amount_usd,
            line.currency,
            line.minor_units,
            parts.net_amount,
            parts.credit_amount,
            parts.tax_category,
            parts.tax_rate
        from marts.fct_invoice_line_accounts as parts
        inner join marts.fct_invoice_lines as line
            on parts.billing_period = line.billing_period
            and parts.billing_group_id = line.billing_group_id
            and parts.invoice_line_key = line.invoice_line_key
        left join {ACCOUNT_NAMES} as account on parts.sub_account_id = account.sub_account_id
        where parts.billing_period = $period and parts.billing_group_id = $group
        order by line.line_number, parts.sub_account_id
    """
    with _extract(publication, sql, {"period": period, "group": group}) as extract:
        yield extract


@contextmanager
def group_charges(publication: Publication, period: date, group: str | None) -> Iterator[Extract]:
    """Give the charges of whole groups of a month, as they were worked out."""
    sql = """
        select * from marts.fct_group_charges
        where billing_period = $period and ($group is null or billing_group_id = $group)
        order by billing_group_id, kind, source_id, service_code, part, sub_account_id
    """
    with _extract(publication, sql, {"period": period, "group": group}) as extract:
        yield extract


@contextmanager
def commitments(publication: Publication, period: date, group: str | None, sort: CommitmentSort) -> Iterator[Extract]:
    """Give the commitments that concern a group; who benefited is one text, ``group amount; group amount``."""
    sql = f"""
        with {COMMITMENT_FILTER}

        select
            columns(* exclude (is_own, benefit, benefit_by_group)),
            array_to_string(
                list_transform(
                    map_entries(benefit_by_group), lambda entry: entry.key || ' ' || cast(entry.value as varchar)
                ), '; '
            ) as benefit_by_group
        from concerned
        order by is_own desc, {COMMITMENT_ORDER}, commitment_kind, commitment_id
    """
    with _extract(publication, sql, {"period": period, "group": group, "sort": sort.value}) as extract:
        yield extract


@contextmanager
def commitment_benefits(publication: Publication, period: date, group: str | None) -> Iterator[Extract]:
    """Give who benefited from the commitments that concern a group, one row per commitment and group."""
    sql = f"""
        with {COMMITMENT_FILTER},

        benefits as (
            select billing_period, commitment_id, unnest(map_entries(benefit_by_group)) as entry
            from concerned
        )

        select billing_period, commitment_id, entry.key as billing_group_id, entry.value as benefit
        from benefits
        order by commitment_id, billing_group_id
    """
    with _extract(publication, sql, {"period": period, "group": group}) as extract:
        yield extract


@contextmanager
def commitment_policies(publication: Publication, period: date, group: str | None) -> Iterator[Extract]:
    """Give what each group of a month would be billed under each commitment policy."""
    sql = """
        select * from marts.fct_commitment_policies
        where billing_period = $period and ($group is null or billing_group_id = $group)
        order by billing_group_id, policy
    """
    with _extract(publication, sql, {"period": period, "group": group}) as extract:
        yield extract


@contextmanager
def open_problems(publication: Publication, period: date, group: str | None) -> Iterator[Extract]:
    """Give the open problems of a month."""
    sql = """
        select *
        from (
            select *, min(billing_period) over (partition by problem, subject, billing_group_id) as since
            from marts.fct_open_problems
        ) as problems
        where billing_period = $period and ($group is null or coalesce(nullif(billing_group_id, ''), $group) = $group)
        order by problem, billing_group_id, subject
    """
    with _extract(publication, sql, {"period": period, "group": group}) as extract:
        yield extract


@contextmanager
def reconciliation(publication: Publication, period: date) -> Iterator[Extract]:
    """Give the reconciliation of a month."""
    sql = """
        select * from marts.fct_reconciliation
        where billing_period = $period
        order by billing_account_id, list_position(['raw', 'billed', 'withheld', 'unrated'], stage), stage
    """
    with _extract(publication, sql, {"period": period}) as extract:
        yield extract


@contextmanager
def check_results(publication: Publication) -> Iterator[Extract]:
    """Give the checks of the last run."""
    sql = "select * from marts.fct_check_results order by layer, subject, check_name"
    with _extract(publication, sql, {}) as extract:
        yield extract


@contextmanager
def deliveries(publication: Publication, period: date | None) -> Iterator[Extract]:
    """Give the deliveries of a month, or of all months when ``period`` is None."""
    sql = """
        select * from marts.dim_deliveries
        where $period is null or billing_period = $period
        order by billing_period desc, payer_account_id, export_name, landed_at desc
    """
    with _extract(publication, sql, {"period": period}) as extract:
        yield extract


@contextmanager
def invoice_taxes(publication: Publication, period: date, group: str) -> Iterator[Extract]:
    """Give the tax of one invoice as of today, by category and rate."""
    sql = """
        select taxes.*, invoices.minor_units
        from marts.fct_invoice_taxes as taxes
        left join (select billing_period, billing_group_id, minor_units from marts.fct_invoices) as invoices
            using (billing_period, billing_group_id)
        where billing_period = $period and billing_group_id = $group
        order by tax_category nulls last, tax_rate desc
    """
    with _extract(publication, sql, {"period": period, "group": group}) as extract:
        yield extract


@contextmanager
def proposals(publication: Publication, period: date, group: str | None) -> Iterator[Extract]:
    """Give what can be approved and issued for a month, with why it differs from what came before."""
    sql = f"""
        select
            names.billing_group_name, names.customer_name, documents.*, issued.cause, approved.cause as lapsed_because
        from marts.fct_proposed_documents as documents
        left join {DOCUMENT_NAMES} as names using (billing_period, billing_group_id)
        left join (
            select billing_period, billing_group_id, cause from marts.fct_proposal_causes where compared_with = 'issued'
        ) as issued using (billing_period, billing_group_id)
        left join (
            select billing_period, billing_group_id, cause from marts.fct_proposal_causes
            where compared_with = 'approved'
        ) as approved using (billing_period, billing_group_id)
        where documents.billing_period = $period and ($group is null or documents.billing_group_id = $group)
        order by lower(names.customer_name), documents.billing_group_id
    """
    with _extract(publication, sql, {"period": period, "group": group}) as extract:
        yield extract


@contextmanager
def issuing_refusals(publication: Publication, period: date, group: str | None) -> Iterator[Extract]:
    """Give the reasons not to issue documents of a month, overridden ones too."""
    sql = """
        select * from marts.fct_issuing_refusals
        where billing_period = $period and ($group is null or billing_group_id = $group)
        order by billing_group_id, refusal, subject
    """
    with _extract(publication, sql, {"period": period, "group": group}) as extract:
        yield extract


@contextmanager
def line_differences(publication: Publication, period: date, group: str | None) -> Iterator[Extract]:
    """Give every line, account, tax part and tax of a month that differs from what was issued."""
    sql = """
        select differences.*, documents.currency, documents.minor_units
        from marts.fct_document_differences as differences
        left join (
            select billing_period, billing_group_id, any_value(currency) as currency,
                any_value(minor_units) as minor_units
            from marts.fct_documents
            group by billing_period, billing_group_id
        ) as documents using (billing_period, billing_group_id)
        where billing_period = $period and ($group is null or billing_group_id = $group)
        order by billing_group_id, level, invoice_line_key, sub_account_id, tax_category, tax_rate
    """
    with _extract(publication, sql, {"period": period, "group": group}) as extract:
        yield extract


@contextmanager
def documents(publication: Publication, period: date | None, group: str | None) -> Iterator[Extract]:
    """Give the issued documents of a month, or of all months when ``period`` is None."""
    sql = """
        select * from marts.fct_documents
        where ($period is null or billing_period = $period) and ($group is null or billing_group_id = $group)
        order by document_id
    """
    with _extract(publication, sql, {"period": period, "group": group}) as extract:
        yield extract


@contextmanager
def document_lines(
    publication: Publication, period: date | None, group: str | None, number: str | None
) -> Iterator[Extract]:
    """Give the lines of the issued documents of a month, or of one document."""
    sql = """
        select * from marts.fct_document_lines
        where
            ($period is null or billing_period = $period)
            and ($group is null or billing_group_id = $group)
            and ($number is null or number = $number)
        order by number, line_number
    """
    with _extract(publication, sql, {"period": period, "group": group, "number": number}) as extract:
        yield extract


@contextmanager
def document_accounts(publication: Publication, number: str) -> Iterator[Extract]:
    """Give the lines of an issued document split over accounts."""
    sql = """
        select * from marts.fct_document_line_accounts
        where number = $number
        order by line_number, sub_account_id
    """
    with _extract(publication, sql, {"number": number}) as extract:
        yield extract


@contextmanager
def document_taxes(publication: Publication, number: str) -> Iterator[Extract]:
    """Give the tax table of an issued document."""
    sql = "select * from marts.fct_document_taxes where number = $number order by tax_number"
    with _extract(publication, sql, {"number": number}) as extract:
        yield extract


@contextmanager
def credit_balances(publication: Publication, group: str | None) -> Iterator[Extract]:
    """Give the customer credits with what was drawn on them and is left (K5)."""
    sql = """
        select * from marts.fct_credit_balances
        where $group is null or billing_group_id = $group
        order by billing_group_id, credit_id
    """
    with _extract(publication, sql, {"group": group}) as extract:
        yield extract


@contextmanager
def credit_draws(publication: Publication, period: date | None, group: str | None) -> Iterator[Extract]:
    """Give the draws on customer credits of a month, or of all months when ``period`` is None."""
    sql = """
        select * from marts.fct_credit_ledger
        where ($period is null or billing_period = $period) and ($group is null or billing_group_id = $group)
        order by billing_period, billing_group_id, credit_id, invoice_line_key, sub_account_id, state
    """
    with _extract(publication, sql, {"period": period, "group": group}) as extract:
        yield extract


@contextmanager
def audit_log(publication: Publication, search: str) -> Iterator[Extract]:
    """Give every change of the ledger that holds a text anywhere, whatever its case."""
    sql = """
        select * from marts.fct_audit_log
        where
            $search = ''
            or contains(lower(concat_ws(chr(10), actor, action, subject, detail)), lower($search))
        order by audit_id
    """
    with _extract(publication, sql, {"search": search.strip()}) as extract:
        yield extract


@contextmanager
def budgets(publication: Publication, group: str | None) -> Iterator[Extract]:
    """Give every budget and month."""
    sql = """
        select * from marts.fct_budgets
        where $group is null or billing_group_id = $group
        order by billing_period, budget_id
    """
    with _extract(publication, sql, {"group": group}) as extract:
        yield extract


@contextmanager
def cost_anomalies(publication: Publication, group: str | None) -> Iterator[Extract]:
    """Give every anomaly with each of its causes, or with none where nothing on a row moved."""
    sql = """
        select
            found.*, causes.cause_number, causes.sub_account_id as cause_sub_account_id,
            causes.usage_type as cause_usage_type, causes.region_id as cause_region_id,
            causes.aws_cost as cause_aws_cost, causes.impact as cause_impact
        from marts.fct_cost_anomalies as found
        left join marts.fct_cost_anomaly_causes as causes using (billing_period, anomaly_number)
        where $group is null or found.billing_group_id = $group
        order by found.billing_period, found.anomaly_number, causes.cause_number
    """
    with _extract(publication, sql, {"group": group}) as extract:
        yield extract


@contextmanager
def changes(found: "Sequence[Change]") -> Iterator[Extract]:
    """Give every change between two deliveries; they are compared on demand and stand in no mart."""
    types = {str: "VARCHAR", int: "BIGINT", Decimal: "DECIMAL(38,10)"}
    columns = tuple(ExtractColumn(field.name, types[type(getattr(found[0], field.name))]) for field in fields(found[0]))
    yield Extract(columns=columns, rows=(astuple(change) for change in found))
