"""The pages that finance signs on, run without a browser on a workspace of its own: what they show and what they do."""

import importlib
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import strings
from dashboards.components.work import Work
from orchestration import runs
from orchestration.runs import run_new
from orchestration.settings import PROJECT_ROOT, Workspace
from orchestration.warehouse import workspace_lock
from tests.integration.workspaces import MONTH, REFUND, Rows, rewrite
from tests.unit.ingest.landed_cur import land_legacy

pytestmark = pytest.mark.slow

Query = Callable[[Workspace, str], Rows]
_UNIT_TESTS = str(PROJECT_ROOT / "tests" / "unit" / "dashboards")
_JANUARY, _FEBRUARY = "January 2024", "February 2024"
_PATIENCE = 600


@pytest.fixture
def months(drafted: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    workspace = Workspace.at(Path(shutil.copytree(drafted.root, tmp_path / "workspace")))
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(workspace.root))
    return workspace


@pytest.fixture(scope="module")
def page_of() -> Callable[[AppTest], Any]:
    """Read a page as the unit tests of the pages do."""
    sys.path.insert(0, _UNIT_TESTS)
    module = importlib.import_module("dashboard_page")
    sys.path.remove(_UNIT_TESTS)
    return lambda at: module.Page(at, {}).checked()


class Finance:
    """Somebody in finance on one page."""

    def __init__(self, page_of: Callable[[AppTest], Any], name: str, **address: str) -> None:
        self.at = AppTest.from_file(str(PROJECT_ROOT / "dashboards" / "app.py"), default_timeout=60)
        self.at.query_params.update(address)
        self.at.switch_page(f"views/{name}.py")
        self._page_of = page_of
        self.at.run()

    @property
    def page(self) -> Any:
        return self._page_of(self.at)

    def click(self, key: str, **texts: str) -> "Finance":
        """Fill fields, then click a button."""
        for field, text in texts.items():
            self.at.text_input(key=field).set_value(text)
        self.at.button(key=key).click().run()
        assert not self.at.exception, [element.value for element in self.at.exception]
        return self

    def choose(self, customer: str) -> "Finance":
        (box,) = (box for box in self.at.checkbox if box.label.endswith(customer))
        box.set_value(True).run()
        return self

    def decide(self, decision: str, **texts: str) -> "Finance":
        """Open a decision, confirm it, and wait until it is done."""
        self.click(f"open_{decision}")
        self.click(f"{decision}_confirm", **texts)
        return self.finished("issuing_work")

    def finished(self, key: str) -> "Finance":
        work: Work[Any] = self.at.session_state[key]
        assert work.wait(_PATIENCE)
        self.at.run()
        assert not self.at.exception, [element.value for element in self.at.exception]
        return self

    @property
    def states(self) -> list[tuple[str, str]]:
        """Customer and state of each proposed document that is listed."""
        entries = [element.value for element in self.at.html if element.value.startswith('<div class="ch-entry')]
        badges = dict.fromkeys(strings.INVOICE_STATES.values())
        return [
            (
                next(name for name in ("First Ltd", "Second SA") if name in text),
                next(badge for badge in badges if f">{badge}</span>" in text),
            )
            for text in entries
        ]

    @property
    def told(self) -> str:
        """Everything that stands in coloured boxes."""
        boxes = [*self.at.success, *self.at.warning, *self.at.error, *self.at.info]
        return "\n".join(box.value for box in boxes)


Open = Callable[..., Finance]


@pytest.fixture
def finance(page_of: Callable[[AppTest], Any]) -> Open:
    return lambda name, **address: Finance(page_of, name, **address)


def _not_here(*_arguments: object) -> None:
    raise AssertionError("a run began in the process of the pages")


