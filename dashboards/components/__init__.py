"""Pieces of screen that pages share: filters, tables, charts, downloads, and how money is written.

What is here: everything that turns values into something to look at.
When to add here: a piece that a second page needs.
What does not belong here: SQL, and any decision about what an amount is.
"""
