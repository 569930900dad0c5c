"""Work that takes longer than a click: it goes on in the background, and the page shows how far it is.

What is here: starting it, showing its steps, and what became of it.
When to add here: another thing that all such work needs.
What does not belong here: the work itself; that is a function of ``orchestration``.

Streamlit stops a page's script in the middle whenever somebody clicks, so nothing that changes the ledger may run in
it: the work has a thread of its own, which also ends what it has begun after the page is closed or the server stopped.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import Generic, TypeVar

import streamlit as st

from dashboards import strings
from orchestration.errors import ChargehouseError, NotBuiltError, WorkspaceBusyError

__all__ = ["Report", "Work", "plain_markdown", "show_failure", "show_progress", "start"]

_LOG = logging.getLogger("chargehouse.pages")

Result = TypeVar("Result")
Report = Callable[[str], None]

# Seconds between two looks at how far it is.
_INTERVAL = 1.0


@dataclass
class Work(Generic[Result]):
    """One piece of work.

    Attributes:
        title: what is done, in words.
        step: how far it is.
        result: what it returned; None until then, or where it failed.
        error: why it failed; None where it did not.
    """

    title: str
    step: str = strings.STARTING
    result: Result | None = None
    error: Exception | None = None
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def is_going_on(self) -> bool:
        """Whether it has not ended yet."""
        return not self._ended.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended; return whether it has."""
        return self._ended.wait(seconds)

    def _report(self, step: str) -> None:
        self.step = step

    def _do(self, function: Callable[[Report], Result]) -> None:
        try:
            self.result = function(self._report)
        except ChargehouseError as error:
            self.error = error
        except Exception as error:
            _LOG.exception("%s failed", self.title)
            self.error = error
        finally:
            self._ended.set()


def start(title: str, function: Callable[[Report], Result]) -> Work[Result]:
    """Begin something in the background; keep what this returns in the session.

    Args:
        title: what is done, in words.
        function: does it; it is given a function to say each step with, and may use nothing of Streamlit.
    """
    work: Work[Result] = Work(title)
    # Not a daemon: a server that is stopped lets it finish.
    threading.Thread(target=work._do, args=(function,), name=title).start()
    return work


@st.fragment(run_every=_INTERVAL)
def show_progress(work: Work[Result]) -> None:
    """Show what goes on, until it has ended; then the whole page is drawn again."""
    if not work.is_going_on:
        st.rerun(scope="app")
    with st.container(border=True, key="work_going_on"):
        title, step = escape(work.title), escape(work.step)
        st.html(f'<div class="ch-working" role="status"><i></i><b>{title}</b><span>{step}</span></div>')


def plain_markdown(text: str) -> str:
    """Keep names of files and rows as they are: Markdown would read their underscores and stars."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#$~|" else letter for letter in text)


def show_failure(error: Exception) -> None:
    """Say why something could not be done, and what to do."""
    # Problems stand on lines of their own.
    told = plain_markdown(str(error)).replace("\n", "  \n")
    match error:
        case WorkspaceBusyError():
            st.warning(f"**{strings.BUSY}.** {strings.BUSY_REMEDY}\n\n{told}", icon=":material/hourglass_top:")
        case NotBuiltError():
            st.warning(f"**{strings.NOT_BUILT}.** {strings.NOT_BUILT_REMEDY}\n\n{told}", icon=":material/sync_problem:")
        case ChargehouseError():
            st.error(f"**{strings.FAILED}.** {told}", icon=":material/error:")
        case _:
            st.error(strings.UNEXPECTED, icon=":material/error:")
