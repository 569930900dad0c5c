"""Rules about pricing rules and their tiers (R2 to R6).

What is here: which scope, type and columns go together, tiers of TIERED rules, and rules that could tie.
When to add here: a new scope or rule type, or a new way for two rules to compete.
What does not belong here: how a winning rule prices a row; that is dbt's.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from orchestration.configuration.intervals import Interval
from orchestration.configuration.sheets import Record, Sheet, Sheets
from orchestration.configuration.tiers import check_tier_chain, check_tier_ends, has_readable_tier
from orchestration.errors import ConfigProblem

__all__ = ["check_pricing_rules", "check_rule_tiers", "check_rule_ties"]

_SCOPES_OF_TYPE = {"FIXED_RATE": ("SKU", "SERVICE"), "TIERED": ("SKU",)}


def check_pricing_rules(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield rules whose scope, type and values do not go together (R3 to R7)."""
    sheet = sheets["pricing_rules"]
    for record in sheet.records:
        rule_type = record.text("rule_type") if record.has("rule_type") else ""
        scope = record.text("scope") if record.has("scope") else ""
        scopes = _SCOPES_OF_TYPE.get(rule_type)
        if scopes is not None and scope and scope not in scopes:
            yield sheet.problem(
                record,
                "scope",
                f"is not {' or '.join(scopes)}, but rule_type is {rule_type} ({_rule_id_of(rule_type)})",
                f"Prices per unit need a unit: use scope {' or '.join(scopes)}.",
            )
        names_usage = not record.has("usage_type", "operation") or any(
            record.text(column) for column in ("usage_type", "operation")
        )
        if scope == "SKU" and not names_usage:
            yield sheet.problem(
                record,
                "usage_type",
                "is empty and so is operation, but scope SKU needs one of them (R6)",
                "Fill in usage_type, operation or both, or use scope SERVICE.",
            )
        if rule_type in _SCOPES_OF_TYPE and record.has("include_fees") and record.is_true("include_fees"):
            yield sheet.problem(
                record,
                "include_fees",
                f"is true, but only a MARKUP or DISCOUNT can act on fees, not {rule_type} (R7)",
                "Write false.",
            )
        if rule_type == "DISCOUNT" and record.has("percentage"):
            percentage = record.number("percentage")
            if percentage is not None and percentage > 100:
                yield sheet.problem(
                    record,
                    "percentage",
                    "is above 100, but a DISCOUNT takes off 100 at most (R3)",
                    "Write a number from 0 to 100.",
                )


def _rule_id_of(rule_type: str) -> str:
    return "R4" if rule_type == "FIXED_RATE" else "R5"


