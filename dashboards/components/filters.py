"""What the reader has chosen: period and group for every page, and the filters of the charges.

What is here: pickers, the choice they stand for, and addresses of pages with a choice in them.
When to add here: another picker.
What does not belong here: what a choice finds; that is a query.

Every choice is kept in the address, as the text the picker shows, so that a page can be bookmarked and sent
to somebody.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import streamlit as st

from dashboards import queries, strings
from dashboards.publication import Publication
from dashboards.queries import (
    BillingGroup,
    BillingPeriod,
    ChargeFilter,
    ChargeOption,
    ChargeSort,
    Grouping,
)

__all__ = [
    "ChargeChoice",
    "Selection",
    "address",
    "charge_filters",
    "choose_selection",
    "labels",
    "selection",
]

_SELECTION = "selection"


@dataclass(frozen=True)
class Selection:
    """What a page shows: one version of the published file, one month, one group or all (None)."""

    publication: Publication
    period: BillingPeriod
    group: BillingGroup | None

    @property
    def group_id(self) -> str | None:
        """The group's id, None for all groups."""
        return self.group.billing_group_id if self.group else None

    @property
    def period_name(self) -> str:
        """The month as people say it."""
        return strings.month(self.period.billing_period)

    @property
    def group_name(self) -> str:
        """The group's name, or that all are meant."""
        return self.group.billing_group_name if self.group else strings.ALL_GROUPS


def labels(names: Mapping[str, str]) -> dict[str, str]:
    """Return a label for each id: its name, with the id where the name is empty or not the only such one."""
    used = Counter(names.values())
    return {
        key: name if name and used[name] == 1 else f"{name} ({key})".strip() if name else key
        for key, name in names.items()
    }


def choose_selection(publication: Publication, *, group_used: bool) -> Selection | None:
    """Draw the period and group pickers and return what they say; None when no period is published.

    Args:
        publication: the version to choose from.
        group_used: whether the page can be narrowed to a group; if not, the picker only keeps its value.
    """
    periods = queries.billing_periods(publication)
    if not periods:
        return None
    groups = queries.billing_groups(publication)
    by_month = {strings.month(period.billing_period): period for period in periods}
    group_labels = labels({group.billing_group_id: group.billing_group_name for group in groups})
    by_label: dict[str, BillingGroup | None] = {
        strings.ALL_GROUPS: None,
        **{group_labels[group.billing_group_id]: group for group in groups},
    }
    left, right = st.columns([2, 3], gap="small")
    month = left.selectbox(strings.PERIOD, list(by_month), key="period", bind="query-params")
    group = right.selectbox(
        strings.GROUP,
        list(by_label),
        key="group",
        bind="query-params",
        disabled=not group_used,
        help=None if group_used else strings.GROUP_NOT_USED,
    )
    chosen = Selection(publication=publication, period=by_month[month], group=by_label[group])
    st.session_state[_SELECTION] = chosen
    return chosen


def selection() -> Selection:
    """Return what the frame's pickers say; pages run after them."""
    chosen: Selection = st.session_state[_SELECTION]
    return chosen


def address(page: str, chosen: Selection, *, group: str | None = None, **filters: Sequence[str]) -> str:
    """Return the address of a page, relative to any other page, with a choice in it.

    Args:
        page: a page's title.
        chosen: period and group to keep.
        group: name of another group to show instead.
        filters: more choices by the key of their picker, as the texts that it shows.
    """
    groups = queries.billing_groups(chosen.publication)
    names = labels({each.billing_group_id: each.billing_group_name for each in groups})
    group_id = group or chosen.group_id
    choice: dict[str, Sequence[str]] = {"period": [chosen.period_name]}
    if group_id in names:
        choice["group"] = [names[group_id]]
    path = "./" if page == strings.OVERVIEW else page.lower().replace(" ", "_")
    return f"{path}?{urlencode({**choice, **filters}, doseq=True)}"


