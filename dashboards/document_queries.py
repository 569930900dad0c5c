"""Every question the pages ask about proposed and issued documents, customer credits and the ledger's log.

What is here: one named function for one SELECT, with the record it answers with, as in ``queries.py``.
When to add here: a page needs another fact of a document or credit. If it needs arithmetic beyond a sum, it belongs in
a mart instead.
What does not belong here: how numbers look; Streamlit elements; whole tables for downloads (``extracts.py``).
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from dashboards.publication import Publication
from dashboards.queries import ACCOUNT_NAMES, cached, fetch

__all__ = [
    "DOCUMENT_NAMES",
    "AuditEntry",
    "Cause",
    "CreditBalance",
    "CreditDraw",
    "Document",
    "DocumentAccount",
    "DocumentCredit",
    "DocumentLine",
    "DocumentTotal",
    "InvoiceTax",
    "LineDifference",
    "PeriodWaiting",
    "Proposal",
    "Refusal",
    "TaxDifference",
    "audit_log",
    "causes",
    "credit_balances",
    "credit_draws",
    "document_accounts",
    "document_credits",
    "document_lines",
    "document_taxes",
    "document_totals",
    "documents",
    "invoice_taxes",
    "line_differences",
    "periods_waiting",
    "proposal_totals",
    "proposals",
    "refusals",
    "tax_differences",
]

# A group may have ended or lost its invoice since; then the newest document says who the customer is.
DOCUMENT_NAMES = """
    (
        select
            known.billing_period,
            known.billing_group_id,
            coalesce(max(grp.billing_group_name), known.billing_group_id) as billing_group_name,
            arg_max(known.customer_id, known.place) as customer_id,
            coalesce(
                nullif(arg_max(cus.legal_name, known.place), ''), arg_max(known.customer_id, known.place)
            ) as customer_name
        from (
            select billing_period, billing_group_id, customer_id, 0 as place from marts.fct_invoices
            union all
            select billing_period, billing_group_id, customer_id, document_id from marts.fct_documents
        ) as known
        left join marts.dim_customers as cus on known.customer_id = cus.customer_id
        left join marts.dim_billing_groups as grp on known.billing_group_id = grp.billing_group_id
        group by known.billing_period, known.billing_group_id
    )
"""


@dataclass(frozen=True)
class Proposal:
    """A document that can be approved and issued now (D1, D4); amounts in ``currency``, None without its rate.

    Attributes:
        billing_group_id, billing_group_name, customer_name: whose.
        kind: invoice, credit_note or supplementary_invoice.
        reference_number: the document that it corrects; empty for a first one.
        currency, minor_units: of the amounts.
        net_amount, credit_amount, tax_amount, total_amount: with their signs.
        draft_hash: names exactly these numbers.
        state: ``refused`` while a reason not to issue stands, else ``draft`` or ``approved``.
        is_approved: whether somebody approved exactly these numbers.
        approved_by, approved_at, approval_note: who, when (UTC), and what they remarked.
        lapsed_approval_by, lapsed_approval_at: who approved other numbers, where nobody approved these.
        can_be_overridden: whether a reason not to issue stands that a person can override.
    """

    billing_group_id: str
    billing_group_name: str
    customer_name: str
    kind: str
    reference_number: str
    currency: str
    minor_units: int
    net_amount: Decimal | None
    credit_amount: Decimal | None
    tax_amount: Decimal | None
    total_amount: Decimal | None
    draft_hash: str
    state: str
    is_approved: bool
    approved_by: str
    approved_at: datetime | None
    approval_note: str
    lapsed_approval_by: str
    lapsed_approval_at: datetime | None
    can_be_overridden: bool


_PROPOSALS = f"""
    standing as (
        select billing_group_id, bool_or(can_be_overridden) as can_be_overridden
        from marts.fct_issuing_refusals
        where billing_period = $period and overridden_by is null
        group by billing_group_id
    ),

    proposed as (
        select
            documents.billing_group_id,
            coalesce(names.billing_group_name, documents.billing_group_id) as billing_group_name,
            coalesce(names.customer_name, '') as customer_name,
            documents.kind,
            coalesce(documents.reference_number, '') as reference_number,
            documents.currency,
            documents.minor_units,
            documents.net_amount,
            documents.credit_amount,
            documents.tax_amount,
            documents.total_amount,
            documents.draft_hash,
            case when standing.billing_group_id is not null then 'refused' else documents.state end as state,
            documents.state = 'approved' as is_approved,
            coalesce(documents.approved_by, '') as approved_by,
            documents.approved_at,
            coalesce(documents.approval_note, '') as approval_note,
            coalesce(documents.lapsed_approval_by, '') as lapsed_approval_by,
            documents.lapsed_approval_at,
            coalesce(standing.can_be_overridden, false) as can_be_overridden
        from marts.fct_proposed_documents as documents
        left join {DOCUMENT_NAMES} as names
            on
                documents.billing_period = names.billing_period
                and documents.billing_group_id = names.billing_group_id
        left join standing on documents.billing_group_id = standing.billing_group_id
        where documents.billing_period = $period and ($group is null or documents.billing_group_id = $group)
    )
