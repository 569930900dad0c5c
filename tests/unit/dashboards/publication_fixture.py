"""A small published file with known totals, written the way a run writes it.

What is here: the published schema with its column comments, two months of charges of three billing groups, and the
invoices, summaries, problems and deliveries that follow from them. September 2025 is final; October is not.
When to add here: a published column that a page reads, or a case a page must show.
What does not belong here: the numbers tests expect; they stand in the tests, worked out by hand.
"""

import os
from collections import defaultdict
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb

__all__ = ["MINOR_UNITS", "OCTOBER", "SEPTEMBER", "publish"]

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
        rating_path varchar, rating_base decimal(38,10), rating_factor decimal(38,20), commitment_id varchar,
        charge_date date, row_count bigint""",
    "fct_invoices": """
        billing_period date, billing_group_id varchar, billing_group_name varchar, customer_id varchar,
        customer_name varchar, issuer_id varchar, currency varchar, fx_rate decimal(18,10), fx_source varchar,
        exact_amount_usd decimal(38,20), net_amount decimal(18,4), tax_amount decimal(18,4),
        total_amount decimal(18,4), rounding_difference decimal(38,20), line_count bigint, state varchar,
        open_problems varchar, is_final boolean""",
    "fct_invoice_lines": """
        billing_period date, billing_group_id varchar, invoice_line_key varchar, line_number integer,
        line_kind varchar, source_id varchar, service_code varchar, service_name varchar, description varchar,
        exact_amount_usd decimal(38,20), currency varchar, fx_rate decimal(18,10), net_amount decimal(18,4)""",
    "fct_invoice_line_accounts": """
        billing_period date, billing_group_id varchar, invoice_line_key varchar, sub_account_id varchar,
        exact_amount_usd decimal(38,20), net_amount decimal(18,4)""",
    "rpt_billing_group_summary": """
        billing_period date, billing_group_id varchar, billing_group_name varchar, list_cost decimal(38,10),
        aws_cost decimal(38,10), billed_cost decimal(38,20), margin decimal(38,20),
        margin_percentage decimal(18,4), markup_percentage decimal(18,4), withheld_aws_cost decimal(38,10),
        unrated_aws_cost decimal(38,10), row_count bigint""",
    "fct_reconciliation": """
        billing_period date, billing_account_id varchar, stage varchar, amount decimal(38,10),
        residual decimal(38,10)""",
    "fct_open_problems": """
        billing_period date, billing_group_id varchar, billing_account_id varchar, problem varchar,
        subject varchar, detail varchar, row_count bigint, aws_cost decimal(38,10)""",
    "fct_check_results": """
        check_name varchar, layer varchar, subject varchar, status varchar, severity varchar, detail varchar,
        checked_at timestamp""",
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
        billing_period date, is_final boolean, row_count bigint, aws_cost decimal(38,10), built_at timestamp""",
    "dim_deliveries": """
        delivery_key varchar, payer_account_id varchar, export_name varchar, billing_period date,
        delivery_id varchar, form varchar, manifest_key varchar, manifest_modified_at timestamp, status varchar,
        reason varchar, is_billed boolean, landed_at timestamp, row_count bigint, file_count integer,
        byte_count bigint, unblended_cost decimal(38,10), net_unblended_cost decimal(38,10),
        split_cost_row_count bigint, excess_decimal_row_count bigint, excess_decimal_sum decimal(38,20),
        bad_value_row_count bigint, discount_mode varchar, open_row_count bigint, open_cost decimal(38,10),
        first_usage_at timestamp, last_usage_at timestamp, column_count integer""",
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
    "dim_deliveries.excess_decimal_row_count": "Rows whose cost had more than ten decimals (M1).",
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

ACCOUNTS = {
    "100000000001": ("Acme production", NORTH, "acme"),
    "100000000002": ("Acme data lake", NORTH, "acme"),
    "012345678901": ("Bergmann Werk Süd", SOUTH, "bergmann"),
    "200000000002": ("Bergmann <Test> & Co", SOUTH, "bergmann"),
    "300000000001": ("Hikari main", NORTH, "hikari"),
    "900000000009": ("", NORTH, "UNASSIGNED"),
}