@dataclass(frozen=True)
class ChargeChoice:
    """Which charges, added up by what, in which order.

    Attributes:
        filter: what the query needs.
        grouping: what to add up by.
        sort: what comes first.
        picked: the same filters as the pickers show them, for addresses.
        options: what each picker offers: values by label.
    """

    filter: ChargeFilter
    grouping: Grouping
    sort: ChargeSort
    picked: Mapping[str, Sequence[str]]
    options: Mapping[str, Mapping[str, str]]


_CHARGE_KEYS = ("account", "service", "charge_type", "treatment", "search")


def _clear_charge_filters() -> None:
    for key in _CHARGE_KEYS:
        st.session_state[key] = "" if key == "search" else []


def option_labels(options: Iterable[ChargeOption], kind: str) -> dict[str, str]:
    """Return the values of one kind by the label that a picker shows for them, in order of the labels."""
    words = {"charge_type": strings.CHARGE_TYPES, "treatment": strings.TREATMENTS}.get(kind, {})
    found = {
        option.value: option.name or (strings.of(words, option.value) if words else "")
        for option in options
        if option.kind == kind
    }
    if kind in {"account", "service"}:
        # People look for either, and an account's name may change: the id is always there.
        shown = {
            f"{name} ({value})" if name else value or strings.EMPTY_VALUES[kind]: value for value, name in found.items()
        }
    else:
        shown = {label: value for value, label in labels(found).items()}
    return dict(sorted(shown.items(), key=lambda item: item[0].lower()))


def charge_filters(chosen: Selection) -> ChargeChoice:
    """Draw the filters of the charges and return what they say."""
    options = queries.charge_options(chosen.publication, chosen.period.billing_period, chosen.group_id)
    titles = {
        "account": strings.ACCOUNT,
        "service": strings.SERVICE,
        "charge_type": strings.CHARGE_TYPE,
        "treatment": strings.TREATMENT,
    }
    offered = {kind: option_labels(options, kind) for kind in titles}
    picked: dict[str, list[str]] = {}
    with st.container(border=True, key="charge_filters"):
        for column, (kind, title) in zip(st.columns(4, gap="small"), titles.items(), strict=True):
            picked[kind] = column.multiselect(
                title, list(offered[kind]), key=kind, bind="query-params", placeholder=strings.EVERYTHING
            )
        groupings = {strings.GROUPINGS[grouping.value]: grouping for grouping in Grouping}
        sorts = {strings.SORTS[sort.value]: sort for sort in ChargeSort}
        search_column, group_column, sort_column, clear_column = st.columns(
            [2, 1, 1, 1], gap="small", vertical_alignment="bottom"
        )
        search = search_column.text_input(
            strings.SEARCH,
            key="search",
            bind="query-params",
            help=strings.SEARCH_HELP,
            icon=":material/search:",
        )
        grouping = group_column.selectbox(
            strings.GROUP_BY,
            list(groupings),
            index=list(groupings.values()).index(Grouping.SERVICE),
            key="by",
            bind="query-params",
        )
        sort = sort_column.selectbox(strings.SORT_BY, list(sorts), key="sort", bind="query-params")
        clear_column.button(
            strings.CLEAR_FILTERS,
            key="charges_clear",
            on_click=_clear_charge_filters,
            disabled=not (search or any(picked.values())),
            width="stretch",
        )

    def values(kind: str) -> tuple[str, ...]:
        return tuple(offered[kind][label] for label in picked[kind])

    return ChargeChoice(
        filter=ChargeFilter(
            period=chosen.period.billing_period,
            group=chosen.group_id,
            accounts=values("account"),
            services=values("service"),
            charge_types=values("charge_type"),
            treatments=values("treatment"),
            search=search,
        ),
        grouping=groupings[grouping],
        sort=sorts[sort],
        picked={**picked, "search": [search]} if search else picked,
        options=offered,
    )
