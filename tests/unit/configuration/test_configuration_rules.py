"""Every rule that compares cells: one damaged place, the problems it must give, and no others.

Each case names the beginning of each message; a case without messages must stay allowed.
"""

from collections.abc import Callable
from typing import Any

import pytest

Damage = Callable[[Any], object]


def case(name: str, damage: Damage, *messages: str) -> Any:
    return pytest.param(damage, messages, id=name)


def assert_problems(files: Any, messages: tuple[str, ...]) -> None:
    problems = files.problems()
    texts = [str(problem) for problem in problems]
    assert len(texts) == len(messages), texts
    for text, message in zip(texts, messages, strict=True):
        assert text.startswith(message), text
    # A problem without advice leaves the reader where they were.
    assert all(problem.what_to_do.endswith((".", "?")) for problem in problems)


def test_the_example_itself_is_valid(files: Any) -> None:
    assert files.problems() == []


SETTINGS = [
    case(
        "unknown setting",
        lambda files: files.set("settings", 0, "setting", "membership_bases"),
        "settings.csv line 2, column setting: 'membership_bases' is not a setting; there is "
        "membership_basis. "
        "Did you mean 'membership_basis'?",
    ),
    case(
        "value of another setting",
        lambda files: files.set("settings", 0, "value", "usage-date"),
        "settings.csv line 2, column value: 'usage-date' is not one of usage_date, billing_period. "
        "Did you mean 'usage_date'?",
    ),
    case(
        "setting twice",
        lambda files: files.add("settings", "membership_basis,billing_period"),
        "settings.csv line 3, column setting: 'membership_basis' stands on line 2 too, but setting must be unique.",
    ),
    case("no settings at all: defaults", lambda files: files.replace_rows("settings")),
]


@pytest.mark.parametrize(("damage", "messages"), SETTINGS)
def test_settings(files: Any, damage: Damage, messages: tuple[str, ...]) -> None:
    # A misspelt membership_basis would quietly bill moved accounts by the default basis.
    damage(files)
    assert_problems(files, messages)


KEYS = [
    case(
        "customer",
        lambda files: files.add("customers", "globex,Globex 2,,,,,FR,,EUR,14,,"),
        "customers.csv line 5, column customer_id: 'globex' stands on line 4 too, but customer_id must be unique.",
    ),
    case(
        "rule, even in another period",
        lambda files: files.add("pricing_rules", "r-ec2,special,SERVICE,MARKUP,1,,,AmazonEC2,,,,false,2025-01,"),
        "pricing_rules.csv line 10, column pricing_rule_id: 'r-ec2' stands on line 4 too",
    ),
    case(
        "rate of a pair in a period",
        lambda files: files.add("fx_rates", "2024-02,USD,EUR,0.95,ECB"),
        "fx_rates.csv line 4, column period: '2024-02, USD, EUR' stands on line 2 too, but the combination "
        "of "
        "period, from_currency, to_currency must be unique.",
    ),
    case("rate of another pair", lambda files: files.add("fx_rates", "2024-02,USD,GBP,0.8,ECB")),
    case(
        "target of a shared cost",
        lambda files: files.add("shared_cost_targets", "s-network,globex,"),
        "shared_cost_targets.csv line 8, column shared_cost_rule_id: 's-network, globex' stands on line 3 too",
    ),
    case(
        "commitment from the same day",
        lambda files: files.add("minimum_commitments", "acme-prod,10,2024-07-01,2025-01-01"),
        "minimum_commitments.csv line 4, column billing_group_id: 'acme-prod, 2024-07-01' stands on line 3 too",
    ),
    # G5 adds the month's commitments up, so that two may be in force together.
    case(
        "commitment beside another",
        lambda files: files.add("minimum_commitments", "acme-prod,10,2024-08-01,2025-01-01"),
    ),
    case(
        "person with two customers",
        lambda files: files.add("access", "boss@acme.example,customer,globex"),
    ),
]


@pytest.mark.parametrize(("damage", "messages"), KEYS)
def test_keys(files: Any, damage: Damage, messages: tuple[str, ...]) -> None:
    # A key that stands twice doubles every row joined to it.
    damage(files)
    assert_problems(files, messages)


INTERVALS = [
    case(
        "period ends where it begins",
        lambda files: files.set("pricing_rules", 2, "end_period", "2024-01"),
        "pricing_rules.csv line 4, column end_period: '2024-01' is not after start_period '2024-01'.",
    ),
    case(
        "day before the start",
        lambda files: files.set("credits", 0, "end_date", "2023-12-31"),
        "credits.csv line 2, column end_date: '2023-12-31' is not after start_date '2024-01-01'.",
    ),
    # P2: one day in two groups bills that day's usage twice.
    case(
        "account in two groups for a day",
        lambda files: files.set("account_assignments", 1, "end_date", "2024-03-17"),
        "account_assignments.csv line 4, column start_date: '2024-03-16' overlaps line 3: both hold "
        "account_id "
        "012345678902 from 2024-03-16 to before 2024-03-17.",
    ),
    case(
        "account in two groups for ever",
        lambda files: files.set("account_assignments", 1, "end_date", ""),
        "account_assignments.csv line 4, column start_date: '2024-03-16' overlaps line 3: both hold "
        "account_id "
        "012345678902 from 2024-03-16 on.",
    ),
    case(
        "short stay inside a long one, far behind it",
        lambda files: files.replace_rows(
            "account_assignments",
            "012345678902,globex,2024-02-01,",
            "012345678902,acme-prod,2024-01-05,2024-01-09",
            "012345678902,acme-prod,2024-04-05,2024-04-09",
            "012345678902,acme-prod,2024-05-05,2024-05-09",
        ),
        "account_assignments.csv line 4, column start_date: '2024-04-05' overlaps line 2",
        "account_assignments.csv line 5, column start_date: '2024-05-05' overlaps line 2",
    ),
    case(
        "later line that begins earlier",
        lambda files: files.replace_rows(
            "account_assignments",
            "012345678902,globex,2024-03-01,",
            "012345678902,acme-prod,2024-02-01,2024-04-01",
        ),
        "account_assignments.csv line 3, column start_date: '2024-02-01' overlaps line 2",
    ),
    case(
        "support plan",
        lambda files: files.set("support_plans", 0, "end_period", "2025-02"),
        "support_plans.csv line 3, column start_period: '2025-01' overlaps line 2: both hold support_plan_id "
        "business "
        "from 2025-01 to before 2025-02.",
    ),
    case(
        "support tier",
        lambda files: files.set("support_plan_tiers", 2, "end_period", "2025-02"),
        "support_plan_tiers.csv line 4, column tier_end: is empty, but line 5 holds a later tier of plan "
        "'business' "
        "from 2025-01 to before 2025-02 (F1).",
        "support_plan_tiers.csv line 5, column start_period: '2025-01' overlaps line 4",
    ),
    case(
        "tax rate",
        lambda files: files.add("tax_rates", "DE,FR,,absent,standard,S,VAT,20,,2025-01-01,"),
        "tax_rates.csv line 6, column start_date: '2025-01-01' overlaps line 3",
    ),
    case(
        "tax exemption",
        lambda files: files.add("tax_exemptions", "globex,,E,Charity,C-3,2024-06-30,"),
        "tax_exemptions.csv line 4, column start_date: '2024-06-30' overlaps line 2: both hold customer_id "
        "globex, "
        "account_id (empty) from 2024-06-30 to before 2024-07-01.",
    ),
]


