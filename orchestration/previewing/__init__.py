"""What a changed billing configuration would do, worked out before anybody makes the change.

What is here: ``changes`` (what differs in the files), ``scratch`` (both sides built in a temporary folder),
``comparison`` (what differs in the numbers) and ``pages`` (how it is shown).
When to add here: another effect of a configuration that a reviewer has to see.
What does not belong here: sums and differences of money, which are analyses of the dbt project; anything that
writes to a workspace.
"""
