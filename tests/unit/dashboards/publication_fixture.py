"""A small published file with known totals, written the way a run writes it.

What is here: the published schema with its column comments, two months of charges of three billing groups,
and the invoices, summaries, problems and deliveries that follow; commitments and, where asked for, charges of
whole groups. September 2025 is final; October is not.
When to add here: a published column that a page reads, or a case a page must show.
What does not belong here: the numbers tests expect; they stand in the tests, worked out by hand.
"""

import os
from collections import defaultdict
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb

__all__ = ["MARTS", "OCTOBER", "PAYER_RESERVATION", "REPRICED", "RESTATED", "SEPTEMBER", "publish"]

SEPTEMBER = date(2025, 9, 1)
OCTOBER = date(2025, 10, 1)
MINOR_UNITS = {"USD": 2, "EUR": 2, "JPY": 0}

NORTH, SOUTH = "111122223333", "000055556666"

MARTS: dict[str, str] = {
    "fct_charges": """
        billing_period date, billing_group_id varchar, billing_account_id varchar, sub_account_id varchar,
        service_code varchar, region_id varchar, usage_type varchar, operation varchar, charge_type varchar,
        charge_category varchar, charge_class varchar, line_item_type varchar, billing_entity varchar,
        line_kind varchar, usage_quantity decimal(38,10), usage_unit varchar, list_cost decimal(38,10),
        list_cost_source varchar, aws_cost decimal(38,10), effective_cost decimal(38,10),
        billed_cost decimal(38,20), treatment varchar, treatment_reason varchar, pricing_rule_id varchar,
        rating_path varchar, rating_base decimal(38,10), rating_factor decimal(22,10), commitment_id varchar,
        charge_date date, row_count bigint, service_name varchar, open_row_count bigint,
        open_cost decimal(38,10), shared_cost_rule_id varchar""",
    "fct_group_charges": """
        billing_period date, billing_group_id varchar, kind varchar, source_id varchar, sub_account_id varchar,
        service_code varchar, part varchar, description varchar, method varchar, base_amount decimal(38,20),
        percentage decimal(18,2), weight decimal(38,20), weight_total decimal(38,20), is_equal_split boolean,
        committed_amount decimal(38,20), billed_cost decimal(38,24)""",
    "fct_commitments": """
        billing_period date, commitment_id varchar, commitment_kind varchar, owner_account_id varchar,
        owner_billing_group_id varchar, billing_account_id varchar, cost decimal(38,10), used_cost decimal(38,10),
        unused_cost decimal(38,10), balance decimal(38,10), utilization_percentage decimal(18,2),
        list_value decimal(38,10), savings decimal(38,10), recurring_fee decimal(38,10),
        upfront_fee decimal(38,10), billed_fees decimal(38,20),
        benefit_by_group map(varchar,decimal(38,10))""",
    "fct_commitment_policies": """
        billing_period date, billing_group_id varchar, policy varchar, is_applied boolean,
        billed_cost decimal(38,20), difference decimal(38,20)""",
    "fct_invoices": """
        billing_period date, billing_group_id varchar, billing_group_name varchar, customer_id varchar,
        customer_name varchar, issuer_id varchar, currency varchar, minor_units integer,
        fx_rate decimal(18,10), fx_source varchar, exact_amount_usd decimal(38,24), net_amount decimal(22,4),
        credit_amount decimal(22,4), taxable_amount decimal(22,4),
        tax_amount decimal(22,4), total_amount decimal(22,4), rounding_difference decimal(38,34),
        line_count integer, state varchar, invoice_number varchar, open_problems varchar, is_final boolean""",
    "fct_invoice_lines": """
        billing_period date, billing_group_id varchar, invoice_line_key varchar, line_number integer,
        line_kind varchar, source_id varchar, service_code varchar, service_name varchar, description varchar,
        exact_amount_usd decimal(38,24), currency varchar, minor_units integer, fx_rate decimal(18,10),
        fx_source varchar, net_amount decimal(22,4), credit_amount decimal(22,4), tax_category varchar,
        tax_rate decimal(12,4), has_several_tax_categories boolean, rounding_difference decimal(38,34)""",
    "fct_invoice_line_accounts": """
        billing_period date, billing_group_id varchar, invoice_line_key varchar, sub_account_id varchar,
        exact_amount_usd decimal(38,24), net_amount decimal(22,4), credit_amount decimal(22,4),
        tax_category varchar, tax_rate decimal(12,4)""",
    "fct_invoice_taxes": """
        billing_period date, billing_group_id varchar, currency varchar, tax_category varchar, tax_name varchar,
        tax_rate decimal(12,4), exemption_reason varchar, taxable_amount decimal(22,4), tax_amount decimal(22,4)""",
    "fct_credit_balances": """
        credit_id varchar, billing_group_id varchar, description varchar, currency varchar, status varchar,
        start_date date, end_date date, granted_amount decimal(22,4), issued_amount decimal(22,4),
        draft_amount decimal(22,4), expired_amount decimal(22,4), balance_amount decimal(22,4)""",
    "fct_credit_ledger": """
        credit_id varchar, billing_period date, billing_group_id varchar, invoice_line_key varchar,
        line_kind varchar, service_code varchar, sub_account_id varchar, currency varchar, amount decimal(22,4),
        state varchar""",
    "fct_proposed_documents": """
        billing_period date, billing_group_id varchar, revision integer, kind varchar, reference_number varchar,
        currency varchar, minor_units integer, net_amount decimal(22,4), credit_amount decimal(22,4),
        tax_amount decimal(22,4), total_amount decimal(22,4), draft_hash varchar, state varchar,
        approved_by varchar, approved_at timestamp, approval_note varchar, lapsed_approval_by varchar,
        lapsed_approval_at timestamp""",
    "fct_issuing_refusals": """
        billing_period date, billing_group_id varchar, refusal varchar, subject varchar, detail varchar,
        can_be_overridden boolean, overridden_by varchar, overridden_at timestamp, override_reason varchar""",
    "fct_documents": """
        document_id bigint, number varchar, kind varchar, billing_period date, billing_group_id varchar,
        revision integer, reference_number varchar, issuer_id varchar, customer_id varchar, currency varchar,
        minor_units integer, fx_rate decimal(18,10), net_amount decimal(22,4), credit_amount decimal(22,4),
        taxable_amount decimal(22,4), tax_amount decimal(22,4), total_amount decimal(22,4), issue_date date,
        due_date date, issued_at timestamp, issued_by varchar, approved_at timestamp, approved_by varchar,
        draft_hash varchar, content_sha256 varchar, chain_hash varchar""",
    "fct_document_lines": """
        number varchar, billing_period date, billing_group_id varchar, line_number integer,
        invoice_line_key varchar, line_kind varchar, source_id varchar, service_code varchar,
        description varchar, charge_class varchar, cause varchar, currency varchar, minor_units integer,
        exact_amount_usd decimal(38,24), net_amount decimal(22,4), credit_amount decimal(22,4)""",
    "fct_document_differences": """
        billing_period date, billing_group_id varchar, level varchar, invoice_line_key varchar,
        sub_account_id varchar, tax_category varchar, tax_rate decimal(12,4), exact_amount_usd decimal(38,24),
        net_amount decimal(22,4), credit_amount decimal(22,4), taxable_amount decimal(22,4),
        tax_amount decimal(22,4)""",
    "fct_document_line_accounts": """
        number varchar, billing_period date, billing_group_id varchar, line_number integer, sub_account_id varchar,
        currency varchar, minor_units integer, net_amount decimal(22,4), credit_amount decimal(22,4)""",
    "fct_document_taxes": """
        number varchar, billing_period date, billing_group_id varchar, tax_number integer, tax_category varchar,
        tax_name varchar, tax_rate decimal(12,4), exemption_reason varchar, currency varchar, minor_units integer,
        taxable_amount decimal(22,4), tax_amount decimal(22,4)""",
    "fct_document_credits": """
        number varchar, billing_period date, billing_group_id varchar, credit_id varchar, invoice_line_key varchar,
        sub_account_id varchar, service_code varchar, currency varchar, minor_units integer, amount decimal(22,4)""",
    "fct_proposal_causes": """
        billing_period date, billing_group_id varchar, compared_with varchar, cause varchar,
        total_amount decimal(22,4)""",
    "fct_audit_log": """
        audit_id bigint, happened_at timestamp, actor varchar, host varchar, action varchar, subject varchar,
        detail varchar""",
    "rpt_billing_group_summary": """
        billing_period date, billing_group_id varchar, billing_group_name varchar, list_cost decimal(38,10),
        aws_cost decimal(38,10), rated_charges decimal(38,24), group_charges decimal(38,24),
        billed_cost decimal(38,24), customer_credits decimal(38,24), margin decimal(38,24),
        margin_percentage decimal(18,2), markup_percentage decimal(18,2), withheld_aws_cost decimal(38,10),
        unrated_aws_cost decimal(38,10), row_count bigint""",
    "fct_margin": """
        billing_period date, billing_group_id varchar, component varchar, amount decimal(38,24)""",
    "fct_reconciliation": """
        billing_period date, billing_account_id varchar, stage varchar, amount decimal(38,10),
        residual decimal(38,10)""",
    "fct_group_reconciliation": """
        billing_period date, billing_group_id varchar, stage_number integer, stage varchar, currency varchar,
        amount decimal(38,24), residual decimal(38,24)""",
    "fct_aws_invoices": """
        billing_period date, billing_account_id varchar, aws_invoice_id varchar, cur_amount decimal(38,10),
        credit_amount decimal(38,10), refund_amount decimal(38,10), tax_amount decimal(38,10),
        data_transfer_amount decimal(38,10), row_count bigint, total_amount decimal(22,10), currency varchar,
        difference decimal(38,10), left_out_difference decimal(38,10), rounding_difference decimal(38,10),
        rounding_bound decimal(18,3), residual decimal(38,10), reasons varchar""",
    "fct_aws_invoice_services": """
        billing_period date, billing_account_id varchar, aws_invoice_id varchar, invoice_service_code varchar,
        service_code varchar, part varchar, aws_cost decimal(38,10), row_count bigint, open_row_count bigint""",
    "fct_period_inputs": "billing_period date, kind varchar, name varchar, digest varchar",
    "fct_open_problems": """
        billing_period date, billing_group_id varchar, billing_account_id varchar, problem varchar,
        subject varchar, detail varchar, row_count bigint, aws_cost decimal(38,10), amount_at_stake decimal(38,10),
        owner varchar, file_name varchar, ready_row varchar""",
    "fct_budgets": """
        billing_period date, budget_id varchar, billing_group_id varchar, billing_group_name varchar, basis varchar,
        currency varchar, minor_units integer, budget_amount decimal(22,10), fx_rate decimal(18,10),
        actual_amount decimal(22,4), remaining_amount decimal(22,10), actual_percentage decimal(18,2),
        is_open boolean, delivered_through date, forecast_amount decimal(22,4), forecast_percentage decimal(18,2),
        thresholds varchar, reached_thresholds varchar, state varchar""",
    "fct_cost_anomalies": """
        billing_period date, anomaly_number integer, billing_group_id varchar, service_code varchar, start_date date,
        end_date date, day_count integer, direction varchar, aws_cost decimal(38,10), usual_cost decimal(38,10),
        impact decimal(38,10), score decimal(18,2)""",
    "fct_cost_anomaly_causes": """
        billing_period date, anomaly_number integer, cause_number integer, sub_account_id varchar,
        usage_type varchar, region_id varchar, aws_cost decimal(38,10), impact decimal(38,10)""",
    "dim_cost_histories": "billing_period date, history_days integer",
    "fct_check_results": """
        check_name varchar, layer varchar, subject varchar, status varchar, severity varchar, detail varchar,
        checked_at timestamp, check_id varchar, owner varchar, meaning varchar, remedy varchar, failure_count bigint""",
    "fct_check_failures": """
        check_id varchar, layer varchar, failure_number integer, failing_row varchar, found varchar""",
    "fct_expected_deliveries": """
        payer_account_id varchar, billing_period date, expected varchar, due_at timestamp""",
    "fct_runs": """
        run_id varchar, started_at timestamp, finished_at timestamp, membership_basis varchar,
        code_version varchar, billing_periods varchar""",
    "dim_accounts": """
        sub_account_id varchar, account_name varchar, billing_account_id varchar, billing_group_id varchar,
        first_period date, last_period date""",
    "dim_billing_groups": """
        billing_group_id varchar, billing_group_name varchar, customer_id varchar, issuer_id varchar,
        primary_account_id varchar, auto_associate boolean, start_period date, end_period date""",
    "dim_customers": """
        customer_id varchar, legal_name varchar, address varchar, postal_code varchar, city varchar,
        subdivision varchar, country_code varchar, tax_id varchar, currency varchar,
        payment_terms_days integer, email varchar, language varchar""",
    "dim_services": "service_code varchar, service_name varchar",
    "dim_billing_periods": """
        billing_period date, is_final boolean, row_count bigint, aws_cost decimal(38,10),
        built_at timestamp, fingerprint varchar""",
    "dim_deliveries": """
        delivery_key varchar, payer_account_id varchar, export_name varchar, billing_period date,
        delivery_id varchar, form varchar, manifest_key varchar, manifest_modified_at timestamp,
        status varchar, reason varchar, is_billed boolean, landed_at timestamp, row_count bigint,
        file_count integer,
        byte_count bigint, unblended_cost decimal(38,10), net_unblended_cost decimal(38,10),
        split_cost_row_count bigint, excess_decimal_row_count bigint, excess_decimal_sum decimal(38,20),
        bad_value_row_count bigint, discount_mode varchar, open_row_count bigint, open_cost decimal(38,10),
        first_usage_at timestamp, last_usage_at timestamp, column_count integer, fingerprint varchar""",
}

