"""Every configuration file, its columns and its settings, declared once.

What is here: one class per file whose annotations say what each column means and may hold; ``FILES``, what
makes rows of a file distinct and when they are in force; ``SETTINGS``; and ``Configuration``, all of it after
validation. The checks, the warehouse tables, their comments and the documentation are made from these
declarations.
When to add here: a new file, column or setting.
What does not belong here: rules that look at several cells at once; those are the modules that ``validate``
calls.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from typing import Annotated, get_type_hints

from orchestration.configuration.columns import (
    AccountId,
    Boolean,
    Choice,
    Code,
    Column,
    Country,
    Currency,
    Day,
    Email,
    Identifier,
    Language,
    Number,
    Period,
    Text,
    TextList,
    When,
    WholeNumber,
    money,
    percentage,
    quantity,
    rate,
)
from orchestration.configuration.intervals import Interval
from orchestration.expectations.catalogue import default_thresholds

__all__ = [
    "FILES",
    "FILE_BY_NAME",
    "SETTINGS",
    "UNASSIGNED",
    "AccountAssignment",
    "AwsInvoice",
    "BillingGroup",
    "BillingTerms",
    "Budget",
    "Configuration",
    "Credit",
    "CustomLineItem",
    "Customer",
    "FileSchema",
    "FxRate",
    "GlAccount",
    "Grant",
    "Issuer",
    "MinimumCommitment",
    "Payer",
    "PricingPlan",
    "PricingRule",
    "PricingRuleTier",
    "QualityThreshold",
    "Row",
    "SettingDeclaration",
    "SettingValue",
    "SharedCostRule",
    "SharedCostTarget",
    "SupportPlan",
    "SupportPlanTier",
    "TaxClass",
    "TaxExemption",
    "TaxRate",
]

UNASSIGNED = "UNASSIGNED"
"""The reserved billing group of accounts that are in none (P4)."""

_PASS_OR_WITHHOLD = ("pass_through", "withhold")
_TAX_CATEGORIES = ("S", "Z", "E", "AE", "O")
_REVENUE_LINE_KINDS = (
    *("usage", "discount", "commitment", "fee", "marketplace", "support", "credit", "refund", "shared_cost"),
    *("custom_line_item", "minimum_commitment"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a configuration file.

    Attributes:
        source_line: line of the file on which the row begins, the header being 1; None for a setting that was
            left out.
    """

    source_line: int | None


@dataclass(frozen=True, slots=True)
class SettingValue(Row):
    """One row per setting; a setting that is left out has its default."""

    setting: Annotated[str, Identifier("Name of the setting.")]
    value: Annotated[str, Text("Its value.")]


@dataclass(frozen=True, slots=True)
class Payer(Row):
    """One row per AWS payer account whose bills are processed."""

    payer_account_id: Annotated[str, AccountId("AWS account id of the payer (management) account.")]
    payer_name: Annotated[str, Text("Name shown for the payer.", required=False)]
    billing_export: Annotated[
        str, Text("Name of the export that is billed from; empty = the only one landed.", required=False)
    ]


@dataclass(frozen=True, slots=True)
class Issuer(Row):
    """One row per legal entity of ours that issues invoices."""

    issuer_id: Annotated[str, Identifier("Id of the issuer.")]
    legal_name: Annotated[str, Text("Legal name on the invoice.")]
    address: Annotated[str, Text("Street and number.", required=False)]
    postal_code: Annotated[str, Text("Postal code.", required=False)]
    city: Annotated[str, Text("City.", required=False)]
    country_code: Annotated[str, Country("Country of the issuer; decides tax (T2).")]
    tax_id: Annotated[str, Text("Tax or VAT id of the issuer.", required=False)]
    invoice_prefix: Annotated[str, Code("First part of the issuer's document numbers (D2).")]
    currency: Annotated[
        str,
        Currency(
            "The issuer's accounting currency. A document in another one states its tax in this one too (BT-111), "
            "where fx_rates.csv has the period's rate from the document's currency to it."
        ),
    ]
    iban: Annotated[str, Text("Bank account that customers pay to.", required=False)]
    email: Annotated[str, Email("Address for questions about invoices.", required=False)]


