"""What the command line shows of the published copy.

What is here: opening the published copy, and one query per listing on its marts; rows come back as dictionaries with
exact values.
When to add here: a new listing of the command line.
What does not belong here: arithmetic; a number that is not in a mart belongs in one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import ChargehouseError
from orchestration.rows import named_rows
from orchestration.settings import Workspace

__all__ = [
    "Row",
    "budgets",
    "comparable_deliveries",
    "cost_anomalies",
    "credit_draws",
    "deliveries",
    "documents",
    "failed_checks",
    "invoice_lines",
    "invoice_taxes",
    "invoices",
    "late_deliveries",
    "open_periods",
    "open_problems",
    "periods",
    "price_lists",
    "problem_totals",
    "proposed_corrections",
    "published_copy",
]

Row = dict[str, Any]


@contextmanager
def published_copy(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a published copy for reading; the connection sees one version of it, whatever is published meanwhile.

    Args:
        file: ``published/chargehouse.duckdb`` of a workspace, or another file in that folder.

    Raises:
        ChargehouseError: nothing is published, another version published it, or the file cannot be read.
    """
    if not file.exists():
        raise ChargehouseError(f"Nothing is published in {file.parent.parent} yet. Now: chargehouse run")
    try:
        connection = duckdb.connect(file, read_only=True)
    except duckdb.Error as error:
        raise _unreadable(file, error) from error
    with connection:
        try:
            yield connection
        except (duckdb.BinderException, duckdb.CatalogException) as error:
            raise ChargehouseError(f"{file} was published by another version. Now: chargehouse run --force") from error
        except duckdb.IOException as error:
            raise _unreadable(file, error) from error


def _unreadable(file: Path, error: duckdb.Error) -> ChargehouseError:
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return ChargehouseError(
        f"{file} cannot be read: {reason} See who may read it; if it is damaged, remove it and: chargehouse run --force"
    )


def _query(
    workspace: Workspace, query: str, parameters: list[object] | None = None, file: Path | None = None
) -> list[Row]:
    with published_copy(file or workspace.published_file) as connection:
        return named_rows(connection, query, parameters or [])


def budgets(workspace: Workspace, billing_period: date | None = None) -> list[Row]:
    """Return one row per budget of a month, those that are furthest gone first; of the newest month when left out."""
    return _query(
        workspace,
        """
        select
            strftime(billing_period, '%Y-%m') as period,
            budget_id as budget,
            billing_group_id,
            billing_group_name as group_name,
            state,
            basis,
            currency,
            round(budget_amount, 4) as budget_amount,
            actual_amount,
            actual_percentage as percentage,
            case when is_open then forecast_amount end as forecast_amount,
            case when is_open then delivered_through end as open_until,
            reached_thresholds
        from marts.fct_budgets
        where billing_period = coalesce($1, (select max(billing_period) from marts.dim_billing_periods))
        order by actual_percentage desc nulls last, budget_id
        """,
        [billing_period],
    )


def open_periods(workspace: Workspace) -> list[date]:
    """Return the billing periods that AWS has not made final yet, and the newest one; oldest first."""
    rows = _query(
        workspace,
        """
        select billing_period
        from marts.dim_billing_periods
        where not is_final or billing_period = (select max(billing_period) from marts.dim_billing_periods)
        order by billing_period
        """,
    )
    return [row["billing_period"] for row in rows]


def cost_anomalies(workspace: Workspace, billing_period: date | None = None) -> list[Row]:
    """Return one row per anomaly of a month with what moved most, the largest first; of the newest when left out."""
    return _query(
        workspace,
        """
        select
            found.billing_group_id as "group",
            found.service_code as service,
            found.start_date as first_day,
            found.end_date as last_day,
            found.aws_cost,
            found.usual_cost,
            found.impact,
            causes.sub_account_id as account,
            causes.usage_type,
            causes.region_id as region,
            causes.impact as of_which
        from marts.fct_cost_anomalies as found
        left join marts.fct_cost_anomaly_causes as causes
            on
                found.billing_period = causes.billing_period
                and found.anomaly_number = causes.anomaly_number
                and causes.cause_number = 1
        where found.billing_period = coalesce($1, (select max(billing_period) from marts.dim_billing_periods))
        order by found.anomaly_number
        """,
        [billing_period],
    )


