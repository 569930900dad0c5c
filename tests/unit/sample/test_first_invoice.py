"""The sample's first invoice: of the sample only, and only once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import duckdb
import pytest

from orchestration.issuing import desk
from orchestration.issuing.desk import Outcome
from orchestration.sample.first_invoice import issue_first_invoice
from orchestration.sample.install import EXPECTATIONS_FILE, sample_configuration, write_example_configuration
from orchestration.settings import Workspace

_AUGUST = date(2026, 8, 1)


@pytest.fixture
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the sample's configuration and what a run publishes of its proposals."""
    workspace = Workspace.at(tmp_path_factory.mktemp("sample"))
    write_example_configuration(workspace.billing)
    for name, content in sample_configuration().items():
        (workspace.billing / name).write_bytes(content)
    (workspace.root / EXPECTATIONS_FILE).write_text("{}", encoding="utf-8")
    workspace.published_file.parent.mkdir()
    with duckdb.connect(str(workspace.published_file)) as connection:
        connection.execute("""
            create schema marts;
            create table marts.fct_documents (number varchar);
            create table marts.fct_issuing_refusals (billing_period date, billing_group_id varchar, refusal varchar);
            insert into marts.fct_issuing_refusals values ('2026-08-01', 'refused', 'unmapped');
            create table marts.fct_proposed_documents (
                billing_period date, billing_group_id varchar, net_amount decimal(22, 4)
            );
            insert into marts.fct_proposed_documents values
                ('2026-09-01', 'early', 5), ('2026-08-01', 'refused', 5), ('2026-08-01', 'negative', -5),
                ('2026-08-01', 'unconverted', null), ('2026-08-01', 'zulu', 5), ('2026-08-01', 'yankee', 5);
        """)
    return workspace


Asked = list[tuple[str, date, str]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    calls: Asked = []

    def record(verb: str) -> Callable[..., list[Outcome]]:
        def called(_workspace: Workspace, period: date, group: str, **_others: object) -> list[Outcome]:
            calls.append((verb, period, group))
            return [Outcome(f"{period:%Y-%m}", group, "invoice", "issued", "X-1", "USD", Decimal(5))]

        return called

    monkeypatch.setattr(desk, "approve", record("approve"))
    monkeypatch.setattr(desk, "issue", record("issue"))
    monkeypatch.setattr(desk, "build_issued", lambda _workspace, period, _report: calls.append(("build", period, "")))
    return calls


def test_the_oldest_that_can_be_issued_is_issued(workspace: Workspace, asked: Asked) -> None:
    outcome = issue_first_invoice(workspace)
    assert outcome is not None
    assert outcome.billing_group_id == "yankee"
    assert asked == [("approve", _AUGUST, "yankee"), ("issue", _AUGUST, "yankee"), ("build", _AUGUST, "")]


def test_once_something_is_issued_nothing_more_is(workspace: Workspace, asked: Asked) -> None:
    with duckdb.connect(str(workspace.published_file)) as connection:
        connection.execute("insert into marts.fct_documents values ('X-1')")
    assert issue_first_invoice(workspace) is None
    assert asked == []


def test_nobody_elses_invoices_are_issued(workspace: Workspace, asked: Asked) -> None:
    assert issue_first_invoice(replace(workspace, ledger_url="postgresql://ledger")) is None
    customers = workspace.billing / "customers.csv"
    customers.write_text(customers.read_text("utf-8").replace("Harbor", "Haven"), encoding="utf-8")
    assert issue_first_invoice(workspace) is None
    assert asked == []


def test_a_workspace_that_was_not_filled_by_the_sample_is_left_alone(workspace: Workspace, asked: Asked) -> None:
    (workspace.root / EXPECTATIONS_FILE).unlink()
    assert issue_first_invoice(workspace) is None
    assert asked == []