@dataclass(frozen=True)
class Charge:
    """One row of fct_charges; field order is column order."""

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
    usage_quantity: Decimal | None
    usage_unit: str
    list_cost: Decimal
    list_cost_source: str
    aws_cost: Decimal
    effective_cost: Decimal
    billed_cost: Decimal
    treatment: str
    treatment_reason: str
    pricing_rule_id: str | None
    rating_path: str
    rating_base: Decimal | None
    rating_factor: Decimal | None
    commitment_id: str | None
    charge_date: date
    row_count: int


CATEGORY = {
    "usage": "Usage",
    "savings_plan_covered_usage": "Usage",
    "savings_plan_negation": "Usage",
    "commitment_fee": "Purchase",
    "fee": "Purchase",
    "partner_discount": "Adjustment",
    "aws_credit": "Credit",
    "aws_tax": "Tax",
    "unknown": "Usage",
}
LINE_KIND = {
    "usage": "usage",
    "savings_plan_covered_usage": "usage",
    "savings_plan_negation": "usage",
    "commitment_fee": "commitment",
    "fee": "support",
    "partner_discount": "discount",
    "aws_credit": "credit",
    "aws_tax": "aws_tax",
    "unknown": "unknown",
}


def charge(
    period: date,
    account: str,
    service: str,
    usage_type: str,
    list_cost: str,
    aws_cost: str,
    billed: str,
    *,
    kind: str = "usage",
    region: str = "eu-west-1",
    operation: str = "RunInstances",
    quantity: str = "744",
    unit: str = "Hrs",
    treatment: str = "billed",
    reason: str = "",
    rule: str | None = None,
    factor: str | None = None,
    entity: str = "AWS",
    group: str | None = None,
    rows: int = 31,
) -> Charge:
    """One charge, with what follows from its kind filled in."""
    payer, home = ACCOUNTS[account][1:]
    marketplace = entity == "AWS Marketplace"
    return Charge(
        billing_period=period,
        billing_group_id=group or home,
        billing_account_id=payer,
        sub_account_id=account,
        service_code=service,
        region_id=region,
        usage_type=usage_type,
        operation=operation,
        charge_type=kind,
        charge_category=CATEGORY[kind],
        charge_class="",
        line_item_type="Usage" if kind == "usage" else kind,
        billing_entity=entity,
        line_kind="marketplace" if marketplace else LINE_KIND[kind],
        usage_quantity=Decimal(quantity),
        usage_unit=unit,
        list_cost=Decimal(list_cost),
        list_cost_source="public_on_demand_cost" if kind == "usage" else "",
        aws_cost=Decimal(aws_cost),
        effective_cost=Decimal(aws_cost),
        billed_cost=Decimal(billed),
        treatment=treatment,
        treatment_reason=reason,
        pricing_rule_id=rule,
        rating_path="rule" if rule else "",
        rating_base=Decimal(list_cost) if rule else None,
        rating_factor=Decimal(factor) if factor else None,
        commitment_id=None,
        charge_date=period,
        row_count=rows,
    )


