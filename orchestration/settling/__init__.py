"""After issue: who owes what since when, the letters about it, and bringing documents to customers.

What is here: what commands and pages do with the ledger's payments, open items, reminders and sendings.
When to add here: another thing that finance does with an issued document.
What does not belong here: what a payment, a match or an open amount is (``ledger``), and how a letter looks
(``documents``).
"""
