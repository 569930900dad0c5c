"""What an import did, what is left to do by hand, and what our configuration cannot say.

What is here: ``Finding``, ``Findings`` to collect them, and ``ImportReport`` with its forms: lines, Markdown, JSON.
When to add here: another part of the report.
What does not belong here: the decision what is imported and how.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["POLICIES", "REPORT_FILE", "Finding", "Findings", "ImportReport"]

REPORT_FILE = "IMPORT_REPORT.md"

POLICIES: dict[str, tuple[str, str]] = {
    "commitment_policy": ("owner_group", "the benefit of a commitment stays in the group that owns it (RS2)"),
    "upfront_policy": ("pass", "the owner's group pays what its commitments cost (RS4)"),
    "support_policy": ("withhold", "pro forma bills leave AWS Support out (F1)"),
    "bundled_discount_policy": ("pass_through", "bundled discounts are public prices (F2)"),
    "negotiated_discount_policy": ("withhold", "pro forma bills leave non-public discounts out (F2)"),
    "aws_credit_policy": ("withhold", "pro forma bills leave AWS credits out (F3)"),
    "refund_policy": ("withhold", "AWS does not say that refunds are in pro forma bills (F4)"),
    "tax_policy": ("none", "pro forma bills leave tax out (T1)"),
}
"""Column of billing_terms.csv -> value for every imported group, and why. The free tier is by the plan."""

_GENERAL_DIFFERENCES = (
    "Billing Conductor applies commitments anew inside each group. Chargehouse keeps the benefit that AWS gave where "
    "owner and usage are in one group; other covered usage is on-demand, the rest of a commitment its owner's (RS2).",
    "Billing Conductor counts volume tiers and free tier per group; Chargehouse where a price list is loaded (R8).",
    "Descriptions of groups, plans and rules, names and e-mail addresses of accounts, product codes of custom line "
    "items and times have no place in the configuration and are not kept. Groups and prices begin with the first "
    "imported period, whatever they were before.",
)


@dataclass(frozen=True)
class Finding:
    """One thing a person must look at.

    Attributes:
        subject: what it is about, such as ``pricing rule spring-sale``.
        arn: its ARN; None where it is about the whole import.
        why: what is the matter, as a sentence.
        what_to_do: what the user should do, as a sentence.
    """

    subject: str
    arn: str | None
    why: str
    what_to_do: str

    def __str__(self) -> str:
        return f"{self.subject}{f' ({self.arn})' if self.arn else ''}: {self.why} {self.what_to_do}"


@dataclass
class Findings:
    """Collects what the parts of an import find: things to complete by hand, and things without counterpart."""

    to_complete: list[Finding] = field(default_factory=list)
    no_counterpart: list[Finding] = field(default_factory=list)

    def complete(self, subject: str, arn: str | None, why: str, what_to_do: str) -> None:
        """Add something that was imported as far as it was known."""
        self.to_complete.append(Finding(subject, arn, why, what_to_do))

    def lacks(self, subject: str, arn: str | None, why: str, what_to_do: str) -> None:
        """Add something that our configuration cannot say, or not exactly."""
        self.no_counterpart.append(Finding(subject, arn, why, what_to_do))


@dataclass(frozen=True)
class ImportReport:
    """What one import did.

    Attributes:
        folder: the folder that holds the files.
        start_period: first billing period that is imported, ``YYYY-MM``.
        rows: file stem -> how many rows were written, in the order of the contract.
        ids: ids by ARN, as (file stem, id, ARN).
        to_complete: what the user must fill in or check.
        no_counterpart: what was left out, or is only nearly the same.
        configuration_problems: what the configuration loader finds in the written files.
    """

    folder: Path
    start_period: str
    rows: Mapping[str, int]
    ids: tuple[tuple[str, str, str], ...]
    to_complete: tuple[Finding, ...]
    no_counterpart: tuple[Finding, ...]
    configuration_problems: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return everything in types that JSON knows."""
        return {
            "folder": str(self.folder),
            "start_period": self.start_period,
            "imported": dict(self.rows),
            "ids": [{"file": f"{name}.csv", "id": own, "arn": arn} for name, own, arn in self.ids],
            "complete_this": [vars(finding) for finding in self.to_complete],
            "no_counterpart": [vars(finding) for finding in self.no_counterpart],
            "configuration_problems": list(self.configuration_problems),
        }

    def lines(self) -> Iterator[str]:
        """Yield the report for a terminal, without the ids."""
        yield f"Imported into {self.folder}, from billing period {self.start_period} on:"
        yield from (f"  {count:>6} {name}.csv" for name, count in self.rows.items())
        sections = (
            ("Complete this", self.to_complete),
            ("No counterpart", self.no_counterpart),
            ("Mend before the first run", self.configuration_problems),
        )
        for title, entries in sections:
            if entries:
                yield f"{title} ({len(entries)}):"
                yield from (f"  - {entry}" for entry in entries)
        yield f"Reasons and ids: {self.folder / REPORT_FILE}"

    def markdown(self) -> str:
        """Return the whole report, which is kept beside the files."""
        return "\n".join([*self._markdown_lines(), ""])

    def _markdown_lines(self) -> Iterator[str]:
        yield "# Import from AWS Billing Conductor"
        yield ""
        yield f"From billing period {self.start_period} on. Chargehouse does not read this page."
        yield from ("", "## Imported", "", "| file | rows |", "|---|---|")
        yield from (f"| {name}.csv | {count} |" for name, count in self.rows.items())
        yield from ("", "## Complete this", "")
        yield from self._markdown_findings(self.to_complete)
        yield from ("", "## No counterpart", "")
        yield from self._markdown_findings(self.no_counterpart)
        yield from ("", "## Mend before the first run", "")
        yield from [f"- {_cell(problem)}" for problem in self.configuration_problems] or [
            "Nothing: the files can be read as they are."
        ]
        yield from (
            "",
            "## How groups are billed",
            "",
            "As Billing Conductor does, as far as rows of the report allow:",
        )
        yield from ("", "| billing_terms.csv | value | because |", "|---|---|---|")
        yield from (f"| {column} | {value} | {why} |" for column, (value, why) in POLICIES.items())
        yield "| free_tier_policy | by the plan | a rule for all services can switch the free tier off (R1) |"
        yield ""
        yield from (f"- {text}" for text in _GENERAL_DIFFERENCES)
        yield from ("", "## Ids", "", "| file | id | ARN |", "|---|---|---|")
        yield from (f"| {name}.csv | {own} | {arn} |" for name, own, arn in self.ids)

    @staticmethod
    def _markdown_findings(findings: tuple[Finding, ...]) -> Iterator[str]:
        if not findings:
            yield "Nothing."
            return
        yield from ("| what | ARN | why | what to do |", "|---|---|---|---|")
        for finding in findings:
            cells = (finding.subject, finding.arn or "", finding.why, finding.what_to_do)
            yield f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
