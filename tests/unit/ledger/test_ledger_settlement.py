"""Payments, what they pay, and what is open: by hand-worked numbers, on both databases."""

import random
from datetime import date
from decimal import Decimal

import pytest

from orchestration.errors import LedgerError
from orchestration.ledger.ledger import Ledger
from orchestration.ledger.settlement import Aged, Balance, ItemId, Payment
from tests.unit.ledger.ledger_contents import CENT, correct, issue_one

CUSTOMER = "kranich-gmbh"


def pay(ledger: Ledger, amount: str, day: str = "2026-11-01", customer: str | None = CUSTOMER, id_: str = "") -> ItemId:
    payment = Payment("bank", id_ or f"{day}/{amount}", date.fromisoformat(day), Decimal(amount), "EUR")
    return ItemId("payment", ledger.record_payment(payment, "Ada", customer))


def document(document_id: int) -> ItemId:
    return ItemId("document", document_id)


def opens(ledger: Ledger, as_of: date | None = None) -> dict[str, str]:
    """What is open of each item, by name."""
    return {item.name: f"{item.open_amount:.2f}" for item in ledger.open_items(as_of=as_of)}


def match(ledger: Ledger, credit: ItemId, debit: ItemId, amount: str) -> int:
    return ledger.allocate(credit, debit, Decimal(amount), "Ada", "by hand")


def test_parts_of_a_payment_pay_parts_of_several_invoices(ledger: Ledger) -> None:
    """119 + 238 owed; 200 paid: 119 on the first, 81 on the second; then the rest and 20 too much."""
    issue_one(ledger, "a", "119.00")
    issue_one(ledger, "b", "238.00")
    first = pay(ledger, "200.00")
    match(ledger, first, document(1), "119.00")
    match(ledger, first, document(2), "81.00")
    assert opens(ledger) == {"BW-2026-000001": "0.00", "BW-2026-000002": "157.00", "payment 1": "0.00"}
    second = pay(ledger, "177.00", "2026-11-05")
    match(ledger, second, document(2), "157.00")
    assert opens(ledger) == {
        "BW-2026-000001": "0.00",
        "BW-2026-000002": "0.00",
        "payment 1": "0.00",
        "payment 2": "-20.00",
    }
    assert ledger.balances() == [Balance(CUSTOMER, "EUR", Decimal(0), Decimal("-20.00"), Decimal("-20.00"))]
    assert ledger.verify().is_sound


def test_what_was_paid_too_much_pays_the_next_invoice_or_goes_back(ledger: Ledger) -> None:
    issue_one(ledger, "a", "119.00")
    paid = pay(ledger, "150.00")
    match(ledger, paid, document(1), "119.00")
    issue_one(ledger, "b", "11.90")
    match(ledger, paid, document(2), "11.90")
    refund = pay(ledger, "-19.10", "2026-11-20")
    match(ledger, paid, refund, "19.10")
    assert set(opens(ledger).values()) == {"0.00"}
    assert ledger.balances() == []


def test_a_credit_note_offsets_a_later_invoice_or_is_refunded(ledger: Ledger) -> None:
    original = issue_one(ledger, "a", "119.00")
    match(ledger, pay(ledger, "119.00"), document(1), "119.00")
    note = correct(ledger, original, "-10.00")
    assert opens(ledger)[note.number] == "-11.90"
    issue_one(ledger, "b", "5.95")
    match(ledger, document(2), document(3), "5.95")
    refund = pay(ledger, "-5.95", "2026-12-01")
    match(ledger, document(2), refund, "5.95")
    assert set(opens(ledger).values()) == {"0.00"}
    assert ledger.verify().is_sound


def test_a_wrong_match_is_undone_by_a_row_of_its_own(ledger: Ledger) -> None:
    issue_one(ledger, "a", "119.00")
    issue_one(ledger, "b", "119.00")
    paid = pay(ledger, "119.00")
    wrong = match(ledger, paid, document(1), "119.00")
    ledger.reverse_allocation(wrong, "Ada", "meant the other one")
    match(ledger, paid, document(2), "119.00")
    assert opens(ledger) == {"BW-2026-000001": "119.00", "BW-2026-000002": "0.00", "payment 1": "0.00"}
    rows = ledger.arrow_table("payment_allocations").to_pylist()
    assert [(row["amount"], row["reverses_allocation_id"]) for row in rows] == [
        (Decimal(119), None),
        (Decimal(-119), 1),
        (Decimal(119), None),
    ]
    with pytest.raises(LedgerError, match="Match 1 was reversed before"):
        ledger.reverse_allocation(wrong, "Ada", "again")
    for number in (2, 77):
        with pytest.raises(LedgerError, match=f"There is no match {number} to reverse"):
            ledger.reverse_allocation(number, "Ada", "a reversal")
    assert ledger.verify().is_sound


