"""Rules about billing groups, their accounts and their terms (P4, P4b, P5).

What is here: checks that compare the lives of groups with assignments, with terms and with each other. That
an account is in one group at a time (P2), and that two terms are not in force at once (P5), follows from
``schema`` already.
When to add here: a new rule about who is in a group, or which terms it has, at some time.
What does not belong here: what terms and rules say; see ``pricing`` and ``group_charges``.
"""

from collections.abc import Iterator

from orchestration.configuration.intervals import Interval
from orchestration.configuration.sheets import Record, Sheet, Sheets
from orchestration.errors import ConfigProblem

__all__ = [
    "check_assignments_in_group_life",
    "check_auto_associate",
    "check_terms_without_gap",
    "group_lives",
]


def group_lives(sheets: Sheets) -> dict[str, tuple[Interval, Record]]:
    """Return when each billing group exists, and its row, for the groups where that can be read."""
    sheet = sheets["billing_groups"]
    lives: dict[str, tuple[Interval, Record]] = {}
    for record in sheet.records:
        interval = sheet.interval(record)
        if interval is not None and record.has("billing_group_id"):
            lives.setdefault(record.text("billing_group_id"), (interval, record))
    return lives


def check_auto_associate(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield groups that would take unassigned accounts at a time when another group already does (P4)."""
    sheet = sheets["billing_groups"]
    reaching: tuple[Interval, Record] | None = None
    lives = sorted(group_lives(sheets).values(), key=lambda life: (life[0], life[1].line))
    for interval, record in lives:
        if not record.has("auto_associate") or not record.is_true("auto_associate"):
            continue
        if reaching is not None and interval.overlaps(reaching[0]):
            first, second = sorted((reaching[1], record), key=lambda item: item.line)
            yield sheet.problem(
                second,
                "auto_associate",
                f"clashes with line {first.line}: groups {first.text('billing_group_id')!r} and "
                f"{second.text('billing_group_id')!r} would both take accounts without assignment "
                f"{sheet.show_interval(interval.common(reaching[0]))} (P4)",
                "Set one of the two to false.",
            )
        if reaching is None or interval.end > reaching[0].end:
            reaching = (interval, record)


def check_assignments_in_group_life(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield assignments to a group that has not begun, or that has ended (P4b)."""
    sheet, groups = sheets["account_assignments"], sheets["billing_groups"]
    lives = group_lives(sheets)
    for record in sheet.records:
        interval = sheet.interval(record)
        if interval is None or not record.has("billing_group_id"):
            continue
        group_id = record.text("billing_group_id")
        if group_id not in lives:
            continue
        life, group = lives[group_id]
        place = f"{groups.schema.file} line {group.line}"
        if interval.start < life.start:
            yield sheet.problem(
                record,
                "start_date",
                f"is before group {group_id!r} begins on {life.start} ({place}; P4b)",
                "Begin the assignment later, or the group earlier.",
            )
        if interval.end > life.end:
            yield sheet.problem(
                record,
                "end_date",
                f"{'is empty, but' if interval.is_open else 'is after'} group {group_id!r} "
                f"ends on {life.end} ({place}; P4b)",
                f"End the assignment on {life.end} or earlier, or the group later.",
            )


def check_terms_without_gap(sheets: Sheets) -> Iterator[ConfigProblem]:
    """Yield billing groups that are without terms in a period in which they exist (P5)."""
    sheet, groups = sheets["billing_terms"], sheets["billing_groups"]
    if not sheet.is_whole:
        return
    terms_of_group = sheet.by_text("billing_group_id")
    for group_id, (life, group) in group_lives(sheets).items():
        terms = terms_of_group.get(group_id, [])
        intervals = [interval for record in terms if (interval := sheet.interval(record)) is not None]
        # With a damaged row of this group any gap may only be the damage, which is listed already.
        if len(intervals) < len(terms) or sheet.may_hold(group_id):
            continue
        if not terms:
            yield groups.problem(
                group,
                "billing_group_id",
                f"has no row in {sheet.schema.file}, but a group needs terms in each period it exists (P5)",
                f"Add terms {groups.show_interval(life)}.",
            )
            continue
        for gap in life.gaps(intervals):
            yield _gap_problem(sheet, list(zip(intervals, terms, strict=True)), gap, group_id, group)


def _gap_problem(
    sheet: Sheet, terms: list[tuple[Interval, Record]], gap: Interval, group_id: str, group: Record
) -> ConfigProblem:
    whose = f"group {group_id!r} (billing_groups.csv line {group.line})"
    missing = f"{whose} has no terms {sheet.show_interval(gap)} (P5)"
    advice = "Move this period, or add a row for the time between."
    before = [row for row in terms if row[0].end <= gap.start]
    if before:
        _, record = max(before, key=lambda row: row[0].end)
        return sheet.problem(record, "end_period", f"leaves a gap: {missing}", advice)
    _, record = min(terms, key=lambda row: row[0].start)
    return sheet.problem(record, "start_period", f"is too late: {missing}", advice)