@pytest.mark.parametrize(("damage", "messages"), INTERVALS)
def test_intervals(files: Any, damage: Damage, messages: tuple[str, ...]) -> None:
    damage(files)
    assert_problems(files, messages)


REFERENCES = [
    case(
        "group to customer",
        lambda files: files.set("billing_groups", 0, "customer_id", "acmee"),
        "billing_groups.csv line 2, column customer_id: 'acmee' is not in customers.csv. Did you mean 'acme'?",
    ),
    case(
        "group to issuer",
        lambda files: files.set("billing_groups", 0, "issuer_id", "us"),
        "billing_groups.csv line 2, column issuer_id: 'us' is not in issuers.csv. Add it to issuers.csv",
    ),
    case(
        "assignment to group",
        lambda files: files.set("account_assignments", 0, "billing_group_id", "acme_prod"),
        "account_assignments.csv line 2, column billing_group_id: 'acme_prod' is not in billing_groups.csv. "
        "Did you mean 'acme-prod'?",
    ),
    case(
        "assignment to the reserved group",
        lambda files: files.set("account_assignments", 0, "billing_group_id", "UNASSIGNED"),
        "account_assignments.csv line 2, column billing_group_id: 'UNASSIGNED' is not in billing_groups.csv.",
    ),
    case(
        "terms to group",
        lambda files: files.add(
            "billing_terms",
            "globx,2024-01,,retail,on_demand,pass,withhold,withhold,,withhold,withhold,withhold,,withhold,none",
        ),
        "billing_terms.csv line 6, column billing_group_id: 'globx' is not in billing_groups.csv. "
        "Did you mean 'globex'?",
    ),
    case(
        "terms to plan",
        lambda files: files.set("billing_terms", 0, "pricing_plan_id", "retial"),
        "billing_terms.csv line 2, column pricing_plan_id: 'retial' is not in pricing_plans.csv. "
        "Did you mean 'retail'?",
    ),
    case(
        "terms to support plan",
        lambda files: files.set("billing_terms", 1, "support_plan_id", "busines"),
        "billing_terms.csv line 3, column support_plan_id: 'busines' is not in support_plans.csv.",
    ),
    case(
        "terms to a file that is absent",
        lambda files: files.remove("support_plans", "support_plan_tiers"),
        "billing_terms.csv line 3, column support_plan_id: 'business' is not in support_plans.csv.",
    ),
    case(
        "rule to plan",
        lambda files: files.set("pricing_rules", 0, "pricing_plan_id", "wholesale"),
        "pricing_rules.csv line 2, column pricing_plan_id: 'wholesale' is not in pricing_plans.csv.",
    ),
    case(
        "tier to rule",
        lambda files: files.add("pricing_rule_tiers", "r-stor,0,,1"),
        "pricing_rule_tiers.csv line 5, column pricing_rule_id: 'r-stor' is not in pricing_rules.csv. "
        "Did you mean 'r-storage'?",
    ),
    case(
        "custom item to group",
        lambda files: files.set("custom_line_items", 3, "billing_group_id", "nobody"),
        "custom_line_items.csv line 5, column billing_group_id: 'nobody' is not in billing_groups.csv.",
    ),
    case(
        "associated items",
        lambda files: files.set("custom_line_items", 2, "associated_item_ids", "c-flat|c-none|c-flt"),
        "custom_line_items.csv line 4, column associated_item_ids: 'c-flt' is not in custom_line_items.csv. "
        "Did you mean 'c-flat'?",
        "custom_line_items.csv line 4, column associated_item_ids: 'c-none' is not in custom_line_items.csv.",
    ),
    case(
        "target to shared cost rule",
        lambda files: files.add("shared_cost_targets", "s-netwrk,globex,"),
        "shared_cost_targets.csv line 8, column shared_cost_rule_id: 's-netwrk' is not in shared_cost_rules.csv.",
    ),
    case(
        "target to group",
        lambda files: files.set("shared_cost_targets", 0, "billing_group_id", "nobody"),
        "shared_cost_targets.csv line 2, column billing_group_id: 'nobody' is not in billing_groups.csv.",
    ),
    case(
        "commitment to group",
        lambda files: files.set("minimum_commitments", 0, "billing_group_id", "nobody"),
        "minimum_commitments.csv line 2, column billing_group_id: 'nobody' is not in billing_groups.csv.",
    ),
    case(
        "support tier to plan",
        lambda files: files.add("support_plan_tiers", "gold,0,,1,2024-01,"),
        "support_plan_tiers.csv line 6, column support_plan_id: 'gold' is not in support_plans.csv.",
    ),
    case(
        "credit to group",
        lambda files: files.set("credits", 1, "billing_group_id", "globe"),
        "credits.csv line 3, column billing_group_id: 'globe' is not in billing_groups.csv.",
    ),
    case(
        "exemption to customer",
        lambda files: files.set("tax_exemptions", 0, "customer_id", "nobody"),
        "tax_exemptions.csv line 2, column customer_id: 'nobody' is not in customers.csv.",
    ),
    # Account ids differ by single digits for good reasons, so none is suggested for another.
    case(
        "AWS invoice to payer",
        lambda files: files.set("aws_invoices", 0, "payer_account_id", "000000000902"),
        "aws_invoices.csv line 2, column payer_account_id: '000000000902' is not in payers.csv. Add it to payers.csv",
    ),
    case(
        "budget to group",
        lambda files: files.set("budgets", 0, "billing_group_id", "nobody"),
        "budgets.csv line 2, column billing_group_id: 'nobody' is not in billing_groups.csv.",
    ),
    case(
        "access to customer",
        lambda files: files.set("access", 1, "customer_id", "nobody"),
        "access.csv line 3, column customer_id: 'nobody' is not in customers.csv.",
    ),
    # Accounts are known from the CUR; configuration may name one that has not been billed yet.
    case(
        "accounts are no references",
        lambda files: files.set("billing_groups", 0, "primary_account_id", "5" * 12),
    ),
]


