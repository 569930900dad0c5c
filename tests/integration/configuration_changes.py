"""Changes of the sample's configuration, one of each kind, to make one by one or several at once.

What is here: ``KINDS``, which of them can be made ``ALL_AT_ONCE``, and ``change``, which makes them in a folder.
When to add here: a new configuration file, column or setting that decides what is billed.
What does not belong here: what they come to.
"""

from pathlib import Path

__all__ = ["ALL_AT_ONCE", "KINDS", "change"]

Edit = tuple[str, str, str]
"""File, text that is in it, and what stands there instead; no text: lines to add, and the file itself if it is new."""

KINDS: dict[str, tuple[Edit, ...]] = {
    # Prices
    "percentage of a rule": (
        ("pricing_rules", "retail-default,retail,GLOBAL,MARKUP,8,", "retail-default,retail,GLOBAL,MARKUP,9.5,"),
    ),
    "new rule": (("pricing_rules", "", "care-s3,care,SERVICE,MARKUP,7,,,AmazonS3,,,,false,2025-01,"),),
    "rule taken out": (("pricing_rules", "retail-s3,retail,SERVICE,DISCOUNT,5,,,AmazonS3,,,,false,2025-01,\n", ""),),
    "end of a rule": (("pricing_rules", "eu-central-1,false,2025-01,\n", "eu-central-1,false,2025-01,2026-10\n"),),
    "fixed rate": (("pricing_rules", "FIXED_RATE,,0.0775", "FIXED_RATE,,0.0811"),),
    "tier": (("pricing_rule_tiers", "studio-transfer,0,500,0.114", "studio-transfer,0,500,0.124"),),
    "plan": (
        ("billing_terms", "lumen,2025-01,,retail,", "lumen,2025-01,2026-10,retail,"),
        (
            "billing_terms",
            "",
            "lumen,2026-10,,at-list,on_demand,withhold,withhold,withhold,,withhold,withhold,withhold,,pass_through,none",
        ),
    ),
    # Policies
    "commitment policy": (("billing_terms", "at-list,pass_through,withhold,", "at-list,on_demand,withhold,"),),
    "upfront policy": (("billing_terms", "studio,owner_group,withhold,", "studio,owner_group,pass,"),),
    "free tier policy": (("billing_terms", "care,owner_group,pass,pass_through,", "care,owner_group,pass,withhold,"),),
    "support policy": (("billing_terms", "recompute,own-support,pass_through,", "withhold,,pass_through,"),),
    "discount policies": (
        ("billing_terms", "care-support,pass_through,withhold,share,", "care-support,withhold,pass_through,share,"),
    ),
    "share of AWS credits": (("billing_terms", ",share,40,", ",share,55,"),),
    "refund policy": (
        ("billing_terms", "withhold,withhold,,withhold,recompute", "withhold,withhold,,pass_through,recompute"),
    ),
    "tax policy": (
        (
            "billing_terms",
            "pass_through,pass_through,pass_through,,pass_through,recompute",
            "pass_through,pass_through,pass_through,,pass_through,pass_through",
        ),
    ),
    # Groups as a whole
    "flat item": (("custom_line_items", "FEE,FLAT,180.00", "FEE,FLAT,222.22"),),
    "new item": (("custom_line_items", "", "harbor-care,harbor,,Care,FEE,FLAT,10.01,,,,,,,2026-09,2026-10"),),
    "percentage item": (("custom_line_items", "PERCENTAGE,,4,CONSOLIDATED", "PERCENTAGE,,5,ITEMIZED"),),
    "words of an item": (("custom_line_items", "Partner rebate", "Rebate for partners"),),
    "shared cost": (("shared_cost_rules", ",fixed,,,100,EVEN", ",fixed,,,130.01,EVEN"),),
    "weight of a shared cost": (("shared_cost_targets", "shared-monitoring,harbor,1.5", "shared-monitoring,harbor,3"),),
    "minimum commitment": (("minimum_commitments", "kranich,900,", "kranich,1900,"),),
    "minimum of support": (("support_plans", "care-support,100,", "care-support,150,"),),
    "tier of support": (("support_plan_tiers", "care-support,0,500,10,", "care-support,0,500,12.5,"),),
    # Credits and tax
    "credit": (("credits", "Compute credit,250,USD", "Compute credit,310,USD"),),
    "paused credit": (("credits", "5000,USD,2026-08-01,,*,true,Paused", "5000,USD,2026-08-01,,AmazonEC2,true,Active"),),
    "tax rate": (("tax_rates", "standard,S,Massachusetts sales tax,6.25", "standard,S,Massachusetts sales tax,7.125"),),
    "tax class": (("tax_classes", "Kiro,software", "Kiro,training"),),
    "exemption": (("tax_exemptions", "2026-09-10,2026-10-15", "2026-09-10,2026-11-15"),),
    "exchange rate": (("fx_rates", "2026-10,USD,EUR,0.8614", "2026-10,USD,EUR,0.9123"),),
    # Who belongs where
    "day of a move": (
        ("account_assignments", "663508217749,lumen,2025-01-01,2026-09-16", "663508217749,lumen,2025-01-01,2026-09-11"),
        ("account_assignments", "663508217749,harbor,2026-09-16", "663508217749,harbor,2026-09-11"),
    ),
    "account that leaves": (
        ("account_assignments", "860294713350,harbor,2025-01-01,", "860294713350,harbor,2025-01-01,2026-10-01"),
    ),
    "basis of membership": (("settings", "usage_date", "billing_period"),),
    "group for whatever is left": (("billing_groups", "042917365208,false", "042917365208,true"),),
    "new group": (
        ("customers", "", "newcomer,Newcomer Ltd,,,,OH,US,,USD,30,,en"),
        ("billing_groups", "", "newcomer,Newcomer,newcomer,brightwater-us,915562038844,false,2026-09,"),
        ("account_assignments", "", "915562038844,newcomer,2026-09-01,"),
        (
            "billing_terms",
            "",
            "newcomer,2026-09,,care,on_demand,pass,withhold,withhold,,withhold,withhold,withhold,,withhold,recompute",
        ),
    ),
    "group that ends": (
        ("billing_groups", "256039471182,false,2026-09,", "256039471182,false,2026-09,2026-10"),
        ("account_assignments", "brightwater-internal,2026-10-08,2026-10-20", "kranich,2026-10-08,2026-10-20"),
        (
            "account_assignments",
            "256039471182,brightwater-internal,2026-09-01,",
            "256039471182,brightwater-internal,2026-09-01,2026-10-01",
        ),
        (
            "account_assignments",
            "118620573948,brightwater-internal,2026-09-01,",
            "118620573948,brightwater-internal,2026-09-01,2026-10-01",
        ),
    ),
    # Customers and issuers
    "currency of a customer": (
        ("customers", ",EUR,14,", ",GBP,14,"),
        ("credits", ",600,EUR,", ",600,GBP,"),
        ("credits", ",100,EUR,", ",100,GBP,"),
        ("fx_rates", "", "2026-08,USD,GBP,0.74,Bank of England\n2026-09,USD,GBP,0.75,Bank of England"),
    ),
    "tax id of a customer": (("customers", ",JP,T7123456789012,", ",JP,,"),),
    "customer of a group": (("billing_groups", "lumen,Lumen Retail,lumen,", "lumen,Lumen Retail,harbor,"),),
    "issuer of a group": (
        ("billing_groups", "Harbor Health,harbor,brightwater-us", "Harbor Health,harbor,brightwater-eu"),
    ),
    "name of a customer": (("customers", "Kranich Logistik AG", "Kranich Logistik SE"),),
    "payer that leaves": (("payers", "256039471182,Brightwater EMEA and APAC,emea-billing\n", ""),),
    # What changes no amount of an invoice
    "what others read": (
        ("access", "", "email,role,customer_id\nada@example.com,finance,"),
        (
            "gl_accounts",
            "",
            "posting,issuer_id,line_kind,service_code,tax_category,account_code,account_name\nrevenue,,,,,4100,Cloud",
        ),
        (
            "aws_invoices",
            "",
            "payer_account_id,invoice_id,billing_period,total_amount,currency\n318204765091,1,2026-08,10,USD",
        ),
        ("budgets", "", "cap,lumen,100,USD,billed,80,,2026-08,"),
    ),
}

ALL_AT_ONCE = tuple(kind for kind in KINDS if kind not in ("basis of membership", "payer that leaves"))
"""What can be made together and still shows: those two change what all others are about."""


def change(billing: Path, *kinds: str) -> None:
    """Make these changes in a folder that holds the sample's configuration."""
    for kind in kinds:
        for name, old, new in KINDS[kind]:
            file = billing / f"{name}.csv"
            text = file.read_text(encoding="utf-8") if file.exists() else ""
            if old:
                assert text.count(old) == 1, (kind, name, old, text.count(old))
                text = text.replace(old, new)
            else:
                text += f"{new}\n"
            file.write_text(text, encoding="utf-8")