@dataclass(frozen=True, slots=True)
class Customer(Row):
    """One row per customer: who is invoiced, in which currency, until when they pay."""

    customer_id: Annotated[str, Identifier("Id of the customer.")]
    legal_name: Annotated[str, Text("Legal name on the invoice.")]
    address: Annotated[str, Text("Street and number.", required=False)]
    postal_code: Annotated[str, Text("Postal code.", required=False)]
    city: Annotated[str, Text("City.", required=False)]
    subdivision: Annotated[str, Code("State or province, where tax depends on it (T2).", required=False)]
    country_code: Annotated[str, Country("Country of the customer; decides tax (T2).")]
    tax_id: Annotated[str, Text("Tax or VAT id of the customer; empty = has none (T2).", required=False)]
    currency: Annotated[str, Currency("Currency of the customer's invoices (I2).")]
    payment_terms_days: Annotated[int, WholeNumber("Days from the invoice date to the due date (I3).")]
    email: Annotated[str, Email("Address that invoices are sent to.", required=False)]
    language: Annotated[str, Language("Language of the customer's documents.", required=False)]


@dataclass(frozen=True, slots=True)
class BillingGroup(Row):
    """One row per billing group: the accounts that are invoiced together."""

    billing_group_id: Annotated[str, Identifier("Id of the billing group.", reserved=(UNASSIGNED,))]
    billing_group_name: Annotated[str, Text("Name shown on invoices and pages.")]
    customer_id: Annotated[str, Identifier("Customer who is invoiced.", refers_to="customers")]
    issuer_id: Annotated[str, Identifier("Issuer of the invoices.", refers_to="issuers")]
    primary_account_id: Annotated[str, AccountId("Account that charges of the whole group are shown under (G2).")]
    auto_associate: Annotated[
        bool, Boolean("Whether the group takes every account that is in no group; one group at most (P4).")
    ]
    start_period: Annotated[date, Period("First billing period of the group.")]
    end_period: Annotated[date | None, Period("First billing period after the group; empty = open.", required=False)]


@dataclass(frozen=True, slots=True)
class AccountAssignment(Row):
    """One row per stay of an account in a billing group; an account is in one group at a time (P2)."""

    account_id: Annotated[str, AccountId("AWS usage account.")]
    billing_group_id: Annotated[str, Identifier("Group the account is in.", refers_to="billing_groups")]
    start_date: Annotated[date, Day("First day in the group.")]
    end_date: Annotated[date | None, Day("First day after it; empty = open.", required=False)]


@dataclass(frozen=True, slots=True)
class BillingTerms(Row):
    """One row per billing group and range of periods; each period of a group has exactly one (P5)."""

    billing_group_id: Annotated[str, Identifier("Group the terms are for.", refers_to="billing_groups")]
    start_period: Annotated[date, Period("First billing period under these terms.")]
    end_period: Annotated[date | None, Period("First billing period after them; empty = open.", required=False)]
    pricing_plan_id: Annotated[str, Identifier("Plan whose rules price the group.", refers_to="pricing_plans")]
    commitment_policy: Annotated[
        str,
        Choice(
            "Who has the benefit of Reserved Instances and Savings Plans (RS1, RS2, RS3).",
            ("on_demand", "owner_group", "pass_through"),
        ),
    ]
    upfront_policy: Annotated[
        str,
        Choice("Whether upfront fees bill when AWS bills them, under owner_group (RS4).", ("pass", "withhold")),
    ]
    free_tier_policy: Annotated[
        str, Choice("Whether free-tier usage is free for the customer too (R1).", _PASS_OR_WITHHOLD)
    ]
    support_policy: Annotated[
        str,
        Choice(
            "Whether AWS Support bills at cost, not at all, or recomputed by a support plan (F1).",
            ("pass_through", "withhold", "recompute"),
        ),
    ]
    support_plan_id: Annotated[
        str | None,
        Identifier(
            "Support plan that recomputes the fee (F1).",
            refers_to="support_plans",
            needed_when=When("support_policy", ("recompute",)),
        ),
    ]
    bundled_discount_policy: Annotated[str, Choice("Whether bundled discounts are passed on (F2).", _PASS_OR_WITHHOLD)]
    negotiated_discount_policy: Annotated[
        str,
        Choice("Whether EDP, private-rate and volume discounts are passed on (F2).", _PASS_OR_WITHHOLD),
    ]
    aws_credit_policy: Annotated[
        str,
        Choice("Whether AWS credits are passed on, or part of each (F3).", ("withhold", "pass_through", "share")),
    ]
    aws_credit_share_percentage: Annotated[
        Decimal | None,
        percentage(
            "Part of each AWS credit that is passed on (F3).",
            maximum=100,
            needed_when=When("aws_credit_policy", ("share",)),
        ),
    ]
    refund_policy: Annotated[str, Choice("Whether AWS refunds are passed on (F4).", _PASS_OR_WITHHOLD)]
    tax_policy: Annotated[
        str,
        Choice(
            "Whether tax is computed for the customer, AWS's own passed on, or left out (T1).",
            ("recompute", "pass_through", "none"),
        ),
    ]


