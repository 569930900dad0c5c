"""Jobs.

What is here: the one job that processes what is new, and what runs it has to make.
When to add here: another way to run the assets.
What does not belong here: when to run (``schedules.py``).
"""

import dagster as dg

__all__ = ["process_new"]

process_new = dg.define_asset_job(
    name="process_new",
    selection=dg.AssetSelection.all(),
    # One process per run: DuckDB has one writer, and the workspace's lock lives as long as the process.
    executor_def=dg.in_process_executor,
    description="Land new deliveries, build and test the billing periods that changed, publish.",
)
