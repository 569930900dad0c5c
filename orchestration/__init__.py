"""Moves AWS billing data and runs things: ingest, configuration, Dagster, the command line.

What is here: everything that reads deliveries and configuration, runs dbt through Dagster and publishes the marts.
When to add here: a new input, asset, check, schedule or command.
What does not belong here: billing rules. Who pays what, and how much, is decided in ``dbt_project/`` alone.
"""
