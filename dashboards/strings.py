"""Every text a page shows that a test looks for, and the plain words for every code in the marts.

What is here: page titles, labels, sentences, and what codes of closed lists mean to somebody in finance.
When to add here: a label, or a code that a mart has begun to publish.
What does not belong here: number formats; texts that come from the data.
"""

from datetime import date, datetime, timedelta
from typing import Final

from babel.dates import format_date

PRODUCT: Final = "Chargehouse"

# Pages
OVERVIEW: Final = "Overview"
INVOICES: Final = "Invoices"
EXPLAIN: Final = "Explain"
CHARGES: Final = "Charges"
COMMITMENTS: Final = "Commitments"
QUALITY: Final = "Quality"
DELIVERIES: Final = "Deliveries"
RECEIVABLES: Final = "Receivables"
APPROVE_AND_ISSUE: Final = "Approve and issue"
DOCUMENTS: Final = "Documents"
CREDITS: Final = "Credits"
CLOSE: Final = "Close"
# The heading over the pages that change the ledger.
INVOICING: Final = "Invoicing"

# Frame
PERIOD: Final = "Period"
GROUP: Final = "Billing group"
ALL_GROUPS: Final = "All groups"
DATA_AS_OF: Final = "Data as of"
NOT_FINAL: Final = "Not final"
NOT_FINAL_HELP: Final = "AWS has not put an invoice number on every charge of this month yet: amounts may still change."
# The star is escaped: captions are Markdown, which would make a list of it.
NOT_FINAL_MARK: Final = "\\* Not final: AWS may still change this month."
FINAL: Final = "Final"
FINAL_HELP: Final = "AWS has invoiced every charge of this month."
REFRESHED: Final = "New numbers were published and are shown now."
GROUP_NOT_USED: Final = "This page shows AWS payers, which do not belong to one billing group."

# Empty and error states
EMPTY_TITLE: Final = "Nothing has been published yet"
EMPTY_TEXT: Final = (
    "The first numbers appear here by themselves as soon as a run has finished. "
    "Whoever looks after Chargehouse starts one:"
)
EMPTY_COMMAND: Final = "chargehouse run"
EMPTY_PLACE: Final = "This page waits for the file"
NO_PERIODS: Final = (
    "The last run published no billing period. Land a delivery of an AWS Cost and Usage Report, then run again."
)
ERROR_TITLE: Final = "The published numbers cannot be shown"
NOTHING_IN_PERIOD: Final = "There are no charges of this billing group in this period."

# Overview
BILLED: Final = "Billed"
AWS_COST: Final = "AWS cost"
MARGIN: Final = "Margin"
MARGIN_PERCENTAGE: Final = "Margin %"
LIST_COST: Final = "List cost"
WITHHELD: Final = "Withheld AWS cost"
UNRATED: Final = "Unrated AWS cost"
BY_GROUP: Final = "By billing group"
BY_MONTH: Final = "Month by month"
BILLED_AND_AWS: Final = "Billed and AWS cost by month"
MARGIN_PARTS: Final = "Where the margin comes from"
MARGIN_PART: Final = "Part"
MARGIN_PART_AMOUNT: Final = "Adds to the margin"
MARGIN_PART_NAMES: Final = {
    "list_price_difference": ("List price over AWS's cost", "Usage whose list price is not what AWS charged"),
    "free_tier": ("Free tier", "Usage that AWS gave for free and the customer pays"),
    "markup": ("Pricing rules", "Usage billed above or below its list price"),
    "commitments": ("Reservations and Savings Plans", "Covered usage and fees, billed less what AWS charged"),
    "bundled_discounts": ("Bundled discounts", "Discounts of AWS that are kept"),
    "negotiated_discounts": ("Negotiated discounts", "Discounts of AWS that are kept"),
    "partner_discounts": ("Partner discounts", "Discounts of AWS to the partner, always kept"),
    "aws_credits": ("AWS credits", "Credits of AWS that are kept"),
    "refunds": ("Refunds", "Refunds of AWS that are kept"),
    "fees": ("Fees", "Fees, subscriptions and registrations, billed less what AWS charged"),
    "support": ("Support", "Support billed less what AWS charged for it"),
    "shared_costs": ("Shared costs", "Costs borne for others, less the costs that were taken away to be shared"),
    "custom_items": ("Own charges and credits", "Custom line items"),
    "minimum_commitment": ("Minimum commitment", "Filled up to what was committed to"),
    "customer_credits": ("Customer credits", "What credits granted to the customer pay"),
    "unassigned": ("Unassigned accounts", "AWS cost that nobody is invoiced for"),
    "unrated": ("Unrated rows", "AWS cost that could not be priced"),
}
MARGIN_BY_GROUP: Final = "Margin by billing group"
WHAT_WAS_BILLED: Final = "What was billed"
OTHER_SERVICES: Final = "All other services"
RATED_CHARGES: Final = "Rated charges"
GROUP_CHARGES: Final = "Group charges"
WITHOUT_TAX: Final = "All amounts in USD, without tax."
TOTAL: Final = "Total"
UNASSIGNED_NOTICE: Final = "of AWS cost stands on accounts that are in no billing group. Nobody is invoiced for it."
UNRATED_NOTICE: Final = "of AWS cost could not be rated. It is on no invoice until that is mended."
SEE_PROBLEMS: Final = "See the open problems"
NO_MONTH_BEFORE: Final = "no month before"

