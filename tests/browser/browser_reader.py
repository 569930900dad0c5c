"""Somebody in front of a browser.

What is here: opening pages, waiting until they stand still, and finding things on them as a person would.
When to add here: another way of getting about that a second test needs.
What does not belong here: expectations; starting servers and browsers (``conftest.py``).
"""

from dataclasses import dataclass, field

from playwright.sync_api import Locator, Page, expect

from dashboards import strings

__all__ = ["PATIENCE", "WIDTHS", "Reader"]

# Seconds for anything to appear; machines that run other tests beside are slow.
PATIENCE = 30
WIDTHS = (1280, 800)


@dataclass
class Reader:
    """Somebody in front of a browser, who also notices what goes wrong behind the page."""

    page: Page
    url: str
    faults: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE * 1000)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self._note(request.url))

    def _note(self, address: str) -> None:
        ours = (self.url, self.url.replace("http", "ws", 1), "data:", "blob:", "about:")
        if not address.startswith(ours):
            self.strangers.append(address)

    def open(self, path: str = "") -> "Reader":
        self.page.goto(f"{self.url}/{path}")
        return self.settled()

    def settled(self) -> "Reader":
        """Wait until the page is drawn and nothing runs; a second look bridges the gap between two runs."""
        expect(self.page.get_by_test_id("stApp")).to_be_visible(timeout=PATIENCE * 1000)
        for _ in range(2):
            self.page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
            self.page.wait_for_timeout(150)
        return self

    def go(self, title: str) -> "Reader":
        # Pages of a section, and those that a narrow window has no room for, hang in a menu.
        link = self.page.locator("[data-testid=stTopNavLink]:not([inert] *)").filter(has_text=title)
        if not link.count():
            self.page.locator("[data-testid=stTopNavSection]:not([inert] *)").last.click()
            link = self.page.get_by_test_id("stTopNavDropdownLink").filter(has_text=title)
        link.click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(title, timeout=PATIENCE * 1000)
        return self.settled()

    def metric(self, label: str) -> Locator:
        return (
            self.page.get_by_test_id("stMetric")
            .filter(has=self.page.get_by_test_id("stMetricLabel").get_by_text(label, exact=True))
            .get_by_test_id("stMetricValue")
        )

    def table(self, caption: str) -> Locator:
        return self.page.get_by_role("region", name=caption)

    def choose(self, picker: str, choice: str) -> "Reader":
        self.page.get_by_role("combobox", name=picker).click()
        self.page.get_by_role("option", name=choice, exact=True).click()
        return self.settled()

    def sees_no_fault(self) -> None:
        """No error box, no script error, and nobody else was asked for anything."""
        assert self.page.get_by_test_id("stException").count() == 0
        assert self.page.get_by_text(strings.ERROR_TITLE).count() == 0
        assert not self.faults
        assert not self.strangers
