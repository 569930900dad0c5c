"""One invoice line, explained down to AWS's rows.

What is here: the levels of a line as tables that add up, for us and as its customer may see them, and their files.
When to add here: another level.
What does not belong here: arithmetic, and which rows a level has; the analyses ``explain_*`` say so.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import streamlit as st

from dashboards import explain_strings, queries, strings
from dashboards.components import exports, filters, money, tables, work
from dashboards.components.filters import Selection
from dashboards.components.tables import Cell, Column, number
from dashboards.publication import Publication, PublicationError, reading
from orchestration.errors import ChargehouseError
from orchestration.explaining import files, words
from orchestration.explaining.explanation import Explanation, Row, explain
from orchestration.explaining.lookup import find_line
from orchestration.explaining.rows import line_rows
from orchestration.settings import Workspace

# More of a level is read in the files.
SHOWN = 60
ROWS_SHOWN = 30
# What a browser and a session can hold.
MOST_ROWS = 200_000


@st.cache_data(show_spinner=False, max_entries=50, hash_funcs={Publication: lambda version: version.stamp})
def explanation(publication: Publication, line: str) -> Explanation:
    """Return the explanation of the line that a text names."""
    with reading(publication) as connection:
        return explain(connection, find_line(connection, line))


def show_choice(chosen: Selection) -> None:
    """List the lines that can be explained."""
    found = queries.explainable_lines(chosen.publication, chosen.period.billing_period, chosen.group_id)
    if not found:
        st.info(explain_strings.NO_LINES)
        return

    def line(row: queries.ExplainableLine) -> Cell:
        href = filters.address(strings.EXPLAIN, chosen, group=row.billing_group_id, line=[row.invoice_line_key])
        return Cell(row.description, detail=row.invoice_line_key, href=href)

    columns: list[Column[queries.ExplainableLine]] = [
        Column(strings.GROUP, lambda row: row.billing_group_name),
        Column(strings.LINE_NUMBER, lambda row: str(row.line_number)),
        Column(strings.LINE_KIND, lambda row: strings.of(strings.LINE_KINDS, row.line_kind), "fixed"),
        Column(strings.DESCRIPTION, line, "wide"),
        number(
            strings.NET,
            lambda row: money.with_code(row.currency, money.document(row.net_amount, row.minor_units)),
        ),
    ]
    st.subheader(explain_strings.CHOOSE)
    tables.show(found, columns, caption=explain_strings.CHOOSE)


def show_head(found: Explanation, *, for_customer: bool) -> None:
    """Say which line it is, and whether it is what was issued."""
    shown = found.shown
    state = f"{explain_strings.AS_ISSUED} {found.reference.number}" if found.document else explain_strings.AS_OF_TODAY
    net = money.with_code(shown["currency"], money.document(shown["net_amount"], shown["minor_units"]))
    name = found.name(for_customer=True) if for_customer else found.reference.invoice_line_key
    tables.facts(
        [
            (strings.DESCRIPTION, Cell(shown["description"], detail=name)),
            (strings.GROUP, found.reference.billing_group_id),
            (strings.PERIOD, strings.month(found.reference.billing_period)),
            (strings.STATE, state),
            (explain_strings.THE_LINE, explain_strings.WAITING if shown["net_amount"] is None else net),
        ],
        emphasis=explain_strings.THE_LINE,
    )
    if for_customer:
        return
    st.html(f'<span class="ch-good">✓ {explain_strings.ADDS_UP}</span>')
    if found.changed_since:
        st.warning(f"**{explain_strings.CHANGED_SINCE}.** {found.changed_since}", icon=":material/difference:")


def show_document(found: Explanation, *, for_customer: bool) -> None:
    """Show how the issued line, other documents and today's line fit together, and what was frozen by account."""
    document = found.document
    assert document is not None
    units = document["minor_units"]

    def part(row: Row) -> Cell:
        cause = "" if for_customer or row["part"] != "today" else document["cause"]
        return Cell(f"{explain_strings.PART_NAMES[row['part']]} {row['number']}".strip(), detail=cause)

    st.subheader(words.LEVELS["document_parts"])
    if not found.shows_today(for_customer=for_customer):
        st.info(words.NOT_AS_ISSUED if found.line is not None else words.ONLY_ISSUED)
    tables.show(
        [] if for_customer and found.changed_since else found.document_parts,
        [
            Column(explain_strings.PART, part, "wide"),
            number(strings.amount_in(document["currency"]), lambda row: money.document(row["amount"], units)),
        ],
        caption=words.LEVELS["document_parts"],
        totals=[[f"{explain_strings.AS_ISSUED} {found.reference.name}", money.document(document["net_amount"], units)]],
    )
    st.subheader(words.LEVELS["document_accounts"])
    tables.show(
        found.document_accounts,
        [
            Column(strings.ACCOUNT, lambda row: row["sub_account_id"]),
            number(strings.amount_in(document["currency"]), lambda row: money.document(row["net_amount"], units)),
            number(strings.CREDIT, lambda row: money.document(row["credit_amount"], units)),
        ],
        caption=words.LEVELS["document_accounts"],
    )


