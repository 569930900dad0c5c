"""The page Receivables: what stands on it, and that what is done there stands in the ledger."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from dashboard_page import Page
from publication_fixture import publish

from dashboards import settlement, strings
from dashboards import settlement_strings as texts
from orchestration.ledger.settlement import Payment
from tests.unit.settling.mail_server import Mailbox, mail_server
from tests.unit.settling.settled_books import US, Books

Open = Callable[..., Page]


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    """Two overdue invoices of a customer, one paid in part, one of another; a payment that nobody claimed."""
    made = Books(tmp_path / "workspace")
    publish(made.workspace.published_file)
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(made.workspace.root))
    for name in ("CHARGEHOUSE_LEDGER", "CHARGEHOUSE_SMTP_URL", "CHARGEHOUSE_MAIL_FROM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(settlement, "today", lambda: date(2026, 11, 22))
    first = made.issue("kranich", "6321.50", period="2025-10", issue_date="2026-08-05", due_date="2026-08-19")
    made.issue("research", "1008.40", period="2025-10", issue_date="2026-09-10", due_date="2026-09-24")
    made.issue("lumen", "18250.75", customer="lumen", issuer=US, currency="USD", prefix="BWUS", period="2025-10")
    made.ledger._clock = lambda: datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    made.ledger.record_payments(
        [
            Payment("bank", "1", date(2026, 9, 30), Decimal("5000.00"), "EUR", reference=f"Rechnung {first.number}"),
            Payment("bank", "2", date(2026, 11, 15), Decimal("300.00"), "EUR", counterparty="Kranich Research"),
        ],
        "Ada",
    )
    yield made
    made.ledger.close()


def part(page: Page, name: str, who: str = "Eve") -> Page:
    page.at.segmented_control(key="receivables_part").set_value(name)
    # Asked until something was done under the name; then it stands above the page.
    if any(field.key == "acting_person_field" for field in page.at.text_input):
        page.at.text_input(key="acting_person_field").set_value(who)
    page.at.run()
    return page.checked()


def click(page: Page, key: str) -> Page:
    page.at.button(key=key).click()
    page.at.run()
    return page.checked()


def said(page: Page) -> list[str]:
    return [element.value for element in page.at.success]


def refused(page: Page) -> str:
    return "\n".join(element.value for element in page.at.error)


def test_who_owes_what_since_when(books: Books, open_page: Open) -> None:
    page = open_page("receivables")
    table = page.table(texts.AGEING)
    assert table.rows == [
        [texts.NOBODY, "EUR", "0.00", "0.00", "0.00", "0.00", "0.00", "-300.00", "-300.00"],
        ["Kranich Logistik AG\nkranich", "EUR", "0.00", "0.00", "1,200.00", "0.00", "2,522.59", "0.00", "3,722.59"],
        ["Lumen Retail, Inc.\nlumen", "USD", "0.00", "21,718.39", "0.00", "0.00", "0.00", "0.00", "21,718.39"],
    ]
    assert [[row[0], row[1], row[-1]] for row in table.foot] == [
        [texts.TOTAL, "EUR", "3,422.59"],
        [texts.TOTAL, "USD", "21,718.39"],
    ]
    assert len(page.table(texts.OPEN_ITEMS).rows) == 4
    page.choose(receivables_customer="Kranich Logistik AG")
    items = page.table(texts.OPEN_ITEMS)
    assert items.column(texts.OVERDUE) == ["95 days", "59 days"]
    assert items.column(texts.OPEN) == ["2,522.59", "1,200.00"]
    statement = page.table(texts.STATEMENT)
    assert statement.column(texts.BALANCE) == ["0.00", "7,522.59", "8,722.59", "3,722.59"]
    assert statement.foot[0][-1] == "EUR 3,722.59"
    assert page.downloads["kranich-EUR-2026-01-01-2026-11-22.pdf"]().startswith(b"%PDF")
    page.at.date_input(key="receivables_as_of").set_value(date(2026, 9, 1))
    page.at.run()
    assert page.checked().table(texts.AGEING).rows == [
        ["Kranich Logistik AG\nkranich", "EUR", "0.00", "7,522.59", "0.00", "0.00", "0.00", "0.00", "7,522.59"]
    ]


def test_an_empty_ledger_says_so(
    books: Books, open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "empty"
    publish(root / "published" / "chargehouse.duckdb")
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(root))
    page = open_page("receivables")
    assert [info.value for info in page.at.info] == [texts.NOTHING_OPEN]
    for name, words in ((texts.PAYMENTS, texts.NO_FORMS), (texts.REMINDERS, texts.NO_REMINDERS)):
        part(page, name)
        assert words in [info.value for info in page.at.info]
    part(page, texts.SENDING)
    assert [info.value for info in page.at.info] == [texts.NO_DOCUMENTS]


def test_a_payment_is_recorded_under_a_name_once(books: Books, open_page: Open) -> None:
    page = part(open_page("receivables"), texts.PAYMENTS, who="")
    page.at.text_input(key="payment_amount").set_value("1,200.00")
    page.at.text_input(key="payment_reference").set_value("BWEU-2026-000002")
    click(page, "payment_record")
    assert refused(page) == texts.NAME_MISSING
    part(page, texts.PAYMENTS, who=" Eve ")
    click(page, "payment_record")
    assert said(page) == ["Pays in full: names BWEU-2026-000002."]
    assert page.table(texts.RECORDED).rows[0][:6] == [
        "3", "2026-11-22", "Kranich Logistik AG\nkranich", "EUR", "1,200.00", "0.00",
    ]  # fmt: skip
    assert books.ledger.payments()[-1].recorded_by == "Eve"
    page.at.text_input(key="payment_amount").set_value("1200")
    page.at.text_input(key="payment_reference").set_value("BWEU-2026-000002")
    click(page, "payment_record")
    assert said(page) == [texts.RECORDED_BEFORE]
    for wrong in ("1.200,00", "ten", "", "0.001"):
        page.at.text_input(key="payment_amount").set_value(wrong)
        click(page, "payment_record")
        assert refused(page) == texts.AMOUNT_WRONG
    page.at.text_input(key="payment_amount").set_value("-5")
    page.at.text_input(key="payment_reference").set_value("")
    click(page, "payment_record")
    assert said(page) == [texts.IGNORED]
    assert len(books.ledger.payments()) == 3


def test_a_bank_file_is_shown_before_it_is_recorded(books: Books, open_page: Open) -> None:
    page = part(open_page("receivables"), texts.PAYMENTS)
    head = "Konto;DE89\n\nValuta;Betrag;Währung;Auftraggeber;Verwendungszweck;Kundenreferenz\n"
    rows = (
        "05.11.2026;1.500,00;EUR;Kranich;BWEU-2026-000002;\n"
        "06.11.2026;10,00;EUR;Wer;Danke;\n07.11.2026;-9,00;EUR;Bank;Gebühr;\n"
    )
    file = (head + rows).encode("cp1252")
    page.at.file_uploader(key="bank_file").set_value(("umsatz.csv", file, "text/csv"))
    page.at.run()
    plan = page.checked().table(texts.PREVIEW)
    assert plan.column(texts.EFFECT) == ["Over payment", "Not matched", "Left out"]
    assert plan.column(texts.PAYS)[0] == "\nBWEU-2026-000002 1,200.00"
    assert len(books.ledger.payments()) == 2
    click(page, "bank_record")
    assert said(page) == ["Recorded 2 payments."]
    assert [row.open_amount for row in books.ledger.payments()][2:] == [Decimal("300.00"), Decimal("10.00")]
    assert page.table(texts.PREVIEW).column(texts.EFFECT) == ["Recorded before", "Recorded before", "Left out"]
    assert texts.NOTHING_NEW in [info.value for info in page.at.info]
    page.at.file_uploader(key="bank_file").set_value(("umsatz.csv", b"a;b\n", "text/csv"))
    page.at.run()
    assert "umsatz.csv line 3, column Valuta: is missing" in refused(page.checked())


def test_a_payment_is_assigned_matched_and_unmatched(books: Books, open_page: Open) -> None:
    page = part(open_page("receivables"), texts.PAYMENTS)
    click(page, "assign")
    assert refused(page) == texts.CUSTOMER_AND_REASON_MISSING
    page.at.text_input(key="assign_reason").set_value("on the phone")
    page.choose(assign_customer="Kranich Logistik AG")
    click(page, "assign")
    assert said(page) == ["Assigned 1 payment."]
    page.choose(match_credit="payment 2 · Kranich Logistik AG · EUR -300.00")
    page.choose(match_debit="BWEU-2026-000001 · Kranich Logistik AG · EUR 2,522.59")
    page.at.text_input(key="match_amount").set_value("400")
    click(page, "match")
    assert "only 300.00 of payment 2 is open" in refused(page)
    page.at.text_input(key="match_amount").set_value("")
    click(page, "match")
    assert said(page) == ["Matched: EUR 300.00, payment 2, BWEU-2026-000001."]
    assert [row.open_amount for row in books.ledger.payments("kranich")] == [0, 0]
    click(page, "undo")
    assert refused(page) == texts.MATCH_AND_REASON_MISSING
    page.choose(undo_match="2 · payment 2 · BWEU-2026-000001 · EUR 300.00")
    page.at.text_input(key="undo_reason").set_value("another Kranich")
    click(page, "undo")
    assert said(page) == ["Undid 1 match."]
    assert page.table(texts.MATCHES).column(texts.AMOUNT) == ["-300.00", "300.00", "5,000.00"]
    assert [row.allocated_by for row in books.ledger.allocations()] == ["Ada", "Eve", "Eve"]


def test_reminders_are_made_and_handed_out(books: Books, open_page: Open) -> None:
    page = part(open_page("receivables"), texts.REMINDERS)
    due = page.table(texts.DUE_NOW)
    assert due.column(texts.OPEN) == ["3,722.59", "21,718.39"]
    assert due.column(texts.LEVEL) == [texts.LEVELS[1]] * 2
    click(page, "make_reminders")
    assert said(page) == ["Made 2 reminders."]
    assert [info.value for info in page.at.info] == [texts.NO_REMINDERS]
    assert {one.recorded_by for one in books.ledger.reminders()} == {"Eve"}
    files = sorted((books.workspace.documents / "reminders").iterdir())
    letter = page.at.selectbox(key="reminder_letter").value
    assert "Lumen Retail" in letter
    (name,) = [file.name for file in files if "lumen" in file.name]
    assert page.downloads[name]() == (books.workspace.documents / "reminders" / name).read_bytes()


def test_documents_are_sent_once_and_their_state_is_shown(
    books: Books, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = part(open_page("receivables"), texts.SENDING)
    table = page.table(texts.DOCUMENTS)
    assert table.column(texts.STATE) == [texts.NEVER_SENT] * 3
    assert "No mail server is set" in page.at.warning[0].value
    mailbox = Mailbox(refused={"payables@lumen-retail.example"})
    with mail_server(mailbox) as address:
        monkeypatch.setenv("CHARGEHOUSE_SMTP_URL", f"smtp://{address}")
        page.at.run()
        assert page.checked().at.multiselect(key="send_numbers_2025-10-01_False").value == [
            "BWEU-2026-000001", "BWEU-2026-000002", "BWUS-2026-000001",
        ]  # fmt: skip
        click(page, "send")
        (message,) = said(page)
        assert message.startswith("Sent 2 documents.")
        assert "BWUS-2026-000001: The mail server refused the recipient" in message
        states = page.table(texts.DOCUMENTS).column(texts.STATE)
        assert [state.partition("\n")[0] for state in states] == ["Sent", "Sent", "Failed"]
        assert "by Eve to buchhaltung@kranich.example" in states[0]
        assert page.at.multiselect(key="send_numbers_2025-10-01_False").options == ["BWUS-2026-000001"]
        mailbox.refused.clear()
        click(page, "send")
        assert [element.value for element in page.at.caption][-1] == texts.NOTHING_TO_SEND
        page.at.toggle(key="send_again").set_value(True)
        page.at.run()
        # To be chosen one by one: nothing is sent twice by a click too many.
        assert page.checked().at.multiselect(key="send_numbers_2025-10-01_True").value == []
        assert page.at.button(key="send").disabled
    assert len(mailbox.mails) == 2
    assert page.choose(period="September 2025").at.info[0].value == texts.NO_DOCUMENTS


def test_a_broken_configuration_leaves_the_balances_readable(books: Books, open_page: Open) -> None:
    (books.workspace.billing / "customers.csv").write_text("nonsense\n", encoding="utf-8")
    page = open_page("receivables")
    assert page.table(texts.AGEING).column(strings.CUSTOMER) == [texts.NOBODY, "kranich", "lumen"]
    page.choose(receivables_customer="kranich")
    assert "customers.csv" in refused(page)
