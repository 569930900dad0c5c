"""Billing periods as Dagster partitions.

What is here: the one partitions definition that every partitioned asset shares.
When to add here: nothing, unless something is partitioned by anything but the billing period.
What does not belong here: which periods have data; that is in the warehouse.
"""

from datetime import date

import dagster as dg

__all__ = ["BILLING_PERIODS", "range_tags"]

# AWS introduced the Cost and Usage Report in December 2015. The current month is a partition while it goes on.
BILLING_PERIODS = dg.MonthlyPartitionsDefinition(start_date="2015-12-01", end_offset=1)


def range_tags(first: date, last: date) -> dict[str, str]:
    """Return the run tags that make one run cover the periods from ``first`` to ``last``, both first of month."""
    return {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }
