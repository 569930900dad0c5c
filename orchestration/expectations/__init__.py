"""What we expect of the raw tables, as Great Expectations suites.

What is here: one module per raw table; each builds its suite in Python and the small exact frame it runs on.
When to add here: a promise about what AWS or an operator sends.
What does not belong here: promises about rows that we made; those are dbt tests.
"""
