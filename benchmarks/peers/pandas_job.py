"""The yardstick's charges, invoice lines and accounts of lines by pandas, in doubles, as it is used.

What is here: the job; run with ``python pandas_job.py LANDING BILLING OUTPUT``.
When to add here: a way in which pandas does the job in less.
What does not belong here: anything but pandas and what reads Parquet for it.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset

_TEXTS = {
    "bill_payer_account_id": "payer",
    "line_item_usage_account_id": "account",
    "line_item_line_item_type": "line_type",
    "bill_billing_entity": "entity",
    "line_item_product_code": "service",
    "line_item_usage_type": "usage_type",
    "line_item_operation": "operation",
    "product_region_code": "region",
    "pricing_unit": "unit",
    "reservation_reservation_a_r_n": "reservation",
    "savings_plan_savings_plan_a_r_n": "savings_plan",
}
_TIMES = {"bill_billing_period_start_date": "period", "line_item_usage_start_date": "day"}
_AMOUNTS = {
    "line_item_usage_amount": "quantity",
    "line_item_unblended_cost": "aws_cost",
    "pricing_public_on_demand_cost": "public_cost",
    "reservation_effective_cost": "reservation_cost",
    "savings_plan_savings_plan_effective_cost": "savings_plan_cost",
    "reservation_unused_recurring_fee": "unused_reservation",
    "savings_plan_total_commitment_to_date": "commitment_to_date",
    "savings_plan_used_commitment": "used_commitment",
}
_KEYS = ["period", "payer", "account", "charge_date", "line_type", "entity", "service", "usage_type", "operation"]
_KEYS += ["region", "unit", "commitment", "public_price"]
_SUMS = ["quantity", "aws_cost", "public_cost", "effective_cost"]
_RULE_KEYS = ["period", "plan", "path", "entity", "service", "usage_type", "region"]
_LINE = ["billing_period", "billing_group_id", "line_kind", "service_code"]
_FOR_EVER = pd.Timestamp("2200-01-01")


def _rows(landing: Path) -> pd.DataFrame:
    """Return the rows of every file, text as categories: codes are grouped much faster than words."""
    names = {**_TIMES, **_TEXTS, **_AMOUNTS}
    files = sorted(map(str, landing.rglob("*.parquet")))
    words = pa.dictionary(pa.int32(), pa.string())
    read = pyarrow.dataset.ParquetFileFormat(
        read_options=pyarrow.dataset.ParquetReadOptions(dictionary_columns=set(_TEXTS))
    )
    table = pyarrow.dataset.dataset(files, format=read).to_table(columns=list(names))
    table = table.cast(
        pa.schema([(name, words if name in _TEXTS else table.schema.field(name).type) for name in names])
    )
    rows: pd.DataFrame = table.unify_dictionaries().rename_columns(list(names.values())).to_pandas(self_destruct=True)
    return rows


def _words(values: pd.Series, found: dict[str, str]) -> pd.Series:
    """Map a category's words, once each."""
    return pd.Series(
        pd.Categorical.from_codes(
            *_renumbered(values.cat.codes.to_numpy(), [found.get(word, "") for word in values.cat.categories])
        ),
        index=values.index,
    )


def _renumbered(codes: np.ndarray, words: list[str]) -> tuple[np.ndarray, pd.Index]:
    numbers, distinct = pd.factorize(np.array([*words, ""], dtype=object))
    return numbers[codes], pd.Index(distinct)


