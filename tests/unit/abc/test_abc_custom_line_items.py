"""Custom line items, their versions and their bases."""

from datetime import date
from decimal import Decimal

import pytest
from conductor import (
    Answer,
    Conductor,
    Import,
    account,
    arn,
    enumeration,
    flat,
    group,
    item,
    percentage,
    version,
)

from orchestration.configuration.schema import CustomLineItem
from orchestration.configuration.validate import read_configuration

ACME, BLUE = "groupacme01", "groupblue01"
GROUP = {"Arn": arn("billinggroup", ACME), "Relationship": "PARENT"}


def _base(key: str, **fields: str) -> Answer:
    return {"Arn": arn("customlineitem", key), "Relationship": "CHILD", **fields}


def _conductor(*items: Answer) -> Conductor:
    """Return a Conductor with these items, each in force from October on, percentages taken of their group."""
    conductor = Conductor(
        groups=[group(ACME, "Acme"), group(BLUE, "Blue")],
        accounts=[account("111122223333", ACME), account("012345678901", BLUE)],
        items=list(items),
    )
    for own in items:
        key = own["Arn"].rpartition("/")[2]
        conductor.versions[key] = [version(own, "2026-10")]
        if "Percentage" in own["ChargeDetails"]:
            conductor.resources[key] = [{"Arn": own["BillingGroupArn"], "Relationship": "PARENT"}]
    return conductor


def _read(imported: Import, conductor: Conductor) -> tuple[list[CustomLineItem], list[str]]:
    report = imported(conductor)
    told = [f"{found.subject}: {found.why}" for found in report.no_counterpart]
    return list(read_configuration(report.folder).custom_line_items), told


def _spans(rows: list[CustomLineItem]) -> list[tuple[str, str, str]]:
    return [
        (row.custom_line_item_id, f"{row.start_period:%Y-%m}", f"{row.end_period:%Y-%m}" if row.end_period else "")
        for row in rows
    ]


@pytest.mark.parametrize("kind", enumeration("CustomLineItemType"))
def test_a_flat_item(imported: Import, kind: str) -> None:
    rows, told = _read(imported, _conductor(item("itemfee001", "Fee", ACME, flat(1234.56, kind))))
    (row,) = rows
    assert (row.custom_line_item_id, row.billing_group_id, row.description) == ("fee", "acme", "Fee for you")
    assert (row.charge_type, row.calculation, row.amount, row.percentage) == (kind, "FLAT", Decimal("1234.56"), None)
    assert (row.account_id, row.computation_rule, row.presentation_service) == (None, "", "")
    assert told == []


@pytest.mark.parametrize("rule", [*enumeration("ComputationRuleEnum"), None])
def test_a_percentage_item(imported: Import, rule: str | None) -> None:
    fields = {"AccountId": "012345678901", "PresentationDetails": {"Service": "AmazonS3"}}
    fee = item("itemfee001", "Fee", ACME, percentage(3.75), **fields, **({"ComputationRule": rule} if rule else {}))
    rows, told = _read(imported, _conductor(fee))
    (row,) = rows
    assert (row.calculation, row.amount, row.percentage) == ("PERCENTAGE", None, Decimal("3.75"))
    assert (row.account_id, row.computation_rule) == ("012345678901", rule or "CONSOLIDATED")
    assert (row.presentation_service, row.line_item_filter, row.associated_item_ids) == ("AmazonS3", "", ())
    assert told == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"Attribute": "LINE_ITEM_TYPE", "MatchOption": "NOT_EQUAL", "Values": ["SAVINGS_PLAN_NEGATION"]},
            ("EXCLUDE_SAVINGS_PLAN_NEGATION", ""),
        ),
        (
            {"Attribute": "SERVICE", "MatchOption": "EQUAL", "AttributeValues": ["AmazonEC2"]},
            ("SERVICE_EQUAL", "AmazonEC2"),
        ),
        (
            {"Attribute": "SERVICE", "MatchOption": "NOT_EQUAL", "Values": [], "AttributeValues": ["AmazonEC2"]},
            ("SERVICE_NOT_EQUAL", "AmazonEC2"),
        ),
    ],
)
def test_filters(imported: Import, given: Answer, expected: tuple[str, str]) -> None:
    rows, told = _read(imported, _conductor(item("itemfee001", "Fee", ACME, percentage(1.0, filters=[given]))))
    assert [(row.line_item_filter, row.filter_service_code) for row in rows] == [expected]
    assert told == []


