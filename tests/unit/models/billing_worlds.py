"""Small worlds for property tests of the pricing: one payer's month, its CUR rows and a valid billing configuration.

What is here: the Hypothesis strategy ``worlds``, the collection of many worlds, and the world as data that tests
change. Each world has ids and a month of its own, so that hundreds of them are priced by one run of the models.
When to add here: another kind of configuration row, or another shape of CUR row.
What does not belong here: prices of any kind, and how a world is brought into the database.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from orchestration.configuration.intervals import next_month

__all__ = ["COMMITMENT_POLICIES", "MANY", "NUMBERS", "World", "collected_worlds"]

ConfigurationRow = dict[str, str]
LineItem = dict[str, Any]

COMMITMENT_POLICIES = ("on_demand", "owner_group", "pass_through")

# Long amounts would hide a product or a sum that does not fit; these stay within a large invoice.
_DECIMALS = 10
MANY = 10**6

ACCOUNTS = 7
"""Accounts of a world: the last but one is in a group or not, as any; the last is shared, or nobody's."""

LINE_ITEM_TYPES = (
    *("Usage",) * 14, "FlatRateSubscription", *("DiscountedUsage", "SavingsPlanCoveredUsage") * 4,
    *("SavingsPlanNegation",) * 3, *("RIFee", "SavingsPlanRecurringFee") * 2, "SavingsPlanUpfrontFee", "Fee",
    "Fee", "BundledDiscount", "EdpDiscount", "PrivateRateDiscount", "RiVolumeDiscount", "Discount", "SppDiscount",
    "DistributorDiscount", "Credit", "Refund", "Tax", "Surcharge",
)  # fmt: skip
_SERVICES = ("AmazonEC2", "AmazonS3", "AWSSupportBusiness", "8x1marketplaceproduct")
_USAGE_TYPES = ("BoxUsage:m5.large", "EUC1-BoxUsage:m5.xlarge", "SpotUsage:m5.large", "TimedStorage-ByteHrs")
_OPERATIONS = ("RunInstances", "")
_REGIONS = ("eu-central-1", "us-east-1", "")
_CURRENCIES = ("USD", "JPY", "KWD", "EUR")

NUMBERS = (
    "line_item_usage_amount",
    "line_item_normalized_usage_amount",
    "line_item_unblended_cost",
    "line_item_net_unblended_cost",
    "pricing_public_on_demand_cost",
    "reservation_effective_cost",
    "reservation_amortized_upfront_fee_for_billing_period",
    "reservation_unused_amortized_upfront_fee_for_billing_period",
    "reservation_unused_recurring_fee",
    "savings_plan_savings_plan_effective_cost",
    "savings_plan_total_commitment_to_date",
    "savings_plan_used_commitment",
    "discount_bundled_discount",
    "discount_total_discount",
)
"""The amounts and quantities of a CUR row that the models read."""

# What is read for commitments only would make every row of another kind long for nothing.
_NUMBERS_OF_TYPE = {
    "DiscountedUsage": ("reservation_effective_cost",),
    "RIFee": (
        "reservation_amortized_upfront_fee_for_billing_period",
        "reservation_unused_amortized_upfront_fee_for_billing_period",
        "reservation_unused_recurring_fee",
    ),
    "SavingsPlanCoveredUsage": ("savings_plan_savings_plan_effective_cost",),
    "SavingsPlanRecurringFee": ("savings_plan_total_commitment_to_date", "savings_plan_used_commitment"),
}
_BAD_COLUMNS = (*NUMBERS[:2], *NUMBERS[3:])


@dataclass(frozen=True)
class World:
    """One payer's billing period.

    Attributes:
        number: its place among the worlds; part of all its ids.
        period: first of the month, which no other world has.
        files: configuration rows by file, as text; a column that is left out is empty.
        line_items: CUR rows by the columns of ``raw.cur_line_items``; a column that is left out is missing.
    """

    number: int
    period: date
    files: Mapping[str, list[ConfigurationRow]]
    line_items: list[LineItem]

    def with_file(self, name: str, rows: Iterable[ConfigurationRow]) -> "World":
        """Return the world with other rows in one configuration file."""
        return replace(self, files={**self.files, name: [*rows]})

    def __str__(self) -> str:
        lines = [f"world {self.number}, {self.period}"]
        for name, rows in self.files.items():
            lines += [f"  {name}: { ({column: text for column, text in row.items() if text}) }" for row in rows]
        shown = ({column: value for column, value in row.items() if value not in (None, "")} for row in self.line_items)
        return "\n".join([*lines, *(f"  row: {row}" for row in shown)])