# Invoices
NO_INVOICES: Final = "There is no invoice for this period and billing group."
CUSTOMER: Final = "Customer"
CURRENCY: Final = "Currency"
NET: Final = "Net"
ROUNDING_DIFFERENCE: Final = "Rounding difference"
LINES: Final = "Lines"
STATE: Final = "State"
OPEN_PROBLEMS: Final = "Open problems"
NO_PROBLEMS: Final = "None"
INVOICE: Final = "Invoice"
INVOICE_LIST: Final = "Invoices as of today"
INVOICE_LINES: Final = "Lines"
BY_ACCOUNT: Final = "By account"
BY_LINE_AND_ACCOUNT: Final = "Every line by account"
NET_TOTAL: Final = "Net"
CREDIT_TOTAL: Final = "Customer credits"
TAX: Final = "Tax"
AWS_TAX_PASSED_ON: Final = "AWS tax passed on"
INVOICE_TOTAL: Final = "Total"
TIES: Final = "Lines, accounts, credits and tax add up to the total exactly."
DOES_NOT_TIE: Final = "Lines, accounts, credits or tax do not add up to the total. Do not send this invoice; report it."
NO_TAX: Final = "No line of it is taxed."
TAX_CATEGORY: Final = "Category"
TAX_RATE: Final = "Rate"
TAXABLE: Final = "Taxable amount"
TAX_REASON: Final = "Reason"
TAX_RATE_MISSING: Final = "No rate configured"
SEVERAL_CATEGORIES: Final = "several"
RATE_MISSING: Final = "waiting for the rate"
RATE_MISSING_NOTICE: Final = (
    "has no exchange rate for this month yet. The draft stays in exact USD; add the rate to fx_rates.csv and run again."
)

LINE_NUMBER: Final = "#"
LINE_KIND: Final = "Kind"
DESCRIPTION: Final = "Description"
EXACT_USD: Final = "Exact, USD"
TAX_ID: Final = "Tax id"
ISSUER: Final = "Issuer"
PAYMENT_TERMS: Final = "Payment terms"
EXCHANGE_RATE: Final = "Exchange rate"
NO_CONVERSION: Final = "None, billed in USD"
EXACT_BEFORE_TAX: Final = "Exact, before tax"

EXACT_NUMBERS: Final = "Exact numbers"
EXACT_WORDS: Final = "Exactly"
BASE: Final = "Base"
IN_THE_WORKBOOK: Final = "on the sheet of group charges in the Excel download"
WEIGHT: Final = "Weight"
COMES_FROM: Final = "Configured in"
ITEMS_THAT_ARE_COUNTED: Final = "Which charges the item counts stands in its row of custom_line_items.csv."

# Charges
SEARCH: Final = "Search"
SEARCH_HELP: Final = "Any part of an account, service, usage type, operation, rule or reason."
ACCOUNT: Final = "Account"
SERVICE: Final = "Service"
CHARGE_TYPE: Final = "Charge type"
TREATMENT: Final = "Treatment"
USAGE: Final = "Usage"
QUANTITY: Final = "Quantity"
RULE: Final = "Rule"
GROUP_BY: Final = "Group by"
SORT_BY: Final = "Sort by"
CLEAR_FILTERS: Final = "Clear filters"
EVERYTHING: Final = "All"
NO_CHARGES: Final = "No charge matches these filters."
CHARGE_COUNT: Final = "Charges"
TAX_INCLUDED: Final = "AWS tax is included here and left out on the overview"