@pytest.mark.parametrize(
    ("credit", "debit", "amount", "said"),
    [
        (ItemId("payment", 1), ItemId("document", 1), "119.01", "only 119.00 of BW-2026-000001 is open"),
        (ItemId("payment", 1), ItemId("document", 1), "-1", "must be above zero"),
        (ItemId("payment", 1), ItemId("document", 1), "0", "must be above zero"),
        (ItemId("document", 1), ItemId("document", 1), "1", "BW-2026-000001 is not in the customer's favour"),
        (ItemId("payment", 1), ItemId("payment", 1), "1", "payment 1 is nothing that the customer owes"),
        (ItemId("payment", 1), ItemId("document", 2), "1", "has customer kranich-gmbh, BW-2026-000002 has other"),
        (ItemId("payment", 1), ItemId("document", 3), "1", "has currency EUR, BW-2026-000003 has USD"),
        (ItemId("payment", 9), ItemId("document", 1), "1", "There is no payment 9"),
    ],
)
def test_what_does_not_fit_is_not_matched(
    ledger: Ledger, credit: ItemId, debit: ItemId, amount: str, said: str
) -> None:
    issue_one(ledger, "a", "119.00")
    issue_one(ledger, "b", "119.00", customer="other")
    issue_one(ledger, "c", "119.00", currency="USD")
    pay(ledger, "500.00")
    with pytest.raises(LedgerError) as error:
        ledger.allocate(credit, debit, Decimal(amount), "Ada", "by hand")
    assert said in str(error.value)
    assert ledger.arrow_table("payment_allocations").num_rows == 0


def test_a_payment_nobody_claimed_becomes_whose_invoice_it_pays(ledger: Ledger) -> None:
    issue_one(ledger, "a", "119.00")
    paid = pay(ledger, "130.00", customer=None)
    assert ledger.balances()[0] == Balance(None, "EUR", Decimal(0), Decimal("-130.00"), Decimal("-130.00"))
    match(ledger, paid, document(1), "119.00")
    assert ledger.balances() == [Balance(CUSTOMER, "EUR", Decimal(0), Decimal("-11.00"), Decimal("-11.00"))]
    with pytest.raises(LedgerError, match="Payment 1 is matched with documents of kranich-gmbh"):
        ledger.assign_payment(1, "other", "Ada", "mistaken")
    ledger.reverse_allocation(1, "Ada", "mistaken")
    ledger.assign_payment(1, "other", "Ada", "mistaken")
    assert {balance.customer_id for balance in ledger.balances()} == {CUSTOMER, "other"}


def test_a_payment_is_recorded_once(ledger: Ledger) -> None:
    assert pay(ledger, "10.00", id_="x") == pay(ledger, "10.00", id_="x")
    with pytest.raises(LedgerError, match=r"Payment x of bank was recorded as 10\.00 EUR on 2026-11-01, not 11\.00"):
        pay(ledger, "11.00", id_="x")
    with pytest.raises(LedgerError, match="amount other than zero"):
        pay(ledger, "0", id_="y")
    assert ledger.arrow_table("payments").num_rows == 1


def test_ageing_counts_days_after_the_due_date(ledger: Ledger) -> None:
    """Due on 1 November: not due on that day, a day over on the next."""
    for number, due in enumerate(["11-30", "12-01", "11-29", "10-31", "10-01", "09-30", "09-01", "08-31"]):
        issue_one(ledger, f"g{number}", "100.00", issue_date="2026-08-01", due_date=f"2026-{due}")
    paid = pay(ledger, "30.00")
    match(ledger, paid, document(3), "10.00")

    def expected(*amounts: int) -> list[Aged]:
        return [Aged(CUSTOMER, "EUR", *map(Decimal, amounts))]

    # Days over on 30 November: 0, -1, 1, 30, 60, 61, 90, 91; on 31 December 31 more.
    assert ledger.ageing(date(2026, 11, 30)) == expected(200, 190, 100, 200, 100, -20, 770)
    assert ledger.ageing(date(2026, 12, 31)) == expected(0, 100, 190, 100, 400, -20, 770)


