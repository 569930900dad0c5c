"""Rules about charges of a whole group: custom line items, shared costs, support plans (G1 to G4, F1).

What is here: what may refer to what, which methods and weights go together, and support plans in force when
needed.
When to add here: a new kind of group-level charge.
What does not belong here: how such a charge is computed; that is dbt's.
"""

from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from orchestration.configuration.intervals import Interval
from orchestration.configuration.membership import group_lives
from orchestration.configuration.sheets import Record, Sheet, Sheets
from orchestration.configuration.tiers import check_tier_chain, check_tier_ends, has_readable_tier
from orchestration.errors import ConfigProblem

__all__ = [
    "check_custom_line_items",
    "check_shared_cost_methods",
    "check_shared_cost_sources",
    "check_shared_cost_targets",
    "check_support_plans",
    "check_support_tiers",
]

_METHODS_OF_SOURCE = {
    "account": ("PROPORTIONAL", "EVEN", "FIXED"),
    "fixed": ("PROPORTIONAL", "EVEN", "FIXED"),
    "payer_savings": ("EXACT_SAVINGS", "NORMALIZED_HOURS"),
}


def check_custom_line_items(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield items whose display or associated items make no sense (G3)."""
    sheet = sheets["custom_line_items"]
    by_id = {
        record.text("custom_line_item_id"): record for record in sheet.records if record.has("custom_line_item_id")
    }
    for record in sheet.records:
        is_flat = record.has("calculation") and record.text("calculation") == "FLAT"
        if is_flat and record.has("computation_rule") and record.text("computation_rule") == "ITEMIZED":
            yield sheet.problem(
                record,
                "computation_rule",
                "is not possible for a FLAT item, which has no services to itemize (G3)",
                "Write CONSOLIDATED, or leave it empty.",
            )
        if not record.has("associated_item_ids", "billing_group_id"):
            continue
        group_id = record.text("billing_group_id")
        for item_id in record.items("associated_item_ids"):
            item = by_id.get(item_id)
            if item is None:
                continue
            if item.has("calculation") and item.text("calculation") != "FLAT":
                yield sheet.problem(
                    record,
                    "associated_item_ids",
                    f"is a percentage item (line {item.line}), but only flat items can join a base (G3)",
                    "Name flat items only.",
                    value=item_id,
                )
            item_group_id = item.text("billing_group_id") if item.has("billing_group_id") else group_id
            if item_group_id != group_id:
                yield sheet.problem(
                    record,
                    "associated_item_ids",
                    f"is an item of group {item_group_id!r} (line {item.line}), not of group {group_id!r} (G3)",
                    "Name items of the same billing group only.",
                    value=item_id,
                )


def check_shared_cost_methods(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield shared cost rules whose method does not fit what is spread (G1, G1b)."""
    sheet = sheets["shared_cost_rules"]
    for record in sheet.records:
        if not record.has("source_kind", "method"):
            continue
        methods = _METHODS_OF_SOURCE[record.text("source_kind")]
        if record.text("method") not in methods:
            yield sheet.problem(
                record,
                "method",
                f"is not one of {', '.join(methods)}, as source_kind is {record.text('source_kind')}",
                "Use one of these.",
            )


def check_shared_cost_targets(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield shared cost rules without targets, and weights that do not decide what they seem to (G1, M5)."""
    rules, targets = sheets["shared_cost_rules"], sheets["shared_cost_targets"]
    targets_of_rule = targets.by_text("shared_cost_rule_id")
    for rule in rules.records:
        if not rule.has("shared_cost_rule_id", "source_kind", "method"):
            continue
        rule_id, method = rule.text("shared_cost_rule_id"), rule.text("method")
        records = targets_of_rule.get(rule_id, [])
        if not records:
            if rule.text("source_kind") != "payer_savings" and not targets.may_hold(rule_id):
                yield rules.problem(
                    rule,
                    "shared_cost_rule_id",
                    "has no row in shared_cost_targets.csv, so its cost would be spread over nobody (G1)",
                    "Add the billing groups that share it.",
                )
            continue
        if not all(record.has("weight") for record in records):
            continue
        if method == "FIXED":
            yield from _weight_problems(rules, targets, rule, records)
        elif len({record.number("weight") for record in records}) > 1:
            # Equal weights are harmless under any method; unequal ones show that somebody expects them to
            # count.
            yield targets.problem(
                next(record for record in records if record.is_filled("weight")),
                "weight",
                f"has no effect: rule {rule_id!r} (shared_cost_rules.csv line {rule.line}) is {method}",
                "Use method FIXED, or leave the weights empty.",
            )


def _weight_problems(rules: Sheet, targets: Sheet, rule: Record, records: list[Record]) -> Iterator[ConfigProblem]:
    rule_id = rule.text("shared_cost_rule_id")
    missing = [record for record in records if record.number("weight") is None]
    for record in missing:
        yield targets.problem(
            record,
            "weight",
            f"is empty, but rule {rule_id!r} spreads by FIXED weights",
            "Write the group's weight.",
        )
    has_weight = any(record.number("weight") for record in records)
    if not missing and not has_weight and not targets.may_hold(rule_id):
        yield targets.problem(
            records[0],
            "weight",
            f"leaves the sum of the weights of rule {rule_id!r} at 0 (M5)",
            "Give at least one group a weight above 0.",
        )


def check_shared_cost_sources(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield rules that spread the same cost, or give back the same savings, twice in a period (G1, G1b)."""
    sheet = sheets["shared_cost_rules"]
    targets_of_rule = {
        rule_id: {record.text("billing_group_id") for record in records if record.has("billing_group_id")}
        for rule_id, records in sheets["shared_cost_targets"].by_text("shared_cost_rule_id").items()
    }
    earlier: list[tuple[Interval, Record]] = []
    for record in sheet.records:
        interval = sheet.interval(record)
        columns = ("shared_cost_rule_id", "source_kind", "source_account_id", "source_service_code")
        if interval is None or not record.has(*columns) or record.text("source_kind") == "fixed":
            continue
        for other_interval, other in earlier:
            if not interval.overlaps(other_interval) or not _share_source(record, other, targets_of_rule):
                continue
            yield sheet.problem(
                record,
                "shared_cost_rule_id",
                f"has the same source as rule {other.text('shared_cost_rule_id')!r} on line {other.line} "
                f"{sheet.show_interval(interval.common(other_interval))} (G1)",
                "Remove one, narrow one, or end one before the other begins.",
            )
            break
        earlier.append((interval, record))


def _share_source(one: Record, other: Record, targets_of_rule: dict[str, set[str]]) -> bool:
    if one.text("source_kind") != other.text("source_kind"):
        return False
    accounts = {one.text("source_account_id"), other.text("source_account_id")}
    if one.text("source_kind") == "account":
        return len(accounts) == 1 and one.text("source_service_code") == other.text("source_service_code")
    if len(accounts) == 2 and "" not in accounts:
        return False
    # Each group gets its own savings only once; a split by hours gives the whole of a commitment to its targets.
    if any(record.has("method") and record.text("method") == "NORMALIZED_HOURS" for record in (one, other)):
        return True
    targets = [targets_of_rule.get(record.text("shared_cost_rule_id"), set()) for record in (one, other)]
    return not all(targets) or not targets[0].isdisjoint(targets[1])


def check_support_plans(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield terms that recompute support by a plan that is not in force all the time (F1)."""
    terms, plans = sheets["billing_terms"], sheets["support_plans"]
    rows_of_plan = plans.by_text("support_plan_id")
    lives = group_lives(sheets)
    for record in terms.records:
        interval = terms.interval(record)
        if interval is None or not record.has("support_plan_id", "support_policy", "billing_group_id"):
            continue
        plan_id = record.text("support_plan_id")
        rows = rows_of_plan.get(plan_id, [])
        if record.text("support_policy") != "recompute" or not rows or plans.may_hold(plan_id):
            continue
        life = lives.get(record.text("billing_group_id"))
        needed = interval
        if life is not None:
            if not interval.overlaps(life[0]):
                continue
            needed = interval.common(life[0])
        in_force = [plan for row in rows if (plan := plans.interval(row)) is not None]
        if len(in_force) < len(rows):
            continue
        for gap in needed.gaps(in_force):
            yield terms.problem(
                record,
                "support_plan_id",
                f"is not in force {plans.show_interval(gap)} (support_plans.csv line {rows[0].line}; F1)",
                "Add the plan's row for that time, or other terms.",
            )


def check_support_tiers(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield support plans whose tiers do not cover all charges exactly once at some time of the plan (F1)."""
    plans, tiers = sheets["support_plans"], sheets["support_plan_tiers"]
    yield from check_tier_ends(tiers)
    tiers_of_plan = tiers.by_text("support_plan_id")
    for plan_id, rows in plans.by_text("support_plan_id").items():
        records = tiers_of_plan.get(plan_id, [])
        dated = [(interval, record) for record in records if (interval := tiers.interval(record)) is not None]
        if len(dated) < len(records) or not all(map(has_readable_tier, records)) or tiers.may_hold(plan_id):
            continue
        reported: set[ConfigProblem] = set()
        for row in rows:
            life = plans.interval(row)
            if life is None:
                continue
            for span in _spans(life, [interval for interval, _ in dated]):
                found = [record for interval, record in dated if interval.overlaps(span)]
                if found:
                    when = tiers.show_interval(span)
                    problems = list(check_tier_chain(tiers, found, f"plan {plan_id!r} {when} (F1)"))
                else:
                    problems = [
                        plans.problem(
                            row,
                            "support_plan_id",
                            f"has no row in support_plan_tiers.csv {tiers.show_interval(span)} (F1)",
                            "Add its tiers: the first from 0, the last open.",
                        )
                    ]
                yield from (problem for problem in problems if problem not in reported)
                reported.update(problems)


def _spans(life: Interval, parts: list[Interval]) -> list[Interval]:
    """Return ``life`` cut wherever one of ``parts`` begins or ends: each span has one set of tiers."""
    cuts: set[date] = {life.start, life.end}
    cuts.update(day for part in parts for day in (part.start, part.end) if life.start < day < life.end)
    ordered = sorted(cuts)
    return [Interval(start, end) for start, end in pairwise(ordered)]
