"""Every text of the page of receivables, and the plain words for its codes.

What is here: as in ``strings.py``, for that page.
When to add here: a label or sentence of the page, or a code that the ledger has begun to use.
What does not belong here: number formats; the page's title, which stands with the other titles.
"""

from datetime import date, datetime
from typing import Final

# The page's parts
VIEW: Final = "Show"
BALANCES: Final = "Open balance"
PAYMENTS: Final = "Payments"
REMINDERS: Final = "Reminders"
SENDING: Final = "Sending"
FROM_LEDGER: Final = (
    "Read from the ledger as it is now, not from the last run. Period and billing group choose what Sending shows."
)
LEDGER_TITLE: Final = "This cannot be done"

NAME_MISSING: Final = "Enter your name at the top of the page first; the ledger keeps who does it."
CUSTOMER: Final = "Customer"
NOBODY: Final = "Nobody yet"
REASON: Final = "Reason"
CHOOSE_CUSTOMER: Final = "Choose a customer"
CUSTOMER_AND_REASON_MISSING: Final = "Choose the customer and say why; the ledger keeps it."
CHOOSE_ITEM: Final = "Choose one"
MATCH_AND_REASON_MISSING: Final = "Choose the match and say why; the ledger keeps it."

# Open balance
AS_OF: Final = "As of"
NOTHING_OPEN: Final = "Nothing is open: everything that was issued is paid, and everything paid is used."
AGEING: Final = "Open balance by customer and days overdue"
CURRENCY: Final = "Currency"
NOT_DUE: Final = "Not due"
DAYS_1_30: Final = "1–30 days"
DAYS_31_60: Final = "31–60 days"
DAYS_61_90: Final = "61–90 days"
OVER_90: Final = "Over 90"
IN_FAVOUR: Final = "In their favour"
IN_FAVOUR_HELP: Final = "Payments and credit notes that are not matched with an invoice yet."
BALANCE: Final = "Balance"
TOTAL: Final = "Total"
OPEN_ITEMS: Final = "Open items"
DOCUMENT: Final = "Document or payment"
ITEM_DATE: Final = "Date"
DUE_DATE: Final = "Due"
OVERDUE: Final = "Days overdue"
AMOUNT: Final = "Amount"
OPEN: Final = "Open"
ALL_CUSTOMERS: Final = "All customers"

# Statement
STATEMENT: Final = "Statement of account"
FROM: Final = "From"
TO: Final = "To"
MOVEMENT: Final = "Movement"
NUMBER: Final = "Number"
OPENING: Final = "Opening balance"
CLOSING: Final = "Closing balance"
DOWNLOAD_STATEMENT: Final = "Statement as PDF"
NO_ACCOUNT: Final = "Nothing was issued to this customer; there is no account to state."
MOVEMENTS: Final = {
    "invoice": "Invoice",
    "credit_note": "Credit note",
    "supplementary_invoice": "Supplementary invoice",
    "payment": "Payment",
    "refund": "Refund",
}

