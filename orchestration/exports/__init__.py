"""Files for other programs: what `chargehouse export` writes.

What is here: one module per kind of file, and what they share: new files (``files``), the SQL of the dbt project that
makes the large ones (``analyses``), and the issued documents (``issued``).
When to add here: another kind of file.
What does not belong here: the files of one issued document (``documents/``), and what anybody is charged
(``dbt_project/``).

Import from the modules.
"""