COMMENTS = {
    "fct_charges.billed_cost": "What the customer owes for these rows, in USD, before rounding.",
    "fct_charges.aws_cost": "What AWS charged the payer for the same rows, in USD.",
    "fct_charges.list_cost": "Public on-demand price of the same usage, in USD.",
    "fct_charges.treatment": "billed, withheld or unrated.",
    "fct_charges.pricing_rule_id": "The rule that won for these rows (R2).",
    "rpt_billing_group_summary.billed_cost": "What the group is charged for the month, in USD, without tax.",
    "rpt_billing_group_summary.aws_cost": "What AWS charged for the group's accounts, in USD, without tax.",
    "rpt_billing_group_summary.margin": "Billed cost minus AWS cost, without tax.",
    "rpt_billing_group_summary.margin_percentage": "Margin as a percentage of billed cost.",
    "fct_invoices.rounding_difference": "Rounded total minus exact total, in the invoice currency (M7).",
    "fct_invoices.total_amount": "Net plus AWS tax passed on, in the invoice currency.",
    "fct_invoice_lines.net_amount": "The line in the invoice currency, rounded once to its minor unit (M4).",
    "fct_reconciliation.residual": "What does not tie; 0 when nothing is lost.",
    "dim_deliveries.unblended_cost": "Sum of the delivery's unblended cost, in USD.",
}

SERVICES = {
    "AmazonEC2": "Amazon Elastic Compute Cloud",
    "AmazonS3": "Amazon Simple Storage Service",
    "AmazonRDS": "Amazon Relational Database Service",
    "AWSLambda": "AWS Lambda",
    "AmazonCloudFront": "Amazon CloudFront",
    "AWSSupportBusiness": "AWS Support (Business)",
    "ComputeSavingsPlans": "Savings Plans for AWS Compute usage",
    "8zq3vxk1t6fpl0n2": "Observability Suite (AWS Marketplace)",
}

# Name, payer, billing group. One id begins with 0, one name needs escaping, one account has no name.
ACCOUNTS = {
    "100000000001": ("Acme production", NORTH, "acme"),
    "100000000002": ("Acme data lake", NORTH, "acme"),
    "012345678901": ("Bergmann Werk Süd", SOUTH, "bergmann"),
    "200000000002": ("Bergmann <Test> & Co", SOUTH, "bergmann"),
    "300000000001": ("Hikari main", NORTH, "hikari"),
    "900000000009": ("", NORTH, "UNASSIGNED"),
}

