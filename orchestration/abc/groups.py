"""Billing groups, their accounts and their terms (P3, P4, P5).

What is here: ``map_groups``: which groups can be billed here, from when, with which accounts, and the rows of
customers, issuer and payers that they need; ``terms_rows``: at which terms.
When to add here: Billing Conductor says more about groups that terms can express.
What does not belong here: prices (``pricing``) and charges of the whole group (``custom_line_items``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from orchestration.abc.identifiers import unique_ids
from orchestration.abc.objects import BillingGroup, account_of, key_of
from orchestration.abc.pages import Export
from orchestration.abc.report import POLICIES, Findings
from orchestration.configuration.schema import UNASSIGNED

__all__ = ["ISSUER_ID", "PASSTHROUGH_PLAN", "ImportedGroup", "Rows", "Start", "map_groups", "terms_rows"]

Rows = dict[str, list[dict[str, str]]]
"""File stem -> rows as column -> text; a column that is left out stays empty."""

ISSUER_ID = "issuer"
PASSTHROUGH_PLAN = "Passthrough"
_STATUSES = {"ACTIVE"}
_TYPES = {"STANDARD", "TRANSFER_BILLING"}


@dataclass(frozen=True)
class Start:
    """What an import begins with where Billing Conductor says nothing.

    Attributes:
        period: first billing period that is imported.
        issuer_name: legal name of the issuer.
        country: country of issuer and customers.
        currency: currency of issuer and customers.
    """

    period: date
    issuer_name: str
    country: str
    currency: str


@dataclass(frozen=True)
class ImportedGroup:
    """A group that is imported: its id, and its first billing period."""

    group: BillingGroup
    id: str
    start: date


def map_groups(export: Export, start: Start, findings: Findings) -> tuple[dict[str, ImportedGroup], Rows]:
    """Return the groups that are imported, by key, and the rows of everything but terms.

    A group without primary account, or with AWS's plan Passthrough, has no counterpart; its accounts are in no group
    then.
    """
    ids = unique_ids({key: group.name for key, group in export.groups.items()}, UNASSIGNED.lower())
    groups = {
        key: ImportedGroup(group, ids[key], max(start.period, group.creation_time or start.period))
        for key, group in export.groups.items()
        if _has_counterpart(group, findings)
    }
    members = _members(export)
    auto_key = _auto_associating(export, groups, members, findings)
    rows: Rows = {
        "settings": [{"setting": "membership_basis", "value": "billing_period"}],
        "payers": [
            {"payer_account_id": payer} for payer in sorted({account_of(group.arn) for group in export.groups.values()})
        ],
        "issuers": [
            {
                "issuer_id": ISSUER_ID,
                "legal_name": start.issuer_name,
                "country_code": start.country,
                "invoice_prefix": "INV",
                "currency": start.currency,
            }
        ],
        "customers": [],
        "billing_groups": [],
        "account_assignments": [],
    }
    for key, imported in groups.items():
        group = imported.group
        rows["customers"].append(
            {
                "customer_id": imported.id,
                "legal_name": group.name,
                "country_code": start.country,
                "currency": start.currency,
                "payment_terms_days": "30",
                "language": "en",
            }
        )
        rows["billing_groups"].append(
            {
                "billing_group_id": imported.id,
                "billing_group_name": group.name,
                "customer_id": imported.id,
                "issuer_id": ISSUER_ID,
                "primary_account_id": group.primary_account_id or "",
                "auto_associate": "true" if key == auto_key else "false",
                "start_period": f"{imported.start:%Y-%m}",
            }
        )
        rows["account_assignments"] += [
            {"account_id": account, "billing_group_id": imported.id, "start_date": f"{imported.start:%Y-%m-%d}"}
            for account in members.get(key, [])
        ]
        _check(group, len(members.get(key, [])), findings)
    _say_what_to_complete(start, findings)
    return groups, rows


def terms_rows(groups: Mapping[str, ImportedGroup], plan_ids: Mapping[str, str], free_tier: Mapping[str, str]) -> Rows:
    """Return the terms of each group: Billing Conductor's way, at its plan.

    Args:
        groups: the groups.
        plan_ids: key of a plan -> its id here.
        free_tier: key of a plan -> ``free_tier_policy`` of the groups that use it.
    """
    rows = []
    for imported in groups.values():
        plan = key_of(imported.group.computation_preference.pricing_plan_arn)
        rows.append(
            {
                "billing_group_id": imported.id,
                "start_period": f"{imported.start:%Y-%m}",
                "pricing_plan_id": plan_ids[plan],
                "free_tier_policy": free_tier[plan],
                **{column: value for column, (value, _) in POLICIES.items()},
            }
        )
    return {"billing_terms": rows}


def _has_counterpart(group: BillingGroup, findings: Findings) -> bool:
    subject = f"billing group {group.name}"
    if key_of(group.computation_preference.pricing_plan_arn) == PASSTHROUGH_PLAN:
        findings.lacks(
            subject,
            group.arn,
            "AWS's plan Passthrough bills what AWS invoiced; rules here start from public prices (R1). Not imported, "
            "nor its accounts and custom line items.",
            "Add the group by hand, with the policies pass_through, if that is close enough.",
        )
        return False
    if group.primary_account_id is None:
        findings.lacks(
            subject,
            group.arn,
            "It has no primary account. Not imported, nor its accounts and custom line items.",
            "Add the group by hand, with the account that its charges stand under.",
        )
        return False
    return True


def _members(export: Export) -> dict[str, list[str]]:
    members: dict[str, list[str]] = {}
    for account, linked in sorted(export.accounts.items()):
        if linked.billing_group_arn is not None:
            members.setdefault(key_of(linked.billing_group_arn), []).append(account)
    return members


def _auto_associating(
    export: Export, groups: Mapping[str, ImportedGroup], members: Mapping[str, list[str]], findings: Findings
) -> str | None:
    """Return the group that may take accounts without assignment, if that takes none but new ones.

    Billing Conductor gives the group new accounts only. Here it would also take every account that is in no group
    today, the payer's first, and a customer would be billed for them.
    """
    found = [key for key, imported in groups.items() if imported.group.is_auto_associating]
    assigned = {account for key in groups for account in members.get(key, [])}
    known = export.accounts.keys() | {account_of(group.arn) for group in export.groups.values()}
    stray = sorted(known - assigned)
    if len(found) == 1 and not stray:
        return found[0]
    for key in found:
        others = ", ".join(groups[other].group.name for other in found if other != key)
        why = (
            f"It takes new accounts by itself, and so does {others}; here one group at most does (P4)."
            if others
            else f"It takes new accounts by itself. Here it would also take what is in no imported group today: "
            f"{_listed(stray)} (P4)."
        )
        findings.lacks(
            f"billing group {groups[key].group.name}",
            groups[key].group.arn,
            f"{why} auto_associate is written as false.",
            "Assign new accounts by hand; or assign those accounts to a group of your own, then write true.",
        )
    if not found and stray:
        findings.complete(
            "accounts in no group",
            None,
            f"In no imported group: {_listed(stray)}. Their usage is shown as {UNASSIGNED} and not invoiced (P4).",
            "Assign those that somebody should be invoiced for.",
        )
    return None


def _check(group: BillingGroup, accounts: int, findings: Findings) -> None:
    subject = f"billing group {group.name}"
    if group.size is not None and group.size != accounts:
        findings.complete(
            subject,
            group.arn,
            f"It has {group.size} accounts in Billing Conductor, and {accounts} in the lists.",
            "Compare account_assignments.csv with list-account-associations, without filters.",
        )
    if group.is_billing_transfer:
        findings.lacks(
            subject,
            group.arn,
            "It stands for a whole organization whose bill was transferred; here it has the accounts that were listed, "
            "and takes no new ones.",
            "Assign new accounts by hand, and check that payers.csv names the payer of the transferred reports.",
        )
    if group.status is not None and group.status not in _STATUSES:
        findings.complete(
            subject,
            group.arn,
            f"Its status is {group.status}{f' ({group.status_reason})' if group.status_reason else ''}; "
            "it is imported as if it were active.",
            "Remove it, or end it with end_period, if it is not billed any more.",
        )
    if group.billing_group_type is not None and group.billing_group_type not in _TYPES:
        findings.lacks(
            subject,
            group.arn,
            f"Its type {group.billing_group_type} is not known here; it is imported as a standard group.",
            "Check what the type means before you bill.",
        )
    if group.arn.startswith("arn:aws-cn:"):
        findings.lacks(
            subject,
            group.arn,
            "It is in AWS China, whose reports are in CNY; reports in other currencies than USD are refused (I2).",
            "Remove it unless its reports are in USD.",
        )


def _say_what_to_complete(start: Start, findings: Findings) -> None:
    findings.complete(
        "issuers.csv",
        None,
        f"Billing Conductor does not know who issues invoices. {start.issuer_name}, {start.country}, {start.currency} "
        "and the prefix INV are a start.",
        "Write your legal name, address, country, tax id, prefix and currency.",
    )
    findings.complete(
        "customers.csv",
        None,
        f"Billing Conductor does not know customers. Each group has one of its name, in {start.country}, invoiced in "
        f"{start.currency}, due after 30 days.",
        "Write legal names, addresses, countries, tax ids, currencies and payment terms; give groups of one customer "
        "the same id.",
    )
    findings.complete(
        "payers.csv",
        None,
        "The payers are those in the ARNs of the groups.",
        "Name each payer's export in billing_export if more than one is landed.",
    )
    findings.complete(
        "billing_terms.csv",
        None,
        "Bills leave tax, AWS Support, credits, refunds and negotiated discounts out, as pro forma bills do.",
        "Change the policies where your contracts say otherwise.",
    )


def _listed(accounts: list[str]) -> str:
    if len(accounts) == 1:
        return f"account {accounts[0]}"
    shown = ", ".join(accounts[:20])
    return f"{len(accounts)} accounts ({shown}{', …' if len(accounts) > 20 else ''})"
