"""Tampering with the database behind the ledger's back: each change is found, and named."""

import hashlib
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from orchestration.errors import LedgerError
from orchestration.ledger.ledger import Ledger
from orchestration.ledger.settlement import Payment
from orchestration.settings import Workspace
from tests.unit.ledger.ledger_contents import a_content, correct, issue, issue_one, request_of, with_credit

Tamper = Callable[..., None]


@pytest.fixture
def documents(ledger: Ledger) -> list[str]:
    """Six documents: five invoices (the third with a credit draw) and a credit note between them; their numbers."""
    first = issue_one(ledger, "a")
    second = issue_one(ledger, "b")
    content, draw = with_credit(a_content(group="c", nets=["100.00", "50.00"]), "-40.00")
    third = issue(ledger, request_of(content, draws=[draw]))
    note = correct(ledger, second, "-10.00")
    fifth = issue_one(ledger, "d")
    last = issue_one(ledger, "e")
    assert ledger.verify().is_sound
    return [document.number for document in (first, second, third, note, fifth, last)]


@pytest.fixture
def tamper(ledger: Ledger) -> Tamper:
    """Run statements as somebody who owns the database and wants to hide something: no triggers, no foreign keys.

    The triggers come back afterwards, so that only the rows can tell.
    """
    engine = ledger._database.engine

    def on_sqlite(statements: list[str], values: dict[str, Any]) -> None:
        with closing(engine.raw_connection()) as connection:
            connection.execute("pragma foreign_keys = off")
            triggers = connection.execute("select name, sql from sqlite_master where type = 'trigger'").fetchall()
            for name, _ in triggers:
                connection.execute(f"drop trigger {name}")
            for statement in statements:
                connection.execute(statement, values)
            for _, sql in triggers:
                connection.execute(sql)
            connection.execute("pragma foreign_keys = on")

    def on_postgresql(statements: list[str], values: dict[str, Any]) -> None:
        with engine.begin() as connection:
            tables = connection.execute(
                text("select tgrelid::regclass::text, tgname from pg_trigger where pg_table_is_visible(tgrelid)")
            ).all()
            ours = [(table, name) for table, name in tables if name.endswith(("_no_change", "_step"))]
            for table, name in ours:
                connection.execute(text(f"alter table {table} disable trigger {name}"))
            connection.execute(text("set session_replication_role = replica"))
            for statement in statements:
                connection.execute(text(statement), values)
            connection.execute(text("set session_replication_role = origin"))
            for table, name in ours:
                connection.execute(text(f"alter table {table} enable always trigger {name}"))

    def run(*statements: str, **values: Any) -> None:
        (on_sqlite if ledger._database.is_sqlite else on_postgresql)(list(statements), values)

    return run


def found(ledger: Ledger) -> set[tuple[str, str]]:
    """Kind and subject of everything that verifying finds."""
    verification = ledger.verify()
    assert verification.is_sound == (not verification.findings)
    return {(finding.kind, finding.subject) for finding in verification.findings}


def _delete(document_id: int) -> list[str]:
    tables = ("credit_draws", "document_taxes", "document_line_accounts", "document_lines", "documents")
    return [f"delete from {table} where document_id = {document_id}" for table in tables]


@pytest.mark.parametrize(
    ("document_id", "place"), [(1, "document 1"), (3, "document 3"), (6, "document 6")], ids=["first", "middle", "last"]
)
def test_a_deleted_document_is_named(
    ledger: Ledger, documents: list[str], tamper: Tamper, document_id: int, place: str
) -> None:
    tamper(*_delete(document_id))
    assert found(ledger) == {("removed", place), ("removed", documents[document_id - 1])}


def test_nothing_is_issued_after_the_last_document_was_deleted(
    ledger: Ledger, documents: list[str], tamper: Tamper
) -> None:
    """The next invoice would take the number of the one that is gone."""
    tamper(*_delete(6))
    with pytest.raises(LedgerError, match="should end with document 6, and does not"):
        issue_one(ledger, "f")


def test_rows_left_of_a_deleted_document_are_named(ledger: Ledger, documents: list[str], tamper: Tamper) -> None:
    tamper("delete from documents where document_id = 3")
    details = [str(finding) for finding in ledger.verify().findings]
    assert "removed: document 3: Its rows in credit_draws are still there." in details


def test_a_changed_content_is_named(ledger: Ledger, documents: list[str], tamper: Tamper) -> None:
    changed = ledger.document(documents[1]).content.replace(b"Kranich GmbH", b"Sperber GmbH")
    tamper("update documents set content = :content where document_id = 2", content=changed)
    assert found(ledger) == {("changed", documents[1])}


def test_a_changed_content_with_its_hash_is_named(ledger: Ledger, documents: list[str], tamper: Tamper) -> None:
    """Somebody who knows how the hash is made still breaks the chain."""
    changed = ledger.document(documents[1]).content.replace(b"Kranich GmbH", b"Sperber GmbH")
    tamper(
        "update documents set content = :content, content_sha256 = :digest where document_id = 2",
        content=changed,
        digest=hashlib.sha256(changed).hexdigest(),
    )
    details = {finding.detail for finding in ledger.verify().findings}
    assert found(ledger) == {("changed", documents[1])}
    assert details == {"Its hash in the chain is not the hash of what stands here."}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("total_amount", "1.00"),
        ("customer_id", "'somebody'"),
        ("due_date", "'2027-01-01'"),
        ("issued_by", "'Mallory'"),
        ("issued_at", "'2026-01-01 00:00:00+00:00'"),
        ("chain_hash", "'00'"),
        ("previous_hash", "'00'"),
        ("reference_document_id", "1"),
        ("sequence", "77"),
        ("number", "'BW-2026-000077'"),
    ],
)
def test_a_changed_column_is_named(
    ledger: Ledger, documents: list[str], tamper: Tamper, column: str, value: str
) -> None:
    if ledger._database.is_sqlite:
        value = value.replace("+00:00", ".000000")
    tamper(f"update documents set {column} = {value} where document_id = 5")
    number = "BW-2026-000077" if column == "number" else documents[4]
    assert ("changed", number) in found(ledger)
    assert not {documents[0], documents[1], documents[2]} & {subject for _, subject in found(ledger)}