def test_a_month_from_approval_to_documents_and_a_correction(
    months: Workspace, published: Query, finance: Open
) -> None:
    desk = finance("approve_and_issue", period=_JANUARY)
    assert desk.states == [("First Ltd", "Draft"), ("Second SA", "Draft")]
    assert desk.page.metrics == {strings.TO_APPROVE: "2", strings.READY_TO_ISSUE: "0", strings.REFUSED: "0"}
    assert desk.page.table(strings.TOTAL).rows == [
        ["EUR", "1", "923.40", "-900.00", "0.00", "23.40", ""],
        ["USD", "1", "200.00", "0.00", "42.00", "242.00", ""],
    ]
    assert desk.at.button(key="open_approve").disabled

    # Nothing is decided without a name.
    desk.click("choose_all").click("open_approve").click("approve_confirm")
    assert strings.NAME_MISSING in desk.told
    assert "issuing_work" not in desk.at.session_state
    desk.click("approve_confirm", acting_person_field="Ada", approve_note="Looked at").finished("issuing_work")
    assert strings.done(2, strings.DONE_APPROVED) in desk.told
    assert desk.states == [("First Ltd", "Approved"), ("Second SA", "Approved")]
    assert published(months, "select distinct approved_by, approval_note from marts.fct_proposed_documents where "
                     "state = 'approved'") == [("Ada", "Looked at")]  # fmt: skip

    # One is taken back; the other is issued, under the name that was asked for once.
    desk.click("choose_all").choose("Second SA").click("open_withdraw").click("withdraw_confirm")
    assert strings.REASON_MISSING in desk.told
    desk.click("withdraw_confirm", withdraw_reason="Ask the customer first").finished("issuing_work")
    assert desk.states == [("First Ltd", "Approved"), ("Second SA", "Draft")]
    desk.choose("First Ltd").click("open_issue")
    assert any(text.value == strings.ISSUE_EFFECT for text in desk.at.markdown)
    number = f"RS-{datetime.now(UTC).year}-000001"
    with pytest.MonkeyPatch.context() as patch:
        # The build that follows is another process's, or the pages would stand still for all.
        patch.setattr(runs, "_execute", _not_here)
        desk.click("issue_confirm").finished("issuing_work")
    assert f"**{number}** First Ltd, USD 242.00" in desk.told
    built_as = "select document_digest <> '' from raw.period_builds where billing_period = '2024-01-01'"
    with duckdb.connect(months.warehouse_file, read_only=True) as connection:
        assert connection.execute(built_as).fetchall() == [(True,)]
    assert desk.states == [("Second SA", "Draft")]

    shown = finance("documents", period=_JANUARY)
    (row,) = shown.page.table(strings.DOCUMENT_LIST).rows
    assert row[0] == f"{number}\nInvoice"
    assert (row[5:9], row[10]) == (["200.00", "0.00", "42.00", "242.00"], strings.FILES_COMPLETE)
    assert row[9].startswith("Ada\n")
    lines = shown.page.table(strings.INVOICE_LINES)
    assert lines.column("Amount, USD") == ["200.00"]
    assert shown.page.table(f"{strings.BY_TAX}, {number}").rows == [
        ["Sales tax\nS, Standard rate", "21 %", "", "200.00", "42.00"]
    ]
    log = shown.page.table(strings.AUDIT_LOG)
    assert [row[1:3] for row in log.rows] == [
        ["Ada", "Issued"], ["Ada", "Approval withdrawn"], ["Ada", "Approved"], ["Ada", "Approved"],
    ]  # fmt: skip
    shown.page.at.text_input(key="log").set_value("customer FIRST").run()
    assert [row[2] for row in shown.page.table(strings.AUDIT_LOG).rows] == ["Approval withdrawn"]

    # A lost file is made again, and all is as it was issued.
    pdf = months.document_file("2024-01", number, "pdf")
    content = pdf.read_bytes()
    pdf.unlink()
    shown.at.run()
    assert f"{strings.FILES_GONE} PDF." in shown.told
    shown.click("make_files").finished("document_files_work")
    assert strings.FILES_MADE in shown.told
    assert pdf.read_bytes() == content
    shown.click("verify").finished("verify_work")
    assert strings.SOUND in shown.told
    pdf.write_bytes(content + b" ")
    shown.click("verify").finished("verify_work")
    assert strings.NOT_SOUND in shown.told
    assert str(pdf) in shown.told

    # D4, D5: a late refund and another price; what was issued, what it is now, and why.
    land_legacy(months.landing, "third", [[*MONTH, REFUND]])
    rewrite(months, "pricing_rules.csv", "DISCOUNT,0,", "DISCOUNT,1,")
    run_new(months)
    desk = finance("approve_and_issue", period=_JANUARY)
    assert desk.states == [("First Ltd", "Draft"), ("Second SA", "Draft")]
    (draft_hash,) = (
        row[0] for row in published(months, "select draft_hash from marts.fct_proposed_documents where revision = 1")
    )
    desk.click(f"details_{draft_hash}")
    differences = desk.page.table(strings.DIFFERENCES)
    assert [row[0:1] + row[2:] for row in differences.rows] == [
        ["Usage", "200.00", "198.00", "-2.00"],
        ["Refund", "–", "-30.00", "-30.00"],
    ]
    assert desk.page.table(strings.TAX_DIFFERENCES).rows == [["Sales tax", "21 %", "-32.00", "42.00", "35.28", "-6.72"]]
    causes = [text.value for text in desk.at.markdown if text.value.startswith("- ")]
    assert any("Restatement by AWS: delivery" in cause for cause in causes)
    assert any("pricing\\_rules.csv, markup changed" in cause for cause in causes)


