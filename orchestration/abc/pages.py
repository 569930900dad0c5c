"""Reading what `aws billingconductor list-…` printed, whatever the files are called.

What is here: ``read_export``: files to JSON texts, to answers or bare lists, to one ``Export`` of all objects by key.
When to add here: another list of Billing Conductor, or another way in which its output is saved.
What does not belong here: what the objects mean for our configuration.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from orchestration.abc.objects import (
    AssociatedResource,
    BillingGroup,
    CustomLineItem,
    CustomLineItemVersion,
    LinkedAccount,
    Page,
    PricingPlan,
    PricingRule,
    key_of,
    unknown_fields,
)
from orchestration.errors import BillingConductorError, ExportProblem

__all__ = ["Export", "Place", "UnknownField", "read_export"]

_Kind = TypeVar("_Kind", BillingGroup, CustomLineItem, LinkedAccount, PricingPlan, PricingRule)

_COMMANDS = {
    "BillingGroups": "list-billing-groups",
    "LinkedAccounts": "list-account-associations",
    "PricingPlans": "list-pricing-plans",
    "PricingRules": "list-pricing-rules",
    "PricingRuleArns": "list-pricing-rules-associated-to-pricing-plan",
    "CustomLineItems": "list-custom-line-items",
    "CustomLineItemVersions": "list-custom-line-item-versions",
    "AssociatedResources": "list-resources-associated-to-custom-line-item",
}
_OWNERS = {"PricingRuleArns": "PricingPlanArn", "AssociatedResources": "Arn"}
_LISTS_OF_ARN = {"billinggroup": "BillingGroups", "pricingplan": "PricingPlans", "pricingrule": "PricingRules"}
_SAVE_AGAIN = "Save the whole answer again: aws billingconductor {} --output json."


@dataclass(frozen=True)
class Place:
    """Where something stands: the file and the JSON path in it."""

    file: str
    path: str

    def problem(self, value: object, expected: str, what_to_do: str) -> ExportProblem:
        """Return a problem at this place."""
        shown = None if value is None else _shortened(value)
        return ExportProblem(self.file, self.path, shown, expected, what_to_do)


@dataclass(frozen=True)
class UnknownField:
    """A field with content that is not part of the API as it is known here."""

    place: Place
    value: str


@dataclass(frozen=True)
class Export:
    """Everything the files hold, by the last part of its ARN (accounts: by account id).

    Attributes:
        rules_of_plan: keys of the rules of each plan whose list was given, in order.
        versions: the versions of each custom line item whose list was given.
        resources: what each custom line item is associated with, where that list was given.
        has_accounts: whether any list of accounts was given, even an empty one.
        billing_period: the one period that the answers name; None where none does.
        places: (list, key) -> where the object stands.
    """

    groups: dict[str, BillingGroup] = field(default_factory=dict)
    accounts: dict[str, LinkedAccount] = field(default_factory=dict)
    plans: dict[str, PricingPlan] = field(default_factory=dict)
    rules: dict[str, PricingRule] = field(default_factory=dict)
    rules_of_plan: dict[str, list[str]] = field(default_factory=dict)
    items: dict[str, CustomLineItem] = field(default_factory=dict)
    versions: dict[str, list[CustomLineItemVersion]] = field(default_factory=dict)
    resources: dict[str, list[AssociatedResource]] = field(default_factory=dict)
    has_accounts: bool = False
    billing_period: date | None = None
    unknown_fields: tuple[UnknownField, ...] = ()
    places: dict[tuple[str, str], Place] = field(default_factory=dict)


@dataclass(frozen=True)
class _Answer:
    """One list, in the page it came in; ``front`` is the JSON path of the page, or of the bare list."""

    file: str
    front: str
    kind: str
    page: Page
    is_bare: bool

    def place(self, position: int | None = None) -> Place:
        path = self.front if self.is_bare else f"{self.front}.{self.kind}"
        return Place(self.file, path if position is None else f"{path}[{position}]")

    @property
    def owner(self) -> str:
        """What the list is about, where each object has a list of its own."""
        match self.kind:
            case "PricingRuleArns":
                return key_of(self.page.pricing_plan_arn or "")
            case "AssociatedResources":
                return key_of(self.page.arn or "")
            case "CustomLineItemVersions":
                return key_of(next((item.arn for item in self.page.custom_line_item_versions or []), ""))
            case _:
                return ""


def read_export(files: Sequence[Path]) -> Export:
    """Read the lists in any number of files, each with one answer, several, or the bare list of one.

    Numbers are taken from the text as exact decimals.

    Raises:
        BillingConductorError: anything cannot be read, contradicts itself or is incomplete; all problems at once.
    """
    problems: list[ExportProblem] = []
    answers: list[_Answer] = []
    unknown: dict[UnknownField, None] = {}
    for file in files:
        for front, value in _texts(file, problems):
            for answer in _answers(file, front, value, problems):
                answers.append(answer)
                for path, content in unknown_fields(answer.page):
                    shown = path.removeprefix(answer.kind) if answer.is_bare else f".{path}"
                    unknown[UnknownField(Place(answer.file, answer.front + shown), _shortened(content))] = None
    problems += _incomplete(answers)
    export = _merged(answers, tuple(unknown), problems)
    if problems:
        raise BillingConductorError(problems)
    return export


def _texts(file: Path, problems: list[ExportProblem]) -> Iterator[tuple[str, Any]]:
    try:
        content = file.read_bytes()
        # PowerShell saves redirected output as UTF-16.
        text = content.decode(json.detect_encoding(content))
    except OSError as error:
        reason = error.strerror or str(error)
        problems.append(ExportProblem(str(file), None, None, f"cannot be read: {reason}", "Check the file."))
        return
    except UnicodeDecodeError:
        problems.append(ExportProblem(str(file), None, None, "is not UTF-8 text", _SAVE_AGAIN.format("list-…")))
        return
    text = text.removeprefix("\ufeff")
    decoder = json.JSONDecoder(parse_float=_number, parse_int=_number, parse_constant=str)
    position, count = 0, 0
    while rest := re.compile(r"\S").search(text, position):
        try:
            value, position = decoder.raw_decode(text, rest.start())
        except json.JSONDecodeError as error:
            problems.append(
                ExportProblem(
                    f"{file} line {error.lineno} column {error.colno}",
                    None,
                    _shortened(text[error.pos : error.pos + 20]) if error.pos < len(text) else None,
                    f"is not JSON ({error.msg})",
                    _SAVE_AGAIN.format("list-…"),
                )
            )
            return
        except RecursionError:
            problems.append(ExportProblem(str(file), None, None, "is nested too deeply", _SAVE_AGAIN.format("list-…")))
            return
        count += 1
        yield "$" if count == 1 else f"answer {count}: $", value
    if not count:
        problems.append(ExportProblem(str(file), None, None, "is empty", _SAVE_AGAIN.format("list-…")))


def _number(text: str) -> int | Decimal | str:
    # Text that even a decimal cannot hold stays text, and is refused where a number is expected.
    if re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _answers(file: Path, front: str, value: Any, problems: list[ExportProblem]) -> Iterator[_Answer]:
    if isinstance(value, list):
        if any(isinstance(item, dict) and not item.keys().isdisjoint(_COMMANDS) for item in value):
            for position, item in enumerate(value):
                yield from _answers(file, f"{front}[{position}]", item, problems)
            return
        if not value:
            return
        # An object that cannot be told is held against the kind of the others, which says what is wrong with it.
        kinds = {_kind_of(item) for item in value} - {None}
        if kinds == {"CustomLineItems", "CustomLineItemVersions"}:
            kinds = {"CustomLineItemVersions"}
        kind = kinds.pop() if len(kinds) == 1 else None
        if kind is None:
            problems.append(_unrecognised(Place(str(file), front), value[0]))
            return
        yield from _answer(file, front, kind, {kind: value}, problems, is_bare=True)
        return
    found = [name for name in _COMMANDS if isinstance(value, dict) and name in value]
    if not found and isinstance(value, dict) and "PricingPlanArn" in value:
        # AWS's model knows no empty list of rules: a plan without any may come without the list.
        found = ["PricingRuleArns"]
    if len(found) != 1:
        problems.append(_unrecognised(Place(str(file), front), value))
        return
    (kind,) = found
    owner = _OWNERS.get(kind)
    if owner is not None and not value.get(owner):
        problems.append(
            Place(str(file), f"{front}.{owner}").problem(
                None, "is missing, so nobody knows what the list is about", _SAVE_AGAIN.format(_COMMANDS[kind])
            )
        )
        return
    yield from _answer(file, front, kind, value, problems, is_bare=False)


def _kind_of(item: Any) -> str | None:
    """Return which list an object is from, by what is in it."""
    if not isinstance(item, dict):
        return None
    if "Arn" not in item:
        return "LinkedAccounts" if "AccountId" in item else None
    if "ChargeDetails" in item:
        is_dated = not item.keys().isdisjoint(("StartBillingPeriod", "EndBillingPeriod", "StartTime"))
        return "CustomLineItemVersions" if is_dated else "CustomLineItems"
    found = re.match(r"arn:[^:]*:billingconductor::[^:]*:([a-z]+)/", str(item["Arn"]))
    kind = _LISTS_OF_ARN.get(found[1]) if found else None
    # Associations hold ARNs of groups too, and say so.
    return None if "Relationship" in item else kind


def _unrecognised(place: Place, value: object) -> ExportProblem:
    return place.problem(
        value,
        "is none of the lists that are imported: " + ", ".join(_COMMANDS.values()),
        "Save whole answers of these commands, with --output json and without --query.",
    )


def _answer(
    file: Path, front: str, kind: str, page: dict[str, Any], problems: list[ExportProblem], *, is_bare: bool
) -> Iterator[_Answer]:
    try:
        yield _Answer(str(file), front, kind, Page.model_validate(page), is_bare)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            steps = detail["loc"][1:] if is_bare else detail["loc"]
            path = front + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
            is_missing = detail["type"] == "missing"
            problems.append(
                Place(str(file), path).problem(
                    None if is_missing else detail["input"],
                    "is missing" if is_missing else _expected(detail["type"], detail["msg"], detail.get("ctx", {})),
                    _SAVE_AGAIN.format(_COMMANDS[kind]),
                )
            )


def _expected(kind: str, message: str, context: dict[str, Any]) -> str:
    if kind == "string_pattern_mismatch":
        if "billingconductor" not in context["pattern"]:
            return "is not an account id of 12 digits"
        of = next(word for word in ("billinggroup|customlineitem", *_LISTS_OF_ARN, "customlineitem")
                  if word in context["pattern"])  # fmt: skip
        return f"is not an ARN of a {of.replace('|', ' or ')} of Billing Conductor"
    if kind in ("number", "period", "instant"):
        return message
    return (
        message.replace("Input should", "should").replace("String should", "should").replace("Value should", "should")
    )


def _incomplete(answers: Iterable[_Answer]) -> Iterator[ExportProblem]:
    """Yield lists whose last page is not there: every page of them says that another follows."""
    pages: dict[tuple[str, str], list[_Answer]] = {}
    for answer in answers:
        pages.setdefault((answer.kind, answer.owner), []).append(answer)
    for (kind, _), found in pages.items():
        if all(answer.page.next_token for answer in found):
            last = found[-1]
            yield Place(last.file, f"{last.front}.NextToken").problem(
                last.page.next_token,
                "says that the list goes on, and the rest was not given",
                f"Give the other pages too, or save again without --max-items: {_COMMANDS[kind]}.",
            )


def _merged(answers: Sequence[_Answer], unknown: tuple[UnknownField, ...], problems: list[ExportProblem]) -> Export:
    export = Export(
        has_accounts=any(answer.kind == "LinkedAccounts" for answer in answers),
        billing_period=_one_period(answers, problems),
        unknown_fields=unknown,
    )
    for answer in answers:
        page, owner = answer.page, answer.owner
        _take(export, export.groups, answer, page.billing_groups, problems)
        _take(export, export.accounts, answer, page.linked_accounts, problems)
        _take(export, export.plans, answer, page.pricing_plans, problems)
        _take(export, export.rules, answer, page.pricing_rules, problems)
        _take(export, export.items, answer, page.custom_line_items, problems)
        if answer.kind == "PricingRuleArns":
            export.places.setdefault((answer.kind, owner), answer.place())
            _extend(export.rules_of_plan.setdefault(owner, []), map(key_of, page.pricing_rule_arns or []))
        if answer.kind == "AssociatedResources":
            export.places.setdefault((answer.kind, owner), answer.place())
            _extend(export.resources.setdefault(owner, []), page.associated_resources or [])
        for position, version in enumerate(page.custom_line_item_versions or []):
            key = key_of(version.arn)
            export.places.setdefault((answer.kind, key), answer.place(position))
            _extend(export.versions.setdefault(key, []), [version])
    return export


def _take(
    export: Export,
    objects: dict[str, _Kind],
    answer: _Answer,
    found: list[_Kind] | None,
    problems: list[ExportProblem],
) -> None:
    for position, item in enumerate(found or []):
        key = item.account_id if isinstance(item, LinkedAccount) else key_of(item.arn)
        place = answer.place(position)
        if key not in objects:
            objects[key] = item
            export.places[answer.kind, key] = place
        elif objects[key] != item:
            first = export.places[answer.kind, key]
            problems.append(
                place.problem(
                    key,
                    f"stands in {first.file}, {first.path} with other content",
                    "Give lists of one time only: save them again, all at once.",
                )
            )


def _extend(known: list[Any], found: Iterable[Any]) -> None:
    known += [item for item in found if item not in known]


def _one_period(answers: Sequence[_Answer], problems: list[ExportProblem]) -> date | None:
    named = Counter(answer.page.billing_period for answer in answers if answer.page.billing_period is not None)
    if not named:
        return None
    usual = named.most_common(1)[0][0]
    for answer in answers:
        period = answer.page.billing_period
        if period is not None and period != usual:
            problems.append(
                Place(answer.file, f"{answer.front}.BillingPeriod").problem(
                    f"{period:%Y-%m}",
                    f"is another period than the {usual:%Y-%m} of the other lists",
                    "Save all lists for one --billing-period.",
                )
            )
    return usual


def _shortened(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "…"