# Commitments
NO_COMMITMENTS: Final = "No reservations or Savings Plans in this month."
NO_COMMITMENTS_OF_GROUP: Final = (
    "No reservation or Savings Plan of this month belongs to this billing group or covered usage of it."
)
COMMITMENT: Final = "Commitment"
OWNER: Final = "Owner"
NO_OWNER: Final = "In no billing group"
COST: Final = "Cost"
USED: Final = "Used"
UNUSED: Final = "Unused"
UTILIZATION: Final = "Utilization"
LIST_VALUE: Final = "List value"
SAVINGS: Final = "Savings"
BENEFIT: Final = "Who benefited"
BENEFIT_OF_GROUP: Final = "Benefit to the group"
NOBODY: Final = "Nobody"
COMMITMENTS_IN_MONTH: Final = "Reservations and Savings Plans"
OTHERS_COMMITMENTS: Final = "Of others, used by this group"
OTHERS_COMMITMENTS_NOTE: Final = "Whole commitments: the group used a part of each."
UTILIZATION_HELP: Final = "Used part of what the commitments cost, in percent."
COMMITMENT_CAPTION: Final = (
    "All amounts in USD. Savings are what the covered usage would have cost at list price, less what was used and "
    "what was left unused."
)
OWN_COMMITMENTS_ONLY: Final = "Cost to savings are those of the commitments that the group owns."
BENEFIT_OF_GROUP_HELP: Final = (
    "List price minus effective cost of the group's own covered usage, by its own commitments and those of others."
)
BENEFIT_HELP: Final = (
    "List price minus effective cost of the covered usage, by the billing group that used it; what was left unused "
    "is not taken off."
)
EACH_POLICY: Final = "The month under each policy"
EACH_POLICY_CAPTION: Final = (
    "Rated charges in USD, without AWS tax and group charges, all other terms as they are. The second line is the "
    "difference to what is billed; AWS's bill stays the same, so the margin would change by as much."
)
IN_FORCE: Final = "in force"

# Quality
CHECKS: Final = "Checks of the last run"
PAYERS_WITH_RESIDUAL: Final = "Payers with a residual"
CHECKS_FAILED: Final = "Checks failed"
CHECKS_PASSED: Final = "Checks passed"
SHOW_PASSED: Final = "Show passed checks"
RECONCILIATION: Final = "Reconciliation by payer"
RESIDUAL: Final = "Residual"
RESIDUAL_ZERO: Final = "Every cent that AWS delivered is accounted for."
RESIDUAL_NOT_ZERO: Final = "does not tie to what AWS delivered. Nothing of this payer can be issued before it is found."
NO_OPEN_PROBLEMS: Final = "No open problems in this period."
NO_CHECKS: Final = "The last run published no check results."
NO_RECONCILIATION: Final = "There is no reconciliation for this period."
SUBJECT: Final = "Subject"
PAYER: Final = "Payer"
ROWS: Final = "Rows"
STAGE: Final = "Stage"
AMOUNT_USD: Final = "Amount, USD"
CHECK: Final = "Check"
CHECKED: Final = "Checked"
RESULT: Final = "Result"

# Deliveries
ALL_PERIODS: Final = "All periods"
NO_DELIVERIES: Final = "No delivery of this period is known."
PAYER_AND_EXPORT: Final = "Payer and export"
STATUS: Final = "Status"
COST_USD: Final = "Cost, USD"
UNREADABLE: Final = "Unreadable"
SPLIT_COST: Final = "Split"
LANDED: Final = "Landed"
NOT_BILLED_FROM: Final = "Not the export that is billed from"
OPEN: Final = "open"
CURRENT: Final = "Current"
SUPERSEDED: Final = "Superseded"
REJECTED: Final = "Rejected"
ROUNDED_AT_EDGE: Final = "Rounded"
ROUNDED_AT_EDGE_HELP: Final = (
    "Rows whose cost had more than ten decimals when AWS delivered it, and the sum of what rounding them changed (M1)."
)

SPLIT_COST_HELP: Final = "Split-cost rows: they repeat costs that stand elsewhere and are in no total (C1)."

# Who does something, and work that goes on while a page is open
YOUR_NAME: Final = "Your name"
YOUR_NAME_HELP: Final = "Asked once. The ledger keeps it with everything that you decide, record or send."
NAME_MISSING: Final = "Enter your name first: the ledger keeps who did it."
CHANGE_NAME: Final = "Change"
CANCEL: Final = "Cancel"
STARTING: Final = "Starting"
BUSY: Final = "Somebody else is working on these numbers right now"
BUSY_REMEDY: Final = "Wait until that has finished, then try again. Your choice is kept."
NOT_BUILT: Final = "The numbers on this page are not those of today's files"
NOT_BUILT_REMEDY: Final = (
    "A delivery, the configuration or the program has changed since the last run, or that run failed. The next run "
    "works "
    "the month out again; then look at the documents once more. Whoever looks after Chargehouse starts one: "
    "chargehouse run"
)
FAILED: Final = "It could not be done"
UNEXPECTED: Final = "Something unexpected went wrong. The terminal in which the pages run says what."