@dataclass(frozen=True, slots=True)
class PricingPlan(Row):
    """One row per pricing plan: a named set of pricing rules."""

    pricing_plan_id: Annotated[str, Identifier("Id of the plan.")]
    pricing_plan_name: Annotated[str, Text("Name of the plan.", required=False)]


@dataclass(frozen=True, slots=True)
class PricingRule(Row):
    """One row per pricing rule; the most precise rule of the plan prices a row, alone (R2)."""

    pricing_rule_id: Annotated[str, Identifier("Id of the rule; stands on every charge it prices (R9).")]
    pricing_plan_id: Annotated[str, Identifier("Plan the rule is in.", refers_to="pricing_plans")]
    scope: Annotated[
        str,
        Choice(
            "What the rule is about; the later in this list, the more precise (R2, R6).",
            ("GLOBAL", "BILLING_ENTITY", "SERVICE", "SKU"),
        ),
    ]
    rule_type: Annotated[
        str,
        Choice(
            "Percent on or off list cost (R3), price per unit (R4) or graduated prices (R5).",
            ("MARKUP", "DISCOUNT", "FIXED_RATE", "TIERED"),
        ),
    ]
    percentage: Annotated[
        Decimal | None,
        percentage(
            "Percent added or taken off; DISCOUNT at most 100 (R3).",
            needed_when=When("rule_type", ("MARKUP", "DISCOUNT")),
        ),
    ]
    rate: Annotated[
        Decimal | None,
        rate("USD per unit of usage (R4).", needed_when=When("rule_type", ("FIXED_RATE",))),
    ]
    billing_entity: Annotated[
        str,
        Code(
            "Billing entity as in the CUR, such as AWS Marketplace.",
            needed_when=When("scope", ("BILLING_ENTITY",)),
        ),
    ]
    service_code: Annotated[
        str,
        Code("Product code as in the CUR, such as AmazonEC2.", needed_when=When("scope", ("SERVICE", "SKU"))),
    ]
    usage_type: Annotated[
        str,
        Code(
            "Usage type as in the CUR; empty = any, if operation is given.",
            allowed_when=When("scope", ("SKU",)),
        ),
    ]
    operation: Annotated[
        str,
        Code(
            "Operation as in the CUR; empty = any, if usage_type is given.",
            allowed_when=When("scope", ("SKU",)),
        ),
    ]
    region: Annotated[
        str, Code("Region the rule is narrowed to, such as eu-central-1; empty = any (R6).", required=False)
    ]
    include_fees: Annotated[bool, Boolean("Whether a MARKUP or DISCOUNT also acts on fees other than support (R7).")]
    start_period: Annotated[date, Period("First billing period of the rule.")]
    end_period: Annotated[date | None, Period("First billing period after it; empty = open.", required=False)]


@dataclass(frozen=True, slots=True)
class PricingRuleTier(Row):
    """One row per tier of a TIERED rule; tiers go from 0 without gaps, the last is open (R5)."""

    pricing_rule_id: Annotated[str, Identifier("TIERED rule the tier is of.", refers_to="pricing_rules")]
    tier_start: Annotated[Decimal, quantity("Quantity at which the tier begins, inclusive.")]
    tier_end: Annotated[Decimal | None, quantity("Quantity at which it ends, exclusive; empty = open.", required=False)]
    rate: Annotated[Decimal, rate("USD per unit within the tier.")]