@pytest.mark.parametrize(("damage", "messages"), REFERENCES)
def test_references(files: Any, damage: Damage, messages: tuple[str, ...]) -> None:
    # A dangling id drops its row from a join: a rule, fee or credit that never reaches the bill.
    damage(files)
    assert_problems(files, messages)


CONDITIONS = [
    case(
        "share without percentage",
        lambda files: files.set("billing_terms", 1, "aws_credit_share_percentage", ""),
        "billing_terms.csv line 3, column aws_credit_share_percentage: is empty, but is needed because "
        "aws_credit_policy is share.",
    ),
    case(
        "percentage without share",
        lambda files: files.set("billing_terms", 0, "aws_credit_share_percentage", "10"),
        "billing_terms.csv line 2, column aws_credit_share_percentage: '10' is filled in, but counts only "
        "when "
        "aws_credit_policy is share.",
    ),
    case(
        "recompute without plan",
        lambda files: files.set("billing_terms", 1, "support_plan_id", ""),
        "billing_terms.csv line 3, column support_plan_id: is empty, but is needed because support_policy is "
        "recompute.",
    ),
    case(
        "plan without recompute",
        lambda files: files.set("billing_terms", 0, "support_plan_id", "business"),
        "billing_terms.csv line 2, column support_plan_id: 'business' is filled in",
    ),
    case(
        "MARKUP without percentage",
        lambda files: files.set("pricing_rules", 0, "percentage", ""),
        "pricing_rules.csv line 2, column percentage: is empty, but is needed because rule_type is MARKUP.",
    ),
    case(
        "DISCOUNT with rate",
        lambda files: files.set("pricing_rules", 2, "rate", "1"),
        "pricing_rules.csv line 4, column rate: '1' is filled in, but counts only when rule_type is FIXED_RATE.",
    ),
    case(
        "FIXED_RATE without rate",
        lambda files: files.set("pricing_rules", 5, "rate", ""),
        "pricing_rules.csv line 7, column rate: is empty, but is needed because rule_type is FIXED_RATE.",
    ),
    case(
        "FIXED_RATE with percentage",
        lambda files: files.set("pricing_rules", 5, "percentage", "1"),
        "pricing_rules.csv line 7, column percentage: '1' is filled in, but counts only when rule_type is "
        "MARKUP or "
        "DISCOUNT.",
    ),
    case(
        "TIERED with rate",
        lambda files: files.set("pricing_rules", 7, "rate", "1"),
        "pricing_rules.csv line 9, column rate: '1' is filled in",
    ),
    # Each of these cells would be ignored, and the rule act on more than its author meant.
    case(
        "GLOBAL with service",
        lambda files: files.set("pricing_rules", 0, "service_code", "AmazonEC2"),
        "pricing_rules.csv line 2, column service_code: 'AmazonEC2' is filled in, but counts only when scope "
        "is "
        "SERVICE or SKU.",
    ),
    case(
        "SERVICE with usage type and operation",
        lambda files: (
            files.set("pricing_rules", 2, "usage_type", "BoxUsage"),
            files.set("pricing_rules", 2, "operation", "RunInstances"),
        ),
        "pricing_rules.csv line 4, column usage_type: 'BoxUsage' is filled in, but counts only when scope is SKU.",
        "pricing_rules.csv line 4, column operation: 'RunInstances' is filled in",
    ),
    case(
        "SERVICE with billing entity",
        lambda files: files.set("pricing_rules", 2, "billing_entity", "AWS"),
        "pricing_rules.csv line 4, column billing_entity: 'AWS' is filled in, but counts only when scope is "
        "BILLING_ENTITY.",
    ),
    case(
        "BILLING_ENTITY without it",
        lambda files: files.set("pricing_rules", 1, "billing_entity", ""),
        "pricing_rules.csv line 3, column billing_entity: is empty, but is needed because scope is BILLING_ENTITY.",
    ),
    case(
        "SKU without service",
        lambda files: files.set("pricing_rules", 5, "service_code", ""),
        "pricing_rules.csv line 7, column service_code: is empty, but is needed because scope is SKU.",
    ),
    case(
        "FLAT without amount",
        lambda files: files.set("custom_line_items", 0, "amount", ""),
        "custom_line_items.csv line 2, column amount: is empty",
    ),
    case(
        "FLAT with percentage",
        lambda files: files.set("custom_line_items", 0, "percentage", "1"),
        "custom_line_items.csv line 2, column percentage: '1' is filled in",
    ),
    case(
        "FLAT with filter",
        lambda files: files.set("custom_line_items", 0, "line_item_filter", "EXCLUDE_SAVINGS_PLAN_NEGATION"),
        "custom_line_items.csv line 2, column line_item_filter: 'EXCLUDE_SAVINGS_PLAN_NEGATION' is filled in",
    ),
    case(
        "FLAT with associated items",
        lambda files: files.set("custom_line_items", 0, "associated_item_ids", "c-flat-2"),
        "custom_line_items.csv line 2, column associated_item_ids: 'c-flat-2' is filled in",
    ),
    case(
        "PERCENTAGE without computation rule",
        lambda files: files.set("custom_line_items", 2, "computation_rule", ""),
        "custom_line_items.csv line 4, column computation_rule: is empty",
    ),
    case(
        "filter without service",
        lambda files: files.set("custom_line_items", 2, "filter_service_code", ""),
        "custom_line_items.csv line 4, column filter_service_code: is empty, but is needed because "
        "line_item_filter "
        "is SERVICE_EQUAL.",
    ),
    case(
        "service without filter",
        lambda files: files.set("custom_line_items", 3, "filter_service_code", "AmazonS3"),
        "custom_line_items.csv line 5, column filter_service_code: 'AmazonS3' is filled in",
    ),
    case(
        "account source without account",
        lambda files: files.set("shared_cost_rules", 0, "source_account_id", ""),
        "shared_cost_rules.csv line 2, column source_account_id: is empty",
    ),
    case(
        "fixed source with account and service",
        lambda files: (
            files.set("shared_cost_rules", 2, "source_account_id", "333333333333"),
            files.set("shared_cost_rules", 2, "source_service_code", "AmazonEC2"),
        ),
        "shared_cost_rules.csv line 4, column source_account_id: '333333333333' is filled in, but counts "
        "only when "
        "source_kind is account or payer_savings.",
        "shared_cost_rules.csv line 4, column source_service_code: 'AmazonEC2' is filled in",
    ),
    case(
        "fixed source without amount",
        lambda files: files.set("shared_cost_rules", 2, "fixed_amount", ""),
        "shared_cost_rules.csv line 4, column fixed_amount: is empty",
    ),
    case(
        "savings of one owner",
        lambda files: files.set("shared_cost_rules", 3, "source_account_id", "000000000901"),
    ),
    case(
        "reverse charge without reason",
        lambda files: files.set("tax_rates", 0, "exemption_reason", ""),
        "tax_rates.csv line 2, column exemption_reason: is empty, but is needed because tax_category is AE.",
    ),
    case(
        "customer's access without customer",
        lambda files: files.set("access", 1, "customer_id", ""),
        "access.csv line 3, column customer_id: is empty, but is needed because role is customer.",
    ),
    # Somebody who writes this expects finance@ to see one customer only; the row would show everything.
    case(
        "finance limited to a customer",
        lambda files: files.set("access", 0, "customer_id", "acme"),
        "access.csv line 2, column customer_id: 'acme' is filled in, but counts only when role is customer.",
    ),
]


