"""Every charge of a month, filtered and added up as the reader likes.

What is here: filters, totals over everything they find, and the charges or their sums.
When to add here: another filter or grouping, together with its case in the query.
What does not belong here: totals of what is on screen only; every total is of all that was found.
"""

from typing import TypeVar

import streamlit as st

from dashboards import extracts, queries, strings
from dashboards.components import exports, filters, money, tables
from dashboards.components.filters import ChargeChoice, Selection
from dashboards.components.tables import Cell, Column, Tone, number
from dashboards.queries import CHARGES_SHOWN, Charge, ChargeGroup, ChargeTotals, Grouping

AmountsRow = TypeVar("AmountsRow", Charge, ChargeGroup)

# Groupings that have a filter of their own; the others are looked for by text.
FILTERED_GROUPINGS = {
    Grouping.ACCOUNT: "account",
    Grouping.SERVICE: "service",
    Grouping.CHARGE_TYPE: "charge_type",
    Grouping.TREATMENT: "treatment",
}

TREATMENT_TONES: dict[str, Tone] = {"billed": "good", "withheld": "muted", "unrated": "bad"}


def show_totals(totals: ChargeTotals) -> None:
    """Draw the sums over every charge that was found."""
    with st.container(horizontal=True, gap="small", key="charge_totals"):
        for label, value in (
            (strings.CHARGE_COUNT, money.integer(totals.charge_count)),
            (strings.LIST_COST, money.with_code("USD", money.usd(totals.list_cost))),
            (strings.AWS_COST, money.with_code("USD", money.usd(totals.aws_cost))),
            (strings.BILLED, money.with_code("USD", money.usd(totals.billed_cost))),
        ):
            st.metric(label, value, border=True)
    if totals.tax_aws_cost or totals.tax_billed_cost:
        st.caption(
            f"{strings.TAX_INCLUDED}: USD {money.usd(totals.tax_aws_cost)} of the AWS cost, "
            f"USD {money.usd(totals.tax_billed_cost)} of the billed amount."
        )


def total_texts(totals: ChargeTotals) -> list[str]:
    """Return the three sums as the foot of a table has them."""
    return [money.usd(totals.list_cost), money.usd(totals.aws_cost), money.usd(totals.billed_cost)]


def money_columns(row_type: type[AmountsRow], chosen: Selection) -> list[Column[AmountsRow]]:
    """Return the three amounts as columns of a table of ``row_type``."""

    def meaning(column: str) -> str:
        return queries.meaning(chosen.publication, f"fct_charges.{column}")

    return [
        number(strings.LIST_COST, lambda row: money.usd(row.list_cost), meaning("list_cost")),
        number(strings.AWS_COST, lambda row: money.usd(row.aws_cost), meaning("aws_cost")),
        number(strings.BILLED, lambda row: money.usd(row.billed_cost), meaning("billed_cost")),
    ]


def group_cell(group: ChargeGroup, choice: ChargeChoice, chosen: Selection) -> Cell:
    """Name a group of charges: its words or name, its code beneath, and a link to the charges themselves."""
    grouping = choice.grouping
    words = {Grouping.CHARGE_TYPE: strings.CHARGE_TYPES, Grouping.TREATMENT: strings.TREATMENTS}.get(grouping)
    name = group.name or (strings.of(words, group.value) if words else "")
    if not group.value:
        return Cell(strings.EMPTY_VALUES.get(grouping.value, money.MISSING), tone="muted")
    picked = dict(choice.picked)
    if grouping in FILTERED_GROUPINGS:
        kind = FILTERED_GROUPINGS[grouping]
        picked[kind] = [label for label, value in choice.options[kind].items() if value == group.value]
    elif grouping is not Grouping.GROUP:
        picked["search"] = [group.value]
    href = filters.address(
        strings.CHARGES,
        chosen,
        group=group.value if grouping is Grouping.GROUP else None,
        **picked,
        by=[strings.GROUPINGS[Grouping.NONE.value]],
    )
    return Cell(name or group.value, detail=group.value if name else "", href=href)