def periods(workspace: Workspace) -> list[Row]:
    """Return one row per billing period and payer with its cost, residual and finality."""
    return _query(
        workspace,
        """
        select
            strftime(recon.billing_period, '%Y-%m') as period,
            recon.billing_account_id as payer,
            max(recon.amount) filter (where recon.stage = 'raw') as aws_cost,
            max(recon.amount) filter (where recon.stage = 'billed') as of_which_billed,
            max(recon.amount) filter (where recon.stage = 'withheld') as withheld,
            max(recon.amount) filter (where recon.stage = 'unrated') as unrated,
            arg_max(recon.residual, abs(recon.residual)) as residual,
            any_value(periods.is_final) as final
        from marts.fct_reconciliation as recon
        left join marts.dim_billing_periods as periods using (billing_period)
        group by recon.billing_period, recon.billing_account_id
        order by recon.billing_period, recon.billing_account_id
        """,
    )


def deliveries(workspace: Workspace) -> list[Row]:
    """Return one row per delivery seen."""
    return _query(
        workspace,
        """
        select
            strftime(billing_period, '%Y-%m') as period,
            payer_account_id as payer,
            export_name as export,
            delivery_id as delivery,
            status,
            row_count as rows,
            unblended_cost,
            reason
        from marts.dim_deliveries
        order by billing_period, payer_account_id, export_name, status, delivery_id
        """,
    )


def comparable_deliveries(workspace: Workspace, period: date, payer: str | None) -> list[Row]:
    """Return the deliveries of billed exports of a month with their control totals (C2), newest first."""
    return _query(
        workspace,
        """
        select
            delivery_key,
            delivery_id,
            payer_account_id,
            export_name,
            billing_period,
            status,
            reason,
            manifest_modified_at as delivered_at,
            fingerprint,
            case when discount_mode = 'columns' then net_unblended_cost else unblended_cost end as aws_cost
        from marts.dim_deliveries
        where
            billing_period = $1 and ($2 is null or payer_account_id = $2) and payer_account_id is not null
            and delivery_id <> '' and (is_billed or status = 'rejected')
        order by payer_account_id, export_name, status <> 'current', manifest_modified_at desc, delivery_id desc
        """,
        [period, payer],
    )


def price_lists(workspace: Workspace) -> list[Row]:
    """Return one row per AWS price list seen (R8)."""
    return _query(
        workspace,
        """
        select
            source_file as file,
            offer_code as offer,
            strftime(published_at, '%Y-%m-%d') as published,
            sku_count as tiered_skus,
            status,
            reason
        from marts.dim_price_lists
        order by source_file
        """,
    )


def open_problems(workspace: Workspace) -> list[Row]:
    """Return the open problems of all periods, summed over payers, most money first."""
    return _query(
        workspace,
        """
        select
            strftime(billing_period, '%Y-%m') as period,
            billing_group_id as "group",
            problem,
            subject,
            cast(sum(row_count) as bigint) as rows,
            sum(aws_cost) as aws_cost,
            detail,
            sum(amount_at_stake) as at_stake_usd,
            strftime(since, '%Y-%m') as since,
            owner,
            file_name as file,
            ready_row as row_to_add
        from (
            select *, min(billing_period) over (partition by problem, subject, billing_group_id) as since
            from marts.fct_open_problems
        ) as problems
        group by all
        order by period, abs(sum(amount_at_stake)) desc nulls last, problem, subject
        """,
    )


