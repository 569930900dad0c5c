"""Alembic's environment: it works on the connection it is handed, inside the transaction that is open there.

What is here: the hand-over.
When to add here: hardly ever.
What does not belong here: a second way to connect; ``database`` holds the locks that make migrating safe.
"""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # SQLite can roll back a change of tables too, once Python's driver is told not to commit by itself.
    transactional_ddl=True,
)
context.run_migrations()