@pytest.mark.parametrize(
    "statement",
    [
        "update document_lines set description = 'other' where document_id = 3 and line_number = 1",
        "update document_lines set net_amount = 0 where document_id = 3 and line_number = 1",
        "delete from document_line_accounts where document_id = 3 and line_number = 2",
        "update document_taxes set tax_rate = 7 where document_id = 3",
        "update credit_draws set amount = 0 where document_id = 3",
        "update credit_draws set sub_account_id = 'other' where document_id = 3",
        "delete from credit_draws where document_id = 3",
        "delete from document_taxes where document_id = 3",
    ],
)
def test_changed_parts_are_named(ledger: Ledger, documents: list[str], tamper: Tamper, statement: str) -> None:
    tamper(statement)
    assert found(ledger) == {("changed", documents[2])}


def test_swapped_documents_are_named(ledger: Ledger, documents: list[str], tamper: Tamper) -> None:
    tables = ("credit_draws", "document_taxes", "document_line_accounts", "document_lines", "documents")
    steps = [(2, 99), (3, 2), (99, 3)]
    tamper(
        *(
            f"update {table} set document_id = {after} where document_id = {before}"
            for before, after in steps
            for table in tables
        )
    )
    names = {subject for kind, subject in found(ledger) if kind == "reordered"}
    assert names == {documents[1], documents[2]}
    assert {subject for _, subject in found(ledger)} == {documents[1], documents[2], documents[3]}


def test_swapped_contents_are_named(ledger: Ledger, documents: list[str], tamper: Tamper) -> None:
    one, other = ledger.document(documents[0]), ledger.document(documents[1])
    statement = "update documents set content = {}, content_sha256 = {} where document_id = {}"
    tamper(
        statement.format(":one", ":one_digest", 2),
        statement.format(":other", ":other_digest", 1),
        one=one.content,
        one_digest=one.content_sha256,
        other=other.content,
        other_digest=other.content_sha256,
    )
    assert found(ledger) == {("changed", documents[0]), ("changed", documents[1])}


def _forged_copy(columns: list[str], **changed: str) -> str:
    chosen = ", ".join(changed.get(column, column) for column in columns)
    return f"insert into documents ({', '.join(columns)}) select {chosen} from documents where document_id = 6"


def test_an_inserted_document_is_named(ledger: Ledger, documents: list[str], tamper: Tamper) -> None:
    with ledger._database.read() as connection:
        columns = list(connection.execute(text("select * from documents")).keys())
    tamper(
        _forged_copy(
            columns,
            document_id="7",
            number="'BW-2026-000006'",
            sequence="6",
            revision="7",
            approval_id="99",
            previous_hash="chain_hash",
        )
    )
    assert ("inserted", "BW-2026-000006") in found(ledger)
    assert {subject for _, subject in found(ledger)} == {"BW-2026-000006"}


def test_a_lowered_end_is_found_by_an_end_noted_elsewhere(ledger: Ledger, documents: list[str], tamper: Tamper) -> None:
    """Whoever also rewrites the ledger's own notes of its end leaves a ledger that looks whole."""
    noted = ledger.verify().head
    tamper(
        *_delete(6),
        "update ledger_head set document_id = 5, chain_hash = (select chain_hash from documents where document_id = 5)",
        "update number_series set last_sequence = last_sequence - 1 where series = 'invoice'",
    )
    assert ledger.verify().is_sound
    findings = ledger.verify(noted).findings
    assert [(finding.kind, finding.subject) for finding in findings] == [("changed", "document 6")]
    assert noted.chain_hash in findings[0].detail


def test_an_end_noted_earlier_stays_true_while_the_ledger_grows(ledger: Ledger, documents: list[str]) -> None:
    noted = ledger.verify().head
    issue_one(ledger, "f")
    assert ledger.verify(noted).is_sound


def test_a_missing_trigger_is_named(ledger: Ledger, documents: list[str]) -> None:
    with ledger._database.engine.begin() as connection:
        if ledger._database.is_sqlite:
            connection.execute(text("drop trigger documents_no_update"))
        else:
            connection.execute(text("alter table documents disable trigger documents_no_change"))
    assert found(ledger) == {("unprotected", "documents")}


def test_rows_missing_from_payments_are_named(ledger: Ledger, tamper: Tamper) -> None:
    for number in range(3):
        payment = Payment("bank", str(number), datetime(2026, 10, 1, tzinfo=UTC).date(), Decimal(1), "EUR")
        ledger.record_payment(payment, "Ada")
    tamper("delete from payments where payment_id = 2")
    assert ("removed", "payments") in found(ledger)


def test_a_changed_approval_is_named(ledger: Ledger, documents: list[str], tamper: Tamper) -> None:
    tamper("update approvals set draft_hash = 'other' where approval_id = 1")
    assert found(ledger) == {("changed", documents[0])}


def test_a_sound_ledger_says_so(ledger: Ledger, documents: list[str], workspace: Workspace) -> None:
    verification = ledger.verify()
    assert verification.document_count == 6
    assert verification.lines() == [f"6 documents verified; the chain ends with {verification.head.chain_hash}."]
    assert issubclass(psycopg.Error, Exception)
