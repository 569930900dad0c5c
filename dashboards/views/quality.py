"""Whether the numbers can be trusted, and what there is to mend.

What is here: what stopped the last run, late deliveries, open problems as work lists with their money and the rows that
mend them, the reconciliation, the checks of the last run with the rows that fail, Great Expectations' report.
When to add here: another reason why a month cannot be invoiced.
What does not belong here: mending it; that is done in the billing configuration or by AWS.
"""

import base64
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from dashboards import extracts, quality_strings, queries, strings
from dashboards.components import exports, filters, handouts, money, tables
from dashboards.components.filters import Selection
from dashboards.components.tables import Cell, Column, Section, Tone, number
from dashboards.publication import NothingPublishedError, Publication
from dashboards.queries import CheckFailure, CheckResult, OpenProblem, ProblemTotal, Reconciliation
from orchestration.expectations.data_docs import data_docs_folder
from orchestration.settings import Workspace

# Problems whose charges can be looked at: those that carry this treatment.
UNRATED_PROBLEMS = {"unknown_type", "bad_value"}

# Problems whose subject the charges they are about carry themselves: an account, a shared cost rule.
NAMED_PROBLEMS = {"unassigned_account", "shared_cost_not_spread"}


def show_totals(
    problems: tuple[ProblemTotal, ...], stages: tuple[Reconciliation, ...], results: tuple[CheckResult, ...]
) -> None:
    """Draw how many things are wrong."""
    statuses = [result.status == "pass" for result in results]
    with st.container(horizontal=True, gap="small", key="quality_totals"):
        for label, count in (
            (strings.OPEN_PROBLEMS, sum(problem.problem_count for problem in problems)),
            (strings.PAYERS_WITH_RESIDUAL, len(payers_with_residual(stages))),
            (strings.CHECKS_FAILED, statuses.count(False)),
            (strings.CHECKS_PASSED, statuses.count(True)),
        ):
            st.metric(label, money.integer(count), border=True)


def show_blocked_run(workspace: Workspace) -> None:
    """Say which checks stopped the last run, where it published nothing; the numbers shown are older."""
    try:
        blocked = Publication.at(workspace.failed_checks_file)
    except NothingPublishedError:
        return
    failed = [result for result in queries.check_results(blocked) if result.status != "pass"]
    critical = [result for result in failed if result.severity == "critical"]
    st.error(quality_strings.BLOCKED.format(count=quality_strings.of_checks(len(critical))), icon=":material/error:")
    tables.show(
        critical,
        check_columns(queries.check_failures(blocked)),
        caption=quality_strings.BLOCKED_CHECKS,
    )


def show_late_deliveries(publication: Publication) -> None:
    """Say what payers should have delivered by now."""
    for late in queries.late_deliveries(publication, datetime.now(UTC).replace(tzinfo=None)):
        sentence = quality_strings.LATE_MONTH if late.expected == "month" else quality_strings.LATE_DELIVERY
        st.warning(
            sentence.format(
                period=f"{late.billing_period:%Y-%m}", payer=late.payer_account_id, due=strings.moment(late.due_at)
            ),
            icon=":material/schedule:",
        )


def payers_with_residual(stages: tuple[Reconciliation, ...]) -> list[str]:
    """Return the payers of which something does not tie."""
    return sorted({stage.billing_account_id for stage in stages if stage.residual != 0})


