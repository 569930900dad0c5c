"""Pricing plans and rules."""

import pytest
from conductor import Answer, Conductor, Import, account, arn, enumeration, group, plan, rule

from orchestration.configuration.schema import Configuration
from orchestration.configuration.validate import read_configuration

FIELDS: dict[str, Answer] = {
    "GLOBAL": {},
    "SERVICE": {"Service": "AmazonS3"},
    "BILLING_ENTITY": {"BillingEntity": "AWS Marketplace"},
    "SKU": {"Service": "AmazonEC2", "UsageType": "BoxUsage:m5.xlarge", "Operation": "RunInstances"},
}


def _conductor(*rules: Answer) -> Conductor:
    return Conductor(
        groups=[group("groupacme01", "Acme", arn("pricingplan", "planretail"))],
        accounts=[account("111122223333", "groupacme01")],
        plans=[plan("planretail", "Retail", Size=len(rules))],
        rules=list(rules),
        rules_of_plan={"planretail": [own["Arn"].rpartition("/")[2] for own in rules]},
    )


def _read(imported: Import, conductor: Conductor) -> tuple[Configuration, list[str]]:
    report = imported(conductor)
    return read_configuration(report.folder), [f"{found.subject}: {found.why}" for found in report.no_counterpart]


@pytest.mark.parametrize("scope", enumeration("PricingRuleScope"))
@pytest.mark.parametrize("kind", ["MARKUP", "DISCOUNT"])
def test_each_scope_and_type_has_its_row(imported: Import, scope: str, kind: str) -> None:
    conductor = _conductor(rule("rulesample", "Sample", scope, kind, ModifierPercentage=12.34, **FIELDS[scope]))
    configuration, told = _read(imported, conductor)
    (row,) = configuration.pricing_rules
    assert (row.pricing_rule_id, row.pricing_plan_id) == ("retail-sample", "retail")
    assert (row.scope, row.rule_type, str(row.percentage)) == (scope, kind, "12.34")
    found = {"Service": row.service_code, "BillingEntity": row.billing_entity,
             "UsageType": row.usage_type, "Operation": row.operation}  # fmt: skip
    assert {name: text for name, text in found.items() if text} == FIELDS[scope]
    assert (row.include_fees, str(row.start_period), row.end_period) == (False, "2026-10-01", None)
    assert told == []


def test_a_rule_of_several_plans_is_a_row_in_each(imported: Import) -> None:
    conductor = _conductor(rule("rulesample", "Sample", ModifierPercentage=3.0))
    conductor.plans.append(plan("planother1", "Other"))
    conductor.rules_of_plan["planother1"] = ["rulesample"]
    configuration, _ = _read(imported, conductor)
    assert [(row.pricing_rule_id, row.pricing_plan_id) for row in configuration.pricing_rules] == [
        ("retail-sample", "retail"),
        ("other-sample", "other"),
    ]


def test_rules_whose_ids_would_meet_are_told_apart(imported: Import) -> None:
    conductor = _conductor(rule("rulesample", "b-c", ModifierPercentage=3.0))
    conductor.plans = [plan("planretail", "a"), plan("planother1", "a-b")]
    conductor.rules.append(rule("ruleother1", "c", ModifierPercentage=4.0))
    conductor.rules_of_plan["planother1"] = ["ruleother1"]
    configuration, _ = _read(imported, conductor)
    assert [row.pricing_rule_id for row in configuration.pricing_rules] == [
        "a-b-c-planretail-rulesample",
        "a-b-c-planother1-ruleother1",
    ]


def _tiering(scope: str, tiering: Answer, name: str = "Sample", key: str = "rulesample") -> Answer:
    return rule(key, name, scope, "TIERING", Tiering=tiering, **FIELDS[scope])


@pytest.mark.parametrize(("is_active", "policy"), [(True, "pass_through"), (False, "withhold")])
def test_the_free_tier_of_all_services_is_a_policy(imported: Import, is_active: bool, policy: str) -> None:
    configuration, told = _read(imported, _conductor(_tiering("GLOBAL", {"FreeTier": {"Activated": is_active}})))
    assert configuration.billing_terms[0].free_tier_policy == policy
    assert configuration.pricing_rules == ()
    assert told == []


def test_the_free_tier_of_one_service_has_no_counterpart(imported: Import) -> None:
    configuration, told = _read(imported, _conductor(_tiering("SERVICE", {"FreeTier": {"Activated": False}})))
    assert configuration.billing_terms[0].free_tier_policy == "pass_through"
    assert told == [
        "pricing rule Sample: It switches the free tier off for AmazonS3 alone; here it is one policy for all services "
        "(R1), written as pass_through. Not imported."
    ]