def collected_worlds(count: int) -> list[World]:
    """Draw so many worlds, the same ones every time."""
    return [_drawn_world(number) for number in range(count)]


def _drawn_world(number: int) -> World:
    drawn: list[World] = []

    # Drawing is all that happens here: what is asserted of the worlds is asserted of all in one database. A run of its
    # own for each world, as within one run most examples are variations of the one before. The first is the simplest.
    @seed(number)
    @settings(
        max_examples=2,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(worlds(number))
    def collect(world: World) -> None:
        drawn.append(world)

    collect()
    return drawn[-1]


# Strategies are made once: to make one costs as much as to draw from it.
@cache
def _one_of(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


@cache
def _amounts(limit: int = MANY, *, signed: bool = True) -> st.SearchStrategy[Decimal]:
    """Amounts with all their decimals; small, whole and zero ones often."""
    most = limit * 10**_DECIMALS
    least = -1 if signed else 0
    # Hypothesis likes small numbers, which would be nothing but last decimals; a large odd factor spreads their digits.
    return st.one_of(
        st.integers(least * 2**40, 2**40).map(lambda seed: (1 if seed >= 0 else -1) * (abs(seed) * 2654435761 % most)),
        st.integers(least * 10**12, 10**12),
        st.integers(0, 300).map(lambda whole: whole * 10**_DECIMALS),
    ).map(lambda units: Decimal(units).scaleb(-_DECIMALS))


@cache
def _cents(most: int) -> st.SearchStrategy[str]:
    return st.integers(0, most * 100).map(lambda hundredths: f"{Decimal(hundredths).scaleb(-2):f}")


@cache
def _rates() -> st.SearchStrategy[str]:
    return st.integers(0, 3 * 10**10).map(lambda units: f"{Decimal(units).scaleb(-10):f}")


def _month(period: date) -> str:
    return period.strftime("%Y-%m")


@dataclass(frozen=True)
class _Place:
    """Where and when a world is: its ids and its months."""

    number: int

    @property
    def period(self) -> date:
        months = 3 * self.number
        return date(1990 + months // 12, months % 12 + 1, 1)

    @property
    def before(self) -> date:
        return (self.period - timedelta(days=1)).replace(day=1)

    @property
    def after(self) -> date:
        return next_month(self.period)

    @property
    def end(self) -> date:
        """First day that may belong to another world: the month after the next."""
        return next_month(self.after)

    @property
    def payer(self) -> str:
        return f"9{self.number:05d}000000"

    def account(self, index: int) -> str:
        return f"{self.number:05d}{index:07d}"

    def id_of(self, kind: str, index: int) -> str:
        return f"{kind}-{self.number:04d}-{index}"

    def arn(self, kind: str, owner: int) -> str:
        if kind == "reservation":
            return f"arn:aws:ec2:eu-central-1:{self.account(owner)}:reserved-instances/{self.number:04d}-{owner}"
        return f"arn:aws:savingsplans::{self.account(owner)}:savingsplan/{self.number:04d}-{owner}"


@st.composite
def worlds(draw: st.DrawFn, number: int) -> World:
    """A world with this number; no draw depends on the number, only names and dates do."""
    place = _Place(number)
    group_count = draw(st.integers(1, 3))
    lives = [_life(draw, place, index) for index in range(group_count)]
    groups = [place.id_of("group", index) for index in range(group_count)]
    auto = draw(st.integers(-3, group_count - 1))
    files: dict[str, list[ConfigurationRow]] = {
        "payers": [{"payer_account_id": place.payer}],
        "customers": [
            {
                "customer_id": place.id_of("customer", index),
                "legal_name": "Customer",
                "country_code": "DE",
                "currency": draw(_one_of(*_CURRENCIES)),
                "payment_terms_days": "30",
            }
            for index in range(group_count)
        ],
        "billing_groups": [
            {
                "billing_group_id": group,
                "billing_group_name": f"Group {group}",
                "customer_id": place.id_of("customer", index),
                "issuer_id": "issuer",
                "primary_account_id": place.account(index),
                "auto_associate": "true" if index == auto else "false",
                "start_period": _month(lives[index][0]),
                "end_period": _month(lives[index][1]),
            }
            for index, group in enumerate(groups)
        ],
        "account_assignments": _assignments(draw, place, groups, lives),
        "fx_rates": [
            {
                "period": _month(place.period),
                "from_currency": "USD",
                "to_currency": currency,
                "rate": f"{Decimal(draw(st.integers(1, 200 * 10**10))).scaleb(-10):f}",
                "source": "treasury",
            }
            for currency in draw(st.lists(_one_of(*_CURRENCIES[1:]), unique=True, max_size=3))
        ],
        "pricing_plans": [{"pricing_plan_id": place.id_of("plan", index)} for index in range(2)],
        **_support_plan(draw, place),
        **_pricing_rules(draw, place),
        **_shared_costs(draw, place, groups),
    }
    files["billing_terms"] = [row for index in range(group_count) for row in _terms(draw, place, index, lives[index])]
    files["custom_line_items"] = [row for index in range(group_count) for row in _custom_items(draw, place, index)]
    files["minimum_commitments"] = [row for group in groups for row in _promises(draw, place, group)]
    mode = draw(_one_of("rows", "columns"))
    count = draw(_one_of(*range(6, 25)))
    return World(number, place.period, files, [_line_item(draw, place, mode, index) for index in range(count)])


def _life(draw: st.DrawFn, place: _Place, index: int) -> tuple[date, date]:
    starts, ends = (place.before, place.before, place.period), (place.end, place.end, place.after)
    life = draw(_one_of(0, 1, 2)), draw(_one_of(0, 1, 2))
    if index == 2 and life == (0, 0):
        # A group that has ended: what it would share is nobody's now.
        return place.before, place.period
    return starts[life[0]], ends[life[1]]


def _assignments(
    draw: st.DrawFn, place: _Place, groups: list[str], lives: list[tuple[date, date]]
) -> list[ConfigurationRow]:
    rows = []
    for account in range(ACCOUNTS - 1):
        days = draw(st.lists(st.integers(-3, 33), max_size=2, unique=True).map(sorted))
        cuts = [place.before, *(place.period + timedelta(days=day) for day in days), place.end]
        for start, end in pairwise(cuts):
            index = draw(_one_of(*range(12)))
            if index == 11:
                # Nobody's at times.
                continue
            index %= len(groups)
            start, end = max(start, lives[index][0]), min(end, lives[index][1])
            if start < end:
                rows.append(
                    {
                        "account_id": place.account(account),
                        "billing_group_id": groups[index],
                        "start_date": str(start),
                        "end_date": str(end),
                    }
                )
    return rows


def _terms(draw: st.DrawFn, place: _Place, index: int, life: tuple[date, date]) -> list[ConfigurationRow]:
    cut = draw(_one_of(place.before, place.period))
    bounds = [life[0], cut, life[1]] if life[0] < cut < life[1] else [*life]
    return [
        {
            "billing_group_id": place.id_of("group", index),
            "start_period": _month(start),
            "end_period": _month(end),
            "pricing_plan_id": place.id_of("plan", draw(_one_of(0, 0, 0, 1))),
            "commitment_policy": draw(_one_of(*COMMITMENT_POLICIES)),
            "upfront_policy": draw(_one_of("pass", "withhold")),
            "free_tier_policy": draw(_one_of("pass_through", "withhold")),
            "support_policy": (support := draw(_one_of("pass_through", "withhold", "recompute"))),
            "support_plan_id": place.id_of("support", 0) if support == "recompute" else "",
            "bundled_discount_policy": draw(_one_of("pass_through", "withhold")),
            "negotiated_discount_policy": draw(_one_of("pass_through", "withhold")),
            "aws_credit_policy": (credit := draw(_one_of("withhold", "pass_through", "share"))),
            "aws_credit_share_percentage": draw(_cents(100)) if credit == "share" else "",
            "refund_policy": draw(_one_of("pass_through", "withhold")),
            "tax_policy": draw(_one_of("recompute", "pass_through", "none")),
        }
        for start, end in pairwise(bounds)
    ]


def _tiers(draw: st.DrawFn, most: int) -> list[tuple[str, str]]:
    cuts = draw(st.lists(st.integers(1, most * 10**3), max_size=3, unique=True).map(sorted))
    ends = ["0", *(f"{Decimal(cut).scaleb(-3):f}" for cut in cuts), ""]
    return [*pairwise(ends)]


def _support_plan(draw: st.DrawFn, place: _Place) -> dict[str, list[ConfigurationRow]]:
    life = {"start_period": _month(place.before), "end_period": _month(place.end)}
    plan = {"support_plan_id": place.id_of("support", 0)}
    return {
        "support_plans": [{**plan, "minimum_amount": draw(_cents(50)), **life}],
        "support_plan_tiers": [
            {**plan, "tier_start": start, "tier_end": end, "percentage": draw(_cents(20)), **life}
            for start, end in _tiers(draw, 2000)
        ],
    }


_SHAPES = (
    *2 * (("GLOBAL", "", "", "", "", ""), ("SERVICE", "", "AmazonEC2", "", "", "")),
    *(("GLOBAL", "", "", "", "", region) for region in _REGIONS[1:]),
    *(("BILLING_ENTITY", entity, "", "", "", "") for entity in ("AWS", "AWS Marketplace")),
    *(("SERVICE", "", service, "", "", region) for service in _SERVICES[:2] for region in _REGIONS[1:]),
    *(
        ("SKU", "", service, usage_type, operation, region)
        for service in _SERVICES[:2]
        for usage_type in ("", _USAGE_TYPES[0], _USAGE_TYPES[3])
        for operation in ("", "RunInstances")
        for region in _REGIONS[1:]
        if usage_type or operation
    ),
)
"""What a rule may look at: scope, billing entity, service code, usage type, operation, region."""


_PERCENTAGES = ("MARKUP", "DISCOUNT")
_SERVICE_KINDS = (*_PERCENTAGES, "FIXED_RATE")
_SKU_KINDS = (*_SERVICE_KINDS, "TIERED", "TIERED", "TIERED")


def _pricing_rules(draw: st.DrawFn, place: _Place) -> dict[str, list[ConfigurationRow]]:
    shapes = draw(st.lists(st.tuples(_one_of(0, 0, 0, 1), _one_of(*_SHAPES)), min_size=4, max_size=10, unique=True))
    # R2: one rule for a usage type and one for an operation tie on a row with both, unless a rule names both.
    for plan, (scope, _, service, usage_type, operation, region) in [*shapes]:
        by_operation = (plan, (scope, "", service, "", "RunInstances", region))
        exact = (plan, (scope, "", service, usage_type, "RunInstances", region))
        if usage_type and not operation and by_operation in shapes and exact not in shapes:
            shapes.append(exact)
    # The same rules with other prices, before the world's month, must never be used.
    earlier = [(place.before, place.period)] * draw(_one_of(0, 1))
    rules: list[ConfigurationRow] = []
    tiers: list[ConfigurationRow] = []
    for plan, (scope, entity, service, usage_type, operation, region) in shapes:
        kinds = {"SKU": _SKU_KINDS, "SERVICE": _SERVICE_KINDS}.get(scope, _PERCENTAGES)
        for start, end in [(place.period, place.end), *earlier]:
            kind = draw(_one_of(*kinds))
            is_percentage = kind in _PERCENTAGES
            rule_id = place.id_of("rule", len(rules))
            rules.append(
                {
                    "pricing_rule_id": rule_id,
                    "pricing_plan_id": place.id_of("plan", plan),
                    "scope": scope,
                    "rule_type": kind,
                    "percentage": draw(_cents(100 if kind == "DISCOUNT" else 300)) if is_percentage else "",
                    "rate": draw(_rates()) if kind == "FIXED_RATE" else "",
                    "billing_entity": entity,
                    "service_code": service,
                    "usage_type": usage_type,
                    "operation": operation,
                    "region": region,
                    "include_fees": draw(_one_of("true", "false")) if is_percentage else "false",
                    "start_period": _month(start),
                    "end_period": _month(end),
                }
            )
            if kind == "TIERED":
                tiers += [
                    {"pricing_rule_id": rule_id, "tier_start": begin, "tier_end": finish, "rate": draw(_rates())}
                    for begin, finish in _tiers(draw, 100)
                ]
    return {"pricing_rules": rules, "pricing_rule_tiers": tiers}


_METHODS = {
    "account": ("PROPORTIONAL", "EVEN", "FIXED"),
    "fixed": ("PROPORTIONAL", "EVEN", "FIXED"),
    "payer_savings": ("EXACT_SAVINGS", "NORMALIZED_HOURS"),
}


def _shared_costs(draw: st.DrawFn, place: _Place, groups: list[str]) -> dict[str, list[ConfigurationRow]]:
    last, last_but_one = place.account(ACCOUNTS - 1), place.account(ACCOUNTS - 2)
    sources = draw(
        st.lists(
            _one_of(
                ("account", last, ""),
                ("account", last_but_one, ""),
                ("account", last, "AmazonEC2"),
                ("fixed", "", ""),
                ("payer_savings", "", ""),
                ("payer_savings", "", ""),
                ("payer_savings", "", ""),
            ),
            min_size=1,
            max_size=3,
            unique=True,
        )
    )
    rules: list[ConfigurationRow] = []
    targets: list[ConfigurationRow] = []
    for index, (kind, account, service) in enumerate(sources):
        rule_id = place.id_of("shared", index)
        method = draw(_one_of(*_METHODS[kind]))
        rules.append(
            {
                "shared_cost_rule_id": rule_id,
                "description": "Shared",
                "source_kind": kind,
                "source_account_id": account,
                "source_service_code": service,
                "fixed_amount": f"{draw(_amounts(1000, signed=False)):f}" if kind == "fixed" else "",
                "method": method,
                "start_period": _month(place.period),
                "end_period": _month(place.after),
            }
        )
        least = 0 if kind == "payer_savings" else 1
        indexes = draw(st.lists(st.integers(0, 2), min_size=least, max_size=3, unique=True))
        # A group that is drawn but does not exist leaves the first one.
        for position in {index % len(groups): None for index in indexes}:
            weight = draw(st.integers(1, 10**12).map(lambda units: f"{Decimal(units).scaleb(-10):f}"))
            targets.append(
                {
                    "shared_cost_rule_id": rule_id,
                    "billing_group_id": groups[position],
                    "weight": weight if method == "FIXED" else "",
                }
            )
    return {"shared_cost_rules": rules, "shared_cost_targets": targets}


def _custom_items(draw: st.DrawFn, place: _Place, index: int) -> list[ConfigurationRow]:
    def item(position: int, **columns: str) -> ConfigurationRow:
        return {
            "custom_line_item_id": place.id_of(f"item{index}", position),
            "billing_group_id": place.id_of("group", index),
            "account_id": draw(_one_of("", place.account(0), place.account(3))),
            "description": "Item",
            "charge_type": draw(_one_of("FEE", "CREDIT")),
            "presentation_service": draw(_one_of("", "", "AmazonEC2")),
            "start_period": _month(draw(_one_of(place.before, place.period, place.period))),
            "end_period": _month(draw(_one_of(place.end, place.after, place.end))),
            **columns,
        }

    flat_count = draw(st.integers(0, 2))
    rows = [
        item(position, calculation="FLAT", amount=f"{draw(_amounts(1000, signed=False)):f}")
        for position in range(flat_count)
    ]
    for _ in range(draw(st.integers(0, 1))):
        line_filter = draw(_one_of("", "EXCLUDE_SAVINGS_PLAN_NEGATION", "SERVICE_EQUAL", "SERVICE_NOT_EQUAL"))
        named = [row["custom_line_item_id"] for row in rows if draw(st.booleans())]
        percentage = item(
            flat_count,
            calculation="PERCENTAGE",
            percentage=draw(_cents(50)),
            computation_rule="ITEMIZED",
            line_item_filter=line_filter,
            filter_service_code="AmazonEC2" if line_filter.startswith("SERVICE") else "",
            associated_item_ids=draw(_one_of("|".join(named), "*")),
        )
        # The same item once more, shown the other way (G3).
        twin = {
            **percentage,
            "custom_line_item_id": percentage["custom_line_item_id"] + "-twin",
            "computation_rule": "CONSOLIDATED",
        }
        rows += [percentage, twin]
    return rows


def _promises(draw: st.DrawFn, place: _Place, group: str) -> list[ConfigurationRow]:
    days = draw(st.lists(st.integers(-40, 40), max_size=2, unique=True))
    rows = []
    for day in days:
        length = draw(st.integers(0, 50))
        start = place.period + timedelta(days=day)
        rows.append(
            {
                "billing_group_id": group,
                "amount": f"{draw(_amounts(5000, signed=False)):f}",
                "start_date": str(start),
                "end_date": "" if length == 0 else str(start + timedelta(days=length)),
            }
        )
    return rows


def _line_item(draw: st.DrawFn, place: _Place, mode: str, index: int) -> LineItem:
    line_type = draw(_one_of(*LINE_ITEM_TYPES))
    service = draw(_one_of(*_SERVICES[:2], *_SERVICES))
    is_free = draw(_one_of(*[False] * 5, True))
    row: LineItem = {
        "billing_period": place.period,
        "bill_payer_account_id": place.payer,
        "delivery_key": place.payer,
        "source_file": "part-1",
        "source_row_number": index + 1,
        "discount_mode": mode,
        "bill_invoice_id": draw(_one_of("1001", "1001", "")),
        "bill_billing_entity": "AWS Marketplace" if service == _SERVICES[3] else "AWS",
        "line_item_usage_account_id": place.account(draw(_one_of(*range(ACCOUNTS - 1), *range(ACCOUNTS)))),
        "line_item_line_item_type": line_type,
        "line_item_usage_start_date": datetime.combine(
            place.period + timedelta(days=draw(st.integers(-40, 40))), draw(_one_of(time.min, time(23, 59, 59)))
        ),
        "line_item_product_code": service,
        "product_product_name": draw(_one_of("", service, f"{service} (renamed)")),
        "line_item_usage_type": draw(_one_of(*_USAGE_TYPES, _USAGE_TYPES[0], _USAGE_TYPES[3])),
        "line_item_operation": draw(_one_of(*_OPERATIONS, _OPERATIONS[0], _OPERATIONS[0])),
        "product_region_code": draw(_one_of(*_REGIONS)),
        "pricing_unit": "Hrs",
        "line_item_usage_amount": draw(st.one_of(st.none(), _amounts(200))),
        "line_item_normalization_factor": draw(_one_of(None, Decimal(0), Decimal(4), Decimal("0.25"))),
        "line_item_unblended_cost": Decimal(0) if is_free else draw(_amounts()),
        "pricing_public_on_demand_cost": draw(st.one_of(st.none(), _amounts(), _amounts(100, signed=False))),
    }
    if draw(_one_of(*[False] * 15, True)):
        # C1: repeats what stands elsewhere.
        row["line_item_operation"] = draw(_one_of("EKSPod-EC2", "ECSTask-EC2", "RunInstances"))
        row["split_line_item_parent_resource_id"] = "i-0123456789"
    row |= {column: draw(_amounts(1000)) for column in _NUMBERS_OF_TYPE.get(line_type, ())}
    commitment = draw(_one_of(*range(8)))
    owner = draw(_one_of(0, 1, ACCOUNTS - 2, ACCOUNTS - 1, ACCOUNTS - 1))
    if line_type in ("DiscountedUsage", "RIFee") or (line_type == "Fee" and commitment < 4) or commitment == 7:
        row["reservation_reservation_a_r_n"] = place.arn("reservation", owner)
    elif line_type.startswith("SavingsPlan"):
        row["savings_plan_savings_plan_a_r_n"] = place.arn("savings_plan", owner)
    if line_type in ("DiscountedUsage", "SavingsPlanCoveredUsage") and draw(st.booleans()):
        # C0: without an ARN a row is tied to nobody.
        row["line_item_normalized_usage_amount"] = draw(_amounts(100, signed=False))
    if draw(st.booleans()):
        row |= {
            "line_item_net_unblended_cost": draw(st.one_of(st.none(), st.just(Decimal(0)), _amounts())),
            "discount_bundled_discount": draw(st.one_of(st.none(), _amounts(10))),
            "discount_total_discount": draw(st.one_of(st.none(), _amounts(10))),
            "discount": draw(
                st.dictionaries(_one_of("EdpDiscount", "SppDiscount", "BundledDiscount"), _amounts(10), max_size=2)
            ),
        }
    if draw(_one_of(*[False] * 15, True)):
        bad = draw(st.lists(_one_of(*_BAD_COLUMNS), min_size=1, max_size=2, unique=True))
        row |= dict.fromkeys(bad)
        row["bad_values"] = dict.fromkeys(bad, "1,5")
    return row
