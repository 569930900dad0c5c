"""The tables of the ledger.

What is here: every table as the newest migration leaves it, and which of them only ever grow.
When to add here: together with a migration; a test compares the two.
What does not belong here: triggers (``migrations``) and queries.

Ids are whole numbers without a gap, given under the one write lock of the ledger, so that a row taken out of the
middle shows. Money is in the document's or payment's own currency unless a name says otherwise.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from orchestration.ledger.columns import ExactDecimal, UtcTime

__all__ = [
    "APPEND_ONLY",
    "COUNTERS",
    "GENESIS",
    "approval_withdrawals",
    "approvals",
    "audit_log",
    "credit_draws",
    "document_line_accounts",
    "document_lines",
    "document_taxes",
    "documents",
    "ledger_head",
    "metadata",
    "number_series",
    "overrides",
    "payment_allocations",
    "payment_assignments",
    "payments",
    "reminders",
    "sendings",
]

GENESIS = "0" * 64
"""What the first document's previous_hash is."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _id(name: str) -> Column[int]:
    return Column(name, Integer, primary_key=True, autoincrement=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _money(name: str) -> Column[object]:
    return Column(name, ExactDecimal, nullable=False)


ledger_head = Table(
    "ledger_head",
    metadata,
    _id("head_id"),
    Column("document_id", Integer, nullable=False, comment="Id of the newest document; 0 when there is none."),
    Column("chain_hash", Text, nullable=False, comment="Chain hash of the newest document."),
    CheckConstraint("head_id = 1", name="one_row"),
    comment="One row: the end of the chain. Locked by every writer on PostgreSQL.",
)

number_series = Table(
    "number_series",
    metadata,
    Column("issuer_id", Text, primary_key=True),
    Column("series", Text, primary_key=True, comment="invoice or credit_note"),
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("last_sequence", Integer, nullable=False),
    Column("last_issue_date", Date, nullable=False),
    comment="One row per issuer, series and year: the last number given (D2).",
)

approvals = Table(
    "approvals",
    metadata,
    _id("approval_id"),
    _text("billing_period"),
    _text("billing_group_id"),
    _text("kind"),
    Column("revision", Integer, nullable=False, comment="Documents of the group and period when it was approved."),
    _text("draft_hash"),
    _text("approved_by"),
    Column("approved_at", UtcTime, nullable=False),
    _text("note"),
    comment="One row per approval of a draft (D1).",
)

approval_withdrawals = Table(
    "approval_withdrawals",
    metadata,
    Column("approval_id", ForeignKey(approvals.c.approval_id), primary_key=True, autoincrement=False),
    _text("withdrawn_by"),
    Column("withdrawn_at", UtcTime, nullable=False),
    _text("reason"),
    comment="One row per approval that was taken back before it was used.",
)

overrides = Table(
    "overrides",
    metadata,
    _id("override_id"),
    _text("billing_period"),
    _text("billing_group_id"),
    Column("revision", Integer, nullable=False),
    _text("draft_hash"),
    Column("refusal", Text, nullable=False, comment="Which reason not to issue was overridden."),
    _text("reason"),
    _text("overridden_by"),
    Column("overridden_at", UtcTime, nullable=False),
    comment="One row per reason not to issue a draft that somebody overrode (D7).",
)

documents = Table(
    "documents",
    metadata,
    Column(
        "document_id",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="Place in the chain: 1, 2, 3, over all issuers and series.",
    ),
    Column("number", Text, nullable=False, unique=True),
    _text("issuer_id"),
    Column("series", Text, nullable=False, comment="invoice or credit_note"),
    Column("year", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("kind", Text, nullable=False, comment="invoice, credit_note or supplementary_invoice"),
    Column("billing_period", Text, nullable=False, comment="YYYY-MM"),
    _text("billing_group_id"),
    Column("revision", Integer, nullable=False, comment="0 for the first document of a group and period, then 1, 2."),
    _text("customer_id"),
    _text("currency"),
    Column("minor_units", Integer, nullable=False),
    Column("fx_rate", ExactDecimal, comment="Empty for a document in USD."),
    _money("net_amount"),
    _money("credit_amount"),
    _money("taxable_amount"),
    _money("tax_amount"),
    _money("total_amount"),
    Column("issue_date", Date, nullable=False),
    Column("due_date", Date, nullable=False),
    Column("reference_document_id", ForeignKey("documents.document_id"), comment="The original of a correction (D4)."),
    Column("approval_id", ForeignKey(approvals.c.approval_id), nullable=False, unique=True),
    _text("draft_hash"),
    Column("content", LargeBinary, nullable=False, comment="The frozen document, canonical JSON."),
    _text("content_sha256"),
    _text("previous_hash"),
    _text("chain_hash"),
    Column("issued_at", UtcTime, nullable=False),
    _text("issued_by"),
    UniqueConstraint("issuer_id", "series", "year", "sequence"),
    UniqueConstraint("billing_period", "billing_group_id", "revision"),
    comment="One row per issued document (D3).",
)


def _document_id() -> Column[int]:
    return Column("document_id", ForeignKey(documents.c.document_id), primary_key=True, autoincrement=False)


document_lines = Table(
    "document_lines",
    metadata,
    _document_id(),
    Column("line_number", Integer, primary_key=True, autoincrement=False),
    _text("invoice_line_key"),
    _text("line_kind"),
    _text("source_id"),
    _text("service_code"),
    _text("description"),
    _text("charge_class"),
    _text("cause"),
    _money("exact_amount_usd"),
    _money("net_amount"),
    _money("credit_amount"),
    UniqueConstraint("document_id", "invoice_line_key"),
    comment="One row per line of an issued document.",
    sqlite_with_rowid=False,
)

document_line_accounts = Table(
    "document_line_accounts",
    metadata,
    _document_id(),
    Column("line_number", Integer, primary_key=True, autoincrement=False),
    Column("sub_account_id", Text, primary_key=True),
    _money("net_amount"),
    _money("credit_amount"),
    ForeignKeyConstraint(
        ["document_id", "line_number"],
        ["document_lines.document_id", "document_lines.line_number"],
        name="fk_document_line_accounts_line",
    ),
    comment="One row per line of an issued document and account.",
    sqlite_with_rowid=False,
)

document_taxes = Table(
    "document_taxes",
    metadata,
    _document_id(),
    Column("tax_number", Integer, primary_key=True, autoincrement=False),
    _text("tax_category"),
    _text("tax_name"),
    _money("tax_rate"),
    _text("exemption_reason"),
    _money("taxable_amount"),
    _money("tax_amount"),
    comment="One row per row of an issued document's tax table.",
    sqlite_with_rowid=False,
)

credit_draws = Table(
    "credit_draws",
    metadata,
    _document_id(),
    Column("credit_id", Text, primary_key=True),
    Column("invoice_line_key", Text, primary_key=True),
    Column("sub_account_id", Text, primary_key=True),
    Column("service_code", Text, primary_key=True),
    Column("amount", ExactDecimal, nullable=False, comment="Below zero when drawn, above when given back (K4)."),
    comment="One row per customer credit, line, account and service that an issued document draws on.",
    sqlite_with_rowid=False,
)

payments = Table(
    "payments",
    metadata,
    _id("payment_id"),
    Column("source", Text, nullable=False, comment="Which bank account, provider or desk it was recorded from."),
    Column("external_id", Text, nullable=False, comment="Its id there."),
    Column("payment_date", Date, nullable=False),
    Column("amount", ExactDecimal, nullable=False, comment="Above zero when received, below when refunded."),
    _text("currency"),
    _text("method"),
    _text("reference"),
    _text("counterparty"),
    _text("recorded_by"),
    Column("recorded_at", UtcTime, nullable=False),
    UniqueConstraint("source", "external_id"),
    comment="One row per payment received or refunded.",
)

payment_assignments = Table(
    "payment_assignments",
    metadata,
    _id("assignment_id"),
    Column("payment_id", ForeignKey(payments.c.payment_id), nullable=False),
    Column("customer_id", Text, comment="Empty: nobody's, again."),
    _text("reason"),
    _text("assigned_by"),
    Column("assigned_at", UtcTime, nullable=False),
    comment="One row per decision whose payment one is; the newest counts.",
)

payment_allocations = Table(
    "payment_allocations",
    metadata,
    _id("allocation_id"),
    Column("credit_payment_id", ForeignKey(payments.c.payment_id)),
    Column("credit_document_id", ForeignKey(documents.c.document_id)),
    Column("debit_payment_id", ForeignKey(payments.c.payment_id)),
    Column("debit_document_id", ForeignKey(documents.c.document_id)),
    Column("amount", ExactDecimal, nullable=False, comment="Above zero; below when it reverses another."),
    Column("effective_date", Date, nullable=False, comment="The later of its two items' dates."),
    Column("reverses_allocation_id", ForeignKey("payment_allocations.allocation_id"), unique=True),
    _text("reason"),
    _text("allocated_by"),
    Column("allocated_at", UtcTime, nullable=False),
    CheckConstraint("(credit_payment_id is null) <> (credit_document_id is null)", name="one_credit"),
    CheckConstraint("(debit_payment_id is null) <> (debit_document_id is null)", name="one_debit"),
    comment=(
        "One row per match of something in the customer's favour (payment, credit note) with something that they owe "
        "(invoice, refund)."
    ),
)

sendings = Table(
    "sendings",
    metadata,
    _id("sending_id"),
    Column("document_id", ForeignKey(documents.c.document_id), nullable=False),
    Column("state", Text, nullable=False, comment="queued, sent or failed"),
    _text("recipient"),
    _text("message_id"),
    _text("error"),
    _text("recorded_by"),
    Column("recorded_at", UtcTime, nullable=False),
    comment="One row per step of sending a document.",
)

reminders = Table(
    "reminders",
    metadata,
    _id("reminder_id"),
    Column("document_id", ForeignKey(documents.c.document_id), nullable=False),
    Column("level", Integer, nullable=False, comment="1 to 3"),
    Column("reminder_date", Date, nullable=False),
    Column("open_amount", ExactDecimal, nullable=False, comment="What was open on that day."),
    _text("recorded_by"),
    Column("recorded_at", UtcTime, nullable=False),
    UniqueConstraint("document_id", "level"),
    comment="One row per document and level of reminder.",
)

audit_log = Table(
    "audit_log",
    metadata,
    _id("audit_id"),
    Column("happened_at", UtcTime, nullable=False),
    _text("actor"),
    _text("host"),
    _text("action"),
    _text("subject"),
    _text("detail"),
    comment="One row per change of the ledger: who did what, when, on what, from which host.",
)

COUNTERS = (ledger_head, number_series)
"""The only tables whose rows change: each change counts one up."""

APPEND_ONLY = tuple(table for table in metadata.sorted_tables if table not in COUNTERS)
