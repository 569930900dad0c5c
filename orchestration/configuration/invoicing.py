"""Rules about what invoices hold beside charges: customer credits, exchange rates, tax (I2, K1, T2).

What is here: checks of credits' amounts, of currencies and of tax cases that contradict each other.
When to add here: a new rule about credits, currencies, tax or documents that configuration can break.
What does not belong here: whether a rate is missing for a bill; that depends on the bill and blocks its
issuing only.
"""

import csv
from collections.abc import Iterator
from decimal import Decimal
from functools import cache

from orchestration.configuration.intervals import Interval
from orchestration.configuration.sheets import Record, Sheets
from orchestration.errors import ConfigProblem
from orchestration.settings import PROJECT_ROOT

__all__ = ["check_credit_amounts", "check_credit_currencies", "check_fx_rates", "check_tax_cases", "check_tax_rates"]


def check_credit_currencies(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield credits in another currency than their customer's, in which they are drawn (I2, K1)."""
    credits, groups, customers = sheets["credits"], sheets["billing_groups"], sheets["customers"]
    group_by_id = groups.by_text("billing_group_id")
    customer_by_id = customers.by_text("customer_id")
    for record in credits.records:
        if not record.has("billing_group_id", "currency"):
            continue
        group = next(iter(group_by_id.get(record.text("billing_group_id"), [])), None)
        if group is None or not group.has("customer_id"):
            continue
        customer = next(iter(customer_by_id.get(group.text("customer_id"), [])), None)
        if customer is None or not customer.has("currency"):
            continue
        if record.text("currency") != customer.text("currency"):
            yield credits.problem(
                record,
                "currency",
                f"is not {customer.text('currency')}, the currency of customer "
                f"{customer.text('customer_id')!r} (customers.csv line {customer.line}; I2)",
                "Grant the credit in the customer's currency.",
            )


def check_credit_amounts(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield credits that are not a whole number of their currency's minor units, as lines and draws are (K1, M4)."""
    sheet = sheets["credits"]
    for record in sheet.records:
        amount = record.number("amount") if record.has("amount", "currency") else None
        if amount is None:
            continue
        # A currency that no invoice can be in is no customer's, which is a problem of its own.
        decimals = _minor_units().get(record.text("currency"))
        if decimals is not None and amount % Decimal(1).scaleb(-decimals) != 0:
            yield sheet.problem(
                record,
                "amount",
                f"has parts smaller than {Decimal(1).scaleb(-decimals):f} {record.text('currency')}, "
                "which no invoice line has (K1)",
                f"Write {f'at most {decimals} decimals' if decimals else 'a whole amount'}.",
            )


@cache
def _minor_units() -> dict[str, int]:
    """Return the decimals of each currency (ISO 4217), from the map that the models round by."""
    with (PROJECT_ROOT / "dbt_project" / "seeds" / "currencies.csv").open(encoding="utf-8", newline="") as seed:
        return {row["currency"]: int(row["minor_units"]) for row in csv.DictReader(seed)}


def check_fx_rates(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield a rate other than 1 of a currency to itself (I2)."""
    sheet = sheets["fx_rates"]
    for record in sheet.records:
        if not record.has("from_currency", "to_currency", "rate"):
            continue
        if record.text("from_currency") == record.text("to_currency") and record.number("rate") != Decimal(1):
            yield sheet.problem(
                record,
                "rate",
                f"is not 1, but both currencies are {record.text('to_currency')}",
                "Correct a currency, or remove the line.",
            )


def check_tax_rates(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield tax rates that contradict their category (T2)."""
    sheet = sheets["tax_rates"]
    for record in sheet.records:
        if not record.has("tax_category", "rate"):
            continue
        category, rate = record.text("tax_category"), record.number("rate")
        if category == "S" and rate == 0:
            yield sheet.problem(
                record,
                "rate",
                "contradicts tax_category S, which is a rate above 0 (T2)",
                "Use category Z, E, AE or O.",
            )
        elif category != "S" and rate != 0:
            yield sheet.problem(
                record,
                "rate",
                f"contradicts tax_category {category}, which is a rate of 0 (T2)",
                "Write 0, or category S.",
            )


def check_tax_cases(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield cases for any customer that overlap one for customers with, or without, a tax id (T2).

    Only the subdivision makes a case more precise; nothing says which of these two would win.
    """
    sheet = sheets["tax_rates"]
    place = ("issuer_country_code", "customer_country_code", "customer_subdivision", "tax_class")
    cases: dict[tuple[str, ...], list[tuple[Interval, Record]]] = {}
    for record in sheet.records:
        interval = sheet.interval(record)
        if interval is None or not record.has(*place, "customer_tax_id"):
            continue
        same_place = cases.setdefault(tuple(record.text(column) for column in place), [])
        for other_interval, other in same_place:
            ids = {record.text("customer_tax_id"), other.text("customer_tax_id")}
            if len(ids) == 2 and "any" in ids and interval.overlaps(other_interval):
                yield sheet.problem(
                    record,
                    "customer_tax_id",
                    f"overlaps line {other.line}, the same case for {other.text('customer_tax_id')!r}, "
                    f"{sheet.show_interval(interval.common(other_interval))} (T2)",
                    "Use required and absent instead of any.",
                )
                break
        same_place.append((interval, record))
