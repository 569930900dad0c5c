"""What was issued: every document with its files, whether all is as it was issued, and who did what.

What is here: the list of documents, one of them with all that was frozen, its files, the check, the ledger's log.
When to add here: something that is known about an issued document.
What does not belong here: what waits for a decision (``approve_and_issue.py``); payments.
"""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboards import document_queries, explain_strings, extracts, queries, strings
from dashboards.components import exports, filters, money, tables, taxes, work
from dashboards.components.filters import Selection
from dashboards.components.tables import Cell, Column, number
from dashboards.components.work import Report, Work
from dashboards.document_queries import (
    AuditEntry,
    Document,
    DocumentAccount,
    DocumentCredit,
    DocumentLine,
    DocumentTotal,
)
from orchestration.errors import ChargehouseError
from orchestration.settings import Workspace

if TYPE_CHECKING:
    from orchestration.documents.batch import Rendered
    from orchestration.issuing.verification import Verified

ENTRIES_SHOWN = 100

_FILES = "document_files_work"
_VERIFY = "verify_work"

MIME = {
    "pdf": "application/pdf",
    "xml": "application/xml",
    "xlsx": exports.XLSX_TYPE,
    "csv": "text/csv",
}


def file_of(workspace: Workspace, document: Document, ending: str) -> Path:
    """Return where a file of a document is, made or not."""
    return workspace.document_file(f"{document.billing_period:%Y-%m}", document.number, ending)


def missing(workspace: Workspace, document: Document) -> list[str]:
    """Return the kinds of files that are not there and that every document has; not every one has XML."""
    return [ending for ending in MIME if ending != "xml" and not file_of(workspace, document, ending).exists()]


@st.cache_data(show_spinner=False, max_entries=500)
def no_xml(ledger: tuple[str, str], number: str) -> str:
    """Return why a document has no electronic invoice; empty where the standard can hold it.

    Args:
        ledger: workspace folder and chain's document hash, so that an answer is kept for its own ledger only.
        number: the document.
    """
    from orchestration.issuing.files import why_no_xml

    del ledger
    return why_no_xml(Workspace.from_environment(), number)


def show_list(documents: Sequence[Document], totals: Sequence[DocumentTotal], chosen: Selection, where: str) -> None:
    """List the documents with one total per currency."""
    workspace = Workspace.from_environment()

    def meaning(column: str) -> str:
        return queries.meaning(chosen.publication, f"fct_documents.{column}")

    def named(row: Document) -> Cell:
        href = filters.address(strings.DOCUMENTS, chosen, document=[row.number], all_documents=all_documents())
        return Cell(row.number, detail=strings.of(strings.DOCUMENT_KINDS, row.kind), href=href)

    def amount(label: str, name: str) -> Column[Document]:
        return number(label, lambda row: money.document(getattr(row, name), row.minor_units), meaning(name))

    def files(row: Document) -> Cell:
        lost = missing(workspace, row)
        if not lost:
            return Cell(strings.FILES_COMPLETE, tone="muted")
        return Cell(
            strings.FILES_MISSING,
            tone="warning",
            badge=True,
            detail=", ".join(strings.FILE_NAMES[ending] for ending in lost),
        )

    columns: list[Column[Document]] = [
        Column(strings.NUMBER, named, "fixed", meaning("number")),
        Column(strings.CUSTOMER, lambda row: Cell(row.customer_name, detail=row.billing_group_name)),
        Column(
            strings.ISSUE_DATE,
            lambda row: Cell(strings.day(row.issue_date), detail=f"{strings.DUE_DATE} {strings.day(row.due_date)}"),
            "fixed",
            meaning("issue_date"),
        ),
        Column(strings.REFERENCE, lambda row: row.reference_number, "fixed", meaning("reference_number")),
        Column(strings.CURRENCY, lambda row: row.currency),
        number(strings.NET, lambda row: money.document(row.net_amount, row.minor_units), meaning("net_amount")),
        number(
            strings.CREDIT, lambda row: money.document(row.credit_amount, row.minor_units), meaning("credit_amount")
        ),
        number(strings.TAX, lambda row: money.document(row.tax_amount, row.minor_units), meaning("tax_amount")),
        number(strings.TOTAL, lambda row: money.document(row.total_amount, row.minor_units), meaning("total_amount")),
        Column(
            strings.ISSUED_BY,
            lambda row: Cell(row.issued_by, detail=strings.day(row.issued_at), hint=strings.moment(row.issued_at)),
            "fixed",
            meaning("issued_by"),
        ),
        Column(strings.FILES, files),
    ]
    foot = [
        [
            *(strings.TOTAL, strings.count(total.document_count, "document", "documents"), "", "", total.currency),
            money.document(total.net_amount, total.minor_units),
            money.document(total.credit_amount, total.minor_units),
            money.document(total.tax_amount, total.minor_units),
            money.document(total.total_amount, total.minor_units),
            *("", ""),
        ]
        for total in totals
    ]
    tables.show(documents, columns, caption=f"{strings.DOCUMENT_LIST}, {where}", totals=foot)


