"""How a fact looks as a CUR row: column names, types and values, in AWS's spelling.

What is here: the legacy columns by category (CSV names; Parquet names follow from them), the CUR 2.0 columns,
which columns a month has at all, and the cells of one row under names common to all forms.
When to add here: a column that some reader of deliveries should meet.
What does not belong here: files, folders and manifests (``deliveries``).

Cells are kept sparse: a name that is absent from a row is a missing value, and each form writes that its own
way.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from orchestration.sample.facts import (
    DiscountKind,
    Fact,
    LineItemType,
    Reservation,
    Resource,
    SavingsPlan,
    Sku,
)
from orchestration.sample.fixed_point import ONE, product, rounded_quotient, text_of
from orchestration.sample.month import discounts_on, next_month, period_text
from orchestration.sample.story import Payer

__all__ = [
    "CUR2_COLUMNS",
    "DISCOUNT_COLUMNS",
    "MAP_COLUMNS",
    "NUMBER_COLUMNS",
    "TIMESTAMP_COLUMNS",
    "Cells",
    "Rendering",
    "column_type",
    "legacy_columns",
    "snake_name",
]

Cells = dict[str, object]
"""One row: text, integers in units of 1e-10 (``NUMBER_COLUMNS``), datetimes, and dicts for maps."""


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_IDENTITY = ("LineItemId", "TimeInterval")
_BILL = _names(
    """
    InvoiceId InvoicingEntity BillingEntity BillType PayerAccountId BillingPeriodStartDate
    BillingPeriodEndDate
    """
)
_LINE_ITEM = _names(
    """
    UsageAccountId LineItemType UsageStartDate UsageEndDate ProductCode UsageType Operation
    AvailabilityZone ResourceId UsageAmount NormalizationFactor NormalizedUsageAmount CurrencyCode
    UnblendedRate UnblendedCost BlendedRate BlendedCost LineItemDescription TaxType LegalEntity
    """
)
_NET_LINE_ITEM = ("NetUnblendedRate", "NetUnblendedCost")
_PRICING = _names(
    """
    LeaseContractLength OfferingClass PurchaseOption RateCode RateId currency publicOnDemandCost
    publicOnDemandRate term unit
    """
)
_RESERVATION = _names(
    """
    AmortizedUpfrontCostForUsage AmortizedUpfrontFeeForBillingPeriod AvailabilityZone EffectiveCost
    EndTime ModificationStatus NormalizedUnitsPerReservation NumberOfReservations RecurringFeeForUsage
    ReservationARN StartTime SubscriptionId TotalReservedNormalizedUnits TotalReservedUnits
    UnitsPerReservation UnusedAmortizedUpfrontFeeForBillingPeriod UnusedNormalizedUnitQuantity
    UnusedQuantity UnusedRecurringFee UpfrontValue NetAmortizedUpfrontCostForUsage
    NetAmortizedUpfrontFeeForBillingPeriod NetEffectiveCost NetRecurringFeeForUsage
    NetUnusedAmortizedUpfrontFeeForBillingPeriod NetUnusedRecurringFee NetUpfrontValue
    """
)
_SAVINGS_PLAN = _names(
    """
    AmortizedUpfrontCommitmentForBillingPeriod EndTime InstanceTypeFamily OfferingType PaymentOption
    PurchaseTerm RecurringCommitmentForBillingPeriod Region SavingsPlanARN SavingsPlanEffectiveCost
    SavingsPlanRate StartTime TotalCommitmentToDate UsedCommitment
    NetAmortizedUpfrontCommitmentForBillingPeriod NetRecurringCommitmentForBillingPeriod
    NetSavingsPlanEffectiveCost
    """
)
_SPLIT_LINE_ITEM = _names(
    """
    ActualUsage NetSplitCost NetUnusedCost ParentResourceId PublicOnDemandSplitCost
    PublicOnDemandUnusedCost ReservedUsage SplitCost SplitUsage SplitUsageRatio UnusedCost
    """
)

NUMBER_COLUMNS = frozenset(
    _names(
        """
    line_item_usage_amount line_item_normalization_factor line_item_normalized_usage_amount
    line_item_unblended_cost line_item_blended_cost line_item_net_unblended_cost pricing_public_on_demand_cost
    reservation_amortized_upfront_cost_for_usage reservation_amortized_upfront_fee_for_billing_period
    reservation_effective_cost reservation_recurring_fee_for_usage reservation_unused_quantity
    reservation_unused_amortized_upfront_fee_for_billing_period reservation_unused_normalized_unit_quantity
    reservation_unused_recurring_fee reservation_upfront_value
    reservation_net_amortized_upfront_cost_for_usage reservation_net_amortized_upfront_fee_for_billing_period
    reservation_net_effective_cost reservation_net_recurring_fee_for_usage
    reservation_net_unused_amortized_upfront_fee_for_billing_period reservation_net_unused_recurring_fee
    reservation_net_upfront_value savings_plan_amortized_upfront_commitment_for_billing_period
    savings_plan_savings_plan_effective_cost savings_plan_recurring_commitment_for_billing_period
    savings_plan_total_commitment_to_date savings_plan_used_commitment
    savings_plan_net_amortized_upfront_commitment_for_billing_period
    savings_plan_net_recurring_commitment_for_billing_period savings_plan_net_savings_plan_effective_cost
    discount_bundled_discount discount_total_discount split_line_item_actual_usage
    split_line_item_net_split_cost split_line_item_net_unused_cost split_line_item_public_on_demand_split_cost
    split_line_item_public_on_demand_unused_cost split_line_item_reserved_usage split_line_item_split_cost
    split_line_item_split_usage split_line_item_split_usage_ratio split_line_item_unused_cost
    """
    )
)
"""Numbers in Parquet; rates and reserved units are text there, as AWS writes them."""

TIMESTAMP_COLUMNS = frozenset(
    _names(
        """
    bill_billing_period_start_date bill_billing_period_end_date line_item_usage_start_date
    line_item_usage_end_date
    """
    )
)

MAP_COLUMNS = frozenset({"cost_category", "discount", "product", "resource_tags"})
"""CUR 2.0 maps; all hold text but ``discount``, which holds numbers."""

DISCOUNT_COLUMNS = frozenset(
    _names(
        """
    discount discount_bundled_discount discount_total_discount line_item_net_unblended_cost
    line_item_net_unblended_rate
    """
    )
)
"""CUR 2.0 columns that manual-discount compatibility takes away (C2)."""

CUR2_COLUMNS = _names(
    """
    bill_bill_type bill_billing_entity bill_billing_period_end_date bill_billing_period_start_date
    bill_invoice_id bill_invoicing_entity bill_payer_account_id bill_payer_account_name cost_category discount
    discount_bundled_discount discount_total_discount identity_line_item_id identity_time_interval
    line_item_availability_zone line_item_blended_cost line_item_blended_rate line_item_currency_code
    line_item_legal_entity line_item_line_item_description line_item_line_item_type
    line_item_net_unblended_cost line_item_net_unblended_rate line_item_normalization_factor
    line_item_normalized_usage_amount line_item_operation line_item_product_code line_item_resource_id
    line_item_tax_type line_item_unblended_cost line_item_unblended_rate line_item_usage_account_id
    line_item_usage_account_name line_item_usage_amount line_item_usage_end_date line_item_usage_start_date
    line_item_usage_type pricing_currency pricing_lease_contract_length pricing_offering_class
    pricing_public_on_demand_cost pricing_public_on_demand_rate pricing_purchase_option pricing_rate_code
    pricing_rate_id pricing_term pricing_unit product product_comment product_fee_code product_fee_description
    product_from_location product_from_location_type product_from_region_code product_instance_family
    product_instance_type product_instancesku product_location product_location_type product_operation
    product_pricing_unit product_product_family product_region_code product_servicecode product_sku
    product_to_location product_to_location_type product_to_region_code product_usagetype
    reservation_amortized_upfront_cost_for_usage reservation_amortized_upfront_fee_for_billing_period
    reservation_availability_zone reservation_effective_cost reservation_end_time
    reservation_modification_status reservation_net_amortized_upfront_cost_for_usage
    reservation_net_amortized_upfront_fee_for_billing_period reservation_net_effective_cost
    reservation_net_recurring_fee_for_usage reservation_net_unused_amortized_upfront_fee_for_billing_period
    reservation_net_unused_recurring_fee reservation_net_upfront_value
    reservation_normalized_units_per_reservation reservation_number_of_reservations
    reservation_recurring_fee_for_usage reservation_reservation_a_r_n reservation_start_time
    reservation_subscription_id reservation_total_reserved_normalized_units reservation_total_reserved_units
    reservation_units_per_reservation reservation_unused_amortized_upfront_fee_for_billing_period
    reservation_unused_normalized_unit_quantity reservation_unused_quantity reservation_unused_recurring_fee
    reservation_upfront_value resource_tags savings_plan_amortized_upfront_commitment_for_billing_period
    savings_plan_end_time savings_plan_instance_type_family
    savings_plan_net_amortized_upfront_commitment_for_billing_period
    savings_plan_net_recurring_commitment_for_billing_period savings_plan_net_savings_plan_effective_cost
    savings_plan_offering_type savings_plan_payment_option savings_plan_purchase_term
    savings_plan_recurring_commitment_for_billing_period savings_plan_region savings_plan_savings_plan_a_r_n
    savings_plan_savings_plan_effective_cost savings_plan_savings_plan_rate savings_plan_start_time
    savings_plan_total_commitment_to_date savings_plan_used_commitment split_line_item_actual_usage
    split_line_item_net_split_cost split_line_item_net_unused_cost split_line_item_parent_resource_id
    split_line_item_public_on_demand_split_cost split_line_item_public_on_demand_unused_cost
    split_line_item_reserved_usage split_line_item_split_cost split_line_item_split_usage
    split_line_item_split_usage_ratio split_line_item_unused_cost
    """
)

_PRODUCT_COLUMNS_OF_CUR2 = frozenset(name for name in CUR2_COLUMNS if name.startswith("product_"))

# Columns that come and go: first and last month (empty = always) in which AWS delivers them.
_TAG_MONTHS = {"user:environment": ("2026-09", ""), "user:CostCenter": ("", "2026-09")}
_COST_CATEGORY = "Business Unit"
_COST_CATEGORY_MONTHS = ("2026-09", "")
_LEGACY_PRODUCT_MONTHS = {
    # Files of older months name the region in product/region alone.
    "regionCode": ("2026-09", ""),
    "fromRegionCode": ("2026-09", ""),
    "normalizationSizeFactor": ("2026-10", ""),
    "deploymentOption": ("", "2026-09"),
}

_HAS_NET = frozenset(
    {
        LineItemType.USAGE,
        LineItemType.FLAT_RATE_SUBSCRIPTION,
        LineItemType.DISCOUNTED_USAGE,
        LineItemType.SAVINGS_PLAN_COVERED_USAGE,
        LineItemType.SAVINGS_PLAN_NEGATION,
        LineItemType.RI_FEE,
        LineItemType.SAVINGS_PLAN_RECURRING_FEE,
    }
)
_HAS_ZERO_NET = frozenset({LineItemType.TAX, LineItemType.CREDIT, LineItemType.REFUND, *DiscountKind})
_IS_ON_DEMAND = frozenset({LineItemType.USAGE, LineItemType.FLAT_RATE_SUBSCRIPTION})


@cache
def snake_name(name: str) -> str:
    """Return a legacy CSV column's Parquet name: ``lineItem/TaxType`` -> ``line_item_tax_type``."""
    spaced = re.sub(r"([A-Z])", r"_\1", name).lower()
    return re.sub(r"_+", "_", re.sub(r"[^a-z0-9]", "_", spaced)).strip("_")


