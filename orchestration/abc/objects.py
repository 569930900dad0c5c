"""What AWS Billing Conductor answers, with exact numbers.

What is here: one class per object of the API (2021-07-30) that is imported, and ``Page``, an answer with any list.
When to add here: AWS adds a field that means something to our configuration, or a list is worth reading.
What does not belong here: what a value means for us. Words of closed lists are read as they are: AWS adds to them.

Fields that these classes lack are kept aside (``unknown_fields``), so that none is dropped without a word.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_pascal
from pydantic_core import PydanticCustomError

__all__ = [
    "AssociatedResource",
    "BillingGroup",
    "ChargeDetails",
    "CustomLineItem",
    "CustomLineItemVersion",
    "LineItemFilter",
    "LinkedAccount",
    "Page",
    "PricingPlan",
    "PricingRule",
    "Tiering",
    "account_of",
    "key_of",
    "unknown_fields",
]


def _exact(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise PydanticCustomError("number", "is not a JSON number")
    number = Decimal(value)
    exponent = number.as_tuple().exponent
    # AWS sends doubles. Written out, 1e999999999 would fill the memory.
    if not isinstance(exponent, int) or exponent < -400 or number.adjusted() > 400:
        raise PydanticCustomError("number", "is not a number that AWS can send")
    return number


def _period(value: object) -> object:
    found = re.fullmatch(r"([0-9]{4})-([0-9]{1,2})", value) if isinstance(value, str) else None
    try:
        return date(int(found[1]), int(found[2]), 1) if found else _not_a_period()
    except ValueError:
        return _not_a_period()


def _not_a_period() -> object:
    raise PydanticCustomError("period", "is not a billing period of the form YYYY-MM")


def _month(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 253_402_300_800:
        raise PydanticCustomError("instant", "is not a time in seconds since 1970")
    return datetime.fromtimestamp(value, UTC).date().replace(day=1)


def _reference(kind: str) -> Any:
    # AWS lets a reference leave the front part of the ARN out.
    front = rf"arn:aws[a-z-]*:billingconductor::(aws|[0-9]{{12}}):({kind})/"
    return Field(pattern=rf"^({front})?[A-Za-z0-9]+$")


def _arn(kind: str) -> Any:
    return Field(pattern=rf"^arn:aws[a-z-]*:billingconductor::(aws|[0-9]{{12}}):{kind}/[A-Za-z0-9]+$")


_AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
_Exact = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0)]
_Count = Annotated[int, Field(ge=0)]
_Period = Annotated[date, BeforeValidator(_period)]
_Month = Annotated[date, BeforeValidator(_month)]
_Name = Annotated[str, Field(min_length=1)]


class _Object(BaseModel):
    model_config = ConfigDict(alias_generator=to_pascal, extra="allow", strict=True, frozen=True)


class ComputationPreference(_Object):
    """What a billing group is priced by."""

    pricing_plan_arn: Annotated[str, _reference("pricingplan")]


class AccountGrouping(_Object):
    """How accounts come into a billing group."""

    auto_associate: bool | None = None
    responsibility_transfer_arn: str | None = None


class BillingGroup(_Object):
    """One billing group; ``creation_time`` is the first day of the month it was created in, in UTC."""

    arn: Annotated[str, _arn("billinggroup")]
    name: _Name
    computation_preference: ComputationPreference
    description: str | None = None
    primary_account_id: _AccountId | None = None
    size: _Count | None = None
    creation_time: _Month | None = None
    last_modified_time: int | None = None
    status: str | None = None
    status_reason: str | None = None
    account_grouping: AccountGrouping | None = None
    billing_group_type: str | None = None

    @property
    def is_auto_associating(self) -> bool:
        """Whether new accounts of the organization join it by themselves."""
        return self.account_grouping is not None and self.account_grouping.auto_associate is True

    @property
    def is_billing_transfer(self) -> bool:
        """Whether it stands for a whole organization whose bill was transferred."""
        grouping = self.account_grouping
        return self.billing_group_type == "TRANSFER_BILLING" or bool(
            grouping is not None and grouping.responsibility_transfer_arn
        )


class LinkedAccount(_Object):
    """One account of the payer's; without ``billing_group_arn`` it is in no group."""

    account_id: _AccountId
    billing_group_arn: Annotated[str, _reference("billinggroup")] | None = None
    account_name: str | None = None
    account_email: str | None = None


