"""Whether the numbers can be trusted, and what there is to mend.

What is here: open problems as work lists with their money, the reconciliation, the checks of the last run.
When to add here: another reason why a month cannot be invoiced.
What does not belong here: mending it; that is done in the billing configuration or by AWS.
"""

from itertools import groupby

import streamlit as st

from dashboards import queries, strings
from dashboards.components import exports, filters, money, tables
from dashboards.components.filters import Selection
from dashboards.components.tables import Cell, Column, Tone
from dashboards.queries import CheckResult, OpenProblem, Reconciliation


def show_problems(chosen: Selection) -> None:
    """List what to mend, one work list per kind, the most money first."""
    period, group = chosen.period.billing_period, chosen.group_id
    st.subheader(f"{strings.OPEN_PROBLEMS}, {chosen.period_name}")
    totals = queries.problem_totals(chosen.publication, period, group)
    if not totals:
        st.success(strings.NO_OPEN_PROBLEMS, icon=":material/check_circle:")
        return
    found = queries.open_problems(chosen.publication, period, group)
    comments = queries.column_comments(chosen.publication)
    columns = [
        Column[OpenProblem]("Subject", lambda row: Cell(row.subject, detail=row.detail), wide=True),
        Column(strings.GROUP, lambda row: Cell(row.billing_group_name or strings.ALL_GROUPS, detail=row.billing_group_id)),
        Column("Payer", lambda row: row.billing_account_id or money.MISSING),
        Column("Rows", lambda row: money.integer(row.row_count), True, comments.get("fct_open_problems.row_count", "")),
        Column(f"{strings.AWS_COST}, USD", lambda row: money.usd(row.aws_cost), True,
               comments.get("fct_open_problems.aws_cost", "")),
    ]  # fmt: skip
    for total in totals:
        name = strings.of(strings.PROBLEMS, total.problem)
        with st.container(border=True, key=f"problem_{total.problem}"):
            st.markdown(f"**{name}** &nbsp; {strings.count(total.problem_count, 'item', 'items')}")
            if total.problem in strings.PROBLEM_REMEDIES:
                st.caption(f"{strings.WHAT_TO_DO}: {strings.PROBLEM_REMEDIES[total.problem]}")
            tables.show(
                [problem for problem in found if problem.problem == total.problem],
                columns,
                caption=name,
                totals=[[strings.TOTAL, "", "", money.integer(total.row_count), money.usd(total.aws_cost)]],
            )
    exports.buttons(
        "problems",
        exports.file_name("open-problems", f"{period:%Y-%m}", chosen.group_name),
        [
            exports.Sheet(
                strings.OPEN_PROBLEMS,
                lambda: queries.extract_open_problems(chosen.publication, period, group),
            )
        ],
        [("Content", f"Open problems of {chosen.period_name}"), (strings.GROUP, chosen.group_name)],
        what=strings.count(len(found), "open problem", "open problems"),
    )


