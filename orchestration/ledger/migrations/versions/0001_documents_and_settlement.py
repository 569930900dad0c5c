"""Documents, numbers, approvals, payments, and the triggers that let nothing be changed or taken away.

What is here: the first tables of the ledger and their triggers on SQLite and PostgreSQL.
When to add here: never; a later change is a later migration.
What does not belong here: rows, but for the one that marks the end of an empty chain.
"""

import sqlalchemy as sa
from alembic import op

from orchestration.ledger.columns import ExactDecimal, UtcTime

revision = "0001"
down_revision = None

_GENESIS = "0" * 64

# By table, its keys. SQLite's INSERT OR REPLACE deletes a row with an equal key without asking a delete trigger.
_APPEND_ONLY: dict[str, tuple[tuple[str, ...], ...]] = {
    "approvals": (("approval_id",),),
    "approval_withdrawals": (("approval_id",),),
    "overrides": (("override_id",),),
    "documents": (
        ("document_id",),
        ("number",),
        ("approval_id",),
        ("issuer_id", "series", "year", "sequence"),
        ("billing_period", "billing_group_id", "revision"),
    ),
    "document_lines": (("document_id", "line_number"), ("document_id", "invoice_line_key")),
    "document_line_accounts": (("document_id", "line_number", "sub_account_id"),),
    "document_taxes": (("document_id", "tax_number"),),
    "credit_draws": (("document_id", "credit_id", "invoice_line_key", "sub_account_id", "service_code"),),
    "payments": (("payment_id",), ("source", "external_id")),
    "payment_assignments": (("assignment_id",),),
    "payment_allocations": (("allocation_id",), ("reverses_allocation_id",)),
    "sendings": (("sending_id",),),
    "reminders": (("reminder_id",), ("document_id", "level")),
    "audit_log": (("audit_id",),),
}
_COUNTERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "ledger_head": (("head_id",),),
    "number_series": (("issuer_id", "series", "year"),),
}

# The end of the chain moves forward, to the newest document; a series counts one up, and never back in time.
_WRONG_STEP = {
    "ledger_head": (
        "new.head_id <> old.head_id or new.document_id <= old.document_id or not exists ("
        "select 1 from documents where documents.document_id = new.document_id "
        "and documents.chain_hash = new.chain_hash) or exists ("
        "select 1 from documents where documents.document_id > new.document_id)"
    ),
    "number_series": (
        "new.issuer_id <> old.issuer_id or new.series <> old.series or new.year <> old.year "
        "or new.last_sequence <> old.last_sequence + 1 or new.last_issue_date < old.last_issue_date"
    ),
}


