"""What can happen in the sample's story: a payer with fleets, usage, purchases, discounts, credits and
refunds.

What is here: the kinds of event, and short constructors for leases and plans.
When to add here: a kind of event that the two payers (``americas``, ``emea``) cannot express yet.
What does not belong here: the events themselves, and what anyone is charged for them (``billing/*.csv``).
"""

from dataclasses import dataclass, field
from datetime import datetime

from orchestration.sample import catalogue
from orchestration.sample.facts import DiscountKind, LineItemType, Reservation, Resource, SavingsPlan, Sku
from orchestration.sample.fixed_point import ONE, rounded_quotient, units

__all__ = [
    "USAGE",
    "USAGE_AND_COMMITMENTS",
    "Cluster",
    "DiscountTerm",
    "Fleet",
    "OneOff",
    "Payer",
    "Stream",
    "Subscription",
    "SupportPlan",
    "bucket",
    "reservation",
    "savings_plan",
    "tags",
]


@dataclass(frozen=True, slots=True)
class Fleet:
    """Instances of one SKU in one account.

    Attributes:
        count: instances at scale 1.
        schedule: ``always``, ``office`` (weekdays 07-19 UTC) or ``nightly`` (22-04 UTC).
        tags: cost-allocation tags of every instance.
    """

    account: str
    sku: Sku
    count: int
    schedule: str = "always"
    tags: dict[str, str] = field(default_factory=dict)
    cost_category: str = ""
    spot_price: int = 0


@dataclass(frozen=True, slots=True)
class Stream:
    """Daily metered usage of one SKU.

    Attributes:
        low, high: bounds of a day's quantity at scale 1, units of 1e-10. step: quantities are multiples of
            it.
        free: quantity per month and account that AWS gives for nothing (cost 0, public price stays).
    """

    account: str
    sku: Sku
    low: int
    high: int
    step: int = 1
    free: int = 0
    resource: Resource | None = None


@dataclass(frozen=True, slots=True)
class OneOff:
    """A row that happens once: a fee, credit, refund or purchase.

    Attributes:
        period: billing period (``2026-09``) the row is billed in.
        start, end: usage dates, inside the period or not (P1).
    """

    period: str
    account: str
    line_item_type: LineItemType
    sku: Sku
    amount: int
    start: datetime
    end: datetime
    description: str
    bill_type: str = "Anniversary"
    quantity: int = ONE


@dataclass(frozen=True, slots=True)
class Subscription:
    """Seats of a flat-rate subscription, one row a month."""

    account: str
    sku: Sku
    seats: int


@dataclass(frozen=True, slots=True)
class SupportPlan:
    """A support charge of an account, every month: AWS posts it on the sixth of the following one."""

    account: str
    sku: Sku
    line_item_type: LineItemType
    low_cents: int
    high_cents: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """Containers on a fleet, split by AWS for showback (C1); ``tasks``: name -> reserved vCPU and GB."""

    account: str
    sku: Sku
    orchestrator: str
    name: str
    tasks: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class DiscountTerm:
    """A discount on every row it fits: ``hundredths`` of a percent (550 = 5.5 %) of the row's unblended cost.

    Attributes:
        line_item_types: rows it acts on. product_codes, usage_types: narrow it; empty = any (usage types by
            ending).
        marketplace: also acts on AWS Marketplace rows.
        last_period: last billing period it is granted in; empty = open.
    """

    kind: DiscountKind
    hundredths: int
    line_item_types: frozenset[LineItemType]
    product_codes: frozenset[str] = frozenset()
    usage_types: tuple[str, ...] = ()
    marketplace: bool = False
    last_period: str = ""


@dataclass(frozen=True)
class Payer:
    """One AWS payer account with everything billed through it.

    Attributes:
        export_name: name of its CUR report or data export. folder: where that lands, below the landing
            folder.
        seller: AWS's legal entity. tax_type: as AWS prints it.
        account_names: every account of the organisation. tax_rates: hundredths of a percent by account;
            absent = 0.
    """

    account_id: str
    name: str
    export_name: str
    folder: str
    bucket: str
    seller: str
    tax_type: str
    account_names: dict[str, str]
    tax_rates: dict[str, int]
    fleets: tuple[Fleet, ...]
    streams: tuple[Stream, ...]
    reservations: tuple[Reservation, ...]
    savings_plans: tuple[SavingsPlan, ...]
    one_offs: tuple[OneOff, ...]
    subscriptions: tuple[Subscription, ...]
    support_plans: tuple[SupportPlan, ...]
    clusters: tuple[Cluster, ...]
    discounts: tuple[DiscountTerm, ...]


USAGE = frozenset({LineItemType.USAGE, LineItemType.FLAT_RATE_SUBSCRIPTION})
USAGE_AND_COMMITMENTS = USAGE | {LineItemType.RI_FEE, LineItemType.SAVINGS_PLAN_RECURRING_FEE}

_TERM_HOURS = 8760


def tags(team: str, environment: str, cost_center: str) -> dict[str, str]:
    """Return the three cost-allocation tags the customers agreed on."""
    return {"user:CostCenter": cost_center, "user:environment": environment, "user:team": team}


def bucket(name: str, team: str, environment: str = "production") -> Resource:
    """Return an object storage bucket."""
    return Resource(name, tags={"user:environment": environment, "user:team": team})


def reservation(
    arn: str,
    covered: Sku,
    count: int,
    hourly_fee: str,
    upfront: str,
    start: datetime,
    payment_option: str,
    subscription_id: str,
) -> Reservation:
    """Return a one-year lease; ``upfront`` is paid per instance and amortised over 8,760 hours."""
    return Reservation(
        arn=arn,
        owner=arn.split(":")[4],
        start=start,
        end=start.replace(year=start.year + 1),
        payment_option=payment_option,
        sku=covered,
        fee_sku=catalogue.reservation_fee(covered, units(hourly_fee)),
        count=count,
        hourly_fee=units(hourly_fee),
        hourly_upfront=rounded_quotient(units(upfront), _TERM_HOURS),
        upfront_fee=units(upfront) * count,
        subscription_id=subscription_id,
    )


def savings_plan(arn: str, recurring: str, upfront: str, start: datetime, payment_option: str) -> SavingsPlan:
    """Return a one-year Compute Savings Plan: ``recurring`` per hour, and ``upfront`` once."""
    return SavingsPlan(
        arn=arn,
        owner=arn.split(":")[4],
        start=start,
        end=start.replace(year=start.year + 1),
        payment_option=payment_option,
        fee_sku=catalogue.savings_plan_fee(payment_option),
        hourly_recurring=units(recurring),
        hourly_upfront=rounded_quotient(units(upfront), _TERM_HOURS),
        upfront_fee=units(upfront),
    )