PAYERS = {group: payer for _, payer, group in ACCOUNTS.values()}

# Name, customer, currency, primary account.
GROUPS = {
    "acme": ("Acme Robotics", "acme-inc", "USD", "100000000001"),
    "bergmann": ("Bergmann Maschinenbau", "bergmann-gmbh", "EUR", "012345678901"),
    "hikari": ("Hikari Systems", "hikari-kk", "JPY", "300000000001"),
}

CUSTOMERS = {
    "acme-inc": (
        *("Acme Robotics, Inc.", "1 Foundry Way", "02139", "Cambridge", "MA", "US", "12-3456789", "USD"),
        *(30, "ap@acme.example", "en"),
    ),
    "bergmann-gmbh": (
        *(
            "Bergmann Maschinenbau GmbH",
            "Hüttenstraße 4",
            "40215",
            "Düsseldorf",
            "",
            "DE",
            "DE123456789",
            "EUR",
        ),
        *(14, "rechnung@bergmann.example", "de"),
    ),
    "hikari-kk": (
        *("Hikari Systems K.K.", "1-2-3 Marunouchi", "100-0005", "Tokyo", "", "JP", "", "JPY"),
        *(45, "keiri@hikari.example", "ja"),
    ),
}

# There is no yen rate for October: that draft has no amounts.
RATES = {
    ("USD", SEPTEMBER): (Decimal(1), ""),
    ("USD", OCTOBER): (Decimal(1), ""),
    ("EUR", SEPTEMBER): (Decimal("0.8521"), "ECB monthly average"),
    ("EUR", OCTOBER): (Decimal("0.8611"), "ECB monthly average"),
    ("JPY", SEPTEMBER): (Decimal("148.25"), "BOJ month end"),
}

# Charge category and invoice line kind by charge type.
KINDS = {
    "usage": ("Usage", "usage"),
    "savings_plan_covered_usage": ("Usage", "usage"),
    "savings_plan_negation": ("Usage", "usage"),
    "commitment_fee": ("Purchase", "commitment"),
    "fee": ("Purchase", "support"),
    "partner_discount": ("Adjustment", "discount"),
    "aws_credit": ("Credit", "credit"),
    "aws_tax": ("Tax", "aws_tax"),
    "unknown": ("Adjustment", "unknown"),
}


@dataclass(frozen=True)
class Charge:
    """One row of fct_charges."""

    billing_period: date
    billing_group_id: str
    billing_account_id: str
    sub_account_id: str
    service_code: str
    region_id: str
    usage_type: str
    operation: str
    charge_type: str
    charge_category: str
    charge_class: str
    line_item_type: str
    billing_entity: str
    line_kind: str
    usage_quantity: Decimal
    usage_unit: str
    list_cost: Decimal
    list_cost_source: str
    aws_cost: Decimal
    effective_cost: Decimal
    billed_cost: Decimal
    treatment: str
    treatment_reason: str
    pricing_rule_id: str
    rating_path: str
    rating_base: Decimal | None
    rating_factor: Decimal | None
    commitment_id: str
    charge_date: date | None
    row_count: int
    service_name: str
    open_row_count: int
    open_cost: Decimal
    shared_cost_rule_id: str = ""


@dataclass(frozen=True)
class GroupCharge:
    """One row of fct_group_charges."""

    billing_period: date
    billing_group_id: str
    kind: str
    source_id: str
    sub_account_id: str
    description: str
    method: str
    billed_cost: Decimal
    service_code: str = ""
    part: str = ""
    base_amount: Decimal | None = None
    percentage: Decimal | None = None
    weight: Decimal | None = None
    weight_total: Decimal | None = None
    is_equal_split: bool = False
    committed_amount: Decimal | None = None


PAYER_RESERVATION = "arn:aws:ec2:us-east-1:111122223333:reserved-instances/5a1fb3c2-77f0-4a63-9c0b-2f8e1d6a9b10"
ACME_PLAN = "arn:aws:savingsplans::100000000001:savingsplan/1f0c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e"
BERGMANN_RESERVATION = "arn:aws:rds:eu-central-1:012345678901:ri:werk-mysql"
HIKARI_COMMITMENT = "legacy-commitment-7"

# Id, kind, owner, cost, used, unused, utilization, list value, savings, who benefited.
COMMITMENTS: tuple[tuple[Any, ...], ...] = (
    (
        *(ACME_PLAN, "savings_plan", "100000000001"),
        *("260", "250", "10", "96.15", "400", "140"),
        {"acme": "100", "hikari": "50"},
    ),
    (
        *(BERGMANN_RESERVATION, "reservation", "012345678901"),
        *("120.5", "40.25", "80.25", "33.40", "70", "-50.5"),
        {"bergmann": "29.75"},
    ),
    (
        *(PAYER_RESERVATION, "reservation", NORTH),
        *("90.1234567891", "90.1234567891", "0", "100", "150", "59.8765432109"),
        {"acme": "40", "UNASSIGNED": "19.8765432109"},
    ),
    (HIKARI_COMMITMENT, "reservation", "300000000001", *("12", "0", "12", "0", "0", "-12"), {}),
)  # fmt: skip

# The policy in force, and by how much each of the others differs.
POLICIES = {
    "acme": ("on_demand", {"owner_group": "-30", "pass_through": "-150.123456"}),
    "bergmann": ("pass_through", {"on_demand": "29.75", "owner_group": "120.5"}),
    "hikari": ("owner_group", {"on_demand": "12", "pass_through": "-38"}),
}


def charges_of_groups() -> list[GroupCharge]:
    """Return October's charges of whole groups: every method but EXACT_SAVINGS, and one minimum that is met."""

    def charge(group: str, kind: str, source: str, method: str, billed: str, **more: object) -> GroupCharge:
        names = {
            "shared-tools": "Shared tools", "security": "Security desk", "plan-savings": "Savings of shared plans",
            "managed": "Managed service", "goodwill": "Goodwill", "care": "Care", "databases": "Database care",
            "business": "Support, business", "developer": "Support, developer", "": "Minimum commitment",
        }  # fmt: skip
        values: dict[str, object] = {"sub_account_id": GROUPS[group][3], **more}
        for name in ("base_amount", "percentage", "weight", "weight_total", "committed_amount"):
            if name in values:
                values[name] = Decimal(str(values[name]))
        return GroupCharge(OCTOBER, group, kind, source, description=names[source], method=method,
                           billed_cost=Decimal(billed), **values)  # type: ignore[arg-type]  # fmt: skip

    tools = {"base_amount": "1000", "weight_total": "13244.340857"}
    hours = {"base_amount": "140", "weight_total": "5000", "part": PAYER_RESERVATION}
    thirds = {"base_amount": "300", "weight": "1", "weight_total": "3"}
    support = {"base_amount": "9000", "weight_total": "9000"}
    shared, item = "shared_cost", "custom_line_item"
    return [
        charge("acme", shared, "shared-tools", "PROPORTIONAL", "809.7311136727", weight="10724.354872", **tools),
        charge("bergmann", shared, "shared-tools", "PROPORTIONAL", "190.2688863273", weight="2519.985985", **tools),
        *(charge(group, shared, "security", "EVEN", "100", **thirds) for group in GROUPS),
        charge("acme", shared, "plan-savings", "NORMALIZED_HOURS", "-84", weight="3000", **hours),
        charge(
            *("acme", shared, "plan-savings", "NORMALIZED_HOURS", "-28"),
            **{"weight": "1000", **hours, "sub_account_id": "100000000002"},
        ),
        charge("hikari", shared, "plan-savings", "NORMALIZED_HOURS", "-28", weight="1000", **hours),
        # 10,724.354872 rated, 809.7311136727 + 100 - 112 shared
        charge(
            *("acme", item, "managed", "PERCENTAGE", "1152.20859856727"),
            base_amount="11522.0859856727",
            percentage="10",
        ),
        charge("acme", item, "goodwill", "FLAT", "-250", base_amount="-250"),
        charge("acme", item, "databases", "PERCENTAGE", "-55.675125", base_amount="1113.5025", percentage="-5"),
        charge(
            *("bergmann", item, "care", "PERCENTAGE", "150.506098875"),
            **{"base_amount": "2006.747985", "percentage": "7.5", "service_code": "AmazonEC2"},
        ),
        charge(
            "bergmann", item, "care", "PERCENTAGE", "21.7701664745475", base_amount="290.2688863273", percentage="7.5"
        ),
        charge("acme", "support", "business", "TIERS", "600", weight="6000", **support),
        charge(
            *("acme", "support", "business", "TIERS", "300"),
            **{"weight": "3000", **support, "sub_account_id": "100000000002"},
        ),
        charge("hikari", "support", "developer", "MINIMUM", "29", base_amount="900", weight="900", weight_total="900"),
        charge(
            *("bergmann", "minimum_commitment", "", "TRUE_UP", "1480.014015"),
            **{"base_amount": "2519.985985", "committed_amount": "4000"},
        ),
        charge("acme", "minimum_commitment", "", "TRUE_UP", "0", base_amount="10724.354872", committed_amount="500"),
    ]


