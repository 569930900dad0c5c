"""Billing groups, accounts and terms."""

import json
from datetime import date
from pathlib import Path

import pytest
from conductor import (
    BASIC_PLAN,
    OCTOBER,
    PASSTHROUGH_PLAN,
    PAYER,
    Answer,
    Conductor,
    Import,
    account,
    arn,
    enumeration,
    flat,
    group,
    item,
)

from orchestration.abc.identifiers import unique_ids
from orchestration.abc.importing import import_billing_conductor
from orchestration.configuration.schema import Configuration
from orchestration.configuration.validate import read_configuration

ACME = "groupacme01"
BLUE = "groupblue01"


def _conductor(*groups: Answer, accounts: list[Answer] | None = None) -> Conductor:
    return Conductor(groups=list(groups), accounts=accounts or [account("111122223333", ACME)])


def _read(imported: Import, conductor: Conductor, **options: object) -> tuple[Configuration, dict[str, list[str]]]:
    """Return what was written and, by subject, what the report says has no counterpart or is to complete."""
    report = imported(conductor, **options)
    told: dict[str, list[str]] = {}
    for finding in (*report.no_counterpart, *report.to_complete):
        told.setdefault(finding.subject, []).append(finding.why)
    return read_configuration(report.folder), told


def test_names_become_readable_ids() -> None:
    assert unique_ids({"k1": "Acme_Corp", "k2": "Blue.Sky@EU", "k3": "--x"}) == {
        "k1": "acme-corp",
        "k2": "blue-sky-eu",
        "k3": "x",
    }


def test_equal_ids_are_told_apart_in_any_order() -> None:
    names = {"k1": "Acme", "k2": "acme", "k3": "+++", "k4": "acme-k1", "k5": "Unassigned"}
    expected = {"k1": "acme-k1-k1", "k2": "acme-k2", "k3": "k3", "k4": "acme-k1", "k5": "unassigned-k5"}
    assert unique_ids(names, "unassigned") == expected
    assert unique_ids(dict(reversed(names.items())), "unassigned") == expected


def test_a_group_called_unassigned_does_not_become_the_reserved_one(imported: Import) -> None:
    configuration, _ = _read(imported, _conductor(group(ACME, "UNASSIGNED")))
    assert configuration.billing_groups[0].billing_group_id == f"unassigned-{ACME}"


def test_a_new_group_begins_in_its_month_of_creation(imported: Import) -> None:
    # The first second of November in UTC is still October in New York.
    november = OCTOBER + 31 * 86_400
    conductor = _conductor(group(ACME, "Acme", CreationTime=november), group(BLUE, "Blue", CreationTime=november - 1))
    conductor.accounts = [account("111122223333", ACME), account("012345678901", BLUE)]
    configuration, _ = _read(imported, conductor)
    starts = {"acme": date(2026, 11, 1), "blue": date(2026, 10, 1)}
    for rows in (configuration.billing_groups, configuration.billing_terms):
        assert {row.billing_group_id: row.start_period for row in rows} == starts
    assert {row.billing_group_id: row.start_date for row in configuration.account_assignments} == starts


def test_new_accounts_join_by_themselves_only_where_nothing_else_would(imported: Import) -> None:
    auto = group(ACME, "Acme", AccountGrouping={"AutoAssociate": True}, Size=2)
    members = [account("111122223333", ACME), account(PAYER, ACME)]
    configuration, told = _read(imported, _conductor(auto, accounts=members))
    assert configuration.billing_groups[0].auto_associate
    assert "billing group Acme" not in told


def test_accounts_in_no_group_are_not_swept_into_the_group_of_new_ones(imported: Import) -> None:
    # Here auto_associate takes everything without assignment: a customer would pay for the payer's own account.
    auto = group(ACME, "Acme", AccountGrouping={"AutoAssociate": True})
    members = [account("111122223333", ACME), account("012345678901", None)]
    configuration, told = _read(imported, _conductor(auto, accounts=members))
    assert not configuration.billing_groups[0].auto_associate
    (why,) = told["billing group Acme"]
    assert "012345678901" in why
    assert PAYER in why
    assert "auto_associate is written as false" in why


def test_two_payers_with_a_group_of_new_accounts_each(imported: Import) -> None:
    groups = [group(key, key, AccountGrouping={"AutoAssociate": True}) for key in (ACME, BLUE)]
    configuration, told = _read(imported, _conductor(*groups))
    assert [row.auto_associate for row in configuration.billing_groups] == [False, False]
    assert "so does groupblue01" in told[f"billing group {ACME}"][0]
    assert "so does groupacme01" in told[f"billing group {BLUE}"][0]


