"""Sending documents through a real mail server: who gets what once, and what is known when something fails."""

import io
import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from pypdf import PdfReader

from orchestration.cli import main
from orchestration.errors import MailError
from orchestration.settling.mail import MailServer
from orchestration.settling.sending import MailSettings, SendingOutcome, send_documents
from tests.unit.settling.mail_server import Mailbox, certificate, mail_server
from tests.unit.settling.settled_books import US, Books

SEPTEMBER = date(2026, 9, 1)


def send(books: Books, address: str, **options: object) -> list[SendingOutcome]:
    settings = MailSettings(MailServer.of_url(address if "://" in address else f"smtp://{address}"))
    return send_documents(books.workspace, books.ledger, SEPTEMBER, "Ada", settings, **options)  # type: ignore[arg-type]


def steps(books: Books) -> list[tuple[int, str, str]]:
    rows = books.ledger.arrow_table("sendings").to_pylist()
    return [(row["document_id"], row["state"], row["recipient"]) for row in rows]


def test_a_document_goes_once_in_the_customers_language(books: Books) -> None:
    number = books.issue("kranich", "1234.50").number
    mailbox = Mailbox()
    with mail_server(mailbox) as address:
        (sent,) = send(books, address)
        assert sent == SendingOutcome(number, "kranich", "buchhaltung@kranich.example", "sent")
        (skipped,) = send(books, address)
        assert skipped.state == "skipped"
        assert "it was sent on 2026-12-31 12:00 UTC by Ada to buchhaltung@kranich.example" in skipped.reason
        (mail,) = mailbox.mails
        assert send(books, address, again=True, to="archive@kranich.example")[0].state == "sent"
    assert mailbox.mails[1]["To"].addresses[0].addr_spec == "archive@kranich.example"
    assert mail["Subject"] == f"Rechnung {number} von Brightwater Cloud Partners GmbH"
    assert mail["From"].addresses[0].addr_spec == "rechnung@brightwater.example"
    assert mail["Message-ID"].endswith("@brightwater.example>")
    body = mail.get_body()
    assert body is not None
    text = body.get_content()
    assert "Sehr geehrte Damen und Herren" in text
    assert f"Rechnung {number} (Kranich): 1.469,06 EUR, zahlbar bis 04.11.2026" in text
    folder = books.workspace.document_folder("2026-09")
    attached = {part.get_filename(): part.get_content() for part in mail.iter_attachments()}
    assert attached == {name: (folder / name).read_bytes() for name in (f"{number}.pdf", f"{number}.xml")}
    assert steps(books) == [
        (1, "queued", "buchhaltung@kranich.example"),
        (1, "sent", "buchhaltung@kranich.example"),
        (1, "queued", "archive@kranich.example"),
        (1, "sent", "archive@kranich.example"),
    ]


def test_a_customer_of_several_groups_gets_one_mail_with_a_cover_statement(books: Books) -> None:
    first = books.issue("a", "100.00")
    second = books.issue("b", "50.00")
    books.issue("lumen", "10.00", customer="lumen", issuer=US, currency="USD", prefix="BWUS")
    mailbox = Mailbox()
    with mail_server(mailbox) as address:
        assert {outcome.state for outcome in send(books, address)} == {"sent"}
    german, english = mailbox.mails
    assert german["Subject"] == "Ihre Belege für September 2026 von Brightwater Cloud Partners GmbH"
    names = [part.get_filename() for part in german.iter_attachments()]
    assert names == [
        "kranich-2026-09-EUR.pdf",
        *(f"{document.number}.{ending}" for document in (first, second) for ending in ("pdf", "xml")),
    ]
    cover = next(iter(german.iter_attachments())).get_content()
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(cover), strict=True).pages)
    assert "178,50" in text  # 119.00 and 59.50
    assert english["Subject"].startswith("Invoice BWUS-2026-000001 of Brightwater")
    assert len(list(english.iter_attachments())) == 2


def test_a_refused_recipient_fails_alone_and_may_be_tried_again(books: Books) -> None:
    books.issue("kranich", "100.00")
    books.issue("lumen", "10.00", customer="lumen", issuer=US, currency="USD", prefix="BWUS")
    mailbox = Mailbox(refused={"buchhaltung@kranich.example"})
    with mail_server(mailbox) as address:
        failed, sent = send(books, address)
        assert (failed.state, sent.state) == ("failed", "sent")
        assert "refused the recipient buchhaltung@kranich.example: 550 5.1.1 no such mailbox" in failed.reason
        mailbox.refused.clear()
        assert [outcome.state for outcome in send(books, address)] == ["sent", "skipped"]
        mailbox.refuses_data = True
        books.issue("another", "1.00")
        assert "554 5.7.1 too much of it" in send(books, address)[1].reason
    assert len(mailbox.mails) == 2
    errors = [row["error"] for row in books.ledger.arrow_table("sendings").to_pylist() if row["state"] == "failed"]
    assert [error.rpartition(": ")[2] for error in errors] == ["550 5.1.1 no such mailbox", "554 5.7.1 too much of it"]