def column_type(name: str) -> str:
    """Return the type a manifest gives the column of that snake name."""
    if name in TIMESTAMP_COLUMNS:
        return "DateTime"
    if name == "identity_time_interval":
        return "Interval"
    return "OptionalBigDecimal" if name in NUMBER_COLUMNS else "OptionalString"


def _in_force(months: tuple[str, str], period: str) -> bool:
    return months[0] <= period and (not months[1] or period <= months[1])


def legacy_columns(rows: Iterable[Cells], period: datetime) -> list[str]:
    """Return the legacy CSV column names of a month: all static ones, and the dynamic ones its rows use.

    Reservation, Savings Plan and split-cost columns come as whole categories; product attributes, tags and
    cost categories one by one (cur: "one column per key that has a value").
    """
    used: set[str] = set()
    attributes: set[str] = set()
    tags: set[str] = set()
    has_cost_category = False
    for row in rows:
        used.update(row)
        product_attributes, row_tags = row["product"], row["resource_tags"]
        assert isinstance(product_attributes, dict)
        assert isinstance(row_tags, dict)
        attributes.update(product_attributes)
        tags.update(row_tags)
        has_cost_category = has_cost_category or bool(row["cost_category"])
    month = period_text(period)
    attributes = {name for name in attributes if _in_force(_LEGACY_PRODUCT_MONTHS.get(name, ("", "")), month)}
    has_net = "line_item_net_unblended_cost" in used
    return [
        *(f"identity/{name}" for name in _IDENTITY),
        *(f"bill/{name}" for name in _BILL),
        *(f"lineItem/{name}" for name in [*_LINE_ITEM, *(_NET_LINE_ITEM if has_net else ())]),
        *(f"product/{name}" for name in sorted(attributes, key=lambda name: (name != "ProductName", name.lower()))),
        *(f"pricing/{name}" for name in _PRICING),
        *(f"reservation/{name}" for name in _RESERVATION if "reservation_reservation_a_r_n" in used),
        *(f"savingsPlan/{name}" for name in _SAVINGS_PLAN if "savings_plan_savings_plan_a_r_n" in used),
        *(f"resourceTags/{name}" for name in sorted(tags)),
        *([f"costCategory/{_COST_CATEGORY}"] if has_cost_category else []),
        *(f"splitLineItem/{name}" for name in _SPLIT_LINE_ITEM if "split_line_item_split_cost" in used),
    ]


