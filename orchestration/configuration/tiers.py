"""Tiers of graduated prices: from 0, without gap or overlap, the last one open.

What is here: the one check that pricing tiers (R5) and support tiers (F1) share.
When to add here: a further property that every list of tiers must have.
What does not belong here: which tiers belong together, and when they are in force.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise

from orchestration.configuration.sheets import Record, Sheet
from orchestration.errors import ConfigProblem

__all__ = ["check_tier_chain", "check_tier_ends", "has_readable_tier"]


def has_readable_tier(record: Record) -> bool:
    """Return whether start and end of a tier can be read and are in order."""
    if not record.has("tier_start", "tier_end"):
        return False
    start, end = record.number("tier_start"), record.number("tier_end")
    return start is not None and (end is None or start < end)


def check_tier_ends(sheet: Sheet) -> Iterator[ConfigProblem]:
    """Yield tiers that end before they begin."""
    for record in sheet.records:
        if not record.has("tier_start", "tier_end"):
            continue
        start, end = record.number("tier_start"), record.number("tier_end")
        if start is not None and end is not None and end <= start:
            yield sheet.problem(
                record,
                "tier_end",
                f"is not above tier_start {record.texts['tier_start']}",
                "A tier goes from tier_start to below tier_end; empty means open.",
            )


def check_tier_chain(sheet: Sheet, tiers: Sequence[Record], subject: str) -> Iterator[ConfigProblem]:
    """Yield where tiers that are in force together do not cover all quantities exactly once.

    Args:
        sheet: the file of the tiers.
        tiers: at least one readable tier.
        subject: what the tiers are of, for messages; ends with the rule's id.
    """
    ordered = sorted(tiers, key=lambda tier: (tier.number("tier_start") or Decimal(0), tier.line))
    first = ordered[0]
    if first.number("tier_start") != 0:
        yield sheet.problem(
            first,
            "tier_start",
            f"is not 0, but it begins the first tier of {subject}",
            "Begin the first tier at 0.",
        )
    for tier, following in pairwise(ordered):
        end, start = tier.number("tier_end"), following.number("tier_start")
        if end is None:
            yield sheet.problem(
                tier,
                "tier_end",
                f"is empty, but line {following.line} holds a later tier of {subject}",
                f"Write {following.texts['tier_start']}, or remove the later tier.",
            )
        elif end != start:
            what = "leaves a gap before" if start is not None and end < start else "overlaps"
            yield sheet.problem(
                tier,
                "tier_end",
                f"{what} the next tier of {subject}, which begins at {following.texts['tier_start']} on line "
                f"{following.line}",
                "Let each tier begin where the one before it ends.",
            )
    last = ordered[-1]
    if last.number("tier_end") is not None:
        yield sheet.problem(
            last,
            "tier_end",
            f"is not empty, but it ends the last tier of {subject}",
            "Leave the last tier open.",
        )