# Approve and issue
NOTHING_PROPOSED: Final = (
    "Nothing waits for a decision in this period: everything is issued and nothing differs, or there is no invoice."
)
NOTHING_IN_STATE: Final = "No document is in this state."
WAITING_ELSEWHERE: Final = "Also waiting:"
SHOW_STATES: Final = "Show"
ALL_STATES: Final = "All"
TO_APPROVE: Final = "To approve"
READY_TO_ISSUE: Final = "Approved"
REFUSED: Final = "Refused"
DOCUMENT: Final = "Document"
KIND: Final = "Kind"
WHY: Final = "To know"
NOTHING_AGAINST: Final = "Nothing stands against it"
DETAILS: Final = "Details"
CHOOSE: Final = "Choose"
CHOOSE_ALL: Final = "Choose all"
CHOOSE_NONE: Final = "Choose none"
APPROVE: Final = "Approve"
ISSUE: Final = "Issue"
OVERRIDE: Final = "Override a refusal"
WITHDRAW: Final = "Withdraw approval"
APPROVE_HELP: Final = "Choose drafts that nobody has approved with these numbers."
ISSUE_HELP: Final = "Choose approved documents that nothing refuses."
OVERRIDE_HELP: Final = "Choose refused documents: not final, unmapped and unrated can be overridden, with a reason."
WITHDRAW_HELP: Final = "Choose approved documents."
NOTE: Final = "Note"
NOTE_HELP: Final = "Optional. Kept with the approval."
REASON: Final = "Reason"
REASON_HELP: Final = "Kept in the ledger with your name."
REASON_MISSING: Final = "A reason is needed; it is kept in the ledger."
APPROVE_EFFECT: Final = (
    "An approval names exactly these numbers. If one of them changes before the document is issued, it is a draft "
    "again."
)
ISSUE_EFFECT: Final = (
    "Each document gets the next number of its issuer, is frozen as it is now and dated today (UTC). Its files are "
    "made, "
    "and the month is built again so that draws on customer credits are final. **This cannot be undone**: what is "
    "wrong "
    "with an issued document can only be corrected by another document."
)
ISSUE_WAIT: Final = "It takes a minute or more. The page shows how far it is; you can leave it and come back."
OVERRIDE_EFFECT: Final = (
    "The document can then be issued although this holds. It counts for exactly these numbers; a change asks again."
)
OVERRIDE_WHICH: Final = "Override"
OVERRIDE_NONE: Final = "Choose at least one refusal."
WITHDRAW_EFFECT: Final = "The documents are drafts again, and can be approved again by anybody."
NEEDS_APPROVAL_TOO: Final = (
    "Overriding does not approve. Drafts among them still need an approval before they are issued."
)
NOT_MEANT: Final = "Left out, because this does not fit their state:"
CORRECTS: Final = "corrects"
APPROVED_BY: Final = "Approved by"
LAPSED: Final = "A draft again"
CAUSE: Final = "Cause"
CAUSES: Final = "Why it differs from what was issued"
DIFFERENCES: Final = "Line by line"
ISSUED_AMOUNT: Final = "Issued"
CURRENT_AMOUNT: Final = "Now"
DIFFERENCE: Final = "Difference"
TAX_DIFFERENCES: Final = "Tax"
BASE_DIFFERENCE: Final = "Base, difference"
NO_LINE_DIFFERS: Final = "No line differs; only tax does."
ONLY_CREDITS_DIFFER: Final = "credits"
WHY_REFUSED: Final = "Why it cannot be issued"
OVERRIDDEN: Final = "Overridden"
OPEN_INVOICE: Final = "Every line, account and exact amount stands on the page Invoices:"
DONE_APPROVED: Final = "approved"
DONE_ISSUED: Final = "issued"
DONE_OVERRIDDEN: Final = "overridden"
DONE_WITHDRAWN: Final = "withdrawn"
SEE_DOCUMENTS: Final = "See them on the page Documents"
DISMISS: Final = "Close"
FILES_FAILED: Final = "Issued, but without files"

# Documents
NO_DOCUMENTS: Final = "Nothing has been issued in this period."
NO_DOCUMENTS_AT_ALL: Final = "Nothing has been issued yet. Documents appear here when drafts are approved and issued."
DOCUMENT_LIST: Final = "Issued documents"
NUMBER: Final = "Number"
ISSUE_DATE: Final = "Date"
DUE_DATE: Final = "Due"
REFERENCE: Final = "Corrects"
CREDIT: Final = "Credits"
ISSUED_BY: Final = "Issued by"
ISSUED_AT: Final = "Issued"
APPROVED_AT: Final = "Approved"
FILES: Final = "Files"
FILES_COMPLETE: Final = "complete"
FILES_MISSING: Final = "missing"
DOCUMENT_HASH: Final = "Hash of the content"
BY_TAX: Final = "Tax"
BY_CREDIT: Final = "Credits"
NO_CREDITS_ON_DOCUMENT: Final = "No customer credit pays any of it."
FILE_NAMES: Final = {"pdf": "PDF", "xml": "E-invoice (XML)", "xlsx": "Excel", "csv": "CSV"}
FILE_HELP: Final = {
    "pdf": "For the customer; the electronic invoice is inside it where there is one.",
    "xml": "EN 16931 (Factur-X), for programs.",
    "xlsx": "Its lines as a workbook.",
    "csv": "Its lines as CSV.",
}
NO_XML: Final = "There is no electronic invoice:"
FILES_GONE: Final = "Files of this document are missing:"
MAKE_FILES: Final = "Make the files"
MAKE_ALL_FILES: Final = "Make missing files"
MAKE_FILES_HELP: Final = "From what was frozen at issue, byte by byte the same."
FILES_MADE: Final = "The files are there."
VERIFY: Final = "Check all documents"
VERIFY_HELP: Final = (
    "Builds every document of every period again from what was frozen, and compares: numbers, hashes, the chain, "
    "each file."
)
VERIFYING: Final = "Checking all documents"
SOUND: Final = "Everything that was issued is as it was issued."
NOT_SOUND: Final = "Something that was issued is no longer as it was issued. Change nothing, and report this."
AUDIT_LOG: Final = "Who did what"
AUDIT_LOG_NOTE: Final = "Every change of the ledger, the newest first. Nothing can be taken out of it."
NO_ENTRIES: Final = "Nothing has been done in the ledger yet."
NO_ENTRIES_FOUND: Final = "No entry holds this text."
AUDIT_SEARCH: Final = "Search the log"
AUDIT_SEARCH_HELP: Final = "Any part of a name, an action, a group, a number or a reason."
WHEN: Final = "When, UTC"
WHO: Final = "Who"
ACTION: Final = "Action"
ON_WHAT: Final = "On what"
DETAIL: Final = "Detail"

