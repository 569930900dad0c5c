"""What happened in a billing month, before any file format: the records behind both books and files.

What is here: a stock keeping unit, a resource, a commitment, and a fact (one line item as AWS metered it).
When to add here: a property of a line item that a billing rule or a CUR column depends on.
What does not belong here: how a month comes about (``month``), what it costs a customer (``expected``), and
how it is written (``columns``).

All money and quantities are integers in units of 1e-10 (``fixed_point``).
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

__all__ = [
    "Commitment",
    "DiscountKind",
    "Fact",
    "LeaseMonth",
    "LineItemType",
    "PlanHour",
    "Reservation",
    "Resource",
    "SavingsPlan",
    "Sku",
    "SplitCost",
]


class LineItemType(StrEnum):
    """The values of ``line_item_line_item_type`` that are no discount."""

    USAGE = "Usage"
    FLAT_RATE_SUBSCRIPTION = "FlatRateSubscription"
    DISCOUNTED_USAGE = "DiscountedUsage"
    SAVINGS_PLAN_COVERED_USAGE = "SavingsPlanCoveredUsage"
    SAVINGS_PLAN_NEGATION = "SavingsPlanNegation"
    RI_FEE = "RIFee"
    SAVINGS_PLAN_RECURRING_FEE = "SavingsPlanRecurringFee"
    SAVINGS_PLAN_UPFRONT_FEE = "SavingsPlanUpfrontFee"
    FEE = "Fee"
    CREDIT = "Credit"
    REFUND = "Refund"
    TAX = "Tax"


class DiscountKind(StrEnum):
    """Discounts: a line item type of their own in row mode, a key of the discount map in column mode (C2)."""

    BUNDLED = "BundledDiscount"
    ENTERPRISE = "EdpDiscount"
    PRIVATE_RATE = "PrivateRateDiscount"
    RESERVATION_VOLUME = "RiVolumeDiscount"
    GENERIC = "Discount"
    SOLUTION_PROVIDER = "SppDiscount"
    DISTRIBUTOR = "DistributorDiscount"


@dataclass(frozen=True, slots=True, eq=False)
class Sku:
    """Something AWS sells at a price. Compared by identity: the catalogue makes each one once.

    Attributes:
        product_code: CUR product code, which is our service code.
        rate: what AWS charges per unit before discounts.
        public_rate: the rate in the public on-demand column; None where AWS publishes none (spot,
            Marketplace, fees). For tiered SKUs AWS puts the highest tier's rate there, so it can be below
            ``rate``.
        savings_plan_rate: what a Compute Savings Plan pays per unit; 0 = not coverable.
        attributes: ``product/*`` columns by their legacy name without the category (``instanceType``).
    """

    product_code: str
    product_name: str
    usage_type: str = ""
    operation: str = ""
    region: str = ""
    unit: str = ""
    rate: int = 0
    public_rate: int | None = None
    savings_plan_rate: int = 0
    normalization_factor: int = 0
    billing_entity: str = "AWS"
    seller: str = ""
    description: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """A resource and its cost-allocation tags (``user:team`` -> value, as activated in AWS)."""

    resource_id: str
    availability_zone: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    cost_category: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Commitment:
    """What reservations and Savings Plans have in common; the owner is the account in the ARN (C0)."""

    arn: str
    owner: str
    start: datetime
    end: datetime
    payment_option: str


@dataclass(frozen=True, slots=True, eq=False)
class Reservation(Commitment):
    """A lease of ``count`` instances of one SKU.

    Attributes:
        sku: what it covers. fee_sku: what its fee rows name (``HeavyUsage:``).
        hourly_fee: recurring fee per instance and hour.
        hourly_upfront: upfront fee per instance, amortised over each hour of the term.
        upfront_fee: what was paid at the start, all instances; its Fee row stands in the month of ``start``.
    """

    sku: Sku
    fee_sku: Sku
    count: int
    hourly_fee: int
    hourly_upfront: int
    upfront_fee: int
    subscription_id: str

    @property
    def hourly_cost(self) -> int:
        """Effective cost of one covered instance hour."""
        return self.hourly_fee + self.hourly_upfront


@dataclass(frozen=True, slots=True, eq=False)
class SavingsPlan(Commitment):
    """A Compute Savings Plan: an hourly spend, part of it paid upfront.

    Attributes:
        hourly_recurring: commitment per hour that is billed hourly.
        hourly_upfront: commitment per hour that was paid at the start.
        upfront_fee: what was paid at the start.
    """

    fee_sku: Sku
    hourly_recurring: int
    hourly_upfront: int
    upfront_fee: int

    @property
    def hourly_commitment(self) -> int:
        """The whole commitment of an hour."""
        return self.hourly_recurring + self.hourly_upfront


@dataclass(frozen=True, slots=True)
class LeaseMonth:
    """What an RIFee row says about its lease in the billing period."""

    count: int
    hours: int
    amortized_upfront: int
    unused_hours: int
    unused_recurring: int
    unused_upfront: int


@dataclass(frozen=True, slots=True)
class PlanHour:
    """What a SavingsPlanRecurringFee row says about its plan in that hour."""

    recurring: int
    amortized_upfront: int
    used: int

    @property
    def total(self) -> int:
        """Total commitment to date of the row."""
        return self.recurring + self.amortized_upfront


@dataclass(frozen=True, slots=True)
class SplitCost:
    """A pod's or task's share of a parent instance (C1): a repeat, never money of its own."""

    parent_resource_id: str
    split_cost: int
    unused_cost: int
    public_split_cost: int
    public_unused_cost: int
    split_usage: int
    reserved_usage: int
    actual_usage: int


@dataclass(frozen=True, slots=True)
class Fact:
    """One line item.

    Attributes:
        line_item_type: ``LineItemType``, or ``DiscountKind`` for a discount row.
        start, end: usage dates, UTC without zone; may lie outside the billing period (P1).
        interval: ``identity/TimeInterval`` where it differs from the usage dates.
        quantity: usage amount. rate: unblended rate. unblended: unblended cost.
        public: public on-demand cost; None where AWS gives none.
        commitment: the lease or plan that covers the row or whose fee it is.
        effective: reservation or Savings Plan effective cost of covered usage.
        discounts: what was taken off this row, by kind, each negative.
    """

    account: str
    line_item_type: LineItemType | DiscountKind
    sku: Sku
    start: datetime
    end: datetime
    quantity: int
    rate: int
    unblended: int
    public: int | None = None
    resource: Resource | None = None
    commitment: Commitment | None = None
    effective: int = 0
    discounts: tuple[tuple[DiscountKind, int], ...] = ()
    lease_month: LeaseMonth | None = None
    plan_hour: PlanHour | None = None
    split: SplitCost | None = None
    bill_type: str = "Anniversary"
    description: str = ""
    tax_type: str = ""
    interval: str = ""

    @property
    def discount(self) -> int:
        """Sum of the discounts of this row."""
        return sum(amount for _, amount in self.discounts)