_SERVICE = {"Attribute": "SERVICE", "MatchOption": "EQUAL", "AttributeValues": ["AmazonEC2"]}


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        ({"CurrencyCode": "CNY"}, "Its amounts are in CNY"),
        ({"ComputationRule": "PER_ACCOUNT"}, "Its computation rule PER_ACCOUNT is not known here"),
        ({"ChargeDetails": flat(1.0, "REBATE")}, "Its type REBATE is not known here"),
        ({"ChargeDetails": {"Type": "FEE"}}, "neither a flat amount nor a percentage"),
        ({"ChargeDetails": flat(1.0) | percentage(1.0)}, "neither a flat amount nor a percentage, or both"),
        ({"ChargeDetails": percentage(1.125)}, "percentage '1.125' has 3 digits after the point"),
        ({"ChargeDetails": percentage(1.0, filters=[_SERVICE, _SERVICE])}, "more than one filter"),
        ({"ChargeDetails": percentage(1.0, filters=[_SERVICE | {"AttributeValues": []}])}, "has no counterpart (G3)"),
        ({"ChargeDetails": percentage(1.0, filters=[_SERVICE | {"Attribute": "REGION"}])}, "has no counterpart (G3)"),
        (
            {"ChargeDetails": percentage(1.0, filters=[
                {"Attribute": "LINE_ITEM_TYPE", "MatchOption": "EQUAL", "Values": ["SAVINGS_PLAN_NEGATION"]}])},
            "has no counterpart (G3)",
        ),
    ],
)  # fmt: skip
def test_what_ours_cannot_say_is_told_and_left_out(imported: Import, odd: Answer, why: str) -> None:
    rows, told = _read(imported, _conductor(item("itemfee001", "Fee", ACME, flat(1.0)) | odd))
    assert rows == []
    assert len(told) == 1
    assert why in told[0]
    assert "Not imported" in told[0]


def test_a_flat_item_that_is_filtered_or_itemized_is_told(imported: Import) -> None:
    conductor = _conductor(
        item("itemfee001", "One", ACME, flat(1.0), ComputationRule="ITEMIZED"),
        item("itemfee002", "Two", ACME, flat(1.0, LineItemFilters=[_SERVICE])),
    )
    rows, told = _read(imported, conductor)
    assert [(row.computation_rule, row.line_item_filter) for row in rows] == [("", ""), ("", "")]
    assert [line.partition(":")[0] for line in told] == ["custom line item One", "custom line item Two"]


def test_versions_are_a_row_for_each_range_of_periods(imported: Import) -> None:
    fee = item("itemfee001", "Fee", ACME, flat(1.0))
    conductor = _conductor(fee)
    conductor.versions["itemfee001"] = [
        version(fee, "2027-02", ChargeDetails=flat(3.0)),
        version(fee, "2026-10", "2026-12"),
        version(fee, "2026-12", "2027-1", ChargeDetails=flat(2.0)),
    ]
    rows, told = _read(imported, conductor)
    assert _spans(rows) == [
        ("fee", "2026-10", "2026-12"),
        ("fee-2026-12", "2026-12", "2027-01"),
        ("fee-2027-02", "2027-02", ""),
    ]
    assert [row.amount for row in rows] == [1, 2, 3]
    assert told == []


def test_versions_that_say_the_same_are_one_row(imported: Import) -> None:
    fee = item("itemfee001", "Fee", ACME, flat(1.0))
    conductor = _conductor(fee)
    conductor.versions["itemfee001"] = [version(fee, "2026-10", "2026-12"), version(fee, "2026-12", LastModifiedTime=5)]
    rows, _ = _read(imported, conductor)
    assert _spans(rows) == [("fee", "2026-10", "")]


def test_a_later_version_takes_the_place_of_an_earlier_one(imported: Import) -> None:
    # Adding both up would bill the fee twice.
    fee = item("itemfee001", "Fee", ACME, flat(1.0))
    conductor = _conductor(fee)
    conductor.versions["itemfee001"] = [
        version(fee, "2026-11", "2026-12", ChargeDetails=flat(2.0), StartTime=200),
        version(fee, "2026-10", StartTime=100),
    ]
    rows, _ = _read(imported, conductor)
    assert [(*span[1:], row.amount) for span, row in zip(_spans(rows), rows, strict=True)] == [
        ("2026-10", "2026-11", 1),
        ("2026-11", "2026-12", 2),
        ("2026-12", "", 1),
    ]


