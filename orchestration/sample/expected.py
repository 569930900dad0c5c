"""What the sample months must come to: the generator's own books, kept from facts, never from files or SQL.

What is here: an independent reading of the billing rules (sections 1 to 6, I1, I2, M6) in plain integers. Section 7
stands in ``group_level``, commitments in ``commitment_use``, customer credits in ``customer_credits``, customer tax in
``customer_tax``; the results in ``expectations``.
When to add here: a rule that the sample exercises.
What does not belong here: anything the product itself uses. This module must stay a second opinion.
"""

import calendar
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from orchestration.sample.commitment_use import CommitmentLedger
from orchestration.sample.customer_credits import Draw, LinePart, credit_balances, draw_credits
from orchestration.sample.customer_tax import TaxCase, tax_by_case, tax_case
from orchestration.sample.expectations import (
    AccountExpectation,
    ChargeTypeExpectation,
    CommitmentExpectation,
    CreditBalanceExpectation,
    CreditDrawExpectation,
    DeliveryExpectation,
    Expectations,
    GroupChargeExpectation,
    GroupExpectation,
    InvoiceExpectation,
    LineAccountExpectation,
    LineExpectation,
    LineTaxExpectation,
    PolicyExpectation,
    TaxExpectation,
)
from orchestration.sample.facts import DiscountKind, Fact, LineItemType, Reservation
from orchestration.sample.fixed_point import decimal_of, rounded_quotient, split
from orchestration.sample.group_level import EXACT_PLACES, RATED_PLACES, GroupCharge, Rated, group_level_charges
from orchestration.sample.month import period_text
from orchestration.sample.policies import UNASSIGNED, Policies, Rule, SharedCostRule

__all__ = ["Books"]

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

_LineKey = tuple[str, str, str, str, str]  # period, group, line kind, source id, service code

_SUPPORT_PREFIXES = ("AWSSupport", "AWSDeveloperSupport", "AWSPremiumSupport")

# ISO 4217 minor units of the currencies that have not two.
_MINOR_UNITS = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3}

_TO_RATED = 10 ** (RATED_PLACES - 10)  # from units of 1e-10
_TO_EXACT = 10 ** (EXACT_PLACES - RATED_PLACES)  # from rated amounts to those of lines

