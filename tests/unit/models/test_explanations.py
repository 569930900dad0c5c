"""Every kind of invoice line explained, against numbers worked out by hand; and any line of any world adds up."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from billing_worlds import World, collected_worlds
from explained_world import explained, explaining, row_sums
from models_on_duckdb import RenderedProject
from pricing_on_duckdb import priced

from orchestration.errors import ChargehouseError
from orchestration.explaining.explanation import Explanation, ExplanationError
from orchestration.explaining.files import to_json
from orchestration.explaining.lookup import find_line
from tests.customer_view import customer_texts, leaks

MONTH = date(2024, 1, 1)
# acme pays in euros, at 0.9 for the dollar; the moving account is beta's until the 15th; nobody has the shared one.
OWN, MOVING, SHARED = "111111111111", "222222222222", "333333333333"
RESERVATION = f"arn:aws:ec2:eu-central-1:{OWN}:reserved-instances/1"

FILES: dict[str, list[dict[str, str]]] = {
    "payers": [{"payer_account_id": "900000000000"}],
    "customers": [
        {
            "customer_id": "acme",
            "legal_name": "Acme",
            "country_code": "DE",
            "currency": "EUR",
            "payment_terms_days": "30",
        },
        {
            "customer_id": "beta",
            "legal_name": "Beta",
            "country_code": "US",
            "currency": "USD",
            "payment_terms_days": "30",
        },
    ],
    "billing_groups": [
        {
            **{"billing_group_id": group, "billing_group_name": group.title(), "customer_id": group},
            **{"issuer_id": "issuer", "primary_account_id": account, "auto_associate": "false"},
            "start_period": "2023-01",
        }
        for group, account in (("acme", OWN), ("beta", MOVING))
    ],
    "account_assignments": [
        {"account_id": OWN, "billing_group_id": "acme", "start_date": "2023-01-01"},
        {"account_id": MOVING, "billing_group_id": "beta", "start_date": "2023-01-01", "end_date": "2024-01-16"},
        {"account_id": MOVING, "billing_group_id": "acme", "start_date": "2024-01-16"},
    ],
    "billing_terms": [
        {
            **{"billing_group_id": group, "start_period": "2023-01", "pricing_plan_id": group},
            **{"commitment_policy": "pass_through", "upfront_policy": "pass", "free_tier_policy": "pass_through"},
            **{"support_policy": support, "support_plan_id": plan, "bundled_discount_policy": "withhold"},
            **{"negotiated_discount_policy": "pass_through", "aws_credit_policy": "share"},
            **{"aws_credit_share_percentage": "25", "refund_policy": "pass_through", "tax_policy": tax},
        }
        for group, support, plan, tax in (
            ("acme", "recompute", "care", "recompute"),
            ("beta", "pass_through", "", "pass_through"),
        )
    ],
    "pricing_plans": [{"pricing_plan_id": group, "pricing_plan_name": group} for group in ("acme", "beta")],
    "pricing_rules": [
        {
            **{"pricing_rule_id": rule, "pricing_plan_id": "acme", "scope": scope, "rule_type": kind},
            **{"percentage": percentage, "rate": rate, "service_code": service, "usage_type": usage},
            **{"include_fees": "false", "start_period": "2023-01"},
        }
        for rule, scope, kind, percentage, rate, service, usage in (
            ("all", "GLOBAL", "MARKUP", "10", "", "", ""),
            ("functions", "SERVICE", "FIXED_RATE", "", "0.25", "AWSLambda", ""),
            ("storage", "SKU", "TIERED", "", "", "AmazonS3", "TimedStorage"),
        )
    ],
    "pricing_rule_tiers": [
        {"pricing_rule_id": "storage", "tier_start": start, "tier_end": end, "rate": rate}
        for start, end, rate in (("0", "100", "0.10"), ("100", "300", "0.08"), ("300", "", "0.05"))
    ],
    "support_plans": [{"support_plan_id": "care", "minimum_amount": "1", "start_period": "2023-01"}],
    "support_plan_tiers": [
        {"support_plan_id": "care", "tier_start": start, "tier_end": end, "percentage": rate, "start_period": "2023-01"}
        for start, end, rate in (("0", "100", "10"), ("100", "", "5"))
    ],
    "shared_cost_rules": [
        {
            **{"shared_cost_rule_id": "platform", "description": "Platform", "source_kind": "account"},
            **{"source_account_id": SHARED, "method": "PROPORTIONAL", "start_period": "2023-01"},
        },
        {
            **{"shared_cost_rule_id": "desk", "description": "Desk", "source_kind": "fixed", "fixed_amount": "30"},
            **{"method": "FIXED", "start_period": "2023-01"},
        },
    ],
    "shared_cost_targets": [
        {"shared_cost_rule_id": rule, "billing_group_id": group, "weight": weight}
        for rule, group, weight in (("platform", "acme", ""), ("platform", "beta", ""), ("desk", "beta", "2"))
    ],
    "custom_line_items": [
        {
            **{"custom_line_item_id": "setup", "billing_group_id": "acme", "description": "Set-up", "amount": "200"},
            **{"charge_type": "FEE", "calculation": "FLAT", "start_period": "2023-01"},
        },
        {
            **{"custom_line_item_id": "care", "billing_group_id": "acme", "description": "Care", "percentage": "10"},
            **{"charge_type": "FEE", "calculation": "PERCENTAGE", "computation_rule": "CONSOLIDATED"},
            **{"associated_item_ids": "setup", "start_period": "2023-01"},
        },
    ],
    "minimum_commitments": [
        {"billing_group_id": "acme", "amount": "900", "start_date": "2023-01-01"},
        {"billing_group_id": "acme", "amount": "310", "start_date": "2024-01-22"},
    ],
    "fx_rates": [{"period": "2024-01", "from_currency": "USD", "to_currency": "EUR", "rate": "0.9", "source": "ECB"}],
}


def _row(number: int, account: str, kind: str, service: str, cost: str, **more: Any) -> dict[str, Any]:
    cells = {
        **{"billing_period": MONTH, "bill_payer_account_id": "900000000000", "delivery_key": "first"},
        **{"source_file": "part-1", "source_row_number": number, "discount_mode": "rows", "bill_invoice_id": "1001"},
        **{"bill_billing_entity": "AWS", "line_item_usage_account_id": account, "line_item_line_item_type": kind},
        "line_item_usage_start_date": datetime(2024, 1, more.pop("day", 3)),
        **{"line_item_product_code": service, "product_product_name": service, "pricing_unit": "Units"},
        **{"line_item_usage_amount": Decimal(1), "line_item_unblended_cost": Decimal(cost)},
    }
    return cells | {
        name: Decimal(value) if name.endswith(("_cost", "_amount", "_fee", "_period")) else value
        for name, value in more.items()
    }


def _usage(number: int, account: str, service: str, cost: str, public: str, **more: Any) -> dict[str, Any]:
    return _row(number, account, "Usage", service, cost, pricing_public_on_demand_cost=public, **more)


UNUSED = {
    "reservation_reservation_a_r_n": RESERVATION,
    "reservation_unused_recurring_fee": "3",
    "reservation_unused_amortized_upfront_fee_for_billing_period": "1",
}
ROWS = [
    _usage(1, OWN, "AmazonEC2", "81", "100", line_item_usage_type="BoxUsage"),
    _usage(2, MOVING, "AmazonEC2", "163", "200", line_item_usage_type="BoxUsage", day=5),
    _usage(3, MOVING, "AmazonEC2", "41", "50", line_item_usage_type="BoxUsage", day=20),
    _usage(4, OWN, "AmazonS3", "7", "30", line_item_usage_type="TimedStorage", line_item_usage_amount="300"),
    _usage(5, MOVING, "AmazonS3", "3", "15", line_item_usage_type="TimedStorage", line_item_usage_amount="150", day=20),
    _usage(6, OWN, "AWSLambda", "1", "1.5", line_item_usage_type="Request", line_item_usage_amount="8"),
    _row(7, OWN, "EdpDiscount", "AmazonEC2", "-10"),
    _row(8, OWN, "RIFee", "AmazonEC2", "61", **UNUSED),
    _row(9, OWN, "Fee", "AmazonRegistrar", "12"),
    _row(10, OWN, "Usage", "8x1product", "40", bill_billing_entity="AWS Marketplace"),
    _row(11, OWN, "Credit", "AmazonEC2", "-20"),
    _row(12, OWN, "Refund", "AmazonEC2", "-7"),
    _usage(13, SHARED, "AmazonVPC", "90", "97"),
    _row(14, MOVING, "Fee", "AWSSupportBusiness", "29"),
    _row(15, MOVING, "Tax", "AmazonEC2", "6"),
    _row(16, OWN, "BundledDiscount", "AmazonEC2", "-5"),
    # Covered by a commitment that stays where AWS applied it: its effective cost (RS3).
    _row(
        17, OWN, "DiscountedUsage", "AmazonRDS", "0", pricing_public_on_demand_cost="23",
        reservation_effective_cost="14", reservation_reservation_a_r_n=RESERVATION, line_item_usage_type="db.r6g",
    ),
]  # fmt: skip
# 110 + 55 + 33.50 + 2 + 14 - 10 + 4 + 12 + 44 - 5 - 7; and 200 + 29
ACME, BETA = Decimal("252.5"), Decimal("229")


@pytest.fixture(scope="module")
def hand_made(
    project: RenderedProject, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    world = World(0, MONTH, FILES, ROWS)
    found = priced(project, [world], Path(tmp_path_factory.mktemp("hand_made")) / "billing")
    yield explaining(found)
    found.connection.close()


def bridge(found: Explanation, audience: str = "is_internal") -> list[tuple[str, str]]:
    return [(step["step"], f"{step['amount'].normalize():f}") for step in found.bridge if step[audience]]


@pytest.mark.parametrize(
    ("line", "expected", "rows"),
    [
        # 150 list, 10 % more; in euros 165 x 0.9 = 148.50
        ("usage/-/AmazonEC2", [("list_price", "150"), ("rule", "15"), ("exchange_rate", "-16.5"), ("rounding", "0")],
         (2, "122", "150", "165")),
        # 450 units: 100 x 0.10 + 200 x 0.08 + 150 x 0.05 = 33.50; in euros 30.15
        ("usage/-/AmazonS3", [("list_price", "45"), ("rule", "-11.5"), ("exchange_rate", "-3.35"), ("rounding", "0")],
         (2, "10", "45", "33.5")),
        # 8 x 0.25; in euros 1.80
        ("usage/-/AWSLambda", [("list_price", "1.5"), ("rule", "0.5"), ("exchange_rate", "-0.2"), ("rounding", "0")],
         (1, "1", "1.5", "2")),
        # 14 instead of 23; in euros 12.60
        ("usage/-/AmazonRDS",
         [("list_price", "23"), ("commitment", "-9"), ("exchange_rate", "-1.4"), ("rounding", "0")],
         (1, "0", "23", "14")),
        ("discount/-/AmazonEC2", [("aws_charge", "-10"), ("exchange_rate", "1"), ("rounding", "0")],
         (1, "-10", "-10", "-10")),
        # Of the fee only what nobody used: 3 + 1; in euros 3.60
        ("commitment/-/AmazonEC2", [("commitment", "4"), ("exchange_rate", "-0.4"), ("rounding", "0")],
         (1, "61", "0", "4")),
        ("fee/-/AmazonRegistrar", [("aws_charge", "12"), ("exchange_rate", "-1.2"), ("rounding", "0")],
         (1, "12", "12", "12")),
        ("marketplace/-/8x1product",
         [("list_price", "40"), ("rule", "4"), ("exchange_rate", "-4.4"), ("rounding", "0")], (1, "40", "40", "44")),
        # A quarter of the credit
        ("credit/-/AmazonEC2", [("aws_charge", "-20"), ("share", "15"), ("exchange_rate", "0.5"), ("rounding", "0")],
         (1, "-20", "-20", "-5")),
        ("refund/-/AmazonEC2", [("aws_charge", "-7"), ("exchange_rate", "0.7"), ("rounding", "0")],
         (1, "-7", "-7", "-7")),
        # 90 x 252.5 / 481.5 = 47.1962616822; in euros 42.47663551398 -> 42.48
        ("shared_cost/platform/-",
         [("whole", "90"), ("others", "-42.8037383178"), ("exchange_rate", "-4.71962616822"),
          ("rounding", "0.00336448602")], (1, "90", "97", "0")),
        ("custom_line_item/setup/-", [("amount", "200"), ("exchange_rate", "-20"), ("rounding", "0")],
         (0, "0", "0", "0")),
        # 10 % of 252.5 + 47.1962616822 + 200 = 49.96962616822; in euros 44.972663551398 -> 44.97
        ("custom_line_item/care/-",
         [("percentage", "49.96962616822"), ("exchange_rate", "-4.996962616822"), ("rounding", "-0.002663551398")],
         (12, "209", "234.5", "252.5")),
        # 10 % of 100 and 5 % of 118.5 (165 + 33.5 + 2 + 14 + 4 = 218.5); in euros 14.3325 -> 14.33
        ("support/care/-", [("whole", "15.925"), ("exchange_rate", "-1.5925"), ("rounding", "-0.0025")],
         (7, "194", "219.5", "218.5")),
        # 900 and ten days of 310 in 31: 100; less 252.50; in euros 672.75
        ("minimum_commitment/-/-",
         [("promised", "1000"), ("rated", "-252.5"), ("exchange_rate", "-74.75"), ("rounding", "0")],
         (12, "209", "234.5", "252.5")),
    ],
)  # fmt: skip
def test_every_kind_of_line(
    hand_made: duckdb.DuckDBPyConnection, line: str, expected: list[tuple[str, str]], rows: tuple[Any, ...]
) -> None:
    key = f"2024-01/acme/{line}"
    found = explained(hand_made, key)
    assert found.line is not None
    assert bridge(found) == expected
    assert sum(Decimal(amount) for _, amount in expected) == found.line["net_amount"]
    assert len(found.checks) >= 6
    count, *sums = row_sums(hand_made, key)
    assert (count, *sums) == (rows[0], *map(Decimal, rows[1:]))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("usage/-/AmazonEC2", [("list_price", "200"), ("rounding", "0")]),
        ("support/-/AWSSupportBusiness", [("aws_charge", "29"), ("rounding", "0")]),
        ("aws_tax/-/-", [("aws_charge", "6"), ("rounding", "0")]),
        # The one target of the fixed amount
        ("shared_cost/desk/-", [("whole", "30"), ("rounding", "0")]),
    ],
)
def test_lines_at_cost_in_dollars(
    hand_made: duckdb.DuckDBPyConnection, line: str, expected: list[tuple[str, str]]
) -> None:
    assert bridge(explained(hand_made, f"2024-01/beta/{line}")) == expected


def test_why_an_account_is_in_the_group(hand_made: duckdb.DuckDBPyConnection) -> None:
    of_acme = {row["sub_account_id"]: row["membership"] for row in explained(hand_made, "2024-01/acme/1").accounts}
    of_beta = explained(hand_made, "2024-01/beta/usage/-/AmazonEC2").accounts
    assert explained(hand_made, "2024-01/acme/usage/-/AmazonEC2").accounts[1]["membership"] == (
        "assigned from 2024-01-16 (account_assignments.csv line 4)"
    )
    assert of_acme[OWN] == "assigned from 2023-01-01 (account_assignments.csv line 2)"
    assert of_beta[0]["membership"] == "assigned from 2023-01-01 to 2024-01-15 (account_assignments.csv line 3)"


def test_a_charge_says_its_rule_base_and_policy(hand_made: duckdb.DuckDBPyConnection) -> None:
    charges = explained(hand_made, "2024-01/acme/usage/-/AmazonEC2").charges
    moved = next(row for row in charges if row["sub_account_id"] == MOVING)
    assert (moved["charge_date"], moved["rating_base"], moved["rating_factor"]) == (
        date(2024, 1, 20),
        50,
        Decimal("1.1"),
    )
    assert (moved["pricing_rule_id"], moved["rule_line"], moved["rule_scope"]) == ("all", 2, "GLOBAL")
    (covered,) = explained(hand_made, "2024-01/acme/usage/-/AmazonRDS").charges
    assert (covered["policy"], covered["rating_path"]) == ("commitment_policy pass_through", "effective_cost")


def test_what_was_not_billed_stands_beside_the_line(hand_made: duckdb.DuckDBPyConnection) -> None:
    beside = [row for row in explained(hand_made, "2024-01/acme/discount/-/AmazonEC2").charges if not row["is_part"]]
    assert [(row["charge_type"], row["aws_cost"], row["policy"]) for row in beside] == [
        ("bundled_discount", -5, "bundled_discount_policy withhold")
    ]


def test_steps_of_tiers(hand_made: duckdb.DuckDBPyConnection) -> None:
    steps = explained(hand_made, "2024-01/acme/usage/-/AmazonS3").tiers
    assert [(step["step_quantity"], step["rate"], step["step_cost"]) for step in steps] == [
        (100, Decimal("0.1"), 10),
        (200, Decimal("0.08"), 16),
        (150, Decimal("0.05"), Decimal("7.5")),
    ]
    assert {(step["total_cost"], step["line_cost"]) for step in steps} == {(Decimal("33.5"), Decimal("33.5"))}
    plan = explained(hand_made, "2024-01/acme/support/care/-").tiers
    assert [(step["step_quantity"], step["percentage"], step["step_cost"]) for step in plan] == [
        (100, 10, 10),
        (Decimal("118.5"), 5, Decimal("5.925")),
    ]


def test_what_a_base_is_made_of(hand_made: duckdb.DuckDBPyConnection) -> None:
    found = explained(hand_made, "2024-01/acme/custom_line_item/care/-")
    assert sum(row["part_amount"] for row in found.charges) == ACME
    assert [(row["part"], row["source_id"], row["amount"]) for row in found.bases] == [
        ("named item", "setup", 200),
        ("shared cost", "platform", Decimal("47.1962616822")),
    ]
    promised = explained(hand_made, "2024-01/acme/minimum_commitment/-/-").bases
    assert [(row["description"], row["amount"]) for row in promised] == [
        ("900 for 31 of 31 days", 900),
        ("310 for 10 of 31 days", 100),
    ]


def test_a_customer_sees_billed_amounts_and_rates(hand_made: duckdb.DuckDBPyConnection) -> None:
    found = explained(hand_made, "2024-01/acme/usage/-/AmazonS3")
    assert bridge(found, "is_for_customer") == [("billed", "33.5"), ("exchange_rate", "-3.35"), ("rounding", "0")]
    usage = found.levels(for_customer=True)["usage"]
    assert [(row["usage_quantity"], row["billed_rate"], row["billed_cost"]) for row in usage] == [
        (300, Decimal("0.0744444444"), Decimal("22.3333333333")),
        (150, Decimal("0.0744444444"), Decimal("11.1666666667")),
    ]


def test_a_customer_sees_no_cost_of_aws(hand_made: duckdb.DuckDBPyConnection) -> None:
    keys = [
        key
        for (key,) in hand_made.execute("select invoice_line_key from marts.fct_invoice_lines order by 1").fetchall()
    ]
    assert len(keys) == 20
    for key in keys:
        found = explained(hand_made, key)
        assert leaks(found, customer_texts(found)) == set(), key
    # The search finds what stands in the explanation that is ours.
    ours = to_json(explained(hand_made, "2024-01/acme/usage/-/AmazonEC2"), None, for_customer=False).decode()
    found = explained(hand_made, "2024-01/acme/usage/-/AmazonEC2")
    assert {"81.0000000000", "41.0000000000", "aws_cost", "policy", "all"} <= leaks(found, [ours])


def test_a_level_that_does_not_add_up_is_an_error(project: RenderedProject, tmp_path: Path) -> None:
    found = priced(project, [World(0, MONTH, FILES, ROWS)], tmp_path / "billing")
    connection = explaining(found)
    key = "2024-01/acme/usage/-/AmazonEC2"
    explained(connection, key)
    try:
        # As if somebody had written into the warehouse: a charge, an account, and then a tier of the configuration.
        for table, column, where in (
            (
                "fct_charges",
                "billed_cost",
                f"service_code = 'AmazonEC2' and sub_account_id = '{OWN}' and charge_type = 'usage'",
            ),
            ("fct_invoice_line_accounts", "net_amount", f"invoice_line_key = '{key}' and sub_account_id = '{OWN}'"),
            ("fct_invoice_lines", "rounding_difference", f"invoice_line_key = '{key}'"),
        ):
            connection.execute(f"update main.{table} set {column} = {column} + 0.0001 where {where}")
            with pytest.raises(
                ExplanationError, match=r"does not add up:[\s\S]*the parts sum to[\s\S]*chargehouse run"
            ):
                explained(connection, key)
            connection.execute(f"update main.{table} set {column} = {column} - 0.0001 where {where}")
            explained(connection, key)
        connection.execute("update billing.pricing_rule_tiers set rate = 0.09 where tier_start = 100")
        with pytest.raises(ExplanationError, match="charges of a ladder = its steps"):
            explained(connection, "2024-01/acme/usage/-/AmazonS3")
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2024-01/acme/usage/-/AmazonEC3", "The nearest:\n  2024-01/acme/usage/-/AmazonEC2"),
        ("2024-01/acmee/1", "Groups with lines in it: acme"),
        ("2024-01/acme/77", "The draft of acme for 2024-01 has no line 77. It has:\n  2024-01/acme/1  "),
        ("2023-07/acme/1", "There is no invoice line of 2023-07. There are lines of 2024-01."),
        ("RS-2024-000001/1", "Name a line by its key"),
        ("", "Name a line by its key"),
    ],
)
def test_a_line_that_is_not_there(hand_made: duckdb.DuckDBPyConnection, text: str, message: str) -> None:
    with pytest.raises(ChargehouseError) as refused:
        find_line(hand_made, text)
    assert message in str(refused.value)


@pytest.fixture(scope="module")
def any_worlds(
    project: RenderedProject, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    found = priced(project, collected_worlds(60), Path(tmp_path_factory.mktemp("worlds")) / "billing")
    yield explaining(found)
    found.connection.close()


def _some_lines(connection: duckdb.DuckDBPyConnection, count: int) -> list[str]:
    keys = [
        key
        for (key,) in connection.execute(
            "select invoice_line_key from marts.fct_invoice_lines order by invoice_line_key"
        ).fetchall()
    ]
    return Random(11).sample(keys, min(count, len(keys)))


@pytest.mark.faults
def test_any_line_of_any_world_adds_up(any_worlds: duckdb.DuckDBPyConnection, pytestconfig: pytest.Config) -> None:
    count = 480 if pytestconfig.getoption("--faults-in-full") else 120
    keys = _some_lines(any_worlds, count)
    assert len(keys) == count
    of_kind = dict(
        any_worlds.execute("select line_kind, min(invoice_line_key) from marts.fct_invoice_lines group by 1").fetchall()
    )
    # Rare kinds too.
    keys += [key for key in of_kind.values() if key not in keys]
    seen: set[str] = set()
    for key in keys:
        found = explained(any_worlds, key)
        assert found.line is not None
        seen.add(found.line["line_kind"])
    assert len(seen) == 12


def test_the_rows_of_any_line_are_those_of_its_charges(any_worlds: duckdb.DuckDBPyConnection) -> None:
    for key in _some_lines(any_worlds, 40):
        charges = [row for row in explained(any_worlds, key).charges if row["is_part"]]
        count, *sums = row_sums(any_worlds, key)
        expected: Mapping[str, Decimal | int] = {
            name: sum(row[name] for row in charges) for name in ("row_count", "aws_cost", "list_cost", "billed_cost")
        }
        assert (count, *sums) == tuple(expected.values()), key
