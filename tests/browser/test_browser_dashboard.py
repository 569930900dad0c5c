"""What a person sees and can do in a real browser."""

import csv
import io
import threading
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import great_expectations.expectations as gxe
import pyarrow as pa
import pytest
from browser_reader import PATIENCE, WIDTHS, Reader
from openpyxl import load_workbook
from playwright.sync_api import expect

from dashboards import quality_strings, queries, strings
from dashboards.publication import Publication
from orchestration.expectations.data_docs import data_docs_folder, write_data_docs
from orchestration.expectations.validation import Validations, promise
from orchestration.settings import Workspace

pytestmark = pytest.mark.browser

SitDown = Callable[..., Reader]
Serve = Callable[[Path], str]
Publish = Callable[..., None]
OCTOBER = date(2025, 10, 1)
ADDRESSES = {
    strings.OVERVIEW: "",
    strings.INVOICES: "invoices",
    strings.CHARGES: "charges",
    strings.COMMITMENTS: "commitments",
    strings.QUALITY: "quality",
    strings.DELIVERIES: "deliveries",
    strings.CLOSE: "close",
    strings.RECEIVABLES: "receivables",
}
TITLES = tuple(ADDRESSES)
# What stands in the bar itself; the other pages hang in the menus of their sections.
IN_THE_BAR = (*TITLES[:-2], strings.INVOICING)


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_opens_from_the_menu(width: int, shared_url: str, reader: SitDown) -> None:
    person = reader(shared_url, width).open()
    for title in (*TITLES[1:], TITLES[0]):
        person.go(title)
        expect(person.page.get_by_text(f"{strings.DATA_AS_OF} 4 Nov 2025, 06:12 UTC")).to_be_visible()
        expect(person.page.get_by_text("October 2025: not final")).to_be_visible()
        # A page wider than the window would have to be pushed about; tables scroll inside themselves.
        main = person.page.get_by_test_id("stMain")
        assert main.evaluate("e => e.scrollWidth <= e.clientWidth")
        person.sees_no_fault()


@pytest.mark.parametrize("title", TITLES)
def test_every_page_opens_by_its_address(title: str, shared_url: str, reader: SitDown) -> None:
    person = reader(shared_url).open(ADDRESSES[title])
    expect(person.page.get_by_role("heading", level=1)).to_have_text(title)
    person.sees_no_fault()


@pytest.mark.parametrize("width", WIDTHS)
def test_totals_on_the_overview(width: int, shared_url: str, reader: SitDown) -> None:
    person = reader(shared_url, width).open()
    for label, text in (
        (strings.BILLED, "USD 14,372.35"),
        (strings.AWS_COST, "USD 13,076.24"),
        (strings.MARGIN, "USD 1,296.11"),
        (strings.MARGIN_PERCENTAGE, "9.02 %"),
    ):
        value = person.metric(label)
        expect(value).to_have_text(text)
        # Not cut off with dots, however narrow the window is.
        assert value.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    foot = person.table(strings.BY_GROUP).locator("tfoot")
    expect(foot).to_contain_text("14,372.35")
    assert person.page.locator("canvas, svg.marks").count() >= 3  # the charts are drawn
    person.sees_no_fault()


def test_money_stands_on_the_right(shared_url: str, reader: SitDown) -> None:
    person = reader(shared_url).open()
    aligned = person.page.locator(".ch-table td.number").evaluate_all(
        "cells => [...new Set(cells.map(cell => getComputedStyle(cell).textAlign))]"
    )
    assert aligned == ["right"]
    margin = person.page.locator("th", has_text=strings.MARGIN).first
    assert margin.get_attribute("title") == "Billed cost minus AWS cost, without tax."


def test_a_number_leads_to_the_charges_behind_it(shared_url: str, reader: SitDown) -> None:
    person = reader(shared_url).open()
    person.table(strings.BY_GROUP).get_by_role("link", name="Bergmann Maschinenbau").click()
    expect(person.page.get_by_role("heading", level=1)).to_have_text(strings.CHARGES)
    person.settled()
    expect(person.metric(strings.CHARGE_COUNT)).to_have_text("6")
    person.page.get_by_role("link", name="Amazon CloudFront").click()
    expect(person.metric(strings.CHARGE_COUNT)).to_have_text("1", timeout=PATIENCE * 1000)
    expect(person.table(strings.CHARGES)).to_contain_text("EU-DataTransfer-Out-Bytes")
    person.sees_no_fault()


