"""The benchmark: made-up deliveries of any size, what they cost Chargehouse, and what they would cost otherwise.

What is here: one command, ``python -m benchmarks``, and the parts it is made of.
When to add here: another thing to measure, or another program to compare with.
What does not belong here: tests; nothing here passes or fails for a time, and no time is asserted anywhere.
"""
