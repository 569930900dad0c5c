"""The example configuration and its installation."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration.configuration.validate import read_configuration
from orchestration.sample.expectations import Expectations
from orchestration.sample.generate import EXAMPLE_BILLING, PAYERS
from orchestration.sample.install import install_sample, write_example_configuration
from orchestration.sample.policies import UNASSIGNED, Policies


def test_the_example_configuration_is_valid() -> None:
    # What `init` hands to a newcomer must run.
    read_configuration(EXAMPLE_BILLING)


def test_the_example_shows_every_policy() -> None:
    # A policy that no group has is a branch that no end-to-end comparison ever takes.
    policies = Policies.read(EXAMPLE_BILLING)
    shown = {column: {row[column] for row in policies.term_rows} for column in policies.term_rows[0]}
    assert shown["commitment_policy"] == {"on_demand", "owner_group", "pass_through"}
    assert shown["upfront_policy"] == {"pass", "withhold"}
    assert shown["aws_credit_policy"] == {"withhold", "pass_through", "share"}
    assert shown["tax_policy"] == {"recompute", "pass_through", "none"}
    for column in ("free_tier", "bundled_discount", "negotiated_discount", "refund"):
        assert shown[f"{column}_policy"] == {"pass_through", "withhold"}, column
    assert shown["support_policy"] == {"pass_through", "withhold", "recompute"}
    rules = [rule for plan in policies.rules.values() for rule in plan]
    assert {rule.scope for rule in rules} == {"GLOBAL", "BILLING_ENTITY", "SERVICE", "SKU"}
    assert {rule.rule_type for rule in rules} == {"MARKUP", "DISCOUNT", "FIXED_RATE", "TIERED"}
    assert any(rule.region for rule in rules)
    assert {customer["currency"] for customer in policies.customers.values()} == {"USD", "EUR", "JPY"}


def test_the_example_shows_every_group_level_rule(expectations: Expectations) -> None:
    policies = Policies.read(EXAMPLE_BILLING)
    assert {(rule.source_kind, rule.method) for rule in policies.shared_costs} == {
        ("account", "PROPORTIONAL"),
        ("account", "FIXED"),
        ("fixed", "EVEN"),
        ("payer_savings", "EXACT_SAVINGS"),
        ("payer_savings", "NORMALIZED_HOURS"),
    }
    items = policies.custom_items
    assert {(item.is_flat, item.sign, bool(item.account)) for item in items if item.is_flat} == {
        (True, 1, False),
        (True, -1, True),
    }
    assert {item.line_item_filter for item in items} == {
        "",
        "EXCLUDE_SAVINGS_PLAN_NEGATION",
        "SERVICE_EQUAL",
        "SERVICE_NOT_EQUAL",
    }
    assert {item.is_itemized for item in items if not item.is_flat} == {True, False}
    assert any(item.associated for item in items)
    # A support plan at its minimum and one above, whose tiers change in October.
    tiers = [policies.support_plan("care-support", month).tiers for month in ("2026-09", "2026-10")]
    assert tiers[0] != tiers[1]
    # A rule that charges nothing in any month proves nothing.
    charged = {charge.source_id for charge in expectations.group_charges}
    assert charged == {
        *(rule.rule_id for rule in policies.shared_costs),
        *(item.item_id for item in items),
        "care-support",
        "own-support",
        "",
    }
    fees = {
        (charge.billing_period, charge.billing_group_id)
        for charge in expectations.group_charges
        if charge.kind == "minimum_commitment"
    }
    promised = {item.group for item in policies.minimum_commitments}
    assert {group for _, group in fees} == promised
    # ... and each of them is met in another month.
    assert all((f"2026-{month}", group) not in fees for group in promised for month in ("08", "10"))


def test_the_example_shows_every_rule_of_credits(expectations: Expectations) -> None:
    credits = Policies.read(EXAMPLE_BILLING).credits
    drawn: dict[str, set[str]] = {credit.credit_id: set() for credit in credits}
    for draw in expectations.credit_draws:
        drawn[draw.credit_id].add(draw.billing_period)
    # K3: one is paused and one has not begun; all others pay something.
    assert {credit for credit, months in drawn.items() if not months} == {"harbor-dispute", "lumen-winter"}
    assert {credit.is_active for credit in credits} == {True, False}
    # K4: what a month leaves, the next one takes.
    assert drawn["kranich-sensors"] >= {"2026-08", "2026-09"}
    assert len({credit.currency for credit in credits}) == 3
    assert {draw.line_kind for draw in expectations.credit_draws} == {"usage", "commitment", "marketplace", "support"}
    # K2: in September one group draws on four credits, one after the other, and one part of a line on two of them.
    own = [
        draw
        for draw in expectations.credit_draws
        if (draw.billing_period, draw.billing_group_id) == ("2026-09", "harbor")
    ]
    assert list(dict.fromkeys(draw.credit_id for draw in own)) == [
        "harbor-pilot",
        "harbor-analytics",
        "harbor-growth",
        "harbor-compute",
    ]
    parts = [(draw.line_kind, draw.source_id, draw.service_code, draw.sub_account_id) for draw in own]
    assert len(set(parts)) < len(parts)
    # K5: expired with something left, also where the last day is that of the last month; used up; far from it.
    left = {item.credit_id: item for item in expectations.credit_balances}
    assert {credit for credit, item in left.items() if item.expired_amount} == {"harbor-pilot", "lumen-monitoring"}
    assert left["harbor-compute"].balance_amount == 0
    own_use = left["brightwater-own-use"]
    assert own_use.balance_amount > own_use.granted_amount / 2


def test_the_example_shows_every_rule_of_tax(expectations: Expectations) -> None:
    policies = Policies.read(EXAMPLE_BILLING)
    found = {
        (tax.billing_period, tax.billing_group_id, tax.tax_category, f"{tax.tax_rate:f}") for tax in expectations.taxes
    }
    # T2: the country's case beside the state's; a rate that changes inside October and holds for all of it.
    assert {case for case in found if case[1] == "harbor"} == {
        ("2026-08", "harbor", "S", "6.25"),
        ("2026-09", "harbor", "S", "6.25"),
        ("2026-09", "harbor", "E", "0"),
        ("2026-09", "harbor", "O", "0"),
        ("2026-10", "harbor", "S", "6.25"),
        ("2026-10", "harbor", "S", "6.3755"),
        ("2026-10", "harbor", "O", "0"),
    }
    assert {category for _, _, category, _ in found} == {"S", "Z", "E", "AE", "O"}
    # T3: a tax in yen, without decimals.
    yen = [tax.tax_amount for tax in expectations.taxes if tax.billing_group_id == "aozora" and tax.tax_amount]
    assert yen
    assert all(amount == int(amount) for amount in yen)
    # T4: lines that split over categories, one of them with a credit on both sides.
    lines: dict[tuple[str, ...], list[Decimal]] = {}
    for part in expectations.line_taxes:
        key = (part.billing_period, part.billing_group_id, part.line_kind, part.source_id, part.service_code)
        lines.setdefault(key, []).append(part.credit_amount)
    split = {key: credits for key, credits in lines.items() if len(credits) > 1}
    assert {key[1] for key in split} == {"harbor", "kranich"}
    assert any(all(credits) for credits in split.values())
    assert {bool(exemption.account) for exemption in policies.tax_exemptions} == {True, False}
    # T1: AWS's tax on one invoice, ours on the next of the same customer.
    kranich = [line.billing_period for line in expectations.lines if line.line_kind == "aws_tax"]
    assert "2026-08" in kranich
    assert ("2026-09", "kranich", "S", "19") in found


def test_the_story_and_the_configuration_name_the_same_accounts() -> None:
    policies = Policies.read(EXAMPLE_BILLING)
    accounts = {account for payer in PAYERS for account in payer.account_names}
    assert policies.assignments.keys() <= accounts
    unassigned = [
        {account for account in accounts if policies.group_on(account, day) == UNASSIGNED}
        for day in (date(2026, 8, 31), date(2026, 9, 1))
    ]
    never = {"318204765091", "403118759226", "915562038844"}
    assert unassigned == [never | {"118620573948", "256039471182"}, never]
    moved, lent = "663508217749", "690831457723"
    assert [policies.group_on(moved, date(2026, 9, day)) for day in (15, 16)] == ["lumen", "harbor"]
    assert [policies.group_on(lent, date(2026, 10, day)) for day in (7, 8, 19, 20)] == [
        "aozora",
        "brightwater-internal",
        "brightwater-internal",
        "aozora",
    ]


def test_every_rule_of_the_example_wins_somewhere(expectations: Expectations) -> None:
    # A rule that never wins proves nothing; read the winners from the charges the rules can reach.
    policies = Policies.read(EXAMPLE_BILLING)
    reached = set()
    for payer in PAYERS:
        skus = {fleet.sku for fleet in payer.fleets} | {stream.sku for stream in payer.streams}
        skus |= {lease.fee_sku for lease in payer.reservations} | {event.sku for event in payer.one_offs}
        for plan, rules in policies.rules.items():
            for sku in skus:
                for is_fee in (False, True):
                    rule = policies.winning_rule(
                        plan,
                        "2026-09",
                        is_fee=is_fee,
                        billing_entity=sku.billing_entity,
                        service_code=sku.product_code,
                        usage_type=sku.usage_type,
                        operation=sku.operation,
                        region=sku.region,
                    )
                    reached |= {rule.rule_id} if rule is not None else set()
            assert rules
    assert reached == {rule.rule_id for rules in policies.rules.values() for rule in rules}
    assert {line.line_kind for line in expectations.lines} == {
        "usage",
        "discount",
        "commitment",
        "fee",
        "marketplace",
        "support",
        "credit",
        "refund",
        "aws_tax",
        "shared_cost",
        "custom_line_item",
        "minimum_commitment",
    }


def test_nothing_of_the_users_is_overwritten(tmp_path: Path) -> None:
    billing = tmp_path / "billing"
    billing.mkdir()
    (billing / "settings.csv").write_text("mine\n")
    with pytest.raises(FileExistsError, match=r"settings\.csv exists already"):
        write_example_configuration(billing)
    assert [path.name for path in billing.iterdir()] == ["settings.csv"]
    install_sample(tmp_path, months=[])
    assert (billing / "settings.csv").read_text() == "mine\n"


def test_the_workspace_has_everything(workspace: tuple[Path, Expectations]) -> None:
    root, _ = workspace
    assert sorted(path.name for path in root.iterdir()) == ["billing", "landing", "sample_expectations.json"]
    # Besides the example: nothing follows the sample's months. A configuration of one's own does not begin with that.
    examples = {path.name for path in EXAMPLE_BILLING.iterdir()}
    assert {path.name for path in (root / "billing").iterdir()} == examples | {"quality_thresholds.csv"}
    assert "quality_thresholds.csv" not in examples
