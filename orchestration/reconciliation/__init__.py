"""Closing a month: AWS's own invoices, what a restatement changed, the close certificate.

What is here: reading AWS's list of invoices, comparing deliveries, and what the certificate says and looks like.
When to add here: another proof that finance files with a closed month.
What does not belong here: reconciling itself; its stages and residuals are models (`marts/reconciliation`).
"""