# Credits
NO_CREDIT_BALANCES: Final = "No customer credit has been granted. They are configured in credits.csv."
CREDIT_LIST: Final = "Customer credits"
CREDIT_NAME: Final = "Credit"
GRANTED: Final = "Granted"
DRAWN_ISSUED: Final = "On documents"
DRAWN_DRAFT: Final = "On drafts"
EXPIRED: Final = "Expired"
BALANCE: Final = "Left"
USABLE: Final = "Usable"
CREDIT_STATES: Final = {"Active": "Active", "Paused": "Paused"}
CREDIT_CAPTION: Final = (
    "Granted, drawn and expired add up to what is left (K5). Draws on drafts may still change; those on documents are "
    "final, except that a correction gives back what its line fell below them."
)
DRAWS: Final = "Draws"
DRAW: Final = "Amount"
NO_DRAWS: Final = "No customer credit pays anything in this period."
DRAW_STATES: Final = {"draft": "On a draft", "issued": "On a document"}
GIVEN_BACK: Final = "Given back"

# Downloads
DOWNLOAD_CSV: Final = "CSV"
DOWNLOAD_XLSX: Final = "Excel"
DOWNLOAD_PAGE: Final = "Download the page"
MADE: Final = "Made"
DATA_DICTIONARY: Final = "Data dictionary"
DATA_DICTIONARY_TEXT: Final = (
    "Every table and column with its meaning and owner, where it comes from, which pages and exports read it, "
    "and the metrics. One file; open it in a browser."
)
DATA_DICTIONARY_MISSING: Final = "It is not made yet. In the terminal: chargehouse docs"
DOWNLOAD_ALL: Final = "Download"

TREATMENTS: Final = {"billed": "Billed", "withheld": "Withheld", "unrated": "Unrated"}

TREATMENT_REASONS: Final = {
    "policy": "Kept back by the group's billing terms",
    "partner_discount": "Our partner discount, never passed on",
    "aws_tax": "AWS's tax; the customer's own tax is worked out on the invoice",
    "shared_cost": "Spread over groups as a shared cost",
    "commitment_outside_group": "Covered by a commitment of another group, so priced on demand",
    "unassigned": "The account is in no billing group",
    "unknown_type": "AWS sent a kind of charge that is not known yet",
    "bad_value": "A value could not be read",
}

CHARGE_TYPES: Final = {
    "usage": "Usage",
    "reservation_covered_usage": "Usage covered by a reservation",
    "savings_plan_covered_usage": "Usage covered by a Savings Plan",
    "savings_plan_negation": "Savings Plan negation",
    "commitment_fee": "Commitment fee",
    "commitment_upfront": "Commitment paid upfront",
    "fee": "Fee",
    "bundled_discount": "Bundled discount",
    "negotiated_discount": "Negotiated discount",
    "partner_discount": "Partner discount",
    "aws_credit": "AWS credit",
    "refund": "Refund",
    "aws_tax": "AWS tax",
    "unknown": "Unknown",
}

# Charges of a whole group, which belong to no service.
GROUP_CHARGE_KINDS: Final = {
    "shared_cost": "Group charges: shared costs",
    "custom_line_item": "Group charges: own items",
    "support": "Group charges: support",
    "minimum_commitment": "Group charges: minimum",
}