def test_a_choice_stays_while_the_pages_change_and_in_the_address(shared_url: str, reader: SitDown) -> None:
    person = reader(shared_url).open()
    before = person.page.get_by_role("combobox", name=strings.PERIOD).bounding_box()
    person.choose(strings.PERIOD, "September 2025").choose(strings.GROUP, "Acme Robotics")
    # Nothing jumps under the pointer.
    assert person.page.get_by_role("combobox", name=strings.PERIOD).bounding_box() == before
    expect(person.metric(strings.BILLED)).to_have_text("USD 9,749.41")
    for title in TITLES[1:]:
        person.go(title)
        expect(person.page.get_by_role("combobox", name=strings.PERIOD)).to_have_value("September 2025")
        expect(person.page.get_by_role("combobox", name=strings.GROUP)).to_have_value("Acme Robotics")
    colleague = reader(shared_url).open(person.page.url.removeprefix(f"{shared_url}/"))
    expect(colleague.page.get_by_role("combobox", name=strings.GROUP)).to_have_value("Acme Robotics")


@pytest.mark.parametrize("width", WIDTHS)
def test_an_invoice_from_the_list_to_its_lines(width: int, shared_url: str, reader: SitDown) -> None:
    person = reader(shared_url, width).open("invoices")
    person.page.get_by_role("link", name="Bergmann Maschinenbau GmbH").click()
    expect(person.page.get_by_role("combobox", name=strings.INVOICE)).to_have_value(
        "Bergmann Maschinenbau GmbH", timeout=PATIENCE * 1000
    )
    person.settled()
    expect(person.page.get_by_text("EUR 2,206.12")).to_be_visible()
    expect(person.page.get_by_text(strings.TIES)).to_be_visible()
    expect(person.table(strings.INVOICE_LINES).locator("tfoot")).to_contain_text("2,206.12")
    person.page.get_by_role("tab", name=strings.BY_ACCOUNT, exact=True).click()
    expect(person.table(strings.BY_ACCOUNT).locator("tfoot")).to_contain_text("2,206.12")
    person.sees_no_fault()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_line_of_a_group_charge_opens_by_keyboard(width: int, group_charges_url: str, reader: SitDown) -> None:
    person = reader(group_charges_url, width).open("invoices?invoice=Acme+Robotics%2C+Inc.")
    line = person.table(strings.INVOICE_LINES).locator("tr", has_text="Managed service")
    expect(line).to_contain_text("10 % of USD 11,522.09 rated charges and shared costs")
    exact = line.get_by_text("10 % of USD 11,522.0859856727 rated charges and shared costs")
    expect(exact).to_be_hidden()
    line.get_by_text(strings.EXACT_NUMBERS).focus()
    person.page.keyboard.press("Enter")
    expect(exact).to_be_visible()
    expect(line.get_by_text("managed, custom_line_items.csv")).to_be_visible()
    main = person.page.get_by_test_id("stMain")
    assert main.evaluate("e => e.scrollWidth <= e.clientWidth")
    person.sees_no_fault()


@pytest.mark.parametrize("width", WIDTHS)
def test_commitments(width: int, shared_url: str, reader: SitDown) -> None:
    person = reader(shared_url, width).open("commitments")
    for label, text in (
        (strings.COST, "USD 482.62"),
        (strings.UNUSED, "USD 102.25"),
        (strings.UTILIZATION, "78.81 %"),
        (strings.SAVINGS, "USD 137.38"),
    ):
        value = person.metric(label)
        expect(value).to_have_text(text)
        assert value.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    table = person.table(strings.COMMITMENTS_IN_MONTH)
    first = table.locator("tbody tr").first
    expect(first).to_contain_text("werk-mysql")
    # The bars are drawn, and as long as they say.
    shares = table.locator(".ch-bar").evaluate_all(
        "bars => bars.map(bar => bar.firstChild.getBoundingClientRect().width / bar.getBoundingClientRect().width)"
    )
    assert [round(share, 2) for share in shares] == [0.33, 0, 0.96, 1]
    person.choose(strings.SORT_BY, strings.COMMITMENT_SORTS["savings"])
    expect(first).to_contain_text("1f0c2d3e")
    expect(person.table(strings.EACH_POLICY).locator("tfoot")).to_contain_text("14,184.23")
    person.choose(strings.GROUP, "Acme Robotics")
    expect(person.metric(strings.BENEFIT_OF_GROUP)).to_have_text("USD 140.00")
    expect(person.page.get_by_role("combobox", name=strings.SORT_BY)).to_have_value(strings.COMMITMENT_SORTS["savings"])
    colleague = reader(shared_url, width).open(person.page.url.removeprefix(f"{shared_url}/"))
    expect(colleague.metric(strings.BENEFIT_OF_GROUP)).to_have_text("USD 140.00")
    person.sees_no_fault()


