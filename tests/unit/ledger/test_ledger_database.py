"""Opening, migrating and protecting the database, on SQLite and PostgreSQL."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from orchestration.errors import LedgerError
from orchestration.ledger.database import REVISION, LedgerDatabase
from orchestration.ledger.ledger import Ledger
from orchestration.ledger.settlement import Payment
from orchestration.ledger.tables import APPEND_ONLY, COUNTERS, metadata, payments
from orchestration.settings import PROJECT_ROOT, Workspace, child_environment
from tests.postgresql_cluster import Cluster
from tests.unit.ledger.conftest import DATABASES
from tests.unit.ledger.ledger_contents import a_content, correct, issue, issue_one, request_of, with_credit


@pytest.fixture(params=DATABASES)
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where no ledger is yet."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger" / "new.sqlite")
    url: str = request.getfixturevalue("postgresql").new_schema()
    return url


def fill(ledger: Ledger) -> None:
    """At least one row in every table."""
    content, draw = with_credit(a_content(), "-1.00")
    request = replace(request_of(content, draws=[draw]), refusals=("not_final",))
    ledger.override(request.draft, "not_final", "Ada", "fine")
    document = issue(ledger, request)
    withdrawn = request_of(a_content(group="withdrawn"))
    ledger.approve(withdrawn.draft, "Ada")
    ledger.withdraw_approval(withdrawn.draft, "Ada", "no")
    payment = Payment("bank", "1", datetime(2026, 10, 6).date(), Decimal("50.00"), "EUR", reference=document.number)
    payment_id = ledger.record_payment(payment, "Ada", document.customer_id)
    items = {item.name: item.item for item in ledger.open_items()}
    ledger.allocate(items[f"payment {payment_id}"], items[document.number], Decimal("50.00"), "Ada", "by hand")
    ledger.record_sending(document.document_id, "sent", "ap@kranich.example", "Ada", message_id="<1@x>")
    ledger.record_reminder(document.document_id, 1, datetime(2026, 12, 1).date(), "Ada")


def test_a_new_ledger_has_exactly_the_tables_of_the_code(location: str) -> None:
    """The migrations and `tables` must say the same, types, keys and comments included."""
    database = LedgerDatabase(location)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.execute(text("select version_num from alembic_version")).scalar_one() == REVISION
    database.close()


def test_opening_again_changes_nothing(location: str) -> None:
    LedgerDatabase(location).close()
    database = LedgerDatabase(location)
    with database.read() as connection:
        assert connection.execute(text("select * from ledger_head")).all() == [(1, 0, "0" * 64)]
    database.close()


def test_many_openers_at_once_make_one_ledger(location: str) -> None:
    code = f"from orchestration.ledger.database import LedgerDatabase as L; L({location!r}).close()"
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code], cwd=PROJECT_ROOT, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    errors = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 4, errors
    database = LedgerDatabase(location)
    with database.read() as connection:
        assert connection.execute(text("select count(*) from ledger_head")).scalar_one() == 1
    database.close()


def test_a_migration_that_dies_leaves_nothing(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Halfway made tables would stop every later opening."""
    import alembic.command

    def upgrade_and_die(*arguments: object) -> None:
        original(*arguments)
        raise KeyboardInterrupt

    original = alembic.command.upgrade
    with monkeypatch.context() as patched:
        patched.setattr(alembic.command, "upgrade", upgrade_and_die)
        with pytest.raises(KeyboardInterrupt):
            LedgerDatabase(location)
    database = LedgerDatabase(location)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_a_ledger_of_a_newer_version_is_left_alone(location: str) -> None:
    database = LedgerDatabase(location)
    with database.engine.execution_options(ledger_writes=True).begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    database.close()
    with pytest.raises(LedgerError, match=f"tables are at 9999, this version knows {REVISION}"):
        LedgerDatabase(location)


def test_sqlite_is_durable_and_lets_readers_read(tmp_path: Path) -> None:
    database = LedgerDatabase(str(tmp_path / "ledger.sqlite"))
    with database.write() as writer:
        found = [writer.execute(text(f"pragma {name}")).scalar() for name in ("journal_mode", "synchronous")]
        assert [*found, writer.execute(text("pragma foreign_keys")).scalar()] == ["wal", 2, 1]
        writer.execute(text("insert into number_series values ('a', 'invoice', 2026, 1, '2026-01-01')"))
        with database.read() as reader:
            assert reader.execute(text("select count(*) from number_series")).scalar_one() == 0
    database.close()


