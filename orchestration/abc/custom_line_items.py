"""Custom line items (G2, G3).

What is here: ``map_custom_line_items``: one row per item and range of periods in which nothing about it changes.
When to add here: another calculation or filter that ours can express.
What does not belong here: prices and terms.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from orchestration.abc.groups import ImportedGroup
from orchestration.abc.identifiers import unique_ids
from orchestration.abc.objects import (
    AssociatedResource,
    CustomLineItem,
    CustomLineItemVersion,
    LineItemFilter,
    key_of,
)
from orchestration.abc.pages import Export
from orchestration.abc.report import Findings
from orchestration.configuration.cells import cell_problems, shown_number
from orchestration.errors import ExportProblem

__all__ = ["check_custom_line_items", "map_custom_line_items"]


@dataclass(frozen=True)
class _Piece:
    """An item from ``start`` to before ``end`` (None = open), as a row without id, associated items and periods."""

    item: CustomLineItem
    start: date
    end: date | None
    row: Mapping[str, str]

    @property
    def key(self) -> str:
        return key_of(self.item.arn)

    @property
    def is_flat(self) -> bool:
        return self.row["calculation"] == "FLAT"

    def overlaps(self, other: "_Piece") -> bool:
        """Return whether both are in force in some period."""
        return (self.end is None or other.start < self.end) and (other.end is None or self.start < other.end)


def check_custom_line_items(export: Export) -> Iterable[ExportProblem]:
    """Yield items whose group no list holds, and lists of associations of items that no list holds."""
    for key, item in _all_items(export):
        if key_of(item.billing_group_arn) not in export.groups:
            kind = "CustomLineItemVersions" if isinstance(item, CustomLineItemVersion) else "CustomLineItems"
            yield export.places[kind, key].problem(
                item.billing_group_arn,
                "is the group of this item, but in no list of groups",
                "Give the answer of list-billing-groups too.",
            )
    for key in export.resources.keys() - export.items.keys() - export.versions.keys():
        yield export.places["AssociatedResources", key].problem(
            key, "is an item that no list of items holds", "Give the answer of list-custom-line-items too."
        )


def map_custom_line_items(
    export: Export, groups: Mapping[str, ImportedGroup], findings: Findings
) -> tuple[list[dict[str, str]], list[tuple[str, str]]]:
    """Return the rows of custom_line_items.csv, and (id, ARN) of each.

    Where an item's versions were given, they say from when until when it is; else it begins with its group and is open.
    """
    newest: dict[str, CustomLineItem] = {}
    for key, item in _all_items(export):
        newest.setdefault(key, item)
    ids = unique_ids({key: item.name for key, item in newest.items()})
    pieces: dict[str, list[_Piece]] = {}
    for key, item in newest.items():
        group = groups.get(key_of(item.billing_group_arn))
        if group is None:
            findings.lacks(
                _subject(item), item.arn, "Its billing group is not imported, so neither is it.", "Add both by hand."
            )
            continue
        found = _pieces(key, item, group, export, findings)
        if found is not None:
            pieces[key] = found
    flat = {key: [piece for piece in found if piece.is_flat] for key, found in pieces.items()}
    kinds = _Kinds.of(export)
    finished: list[tuple[_Piece, list[_Piece]]] = []
    for of_item in pieces.values():
        for piece in of_item:
            finished += [(piece, [])] if piece.is_flat else _with_base(piece, export, kinds, flat, findings)
    return _written(finished, ids)


def _all_items(export: Export) -> Iterable[tuple[str, CustomLineItem]]:
    yield from export.items.items()
    for key, versions in export.versions.items():
        yield from ((key, version) for version in versions)


def _subject(item: CustomLineItem) -> str:
    return f"custom line item {item.name}"


def _pieces(
    key: str, item: CustomLineItem, group: ImportedGroup, export: Export, findings: Findings
) -> list[_Piece] | None:
    """Return the item's ranges from its group's start on, later versions before earlier ones where they overlap.

    An item that ended before has none; one that cannot be imported gives None.
    """
    if key in export.versions:
        dated = _dated_versions(export.versions[key], findings)
    else:
        dated = [(group.start, None, item)]
        findings.complete(
            _subject(item),
            item.arn,
            "Its versions were not given, so it is imported without end; in Billing Conductor it may be for one month.",
            f"Write end_period, or import again with the answer of list-custom-line-item-versions --arn {item.arn}.",
        )
    pieces: list[_Piece] = []
    for start, end, version in _without_overlaps(dated):
        begin = max(start, group.start)
        if end is not None and end <= begin:
            continue
        row = _row(version, group, findings)
        if row is None:
            continue
        last = pieces[-1] if pieces else None
        if (
            last is not None
            and last.end == begin
            and last.row == row
            and last.item.association_size == item.association_size
        ):
            pieces[-1] = replace(last, end=end)
        else:
            pieces.append(_Piece(version, begin, end, row))
    if pieces:
        return pieces
    has_ended = bool(dated) and all(end is not None and end <= group.start for _, end, _ in dated)
    if has_ended:
        findings.lacks(
            _subject(item),
            item.arn,
            f"It ended before {group.start:%Y-%m}, the first imported period of its group. Not imported.",
            "Nothing, unless you bill earlier periods.",
        )
    return [] if has_ended else None


def _dated_versions(
    versions: Iterable[CustomLineItemVersion], findings: Findings
) -> list[tuple[date, date | None, CustomLineItem]]:
    dated: list[tuple[date, date | None, CustomLineItem]] = []
    for version in sorted(
        versions, key=lambda item: (item.start_time or item.creation_time or 0, item.creation_time or 0)
    ):
        start, end = version.start_billing_period, version.end_billing_period
        if start is None or (end is not None and end <= start):
            findings.lacks(
                _subject(version),
                version.arn,
                "A version of it has no billing periods: it starts "
                f"{start.strftime('in %Y-%m') if start else 'at no known time'} and ends "
                f"{end.strftime('before %Y-%m') if end else 'never'}. The version is not imported.",
                "Add it by hand for the periods it is billed in.",
            )
        else:
            dated.append((start, end, version))
    return dated


def _without_overlaps(
    dated: list[tuple[date, date | None, CustomLineItem]],
) -> Iterable[tuple[date, date | None, CustomLineItem]]:
    cuts = sorted({day for start, end, _ in dated for day in (start, end) if day is not None})
    for begin, end in zip(cuts, [*cuts[1:], None], strict=False):
        in_force = [version for start, stop, version in dated if start <= begin and (stop is None or stop > begin)]
        if in_force:
            yield begin, end, in_force[-1]


def _row(item: CustomLineItem, group: ImportedGroup, findings: Findings) -> dict[str, str] | None:
    """Return the row of an item without id, associated items and periods; None where ours cannot express it."""
    charge = item.charge_details
    filters = charge.line_item_filters or []
    reason = None
    if key_of(item.billing_group_arn) != key_of(group.group.arn):
        reason = "A version of it is of another billing group."
    elif item.currency_code not in (None, "USD"):
        reason = f"Its amounts are in {item.currency_code}; configured amounts are USD (I2)."
    elif charge.type not in ("FEE", "CREDIT"):
        reason = f"Its type {charge.type} is not known here."
    elif (charge.flat is None) == (charge.percentage is None):
        reason = "It is neither a flat amount nor a percentage, or both."
    elif item.computation_rule not in (None, "CONSOLIDATED", "ITEMIZED"):
        reason = f"Its computation rule {item.computation_rule} is not known here."
    elif charge.percentage is not None and len(filters) > 1:
        reason = "It has more than one filter; here an item has one."
    elif charge.percentage is not None and filters and _filter(filters[0]) is None:
        shown = filters[0].model_dump(by_alias=True, exclude_none=True)
        reason = f"Its filter {shown} has no counterpart (G3)."
    if reason is not None:
        findings.lacks(_subject(item), item.arn, f"{reason} Not imported.", "Add it by hand, if ours can express it.")
        return None
    row = {
        "billing_group_id": group.id,
        "account_id": item.account_id or "",
        "description": item.description or item.name,
        "charge_type": charge.type,
        "presentation_service": item.presentation_details.service if item.presentation_details else "",
    }
    if charge.flat is not None:
        row |= {"calculation": "FLAT", "amount": shown_number(charge.flat.charge_value)}
        if filters or item.computation_rule == "ITEMIZED":
            findings.lacks(
                _subject(item),
                item.arn,
                "It is a flat amount with a filter or itemized, which only percentages can be (G3). Imported without.",
                "Check the item's amount.",
            )
    elif charge.percentage is not None:
        name, service = (_filter(filters[0]) if filters else None) or ("", "")
        row |= {
            "calculation": "PERCENTAGE",
            "percentage": shown_number(charge.percentage.percentage_value),
            "computation_rule": item.computation_rule or "CONSOLIDATED",
            "line_item_filter": name,
            "filter_service_code": service,
        }
    refused = cell_problems(
        "custom_line_items", {**row, "custom_line_item_id": "id", "start_period": f"{group.start:%Y-%m}"}
    )
    if refused:
        findings.lacks(
            _subject(item),
            item.arn,
            f"{'; '.join(refused)}. Not imported.",
            "Add it by hand with a value that the file may hold.",
        )
        return None
    return row


def _filter(line_item_filter: LineItemFilter) -> tuple[str, str] | None:
    """Return our filter and its service; None for a filter without counterpart."""
    values, services = line_item_filter.values or [], line_item_filter.attribute_values or []
    match line_item_filter.attribute, line_item_filter.match_option, values, services:
        case "LINE_ITEM_TYPE", "NOT_EQUAL", ["SAVINGS_PLAN_NEGATION"], []:
            return "EXCLUDE_SAVINGS_PLAN_NEGATION", ""
        case "SERVICE", ("EQUAL" | "NOT_EQUAL") as option, [], [service]:
            return f"SERVICE_{option}", service
        case _:
            return None


def _with_base(
    piece: _Piece, export: Export, kinds: "_Kinds", flat: Mapping[str, list[_Piece]], findings: Findings
) -> list[tuple[_Piece, list[_Piece]]]:
    """Return a percentage item cut where its base changes, each part with the flat items in its base."""
    item = piece.item
    resources = _base_of(piece, export, findings)
    own_group = key_of(item.billing_group_arn)
    ends = {end for resource in resources if (end := resource.end_billing_period) is not None}
    cuts = sorted(end for end in ends if piece.start < end and (piece.end is None or end < piece.end))
    parts: list[tuple[_Piece, list[_Piece]]] = []
    starts = [piece.start, *cuts]
    for start, end in zip(starts, [*cuts, piece.end], strict=True):
        base = [
            key_of(resource.arn)
            for resource in resources
            if resource.end_billing_period is None or start < resource.end_billing_period
        ]
        reason = _reason_against(base, own_group, kinds, flat)
        if reason is not None:
            span = f"from {start:%Y-%m}{f' to before {end:%Y-%m}' if end else ' on'}"
            findings.lacks(
                _subject(item),
                item.arn,
                f"{reason}. Not imported {span}.",
                "Add it by hand in another form, if the customer owes it.",
            )
            continue
        part = replace(piece, start=start, end=end)
        parts.append((part, [other for key in base for other in flat.get(key, []) if other.overlaps(part)]))
    return parts


def _reason_against(base: list[str], own_group: str, kinds: "_Kinds", flat: Mapping[str, list[_Piece]]) -> str | None:
    """Return why ours cannot take a percentage of this base; None where it can."""
    others = sorted(set(base) & kinds.groups - {own_group})
    items = [key for key in base if key not in kinds.groups]
    wrong = [key for key in items if kinds.group_of_flat.get(key) != own_group]
    left_out = [key for key in items if key not in flat]
    if not base:
        return "It is associated with nothing, so Billing Conductor bills 0.00"
    if own_group not in base:
        return "Its base leaves the billing group itself out; here the group's charges are always in the base (G3)"
    if others:
        return f"Its base holds other billing groups ({', '.join(others)}); here it is the item's own group (G3)"
    if wrong:
        return f"Its base holds {', '.join(wrong)}, which is no flat item of its group (G3)"
    if left_out:
        return f"Its base holds {', '.join(left_out)}, which is not imported"
    return None


@dataclass(frozen=True)
class _Kinds:
    """Which keys are billing groups, and the group of each item that is always a flat amount."""

    groups: frozenset[str]
    group_of_flat: Mapping[str, str]

    @classmethod
    def of(cls, export: Export) -> "_Kinds":
        found: dict[str, set[str | None]] = {}
        for key, item in _all_items(export):
            group = key_of(item.billing_group_arn) if item.charge_details.flat is not None else None
            found.setdefault(key, set()).add(group)
        flat = {key: group for key, groups in found.items() if len(groups) == 1 and (group := next(iter(groups)))}
        return cls(frozenset(export.groups), flat)


def _base_of(piece: _Piece, export: Export, findings: Findings) -> list[AssociatedResource]:
    item = piece.item
    if piece.key in export.resources:
        return export.resources[piece.key]
    size = item.association_size
    if size == 0:
        return []
    findings.complete(
        _subject(item),
        item.arn,
        f"What its percentage is taken of was not given ({'an unknown number of' if size is None else size} associated "
        "resources); it is imported as a percentage of the group's charges, without flat items (G3).",
        f"Import again with the answer of list-resources-associated-to-custom-line-item --arn {item.arn}.",
    )
    return [AssociatedResource.model_validate({"Arn": item.billing_group_arn})]


def _written(
    finished: list[tuple[_Piece, list[_Piece]]], ids: Mapping[str, str]
) -> tuple[list[dict[str, str]], list[tuple[str, str]]]:
    """Return rows and (id, ARN): an item's first range has the item's id, later ones have their start added."""
    names: dict[tuple[str, date], str] = {}
    seen: set[str] = set()
    taken = set(ids.values())
    for piece, _ in finished:
        name = ids[piece.key]
        if piece.key in seen:
            name += f"-{piece.start:%Y-%m}"
            while name in taken:
                name += f"-{piece.key}"
            taken.add(name)
        seen.add(piece.key)
        names[piece.key, piece.start] = name
    rows = [
        {
            **piece.row,
            "custom_line_item_id": names[piece.key, piece.start],
            "associated_item_ids": "|".join(names[item.key, item.start] for item in base),
            "start_period": f"{piece.start:%Y-%m}",
            "end_period": "" if piece.end is None else f"{piece.end:%Y-%m}",
        }
        for piece, base in finished
    ]
    return rows, [(names[piece.key, piece.start], piece.item.arn) for piece, _ in finished]