def test_commitments_can_be_reached_by_keyboard(shared_url: str, reader: SitDown) -> None:
    person = reader(shared_url).open("commitments")
    reached = []
    for _ in range(35):
        person.page.keyboard.press("Tab")
        reached.append(
            person.page.evaluate(
                "(e => (e.getAttribute('aria-label') || e.innerText || '').trim())(document.activeElement)"
            )
        )
    for name in (strings.PERIOD, strings.GROUP, strings.SORT_BY):
        assert name in reached, name
    for caption in (strings.COMMITMENTS_IN_MONTH, strings.EACH_POLICY):
        assert [text for text in reached if text.startswith(caption)], caption
    # "download" is the buttons' icon, which is a word to those who do not see it.
    buttons = [text.split()[-1] for text in reached if text.startswith("download")]
    assert buttons[:4] == [strings.DOWNLOAD_CSV, strings.DOWNLOAD_XLSX] * 2


def test_downloads_hold_everything_that_was_found(shared_url: str, reader: SitDown, tmp_path: Path) -> None:
    person = reader(shared_url).open("charges?group=Acme+Robotics&by=Every+charge")
    expect(person.page.get_by_text("Showing first 250 of 613 charges")).to_be_visible()
    with person.page.expect_download() as csv_download:
        person.page.get_by_role("button", name=strings.DOWNLOAD_CSV).click()
    assert csv_download.value.suggested_filename == "chargehouse-charges-2025-10-acme-robotics.csv"
    content = csv_download.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content, newline="")))
    assert len(rows) == 613
    # 10,724.354872 of the fixture and 600 cents
    assert sum(Decimal(row["billed_cost"]) for row in rows) == Decimal("10730.354872")
    with person.page.expect_download() as xlsx_download:
        person.page.get_by_role("button", name=strings.DOWNLOAD_XLSX).click()
    xlsx_download.value.save_as(tmp_path / "charges.xlsx")
    workbook = load_workbook(tmp_path / "charges.xlsx")
    head, *cells = workbook[strings.CHARGES].iter_rows(values_only=True)
    assert len(cells) == 613
    exact = head.index("billed_cost_exact")
    assert sum(Decimal(str(row[exact])) for row in cells) == Decimal("10730.354872")
    person.sees_no_fault()


def test_everything_can_be_reached_by_keyboard(shared_url: str, reader: SitDown) -> None:
    person = reader(shared_url).open("charges")
    reached = []
    for _ in range(45):
        person.page.keyboard.press("Tab")
        reached.append(
            person.page.evaluate(
                "(e => (e.getAttribute('aria-label') || e.innerText || '').trim())(document.activeElement)"
            )
        )
    for title in IN_THE_BAR:
        assert any(text.startswith(title) or text.endswith(title) for text in reached), title
    for name in (
        strings.PERIOD, strings.GROUP, strings.ACCOUNT, strings.SERVICE, strings.SEARCH, strings.GROUP_BY,
        strings.SORT_BY, "Charges by service", "Amazon Elastic Compute Cloud",
    ):  # fmt: skip
        assert name in reached, name
    assert [text for text in reached if text.endswith((strings.DOWNLOAD_CSV, strings.DOWNLOAD_XLSX))]


def test_a_group_is_chosen_by_keyboard_alone(shared_url: str, reader: SitDown) -> None:
    person = reader(shared_url).open()
    person.page.get_by_role("combobox", name=strings.GROUP).focus()
    person.page.keyboard.type("Hikari")
    person.page.keyboard.press("ArrowDown")
    person.page.keyboard.press("Enter")
    expect(person.metric(strings.BILLED)).to_have_text("USD 1,128.01", timeout=PATIENCE * 1000)


@pytest.mark.parametrize("width", WIDTHS)
def test_filters_of_the_charges(width: int, shared_url: str, reader: SitDown) -> None:
    person = reader(shared_url, width).open("charges?group=Bergmann+Maschinenbau")
    person.choose(strings.GROUP_BY, strings.GROUPINGS["charge_type"])
    expect(person.table("Charges by charge type")).to_contain_text("AWS credit")
    search = person.page.get_by_role("textbox", name=strings.SEARCH)
    search.fill("cloudfront")
    search.press("Enter")
    expect(person.metric(strings.CHARGE_COUNT)).to_have_text("1", timeout=PATIENCE * 1000)
    expect(person.metric(strings.BILLED)).to_have_text("USD 427.77")
    person.settled().page.get_by_role("button", name=strings.CLEAR_FILTERS).click()
    expect(person.metric(strings.CHARGE_COUNT)).to_have_text("6", timeout=PATIENCE * 1000)
    person.sees_no_fault()