def _grain(rows: pd.DataFrame, moving: pd.DataFrame) -> pd.DataFrame:
    """Return sums by everything that a rule can look at."""
    for name in ("reservation", "savings_plan", "unit"):
        if "" not in rows[name].cat.categories:
            rows[name] = rows[name].cat.add_categories("")
        rows[name] = rows[name].fillna("")
    both = pd.Index(rows["reservation"].cat.categories.union(rows["savings_plan"].cat.categories))
    reservations, plans = (rows[name].cat.set_categories(both) for name in ("reservation", "savings_plan"))
    rows["commitment"] = reservations.where(reservations != "", plans)
    owner = _words(rows["commitment"], {arn: arn.split(":")[4] for arn in both if arn})
    months = rows["period"].to_numpy().astype("datetime64[M]").astype(int)
    moves = np.zeros(len(rows), dtype=bool)
    for period, account in moving.itertuples(index=False):
        in_month = months == np.datetime64(period, "M").astype(int)
        moves |= in_month & ((rows["account"] == account).to_numpy() | (owner == account).to_numpy())
    rows["charge_date"] = rows["day"].dt.floor("D").where(moves)
    types = rows["line_type"]
    public, cost = rows["public_cost"].fillna(0), rows["aws_cost"]
    rows["public_price"] = pd.Categorical.from_codes(
        np.select([public == 0, (cost == 0) & (public > 0)], [0, 1], 2), pd.Index(["missing", "free", "public"])
    )
    rows["effective_cost"] = np.select(
        [
            types == "DiscountedUsage",
            types == "SavingsPlanCoveredUsage",
            types == "SavingsPlanNegation",
            types == "RIFee",
            types == "SavingsPlanRecurringFee",
        ],
        [
            rows["reservation_cost"].fillna(0),
            rows["savings_plan_cost"].fillna(0),
            0,
            rows["unused_reservation"].fillna(0),
            rows["commitment_to_date"].fillna(0) - rows["used_commitment"].fillna(0),
        ],
        cost,
    )
    grain = rows.groupby(_KEYS, observed=True, sort=False, dropna=False)[_SUMS].sum().reset_index()
    for name in _KEYS:
        if isinstance(grain[name].dtype, pd.CategoricalDtype):
            grain[name] = grain[name].astype("str")
    return grain


def _members(grain: pd.DataFrame, accounts: pd.Series, members: pd.DataFrame) -> pd.Series:
    """Return the group that each account of ``accounts`` is in on the row's date; missing where in none."""
    sought = pd.DataFrame({"account_id": accounts, "placing": grain["placing"], "number": np.arange(len(grain))})
    found = sought.merge(members, on="account_id")
    found = found[(found["placing"] >= found["begin"]) & (found["placing"] < found["end"])]
    return found.set_index("number")["billing_group_id"].reindex(np.arange(len(grain)))


def _routed(grain: pd.DataFrame, billing: Path) -> pd.DataFrame:
    """Add group, terms, path, reason and list cost."""
    members = _csv(billing, "account_assignments")
    members["begin"] = pd.to_datetime(members.pop("start_date"))
    members["end"] = pd.to_datetime(members.pop("end_date").replace("", None)).fillna(_FOR_EVER)
    grain["placing"] = grain["charge_date"].fillna(grain["period"] + pd.offsets.MonthEnd(0))
    owner = grain["commitment"].str.split(":").str[4].fillna("")
    grain["group"] = _members(grain, grain["account"], members).fillna("UNASSIGNED").to_numpy()
    owner_group = _members(grain, owner, members).fillna("").to_numpy()
    terms = _csv(billing, "billing_terms").rename(columns={"billing_group_id": "group", "pricing_plan_id": "plan"})
    grain = grain.merge(terms.drop(columns=["start_period", "end_period"]), on="group", how="left")
    kind, policy = grain["line_type"], grain["commitment_policy"]
    is_same = owner_group == grain["group"]
    is_covered = kind.isin(["DiscountedUsage", "SavingsPlanCoveredUsage"])
    is_fee = kind.isin(["RIFee", "SavingsPlanRecurringFee"])
    is_negation = kind == "SavingsPlanNegation"
    grain["reason"] = np.select(
        [
            grain["group"] == "UNASSIGNED",
            kind == "Tax",
            is_negation & (policy != "owner_group"),
            is_negation & ~is_same,
            is_fee & (policy == "on_demand"),
            (kind == "EdpDiscount") & (grain["negotiated_discount_policy"] == "withhold"),
            (kind == "Credit") & (grain["aws_credit_policy"] == "withhold"),
        ],
        ["unassigned", "aws_tax", "policy", "commitment_outside_group", "policy", "policy", "policy"],
        "",
    )
    grain["path"] = np.select(
        [
            kind == "Usage",
            is_covered & (policy == "pass_through"),
            is_covered & (policy == "owner_group") & is_same,
            is_covered,
            is_negation,
            is_fee & (policy == "pass_through"),
            is_fee | (kind == "Fee"),
            (kind == "Credit") & (grain["aws_credit_policy"] == "share"),
        ],
        ["on_demand", "effective_cost", "covered", "on_demand", "covered", "unused_commitment", "fee", "share"],
        "at_cost",
    )
    price, public, is_usage = grain["public_price"], grain["public_cost"], kind == "Usage"
    grain["list_cost"] = np.select(
        [
            is_negation | is_fee,
            is_covered & (price != "missing"),
            is_usage & (price == "public"),
            is_usage & (price == "free") & (grain["free_tier_policy"] == "withhold"),
            is_usage & (price == "free"),
        ],
        [0, public, public, public, 0],
        grain["aws_cost"],
    )
    return grain