def test_the_address_must_be_postgresql() -> None:
    for wrong in ("mysql://user:secret@host/db", "postgresql://host:port/db", "://"):
        with pytest.raises(LedgerError, match="Expected postgresql://user@host/database") as error:
            LedgerDatabase(wrong)
        assert "secret" not in str(error.value)


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(LedgerError, match="could not be used") as error:
        LedgerDatabase("postgresql://user:secret@127.0.0.1:1/nothing")
    assert "127.0.0.1" in str(error.value)
    assert "secret" not in str(error.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    file.write_text("these are not the rows you are looking for, " * 100)
    with pytest.raises(LedgerError, match="file is not a database"):
        LedgerDatabase(str(file))
    assert file.read_text().startswith("these are not")


def test_a_lost_ledger_beside_its_documents_is_not_begun_anew(workspace: Workspace) -> None:
    """A new ledger would give BW-2026-000001 a second time; so would a wrong address of a server."""
    (workspace.documents / "2026").mkdir(parents=True)
    (workspace.documents / "notes.txt").write_text("no document")
    Ledger.open(workspace).close()
    (workspace.documents / "2026" / "BW-2026-000001.pdf").write_bytes(b"%PDF")
    for _ in range(2):
        with pytest.raises(LedgerError, match="bring the ledger back with restore"):
            Ledger.open(workspace)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("a file, not a folder")
    with pytest.raises(LedgerError, match="could not be made"):
        Ledger.open(Workspace.at(tmp_path))


def test_a_reader_makes_and_migrates_nothing(location: str) -> None:
    """A preview reads the ledger of a server: a newer checkout must not migrate it under the code that issues."""
    with pytest.raises(LedgerError, match="has no tables yet"):
        LedgerDatabase(location, only_reads=True)
    database = LedgerDatabase(location)
    reader = LedgerDatabase(location, only_reads=True)
    with reader.read() as connection:
        assert connection.execute(select(payments)).fetchall() == []
    if not reader.is_sqlite:
        with pytest.raises(LedgerError, match="read-only transaction"), reader.write():
            pass
    reader.close()
    with database.write() as connection:
        connection.execute(text("update alembic_version set version_num = '0000'"))
    with pytest.raises(LedgerError, match="are at 0000, this version of Chargehouse knows"):
        LedgerDatabase(location, only_reads=True)
    with database.read() as connection:
        assert connection.execute(text("select version_num from alembic_version")).scalar_one() == "0000"
    database.close()


def _statements(table: str, column: str) -> list[str]:
    return [
        f"update {table} set {column} = {column}",
        f"update {table} set {column} = null",
        f"delete from {table}",
        f"delete from {table} where 1 = 1",
    ]


def test_raw_sql_cannot_change_or_delete_a_row(ledger: Ledger, workspace: Workspace) -> None:
    fill(ledger)
    database = ledger._database

    def refused(statement: str) -> str:
        with (
            pytest.raises(IntegrityError) as error,
            database.engine.connect() as connection,
            connection.begin(),
        ):
            connection.execute(text(statement))
        return str(error.value.orig)

    for table in APPEND_ONLY:
        column = next(column.name for column in table.columns if not column.primary_key)
        with database.read() as connection:
            assert connection.execute(select(table)).first() is not None, table.name
        for statement in _statements(table.name, column):
            assert f"{table.name} only grows" in refused(statement), statement
        if database.is_sqlite:
            for verb in ("insert or replace", "replace"):
                statement = f"{verb} into {table.name} select * from {table.name}"
                assert f"{table.name} only grows" in refused(statement), statement
        else:
            assert f"{table.name} only grows" in refused(f"truncate {table.name} cascade")
    for table in COUNTERS:
        assert f"{table.name} only grows" in refused(f"delete from {table.name}")
    assert "number_series only counts up" in refused("update number_series set last_sequence = last_sequence - 1")
    assert "number_series only counts up" in refused("update number_series set last_sequence = last_sequence + 2")
    assert "number_series only counts up" in refused("update number_series set year = 2030, last_sequence = 2")
    assert "ledger_head only counts up" in refused("update ledger_head set document_id = 0")
    assert "ledger_head only counts up" in refused("update ledger_head set chain_hash = 'x'")
    assert "ledger_head only counts up" in refused("update ledger_head set document_id = document_id + 1")
    assert ledger.verify().is_sound


def test_postgresql_keeps_its_triggers_for_replicas(postgresql: Cluster) -> None:
    """A session that calls itself a replica passes over ordinary triggers."""
    url = postgresql.new_schema()
    with Ledger.open(replace(Workspace.at(Path("nowhere")), ledger_url=url)) as ledger:
        ledger._clock = lambda: datetime(2026, 12, 31, tzinfo=UTC)
        issue_one(ledger, "a")
    with psycopg.connect(url) as connection:
        connection.execute("set session_replication_role = replica")
        with pytest.raises(psycopg.errors.RestrictViolation, match="documents only grows"):
            connection.execute("delete from documents")


def _insert_payment(connection: Connection, **values: object) -> None:
    row = {
        "payment_id": 1,
        "source": "bank",
        "external_id": "1",
        "payment_date": datetime(2026, 10, 1).date(),
        "amount": Decimal("1.10"),
        "currency": "EUR",
        "method": "",
        "reference": "",
        "counterparty": "",
        "recorded_by": "Ada",
        "recorded_at": datetime(2026, 10, 1, tzinfo=UTC),
    }
    connection.execute(insert(payments).values({**row, **values}))


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("amount", 1.1, "money is Decimal, not float"),
        ("amount", Decimal("NaN"), "money is finite"),
        ("amount", "1.10", "money is Decimal, not str"),
        ("recorded_at", datetime(2026, 10, 1), "a moment needs its time zone"),
    ],
)
def test_values_that_are_not_exact_are_refused(ledger: Ledger, column: str, value: object, said: str) -> None:
    with pytest.raises(StatementError, match=said), ledger._database.write() as connection:
        _insert_payment(connection, **{column: value})