@dataclass
class Rendering:
    """Turns the facts of one delivery into cells.

    Attributes:
        period: first of the billing month.
        column_mode: True = discounts stand in the net columns and the discount map (C2), not in rows.
        is_final: True = rows carry the ids of AWS's invoices.
    """

    payer: Payer
    period: datetime
    seed: int
    column_mode: bool
    is_final: bool
    _ids: dict[tuple[object, ...], str] = field(default_factory=dict)
    _intervals: dict[tuple[datetime, datetime], str] = field(default_factory=dict)
    _sku_cells: dict[Sku, Cells] = field(default_factory=dict)
    _resource_cells: dict[Resource, Cells] = field(default_factory=dict)
    _plan_cells: dict[tuple[SavingsPlan, Sku], Cells] = field(default_factory=dict)
    _bill_cells: dict[tuple[str, str, str], Cells] = field(default_factory=dict)

    def cells(self, fact: Fact) -> Cells:
        """Return one row. ``product``, ``resource_tags`` and ``cost_category`` are there even when empty."""
        sku, resource = fact.sku, fact.resource
        is_discount = isinstance(fact.line_item_type, DiscountKind)
        row: Cells = {
            **self._bill(sku, fact.bill_type),
            **self._product(sku),
            "identity_line_item_id": self._line_item_id(fact),
            "identity_time_interval": fact.interval or self._interval(fact.start, fact.end),
            "line_item_usage_account_id": fact.account,
            "line_item_usage_account_name": self.payer.account_names[fact.account],
            "line_item_line_item_type": fact.line_item_type.value,
            "line_item_usage_start_date": fact.start,
            "line_item_usage_end_date": fact.end,
            "line_item_unblended_cost": fact.unblended,
            "line_item_line_item_description": fact.description or sku.description,
        }
        if not is_discount:
            row["line_item_usage_amount"] = fact.quantity
            row["line_item_unblended_rate"] = row["line_item_blended_rate"] = text_of(fact.rate)
            row["line_item_blended_cost"] = fact.unblended
            if sku.normalization_factor:
                row["line_item_normalization_factor"] = sku.normalization_factor
                row["line_item_normalized_usage_amount"] = product(sku.normalization_factor, fact.quantity)
        if fact.line_item_type in _HAS_NET and fact.split is None:
            net = fact.unblended + fact.discount
            row["line_item_net_unblended_cost"] = net
            if fact.quantity:
                row["line_item_net_unblended_rate"] = text_of(rounded_quotient(net * ONE, fact.quantity))
        elif fact.line_item_type in _HAS_ZERO_NET:
            row["line_item_net_unblended_cost"] = 0
        if fact.public is not None:
            row["pricing_public_on_demand_cost"] = fact.public
            row["pricing_public_on_demand_rate"] = text_of(sku.public_rate or 0)
        if fact.line_item_type in _IS_ON_DEMAND and sku.public_rate is not None:
            row["pricing_term"] = "OnDemand"
        if fact.tax_type:
            row["line_item_tax_type"] = fact.tax_type
        if resource is None:
            row["resource_tags"], row["cost_category"] = {}, {}
        else:
            if resource not in self._resource_cells:
                self._resource_cells[resource] = self._resource(resource)
            row.update(self._resource_cells[resource])
        if isinstance(fact.commitment, Reservation):
            self._add_reservation(row, fact, fact.commitment)
        elif isinstance(fact.commitment, SavingsPlan):
            self._add_savings_plan(row, fact, fact.commitment)
        if fact.split is not None:
            split = fact.split
            row["split_line_item_parent_resource_id"] = split.parent_resource_id
            row["split_line_item_split_cost"] = row["split_line_item_net_split_cost"] = split.split_cost
            row["split_line_item_unused_cost"] = row["split_line_item_net_unused_cost"] = split.unused_cost
            row["split_line_item_public_on_demand_split_cost"] = split.public_split_cost
            row["split_line_item_public_on_demand_unused_cost"] = split.public_unused_cost
            row["split_line_item_split_usage"] = split.split_usage
            row["split_line_item_reserved_usage"] = split.reserved_usage
            row["split_line_item_actual_usage"] = split.actual_usage
            row["split_line_item_split_usage_ratio"] = rounded_quotient(split.split_usage * ONE, split.reserved_usage)
        if self.column_mode:
            # Keys as the legacy discount columns are called without their category: edp_discount,
            # spp_discount.
            row["discount"] = {snake_name(kind): amount for kind, amount in fact.discounts}
            if fact.discounts:
                row["discount_total_discount"] = fact.discount
                bundled = sum(amount for kind, amount in fact.discounts if kind is DiscountKind.BUNDLED)
                if bundled:
                    row["discount_bundled_discount"] = bundled
        return row

    def _resource(self, resource: Resource) -> Cells:
        """Return the resource's columns, with the tags and categories that are activated in this month."""
        month = period_text(self.period)
        has_category = resource.cost_category and _in_force(_COST_CATEGORY_MONTHS, month)
        return {
            "line_item_resource_id": resource.resource_id,
            "line_item_availability_zone": resource.availability_zone,
            "resource_tags": {
                key: value for key, value in resource.tags.items() if _in_force(_TAG_MONTHS.get(key, ("", "")), month)
            },
            "cost_category": {_COST_CATEGORY: resource.cost_category} if has_category else {},
        }

    def _line_item_id(self, fact: Fact) -> str:
        """Return an id that, like AWS's, repeats over hours and is unique only together with the interval."""
        key = (
            fact.account,
            fact.line_item_type,
            fact.sku,
            fact.resource and (fact.resource.resource_id, fact.resource.availability_zone),
            fact.commitment,
            fact.rate == 0,
            fact.split is not None and fact.split.parent_resource_id,
        )
        if key not in self._ids:
            identity = "|".join(
                [
                    str(self.seed),
                    fact.account,
                    fact.line_item_type,
                    fact.sku.product_code,
                    fact.sku.usage_type,
                    fact.sku.operation,
                    "" if fact.resource is None else fact.resource.resource_id + fact.resource.availability_zone,
                    "" if fact.commitment is None else fact.commitment.arn,
                    str(fact.rate == 0),
                    "" if fact.split is None else fact.split.parent_resource_id,
                ]
            )
            digest = hashlib.sha256(identity.encode()).digest()
            self._ids[key] = base64.b32encode(digest).decode().lower()[:52]
        return self._ids[key]

    def _interval(self, start: datetime, end: datetime) -> str:
        if (start, end) not in self._intervals:
            self._intervals[start, end] = f"{start:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}"
        return self._intervals[start, end]

    def _bill(self, sku: Sku, bill_type: str) -> Cells:
        """Return the bill columns; AWS issues one invoice per seller and bill type."""
        key = (sku.billing_entity, sku.seller, bill_type)
        if key not in self._bill_cells:
            identity = "/".join([str(self.seed), self.payer.account_id, period_text(self.period), *key])
            number = int(hashlib.sha256(identity.encode()).hexdigest(), 16) % 10**10
            self._bill_cells[key] = {
                **({"bill_invoice_id": f"{number:010d}"} if self.is_final else {}),
                "bill_invoicing_entity": self.payer.seller,
                "bill_billing_entity": sku.billing_entity,
                "bill_bill_type": bill_type,
                "bill_payer_account_id": self.payer.account_id,
                "bill_payer_account_name": self.payer.name,
                "bill_billing_period_start_date": self.period,
                "bill_billing_period_end_date": next_month(self.period),
                "line_item_legal_entity": sku.seller or self.payer.seller,
                "line_item_currency_code": "USD",
            }
        return self._bill_cells[key]

    def _product(self, sku: Sku) -> Cells:
        """Return what a row says about its SKU; the attributes stand in ``product`` by their legacy names."""
        if sku not in self._sku_cells:
            digest = hashlib.sha256(f"{sku.product_code}/{sku.usage_type}/{sku.operation}".encode()).hexdigest()
            cells: Cells = {
                "line_item_product_code": sku.product_code,
                "line_item_usage_type": sku.usage_type,
                "line_item_operation": sku.operation,
                "pricing_currency": "USD",
                "product": {name: value for name, value in sku.attributes.items() if value},
            }
            if sku.public_rate is not None:
                code = base64.b32encode(bytes.fromhex(digest)).decode()[:16]
                cells["product"] = {
                    **{name: value for name, value in sku.attributes.items() if value},
                    "sku": code,
                }
                cells["pricing_unit"] = sku.unit
                cells["pricing_rate_id"] = str(int(digest[:12], 16) % 10**9)
                cells["pricing_rate_code"] = f"{code}.JRTCKXETXF.6YS6EN2CT7"
            self._sku_cells[sku] = cells
        return self._sku_cells[sku]

    def _net_of(self, amount: int, line_item_type: LineItemType, sku: Sku) -> int:
        """Return a fee's share after the discounts on such fees."""
        return amount + sum(part for _, part in discounts_on(self.payer, self.period, line_item_type, sku, amount))

    def _add_reservation(self, row: Cells, fact: Fact, lease: Reservation) -> None:
        row["reservation_reservation_a_r_n"] = lease.arn
        row["reservation_subscription_id"] = lease.subscription_id
        row["pricing_term"] = "Reserved"
        row["pricing_lease_contract_length"] = "1yr"
        row["pricing_offering_class"] = "standard"
        row["pricing_purchase_option"] = lease.payment_option
        if fact.line_item_type is LineItemType.DISCOUNTED_USAGE:
            row["reservation_effective_cost"] = fact.effective
            row["reservation_recurring_fee_for_usage"] = lease.hourly_fee
            row["reservation_amortized_upfront_cost_for_usage"] = lease.hourly_upfront
            net_fee = self._net_of(lease.hourly_fee, LineItemType.RI_FEE, lease.fee_sku)
            row["reservation_net_effective_cost"] = lease.hourly_upfront + net_fee
            row["reservation_net_recurring_fee_for_usage"] = net_fee
            row["reservation_net_amortized_upfront_cost_for_usage"] = lease.hourly_upfront
        if fact.lease_month is not None:
            month = fact.lease_month
            factor = lease.fee_sku.normalization_factor
            row["reservation_start_time"] = f"{lease.start:%Y-%m-%dT%H:%M:%S.000Z}"
            row["reservation_end_time"] = f"{lease.end:%Y-%m-%dT%H:%M:%S.000Z}"
            row["reservation_modification_status"] = "Original"
            row["reservation_number_of_reservations"] = str(month.count)
            row["reservation_units_per_reservation"] = text_of(rounded_quotient(month.hours * ONE, month.count))
            row["reservation_total_reserved_units"] = text_of(month.hours * ONE)
            row["reservation_total_reserved_normalized_units"] = text_of(factor * month.hours)
            row["reservation_normalized_units_per_reservation"] = text_of(
                rounded_quotient(factor * month.hours, month.count)
            )
            row["reservation_amortized_upfront_fee_for_billing_period"] = month.amortized_upfront
            row["reservation_net_amortized_upfront_fee_for_billing_period"] = month.amortized_upfront
            row["reservation_unused_quantity"] = month.unused_hours * ONE
            row["reservation_unused_normalized_unit_quantity"] = factor * month.unused_hours
            row["reservation_unused_recurring_fee"] = month.unused_recurring
            row["reservation_net_unused_recurring_fee"] = self._net_of(
                month.unused_recurring, LineItemType.RI_FEE, lease.fee_sku
            )
            row["reservation_unused_amortized_upfront_fee_for_billing_period"] = month.unused_upfront
            row["reservation_net_unused_amortized_upfront_fee_for_billing_period"] = month.unused_upfront
            row["reservation_upfront_value"] = lease.upfront_fee
            row["reservation_net_upfront_value"] = lease.upfront_fee

    def _add_savings_plan(self, row: Cells, fact: Fact, plan: SavingsPlan) -> None:
        if (plan, fact.sku) not in self._plan_cells:
            self._plan_cells[plan, fact.sku] = {
                "savings_plan_savings_plan_a_r_n": plan.arn,
                "savings_plan_offering_type": "ComputeSavingsPlans",
                "savings_plan_payment_option": plan.payment_option,
                "savings_plan_purchase_term": "1yr",
                "savings_plan_region": fact.sku.region,
                "savings_plan_instance_type_family": fact.sku.attributes.get("instanceTypeFamily", ""),
                "savings_plan_start_time": f"{plan.start:%Y-%m-%dT%H:%M:%S.000Z}",
                "savings_plan_end_time": f"{plan.end:%Y-%m-%dT%H:%M:%S.000Z}",
            }
        row.update(self._plan_cells[plan, fact.sku])
        if fact.line_item_type is LineItemType.SAVINGS_PLAN_COVERED_USAGE:
            row["savings_plan_savings_plan_rate"] = text_of(fact.sku.savings_plan_rate)
            row["savings_plan_savings_plan_effective_cost"] = fact.effective
            recurring = fact.effective * plan.hourly_recurring // plan.hourly_commitment
            row["savings_plan_net_savings_plan_effective_cost"] = (
                fact.effective
                - recurring
                + self._net_of(recurring, LineItemType.SAVINGS_PLAN_RECURRING_FEE, plan.fee_sku)
            )
        if fact.plan_hour is not None:
            hour = fact.plan_hour
            row["savings_plan_total_commitment_to_date"] = hour.total
            row["savings_plan_used_commitment"] = hour.used
            row["savings_plan_recurring_commitment_for_billing_period"] = hour.recurring
            row["savings_plan_net_recurring_commitment_for_billing_period"] = hour.recurring + fact.discount
            row["savings_plan_amortized_upfront_commitment_for_billing_period"] = hour.amortized_upfront
            row["savings_plan_net_amortized_upfront_commitment_for_billing_period"] = hour.amortized_upfront