def _winning_rules(routed: pd.DataFrame, billing: Path) -> pd.DataFrame:
    rules = _csv(billing, "pricing_rules").rename(
        columns={"pricing_plan_id": "plan", "service_code": "service", "region": "rule_region"}
    )
    rules = rules.rename(columns={"billing_entity": "rule_entity", "usage_type": "rule_usage_type"})
    rules["begin"] = pd.to_datetime(rules["start_period"] + "-01")
    ends = rules["end_period"].where(rules["end_period"] != "", None)
    rules["end"] = pd.to_datetime(ends + "-01").fillna(_FOR_EVER)
    percentage = pd.to_numeric(rules["percentage"])
    rules["factor"] = np.select(
        [rules["rule_type"] == "FIXED_RATE", rules["rule_type"] == "MARKUP"],
        [pd.to_numeric(rules["rate"]), 1 + percentage / 100],
        1 - percentage / 100,
    )
    precedence = rules["scope"].map({"SKU": 40, "SERVICE": 30, "BILLING_ENTITY": 20, "GLOBAL": 10})
    rules["precedence"] = precedence + (rules["rule_region"] != "")
    keys = routed.loc[
        (routed["reason"] == "") & routed["path"].isin(["on_demand", "fee"]), _RULE_KEYS
    ].drop_duplicates()
    of_rule = ["plan", "service", "rule_entity", "rule_usage_type", "rule_region", "include_fees", "rule_type"]
    of_rule += ["begin", "end", "factor", "precedence", "pricing_rule_id"]
    by_service = keys.merge(rules.loc[rules["service"] != "", of_rule], on=["plan", "service"])
    by_plan = keys.merge(rules.loc[rules["service"] == "", of_rule].drop(columns="service"), on="plan")
    found = pd.concat([by_service, by_plan], ignore_index=True)
    fits = (found["rule_usage_type"] == "") | (found["rule_usage_type"] == found["usage_type"])
    fits &= (found["rule_region"] == "") | (found["rule_region"] == found["region"])
    fits &= (found["rule_entity"] == "") | (found["rule_entity"] == found["entity"])
    fits &= (found["period"] >= found["begin"]) & (found["period"] < found["end"])
    acts_on_fees = (found["include_fees"] == "true") & (found["rule_type"] != "FIXED_RATE")
    fits &= (found["path"] == "on_demand") | acts_on_fees
    found = found[fits].sort_values("precedence", ascending=False, kind="stable").drop_duplicates(_RULE_KEYS)
    return found[[*_RULE_KEYS, "rule_type", "factor", "pricing_rule_id"]]


def _charges(routed: pd.DataFrame, rules: pd.DataFrame) -> pd.DataFrame:
    priced = routed.merge(rules, on=_RULE_KEYS, how="left")
    is_billed, path = priced["reason"] == "", priced["path"]
    # Rules were sought for billed rows only, but withheld ones can share their keys.
    factor = priced["factor"].where(is_billed)
    share = pd.to_numeric(priced["aws_credit_share_percentage"]) / 100
    priced["billed_cost"] = np.select(
        [
            ~is_billed,
            priced["rule_type"] == "FIXED_RATE",
            path == "on_demand",
            path.isin(["effective_cost", "unused_commitment"]),
            path == "share",
        ],
        [
            0,
            priced["quantity"] * factor,
            priced["list_cost"] * factor.fillna(1),
            priced["effective_cost"],
            priced["aws_cost"] * share,
        ],
        priced["aws_cost"] * factor.fillna(1),
    )
    is_marketplace = (priced["entity"] == "AWS Marketplace") & ~priced["line_type"].isin(["Credit", "Refund", "Tax"])
    kinds = {"EdpDiscount": "discount", "RIFee": "commitment", "SavingsPlanRecurringFee": "commitment", "Fee": "fee"}
    kinds |= {"Credit": "credit", "Refund": "refund", "Tax": "aws_tax"}
    priced["line_kind"] = np.where(is_marketplace, "marketplace", priced["line_type"].map(kinds).fillna("usage"))
    return priced.rename(columns={"period": "billing_period", "group": "billing_group_id", "service": "service_code"})


