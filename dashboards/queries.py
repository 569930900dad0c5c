"""Every question the pages ask of the published marts.

What is here: one named function for one SELECT, with the record it answers with. Values are always bound,
never written into the text. Answers are cached for as long as the same published file is in place.
When to add here: a page needs another number. If it needs arithmetic beyond a sum or a change to the month
before, it belongs in a mart instead.
What does not belong here: how numbers look; Streamlit elements; whole tables for downloads (``extracts.py``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ParamSpec, TypeVar

import streamlit as st

from dashboards.publication import Publication, reading

__all__ = [
    "ACCOUNT_NAMES",
    "CHARGES_SHOWN",
    "CHARGE_FILTER",
    "CHARGE_ORDER",
    "CHARGE_TIES",
    "COMMITMENTS_SHOWN",
    "COMMITMENT_FILTER",
    "COMMITMENT_ORDER",
    "AwsInvoiceService",
    "BillingGroup",
    "BillingPeriod",
    "Charge",
    "ChargeFilter",
    "ChargeGroup",
    "ChargeOption",
    "ChargeSort",
    "ChargeTotals",
    "CheckFailure",
    "CheckResult",
    "Commitment",
    "CommitmentBenefit",
    "CommitmentPolicies",
    "CommitmentSort",
    "CommitmentTotals",
    "Delivery",
    "ExplainableLine",
    "GroupCharge",
    "GroupChargePart",
    "GroupSummary",
    "Grouping",
    "Headline",
    "Invoice",
    "InvoiceAccount",
    "InvoiceLine",
    "InvoiceLineAccount",
    "InvoiceTies",
    "InvoiceTotal",
    "LateDelivery",
    "MonthTotal",
    "OpenProblem",
    "ProblemTotal",
    "Reconciliation",
    "Run",
    "ServiceTotal",
    "aws_invoice_services",
    "billing_groups",
    "billing_periods",
    "cached",
    "charge_groups",
    "charge_options",
    "charge_totals",
    "charges",
    "check_failures",
    "check_results",
    "column_comments",
    "commitment_benefits",
    "commitment_policies",
    "commitment_totals",
    "commitments",
    "deliveries",
    "explainable_lines",
    "fetch",
    "group_charge_parts",
    "group_charges",
    "group_summaries",
    "headline",
    "invoice_accounts",
    "invoice_line_accounts",
    "invoice_lines",
    "invoice_ties",
    "invoice_totals",
    "invoices",
    "late_deliveries",
    "latest_run",
    "meaning",
    "month_totals",
    "open_problems",
    "problem_totals",
    "reconciliation",
    "service_totals",
]

P = ParamSpec("P")
R = TypeVar("R")
Record = TypeVar("Record")

# More rows than this help nobody on a screen; the downloads hold all of them.
CHARGES_SHOWN = 250
COMMITMENTS_SHOWN = 250
# A year and the month it is compared with.
MONTHS_SHOWN = 13


def cached(query: Callable[P, R]) -> Callable[P, R]:
    """Keep the answers of a query for each version of the published file."""
    keep = st.cache_data(show_spinner=False, max_entries=100, hash_funcs={Publication: lambda version: version.stamp})
    return keep(query)


def fetch(
    publication: Publication, record: type[Record], sql: str, parameters: Mapping[str, object] | None = None
) -> tuple[Record, ...]:
    """Answer with one ``record`` per row; columns and fields must have the same names, in any order."""
    with reading(publication) as con:
        result = con.execute(sql, parameters)
        names = [column[0] for column in result.description or ()]
        return tuple(record(**dict(zip(names, row, strict=True))) for row in result.fetchall())


# Legacy reports know no account names, so the column may be missing; `by name` then fills it with nulls.
ACCOUNT_NAMES = """
    (
        select sub_account_id, coalesce(account_name, '') as account_name
        from (
            select * from marts.dim_accounts
            union all by name
            select cast(null as varchar) as account_name where false
        )
    )
"""


@cached
def column_comments(publication: Publication) -> dict[str, str]:
    """Return what each published column means, by ``<table>.<column>``: what dbt documents it with."""
    sql = """
        select table_name || '.' || column_name, comment
        from duckdb_columns()
        where database_name = 'published' and schema_name = 'marts' and comment is not null
    """
    with reading(publication) as con:
        return dict(con.execute(sql).fetchall())


def meaning(publication: Publication, column: str) -> str:
    """Return what ``<table>.<column>`` means, empty where it is not documented."""
    return column_comments(publication).get(column, "")


@dataclass(frozen=True)
class Run:
    """The run that published; ``finished_at`` is UTC."""

    run_id: str
    finished_at: datetime | None
    membership_basis: str
    code_version: str


@cached
def latest_run(publication: Publication) -> Run | None:
    """Return the last run, None when the file names none."""
    runs = fetch(
        publication,
        Run,
        """
        select run_id, finished_at, membership_basis, code_version
        from marts.fct_runs
        order by finished_at desc nulls first, run_id
        limit 1
        """,
    )
    return runs[0] if runs else None


@dataclass(frozen=True)
class BillingPeriod:
    """One month; ``is_final`` once AWS has invoiced every charge of it."""

    billing_period: date
    is_final: bool


@cached
def billing_periods(publication: Publication) -> tuple[BillingPeriod, ...]:
    """Return the published months, newest first."""
    return fetch(
        publication,
        BillingPeriod,
        "select billing_period, is_final from marts.dim_billing_periods order by billing_period desc",
    )


@dataclass(frozen=True)
class BillingGroup:
    """One billing group, ``UNASSIGNED`` included."""

    billing_group_id: str
    billing_group_name: str


@cached
def billing_groups(publication: Publication) -> tuple[BillingGroup, ...]:
    """Return all groups by name, ``UNASSIGNED`` last."""
    return fetch(
        publication,
        BillingGroup,
        """
        select distinct billing_group_id, billing_group_name
        from marts.dim_billing_groups
        order by billing_group_id = 'UNASSIGNED', lower(billing_group_name), billing_group_id
        """,
    )


# Percentages are asked for through decimal_division: `/` would answer with a double.
_MARGIN_PERCENTAGE = """
    case when sum(billed_cost + customer_credits) <> 0
        then decimal_division(
            cast(sum(margin) * 100 as decimal(30, 10)),
            cast(sum(billed_cost + customer_credits) as decimal(38, 10)), 2
        )
    end