@pytest.mark.parametrize(("damage", "messages"), CONDITIONS)
def test_conditions(files: Any, damage: Damage, messages: tuple[str, ...]) -> None:
    damage(files)
    assert_problems(files, messages)


MEMBERSHIP = [
    case(
        "P4: two groups take the unassigned",
        lambda files: files.set("billing_groups", 0, "auto_associate", "true"),
        "billing_groups.csv line 4, column auto_associate: 'true' clashes with line 2: groups 'acme-prod' "
        "and 'globex' "
        "would both take accounts without assignment from 2024-02 on (P4).",
    ),
    case(
        "P4: one after the other",
        lambda files: (
            files.set("billing_groups", 1, "auto_associate", "true"),
            files.set("billing_groups", 2, "start_period", "2024-07"),
            files.drop("account_assignments", 2, 4),
        ),
    ),
    case(
        "P4b: assignment before the group",
        lambda files: files.set("account_assignments", 4, "start_date", "2024-01-31"),
        "account_assignments.csv line 6, column start_date: '2024-01-31' is before group 'globex' begins on "
        "2024-02-01 "
        "(billing_groups.csv line 4; P4b).",
    ),
    case(
        "P4b: assignment a day longer than the group",
        lambda files: files.set("account_assignments", 3, "end_date", "2024-07-02"),
        "account_assignments.csv line 5, column end_date: '2024-07-02' is after group 'acme-test' ends on "
        "2024-07-01 "
        "(billing_groups.csv line 3; P4b).",
    ),
    case(
        "P4b: open assignment to an ended group",
        lambda files: files.set("account_assignments", 3, "end_date", ""),
        "account_assignments.csv line 5, column end_date: is empty, but group 'acme-test' ends on 2024-07-01",
    ),
    case(
        "reserved id",
        lambda files: files.add("billing_groups", "Unassigned,U,acme,de,012345678901,false,2024-01,"),
        "billing_groups.csv line 5, column billing_group_id: 'Unassigned' is an id that Chargehouse keeps for itself.",
    ),
    case(
        "P5: two terms in a period",
        lambda files: files.set("billing_terms", 0, "end_period", "2024-07"),
        "billing_terms.csv line 3, column start_period: '2024-06' overlaps line 2: both hold "
        "billing_group_id "
        "acme-prod from 2024-06 to before 2024-07.",
    ),
    case(
        "P5: no terms at all",
        lambda files: files.drop("billing_terms", 3),
        "billing_groups.csv line 4, column billing_group_id: 'globex' has no row in billing_terms.csv, but a "
        "group "
        "needs terms in each period it exists (P5). Add terms from 2024-02 on.",
    ),
    case(
        "P5: terms begin too late",
        lambda files: files.set("billing_terms", 3, "start_period", "2024-04"),
        "billing_terms.csv line 5, column start_period: '2024-04' is too late: group 'globex' "
        "(billing_groups.csv "
        "line 4) has no terms from 2024-02 to before 2024-04 (P5).",
    ),
    case(
        "P5: gap between terms",
        lambda files: files.set("billing_terms", 1, "start_period", "2024-08"),
        "billing_terms.csv line 2, column end_period: '2024-06' leaves a gap: group 'acme-prod' "
        "(billing_groups.csv "
        "line 2) has no terms from 2024-06 to before 2024-08 (P5).",
    ),
    case(
        "P5: open group, terms that end",
        lambda files: files.set("billing_terms", 3, "end_period", "2025-01"),
        "billing_terms.csv line 5, column end_period: '2025-01' leaves a gap: group 'globex' "
        "(billing_groups.csv "
        "line 4) has no terms from 2025-01 on (P5).",
    ),
    case(
        "P5: ended group, terms that end with it",
        lambda files: files.set("billing_terms", 2, "end_period", "2024-07"),
    ),
    case(
        "P5: ended group, terms that end before it",
        lambda files: files.set("billing_terms", 2, "end_period", "2024-06"),
        "billing_terms.csv line 4, column end_period: '2024-06' leaves a gap: group 'acme-test' "
        "(billing_groups.csv "
        "line 3) has no terms from 2024-06 to before 2024-07 (P5).",
    ),
    # The gap may only be the row that cannot be read; saying both sends the reader after a second mistake.
    case(
        "P5: damaged terms are no gap",
        lambda files: files.set("billing_terms", 3, "start_period", "2024-13"),
        "billing_terms.csv line 5, column start_period: '2024-13' is not a month of the calendar.",
    ),
]