def check_rule_tiers(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield TIERED rules without a whole chain of tiers, and tiers of other rules (R5)."""
    rules, tiers = sheets["pricing_rules"], sheets["pricing_rule_tiers"]
    yield from check_tier_ends(tiers)
    tiers_of_rule = tiers.by_text("pricing_rule_id")
    types = {
        record.text("pricing_rule_id"): record for record in rules.records if record.has("pricing_rule_id")
    }
    for rule_id, records in tiers_of_rule.items():
        rule = types.get(rule_id)
        if rule is not None and rule.has("rule_type") and rule.text("rule_type") != "TIERED":
            yield tiers.problem(
                records[0],
                "pricing_rule_id",
                f"is a {rule.text('rule_type')} (pricing_rules.csv line {rule.line}), without tiers (R5)",
                "Make the rule TIERED, or remove its tiers.",
            )
        elif all(map(has_readable_tier, records)) and not tiers.may_hold(rule_id):
            yield from check_tier_chain(tiers, records, f"rule {rule_id!r} (R5)")
    for rule_id, rule in types.items():
        if not rule.has("rule_type") or rule.text("rule_type") != "TIERED":
            continue
        if rule_id not in tiers_of_rule and not tiers.may_hold(rule_id):
            yield rules.problem(
                rule,
                "pricing_rule_id",
                "is a TIERED rule, but has no row in pricing_rule_tiers.csv (R5)",
                "Add its tiers: the first from 0, the last open.",
            )


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule as far as it decides which rows the rule matches and which rules it beats."""

    interval: Interval
    record: Record
    usage_type: str
    operation: str


def check_rule_ties(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield rules that could win the same row, in the same period, as an earlier line of their plan (R2).

    Only the more precise scope, then usage type with operation, then a named region decide between two rules.
    Type, percentage and ``include_fees`` do not: every rule acts on usage, so two rules that match one usage
    row both compete. A rule that names only the usage type and one that names only the operation match the
    row that has both.
    """
    sheet = sheets["pricing_rules"]
    rivals: dict[tuple[str, ...], list[_Rule]] = {}
    for record in sheet.records:
        interval = sheet.interval(record)
        columns = (
            "pricing_plan_id",
            "scope",
            "billing_entity",
            "service_code",
            "usage_type",
            "operation",
            "region",
        )
        if interval is None or not record.has(*columns):
            continue
        plan_id, scope, entity, service, usage_type, operation, region = (
            record.text(name) for name in columns
        )
        if scope == "SKU" and not usage_type and not operation:
            continue
        # Cells that the scope does not use are reported on their own; they do not make a rule more precise.
        entity = entity if scope == "BILLING_ENTITY" else ""
        service = service if scope in ("SERVICE", "SKU") else ""
        usage_type, operation = (usage_type, operation) if scope == "SKU" else ("", "")
        precision = "both" if usage_type and operation else "one" if usage_type or operation else "none"
        rivals.setdefault((plan_id, scope, precision, entity, service, region), []).append(
            _Rule(interval, record, usage_type, operation)
        )
    for (plan_id, scope, *_), rules in rivals.items():
        reported: set[int] = set()
        for first, second in _tying_pairs(rules):
            if second.record.line in reported:
                continue
            reported.add(second.record.line)
            yield _tie_problem(sheet, plan_id, scope, first, second)


def _tying_pairs(rules: list[_Rule]) -> Iterator[tuple[_Rule, _Rule]]:
    """Yield pairs of equally precise rules that can match one row, the earlier line first."""
    same: dict[tuple[str, str], list[_Rule]] = {}
    for rule in rules:
        same.setdefault((rule.usage_type, rule.operation), []).append(rule)
    pairs = [pair for group in same.values() for pair in _overlapping(group)]
    by_usage_type = [rule for rule in rules if rule.usage_type and not rule.operation]
    by_operation = [rule for rule in rules if rule.operation and not rule.usage_type]
    pairs += [
        (one, other) if one.record.line < other.record.line else (other, one)
        for one in by_usage_type
        for other in by_operation
        if one.interval.overlaps(other.interval)
    ]
    yield from sorted(pairs, key=lambda pair: (pair[1].record.line, pair[0].record.line))


def _overlapping(rules: Iterable[_Rule]) -> Iterator[tuple[_Rule, _Rule]]:
    reaching: _Rule | None = None
    for rule in sorted(rules, key=lambda item: (item.interval.start, item.record.line)):
        if reaching is not None and rule.interval.overlaps(reaching.interval):
            first, second = sorted((reaching, rule), key=lambda item: item.record.line)
            yield first, second
        if reaching is None or rule.interval.end > reaching.interval.end:
            reaching = rule


def _tie_problem(sheet: Sheet, plan_id: str, scope: str, first: _Rule, second: _Rule) -> ConfigProblem:
    row = {
        "billing entity": second.record.text("billing_entity") if scope == "BILLING_ENTITY" else "",
        "service": second.record.text("service_code") if scope in ("SERVICE", "SKU") else "",
        "usage type": first.usage_type or second.usage_type,
        "operation": first.operation or second.operation,
        "region": second.record.text("region"),
    }
    return sheet.problem(
        second.record,
        "pricing_rule_id",
        f"ties with rule {first.record.texts.get('pricing_rule_id')!r} on line {first.record.line}: "
        f"both are equally precise {scope} rules of plan {plan_id!r} and match {_described(row)} "
        f"{sheet.show_interval(first.interval.common(second.interval))} (R2)",
        "Remove one, make one more precise, or end one before the other begins.",
    )


def _described(row: Mapping[str, str]) -> str:
    parts = [f"{name} {text}" for name, text in row.items() if text]
    return ", ".join(parts) if parts else "every row"