"""


@dataclass(frozen=True)
class Headline:
    """A month's totals in USD without tax, and what changed since the calendar month before.

    Changes are None where the month before is not published; percentages also where they have no base.
    """

    rated_charges: Decimal
    group_charges: Decimal
    billed_cost: Decimal
    customer_credits: Decimal
    aws_cost: Decimal
    margin: Decimal
    margin_percentage: Decimal | None
    withheld_aws_cost: Decimal
    unrated_aws_cost: Decimal
    unassigned_aws_cost: Decimal
    previous_period: date | None
    billed_change: Decimal | None
    billed_change_percentage: Decimal | None
    aws_change: Decimal | None
    aws_change_percentage: Decimal | None
    margin_change: Decimal | None
    margin_points_change: Decimal | None


@cached
def headline(publication: Publication, period: date, group: str | None) -> Headline | None:
    """Return the totals of a month for one group, or for all of them when ``group`` is None."""
    found = fetch(
        publication,
        Headline,
        f"""
        with months as (
            select
                billing_period,
                sum(rated_charges) as rated_charges,
                sum(group_charges) as group_charges,
                sum(billed_cost) as billed_cost,
                sum(customer_credits) as customer_credits,
                sum(aws_cost) as aws_cost,
                sum(margin) as margin,
                {_MARGIN_PERCENTAGE} as margin_percentage,
                sum(withheld_aws_cost) as withheld_aws_cost,
                sum(unrated_aws_cost) as unrated_aws_cost,
                coalesce(
                    sum(aws_cost) filter (billing_group_id = 'UNASSIGNED'), cast(0 as decimal(38, 10))
                ) as unassigned_aws_cost
            from marts.rpt_billing_group_summary
            where
                billing_period in ($period, $period - interval 1 month)
                and ($group is null or billing_group_id = $group)
            group by billing_period
        )

        select
            this.rated_charges,
            this.group_charges,
            this.billed_cost,
            this.customer_credits,
            this.aws_cost,
            this.margin,
            this.margin_percentage,
            this.withheld_aws_cost,
            this.unrated_aws_cost,
            this.unassigned_aws_cost,
            before.billing_period as previous_period,
            this.billed_cost - before.billed_cost as billed_change,
            case when before.billed_cost > 0
                then decimal_division(
                    cast((this.billed_cost - before.billed_cost) * 100 as decimal(30, 10)),
                    cast(before.billed_cost as decimal(38, 10)), 2
                )
            end as billed_change_percentage,
            this.aws_cost - before.aws_cost as aws_change,
            case when before.aws_cost > 0
                then decimal_division(
                    cast((this.aws_cost - before.aws_cost) * 100 as decimal(30, 10)),
                    cast(before.aws_cost as decimal(38, 10)), 2
                )
            end as aws_change_percentage,
            this.margin - before.margin as margin_change,
            this.margin_percentage - before.margin_percentage as margin_points_change
        from months as this
        left join months as before on before.billing_period < this.billing_period
        where this.billing_period = $period
        """,
        {"period": period, "group": group},
    )
    return found[0] if found else None


@dataclass(frozen=True)
class GroupSummary:
    """One group and month in USD without tax; rated and group charges together are the billed cost.

    What the group is charged is the billed cost and the customer credits, which are at or below 0.
    """

    billing_group_id: str
    billing_group_name: str
    list_cost: Decimal
    aws_cost: Decimal
    rated_charges: Decimal
    group_charges: Decimal
    billed_cost: Decimal
    customer_credits: Decimal
    margin: Decimal
    margin_percentage: Decimal | None
    withheld_aws_cost: Decimal
    unrated_aws_cost: Decimal


@cached
def group_summaries(publication: Publication, period: date, group: str | None) -> tuple[GroupSummary, ...]:
    """Return the groups of a month, the largest billed amount first, ``UNASSIGNED`` last."""
    return fetch(
        publication,
        GroupSummary,
        """
        select
            billing_group_id, billing_group_name, list_cost, aws_cost, rated_charges, group_charges, billed_cost,
            customer_credits, margin, margin_percentage, withheld_aws_cost, unrated_aws_cost
        from marts.rpt_billing_group_summary
        where billing_period = $period and ($group is null or billing_group_id = $group)
        order by billing_group_id = 'UNASSIGNED', billed_cost desc, billing_group_id
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class MarginPart:
    """What one part adds to the margin, in USD without tax (X3)."""

    component: str
    amount: Decimal