"""


@cached
def proposals(publication: Publication, period: date, group: str | None) -> tuple[Proposal, ...]:
    """Return what is proposed for a month, corrections first, then by customer."""
    return fetch(
        publication,
        Proposal,
        f"""
        with {_PROPOSALS}

        select * from proposed
        order by reference_number = '', lower(customer_name), billing_group_id
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class DocumentTotal:
    """Documents of one currency added up; those without a rate are counted but have no amount."""

    currency: str
    minor_units: int
    document_count: int
    without_rate_count: int
    net_amount: Decimal | None
    credit_amount: Decimal | None
    tax_amount: Decimal | None
    total_amount: Decimal | None


_TOTALS = """
    select
        currency,
        any_value(minor_units) as minor_units,
        count(*) as document_count,
        count(*) filter (total_amount is null) as without_rate_count,
        sum(net_amount) as net_amount,
        sum(credit_amount) as credit_amount,
        sum(tax_amount) as tax_amount,
        sum(total_amount) as total_amount
"""


@cached
def proposal_totals(
    publication: Publication, period: date, group: str | None, states: tuple[str, ...]
) -> tuple[DocumentTotal, ...]:
    """Return one total per currency of what is proposed for a month in some states; no state stands for all."""
    return fetch(
        publication,
        DocumentTotal,
        f"""
        with {_PROPOSALS}

        {_TOTALS}
        from proposed
        where len($states) = 0 or list_contains(cast($states as varchar[]), state)
        group by currency
        order by currency
        """,
        {"period": period, "group": group, "states": list(states)},
    )


@dataclass(frozen=True)
class PeriodWaiting:
    """A month in which documents are proposed."""

    billing_period: date
    document_count: int


@cached
def periods_waiting(publication: Publication) -> tuple[PeriodWaiting, ...]:
    """Return the months in which documents are proposed, newest first."""
    return fetch(
        publication,
        PeriodWaiting,
        """
        select billing_period, count(*) as document_count
        from marts.fct_proposed_documents
        group by billing_period
        order by billing_period desc
        """,
    )


@dataclass(frozen=True)
class Refusal:
    """One reason not to issue (D7), about ``subject``; ``overridden_by`` is empty while it stands."""

    billing_group_id: str
    refusal: str
    subject: str
    detail: str
    can_be_overridden: bool
    overridden_by: str
    overridden_at: datetime | None
    override_reason: str