def show_bridge(found: Explanation, *, for_customer: bool) -> None:
    """Show the steps that lead to the line."""
    line = found.line
    assert line is not None
    audience, reached = (
        ("is_for_customer", "reached_for_customer") if for_customer else ("is_internal", "reached_amount")
    )
    steps = [step for step in found.bridge if step[audience] and step["is_in_line"]]
    after = [step for step in found.bridge if step[audience] and not step["is_in_line"]]
    total = money.with_code(line["currency"], money.document(line["net_amount"], line["minor_units"]))
    columns: list[Column[Row]] = [
        Column(explain_strings.STEP, words.step_words, "wide"),
        number(explain_strings.AMOUNT, lambda row: money.exact(row["amount"])),
        number(explain_strings.REACHED, lambda row: money.with_code(row["currency"], money.exact(row[reached]))),
    ]
    foot = [[explain_strings.THE_LINE, "", explain_strings.WAITING if line["net_amount"] is None else total]]
    foot += [[words.step_words(step), money.exact(step["amount"]), money.exact(step[reached])] for step in after]
    st.subheader(words.LEVELS["bridge"])
    tables.show(steps, columns, caption=words.LEVELS["bridge"], totals=foot)


def show_accounts(found: Explanation, *, for_customer: bool) -> None:
    """Show the line by account (M5), and why each account is in the group (P3)."""
    line = found.line
    assert line is not None
    units = line["minor_units"]
    columns: list[Column[Row]] = [
        Column(strings.ACCOUNT, lambda row: row["sub_account_id"]),
        *([] if for_customer else [Column[Row](explain_strings.MEMBERSHIP, lambda row: row["membership"], "wide")]),
        number(strings.EXACT_USD, lambda row: money.exact(row["exact_amount_usd"])),
        number(explain_strings.FX, lambda row: money.exact(row["fx_amount"])),
        number(explain_strings.ROUNDING, lambda row: money.fine(row["rounding_amount"])),
        number(strings.amount_in(line["currency"]), lambda row: money.document(row["net_amount"], units)),
        number(strings.CREDIT, lambda row: money.document(row["credit_amount"], units)),
    ]
    total = [
        money.exact(line["exact_amount_usd"]),
        money.exact(line["fx_amount"]),
        money.fine(line["rounding_amount"]),
        money.document(line["net_amount"], units),
        money.document(line["credit_amount"], units),
    ]
    st.subheader(words.LEVELS["accounts"])
    if not for_customer and line["membership_basis"]:
        st.caption(words.MEMBERSHIP_BASES[line["membership_basis"]])
    head = [explain_strings.THE_LINE] if for_customer else [explain_strings.THE_LINE, ""]
    tables.show(found.accounts, columns, caption=words.LEVELS["accounts"], totals=[[*head, *total]])


