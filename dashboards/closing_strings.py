"""Every text of the page Close, and of the comparison on the page Deliveries.

What is here: as in ``strings.py``, for these two.
When to add here: a label or sentence of them.
What does not belong here: the words on the certificate itself, which the command prints too; number formats.
"""

from typing import Final

# Close
IN_BALANCE: Final = "In balance: every residual is 0 to the last decimal."
NOT_IN_BALANCE: Final = "Not in balance. Nothing is issued for these until it is mended:"
DOWNLOAD_PDF: Final = "Certificate (PDF)"
DOWNLOAD_MARKDOWN: Final = "Certificate (Markdown)"
DOWNLOAD_HELP: Final = "One page with every stage, what is open and what it was made from, to sign and file."
PAYERS: Final = "What AWS charged is accounted for"
PAYER: Final = "Payer"
DELIVERED: Final = "As delivered"
BILLED: Final = "Billed"
WITHHELD: Final = "Withheld"
UNRATED: Final = "Unrated"
OVER_GROUPS: Final = "Over all groups"
RESIDUAL: Final = "Residual"
STAGES: Final = "From AWS's cost to the documents"
STAGES_NOTE: Final = "All billing groups. Up to the lines before rounding in USD, then in each invoice's currency."
STAGE: Final = "Stage"
CURRENCY: Final = "Currency"
GROUPS: Final = "Groups"
AMOUNT: Final = "Amount"
AWS_INVOICES: Final = "AWS's own invoices"
AWS_INVOICES_NOTE: Final = (
    "The total that AWS printed comes from aws_invoices.csv; the command import-aws-invoices fills it from AWS's list."
)
NO_AWS_INVOICES: Final = "No row of the month has an AWS invoice id yet, and no AWS invoice is supplied."
INVOICE: Final = "Invoice"
NO_INVOICE_ID: Final = "no invoice id yet"
WHY: Final = "Why they differ"
CUR_TOTAL: Final = "Rows, USD"
PRINTED: Final = "AWS printed"
DIFFERENCE: Final = "Difference"
UNEXPLAINED: Final = "Unexplained"
SERVICES: Final = "By service, as AWS's invoice shows it"
SERVICES_NOTE: Final = (
    "AWS's invoice shows data transfer as a service of its own; the report keeps it in the service it is of."
)
SERVICE: Final = "Service on the invoice"
SERVICE_IN_ROWS: Final = "Service in the report"
ROWS: Final = "Rows"
PARTS: Final = {"charges": "Charges", "credits": "Credits", "refunds": "Refunds", "tax": "Tax"}
PART: Final = "Part"

# Comparison of deliveries
COMPARE: Final = "What a restatement changed"
COMPARE_NOTE: Final = "Reads two deliveries of a payer's month again from the landing, and compares their rows."
CHOOSE_PAYER: Final = "Payer and export"
EARLIER: Final = "Earlier delivery"
LATER: Final = "Later delivery"
COMPARE_BUTTON: Final = "Compare"
COMPARING: Final = "Comparing deliveries"
ONLY_ONE: Final = "No payer has two deliveries of this month, so there is nothing to compare."
SAME: Final = "The rows say the same in both: AWS delivered again, and changed nothing."
ACCOUNT: Final = "Account"
CHANGE: Final = "Change"
KINDS: Final = {"appeared": "Appeared", "gone": "Gone", "changed": "Changed"}
BEFORE: Final = "Before, USD"
AFTER: Final = "After, USD"
ITEMS: Final = "Items changed"
ITEMS_HELP: Final = "Usage types, operations, resources and descriptions in it whose rows or cost changed."
