"""What the sample months must come to: the generator's own books, kept from facts, never from files or SQL.

What is here: an independent reading of the billing rules (billing.md sections 1 to 6 and I1, I2) in plain
integers, and the record of its results that tests compare the warehouse with.
When to add here: a rule that has been built and that the sample exercises.
What does not belong here: anything the product itself uses. This module must stay a second opinion.
"""

import calendar
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from orchestration.sample.facts import DiscountKind, Fact, LineItemType, Reservation
from orchestration.sample.fixed_point import decimal_of, rounded_quotient
from orchestration.sample.month import period_text
from orchestration.sample.policies import UNASSIGNED, Policies, Rule

__all__ = [
    "AccountExpectation",
    "Books",
    "ChargeTypeExpectation",
    "DeliveryExpectation",
    "Expectations",
    "GroupExpectation",
    "InvoiceExpectation",
    "LineExpectation",
]

_CHARGE_TYPES: dict[str, str] = {
    LineItemType.USAGE: "usage",
    LineItemType.FLAT_RATE_SUBSCRIPTION: "usage",
    LineItemType.DISCOUNTED_USAGE: "reservation_covered_usage",
    LineItemType.SAVINGS_PLAN_COVERED_USAGE: "savings_plan_covered_usage",
    LineItemType.SAVINGS_PLAN_NEGATION: "savings_plan_negation",
    LineItemType.RI_FEE: "commitment_fee",
    LineItemType.SAVINGS_PLAN_RECURRING_FEE: "commitment_fee",
    LineItemType.SAVINGS_PLAN_UPFRONT_FEE: "commitment_upfront",
    LineItemType.FEE: "fee",
    LineItemType.CREDIT: "aws_credit",
    LineItemType.REFUND: "refund",
    LineItemType.TAX: "aws_tax",
    DiscountKind.BUNDLED: "bundled_discount",
    DiscountKind.ENTERPRISE: "negotiated_discount",
    DiscountKind.PRIVATE_RATE: "negotiated_discount",
    DiscountKind.RESERVATION_VOLUME: "negotiated_discount",
    DiscountKind.GENERIC: "negotiated_discount",
    DiscountKind.SOLUTION_PROVIDER: "partner_discount",
    DiscountKind.DISTRIBUTOR: "partner_discount",
}

_LINE_KINDS = {
    "usage": "usage",
    "reservation_covered_usage": "usage",
    "savings_plan_covered_usage": "usage",
    "savings_plan_negation": "usage",
    "commitment_fee": "commitment",
    "commitment_upfront": "commitment",
    "fee": "fee",
    "bundled_discount": "discount",
    "negotiated_discount": "discount",
    "partner_discount": "discount",
    "aws_credit": "credit",
    "refund": "refund",
    "aws_tax": "aws_tax",
}

_SUPPORT_PREFIXES = ("AWSSupport", "AWSDeveloperSupport", "AWSPremiumSupport")

# ISO 4217 minor units of the currencies that have not two.
_MINOR_UNITS = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3}

_TO_EXACT = 10**10  # from units of 1e-10 to units of 1e-20


@dataclass(frozen=True)
class DeliveryExpectation:
    """One delivery.

    Attributes:
        row_count: data rows in its files, split-cost rows included.
        unblended_cost: sum of the unblended column without split-cost rows (C1).
        aws_cost: the same with column-mode discounts (C2); what X1 starts from.
        open_row_count, open_cost: rows with a non-zero unblended cost and no invoice id.
    """

    billing_period: str
    billing_account_id: str
    form: str
    discount_mode: str
    is_current: bool
    row_count: int
    split_cost_row_count: int
    unblended_cost: Decimal
    aws_cost: Decimal
    open_row_count: int
    open_cost: Decimal


@dataclass(frozen=True)
class GroupExpectation:
    """One billing group, UNASSIGNED included, in one period; without AWS tax but for the two tax fields.

    Attributes:
        list_cost: of all rows. billed_cost: of billed rows, exact. withheld_aws_cost: aws_cost of withheld
            rows.
        withheld_by_reason: the same by reason, and ``aws_tax`` beside them. A shared AWS credit is a billed
            row.
        aws_tax: tax rows' aws_cost. aws_tax_billed: the part passed on.
    """

    billing_period: str
    billing_group_id: str
    list_cost: Decimal
    aws_cost: Decimal
    billed_cost: Decimal
    withheld_aws_cost: Decimal
    withheld_by_reason: dict[str, Decimal]
    aws_tax: Decimal
    aws_tax_billed: Decimal