# How a group charge came about; the names in braces are amounts and percentages, written out.
GROUP_CHARGE_METHODS: Final = {
    "FLAT": "A fixed charge: USD {base}",
    "PERCENTAGE": "{percentage} of USD {base} {base_of}",
    "PROPORTIONAL": "USD {amount} of {base}, by rated charges {share}",
    "EVEN": "USD {amount} of {base}, one of {weight_total} equal parts",
    "FIXED": "USD {amount} of {base}, by weight {weight} of {weight_total}",
    "EXACT_SAVINGS": "What commitments outside the groups saved on this group's usage: USD {base}",
    "NORMALIZED_HOURS": "{share} of USD {base} that commitments outside the groups saved, by normalised instance hours",
    "TIERS": "By the plan's tiers on USD {base} of usage and commitments",
    "MINIMUM": "The plan's minimum; its tiers on USD {base} of usage and commitments come to less",
    "TRUE_UP": "Minimum USD {committed} promised, {base} charged",
}
FIXED_CREDIT: Final = "A fixed credit: USD {base}"
PERCENTAGE_CREDIT: Final = "Credit: {percentage} of USD {base} {base_of}"
EQUAL_SPLIT: Final = "USD {amount} of {base}, in equal parts, because the weights sum to zero or below"

# Of what the base of a percentage is made.
BASES: Final = {
    "all": "rated charges and shared costs",
    "rated": "rated charges",
    "service": "charges of this service",
    "rest": "shared costs and named items",
    "selected": "charges that the item counts",
}

GROUP_CHARGE_FILES: Final = {
    "shared_cost": "shared_cost_rules.csv",
    "custom_line_item": "custom_line_items.csv",
    "support": "support_plans.csv",
    "minimum_commitment": "minimum_commitments.csv",
}

COMMITMENT_KINDS: Final = {"reservation": "Reservation", "savings_plan": "Savings Plan"}

COMMITMENT_POLICIES: Final = {
    "on_demand": "On demand",
    "owner_group": "Owner's group",
    "pass_through": "Pass-through",
}

COMMITMENT_POLICIES_HELP: Final = {
    "on_demand": "Usage at on-demand price; the reseller keeps commitments and what they save (RS1).",
    "owner_group": "The owner's group pays its commitments and keeps what they save on its own usage (RS2).",
    "pass_through": "Each group pays what its usage cost after commitments; the owner pays what is unused (RS3).",
}

COMMITMENT_SORTS: Final = {
    "unused": "Most unused",
    "utilization": "Lowest utilization",
    "savings": "Largest savings",
    "cost": "Largest cost",
    "name": "Kind and id",
}

LINE_KINDS: Final = {
    "usage": "Usage",
    "discount": "Discount",
    "commitment": "Commitment",
    "fee": "Fee",
    "marketplace": "AWS Marketplace",
    "support": "AWS Support",
    "credit": "AWS credit",
    "refund": "Refund",
    "shared_cost": "Shared cost",
    "custom_line_item": "Custom line item",
    "minimum_commitment": "Minimum commitment",
    "aws_tax": "Tax charged by AWS",
}

PROBLEMS: Final = {
    "unknown_type": "Unknown kind of charge",
    "bad_value": "Unreadable value",
    "unassigned_account": "Account in no billing group",
    "missing_fx_rate": "Missing exchange rate",
    "missing_tax_rate": "Missing tax rate",
    "not_final": "Month not final",
    "unrated_charges": "Charges not rated",
    "shared_cost_not_spread": "Shared cost that nobody bears",
    "split_equally": "Cost split equally for want of weights",
    "charged_without_rows": "Group charged without any usage",
    "aws_invoice_difference": "AWS's invoice differs from its rows",
}

PROBLEM_REMEDIES: Final = {
    "unknown_type": (
        "An engineer adds the line item type to the charge type map. Until then these rows are on no invoice."
    ),
    "bad_value": "Ask AWS for a corrected delivery. Until then these rows are on no invoice.",
    "unassigned_account": "Add the account to account_assignments.csv, then run again.",
    "missing_fx_rate": ("Add the month's rate to fx_rates.csv, then run again. The draft has no amounts until then."),
    "missing_tax_rate": (
        "Add the case to tax_rates.csv, or the customer to tax_exemptions.csv, then run again. "
        "The draft lacks this tax until then."
    ),
    "not_final": (
        "Nothing yet: AWS puts invoice numbers on a month's charges in the first days of the next one. "
        "Land the next delivery."
    ),
    "shared_cost_not_spread": (
        "The rule takes these charges away, but none of its target groups exists in the month. Name one in "
        "shared_cost_targets.csv, or end the rule, then run again. Until then they are on no invoice."
    ),
    "split_equally": (
        "The rule splits by weights or by rated charges, but they sum to zero or below, so every group got the same. "
        "If that is not meant, change the method in shared_cost_rules.csv or the weights in shared_cost_targets.csv."
    ),
    "charged_without_rows": (
        "AWS delivered nothing for the group's accounts, and yet a minimum, a fee or a share is billed. If the "
        "delivery of their payer is missing, land it and run again; if the group used nothing, this is right."
    ),
    "aws_invoice_difference": (
        "Compare aws_invoices.csv with AWS's invoice, and land the newest delivery. If both are right, ask AWS: the "
        "money shown is what they differ by."
    ),
}

