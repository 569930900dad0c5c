"""FOCUS 1.x with AWS columns, read as if it were a CUR (C4).

What is here: which FOCUS column, or combination of them, makes each CUR column, above all the line item type.
When to add here: a FOCUS column of a newer version that says something the CUR columns can hold.
What does not belong here: how a single value is parsed (``columns``).

FOCUS has no negation rows: covered usage has a billed cost of 0 and an effective cost, and what was not used
of a commitment is a row of its own with status ``Unused``.
"""

from collections.abc import Iterable, Sequence

from orchestration.ingest.columns import (
    ColumnReading,
    Kind,
    Reading,
    SourceColumn,
    decimal_map_reading,
    decimal_reading,
    exact_decimal_sql,
    is_missing_word,
    literal,
    snake_name,
    text_map_reading,
    text_sql,
    timestamp_reading,
)

__all__ = ["FOCUS_MANDATORY_COLUMNS", "FOCUS_MAPS", "is_focus", "read_focus_columns"]

FOCUS_MANDATORY_COLUMNS = (
    "BillingAccountId",
    "BillingPeriodStart",
    "ChargePeriodStart",
    "ChargeCategory",
    "BillingCurrency",
    "BilledCost",
)
"""Columns without which a FOCUS file cannot be billed from."""

FOCUS_MAPS = frozenset({"tags", "x_cost_categories", "x_discounts"})
"""Columns of maps, in snake case; CSV holds them as JSON text."""

# Where several FOCUS columns can make one CUR column, the first one that the file has and the row fills
# counts.
_TEXTS: dict[str, tuple[str, ...]] = {
    "bill_invoice_id": ("InvoiceId",),
    "bill_invoicing_entity": ("InvoiceIssuerName",),
    "bill_payer_account_id": ("BillingAccountId",),
    "line_item_usage_account_id": ("SubAccountId", "BillingAccountId"),
    "line_item_product_code": ("x_ServiceCode", "ServiceName"),
    "line_item_usage_type": ("x_UsageType", "SkuMeter"),
    "line_item_operation": ("x_Operation",),
    "line_item_availability_zone": ("AvailabilityZone",),
    "line_item_resource_id": ("ResourceId",),
    "line_item_currency_code": ("BillingCurrency",),
    "line_item_line_item_description": ("ChargeDescription",),
    "line_item_legal_entity": ("PublisherName", "InvoiceIssuerName"),
    "pricing_public_on_demand_rate": ("ListUnitPrice",),
    "pricing_currency": ("PricingCurrency",),
    "pricing_rate_code": ("SkuPriceId",),
    "product_product_name": ("ServiceName",),
    "product_servicecode": ("x_ServiceCode",),
    "product_region": ("RegionId",),
    "product_region_code": ("RegionId",),
    "product_sku": ("SkuId",),
    "product_location": ("RegionName",),
}
_TIMESTAMPS = {
    "bill_billing_period_start_date": "BillingPeriodStart",
    "bill_billing_period_end_date": "BillingPeriodEnd",
    "line_item_usage_start_date": "ChargePeriodStart",
    "line_item_usage_end_date": "ChargePeriodEnd",
}
_TYPE = "line_item_line_item_type"

# What an adjustment is, is said only in its description; the first pattern that fits decides.
_ADJUSTMENTS = (
    ("%refund%", "Refund"),
    ("%enterprise discount%", "EdpDiscount"),
    ("%private rate%", "PrivateRateDiscount"),
    ("%private pricing%", "PrivateRateDiscount"),
    ("%bundled%", "BundledDiscount"),
    ("%solution provider%", "SppDiscount"),
    ("%spp%discount%", "SppDiscount"),
    ("%distributor%", "DistributorDiscount"),
    ("%discount%", "Discount"),
    ("%credit%", "Credit"),
)


def is_focus(names: Iterable[str]) -> bool:
    """Return whether a file with these column names is FOCUS."""
    return {"billedcost", "chargecategory"} <= {name.lower() for name in names}


def read_focus_columns(headers: Sequence[str], sources: Sequence[SourceColumn]) -> Reading:
    """Return how a FOCUS file is read; the text ``NULL`` is a missing value.

    Args:
        headers: column names as in the file, such as ``BilledCost``.
        sources: the columns, in the same order.
    """
    return _FocusFile(dict(zip((header.lower() for header in headers), sources, strict=True))).reading()