@dataclass(frozen=True)
class ChargeTypeExpectation:
    """One charge type of one group in one period."""

    billing_period: str
    billing_group_id: str
    charge_type: str
    list_cost: Decimal
    aws_cost: Decimal
    billed_cost: Decimal
    withheld_aws_cost: Decimal


@dataclass(frozen=True)
class AccountExpectation:
    """Everything AWS charged for one sub account in one period, tax included."""

    billing_period: str
    billing_account_id: str
    sub_account_id: str
    aws_cost: Decimal


@dataclass(frozen=True)
class LineExpectation:
    """One invoice line (I1); ``net_amount`` is None while the rate is missing (I2)."""

    billing_period: str
    billing_group_id: str
    line_kind: str
    service_code: str
    exact_amount_usd: Decimal
    currency: str
    fx_rate: Decimal | None
    net_amount: Decimal | None


@dataclass(frozen=True)
class InvoiceExpectation:
    """One draft: sums of its lines; AWS tax passed on stands in ``tax_amount`` alone."""

    billing_period: str
    billing_group_id: str
    currency: str
    fx_rate: Decimal | None
    exact_amount_usd: Decimal
    net_amount: Decimal | None
    tax_amount: Decimal | None
    total_amount: Decimal | None
    line_count: int


@dataclass(frozen=True)
class Expectations:
    """Everything the sample's books say, each list in key order."""

    deliveries: tuple[DeliveryExpectation, ...]
    groups: tuple[GroupExpectation, ...]
    charge_types: tuple[ChargeTypeExpectation, ...]
    accounts: tuple[AccountExpectation, ...]
    lines: tuple[LineExpectation, ...]
    invoices: tuple[InvoiceExpectation, ...]

    def to_json(self) -> str:
        """Return the expectations as JSON; amounts are decimal text, never numbers."""
        return json.dumps(_plain(self), indent=1) + "\n"

    def write(self, path: Path) -> None:
        """Write ``to_json()`` to a file."""
        path.write_text(self.to_json(), encoding="utf-8")


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return f"{value:f}" if isinstance(value, Decimal) else value


@dataclass(frozen=True, slots=True)
class _Charge:
    """What one fact, or one discount of it, comes to.

    Attributes:
        list_cost, aws_cost: units of 1e-10. billed: units of 1e-20 (R4 makes 20 decimals).
        reason: why it is withheld; '' = billed.
        tier: the TIERED rule that prices it; its amount is added when the period's quantity is known (R5).
    """

    charge_type: str
    list_cost: int
    aws_cost: int
    billed: int = 0
    reason: str = ""
    tier: Rule | None = None


class _Sums:
    """Running sums of a group or a charge type."""

    def __init__(self) -> None:
        self.list_cost = 0
        self.aws_cost = 0
        self.billed = 0
        self.withheld: dict[str, int] = defaultdict(int)


