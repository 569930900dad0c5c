"""An AWS Billing Conductor to export from: objects as its API answers them, held against botocore's own model."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from botocore.session import Session
from botocore.validate import ParamValidator

from orchestration.abc.report import ImportReport

PAYER = "999988887777"
PERIOD = "2026-10"
OCTOBER = 1_790_812_800  # 2026-10-01T00:00:00Z

Answer = dict[str, Any]
Import = Callable[..., ImportReport]


def arn(kind: str, key: str, owner: str = PAYER) -> str:
    return f"arn:aws:billingconductor::{owner}:{kind}/{key}"


BASIC_PLAN = arn("pricingplan", "BasicPricingPlan", "aws")
PASSTHROUGH_PLAN = arn("pricingplan", "Passthrough", "aws")


def group(key: str, name: str, plan: str = BASIC_PLAN, **fields: Any) -> Answer:
    return {
        "Name": name,
        "Arn": arn("billinggroup", key),
        "Description": "",
        "PrimaryAccountId": "111122223333",
        "ComputationPreference": {"PricingPlanArn": plan},
        "Size": 1,
        "CreationTime": OCTOBER - 86_400 * 400,
        "LastModifiedTime": OCTOBER,
        "Status": "ACTIVE",
        "AccountGrouping": {"AutoAssociate": False},
        "BillingGroupType": "STANDARD",
        **fields,
    }


def account(account_id: str, group_key: str | None) -> Answer:
    linked = {"AccountId": account_id, "AccountName": f"Account {account_id}", "AccountEmail": "root@example.com"}
    return linked if group_key is None else linked | {"BillingGroupArn": arn("billinggroup", group_key)}


def plan(key: str, name: str, **fields: Any) -> Answer:
    return {"Name": name, "Arn": arn("pricingplan", key), "Description": "", "Size": 1, **fields}


def rule(key: str, name: str, scope: str = "GLOBAL", kind: str = "MARKUP", **fields: Any) -> Answer:
    return {
        "Name": name,
        "Arn": arn("pricingrule", key),
        "Description": "",
        "Scope": scope,
        "Type": kind,
        "AssociatedPricingPlanCount": 1,
        **fields,
    }


def item(key: str, name: str, group_key: str, charge: Answer, **fields: Any) -> Answer:
    return {
        "Arn": arn("customlineitem", key),
        "Name": name,
        "ChargeDetails": charge,
        "CurrencyCode": "USD",
        "Description": f"{name} for you",
        "ProductCode": "AWSBillingConductor",
        "BillingGroupArn": arn("billinggroup", group_key),
        "CreationTime": OCTOBER,
        "LastModifiedTime": OCTOBER,
        "AssociationSize": 0 if "Flat" in charge else 1,
        **fields,
    }


def flat(amount: float, kind: str = "FEE", **fields: Any) -> Answer:
    return {"Flat": {"ChargeValue": amount}, "Type": kind, **fields}


def percentage(percent: float, kind: str = "FEE", filters: list[Answer] | None = None) -> Answer:
    return {"Percentage": {"PercentageValue": percent}, "Type": kind, "LineItemFilters": filters or []}


def version(of: Answer, start: str, end: str | None = None, **fields: Any) -> Answer:
    periods = {"StartBillingPeriod": start} | ({} if end is None else {"EndBillingPeriod": end})
    return {**of, **periods, "StartTime": OCTOBER, **fields}


@dataclass
class Conductor:
    """What one payer has in Billing Conductor; ``answers`` are what its lists answer."""

    groups: list[Answer] = field(default_factory=list)
    accounts: list[Answer] = field(default_factory=list)
    plans: list[Answer] = field(default_factory=list)
    rules: list[Answer] = field(default_factory=list)
    rules_of_plan: dict[str, list[str]] = field(default_factory=dict)
    items: list[Answer] = field(default_factory=list)
    versions: dict[str, list[Answer]] = field(default_factory=dict)
    resources: dict[str, list[Answer]] = field(default_factory=dict)

    def answers(self) -> Iterator[tuple[str, Answer]]:
        """Yield operation and answer, the way the command line prints it."""
        yield "ListBillingGroups", {"BillingGroups": self.groups}
        yield "ListAccountAssociations", {"LinkedAccounts": self.accounts}
        yield "ListPricingPlans", {"BillingPeriod": PERIOD, "PricingPlans": self.plans}
        yield "ListPricingRules", {"BillingPeriod": PERIOD, "PricingRules": self.rules}
        for key, rules in self.rules_of_plan.items():
            yield (
                "ListPricingRulesAssociatedToPricingPlan",
                {
                    "BillingPeriod": PERIOD,
                    "PricingPlanArn": arn("pricingplan", key),
                    "PricingRuleArns": [arn("pricingrule", own) for own in rules],
                },
            )
        yield "ListCustomLineItems", {"CustomLineItems": self.items}
        for versions in self.versions.values():
            yield "ListCustomLineItemVersions", {"CustomLineItemVersions": versions}
        for key, resources in self.resources.items():
            yield (
                "ListResourcesAssociatedToCustomLineItem",
                {"Arn": arn("customlineitem", key), "AssociatedResources": resources},
            )

    def write(self, folder: Path) -> list[Path]:
        """Write each answer to a file of its own and return the files; the names say nothing."""
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for number, (operation, answer) in enumerate(self.answers()):
            check_answer(operation, answer)
            file = folder / f"{number:02}.json"
            file.write_text(json.dumps(answer, indent=4), encoding="utf-8")
            files.append(file)
        return files


@cache
def _model() -> Any:
    return Session().get_service_model("billingconductor")


def check_answer(operation: str, answer: Answer) -> None:
    """Fail unless the answer is one that AWS's own model of the API allows."""
    report = ParamValidator().validate(answer, _model().operation_model(operation).output_shape)
    assert not report.has_errors(), report.generate_report()


