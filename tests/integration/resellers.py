"""A workspace of as many billing groups as a test asks for, each with one account of its own, and its documents.

What is here: writing and changing the configuration cell by cell, landing a month's rows, issuing what is proposed, and
comparing the documents with the current draft.
When to add here: what several tests of issued months need.
What does not belong here: amounts that a test expects.
"""

import csv
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from orchestration.configuration.schema import FILE_BY_NAME
from orchestration.issuing import desk
from orchestration.issuing.desk import Outcome
from orchestration.settings import Workspace
from tests.integration.workspaces import Rows, write_billing
from tests.unit.ingest.landed_cur import PAYER, Row, land_legacy, legacy_row

JANUARY, FEBRUARY = date(2024, 1, 1), date(2024, 2, 1)

Cells = Mapping[str, str]


class Reseller:
    """A workspace whose groups, customers and plans are named by the test; a group, its customer and plan share an id.

    Args:
        workspace: an empty one.
        groups: by group id, cells of its customer that differ from a business in New York that pays dollars, and cells
            of its terms.
    """

    def __init__(self, workspace: Workspace, groups: Mapping[str, Cells]) -> None:
        self.workspace = workspace
        self._accounts = {group: f"{number:012d}" for number, group in enumerate(groups, start=1)}
        self._deliveries = 0
        self._today = date(2024, 3, 4)
        write_billing(workspace, PAYER, "000000000000")
        tables = {
            "customers": [
                {
                    **{"customer_id": group, "legal_name": f"{group.title()} Inc", "country_code": "US"},
                    **{"currency": "USD", "payment_terms_days": "30", "language": "en", **cells},
                }
                for group, cells in groups.items()
            ],
            "billing_groups": [
                {
                    **{"billing_group_id": group, "billing_group_name": group.title(), "customer_id": group},
                    **{"issuer_id": "issuer", "primary_account_id": account, "auto_associate": "false"},
                    "start_period": "2015-12",
                }
                for group, account in self._accounts.items()
            ],
            "account_assignments": [
                {"account_id": account, "billing_group_id": group, "start_date": "2015-12-01"}
                for group, account in self._accounts.items()
            ],
            "pricing_plans": [{"pricing_plan_id": group, "pricing_plan_name": group} for group in groups],
            "pricing_rules": [
                {
                    **{"pricing_rule_id": f"price of {group}", "pricing_plan_id": group, "scope": "GLOBAL"},
                    **{"rule_type": "DISCOUNT", "percentage": "0", "include_fees": "false", "start_period": "2015-12"},
                }
                for group in groups
            ],
            "billing_terms": [
                {
                    **{"billing_group_id": group, "start_period": "2015-12", "pricing_plan_id": group},
                    **{"commitment_policy": "on_demand", "upfront_policy": "pass", "free_tier_policy": "pass_through"},
                    **{"support_policy": "pass_through", "bundled_discount_policy": "pass_through"},
                    **{"negotiated_discount_policy": "withhold", "aws_credit_policy": "withhold"},
                    **{"refund_policy": "pass_through", "tax_policy": "recompute", **cells},
                }
                for group, cells in groups.items()
            ],
        }
        for file, rows in tables.items():
            self.write(file, rows)

    def write(self, file: str, rows: Sequence[Cells]) -> None:
        """Replace the rows of a file; cells that are no columns of it are left out, columns without a cell empty."""
        columns = list(FILE_BY_NAME[file].columns)
        with (self.workspace.billing / f"{file}.csv").open("w", encoding="utf-8", newline="") as text:
            writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def read(self, file: str) -> list[dict[str, str]]:
        """Return the rows of a file."""
        with (self.workspace.billing / f"{file}.csv").open(encoding="utf-8", newline="") as text:
            return list(csv.DictReader(text))

    def change(self, file: str, key: str, **cells: str) -> None:
        """Change cells of the rows whose first column is ``key``."""
        rows = self.read(file)
        changed = [row for row in rows if next(iter(row.values())) == key]
        assert changed, f"{file} has no {key}"
        for row in changed:
            row.update(cells)
        self.write(file, rows)

    def take_out(self, file: str, **cells: str) -> None:
        """Take out the rows that hold these cells."""
        rows = self.read(file)
        left = [row for row in rows if any(row[name] != value for name, value in cells.items())]
        assert len(left) < len(rows)
        self.write(file, left)

    def usage(self, group: str, cost: str, **cells: str) -> Row:
        """Return a row of the group's account; ``cost`` has at most ten decimals."""
        whole, _, decimals = cost.partition(".")
        return legacy_row(f"{whole}.{decimals:0<10}", lineItem_UsageAccountId=self._accounts[group], **cells)

    def refund(self, group: str, cost: str) -> Row:
        """Return a refund as it comes late: on a bill of its own."""
        return self.usage(group, cost, lineItem_LineItemType="Refund", bill_BillType="Refund")

    def deliver(self, rows: Sequence[Row], month: int = 1) -> None:
        """Land the rows as AWS's new delivery of the month; line ids are others each time."""
        self._deliveries += 1
        named = []
        for number, row in enumerate(rows):
            dates = {
                name: text.replace("2024-02", f"2024-{month + 1:02d}").replace("2024-01", f"2024-{month:02d}")
                for name, text in row.items()
                if "Date" in name
            }
            named.append({**row, **dates, "identity/LineItemId": f"{self._deliveries}-{number}"})
        land_legacy(self.workspace.landing, f"delivery-{self._deliveries}", [named], month=month)

    def issue(self, period: date = JANUARY, group: str | None = None) -> list[Outcome]:
        """Approve and issue what is proposed, a day after what was issued before."""
        self._today += timedelta(days=1)
        desk.approve(self.workspace, period, group, "Ada")
        return desk.issue(self.workspace, period, group, "Ben", today=lambda: self._today)

    def query(self, sql: str) -> Rows:
        """Return rows of the published copy."""
        with duckdb.connect(self.workspace.published_file, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def proposed(self) -> dict[str, tuple[Any, ...]]:
        """Return by group the proposed corrections: kind, net, credit and tax."""
        rows = self.query(
            "select billing_group_id, kind, net_amount, credit_amount, tax_amount from marts.fct_proposed_documents "
            "where revision > 0 order by all"
        )
        return {row[0]: row[1:] for row in rows}

    def causes(self, number: str) -> set[str]:
        """Return why the lines of a document differ (D5)."""
        return {
            cause
            for (cause,) in self.query(f"select cause from marts.fct_document_lines where number = '{number}'")
            if cause is not None
        }

    def assert_documents_are_the_truth(self) -> None:
        """Compare the sums of all documents with the current drafts: per line, credit, tax category and total (D4)."""
        assert self.query("select * from marts.fct_document_differences where level in ('line', 'tax')") == []
        with duckdb.connect(self.workspace.warehouse_file, read_only=True) as connection:
            for documents, drafts in _SUMS.values():
                issued = _nonzero(connection.execute(documents).fetchall())
                current = _nonzero(connection.execute(drafts).fetchall())
                assert issued == current


def _nonzero(rows: Rows) -> Rows:
    return [row for row in rows if any(isinstance(value, Decimal) and value for value in row)]


_DOCUMENTED = "(select distinct billing_period, billing_group_id from ledger.documents)"
# By what is compared: the sums of the documents, and of the drafts of what is documented, in the same columns.
_SUMS = {
    "lines": (
        "select invoice_line_key, sum(net_amount), sum(credit_amount) from marts.fct_document_lines "
        "group by all order by all",
        "select invoice_line_key, net_amount, credit_amount from marts.fct_invoice_lines "
        f"semi join {_DOCUMENTED} using (billing_period, billing_group_id) order by all",
    ),
    "accounts": (
        "select lines.invoice_line_key, accounts.sub_account_id, sum(accounts.net_amount), "
        "sum(accounts.credit_amount) from ledger.document_line_accounts as accounts "
        "inner join ledger.document_lines as lines using (document_id, line_number) group by all order by all",
        "select invoice_line_key, sub_account_id, net_amount, credit_amount from marts.fct_invoice_line_accounts "
        f"semi join {_DOCUMENTED} using (billing_period, billing_group_id) order by all",
    ),
    "credits": (
        "select credit_id, invoice_line_key, sum(amount) from ledger.credit_draws group by all order by all",
        "select credit_id, invoice_line_key, sum(amount) from marts.fct_credit_ledger "
        f"semi join {_DOCUMENTED} using (billing_period, billing_group_id) group by all order by all",
    ),
    "taxes": (
        "select documents.billing_period, documents.billing_group_id, taxes.tax_category, "
        "cast(taxes.tax_rate as decimal(12, 4)), sum(taxes.taxable_amount), sum(taxes.tax_amount) "
        "from ledger.document_taxes as taxes inner join ledger.documents as documents using (document_id) "
        "group by all order by all",
        "select billing_period, billing_group_id, tax_category, tax_rate, taxable_amount, tax_amount "
        f"from marts.fct_invoice_taxes semi join {_DOCUMENTED} using (billing_period, billing_group_id) order by all",
    ),
    "totals": (
        "select billing_period, billing_group_id, sum(net_amount), sum(credit_amount), sum(tax_amount), "
        "sum(total_amount) from marts.fct_documents group by all order by all",
        "select billing_period, billing_group_id, net_amount, credit_amount, tax_amount, total_amount "
        f"from marts.fct_invoices semi join {_DOCUMENTED} using (billing_period, billing_group_id) order by all",
    ),
}
