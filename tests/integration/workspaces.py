"""Workspaces for whole runs: a configuration of two groups, deliveries copied into place."""

import shutil
from pathlib import Path
from typing import Any

from orchestration.settings import Workspace

Rows = list[tuple[Any, ...]]

_FILES = {
    "settings": "setting,value\nmembership_basis,usage_date\n",
    "payers": "payer_account_id,payer_name,billing_export\n{payer},Payer,\n",
    "issuers": (
        "issuer_id,legal_name,address,postal_code,city,country_code,tax_id,invoice_prefix,currency,iban,email\n"
        "issuer,Reseller Inc,1 Main Street,10001,New York,US,12-3456789,RS,USD,,billing@reseller.example\n"
    ),
    "customers": (
        "customer_id,legal_name,address,postal_code,city,subdivision,country_code,tax_id,currency,"
        "payment_terms_days,email,language\n"
        "first,First Ltd,2 Main Street,10001,New York,NY,US,,USD,30,pay@first.example,en\n"
        "second,Second SA,3 rue Haute,75001,Paris,,FR,,EUR,30,pay@second.example,en\n"
    ),
    "billing_groups": (
        "billing_group_id,billing_group_name,customer_id,issuer_id,primary_account_id,auto_associate,"
        "start_period,end_period\n"
        "one,One,first,issuer,{payer},false,2015-12,\n"
        "two,Two,second,issuer,{member},false,2015-12,\n"
    ),
    "account_assignments": (
        "account_id,billing_group_id,start_date,end_date\n{payer},one,2015-12-01,\n{member},two,2015-12-01,\n"
    ),
    "billing_terms": (
        "billing_group_id,start_period,end_period,pricing_plan_id,commitment_policy,upfront_policy,free_tier_policy,"
        "support_policy,support_plan_id,bundled_discount_policy,negotiated_discount_policy,aws_credit_policy,"
        "aws_credit_share_percentage,refund_policy,tax_policy\n"
        "one,2015-12,,standard,owner_group,pass,pass_through,pass_through,,pass_through,withhold,withhold,,withhold,"
        "recompute\n"
        "two,2015-12,,standard,on_demand,pass,withhold,pass_through,,pass_through,withhold,withhold,,pass_through,"
        "pass_through\n"
    ),
    "pricing_plans": "pricing_plan_id,pricing_plan_name\nstandard,Standard\n",
    "pricing_rules": (
        "pricing_rule_id,pricing_plan_id,scope,rule_type,percentage,rate,billing_entity,service_code,usage_type,"
        "operation,region,include_fees,start_period,end_period\n"
        "markup,standard,GLOBAL,MARKUP,10,,,,,,,false,2015-12,\n"
    ),
    "fx_rates": (
        "period,from_currency,to_currency,rate,source\n"
        "2018-10,USD,EUR,0.8712,ECB\n2018-11,USD,EUR,0.88,ECB\n2023-11,USD,EUR,0.92,ECB\n2024-01,USD,EUR,0.92,ECB\n"
        "2024-09,USD,EUR,0.9,ECB\n"
    ),
}


def write_billing(workspace: Workspace, payer: str, member: str) -> None:
    """Write a configuration of two groups: the payer account in one, a member account in the other."""
    workspace.billing.mkdir(parents=True, exist_ok=True)
    for name, text in _FILES.items():
        (workspace.billing / f"{name}.csv").write_text(text.format(payer=payer, member=member), encoding="utf-8")


def copy_landing(source: Path, workspace: Workspace) -> None:
    """Copy deliveries into the landing folder, writable: the samples may be read-only."""
    shutil.copytree(source, workspace.landing / source.name, copy_function=shutil.copyfile)