@pytest.mark.parametrize(("damage", "messages"), MEMBERSHIP)
def test_membership(files: Any, damage: Damage, messages: tuple[str, ...]) -> None:
    # Without terms a group's rows have no policy and no plan: nothing would be billed for the period.
    damage(files)
    assert_problems(files, messages)


PRICING = [
    case(
        "R6: SKU without usage type and operation",
        lambda files: files.set("pricing_rules", 6, "usage_type", ""),
        "pricing_rules.csv line 8, column usage_type: is empty and so is operation, but scope SKU needs one of them",
    ),
    case(
        "R4: FIXED_RATE for everything",
        lambda files: files.add("pricing_rules", "r-x,special,GLOBAL,FIXED_RATE,,1,,,,,,false,2024-01,"),
        "pricing_rules.csv line 10, column scope: 'GLOBAL' is not SKU or SERVICE, but rule_type is FIXED_RATE (R4).",
    ),
    case(
        "R4: FIXED_RATE of a service",
        lambda files: files.add("pricing_rules", "r-x,special,SERVICE,FIXED_RATE,,1,,AmazonS3,,,,false,2024-01,"),
    ),
    case(
        "R5: TIERED service",
        lambda files: (
            files.set("pricing_rules", 7, "scope", "SERVICE"),
            files.set("pricing_rules", 7, "usage_type", ""),
        ),
        "pricing_rules.csv line 9, column scope: 'SERVICE' is not SKU, but rule_type is TIERED (R5).",
    ),
    case(
        "R7: FIXED_RATE on fees",
        lambda files: files.set("pricing_rules", 5, "include_fees", "true"),
        "pricing_rules.csv line 7, column include_fees: 'true' is not possible for FIXED_RATE",
    ),
    # A bill below zero.
    case(
        "R3: DISCOUNT above 100",
        lambda files: files.set("pricing_rules", 2, "percentage", "100.01"),
        "pricing_rules.csv line 4, column percentage: '100.01' is above 100, but a DISCOUNT takes off 100 at most",
    ),
    case("R3: DISCOUNT of 100", lambda files: files.set("pricing_rules", 2, "percentage", "100.00")),
    case("R3: MARKUP above 100", lambda files: files.set("pricing_rules", 0, "percentage", "250")),
    case(
        "R5: TIERED without tiers",
        lambda files: files.replace_rows("pricing_rule_tiers"),
        "pricing_rules.csv line 9, column pricing_rule_id: 'r-storage' is a TIERED rule, but has no row in "
        "pricing_rule_tiers.csv (R5).",
    ),
    case(
        "R5: TIERED without the file",
        lambda files: files.remove("pricing_rule_tiers"),
        "pricing_rules.csv line 9, column pricing_rule_id: 'r-storage' is a TIERED rule",
    ),
    case(
        "R5: tiers of a MARKUP",
        lambda files: files.add("pricing_rule_tiers", "r-all,0,,1"),
        "pricing_rule_tiers.csv line 5, column pricing_rule_id: 'r-all' is a MARKUP (pricing_rules.csv line 2)",
    ),
    case(
        "R5: first tier not from 0",
        lambda files: files.drop("pricing_rule_tiers", 0),
        "pricing_rule_tiers.csv line 2, column tier_start: '100' is not 0, but it begins the first tier",
    ),
    case(
        "R5: gap",
        lambda files: files.set("pricing_rule_tiers", 1, "tier_start", "150"),
        "pricing_rule_tiers.csv line 2, column tier_end: '100' leaves a gap before the next tier of rule 'r-storage'",
    ),
    case(
        "R5: overlap",
        lambda files: files.set("pricing_rule_tiers", 1, "tier_start", "99.9999999999"),
        "pricing_rule_tiers.csv line 2, column tier_end: '100' overlaps the next tier of rule 'r-storage'",
    ),
    case(
        "R5: last tier closed",
        lambda files: files.set("pricing_rule_tiers", 2, "tier_end", "500"),
        "pricing_rule_tiers.csv line 4, column tier_end: '500' is not empty, but it ends the last tier",
    ),
    case(
        "R5: open tier before the last",
        lambda files: files.set("pricing_rule_tiers", 0, "tier_end", ""),
        "pricing_rule_tiers.csv line 2, column tier_end: is empty, but line 3 holds a later tier",
    ),
    case(
        "R5: tier ends where it begins",
        lambda files: files.set("pricing_rule_tiers", 1, "tier_end", "100"),
        "pricing_rule_tiers.csv line 3, column tier_end: '100' is not above tier_start 100.",
    ),
    case(
        "R5: tiers in any order of lines",
        lambda files: files.rows["pricing_rule_tiers"].reverse(),
    ),
]


