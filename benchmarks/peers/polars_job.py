"""The yardstick's charges and invoice lines by Polars, lazily, in decimals.

What is here: the job; run with ``python polars_job.py LANDING BILLING OUTPUT``.
When to add here: what the yardstick bills and this does not.
What does not belong here: anything but Polars.
"""

import sys
from pathlib import Path

import polars as pl

_MONEY = pl.Decimal(38, 10)
_PRICED = pl.Decimal(38, 14)
_EMPTY = pl.lit("")
_COMMITTED = ["DiscountedUsage", "SavingsPlanCoveredUsage"]
_KEYS = ["period", "payer", "account", "charge_date", "line_type", "entity", "service", "usage_type", "operation"]
_KEYS += ["region", "unit", "commitment", "public_price"]


def _grain(landing: Path, moving: pl.LazyFrame) -> pl.LazyFrame:
    """Return sums by everything that a rule can look at."""
    col = pl.col
    rows = pl.scan_parquet(f"{landing}/**/*.parquet", hive_partitioning=False, missing_columns="insert").select(
        period=col("bill_billing_period_start_date").dt.date(),
        payer=col("bill_payer_account_id"),
        account=col("line_item_usage_account_id"),
        day=col("line_item_usage_start_date").dt.date(),
        line_type=col("line_item_line_item_type"),
        entity=col("bill_billing_entity"),
        service=col("line_item_product_code"),
        usage_type=col("line_item_usage_type"),
        operation=col("line_item_operation"),
        region=col("product_region_code"),
        unit=col("pricing_unit").fill_null(""),
        commitment=pl.when(col("reservation_reservation_a_r_n").fill_null("") != "")
        .then(col("reservation_reservation_a_r_n"))
        .otherwise(col("savings_plan_savings_plan_a_r_n").fill_null("")),
        quantity=col("line_item_usage_amount").fill_null(0).cast(_MONEY),
        cost=col("line_item_unblended_cost").cast(_MONEY),
        public_cost=col("pricing_public_on_demand_cost").fill_null(0).cast(_MONEY),
        effective=pl.when(col("line_item_line_item_type") == "DiscountedUsage")
        .then(col("reservation_effective_cost").cast(_MONEY))
        .when(col("line_item_line_item_type") == "SavingsPlanCoveredUsage")
        .then(col("savings_plan_savings_plan_effective_cost").cast(_MONEY))
        .when(col("line_item_line_item_type") == "SavingsPlanNegation")
        .then(pl.lit(0).cast(_MONEY))
        .when(col("line_item_line_item_type") == "RIFee")
        .then(col("reservation_unused_recurring_fee").cast(_MONEY))
        .when(col("line_item_line_item_type") == "SavingsPlanRecurringFee")
        .then(
            col("savings_plan_total_commitment_to_date").cast(_MONEY) - col("savings_plan_used_commitment").cast(_MONEY)
        )
        .otherwise(col("line_item_unblended_cost").cast(_MONEY)),
    )
    zero = pl.lit(0).cast(_MONEY)
    return (
        rows.with_columns(
            owner=col("commitment").str.split_exact(":", 5).struct.field("field_4").fill_null(""),
            public_price=pl.when(col("public_cost") == zero)
            .then(pl.lit("missing"))
            .when((col("cost") == zero) & (col("public_cost") > zero))
            .then(pl.lit("free"))
            .otherwise(pl.lit("public")),
        )
        .join(moving.with_columns(moves=pl.lit(True)), on=["period", "account"], how="left")
        .join(moving.select("period", owner="account", owner_moves=pl.lit(True)), on=["period", "owner"], how="left")
        .with_columns(charge_date=pl.when(col("moves") | col("owner_moves")).then(col("day")))
        .group_by(_KEYS)
        .agg(
            row_count=pl.len(),
            quantity=col("quantity").sum(),
            aws_cost=col("cost").sum(),
            public_cost=col("public_cost").sum(),
            effective_cost=col("effective").sum(),
            owner=col("owner").first(),
        )
    )