@dataclass(frozen=True)
class Month:
    """Writes the charges of one month, every amount times ``scale``."""

    period: date
    scale: Decimal

    def charge(
        self,
        account: str,
        service: str,
        usage_type: str,
        costs: tuple[str, str, str],
        *,
        kind: str = "usage",
        region: str = "eu-west-1",
        operation: str = "RunInstances",
        quantity: str = "744",
        unit: str = "Hrs",
        treatment: str = "billed",
        reason: str = "",
        rule: str = "",
        entity: str = "AWS",
        rows: int = 31,
        line_item_type: str = "Usage",
    ) -> Charge:
        """Return one charge; ``costs`` are list, AWS and billed cost before scaling."""
        _, payer, group = ACCOUNTS[account]
        list_cost, aws_cost, billed_cost = (Decimal(cost) * self.scale for cost in costs)
        category, line_kind = KINDS[kind]
        return Charge(
            billing_period=self.period,
            billing_group_id=group,
            billing_account_id=payer,
            sub_account_id=account,
            service_code=service,
            region_id=region,
            usage_type=usage_type,
            operation=operation,
            charge_type=kind,
            charge_category=category,
            charge_class="",
            line_item_type=line_item_type,
            billing_entity=entity,
            line_kind="marketplace" if entity == "AWS Marketplace" else line_kind,
            usage_quantity=Decimal(quantity),
            usage_unit=unit,
            list_cost=list_cost,
            list_cost_source="public_on_demand_cost" if kind == "usage" else "",
            aws_cost=aws_cost,
            effective_cost=aws_cost,
            billed_cost=billed_cost,
            treatment=treatment,
            treatment_reason=reason,
            pricing_rule_id=rule,
            rating_path="on_demand" if rule else "at_cost",
            rating_base=list_cost if treatment == "billed" else None,
            rating_factor=Decimal(1) if treatment == "billed" else None,
            commitment_id="",
            charge_date=None,
            row_count=rows,
            service_name=SERVICES[service],
            open_row_count=0,
            open_cost=Decimal(0),
        )

    def rated(self, account: str, service: str, usage_type: str, cost: str, factor: str, **more: str) -> Charge:
        """Return usage whose AWS cost is its list cost, billed at ``factor`` times that."""
        billed = str(Decimal(cost) * Decimal(factor))
        rule = {"1.1": "acme-global-10", "0.95": "bergmann-ec2-minus-5", "1.125": "hikari-global-12-5"}
        chosen = {"rule": rule.get(factor, ""), **more}
        return self.charge(account, service, usage_type, (cost, cost, billed), **chosen)  # type: ignore[arg-type]

    def withheld(self, account: str, service: str, usage_type: str, cost: str, kind: str, reason: str) -> Charge:
        """Return a charge of ``kind`` that is not passed on."""
        return self.charge(
            *(account, service, usage_type, ("0", cost, "0")),
            kind=kind,
            treatment="withheld",
            reason=reason,
            operation="",
            rows=1,
        )

    def charges(self) -> list[Charge]:
        """Return every charge that both months have."""
        acme, lake, south, test, hikari = list(ACCOUNTS)[:5]
        europe, japan = {"region": "eu-central-1"}, {"region": "ap-northeast-1"}
        s3 = {"operation": "StandardStorage", "unit": "GB-Mo"}
        return [
            self.rated(acme, "AmazonEC2", "EU-BoxUsage:m5.large", "4812.60", "1.1"),
            self.rated(acme, "AmazonEC2", "EU-DataTransfer-Out-Bytes", "731.4482", "1.1", unit="GB"),
            self.rated(*(acme, "AmazonEC2", "EU-BoxUsage:c5.xlarge", "400", "1.1"), kind="savings_plan_covered_usage"),
            self.withheld(*(acme, "AmazonEC2", "EU-BoxUsage:c5.xlarge", "-400"), "savings_plan_negation", "policy"),
            self.withheld(*(acme, "ComputeSavingsPlans", "ComputeSP:1yrNoUpfront", "260"), "commitment_fee", "policy"),
            self.rated(lake, "AmazonS3", "EU-TimedStorage-ByteHrs", "1310.505", "1.1", **s3),
            self.rated(
                *(lake, "AmazonRDS", "EU-InstanceUsage:db.r6g.large", "920.25", "1.1"),
                operation="CreateDBInstance:0014",
            ),
            self.rated(
                lake,
                "AWSLambda",
                "EU-Request",
                "0",
                "1",
                operation="Invoke",
                quantity="912000",
                unit="Requests",
            ),
            self.rated(
                *(acme, "8zq3vxk1t6fpl0n2", "Global-SoftwareUsage", "250", "1.1"),
                entity="AWS Marketplace",
                region="",
                operation="",
            ),
            self.charge(
                *(acme, "AWSSupportBusiness", "Dollar", ("0", "482.13", "482.13")),
                kind="fee",
                region="",
                operation="",
                rows=1,
            ),
            self.withheld(acme, "AmazonEC2", "SppDiscount", "-145.10", "partner_discount", "partner_discount"),
            self.withheld(acme, "AmazonEC2", "Tax-EU", "611.27", "aws_tax", "aws_tax"),
            self.rated(south, "AmazonEC2", "EUC1-BoxUsage:t3.medium", "1920.333", "0.95", **europe),
            self.rated(south, "AmazonCloudFront", "EU-DataTransfer-Out-Bytes", "388.88", "1", region="", unit="GB"),
            self.rated(test, "AmazonS3", "EUC1-TimedStorage-ByteHrs", "77.70", "1", **europe, **s3),
            self.charge(
                *(south, "AmazonEC2", "Tax-EU", ("0", "38.17", "38.17")),
                kind="aws_tax",
                region="eu-central-1",
                operation="",
                rows=1,
            ),
            self.withheld(south, "AmazonEC2", "Credit", "-100", "aws_credit", "policy"),
            self.rated(hikari, "AmazonEC2", "APN1-BoxUsage:m6i.large", "866.40", "1.125", **japan),
            self.rated(hikari, "AmazonS3", "APN1-TimedStorage-ByteHrs", "45.123", "1.125", **japan, **s3),
            self.charge(
                *("900000000009", "AmazonEC2", "USE1-BoxUsage:t3.micro", ("62.40", "62.40", "0")),
                region="us-east-1",
                treatment="withheld",
                reason="unassigned",
            ),
        ]

    def quarantined(self) -> list[Charge]:
        """Return what October has besides: a line item type nobody knows, and a value nobody can read."""
        return [
            self.charge(
                *("100000000001", "AmazonEC2", "EU-Mystery", ("0", "4.2000000001", "0")),
                kind="unknown",
                line_item_type="MysteryFee",
                treatment="unrated",
                reason="unknown_type",
                operation="",
                rows=3,
            ),
            self.charge(
                *("200000000002", "AmazonS3", "EUC1-Requests-Tier1", ("0", "1.10", "0")),
                region="eu-central-1",
                operation="PutObject",
                treatment="unrated",
                reason="bad_value:line_item_usage_amount",
                rows=2,
            ),
        ]

    def shared(self) -> Charge:
        """Return the charge that the rule shared-tools takes from an account in no group."""
        taken = self.charge(
            *("900000000009", "AmazonS3", "USE1-TimedStorage-ByteHrs", ("1200", "1000", "0")),
            region="us-east-1",
            treatment="withheld",
            reason="shared_cost",
        )
        return replace(taken, shared_cost_rule_id="shared-tools")