class Books:
    """Books facts period by period; ``expectations`` closes them."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._sums: dict[tuple[str, str, str], _Sums] = defaultdict(_Sums)
        self._accounts: dict[tuple[str, str, str], int] = defaultdict(int)
        self._lines: dict[tuple[str, str, str, str], int] = defaultdict(int)
        self._tier_quantities: dict[tuple[str, str, Rule], int] = defaultdict(int)
        self._tier_places: dict[tuple[str, str, Rule], set[tuple[str, str, str]]] = defaultdict(set)
        self._rules: dict[tuple[object, ...], Rule | None] = {}
        self._terms: dict[tuple[str, str], dict[str, str] | None] = {}
        self._deliveries: list[DeliveryExpectation] = []

    def book_delivery(
        self,
        payer: str,
        period: datetime,
        rows: Sequence[Fact],
        *,
        form: str,
        column_mode: bool,
        is_current: bool,
        is_final: bool,
    ) -> None:
        """Book what a delivery's files contain; ``rows`` are its line items, discount rows included."""
        money = [fact for fact in rows if fact.split is None]
        unblended = sum(fact.unblended for fact in money)
        discounts = sum(fact.discount for fact in money) if column_mode else 0
        open_rows = [] if is_final else [fact for fact in money if fact.unblended]
        self._deliveries.append(
            DeliveryExpectation(
                billing_period=period_text(period),
                billing_account_id=payer,
                form=form,
                discount_mode="columns" if column_mode else "rows",
                is_current=is_current,
                row_count=len(rows),
                split_cost_row_count=len(rows) - len(money),
                unblended_cost=decimal_of(unblended),
                aws_cost=decimal_of(unblended + discounts),
                open_row_count=len(open_rows),
                open_cost=decimal_of(sum(fact.unblended for fact in open_rows)),
            )
        )

    def book_facts(self, payer: str, period: datetime, facts: Sequence[Fact]) -> None:
        """Book a month of one payer; discounts come with their facts, so ``facts`` has no discount rows."""
        month = period_text(period)
        for fact in facts:
            if fact.split is not None:
                continue  # C1
            day = self._membership_day(fact.start.date(), period)
            group = self._policies.group_on(fact.account, day)
            for charge in self._charges(fact, group, month, day):
                self._accounts[month, payer, fact.account] += charge.aws_cost
                self._book_charge(fact, group, month, charge)

    def _book_charge(self, fact: Fact, group: str, month: str, charge: _Charge) -> None:
        sums = self._sums[month, group, charge.charge_type]
        sums.list_cost += charge.list_cost
        sums.aws_cost += charge.aws_cost
        if charge.reason:
            sums.withheld[charge.reason] += charge.aws_cost
            return
        kind = _line_kind(charge.charge_type, fact)
        service = "" if kind == "aws_tax" else fact.sku.product_code
        if charge.tier is not None:
            self._tier_quantities[month, group, charge.tier] += fact.quantity
            self._tier_places[month, group, charge.tier].add((charge.charge_type, kind, service))
            return
        sums.billed += charge.billed
        self._lines[month, group, kind, service] += charge.billed

    def _membership_day(self, usage_date: date, period: datetime) -> date:
        """Return the day whose membership decides: usage date clamped into the period, or last day (P3)."""
        first = period.date()
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        if self._policies.membership_basis == "billing_period":
            return last
        return min(max(usage_date, first), last)

    # --- One fact

    def _charges(self, fact: Fact, group: str, month: str, day: date) -> Iterator[_Charge]:
        """Yield the fact's own charge and one for each of its discounts (C2)."""
        charge_type = _CHARGE_TYPES[fact.line_item_type]
        if charge_type == "fee" and isinstance(fact.commitment, Reservation):
            charge_type = "commitment_upfront"
        if (group, month) not in self._terms:
            self._terms[group, month] = None if group == UNASSIGNED else self._policies.terms(group, month)
        terms = self._terms[group, month]
        list_cost = _list_cost(charge_type, fact, "" if terms is None else terms["free_tier_policy"])
        if terms is None:
            yield _Charge(charge_type, list_cost, fact.unblended, reason="unassigned")
        else:
            yield self._own_charge(charge_type, list_cost, fact, group, terms, month, day)
        for kind, amount in fact.discounts:
            discount_type = _CHARGE_TYPES[kind]
            if terms is None:
                reason = "unassigned"
            elif discount_type == "partner_discount":
                reason = "partner_discount"
            else:
                reason = "" if terms[f"{discount_type}_policy"] == "pass_through" else "policy"
            billed = 0 if reason else amount * _TO_EXACT
            yield _Charge(discount_type, amount, amount, billed, reason)

    def _own_charge(
        self,
        charge_type: str,
        list_cost: int,
        fact: Fact,
        group: str,
        terms: dict[str, str],
        month: str,
        day: date,
    ) -> _Charge:
        """Return the fact's charge under the group's terms (sections 4 to 6)."""
        cost = fact.unblended

        def billed(exact: int) -> _Charge:
            return _Charge(charge_type, list_cost, cost, exact)

        def withheld(reason: str) -> _Charge:
            return _Charge(charge_type, list_cost, cost, reason=reason)

        def at_cost_if(is_passed: bool) -> _Charge:
            return billed(cost * _TO_EXACT) if is_passed else withheld("policy")

        def rated(base: int, *, is_fee: bool) -> _Charge:
            rule = self._rule(terms["pricing_plan_id"], month, fact, is_fee=is_fee)
            if rule is None:
                return billed(base * _TO_EXACT)
            if rule.rule_type == "TIERED":
                return _Charge(charge_type, list_cost, cost, tier=rule)
            if rule.rule_type == "FIXED_RATE":
                return billed(fact.quantity * rule.rate)
            signed = rule.hundredths if rule.rule_type == "MARKUP" else -rule.hundredths
            return billed(base * (10_000 + signed) * 10**6)

        policy = terms["commitment_policy"]
        is_support = fact.sku.product_code.startswith(_SUPPORT_PREFIXES)
        if charge_type in ("usage", "fee") and is_support:
            if terms["support_policy"] == "recompute":
                raise ValueError(f"group {group}: the sample's books do not recompute support yet (F1)")
            return at_cost_if(terms["support_policy"] == "pass_through")
        if charge_type == "usage":
            return rated(list_cost, is_fee=False)
        if charge_type == "fee":
            return rated(cost, is_fee=True)
        if charge_type == "aws_tax":
            return billed(cost * _TO_EXACT) if terms["tax_policy"] == "pass_through" else withheld("aws_tax")
        if charge_type == "refund":
            return at_cost_if(terms["refund_policy"] == "pass_through")
        if charge_type == "aws_credit":
            if terms["aws_credit_policy"] == "share":
                return billed(cost * _hundredths(terms["aws_credit_share_percentage"]) * 10**6)
            return at_cost_if(terms["aws_credit_policy"] == "pass_through")

        assert fact.commitment is not None
        stays = policy == "owner_group" and self._policies.group_on(fact.commitment.owner, day) == group
        if charge_type in ("reservation_covered_usage", "savings_plan_covered_usage"):
            if policy == "pass_through":
                return billed(fact.effective * _TO_EXACT)
            return billed(cost * _TO_EXACT) if stays else rated(list_cost, is_fee=False)
        if charge_type == "savings_plan_negation":
            if stays:
                return billed(cost * _TO_EXACT)
            return withheld("commitment_outside_group" if policy == "owner_group" else "policy")
        if charge_type == "commitment_fee":
            if policy == "owner_group":
                return rated(cost, is_fee=True)
            return billed(_unused(fact) * _TO_EXACT) if policy == "pass_through" else withheld("policy")
        assert charge_type == "commitment_upfront"
        if policy == "owner_group" and terms["upfront_policy"] == "pass":
            return rated(cost, is_fee=True)
        return withheld("policy")

    def _rule(self, plan: str, month: str, fact: Fact, *, is_fee: bool) -> Rule | None:
        key = (plan, month, fact.sku, is_fee)
        if key not in self._rules:
            self._rules[key] = self._policies.winning_rule(
                plan,
                month,
                is_fee=is_fee,
                billing_entity=fact.sku.billing_entity,
                service_code=fact.sku.product_code,
                usage_type=fact.sku.usage_type,
                operation=fact.sku.operation,
                region=fact.sku.region,
            )
        return self._rules[key]

    # --- Closing

    def expectations(self) -> Expectations:
        """Close the books: price the tiers, round the lines, sum up.

        Raises:
            ValueError: a TIERED rule priced rows of several charge types or services. Its total is split to
            rows
                (M5), and these books keep no row keys to split by.
        """
        for (month, group, rule), quantity in self._tier_quantities.items():
            places = self._tier_places[month, group, rule]
            if len(places) > 1:
                raise ValueError(f"rule {rule.rule_id} prices more than one kind of row in {month}: {places}")
            ((charge_type, kind, service),) = places
            # M3: a tiered total is rounded to 1e-10.
            total = rounded_quotient(rule.tiered_total(quantity), _TO_EXACT) * _TO_EXACT
            self._sums[month, group, charge_type].billed += total
            self._lines[month, group, kind, service] += total
        self._tier_quantities.clear()

        lines = tuple(self._line(key, exact) for key, exact in sorted(self._lines.items()) if exact)
        return Expectations(
            deliveries=tuple(
                sorted(
                    self._deliveries,
                    key=lambda item: (item.billing_period, item.billing_account_id, item.is_current),
                )
            ),
            groups=tuple(self._groups()),
            charge_types=tuple(
                ChargeTypeExpectation(
                    billing_period=month,
                    billing_group_id=group,
                    charge_type=charge_type,
                    list_cost=decimal_of(sums.list_cost),
                    aws_cost=decimal_of(sums.aws_cost),
                    billed_cost=decimal_of(sums.billed, 20),
                    withheld_aws_cost=decimal_of(sum(sums.withheld.values())),
                )
                for (month, group, charge_type), sums in sorted(self._sums.items())
            ),
            accounts=tuple(
                AccountExpectation(month, payer, account, decimal_of(cost))
                for (month, payer, account), cost in sorted(self._accounts.items())
            ),
            lines=lines,
            invoices=tuple(self._invoices(lines)),
        )

    def _groups(self) -> Iterator[GroupExpectation]:
        for month, group in sorted({(month, group) for month, group, _ in self._sums}):
            taxed = self._sums.get((month, group, "aws_tax"), _Sums())
            others = [
                sums
                for (other_month, other_group, charge_type), sums in self._sums.items()
                if (other_month, other_group) == (month, group) and charge_type != "aws_tax"
            ]
            reasons: dict[str, int] = defaultdict(int)
            for sums in others:
                for reason, amount in sums.withheld.items():
                    reasons[reason] += amount
            yield GroupExpectation(
                billing_period=month,
                billing_group_id=group,
                list_cost=decimal_of(sum(sums.list_cost for sums in others)),
                aws_cost=decimal_of(sum(sums.aws_cost for sums in others)),
                billed_cost=decimal_of(sum(sums.billed for sums in others), 20),
                withheld_aws_cost=decimal_of(sum(reasons.values())),
                withheld_by_reason={reason: decimal_of(reasons[reason]) for reason in sorted(reasons)},
                aws_tax=decimal_of(taxed.aws_cost),
                aws_tax_billed=decimal_of(taxed.billed, 20),
            )

    def _line(self, key: tuple[str, str, str, str], exact: int) -> LineExpectation:
        month, group, kind, service = key
        currency = self._policies.currency(group)
        rate = self._policies.fx_rate(month, currency)
        net = None
        if rate is not None:
            places = _MINOR_UNITS.get(currency, 2)
            # M4: amount at 20 decimals x rate at 10, rounded once.
            net = decimal_of(rounded_quotient(exact * rate, 10 ** (30 - places)), places)
        return LineExpectation(
            billing_period=month,
            billing_group_id=group,
            line_kind=kind,
            service_code=service,
            exact_amount_usd=decimal_of(exact, 20),
            currency=currency,
            fx_rate=None if rate is None else decimal_of(rate),
            net_amount=net,
        )

    def _invoices(self, lines: Sequence[LineExpectation]) -> Iterator[InvoiceExpectation]:
        for month, group in sorted({(line.billing_period, line.billing_group_id) for line in lines}):
            own = [line for line in lines if (line.billing_period, line.billing_group_id) == (month, group)]
            charges = [line for line in own if line.line_kind != "aws_tax"]
            taxes = [line for line in own if line.line_kind == "aws_tax"]
            is_converted = own[0].fx_rate is not None
            net = sum((line.net_amount or Decimal(0) for line in charges), Decimal(0))
            tax = sum((line.net_amount or Decimal(0) for line in taxes), Decimal(0))
            yield InvoiceExpectation(
                billing_period=month,
                billing_group_id=group,
                currency=own[0].currency,
                fx_rate=own[0].fx_rate,
                exact_amount_usd=sum((line.exact_amount_usd for line in charges), Decimal(0)),
                net_amount=net if is_converted else None,
                tax_amount=tax if is_converted else None,
                total_amount=net + tax if is_converted else None,
                line_count=len(own),
            )


