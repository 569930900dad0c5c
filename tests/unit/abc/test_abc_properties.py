"""Whatever AWS's model of the API allows is imported or told, and never half of it."""

import json
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from conductor import (
    BASIC_PLAN,
    OCTOBER,
    PASSTHROUGH_PLAN,
    Answer,
    Conductor,
    account,
    arn,
    enumeration,
    group,
    item,
    plan,
    rule,
    version,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.abc.importing import import_billing_conductor
from orchestration.abc.report import ImportReport
from orchestration.configuration.validate import read_configuration
from orchestration.errors import ConfigurationError

# Names that collide as ids are likelier than AWS's whole alphabet would make them.
_NAMES = st.text("aAbB1._-+=@", min_size=1, max_size=6)
_CODES = st.sampled_from(["AmazonEC2", "AmazonS3", "AWSLambda"])
_NUMBERS = st.one_of(
    st.integers(0, 300).map(float),
    st.decimals(0, 300, places=2, allow_nan=False).map(float),
    st.floats(0, 1e6, allow_nan=False),
)
_MONTHS = st.integers(0, 30).map(lambda month: f"{2026 + month // 12}-{month % 12 + 1:02}")


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def _filled(answer: Answer) -> Answer:
    return {name: value for name, value in answer.items() if value is not None}


def _words(shape: str) -> st.SearchStrategy[str]:
    return st.sampled_from([*enumeration(shape), "NEW_WORD"])


_TIERS = st.lists(
    st.builds(
        lambda begin, end, rate: _filled({"BeginRangeInclusive": begin, "EndRangeExclusive": end, "RateValue": rate}),
        _NUMBERS,
        _maybe(_NUMBERS),
        _NUMBERS,
    ),
    min_size=1,
    max_size=3,
)
_TIERING = st.builds(
    lambda free, tiers: _filled({"FreeTier": None if free is None else {"Activated": free}, "CustomTiers": tiers}),
    _maybe(st.booleans()),
    _maybe(_TIERS),
)
_RULE_FIELDS = st.builds(
    lambda *values: _filled(
        dict(zip(("ModifierPercentage", "Service", "BillingEntity", "UsageType", "Operation", "Tiering"), values,
                 strict=True))
    ),
    _maybe(_NUMBERS), _maybe(_CODES), _maybe(st.sampled_from(["AWS", "AWS Marketplace"])),
    _maybe(st.sampled_from(["BoxUsage", "EU-*", "a|b"])), _maybe(st.just("RunInstances")), _maybe(_TIERING),
)  # fmt: skip
_FILTERS = st.lists(
    st.builds(
        lambda attribute, option, values, services: _filled(
            {"Attribute": attribute, "MatchOption": option, "Values": values, "AttributeValues": services}
        ),
        _words("LineItemFilterAttributeName"),
        _words("MatchOption"),
        _maybe(st.lists(_words("LineItemFilterValue"), max_size=1)),
        _maybe(st.lists(_CODES, max_size=1)),
    ),
    max_size=1,
)


@st.composite
def _conductors(draw: st.DrawFn) -> Conductor:
    conductor = Conductor()
    plan_arns = [BASIC_PLAN, PASSTHROUGH_PLAN]
    for number in range(draw(st.integers(0, 4))):
        key = f"rule{number:06}"
        conductor.rules.append(
            rule(
                key,
                draw(_NAMES),
                draw(_words("PricingRuleScope")),
                draw(_words("PricingRuleType")),
                **draw(_RULE_FIELDS),
            )
        )
    for number in range(draw(st.integers(0, 3)) if conductor.rules else 0):
        key = f"plan{number:06}"
        conductor.plans.append(plan(key, draw(_NAMES)))
        plan_arns.append(arn("pricingplan", key))
        rules = [own["Arn"].rpartition("/")[2] for own in conductor.rules]
        conductor.rules_of_plan[key] = draw(st.lists(st.sampled_from(rules), min_size=1, unique=True))
    for number in range(draw(st.integers(1, 4))):
        own = group(
            f"groupabc0{number:02}",
            draw(_NAMES),
            draw(st.sampled_from(plan_arns)),
            CreationTime=draw(st.integers(OCTOBER - 10**8, OCTOBER + 10**7)),
            AccountGrouping={"AutoAssociate": draw(st.booleans())},
            Status=draw(_words("BillingGroupStatus")),
        )
        if draw(st.integers(0, 5)) == 0:
            del own["PrimaryAccountId"]
        conductor.groups.append(own)
    keys = [own["Arn"].rpartition("/")[2] for own in conductor.groups]
    conductor.accounts = [
        account(f"{number:012}", draw(_maybe(st.sampled_from(keys)))) for number in range(draw(st.integers(0, 6)))
    ]
    items = [f"item{number:06}" for number in range(draw(st.integers(0, 4)))]
    for key in items:
        is_flat = draw(st.booleans())
        charge = {"Type": draw(_words("CustomLineItemType")), "LineItemFilters": [] if is_flat else draw(_FILTERS)}
        charge |= (
            {"Flat": {"ChargeValue": draw(_NUMBERS)}}
            if is_flat
            else {"Percentage": {"PercentageValue": draw(_NUMBERS)}}
        )
        own = item(key, draw(_NAMES), draw(st.sampled_from(keys)), charge, CurrencyCode=draw(_words("CurrencyCode")))
        conductor.items.append(own)
        if draw(st.booleans()):
            conductor.versions[key] = [
                _filled({**version(own, draw(_MONTHS), draw(_maybe(_MONTHS))), "StartTime": draw(st.integers(0, 9))})
                for _ in range(draw(st.integers(1, 3)))
            ]
        if draw(st.booleans()):
            kinds = [("billinggroup", name) for name in keys] + [("customlineitem", name) for name in items]
            chosen = draw(st.lists(st.sampled_from(kinds), unique=True, max_size=3))
            conductor.resources[key] = [
                _filled({"Arn": arn(kind, name), "EndBillingPeriod": draw(_maybe(_MONTHS))}) for kind, name in chosen
            ]
    return conductor


def _import(conductor: Conductor, folder: Path) -> ImportReport:
    return import_billing_conductor(conductor.write(folder / "lists"), folder / "billing")


@settings(max_examples=150, deadline=None)
@given(_conductors())
def test_any_conductor_becomes_a_configuration_or_a_report_of_why_not(conductor: Conductor) -> None:
    with tempfile.TemporaryDirectory() as name:
        report = _import(conductor, Path(name))
        if report.configuration_problems:
            with pytest.raises(ConfigurationError) as refused:
                read_configuration(report.folder)
            assert report.configuration_problems == tuple(map(str, refused.value.problems))
        else:
            read_configuration(report.folder)
        # What a cell of an imported row holds is the loader's to accept: only what rows say together is left to mend.
        assert not any("digits after the point" in problem for problem in report.configuration_problems)

        told = {where for _, _, where in report.ids} | {finding.arn for finding in report.no_counterpart}
        listed = [*conductor.groups, *conductor.plans, *conductor.items]
        assert [own["Arn"] for own in listed if own["Arn"] not in told] == []
        for own in conductor.rules:
            free_tier = own["Type"] == "TIERING" and "FreeTier" in own.get("Tiering", {})
            assert own["Arn"] in told or free_tier
        for file in {file for file, _, _ in report.ids}:
            ids = [own for name, own, _ in report.ids if name == file]
            assert len(ids) == len(set(ids))


@settings(max_examples=150, deadline=None)
@given(st.decimals(0, 999_999, places=10, allow_nan=False))
def test_any_amount_keeps_every_digit(amount: Decimal) -> None:
    conductor = Conductor(
        [group("groupabc001", "A")],
        [account("111122223333", "groupabc001")],
        items=[item("itemfee001", "Fee", "groupabc001", {"Flat": {"ChargeValue": 0.0}, "Type": "FEE"})],
    )
    with tempfile.TemporaryDirectory() as name:
        files = conductor.write(Path(name) / "lists")
        for file in files:
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace('"ChargeValue": 0.0', f'"ChargeValue": {amount}'), encoding="utf-8")
            json.loads(file.read_text(encoding="utf-8"))
        report = import_billing_conductor(files, Path(name) / "billing")
        assert read_configuration(report.folder).custom_line_items[0].amount == amount
