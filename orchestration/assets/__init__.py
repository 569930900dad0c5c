"""Dagster assets, one module per stage: raw, models, published.

What is here: thin asset bodies that call the package's functions and say what they did.
When to add here: a new stage or table that Dagster should show.
What does not belong here: the work itself.
"""