@pytest.mark.parametrize(("damage", "messages"), PRICING)
def test_pricing(files: Any, damage: Damage, messages: tuple[str, ...]) -> None:
    damage(files)
    assert_problems(files, messages)


# The example has for plan retail: GLOBAL; BILLING_ENTITY AWS Marketplace; SERVICE AmazonEC2 until and from
# 2024-04, and one in eu-central-1; SKU AmazonEC2 with usage type BoxUsage:t3.micro and operation
# RunInstances, and one without operation.
TIES = [
    ("r-x,retail,GLOBAL,DISCOUNT,5,,,,,,,false,2025-01,", "r-all", "every row from 2025-01 on"),
    (
        "r-x,retail,GLOBAL,MARKUP,10,,,,,,,false,2023-01,2024-02",
        "r-all",
        "every row from 2024-01 to before 2024-02",
    ),
    (
        "r-x,retail,BILLING_ENTITY,MARKUP,1,,AWS Marketplace,,,,,true,2025-01,",
        "r-market",
        "billing entity AWS Mark",
    ),
    (
        "r-x,retail,SERVICE,FIXED_RATE,,5,,AmazonEC2,,,eu-central-1,false,2025-01,",
        "r-ec2-eu",
        "service AmazonEC2, reg",
    ),
    (
        "r-x,retail,SERVICE,MARKUP,5,,,AmazonEC2,,,,true,2024-02,2024-03",
        "r-ec2",
        "service AmazonEC2 from 2024-02",
    ),
    (
        "r-x,retail,SKU,MARKUP,5,,,AmazonEC2,BoxUsage:t3.micro,,,true,2025-01,",
        "r-box",
        "usage type BoxUsage:t3.micro",
    ),
    (
        "r-x,retail,SKU,MARKUP,5,,,AmazonEC2,,RunInstances:0002,,false,2025-01,",
        "r-box",
        "service AmazonEC2, usage type BoxUsage:t3.micro, operation RunInstances:0002 from 2025-01 on",
    ),
    # The rule that names both begins in 2024-01.
    (
        "r-x,retail,SKU,MARKUP,5,,,AmazonEC2,,RunInstances,,false,2023-06,",
        "r-early",
        "service AmazonEC2, usage type BoxUsage:t3.micro, operation RunInstances from 2023-07 to before 2024-01",
    ),
]


@pytest.mark.parametrize(("line", "other", "where"), TIES)
def test_rules_that_tie(files: Any, line: str, other: str, where: str) -> None:
    # R2: whichever rule the database met first would price the row (golden case G49).
    if other == "r-early":
        files.drop("pricing_rules", 6)
        files.add("pricing_rules", "r-early,retail,SKU,MARKUP,3,,,AmazonEC2,BoxUsage:t3.micro,,,false,2023-07,")
    files.add("pricing_rules", line)
    (problem,) = files.problems()
    assert (problem.column, problem.value) == ("pricing_rule_id", "r-x")
    assert problem.expected.startswith(f"ties with rule '{other}' on line "), problem.expected
    assert where in problem.expected, problem.expected


NO_TIES = [
    pytest.param("r-x,special,GLOBAL,MARKUP,5,,,,,,,false,2024-01,", id="another plan"),
    pytest.param("r-x,retail,GLOBAL,MARKUP,5,,,,,,,false,2023-01,2024-01", id="another period"),
    pytest.param("r-x,retail,BILLING_ENTITY,MARKUP,5,,AWS,,,,,false,2024-01,", id="another billing entity"),
    pytest.param("r-x,retail,SERVICE,MARKUP,5,,,AmazonS3,,,,false,2024-01,", id="another service"),
    pytest.param("r-x,retail,SERVICE,MARKUP,5,,,AmazonEC2,,,us-east-1,false,2024-01,", id="another region"),
    pytest.param("r-x,retail,GLOBAL,MARKUP,5,,,,,,us-east-1,false,2024-01,", id="a region beats none"),
    pytest.param("r-x,retail,SKU,MARKUP,5,,,AmazonEC2,BoxUsage:t3.nano,,,false,2024-01,", id="another usage type"),
    pytest.param(
        "r-x,retail,SKU,MARKUP,5,,,AmazonEC2,,RunInstances,us-east-1,false,2024-01,",
        id="operation with a region beats usage type without",
    ),
    pytest.param(
        "r-x,retail,SKU,MARKUP,5,,,AmazonEC2,BoxUsage:t3.micro,RunInstances:0002,,false,2024-01,",
        id="both named, another operation",
    ),
    pytest.param("r-x,retail,SKU,MARKUP,5,,,AmazonS3,,RunInstances,,false,2024-01,", id="operation, another service"),
]


@pytest.mark.parametrize("line", NO_TIES)
def test_rules_that_do_not_tie(files: Any, line: str) -> None:
    files.add("pricing_rules", line)
    assert files.problems() == []


