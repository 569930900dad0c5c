"""Where the web pages start: ``streamlit run dashboards/app.py``.

What is here: the pages, the frame around each of them, and what is shown when there is nothing to show.
When to add here: a page, or something that every page shows.
What does not belong here: what one page shows; that is its file in ``views/``.
"""

from html import escape
from pathlib import Path

import streamlit as st

from dashboards import cost_watch_strings, queries, strings
from dashboards.components import filters
from dashboards.publication import (
    NothingPublishedError,
    Publication,
    PublicationError,
    PublicationReplacedError,
)
from orchestration.settings import Workspace

__all__ = ["main"]

HERE = Path(__file__).resolve().parent
LOGO = HERE / "assets" / "logo.svg"
STYLE = HERE / "assets" / "style.css"

# Seconds between two looks at whether a run has published; a look is one stat() of the file.
WATCH_INTERVAL = 5

# Pages that can be narrowed to one billing group.
GROUP_PAGES = {
    *(strings.OVERVIEW, strings.INVOICES, strings.EXPLAIN, strings.CHARGES, strings.COMMITMENTS, strings.QUALITY),
    *(cost_watch_strings.BUDGETS, cost_watch_strings.ANOMALIES),
    *(strings.APPROVE_AND_ISSUE, strings.DOCUMENTS, strings.CREDITS, strings.RECEIVABLES),
}


def published_version(path: Path) -> Publication | None:
    """Return the version in place, None when there is none."""
    try:
        return Publication.at(path)
    except NothingPublishedError:
        return None


@st.fragment(run_every=WATCH_INTERVAL)
def watch(path: Path, shown: Publication | None) -> None:
    """Show a new publication by itself, with every choice of the reader kept."""
    if published_version(path) != shown:
        st.session_state["refreshed"] = shown is not None
        st.rerun(scope="app")


def show_empty_state(path: Path) -> None:
    """Say that nothing is published yet, and what to do."""
    st.html(
        f'<div class="ch-empty"><h2>{strings.EMPTY_TITLE}</h2><p>{strings.EMPTY_TEXT}</p>'
        f"<code>{strings.EMPTY_COMMAND}</code><small>{strings.EMPTY_PLACE} {escape(str(path))}.</small></div>"
    )


def show_data_as_of(chosen: filters.Selection) -> None:
    """Say when the numbers were made and whether AWS may still change them."""
    run = queries.latest_run(chosen.publication)
    finished = strings.moment(run.finished_at if run else None)
    badge, tone, title = strings.NOT_FINAL, "warning", strings.NOT_FINAL_HELP
    if chosen.period.is_final:
        badge, tone, title = strings.FINAL, "good", strings.FINAL_HELP
    state = f"{chosen.period_name}: {badge.lower()}"
    st.html(
        f'<div class="ch-asof"><span>{strings.DATA_AS_OF} {finished}</span>'
        f'<span class="ch-badge {tone}" title="{escape(title)}">{state}</span></div>'
    )


def show_frame(title: str, publication: Publication) -> bool:
    """Draw title, pickers and data-as-of; return whether there is a period to show."""
    with st.container(key="frame"):
        head, pickers = st.columns([5, 6], vertical_alignment="bottom")
        with pickers:
            chosen = filters.choose_selection(publication, group_used=title in GROUP_PAGES)
        with head:
            st.title(title)
            if chosen is not None:
                show_data_as_of(chosen)
    if chosen is None:
        st.info(strings.NO_PERIODS)
    return chosen is not None


def main() -> None:
    """Run the app once, as Streamlit does for every click."""
    st.set_page_config(page_title=strings.PRODUCT, page_icon=str(LOGO), layout="wide")
    st.html(STYLE)
    st.logo(str(LOGO), size="large")
    page = st.navigation(
        {
            "": [
                st.Page("views/overview.py", title=strings.OVERVIEW, icon=":material/dashboard:", default=True),
                st.Page("views/invoices.py", title=strings.INVOICES, icon=":material/receipt_long:"),
                st.Page("views/explain.py", title=strings.EXPLAIN, icon=":material/account_tree:"),
                st.Page("views/charges.py", title=strings.CHARGES, icon=":material/manage_search:"),
                st.Page("views/commitments.py", title=strings.COMMITMENTS, icon=":material/event_repeat:"),
                st.Page("views/budgets.py", title=cost_watch_strings.BUDGETS, icon=":material/savings:"),
                st.Page("views/anomalies.py", title=cost_watch_strings.ANOMALIES, icon=":material/query_stats:"),
                st.Page("views/quality.py", title=strings.QUALITY, icon=":material/fact_check:"),
                st.Page("views/deliveries.py", title=strings.DELIVERIES, icon=":material/inventory_2:"),
            ],
            strings.INVOICING: [
                st.Page("views/approve_and_issue.py", title=strings.APPROVE_AND_ISSUE, icon=":material/approval:"),
                st.Page("views/documents.py", title=strings.DOCUMENTS, icon=":material/folder_open:"),
                st.Page("views/close.py", title=strings.CLOSE, icon=":material/verified:"),
                st.Page("views/credits.py", title=strings.CREDITS, icon=":material/redeem:"),
                st.Page("views/receivables.py", title=strings.RECEIVABLES, icon=":material/payments:"),
            ],
        },
        position="top",
    )
    path = Workspace.from_environment().published_file
    try:
        publication = published_version(path)
        watch(path, publication)
        if publication is None:
            show_empty_state(path)
            return
        if st.session_state.pop("refreshed", False):
            st.toast(strings.REFRESHED, icon=":material/update:")
        if show_frame(page.title, publication):
            page.run()
    except PublicationReplacedError:
        # A run published between two queries of this page: numbers of two versions never stand side by side.
        st.rerun()
    except PublicationError as error:
        st.error(f"**{strings.ERROR_TITLE}.** {error}", icon=":material/error:")


if __name__ == "__main__":
    main()