class PricingPlan(_Object):
    """One pricing plan; ``size`` counts its rules."""

    arn: Annotated[str, _arn("pricingplan")]
    name: _Name
    description: str | None = None
    size: _Count | None = None
    creation_time: int | None = None
    last_modified_time: int | None = None


class FreeTier(_Object):
    """Whether Always Free usage is free."""

    activated: bool


class CustomTier(_Object):
    """One tier: quantities from begin to below end (None = open), USD per unit."""

    begin_range_inclusive: _Exact
    end_range_exclusive: _Exact | None = None
    rate_value: _Exact


class Tiering(_Object):
    """What a rule of type TIERING says."""

    free_tier: FreeTier | None = None
    custom_tiers: list[CustomTier] | None = None


class PricingRule(_Object):
    """One pricing rule; 10 in ``modifier_percentage`` means 10 %."""

    arn: Annotated[str, _arn("pricingrule")]
    name: _Name
    scope: str
    type: str
    description: str | None = None
    modifier_percentage: _Exact | None = None
    service: str | None = None
    associated_pricing_plan_count: _Count | None = None
    creation_time: int | None = None
    last_modified_time: int | None = None
    billing_entity: str | None = None
    tiering: Tiering | None = None
    usage_type: str | None = None
    operation: str | None = None


class Flat(_Object):
    """A fixed amount a month."""

    charge_value: _Exact


class Percentage(_Object):
    """A percentage of charges."""

    percentage_value: _Exact


class LineItemFilter(_Object):
    """What a percentage is not taken of."""

    attribute: str
    match_option: str
    values: list[str] | None = None
    attribute_values: list[str] | None = None


class ChargeDetails(_Object):
    """Sign, size and filters of a custom line item."""

    type: str
    flat: Flat | None = None
    percentage: Percentage | None = None
    line_item_filters: list[LineItemFilter] | None = None


class Presentation(_Object):
    """The service a custom line item is shown under."""

    service: str


class CustomLineItem(_Object):
    """One custom line item as it is now; AWS does not say here from when until when."""

    arn: Annotated[str, _arn("customlineitem")]
    name: _Name
    billing_group_arn: Annotated[str, _reference("billinggroup")]
    charge_details: ChargeDetails
    description: str | None = None
    currency_code: str | None = None
    product_code: str | None = None
    creation_time: int | None = None
    last_modified_time: int | None = None
    association_size: _Count | None = None
    account_id: _AccountId | None = None
    computation_rule: str | None = None
    presentation_details: Presentation | None = None


class CustomLineItemVersion(CustomLineItem):
    """One custom line item as it was in a range of billing periods, the end exclusive (None = open)."""

    start_billing_period: _Period | None = None
    end_billing_period: _Period | None = None
    start_time: int | None = None


class AssociatedResource(_Object):
    """Something a percentage item is taken of: its billing group, or a flat item; ``end`` is exclusive."""

    arn: Annotated[str, _reference("billinggroup|customlineitem")]
    relationship: str | None = None
    end_billing_period: _Period | None = None


class Page(_Object):
    """One answer of any of the lists; exactly one of its lists is there."""

    billing_groups: list[BillingGroup] | None = None
    linked_accounts: list[LinkedAccount] | None = None
    pricing_plans: list[PricingPlan] | None = None
    pricing_rules: list[PricingRule] | None = None
    pricing_rule_arns: list[Annotated[str, _reference("pricingrule")]] | None = None
    custom_line_items: list[CustomLineItem] | None = None
    custom_line_item_versions: list[CustomLineItemVersion] | None = None
    associated_resources: list[AssociatedResource] | None = None
    arn: Annotated[str, _reference("customlineitem")] | None = None
    pricing_plan_arn: Annotated[str, _reference("pricingplan")] | None = None
    billing_period: _Period | None = None
    next_token: str | None = None
    # Scripts that print what boto3 returned leave this in.
    response_metadata: dict[str, Any] | None = None


def key_of(arn: str) -> str:
    """Return the last part of an ARN, which names the object in short references too."""
    return arn.rpartition("/")[2]


def account_of(arn: str) -> str:
    """Return the account in a full ARN: the payer's."""
    return arn.split(":")[4]


def unknown_fields(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield path and value of every field with content that the classes here lack, in an object and below it."""
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from unknown_fields(item, f"{path}[{position}]")
    if not isinstance(value, BaseModel):
        return
    front = f"{path}." if path else ""
    for name in type(value).model_fields:
        yield from unknown_fields(getattr(value, name), front + to_pascal(name))
    for name, content in (value.model_extra or {}).items():
        if content not in (None, "", [], {}):
            yield front + name, content