def _lines(charges: pd.DataFrame, billing: Path) -> pd.DataFrame:
    lines = charges[charges["reason"] == ""].groupby(_LINE, as_index=False, sort=False)["billed_cost"].sum()
    # A sum of doubles that should be 0 often is not: what is below the last decimal of CUR counts as nothing.
    lines = lines[lines["billed_cost"].abs() > 1e-10]
    lines = lines.merge(_csv(billing, "billing_groups")[["billing_group_id", "customer_id"]], on="billing_group_id")
    lines = lines.merge(_csv(billing, "customers")[["customer_id", "currency"]], on="customer_id")
    fx = _csv(billing, "fx_rates")
    fx["billing_period"] = pd.to_datetime(fx["period"] + "-01")
    fx["rate"] = pd.to_numeric(fx["rate"])
    fx = fx.rename(columns={"to_currency": "currency"})[["billing_period", "currency", "rate"]]
    lines = lines.merge(fx, on=["billing_period", "currency"], how="left")
    converted = lines["billed_cost"] * lines["rate"].fillna(1)
    lines["cents"] = (np.sign(converted) * np.floor(converted.abs() * 100 + 0.5)).astype("int64")
    return pd.DataFrame(lines[[*_LINE, "currency", "cents"]])


def _accounts(charges: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Split each line over its accounts in cents, by largest remainder."""
    billed = charges[charges["reason"] == ""]
    parts = billed.groupby([*_LINE, "account"], as_index=False, sort=False)["billed_cost"].sum()
    parts = parts[parts["billed_cost"].abs() > 1e-10].merge(lines, on=_LINE).sort_values([*_LINE, "account"])
    whole = parts.groupby(_LINE, sort=False)["billed_cost"].transform("sum")
    shares = parts["cents"].abs() * (parts["billed_cost"] / whole)
    parts["part"] = np.floor(shares)
    parts["rest"] = shares - parts["part"]
    missing = parts["cents"].abs() - parts.groupby(_LINE, sort=False)["part"].transform("sum")
    place = parts.groupby(_LINE, sort=False)["rest"].rank(method="first", ascending=False)
    parts["cents"] = np.sign(parts["cents"]) * (parts["part"] + (place <= missing))
    return pd.DataFrame(parts.rename(columns={"account": "sub_account_id"})[[*_LINE, "sub_account_id", "cents"]])


def _csv(billing: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(billing / f"{name}.csv", dtype=str, keep_default_na=False)


def _write(table: pd.DataFrame, path: Path) -> None:
    table["net_amount"] = table.pop("cents") / 100
    table.to_parquet(path, index=False)


def main(landing: Path, billing: Path, output: Path) -> None:
    """Write charges, invoice lines and their accounts to the folder ``output``."""
    assignments = _csv(billing, "account_assignments")
    begin = pd.to_datetime(assignments["start_date"])
    moving = pd.DataFrame({"period": begin.dt.to_period("M").dt.to_timestamp(), "account": assignments["account_id"]})
    moving = moving[begin.dt.day > 1].drop_duplicates()
    routed = _routed(_grain(_rows(landing), moving), billing)
    charges = _charges(routed, _winning_rules(routed, billing))
    charges.to_parquet(output / "charges.parquet", index=False)
    lines = _lines(charges, billing)
    accounts = _accounts(charges, lines)
    _write(lines, output / "invoice_lines.parquet")
    _write(accounts, output / "invoice_line_accounts.parquet")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
