"""Alembic's migrations of the ledger, applied by ``database`` when a ledger is opened.

What is here: Alembic's environment, and one module per change of the tables in ``versions``.
When to add here: with every change of ``tables``; also set ``database.REVISION``.
What does not belong here: changes of rows. Issued documents and payments are never rewritten.
"""
