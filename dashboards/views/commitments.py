"""What the reservations and Savings Plans of a month cost, saved, and would change under another policy.

What is here: the month's commitments with who owns and who used them, and every policy side by side.
When to add here: something that is known about a commitment as a whole.
What does not belong here: the charges a commitment covered; those are on the charges page.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

import streamlit as st

from dashboards import extracts, queries, strings
from dashboards.components import exports, filters, money, tables
from dashboards.components.filters import Selection
from dashboards.components.tables import Cell, Column, Section, number
from dashboards.queries import (
    COMMITMENTS_SHOWN,
    Commitment,
    CommitmentBenefit,
    CommitmentPolicies,
    CommitmentSort,
    CommitmentTotals,
)

# arn:aws:<service>:<region>:<account>:<kind>/<id>; ids of reserved databases have a ":" instead of the "/".
ARN = re.compile(r"arn:[^:]+:(?P<service>[^:]+):(?P<region>[^:]*):[^:]*:(?P<kind>[^:/]+)[:/](?P<id>.+)")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# A plan of the payer may serve every group; the others open on demand.
BENEFITS_SHOWN = 5


def show_totals(totals: CommitmentTotals, chosen: Selection) -> None:
    """Draw the month's headline: of every commitment, or of those that the chosen group owns."""

    def meaning(column: str) -> str:
        return queries.meaning(chosen.publication, f"fct_commitments.{column}")

    cards = [
        (strings.COST, money.with_code("USD", money.usd(totals.cost)), meaning("cost")),
        (strings.USED, money.with_code("USD", money.usd(totals.used_cost)), meaning("used_cost")),
        (strings.UNUSED, money.with_code("USD", money.usd(totals.unused_cost)), meaning("unused_cost")),
        (strings.UTILIZATION, money.percentage(totals.utilization_percentage), strings.UTILIZATION_HELP),
        (strings.SAVINGS, money.with_code("USD", money.usd(totals.savings)), meaning("savings")),
    ]
    if chosen.group is not None:
        benefit = money.with_code("USD", money.usd(totals.benefit))
        cards.append((strings.BENEFIT_OF_GROUP, benefit, strings.BENEFIT_OF_GROUP_HELP))
    with st.container(horizontal=True, gap="small", key="commitment_totals"):
        for label, value, help_text in cards:
            st.metric(label, value, border=True, help=help_text or None)
    caption = strings.COMMITMENT_CAPTION
    st.caption(caption if chosen.group is None else f"{strings.OWN_COMMITMENTS_ONLY} {caption}")


def choose_order() -> CommitmentSort:
    """Let the reader choose what comes first."""
    orders = {strings.COMMITMENT_SORTS[order.value]: order for order in CommitmentSort}
    picked = st.selectbox(strings.SORT_BY, list(orders), key="commitment_order", bind="query-params", width=240)
    return orders[picked]


def exactly(amount: Decimal) -> Cell:
    """Write an amount in cents; every digit shows on hover."""
    return Cell(money.usd(amount), hint=money.exact(amount))


def named(row: Commitment) -> Cell:
    """Give a commitment a short name: its own, or the beginning of its id; the ARN shows on hover."""
    kind = strings.of(strings.COMMITMENT_KINDS, row.commitment_kind)
    found = ARN.fullmatch(row.commitment_id)
    if found is None:
        return Cell(row.commitment_id, detail=kind)
    name = f"{found['id'][:8]}…" if UUID.fullmatch(found["id"]) else found["id"]
    service = "" if found["service"] == "savingsplans" else found["service"].upper()
    detail = " · ".join(part for part in (kind, service, found["region"]) if part)
    return Cell(name, detail=detail, hint=row.commitment_id)


def owned(row: Commitment) -> Cell:
    """Show whose a commitment is: account and group."""
    account = f"{row.owner_account_name} ({row.owner_account_id})" if row.owner_account_name else row.owner_account_id
    if not row.owner_billing_group_id:
        return Cell(strings.NO_OWNER, detail=account, tone="muted")
    return Cell(row.owner_billing_group_name, detail=account)


def show_commitments(
    found: Sequence[Commitment], benefits: Sequence[CommitmentBenefit], totals: CommitmentTotals, chosen: Selection
) -> None:
    """List the commitments, a group's own apart from those of others that it used."""
    benefited: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for benefit in benefits:
        benefited[benefit.commitment_id].append((benefit.billing_group_name, money.usd(benefit.benefit)))

    def meaning(column: str) -> str:
        return queries.meaning(chosen.publication, f"fct_commitments.{column}")

    def utilization(row: Commitment) -> Cell:
        return Cell(money.percentage(row.utilization_percentage), percentage=row.utilization_percentage)

    def savings(row: Commitment) -> Cell:
        return Cell(money.usd(row.savings), tone="bad" if row.savings < 0 else "", hint=money.exact(row.savings))

    def who(row: Commitment) -> Cell:
        pairs = benefited[row.commitment_id]
        if not pairs:
            return Cell(strings.NOBODY, tone="muted")
        rest = pairs[BENEFITS_SHOWN:]
        return Cell(
            "",
            pairs=pairs[:BENEFITS_SHOWN],
            more=rest,
            more_label=strings.count(len(rest), "more group", "more groups"),
        )

    columns: list[Column[Commitment]] = [
        Column(strings.COMMITMENT, named),
        Column(strings.OWNER, owned),
        Column(strings.BENEFIT, who, help=strings.BENEFIT_HELP),
        number(strings.COST, lambda row: exactly(row.cost), meaning("cost")),
        number(strings.USED, lambda row: exactly(row.used_cost), meaning("used_cost")),
        number(strings.UNUSED, lambda row: exactly(row.unused_cost), meaning("unused_cost")),
        number(strings.UTILIZATION, utilization, meaning("utilization_percentage")),
        number(strings.LIST_VALUE, lambda row: exactly(row.list_value), meaning("list_value")),
        number(strings.SAVINGS, savings, meaning("savings")),
    ]
    own = (
        money.usd(totals.cost),
        money.usd(totals.used_cost),
        money.usd(totals.unused_cost),
        money.percentage(totals.utilization_percentage),
        money.usd(totals.list_value),
        money.usd(totals.savings),
    )
    others = (
        money.usd(totals.other_cost),
        money.usd(totals.other_used_cost),
        money.usd(totals.other_unused_cost),
        money.percentage(totals.other_utilization_percentage),
        money.usd(totals.other_list_value),
        money.usd(totals.other_savings),
    )
    caption = f"{strings.COMMITMENTS_IN_MONTH}, {chosen.period_name}"
    if chosen.group is None:
        tables.show(found, columns, caption=caption, totals=[[strings.TOTAL, "", "", *own]])
        return
    sections = (
        Section([row for row in found if row.is_own], strings.owned_by(chosen.group_name), totals=own),
        Section(
            [row for row in found if not row.is_own],
            strings.OTHERS_COMMITMENTS,
            strings.OTHERS_COMMITMENTS_NOTE,
            others,
        ),
    )
    tables.show_sections([section for section in sections if section.rows], columns, caption=caption)