def test_a_day_in_the_past_looks_as_it_did(ledger: Ledger) -> None:
    """A match counts from the day on which both its items were there, whenever somebody made it."""
    issue_one(ledger, "a", "119.00", issue_date="2026-10-05")
    match(ledger, pay(ledger, "100.00", "2026-11-10"), document(1), "100.00")
    assert opens(ledger, date(2026, 10, 4)) == {}
    assert opens(ledger, date(2026, 11, 9)) == {"BW-2026-000001": "119.00"}
    assert opens(ledger, date(2026, 11, 10)) == {"BW-2026-000001": "19.00", "payment 1": "0.00"}


def test_a_statement_runs_from_balance_to_balance(ledger: Ledger) -> None:
    original = issue_one(ledger, "a", "119.00", issue_date="2026-09-30")
    issue_one(ledger, "b", "238.00", issue_date="2026-10-05")
    correct(ledger, original, "-10.00", issue_date="2026-10-20")
    pay(ledger, "119.00", "2026-10-20")
    pay(ledger, "-1.90", "2026-11-01")
    issue_one(ledger, "c", "1.19", currency="USD")
    found = ledger.statement(CUSTOMER, "EUR", date(2026, 10, 1), date(2026, 10, 31))
    assert [(move.kind, move.name, f"{move.amount:.2f}", f"{move.balance:.2f}") for move in found.movements] == [
        ("invoice", "BW-2026-000002", "238.00", "357.00"),
        ("credit_note", "BW-CN-2026-000001", "-11.90", "345.10"),
        ("payment", "payment 1", "-119.00", "226.10"),
    ]
    assert (found.opening_balance, found.closing_balance) == (Decimal("119.00"), Decimal("226.10"))
    following = ledger.statement(CUSTOMER, "EUR", date(2026, 11, 1), date(2026, 12, 31))
    assert following.opening_balance == found.closing_balance
    assert [move.kind for move in following.movements] == ["refund"]
    assert following.closing_balance == Decimal("228.00")
    assert [balance.balance for balance in ledger.balances() if balance.currency == "EUR"] == [Decimal("228.00")]


