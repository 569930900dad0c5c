"""Recording, matching and sending in a real browser, with the ledger and a mail server behind the page."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from browser_reader import PATIENCE, WIDTHS, Reader
from playwright.sync_api import expect

from dashboards import settlement_strings as texts
from dashboards import strings
from tests.unit.settling.mail_server import Mailbox, mail_server
from tests.unit.settling.settled_books import Books

pytestmark = pytest.mark.browser

SitDown = Callable[..., Reader]
Serve = Callable[[Path], str]
Publish = Callable[..., None]


@pytest.mark.parametrize("width", WIDTHS)
def test_from_a_bank_file_to_a_settled_account_and_a_mail(
    width: int, serve: Serve, publish: Publish, reader: SitDown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = Books(tmp_path / "workspace")
    publish(books.workspace.published_file)
    today = datetime.now(UTC).date()
    issued, due = f"{today - timedelta(days=50)}", f"{today - timedelta(days=40)}"
    number = books.issue("kranich", "1000.00", period="2025-10", issue_date=issued, due_date=due).number
    books.ledger.close()
    file = tmp_path / "umsatz.csv"
    head = "Konto;DE89\n\nValuta;Betrag;Währung;Auftraggeber;Verwendungszweck;Kundenreferenz\n"
    file.write_bytes(f"{head}{today:%d.%m.%Y};1.000,00;EUR;Kranich;RG {number};\n".encode("cp1252"))
    mailbox = Mailbox()
    with mail_server(mailbox) as address:
        monkeypatch.setenv("CHARGEHOUSE_SMTP_URL", f"smtp://{address}")
        person = reader(serve(books.workspace.root), width).open("receivables")
        page = person.page
        ageing = person.table(texts.AGEING)
        expect(ageing).to_contain_text("1,190.00")
        main = page.get_by_test_id("stMain")
        assert main.evaluate("e => e.scrollWidth <= e.clientWidth")

        page.get_by_role("textbox", name=strings.YOUR_NAME).fill("Eve")
        page.get_by_role("radio", name=texts.PAYMENTS).click()
        person.settled()
        page.locator("input[type=file]").set_input_files(file)
        expect(person.table(texts.PREVIEW)).to_contain_text(texts.PLANS["part"], timeout=PATIENCE * 1000)
        page.get_by_role("button", name=texts.record_all(1)).click()
        expect(page.get_by_text(texts.done(1, "Recorded", "payment"))).to_be_visible(timeout=PATIENCE * 1000)
        expect(person.table(texts.RECORDED)).to_contain_text(f"RG {number}")
        assert main.evaluate("e => e.scrollWidth <= e.clientWidth")

        page.get_by_role("radio", name=texts.BALANCES).click()
        expect(ageing.locator("tfoot")).to_contain_text("190.00", timeout=PATIENCE * 1000)
        person.choose(texts.CUSTOMER, "Kranich Logistik AG")
        expect(person.table(texts.STATEMENT)).to_contain_text("-1,000.00")
        with page.expect_download() as download:
            page.get_by_role("button", name=texts.DOWNLOAD_STATEMENT).click()
        assert Path(download.value.path()).read_bytes().startswith(b"%PDF")

        page.get_by_role("radio", name=texts.SENDING).click()
        page.get_by_role("button", name=texts.send_all(1)).click()
        expect(page.get_by_text(texts.done(1, "Sent", "document"))).to_be_visible(timeout=PATIENCE * 1000)
        expect(person.table(texts.DOCUMENTS)).to_contain_text("by Eve to buchhaltung@kranich.example")
        expect(page.get_by_text(texts.NOTHING_TO_SEND)).to_be_visible()
        person.sees_no_fault()
    assert len(mailbox.mails) == 1