def show_policies(found: Sequence[CommitmentPolicies], chosen: Selection) -> None:
    """Show what each group would be billed under each policy, the one in force marked."""
    st.subheader(f"{strings.EACH_POLICY}, {chosen.period_name}")
    *groups, total = found

    def under(row: CommitmentPolicies, policy: str, billed: Decimal, difference: Decimal) -> Cell:
        if row.applied == policy:
            return Cell(money.usd(billed), detail=strings.IN_FORCE, tone="good", badge=True, hint=money.exact(billed))
        return Cell(money.usd(billed), detail=money.signed(difference), hint=money.exact(difference))

    def on_demand(row: CommitmentPolicies) -> Cell:
        return under(row, "on_demand", row.on_demand, row.on_demand_difference)

    def owner_group(row: CommitmentPolicies) -> Cell:
        return under(row, "owner_group", row.owner_group, row.owner_group_difference)

    def pass_through(row: CommitmentPolicies) -> Cell:
        return under(row, "pass_through", row.pass_through, row.pass_through_difference)

    def billed(row: CommitmentPolicies) -> Cell:
        policy = strings.of(strings.COMMITMENT_POLICIES, row.applied) if row.applied else ""
        return Cell(money.usd(row.rated_charges), detail=policy, hint=money.exact(row.rated_charges))

    columns: list[Column[CommitmentPolicies]] = [
        Column(strings.GROUP, lambda row: Cell(row.billing_group_name, detail=row.billing_group_id)),
        number(strings.RATED_CHARGES, billed),
        *(
            number(strings.COMMITMENT_POLICIES[policy], value, strings.COMMITMENT_POLICIES_HELP[policy])
            for policy, value in (
                ("on_demand", on_demand),
                ("owner_group", owner_group),
                ("pass_through", pass_through),
            )
        ),
    ]
    foot: list[str | Cell] = [strings.TOTAL, billed(total), on_demand(total), owner_group(total), pass_through(total)]
    tables.show(
        groups,
        columns,
        caption=f"{strings.EACH_POLICY}, {chosen.period_name}",
        totals=[foot] if len(groups) > 1 else [],
    )
    st.caption(strings.EACH_POLICY_CAPTION)
    period, group = chosen.period.billing_period, chosen.group_id
    exports.buttons(
        "commitment_policies",
        exports.file_name("commitment-policies", f"{period:%Y-%m}", chosen.group_name),
        [
            exports.Sheet(
                "Policies",
                lambda: extracts.commitment_policies(chosen.publication, period, group),
            )
        ],
        [
            ("Content", f"Rated charges of {chosen.period_name} under each commitment policy, USD"),
            (strings.GROUP, chosen.group_name),
        ],
        what="the policies",
    )


def main() -> None:
    """Draw the page."""
    chosen = filters.selection()
    publication, period, group = chosen.publication, chosen.period.billing_period, chosen.group_id
    totals = queries.commitment_totals(publication, period, group)
    if not totals.commitment_count:
        st.info(strings.NO_COMMITMENTS if group is None else strings.NO_COMMITMENTS_OF_GROUP)
        return
    show_totals(totals, chosen)
    order = choose_order()
    found = queries.commitments(publication, period, group, order, COMMITMENTS_SHOWN)
    show_commitments(found, queries.commitment_benefits(publication, period), totals, chosen)
    if len(found) < totals.commitment_count:
        st.caption(strings.showing(len(found), totals.commitment_count, "commitments"))
    exports.buttons(
        "commitments",
        exports.file_name("commitments", f"{period:%Y-%m}", chosen.group_name),
        [
            exports.Sheet(strings.COMMITMENTS, lambda: extracts.commitments(publication, period, group, order)),
            exports.Sheet("Benefits", lambda: extracts.commitment_benefits(publication, period, group)),
        ],
        [
            ("Content", f"Reservations and Savings Plans of {chosen.period_name}, USD"),
            (strings.GROUP, chosen.group_name),
        ],
        what=strings.count(totals.commitment_count, "commitment", "commitments"),
    )
    policies = queries.commitment_policies(publication, period, group)
    if policies:
        show_policies(policies, chosen)


if __name__ == "__main__":
    main()