def month(period: date, scale: str) -> list[Charge]:
    """The charges of one month; ``scale`` makes October larger than September."""
    acme = {"rule": "acme-global-10", "factor": "1.1"}
    bergmann = {"rule": "bergmann-ec2-minus-5", "factor": "0.95"}
    hikari = {"rule": "hikari-global-12-5", "factor": "1.125"}

    def times(amount: str) -> str:
        return str(Decimal(amount) * Decimal(scale))

    def rated(amount: str, factor: str) -> tuple[str, str, str]:
        exact = Decimal(times(amount))
        return str(exact), str(exact), str(exact * Decimal(factor))

    withheld = {"treatment": "withheld"}
    return [
        charge(period, "100000000001", "AmazonEC2", "EU-BoxUsage:m5.large", *rated("4812.60", "1.1"), **acme),
        charge(period, "100000000001", "AmazonEC2", "EU-DataTransfer-Out-Bytes", *rated("731.4482", "1.1"), **acme,
               operation="RunInstances", quantity="8126.0913", unit="GB"),
        charge(period, "100000000001", "AmazonEC2", "EU-BoxUsage:c5.xlarge", *rated("400", "1.1"), **acme,
               kind="savings_plan_covered_usage"),
        charge(period, "100000000001", "AmazonEC2", "EU-BoxUsage:c5.xlarge", "0", times("-400"), "0",
               kind="savings_plan_negation", **withheld, reason="policy"),
        charge(period, "100000000001", "ComputeSavingsPlans", "ComputeSP:1yrNoUpfront", "0", times("260"), "0",
               kind="commitment_fee", **withheld, reason="policy", region=""),
        charge(period, "100000000002", "AmazonS3", "EU-TimedStorage-ByteHrs", *rated("1310.505", "1.1"), **acme,
               operation="StandardStorage", quantity="56978.4783", unit="GB-Mo"),
        charge(period, "100000000002", "AmazonRDS", "EU-InstanceUsage:db.r6g.large", *rated("920.25", "1.1"), **acme,
               operation="CreateDBInstance:0014"),
        charge(period, "100000000002", "AWSLambda", "EU-Request", "0", "0", "0",
               operation="Invoke", quantity="912000", unit="Requests"),
        charge(period, "100000000001", "8zq3vxk1t6fpl0n2", "Global-SoftwareUsage", *rated("250", "1.1"), **acme,
               entity="AWS Marketplace", region="", operation=""),
        charge(period, "100000000001", "AWSSupportBusiness", "Dollar", "0", times("482.13"), times("482.13"),
               kind="fee", region="", operation="", rows=1),
        charge(period, "100000000001", "AmazonEC2", "SppDiscount", "0", times("-145.10"), "0",
               kind="partner_discount", **withheld, reason="partner_discount"),
        charge(period, "100000000001", "AmazonEC2", "Tax-EU", "0", times("611.27"), "0",
               kind="aws_tax", **withheld, reason="aws_tax", operation="", rows=1),
        charge(period, "012345678901", "AmazonEC2", "EUC1-BoxUsage:t3.medium", *rated("1920.333", "0.95"), **bergmann,
               region="eu-central-1"),
        charge(period, "012345678901", "AmazonCloudFront", "EU-DataTransfer-Out-Bytes", times("388.88"),
               times("388.88"), times("388.88"), region="", operation="", quantity="4575.05", unit="GB"),
        charge(period, "200000000002", "AmazonS3", "EUC1-TimedStorage-ByteHrs", times("77.70"), times("77.70"),
               times("77.70"), region="eu-central-1", operation="StandardStorage", unit="GB-Mo"),
        charge(period, "012345678901", "AmazonEC2", "Tax-EU", "0", times("38.17"), times("38.17"),
               kind="aws_tax", operation="", region="eu-central-1", rows=1),
        charge(period, "012345678901", "AmazonEC2", "Credit", "0", times("-100"), "0",
               kind="aws_credit", **withheld, reason="policy", operation="", region="eu-central-1", rows=1),
        charge(period, "300000000001", "AmazonEC2", "APN1-BoxUsage:m6i.large", *rated("866.40", "1.125"), **hikari,
               region="ap-northeast-1"),
        charge(period, "300000000001", "AmazonS3", "APN1-TimedStorage-ByteHrs", *rated("45.123", "1.125"), **hikari,
               region="ap-northeast-1", operation="StandardStorage", unit="GB-Mo"),
        charge(period, "900000000009", "AmazonEC2", "USE1-BoxUsage:t3.micro", times("62.40"), times("62.40"), "0",
               region="us-east-1", **withheld, reason="unassigned"),
    ]  # fmt: skip


OCTOBER_ONLY = [
    charge(OCTOBER, "100000000001", "AmazonEC2", "EU-Mystery", "0", "4.2000000001", "0",
           kind="unknown", treatment="unrated", reason="unknown_type", operation="", rows=3),
    charge(OCTOBER, "200000000002", "AmazonS3", "EUC1-Requests-Tier1", "0", "1.10", "0", region="eu-central-1",
           operation="PutObject", treatment="unrated", reason="bad_value:line_item_usage_amount", rows=2),
]  # fmt: skip