@cached
def refusals(publication: Publication, period: date, group: str | None) -> tuple[Refusal, ...]:
    """Return the reasons not to issue documents of a month, those that stand first."""
    return fetch(
        publication,
        Refusal,
        """
        select
            billing_group_id,
            refusal,
            subject,
            detail,
            can_be_overridden,
            coalesce(overridden_by, '') as overridden_by,
            overridden_at,
            coalesce(override_reason, '') as override_reason
        from marts.fct_issuing_refusals
        where billing_period = $period and ($group is null or billing_group_id = $group)
        order by billing_group_id, overridden_by is not null, refusal, subject
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class Cause:
    """Why a proposed document differs from what was ``issued`` (D5), or from what was ``approved`` (D1).

    ``total_amount`` is what was approved, in the document's currency; None for issued ones and where nobody knows.
    """

    billing_group_id: str
    compared_with: str
    cause: str
    total_amount: Decimal | None


@cached
def causes(publication: Publication, period: date) -> tuple[Cause, ...]:
    """Return why the proposed documents of a month differ from what came before them."""
    return fetch(
        publication,
        Cause,
        """
        select billing_group_id, compared_with, cause, total_amount
        from marts.fct_proposal_causes
        where billing_period = $period
        order by billing_group_id, compared_with
        """,
        {"period": period},
    )


@dataclass(frozen=True)
class LineDifference:
    """One line of a month as it was issued and as it is now (D4); None where it is only in the other.

    ``amount`` and ``credit`` stand for net amount and customer credits in the documents' currency.
    """

    line_kind: str
    service_code: str
    description: str
    issued_amount: Decimal | None
    current_amount: Decimal | None
    difference_amount: Decimal
    issued_credit: Decimal | None
    current_credit: Decimal | None
    difference_credit: Decimal


@cached
def line_differences(publication: Publication, period: date, group: str) -> tuple[LineDifference, ...]:
    """Return the lines of a group and month that differ from what was issued, in the order of the draft."""
    return fetch(
        publication,
        LineDifference,
        """
        with issued as (
            select
                invoice_line_key,
                arg_max(line_kind, number) as line_kind,
                arg_max(service_code, number) as service_code,
                arg_max(description, number) as description,
                sum(net_amount) as net_amount,
                sum(credit_amount) as credit_amount
            from marts.fct_document_lines
            where billing_period = $period and billing_group_id = $group
            group by invoice_line_key
        ),

        lines as (
            select * from marts.fct_invoice_lines where billing_period = $period and billing_group_id = $group
        )

        select
            coalesce(lines.line_kind, issued.line_kind) as line_kind,
            coalesce(lines.service_code, issued.service_code, '') as service_code,
            coalesce(lines.description, issued.description, '') as description,
            issued.net_amount as issued_amount,
            lines.net_amount as current_amount,
            differences.net_amount as difference_amount,
            issued.credit_amount as issued_credit,
            lines.credit_amount as current_credit,
            differences.credit_amount as difference_credit
        from marts.fct_document_differences as differences
        left join lines on differences.invoice_line_key = lines.invoice_line_key
        left join issued on differences.invoice_line_key = issued.invoice_line_key
        where
            differences.billing_period = $period
            and differences.billing_group_id = $group
            and differences.level = 'line'
        order by lines.line_number nulls last, issued.description, differences.invoice_line_key
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class TaxDifference:
    """Tax of one category and rate as it was issued and as it is now (D6), in the documents' currency."""

    tax_category: str
    tax_name: str
    tax_rate: Decimal
    issued_tax: Decimal | None
    current_tax: Decimal | None
    difference_base: Decimal
    difference_tax: Decimal


@cached
def tax_differences(publication: Publication, period: date, group: str) -> tuple[TaxDifference, ...]:
    """Return the tax categories and rates of a group and month that differ from what was issued."""
    return fetch(
        publication,
        TaxDifference,
        """
        with issued as (
            select tax_category, tax_rate, max(tax_name) as tax_name, sum(tax_amount) as tax_amount
            from marts.fct_document_taxes
            where billing_period = $period and billing_group_id = $group
            group by tax_category, tax_rate
        ),

        taxes as (
            select * from marts.fct_invoice_taxes where billing_period = $period and billing_group_id = $group
        )

        select
            differences.tax_category,
            coalesce(nullif(taxes.tax_name, ''), issued.tax_name, '') as tax_name,
            differences.tax_rate,
            issued.tax_amount as issued_tax,
            taxes.tax_amount as current_tax,
            differences.taxable_amount as difference_base,
            differences.tax_amount as difference_tax
        from marts.fct_document_differences as differences
        left join taxes
            on differences.tax_category = taxes.tax_category and differences.tax_rate = taxes.tax_rate
        left join issued
            on differences.tax_category = issued.tax_category and differences.tax_rate = issued.tax_rate
        where
            differences.billing_period = $period
            and differences.billing_group_id = $group
            and differences.level = 'tax'
        order by differences.tax_category, differences.tax_rate
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class InvoiceTax:
    """Tax of one category and rate (T3); category and rate are empty while no rate is configured."""

    tax_category: str
    tax_name: str
    tax_rate: Decimal | None
    exemption_reason: str
    taxable_amount: Decimal | None
    tax_amount: Decimal | None


@cached
def invoice_taxes(publication: Publication, period: date, group: str) -> tuple[InvoiceTax, ...]:
    """Return the tax of one invoice as of today, by category and rate."""
    return fetch(
        publication,
        InvoiceTax,
        """
        select
            coalesce(tax_category, '') as tax_category,
            coalesce(tax_name, '') as tax_name,
            tax_rate,
            coalesce(exemption_reason, '') as exemption_reason,
            taxable_amount,
            tax_amount
        from marts.fct_invoice_taxes
        where billing_period = $period and billing_group_id = $group
        order by tax_category nulls last, tax_rate desc
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class Document:
    """One issued document (D3); amounts in ``currency``, ``reference_number`` empty on a first one."""

    number: str
    kind: str
    billing_period: date
    billing_group_id: str
    billing_group_name: str
    customer_name: str
    issuer_id: str
    reference_number: str
    currency: str
    minor_units: int
    fx_rate: Decimal
    net_amount: Decimal
    credit_amount: Decimal
    taxable_amount: Decimal
    tax_amount: Decimal
    total_amount: Decimal
    issue_date: date
    due_date: date
    issued_at: datetime
    issued_by: str
    approved_at: datetime | None
    approved_by: str
    content_sha256: str


@cached
def documents(publication: Publication, period: date | None, group: str | None) -> tuple[Document, ...]:
    """Return the documents of a month, or of all months when ``period`` is None, the newest first."""
    return fetch(
        publication,
        Document,
        f"""
        select
            documents.number,
            documents.kind,
            documents.billing_period,
            documents.billing_group_id,
            coalesce(names.billing_group_name, documents.billing_group_id) as billing_group_name,
            coalesce(nullif(cus.legal_name, ''), documents.customer_id) as customer_name,
            documents.issuer_id,
            coalesce(documents.reference_number, '') as reference_number,
            documents.currency,
            documents.minor_units,
            documents.fx_rate,
            documents.net_amount,
            documents.credit_amount,
            documents.taxable_amount,
            documents.tax_amount,
            documents.total_amount,
            documents.issue_date,
            documents.due_date,
            documents.issued_at,
            documents.issued_by,
            documents.approved_at,
            coalesce(documents.approved_by, '') as approved_by,
            documents.content_sha256
        from marts.fct_documents as documents
        left join marts.dim_customers as cus on documents.customer_id = cus.customer_id
        left join {DOCUMENT_NAMES} as names
            on
                documents.billing_period = names.billing_period
                and documents.billing_group_id = names.billing_group_id
        where
            ($period is null or documents.billing_period = $period)
            and ($group is null or documents.billing_group_id = $group)
        order by documents.document_id desc
        """,
        {"period": period, "group": group},
    )


@cached
def document_totals(publication: Publication, period: date | None, group: str | None) -> tuple[DocumentTotal, ...]:
    """Return one total per currency of the documents of a month, or of all months when ``period`` is None."""
    return fetch(
        publication,
        DocumentTotal,
        f"""
        {_TOTALS}
        from marts.fct_documents
        where ($period is null or billing_period = $period) and ($group is null or billing_group_id = $group)
        group by currency
        order by currency
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class DocumentLine:
    """One line of an issued document; ``cause`` says why a correction's line differs (D5)."""

    line_number: int
    line_kind: str
    source_id: str
    service_code: str
    description: str
    cause: str
    exact_amount_usd: Decimal
    net_amount: Decimal
    credit_amount: Decimal


@cached
def document_lines(publication: Publication, number: str) -> tuple[DocumentLine, ...]:
    """Return the lines of an issued document in their order."""
    return fetch(
        publication,
        DocumentLine,
        """
        select
            line_number, line_kind, source_id, service_code, description, cause, exact_amount_usd, net_amount,
            credit_amount
        from marts.fct_document_lines
        where number = $number
        order by line_number
        """,
        {"number": number},
    )


@dataclass(frozen=True)
class DocumentAccount:
    """What one account has of one line of an issued document (M5)."""

    line_number: int
    description: str
    sub_account_id: str
    account_name: str
    net_amount: Decimal
    credit_amount: Decimal


@cached
def document_accounts(publication: Publication, number: str) -> tuple[DocumentAccount, ...]:
    """Return every line of an issued document split over its accounts, in line order."""
    return fetch(
        publication,
        DocumentAccount,
        f"""
        select
            parts.line_number,
            lines.description,
            parts.sub_account_id,
            coalesce(account.account_name, '') as account_name,
            parts.net_amount,
            parts.credit_amount
        from marts.fct_document_line_accounts as parts
        inner join marts.fct_document_lines as lines
            on parts.number = lines.number and parts.line_number = lines.line_number
        left join {ACCOUNT_NAMES} as account on parts.sub_account_id = account.sub_account_id
        where parts.number = $number
        order by parts.line_number, abs(parts.net_amount) desc, parts.sub_account_id
        """,
        {"number": number},
    )


@cached
def document_taxes(publication: Publication, number: str) -> tuple[InvoiceTax, ...]:
    """Return the tax table of an issued document, in its order."""
    return fetch(
        publication,
        InvoiceTax,
        """
        select tax_category, tax_name, tax_rate, exemption_reason, taxable_amount, tax_amount
        from marts.fct_document_taxes
        where number = $number
        order by tax_number
        """,
        {"number": number},
    )


@dataclass(frozen=True)
class DocumentCredit:
    """What an issued document draws on one customer credit (negative), or gives back to it (positive)."""

    credit_id: str
    description: str
    amount: Decimal


@cached
def document_credits(publication: Publication, number: str) -> tuple[DocumentCredit, ...]:
    """Return what an issued document draws on customer credits, by credit."""
    return fetch(
        publication,
        DocumentCredit,
        """
        select
            draws.credit_id,
            coalesce(max(credits.description), '') as description,
            sum(draws.amount) as amount
        from marts.fct_document_credits as draws
        left join marts.fct_credit_balances as credits on draws.credit_id = credits.credit_id
        where draws.number = $number
        group by draws.credit_id
        order by draws.credit_id
        """,
        {"number": number},
    )


# Credits have no decimals of their own; they are those of the invoices in the same currency.
_MINOR_UNITS = """
    (
        select currency, max(minor_units) as minor_units
        from (
            select currency, minor_units from marts.fct_invoices
            union all
            select currency, minor_units from marts.fct_documents
        )
        group by currency
    )
"""


@dataclass(frozen=True)
class CreditBalance:
    """What a customer credit was, is and will not be any more (K5), in its currency."""

    credit_id: str
    description: str
    billing_group_id: str
    billing_group_name: str
    currency: str
    minor_units: int
    status: str
    start_date: date
    end_date: date | None
    granted_amount: Decimal
    issued_amount: Decimal
    draft_amount: Decimal
    expired_amount: Decimal
    balance_amount: Decimal


@cached
def credit_balances(publication: Publication, group: str | None) -> tuple[CreditBalance, ...]:
    """Return the customer credits by group, those that expire first first."""
    return fetch(
        publication,
        CreditBalance,
        f"""
        select
            credits.credit_id,
            coalesce(credits.description, '') as description,
            credits.billing_group_id,
            coalesce(grp.billing_group_name, credits.billing_group_id) as billing_group_name,
            credits.currency,
            coalesce(units.minor_units, 2) as minor_units,
            credits.status,
            credits.start_date,
            credits.end_date,
            credits.granted_amount,
            credits.issued_amount,
            credits.draft_amount,
            credits.expired_amount,
            credits.balance_amount
        from marts.fct_credit_balances as credits
        left join (select distinct billing_group_id, billing_group_name from marts.dim_billing_groups) as grp
            on credits.billing_group_id = grp.billing_group_id
        left join {_MINOR_UNITS} as units on credits.currency = units.currency
        where $group is null or credits.billing_group_id = $group
        order by lower(billing_group_name), credits.end_date nulls last, credits.credit_id
        """,
        {"group": group},
    )


@dataclass(frozen=True)
class CreditDraw:
    """What a credit pays on one service of one account in one month (K4): negative drawn, positive given back."""

    credit_id: str
    description: str
    billing_period: date
    billing_group_name: str
    line_kind: str
    service_code: str
    service_name: str
    sub_account_id: str
    account_name: str
    currency: str
    minor_units: int
    amount: Decimal
    state: str


@cached
def credit_draws(publication: Publication, period: date | None, group: str | None) -> tuple[CreditDraw, ...]:
    """Return the draws on customer credits in a month, or in all months when ``period`` is None."""
    return fetch(
        publication,
        CreditDraw,
        f"""
        select
            draws.credit_id,
            coalesce(credits.description, '') as description,
            draws.billing_period,
            coalesce(grp.billing_group_name, draws.billing_group_id) as billing_group_name,
            coalesce(draws.line_kind, '') as line_kind,
            coalesce(draws.service_code, '') as service_code,
            coalesce(service.service_name, '') as service_name,
            draws.sub_account_id,
            coalesce(account.account_name, '') as account_name,
            draws.currency,
            coalesce(units.minor_units, 2) as minor_units,
            draws.amount,
            draws.state
        from marts.fct_credit_ledger as draws
        left join marts.fct_credit_balances as credits on draws.credit_id = credits.credit_id
        left join (select distinct billing_group_id, billing_group_name from marts.dim_billing_groups) as grp
            on draws.billing_group_id = grp.billing_group_id
        left join marts.dim_services as service on draws.service_code = service.service_code
        left join {ACCOUNT_NAMES} as account on draws.sub_account_id = account.sub_account_id
        left join {_MINOR_UNITS} as units on draws.currency = units.currency
        where
            ($period is null or draws.billing_period = $period)
            and ($group is null or draws.billing_group_id = $group)
        order by
            draws.billing_period desc, lower(billing_group_name), draws.credit_id, draws.amount, draws.sub_account_id,
            draws.service_code, draws.state
        """,
        {"period": period, "group": group},
    )


@dataclass(frozen=True)
class AuditEntry:
    """One change of the ledger: who did what, when (UTC), on what."""

    audit_id: int
    happened_at: datetime
    actor: str
    action: str
    subject: str
    detail: str
    match_count: int


@cached
def audit_log(publication: Publication, search: str, limit: int) -> tuple[AuditEntry, ...]:
    """Return the newest ``limit`` changes of the ledger that hold a text anywhere, whatever its case."""
    return fetch(
        publication,
        AuditEntry,
        """
        select audit_id, happened_at, actor, action, subject, detail, count(*) over () as match_count
        from marts.fct_audit_log
        where
            $search = ''
            or contains(lower(concat_ws(chr(10), actor, action, subject, detail)), lower($search))
        order by audit_id desc
        limit $limit
        """,
        {"search": search.strip(), "limit": limit},
    )
