"""Who sits in front of the page: the name that the ledger keeps with whatever they decide.

What is here: the name from the sign-in where one is configured, else asked once per session.
When to add here: another thing that must be known of a person before they decide.
What does not belong here: who may do what; the audit log, which the ledger keeps itself.
"""

import streamlit as st

from dashboards import strings

__all__ = ["ask_name", "name", "remember", "show_name"]

_NAME = "acting_person"
_FIELD = "acting_person_field"


def _signed_in() -> str:
    """Return the e-mail address, or else the name, of the sign-in; empty where nobody is signed in."""
    user = st.user.to_dict()
    if not user.get("is_logged_in"):
        return ""
    return str(user.get("email") or user.get("name") or "")


def name() -> str:
    """Return the name under which things are done; empty until it is known."""
    kept: str = st.session_state.get(_NAME, "")
    return _signed_in() or kept


def ask_name() -> str:
    """Ask for the name where it is not known yet, and return it; empty while the field is.

    Belongs above a button that decides something. What is entered counts from ``remember``, so that the field stays
    until then.
    """
    known = name()
    if known:
        st.caption(strings.acting_as(known))
        return known
    return st.text_input(strings.YOUR_NAME, key=_FIELD, help=strings.YOUR_NAME_HELP, max_chars=120).strip()


def remember(who: str) -> None:
    """Keep the name for the rest of the session."""
    st.session_state[_NAME] = who


def _forget() -> None:
    st.session_state.pop(_NAME, None)


def show_name() -> None:
    """Say under whose name things are done, once that is known, and let them change it."""
    known = name()
    if not known:
        return
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", width="content", key="acting_person_shown"
    ):
        st.caption(strings.acting_as(known), width="content")
        if not _signed_in():
            st.button(strings.CHANGE_NAME, key="acting_person_change", type="tertiary", on_click=_forget)