GROUPS = {
    "acme": ("Acme Robotics", "acme-inc", "north-issuer", "USD"),
    "bergmann": ("Bergmann Maschinenbau", "bergmann-gmbh", "north-issuer", "EUR"),
    "hikari": ("Hikari Systems", "hikari-kk", "north-issuer", "JPY"),
}
RATES = {
    ("USD", SEPTEMBER): (Decimal(1), "same currency"),
    ("USD", OCTOBER): (Decimal(1), "same currency"),
    ("EUR", SEPTEMBER): (Decimal("0.8521"), "ECB monthly average"),
    ("EUR", OCTOBER): (Decimal("0.8611"), "ECB monthly average"),
    ("JPY", SEPTEMBER): (Decimal("148.25"), "BOJ month end"),
}


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Half away from zero to the currency's minor unit (M4)."""
    return amount.quantize(Decimal(1).scaleb(-MINOR_UNITS[currency]), ROUND_HALF_UP)


def split(whole: Decimal, weights: dict[str, Decimal], currency: str) -> dict[str, Decimal]:
    """Largest remainder in minor units (M5)."""
    unit = Decimal(1).scaleb(-MINOR_UNITS[currency])
    units, total = int(whole / unit), sum(weights.values())
    exact = {key: units * weight / total for key, weight in weights.items()}
    parts = {key: int(share) for key, share in exact.items()}
    order = sorted(exact, key=lambda key: (parts[key] - exact[key], key))
    for key in order[: units - sum(parts.values())]:
        parts[key] += 1
    return {key: part * unit for key, part in parts.items()}


def write_invoices(con: duckdb.DuckDBPyConnection, charges: list[Charge]) -> None:
    """fct_invoices, fct_invoice_lines and fct_invoice_line_accounts from the billed charges."""
    for period in sorted({row.billing_period for row in charges}):
        for group, (group_name, customer, issuer, currency) in GROUPS.items():
            billed: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
            for row in charges:
                if (row.billing_period, row.billing_group_id, row.treatment) != (period, group, "billed"):
                    continue
                service = "" if row.line_kind == "aws_tax" else row.service_code
                if row.billed_cost:
                    billed[row.line_kind, service][row.sub_account_id] += row.billed_cost
            rate, source = RATES.get((currency, period), (None, None))
            exact = rounding = net = tax = Decimal(0)
            order = sorted(billed, key=lambda key: (key[0] == "aws_tax", key[0] != "usage", key))
            for number, (kind, service) in enumerate(order, start=1):
                accounts = billed[kind, service]
                amount = sum(accounts.values(), Decimal(0))
                key = f"{group}-{period:%Y%m}-{kind}-{service}"
                line = None if rate is None else rounded(amount * rate, currency)
                name = SERVICES.get(service, "")
                text = "AWS tax passed on" if kind == "aws_tax" else name
                con.execute(
                    "insert into marts.fct_invoice_lines values (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                    [period, group, key, number, kind, "", service, name, text, amount, currency, rate, line],
                )
                parts = {} if line is None else split(line, accounts, currency)
                for account, share in accounts.items():
                    con.execute(
                        "insert into marts.fct_invoice_line_accounts values (?,?,?,?,?,?)",
                        [period, group, key, account, share, parts.get(account)],
                    )
                if kind == "aws_tax":
                    tax += line or 0
                else:
                    exact += amount
                    net += line or 0
                if line is not None and rate is not None:
                    rounding += line - amount * rate
            missing = rate is None
            con.execute(
                "insert into marts.fct_invoices values (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                [
                    period, group, group_name, customer, GROUPS[group][1].upper(), issuer, currency, rate, source,
                    exact, None if missing else net, None if missing else tax, None if missing else net + tax,
                    None if missing else rounding, len(order), "draft",
                    "|".join(problems(period, group, missing)), period == SEPTEMBER,
                ],
            )  # fmt: skip
    con.execute(
        "update marts.fct_invoices set customer_name = dim_customers.legal_name from marts.dim_customers "
        "where dim_customers.customer_id = fct_invoices.customer_id"
    )


def problems(period: date, group: str, missing_rate: bool) -> list[str]:
    """The open problems of one draft."""
    found = [] if period == SEPTEMBER else ["not_final"]
    if missing_rate:
        found.append("missing_fx_rate")
    if period == OCTOBER and group == "acme":
        found.append("unknown_type")
    if period == OCTOBER and group == "bergmann":
        found.append("bad_value")
    return found