def enumeration(shape: str) -> list[str]:
    """Return the words of a closed list of the API."""
    return list(_model().shape_for(shape).enum)


def story() -> Conductor:
    """Return a reseller with two customers, every kind of rule and item, and everything listed that can be."""
    fee = item("itemfee001", "ManagedService", "groupacme01", flat(200.0), AccountId="111122223334")
    share = item(
        "itemshare1",
        "PlatformFee",
        "groupacme01",
        percentage(
            2.5, filters=[{"Attribute": "SERVICE", "MatchOption": "NOT_EQUAL", "AttributeValues": ["AmazonEC2"]}]
        ),
        AssociationSize=2,
        ComputationRule="ITEMIZED",
        PresentationDetails={"Service": "AmazonS3"},
    )
    off = item(
        "itemoff001",
        "Loyalty",
        "groupblue01",
        percentage(
            1.25,
            "CREDIT",
            [{"Attribute": "LINE_ITEM_TYPE", "MatchOption": "NOT_EQUAL", "Values": ["SAVINGS_PLAN_NEGATION"]}],
        ),
    )
    return Conductor(
        groups=[
            group("groupacme01", "Acme_Corp", arn("pricingplan", "planretail"), Size=2),
            group(
                "groupblue01",
                "Blue.Sky",
                PrimaryAccountId="012345678901",
                CreationTime=OCTOBER + 86_400 * 40,
                AccountGrouping={"AutoAssociate": True},
            ),
        ],
        accounts=[
            account("111122223333", "groupacme01"),
            account("111122223334", "groupacme01"),
            account("012345678901", "groupblue01"),
            account(PAYER, "groupblue01"),
        ],
        plans=[plan("planretail", "Retail", Size=6), plan("planspare1", "Spare", Size=1)],
        rules=[
            rule("rulemarkup", "Plus-Eight", ModifierPercentage=8.25, AssociatedPricingPlanCount=2),
            rule("ruleentity", "Marketplace-at-cost", "BILLING_ENTITY", ModifierPercentage=0.0,
                 BillingEntity="AWS Marketplace"),
            rule("rulestores", "S3-off", "SERVICE", "DISCOUNT", ModifierPercentage=5.0, Service="AmazonS3"),
            rule("ruleboxes1", "Boxes", "SKU", "DISCOUNT", ModifierPercentage=4.5, Service="AmazonEC2",
                 UsageType="BoxUsage:m5.xlarge", Operation="RunInstances"),
            rule("ruletraffi", "Traffic", "SKU", "TIERING", Service="AmazonCloudFront",
                 UsageType="US-DataTransfer-Out-Bytes",
                 Tiering={"CustomTiers": [
                     {"BeginRangeInclusive": 0.0, "EndRangeExclusive": 10240.0, "RateValue": 0.085},
                     {"BeginRangeInclusive": 10240.0, "RateValue": 1e-07},
                 ]}),
            rule("rulenofree", "No-free-tier", "GLOBAL", "TIERING", Tiering={"FreeTier": {"Activated": False}}),
        ],
        rules_of_plan={
            "planretail": ["rulemarkup", "ruleentity", "rulestores", "ruleboxes1", "ruletraffi", "rulenofree"],
            "planspare1": ["rulemarkup"],
        },
        items=[fee, share, off],
        versions={
            "itemfee001": [
                version(fee, "2026-10", "2026-12", ChargeDetails=flat(200.0)),
                version(fee, "2026-12", ChargeDetails=flat(250.5)),
            ],
            "itemshare1": [version(share, "2026-10")],
            "itemoff001": [version(off, "2026-11", "2027-02")],
        },
        resources={
            "itemshare1": [
                {"Arn": arn("billinggroup", "groupacme01"), "Relationship": "PARENT"},
                {"Arn": arn("customlineitem", "itemfee001"), "Relationship": "CHILD", "EndBillingPeriod": "2027-03"},
            ],
            "itemoff001": [{"Arn": arn("billinggroup", "groupblue01"), "Relationship": "PARENT"}],
        },
    )  # fmt: skip