_COMMITMENT_POLICIES = ("on_demand", "owner_group", "pass_through")
_BY_COMMITMENT_POLICY = frozenset(
    {
        "reservation_covered_usage",
        "savings_plan_covered_usage",
        "savings_plan_negation",
        "commitment_fee",
        "commitment_upfront",
    }
)


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
        # What is billed, by period, group, account, service, charge type and line kind.
        self._rated: dict[tuple[str, str, str, str, str, str], int] = defaultdict(int)
        self._tier_quantities: dict[tuple[str, str, Rule], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._tier_places: dict[tuple[str, str, Rule], set[tuple[str, str, str]]] = defaultdict(set)
        self._shared: dict[tuple[str, str], int] = defaultdict(int)
        self._under_policy: dict[tuple[str, str, str], int] = defaultdict(int)
        self._commitments = CommitmentLedger()
        self._months: set[str] = set()
        self._rules: dict[tuple[object, ...], Rule | None] = {}
        self._shared_rules: dict[tuple[str, str, str], SharedCostRule | None] = {}
        self._terms: dict[tuple[str, str], dict[str, str] | None] = {}
        self._tax_cases: dict[tuple[str, str, str, str], TaxCase] = {}
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
        self._months.add(month)
        for fact in facts:
            if fact.split is not None:
                continue  # C1
            day = self._membership_day(fact.start.date(), period)
            group = self._policies.group_on(fact.account, day)
            owner_group = "" if fact.commitment is None else self._policies.group_on(fact.commitment.owner, day)
            shared_rule = self._shared_rule(fact, month)
            is_passed_on = shared_rule is not None or (
                group != UNASSIGNED and self._policies.terms(group, month)["commitment_policy"] == "pass_through"
            )
            self._commitments.book(month, fact, group, owner_group, is_passed_on)
            for charge in self._charges(fact, group, owner_group, month):
                self._accounts[month, payer, fact.account] += charge.aws_cost
                if shared_rule is not None and charge.charge_type not in ("aws_tax", "partner_discount"):
                    # G1: before the group's own policies.
                    self._shared[month, shared_rule.rule_id] += charge.aws_cost
                    charge = replace(charge, reason="shared_cost", billed=0, tier=None)
                elif charge.charge_type in _BY_COMMITMENT_POLICY and group != UNASSIGNED:
                    self._compare_policies(fact, charge, group, owner_group, month)
                self._book_charge(fact, group, month, charge)

    def _shared_rule(self, fact: Fact, month: str) -> SharedCostRule | None:
        key = (fact.account, fact.sku.product_code, month)
        if key not in self._shared_rules:
            self._shared_rules[key] = self._policies.shared_cost_rule(*key)
        return self._shared_rules[key]

    def _compare_policies(self, fact: Fact, charge: _Charge, group: str, owner_group: str, month: str) -> None:
        """Book what the row would bill under each commitment policy, all other terms as they are (RS6)."""
        terms = self._terms[group, month]
        assert terms is not None
        is_own = owner_group == group
        for policy in _COMMITMENT_POLICIES:
            other = charge
            if policy != terms["commitment_policy"]:
                other = self._own_charge(charge.charge_type, charge.list_cost, fact, is_own, policy, terms, month)
            if other.tier is not None:
                raise ValueError(
                    f"rule {other.tier.rule_id} prices covered usage by tiers in {month}; these books add up "
                    "other commitment policies row by row and cannot tier them"
                )
            self._under_policy[month, group, policy] += other.billed

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
            self._tier_quantities[month, group, charge.tier][fact.account] += fact.quantity
            self._tier_places[month, group, charge.tier].add((charge.charge_type, kind, service))
            return
        sums.billed += charge.billed
        self._rated[month, group, fact.account, service, charge.charge_type, kind] += charge.billed

    def _membership_day(self, usage_date: date, period: datetime) -> date:
        """Return the day whose membership decides: usage date clamped into the period, or last day (P3)."""
        first = period.date()
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        if self._policies.membership_basis == "billing_period":
            return last
        return min(max(usage_date, first), last)

    # --- One fact

    def _charges(self, fact: Fact, group: str, owner_group: str, month: str) -> Iterator[_Charge]:
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
            policy = terms["commitment_policy"]
            yield self._own_charge(charge_type, list_cost, fact, owner_group == group, policy, terms, month)
        for kind, amount in fact.discounts:
            discount_type = _CHARGE_TYPES[kind]
            if terms is None:
                reason = "unassigned"
            elif discount_type == "partner_discount":
                reason = "partner_discount"
            else:
                reason = "" if terms[f"{discount_type}_policy"] == "pass_through" else "policy"
            billed = 0 if reason else amount * _TO_RATED
            yield _Charge(discount_type, amount, amount, billed, reason)

    def _own_charge(
        self,
        charge_type: str,
        list_cost: int,
        fact: Fact,
        is_own_commitment: bool,
        policy: str,
        terms: dict[str, str],
        month: str,
    ) -> _Charge:
        """Return the fact's charge under a commitment policy and the group's other terms (sections 4 to 6).

        ``is_own_commitment``: on that day, the owner of the commitment is in the same group.
        """
        cost = fact.unblended

        def billed(exact: int) -> _Charge:
            return _Charge(charge_type, list_cost, cost, exact)

        def withheld(reason: str) -> _Charge:
            return _Charge(charge_type, list_cost, cost, reason=reason)

        def at_cost_if(is_passed: bool) -> _Charge:
            return billed(cost * _TO_RATED) if is_passed else withheld("policy")

        def rated(base: int, *, is_fee: bool) -> _Charge:
            rule = self._rule(terms["pricing_plan_id"], month, fact, is_fee=is_fee)
            if rule is None:
                return billed(base * _TO_RATED)
            if rule.rule_type == "TIERED":
                return _Charge(charge_type, list_cost, cost, tier=rule)
            if rule.rule_type == "FIXED_RATE":
                return billed(fact.quantity * rule.rate)
            signed = rule.hundredths if rule.rule_type == "MARKUP" else -rule.hundredths
            return billed(base * (10_000 + signed) * 10**6)

        is_support = fact.sku.product_code.startswith(_SUPPORT_PREFIXES)
        if charge_type in ("usage", "fee") and is_support:
            # AWS's own rows do not stand beside a recomputed fee (F1).
            return at_cost_if(terms["support_policy"] == "pass_through")
        if charge_type == "usage":
            return rated(list_cost, is_fee=False)
        if charge_type == "fee":
            return rated(cost, is_fee=True)
        if charge_type == "aws_tax":
            return billed(cost * _TO_RATED) if terms["tax_policy"] == "pass_through" else withheld("aws_tax")
        if charge_type == "refund":
            return at_cost_if(terms["refund_policy"] == "pass_through")
        if charge_type == "aws_credit":
            if terms["aws_credit_policy"] == "share":
                return billed(cost * _hundredths(terms["aws_credit_share_percentage"]) * 10**6)
            return at_cost_if(terms["aws_credit_policy"] == "pass_through")

        stays = policy == "owner_group" and is_own_commitment
        if charge_type in ("reservation_covered_usage", "savings_plan_covered_usage"):
            if policy == "pass_through":
                return billed(fact.effective * _TO_RATED)
            return billed(cost * _TO_RATED) if stays else rated(list_cost, is_fee=False)
        if charge_type == "savings_plan_negation":
            if stays:
                return billed(cost * _TO_RATED)
            return withheld("commitment_outside_group" if policy == "owner_group" else "policy")
        if charge_type == "commitment_fee":
            if policy == "owner_group":
                return rated(cost, is_fee=True)
            return billed(_unused(fact) * _TO_RATED) if policy == "pass_through" else withheld("policy")
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
        """Close the books: price the tiers, charge what concerns whole groups, round the lines, sum up.

        Raises:
            ValueError: a TIERED rule priced rows of several charge types or services: its total is split to
                rows (M5), and these books keep no row keys to split by. Or a tax rate is missing (T4).
        """
        for (month, group, rule), quantities in self._tier_quantities.items():
            places = self._tier_places[month, group, rule]
            if len(places) > 1:
                raise ValueError(f"rule {rule.rule_id} prices more than one kind of row in {month}: {places}")
            ((charge_type, kind, service),) = places
            # M3: a tiered total is rounded to 1e-10 and split by quantity.
            total = rounded_quotient(rule.tiered_total(sum(quantities.values())), _TO_RATED)
            self._sums[month, group, charge_type].billed += total * _TO_RATED
            for account, part in split(total, quantities).items():
                self._rated[month, group, account, service, charge_type, kind] += part * _TO_RATED
        self._tier_quantities.clear()

        rated: dict[str, list[Rated]] = {month: [] for month in sorted(self._months)}
        for (month, group, account, service, charge_type, kind), billed in self._rated.items():
            rated[month].append(Rated(group, account, service, charge_type, kind, billed))
        group_charges = {month: self._group_charges(month, rows) for month, rows in rated.items()}
        line_parts = _line_parts(rated, group_charges)
        lines = [
            self._line(key, {account: part for account, part in parts.items() if part})
            for key, parts in sorted(line_parts.items())
            if sum(parts.values())
        ]
        parts = [part for line in lines for part in _split_line(line, line_parts[_line_key(line)])]
        draws = draw_credits(self._policies.credits, parts)
        parts_credited, lines_credited = _credited(draws)
        lines = [
            line
            if line.net_amount is None
            else replace(line, credit_amount=-lines_credited.get(_line_key(line), Decimal(0)))
            for line in lines
        ]
        cases = {part: self._case(part.line, part.account) for part in parts}
        taxes = tuple(self._taxes(cases, parts_credited))
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
                    billed_cost=decimal_of(sums.billed, RATED_PLACES),
                    withheld_aws_cost=decimal_of(sum(sums.withheld.values())),
                )
                for (month, group, charge_type), sums in sorted(self._sums.items())
            ),
            accounts=tuple(
                AccountExpectation(month, payer, account, decimal_of(cost))
                for (month, payer, account), cost in sorted(self._accounts.items())
            ),
            group_charges=tuple(
                GroupChargeExpectation(
                    billing_period=month,
                    billing_group_id=charge.group,
                    kind=charge.kind,
                    source_id=charge.source_id,
                    sub_account_id=charge.account,
                    service_code=charge.service,
                    billed_cost=decimal_of(charge.billed, EXACT_PLACES),
                )
                for month, charges in group_charges.items()
                for charge in charges
                if charge.billed
            ),
            commitments=tuple(
                CommitmentExpectation(
                    billing_period=month,
                    commitment_id=own.commitment.arn,
                    cost=decimal_of(own.cost),
                    used=decimal_of(own.used),
                    unused=decimal_of(own.unused),
                    list_value=decimal_of(own.list_value),
                    savings=decimal_of(own.savings),
                )
                for month, own in self._commitments.months()
            ),
            policies=tuple(self._policies_side_by_side(rated)),
            lines=tuple(lines),
            line_accounts=tuple(
                LineAccountExpectation(
                    *part.line,
                    part.account,
                    part.net,
                    -parts_credited.get(part, Decimal(0)),
                    cases[part].category,
                    cases[part].rate,
                )
                for part in parts
                if part.net
            ),
            line_taxes=tuple(_line_taxes(cases, parts_credited)),
            credit_draws=tuple(
                CreditDrawExpectation(draw.credit_id, *draw.part.line, draw.part.account, -draw.amount)
                for draw in draws
            ),
            credit_balances=tuple(self._credit_balances(draws)),
            taxes=taxes,
            invoices=tuple(self._invoices(lines, taxes)),
        )

    def _group_charges(self, month: str, rated: Sequence[Rated]) -> list[GroupCharge]:
        shared = {rule: amount for (own, rule), amount in self._shared.items() if own == month}
        return group_level_charges(self._policies, month, rated, shared, self._commitments)

    def _policies_side_by_side(self, rated: dict[str, list[Rated]]) -> Iterator[PolicyExpectation]:
        for month, rows in rated.items():
            for group in self._policies.groups_in(month):
                others = sum(
                    row.billed
                    for row in rows
                    if row.group == group
                    and row.line_kind != "aws_tax"
                    and row.charge_type not in _BY_COMMITMENT_POLICY
                )
                for policy in _COMMITMENT_POLICIES:
                    billed = others + self._under_policy.get((month, group, policy), 0)
                    yield PolicyExpectation(month, group, policy, decimal_of(billed, RATED_PLACES))

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
                billed_cost=decimal_of(sum(sums.billed for sums in others), RATED_PLACES),
                withheld_aws_cost=decimal_of(sum(reasons.values())),
                withheld_by_reason={reason: decimal_of(reasons[reason]) for reason in sorted(reasons)},
                aws_tax=decimal_of(taxed.aws_cost),
                aws_tax_billed=decimal_of(taxed.billed, RATED_PLACES),
            )

    def _line(self, key: _LineKey, parts: dict[str, int]) -> LineExpectation:
        """Return the line before customer credits; ``parts``: account -> exact amount, none of them 0."""
        month, group, kind, source, service = key
        exact = sum(parts.values())
        case = max(self._case(key, account) for account in parts)
        currency = self._policies.currency(group)
        rate = self._policies.fx_rate(month, currency)
        net = None
        if rate is not None:
            places = _MINOR_UNITS.get(currency, 2)
            # M4: exact amount x rate of 10 decimals, rounded once.
            net = decimal_of(rounded_quotient(exact * rate, 10 ** (EXACT_PLACES + 10 - places)), places)
        return LineExpectation(
            billing_period=month,
            billing_group_id=group,
            line_kind=kind,
            source_id=source,
            service_code=service,
            exact_amount_usd=decimal_of(exact, EXACT_PLACES),
            currency=currency,
            fx_rate=None if rate is None else decimal_of(rate),
            net_amount=net,
            credit_amount=None,
            tax_category=case.category,
            tax_rate=case.rate,
        )

    def _case(self, line: _LineKey, account: str) -> TaxCase:
        month, group, _, _, service = line
        key = (month, group, service, account)
        if key not in self._tax_cases:
            self._tax_cases[key] = tax_case(self._policies, *key)
        return self._tax_cases[key]

    def _taxes(self, cases: dict[LinePart, TaxCase], credited: dict[LinePart, Decimal]) -> Iterator[TaxExpectation]:
        """Yield the tax of each draft by category and rate (T3), on what credits leave of the lines (T5)."""
        amounts: dict[tuple[str, str], list[tuple[TaxCase, Decimal]]] = defaultdict(list)
        for part, case in cases.items():
            month, group, kind, _, _ = part.line
            if kind != "aws_tax":
                amounts[month, group].append((case, part.net - credited.get(part, Decimal(0))))
        for (month, group), own in sorted(amounts.items()):
            places = _MINOR_UNITS.get(self._policies.currency(group), 2)
            for case, (base, tax) in tax_by_case(own, places).items():
                yield TaxExpectation(month, group, case.category, case.rate, base, tax)

    def _credit_balances(self, draws: Sequence[Draw]) -> Iterator[CreditBalanceExpectation]:
        if not self._months:
            return
        for credit, drawn, expired, balance in credit_balances(self._policies.credits, draws, max(self._months)):
            yield CreditBalanceExpectation(
                credit_id=credit.credit_id,
                billing_group_id=credit.group,
                currency=credit.currency,
                granted_amount=credit.amount,
                drawn_amount=-drawn,
                expired_amount=-expired,
                balance_amount=balance,
            )

    def _invoices(
        self, lines: Sequence[LineExpectation], taxes: Sequence[TaxExpectation]
    ) -> Iterator[InvoiceExpectation]:
        for month, group in sorted({(line.billing_period, line.billing_group_id) for line in lines}):
            own = [line for line in lines if (line.billing_period, line.billing_group_id) == (month, group)]
            charges = [line for line in own if line.line_kind != "aws_tax"]
            passed_on = [line for line in own if line.line_kind == "aws_tax"]
            is_converted = own[0].fx_rate is not None
            net = sum((line.net_amount or Decimal(0) for line in charges), Decimal(0))
            credit = sum((line.credit_amount or Decimal(0) for line in charges), Decimal(0))
            tax = sum((line.net_amount or Decimal(0) for line in passed_on), Decimal(0))
            tax += sum(
                item.tax_amount for item in taxes if (item.billing_period, item.billing_group_id) == (month, group)
            )
            yield InvoiceExpectation(
                billing_period=month,
                billing_group_id=group,
                currency=own[0].currency,
                fx_rate=own[0].fx_rate,
                exact_amount_usd=sum((line.exact_amount_usd for line in charges), Decimal(0)),
                net_amount=net if is_converted else None,
                credit_amount=credit if is_converted else None,
                taxable_amount=net + credit if is_converted else None,
                tax_amount=tax if is_converted else None,
                total_amount=net + credit + tax if is_converted else None,
                line_count=len(own),
            )


