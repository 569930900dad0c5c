"""Spark as the engine that builds the models, in place of DuckDB.

What is here: what goes to Spark and what comes back (``exchange``), which every process may import; and what runs in
Spark's own Python environment: the session, dbt's adapter, the translation of DuckDB's SQL.
When to add here: something that only a run on Spark needs.
What does not belong here: models and rules, which are the same on both engines (``dbt_project/``).
"""
