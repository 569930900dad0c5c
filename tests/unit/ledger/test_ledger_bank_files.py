"""Bank and provider files: reading them exactly, matching what they say, importing them once."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.errors import LedgerError, PaymentFileError
from orchestration.ledger.bank_files import BankFile, match_payment, read_bank_file
from orchestration.ledger.ledger import Ledger
from orchestration.ledger.settlement import ItemId, OpenItem
from tests.unit.ledger.ledger_contents import correct, issue_one

GERMAN = BankFile(
    source="sparkasse",
    date_column="Valuta",
    amount_column="Betrag",
    reference_columns=("Verwendungszweck", "Kundenreferenz"),
    currency_column="Währung",
    counterparty_column="Auftraggeber",
    date_format="%d.%m.%Y",
    decimal_separator=",",
    thousands_separator=".",
    delimiter=";",
    encoding="cp1252",
    skip_lines=2,
)
PROVIDER = BankFile(
    source="provider",
    date_column="created",
    amount_column="net",
    reference_columns=("description",),
    currency="EUR",
    id_column="id",
    thousands_separator=",",
    method="card",
)


def german(path: Path, *rows: str) -> Path:
    head = "Konto;DE89370400440532013000\n\nValuta;Betrag;Währung;Auftraggeber;Verwendungszweck;Kundenreferenz\n"
    path.write_bytes((head + "".join(f"{row}\n" for row in rows)).encode("cp1252"))
    return path


def provider(path: Path, *rows: str) -> Path:
    path.write_text("id,created,net,description\n" + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def test_amounts_and_dates_are_read_as_the_mapping_says(tmp_path: Path) -> None:
    file = german(
        tmp_path / "umsatz.csv",
        "05.11.2026;1.234,50;EUR;Müller GmbH;RG BW-2026-000001;NOTPROVIDED",
        "06.11.2026;-17,9;EUR;Kaffee;;",
        "06.11.2026;0,00;EUR;Bank;Abschluss;",
        "07.11.2026;1234567,89;EUR;x;y;",
    )
    found = read_bank_file(file, GERMAN)
    assert [payment.amount for payment in found] == [Decimal("1234.50"), Decimal("-17.9"), Decimal("1234567.89")]
    assert found[0].payment_date == date(2026, 11, 5)
    assert found[0].reference == "RG BW-2026-000001 NOTPROVIDED"
    assert found[0].counterparty == "Müller GmbH"


def test_equal_rows_without_an_id_are_two_payments(tmp_path: Path) -> None:
    row = "05.11.2026;10,00;EUR;Müller;Rate;"
    first, second = read_bank_file(german(tmp_path / "umsatz.csv", row, row), GERMAN)
    assert first.external_id != second.external_id
    assert [first, second] == read_bank_file(german(tmp_path / "again.csv", row, row), GERMAN)


@pytest.mark.parametrize(
    ("amount", "decimal_separator", "thousands_separator"),
    [
        ("1,234.50", ",", "."),
        ("1.234.50", ",", "."),
        ("12.34,5", ",", "."),
        ("1.2345", ",", "."),
        ("1234.50", ",", ""),
        ("1 234,50", ",", "."),
        ("1e3", ".", ""),
        ("", ".", ""),
        ("12 EUR", ".", ""),
    ],
)
def test_an_amount_in_another_notation_is_refused(
    tmp_path: Path, amount: str, decimal_separator: str, thousands_separator: str
) -> None:
    """1.234 is a thousand and something to one bank, and one and something to another."""
    form = replace(GERMAN, decimal_separator=decimal_separator, thousands_separator=thousands_separator)
    with pytest.raises(PaymentFileError, match="is no amount"):
        read_bank_file(german(tmp_path / "umsatz.csv", f"05.11.2026;{amount};EUR;x;y;"), form)


def test_every_problem_is_named_at_once_and_nothing_recorded(ledger: Ledger, tmp_path: Path) -> None:
    file = provider(
        tmp_path / "payouts.csv",
        "p1,2026-11-05,10.00,fine",
        "p2,05.11.2026,10.00,date",
        "p1,2026-11-05,ten,amount",
        ",2026-11-05,1.00,id",
        "p1,2026-11-06,1.00,twice",
        "p5,2026-11-06",
    )
    with pytest.raises(PaymentFileError) as error:
        ledger.import_payments(file, PROVIDER, "Ada")
    assert [(problem.line, problem.column, problem.value) for problem in error.value.problems] == [
        (3, "created", "05.11.2026"),
        (4, "net", "ten"),
        (5, "id", ""),
        (6, "id", "p1"),
        (7, None, None),
    ]
    assert "payouts.csv line 3, column created: '05.11.2026' is no date of the form %Y-%m-%d" in str(error.value)
    assert ledger.arrow_table("payments").num_rows == 0


def test_a_missing_column_and_an_unreadable_file_are_named(tmp_path: Path) -> None:
    file = provider(tmp_path / "payouts.csv", "p1,2026-11-05,10.00,fine")
    with pytest.raises(PaymentFileError, match="column amount: is missing; found id, created, net, description"):
        read_bank_file(file, replace(PROVIDER, amount_column="amount"))
    file.write_bytes(b"id,created\n\xff\xfe")
    with pytest.raises(PaymentFileError, match="cannot be read as utf-8"):
        read_bank_file(file, PROVIDER)
    with pytest.raises(PaymentFileError, match="cannot be read as"):
        read_bank_file(tmp_path / "nothing.csv", PROVIDER)
    with pytest.raises(LedgerError, match="give either currency_column or currency"):
        replace(PROVIDER, currency=None)
    with pytest.raises(LedgerError, match="thousands_separator is another one"):
        replace(PROVIDER, thousands_separator=".")


def test_importing_a_file_matches_it_and_importing_it_again_does_nothing(ledger: Ledger, tmp_path: Path) -> None:
    first = issue_one(ledger, "a", "119.00", due_date="2026-11-30")
    second = issue_one(ledger, "b", "238.00", due_date="2026-11-20")
    other = issue_one(ledger, "c", "59.50", customer="other")
    note = correct(ledger, first, "-10.00")
    file = german(
        tmp_path / "umsatz.csv",
        f"05.11.2026;100,00;EUR;Kranich;{first.number} Teil;",
        f"06.11.2026;300,00;EUR;Kranich;bw 2026 000001, BW2026/000002 abzgl. {note.number};",
        f"07.11.2026;59,50;EUR;Other;SVWZ+{other.number[:9]} {other.number[9:]};",
        "08.11.2026;77,00;EUR;Wer;Danke;",
        f"09.11.2026;5,00;EUR;Wer;{second.number} und {other.number};",
        "10.11.2026;-1.500,00;EUR;Vermieter;Miete;",
        f"11.11.2026;-3,00;EUR;Kranich;Erstattung {note.number};",
    )
    done = ledger.import_payments(file, GERMAN, "Ada")
    assert done.recorded == (1, 2, 3, 4, 5, 6)
    assert (done.known_count, done.ignored_count) == (0, 1)
    # The note's 11.90 lower the second invoice, due first; 226.10 of the 300 pay the rest of it, 19.00 the first.
    named = {payment: [f"{amount:.2f}" for _, _, amount in match.allocations] for payment, match in done.matched}
    assert named == {1: ["100.00"], 2: ["11.90", "226.10", "19.00"], 3: ["59.50"]}
    assert dict(done.unmatched) == {
        4: "names no document",
        5: "names documents of several customers: BW-2026-000002, BW-2026-000003",
        6: f"names {note.number}",
    }
    assert {item.name: f"{item.open_amount:.2f}" for item in ledger.open_items()} == {
        first.number: "0.00",
        second.number: "0.00",
        other.number: "0.00",
        note.number: "0.00",
        "payment 1": "0.00",
        "payment 2": "-54.90",
        "payment 3": "0.00",
        "payment 4": "-77.00",
        "payment 5": "-5.00",
        "payment 6": "3.00",
    }
    before = {name: ledger.arrow_table(name) for name in ("payments", "payment_allocations", "audit_log")}
    again = ledger.import_payments(file, GERMAN, "Ada")
    assert (again.recorded, again.known_count, again.ignored_count) == ((), 6, 1)
    assert {name: ledger.arrow_table(name) for name in before} == before
    assert ledger.verify().is_sound


def test_a_refund_pays_out_the_credit_note_it_names(ledger: Ledger, tmp_path: Path) -> None:
    note = correct(ledger, issue_one(ledger, "a"), "-10.00")
    file = german(tmp_path / "umsatz.csv", f"11.11.2026;-11,90;EUR;Kranich;Erstattung {note.number};")
    ledger.import_payments(file, GERMAN, "Ada")
    assert [item.open_amount for item in ledger.open_items()] == [Decimal(119), Decimal(0), Decimal(0)]


def test_a_changed_row_of_a_known_id_stops_the_whole_file(ledger: Ledger, tmp_path: Path) -> None:
    file = provider(tmp_path / "payouts.csv", "p1,2026-11-05,10.00,x")
    ledger.import_payments(file, PROVIDER, "Ada")
    provider(file, "p0,2026-11-05,7.00,x", "p1,2026-11-05,11.00,x")
    with pytest.raises(LedgerError, match=r"Payment p1 of provider was recorded as 10\.00 EUR"):
        ledger.import_payments(file, PROVIDER, "Ada")
    assert ledger.arrow_table("payments").num_rows == 1


def _item(
    number: int, name: str, open_amount: str, customer: str = "c", days: int = 0, currency: str = "EUR"
) -> OpenItem:
    due, amount = date(2026, 11, 1) + timedelta(days=days), Decimal(open_amount)
    return OpenItem(ItemId("document", number), name, customer, currency, date(2026, 10, 1), due, amount, amount)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("BW-2026-000001", [1]),
        ("inv.bw2026000001thanks", [1]),
        ("Rechnung BW 2026 - 00 00 01 vom 05.10.2026", [1]),
        ("BW-2026-000001 2026-10-05", [1]),
        ("BW-2026-000001/BW-2026-000012", [1, 12]),
        ("BW-2026-0000012", []),
        ("ABW-2026-000001", []),
        ("BW-CN-2026-000001", [101]),
        ("CN-2026-000001", []),
        ("2026-000001", []),
        ("Ö-2026-000001", [201]),
        ("", []),
    ],
)
def test_which_numbers_a_text_names(text: str, numbers: list[int]) -> None:
    items = [
        _item(1, "BW-2026-000001", "10"),
        _item(12, "BW-2026-000012", "10"),
        _item(101, "BW-CN-2026-000001", "-10"),
        _item(201, "Ö-2026-000001", "10"),
    ]
    paid = match_payment(Decimal(1000), "EUR", text, items)
    named = sorted({item.item_id for credit, debit, _ in paid.allocations for item in (credit, debit) if item})
    if numbers == [101]:
        assert (paid.customer_id, paid.allocations) == ("c", ())
    else:
        assert named == numbers


def test_another_currency_is_not_matched() -> None:
    found = match_payment(Decimal(10), "USD", "BW-2026-000001", [_item(1, "BW-2026-000001", "10")])
    assert (found.customer_id, found.allocations, found.remainder) == ("c", (), Decimal(10))
    assert found.reason == "is in USD, unlike BW-2026-000001"


_AMOUNTS = st.integers(min_value=-50_000, max_value=50_000).map(lambda cents: Decimal(cents).scaleb(-2))


@settings(max_examples=300, deadline=None)
@given(
    amount=_AMOUNTS.filter(bool),
    opens=st.lists(st.tuples(_AMOUNTS, st.integers(-40, 40)), min_size=1, max_size=8),
    named=st.sets(st.integers(0, 9)),
)
def test_sums_always_tie(amount: Decimal, opens: list[tuple[Decimal, int]], named: set[int]) -> None:
    """Whatever is matched with whatever: nothing is created, lost, turned around, or paid twice."""
    items = [
        _item(number, f"BW-2026-{number:06d}", str(open_amount), days=days)
        for number, (open_amount, days) in enumerate(opens)
    ]
    text = " / ".join(items[number].name for number in sorted(named) if number < len(items))
    found = match_payment(amount, "EUR", text, items)
    left = {item.item: item.open_amount for item in items}
    payment = -amount
    for credit, debit, part in found.allocations:
        assert part > 0
        assert credit != debit
        for item, step in ((credit, part), (debit, -part)):
            if item is None:
                payment += step
            else:
                assert item.item_id in named
                left[item] += step
    assert payment == -found.remainder
    assert found.remainder == 0 or (found.remainder > 0) == (amount > 0)
    for item in items:
        assert min(item.open_amount, Decimal(0)) <= left[item.item] <= max(item.open_amount, Decimal(0))
    assert sum(left.values()) + payment == sum(item.open_amount for item in items) - amount
    if amount > 0 and found.remainder > 0:
        assert all(left[item.item] <= 0 for item in items if item.item.item_id in named), "money left, invoice open"


@settings(max_examples=60, deadline=None)
@given(
    cents=st.integers(min_value=-(10**15), max_value=10**15), separators=st.sampled_from([".,", ",.", ",", ".'", ". "])
)
def test_amounts_survive_every_notation(tmp_path_factory: pytest.TempPathFactory, cents: int, separators: str) -> None:
    point, thousands = separators[0], separators[1:]
    amount = Decimal(cents).scaleb(-2)
    written = f"{amount:,.2f}".replace(",", "T").replace(".", point).replace("T", thousands)
    form = replace(GERMAN, decimal_separator=point, thousands_separator=thousands)
    file = german(tmp_path_factory.mktemp("bank") / "umsatz.csv", f"05.11.2026;{written};EUR;x;y;")
    assert [payment.amount for payment in read_bank_file(file, form)] == ([amount] if cents else [])
