"""Approve and issue, Documents, Credits: what stands on these pages, run without a browser.

That decisions are carried out is tested on a real workspace (``tests/integration/test_issuing_pages.py``).
"""

import csv
import io
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
import streamlit
from dashboard_page import Page
from publication_fixture import REPRICED, RESTATED

from dashboards import strings
from dashboards.components import person, work
from dashboards.publication import Publication
from orchestration.settings import Workspace

Open = Callable[..., Page]

SEPTEMBER = {"period": "September 2025"}


def entries(page: Page) -> list[dict[str, str]]:
    """What stands under each heading of each proposed document; every line of a cell on a line of its own."""
    found = []
    for element in page.at.html:
        if element.value.startswith('<div class="ch-entry'):
            cells = ElementTree.fromstring(element.value).findall("div")
            found.append({cell.findtext("span") or "": "\n".join(cell.find("div").itertext()) for cell in cells})  # type: ignore[union-attr]
    return found


def test_what_waits_for_a_decision(issued: Publication, open_page: Open) -> None:
    page = open_page("approve_and_issue", **SEPTEMBER)
    assert page.metrics == {strings.TO_APPROVE: "2", strings.READY_TO_ISSUE: "1", strings.REFUSED: "0"}
    correction, approved, lapsed = entries(page)
    # Corrections stand first; they say what they correct and why (D4, D5).
    assert correction[strings.CUSTOMER] == "Acme Robotics, Inc.\nAcme Robotics"
    assert correction[strings.KIND] == "Credit note\ncorrects NI-2025-000001"
    assert correction[strings.TOTAL] == "USD -33.34\nNet\n-12.34\nTax\n-21.00"
    assert correction[strings.WHY] == f"{RESTATED}; {REPRICED}"
    assert approved[strings.STATE] == "Approved\nApproved by Ada, 5 Oct 2025, 16:40 UTC"
    assert approved[strings.WHY] == strings.NOTHING_AGAINST
    # D1: who approved other numbers, and why it is a draft again.
    assert lapsed[strings.STATE] == "Draft"
    assert lapsed[strings.WHY] == (
        f"{strings.LAPSED}\nAda, 5 Oct 2025, 16:40 UTC approved it with other numbers. It came to JPY 150,000 then, "
        "and to JPY 152,025 now. Configuration: fx_rates.csv, 2025-09/USD/JPY changed."
    )
    assert [row[:2] + row[-2:-1] for row in page.table(strings.TOTAL).rows] == [
        ["EUR", "1", "1,984.59"], ["JPY", "1", "152,025"], ["USD", "1", "-33.34"],
    ]  # fmt: skip


def test_refusals_say_what_to_do_and_who_overrode_them(issued: Publication, open_page: Open) -> None:
    page = open_page("approve_and_issue")
    acme, bergmann, hikari = entries(page)
    assert [each[strings.STATE] for each in (acme, bergmann, hikari)] == ["Refused", "Draft", "Refused"]
    assert bergmann[strings.WHY] == f"Overridden: {strings.REFUSALS['not_final']}, {strings.REFUSALS['unmapped']}."
    assert acme[strings.WHY] == f"{strings.REFUSALS['unmapped']}\nOverridden: {strings.REFUSALS['not_final']}."
    assert hikari[strings.WHY] == f"{strings.REFUSALS['missing_fx_rate']}; {strings.REFUSALS['not_final']}"
    assert hikari[strings.TOTAL] == strings.RATE_MISSING
    page.at.button(key="details_acme-2025-10-first").click().run()
    assert page.table(strings.WHY_REFUSED).rows == [
        [f"{strings.REFUSALS['unmapped']}\n111122223333", strings.REFUSAL_REMEDIES["unmapped"]],
        [
            f"{strings.REFUSALS['not_final']}\n111122223333",
            f"{strings.OVERRIDDEN}: AWS confirmed it by mail\nBen, 6 Oct 2025, 08:15 UTC",
        ],
    ]


