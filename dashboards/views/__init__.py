"""One file per page; the file name is the address.

What is here: what each page shows, in the order it shows it.
When to add here: a new page, together with its line in ``app.py`` and its exposure in dbt.
What does not belong here: SQL, number formatting, arithmetic.
"""
