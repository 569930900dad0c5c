"""Pricing plans and rules (R1 to R6).

What is here: ``map_pricing``: plans, one row per rule and plan, tiers, and whether a plan passes the free tier on.
When to add here: another scope or type of pricing rule that ours can express.
What does not belong here: which group uses which plan; see ``groups``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from orchestration.abc.groups import PASSTHROUGH_PLAN, Rows
from orchestration.abc.identifiers import unique_ids
from orchestration.abc.objects import PricingRule, Tiering, key_of
from orchestration.abc.pages import Export
from orchestration.abc.report import Findings
from orchestration.configuration.cells import cell_problems, shown_number
from orchestration.errors import ExportProblem

__all__ = ["ImportedPricing", "check_pricing", "map_pricing"]

_BASIC_PLAN = "BasicPricingPlan"
_MANAGED_PLANS = {_BASIC_PLAN, PASSTHROUGH_PLAN}
_SCOPES = ("GLOBAL", "BILLING_ENTITY", "SERVICE", "SKU")


@dataclass(frozen=True)
class ImportedPricing:
    """Plans and rules as rows.

    Attributes:
        rows: of pricing_plans, pricing_rules and pricing_rule_tiers.
        plan_ids: key of a plan -> id.
        free_tier: key of a plan -> ``free_tier_policy`` of the groups that use it.
        rule_ids: (id, ARN) of each row of a rule.
    """

    rows: Rows
    plan_ids: dict[str, str]
    free_tier: dict[str, str]
    rule_ids: list[tuple[str, str]]


def check_pricing(export: Export) -> Iterable[ExportProblem]:
    """Yield plans and rules that groups and plans name, but no list holds: prices would be wrong without them."""
    for key, group in export.groups.items():
        arn = group.computation_preference.pricing_plan_arn
        if key_of(arn) not in export.plans and key_of(arn) not in _MANAGED_PLANS:
            yield export.places["BillingGroups", key].problem(
                arn,
                "is the plan of this group, but in no list of plans",
                "Give the answer of list-pricing-plans too.",
            )
    used = {key_of(group.computation_preference.pricing_plan_arn) for group in export.groups.values()}
    for key, plan in export.plans.items():
        if key in used - _MANAGED_PLANS and plan.size != 0 and key not in export.rules_of_plan:
            yield export.places["PricingPlans", key].problem(
                plan.name,
                "is used by a group, but the list of its rules was not given",
                f"Give the answer of list-pricing-rules-associated-to-pricing-plan --pricing-plan-arn {plan.arn} too.",
            )
    for plan_key, rule_keys in export.rules_of_plan.items():
        place = export.places["PricingRuleArns", plan_key]
        if plan_key not in export.plans and plan_key not in _MANAGED_PLANS:
            yield place.problem(plan_key, "is in no list of plans", "Give the answer of list-pricing-plans too.")
        for rule_key in rule_keys:
            if rule_key not in export.rules:
                yield place.problem(
                    rule_key, "is a rule that no list of rules holds", "Give the answer of list-pricing-rules too."
                )


def map_pricing(export: Export, period: date, findings: Findings) -> ImportedPricing:
    """Return the rows of plans, rules and tiers, in force from ``period`` on.

    A rule that several plans use becomes one row in each. A rule of type TIERING without own tiers becomes no row: the
    one for all services decides the free tier of the groups that use the plan.
    """
    names = {key: plan.name for key, plan in export.plans.items()}
    for group in export.groups.values():
        key = key_of(group.computation_preference.pricing_plan_arn)
        names.setdefault(key, key)
    names.pop(PASSTHROUGH_PLAN, None)
    for key, listed in export.plans.items():
        if key in names and key not in _MANAGED_PLANS and listed.size != 0 and key not in export.rules_of_plan:
            del names[key]
            findings.lacks(
                f"pricing plan {listed.name}",
                listed.arn,
                "No group uses it, and the list of its rules was not given. Not imported.",
                "Nothing, if you do not need it.",
            )
    plan_ids = unique_ids(names | ({_BASIC_PLAN: "aws-basic"} if _BASIC_PLAN in names else {}))
    pairs = [(plan, rule) for plan in names for rule in export.rules_of_plan.get(plan, [])]
    rule_ids = unique_ids({f"{plan}-{rule}": f"{plan_ids[plan]}-{export.rules[rule].name}" for plan, rule in pairs})
    pricing = ImportedPricing(
        {
            "pricing_plans": [
                {"pricing_plan_id": plan_ids[key], "pricing_plan_name": name} for key, name in names.items()
            ],
            "pricing_rules": [],
            "pricing_rule_tiers": [],
        },
        plan_ids,
        dict.fromkeys(names, "pass_through"),
        [],
    )
    for plan, key in pairs:
        rule = export.rules[key]
        if _has_counterpart(rule, findings):
            _add_rule(pricing, plan, rule_ids[f"{plan}-{key}"], rule, period, findings)
    for plan in names:
        _check_free_tier(pricing, plan, [export.rules[key] for key in export.rules_of_plan.get(plan, [])], findings)
    used = {key for _, key in pairs}
    for key, rule in export.rules.items():
        if key not in used:
            findings.lacks(
                f"pricing rule {rule.name}",
                rule.arn,
                "It is in no imported plan, so it prices nothing. Not imported.",
                "Nothing, if you do not need it.",
            )
    return pricing


def _has_counterpart(rule: PricingRule, findings: Findings) -> bool:
    subject = f"pricing rule {rule.name}"
    unknown = None
    if rule.scope not in _SCOPES:
        unknown = f"Its scope {rule.scope} is not known here."
    elif rule.type not in ("MARKUP", "DISCOUNT", "TIERING"):
        unknown = f"Its type {rule.type} is not known here."
    elif rule.type == "TIERING" and (rule.tiering is None or rule.tiering == Tiering()):
        unknown = "It is of type TIERING, but says nothing of the free tier or of tiers."
    if unknown is not None:
        findings.lacks(subject, rule.arn, f"{unknown} Not imported.", "Add the rule by hand, if ours can express it.")
        return False
    if rule.type != "TIERING" and rule.tiering is not None and rule.tiering != Tiering():
        findings.lacks(
            subject, rule.arn, f"It is a {rule.type} with tiering; the tiering is not imported.", "Add it by hand."
        )
    if rule.type == "TIERING" and rule.modifier_percentage:
        findings.lacks(
            subject,
            rule.arn,
            f"It is of type TIERING with {shown_number(rule.modifier_percentage)} %; the percentage is not imported.",
            "Add it by hand as a MARKUP or DISCOUNT.",
        )
    return True


def _add_rule(
    pricing: ImportedPricing, plan: str, rule_id: str, rule: PricingRule, period: date, findings: Findings
) -> None:
    tiers = (rule.tiering.custom_tiers or []) if rule.type == "TIERING" and rule.tiering is not None else []
    if rule.type == "TIERING" and not tiers:
        return
    row = {
        "pricing_rule_id": rule_id,
        "pricing_plan_id": pricing.plan_ids[plan],
        "scope": rule.scope,
        "rule_type": "TIERED" if tiers else rule.type,
        "percentage": "" if tiers or rule.modifier_percentage is None else shown_number(rule.modifier_percentage),
        "billing_entity": rule.billing_entity or "",
        "service_code": rule.service or "",
        "usage_type": rule.usage_type or "",
        "operation": rule.operation or "",
        "include_fees": "false",
        "start_period": f"{period:%Y-%m}",
    }
    tier_rows = [
        {
            "pricing_rule_id": rule_id,
            "tier_start": shown_number(tier.begin_range_inclusive),
            "tier_end": "" if tier.end_range_exclusive is None else shown_number(tier.end_range_exclusive),
            "rate": shown_number(tier.rate_value),
        }
        for tier in tiers
    ]
    refused = cell_problems("pricing_rules", row)
    refused += [problem for tier in tier_rows for problem in cell_problems("pricing_rule_tiers", tier)]
    if refused:
        findings.lacks(
            f"pricing rule {rule.name}",
            rule.arn,
            f"{'; '.join(refused)}. Not imported.",
            "Add the rule by hand with a value that the file may hold.",
        )
        return
    pricing.rows["pricing_rules"].append(row)
    pricing.rows["pricing_rule_tiers"] += tier_rows
    pricing.rule_ids.append((rule_id, rule.arn))


def _check_free_tier(pricing: ImportedPricing, plan: str, rules: list[PricingRule], findings: Findings) -> None:
    switches = [
        (rule, rule.tiering.free_tier.activated)
        for rule in rules
        if rule.type == "TIERING" and rule.tiering is not None and rule.tiering.free_tier is not None
    ]
    is_off = any(rule.scope == "GLOBAL" and not is_active for rule, is_active in switches)
    if is_off:
        pricing.free_tier[plan] = "withhold"
    for rule, is_active in switches:
        if is_active == is_off:
            findings.lacks(
                f"pricing rule {rule.name}",
                rule.arn,
                f"It switches the free tier {'on' if is_active else 'off'} for {rule.service or rule.scope} alone; "
                f"here it is one policy for all services (R1), written as {pricing.free_tier[plan]}. Not imported.",
                f"Decide for all services in free_tier_policy of the groups on plan {pricing.plan_ids[plan]}.",
            )