INVOICE_STATES: Final = {"draft": "Draft", "approved": "Approved", "issued": "Issued", "refused": "Refused"}

DOCUMENT_KINDS: Final = {
    "invoice": "Invoice",
    "credit_note": "Credit note",
    "supplementary_invoice": "Supplementary invoice",
}

REFUSALS: Final = {
    "not_final": "Month not final",
    "unmapped": "Unknown kind of charge",
    "unrated": "Unreadable value",
    "missing_fx_rate": "Missing exchange rate",
    "missing_tax_rate": "Missing tax rate",
    "residual": "Total does not tie to AWS",
}

REFUSAL_REMEDIES: Final = {
    "not_final": (
        "AWS has not put an invoice number on every charge of this payer yet. Wait for the final delivery, which "
        "comes in "
        "the first days of the next month; or override it, if you know that the numbers will stay."
    ),
    "unmapped": (
        "AWS sent a kind of charge that nobody has decided about, so it is on no invoice. An engineer adds it to the "
        "charge type map; or override it, and a correction follows once it is mapped."
    ),
    "unrated": (
        "A value of AWS's rows could not be read, so these rows are on no invoice. Ask AWS for a corrected delivery; "
        "or "
        "override it, and a correction follows."
    ),
    "missing_fx_rate": (
        "Add the month's rate to fx_rates.csv, then run again. Without a rate there is no amount that could be issued."
    ),
    "missing_tax_rate": (
        "Add the case to tax_rates.csv, or the customer to tax_exemptions.csv, then run again. Without a rate there "
        "is no "
        "tax that could be printed."
    ),
    "residual": (
        "What AWS charged and what became of it differ for this payer. Nobody can override this: have the difference "
        "found first (page Quality)."
    ),
}

TAX_CATEGORIES: Final = {
    "S": "Standard rate",
    "Z": "Zero rated",
    "E": "Exempt",
    "AE": "Reverse charge",
    "O": "Out of scope",
}

AUDIT_ACTIONS: Final = {
    "approve": "Approved",
    "withdraw approval": "Approval withdrawn",
    "override": "Refusal overridden",
    "issue": "Issued",
}

STAGES: Final = {
    "raw": "Delivered by AWS",
    "billed": "Billed to groups",
    "withheld": "Withheld, with a reason",
    "unrated": "Unrated, waiting",
    "groups": "Over all groups",
}

LAYERS: Final = {"raw": "What AWS delivered", "dbt": "What was worked out"}

CHECK_STATUSES: Final = {"pass": "Passed", "fail": "Failed"}
SEVERITIES: Final = {"critical": "Stops publishing", "warning": "Warning"}

DELIVERY_STATUSES: Final = {"current": CURRENT, "superseded": SUPERSEDED, "rejected": REJECTED}

FORMS: Final = {
    "legacy_cur_csv": "Legacy CUR, CSV",
    "legacy_cur_parquet": "Legacy CUR, Parquet",
    "cur2_csv": "CUR 2.0, CSV",
    "cur2_parquet": "CUR 2.0, Parquet",
    "focus_csv": "FOCUS, CSV",
    "focus_parquet": "FOCUS, Parquet",
}

GROUPINGS: Final = {
    "group": "Billing group",
    "account": "Account",
    "service": "Service",
    "usage_type": "Usage type",
    "charge_type": "Charge type",
    "region": "Region",
    "rule": "Pricing rule",
    "treatment": "Treatment",
    "none": "Every charge",
}

# What a group of charges is called whose value is empty.
EMPTY_VALUES: Final = {
    "region": "No region",
    "rule": "No rule: list price or at cost",
    "usage_type": "No usage type",
    "service": "No service",
    "account": "No account",
}

SORTS: Final = {"billed": "Largest billed", "aws": "Largest AWS cost", "list": "Largest list cost",
                "name": "Name"}  # fmt: skip


def month(period: date) -> str:
    """Name a billing period: ``October 2025``."""
    return format_date(period, "MMMM y", locale="en")


def short_month(period: date) -> str:
    """Name a billing period in a chart: ``Oct 2025``."""
    return format_date(period, "MMM y", locale="en")


def moment(at: datetime | None) -> str:
    """Write a UTC timestamp: ``4 Nov 2025, 06:12 UTC``."""
    return "unknown" if at is None else f"{format_date(at, 'd MMM y', locale='en')}, {at:%H:%M} UTC"


def treatment_reason(code: str) -> str:
    """Say in plain words why charges were treated as they were; an unreadable column is named."""
    kind, _, column = code.partition(":")
    words = TREATMENT_REASONS.get(kind, plain(kind))
    return f"{words} ({column})" if column else words


