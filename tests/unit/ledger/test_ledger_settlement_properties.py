"""Whatever comes in, in whatever order, however often, and whoever matches it with what: the sums hold."""

import random
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.errors import LedgerError
from orchestration.ledger.ledger import Ledger
from orchestration.ledger.settlement import Payment
from orchestration.settings import Workspace
from tests.postgresql_cluster import Cluster
from tests.unit.ledger.ledger_contents import correct, issue_one

NUMBERS = ("BW-2026-000001", "BW-2026-000002", "BW-2026-000003", "BW-CN-2026-000001")
OWNERS = {"BW-2026-000001": "k", "BW-2026-000002": "k", "BW-2026-000003": "other", "BW-CN-2026-000001": "k"}

OpenBooks = Callable[[], AbstractContextManager[Ledger]]


def write_books(ledger: Ledger) -> None:
    """119.00 and 238.00 of one customer, 11.90 credited; 59.50 of another."""
    ledger._clock = lambda: datetime(2026, 12, 31, 12, tzinfo=UTC)
    first = issue_one(ledger, "a", "119.00", customer="k")
    issue_one(ledger, "b", "238.00", customer="k")
    issue_one(ledger, "c", "59.50", customer="other")
    correct(ledger, first, "-10.00")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def open_books(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OpenBooks:
    """Open a fresh ledger with these documents."""
    count = iter(range(10_000))
    folder = tmp_path_factory.mktemp("books")
    template: Path | None = None

    @contextmanager
    def open_one() -> Iterator[Ledger]:
        nonlocal template
        workspace = Workspace.at(folder / f"{next(count)}")
        if request.param == "postgresql":
            cluster: Cluster = request.getfixturevalue("postgresql")
            workspace = replace(workspace, ledger_url=cluster.new_schema())
        elif template is not None:
            workspace.ledger_file.parent.mkdir(parents=True)
            shutil.copy(template, workspace.ledger_file)
        with Ledger.open(workspace) as ledger:
            if ledger.head().document_id == 0:
                write_books(ledger)
            yield ledger
        if request.param == "sqlite" and template is None:
            template = folder / "template.sqlite"
            with Ledger.open(Workspace.at(folder / "template")) as fresh:
                write_books(fresh)
            shutil.copy(Workspace.at(folder / "template").ledger_file, template)

    return open_one


amounts = st.integers(-30_000, 40_000).filter(bool).map(lambda cents: Decimal(cents).scaleb(-2))
payments = st.builds(
    lambda amount, names, known: (amount, " / ".join(sorted(names)), known),
    amounts,
    st.sets(st.sampled_from(NUMBERS), max_size=3),
    st.booleans(),
)
matches = st.tuples(st.integers(0, 9), st.integers(0, 9), amounts)
reversals = st.integers(1, 6)


def a_payment(number: int, amount: Decimal, reference: str) -> Payment:
    return Payment("bank", f"p{number}", date(2026, 11, 1 + number), amount, "EUR", reference=reference)


def check(ledger: Ledger) -> None:
    """No side of a match gives more than it has, and balances are documents less payments."""
    items = ledger.open_items()
    for item in items:
        assert min(item.amount, Decimal(0)) <= item.open_amount <= max(item.amount, Decimal(0))
    expected: dict[str | None, Decimal] = defaultdict(Decimal)
    for head in ledger.document_heads():
        expected[head.customer_id] += head.total_amount
    for row in ledger.payments():
        expected[row.customer_id] -= row.payment.amount
    balances = {row.customer_id: row.balance for row in ledger.balances()}
    assert {who: balance for who, balance in expected.items() if balance} == {
        who: balance for who, balance in balances.items() if balance
    }
    aged = {row.customer_id: row.balance for row in ledger.ageing(date(2026, 12, 31))}
    assert all(aged.get(who, Decimal(0)) == balance for who, balance in balances.items())
    matched: dict[str, Decimal] = defaultdict(Decimal)
    for match in ledger.allocations():
        matched[match.credit] -= match.amount
        matched[match.debit] += match.amount
    assert {item.name: item.amount - item.open_amount for item in items if item.amount != item.open_amount} == {
        name: amount for name, amount in matched.items() if amount
    }
    assert ledger.verify().is_sound


@settings(max_examples=12, deadline=None)
@given(
    received=st.lists(payments, max_size=5),
    by_hand=st.lists(matches, max_size=5),
    undone=st.lists(reversals, max_size=3),
)
def test_no_side_gives_more_than_it_has_and_balances_are_documents_less_payments(
    open_books: OpenBooks,
    received: list[tuple[Decimal, str, bool]],
    by_hand: list[tuple[int, int, Decimal]],
    undone: list[int],
) -> None:
    with open_books() as ledger:
        for number, (amount, reference, is_known) in enumerate(received):
            try:
                ledger.record_payments([a_payment(number, amount, reference)], "Ada", "k" if is_known else None)
            except LedgerError as error:
                assert "is k's, but names" in str(error)  # noqa: PT017
        items = [item.item for item in ledger.open_items()]
        for credit, debit, amount in by_hand:
            try:
                ledger.allocate(items[credit % len(items)], items[debit % len(items)], amount, "Ada", "try")
            except LedgerError:
                check(ledger)
        for allocation_id in undone:
            try:
                ledger.reverse_allocation(allocation_id, "Ada", "wrong")
            except LedgerError as error:
                assert "match" in str(error).lower()  # noqa: PT017
        check(ledger)


@settings(max_examples=8, deadline=None)
@given(
    received=st.lists(payments.filter(lambda payment: payment[0] > 0), min_size=1, max_size=5),
    order=st.randoms(use_true_random=False),
)
def test_files_in_any_order_and_twice_give_the_same(
    open_books: OpenBooks,
    received: list[tuple[Decimal, str, bool]],
    order: random.Random,
) -> None:
    found = [a_payment(number, amount, reference) for number, (amount, reference, _) in enumerate(received)]
    shuffled = list(found)
    order.shuffle(shuffled)
    results = []
    with open_books() as whole, open_books() as apart:
        planned = whole.plan_payments(found)
        assert whole.record_payments(found, "Ada").planned == tuple(planned)
        again = whole.record_payments(shuffled, "Ada")
        assert (again.recorded, again.known_count) == ((), len(found))
        for payment in shuffled:
            apart.record_payments([payment], "Ada")
            apart.record_payments([payment], "Ada")
        for ledger in (whole, apart):
            check(ledger)
            owners = {row.payment.external_id: (row.customer_id, row.payment) for row in ledger.payments()}
            results.append(({(row.customer_id, row.balance) for row in ledger.balances() if row.balance}, owners))
    assert results[0] == results[1]