# Payments
NO_PAYMENTS: Final = "No payment has been recorded yet."
RECORDED: Final = "Payments, newest first"
PAID_BY: Final = "Paid by"
REFERENCE: Final = "Reference"
SOURCE: Final = "Recorded from"
NOT_MATCHED: Final = "Not matched"
MATCHED: Final = "Matched"
PARTLY_MATCHED: Final = "Partly matched"
UNMATCHED: Final = "Not matched"
SHOW_ONLY_OPEN: Final = "Only payments that are not matched in full"
RECORD_ONE: Final = "Record a payment"
RECORD_ONE_HELP: Final = (
    "A document number in the reference matches the payment with it. A refund that you paid out is below zero."
)
PAYMENT_DATE: Final = "Value date"
AMOUNT_HELP: Final = "Like 1,234.50; below zero when you paid it out."
AMOUNT_WRONG: Final = "This is no amount of that currency; write it like 1,234.50."
RECORD: Final = "Record payment"
RECORDED_BEFORE: Final = "The same payment was recorded before; nothing was changed."
IGNORED: Final = "A refund needs a customer, or the number of a document in its reference. Nothing was recorded."
UPLOAD: Final = "Upload a bank file"
UPLOAD_FILE: Final = "CSV file of the bank or payment provider"
FORM: Final = "Written like"
NO_FORMS: Final = "Describe how your bank writes its files in billing/bank_files.toml first; the example shows two."
PREVIEW: Final = "What would be recorded"
NOTHING_NEW: Final = "The file has no payment that is not recorded yet."
EFFECT: Final = "What happens"
PAYS: Final = "Pays"
LEFT: Final = "Left over"
ASSIGN: Final = "Say whose a payment is"
ASSIGN_BUTTON: Final = "Assign"
PAYMENT: Final = "Payment"
NOTHING_TO_ASSIGN: Final = "Every payment has a customer."
MATCH: Final = "Match by hand"
IN_FAVOUR_ITEM: Final = "In the customer's favour"
OWED_ITEM: Final = "Owed by the customer"
MATCH_AMOUNT: Final = "Amount (empty: as much as both have)"
MATCH_BUTTON: Final = "Match"
NOTHING_TO_MATCH: Final = "There is nothing open on both sides."
MATCHES: Final = "Matches, newest first"
UNDO: Final = "Undo a match"
UNDO_BUTTON: Final = "Undo"
WHICH_MATCH: Final = "Match"
REVERSED: Final = "undone"
PLANS: Final = {
    "matched": "Pays in full",
    "part": "Part payment",
    "over": "Over payment",
    "unmatched": "Not matched",
    "ignored": "Left out",
    "known": "Recorded before",
}

# Reminders
DUE_NOW: Final = "Due now"
NO_REMINDERS: Final = "No reminder is due today."
LEVEL: Final = "Level"
LEVELS: Final = {1: "1 · friendly", 2: "2 · firm", 3: "3 · final"}
DOCUMENTS: Final = "Documents"
HELD_BACK: Final = "Not reminded"
MADE: Final = "Letters, newest first"
NO_LETTERS: Final = "No reminder has been made yet."
DOWNLOAD_LETTER: Final = "PDF"
CHOOSE_LETTER: Final = "Letter"
PAY_BY: Final = "Pay by"

# Sending
NO_DOCUMENTS: Final = "No document of this period and billing group is issued yet."
KIND: Final = "Kind"
ISSUED: Final = "Issued"
STATE: Final = "Sending"
NEVER_SENT: Final = "Not sent"
STATES: Final = {"sent": "Sent", "failed": "Failed", "queued": "Unknown"}
UNKNOWN_HELP: Final = (
    "The mail was handed to the mail server, and its answer never came. Ask the customer, or look for the mail."
)
CHOOSE: Final = "Documents to send"
CHOOSE_HELP: Final = (
    "All documents of one customer go in one mail, with a cover statement when they are of several groups."
)
AGAIN: Final = "Also documents that were sent before, or that may have been"
NOTHING_TO_SEND: Final = "Every document shown was sent."


def made_on(day: date, level: int, customer: str, currency: str) -> str:
    """Name a reminder's letter: ``2026-11-22 · 2 · firm · Kranich Logistik AG · EUR``."""
    return f"{day} · {LEVELS[level]} · {customer} · {currency}"


def overdue(days: int) -> str:
    """Write days overdue: ``1 day``, ``32 days``."""
    return f"{days:,} {'day' if days == 1 else 'days'}"


def record_all(count: int) -> str:
    """Label the button that records the payments of a file."""
    return f"Record {count:,} {'payment' if count == 1 else 'payments'}"


def make_all(count: int) -> str:
    """Label the button that makes reminders."""
    return f"Make {count:,} {'reminder' if count == 1 else 'reminders'}"


def send_all(count: int) -> str:
    """Label the button that sends documents."""
    return f"Send {count:,} {'document' if count == 1 else 'documents'}"


def done(count: int, verb: str, noun: str) -> str:
    """Say what was done: ``Recorded 3 payments.``"""
    return f"{verb} {count:,} {noun}{'' if count == 1 else 's'}."


def sent_when(at: datetime, by: str, recipient: str) -> str:
    """Say when, by whom and to whom something was sent."""
    to = f" to {recipient}" if recipient else ""
    return f"{at:%Y-%m-%d %H:%M} UTC by {by}{to}"