def test_what_was_before_the_import_is_left_out(imported: Import) -> None:
    fee, old = item("itemfee001", "Fee", ACME, flat(1.0)), item("itemold001", "Old", ACME, flat(9.0))
    conductor = _conductor(fee, old)
    conductor.versions["itemfee001"] = [
        version(fee, "2025-01", "2026-01", ChargeDetails=flat(5.0)),
        version(fee, "2026-01"),
    ]
    conductor.versions["itemold001"] = [version(old, "2025-01", "2026-10")]
    rows, told = _read(imported, conductor)
    assert _spans(rows) == [("fee", "2026-10", "")]
    assert rows[0].amount == 1
    assert told == [
        "custom line item Old: It ended before 2026-10, the first imported period of its group. Not imported."
    ]


def test_a_version_without_periods_is_told(imported: Import) -> None:
    fee = item("itemfee001", "Fee", ACME, flat(1.0))
    conductor = _conductor(fee)
    conductor.versions["itemfee001"] = [version(fee, "2026-12", "2026-12"), {**fee, "EndBillingPeriod": "2027-01"}]
    rows, told = _read(imported, conductor)
    assert rows == []
    assert any("starts in 2026-12 and ends before 2026-12" in line for line in told)
    assert any("starts at no known time" in line for line in told)


def test_an_item_without_versions_may_have_an_end_that_nobody_sees(imported: Import) -> None:
    conductor = _conductor(item("itemfee001", "Fee", ACME, flat(1.0)))
    conductor.versions.clear()
    report = imported(conductor)
    (row,) = read_configuration(report.folder).custom_line_items
    assert (row.start_period, row.end_period) == (date(2026, 10, 1), None)
    (found,) = [found for found in report.to_complete if found.subject == "custom line item Fee"]
    assert "it may be for one month" in found.why
    assert f"list-custom-line-item-versions --arn {arn('customlineitem', 'itemfee001')}" in found.what_to_do


def test_flat_items_in_a_base_are_named_while_they_are_in_force(imported: Import) -> None:
    fee = item("itemfee001", "Fee", ACME, flat(1.0))
    share = item("itemshare1", "Share", ACME, percentage(10.0), AssociationSize=2)
    conductor = _conductor(fee, share)
    conductor.versions = {
        "itemfee001": [version(fee, "2026-10", "2026-12"), version(fee, "2026-12", ChargeDetails=flat(2.0))],
        "itemshare1": [version(share, "2026-11", "2026-12"), version(share, "2027-01", ChargeDetails=percentage(5.0))],
    }
    # AWS also answers with short references.
    conductor.resources["itemshare1"] = [{"Arn": ACME}, {"Arn": "itemfee001"}]
    rows, told = _read(imported, conductor)
    assert {row.custom_line_item_id: row.associated_item_ids for row in rows} == {
        "fee": (),
        "fee-2026-12": (),
        "share": ("fee",),
        "share-2027-01": ("fee-2026-12",),
    }
    assert told == []


def test_an_association_that_ends_cuts_the_item(imported: Import) -> None:
    fee = item("itemfee001", "Fee", ACME, flat(1.0))
    share = item("itemshare1", "Share", ACME, percentage(10.0), AssociationSize=2)
    conductor = _conductor(fee, share)
    conductor.resources["itemshare1"] = [GROUP, _base("itemfee001", EndBillingPeriod="2027-01")]
    rows, told = _read(imported, conductor)
    assert [(*span, row.associated_item_ids) for span, row in zip(_spans(rows), rows, strict=True)] == [
        ("fee", "2026-10", "", ()),
        ("share", "2026-10", "2027-01", ("fee",)),
        ("share-2027-01", "2027-01", "", ()),
    ]
    assert told == []


def test_a_flat_item_that_ended_does_not_stop_the_percentage(imported: Import) -> None:
    fee = item("itemfee001", "Fee", ACME, flat(1.0))
    conductor = _conductor(fee, item("itemshare1", "Share", ACME, percentage(10.0)))
    conductor.versions["itemfee001"] = [version(fee, "2026-01", "2026-02")]
    conductor.resources["itemshare1"] = [GROUP, _base("itemfee001")]
    rows, told = _read(imported, conductor)
    assert [(row.custom_line_item_id, row.associated_item_ids) for row in rows] == [("share", ())]
    assert len(told) == 1