@pytest.mark.parametrize("amount", ["0.10", "-1234567890123456.7891", "0.1000000000000000055511151231", "1000"])
def test_values_come_back_as_they_went(ledger: Ledger, amount: str) -> None:
    moment = datetime(2026, 10, 1, 23, 59, 59, 123456, tzinfo=timezone(timedelta(hours=-5)))
    with ledger._database.write() as connection:
        _insert_payment(connection, amount=Decimal(amount), recorded_at=moment)
    with ledger._database.read() as connection:
        found = connection.execute(select(payments)).one()
    assert str(found.amount) == amount
    assert found.recorded_at == moment
    assert found.recorded_at.tzinfo is UTC


def test_sqlite_keeps_money_as_text(tmp_path: Path) -> None:
    database = LedgerDatabase(str(tmp_path / "ledger.sqlite"))
    with database.write() as connection:
        _insert_payment(connection, amount=Decimal("1E+3"))
    database.close()
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    assert connection.execute("select typeof(amount), amount from payments").fetchall() == [("text", "1000")]
    connection.close()


def test_documents_of_corrections_point_at_the_original(ledger: Ledger) -> None:
    original = issue_one(ledger, "a")
    note = correct(ledger, original, "-1.00")
    rows = ledger.arrow_table("documents").to_pylist()
    assert [(row["document_id"], row["reference_document_id"]) for row in rows] == [(1, None), (note.document_id, 1)]


def test_workspaces_never_share_a_ledger(new_workspace: Callable[[str], Workspace]) -> None:
    first, second = new_workspace("sqlite"), new_workspace("sqlite")
    with Ledger.open(first) as one, Ledger.open(second) as other:
        one._clock = other._clock = lambda: datetime(2026, 12, 31, tzinfo=UTC)
        issue_one(one, "a")
        assert list(other.documents()) == []


def test_the_environment_names_the_ledger_and_children_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = "postgresql://user:secret@host/ledger"
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(tmp_path))
    monkeypatch.setenv("CHARGEHOUSE_LEDGER", url)
    workspace = Workspace.from_environment()
    assert workspace.ledger_url == url
    assert child_environment(workspace)["CHARGEHOUSE_LEDGER"] == url
    assert "secret" not in repr(workspace)
    monkeypatch.setenv("CHARGEHOUSE_LEDGER", child_environment(Workspace.at(tmp_path))["CHARGEHOUSE_LEDGER"])
    assert Workspace.from_environment().ledger_url is None
