"""From AWS's deliveries to ``raw.cur_line_items``: landing, manifests, validation, storage, the view.

What is here: everything that knows the shape of what AWS sends; no Dagster, no dbt.
When to add here: another form of delivery, or another place where deliveries land.
What does not belong here: what a row means for an invoice (``dbt_project/``).
"""