@cached
def margin_parts(publication: Publication, period: date, group: str | None) -> tuple[MarginPart, ...]:
    """Return the parts of a month's margin, which sum to it exactly, the largest first."""
    return fetch(
        publication,
        MarginPart,
        """
        select component, sum(amount) as amount
        from marts.fct_margin
        where billing_period = $period and ($group is null or billing_group_id = $group)
        group by component
        having sum(amount) <> 0
        order by amount desc, component
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class MonthTotal:
    """One month in USD without tax."""

    billing_period: date
    is_final: bool
    list_cost: Decimal
    aws_cost: Decimal
    billed_cost: Decimal
    margin: Decimal
    margin_percentage: Decimal | None


@cached
def month_totals(publication: Publication, period: date, group: str | None) -> tuple[MonthTotal, ...]:
    """Return up to thirteen months that end with ``period``, oldest first."""
    return fetch(
        publication,
        MonthTotal,
        f"""
        with months as (
            select
                billing_period,
                periods.is_final,
                sum(list_cost) as list_cost,
                sum(aws_cost) as aws_cost,
                sum(billed_cost) as billed_cost,
                sum(margin) as margin,
                {_MARGIN_PERCENTAGE} as margin_percentage
            from marts.rpt_billing_group_summary
            inner join (select billing_period, is_final from marts.dim_billing_periods) as periods
                using (billing_period)
            where billing_period <= $period and ($group is null or billing_group_id = $group)
            group by all
            order by billing_period desc
            limit {MONTHS_SHOWN}
        )

        select * from months order by billing_period
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class ServiceTotal:
    """One service in USD without tax, all services that are not listed themselves, or one kind of group charge.

    Attributes:
        service_code: the service; None for the other services and for group charges.
        service_name: its name, the code where it has none; empty where there is no code.
        group_charge_kind: which charges of the group as a whole, which belong to no service; empty for services.
        aws_cost: what AWS charged; group charges have none.
        billed_cost: what was billed.
        margin: the difference.
    """

    service_code: str | None
    service_name: str
    group_charge_kind: str
    aws_cost: Decimal
    billed_cost: Decimal
    margin: Decimal


@cached
def service_totals(publication: Publication, period: date, group: str | None, limit: int) -> tuple[ServiceTotal, ...]:
    """Return what the billed total of a month is made of.

    That is the ``limit`` services that were billed most, all others as one, then the kinds of group charges in
    the order they are worked out.
    """
    return fetch(
        publication,
        ServiceTotal,
        """
        with services as (
            select
                service_code,
                sum(aws_cost) as aws_cost,
                -- A union takes the smaller scale in silence, so both sides have the same.
                cast(sum(billed_cost) as decimal(38, 24)) as billed_cost,
                row_number() over (
                    order by sum(billed_cost) desc, sum(aws_cost) desc, service_code
                ) as position
            from marts.fct_charges
            where
                billing_period = $period
                and ($group is null or billing_group_id = $group)
                and charge_type <> 'aws_tax'
            group by service_code
        ),

        shown as (
            select
                case when position <= $limit and billed_cost <> 0 then service_code end as service_code,
                '' as group_charge_kind,
                max(position) as position,
                sum(aws_cost) as aws_cost,
                cast(sum(billed_cost) as decimal(38, 24)) as billed_cost
            from services
            group by case when position <= $limit and billed_cost <> 0 then service_code end
            union all
            select
                cast(null as varchar) as service_code,
                kind as group_charge_kind,
                list_position(['shared_cost', 'custom_line_item', 'support', 'minimum_commitment'], kind) as position,
                cast(0 as decimal(38, 10)) as aws_cost,
                cast(sum(billed_cost) as decimal(38, 24)) as billed_cost
            from marts.fct_group_charges
            where billing_period = $period and ($group is null or billing_group_id = $group)
            group by kind
            having sum(billed_cost) <> 0
        )

        select
            shown.service_code,
            coalesce(nullif(dim_services.service_name, ''), shown.service_code, '') as service_name,
            shown.group_charge_kind,
            shown.aws_cost,
            shown.billed_cost,
            shown.billed_cost - shown.aws_cost as margin
        from shown
        left join marts.dim_services on shown.service_code = dim_services.service_code
        order by shown.group_charge_kind <> '', shown.service_code is null, shown.position
        """,
        {"period": period, "group": group, "limit": limit},
    )


@dataclass(frozen=True)
class Invoice:
    """One invoice as of today; amounts are in ``currency`` and None while its rate is missing.

    ``tax_amount`` holds the customer's tax and AWS's tax passed on; ``aws_tax_amount`` is the latter alone.
    """

    billing_group_id: str
    billing_group_name: str
    customer_id: str
    customer_name: str
    address: str
    postal_code: str
    city: str
    subdivision: str
    country_code: str
    tax_id: str
    payment_terms_days: int | None
    issuer_id: str
    currency: str
    minor_units: int
    fx_rate: Decimal | None
    fx_source: str
    exact_amount_usd: Decimal
    net_amount: Decimal | None
    credit_amount: Decimal | None
    taxable_amount: Decimal | None
    tax_amount: Decimal | None
    aws_tax_amount: Decimal | None
    total_amount: Decimal | None
    rounding_difference: Decimal | None
    line_count: int
    state: str
    invoice_number: str
    open_problems: str
    is_final: bool


@cached
def invoices(publication: Publication, period: date, group: str | None) -> tuple[Invoice, ...]:
    """Return the invoices of a month by customer."""
    return fetch(
        publication,
        Invoice,
        """
        select
            inv.billing_group_id,
            inv.billing_group_name,
            inv.customer_id,
            coalesce(nullif(inv.customer_name, ''), inv.customer_id) as customer_name,
            coalesce(cus.address, '') as address,
            coalesce(cus.postal_code, '') as postal_code,
            coalesce(cus.city, '') as city,
            coalesce(cus.subdivision, '') as subdivision,
            coalesce(cus.country_code, '') as country_code,
            coalesce(cus.tax_id, '') as tax_id,
            cus.payment_terms_days,
            inv.issuer_id,
            inv.currency,
            inv.minor_units,
            inv.fx_rate,
            coalesce(inv.fx_source, '') as fx_source,
            inv.exact_amount_usd,
            inv.net_amount,
            inv.credit_amount,
            inv.taxable_amount,
            inv.tax_amount,
            aws_tax.net_amount as aws_tax_amount,
            inv.total_amount,
            inv.rounding_difference,
            inv.line_count,
            inv.state,
            coalesce(inv.invoice_number, '') as invoice_number,
            coalesce(inv.open_problems, '') as open_problems,
            inv.is_final
        from marts.fct_invoices as inv
        left join marts.dim_customers as cus on inv.customer_id = cus.customer_id
        left join (
            select billing_group_id, sum(net_amount) as net_amount
            from marts.fct_invoice_lines
            where billing_period = $period and line_kind = 'aws_tax'
            group by billing_group_id
        ) as aws_tax on inv.billing_group_id = aws_tax.billing_group_id
        where inv.billing_period = $period and ($group is null or inv.billing_group_id = $group)
        order by lower(customer_name), inv.billing_group_id
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class InvoiceTotal:
    """All invoices of a month in one currency; those without a rate are counted but have no amount."""

    currency: str
    minor_units: int
    invoice_count: int
    without_rate_count: int
    net_amount: Decimal | None
    credit_amount: Decimal | None
    tax_amount: Decimal | None
    total_amount: Decimal | None
    rounding_difference: Decimal | None
    line_count: int


@cached
def invoice_totals(publication: Publication, period: date, group: str | None) -> tuple[InvoiceTotal, ...]:
    """Return one total per currency."""
    return fetch(
        publication,
        InvoiceTotal,
        """
        select
            currency,
            any_value(minor_units) as minor_units,
            count(*) as invoice_count,
            count(*) filter (total_amount is null) as without_rate_count,
            sum(net_amount) as net_amount,
            sum(credit_amount) as credit_amount,
            sum(tax_amount) as tax_amount,
            sum(total_amount) as total_amount,
            sum(rounding_difference) as rounding_difference,
            cast(sum(line_count) as bigint) as line_count
        from marts.fct_invoices
        where billing_period = $period and ($group is null or billing_group_id = $group)
        group by currency
        order by currency
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class InvoiceLine:
    """One line; ``net_amount`` and ``credit_amount`` in the invoice currency, None while its rate is missing.

    ``tax_category`` is empty where no rate is configured, and names the taxed one where accounts have several.
    """

    line_number: int
    line_kind: str
    source_id: str
    service_code: str
    service_name: str
    description: str
    exact_amount_usd: Decimal
    net_amount: Decimal | None
    credit_amount: Decimal | None
    tax_category: str
    tax_rate: Decimal | None
    has_several_tax_categories: bool


@cached
def invoice_lines(publication: Publication, period: date, group: str) -> tuple[InvoiceLine, ...]:
    """Return the lines of one invoice in their order."""
    return fetch(
        publication,
        InvoiceLine,
        """
        select
            line_number,
            line_kind,
            coalesce(source_id, '') as source_id,
            coalesce(service_code, '') as service_code,
            coalesce(service_name, '') as service_name,
            coalesce(description, '') as description,
            exact_amount_usd,
            net_amount,
            credit_amount,
            coalesce(tax_category, '') as tax_category,
            tax_rate,
            coalesce(has_several_tax_categories, false) as has_several_tax_categories
        from marts.fct_invoice_lines
        where billing_period = $period and billing_group_id = $group
        order by line_number
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class ExplainableLine:
    """One line of a draft, to be chosen."""

    billing_group_id: str
    billing_group_name: str
    invoice_line_key: str
    line_number: int
    line_kind: str
    description: str
    currency: str
    minor_units: int
    net_amount: Decimal | None


@cached
def explainable_lines(publication: Publication, period: date, group: str | None) -> tuple[ExplainableLine, ...]:
    """Return the lines of a month's drafts, of all groups or one, in the order of the drafts."""
    return fetch(
        publication,
        ExplainableLine,
        """
        select
            lines.billing_group_id,
            coalesce(invoices.billing_group_name, lines.billing_group_id) as billing_group_name,
            lines.invoice_line_key,
            lines.line_number,
            lines.line_kind,
            coalesce(lines.description, lines.line_kind) as description,
            lines.currency,
            invoices.minor_units,
            lines.net_amount
        from marts.fct_invoice_lines as lines
        inner join marts.fct_invoices as invoices
            on lines.billing_period = invoices.billing_period and lines.billing_group_id = invoices.billing_group_id
        where lines.billing_period = $period and ($group is null or lines.billing_group_id = $group)
        order by lower(invoices.billing_group_name), lines.billing_group_id, lines.line_number
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class InvoiceAccount:
    """What one account has of an invoice, AWS tax passed on included."""

    sub_account_id: str
    account_name: str
    exact_amount_usd: Decimal
    net_amount: Decimal | None
    credit_amount: Decimal | None


@cached
def invoice_accounts(publication: Publication, period: date, group: str) -> tuple[InvoiceAccount, ...]:
    """Return one invoice by account, largest first."""
    return fetch(
        publication,
        InvoiceAccount,
        f"""
        select
            parts.sub_account_id,
            coalesce(any_value(account.account_name), '') as account_name,
            sum(parts.exact_amount_usd) as exact_amount_usd,
            sum(parts.net_amount) as net_amount,
            sum(parts.credit_amount) as credit_amount
        from marts.fct_invoice_line_accounts as parts
        left join {ACCOUNT_NAMES} as account on parts.sub_account_id = account.sub_account_id
        where parts.billing_period = $period and parts.billing_group_id = $group
        group by parts.sub_account_id
        order by sum(parts.exact_amount_usd) desc, parts.sub_account_id
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class InvoiceLineAccount:
    """What one account has of one line."""

    line_number: int
    description: str
    sub_account_id: str
    account_name: str
    exact_amount_usd: Decimal
    net_amount: Decimal | None
    credit_amount: Decimal | None


@cached
def invoice_line_accounts(publication: Publication, period: date, group: str) -> tuple[InvoiceLineAccount, ...]:
    """Return every line of one invoice split over its accounts (M5), in line order."""
    return fetch(
        publication,
        InvoiceLineAccount,
        f"""
        select
            line.line_number,
            coalesce(
                nullif(line.description, ''), nullif(line.service_name, ''), line.line_kind
            ) as description,
            parts.sub_account_id,
            coalesce(account.account_name, '') as account_name,
            parts.exact_amount_usd,
            parts.net_amount,
            parts.credit_amount
        from marts.fct_invoice_line_accounts as parts
        inner join marts.fct_invoice_lines as line
            on parts.billing_period = line.billing_period
            and parts.billing_group_id = line.billing_group_id
            and parts.invoice_line_key = line.invoice_line_key
        left join {ACCOUNT_NAMES} as account on parts.sub_account_id = account.sub_account_id
        where parts.billing_period = $period and parts.billing_group_id = $group
        order by line.line_number, parts.exact_amount_usd desc, parts.sub_account_id
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class InvoiceTies:
    """What the views of one invoice sum to, and how far each is from what the invoice says.

    Differences are None while the invoice has no amounts.

    Attributes:
        lines_exact_usd, lines_amount, lines_credit: sums over the lines, AWS's tax passed on included.
        accounts_exact_usd, accounts_amount, accounts_credit: the same over the accounts' parts.
        taxable_amount, tax_amount: sums over tax categories and rates.
        lines_difference: net amount and AWS's tax of the lines minus those of the invoice.
        accounts_difference: net amount, credits and AWS's tax of the accounts minus those of the invoice.
        credit_difference: credits of the lines minus those of the invoice.
        tax_difference: tax by category and rate plus AWS's tax, minus that of the invoice.
        total_difference: net, credits and tax minus the total.
    """

    lines_exact_usd: Decimal | None
    lines_amount: Decimal | None
    lines_credit: Decimal | None
    accounts_exact_usd: Decimal | None
    accounts_amount: Decimal | None
    accounts_credit: Decimal | None
    taxable_amount: Decimal | None
    tax_amount: Decimal | None
    lines_difference: Decimal | None
    accounts_difference: Decimal | None
    credit_difference: Decimal | None
    tax_difference: Decimal | None
    total_difference: Decimal | None

    @property
    def differences(self) -> tuple[Decimal | None, ...]:
        """All that must be zero (M6)."""
        return (
            *(self.lines_difference, self.accounts_difference, self.credit_difference, self.tax_difference),
            self.total_difference,
        )


@cached
def invoice_ties(publication: Publication, period: date, group: str) -> InvoiceTies:
    """Compare one invoice's total with the sums of its views (M6)."""
    return fetch(
        publication,
        InvoiceTies,
        """
        select
            lines.exact_amount_usd as lines_exact_usd,
            lines.net_amount as lines_amount,
            lines.credit_amount as lines_credit,
            accounts.exact_amount_usd as accounts_exact_usd,
            accounts.net_amount as accounts_amount,
            accounts.credit_amount as accounts_credit,
            taxes.taxable_amount,
            taxes.tax_amount,
            lines.net_amount - inv.net_amount - lines.aws_tax_amount as lines_difference,
            accounts.net_amount - inv.net_amount - lines.aws_tax_amount
            + accounts.credit_amount - inv.credit_amount as accounts_difference,
            lines.credit_amount - inv.credit_amount as credit_difference,
            taxes.tax_amount + lines.aws_tax_amount - inv.tax_amount as tax_difference,
            inv.net_amount + inv.credit_amount + inv.tax_amount - inv.total_amount as total_difference
        from (
            select
                sum(exact_amount_usd) as exact_amount_usd,
                sum(net_amount) as net_amount,
                sum(credit_amount) as credit_amount,
                coalesce(sum(net_amount) filter (line_kind = 'aws_tax'), 0) as aws_tax_amount
            from marts.fct_invoice_lines
            where billing_period = $period and billing_group_id = $group
        ) as lines
        cross join (
            select
                sum(exact_amount_usd) as exact_amount_usd,
                sum(net_amount) as net_amount,
                sum(credit_amount) as credit_amount
            from marts.fct_invoice_line_accounts
            where billing_period = $period and billing_group_id = $group
        ) as accounts
        cross join (
            select
                coalesce(sum(taxable_amount), 0) as taxable_amount,
                coalesce(sum(tax_amount), 0) as tax_amount
            from marts.fct_invoice_taxes
            where billing_period = $period and billing_group_id = $group
        ) as taxes
        left join marts.fct_invoices as inv
            on inv.billing_period = $period and inv.billing_group_id = $group
        """,
        {"period": period, "group": group},
    )[0]


@dataclass(frozen=True)
class GroupCharge:
    """How one invoice line of a group charge came about; amounts in exact USD.

    Attributes:
        kind, source_id, service_code: the line's key together with its group.
        method: how it was worked out.
        base_amount: what the percentage is of, or what was split.
        base_of: of what a percentage's base is made: ``rated`` charges, ``all`` (rated charges and shared costs),
            one ``service`` of an itemised charge, its ``rest`` without a service, or ``selected`` by the item.
        percentage: percent of the base, negative for a credit; None where it is none.
        weight, weight_total: the group's weight in a split and that of all; None where nothing is split.
        share_percentage: the one in percent of the other.
        is_equal_split: the weights said nothing, so every part got the same (M5).
        committed_amount: what the group has promised to spend (G5).
        billed_cost: what it comes to.
    """

    kind: str
    source_id: str
    service_code: str
    method: str
    base_amount: Decimal | None
    base_of: str
    percentage: Decimal | None
    weight: Decimal | None
    weight_total: Decimal | None
    share_percentage: Decimal | None
    is_equal_split: bool
    committed_amount: Decimal | None
    billed_cost: Decimal


@cached
def group_charges(publication: Publication, period: date, group: str) -> tuple[GroupCharge, ...]:
    """Return the charges of one group as a whole, one per invoice line (section 7)."""
    return fetch(
        publication,
        GroupCharge,
        """
        with charges as (
            select * from marts.fct_group_charges
            where billing_period = $period and billing_group_id = $group
        ),

        -- A base that is split over accounts stands on each of their rows; savings are each account's own.
        parts as (
            select
                kind,
                source_id,
                service_code,
                part,
                max(method) as method,
                case when max(method) = 'EXACT_SAVINGS' then sum(base_amount) else max(base_amount) end as base_amount,
                max(percentage) as percentage,
                sum(weight) as weight,
                max(weight_total) as weight_total,
                bool_or(is_equal_split) as is_equal_split,
                max(committed_amount) as committed_amount,
                sum(billed_cost) as billed_cost
            from charges
            group by kind, source_id, service_code, part
        ),

        lines as (
            select
                kind,
                source_id,
                service_code,
                count(*) over (partition by kind, source_id) as lines_of_source,
                max(method) as method,
                sum(base_amount) as base_amount,
                max(percentage) as percentage,
                max(weight) as weight,
                max(weight_total) as weight_total,
                bool_or(is_equal_split) as is_equal_split,
                max(committed_amount) as committed_amount,
                sum(billed_cost) as billed_cost
            from parts
            group by kind, source_id, service_code
        ),

        whole as (
            select
                coalesce((
                    select sum(rated_charges) from marts.rpt_billing_group_summary
                    where billing_period = $period and billing_group_id = $group
                ), 0) as rated_charges,
                coalesce((select sum(billed_cost) from charges where kind = 'shared_cost'), 0) as shared_costs
        )

        select
            lines.* exclude (lines_of_source),
            case
                when lines.lines_of_source > 1 and lines.service_code <> '' then 'service'
                when lines.lines_of_source > 1 then 'rest'
                when lines.base_amount <> whole.rated_charges + whole.shared_costs then 'selected'
                when whole.shared_costs = 0 then 'rated'
                else 'all'
            end as base_of,
            case when lines.weight_total > 0
                then decimal_division(
                    cast(cast(lines.weight as decimal(28, 10)) * 100 as decimal(30, 10)),
                    cast(lines.weight_total as decimal(38, 10)), 2
                )
            end as share_percentage
        from lines
        cross join whole
        order by lines.kind, lines.source_id, lines.service_code
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class GroupChargePart:
    """What one account has of a group charge, and of which commitment; amounts in exact USD."""

    kind: str
    source_id: str
    service_code: str
    part: str
    sub_account_id: str
    account_name: str
    weight: Decimal | None
    weight_total: Decimal | None
    billed_cost: Decimal


@cached
def group_charge_parts(publication: Publication, period: date, group: str) -> tuple[GroupChargePart, ...]:
    """Return the charges of one group as a whole as they were worked out, the largest part of a line first."""
    return fetch(
        publication,
        GroupChargePart,
        f"""
        select
            charge.kind,
            charge.source_id,
            charge.service_code,
            charge.part,
            charge.sub_account_id,
            coalesce(account.account_name, '') as account_name,
            charge.weight,
            charge.weight_total,
            charge.billed_cost
        from marts.fct_group_charges as charge
        left join {ACCOUNT_NAMES} as account on charge.sub_account_id = account.sub_account_id
        where charge.billing_period = $period and charge.billing_group_id = $group
        order by
            charge.kind, charge.source_id, charge.service_code, abs(charge.billed_cost) desc, charge.sub_account_id,
            charge.part
        """,
        {"period": period, "group": group},
    )


class Grouping(StrEnum):
    """What charges are added up by."""

    GROUP = "group"
    ACCOUNT = "account"
    SERVICE = "service"
    USAGE_TYPE = "usage_type"
    CHARGE_TYPE = "charge_type"
    REGION = "region"
    RULE = "rule"
    TREATMENT = "treatment"
    NONE = "none"


class ChargeSort(StrEnum):
    """What comes first."""

    BILLED = "billed"
    AWS = "aws"
    LIST = "list"
    NAME = "name"


@dataclass(frozen=True)
class ChargeFilter:
    """Which charges are meant; an empty tuple or text leaves everything in.

    Attributes:
        period: first day of the month.
        group: billing group id, None for all.
        accounts: sub account ids.
        services: service codes.
        charge_types: charge types.
        treatments: treatments.
        search: text found anywhere in the ids and names of a charge, whatever its case.
    """

    period: date
    group: str | None = None
    accounts: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    charge_types: tuple[str, ...] = ()
    treatments: tuple[str, ...] = ()
    search: str = ""

    @property
    def parameters(self) -> dict[str, object]:
        """The values of the filter's clause."""
        return {
            "period": self.period,
            "group": self.group,
            "accounts": list(self.accounts),
            "services": list(self.services),
            "charge_types": list(self.charge_types),
            "treatments": list(self.treatments),
            "search": self.search.strip().lower(),
        }


# Names that are looked up are called known_*: the mart may have names of its own.
CHARGE_FILTER = f"""
    named_charges as (
        select
            charge.*,
            coalesce(grp.billing_group_name, charge.billing_group_id) as known_group,
            coalesce(account.account_name, '') as known_account,
            coalesce(service.service_name, '') as known_service,
            coalesce(nullif(charge.shared_cost_rule_id, ''), charge.pricing_rule_id) as known_rule
        from marts.fct_charges as charge
        left join (select distinct billing_group_id, billing_group_name from marts.dim_billing_groups) as grp
            on charge.billing_group_id = grp.billing_group_id
        left join {ACCOUNT_NAMES} as account on charge.sub_account_id = account.sub_account_id
        left join marts.dim_services as service on charge.service_code = service.service_code
        where charge.billing_period = $period and ($group is null or charge.billing_group_id = $group)
    ),

    filtered as (
        select *
        from named_charges
        where
            (len($accounts) = 0 or list_contains(cast($accounts as varchar[]), sub_account_id))
            and (len($services) = 0 or list_contains(cast($services as varchar[]), service_code))
            and (len($charge_types) = 0 or list_contains(cast($charge_types as varchar[]), charge_type))
            and (len($treatments) = 0 or list_contains(cast($treatments as varchar[]), treatment))
            and (
                $search = ''
                or contains(
                    lower(concat_ws(
                        chr(10), billing_group_id, known_group, billing_account_id, sub_account_id,
                        known_account, service_code, known_service, region_id, usage_type, operation,
                        charge_type, line_item_type, billing_entity, treatment, treatment_reason,
                        known_rule, commitment_id
                    )),
                    $search
                )
            )
    )
"""


@dataclass(frozen=True)
class ChargeOption:
    """A value that the charges of a month have, for a filter; ``kind`` says which."""

    kind: str
    value: str
    name: str


@cached
def charge_options(publication: Publication, period: date, group: str | None) -> tuple[ChargeOption, ...]:
    """Return the accounts, services, charge types and treatments that occur (kinds named so), in order."""
    return fetch(
        publication,
        ChargeOption,
        f"""
        with occurring as (
            select distinct sub_account_id, service_code, charge_type, treatment
            from marts.fct_charges
            where billing_period = $period and ($group is null or billing_group_id = $group)
        ),

        options as (
            select distinct 'account' as kind, sub_account_id as value, account_name as name
            from occurring left join {ACCOUNT_NAMES} as account using (sub_account_id)
            union all
            select distinct 'service', service_code, service_name
            from occurring left join marts.dim_services using (service_code)
            union all
            select distinct 'charge_type', charge_type, '' from occurring
            union all
            select distinct 'treatment', treatment, '' from occurring
        )

        select kind, value, coalesce(name, '') as name
        from options
        where value is not null
        order by kind, value
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class ChargeTotals:
    """Sums over every charge of a filter in USD, and how much of them is AWS tax."""

    charge_count: int
    list_cost: Decimal
    aws_cost: Decimal
    billed_cost: Decimal
    tax_aws_cost: Decimal
    tax_billed_cost: Decimal


@cached
def charge_totals(publication: Publication, chosen: ChargeFilter) -> ChargeTotals:
    """Return the totals of all charges that match, shown or not."""
    return fetch(
        publication,
        ChargeTotals,
        f"""
        with {CHARGE_FILTER}

        select
            count(*) as charge_count,
            coalesce(sum(list_cost), 0) as list_cost,
            coalesce(sum(aws_cost), 0) as aws_cost,
            coalesce(sum(billed_cost), 0) as billed_cost,
            coalesce(sum(aws_cost) filter (charge_type = 'aws_tax'), 0) as tax_aws_cost,
            coalesce(sum(billed_cost) filter (charge_type = 'aws_tax'), 0) as tax_billed_cost
        from filtered
        """,
        chosen.parameters,
    )[0]


@dataclass(frozen=True)
class ChargeGroup:
    """Charges added up; ``group_count`` is how many such rows there are in all."""

    value: str
    name: str
    charge_count: int
    list_cost: Decimal
    aws_cost: Decimal
    billed_cost: Decimal
    group_count: int


CHARGE_ORDER = """
    case $sort
        when 'billed' then billed_cost
        when 'aws' then aws_cost
        when 'list' then list_cost
    end desc nulls last
"""

# What decides between charges that are alike in that, so that a list never changes its order by itself.
CHARGE_TIES = """
    known_group, sub_account_id, service_code, usage_type, operation, charge_type, region_id,
    treatment, usage_quantity
"""


@cached
def charge_groups(
    publication: Publication, chosen: ChargeFilter, grouping: Grouping, sort: ChargeSort, limit: int
) -> tuple[ChargeGroup, ...]:
    """Return the first ``limit`` sums of the charges that match."""
    return fetch(
        publication,
        ChargeGroup,
        f"""
        with {CHARGE_FILTER},

        keyed as (
            select
                coalesce(
                    case $grouping
                        when 'group' then billing_group_id
                        when 'account' then sub_account_id
                        when 'service' then service_code
                        when 'usage_type' then usage_type
                        when 'charge_type' then charge_type
                        when 'region' then region_id
                        when 'rule' then known_rule
                        when 'treatment' then treatment
                    end, ''
                ) as value,
                case $grouping
                    when 'group' then known_group
                    when 'account' then known_account
                    when 'service' then known_service
                    else ''
                end as name,
                list_cost,
                aws_cost,
                billed_cost
            from filtered
        ),

        sums as (
            select
                value,
                name,
                count(*) as charge_count,
                sum(list_cost) as list_cost,
                sum(aws_cost) as aws_cost,
                sum(billed_cost) as billed_cost,
                count(*) over () as group_count
            from keyed
            group by value, name
        )

        select *
        from sums
        order by {CHARGE_ORDER}, lower(if(name = '', value, name)), value
        limit $limit
        """,
        {**chosen.parameters, "grouping": grouping.value, "sort": sort.value, "limit": limit},
    )


@dataclass(frozen=True)
class Charge:
    """One charge as the explorer shows it; the rule is the one that priced it or took it as a shared cost."""

    billing_group_name: str
    sub_account_id: str
    account_name: str
    service_code: str
    service_name: str
    region_id: str
    usage_type: str
    operation: str
    charge_type: str
    usage_quantity: Decimal | None
    usage_unit: str
    list_cost: Decimal
    aws_cost: Decimal
    billed_cost: Decimal
    treatment: str
    treatment_reason: str
    rule_id: str


@cached
def charges(publication: Publication, chosen: ChargeFilter, sort: ChargeSort, limit: int) -> tuple[Charge, ...]:
    """Return the first ``limit`` charges that match."""
    return fetch(
        publication,
        Charge,
        f"""
        with {CHARGE_FILTER}

        select
            known_group as billing_group_name,
            sub_account_id,
            known_account as account_name,
            coalesce(service_code, '') as service_code,
            known_service as service_name,
            coalesce(region_id, '') as region_id,
            coalesce(usage_type, '') as usage_type,
            coalesce(operation, '') as operation,
            charge_type,
            usage_quantity,
            coalesce(usage_unit, '') as usage_unit,
            list_cost,
            aws_cost,
            billed_cost,
            treatment,
            coalesce(treatment_reason, '') as treatment_reason,
            coalesce(known_rule, '') as rule_id
        from filtered
        order by {CHARGE_ORDER}, {CHARGE_TIES}
        limit $limit
        """,
        {**chosen.parameters, "sort": sort.value, "limit": limit},
    )


class CommitmentSort(StrEnum):
    """Which commitment comes first."""

    UNUSED = "unused"
    UTILIZATION = "utilization"
    SAVINGS = "savings"
    COST = "cost"
    NAME = "name"


# Commitments that concern a group: its own, and those of others that covered its usage.
COMMITMENT_FILTER = """
    concerned as (
        select
            *,
            coalesce(owner_billing_group_id = $group, $group is null) as is_own,
            case when benefit_by_group is not null then benefit_by_group[$group] end as benefit
        from marts.fct_commitments
        where
            billing_period = $period
            and (
                $group is null
                or owner_billing_group_id = $group
                or coalesce(map_contains(benefit_by_group, $group), false)
            )
    )
"""


@dataclass(frozen=True)
class CommitmentTotals:
    """Reservations and Savings Plans of a month added up, USD.

    Attributes:
        commitment_count: how many there are.
        own_count: how many of them the group owns; of all groups, how many there are.
        cost, used_cost, unused_cost, list_value, savings: sums over those.
        utilization_percentage: used part in percent; None where they cost nothing.
        other_cost, other_used_cost, other_unused_cost, other_list_value, other_savings: the same for those that
            others own and that covered usage of the group.
        other_utilization_percentage: the same.
        benefit: list price minus effective cost of the group's own covered usage, whoever owns the commitment;
            None for all groups.
    """

    commitment_count: int
    own_count: int
    cost: Decimal
    used_cost: Decimal
    unused_cost: Decimal
    list_value: Decimal
    savings: Decimal
    utilization_percentage: Decimal | None
    other_cost: Decimal
    other_used_cost: Decimal
    other_unused_cost: Decimal
    other_list_value: Decimal
    other_savings: Decimal
    other_utilization_percentage: Decimal | None
    benefit: Decimal | None


@cached
def commitment_totals(publication: Publication, period: date, group: str | None) -> CommitmentTotals:
    """Return the totals of the commitments that concern a group, its own apart from those of others."""
    sums = ",\n".join(
        f"coalesce(sum({column}) filter ({'' if own else 'not '}is_own), 0) as {'' if own else 'other_'}{column}"
        for own in (True, False)
        for column in ("cost", "used_cost", "unused_cost", "list_value", "savings")
    )
    utilization = """
        case when {0}used_cost + {0}unused_cost > 0
            then decimal_division(
                cast({0}used_cost * 100 as decimal(30, 10)),
                cast({0}used_cost + {0}unused_cost as decimal(38, 10)), 2
            )
        end as {0}utilization_percentage
    """
    return fetch(
        publication,
        CommitmentTotals,
        f"""
        with {COMMITMENT_FILTER},

        summed as (
            select
                count(*) as commitment_count,
                count(*) filter (is_own) as own_count,
                {sums},
                sum(benefit) as benefit
            from concerned
        )

        select *, {utilization.format("")}, {utilization.format("other_")}
        from summed
        """,
        {"period": period, "group": group},
    )[0]


@dataclass(frozen=True)
class Commitment:
    """One reservation or Savings Plan in one month, USD; ``is_own`` when the chosen group owns it."""

    commitment_id: str
    commitment_kind: str
    owner_account_id: str
    owner_account_name: str
    owner_billing_group_id: str
    owner_billing_group_name: str
    is_own: bool
    cost: Decimal
    used_cost: Decimal
    unused_cost: Decimal
    utilization_percentage: Decimal | None
    list_value: Decimal
    savings: Decimal


COMMITMENT_ORDER = """
    case $sort
        when 'unused' then unused_cost
        when 'utilization' then -utilization_percentage
        when 'savings' then savings
        when 'cost' then cost
    end desc nulls last
"""


@cached
def commitments(
    publication: Publication, period: date, group: str | None, sort: CommitmentSort, limit: int
) -> tuple[Commitment, ...]:
    """Return the first ``limit`` commitments that concern a group: its own, then those of others that it used."""
    return fetch(
        publication,
        Commitment,
        f"""
        with {COMMITMENT_FILTER}

        select
            commitment_id,
            commitment_kind,
            owner_account_id,
            coalesce(account.account_name, '') as owner_account_name,
            coalesce(owner_billing_group_id, '') as owner_billing_group_id,
            coalesce(grp.billing_group_name, owner_billing_group_id, '') as owner_billing_group_name,
            is_own,
            cost,
            used_cost,
            unused_cost,
            utilization_percentage,
            list_value,
            savings
        from concerned
        left join {ACCOUNT_NAMES} as account on concerned.owner_account_id = account.sub_account_id
        left join (select distinct billing_group_id, billing_group_name from marts.dim_billing_groups) as grp
            on concerned.owner_billing_group_id = grp.billing_group_id
        order by is_own desc, {COMMITMENT_ORDER}, commitment_kind, commitment_id
        limit $limit
        """,
        {"period": period, "group": group, "sort": sort.value, "limit": limit},
    )


@dataclass(frozen=True)
class CommitmentBenefit:
    """What one group's covered usage cost less than at list price, USD."""

    commitment_id: str
    billing_group_id: str
    billing_group_name: str
    benefit: Decimal


@cached
def commitment_benefits(publication: Publication, period: date) -> tuple[CommitmentBenefit, ...]:
    """Return who benefited from each commitment of a month, the most first."""
    return fetch(
        publication,
        CommitmentBenefit,
        """
        with benefits as (
            select commitment_id, unnest(map_entries(benefit_by_group)) as entry
            from marts.fct_commitments
            where billing_period = $period
        )

        select
            commitment_id,
            entry.key as billing_group_id,
            coalesce(grp.billing_group_name, entry.key) as billing_group_name,
            entry.value as benefit
        from benefits
        left join (select distinct billing_group_id, billing_group_name from marts.dim_billing_groups) as grp
            on entry.key = grp.billing_group_id
        order by commitment_id, entry.value desc, entry.key
        """,
        {"period": period},
    )


@dataclass(frozen=True)
class CommitmentPolicies:
    """One group's rated charges of a month under each commitment policy, exact USD.

    Attributes:
        billing_group_id, billing_group_name: the group; both empty for the sum over groups.
        applied: the policy in the group's terms; empty for the sum.
        on_demand, owner_group, pass_through: billed under the policy (RS1 to RS3).
        on_demand_difference, owner_group_difference, pass_through_difference: that minus what is billed.
        rated_charges: what is billed under the terms in force.
    """

    billing_group_id: str
    billing_group_name: str
    applied: str
    on_demand: Decimal
    on_demand_difference: Decimal
    owner_group: Decimal
    owner_group_difference: Decimal
    pass_through: Decimal
    pass_through_difference: Decimal
    rated_charges: Decimal


@cached
def commitment_policies(publication: Publication, period: date, group: str | None) -> tuple[CommitmentPolicies, ...]:
    """Return the groups of a month under each policy, the largest billed amount first, then their sum."""
    policies = ",\n".join(
        f"coalesce(sum({column}) filter (policy = '{policy}'), 0) as {policy}{ending}"
        for policy in ("on_demand", "owner_group", "pass_through")
        for column, ending in (("billed_cost", ""), ("difference", "_difference"))
    )
    return fetch(
        publication,
        CommitmentPolicies,
        f"""
        select
            coalesce(policies.billing_group_id, '') as billing_group_id,
            case
                when grouping(policies.billing_group_id) = 1 then ''
                else coalesce(max(grp.billing_group_name), policies.billing_group_id)
            end as billing_group_name,
            case
                when grouping(policies.billing_group_id) = 1 then ''
                else coalesce(max(policy) filter (is_applied), '')
            end as applied,
            {policies},
            coalesce(sum(billed_cost) filter (is_applied), 0) as rated_charges
        from marts.fct_commitment_policies as policies
        left join (select distinct billing_group_id, billing_group_name from marts.dim_billing_groups) as grp
            on policies.billing_group_id = grp.billing_group_id
        where policies.billing_period = $period and ($group is null or policies.billing_group_id = $group)
        group by grouping sets ((policies.billing_group_id), ())
        having count(*) > 0
        order by grouping(policies.billing_group_id), rated_charges desc, policies.billing_group_id
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class OpenProblem:
    """One thing to mend; money is in USD, None where it is not known."""

    problem: str
    billing_group_id: str
    billing_group_name: str
    billing_account_id: str
    subject: str
    detail: str
    row_count: int | None
    aws_cost: Decimal | None
    amount_at_stake: Decimal | None
    owner: str
    file_name: str
    ready_row: str
    since: date


@cached
def open_problems(publication: Publication, period: date, group: str | None) -> tuple[OpenProblem, ...]:
    """Return the open problems of a month, most money first; a payer's problems show for every group."""
    return fetch(
        publication,
        OpenProblem,
        """
        select
            fct_open_problems.problem,
            coalesce(fct_open_problems.billing_group_id, '') as billing_group_id,
            coalesce(grp.billing_group_name, fct_open_problems.billing_group_id, '') as billing_group_name,
            coalesce(fct_open_problems.billing_account_id, '') as billing_account_id,
            coalesce(fct_open_problems.subject, '') as subject,
            coalesce(fct_open_problems.detail, '') as detail,
            fct_open_problems.row_count,
            fct_open_problems.aws_cost,
            fct_open_problems.amount_at_stake,
            coalesce(fct_open_problems.owner, '') as owner,
            coalesce(fct_open_problems.file_name, '') as file_name,
            coalesce(fct_open_problems.ready_row, '') as ready_row,
            fct_open_problems.since
        from (
            select *, min(billing_period) over (partition by problem, subject, billing_group_id) as since
            from marts.fct_open_problems
        ) as fct_open_problems
        left join (select distinct billing_group_id, billing_group_name from marts.dim_billing_groups) as grp
            on fct_open_problems.billing_group_id = grp.billing_group_id
        where
            fct_open_problems.billing_period = $period
            and ($group is null or coalesce(nullif(fct_open_problems.billing_group_id, ''), $group) = $group)
        order by
            fct_open_problems.problem, abs(fct_open_problems.amount_at_stake) desc nulls last,
            fct_open_problems.billing_group_id, fct_open_problems.subject
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class ProblemTotal:
    """One kind of problem added up."""

    problem: str
    problem_count: int
    row_count: int | None
    aws_cost: Decimal | None
    amount_at_stake: Decimal | None
    groups: int


@cached
def problem_totals(publication: Publication, period: date, group: str | None) -> tuple[ProblemTotal, ...]:
    """Return the kinds of open problems of a month: most money first, what only time mends last."""
    return fetch(
        publication,
        ProblemTotal,
        """
        select
            problem,
            count(*) as problem_count,
            cast(sum(row_count) as bigint) as row_count,
            sum(aws_cost) as aws_cost,
            sum(amount_at_stake) as amount_at_stake,
            count(distinct billing_group_id) as groups
        from marts.fct_open_problems
        where
            billing_period = $period
            and ($group is null or coalesce(nullif(billing_group_id, ''), $group) = $group)
        group by problem
        order by problem = 'not_final', abs(sum(amount_at_stake)) desc nulls last, problem
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class Reconciliation:
    """One stage of one payer's month in USD; the residual is what does not tie."""

    billing_account_id: str
    stage: str
    amount: Decimal | None
    residual: Decimal


@cached
def reconciliation(publication: Publication, period: date) -> tuple[Reconciliation, ...]:
    """Return the stages of a month, payer by payer: what AWS delivered, then what became of it."""
    return fetch(
        publication,
        Reconciliation,
        """
        select billing_account_id, stage, amount, coalesce(residual, 0) as residual
        from marts.fct_reconciliation
        where billing_period = $period
        order by billing_account_id, list_position(['raw', 'billed', 'withheld', 'unrated', 'groups'], stage), stage
        """,
        {"period": period},
    )


@dataclass(frozen=True)
class AwsInvoiceService:
    """What the CUR says of one service on one of AWS's invoices, in USD (X4, G66)."""

    billing_account_id: str
    aws_invoice_id: str
    invoice_service_code: str
    service_code: str
    part: str
    row_count: int
    aws_cost: Decimal


@cached
def aws_invoice_services(publication: Publication, period: date) -> tuple[AwsInvoiceService, ...]:
    """Return the services of AWS's invoices of a month as its invoice shows them, those without money left out."""
    return fetch(
        publication,
        AwsInvoiceService,
        """
        select
            billing_account_id, aws_invoice_id, invoice_service_code, service_code, part,
            cast(sum(row_count) as bigint) as row_count, sum(aws_cost) as aws_cost
        from marts.fct_aws_invoice_services
        where billing_period = $period
        group by all
        having sum(aws_cost) <> 0
        order by billing_account_id, aws_invoice_id, invoice_service_code, service_code, part
        """,
        {"period": period},
    )


@dataclass(frozen=True)
class CheckResult:
    """One check of the last run."""

    check_name: str
    layer: str
    subject: str
    status: str
    severity: str
    detail: str
    checked_at: datetime | None
    check_id: str
    owner: str
    meaning: str
    remedy: str
    failure_count: int


@cached
def check_results(publication: Publication) -> tuple[CheckResult, ...]:
    """Return the checks of the last run, failed ones first, then by layer in the order data flows."""
    return fetch(
        publication,
        CheckResult,
        """
        select
            check_name, layer, coalesce(subject, '') as subject, status, coalesce(severity, '') as severity,
            coalesce(detail, '') as detail, checked_at, check_id, owner, meaning, remedy, failure_count
        from marts.fct_check_results
        order by status = 'pass', severity <> 'critical', layer <> 'raw', layer, subject, check_name
        """,
    )


@dataclass(frozen=True)
class CheckFailure:
    """One row that fails a check, in words."""

    check_id: str
    failing_row: str
    found: str


@cached
def check_failures(publication: Publication) -> tuple[CheckFailure, ...]:
    """Return the rows that fail a check of the last run, as many as are kept."""
    return fetch(
        publication,
        CheckFailure,
        """
        select check_id, failing_row, found
        from marts.fct_check_failures
        order by check_id, failure_number
        """,
    )


@dataclass(frozen=True)
class LateDelivery:
    """What a payer should have delivered by now: a newer ``delivery`` of an open month, or the next ``month``."""

    payer_account_id: str
    billing_period: date
    expected: str
    due_at: datetime


def late_deliveries(publication: Publication, now: datetime) -> tuple[LateDelivery, ...]:
    """Return what is late at ``now`` (UTC, without zone), longest overdue first; not cached, as clocks move."""
    return fetch(
        publication,
        LateDelivery,
        """
        select payer_account_id, billing_period, expected, due_at
        from marts.fct_expected_deliveries
        where due_at < $now
        order by due_at, payer_account_id, expected
        """,
        {"now": now},
    )


@dataclass(frozen=True)
class Delivery:
    """One delivery of a payer's export; what reading it would tell is None for one that was never read."""

    payer_account_id: str
    export_name: str
    billing_period: date
    delivery_id: str
    form: str
    status: str
    reason: str
    is_billed: bool
    landed_at: datetime | None
    row_count: int | None
    file_count: int | None
    unblended_cost: Decimal | None
    net_unblended_cost: Decimal | None
    split_cost_row_count: int | None
    excess_decimal_row_count: int | None
    excess_decimal_sum: Decimal | None
    bad_value_row_count: int | None
    discount_mode: str
    open_row_count: int | None
    open_cost: Decimal | None


@cached
def deliveries(publication: Publication, period: date | None) -> tuple[Delivery, ...]:
    """Return the deliveries of a month, or of all months when ``period`` is None, current ones first."""
    return fetch(
        publication,
        Delivery,
        """
        select
            payer_account_id,
            coalesce(export_name, '') as export_name,
            billing_period,
            coalesce(delivery_id, '') as delivery_id,
            coalesce(form, '') as form,
            status,
            coalesce(reason, '') as reason,
            coalesce(is_billed, false) as is_billed,
            landed_at,
            row_count,
            file_count,
            unblended_cost,
            net_unblended_cost,
            split_cost_row_count,
            excess_decimal_row_count,
            excess_decimal_sum,
            bad_value_row_count,
            coalesce(discount_mode, '') as discount_mode,
            open_row_count,
            open_cost
        from marts.dim_deliveries
        where $period is null or billing_period = $period
        order by
            billing_period desc, status <> 'rejected', status <> 'current', payer_account_id, export_name,
            landed_at desc, delivery_key
        """,
        {"period": period},
    )