def _charges(grain: pl.LazyFrame, billing: Path) -> pl.LazyFrame:
    """Return charges with group, path, rule and billed cost."""
    col = pl.col
    members = _csv(billing, "account_assignments").select(
        account=col("account_id"),
        group=col("billing_group_id"),
        begin=col("start_date").str.to_date(),
        end=col("end_date").str.to_date().fill_null(pl.date(9999, 12, 31)),
    )
    terms = _csv(billing, "billing_terms").select(
        group="billing_group_id",
        plan="pricing_plan_id",
        commitment_policy="commitment_policy",
        free_tier_policy="free_tier_policy",
        discount_policy="negotiated_discount_policy",
        credit_policy="aws_credit_policy",
        share=col("aws_credit_share_percentage").fill_null("0").cast(pl.Decimal(8, 2)),
    )
    numbered = grain.with_row_index("number").with_columns(
        placing=pl.coalesce(col("charge_date"), col("period").dt.month_end())
    )

    def placed(key: str, named: str) -> pl.LazyFrame:
        found = numbered.select("number", "placing", key).join(members, left_on=key, right_on="account", how="inner")
        found = found.filter((col("placing") >= col("begin")) & (col("placing") < col("end")))
        return found.select("number", col("group").alias(named))

    typed = (
        numbered.join(placed("account", "group"), on="number", how="left")
        .join(placed("owner", "owner_group"), on="number", how="left")
        .with_columns(col("group").fill_null("UNASSIGNED"), col("owner_group").fill_null(""))
        .join(terms, on="group", how="left")
    )
    line_type, policy = col("line_type"), col("commitment_policy")
    is_same = col("owner_group") == col("group")
    covered, fees = line_type.is_in(_COMMITTED), line_type.is_in(["RIFee", "SavingsPlanRecurringFee"])
    reason = (
        pl.when(col("group") == "UNASSIGNED")
        .then(pl.lit("unassigned"))
        .when(line_type == "Tax")
        .then(pl.lit("aws_tax"))
        .when((line_type == "SavingsPlanNegation") & (policy != "owner_group"))
        .then(pl.lit("policy"))
        .when((line_type == "SavingsPlanNegation") & ~is_same)
        .then(pl.lit("commitment_outside_group"))
        .when(fees & (policy == "on_demand"))
        .then(pl.lit("policy"))
        .when((line_type == "EdpDiscount") & (col("discount_policy") == "withhold"))
        .then(pl.lit("policy"))
        .when((line_type == "Credit") & (col("credit_policy") == "withhold"))
        .then(pl.lit("policy"))
        .otherwise(_EMPTY)
    )
    path = (
        pl.when(line_type == "Usage")
        .then(pl.lit("on_demand"))
        .when(covered & (policy == "pass_through"))
        .then(pl.lit("effective_cost"))
        .when(covered & (policy == "owner_group") & is_same)
        .then(pl.lit("covered"))
        .when(covered)
        .then(pl.lit("on_demand"))
        .when(line_type == "SavingsPlanNegation")
        .then(pl.lit("covered"))
        .when(fees & (policy == "pass_through"))
        .then(pl.lit("unused_commitment"))
        .when(fees | (line_type == "Fee"))
        .then(pl.lit("fee"))
        .when((line_type == "Credit") & (col("credit_policy") == "share"))
        .then(pl.lit("share"))
        .otherwise(pl.lit("at_cost"))
    )
    list_cost = (
        pl.when(line_type.is_in(["SavingsPlanNegation", "RIFee", "SavingsPlanRecurringFee"]))
        .then(pl.lit(0).cast(_MONEY))
        .when(covered & (col("public_price") != "missing"))
        .then(col("public_cost"))
        .when((line_type == "Usage") & (col("public_price") == "public"))
        .then(col("public_cost"))
        .when((line_type == "Usage") & (col("public_price") == "free") & (col("free_tier_policy") == "withhold"))
        .then(col("public_cost"))
        .when((line_type == "Usage") & (col("public_price") == "free"))
        .then(pl.lit(0).cast(_MONEY))
        .otherwise(col("aws_cost"))
    )
    routed = typed.with_columns(reason=reason, path=path, list_cost=list_cost)
    ruled = routed.join(_winning_rules(routed, billing), on=_RULE_KEYS, how="left")
    one = pl.lit(1).cast(pl.Decimal(12, 4))
    factor = col("factor").fill_null(one)
    is_billed = col("reason") == ""
    return ruled.with_columns(
        billed_cost=pl.when(~is_billed)
        .then(pl.lit(0).cast(_PRICED))
        .when(col("rule_type") == "FIXED_RATE")
        .then(col("quantity").cast(_PRICED) * col("rate").cast(_PRICED))
        .when(col("path") == "on_demand")
        .then(col("list_cost").cast(_PRICED) * factor.cast(_PRICED))
        .when(col("path").is_in(["effective_cost", "unused_commitment"]))
        .then(col("effective_cost").cast(_PRICED))
        .when(col("path") == "share")
        .then(col("aws_cost").cast(_PRICED) * (col("share").cast(_PRICED) / pl.lit(100).cast(_PRICED)))
        .otherwise(col("aws_cost").cast(_PRICED) * factor.cast(_PRICED)),
        line_kind=pl.when((col("entity") == "AWS Marketplace") & ~line_type.is_in(["Credit", "Refund", "Tax"]))
        .then(pl.lit("marketplace"))
        .otherwise(
            line_type.replace_strict(
                {
                    "EdpDiscount": "discount",
                    "RIFee": "commitment",
                    "SavingsPlanRecurringFee": "commitment",
                    "Fee": "fee",
                    "Credit": "credit",
                    "Refund": "refund",
                    "Tax": "aws_tax",
                },
                default="usage",
            )
        ),
    )