def insert(con: duckdb.DuckDBPyConnection, table: str, **row: object) -> None:
    """Insert one row by column names."""
    marks = ", ".join("?" * len(row))
    con.execute(f"insert into marts.{table} ({', '.join(row)}) values ({marks})", list(row.values()))


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Half away from zero to the currency's minor unit (M4)."""
    return amount.quantize(Decimal(1).scaleb(-MINOR_UNITS[currency]), ROUND_HALF_UP)


def split(whole: Decimal, weights: dict[str, Decimal], currency: str) -> dict[str, Decimal]:
    """Largest remainder in minor units (M5); positive amounts only."""
    unit = Decimal(1).scaleb(-MINOR_UNITS[currency])
    units, total = int(whole / unit), sum(weights.values())
    exact = {key: units * weight / total for key, weight in weights.items()}
    parts = {key: int(share) for key, share in exact.items()}
    order = sorted(exact, key=lambda key: (parts[key] - exact[key], key))
    for key in order[: units - sum(parts.values())]:
        parts[key] += 1
    return {key: part * unit for key, part in parts.items()}


def write_invoice(
    con: duckdb.DuckDBPyConnection, period: date, group: str, charges: list[Charge], of_group: list[GroupCharge]
) -> None:
    """One draft with its lines and their split over accounts, from the billed and the group charges."""
    group_name, customer, currency, _ = GROUPS[group]
    billed: dict[tuple[str, str, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    words: dict[str, str] = {}
    for row in charges:
        if row.treatment == "billed" and row.billed_cost:
            service = "" if row.line_kind == "aws_tax" else row.service_code
            billed[row.line_kind, "", service][row.sub_account_id] += row.billed_cost
    for own in of_group:
        if own.billed_cost:
            billed[own.kind, own.source_id, own.service_code][own.sub_account_id] += own.billed_cost
            words[own.source_id] = own.description
    rate, source = RATES.get((currency, period), (None, ""))
    document = {"billing_period": period, "billing_group_id": group, "fx_rate": rate, "fx_source": source}
    document |= {"currency": currency, "minor_units": MINOR_UNITS[currency]}
    exact = rounding = net = tax = Decimal(0)
    order = sorted(billed, key=lambda key: (key[0] == "aws_tax", key[0] != "usage", key))
    for number, (kind, origin, service) in enumerate(order, start=1):
        accounts = billed[kind, origin, service]
        amount = sum(accounts.values(), Decimal(0))
        line = None if rate is None else rounded(amount * rate, currency)
        key = f"{period:%Y-%m}/{group}/{kind}/{origin or '-'}/{service or '-'}"
        description = SERVICES.get(service, "AWS tax passed on")
        if kind in {"shared_cost", "custom_line_item", "support", "minimum_commitment"} and origin in words:
            description = ", ".join(each for each in (words[origin], SERVICES.get(service, "")) if each)
        insert(
            con,
            "fct_invoice_lines",
            **document,
            invoice_line_key=key,
            line_number=number,
            line_kind=kind,
            source_id=origin,
            service_code=service,
            service_name=SERVICES.get(service, ""),
            description=description,
            exact_amount_usd=amount,
            net_amount=line,
            credit_amount=None if line is None else 0,
            tax_category="O",
            tax_rate=0,
            has_several_tax_categories=False,
            rounding_difference=None if line is None or rate is None else line - amount * rate,
        )
        parts = {} if line is None else split(line, accounts, currency)
        for account, share in accounts.items():
            insert(
                con,
                "fct_invoice_line_accounts",
                billing_period=period,
                billing_group_id=group,
                invoice_line_key=key,
                sub_account_id=account,
                exact_amount_usd=share,
                net_amount=parts.get(account),
                credit_amount=None if line is None else 0,
                tax_category="O",
                tax_rate=0,
            )
        if line is not None and rate is not None:
            rounding += line - amount * rate
        if kind == "aws_tax":
            tax += line or 0
        else:
            exact += amount
            net += line or 0
    problems = ["missing_fx_rate"] if rate is None else []
    problems += ["unrated_charges"] if any(row.treatment == "unrated" for row in charges) else []
    problems += ["not_final"] if period == OCTOBER else []
    insert(
        con,
        "fct_invoices",
        **document,
        billing_group_name=group_name,
        customer_id=customer,
        customer_name=CUSTOMERS[customer][0],
        issuer_id="north-issuer",
        exact_amount_usd=exact,
        net_amount=None if rate is None else net,
        credit_amount=None if rate is None else 0,
        taxable_amount=None if rate is None else net,
        tax_amount=None if rate is None else tax,
        total_amount=None if rate is None else net + tax,
        rounding_difference=None if rate is None else rounding,
        line_count=len(order),
        state="draft",
        open_problems="|".join(problems),
        is_final=period == SEPTEMBER,
    )
    insert(
        con,
        "fct_proposed_documents",
        billing_period=period,
        billing_group_id=group,
        revision=0,
        kind="invoice",
        currency=currency,
        minor_units=MINOR_UNITS[currency],
        net_amount=None if rate is None else net,
        credit_amount=None if rate is None else 0,
        tax_amount=None if rate is None else tax,
        total_amount=None if rate is None else net + tax,
        draft_hash=f"{group}-{period:%Y-%m}-first",
        state="draft",
    )
    for problem in problems:
        refusal = "unmapped" if problem == "unrated_charges" else problem
        insert(
            con,
            "fct_issuing_refusals",
            billing_period=period,
            billing_group_id=group,
            refusal=refusal,
            subject=currency if refusal == "missing_fx_rate" else PAYERS[group],
            detail=f"{refusal} in words",
            can_be_overridden=refusal != "missing_fx_rate",
        )


def write_dimensions(con: duckdb.DuckDBPyConnection) -> None:
    """Accounts, groups, customers and services."""
    con.executemany("insert into marts.dim_services values (?, ?)", list(SERVICES.items()))
    for account, (name, payer, group) in ACCOUNTS.items():
        con.execute(
            "insert into marts.dim_accounts values (?,?,?,?,?,?)",
            [account, name, payer, group, SEPTEMBER, OCTOBER],
        )
    for group, (name, customer, _, primary) in GROUPS.items():
        con.execute(
            "insert into marts.dim_billing_groups values (?,?,?,?,?,?,?,?)",
            [group, name, customer, "north-issuer", primary, False, SEPTEMBER, None],
        )
    insert(*(con, "dim_billing_groups"), billing_group_id="UNASSIGNED", billing_group_name="Unassigned accounts")
    for customer, values in CUSTOMERS.items():
        con.execute("insert into marts.dim_customers values (?,?,?,?,?,?,?,?,?,?,?,?)", [customer, *values])


def write_summary(con: duckdb.DuckDBPyConnection) -> None:
    """rpt_billing_group_summary and dim_billing_periods from the charges."""
    con.execute(
        """
        insert into marts.rpt_billing_group_summary
        with sums as (
            select
                billing_period,
                billing_group_id,
                billing_group_name,
                sum(list_cost) as list_cost,
                sum(aws_cost) as aws_cost,
                cast(sum(billed_cost) as decimal(38,24)) as rated_charges,
                coalesce(any_value(own.group_charges), 0) as group_charges,
                cast(sum(billed_cost) as decimal(38,24)) + coalesce(any_value(own.group_charges), 0) as billed_cost,
                cast(sum(billed_cost) as decimal(38,24)) + coalesce(any_value(own.group_charges), 0)
                - sum(aws_cost) as margin,
                coalesce(sum(aws_cost) filter (treatment = 'withheld'), 0) as withheld,
                coalesce(sum(aws_cost) filter (treatment = 'unrated'), 0) as unrated,
                sum(row_count) as row_count
            from marts.fct_charges
            inner join marts.dim_billing_groups using (billing_group_id)
            left join (
                select billing_period, billing_group_id, sum(billed_cost) as group_charges
                from marts.fct_group_charges
                group by all
            ) as own using (billing_period, billing_group_id)
            where charge_type <> 'aws_tax'
            group by billing_period, billing_group_id, billing_group_name
        )
        select
            billing_period, billing_group_id, billing_group_name, list_cost, aws_cost, rated_charges, group_charges,
            billed_cost, 0, margin,
            case when billed_cost <> 0 then decimal_division(
                cast(margin * 100 as decimal(30,10)), cast(billed_cost as decimal(38,10)), 2) end,
            case when aws_cost <> 0 then decimal_division(
                cast(margin * 100 as decimal(30,10)), cast(aws_cost as decimal(38,10)), 2) end,
            withheld, unrated, row_count
        from sums
        """
    )
    con.execute(
        """
        insert into marts.fct_margin
        with parts as (
            select
                billing_period, billing_group_id, 'markup' as component,
                cast(billed_cost as decimal(38,24)) as amount
            from marts.fct_charges
            where charge_type <> 'aws_tax' and treatment = 'billed'
            union all
            select
                billing_period, billing_group_id,
                case when treatment = 'billed' then 'markup' when treatment = 'unrated' then 'unrated'
                    when billing_group_id = 'UNASSIGNED' then 'unassigned' else 'partner_discounts' end,
                -cast(aws_cost as decimal(38,24))
            from marts.fct_charges
            where charge_type <> 'aws_tax'
            union all
            select billing_period, billing_group_id, 'custom_items', billed_cost from marts.fct_group_charges
        )

        select billing_period, billing_group_id, component, sum(amount) from parts group by all having sum(amount) <> 0
        """
    )
    con.execute(
        """
        insert into marts.dim_billing_periods
        select
            billing_period, billing_period = date '2025-09-01', sum(row_count), sum(aws_cost),
            timestamp '2025-11-04 06:12:09', repeat('f', 64)
        from marts.fct_charges
        group by billing_period
        """
    )


def write_commitments(con: duckdb.DuckDBPyConnection, periods: tuple[date, ...]) -> None:
    """Commitments, of which September has the first only, and every group under every policy."""
    for period in periods:
        for number, (identity, kind, owner, *amounts, benefits) in enumerate(COMMITMENTS):
            if number and period == SEPTEMBER:
                continue
            cost, used, unused, utilization, value, savings = (Decimal(each) for each in amounts)
            _, payer, group = ACCOUNTS.get(owner, ("", NORTH, ""))
            insert(
                con,
                "fct_commitments",
                billing_period=period,
                commitment_id=identity,
                commitment_kind=kind,
                owner_account_id=owner,
                owner_billing_group_id=group,
                billing_account_id=payer,
                cost=cost,
                used_cost=used,
                unused_cost=unused,
                balance=0,
                utilization_percentage=utilization,
                list_value=value,
                savings=savings,
                recurring_fee=cost,
                upfront_fee=0,
                billed_fees=0,
                # A commitment that covered nothing has no map at all.
                benefit_by_group={group: Decimal(each) for group, each in benefits.items()} or None,
            )
        for group, (applied, differences) in POLICIES.items():
            for policy in ("on_demand", "owner_group", "pass_through"):
                con.execute(
                    """
                    insert into marts.fct_commitment_policies
                    select billing_period, billing_group_id, ?, ?, rated_charges + ?, ?
                    from marts.rpt_billing_group_summary
                    where billing_period = ? and billing_group_id = ?
                    """,
                    [
                        *(policy, policy == applied),
                        *(Decimal(differences.get(policy, "0")), Decimal(differences.get(policy, "0"))),
                        *(period, group),
                    ],
                )


def write_quality(con: duckdb.DuckDBPyConnection, residual: Decimal) -> None:
    """Reconciliation, open problems and check results."""
    con.execute(
        """
        insert into marts.fct_reconciliation
        select
            billing_period, billing_account_id, stage,
            coalesce(sum(aws_cost) filter (stage in ('raw', treatment)), 0),
            if(billing_account_id = ?, ?, 0)
        from marts.fct_charges
        cross join (values ('raw'), ('billed'), ('withheld'), ('unrated')) as stages(stage)
        group by all
        """,
        [SOUTH, residual],
    )
    con.execute(
        """
        insert into marts.fct_group_reconciliation
        select
            billing_period, billing_group_id, stages.number, stages.stage, if(stages.number < 6, 'USD', currency),
            if(stages.number < 6, exact_amount_usd, total_amount), if(stages.stage = 'tax' and ? <> 0, 1e-24, 0)
        from marts.fct_invoices
        cross join (
            values (1, 'aws_cost'), (5, 'lines_before_rounding'), (11, 'tax'), (12, 'total'), (14, 'to_be_issued')
        ) as stages(number, stage)
        where stages.number < 6 or total_amount is not null
        """,
        [residual],
    )
    con.executemany(
        "insert into marts.fct_aws_invoices values (?, ?, ?, ?, 0, 0, 0, ?, 9, ?, ?, ?, 0, ?, 0.01, ?, ?)",
        [
            (
                SEPTEMBER,
                NORTH,
                "E1",
                Decimal("99.996"),
                30,
                100,
                "USD",
                Decimal("0.004"),
                Decimal("0.004"),
                0,
                "rounding",
            ),
            (SEPTEMBER, NORTH, "E2", 50, 0, 55, "USD", 5, 0, 5, "unexplained"),
            (OCTOBER, NORTH, "", Decimal("318.44"), 0, None, None, None, None, None, "not_final"),
        ],
    )
    con.executemany(
        "insert into marts.fct_aws_invoice_services values (?, ?, ?, ?, ?, ?, ?, ?, 0)",
        [
            (SEPTEMBER, NORTH, "E1", "AmazonEC2", "AmazonEC2", "charges", Decimal("69.996"), 7),
            (SEPTEMBER, NORTH, "E1", "AWSDataTransfer", "AmazonEC2", "charges", 30, 2),
            (SEPTEMBER, NORTH, "E1", "AmazonS3", "AmazonS3", "charges", 0, 1),
        ],
    )
    con.execute(
        """
        insert into marts.fct_period_inputs
        select billing_period, 'configuration_file', 'payers.csv', repeat('c', 64) from marts.dim_billing_periods
        union all
        select billing_period, 'delivery', delivery_key, fingerprint
        from marts.dim_deliveries
        where status = 'current' and is_billed
        """
    )
    con.execute(
        """
        insert into marts.fct_open_problems
        select
            billing_period, billing_group_id, billing_account_id,
            case
                when treatment_reason = 'unassigned' then 'unassigned_account'
                when treatment_reason = 'unknown_type' then 'unknown_type'
                else 'bad_value'
            end,
            case
                when treatment_reason = 'unassigned' then sub_account_id
                when treatment_reason = 'unknown_type' then line_item_type
                else split_part(treatment_reason, ':', 2)
            end,
            case
                when treatment_reason = 'unassigned' then 'The account is in no billing group'
                when treatment_reason = 'unknown_type' then 'AWS sent a line item type that is not mapped'
                else 'AWS sent a value that cannot be read in Usage rows'
            end,
            sum(row_count), sum(aws_cost), sum(aws_cost), 'finance', '', ''
        from marts.fct_charges
        where treatment = 'unrated' or treatment_reason = 'unassigned'
        group by all
        """
    )
    if con.execute("select 1 from marts.fct_group_charges").fetchone():
        con.executemany(
            f"insert into marts.fct_open_problems values ({', '.join('?' * 8)}, null, 'finance', '', '')",
            [
                *[(OCTOBER, "UNASSIGNED", NORTH, "shared_cost_not_spread", "sandbox", "No target group", 8, 7)],
                *[(OCTOBER, "", "", "split_equally", "audit", "The weights sum to zero", 0, Decimal("90.5"))],
            ],
        )
    if con.execute("select 1 from marts.fct_charges where billing_period = ?", [OCTOBER]).fetchone():
        con.executemany(
            f"insert into marts.fct_open_problems values ({', '.join('?' * 8)}, null, 'finance', '', '')",
            [
                (OCTOBER, "hikari", "", "missing_fx_rate", "JPY", "No rate from USD to JPY", 0, 0),
                (
                    OCTOBER,
                    "acme",
                    NORTH,
                    "not_final",
                    "100000000001",
                    "No invoice id yet",
                    7,
                    Decimal("318.44"),
                ),
            ],
        )
    con.execute(
        """
        update marts.fct_open_problems set amount_at_stake = if(problem = 'missing_fx_rate', 874.32, aws_cost);
        update marts.fct_open_problems set owner = 'aws' where problem = 'not_final';
        update marts.fct_open_problems
        set file_name = 'account_assignments.csv', ready_row = subject || ',BILLING_GROUP_ID,' || billing_period || ','
        where problem = 'unassigned_account';
        update marts.fct_open_problems
        set file_name = 'fx_rates.csv', ready_row = strftime(billing_period, '%Y-%m') || ',USD,JPY,RATE,SOURCE'
        where problem = 'missing_fx_rate'
        """
    )
    at = datetime(2025, 11, 4, 6, 11, 58)
    checks = [
        ("Every amount is in US dollars", "raw", "cur_line_items", "pass", "critical", "", "usd", 0),
        ("Every file has its rows", "raw", "deliveries", "pass", "critical", "", "rows", 0),
        ("Every value can be read", "raw", "deliveries", "fail", "warning", "2 rows: unreadable", "readable", 2),
        ("Charges are the grain", "dbt", "charges", "pass", "critical", "", "grain", 0),
        ("Lines are the charges", "dbt", "invoice_lines", "pass", "critical", "", "lines", 0),
        ("Billed cost is base x factor", "dbt", "charges", "fail", "critical", "30 rows", "factors", 30),
    ]
    for name, layer, subject, status, severity, detail, check_id, count in checks:
        meaning, remedy = f"What {check_id} means.", f"What to do about {check_id}."
        con.execute(
            "insert into marts.fct_check_results values (?,?,?,?,?,?,?,?,?,?,?,?)",
            [name, layer, subject, status, severity, detail, at, check_id, "operator", meaning, remedy, count],
        )
    con.executemany(
        "insert into marts.fct_check_failures values (?,?,?,?,?)",
        [
            ("readable", "raw", 1, "000055556666 2025-10", "unreadable rows 2"),
            ("factors", "dbt", 1, "2025-10-01 acme AmazonEC2", "1.00 x 1.10 is not 1.20"),
            ("factors", "dbt", 2, "2025-10-01 acme AmazonS3", "2.00 x 1.10 is not 2.30"),
        ],
    )


def write_deliveries(con: duckdb.DuckDBPyConnection) -> None:
    """Four current deliveries, two superseded of which one was never read, one rejected."""

    def delivery(payer: str, period: date, delivery_id: str, status: str, **more: object) -> None:
        landed = datetime(2025, period.month + 1, 4, 5, 58, 3)
        read: dict[str, object] = {}
        if "row_count" in more:
            read = {
                "file_count": 3,
                "byte_count": 48_211_906,
                "split_cost_row_count": 12,
                "column_count": 127,
            }
            read |= {"excess_decimal_row_count": 0, "excess_decimal_sum": 0, "bad_value_row_count": 0}
            read |= {"discount_mode": "rows", "open_row_count": 0, "open_cost": 0}
            read |= {"first_usage_at": datetime(2025, period.month, 1), "last_usage_at": landed}
            read |= {"net_unblended_cost": more["unblended_cost"]}
            read |= {"form": "cur2_parquet" if payer == NORTH else "legacy_cur_csv"}
        row: dict[str, object] = {
            "delivery_key": f"{payer}-{delivery_id}",
            "payer_account_id": payer,
            "export_name": "chargehouse-cur2",
            "billing_period": period,
            "delivery_id": delivery_id,
            "manifest_key": f"exports/metadata/BILLING_PERIOD={period:%Y-%m}/Manifest.json",
            "manifest_modified_at": landed,
            "status": status,
            "is_billed": status == "current",
            "landed_at": landed,
        }
        insert(con, "dim_deliveries", **{**row, **read, **more})

    delivery(
        *(NORTH, SEPTEMBER, "20251003T041500Z", "current"),
        row_count=41_882,
        unblended_cost=Decimal("10207.0262"),
    )
    delivery(
        *(SOUTH, SEPTEMBER, "20251003T050100Z", "current"),
        row_count=9_120,
        unblended_cost=Decimal("2325.083"),
    )
    delivery(
        *(NORTH, OCTOBER, "20251104T041500Z", "current"),
        row_count=44_310,
        unblended_cost=Decimal("11231.9288200001"),
        open_row_count=7,
        open_cost=Decimal("318.44"),
        excess_decimal_row_count=214,
        excess_decimal_sum=Decimal("0.00000000031415926535"),
    )
    delivery(
        *(SOUTH, OCTOBER, "20251104T050100Z", "current"),
        row_count=9_488,
        unblended_cost=Decimal("2558.6913"),
        bad_value_row_count=2,
    )
    delivery(
        *(NORTH, OCTOBER, "20251102T041500Z", "superseded"),
        row_count=39_002,
        unblended_cost=Decimal("9800.11"),
        reason="Replaced by 20251104T041500Z.",
    )
    delivery(*(NORTH, OCTOBER, "20251015T041500Z", "superseded"), reason="Replaced by 20251102T041500Z.")
    delivery(
        *(SOUTH, OCTOBER, "20251103T050100Z", "rejected"),
        reason="File 2 of 3 is truncated: 1,204 of 48,211 bytes. Copy it again from S3, then run again.",
    )


RESTATED = "Restatement by AWS: delivery 20251003T041500Z of payer 111122223333"
REPRICED = "Configuration: pricing_rules.csv, acme-global-10 changed"


def write_documents(con: duckdb.DuckDBPyConnection) -> None:
    """What became of September: Acme's is issued and has since changed, Bergmann's is approved, Hikari's was.

    Acme's first line was issued 12.34 dearer, with 21 % tax on 100.00 that there is no more. In October somebody
    overrode that Acme's month is not final, and all that refuses Bergmann's. Bergmann has a credit, half of it drawn,
    and one that has expired.
    """
    issued, approved = datetime(2025, 10, 6, 8, 15), datetime(2025, 10, 5, 16, 40)
    con.execute(
        """
        insert into marts.fct_documents by name
        select
            1 as document_id, 'NI-2025-000001' as number, 'invoice' as kind, billing_period, billing_group_id,
            0 as revision, null as reference_number, issuer_id, customer_id, currency, minor_units, fx_rate,
            net_amount + 12.34 as net_amount, credit_amount, net_amount + 12.34 as taxable_amount,
            tax_amount + 21 as tax_amount, total_amount + 33.34 as total_amount, date '2025-10-06' as issue_date,
            date '2025-11-05' as due_date, $issued as issued_at, 'Ben' as issued_by, $approved as approved_at,
            'Ada' as approved_by, 'first' as draft_hash, repeat('a', 64) as content_sha256,
            repeat('b', 64) as chain_hash
        from marts.fct_invoices
        where billing_group_id = 'acme' and billing_period = $september
        """,
        {"issued": issued, "approved": approved, "september": SEPTEMBER},
    )
    con.execute(
        """
        insert into marts.fct_document_lines by name
        select
            'NI-2025-000001' as number, billing_period, billing_group_id, line_number, invoice_line_key, line_kind,
            source_id, service_code, description, '' as charge_class, '' as cause, currency, minor_units,
            exact_amount_usd, net_amount + if(line_number = 1, 12.34, 0) as net_amount, credit_amount
        from marts.fct_invoice_lines
        where billing_group_id = 'acme' and billing_period = ?
        """,
        [SEPTEMBER],
    )
    con.execute(
        """
        insert into marts.fct_document_line_accounts by name
        select number, billing_period, billing_group_id, line_number, '100000000001' as sub_account_id, currency,
            minor_units, net_amount, credit_amount
        from marts.fct_document_lines
        """
    )
    acme = {"billing_period": SEPTEMBER, "billing_group_id": "acme"}
    dollars = {"currency": "USD", "minor_units": 2}
    sales_tax = {"tax_category": "S", "tax_name": "Sales tax", "tax_rate": 21, "exemption_reason": ""}
    insert(
        *(con, "fct_document_taxes"),
        **{**acme, **dollars, **sales_tax, "number": "NI-2025-000001", "tax_number": 1},
        **{"taxable_amount": 100, "tax_amount": 21},
    )
    con.execute(
        """
        insert into marts.fct_document_differences by name
        select
            billing_period, billing_group_id, 'line' as level, invoice_line_key, '' as sub_account_id,
            '' as tax_category, 0 as tax_rate, 0 as exact_amount_usd, -12.34 as net_amount, 0 as credit_amount
        from marts.fct_document_lines
        where line_number = 1
        """
    )
    insert(
        *(con, "fct_document_differences"),
        **{**acme, "level": "tax", "invoice_line_key": "", "sub_account_id": "", "tax_category": "S"},
        **{"tax_rate": 21, "exact_amount_usd": 0, "taxable_amount": -100, "tax_amount": -21},
    )
    con.execute(
        """
        update marts.fct_proposed_documents
        set revision = 1, kind = 'credit_note', reference_number = 'NI-2025-000001', net_amount = -12.34,
            credit_amount = 0, tax_amount = -21, total_amount = -33.34, draft_hash = 'acme-correction'
        where billing_group_id = 'acme' and billing_period = $1
        """,
        [SEPTEMBER],
    )
    con.execute(
        """
        update marts.fct_invoices set state = 'issued', invoice_number = 'NI-2025-000001'
        where billing_group_id = 'acme' and billing_period = $1
        """,
        [SEPTEMBER],
    )
    con.execute(
        """
        update marts.fct_proposed_documents
        set state = 'approved', approved_by = 'Ada', approved_at = $2, approval_note = 'As agreed'
        where billing_group_id = 'bergmann' and billing_period = $1
        """,
        [SEPTEMBER, approved],
    )
    con.execute(
        """
        update marts.fct_proposed_documents set lapsed_approval_by = 'Ada', lapsed_approval_at = $2
        where billing_group_id = 'hikari' and billing_period = $1
        """,
        [SEPTEMBER, approved],
    )
    con.execute(
        """
        update marts.fct_issuing_refusals
        set overridden_by = 'Ben', overridden_at = $1, override_reason = 'AWS confirmed it by mail'
        where billing_group_id = 'bergmann' or (billing_group_id = 'acme' and refusal = 'not_final')
        """,
        [issued],
    )
    for row in (
        (SEPTEMBER, "acme", "issued", f"{RESTATED}; {REPRICED}", None),
        (SEPTEMBER, "hikari", "approved", "Configuration: fx_rates.csv, 2025-09/USD/JPY changed", 150_000),
    ):
        con.execute("insert into marts.fct_proposal_causes values (?, ?, ?, ?, ?)", row)
    for row in (
        ("welcome", "Welcome credit", "Active", date(2025, 9, 1), None, 500, -200, -50, 0, 250),
        ("pilot", "", "Paused", date(2025, 6, 1), date(2025, 9, 1), 100, -75, 0, -25, 0),
    ):
        con.execute(
            "insert into marts.fct_credit_balances values (?, 'bergmann', ?, 'EUR', ?, ?, ?, ?, ?, ?, ?, ?)", row
        )
    for state, amount, period in (("issued", -210, SEPTEMBER), ("issued", 10, SEPTEMBER), ("draft", -50, OCTOBER)):
        con.execute(
            "insert into marts.fct_credit_ledger values "
            "('welcome', ?, 'bergmann', 'key', 'usage', 'AmazonEC2', '012345678901', 'EUR', ?, ?)",
            [period, amount, state],
        )
    for number, (at, who, action, subject, detail) in enumerate(
        (
            (approved, "Ada", "approve", "invoice of acme for 2025-09", "approval 1, draft first"),
            (issued, "Ben", "issue", "NI-2025-000001", "document 1, chain bbbb"),
        ),
        start=1,
    ):
        con.execute(
            "insert into marts.fct_audit_log values (?, ?, ?, 'host', ?, ?, ?)",
            [number, at, who, action, subject, detail],
        )


def publish(
    path: Path,
    *,
    october_scale: str = "1.1",
    extra_charges: int = 0,
    group_charges: bool = False,
    documents: bool = False,
    periods: tuple[date, ...] = (SEPTEMBER, OCTOBER),
    residual: Decimal = Decimal(0),
    finished_at: datetime = datetime(2025, 11, 4, 6, 12, 11),
    change: str = "",
) -> None:
    """Write a published file and put it in place as a run does: beside it first, then a rename.

    Args:
        path: the published file.
        october_scale: how much larger October is than September; changes every total of October.
        extra_charges: that many more charge rows of Acme in October, each with list, AWS and billed cost
            0.01, which no other mart knows of.
        group_charges: whether October has charges of whole groups, one charge that is shared, and two more
            problems.
        documents: whether anything was approved, issued or overridden, and credits were granted.
        periods: the periods to publish.
        residual: residual of the second payer, in every period.
        finished_at: when the run finished.
        change: SQL to run last, for what another version of the program or another month would publish.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    months = {
        SEPTEMBER: Month(SEPTEMBER, Decimal(1)).charges(),
        OCTOBER: Month(OCTOBER, Decimal(october_scale)).charges() + Month(OCTOBER, Decimal(1)).quarantined(),
    }
    if group_charges:
        months[OCTOBER].append(Month(OCTOBER, Decimal(1)).shared())
    of_groups = charges_of_groups() if group_charges and OCTOBER in periods else []
    charges = [row for period in periods for row in months[period]]
    names = [field.name for field in fields(Charge)]
    with duckdb.connect(str(fresh)) as con:
        con.execute("begin transaction")  # one write to disk instead of hundreds
        con.execute("create schema marts")
        for table, columns in MARTS.items():
            con.execute(f"create table marts.{table} ({columns})")
        for column, comment in COMMENTS.items():
            con.execute(f"comment on column marts.{column} is '{comment.replace(chr(39), chr(39) * 2)}'")
        write_dimensions(con)
        if charges:
            con.executemany(
                f"insert into marts.fct_charges ({', '.join(names)}) values ({', '.join('?' * len(names))})",
                [tuple(getattr(row, name) for name in names) for row in charges],
            )
            for row in of_groups:
                insert(con, "fct_group_charges", **asdict(row))
            for period in periods:
                for group in GROUPS:
                    write_invoice(
                        *(con, period, group),
                        [row for row in months[period] if row.billing_group_id == group],
                        [own for own in of_groups if (own.billing_period, own.billing_group_id) == (period, group)],
                    )
            write_summary(con)
            write_commitments(con, periods)
            write_quality(con, residual)
            write_deliveries(con)
            con.execute(
                "insert into marts.fct_runs values ('run-2', ?, ?, 'usage_date', '0.1.0', '2025-09|2025-10')",
                [finished_at, finished_at],
            )
        if documents:
            write_documents(con)
        if extra_charges:
            con.execute(
                """
                insert into marts.fct_charges by name
                select
                    * exclude (number) replace (
                        'EU-Extra-' || lpad(cast(number as varchar), 6, '0') as usage_type,
                        0.01 as list_cost, 0.01 as aws_cost, 0.01 as billed_cost, '' as pricing_rule_id
                    )
                from marts.fct_charges
                cross join range(?) as numbers(number)
                where billing_period = ? and usage_type = 'EU-Request'
                """,
                [extra_charges, OCTOBER],
            )
        if change:
            con.execute(change)
        con.execute("commit")
    fresh.replace(path)