def show_problems(totals: tuple[ProblemTotal, ...], chosen: Selection) -> None:
    """List what to mend, one work list per kind, the most money first."""
    period, group = chosen.period.billing_period, chosen.group_id
    st.subheader(f"{strings.OPEN_PROBLEMS}, {chosen.period_name}")
    if not totals:
        st.success(strings.NO_OPEN_PROBLEMS, icon=":material/check_circle:")
        return
    found: dict[str, list[OpenProblem]] = defaultdict(list)
    for problem in queries.open_problems(chosen.publication, period, group):
        found[problem.problem].append(problem)

    def subject(row: OpenProblem) -> Cell:
        href = ""
        every_charge = [strings.GROUPINGS["none"]]
        if row.problem in NAMED_PROBLEMS:
            href = filters.address(
                strings.CHARGES, chosen, group=row.billing_group_id, search=[row.subject], by=every_charge
            )
        elif row.problem in UNRATED_PROBLEMS and row.billing_group_id:
            href = filters.address(
                strings.CHARGES,
                chosen,
                group=row.billing_group_id,
                treatment=[strings.TREATMENTS["unrated"]],
                by=every_charge,
            )
        return Cell(row.subject, detail=row.detail, href=href)

    def concerned(row: OpenProblem) -> Cell:
        return Cell(row.billing_group_name or strings.ALL_GROUPS, detail=row.billing_group_id)

    def meaning(column: str) -> str:
        return queries.meaning(chosen.publication, f"fct_open_problems.{column}")

    columns: list[Column[OpenProblem]] = [
        Column(strings.SUBJECT, subject, "wide"),
        Column(strings.GROUP, concerned),
        Column(strings.PAYER, lambda row: row.billing_account_id or money.MISSING),
        Column(quality_strings.SINCE, lambda row: f"{row.since:%Y-%m}", "fixed"),
        Column(
            quality_strings.ROW_TO_ADD,
            lambda row: Cell(row.ready_row or money.MISSING, detail=row.file_name),
            help=meaning("ready_row"),
        ),
        number(strings.ROWS, lambda row: money.integer(row.row_count), meaning("row_count")),
        number(quality_strings.AT_STAKE, lambda row: money.usd(row.amount_at_stake), meaning("amount_at_stake")),
    ]
    sections = [
        Section(
            found[total.problem],
            title=f"{strings.of(strings.PROBLEMS, total.problem)} ({money.integer(total.problem_count)})",
            note=quality_strings.who_does(
                found[total.problem][0].owner, strings.PROBLEM_REMEDIES.get(total.problem, "")
            ),
            totals=(money.integer(total.row_count), money.usd(total.amount_at_stake)),
        )
        for total in totals
    ]
    tables.show_sections(sections, columns, caption=f"{strings.OPEN_PROBLEMS}, {chosen.period_name}")
    show_rows_to_add([problem for total in totals for problem in found[total.problem]])
    exports.buttons(
        "problems",
        exports.file_name("open-problems", f"{period:%Y-%m}", chosen.group_name),
        [
            exports.Sheet(
                strings.OPEN_PROBLEMS,
                lambda: extracts.open_problems(chosen.publication, period, group),
            )
        ],
        [("Content", f"Open problems of {chosen.period_name}"), (strings.GROUP, chosen.group_name)],
        what="the open problems",
    )


def show_rows_to_add(problems: Sequence[OpenProblem]) -> None:
    """Offer the rows that would mend the problems, ready to be copied, by file."""
    rows: dict[str, dict[str, None]] = defaultdict(dict)
    for problem in problems:
        if problem.ready_row:
            rows[problem.file_name][problem.ready_row] = None
    if not rows:
        return
    with st.expander(quality_strings.ROWS_TO_ADD, icon=":material/content_copy:"):
        st.caption(quality_strings.ROWS_TO_ADD_HELP)
        for file_name, ready_rows in rows.items():
            st.markdown(f"`{file_name}`")
            st.code("\n".join(ready_rows), language=None)


def show_reconciliation(stages: tuple[Reconciliation, ...], chosen: Selection) -> None:
    """Show for each payer that what AWS delivered is all accounted for, or how much is not."""
    st.subheader(f"{strings.RECONCILIATION}, {chosen.period_name}")
    if not stages:
        st.info(strings.NO_RECONCILIATION)
        return
    open_payers = payers_with_residual(stages)
    if open_payers:
        st.error(f"**{', '.join(open_payers)}** {strings.RESIDUAL_NOT_ZERO}", icon=":material/error:")
    else:
        st.success(strings.RESIDUAL_ZERO, icon=":material/check_circle:")

    def residual(row: Reconciliation) -> Cell:
        # Exact: a residual is a fault however small it is.
        return Cell(money.exact(row.residual), tone="bad" if row.residual != 0 else "good")

    def meaning(column: str) -> str:
        return queries.meaning(chosen.publication, f"fct_reconciliation.{column}")

    columns: list[Column[Reconciliation]] = [
        Column(strings.STAGE, lambda row: strings.of(strings.STAGES, row.stage), "wide"),
        number(strings.AMOUNT_USD, lambda row: money.exact(row.amount), meaning("amount")),
        number(f"{strings.RESIDUAL}, USD", residual, meaning("residual")),
    ]
    payers = dict.fromkeys(stage.billing_account_id for stage in stages)
    sections = [
        Section([stage for stage in stages if stage.billing_account_id == payer], title=f"{strings.PAYER} {payer}")
        for payer in payers
    ]
    tables.show_sections(sections, columns, caption=strings.RECONCILIATION)
    exports.buttons(
        "reconciliation",
        exports.file_name("reconciliation", f"{chosen.period.billing_period:%Y-%m}"),
        [
            exports.Sheet(
                "Reconciliation",
                lambda: extracts.reconciliation(chosen.publication, chosen.period.billing_period),
            )
        ],
        [("Content", f"Reconciliation of {chosen.period_name} with what AWS delivered, USD")],
        what="the reconciliation",
    )