def all_documents() -> list[str]:
    """Return how an address keeps the choice of all periods; empty where one is shown."""
    return ["true"] if st.session_state.get("all_documents") else []


def show_head(document: Document) -> None:
    """Draw what the document says of itself, and who decided about it."""

    def in_currency(value: Decimal) -> str:
        return money.with_code(document.currency, money.document(value, document.minor_units))

    rate = (
        strings.NO_CONVERSION
        if document.currency == "USD"
        else f"1 USD = {money.exact(document.fx_rate)} {document.currency}"
    )
    with st.container(border=True, key="document_head"):
        tables.facts(
            [
                (strings.NUMBER, Cell(document.number, detail=strings.of(strings.DOCUMENT_KINDS, document.kind))),
                (strings.CUSTOMER, Cell(document.customer_name, detail=document.billing_group_name)),
                (strings.ISSUER, document.issuer_id),
                (strings.PERIOD, strings.month(document.billing_period)),
                (strings.ISSUE_DATE, strings.day(document.issue_date)),
                (strings.DUE_DATE, strings.day(document.due_date)),
                (strings.REFERENCE, document.reference_number or money.MISSING),
                (strings.EXCHANGE_RATE, rate),
                (strings.APPROVED_AT, Cell(document.approved_by, detail=strings.moment(document.approved_at))),
                (strings.ISSUED_AT, Cell(document.issued_by, detail=strings.moment(document.issued_at))),
                (strings.DOCUMENT_HASH, Cell(f"{document.content_sha256[:16]}…", hint=document.content_sha256)),
            ]
        )
        tables.facts(
            [
                (strings.NET_TOTAL, in_currency(document.net_amount)),
                (strings.CREDIT_TOTAL, in_currency(document.credit_amount)),
                (strings.TAX, in_currency(document.tax_amount)),
                (strings.INVOICE_TOTAL, in_currency(document.total_amount)),
            ],
            emphasis=strings.INVOICE_TOTAL,
        )


def show_files(document: Document, *, is_free: bool) -> None:
    """Offer the files for download; say which there are not, why, and offer to make them."""
    workspace = Workspace.from_environment()
    lost = missing(workspace, document)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="document_files"):
        for ending, mime in MIME.items():
            file = file_of(workspace, document, ending)
            if file.exists():
                st.download_button(
                    strings.FILE_NAMES[ending],
                    data=file.read_bytes,
                    file_name=file.name,
                    mime=mime,
                    key=f"download_{ending}",
                    icon=":material/download:",
                    type="primary" if ending == "pdf" else "secondary",
                    help=strings.FILE_HELP[ending],
                    on_click="ignore",
                )
    reason = ""
    if not file_of(workspace, document, "xml").exists():
        try:
            reason = no_xml((str(workspace.root), document.content_sha256), document.number)
        except ChargehouseError as error:
            reason = str(error)
        if reason:
            st.caption(f"{strings.NO_XML} {reason}")
        else:
            lost.append("xml")
    if lost:
        names = ", ".join(strings.FILE_NAMES[ending] for ending in lost)
        st.warning(f"{strings.FILES_GONE} {names}.", icon=":material/draft:")
        if st.button(strings.MAKE_FILES, key="make_files", disabled=not is_free, help=strings.MAKE_FILES_HELP):
            make_files([document])


def make_files(documents: Sequence[Document]) -> None:
    """Make the files of some documents in the background."""
    workspace, numbers = Workspace.from_environment(), [document.number for document in documents]

    def make(report: Report) -> "list[Rendered]":
        from orchestration.issuing import files

        return files.make_files(workspace, numbers, report)

    st.session_state[_FILES] = work.start(strings.MAKE_FILES, make)
    st.rerun()


def show_made(found: "Work[list[Rendered]]") -> None:
    """Say what became of the files, and why some could not be made."""
    if found.error is not None:
        work.show_failure(found.error)
        return
    failed = [made for made in found.result or [] if made.error]
    if not failed:
        st.success(strings.FILES_MADE, icon=":material/check_circle:")
    for made in failed:
        st.error(f"**{made.number}**: {made.error}", icon=":material/draft:")


