"""A workspace with the example configuration, and a ledger with documents that can be printed and sent.

What is here: issuing documents of the example's customers with chosen totals.
When to add here: another kind of document that tests of settling need.
What does not belong here: expectations.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from orchestration.configuration.schema import Configuration
from orchestration.configuration.validate import read_configuration
from orchestration.ledger.issuing import IssuedDocument
from orchestration.ledger.ledger import Ledger
from orchestration.sample.install import write_example_configuration
from orchestration.settings import Workspace
from tests.unit.ledger.ledger_contents import a_content, issue, request_of

EU, US = "brightwater-eu", "brightwater-us"


class Books:
    """A workspace, its configuration and its open ledger, at noon of 2026-12-31."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace.at(root)
        write_example_configuration(self.workspace.billing)
        self.configuration: Configuration = read_configuration(self.workspace.billing)
        self.ledger = Ledger.open(self.workspace)
        self.ledger._clock = lambda: datetime(2026, 12, 31, 12, tzinfo=UTC)

    def issue(
        self,
        group: str,
        net: str,
        *,
        customer: str = "kranich",
        issuer: str = EU,
        currency: str = "EUR",
        original: IssuedDocument | None = None,
        **details: Any,
    ) -> IssuedDocument:
        """Issue a document of one line at 19 % tax; with an original, the correction of it."""
        revision = 0
        if original is not None:
            kind = "credit_note" if Decimal(net) < 0 else "supplementary_invoice"
            details = {"kind": kind, "reference": original, **details}
            revision = 1
        content = a_content(group=group, nets=[net], issuer=issuer, customer=customer, currency=currency, **details)
        for key, rows in (("issuer", self.configuration.issuers), ("customer", self.configuration.customers)):
            row: Any = next(row for row in rows if getattr(row, f"{key}_id") == content[key][f"{key}_id"])
            names = [name for name in row.__dataclass_fields__ if name != "source_line"]
            content[key] = {name: getattr(row, name) for name in names}
        content["provenance"]["configuration_digest"] = "5eed"
        if currency == "USD":
            content["fx"] = None
        return issue(self.ledger, request_of(content, revision))


def day(text: str) -> date:
    return date.fromisoformat(text)
