"""The web pages for people in finance.

What is here: a Streamlit app that reads the published marts, and only those.
When to add here: a page (``views/``), a query on a mart (``queries.py``), a piece of screen
(``components/``).
What does not belong here: billing arithmetic of any kind; it is a column of a mart, or it does not exist.
"""