def _list_cost(charge_type: str, fact: Fact, free_tier_policy: str) -> int:
    """Return the row's list cost (R1).

    What is no usage lists at its cost. Commitment fees and negations list at 0: covered usage has the price.
    """
    if charge_type in ("commitment_fee", "commitment_upfront", "savings_plan_negation"):
        return 0
    if charge_type in ("reservation_covered_usage", "savings_plan_covered_usage"):
        assert fact.public is not None
        return fact.public
    if charge_type != "usage" or not fact.public:
        return fact.unblended
    if fact.unblended == 0:
        return fact.public if free_tier_policy == "withhold" else 0
    return fact.public


def _line_kind(charge_type: str, fact: Fact) -> str:
    """Return the invoice line kind (I1)."""
    if fact.sku.billing_entity == "AWS Marketplace" and charge_type not in (
        "aws_credit",
        "refund",
        "aws_tax",
    ):
        return "marketplace"
    if charge_type in ("usage", "fee") and fact.sku.product_code.startswith(_SUPPORT_PREFIXES):
        return "support"
    return _LINE_KINDS[charge_type]


def _unused(fact: Fact) -> int:
    """Return the unused part of a commitment fee row (RS3)."""
    if fact.lease_month is not None:
        return fact.lease_month.unused_recurring + fact.lease_month.unused_upfront
    assert fact.plan_hour is not None
    return fact.plan_hour.total - fact.plan_hour.used


def _hundredths(percentage: str) -> int:
    """Return a percentage with at most two decimals in hundredths of a percent."""
    return int(Decimal(percentage).scaleb(2))
