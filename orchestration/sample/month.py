"""One billing month of one payer: the story's workloads turned into facts, by AWS's own arithmetic.

What is here: metering by hour and day, reservations and Savings Plans applied where AWS would apply them (the
owner first, then whoever runs matching usage), fees with their unused parts, discounts, split-cost rows, and
tax per account and product rounded to cents.
When to add here: an arithmetic relation between CUR rows that real files obey.
What does not belong here: the workloads themselves (``americas``, ``emea``) and anything a customer is
charged.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from orchestration.sample import catalogue
from orchestration.sample.facts import (
    DiscountKind,
    Fact,
    LeaseMonth,
    LineItemType,
    PlanHour,
    Reservation,
    Resource,
    SavingsPlan,
    Sku,
    SplitCost,
)
from orchestration.sample.fixed_point import ONE, percentage_of, product, rounded_quotient
from orchestration.sample.story import Cluster, Fleet, OneOff, Payer, Stream

__all__ = ["billing_month", "discount_rows", "discounts_on", "next_month", "period_text"]

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_CENT = ONE // 100
_ZONES = "abc"


def next_month(period: datetime) -> datetime:
    """Return the first of the month after ``period`` (a first of month)."""
    return (period + timedelta(days=31)).replace(day=1)


def period_text(period: datetime) -> str:
    """Return a first of month as the configuration writes periods: ``2026-09``."""
    return f"{period:%Y-%m}"


@dataclass(frozen=True, slots=True, eq=False)
class _Instance:
    """One instance of a fleet; it is down from ``down_from`` for ``down_hours`` hours of the month."""

    fleet: Fleet
    resource: Resource
    down_from: int
    down_hours: int

    def runs(self, hour: int, start: datetime) -> bool:
        """Return whether it runs in the hour of the month that begins at ``start``."""
        if self.down_from <= hour < self.down_from + self.down_hours:
            return False
        if self.fleet.schedule == "office":
            return start.weekday() < 5 and 7 <= start.hour < 19
        if self.fleet.schedule == "nightly":
            return start.hour >= 22 or start.hour < 4
        return True


def billing_month(payer: Payer, period: datetime, *, seed: int, scale: int) -> list[Fact]:
    """Return every line item of ``payer`` in the month beginning at ``period``, taxes last.

    The same arguments give the same facts. Discounts are attached to the rows they come off;
    ``discount_rows`` makes rows of them where a delivery wants rows. ``scale`` multiplies fleets, quantities,
    leases and plans.
    """
    return _Month(payer, period, seed, scale).facts()


def discount_rows(facts: list[Fact]) -> list[Fact]:
    """Return the discounts of ``facts`` as line items: one per account, SKU, day and kind.

    AWS computes discounts by account and SKU and shows neither resource nor blended cost on them. By day, not
    by month, so that an account which moves between groups takes along exactly the discounts of its own days.
    """
    totals: dict[tuple[str, Sku, datetime, DiscountKind], int] = defaultdict(int)
    for fact in facts:
        day = fact.start.replace(hour=0, minute=0, second=0)
        for kind, amount in fact.discounts:
            totals[fact.account, fact.sku, day, kind] += amount
    return [
        Fact(
            account=account,
            line_item_type=kind,
            sku=sku,
            start=day,
            end=day + _DAY,
            quantity=0,
            rate=0,
            unblended=amount,
            description=f"{kind} on {sku.usage_type}",
        )
        for (account, sku, day, kind), amount in totals.items()
        if amount
    ]


def discounts_on(
    payer: Payer, period: datetime, line_item_type: LineItemType, sku: Sku, unblended: int
) -> tuple[tuple[DiscountKind, int], ...]:
    """Return what AWS takes off a row of ``unblended`` cost, by kind, each rounded to 1e-10 and negative."""
    if unblended <= 0 or sku.product_code.startswith(("AWSSupport", "AWSDeveloperSupport")):
        return ()
    return tuple(
        (term.kind, -percentage_of(unblended, term.hundredths))
        for term in payer.discounts
        if line_item_type in term.line_item_types
        and (not term.product_codes or sku.product_code in term.product_codes)
        and (not term.usage_types or sku.usage_type.endswith(term.usage_types))
        and (term.marketplace or sku.billing_entity == "AWS")
        and (not term.last_period or period_text(period) <= term.last_period)
        and percentage_of(unblended, term.hundredths)
    )


class _Month:
    """A month under construction."""

    def __init__(self, payer: Payer, period: datetime, seed: int, scale: int) -> None:
        self.payer = payer
        self.period = period
        self.end = next_month(period)
        self.seed = seed
        self.scale = scale
        self.hours = [period + hour * _HOUR for hour in range((self.end - period) // _HOUR)]
        self.days = self.hours[::24]
        # Negations name a zone but no resource, and carry no tags.
        zones = {f"{region}{letter}" for region in catalogue.REGION_NAMES for letter in _ZONES}
        self._no_resource = {zone: Resource("", zone) for zone in sorted(zones)}

    def facts(self) -> list[Fact]:
        """Return the month's facts."""
        facts = [
            *self._compute(),
            *(fact for stream in self.payer.streams for fact in self._stream(stream)),
            *self._subscriptions(),
            *self._support(),
            *(self._one_off(event) for event in self.payer.one_offs if event.period == period_text(self.period)),
        ]
        return [*facts, *self._taxes(facts)]

    def _random(self, *subject: str) -> Random:
        """Return a generator per subject, so that a new workload does not disturb the others."""
        return Random("/".join([str(self.seed), self.payer.account_id, f"{self.period:%Y-%m}", *subject]))

    def _charged(
        self,
        account: str,
        line_item_type: LineItemType,
        sku: Sku,
        start: datetime,
        end: datetime,
        quantity: int,
        *,
        rate: int | None = None,
        free: bool = False,
        resource: Resource | None = None,
        description: str = "",
    ) -> Fact:
        """Return a usage row at ``rate`` (the SKU's own if None), or a free-tier row, with its discounts."""
        own_rate = 0 if free else sku.rate if rate is None else rate
        unblended = product(own_rate, quantity)
        return Fact(
            account=account,
            line_item_type=line_item_type,
            sku=sku,
            start=start,
            end=end,
            quantity=quantity,
            rate=own_rate,
            unblended=unblended,
            public=None if sku.public_rate is None else product(sku.public_rate, quantity),
            resource=resource,
            discounts=discounts_on(self.payer, self.period, line_item_type, sku, unblended),
            description=description,
        )

    # --- Compute: on demand, spot, reservations, Savings Plans

    def _instances(self) -> list[_Instance]:
        return [
            self._instance(fleet, number) for fleet in self.payer.fleets for number in range(fleet.count * self.scale)
        ]

    def _instance(self, fleet: Fleet, number: int) -> _Instance:
        name = f"{self.seed}/{fleet.account}/{fleet.sku.usage_type}/{number}"
        digest = hashlib.sha256(name.encode()).hexdigest()
        random = self._random("instance", name)
        zone = fleet.sku.region + _ZONES[int(hashlib.sha256(fleet.account.encode()).hexdigest(), 16) % 3]
        managed = {"AmazonRDS": "rds:{}:{}:db:db-", "AmazonES": "es:{}:{}:domain/search-"}
        if fleet.sku.product_code in managed:
            name = managed[fleet.sku.product_code].format(fleet.sku.region, fleet.account)
            resource_id = f"arn:aws:{name}{digest[:8]}"
            zone = ""
        else:
            resource_id = f"i-0{digest[:16]}"
        return _Instance(
            fleet=fleet,
            resource=Resource(resource_id, zone, fleet.tags, fleet.cost_category),
            down_from=random.randrange(len(self.hours)),
            down_hours=random.randrange(10),
        )

    def _compute(self) -> Iterator[Fact]:
        """Yield instance rows hour by hour, then lease fees and split-cost rows."""
        instances = self._instances()
        random = self._random("spot")
        leases = [lease for lease in self.payer.reservations if lease.start < self.end and lease.end > self.period]
        plans = [plan for plan in self.payer.savings_plans if plan.start < self.end and plan.end > self.period]
        leased_hours: dict[Reservation, int] = defaultdict(int)
        used_hours: dict[Reservation, int] = defaultdict(int)
        # What each instance cost on each day: amortised, and at public prices.
        node_costs: dict[tuple[Resource, datetime], list[int]] = defaultdict(lambda: [0, 0])

        for number, start in enumerate(self.hours):
            rows: list[Fact] = []
            running = [instance for instance in instances if instance.runs(number, start)]
            # Who comes first after the owner changes from day to day: benefits float through the
            # organisation.
            turn = (start - self.period).days % max(1, len(running))
            queue = running[turn:] + running[:turn]
            uncovered = dict.fromkeys(queue, ONE)

            for lease in leases:
                if not lease.start <= start < lease.end:
                    continue
                leased_hours[lease] += lease.count * self.scale
                matching = [item for item in queue if item.fleet.sku is lease.sku and uncovered[item]]
                matching.sort(key=lambda item: item.fleet.account != lease.owner)
                for instance in matching[: lease.count * self.scale]:
                    uncovered[instance] = 0
                    used_hours[lease] += 1
                    rows.append(self._reserved_hour(instance, lease, start))

            for plan in plans:
                if plan.start <= start < plan.end:
                    rows.extend(self._plan_hour(plan, queue, uncovered, start))

            for instance in running:
                fleet = instance.fleet
                if uncovered[instance]:
                    spot_price = None
                    if fleet.spot_price:
                        spot_price = fleet.spot_price + random.randrange(-60, 61) * 100_000
                    rows.append(
                        self._charged(
                            fleet.account,
                            LineItemType.USAGE,
                            fleet.sku,
                            start,
                            start + _HOUR,
                            uncovered[instance],
                            rate=spot_price,
                            resource=instance.resource,
                        )
                    )
            for row in rows:
                if row.resource is not None:
                    costs = node_costs[row.resource, start.replace(hour=0)]
                    costs[0] += row.effective or row.unblended
                    costs[1] += row.public or 0
            yield from rows

        for lease in leases:
            yield from self._lease_fees(lease, leased_hours[lease], used_hours[lease])
        for cluster in self.payer.clusters:
            nodes = [
                instance
                for instance in instances
                if instance.fleet.account == cluster.account and instance.fleet.sku is cluster.sku
            ]
            for day in self.days:
                for node in nodes:
                    cost, public_cost = node_costs[node.resource, day]
                    yield from self._split_rows(cluster, node, day, cost, public_cost)

    def _reserved_hour(self, instance: _Instance, lease: Reservation, start: datetime) -> Fact:
        sku = instance.fleet.sku
        return Fact(
            account=instance.fleet.account,
            line_item_type=LineItemType.DISCOUNTED_USAGE,
            sku=sku,
            start=start,
            end=start + _HOUR,
            quantity=ONE,
            rate=0,
            unblended=0,
            public=sku.public_rate,
            resource=instance.resource,
            commitment=lease,
            effective=lease.hourly_cost,
            description=f"{sku.attributes['instanceType']} reserved instance applied",
        )

    def _plan_hour(
        self, plan: SavingsPlan, queue: list[_Instance], uncovered: dict[_Instance, int], start: datetime
    ) -> Iterator[Fact]:
        """Yield one hour of a plan: covered rows, their negations and the hour's fee; lower ``uncovered``."""
        commitment = plan.hourly_commitment * self.scale
        remaining = commitment
        # One negation offsets all covered rows of an account, usage type, operation and zone.
        offsets: dict[tuple[str, Sku, str], list[int]] = {}
        for instance in sorted(queue, key=lambda item: item.fleet.account != plan.owner):
            sku, quantity = instance.fleet.sku, uncovered[instance]
            if not quantity or not sku.savings_plan_rate or not remaining:
                continue
            effective = product(sku.savings_plan_rate, quantity)
            if effective > remaining:
                # The commitment ends inside this hour: the part it still pays for is covered, the rest is
                # not.
                effective = remaining
                quantity = remaining * ONE // sku.savings_plan_rate
                if not quantity:
                    break
            remaining -= effective
            uncovered[instance] -= quantity
            unblended = product(sku.rate, quantity)
            account, zone = instance.fleet.account, instance.resource.availability_zone
            sums = offsets.setdefault((account, sku, zone), [0, 0])
            sums[0] += quantity
            sums[1] += unblended
            yield Fact(
                account=account,
                line_item_type=LineItemType.SAVINGS_PLAN_COVERED_USAGE,
                sku=sku,
                start=start,
                end=start + _HOUR,
                quantity=quantity,
                rate=sku.rate,
                unblended=unblended,
                public=unblended,
                resource=instance.resource,
                commitment=plan,
                effective=effective,
            )
        for (account, sku, zone), (quantity, unblended) in offsets.items():
            yield Fact(
                account=account,
                line_item_type=LineItemType.SAVINGS_PLAN_NEGATION,
                sku=sku,
                start=start,
                end=start + _HOUR,
                quantity=quantity,
                rate=-sku.rate,
                unblended=-unblended,
                # AWS repeats the covered usage's public price here; whoever adds it up counts it twice.
                public=unblended,
                resource=self._no_resource[zone],
                commitment=plan,
                description=f"SavingsPlanNegation used by {account} for {sku.usage_type}",
            )
        recurring = plan.hourly_recurring * self.scale
        yield Fact(
            account=plan.owner,
            line_item_type=LineItemType.SAVINGS_PLAN_RECURRING_FEE,
            sku=plan.fee_sku,
            start=start,
            end=start + _HOUR,
            quantity=ONE,
            rate=recurring,
            unblended=recurring,
            commitment=plan,
            plan_hour=PlanHour(recurring, plan.hourly_upfront * self.scale, commitment - remaining),
            discounts=discounts_on(
                self.payer, self.period, LineItemType.SAVINGS_PLAN_RECURRING_FEE, plan.fee_sku, recurring
            ),
        )
        if start <= plan.start < start + _HOUR and plan.upfront_fee:
            yield Fact(
                account=plan.owner,
                line_item_type=LineItemType.SAVINGS_PLAN_UPFRONT_FEE,
                sku=plan.fee_sku,
                start=plan.start,
                end=plan.end,
                quantity=ONE,
                rate=plan.upfront_fee * self.scale,
                unblended=plan.upfront_fee * self.scale,
                commitment=plan,
                bill_type="Purchase",
                description=f"{plan.fee_sku.description} upfront fee",
            )

    def _lease_fees(self, lease: Reservation, leased: int, used: int) -> Iterator[Fact]:
        """Yield the month's RIFee row, and the Fee row if the lease was bought in this month."""
        start = max(lease.start, self.period)
        unused = leased - used
        unblended = lease.hourly_fee * leased
        yield Fact(
            account=lease.owner,
            line_item_type=LineItemType.RI_FEE,
            sku=lease.fee_sku,
            start=start,
            # Real RIFee rows end at the last second of the month, not at the next one's first.
            end=self.end - timedelta(seconds=1),
            quantity=leased * ONE,
            rate=lease.hourly_fee,
            unblended=unblended,
            commitment=lease,
            lease_month=LeaseMonth(
                count=lease.count * self.scale,
                hours=leased,
                amortized_upfront=lease.hourly_upfront * leased,
                unused_hours=unused,
                unused_recurring=lease.hourly_fee * unused,
                unused_upfront=lease.hourly_upfront * unused,
            ),
            discounts=discounts_on(self.payer, self.period, LineItemType.RI_FEE, lease.fee_sku, unblended),
        )
        if lease.start >= self.period and lease.upfront_fee:
            count = lease.count * self.scale
            yield Fact(
                account=lease.owner,
                line_item_type=LineItemType.FEE,
                sku=lease.fee_sku,
                start=lease.start,
                end=lease.start + timedelta(seconds=1),
                quantity=count * ONE,
                rate=lease.upfront_fee // lease.count,
                unblended=lease.upfront_fee * self.scale,
                commitment=lease,
                bill_type="Purchase",
                description=f"Sign up charge for subscription: {lease.subscription_id}",
            )

    def _split_rows(
        self, cluster: Cluster, node: _Instance, day: datetime, cost: int, public_cost: int
    ) -> Iterator[Fact]:
        """Yield a node's day split over its pods or tasks: every unit of its cost ends on one of them.

        AWS weighs a vCPU nine times a GB; what no task reserves is unused cost, spread by reservation.
        """
        if not cost:
            return
        attributes = node.fleet.sku.attributes
        capacities = {"vCPU": int(attributes["vcpu"]) * ONE, "GB": int(attributes["memory"].split()[0]) * ONE}
        for position, dimension in enumerate(("vCPU", "GB")):
            shares = [cost * 9 // 10, public_cost * 9 // 10]
            if dimension == "GB":
                shares = [cost - shares[0], public_cost - shares[1]]
            reserved = {task: sizes[position] for task, sizes in cluster.tasks.items()}
            split, public_split = (
                {task: share * size // capacities[dimension] for task, size in reserved.items()} for share in shares
            )
            unused, public_unused = (
                _spread(share - sum(parts.values()), reserved)
                for share, parts in zip(shares, (split, public_split), strict=True)
            )
            for task, size in reserved.items():
                yield Fact(
                    account=cluster.account,
                    line_item_type=LineItemType.USAGE,
                    sku=catalogue.container_share(cluster.orchestrator, dimension, node.fleet.sku.region),
                    start=day,
                    end=day + _DAY,
                    quantity=size * 24,
                    rate=0,
                    unblended=0,
                    resource=_task_resource(cluster, node, task),
                    split=SplitCost(
                        parent_resource_id=node.resource.resource_id,
                        split_cost=split[task],
                        unused_cost=unused[task],
                        public_split_cost=public_split[task],
                        public_unused_cost=public_unused[task],
                        split_usage=size * 24,
                        reserved_usage=size * 24,
                        actual_usage=size * 18,
                    ),
                )

    # --- Everything that is not metered by the hour

    def _stream(self, stream: Stream) -> Iterator[Fact]:
        random = self._random("stream", stream.account, stream.sku.usage_type)
        free_left = stream.free
        for day in self.days:
            quantity = random.randrange(stream.low // stream.step, stream.high // stream.step + 1)
            quantity *= stream.step * self.scale
            free = min(free_left, quantity)
            free_left -= free
            for part, is_free in ((free, True), (quantity - free, False)):
                if part:
                    yield self._charged(
                        stream.account,
                        LineItemType.USAGE,
                        stream.sku,
                        day,
                        day + _DAY,
                        part,
                        free=is_free,
                        resource=stream.resource,
                        description=f"$0.00 per {stream.sku.unit} under the monthly free tier" if is_free else "",
                    )

    def _subscriptions(self) -> Iterator[Fact]:
        for seats in self.payer.subscriptions:
            yield self._charged(
                seats.account,
                LineItemType.FLAT_RATE_SUBSCRIPTION,
                seats.sku,
                self.period,
                self.end,
                seats.seats * self.scale * ONE,
            )

    def _support(self) -> Iterator[Fact]:
        """Yield support charges: AWS posts them on the sixth of the next month, in this month's bill (P1)."""
        posted = self.end + 5 * _DAY
        for plan in self.payer.support_plans:
            random = self._random("support", plan.account)
            cents = random.randrange(plan.low_cents, plan.high_cents + 1) * self.scale
            yield Fact(
                account=plan.account,
                line_item_type=plan.line_item_type,
                sku=plan.sku,
                start=posted,
                end=posted + _DAY,
                quantity=cents * _CENT,
                rate=plan.sku.rate,
                unblended=cents * _CENT,
                description=f"{plan.sku.product_name} for {self.period:%Y-%m}",
            )

    def _one_off(self, event: OneOff) -> Fact:
        return Fact(
            account=event.account,
            line_item_type=event.line_item_type,
            sku=event.sku,
            start=event.start,
            end=event.end,
            quantity=event.quantity,
            rate=rounded_quotient(event.amount * ONE, event.quantity),
            unblended=event.amount,
            bill_type=event.bill_type,
            description=event.description,
        )

    def _taxes(self, facts: list[Fact]) -> Iterator[Fact]:
        """Yield one tax row per account and product, on net charges, rounded to cents; zero rows too."""
        bases: dict[tuple[str, str], int] = defaultdict(int)
        products: dict[str, Sku] = {}
        for fact in facts:
            if fact.split is None and fact.line_item_type not in (LineItemType.CREDIT, LineItemType.REFUND):
                products.setdefault(fact.sku.product_code, catalogue.product_line(fact.sku))
                bases[fact.account, fact.sku.product_code] += fact.unblended + fact.discount
        for (account, product_code), base in sorted(bases.items()):
            rate = self.payer.tax_rates.get(account, 0)
            tax = rounded_quotient(max(0, base) * rate, 10_000 * _CENT) * _CENT
            yield Fact(
                account=account,
                line_item_type=LineItemType.TAX,
                sku=products[product_code],
                start=self.period,
                end=self.end,
                quantity=ONE,
                rate=tax,
                unblended=tax,
                # Real tax rows span the month while their interval is its first day.
                interval=f"{self.period:%Y-%m-%dT%H:%M:%SZ}/{self.period + _DAY:%Y-%m-%dT%H:%M:%SZ}",
                description=f"Tax for product code {product_code}",
                tax_type=self.payer.tax_type,
            )


def _spread(amount: int, weights: dict[str, int]) -> dict[str, int]:
    """Return ``amount`` by weight in whole units; the last key takes what the divisions leave."""
    total = sum(weights.values())
    parts = {key: amount * weight // total for key, weight in weights.items()}
    last = list(weights)[-1]
    parts[last] += amount - sum(parts.values())
    return parts


def _task_resource(cluster: Cluster, node: _Instance, task: str) -> Resource:
    identity = f"{cluster.name}/{task}/{node.resource.resource_id}"
    digest = hashlib.sha256(identity.encode()).hexdigest()
    region = node.fleet.sku.region
    kind = {
        "EKS": f"arn:aws:eks:{region}:{cluster.account}:pod/{cluster.name}/default/{task}/{digest[:8]}",
        "ECS": f"arn:aws:ecs:{region}:{cluster.account}:task/{cluster.name}/{digest[:32]}",
    }
    tag = {"EKS": "aws:eks:cluster-name", "ECS": "aws:ecs:clusterName"}[cluster.orchestrator]
    return Resource(kind[cluster.orchestrator], tags={tag: cluster.name})
