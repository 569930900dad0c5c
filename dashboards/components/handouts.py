"""Pages that other programs made, handed to the reader's browser.

What is here: the button that hands out one HTML file of the workspace, or what to do where it is not made yet.
When to add here: another form in which such a page comes.
What does not belong here: making it; and pages of our own, which are views.

Such a page comes as one file that needs no server and is opened from the reader's disk: Streamlit serves no HTML of
others, and pages with addresses inside themselves do not work in a frame.
"""

from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from dashboards import strings

__all__ = ["html_page"]


def html_page(key: str, title: str, what: str, file: Path, remedy: str) -> None:
    """Offer one HTML file under its title.

    Args:
        key: widget key, unique in the app.
        title: what it is called.
        what: what is in it, in a sentence.
        file: where it is, made or not.
        remedy: what makes it, where it is not there.
    """
    st.subheader(title)
    st.caption(what)
    try:
        made = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except FileNotFoundError:
        st.caption(remedy)
        return
    with st.container(horizontal=True, horizontal_alignment="left", vertical_alignment="center", gap="small"):
        st.download_button(
            strings.DOWNLOAD_PAGE,
            data=file.read_bytes,
            file_name=file.name,
            mime="text/html",
            key=key,
            on_click="ignore",
            icon=":material/download:",
        )
        st.caption(f"{strings.MADE} {strings.moment(made)}")