@pytest.mark.parametrize(
    ("resources", "why"),
    [
        ([_base("itemfee001")], "Its base leaves the billing group itself out"),
        ([], "It is associated with nothing, so Billing Conductor bills 0.00"),
        ([GROUP, {"Arn": arn("billinggroup", BLUE)}], f"Its base holds other billing groups ({BLUE})"),
        ([GROUP, _base("itemother1")], "Its base holds itemother1, which is no flat item of its group"),
        ([GROUP, _base("itemblue01")], "Its base holds itemblue01, which is no flat item of its group"),
        ([GROUP, _base("itemchina1")], "Its base holds itemchina1, which is not imported"),
        ([GROUP, _base("itemnobody")], "Its base holds itemnobody, which is no flat item of its group"),
        ([{**GROUP, "EndBillingPeriod": "2026-10"}], "It is associated with nothing"),
    ],
)
def test_a_base_that_ours_cannot_have_is_told(imported: Import, resources: list[Answer], why: str) -> None:
    conductor = _conductor(
        item("itemshare1", "Share", ACME, percentage(10.0)),
        item("itemother1", "Other", ACME, percentage(10.0)),
        item("itemfee001", "Fee", ACME, flat(1.0)),
        item("itemblue01", "Blue", BLUE, flat(1.0)),
        item("itemchina1", "China", ACME, flat(1.0), CurrencyCode="CNY"),
    )
    conductor.resources["itemshare1"] = resources
    rows, told = _read(imported, conductor)
    assert {row.custom_line_item_id for row in rows} == {"other", "fee", "blue"}
    (line,) = [line for line in told if line.startswith("custom line item Share: ")]
    assert why in line
    assert "Not imported from 2026-10 on" in line


def test_a_group_that_leaves_the_base_ends_the_item(imported: Import) -> None:
    conductor = _conductor(
        item("itemshare1", "Share", ACME, percentage(10.0)), item("itemfee001", "Fee", ACME, flat(1.0))
    )
    conductor.resources["itemshare1"] = [{**GROUP, "EndBillingPeriod": "2026-12"}, _base("itemfee001")]
    rows, told = _read(imported, conductor)
    assert _spans(rows) == [("share", "2026-10", "2026-12"), ("fee", "2026-10", "")]
    assert "Not imported from 2026-12 on" in told[0]


@pytest.mark.parametrize("size", [1, 3, None])
def test_a_base_that_was_not_listed_is_the_group_and_told(imported: Import, size: int | None) -> None:
    share = item("itemshare1", "Share", ACME, percentage(10.0), AssociationSize=size)
    if size is None:
        del share["AssociationSize"]
    conductor = _conductor(share)
    conductor.resources.clear()
    report = imported(conductor)
    assert len(read_configuration(report.folder).custom_line_items) == 1
    (found,) = [found for found in report.to_complete if found.subject == "custom line item Share"]
    assert "imported as a percentage of the group's charges" in found.why
    assert "list-resources-associated-to-custom-line-item --arn arn:aws:" in found.what_to_do


def test_an_item_that_is_known_to_have_no_base_is_not_imported(imported: Import) -> None:
    conductor = _conductor(item("itemshare1", "Share", ACME, percentage(10.0), AssociationSize=0))
    conductor.resources.clear()
    rows, told = _read(imported, conductor)
    assert rows == []
    assert "bills 0.00" in told[0]


def test_ids_of_ranges_never_meet_those_of_items(imported: Import) -> None:
    fee = item("itemfee001", "Fee", ACME, flat(1.0))
    conductor = _conductor(fee, item("itemfee002", "Fee-2026-12", ACME, flat(3.0)))
    conductor.versions["itemfee001"] = [
        version(fee, "2026-10", "2026-12"),
        version(fee, "2026-12", ChargeDetails=flat(2.0)),
    ]
    rows, _ = _read(imported, conductor)
    assert {row.custom_line_item_id: row.amount for row in rows} == {
        "fee": 1,
        "fee-2026-12-itemfee001": 2,
        "fee-2026-12": 3,
    }


def test_an_item_known_by_its_versions_alone_is_imported(imported: Import) -> None:
    conductor = _conductor(item("itemfee001", "Fee", ACME, flat(1.0)))
    conductor.items.clear()
    rows, _ = _read(imported, conductor)
    assert _spans(rows) == [("fee", "2026-10", "")]