@dataclass(frozen=True, slots=True)
class CustomLineItem(Row):
    """One row per charge or credit that we add to a billing group's invoices (G2, G3)."""

    custom_line_item_id: Annotated[str, Identifier("Id of the item.")]
    billing_group_id: Annotated[str, Identifier("Group it is billed to.", refers_to="billing_groups")]
    account_id: Annotated[
        str | None, AccountId("Account it is shown under; empty = the primary account (G2).", required=False)
    ]
    description: Annotated[str, Text("Text on the invoice.")]
    charge_type: Annotated[
        str, Choice("FEE is billed, CREDIT is taken off; amounts carry no sign (G2).", ("FEE", "CREDIT"))
    ]
    calculation: Annotated[
        str, Choice("A fixed amount a month, or a percentage of charges (G2, G3).", ("FLAT", "PERCENTAGE"))
    ]
    amount: Annotated[Decimal | None, money("USD a month.", needed_when=When("calculation", ("FLAT",)))]
    percentage: Annotated[
        Decimal | None,
        percentage("Percent of the base (G3).", needed_when=When("calculation", ("PERCENTAGE",))),
    ]
    computation_rule: Annotated[
        str,
        Choice(
            "One line, or one line per service of the base (G3).",
            ("CONSOLIDATED", "ITEMIZED"),
            needed_when=When("calculation", ("PERCENTAGE",)),
            allowed_when=When("calculation", ("FLAT",)),
        ),
    ]
    line_item_filter: Annotated[
        str,
        Choice(
            "What is left out of the base; empty = nothing (G3).",
            ("EXCLUDE_SAVINGS_PLAN_NEGATION", "SERVICE_EQUAL", "SERVICE_NOT_EQUAL"),
            allowed_when=When("calculation", ("PERCENTAGE",)),
        ),
    ]
    filter_service_code: Annotated[
        str,
        Code(
            "Product code the filter is about.",
            needed_when=When("line_item_filter", ("SERVICE_EQUAL", "SERVICE_NOT_EQUAL")),
        ),
    ]
    presentation_service: Annotated[str, Text("Service the item is shown under; empty = none.", required=False)]
    associated_item_ids: Annotated[
        tuple[str, ...],
        TextList(
            "Flat items of the same group that join the base; empty = none (G3).",
            Identifier("Flat item.", refers_to="custom_line_items"),
            is_all_allowed=True,
            allowed_when=When("calculation", ("PERCENTAGE",)),
        ),
    ]
    start_period: Annotated[date, Period("First billing period of the item.")]
    end_period: Annotated[date | None, Period("First billing period after it; empty = open.", required=False)]


@dataclass(frozen=True, slots=True)
class SharedCostRule(Row):
    """One row per cost that is spread over billing groups (G1), or saving given back to them (G1b)."""

    shared_cost_rule_id: Annotated[str, Identifier("Id of the rule.")]
    description: Annotated[str, Text("Text on the invoice.")]
    source_kind: Annotated[
        str,
        Choice(
            "What is spread: an account, a fixed amount, or savings of commitments owned by no group.",
            ("account", "fixed", "payer_savings"),
        ),
    ]
    source_account_id: Annotated[
        str | None,
        AccountId(
            "Account whose cost is spread; for payer_savings, only commitments of this owner (empty = all).",
            needed_when=When("source_kind", ("account",)),
            allowed_when=When("source_kind", ("payer_savings",)),
        ),
    ]
    source_service_code: Annotated[
        str,
        Code(
            "Product code, when only this service of the account is spread.",
            allowed_when=When("source_kind", ("account",)),
        ),
    ]
    fixed_amount: Annotated[
        Decimal | None, money("USD a month that are spread.", needed_when=When("source_kind", ("fixed",)))
    ]
    method: Annotated[
        str,
        Choice(
            "By charges, evenly or by weights (G1); savings by use or by normalised hours (G1b).",
            ("PROPORTIONAL", "EVEN", "FIXED", "EXACT_SAVINGS", "NORMALIZED_HOURS"),
        ),
    ]
    start_period: Annotated[date, Period("First billing period of the rule.")]
    end_period: Annotated[date | None, Period("First billing period after it; empty = open.", required=False)]


@dataclass(frozen=True, slots=True)
class SharedCostTarget(Row):
    """One row per billing group that takes part in a shared cost rule."""

    shared_cost_rule_id: Annotated[str, Identifier("Rule the group takes part in.", refers_to="shared_cost_rules")]
    billing_group_id: Annotated[str, Identifier("Group that takes part.", refers_to="billing_groups")]
    weight: Annotated[
        Decimal | None,
        quantity("Share of the group under method FIXED, in parts of the sum.", required=False),
    ]


@dataclass(frozen=True, slots=True)
class MinimumCommitment(Row):
    """One row per amount a billing group has promised to spend each month; a month's rows add up (G5)."""

    billing_group_id: Annotated[str, Identifier("Group that has promised it.", refers_to="billing_groups")]
    amount: Annotated[Decimal, money("USD a month.")]
    start_date: Annotated[date, Day("First day of the promise; a partial month counts by days.")]
    end_date: Annotated[date | None, Day("First day after it; empty = open.", required=False)]