def write_dimensions(con: duckdb.DuckDBPyConnection) -> None:
    """Accounts, groups, customers and services."""
    con.executemany("insert into marts.dim_services values (?, ?)", list(SERVICES.items()))
    con.executemany(
        "insert into marts.dim_accounts values (?,?,?,?,?,?)",
        [(key, name, payer, group, SEPTEMBER, OCTOBER) for key, (name, payer, group) in ACCOUNTS.items()],
    )
    first = {"acme": "100000000001", "bergmann": "012345678901", "hikari": "300000000001"}
    con.executemany(
        "insert into marts.dim_billing_groups values (?,?,?,?,?,?,?,?)",
        [
            *[(key, GROUPS[key][0], GROUPS[key][1], GROUPS[key][2], first[key], False, SEPTEMBER, None) for key in GROUPS],
            ("UNASSIGNED", "Unassigned accounts", None, None, None, False, None, None),
        ],
    )  # fmt: skip
    con.executemany(
        "insert into marts.dim_customers values (?,?,?,?,?,?,?,?,?,?,?,?)",
        [
            ("acme-inc", "Acme Robotics, Inc.", "1 Foundry Way", "02139", "Cambridge", "MA", "US", "12-3456789",
             "USD", 30, "ap@acme.example", "en"),
            ("bergmann-gmbh", "Bergmann Maschinenbau GmbH", "Hüttenstraße 4", "40215", "Düsseldorf", "", "DE",
             "DE123456789", "EUR", 14, "rechnung@bergmann.example", "de"),
            ("hikari-kk", "株式会社ヒカリ", "1-2-3 Marunouchi", "100-0005", "Tokyo", "", "JP", "", "JPY", 45,
             "keiri@hikari.example", "ja"),
        ],
    )  # fmt: skip


def write_summary(con: duckdb.DuckDBPyConnection) -> None:
    """rpt_billing_group_summary and dim_billing_periods from the charges."""
    con.execute(
        """
        insert into marts.rpt_billing_group_summary
        with sums as (
            select
                billing_period, billing_group_id, billing_group_name,
                sum(list_cost) as list_cost, sum(aws_cost) as aws_cost, sum(billed_cost) as billed_cost,
                coalesce(sum(aws_cost) filter (treatment = 'withheld'), 0) as withheld,
                coalesce(sum(aws_cost) filter (treatment = 'unrated'), 0) as unrated, sum(row_count) as row_count
            from marts.fct_charges
            inner join marts.dim_billing_groups using (billing_group_id)
            where charge_type <> 'aws_tax'
            group by all
        )
        select
            billing_period, billing_group_id, billing_group_name, list_cost, aws_cost, billed_cost,
            billed_cost - aws_cost,
            case when billed_cost <> 0 then decimal_division(
                cast((billed_cost - aws_cost) * 100 as decimal(30,10)), cast(billed_cost as decimal(38,10)), 4) end,
            case when aws_cost <> 0 then decimal_division(
                cast((billed_cost - aws_cost) * 100 as decimal(30,10)), cast(aws_cost as decimal(38,10)), 4) end,
            withheld, unrated, row_count
        from sums
        """
    )
    con.execute(
        """
        insert into marts.dim_billing_periods
        select
            billing_period, billing_period = date '2025-09-01', sum(row_count), sum(aws_cost),
            timestamp '2025-11-04 06:12:09'
        from marts.fct_charges
        group by billing_period
        """
    )


