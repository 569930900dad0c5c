"""Every text of the page of data quality that is its own, and the plain words for its codes.

What is here: as in ``strings.py``, for that page.
When to add here: a label or sentence of the page, or a code that checks have begun to use.
What does not belong here: what a check promises and means; the catalogue of checks says it, and the run publishes it.
"""

from typing import Final

BLOCKED: Final = (
    "The last run published nothing: {count} failed, and the numbers on these pages are those of the run before."
)
BLOCKED_CHECKS: Final = "Checks that stopped the last run"
LATE_MONTH: Final = "Nothing of {period} has arrived from payer {payer}; it was due {due}."
LATE_DELIVERY: Final = "The last delivery of {period} from payer {payer} is old; a newer one was due {due}."

SINCE: Final = "Since"
AT_STAKE: Final = "At stake, USD"
WHO_ACTS: Final = "Who acts"
ROW_TO_ADD: Final = "Row to add"
ROWS_TO_ADD: Final = "Rows to copy into the files"
ROWS_TO_ADD_HELP: Final = (
    "Words in capitals stand for what you decide. Add the rows at the end of the file, then run again. "
    "Each block has a button that copies it."
)

MEANING: Final = "What it means"
WHAT_TO_DO: Final = "What to do"
FAILING_ROWS: Final = "Rows that fail"
FAILING_ROW_COUNT: Final = "{count} of {total} rows that fail"
CHECK_EXPLAINED: Final = "About this check"

OWNERS: Final = {
    "finance": "Finance",
    "engineer": "Engineer",
    "operator": "Operator of deliveries",
    "aws": "Nobody, wait for AWS",
}

REPORT: Final = "Report of Great Expectations"
REPORT_HELP: Final = (
    "What Great Expectations found in the deliveries of the last run, check by check, with the values that failed. "
    "The file opens in any browser, without a network."
)
NO_REPORT: Final = "The last run wrote no report; the next one does."
SUITE: Final = "About"
SUITES: Final = {
    "deliveries": "Deliveries",
    "cur_line_items": "Rows AWS sent",
    "delivery_drift": "Deliveries against those before them",
}
DOWNLOAD_REPORT: Final = "Download this report"


def of_checks(count: int) -> str:
    """Return a number of critical checks in words."""
    return f"{count} critical check{'' if count == 1 else 's'}"


def who_does(owner: str, remedy: str) -> str:
    """Return who acts and what they do, in one sentence."""
    return f"{OWNERS.get(owner, owner)}: {remedy}"