@dataclass(frozen=True, slots=True)
class SupportPlan(Row):
    """One row per support plan and range of periods, with the least it costs a month (F1)."""

    support_plan_id: Annotated[str, Identifier("Id of the plan.")]
    minimum_amount: Annotated[Decimal, money("USD a month at least.")]
    start_period: Annotated[date, Period("First billing period of the plan at this minimum.")]
    end_period: Annotated[date | None, Period("First billing period after it; empty = open.", required=False)]


@dataclass(frozen=True, slots=True)
class SupportPlanTier(Row):
    """One row per marginal tier of a support plan and range of periods (F1)."""

    support_plan_id: Annotated[str, Identifier("Plan the tier is of.", refers_to="support_plans")]
    tier_start: Annotated[Decimal, quantity("USD of eligible charges at which the tier begins, inclusive.")]
    tier_end: Annotated[Decimal | None, quantity("USD at which it ends, exclusive; empty = open.", required=False)]
    percentage: Annotated[Decimal, percentage("Percent of the charges within the tier.")]
    start_period: Annotated[date, Period("First billing period of the tier.")]
    end_period: Annotated[date | None, Period("First billing period after it; empty = open.", required=False)]


@dataclass(frozen=True, slots=True)
class Credit(Row):
    """One row per credit that we granted to a customer (K1 to K5)."""

    credit_id: Annotated[str, Identifier("Id of the credit.")]
    billing_group_id: Annotated[str, Identifier("Group it is drawn for.", refers_to="billing_groups")]
    owner_account_id: Annotated[
        str | None,
        AccountId("Account whose charges it covers first; empty = none is first (K2).", required=False),
    ]
    description: Annotated[str, Text("Text on the invoice.", required=False)]
    amount: Annotated[Decimal, money("Amount granted, positive, in the credit's currency.")]
    currency: Annotated[str, Currency("Currency of the credit: the customer's (I2).")]
    start_date: Annotated[date, Day("First day it can be used (K3).")]
    end_date: Annotated[date | None, Day("First day it can no longer be used; empty = never expires.", required=False)]
    eligible_services: Annotated[
        tuple[str, ...],
        TextList(
            "Product codes whose lines it may cover (K1).",
            Code("Product code."),
            is_all_allowed=True,
        ),
    ]
    covers_fees: Annotated[bool, Boolean("Whether it also covers commitment, fee, marketplace and support lines (K1).")]
    status: Annotated[str, Choice("A paused credit is not drawn (K3).", ("Active", "Paused"))]


@dataclass(frozen=True, slots=True)
class TaxRate(Row):
    """One row per case of customer tax and range of days; the period's last day decides (T2)."""

    issuer_country_code: Annotated[str, Country("Country of the issuer.")]
    customer_country_code: Annotated[str, Country("Country of the customer.")]
    customer_subdivision: Annotated[
        str, Code("State or province; empty = whole country; the more precise wins.", required=False)
    ]
    customer_tax_id: Annotated[
        str, Choice("Whether the customer must have a tax id for this case.", ("required", "absent", "any"))
    ]
    tax_class: Annotated[str, Code("Class of the product, from tax_classes.csv, or standard.")]
    tax_category: Annotated[
        str, Choice("Standard, zero, exempt, reverse charge, out of scope (EN 16931).", _TAX_CATEGORIES)
    ]
    tax_name: Annotated[
        str,
        Text(
            "Name of the tax on the invoice, such as VAT.",
            needed_when=When("tax_category", ("S",)),
            allowed_when=When("tax_category", ("Z", "E", "AE", "O")),
        ),
    ]
    # Four decimals, unlike prices: Quebec's 9.975 % and New York City's 8.875 % are real rates.
    rate: Annotated[Decimal, Number("Percent; 0 for every category but S.", 12, 4, maximum=Decimal(100))]
    exemption_reason: Annotated[
        str,
        Text(
            "Reason printed on the invoice (T4).",
            needed_when=When("tax_category", ("E", "AE")),
            allowed_when=When("tax_category", ("S", "Z", "O")),
        ),
    ]
    start_date: Annotated[date, Day("First day of the rate.")]
    end_date: Annotated[date | None, Day("First day after it; empty = open.", required=False)]


@dataclass(frozen=True, slots=True)
class TaxClass(Row):
    """One row per service that is not of the tax class ``standard`` (T2)."""

    service_code: Annotated[str, Code("Product code as in the CUR.")]
    tax_class: Annotated[str, Code("Its tax class.")]


