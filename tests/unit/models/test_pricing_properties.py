"""What must hold for any configuration and any CUR rows, from the raw row to the invoice.

Worlds are drawn once; each test prices all of them in one database, changed in the way that the test is about, as to
bind sixty statements costs more than to run them. An assertion that fails names its world and shows it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from billing_worlds import COMMITMENT_POLICIES, NUMBERS, World, collected_worlds
from models_on_duckdb import RenderedProject
from pricing_by_hand import ChargeByHand, charges_by_hand, counted_rows, in_force, tiered_cost
from pricing_on_duckdb import MARTS, Priced, Row, priced
from splits_by_hand import rounded_fraction, split_by_largest_remainder

from orchestration.configuration.intervals import next_month

BASES = ("usage_date", "billing_period")
Price = Callable[..., Priced]
Key = tuple[Any, ...]
ByHand = Callable[[str], dict[date, list[ChargeByHand]]]


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return collected_worlds(72)


@pytest.fixture(scope="module")
def price(project: RenderedProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Price]:
    runs: list[Priced] = []

    def run(worlds: Sequence[World], **options: Any) -> Priced:
        runs.append(priced(project, worlds, Path(tmp_path_factory.mktemp("world")) / "billing", **options))
        return runs[-1]

    yield run
    for priced_worlds in runs:
        priced_worlds.connection.close()


@pytest.fixture(scope="module")
def by_basis(worlds: list[World], price: Price) -> Callable[[str], Priced]:
    """The worlds as drawn, under each membership basis."""
    return cache(lambda basis: price(worlds, basis=basis))


@pytest.fixture(scope="module")
def base(by_basis: Callable[[str], Priced]) -> Priced:
    return by_basis("usage_date")


def summed(rows: Iterable[Row], keys: Sequence[str], *measures: str) -> dict[Key, tuple[Any, ...]]:
    """Sum measures by keys, exactly."""
    sums: dict[Key, list[Fraction]] = defaultdict(lambda: [Fraction(0)] * len(measures))
    for row in rows:
        total = sums[tuple(row[key] for key in keys)]
        for position, measure in enumerate(measures):
            total[position] += Fraction(row[measure])
    return {key: tuple(total) for key, total in sums.items()}


def assert_same(worlds: Sequence[World], found: Mapping[Key, Any], expected: Mapping[Key, Any]) -> None:
    """Compare by keys that begin with the billing period; on failure show the first world that differs."""
    for key in sorted(found.keys() | expected.keys(), key=str):
        if found.get(key) != expected.get(key):
            (world,) = (world for world in worlds if world.period == key[0])
            pytest.fail(f"{key}: found {shown(found.get(key))}, expected {shown(expected.get(key))}\n{world}")


def shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shown(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(map(shown, value))
    return str(Decimal(value.numerator) / value.denominator) if isinstance(value, Fraction) else value


def assert_same_marts(worlds: Sequence[World], found: Priced, expected: Priced, *marts: str) -> None:
    for mart in marts:
        only_found = sorted(set(found.marts[mart]) - set(expected.marts[mart]))
        only_expected = sorted(set(expected.marts[mart]) - set(found.marts[mart]))
        if found.marts[mart] != expected.marts[mart]:
            period = (only_found or only_expected or found.marts[mart])[0].split("'billing_period': ")[1][:10]
            world = next(world for world in worlds if str(world.period) == period)
            pytest.fail("\n".join([mart, *only_found[:2], "expected", *only_expected[:2], str(world)]))
        assert found.marts[mart], mart


@pytest.fixture(scope="module")
def by_hand(worlds: list[World]) -> ByHand:
    """The charges of each period, priced without the models, under each membership basis."""
    return cache(lambda basis: {world.period: charges_by_hand(world, basis) for world in worlds})


def is_rated_charge(row: Row) -> bool:
    """Section 7: the base of G1, G3 and G5."""
    return bool(row["treatment"] == "billed" and row["charge_type"] != "aws_tax")


# 1. Nothing is lost.


@pytest.mark.parametrize("basis", BASES)
def test_billed_withheld_and_unrated_are_all_rows(
    worlds: list[World], by_basis: Callable[[str], Priced], by_hand: ByHand, basis: str
) -> None:
    keys = ("billing_period", "sub_account_id", "line_item_type")
    rows = [
        {
            "billing_period": period,
            "sub_account_id": charge.row["line_item_usage_account_id"],
            "line_item_type": charge.row["line_item_line_item_type"],
            "usage_quantity": charge.quantity,
            "aws_cost": charge.aws_cost,
        }
        for period, charges in by_hand(basis).items()
        for charge in charges
    ]
    charges = by_basis(basis).charges
    measures = ("usage_quantity", "aws_cost")
    assert_same(worlds, summed(charges, keys, *measures), summed(rows, keys, *measures))
    counts = {(world.period,): (len(counted_rows(world)),) for world in worlds if counted_rows(world)}
    assert_same(worlds, summed(charges, ("billing_period",), "row_count"), counts)


@pytest.mark.parametrize("basis", BASES)
def test_each_charge_is_priced_as_by_hand(
    worlds: list[World], by_basis: Callable[[str], Priced], by_hand: ByHand, basis: str
) -> None:
    # Section 4 to 6: whose it is, what happens to it and why, the rule, what it costs. Tiers are below.
    keys = (
        "billing_period", "billing_group_id", "sub_account_id", "charge_type", "treatment", "treatment_reason",
        "pricing_rule_id",
    )  # fmt: skip
    rows = [
        {
            "billing_period": period,
            "billing_group_id": charge.group,
            "sub_account_id": charge.row["line_item_usage_account_id"],
            "charge_type": charge.charge_type,
            "treatment": charge.treatment,
            "treatment_reason": charge.reason,
            "pricing_rule_id": charge.rule["pricing_rule_id"] if charge.rule else "",
            "usage_quantity": charge.quantity,
            "aws_cost": charge.aws_cost,
            "billed_cost": charge.billed,
        }
        for period, charges in by_hand(basis).items()
        for charge in charges
    ]
    tiered = {tier["pricing_rule_id"] for world in worlds for tier in world.files["pricing_rule_tiers"]}
    found = [
        {**row, "billed_cost": 0 if row["pricing_rule_id"] in tiered else row["billed_cost"]}
        for row in by_basis(basis).charges
    ]
    measures = ("usage_quantity", "aws_cost", "billed_cost")
    assert_same(worlds, summed(found, keys, *measures), summed(rows, keys, *measures))


@pytest.mark.parametrize("basis", BASES)
def test_each_charge_has_one_treatment_and_a_known_reason(by_basis: Callable[[str], Priced], basis: str) -> None:
    withheld = {"policy", "partner_discount", "aws_tax", "shared_cost", "commitment_outside_group", "unassigned"}
    seen = set()
    for row in by_basis(basis).charges:
        reason = row["treatment_reason"]
        seen.add(reason)
        if row["treatment"] == "billed":
            assert reason == ""
        elif row["treatment"] == "withheld":
            assert reason in withheld
            assert row["billed_cost"] == 0
        else:
            assert row["treatment"] == "unrated"
            assert reason == "unknown_type" or reason.removeprefix("bad_value:") in NUMBERS
            assert row["billed_cost"] == 0
    # The worlds are worth nothing if they miss a case.
    assert withheld | {"unknown_type"} <= seen


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize(
    "name",
    [
        "assert_charges_are_sound",
        "assert_group_charges_are_sound",
        "assert_invoice_lines_tie",
        "assert_invoice_views_tie",
    ],
)
def test_singular_tests_find_nothing(
    project: RenderedProject, by_basis: Callable[[str], Priced], name: str, basis: str
) -> None:
    assert by_basis(basis).query(project.singular_test(name)) == []


def test_no_number_is_a_float(base: Priced) -> None:
    # M1: and no DECIMAL in which a smaller scale could have crept in by a union: see the exact sums below.
    for name in base.models:
        types = {row["column_type"] for row in base.query(f"describe {name}")}
        assert not types & {"DOUBLE", "FLOAT"}, name


# 2. Parts sum to what was split.


def units(amount: Decimal | Fraction, decimals: int) -> int:
    scaled = Fraction(amount) * 10**decimals
    assert scaled.denominator == 1, f"{amount} has more than {decimals} decimals"
    return int(scaled.numerator)


def test_shared_costs_are_split_to_the_last_unit(worlds: list[World], base: Priced, by_hand: ByHand) -> None:
    rated = summed(filter(is_rated_charge, base.charges), ("billing_period", "billing_group_id"), "billed_cost")
    expected: dict[Key, dict[str, int]] = {}
    for world in worlds:
        alive = {row["billing_group_id"] for row in world.files["billing_groups"] if in_force(row, world.period)}
        rules = world.files["shared_cost_rules"]
        taken: dict[str, Fraction] = defaultdict(Fraction)
        for charge in by_hand("usage_date")[world.period]:
            if charge.reason == "shared_cost":
                matching = [
                    rule
                    for rule in rules
                    if rule["source_account_id"] == charge.row["line_item_usage_account_id"]
                    and rule["source_kind"] == "account"
                    and rule["source_service_code"] in ("", charge.row["line_item_product_code"])
                ]
                rule = max(matching, key=lambda rule: rule["source_service_code"])
                taken[rule["shared_cost_rule_id"]] += charge.aws_cost
        for rule in rules:
            if rule["source_kind"] == "fixed":
                taken[rule["shared_cost_rule_id"]] = Fraction(rule["fixed_amount"])
        for rule in rules:
            targets = {
                row["billing_group_id"]: row["weight"]
                for row in world.files["shared_cost_targets"]
                if row["shared_cost_rule_id"] == rule["shared_cost_rule_id"] and row["billing_group_id"] in alive
            }
            if rule["shared_cost_rule_id"] not in taken or not targets or not counted_rows(world):
                continue
            weights = dict.fromkeys(targets, 1)
            if rule["method"] == "FIXED":
                weights = {group: units(Decimal(weight), 10) for group, weight in targets.items()}
            if rule["method"] == "PROPORTIONAL":
                weights = {group: units(rated.get((world.period, group), (Fraction(0),))[0], 20) for group in targets}
                if sum(weights.values()) <= 0:
                    weights = dict.fromkeys(weights, 1)
            whole = units(taken[rule["shared_cost_rule_id"]], 10)
            expected[world.period, rule["shared_cost_rule_id"]] = split_by_largest_remainder(whole, weights)
    found: dict[Key, dict[str, int]] = defaultdict(dict)
    for row in base.group_charges:
        if row["kind"] == "shared_cost" and row["method"] in ("PROPORTIONAL", "EVEN", "FIXED"):
            found[row["billing_period"], row["source_id"]][row["billing_group_id"]] = units(row["billed_cost"], 10)
    assert_same(worlds, found, expected)
    assert {row["method"] for row in base.group_charges} >= {"PROPORTIONAL", "EVEN", "FIXED"}


def test_savings_are_given_back_to_the_last_unit(worlds: list[World], base: Priced) -> None:
    stems = {row["usage_type_stem"] for row in base.query("select * from instance_usage_types")}
    covered = ("reservation_covered_usage", "savings_plan_covered_usage")
    expected: dict[Key, dict[str, int]] = {}
    charges_of: dict[date, list[Row]] = defaultdict(list)
    for row in base.charges:
        charges_of[row["billing_period"]].append(row)
    for world in worlds:
        alive = {row["billing_group_id"] for row in world.files["billing_groups"] if in_force(row, world.period)}
        charges = [row for row in charges_of[world.period] if row["treatment"] != "unrated"]
        for rule in world.files["shared_cost_rules"]:
            if rule["source_kind"] != "payer_savings":
                continue
            rule_id = rule["shared_cost_rule_id"]
            named = {
                row["billing_group_id"]
                for row in world.files["shared_cost_targets"]
                if row["shared_cost_rule_id"] == rule_id
            }
            targets = alive & named if named else alive
            held = [row for row in charges if row["commitment_id"] and not row["commitment_owner_group_id"]]
            savings: dict[str, Fraction] = defaultdict(Fraction)
            own: dict[Key, Fraction] = defaultdict(Fraction)
            for row in held:
                if row["charge_type"] in covered:
                    if row["rating_path"] == "effective_cost" or row["treatment_reason"] == "shared_cost":
                        continue
                    saved = Fraction(row["list_cost"]) - Fraction(row["effective_cost"])
                    savings[row["commitment_id"]] += saved
                    kind = "savings_plan" if ":savingsplans:" in row["commitment_id"] else "reservation"
                    own[row["billing_group_id"], row["sub_account_id"], kind] += saved
                elif row["charge_type"] == "commitment_fee":
                    savings[row["commitment_id"]] -= Fraction(row["effective_cost"])
            if rule["method"] == "EXACT_SAVINGS":
                for (group, account, kind), saved in own.items():
                    if group in targets and saved > 0:
                        expected.setdefault((world.period, rule_id, kind), {})[f"{account}/{group}"] = -units(saved, 10)
                continue
            hours: dict[str, Fraction] = defaultdict(Fraction)
            for row in charges:
                stem = row["usage_type"].split(":")[0].removeprefix("EUC1-")
                if row["charge_type"] in ("usage", *covered) and stem in stems and row["billing_group_id"] in targets:
                    hours[f"{row['sub_account_id']}/{row['billing_group_id']}"] += Fraction(row["normalized_quantity"])
            weights = {key: units(quantity, 10) for key, quantity in hours.items() if quantity > 0}
            for commitment, saved in savings.items():
                if weights:
                    parts = split_by_largest_remainder(-units(saved, 10), weights)
                    expected[world.period, rule_id, commitment] = parts
    found: dict[Key, dict[str, int]] = defaultdict(dict)
    for row in base.group_charges:
        if row["method"] in ("EXACT_SAVINGS", "NORMALIZED_HOURS"):
            key = f"{row['sub_account_id']}/{row['billing_group_id']}"
            found[row["billing_period"], row["source_id"], row["part"]][key] = units(row["billed_cost"], 10)
    assert_same(worlds, found, expected)
    assert {row["method"] for row in base.group_charges} >= {"EXACT_SAVINGS", "NORMALIZED_HOURS"}


def test_support_is_split_over_accounts_to_the_last_unit(worlds: list[World], base: Priced) -> None:
    eligible = {
        "usage", "reservation_covered_usage", "savings_plan_covered_usage", "savings_plan_negation", "commitment_fee",
    }  # fmt: skip
    bases: dict[Key, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for row in base.charges:
        if (
            row["treatment"] == "billed"
            and row["charge_type"] in eligible
            and row["billing_entity"] != "AWS Marketplace"
            and not (row["charge_type"] == "usage" and row["service_code"].startswith("AWSSupport"))
        ):
            key = (row["billing_period"], row["billing_group_id"])
            bases[key][row["sub_account_id"]] += Fraction(row["billed_cost"])
    expected: dict[Key, dict[str, int]] = {}
    for world in worlds:
        if not counted_rows(world):
            continue
        (plan,) = world.files["support_plans"]
        primary = {row["billing_group_id"]: row["primary_account_id"] for row in world.files["billing_groups"]}
        for terms in world.files["billing_terms"]:
            if terms["support_policy"] != "recompute" or not in_force(terms, world.period):
                continue
            group = terms["billing_group_id"]
            accounts = bases.get((world.period, group)) or {primary[group]: Fraction(0)}
            total = sum(accounts.values(), Fraction(0))
            fee = Fraction(0)
            for tier in world.files["support_plan_tiers"]:
                top = min(total, Fraction(tier["tier_end"] or total))
                fee += max(top - Fraction(tier["tier_start"]), Fraction(0)) * Fraction(tier["percentage"]) / 100
            whole = rounded_fraction(max(fee, Fraction(plan["minimum_amount"])), 10)
            weights = {account: units(amount, 20) for account, amount in accounts.items()}
            expected[world.period, group] = split_by_largest_remainder(whole, weights)
    found: dict[Key, dict[str, int]] = defaultdict(dict)
    for row in base.group_charges:
        if row["kind"] == "support":
            key = (row["billing_period"], row["billing_group_id"])
            found[key][row["sub_account_id"]] = units(row["billed_cost"], 10)
    assert_same(worlds, found, expected)
    assert {row["method"] for row in base.group_charges} >= {"TIERS", "MINIMUM"}


def test_tiered_totals_are_split_over_rows(worlds: list[World], base: Priced) -> None:
    tiers: dict[str, list[Mapping[str, str]]] = defaultdict(list)
    for world in worlds:
        for tier in world.files["pricing_rule_tiers"]:
            tiers[tier["pricing_rule_id"]].append(tier)
    rows: dict[Key, list[Row]] = defaultdict(list)
    for row in base.charges:
        if row["pricing_rule_id"] in tiers and row["treatment"] == "billed":
            rows[row["billing_period"], row["billing_group_id"], row["pricing_rule_id"]].append(row)
    found: dict[Key, int] = {}
    expected: dict[Key, int] = {}
    for key, parts in rows.items():
        quantity = sum((Fraction(row["usage_quantity"]) for row in parts), Fraction(0))
        expected[key] = tiered_cost(tiers[key[2]], quantity)
        found[key] = sum(units(row["billed_cost"], 10) for row in parts)
        for row in parts:
            if quantity != 0:
                share = Fraction(expected[key]) * Fraction(row["usage_quantity"]) / quantity
                assert abs(units(row["billed_cost"], 10) - share) < 1, row
    assert_same(worlds, found, expected)
    assert any(len(parts) > 1 for parts in rows.values())


def test_custom_items_follow_from_their_base(worlds: list[World], base: Priced) -> None:
    # G2, G3
    by_service = summed(
        filter(is_rated_charge, base.charges),
        ("billing_period", "billing_group_id", "service_code", "charge_type"),
        "billed_cost",
    )
    shared_rows = [row for row in base.group_charges if row["kind"] == "shared_cost"]
    shared = summed(shared_rows, ("billing_period", "billing_group_id"), "billed_cost")
    expected: dict[Key, tuple[Fraction]] = {}
    for world in worlds:
        period = world.period
        alive = {row["billing_group_id"] for row in world.files["billing_groups"] if in_force(row, period)}
        items = [
            item
            for item in world.files["custom_line_items"]
            if item["billing_group_id"] in alive and in_force(item, period) and counted_rows(world)
        ]
        flat = {}
        for item in items:
            sign = -1 if item["charge_type"] == "CREDIT" else 1
            if item["calculation"] == "FLAT":
                flat[item["custom_line_item_id"]] = item["billing_group_id"], sign * Fraction(item["amount"])
        for item in items:
            item_id, group = item["custom_line_item_id"], item["billing_group_id"]
            sign = -1 if item["charge_type"] == "CREDIT" else 1
            if item["calculation"] == "FLAT":
                expected[period, item_id] = (flat[item_id][1],)
                continue
            line_filter = item["line_item_filter"]
            total = Fraction(0)
            for (of, owner, service, charge_type), (amount,) in by_service.items():
                if (of, owner) != (period, group):
                    continue
                is_same = service == item["filter_service_code"]
                if (
                    (line_filter == "SERVICE_EQUAL" and not is_same)
                    or (line_filter == "SERVICE_NOT_EQUAL" and is_same)
                    or (line_filter == "EXCLUDE_SAVINGS_PLAN_NEGATION" and charge_type == "savings_plan_negation")
                ):
                    continue
                total += amount
            if line_filter != "SERVICE_EQUAL":
                total += shared.get((period, group), (Fraction(0),))[0]
            named = item["associated_item_ids"]
            total += sum(
                (
                    amount
                    for key, (of, amount) in flat.items()
                    if of == group and (named == "*" or key in named.split("|"))
                ),
                Fraction(0),
            )
            expected[period, item_id] = (total * sign * Fraction(item["percentage"]) / 100,)
    items_found = [row for row in base.group_charges if row["kind"] == "custom_line_item"]
    assert_same(worlds, summed(items_found, ("billing_period", "source_id"), "billed_cost"), expected)


def test_true_ups_reach_the_minimum_commitment(worlds: list[World], base: Priced) -> None:
    # G5
    rated = summed(filter(is_rated_charge, base.charges), ("billing_period", "billing_group_id"), "billed_cost")
    expected: dict[Key, tuple[Fraction]] = {}
    for world in worlds:
        first, after = world.period, next_month(world.period)
        alive = {row["billing_group_id"] for row in world.files["billing_groups"] if in_force(row, first)}
        promised: dict[str, Fraction] = defaultdict(Fraction)
        for promise in world.files["minimum_commitments"]:
            start = max(date.fromisoformat(promise["start_date"]), first)
            end = min(date.fromisoformat(promise["end_date"]) if promise["end_date"] else after, after)
            if start < end and promise["billing_group_id"] in alive and counted_rows(world):
                amount = Fraction(promise["amount"])
                if (start, end) != (first, after):
                    amount = Fraction(rounded_fraction(amount * (end - start).days / (after - first).days, 2), 100)
                promised[promise["billing_group_id"]] += amount
        for group, amount in promised.items():
            missing = amount - rated.get((first, group), (Fraction(0),))[0]
            expected[first, group] = (max(missing, Fraction(0)),)
    found = [row for row in base.group_charges if row["kind"] == "minimum_commitment"]
    assert_same(worlds, summed(found, ("billing_period", "billing_group_id"), "billed_cost"), expected)
    assert len({amount > 0 for (amount,) in expected.values()}) == 2


LINE_KEYS = ("billing_period", "billing_group_id", "line_kind", "source_id", "service_code")
MINOR_UNITS = {"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}


def billed_amounts(run: Priced) -> list[Row]:
    """Return all that is billed, with the keys of its invoice line (I1)."""
    of_rows = [
        {**row, "source_id": "", "service_code": "" if row["line_kind"] == "aws_tax" else row["service_code"]}
        for row in run.charges
        if row["treatment"] == "billed"
    ]
    return of_rows + [{**row, "line_kind": row["kind"]} for row in run.group_charges]


@pytest.mark.parametrize("basis", BASES)
def test_lines_are_the_charges(worlds: list[World], by_basis: Callable[[str], Priced], basis: str) -> None:
    run = by_basis(basis)
    amounts = summed(billed_amounts(run), LINE_KEYS, "billed_cost")
    exact = {key: amount for key, amount in amounts.items() if amount != (0,)}
    assert_same(worlds, summed(run.lines, LINE_KEYS, "exact_amount_usd"), exact)

    rates = {
        (world.period, row["to_currency"]): Fraction(row["rate"]) for world in worlds for row in world.files["fx_rates"]
    } | {(world.period, "USD"): Fraction(1) for world in worlds}
    nets: dict[Key, int | None] = {}
    expected: dict[Key, int | None] = {}
    for line in run.lines:
        key = tuple(line[name] for name in LINE_KEYS)
        decimals = MINOR_UNITS[line["currency"]]
        rate = rates.get((line["billing_period"], line["currency"]))
        nets[key] = None if line["net_amount"] is None else units(line["net_amount"], decimals)
        expected[key] = None if rate is None else rounded_fraction(exact[key][0] * rate, decimals)
    assert_same(worlds, nets, expected)


@pytest.mark.parametrize("basis", BASES)
def test_accounts_and_totals_are_the_lines(worlds: list[World], by_basis: Callable[[str], Priced], basis: str) -> None:
    run = by_basis(basis)
    lines = {row["invoice_line_key"]: row for row in run.lines}
    weights: dict[Key, dict[str, int]] = defaultdict(dict)
    for key, (amount,) in summed(billed_amounts(run), (*LINE_KEYS, "sub_account_id"), "billed_cost").items():
        if amount != 0:
            weights[key[:-1]][key[-1]] = units(amount, 24)
    expected: dict[Key, dict[str, int]] = {}
    for line in lines.values():
        if line["net_amount"] is not None:
            whole = units(line["net_amount"], MINOR_UNITS[line["currency"]])
            key = tuple(line[name] for name in LINE_KEYS)
            expected[key] = split_by_largest_remainder(whole, weights[key])
    found: dict[Key, dict[str, int]] = defaultdict(dict)
    for row in run.query("select * from fct_invoice_line_accounts"):
        line = lines[row["invoice_line_key"]]
        if row["net_amount"] is not None:
            key = tuple(line[name] for name in LINE_KEYS)
            found[key][row["sub_account_id"]] = units(row["net_amount"], MINOR_UNITS[line["currency"]])
    assert_same(worlds, found, expected)

    keys = ("billing_period", "billing_group_id")
    invoices = [row for row in run.query("select * from fct_invoices") if row["total_amount"] is not None]
    billable = [row for row in run.lines if row["net_amount"] is not None]
    totals = {key: total for key, total in summed(invoices, keys, "total_amount").items() if total != (0,)}
    sums = {key: total for key, total in summed(billable, keys, "net_amount").items() if total != (0,)}
    assert_same(worlds, totals, sums)


# 3. The order of rows and of configuration lines says nothing.


def test_order_does_not_matter(worlds: list[World], base: Priced, price: Price) -> None:
    random = Random(1)

    def shuffled(rows: Sequence[Any]) -> list[Any]:
        return random.sample(rows, len(rows))

    changed = [
        replace(
            world,
            files={name: shuffled(rows) for name, rows in world.files.items()},
            line_items=shuffled(world.line_items),
        )
        for world in shuffled(worlds)
    ]
    assert_same_marts(worlds, price(changed), base, *MARTS)


def test_building_period_by_period_changes_nothing(worlds: list[World], price: Price) -> None:
    # All at once, every account that moves in some month keeps its dates in all months: the same sums of finer charges.
    some = worlds[4:6]
    marts = (mart for mart in MARTS if mart != "fct_charges")
    assert_same_marts(some, price(some, by_period=True), price(some), *marts)


# 4. A percentage of the parts is that of the whole.


def halves(row: Row) -> list[Row]:
    """Return the row as two with the same sums, of the same kind in all that a rule looks at."""
    numbers = [row[name] for name in NUMBERS if row.get(name)] + [*(row.get("discount") or {}).values()]
    if any(0 < abs(number) < Decimal("0.00001") for number in numbers):
        return [row]

    def half(number: Decimal) -> Decimal:
        return (number / 2).quantize(Decimal("0.000001"))

    first, second = {**row, "pricing_unit": "Hrs, first half"}, {**row}
    for name in NUMBERS:
        if row.get(name):
            first[name] = half(row[name])
            second[name] = row[name] - first[name]
    if row.get("discount"):
        first["discount"] = {key: half(value) for key, value in row["discount"].items()}
        second["discount"] = {key: value - first["discount"][key] for key, value in row["discount"].items()}
    return [first, second]


def has_tiers(world: World, row: Row) -> bool:
    """R5: a tiered total is split over rows, so that its last units go to other rows when there are more of them."""
    return any(
        rule["rule_type"] == "TIERED"
        and rule["service_code"] == row["line_item_product_code"]
        and rule["usage_type"] in ("", row["line_item_usage_type"])
        for rule in world.files["pricing_rules"]
    )


def test_rows_in_parts_bill_the_same(worlds: list[World], base: Priced, price: Price) -> None:
    # No rule looks at the unit, so that each half is rated as a charge of its own.
    changed = [
        replace(
            world,
            line_items=[part for row in world.line_items for part in ([row] if has_tiers(world, row) else halves(row))],
        )
        for world in worlds
    ]
    run = price(changed)
    assert len(run.charges) > len(base.charges)
    assert_same_marts(worlds, run, base, *(mart for mart in MARTS if mart != "fct_charges"))


def test_itemized_parts_sum_to_the_consolidated_item(worlds: list[World], base: Priced) -> None:
    keys = ("billing_period", "source_id")
    items = [row for row in base.group_charges if row["method"] == "PERCENTAGE"]
    consolidated = [
        {**row, "source_id": row["source_id"].removesuffix("-twin")}
        for row in items
        if row["source_id"].endswith("-twin")
    ]
    itemized = [row for row in items if not row["source_id"].endswith("-twin")]
    assert len(itemized) > len(consolidated) > 0
    assert_same(worlds, summed(itemized, keys, "billed_cost"), summed(consolidated, keys, "billed_cost"))


def test_percentages_act_on_sums(worlds: list[World], base: Priced) -> None:
    # R3, F3: from the configuration's own text, at full scale.
    factors: dict[str, Fraction] = {}
    fixed_rates = set()
    for world in worlds:
        for rule in world.files["pricing_rules"]:
            if rule["percentage"]:
                sign = -1 if rule["rule_type"] == "DISCOUNT" else 1
                factors[rule["pricing_rule_id"]] = 1 + sign * Fraction(rule["percentage"]) / 100
            elif rule["rule_type"] == "FIXED_RATE":
                factors[rule["pricing_rule_id"]] = Fraction(rule["rate"])
                fixed_rates.add(rule["pricing_rule_id"])
    rows = []
    for row in base.charges:
        rule_id = row["pricing_rule_id"]
        if row["treatment"] == "billed" and rule_id in factors:
            measure = "list_cost" if row["rating_path"] == "on_demand" else "aws_cost"
            rows.append({**row, "base": row["usage_quantity" if rule_id in fixed_rates else measure]})
    keys = ("billing_period", "pricing_rule_id")
    expected = {key: (amount * factors[key[1]],) for key, (amount,) in summed(rows, keys, "base").items()}
    assert_same(worlds, summed(rows, keys, "billed_cost"), expected)


# 5. The month under another policy.


@pytest.mark.parametrize("policy", COMMITMENT_POLICIES)
def test_published_policies_are_what_the_terms_would_give(
    worlds: list[World], base: Priced, price: Price, policy: str
) -> None:
    changed = [
        world.with_file(
            "billing_terms", [{**terms, "commitment_policy": policy} for terms in world.files["billing_terms"]]
        )
        for world in worlds
    ]
    run = price(changed)
    published = [row for row in base.query("select * from fct_commitment_policies") if row["policy"] == policy]
    keys = ("billing_period", "billing_group_id")
    groups = {tuple(row[key] for key in keys) for row in published}
    rated = summed(filter(is_rated_charge, run.charges), keys, "billed_cost")
    assert_same(
        worlds, summed(published, keys, "billed_cost"), {group: rated.get(group, (Fraction(0),)) for group in groups}
    )
    # The comparison does not depend on the policy that is applied.
    again = [row for row in run.query("select * from fct_commitment_policies") if row["is_applied"]]
    assert {row["policy"] for row in again} == {policy}
    assert_same(worlds, summed(again, keys, "billed_cost"), summed(published, keys, "billed_cost"))
    assert any(row["difference"] != 0 for row in published)


def test_applied_policy_is_what_is_billed(worlds: list[World], base: Priced) -> None:
    keys = ("billing_period", "billing_group_id")
    applied = [row for row in base.query("select * from fct_commitment_policies") if row["is_applied"]]
    rated = summed(filter(is_rated_charge, base.charges), keys, "billed_cost")
    published = summed(applied, keys, "billed_cost")
    assert_same(worlds, published, {group: rated.get(group, (Fraction(0),)) for group in published})


# 6. Who is billed, and rules that act on nothing.


def test_moving_accounts_keeps_what_aws_charged(worlds: list[World], base: Priced, price: Price) -> None:
    changed = []
    for world in worlds:
        lives = {row["billing_group_id"]: row for row in world.files["billing_groups"]}
        groups = [*lives]
        rows = []
        for assignment in world.files["account_assignments"]:
            if assignment["account_id"].endswith("0"):
                # One account leaves all groups; the others move to the next.
                continue
            other = groups[(groups.index(assignment["billing_group_id"]) + 1) % len(groups)]
            moved = {
                **assignment,
                "billing_group_id": other,
                "start_date": max(assignment["start_date"], lives[other]["start_period"] + "-01"),
                "end_date": min(assignment["end_date"], lives[other]["end_period"] + "-01"),
            }
            rows += [moved] if moved["start_date"] < moved["end_date"] else []
        changed.append(world.with_file("account_assignments", rows))
    run = price(changed)
    keys, measures = ("billing_period", "sub_account_id"), ("row_count", "usage_quantity", "aws_cost")
    assert_same(worlds, summed(run.charges, keys, *measures), summed(base.charges, keys, *measures))
    by_group = ("billing_period", "billing_group_id")
    assert summed(run.charges, by_group, "aws_cost") != summed(base.charges, by_group, "aws_cost")


def test_rules_that_match_nothing_change_nothing(worlds: list[World], base: Priced, price: Price) -> None:
    def more(world: World) -> World:
        group = world.files["billing_groups"][0]["billing_group_id"]
        before, after = f"{world.period:%Y-%m}", f"{world.period.replace(year=world.period.year + 1):%Y-%m}"
        rule = {"percentage": "50", "rule_type": "MARKUP", "include_fees": "true", "start_period": before}
        matches = (
            {"scope": "SERVICE", "service_code": "AmazonNothing"},
            {"scope": "SKU", "service_code": "AmazonEC2", "usage_type": "Nothing", "operation": "Never"},
            {"scope": "BILLING_ENTITY", "billing_entity": "AWS India"},
            {"scope": "GLOBAL", "region": "mars-north-1"},
        )
        rules = [
            {**rule, **match, "pricing_rule_id": f"0-{plan['pricing_plan_id']}-{index}", **plan}
            for plan in world.files["pricing_plans"]
            for index, match in enumerate(matches)
        ]
        shared = f"0-shared-{world.number}"
        item = {
            "custom_line_item_id": f"0-item-{world.number}",
            "billing_group_id": group,
            "description": "Next year",
            "charge_type": "FEE",
            "calculation": "FLAT",
            "amount": "7",
            "start_period": after,
        }
        additions: dict[str, list[dict[str, str]]] = {
            "pricing_rules": rules,
            "custom_line_items": [item],
            "shared_cost_rules": [
                {
                    "shared_cost_rule_id": shared,
                    "description": "Nobody's",
                    "source_kind": "account",
                    "source_account_id": f"{world.number:05d}9999999",
                    "method": "EVEN",
                    "start_period": before,
                }
            ],
            "shared_cost_targets": [{"shared_cost_rule_id": shared, "billing_group_id": group}],
        }
        return replace(world, files={name: [*rows, *additions.get(name, [])] for name, rows in world.files.items()})

    assert_same_marts(worlds, price([more(world) for world in worlds]), base, *MARTS)