def test_accounts_in_no_group_are_named(imported: Import) -> None:
    members = [account("111122223333", ACME), account("012345678901", None)]
    configuration, told = _read(imported, _conductor(group(ACME, "Acme"), accounts=members))
    assert [row.account_id for row in configuration.account_assignments] == ["111122223333"]
    assert "012345678901" in told["accounts in no group"][0]


def test_the_basic_plan_is_a_plan_without_rules(imported: Import) -> None:
    configuration, _ = _read(imported, _conductor(group(ACME, "Acme", BASIC_PLAN)))
    assert [row.pricing_plan_id for row in configuration.pricing_plans] == ["aws-basic"]
    assert configuration.billing_terms[0].pricing_plan_id == "aws-basic"
    assert configuration.pricing_rules == ()


def test_passthrough_has_no_counterpart(imported: Import) -> None:
    conductor = _conductor(
        group(ACME, "Acme"),
        group(BLUE, "Blue", PASSTHROUGH_PLAN),
        accounts=[account("111122223333", ACME), account("012345678901", BLUE)],
    )
    conductor.items = [item("itemfee001", "Fee", BLUE, flat(1.0))]
    configuration, told = _read(imported, conductor)
    assert [row.billing_group_id for row in configuration.billing_groups] == ["acme"]
    assert [row.pricing_plan_id for row in configuration.pricing_plans] == ["aws-basic"]
    assert configuration.custom_line_items == ()
    assert "Passthrough bills what AWS invoiced" in told["billing group Blue"][0]
    assert "012345678901" in told["accounts in no group"][0]
    assert "Its billing group is not imported" in told["custom line item Fee"][0]


def test_a_group_without_primary_account_is_not_imported(imported: Import) -> None:
    orphan = group(BLUE, "Blue")
    del orphan["PrimaryAccountId"]
    configuration, told = _read(imported, _conductor(group(ACME, "Acme"), orphan))
    assert len(configuration.billing_groups) == 1
    assert "has no primary account" in told["billing group Blue"][0]


def test_billing_transfer_is_imported_and_told(imported: Import) -> None:
    transfer = "arn:aws:organizations::111122223333:transfer/o-abcdefghij/billing/inbound/rt-12345678"
    for fields in (
        {"BillingGroupType": "TRANSFER_BILLING"},
        {"AccountGrouping": {"ResponsibilityTransferArn": transfer}},
    ):
        configuration, told = _read(imported, _conductor(group(ACME, "Acme", **fields)), overwrite=True)
        assert len(configuration.billing_groups) == 1
        assert "whole organization whose bill was transferred" in told["billing group Acme"][0]


@pytest.mark.parametrize("status", [*enumeration("BillingGroupStatus"), "DISSOLVING"])
def test_a_status_other_than_active_is_told(imported: Import, status: str) -> None:
    _, told = _read(imported, _conductor(group(ACME, "Acme", Status=status, StatusReason="left the organization")))
    if status == "ACTIVE":
        assert "billing group Acme" not in told
    else:
        assert f"Its status is {status} (left the organization)" in told["billing group Acme"][0]


def test_an_unknown_type_of_group_is_told(imported: Import) -> None:
    _, told = _read(imported, _conductor(group(ACME, "Acme", BillingGroupType="FAMILY")))
    assert "Its type FAMILY is not known here" in told["billing group Acme"][0]


def test_accounts_that_are_missing_in_the_lists_are_counted(imported: Import) -> None:
    _, told = _read(imported, _conductor(group(ACME, "Acme", Size=12)))
    assert "It has 12 accounts in Billing Conductor, and 1 in the lists" in told["billing group Acme"][0]


def test_groups_in_china_are_told(imported: Import) -> None:
    chinese = {**group(ACME, "Acme"), "Arn": arn("billinggroup", ACME).replace("arn:aws:", "arn:aws-cn:")}
    _, told = _read(imported, _conductor(chinese))
    assert "in CNY" in told["billing group Acme"][0]


def test_unknown_fields_are_told_with_their_value(tmp_path: Path) -> None:
    files = _conductor(group(ACME, "Acme")).write(tmp_path / "lists")
    answer = json.loads(files[0].read_text(encoding="utf-8"))
    answer["BillingGroups"][0] |= {"Region": "eu-central-1", "Nothing": None}
    answer["BillingGroups"][0]["ComputationPreference"]["Rounding"] = "UP"
    files[0].write_text(json.dumps(answer), encoding="utf-8")
    report = import_billing_conductor(files, tmp_path / "billing")
    told = {finding.subject.rpartition("$")[2]: finding.why for finding in report.no_counterpart}
    assert told.keys() == {".BillingGroups[0].Region", ".BillingGroups[0].ComputationPreference.Rounding"}
    assert "it holds eu-central-1" in told[".BillingGroups[0].Region"]
    assert "it holds UP" in told[".BillingGroups[0].ComputationPreference.Rounding"]