@dataclass(frozen=True, slots=True)
class TaxExemption(Row):
    """One row per exemption of a customer, or of one of its accounts, and range of days (T4)."""

    customer_id: Annotated[str, Identifier("Customer who is exempt.", refers_to="customers")]
    account_id: Annotated[
        str | None, AccountId("Account that is exempt; empty = all of the customer's.", required=False)
    ]
    tax_category: Annotated[str, Choice("Tax category instead of the standard one.", ("Z", "E", "AE", "O"))]
    reason: Annotated[str, Text("Reason printed on the invoice.")]
    certificate: Annotated[str, Text("Number of the exemption certificate.", required=False)]
    start_date: Annotated[date, Day("First day of the exemption.")]
    end_date: Annotated[date | None, Day("First day after it; empty = open.", required=False)]


@dataclass(frozen=True, slots=True)
class FxRate(Row):
    """One row per period and pair of currencies (I2)."""

    period: Annotated[date, Period("Billing period the rate is for.")]
    from_currency: Annotated[
        str,
        Currency(
            "Currency converted from: USD for the lines, as configured and AWS amounts are USD; the document's, for "
            "its tax in the issuer's accounting currency."
        ),
    ]
    to_currency: Annotated[str, Currency("Currency converted to.")]
    rate: Annotated[Decimal, Number("Units of to_currency for one of from_currency.", 18, 10, is_zero_allowed=False)]
    source: Annotated[str, Text("Where the rate is from; stands on the invoice.")]


@dataclass(frozen=True, slots=True)
class AwsInvoice(Row):
    """One row per invoice that AWS sent to a payer, to compare with the CUR (X4)."""

    payer_account_id: Annotated[str, AccountId("Payer the invoice was sent to.", refers_to="payers")]
    invoice_id: Annotated[str, Code("AWS's invoice id, as in the CUR.")]
    billing_period: Annotated[date, Period("Billing period of the invoice.")]
    total_amount: Annotated[
        Decimal, Number("Total printed on the invoice; a credit memo is negative.", 22, 10, minimum=None)
    ]
    currency: Annotated[str, Currency("Currency of the total.")]


@dataclass(frozen=True, slots=True)
class Budget(Row):
    """One row per monthly budget of a billing group."""

    budget_id: Annotated[str, Identifier("Id of the budget.")]
    billing_group_id: Annotated[str, Identifier("Group that is watched.", refers_to="billing_groups")]
    amount: Annotated[Decimal, money("Amount a month.")]
    currency: Annotated[str, Currency("Currency of the amount.")]
    basis: Annotated[
        str, Choice("What is compared: what the customer is billed, or AWS's cost.", ("billed", "aws_cost"))
    ]
    thresholds: Annotated[
        tuple[str, ...],
        TextList("Percentages of the amount that raise a notice.", percentage("Percentage."), required=False),
    ]
    notify: Annotated[tuple[str, ...], TextList("Who is told by mail.", Email("Address."), required=False)]
    start_period: Annotated[date, Period("First billing period of the budget.")]
    end_period: Annotated[date | None, Period("First billing period after it; empty = open.", required=False)]


@dataclass(frozen=True, slots=True)
class Grant(Row):
    """One row per right of a person to see pages: everything, or one customer."""

    email: Annotated[str, Email("Address the person signs in with.")]
    role: Annotated[str, Choice("What the person may see.", ("finance", "engineer", "customer"))]
    customer_id: Annotated[
        str | None,
        Identifier(
            "The one customer the person may see.",
            refers_to="customers",
            needed_when=When("role", ("customer",)),
        ),
    ]


@dataclass(frozen=True, slots=True)
class GlAccount(Row):
    """One row per account of the general ledger that the journal posts to, where it is not the default one."""

    posting: Annotated[
        str,
        Choice(
            "What is posted to it: what customers owe, revenue, customer credits, tax we charge, tax of AWS's that is "
            "passed on, differences of conversion into the accounting currency.",
            ("receivable", "revenue", "customer_credit", "tax", "aws_tax", "rounding"),
        ),
    ]
    issuer_id: Annotated[
        str | None,
        Identifier("Issuer whose books it is in; empty = every issuer.", refers_to="issuers", required=False),
    ]
    line_kind: Annotated[
        str,
        Choice(
            "Invoice line kind; empty = all (I1).",
            _REVENUE_LINE_KINDS,
            allowed_when=When("posting", ("revenue", "customer_credit")),
        ),
    ]
    service_code: Annotated[
        str,
        Code(
            "Product code as in the CUR; empty = all. The service counts before the line kind.",
            allowed_when=When("posting", ("revenue", "customer_credit")),
        ),
    ]
    tax_category: Annotated[
        str,
        Choice("Tax category; empty = all (T2).", _TAX_CATEGORIES, allowed_when=When("posting", ("tax",))),
    ]
    account_code: Annotated[str, Code("Number of the account.")]
    account_name: Annotated[str, Text("Its name.", required=False)]