@pytest.mark.parametrize(("region", "is_tie"), [("", False), ("eu-west-1", False), ("us-east-1", True)])
def test_a_rule_for_both_counts_where_it_matches(files: Any, region: str, is_tie: bool) -> None:
    # Usage type with operation beats a named region: a rule for both, without region, takes the rows of all.
    files.add("pricing_rules", "r-u,special,SKU,MARKUP,1,,,AmazonEC2,Box,,eu-west-1,false,2024-01,")
    files.add("pricing_rules", "r-o,special,SKU,MARKUP,1,,,AmazonEC2,,Run,eu-west-1,false,2024-01,")
    files.add("pricing_rules", f"r-b,special,SKU,MARKUP,1,,,AmazonEC2,Box,Run,{region},false,2024-01,")
    assert [problem.value for problem in files.problems()] == (["r-o"] if is_tie else [])


def test_short_rules_under_a_long_one_all_tie_with_it(files: Any) -> None:
    for number, month in enumerate(["2024-03", "2024-05", "2024-07"]):
        end = f"2024-0{4 + 2 * number}"
        files.add("pricing_rules", f"r-{number},retail,GLOBAL,MARKUP,1,,,,,,,false,{month},{end}")
    assert [problem.value for problem in files.problems()] == ["r-0", "r-1", "r-2"]
    assert all("rule 'r-all' on line 2" in problem.expected for problem in files.problems())


def test_every_rule_of_a_heap_of_ties_is_named_once(files: Any) -> None:
    for number in range(3):
        files.add("pricing_rules", f"r-u{number},special,SKU,MARKUP,1,,,AmazonEC2,Box{number},,,false,2024-01,")
        files.add("pricing_rules", f"r-o{number},special,SKU,MARKUP,1,,,AmazonEC2,,Run{number},,false,2024-01,")
    assert [problem.value for problem in files.problems()] == ["r-o0", "r-u1", "r-o1", "r-u2", "r-o2"]


GROUP_CHARGES = [
    case(
        "G3: flat item itemized",
        lambda files: files.set("custom_line_items", 1, "computation_rule", "ITEMIZED"),
        "custom_line_items.csv line 3, column computation_rule: 'ITEMIZED' is not possible for a FLAT item",
    ),
    case(
        "G3: percentage of a percentage",
        lambda files: files.set("custom_line_items", 2, "associated_item_ids", "c-flat|c-percent"),
        "custom_line_items.csv line 4, column associated_item_ids: 'c-percent' is a percentage item (line 4)",
    ),
    # Another customer's fee in the base of this one's.
    case(
        "G3: item of another group",
        lambda files: files.set("custom_line_items", 3, "associated_item_ids", "c-flat"),
        "custom_line_items.csv line 5, column associated_item_ids: 'c-flat' is an item of group 'acme-prod' "
        "(line 2), "
        "not of group 'globex' (G3).",
    ),
    case(
        "G1: method for savings on an account's cost",
        lambda files: files.set("shared_cost_rules", 0, "method", "EXACT_SAVINGS"),
        "shared_cost_rules.csv line 2, column method: 'EXACT_SAVINGS' is not one of PROPORTIONAL, EVEN, FIXED",
    ),
    case(
        "G1b: method for costs on savings",
        lambda files: files.set("shared_cost_rules", 3, "method", "EVEN"),
        "shared_cost_rules.csv line 5, column method: 'EVEN' is not one of EXACT_SAVINGS, NORMALIZED_HOURS",
    ),
    case(
        "G1: no targets",
        lambda files: files.drop("shared_cost_targets", 0, 1),
        "shared_cost_rules.csv line 2, column shared_cost_rule_id: 's-network' has no row in shared_cost_targets.csv",
    ),
    case(
        "G1: weight missing",
        lambda files: files.set("shared_cost_targets", 2, "weight", ""),
        "shared_cost_targets.csv line 4, column weight: is empty, but rule 's-logs' spreads by FIXED weights.",
    ),
    case(
        "M5: weights sum to zero",
        lambda files: (
            files.set("shared_cost_targets", 2, "weight", "0"),
            files.set("shared_cost_targets", 3, "weight", "0.00"),
        ),
        "shared_cost_targets.csv line 4, column weight: '0' leaves the sum of the weights of rule 's-logs' at 0 (M5).",
    ),
    case("M5: one weight of zero", lambda files: files.set("shared_cost_targets", 2, "weight", "0")),
    case(
        "G1: weights under EVEN",
        lambda files: files.set("shared_cost_targets", 4, "weight", "3"),
        "shared_cost_targets.csv line 6, column weight: '3' has no effect: rule 's-tooling'",
    ),
    case(
        "G1: one source twice",
        lambda files: (
            files.add("shared_cost_rules", "s-x,x,account,333333333333,AmazonCloudWatch,,EVEN,2025-01,"),
            files.add("shared_cost_targets", "s-x,globex,"),
        ),
        "shared_cost_rules.csv line 6, column shared_cost_rule_id: 's-x' has the same source as rule "
        "'s-logs' on line 3 "
        "from 2025-01 on (G1).",
    ),
    case(
        "G1: one fixed amount twice is two amounts",
        lambda files: (
            files.add("shared_cost_rules", "s-x,x,fixed,,,500,EVEN,2024-01,"),
            files.add("shared_cost_targets", "s-x,globex,"),
        ),
    ),
    case(
        "G1b: savings given back twice",
        lambda files: files.add("shared_cost_rules", "s-x,x,payer_savings,000000000901,,,NORMALIZED_HOURS,2025-01,"),
        "shared_cost_rules.csv line 6, column shared_cost_rule_id: 's-x' has the same source as rule 's-savings'",
    ),
    case(
        "G1b: savings of two owners",
        lambda files: (
            files.set("shared_cost_rules", 3, "source_account_id", "999999999902"),
            files.add("shared_cost_rules", "s-x,x,payer_savings,000000000901,,,NORMALIZED_HOURS,2025-01,"),
        ),
    ),
    case(
        "G1b: savings of one owner for two groups",
        lambda files: (
            files.add("shared_cost_rules", "s-x,x,payer_savings,,,,EXACT_SAVINGS,2024-01,"),
            files.add("shared_cost_targets", "s-x,globex,"),
            files.add("shared_cost_targets", "s-savings,acme-prod,"),
        ),
    ),
    case(
        "G1b: one owner's savings by hours for two groups",
        lambda files: (
            files.add("shared_cost_rules", "s-x,x,payer_savings,,,,NORMALIZED_HOURS,2024-01,"),
            files.add("shared_cost_targets", "s-x,globex,"),
            files.add("shared_cost_targets", "s-savings,acme-prod,"),
        ),
        "shared_cost_rules.csv line 6, column shared_cost_rule_id: 's-x' has the same source as rule 's-savings'",
    ),
    case(
        "G1: one source, one rule after the other",
        lambda files: (
            files.set("shared_cost_rules", 0, "end_period", "2025-01"),
            files.add("shared_cost_rules", "s-x,x,account,333333333333,,,EVEN,2025-01,"),
            files.add("shared_cost_targets", "s-x,globex,"),
        ),
    ),
    case(
        "F1: plan that ends after the group, under open terms",
        lambda files: (
            files.set("billing_terms", 2, "support_policy", "recompute"),
            files.set("billing_terms", 2, "support_plan_id", "old"),
            files.add("support_plans", "old,0,2024-01,2024-07"),
            files.add("support_plan_tiers", "old,0,,3,2024-01,"),
        ),
    ),
    case(
        "F1: plan not yet in force",
        lambda files: files.set("support_plans", 0, "start_period", "2024-08"),
        "billing_terms.csv line 3, column support_plan_id: 'business' is not in force from 2024-06 to before 2024-08",
    ),
    case(
        "F1: plan that ends under open terms",
        lambda files: files.set("support_plans", 1, "end_period", "2026-01"),
        "billing_terms.csv line 3, column support_plan_id: 'business' is not in force from 2026-01 on",
    ),
    case(
        "F1: tiers with a gap for part of the time",
        lambda files: files.set("support_plan_tiers", 1, "end_period", "2025-03"),
        "support_plan_tiers.csv line 2, column tier_end: '10000' leaves a gap before the next tier of plan "
        "'business' "
        "from 2025-03 on (F1)",
    ),
    case(
        "F1: tiers that begin after the plan",
        lambda files: [files.set("support_plan_tiers", row, "start_period", "2024-05") for row in range(3)],
        "support_plans.csv line 2, column support_plan_id: 'business' has no row in support_plan_tiers.csv "
        "from 2024-01 "
        "to before 2024-05 (F1).",
    ),
]