_RULE_KEYS = ["period", "plan", "path", "entity", "service", "usage_type", "region"]


def _winning_rules(routed: pl.LazyFrame, billing: Path) -> pl.LazyFrame:
    col = pl.col
    rules = _csv(billing, "pricing_rules").select(
        "rule_type",
        plan="pricing_plan_id",
        rule_entity=col("billing_entity").fill_null(""),
        rule_service=col("service_code").fill_null(""),
        rule_usage_type=col("usage_type").fill_null(""),
        rule_region=col("region").fill_null(""),
        includes_fees=col("include_fees") == "true",
        begin=col("start_period").str.to_date("%Y-%m"),
        end=col("end_period").str.to_date("%Y-%m").fill_null(pl.date(9999, 12, 1)),
        rate=col("rate").cast(pl.Decimal(22, 10)),
        factor=pl.when(col("rule_type") == "MARKUP")
        .then((pl.lit(100) + col("percentage").cast(pl.Decimal(12, 4))) / pl.lit(100))
        .when(col("rule_type") == "DISCOUNT")
        .then((pl.lit(100) - col("percentage").cast(pl.Decimal(12, 4))) / pl.lit(100))
        .cast(pl.Decimal(12, 4)),
        precedence=col("scope").replace_strict(
            {"SKU": 40, "SERVICE": 30, "BILLING_ENTITY": 20, "GLOBAL": 10}, return_dtype=pl.Int32
        )
        + (col("region").fill_null("") != "").cast(pl.Int32),
    )
    keys = routed.filter((col("reason") == "") & col("path").is_in(["on_demand", "fee"])).select(_RULE_KEYS).unique()
    candidates = pl.concat(
        [
            keys.join(rules, left_on=["plan", "service"], right_on=["plan", "rule_service"]).select(
                *_RULE_KEYS, *_OF_RULE
            ),
            keys.join(rules.filter(col("rule_service") == ""), on="plan").select(*_RULE_KEYS, *_OF_RULE),
        ]
    )
    return (
        candidates.filter(
            ((col("rule_usage_type") == "") | (col("rule_usage_type") == col("usage_type")))
            & ((col("rule_region") == "") | (col("rule_region") == col("region")))
            & ((col("rule_entity") == "") | (col("rule_entity") == col("entity")))
            & (col("period") >= col("begin"))
            & (col("period") < col("end"))
            & ((col("path") == "on_demand") | (col("includes_fees") & (col("rule_type") != "FIXED_RATE")))
        )
        .sort("precedence", descending=True)
        .unique(_RULE_KEYS, keep="first", maintain_order=True)
        .select(*_RULE_KEYS, "rule_type", "rate", "factor")
    )