def problem_totals(workspace: Workspace) -> list[Row]:
    """Return one row per period and kind of open problem that stands on rows of AWS's."""
    return _query(
        workspace,
        """
        select
            strftime(billing_period, '%Y-%m') as period,
            problem,
            cast(sum(row_count) as bigint) as rows,
            sum(aws_cost) as aws_cost
        from marts.fct_open_problems
        where row_count <> 0 or aws_cost <> 0
        group by all
        order by period, problem
        """,
    )


def failed_checks(workspace: Workspace) -> list[Row]:
    """Return the checks of the latest run that did not pass, with who acts; also of a run that published nothing."""
    return _query(
        workspace,
        """
        select check_name as "check", layer, subject, severity, detail, owner, failure_count as rows, remedy, check_id
        from marts.fct_check_results
        where status = 'fail'
        order by severity <> 'critical', layer, check_name
        """,
        file=workspace.failed_checks_file if workspace.failed_checks_file.exists() else None,
    )


def late_deliveries(workspace: Workspace, now: datetime) -> list[Row]:
    """Return what payers should have delivered by ``now`` (UTC, without zone) and did not, longest overdue first."""
    return _query(
        workspace,
        """
        select
            payer_account_id as payer,
            strftime(billing_period, '%Y-%m') as period,
            case expected when 'delivery' then 'newer delivery' else 'first delivery' end as expected,
            strftime(due_at, '%Y-%m-%d %H:%M') as due_utc
        from marts.fct_expected_deliveries
        where due_at < $1
        order by due_at, payer_account_id
        """,
        [now],
    )


def invoices(workspace: Workspace, period: date | None, group: str | None) -> list[Row]:
    """Return the draft invoices, all or those of a period and group."""
    rows = _query(
        workspace,
        """
        select
            strftime(billing_period, '%Y-%m') as period,
            billing_group_id as "group",
            customer_name as customer,
            currency,
            minor_units,
            net_amount,
            credit_amount,
            tax_amount,
            total_amount,
            line_count as lines,
            state,
            coalesce(invoice_number, '') as number,
            open_problems
        from marts.fct_invoices
        where ($1 is null or billing_period = $1) and ($2 is null or billing_group_id = $2)
        order by billing_period, billing_group_id
        """,
        [period, group],
    )
    return [_in_minor_units(row) for row in rows]


def documents(workspace: Workspace, period: date | None, group: str | None) -> list[Row]:
    """Return the issued documents of a period and group, with where their PDF is; empty where it is missing."""
    rows = _query(
        workspace,
        """
        select
            number,
            kind,
            strftime(billing_period, '%Y-%m') as period,
            billing_group_id as "group",
            coalesce(reference_number, '') as corrects,
            currency,
            minor_units,
            net_amount,
            tax_amount,
            total_amount,
            issue_date,
            due_date,
            approved_by,
            issued_by
        from marts.fct_documents
        where ($1 is null or billing_period = $1) and ($2 is null or billing_group_id = $2)
        order by document_id
        """,
        [period, group],
    )
    found = [_in_minor_units(row) for row in rows]
    for row in found:
        pdf = workspace.document_file(row["period"], row["number"], "pdf")
        row["pdf"] = str(pdf) if pdf.exists() else ""
    return found


def proposed_corrections(workspace: Workspace, period: date | None, group: str | None) -> list[Row]:
    """Return the corrections that can be approved and issued (D4)."""
    rows = _query(
        workspace,
        """
        select
            strftime(billing_period, '%Y-%m') as period,
            billing_group_id as "group",
            kind,
            reference_number as corrects,
            currency,
            minor_units,
            net_amount,
            tax_amount,
            total_amount,
            state
        from marts.fct_proposed_documents
        where revision > 0 and ($1 is null or billing_period = $1) and ($2 is null or billing_group_id = $2)
        order by billing_period, billing_group_id
        """,
        [period, group],
    )
    return [_in_minor_units(row) for row in rows]