def test_a_correction_line_by_line(issued: Publication, open_page: Open) -> None:
    page = open_page("approve_and_issue", **SEPTEMBER)
    page.at.button(key="details_acme-correction").click().run()
    (row,) = page.table(strings.DIFFERENCES).rows
    issued_amount, now, difference = row[2:]
    assert difference == "-12.34"
    assert [text.value for text in page.at.markdown if text.value.startswith("- ")] == [
        f"- {RESTATED}", "- Configuration: pricing\\_rules.csv, acme-global-10 changed",
    ]  # fmt: skip
    lines = open_page("invoices", **SEPTEMBER, invoice="Acme Robotics, Inc.").table(strings.INVOICE_LINES)
    assert lines.rows[0][4] == now
    documented = open_page("documents", **SEPTEMBER).table(strings.INVOICE_LINES)
    assert documented.rows[0][-2] == issued_amount
    assert page.table(strings.TAX_DIFFERENCES).rows == [["Sales tax", "21 %", "-100.00", "21.00", "–", "-21.00"]]


def test_only_what_fits_a_decision_can_be_chosen_for_it(issued: Publication, open_page: Open) -> None:
    page = open_page("approve_and_issue", **SEPTEMBER)
    decisions = ("approve", "issue", "override", "withdraw")

    def possible() -> set[str]:
        return {name for name in decisions if not page.at.button(key=f"open_{name}").disabled}

    def choose(label: str) -> None:
        for box in page.at.checkbox:
            box.set_value(box.label.endswith(label))
        page.at.run()

    assert possible() == set()
    choose("Bergmann Maschinenbau GmbH")
    assert possible() == {"issue", "withdraw"}
    choose("Hikari Systems K.K.")
    assert possible() == {"approve"}
    page.at.button(key="choose_all").click().run()  # one is chosen, so it lets go of it
    page.at.button(key="choose_all").click().run()
    assert possible() == {"approve", "issue", "withdraw"}
    # What does not fit is named and left out.
    page.at.button(key="open_issue").click().run()
    assert f"{strings.NOT_MEANT} Acme Robotics, Inc., Hikari Systems K.K." in [each.value for each in page.at.caption]
    assert page.table(strings.chosen(1)).column(strings.TOTAL) == ["EUR 1,984.59"]
    assert page.at.button(key="issue_confirm").label == "Issue 1 document"


def test_documents_are_listed_by_state_and_for_other_months(issued: Publication, open_page: Open) -> None:
    page = open_page("approve_and_issue", **SEPTEMBER)
    page.at.button_group(key="state").set_value("Approved").run()
    assert [entry[strings.CUSTOMER].split("\n")[0] for entry in entries(page)] == ["Bergmann Maschinenbau GmbH"]
    assert [row[0] for row in page.table(strings.TOTAL).rows] == ["EUR"]
    page.at.button_group(key="state").set_value("Refused").run()
    assert [info.value for info in page.at.info] == [strings.NOTHING_IN_STATE]
    page.at.button(key="go_2025-10").click().run()
    assert page.at.selectbox(key="period").value == "October 2025"


def test_nothing_waits(issued: Publication, open_page: Open) -> None:
    page = open_page("approve_and_issue", group="Unassigned accounts")
    assert [info.value for info in page.at.info] == [strings.NOTHING_PROPOSED]


def test_invoices_name_their_document(issued: Publication, open_page: Open) -> None:
    table = open_page("invoices", **SEPTEMBER).table(strings.INVOICE_LIST)
    assert table.column(strings.STATE) == ["Issued\nNI-2025-000001", "Draft", "Draft"]


def test_an_issued_document(issued: Publication, open_page: Open) -> None:
    page = open_page("documents", **SEPTEMBER)
    (row,) = page.table(strings.DOCUMENT_LIST).rows
    assert row[:5] == [
        "NI-2025-000001\nInvoice", "Acme Robotics, Inc.\nAcme Robotics", "6 Oct 2025\nDue 5 Nov 2025", "", "USD",
    ]  # fmt: skip
    # 9,749.42 now, and 12.34 and 21.00 of tax more when it was issued
    assert row[5:9] == ["9,761.76", "0.00", "21.00", "9,782.76"]
    assert row[9] == "Ben\n6 Oct 2025"
    assert row[10] == f"{strings.FILES_MISSING}\nPDF, Excel, CSV"
    assert page.at.button(key="make_all_files").label == f"{strings.MAKE_ALL_FILES} (1)"
    assert page.table(strings.BY_TAX).rows == [["Sales tax\nS, Standard rate", "21 %", "", "100.00", "21.00"]]
    assert strings.NO_CREDITS_ON_DOCUMENT in [caption.value for caption in page.at.caption]
    log = page.table(strings.AUDIT_LOG)
    assert [entry[1:4] for entry in log.rows] == [
        ["Ben", "Issued", "NI-2025-000001"], ["Ada", "Approved", "invoice of acme for 2025-09"],
    ]  # fmt: skip
    page.at.text_input(key="log").set_value("nobody").run()
    assert strings.NO_ENTRIES_FOUND in [info.value for info in page.at.info]