def test_an_approval_that_lapsed_and_a_month_that_is_not_built(
    months: Workspace, published: Query, finance: Open
) -> None:
    desk = finance("approve_and_issue", period=_JANUARY)
    # Somebody else works on the workspace.
    with workspace_lock(months, "a run"):
        desk.choose("First Ltd").decide("approve", acting_person_field="Ada")
    assert strings.BUSY in desk.told
    assert desk.states == [("First Ltd", "Draft"), ("Second SA", "Draft")]
    desk.decide("approve")
    assert desk.states == [("First Ltd", "Approved"), ("Second SA", "Draft")]

    rewrite(months, "pricing_rules.csv", "DISCOUNT,0,", "DISCOUNT,1,")
    desk.decide("issue")
    assert strings.NOT_BUILT in desk.told
    assert "changed configuration" in desk.told
    assert published(months, "select number from marts.fct_documents") == []

    stale = finance("approve_and_issue", period=_JANUARY).choose("First Ltd").click("open_issue")
    run_new(months)
    # What was looked at is not what there is now: the choice names the old numbers.
    stale.at.run()
    assert stale.states == [("First Ltd", "Draft"), ("Second SA", "Draft")]
    assert stale.at.button(key="open_issue").disabled
    (entry,) = (element.value for element in stale.at.html if 'class="ch-entry' in element.value
                and "First Ltd" in element.value)  # fmt: skip
    assert strings.LAPSED in entry
    assert "Ada, " in entry
    assert "It came to USD 242.00 then, and to USD 239.58 now." in entry
    assert "Configuration: pricing_rules.csv, markup changed." in entry


def test_a_refusal_in_words_and_its_override(months: Workspace, published: Query, finance: Open) -> None:
    desk = finance("approve_and_issue", period=_FEBRUARY)
    assert desk.states == [("First Ltd", "Refused"), ("Second SA", "Refused")]
    entries = [element.value for element in desk.at.html if 'class="ch-entry' in element.value]
    assert strings.REFUSALS["not_final"] in entries[0]
    assert strings.REFUSALS["missing_fx_rate"] in entries[1]
    # Without a rate there is nothing to approve, but what else refuses it can be overridden.
    desk.choose("Second SA")
    assert desk.at.button(key="open_approve").disabled
    assert not desk.at.button(key="open_override").disabled
    desk.choose("First Ltd").click("open_override")
    assert {box.label for box in desk.at.checkbox if box.key.startswith("override_")} == {
        strings.REFUSALS["not_final"], strings.REFUSALS["unmapped"],
    }  # fmt: skip
    desk.click("override_confirm", acting_person_field="Ada", override_reason="AWS confirmed it by mail")
    assert strings.OVERRIDE_NONE in desk.told
    desk.at.checkbox(key="override_not_final").set_value(True).run()
    desk.click("override_confirm").finished("issuing_work")
    assert desk.states == [("First Ltd", "Draft"), ("Second SA", "Refused")]
    assert published(
        months,
        "select billing_group_id, refusal, overridden_by, override_reason from marts.fct_issuing_refusals "
        "where billing_period = '2024-02-01' order by all",
    ) == [
        ("one", "not_final", "Ada", "AWS confirmed it by mail"),
        ("two", "missing_fx_rate", None, None),
        ("two", "unmapped", None, None),
    ]
    desk.decide("approve")
    assert desk.states == [("First Ltd", "Approved"), ("Second SA", "Refused")]