def check_columns(failures: Sequence[CheckFailure]) -> list[Column[CheckResult]]:
    """Return the columns of a list of checks, with the rows that fail to be opened beneath each."""
    by_check: dict[str, list[CheckFailure]] = defaultdict(list)
    for failure in failures:
        by_check[failure.check_id].append(failure)

    def check(row: CheckResult) -> Cell:
        if row.status == "pass":
            return Cell(
                row.check_name,
                more=[(quality_strings.MEANING, row.meaning), (quality_strings.WHAT_TO_DO, row.remedy)],
                more_label=quality_strings.CHECK_EXPLAINED,
            )
        kept = by_check[row.check_id]
        label = quality_strings.FAILING_ROW_COUNT.format(
            count=money.integer(len(kept)), total=money.integer(row.failure_count)
        )
        return Cell(
            row.check_name,
            detail=row.meaning,
            more=[(failure.failing_row or row.subject, failure.found) for failure in kept]
            or [(row.subject, row.detail)],
            more_label=label if kept else quality_strings.FAILING_ROWS,
        )

    def status(row: CheckResult) -> Cell:
        passed = row.status == "pass"
        tone: Tone = "good" if passed else "warning" if row.severity == "warning" else "bad"
        detail = "" if passed else strings.of(strings.SEVERITIES, row.severity)
        return Cell(strings.of(strings.CHECK_STATUSES, row.status), detail=detail, tone=tone, badge=True)

    return [
        Column(strings.CHECK, check, "wide"),
        Column(strings.SUBJECT, lambda row: row.subject),
        Column(
            quality_strings.WHO_ACTS,
            lambda row: Cell(
                strings.of(quality_strings.OWNERS, row.owner), detail="" if row.status == "pass" else row.remedy
            ),
        ),
        Column(strings.CHECKED, lambda row: strings.moment(row.checked_at), "fixed"),
        Column(strings.RESULT, status),
    ]


def show_report(workspace: Workspace) -> None:
    """Show Great Expectations' report of the last run, a suite at a time, and offer it as a file."""
    with st.expander(quality_strings.REPORT, icon=":material/description:"):
        written = {page.stem: page for page in data_docs_folder(workspace.warehouse).glob("*.html")}
        pages = {suite: written[suite] for suite in quality_strings.SUITES if suite in written}
        if not pages:
            st.info(quality_strings.NO_REPORT)
            return
        st.caption(quality_strings.REPORT_HELP)
        suite = st.selectbox(
            quality_strings.SUITE,
            list(pages),
            format_func=lambda name: strings.of(quality_strings.SUITES, name),
            key="quality_suite",
        )
        st.download_button(
            quality_strings.DOWNLOAD_REPORT,
            pages[suite].read_bytes,
            file_name=f"great-expectations-{suite}.html",
            mime="text/html",
            key="quality_report",
            on_click="ignore",
        )
        # An address of its own kind, so that the page inside can reach nothing of this one.
        content = base64.b64encode(pages[suite].read_bytes()).decode()
        st.iframe(f"data:text/html;base64,{content}", height=700)


def show_checks(results: tuple[CheckResult, ...], chosen: Selection) -> None:
    """List the checks of the last run by layer, failed ones first."""
    st.subheader(strings.CHECKS)
    run = queries.latest_run(chosen.publication)
    if run is not None:
        st.caption(strings.run_facts(run.run_id, run.finished_at, run.code_version, run.membership_basis))
    if not results:
        st.info(strings.NO_CHECKS)
        return
    with_passed = st.toggle(strings.SHOW_PASSED, key="passed", bind="query-params")

    columns = check_columns(queries.check_failures(chosen.publication))
    sections = []
    for layer in dict.fromkeys(result.layer for result in sorted(results, key=lambda each: each.layer != "raw")):
        of_layer = [result for result in results if result.layer == layer]
        passed = sum(result.status == "pass" for result in of_layer)
        sections.append(
            Section(
                [result for result in of_layer if with_passed or result.status != "pass"],
                title=strings.of(strings.LAYERS, layer),
                note=strings.passed(passed, len(of_layer)),
            )
        )
    tables.show_sections(sections, columns, caption=strings.CHECKS)
    exports.buttons(
        "checks",
        exports.file_name("checks"),
        [exports.Sheet("Checks", lambda: extracts.check_results(chosen.publication))],
        [("Content", strings.CHECKS)],
        what="all checks",
    )


def main() -> None:
    """Draw the page."""
    chosen = filters.selection()
    period = chosen.period.billing_period
    problems = queries.problem_totals(chosen.publication, period, chosen.group_id)
    stages = queries.reconciliation(chosen.publication, period)
    results = queries.check_results(chosen.publication)
    workspace = Workspace.from_environment()
    show_blocked_run(workspace)
    show_late_deliveries(chosen.publication)
    show_totals(problems, stages, results)
    show_problems(problems, chosen)
    show_reconciliation(stages, chosen)
    show_checks(results, chosen)
    show_report(workspace)
    handouts.html_page(
        "data_dictionary",
        strings.DATA_DICTIONARY,
        strings.DATA_DICTIONARY_TEXT,
        Workspace.from_environment().data_dictionary,
        strings.DATA_DICTIONARY_MISSING,
    )


if __name__ == "__main__":
    main()