_THRESHOLDS = tuple(limit.threshold for limit in default_thresholds())


@dataclass(frozen=True, slots=True)
class QualityThreshold(Row):
    """One row per limit of a data quality check that is not the default; docs/data-quality.md lists them."""

    threshold: Annotated[str, Choice("Which limit.", _THRESHOLDS)]
    payer_account_id: Annotated[
        str | None,
        AccountId("Payer it is for; empty = all. A payer's own counts first.", required=False, refers_to="payers"),
    ]
    value: Annotated[
        Decimal | None, Number("The limit, in its unit; empty = the check is not made.", 22, 10, required=False)
    ]
    start_period: Annotated[date, Period("First billing period it holds for.")]
    end_period: Annotated[date | None, Period("First billing period after it; empty = open.", required=False)]


@dataclass(frozen=True)
class FileSchema:
    """One configuration file.

    Attributes:
        name: stem of the file and name of its table in schema ``billing``.
        row_type: the class that declares its columns.
        is_required: whether a configuration without it is refused.
        key: columns that tell rows apart.
        interval: columns with the start and end of the time in which a row is in force.
        is_key_dated: whether a key may come again at another time; else each key stands once in the file.
        period: column with the only billing period that a row is about.
        parent: column that refers to the row of another file without which this row has no effect.
        decides_bills: whether it can change what is billed; a change of any other file builds nothing again.
    """

    name: str
    row_type: type[Row]
    is_required: bool
    key: tuple[str, ...]
    interval: tuple[str, str] | None = None
    is_key_dated: bool = False
    period: str | None = None
    parent: str | None = None
    decides_bills: bool = True

    @property
    def file(self) -> str:
        """The file's name."""
        return f"{self.name}.csv"

    @property
    def meaning(self) -> str:
        """What a row is, in one line."""
        return (self.row_type.__doc__ or "").strip()

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns by name, in the order of the contract."""
        hints = get_type_hints(self.row_type, include_extras=True)
        return {
            name: annotation
            for name, hint in hints.items()
            for annotation in getattr(hint, "__metadata__", ())
            if isinstance(annotation, Column)
        }

    def interval_of(self, row: Row) -> Interval | None:
        """Return when ``row`` of this file is in force, or None where the file is not dated."""
        return None if self.interval is None else Interval.between(*attrgetter(*self.interval)(row))


_PERIODS = ("start_period", "end_period")
_DATES = ("start_date", "end_date")

FILES: tuple[FileSchema, ...] = (
    FileSchema("settings", SettingValue, True, ("setting",)),
    FileSchema("payers", Payer, True, ("payer_account_id",)),
    FileSchema("issuers", Issuer, True, ("issuer_id",)),
    FileSchema("customers", Customer, True, ("customer_id",)),
    FileSchema("billing_groups", BillingGroup, True, ("billing_group_id",), _PERIODS),
    FileSchema("account_assignments", AccountAssignment, True, ("account_id",), _DATES, is_key_dated=True),
    FileSchema("billing_terms", BillingTerms, True, ("billing_group_id",), _PERIODS, is_key_dated=True),
    FileSchema("pricing_plans", PricingPlan, True, ("pricing_plan_id",)),
    FileSchema("pricing_rules", PricingRule, True, ("pricing_rule_id",), _PERIODS),
    FileSchema(
        "pricing_rule_tiers",
        PricingRuleTier,
        False,
        ("pricing_rule_id", "tier_start"),
        parent="pricing_rule_id",
    ),
    FileSchema("custom_line_items", CustomLineItem, False, ("custom_line_item_id",), _PERIODS),
    FileSchema("shared_cost_rules", SharedCostRule, False, ("shared_cost_rule_id",), _PERIODS),
    FileSchema(
        "shared_cost_targets",
        SharedCostTarget,
        False,
        ("shared_cost_rule_id", "billing_group_id"),
        parent="shared_cost_rule_id",
    ),
    # Commitments of one group add up (G5), so they may overlap; a second one from the same day is taken for a
    # slip.
    FileSchema("minimum_commitments", MinimumCommitment, False, ("billing_group_id", "start_date"), _DATES),
    FileSchema("support_plans", SupportPlan, False, ("support_plan_id",), _PERIODS, is_key_dated=True),
    FileSchema(
        "support_plan_tiers",
        SupportPlanTier,
        False,
        ("support_plan_id", "tier_start"),
        _PERIODS,
        is_key_dated=True,
    ),
    FileSchema("credits", Credit, False, ("credit_id",), _DATES),
    FileSchema(
        "tax_rates",
        TaxRate,
        False,
        (
            "issuer_country_code",
            "customer_country_code",
            "customer_subdivision",
            "customer_tax_id",
            "tax_class",
        ),
        _DATES,
        is_key_dated=True,
    ),
    FileSchema("tax_classes", TaxClass, False, ("service_code",)),
    FileSchema("tax_exemptions", TaxExemption, False, ("customer_id", "account_id"), _DATES, is_key_dated=True),
    FileSchema("fx_rates", FxRate, False, ("period", "from_currency", "to_currency"), period="period"),
    FileSchema("aws_invoices", AwsInvoice, False, ("payer_account_id", "invoice_id"), period="billing_period"),
    FileSchema("budgets", Budget, False, ("budget_id",), _PERIODS, decides_bills=False),
    FileSchema("access", Grant, False, ("email", "role", "customer_id")),
    FileSchema(
        "gl_accounts",
        GlAccount,
        False,
        ("posting", "issuer_id", "line_kind", "service_code", "tax_category"),
        decides_bills=False,
    ),
    FileSchema(
        "quality_thresholds",
        QualityThreshold,
        False,
        ("threshold", "payer_account_id"),
        _PERIODS,
        is_key_dated=True,
        decides_bills=False,
    ),
)
"""Every configuration file, in the order of the contract, which is the order of messages."""

FILE_BY_NAME: dict[str, FileSchema] = {schema.name: schema for schema in FILES}


@dataclass(frozen=True)
class SettingDeclaration:
    """One setting that ``settings.csv`` may hold."""

    name: str
    choices: tuple[str, ...]
    default: str
    meaning: str


SETTINGS: tuple[SettingDeclaration, ...] = (
    SettingDeclaration(
        "membership_basis",
        ("usage_date", "billing_period"),
        "usage_date",
        "Which day decides an account's group: the usage's own, or the period's last for all of it (P3).",
    ),
)
"""Every setting; any other name is refused."""


@dataclass(frozen=True)
class Configuration:
    """A whole billing configuration that passed every check: one tuple of rows per file.

    Rows stand in the order of their file; an absent file has none. ``settings`` holds every setting, those
    left out with their default.
    """

    settings: tuple[SettingValue, ...]
    payers: tuple[Payer, ...]
    issuers: tuple[Issuer, ...]
    customers: tuple[Customer, ...]
    billing_groups: tuple[BillingGroup, ...]
    account_assignments: tuple[AccountAssignment, ...]
    billing_terms: tuple[BillingTerms, ...]
    pricing_plans: tuple[PricingPlan, ...]
    pricing_rules: tuple[PricingRule, ...]
    pricing_rule_tiers: tuple[PricingRuleTier, ...]
    custom_line_items: tuple[CustomLineItem, ...]
    shared_cost_rules: tuple[SharedCostRule, ...]
    shared_cost_targets: tuple[SharedCostTarget, ...]
    minimum_commitments: tuple[MinimumCommitment, ...]
    support_plans: tuple[SupportPlan, ...]
    support_plan_tiers: tuple[SupportPlanTier, ...]
    credits: tuple[Credit, ...]
    tax_rates: tuple[TaxRate, ...]
    tax_classes: tuple[TaxClass, ...]
    tax_exemptions: tuple[TaxExemption, ...]
    fx_rates: tuple[FxRate, ...]
    aws_invoices: tuple[AwsInvoice, ...]
    budgets: tuple[Budget, ...]
    access: tuple[Grant, ...]
    gl_accounts: tuple[GlAccount, ...]
    quality_thresholds: tuple[QualityThreshold, ...]

    def rows(self, name: str) -> tuple[Row, ...]:
        """Return the rows of the file with this stem."""
        rows: tuple[Row, ...] = getattr(self, FILE_BY_NAME[name].name)
        return rows

    def setting(self, name: str) -> str:
        """Return the value of a setting, or its default."""
        return next(row.value for row in self.settings if row.setting == name)

    @property
    def membership_basis(self) -> str:
        """``usage_date`` or ``billing_period`` (P3)."""
        return self.setting("membership_basis")
