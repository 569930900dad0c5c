"""Customer tax in the books: the category of a line's part, and the tax on each category and rate (T1 to T5).

What is here: which rate or exemption holds for an account's part of a line, and the one rounding of tax.
When to add here: another rule about what is taxed, and how.
What does not belong here: AWS's own tax that is passed on: it is a line like others (``expected``).
"""

import calendar
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from orchestration.sample.policies import Policies, TaxRate

__all__ = ["TaxCase", "tax_by_case", "tax_case"]


@dataclass(frozen=True, slots=True, order=True)
class TaxCase:
    """A tax rate in percent and its category (EN 16931: S, Z, E, AE, O); the larger rate is the larger case."""

    rate: Decimal
    category: str


# T1: whoever gets AWS's tax, or none at all, has no tax of ours on any line.
_OUT_OF_SCOPE = TaxCase(Decimal(0), "O")


def tax_case(policies: Policies, month: str, group: str, service: str, account: str) -> TaxCase:
    """Return the case of an account's part of a line with that service, '' = none (T1, T2, T4).

    The month's last day decides which rates and exemptions are in force.

    Raises:
        ValueError: no rate is configured for the case, or two.
    """
    if policies.terms(group, month)["tax_policy"] != "recompute":
        return _OUT_OF_SCOPE
    day = _last_day(month)
    customer = policies.groups[group]["customer_id"]
    exemptions = {
        exemption.account: exemption.category
        for exemption in policies.tax_exemptions
        if exemption.customer == customer
        and exemption.account in ("", account)
        and _is_in_force(exemption.first, exemption.end, day)
    }
    tax_class = policies.tax_classes.get(service) or "standard"
    rate = _rate(policies, group, tax_class, day)
    if exemptions and (rate is None or rate.category == "S"):
        # T4: it takes the place of tax that would be charged; one of the account is closer than the customer's.
        return TaxCase(Decimal(0), exemptions.get(account) or exemptions[""])
    if rate is None:
        raise ValueError(f"no tax rate for class {tax_class} of group {group} in {month} (T4)")
    return TaxCase(rate.rate, rate.category)


def tax_by_case(amounts: Iterable[tuple[TaxCase, Decimal]], places: int) -> dict[TaxCase, tuple[Decimal, Decimal]]:
    """Return the taxable base and the tax of each case of one invoice, in case order (T3, T5).

    Args:
        amounts: rounded parts of lines after customer credits, each with its case.
        places: decimals of the invoice currency's minor unit; tax is rounded to it once, half away from zero.
    """
    bases: dict[TaxCase, Decimal] = defaultdict(Decimal)
    for case, amount in amounts:
        bases[case] += amount
    unit = Decimal(1).scaleb(-places)
    taxes = {}
    for case, base in sorted(bases.items()):
        tax = (base * case.rate.scaleb(-2)).quantize(unit, ROUND_HALF_UP)
        taxes[case] = base, tax or abs(tax)  # no tax on a base below zero would be -0
    return taxes


def _rate(policies: Policies, group: str, tax_class: str, day: date) -> TaxRate | None:
    """Return the one rate in force for the issuer, the customer and the class; its own subdivision beats none (T2)."""
    own = policies.groups[group]
    customer = policies.customers[own["customer_id"]]
    tax_ids = ("any", "required" if customer["tax_id"] else "absent")
    countries = policies.issuer_countries[own["issuer_id"]], customer["country_code"]
    fitting = [
        rate
        for rate in policies.tax_rates
        if (rate.issuer_country, rate.customer_country) == countries
        and rate.subdivision in ("", customer["subdivision"])
        and rate.tax_id in tax_ids
        and rate.tax_class == tax_class
        and _is_in_force(rate.first, rate.end, day)
    ]
    precise = [rate for rate in fitting if rate.subdivision] or fitting
    if len(precise) > 1:
        raise ValueError(f"{len(precise)} tax rates for class {tax_class} of group {group} on {day} (T2)")
    return precise[0] if precise else None


def _is_in_force(first: date, end: date | None, day: date) -> bool:
    return first <= day and (end is None or day < end)


def _last_day(month: str) -> date:
    first = date.fromisoformat(f"{month}-01")
    return first.replace(day=calendar.monthrange(first.year, first.month)[1])