def test_a_dead_server_leaves_everything_to_be_sent(books: Books) -> None:
    books.issue("kranich", "100.00")
    books.issue("lumen", "10.00", customer="lumen", issuer=US, currency="USD", prefix="BWUS")
    mailbox = Mailbox()
    with mail_server(mailbox) as address:
        pass
    outcomes = send(books, address)
    assert {outcome.state for outcome in outcomes} == {"failed"}
    assert all(f"mail server {address} cannot be reached" in outcome.reason for outcome in outcomes)
    assert [state for _, state, _ in steps(books)] == ["queued", "failed"] * 2
    with mail_server(mailbox) as address:
        assert {outcome.state for outcome in send(books, address)} == {"sent"}


def test_a_connection_that_breaks_after_the_mail_is_told_apart(books: Books) -> None:
    """The mail did arrive here; another time it would not. Only a person may send it again."""
    number = books.issue("kranich", "100.00").number
    mailbox = Mailbox(hangs_up=True)
    with mail_server(mailbox) as address:
        (lost,) = send(books, address)
        assert (lost.number, lost.state) == (number, "unknown")
        mailbox.hangs_up = False
        (skipped,) = send(books, address)
        assert skipped.state == "skipped"
        assert "its end is not known" in skipped.reason
        assert str(mailbox.mails[0]["Message-ID"]) in skipped.reason
        assert len(mailbox.mails) == 1
        assert send(books, address, again=True)[0].state == "sent"


def test_a_process_that_dies_between_sending_and_recording_does_not_send_twice(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.issue("kranich", "100.00")
    mailbox = Mailbox()

    def die(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with mail_server(mailbox) as address:
        with monkeypatch.context() as patched:
            patched.setattr(books.ledger, "end_sending", die)
            with pytest.raises(KeyboardInterrupt):
                send(books, address)
        assert len(mailbox.mails) == 1
        assert [outcome.state for outcome in send(books, address)] == ["skipped"]
    assert len(mailbox.mails) == 1


def test_somebody_else_who_sends_at_the_same_moment_sends_nothing(books: Books) -> None:
    """Both looked before either began; the ledger lets one begin."""
    books.issue("kranich", "100.00")
    inner: list[SendingOutcome] = []
    mailbox, other = Mailbox(), Mailbox()
    with mail_server(mailbox) as address, mail_server(other) as second:
        mailbox.on_mail = lambda: inner.extend(send(books, second))
        assert [outcome.state for outcome in send(books, address)] == ["sent"]
    assert [outcome.state for outcome in inner] == ["skipped"]
    assert (len(mailbox.mails), len(other.mails)) == (1, 0)


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_a_server_with_a_certificate_of_its_own(books: Books, tmp_path: Path, scheme: str) -> None:
    books.issue("kranich", "100.00")
    file, context = certificate(tmp_path)
    mailbox = Mailbox()
    secured = {"starttls": context} if scheme == "smtp+starttls" else {"tls": context}
    with mail_server(mailbox, login=True, **secured) as address:
        (stranger,) = send(books, f"{scheme}://ada:p%40ss%2Fword@{address}")
        assert "does not prove who it is: self-signed certificate" in stranger.reason
        (wrong,) = send(books, f"{scheme}://ada:secret@{address}?ca={file}")
        assert "refused user or password: 535" in wrong.reason
        assert "secret" not in wrong.reason
        (sent,) = send(books, f"{scheme}://ada:p%40ss%2Fword@{address}?ca={file}")
        assert (sent.state, sent.reason) == ("sent", "")
    assert set(mailbox.logins) == {"ada"}
    assert len(mailbox.mails) == 1


def test_a_server_without_encryption_is_refused_where_it_is_asked_for(books: Books) -> None:
    books.issue("kranich", "100.00")
    with mail_server(Mailbox()) as address:
        (failed,) = send(books, f"smtp+starttls://{address}")
    assert "does not do what CHARGEHOUSE_SMTP_URL asks for: STARTTLS" in failed.reason


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (None, "No mail server is set"),
        ("mail.example:25", "is no address of a mail server"),
        ("https://mail.example", "is no address of a mail server"),
        ("smtp://", "is no address of a mail server"),
        ("smtp://host:port", "is no address of a mail server"),
        ("smtps://host/path", "is no address of a mail server"),
        ("smtps://host?tls=no", "is no address of a mail server"),
        ("smtps://host?ca=/no/such/file.pem", "which is not there"),
        ("smtp://ada:secret@mail.example", "would send the password in the clear"),
    ],
)
def test_an_address_that_is_none(url: str | None, message: str) -> None:
    with pytest.raises(MailError, match=message) as error:
        MailServer.of_url(url)
    assert "secret" not in str(error.value)