class _FocusFile:
    """The columns of one FOCUS file by lower-case name, and the conditions that several CUR columns share."""

    def __init__(self, sources: dict[str, SourceColumn]) -> None:
        self._sources = sources
        self._used: set[str] = set()
        self.commitment = self.text("CommitmentDiscountId")
        self.category = self.text("ChargeCategory")
        self.is_savings_plan = (
            f"({self.text('CommitmentDiscountType')} ilike '%savings%' "
            f"or {self.commitment} like 'arn:%:savingsplans:%')"
        )
        usage = f"{self.category} = 'Usage' and {self.commitment} <> ''"
        unused = f"{self.text('CommitmentDiscountStatus')} = 'Unused'"
        self.is_covered = f"({usage} and not {unused})"
        self.is_unused = f"({usage} and {unused})"
        self.is_commitment_fee = (
            f"({self.category} = 'Purchase' and {self.commitment} <> '' "
            f"and {self.text('ChargeFrequency')} = 'Recurring')"
        )

    def source(self, name: str) -> SourceColumn | None:
        self._used.add(name.lower())
        return self._sources.get(name.lower())

    def text(self, *names: str) -> str:
        """Return SQL of the first of these columns that has a text; ``''`` where none has."""
        found = [source for name in names if (source := self.source(name)) is not None]
        texts = [text_sql(source) for source in found]
        parts = [f"case when {text} <> '' and not {is_missing_word(text)} then {text} end" for text in texts]
        return f"coalesce({', '.join([*parts, literal('')])})"

    def reading(self) -> Reading:
        columns: list[ColumnReading | None] = [
            *(ColumnReading(name, Kind.TEXT, self.text(*names)) for name, names in _TEXTS.items()),
            *(
                timestamp_reading(name, source)
                for name, focus_name in _TIMESTAMPS.items()
                if (source := self.source(focus_name)) is not None
            ),
            ColumnReading(_TYPE, Kind.TEXT, self._line_item_type()),
            ColumnReading("bill_billing_entity", Kind.TEXT, self._billing_entity()),
            ColumnReading("bill_bill_type", Kind.TEXT, self._bill_type()),
            ColumnReading("pricing_term", Kind.TEXT, self._pricing_term()),
            ColumnReading("reservation_reservation_a_r_n", Kind.TEXT, self._arn(f"not {self.is_savings_plan}")),
            ColumnReading("savings_plan_savings_plan_a_r_n", Kind.TEXT, self._arn(self.is_savings_plan)),
            *self._amounts(),
            *self._maps(),
        ]
        others = {
            snake_name(source.name): text_sql(source)
            for name, source in self._sources.items()
            if name not in self._used
        }
        cost = self.source("BilledCost")
        exact = "NULL" if cost is None else exact_decimal_sql(cost)
        return Reading({column.name: column for column in columns if column is not None}, others, exact)

    def _line_item_type(self) -> str:
        description = self.text("ChargeDescription")
        adjustments = " ".join(
            f"when {description} ilike {literal(pattern)} then {literal(name)}" for pattern, name in _ADJUSTMENTS
        )
        # A negative adjustment that names nothing is money back; a positive one stays unknown, and so in
        # quarantine (C00).
        cost = self._amount("line_item_unblended_cost", "BilledCost")
        negative = "" if cost is None else f"when {cost.sql} < 0 then 'Refund' "
        return (
            "case "
            f"when {self.is_unused} or {self.is_commitment_fee} "
            f"then case when {self.is_savings_plan} then 'SavingsPlanRecurringFee' else 'RIFee' end "
            f"when {self.is_covered} "
            f"then case when {self.is_savings_plan} "
            "then 'SavingsPlanCoveredUsage' else 'DiscountedUsage' end "
            f"when {self.category} = 'Purchase' and {self.commitment} <> '' and {self.is_savings_plan} "
            "then 'SavingsPlanUpfrontFee' "
            f"when {self.category} = 'Purchase' then 'Fee' "
            f"when {self.category} = 'Credit' "
            f"then case when {description} ilike '%refund%' then 'Refund' else 'Credit' end "
            f"when {self.category} = 'Adjustment' then case {adjustments} {negative}else 'Adjustment' end "
            f"else {self.category} end"
        )

    def _billing_entity(self) -> str:
        publisher = self.text("PublisherName")
        return (
            f"case when {self.text('InvoiceIssuerName')} ilike '%marketplace%' then 'AWS Marketplace' "
            f"when {publisher} = '' or {publisher} ilike 'amazon%' or {publisher} ilike 'aws%' then 'AWS' "
            "else 'AWS Marketplace' end"
        )

    def _bill_type(self) -> str:
        return (
            f"case when {self._line_item_type()} = 'Refund' then 'Refund' "
            f"when {self.category} = 'Purchase' and {self.text('ChargeFrequency')} = 'One-Time' "
            "then 'Purchase' "
            "else 'Anniversary' end"
        )

    def _pricing_term(self) -> str:
        pricing = self.text("PricingCategory")
        return f"case {pricing} when 'Standard' then 'OnDemand' when 'Dynamic' then 'Spot' else {pricing} end"

    def _arn(self, condition: str) -> str:
        return f"case when {condition} then {self.commitment} else '' end"

    def _amount(self, name: str, focus_name: str) -> ColumnReading | None:
        source = self.source(focus_name)
        return None if source is None else decimal_reading(name, source)

    def _amount_where(self, name: str, focus_name: str, condition: str, zero: str = "false") -> ColumnReading | None:
        """Return the amount on rows that meet ``condition``, 0 on those that meet ``zero``, else nothing."""
        amount = self._amount(name, focus_name)
        if amount is None:
            return None
        sql = f"case when {condition} then {amount.sql} when {zero} then cast(0 as {Kind.DECIMAL}) end"
        given = None if amount.is_given is None else f"{condition} and {amount.is_given}"
        return ColumnReading(name, Kind.DECIMAL, sql, given, amount.text)

    def _amounts(self) -> Iterable[ColumnReading | None]:
        savings_plan, reservation = self.is_savings_plan, f"not {self.is_savings_plan}"
        is_usage = f"({self.category} = 'Usage' and not {self.is_unused})"
        yield self._amount("line_item_unblended_cost", "BilledCost")
        yield self._amount_where("pricing_public_on_demand_cost", "ListCost", is_usage)
        yield from self._quantity()
        yield self._amount_where(
            "reservation_effective_cost", "EffectiveCost", f"({self.is_covered} and {reservation})"
        )
        yield self._amount_where(
            "savings_plan_savings_plan_effective_cost",
            "EffectiveCost",
            f"({self.is_covered} and {savings_plan})",
        )
        # The fee row itself has nothing unused: FOCUS shows that on the rows of status Unused.
        yield self._amount_where(
            "reservation_unused_recurring_fee",
            "EffectiveCost",
            f"({self.is_unused} and {reservation})",
            zero=f"({self.is_commitment_fee} and {reservation})",
        )
        yield self._amount_where(
            "savings_plan_total_commitment_to_date",
            "EffectiveCost",
            f"({self.is_unused} and {savings_plan})",
            zero=f"({self.is_commitment_fee} and {savings_plan})",
        )
        fee = f"({self.is_unused} or {self.is_commitment_fee})"
        for name, kind in (
            ("reservation_unused_amortized_upfront_fee_for_billing_period", reservation),
            ("savings_plan_used_commitment", savings_plan),
        ):
            zero = f"case when {fee} and {kind} then cast(0 as {Kind.DECIMAL}) end"
            yield ColumnReading(name, Kind.DECIMAL, zero)

    def _quantity(self) -> Iterable[ColumnReading]:
        """Yield quantity and unit: what was consumed, or, where that is not said, what was priced."""
        name = "line_item_usage_amount"
        consumed = self._amount(name, "ConsumedQuantity")
        priced = self._amount(name, "PricingQuantity")
        consumed_unit, priced_unit = self.text("ConsumedUnit"), self.text("PricingUnit")
        if consumed is None or priced is None:
            amount = consumed or priced
            if amount is not None:
                yield amount
            yield ColumnReading("pricing_unit", Kind.TEXT, self.text("ConsumedUnit", "PricingUnit"))
            return
        is_consumed = f"coalesce({consumed.is_given or f'{consumed.sql} is not null'}, false)"
        yield ColumnReading(
            name,
            Kind.DECIMAL,
            f"case when {is_consumed} then {consumed.sql} else {priced.sql} end",
            f"case when {is_consumed} then true else coalesce({priced.is_given or 'false'}, false) end",
            f"case when {is_consumed} then {consumed.text} else {priced.text} end",
        )
        yield ColumnReading(
            "pricing_unit", Kind.TEXT, f"case when {is_consumed} then {consumed_unit} else {priced_unit} end"
        )

    def _maps(self) -> Iterable[ColumnReading | None]:
        # FOCUS leaves the prefix off the keys that users gave.
        yield text_map_reading("resource_tags", self.source("Tags"), {}, normalise=True, key_prefix="user_")
        yield text_map_reading("cost_category", self.source("x_CostCategories"), {}, normalise=True)
        yield decimal_map_reading("discount", self.source("x_Discounts"), {}, normalise=True)