def invoice_lines(workspace: Workspace, period: date | None, group: str | None) -> list[Row]:
    """Return the lines of the invoices of a period and group as of today, with the state of their invoice."""
    rows = _query(
        workspace,
        """
        select
            strftime(lines.billing_period, '%Y-%m') as period,
            lines.billing_group_id as "group",
            lines.line_number as line,
            lines.line_kind as kind,
            lines.service_code as service,
            lines.description,
            lines.exact_amount_usd,
            lines.currency,
            lines.minor_units,
            lines.net_amount,
            lines.credit_amount,
            lines.tax_category,
            lines.tax_rate,
            invoices.state,
            coalesce(invoices.invoice_number, '') as number
        from marts.fct_invoice_lines as lines
        left join marts.fct_invoices as invoices using (billing_period, billing_group_id)
        where ($1 is null or lines.billing_period = $1) and ($2 is null or lines.billing_group_id = $2)
        order by lines.billing_period, lines.billing_group_id, lines.line_number
        """,
        [period, group],
    )
    return [_in_minor_units(row) for row in rows]


def overdrawn_credits(workspace: Workspace) -> list[Row]:
    """Return the credits that paid more on issued documents than they are now: granted less, or taken back since."""
    return _query(
        workspace,
        """
        select
            credit_id as credit,
            billing_group_id as "group",
            currency,
            granted_amount,
            -issued_amount as issued_amount
        from marts.fct_credit_balances
        where granted_amount + issued_amount < 0
        order by credit_id
        """,
    )


def credit_draws(workspace: Workspace, period: date | None, group: str | None) -> list[Row]:
    """Return what customer credits pay on the draft invoices of a period and group, by line and account (K1)."""
    rows = _query(
        workspace,
        """
        select
            strftime(draws.billing_period, '%Y-%m') as period,
            draws.credit_id as credit,
            lines.line_number as line,
            draws.sub_account_id as account,
            draws.currency,
            lines.minor_units,
            draws.amount
        from marts.fct_credit_ledger as draws
        inner join marts.fct_invoice_lines as lines using (billing_period, invoice_line_key)
        where ($1 is null or draws.billing_period = $1) and ($2 is null or draws.billing_group_id = $2)
        order by draws.billing_period, draws.billing_group_id, draws.credit_id, lines.line_number, account
        """,
        [period, group],
    )
    return [_in_minor_units(row) for row in rows]


def invoice_taxes(workspace: Workspace, period: date | None, group: str | None) -> list[Row]:
    """Return the tax of the draft invoices of a period and group, per category and rate (T3)."""
    rows = _query(
        workspace,
        """
        select
            strftime(taxes.billing_period, '%Y-%m') as period,
            taxes.tax_category,
            taxes.tax_name,
            taxes.tax_rate,
            taxes.exemption_reason,
            taxes.currency,
            invoices.minor_units,
            taxes.taxable_amount,
            taxes.tax_amount
        from marts.fct_invoice_taxes as taxes
        inner join marts.fct_invoices as invoices using (billing_period, billing_group_id)
        where ($1 is null or taxes.billing_period = $1) and ($2 is null or taxes.billing_group_id = $2)
        order by taxes.billing_period, taxes.billing_group_id, taxes.tax_category, taxes.tax_rate
        """,
        [period, group],
    )
    return [_in_minor_units(row) for row in rows]


def _in_minor_units(row: Row) -> Row:
    """Write rounded amounts with the decimals of their currency: 12 JPY, 12.00 USD, 12.000 KWD (ISO 4217)."""
    unit = Decimal(1).scaleb(-row["minor_units"])
    return {
        name: value.quantize(unit) if name in _ROUNDED and value is not None else value
        for name, value in row.items()
        if name != "minor_units"
    }


_ROUNDED = ("net_amount", "credit_amount", "taxable_amount", "tax_amount", "total_amount", "amount")