def test_reminders_go_up_while_something_is_open(ledger: Ledger) -> None:
    issue_one(ledger, "a", "119.00", due_date="2026-11-04")
    with pytest.raises(LedgerError, match="is due on 2026-11-04"):
        ledger.record_reminder(1, 1, date(2026, 11, 4), "Ada")
    with pytest.raises(LedgerError, match="up to level 0 of 3; level 2 was not recorded"):
        ledger.record_reminder(1, 2, date(2026, 11, 5), "Ada")
    ledger.record_reminder(1, 1, date(2026, 11, 5), "Ada")
    match(ledger, pay(ledger, "100.00"), document(1), "100.00")
    ledger.record_reminder(1, 2, date(2026, 11, 20), "Ada")
    rows = ledger.arrow_table("reminders").to_pylist()
    assert [(row["level"], row["open_amount"]) for row in rows] == [(1, Decimal(119)), (2, Decimal(19))]
    match(ledger, pay(ledger, "19.00"), document(1), "19.00")
    with pytest.raises(LedgerError, match="Nothing of BW-2026-000001 is open"):
        ledger.record_reminder(1, 3, date(2026, 12, 20), "Ada")


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_matched_the_balance_is_what_was_billed_less_what_was_paid(ledger: Ledger, seed: int) -> None:
    """Half of these steps are refused; none may create or lose a cent."""
    chance = random.Random(seed)
    billed = paid = Decimal(0)
    refused = matched = 0
    for step in range(60):
        kind = chance.choice(["invoice", "payment", "match", "match", "match", "reverse"])
        cents = Decimal(chance.randint(1, 30_000)).scaleb(-2)
        customer = chance.choice([CUSTOMER, "other"])
        try:
            if kind == "invoice":
                billed += issue_one(ledger, f"g{step}", str(cents), customer=customer).total_amount
            elif kind == "payment":
                amount = cents if chance.random() < 0.8 else -cents
                pay(ledger, str(amount), customer=chance.choice([customer, None]), id_=str(step))
                paid += amount
            elif kind == "match":
                items = [item.item for item in ledger.open_items()]
                ledger.allocate(chance.choice(items), chance.choice(items), cents / 10 // CENT * CENT, "Ada", "random")
                matched += 1
            else:
                ledger.reverse_allocation(chance.randint(1, 10), "Ada", "random")
        except (LedgerError, IndexError):
            refused += 1
    assert refused
    assert matched
    items = ledger.open_items()
    assert sum(item.amount for item in items) == billed - paid
    assert sum(item.open_amount for item in items) == billed - paid
    assert sum((balance.balance for balance in ledger.balances()), Decimal(0)) == billed - paid
    assert sum((aged.balance for aged in ledger.ageing(date(2027, 1, 1))), Decimal(0)) == billed - paid
    assert ledger.verify().is_sound


def test_sendings_are_kept_step_by_step(ledger: Ledger) -> None:
    issue_one(ledger, "a")
    ledger.record_sending(1, "queued", "ap@kranich.example", "Ada")
    ledger.record_sending(1, "failed", "ap@kranich.example", "Ada", error="mailbox full")
    ledger.record_sending(1, "sent", "ap@kranich.example", "Ada", message_id="<7@mail>")
    rows = ledger.arrow_table("sendings").to_pylist()
    assert [(row["state"], row["message_id"], row["error"]) for row in rows] == [
        ("queued", "", ""),
        ("failed", "", "mailbox full"),
        ("sent", "<7@mail>", ""),
    ]


def test_a_mail_begins_once_and_what_became_of_it_is_known(ledger: Ledger) -> None:
    issue_one(ledger, "a")
    issue_one(ledger, "b")
    issue_one(ledger, "c")
    ledger.begin_sending([1, 2], "ap@kranich.example", "<1@mail>", "Ada")
    with pytest.raises(LedgerError, match=r"document 2: sending it began on .* look for mail <1@mail>"):
        ledger.begin_sending([3, 2], "ap@kranich.example", "<2@mail>", "Ben")
    assert 3 not in ledger.newest_sendings()
    ledger.end_sending([1], "sent", "ap@kranich.example", "<1@mail>", "Ada")
    ledger.end_sending([2], "failed", "ap@kranich.example", "<1@mail>", "Ada", "mailbox full")
    with pytest.raises(LedgerError, match=r"document 1: it was sent on 2026-12-31 12:00 UTC by Ada to ap@kranich"):
        ledger.begin_sending([1], "ap@kranich.example", "<3@mail>", "Ben")
    ledger.begin_sending([2], "ap@kranich.example", "<3@mail>", "Ben")
    ledger.begin_sending([1], "ap@kranich.example", "<4@mail>", "Ben", again=True)
    newest = ledger.newest_sendings()
    assert {one.document_id: (one.state, one.message_id) for one in newest.values()} == {
        1: ("queued", "<4@mail>"),
        2: ("queued", "<3@mail>"),
    }
    with pytest.raises(LedgerError, match="There is no document 9"):
        ledger.begin_sending([3, 9], "ap@kranich.example", "<5@mail>", "Ben")
    assert 3 not in ledger.newest_sendings()


def test_reminders_of_one_letter_are_recorded_together_or_not_at_all(ledger: Ledger) -> None:
    issue_one(ledger, "a")
    issue_one(ledger, "b")
    with pytest.raises(LedgerError, match="level 2 was not recorded"):
        ledger.record_reminders({1: 1, 2: 2}, date(2026, 11, 20), "Ada")
    assert ledger.reminders() == []
    ledger.record_reminders({1: 1, 2: 1}, date(2026, 11, 20), "Ada")
    assert [(one.document_id, one.level, one.open_amount) for one in ledger.reminders()] == [
        (1, 1, Decimal(119)),
        (2, 1, Decimal(119)),
    ]


def test_payments_matches_and_items_are_read_by_name(ledger: Ledger) -> None:
    number = issue_one(ledger, "a").number
    paid = pay(ledger, "200.00")
    match(ledger, paid, document(1), "119.00")
    ledger.reverse_allocation(1, "Ben", "wrong")
    match(ledger, paid, document(1), "100.00")
    (row,) = ledger.payments(CUSTOMER)
    assert (row.payment_id, row.open_amount, row.recorded_by) == (1, Decimal("100.00"), "Ada")
    assert ledger.payments("nobody") == []
    assert [
        (one.allocation_id, one.credit, one.debit, one.amount, one.reverses, one.is_reversed)
        for one in ledger.allocations()
    ] == [
        (1, "payment 1", number, Decimal("119.00"), None, True),
        (2, "payment 1", number, Decimal("-119.00"), 1, False),
        (3, "payment 1", number, Decimal("100.00"), None, False),
    ]
    for name in (number, f" {number} "):
        assert ledger.find_item(name).item == document(1)
    for name in ("1", "payment 1", " payment  1 "):
        assert ledger.find_item(name).item == paid
    for name in ("2", "payment x", "", "BW-2026-000002"):
        with pytest.raises(LedgerError, match="There is no"):
            ledger.find_item(name)
    assert [head.number for head in ledger.document_heads()] == [number]
    assert [found.number for found in ledger.newest_of_parties()] == [number]
