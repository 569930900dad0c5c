"""From draft to document: approving what the models propose, and issuing it.

What is here: ``proposals`` (what can be issued now, read from the warehouse), ``provenance`` (what it was made from,
and why a correction differs), ``contents`` (the frozen document), ``desk`` (approve and issue), ``files`` (its PDF and
the others), ``verification`` (the ledger and the files against what was frozen).
When to add here: a step between a draft and the document that the customer gets.
What does not belong here: amounts (``dbt_project/``), numbers and the rules of the ledger (``ledger/``), how a document
looks (``documents/``).
"""
