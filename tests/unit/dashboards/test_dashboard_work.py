"""What pages say of work that failed."""

from streamlit.testing.v1 import AppTest

from dashboards import strings


def _failed(error: str) -> AppTest:
    script = (
        "from dashboards.components.work import show_failure\n"
        "from orchestration.errors import BuildError, NotBuiltError, WorkspaceBusyError\n"
        f"show_failure({error})\n"
    )
    at = AppTest.from_string(script, default_timeout=30).run()
    assert not at.exception
    return at


def test_names_of_files_and_rows_are_shown_as_they_are() -> None:
    (box,) = _failed(r"BuildError('fct_charges: [red](x) *a* $1$\n  pricing_rules.csv line 2')").error
    assert box.value == (
        f"**{strings.FAILED}.** fct\\_charges: \\[red\\](x) \\*a\\* \\$1\\$  \n  pricing\\_rules.csv line 2"
    )
    (box,) = _failed("WorkspaceBusyError('in use by a_run_of_x')").warning
    assert box.value.endswith("in use by a\\_run\\_of\\_x")
    (box,) = _failed("NotBuiltError('2024-01 is not built: *new*')").warning
    assert box.value.endswith("2024-01 is not built: \\*new\\*")