def test_the_first_publication_and_the_next_appear_by_themselves(
    serve: Serve, publish: Publish, reader: SitDown, tmp_path: Path
) -> None:
    file = Workspace.at(tmp_path).published_file
    person = reader(serve(tmp_path)).open()
    expect(person.page.get_by_text(strings.EMPTY_TITLE)).to_be_visible()
    expect(person.page.get_by_text(strings.EMPTY_COMMAND)).to_be_visible()
    publish(file)
    expect(person.metric(strings.BILLED)).to_have_text("USD 14,372.35", timeout=PATIENCE * 1000)
    person.settled().choose(strings.GROUP, "Acme Robotics")
    expect(person.metric(strings.BILLED)).to_have_text("USD 10,724.35")

    # The page stays open, with its choice, while a run publishes.
    publish(file, october_scale="2", finished_at=datetime(2025, 11, 5, 9, 30))
    expect(person.metric(strings.BILLED)).to_have_text("USD 19,498.83", timeout=PATIENCE * 1000)
    expect(person.page.get_by_text(strings.REFRESHED)).to_be_visible()
    expect(person.page.get_by_text("5 Nov 2025, 09:30 UTC")).to_be_visible()
    expect(person.page.get_by_role("combobox", name=strings.GROUP)).to_have_value("Acme Robotics")
    person.sees_no_fault()


def test_pages_work_while_runs_publish_all_the_time(
    serve: Serve, publish: Publish, reader: SitDown, tmp_path: Path
) -> None:
    # What goes wrong elsewhere: "Could not set lock" on the page, or a run that fails because somebody reads.
    file = Workspace.at(tmp_path).published_file
    publish(file)
    stop = threading.Event()
    failures: list[BaseException] = []

    def run_after_run() -> None:
        scale = 1
        while not stop.is_set():
            scale = 3 - scale
            try:
                publish(file, october_scale=str(scale))
            except BaseException as error:
                failures.append(error)
                return
            stop.wait(0.5)

    writer = threading.Thread(target=run_after_run)
    writer.start()
    try:
        person = reader(serve(tmp_path)).open()
        for title in (*TITLES[1:], TITLES[0]):
            person.go(title)
            person.sees_no_fault()
    finally:
        stop.set()
        writer.join()
    assert not failures
    # Whatever was seen last, it is one whole month: 1 or 2 times September's.
    person.settled()
    expect(person.metric(strings.BILLED)).to_have_text(
        {1: "USD 13,065.77", 2: "USD 26,131.55"}[2 if _october(file) > 20_000 else 1], timeout=PATIENCE * 1000
    )


def _october(file: Path) -> Decimal:
    totals = queries.headline(Publication.at(file), OCTOBER, None)
    assert totals is not None
    return totals.billed_cost


def test_the_report_of_great_expectations_stands_on_the_page(
    tmp_path: Path, serve: Serve, publish: Publish, reader: SitDown
) -> None:
    """It is written by Great Expectations, shows in a frame that can reach nothing else, and opens by itself too."""
    workspace = Workspace.at(tmp_path)
    publish(workspace.published_file)
    validations = Validations()
    expectation = promise(gxe.ExpectColumnValuesToBeInSet, "cur_line_items__usd", column="currency", value_set=["USD"])
    validations.run("cur_line_items", pa.table({"currency": ["USD", "CNY"]}), [expectation], ["currency"])
    write_data_docs(validations.outcomes, data_docs_folder(workspace.warehouse))
    person = reader(serve(tmp_path)).open("quality")
    person.page.get_by_text(quality_strings.REPORT).click()
    report = person.page.frame_locator("iframe[src^='data:text/html']")
    expect(report.get_by_text("Every row is in USD (I2)")).to_be_visible(timeout=PATIENCE * 1000)
    expect(report.get_by_text("CNY").first).to_be_visible()
    with person.page.expect_download() as downloading:
        person.page.get_by_role("button", name=quality_strings.DOWNLOAD_REPORT).click()
    assert downloading.value.suggested_filename == "great-expectations-cur_line_items.html"
    person.page.goto(downloading.value.path().as_uri())
    expect(person.page.get_by_text("Every row is in USD (I2)")).to_be_visible()