def test_files_are_handed_out_as_they_are(
    shared_root_with_documents: Path, issued: Publication, open_page: Open
) -> None:
    folder = Workspace.at(shared_root_with_documents).document_folder("2025-09")
    folder.mkdir(parents=True)
    try:
        for ending in ("pdf", "xml", "xlsx", "csv"):
            (folder / f"NI-2025-000001.{ending}").write_bytes(ending.encode())
        page = open_page("documents", **SEPTEMBER)
        assert page.table(strings.DOCUMENT_LIST).column(strings.FILES) == [strings.FILES_COMPLETE]
        assert not page.at.warning
        for ending in ("pdf", "xml", "xlsx", "csv"):
            assert page.downloads[f"NI-2025-000001.{ending}"]() == ending.encode()
    finally:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def test_no_documents_yet(workspace: Workspace, open_page: Open) -> None:
    page = open_page("documents")
    assert [info.value for info in page.at.info] == [strings.NO_DOCUMENTS, strings.NO_ENTRIES]
    page.at.toggle(key="all_documents").set_value(True).run()
    assert [info.value for info in page.at.info] == [strings.NO_DOCUMENTS_AT_ALL, strings.NO_ENTRIES]


def test_credits_and_their_draws(issued: Publication, open_page: Open) -> None:
    page = open_page("credits")
    assert page.table(strings.CREDIT_LIST).rows == [
        [
            "pilot\npilot", "Bergmann Maschinenbau", "Paused\nfrom 1 Jun 2025 to 31 Aug 2025", "EUR",
            "100.00", "-75.00", "0.00", "-25.00", "0.00",
        ],
        [
            "Welcome credit\nwelcome", "Bergmann Maschinenbau", "from 1 Sep 2025", "EUR", "500.00", "-200.00", "-50.00",
            "0.00", "250.00",
        ],
    ]  # fmt: skip
    draws = page.table(strings.DRAWS)
    assert [[row[0], *row[5:]] for row in draws.rows] == [["Oct 2025", "On a draft", "EUR -50.00"]]
    page.at.toggle(key="all_draws").set_value(True).run()
    assert page.table(strings.DRAWS).column(strings.DRAW) == [
        "EUR -50.00", "EUR -210.00", f"EUR 10.00\n{strings.GIVEN_BACK}",
    ]  # fmt: skip
    rows = list(
        csv.DictReader(io.StringIO(page.downloads["chargehouse-credit-draws.csv"]().decode("utf-8-sig"), newline=""))
    )
    assert [row["amount"] for row in rows] == ["-210.00", "10.00", "-50.00"]


def test_no_credits(workspace: Workspace, open_page: Open) -> None:
    assert [info.value for info in open_page("credits").at.info] == [strings.NO_CREDIT_BALANCES]


def test_a_sign_in_names_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, object] = {"is_logged_in": True, "email": "ada@reseller.example", "name": "Ada"}
    monkeypatch.setattr(streamlit, "user", SimpleNamespace(to_dict=lambda: said))
    assert person.name() == "ada@reseller.example"
    said["is_logged_in"] = False
    assert person.name() == ""


def test_work_goes_on_in_the_background_and_says_how_it_ended() -> None:
    go, gone_on = threading.Event(), []

    def function(report: work.Report) -> str:
        report("half way")
        go.wait(10)
        gone_on.append(True)
        return "done"

    begun = work.start("Issuing", function)
    deadline = time.monotonic() + 10
    while begun.step != "half way" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (begun.is_going_on, begun.step, begun.result) == (True, "half way", None)
    go.set()
    assert begun.wait(10)
    assert (begun.is_going_on, begun.result, begun.error, gone_on) == (False, "done", None, [True])


def test_work_that_fails_keeps_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    def function(_report: work.Report) -> str:
        raise KeyError("nobody thought of this")

    failed = work.start("Issuing", function)
    assert failed.wait(10)
    assert isinstance(failed.error, KeyError)
    assert "nobody thought of this" in caplog.text