@pytest.mark.parametrize(("damage", "messages"), GROUP_CHARGES)
def test_group_charges(files: Any, damage: Damage, messages: tuple[str, ...]) -> None:
    damage(files)
    assert_problems(files, messages)


INVOICING = [
    case(
        "I2: credit in another currency",
        lambda files: files.set("credits", 0, "currency", "EUR"),
        "credits.csv line 2, column currency: 'EUR' is not USD, the currency of customer 'acme' (customers.csv line 2",
    ),
    case(
        "K1: credit with a fraction of a cent",
        lambda files: files.set("credits", 0, "amount", "99.995"),
        "credits.csv line 2, column amount: '99.995' has parts smaller than 0.01 USD, which no invoice line has (K1)",
    ),
    case(
        "K1: credit in whole cents, written with more decimals",
        lambda files: files.set("credits", 0, "amount", "99.990"),
    ),
    case(
        "K1: credit with a fraction of a yen",
        lambda files: (
            files.set("credits", 0, "amount", "100.5"),
            files.set("credits", 0, "currency", "JPY"),
            files.set("customers", 0, "currency", "JPY"),
        ),
        "credits.csv line 2, column amount: '100.5' has parts smaller than 1 JPY, which no invoice line has (K1)",
    ),
    case(
        "K1: credit in thousandths of a dinar",
        lambda files: (
            files.set("credits", 0, "amount", "0.125"),
            files.set("credits", 0, "currency", "KWD"),
            files.set("customers", 0, "currency", "KWD"),
        ),
    ),
    case(
        "I2: currency to itself",
        lambda files: files.add("fx_rates", "2024-02,EUR,EUR,0.9,ECB"),
        "fx_rates.csv line 4, column rate: '0.9' is not 1, but both currencies are EUR.",
    ),
    case("I2: currency to itself at 1", lambda files: files.add("fx_rates", "2024-02,USD,USD,1.0,par")),
    case(
        "T2: standard rate of 0",
        lambda files: files.set("tax_rates", 1, "rate", "0"),
        "tax_rates.csv line 3, column rate: '0' contradicts tax_category S",
    ),
    case(
        "T2: reverse charge with tax",
        lambda files: files.set("tax_rates", 0, "rate", "19"),
        "tax_rates.csv line 2, column rate: '19' contradicts tax_category AE",
    ),
    case(
        "T2: any beside required",
        lambda files: files.add("tax_rates", "DE,FR,,any,standard,S,VAT,20,,2025-01-01,"),
        "tax_rates.csv line 6, column customer_tax_id: 'any' overlaps line 2, the same case for 'required', "
        "from 2025-01-01 on (T2).",
    ),
    case(
        "T2: any after required",
        lambda files: (
            files.set("tax_rates", 0, "end_date", "2025-01-01"),
            files.set("tax_rates", 1, "end_date", "2025-01-01"),
            files.add("tax_rates", "DE,FR,,any,standard,S,VAT,20,,2025-01-01,"),
        ),
    ),
    case(
        "T2: any for another class",
        lambda files: files.add("tax_rates", "DE,FR,,any,training,S,VAT,5.5,,2025-01-01,"),
    ),
]


@pytest.mark.parametrize(("damage", "messages"), INVOICING)
def test_invoicing(files: Any, damage: Damage, messages: tuple[str, ...]) -> None:
    damage(files)
    assert_problems(files, messages)