def upgrade() -> None:
    """Make the tables, the row that marks the end of an empty chain, and the triggers."""
    op.create_table(
        "approvals",
        sa.Column("approval_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("billing_period", sa.Text(), nullable=False),
        sa.Column("billing_group_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "revision", sa.Integer(), nullable=False, comment="Documents of the group and period when it was approved."
        ),
        sa.Column("draft_hash", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("approved_at", UtcTime(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_approvals")),
        comment="One row per approval of a draft (D1).",
    )
    op.create_table(
        "audit_log",
        sa.Column("audit_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("happened_at", UtcTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit_log")),
        comment="One row per change of the ledger: who did what, when, on what, from which host.",
    )
    op.create_table(
        "ledger_head",
        sa.Column("head_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "document_id", sa.Integer(), nullable=False, comment="Id of the newest document; 0 when there is none."
        ),
        sa.Column("chain_hash", sa.Text(), nullable=False, comment="Chain hash of the newest document."),
        sa.CheckConstraint("head_id = 1", name=op.f("ck_ledger_head_one_row")),
        sa.PrimaryKeyConstraint("head_id", name=op.f("pk_ledger_head")),
        comment="One row: the end of the chain. Locked by every writer on PostgreSQL.",
    )
    op.create_table(
        "number_series",
        sa.Column("issuer_id", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False, comment="invoice or credit_note"),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_sequence", sa.Integer(), nullable=False),
        sa.Column("last_issue_date", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("issuer_id", "series", "year", name=op.f("pk_number_series")),
        comment="One row per issuer, series and year: the last number given (D2).",
    )
    op.create_table(
        "overrides",
        sa.Column("override_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("billing_period", sa.Text(), nullable=False),
        sa.Column("billing_group_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("draft_hash", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=False, comment="Which reason not to issue was overridden."),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("overridden_by", sa.Text(), nullable=False),
        sa.Column("overridden_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("override_id", name=op.f("pk_overrides")),
        comment="One row per reason not to issue a draft that somebody overrode (D7).",
    )
    op.create_table(
        "payments",
        sa.Column("payment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "source", sa.Text(), nullable=False, comment="Which bank account, provider or desk it was recorded from."
        ),
        sa.Column("external_id", sa.Text(), nullable=False, comment="Its id there."),
        sa.Column("payment_date", sa.Date(), nullable=False),
        sa.Column("amount", ExactDecimal(), nullable=False, comment="Above zero when received, below when refunded."),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("counterparty", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_payments")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_payments_source")),
        comment="One row per payment received or refunded.",
    )
    op.create_table(
        "approval_withdrawals",
        sa.Column("approval_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("withdrawn_by", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", UtcTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approvals.approval_id"], name=op.f("fk_approval_withdrawals_approval_id")
        ),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_approval_withdrawals")),
        comment="One row per approval that was taken back before it was used.",
    )
    op.create_table(
        "documents",
        sa.Column(
            "document_id",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Place in the chain: 1, 2, 3, over all issuers and series.",
        ),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("issuer_id", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False, comment="invoice or credit_note"),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="invoice, credit_note or supplementary_invoice"),
        sa.Column("billing_period", sa.Text(), nullable=False, comment="YYYY-MM"),
        sa.Column("billing_group_id", sa.Text(), nullable=False),
        sa.Column(
            "revision",
            sa.Integer(),
            nullable=False,
            comment="0 for the first document of a group and period, then 1, 2.",
        ),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("minor_units", sa.Integer(), nullable=False),
        sa.Column("fx_rate", ExactDecimal(), nullable=True, comment="Empty for a document in USD."),
        sa.Column("net_amount", ExactDecimal(), nullable=False),
        sa.Column("credit_amount", ExactDecimal(), nullable=False),
        sa.Column("taxable_amount", ExactDecimal(), nullable=False),
        sa.Column("tax_amount", ExactDecimal(), nullable=False),
        sa.Column("total_amount", ExactDecimal(), nullable=False),
        sa.Column("issue_date", sa.Date(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("reference_document_id", sa.Integer(), nullable=True, comment="The original of a correction (D4)."),
        sa.Column("approval_id", sa.Integer(), nullable=False),
        sa.Column("draft_hash", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="The frozen document, canonical JSON."),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("chain_hash", sa.Text(), nullable=False),
        sa.Column("issued_at", UtcTime(), nullable=False),
        sa.Column("issued_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.approval_id"], name=op.f("fk_documents_approval_id")),
        sa.ForeignKeyConstraint(
            ["reference_document_id"], ["documents.document_id"], name=op.f("fk_documents_reference_document_id")
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_documents")),
        sa.UniqueConstraint("approval_id", name=op.f("uq_documents_approval_id")),
        sa.UniqueConstraint("billing_period", "billing_group_id", "revision", name=op.f("uq_documents_billing_period")),
        sa.UniqueConstraint("issuer_id", "series", "year", "sequence", name=op.f("uq_documents_issuer_id")),
        sa.UniqueConstraint("number", name=op.f("uq_documents_number")),
        comment="One row per issued document (D3).",
    )
    op.create_table(
        "payment_assignments",
        sa.Column("assignment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("payment_id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=True, comment="Empty: nobody's, again."),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("assigned_by", sa.Text(), nullable=False),
        sa.Column("assigned_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.payment_id"], name=op.f("fk_payment_assignments_payment_id")
        ),
        sa.PrimaryKeyConstraint("assignment_id", name=op.f("pk_payment_assignments")),
        comment="One row per decision whose payment one is; the newest counts.",
    )
    op.create_table(
        "credit_draws",
        sa.Column("document_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("credit_id", sa.Text(), nullable=False),
        sa.Column("invoice_line_key", sa.Text(), nullable=False),
        sa.Column("sub_account_id", sa.Text(), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column(
            "amount", ExactDecimal(), nullable=False, comment="Below zero when drawn, above when given back (K4)."
        ),
        sa.ForeignKeyConstraint(["document_id"], ["documents.document_id"], name=op.f("fk_credit_draws_document_id")),
        sa.PrimaryKeyConstraint(
            "document_id",
            "credit_id",
            "invoice_line_key",
            "sub_account_id",
            "service_code",
            name=op.f("pk_credit_draws"),
        ),
        comment="One row per customer credit, line, account and service that an issued document draws on.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "document_lines",
        sa.Column("document_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("invoice_line_key", sa.Text(), nullable=False),
        sa.Column("line_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("charge_class", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("exact_amount_usd", ExactDecimal(), nullable=False),
        sa.Column("net_amount", ExactDecimal(), nullable=False),
        sa.Column("credit_amount", ExactDecimal(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.document_id"], name=op.f("fk_document_lines_document_id")),
        sa.PrimaryKeyConstraint("document_id", "line_number", name=op.f("pk_document_lines")),
        sa.UniqueConstraint("document_id", "invoice_line_key", name=op.f("uq_document_lines_document_id")),
        comment="One row per line of an issued document.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "document_taxes",
        sa.Column("document_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tax_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tax_category", sa.Text(), nullable=False),
        sa.Column("tax_name", sa.Text(), nullable=False),
        sa.Column("tax_rate", ExactDecimal(), nullable=False),
        sa.Column("exemption_reason", sa.Text(), nullable=False),
        sa.Column("taxable_amount", ExactDecimal(), nullable=False),
        sa.Column("tax_amount", ExactDecimal(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.document_id"], name=op.f("fk_document_taxes_document_id")),
        sa.PrimaryKeyConstraint("document_id", "tax_number", name=op.f("pk_document_taxes")),
        comment="One row per row of an issued document's tax table.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "payment_allocations",
        sa.Column("allocation_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("credit_payment_id", sa.Integer(), nullable=True),
        sa.Column("credit_document_id", sa.Integer(), nullable=True),
        sa.Column("debit_payment_id", sa.Integer(), nullable=True),
        sa.Column("debit_document_id", sa.Integer(), nullable=True),
        sa.Column("amount", ExactDecimal(), nullable=False, comment="Above zero; below when it reverses another."),
        sa.Column("effective_date", sa.Date(), nullable=False, comment="The later of its two items' dates."),
        sa.Column("reverses_allocation_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("allocated_by", sa.Text(), nullable=False),
        sa.Column("allocated_at", UtcTime(), nullable=False),
        sa.CheckConstraint(
            "(credit_payment_id is null) <> (credit_document_id is null)",
            name=op.f("ck_payment_allocations_one_credit"),
        ),
        sa.CheckConstraint(
            "(debit_payment_id is null) <> (debit_document_id is null)", name=op.f("ck_payment_allocations_one_debit")
        ),
        sa.ForeignKeyConstraint(
            ["credit_document_id"], ["documents.document_id"], name=op.f("fk_payment_allocations_credit_document_id")
        ),
        sa.ForeignKeyConstraint(
            ["credit_payment_id"], ["payments.payment_id"], name=op.f("fk_payment_allocations_credit_payment_id")
        ),
        sa.ForeignKeyConstraint(
            ["debit_document_id"], ["documents.document_id"], name=op.f("fk_payment_allocations_debit_document_id")
        ),
        sa.ForeignKeyConstraint(
            ["debit_payment_id"], ["payments.payment_id"], name=op.f("fk_payment_allocations_debit_payment_id")
        ),
        sa.ForeignKeyConstraint(
            ["reverses_allocation_id"],
            ["payment_allocations.allocation_id"],
            name=op.f("fk_payment_allocations_reverses_allocation_id"),
        ),
        sa.PrimaryKeyConstraint("allocation_id", name=op.f("pk_payment_allocations")),
        sa.UniqueConstraint("reverses_allocation_id", name=op.f("uq_payment_allocations_reverses_allocation_id")),
        comment=(
            "One row per match of something in the customer's favour (payment, credit note) with something that they "
            "owe (invoice, refund)."
        ),
    )
    op.create_table(
        "reminders",
        sa.Column("reminder_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False, comment="1 to 3"),
        sa.Column("reminder_date", sa.Date(), nullable=False),
        sa.Column("open_amount", ExactDecimal(), nullable=False, comment="What was open on that day."),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.document_id"], name=op.f("fk_reminders_document_id")),
        sa.PrimaryKeyConstraint("reminder_id", name=op.f("pk_reminders")),
        sa.UniqueConstraint("document_id", "level", name=op.f("uq_reminders_document_id")),
        comment="One row per document and level of reminder.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sendings",
        sa.Column("sending_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="queued, sent or failed"),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.document_id"], name=op.f("fk_sendings_document_id")),
        sa.PrimaryKeyConstraint("sending_id", name=op.f("pk_sendings")),
        comment="One row per step of sending a document.",
    )
    op.create_table(
        "document_line_accounts",
        sa.Column("document_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sub_account_id", sa.Text(), nullable=False),
        sa.Column("net_amount", ExactDecimal(), nullable=False),
        sa.Column("credit_amount", ExactDecimal(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id", "line_number"],
            ["document_lines.document_id", "document_lines.line_number"],
            name="fk_document_line_accounts_line",
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.document_id"], name=op.f("fk_document_line_accounts_document_id")
        ),
        sa.PrimaryKeyConstraint("document_id", "line_number", "sub_account_id", name=op.f("pk_document_line_accounts")),
        comment="One row per line of an issued document and account.",
        sqlite_with_rowid=False,
    )

    op.execute(f"insert into ledger_head (head_id, document_id, chain_hash) values (1, 0, '{_GENESIS}')")
    if op.get_bind().dialect.name == "sqlite":
        _protect_on_sqlite()
    else:
        _protect_on_postgresql()


def downgrade() -> None:
    """Refuse: what was issued stays."""
    raise NotImplementedError("the ledger is never taken back to an older form; restore a backup instead")


def _protect_on_sqlite() -> None:
    def trigger(name: str, event: str, table: str, when: str, message: str) -> None:
        condition = f" when {when}" if when else ""
        op.execute(
            f"create trigger {name} before {event} on {table}{condition} begin select raise(abort, '{message}'); end"
        )

    for table, keys in (_APPEND_ONLY | _COUNTERS).items():
        equal = " or ".join("(" + " and ".join(f"{column} = new.{column}" for column in key) + ")" for key in keys)
        trigger(f"{table}_no_delete", "delete", table, "", f"{table} only grows: nothing is deleted")
        trigger(
            f"{table}_no_replace",
            "insert",
            table,
            f"exists (select 1 from {table} where {equal})",
            f"{table} only grows: the row is there already",
        )
    for table in _APPEND_ONLY:
        trigger(f"{table}_no_update", "update", table, "", f"{table} only grows: nothing is changed")
    for table, wrong in _WRONG_STEP.items():
        trigger(f"{table}_step", "update", table, wrong, f"{table} only counts up")


def _protect_on_postgresql() -> None:
    def function(name: str, condition: str, message: str) -> None:
        op.execute(
            f"create function {name}() returns trigger language plpgsql as $$ begin "
            f"if {condition} then raise exception '{message}', tg_table_name using errcode = 'restrict_violation'; "
            "end if; return new; end $$"
        )

    function("ledger_only_grows", "true", "% only grows: nothing is changed or deleted")
    for table, wrong in _WRONG_STEP.items():
        function(f"{table}_counts_up", wrong, "% only counts up")
        _trigger_on_postgresql(f"{table}_step", "update", table, f"for each row execute function {table}_counts_up()")
    for table in (*_APPEND_ONLY, *_COUNTERS):
        events = "delete or truncate" if table in _COUNTERS else "update or delete or truncate"
        rest = "for each statement execute function ledger_only_grows()"
        _trigger_on_postgresql(f"{table}_no_change", events, table, rest)


def _trigger_on_postgresql(name: str, events: str, table: str, rest: str) -> None:
    op.execute(f"create trigger {name} before {events} on {table} {rest}")
    # Also for sessions that play the part of a replica, which pass over ordinary triggers.
    op.execute(f"alter table {table} enable always trigger {name}")