def owned_by(group: str) -> str:
    """Head the commitments that one group owns."""
    return f"Owned by {group}"


def how_it_came_about(template: str, **amounts: str) -> str:
    """Say how a group charge came about; ``amounts`` are written out already."""
    return template.format(**amounts)


def charge_rule(rule: str, source: str) -> str:
    """Name the row of the configuration that a group charge comes from."""
    return f"{rule}, {source}" if rule else source


def weight_of(weight: str, weight_total: str) -> str:
    """Write what share of a split one part has."""
    return f"{weight} of {weight_total}"


def with_weight(amount: str, weight: str) -> str:
    """Write one part of a split, with the weight that made it where there is one."""
    return f"{amount}, weight {weight}" if weight else amount


def adds_up_to(amount: str) -> str:
    """Say what the parts of a picture sum to."""
    return f"Adds up to {amount} without tax."


def amount_in(currency: str) -> str:
    """Head a column of document amounts: ``Amount, EUR``."""
    return f"Amount, {currency}"


def without_rate(number: int) -> str:
    """Say how many invoices wait for their exchange rate, if any do."""
    return f"{number:,} without a rate" if number else ""


def passed(number: int, total: int) -> str:
    """Say how many checks passed: ``8 of 10 passed``."""
    return f"{number:,} of {total:,} passed"


def run_facts(run_id: str, finished_at: datetime | None, code_version: str, membership_basis: str) -> str:
    """Say which run the numbers are from."""
    return (
        f"Run {run_id[:8]} finished {moment(finished_at)} with Chargehouse {code_version[:12]}; "
        f"accounts belong to groups by {plain(membership_basis).lower()}."
    )


def day(on: date | None) -> str:
    """Write a day: ``4 Nov 2025``."""
    return "" if on is None else format_date(on, "d MMM y", locale="en")


def by_on(who: str, at: datetime | None) -> str:
    """Write who did something and when: ``Ada, 4 Nov 2025, 06:12 UTC``."""
    return who if at is None else f"{who}, {moment(at)}"


def acting_as(name: str) -> str:
    """Say under whose name things are done; Markdown."""
    return f"You act as **{name}**."


def chosen(number: int) -> str:
    """Say how many documents are chosen."""
    return f"{count(number, 'document', 'documents')} chosen" if number else "No document chosen"


def months_waiting(period: date, number: int) -> str:
    """Name a month in which documents wait, and how many."""
    return f"{month(period)} ({number:,})"


def choose_document(customer: str, kind: str) -> str:
    """Name the box by which a document is chosen."""
    return f"{CHOOSE} {of(DOCUMENT_KINDS, kind).lower()}, {customer}"


def details_of(customer: str) -> str:
    """Name the button that shows everything about a proposed document."""
    return f"{DETAILS} of {customer}"


def lapsed_text(who: str, at: datetime | None, approved: str, now: str, cause: str) -> str:
    """Say who approved other numbers, which, and why they changed (D1); amounts are written out, or empty."""
    numbers = f" It came to {approved} then, and to {now} now." if approved and approved != now else ""
    because = f" {cause}." if cause else ""
    return f"{by_on(who, at)} approved it with other numbers.{numbers}{because}"


def decision(verb: str, number: int) -> str:
    """Label the button that does it: ``Approve 3 documents``."""
    return f"{verb} {count(number, 'document', 'documents')}"


def doing(verb: str, number: int) -> str:
    """Say what goes on: ``Approving 3 documents``."""
    return f"{verb} {count(number, 'document', 'documents')}"


def done(number: int, what: str) -> str:
    """Say what was done: ``3 documents approved.``"""
    return f"{count(number, 'document', 'documents')} {what}."


def not_done(number: int) -> str:
    """Say how many documents were refused."""
    return f"{count(number, 'document was', 'documents were')} refused."


def usable_from(start: date) -> str:
    """Say from which day on a credit can be used."""
    return f"from {day(start)}"


def usable_to(end: date | None) -> str:
    """Say until which day; ``end`` is the first one on which it cannot."""
    return "" if end is None else f"to {day(end - timedelta(days=1))}"


def plain(code: str) -> str:
    """Make a code readable that has no words of its own yet: ``raw_total`` -> ``Raw total``."""
    return code.replace("_", " ").strip().capitalize()


def of(words: dict[str, str], code: str) -> str:
    """Look a code up, falling back to the code itself made readable: a new code must never break a page."""
    return words.get(code, plain(code))


def count(number: int, one: str, many: str) -> str:
    """Write a count with its noun: ``1 charge``, ``1,204 charges``."""
    return f"{number:,} {one if number == 1 else many}"


def showing(shown: int, total: int, noun: str) -> str:
    """Say honestly how much of a list is on screen."""
    if shown < total:
        return f"Showing first {shown:,} of {total:,} {noun}. Totals and downloads hold all of them."
    return f"Showing all {total:,} {noun}."
