"""Customer credits in the books (K1 to K5), on invoices small enough to draw on by head."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hand_made import book, make_fact, make_policies, make_sku, make_usage

from orchestration.sample.customer_credits import LinePart, credit_balances, draw_credits
from orchestration.sample.facts import LineItemType
from orchestration.sample.policies import Credit

_Draws = list[tuple[str, str, str, str]]  # credit, account, service, amount


def _credit(credit_id: str, amount: str, services: str = "*", **more: Any) -> Credit:
    values: dict[str, Any] = {
        "group": "A",
        "owner": "",
        "currency": "USD",
        "first": date(2026, 1, 1),
        "end": None,
        "covers_fees": False,
        "is_active": True,
        **more,
    }
    codes = frozenset(services.split("|")) - {"*"}
    return Credit(credit_id=credit_id, amount=Decimal(amount), services=codes, **values)


def _parts(amounts: Mapping[tuple[str, str], str], month: str = "2026-09", kind: str = "usage") -> list[LinePart]:
    """Return line parts from (account, service) -> net amount."""
    return [
        LinePart((month, "A", kind, "", service), account, Decimal(net)) for (account, service), net in amounts.items()
    ]


def _drawn(credits: list[Credit], parts: list[LinePart]) -> _Draws:
    return [
        (draw.credit_id, draw.part.account, draw.part.service, str(draw.amount))
        for draw in draw_credits(credits, parts)
    ]


def test_earliest_expiry_first_and_the_largest_service_first() -> None:
    # K2's example, golden case G31: the later credit is also the older one, and comes first in text order.
    credits = [
        _credit("a", "5", "EC2", end=date(2026, 12, 31)),
        _credit("b", "10", "S3|EC2", end=date(2026, 10, 31), first=date(2026, 2, 1)),
    ]
    parts = _parts({("1", "S3"): "50.00", ("1", "EC2"): "100.00"})
    assert _drawn(credits, parts) == [("b", "1", "EC2", "10"), ("a", "1", "EC2", "5")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (_credit("z", "1", end=date(2027, 1, 1)), _credit("a", "1")),
        (_credit("z", "1", "EC2|S3"), _credit("a", "1", "EC2|S3|RDS")),
        (_credit("z", "1", "EC2|S3|RDS|Lambda"), _credit("a", "1")),
        (_credit("z", "1", first=date(2026, 2, 1)), _credit("a", "1", first=date(2026, 2, 2))),
        (_credit("b", "1"), _credit("c", "1")),
        # Each reason beats all that come after it.
        (_credit("z", "1", end=date(2027, 1, 1), first=date(2026, 5, 1)), _credit("a", "1", "EC2")),
        (_credit("z", "1", "EC2", first=date(2026, 5, 1)), _credit("a", "1", "EC2|S3")),
    ],
    ids=["expiry beats none", "fewer services", "named beat all", "older", "id", "expiry", "services"],
)
def test_which_credit_comes_first(first: Credit, second: Credit) -> None:
    # K2
    parts = _parts({("1", "EC2"): "9.00"})
    assert [draw[0] for draw in _drawn([second, first], parts)] == [first.credit_id, second.credit_id]


def test_the_owner_first_then_who_spends_most() -> None:
    # K2, golden case G33: B's 80 is more than C's 50 of S3, and yet C comes before B.
    parts = _parts(
        {
            ("1", "S3"): "10.00",
            ("1", "EC2"): "30.00",
            ("2", "EC2"): "80.00",
            ("3", "EC2"): "120.00",
            ("3", "S3"): "50.00",
        }
    )
    assert _drawn([_credit("c", "100.00", "EC2|S3", owner="1")], parts) == [
        ("c", "1", "EC2", "30.00"),
        ("c", "1", "S3", "10.00"),
        ("c", "3", "EC2", "60.00"),
    ]


def test_ties_go_to_the_smallest_account_and_service() -> None:
    # K2: nothing is split, the first takes what there is.
    parts = _parts({("2", "EC2"): "5.00", ("1", "S3"): "2.50", ("1", "EC2"): "2.50"})
    assert _drawn([_credit("c", "4.00")], parts) == [("c", "1", "EC2", "2.50"), ("c", "1", "S3", "1.50")]


def test_spend_is_measured_before_any_draw() -> None:
    # K2: what the first credit left of account 1 is less than account 2's 60, but its spend was 100.
    parts = _parts({("1", "EC2"): "100.00", ("2", "EC2"): "60.00"})
    credits = [_credit("a", "70.00", end=date(2026, 12, 1)), _credit("b", "40.00")]
    assert _drawn(credits, parts) == [
        ("a", "1", "EC2", "70.00"),
        ("b", "1", "EC2", "30.00"),
        ("b", "2", "EC2", "10.00"),
    ]


def test_only_eligible_spend_makes_the_order() -> None:
    # K2: account 1 spends most, but not on what the credit is for.
    parts = _parts({("1", "RDS"): "500.00", ("1", "EC2"): "5.00", ("2", "EC2"): "6.00"})
    assert _drawn([_credit("c", "7.00", "EC2")], parts) == [("c", "2", "EC2", "6.00"), ("c", "1", "EC2", "1.00")]


@pytest.mark.parametrize(
    ("covers_fees", "services", "expected"),
    [
        (False, "*", {"usage"}),
        (True, "*", {"usage", "commitment", "fee", "marketplace", "support"}),
        (True, "S3", set()),
    ],
)
def test_what_a_credit_may_pay(covers_fees: bool, services: str, expected: set[str]) -> None:
    # K1, golden case G35
    kinds = "usage discount commitment fee marketplace support credit refund shared_cost custom_line_item aws_tax"
    parts = [part for kind in kinds.split() for part in _parts({("1", "EC2"): "7.00"}, kind=kind)]
    draws = draw_credits([_credit("c", "5000", services, covers_fees=covers_fees)], parts)
    assert {draw.part.line[2] for draw in draws} == expected
    assert all(draw.amount == 7 for draw in draws)


def test_a_service_is_as_large_as_its_lines_together() -> None:
    # K2: S3's one line is larger than each of EC2's. Of these the larger is first.
    parts = [
        *_parts({("1", "S3"): "10.00", ("1", "EC2"): "6.00"}),
        *_parts({("1", "EC2"): "5.00"}, kind="marketplace"),
        *_parts({("1", "EC2"): "90.00"}, kind="refund"),
    ]
    draws = draw_credits([_credit("c", "20.00", covers_fees=True)], parts)
    assert [(draw.part.line[2], draw.part.service, str(draw.amount)) for draw in draws] == [
        ("usage", "EC2", "6.00"),
        ("marketplace", "EC2", "5.00"),
        ("usage", "S3", "9.00"),
    ]


def test_a_recomputed_support_fee_belongs_to_no_service() -> None:
    parts = _parts({("1", ""): "100.00"}, kind="support")
    assert _drawn([_credit("c", "9.00", "AWSSupportBusiness", covers_fees=True)], parts) == []
    assert _drawn([_credit("c", "9.00", covers_fees=True)], parts) == [("c", "1", "", "9.00")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # K3: of 100 - 30 only 70 can be paid; the owner is still first.
        ({"1": "60.00", "2": "40.00", "3": "-30.00"}, [("2", "40.00"), ("1", "30.00")]),
        ({"1": "10.00", "3": "-30.00"}, []),
        ({"1": "-5.00"}, []),
        ({"1": "0.00"}, []),
    ],
)
def test_no_line_goes_below_zero(line: dict[str, str], expected: list[tuple[str, str]]) -> None:
    parts = _parts({(account, "EC2"): net for account, net in line.items()})
    draws = _drawn([_credit("c", "500.00", owner="2")], parts)
    assert [(account, amount) for _, account, _, amount in draws] == expected


@pytest.mark.parametrize(
    ("credit", "is_drawn"),
    [
        ({}, True),
        ({"is_active": False}, False),
        # Active on any day of the month is enough; the end is the first day without it.
        ({"first": date(2026, 9, 30)}, True),
        ({"first": date(2026, 10, 1)}, False),
        ({"end": date(2026, 9, 2)}, True),
        ({"end": date(2026, 9, 1)}, False),
        ({"group": "B"}, False),
    ],
)
def test_when_a_credit_can_be_drawn(credit: dict[str, Any], is_drawn: bool) -> None:
    # K3, golden case G38
    assert bool(_drawn([_credit("c", "5.00", **credit)], _parts({("1", "EC2"): "60.00"}))) is is_drawn


def test_months_draw_on_what_the_months_before_have_left() -> None:
    # K3, K4: in whatever order the lines come.
    months = {"2026-10": "90.00", "2026-08": "50.00", "2026-09": "30.00"}
    parts = [part for month, net in months.items() for part in _parts({("1", "EC2"): net}, month)]
    draws = draw_credits([_credit("c", "100.00")], parts)
    assert [(draw.part.month, str(draw.amount)) for draw in draws] == [
        ("2026-08", "50.00"),
        ("2026-09", "30.00"),
        ("2026-10", "20.00"),
    ]


def test_a_month_of_next_year_comes_after_december() -> None:
    parts = [part for month in ("2027-01", "2026-12") for part in _parts({("1", "EC2"): "8.00"}, month)]
    draws = draw_credits([_credit("c", "10.00", end=date(2027, 1, 2))], parts)
    assert [(draw.part.month, str(draw.amount)) for draw in draws] == [("2026-12", "8.00"), ("2027-01", "2.00")]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (None, ("30", "0", "70")),
        (date(2026, 9, 15), ("30", "70", "0")),
        # It can be drawn until the 30th, and no month after September has a day of it.
        (date(2026, 10, 1), ("30", "70", "0")),
        (date(2026, 10, 2), ("30", "0", "70")),
    ],
)
def test_balances_say_what_was_granted(end: date | None, expected: tuple[str, str, str]) -> None:
    # K5
    credits = [_credit("c", "100", end=end)]
    draws = draw_credits(credits, _parts({("1", "EC2"): "30"}))
    ((_, *parts),) = credit_balances(credits, draws, "2026-09")
    assert tuple(map(str, parts)) == expected


def test_an_invoice_with_credits(tmp_path: Path) -> None:
    # K1: drawn after rounding, on each account's part of the line; fees only where covered.
    policies = make_policies(
        tmp_path,
        assignments=[("1", "A", "2026-01-01", ""), ("2", "A", "2026-01-01", "")],
        credits={
            "owned": {"amount": "12", "owner_account_id": "2", "end_date": "2026-12-01"},
            "fees": {"amount": "50", "covers_fees": "true", "eligible_services": "AmazonRegistrar"},
            "paused": {"amount": "1000", "status": "Paused"},
        },
    )
    result = book(
        policies,
        make_usage("20.004"),
        make_usage("9.99", account="2"),
        make_fact(LineItemType.FEE, "14", sku=make_sku("AmazonRegistrar")),
    )
    assert [(draw.credit_id, draw.line_kind, draw.sub_account_id, draw.amount) for draw in result.credit_draws] == [
        ("owned", "usage", "2", Decimal("-9.99")),
        ("owned", "usage", "1", Decimal("-2.01")),
        ("fees", "fee", "1", Decimal("-14.00")),
    ]
    assert {(line.line_kind, line.net_amount, line.credit_amount) for line in result.lines} == {
        ("usage", Decimal("29.99"), Decimal(-12)),
        ("fee", Decimal("14.00"), Decimal(-14)),
    }
    (invoice,) = result.invoices
    assert (invoice.net_amount, invoice.credit_amount, invoice.taxable_amount, invoice.total_amount) == (
        Decimal("43.99"),
        Decimal(-26),
        Decimal("17.99"),
        Decimal("17.99"),
    )
    assert {item.credit_id: item.balance_amount for item in result.credit_balances} == {
        "owned": Decimal(0),
        "fees": Decimal(36),
        "paused": Decimal(1000),
    }


def test_credits_are_in_the_customers_currency(tmp_path: Path) -> None:
    policies = make_policies(tmp_path, currency="JPY", fx=[("JPY", "148.2")], credits={"c": {"amount": "200"}})
    (invoice,) = book(policies, make_usage("1"), make_usage("1", make_sku("AmazonS3"))).invoices
    assert [invoice.net_amount, invoice.credit_amount, invoice.total_amount] == [296, -200, 96]


def test_nothing_is_drawn_while_the_exchange_rate_is_missing(tmp_path: Path) -> None:
    # I2: an unconverted amount is no amount; the credit stays whole.
    result = book(make_policies(tmp_path, currency="EUR", credits={"c": {"amount": "5"}}), make_usage("10"))
    assert (result.credit_draws, result.lines[0].credit_amount, result.invoices[0].credit_amount) == ((), None, None)
    assert result.credit_balances[0].balance_amount == 5
