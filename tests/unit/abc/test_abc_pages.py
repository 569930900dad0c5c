"""Files are told by what is in them, however they were saved."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from conductor import PERIOD, Answer, account, arn, flat, group, item, rule, story, version

from orchestration.abc.pages import Export, read_export
from orchestration.errors import BillingConductorError


def _read(folder: Path, *texts: str) -> Export:
    files = []
    for number, text in enumerate(texts):
        files.append(folder / f"page-{number}")
        files[-1].write_text(text, encoding="utf-8")
    return read_export(files)


def _problems(folder: Path, *texts: str) -> list[str]:
    with pytest.raises(BillingConductorError) as refused:
        _read(folder, *texts)
    return [str(problem).removeprefix(f"{folder}/") for problem in refused.value.problems]


GROUP = group("groupacme01", "Acme")
OTHER = group("groupblue01", "Blue")


def _groups(*groups: Answer, **fields: object) -> str:
    return json.dumps({"BillingGroups": groups} | fields)


@pytest.mark.parametrize(
    "texts",
    [
        [_groups(GROUP, OTHER)],
        [_groups(GROUP, NextToken="a"), _groups(OTHER)],
        [_groups(GROUP, NextToken="a") + "\n" + _groups(OTHER)],
        [_groups(GROUP, NextToken="a") + _groups(OTHER)],
        [f"[{_groups(GROUP, NextToken='a')}, {_groups(OTHER)}]"],
        [json.dumps([GROUP, OTHER])],
        [json.dumps([GROUP]), json.dumps([OTHER])],
        [_groups(GROUP, OTHER), _groups(OTHER)],
        ["\ufeff" + _groups(GROUP, OTHER, ResponseMetadata={"HTTPStatusCode": 200})],
    ],
)
def test_pages_files_and_bare_lists_mean_the_same(tmp_path: Path, texts: list[str]) -> None:
    export = _read(tmp_path, *texts)
    assert [found.name for found in export.groups.values()] == ["Acme", "Blue"]
    assert export.unknown_fields == ()


def test_powershell_saves_utf_16(tmp_path: Path) -> None:
    file = tmp_path / "groups.json"
    file.write_bytes(_groups(GROUP).encode("utf-16"))
    assert list(read_export([file]).groups) == ["groupacme01"]


def test_every_list_is_recognised(tmp_path: Path) -> None:
    export = read_export(story().write(tmp_path))
    assert export.billing_period == date(2026, 10, 1)
    assert export.has_accounts
    assert {len(export.groups), len(export.plans)} == {2}
    assert len(export.accounts) == 4
    assert len(export.rules) == len(export.rules_of_plan["planretail"]) == 6
    assert len(export.items) == 3
    assert len(export.versions["itemfee001"]) == 2
    assert len(export.resources["itemshare1"]) == 2


def test_every_bare_list_is_recognised(tmp_path: Path) -> None:
    fee = item("itemfee001", "Fee", "groupacme01", flat(1.5))
    lists = [
        [account("111122223333", "groupacme01")],
        [rule("rulemarkup", "Plus")],
        [fee],
        [version(fee, "2026-10")],
        [],
    ]
    export = _read(tmp_path, *map(json.dumps, lists))
    assert (len(export.accounts), len(export.rules), len(export.items), len(export.versions)) == (1, 1, 1, 1)


def test_numbers_come_from_the_text(tmp_path: Path) -> None:
    text = json.dumps({"PricingRules": [rule("rulemarkup", "Plus", ModifierPercentage="HERE")]})
    for written in ("0.1", "10", "7.10", "33.333333333333333333333333333333", "1e1", "123456789012345678901234567890"):
        export = _read(tmp_path, text.replace('"HERE"', written))
        assert export.rules["rulemarkup"].modifier_percentage == Decimal(written)


@pytest.mark.parametrize(
    "written", ['"10"', "true", "NaN", "Infinity", "-1", "1e999999", "1e-999", "1e99999999999999999999"]
)
def test_what_is_no_number_is_refused(tmp_path: Path, written: str) -> None:
    text = json.dumps({"PricingRules": [rule("rulemarkup", "Plus", ModifierPercentage="HERE")]})
    (problem,) = _problems(tmp_path, text.replace('"HERE"', written))
    assert problem.startswith("page-0, $.PricingRules[0].ModifierPercentage: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "page-0: is empty. Save the whole answer again"),
        ("{}", "page-0, $: '{}' is none of the lists that are imported: list-billing-groups, "),
        ('"BillingGroups"', "page-0, $: 'BillingGroups' is none of the lists"),
        ("7", "page-0, $: '7' is none of the lists"),
        (json.dumps(["arn"]), "page-0, $: 'arn' is none of the lists"),
        ('{"BillingGroupCostReports": []}', "is none of the lists"),
        ('{"BillingGroups": [], "PricingPlans": []}', "is none of the lists"),
        ('{"BillingGroups": {}}', "page-0, $.BillingGroups: '{}' should be a valid list"),
        ('{"BillingGroups": [3]}', "page-0, $.BillingGroups[0]: '3' should be a valid dictionary"),
        ('{"PricingRuleArns": []}', "$.PricingPlanArn: is missing, so nobody knows what the list is about"),
        ('{"AssociatedResources": []}', "$.Arn: is missing, so nobody knows what the list is about"),
        ('{"BillingGroups": [', "page-0 line 1 column"),
        ("BillingGroups:\n- Arn: x", "page-0 line 1 column 1: 'BillingGroups:\\n- Arn' is not JSON"),
        ("[" * 100_000, "page-0: is nested too deeply"),
        ('{"PricingPlans": [], "BillingPeriod": "October"}', "$.BillingPeriod: 'October' is not a billing period"),
        ('{"PricingPlans": [], "BillingPeriod": "2026-13"}', "'2026-13' is not a billing period"),
        (_groups(group("g", "A", CreationTime=-1)), "CreationTime: '-1' is not a time in seconds since 1970"),
        (_groups({**GROUP, "Arn": arn("pricingplan", "x")}), "is not an ARN of a billinggroup of Billing Conductor"),
        (_groups({**GROUP, "ComputationPreference": {}}), "[0].ComputationPreference.PricingPlanArn: is missing"),
        (json.dumps([GROUP, {"Name": "B"}]), "page-0, $[1].Arn: is missing"),
        (_groups(GROUP, NextToken="t"), "page-0, $.NextToken: 't' says that the list goes on"),
    ],
)  # fmt: skip
def test_bad_input_is_named_by_file_path_and_value(tmp_path: Path, text: str, message: str) -> None:
    found = _problems(tmp_path, text)
    assert any(message in problem for problem in found), found


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "groups.json"
    file.write_bytes(b'{"BillingGroups": "\xe9\xe9"}')
    with pytest.raises(BillingConductorError, match="is not UTF-8 text"):
        read_export([file])


@pytest.mark.parametrize("rules", [{}, {"PricingRuleArns": None}, {"PricingRuleArns": []}])
def test_a_plan_without_rules_is_known_to_have_none(tmp_path: Path, rules: Answer) -> None:
    export = _read(tmp_path, json.dumps({"PricingPlanArn": arn("pricingplan", "planretail")} | rules))
    assert export.rules_of_plan == {"planretail": []}


def test_one_list_at_two_times_is_refused(tmp_path: Path) -> None:
    # A group would be billed at the plan of whichever file came last.
    (problem,) = _problems(tmp_path, _groups(GROUP), _groups({**GROUP, "Name": "Acme-2"}))
    assert problem.startswith("page-1, $.BillingGroups[0]: 'groupacme01' stands in ")
    assert "page-0, $.BillingGroups[0] with other content" in problem


def test_an_account_in_two_groups_is_refused(tmp_path: Path) -> None:
    pages = [{"LinkedAccounts": [account("111122223333", key)]} for key in ("groupacme01", "groupblue01")]
    assert "'111122223333' stands in" in _problems(tmp_path, *map(json.dumps, pages))[0]


def test_lists_of_two_periods_are_refused(tmp_path: Path) -> None:
    pages = [{"PricingPlans": [], "BillingPeriod": PERIOD}, {"PricingRules": [], "BillingPeriod": "2026-9"}]
    (problem,) = _problems(tmp_path, *map(json.dumps, pages))
    assert problem.startswith("page-1, $.BillingPeriod: '2026-09' is another period than the 2026-10")


def test_the_last_page_may_be_missing_for_one_item_only(tmp_path: Path) -> None:
    fees = [item(f"itemfee00{number}", "Fee", "groupacme01", flat(1.0)) for number in (1, 2)]
    pages = [{"CustomLineItemVersions": [version(fee, "2026-10")]} for fee in fees]
    pages[1]["NextToken"] = "more"  # type: ignore[assignment]
    (problem,) = _problems(tmp_path, *map(json.dumps, pages))
    assert problem.startswith("page-1, $.NextToken: 'more' says that the list goes on")


def test_fields_that_are_not_known_are_kept_apart(tmp_path: Path) -> None:
    text = _groups(
        {
            **GROUP,
            "Colour": "blue",
            "Empty": [],
            "AccountGrouping": {"AutoAssociate": True, "Max": 3},
        },
        Total=1,
    )
    export = _read(tmp_path, text)
    assert {(field.place.path, field.value) for field in export.unknown_fields} == {
        ("$.BillingGroups[0].Colour", "blue"),
        ("$.BillingGroups[0].AccountGrouping.Max", "3"),
        ("$.Total", "1"),
    }
    bare = _read(tmp_path, json.dumps([{**GROUP, "Colour": "blue"}]))
    assert [field.place.path for field in bare.unknown_fields] == ["$[0].Colour"]
