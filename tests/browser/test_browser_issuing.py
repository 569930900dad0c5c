"""A person in finance approves, issues, opens the document and downloads it, in a real browser."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from browser_reader import PATIENCE, WIDTHS, Reader
from playwright.sync_api import expect

from dashboards import strings
from orchestration.settings import PROJECT_ROOT, Workspace, child_environment

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SitDown = Callable[..., Reader]
Serve = Callable[[Path], str]
Publish = Callable[..., None]

# A whole run follows issuing; machines that run other tests beside are slow.
RUN = 900_000


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two months to approve and issue; made by another process, as Dagster and Playwright do not share one."""
    workspace = Workspace.at(tmp_path_factory.mktemp("drafted"))
    code = (
        "from tests.integration.workspaces import draft_months; from orchestration.settings import Workspace; "
        "draft_months(Workspace.from_environment())"
    )
    subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, env=child_environment(workspace), check=True, timeout=900
    )
    return workspace


@pytest.mark.parametrize("width", WIDTHS)
def test_from_a_draft_to_the_customers_document(
    width: int, drafted: Workspace, serve: Serve, reader: SitDown, tmp_path: Path
) -> None:
    workspace = Workspace.at(Path(shutil.copytree(drafted.root, tmp_path / "workspace")))
    person = reader(serve(workspace.root), width).open("approve_and_issue?period=January+2024")
    page = person.page
    box = page.get_by_role("checkbox", name=strings.choose_document("First Ltd", "invoice"))
    box.focus()
    page.keyboard.press("Space")
    person.settled()

    page.get_by_role("button", name=strings.APPROVE, exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(strings.APPROVE_EFFECT)).to_be_visible()
    dialog.get_by_role("textbox", name=strings.YOUR_NAME).fill("Ada")
    dialog.get_by_role("button", name=strings.decision(strings.APPROVE, 1)).click()
    expect(page.get_by_text(strings.done(1, strings.DONE_APPROVED))).to_be_visible(timeout=RUN)
    person.settled()
    expect(page.get_by_text("You act as Ada.")).to_be_visible()

    # What is approved is still chosen. Issuing says what it does, shows that it goes on, and ends with the number.
    page.get_by_role("button", name=strings.ISSUE, exact=True).click()
    expect(dialog.get_by_text("This cannot be undone")).to_be_visible()
    expect(dialog).to_contain_text("USD 242.00")
    dialog.get_by_role("button", name=strings.decision(strings.ISSUE, 1)).click()
    expect(page.get_by_text(strings.doing("Issuing", 1))).to_be_visible()
    number = f"RS-{datetime.now(UTC).year}-000001"
    expect(page.get_by_text(number)).to_be_visible(timeout=RUN)
    person.settled()
    main = page.get_by_test_id("stMain")
    assert main.evaluate("e => e.scrollWidth <= e.clientWidth")
    person.sees_no_fault()

    page.get_by_role("link", name=strings.SEE_DOCUMENTS).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(strings.DOCUMENTS, timeout=PATIENCE * 1000)
    person.settled()
    expect(person.table(strings.DOCUMENT_LIST)).to_contain_text(number)
    expect(person.table(f"{strings.INVOICE_LINES}, {number}")).to_contain_text("200.00")
    with page.expect_download() as download:
        page.get_by_role("button", name=strings.FILE_NAMES["pdf"], exact=True).click()
    assert download.value.suggested_filename == f"{number}.pdf"
    content = download.value.path().read_bytes()
    assert content.startswith(b"%PDF")
    assert content == workspace.document_file("2024-01", number, "pdf").read_bytes()
    assert main.evaluate("e => e.scrollWidth <= e.clientWidth")
    person.sees_no_fault()


@pytest.fixture(scope="module")
def documents_url(serve: Serve, publish: Publish, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The pages on a published workspace with a document, decisions and credits, that no test changes."""
    root = tmp_path_factory.mktemp("documents")
    publish(Workspace.at(root).published_file, documents=True)
    return serve(root)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_correction_and_why(width: int, documents_url: str, reader: SitDown) -> None:
    person = reader(documents_url, width).open("approve_and_issue?period=September+2025")
    page = person.page
    assert page.get_by_test_id("stMain").evaluate("e => e.scrollWidth <= e.clientWidth")
    page.get_by_role("button", name=strings.DETAILS).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Restatement by AWS")).to_be_visible()
    expect(dialog.get_by_text("pricing_rules.csv, acme-global-10 changed")).to_be_visible()
    expect(dialog.get_by_role("region", name=strings.DIFFERENCES)).to_contain_text("-12.34")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    person.sees_no_fault()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("title", [strings.APPROVE_AND_ISSUE, strings.DOCUMENTS, strings.CREDITS])
def test_the_pages_of_invoicing_open_from_the_menu(title: str, width: int, documents_url: str, reader: SitDown) -> None:
    person = reader(documents_url, width).open()
    # A narrow window folds the menu up further. What it measures its width with is inert.
    person.page.locator("[data-testid=stTopNavSection]:not([inert] *)").click()
    person.page.get_by_test_id("stTopNavDropdownLink").filter(has_text=title).click()
    expect(person.page.get_by_role("heading", level=1)).to_have_text(title)
    person.settled()
    assert person.page.get_by_test_id("stMain").evaluate("e => e.scrollWidth <= e.clientWidth")
    person.sees_no_fault()