def show_reconciliation(chosen: Selection) -> None:
    """Show for each payer that what AWS delivered is all accounted for, or how much is not."""
    st.subheader(f"{strings.RECONCILIATION}, {chosen.period_name}")
    stages = queries.reconciliation(chosen.publication, chosen.period.billing_period)
    if not stages:
        st.info(strings.NO_RECONCILIATION)
        return
    comments = queries.column_comments(chosen.publication)
    open_payers = sorted({stage.billing_account_id for stage in stages if stage.residual != 0})
    if open_payers:
        st.error(f"**{', '.join(open_payers)}** {strings.RESIDUAL_NOT_ZERO}", icon=":material/error:")
    else:
        st.success(strings.RESIDUAL_ZERO, icon=":material/check_circle:")

    def residual(row: Reconciliation) -> Cell:
        # Exact: a residual is a fault however small it is.
        return Cell(money.exact(row.residual), tone="bad" if row.residual != 0 else "good")

    columns = [
        Column[Reconciliation]("Stage", lambda row: strings.of(strings.STAGES, row.stage), wide=True),
        Column(
            "Amount, USD",
            lambda row: money.exact(row.amount),
            True,
            comments.get("fct_reconciliation.amount", ""),
        ),
        Column(f"{strings.RESIDUAL}, USD", residual, True, comments.get("fct_reconciliation.residual", "")),
    ]
    for payer, rows in groupby(stages, key=lambda stage: stage.billing_account_id):
        st.markdown(f"Payer **{payer}**")
        tables.show(list(rows), columns, caption=f"{strings.RECONCILIATION} {payer}")
    exports.buttons(
        "reconciliation",
        exports.file_name("reconciliation", f"{chosen.period.billing_period:%Y-%m}"),
        [
            exports.Sheet(
                "Reconciliation",
                lambda: queries.extract_reconciliation(chosen.publication, chosen.period.billing_period),
            )
        ],
        [("Content", f"Reconciliation of {chosen.period_name} with what AWS delivered, USD")],
        what="the reconciliation",
    )


def show_checks(chosen: Selection, results: tuple[CheckResult, ...]) -> None:
    """List the checks of the last run by layer, failed ones first."""
    st.subheader(strings.CHECKS)
    if not results:
        st.info(strings.NO_CHECKS)
        return
    with_passed = st.toggle(strings.SHOW_PASSED, key="passed", bind="query-params")

    def status(row: CheckResult) -> Cell:
        passed = row.status == "pass"
        tone: Tone = "good" if passed else "warning" if row.severity == "warn" else "bad"
        detail = "" if passed else strings.of(strings.SEVERITIES, row.severity)
        return Cell(strings.of(strings.CHECK_STATUSES, row.status), detail=detail, tone=tone, badge=True)

    columns = [
        Column[CheckResult]("Result", status),
        Column("Check", lambda row: Cell(row.check_name, detail=row.detail), wide=True),
        Column("Subject", lambda row: row.subject),
        Column("Checked", lambda row: strings.moment(row.checked_at)),
    ]
    for layer in dict.fromkeys(
        result.layer for result in sorted(results, key=lambda each: each.layer != "raw")
    ):
        of_layer = [result for result in results if result.layer == layer]
        passed = sum(result.status == "pass" for result in of_layer)
        st.markdown(f"**{strings.of(strings.LAYERS, layer)}** &nbsp; {passed} of {len(of_layer)} passed")
        shown = [result for result in of_layer if with_passed or result.status != "pass"]
        if shown:
            tables.show(shown, columns, caption=strings.of(strings.LAYERS, layer))
    exports.buttons(
        "checks",
        exports.file_name("checks"),
        [exports.Sheet("Checks", lambda: queries.extract_check_results(chosen.publication))],
        [("Content", strings.CHECKS)],
        what=strings.count(len(results), "check", "checks"),
    )


def main() -> None:
    """Draw the page."""
    chosen = filters.selection()
    results = queries.check_results(chosen.publication)
    with st.container(horizontal=True, gap="small", key="quality_totals"):
        failed = sum(result.status != "pass" for result in results)
        totals = queries.problem_totals(chosen.publication, chosen.period.billing_period, chosen.group_id)
        stages = queries.reconciliation(chosen.publication, chosen.period.billing_period)
        open_payers = {stage.billing_account_id for stage in stages if stage.residual != 0}
        st.metric(
            strings.OPEN_PROBLEMS, money.integer(sum(total.problem_count for total in totals)), border=True
        )
        st.metric("Payers with a residual", money.integer(len(open_payers)), border=True)
        st.metric(strings.CHECKS_FAILED, money.integer(failed), border=True)
        st.metric(strings.CHECKS_PASSED, money.integer(len(results) - failed), border=True)
    show_problems(chosen)
    show_reconciliation(chosen)
    show_checks(chosen, results)


if __name__ == "__main__":
    main()
