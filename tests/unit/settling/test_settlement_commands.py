"""Payments, receivables, statements and reminders as commands: what is recorded, printed, refused, and said."""

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from orchestration.cli import main
from orchestration.ledger.settlement import Payment
from tests.unit.settling.settled_books import US, Books, day


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def done(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def read(*arguments: str) -> Any:
    return json.loads(done(*arguments, "--json"))


def opens(books: Books) -> dict[str, str]:
    return {item.name: f"{item.open_amount:.2f}" for item in books.ledger.open_items()}


def bank_file(path: Path, rows: Sequence[str]) -> Path:
    head = "Konto;DE89370400440532013000\n\nValuta;Betrag;Währung;Auftraggeber;Verwendungszweck;Kundenreferenz\n"
    path.write_bytes((head + "".join(f"{row}\n" for row in rows)).encode("cp1252"))
    return path


@pytest.mark.parametrize(
    "verb",
    [
        *(["payments", one] for one in ("add", "import", "list", "assign", "allocate", "reverse")),
        *([one] for one in ("payments", "receivables", "statement", "remind", "send")),
    ],
)
def test_every_verb_explains_itself(verb: list[str]) -> None:
    result = run(*verb, "--help")
    assert (result.exit_code, "Usage" in result.output) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["payments", "add", "--amount", "10", "--currency", "EUR"], "--by"),
        (["payments", "add", "--amount", "1,5", "--currency", "EUR", "--by", "Ada"], "write it like 1234.50"),
        (["payments", "add", "--amount", "10", "--by", "Ada"], "Give --currency"),
        (["payments", "add", "--amount", "1.005", "--currency", "EUR", "--by", "Ada"], "more decimals than EUR"),
        (["payments", "add", "--amount", "1.5", "--currency", "JPY", "--by", "Ada"], "more decimals than JPY"),
        (["payments", "add", "--amount", "-1", "--currency", "EUR", "--by", "Ada"], "A refund needs --customer"),
        (["payments", "assign", "1", "--reason", "x", "--by", "Ada"], "either --customer or --nobody"),
        (["payments", "import", __file__, "--form", "bank"], "Give --by"),
        (["receivables", "--as-of", "31.12.2026"], "write it as YYYY-MM-DD"),
        (["remind"], "Give --by"),
        (["send", "--by", "Ada"], "--period"),
    ],
)
def test_wrong_usage_exits_with_2(books: Books, arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert books.ledger.arrow_table("payments").num_rows == 0


def test_a_payment_pays_what_it_names_and_is_recorded_once(books: Books) -> None:
    number = books.issue("a", "100.00").number
    arguments = ["payments", "add", "--amount", "119", "--for", number, "--date", "2026-11-01", "--by", "Ada"]
    text = done(*arguments)
    assert "1 paid in full" in text
    assert opens(books) == {number: "0.00", "payment 1": "0.00"}
    assert "recorded before; nothing was changed" in done(*arguments)
    (row,) = read("payments", "list", "--customer", "kranich")["payments"]
    assert (row["amount"], row["not_matched"], row["currency"]) == ("119.00", "0.00", "EUR")
    (audit,) = [row for row in books.ledger.arrow_table("audit_log").to_pylist() if row["action"] == "match"]
    assert audit["actor"] == "Ada"


def test_part_and_over_payments_are_said(books: Books) -> None:
    number = books.issue("a", "100.00").number
    text = done("payments", "add", "--amount", "100", "--for", number, "--by", "Ada")
    assert "1 part payment" in text
    assert f"{number} 100.00, 19.00 open" in text
    (row,) = read("payments", "add", "--amount", "20.00", "--for", number, "--by", "Ada")["payments"]
    assert (row["payment_id"], row["state"], row["left"]) == (2, "over payment", "1.00")


def test_a_customer_who_is_none_and_a_document_of_another_are_refused(books: Books) -> None:
    number = books.issue("a", "100.00").number
    add = ["payments", "add", "--amount", "10", "--currency", "EUR", "--by", "Ada"]
    for more, message in (
        (["--customer", "kranisch"], "There is no customer kranisch in customers.csv"),
        (["--customer", "lumen", "--for", number], f"is lumen's, but names {number}, of kranich"),
        (["--for", "BWEU-2026-000009"], "There is no document or payment BWEU-2026-000009"),
    ):
        result = run(*add, *more)
        assert result.exit_code == 1
        assert message in result.stderr
    assert books.ledger.arrow_table("payments").num_rows == 0


def test_a_bank_file_is_looked_at_imported_once_and_said_what_it_paid(books: Books, tmp_path: Path) -> None:
    first, second = books.issue("a", "100.00").number, books.issue("b", "200.00").number
    file = bank_file(
        tmp_path / "umsatz.csv",
        [
            f"05.11.2026;119,00;EUR;Kranich;{first};",
            f"06.11.2026;38,00;EUR;Kranich;Teilzahlung {second};",
            "07.11.2026;1.000,00;EUR;Unbekannt;Danke;",
            f"08.11.2026;250,00;EUR;Kranich;Rest {second};",
            "09.11.2026;-900,00;EUR;Vermieter;Miete;",
        ],
    )
    states = ["paid in full", "part payment", "not matched", "over payment", "left out"]
    command = ["payments", "import", str(file), "--form", "bank"]
    preview = read(*command, "--preview")["payments"]
    assert [row["state"] for row in preview] == states
    assert books.ledger.arrow_table("payments").num_rows == 0
    imported = read(*command, "--by", "Ada")["payments"]
    assert [row["payment_id"] for row in imported] == [1, 2, 3, 4, None]
    assert [{**row, "payment_id": 0} for row in imported] == [{"payment_id": 0, **row} for row in preview]
    assert (imported[3]["pays"], imported[3]["left"]) == (f"{second} 200.00", "50.00")
    again = done(*command, "--by", "Ada")
    assert "4 recorded before" in again
    assert "1 left out" in again
    assert opens(books) == {
        first: "0.00", second: "0.00", "payment 1": "0.00", "payment 2": "0.00", "payment 3": "-1000.00",
        "payment 4": "-50.00",
    }  # fmt: skip
    assert [row["payment_id"] for row in read("payments", "list", "--open")["payments"]] == [3, 4]


def test_a_payment_providers_export(books: Books, tmp_path: Path) -> None:
    number = books.issue("a", "100.00").number
    file = tmp_path / "balance.csv"
    file.write_text(
        "id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Description,Customer Email,invoice_number (metadata)\n"
        f"txn_1,charge,ch_1,119.00,3.75,115.25,eur,2026-11-02 10:15,AWS September,ap@kranich.example,{number}\n"
        'txn_2,payout,po_1,"-2,115.25",0.00,"-2,115.25",eur,2026-11-03 00:00,PAYOUT,,\n',
        encoding="utf-8",
    )
    rows = read("payments", "import", str(file), "--form", "cards", "--by", "Ada")["payments"]
    assert [(row["state"], row["amount"], row["currency"]) for row in rows] == [
        ("paid in full", "119.00", "EUR"),
        ("left out", "-2115.25", "EUR"),
    ]
    (payment,) = books.ledger.payments("kranich")
    assert payment.payment == Payment(
        "cards-eur", "txn_1", day("2026-11-02"), Decimal("119.00"), "EUR", "card", f"AWS September {number}",
        "ap@kranich.example",
    )  # fmt: skip


def test_a_broken_file_and_an_unknown_form_change_nothing(books: Books, tmp_path: Path) -> None:
    file = bank_file(tmp_path / "umsatz.csv", ["05.11.2026;119.00;EUR;K;x;", "5.13.2026;1,00;EUR;K;x;"])
    result = run("payments", "import", str(file), "--form", "bank", "--by", "Ada")
    assert result.exit_code == 1
    assert "The payment file has 2 problems; no payment was recorded." in result.stderr
    assert "umsatz.csv line 4, column Betrag: '119.00' is no amount; expected one like -1.234,50" in result.stderr
    result = run("payments", "import", str(file), "--form", "sparkasse", "--by", "Ada")
    assert result.exit_code == 1
    assert "bank_files.toml, column sparkasse: is no mapping of this file; it has bank, cards" in result.stderr


def test_a_payment_of_nobody_is_assigned_matched_and_unmatched_again(books: Books) -> None:
    number = books.issue("a", "100.00").number
    done("payments", "add", "--amount", "50", "--currency", "EUR", "--by", "Ada", "--date", "2026-11-02")
    assert "is kranich's" in done(
        "payments", "assign", "1", "--customer", "kranich", "--reason", "phone", "--by", "Ada"
    )
    assert "Match 1: 50.00 EUR of payment 1 with" in done("payments", "allocate", "1", number, "--by", "Ben")
    assert opens(books)[number] == "69.00"
    nothing = run("payments", "allocate", "1", number, "--by", "Ben")
    assert (nothing.exit_code, "nothing of payment 1 is open" in nothing.stderr) == (1, True)
    nobody = run("payments", "assign", "1", "--nobody", "--reason", "x", "--by", "Ada")
    assert (nobody.exit_code, "reverse those matches first" in nobody.stderr) == (1, True)
    done("payments", "reverse", "1", "--reason", "another Kranich", "--by", "Ben")
    assert run("payments", "reverse", "1", "--reason", "x", "--by", "Ben").exit_code == 1
    done("payments", "assign", "1", "--nobody", "--reason", "another Kranich", "--by", "Ada")
    assert opens(books)[number] == "119.00"
    matches = read("payments", "list", "--matches")["matches"]
    assert [(row["amount"], row["note"], row["by"]) for row in matches] == [
        ("50.00", "reversed", "Ben"),
        ("-50.00", "reverses 1", "Ben"),
    ]


def test_a_credit_note_lowers_a_later_invoice_and_the_rest_is_paid_out(books: Books) -> None:
    original = books.issue("a", "100.00")
    done("payments", "add", "--amount", "119", "--for", original.number, "--by", "Ada", "--date", "2026-10-20")
    note = books.issue("a", "-50.00", original=original, issue_date="2026-10-25")
    later = books.issue("b", "10.00", issue_date="2026-10-26").number
    assert "11.90 EUR" in done("payments", "allocate", note.number, later, "--by", "Ada")
    refund = read("payments", "add", "--amount", "-47.60", "--for", note.number, "--by", "Ada", "--date", "2026-11-02")
    assert refund["payments"][0]["state"] == "paid in full"
    assert set(opens(books).values()) == {"0.00"}
    assert read("receivables")["customers"] == []


def test_receivables_by_age_customer_and_currency(books: Books) -> None:
    books.issue("a", "100.00", due_date="2026-12-01")
    books.issue("b", "10.00", due_date="2026-12-31")
    books.issue("lumen", "1.00", customer="lumen", issuer=US, currency="USD", prefix="BWUS", due_date="2026-09-30",
                issue_date="2026-09-05")  # fmt: skip
    done("payments", "add", "--amount", "5", "--currency", "EUR", "--customer", "kranich", "--by", "Ada", "--date",
         "2026-12-01")  # fmt: skip
    found = read("receivables", "--as-of", "2026-12-31")
    kranich, lumen = found["customers"]
    assert (kranich["days_1_30"], kranich["not_due"], kranich["in_favour"], kranich["balance"]) == (
        "119.00", "11.90", "-5.00", "125.90",
    )  # fmt: skip
    assert (lumen["currency"], lumen["days_over_90"]) == ("USD", "1.19")
    assert [(row["currency"], row["balance"]) for row in found["totals"]] == [("EUR", "125.90"), ("USD", "1.19")]
    assert [(row["name"], row["days_overdue"]) for row in found["items"]][-1] == ("payment 1", None)
    assert [row["days_overdue"] for row in found["items"]][:3] == [92, 30, 0]
    assert read("receivables", "--as-of", "2026-09-04")["customers"] == []
    text = done("receivables", "--customer", "lumen")
    assert "lumen" in text
    assert "kranich" not in text


def test_a_statement_ties_and_is_a_letter(books: Books) -> None:
    number = books.issue("a", "100.00").number
    done("payments", "add", "--amount", "100", "--for", number, "--by", "Ada", "--date", "2026-11-02")
    books.issue("b", "10.00", issue_date="2026-11-20", due_date="2026-12-04")
    (account,) = read("statement", "--customer", "kranich", "--from", "2026-11-01", "--to", "2026-11-30")
    assert (account["opening_balance"], account["closing_balance"]) == ("119.00", "30.90")
    assert [row["amount"] for row in account["movements"]] == ["-100.00", "11.90"]
    pdf = Path(account["pdf"])
    assert pdf == books.workspace.documents / "statements" / "kranich-EUR-2026-11-01-2026-11-30.pdf"
    assert pdf.read_bytes().startswith(b"%PDF")
    text = done("statement", "--customer", "kranich", "--from", "2026-11-01", "--to", "2026-11-30")
    assert "Closing balance: 30.90 EUR" in text
    for arguments, message in (
        (["--customer", "aozora"], "Nothing was issued to customer aozora"),
        (["--customer", "kranich", "--currency", "USD"], "Nothing was issued to customer kranich in USD"),
        (["--customer", "kranich", "--from", "2027-01-01"], "after its end"),
        (["--customer", "kranich", "--issuer", US], "issued nothing to customer kranich"),
    ):
        result = run("statement", *arguments, "--to", "2026-12-31")
        assert result.exit_code == 1
        assert message in result.stderr


def test_a_statement_of_several_issuers_asks_whose_letter_it_is(books: Books) -> None:
    books.issue("a", "100.00")
    books.issue("b", "100.00", issuer=US, prefix="BWUS")
    result = run("statement", "--customer", "kranich", "--to", "2026-12-31")
    assert (result.exit_code, "say whose letter it is" in result.stderr) == (1, True)
    (account,) = read("statement", "--customer", "kranich", "--to", "2026-12-31", "--issuer", US)
    assert account["closing_balance"] == "238.00"


def test_reminders_rise_by_level_and_never_come_twice(books: Books) -> None:
    first = books.issue("a", "100.00", due_date="2026-10-19").number
    books.issue("b", "10.00", due_date="2026-10-30")
    assert read("remind", "--preview", "--as-of", "2026-10-25")["reminders"] == []
    assert "none is due" in done("remind", "--by", "Ada", "--as-of", "2026-10-25")
    preview = read("remind", "--preview", "--as-of", "2026-10-26")
    made = read("remind", "--by", "Ada", "--as-of", "2026-10-26")
    assert made["reminders"] == preview["reminders"]
    assert [(row["level"], row["documents"], row["open_amount"]) for row in made["reminders"]] == [(1, first, "119.00")]
    (pdf,) = map(Path, made["written"])
    assert pdf.name == "kranich-brightwater-eu-EUR-2026-10-26-level-1.pdf"
    assert read("remind", "--by", "Ada", "--as-of", "2026-10-26")["reminders"] == []
    # 21 days overdue; the other document has had none yet: two letters.
    second = read("remind", "--by", "Ada", "--as-of", "2026-11-09")
    assert [(row["level"], row["days_overdue"]) for row in second["reminders"]] == [(1, 10), (2, 21)]
    assert read("remind", "--preview", "--as-of", "2026-11-19")["reminders"] == []
    third = read("remind", "--by", "Ada", "--as-of", "2026-11-23")
    assert [row["level"] for row in third["reminders"]] == [2, 3]
    final = read("remind", "--by", "Ada", "--as-of", "2026-12-20")
    assert [row["level"] for row in final["reminders"]] == [3]
    assert read("remind", "--by", "Ada", "--as-of", "2026-12-31")["reminders"] == []
    # A letter that is gone is made of what was recorded, byte by byte, though the document is paid by now.
    content = pdf.read_bytes()
    pdf.unlink()
    done("payments", "add", "--amount", "119", "--for", first, "--by", "Ada", "--date", "2026-11-02")
    assert read("remind", "--by", "Ada", "--as-of", "2026-12-31")["written"] == [str(pdf)]
    assert pdf.read_bytes() == content


def test_a_late_first_reminder_leaves_its_days_before_the_second(books: Books) -> None:
    books.issue("a", "100.00", due_date="2026-10-10")
    levels = [
        [row["level"] for row in read("remind", "--by", "Ada", "--as-of", as_of)["reminders"]]
        for as_of in ("2026-12-01", "2026-12-02", "2026-12-11", "2026-12-12", "2026-12-22", "2026-12-23")
    ]
    assert levels == [[1], [], [], [2], [], [3]]


def test_nobody_is_reminded_who_has_paid_or_of_tomorrow(books: Books) -> None:
    books.issue("a", "100.00", due_date="2026-10-19")
    done("payments", "add", "--amount", "119", "--currency", "EUR", "--customer", "kranich", "--by", "Ada", "--date",
         "2026-10-20")  # fmt: skip
    found = read("remind", "--by", "Ada", "--as-of", "2026-11-01")
    assert found["reminders"] == []
    assert [row["customer_id"] for row in found["held_back"]] == ["kranich"]
    assert "not matched yet" in done("remind", "--preview", "--as-of", "2026-11-01")
    result = run("remind", "--by", "Ada", "--as-of", "2027-01-01")
    assert (result.exit_code, "is in the future" in result.stderr) == (1, True)
    assert books.ledger.arrow_table("reminders").num_rows == 0
