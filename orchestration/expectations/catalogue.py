"""The closed list of checks, read from ``checks.toml``; the one place that says what a check means and who acts.

What is here: the records, reading them, and the page of documentation made from them (`make docs`).
When to add here: a new fact about every check; a new check is a section of ``checks.toml`` and an expectation or SQL.
What does not belong here: how a check is made (suites, dbt tests) and what it found (``results``).
"""

import csv
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from orchestration.settings import PROJECT_ROOT

__all__ = ["PAGE", "Check", "DefaultThreshold", "catalogue", "catalogue_page", "checks_of", "default_thresholds"]

PAGE = PROJECT_ROOT / "docs" / "data-quality.md"

_FOLDER = Path(__file__).parent
_TESTS = PROJECT_ROOT / "dbt_project" / "tests" / "singular"


@dataclass(frozen=True)
class Check:
    """One promise about the data.

    Attributes:
        check_id: ``<table>__<promise>``.
        layer: ``raw``, checked by Great Expectations, or ``dbt``.
        source: the suite, or the dbt test, that makes it.
        promise: what holds when it passes, as a sentence.
        severity: ``critical`` stops publishing, ``warning`` is shown.
        owner: who acts: ``operator``, ``engineer`` or ``finance``.
        meaning: what it means when it fails.
        remedy: what to do then.
    """

    check_id: str
    layer: str
    source: str
    promise: str
    severity: str
    owner: str
    meaning: str
    remedy: str

    @property
    def subject(self) -> str:
        """The table that the promise is about."""
        return self.source if self.layer == "raw" else self.check_id.partition("__")[0]


@dataclass(frozen=True)
class DefaultThreshold:
    """A limit as it stands where ``quality_thresholds.csv`` of a workspace does not say otherwise."""

    threshold: str
    value: str
    unit: str
    meaning: str


@cache
def catalogue() -> dict[str, Check]:
    """Return every check by its id, in the order in which data flows."""
    declared = tomllib.loads((_FOLDER / "checks.toml").read_text(encoding="utf-8"))
    return {check_id: _check(check_id, facts) for check_id, facts in declared.items()}


def _check(check_id: str, facts: dict[str, str]) -> Check:
    facts = dict(facts)
    suite, test = facts.pop("suite", None), facts.pop("test", None)
    return Check(check_id=check_id, layer="dbt" if suite is None else "raw", source=suite or test or "", **facts)


def checks_of(source: str) -> list[Check]:
    """Return the checks that a suite or dbt test makes."""
    return [check for check in catalogue().values() if check.source == source]


@cache
def default_thresholds() -> tuple[DefaultThreshold, ...]:
    """Return the limits that hold where a workspace sets none."""
    with (_FOLDER / "thresholds.csv").open(encoding="utf-8", newline="") as file:
        return tuple(DefaultThreshold(**row) for row in csv.DictReader(file))


_INTRODUCTION = """\
# Data quality

Every check of a run, what it means when it fails, and what to do. This page is written from the declarations by
`make docs`.

A run checks twice. Great Expectations checks what AWS and operators send, before anything is built; dbt's tests check
the sums between the layers, after. **Critical** checks stop the run: nothing is published, and the pages go on showing
the numbers of the run before, beside the failed checks. **Warnings** are published with the numbers. The page Quality
shows each failed check with its owner, what to do, and up to 20 of the rows that fail; `chargehouse status` lists them.

Checks of rows run on a profile: one row per delivery and account, service, type, invoice or hour, with counts and exact
sums. It is made when a delivery is new, and kept: the next delivery is compared with it, and neither is read again.
Rows that come twice are looked for in every delivery of up to `duplicate_rows` rows, and beyond that among the rows
that cost `duplicate_cost` or more.

The run writes Great Expectations' own report (Data Docs) to `warehouse/data_docs/`; the page Quality shows it.
"""

_NOT_CHECKED = """\
## Not checked, and why
- *Unblended cost = rate x quantity*: blended family rates, tiers and the free tier make it false on sound rows.
- *Blended total = unblended total*: true within rounding only, and no amount here reads blended cost.
- *Cost Explorer*: needs AWS's programming interface at another time than the delivery was written. Totals of AWS's
  invoices are compared where `aws_invoices.csv` holds them.
"""

_TITLES = {
    "deliveries": "Deliveries",
    "cur_line_items": "Rows AWS sent",
    "delivery_drift": "Deliveries against those before them",
}


def catalogue_page() -> str:
    """Return the page as Markdown: a table per suite and dbt test, and the thresholds."""
    sources = dict.fromkeys(check.source for check in catalogue().values())
    parts = [_INTRODUCTION]
    for source in sources:
        title = _TITLES.get(source, f"dbt test `{source}`")
        parts.append(f"## {title}\n\n| check | severity | owner | when it fails | what to do |\n|---|---|---|---|---|")
        parts += [
            f"| {check.promise}<br>`{check.check_id}` | {check.severity} | {check.owner} | {check.meaning} "
            f"| {check.remedy} |"
            for check in checks_of(source)
        ]
        parts.append("")
    parts.append(
        "## Thresholds\n\nThese hold unless [quality_thresholds.csv](configuration.md) of the workspace says "
        "otherwise, for all payers or one, from one period to another.\n\n"
        "| threshold | default | unit | meaning |\n|---|---|---|---|"
    )
    parts += [
        f"| `{limit.threshold}` | {limit.value} | {limit.unit} | {limit.meaning} |" for limit in default_thresholds()
    ]
    return "\n".join([*parts, "", _NOT_CHECKED])


if __name__ == "__main__":
    PAGE.write_text(catalogue_page(), encoding="utf-8")