def write_quality(con: duckdb.DuckDBPyConnection, residual: Decimal) -> None:
    """Reconciliation, open problems and check results."""
    con.execute(
        """
        insert into marts.fct_reconciliation
        with stages as (
            select billing_period, billing_account_id, 'raw' as stage, sum(aws_cost) as amount
            from marts.fct_charges group by all
            union all
            select billing_period, billing_account_id, treatment, sum(aws_cost)
            from marts.fct_charges group by all
        )
        select billing_period, billing_account_id, stage, amount, if(billing_account_id = ?, ?, 0)
        from stages
        """,
        [SOUTH, residual],
    )
    con.execute(
        """
        insert into marts.fct_open_problems
        select
            billing_period, billing_group_id, billing_account_id,
            case when treatment_reason = 'unassigned' then 'unassigned_account'
                when treatment_reason = 'unknown_type' then 'unknown_type' else 'bad_value' end,
            case when treatment_reason = 'unassigned' then sub_account_id
                when treatment_reason = 'unknown_type' then 'MysteryFee'
                else split_part(treatment_reason, ':', 2) end,
            case when treatment_reason = 'unassigned' then 'Account is in no billing group'
                when treatment_reason = 'unknown_type' then 'Line item type is not in the charge type map'
                else 'Found "12,5" where a number was expected' end,
            sum(row_count), sum(aws_cost)
        from marts.fct_charges
        where treatment = 'unrated' or treatment_reason = 'unassigned'
        group by all
        """
    )
    con.executemany(
        "insert into marts.fct_open_problems values (?,?,?,?,?,?,?,?)",
        [
            (OCTOBER, "hikari", None, "missing_fx_rate", "JPY", "No USD to JPY rate for 2025-10", None, None),
            (
                OCTOBER,
                None,
                NORTH,
                "not_final",
                NORTH,
                "7 rows have no AWS invoice id yet",
                7,
                Decimal("318.44"),
            ),
        ],
    )
    at = datetime(2025, 11, 4, 6, 11, 58)
    passed = [
        ("raw__cur_line_items__columns_are_known", "raw", "raw.cur_line_items", "error"),
        ("raw__cur_line_items__rows_match_manifest", "raw", "raw.cur_line_items", "error"),
        ("raw__cur_line_items__currency_is_usd", "raw", "raw.cur_line_items", "error"),
        ("fct_charges__ties_to_raw", "dbt", "fct_charges", "error"),
        ("fct_charges__unique", "dbt", "fct_charges", "error"),
        ("fct_invoice_lines__ties_to_charges", "dbt", "fct_invoice_lines", "error"),
        ("fct_invoice_line_accounts__tie_to_lines", "dbt", "fct_invoice_line_accounts", "error"),
        ("rpt_billing_group_summary__ties_to_charges", "dbt", "rpt_billing_group_summary", "error"),
    ]
    con.executemany(
        "insert into marts.fct_check_results values (?,?,?,?,?,?,?)",
        [(name, layer, subject, "pass", severity, "", at) for name, layer, subject, severity in passed]
        + [
            ("raw__cur_line_items__month_is_final", "raw", "raw.cur_line_items", "fail", "warn",
             "7 rows of 2025-10 have no AWS invoice id", at),
            ("fct_charges__no_unrated_rows", "dbt", "fct_charges", "fail", "warn",
             "5 rows are unrated: 3 unknown type, 2 bad value", at),
        ],
    )  # fmt: skip