def _line_key(line: LineExpectation) -> _LineKey:
    return line.billing_period, line.billing_group_id, line.line_kind, line.source_id, line.service_code


def _line_parts(
    rated: dict[str, list[Rated]], group_charges: dict[str, list[GroupCharge]]
) -> dict[_LineKey, dict[str, int]]:
    """Return the exact amount of each invoice line by account, units of 1e-24 (I1)."""
    parts: dict[_LineKey, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for month, rows in rated.items():
        for row in rows:
            parts[month, row.group, row.line_kind, "", row.service][row.account] += row.billed * _TO_EXACT
    for month, charges in group_charges.items():
        for charge in charges:
            key = (month, charge.group, charge.kind, charge.source_id, charge.service)
            parts[key][charge.account] += charge.billed
    return parts


def _split_line(line: LineExpectation, parts: dict[str, int]) -> Iterator[LinePart]:
    """Yield the line's net amount by account (M6), split by exact amounts (M5); accounts without any have no part."""
    if line.net_amount is None:
        return
    digits = -int(line.net_amount.as_tuple().exponent)
    for account, part in sorted(split(int(line.net_amount.scaleb(digits)), parts).items()):
        if parts[account]:
            yield LinePart(_line_key(line), account, decimal_of(part, digits))


def _credited(draws: Sequence[Draw]) -> tuple[dict[LinePart, Decimal], dict[_LineKey, Decimal]]:
    """Return what credits pay of each part and of each line, positive."""
    of_part: dict[LinePart, Decimal] = defaultdict(Decimal)
    of_line: dict[_LineKey, Decimal] = defaultdict(Decimal)
    for draw in draws:
        of_part[draw.part] += draw.amount
        of_line[draw.part.line] += draw.amount
    return of_part, of_line


def _line_taxes(cases: dict[LinePart, TaxCase], credited: dict[LinePart, Decimal]) -> Iterator[LineTaxExpectation]:
    """Yield each line by tax case (T4)."""
    sums: dict[tuple[_LineKey, TaxCase], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for part, case in cases.items():
        if part.line[2] != "aws_tax":
            own = sums[part.line, case]
            own[0] += part.net
            own[1] -= credited.get(part, Decimal(0))
    for (line, case), (net, credit) in sorted(sums.items()):
        yield LineTaxExpectation(*line, case.category, case.rate, net, credit)


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