def test_usual_ports_and_hidden_passwords() -> None:
    assert [MailServer.of_url(f"{scheme}://host").port for scheme in ("smtp", "smtp+starttls", "smtps")] == [
        25,
        587,
        465,
    ]
    server = MailServer.of_url("smtps://ada:secret@host:4650")
    assert (server.name, server.user, server.password) == ("host:4650", "ada", "secret")
    assert "secret" not in repr(server)


def test_customers_and_issuers_without_an_address(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    books.issue("kranich", "100.00")
    for name, old in (("customers", "buchhaltung@kranich.example"), ("issuers", "rechnung@brightwater.example")):
        path = books.workspace.billing / f"{name}.csv"
        path.write_text(path.read_text(encoding="utf-8").replace(old, ""), encoding="utf-8")
    mailbox = Mailbox()
    with mail_server(mailbox) as address:
        assert "customer kranich has no email in customers.csv" in send(books, address)[0].reason
        assert "issuer brightwater-eu has no email" in send(books, address, to="a@b.example")[0].reason
        monkeypatch.setenv("CHARGEHOUSE_SMTP_URL", f"smtp://{address}")
        monkeypatch.setenv("CHARGEHOUSE_MAIL_FROM", "robot@brightwater.example")
        arguments = ["send", "--period", "2026-09", "--by", "Ada", "--to", "a@b.example", "--json"]
        result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)[0]["state"] == "sent"
    assert mailbox.mails[0]["From"].addresses[0].addr_spec == "robot@brightwater.example"


def test_a_letter_that_cannot_be_printed_stops_its_own_mail_only(books: Books) -> None:
    books.issue("a", "100.00")
    books.issue("b", "50.00")
    books.issue("lumen", "10.00", customer="lumen", issuer=US, currency="USD", prefix="BWUS")
    path = books.workspace.billing / "customers.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("Kranich Logistik AG", "كركي"), encoding="utf-8")
    mailbox = Mailbox()
    with mail_server(mailbox) as address:
        outcomes = send(books, address)
    assert [outcome.state for outcome in outcomes] == ["failed", "failed", "sent"]
    assert "no font has" in outcomes[0].reason
    assert [state for _, state, _ in steps(books)] == ["failed", "failed", "queued", "sent"]
    assert len(mailbox.mails) == 1


def test_the_command_says_what_failed_and_exits_with_1(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    number = books.issue("kranich", "100.00").number
    arguments = ["send", "--period", "2026-09", "--by", "Ada"]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.stderr.splitlines()[0][:23]) == (1, "No mail server is set. ")
    mailbox = Mailbox(refused={"buchhaltung@kranich.example"})
    with mail_server(mailbox) as address:
        monkeypatch.setenv("CHARGEHOUSE_SMTP_URL", f"smtp://{address}")
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 1
        assert "1 of 1 document not sent." in result.stderr
        assert number in result.stdout
        for wrong in (["--group", "nobody"], ["--to", "nobody"]):
            refused = CliRunner().invoke(main, [*arguments, *wrong])
            assert refused.exit_code == 1
            assert "nobody" in refused.stderr
        monkeypatch.setenv("CHARGEHOUSE_MAIL_FROM", "robot")
        assert "is no address like" in CliRunner().invoke(main, arguments).stderr
        monkeypatch.delenv("CHARGEHOUSE_MAIL_FROM")
        mailbox.refused.clear()
        mailbox.hangs_up = True
        lost = CliRunner().invoke(main, arguments)
        assert (lost.exit_code, f"whether the customer has {number}" in lost.stderr) == (1, True)
        # Nothing failed this time, but it is said as long as nobody knows.
        again = CliRunner().invoke(main, arguments)
        assert (again.exit_code, f"whether the customer has {number}" in again.stderr) == (0, True)
        nothing = CliRunner().invoke(main, ["send", "--period", "2026-10", "--by", "Ada"])
        assert (nothing.exit_code, "none is issued" in nothing.stdout) == (0, True)
