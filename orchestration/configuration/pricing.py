"""Rules about pricing rules and their tiers (R2 to R6).

What is here: which scope, type and columns go together, tiers of TIERED rules, and rules that could tie.
When to add here: a new scope or rule type, or a new way for two rules to compete.
What does not belong here: how a winning rule prices a row; that is dbt's.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

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
                f"is not possible for {rule_type}: only a MARKUP or DISCOUNT acts on fees (R7)",
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
    types = {record.text("pricing_rule_id"): record for record in rules.records if record.has("pricing_rule_id")}
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

    record: Record
    interval: Interval
    plan_id: str
    scope: str
    billing_entity: str
    service_code: str
    usage_type: str
    operation: str
    region: str

    @property
    def rivals(self) -> tuple[str, ...]:
        """What rules have in common that can tie; for SKU rules, usage type and operation decide further."""
        return (self.plan_id, self.scope, self.billing_entity, self.service_code, self.region)


@dataclass(frozen=True, slots=True)
class _Tie:
    """Two rules that tie, the earlier line first, and the first time at which they do."""

    first: _Rule
    second: _Rule
    interval: Interval


def check_rule_ties(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield rules that could win the same row, in the same period, as an earlier line of their plan (R2).

    Only the more precise scope, then usage type with operation, then a named region decide between two rules.
    Type, percentage and ``include_fees`` do not: every rule acts on usage, so two rules that match one usage
    row both compete. A rule that names only the usage type and one that names only the operation meet on rows
    with both, unless a rule that names both takes those rows from them.
    """
    sheet = sheets["pricing_rules"]
    rivals: dict[tuple[str, ...], list[_Rule]] = {}
    exact: dict[tuple[str, ...], list[Interval]] = {}
    for rule in _competing_rules(sheet):
        rivals.setdefault(rule.rivals, []).append(rule)
        if rule.usage_type and rule.operation:
            key = (rule.plan_id, rule.service_code, rule.usage_type, rule.operation, rule.region)
            exact.setdefault(key, []).append(rule.interval)
    for rules in rivals.values():
        reported: set[int] = set()
        ties = [*_ties_on_equal_names(rules), *_ties_on_different_names(rules, exact)]
        for tie in sorted(ties, key=lambda tie: (tie.second.record.line, tie.first.record.line)):
            if tie.second.record.line not in reported:
                reported.add(tie.second.record.line)
                yield _tie_problem(sheet, tie)


def _competing_rules(sheet: Sheet) -> Iterator[_Rule]:
    columns = (
        "pricing_plan_id",
        "scope",
        "billing_entity",
        "service_code",
        "usage_type",
        "operation",
        "region",
    )
    for record in sheet.records:
        interval = sheet.interval(record)
        if interval is None or not record.has(*columns):
            continue
        plan_id, scope, entity, service, usage_type, operation, region = map(record.text, columns)
        if scope == "SKU" and not usage_type and not operation:
            continue
        # Cells that the scope does not use are reported on their own; they do not make a rule more precise.
        entity = entity if scope == "BILLING_ENTITY" else ""
        service = service if scope in ("SERVICE", "SKU") else ""
        usage_type, operation = (usage_type, operation) if scope == "SKU" else ("", "")
        yield _Rule(record, interval, plan_id, scope, entity, service, usage_type, operation, region)


def _ties_on_equal_names(rules: Iterable[_Rule]) -> Iterator[_Tie]:
    same: dict[tuple[str, str], list[_Rule]] = {}
    for rule in rules:
        same.setdefault((rule.usage_type, rule.operation), []).append(rule)
    for group in same.values():
        reaching: _Rule | None = None
        for rule in sorted(group, key=lambda item: (item.interval.start, item.record.line)):
            if reaching is not None and rule.interval.overlaps(reaching.interval):
                yield _tie(reaching, rule, rule.interval.common(reaching.interval))
            if reaching is None or rule.interval.end > reaching.interval.end:
                reaching = rule


def _ties_on_different_names(rules: Iterable[_Rule], exact: Mapping[tuple[str, ...], list[Interval]]) -> Iterator[_Tie]:
    by_usage_type = [rule for rule in rules if rule.usage_type and not rule.operation]
    by_operation = [rule for rule in rules if rule.operation and not rule.usage_type]
    for one, other in product(by_usage_type, by_operation):
        if not one.interval.overlaps(other.interval):
            continue
        key = (one.plan_id, one.service_code, one.usage_type, other.operation)
        taken = [span for region in {"", one.region} for span in exact.get((*key, region), [])]
        for span in one.interval.common(other.interval).gaps(taken)[:1]:
            yield _tie(one, other, span)


def _tie(one: _Rule, other: _Rule, interval: Interval) -> _Tie:
    first, second = sorted((one, other), key=lambda rule: rule.record.line)
    return _Tie(first, second, interval)


def _tie_problem(sheet: Sheet, tie: _Tie) -> ConfigProblem:
    first, second = tie.first, tie.second
    is_same_name = (first.usage_type, first.operation) == (second.usage_type, second.operation)
    row = {
        "billing entity": second.billing_entity,
        "service": second.service_code,
        "usage type": first.usage_type or second.usage_type,
        "operation": first.operation or second.operation,
        "region": second.region,
    }
    return sheet.problem(
        second.record,
        "pricing_rule_id",
        f"ties with rule {first.record.texts.get('pricing_rule_id')!r} on line {first.record.line}: both are "
        f"equally precise {second.scope} rules of plan {second.plan_id!r} and match "
        f"{_described(row)} {sheet.show_interval(tie.interval)} (R2)",
        f"{'Make one more precise' if is_same_name else 'Add a rule for both'}, remove one, "
        "or end one before the other begins.",
    )


def _described(row: Mapping[str, str]) -> str:
    parts = [f"{name} {text}" for name, text in row.items() if text]
    return ", ".join(parts) if parts else "every row"
