"""The texts of the page Explain.

What is here: labels and sentences of that page; words that the command prints too stand in ``explaining/words.py``.
When to add here: a text of that page.
What does not belong here: texts of other pages (``strings.py``).
"""

from typing import Final

LINE: Final = "Line"
LINE_HELP: Final = "A line's key, or document and line number, such as RS-2026-000001/3."
LINE_PLACEHOLDER: Final = "2026-10/acme/usage/-/AmazonEC2"
CHOOSE: Final = "Lines to explain"
NO_LINES: Final = "There is no invoice line for this period and billing group."
FOLLOW: Final = "A line's number leads to its explanation."
EXPLAIN_THIS: Final = "Explain this line"
NOT_EXPLAINED: Final = "This line cannot be explained."
CUSTOMER_VIEW: Final = "As the customer may see it"
CUSTOMER_VIEW_HELP: Final = (
    "Usage, billed rates and billed amounts only: no cost of AWS, no list price, rule or policy."
)
ADDS_UP: Final = "Every level sums to the level above it, to the last digit."
CHANGED_SINCE: Final = "The numbers have changed since this was issued"
AS_ISSUED: Final = "as issued in"
AS_OF_TODAY: Final = "draft as of today"
STEP: Final = "Step"
AMOUNT: Final = "Change"
REACHED: Final = "Running total"
THE_LINE: Final = "The line"
WAITING: Final = "waiting for the exchange rate"
PART: Final = "Part"
PART_NAMES: Final = {
    "today": "What the line comes to today",
    "issued before": "Issued before, in",
    "issued since": "Issued since, in",
    "changed since": "Changed since, not issued",
}
MEMBERSHIP: Final = "Why it is in the group"
FX: Final = "Exchange rate adds"
ROUNDING: Final = "Rounding"
HOW: Final = "How"
WHAT: Final = "What"
QUANTITY: Final = "Quantity"
AMOUNT_USD: Final = "Amount, USD"
BILLED_RATE: Final = "Billed rate, USD"
BILLED_USD: Final = "Billed, USD"
BASE: Final = "What it was worked out from"
BESIDE: Final = "Not billed (same service)"
TIER: Final = "Tier"
CONFIGURED: Final = "Configured in"
LADDER_TOTAL: Final = "Charged under these tiers, whole group"
IN_THIS_LINE: Final = "of which in this line"
AT_LEAST: Final = "At least"
FILE: Final = "File and row"
SUMS: Final = "Sums of all rows"
READ_ROWS: Final = "Read AWS's rows"
READING_ROWS: Final = "Reading AWS's rows"
DOWNLOAD_ROWS: Final = "Download all rows as CSV"
DOWNLOAD_XLSX: Final = "Download as XLSX"
DOWNLOAD_JSON: Final = "Download as JSON"
TOO_MANY_ROWS: Final = "These are too many rows for a page. All of them, in a file:"


def more(count: int) -> str:
    """Say that a table goes on in the file."""
    return f"{count:,} more are in the files below."


def row_count(count: int) -> str:
    """Name the rows that were found."""
    return f"{count:,} row{'' if count == 1 else 's'} of AWS's"
