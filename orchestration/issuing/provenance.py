"""What a document was made from, and why a correction differs from it (D1, D5).

What is here: the configuration rows that matter to a billing group, and the comparison of frozen with current origins.
When to add here: another input that can change a group's charges.
What does not belong here: amounts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from itertools import product
from typing import Any

from orchestration.configuration.fingerprint import period_digest, rows_in_force
from orchestration.configuration.intervals import month_interval
from orchestration.configuration.schema import FILE_BY_NAME, FILES, Configuration, Row
from orchestration.planning import code_digest

__all__ = ["Delivery", "Origins", "PeriodSources", "cause_of_difference", "current_code_version"]


_MAX_NAMED = 3
_FROM_ELSEWHERE = "No delivery or configuration of its own: AWS's price lists, or groups that it shares costs with"

_FROM_OTHER_MONTHS = (
    "No delivery and no configuration of it has changed; an amount from another month has, such as what is left of a "
    "customer credit"
)

# The rate holds for ever (I2) and nothing more is drawn on credits (K4): they move no issued amount.
_FIXED_AT_ISSUE = frozenset({"fx_rates", "credits"})


@dataclass(frozen=True, order=True)
class Delivery:
    """One delivery of AWS.

    Attributes:
        payer_account_id: whose.
        delivery_key: which.
        fingerprint: of its files.
    """

    payer_account_id: str
    delivery_key: str
    fingerprint: str


@dataclass(frozen=True)
class Origins:
    """What a draft was made from.

    Attributes:
        deliveries: the current deliveries of the payers that the group's charges come from.
        configuration: by file name, the rows that matter to the group in the period, cells as text.
        configuration_digest: of everything in the configuration that can affect the period.
        code_version: of models and ingest.
        run_id: the run that built the draft.
    """

    deliveries: tuple[Delivery, ...]
    configuration: Mapping[str, list[dict[str, str]]]
    configuration_digest: str
    code_version: str
    run_id: str


class PeriodSources:
    """Everything that the drafts of one period were made from, looked up by billing group.

    Args:
        configuration: what the period was built from.
        billing_period: first day of the month.
        delivered: what the period is billed from now, of every payer.
        code_version: of models and ingest.
        run_id: the run that built the period.
    """

    def __init__(
        self,
        configuration: Configuration,
        billing_period: date,
        delivered: Sequence[Delivery],
        code_version: str,
        run_id: str,
    ) -> None:
        month = month_interval(billing_period)
        self._in_force = {schema.name: list(rows_in_force(configuration, schema, month)) for schema in FILES}
        self._digest = period_digest(configuration, billing_period)
        self._delivered = delivered
        self._code_version = code_version
        self._run_id = run_id
        self._indexes: dict[tuple[str, ...], dict[tuple[str, ...], list[Row]]] = {}

    def origins(
        self, billing_group_id: str, deliveries: Iterable[Delivery], issued: Sequence[Mapping[str, Any]] = ()
    ) -> Origins:
        """Return what the draft of a group was made from.

        Args:
            billing_group_id: the group.
            deliveries: those that its charges come from.
            issued: contents of its documents so far. A correction goes to the customer of the first (D4), and a group
                that has nothing of a payer any more depends on what that payer delivers now all the same.
        """
        parties = {f"{party}_id": issued[0][party][f"{party}_id"] for party in ("customer", "issuer")} if issued else {}
        last = issued[-1]["provenance"]["deliveries"] if issued else []
        payers = {delivery["payer_account_id"] for delivery in last}
        return Origins(
            deliveries=tuple(
                sorted({*deliveries, *(found for found in self._delivered if found.payer_account_id in payers)})
            ),
            configuration=self.configuration_rows(billing_group_id, parties),
            configuration_digest=self._digest,
            code_version=self._code_version,
            run_id=self._run_id,
        )

    def configuration_rows(
        self, billing_group_id: str, parties: Mapping[str, str] | None = None
    ) -> dict[str, list[dict[str, str]]]:
        """Return the rows that matter to a group, by file name; files without such a row are left out.

        Rows are those in force in the month: of the group itself, its customer and issuer, its terms, their plans and
        rules, and the shared costs that it bears. Tax classes, exchange rates and settings matter to every group.
        """
        wanted: dict[str, set[str]] = {"billing_group_id": {billing_group_id}}
        for name, file, column, by in _FOLLOWED:
            wanted[name] = (
                {parties[name]}
                if parties and name in parties
                else {str(getattr(row, column)) for row in self._rows(file, (by,), wanted)}
            )
        found = {
            FILE_BY_NAME[file].file: [_shown(file, row) for row in self._rows(file, columns, wanted)]
            for file, columns in _DECIDED_BY.items()
        }
        return {file: rows for file, rows in found.items() if rows}

    def _rows(self, file: str, columns: tuple[str, ...], wanted: Mapping[str, set[str]]) -> list[Row]:
        """Return the rows of a file whose columns hold wanted values; from an index, for there are many groups."""
        key = (file, *columns)
        if key not in self._indexes:
            index: dict[tuple[str, ...], list[Row]] = {}
            for row in self._in_force[file]:
                index.setdefault(tuple(str(getattr(row, column)) for column in columns), []).append(row)
            self._indexes[key] = index
        return [
            row
            for values in product(*(sorted(wanted[column]) for column in columns))
            for row in self._indexes[key].get(values, [])
        ]


_FOLLOWED = (
    ("customer_id", "billing_groups", "customer_id", "billing_group_id"),
    ("issuer_id", "billing_groups", "issuer_id", "billing_group_id"),
    ("customer_country_code", "customers", "country_code", "customer_id"),
    ("issuer_country_code", "issuers", "country_code", "issuer_id"),
    ("pricing_plan_id", "billing_terms", "pricing_plan_id", "billing_group_id"),
    ("support_plan_id", "billing_terms", "support_plan_id", "billing_group_id"),
    ("pricing_rule_id", "pricing_rules", "pricing_rule_id", "pricing_plan_id"),
    ("shared_cost_rule_id", "shared_cost_targets", "shared_cost_rule_id", "billing_group_id"),
)
"""What leads from a group to the rows that matter to it: a name, and the file, column and key that it is read by."""

_DECIDED_BY: dict[str, tuple[str, ...]] = {
    "settings": (),
    "issuers": ("issuer_id",),
    "customers": ("customer_id",),
    "billing_groups": ("billing_group_id",),
    "account_assignments": ("billing_group_id",),
    "billing_terms": ("billing_group_id",),
    "pricing_plans": ("pricing_plan_id",),
    "pricing_rules": ("pricing_plan_id",),
    "pricing_rule_tiers": ("pricing_rule_id",),
    "custom_line_items": ("billing_group_id",),
    "shared_cost_rules": ("shared_cost_rule_id",),
    # All targets of a rule: their weights decide the group's part too.
    "shared_cost_targets": ("shared_cost_rule_id",),
    "minimum_commitments": ("billing_group_id",),
    "support_plans": ("support_plan_id",),
    "support_plan_tiers": ("support_plan_id",),
    "credits": ("billing_group_id",),
    "tax_rates": ("issuer_country_code", "customer_country_code"),
    "tax_classes": (),
    "tax_exemptions": ("customer_id",),
    "fx_rates": (),
}


def _shown(file: str, row: Row) -> dict[str, str]:
    return {name: column.show(getattr(row, name)) for name, column in FILE_BY_NAME[file].columns.items()}


def current_code_version() -> str:
    """Return the version of models and ingest, as documents name it."""
    return f"{version('chargehouse')}+{code_digest()[:16]}"


def cause_of_difference(frozen: Mapping[str, Any], current: Origins, *, is_issued: bool = True) -> str:
    """Return in words why the current numbers differ from the issued ones (D5), or from approved ones (D1).

    Args:
        frozen: ``provenance`` of the newest document of the group and period, or the origins that were approved.
        current: what the current draft is made from.
        is_issued: whether the frozen numbers were issued: exchange rates and credits move no issued amount.
    """
    causes = [
        *_restatements({Delivery(**delivery) for delivery in frozen["deliveries"]}, set(current.deliveries)),
        *_configuration_changes(
            frozen["configuration"], current.configuration, _FIXED_AT_ISSUE if is_issued else frozenset()
        ),
    ]
    if not causes and frozen["code_version"] != current.code_version:
        causes = ["Calculation: another version of the billing rules"]
    return "; ".join(causes) or (_FROM_ELSEWHERE if is_issued else _FROM_OTHER_MONTHS)


def _restatements(before: set[Delivery], now: set[Delivery]) -> list[str]:
    new = sorted(now - before)
    payers = {delivery.payer_account_id for delivery in new}
    gone = [delivery for delivery in sorted(before - now) if delivery.payer_account_id not in payers]
    return [
        *(f"Restatement by AWS: delivery {found.delivery_key} of payer {found.payer_account_id}" for found in new),
        *(f"Delivery {lost.delivery_key} of payer {lost.payer_account_id} is gone" for lost in gone),
    ]


def _configuration_changes(
    before: Mapping[str, Sequence[Mapping[str, str]]],
    now: Mapping[str, Sequence[Mapping[str, str]]],
    fixed: frozenset[str],
) -> list[str]:
    changes = []
    for schema in FILES:
        if schema.name in fixed:
            continue
        old = _by_key(schema.key, before.get(schema.file, ()))
        new = _by_key(schema.key, now.get(schema.file, ()))
        changed = [
            f"{key} {'added' if key not in old else 'taken out' if key not in new else 'changed'}"
            for key in sorted(old.keys() | new.keys())
            if old.get(key) != new.get(key)
        ]
        if changed:
            more = f" and {len(changed) - _MAX_NAMED} more" if len(changed) > _MAX_NAMED else ""
            changes.append(f"Configuration: {schema.file}, {', '.join(changed[:_MAX_NAMED])}{more}")
    return changes


def _by_key(key: Sequence[str], rows: Sequence[Mapping[str, str]]) -> dict[str, list[Mapping[str, str]]]:
    found: dict[str, list[Mapping[str, str]]] = {}
    for row in rows:
        found.setdefault("/".join(filter(None, (row.get(column, "") for column in key))), []).append(row)
    return found
