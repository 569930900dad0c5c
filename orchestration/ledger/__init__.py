"""The ledger: issued documents, their numbers, and the payments that settle them; the store that is never rebuilt.

What is here: ``ledger`` (the one class that others use), ``contents`` (a document's bytes and what must tie in them),
``issuing``, ``verification``, ``settlement``, ``bank_files``, ``archive``, ``reads``, and the database under them
(``tables``, ``columns``, ``database``, ``migrations``).
When to add here: something that must survive a rebuild of the warehouse.
What does not belong here: what a document says (``dbt_project/``) and how it looks (rendering).
"""