def show_some(rows: Sequence[Row], columns: Sequence[Column[Row]], title: str, **options: Any) -> None:
    """Show the first rows of a level under its title, and say how many more there are."""
    st.subheader(title)
    tables.show(rows[:SHOWN], columns, caption=title, **options)
    if rows[SHOWN:]:
        st.caption(explain_strings.more(len(rows[SHOWN:])))


def quantity(row: Row) -> str:
    """Write a quantity with its unit; nothing where there is none."""
    if row["usage_quantity"] is None:
        return money.MISSING
    return f"{money.quantity(row['usage_quantity'])} {row['usage_unit'] or ''}".strip()


def charge_columns(amount: Callable[[Row], Decimal], label: str) -> list[Column[Row]]:
    """Return the columns of charges, the last one of the amount that they are listed for."""
    return [
        Column(strings.ACCOUNT, lambda row: row["sub_account_id"]),
        Column(explain_strings.WHAT, lambda row: Cell(words.charge_words(row), detail=row["service_code"]), "wide"),
        number(explain_strings.QUANTITY, quantity),
        Column(explain_strings.HOW, words.charge_price, "wide"),
        number(strings.AWS_COST, lambda row: money.exact(row["aws_cost"])),
        number(label, lambda row: money.exact(amount(row))),
    ]


def show_charges(found: Explanation) -> None:
    """Show what the line is made of, or worked out from, and what was not billed beside it (F5)."""
    line = found.line
    assert line is not None
    parts = [row for row in found.charges if row["is_part"]]
    if line["is_group_charge"]:
        columns: list[Column[Row]] = [
            Column(strings.ACCOUNT, lambda row: row["sub_account_id"]),
            Column(explain_strings.HOW, words.group_charge_words, "wide"),
            number(explain_strings.AMOUNT_USD, lambda row: money.exact(row["billed_cost"])),
        ]
        total = ["", explain_strings.THE_LINE, money.exact(line["exact_amount_usd"])]
        show_some(found.group_charges, columns, words.LEVELS["group_charges"], totals=[total])
        if found.bases:
            bases: list[Column[Row]] = [
                Column(explain_strings.PART, lambda row: row["part"]),
                Column(strings.DESCRIPTION, lambda row: Cell(row["description"], detail=row["source_id"]), "wide"),
                Column(explain_strings.CONFIGURED, lambda row: row["configured"]),
                number(explain_strings.AMOUNT_USD, lambda row: money.exact(row["amount"])),
            ]
            show_some(found.bases, bases, words.LEVELS["bases"])
    if parts:
        title = explain_strings.BASE if line["is_group_charge"] else words.LEVELS["charges"]
        totals = [["", explain_strings.THE_LINE, "", "", "", money.exact(line["exact_amount_usd"])]]
        show_some(
            parts,
            charge_columns(lambda row: row["part_amount"], explain_strings.AMOUNT_USD),
            title,
            totals=[] if line["is_group_charge"] else totals,
        )
    show_tiers(found.tiers)
    beside = [row for row in found.charges if not row["is_part"]]
    if beside:
        show_some(
            beside, charge_columns(lambda row: row["billed_cost"], explain_strings.BILLED_USD), explain_strings.BESIDE
        )


def show_tiers(tiers: Sequence[Row]) -> None:
    """Show the steps of each ladder, for all of the group."""
    for kind, ladder in dict.fromkeys((step["ladder_kind"], step["ladder_id"]) for step in tiers):
        steps = [step for step in tiers if (step["ladder_kind"], step["ladder_id"]) == (kind, ladder)]
        columns: list[Column[Row]] = [
            Column(explain_strings.TIER, words.tier_words, "wide"),
            Column(explain_strings.CONFIGURED, lambda row: row["configured"]),
            number(explain_strings.AMOUNT_USD, lambda row: money.exact(row["step_cost"])),
        ]
        least = steps[0]["minimum_amount"]
        totals = [
            *([] if least is None else [[explain_strings.AT_LEAST, "", money.exact(least)]]),
            [explain_strings.LADDER_TOTAL, "", money.exact(steps[0]["total_cost"])],
            [explain_strings.IN_THIS_LINE, "", money.exact(steps[0]["line_cost"])],
        ]
        show_some(steps, columns, f"{words.LEVELS['tiers']}: {ladder}", totals=totals)


