"""Import from AWS Billing Conductor: its lists, as the AWS command line prints them, become billing configuration.

What is here: ``objects`` (what AWS answers), ``pages`` (files to objects), ``groups``, ``pricing`` and
``custom_line_items`` (objects to rows of our files), ``identifiers``, ``report``, and ``importing`` (the whole).
When to add here: Billing Conductor gains something that our configuration can say.
What does not belong here: what our files may hold; that is ``orchestration.configuration``.
"""