_OF_RULE = ["rule_type", "rule_entity", "rule_usage_type", "rule_region", "includes_fees", "begin", "end"]
_OF_RULE += ["rate", "factor", "precedence"]


_LINE = ["billing_period", "billing_group_id", "line_kind", "service_code"]
_OUTSIDE = {
    "period": "billing_period",
    "group": "billing_group_id",
    "service": "service_code",
    "account": "sub_account_id",
}


def _lines(billed: pl.LazyFrame, billing: Path) -> pl.LazyFrame:
    col = pl.col
    return (
        billed.group_by(_LINE)
        .agg(exact=col("billed_cost").sum())
        .filter(col("exact") != pl.lit(0).cast(_PRICED))
        .join(_csv(billing, "billing_groups").select("customer_id", "billing_group_id"), on="billing_group_id")
        .join(_csv(billing, "customers").select("customer_id", "currency"), on="customer_id")
        .join(
            _csv(billing, "fx_rates").select(
                billing_period=col("period").str.to_date("%Y-%m"),
                currency="to_currency",
                fx_rate=col("rate").cast(pl.Decimal(10, 4)),
            ),
            on=["billing_period", "currency"],
            how="left",
        )
        .with_columns(
            net_amount=(col("exact") * col("fx_rate").fill_null(pl.lit(1).cast(pl.Decimal(10, 4))).cast(_PRICED)).round(
                2, mode="half_away_from_zero"
            )
        )
    )


def _accounts(billed: pl.LazyFrame, lines: pl.LazyFrame) -> pl.LazyFrame:
    """Return each line split over its accounts in cents, by largest remainder, in whole numbers."""
    col = pl.col
    whole = col("weight").sum().over(_LINE)
    product = col("cents").abs() * col("weight") * whole.sign()
    cents = col("part") + (col("place") <= col("missing")).cast(pl.Int128)
    return (
        billed.group_by([*_LINE, "sub_account_id"])
        .agg(exact=col("billed_cost").sum())
        .filter(col("exact") != pl.lit(0).cast(_PRICED))
        .join(lines.select(*_LINE, "net_amount"), on=_LINE)
        .select(
            *_LINE,
            "sub_account_id",
            cents=(col("net_amount") * pl.lit(100).cast(pl.Decimal(38, 0))).cast(pl.Int128),
            weight=(col("exact").cast(pl.Decimal(38, 10)) * pl.lit(10**10).cast(pl.Decimal(38, 0))).cast(pl.Int128),
        )
        .with_columns(product=product, total=whole.abs())
        .with_columns(part=col("product") // col("total"), rest=col("product") % col("total"))
        .sort([*_LINE, "rest", "sub_account_id"], descending=[False] * 4 + [True, False])
        .with_columns(
            place=pl.int_range(1, pl.len() + 1).over(_LINE),
            missing=col("cents").abs() - col("part").sum().over(_LINE),
        )
        .select(*_LINE, "sub_account_id", net_amount=(col("cents").sign() * cents).cast(pl.Decimal(38, 2)) / 100)
    )


def _csv(billing: Path, name: str) -> pl.LazyFrame:
    return pl.read_csv(billing / f"{name}.csv", infer_schema=False).lazy()


def main(landing: Path, billing: Path, output: Path) -> None:
    """Write charges, invoice lines and their accounts to the folder ``output``."""
    col = pl.col
    moving = (
        _csv(billing, "account_assignments")
        .select(account=col("account_id"), begin=col("start_date").str.to_date())
        .filter(col("begin").dt.day() > 1)
        .select("account", period=col("begin").dt.truncate("1mo"))
        .unique()
    )
    # Collected, since rows are numbered afterwards and joined with themselves; each reading would number them anew.
    grain = _grain(landing, moving).collect()
    charges = _charges(grain.lazy(), billing).collect()
    charges.write_parquet(output / "charges.parquet")
    billed = charges.lazy().filter(col("reason") == "").rename(_OUTSIDE)
    lines = _lines(billed, billing).collect()
    lines.write_parquet(output / "invoice_lines.parquet")
    _accounts(billed, lines.lazy()).collect().write_parquet(output / "invoice_line_accounts.parquet")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