def show_usage(found: Explanation) -> None:
    """Show what a customer may see of the charges."""
    line = found.line
    assert line is not None
    columns: list[Column[Row]] = [
        Column(strings.ACCOUNT, lambda row: row["sub_account_id"]),
        Column(
            explain_strings.WHAT,
            lambda row: Cell(row["usage_type"] or strings.plain(row["charge_type"]), detail=row["region_id"]),
            "wide",
        ),
        number(explain_strings.QUANTITY, quantity),
        number(explain_strings.BILLED_RATE, lambda row: money.exact(row["billed_rate"])),
        number(explain_strings.BILLED_USD, lambda row: money.exact(row["billed_cost"])),
    ]
    total = ["", explain_strings.THE_LINE, "", "", money.exact(line["exact_amount_usd"])]
    show_some(found.usage, columns, words.LEVELS["usage"], totals=[total])


def show_credits(found: Explanation) -> None:
    """Show the customer credits that are drawn on the line (K1)."""
    if not found.credits:
        return
    units = found.shown["minor_units"]
    columns: list[Column[Row]] = [
        Column(strings.ACCOUNT, lambda row: row["sub_account_id"]),
        Column(strings.CREDIT, lambda row: row["credit_id"]),
        number(strings.amount_in(found.shown["currency"]), lambda row: money.document(row["amount"], units)),
    ]
    show_some(found.credits, columns, words.LEVELS["credits"])


def show_files(found: Explanation, *, for_customer: bool) -> None:
    """Offer the levels as files."""
    name = exports.file_name("explain", found.name(for_customer=for_customer), "customer" if for_customer else "")
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            explain_strings.DOWNLOAD_XLSX,
            data=lambda: files.to_workbook(found, None, for_customer=for_customer),
            file_name=f"{name}.xlsx",
            mime=exports.XLSX_TYPE,
            key="explain_xlsx",
            on_click="ignore",
            icon=":material/download:",
        )
        st.download_button(
            explain_strings.DOWNLOAD_JSON,
            data=lambda: files.to_json(found, None, for_customer=for_customer),
            file_name=f"{name}.json",
            mime="application/json",
            key="explain_json",
            on_click="ignore",
            icon=":material/download:",
        )


def show_rows(found: Explanation, publication: Publication, *, for_customer: bool) -> None:
    """Read AWS's rows when somebody asks for them, show the first ones and offer all as a file."""
    st.subheader(words.LEVELS["rows"])
    if for_customer and found.line is not None and found.line["is_group_charge"]:
        st.caption(words.NO_ROWS_FOR_CUSTOMER)
        return
    asked = (publication.stamp, found.reference.name, for_customer)
    if st.button(explain_strings.READ_ROWS, key="explain_rows", icon=":material/table_rows:"):
        try:
            with (
                st.spinner(explain_strings.READING_ROWS),
                line_rows(Workspace.from_environment(), found.reference, for_customer=for_customer) as rows,
            ):
                kept = None if rows.count > MOST_ROWS else rows.to_csv()
                sums = {} if for_customer else {"aws": rows.aws_cost, "list": rows.list_cost}
                sums["billed"] = rows.billed_cost
                st.session_state["explained_rows"] = (asked, rows.count, rows.fetch(ROWS_SHOWN), kept, sums)
        except ChargehouseError as error:
            work.show_failure(error)
            return
    key, count, first, content, sums = st.session_state.get("explained_rows", (None, 0, [], b"", {}))
    if key != asked:
        return
    show_read_rows(first, count, sums, for_customer=for_customer)
    if content is None:
        flags = "--rows --customer" if for_customer else "--rows"
        st.info(explain_strings.TOO_MANY_ROWS)
        st.code(f"chargehouse explain {found.reference.name} {flags} --to rows.csv", language=None)
        return
    name = exports.file_name("rows", found.name(for_customer=for_customer), "customer" if for_customer else "")
    st.download_button(
        explain_strings.DOWNLOAD_ROWS,
        data=content,
        file_name=f"{name}.csv",
        mime="text/csv",
        key="explain_rows_csv",
        on_click="ignore",
        icon=":material/download:",
    )


