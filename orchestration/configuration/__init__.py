"""The billing configuration: ``billing/*.csv`` read, checked as a whole, and loaded into schema ``billing``.

What is here: ``schema`` (what may stand in the files), ``validate`` (reading and every check), ``load`` (into
the warehouse) and ``fingerprint`` (what a change of configuration can touch). Import from these modules.
When to add here: a new configuration file, column or setting; declare it in ``schema``, everything else
follows.
What does not belong here: what the configuration *does* to a bill. That is decided in ``dbt_project/`` alone.
"""
