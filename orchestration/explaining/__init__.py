"""Where an invoice line comes from, level by level, down to AWS's rows.

What is here: finding a line by what a person calls it (``lookup``), its levels and the proof that each adds up
(``explanation``), the CUR rows behind it (``rows``), and both as files (``files``) and as text (``tree``).
When to add here: another level of an explanation.
What does not belong here: how an amount is worked out; the queries are the analyses ``explain_*`` of the dbt project.
"""