def show_read_rows(first: Sequence[Row], count: int, sums: dict[str, Decimal], *, for_customer: bool) -> None:
    """Show the first rows, with the sums of all of them."""
    if for_customer:
        columns: list[Column[Row]] = [
            Column(strings.ACCOUNT, lambda row: row["sub_account_id"]),
            Column(explain_strings.WHAT, lambda row: Cell(row["usage_type"], detail=row["resource_id"]), "wide"),
            Column(strings.PERIOD, lambda row: str(row["usage_start_at"]), "fixed"),
            number(explain_strings.QUANTITY, quantity),
            number(explain_strings.BILLED_USD, lambda row: money.exact(row["billed_cost"])),
        ]
        total = ["", explain_strings.SUMS, "", "", money.exact(sums["billed"])]
    else:
        columns = [
            Column(
                explain_strings.FILE,
                lambda row: Cell(
                    f"{row['source_file']}, {row['source_row_number']:,}",
                    detail=row["delivery_key"],
                ),
                "wide",
            ),
            Column(explain_strings.WHAT, lambda row: Cell(row["usage_type"], detail=row["line_item_type"]), "wide"),
            number(explain_strings.QUANTITY, quantity),
            number(strings.LIST_COST, lambda row: money.exact(row["list_cost"])),
            number(strings.AWS_COST, lambda row: money.exact(row["aws_cost"])),
            number(explain_strings.BILLED_USD, lambda row: money.exact(row["billed_cost"])),
        ]
        amounts = [money.exact(sums[name]) for name in ("list", "aws", "billed")]
        total = [explain_strings.SUMS, "", "", *amounts]
    tables.show(first, columns, caption=explain_strings.row_count(count), totals=[total])
    st.caption(explain_strings.row_count(count))


def main() -> None:
    """Draw the page."""
    chosen = filters.selection()
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    name = left.text_input(
        explain_strings.LINE,
        key="line",
        bind="query-params",
        help=explain_strings.LINE_HELP,
        placeholder=explain_strings.LINE_PLACEHOLDER,
    )
    for_customer = right.toggle(
        explain_strings.CUSTOMER_VIEW, key="customer_view", help=explain_strings.CUSTOMER_VIEW_HELP
    )
    if not name:
        show_choice(chosen)
        return
    try:
        found = explanation(chosen.publication, name)
    except PublicationError:
        raise
    except ChargehouseError as error:
        # The message repeats what the address asks for: as Markdown it could link or load a picture.
        st.error(explain_strings.NOT_EXPLAINED, icon=":material/error:")
        st.text(str(error))
        return
    show_head(found, for_customer=for_customer)
    if found.document is not None:
        show_document(found, for_customer=for_customer)
    shows_today = found.shows_today(for_customer=for_customer)
    if shows_today:
        show_bridge(found, for_customer=for_customer)
        show_accounts(found, for_customer=for_customer)
        if for_customer:
            show_usage(found)
        else:
            show_charges(found)
        show_credits(found)
    show_files(found, for_customer=for_customer)
    if shows_today:
        show_rows(found, chosen.publication, for_customer=for_customer)


if __name__ == "__main__":
    main()
