"""Anomalies of cost: days on which a service of a billing group cost far more, or less, than it usually does.

What is here: judging one series of days (``detector``), and finding, explaining and keeping the anomalies of the
periods that were built (``detection``).
When to add here: another way to judge a series.
What does not belong here: the cost of a day (``fct_daily_costs``), and telling anybody.

Import from the modules.
"""