def write_deliveries(con: duckdb.DuckDBPyConnection) -> None:
    """Four current deliveries, one superseded, one rejected, one superseded that was never read."""

    def delivery(key: str, payer: str, period: date, delivery_id: str, status: str, reason: str | None, rows: int | None,
                 cost: str | None, *, form: str = "cur2_parquet", open_rows: int = 0, open_cost: str = "0",
                 excess: int = 0, excess_sum: str = "0", bad: int = 0) -> list[object]:  # fmt: skip
        read = rows is not None
        landed = datetime(2025, 11 if period == OCTOBER else 10, 4, 5, 58, 3)
        return [
            key, payer, "chargehouse-cur2", period, delivery_id, form,
            f"exports/chargehouse-cur2/metadata/BILLING_PERIOD={period:%Y-%m}/Manifest.json", landed, status, reason,
            status == "current", landed, rows, 3 if read else None, 48_211_906 if read else None,
            Decimal(cost) if cost else None, Decimal(cost) if cost else None, 12 if read else None,
            excess if read else None, Decimal(excess_sum) if read else None, bad if read else None,
            "rows" if read else None, open_rows if read else None, Decimal(open_cost) if read else None,
            datetime(period.year, period.month, 1) if read else None,
            datetime(period.year, period.month, 30, 23) if read else None, 127 if read else None,
        ]  # fmt: skip

    con.executemany(
        f"insert into marts.dim_deliveries values ({','.join('?' * 27)})",
        [
            delivery("n-09-b", NORTH, SEPTEMBER, "20251003T041500Z", "current", None, 41_882, "10207.0262"),
            delivery("s-09-a", SOUTH, SEPTEMBER, "20251003T050100Z", "current", None, 9_120, "2325.083"),
            delivery("n-10-c", NORTH, OCTOBER, "20251104T041500Z", "current", None, 44_310, "11231.9288200001",
                     open_rows=7, open_cost="318.44", excess=214, excess_sum="0.00000000031415926535"),
            delivery("s-10-b", SOUTH, OCTOBER, "20251104T050100Z", "current", None, 9_488, "2558.6913", bad=2,
                     form="legacy_cur_csv"),
            delivery("n-10-b", NORTH, OCTOBER, "20251102T041500Z", "superseded", "Replaced by 20251104T041500Z.", 39_002,
                     "9800.11"),
            delivery("n-10-a", NORTH, OCTOBER, "20251015T041500Z", "superseded", "Replaced by 20251104T041500Z.", None,
                     None),
            delivery("s-10-a", SOUTH, OCTOBER, "20251103T050100Z", "rejected",
                     "File 2 of 3 is truncated: 1,204 of 48,211 bytes. Copy it again from S3, then run again.", None, None,
                     form="legacy_cur_csv"),
        ],
    )  # fmt: skip


def publish(
    path: Path,
    *,
    october_scale: str = "1.1",
    extra_charges: int = 0,
    periods: tuple[date, ...] = (SEPTEMBER, OCTOBER),
    residual: Decimal = Decimal(0),
    finished_at: datetime = datetime(2025, 11, 4, 6, 12, 11),
    without_table: str | None = None,
) -> None:
    """Write a published file and put it in place as a run does: beside it first, then ``os.replace``.

    Args:
        path: the published file.
        october_scale: how much larger October is than September; changes every total of October.
        extra_charges: that many more charge rows of Acme in October, each with list, AWS and billed cost 0.01.
        periods: the periods to publish.
        residual: residual of the second payer, in every period.
        finished_at: when the run finished.
        without_table: leave this mart out, as an older version of the program would.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    fresh.unlink(missing_ok=True)
    charges = [
        row
        for row in month(SEPTEMBER, "1") + month(OCTOBER, october_scale) + OCTOBER_ONLY
        if row.billing_period in periods
    ]
    with duckdb.connect(str(fresh)) as con:
        con.execute("create schema marts")
        for table, columns in MARTS.items():
            con.execute(f"create table marts.{table} ({columns})")
        for column, comment in COMMENTS.items():
            con.execute(f"comment on column marts.{column} is '{comment.replace(chr(39), chr(39) * 2)}'")
        if charges:
            names = [field.name for field in fields(Charge)]
            con.executemany(
                f"insert into marts.fct_charges ({', '.join(names)}) values ({', '.join('?' * len(names))})",
                [tuple(getattr(row, name) for name in names) for row in charges],
            )
        con.execute(
            """
            insert into marts.fct_charges
            select
                date '2025-10-01', 'acme', ?, '100000000001', 'AWSLambda', 'eu-west-1',
                'EU-Extra-' || lpad(cast(number as varchar), 6, '0'), 'Invoke', 'usage', 'Usage', '', 'Usage', 'AWS',
                'usage', 1, 'Requests', 0.01, 'public_on_demand_cost', 0.01, 0.01, 0.01, 'billed', '', null, '',
                0.01, 1, null, date '2025-10-01', 1
            from range(?) as numbers(number)
            """,
            [NORTH, extra_charges],
        )
        write_dimensions(con)
        if charges:
            write_invoices(con, charges)
            write_summary(con)
            write_quality(con, residual)
            write_deliveries(con)
            con.execute(
                "insert into marts.fct_runs values ('run-2', ?, ?, 'usage_date', '0.1.0', '2025-09|2025-10')",
                [finished_at, finished_at],
            )
        if without_table:
            con.execute(f"drop table marts.{without_table}")
    os.replace(fresh, path)