def show_groups(choice: ChargeChoice, totals: ChargeTotals, chosen: Selection) -> None:
    """List the sums."""
    found = queries.charge_groups(chosen.publication, choice.filter, choice.grouping, choice.sort, CHARGES_SHOWN)
    title = strings.GROUPINGS[choice.grouping.value]
    columns: list[Column[ChargeGroup]] = [
        Column(title, lambda row: group_cell(row, choice, chosen), "wide"),
        number(strings.CHARGE_COUNT, lambda row: money.integer(row.charge_count)),
        *money_columns(ChargeGroup, chosen),
    ]
    foot = [strings.TOTAL, money.integer(totals.charge_count), *total_texts(totals)]
    tables.show(found, columns, caption=f"{strings.CHARGES} by {title.lower()}", totals=[foot])
    st.caption(strings.showing(len(found), found[0].group_count, "rows"))


def show_charges(choice: ChargeChoice, totals: ChargeTotals, chosen: Selection) -> None:
    """List single charges."""
    found = queries.charges(chosen.publication, choice.filter, choice.sort, CHARGES_SHOWN)

    def service(row: Charge) -> Cell:
        return Cell(row.service_name or row.service_code, detail=row.service_code if row.service_name else "")

    def account(row: Charge) -> Cell:
        return Cell(row.account_name or row.sub_account_id, detail=row.sub_account_id if row.account_name else "")

    def usage(row: Charge) -> Cell:
        return Cell(row.usage_type, detail=" · ".join(part for part in (row.operation, row.region_id) if part))

    def treatment(row: Charge) -> Cell:
        return Cell(
            strings.of(strings.TREATMENTS, row.treatment),
            detail=strings.treatment_reason(row.treatment_reason) if row.treatment_reason else "",
            tone=TREATMENT_TONES.get(row.treatment, "muted"),
            badge=True,
        )

    def meaning(column: str) -> str:
        return queries.meaning(chosen.publication, f"fct_charges.{column}")

    columns: list[Column[Charge]] = [
        Column(strings.SERVICE, service),
        Column(strings.ACCOUNT, account),
        Column(strings.USAGE, usage),
        Column(strings.CHARGE_TYPE, lambda row: strings.of(strings.CHARGE_TYPES, row.charge_type)),
        number(strings.QUANTITY, lambda row: Cell(money.quantity(row.usage_quantity), detail=row.usage_unit)),
        *money_columns(Charge, chosen),
        Column(strings.TREATMENT, treatment, help=meaning("treatment")),
        Column(strings.RULE, lambda row: row.rule_id or money.MISSING, help=meaning("pricing_rule_id")),
    ]
    foot = [strings.TOTAL, "", "", "", "", *total_texts(totals), "", ""]
    tables.show(found, columns, caption=strings.CHARGES, totals=[foot])
    st.caption(strings.showing(len(found), totals.charge_count, "charges"))


def about(choice: ChargeChoice, totals: ChargeTotals, chosen: Selection) -> list[tuple[str, str]]:
    """Say in a download what was filtered and what it adds up to."""
    picked = choice.filter
    return [
        ("Content", f"Charges of {chosen.period_name}, every published column, USD"),
        (strings.GROUP, chosen.group_name),
        (strings.ACCOUNT, ", ".join(picked.accounts) or strings.EVERYTHING),
        (strings.SERVICE, ", ".join(picked.services) or strings.EVERYTHING),
        (strings.CHARGE_TYPE, ", ".join(picked.charge_types) or strings.EVERYTHING),
        (strings.TREATMENT, ", ".join(picked.treatments) or strings.EVERYTHING),
        (strings.SEARCH, picked.search or money.MISSING),
        (f"{strings.LIST_COST}, total", money.exact(totals.list_cost)),
        (f"{strings.AWS_COST}, total", money.exact(totals.aws_cost)),
        (f"{strings.BILLED}, total", money.exact(totals.billed_cost)),
    ]


def main() -> None:
    """Draw the page."""
    chosen = filters.selection()
    choice = filters.charge_filters(chosen)
    totals = queries.charge_totals(chosen.publication, choice.filter)
    show_totals(totals)
    if not totals.charge_count:
        st.info(strings.NO_CHARGES)
        return
    if choice.grouping is Grouping.NONE:
        show_charges(choice, totals, chosen)
    else:
        show_groups(choice, totals, chosen)
    exports.buttons(
        "charges",
        exports.file_name("charges", f"{chosen.period.billing_period:%Y-%m}", chosen.group_name),
        [
            exports.Sheet(
                strings.CHARGES,
                lambda: extracts.charges(chosen.publication, choice.filter, choice.sort),
            )
        ],
        about(choice, totals, chosen),
        what=f"all {strings.count(totals.charge_count, 'charge', 'charges')} found",
    )


if __name__ == "__main__":
    main()