def show_lines(document: Document, lines: Sequence[DocumentLine]) -> None:
    """List the lines; a correction's say why they differ (D5)."""
    has_causes = any(line.cause for line in lines)

    def explained(row: DocumentLine) -> Cell:
        name = f"{document.number}/{row.line_number}"
        href = filters.address(strings.EXPLAIN, filters.selection(), line=[name])
        return Cell(str(row.line_number), href=href, hint=explain_strings.EXPLAIN_THIS)

    columns: list[Column[DocumentLine]] = [
        Column(strings.LINE_NUMBER, explained),
        Column(strings.LINE_KIND, lambda row: strings.of(strings.LINE_KINDS, row.line_kind), "fixed"),
        Column(
            strings.DESCRIPTION, lambda row: Cell(row.description, detail=row.service_code or row.source_id), "wide"
        ),
        *([Column[DocumentLine](strings.CAUSE, lambda row: row.cause, "wide")] if has_causes else []),
        number(strings.EXACT_USD, lambda row: money.exact(row.exact_amount_usd)),
        number(strings.amount_in(document.currency), lambda row: money.document(row.net_amount, document.minor_units)),
        number(strings.CREDIT, lambda row: money.document(row.credit_amount, document.minor_units)),
    ]
    tables.show(lines, columns, caption=f"{strings.INVOICE_LINES}, {document.number}")
    st.caption(explain_strings.FOLLOW)


def show_accounts(document: Document, accounts: Sequence[DocumentAccount]) -> None:
    """List what every account has of every line (M5)."""

    def account(row: DocumentAccount) -> Cell:
        return Cell(row.account_name or row.sub_account_id, detail=row.sub_account_id if row.account_name else "")

    columns: list[Column[DocumentAccount]] = [
        Column(strings.LINE_NUMBER, lambda row: str(row.line_number)),
        Column(strings.DESCRIPTION, lambda row: row.description, "wide"),
        Column(strings.ACCOUNT, account),
        number(strings.amount_in(document.currency), lambda row: money.document(row.net_amount, document.minor_units)),
        number(strings.CREDIT, lambda row: money.document(row.credit_amount, document.minor_units)),
    ]
    tables.show(accounts, columns, caption=f"{strings.BY_LINE_AND_ACCOUNT}, {document.number}")


def show_credits(document: Document, credits: Sequence[DocumentCredit]) -> None:
    """List what the document draws on customer credits, or gives back (K4)."""
    if not credits:
        st.caption(strings.NO_CREDITS_ON_DOCUMENT)
        return
    columns: list[Column[DocumentCredit]] = [
        Column(strings.CREDIT_NAME, lambda row: Cell(row.description or row.credit_id, detail=row.credit_id), "wide"),
        number(
            strings.amount_in(document.currency),
            lambda row: Cell(
                money.document(row.amount, document.minor_units), detail=strings.GIVEN_BACK if row.amount > 0 else ""
            ),
        ),
    ]
    tables.show(credits, columns, caption=f"{strings.BY_CREDIT}, {document.number}")


def show_document(document: Document, chosen: Selection, *, is_free: bool) -> None:
    """Draw one document with everything that was frozen in it."""
    publication = chosen.publication
    show_head(document)
    show_files(document, is_free=is_free)
    lines_tab, tax_tab, credits_tab, accounts_tab = st.tabs(
        [strings.INVOICE_LINES, strings.BY_TAX, strings.BY_CREDIT, strings.BY_LINE_AND_ACCOUNT]
    )
    lines = document_queries.document_lines(publication, document.number)
    with lines_tab:
        show_lines(document, lines)
    with tax_tab:
        found = document_queries.document_taxes(publication, document.number)
        if found:
            taxes.show(f"{strings.BY_TAX}, {document.number}", found, document.minor_units)
        else:
            st.caption(strings.NO_TAX)
    with credits_tab:
        show_credits(document, document_queries.document_credits(publication, document.number))
    with accounts_tab:
        show_accounts(document, document_queries.document_accounts(publication, document.number))
    exports.buttons(
        "document",
        exports.file_name("document", document.number),
        [
            exports.Sheet("Lines", lambda: extracts.document_lines(publication, None, None, document.number)),
            exports.Sheet("Accounts", lambda: extracts.document_accounts(publication, document.number)),
            exports.Sheet(strings.TAX, lambda: extracts.document_taxes(publication, document.number)),
        ],
        [
            ("Content", f"{strings.of(strings.DOCUMENT_KINDS, document.kind)} {document.number}"),
            (strings.CUSTOMER, document.customer_name),
            (strings.CURRENCY, document.currency),
            (strings.INVOICE_TOTAL, money.document(document.total_amount, document.minor_units)),
        ],
        what=strings.count(len(lines), "line", "lines"),
    )


def show_verified(found: "Work[Verified]") -> None:
    """Say whether everything that was issued is as it was issued (D3)."""
    if found.error is not None:
        work.show_failure(found.error)
        return
    if found.result is None:
        return
    lines = "\n".join(f"- {line}" for line in found.result.lines())
    if found.result.is_sound:
        st.success(f"**{strings.SOUND}**\n{lines}", icon=":material/verified:")
    else:
        st.error(f"**{strings.NOT_SOUND}**\n{lines}", icon=":material/gpp_bad:")


