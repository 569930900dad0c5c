"""One module per change of the tables, in order.

What is here: migrations, the first of which makes everything.
When to add here: as the package above says.
What does not belong here: imports from ``tables``, which moves on while a migration stays as it was.
"""
