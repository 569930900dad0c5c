"""Workspaces for whole runs: a configuration of two groups, deliveries copied into place, months to issue."""

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from orchestration.runs import run_new
from orchestration.sample.expectations import Expectations
from orchestration.sample.install import install_sample
from orchestration.settings import Workspace
from tests.unit.ingest.landed_cur import Row, land_legacy, legacy_row

Rows = list[tuple[Any, ...]]

EXPORTED = (
    "CHARGEHOUSE_DATA",
    "CHARGEHOUSE_LANDING",
    "CHARGEHOUSE_LEDGER",
    "CHARGEHOUSE_WAREHOUSE_FILE",
    "DAGSTER_HOME",
)
"""Variables that say which workspace is meant."""

_PAYER = "123456789012"
_MEMBER = "000000000001"

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


_EXPECTATIONS = "expectations.pickle"


def built_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, build: Callable[[Workspace], None], folder: Path
) -> Workspace:
    """Return a copy, in ``folder``, of a workspace that is built once for all processes of this test session.

    A whole run costs half a minute of CPU. Nobody works on the first copy: several processes cannot hold one warehouse.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    done = shared / f"{name}.done"
    # A run sets the environment of the process, and takes what is set.
    with FileLock(shared / f"{name}.lock"), pytest.MonkeyPatch.context() as environment:
        for variable in EXPORTED:
            environment.setenv(variable, "")
            environment.delenv(variable)
        if not done.exists():
            shutil.rmtree(shared / name, ignore_errors=True)
            build(Workspace.at(shared / name))
            done.touch()
    return Workspace.at(Path(shutil.copytree(shared / name, folder)))


def built_sample(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> tuple[Workspace, Expectations]:
    """Return the sample months as a run built them, in a new ``folder``, and what they must come to."""

    def build(workspace: Workspace) -> None:
        expectations = install_sample(workspace.root)
        run_new(workspace)
        (workspace.root / _EXPECTATIONS).write_bytes(pickle.dumps(expectations))

    workspace = built_once(tmp_path_factory, "sample", build, folder)
    expectations: Expectations = pickle.loads((workspace.root / _EXPECTATIONS).read_bytes())
    return workspace, expectations


def write_billing(workspace: Workspace, payer: str, member: str) -> None:
    """Write a configuration of two groups: the payer account in one, a member account in the other."""
    workspace.billing.mkdir(parents=True, exist_ok=True)
    for name, text in _FILES.items():
        (workspace.billing / f"{name}.csv").write_text(text.format(payer=payer, member=member), encoding="utf-8")


def copy_landing(source: Path, workspace: Workspace) -> None:
    """Copy deliveries into the landing folder, writable: the samples may be read-only."""
    shutil.copytree(source, workspace.landing / source.name, copy_function=shutil.copyfile)


def _usage(account: str, cost: str, **cells: str) -> Row:
    return legacy_row(f"{cost}0000000000"[: cost.index(".") + 11], lineItem_UsageAccountId=account, **cells)


def _february(row: Row) -> Row:
    dates = {name: text.replace("2024-02", "2024-03").replace("2024-01", "2024-02") for name, text in row.items()}
    return row | {name: text for name, text in dates.items() if "Date" in name}


MONTH = [_usage(_PAYER, "200.00"), _usage(_MEMBER, "1000.00")]
REFUND = _usage(_PAYER, "-30.00", lineItem_LineItemType="Refund", bill_BillType="Refund")


def _configure(workspace: Workspace) -> None:
    """Two customers: one in dollars with 21 % tax, one in euros with a credit, both at AWS's price."""
    write_billing(workspace, _PAYER, _MEMBER)
    rewrite(workspace, "pricing_rules.csv", "GLOBAL,MARKUP,10,", "GLOBAL,DISCOUNT,0,")
    rewrite(workspace, "billing_terms.csv", "withhold,,withhold,recompute", "withhold,,pass_through,recompute")
    rewrite(workspace, "fx_rates.csv", "2024-01,USD,EUR,0.92,", "2024-01,USD,EUR,0.9234,")
    (workspace.billing / "tax_rates.csv").write_text(
        "issuer_country_code,customer_country_code,customer_subdivision,customer_tax_id,tax_class,tax_category,tax_name,"
        "rate,exemption_reason,start_date,end_date\nUS,US,,any,standard,S,Sales tax,21,,2020-01-01,\n",
        encoding="utf-8",
    )
    (workspace.billing / "credits.csv").write_text(
        "credit_id,billing_group_id,owner_account_id,description,amount,currency,start_date,end_date,eligible_services,"
        "covers_fees,status\nwelcome,two,,Welcome,900,EUR,2024-01-01,2024-02-01,*,false,Active\n",
        encoding="utf-8",
    )


def rewrite(workspace: Workspace, file: str, old: str, new: str) -> None:
    """Change a configuration file in one place."""
    path = workspace.billing / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def draft_months(workspace: Workspace) -> None:
    """Run two months: January final; in February a row without AWS's invoice id and one of a type nobody knows."""
    _configure(workspace)
    land_legacy(workspace.landing, "first", [MONTH])
    land_legacy(
        workspace.landing,
        "february",
        [
            [
                _february(_usage(_PAYER, "10.00", bill_InvoiceId="")),
                _february(_usage(_MEMBER, "7.00")),
                _february(_usage(_MEMBER, "1.00", lineItem_LineItemType="Mystery")),
            ]
        ],
        month=2,
    )
    run_new(workspace)
