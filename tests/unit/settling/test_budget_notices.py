"""Notices about budgets through a real mail server: who is told of which threshold, once."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from orchestration.assets.published import send_budget_notices
from orchestration.cli import main
from orchestration.errors import LedgerError
from orchestration.ledger.notices import NoticeKey
from orchestration.settling.budget_notices import NoticeOutcome, send_notices
from orchestration.settling.mail import MailServer
from orchestration.settling.sending import MailSettings
from tests.unit.settling.mail_server import Mailbox, mail_server
from tests.unit.settling.settled_books import Books

_COLUMNS = (
    "billing_period date, budget_id varchar, billing_group_id varchar, billing_group_name varchar, basis varchar, "
    "currency varchar, budget_amount decimal(22,10), actual_amount decimal(22,4), actual_percentage decimal(18,2), "
    "is_open boolean, delivered_through date, forecast_amount decimal(22,4), reached_thresholds varchar, state varchar"
)


@pytest.fixture
def budgeted(books: Books) -> Books:
    """One budget with two recipients, published for two months."""
    (books.workspace.billing / "budgets.csv").write_text(
        "budget_id,billing_group_id,amount,currency,basis,thresholds,notify,start_period,end_period\n"
        "watch,kranich,1000,EUR,billed,80|92.5|100,a@kranich.example|b@kranich.example,2026-08,\n",
        encoding="utf-8",
    )
    publish(books, reached="80|92.5", actual="930.10")
    return books


def publish(books: Books, reached: str, actual: str, is_september_open: bool = False) -> None:
    file = books.workspace.published_file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with duckdb.connect(file) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.dim_billing_periods as "
            "select unnest([date '2026-09-01', '2026-10-01']) as billing_period, "
            f"unnest([{not is_september_open}, false]) as is_final"
        )
        connection.execute(f"create table marts.fct_budgets ({_COLUMNS})")
        connection.execute(
            "insert into marts.fct_budgets values "
            "('2026-09-01', 'watch', 'kranich', 'Kranich', 'billed', 'EUR', 1000, 2000, 200, false, null, 2000, "
            "'80|92.5|100', 'exceeded'), "
            f"('2026-10-01', 'watch', 'kranich', 'Kranich', 'billed', 'EUR', 1000, {actual}, 93.01, true, "
            f"'2026-10-20', 1400.5, '{reached}', 'forecast_exceeded')"
        )


def send(books: Books, address: str, **options: date) -> list[NoticeOutcome]:
    settings = MailSettings(MailServer.of_url(f"smtp://{address}"))
    return send_notices(books.workspace, books.ledger, "Ada", settings, options.get("billing_period"))


def test_each_recipient_is_told_once_of_each_threshold(budgeted: Books) -> None:
    mailbox = Mailbox()
    with mail_server(mailbox) as address:
        sent = send(budgeted, address)
        assert sent == [
            NoticeOutcome("watch", "2026-10", "80|92.5", recipient, "sent")
            for recipient in ("a@kranich.example", "b@kranich.example")
        ]
        assert send(budgeted, address) == []
        publish(budgeted, reached="80|92.5|100", actual="1000")
        assert [outcome.thresholds for outcome in send(budgeted, address)] == ["100", "100"]
        assert [outcome.period for outcome in send(budgeted, address, billing_period=date(2026, 9, 1))] == [
            "2026-09"
        ] * 2
    first = mailbox.mails[0]
    assert first["To"].addresses[0].addr_spec == "a@kranich.example"
    assert first["From"].addresses[0].addr_spec == "rechnung@brightwater.example"
    assert first["Subject"] == "Budget watch: 92.5 % of 2026-10 reached"
    text = first.get_content()
    assert "Budget: 1,000.00 EUR" in text
    assert "So far: 930.10 EUR (93.01 %), billed, before customer credits and tax" in text
    assert "Forecast for the end of the month: 1,400.50 EUR" in text
    assert len(mailbox.mails) == 6


def test_what_was_refused_is_tried_again_and_what_may_have_arrived_is_not(budgeted: Books) -> None:
    mailbox = Mailbox(refused={"a@kranich.example"})
    with mail_server(mailbox) as address:
        assert [outcome.state for outcome in send(budgeted, address)] == ["failed", "sent"]
        mailbox.refused.clear()
        mailbox.hangs_up = True
        (lost,) = send(budgeted, address)
        assert (lost.recipient, lost.state) == ("a@kranich.example", "unknown")
        mailbox.hangs_up = False
        assert send(budgeted, address) == []
    steps = [
        (row["action"], row["subject"])
        for row in budgeted.ledger.arrow_table("audit_log").to_pylist()
        if "budget notice" in row["action"] and "92.5 %" in row["subject"] and "a@" in row["subject"]
    ]
    assert [action for action, _ in steps] == [
        "queue budget notice",
        "fail budget notice",
        "queue budget notice",
        "queue budget notice",
    ]


def test_late_rows_of_an_open_month_are_told_of_when_the_next_has_begun(budgeted: Books) -> None:
    publish(budgeted, reached="", actual="10", is_september_open=True)
    mailbox = Mailbox()
    with mail_server(mailbox) as address:
        sent = send(budgeted, address)
        assert [(outcome.period, outcome.thresholds) for outcome in sent] == [("2026-09", "80|92.5|100")] * 2
        publish(budgeted, reached="80", actual="800")  # September is final
        assert [outcome.period for outcome in send(budgeted, address)] == ["2026-10"] * 2


def test_a_group_that_left_the_configuration_fails_by_itself(budgeted: Books) -> None:
    """The published budget is of a group that its issuer is not known of any more."""
    with duckdb.connect(budgeted.workspace.published_file) as connection:
        connection.execute(
            "insert into marts.fct_budgets select * replace ('gone' as billing_group_id) from marts.fct_budgets "
            "where billing_period = '2026-10-01'"
        )
        connection.execute("update marts.fct_budgets set budget_id = 'old' where billing_group_id = 'gone'")
    file = budgeted.workspace.billing / "budgets.csv"
    file.write_text(
        file.read_text(encoding="utf-8") + "old,kranich,1000,EUR,billed,80,a@kranich.example,2026-08,\n",
        encoding="utf-8",
    )
    mailbox = Mailbox()
    with mail_server(mailbox) as address:
        sent = send(budgeted, address)
    assert sorted((outcome.budget_id, outcome.state) for outcome in sent) == [
        ("old", "failed"),
        ("watch", "sent"),
        ("watch", "sent"),
    ]
    (failed,) = (outcome for outcome in sent if outcome.state == "failed")
    assert "gone left billing_groups.csv" in failed.reason


def test_two_processes_do_not_tell_the_same(budgeted: Books) -> None:
    key = NoticeKey("watch", date(2026, 10, 1), Decimal("80.00"), "a@kranich.example")
    budgeted.ledger.begin_notices([key], "Ada")
    other = NoticeKey("watch", date(2026, 10, 1), Decimal("92.5"), "a@kranich.example")
    with pytest.raises(LedgerError, match=r"watch 2026-10 80 % a@kranich\.example was sent before"):
        budgeted.ledger.begin_notices([other, key], "Ben")
    assert other.subject not in budgeted.ledger.newest_notices()


def test_a_run_tells_only_where_a_server_is_set(budgeted: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    mailbox = Mailbox()
    with mail_server(mailbox) as address:
        send_budget_notices(budgeted.workspace)
        assert mailbox.mails == []
        monkeypatch.setenv("CHARGEHOUSE_SMTP_URL", f"smtp://{address}")
        send_budget_notices(budgeted.workspace)
        assert len(mailbox.mails) == 2
    monkeypatch.setenv("CHARGEHOUSE_SMTP_URL", "nonsense")
    send_budget_notices(budgeted.workspace)  # what was published stands


def test_the_command_lists_and_sends(budgeted: Books, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["budgets", *arguments])
        return result.exit_code, result.output

    assert run("--json")[1].count('"budget": "watch"') == 1
    assert '"actual_amount": "2000' in run("--period", "2026-09", "--json")[1]
    code, output = run("--notify")
    assert (code, "Give --by with --notify." in output) == (2, True)
    code, output = run("--by", "Ada")
    assert (code, "Give --notify with --by" in output) == (2, True)
    assert run("--notify", "--by", "Ada")[0] == 1  # no server is set
    mailbox = Mailbox(refused={"b@kranich.example"})
    with mail_server(mailbox) as address:
        monkeypatch.setenv("CHARGEHOUSE_SMTP_URL", f"smtp://{address}")
        code, output = run("--notify", "--by", "Ada")
    assert (code, len(mailbox.mails)) == (1, 1)
    assert "1 of 2 notices not sent." in output