def test_a_free_tier_that_one_service_keeps_has_no_counterpart(imported: Import) -> None:
    conductor = _conductor(
        _tiering("GLOBAL", {"FreeTier": {"Activated": False}}, "Off", "ruleoffall"),
        _tiering("SERVICE", {"FreeTier": {"Activated": True}}),
    )
    configuration, told = _read(imported, conductor)
    assert configuration.billing_terms[0].free_tier_policy == "withhold"
    assert len(told) == 1
    assert "switches the free tier on for AmazonS3 alone" in told[0]


def test_a_free_tier_that_is_on_anyway_says_nothing(imported: Import) -> None:
    _, told = _read(imported, _conductor(_tiering("SERVICE", {"FreeTier": {"Activated": True}})))
    assert told == []


def test_tiers_are_exact(imported: Import) -> None:
    tiers = [
        {"BeginRangeInclusive": 0, "EndRangeExclusive": 51200.5, "RateValue": 0.0000166667},
        {"BeginRangeInclusive": 51200.5, "EndRangeExclusive": 1e6, "RateValue": 2},
        {"BeginRangeInclusive": 1e6, "RateValue": 0.01},
    ]
    configuration, told = _read(imported, _conductor(_tiering("SKU", {"CustomTiers": tiers})))
    (row,) = configuration.pricing_rules
    assert (row.rule_type, row.percentage) == ("TIERED", None)
    assert [(str(tier.tier_start.normalize()), f"{tier.rate:f}") for tier in configuration.pricing_rule_tiers] == [
        ("0", "0.0000166667"),
        ("51200.5", "2.0000000000"),
        ("1E+6", "0.0100000000"),
    ]
    assert told == []


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (rule("rulesample", "Sample", "REGION", ModifierPercentage=1.0), "Its scope REGION is not known here"),
        (rule("rulesample", "Sample", "GLOBAL", "FIXED"), "Its type FIXED is not known here"),
        (rule("rulesample", "Sample", "GLOBAL", "TIERING", Tiering={}), "says nothing of the free tier or of tiers"),
        (rule("rulesample", "Sample", ModifierPercentage=1.005), "percentage '1.005' has 3 digits after the point"),
        (
            rule("rulesample", "Sample", "SKU", ModifierPercentage=1.0, Service="AmazonS3", UsageType="EU-*"),
            "usage_type 'EU-*' is not one exact text",
        ),
        (
            _tiering("SKU", {"CustomTiers": [{"BeginRangeInclusive": 0.0, "RateValue": 1e-11}]}),
            "rate '0.00000000001' has 11 digits after the point",
        ),
    ],
)
def test_what_ours_cannot_say_is_told_and_left_out(imported: Import, odd: Answer, why: str) -> None:
    configuration, told = _read(imported, _conductor(odd))
    assert configuration.pricing_rules == configuration.pricing_rule_tiers == ()
    assert len(told) == 1
    assert why in told[0]
    assert "Not imported" in told[0]


def test_parts_of_a_rule_that_do_not_belong_to_its_type_are_told(imported: Import) -> None:
    conductor = _conductor(
        rule("rulesample", "Sample", ModifierPercentage=1.0, Tiering={"FreeTier": {"Activated": False}}),
        rule("ruleother1", "Other", "GLOBAL", "TIERING", ModifierPercentage=2.5,
             Tiering={"FreeTier": {"Activated": True}}),
    )  # fmt: skip
    configuration, told = _read(imported, conductor)
    assert len(configuration.pricing_rules) == 1
    assert configuration.billing_terms[0].free_tier_policy == "pass_through"
    assert told[0].startswith("pricing rule Sample: It is a MARKUP with tiering")
    assert told[1].startswith("pricing rule Other: It is of type TIERING with 2.5 %")


def test_rules_and_plans_that_price_nothing_are_told(imported: Import) -> None:
    conductor = _conductor(rule("rulesample", "Sample", ModifierPercentage=1.0))
    conductor.rules.append(rule("rulespare1", "Spare", ModifierPercentage=1.0))
    conductor.plans.append(plan("planunused", "Unused"))
    configuration, told = _read(imported, conductor)
    assert [row.pricing_plan_id for row in configuration.pricing_plans] == ["retail"]
    assert any(line.startswith("pricing rule Spare: It is in no imported plan") for line in told)
    assert any(line.startswith("pricing plan Unused: No group uses it") for line in told)


def test_ties_are_for_the_user_to_mend(imported: Import) -> None:
    conductor = _conductor(
        rule("rulesample", "Sample", ModifierPercentage=1.0), rule("ruleother1", "Other", ModifierPercentage=2.0)
    )
    report = imported(conductor)
    assert len(report.configuration_problems) == 1
    assert "ties with rule 'retail-sample'" in report.configuration_problems[0]