def verify() -> None:
    """Start checking every document, as the command ``verify`` does."""
    workspace = Workspace.from_environment()

    def check(report: Report) -> "Verified":
        from orchestration.issuing.verification import verify_documents
        from orchestration.ledger.ledger import Ledger

        with Ledger.open(workspace) as ledger:
            return verify_documents(workspace, ledger, report)

    st.session_state[_VERIFY] = work.start(strings.VERIFYING, check)


def show_log(chosen: Selection) -> None:
    """List who did what in the ledger, with a search."""
    st.subheader(strings.AUDIT_LOG)
    st.caption(strings.AUDIT_LOG_NOTE)
    search = st.text_input(
        strings.AUDIT_SEARCH,
        key="log",
        bind="query-params",
        help=strings.AUDIT_SEARCH_HELP,
        icon=":material/search:",
        width=420,
    )
    entries = document_queries.audit_log(chosen.publication, search, ENTRIES_SHOWN)
    if not entries:
        st.info(strings.NO_ENTRIES_FOUND if search else strings.NO_ENTRIES)
        return

    def when(row: AuditEntry) -> Cell:
        moment, _, hour = strings.moment(row.happened_at).partition(", ")
        return Cell(moment, detail=hour)

    columns: list[Column[AuditEntry]] = [
        Column(strings.WHEN, when, "fixed"),
        Column(strings.WHO, lambda row: row.actor),
        Column(strings.ACTION, lambda row: strings.of(strings.AUDIT_ACTIONS, row.action), "fixed"),
        Column(strings.ON_WHAT, lambda row: row.subject),
        Column(strings.DETAIL, lambda row: Cell(row.detail, tone="muted"), "wide"),
    ]
    tables.show(entries, columns, caption=strings.AUDIT_LOG)
    total = entries[0].match_count
    if total > len(entries):
        st.caption(strings.showing(len(entries), total, "entries"))
    exports.buttons(
        "audit_log",
        exports.file_name("audit-log", ""),
        [exports.Sheet("Log", lambda: extracts.audit_log(chosen.publication, search))],
        [("Content", strings.AUDIT_LOG)],
        what=strings.count(total, "entry", "entries"),
    )


def main() -> None:
    """Draw the page."""
    chosen = filters.selection()
    publication = chosen.publication
    made: Work[list[Rendered]] | None = st.session_state.get(_FILES)
    verified: Work[Verified] | None = st.session_state.get(_VERIFY)
    is_free = not any(each is not None and each.is_going_on for each in (made, verified))
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="documents_actions"):
        all_periods = st.toggle(strings.ALL_PERIODS, key="all_documents", bind="query-params")
        st.button(
            strings.VERIFY,
            key="verify",
            icon=":material/verified:",
            help=strings.VERIFY_HELP,
            on_click=verify,
            disabled=not is_free,
        )
    if made is not None:
        (work.show_progress if made.is_going_on else show_made)(made)
    if verified is not None:
        (work.show_progress if verified.is_going_on else show_verified)(verified)
    period = None if all_periods else chosen.period.billing_period
    where = strings.ALL_PERIODS.lower() if period is None else chosen.period_name
    documents = document_queries.documents(publication, period, chosen.group_id)
    if documents:
        totals = document_queries.document_totals(publication, period, chosen.group_id)
        show_list(documents, totals, chosen, where)
        exports.buttons(
            "documents",
            exports.file_name("documents", "" if period is None else f"{period:%Y-%m}"),
            [
                exports.Sheet(strings.DOCUMENTS, lambda: extracts.documents(publication, period, chosen.group_id)),
                exports.Sheet("Lines", lambda: extracts.document_lines(publication, period, chosen.group_id, None)),
            ],
            [("Content", f"{strings.DOCUMENT_LIST}, {where}"), (strings.GROUP, chosen.group_name)],
            what=strings.count(len(documents), "document", "documents"),
        )
        lost = [document for document in documents if missing(Workspace.from_environment(), document)]
        if lost and st.button(
            f"{strings.MAKE_ALL_FILES} ({money.integer(len(lost))})",
            key="make_all_files",
            disabled=not is_free,
            help=strings.MAKE_FILES_HELP,
        ):
            make_files(lost)
        by_number = {document.number: document for document in documents}
        number_ = st.selectbox(strings.DOCUMENT, list(by_number), key="document", bind="query-params", width=420)
        show_document(by_number[number_], chosen, is_free=is_free)
    else:
        st.info(strings.NO_DOCUMENTS_AT_ALL if all_periods else strings.NO_DOCUMENTS)
    show_log(chosen)


if __name__ == "__main__":
    main()
